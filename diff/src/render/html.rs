//! One self-contained page: no network, no script. It can be attached, printed, and read in dark mode.
//!
//! Filters need only CSS: the checkboxes come before everything they filter. The page is also well-formed XML, and a
//! test checks that.

use std::fmt::Write;

use crate::finding::{Finding, Text};
use crate::knowledge::Severity;
use crate::list;
use crate::policy;
use crate::render::registers::{self, Fate, Map};
use crate::render::words;
use crate::report::Report;

const STYLE: &str = include_str!("html.css");
/// Explanations of unsafe findings and warnings start unfolded if there are at most this many.
const MOST_UNFOLDED: usize = 12;
/// How many of the places that were not captured are named.
const MOST_PLACES: usize = 24;

/// The report as a page.
#[must_use]
pub fn render(report: &Report) -> String {
    page(std::slice::from_ref(report))
}

/// Reports one under the other on one page.
#[must_use]
pub fn page(reports: &[Report]) -> String {
    let mut out = String::new();
    let title = reports.iter().map(words::verdict).collect::<Vec<_>>().join(" | ");
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n",
        escape(&title)
    );
    let all = || reports.iter().flat_map(|report| &report.findings);
    for severity in Severity::ALL.into_iter().filter(|s| all().any(|f| f.severity == *s)) {
        let word = severity.word();
        let _ = writeln!(out, "<input type=\"checkbox\" id=\"show-{word}\" class=\"filter\" checked=\"\"/>");
    }
    for report in reports {
        one(report, &mut out);
    }
    out.push_str("</body>\n</html>\n");
    out
}

/// One report of a page.
fn one(report: &Report, out: &mut String) {
    let title = words::kind(report);
    let verdict = escape(&words::verdict(report));
    let there: Vec<Severity> =
        Severity::ALL.into_iter().filter(|s| report.findings.iter().any(|f| f.severity == *s)).collect();
    let worst = there.first().map_or("expected", |s| s.word());
    let _ = writeln!(out, "<main>\n<p class=\"kind\">{title}</p>\n<h1 class=\"verdict {worst}\">{verdict}</h1>");
    inputs(report, out);
    let missing = words::not_captured(report, MOST_PLACES).into_iter().map(|line| format!("not captured: {line}"));
    let unverified = words::unverified(report).into_iter().map(|line| format!("baseline: {line}"));
    let notes: Vec<String> = report.notes.iter().cloned().chain(missing).chain(unverified).collect();
    if !notes.is_empty() {
        out.push_str("<ul class=\"notes\">\n");
        for note in notes {
            let _ = writeln!(out, "<li>{}</li>", prose(&note));
        }
        out.push_str("</ul>\n");
    }
    if !there.is_empty() {
        out.push_str("<nav aria-label=\"Show findings\">");
        for severity in &there {
            let count = report.findings.iter().filter(|f| f.severity == *severity).count();
            let word = severity.word();
            let _ = write!(out, "<label for=\"show-{word}\" class=\"{word}\">{word} <b>{count}</b></label>");
        }
        out.push_str("</nav>\n<h2>Findings</h2>\n");
    }
    let loud = report.findings.iter().filter(|f| matches!(f.severity, Severity::Unsafe | Severity::Warning)).count();
    for severity in there {
        for f in report.findings.iter().filter(|f| f.severity == severity) {
            finding(report, f, loud <= MOST_UNFOLDED, out);
        }
    }
    let maps = registers::maps(report);
    if !maps.is_empty() {
        legend(report, out);
        for map in &maps {
            bit_map(map, out);
        }
    }
    out.push_str("</main>\n");
}

/// The facts about the inputs, side by side.
fn inputs(report: &Report, out: &mut String) {
    out.push_str("<div class=\"inputs\">\n");
    for (i, input) in report.inputs.iter().enumerate() {
        let _ = writeln!(out, "<section><h2><b>{}</b> {}</h2><dl>", words::letter(i), escape(&input.name));
        for (what, text) in words::facts(input) {
            let _ = writeln!(out, "<dt>{what}</dt><dd>{}</dd>", escape(&text));
        }
        out.push_str("</dl></section>\n");
    }
    out.push_str("</div>\n");
}

