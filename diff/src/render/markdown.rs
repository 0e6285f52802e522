//! Markdown for bug trackers: CommonMark with tables and `<details>`, as GitHub and GitLab render it.

use std::fmt::Write;

use crate::finding::{Finding, Judged, Value};
use crate::judge::notes;
use crate::knowledge::Severity;
use crate::list;
use crate::policy;
use crate::render::answer::{self, Section};
use crate::render::unified;
use crate::render::words::{self, Group};
use crate::report::Report;

/// What is folded is cut where the report would get longer than this: GitHub refuses comments of more than 65536
/// characters.
const MOST_BYTES: usize = 60_000;
/// How many of the places that were not captured are named.
const MOST_PLACES: usize = 12;
/// A list of features is cut here, in characters.
const MOST_NAMES: usize = 300;

/// The report as Markdown: the answer, then everything known of each finding and the diff, folded. With `waivers`, what a
/// site policy would say to accept the findings.
#[must_use]
pub fn render(report: &Report, waivers: bool) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "## {}\n", words::kind(report));
    for line in answer::verdict(report) {
        let _ = writeln!(out, "- **{}**", escape(&line.text()));
    }
    let rests_on = answer::rests_on(report, MOST_PLACES);
    if !rests_on.is_empty() {
        let _ = writeln!(out, "- {}", escape(&rests_on));
    }
    out.push('\n');
    inputs(report, &mut out);
    for note in report.notes.iter().filter(|note| *note != notes::TCG) {
        let _ = writeln!(out, "- {}", prose(note));
    }
    for line in words::unverified(report) {
        let _ = writeln!(out, "- baseline: {}", prose(&line));
    }
    if !out.ends_with("\n\n") {
        out.push('\n');
    }
    for section in answer::sections(report) {
        paragraph(report, &section, &mut out);
    }
    fix(report, &mut out);
    let _ = writeln!(out, "{}\n", escape(&words::counts(report)));
    if waivers {
        stanzas(report, &mut out);
    }
    findings_in_full(report, &mut out);
    diff(report, &mut out);
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

/// One cause, or what stands alone.
fn paragraph(report: &Report, section: &Section<'_>, out: &mut String) {
    let inferred = if section.inferred { " (inferred)" } else { "" };
    let _ = writeln!(out, "### {}{inferred}\n", prose(&section.title));
    let what = section.is_of_many.then(|| section.what(MOST_NAMES));
    let fix = section.fix.as_deref().filter(|_| !answer::is_fixed_below(report, section)).map(str::to_string);
    let mut lines = Vec::new();
    for (label, text) in
        [("What", what), ("Consequence", section.consequence.clone()), ("Cause", section.cause.clone()), ("Fix", fix)]
    {
        lines.extend(text.filter(|text| !text.is_empty()).map(|text| format!("**{label}:** {}", prose(&text))));
    }
    if !lines.is_empty() {
        let _ = writeln!(out, "{}\n", lines.join("<br>\n"));
    }
}

/// One fix for all, and what it cannot do.
fn fix(report: &Report, out: &mut String) {
    let (fix, remains) = (answer::fix(report), answer::remains(report));
    if fix.is_none() && remains.is_empty() {
        return;
    }
    out.push_str("### Fix\n\n");
    if let Some((text, fragments)) = fix {
        if !text.is_empty() {
            let _ = writeln!(out, "{}\n", prose(&text));
        }
        for fragment in &fragments {
            let _ = writeln!(out, "- {}", prose(fragment));
        }
        if !fragments.is_empty() {
            out.push('\n');
        }
    }
    let any = !remains.is_empty();
    for (lead, line) in remains {
        let _ = writeln!(out, "- {lead}: {}", prose(&line));
    }
    if any {
        out.push('\n');
    }
}

/// Every finding, what is known of it, and what was set aside; folded.
fn findings_in_full(report: &Report, out: &mut String) {
    let (loud, aside): (Vec<&Finding>, Vec<&Finding>) = report.findings.iter().partition(|f| f.is_loud());
    if !loud.is_empty() {
        let mut text = String::new();
        findings(report, &loud, false, &mut text);
        for severity in [Severity::Unsafe, Severity::Warning, Severity::Waived] {
            for group in words::groups(report, severity) {
                explain(report, &group, &mut text);
            }
        }
        details(&format!("{} in full", answer::count(loud.len(), "finding")), out, |out| out.push_str(&text));
    }
    if let Some(rules) = words::set_aside(report) {
        let mut table = String::new();
        findings(report, &aside, true, &mut table);
        if out.len() + table.len() > MOST_BYTES {
            table = "Too many to list here: `--format json` or `--format html` has them all.\n\n".to_string();
        }
        details(&format!("Set aside: {rules}"), out, |out| out.push_str(&table));
    }
}

