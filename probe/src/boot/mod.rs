//! `cpuid-probe boot`: what a guest with a given CPU definition sees on this host.

pub mod definitions;
pub mod guard;
mod guest;
mod image;
mod qmp;
mod stderr;
mod warnings;
mod watch;
mod words;

use std::env;
use std::fs;
use std::io::{self, IsTerminal};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use cpuid_probe::dump::Dump;
use cpuid_probe::printable::printable;

use crate::boot::definitions::specs;
use crate::boot::guest::{GuestSpec, run_guest};
use crate::cli::{BootArgs, Format};
use crate::say::{self, line};
use crate::{host, output};

/// Runs the command.
pub fn boot(args: &BootArgs) -> Result<ExitCode> {
    if let Some(path) = &args.emit_image {
        output::write_file(path, image::IMAGE, false)?;
        return Ok(ExitCode::SUCCESS);
    }
    let specs = specs(args)?;
    if args.watch {
        let [spec] = &specs[..] else { bail!("--watch takes one CPU definition") };
        return watch::watch(spec, args).with_context(|| format!("-cpu {}", line(&spec.cpu)));
    }
    match (&specs[..], &args.output.output) {
        ([spec], to) if !to.as_ref().is_some_and(|to| to.is_dir()) => {
            output::deliver(&capture(spec, args)?, &args.output, Format::Json)
        }
        (_, None) => bail!("several CPU definitions need `-o DIR` for their dumps"),
        (_, Some(directory)) => boot_all(&specs, args, directory),
    }
}

/// Boots every guest, as many at a time as there are CPUs, and writes a file for each into `directory`.
fn boot_all(specs: &[GuestSpec], args: &BootArgs, directory: &Path) -> Result<ExitCode> {
    let files: Vec<PathBuf> =
        (1..).zip(specs).map(|(n, spec)| directory.join(file_name(n, specs.len(), spec, args))).collect();
    if let Some(file) = files.iter().find(|file| !args.output.force && file.exists()) {
        bail!("{}: exists already; --force replaces it", line(file.display()));
    }
    fs::create_dir_all(directory).with_context(|| format!("{}: cannot create it", line(directory.display())))?;

    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(specs.len());
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let progress = Progress {
        terminal: io::stderr().is_terminal() && env::var_os("TERM").is_some_and(|term| term != "dumb"),
        of: specs.len(),
    };
    let one = |(spec, file): (&GuestSpec, &PathBuf)| {
        let written = capture(spec, args).and_then(|dump| {
            output::write_file(file, output::render(&dump, &args.output, Format::Json).as_bytes(), args.output.force)?;
            let lacks = output::incomplete(&dump);
            Ok(lacks.map(|lacks| format!("{}: the dump is incomplete: {lacks}", line(file.display()))))
        });
        let problem = match &written {
            Ok(lacks) => lacks.clone(),
            Err(error) => Some(format!("{error:#}")),
        };
        progress.show(done.fetch_add(1, Ordering::Relaxed) + 1, spec, problem);
        written.map(|lacks| lacks.is_none())
    };
    let work = || {
        let take = || specs.iter().zip(&files).nth(next.fetch_add(1, Ordering::Relaxed));
        std::iter::from_fn(take).map(one).collect::<Vec<_>>()
    };
    let outcomes: Vec<Result<bool>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).flatten().collect()
    });
    let written = outcomes.iter().flatten().count();
    if written < specs.len() {
        bail!("{} of {} CPU definitions gave no dump", specs.len() - written, specs.len());
    }
    let complete = outcomes.iter().flatten().all(|complete| *complete);
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// So many characters of a CPU definition are shown while it boots.
const PROGRESS: usize = 60;

/// What is said on standard error while several guests boot: on a terminal one line, written over; errors always.
struct Progress {
    terminal: bool,
    of: usize,
}

impl Progress {
    fn show(&self, done: usize, spec: &GuestSpec, problem: Option<String>) {
        // One write each, since guests end at the same time.
        let mut text = String::new();
        if self.terminal {
            text.push_str("\r\x1b[K");
        }
        if let Some(problem) = problem {
            text.push_str(&say::message(problem));
        }
        if self.terminal && done < self.of {
            text.push_str(&format!("{done}/{} {}", self.of, printable(&spec.cpu, PROGRESS)));
        }
        say::write(&text);
    }
}

/// `03-Haswell-noTSX.json`: the place in the order given, and the model.
fn file_name(n: usize, of: usize, spec: &GuestSpec, args: &BootArgs) -> String {
    let width = of.to_string().len().max(2);
    let model =
        spec.cpu.split(',').next().unwrap_or_default().replace(|c: char| !c.is_ascii_graphic() || c == '/', "_");
    let json = args.output.format.unwrap_or(Format::Json) == Format::Json && !args.output.fingerprint;
    let extension = if json { "json" } else { "txt" };
    format!("{n:0width$}-{model}.{extension}")
}

/// Boots one guest.
fn capture(spec: &GuestSpec, args: &BootArgs) -> Result<Dump> {
    let mut dump = run_guest(spec).with_context(|| format!("-cpu {}", line(&spec.cpu)))?;
    host::stamp(&mut dump.provenance, args.output.label.as_ref());
    Ok(dump)
}
