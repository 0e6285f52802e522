//! Writing results: never over a user's file unasked, and never half a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use cpuid_probe::dump::Dump;
use cpuid_probe::{json, text};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat};

use crate::cli::{Format, OutputArgs};

/// Puts `bytes` into `path`, all of them or none.
///
/// They are written into a file without a name, which the kernel forgets should this process be killed, and which gets
/// its name when it is whole.
///
/// # Errors
/// The file exists and `force` is not given, or what the system says.
pub fn write_file(path: &Path, bytes: &[u8], force: bool) -> Result<()> {
    let context = || format!("{}: cannot write", path.display());
    // The file that a symbolic link means, not the link.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    match fs::metadata(path).map(|m| m.file_type()) {
        Ok(kind) if kind.is_dir() => bail!("{}: is a directory, expected a file name", path.display()),
        Ok(kind) if kind.is_file() && !force => bail!("{}: exists already; --force replaces it", path.display()),
        // A device or a pipe is written to, never replaced.
        Ok(kind) if !kind.is_file() => {
            return OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|mut f| f.write_all(bytes))
                .with_context(context);
        }
        _ => {}
    }
    let name = path.file_name().with_context(|| format!("{}: expected a file name", path.display()))?;
    let mut beside = name.to_os_string();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = match nameless_file(path) {
        Some(file) => fill(&file, bytes).and_then(|()| {
            // Taking another file's place needs a name of its own first.
            let name = if force { &beside } else { path };
            let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
            linkat(CWD, itself, CWD, name, AtFlags::SYMLINK_FOLLOW)?;
            if force { fs::rename(&beside, path) } else { Ok(()) }
        }),
        None => write_beside(&beside, path, bytes, force),
    };
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.with_context(context)
}

/// A file without a name in the directory of `path`, where the file system knows such files and /proc can name them.
fn nameless_file(path: &Path) -> Option<File> {
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(directory, flags, Mode::from_raw_mode(0o666)).ok()?);
    Path::new("/proc/self/fd").exists().then_some(file)
}

fn fill(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// The same with a name from the start.
fn write_beside(beside: &Path, path: &Path, bytes: &[u8], force: bool) -> io::Result<()> {
    fill(&OpenOptions::new().write(true).create_new(true).open(beside)?, bytes)?;
    // A hard link refuses an existing name, so a file that appeared meanwhile is not lost.
    match if force { Err(ErrorKind::Unsupported.into()) } else { fs::hard_link(beside, path) } {
        Ok(()) => fs::remove_file(beside),
        Err(e) if !force && (e.kind() == ErrorKind::AlreadyExists || path.exists()) => Err(e),
        // Replacing, or no hard links on this file system.
        Err(_) => fs::rename(beside, path),
    }
}

/// Writes `dump` as the options say. Returns the exit code: 1 where it is incomplete.
///
/// # Errors
/// See [`write_file`] and [`print`].
pub fn deliver(dump: &Dump, args: &OutputArgs, usual: Format) -> Result<ExitCode> {
    let text = render(dump, args.format.unwrap_or(usual));
    match &args.output {
        Some(path) => write_file(path, text.as_bytes(), args.force)?,
        None => print(&text)?,
    }
    Ok(if dump.is_complete() { ExitCode::SUCCESS } else { ExitCode::from(1) })
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
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("standard output: cannot write"),
    }
}
