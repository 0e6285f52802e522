//! Files in: the one place that opens what the user names.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cpuid_diff::assemble::Named;
use cpuid_diff::check::evidence::Log;
use cpuid_diff::cpu_map::{CpuMap, dir};
use cpuid_diff::knowledge::Knowledge;
use cpuid_diff::policy::Policy;
use cpuid_diff::read::{self, Input, ReadError};
use cpuid_diff::view::promise::unknown_at;
use cpuid_diff::view::said;
use cpuid_diff::view::source::{self, Source};
use cpuid_probe::dump::Dump;
use cpuid_probe::libvirt::cpu::{Cpu, Form};
use cpuid_probe::printable::{MOST, printable};

/// A larger file is no dump.
const MAX_BYTES: u64 = read::MAX_BYTES as u64;

/// libvirt's own limit for XML (libvirt 9.0 tools/vsh.h, `VSH_MAX_XML_FILE`).
const MAX_XML_BYTES: u64 = cpuid_probe::libvirt::MAX_BYTES as u64;

/// Reads a file (`-`: standard input) whole; a folder of CPUs as the dump that it is. Of XML longer than libvirt would read,
/// little is read.
///
/// # Errors
/// What the system says, with the file's name; a directory; a file larger than any dump.
pub fn bytes(path: &Path) -> Result<Vec<u8>> {
    let name = path.display();
    let mut bytes = Vec::new();
    let mut take = |source: &mut dyn Read, length: u64| {
        bytes.reserve(length.min(MAX_XML_BYTES + 1) as usize);
        source.take(MAX_XML_BYTES + 1).read_to_end(&mut bytes)?;
        let xml = bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'<');
        let rest = if xml { 0 } else { MAX_BYTES - MAX_XML_BYTES };
        let too_long = xml && bytes.len() as u64 > MAX_XML_BYTES;
        source.take(rest).read_to_end(&mut bytes).map(|_| too_long)
    };
    let too_long;
    if path.as_os_str() == "-" {
        too_long = take(&mut io::stdin().lock(), 0).context("standard input: cannot read")?;
    } else {
        let mut file = File::open(path).with_context(|| format!("{name}: cannot open"))?;
        let metadata = file.metadata().with_context(|| format!("{name}: cannot open"))?;
        if metadata.is_dir() {
            return folder(path).map(|dump| cpuid_probe::json::to_string(&dump).into_bytes());
        }
        if metadata.len() <= MAX_BYTES {
            too_long = take(&mut file, metadata.len()).with_context(|| format!("{name}: cannot read"))?;
        } else {
            bail!("{name}: larger than {} MiB, expected a CPUID dump", MAX_BYTES >> 20);
        }
    }
    if too_long {
        bail!("{name}: XML longer than {} MiB, which is no libvirt XML", MAX_XML_BYTES >> 20);
    }
    if bytes.len() as u64 > MAX_BYTES {
        bail!("{name}: larger than {} MiB, expected a CPUID dump", MAX_BYTES >> 20);
    }
    read::unpacked(bytes).map_err(|e| located(path, &e))
}

/// The format that `--from` names, which holds for the inputs that are of it: of several, one may be a definition, or another
/// tool's dump.
pub struct Asked<'a> {
    format: Option<&'a str>,
    /// How many inputs are still to be read.
    left: Cell<usize>,
    /// One was of this format.
    heard: Cell<bool>,
}

impl<'a> Asked<'a> {
    /// What was asked of so many inputs.
    pub fn new(format: Option<&'a str>, inputs: usize) -> Self {
        Self { format, left: Cell::new(inputs), heard: Cell::new(false) }
    }

    /// The format to read an input as. The last one has to be of it where no other was.
    fn of(&self, bytes: &[u8], part: Option<&str>) -> Option<&'a str> {
        let left = self.left.get().saturating_sub(1);
        self.left.set(left);
        let format = self.format?;
        let holds = left == 0 && !self.heard.get() || read::is_of(bytes, format, part);
        self.heard.set(self.heard.get() || holds);
        holds.then_some(format)
    }
}

