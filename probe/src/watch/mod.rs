//! `cpuid-probe watch`: does CPUID change under this running guest?
//!
//! A live migration may do that: CPUID is not in the migration stream, so the destination's configuration is what the
//! guest reads from the switch on. Every pass reads all vCPUs again from the start, with the maxima it then finds, and
//! is compared by place with what was seen before.
//!
//! Nothing that runs in the loop may use an instruction that a migration can take away: see [`libc_paths`]; and it
//! reads no JSON, whose parser picks AVX2 at run time too.

mod libc_paths;
pub mod lines;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use cpuid_probe::change::{Sighting, changes, same};
use cpuid_probe::dump::{Dump, Provenance, Source, VcpuDump};
use cpuid_probe::{json, text};
use rustix::time::{ClockId, clock_gettime};

use crate::cli::{Format, WatchArgs};
use crate::{host, native, output};

/// A pass that differs is read again until two readings agree, since the switch may fall into the middle of one. So
/// many readings are enough for that.
const MOST_READINGS: u32 = 8;

/// Runs the command.
pub fn watch(args: &WatchArgs) -> Result<ExitCode> {
    libc_paths::use_baseline();
    let mut watcher = Watcher::new(args)?;
    let interval = Duration::from_millis(args.interval);
    let (started, used) = (Instant::now(), cpu_time());
    let deadline = args.until.deadline(started);
    let mut next = Some(started);
    while watcher.pass()? {
        let now = Instant::now();
        let counted = args.count.is_some_and(|count| watcher.passes >= count);
        let changed = args.until.until_change && watcher.seen > 0;
        if counted || changed || deadline.is_some_and(|deadline| now >= deadline) {
            break;
        }
        next = next.and_then(|next| Some(next.checked_add(interval)?.max(now)));
        match next.into_iter().chain(deadline).min() {
            Some(wake) => thread::sleep(wake.saturating_duration_since(now)),
            None => thread::sleep(Duration::MAX),
        }
    }
    let Watcher { passes, seen, .. } = watcher;
    let used = (cpu_time() - used).as_secs_f64();
    // The pause after the last pass counts too.
    let wall = started.elapsed().as_secs_f64().max(interval.as_secs_f64() * passes as f64);
    let (each, share) = (1000.0 * used / passes as f64, 100.0 * used / wall);
    eprintln!(
        "cpuid-probe: {passes} passes, {seen} changed registers; {each:.2} ms of CPU time a pass, {share:.2} % of one \
         vCPU"
    );
    Ok(if seen > 0 { ExitCode::from(1) } else { ExitCode::SUCCESS })
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
        let online = native::online()?;
        let (before, origin, last) = match &args.baseline {
            Some(file) => {
                let Dump { vcpus, provenance } = read_dump(file)?;
                (vcpus, provenance, None)
            }
            None => (Vec::new(), provenance.clone(), Some(SystemTime::now())),
        };
        for v in before.iter().filter(|v| !online.contains(&v.vcpu)) {
            eprintln!("cpuid-probe: vCPU {} of the baseline is not online here", v.vcpu);
        }
        Ok(Self { args, before, origin, last, provenance, online, passes: 0, seen: 0, pairs: 0 })
    }

    /// Reads everything until it is settled, and reports what changed. `false` once nobody reads the reports.
    fn pass(&mut self) -> Result<bool> {
        self.passes += 1;
        let used = cpu_time();
        self.note_hotplug();
        let (vcpus, readings) = self.settled();
        let at = SystemTime::now();
        if self.passes == 1 {
            self.introduce(&vcpus, (cpu_time() - used) / readings);
        }

        let count = vcpus.len();
        let sightings = self.sightings(&vcpus);
        if !sightings.is_empty() {
            self.seen += sightings.len() as u64;
            self.write_pair(&vcpus, at)?;
            self.origin.clone_from(&self.provenance);
            self.last = Some(at);
        }
        self.last = self.last.map(|_| at);
        for v in vcpus {
            match self.before.binary_search_by_key(&v.vcpu, |b| b.vcpu) {
                Ok(place) => self.before[place] = v,
                Err(place) => self.before.insert(place, v),
            }
        }
        let connected = lines::print(&sightings, at, self.args.format)?;
        if self.args.verbose {
            let ms = (cpu_time() - used).as_secs_f64() * 1000.0;
            eprintln!(
                "cpuid-probe: pass {}: {count} vCPUs, read {readings} times, {ms:.2} ms of CPU time",
                self.passes
            );
        }
        Ok(connected)
    }

    /// A reading that shows what was seen before, or one that the next reading confirms; and how many it took. vCPUs
    /// out of reach are left out.
    fn settled(&self) -> (Vec<VcpuDump>, u32) {
        let read = || {
            let vcpus = self.online.iter().map(|cpu| native::read_one(*cpu));
            vcpus.filter(|v| !v.leaves().is_empty()).collect::<Vec<_>>()
        };
        let mut now = read();
        let mut readings = 1;
        let mut settled = agree(&self.before, &now);
        while !settled && readings < MOST_READINGS {
            let again = read();
            readings += 1;
            settled = agree(&now, &again);
            now = again;
        }
        (now, readings)
    }

    /// What differs from before.
    fn sightings(&self, now: &[VcpuDump]) -> Vec<Sighting> {
        let mut found = Vec::new();
        for v in now {
            if let Some(before) = find(&self.before, v.vcpu) {
                let sighting = |change| Sighting { pass: self.passes, vcpu: v.vcpu, change };
                changes(before.leaves(), v.leaves(), &mut |change| found.push(sighting(change)));
            }
        }
        found
    }

    /// Says which vCPUs came and went since the last pass.
    fn note_hotplug(&mut self) {
        // Without /sys no vCPU can be switched on or off.
        let Some(online) = native::online_in_sys() else { return };
        for cpu in self.online.iter().filter(|cpu| !online.contains(cpu)) {
            eprintln!("cpuid-probe: vCPU {cpu} went offline");
        }
        for cpu in online.iter().filter(|cpu| !self.online.contains(cpu)) {
            eprintln!("cpuid-probe: vCPU {cpu} came online");
        }
        self.online = online;
    }

    /// Says what is watched and what a pass costs.
    fn introduce(&self, vcpus: &[VcpuDump], cost: Duration) {
        let (cost, interval) = (cost.as_secs_f64() * 1000.0, self.args.interval);
        let sets: usize = vcpus.iter().map(|v| v.leaves().len()).sum();
        let count = vcpus.len();
        eprintln!(
            "cpuid-probe: {count} vCPUs, {sets} register sets; a pass every {interval} ms, {cost:.2} ms of CPU time"
        );
        for v in vcpus.iter().filter(|v| self.args.baseline.is_some() && find(&self.before, v.vcpu).is_none()) {
            eprintln!("cpuid-probe: vCPU {} is not in the baseline; it is compared with this pass", v.vcpu);
        }
    }

    /// Writes what was seen before and what is seen now into the directory for it, if there is one.
    fn write_pair(&mut self, now: &[VcpuDump], at: SystemTime) -> Result<()> {
        let Some(directory) = &self.args.dump_dir else { return Ok(()) };
        self.pairs += 1;
        for (when, provenance, seen, vcpus) in
            [("before", &self.origin, self.last, &self.before[..]), ("after", &self.provenance, Some(at), now)]
        {
            let mut dump = Dump { provenance: provenance.clone(), vcpus: vcpus.to_vec() };
            if let Some(seen) = seen {
                dump.provenance.captured_at = Some(humantime::format_rfc3339_seconds(seen).to_string());
                dump.provenance.vcpus_online = u32::try_from(self.online.len()).ok();
                dump.note_hypervisors();
            }
            let path = directory.join(format!("{:02}-{when}.json", self.pairs));
            output::write_file(&path, output::render(&dump, Format::Json).as_bytes(), false)?;
        }
        Ok(())
    }
}

/// Whether two readings show the same on every vCPU that is in both (and there is one).
fn agree(a: &[VcpuDump], b: &[VcpuDump]) -> bool {
    let mut pairs = b.iter().filter_map(|v| Some((find(a, v.vcpu)?, v))).peekable();
    pairs.peek().is_some() && pairs.all(|(a, b)| same(a.leaves(), b.leaves()))
}

fn find(vcpus: &[VcpuDump], number: u32) -> Option<&VcpuDump> {
    let at = vcpus.binary_search_by_key(&number, |v| v.vcpu).ok()?;
    vcpus.get(at)
}

/// The CPU time that this process has used.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// Makes the directory for dumps, and sees that nothing in it would be in the way.
fn prepare(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("{}: cannot create it", directory.display()))?;
    let first = directory.join("01-before.json");
    if first.exists() {
        bail!("{}: exists already; --dump-dir takes a directory without dumps", first.display());
    }
    Ok(())
}

/// A dump of ours, JSON or framed text.
fn read_dump(path: &Path) -> Result<Dump> {
    let content = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    if content.trim_start().starts_with('{') {
        json::from_str(&content).with_context(|| path.display().to_string())
    } else {
        text::read_frame(&content).with_context(|| path.display().to_string())
    }
}
