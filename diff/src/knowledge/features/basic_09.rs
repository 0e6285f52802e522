//! Features of leaves 0x9 and 0xA: direct cache access, performance monitoring.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ebx, Edx};

use crate::knowledge::table::Migratable::Unknown;
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x0000_0009, 0, Eax,  0, "", "", "", Unknown, "Firmware enabled direct cache access"),
    feature(0x0000_000a, 0, Ebx,  0, "", "", "", Unknown, "Core-cycles event NOT countable"),
    feature(0x0000_000a, 0, Ebx,  1, "", "", "", Unknown, "Instructions-retired event NOT countable"),
    feature(0x0000_000a, 0, Ebx,  2, "", "", "", Unknown, "Reference-cycles event NOT countable"),
    feature(0x0000_000a, 0, Ebx,  3, "", "", "", Unknown, "Last-level cache reference event NOT countable"),
    feature(0x0000_000a, 0, Ebx,  4, "", "", "", Unknown, "Last-level cache miss event NOT countable"),
    feature(0x0000_000a, 0, Ebx,  5, "", "", "", Unknown, "Retired-branch event NOT countable"),
    feature(0x0000_000a, 0, Ebx,  6, "", "", "", Unknown, "Mispredicted-branch event NOT countable"),
    feature(0x0000_000a, 0, Ebx,  7, "", "", "", Unknown, "Topdown slots event NOT countable"),
    feature(0x0000_000a, 0, Ebx,  8, "", "", "", Unknown, "Topdown backend-bound event NOT countable"),
    feature(0x0000_000a, 0, Ebx,  9, "", "", "", Unknown, "Topdown bad-speculation event NOT countable"),
    feature(0x0000_000a, 0, Ebx, 10, "", "", "", Unknown, "Topdown frontend-bound event NOT countable"),
    feature(0x0000_000a, 0, Ebx, 11, "", "", "", Unknown, "Topdown retiring event NOT countable"),
    feature(0x0000_000a, 0, Ebx, 12, "", "", "", Unknown, "LBR-insert event NOT countable"),
    feature(0x0000_000a, 0, Edx, 15, "", "", "", Unknown, "AnyThread counting mode is gone"),
];

sorted!(ROWS);
