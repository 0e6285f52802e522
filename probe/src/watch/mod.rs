//! `cpuid-probe watch`: does CPUID change under this running guest?
//!
//! A live migration can change it: CPUID is not in the migration stream, so from the switch on the guest reads what the
//! destination is configured to show. Every pass reads all vCPUs again from the start, with the maxima it then finds,
//! and is compared by place with what was seen before.
//!
//! Nothing that runs in the loop may use an instruction that a migration can take away: see [`libc_paths`]; and it
//! reads no JSON, whose parser picks AVX2 at run time too.

mod libc_paths;
pub mod lines;
mod names;
mod pace;

use std::fs;
use std::mem;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, anyhow, bail};
use cpuid_probe::change::{Sighting, changes, same};
use cpuid_probe::dump::{Dump, Provenance, Source, VcpuDump};
use cpuid_probe::{json, text};
use rustix::time::{ClockId, clock_gettime};

use crate::cli::WatchArgs;
use crate::native::{List, OnlineList, Reader};
use crate::say::{line, say};
use crate::stop::Stop;
use crate::watch::pace::Pace;
use crate::{host, native, output};

/// A pass that differs is read again until two readings agree, since the switch may fall into the middle of a reading.
/// This many readings are enough.
const MOST_READINGS: u32 = 8;

/// Runs the command.
pub fn watch(args: &WatchArgs) -> Result<ExitCode> {
    libc_paths::use_baseline();
    let stop = Stop::new();
    let mut watcher = Watcher::new(args)?;
    let (started, begun) = (Instant::now(), cpu_time());
    let deadline = args.until.deadline(started);
    let mut used = begun;
    let planned = loop {
        let start = Instant::now();
        let goes_on = watcher.pass()?;
        let now = Instant::now();
        // The whole pass counts, including waking up and reporting.
        let earlier = mem::replace(&mut used, cpu_time());
        if watcher.passes > 1 {
            watcher.pace.note(used.saturating_sub(earlier));
        }
        let next = start.checked_add(watcher.pace.interval());
        let counted = args.count.is_some_and(|count| watcher.passes >= count);
        let changed = args.until.until_change && watcher.seen > 0;
        if !goes_on || counted || changed || deadline.is_some_and(|deadline| now >= deadline) {
            break next;
        }
        let wake = next.into_iter().chain(deadline).min();
        if stop.within(wake.map_or(Duration::MAX, |wake| wake.saturating_duration_since(now))) {
            break Some(Instant::now());
        }
    };
    // A vCPU that goes offline just now looks like one that is out of reach: the last pass did not read either.
    let Watcher { passes, seen, unread, .. } = watcher;
    let used = cpu_time().saturating_sub(begun).as_secs_f64();
    // The pause after the last pass counts too.
    let wall = planned.map_or(Duration::MAX, |next| next - started).max(started.elapsed()).as_secs_f64();
    let (each, share) = (1000.0 * used / passes as f64, 100.0 * used / wall);
    let not_watched = if unread.is_empty() {
        String::new()
    } else {
        format!("; not watched, because out of reach: vCPU {}", List(&unread))
    };
    say(format_args!(
        "{passes} passes, {seen} changed registers; {each:.2} ms of CPU time a pass, {share:.2} % of one \
         vCPU{not_watched}"
    ));
    Ok(exit_code(seen > 0, unread.is_empty()))
}

/// How a watcher ends: 1 where a change was seen, 0 where none was on `all` vCPUs. Where some could not be read and no
/// change was seen, nobody can say that there was none: 2.
pub fn exit_code(changed: bool, all: bool) -> ExitCode {
    match (changed, all) {
        (true, _) => ExitCode::from(1),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::from(2),
    }
}

/// What is being watched, and what was seen so far.
struct Watcher<'a> {
    args: &'a WatchArgs,
    /// What each vCPU is compared with, by number: the baseline, then the last pass. One that went offline stays.
    before: Vec<VcpuDump>,
    /// Where `before` comes from.
    origin: Provenance,
    /// When `before` was seen last; `None` while it is the baseline.
    last: Option<SystemTime>,
    /// The provenance of dumps made here, but for their time.
    provenance: Provenance,
    online: Vec<u32>,
    /// Where changes of `online` are seen; without /sys no vCPU can be switched on or off.
    list: Option<OnlineList>,
    /// The vCPUs that the last pass could not read; and those of them that are said to be out of reach, because neither
    /// could the pass before. (One on its way offline cannot be read while it is still listed as online.)
    unread: Vec<u32>,
    out_of_reach: Vec<u32>,
    pace: Pace,
    reader: Reader,
    /// The last reading of each online vCPU, and the one before it where there was one in this pass. Their memory is
    /// used again and again.
    now: Vec<VcpuDump>,
    earlier: Vec<VcpuDump>,
    /// Passes so far.
    passes: u64,
    /// Changed registers so far.
    seen: u64,
    /// Pairs of dumps written so far.
    pairs: u32,
}

