//! One dump against itself: what must be unique on every vCPU, what must agree on all, and what may differ by vCPU.

use std::collections::BTreeMap;

use cpuid_probe::coverage::{Coverage, MsrPlace, Place};
use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::leaf::LeafId;
use cpuid_probe::register::{field, mask};
use cpuid_probe::{Register, Registers};

use crate::compare::blocks::{BlockMap, Slot};
use crate::compare::finding::{Findings, Pair, Spot, values};
use crate::compare::judge::{CLOSED, Judged};
use crate::compare::pairs::has_all_vcpus;
use crate::compare::{is_closed, msr_rows};
use crate::knowledge::{self, Row, RuleKind, Site};
use crate::report::{Change, Severity, Values};

/// A per-vCPU id that no two vCPUs of a guest may share.
struct UniqueId {
    leaf: u32,
    subleaf: u32,
    register: Register,
    hi: u8,
    lo: u8,
    /// The id means something where this register of the same place is not zero.
    valid: Option<Register>,
    /// At most this many vCPUs can have one each.
    vcpus: usize,
}

/// An id, and the vCPU that shows it.
struct Id {
    vcpu: u32,
    value: u32,
}

impl UniqueId {
    /// The id that a vCPU shows, if the place exists there and means something.
    fn read(&self, coverage: &Coverage<'_>) -> Option<Id> {
        let place = LeafId::new(self.leaf, self.subleaf);
        let r = coverage.vcpu().get(place).filter(|_| coverage.place(place) == Place::Captured)?;
        let means_something = self.valid.is_none_or(|register| r.get(register) != 0);
        let value = field(r.get(self.register), self.hi, self.lo);
        means_something.then_some(Id { vcpu: coverage.vcpu().vcpu, value })
    }
}

/// # Source
/// Intel SDM leaves 01H, 0BH, 1FH; AMD APM vol. 3 appendix E Fn8000_001E, Fn8000_0026.
#[rustfmt::skip]
const UNIQUE_IDS: &[UniqueId] = &[
    UniqueId { leaf: 0x1, subleaf: 0, register: Register::Ebx, hi: 31, lo: 24, valid: None, vcpus: 255 },
    UniqueId { leaf: 0xb, subleaf: 0, register: Register::Edx, hi: 31, lo: 0, valid: Some(Register::Ebx), vcpus: usize::MAX },
    UniqueId { leaf: 0x1f, subleaf: 0, register: Register::Edx, hi: 31, lo: 0, valid: Some(Register::Ebx), vcpus: usize::MAX },
    UniqueId { leaf: 0x8000_001e, subleaf: 0, register: Register::Eax, hi: 31, lo: 0, valid: Some(Register::Ebx), vcpus: usize::MAX },
    UniqueId { leaf: 0x8000_0026, subleaf: 0, register: Register::Edx, hi: 31, lo: 0, valid: Some(Register::Ebx), vcpus: usize::MAX },
];

