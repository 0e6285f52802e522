//! The report for terminals: the answer first, then, where asked, a table of findings and all that is known of each.

use std::fmt::Write;

use crate::check::cpu::NOT_ANNOUNCED;
use crate::finding::{Change, Finding, Judged, Value};
use crate::judge::notes;
use crate::knowledge::Severity;
use crate::list;
use crate::policy;
use crate::render::grid::{Cell, Grid, plain};
use crate::render::paint::{Paint, paint};
use crate::render::{Style, answer, words};
use crate::report::Report;

/// From this width on, a table tells in words what changes and what a place is.
const WIDE: usize = 120;
/// Columns of the words before a paragraph.
const LABEL: usize = 11;

/// The report for a terminal: the answer, and with `all` the tables of findings with everything about each.
#[must_use]
pub fn render(report: &Report, style: Style) -> String {
    let mut page = Page { out: String::new(), width: usize::from(style.width).clamp(40, 1000), colour: style.colour };
    page.verdict(report, style.all);
    page.inputs(report, style.all);
    page.sections(report, style.width);
    page.fix(report);
    if style.all {
        let shown: Vec<Severity> = Severity::ALL.to_vec();
        let layout = Layout::new(report, &shown, &page);
        for severity in &shown {
            page.findings(report, *severity, &layout);
        }
        for severity in &shown {
            page.explanations(report, *severity);
        }
    }
    if style.waivers {
        page.waivers(report);
    }
    page.foot(report, style);
    page.out
}

struct Page {
    out: String,
    width: usize,
    colour: bool,
}

impl Page {
    /// The verdict, a line a direction, and what it rests on.
    fn verdict(&mut self, report: &Report, all: bool) {
        for line in answer::verdict(report) {
            self.text("", &line.text(), Paint::of(line.severity));
        }
        self.text("", &answer::rests_on(report, if all { usize::MAX } else { 3 }), Paint::Dim);
    }

    /// What the inputs are: what they share on one line, what differs on one each.
    fn inputs(&mut self, report: &Report, all: bool) {
        self.out.push('\n');
        let (shared, own) = answer::facts(report);
        let sentence = |facts: &[answer::Fact], without: &str| {
            let facts = facts.iter().filter(|(what, _)| *what != "label" && *what != without);
            let words = facts.map(|(what, words)| match *what {
                "CPU" => short_cpu(words),
                "vCPUs" => {
                    // The topology stands behind the noun.
                    let (count, smp) = words.split_once(" (").unwrap_or((words, ""));
                    let noun = if ["1", "1 of 1"].contains(&count) { "vCPU" } else { "vCPUs" };
                    format!("{count} {noun}{}{smp}", if smp.is_empty() { "" } else { " (" })
                }
                "QEMU" | "kernel" | "microcode" => format!("{what} {words}"),
                _ => words.clone(),
            });
            words.collect::<Vec<_>>().join("; ")
        };
        if !shared.is_empty() {
            let both = if report.inputs.len() == 2 { "both  " } else { "all   " };
            self.text(both, &sentence(&shared, words::HYPERVISOR), Paint::Plain);
        }
        for (i, (input, facts)) in report.inputs.iter().zip(&own).enumerate() {
            let head = format!("{:<6}", words::letter(i));
            let facts = sentence(facts, "");
            let colon = if facts.is_empty() { "" } else { ": " };
            self.text(&head, &format!("{}{colon}{facts}", words::title(input)), Paint::Bold);
        }
        for note in report.notes.iter().filter(|note| all || *note != notes::TCG) {
            self.text("note: ", note, Paint::Plain);
        }
        for line in words::unverified(report) {
            self.text("baseline: ", &line, Paint::Plain);
        }
    }

    /// A paragraph a cause, and what stands alone.
    fn sections(&mut self, report: &Report, width: u16) {
        for section in answer::sections(report) {
            self.out.push('\n');
            let inferred = if section.inferred { " (inferred)" } else { "" };
            self.text("", &format!("{}{inferred}", section.title), Paint::of(section.severity));
            let room = usize::from(width).saturating_sub(LABEL + 6).max(30);
            if section.is_of_many {
                self.labelled("what", &section.what(room));
            }
            let logs = section.loud.iter().flat_map(|f| &f.evidence).filter(|line| !line.ends_with(NOT_ANNOUNCED));
            for line in logs.take(2) {
                self.labelled("log", line);
            }
            self.labelled("consequence", section.consequence.as_deref().unwrap_or_default());
            self.labelled("cause", section.cause.as_deref().unwrap_or_default());
            if let Some(fix) = section.fix.as_deref().filter(|_| !answer::is_fixed_below(report, &section)) {
                self.labelled("fix", fix);
            }
        }
    }

    /// One fix for all, and what it cannot do.
    fn fix(&mut self, report: &Report) {
        let fix = answer::fix(report);
        let remains = answer::remains(report);
        if fix.is_some() || !remains.is_empty() {
            self.out.push('\n');
        }
        if let Some((text, fragments)) = fix {
            let mut head = "FIX  ";
            if !text.is_empty() {
                self.text(head, &text, Paint::Bold);
                head = "     ";
            }
            // Not wrapped, so that it can be pasted.
            for fragment in fragments {
                let _ = writeln!(self.out, "{head}{}", paint(&fragment, Paint::Plain, false));
                head = "     ";
            }
        }
        for (lead, line) in remains {
            self.text(&format!("{lead}: "), &line, Paint::Plain);
        }
    }

