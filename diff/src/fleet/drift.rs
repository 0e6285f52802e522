//! Drift: what changed on each host since an older fleet, with the provenance beside it, and who loses a destination.

use std::collections::{BTreeMap, BTreeSet};

use cpuid_probe::Place;

use super::facts::{Class, Facts, Host};
use super::guest;
use super::offer::{Offer, Reason, Statement, name};
use super::place::{self, Starts};
use super::prepare::stem;
use super::says::Says;
use super::{Asked, Fleet, moves};
use crate::decode;
use crate::knowledge::Knowledge;
use crate::view::clock::Clocks;

/// What changed on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The host.
    pub host: String,
    /// Places, with the values before and after, in words; or that it is new, or gone.
    pub changes: Vec<String>,
    /// What changed beside them: kernel, microcode, QEMU, libvirt, machine type.
    pub provenance: Vec<String>,
    /// Pools and VMs that can no longer move to it.
    pub lost_destinations: Vec<String>,
    /// VMs and pools that now can.
    pub gained_destinations: Vec<String>,
}

/// Every host that is not as it was, by name.
#[must_use]
pub fn drift(fleet: &Fleet, since: Facts, asked: &Asked, knowledge: &Knowledge) -> Vec<Drift> {
    let plain = Asked { pools: None, keep: asked.keep.clone(), ..Asked::default() };
    let before = super::fleet(since, &plain, knowledge);
    let old: BTreeMap<&str, &Host> = before.hosts.iter().map(|host| (stem(&host.name), host)).collect();
    let new: BTreeMap<&str, &Host> = fleet.hosts.iter().map(|host| (stem(&host.name), host)).collect();
    let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let is_left_out = |name: &str| asked.without.iter().any(|wanted| super::prepare::is_meant(wanted, name));
    let mut found = Vec::new();
    for key in names.into_iter().filter(|name| !is_left_out(name)) {
        let (was, is) = (old.get(key), new.get(key));
        let class = |fleet: &Fleet, host: &Host| fleet.classes[host.class].class.clone();
        let (a, b) = (was.map(|host| class(&before, host)), is.map(|host| class(fleet, host)));
        let mut changes = match (&a, &b) {
            (Some(a), Some(b)) if a.offer == b.offer => Vec::new(),
            (Some(a), Some(b)) => changes(&a.offer, &b.offer, knowledge),
            (Some(_), None) => vec!["is gone".to_string()],
            _ => vec!["is new".to_string()],
        };
        let mut provenance = Vec::new();
        if let (Some(was), Some(is)) = (was, is) {
            // Of guests the accelerator is a fact of their own.
            changes.extend(kind(was, is).into_iter().filter(|change| !changes.contains(change)).collect::<Vec<_>>());
            for (what, of, with) in [("no longer says", was, is), ("now says", is, was)] {
                // Another kind of capture says other things of the same host, and an older report may say nothing.
                let alike = was.source == is.source && *was.says != Says::default();
                let only = if alike { of.says.beyond(&with.says) } else { Vec::new() };
                changes.extend((!only.is_empty()).then(|| format!("{what}: {}", crate::list::first(&only, 8))));
            }
            changes.extend(clock(was, is));
            provenance = provenance_of(was, is);
        }
        if changes.is_empty() {
            continue;
        }
        let (lost, gained) =
            destinations(&before, [was.copied(), is.copied()], [a.as_ref(), b.as_ref()], asked, knowledge);
        let host = is.or(was).map_or_else(|| key.to_string(), |host| host.name.to_string());
        found.push(Drift { host, changes, provenance, lost_destinations: lost, gained_destinations: gained });
    }
    found
}

