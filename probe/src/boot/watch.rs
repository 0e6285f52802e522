//! `boot --watch`: a guest without an operating system that stays and reports what changes under it.
//!
//! The boot image does the watching and writes a line a change; this only passes the lines on. The guest can be
//! migrated, away from here through `--qmp`, to here through `--incoming`.

use std::fs;
use std::mem;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, anyhow, bail};
use cpuid_probe::change::{Sighting, UNANSWERED};
use cpuid_probe::printable::{MOST, printable};
use cpuid_probe::text::{guest_error, has_frame, read_frame};
use serde_json::json;

use crate::boot::guest::{GuestSpec, Qemu, arguments, gone, note_contradiction, stamp};
use crate::boot::qmp::{Qmp, QmpError};
use crate::cli::{BootArgs, Format, WatchFormat};
use crate::say::{line, say};
use crate::stop::Stop;
use crate::watch::{exit_code, lines};
use crate::{host, output};

/// How often QEMU is asked what the guest has written.
const PERIOD: Duration = Duration::from_millis(100);
/// No dump and no line of a guest is so long.
const MOST_BYTES: usize = 1 << 26;

/// Watches one guest. Exit code 1 when a change was seen.
///
/// # Errors
/// The errors of booting, and what the guest reports as an error.
pub fn watch(spec: &GuestSpec, args: &BootArgs) -> Result<ExitCode> {
    let stop = Stop::new();
    let mut arguments = arguments(spec);
    arguments.extend(["-append", "watch"].map(String::from));
    if let Some(path) = &args.qmp {
        // A comma ends the name for QEMU, unless doubled.
        let name = path.display().to_string().replace(',', ",,");
        arguments.extend(["-qmp".to_string(), format!("unix:{name},server=on,wait=off")]);
    }
    if let Some(uri) = &args.incoming {
        arguments.extend(["-incoming".to_string(), uri.clone()]);
    }
    if let Some(path) = args.qmp.as_deref().filter(|path| fs::symlink_metadata(path).is_ok()) {
        // QEMU would remove whatever it is.
        bail!("--qmp {}: exists already; remove it first", line(path.display()));
    }
    let mut qemu = Qemu::start(&spec.qemu, &arguments, args.qmp.as_deref())?;
    let mut guest = Guest { spec, args, arguments, text: String::new(), seen: 0, unanswered: (0, 0) };
    match guest.follow(&mut qemu, &stop) {
        Ok(()) => Ok(guest.summary()),
        Err(error) => match error.downcast::<QmpError>() {
            Ok(error) => {
                let (status, stderr) = qemu.end_after(Some(&error))?;
                Err(gone(&error, status, &stderr, spec))
            }
            Err(error) => Err(error),
        },
    }
}

/// A guest that is being watched.
struct Guest<'a> {
    spec: &'a GuestSpec,
    args: &'a BootArgs,
    arguments: Vec<String>,
    /// Output of the guest that was not handled yet.
    text: String,
    /// Changed registers so far.
    seen: usize,
    /// How many vCPUs did not answer in the last pass, of how many.
    unanswered: (usize, usize),
}

