//! The registers that a report's findings are about, bit by bit.

use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::hypervisor::base_of;
use cpuid_probe::leaf::LeafId;
use cpuid_probe::place::{BitRange, Place};

use crate::finding::{Finding, Value};
use crate::knowledge::Severity;
use crate::list;
use crate::render::words;
use crate::report::Report;
use crate::view::blocks::rebase;

/// What became of one bit, from the first input to the second (from a baseline to an input, in a check).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// No difference; the bit's value.
    Same(bool),
    /// 1 before, 0 after.
    Lost,
    /// 0 before, 1 after.
    Gained,
    /// Part of a number whose value differs.
    Changed,
    /// Differs, and is expected, harmless or waived.
    Aside,
}

/// One register that findings are about.
#[derive(Clone, Debug)]
pub struct Map<'a> {
    /// `0x00000001 EDX`, and the vCPU where it matters.
    pub title: String,
    /// The values before and after, where known: a letter and 8 (or 16) digits or `absent`.
    pub values: Vec<(String, String)>,
    /// Every bit, the highest first, with the finding it belongs to.
    pub bits: Vec<(Fate, Option<&'a Finding>)>,
    /// The findings, in the order of their places.
    pub findings: Vec<&'a Finding>,
}

/// The register set a finding is about, as this vCPU holds it: a block's leaves move with its base.
#[must_use]
pub fn leaf_in(f: &Finding, v: &VcpuDump) -> Option<LeafId> {
    let place = f.place()?;
    let Some(signature) = place.signature() else { return place.leaf() };
    let base = v.blocks().find(|b| b.signature == signature).map(|b| b.base)?;
    match place.leaf() {
        Some(id) => base_of(id.leaf).map(|_| rebase(id, base)),
        // The block itself is the finding: its head stands for it.
        None => Some(LeafId::new(base, 0)),
    }
}

/// A map of every register that findings are about. Findings on different vCPUs have maps of their own.
#[must_use]
pub fn maps(report: &Report) -> Vec<Map<'_>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    let whole = |place: Place| place.with_bits(BitRange::one(0));
    let key = |f: &Finding| (f.place().map(whole), f.input, f.vcpus.first().copied());
    for f in report.findings.iter().filter(|f| f.place().and_then(Place::bits).is_some()) {
        match groups.iter_mut().find(|g| g.first().is_some_and(|first| key(first) == key(f))) {
            Some(group) => group.push(f),
            None => groups.push(vec![f]),
        }
    }
    groups.into_iter().filter_map(|group| map(report, group)).collect()
}

fn map<'a>(report: &'a Report, findings: Vec<&'a Finding>) -> Option<Map<'a>> {
    let first = *findings.first()?;
    let vcpu = first.vcpus.first().copied();
    let width: u8 = if first.place()?.msr_index().is_some() { 64 } else { 32 };
    let digits = usize::from(width / 4);
    let of = |dump: &Dump| value(first, vcpu, dump);
    let sides: Vec<usize> = match first.input {
        Some(input) => vec![input],
        None => (0..report.dumps.len()).collect(),
    };
    // What single places say makes no register.
    if sides.iter().filter_map(|side| report.dumps.get(*side)).any(Dump::is_statements) {
        return None;
    }
    let values: Vec<Option<u64>> = sides.iter().filter_map(|side| report.dumps.get(*side)).map(of).collect();
    // Where there is no second dump, the findings themselves say what was expected.
    let (before, after) = match values.as_slice() {
        [a, b] => (a.unwrap_or_default(), b.unwrap_or_default()),
        [a] => (expected(&findings, a.unwrap_or_default()), a.unwrap_or_default()),
        _ => return None,
    };
    let bits = (0..width).rev().map(|bit| {
        let finding = findings.iter().copied().find(|f| covers(f, bit));
        let (was, is) = (before >> bit & 1 == 1, after >> bit & 1 == 1);
        (fate(finding, was, is), finding)
    });
    let mut title = match first.place()? {
        Place::Cpuid { id, register, .. } => format!("{id} {register}"),
        place => place.with_bits(BitRange::MSR).to_string(),
    };
    title.push_str(&words::aside(report, first));
    if report.inputs.iter().any(|input| first.vcpus.len() < input.vcpus) {
        title.push_str(&format!(", vCPU {}", list::ranges(&first.vcpus)));
    }
    let shown = |value: &Option<u64>| match value {
        Some(value) => format!("{value:0digits$x}"),
        None => "absent".to_string(),
    };
    let values = sides.iter().zip(&values).map(|(side, value)| (words::letter(*side), shown(value))).collect();
    Some(Map { title, values, bits: bits.collect(), findings })
}

/// What a dump holds at a finding's register.
fn value(f: &Finding, vcpu: Option<u32>, dump: &Dump) -> Option<u64> {
    let own = dump.vcpus.iter().find(|v| Some(v.vcpu) == vcpu);
    let v = own.or(dump.vcpus.first())?;
    let place = f.place()?;
    match place.msr_index() {
        Some(msr) => v.msr(msr).flatten(),
        None => Some(u64::from(v.get(leaf_in(f, v)?)?.get(place.register()?))),
    }
}

fn covers(f: &Finding, bit: u8) -> bool {
    f.place().and_then(Place::bits).is_some_and(|bits| bits.holds(BitRange::one(bit)))
}

/// A register with the bits that the baseline expects; bits that the baseline does not mention stay as they are.
fn expected(findings: &[&Finding], value: u64) -> u64 {
    findings.iter().fold(value, |value, f| match (f.place().and_then(Place::bits), &f.values.expected) {
        (Some(bits), Value::Bit(one)) => value & !bits.mask() | u64::from(*one) << bits.lo,
        _ => value,
    })
}

fn fate(finding: Option<&Finding>, was: bool, is: bool) -> Fate {
    let Some(f) = finding.filter(|_| was != is) else { return Fate::Same(is) };
    match f.severity {
        Severity::Info | Severity::Expected | Severity::Waived => Fate::Aside,
        _ if !f.is_one_bit() => Fate::Changed,
        _ if was => Fate::Lost,
        _ => Fate::Gained,
    }
}