/// The places that changed: bits that went and came, numbers.
fn changes(a: &Offer, b: &Offer, knowledge: &Knowledge) -> Vec<String> {
    let places: BTreeSet<Place> = a.places.keys().chain(b.places.keys()).copied().collect();
    let (mut lost, mut gained, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let mut unknown: BTreeMap<Reason, Vec<String>> = BTreeMap::new();
    let mut known: Vec<String> = Vec::new();
    if a.vendor != b.vendor {
        let vendor = |o: &Offer| o.vendor.clone().unwrap_or_else(|| "not known".to_string());
        others.push(format!("vendor {} -> {}", vendor(a), vendor(b)));
    }
    for place in places.into_iter().filter(|place| a.places.get(place) != b.places.get(place)) {
        let (row, what) = (knowledge.row(place), name(place, knowledge));
        match (a.at(place), b.at(place)) {
            (Some(from), Some(to)) if row.bits.is_one() => {
                if from > to {
                    lost.push(what)
                } else {
                    gained.push(what)
                }
            }
            (Some(from), Some(to)) => {
                let value = |v: u64| decode::value(&row, v).unwrap_or_else(|| v.to_string());
                others.push(format!("{what} {} -> {}", value(from), value(to)));
            }
            (_, None) => {
                if let Some(Statement::Unknown(reason)) = b.places.get(&place) {
                    unknown.entry(*reason).or_default().push(what);
                }
            }
            (None, Some(_)) => known.push(what),
        }
    }
    let facts: BTreeSet<&String> = a.facts.keys().chain(b.facts.keys()).collect();
    for fact in facts.into_iter().filter(|fact| a.facts.get(*fact) != b.facts.get(*fact)) {
        if fact == guest::EACH {
            continue;
        }
        let said = |offer: &Offer| offer.facts.get(fact).cloned().unwrap_or_else(|| "not said".to_string());
        others.push(format!("{fact} {} -> {}", said(a), said(b)));
    }
    for (what, of, with) in [("has no longer", a, b), ("has now", b, a)] {
        let only = of.leaves.difference(&with.leaves).map(|id| Place::Leaf { block: None, id: *id }.to_string());
        let only: Vec<String> = only.collect();
        if !only.is_empty() {
            others.push(format!("{what} {}", super::hosts_in_words(&only, only.len(), 8)));
        }
    }
    let mut said = Vec::new();
    said.extend((!lost.is_empty()).then(|| format!("lost {}", lost.join(" "))));
    said.extend((!gained.is_empty()).then(|| format!("gained {}", gained.join(" "))));
    said.extend(others);
    for (reason, names) in unknown {
        said.push(format!("no longer known ({}): {}", reason.word(), super::hosts_in_words(&names, names.len(), 8)));
    }
    said.extend((!known.is_empty()).then(|| format!("now known: {}", super::hosts_in_words(&known, known.len(), 8))));
    if said.is_empty() && a.facts.get(guest::EACH) != b.facts.get(guest::EACH) {
        said.push("its vCPUs have other ids, or do not have what they have on the same vCPUs".to_string());
    }
    // Whatever differs is a change, though nobody wrote a sentence for it.
    said.extend((said.is_empty() && a != b).then(|| "changed in something that has no name here".to_string()));
    said
}

/// What a host's file shows, and what made its CPU: another one answers for other guests. What was not said before is no
/// change.
fn kind(was: &Host, is: &Host) -> Vec<String> {
    let accel = |host: &Host| host.accel.as_deref().map(str::to_string);
    let pairs = [
        ("role", Some(was.role.word().to_string()), Some(is.role.word().to_string())),
        ("accelerator", accel(was), accel(is)),
    ];
    let differ = pairs.into_iter().filter(|(_, a, b)| a.is_some() && a != b);
    let said = |value: Option<String>| value.unwrap_or_else(|| "not said".to_string());
    differ.map(|(what, a, b)| format!("{what} {} -> {}", said(a), said(b))).collect()
}

fn clock(was: &Host, is: &Host) -> Option<String> {
    let a = was.tsc_khz?;
    let Some(b) = is.tsc_khz else { return Some(format!("TSC {a} kHz -> not said")) };
    let clocks = Clocks::of(a, b);
    (!clocks.within_tolerance()).then(|| format!("TSC {a} kHz -> {b} kHz ({:.0} ppm)", clocks.ppm()))
}

fn provenance_of(was: &Host, is: &Host) -> Vec<String> {
    let pairs = [
        ("kernel", &was.kernel, &is.kernel),
        ("microcode", &was.microcode, &is.microcode),
        ("QEMU", &was.qemu, &is.qemu),
        ("libvirt", &was.libvirt, &is.libvirt),
        ("machine type", &was.machine, &is.machine),
    ];
    let said = |text: &Option<String>| text.as_deref().unwrap_or("not said").to_string();
    let differ = pairs.into_iter().filter(|(_, a, b)| a != b);
    let mut found: Vec<String> = differ.map(|(what, a, b)| format!("{what} {} -> {}", said(a), said(b))).collect();
    if was.source != is.source {
        found.push(format!("captured another way: {} -> {}", was.source, is.source));
    }
    found
}

/// Which pools of the older fleet and which VMs lose or gain a host as a destination.
fn destinations(
    before: &Fleet,
    [was, is]: [Option<&Host>; 2],
    [a, b]: [Option<&Class>; 2],
    asked: &Asked,
    knowledge: &Knowledge,
) -> (Vec<String>, Vec<String>) {
    let (mut lost, mut gained) = (Vec::new(), Vec::new());
    if let (Some(was), Some(pools)) = (was, before.recommendation()) {
        for (i, pool) in pools.pools.iter().enumerate().filter(|(_, pool)| pool.classes.contains(&was.class)) {
            let holds =
                b.is_some_and(|b| moves::judge(&pool.offer, &b.offer, knowledge).verdict != moves::Verdict::Unsafe);
            if !holds {
                lost.push(format!("pool {} of {} hosts, as it was", i + 1, pool.hosts));
            }
        }
    }
    for vm in &asked.vms {
        let runs = |host: Option<&Host>, class: Option<&Class>| {
            let (Some(host), Some(class)) = (host, class) else { return false };
            place::starts(&class.offer, &[host], vm, knowledge).0 == Starts::Yes
        };
        match (runs(was, a), runs(is, b)) {
            (true, false) => lost.push(format!("VM {}", vm.name)),
            (false, true) => gained.push(format!("VM {}", vm.name)),
            _ => {}
        }
    }
    (lost, gained)
}
