//! JUnit's XML, as the Jenkins plugin's `junit-10.xsd` and others take it.

use std::fmt::Write;

use super::{Gate, Outcome};
use crate::render::html::escape;

/// `<testsuite>`: no answer is an `<error>`.
pub(super) fn render(gate: &Gate) -> String {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"cpuid-diff {}\" tests=\"{}\" failures=\"{}\" \
         errors=\"{}\">\n",
        gate.command,
        gate.cases.len(),
        gate.of(Outcome::Failed).count(),
        gate.of(Outcome::Trouble).count()
    );
    for case in &gate.cases {
        // Writing to a String cannot fail.
        let _ = write!(out, "  <testcase classname=\"{}\" name=\"{}\"", case.kind, text(&case.name));
        let what = match case.outcome {
            Outcome::Passed => {
                out.push_str("/>\n");
                continue;
            }
            Outcome::Failed => "failure",
            Outcome::Trouble => "error",
        };
        let message = case.said.first().map_or("", String::as_str);
        let all = text(&case.said.join("\n"));
        let _ = write!(out, ">\n    <{what} message=\"{}\">{all}</{what}>\n  </testcase>\n", text(message));
    }
    let _ = writeln!(out, "  <system-out>{}</system-out>\n</testsuite>", text(&gate.answer));
    out
}

/// A text as XML can hold it.
fn text(text: &str) -> String {
    // The two that are no control characters, and that no XML may hold.
    escape(&text.replace(['\u{fffe}', '\u{ffff}'], " "))
}