/// What a site policy would say to accept the findings.
fn stanzas(report: &Report, out: &mut String) {
    let loud = report.findings.iter().filter(|f| matches!(f.severity, Severity::Unsafe | Severity::Warning));
    let stanzas = policy::stanzas(&loud.collect::<Vec<_>>());
    if !stanzas.is_empty() {
        out.push_str("To accept all of it, add to the site policy:\n\n");
        block(out, "toml", stanzas.trim_end());
    }
}

/// The facts about the inputs, side by side; what differs is bold.
fn inputs(report: &Report, out: &mut String) {
    let facts: Vec<Vec<(&str, String)>> = report.inputs.iter().map(words::facts).collect();
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in facts.iter().flatten() {
        if !names.contains(name) {
            names.push(name);
        }
    }
    row(out, std::iter::once(String::new()).chain((0..facts.len()).map(words::letter)));
    row(out, (0..=facts.len()).map(|_| "---".to_string()));
    row(out, std::iter::once("input".to_string()).chain(report.inputs.iter().map(|i| code(&i.name))));
    for name in names {
        let fact = |facts: &Vec<(&str, String)>| facts.iter().find(|(n, _)| *n == name).map(|(_, words)| words.clone());
        let told: Vec<Option<String>> = facts.iter().map(fact).collect();
        let differs = told.iter().any(|words| *words != told[0]);
        let cell = |words: Option<String>| match words {
            Some(words) if differs => format!("**{}**", escape(&words)),
            words => escape(&words.unwrap_or_default()),
        };
        row(out, std::iter::once(name.to_string()).chain(told.into_iter().map(cell)));
    }
    out.push('\n');
}

/// One line of a table.
fn row(out: &mut String, cells: impl Iterator<Item = String>) {
    out.push('|');
    for cell in cells {
        let _ = write!(out, " {} |", cell);
    }
    out.push('\n');
}

/// A table of findings, worst first; with the reason for each where asked.
fn findings(report: &Report, shown: &[&Finding], why: bool, out: &mut String) {
    if shown.is_empty() {
        return;
    }
    let check = report.verdict.overall.is_none();
    let any = |is: fn(&Finding) -> bool| shown.iter().any(|f| is(f));
    let value = |v: &Value| v.text().as_deref().map(code).unwrap_or_default();
    let judged = |judged: Option<Judged>| {
        judged.map(|j| format!("{}: {}", j.change.word(), j.severity.word())).unwrap_or_default()
    };
    type Cell<'a> = Box<dyn Fn(&Finding) -> String + 'a>;
    let columns: Vec<(&str, bool, Cell<'_>)> = vec![
        ("severity", true, Box::new(|f| f.severity.word().to_string())),
        (
            "in",
            report.inputs.len() > 1 && any(|f| f.input.is_some()),
            Box::new(|f| f.input.map(words::letter).unwrap_or_default()),
        ),
        ("place", true, Box::new(|f| code(&f.subject.to_string()))),
        ("name", true, Box::new(|f| code(words::name(f)))),
        ("expected", any(|f| f.values.expected.is_known()), Box::new(|f| value(&f.values.expected))),
        (if check { "has" } else { "A" }, any(|f| f.values.a.is_known()), Box::new(|f| value(&f.values.a))),
        ("B", any(|f| f.values.b.is_known()), Box::new(|f| value(&f.values.b))),
        ("A → B", report.verdict.a_to_b.is_some(), Box::new(|f| judged(f.a_to_b))),
        ("B → A", report.verdict.b_to_a.is_some(), Box::new(|f| judged(f.b_to_a))),
        ("why", why, Box::new(|f| f.cause.as_deref().map(prose).unwrap_or_default())),
        ("vCPU", report.inputs.iter().any(|i| i.vcpus > 1), Box::new(|f| list::ranges(&f.vcpus))),
    ];
    let columns: Vec<_> = columns.into_iter().filter(|(_, there, _)| *there).collect();
    row(out, columns.iter().map(|(name, ..)| (*name).to_string()));
    row(out, columns.iter().map(|_| "---".to_string()));
    for severity in Severity::ALL {
        for f in shown.iter().filter(|f| f.severity == severity) {
            row(out, columns.iter().map(|(.., cell)| cell(f)));
        }
    }
    out.push('\n');
}

