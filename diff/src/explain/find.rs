//! From a question to its rows, and to their values in a dump.

use std::collections::BTreeMap;

use cpuid_probe::coverage::{self, Coverage, MsrPlace};
use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::hypervisor::{self, Block};
use cpuid_probe::leaf::LeafId;
use cpuid_probe::register::field;
use cpuid_probe::{Place, Register};

use super::term::{Term, parse};
use super::{Answer, Decoded, Entry, Value};
use crate::decode;
use crate::knowledge::{
    Asked, Knowledge, Layer, Owner, Row, Site, Subject, advice_for, by_name, msr_row, row_at, search,
};

/// More rows than this are a list to choose from.
const FEW: usize = 4;

/// The answer to one question; `None` where nothing is known by that name.
pub(super) fn answer(text: &str, dump: Option<&Dump>) -> Option<Answer> {
    let named = by_name(text);
    let term = if named.is_empty() { parse(text) } else { Term::Name(text.to_string()) };
    let (mut spots, asked_for) = match term {
        Term::Cpuid { leaf, subleaf, register, bits } => {
            (leaf_spots(leaf, subleaf, register, bits, dump), bits.is_some())
        }
        Term::Msr { index, bits } => (msr_spots(index, bits), bits.is_some()),
        Term::Name(_) if !named.is_empty() => (named.iter().map(|m| Spot::of(m.place, dump)).collect(), true),
        Term::Name(part) => {
            let found = search(&part);
            let one_name = found.windows(2).all(|w| w[0].name == w[1].name);
            (found.iter().map(|m| Spot::of(m.place, dump)).collect(), one_name)
        }
    };
    spots.dedup();
    if spots.is_empty() {
        return None;
    }
    let brief = !asked_for && spots.len() > FEW;
    let coverage: Vec<Coverage<'_>> = dump.iter().flat_map(|dump| &dump.vcpus).map(Coverage::of).collect();
    let entries = spots.iter().map(|spot| entry(spot, &coverage)).collect();
    let decoded = dump.map(|dump| together(&spots, dump)).unwrap_or_default();
    Some(Answer { term: text.to_string(), entries, decoded, brief })
}

/// Bits that one row covers, where a dump would have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    /// `base` is that of the hypervisor block, 0 outside of them.
    Cpuid {
        site: Site,
        base: u32,
        hi: u8,
        lo: u8,
    },
    Msr {
        index: u32,
        bit: u8,
    },
}

impl Spot {
    /// Where a named place is, in a dump that may have moved its block.
    fn of(place: Place, dump: Option<&Dump>) -> Self {
        let owner = place.owner();
        match place {
            Place::Cpuid { id, register, bits, .. } => {
                let site = Site { owner, leaf: id.leaf, subleaf: id.ecx(), register };
                let block = dump.and_then(|d| blocks(d).find(|b| Owner::of_signature(&b.signature.0) == owner));
                let base = match owner {
                    Owner::Cpu => 0,
                    _ => block.map_or(hypervisor::FIRST_BASE, |b| b.base),
                };
                Self::Cpuid { site, base, hi: bits.hi, lo: bits.lo }
            }
            other => {
                Self::Msr { index: other.msr_index().unwrap_or_default(), bit: other.bits().map_or(0, |bits| bits.lo) }
            }
        }
    }

    fn row(&self) -> Row {
        match *self {
            Self::Cpuid { site, hi, .. } => row_at(site, hi),
            Self::Msr { index, bit } => msr_row(index, bit),
        }
    }
}

fn blocks(dump: &Dump) -> impl Iterator<Item = Block> + '_ {
    dump.vcpus.first().into_iter().flat_map(VcpuDump::blocks)
}

/// The leaf as a dump has it.
const fn real_leaf(site: Site, base: u32) -> u32 {
    if base == 0 { site.leaf } else { base | site.leaf & 0xff }
}

/// Whose leaf it may be, and the base of its block (0 outside of blocks).
fn owners(leaf: u32, dump: Option<&Dump>) -> Vec<(Owner, u32)> {
    let Some(base) = hypervisor::base_of(leaf) else { return vec![(Owner::Cpu, 0)] };
    if let Some(block) = dump.and_then(|d| blocks(d).find(|b| b.base == base)) {
        return vec![(Owner::of_signature(&block.signature.0), base)];
    }
    let written_for = hypervisor::FIRST_BASE | leaf & 0xff;
    let known = |owner: &Owner| {
        let knowledge = Knowledge::builtin();
        knowledge.is_listed_under(*owner, written_for) && !knowledge.subleaves_of(*owner, written_for).is_empty()
    };
    [Owner::Kvm, Owner::HyperV, Owner::Xen, Owner::Vmware].into_iter().filter(known).map(|o| (o, base)).collect()
}

fn leaf_spots(
    leaf: u32,
    subleaf: Option<u32>,
    register: Option<Register>,
    bits: Option<(u8, u8)>,
    dump: Option<&Dump>,
) -> Vec<Spot> {
    let mut spots = Vec::new();
    for (owner, base) in owners(leaf, dump) {
        let written_for = if base == 0 { leaf } else { hypervisor::FIRST_BASE | leaf & 0xff };
        for subleaf in subleaves(owner, written_for, leaf, subleaf, dump) {
            for register in Register::ALL.into_iter().filter(|r| register.is_none_or(|asked| asked == *r)) {
                let site = Site { owner, leaf: written_for, subleaf, register };
                let mut next = bits.map_or(Some(31), |(hi, _)| Some(hi));
                let lowest = bits.map_or(0, |(_, lo)| lo);
                while let Some(bit) = next.filter(|b| *b >= lowest) {
                    let row = row_at(site, bit);
                    if row.known || bits.is_some() {
                        spots.push(Spot::Cpuid { site, base, hi: row.bits.hi, lo: row.bits.lo });
                    }
                    next = row.bits.lo.checked_sub(1);
                }
            }
        }
    }
    spots
}

