//! The table for terminals: findings by severity, worst first, what they mean, and a verdict that can be read aloud.

use std::fmt::Write;

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

use crate::finding::{Change, Finding, Judged, Value};
use crate::knowledge::Severity;
use crate::list;
use crate::policy;
use crate::render::{Style, TABLE, words};
use crate::report::Report;

/// Blanks between two columns.
const GAP: usize = 2;
/// From this width on, a table tells in words what changes and what a place is.
const WIDE: usize = 120;
/// Columns of the words before a paragraph.
const LABEL: usize = 6;
/// Columns are narrowed to this before a place is broken over two lines.
const NARROW: usize = 10;
/// No column gets narrower than this.
const NARROWEST: usize = 7;

/// The report as tables.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let mut page = Page { out: String::new(), width: usize::from(style.width).clamp(40, 1000), colour: style.colour };
    page.head(report);
    let shown: Vec<Severity> = Severity::ALL.into_iter().filter(|s| style.all || is_loud(*s)).collect();
    let layout = Layout::new(report, &shown, page.width);
    for severity in &shown {
        page.findings(report, *severity, &layout);
    }
    for severity in &shown {
        page.explanations(report, *severity, style.all);
    }
    page.foot(report, style.all);
    page.out
}

/// Severities that are listed without `--all`.
const fn is_loud(severity: Severity) -> bool {
    matches!(severity, Severity::Unsafe | Severity::Warning | Severity::Waived)
}

struct Page {
    out: String,
    width: usize,
    colour: bool,
}

impl Page {
    /// The inputs and the notes.
    fn head(&mut self, report: &Report) {
        for (i, input) in report.inputs.iter().enumerate() {
            let facts: Vec<String> = words::facts(input)
                .into_iter()
                .filter(|(what, _)| *what != "label")
                .map(|(what, words)| match (what, input.vcpus) {
                    ("vCPUs", 1) => format!("{words} vCPU"),
                    ("vCPUs", _) => format!("{words} vCPUs"),
                    _ => words,
                })
                .collect();
            let head = format!("{}  ", words::letter(i));
            self.text(&head, &words::title(input), Paint::Bold);
            self.text(&" ".repeat(head.len()), &facts.join("; "), Paint::Dim);
        }
        for note in &report.notes {
            self.text("note: ", note, Paint::Plain);
        }
    }

    /// All findings of one severity as a table.
    fn findings(&mut self, report: &Report, severity: Severity, layout: &Layout) {
        let rows: Vec<&Finding> = report.findings.iter().filter(|f| f.severity == severity).collect();
        if rows.is_empty() {
            return;
        }
        self.out.push('\n');
        let head = format!("{} ({}): {}", severity.word(), rows.len(), words::severity(severity));
        self.text("", &head, Paint::of(severity));
        self.out.push_str(&layout.table(report, &rows));
    }

    /// What the findings of one severity mean, why they differ and what to change. One explanation serves all findings
    /// that it fits.
    fn explanations(&mut self, report: &Report, severity: Severity, all: bool) {
        for group in words::groups(report, severity) {
            self.out.push('\n');
            let [first, more @ ..] = group.findings.as_slice() else { continue };
            for f in &group.findings {
                let head = words::heading(report, f);
                let is = words::is(f);
                if more.is_empty() {
                    self.text("", &head, Paint::of(severity));
                    self.labelled("is", &is);
                } else {
                    // Which way each changes is in the table.
                    self.text("", &if is.is_empty() { head } else { format!("{head}: {is}") }, Paint::of(severity));
                }
                if f.waived.is_none() && more.is_empty() {
                    self.labelled("change", &words::directions(f));
                }
                self.labelled("values", &words::decoded(f).unwrap_or_default());
                for line in &f.evidence {
                    self.labelled("log", line);
                }
            }
            self.labelled("waiver", &words::waived(first).unwrap_or_default());
            for (label, text) in [("risk", &group.consequence), ("why", &group.cause), ("fix", &group.remedy)] {
                self.labelled(label, text.as_deref().unwrap_or_default());
            }
            if all {
                self.labelled("source", &words::sources(&group.findings).join("; "));
            }
            if matches!(severity, Severity::Unsafe | Severity::Warning) {
                // Not wrapped, so that it can be pasted.
                for (i, line) in policy::stanzas(&group.findings).lines().enumerate() {
                    let _ = writeln!(self.out, "  {:<LABEL$}  {line}", if i == 0 { "waive" } else { "" });
                }
            }
        }
    }

