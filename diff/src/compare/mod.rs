//! Dumps against dumps: pure functions from two dumps to all findings, sorted, and from findings to a verdict.
//!
//! No I/O, no clock, no environment. A finding is never an error, and nothing is left out: what is set aside is listed
//! with its rule and reason, what could not be compared is listed as not captured.
//!
//! The work is split by question: [`blocks`] which hypervisor block is which, [`mod@pairs`] which vCPU goes with which,
//! [`mod@judge`] how bad one differing row is, [`within`] whether one dump agrees with itself, [`notes`] what the
//! provenances say, [`verdict`] what follows from all of it.

pub mod blocks;
pub mod clock;
pub mod finding;
pub mod judge;
pub mod notes;
pub mod pairs;
pub mod verdict;
pub mod within;

use cpuid_probe::coverage::{Coverage, MsrPlace, Place, lacking};
use cpuid_probe::dump::{Dump, GapReason, Source, VcpuDump};
use cpuid_probe::leaf::LeafId;
use cpuid_probe::rules::rule_of;
use cpuid_probe::{Register, Registers};

use crate::compare::blocks::{BlockMap, Slot};
use crate::compare::finding::{Findings, Pair, Spot};
use crate::compare::judge::{Directions, judge};
use crate::compare::pairs::pairs;
use crate::compare::within::PerVcpu;
use crate::knowledge::{self, Site};
use crate::report::{Finding, NotCaptured};

/// Everything a comparison found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// All findings, by place.
    pub findings: Vec<Finding>,
    /// What could not be compared, by input and place.
    pub not_captured: Vec<NotCaptured>,
    /// Sentences about the inputs.
    pub notes: Vec<String>,
    /// How many register sets were compared.
    pub compared: usize,
    /// Every captured vCPU of both inputs is complete.
    pub complete: bool,
    /// Feature MSRs were compared too.
    pub msrs: bool,
}

/// Compares two dumps in the directions asked for.
#[must_use]
pub fn compare(a: &Dump, b: &Dump, directions: Directions) -> Comparison {
    let coverage = [a, b].map(|dump| dump.vcpus.iter().map(Coverage::of).collect::<Vec<_>>());
    let msrs = coverage.iter().flatten().all(Coverage::has_msrs);
    let mut findings = Findings::new(directions, notes::accel(&[a, b]));
    let mut missing = Missing::default();
    let mut compared = 0;
    let mut per_vcpu = PerVcpu::new(a, b);
    for pair in pairs(a, b) {
        let view = VcpuPair {
            a: &a.vcpus[pair.a],
            b: &b.vcpus[pair.b],
            coverage_a: &coverage[0][pair.a],
            coverage_b: &coverage[1][pair.b],
            vcpu: pair.vcpu,
        };
        compared += view.leaves(&mut findings, &mut missing, &mut per_vcpu);
        view.msrs(&mut findings, &mut missing);
    }
    per_vcpu.judge(a, b, &mut findings);
    for (input, (dump, coverage)) in [a, b].into_iter().zip(&coverage).enumerate() {
        missing.own(input, coverage);
        within::check(input, dump, coverage, &mut findings);
    }
    let complete = coverage.iter().all(|c| !c.is_empty() && c.iter().all(Coverage::is_complete));
    Comparison {
        findings: findings.into_sorted(),
        not_captured: missing.into_sorted(&|input| is_import([a, b][input])),
        notes: notes::notes(a, b, &coverage),
        compared,
        complete,
        msrs,
    }
}

/// What a dump itself lacks, compared or not.
#[must_use]
pub fn not_captured(input: usize, dump: &Dump) -> Vec<NotCaptured> {
    let mut missing = Missing::default();
    missing.own(input, &dump.vcpus.iter().map(Coverage::of).collect::<Vec<_>>());
    missing.into_sorted(&|_| is_import(dump))
}

/// Whether a dump was read from another tool's file.
fn is_import(dump: &Dump) -> bool {
    dump.provenance.source == Source::Import
}

/// Whether a dump holds every feature MSR that exists on its vCPUs (perhaps none).
#[must_use]
pub fn has_msrs(dump: &Dump) -> bool {
    dump.vcpus.iter().all(|v| Coverage::of(v).has_msrs())
}

/// The bits that give a place its meaning are known and 0 on all these vCPUs.
fn is_closed(gates: &[knowledge::Gate], vcpus: [&Coverage<'_>; 2]) -> bool {
    let zero = |coverage: &Coverage<'_>, gate: &knowledge::Gate| {
        let id = LeafId::new(gate.leaf, gate.subleaf);
        match coverage.place(id) {
            Place::NotCaptured => false,
            Place::Absent | Place::OverEnumerated => true,
            Place::Captured => coverage.vcpu().get(id).is_some_and(|r| r.get(gate.register) >> gate.bit & 1 == 0),
        }
    };
    !gates.is_empty() && gates.iter().all(|gate| vcpus.iter().all(|coverage| zero(coverage, gate)))
}

