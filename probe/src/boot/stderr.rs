//! What QEMU writes to its standard error: all of it is read, so that QEMU never waits, and the first part is kept.

use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};

/// So many bytes are kept: a QEMU with a thousand vCPUs repeats each of its warnings for every one.
const KEPT: usize = 8 << 20;
/// So many are read at a time, at most: more than a pipe holds.
const AT_A_TIME: usize = 1 << 20;

/// The reading end of a standard error.
#[derive(Clone, Debug)]
pub struct Stderr(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pipe: PipeReader,
    text: Mutex<Text>,
}

#[derive(Debug, Default)]
struct Text {
    kept: Vec<u8>,
    lost: usize,
}

impl Stderr {
    /// A pipe that is read from now on, and the end to write to.
    pub fn new() -> Result<(Self, PipeWriter)> {
        let (pipe, theirs) = io::pipe().context("cannot make a pipe for QEMU")?;
        fcntl_setfl(&pipe, OFlags::NONBLOCK).context("cannot make a pipe for QEMU")?;
        let ours = Self(Arc::new(Shared { pipe, text: Mutex::default() }));
        let reader = ours.clone();
        let read = move || {
            let pipe = &reader.0.pipe;
            while poll(&mut [PollFd::new(pipe, PollFlags::IN)], None).is_ok() && !reader.read() {}
        };
        thread::Builder::new().spawn(read).context("cannot start a thread")?;
        Ok((ours, theirs))
    }

    /// Reads what is there. `true` once nobody can write any more.
    fn read(&self) -> bool {
        let mut text = self.0.text.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = [0; 1 << 14];
        for _ in 0..AT_A_TIME / room.len() {
            match (&self.0.pipe).read(&mut room) {
                Ok(0) => return true,
                Ok(n) => {
                    let keep = n.min(KEPT - text.kept.len());
                    text.kept.extend(room.iter().take(keep));
                    text.lost += n - keep;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return e.kind() != ErrorKind::WouldBlock,
            }
        }
        false
    }

    /// What was written so far.
    pub fn text(&self) -> String {
        self.read();
        let text = self.0.text.lock().unwrap_or_else(PoisonError::into_inner);
        let mut words = String::from_utf8_lossy(&text.kept).into_owned();
        if text.lost > 0 {
            words.push_str(&format!("\nwarning: {} more bytes on standard error were left out", text.lost));
        }
        words
    }
}
