//! Features of leaves from 0x20: history reset, PMU, AVX10, APX.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ebx, Ecx};

use crate::knowledge::table::Migratable::{Unknown, Yes};
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x0000_0020, 0, Ebx,  0, "",               "",               "", Unknown, "HRESET clears Thread Director history"),
    feature(0x0000_0023, 0, Ebx,  0, "",               "",               "", Unknown, "Second unit mask in event selectors"),
    feature(0x0000_0023, 0, Ebx,  1, "",               "",               "", Unknown, "Equal flag in event selectors"),
    feature(0x0000_0023, 0, Ebx,  2, "",               "",               "", Unknown, "User RDPMC can be disabled per counter"),
    feature(0x0000_0023, 3, Eax,  0, "",               "",               "", Unknown, "Core-cycles event countable"),
    feature(0x0000_0023, 3, Eax,  1, "",               "",               "", Unknown, "Instructions-retired event countable"),
    feature(0x0000_0023, 3, Eax,  2, "",               "",               "", Unknown, "Reference-cycles event countable"),
    feature(0x0000_0023, 3, Eax,  3, "",               "",               "", Unknown, "Last-level cache reference event countable"),
    feature(0x0000_0023, 3, Eax,  4, "",               "",               "", Unknown, "Last-level cache miss event countable"),
    feature(0x0000_0023, 3, Eax,  5, "",               "",               "", Unknown, "Retired-branch event countable"),
    feature(0x0000_0023, 3, Eax,  6, "",               "",               "", Unknown, "Mispredicted-branch event countable"),
    feature(0x0000_0023, 3, Eax,  7, "",               "",               "", Unknown, "Topdown slots event countable"),
    feature(0x0000_0023, 3, Eax,  8, "",               "",               "", Unknown, "Topdown backend-bound event countable"),
    feature(0x0000_0023, 3, Eax,  9, "",               "",               "", Unknown, "Topdown bad-speculation event countable"),
    feature(0x0000_0023, 3, Eax, 10, "",               "",               "", Unknown, "Topdown frontend-bound event countable"),
    feature(0x0000_0023, 3, Eax, 11, "",               "",               "", Unknown, "Topdown retiring event countable"),
    feature(0x0000_0023, 3, Eax, 12, "",               "",               "", Unknown, "LBR-insert event countable"),
    feature(0x0000_0023, 4, Ebx,  3, "",               "",               "", Unknown, "PEBS ALLOW_IN_RECORD control"),
    feature(0x0000_0023, 4, Ebx,  4, "",               "",               "", Unknown, "PEBS group: general counters"),
    feature(0x0000_0023, 4, Ebx,  5, "",               "",               "", Unknown, "PEBS group: fixed counters"),
    feature(0x0000_0023, 4, Ebx,  6, "",               "",               "", Unknown, "PEBS group: performance metrics"),
    feature(0x0000_0023, 4, Ebx, 29, "",               "",               "", Unknown, "PEBS group: general registers"),
    feature(0x0000_0023, 4, Ebx, 30, "",               "",               "", Unknown, "PEBS group: auxiliary data"),
    feature(0x0000_0024, 0, Ebx, 16, "avx10-128",      "avx10-128",      "", Yes,     "AVX10 at 128-bit vectors"),
    feature(0x0000_0024, 0, Ebx, 17, "avx10-256",      "avx10-256",      "", Yes,     "AVX10 at 256-bit vectors"),
    feature(0x0000_0024, 0, Ebx, 18, "avx10-512",      "avx10-512",      "", Yes,     "AVX10 at 512-bit vectors"),
    feature(0x0000_0024, 1, Ecx,  2, "avx10-vnni-int", "avx10-vnni-int", "", Yes,     "AVX10 integer neural-network extensions"),
    feature(0x0000_0029, 0, Ebx,  0, "apx-nci-ndd-nf", "apx-nci-ndd-nf", "", Yes,     "APX new conditional, NDD and NF forms"),
];

sorted!(ROWS);
