//! One throw-away guest: QEMU with the boot image, from its start to the dump.
//!
//! QEMU gets nothing that has a name: the image as its standard input, a QMP connection as its standard output, a pipe as
//! its standard error, and ring buffers of its own for the guest's serial port and debug console. So nothing can be left
//! behind, and the command line is the same every time.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow, bail};
use cpuid_probe::dump::{Boot, BootWarning, Compat, Dump};
use cpuid_probe::text::{guest_error, has_frame, read_frame};
use rustix::process::Pid;
use serde_json::{Value, json};

use crate::boot::guard::{self, guarded};
use crate::boot::qmp::{Qmp, QmpError};
use crate::boot::stderr::Stderr;
use crate::boot::{image, warnings, words};
use crate::cli::Accel;
use crate::say::{line, say};

/// A guest to boot.
#[derive(Clone, Debug)]
pub struct GuestSpec {
    /// The QEMU to run.
    pub qemu: PathBuf,
    /// Its accelerator.
    pub accel: Accel,
    /// The `-machine` argument.
    pub machine: String,
    /// The `-cpu` argument.
    pub cpu: String,
    /// The `-smp` argument.
    pub smp: Option<String>,
    /// Any other argument that changes CPUID.
    pub extra_args: Vec<String>,
    /// How long QEMU may take.
    pub timeout: Duration,
}

/// The guest's memory in MiB: the image's slots for 960 vCPUs.
const MEMORY: &str = "64";
/// The serial port's ring buffer, to QEMU.
const CONSOLE: &str = "console";
/// The debug console's.
const DUMP: &str = "dump";
/// QEMU's device for a debug console, which takes text many times as fast as a serial port.
const DEBUG_CONSOLE: &str = "isa-debugcon";
/// What a port may write: a power of two of bytes, enough for more vCPUs than fit into memory.
const RING_BYTES: u32 = 1 << 24;
/// What QEMU may need to tell all of that: JSON has two characters for a line break.
const ANSWER_BYTES: usize = 2 * RING_BYTES as usize;
/// How long a QEMU that has closed its connection may take to end, and one that is late to say what it knows.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Boots a guest and returns what it saw, with `boot` and `hypervisor` of the provenance filled in.
///
/// # Errors
/// QEMU's own words where QEMU refuses; a guest that hangs, crashes or reports an error.
pub fn run_guest(spec: &GuestSpec) -> Result<Dump> {
    let mut arguments = arguments(spec);
    let on_serial_port = arguments.clone();
    arguments.extend(["-chardev".to_string(), format!("ringbuf,id={DUMP},size={RING_BYTES}")]);
    arguments.extend(["-device".to_string(), format!("{DEBUG_CONSOLE},iobase=0xe9,chardev={DUMP}")]);
    arguments.extend(["-append", "debugcon"].map(String::from));
    let (mut told, mut status, mut stderr) = run_qemu(spec, &arguments, DUMP)?;
    // QEMU can be built without that device.
    if told.is_err() && stderr.contains(DEBUG_CONSOLE) {
        arguments = on_serial_port;
        (told, status, stderr) = run_qemu(spec, &arguments, CONSOLE)?;
    }
    let told = told.map_err(|error| gone(&error, status, &stderr, spec))?;
    let mut dump = told.dump(spec).map_err(|error| match warnings::errors(&stderr) {
        words if words.is_empty() => error,
        words => anyhow!("{error:#}; QEMU says: {words}"),
    })?;
    stamp(&mut dump, spec, arguments, told.version, told.machine, &stderr);
    note_contradiction(&mut dump, spec, &told.words);
    Ok(dump)
}

/// Runs QEMU to its end: what it tells, with the dump in the ring buffer `dump`; how it ended, and what it wrote to standard
/// error.
fn run_qemu(
    spec: &GuestSpec,
    arguments: &[String],
    dump: &str,
) -> Result<(Result<Told, QmpError>, ExitStatus, String)> {
    let mut qemu = Qemu::start(&spec.qemu, arguments, None)?;
    let told = qemu.converse(Instant::now() + spec.timeout, dump);
    let (status, stderr) = qemu.end_after(told.as_ref().err())?;
    Ok((told, status, stderr))
}

/// Fills in `boot` and `hypervisor` of the provenance.
pub fn stamp(
    dump: &mut Dump,
    spec: &GuestSpec,
    arguments: Vec<String>,
    version: String,
    machine: Machine,
    stderr: &str,
) {
    let mut command = vec![spec.qemu.display().to_string()];
    command.extend(arguments);
    dump.provenance.boot = Some(Boot {
        qemu: version,
        accel: spec.accel.word().to_string(),
        machine: machine.name,
        compat: machine.compat,
        cpu: spec.cpu.clone(),
        command,
        warnings: warnings::parse(stderr),
    });
    dump.note_hypervisors();
}

