//! Which hypervisor block of one dump is which of the other: by signature, wherever their bases are.

use cpuid_probe::coverage::{Coverage, Place as Covered};
use cpuid_probe::dump::VcpuDump;
use cpuid_probe::hypervisor::{FIRST_BASE, Owner, base_of};
use cpuid_probe::leaf::LeafId;
use cpuid_probe::place::{BitRange, Place, Within};
use cpuid_probe::vendor::Signature;
use cpuid_probe::{Register, Registers};

use crate::knowledge;

/// "Hv#1" in EAX of a block's second leaf: the Hyper-V interface, whatever the signature says (QEMU's hv-vendor-id
/// can change it).
///
/// # Source
/// Hyper-V TLFS, leaf 0x40000001.
const HYPERV_INTERFACE: u32 = 0x3123_7648;

/// One hypervisor block in one or both dumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockPair {
    /// Its signature; `None` where only leaves without their head are there.
    pub signature: Option<Signature>,
    /// Whose it is; `None` leaves it to the leaf.
    owner: Option<Owner>,
    /// Its base in the first dump.
    pub a: Option<u32>,
    /// Its base in the second dump.
    pub b: Option<u32>,
    /// Both dumps cover the places where it could be.
    covered: bool,
}

/// A register set as both dumps hold it: the same place, or the same offset in the same block.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// Where the first dump holds it; `None` if it cannot be there.
    pub a: Option<LeafId>,
    /// Where the second dump holds it.
    pub b: Option<LeafId>,
    /// The hypervisor block it lies in.
    pub block: Option<Within>,
    base_a: u32,
    base_b: u32,
}

impl Slot {
    /// The leaf to report: the first dump's, else the second's.
    #[must_use]
    pub fn id(&self) -> LeafId {
        self.a.or(self.b).unwrap_or(LeafId::new(FIRST_BASE, 0))
    }

    /// Bits of one of its registers.
    #[must_use]
    pub fn bits(&self, register: Register, bits: BitRange) -> Place {
        Place::Cpuid { block: self.block, id: self.id(), register, bits }
    }

    /// The register set as a whole.
    #[must_use]
    pub fn set(&self) -> Place {
        Place::Leaf { block: self.block, id: self.id() }
    }

    /// Registers of the first dump as if its block began at 0x40000000.
    #[must_use]
    pub fn normalise_a(&self, r: Registers) -> Registers {
        self.normalise(self.a, self.base_a, r)
    }

    /// Registers of the second dump as if its block began at 0x40000000.
    #[must_use]
    pub fn normalise_b(&self, r: Registers) -> Registers {
        self.normalise(self.b, self.base_b, r)
    }

    /// A head's EAX is an absolute leaf number, so it moves with the block. Where both dumps have the block at one base,
    /// nothing has to be moved, and a maximum outside of the block stays what it is.
    fn normalise(&self, id: Option<LeafId>, base: u32, r: Registers) -> Registers {
        if self.base_a != self.base_b && base != 0 && id.is_some_and(|id| id.leaf == base) && r.eax >= base {
            Registers { eax: r.eax - base + FIRST_BASE, ..r }
        } else {
            r
        }
    }
}

/// The blocks of two vCPUs, matched.
#[derive(Debug)]
pub struct BlockMap(Vec<BlockPair>);

impl BlockMap {
    /// Matches the blocks of `a` and `b` by signature, in order of their bases.
    #[must_use]
    pub fn new(a: &VcpuDump, b: &VcpuDump, coverage_a: &Coverage<'_>, coverage_b: &Coverage<'_>) -> Self {
        let mut pairs: Vec<BlockPair> = Vec::new();
        let covered = |coverage: &Coverage<'_>, base| coverage.place(LeafId::new(base, 0)) != Covered::NotCaptured;
        for (signature, base) in heads(a, coverage_a) {
            let owner = owner_of(a, base, signature);
            let covered = covered(coverage_b, base);
            pairs.push(BlockPair { signature, owner, a: Some(base), b: None, covered });
        }
        for (signature, base) in heads(b, coverage_b) {
            // Headless leaves belong to whatever the other dump has at that base.
            let partner = pairs.iter_mut().find(|p| {
                p.b.is_none()
                    && (signature.is_some() && p.signature == signature
                        || (signature.is_none() || p.signature.is_none()) && p.a == Some(base))
            });
            match partner {
                Some(pair) => {
                    pair.b = Some(base);
                    pair.owner = pair.owner.or_else(|| owner_of(b, base, signature));
                    pair.signature = pair.signature.or(signature);
                    pair.covered = true;
                }
                None => {
                    let owner = owner_of(b, base, signature);
                    let covered = covered(coverage_a, base);
                    pairs.push(BlockPair { signature, owner, a: None, b: Some(base), covered });
                }
            }
        }
        Self(pairs)
    }

