//! The table for terminals: findings by severity, worst first, and a verdict that can be read aloud.

use std::fmt::Write;

use comfy_table::{Cell, ContentArrangement, Table, presets};

use crate::render::Style;
use crate::report::{Change, CoverageWord, Direction, Finding, Overall, Report, Severity};

/// The report as a table.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let mut out = String::new();
    for (i, input) in report.inputs.iter().enumerate() {
        let letter = char::from(b'A' + u8::try_from(i % 26).unwrap_or_default());
        let label = input.label.as_ref().map(|l| format!(" ({l})")).unwrap_or_default();
        let _ = writeln!(out, "{letter}: {}{label}", input.name);
    }
    for note in &report.notes {
        let _ = writeln!(out, "note: {note}");
    }
    let shown: Vec<&Finding> = Severity::ALL
        .iter()
        .flat_map(|s| report.findings.iter().filter(move |f| f.severity == *s))
        .filter(|f| style.all || matches!(f.severity, Severity::Unsafe | Severity::Warning | Severity::Waived))
        .collect();
    if !shown.is_empty() {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(style.width);
        table.set_header(["severity", "place", "name", "A", "B", "A→B", "B→A"]);
        for f in &shown {
            let value = |v: &Option<String>| v.clone().unwrap_or_default();
            table.add_row([
                Cell::new(f.severity.word()),
                Cell::new(place(f)),
                Cell::new(f.name.as_deref().unwrap_or("unknown bit")),
                Cell::new(value(&f.values.a)),
                Cell::new(value(&f.values.b)),
                Cell::new(direction(f.a_to_b, f.severity_a_to_b)),
                Cell::new(direction(f.b_to_a, f.severity_b_to_a)),
            ]);
        }
        let _ = writeln!(out, "{table}");
    }
    let _ = writeln!(out, "{}", verdict_line(report));
    out
}

fn direction(change: Option<Change>, severity: Option<Severity>) -> String {
    let word = match change {
        None => return String::new(),
        Some(Change::Lost) => "lost",
        Some(Change::Gained) => "gained",
        Some(Change::Changed) => "changed",
        Some(Change::Same) => "same",
    };
    match severity {
        Some(severity) => format!("{word}: {}", severity.word()),
        None => word.to_string(),
    }
}

/// `0x00000001 EDX[21]`, `msr 0x0000010a[0]`, or the finding's id.
#[must_use]
pub fn place(f: &Finding) -> String {
    let bits = f.bits.as_deref().map(|b| format!("[{b}]")).unwrap_or_default();
    if let Some(msr) = &f.msr {
        return format!("msr {msr}{bits}");
    }
    let Some(leaf) = &f.leaf else { return f.id.clone() };
    let number = |text: &String| u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap_or_default();
    let subleaf = f.subleaf.as_ref().map(|s| format!(".{}", number(s))).unwrap_or_default();
    let register = f.register.as_deref().map(|r| format!(" {}", r.to_ascii_uppercase())).unwrap_or_default();
    format!("{leaf}{subleaf}{register}{bits}")
}

/// The verdict in one line.
#[must_use]
pub fn verdict_line(report: &Report) -> String {
    let v = &report.verdict;
    let word = match v.overall {
        Some(Overall::Identical) if v.coverage == CoverageWord::Partial => {
            return format!("the {} register sets given agree; this is not a migration verdict", report.compared);
        }
        Some(Overall::Identical) => "identical",
        Some(Overall::Compatible) => "compatible",
        Some(Overall::Review) => "review",
        Some(Overall::OneWay) => "one-way",
        Some(Overall::Incompatible) => "incompatible",
        None => "checked",
    };
    let direction = |name: &str, d: Option<Direction>| match d {
        Some(Direction::Safe) => format!(", {name} safe"),
        Some(Direction::Review) => format!(", {name} to be reviewed"),
        Some(Direction::Unsafe) => format!(", {name} unsafe"),
        None => String::new(),
    };
    let s = report.summary;
    let mut line = format!("{word}{}{}", direction("A to B", v.a_to_b), direction("B to A", v.b_to_a));
    let _ = write!(line, "; {} unsafe, {} warning, {} info, {} expected", s.unsafe_, s.warning, s.info, s.expected);
    if s.waived > 0 {
        let _ = write!(line, ", {} waived", s.waived);
    }
    if v.coverage == CoverageWord::Partial {
        let _ = write!(line, "; partial: only {} register sets could be compared", report.compared);
    }
    if v.scope == "cpuid" {
        line.push_str("; feature MSRs not captured");
    }
    if report
        .inputs
        .iter()
        .any(|i| i.accel.as_deref() == Some("tcg") || i.hypervisor.iter().any(|h| h == "TCGTCGTCGTCG"))
    {
        line.push_str("; under TCG emulation, which says nothing about a host");
    }
    line
}
