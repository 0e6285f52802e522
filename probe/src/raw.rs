//! The shape of Todd Allen's `cpuid -r`, so that existing tools read our dumps. Written only; `cpuid-diff` reads it.

use alloc::string::String;
use core::fmt::Write;

use crate::dump::Dump;
use crate::register::Hex;

/// As long as a line usually is.
const LINE: usize = 80;

/// A dump as `cpuid -r` prints it: `CPU N:`, then `   0xLEAF 0xSUB: eax=… ebx=… ecx=… edx=…`.
///
/// The form holds register sets alone: provenance, gaps and MSRs do not fit into it.
#[must_use]
pub fn to_string(dump: &Dump) -> String {
    let lines: usize = dump.vcpus.iter().map(|v| 1 + v.leaves().len()).sum();
    let mut out = String::with_capacity(lines * LINE);
    for v in &dump.vcpus {
        let _ = writeln!(out, "CPU {}:", v.vcpu);
        for record in v.leaves() {
            let (id, r) = (record.id, record.registers);
            let _ = writeln!(
                out,
                "   0x{} {:#04x}: eax=0x{} ebx=0x{} ecx=0x{} edx=0x{}",
                Hex(id.leaf),
                id.ecx(),
                Hex(r.eax),
                Hex(r.ebx),
                Hex(r.ecx),
                Hex(r.edx)
            );
        }
    }
    out
}
