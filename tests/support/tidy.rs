//! Tests leave nothing behind, however they end: a failure, Ctrl-C, or a kill of the test or of the cargo that runs it.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};

/// Has the kernel kill what `command` starts when the calling thread ends, and this process when its parent does.
#[allow(unsafe_code)]
pub fn bind(command: &mut Command) -> &mut Command {
    let us = Some(getpid());
    let in_child = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have gone before that call.
        if getppid() == us { Ok(()) } else { Err(io::Error::from(ErrorKind::BrokenPipe)) }
    };
    // This thread is there as long as the child is.
    set_parent_process_death_signal(Some(Signal::KILL)).expect("prctl");
    // SAFETY: between fork and exec only system calls are made.
    unsafe { command.pre_exec(in_child) }
}

/// Removes the paths that it reads, once its standard input ends, that is when nobody holds the other end any more.
/// What kills the test does not kill this shell.
const REMOVER: &str = "trap '' HUP INT TERM
while IFS= read -r path; do set -- \"$@\" \"$path\"; done
exec rm -rf -- \"$@\"";

/// Removes `directory` when this process has ended, if it is still there then.
pub fn remove_at_end(directory: &Path) {
    static REMOVES: OnceLock<Mutex<ChildStdin>> = OnceLock::new();
    let remover = || {
        let mut command = Command::new("sh");
        command.args(["-c", REMOVER, "sh"]).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Mutex::new(command.spawn().expect("a shell").stdin.take().expect("a pipe"))
    };
    let mut removes = REMOVES.get_or_init(remover).lock().expect("no panic");
    writeln!(removes, "{}", directory.display()).expect("the shell listens");
}

/// A file with this content that has no name any more.
pub fn nameless(content: &[u8]) -> File {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("nameless-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut file = File::options().read(true).write(true).create_new(true).open(&path).expect("a file");
    fs::remove_file(&path).expect("its name");
    file.write_all(content).and_then(|()| file.rewind()).expect("its content");
    file
}