    /// Blocks on one side only, or at different bases.
    pub fn differing(&self) -> impl Iterator<Item = &BlockPair> {
        self.0.iter().filter(|p| p.a != p.b && p.covered && p.signature.is_some())
    }

    /// Every place that either vCPU holds: those of `a` in order, then those only `b` holds.
    pub fn slots(&self, a: &VcpuDump, b: &VcpuDump) -> impl Iterator<Item = Slot> {
        let of_a = a.leaves().iter().map(|r| self.slot_of_a(r.id));
        let only_b = b.leaves().iter().map(|r| self.slot_of_b(r.id));
        let only_b = only_b.filter(|slot| slot.a.is_none_or(|id| a.get(id).is_none()));
        of_a.chain(only_b).collect::<Vec<_>>().into_iter()
    }

    fn slot_of_a(&self, id: LeafId) -> Slot {
        match self.0.iter().find(|p| p.a.is_some() && p.a == base_of(id.leaf)) {
            Some(pair) => pair.slot(Some(id), pair.b.map(|base| rebase(id, base))),
            None => plain(id),
        }
    }

    fn slot_of_b(&self, id: LeafId) -> Slot {
        match self.0.iter().find(|p| p.b.is_some() && p.b == base_of(id.leaf)) {
            Some(pair) => pair.slot(pair.a.map(|base| rebase(id, base)), Some(id)),
            None => plain(id),
        }
    }
}

impl BlockPair {
    fn slot(&self, a: Option<LeafId>, b: Option<LeafId>) -> Slot {
        let id = a.or(b).map_or(LeafId::new(FIRST_BASE, 0), |id| rebase(id, FIRST_BASE));
        let owner = self.owner.unwrap_or(knowledge::owner_without_signature(id.leaf));
        // Where the other dump does not tell which blocks it has, its place is asked for under the same number.
        let unknown = |known: Option<LeafId>, other: Option<LeafId>| known.or(if self.covered { None } else { other });
        Slot {
            a: unknown(a, b),
            b: unknown(b, a),
            block: Some(Within { owner, signature: self.signature }),
            base_a: self.a.unwrap_or_default(),
            base_b: self.b.unwrap_or_default(),
        }
    }
}

/// A leaf of the CPU itself.
const fn plain(id: LeafId) -> Slot {
    Slot { a: Some(id), b: Some(id), block: None, base_a: 0, base_b: 0 }
}

/// The same leaf of a block at another base.
#[must_use]
pub const fn rebase(id: LeafId, base: u32) -> LeafId {
    LeafId { leaf: base + (id.leaf & 0xff), subleaf: id.subleaf }
}

/// Bases with a block, and bases of leaves without a head.
fn heads(vcpu: &VcpuDump, coverage: &Coverage<'_>) -> Vec<(Option<Signature>, u32)> {
    let known: Vec<(Option<Signature>, u32)> = vcpu
        .blocks()
        .filter(|block| coverage.place(LeafId::new(block.base, 0)) == Covered::Captured)
        .map(|block| (Some(block.signature), block.base))
        .collect();
    let bases = vcpu.leaves().iter().filter_map(|r| base_of(r.id.leaf));
    let mut headless: Vec<_> = bases.filter(|base| known.iter().all(|(_, k)| k != base)).map(|b| (None, b)).collect();
    headless.dedup();
    known.into_iter().chain(headless).collect()
}

/// Whose block it is, by its signature and by its interface.
#[must_use]
pub fn owner_of(vcpu: &VcpuDump, base: u32, signature: Option<Signature>) -> Option<Owner> {
    let owner = Owner::of_signature(&signature?.0);
    let hyperv = vcpu.get(LeafId::new(base + 1, 0)).is_some_and(|r| r.eax == HYPERV_INTERFACE);
    Some(if owner == Owner::OtherHypervisor && hyperv { Owner::HyperV } else { owner })
}
