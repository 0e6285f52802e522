//! Reading what a baseline, or an input of one, can be: libvirt XML, a dump, a masked template.

use cpuid_probe::dump::Dump;
use cpuid_probe::libvirt::cpu::Cpu;
use cpuid_probe::libvirt::{XmlError, read_cpus};

use super::role::{Role, of_layer};
use super::template::Template;
use crate::read::{self, Input, ReadError, firecracker};

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// libvirt CPUs, at least one.
    Cpus(Vec<Cpu>),
    /// A dump.
    Dump(Box<Dump>),
    /// A masked template.
    Template(Template),
}

impl Source {
    /// The part that it plays by what it says of itself, as [`of_layer`] has it of dumps.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Self::Cpus(cpus) => cpus.first().map_or(Role::Unknown, Role::of_cpu),
            Self::Dump(dump) => of_layer(dump),
            Self::Template(_) => Role::Promise,
        }
    }
}

impl From<XmlError> for ReadError {
    fn from(error: XmlError) -> Self {
        let number = |n: u32| usize::try_from(n).ok();
        Self { line: number(error.at.line), column: number(error.at.column), ..Self::whole(error.message) }
    }
}

/// Reads a file; `from` names the format of a dump.
///
/// # Errors
/// What the format's reader says.
pub fn read(bytes: &[u8], from: Option<&str>) -> Result<Source, ReadError> {
    read_part(bytes, from, None)
}

/// Reads a file, of several CPUs the one that `part` names: by its name, or by its number from 1.
///
/// # Errors
/// As [`read()`]; nothing of that name.
pub fn read_part(bytes: &[u8], from: Option<&str>, part: Option<&str>) -> Result<Source, ReadError> {
    let text = read::decode(bytes)?;
    let start = text.trim_start_matches('\u{feff}').trim_start();
    // libvirt's own recorded CPUID, <cpudata>, is a dump.
    if from.is_none() && start.starts_with('<') && !text.contains("<cpudata") {
        let cpus = read_cpus(&text)?;
        return match part {
            Some(part) => read::parts::one_of(cpus, part).map(|cpu| Source::Cpus(vec![cpu])),
            None => Ok(Source::Cpus(cpus)),
        };
    }
    if from.is_none() && start.starts_with('{') && firecracker::is_template(&text) {
        return Ok(Source::Template(firecracker::promise(&text)?));
    }
    match read::read_decoded(&text, from, part)? {
        Input::Dump(dump) => Ok(Source::Dump(dump)),
        Input::Cpus(cpus) => Ok(Source::Cpus(cpus)),
        Input::Template(template) => Ok(Source::Template(*template)),
        Input::Pair(_) => Err(ReadError::whole("a diff of two dumps, expected one dump or a libvirt CPU")),
    }
}