/// The subleaves to look at: the one asked for, those of the dump, or those at which rows begin.
fn subleaves(owner: Owner, written_for: u32, leaf: u32, asked: Option<u32>, dump: Option<&Dump>) -> Vec<u32> {
    if let Some(asked) = asked {
        return vec![asked];
    }
    let in_dump = dump.into_iter().flat_map(|d| &d.vcpus).flat_map(VcpuDump::leaves);
    let mut found: Vec<u32> = in_dump.filter(|r| r.id.leaf == leaf).map(|r| r.id.ecx()).collect();
    if found.is_empty() {
        found = Knowledge::builtin().subleaves_of(owner, written_for);
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn msr_spots(index: u32, bits: Option<(u8, u8)>) -> Vec<Spot> {
    let (hi, lo) = bits.unwrap_or((63, 0));
    (lo..=hi)
        .rev()
        .filter(|bit| bits.is_some() || msr_row(index, *bit).known)
        .map(|bit| Spot::Msr { index, bit })
        .collect()
}

fn entry(spot: &Spot, coverage: &[Coverage<'_>]) -> Entry {
    let row = spot.row();
    let subject = match *spot {
        Spot::Cpuid { site, .. } => Subject::Cpuid(site),
        Spot::Msr { index, .. } => Subject::Msr(index),
    };
    let advice = advice_for(subject, &row, Asked::Explain);
    let (place, notation, owner) = match *spot {
        Spot::Msr { index, bit } => (format!("msr {index:#010x}[{bit}]"), None, Owner::Cpu),
        Spot::Cpuid { site, base, hi, lo } => {
            let bits = if hi == lo { hi.to_string() } else { format!("{hi}:{lo}") };
            let id = id(site, base);
            let ecx = id.subleaf.map(|n| format!(",ECX={n}")).unwrap_or_default();
            let notation = format!("CPUID.(EAX={:02X}H{ecx}):{}[{bits}]", id.leaf, site.register);
            (format!("{id} {}[{bits}]", site.register), Some(notation), site.owner)
        }
    };
    Entry {
        place,
        notation,
        owner: owner.word(),
        name: row.name,
        names: row.names,
        migratable: row.migratable.map(|m| m.word()),
        rule: row.rule.word(),
        lost: row.lost.word(),
        gained: row.gained.word(),
        gates: row.gates.iter().map(ToString::to_string).collect(),
        meaning: advice.meaning,
        consequence: advice.consequence,
        cause: advice.cause,
        layers: advice.layers.into_iter().map(Layer::word).collect(),
        remedy: advice.remedy,
        specific: advice.specific,
        source: advice.source,
        values: values(spot, &row, coverage),
    }
}

/// Where a dump keeps the register set.
const fn id(site: Site, base: u32) -> LeafId {
    LeafId::new(real_leaf(site, base), site.subleaf)
}

/// The values of a place over the vCPUs, equal ones once; those that have none come last.
fn values(spot: &Spot, row: &Row, coverage: &[Coverage<'_>]) -> Vec<Value> {
    const ABSENT: &str = "absent";
    const NOT_CAPTURED: &str = "not captured";
    let mut by_value: BTreeMap<Result<u64, &str>, Vec<u32>> = BTreeMap::new();
    for vcpu in coverage {
        let value = match *spot {
            Spot::Cpuid { site, base, hi, lo } => match vcpu.vcpu().get(id(site, base)) {
                Some(r) => Ok(u64::from(field(r.get(site.register), hi, lo))),
                None if vcpu.place(id(site, base)) == coverage::Place::NotCaptured => Err(NOT_CAPTURED),
                None => Err(ABSENT),
            },
            Spot::Msr { index, bit } => match vcpu.msr(index) {
                MsrPlace::Read(value) => Ok(value >> bit & 1),
                MsrPlace::Absent => Err(ABSENT),
                MsrPlace::NotCaptured => Err(NOT_CAPTURED),
            },
        };
        by_value.entry(value).or_default().push(vcpu.vcpu().vcpu);
    }
    let raw = |value: u64| if row.bits.hi == row.bits.lo { value.to_string() } else { format!("{value:#x}") };
    by_value
        .into_iter()
        .map(|(value, vcpus)| Value {
            raw: value.map_or_else(str::to_string, raw),
            decoded: match *spot {
                Spot::Cpuid { .. } => value.ok().and_then(|value| decode::value(row, value)),
                Spot::Msr { .. } => None,
            },
            vcpus,
        })
        .collect()
}

/// What the leaves of `spots` mean as wholes.
fn together(spots: &[Spot], dump: &Dump) -> Vec<Decoded> {
    let mut found: Vec<Decoded> = Vec::new();
    let mut seen = Vec::new();
    for spot in spots {
        let Spot::Cpuid { site, base, .. } = *spot else { continue };
        let id = id(site, base);
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        for v in &dump.vcpus {
            let Some(registers) = v.get(id) else { continue };
            let brand = decode::brand(site, v).map(|text| ("brand", text));
            let parts = decode::together(site.owner, site.leaf, site.subleaf, registers);
            for (name, value) in parts.into_iter().chain(brand) {
                let place = id.to_string();
                match found.iter_mut().find(|d| d.place == place && d.name == name && d.value == value) {
                    Some(known) => known.vcpus.push(v.vcpu),
                    None => found.push(Decoded { place, name, value, vcpus: vec![v.vcpu] }),
                }
            }
        }
    }
    found
}
