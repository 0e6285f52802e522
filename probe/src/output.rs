//! Writing results: never over a user's file unasked, and never half a file.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use cpuid_probe::coverage::{Coverage, lacking};
use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::fingerprint::fingerprint;
use cpuid_probe::{LeafId, json, text};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat};
use rustix::process::geteuid;

use crate::cli::{Format, OutputArgs};
use crate::native::List;
use crate::say::{self, line, say};

/// Puts `bytes` into `path`, all of them or none.
///
/// They are written into a file without a name, which the kernel forgets should this process be killed, and which gets
/// its name when it is whole. A file that is replaced hands on its mode, and its owner where that is allowed.
///
/// # Errors
/// The file exists and `force` is not given, or what the system says.
pub fn write_file(path: &Path, bytes: &[u8], force: bool) -> Result<()> {
    let shown = line(path.display());
    let context = || format!("{shown}: cannot write");
    // The file that a symbolic link means, not the link.
    let (given, path) = (path, &behind_links(path)?);
    let old = fs::metadata(path).ok();
    match old.as_ref().map(Metadata::file_type) {
        Some(kind) if kind.is_dir() => bail!("{shown}: is a directory, expected a file name"),
        Some(kind) if kind.is_file() && !force => bail!("{shown}: exists already; --force replaces it"),
        // A device or a pipe is written to, never replaced.
        Some(kind) if !kind.is_file() => {
            return OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|mut f| f.write_all(bytes))
                .with_context(context);
        }
        // A link to a file that is not there.
        None if !force && fs::symlink_metadata(given).is_ok() => bail!("{shown}: exists already; --force replaces it"),
        _ => {}
    }
    let name = path.file_name().with_context(|| format!("{shown}: expected a file name"))?;
    let mut beside = name.to_os_string();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = match nameless_file(path) {
        Some(file) => fill(&file, bytes, old.as_ref()).and_then(|()| {
            // Taking another file's place needs a name of its own first.
            let name = if force { &beside } else { path };
            let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
            linkat(CWD, itself, CWD, name, AtFlags::SYMLINK_FOLLOW)?;
            if force { fs::rename(&beside, path).inspect_err(|_| remove(&beside)) } else { Ok(()) }
        }),
        None => write_beside(&beside, path, bytes, old.as_ref(), force),
    };
    written.with_context(context)
}

/// So many links in a row, says Linux (include/linux/namei.h, `MAXSYMLINKS`).
const MOST_LINKS: usize = 40;

/// The file that `path` means when its last part is a symbolic link, or a chain of them.
///
/// # Errors
/// A link in a sticky directory that everybody may write to, such as /tmp, and that belongs neither to us nor to the
/// directory's owner: anybody can have put it there, to have us write over a file of ours.
///
/// # Source
/// Linux Documentation/admin-guide/sysctl/fs.rst, `protected_symlinks`, which not every system has switched on.
fn behind_links(path: &Path) -> Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        let Some(link) = fs::symlink_metadata(&path).ok().filter(Metadata::is_symlink) else { return Ok(path) };
        let directory = directory_of(&path);
        let around = fs::metadata(directory).with_context(|| line(directory.display()))?;
        let for_all = around.mode() & STICKY_FOR_ALL == STICKY_FOR_ALL;
        if for_all && link.uid() != geteuid().as_raw() && link.uid() != around.uid() {
            bail!(
                "{}: is a link of another user (uid {}) in a directory that everybody may write to; name the file itself",
                line(path.display()),
                link.uid()
            );
        }
        let target = fs::read_link(&path).with_context(|| line(path.display()))?;
        let next = directory.join(target);
        // What /proc shows for an open pipe is no path.
        if fs::symlink_metadata(&next).is_err() && fs::metadata(&path).is_ok() {
            return Ok(path);
        }
        path = next;
    }
    bail!("{}: too many symbolic links", line(path.display()))
}

/// The sticky bit, and that others may write.
const STICKY_FOR_ALL: u32 = 0o1002;

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file without a name in the directory of `path`, where the file system knows such files and /proc can name them.
fn nameless_file(path: &Path) -> Option<File> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(directory_of(path), flags, Mode::from_raw_mode(0o666)).ok()?);
    Path::new("/proc/self/fd").exists().then_some(file)
}

