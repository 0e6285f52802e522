//! Features of leaves 0x80000007 and 0x80000008: power, RAS, speculation.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Ebx, Edx};

use crate::knowledge::table::Migratable::{No, Unknown, Yes};
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x8000_0007, 0, Ebx,  0, "overflow-recov",  "overflow-recov",  "overflow_recov", Yes,     "Machine-check overflow is recoverable"),
    feature(0x8000_0007, 0, Ebx,  1, "succor",          "succor",          "succor",         Yes,     "Uncorrected errors can be contained by software"),
    feature(0x8000_0007, 0, Ebx,  2, "",                "",                "",               Unknown, "MSRs capturing hardware asserts"),
    feature(0x8000_0007, 0, Ebx,  3, "",                "",                "smca",           Unknown, "Scalable machine-check banks"),
    feature(0x8000_0007, 0, Ebx,  4, "",                "",                "",               Unknown, "Firmware sees errors first (PFEH)"),
    feature(0x8000_0007, 0, Edx,  0, "",                "",                "",               Unknown, "Temperature sensor"),
    feature(0x8000_0007, 0, Edx,  1, "",                "",                "",               Unknown, "PowerNow! frequency identifier control"),
    feature(0x8000_0007, 0, Edx,  2, "",                "",                "",               Unknown, "PowerNow! voltage identifier control"),
    feature(0x8000_0007, 0, Edx,  3, "",                "",                "",               Unknown, "Thermal trip shutdown"),
    feature(0x8000_0007, 0, Edx,  4, "",                "",                "",               Unknown, "Thermal control by hardware (HTC)"),
    feature(0x8000_0007, 0, Edx,  5, "",                "",                "",               Unknown, "Thermal control by software (STC)"),
    feature(0x8000_0007, 0, Edx,  6, "",                "",                "",               Unknown, "Multiplier adjustable in 100 MHz steps"),
    feature(0x8000_0007, 0, Edx,  7, "",                "",                "hw_pstate",      Unknown, "Hardware P-state MSRs"),
    feature(0x8000_0007, 0, Edx,  8, "invtsc",          "invtsc",          "nonstop_tsc",    No,      "TSC rate is invariant across P/C-states"),
    feature(0x8000_0007, 0, Edx,  9, "",                "",                "cpb",            Unknown, "AMD turbo frequency boost"),
    feature(0x8000_0007, 0, Edx, 10, "",                "",                "",               Unknown, "Read-only effective-frequency counters"),
    feature(0x8000_0007, 0, Edx, 11, "",                "",                "proc_feedback",  Unknown, "Processor feedback interface (obsolete)"),
    feature(0x8000_0007, 0, Edx, 12, "",                "",                "acc_power",      Unknown, "Accumulated power reporting"),
    feature(0x8000_0007, 0, Edx, 13, "",                "",                "",               Unknown, "Connected standby"),
    feature(0x8000_0007, 0, Edx, 14, "",                "",                "rapl",           Unknown, "Running average power limit MSRs"),
    feature(0x8000_0007, 0, Edx, 15, "",                "",                "",               Unknown, "Fast CPPC requests"),
    feature(0x8000_0007, 0, Edx, 16, "",                "",                "",               Unknown, "CPPC performance floor/priority control"),
    feature(0x8000_0008, 0, Ebx,  0, "clzero",          "clzero",          "clzero",         Yes,     "Zero a cache line (CLZERO)"),
    feature(0x8000_0008, 0, Ebx,  1, "",                "",                "irperf",         Unknown, "Retired-instruction counter MSR"),
    feature(0x8000_0008, 0, Ebx,  2, "xsaveerptr",      "xsaveerptr",      "xsaveerptr",     Yes,     "Error pointers always saved and restored by XSAVE"),
    feature(0x8000_0008, 0, Ebx,  3, "",                "",                "",               Unknown, "Broadcast TLB invalidation INVLPGB/TLBSYNC"),
    feature(0x8000_0008, 0, Ebx,  4, "",                "",                "rdpru",          Unknown, "User-readable APERF/MPERF through RDPRU"),
    feature(0x8000_0008, 0, Ebx,  6, "",                "",                "mba",            Unknown, "AMD memory bandwidth enforcement"),
    feature(0x8000_0008, 0, Ebx,  8, "",                "",                "",               Unknown, "Persistent-memory commit MCOMMIT"),
    feature(0x8000_0008, 0, Ebx,  9, "wbnoinvd",        "wbnoinvd",        "wbnoinvd",       Yes,     "Write back caches without invalidating"),
    feature(0x8000_0008, 0, Ebx, 10, "",                "",                "",               Unknown, "Last-branch record extension"),
    feature(0x8000_0008, 0, Ebx, 12, "ibpb",            "ibpb",            "",               Yes,     "IBPB barrier (AMD enumeration)"),
    feature(0x8000_0008, 0, Ebx, 13, "",                "",                "",               Unknown, "WBINVD/WBNOINVD can be interrupted"),
    feature(0x8000_0008, 0, Ebx, 14, "ibrs",            "ibrs",            "",               Yes,     "IBRS control (AMD enumeration)"),
    feature(0x8000_0008, 0, Ebx, 15, "amd-stibp",       "amd-stibp",       "",               Yes,     "STIBP control (AMD enumeration)"),
    feature(0x8000_0008, 0, Ebx, 16, "",                "",                "",               Unknown, "Vendor prefers IBRS left on"),
    feature(0x8000_0008, 0, Ebx, 17, "stibp-always-on", "stibp-always-on", "",               Yes,     "Vendor prefers STIBP left on"),
    feature(0x8000_0008, 0, Ebx, 18, "",                "",                "",               Unknown, "Vendor prefers IBRS over software mitigation"),
    feature(0x8000_0008, 0, Ebx, 19, "",                "",                "",               Unknown, "IBRS also protects same privilege mode"),
    feature(0x8000_0008, 0, Ebx, 20, "",                "",                "",               Unknown, "EFER.LMSLE segment limits removed"),
    feature(0x8000_0008, 0, Ebx, 21, "",                "",                "",               Unknown, "INVLPGB may flush nested translations"),
    feature(0x8000_0008, 0, Ebx, 23, "",                "",                "amd_ppin",       Unknown, "AMD processor inventory number MSRs"),
    feature(0x8000_0008, 0, Ebx, 24, "amd-ssbd",        "amd-ssbd",        "",               Yes,     "SSBD through SPEC_CTRL (AMD enumeration)"),
    feature(0x8000_0008, 0, Ebx, 25, "virt-ssbd",       "virt-ssbd",       "virt_ssbd",      Yes,     "SSBD through virtual SPEC_CTRL MSR"),
    feature(0x8000_0008, 0, Ebx, 26, "amd-no-ssb",      "amd-no-ssb",      "",               Yes,     "Speculative store bypass absent; no mitigation needed"),
    feature(0x8000_0008, 0, Ebx, 27, "",                "",                "cppc",           Unknown, "Collaborative performance control MSRs"),
    feature(0x8000_0008, 0, Ebx, 28, "amd-psfd",        "amd-psfd",        "",               Yes,     "Predictive store forwarding can be disabled"),
    feature(0x8000_0008, 0, Ebx, 29, "",                "",                "",               Unknown, "Immune to branch type confusion"),
    feature(0x8000_0008, 0, Ebx, 30, "",                "",                "",               Unknown, "IBPB also flushes return predictor"),
    feature(0x8000_0008, 0, Ebx, 31, "",                "",                "brs",            Unknown, "Branch sampling"),
];

sorted!(ROWS);
