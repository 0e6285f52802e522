//! A trace for people: a table for terminals, and Markdown.

use std::fmt::Write;

use crate::list;
use crate::render::Style;
use crate::render::answer::count;
use crate::render::grid::{Grid, plain};
use crate::trace::{Fit, Happened, Layer, Step, Trace};

/// A header, and one row of cells for each place.
fn rows(trace: &Trace) -> (Vec<String>, Vec<Vec<String>>) {
    let layers: Vec<Layer> = trace.layers.iter().map(|given| given.layer).collect();
    let mut header = vec!["place".to_string(), "name".to_string()];
    header.extend(layers.iter().map(|layer| layer.word().to_string()));
    header.push("first change".to_string());
    let row = |step: &Step| {
        let mut cells = vec![step.place.to_string(), name(step)];
        let one_bit = step.is_one_bit();
        cells.extend(layers.iter().map(|layer| step.at(*layer).map_or("-".to_string(), |says| says.word(one_bit))));
        cells.push(first_change(step));
        cells
    };
    (header, trace.steps.iter().map(row).collect())
}

/// The name, if it has one.
fn name(step: &Step) -> String {
    step.name.as_deref().map_or_else(String::new, str::to_string)
}

fn first_change(step: &Step) -> String {
    match step.change {
        Some((Layer::Baseline, Happened::Added)) => "promised by the baseline".to_string(),
        // A guest drops nothing: what made it did.
        Some((layer, Happened::Dropped)) => format!("lost at {}", layer.word()),
        Some((layer, Happened::Added)) => format!("gained at {}", layer.word()),
        Some((layer, Happened::Changed)) => format!("differs at {}", layer.word()),
        None => String::new(),
    }
}

/// How many features are in the table and how many are not.
pub(super) fn counts(trace: &Trace) -> String {
    let broken = trace.steps.iter().filter(|s| s.is_broken_promise()).count();
    let mut line = match trace.fit {
        Fit::Fits => "fits".to_string(),
        Fit::DoesNotFit => "does not fit".to_string(),
        Fit::Unknown => "unknown whether it fits".to_string(),
    };
    let change = if trace.changed == 1 { "changes" } else { "change" };
    let places = count(trace.changed + trace.agreed, "place");
    let _ = write!(line, ": {} of {places} {change} between the layers", trace.changed);
    if trace.not_captured > 0 {
        let _ = write!(line, ", {} not captured in every layer", trace.not_captured);
    }
    if trace.layers.iter().any(|given| given.layer == Layer::Baseline) {
        let _ = write!(line, "; {} not kept", count(broken, "promise"));
    }
    if trace.optional > 0 {
        let is = if trace.optional == 1 { "is" } else { "are" };
        let features = count(trace.optional, "feature");
        let _ = write!(line, "; {features} {is} optional, so guests of this definition may not be alike");
    }
    line
}

/// The verdict, the table, then each promise that was not kept and why.
#[must_use]
pub fn table(trace: &Trace, style: Style) -> String {
    let mut out = String::new();
    let width = usize::from(style.width).max(40);
    out += &list::paragraph("", &counts(trace), width);
    for reason in &trace.reasons {
        out += &list::paragraph("", reason, width);
    }
    out.push('\n');
    for given in &trace.layers {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{:<8}  {}", given.layer.word(), given.name);
    }
    if !trace.steps.is_empty() {
        let (header, cells) = rows(trace);
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let cells: Vec<_> = cells.into_iter().map(|row| row.into_iter().map(plain).collect()).collect();
        out.push('\n');
        out += &Grid::new(&header, &cells, 0, style.width.into()).table(&cells, style.colour);
    }
    for group in broken(trace) {
        out.push('\n');
        out += &list::paragraph("", &format!("{}: {}.", group.names(), group.first.sentence()), width);
        for (what, text) in [("  cause   ", group.first.cause.as_deref()), ("  fix     ", group.remedy().as_deref())] {
            out += &list::paragraph(what, text.unwrap_or_default(), width);
        }
    }
    out
}

/// Promises that were not kept for the same reason.
struct Group<'a> {
    first: &'a Step,
    names: Vec<String>,
    /// All have the same remedy, word for word.
    alike: bool,
}

impl Group<'_> {
    fn names(&self) -> String {
        self.names.join(", ")
    }

    fn remedy(&self) -> Option<String> {
        let remedy = self.first.remedy.as_deref()?;
        let others = if self.alike { "" } else { " Likewise for the others." };
        Some(format!("{remedy}{others}"))
    }
}

/// Each promise that was not kept, and where it was lost.
pub(super) fn not_kept(trace: &Trace) -> Vec<String> {
    broken(trace).iter().map(|group| format!("{}: {}", group.names(), group.first.sentence())).collect()
}

/// In the order of their first features.
fn broken(trace: &Trace) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for step in trace.steps.iter().filter(|step| step.fit == Fit::DoesNotFit) {
        match groups.iter_mut().find(|g| (&g.first.says, &g.first.cause) == (&step.says, &step.cause)) {
            Some(group) => {
                group.names.push(named(step));
                group.alike &= group.first.remedy == step.remedy;
            }
            None => groups.push(Group { first: step, names: vec![named(step)], alike: true }),
        }
    }
    groups
}

/// The name, else the place.
fn named(step: &Step) -> String {
    step.name.as_deref().map_or_else(|| step.place.to_string(), str::to_string)
}

/// Markdown for bug trackers.
#[must_use]
pub fn markdown(trace: &Trace) -> String {
    let mut out = format!("## CPUID from the host to the guest\n\n**{}**\n\n", counts(trace));
    for given in &trace.layers {
        let _ = writeln!(out, "- {}: `{}`", given.layer.word(), given.name.replace('`', "'"));
    }
    if !trace.steps.is_empty() {
        let (header, cells) = rows(trace);
        let _ = writeln!(out, "\n| {} |\n|{}", header.join(" | "), "---|".repeat(header.len()));
        for row in cells {
            let _ = writeln!(out, "| {} |", row.join(" | "));
        }
    }
    for reason in &trace.reasons {
        let _ = writeln!(out, "\n{}", reason.replace('`', "'"));
    }
    for group in broken(trace) {
        let _ = writeln!(out, "\n**{}**: {}.", group.names(), group.first.sentence());
        for text in [group.first.cause.as_deref(), group.remedy().as_deref()].into_iter().flatten() {
            let _ = writeln!(out, "\n{text}");
        }
    }
    out
}