    /// A paragraph under a finding; prints nothing where the text is missing.
    fn labelled(&mut self, label: &str, text: &str) {
        self.text(&format!("  {label:<LABEL$}  "), text, Paint::Plain);
    }

    /// Everything that is not in the tables, then the counts, and the verdict as the last line.
    fn foot(&mut self, report: &Report, all: bool) {
        self.out.push('\n');
        for line in words::not_captured(report, if all { usize::MAX } else { 3 }) {
            self.text("not captured: ", &line, Paint::Plain);
        }
        for line in words::unverified(report) {
            self.text("baseline: ", &line, Paint::Plain);
        }
        let aside = words::set_aside(report).filter(|_| !all).map(|rules| format!("; set aside: {rules} (see --all)"));
        let sets = if report.compared == 1 { "1 register set" } else { &format!("{} register sets", report.compared) };
        let compared = if report.verdict.overall.is_some() { format!("compared {sets}: ") } else { String::new() };
        self.text("", &format!("{compared}{}{}", words::counts(report), aside.unwrap_or_default()), Paint::Plain);
        let worst = report.findings.iter().map(|f| f.severity).min().unwrap_or(Severity::Expected);
        self.text("", &words::verdict(report), Paint::of(worst));
    }

    /// A paragraph with a head, its lines no wider than the page and hanging under the first.
    fn text(&mut self, head: &str, text: &str, style: Paint) {
        let indent = " ".repeat(head.chars().count());
        let mut lead = head;
        for line in text.lines() {
            for line in list::wrap(line, self.width.saturating_sub(indent.len())) {
                let line = paint(&line, style, self.colour);
                let _ = writeln!(self.out, "{}", format!("{lead}{line}").trim_end());
                lead = &indent;
            }
        }
    }
}

/// How a piece of text looks on a colour terminal.
#[derive(Clone, Copy)]
enum Paint {
    Plain,
    Bold,
    Dim,
    Red,
    Yellow,
    Green,
}

impl Paint {
    const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Unsafe => Self::Red,
            Severity::Warning => Self::Yellow,
            Severity::Info | Severity::Waived => Self::Bold,
            Severity::Expected => Self::Green,
        }
    }

    /// The SGR parameters (ECMA-48).
    const fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Red => "1;31",
            Self::Yellow => "1;33",
            Self::Green => "1;32",
        }
    }
}

fn paint(text: &str, style: Paint, colour: bool) -> String {
    // Files, labels and logs are the user's; a terminal must not obey them.
    let text = text.replace(|c: char| c.is_control(), " ");
    if colour && !style.sgr().is_empty() { format!("\x1b[{}m{text}\x1b[0m", style.sgr()) } else { text }
}

/// What a column shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Input,
    Place,
    Name,
    Expected,
    A,
    B,
    AToB,
    BToA,
    Vcpus,
    Meaning,
}

/// The columns of every table of a report, with their widths: the same in all, so that the eye can follow.
struct Layout {
    columns: Vec<(Column, usize)>,
    wide: bool,
}

