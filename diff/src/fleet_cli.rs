//! `cpuid-diff fleet`: reads hosts on two threads, and prints the report.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;
use std::{fs, thread};

use anyhow::{Context, Result, anyhow, bail};
use cpuid_diff::cpu_map::CpuMap;
use cpuid_diff::cpu_map::wide::Wide;
use cpuid_diff::fleet::facts::{Facts, Problem};
use cpuid_diff::fleet::intake::Intake;
use cpuid_diff::fleet::prepare::days;
use cpuid_diff::fleet::vm::Vm;
use cpuid_diff::fleet::{self, Asked, Fleet, summary, wire};
use cpuid_diff::knowledge::Knowledge;
use cpuid_diff::policy::Day;
use cpuid_diff::render;
use cpuid_diff::view::Role;
use cpuid_diff::view::source;

use crate::cli::{FleetArgs, Format};
use crate::{input, print, print_gate, stream, style};

/// So many threads read.
const THREADS: usize = 2;

/// Runs the command.
///
/// # Errors
/// What the user named cannot be read: a VM, a list, an older fleet. Trouble with a host is in the report.
pub fn run(args: &FleetArgs) -> Result<ExitCode> {
    let knowledge = Knowledge::builtin();
    let wide = Wide::new(CpuMap::of(knowledge), knowledge);
    let (mut facts, mut met) = facts(&args.hosts, &wide, &args.roles)?;
    let since = args.since.as_ref().map(|path| since(path, &wide, &args.roles)).transpose()?;
    let since = since.map(|(since, of_since)| {
        met.extend(of_since);
        since
    });
    let in_vain = in_vain(&args.roles, &met);
    if args.summary {
        let trouble = !facts.problems.is_empty() || !in_vain.is_empty();
        // Of the whole fleet, and so in no shard's summary.
        for problem in facts.problems.iter().chain(&in_vain) {
            input::complain(&anyhow!("{}", render::fleet::words::problem(problem)));
        }
        stream(|out| wire::summary(&facts, out))?;
        return Ok(if trouble { ExitCode::from(2) } else { ExitCode::SUCCESS });
    }
    facts.problems.extend(in_vain);
    let day = args.as_of.unwrap_or_else(|| Day::of(SystemTime::now()));
    let policy = args.policy.as_deref().map(input::policy).transpose()?;
    let asked = Asked {
        vms: vms(&args.vm, &wide.map, knowledge)?,
        pools: args.pools.map(|k| k as usize),
        require: args.require.clone(),
        min_hosts: args.min_hosts.into(),
        expect: args.expect.as_deref().map(names).transpose()?.unwrap_or_default(),
        max_age: args.max_age,
        today: days(&day.to_string()).unwrap_or_default(),
        policy: policy.map(|policy| (policy, day)),
        since,
        keep: match &args.keep {
            Some(path) => summary::pools(&input::bytes(path)?).map_err(|why| anyhow!("{}: {why}", path.display()))?,
            None => Vec::new(),
        },
        without: args.without.clone(),
    };
    let fleet = fleet::fleet(facts, &asked, knowledge);
    report(&fleet, args)?;
    Ok(ExitCode::from(fleet.exit_code()))
}

fn report(fleet: &Fleet, args: &FleetArgs) -> Result<()> {
    match args.format {
        Format::Table => print(&render::fleet::table::render(fleet, style(args.all))),
        Format::Markdown => print(&render::fleet::markdown::render(fleet)),
        Format::Html => print(&render::fleet::html::render(fleet)),
        Format::Dot => print(&render::fleet::dot::render(fleet)),
        Format::Json => stream(|out| wire::fleet(fleet, out)),
        format => print_gate(&render::gate::fleet(fleet), format, || render::fleet::markdown::render(fleet)),
    }
}

/// The names of hosts in a file, one a line.
fn names(path: &Path) -> Result<Vec<String>> {
    let text =
        String::from_utf8(input::bytes(path)?).with_context(|| format!("{}: not valid UTF-8", path.display()))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let names: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_string).collect();
    if names.is_empty() {
        bail!("{}: names no host, expected one a line", path.display());
    }
    Ok(names)
}