fn finding(report: &Report, f: &Finding, unfold: bool, out: &mut String) {
    let word = f.severity.word();
    let loud = matches!(f.severity, Severity::Unsafe | Severity::Warning);
    let open = if loud && unfold { " open=\"\"" } else { "" };
    let place = f.subject.to_string();
    let name = match words::name(f) {
        "" => escape(words::what(f)),
        name if name == place => String::new(),
        name => format!("<b>{}</b>", escape(name)),
    };
    let _ = write!(
        out,
        "<details class=\"finding {word}\"{open}>\n<summary><span class=\"badge\">{word}</span> \
         <code>{}</code> {name}",
        escape(&place)
    );
    let aside = words::aside(report, f);
    if !aside.is_empty() {
        let _ = write!(out, " <span class=\"in\">{}</span>", escape(aside.trim()));
    }
    let values = [("A", &f.values.a), ("B", &f.values.b), ("expected", &f.values.expected)];
    for (side, value) in values {
        let Some(value) = value.text() else { continue };
        let side = match (side, report.verdict.overall) {
            ("A", None) => "has",
            (side, _) => side,
        };
        let _ = write!(out, " <span class=\"value\">{side} <code>{}</code></span>", escape(&value));
    }
    out.push_str("</summary>\n<dl>\n");
    let mut item = |label: &str, html: String| {
        if !html.is_empty() {
            let _ = writeln!(out, "<dt>{label}</dt><dd>{html}</dd>");
        }
    };
    let text = |text: &Option<Text>| text.as_deref().map(prose).unwrap_or_default();
    item("What it is", prose(&words::is(f)));
    item("Change", escape(&words::directions(f)));
    item("Values", escape(&words::decoded(f).unwrap_or_default()));
    item("Waiver", prose(&words::waived(f).unwrap_or_default()));
    item(
        "What it does",
        words::consequence(f).map(|text| format!("If it is lost or changes: {}", prose(text))).unwrap_or_default(),
    );
    item("Why it differs", text(&f.cause));
    item("What to change", text(&f.remedy));
    item("Log", f.evidence.iter().map(|line| format!("<code>{}</code><br/>", escape(line))).collect());
    if report.inputs.iter().any(|input| input.vcpus > 1) {
        item("vCPUs", list::ranges(&f.vcpus));
    }
    item("Rule", escape(f.rule.word()));
    item("Source", text(&f.source));
    if loud {
        item("To accept it", format!("<pre>{}</pre>", escape(policy::stanzas(&[f]).trim_end())));
    }
    out.push_str("</dl>\n</details>\n");
}

/// The sign and word of what became of a bit.
const fn sign(fate: Fate) -> (&'static str, &'static str) {
    match fate {
        Fate::Same(false) => ("0", "same"),
        Fate::Same(true) => ("1", "same"),
        Fate::Lost => ("−", "lost"),
        Fate::Gained => ("+", "gained"),
        Fate::Changed => ("≠", "changed"),
        Fate::Aside => ("~", "aside"),
    }
}

fn legend(report: &Report, out: &mut String) {
    let way = if report.verdict.overall.is_some() { "from A to B" } else { "from the baseline to what the guest has" };
    let _ = write!(out, "<h2>Registers, {way}</h2>\n<p class=\"legend\">");
    for (fate, words) in [
        (Fate::Same(true), "same (its value)"),
        (Fate::Lost, "lost"),
        (Fate::Gained, "gained"),
        (Fate::Changed, "another number"),
        (Fate::Aside, "set aside or waived"),
    ] {
        let (sign, class) = sign(fate);
        let _ = write!(out, "<span><i class=\"{class}\">{sign}</i> {words}</span> ");
    }
    out.push_str("</p>\n");
}

fn bit_map(map: &Map<'_>, out: &mut String) {
    let worst = map.findings.iter().map(|f| f.severity).min().unwrap_or(Severity::Expected).word();
    let _ = write!(out, "<figure class=\"{worst}\">\n<figcaption><code>{}</code>", escape(&map.title));
    for (side, value) in &map.values {
        let _ = write!(out, " <span class=\"value\">{side} <code>{}</code></span>", escape(value));
    }
    out.push_str("</figcaption>\n<div class=\"bits\">");
    for (i, (fate, finding)) in map.bits.iter().enumerate() {
        let bit = map.bits.len() - 1 - i;
        let (sign, class) = sign(*fate);
        let name = finding.map(words::name).filter(|name| !name.is_empty());
        let title = name.map(|name| format!(" title=\"{bit}: {} {class}\"", escape(name))).unwrap_or_default();
        let _ = write!(out, "<i class=\"{class}\"{title}><small>{bit}</small>{sign}</i>");
    }
    out.push_str("</div>\n<ul class=\"names\">");
    for f in &map.findings {
        let bits = f.place().and_then(|p| p.bits()).map(|b| b.to_string()).unwrap_or_default();
        let name = match words::name(f) {
            "" => words::what(f),
            name => name,
        };
        let _ = write!(out, "<li class=\"{}\"><code>[{bits}]</code> {}</li>", f.severity.word(), escape(name));
    }
    out.push_str("</ul>\n</figure>\n");
}

/// Text with everything escaped that HTML would interpret.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Our own sentences: words between backticks are code, lines stay lines, the rest is plain text.
fn prose(text: &str) -> String {
    let line = |line: &str| {
        let parts: Vec<&str> = line.split('`').collect();
        let part = |(i, part): (usize, &&str)| match i % 2 {
            1 => format!("<code>{}</code>", escape(part)),
            _ => escape(part),
        };
        if parts.len().is_multiple_of(2) { escape(line) } else { parts.iter().enumerate().map(part).collect() }
    };
    text.lines().map(line).collect::<Vec<String>>().join("<br/>\n")
}