impl Layout {
    fn new(report: &Report, shown: &[Severity], width: usize) -> Self {
        let rows: Vec<&Finding> = report.findings.iter().filter(|f| shown.contains(&f.severity)).collect();
        let wide = width >= WIDE;
        let any = |is: fn(&Finding) -> bool| rows.iter().any(|f| is(f));
        let check = report.verdict.overall.is_none();
        let vcpus = report.inputs.iter().any(|input| input.vcpus > 1);
        let columns = [
            (Column::Input, report.inputs.len() > 1 && any(|f| f.input.is_some())),
            (Column::Place, true),
            (Column::Name, true),
            (Column::Expected, any(|f| f.values.expected.is_known())),
            (Column::A, any(|f| f.values.a.is_known())),
            (Column::B, any(|f| f.values.b.is_known())),
            (Column::AToB, report.verdict.a_to_b.is_some()),
            (Column::BToA, report.verdict.b_to_a.is_some()),
            (Column::Vcpus, vcpus && any(|f| !f.vcpus.is_empty())),
            (Column::Meaning, wide && any(|f| f.meaning.is_some())),
        ];
        let columns = columns.into_iter().filter(|(_, there)| *there).map(|(column, _)| {
            let longest = rows.iter().map(|f| cell(report, f, column, wide).chars().count()).max().unwrap_or_default();
            (column, longest.max(header(column, check).chars().count()))
        });
        let mut layout = Self { columns: columns.collect(), wide };
        layout.fit(width);
        layout
    }

    /// Narrows the widest column until all fit: first what may be long, then the places, too.
    fn fit(&mut self, width: usize) {
        let gaps = GAP * (self.columns.len().max(1) - 1);
        for places_too in [false, true] {
            let least = if places_too { NARROWEST } else { NARROW };
            while self.columns.iter().map(|(_, width)| width).sum::<usize>() + gaps > width {
                let may =
                    |(column, width): &&mut (Column, usize)| *width > least && (places_too || *column != Column::Place);
                match self.columns.iter_mut().filter(may).max_by_key(|(_, width)| *width) {
                    Some((_, widest)) => *widest -= 1,
                    None => break,
                }
            }
        }
    }

    fn table(&self, report: &Report, rows: &[&Finding]) -> String {
        let check = report.verdict.overall.is_none();
        let mut table = Table::new();
        table.load_style(TABLE).set_content_arrangement(ContentArrangement::Dynamic).set_width(u16::MAX);
        table.set_header(self.columns.iter().map(|(column, _)| header(*column, check)));
        for f in rows {
            table.add_row(self.columns.iter().map(|(column, _)| cell(report, f, *column, self.wide)));
        }
        let last = self.columns.len().saturating_sub(1);
        for (i, (_, width)) in self.columns.iter().enumerate() {
            // The style's own separator is one blank wide.
            let gap = if i == last { 0 } else { GAP - 1 };
            if let Some(column) = table.column_mut(i) {
                let fixed = Width::Fixed(u16::try_from(width + gap).unwrap_or(u16::MAX));
                column.set_padding((0, gap as u16)).set_constraint(ColumnConstraint::Absolute(fixed));
            }
        }
        let mut out = String::new();
        for line in table.lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

const fn header(column: Column, check: bool) -> &'static str {
    match column {
        Column::Input => "in",
        Column::Place => "place",
        Column::Name => "name",
        Column::Expected => "expected",
        Column::A if check => "has",
        Column::A => "A",
        Column::B => "B",
        Column::AToB => "A to B",
        Column::BToA => "B to A",
        Column::Vcpus => "vCPU",
        Column::Meaning => "what it is",
    }
}

fn cell(report: &Report, f: &Finding, column: Column, wide: bool) -> String {
    let value = |v: &Value| v.text().unwrap_or_default();
    let direction = |judged: Option<Judged>| match judged {
        Some(Judged { change, severity }) if wide && change != Change::Same => {
            format!("{}: {}", change.word(), severity.word())
        }
        Some(judged) => judged.severity.word().to_string(),
        None => String::new(),
    };
    let text = match column {
        Column::Input => f.input.map(words::letter).unwrap_or_default(),
        Column::Place => f.subject.to_string(),
        Column::Name => words::name(f).to_string(),
        Column::Expected => value(&f.values.expected),
        Column::A => value(&f.values.a),
        Column::B => value(&f.values.b),
        Column::AToB => direction(f.a_to_b),
        Column::BToA => direction(f.b_to_a),
        Column::Vcpus if report.inputs.iter().any(|input| f.vcpus.len() < input.vcpus) => list::ranges(&f.vcpus),
        Column::Vcpus if f.vcpus.is_empty() => String::new(),
        Column::Vcpus => "all".to_string(),
        Column::Meaning => words::what(f).to_string(),
    };
    text.replace(char::is_control, " ")
}
