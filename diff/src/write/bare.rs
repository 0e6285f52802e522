//! Register lines without a frame, as in the framed text.

use std::fmt::Write;

use cpuid_probe::dump::Dump;
use cpuid_probe::text::{write_gap, write_msr, write_record};

/// Every line of every vCPU, with headers unless vCPU 0 is the only one.
pub(super) fn write(dump: &Dump) -> String {
    let mut out = String::new();
    let headers = !matches!(dump.vcpus.as_slice(), [only] if only.vcpu == 0);
    // Writing to a String cannot fail.
    for v in &dump.vcpus {
        if headers {
            let _ = writeln!(out, "vcpu {}", v.vcpu);
        }
        for record in v.leaves() {
            let _ = write_record(&mut out, record);
        }
        for msr in v.msrs() {
            let _ = write_msr(&mut out, msr);
        }
        for gap in &v.gaps {
            let _ = write_gap(&mut out, gap);
        }
    }
    out
}
