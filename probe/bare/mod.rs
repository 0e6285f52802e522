//! What the two programs without a C library share: the boot image and the program that `cpuid-probe paste` prints.
// Neither uses all of it.
#![allow(dead_code)]

pub mod cpuid;
pub mod list;
pub mod reading;

#[cfg(bare)]
mod libc;
