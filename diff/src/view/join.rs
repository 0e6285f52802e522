//! Two dumps side by side: every place at which they differ, and every place that one of them does not hold.
//!
//! The join says what is, never how bad it is.

use cpuid_probe::coverage::{Coverage, MsrPlace, Place as Covered, lacking};
use cpuid_probe::dump::{GapReason, VcpuDump};
use cpuid_probe::leaf::LeafId;
use cpuid_probe::place::{BitRange, Place};
use cpuid_probe::rules::rule_of;
use cpuid_probe::{Register, Registers};

use super::blocks::{BlockMap, BlockPair, Slot};
use super::clock::{self, Clocks};
use super::dump::{DumpView, VcpuView};
use super::pairs::pairs;
use crate::knowledge::{Knowledge, Row};

/// The values of a row in both dumps, shifted down; `None` where the place is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// In the first dump.
    pub a: Option<u64>,
    /// In the second dump.
    pub b: Option<u64>,
}

/// A row whose values differ.
#[derive(Clone, Copy, Debug)]
pub struct Differing {
    /// Where.
    pub place: Place,
    /// What is known of it.
    pub row: Row,
    /// The values.
    pub pair: Pair,
    /// The rates that the whole leaf reports, where they are not the row's own number.
    pub clocks: Option<Clocks>,
    /// The values as software understands them: a zero that stands for another field's value is that value.
    pub meant: [u64; 2],
    /// Why the difference means nothing, where it does not.
    pub harmless: Option<Harmless>,
    /// It is the only bit of its register that differs and that no row names.
    pub alone: bool,
    /// The register set in each dump, for a place in one.
    pub at: [Option<LeafId>; 2],
}

/// Why a difference means nothing to software.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harmless {
    /// The bits that give the place its meaning are known and 0 on both sides.
    Closed,
    /// One side's zero stands for another field's value, which the other side spells out.
    SameMeaning,
}

/// What two vCPUs that are compared do not have alike.
#[derive(Clone, Debug)]
pub enum Difference {
    /// A row's values.
    Row(Box<Differing>),
    /// The end of a list of subleaves, in one dump alone.
    Terminator(Place),
    /// A register set that its own dump says cannot be there, in which dumps, and whether both hold it and differ.
    OverEnumerated(Place, [bool; 2], bool),
    /// A hypervisor block on one side only, or at another base.
    Block(BlockPair),
    /// An MSR that was read in one dump and faults in the other; the side that faults.
    Fault(Place, usize),
}

/// A place that could not be compared. The order is that of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotCaptured {
    /// Index of the input that does not hold it.
    pub input: usize,
    /// The vCPU of that input.
    pub vcpu: u32,
    /// A register set, or a whole MSR.
    pub place: Place,
    /// Why.
    pub reason: Lack,
}

/// Why a dump does not hold a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// The dump gives a reason.
    Gap(GapReason),
    /// It does not.
    Missing,
    /// The source makes statements of single places, and not of all bits there.
    Unsaid,
}

impl Lack {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gap(reason) => reason.word(),
            Self::Missing => "missing",
            Self::Unsaid => "not said",
        }
    }
}

/// Two dumps, joined.
#[derive(Debug, Default)]
pub struct Joined {
    /// One dump holds a feature MSR that is not zero and that the other announces and does not hold.
    pub msr_unread: bool,
    /// What differs, with the number of the vCPU to report.
    pub differences: Vec<(u32, Difference)>,
    /// What could not be compared, by input and place.
    pub not_captured: Vec<NotCaptured>,
    /// How many register sets were compared.
    pub compared: usize,
}

/// Joins two dumps, vCPU by vCPU.
#[must_use]
pub fn join(a: &DumpView<'_>, b: &DumpView<'_>, knowledge: &Knowledge) -> Joined {
    let mut joined = Joined::default();
    for pair in pairs(a.dump, b.dump) {
        let both = Both { a: &a.vcpus[pair.a], b: &b.vcpus[pair.b], vcpu: pair.vcpu, knowledge };
        both.leaves(&mut joined);
        both.msrs(&mut joined);
    }
    let own = [a, b].into_iter().enumerate().flat_map(|(input, view)| not_captured(input, view));
    joined.not_captured.extend(own.collect::<Vec<_>>());
    joined.not_captured = sorted(std::mem::take(&mut joined.not_captured), &[a, b]);
    joined
}

