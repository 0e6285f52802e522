//! Which places a recorded vCPU covers. Computed by replaying the walker over it, never taken from what a file says.

use alloc::vec::Vec;

use crate::dump::{Gap, GapReason, Recorded, VcpuDump};
use crate::enumerate::{Visit, walk};
use crate::hypervisor::{base_of, block_at};
use crate::leaf::LeafId;
use crate::msr::FEATURE_MSRS;
use crate::rules::{Exists, RANGES, Subleaves, rule_of};

/// What a dump says of one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It was read.
    Captured,
    /// It does not exist: excluded by the dump's own maximum, subleaf rule or missing range. Software reads zeros or
    /// nothing meaningful there.
    Absent,
    /// It may exist, but the dump does not hold it.
    NotCaptured,
    /// The dump holds it although its own range head or subleaf rule excludes it (an alias, or a tool that reads on).
    OverEnumerated,
}

/// What a dump says of one MSR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MsrPlace {
    /// It was read.
    Read(u64),
    /// The dump's own CPUID, or a feature MSR it holds, says that there is no such MSR.
    Absent,
    /// It may exist, and the dump does not hold its value: nobody read it, or reading it faulted.
    NotCaptured,
}

/// The result of replaying the walker over one recorded vCPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage<'a> {
    vcpu: &'a VcpuDump,
    /// Places the walker read, ascending.
    pub read: Vec<LeafId>,
    /// Places the walker asked for and did not get, and missing heads of ranges of which other leaves were read,
    /// ascending.
    pub missing: Vec<LeafId>,
    /// Places where the walker itself stopped at a cap, ascending.
    pub capped: Vec<LeafId>,
    /// Leaves of the vCPU's gaps, ascending, without the ends of lists.
    gaps: Vec<u32>,
}

impl<'a> Coverage<'a> {
    /// Replays the walker over `vcpu`.
    #[must_use]
    pub fn of(vcpu: &'a VcpuDump) -> Self {
        let mut gaps: Vec<u32> = lacking(vcpu).map(|gap| gap.id.leaf).collect();
        gaps.sort_unstable();
        let read = Vec::with_capacity(vcpu.leaves().len());
        let mut coverage = Self { vcpu, read, missing: Vec::new(), capped: Vec::new(), gaps };
        if vcpu.is_statements() {
            // Nothing excludes what is not said.
            coverage.read.extend(vcpu.leaves().iter().map(|r| r.id));
            return coverage;
        }
        walk(&mut Recorded::new(vcpu), &mut |visit| match visit {
            Visit::Read(id, _) => coverage.read.push(id),
            Visit::Missing(id) => coverage.missing.push(id),
            Visit::Capped(id) => coverage.capped.push(id),
        });
        coverage.missing.retain(|id| !ends_a_list(vcpu, *id));
        let mut headless: Vec<LeafId> = vcpu.leaves().iter().map(|r| LeafId::new(range_head(r.id.leaf), 0)).collect();
        headless.dedup();
        headless.retain(|head| vcpu.get(*head).is_none() && coverage.missing.binary_search(head).is_err());
        if !headless.is_empty() {
            coverage.missing.append(&mut headless);
            coverage.missing.sort_unstable();
            coverage.missing.dedup();
        }
        coverage
    }