/// Says, here and in the dump, where the guest under KVM did not read what QEMU gave to it.
pub fn note_contradiction(dump: &mut Dump, spec: &GuestSpec, words: &Result<Value, QmpError>) {
    if spec.accel != Accel::Kvm {
        return;
    }
    let note = match words {
        Ok(words) => dump.vcpus.first().and_then(|vcpu| words::contradiction(vcpu, words)).map(|places| {
            format!(
                "the guest did not read what QEMU defined: {places}. This KVM does not apply CPU definitions as they are \
                 given, so this dump says nothing of another host"
            )
        }),
        Err(error) => Some(format!("QEMU does not tell its feature words ({error}): what the guest read is unchecked")),
    };
    let Some(note) = note.map(line) else { return };
    say(format_args!("note: -cpu {}: {note}", line(&spec.cpu)));
    if let Some(boot) = &mut dump.provenance.boot {
        boot.warnings.push(BootWarning { text: note, feature: None });
    }
}

/// Words with which QEMU ends, and what helps.
struct Advice {
    /// With this accelerator; with any, where there is none.
    accel: Option<Accel>,
    words: &'static [&'static str],
    advice: &'static str,
}

const ADVICE: &[Advice] = &[
    // QEMU accel/accel-softmmu.c, accel/kvm/kvm-all.c.
    Advice {
        accel: Some(Accel::Kvm),
        words: &["failed to initialize kvm", "Could not access KVM", "invalid accelerator"],
        advice: "Without KVM there is no fallback: `--accel tcg` shows what QEMU's emulation gives, not what this host \
                 gives",
    },
    // QEMU 10.0 to 11.1 target/i386/cpu.c: leaf 0x1F, which a CPU with dies has, asserts a small subleaf. SeaBIOS reads
    // leaves above the maximum, which emulation answers from the last leaf, with any subleaf.
    Advice {
        accel: Some(Accel::Tcg),
        words: &["encode_topo_cpuid1f: Assertion"],
        advice: "This QEMU's emulation aborts when SeaBIOS starts on such a CPU with several dies, before any guest runs. \
                 With qboot as firmware it does not: install qboot.rom (Debian: qemu-system-data), which pc and q35 take \
                 where it is installed",
    },
    // QEMU target/i386/kvm/kvm.c (`kvm_buf_set_msrs`).
    Advice {
        accel: Some(Accel::Kvm),
        words: &["failed to set MSR 0x10a"],
        advice: "KVM on this host refuses MSR 0x10a (IA32_ARCH_CAPABILITIES): take it from the guest, `<feature \
                 policy='disable' name='arch-capabilities'/>` in <cpu>, or `arch-capabilities=off` in --cpu",
    },
    Advice {
        accel: None,
        words: &["unable to find CPU model"],
        advice: "This QEMU has no such model: `-cpu help` of it lists those that it has. A model newer than the QEMU needs \
                 another QEMU (--qemu)",
    },
    Advice {
        accel: None,
        words: &["unsupported machine type"],
        advice: "This QEMU has no such machine type: `-machine help` of it lists those that it has; --machine takes one",
    },
    Advice {
        accel: None,
        words: &["can't apply global", "-x86_64-cpu."],
        advice: "This QEMU does not know the property, or not that value: take it out of the definition, or name another \
                 QEMU (--qemu)",
    },
    Advice {
        accel: None,
        words: &["doesn't support requested features"],
        advice: "The definition has `enforce`, and this is missing; without `enforce` the guest starts and does without",
    },
];

/// Why QEMU did not see a guest to its end.
pub fn gone(error: &QmpError, status: ExitStatus, stderr: &str, spec: &GuestSpec) -> Error {
    let what = match error {
        QmpError::Timeout => format!("QEMU does not answer within {} s", spec.timeout.as_secs()),
        QmpError::Closed => format!("QEMU ended early ({status})"),
        other => format!("QEMU: {}", line(other)),
    };
    // The line that matters first; the hundred warnings after it as a count.
    let words = match warnings::errors(stderr) {
        words if words.is_empty() => warnings::lines(stderr),
        words => words + &warnings::count(stderr),
    };
    let fits = |a: &&Advice| a.accel.is_none_or(|accel| accel == spec.accel);
    let advice = ADVICE.iter().filter(fits).find(|a| a.words.iter().any(|words| stderr.contains(words)));
    match (words.as_str(), advice) {
        ("", _) => anyhow!(what),
        (_, None) => anyhow!("{what}: {words}"),
        (_, Some(Advice { advice, .. })) => anyhow!("{what}: {words}\n{advice}"),
    }
}

