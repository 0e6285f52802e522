//! An explanation as text, Markdown and JSON.

use std::fmt::Write;

use cpuid_probe::Place;
use cpuid_probe::hypervisor::Owner;

use super::{Answer, Entry, Explanation, Reading};
use crate::knowledge::RuleKind;
use crate::list;
use crate::render::Style;
use crate::render::paint::{Paint, paint};

/// What is said of a value that nobody read.
pub const NOT_CAPTURED: &str = "not captured";

/// A value that is wider does not move the meanings of the others.
const WIDEST: usize = 16;

/// For terminals.
#[must_use]
pub fn text(explanation: &Explanation, style: Style) -> String {
    let width = usize::from(style.width);
    let mut out = String::new();
    for (i, answer) in explanation.answers.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        if !answer.said.is_empty() {
            let _ = writeln!(out, "{}", paint(&answer.term, Paint::Bold, style.colour));
            for (what, words) in &answer.said {
                labelled(&mut out, what, words, style);
            }
        }
        if answer.brief {
            list(&mut out, answer, width);
        } else {
            for (i, entry) in answer.entries.iter().enumerate() {
                if i > 0 {
                    out.push('\n');
                }
                full(&mut out, entry, style);
            }
            decoded(&mut out, answer);
        }
    }
    out
}

/// One line a row.
fn list(out: &mut String, answer: &Answer, width: usize) {
    let places = answer.entries.iter().map(|e| e.place.to_string().len()).max().unwrap_or_default();
    let named = answer.entries.iter().map(|e| e.row.name.unwrap_or_default().len()).max().unwrap_or_default();
    let value = |e: &Entry| shown(&e.values).map(|v| format!(" = {v}")).unwrap_or_default();
    let valued = answer.entries.iter().map(|e| value(e).chars().count()).max().unwrap_or_default().min(WIDEST);
    for e in &answer.entries {
        let value = value(e);
        let line = format!(
            "{:places$}  {:named$}{value:valued$}  {}",
            e.place.to_string(),
            e.row.name.unwrap_or_default(),
            e.meaning
        );
        let _ = writeln!(out, "{}", cut(&line, width));
    }
    decoded(out, answer);
    if let Some(one) = answer.entries.first() {
        let _ = writeln!(out, "{} entries; one in full: cpuid-diff explain '{}'", answer.entries.len(), one.place);
    }
}

fn decoded(out: &mut String, answer: &Answer) {
    for d in &answer.decoded {
        let _ = writeln!(out, "{}  {}: {}{}", d.leaf, d.name, d.value, on(&d.vcpus, answer));
    }
}

/// On which vCPUs, where not all of them agree.
fn on(vcpus: &[u32], answer: &Answer) -> String {
    let several = answer.decoded.iter().any(|d| d.vcpus != vcpus);
    if several { format!(" ({})", vcpu_list(vcpus)) } else { String::new() }
}

fn vcpu_list(vcpus: &[u32]) -> String {
    format!("vCPU {}", list::ranges(vcpus))
}