impl<'a> Watcher<'a> {
    fn new(args: &'a WatchArgs) -> Result<Self> {
        if let Some(directory) = &args.dump_dir {
            prepare(directory)?;
        }
        let mut provenance = Provenance::new(Source::Native);
        host::stamp(&mut provenance, None);
        let (before, origin, last) = match &args.baseline {
            Some(file) => {
                let Dump { vcpus, provenance } = read_dump(file)?;
                (vcpus, provenance, None)
            }
            None => (Vec::new(), provenance.clone(), Some(SystemTime::now())),
        };
        let mut list = OnlineList::open();
        let online = list.as_mut().and_then(OnlineList::news).map_or_else(native::online, Ok)?;
        for v in before.iter().filter(|v| !online.contains(&v.vcpu)) {
            say(format_args!("vCPU {} of the baseline is not online here", v.vcpu));
        }
        let now: Vec<VcpuDump> = online.iter().copied().map(VcpuDump::new).collect();
        Ok(Self {
            args,
            before,
            origin,
            last,
            provenance,
            online,
            list,
            unread: Vec::new(),
            out_of_reach: Vec::new(),
            pace: Pace::new(args.interval),
            reader: Reader::default(),
            earlier: now.clone(),
            now,
            passes: 0,
            seen: 0,
            pairs: 0,
        })
    }

    /// Reads everything until it is settled, and reports what changed. `false` once nobody reads the reports.
    fn pass(&mut self) -> Result<bool> {
        self.passes += 1;
        self.note_hotplug();
        let used = cpu_time();
        let (readings, last) = self.read_settled();
        let at = SystemTime::now();
        if self.passes == 1 {
            // The first reading also pays for loading the program.
            self.introduce(cpu_time().saturating_sub(last.unwrap_or(used)));
        }
        self.note_reach()?;

        let sightings = self.sightings();
        let mut connected = true;
        if !sightings.is_empty() {
            self.seen += sightings.len() as u64;
            // Print the change first: writing a dump may fail.
            connected = lines::print(&sightings, at, self.args.format)?;
            self.write_pair(at)?;
            self.origin.clone_from(&self.provenance);
        }
        self.last = (self.last.is_some() || !sightings.is_empty()).then_some(at);
        if self.args.verbose {
            let ms = cpu_time().saturating_sub(used).as_secs_f64() * 1000.0;
            let (pass, count) = (self.passes, seen(&self.now).count());
            say(format_args!("pass {pass}: {count} vCPUs, read {readings} times, {ms:.2} ms of CPU time"));
        }
        for v in self.now.iter_mut().filter(|v| !v.leaves().is_empty()) {
            match self.before.binary_search_by_key(&v.vcpu, |b| b.vcpu) {
                Ok(place) => mem::swap(&mut self.before[place], v),
                Err(place) => self.before.insert(place, v.clone()),
            }
        }
        Ok(connected)
    }

    /// Reads until a reading shows what was seen before, or what the one before it does. How many it took, and the CPU
    /// time used before the last one, if that was not the first.
    fn read_settled(&mut self) -> (u32, Option<Duration>) {
        self.read();
        let (mut readings, mut used) = (1, None);
        let mut settled = agree(&self.before, &self.now);
        while !settled && readings < MOST_READINGS {
            mem::swap(&mut self.earlier, &mut self.now);
            used = Some(cpu_time());
            self.read();
            readings += 1;
            settled = agree(&self.earlier, &self.now);
        }
        (readings, used)
    }

    /// Reads every vCPU. Beginning where the last reading ended saves a move.
    fn read(&mut self) {
        let Self { reader, now, .. } = self;
        if now.last().is_some_and(|last| reader.at() == Some(last.vcpu)) {
            now.iter_mut().rev().for_each(|v| reader.read(v));
        } else {
            now.iter_mut().for_each(|v| reader.read(v));
        }
    }

    /// The changes since the last pass.
    fn sightings(&self) -> Vec<Sighting> {
        let mut found = Vec::new();
        for v in seen(&self.now) {
            if let Some(before) = find(&self.before, v.vcpu) {
                let sighting = |change| Sighting { pass: self.passes, vcpu: v.vcpu, change };
                changes(before.leaves(), v.leaves(), &mut |change| found.push(sighting(change)));
            }
        }
        found
    }

    /// Says which vCPUs came and went since the last pass.
    fn note_hotplug(&mut self) {
        let Some(online) = self.list.as_mut().and_then(OnlineList::news) else { return };
        say_difference(&self.online, &online, ["went offline", "came online"]);
        self.now = online.iter().copied().map(VcpuDump::new).collect();
        self.earlier.clone_from(&self.now);
        self.online = online;
    }

