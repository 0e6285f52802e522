//! The table of subleaf rules: how far each leaf is to be read.
//!
//! One row a leaf that has subleaves; a leaf without a row is read once, with ECX = 0. The walker
//! ([`crate::enumerate`]) is the only interpreter of this table. All bounds are inclusive. To teach the probe a new
//! leaf, add a row here.
//!
//! # Sources
//! Intel SDM vol. 1 chapter 21 (the CPUID chapter), AMD APM vol. 3 appendix E, Linux arch/x86/kvm/cpuid.c (which
//! leaves KVM indexes), Xen arch/x86/lib/cpu-policy/cpuid.c. Each row names the one that decides it.

use crate::register::Register::{self, Eax, Ebx, Ecx, Edx};
use crate::register::{Registers, field};

/// A bit field of one register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The register that holds it.
    pub register: Register,
    /// Highest bit.
    pub hi: u8,
    /// Lowest bit.
    pub lo: u8,
}

/// A bit elsewhere that says whether a leaf means anything, or whether a range is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Leaf of the gate bit (its subleaf is 0).
    pub leaf: u32,
    /// Register of the gate bit.
    pub register: Register,
    /// The bit, 0 to 31.
    pub bit: u8,
}

/// 32 bits of a subleaf that name further subleaves: bit `i` set means that subleaf `first + i` exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitMap {
    /// The subleaf that holds the map.
    pub subleaf: u32,
    /// Its register.
    pub register: Register,
    /// The subleaf that bit 0 stands for.
    pub first: u32,
}

/// How the subleaves of a leaf are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subleaves {
    /// Subleaves 0 to the number in EAX of subleaf 0, if that is at least `min`; holes are read like the rest.
    UpToEax {
        /// The smallest number that counts as valid.
        min: u32,
    },
    /// Subleaves from 0 until `end` of one at or after `from` is zero. That terminating subleaf is part of the dump.
    UntilZero {
        /// The first subleaf whose `end` field is looked at.
        from: u32,
        /// Zero here ends the list.
        end: Field,
        /// `ECX[7:0]` repeats the subleaf asked for; anything else means that ECX was ignored, which ends the list too.
        echo: bool,
    },
    /// Subleaves 0 to `always`, then each one up to `last` whose bit is set in one of the maps.
    Mapped {
        /// These are read whatever the maps say.
        always: u32,
        /// The maps; they sit in subleaves that are read always.
        maps: &'static [BitMap],
        /// The highest subleaf that the maps may name.
        last: u32,
    },
    /// Subleaves 0 to this number.
    Fixed(u32),
}

/// One row: a leaf that has subleaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubleafRule {
    /// The leaf; inside hypervisor blocks, the offset from the block's base.
    pub leaf: u32,
    /// While this bit is 0, subleaf 0 alone is read.
    pub gate: Option<Gate>,
    /// How its subleaves are found.
    pub subleaves: Subleaves,
    /// At most this many subleaves are read of a list, whatever it says. Reaching it is recorded as a gap.
    pub cap: u32,
    /// What decides this row.
    pub source: &'static str,
}

const fn row(leaf: u32, subleaves: Subleaves, cap: u32, source: &'static str) -> SubleafRule {
    SubleafRule { leaf, gate: None, subleaves, cap, source }
}

const fn gated(
    leaf: u32,
    gate: (u32, Register, u8),
    subleaves: Subleaves,
    cap: u32,
    source: &'static str,
) -> SubleafRule {
    let gate = Gate { leaf: gate.0, register: gate.1, bit: gate.2 };
    SubleafRule { leaf, gate: Some(gate), subleaves, cap, source }
}

const fn until_zero(register: Register, hi: u8, lo: u8) -> Subleaves {
    Subleaves::UntilZero { from: 0, end: Field { register, hi, lo }, echo: false }
}

const UP_TO_EAX: Subleaves = Subleaves::UpToEax { min: 0 };
const TOPOLOGY: Subleaves = Subleaves::UntilZero { from: 0, end: Field { register: Ecx, hi: 15, lo: 8 }, echo: true };

const fn mapped(maps: &'static [BitMap]) -> Subleaves {
    Subleaves::Mapped { always: 0, maps, last: 31 }
}

