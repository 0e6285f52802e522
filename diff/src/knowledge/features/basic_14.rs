//! Features of leaves 0x14 to 0x1F: Processor Trace, Key Locker, LBR, AMX.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ebx, Ecx};

use crate::knowledge::table::Migratable::{Unknown, Yes};
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x0000_0014, 0, Ebx,  0, "",                  "",                  "", Unknown, "Trace filtering by CR3"),
    feature(0x0000_0014, 0, Ebx,  1, "",                  "",                  "", Unknown, "Cycle-accurate tracing, configurable sync packets"),
    feature(0x0000_0014, 0, Ebx,  2, "",                  "",                  "", Unknown, "Trace filtering by instruction address"),
    feature(0x0000_0014, 0, Ebx,  3, "",                  "",                  "", Unknown, "MTC timing packets"),
    feature(0x0000_0014, 0, Ebx,  4, "",                  "",                  "", Unknown, "PTWRITE instruction"),
    feature(0x0000_0014, 0, Ebx,  5, "",                  "",                  "", Unknown, "Power event packets"),
    feature(0x0000_0014, 0, Ebx,  6, "",                  "",                  "", Unknown, "Pending PSB/PMI preserved across disable"),
    feature(0x0000_0014, 0, Ebx,  7, "",                  "",                  "", Unknown, "Event packets"),
    feature(0x0000_0014, 0, Ebx,  8, "",                  "",                  "", Unknown, "TNT packets can be suppressed"),
    feature(0x0000_0014, 0, Ebx,  9, "",                  "",                  "", Unknown, "Trigger tracing"),
    feature(0x0000_0014, 0, Ecx,  0, "",                  "",                  "", Unknown, "Table-of-pages output"),
    feature(0x0000_0014, 0, Ecx,  1, "",                  "",                  "", Unknown, "Multiple entries per output table"),
    feature(0x0000_0014, 0, Ecx,  2, "",                  "",                  "", Unknown, "Trace output into one contiguous buffer"),
    feature(0x0000_0014, 0, Ecx,  3, "",                  "",                  "", Unknown, "Trace transport output"),
    feature(0x0000_0014, 0, Ecx, 31, "intel-pt-lip",      "intel-pt-lip",      "", Yes,     "Trace IPs are linear addresses"),
    feature(0x0000_0019, 0, Eax,  0, "",                  "",                  "", Unknown, "Handles restrictable to ring 0"),
    feature(0x0000_0019, 0, Eax,  1, "",                  "",                  "", Unknown, "Handles can forbid encryption"),
    feature(0x0000_0019, 0, Eax,  2, "",                  "",                  "", Unknown, "Handles can forbid decryption"),
    feature(0x0000_0019, 0, Ebx,  0, "",                  "",                  "", Unknown, "AES Key Locker active; follows CR4.KL"),
    feature(0x0000_0019, 0, Ebx,  2, "",                  "",                  "", Unknown, "Wide AES Key Locker instructions"),
    feature(0x0000_0019, 0, Ebx,  4, "",                  "",                  "", Unknown, "Wrapping key backup MSRs"),
    feature(0x0000_0019, 0, Ecx,  0, "",                  "",                  "", Unknown, "Wrapping key may refuse backup"),
    feature(0x0000_0019, 0, Ecx,  1, "",                  "",                  "", Unknown, "Wrapping key can be randomized"),
    feature(0x0000_001c, 0, Eax, 30, "",                  "",                  "", Unknown, "LBRs may be lost in deep idle"),
    feature(0x0000_001c, 0, Eax, 31, "",                  "",                  "", Unknown, "LBR addresses are linear"),
    feature(0x0000_001c, 0, Ebx,  0, "",                  "",                  "", Unknown, "LBR filtering by privilege"),
    feature(0x0000_001c, 0, Ebx,  1, "",                  "",                  "", Unknown, "LBR filtering by branch type"),
    feature(0x0000_001c, 0, Ebx,  2, "",                  "",                  "", Unknown, "LBR call-stack mode"),
    feature(0x0000_001c, 0, Ecx,  0, "",                  "",                  "", Unknown, "LBR records mispredictions"),
    feature(0x0000_001c, 0, Ecx,  1, "",                  "",                  "", Unknown, "LBR records elapsed cycles"),
    feature(0x0000_001c, 0, Ecx,  2, "",                  "",                  "", Unknown, "LBR records branch type"),
    feature(0x0000_001e, 1, Eax,  0, "amx-int8-alias",    "amx-int8-alias",    "", Yes,     "Repeat of AMX-INT8 flag"),
    feature(0x0000_001e, 1, Eax,  1, "amx-bf16-alias",    "amx-bf16-alias",    "", Yes,     "Repeat of AMX-BF16 flag"),
    feature(0x0000_001e, 1, Eax,  2, "amx-complex-alias", "amx-complex-alias", "", Yes,     "Repeat of AMX-COMPLEX flag"),
    feature(0x0000_001e, 1, Eax,  3, "amx-fp16-alias",    "amx-fp16-alias",    "", Yes,     "Repeat of AMX-FP16 flag"),
    feature(0x0000_001e, 1, Eax,  4, "amx-fp8",           "amx-fp8",           "", Yes,     "AMX 8-bit floating-point multiply"),
    feature(0x0000_001e, 1, Eax,  6, "amx-tf32",          "amx-tf32",          "", Yes,     "AMX TensorFloat-32 multiply"),
    feature(0x0000_001e, 1, Eax,  7, "amx-avx512",        "amx-avx512",        "", Yes,     "AMX moves between tiles and AVX-512"),
    feature(0x0000_001e, 1, Eax,  8, "amx-movrs",         "amx-movrs",         "", Yes,     "AMX read-shared tile loads"),
];

sorted!(ROWS);
