//! Fields: leaves of Transmeta and of Centaur and Zhaoxin.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use crate::knowledge::table::Sub::At;
use crate::knowledge::table::{Field, field, sorted};

/// Sorted by leaf.
#[rustfmt::skip]
pub(super) const ROWS: &[Field] = &[
    field(0x8086_0000, At(0), Eax, 31, 0, "max_tmta_leaf",     "Largest Transmeta leaf number"),
    field(0x8086_0000, At(0), Ebx, 31, 0, "vendor_0",          "Transmeta vendor text, characters 1 to 4"),
    field(0x8086_0000, At(0), Ecx, 31, 0, "vendor_2",          "Transmeta vendor text, characters 9 to 12"),
    field(0x8086_0000, At(0), Edx, 31, 0, "vendor_1",          "Transmeta vendor text, characters 5 to 8"),
    field(0x8086_0001, At(0), Eax, 31, 0, "signature",         "Transmeta family, model and stepping"),
    field(0x8086_0001, At(0), Ebx, 31, 0, "hw_revision",       "Transmeta hardware revision"),
    field(0x8086_0001, At(0), Ecx, 31, 0, "nominal_mhz",       "Transmeta nominal clock"),
    field(0x8086_0002, At(0), Eax, 31, 0, "hw_revision_2",     "Transmeta processor revision, newer parts"),
    field(0x8086_0002, At(0), Ebx, 31, 0, "cms_revision",      "Code-morphing software revision"),
    field(0x8086_0002, At(0), Ecx, 31, 0, "cms_revision_mask", "Code-morphing revision, third component"),
    field(0x8086_0003, At(0), Eax, 31, 0, "info_0",            "Transmeta information text bytes 0-3"),
    field(0x8086_0003, At(0), Ebx, 31, 0, "info_1",            "Transmeta information text bytes 4-7"),
    field(0x8086_0003, At(0), Ecx, 31, 0, "info_2",            "Transmeta information text bytes 8-11"),
    field(0x8086_0003, At(0), Edx, 31, 0, "info_3",            "Transmeta information text bytes 12-15"),
    field(0x8086_0004, At(0), Eax, 31, 0, "info_4",            "Transmeta information text bytes 16-19"),
    field(0x8086_0004, At(0), Ebx, 31, 0, "info_5",            "Transmeta information text bytes 20-23"),
    field(0x8086_0004, At(0), Ecx, 31, 0, "info_6",            "Transmeta information text bytes 24-27"),
    field(0x8086_0004, At(0), Edx, 31, 0, "info_7",            "Transmeta information text bytes 28-31"),
    field(0x8086_0005, At(0), Eax, 31, 0, "info_8",            "Transmeta information text bytes 32-35"),
    field(0x8086_0005, At(0), Ebx, 31, 0, "info_9",            "Transmeta information text bytes 36-39"),
    field(0x8086_0005, At(0), Ecx, 31, 0, "info_10",           "Transmeta information text bytes 40-43"),
    field(0x8086_0005, At(0), Edx, 31, 0, "info_11",           "Transmeta information text bytes 44-47"),
    field(0x8086_0006, At(0), Eax, 31, 0, "info_12",           "Transmeta information text bytes 48-51"),
    field(0x8086_0006, At(0), Ebx, 31, 0, "info_13",           "Transmeta information text bytes 52-55"),
    field(0x8086_0006, At(0), Ecx, 31, 0, "info_14",           "Transmeta information text bytes 56-59"),
    field(0x8086_0006, At(0), Edx, 31, 0, "info_15",           "Transmeta information text bytes 60-63"),
    field(0x8086_0007, At(0), Eax, 31, 0, "current_mhz",       "Transmeta clock right now"),
    field(0x8086_0007, At(0), Ebx, 31, 0, "current_mv",        "Transmeta voltage right now"),
    field(0x8086_0007, At(0), Ecx, 31, 0, "current_percent",   "Transmeta performance right now"),
    field(0x8086_0007, At(0), Edx, 31, 0, "current_gate_fs",   "Transmeta gate delay right now"),
    field(0xc000_0000, At(0), Eax, 31, 0, "max_centaur_leaf",  "Largest Centaur leaf number"),
];

sorted!(ROWS);