/// QEMU's command line: the least machine that can run the image.
pub fn arguments(spec: &GuestSpec) -> Vec<String> {
    let mut arguments: Vec<String> = [
        ["-accel", spec.accel.word()],
        ["-machine", &spec.machine],
        ["-cpu", &spec.cpu],
        ["-m", MEMORY],
        ["-kernel", "/proc/self/fd/0"],
        ["-chardev", &format!("ringbuf,id={CONSOLE},size={RING_BYTES}")],
        ["-serial", &format!("chardev:{CONSOLE}")],
        ["-chardev", "socket,id=qmp,fd=1"],
        ["-qmp", "chardev:qmp"],
        ["-display", "none"],
    ]
    .as_flattened()
    .iter()
    .map(ToString::to_string)
    .collect();
    // The console is read once the guest has switched itself off.
    arguments.extend(["-nodefaults", "-no-user-config", "-no-reboot", "-no-shutdown"].map(String::from));
    if let Some(smp) = &spec.smp {
        arguments.extend(["-smp".to_string(), smp.clone()]);
    }
    if let Some(firmware) = quick_firmware(spec) {
        arguments.extend(["-bios".to_string(), firmware.display().to_string()]);
    }
    arguments.extend(spec.extra_args.iter().cloned());
    arguments
}

/// qboot, for the machines it knows: it starts a kernel in a blink. CPUID is the same under it.
fn quick_firmware(spec: &GuestSpec) -> Option<PathBuf> {
    let machine = spec.machine.split(',').next()?;
    let known = ["pc", "q35"].contains(&machine) || ["pc-i440fx-", "pc-q35-"].iter().any(|m| machine.starts_with(m));
    if !known || spec.extra_args.iter().any(|argument| argument == "-bios") {
        return None;
    }
    let beside = spec.qemu.parent().and_then(Path::parent).map(|prefix| prefix.join("share/qemu"));
    let usual = ["/usr/share/qemu", "/usr/share/qemu-kvm", "/usr/share/qboot"].map(PathBuf::from);
    beside.into_iter().chain(usual).map(|directory| directory.join("qboot.rom")).find(|rom| rom.is_file())
}

/// What QEMU tells of a guest that has run.
struct Told {
    version: String,
    machine: Machine,
    /// QEMU's word: `shutdown` when the guest has switched itself off.
    state: String,
    /// QEMU's word for why: `guest-shutdown`, `guest-reset`. Empty where QEMU ended before it could say.
    reason: String,
    /// What the guest wrote to its serial port, and where its dump goes.
    console: String,
    words: Result<Value, QmpError>,
    dump: String,
}

impl Told {
    /// The dump on the console.
    fn dump(&self, spec: &GuestSpec) -> Result<Dump> {
        if let Some(words) = guest_error(&self.console) {
            bail!("the guest says: {}", line(words));
        }
        match self.state.as_str() {
            "shutdown" => read_frame(&self.dump).with_context(|| format!("the guest's dump ({})", self.reason)),
            "running" => bail!("the guest did not finish within {} s{}", spec.timeout.as_secs(), self.progress()),
            state => bail!("the guest was stopped before it finished (`{}`){}", line(state), self.progress()),
        }
    }

    fn progress(&self) -> &'static str {
        match (self.console.is_empty() && self.dump.is_empty(), has_frame(&self.dump)) {
            (true, _) => "; it wrote nothing",
            (_, true) => "; its dump is cut off",
            _ => "; it wrote no dump",
        }
    }
}

/// The machine type.
pub struct Machine {
    /// As QEMU resolved it.
    name: String,
    /// What it sets on CPUs, where QEMU tells.
    compat: Option<Vec<Compat>>,
}