/// Fills a new file; `old` is what it is to replace.
fn fill(mut file: &File, bytes: &[u8], old: Option<&Metadata>) -> io::Result<()> {
    file.write_all(bytes)?;
    if let Some(old) = old {
        // Only root can give a file away; the mode then still says who may read it.
        let _ = fchown(file, Some(old.uid()), Some(old.gid()));
        file.set_permissions(Permissions::from_mode(old.mode() & 0o777))?;
    }
    file.sync_all()
}

/// The same with a name from the start.
fn write_beside(beside: &Path, path: &Path, bytes: &[u8], old: Option<&Metadata>, force: bool) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(beside)?;
    // A hard link refuses an existing name, so a file that appeared meanwhile is not lost.
    let link = |()| if force { Err(ErrorKind::Unsupported.into()) } else { fs::hard_link(beside, path) };
    let written = match fill(&file, bytes, old).map(link) {
        Err(e) => Err(e),
        Ok(Ok(())) => return fs::remove_file(beside),
        Ok(Err(e)) if !force && (e.kind() == ErrorKind::AlreadyExists || path.exists()) => Err(e),
        // Replacing, or no hard links on this file system.
        Ok(Err(_)) => fs::rename(beside, path),
    };
    written.inspect_err(|_| remove(beside))
}

/// Removes a file that this process has made.
fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Writes `dump` as the options say. Returns the exit code: 1 where it is incomplete, which is said.
///
/// # Errors
/// See [`write_file`] and [`print`].
pub fn deliver(dump: &Dump, args: &OutputArgs, usual: Format) -> Result<ExitCode> {
    let text = render(dump, args, usual);
    match &args.output {
        Some(path) => write_file(path, text.as_bytes(), args.force)?,
        None => print(&text)?,
    }
    Ok(match incomplete(dump) {
        None => ExitCode::SUCCESS,
        Some(why) => {
            say(format_args!("the dump is incomplete: {why}"));
            ExitCode::from(1)
        }
    })
}

/// What a dump lacks, in words; nothing where it is complete.
pub fn incomplete(dump: &Dump) -> Option<String> {
    let unread: Vec<u32> = dump.vcpus.iter().filter(|v| v.leaves().is_empty()).map(|v| v.vcpu).collect();
    let unread = (!unread.is_empty()).then(|| format!("vCPU {} was not read", List(&unread)));
    let mut lacks: Vec<String> = unread.into_iter().chain(dump.vcpus.iter().filter_map(lack)).collect();
    if dump.vcpus.is_empty() {
        lacks.push("there is no vCPU".to_string());
    }
    let more = match lacks.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        n => format!("; and {n} more vCPUs lack something"),
    };
    lacks.truncate(MOST_NAMED);
    (!lacks.is_empty()).then(|| format!("{}{more}", lacks.join("; ")))
}

/// So many places are named of a vCPU, and so many vCPUs.
const MOST_NAMED: usize = 6;

/// What a dump does not have of a vCPU that was read: `vCPU 1 lacks 0x00000007.0, 0x0000000d.1 and 3 more places`.
fn lack(v: &VcpuDump) -> Option<String> {
    if v.leaves().is_empty() {
        return None;
    }
    let Coverage { missing, capped, .. } = Coverage::of(v);
    let gaps = lacking(v).map(|gap| gap.id);
    let mut places: Vec<LeafId> = missing.into_iter().chain(capped).chain(gaps).collect();
    places.sort_unstable();
    places.dedup();
    let more = match places.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        n => format!(" and {n} more places"),
    };
    places.truncate(MOST_NAMED);
    let names: Vec<String> = places.iter().map(ToString::to_string).collect();
    (!names.is_empty()).then(|| format!("vCPU {} lacks {}{more}", v.vcpu, names.join(", ")))
}

/// A dump in the form that `args` ask for, or in the `usual` one.
#[must_use]
pub fn render(dump: &Dump, args: &OutputArgs, usual: Format) -> String {
    if args.fingerprint {
        return fingerprint(dump) + "\n";
    }
    match args.format.unwrap_or(usual) {
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
/// What the system says; also that nobody reads it.
pub fn print(text: &str) -> Result<()> {
    say::print(text).context("standard output: cannot write")
}
