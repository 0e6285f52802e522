//! Where VMs may run: for each class, whether a VM starts with everything promised, and where it may move from there.

use std::collections::BTreeMap;

use cpuid_probe::Place;

use super::Fleet;
use super::facts::Host;
use super::moves::Move;
use super::offer::{Offer, Statement, name};
use super::vm::{Vm, word};
use crate::check::check_beside;
use crate::cpu_map::CpuMap;
use crate::finding::Finding;
use crate::knowledge::{Knowledge, RuleKind};
use crate::list;
use crate::view::clock::Clocks;
use crate::view::dump::PHYS_BITS;

/// Whether a VM starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starts {
    /// With everything promised.
    Yes,
    /// Not, or not with everything.
    No,
    /// What decides is not known.
    Unknown,
}

impl Starts {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// A VM on one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// What the user calls the VM.
    pub vm: String,
    /// Index into [`Fleet::classes`].
    pub class: usize,
    /// Whether it starts there.
    pub starts: Starts,
    /// Why not, or what is not known.
    pub why: Vec<String>,
    /// The classes that it may move to from there.
    pub moves_to: Vec<usize>,
    /// Something keeps it from moving anywhere, or may keep it: to another host of its class too.
    pub stays: bool,
    /// The host gives it something of its own, which it would not find on another class where it starts.
    pub is_hosts_own: bool,
}

/// Every VM on every class.
#[must_use]
pub fn place(fleet: &Fleet, vms: &[Vm], knowledge: &Knowledge) -> Vec<Placement> {
    let mut placements = Vec::new();
    for vm in vms {
        let starts: Vec<(Starts, Vec<String>)> = fleet
            .classes
            .iter()
            .map(|group| starts(&group.class.offer, &fleet.hosts_of(group), vm, knowledge))
            .collect();
        for (class, (start, why)) in starts.iter().enumerate() {
            let mut why = why.clone();
            // A VM whose CPU is each host's own starts nowhere for sure, and so moves nowhere.
            let may = |to: &usize| *to != class && *start != Starts::No && starts[*to].0 == Starts::Yes;
            let mut moves_to = Vec::new();
            let mut kept: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            let offer = |class: usize| &fleet.classes[class].class.offer;
            for to in (0..fleet.classes.len()).filter(may) {
                let changed = changes(vm, offer(class), offer(to), knowledge);
                match changed.or_else(|| hazards(vm, fleet.step(class, to), offer(to), knowledge)) {
                    Some(what) => kept.entry(what).or_default().push(to),
                    None if vm.stays.is_empty() => moves_to.push(to),
                    None => {}
                }
            }
            if *start != Starts::No {
                why.extend(vm.stays.iter().cloned());
            }
            why.extend(kept.iter().map(|(what, to)| {
                let hosts = super::hosts_in_words(&fleet.names_of(to, NAMED), fleet.count(to), NAMED);
                format!("it does not move to {hosts}: {what}")
            }));
            placements.push(Placement {
                vm: vm.name.clone(),
                class,
                starts: *start,
                why,
                moves_to,
                stays: !vm.stays.is_empty(),
                is_hosts_own: vm.own_width.is_some() && !kept.is_empty(),
            });
        }
    }
    placements
}

/// So many hosts a reason names.
const NAMED: usize = 3;

/// What changes under a running VM that each host decides on, where it moves from one class to another: that it has here
/// and not there, or that nobody knows.
///
/// # Source
/// QEMU 7.2 target/i386/host-cpu.c (`host_cpu_adjust_phys_bits`: the destination's own width, whatever the guest had),
/// target/i386/kvm/kvm-cpu.c (`kvm_cpu_instance_init`: the host's vendor).
fn changes(vm: &Vm, from: &Offer, to: &Offer, knowledge: &Knowledge) -> Option<String> {
    // KVM gives a guest its host's vendor, whatever the model.
    match (&from.vendor, &to.vendor) {
        (Some(a), Some(b)) if a == b => {}
        (Some(a), Some(b)) => return Some(format!("its vendor is each host's own, here {a} and there {b}")),
        _ => return Some("its vendor is each host's own, and not both say theirs".to_string()),
    }
    if let Some(most) = vm.own_width {
        let width = |offer: &Offer| offer.at(PHYS_BITS).filter(|bits| *bits > 0).map(|bits| bits.min(most.into()));
        match (width(from), width(to)) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) => {
                return Some(format!("its address width is each host's own, here {a} bits and there {b}"));
            }
            _ => return Some("its address width is each host's own, and not both say theirs".to_string()),
        }
    }
    let (mut lost, mut unknown) = (Vec::new(), Vec::new());
    for place in &vm.left_to_hosts {
        match (from.at(*place), to.at(*place)) {
            (Some(a), Some(b)) if a & !b == 0 => {}
            (Some(0), _) => {}
            (Some(_), Some(_)) => lost.push(name(*place, knowledge)),
            (None, Some(b)) if b != 0 => {}
            _ => unknown.push(name(*place, knowledge)),
        }
    }
    match (lost.is_empty(), unknown.is_empty()) {
        (false, _) => {
            Some(format!("its definition leaves {} to each host, which has it here and not there", lost.join(" ")))
        }
        (true, false) => Some(format!(
            "its definition leaves {} to each host, and not both say whether they have it",
            unknown.join(" ")
        )),
        (true, true) => None,
    }
}