impl Qmp {
    /// The machine type.
    pub fn machine(&mut self) -> Result<Machine, QmpError> {
        let name = self.execute("qom-get", json!({ "path": "/machine", "property": "type" }))?;
        let name = name.as_str().unwrap_or_default().trim_end_matches("-machine").to_string();
        let compat = match self.execute("query-machines", json!({ "compat-props": true })) {
            Ok(machines) => compat(&machines, &name),
            // QEMU tells since 9.1.
            Err(QmpError::Refused(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(Machine { name, compat })
    }

    /// What the guest has written to its serial port since this was asked last.
    pub fn console(&mut self) -> Result<String, QmpError> {
        self.ring(CONSOLE)
    }

    fn ring(&mut self, name: &str) -> Result<String, QmpError> {
        let arguments = json!({ "device": name, "size": RING_BYTES });
        let text = self.execute_at_most("ringbuf-read", arguments, ANSWER_BYTES)?;
        Ok(text.as_str().unwrap_or_default().to_string())
    }
}

/// What a machine type sets on x86 CPUs, of the answer to `query-machines`.
///
/// # Source
/// QEMU 9.1 qapi/machine.json (`CompatProperty`).
fn compat(machines: &Value, name: &str) -> Option<Vec<Compat>> {
    let machine = machines.as_array()?.iter().find(|machine| machine["name"] == name)?;
    let property = |set: &Value| {
        let text = |key: &str| set[key].as_str().map(ToString::to_string);
        let cpu = text("qom-type").filter(|cpu| ["x86_64-cpu", "i386-cpu"].iter().any(|x86| cpu.ends_with(x86)))?;
        Some(Compat { cpu, property: text("property")?, value: text("value")? })
    };
    Some(machine["compat-props"].as_array()?.iter().filter_map(property).collect())
}

/// A running QEMU, under its guard. Both end when this is dropped.
pub struct Qemu {
    child: Child,
    qmp: Option<UnixStream>,
    /// Another handle of the same connection.
    quit: UnixStream,
    stderr: Stderr,
}

impl Qemu {
    /// Starts it.
    ///
    /// `socket` is a file that QEMU makes, and that is to go with it.
    pub fn start(qemu: &Path, arguments: &[String], socket: Option<&Path>) -> Result<Self> {
        let (ours, theirs) = UnixStream::pair().context("cannot make a socket for QEMU")?;
        let quit = ours.try_clone().context("cannot make a socket for QEMU")?;
        let (stderr, to_stderr) = Stderr::new()?;
        let mut command = guarded(qemu, arguments, socket);
        command.env("LC_ALL", "C").stdin(image::open()?).stdout(OwnedFd::from(theirs)).stderr(to_stderr);
        let child = command.spawn().context("/proc/self/exe: cannot start it")?;
        Ok(Self { child, qmp: Some(ours), quit, stderr })
    }

    /// The connection to it, once.
    pub fn connect(&mut self, deadline: Instant) -> Result<Qmp, QmpError> {
        Qmp::connect(self.qmp.take().ok_or(QmpError::Closed)?, deadline)
    }

    /// Lets the guest run to its end and asks for everything worth knowing. `dump` is the ring buffer with its dump.
    fn converse(&mut self, deadline: Instant, dump: &str) -> Result<Told, QmpError> {
        let mut qmp = self.connect(deadline)?;
        let machine = qmp.machine()?;
        let words = qmp.feature_words();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        // An event that came before the connection was ready is lost, so the state is asked for first.
        let mut state = qmp.execute("query-status", json!({}))?;
        let mut reason = String::new();
        while state["running"] == true {
            match qmp.event() {
                Ok(event) if event["event"] == "SHUTDOWN" => reason = text(&event["data"]["reason"]),
                Ok(event) if event["event"] == "STOP" => {}
                Ok(_) => continue,
                // What the guest has written so far may say why it hangs.
                Err(QmpError::Timeout) => {
                    qmp.renew(Instant::now() + LAST_WORDS);
                    break;
                }
                Err(error) => return Err(error),
            }
            state = qmp.execute("query-status", json!({}))?;
        }
        let console = qmp.console()?;
        let dump = if dump == CONSOLE { console.clone() } else { qmp.ring(dump)? };
        Ok(Told { version: qmp.version(), machine, state: text(&state["status"]), reason, console, dump, words })
    }

    /// Ends QEMU after what its connection came to; returns how it ended and what it wrote to standard error. A QEMU that
    /// has closed its connection is about to end by itself, with a status worth knowing.
    pub fn end_after(mut self, error: Option<&QmpError>) -> Result<(ExitStatus, String)> {
        let grace = if matches!(error, Some(QmpError::Closed)) { LAST_WORDS } else { Duration::ZERO };
        let deadline = Instant::now() + grace;
        while Instant::now() < deadline && self.child.try_wait().context("cannot wait for QEMU")?.is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        let status = self.stop().context("cannot wait for QEMU")?;
        Ok((status, self.stderr.text()))
    }

    /// Ends it now.
    fn stop(&mut self) -> io::Result<ExitStatus> {
        // A QEMU that was started by another user's right cannot be killed, but asked.
        let _ = self.quit.set_nonblocking(true).and_then(|()| self.quit.write_all(b"{\"execute\":\"quit\"}\n"));
        if let Ok(None) = self.child.try_wait() {
            guard::end(Pid::from_child(&self.child));
        }
        self.child.wait()
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}
