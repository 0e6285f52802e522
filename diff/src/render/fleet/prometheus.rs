//! A fleet's report for the textfile collector of Prometheus' node_exporter.

use std::fmt::Write;

use super::words;
use crate::fleet::Fleet;
use crate::fleet::moves::Verdict;

/// Metrics `cpuid_diff_fleet_*`.
#[must_use]
pub fn render(fleet: &Fleet) -> String {
    let mut out = String::new();
    let mut metric = |name: &str, help: &str, values: Vec<(String, String)>| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP cpuid_diff_fleet_{name} {help}\n# TYPE cpuid_diff_fleet_{name} gauge");
        for (labels, value) in values {
            let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            let _ = writeln!(out, "cpuid_diff_fleet_{name}{labels} {value}");
        }
    };
    let one = |value: usize| vec![(String::new(), value.to_string())];
    metric("exit_code", "0 as asked, 1 not so, 2 trouble", one(fleet.exit_code().into()));
    metric("hosts", "Hosts that the report rests on", one(fleet.hosts.len()));
    metric("classes", "Classes of hosts whose offers agree", one(fleet.classes.len()));
    metric("partial_hosts", "Hosts that were captured in part", one(fleet.partial_hosts()));
    let problems = fleet.problems.iter().map(|p| {
        let host = p.host.as_deref().or(p.file.as_deref()).unwrap_or_default();
        (format!("host=\"{}\",what=\"{}\"", label(host), label(&p.what)), "1".to_string())
    });
    metric("problem", "Something is missing, stale, unreadable or contradictory", problems.collect());
    let drift = fleet.drift.iter().map(|d| (format!("host=\"{}\"", label(&d.host)), d.changes.len().to_string()));
    metric("changed", "What changed on a host since the older fleet", drift.collect());
    let pools = fleet.recommendation().map(|p| (p.pools.len(), p.loss));
    metric("pools", "Pools to make", pools.map(|(k, _)| (String::new(), k.to_string())).into_iter().collect());
    metric(
        "loss",
        "What all hosts give up in them",
        pools.map(|(_, l)| (String::new(), l.to_string())).into_iter().collect(),
    );
    let vms = words::vms(fleet).into_iter();
    let vms = vms.map(|(vm, _, pools)| (format!("vm=\"{}\"", label(vm)), pools.len().to_string()));
    metric("vm_pools", "Pools that take a VM", vms.collect());
    let pairs = words::pairs(fleet);
    let moves = [Verdict::Safe, Verdict::Review, Verdict::Unsafe, Verdict::Unknown].map(|verdict| {
        let n = pairs.iter().filter(|(.., step)| step.verdict == verdict).count();
        (format!("verdict=\"{}\"", verdict.word()), n.to_string())
    });
    metric("moves", "Moves between classes", moves.into());
    out
}

/// A label's value.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