/// The hazards that a running VM was not shown, and that it would come to, or may. What a list of names of the destination has no
/// name for is left to the matrix of moves: no such list could ever say it.
fn hazards(vm: &Vm, step: &Move, to: &Offer, knowledge: &Knowledge) -> Option<String> {
    let is_shown = |place: &Place| vm.hazards.contains(place) || vm.needs.contains_key(place);
    let has_no_name = |place: &Place| matches!(to.places.get(place), Some(Statement::Unknown(why)) if !why.is_gap());
    let those = |places: &[Place]| -> Vec<String> {
        let places = places.iter().filter(|place| knowledge.row(**place).accumulates() && !is_shown(place));
        places.filter(|place| !has_no_name(place)).map(|place| name(*place, knowledge)).collect()
    };
    let (gained, unknown) = (those(&step.review), those(&step.unknown));
    match (gained.is_empty(), unknown.is_empty()) {
        (false, _) => Some(format!("{} is there and not here, and its guest booted without it", gained.join(", "))),
        (true, false) => {
            Some(format!("it is not known whether {} is there, and its guest booted without it", unknown.join(", ")))
        }
        (true, true) => None,
    }
}

/// Whether a VM has all that it needs on each of these hosts, which offer the same.
#[must_use]
pub fn starts(offer: &Offer, hosts: &[&Host], vm: &Vm, knowledge: &Knowledge) -> (Starts, Vec<String>) {
    let (mut no, mut unknown) = on_offer(offer, vm, knowledge);
    let (broken, doubts) = beside(hosts.iter().copied(), vm, false, knowledge);
    no.extend(broken);
    unknown.extend(doubts);
    if let Some(wanted) = vm.tsc_khz {
        clock(hosts, wanted, &mut no, &mut unknown);
    }
    if let Some(open) = &vm.open {
        unknown.push(open.clone());
    }
    match (no.is_empty(), unknown.is_empty()) {
        (false, _) => (Starts::No, no),
        (true, false) => (Starts::Unknown, unknown),
        (true, true) => (Starts::Yes, Vec::new()),
    }
}

/// What an offer lacks of a VM's needs, and what it does not say.
pub(super) fn on_offer(offer: &Offer, vm: &Vm, knowledge: &Knowledge) -> (Vec<String>, Vec<String>) {
    let (mut no, mut unknown) = (Vec::new(), Vec::new());
    match (&vm.vendor, &offer.vendor) {
        (Some(wanted), Some(own)) if wanted != own => no.push(format!("it is for {wanted}, the host is {own}")),
        (Some(wanted), None) => unknown.push(format!("it is for {wanted}, and the host's vendor is not known")),
        _ => {}
    }
    let (mut lacks, mut silent) = (Vec::new(), Vec::new());
    for (place, value) in &vm.needs {
        let row = knowledge.row(*place);
        let enough = |own: u64| match row.rule {
            RuleKind::NotLess => own >= *value,
            RuleKind::NotGreater => own <= *value,
            RuleKind::Subset | RuleKind::Hazard => own & value == *value,
            _ => own == *value,
        };
        match offer.at(*place) {
            Some(own) if enough(own) => {}
            Some(own) if row.bits.is_one() || own == 0 => lacks.push(word(*place, &row, *value)),
            Some(own) => lacks.push(format!("{} (the host has {own})", word(*place, &row, *value))),
            None => silent.push(word(*place, &row, *value)),
        }
    }
    for place in &vm.forbids {
        match offer.at(*place) {
            Some(0) => {}
            Some(_) => no.push(format!("it forbids {}, which the host has", word(*place, &knowledge.row(*place), 1))),
            None => silent.push(format!("{} (forbidden)", word(*place, &knowledge.row(*place), 1))),
        }
    }
    let more = vm.beyond.iter().filter(|place| offer.at(**place).is_some_and(|own| own != 0));
    let more: Vec<String> = more.map(|place| name(*place, knowledge)).collect();
    if !more.is_empty() {
        no.push(format!("match='strict', and the host has more than it names: {}", list::first(&more, 8)));
    }
    // What the VM's dump does not say it may have, all of it. Lists of names that lack it are no answer: the VM runs already.
    let (mut of_vm, mut more, mut neither) = (Vec::new(), Vec::new(), Vec::new());
    for place in vm.unknown.iter().filter(|place| knowledge.row(**place).rule != RuleKind::Hazard) {
        let said = name(*place, knowledge);
        match offer.at(*place) {
            Some(0) => of_vm.push(said),
            Some(own) if !knowledge.row(*place).bits.is_one() => more.push(format!("{said} (the host has {own})")),
            Some(_) => {}
            None => neither.push(said),
        }
    }
    if !lacks.is_empty() {
        no.push(format!("the host lacks {}", lacks.join(" ")));
    }
    if !silent.is_empty() {
        unknown.push(format!("the host does not say {}", silent.join(" ")));
    }
    if !of_vm.is_empty() {
        unknown.push(format!("the VM's dump does not say {} of what the host lacks", of_vm.join(" ")));
    }
    if !more.is_empty() {
        unknown.push(format!("the VM's dump does not say how much it needs of {}", more.join(" ")));
    }
    if !neither.is_empty() {
        unknown.push(format!("neither the VM's dump nor the host says {}", neither.join(" ")));
    }
    (no, unknown)
}

