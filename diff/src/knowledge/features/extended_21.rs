//! Features of leaves from 0x80000021: newer AMD features.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ecx, Edx};

use crate::knowledge::table::Migratable::{Unknown, Yes};
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x8000_0021, 0, Eax,  0, "no-nested-data-bp",         "no-nested-data-bp",         "",                   Yes,     "Nested data breakpoints ignored"),
    feature(0x8000_0021, 0, Eax,  1, "fs-gs-base-ns",             "fs-gs-base-ns",             "",                   Yes,     "FS/GS base MSR writes do not serialize"),
    feature(0x8000_0021, 0, Eax,  2, "lfence-always-serializing", "lfence-always-serializing", "",                   Yes,     "LFENCE always waits for dispatch"),
    feature(0x8000_0021, 0, Eax,  3, "",                          "",                          "",                   Unknown, "SMM paging configuration can be locked"),
    feature(0x8000_0021, 0, Eax,  5, "",                          "verw-clear",                "",                   Yes,     "Memory-operand VERW scrubs buffers (TSA)"),
    feature(0x8000_0021, 0, Eax,  6, "null-sel-clr-base",         "null-sel-clr-base",         "",                   Yes,     "Loading null selector clears segment base"),
    feature(0x8000_0021, 0, Eax,  7, "",                          "",                          "",                   Unknown, "Upper address bits can be ignored"),
    feature(0x8000_0021, 0, Eax,  8, "auto-ibrs",                 "auto-ibrs",                 "",                   Yes,     "Automatic IBRS through EFER"),
    feature(0x8000_0021, 0, Eax,  9, "",                          "",                          "",                   Unknown, "SMM control MSR is absent"),
    feature(0x8000_0021, 0, Eax, 10, "",                          "",                          "",                   Unknown, "Short REP STOSB runs fast (AMD)"),
    feature(0x8000_0021, 0, Eax, 11, "",                          "",                          "",                   Unknown, "Short REP CMPSB runs fast (AMD)"),
    feature(0x8000_0021, 0, Eax, 13, "",                          "",                          "",                   Unknown, "Prefetcher control MSR"),
    feature(0x8000_0021, 0, Eax, 14, "",                          "",                          "",                   Unknown, "L2 TLB sizes encoded in units of 32"),
    feature(0x8000_0021, 0, Eax, 15, "",                          "",                          "",                   Unknown, "AMD statement of enhanced REP MOVSB/STOSB"),
    feature(0x8000_0021, 0, Eax, 16, "",                          "",                          "",                   Unknown, "Some opcode space reclaimed"),
    feature(0x8000_0021, 0, Eax, 17, "",                          "",                          "",                   Unknown, "CPUID can fault in user mode"),
    feature(0x8000_0021, 0, Eax, 18, "",                          "",                          "",                   Unknown, "Improved predictive store forwarding behavior"),
    feature(0x8000_0021, 0, Eax, 19, "",                          "",                          "",                   Unknown, "Short REP SCASB runs fast (AMD)"),
    feature(0x8000_0021, 0, Eax, 20, "prefetchi",                 "prefetchi",                 "",                   Yes,     "Instruction-side prefetch PREFETCHI"),
    feature(0x8000_0021, 0, Eax, 21, "",                          "",                          "",                   Unknown, "512-bit datapath can be downgraded"),
    feature(0x8000_0021, 0, Eax, 22, "",                          "",                          "",                   Unknown, "Workload classification feedback"),
    feature(0x8000_0021, 0, Eax, 23, "",                          "",                          "",                   Unknown, "AVX-512 bit-matrix multiply"),
    feature(0x8000_0021, 0, Eax, 24, "eraps",                     "eraps",                     "",                   Yes,     "Return predictor hardened, size enumerated"),
    feature(0x8000_0021, 0, Eax, 27, "sbpb",                      "sbpb",                      "",                   Yes,     "PRED_CMD offers a selective barrier (SBPB)"),
    feature(0x8000_0021, 0, Eax, 28, "ibpb-brtype",               "ibpb-brtype",               "",                   Yes,     "IBPB flushes all branch types"),
    feature(0x8000_0021, 0, Eax, 29, "srso-no",                   "srso-no",                   "",                   Yes,     "Immune to speculative return overflow"),
    feature(0x8000_0021, 0, Eax, 30, "srso-user-kernel-no",       "srso-user-kernel-no",       "",                   Yes,     "Immune to SRSO across user/kernel boundary"),
    feature(0x8000_0021, 0, Eax, 31, "",                          "",                          "",                   Unknown, "BP_SPEC_REDUCE control mitigates SRSO"),
    feature(0x8000_0021, 0, Ecx,  1, "",                          "tsa-sq-no",                 "",                   Yes,     "Immune to TSA store-queue leak"),
    feature(0x8000_0021, 0, Ecx,  2, "",                          "tsa-l1-no",                 "",                   Yes,     "Immune to TSA L1 leak"),
    feature(0x8000_0022, 0, Eax,  0, "perfmon-v2",                "perfmon-v2",                "perfmon_v2",         Yes,     "Performance monitoring version 2 global MSRs"),
    feature(0x8000_0022, 0, Eax,  1, "",                          "",                          "amd_lbr_v2",         Unknown, "Second-generation last-branch record stack"),
    feature(0x8000_0022, 0, Eax,  2, "",                          "",                          "amd_lbr_pmc_freeze", Unknown, "Branch records freeze on counter overflow"),
    feature(0x8000_0023, 0, Eax,  0, "",                          "",                          "",                   Unknown, "Multiple host memory encryption keys"),
    feature(0x8000_0026, 0, Eax, 29, "",                          "",                          "",                   Unknown, "Core efficiency ranking field is meaningful"),
    feature(0x8000_0026, 0, Eax, 30, "",                          "",                          "",                   Unknown, "Package mixes different core kinds (hybrid AMD)"),
    feature(0x8000_0026, 0, Eax, 31, "",                          "",                          "",                   Unknown, "Topology children are not all the same size"),
    feature(0x8086_0001, 0, Edx,  0, "",                          "",                          "recovery",           Unknown, "Running on recovery code-morphing software"),
    feature(0x8086_0001, 0, Edx,  1, "",                          "",                          "longrun",            Unknown, "LongRun power management"),
    feature(0x8086_0001, 0, Edx,  3, "",                          "",                          "lrti",               Unknown, "LongRun states listed in a table"),
];

sorted!(ROWS);
