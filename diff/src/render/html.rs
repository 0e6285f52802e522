//! One self-contained page: no network, no script. It can be attached, printed, and read in dark mode.
//!
//! Filters need only CSS: the checkboxes come before everything they filter. The page is also well-formed XML, and a
//! test checks that.

use std::fmt::Write;

use crate::finding::{Finding, Text};
use crate::judge::notes;
use crate::knowledge::Severity;
use crate::list;
use crate::policy;
use crate::render::answer::{self, Section};
use crate::render::registers::{self, Fate, Map};
use crate::render::words;
use crate::report::Report;

const STYLE: &str = include_str!("html.css");
/// A list of features is cut here, in characters.
const MOST_NAMES: usize = 300;
/// How many of the places that were not captured are named.
const MOST_PLACES: usize = 24;

/// The report as a page.
#[must_use]
pub fn render(report: &Report, waivers: bool) -> String {
    page(std::slice::from_ref(report), waivers)
}

/// Reports one under the other on one page.
#[must_use]
pub fn page(reports: &[Report], waivers: bool) -> String {
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
        one(report, waivers, &mut out);
    }
    out.push_str("</body>\n</html>\n");
    out
}

/// One report of a page: the answer, then everything, folded.
fn one(report: &Report, waivers: bool, out: &mut String) {
    let _ = writeln!(out, "<main>\n<h1>{}</h1>", words::kind(report));
    tiles(report, out);
    let rests_on = answer::rests_on(report, MOST_PLACES);
    if !rests_on.is_empty() {
        let _ = writeln!(out, "<p class=\"rests\">{}</p>", escape(&rests_on));
    }
    inputs(report, out);
    let unverified = words::unverified(report).into_iter().map(|line| format!("baseline: {line}"));
    let notes: Vec<String> =
        report.notes.iter().filter(|note| *note != notes::TCG).cloned().chain(unverified).collect();
    if !notes.is_empty() {
        out.push_str("<ul class=\"notes\">\n");
        for note in notes {
            let _ = writeln!(out, "<li>{}</li>", prose(&note));
        }
        out.push_str("</ul>\n");
    }
    let sections = answer::sections(report);
    if !sections.is_empty() {
        let head = if report.causes.is_empty() { "What counts" } else { "Causes" };
        let _ = writeln!(out, "<h2>{head}</h2>\n<div class=\"cards\">");
        for section in &sections {
            card(report, section, out);
        }
        out.push_str("</div>\n");
    }
    fix(report, out);
    if waivers {
        let loud = report.findings.iter().filter(|f| matches!(f.severity, Severity::Unsafe | Severity::Warning));
        let stanzas = policy::stanzas(&loud.collect::<Vec<_>>());
        let _ = writeln!(
            out,
            "<h2>To accept all of it, in the site policy</h2>\n<pre>{}</pre>",
            escape(stanzas.trim_end())
        );
    }
    let _ = writeln!(
        out,
        "<details class=\"all\">\n<summary>Every finding and register: {}</summary>",
        escape(&words::counts(report))
    );
    everything(report, out);
    out.push_str("</details>\n</main>\n");
}

/// The verdict, a tile a direction.
fn tiles(report: &Report, out: &mut String) {
    out.push_str("<div class=\"tiles\">\n");
    for line in answer::verdict(report) {
        let whole = if line.way.is_empty() { " whole" } else { "" };
        let way = if line.way.is_empty() { String::new() } else { format!("<h2>{}</h2>", escape(&line.way)) };
        let _ = writeln!(
            out,
            "<section class=\"tile {}{whole}\">{way}<p class=\"word\">{}</p><p>{}</p></section>",
            line.severity.word(),
            escape(line.word),
            escape(&line.why)
        );
    }
    out.push_str("</div>\n");
}

