//! The JSON contract of a fleet, `cpuid-fleet/1`. All keys are always there, null or empty where they do not apply.
//!
//! A summary is the same document with facts alone: hosts and classes. Summaries of parts of a fleet, merged, are byte for
//! byte the summary of the whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use cpuid_probe::Place;
use serde::Serialize;

use super::facts::{Class, Facts, Host, Problem};
use super::moves::Verdict;
use super::offer::{Offer, Statement, key, name};
use super::says::Says;
use super::waivers::Accepted;
use super::{Fleet, PoolCard, isa, names};
use crate::knowledge::{Guard, Knowledge};

/// The value of `schema`.
pub const FLEET: &str = "cpuid-fleet/1";

/// So many names of hosts are listed under partitions that are not the one to take.
const LISTED: usize = 20_000;

#[derive(Serialize)]
struct Wire<'a> {
    schema: &'static str,
    role: Option<&'static str>,
    emulated: Option<bool>,
    hosts: Vec<WireHost<'a>>,
    says: Vec<WireSays<'a>>,
    classes: Vec<WireClass<'a>>,
    moves: Vec<WireMove<'a>>,
    partitions: Vec<WirePartition<'a>>,
    recommended: Option<usize>,
    updates: Vec<WireUpdate<'a>>,
    price: Vec<WirePrice>,
    without: &'a [String],
    placements: Vec<WirePlacement<'a>>,
    drift: Vec<WireDrift<'a>>,
    problems: &'a [Problem],
    notes: &'a [String],
    policy: &'a [String],
}

#[derive(Serialize)]
struct WireHost<'a> {
    name: &'a str,
    class: &'a str,
    role: &'static str,
    source: &'a str,
    accel: Option<&'a str>,
    captured_at: Option<&'a str>,
    kernel: Option<&'a str>,
    microcode: Option<&'a str>,
    qemu: Option<&'a str>,
    libvirt: Option<&'a str>,
    machine: Option<&'a str>,
    tsc_khz: Option<u64>,
    says: String,
    complete: bool,
    file: &'a str,
}

#[derive(Serialize)]
struct WireSays<'a> {
    id: String,
    #[serde(flatten)]
    says: &'a Says,
}

#[derive(Serialize)]
struct WireClass<'a> {
    id: &'a str,
    hosts: Vec<&'a str>,
    vendor: Option<&'a str>,
    cpu: Option<String>,
    cpus: Vec<&'a str>,
    models: Vec<&'a str>,
    signatures: Vec<String>,
    isa_level: Option<String>,
    offer: Vec<WireStatement>,
    facts: &'a BTreeMap<String, String>,
    leaves: Vec<String>,
    protections: Vec<String>,
    hazards: Vec<String>,
    tsc_khz: Option<[u64; 2]>,
    guest: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct WireStatement {
    place: String,
    name: Option<&'static str>,
    value: Option<String>,
    unknown: Option<&'static str>,
}

#[derive(Serialize)]
struct WireMove<'a> {
    from: &'a str,
    to: &'a str,
    verdict: &'static str,
    loses: Vec<String>,
    numbers: Vec<String>,
    review: Vec<String>,
    unknown: Vec<String>,
    other: &'a [String],
    waived: Vec<WireWaived<'a>>,
}

#[derive(Serialize)]
struct WireWaived<'a> {
    name: &'a str,
    severity: &'static str,
    reason: &'a str,
    expires: Option<&'a str>,
}

#[derive(Serialize)]
struct WirePartition<'a> {
    pools: usize,
    loss: u64,
    exact: bool,
    kept: bool,
    takes_protection: bool,
    members: Vec<WirePool<'a>>,
}

#[derive(Serialize)]
struct WirePool<'a> {
    classes: Vec<&'a str>,
    hosts: Vec<&'a str>,
    libvirt: Option<&'a str>,
    qemu: Option<&'a str>,
    refusal: Option<String>,
    words: &'a [String],
    isa_level: Option<String>,
    hazards: Vec<String>,
    partial: bool,
    gives_up: Vec<WireGivesUp<'a>>,
}