    /// What a site policy would say to accept the findings. Not wrapped, so that it can be pasted.
    fn waivers(&mut self, report: &Report) {
        let loud = report.findings.iter().filter(|f| matches!(f.severity, Severity::Unsafe | Severity::Warning));
        let stanzas = policy::stanzas(&loud.collect::<Vec<_>>());
        if !stanzas.is_empty() {
            self.out.push('\n');
            self.text("", "to accept all of it, in the site policy:", Paint::Bold);
            self.out.push_str(&stanzas);
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
    fn explanations(&mut self, report: &Report, severity: Severity) {
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
            for (label, text) in [("consequence", &group.consequence), ("cause", &group.cause), ("fix", &group.remedy)]
            {
                self.labelled(label, text.as_deref().unwrap_or_default());
            }
            self.labelled("source", &words::sources(&group.findings).join("; "));
        }
    }

    /// A paragraph under a finding; prints nothing where the text is missing.
    fn labelled(&mut self, label: &str, text: &str) {
        self.text(&format!("  {label:<LABEL$}  "), text, Paint::Plain);
    }

    /// What is not shown.
    fn foot(&mut self, report: &Report, style: Style) {
        self.out.push('\n');
        let aside = words::set_aside(report).map(|rules| format!("set aside: {rules}; ")).unwrap_or_default();
        let words =
            if style.all { format!("{aside}{}", words::counts(report)) } else { answer::hidden(report, style.waivers) };
        self.text("", &words, Paint::Dim);
    }

    /// A paragraph with a head, its lines no wider than the page and hanging under the first.
    fn text(&mut self, head: &str, text: &str, style: Paint) {
        for (lead, line) in list::hang(head, text, self.width) {
            let line = paint(&line, style, self.colour);
            let _ = writeln!(self.out, "{}", format!("{lead}{line}").trim_end());
        }
    }
}

/// A `-cpu` argument that is longer than this is told by its model and how much is set.
const LONG_CPU: usize = 60;

fn short_cpu(cpu: &str) -> String {
    match cpu.split_once(',') {
        Some((model, settings)) if cpu.chars().count() > LONG_CPU => {
            format!("{model} with {}", answer::count(settings.split(',').count(), "setting"))
        }
        _ => cpu.to_string(),
    }
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

/// The columns of every table of a report: the same in all, so that the eye can follow.
struct Layout {
    columns: Vec<Column>,
    grid: Grid,
    wide: bool,
    colour: bool,
}

impl Layout {
    fn new(report: &Report, shown: &[Severity], page: &Page) -> Self {
        let rows: Vec<&Finding> = report.findings.iter().filter(|f| shown.contains(&f.severity)).collect();
        let wide = page.width >= WIDE;
        let any = |is: fn(&Finding) -> bool| rows.iter().any(|f| is(f));
        let check = report.verdict.overall.is_none();
        let columns = [
            (Column::Input, report.inputs.len() > 1 && any(|f| f.input.is_some())),
            (Column::Place, true),
            (Column::Name, true),
            (Column::Expected, any(|f| f.values.expected.is_known())),
            (Column::A, any(|f| f.values.a.is_known())),
            (Column::B, any(|f| f.values.b.is_known())),
            (Column::AToB, report.verdict.a_to_b.is_some()),
            (Column::BToA, report.verdict.b_to_a.is_some()),
            (Column::Vcpus, rows.iter().any(|f| is_of_some(report, f))),
            (Column::Meaning, wide && any(|f| f.meaning.is_some())),
        ];
        let columns: Vec<Column> = columns.into_iter().filter(|(_, there)| *there).map(|(column, _)| column).collect();
        let header: Vec<&str> = columns.iter().map(|column| header(*column, check)).collect();
        let cells = cells(report, &rows, &columns, wide);
        let place = columns.iter().position(|column| *column == Column::Place).unwrap_or_default();
        let grid = Grid::new(&header, &cells, place, page.width);
        Self { columns, grid, wide, colour: page.colour }
    }

    fn table(&self, report: &Report, rows: &[&Finding]) -> String {
        self.grid.table(&cells(report, rows, &self.columns, self.wide), self.colour)
    }
}

fn cells(report: &Report, rows: &[&Finding], columns: &[Column], wide: bool) -> Vec<Vec<Cell>> {
    rows.iter().map(|f| columns.iter().map(|column| cell(report, f, *column, wide)).collect()).collect()
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
        Column::AToB => "A → B",
        Column::BToA => "B → A",
        Column::Vcpus => "vCPU",
        Column::Meaning => "what it is",
    }
}

/// Whether a finding is about some vCPUs, and not about all.
fn is_of_some(report: &Report, f: &Finding) -> bool {
    !f.vcpus.is_empty() && report.inputs.iter().any(|input| f.vcpus.len() < input.vcpus)
}

fn cell(report: &Report, f: &Finding, column: Column, wide: bool) -> Cell {
    let value = |v: &Value| plain(v.text().unwrap_or_default());
    let direction = |judged: Option<Judged>| {
        let text = match judged {
            Some(Judged { change, severity }) if wide && change != Change::Same => {
                format!("{}: {}", change.word(), severity.word())
            }
            Some(judged) => judged.severity.word().to_string(),
            None => String::new(),
        };
        (text, Paint::of_direction(judged))
    };
    match column {
        Column::Input => plain(f.input.map(words::letter).unwrap_or_default()),
        Column::Place => plain(f.subject.to_string()),
        Column::Name => plain(words::name(f)),
        Column::Expected => value(&f.values.expected),
        Column::A => value(&f.values.a),
        Column::B => value(&f.values.b),
        Column::AToB => direction(f.a_to_b),
        Column::BToA => direction(f.b_to_a),
        Column::Vcpus if is_of_some(report, f) => plain(list::ranges(&f.vcpus)),
        Column::Vcpus if f.vcpus.is_empty() => plain(""),
        Column::Vcpus => plain("all"),
        Column::Meaning => plain(words::what(f)),
    }
}
