//! Annotations of GitHub's workflow runs: commands on standard output, which the runner reads.
//!
//! # Source
//! GitHub's documentation, "Workflow commands for GitHub Actions"; `@actions/core`, `command.ts`, has the escapes.

use std::fmt::Write;

use super::{Case, Gate, Outcome};

/// So many errors of a step GitHub shows.
const SHOWN: usize = 10;

/// So many bytes of a step's summary GitHub takes, and a sentence less.
const SUMMARY: usize = 1024 * 1024 - 100;

/// Markdown that is no longer than GitHub takes.
#[must_use]
pub fn summary(markdown: &str) -> String {
    if markdown.len() <= SUMMARY {
        return markdown.to_string();
    }
    let cut = markdown.floor_char_boundary(SUMMARY);
    let lines = markdown[..cut].rfind('\n').map_or(cut, |at| at + 1);
    format!("{}\nCut here: the whole is longer than GitHub takes.\n", &markdown[..lines])
}

/// An error for each case that did not pass, the last of them for all that GitHub would not show; a notice where all passed.
pub(super) fn render(gate: &Gate) -> String {
    let mut out = String::new();
    let bad: Vec<&Case> = gate.cases.iter().filter(|case| case.outcome != Outcome::Passed).collect();
    if bad.is_empty() {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "::notice title={}::{}",
            property(&format!("cpuid-diff {}", gate.command)),
            data(&gate.answer)
        );
        return out;
    }
    let shown = if bad.len() > SHOWN { SHOWN - 1 } else { bad.len() };
    for case in &bad[..shown] {
        let file = case.file.as_ref().map(|file| format!("file={},", property(file))).unwrap_or_default();
        let title = property(&format!("cpuid-diff {}: {}", gate.command, case.name));
        let _ = writeln!(out, "::error {file}title={title}::{}", data(&case.said.join("\n")));
    }
    if bad.len() > shown {
        let names: Vec<&str> = bad[shown..].iter().map(|case| case.name.as_str()).collect();
        let title = property(&format!("cpuid-diff {}: {} more", gate.command, names.len()));
        let _ = writeln!(out, "::error title={title}::{}", data(&names.join("\n")));
    }
    out
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a command's property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
