//! Features of leaves 0x5 and 0x6: MWAIT, thermal and power management.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ecx, Edx};

use crate::knowledge::table::Migratable::{Unknown, Yes};
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x0000_0005, 0, Ecx,  0, "",     "",     "",               Unknown, "MWAIT extensions and sub-state fields are enumerated"),
    feature(0x0000_0005, 0, Ecx,  1, "",     "",     "",               Unknown, "Masked interrupts can still end MWAIT"),
    feature(0x0000_0006, 0, Eax,  0, "",     "",     "dtherm",         Unknown, "On-die digital temperature sensor"),
    feature(0x0000_0006, 0, Eax,  1, "",     "",     "ida",            Unknown, "Opportunistic turbo frequencies enabled"),
    feature(0x0000_0006, 0, Eax,  2, "arat", "arat", "arat",           Yes,     "APIC timer keeps running in deep idle"),
    feature(0x0000_0006, 0, Eax,  4, "",     "",     "pln",            Unknown, "Power-limit notification interrupts"),
    feature(0x0000_0006, 0, Eax,  5, "",     "",     "",               Unknown, "Finer clock-modulation duty cycle steps"),
    feature(0x0000_0006, 0, Eax,  6, "",     "",     "pts",            Unknown, "Package-level thermal status and interrupt"),
    feature(0x0000_0006, 0, Eax,  7, "",     "",     "hwp",            Unknown, "Hardware-controlled P-states (HWP) base MSRs"),
    feature(0x0000_0006, 0, Eax,  8, "",     "",     "hwp_notify",     Unknown, "HWP change notification interrupt"),
    feature(0x0000_0006, 0, Eax,  9, "",     "",     "hwp_act_window", Unknown, "HWP activity-window field writable"),
    feature(0x0000_0006, 0, Eax, 10, "",     "",     "hwp_epp",        Unknown, "HWP energy/performance preference field writable"),
    feature(0x0000_0006, 0, Eax, 11, "",     "",     "hwp_pkg_req",    Unknown, "HWP package-scope request MSR"),
    feature(0x0000_0006, 0, Eax, 13, "",     "",     "",               Unknown, "Hardware duty cycling MSRs"),
    feature(0x0000_0006, 0, Eax, 14, "",     "",     "",               Unknown, "Turbo Boost Max 3.0 favored cores"),
    feature(0x0000_0006, 0, Eax, 15, "",     "",     "",               Unknown, "HWP highest-performance change reporting"),
    feature(0x0000_0006, 0, Eax, 16, "",     "",     "",               Unknown, "HWP request override through PECI"),
    feature(0x0000_0006, 0, Eax, 17, "",     "",     "",               Unknown, "Flexible HWP request valid bits"),
    feature(0x0000_0006, 0, Eax, 18, "",     "",     "",               Unknown, "Fast MSR access mode for HWP requests"),
    feature(0x0000_0006, 0, Eax, 19, "",     "",     "hfi",            Unknown, "Hardware feedback interface table"),
    feature(0x0000_0006, 0, Eax, 20, "",     "",     "",               Unknown, "Idle siblings' HWP requests can be ignored"),
    feature(0x0000_0006, 0, Eax, 22, "",     "",     "",               Unknown, "IA32_HWP_CTL MSR exists"),
    feature(0x0000_0006, 0, Eax, 23, "",     "",     "",               Unknown, "Thread Director per-class feedback"),
    feature(0x0000_0006, 0, Eax, 24, "",     "",     "",               Unknown, "Bit 25 of thermal interrupt MSR implemented"),
    feature(0x0000_0006, 0, Ecx,  0, "",     "",     "aperfmperf",     Unknown, "Effective-frequency counters APERF and MPERF"),
    feature(0x0000_0006, 0, Ecx,  3, "",     "",     "epb",            Unknown, "Energy/performance bias MSR"),
    feature(0x0000_0006, 0, Edx,  0, "",     "",     "",               Unknown, "Feedback table reports performance capability"),
    feature(0x0000_0006, 0, Edx,  1, "",     "",     "",               Unknown, "Feedback table reports energy-efficiency capability"),
];

sorted!(ROWS);
