//! The levels of x86-64.
//!
//! # Source
//! x86-64 psABI 1.0, table 3.1.

/// What each level has beyond the one before.
#[rustfmt::skip]
const LEVELS: [&str; 4] = [
    "lm cmov cx8 fpu fxsr mmx syscall sse sse2",
    "cx16 lahf_lm popcnt pni sse4.1 sse4.2 ssse3",
    "avx avx2 bmi1 bmi2 f16c fma abm movbe xsave",
    "avx512f avx512bw avx512cd avx512dq avx512vl",
];

/// What they are called, from the first.
pub const NAMES: [&str; COUNT] = ["x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4"];

/// How many there are.
pub const COUNT: usize = LEVELS.len();

/// libvirt's names of all features of a level, from 1.
pub fn of(level: usize) -> impl Iterator<Item = &'static str> {
    (1..=level).flat_map(beyond)
}

/// libvirt's names of what a level, from 1, has beyond the one before. SCE is `syscall`; OSFXSR and OSXSAVE follow from fxsr
/// and xsave.
pub fn beyond(level: usize) -> impl Iterator<Item = &'static str> {
    LEVELS.get(level.wrapping_sub(1)).into_iter().flat_map(|names| names.split(' '))
}
