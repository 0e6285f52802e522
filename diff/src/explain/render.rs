//! An explanation as text, Markdown and JSON.

use std::fmt::Write;

use super::{Answer, Entry, Explanation, Value};

/// For terminals: wrapped at `width` columns.
#[must_use]
pub fn text(explanation: &Explanation, width: usize) -> String {
    let mut out = String::new();
    for (i, answer) in explanation.answers.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        if answer.brief {
            list(&mut out, answer, width);
        } else {
            for (i, entry) in answer.entries.iter().enumerate() {
                if i > 0 {
                    out.push('\n');
                }
                full(&mut out, entry, width);
            }
            decoded(&mut out, answer);
        }
    }
    out
}

/// One line a row.
fn list(out: &mut String, answer: &Answer, width: usize) {
    let places = answer.entries.iter().map(|e| e.place.len()).max().unwrap_or_default();
    let named = answer.entries.iter().map(|e| e.name.unwrap_or_default().len()).max().unwrap_or_default();
    for e in &answer.entries {
        let value = shown(&e.values).map(|v| format!(" = {v}")).unwrap_or_default();
        let line = format!("{:places$}  {:named$}{value}  {}", e.place, e.name.unwrap_or_default(), e.meaning);
        let _ = writeln!(out, "{}", cut(&line, width));
    }
    decoded(out, answer);
    if let Some(one) = answer.entries.first() {
        let _ = writeln!(out, "{} rows; for more: cpuid-diff explain '{}'", answer.entries.len(), one.place);
    }
}

fn decoded(out: &mut String, answer: &Answer) {
    for d in &answer.decoded {
        let _ = writeln!(out, "{}  {}: {}{}", d.place, d.name, d.value, on(&d.vcpus, answer));
    }
}

/// On which vCPUs, where not all of them agree.
fn on(vcpus: &[u32], answer: &Answer) -> String {
    let several = answer.decoded.iter().any(|d| d.vcpus != vcpus);
    if several { format!(" ({})", vcpu_list(vcpus)) } else { String::new() }
}

fn vcpu_list(vcpus: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for v in vcpus {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *v => *last = *v,
            _ => ranges.push((*v, *v)),
        }
    }
    let ranges = ranges.into_iter().map(|(a, b)| if a == b { a.to_string() } else { format!("{a}-{b}") });
    format!("vCPU {}", ranges.collect::<Vec<_>>().join(","))
}

/// The value in words, or the values of several vCPUs.
fn shown(values: &[Value]) -> Option<String> {
    let one = |v: &Value| v.decoded.clone().unwrap_or_else(|| v.raw.clone());
    match values {
        [] => None,
        [only] => Some(one(only)),
        several => Some(several.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}

fn values(entry: &Entry) -> Vec<String> {
    let one = |v: &Value| v.decoded.as_ref().map_or_else(|| v.raw.clone(), |d| format!("{d} ({})", v.raw));
    match entry.values.as_slice() {
        [only] => vec![one(only)],
        several => several.iter().map(|v| format!("{} on {}", one(v), vcpu_list(&v.vcpus))).collect(),
    }
}

/// The lines of one entry: what, and the words.
fn lines(e: &Entry) -> Vec<(&'static str, String)> {
    let names = [("libvirt", e.names.libvirt), ("QEMU", e.names.qemu), ("Linux", e.names.linux)];
    let names: Vec<String> = names.into_iter().filter_map(|(who, name)| Some(format!("{who} {}", name?))).collect();
    let judged = if e.lost == e.gained {
        format!("{}: {} if it changes", e.rule, e.lost)
    } else {
        format!("{}: {} if lost, {} if gained or changed", e.rule, e.lost, e.gained)
    };
    let gates = e.gates.join(" or ");
    let mut lines = vec![
        ("value", values(e).join("; ")),
        ("names", names.join(", ")),
        ("place", e.notation.clone().unwrap_or_default()),
        ("meaning", e.meaning.clone()),
        ("if lost", e.consequence.clone()),
        ("cause", e.cause.clone()),
        ("decided by", e.layers.join(", ")),
        ("remedy", e.remedy.clone()),
        ("rule", judged),
        ("only with", if gates.is_empty() { gates } else { format!("{gates} set") }),
        ("migratable", e.migratable.unwrap_or_default().to_string()),
        ("source", e.source.clone()),
    ];
    lines.retain(|(_, text)| !text.is_empty());
    lines
}

fn heading(e: &Entry) -> String {
    let owner = if e.owner == "cpu" { String::new() } else { format!(" ({} block)", e.owner) };
    format!("{}  {}{owner}", e.place, e.name.unwrap_or("(no name)"))
}

fn full(out: &mut String, e: &Entry, width: usize) {
    let _ = writeln!(out, "{}", heading(e));
    for (what, words) in lines(e) {
        for (i, line) in wrapped(&words, width.saturating_sub(14).max(30)).into_iter().enumerate() {
            let _ = writeln!(out, "  {:12}{line}", if i == 0 { what } else { "" });
        }
    }
}

/// `text` in lines of at most `width` characters, broken at blanks; a longer word gets a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().map(|l| (l.chars().count(), l));
        match line {
            Some((0, line)) => line.push_str(word),
            Some((long, line)) if long + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
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
        if answer.brief {
            let _ =
                writeln!(out, "### {}\n\n| place | name | value | meaning |\n|---|---|---|---|", escaped(&answer.term));
            for e in &answer.entries {
                let cells = [&e.place, e.name.unwrap_or_default(), &shown(&e.values).unwrap_or_default(), &e.meaning];
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
            let _ = writeln!(out, "- `{}` {}: {}", d.place, d.name, escaped(&d.value));
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

/// As JSON, `cpuid-explain/1`.
///
/// # Errors
/// None that an explanation can cause.
pub fn json(explanation: &Explanation) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(explanation)?;
    text.push('\n');
    Ok(text)
}
