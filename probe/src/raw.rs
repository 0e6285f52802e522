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
            push(&mut out, "   ", id.leaf);
            let _ = write!(out, " {:#04x}", id.ecx());
            push(&mut out, ": eax=", r.eax);
            push(&mut out, " ebx=", r.ebx);
            push(&mut out, " ecx=", r.ecx);
            push(&mut out, " edx=", r.edx);
            out.push('\n');
        }
    }
    out
}

fn push(out: &mut String, before: &str, value: u32) {
    out.push_str(before);
    out.push_str(str::from_utf8(&Hex(value).prefixed()).unwrap_or_default());
}
