//! Features of leaves 0x8000001F and 0x80000020: memory encryption, bandwidth.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ebx, Ecx};

use crate::knowledge::table::Migratable::Unknown;
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x8000_001f, 0, Eax,  0, "", "", "sme",        Unknown, "Host memory encryption (SME)"),
    feature(0x8000_001f, 0, Eax,  1, "", "", "sev",        Unknown, "Encrypted virtual machines (SEV)"),
    feature(0x8000_001f, 0, Eax,  2, "", "", "",           Unknown, "Page flush MSR"),
    feature(0x8000_001f, 0, Eax,  3, "", "", "sev_es",     Unknown, "SEV with encrypted register state"),
    feature(0x8000_001f, 0, Eax,  4, "", "", "sev_snp",    Unknown, "SEV with nested paging integrity (SNP)"),
    feature(0x8000_001f, 0, Eax,  5, "", "", "",           Unknown, "SNP privilege levels"),
    feature(0x8000_001f, 0, Eax,  6, "", "", "",           Unknown, "RMPQUERY instruction"),
    feature(0x8000_001f, 0, Eax,  7, "", "", "",           Unknown, "Supervisor shadow stack per privilege level"),
    feature(0x8000_001f, 0, Eax,  8, "", "", "",           Unknown, "Guest TSC protected from hypervisor"),
    feature(0x8000_001f, 0, Eax,  9, "", "", "",           Unknown, "TSC_AUX virtualized by hardware"),
    feature(0x8000_001f, 0, Eax, 10, "", "", "",           Unknown, "Caches coherent across encryption domains"),
    feature(0x8000_001f, 0, Eax, 11, "", "", "",           Unknown, "SEV guests require 64-bit hypervisor"),
    feature(0x8000_001f, 0, Eax, 12, "", "", "",           Unknown, "Restricted event injection"),
    feature(0x8000_001f, 0, Eax, 13, "", "", "",           Unknown, "Alternate event injection"),
    feature(0x8000_001f, 0, Eax, 14, "", "", "debug_swap", Unknown, "Debug registers swapped for SEV-ES guests"),
    feature(0x8000_001f, 0, Eax, 15, "", "", "",           Unknown, "Guest can forbid host IBS"),
    feature(0x8000_001f, 0, Eax, 16, "", "", "",           Unknown, "Transparent encryption of guests"),
    feature(0x8000_001f, 0, Eax, 17, "", "", "",           Unknown, "VMGEXIT parameter in SEV features"),
    feature(0x8000_001f, 0, Eax, 18, "", "", "",           Unknown, "Virtual top-of-memory MSR"),
    feature(0x8000_001f, 0, Eax, 19, "", "", "",           Unknown, "IBS virtualization for SEV-ES guests"),
    feature(0x8000_001f, 0, Eax, 20, "", "", "",           Unknown, "Performance counter virtualization for SEV-ES guests"),
    feature(0x8000_001f, 0, Eax, 21, "", "", "",           Unknown, "RMPREAD instruction"),
    feature(0x8000_001f, 0, Eax, 22, "", "", "",           Unknown, "Guest-controlled intercepts"),
    feature(0x8000_001f, 0, Eax, 23, "", "", "",           Unknown, "Segmented reverse-map table"),
    feature(0x8000_001f, 0, Eax, 24, "", "", "",           Unknown, "Saved-state register protection"),
    feature(0x8000_001f, 0, Eax, 25, "", "", "",           Unknown, "Sibling-thread isolation for SNP guests"),
    feature(0x8000_001f, 0, Eax, 26, "", "", "",           Unknown, "Secure AVIC"),
    feature(0x8000_001f, 0, Eax, 27, "", "", "",           Unknown, "Hypervisor restricts allowed SEV features"),
    feature(0x8000_001f, 0, Eax, 28, "", "", "svsm",       Unknown, "MSR locates SVSM shared page"),
    feature(0x8000_001f, 0, Eax, 29, "", "", "",           Unknown, "Nested RMP management MSRs"),
    feature(0x8000_001f, 0, Eax, 30, "", "", "",           Unknown, "Writes to in-use hypervisor pages allowed"),
    feature(0x8000_001f, 0, Eax, 31, "", "", "",           Unknown, "IBPB on guest entry"),
    feature(0x8000_001f, 0, Ebx, 31, "", "", "",           Unknown, "No software coherency workaround needed"),
    feature(0x8000_0020, 0, Ebx,  1, "", "", "",           Unknown, "Bandwidth enforcement; subleaf 1 valid"),
    feature(0x8000_0020, 0, Ebx,  2, "", "", "",           Unknown, "Slow-memory bandwidth enforcement; subleaf 2 valid"),
    feature(0x8000_0020, 0, Ebx,  3, "", "", "",           Unknown, "Configurable bandwidth events; subleaf 3 valid"),
    feature(0x8000_0020, 0, Ebx,  4, "", "", "",           Unknown, "L3 range reservation"),
    feature(0x8000_0020, 0, Ebx,  5, "", "", "",           Unknown, "Assignable bandwidth counters; subleaf 5 valid"),
    feature(0x8000_0020, 0, Ebx,  6, "", "", "",           Unknown, "Cache-injection allocation enforcement"),
    feature(0x8000_0020, 3, Ecx,  0, "", "", "",           Unknown, "Count reads to local memory"),
    feature(0x8000_0020, 3, Ecx,  1, "", "", "",           Unknown, "Count reads to remote memory"),
    feature(0x8000_0020, 3, Ecx,  2, "", "", "",           Unknown, "Count local non-temporal writes"),
    feature(0x8000_0020, 3, Ecx,  3, "", "", "",           Unknown, "Count remote non-temporal writes"),
    feature(0x8000_0020, 3, Ecx,  4, "", "", "",           Unknown, "Count reads to local slow memory"),
    feature(0x8000_0020, 3, Ecx,  5, "", "", "",           Unknown, "Count reads to remote slow memory"),
    feature(0x8000_0020, 3, Ecx,  6, "", "", "",           Unknown, "Count dirty evictions to any memory"),
];

sorted!(ROWS);
