//! Gates: bits that must be set for a leaf to mean anything.
//!
//! While every gate bit of a place is 0 in both dumps, differences there are informational: hypervisors and emulators
//! leave such leaves filled, or unset, as they please. If a gate bit differs, that bit is the finding.
//!
//! # Source
//! Intel SDM vol. 1 ch. 21 and AMD APM vol. 3 appendix E, the leaves named; QEMU fills 0x8000001D and 0x8000001E even
//! where the bit is off (QEMU 7.2 target/i386/cpu.c:5791-5821).

use cpuid_probe::Place;
use cpuid_probe::Register::{self, Eax, Ebx, Ecx, Edx};
use cpuid_probe::hypervisor::Owner;

/// Places, and the bits of which one must be set: a leaf, or bits of one register of a leaf.
struct Gated {
    leaf: u32,
    only: Option<Place>,
    gates: &'static [Place],
}

const fn bit(leaf: u32, subleaf: u32, register: Register, bit: u8) -> Place {
    Place::bit(leaf, subleaf, register, bit)
}

const fn leaf(leaf: u32, gates: &'static [Place]) -> Gated {
    Gated { leaf, only: None, gates }
}

#[rustfmt::skip]
const GATED: &[Gated] = &[
    Gated { leaf: 0x1, only: Some(Place::cpuid(0x1, 0, Ebx, 23, 16)), gates: &[bit(0x1, 0, Edx, 28)] },
    leaf(0x0000_0005, &[bit(0x0000_0001, 0, Ecx,  3), bit(0x7, 1, Edx, 23)]),
    leaf(0x0000_000f, &[bit(0x0000_0007, 0, Ebx, 12)]),
    leaf(0x0000_0010, &[bit(0x0000_0007, 0, Ebx, 15)]),
    leaf(0x0000_0012, &[bit(0x0000_0007, 0, Ebx,  2)]),
    leaf(0x0000_0014, &[bit(0x0000_0007, 0, Ebx, 25)]),
    // The rate of the crystal is of use only with the ratio that the TSC has to it.
    Gated { leaf: 0x15, only: Some(Place::cpuid(0x15, 0, Ecx, 31, 0)), gates: &[Place::cpuid(0x15, 0, Ebx, 31, 0)] },
    leaf(0x0000_0019, &[bit(0x0000_0007, 0, Ecx, 23)]),
    leaf(0x0000_001b, &[bit(0x0000_0007, 0, Edx, 18)]),
    leaf(0x0000_001c, &[bit(0x0000_0007, 0, Edx, 19)]),
    leaf(0x0000_001d, &[bit(0x0000_0007, 0, Edx, 24)]),
    leaf(0x0000_001e, &[bit(0x0000_0007, 0, Edx, 24)]),
    leaf(0x0000_0023, &[bit(0x0000_0007, 1, Eax,  8)]),
    leaf(0x0000_0024, &[bit(0x0000_0007, 1, Edx, 19)]),
    leaf(0x0000_0029, &[bit(0x0000_0007, 1, Edx, 21)]),
    leaf(0x8000_000a, &[bit(0x8000_0001, 0, Ecx,  2)]),
    leaf(0x8000_001b, &[bit(0x8000_0001, 0, Ecx, 10)]),
    leaf(0x8000_001c, &[bit(0x8000_0001, 0, Ecx, 15)]),
    leaf(0x8000_001d, &[bit(0x8000_0001, 0, Ecx, 22)]),
    leaf(0x8000_001e, &[bit(0x8000_0001, 0, Ecx, 22)]),
];

/// The bits of which one must be set for the lowest bit of `place` to mean anything; empty where it always does.
pub(super) fn gates_of(place: Place) -> &'static [Place] {
    let (Place::Cpuid { id, bits, .. }, Owner::Cpu) = (place, place.owner()) else { return &[] };
    let within = |only: Place| {
        only.register() == place.register() && only.bits().is_some_and(|b| b.lo <= bits.lo && bits.lo <= b.hi)
    };
    GATED.iter().find(|g| g.leaf == id.leaf && g.only.is_none_or(within)).map_or(&[], |g| g.gates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_count_alone_is_gated_in_leaf_1() {
        assert_eq!(gates_of(bit(1, 0, Ebx, 20)), &[bit(1, 0, Edx, 28)]);
        assert!(gates_of(bit(1, 0, Ebx, 24)).is_empty());
        assert!(gates_of(bit(1, 0, Ecx, 20)).is_empty());
    }
}
