//! One short line that is the same for dumps that say the same, for tools that group machines by what they print.
//!
//! It is the vendor and a hash of what the differ judges: every register of every vCPU and every MSR, and what could not be
//! read; without what differs between the vCPUs of one machine, follows its system's state, or is a clock. The number of
//! vCPUs does not count: a vCPU that is like another adds nothing. Dumps of equal lines are alike in all of that; whether a
//! difference matters, only the differ says.

use std::collections::BTreeSet;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use crate::dump::{Dump, VcpuDump};
use crate::leaf::LeafId;
use crate::register::Register::{self, Eax, Ebx, Ecx, Edx};
use crate::register::mask;
use crate::volatile::volatile_bits;

/// Bits `hi..=lo` of a register, in one subleaf or, with `None`, in every one: ids of one vCPU, and clocks of one host.
pub type OfOne = (u32, Option<u32>, Register, u8, u8);

/// All of them, by leaf: the rows that the differ calls `per-vcpu` with no severity but `expected`, or `host-clock`.
/// tests/probe/fingerprint.rs keeps it so.
#[rustfmt::skip]
pub const OF_ONE: &[OfOne] = &[
    (0x0000_0001, Some(0), Ebx, 31, 24),
    (0x0000_0006, Some(0), Edx, 31, 16),
    (0x0000_000b, None,    Edx, 31,  0),
    (0x0000_0015, Some(0), Eax, 31,  0),
    (0x0000_0015, Some(0), Ebx, 31,  0),
    (0x0000_0015, Some(0), Ecx, 31,  0),
    (0x0000_0016, Some(0), Eax, 15,  0),
    (0x0000_001f, None,    Edx, 31,  0),
    (0x4000_0010, Some(0), Eax, 31,  0),
    (0x8000_001e, Some(0), Eax, 31,  0),
    (0x8000_001e, Some(0), Ebx,  7,  0),
    (0x8000_001e, Some(0), Ecx,  7,  0),
    (0x8000_0026, None,    Edx, 31,  0),
];

/// The vendor, or `unknown`, and 16 hex digits (64-bit FNV-1a).
#[must_use]
pub fn fingerprint(dump: &Dump) -> String {
    let vendor = dump.vcpus.iter().find_map(VcpuDump::vendor).map_or_else(|| "unknown".into(), |v| v.to_string());
    let images: BTreeSet<Vec<u32>> = dump.vcpus.iter().map(image).collect();
    let words =
        images.iter().flat_map(|image| std::iter::once(image.len() as u64).chain(image.iter().map(|w| (*w).into())));
    let hash = words
        .flat_map(u64::to_le_bytes)
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{vendor} {hash:016x}")
}

/// What counts of a vCPU. Each part begins with its own length.
fn image(v: &VcpuDump) -> Vec<u32> {
    let mut words = vec![v.leaves().len() as u32];
    for record in v.leaves() {
        words.extend([record.id.leaf, record.id.ecx()]);
        words.extend(Register::ALL.map(|register| {
            let left_out = volatile_bits(record.id, register, v.leaves()) | of_one_bits(record.id, register);
            record.registers.get(register) & !left_out
        }));
    }
    words.push(v.msrs().len() as u32);
    for msr in v.msrs() {
        let value = msr.value.unwrap_or_default();
        words.extend([msr.index, msr.value.is_some().into(), (value >> 32) as u32, value as u32]);
    }
    for gap in &v.gaps {
        words.extend([gap.id.leaf, gap.id.ecx(), gap.reason as u32]);
    }
    words
}

/// The bits of `register` at `id` that are in [`OF_ONE`].
fn of_one_bits(id: LeafId, register: Register) -> u32 {
    let here = |of: &&OfOne| of.0 == id.leaf && of.1.is_none_or(|subleaf| subleaf == id.ecx()) && of.2 == register;
    OF_ONE.iter().filter(here).fold(0, |bits, (.., hi, lo)| bits | mask(*hi, *lo))
}
