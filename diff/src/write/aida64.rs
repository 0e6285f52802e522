//! The form of AIDA64's dumps since 2014: headers that number from 0, subleaves in `[SL nn]`.

use std::fmt::Write;

use cpuid_probe::dump::Dump;

/// Every register set of every vCPU.
pub(super) fn write(dump: &Dump) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    for v in &dump.vcpus {
        let _ = writeln!(out, "------[ CPUID Registers / Logical CPU #{} ]------\n", v.vcpu);
        for record in v.leaves() {
            let (id, r) = (record.id, record.registers);
            let _ = write!(out, "CPUID {:08X}: {:08X}-{:08X}-{:08X}-{:08X}", id.leaf, r.eax, r.ebx, r.ecx, r.edx);
            let _ = match id.subleaf {
                Some(subleaf) => writeln!(out, " [SL {subleaf:02X}]"),
                None => writeln!(out),
            };
        }
        out.push('\n');
    }
    out
}
