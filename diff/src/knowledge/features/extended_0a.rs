//! Features of leaves 0x8000000A to 0x8000001E: SVM, IBS.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ecx, Edx};

use crate::knowledge::table::Migratable::{Unknown, Yes};
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x8000_000a, 0, Ecx,  4, "",                "",                "",                Unknown, "Page modification logging"),
    feature(0x8000_000a, 0, Ecx,  6, "",                "",                "",                Unknown, "x2AVIC handles up to 4096 vCPUs"),
    feature(0x8000_000a, 0, Edx,  0, "npt",             "npt",             "npt",             Yes,     "Nested page tables"),
    feature(0x8000_000a, 0, Edx,  1, "lbrv",            "lbrv",            "lbrv",            Yes,     "LBR virtualization"),
    feature(0x8000_000a, 0, Edx,  2, "svm-lock",        "svm-lock",        "svm_lock",        Yes,     "SVM can be locked disabled"),
    feature(0x8000_000a, 0, Edx,  3, "nrip-save",       "nrip-save",       "nrip_save",       Yes,     "Next RIP saved on exit"),
    feature(0x8000_000a, 0, Edx,  4, "tsc-scale",       "tsc-scale",       "tsc_scale",       Yes,     "Guest TSC ratio MSR"),
    feature(0x8000_000a, 0, Edx,  5, "vmcb-clean",      "vmcb-clean",      "vmcb_clean",      Yes,     "VMCB caching hints (clean bits)"),
    feature(0x8000_000a, 0, Edx,  6, "flushbyasid",     "flushbyasid",     "flushbyasid",     Yes,     "TLB flush limited to one ASID"),
    feature(0x8000_000a, 0, Edx,  7, "decodeassists",   "decodeassists",   "decodeassists",   Yes,     "Exit decode assistance"),
    feature(0x8000_000a, 0, Edx,  8, "",                "",                "",                Unknown, "Performance counter virtualization"),
    feature(0x8000_000a, 0, Edx, 10, "pause-filter",    "pause-filter",    "pausefilter",     Yes,     "PAUSE intercept filter count"),
    feature(0x8000_000a, 0, Edx, 11, "",                "",                "",                Unknown, "Encrypted microcode patches"),
    feature(0x8000_000a, 0, Edx, 12, "pfthreshold",     "pfthreshold",     "pfthreshold",     Yes,     "PAUSE filter cycle threshold"),
    feature(0x8000_000a, 0, Edx, 13, "avic",            "avic",            "avic",            Yes,     "Virtual interrupt controller (AVIC)"),
    feature(0x8000_000a, 0, Edx, 15, "v-vmsave-vmload", "v-vmsave-vmload", "v_vmsave_vmload", Yes,     "VMSAVE/VMLOAD virtualization"),
    feature(0x8000_000a, 0, Edx, 16, "vgif",            "vgif",            "vgif",            Yes,     "Virtual global interrupt flag"),
    feature(0x8000_000a, 0, Edx, 17, "",                "gmet",            "",                Yes,     "Guest-mode execute trap"),
    feature(0x8000_000a, 0, Edx, 18, "",                "",                "x2avic",          Unknown, "AVIC in x2APIC mode"),
    feature(0x8000_000a, 0, Edx, 19, "",                "",                "",                Unknown, "Supervisor shadow-stack page checks"),
    feature(0x8000_000a, 0, Edx, 20, "",                "",                "v_spec_ctrl",     Unknown, "Guest SPEC_CTRL virtualization"),
    feature(0x8000_000a, 0, Edx, 21, "",                "",                "",                Unknown, "Read-only guest page tables"),
    feature(0x8000_000a, 0, Edx, 23, "",                "",                "",                Unknown, "Host machine check overrides guest setting"),
    feature(0x8000_000a, 0, Edx, 24, "",                "",                "",                Unknown, "INVLPGB/TLBSYNC intercept control"),
    feature(0x8000_000a, 0, Edx, 25, "vnmi",            "vnmi",            "vnmi",            Yes,     "Virtual NMI"),
    feature(0x8000_000a, 0, Edx, 26, "",                "",                "",                Unknown, "Instruction-based sampling virtualization"),
    feature(0x8000_000a, 0, Edx, 27, "",                "",                "",                Unknown, "Extended LVT access behavior under AVIC changed"),
    feature(0x8000_000a, 0, Edx, 28, "svme-addr-chk",   "svme-addr-chk",   "",                Yes,     "Guest VMCB addresses checked, #GP on misuse"),
    feature(0x8000_000a, 0, Edx, 29, "",                "",                "",                Unknown, "Bus-lock intercept threshold"),
    feature(0x8000_000a, 0, Edx, 30, "",                "",                "",                Unknown, "HLT intercept only when no event pending"),
    feature(0x8000_000a, 0, Edx, 31, "",                "",                "",                Unknown, "Enhanced shutdown intercept"),
    feature(0x8000_001a, 0, Eax,  0, "",                "",                "",                Unknown, "FP/SIMD datapath 128 bits wide"),
    feature(0x8000_001a, 0, Eax,  1, "",                "",                "",                Unknown, "Unaligned moves preferred over split moves"),
    feature(0x8000_001a, 0, Eax,  2, "",                "",                "",                Unknown, "FP/SIMD datapath 256 bits wide"),
    feature(0x8000_001a, 0, Eax,  3, "",                "",                "",                Unknown, "FP/SIMD datapath 512 bits wide"),
    feature(0x8000_001b, 0, Eax,  0, "",                "",                "",                Unknown, "IBS feature bits are valid"),
    feature(0x8000_001b, 0, Eax,  1, "",                "",                "",                Unknown, "IBS can sample instruction fetches"),
    feature(0x8000_001b, 0, Eax,  2, "",                "",                "",                Unknown, "IBS can sample executed ops"),
    feature(0x8000_001b, 0, Eax,  3, "",                "",                "",                Unknown, "IBS op counter readable and writable"),
    feature(0x8000_001b, 0, Eax,  4, "",                "",                "",                Unknown, "IBS can count dispatched ops"),
    feature(0x8000_001b, 0, Eax,  5, "",                "",                "",                Unknown, "IBS reports branch targets"),
    feature(0x8000_001b, 0, Eax,  6, "",                "",                "",                Unknown, "IBS op counters seven bits wider"),
    feature(0x8000_001b, 0, Eax,  7, "",                "",                "",                Unknown, "IBS flags invalid RIP"),
    feature(0x8000_001b, 0, Eax,  8, "",                "",                "",                Unknown, "IBS flags fused branches"),
    feature(0x8000_001b, 0, Eax,  9, "",                "",                "",                Unknown, "IBS extended fetch control MSR"),
    feature(0x8000_001b, 0, Eax, 10, "",                "",                "",                Unknown, "IBS provides a fourth op-data MSR"),
    feature(0x8000_001b, 0, Eax, 11, "",                "",                "",                Unknown, "IBS filters on L3 misses"),
    feature(0x8000_001b, 0, Eax, 12, "",                "",                "",                Unknown, "IBS filters on load latency"),
    feature(0x8000_001b, 0, Eax, 19, "",                "",                "",                Unknown, "IBS simplified data-TLB page size reporting"),
];

sorted!(ROWS);
