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
    /// What came is no QMP.
    #[error("expected a QMP message, found `{0}`")]
    Garbled(String),
    /// An error of the operating system.
    #[error(transparent)]
    Io(io::Error),
}

/// A connection to QEMU.
#[derive(Debug)]
pub struct Qmp {
    stream: BufReader<UnixStream>,
    deadline: Instant,
    /// QEMU's greeting.
    greeting: Value,
    /// Events that came before an answer.
    events: Vec<Value>,
}

impl Qmp {
    /// Takes QEMU's greeting and leaves its negotiation mode. Nothing waits longer than until `deadline`.
    pub fn connect(stream: UnixStream, deadline: Instant) -> Result<Self, QmpError> {
        let mut qmp = Self { stream: BufReader::new(stream), deadline, greeting: Value::Null, events: Vec::new() };
        qmp.greeting = qmp.message()?;
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// From here on nothing waits longer than until `deadline`. Events that came so far are forgotten.
    pub fn renew(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.events.clear();
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
        let line = format!("{}\n", json!({ "execute": command, "arguments": arguments }));
        self.stream.get_mut().write_all(line.as_bytes()).map_err(gone)?;
        loop {
            let mut message = self.message()?;
            if let Some(error) = message.get("error") {
                return Err(QmpError::Refused(error["desc"].as_str().unwrap_or_default().to_string()));
            }
            match message.get_mut("return") {
                Some(answer) => return Ok(answer.take()),
                None => self.events.push(message),
            }
        }
    }

    /// The next event.
    pub fn event(&mut self) -> Result<Value, QmpError> {
        if self.events.is_empty() { self.message() } else { Ok(self.events.remove(0)) }
    }

    fn message(&mut self) -> Result<Value, QmpError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        // Zero would mean no limit.
        let left = left.max(Duration::from_millis(1));
        self.stream.get_ref().set_read_timeout(Some(left)).map_err(QmpError::Io)?;
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => Err(QmpError::Closed),
            Ok(_) => serde_json::from_str(&line).map_err(|_| QmpError::Garbled(line.trim_end().to_string())),
            Err(e) => Err(gone(e)),
        }
    }
}

fn gone(error: io::Error) -> QmpError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => QmpError::Timeout,
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => QmpError::Closed,
        _ => QmpError::Io(error),
    }
}
