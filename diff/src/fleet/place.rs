//! Where VMs may run: for each class, whether a VM starts with everything promised, and where it may move from there.

use std::collections::BTreeMap;

use cpuid_probe::Place;

use super::Fleet;
use super::facts::Host;
use super::moves::Move;
use super::offer::{Offer, Statement, name};
use super::vm::{Vm, word};
use super::waivers::{self, Accepted, Waivers};
use crate::check::check_beside;
use crate::cpu_map::CpuMap;
use crate::finding::Finding;
use crate::knowledge::{Knowledge, Row, RuleKind, Severity};
use crate::list;
use crate::view::clock::Clocks;
use crate::view::dump::PHYS_BITS;

/// Whether a VM starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starts {
    /// With everything promised.
    Yes,
    /// A running guest may come there: what it loses, the site's policy accepts, all of it.
    Waived,
    /// Not, or not with everything.
    No,
    /// What decides is not known.
    Unknown,
}

impl Starts {
    /// Whether it runs there, be it by a waiver.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        matches!(self, Self::Yes | Self::Waived)
    }

    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Waived => "waived",
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
    /// The classes that it may move to by a waiver alone.
    pub moves_by_waiver: Vec<usize>,
    /// What the site's policy accepts: of its start there, and of its moves from there.
    pub waived: Vec<Accepted>,
    /// Something keeps it from moving anywhere, or may keep it: to another host of its class too.
    pub stays: bool,
    /// The host gives it something of its own, which it would not find on another class where it starts.
    pub is_hosts_own: bool,
}

/// Every VM on every class.
pub(super) fn place(fleet: &Fleet, vms: &[Vm], waivers: &mut Waivers<'_>, knowledge: &Knowledge) -> Vec<Placement> {
    let mut placements = Vec::new();
    for vm in vms {
        let all: Vec<usize> = (0..fleet.classes.len()).collect();
        let plain: Vec<usize> =
            all.iter().copied().filter(|on| starts_on(fleet, vm, *on, knowledge).0 == Starts::Yes).collect();
        let starts: Vec<_> = all.iter().map(|on| start(fleet, vm, *on, &plain, waivers, knowledge)).collect();
        for (class, (here, why, waived)) in starts.iter().enumerate() {
            let (mut why, mut waived) = (why.clone(), waived.clone());
            // A VM whose CPU is each host's own starts nowhere for sure, and so moves nowhere.
            let may = |to: &usize| *to != class && *here != Starts::No && starts[*to].0.is_accepted();
            let (mut moves_to, mut moves_by_waiver) = (Vec::new(), Vec::new());
            let mut kept: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for to in (0..fleet.classes.len()).filter(may) {
                // What is accepted of its coming there need not be of its coming there from here.
                let arrives = starts[to].0 != Starts::Waived
                    || start(fleet, vm, to, &[class], waivers, knowledge).0 == Starts::Waived;
                if !arrives {
                    kept.entry("no waiver is for moves there from here".to_string()).or_default().push(to);
                    continue;
                }
                let (what, accepted) = keeps(fleet, vm, [class, to], waivers, knowledge);
                let by_waiver = !accepted.is_empty() || starts[to].0 == Starts::Waived;
                waived.extend(accepted.into_iter().filter(|one| !waived.contains(one)).collect::<Vec<_>>());
                match what {
                    Some(what) => kept.entry(what).or_default().push(to),
                    None if !vm.stays.is_empty() => {}
                    None if by_waiver => moves_by_waiver.push(to),
                    None => moves_to.push(to),
                }
            }
            if *here != Starts::No {
                why.extend(vm.stays.iter().cloned());
            }
            why.extend(kept.iter().map(|(what, to)| {
                let hosts = super::hosts_in_words(&fleet.names_of(to, NAMED), fleet.count(to), NAMED);
                format!("it does not move to {hosts}: {what}")
            }));
            placements.push(Placement {
                vm: vm.name.clone(),
                class,
                starts: *here,
                why,
                moves_to,
                moves_by_waiver,
                waived,
                stays: !vm.stays.is_empty(),
                is_hosts_own: vm.own_width.is_some() && !kept.is_empty(),
            });
        }
    }
    placements
}

/// Whether a VM starts on a class without any waiver, and why not.
fn starts_on(fleet: &Fleet, vm: &Vm, class: usize, knowledge: &Knowledge) -> (Starts, Vec<String>) {
    let group = &fleet.classes[class];
    starts(&group.class.offer, &fleet.hosts_of(group), vm, knowledge)
}

/// Whether a VM starts on a class, why not, and what of that is accepted where it comes from one of the classes `from`. A
/// definition's promises are the host's libvirt's to refuse; a guest that runs can come there without what it has.
fn start(
    fleet: &Fleet,
    vm: &Vm,
    class: usize,
    from: &[usize],
    waivers: &mut Waivers<'_>,
    knowledge: &Knowledge,
) -> (Starts, Vec<String>, Vec<Accepted>) {
    let group = &fleet.classes[class];
    let (offer, hosts) = (&group.class.offer, fleet.hosts_of(group));
    let (plain, why) = starts(offer, &hosts, vm, knowledge);
    let elsewhere = vm.vendor.is_some() && vm.vendor != offer.vendor;
    if plain != Starts::No || vm.definition.is_some() || elsewhere {
        return (plain, why, Vec::new());
    }
    let lacks = lacks(offer, vm, knowledge).into_iter().map(|place| (place, Severity::Unsafe));
    let is_meant = |names: &[String]| waivers::is_for_arrival(names, fleet, &vm.name, from, class);
    let (accepted, _) = waivers.look(lacks, &is_meant);
    if accepted.is_empty() {
        return (plain, why, accepted);
    }
    let mut rest = vm.clone();
    rest.needs.retain(|place, _| accepted.iter().all(|one| one.place != Some(*place)));
    match starts(offer, &hosts, &rest, knowledge) {
        (Starts::Yes, why) => (Starts::Waived, why, accepted),
        (other, why) => (other, why, accepted),
    }
}

