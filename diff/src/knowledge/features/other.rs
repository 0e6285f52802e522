//! Features of leaves of Transmeta and of Centaur and Zhaoxin.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::Edx;

use crate::knowledge::table::Migratable::{Unknown, Yes};
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0xc000_0001, 0, Edx,  0, "", "",          "",        Unknown, "SM2 engine present"),
    feature(0xc000_0001, 0, Edx,  1, "", "",          "",        Unknown, "SM2 engine enabled"),
    feature(0xc000_0001, 0, Edx,  2, "", "xstore",    "rng",     Yes,     "PadLock random generator present"),
    feature(0xc000_0001, 0, Edx,  3, "", "xstore-en", "rng_en",  Yes,     "PadLock random generator enabled"),
    feature(0xc000_0001, 0, Edx,  4, "", "",          "",        Unknown, "SM3/SM4 engine present"),
    feature(0xc000_0001, 0, Edx,  5, "", "",          "",        Unknown, "SM3/SM4 engine enabled"),
    feature(0xc000_0001, 0, Edx,  6, "", "xcrypt",    "ace",     Yes,     "PadLock cipher engine present"),
    feature(0xc000_0001, 0, Edx,  7, "", "xcrypt-en", "ace_en",  Yes,     "PadLock cipher engine enabled"),
    feature(0xc000_0001, 0, Edx,  8, "", "ace2",      "ace2",    Yes,     "Second-generation cipher engine present"),
    feature(0xc000_0001, 0, Edx,  9, "", "ace2-en",   "ace2_en", Yes,     "Second-generation cipher engine enabled"),
    feature(0xc000_0001, 0, Edx, 10, "", "phe",       "phe",     Yes,     "PadLock hash engine present"),
    feature(0xc000_0001, 0, Edx, 11, "", "phe-en",    "phe_en",  Yes,     "PadLock hash engine enabled"),
    feature(0xc000_0001, 0, Edx, 12, "", "pmm",       "pmm",     Yes,     "PadLock Montgomery multiplier present"),
    feature(0xc000_0001, 0, Edx, 13, "", "pmm-en",    "pmm_en",  Yes,     "PadLock Montgomery multiplier enabled"),
    feature(0xc000_0001, 0, Edx, 16, "", "",          "",        Unknown, "Automatic voltage adjustment present"),
    feature(0xc000_0001, 0, Edx, 17, "", "",          "",        Unknown, "Automatic voltage adjustment enabled"),
    feature(0xc000_0001, 0, Edx, 20, "", "",          "",        Unknown, "Third-generation thermal monitor present"),
    feature(0xc000_0001, 0, Edx, 21, "", "",          "",        Unknown, "Third-generation thermal monitor enabled"),
    feature(0xc000_0001, 0, Edx, 25, "", "",          "",        Unknown, "Second-generation hash engine present"),
    feature(0xc000_0001, 0, Edx, 26, "", "",          "",        Unknown, "Second-generation hash engine enabled"),
    feature(0xc000_0001, 0, Edx, 27, "", "",          "",        Unknown, "RSA engine present"),
    feature(0xc000_0001, 0, Edx, 28, "", "",          "",        Unknown, "RSA engine enabled"),
];

sorted!(ROWS);