/// What a VM promises beside features, held against each kind of host by `check`: what is broken, and what is in doubt.
/// Hosts are named where they are not all alike, or always.
pub(super) fn beside<'a>(
    hosts: impl Iterator<Item = &'a Host>,
    vm: &Vm,
    always: bool,
    knowledge: &Knowledge,
) -> (Vec<String>, Vec<String>) {
    let (mut no, mut unknown) = (Vec::new(), Vec::new());
    let mut kinds: BTreeMap<_, Vec<&Host>> = BTreeMap::new();
    for host in hosts {
        kinds.entry((&*host.says, host.machine.as_deref(), host.accel.as_deref())).or_default().push(host);
    }
    let named = always || kinds.len() > 1;
    for ((says, machine, accel), of) in kinds {
        let whose = |what: String| {
            let names: Vec<String> = of.iter().take(NAMED).map(|host| host.name.to_string()).collect();
            let hosts = super::hosts_in_words(&names, of.len(), NAMED);
            if named { format!("{what} ({hosts})") } else { what }
        };
        if let (Some(own), Some(given)) = (vm.accel, accel)
            && own != given
        {
            no.push(whose(format!("it runs under {}, and the host gives {}", accel_word(own), accel_word(given))));
        }
        let Some(definition) = &vm.definition else { continue };
        match check_beside(definition, &says.host(machine, accel, definition), CpuMap::newest(), knowledge) {
            Ok(checked) => {
                let broken = checked.findings.iter().filter(|finding| !finding.breaks.is_empty());
                no.extend(broken.map(|finding| whose(words(finding))));
                let doubts = checked.doubts.others.into_iter().chain(checked.doubts.unread);
                unknown.extend(doubts.map(whose));
            }
            Err(why) => unknown.push(whose(why.to_string())),
        }
    }
    (no, unknown)
}

fn accel_word(accel: &str) -> &'static str {
    if accel == "tcg" { "QEMU's emulation (TCG)" } else { "KVM" }
}

/// A broken promise in words.
fn words(finding: &Finding) -> String {
    let name = finding.name.as_deref().unwrap_or("a promise");
    match &finding.cause {
        Some(cause) => format!("{name}: {}", cause.trim_end_matches('.')),
        None => name.to_string(),
    }
}

/// Which hosts can run a TSC at the pinned rate.
fn clock(hosts: &[&Host], wanted: u64, no: &mut Vec<String>, unknown: &mut Vec<String>) {
    let (mut far, mut silent) = (Vec::new(), Vec::new());
    for host in hosts {
        match host.tsc_khz {
            None => silent.push(host.name.to_string()),
            Some(khz) => {
                let clocks = Clocks::of(khz, wanted);
                if !clocks.within_tolerance() {
                    far.push(format!("{} ({khz} kHz, {:.0} ppm away)", host.name, clocks.ppm()));
                }
            }
        }
    }
    if !far.is_empty() {
        no.push(format!(
            "its TSC is pinned to {wanted} kHz, which these hosts cannot give unless they scale it: {}",
            super::hosts_in_words(&far, far.len(), 8)
        ));
    }
    if !silent.is_empty() {
        unknown.push(format!(
            "its TSC is pinned to {wanted} kHz, and these hosts do not say their rate: {}",
            super::hosts_in_words(&silent, silent.len(), 8)
        ));
    }
}

/// The pools of the partition to take in which a VM starts and moves everywhere, by number.
#[must_use]
pub fn pools_of(fleet: &Fleet, vm: &str) -> Vec<usize> {
    let of: Vec<&Placement> = fleet.placements.iter().filter(|p| p.vm == vm).collect();
    let holds = |classes: &[usize]| {
        // Where a pool is one host, nothing shows that guests are alike that take of each host its own.
        let alone = fleet.count(classes) == 1;
        classes.iter().all(|class| {
            let here = of.iter().find(|p| p.class == *class);
            here.is_some_and(|p| {
                let kept = p.stays || alone && p.is_hosts_own;
                p.starts == Starts::Yes && !kept && classes.iter().all(|to| to == class || p.moves_to.contains(to))
            })
        })
    };
    let pools = fleet.recommendation().map(|p| p.pools.as_slice()).unwrap_or_default();
    pools.iter().enumerate().filter(|(_, pool)| holds(&pool.classes)).map(|(i, _)| i).collect()
}

/// Whether every VM starts on, and moves within, all of at least one pool.
#[must_use]
pub fn all_pass(fleet: &Fleet) -> bool {
    let mut vms: Vec<&str> = fleet.placements.iter().map(|p| p.vm.as_str()).collect();
    vms.dedup();
    vms.iter().all(|vm| !pools_of(fleet, vm).is_empty())
}
