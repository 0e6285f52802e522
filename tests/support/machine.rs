//! A QEMU process under a test's control, and live migration between two of them.
//!
//! Nothing has a name: QMP, the migration stream and the files to boot are sockets and memory that QEMU inherits, the
//! guest's serial port is a ring buffer inside QEMU. The kernel kills QEMU when the thread that started it ends, so
//! nothing is left behind even if a test is interrupted.
#![allow(dead_code)]

use std::fs::File;
use std::io::{IoSlice, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::{Value, json};

use crate::support::guest::Guest;
use crate::support::tidy;
use qmp::Qmp;

#[path = "../../probe/src/boot/qmp.rs"]
#[allow(missing_debug_implementations)]
pub mod qmp;

/// No test runs longer.
const LIFETIME: Duration = Duration::from_secs(300);
/// The QEMU that is tested with.
const QEMU: &str = "qemu-system-x86_64";
const FIRMWARE: &str = "/usr/share/qemu/qboot.rom";
/// What the serial port may write between two looks at it.
const SERIAL_BYTES: u32 = 1 << 20;

/// A machine to be: everything but its CPU, which is what differs between the two ends of a migration.
#[derive(Clone)]
pub struct Definition {
    arguments: Vec<String>,
    /// An option that takes a file, and the file's content.
    file: (&'static str, Vec<u8>),
}

impl Definition {
    /// The boot image, with words for its command line.
    pub fn image(image: &[u8], words: &str) -> Self {
        let mut arguments = vec!["-accel", "tcg", "-machine", "pc", "-m", "64", "-nodefaults", "-display", "none"];
        if Path::new(FIRMWARE).exists() {
            arguments.extend(["-bios", FIRMWARE]);
        }
        arguments.extend(["-no-reboot", "-append", words]);
        Self { arguments: arguments.iter().map(ToString::to_string).collect(), file: ("-kernel", image.to_vec()) }
    }

    /// A Linux guest.
    pub fn linux(guest: &Guest) -> Self {
        Self { arguments: guest.arguments(), file: ("-initrd", guest.initramfs()) }
    }

    /// The same with another machine type.
    pub fn machine(mut self, name: &str) -> Self {
        let at = self.arguments.iter().position(|a| a == "-machine").unwrap();
        self.arguments[at + 1] = name.to_string();
        self
    }
}

/// One end of a migration: QEMU's `-cpu` and `-smp` arguments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cpu {
    pub model: String,
    pub smp: String,
}

impl Cpu {
    pub fn new(model: &str, smp: &str) -> Self {
        Self { model: model.to_string(), smp: smp.to_string() }
    }
}

/// A running QEMU.
pub struct Machine {
    child: Child,
    qmp: Qmp,
    stderr: File,
    console: String,
    /// A second handle to the QMP connection, to send descriptors over.
    socket: UnixStream,
}

/// How a migration failed: what both QEMUs say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub source: String,
    pub destination: String,
}

impl Machine {
    /// Starts a machine whose guest runs from its beginning.
    pub fn start(definition: &Definition, cpu: &Cpu) -> Self {
        Self::with(definition, cpu, None).unwrap_or_else(|words| panic!("{cpu:?}: {words}"))
    }

    /// Starts QEMU; `incoming` is the stream its guest comes from. QEMU's words where it does not start.
    fn with(definition: &Definition, cpu: &Cpu, incoming: Option<OwnedFd>) -> Result<Self, String> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let socket = ours.try_clone().unwrap();
        let stderr = memory(&[]);
        let mut command = Command::new(QEMU);
        command.args(&definition.arguments).args(["-cpu", &cpu.model, "-smp", &cpu.smp]);
        command.args(["-chardev", &format!("ringbuf,id=console,size={SERIAL_BYTES}"), "-serial", "chardev:console"]);
        // A guest that has switched itself off is still looked at.
        command.arg("-no-shutdown").args(["-chardev", "socket,id=qmp,fd=0", "-qmp", "chardev:qmp"]);
        command.stdin(OwnedFd::from(theirs)).stdout(stderr.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
        let (option, content_of_file) = &definition.file;
        let file = memory(content_of_file);
        command.args([*option, &format!("/proc/self/fd/{}", file.as_raw_fd())]);
        let mut inherited = vec![file.as_raw_fd()];
        if let Some(stream) = &incoming {
            inherited.push(stream.as_raw_fd());
            command.args(["-incoming", &format!("fd:{}", stream.as_raw_fd())]);
        }
        inherit(&mut command, inherited);
        let child =
            tidy::bind(&mut command).spawn().unwrap_or_else(|e| panic!("{QEMU}: {e}; scripts/test installs it"));
        // The command holds our copies of what QEMU has inherited.
        drop(command);
        match Qmp::connect(ours, Instant::now() + LIFETIME) {
            Ok(qmp) => Ok(Self { child, qmp, stderr, console: String::new(), socket }),
            Err(_) => {
                let mut child = child;
                let _ = child.kill();
                let _ = child.wait();
                Err(content(&stderr))
            }
        }
    }