/// What a dump itself lacks, compared or not.
#[must_use]
pub fn not_captured(input: usize, view: &DumpView<'_>) -> Vec<NotCaptured> {
    let mut lacks = Vec::new();
    for v in &view.vcpus {
        lacks.extend(v.coverage.missing.iter().map(|id| lack(input, v, *id)));
        let capped = v.coverage.capped.iter().map(|id| (*id, GapReason::Cap));
        let gaps = lacking(v.vcpu).map(|gap| (gap.id, gap.reason));
        lacks.extend(capped.chain(gaps).map(|(id, reason)| NotCaptured {
            input,
            vcpu: v.vcpu.vcpu,
            place: Place::Leaf { block: None, id },
            reason: Lack::Gap(reason),
        }));
    }
    let views: Vec<&DumpView<'_>> = std::iter::repeat_n(view, input + 1).collect();
    sorted(lacks, &views)
}

/// By input and place, each place once. Where nobody read a leaf, a reader of another tool's file can only say that it
/// is missing.
#[must_use]
pub fn sorted(mut lacks: Vec<NotCaptured>, views: &[&DumpView<'_>]) -> Vec<NotCaptured> {
    for lack in &mut lacks {
        let imported = views.get(lack.input).is_some_and(|view| view.is_import());
        if imported && lack.reason == Lack::Gap(GapReason::Fault) && lack.place.msr_index().is_none() {
            lack.reason = Lack::Missing;
        }
    }
    lacks.sort_unstable();
    lacks.dedup_by_key(|lack| (lack.input, lack.vcpu, lack.place));
    lacks
}

fn lack(input: usize, view: &VcpuView<'_>, id: LeafId) -> NotCaptured {
    let gap = lacking(view.vcpu).find(|gap| gap.id.leaf == id.leaf || gap.id.leaf == 0);
    let cut = view.coverage.capped.iter().any(|c| c.leaf == id.leaf);
    let reason = match gap {
        Some(gap) => Lack::Gap(gap.reason),
        None if cut => Lack::Gap(GapReason::Cap),
        None if view.vcpu.is_statements() => Lack::Unsaid,
        None => Lack::Missing,
    };
    NotCaptured { input, vcpu: view.vcpu.vcpu, place: Place::Leaf { block: None, id }, reason }
}

/// The bits that give a place its meaning are known and 0 on all these vCPUs.
#[must_use]
pub fn is_closed(gates: &[Place], vcpus: [&Coverage<'_>; 2]) -> bool {
    let zero = |coverage: &Coverage<'_>, gate: &Place| {
        let &Place::Cpuid { id, register, bits, .. } = gate else { return false };
        match coverage.place(id) {
            Covered::Captured if !coverage.vcpu().knows(*gate) => false,
            Covered::NotCaptured => false,
            Covered::Absent | Covered::OverEnumerated => true,
            Covered::Captured => coverage.vcpu().get(id).is_some_and(|r| bits.of(r.get(register).into()) == 0),
        }
    };
    !gates.is_empty() && gates.iter().all(|gate| vcpus.iter().all(|coverage| zero(coverage, gate)))
}

/// The rows of a register or MSR in which two values differ. `register` is any place in it.
pub fn rows<'k>(register: Place, a: u64, b: u64, knowledge: &'k Knowledge) -> impl Iterator<Item = Row> + 'k {
    let mut differing = a ^ b;
    std::iter::from_fn(move || {
        let bit = differing.checked_ilog2().map(|_| differing.trailing_zeros() as u8)?;
        let row = knowledge.row(register.with_bits(BitRange::one(bit)));
        differing &= !row.bits.mask();
        Some(row)
    })
}

/// One vCPU of each dump.
struct Both<'a> {
    a: &'a VcpuView<'a>,
    b: &'a VcpuView<'a>,
    /// The number to report.
    vcpu: u32,
    knowledge: &'a Knowledge,
}