/// The differing bits of an MSR, split into knowledge rows: each row with both values of it, shifted down.
fn msr_rows(index: u32, a: u64, b: u64) -> Vec<(knowledge::Row, u64, u64)> {
    let mut rows = Vec::new();
    let mut differing = a ^ b;
    while differing != 0 {
        let row = knowledge::msr_row(index, differing.trailing_zeros() as u8);
        let mask = (u64::MAX >> (63 - row.hi)) & (u64::MAX << row.lo);
        differing &= !mask;
        rows.push((row, (a & mask) >> row.lo, (b & mask) >> row.lo));
    }
    rows
}

/// One vCPU of each dump, to be compared.
struct VcpuPair<'a> {
    a: &'a VcpuDump,
    b: &'a VcpuDump,
    coverage_a: &'a Coverage<'a>,
    coverage_b: &'a Coverage<'a>,
    /// The number to report.
    vcpu: u32,
}

impl VcpuPair<'_> {
    /// Compares every place that either side holds. Returns how many register sets were compared.
    fn leaves(&self, findings: &mut Findings, missing: &mut Missing, per_vcpu: &mut PerVcpu) -> usize {
        let map = BlockMap::new(self.a, self.b, self.coverage_a, self.coverage_b);
        for block in map.differing() {
            findings.block(block, self.vcpu);
        }
        let mut compared = 0;
        for slot in map.slots(self.a, self.b) {
            let place_a = slot.a.map_or(Place::Absent, |id| self.coverage_a.place(id));
            let place_b = slot.b.map_or(Place::Absent, |id| self.coverage_b.place(id));
            if place_a == Place::OverEnumerated || place_b == Place::OverEnumerated {
                findings.over_enumerated(&slot, self.vcpu, [place_a, place_b].map(|p| p == Place::OverEnumerated));
            }
            // Data of a place that does not exist is set aside above; the place itself reads as absent.
            let read = |place, vcpu: &VcpuDump, id: Option<LeafId>| match place {
                Place::Captured => id.and_then(|id| vcpu.get(id)),
                _ => None,
            };
            let (ra, rb) = (read(place_a, self.a, slot.a), read(place_b, self.b, slot.b));
            match (ra, rb) {
                (Some(r), None) if ends_list(slot.a, r, slot.b, self.coverage_b) => {
                    findings.terminator(&slot, self.vcpu);
                }
                (None, Some(r)) if ends_list(slot.b, r, slot.a, self.coverage_a) => {
                    findings.terminator(&slot, self.vcpu);
                }
                _ if place_a == Place::NotCaptured => missing.add(0, self.a, slot.a, &self.coverage_a.capped),
                _ if place_b == Place::NotCaptured => missing.add(1, self.b, slot.b, &self.coverage_b.capped),
                (None, None) => {}
                _ => {
                    compared += 1;
                    if ra != rb {
                        self.registers(&slot, ra, rb, findings, per_vcpu);
                    }
                }
            }
        }
        compared
    }

    /// Splits the differing bits of one register set into knowledge rows, and judges each.
    fn registers(
        &self,
        slot: &Slot,
        a: Option<Registers>,
        b: Option<Registers>,
        findings: &mut Findings,
        per_vcpu: &mut PerVcpu,
    ) {
        let (va, vb) = (slot.normalise_a(a.unwrap_or_default()), slot.normalise_b(b.unwrap_or_default()));
        for register in Register::ALL {
            let site = Site { register, ..slot.site };
            let mut differing = va[register] ^ vb[register];
            while differing != 0 {
                let row = knowledge::row_at(site, differing.trailing_zeros() as u8);
                let mask = cpuid_probe::register::mask(row.hi, row.lo);
                differing &= !mask;
                let closed = is_closed(row.gates, [self.coverage_a, self.coverage_b]);
                let spot = Spot::register(slot, register, row.hi, row.lo);
                let pair = Pair::new(
                    a.map(|_| u64::from((va[register] & mask) >> row.lo)),
                    b.map(|_| u64::from((vb[register] & mask) >> row.lo)),
                );
                if row.rule == knowledge::RuleKind::PerVcpu {
                    per_vcpu.note(slot, register, row, pair, closed, self.vcpu);
                    continue;
                }
                let clocks = clock::frequencies(site, va, vb);
                let judged = judge(&row, pair, clocks, closed);
                findings.row(&spot, site, &row, pair, judged, self.vcpu);
            }
        }
    }

    /// Compares the feature MSRs that either vCPU holds.
    fn msrs(&self, findings: &mut Findings, missing: &mut Missing) {
        let mut indexes: Vec<u32> = self.a.msrs().iter().chain(self.b.msrs()).map(|m| m.index).collect();
        indexes.sort_unstable();
        indexes.dedup();
        for index in indexes {
            let value = |place| match place {
                MsrPlace::Read(value) => Some(value),
                _ => None,
            };
            match (self.coverage_a.msr(index), self.coverage_b.msr(index)) {
                (MsrPlace::NotCaptured, _) => missing.msr(0, self.a, index),
                (_, MsrPlace::NotCaptured) => missing.msr(1, self.b, index),
                (a, b) => {
                    let (a, b) = (value(a), value(b));
                    for (row, va, vb) in msr_rows(index, a.unwrap_or_default(), b.unwrap_or_default()) {
                        let pair = Pair::new(a.map(|_| va), b.map(|_| vb));
                        findings.msr(index, &row, pair, judge(&row, pair, None, false), self.vcpu);
                    }
                }
            }
        }
    }
}

