//! From a question to its rows, and to their values in a dump.

use std::collections::BTreeMap;

use cpuid_probe::Register;
use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::hypervisor::{self, Block};
use cpuid_probe::leaf::LeafId;
use cpuid_probe::place::{BitRange, Place, Query, Within};

use super::{Answer, Entry, LeafMeaning, Reading, model, words};
use crate::decode;
use crate::finding;
use crate::knowledge::{Asked, Knowledge, Layer, Owner, Row, synthetic};
use crate::view::{DumpView, Seen};

/// With more rows than this, the answer is a list to choose from.
const FEW: usize = 4;

/// The answer to one question; `None` where nothing is known by that name. A part of a name is answered with every name
/// that contains it.
pub(super) fn answer(text: &str, view: Option<&DumpView<'_>>, knowledge: &Knowledge) -> Option<Answer> {
    let found = exact(text, view, knowledge);
    let found = found.or_else(|| words::inside(text).and_then(|name| exact(name, view, knowledge)));
    found.or_else(|| {
        let found = knowledge.search(text.trim());
        let one_name = found.windows(2).all(|w| w[0].name == w[1].name);
        let places = found.iter().map(|m| in_dump(m.place, view.map(|view| view.dump))).collect();
        of_places(text, places, one_name, view, knowledge)
    })
}

/// The answer to a whole name or a place, and to a word that stands for something else than one feature: a property, a
/// model, a level, a mnemonic, a flag of the kernel's own.
pub(super) fn exact(text: &str, view: Option<&DumpView<'_>>, knowledge: &Knowledge) -> Option<Answer> {
    let named = knowledge.by_name(text);
    if let Some((says, place)) = words::property(text) {
        let mut places: Vec<Place> = named.iter().map(|m| in_dump(m.place, view.map(|view| view.dump))).collect();
        if let (true, Ok(asked)) = (places.is_empty(), place.parse()) {
            places = places_of(asked, view, knowledge).0;
        }
        let of = of_places(text, places, true, view, knowledge);
        let blank = Answer { term: text.to_string(), ..Answer::default() };
        return Some(Answer { said: vec![("is", says.to_string())], ..of.unwrap_or(blank) });
    }
    if !named.is_empty() {
        let places = named.iter().map(|m| in_dump(m.place, view.map(|view| view.dump))).collect();
        return of_places(text, places, true, view, knowledge);
    }
    if let Ok(asked) = text.parse::<Query>() {
        return at(asked, view, knowledge).map(|answer| Answer { term: text.to_string(), ..answer });
    }
    let mnemonic: Vec<Place> = words::mnemonic(text)
        .into_iter()
        .filter_map(|place| place.parse().ok())
        .flat_map(|asked| places_of(asked, view, knowledge).0)
        .collect();
    if !mnemonic.is_empty() {
        return of_places(text, mnemonic, true, view, knowledge);
    }
    let said = match synthetic::meaning(text.trim()) {
        Some(meaning) => Some(vec![("flag", format!("{meaning}. A flag of the Linux kernel's own, no bit of CPUID"))]),
        None => model::level(text, view).or_else(|| model::said(text, view)),
    };
    said.map(|said| Answer { term: text.trim().to_string(), said, ..Answer::default() })
}

/// The answer to a place.
pub(super) fn at(asked: Query, view: Option<&DumpView<'_>>, knowledge: &Knowledge) -> Option<Answer> {
    let (places, asked_for) = places_of(asked, view, knowledge);
    of_places("", places, asked_for, view, knowledge)
}

/// The rows of a place that is asked for, and whether it names bits.
fn places_of(asked: Query, view: Option<&DumpView<'_>>, knowledge: &Knowledge) -> (Vec<Place>, bool) {
    let dump = view.map(|view| view.dump);
    match asked {
        Query::Cpuid { leaf, subleaf, register, bits } => {
            (leaf_places(leaf, subleaf, register, bits, dump, knowledge), bits.is_some())
        }
        Query::Msr { index, bits } => (msr_places(index, bits, knowledge), bits.is_some()),
    }
}

fn of_places(
    text: &str,
    mut places: Vec<Place>,
    asked_for: bool,
    view: Option<&DumpView<'_>>,
    knowledge: &Knowledge,
) -> Option<Answer> {
    places.dedup();
    if places.is_empty() {
        return None;
    }
    let brief = !asked_for && places.len() > FEW;
    let entries = places.iter().map(|place| entry(*place, view, knowledge)).collect();
    let decoded = view.map(|view| together(&places, view.dump)).unwrap_or_default();
    Some(Answer { term: text.to_string(), entries, decoded, brief, said: Vec::new() })
}

fn blocks(dump: &Dump) -> impl Iterator<Item = Block> + '_ {
    dump.vcpus.first().into_iter().flat_map(VcpuDump::blocks)
}

/// Where a place is in a dump that may have moved its block.
fn in_dump(place: Place, dump: Option<&Dump>) -> Place {
    let Place::Cpuid { block: Some(within), id, register, bits } = place else { return place };
    let block = dump.and_then(|d| blocks(d).find(|b| Owner::of_signature(&b.signature.0) == within.owner));
    let Some(block) = block else { return place };
    let within = Within { signature: Some(block.signature), ..within };
    Place::Cpuid { block: Some(within), id: crate::view::blocks::rebase(id, block.base), register, bits }
}