/// The value in words, or the values of several vCPUs.
fn shown(values: &[Reading]) -> Option<String> {
    let one = |v: &Reading| v.decoded.clone().unwrap_or_else(|| raw(v));
    match values {
        [] => None,
        [only] => Some(one(only)),
        several => Some(several.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}

/// The value as it was read.
fn raw(v: &Reading) -> String {
    v.value.text().unwrap_or_else(|| NOT_CAPTURED.to_string())
}

fn values(entry: &Entry) -> Vec<String> {
    let one = |v: &Reading| v.decoded.as_ref().map_or_else(|| raw(v), |d| format!("{d} ({})", raw(v)));
    match entry.values.as_slice() {
        [only] => vec![one(only)],
        several => several.iter().map(|v| format!("{} on {}", one(v), vcpu_list(&v.vcpus))).collect(),
    }
}

/// The lines of one entry: what, and the words.
fn lines(e: &Entry) -> Vec<(&'static str, String)> {
    let names = [("libvirt", e.row.names.libvirt), ("QEMU", e.row.names.qemu), ("Linux", e.row.names.linux)];
    let names: Vec<String> = names.into_iter().filter_map(|(who, name)| Some(format!("{who} {}", name?))).collect();
    let judged = if e.row.lost == e.row.gained {
        format!("{}: {} if it changes", e.row.rule.word(), e.row.lost.word())
    } else {
        let (worse, better) = match e.row.rule {
            RuleKind::NotLess => ("if it falls", "if it rises"),
            RuleKind::NotGreater => ("if it rises", "if it falls"),
            _ if e.place.bits().is_some_and(|bits| bits.is_one()) => ("if lost", "if gained"),
            _ => ("if lost", "if gained or changed"),
        };
        format!("{}: {} {worse}, {} {better}", e.row.rule.word(), e.row.lost.word(), e.row.gained.word())
    };
    let gates: Vec<String> = e.row.gates.iter().map(Place::to_string).collect();
    let gates = gates.join(" or ");
    let mut lines = vec![
        ("value", values(e).join("; ")),
        ("names", names.join(", ")),
        ("place", if e.place.leaf().is_some() { e.place.prose().to_string() } else { String::new() }),
        ("meaning", e.meaning.clone()),
        ("consequence", e.consequence.clone()),
        ("cause", e.cause.clone()),
        ("decided by", e.layers.join(", ")),
        ("fix", e.remedy.clone()),
        ("rule", judged),
        ("only with", if gates.is_empty() { gates } else { format!("{gates} set") }),
        ("migratable", e.row.migratable.map(|m| m.word()).unwrap_or_default().to_string()),
        ("source", e.source.clone()),
    ];
    lines.retain(|(_, text)| !text.is_empty());
    lines
}

fn heading(e: &Entry) -> String {
    let owner = match e.place.owner() {
        Owner::Cpu => String::new(),
        owner => format!(" ({} block)", owner.word()),
    };
    format!("{}  {}{owner}", e.place, e.row.name.unwrap_or("(no name)"))
}

fn full(out: &mut String, e: &Entry, style: Style) {
    let _ = writeln!(out, "{}", paint(&heading(e), Paint::Bold, style.colour));
    for (what, words) in lines(e) {
        labelled(out, what, &words, style);
    }
}

/// Words with their label in front, wrapped.
fn labelled(out: &mut String, what: &str, words: &str, style: Style) {
    let head = format!("  {what:12}");
    for (lead, line) in list::hang(&head, words, usize::from(style.width).max(44)) {
        let _ = writeln!(out, "{}{}", paint(&lead, Paint::Dim, style.colour), paint(&line, Paint::Plain, false));
    }
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.trim_end().to_string();
    }
    let kept: String = line.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// For bug trackers.
#[must_use]
pub fn markdown(explanation: &Explanation) -> String {
    let mut out = String::new();
    for answer in &explanation.answers {
        if !answer.said.is_empty() {
            let _ = writeln!(out, "### {}\n", escaped(&answer.term));
            for (what, words) in &answer.said {
                let _ = writeln!(out, "- **{what}**: {}", escaped(words));
            }
            out.push('\n');
        }
        if answer.brief {
            let _ =
                writeln!(out, "### {}\n\n| place | name | value | meaning |\n|---|---|---|---|", escaped(&answer.term));
            for e in &answer.entries {
                let place = e.place.to_string();
                let cells =
                    [place.as_str(), e.row.name.unwrap_or_default(), &shown(&e.values).unwrap_or_default(), &e.meaning];
                let _ = writeln!(out, "| {} |", cells.map(escaped).join(" | "));
            }
            out.push('\n');
        } else {
            for e in &answer.entries {
                let _ = writeln!(out, "### {}\n", escaped(&heading(e)));
                for (what, words) in lines(e) {
                    let _ =
                        writeln!(out, "- **{what}**: {}", if words.contains('`') { words } else { escaped(&words) });
                }
                out.push('\n');
            }
        }
        for d in &answer.decoded {
            let _ = writeln!(out, "- `{}` {}: {}", d.leaf, d.name, escaped(&d.value));
        }
    }
    out
}

/// Text that Markdown takes as text.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
