//! Features of the clock leaf of KVM and VMware blocks.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::Ecx;

use crate::knowledge::table::Migratable::Unknown;
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x4000_0010, 0, Ecx, 0, "", "", "", Unknown, "VMware backdoor reachable through VMMCALL (VMware hosts only)"),
    feature(0x4000_0010, 0, Ecx, 1, "", "", "", Unknown, "VMware backdoor reachable through VMCALL (VMware hosts only)"),
];

sorted!(ROWS);