#[derive(Serialize)]
struct WireGivesUp<'a> {
    class: &'a str,
    names: Vec<String>,
    loss: u64,
}

#[derive(Serialize)]
struct WireUpdate<'a> {
    hosts: Vec<&'a str>,
    class: &'a str,
    like: &'a str,
    protections: Vec<String>,
}

#[derive(Serialize)]
struct WirePrice {
    names: Vec<String>,
    lacking_hosts: Vec<String>,
    pool: usize,
    saves: u64,
}

#[derive(Serialize)]
struct WirePlacement<'a> {
    vm: &'a str,
    class: &'a str,
    starts: &'static str,
    why: &'a [String],
    moves_to: Vec<&'a str>,
    moves_by_waiver: Vec<&'a str>,
    waived: Vec<WireWaived<'a>>,
}

#[derive(Serialize)]
struct WireDrift<'a> {
    host: &'a str,
    changes: &'a [String],
    provenance: &'a [String],
    lost_destinations: &'a [String],
    gained_destinations: &'a [String],
}

impl<'a> Wire<'a> {
    const fn empty() -> Self {
        Self {
            schema: FLEET,
            role: None,
            emulated: None,
            hosts: Vec::new(),
            says: Vec::new(),
            classes: Vec::new(),
            moves: Vec::new(),
            partitions: Vec::new(),
            recommended: None,
            updates: Vec::new(),
            price: Vec::new(),
            without: &[],
            placements: Vec::new(),
            drift: Vec::new(),
            problems: &[],
            notes: &[],
            policy: &[],
        }
    }
}

/// Writes the facts alone.
///
/// # Errors
/// As `out`.
pub fn summary(facts: &Facts, out: &mut dyn io::Write) -> io::Result<()> {
    let knowledge = Knowledge::builtin();
    let ids: Vec<String> = facts.classes.iter().map(|class| class.offer.id()).collect();
    let whole: Vec<bool> = facts.classes.iter().map(|class| class.offer.is_complete()).collect();
    let mut hosts_of: Vec<Vec<&str>> = vec![Vec::new(); ids.len()];
    let mut tsc: Vec<Option<[u64; 2]>> = vec![None; ids.len()];
    for host in &facts.hosts {
        hosts_of[host.class].push(&host.name);
        widen(&mut tsc[host.class], host.tsc_khz);
    }
    let said = ids_of(&facts.hosts);
    let classes = facts.classes.iter().zip(&ids).zip(hosts_of).zip(&tsc);
    let wire = Wire {
        hosts: facts.hosts.iter().map(|host| host_of(host, &ids[host.class], &said, whole[host.class])).collect(),
        says: says(&said),
        classes: classes.map(|(((class, id), hosts), tsc)| class_of(class, id, hosts, *tsc, knowledge)).collect(),
        problems: &facts.problems,
        ..Wire::empty()
    };
    put(&wire, out)
}

