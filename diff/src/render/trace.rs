//! The way of features from the hardware to the guest: a table for terminals, Markdown, JSON.

use std::fmt::Write;

use comfy_table::{ContentArrangement, LineStyle, Table, TableStyle, presets};

use crate::baseline::trace::{Happened, Has, Layer, Step, Trace};
use crate::render::Style;

/// One row of cells a feature, under a header.
fn rows(trace: &Trace) -> (Vec<String>, Vec<Vec<String>>) {
    let layers: Vec<Layer> = trace.layers.iter().map(|given| given.layer).collect();
    let mut header = vec!["place".to_string(), "name".to_string()];
    header.extend(layers.iter().map(|layer| layer.word().to_string()));
    header.push("first change".to_string());
    let row = |step: &Step| {
        let mut cells = vec![place(step), step.name.clone()];
        cells.extend(layers.iter().map(|layer| step.at(*layer).map_or("?", Has::word).to_string()));
        cells.push(first_change(step));
        cells
    };
    (header, trace.features.iter().map(row).collect())
}

/// `0x00000001 EDX[21]`, `msr 0x0000010a[0]`.
fn place(step: &Step) -> String {
    let bit = step.bits.as_deref().unwrap_or_default();
    match (&step.msr, &step.leaf, &step.register) {
        (Some(msr), ..) => format!("msr {msr}[{bit}]"),
        (None, Some(leaf), Some(register)) => {
            let number = |text: &String| u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap_or_default();
            let subleaf = step.subleaf.as_ref().map(|s| format!(".{}", number(s))).unwrap_or_default();
            format!("{leaf}{subleaf} {}[{bit}]", register.to_ascii_uppercase())
        }
        _ => step.id.clone(),
    }
}

fn first_change(step: &Step) -> String {
    match (step.layer, step.change) {
        (Some(Layer::Baseline), Some(Happened::Added)) => "promised by the baseline".to_string(),
        (Some(layer), Some(Happened::Dropped)) => format!("dropped by {}", layer.word()),
        (Some(layer), Some(Happened::Added)) => format!("added by {}", layer.word()),
        _ => String::new(),
    }
}

/// How many features are in the table and how many are not.
fn counts(trace: &Trace) -> String {
    let differing = trace.features.iter().filter(|s| s.layer.is_some()).count();
    let broken = trace.features.iter().filter(|s| s.is_broken_promise()).count();
    let mut line = format!("{differing} features change on the way, {} do not", trace.agreed);
    if trace.not_captured > 0 {
        let _ = write!(line, ", {} are not captured in every layer", trace.not_captured);
    }
    if trace.layers.iter().any(|given| given.layer == Layer::Baseline) {
        let _ = write!(line, "; {broken} promised in vain");
    }
    line
}

/// The table, then what became of each promise that was not kept.
#[must_use]
pub fn table(trace: &Trace, style: Style) -> String {
    const STYLE: TableStyle = presets::NOTHING.header_separator(LineStyle::none().fill('-').junction('-'));
    let mut out = String::new();
    // Writing to a String cannot fail.
    for given in &trace.layers {
        let _ = writeln!(out, "{:<8}  {}", given.layer.word(), given.name);
    }
    if !trace.features.is_empty() {
        let (header, cells) = rows(trace);
        let mut table = Table::new();
        table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_width(style.width);
        table.set_header(header);
        table.add_rows(cells);
        for column in table.column_iter_mut() {
            column.set_padding((0, 1));
        }
        out.push('\n');
        for line in table.lines() {
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }
    for group in broken(trace) {
        let _ = writeln!(
            out,
            "\n{}",
            wrapped("", &format!("{}: {}.", group.names(), group.first.says), style.width.into())
        );
        for (what, text) in [("  why   ", &group.first.cause), ("  fix   ", &group.remedy())] {
            if let Some(text) = text {
                let _ = writeln!(out, "{}", wrapped(what, text, style.width.into()));
            }
        }
    }
    let _ = writeln!(out, "\n{}", counts(trace));
    out
}

/// Promises that were not kept, for one and the same reason.
struct Group<'a> {
    first: &'a Step,
    names: Vec<&'a str>,
    /// All have the same remedy, word for word.
    alike: bool,
}

impl Group<'_> {
    fn names(&self) -> String {
        self.names.join(", ")
    }

    fn remedy(&self) -> Option<String> {
        let remedy = self.first.remedy.as_ref()?;
        let others = if self.alike { "" } else { " Likewise for the others." };
        Some(format!("{remedy}{others}"))
    }
}

/// In the order of their first features.
fn broken(trace: &Trace) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for step in trace.features.iter().filter(|step| step.is_broken_promise()) {
        match groups.iter_mut().find(|g| (&g.first.says, &g.first.cause) == (&step.says, &step.cause)) {
            Some(group) => {
                group.names.push(&step.name);
                group.alike &= group.first.remedy == step.remedy;
            }
            None => groups.push(Group { first: step, names: vec![&step.name], alike: true }),
        }
    }
    groups
}

/// A paragraph behind a word, whose width is that of the lines after it.
fn wrapped(what: &str, text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut line = what.to_string();
    for word in text.split_whitespace() {
        if line.chars().count() > what.len() && line.chars().count() + word.chars().count() > width.max(40) {
            out.push_str(line.trim_end());
            out.push('\n');
            line = " ".repeat(what.len());
        }
        line.push_str(word);
        line.push(' ');
    }
    out.push_str(line.trim_end());
    out
}

/// Markdown for bug trackers.
#[must_use]
pub fn markdown(trace: &Trace) -> String {
    let mut out = format!("## CPUID from the host to the guest\n\n**{}**\n\n", counts(trace));
    for given in &trace.layers {
        let _ = writeln!(out, "- {}: `{}`", given.layer.word(), given.name.replace('`', "'"));
    }
    if !trace.features.is_empty() {
        let (header, cells) = rows(trace);
        let _ = writeln!(out, "\n| {} |\n|{}", header.join(" | "), "---|".repeat(header.len()));
        for row in cells {
            let _ = writeln!(out, "| {} |", row.join(" | "));
        }
    }
    for group in broken(trace) {
        let _ = writeln!(out, "\n**{}**: {}.", group.names(), group.first.says);
        for text in [group.first.cause.clone(), group.remedy()].into_iter().flatten() {
            let _ = writeln!(out, "\n{text}");
        }
    }
    out
}

/// JSON: `cpuid-trace/1`.
///
/// # Errors
/// None that a trace can cause.
pub fn json(trace: &Trace) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(trace).map(|text| text + "\n")
}