/// What keeps a running VM from moving from one class to another on which it starts, and what of that is accepted.
fn keeps(
    fleet: &Fleet,
    vm: &Vm,
    classes: [usize; 2],
    waivers: &mut Waivers<'_>,
    knowledge: &Knowledge,
) -> (Option<String>, Vec<Accepted>) {
    let [from, to] = classes.map(|class| &fleet.classes[class].class.offer);
    let step = fleet.step(classes[0], classes[1]);
    let kept = |vm: &Vm| changes(vm, from, to, knowledge).or_else(|| hazards(vm, step, to, knowledge));
    let what = kept(vm);
    if what.is_none() {
        return (what, Vec::new());
    }
    let lost = vm.left_to_hosts.iter().filter(|place| is_lost(**place, from, to));
    let gained = new_hazards(vm, &step.review, to, knowledge);
    let places = lost.map(|place| (*place, Severity::Unsafe));
    let places = places.chain(gained.into_iter().map(|place| (place, Severity::Warning)));
    let is_meant = |names: &[String]| waivers::is_for(names, fleet, classes) || names == [vm.name.as_str()];
    let (accepted, _) = waivers.look(places, &is_meant);
    if accepted.is_empty() {
        return (what, accepted);
    }
    let mut rest = vm.clone();
    let those: Vec<Place> = accepted.iter().filter_map(|one| one.place).collect();
    rest.left_to_hosts.retain(|place| !those.contains(place));
    rest.hazards.extend(those);
    (kept(&rest), accepted)
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
            (Some(0), _) => {}
            (Some(_), Some(_)) if is_lost(*place, from, to) => lost.push(name(*place, knowledge)),
            (Some(_), Some(_)) => {}
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

/// One has it and the other has not.
fn is_lost(place: Place, from: &Offer, to: &Offer) -> bool {
    matches!((from.at(place), to.at(place)), (Some(a), Some(b)) if a & !b != 0)
}

/// Of these places, the hazards that a running VM was not shown. What a list of names of the destination has no
/// name for is left to the matrix of moves: no such list could ever say it.
fn new_hazards(vm: &Vm, places: &[Place], to: &Offer, knowledge: &Knowledge) -> Vec<Place> {
    let is_shown = |place: &Place| vm.hazards.contains(place) || vm.needs.contains_key(place);
    let has_no_name = |place: &Place| matches!(to.places.get(place), Some(Statement::Unknown(why)) if !why.is_gap());
    let places = places.iter().copied().filter(|place| knowledge.row(*place).accumulates() && !is_shown(place));
    places.filter(|place| !has_no_name(place)).collect()
}

/// The hazards that a running VM was not shown, and that it would come to, or may.
fn hazards(vm: &Vm, step: &Move, to: &Offer, knowledge: &Knowledge) -> Option<String> {
    let those = |places: &[Place]| super::names(&new_hazards(vm, places, to, knowledge), knowledge);
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

/// Whether what a host has is as much as a VM needs.
fn is_enough(row: &Row, own: u64, needed: u64) -> bool {
    match row.rule {
        RuleKind::NotLess => own >= needed,
        RuleKind::NotGreater => own <= needed,
        RuleKind::Subset | RuleKind::Hazard => own & needed == needed,
        _ => own == needed,
    }
}

/// The places of which an offer has less than a VM needs.
fn lacks(offer: &Offer, vm: &Vm, knowledge: &Knowledge) -> Vec<Place> {
    let has_less = |(place, value): &(&Place, &u64)| {
        offer.at(**place).is_some_and(|own| !is_enough(&knowledge.row(**place), own, **value))
    };
    vm.needs.iter().filter(has_less).map(|(place, _)| *place).collect()
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
        match offer.at(*place) {
            Some(own) if is_enough(&row, own, *value) => {}
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
    pools_that_take(fleet, vm, true)
}

/// Those of them that take it by a waiver alone.
#[must_use]
pub fn pools_by_waiver(fleet: &Fleet, vm: &str) -> Vec<usize> {
    let without = pools_that_take(fleet, vm, false);
    pools_of(fleet, vm).into_iter().filter(|pool| !without.contains(pool)).collect()
}

fn pools_that_take(fleet: &Fleet, vm: &str, waivers: bool) -> Vec<usize> {
    let of: Vec<&Placement> = fleet.placements.iter().filter(|p| p.vm == vm).collect();
    let holds = |classes: &[usize]| {
        // Where a pool is one host, nothing shows that guests are alike that take of each host its own.
        let alone = fleet.count(classes) == 1;
        classes.iter().all(|class| {
            let here = of.iter().find(|p| p.class == *class);
            here.is_some_and(|p| {
                let kept = p.stays || alone && p.is_hosts_own;
                let starts = p.starts == Starts::Yes || waivers && p.starts == Starts::Waived;
                let moves = |to: &usize| p.moves_to.contains(to) || waivers && p.moves_by_waiver.contains(to);
                starts && !kept && classes.iter().all(|to| to == class || moves(to))
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