/// One cause, or what stands alone.
fn card(report: &Report, section: &Section<'_>, out: &mut String) {
    let inferred = if section.inferred { " (inferred)" } else { "" };
    let _ = writeln!(
        out,
        "<section class=\"card {}\"><h3>{}{inferred}</h3>",
        section.severity.word(),
        prose(&section.title)
    );
    let what = section.is_of_many.then(|| section.what(MOST_NAMES));
    let fix = section.fix.as_deref().filter(|_| !answer::is_fixed_below(report, section)).map(str::to_string);
    let items =
        [("what", what), ("consequence", section.consequence.clone()), ("cause", section.cause.clone()), ("fix", fix)];
    let items: Vec<(&str, String)> =
        items.into_iter().filter_map(|(label, text)| Some((label, text.filter(|text| !text.is_empty())?))).collect();
    if !items.is_empty() {
        out.push_str("<dl>");
        for (label, text) in items {
            let _ = write!(out, "<dt>{label}</dt><dd>{}</dd>", prose(&text));
        }
        out.push_str("</dl>");
    }
    out.push_str("</section>\n");
}

/// One fix for all, and what it cannot do.
fn fix(report: &Report, out: &mut String) {
    let (fix, remains) = (answer::fix(report), answer::remains(report));
    if fix.is_none() && remains.is_empty() {
        return;
    }
    out.push_str("<h2>Fix</h2>\n<section class=\"card fix\">");
    if let Some((text, fragments)) = fix {
        for fragment in Some(text).filter(|text| !text.is_empty()).into_iter().chain(fragments) {
            let _ = write!(out, "<p>{}</p>", prose(&fragment));
        }
    }
    for (lead, line) in remains {
        let _ = write!(out, "<p>{lead}: {}</p>", prose(&line));
    }
    out.push_str("</section>\n");
}

/// Every finding with all that is known of it, and the registers that hold flags.
fn everything(report: &Report, out: &mut String) {
    let there: Vec<Severity> =
        Severity::ALL.into_iter().filter(|s| report.findings.iter().any(|f| f.severity == *s)).collect();
    if !there.is_empty() {
        out.push_str("<nav aria-label=\"Show findings\">");
        for severity in &there {
            let count = report.findings.iter().filter(|f| f.severity == *severity).count();
            let word = severity.word();
            let _ = write!(out, "<label for=\"show-{word}\" class=\"{word}\">{word} <b>{count}</b></label>");
        }
        out.push_str("</nav>\n<h2>Findings</h2>\n");
    }
    for severity in there {
        for f in report.findings.iter().filter(|f| f.severity == severity) {
            finding(report, f, out);
        }
    }
    let maps = registers::maps(report);
    let maps: Vec<&Map<'_>> = maps.iter().filter(|map| map.findings.iter().any(|f| f.is_one_bit())).collect();
    if !maps.is_empty() {
        legend(report, out);
        for map in maps {
            bit_map(map, out);
        }
    }
}

/// The facts about the inputs, side by side; what differs is bold.
fn inputs(report: &Report, out: &mut String) {
    let (shared, _) = answer::facts(report);
    out.push_str("<div class=\"inputs\">\n");
    for (i, input) in report.inputs.iter().enumerate() {
        let _ = writeln!(out, "<section><h2><b>{}</b> {}</h2><dl>", words::letter(i), escape(&input.name));
        for fact in words::facts(input) {
            let (what, text) = (fact.0, escape(&fact.1));
            let text = if report.inputs.len() == 1 || shared.contains(&fact) { text } else { format!("<b>{text}</b>") };
            let _ = writeln!(out, "<dt>{what}</dt><dd>{text}</dd>");
        }
        out.push_str("</dl></section>\n");
    }
    out.push_str("</div>\n");
}

fn finding(report: &Report, f: &Finding, out: &mut String) {
    let word = f.severity.word();
    let place = f.subject.to_string();
    let name = match words::name(f) {
        "" => escape(words::what(f)),
        name if name == place => String::new(),
        name => format!("<b>{}</b>", escape(name)),
    };
    let _ = write!(
        out,
        "<details class=\"finding {word}\">\n<summary><span class=\"badge\">{word}</span> \
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
    item("Consequence", words::consequence(f).map(prose).unwrap_or_default());
    item("Cause", text(&f.cause));
    item("Fix", text(&f.remedy));
    item("Log", f.evidence.iter().map(|line| format!("<code>{}</code><br/>", escape(line))).collect());
    if report.inputs.iter().any(|input| input.vcpus > 1) {
        item("vCPUs", list::ranges(&f.vcpus));
    }
    item("Rule", escape(f.rule.word()));
    item("Source", text(&f.source));
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