/// Checks dump number `input`: ids are unique, the two APIC ids of a vCPU agree, and every register that no row calls
/// per-vCPU is the same on every vCPU. A disagreement warns of that input: its capture was perhaps not pinned.
pub fn check(input: usize, dump: &Dump, coverage: &[Coverage<'_>], findings: &mut Findings) {
    for unique in UNIQUE_IDS.iter().filter(|unique| dump.vcpus.len() <= unique.vcpus) {
        let mut seen: BTreeMap<u32, u32> = BTreeMap::new();
        for id in coverage.iter().filter_map(|coverage| unique.read(coverage)) {
            if let Some(first) = seen.insert(id.value, id.vcpu) {
                warn(input, unique, id.value, [first, id.vcpu], findings);
            }
        }
    }
    for coverage in coverage {
        apic_ids_agree(input, coverage, findings);
    }
    if let ([first, others @ ..], [coverage, rest @ ..]) = (dump.vcpus.as_slice(), coverage) {
        for (other, other_coverage) in others.iter().zip(rest) {
            agree(input, (first, coverage), (other, other_coverage), findings);
            msrs_agree(input, coverage, other_coverage, findings);
        }
    }
}

const WARNING: Judged = Judged { change: Change::Same, severity: Severity::Warning };

fn warn(input: usize, unique: &UniqueId, id: u32, vcpus: [u32; 2], findings: &mut Findings) {
    let place = LeafId::new(unique.leaf, unique.subleaf);
    let spot = Spot::bits(place, None, unique.register, unique.hi, unique.lo);
    let mut finding = spot.described(&row_of(place, unique.register, unique.lo));
    finding.input = Some(input);
    finding.values.a = Some(format!("{id:#x}"));
    finding.cause = Some(format!("vCPUs {} and {} show the same id: capture not pinned?", vcpus[0], vcpus[1]));
    finding.remedy = Some("capture again, each vCPU on itself (cpuid-probe does)".to_string());
    finding.vcpus.push(vcpus[0]);
    findings.add(&spot, finding, WARNING, WARNING, Some(vcpus[1]));
}

/// Bits 31:24 of leaf 1 EBX are the low byte of the x2APIC id.
fn apic_ids_agree(input: usize, coverage: &Coverage<'_>, findings: &mut Findings) {
    let [legacy, x2apic, ..] = UNIQUE_IDS else { return };
    let (Some(low), Some(id)) = (legacy.read(coverage), x2apic.read(coverage)) else { return };
    if low.value != id.value & 0xff {
        let place = LeafId::new(legacy.leaf, legacy.subleaf);
        let spot = Spot::bits(place, None, legacy.register, legacy.hi, legacy.lo);
        let mut finding = spot.described(&row_of(place, legacy.register, legacy.lo));
        finding.input = Some(input);
        finding.values.a = Some(format!("{:#x}", low.value));
        finding.cause = Some(format!(
            "the x2APIC id of the same vCPU is {:#x}, of which this should be the low byte: capture not pinned?",
            id.value
        ));
        findings.add(&spot, finding, WARNING, WARNING, Some(low.vcpu));
    }
}

fn row_of(id: LeafId, register: Register, bit: u8) -> Row {
    knowledge::row_at(Site { owner: knowledge::Owner::Cpu, leaf: id.leaf, subleaf: id.ecx(), register }, bit)
}

/// Two vCPUs of one dump. Rows that may differ by vCPU or mirror the guest's state are left out.
fn agree(input: usize, first: (&VcpuDump, &Coverage<'_>), other: (&VcpuDump, &Coverage<'_>), findings: &mut Findings) {
    if first.0.leaves() == other.0.leaves() {
        return;
    }
    let map = BlockMap::new(first.0, other.0, first.1, other.1);
    for slot in map.slots(first.0, other.0) {
        let read = |id: Option<LeafId>, (v, coverage): (&VcpuDump, &Coverage<'_>)| {
            let id = id?;
            match coverage.place(id) {
                Place::Captured => v.get(id),
                Place::Absent => Some(Registers::ZERO),
                Place::NotCaptured | Place::OverEnumerated => None,
            }
        };
        let (Some(a), Some(b)) = (read(slot.a, first), read(slot.b, other)) else { continue };
        for register in Register::ALL {
            let site = Site { register, ..slot.site };
            let mut differing = a[register] ^ b[register];
            while differing != 0 {
                let row = knowledge::row_at(site, differing.trailing_zeros() as u8);
                differing &= !mask(row.bits.hi, row.bits.lo);
                let severity = match row.rule {
                    RuleKind::PerVcpu | RuleKind::OsControlled => continue,
                    RuleKind::Informational => Severity::Info,
                    _ if is_closed(row.gates, [first.1, other.1]) => Severity::Info,
                    _ => Severity::Warning,
                };
                let spot = Spot::register(&slot, register, row.bits.hi, row.bits.lo);
                let value = |r: Registers| Some(u64::from(field(r[register], row.bits.hi, row.bits.lo)));
                let both = values(Pair::new(value(a), value(b)), row.bits.hi == row.bits.lo);
                disagreement(&spot, &row, input, [first.0.vcpu, other.0.vcpu], both, severity, findings);
            }
        }
    }
}

/// Feature MSRs of two vCPUs of one dump.
fn msrs_agree(input: usize, first: &Coverage<'_>, other: &Coverage<'_>, findings: &mut Findings) {
    for msr in first.vcpu().msrs() {
        let (MsrPlace::Read(a), MsrPlace::Read(b)) = (first.msr(msr.index), other.msr(msr.index)) else { continue };
        for (row, a, b) in msr_rows(msr.index, a, b) {
            let spot = Spot::msr(msr.index, row.bits.hi, row.bits.lo);
            let pair = values(Pair::new(Some(a), Some(b)), row.bits.hi == row.bits.lo);
            disagreement(&spot, &row, input, [first.vcpu().vcpu, other.vcpu().vcpu], pair, Severity::Warning, findings);
        }
    }
}

/// Two vCPUs of one dump differ where every vCPU of a guest should show the same.
fn disagreement(
    spot: &Spot,
    row: &Row,
    input: usize,
    vcpus: [u32; 2],
    both: Values,
    severity: Severity,
    findings: &mut Findings,
) {
    let mut finding = spot.described(row);
    finding.input = Some(input);
    finding.rule = "same-on-every-vcpu".to_string();
    finding.cause = Some(format!(
        "vCPU {} shows {} and vCPU {} shows {}, but every vCPU of a guest should show the same here",
        vcpus[0],
        both.a.as_deref().unwrap_or_default(),
        vcpus[1],
        both.b.as_deref().unwrap_or_default()
    ));
    finding.values = both;
    let judged = Judged { change: Change::Changed, severity };
    findings.add(spot, finding, judged, judged, Some(vcpus[1]));
}

/// A per-vCPU row, and the vCPUs on which it differs.
#[derive(Debug)]
struct Noted {
    slot: Slot,
    row: Row,
    /// The bit that gives the place its meaning is 0 wherever it differs.
    closed: bool,
    pairs: Vec<(Pair, u32)>,
}

/// Per-vCPU places that differed in some pair, judged together at the end.
#[derive(Debug)]
pub struct PerVcpu {
    noted: BTreeMap<(LeafId, Register, u8), Noted>,
    /// Both dumps hold all vCPUs their guests have.
    all: bool,
}

impl PerVcpu {
    /// Nothing noted.
    #[must_use]
    pub fn new(a: &Dump, b: &Dump) -> Self {
        Self { noted: BTreeMap::new(), all: has_all_vcpus(a) && has_all_vcpus(b) }
    }

    /// A per-vCPU row differs in some pair. `closed` says that the bit which gives it its meaning is 0 on both sides.
    pub fn note(&mut self, slot: &Slot, register: Register, row: Row, pair: Pair, closed: bool, vcpu: u32) {
        let key = (slot.id(), register, row.bits.lo);
        let noted = self.noted.entry(key).or_insert(Noted { slot: *slot, row, closed, pairs: Vec::new() });
        noted.closed &= closed;
        noted.pairs.push((pair, vcpu));
    }

    /// Per-vCPU values are expected to differ by vCPU, but over all vCPUs both guests must show the same ones.
    pub fn judge(self, a: &Dump, b: &Dump, findings: &mut Findings) {
        let counts_differ = self.all && a.vcpus.len() != b.vcpus.len();
        if counts_differ {
            findings.vcpu_count(a.vcpus.len(), b.vcpus.len());
        }
        for ((_, register, _), Noted { slot, row, closed, pairs }) in self.noted {
            let collect = |dump: &Dump, id: Option<LeafId>| {
                let value =
                    |v: &VcpuDump| id.and_then(|id| v.get(id)).map(|r| field(r[register], row.bits.hi, row.bits.lo));
                let mut values: Vec<Option<u32>> = dump.vcpus.iter().map(value).collect();
                values.sort_unstable();
                values
            };
            let (of_a, of_b) = (collect(a, slot.a), collect(b, slot.b));
            let (severity, cause) = if counts_differ {
                (Severity::Expected, "the guests have different numbers of vCPUs, so ids are not compared")
            } else if !self.all {
                (Severity::Expected, "differs by vCPU, and not all vCPUs of both guests were captured")
            } else if of_a == of_b {
                (Severity::Expected, "differs by vCPU; over all vCPUs both guests show the same values")
            } else if closed {
                (Severity::Info, CLOSED)
            } else {
                // A row whose own severities are `expected` is an id: a set of other ids is another machine.
                let worst = row.lost.min(row.gained);
                let severity = if worst == Severity::Expected { Severity::Unsafe } else { worst };
                (severity, "over all vCPUs the two guests show different values")
            };
            let spot = Spot::register(&slot, register, row.bits.hi, row.bits.lo);
            let judged = Judged { change: Change::Changed, severity };
            for (pair, vcpu) in pairs {
                let mut finding = spot.described(&row);
                finding.values = values(pair, row.bits.hi == row.bits.lo);
                finding.cause = Some(cause.to_string());
                findings.add(&spot, finding, judged, judged, Some(vcpu));
            }
        }
    }
}
