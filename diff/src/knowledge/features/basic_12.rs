//! Features of leaf 0x12: SGX.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ebx};

use crate::knowledge::table::Migratable::{Unknown, Yes};
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x0000_0012, 0, Eax,  0, "sgx1",             "sgx1",             "", Yes,     "Original SGX1 leaf set"),
    feature(0x0000_0012, 0, Eax,  1, "sgx2",             "sgx2",             "", Yes,     "SGX2 dynamic enclave memory"),
    feature(0x0000_0012, 0, Eax,  5, "",                 "",                 "", Unknown, "ENCLV virtualization leaves"),
    feature(0x0000_0012, 0, Eax,  6, "",                 "",                 "", Unknown, "ENCLS oversubscription leaves"),
    feature(0x0000_0012, 0, Eax,  7, "",                 "",                 "", Unknown, "ENCLU EVERIFYREPORT2 leaf"),
    feature(0x0000_0012, 0, Eax, 10, "",                 "",                 "", Unknown, "ENCLS EUPDATESVN leaf"),
    feature(0x0000_0012, 0, Eax, 11, "sgx-edeccssa",     "sgx-edeccssa",     "", Yes,     "ENCLU EDECCSSA leaf"),
    feature(0x0000_0012, 0, Ebx,  0, "sgx-exinfo",       "sgx-exinfo",       "", Yes,     "Enclave faults recorded in EXINFO"),
    feature(0x0000_0012, 0, Ebx,  1, "",                 "",                 "", Unknown, "Enclave control-protection faults recorded"),
    feature(0x0000_0012, 1, Eax,  0, "",                 "",                 "", Unknown, "Attribute INIT may be set"),
    feature(0x0000_0012, 1, Eax,  1, "sgx-debug",        "sgx-debug",        "", Yes,     "Debug enclaves allowed"),
    feature(0x0000_0012, 1, Eax,  2, "sgx-mode64",       "sgx-mode64",       "", Yes,     "64-bit enclaves allowed"),
    feature(0x0000_0012, 1, Eax,  4, "sgx-provisionkey", "sgx-provisionkey", "", Yes,     "Provisioning key accessible"),
    feature(0x0000_0012, 1, Eax,  5, "sgx-tokenkey",     "sgx-tokenkey",     "", Yes,     "Launch token key accessible"),
    feature(0x0000_0012, 1, Eax,  6, "",                 "",                 "", Unknown, "CET usable inside enclaves"),
    feature(0x0000_0012, 1, Eax,  7, "sgx-kss",          "sgx-kss",          "", Yes,     "Key separation and sharing allowed"),
    feature(0x0000_0012, 1, Eax, 10, "sgx-aex-notify",   "sgx-aex-notify",   "", Yes,     "Asynchronous-exit notification allowed"),
];

sorted!(ROWS);
