//! What is said on standard error, and how standard output ends.
//!
//! Nothing here panics: a message that nobody can read is remembered, and the command then does not end as if all were
//! well.

#![allow(unsafe_code)]

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use cpuid_probe::printable::{MOST, printable};

/// Whether something could not be said.
static UNHEARD: AtomicBool = AtomicBool::new(false);

/// Which of the standard output and the standard error were closed when this process started. Rust's runtime puts
/// /dev/null in their place before `main`, and writing then seems to work.
static CLOSED: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];

// SAFETY: the C library calls what stands in this section once, before `main`, with three arguments, which a function
// without parameters leaves alone.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = note_closed;

extern "C" fn note_closed() {
    for (closed, fd) in CLOSED.iter().zip(1..) {
        // SAFETY: asks for the flags of a descriptor, and touches nothing.
        closed.store(unsafe { libc::fcntl(fd, libc::F_GETFD) } == -1, Ordering::Relaxed);
    }
}

/// Says `words` on standard error, as [`message`] has them.
pub fn say(words: impl Display) {
    write(&message(words));
}

/// `words` after the program's name. Line breaks are kept, with the lines that follow set in, so that none of them looks
/// like a message of its own; other characters that cannot be seen are made visible.
pub fn message(words: impl Display) -> String {
    format!("cpuid-probe: {}\n", visible(&words.to_string()).replace('\n', "\n  "))
}

/// `text` with its line breaks kept, and other characters that cannot be seen made visible.
pub fn visible(text: &str) -> String {
    text.split('\n').map(|line| printable(line, usize::MAX)).collect::<Vec<_>>().join("\n")
}

/// Writes `text` to standard error as it is, at once.
pub fn write(text: &str) {
    let written = if CLOSED[1].load(Ordering::Relaxed) {
        Err(ErrorKind::BrokenPipe.into())
    } else {
        io::stderr().lock().write_all(text.as_bytes())
    };
    if written.is_err() {
        UNHEARD.store(true, Ordering::Relaxed);
    }
}

/// Whether there was no standard output when this process started.
pub fn stdout_is_closed() -> bool {
    CLOSED[0].load(Ordering::Relaxed)
}

/// Writes `text` to standard output.
///
/// # Errors
/// What the system says; also that standard output was closed from the start.
pub fn print(text: &str) -> io::Result<()> {
    if stdout_is_closed() {
        return Err(io::Error::other("it is closed"));
    }
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// Closes again what was closed when this process started, for the program that is to take its place.
pub fn close_again() {
    for (_, fd) in CLOSED.iter().zip(1..).filter(|(closed, _)| closed.load(Ordering::Relaxed)) {
        // SAFETY: Rust's runtime opened it for nobody; what is written to it later fails, which is what it should.
        unsafe { libc::close(fd) };
    }
}

/// The exit code to end with: what could not be said is trouble.
pub fn last_word(code: ExitCode) -> ExitCode {
    let unheard = UNHEARD.load(Ordering::Relaxed);
    if unheard && code == ExitCode::SUCCESS { ExitCode::from(2) } else { code }
}

/// Text from elsewhere (a name, a file, a child process) as part of a message: on one line, and not too long.
pub fn line(text: impl Display) -> String {
    printable(&text.to_string(), MOST)
}