/// Whether `registers` at `id` only say that a list of subleaves ends here, where the other dump's list ends too, or
/// is captured up to here.
fn ends_list(id: Option<LeafId>, registers: Registers, other: Option<LeafId>, coverage: &Coverage<'_>) -> bool {
    let rule = id.and_then(|id| Some((rule_of(id.leaf)?, id.subleaf?)));
    let ends = rule.is_some_and(|(rule, subleaf)| subleaf > 0 && rule.ends_at(subleaf, registers));
    let up_to_here = |id: LeafId| {
        let before = LeafId::new(id.leaf, id.ecx().saturating_sub(1));
        coverage.place(id) != Place::NotCaptured || coverage.vcpu().get(before).is_some()
    };
    ends && other.is_none_or(up_to_here)
}

/// Places that could not be compared, each once.
#[derive(Debug, Default)]
struct Missing(Vec<Lack>);

/// One such place. The order is the order of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lack {
    input: usize,
    vcpu: u32,
    what: Lacking,
    reason: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lacking {
    Leaf(LeafId),
    Msr(u32),
}

impl Missing {
    fn add(&mut self, input: usize, vcpu: &VcpuDump, id: Option<LeafId>, capped: &[LeafId]) {
        let Some(id) = id else { return };
        let gap = lacking(vcpu).find(|gap| gap.id.leaf == id.leaf || gap.id.leaf == 0);
        let cut = capped.iter().any(|c| c.leaf == id.leaf);
        let reason = gap.map_or(if cut { "cap" } else { "missing" }, |gap| gap.reason.word());
        self.0.push(Lack { input, vcpu: vcpu.vcpu, what: Lacking::Leaf(id), reason });
    }

    fn msr(&mut self, input: usize, vcpu: &VcpuDump, index: u32) {
        let reason = if vcpu.msr(index).is_some() { GapReason::Fault.word() } else { "missing" };
        self.0.push(Lack { input, vcpu: vcpu.vcpu, what: Lacking::Msr(index), reason });
    }

    /// What a dump itself lacks, compared or not.
    fn own(&mut self, input: usize, coverage: &[Coverage<'_>]) {
        for coverage in coverage {
            let vcpu = coverage.vcpu();
            for id in &coverage.missing {
                self.add(input, vcpu, Some(*id), &coverage.capped);
            }
            let capped = coverage.capped.iter().map(|id| (*id, GapReason::Cap));
            for (id, reason) in capped.chain(lacking(vcpu).map(|gap| (gap.id, gap.reason))) {
                self.0.push(Lack { input, vcpu: vcpu.vcpu, what: Lacking::Leaf(id), reason: reason.word() });
            }
        }
    }

    /// By input and place. Where nobody read a leaf, a reader of another tool's file can only say that it is missing.
    fn into_sorted(mut self, imported: &dyn Fn(usize) -> bool) -> Vec<NotCaptured> {
        for lack in &mut self.0 {
            if lack.reason == GapReason::Fault.word() && matches!(lack.what, Lacking::Leaf(_)) && imported(lack.input) {
                lack.reason = "missing";
            }
        }
        self.0.sort_unstable();
        self.0.dedup_by_key(|lack| (lack.input, lack.vcpu, lack.what));
        let hex = |n: u32| format!("{n:#010x}");
        let not_captured = |lack: Lack| {
            let (leaf, subleaf, msr) = match lack.what {
                Lacking::Leaf(id) => (Some(hex(id.leaf)), id.subleaf.map(hex), None),
                Lacking::Msr(index) => (None, None, Some(hex(index))),
            };
            NotCaptured { input: lack.input, vcpu: lack.vcpu, leaf, subleaf, msr, reason: lack.reason.to_string() }
        };
        self.0.into_iter().map(not_captured).collect()
    }
}
