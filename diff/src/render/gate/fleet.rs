//! What `fleet` answers: one case a host, one a VM, and one for the fleet as a whole.

use std::collections::{BTreeMap, BTreeSet};

use super::{Case, Gate, Metric, Outcome};
use crate::fleet::moves::Verdict;
use crate::fleet::place::{self, Placement};
use crate::fleet::{Drift, Fleet};
use crate::render::fleet::words;

/// The answer of a fleet.
#[must_use]
pub fn fleet(fleet: &Fleet) -> Gate {
    Gate {
        command: "fleet",
        exit_code: fleet.exit_code(),
        answer: words::headline(fleet),
        cases: cases(fleet),
        metrics: metrics(fleet),
    }
}

fn cases(fleet: &Fleet) -> Vec<Case> {
    let mut problems: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut others = Vec::new();
    for problem in &fleet.problems {
        match &problem.host {
            Some(host) => problems.entry(host).or_default().push(words::problem(problem)),
            None => others.push(words::problem(problem)),
        }
    }
    let case = |kind, name: String, file, said: Vec<String>, trouble| {
        let outcome = if trouble { Outcome::Trouble } else { Outcome::of(said.is_empty()) };
        Case { kind, name, file, outcome, said }
    };
    let drift: BTreeMap<&str, &Drift> = fleet.drift.iter().map(|d| (d.host.as_str(), d)).collect();
    let changed = |d: &Drift| {
        let provenance =
            if d.provenance.is_empty() { String::new() } else { format!(" [{}]", d.provenance.join("; ")) };
        let lost = d.lost_destinations.iter().map(|lost| format!("; no longer a destination for {lost}"));
        format!("changed: {}{provenance}{}", d.changes.join("; "), lost.collect::<String>())
    };
    let mut cases = Vec::new();
    for host in &fleet.hosts {
        let mut said = problems.remove(&*host.name).unwrap_or_default();
        let trouble = !said.is_empty();
        if fleet.classes[host.class].is_partial() {
            said.push("captured in part".to_string());
        }
        said.extend(drift.get(&*host.name).map(|d| changed(d)));
        cases.push(case("host", host.name.to_string(), Some(host.file.to_string()), said, trouble));
    }
    // What is missing or could not be read is a case too, and so is a host that is gone.
    let there: BTreeSet<&str> = fleet.hosts.iter().map(|host| &*host.name).collect();
    let mut gone = drift;
    gone.retain(|name, _| !there.contains(name));
    for (host, mut said) in problems {
        said.extend(gone.remove(host).map(changed));
        cases.push(case("host", host.to_string(), None, said, true));
    }
    for (host, drift) in gone {
        cases.push(case("host", host.to_string(), None, vec![changed(drift)], false));
    }
    for (vm, placements, pools) in words::vms(fleet) {
        let why = |p: &&Placement| {
            format!("{}: {} {}", words::hosts(fleet, &[p.class], 4), p.starts.word(), words::why_placed(p))
        };
        let said = if pools.is_empty() { placements.iter().map(why).collect() } else { Vec::new() };
        cases.push(case("vm", vm.to_string(), None, said, false));
    }
    let trouble = !others.is_empty();
    if fleet.exit_code() != 0 && others.is_empty() && cases.iter().all(|case| case.outcome == Outcome::Passed) {
        others.push(words::answer(fleet));
    }
    cases.push(case("fleet", "the fleet as a whole".to_string(), None, others, trouble));
    cases
}

fn metrics(fleet: &Fleet) -> Vec<Metric> {
    let one = |name, help, value: usize| Metric { name, help, values: vec![(Vec::new(), value as u64)] };
    let problems = fleet.problems.iter().map(|p| {
        let of = |text: &Option<String>| text.clone().unwrap_or_default();
        (vec![("host", of(&p.host)), ("file", of(&p.file)), ("what", p.what.clone())], 1)
    });
    let drift = fleet.drift.iter().map(|d| (vec![("host", d.host.clone())], d.changes.len() as u64));
    let by_waiver = words::vms(fleet).into_iter();
    let by_waiver =
        by_waiver.map(|(vm, ..)| (vec![("vm", vm.to_string())], place::pools_by_waiver(fleet, vm).len() as u64));
    let vms = words::vms(fleet).into_iter();
    let vms = vms.map(|(vm, _, pools)| (vec![("vm", vm.to_string())], pools.len() as u64));
    let pairs = words::pairs(fleet);
    let moves = Verdict::ALL.map(|verdict| {
        let n = pairs.iter().filter(|(.., step)| step.verdict == verdict).count();
        (vec![("verdict", verdict.word().to_string())], n as u64)
    });
    let mut metrics = vec![
        one("hosts", "Hosts that the report rests on", fleet.hosts.len()),
        one("classes", "Classes of hosts whose offers agree", fleet.classes.len()),
        one("partial_hosts", "Hosts that were captured in part", fleet.partial_hosts()),
        one("problems", "How much is missing, stale, unreadable or contradictory", fleet.problems.len()),
        Metric {
            name: "problem",
            help: "What is missing, stale, unreadable or contradictory",
            values: problems.collect(),
        },
        Metric { name: "changed", help: "What changed on a host since the older fleet", values: drift.collect() },
        Metric { name: "vm_pools", help: "Pools that take a VM", values: vms.collect() },
        Metric {
            name: "vm_pools_by_waiver",
            help: "Those of them that take it by a waiver alone",
            values: by_waiver.collect(),
        },
        Metric { name: "moves", help: "Moves between classes", values: moves.into() },
    ];
    if let Some(taken) = fleet.recommendation() {
        metrics.push(one("pools", "Pools to make", taken.pools.len()));
        metrics.push(Metric {
            name: "loss",
            help: "What all hosts give up in them",
            values: vec![(Vec::new(), taken.loss)],
        });
    }
    metrics
}
