//! The report as JSON: the contract `cpuid-report/1`.

use crate::report::Report;

/// The report on one line, ended by a line feed.
///
/// # Errors
/// None that a report can cause.
pub fn line(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string(report).map(|text| text + "\n")
}

/// The report, indented.
///
/// # Errors
/// None that a report can cause.
pub fn pretty(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}
