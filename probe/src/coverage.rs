//! Which places a recorded vCPU covers. Computed by replaying the walker over it, never taken from what a file says.

use alloc::vec::Vec;

use crate::dump::{Recorded, VcpuDump};
use crate::enumerate::{Visit, walk};
use crate::hypervisor::base_of;
use crate::leaf::LeafId;
use crate::rules::{Exists, RANGES};

/// What a dump says of one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It was read.
    Captured,
    /// It does not exist: excluded by the dump's own maximum, subleaf rule or missing range. Software reads zeros or
    /// nothing meaningful there.
    Absent,
    /// It may exist, and the dump does not hold it.
    NotCaptured,
    /// The dump holds it although its own range head or subleaf rule excludes it (an alias, or a tool that reads on).
    OverEnumerated,
}

/// The result of replaying the walker over one recorded vCPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage<'a> {
    vcpu: &'a VcpuDump,
    /// Places the walker read, ascending.
    pub read: Vec<LeafId>,
    /// Places the walker asked for in vain, and heads of ranges of which only members are there, ascending.
    pub missing: Vec<LeafId>,
    /// Places where the walker itself stopped at a cap, ascending.
    pub capped: Vec<LeafId>,
}

impl<'a> Coverage<'a> {
    /// Replays the walker over `vcpu`.
    #[must_use]
    pub fn of(vcpu: &'a VcpuDump) -> Self {
        let mut coverage =
            Self { vcpu, read: Vec::with_capacity(vcpu.leaves().len()), missing: Vec::new(), capped: Vec::new() };
        walk(&mut Recorded(vcpu), &mut |visit| match visit {
            Visit::Read(id, _) => coverage.read.push(id),
            Visit::Missing(id) => coverage.missing.push(id),
            Visit::Capped(id) => coverage.capped.push(id),
        });
        let mut headless: Vec<LeafId> = vcpu
            .leaves()
            .iter()
            .map(|r| LeafId::new(range_head(r.id.leaf), 0))
            .filter(|head| vcpu.get(*head).is_none() && !coverage.missing.contains(head))
            .collect();
        headless.dedup();
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
        self.missing.is_empty() && self.capped.is_empty() && self.vcpu.gaps.is_empty()
    }

    /// Register sets in the dump that are over-enumerated, ascending.
    pub fn over_enumerated(&self) -> impl Iterator<Item = LeafId> + '_ {
        self.vcpu.leaves().iter().map(|r| r.id).filter(|id| self.place(*id) == Place::OverEnumerated)
    }

    /// What the dump says of `id`.
    #[must_use]
    pub fn place(&self, id: LeafId) -> Place {
        let holds = |id: LeafId| self.vcpu.get(id).is_some();
        let head = LeafId::new(range_head(id.leaf), 0);
        if holds(id) {
            // Left out by the walker: by the range's head, or by subleaf 0 of its leaf. Without those it is taken as
            // captured, as a single pasted line is.
            let excluded = holds(head) && (holds(LeafId::new(id.leaf, 0)) || !self.in_range(id.leaf));
            return if self.read.binary_search(&id).is_err() && excluded {
                Place::OverEnumerated
            } else {
                Place::Captured
            };
        }
        let of_leaf = |list: &[LeafId]| list.iter().any(|other| other.leaf == id.leaf);
        let cut = self.capped.iter().any(|c| range_head(c.leaf) == head.leaf && *c <= id);
        // A gap at a range's head is the whole range; at the first hypervisor base, every block.
        let range = RANGES.iter().rev().find(|range| range.base <= id.leaf).map_or(0, |range| range.base);
        let gap = self.vcpu.gaps.iter().any(|gap| [id.leaf, head.leaf, range, 0].contains(&gap.id.leaf));
        let headless = self.missing.binary_search(&head).is_ok();
        let excerpt = !holds(head) && !holds(LeafId::new(0, 0));
        if of_leaf(&self.missing) || cut || gap || headless || excerpt { Place::NotCaptured } else { Place::Absent }
    }

    /// Whether the walker visited `leaf`.
    fn in_range(&self, leaf: u32) -> bool {
        let at = self.read.partition_point(|id| id.leaf < leaf);
        self.read.get(at).is_some_and(|id| id.leaf == leaf) || self.missing.iter().any(|id| id.leaf == leaf)
    }
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
