//! Places that change by themselves while a guest runs: mirrors of state that its system sets, and running values.
//!
//! A watcher leaves them out. The table holds what the differ's knowledge calls `os-controlled` with no severity but
//! `expected`, or `running`; tests/probe/watch.rs keeps it so. Ids that differ by vCPU are not here: a watcher
//! compares each vCPU with itself. Neither are mirrors whose loss may be a real one (the APIC bit).

use crate::hypervisor::{base_of, block_at};
use crate::leaf::LeafId;
use crate::register::Register::{self, Eax, Ebx, Ecx, Edx};
use crate::register::mask;
use crate::rules::Gate;
use crate::text::Record;

/// Bits `hi..=lo` of one register that a watcher leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volatile {
    /// The hypervisor block it lies in; `None` for the CPU's own leaves.
    pub block: Option<&'static [u8; 12]>,
    /// The leaf; inside a block, as if that were at 0x40000000.
    pub leaf: u32,
    /// The subleaf; `None` for every one.
    pub subleaf: Option<u32>,
    /// The register.
    pub register: Register,
    /// Highest bit.
    pub hi: u8,
    /// Lowest bit.
    pub lo: u8,
    /// Where given, the bits are volatile only while this one is 0.
    pub unless: Option<Gate>,
    /// What moves it.
    pub why: &'static str,
}

const fn cpu(leaf: u32, subleaf: Option<u32>, register: Register, hi: u8, lo: u8, why: &'static str) -> Volatile {
    Volatile { block: None, leaf, subleaf, register, hi, lo, unless: None, why }
}

const fn xen(leaf: u32, subleaf: u32, register: Register, why: &'static str) -> Volatile {
    Volatile { block: Some(b"XenVMMXenVMM"), ..cpu(leaf, Some(subleaf), register, 31, 0, why) }
}

/// QEMU's emulation does not write leaf 0x1C where `CPUID.(EAX=07H,ECX=0):EDX[19]` (Architectural LBR) is 0, so the
/// guest reads what lay on QEMU's stack.
const fn stale(register: Register) -> Volatile {
    let unless = Some(Gate { leaf: 0x7, register: Edx, bit: 19 });
    Volatile { unless, ..cpu(0x1c, Some(0), register, 31, 0, "QEMU 7.2 cpu.c:5448-5454: unset, stale stack data") }
}

const ECHO: &str = "repeats the subleaf asked for";
const CLOCK: &str = "Transmeta: clock, voltage and speed now";

/// All of them, by leaf.
#[rustfmt::skip]
pub const VOLATILE: &[Volatile] = &[
    cpu(0x0000_0001, Some(0), Ecx, 27, 27, "OSXSAVE mirrors CR4.OSXSAVE"),
    cpu(0x0000_0001, Some(0), Edx, 18, 18, "the serial number flag: kernels switch it off"),
    cpu(0x0000_0007, Some(0), Ecx,  4,  4, "OSPKE mirrors CR4.PKE"),
    cpu(0x0000_000b, None,    Ecx,  7,  0, ECHO),
    cpu(0x0000_000d, Some(0), Ebx, 31,  0, "size for XCR0 as it is set now"),
    cpu(0x0000_000d, Some(1), Ebx, 31,  0, "size for XCR0 and IA32_XSS as they are set now"),
    cpu(0x0000_0019, Some(0), Ebx,  0,  0, "AESKLE mirrors CR4.KL"),
    stale(Eax), stale(Ebx), stale(Ecx), stale(Edx),
    cpu(0x0000_001f, None,    Ecx,  7,  0, ECHO),
    xen(0x4000_0003, 0, Edx, "incarnation: grows at each migration"),
    xen(0x4000_0003, 1, Eax, "time-stamp counter offset"),
    xen(0x4000_0003, 1, Ebx, "time-stamp counter offset"),
    xen(0x4000_0004, 0, Ecx, "domain number"),
    cpu(0x8000_001c, Some(0), Eax, 31,  0, "mirrors LWP_CFG"),
    cpu(0x8000_0026, None,    Ecx,  7,  0, ECHO),
    cpu(0x8086_0007, Some(0), Eax, 31,  0, CLOCK),
    cpu(0x8086_0007, Some(0), Ebx, 31,  0, CLOCK),
    cpu(0x8086_0007, Some(0), Ecx, 31,  0, CLOCK),
    cpu(0x8086_0007, Some(0), Edx, 31,  0, CLOCK),
];

/// The bits of `register` at `id` that are volatile on a vCPU which holds `records` (ascending).
#[must_use]
pub fn volatile_bits(id: LeafId, register: Register, records: &[Record]) -> u32 {
    let registers = |leaf| {
        let at = records.binary_search_by_key(&LeafId::new(leaf, 0), |r| r.id).ok()?;
        Some(records.get(at)?.registers)
    };
    let block = base_of(id.leaf).and_then(|base| block_at(base, registers(base)?));
    let leaf = block.map_or(id.leaf, |block| id.leaf - block.base + crate::hypervisor::FIRST_BASE);
    let holds = |v: &&Volatile| {
        v.leaf == leaf
            && v.register == register
            && v.subleaf.is_none_or(|subleaf| subleaf == id.ecx())
            && v.block == block.as_ref().map(|block| &block.signature.0)
            && v.unless
                .is_none_or(|gate| registers(gate.leaf).is_none_or(|r| r.get(gate.register) >> gate.bit & 1 == 0))
    };
    VOLATILE.iter().filter(holds).fold(0, |bits, v| bits | mask(v.hi, v.lo))
}
