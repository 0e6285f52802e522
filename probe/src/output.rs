//! Writing results: never over a user's file unasked, and never half a file.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, bail};
use cpuid_probe::dump::Dump;
use cpuid_probe::{json, text};

use crate::cli::Format;

/// Puts `bytes` into `path`, all of them or none: they are written beside it and moved into place.
///
/// # Errors
/// The file exists and `force` is not given, or what the system says.
pub fn write_file(path: &Path, bytes: &[u8], force: bool) -> Result<()> {
    if !force && path.exists() {
        bail!("{}: exists already; --force replaces it", path.display());
    }
    if path.is_dir() {
        bail!("{}: is a directory, expected a file name", path.display());
    }
    let name = path.file_name().with_context(|| format!("{}: expected a file name", path.display()))?;
    let mut beside = name.to_os_string();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = (|| {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        // A hard link refuses an existing name, so a file that appeared meanwhile is not lost.
        if force {
            fs::rename(&beside, path)
        } else {
            fs::hard_link(&beside, path).or_else(|e| link_refused(e, &beside, path))
        }
    })();
    let _ = fs::remove_file(&beside);
    written.with_context(|| format!("{}: cannot write", path.display()))
}

/// Where the file system knows no hard links, a plain move has to do.
fn link_refused(error: io::Error, beside: &Path, path: &Path) -> io::Result<()> {
    if error.kind() == io::ErrorKind::AlreadyExists || path.exists() { Err(error) } else { fs::rename(beside, path) }
}

/// A dump in the given form.
#[must_use]
pub fn render(dump: &Dump, format: Format) -> String {
    match format {
        Format::Json => json::to_string(dump),
        Format::Text => {
            let mut out = String::new();
            // Writing to a String cannot fail.
            let _ = text::write_frame(&mut out, dump.provenance.source.word(), dump.vcpus.iter().map(|v| v.view()));
            out
        }
        Format::Raw => cpuid_probe::raw::to_string(dump),
    }
}

/// Writes a dump to standard output.
///
/// # Errors
/// What the system says; a closed pipe is none.
pub fn print(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output: cannot write"),
    }
}