/// What findings with one cause mean, why they differ and what to change.
fn explain(report: &Report, group: &Group<'_>, out: &mut String) {
    let findings = group.findings.as_slice();
    let [first, more @ ..] = findings else { return };
    let severity = first.severity;
    let head = |f: &Finding| {
        let (place, name) = (f.subject.to_string(), words::name(f));
        let name = if name.is_empty() || name == place { String::new() } else { format!(" {}", code(name)) };
        format!("{}{name}{}", code(&place), escape(&words::aside(report, f)))
    };
    let about = |f: &Finding| {
        let directions = if f.waived.is_none() { escape(&words::directions(f)) } else { String::new() };
        let decoded = words::decoded(f).map(|d| escape(&d)).unwrap_or_default();
        let parts = [prose(&words::is(f)), directions, decoded];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
    };
    if more.is_empty() {
        let _ = writeln!(out, "### {}: {}\n", head(first), severity.word());
        let about = about(first);
        if !about.is_empty() {
            let _ = writeln!(out, "{about}.\n");
        }
    } else {
        let _ = writeln!(out, "### {} findings of one kind: {}\n", findings.len(), severity.word());
        for f in findings {
            let about = about(f);
            let colon = if about.is_empty() { "" } else { ": " };
            let _ = writeln!(out, "- {}{colon}{about}", head(f));
        }
        out.push('\n');
    }
    let mut evidence: Vec<&str> = findings.iter().flat_map(|f| &f.evidence).map(String::as_str).collect();
    evidence.dedup();
    if !evidence.is_empty() {
        block(out, "text", &evidence.join("\n"));
    }
    let sources = words::sources(findings).join("; ");
    for (label, text) in [
        ("Waiver", words::waived(first)),
        ("Consequence", group.consequence.clone()),
        ("Cause", group.cause.clone()),
        ("Fix", group.remedy.clone()),
        ("Source", Some(sources).filter(|s| !s.is_empty())),
    ] {
        if let Some(text) = text {
            let _ = writeln!(out, "**{label}:** {}\n", prose(&text));
        }
    }
}

/// The diff, folded.
fn diff(report: &Report, out: &mut String) {
    let mut text = String::new();
    unified::diff(report, &mut text);
    if text.is_empty() {
        return;
    }
    // The space that is left for the diff.
    let room = MOST_BYTES.saturating_sub(out.len());
    let (mut shown, mut hidden) = (String::new(), 0);
    for line in text.lines() {
        if hidden > 0 || shown.len() + line.len() > room {
            hidden += 1;
        } else {
            shown.push_str(line);
            shown.push('\n');
        }
    }
    details("Unified diff of the dumps, with the differing bits named", out, |out| {
        block(out, "diff", shown.trim_end());
        if hidden > 0 {
            let _ = writeln!(out, "{hidden} more lines: `--format unified` has them all.\n");
        }
    });
}

/// A folded part. The blank lines make trackers read Markdown inside.
fn details(summary: &str, out: &mut String, inside: impl FnOnce(&mut String)) {
    let _ = writeln!(out, "<details>\n<summary>{}</summary>\n", crate::render::html::escape(summary));
    inside(out);
    out.push_str("</details>\n\n");
}

/// A fenced block; the fence is longer than any run of backticks in it.
fn block(out: &mut String, language: &str, text: &str) {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    let text = text.replace(|c: char| c.is_control() && c != '\n', " ");
    let _ = writeln!(out, "{fence}{language}\n{text}\n{fence}\n");
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// Text as a code span; plain where it holds a pipe, which a table would take for a border.
pub(super) fn code(text: &str) -> String {
    if text.is_empty() || text.contains('|') {
        return escape(text);
    }
    let text = text.replace(|c: char| c.is_control(), " ");
    let fence = "`".repeat(longest_run(&text) + 1);
    let blank = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// Plain text: nothing in it is Markdown or HTML.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut previous = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // `@` would be a mention in bug trackers.
            '@' => out.push_str("&#64;"),
            // Tables take a pipe for a border even where it is escaped.
            '|' => out.push_str("&#124;"),
            // Inside a word it means nothing.
            '_' if previous.is_alphanumeric() && chars.peek().is_some_and(|c| c.is_alphanumeric()) => out.push(c),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '$' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
        previous = c;
    }
    out
}

/// Our own sentences: words between backticks are code, lines stay lines, the rest is plain text.
fn prose(text: &str) -> String {
    let line = |line: &str| {
        let parts: Vec<&str> = line.split('`').collect();
        if parts.len().is_multiple_of(2) {
            return escape(line);
        }
        let part = |(i, part): (usize, &&str)| if i % 2 == 1 { code(part) } else { escape(part) };
        parts.iter().enumerate().map(part).collect::<String>()
    };
    text.lines().map(line).collect::<Vec<_>>().join("<br>\n")
}
