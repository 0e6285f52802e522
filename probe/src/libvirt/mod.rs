//! libvirt's XML: which CPU it asks for, and how QEMU is told.
//!
//! [`cpu`] reads every form in which libvirt writes a CPU; [`domain`] says it in QEMU's words, with everything else of a
//! domain that reaches CPUID; [`beside`] is what a domain asks of a CPU outside its `<cpu>`. [`names`] translates feature names between libvirt and QEMU, [`removed`] has what libvirt
//! no longer counts as part of a model. [`transient`] makes the domain that boots the image under libvirt.
//!
//! Reading is all that happens here: what a model contains, and whether a guest got what it was promised, is the
//! business of `cpuid-diff`.

pub mod beside;
pub mod commandline;
pub mod cpu;
pub mod domain;
pub mod names;
pub mod removed;
pub mod transient;
mod xml;

use std::io::{self, Read};
use std::string::String;

pub use cpu::{Cpu, read_cpus};
pub use domain::{Guest, read_guests};
pub use xml::{Position, XmlError};

/// The longest text that is read, in bytes: 10 MiB, virsh's own limit (libvirt 9.0 tools/vsh.h, `VSH_MAX_XML_FILE`).
pub const MAX_BYTES: usize = 10 * 1024 * 1024;

/// Reads `input` to its end, but never much more than [`MAX_BYTES`], so that a file of any size needs little memory.
///
/// # Errors
/// An error of the operating system; `InvalidData` for more than [`MAX_BYTES`] or for text that is not UTF-8.
pub fn read_text(input: impl Read) -> io::Result<String> {
    let mut text = String::new();
    input.take(MAX_BYTES as u64 + 1).read_to_string(&mut text)?;
    if text.len() > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, xml::TOO_LONG));
    }
    Ok(text)
}