/// Reads an input of any known format.
///
/// # Errors
/// As [`bytes`], and what the format's reader says, with file, line and column.
pub fn any(path: &Path, from: Option<&str>) -> Result<Input> {
    let (file, part) = part_of(path);
    read::read_part(&bytes(&file)?, from, part.as_deref()).map_err(|e| located(&file, &e))
}

/// Whether a path is a folder of hwloc-gather-cpuid, which is one input.
pub fn is_folder_of_cpus(path: &Path) -> bool {
    path.join("pu0").is_file()
}

/// Reads a folder of hwloc-gather-cpuid: `pu0`, `pu1` …, a file a CPU.
///
/// # Errors
/// No such file in it; what is wrong with one of them; CPUs of several machines.
fn folder(path: &Path) -> Result<Dump> {
    let name = path.display();
    let mut files = Vec::new();
    for entry in fs::read_dir(path).with_context(|| format!("{name}: cannot open"))? {
        let file = entry.with_context(|| format!("{name}: cannot read"))?.path();
        let called = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if read::is_like_cpu_of_file(called) {
            bail!("{}: expected the name of a CPU's file, such as pu0 or pu12", file.display());
        }
        if let Some(cpu) = read::cpu_of_file(called) {
            files.push((cpu, String::from_utf8_lossy(&bytes(&file)?).into_owned()));
        }
    }
    if files.is_empty() {
        bail!("{name}: is a directory, expected a file, or a folder of hwloc-gather-cpuid (pu0, pu1 …)");
    }
    files.sort_unstable();
    read::read_folder(&files).map_err(|(cpu, e)| match cpu {
        Some(cpu) => located(&path.join(format!("pu{cpu}")), &e),
        None => located(path, &e),
    })
}

/// `FILE#NAME` and `FILE#2`: a file, and which of several machines in it. A file whose own name has a `#` is meant whole.
fn part_of(path: &Path) -> (PathBuf, Option<String>) {
    let whole = (path.to_path_buf(), None);
    let Some((file, part)) = path.to_str().and_then(|text| text.rsplit_once('#')) else { return whole };
    let is_one = !path.exists() && (file == "-" || Path::new(file).is_file());
    if is_one && !part.is_empty() { (PathBuf::from(file), Some(part.to_string())) } else { whole }
}

/// What is wrong with a file, as FILE:LINE:COLUMN: message.
fn located(path: &Path, error: &ReadError) -> anyhow::Error {
    let name = if path.as_os_str() == "-" { "standard input".to_string() } else { path.display().to_string() };
    let separator = if error.line.is_some() { ":" } else { ": " };
    let choose = if error.another { format!(" ({name}#1, {name}#2 … choose one)") } else { String::new() };
    anyhow::anyhow!("{name}{separator}{error}{choose}")
}

/// Reads a site policy.
///
/// # Errors
/// As [`bytes`]; text that is no UTF-8, and what [`Policy::parse`] says, with file, line and column.
pub fn policy(path: &Path) -> Result<Policy> {
    let bytes = bytes(path)?;
    let text = String::from_utf8(bytes).with_context(|| format!("{}: not valid UTF-8", path.display()))?;
    Policy::parse(&path.display().to_string(), &text).map_err(|e| located(path, &e))
}

/// Reads what a layer can be: libvirt XML, a dump, a CPU template.
///
/// # Errors
/// As [`any`].
pub fn source(path: &Path, asked: &Asked<'_>) -> Result<Source> {
    Ok(read_as(path, asked)?.0)
}

/// An input, and whether the user said which of its parts or forms to take.
fn read_as(path: &Path, asked: &Asked<'_>) -> Result<(Source, bool)> {
    let (file, part) = part_of(path);
    let bytes = bytes(&file)?;
    let from = asked.of(&bytes, part.as_deref());
    let source = source::read_part(&bytes, from, part.as_deref()).map_err(|e| located(&file, &e))?;
    Ok((source, from.is_some() || part.is_some()))
}

