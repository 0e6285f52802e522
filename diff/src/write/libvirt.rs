//! libvirt's `<cpudata>`, as its tests record CPUs. Source: libvirt src/cpu/cpu_x86.c `virCPUx86DataFormat`.

use std::fmt::Write;

use cpuid_probe::dump::Dump;

/// The first vCPU. MSRs whose reading faulted are left out: the format cannot say that.
pub(super) fn write(dump: &Dump) -> String {
    let mut out = String::from("<cpudata arch='x86'>\n");
    // Writing to a String cannot fail.
    if let Some(v) = dump.vcpus.first() {
        for record in v.leaves() {
            let (id, r) = (record.id, record.registers);
            let _ = writeln!(
                out,
                "  <cpuid eax_in='{:#010x}' ecx_in='{:#04x}' eax='{:#010x}' ebx='{:#010x}' ecx='{:#010x}' edx='{:#010x}'/>",
                id.leaf,
                id.ecx(),
                r.eax,
                r.ebx,
                r.ecx,
                r.edx
            );
        }
        for msr in v.msrs() {
            if let Some(value) = msr.value {
                let (high, low) = (value >> 32, value & 0xffff_ffff);
                let _ = writeln!(out, "  <msr index='{:#x}' edx='{high:#010x}' eax='{low:#010x}'/>", msr.index);
            }
        }
    }
    out.push_str("</cpudata>\n");
    out
}
