//! Features of Xen blocks.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ecx};

use crate::knowledge::table::Migratable::Unknown;
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x4000_0002, 0, Ecx, 0, "", "", "", Unknown, "Page-table updates can preserve accessed/dirty bits"),
    feature(0x4000_0003, 0, Eax, 0, "", "", "", Unknown, "Guest TSC reads are emulated"),
    feature(0x4000_0003, 0, Eax, 1, "", "", "", Unknown, "Host TSC considered reliable"),
    feature(0x4000_0003, 0, Eax, 2, "", "", "", Unknown, "RDTSCP usable"),
    feature(0x4000_0004, 0, Eax, 0, "", "", "", Unknown, "APIC register accesses virtualized by hardware"),
    feature(0x4000_0004, 0, Eax, 1, "", "", "", Unknown, "x2APIC accesses virtualized by hardware"),
    feature(0x4000_0004, 0, Eax, 2, "", "", "", Unknown, "Foreign mappings have valid IOMMU entries"),
    feature(0x4000_0004, 0, Eax, 3, "", "", "", Unknown, "vCPU id present in EBX"),
    feature(0x4000_0004, 0, Eax, 4, "", "", "", Unknown, "Domain id present in ECX"),
    feature(0x4000_0004, 0, Eax, 5, "", "", "", Unknown, "Destination IDs extended to 15 bits"),
    feature(0x4000_0004, 0, Eax, 6, "", "", "", Unknown, "Per-vCPU upcall vectors work with PIRQs"),
];

sorted!(ROWS);
