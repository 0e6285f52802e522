//! Facts of a fleet, read from JSON again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cpuid_probe::{LeafId, Place, json};
use serde::Deserialize;

use super::facts::{Class, Facts, Host, Problem, Stack, shared};
use super::guest;
use super::offer::{Offer, Reason, Statement, place_of};
use super::says::Says;
use super::wire::FLEET;
use crate::view::Role;

#[derive(Deserialize)]
struct Wire {
    schema: String,
    hosts: Vec<WireHost>,
    #[serde(default)]
    says: Vec<WireSays>,
    classes: Vec<WireClass>,
    problems: Vec<WireProblem>,
    #[serde(default)]
    partitions: Vec<WirePartition>,
    #[serde(default)]
    recommended: Option<usize>,
}

#[derive(Deserialize)]
struct WireHost {
    name: Box<str>,
    class: String,
    role: String,
    source: String,
    accel: Option<String>,
    captured_at: Option<Box<str>>,
    kernel: Option<String>,
    microcode: Option<String>,
    qemu: Option<String>,
    libvirt: Option<String>,
    machine: Option<String>,
    tsc_khz: Option<u64>,
    says: Option<String>,
    file: Box<str>,
}

#[derive(Deserialize)]
struct WireSays {
    id: String,
    #[serde(flatten)]
    says: Says,
}

#[derive(Deserialize)]
struct WireClass {
    id: String,
    vendor: Option<String>,
    cpus: BTreeSet<String>,
    models: BTreeSet<String>,
    signatures: Vec<String>,
    offer: Vec<WireStatement>,
    facts: BTreeMap<String, String>,
    leaves: Vec<String>,
    #[serde(default)]
    guest: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct WireStatement {
    place: String,
    value: Option<String>,
    unknown: Option<String>,
}

#[derive(Deserialize)]
struct WireProblem {
    host: Option<String>,
    file: Option<String>,
    what: String,
}

#[derive(Deserialize)]
struct WirePartition {
    members: Vec<WireMember>,
}

#[derive(Deserialize)]
struct WireMember {
    hosts: Vec<String>,
}

/// Whether a file is a fleet's JSON: an object whose `schema` says so, wherever it stands.
fn is_fleet(bytes: &[u8]) -> bool {
    if bytes.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
        return false;
    }
    String::from_utf8_lossy(bytes).split("\"schema\"").skip(1).any(|rest| {
        let rest = rest.trim_start().strip_prefix(':').unwrap_or(rest);
        rest.trim_start()
            .strip_prefix('"')
            .and_then(|rest| rest.strip_prefix(FLEET))
            .is_some_and(|r| r.starts_with('"'))
    })
}

fn parse(bytes: &[u8]) -> Result<Wire, String> {
    let wire: Wire = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    if wire.schema == FLEET { Ok(wire) } else { Err(format!("schema `{}`, expected `{FLEET}`", wire.schema)) }
}

/// The facts of a fleet; `None` where the file is something else.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Result<Facts, String>> {
    is_fleet(bytes).then(|| parse(bytes).and_then(facts))
}

/// The pools that a fleet's JSON recommends, as names of hosts.
///
/// # Errors
/// It is no fleet's JSON, or recommends nothing.
pub fn pools(bytes: &[u8]) -> Result<Vec<Vec<String>>, String> {
    if !is_fleet(bytes) {
        return Err(format!("not a report of `cpuid-diff fleet --format json` ({FLEET})"));
    }
    let wire = parse(bytes)?;
    let recommended = wire.recommended.ok_or("it recommends no pools: a summary, or a fleet without any")?;
    let pools = wire.partitions.into_iter().nth(recommended).ok_or("`recommended` is beyond `partitions`")?;
    Ok(pools.members.into_iter().map(|pool| pool.hosts).collect())
}

fn facts(wire: Wire) -> Result<Facts, String> {
    let mut index = HashMap::new();
    let mut classes = Vec::new();
    for class in wire.classes {
        let id = class.id.clone();
        let class = class_of(class)?;
        if class.offer.id() != id {
            return Err(format!("class {id}: its id is not that of its offer; was the file edited?"));
        }
        index.insert(id, classes.len());
        classes.push(class);
    }
    let mut says: HashMap<String, Arc<Says>> = HashMap::new();
    for said in wire.says {
        if said.says.id() != said.id {
            return Err(format!("says {}: its id is not that of its content; was the file edited?", said.id));
        }
        says.insert(said.id, Arc::new(said.says));
    }
    let nothing = Arc::new(Says::default());
    let mut stacks = BTreeSet::new();
    let mut hosts = Vec::with_capacity(wire.hosts.len());
    for host in wire.hosts {
        let class = *index.get(&host.class).ok_or_else(|| format!("host {}: no class {}", host.name, host.class))?;
        let said = match &host.says {
            None => nothing.clone(),
            Some(id) => says.get(id).cloned().ok_or_else(|| format!("host {}: no `says` {id}", host.name))?,
        };
        let role = Role::ALL.into_iter().find(|role| role.word() == host.role);
        let stack = Stack {
            source: host.source,
            accel: host.accel,
            kernel: host.kernel,
            microcode: host.microcode,
            qemu: host.qemu,
            libvirt: host.libvirt,
            machine: host.machine,
            says: said,
        };
        hosts.push(Host {
            role: role.ok_or_else(|| format!("host {}: `{}` is no role", host.name, host.role))?,
            name: host.name,
            file: host.file,
            class,
            captured_at: host.captured_at,
            tsc_khz: host.tsc_khz,
            stack: shared(&mut stacks, stack),
        });
    }
    let problems = wire.problems.into_iter().map(|p| Problem { host: p.host, file: p.file, what: p.what }).collect();
    Ok(Facts { hosts, classes, problems })
}

fn class_of(class: WireClass) -> Result<Class, String> {
    let hex = |text: &str| text.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let mut places = BTreeMap::new();
    for said in class.offer {
        let wrong = |what: &str| format!("class {}: {}: {what}", class.id, said.place);
        let place = place_of(&said.place).ok_or_else(|| wrong("no place"))?;
        let statement = match (&said.value, &said.unknown) {
            (Some(value), None) => Statement::Value(hex(value).filter(|v| *v != 0).ok_or_else(|| wrong("no value"))?),
            (None, Some(reason)) => Statement::Unknown(Reason::from_word(reason).ok_or_else(|| wrong("no reason"))?),
            _ => return Err(wrong("expected a value, or why it is unknown")),
        };
        places.insert(place, statement);
    }
    let leaf = |text: &String| place_of(text).and_then(Place::leaf);
    let leaves: Option<BTreeSet<LeafId>> = class.leaves.iter().map(leaf).collect();
    let signature = |text: &String| hex(text).and_then(|v| u32::try_from(v).ok());
    let signatures: Option<BTreeSet<u32>> = class.signatures.iter().map(signature).collect();
    let guest = class.guest.map(|guest| json::from_str(&guest.to_string())).transpose();
    let guest = guest.map_err(|e| format!("class {}: its guest: {e}", class.id))?;
    Ok(Class {
        guest: guest.map(|dump| guest::text(&dump)),
        offer: Offer {
            vendor: class.vendor,
            places,
            facts: class.facts,
            leaves: leaves.ok_or_else(|| format!("class {}: a leaf is no place", class.id))?,
        },
        signatures: signatures.ok_or_else(|| format!("class {}: a signature is no number", class.id))?,
        models: class.models,
        cpus: class.cpus,
    })
}
