//! The CPUID a guest sees: how to enumerate it and how to write it down.
//!
//! The core of this crate needs neither an operating system nor a heap: [`enumerate::walk`] runs the table of
//! subleaf rules ([`rules`]) over any [`CpuidSource`] (the instruction, KVM's table, a recorded dump, a test
//! double), and [`text`] writes what it found as framed lines. The freestanding boot image uses exactly this core.
//! With the `alloc` feature there are dumps in memory ([`dump::Dump`]) and the reader of the text form, with `std`
//! the JSON form ([`json`]).
//!
//! What this crate does *not* do: judge. It records every register as it was read; comparing and explaining is the
//! business of `cpuid-diff`.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod change;
pub mod enumerate;
pub mod hypervisor;
pub mod leaf;
pub mod msr;
pub mod place;
pub mod register;
pub mod rules;
pub mod source;
pub mod text;
pub mod vendor;
pub mod volatile;

#[cfg(feature = "alloc")]
pub mod coverage;
#[cfg(feature = "alloc")]
pub mod dump;
#[cfg(feature = "std")]
pub mod fingerprint;
#[cfg(feature = "std")]
pub mod json;
#[cfg(feature = "alloc")]
pub mod known;
#[cfg(feature = "libvirt")]
pub mod libvirt;
#[cfg(feature = "alloc")]
pub mod printable;
#[cfg(feature = "alloc")]
pub mod raw;
#[cfg(feature = "alloc")]
pub mod warning;

pub use enumerate::{Visit, walk};
pub use leaf::LeafId;
pub use place::Place;
pub use register::{Register, Registers};
pub use source::CpuidSource;
