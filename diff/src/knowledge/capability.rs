//! Capability: which places say what a host can give a guest, and which belong to the guest's definition.
//!
//! Identity, topology, caches, the clock and hypervisor leaves are the definition's. Maxima of leaves and subleaves, sizes
//! and the layout of the XSAVE area follow from features. What is left is what a definition can promise: feature bits,
//! protections, hazards, numbers of which more is better, and bits that no row knows.

use cpuid_probe::hypervisor::Owner;
use cpuid_probe::{LeafId, Place, Register};

use super::row::{Row, RuleKind, Severity};

/// Leaves that describe one machine or one definition as wholes, with the first subleaf that does.
///
/// # Source
/// Intel SDM vol. 1 ch. 21 and AMD APM vol. 3 appendix E, the leaves named: 0x2, 0x4, 0x5 of AMD's range, 0x6 of it and
/// 0x8000001D are caches and TLBs, 0xB, 0x1F, 0x8000001E and 0x80000026 topology, 0x15 and 0x16 clocks, 0x17 and
/// 0x80000002 to 4 names, 0xD from subleaf 2 on layout, 0x12 from subleaf 2 on memory of one machine, 0x3 a serial
/// number, 0x1A the kind of one core.
const OF_THE_DEFINITION: &[(u32, u32)] = &[
    (0x2, 0),
    (0x3, 0),
    (0x4, 0),
    (0x9, 0),
    (0xb, 0),
    (0xd, 2),
    (0x12, 2),
    (0x15, 0),
    (0x16, 0),
    (0x17, 0),
    (0x18, 0),
    (0x1a, 0),
    (0x1b, 0),
    (0x1f, 0),
    (0x27, 0),
    (0x28, 0),
    (0x8000_0002, 0),
    (0x8000_0003, 0),
    (0x8000_0004, 0),
    (0x8000_0005, 0),
    (0x8000_0006, 0),
    (0x8000_0019, 0),
    (0x8000_001a, 0),
    (0x8000_001d, 0),
    (0x8000_001e, 0),
    (0x8000_0026, 0),
];

/// Registers of other leaves that are maxima or sizes.
const FOLLOWS: &[(u32, u32, Register)] = &[
    (0x0, 0, Register::Eax),
    (0x1, 0, Register::Eax),
    (0x7, 0, Register::Eax),
    (0xd, 0, Register::Ebx),
    (0xd, 0, Register::Ecx),
    (0xd, 1, Register::Ebx),
    (0x14, 0, Register::Eax),
    (0x1d, 0, Register::Eax),
    (0x1e, 0, Register::Eax),
    (0x20, 0, Register::Eax),
    (0x24, 0, Register::Eax),
    (0x29, 0, Register::Eax),
    (0x8000_0000, 0, Register::Eax),
];

/// The bits of 0x80000001 EDX that AMD's CPUs repeat from leaf 1 EDX.
///
/// # Source
/// AMD APM vol. 3 appendix E, Fn8000_0001_EDX; QEMU 7.2 target/i386/cpu.h (`CPUID_EXT2_AMD_ALIASES`).
const COPIES: u64 = 0x0183_f3ff;

/// The place of leaf 1 that AMD's CPUs repeat in this one; `None` where it holds none of their copies.
#[must_use]
pub fn copy_of(place: Place) -> Option<Place> {
    let (id, register, bits) = (place.leaf()?, place.register()?, place.bits()?);
    let holds_copies = id.leaf == 0x8000_0001 && register == Register::Edx && COPIES & bits.mask() != 0;
    holds_copies.then(|| Place::cpuid(1, 0, Register::Edx, bits.hi, bits.lo))
}

/// Whether a leaf describes one machine or one definition, and nothing in it is a host's to give.
#[must_use]
pub fn is_of_the_definition(id: LeafId) -> bool {
    OF_THE_DEFINITION.iter().any(|(leaf, first)| *leaf == id.leaf && id.ecx() >= *first)
}

impl Row {
    /// Whether the row is a part of what a host can give a guest, whatever the guest's definition says.
    #[must_use]
    pub fn is_capability(&self) -> bool {
        if self.place.owner() != Owner::Cpu {
            return false;
        }
        if let Place::Cpuid { id, register, .. } = self.place {
            let follows = FOLLOWS.contains(&(id.leaf, id.ecx(), register));
            let other_vendors = matches!(id.leaf >> 16, 0x8086 | 0xc000);
            let unnamed_in_leaf_0_or_1 = !self.known && (id.leaf == 0 || id.leaf == 1 && register == Register::Ebx);
            if is_of_the_definition(id) || follows || unnamed_in_leaf_0_or_1 {
                return false;
            }
            if other_vendors && self.rule == RuleKind::NotLess {
                return false;
            }
        }
        match self.rule {
            RuleKind::Subset | RuleKind::Hazard | RuleKind::NotLess | RuleKind::NotGreater => true,
            // A known form of something (the geometry of tiles) whose change breaks a guest, or a bit that nobody knows.
            RuleKind::Equal => !self.known || self.lost == Severity::Unsafe,
            RuleKind::Identity
            | RuleKind::HostClock
            | RuleKind::Topology
            | RuleKind::PerVcpu
            | RuleKind::OsControlled
            | RuleKind::Informational => false,
        }
    }