/// Writes a whole report.
///
/// # Errors
/// As `out`.
pub fn fleet(fleet: &Fleet, out: &mut dyn io::Write) -> io::Result<()> {
    let knowledge = Knowledge::builtin();
    let id = |class: usize| fleet.classes[class].id.as_str();
    let hosts_of = |classes: &[usize]| -> Vec<&str> {
        let mut hosts: Vec<usize> = classes.iter().flat_map(|c| &fleet.classes[*c].hosts).copied().collect();
        hosts.sort_unstable();
        hosts.into_iter().map(|h| &*fleet.hosts[h].name).collect()
    };
    let said = ids_of(&fleet.hosts);
    let partial: Vec<bool> = fleet.classes.iter().map(super::Group::is_partial).collect();
    let n = fleet.classes.len();
    let pairs = (0..n).flat_map(|from| (0..n).map(move |to| (from, to)));
    // Of guests that something keeps from moving even to a host just like their own, that too.
    let pairs = pairs.filter(|(from, to)| from != to || fleet.step(*from, *to).verdict != Verdict::Safe);
    let partitions = fleet.partitions.iter().enumerate().map(|(at, partition)| {
        let all = fleet.recommended == Some(at) || fleet.hosts.len() * fleet.partitions.len() <= LISTED;
        WirePartition {
            pools: partition.pools.len(),
            loss: partition.loss,
            exact: partition.exact,
            kept: partition.kept,
            takes_protection: partition.takes_protection(),
            members: partition
                .pools
                .iter()
                .map(|pool| pool_of(fleet, pool, if all { hosts_of(&pool.classes) } else { Vec::new() }, knowledge))
                .collect(),
        }
    });
    let wire = Wire {
        role: Some(fleet.role.word()),
        emulated: Some(fleet.emulated),
        hosts: fleet.hosts.iter().map(|host| host_of(host, id(host.class), &said, !partial[host.class])).collect(),
        says: says(&said),
        classes: fleet
            .classes
            .iter()
            .enumerate()
            .map(|(i, group)| {
                let tsc = group.tsc_khz.map(|(low, high)| [low, high]);
                class_of(&group.class, &group.id, hosts_of(&[i]), tsc, knowledge)
            })
            .collect(),
        moves: pairs
            .map(|(from, to)| {
                let step = fleet.step(from, to);
                WireMove {
                    from: id(from),
                    to: id(to),
                    verdict: step.verdict.word(),
                    loses: names(&step.loses, knowledge),
                    numbers: step
                        .numbers
                        .iter()
                        .map(|(p, a, b)| format!("{} {a} -> {b}", name(*p, knowledge)))
                        .collect(),
                    review: names(&step.review, knowledge),
                    unknown: names(&step.unknown, knowledge),
                    other: &step.other,
                    waived: waived(&step.waived),
                }
            })
            .collect(),
        partitions: partitions.collect(),
        recommended: fleet.recommended,
        updates: fleet
            .updates
            .iter()
            .map(|update| WireUpdate {
                hosts: hosts_of(&[update.class]),
                class: id(update.class),
                like: id(update.like),
                protections: names(&update.protections, knowledge),
            })
            .collect(),
        price: fleet
            .price
            .iter()
            .map(|price| WirePrice {
                names: names(&price.places, knowledge),
                lacking_hosts: hosts_of(&price.lacking).into_iter().map(str::to_string).collect(),
                pool: price.pool,
                saves: price.saves,
            })
            .collect(),
        without: &fleet.without,
        placements: fleet
            .placements
            .iter()
            .map(|p| WirePlacement {
                vm: &p.vm,
                class: id(p.class),
                starts: p.starts.word(),
                why: &p.why,
                moves_to: p.moves_to.iter().map(|c| id(*c)).collect(),
                moves_by_waiver: p.moves_by_waiver.iter().map(|c| id(*c)).collect(),
                waived: waived(&p.waived),
            })
            .collect(),
        drift: fleet
            .drift
            .iter()
            .map(|d| WireDrift {
                host: &d.host,
                changes: &d.changes,
                provenance: &d.provenance,
                lost_destinations: &d.lost_destinations,
                gained_destinations: &d.gained_destinations,
            })
            .collect(),
        problems: &fleet.problems,
        notes: &fleet.notes,
        policy: &fleet.policy,
        ..Wire::empty()
    };
    put(&wire, out)
}

fn put(wire: &Wire<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    serde_json::to_writer_pretty(&mut out, wire).map_err(io::Error::from)?;
    io::Write::write_all(&mut out, b"\n")?;
    io::Write::flush(&mut out)
}

fn waived(accepted: &[Accepted]) -> Vec<WireWaived<'_>> {
    let accepted = accepted.iter().map(|Accepted { name, waived, .. }| WireWaived {
        name,
        severity: waived.severity.word(),
        reason: &waived.reason,
        expires: waived.expires.as_deref(),
    });
    accepted.collect()
}

fn widen(interval: &mut Option<[u64; 2]>, khz: Option<u64>) {
    if let Some(khz) = khz {
        let [low, high] = interval.unwrap_or([khz, khz]);
        *interval = Some([low.min(khz), high.max(khz)]);
    }
}