    /// The vCPU this is about.
    #[must_use]
    pub const fn vcpu(&self) -> &'a VcpuDump {
        self.vcpu
    }

    /// Nothing is missing, cut or listed as a gap.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let whole = !self.vcpu.is_statements();
        whole && self.missing.is_empty() && self.capped.is_empty() && self.gaps.is_empty()
    }

    /// Register sets in the dump that are over-enumerated, ascending.
    pub fn over_enumerated(&self) -> impl Iterator<Item = LeafId> + '_ {
        self.vcpu.leaves().iter().map(|r| r.id).filter(|id| self.place(*id) == Place::OverEnumerated)
    }

    /// What the dump says of `id`.
    #[must_use]
    pub fn place(&self, id: LeafId) -> Place {
        let holds = |id: LeafId| self.vcpu.get(id).is_some();
        if self.vcpu.is_statements() {
            return if holds(id) { Place::Captured } else { Place::NotCaptured };
        }
        let head = LeafId::new(range_head(id.leaf), 0);
        if holds(id) {
            // Left out by the walker: by the range's head, or by subleaf 0 of its leaf. Without those it is taken as
            // captured, as a single pasted line is.
            // A hypervisor's head that names no last leaf excludes none.
            let excluded = holds(head)
                && (holds(LeafId::new(id.leaf, 0)) || !self.in_range(id.leaf))
                && !self.heads_an_open_block(head);
            return if self.read.binary_search(&id).is_err() && excluded {
                Place::OverEnumerated
            } else {
                Place::Captured
            };
        }
        let range = RANGES.iter().rev().find(|range| range.base <= id.leaf).unwrap_or(&RANGES[0]);
        let cut = self.capped.iter().any(|c| range_head(c.leaf) == head.leaf && *c <= id);
        // A gap at a range's head is the whole range; at the first hypervisor base, every block.
        let gap = [id.leaf, head.leaf, range.base, 0].iter().any(|leaf| self.gaps.binary_search(leaf).is_ok());
        let headless = self.missing.binary_search(&head).is_ok();
        // Without the leaf that says whether the range exists, nothing is known about the range.
        let unknown = match range.exists {
            Exists::Always | Exists::Reaching(_) => !holds(LeafId::new(0, 0)),
            Exists::HypervisorBlocks(gate) => !holds(LeafId::new(0, 0)) || has_leaf(&self.missing, gate.leaf),
            // No maximum covers these leaves: a dump without them may come from a tool that does not read them.
            Exists::AmdText => true,
        };
        if has_leaf(&self.missing, id.leaf)
            || cut
            || gap
            || headless
            || unknown && (!holds(head) || range.exists == Exists::AmdText)
        {
            Place::NotCaptured
        } else {
            Place::Absent
        }
    }

    /// What the dump says of the MSR `index`.
    #[must_use]
    pub fn msr(&self, index: u32) -> MsrPlace {
        if let Some(read) = self.vcpu.msr(index) {
            return read.map_or(MsrPlace::NotCaptured, MsrPlace::Read);
        }
        let Some(msr) = FEATURE_MSRS.iter().find(|m| m.index == index) else { return MsrPlace::NotCaptured };
        let (leaf, register, bit) = msr.announced_by;
        let announcing = LeafId::new(leaf, 0);
        let announced = match self.place(announcing) {
            Place::Captured if !self.vcpu.knows(crate::place::Place::bit(leaf, 0, register, bit)) => true,
            Place::Captured => self.vcpu.get(announcing).is_some_and(|r| msr.is_announced(r)),
            Place::NotCaptured => true,
            Place::Absent | Place::OverEnumerated => false,
        };
        // A condition names an MSR with a lower index, so this ends.
        let also = msr.also.is_none_or(|(index, bit)| match self.msr(index) {
            MsrPlace::Read(value) => value >> bit & 1 == 1,
            MsrPlace::Absent => false,
            MsrPlace::NotCaptured => true,
        });
        if announced && also { MsrPlace::NotCaptured } else { MsrPlace::Absent }
    }

    /// Whether the dump holds every feature MSR that exists on this vCPU (perhaps none).
    #[must_use]
    pub fn has_msrs(&self) -> bool {
        FEATURE_MSRS.iter().all(|m| self.msr(m.index) != MsrPlace::NotCaptured)
    }

    /// Whether `head` was read and is that of a hypervisor block whose end is not known.
    fn heads_an_open_block(&self, head: LeafId) -> bool {
        let block = self.vcpu.get(head).and_then(|r| block_at(head.leaf, r));
        block.is_some_and(|block| !block.bounded) && self.read.binary_search(&head).is_ok()
    }

    /// Whether the walker visited `leaf`.
    fn in_range(&self, leaf: u32) -> bool {
        let at = self.read.partition_point(|id| id.leaf < leaf);
        self.read.get(at).is_some_and(|id| id.leaf == leaf) || has_leaf(&self.missing, leaf)
    }
}

/// Whether a gap says that `id` is the terminating entry of a list, which the tool leaves out. That counts only for a
/// list that such an entry ends, and only if no later entry of the list was read.
fn ends_a_list(vcpu: &VcpuDump, id: LeafId) -> bool {
    let first = match rule_of(id.leaf).map(|rule| rule.subleaves) {
        Some(Subleaves::UntilZero { from, .. }) => from.max(1),
        _ => return false,
    };
    id.ecx() >= first
        && vcpu.gaps.iter().any(|gap| gap.id == id && gap.reason == GapReason::End)
        && !vcpu.goes_on_behind(id)
}

/// The gaps of a vCPU that may hide something: all except the ends of lists.
pub fn lacking(vcpu: &VcpuDump) -> impl Iterator<Item = &Gap> {
    vcpu.gaps.iter().filter(|gap| gap.reason != GapReason::End)
}

/// Whether an ascending list holds a place of `leaf`.
fn has_leaf(places: &[LeafId], leaf: u32) -> bool {
    let at = places.partition_point(|id| id.leaf < leaf);
    places.get(at).is_some_and(|id| id.leaf == leaf)
}

/// The leaf whose EAX decides whether `leaf` exists.
#[must_use]
pub fn range_head(leaf: u32) -> u32 {
    if let Some(base) = base_of(leaf) {
        return base;
    }
    let range = RANGES.iter().rev().find(|range| range.base <= leaf);
    range.filter(|range| range.exists != Exists::AmdText).map_or(0, |range| range.base)
}