    /// Says which vCPUs cannot be read, and which can again, since the last pass.
    fn note_reach(&mut self) -> Result<()> {
        let unread: Vec<u32> = self.now.iter().filter(|v| v.leaves().is_empty()).map(|v| v.vcpu).collect();
        if unread.len() == self.now.len() {
            bail!("no vCPU can be reached (a cpuset that has none of them?): vCPU {}", List(&unread));
        }
        let again = |cpu: &&u32| self.passes == 1 || self.unread.contains(cpu);
        let out_of_reach: Vec<u32> = unread.iter().filter(again).copied().collect();
        let words = ["is not out of reach any more", "is out of reach (a cpuset without it?), and is not watched"];
        say_difference(&self.out_of_reach, &out_of_reach, words);
        (self.unread, self.out_of_reach) = (unread, out_of_reach);
        Ok(())
    }

    /// Says what is watched, how often, and what a reading costs.
    fn introduce(&mut self, cost: Duration) {
        self.pace.note(cost);
        let sets: usize = self.now.iter().map(|v| v.leaves().len()).sum();
        let count = seen(&self.now).count();
        let why = if self.pace.is_stretched() { " (for now: so that it costs at most 1 %)" } else { "" };
        let (interval, cost) = (self.pace.interval().as_millis(), cost.as_secs_f64() * 1000.0);
        say(format_args!(
            "{count} vCPUs, {sets} register sets; a pass every {interval} ms{why}, {cost:.2} ms of CPU time"
        ));
        for v in seen(&self.now).filter(|v| self.args.baseline.is_some() && find(&self.before, v.vcpu).is_none()) {
            say(format_args!("vCPU {} is not in the baseline; it is compared with this pass", v.vcpu));
        }
    }

    /// Writes what was seen before and what is seen now into the directory for it, if there is one.
    fn write_pair(&mut self, at: SystemTime) -> Result<()> {
        let Some(directory) = &self.args.dump_dir else { return Ok(()) };
        self.pairs += 1;
        for (when, provenance, seen_at, vcpus) in
            [("before", &self.origin, self.last, &self.before), ("after", &self.provenance, Some(at), &self.now)]
        {
            let mut dump = Dump { provenance: provenance.clone(), vcpus: vcpus.clone() };
            if let Some(seen_at) = seen_at {
                dump.provenance.captured_at = Some(humantime::format_rfc3339_seconds(seen_at).to_string());
                dump.provenance.vcpus_online = u32::try_from(self.online.len()).ok();
                dump.note_hypervisors();
            }
            let path = directory.join(format!("{:02}-{when}.json", self.pairs));
            output::write_file(&path, json::to_string(&dump).as_bytes(), false)?;
        }
        Ok(())
    }
}

/// The vCPUs that could be read.
fn seen(vcpus: &[VcpuDump]) -> impl Iterator<Item = &VcpuDump> {
    vcpus.iter().filter(|v| !v.leaves().is_empty())
}

/// Says which numbers are in `old` alone, and which in `new` alone.
fn say_difference(old: &[u32], new: &[u32], words: [&str; 2]) {
    for (these, those, word) in [(old, new, words[0]), (new, old, words[1])] {
        for cpu in these.iter().filter(|cpu| !those.contains(cpu)) {
            say(format_args!("vCPU {cpu} {word}"));
        }
    }
}

/// Whether two readings show the same on every vCPU that is in both (and there is one).
fn agree(a: &[VcpuDump], b: &[VcpuDump]) -> bool {
    let mut pairs = seen(b).filter_map(|v| Some((find(a, v.vcpu)?, v))).peekable();
    pairs.peek().is_some() && pairs.all(|(a, b)| same(a.leaves(), b.leaves()))
}

fn find(vcpus: &[VcpuDump], number: u32) -> Option<&VcpuDump> {
    let at = vcpus.binary_search_by_key(&number, |v| v.vcpu).ok()?;
    vcpus.get(at).filter(|v| !v.leaves().is_empty())
}

/// The CPU time that this process has used.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// Creates the directory for dumps, and refuses one that already holds dumps.
fn prepare(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("{}: cannot create it", line(directory.display())))?;
    let first = directory.join("01-before.json");
    if first.exists() {
        bail!("{}: exists already; --dump-dir takes a directory without dumps", line(first.display()));
    }
    Ok(())
}

/// A complete dump, as our JSON or framed text.
fn read_dump(path: &Path) -> Result<Dump> {
    let name = line(path.display());
    let content = fs::read_to_string(path).with_context(|| name.clone())?;
    let dump = if content.trim_start().starts_with('{') {
        json::from_str(&content).map_err(|error| anyhow!("{name}: {}", line(error)))?
    } else {
        text::read_frame(&content).map_err(|error| anyhow!("{name}: {}", line(error)))?
    };
    if let Some(lacks) = output::incomplete(&dump) {
        bail!("{name}: expected a complete dump to compare with; {lacks}");
    }
    Ok(dump)
}
