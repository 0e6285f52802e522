//! The unified diff of both dumps' canonical lines, each changed line followed by what differs in it.

use std::fmt::Write;

use similar::{ChangeTag, TextDiff};

use crate::report::{Finding, Report, Severity};

/// The diff, with a `#` line under each changed one that names the differing bits.
#[must_use]
pub fn render(report: &Report) -> String {
    let Some([a, b]) = &report.canonical else { return String::new() };
    let mut out = String::new();
    let name = |i: usize| report.inputs.get(i).map_or("", |input| input.name.as_str());
    let diff = TextDiff::from_lines(a.as_str(), b.as_str());
    if diff.ratio() < 1.0 {
        let _ = writeln!(out, "--- {}\n+++ {}", name(0), name(1));
    }
    let mut unified = diff.unified_diff();
    for hunk in unified.context_radius(1).iter_hunks() {
        let _ = writeln!(out, "{}", hunk.header());
        for change in hunk.iter_changes() {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            let line = change.value().trim_end_matches('\n');
            let _ = writeln!(out, "{sign}{line}");
            if change.tag() == ChangeTag::Insert {
                for finding in report.findings.iter().filter(|f| is_at(f, line)) {
                    let _ = writeln!(out, "# {}", comment(finding));
                }
            }
        }
    }
    out.push_str(&super::table::verdict_line(report));
    out.push('\n');
    out
}

/// Whether a finding is about the register set of a canonical line.
fn is_at(finding: &Finding, line: &str) -> bool {
    let hex = |text: &Option<String>| text.as_deref().map(|t| t.trim_start_matches("0x").to_string());
    let Some(leaf) = hex(&finding.leaf) else { return false };
    let subleaf = hex(&finding.subleaf).unwrap_or_else(|| "00000000".to_string());
    line.starts_with(&format!("{leaf} {subleaf}:"))
}

fn comment(finding: &Finding) -> String {
    let register = finding.register.as_deref().unwrap_or_default().to_ascii_uppercase();
    let bits = finding.bits.as_deref().unwrap_or_default();
    let name = finding.name.as_deref().unwrap_or("unknown bit");
    let mark = if finding.severity == Severity::Waived { " (waived)" } else { "" };
    let value = |v: &Option<String>| v.clone().unwrap_or_default();
    format!(
        "{register}[{bits}] {name}: {} -> {}, {}{mark}",
        value(&finding.values.a),
        value(&finding.values.b),
        finding.severity.word()
    )
}