/// Reads what guests are promised.
///
/// # Errors
/// As [`source`]; a `.vmx` file with CPUID records and masks, of which nothing says what is promised.
pub fn baseline(path: &Path, asked: &Asked<'_>) -> Result<Source> {
    let (source, chosen) = read_as(path, asked)?;
    if let (false, Source::Dump(dump)) = (chosen, &source)
        && let Some(imported) = &dump.provenance.imported
        && imported.limits.iter().any(|limit| limit.starts_with(read::MASKS_BESIDE))
    {
        bail!(
            "{}: holds CPUID records and CPUID masks, either of which can be promised; choose with --from vmx-masks or \
             --from vmx",
            part_of(path).0.display()
        );
    }
    Ok(source)
}

/// The CPU map asked for: a directory, `9.0` for the one of libvirt 9.0, or nothing for the newest.
///
/// # Errors
/// As [`bytes`], and what is wrong with the map, with file and line.
pub fn cpu_map(asked: Option<&Path>) -> Result<CpuMap> {
    match asked {
        None => Ok(CpuMap::newest().clone()),
        Some(version) if version.as_os_str() == "9.0" => Ok(CpuMap::libvirt_9_0(Knowledge::builtin())),
        Some(directory) => {
            let file = |name: &str| {
                let bytes = bytes(&directory.join(name)).map_err(|e| format!("{e:#}"))?;
                String::from_utf8(bytes).map_err(|_| "not UTF-8".to_string())
            };
            dir::read(format!("the CPU map {}", directory.display()), file)
                .map_err(|e| anyhow::anyhow!("{}", directory.join(e.to_string()).display()))
        }
    }
}

/// What files are called in sentences: their names without directories, where those tell them apart.
pub fn short_names(paths: &[PathBuf]) -> Vec<String> {
    let mut used: HashMap<&OsStr, BTreeSet<&Path>> = HashMap::new();
    for path in paths {
        used.entry(path.file_name().unwrap_or_default()).or_default().insert(path);
    }
    let name = |path: &PathBuf| match path.file_name() {
        Some(short) if used.get(short).is_some_and(|paths| paths.len() == 1) => short.to_string_lossy().into_owned(),
        _ => path.display().to_string(),
    };
    paths.iter().map(name).collect()
}

/// Says on standard error what went wrong, on one line. A message may quote an input: nothing of it reaches the terminal as
/// it is.
pub fn complain(error: &anyhow::Error) {
    eprintln!("cpuid-diff: {}", printable(&format!("{error:#}"), MOST));
}

/// Reads a log of QEMU's or libvirt's.
///
/// # Errors
/// As [`bytes`].
pub fn log(path: &Path) -> Result<Log> {
    Ok(Log::read(&String::from_utf8_lossy(&bytes(path)?)))
}

/// Reads a dump.
///
/// # Errors
/// As [`any`]; an input that holds no registers, or two dumps.
pub fn dump(path: &Path, from: Option<&str>) -> Result<Named> {
    let name = path.display().to_string();
    match any(path, from)? {
        Input::Dump(dump) => Ok(Named { name, dump: *dump }),
        Input::Pair(_) => bail!("{name}: a diff of two dumps, expected one dump"),
        Input::Cpus(_) | Input::Template(_) => {
            bail!("{name}: names features and holds no registers; give it as --baseline, or to `cpuid-diff baseline`")
        }
    }
}

/// Reads a dump that holds register sets.
///
/// # Errors
/// As [`dump`]; an input that names features instead.
pub fn registers(path: &Path, from: Option<&str>) -> Result<Named> {
    let named = dump(path, from)?;
    if named.dump.is_statements() {
        bail!("{}: {}", named.name, read::INSTEAD);
    }
    Ok(named)
}

/// What `check` can ask.
pub enum Checkable {
    /// A dump.
    Dump(Box<Named>),
    /// A file, and the CPUs of hosts that it describes by names.
    Names(String, Vec<Cpu>),
}

impl Checkable {
    /// The dump, where it is one.
    pub fn dump(&self) -> Option<&Named> {
        if let Self::Dump(named) = self { Some(named) } else { None }
    }

