//! Features of leaf 0xD: extended state.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ecx, Edx};

use crate::knowledge::table::Migratable::{No, Unknown, Yes};
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x0000_000d, 0, Eax,  0, "",         "",         "",         Yes,     "XCR0 x87 component"),
    feature(0x0000_000d, 0, Eax,  1, "",         "",         "",         Yes,     "XCR0 SSE (XMM) component"),
    feature(0x0000_000d, 0, Eax,  2, "",         "",         "",         Yes,     "XCR0 AVX upper-YMM component"),
    feature(0x0000_000d, 0, Eax,  3, "",         "",         "",         Yes,     "XCR0 MPX bound registers component"),
    feature(0x0000_000d, 0, Eax,  4, "",         "",         "",         Yes,     "XCR0 MPX configuration component"),
    feature(0x0000_000d, 0, Eax,  5, "",         "",         "",         Yes,     "XCR0 AVX-512 mask registers component"),
    feature(0x0000_000d, 0, Eax,  6, "",         "",         "",         Yes,     "XCR0 AVX-512 upper ZMM0-15 component"),
    feature(0x0000_000d, 0, Eax,  7, "",         "",         "",         Yes,     "XCR0 AVX-512 ZMM16-31 component"),
    feature(0x0000_000d, 0, Eax,  9, "",         "",         "",         Yes,     "XCR0 protection-key rights component"),
    feature(0x0000_000d, 0, Eax, 17, "",         "",         "",         Yes,     "XCR0 AMX tile configuration component"),
    feature(0x0000_000d, 0, Eax, 18, "",         "",         "",         Yes,     "XCR0 AMX tile data component"),
    feature(0x0000_000d, 0, Eax, 19, "",         "",         "",         Yes,     "XCR0 APX extended registers component"),
    feature(0x0000_000d, 0, Edx, 30, "",         "",         "",         Unknown, "XCR0[62] AMD lightweight profiling component"),
    feature(0x0000_000d, 1, Eax,  0, "xsaveopt", "xsaveopt", "xsaveopt", Yes,     "XSAVEOPT skips unmodified state"),
    feature(0x0000_000d, 1, Eax,  1, "xsavec",   "xsavec",   "xsavec",   Yes,     "XSAVEC and compacted XRSTOR"),
    feature(0x0000_000d, 1, Eax,  2, "xgetbv1",  "xgetbv1",  "xgetbv1",  Yes,     "XGETBV index 1 reports in-use state"),
    feature(0x0000_000d, 1, Eax,  3, "xsaves",   "xsaves",   "xsaves",   No,      "XSAVES/XRSTORS and IA32_XSS"),
    feature(0x0000_000d, 1, Eax,  4, "xfd",      "xfd",      "",         Yes,     "Extended feature disable MSR (XFD)"),
    feature(0x0000_000d, 1, Ecx,  8, "",         "",         "",         Unknown, "IA32_XSS processor-trace component"),
    feature(0x0000_000d, 1, Ecx, 10, "",         "",         "",         Unknown, "IA32_XSS PASID component"),
    feature(0x0000_000d, 1, Ecx, 11, "",         "",         "",         Yes,     "IA32_XSS CET user component"),
    feature(0x0000_000d, 1, Ecx, 12, "",         "",         "",         Yes,     "IA32_XSS CET supervisor component"),
    feature(0x0000_000d, 1, Ecx, 13, "",         "",         "",         Unknown, "IA32_XSS hardware duty-cycle component"),
    feature(0x0000_000d, 1, Ecx, 14, "",         "",         "",         Unknown, "IA32_XSS user-interrupt component"),
    feature(0x0000_000d, 1, Ecx, 15, "",         "",         "",         Yes,     "IA32_XSS architectural LBR component"),
    feature(0x0000_000d, 1, Ecx, 16, "",         "",         "",         Unknown, "IA32_XSS HWP request component"),
];

sorted!(ROWS);