    /// One means that a guest is worse off, and a pool has it where one of its hosts has: no definition can promise it away.
    #[must_use]
    pub fn accumulates(&self) -> bool {
        self.rule == RuleKind::Hazard && self.lost > Severity::Warning
    }

    /// What its loss is counted with; the loss of several of one family is counted once. `None`: its loss is another's.
    #[must_use]
    pub fn family(&self) -> Option<Family> {
        match self.place {
            Place::Cpuid { bits, .. } if bits.is_one() && copy_of(self.place).is_some() => None,
            // The components and sizes of the XSAVE area.
            Place::Cpuid { id, register, .. } if id.leaf == 0xd && (id.ecx(), register) != (1, Register::Eax) => None,
            Place::Msr { index: 0x480..=0x491, .. } => Some(Family::Nested),
            Place::Cpuid { id, .. } if id.leaf == 0x8000_000a => Some(Family::Nested),
            Place::Cpuid { id, register: Register::Ecx, bits, .. }
                if (id.leaf, bits.lo) == (1, 5) || (id.leaf, bits.lo) == (0x8000_0001, 2) =>
            {
                Some(Family::Nested)
            }
            _ => Some(Family::Own),
        }
    }
}

/// How a loss is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// By itself.
    Own,
    /// Once, with everything else of nested virtualization.
    Nested,
}

#[cfg(test)]
mod tests {
    use super::super::Knowledge;
    use super::*;

    fn row(place: Place) -> Row {
        Knowledge::builtin().row(place)
    }

    #[test]
    fn capability_is_what_a_host_can_give() {
        let bit = |leaf, register, bit| row(Place::bit(leaf, 0, register, bit)).is_capability();
        assert!(bit(7, Register::Ebx, 5), "avx2");
        assert!(bit(7, Register::Edx, 26), "spec-ctrl");
        assert!(bit(0x8000_0008, Register::Ebx, 29), "a nameless feature");
        assert!(bit(0x8000_0021, Register::Eax, 31), "a bit that no row knows");
        assert!(row(Place::msr(0x10a, 19)).is_capability(), "RRSBA");
        assert!(row(Place::cpuid(0x8000_0008, 0, Register::Eax, 7, 0)).is_capability(), "phys_bits");
        assert!(!bit(1, Register::Eax, 0) && !bit(1, Register::Ebx, 24) && !bit(1, Register::Ecx, 27));
        for leaf in [0x0, 0x2, 0x4, 0xb, 0x15, 0x16, 0x8000_0000, 0x8000_0002, 0x8000_001e] {
            assert!(!bit(leaf, Register::Eax, 0), "{leaf:#x}");
        }
        assert!(!row(Place::cpuid(0xd, 2, Register::Ebx, 31, 0)).is_capability());
    }

    #[test]
    fn a_copy_names_its_place_in_leaf_1() {
        let edx = |leaf, hi, lo| Place::cpuid(leaf, 0, Register::Edx, hi, lo);
        assert_eq!(copy_of(edx(0x8000_0001, 4, 4)), Some(edx(1, 4, 4)), "tsc");
        assert_eq!(copy_of(edx(0x8000_0001, 24, 23)), Some(edx(1, 24, 23)), "mmx and fxsr");
        assert_eq!(copy_of(edx(0x8000_0001, 20, 20)), None, "nx is no copy");
        assert_eq!(copy_of(edx(1, 4, 4)), None, "the original");
        assert_eq!(copy_of(Place::bit(0x8000_0001, 0, Register::Ecx, 4)), None, "another register");
    }

    #[test]
    fn losses_are_counted_by_their_roots() {
        let family = |place| row(place).family();
        assert_eq!(family(Place::bit(7, 0, Register::Ebx, 5)), Some(Family::Own));
        assert_eq!(family(Place::bit(1, 0, Register::Ecx, 5)), Some(Family::Nested));
        assert_eq!(family(Place::msr(0x48b, 33)), Some(Family::Nested));
        assert_eq!(family(Place::bit(0x8000_0001, 0, Register::Edx, 4)), None, "a copy of leaf 1's tsc");
        assert_eq!(family(Place::bit(0x8000_0001, 0, Register::Edx, 20)), Some(Family::Own), "nx is no copy");
        assert_eq!(family(Place::cpuid(0xd, 0, Register::Eax, 31, 0)), None);
        assert_eq!(family(Place::bit(0xd, 1, Register::Eax, 3)), Some(Family::Own), "xsaves");
    }

    #[test]
    fn a_protection_does_not_accumulate() {
        assert!(row(Place::msr(0x10a, 19)).accumulates() && row(Place::msr(0x10a, 2)).accumulates());
        assert!(!row(Place::bit(7, 0, Register::Edx, 10)).accumulates(), "md-clear");
        assert!(!row(Place::bit(7, 0, Register::Ebx, 5)).accumulates());
    }
}
