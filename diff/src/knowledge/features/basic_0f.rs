//! Features of leaves 0xF and 0x10: resource monitoring and allocation.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use crate::knowledge::table::Migratable::Unknown;
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x0000_000f, 0, Edx,  1, "",          "", "cqm_llc",       Unknown, "L3 resource monitoring; subleaf 1 valid"),
    feature(0x0000_000f, 1, Eax,  8, "",          "", "",              Unknown, "QM_CTR bit 61 flags counter overflow"),
    feature(0x0000_000f, 1, Eax,  9, "",          "", "",              Unknown, "Non-CPU agents have occupancy monitoring"),
    feature(0x0000_000f, 1, Eax, 10, "",          "", "",              Unknown, "Non-CPU agents have bandwidth monitoring"),
    feature(0x0000_000f, 1, Edx,  0, "",          "", "cqm_occup_llc", Unknown, "L3 occupancy can be monitored"),
    feature(0x0000_000f, 1, Edx,  1, "mbm_total", "", "cqm_mbm_total", Unknown, "Total memory bandwidth can be monitored"),
    feature(0x0000_000f, 1, Edx,  2, "mbm_local", "", "cqm_mbm_local", Unknown, "Local memory bandwidth can be monitored"),
    feature(0x0000_0010, 0, Ebx,  1, "",          "", "cat_l3",        Unknown, "L3 cache allocation; subleaf 1 valid"),
    feature(0x0000_0010, 0, Ebx,  2, "",          "", "cat_l2",        Unknown, "L2 cache allocation; subleaf 2 valid"),
    feature(0x0000_0010, 0, Ebx,  3, "",          "", "mba",           Unknown, "Memory bandwidth allocation; subleaf 3 valid"),
    feature(0x0000_0010, 0, Ebx,  5, "",          "", "",              Unknown, "Cache bandwidth allocation; subleaf 5 valid"),
    feature(0x0000_0010, 0, Ebx,  6, "",          "", "",              Unknown, "Resource priority control; subleaf 6 valid"),
    feature(0x0000_0010, 1, Ecx,  1, "",          "", "",              Unknown, "L3 allocation covers non-CPU agents"),
    feature(0x0000_0010, 1, Ecx,  2, "",          "", "cdp_l3",        Unknown, "L3 code/data prioritization"),
    feature(0x0000_0010, 1, Ecx,  3, "",          "", "",              Unknown, "L3 masks may be non-contiguous"),
    feature(0x0000_0010, 2, Ecx,  2, "",          "", "cdp_l2",        Unknown, "L2 code/data prioritization"),
    feature(0x0000_0010, 2, Ecx,  3, "",          "", "",              Unknown, "L2 masks may be non-contiguous"),
    feature(0x0000_0010, 3, Ecx,  0, "",          "", "",              Unknown, "Bandwidth throttle settable per thread"),
    feature(0x0000_0010, 3, Ecx,  2, "",          "", "",              Unknown, "Throttle response is linear"),
    feature(0x0000_0010, 5, Ecx,  3, "",          "", "",              Unknown, "Cache bandwidth throttle roughly linear"),
    feature(0x0000_0010, 6, Eax,  0, "",          "", "",              Unknown, "Resource priority settable per thread"),
    feature(0x0000_0010, 6, Eax,  1, "",          "", "",              Unknown, "Resource priority settable per package"),
];

sorted!(ROWS);