/// XCR0 components in 0.EDX:EAX, IA32_XSS components in 1.EDX:ECX. Bit 63 is no component.
const XSAVE: Subleaves = Subleaves::Mapped {
    always: 1,
    maps: &[
        BitMap { subleaf: 0, register: Eax, first: 0 },
        BitMap { subleaf: 0, register: Edx, first: 32 },
        BitMap { subleaf: 1, register: Ecx, first: 0 },
        BitMap { subleaf: 1, register: Edx, first: 32 },
    ],
    last: 62,
};
const IN_EAX: &[BitMap] = &[BitMap { subleaf: 0, register: Eax, first: 0 }];
const IN_EBX: &[BitMap] = &[BitMap { subleaf: 0, register: Ebx, first: 0 }];
const IN_EDX: &[BitMap] = &[BitMap { subleaf: 0, register: Edx, first: 0 }];

impl SubleafRule {
    /// Whether `registers`, read at `subleaf`, are the entry that ends a list of subleaves.
    #[must_use]
    pub const fn ends_at(&self, subleaf: u32, registers: Registers) -> bool {
        match self.subleaves {
            Subleaves::UntilZero { from, end, .. } => {
                subleaf >= from && field(registers.get(end.register), end.hi, end.lo) == 0
            }
            _ => false,
        }
    }
}

/// Every leaf outside hypervisor blocks that has subleaves, ascending.
#[rustfmt::skip]
pub const SUBLEAF_RULES: &[SubleafRule] = &[
    row(0x4, until_zero(Eax, 4, 0), 32, "SDM leaf 04H; Linux 6.1 kvm/cpuid.c:933-944"),
    row(0x7, UP_TO_EAX, 64, "SDM leaf 07H"),
    row(0xb, TOPOLOGY, 64, "SDM leaf 0BH; Linux 6.1 kvm/cpuid.c:1514-1528"),
    row(0xd, XSAVE, 64, "SDM leaf 0DH; Xen cpu-policy/cpuid.c:201-218"),
    row(0xf, mapped(IN_EDX), 32, "SDM leaf 0FH"),
    row(0x10, mapped(IN_EBX), 32, "SDM leaf 10H"),
    gated(0x12, (0x7, Ebx, 2), Subleaves::UntilZero { from: 2, end: Field { register: Eax, hi: 3, lo: 0 }, echo: false }, 64, "SDM leaf 12H"),
    gated(0x14, (0x7, Ebx, 25), UP_TO_EAX, 64, "SDM leaf 14H"),
    row(0x17, Subleaves::UpToEax { min: 3 }, 64, "SDM leaf 17H"),
    row(0x18, UP_TO_EAX, 64, "SDM leaf 18H (holes allowed)"),
    gated(0x1b, (0x7, Edx, 18), until_zero(Eax, 11, 0), 32, "SDM leaf 1BH"),
    row(0x1d, UP_TO_EAX, 64, "SDM leaf 1DH"),
    row(0x1e, UP_TO_EAX, 64, "SDM leaf 1EH; Linux 7.1 kvm/cpuid.c:1651-1670"),
    row(0x1f, TOPOLOGY, 64, "SDM leaf 1FH"),
    row(0x20, UP_TO_EAX, 64, "SDM leaf 20H"),
    row(0x23, mapped(IN_EAX), 32, "SDM leaf 23H (EAX is a mask, not a maximum)"),
    row(0x24, UP_TO_EAX, 64, "SDM leaf 24H; Linux 7.1 kvm/cpuid.c:1671-1701"),
    row(0x27, mapped(IN_EDX), 32, "SDM leaf 27H"),
    row(0x28, mapped(IN_EBX), 32, "SDM leaf 28H"),
    row(0x29, UP_TO_EAX, 64, "SDM leaf 29H"),
    gated(0x8000_001d, (0x8000_0001, Ecx, 22), until_zero(Eax, 4, 0), 32, "APM vol. 3 appendix E Fn8000_001D"),
    row(0x8000_0020, mapped(IN_EBX), 32, "APM vol. 3 appendix E Fn8000_0020"),
    row(0x8000_0026, TOPOLOGY, 64, "APM vol. 3 appendix E Fn8000_0026"),
];

/// Subleaves inside hypervisor blocks, by signature; `leaf` is the offset from the block's base. Only Xen has any.
#[rustfmt::skip]
pub const HYPERVISOR_RULES: &[(&[u8; 12], SubleafRule)] = &[
    (b"XenVMMXenVMM", row(0x3, Subleaves::Fixed(2), 3, "Xen arch/x86/cpuid.c:80-164")),
];