fn vms(paths: &[PathBuf], map: &CpuMap, knowledge: &Knowledge) -> Result<Vec<Vm>> {
    let mut vms = Vec::new();
    for (path, name) in paths.iter().zip(input::short_names(paths)) {
        let bytes = input::bytes(path)?;
        let source = source::read(&bytes, None).map_err(|e| anyhow!("{}: {e}", path.display()))?;
        vms.extend(Vm::new(&name, &source, map, knowledge).map_err(|e| anyhow!("{}: {e}", path.display()))?);
    }
    Ok(vms)
}

fn since(path: &Path, wide: &Wide, roles: &[(Option<String>, Role)]) -> Result<(Facts, BTreeSet<usize>)> {
    let (facts, met) = facts(&[path.to_path_buf()], wide, roles)?;
    if let Some(problem) = facts.problems.first() {
        bail!("--since {}: {}", path.display(), render::fleet::words::problem(problem));
    }
    Ok((facts, met))
}

/// Roles that are stated of hosts that nobody knows: the user meant another one, which now keeps its own role.
fn in_vain(roles: &[(Option<String>, Role)], met: &BTreeSet<usize>) -> Vec<Problem> {
    let names = roles.iter().enumerate().filter(|(at, _)| !met.contains(at));
    let problem = |(_, (name, role)): (usize, &(Option<String>, Role))| {
        let what = format!("--as {}={}: no host is called so", name.as_deref()?, role.word());
        Some(Problem { host: None, file: None, what })
    };
    names.filter_map(problem).collect()
}

/// A file, and what was named that it is below: its path from there is what the host is called.
struct Found<'a> {
    path: PathBuf,
    top: Option<&'a Path>,
}

impl Found<'_> {
    fn name(&self) -> String {
        let below = self.top.and_then(|top| self.path.strip_prefix(top).ok());
        below.unwrap_or(&self.path).display().to_string()
    }
}

/// Everything that the user named, and which of the roles that are stated some host is meant by.
fn facts(paths: &[PathBuf], wide: &Wide, roles: &[(Option<String>, Role)]) -> Result<(Facts, BTreeSet<usize>)> {
    let (mut files, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() && !input::is_folder_of_cpus(path) {
            below(path, path, &mut files, &mut problems);
        } else {
            files.push(Found { path: path.clone(), top: None });
        }
    }
    // The same file named twice is one.
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path);
    let next = AtomicUsize::new(0);
    let read = || {
        let mut intake = Intake::new(wide, Knowledge::builtin(), roles);
        while let Some(found) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (name, file) = (found.name(), found.path.display().to_string());
            match input::bytes(&found.path) {
                Ok(bytes) => intake.take(&name, &file, &bytes),
                Err(e) => {
                    let what = format!("{e:#}");
                    let what = what.strip_prefix(&format!("{file}: ")).unwrap_or(&what).to_string();
                    intake.refuse(&name, &file, what);
                }
            }
        }
        intake
    };
    let intakes: Vec<Intake<'_>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS.min(files.len())).map(|_| scope.spawn(read)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().map_err(|_| anyhow!("a reading thread ended")))
            .collect::<Result<_>>()
    })?;
    drop(files);
    let met = intakes.iter().flat_map(|intake| intake.met().clone()).collect();
    let of_tree = Facts { problems, ..Facts::default() };
    Ok((Facts::merged(intakes.into_iter().flat_map(Intake::into_parts).chain([of_tree])), met))
}

/// Every file below a directory, but those whose name begins with a dot.
fn below<'a>(top: &'a Path, directory: &Path, files: &mut Vec<Found<'a>>, problems: &mut Vec<Problem>) {
    let refuse = |path: &Path, what: String| Problem { host: None, file: Some(path.display().to_string()), what };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) => return problems.push(refuse(directory, format!("cannot read the directory: {e}"))),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                problems.push(refuse(directory, format!("cannot read the directory: {e}")));
                continue;
            }
        };
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        // The directory says what it is, but not what a link leads to. What cannot be told is read, and says why not.
        let kind = entry.file_type().ok().filter(|kind| !kind.is_symlink());
        let kind = kind.or_else(|| fs::metadata(&path).ok().map(|of| of.file_type()));
        let is_directory = kind.is_some_and(|kind| kind.is_dir());
        if is_directory && !input::is_folder_of_cpus(&path) {
            below(top, &path, files, problems);
        } else if !is_directory && kind.is_some_and(|kind| !kind.is_file()) {
            // A pipe would be waited for.
            problems.push(refuse(&path, "is no regular file".to_string()));
        } else {
            files.push(Found { path, top: Some(top) });
        }
    }
}