    /// Runs a QMP command.
    pub fn ask(&mut self, command: &str, arguments: Value) -> Result<Value, String> {
        self.qmp.execute(command, arguments).map_err(|e| e.to_string())
    }

    /// Everything the guest has written to its serial port on this machine.
    pub fn console(&mut self) -> &str {
        let arguments = json!({ "device": "console", "size": SERIAL_BYTES });
        let text = self.ask("ringbuf-read", arguments).unwrap_or_else(|e| panic!("{e}: {}", self.words()));
        self.console.push_str(&text.as_str().unwrap_or_default().replace('\r', ""));
        &self.console
    }

    /// Waits until `found` finds what it looks for on the console.
    pub fn wait_for<T>(&mut self, what: &str, found: impl Fn(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + LIFETIME;
        loop {
            if let Some(found) = found(self.console()) {
                return found;
            }
            assert!(
                Instant::now() < deadline,
                "no {what} within {} s; QEMU says:\n{}\nconsole:\n{}",
                LIFETIME.as_secs(),
                self.words(),
                self.console
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What QEMU has written to its standard error.
    pub fn words(&self) -> String {
        content(&self.stderr)
    }

    /// QEMU's word for its state: `running`, `postmigrate`…
    pub fn state(&mut self) -> String {
        let status = self.ask("query-status", json!({})).unwrap_or_default();
        status["status"].as_str().unwrap_or_default().to_string()
    }

    /// Sends a descriptor for `getfd`, with a space that QMP ignores.
    fn send(&self, descriptor: &UnixStream) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut message = SendAncillaryBuffer::new(&mut space);
        let descriptors = [descriptor.as_fd()];
        assert!(message.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(&self.socket, &[IoSlice::new(b" ")], &mut message, SendFlags::empty()).unwrap();
    }

    /// Moves the guest to a new machine with another CPU, live. The source stays, with the guest stopped; if it failed,
    /// the guest goes on running here.
    pub fn migrate(&mut self, definition: &Definition, cpu: &Cpu) -> Result<Self, Refusal> {
        let (there, here) = UnixStream::pair().unwrap();
        let mut destination = Self::with(definition, cpu, Some(there.into()))
            .map_err(|words| Refusal { source: String::new(), destination: words })?;
        // Without it the source takes for completed what the destination has refused.
        let return_path = json!({ "capabilities": [{ "capability": "return-path", "state": true }] });
        for machine in [&mut *self, &mut destination] {
            machine.ask("migrate-set-capabilities", return_path.clone()).unwrap();
        }
        self.send(&here);
        self.ask("getfd", json!({ "fdname": "stream" })).unwrap();
        self.ask("migrate", json!({ "uri": "fd:stream" })).unwrap();
        loop {
            let migration = self.ask("query-migrate", json!({})).unwrap();
            match migration["status"].as_str().unwrap_or_default() {
                "completed" => break,
                "failed" | "cancelled" => {
                    let words = migration["error-desc"].as_str().unwrap_or_default().to_string();
                    let _ = destination.child.wait();
                    return Err(Refusal { source: words + &self.words(), destination: destination.words() });
                }
                _ => thread::sleep(Duration::from_millis(1)),
            }
        }
        while destination.state() == "inmigrate" {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(destination)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A nameless file with this content.
fn memory(content: &[u8]) -> File {
    let mut file = File::from(memfd_create("test", MemfdFlags::CLOEXEC).unwrap());
    file.write_all(content).and_then(|()| file.rewind()).unwrap();
    file
}

fn content(file: &File) -> String {
    let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
    // Reading at a place leaves the position alone, which QEMU shares.
    file.read_exact_at(&mut bytes, 0).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Lets the child have these descriptors.
#[allow(unsafe_code)]
fn inherit(command: &mut Command, descriptors: Vec<RawFd>) {
    let in_child = move || {
        for fd in &descriptors {
            // SAFETY: they stay open until the child has been started.
            let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(*fd) };
            fcntl_setfd(fd, FdFlags::empty())?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made.
    unsafe { command.pre_exec(in_child) };
}