/// The owners that the leaf may belong to.
fn owners(leaf: u32, dump: Option<&Dump>, knowledge: &Knowledge) -> Vec<Option<Within>> {
    let Some(base) = hypervisor::base_of(leaf) else { return vec![None] };
    if let Some(block) = dump.and_then(|d| blocks(d).find(|b| b.base == base)) {
        let owner = Owner::of_signature(&block.signature.0);
        return vec![Some(Within { owner, signature: Some(block.signature) })];
    }
    let written_for = hypervisor::FIRST_BASE | leaf & 0xff;
    let known = |owner: &Owner| {
        knowledge.is_listed_under(*owner, written_for) && !knowledge.subleaves_of(*owner, written_for).is_empty()
    };
    let owners = [Owner::Kvm, Owner::HyperV, Owner::Xen, Owner::Vmware].into_iter().filter(known);
    owners.map(|owner| Some(Within { owner, signature: None })).collect()
}

fn leaf_places(
    leaf: u32,
    subleaf: Option<u32>,
    register: Option<Register>,
    bits: Option<BitRange>,
    dump: Option<&Dump>,
    knowledge: &Knowledge,
) -> Vec<Place> {
    let mut places = Vec::new();
    for block in owners(leaf, dump, knowledge) {
        for subleaf in subleaves(block, leaf, subleaf, dump, knowledge) {
            for register in Register::ALL.into_iter().filter(|r| register.is_none_or(|asked| asked == *r)) {
                let whole = bits.unwrap_or(BitRange::REGISTER);
                let mut next = Some(whole.hi);
                while let Some(bit) = next.filter(|b| *b >= whole.lo) {
                    let id = LeafId::new(leaf, subleaf);
                    let place = Place::Cpuid { block, id, register, bits: BitRange::one(bit) };
                    let row = knowledge.row(place);
                    if row.known || bits.is_some() {
                        places.push(place.with_bits(row.bits));
                    }
                    next = row.bits.lo.checked_sub(1);
                }
            }
        }
    }
    places
}

/// The subleaves to look at: the one asked for, those of the dump, or those at which rows begin.
fn subleaves(
    block: Option<Within>,
    leaf: u32,
    asked: Option<u32>,
    dump: Option<&Dump>,
    knowledge: &Knowledge,
) -> Vec<u32> {
    if let Some(asked) = asked {
        return vec![asked];
    }
    let in_dump = dump.into_iter().flat_map(|d| &d.vcpus).flat_map(VcpuDump::leaves);
    let mut found: Vec<u32> = in_dump.filter(|r| r.id.leaf == leaf).map(|r| r.id.ecx()).collect();
    if found.is_empty() {
        found = match block {
            Some(within) => knowledge.subleaves_of(within.owner, hypervisor::FIRST_BASE | leaf & 0xff),
            None => knowledge.subleaves_of(Owner::Cpu, leaf),
        };
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn msr_places(index: u32, bits: Option<BitRange>, knowledge: &Knowledge) -> Vec<Place> {
    let whole = bits.unwrap_or(BitRange::MSR);
    let places = (whole.lo..=whole.hi).rev().map(|bit| Place::msr(index, bit));
    places.filter(|place| bits.is_some() || knowledge.row(*place).known).collect()
}

fn entry(place: Place, view: Option<&DumpView<'_>>, knowledge: &Knowledge) -> Entry {
    // A place of a name is one bit or one field; the row that holds its highest bit says which.
    let highest = place.bits().map_or(place, |bits| place.with_bits(BitRange::one(bits.hi)));
    let row = knowledge.row(highest);
    let advice = knowledge.advice(place, &row, Asked::Explain, view.is_some_and(DumpView::is_amd));
    Entry {
        place,
        row,
        meaning: advice.meaning,
        consequence: advice.consequence,
        cause: advice.cause,
        layers: advice.layers.into_iter().map(Layer::word).collect(),
        remedy: advice.remedy,
        specific: advice.specific,
        source: advice.source,
        values: view.map(|view| values(place, &row, view)).unwrap_or_default(),
    }
}

/// The values of a place over all vCPUs, equal values once; unknown and absent ones come last.
fn values(place: Place, row: &Row, view: &DumpView<'_>) -> Vec<Reading> {
    let mut by_value: BTreeMap<(bool, Option<u64>), Vec<u32>> = BTreeMap::new();
    for v in &view.vcpus {
        let key = match v.see(place) {
            Seen::Value(n) => (false, Some(n)),
            Seen::Absent => (false, None),
            Seen::NotCaptured(_) => (true, None),
        };
        by_value.entry(key).or_default().push(v.vcpu.vcpu);
    }
    let one_bit = place.bits().is_some_and(BitRange::is_one);
    let mut values: Vec<Reading> = by_value
        .into_iter()
        .map(|((unread, value), vcpus)| Reading {
            value: if unread { finding::Value::Unknown } else { finding::Value::of(value, one_bit) },
            decoded: value.and_then(|value| decode::value(row, value)),
            vcpus,
        })
        .collect();
    values.sort_by_key(|v| matches!(v.value, finding::Value::Unknown | finding::Value::Absent));
    values
}

/// What the leaves of `places` mean as wholes.
fn together(places: &[Place], dump: &Dump) -> Vec<LeafMeaning> {
    let mut found: Vec<LeafMeaning> = Vec::new();
    let mut seen = Vec::new();
    for place in places {
        let Some(id) = place.leaf() else { continue };
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        for v in &dump.vcpus {
            let Some(registers) = v.get(id) else { continue };
            let brand = if id.leaf == decode::BRAND[0] { decode::brand(v) } else { None };
            let brand = brand.map(|text| ("brand", format!("\"{text}\"")));
            for (name, value) in decode::together(*place, registers).into_iter().chain(brand) {
                match found.iter_mut().find(|d| d.leaf == id && d.name == name && d.value == value) {
                    Some(known) => known.vcpus.push(v.vcpu),
                    None => found.push(LeafMeaning { leaf: id, name, value, vcpus: vec![v.vcpu] }),
                }
            }
        }
    }
    found
}
