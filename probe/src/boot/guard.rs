//! The guard of one QEMU: this program once more, as a process between the probe and what it starts.
//!
//! `--qemu` may be a wrapper that runs the real QEMU as a child of its own, or leaves others behind. The kernel tells a
//! child of its parent's death, but not a child's child. So the guard is the one who is told, adopts whatever loses its
//! parent below it, and ends only when all of it has ended; with it goes the socket of `--qmp`.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use libc::{SIGCHLD, SIGTERM};
use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Pid, Signal, WaitOptions, WaitStatus, getpid, getppid, kill_process, kill_process_group,
    set_child_subreaper, set_dumpable_behavior, set_parent_process_death_signal, wait,
};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

use crate::say::{line, say};
use crate::stop::Stop;

/// What the guard is called: by this name it knows that it is one.
const NAME: &str = "cpuid-probe-guard";
/// How long what was killed may take to be gone. What another user owns (a wrapper with sudo) cannot be killed.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often it is looked for.
const PERIOD: Duration = Duration::from_millis(10);
/// A guard that could not start QEMU, as in a shell.
const NOT_STARTED: u8 = 127;

/// A command that runs `program` under a guard; `socket` is the file to be removed at the end.
pub fn guarded(program: &Path, arguments: &[String], socket: Option<&Path>) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0(NAME).arg(socket.unwrap_or(Path::new(""))).arg(program).args(arguments);
    // Ctrl-C at a terminal is for the probe: QEMU is asked for its last words then.
    command.process_group(0);
    end_with_us(&mut command, Signal::TERM);
    command
}

/// Ends a guard, and what it guards. How it ended is for who waits for it.
pub fn end(guard: Pid) {
    let _ = kill_process(guard, Signal::TERM);
}

/// Runs as a guard, if that is what this process was started as.
pub fn run() -> Option<ExitCode> {
    let mut words = env::args_os();
    if words.next()? != NAME {
        return None;
    }
    let (socket, program) = (PathBuf::from(words.next()?), words.next()?);
    let arguments: Vec<OsString> = words.collect();
    let ended = Guard::start(&program, &arguments).map(Guard::watch);
    // Not what else may have come to have that name.
    if fs::symlink_metadata(&socket).is_ok_and(|file| file.file_type().is_socket()) {
        let _ = fs::remove_file(&socket);
    }
    Some(match ended {
        Ok(status) => mirror(status),
        Err(error) => {
            say(format_args!("{error:#}"));
            ExitCode::from(NOT_STARTED)
        }
    })
}

struct Guard {
    stop: Stop,
    /// What was started, until it has ended, and how it did.
    main: Pid,
    status: Option<WaitStatus>,
}

impl Guard {
    fn start(program: &OsString, arguments: &[OsString]) -> Result<Self> {
        let stop = Stop::of(&[SIGTERM, SIGCHLD]);
        set_child_subreaper(Some(getpid())).context("cannot adopt processes")?;
        let mut command = Command::new(program);
        command.args(arguments).process_group(0);
        // Should somebody kill the guard.
        end_with_us(&mut command, Signal::KILL);
        let shown = || format!("{}: cannot start it", line(Path::new(program).display()));
        let child = command.spawn().with_context(shown)?;
        let main = Pid::from_child(&child);
        // QEMU alone holds them now, so that its end is seen at the other end.
        let null = File::options().read(true).write(true).open("/dev/null").context("/dev/null")?;
        dup2_stdin(&null).and_then(|()| dup2_stdout(&null)).and_then(|()| dup2_stderr(&null))?;
        Ok(Self { stop, main, status: None })
    }

    /// Waits until nothing is left, or until it is told to end it. How QEMU ended.
    fn watch(mut self) -> Option<WaitStatus> {
        while self.reap() {
            if self.stop.signal_within(Duration::MAX) == Some(SIGTERM) {
                self.kill_all();
                break;
            }
        }
        self.status
    }

    /// Takes note of what has ended. `false` once nothing is left.
    fn reap(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.main => self.status = Some(status),
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    /// Kills until nothing is left: what loses its parent by it becomes a child of this process.
    fn kill_all(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.status.is_none() {
                let _ = kill_process_group(self.main, Signal::KILL);
            }
            for child in children() {
                let _ = kill_process(child, Signal::KILL);
            }
            if !self.reap() || Instant::now() >= deadline {
                return;
            }
            self.stop.signal_within(PERIOD);
        }
    }
}

/// The children of this process, which has one thread.
///
/// # Source
/// Linux Documentation/filesystems/proc.rst, 3.7 /proc/<pid>/task/<tid>/children.
fn children() -> Vec<Pid> {
    let list = fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
    list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

/// Ends as `status` says that QEMU did.
fn mirror(status: Option<WaitStatus>) -> ExitCode {
    let Some(status) = status else { return ExitCode::from(NOT_STARTED) };
    if let Some(signal) = status.terminating_signal().and_then(Signal::from_named_raw) {
        // The core worth having is QEMU's own.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        let _ = kill_process(getpid(), signal);
    }
    let code = status.exit_status().or_else(|| Some(128 + status.terminating_signal()?));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(NOT_STARTED))
}

/// Has the kernel send `signal` to the child when this thread ends, however it ends.
#[allow(unsafe_code)]
fn end_with_us(command: &mut Command, signal: Signal) {
    let us = Some(getpid());
    let in_child = move || {
        set_parent_process_death_signal(Some(signal))?;
        // The parent may have gone before that call.
        if getppid() == us { Ok(()) } else { Err(io::Error::from(io::ErrorKind::BrokenPipe)) }
    };
    // SAFETY: between fork and exec only prctl and getppid are called: two system calls, nothing that could be locked
    // by another thread.
    unsafe { command.pre_exec(in_child) };
}