impl Both<'_> {
    /// Every register set that either side holds.
    fn leaves(&self, joined: &mut Joined) {
        let map = BlockMap::new(self.a.vcpu, self.b.vcpu, &self.a.coverage, &self.b.coverage);
        joined.differences.extend(map.differing().map(|block| (self.vcpu, Difference::Block(*block))));
        for slot in map.slots(self.a.vcpu, self.b.vcpu) {
            let covered =
                |id: Option<LeafId>, view: &VcpuView<'_>| id.map_or(Covered::Absent, |id| view.coverage.place(id));
            let (place_a, place_b) = (covered(slot.a, self.a), covered(slot.b, self.b));
            if place_a == Covered::OverEnumerated || place_b == Covered::OverEnumerated {
                let sides = [place_a, place_b].map(|p| p == Covered::OverEnumerated);
                let held = |id: Option<LeafId>, view: &VcpuView<'_>| id.and_then(|id| view.vcpu.get(id));
                let unlike = sides == [true; 2] && held(slot.a, self.a) != held(slot.b, self.b);
                joined.differences.push((self.vcpu, Difference::OverEnumerated(slot.set(), sides, unlike)));
            }
            // Data of a place that does not exist is set aside above; the place itself reads as absent.
            let read = |place, vcpu: &VcpuDump, id: Option<LeafId>| match place {
                Covered::Captured => id.and_then(|id| vcpu.get(id)),
                _ => None,
            };
            let (ra, rb) = (read(place_a, self.a.vcpu, slot.a), read(place_b, self.b.vcpu, slot.b));
            match (ra, rb) {
                (Some(r), None) if ends_list(slot.a, r, slot.b, &self.b.coverage) => {
                    joined.differences.push((self.vcpu, Difference::Terminator(slot.set())));
                }
                (None, Some(r)) if ends_list(slot.b, r, slot.a, &self.a.coverage) => {
                    joined.differences.push((self.vcpu, Difference::Terminator(slot.set())));
                }
                _ if place_a == Covered::NotCaptured => {
                    joined.not_captured.extend(slot.a.map(|id| lack(0, self.a, id)));
                }
                _ if place_b == Covered::NotCaptured => {
                    joined.not_captured.extend(slot.b.map(|id| lack(1, self.b, id)));
                }
                (None, None) => {}
                _ => {
                    joined.compared += 1;
                    self.unsaid(&slot, joined);
                    if ra != rb {
                        self.registers(&slot, ra, rb, joined);
                    }
                }
            }
        }
    }

    /// The bits of a register of which both sides say what they are.
    fn said(&self, slot: &Slot, register: Register) -> u32 {
        let of = |id: Option<LeafId>, vcpu: &VcpuDump| id.map_or(u32::MAX, |id| vcpu.known(id, register));
        of(slot.a, self.a.vcpu) & of(slot.b, self.b.vcpu)
    }

    /// Notes that a side does not say every bit of a register set.
    fn unsaid(&self, slot: &Slot, joined: &mut Joined) {
        for (input, id, view) in [(0, slot.a, self.a), (1, slot.b, self.b)] {
            let Some(id) = id.filter(|id| Register::ALL.iter().any(|r| view.vcpu.known(*id, *r) != u32::MAX)) else {
                continue;
            };
            let place = Place::Leaf { block: None, id };
            joined.not_captured.push(NotCaptured { input, vcpu: view.vcpu.vcpu, place, reason: Lack::Unsaid });
        }
    }

    /// The rows of one register set that differ.
    fn registers(&self, slot: &Slot, a: Option<Registers>, b: Option<Registers>, joined: &mut Joined) {
        let (va, vb) = (slot.normalise_a(a.unwrap_or_default()), slot.normalise_b(b.unwrap_or_default()));
        for register in Register::ALL {
            let whole = slot.bits(register, BitRange::REGISTER);
            let said = self.said(slot, register);
            let (in_a, in_b) = (u64::from(va[register] & said), u64::from(vb[register] & said));
            let whole_rows = |row: &Row| row.bits.mask() & !u64::from(said) == 0;
            let differing: Vec<Row> = rows(whole, in_a, in_b, self.knowledge).filter(whole_rows).collect();
            let unnamed = differing.iter().filter(|row| !row.known).count();
            for row in differing {
                let meant = [in_a, in_b].map(|value| match row.zero_means {
                    Some(other) if row.bits.of(value) == 0 => other.of(value),
                    _ => row.bits.of(value),
                });
                let harmless = match meant {
                    _ if is_closed(row.gates, [&self.a.coverage, &self.b.coverage]) => Some(Harmless::Closed),
                    [a, b] => (a == b).then_some(Harmless::SameMeaning),
                };
                let difference = Differing {
                    place: whole.with_bits(row.bits),
                    row,
                    pair: Pair { a: a.map(|_| row.bits.of(in_a)), b: b.map(|_| row.bits.of(in_b)) },
                    clocks: clock::frequencies(whole, va, vb),
                    meant,
                    harmless,
                    alone: unnamed <= 1,
                    at: [slot.a, slot.b],
                };
                joined.differences.push((self.vcpu, Difference::Row(Box::new(difference))));
            }
        }
    }

    /// The feature MSRs that either vCPU holds.
    fn msrs(&self, joined: &mut Joined) {
        let mut indexes: Vec<u32> = self.a.vcpu.msrs().iter().chain(self.b.vcpu.msrs()).map(|m| m.index).collect();
        indexes.sort_unstable();
        indexes.dedup();
        for index in indexes {
            let whole = Place::Msr { index, bits: BitRange::MSR };
            let value = |place| match place {
                MsrPlace::Read(value) => Some(value),
                _ => None,
            };
            let lacks = |input, view: &VcpuView<'_>| NotCaptured {
                input,
                vcpu: view.vcpu.vcpu,
                place: whole,
                reason: if view.vcpu.msr(index).is_some() { Lack::Gap(GapReason::Fault) } else { Lack::Missing },
            };
            let faults = |view: &VcpuView<'_>| view.vcpu.msr(index) == Some(None);
            let (of_a, of_b) = (self.a.coverage.msr(index), self.b.coverage.msr(index));
            match (of_a, of_b) {
                (MsrPlace::Read(_), _) if faults(self.b) => {
                    joined.differences.push((self.vcpu, Difference::Fault(whole, 1)));
                }
                (_, MsrPlace::Read(_)) if faults(self.a) => {
                    joined.differences.push((self.vcpu, Difference::Fault(whole, 0)));
                }
                _ => {}
            }
            match (of_a, of_b) {
                (MsrPlace::NotCaptured, other) => {
                    joined.msr_unread |= matches!(other, MsrPlace::Read(_));
                    joined.not_captured.push(lacks(0, self.a));
                }
                (other, MsrPlace::NotCaptured) => {
                    joined.msr_unread |= matches!(other, MsrPlace::Read(_));
                    joined.not_captured.push(lacks(1, self.b));
                }
                (a, b) => {
                    for (input, view) in [(0, self.a), (1, self.b)] {
                        if view.vcpu.known_msr(index) != u64::MAX {
                            joined.not_captured.push(NotCaptured { reason: Lack::Unsaid, ..lacks(input, view) });
                        }
                    }
                    let (a, b) = (value(a), value(b));
                    let said = self.a.vcpu.known_msr(index) & self.b.vcpu.known_msr(index);
                    let (in_a, in_b) = (a.unwrap_or_default() & said, b.unwrap_or_default() & said);
                    for row in rows(whole, in_a, in_b, self.knowledge) {
                        let difference = Differing {
                            place: whole.with_bits(row.bits),
                            row,
                            pair: Pair { a: a.map(|_| row.bits.of(in_a)), b: b.map(|_| row.bits.of(in_b)) },
                            clocks: None,
                            meant: [row.bits.of(in_a), row.bits.of(in_b)],
                            harmless: None,
                            alone: true,
                            at: [None, None],
                        };
                        joined.differences.push((self.vcpu, Difference::Row(Box::new(difference))));
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
        coverage.place(id) != Covered::NotCaptured || coverage.vcpu().get(before).is_some()
    };
    ends && other.is_none_or(up_to_here)
}
