//! What a watcher prints.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::time::SystemTime;

use anyhow::{Context, Result};
use cpuid_probe::change::{Named, Sighting};
use serde::Serialize;

use crate::cli::WatchFormat;
use crate::say;
use crate::watch::names;

/// Prints one line a sighting. `false` once standard output is closed.
///
/// # Errors
/// An error of the operating system.
pub fn print(sightings: &[Sighting], at: SystemTime, format: WatchFormat) -> Result<bool> {
    let mut text = String::new();
    for sighting in sightings {
        // Writing to a String cannot fail.
        let _ = match format {
            WatchFormat::Text => writeln!(text, "{} {}", time(at), Named(*sighting, names::name)),
            WatchFormat::Json => writeln!(text, "{}", json(sighting, at)),
        };
    }
    match say::print(&text) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(false),
        other => other.map(|()| true).context("standard output: cannot write"),
    }
}

fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}

/// One JSON object. A place that one side does not have is the word `absent`.
fn json(sighting: &Sighting, at: SystemTime) -> String {
    #[derive(Serialize)]
    struct Line {
        time: String,
        pass: u64,
        vcpu: u32,
        leaf: String,
        subleaf: Option<String>,
        register: &'static str,
        old: String,
        new: String,
    }
    let hex = |value: u32| format!("{value:#010x}");
    let value = |value: Option<u32>| value.map_or_else(|| "absent".to_string(), hex);
    let Sighting { pass, vcpu, change } = *sighting;
    let line = Line {
        time: time(at),
        pass,
        vcpu,
        leaf: hex(change.id.leaf),
        subleaf: change.id.subleaf.map(hex),
        register: change.register.name(),
        old: value(change.old),
        new: value(change.new),
    };
    // None of these types can fail to serialize.
    serde_json::to_string(&line).unwrap_or_default()
}