/// What hosts say beside their offers, each once, and its id.
fn ids_of(hosts: &[Host]) -> BTreeMap<&Says, String> {
    let all: BTreeSet<&Says> = hosts.iter().map(|host| &*host.says).collect();
    all.into_iter().map(|says| (says, says.id())).collect()
}

fn says<'a>(ids: &BTreeMap<&'a Says, String>) -> Vec<WireSays<'a>> {
    let mut all: Vec<WireSays<'_>> = ids.iter().map(|(says, id)| WireSays { id: id.clone(), says }).collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

fn host_of<'a>(host: &'a Host, class: &'a str, said: &BTreeMap<&Says, String>, complete: bool) -> WireHost<'a> {
    WireHost {
        name: &host.name,
        class,
        role: host.role.word(),
        source: &host.source,
        accel: host.accel.as_deref(),
        captured_at: host.captured_at.as_deref(),
        kernel: host.kernel.as_deref(),
        microcode: host.microcode.as_deref(),
        qemu: host.qemu.as_deref(),
        libvirt: host.libvirt.as_deref(),
        machine: host.machine.as_deref(),
        tsc_khz: host.tsc_khz,
        says: said.get(&*host.says).cloned().unwrap_or_default(),
        complete,
        file: &host.file,
    }
}

fn class_of<'a>(
    class: &'a Class,
    id: &'a str,
    hosts: Vec<&'a str>,
    tsc_khz: Option<[u64; 2]>,
    knowledge: &Knowledge,
) -> WireClass<'a> {
    let Class { offer, signatures, models, cpus, guest: _ } = class;
    let guards = |wanted: Guard| -> Vec<String> {
        let have = offer.places.iter().filter(|(_, s)| matches!(s, Statement::Value(_)));
        let own = have.filter(|(p, _)| knowledge.row(**p).guard == Some(wanted));
        own.map(|(p, _)| name(*p, knowledge)).collect()
    };
    WireClass {
        id,
        hosts,
        vendor: offer.vendor.as_deref(),
        cpu: cpus.first().or(models.first()).cloned(),
        cpus: cpus.iter().map(String::as_str).collect(),
        models: models.iter().map(String::as_str).collect(),
        signatures: signatures.iter().map(|eax| format!("{eax:#010x}")).collect(),
        isa_level: isa::word(isa::level(offer)),
        offer: statements(offer, knowledge),
        facts: &offer.facts,
        leaves: offer.leaves.iter().map(|id| key(Place::Leaf { block: None, id: *id })).collect(),
        protections: guards(Guard::Protection),
        hazards: guards(Guard::Hazard),
        tsc_khz,
        guest: class.guest.as_deref().and_then(|text| serde_json::from_str(text).ok()),
    }
}

fn statements(offer: &Offer, knowledge: &Knowledge) -> Vec<WireStatement> {
    let statement = |(place, said): (&Place, &Statement)| WireStatement {
        place: key(*place),
        name: knowledge.row(*place).name,
        value: if let Statement::Value(value) = said { Some(format!("{value:#x}")) } else { None },
        unknown: if let Statement::Unknown(reason) = said { Some(reason.word()) } else { None },
    };
    offer.places.iter().map(statement).collect()
}

fn pool_of<'a>(fleet: &'a Fleet, pool: &'a PoolCard, hosts: Vec<&'a str>, knowledge: &Knowledge) -> WirePool<'a> {
    let id = |class: &usize| fleet.classes[*class].id.as_str();
    WirePool {
        classes: pool.classes.iter().map(id).collect(),
        hosts,
        libvirt: pool.defined().map(|d| d.libvirt.as_str()),
        qemu: pool.defined().map(|d| d.qemu.as_str()),
        refusal: pool.refusal().map(ToString::to_string),
        words: pool.defined().map(|d| d.words.as_slice()).unwrap_or_default(),
        isa_level: isa::word(pool.isa),
        hazards: names(&pool.hazards, knowledge),
        partial: pool.partial,
        gives_up: pool
            .gives_up
            .iter()
            .map(|g| WireGivesUp { class: id(&g.class), names: names(&g.places, knowledge), loss: g.loss })
            .collect(),
    }
}
