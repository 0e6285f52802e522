//! What all forms of a fleet's report say alike.

use crate::fleet::facts::Problem;
use crate::fleet::moves::{Move, Verdict};
use crate::fleet::place::{self, Placement};
use crate::fleet::price::Price;
use crate::fleet::waivers::Accepted;
use crate::fleet::{Fleet, PoolCard, Pools, Update, hosts_in_words, isa, names};
use crate::knowledge::Knowledge;
use crate::list;
use crate::view::Role;

/// So many hosts a sentence names.
pub const HOSTS: usize = 8;

/// `1 host`, `2 hosts`.
#[must_use]
pub fn count(n: usize, one: &str) -> String {
    let many = match one.strip_suffix('s') {
        Some(stem) if one.ends_with("ss") => format!("{stem}ses"),
        _ => format!("{one}s"),
    };
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

/// What a person has to know first, in one line.
#[must_use]
pub fn headline(fleet: &Fleet) -> String {
    let knowledge = Knowledge::builtin();
    let mut parts = Vec::new();
    if fleet.emulated {
        parts.push("emulated: these are QEMU's emulated CPUs, which says nothing about guests under KVM".to_string());
    }
    if let [first, more @ ..] = fleet.problems.as_slice() {
        let problems = match more.len() {
            0 => format!("1 problem ({})", problem(first)),
            n => format!("{} problems, listed below", n + 1),
        };
        parts.push(format!("{problems}; what follows rests on {}", count(fleet.hosts.len(), "host")));
    }
    parts.extend(fleet.updates.iter().map(|u| update(fleet, u, knowledge)));
    parts.push(answer(fleet));
    parts.join("; ")
}

/// A host that an update makes like others.
fn update(fleet: &Fleet, u: &Update, knowledge: &Knowledge) -> String {
    let who = fleet.names_of(&[u.class], HOSTS);
    let n = fleet.count(&[u.class]);
    let have = fleet.names_of(&[u.like], 3);
    format!(
        "update {}: {} protections that {} {}: {}",
        hosts_in_words(&who, n, HOSTS),
        if n == 1 { "it lacks" } else { "they lack" },
        hosts_in_words(&have, fleet.count(&[u.like]), 3),
        if fleet.count(&[u.like]) == 1 { "has" } else { "have" },
        list::first(&names(&u.protections, knowledge), 12)
    )
}

/// What to do with the hosts, in one line.
#[must_use]
pub fn answer(fleet: &Fleet) -> String {
    if fleet.hosts.is_empty() {
        return "no hosts were read".to_string();
    }
    let of = format!("{} in {}", count(fleet.hosts.len(), "host"), count(fleet.classes.len(), "class"));
    let mut said = match (fleet.recommendation(), fleet.classes.len()) {
        _ if fleet.role == Role::Guest => {
            let pairs = pairs(fleet);
            let safe = pairs.iter().filter(|(.., step)| step.verdict == Verdict::Safe).count();
            match pairs.len() {
                0 => format!("{of}: guests of this definition read the same everywhere"),
                n => format!("{of}: guests of this definition may move in {safe} of {n} directions between classes"),
            }
        }
        (None, _) => format!("{of}: no pools; {}", fleet.why.as_deref().unwrap_or("nothing to put into one")),
        (Some(pools), _) if pools.pools.len() == 1 && pools.loss == 0 => {
            format!("{of}: one pool, and no host gives anything up")
        }
        (Some(pools), _) => {
            let what = if pools.loss == 0 { "and no host gives anything up" } else { "see what each host gives up" };
            let kept = if pools.kept { " (as they were)" } else { "" };
            match pools.pools.len() {
                1 => format!("{of}: one pool{kept}, {what}"),
                n => format!("{of}: guests move both ways only within each of {n} pools{kept}, {what}"),
            }
        }
    };
    let noted: Vec<String> = fleet.noted_pools().iter().map(|at| (at + 1).to_string()).collect();
    if !noted.is_empty() {
        let pools = if noted.len() == 1 { "pool" } else { "pools" };
        said += &format!("; look at the notes of {pools} {}", list::first(&noted, HOSTS));
    }
    for (hosts, why) in kept_guests(fleet) {
        said += &format!("; the guests on {hosts} move nowhere, or may not: {why}");
    }
    let hazards = hazards_that_differ(fleet);
    if !hazards.is_empty() {
        said += &format!("; hazards differ: {}", hazards.join(", "));
    }
    let partial = fleet.partial_hosts();
    if partial > 0 {
        said += &format!(
            "; {} partial",
            if partial == 1 { "1 capture is".to_string() } else { format!("{partial} captures are") }
        );
    }
    let failed = failed_vms(fleet);
    if !failed.is_empty() {
        said += &format!("; no pool takes {}", list::first(&failed, HOSTS));
    }
    let by_waiver = vms(fleet)
        .into_iter()
        .filter(|(vm, _, pools)| !pools.is_empty() && *pools == place::pools_by_waiver(fleet, vm));
    let by_waiver: Vec<String> = by_waiver.map(|(vm, ..)| vm.to_string()).collect();
    if !by_waiver.is_empty() {
        said += &format!("; by waiver alone a pool takes {}", list::first(&by_waiver, HOSTS));
    }
    match fleet.waived_moves() {
        0 => {}
        1 => said += "; 1 move is waived",
        n => said += &format!("; {n} moves are waived"),
    }
    // The first remark is the policy's use.
    if let [_, first, more @ ..] = fleet.policy.as_slice() {
        said += &format!("; {first}");
        if !more.is_empty() {
            said += &format!(", and {} on waivers in the notes", count(more.len(), "remark"));
        }
    }
    if fleet.compared {
        said += &match fleet.drift.len() {
            0 => "; nothing changed".to_string(),
            n => format!("; {} changed", count(n, "host")),
        };
    }
    said
}

/// Guests that something keeps from moving even to a host just like their own: where, and what.
#[must_use]
pub fn kept_guests(fleet: &Fleet) -> Vec<(String, String)> {
    let own = (0..fleet.classes.len()).map(|class| (class, fleet.step(class, class)));
    let kept = own.filter(|(_, step)| matches!(step.verdict, Verdict::Review | Verdict::Unsafe));
    let look =
        |step: &Move| names(&step.review, Knowledge::builtin()).into_iter().map(|name| format!("look at {name}"));
    let why = |step: &Move| step.other.iter().cloned().chain(look(step)).collect::<Vec<_>>().join("; ");
    kept.map(|(class, step)| (hosts(fleet, &[class], 3), why(step))).collect()
}

/// Hazards that some hosts of the fleet have and others have not, by name and who has them.
#[must_use]
pub fn hazards_that_differ(fleet: &Fleet) -> Vec<String> {
    let knowledge = Knowledge::builtin();
    let mut all: Vec<_> = fleet.classes.iter().flat_map(|c| c.hazards.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    let mut said = Vec::new();
    for place in all {
        let (mut have, mut not) = (Vec::new(), 0);
        for (i, class) in fleet.classes.iter().enumerate() {
            if class.class.offer.at(place) == Some(0) || class.class.offer.at(place).is_none() {
                not += 1;
            } else {
                have.push(i);
            }
        }
        if not > 0 {
            let who = hosts_in_words(&fleet.names_of(&have, 3), fleet.count(&have), 3);
            said.push(format!("{} ({who})", names(&[place], knowledge).concat()));
        }
    }
    said
}

/// VMs that no pool takes.
#[must_use]
pub fn failed_vms(fleet: &Fleet) -> Vec<String> {
    let mut vms: Vec<&str> = fleet.placements.iter().map(|p| p.vm.as_str()).collect();
    vms.dedup();
    vms.into_iter().filter(|vm| place::pools_of(fleet, vm).is_empty()).map(str::to_string).collect()
}

/// Ordered pairs of classes, and the move between them.
#[must_use]
pub fn pairs(fleet: &Fleet) -> Vec<(usize, usize, &Move)> {
    let n = fleet.classes.len();
    let all = (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).filter(|(a, b)| a != b);
    all.map(|(a, b)| (a, b, fleet.step(a, b))).collect()
}

/// A problem in one line.
#[must_use]
pub fn problem(problem: &Problem) -> String {
    match (&problem.host, &problem.file) {
        (Some(host), Some(file)) if host != file && !file.ends_with(host.as_str()) => {
            format!("{host} ({file}): {}", problem.what)
        }
        (Some(_), Some(name)) | (Some(name), None) | (None, Some(name)) => format!("{name}: {}", problem.what),
        (None, None) => problem.what.clone(),
    }
}

/// What is lost in a move, or why it is not safe, in words.
#[must_use]
pub fn why(step: &Move, most: usize) -> String {
    let knowledge = Knowledge::builtin();
    let mut said = Vec::new();
    said.extend(step.other.iter().cloned());
    if !step.loses.is_empty() {
        let lost = names(&step.loses, knowledge);
        said.push(format!("loses {}", hosts_in_words(&lost, lost.len(), most)));
    }
    said.extend(step.numbers.iter().map(|(place, a, b)| format!("{} {a} → {b}", names(&[*place], knowledge).concat())));
    if !step.review.is_empty() {
        let review = names(&step.review, knowledge);
        said.push(format!("the destination has {}", hosts_in_words(&review, review.len(), most)));
    }
    if !step.unknown.is_empty() {
        let unknown = names(&step.unknown, knowledge);
        said.push(format!("not known: {}", hosts_in_words(&unknown, unknown.len(), most)));
    }
    said.extend(accepted(&step.waived));
    said.join("; ")
}

/// What the site's policy accepts, by reason: `waived (no guest here profiles; until 2027-03-31): ds, dtes64`.
#[must_use]
pub fn accepted(waived: &[Accepted]) -> Vec<String> {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    for one in waived {
        let until = one.waived.expires.as_ref().map_or_else(String::new, |day| format!("; until {day}"));
        let why = format!("waived ({}{until})", one.waived.reason);
        match found.iter_mut().find(|(known, _)| *known == why) {
            Some((_, names)) => names.push(&one.name),
            None => found.push((why, vec![&one.name])),
        }
    }
    found.into_iter().map(|(why, names)| format!("{why}: {}", names.join(", "))).collect()
}

/// Why a VM does not start on a class, what keeps it there, and what of that is accepted.
#[must_use]
pub fn why_placed(placement: &Placement) -> String {
    placement.why.iter().cloned().chain(accepted(&placement.waived)).collect::<Vec<_>>().join("; ")
}

/// Where a VM may move: `A B; by waiver C`.
#[must_use]
pub fn moves_to(placement: &Placement) -> String {
    let plain = (!placement.moves_to.is_empty()).then(|| letters(&placement.moves_to));
    let waived =
        (!placement.moves_by_waiver.is_empty()).then(|| format!("by waiver {}", letters(&placement.moves_by_waiver)));
    plain.into_iter().chain(waived).collect::<Vec<_>>().join("; ")
}

/// Which pools take a VM.
#[must_use]
pub fn takes(fleet: &Fleet, vm: &str, pools: &[usize]) -> String {
    let waived = place::pools_by_waiver(fleet, vm);
    let name = |pool: &usize| format!("{}{}", pool + 1, if waived.contains(pool) { " (by waiver)" } else { "" });
    let pools: Vec<String> = pools.iter().map(name).collect();
    match pools.len() {
        0 => "no pool takes it".to_string(),
        1 => format!("pool {} takes it", pools[0]),
        _ => format!("pools {} take it", pools.join(", ")),
    }
}

/// The letter of a class: A to Z, then its number.
#[must_use]
pub fn letter(class: usize) -> String {
    match u8::try_from(class) {
        Ok(n) if n < 26 => char::from(b'A' + n).to_string(),
        _ => format!("C{}", class + 1),
    }
}

/// `class A`, `classes A B`: how they are called where they come first.
#[must_use]
pub fn classes(classes: &[usize]) -> String {
    format!("{} {}", if classes.len() == 1 { "class" } else { "classes" }, letters(classes))
}

/// `A B`.
#[must_use]
pub fn letters(classes: &[usize]) -> String {
    classes.iter().map(|class| letter(*class)).collect::<Vec<_>>().join(" ")
}

/// `A → B`: a move from one class to another.
#[must_use]
pub fn arrow(from: usize, to: usize) -> String {
    format!("{} → {}", letter(from), letter(to))
}

/// The hosts of a class in words.
#[must_use]
pub fn hosts(fleet: &Fleet, classes: &[usize], most: usize) -> String {
    hosts_in_words(&fleet.names_of(classes, most), fleet.count(classes), most)
}

/// The level of a pool or a class.
#[must_use]
pub fn level(level: Option<u8>) -> String {
    isa::word(level).unwrap_or_else(|| "no known level".to_string())
}

/// The TSC of a class in words.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn tsc(range: Option<(u64, u64)>) -> String {
    match range {
        None => String::new(),
        Some((low, high)) if low == high => format!("{:.3} MHz", low as f64 / 1e3),
        Some((low, high)) => {
            let ppm = crate::view::clock::Clocks::of(low, high).ppm();
            format!("{:.3} to {:.3} MHz ({ppm:.0} ppm)", low as f64 / 1e3, high as f64 / 1e3)
        }
    }
}

/// Which classes rest on partial captures, why, and how to make them whole. Classes with the same gap stand together.
#[must_use]
pub fn gaps(fleet: &Fleet, most: usize) -> Vec<String> {
    let knowledge = Knowledge::builtin();
    let mut found: Vec<(Vec<usize>, String)> = Vec::new();
    for class in (0..fleet.classes.len()).filter(|class| fleet.classes[*class].is_partial()).take(most) {
        let offer = &fleet.classes[class].class.offer;
        let said = offer.unknown().into_iter().map(|(reason, places)| {
            let names = names(&places, knowledge);
            format!("{}: {}; {}", reason.word(), hosts_in_words(&names, names.len(), 6), reason.remedy())
        });
        let vcpus = "not every vCPU was captured; cpuid-probe reads all that are online".to_string();
        for gap in said.chain(offer.lacks_vcpus().then_some(vcpus)) {
            match found.iter_mut().find(|(_, known)| *known == gap) {
                Some((classes, _)) => classes.push(class),
                None => found.push((vec![class], gap)),
            }
        }
    }
    found.into_iter().map(|(of, gap)| format!("{}: partial: {gap}", classes(&of))).collect()
}

/// What a pool's definition is, short: its model and how much is listed beside it.
#[must_use]
pub fn definition(pool: &PoolCard) -> String {
    match &pool.definition {
        Some(Ok(d)) => {
            let of = |on: &str| d.libvirt.matches(&format!("<feature policy='{on}'")).count();
            format!("{} plus {}, minus {}", d.model, self::count(of("require"), "feature"), of("disable"))
        }
        Some(Err(why)) => format!("no definition: {why}"),
        None => "not worked out: --pools asks for this partition".to_string(),
    }
}

/// What each class of a pool gives up: who, and the rest of the sentence. Classes that give up the same stand together.
#[must_use]
pub fn gives_up(fleet: &Fleet, pool: &PoolCard, most: usize) -> Vec<(String, String)> {
    let knowledge = Knowledge::builtin();
    let mut found: Vec<(Vec<usize>, String)> = Vec::new();
    for own in &pool.gives_up {
        let lost = names(&own.places, knowledge);
        let what = match lost.len() {
            0 => "nothing".to_string(),
            n => format!("{n}: {} (loss {})", hosts_in_words(&lost, n, most), own.loss),
        };
        match found.iter_mut().find(|(_, known)| *known == what) {
            Some((classes, _)) => classes.push(own.class),
            None => found.push((vec![own.class], what)),
        }
    }
    let gives = |classes: &[usize]| if fleet.count(classes) == 1 { "gives" } else { "give" };
    found.into_iter().map(|(of, what)| (hosts(fleet, &of, 3), format!("{} up {what}", gives(&of)))).collect()
}

/// What hosts lack that the others of one pool have, and what the others lose by these hosts.
#[must_use]
pub fn price(fleet: &Fleet, price: &Price, most: usize) -> String {
    let lost = names(&price.places, Knowledge::builtin());
    let (lack, them) = if fleet.count(&price.lacking) == 1 { ("lacks", "it") } else { ("lack", "them") };
    format!(
        "in one pool, {} {lack} {} that the others have, who lose {} less without {them}: {}",
        hosts(fleet, &price.lacking, HOSTS),
        count(lost.len(), "feature"),
        price.saves,
        hosts_in_words(&lost, lost.len(), most)
    )
}

/// The curve of pools against loss: each partition, and which is the one to take.
#[must_use]
pub fn curve(fleet: &Fleet) -> Vec<(usize, u64, bool, &Pools)> {
    let recommended = fleet.recommended;
    fleet.partitions.iter().enumerate().map(|(i, p)| (p.pools.len(), p.loss, recommended == Some(i), p)).collect()
}

/// The placements of one VM after the other.
#[must_use]
pub fn vms(fleet: &Fleet) -> Vec<(&str, Vec<&Placement>, Vec<usize>)> {
    let mut vms: Vec<&str> = fleet.placements.iter().map(|p| p.vm.as_str()).collect();
    vms.dedup();
    let of = |vm| fleet.placements.iter().filter(|p| p.vm == vm).collect();
    vms.into_iter().map(|vm| (vm, of(vm), place::pools_of(fleet, vm))).collect()
}
