//! A fleet's report as JUnit XML: one test case a host, one a VM, and one for the fleet as a whole.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::words;
use crate::fleet::Fleet;
use crate::render::html::escape;

/// One test case, and why it fails.
struct Case {
    class: &'static str,
    name: String,
    failures: Vec<String>,
    /// It could not be answered.
    error: bool,
}

/// `<testsuite>`.
#[must_use]
pub fn render(fleet: &Fleet) -> String {
    let mut problems: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut others = Vec::new();
    for problem in &fleet.problems {
        match &problem.host {
            Some(host) => problems.entry(host).or_default().push(words::problem(problem)),
            None => others.push(words::problem(problem)),
        }
    }
    let mut cases = Vec::new();
    for host in &fleet.hosts {
        let mut failures = problems.remove(&*host.name).unwrap_or_default();
        let error = !failures.is_empty();
        if fleet.classes[host.class].is_partial() {
            failures.push("captured in part".to_string());
        }
        let drift = fleet.drift.iter().find(|d| *d.host == *host.name);
        failures.extend(drift.map(|d| format!("changed: {} [{}]", d.changes.join("; "), d.provenance.join("; "))));
        cases.push(Case { class: "host", name: host.name.to_string(), failures, error });
    }
    // What is missing or could not be read is a case too.
    for (host, failures) in problems {
        cases.push(Case { class: "host", name: host.to_string(), failures, error: true });
    }
    for drift in fleet.drift.iter().filter(|d| !fleet.hosts.iter().any(|host| *host.name == *d.host)) {
        cases.push(Case { class: "host", name: drift.host.clone(), failures: drift.changes.clone(), error: false });
    }
    for (vm, placements, pools) in words::vms(fleet) {
        let failures = if pools.is_empty() {
            let why = |p: &&crate::fleet::place::Placement| {
                format!("{}: {} {}", words::hosts(fleet, &[p.class], 4), p.starts.word(), p.why.join("; "))
            };
            placements.iter().map(why).collect()
        } else {
            Vec::new()
        };
        cases.push(Case { class: "vm", name: vm.to_string(), failures, error: false });
    }
    let error = !others.is_empty();
    if fleet.exit_code() == 1 && cases.iter().all(|case| case.failures.is_empty()) {
        others.push(words::answer(fleet));
    }
    cases.push(Case { class: "fleet", name: "the fleet as a whole".to_string(), failures: others, error });
    let errors = cases.iter().filter(|c| c.error).count();
    let failed = cases.iter().filter(|c| !c.error && !c.failures.is_empty()).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"cpuid-diff fleet\" tests=\"{}\" failures=\"{failed}\" \
         errors=\"{errors}\">\n",
        cases.len()
    );
    for Case { class, name, failures, error } in &cases {
        // Writing to a String cannot fail.
        let _ = write!(out, "  <testcase classname=\"{class}\" name=\"{}\"", escape(name));
        let Some(first) = failures.first() else {
            out.push_str("/>\n");
            continue;
        };
        let what = if *error { "error" } else { "failure" };
        let _ = write!(
            out,
            ">\n    <{what} message=\"{}\">{}</{what}>\n  </testcase>\n",
            escape(first),
            escape(&failures.join("\n"))
        );
    }
    let _ = writeln!(out, "  <system-out>{}</system-out>\n</testsuite>", escape(&words::headline(fleet)));
    out
}