impl Guest<'_> {
    /// Says what was seen.
    fn summary(&self) -> ExitCode {
        let unread = match self.unanswered {
            (0, _) => String::new(),
            (missing, all) => format!("; not watched: {missing} of {all} vCPUs do not answer"),
        };
        say(format_args!("{} changed registers{unread}", self.seen));
        exit_code(self.seen > 0, self.unanswered.0 == 0)
    }

    /// Passes on what the guest says until it is time to stop.
    fn follow(&mut self, qemu: &mut Qemu, stop: &Stop) -> Result<()> {
        let started = Instant::now();
        let deadline = self.args.until.deadline(started);
        let mut qmp = qemu.connect(started + self.spec.timeout)?;
        // A guest that migrates in has already written its dump on the other host.
        let mut dumped = self.args.incoming.is_some();
        let mut stopped = false;
        loop {
            qmp.renew(Instant::now() + self.spec.timeout);
            let status = qmp.execute("query-status", json!({}))?;
            self.text.push_str(&qmp.console()?.replace('\r', ""));
            if self.text.len() > MOST_BYTES {
                bail!("the guest writes on and on, and neither a whole dump nor a whole line");
            }
            if let Some(words) = guest_error(&self.text) {
                bail!("the guest says: {}", line(words));
            }
            if !dumped {
                dumped = self.take_dump(qemu, &mut qmp)?;
                if !dumped && started.elapsed() > self.spec.timeout {
                    bail!("the guest wrote no dump within {} s", self.spec.timeout.as_secs());
                }
            }
            let ends = dumped && !self.pass_on()?
                || stopped
                || self.args.until.until_change && self.seen > 0
                || deadline.is_some_and(|deadline| Instant::now() >= deadline);
            match status["status"].as_str().unwrap_or_default() {
                "postmigrate" if !dumped => {
                    bail!("nothing was watched: the guest migrated away before its dump was whole")
                }
                "postmigrate" => {
                    say("the guest has migrated away");
                    return Ok(());
                }
                state @ ("shutdown" | "internal-error" | "io-error" | "guest-panicked") => {
                    bail!("the guest was stopped (`{}`)", line(state));
                }
                "inmigrate" if ends => bail!("nothing was watched: no guest has arrived"),
                _ if ends && !dumped => bail!("nothing was watched: the guest has not written its dump yet"),
                _ if ends => return Ok(()),
                _ => {}
            }
            // Told to stop: ask once more, for the guest's last output.
            stopped = stop.within(PERIOD);
        }
    }

    /// Cuts the dump that the guest starts with out of its text. `false` until it is whole.
    fn take_dump(&mut self, qemu: &Qemu, qmp: &mut Qmp) -> Result<bool> {
        if !has_frame(&self.text) {
            return Ok(false);
        }
        let Ok(mut dump) = read_frame(&self.text) else { return Ok(false) };
        let vcpus = dump.vcpus.len();
        self.unanswered = (dump.vcpus.iter().filter(|v| v.leaves().is_empty()).count(), vcpus);
        if self.args.output.output.is_some() {
            stamp(&mut dump, self.spec, self.arguments.clone(), qmp.version(), qmp.machine()?, &qemu.stderr());
            note_contradiction(&mut dump, self.spec, &qmp.feature_words());
            host::stamp(&mut dump.provenance, self.args.output.label.as_ref());
            output::deliver(&dump, &self.args.output, Format::Json)?;
        }
        let end = self.text.rfind(" crc32=").and_then(|at| Some(at + self.text[at..].find('\n')? + 1));
        self.text.drain(..end.unwrap_or(0));
        say(format_args!("watching {vcpus} vCPUs of a guest without an operating system"));
        Ok(true)
    }

    /// Prints the changes in the lines that are whole. `false` once nobody reads them.
    fn pass_on(&mut self) -> Result<bool> {
        let whole: String = self.text.drain(..self.text.rfind('\n').map_or(0, |at| at + 1)).collect();
        let mut sightings = Vec::new();
        for line in whole.lines() {
            let wrong = |what| anyhow!("expected {what}, the guest wrote `{}`", printable(line, MOST));
            if let Some(change) = line.strip_prefix(Sighting::WORD) {
                sightings.push(Sighting::parse(change).ok_or_else(|| wrong("a change"))?);
                continue;
            }
            if let Some(words) = line.strip_prefix(UNANSWERED) {
                let mut numbers = words.split(' ').filter_map(|word| word.parse().ok());
                let (Some(missing), Some(all)) = (numbers.next(), numbers.next()) else {
                    bail!(wrong("how many vCPUs did not answer"));
                };
                if mem::replace(&mut self.unanswered, (missing, all)) == (missing, all) {
                    continue;
                }
            }
            say(format_args!("the guest says: {}", printable(line, MOST)));
        }
        self.seen += sightings.len();
        let json = self.args.output.format == Some(Format::Json);
        lines::print(&sightings, SystemTime::now(), if json { WatchFormat::Json } else { WatchFormat::Text })
    }
}