    /// The CPUs, where it lists names.
    pub fn cpus(&self) -> &[Cpu] {
        if let Self::Names(_, cpus) = self { cpus } else { &[] }
    }
}

/// Reads what `check` can ask: a dump, or what a host offers.
///
/// # Errors
/// As [`any`]; a definition, which is what others are held against; a diff, a template, feature names without a host.
pub fn checkable(path: &Path, asked: &Asked<'_>) -> Result<Checkable> {
    let name = path.display().to_string();
    match source(path, asked)? {
        Source::Dump(dump) => Ok(Checkable::Dump(Box::new(for_report(name, *dump)))),
        Source::Template(_) => {
            bail!("{name}: a CPU template, expected a dump or what a host offers; give it as --baseline")
        }
        Source::Cpus(cpus) => match cpus.iter().find(|cpu| cpu.form == Form::Guest) {
            Some(cpu) => bail!(
                "{name}:{}:{}: a guest's definition, expected a dump or what a host offers (virsh domcapabilities)",
                cpu.at.line,
                cpu.at.column
            ),
            None => Ok(Checkable::Names(name, cpus)),
        },
    }
}

/// What reports call an input: its path, or the sides of a diff.
pub fn names(path: &Path) -> [String; 3] {
    let name = printable(&path.display().to_string(), usize::MAX);
    [format!("{name} (-)"), format!("{name} (+)"), name]
}

/// A dump that a report is made of: what it says of itself, and what it is called, cannot look like the report's words.
fn for_report(name: String, mut dump: Dump) -> Named {
    dump.provenance.make_printable();
    Named { name: printable(&name, usize::MAX), dump }
}

/// One side of `compare`, or what `show` shows: a dump, or a CPU of names, place by place.
///
/// # Errors
/// As [`source`]; several CPUs, a template, a model that no map knows.
pub fn side(path: &Path, asked: &Asked<'_>) -> Result<Named> {
    let name = path.display().to_string();
    match source(path, asked)? {
        Source::Dump(dump) => Ok(for_report(name, *dump)),
        Source::Template(_) => bail!("{name}: a CPU template, which leaves bits to the host; give it as --baseline"),
        Source::Cpus(cpus) => match &cpus[..] {
            [cpu] => {
                let map = cpu_map(None)?;
                let said = said::of_cpu(cpu, &map, Knowledge::builtin());
                let said = said.map_err(|unknown| anyhow::anyhow!("{name}: {}", unknown_at(cpu.model_at, &unknown)))?;
                Ok(for_report(name, said))
            }
            _ => bail!("{name}: {} CPUs, expected one; {name}#1, {name}#2 … choose one", cpus.len()),
        },
    }
}

/// Takes an imported table for the whole CPUID.
///
/// # Errors
/// As [`read::whole::take_as_whole`].
pub fn take_as_whole(named: &mut Named) -> Result<()> {
    read::whole::take_as_whole(&mut named.dump).map_err(|e| anyhow::anyhow!("{}: {e}", named.name))
}

/// Reads the two dumps of `compare`: two files, or one unified diff.
///
/// # Errors
/// As [`dump`]; one file that is not a diff.
pub fn two(paths: &[PathBuf], asked: &Asked<'_>) -> Result<[Named; 2]> {
    match paths {
        [a, b] if a.as_os_str() == "-" && b.as_os_str() == "-" => {
            bail!("standard input can be read only once; name a file for the other dump")
        }
        [a, b] => Ok([side(a, asked)?, side(b, asked)?]),
        [one] => {
            let name = one.display();
            let (file, part) = part_of(one);
            let bytes = bytes(&file)?;
            let from = asked.of(&bytes, part.as_deref());
            match read::read_part(&bytes, from, part.as_deref()).map_err(|e| located(&file, &e))? {
                Input::Pair(pair) => {
                    let ([a, b], [old, new, _]) = (*pair, names(one));
                    Ok([for_report(old, a), for_report(new, b)])
                }
                _ => bail!("{name}: one dump; compare takes two dumps, or one unified diff of two"),
            }
        }
        _ => bail!("compare takes two dumps, or one unified diff of two"),
    }
}
