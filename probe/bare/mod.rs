//! What the two programs without a C library share: the boot image and the program that `cpuid-probe paste` prints.

pub mod cpuid;
pub mod list;
pub mod reading;

#[cfg(bare)]
mod libc;