/// Leaves that a [`Gate`] names; the walker remembers their subleaf 0.
pub const GATE_LEAVES: [u32; 3] = [0x1, 0x7, 0x8000_0001];

/// The row of `leaf`, if it has subleaves. Hypervisor leaves have none here.
#[must_use]
pub const fn rule_of(leaf: u32) -> Option<&'static SubleafRule> {
    // A loop, not an iterator: this is evaluated at compile time too.
    let mut i = 0;
    while i < SUBLEAF_RULES.len() {
        if SUBLEAF_RULES[i].leaf == leaf {
            return Some(&SUBLEAF_RULES[i]);
        }
        i += 1;
    }
    None
}

/// Whether ECX matters to `leaf`.
#[must_use]
pub const fn has_subleaves(leaf: u32) -> bool {
    rule_of(leaf).is_some()
}

/// When a range of leaves exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exists {
    /// Always; EAX of the head is the last leaf.
    Always,
    /// When the head's EAX has the head's high half and reaches at least this leaf.
    ///
    /// The high half is always tested: a CPU without the range answers with data of its highest basic leaf, which may
    /// be any number.
    Reaching(u32),
    /// Hypervisor blocks ([`crate::hypervisor`]), scanned while this bit is set.
    HypervisorBlocks(Gate),
    /// Two leaves that no maximum lists: AMD's and Hygon's easter-egg text, there when it is not zero.
    AmdText,
}

/// A range of leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// First leaf.
    pub base: u32,
    /// When it exists.
    pub exists: Exists,
    /// Every CPU with this bit has the range, so a recorded dump that does not hold its head was cut.
    pub certain: Option<Gate>,
    /// What decides this row.
    pub source: &'static str,
}

const fn range(base: u32, exists: Exists, source: &'static str) -> Range {
    Range { base, exists, certain: None, source }
}

const HYPERVISOR: Gate = Gate { leaf: 0x1, register: Ecx, bit: 31 };

/// SSE2 came with the first Intel CPU that had extended leaves (Pentium 4), and is part of x86-64.
const SSE2: Option<Gate> = Some(Gate { leaf: 0x1, register: Edx, bit: 26 });

/// Every range there is, ascending.
#[rustfmt::skip]
pub const RANGES: &[Range] = &[
    range(0, Exists::Always, "SDM leaf 00H"),
    range(0x2000_0000, Exists::Reaching(0x2000_0000), "Xeon Phi co-processor (KNC) only"),
    range(0x4000_0000, Exists::HypervisorBlocks(HYPERVISOR), "Linux 7.1 asm/cpuid/api.h:191-212"),
    Range { certain: SSE2, ..range(0x8000_0000, Exists::Reaching(0x8000_0001), "Linux 6.1 kernel/cpu/common.c:1048-1053") },
    range(0x8086_0000, Exists::Reaching(0x8086_0000), "Linux 6.1 kernel/cpu/transmeta.c:14-19"),
    range(0x8fff_fffe, Exists::AmdText, "AMD parts; in no public manual"),
    range(0xc000_0000, Exists::Reaching(0xc000_0001), "Linux 6.1 kernel/cpu/centaur.c:27, zhaoxin.c:25"),
];

/// At most this many leaves are read of a range, so that a nonsense maximum cannot make the probe run on.
pub const RANGE_CAP: u32 = 0x1000;

/// The scan for hypervisor blocks ends after this many bases in a row without a block. QEMU puts its last one at
/// 0x40000200 (Hyper-V, Xen emulation, then KVM).
pub const EMPTY_BASES: u32 = 8;

/// Two leaves that no range defines. A range head that reads like one of them (EDX aside, which may hold an APIC id)
/// is only the CPU's answer for leaves out of range.
pub const UNDEFINED_LEAVES: [u32; 2] = [0x5fff_0000, 0x8fff_0000];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_sourced_and_capped() {
        assert!(SUBLEAF_RULES.windows(2).all(|w| w[0].leaf < w[1].leaf));
        assert!(RANGES.windows(2).all(|w| w[0].base < w[1].base));
        for rule in SUBLEAF_RULES {
            assert!(!rule.source.is_empty() && rule.cap > 0, "{rule:?}");
        }
        let gates = SUBLEAF_RULES.iter().filter_map(|rule| rule.gate).chain(RANGES.iter().filter_map(|r| r.certain));
        for gate in gates {
            assert!(GATE_LEAVES.contains(&gate.leaf), "{gate:?}");
        }
    }
}
