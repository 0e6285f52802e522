//! The few QMP commands that a throw-away guest needs. QMP is QEMU's machine protocol.
//!
//! # Source
//! QEMU docs/interop/qmp-spec: one JSON object a line; a greeting first; each command is answered by `return` or
//! `error`, in order, with events in between.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thiserror::Error;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum QmpError {
    /// The deadline has passed.
    #[error("no answer in time")]
    Timeout,
    /// QEMU is gone.
    #[error("QEMU closed the connection")]
    Closed,
    /// QEMU refuses the command, in its words.
    #[error("{0}")]
    Refused(String),
    /// It says more than anybody asked for.
    #[error("it sends more and more where a short answer was due")]
    Flood,
    /// What came is no QMP.
    #[error("expected a QMP message, found `{0}`")]
    Garbled(String),
    /// An error of the operating system.
    #[error(transparent)]
    Io(io::Error),
}

/// No message is longer, but for the answer to [`Qmp::execute_at_most`]; nor are all events that wait.
const MOST_BYTES: usize = 4 << 20;
/// So many events may wait for an answer.
const MOST_EVENTS: usize = 4096;
/// So many bytes of what is no QMP are shown.
const MOST_SHOWN: usize = 1000;

/// A connection to QEMU.
#[derive(Debug)]
pub struct Qmp {
    stream: BufReader<UnixStream>,
    deadline: Instant,
    /// QEMU's greeting.
    greeting: Value,
    /// Events that came before an answer, and how long they were.
    events: Vec<Value>,
    event_bytes: usize,
}

impl Qmp {
    /// Takes QEMU's greeting and leaves its negotiation mode. Nothing waits longer than until `deadline`.
    pub fn connect(stream: UnixStream, deadline: Instant) -> Result<Self, QmpError> {
        let mut qmp = Self {
            stream: BufReader::new(stream),
            deadline,
            greeting: Value::Null,
            events: Vec::new(),
            event_bytes: 0,
        };
        qmp.greeting = qmp.message(MOST_BYTES)?.0;
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// From here on nothing waits longer than until `deadline`. Events that came so far are forgotten.
    pub fn renew(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.events.clear();
        self.event_bytes = 0;
    }

    /// QEMU's version, as `-version` prints it after "QEMU emulator version".
    pub fn version(&self) -> String {
        let version = &self.greeting["QMP"]["version"];
        let part = |name: &str| version["qemu"][name].to_string();
        let number = format!("{}.{}.{}", part("major"), part("minor"), part("micro"));
        match version["package"].as_str() {
            None | Some("") => number,
            Some(package) => format!("{number} ({package})"),
        }
    }

    /// Runs a command and returns its answer.
    pub fn execute(&mut self, command: &str, arguments: Value) -> Result<Value, QmpError> {
        self.execute_at_most(command, arguments, MOST_BYTES)
    }

    /// The same for a command whose answer may have as many bytes as `most`.
    pub fn execute_at_most(&mut self, command: &str, arguments: Value, most: usize) -> Result<Value, QmpError> {
        let line = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.stream.get_ref().set_write_timeout(Some(self.left()?)).map_err(QmpError::Io)?;
        self.stream.get_mut().write_all(line.as_bytes()).map_err(gone)?;
        loop {
            let (mut message, bytes) = self.message(most)?;
            if let Some(error) = message.get("error") {
                return Err(QmpError::Refused(error["desc"].as_str().unwrap_or_default().to_string()));
            }
            match message.get_mut("return") {
                Some(answer) => return Ok(answer.take()),
                None => {
                    self.events.push(message);
                    self.event_bytes += bytes;
                    if self.event_bytes > MOST_BYTES || self.events.len() > MOST_EVENTS {
                        return Err(QmpError::Flood);
                    }
                }
            }
        }
    }

    /// The next event.
    pub fn event(&mut self) -> Result<Value, QmpError> {
        if self.events.is_empty() { Ok(self.message(MOST_BYTES)?.0) } else { Ok(self.events.remove(0)) }
    }

    /// The next message of at most so many bytes, and how many it has. A QEMU that never stops writing is no reason to
    /// read beyond the deadline.
    fn message(&mut self, most: usize) -> Result<(Value, usize), QmpError> {
        let mut line = Vec::new();
        loop {
            let left = self.left()?;
            self.stream.get_ref().set_read_timeout(Some(left)).map_err(QmpError::Io)?;
            let read = match self.stream.fill_buf() {
                Ok([]) => return Err(QmpError::Closed),
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(gone(e)),
            };
            let end = read.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let taken = end.unwrap_or(read.len());
            line.extend_from_slice(&read[..taken]);
            self.stream.consume(taken);
            if line.len() > most {
                return Err(QmpError::Flood);
            }
            if end.is_some() {
                break;
            }
        }
        let garbled = |_| {
            let text = String::from_utf8_lossy(&line[..line.len().min(MOST_SHOWN)]).trim_end().to_string();
            QmpError::Garbled(text)
        };
        let message = serde_json::from_slice(&line).map_err(garbled)?;
        Ok((message, line.len()))
    }

    /// The time that is left.
    fn left(&self) -> Result<Duration, QmpError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(QmpError::Timeout) } else { Ok(left) }
    }
}

fn gone(error: io::Error) -> QmpError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => QmpError::Timeout,
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => QmpError::Closed,
        _ => QmpError::Io(error),
    }
}
