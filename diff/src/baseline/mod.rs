//! What a guest was promised: libvirt CPUs, their models and policies, and whether a dump keeps the promise.
//!
//! - [`map`]: libvirt's CPU map; `features.rs` and `models.rs` hold the rows, [`dir`] reads a site's own, [`drift`]
//!   compares two.
//! - [`expand`]: from a libvirt CPU to promises, bit by bit. [`decode`]: from bits to the model libvirt would choose.
//! - [`seen`]: from a dump to bits.
//! - [`check`] (a libvirt CPU), [`golden`] (a dump), [`template`] (a Firecracker CPU template): promises against a
//!   dump. [`evidence`] is what QEMU's log says.
//! - [`source`]: what a file holds.

pub mod check;
pub mod common;
pub mod decode;
pub mod definition;
pub mod evidence;
pub mod expand;
pub mod golden;
pub mod seen;
pub mod source;
pub mod template;
pub mod trace;

pub use crate::cpu_map as map;
pub use crate::cpu_map::{dir, drift, wide};

use cpuid_probe::dump::Dump;

use check::{Checked, CpuBaseline};
use evidence::Announcement;
use golden::Golden;
use map::CpuMap;
use source::Source;
use template::Template;

/// Something that a dump can be held against.
#[derive(Debug)]
pub enum Baseline<'a> {
    /// A libvirt CPU.
    Cpu(CpuBaseline<'a>),
    /// A golden reference.
    Dump(Golden<'a>),
    /// A masked template.
    Template(&'a Template),
}

impl<'a> Baseline<'a> {
    /// The baseline that a file holds.
    ///
    /// # Errors
    /// It holds several CPUs, or a model or vendor that the map does not know.
    pub fn new(source: &'a Source, map: &'a CpuMap) -> Result<Self, String> {
        match source {
            Source::Cpus(cpus) => match &cpus[..] {
                [cpu] => CpuBaseline::new(cpu, map).map(Self::Cpu).map_err(|unknown| {
                    format!("{}: {unknown}; give the CPU map of the libvirt that knows it with --cpu-map", cpu.model_at)
                }),
                _ => {
                    let lines: Vec<String> = cpus.iter().map(|cpu| cpu.at.line.to_string()).collect();
                    Err(format!("{} CPUs (lines {}), expected one", cpus.len(), lines.join(", ")))
                }
            },
            Source::Dump(dump) => Ok(Self::Dump(Golden::new(dump))),
            Source::Template(template) => Ok(Self::Template(template)),
        }
    }

    /// Checks one dump. `log` is what QEMU announced for it; nothing: there is no log.
    #[must_use]
    pub fn check(&self, input: usize, dump: &Dump, log: Option<&[Announcement]>) -> Checked {
        match self {
            Self::Cpu(cpu) => cpu.check(input, dump, log),
            Self::Dump(golden) => golden.check(input, dump),
            Self::Template(template) => template.check(input, dump),
        }
    }

    /// What a reader of any result must know about this baseline.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        match self {
            Self::Cpu(cpu) => cpu.notes(),
            Self::Dump(golden) => golden.notes(),
            Self::Template(_) => Vec::new(),
        }
    }
}
