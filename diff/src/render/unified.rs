//! The dumps' canonical lines as a unified diff, and under each changed line a comment that names what differs in it.
//!
//! Lines are matched by their place, so the diff is exact however many vCPUs look alike. [`crate::read`] reads the
//! result as the two excerpts it shows: comments and headers are part of the form.

use std::collections::BTreeMap;
use std::fmt::Write;

use cpuid_probe::dump::{Dump, MsrRecord, Record, VcpuDump};
use cpuid_probe::leaf::LeafId;
use cpuid_probe::place::Place;
use cpuid_probe::text::{write_msr, write_record};

use crate::finding::Finding;
use crate::knowledge::Severity;
use crate::render::{registers, words};
use crate::report::Report;

/// Unchanged lines around a change.
const CONTEXT: usize = 1;

/// The diff, and the verdict as its last comment.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    diff(report, &mut out);
    // Writing to a String cannot fail.
    let _ = writeln!(out, "# {}", words::verdict(report));
    out
}

/// The diff alone; empty where the report is not about two dumps.
pub fn diff(report: &Report, out: &mut String) {
    let [a, b] = report.dumps.as_slice() else { return };
    let several = a.vcpus.len() > 1 || b.vcpus.len() > 1;
    let rows = merge(lines(a, several), lines(b, several));
    let mut index = Index::new(report, a, b);
    let name =
        |i: usize| report.inputs.get(i).map(|input| input.name.replace(char::is_control, " ")).unwrap_or_default();
    if rows.iter().any(Row::changed) {
        let _ = writeln!(out, "--- {}\n+++ {}", name(0), name(1));
    }
    let (mut at, mut old, mut new) = (0, 1, 1);
    while let Some(hunk) = next_hunk(&rows, at) {
        for row in &rows[at..hunk.start] {
            old += usize::from(row.old.is_some());
            new += usize::from(row.new.is_some());
        }
        let count = |side: fn(&Row<'_>) -> bool| rows[hunk.clone()].iter().filter(|r| side(r)).count();
        let (olds, news) = (count(|r| r.old.is_some()), count(|r| r.new.is_some()));
        let range = |start: usize, len: usize| match len {
            0 => format!("{},0", start - 1),
            1 => start.to_string(),
            len => format!("{start},{len}"),
        };
        // A hunk without the line that names its vCPU says it in its header, as `diff -p` does.
        let first = rows[hunk.start].key;
        let section = if several && first.1 != Position::Vcpu { format!(" vcpu {}", first.0) } else { String::new() };
        let _ = writeln!(out, "@@ -{} +{} @@{section}", range(old, olds), range(new, news));
        for row in &rows[hunk.clone()] {
            write_row(out, row, &mut index);
        }
        (old, new, at) = (old + olds, new + news, hunk.end);
    }
    for f in index.unsaid() {
        let _ = writeln!(out, "# {}: {}", f.subject, comment(f));
    }
}

/// The position of a line within a vCPU, in the order of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Position {
    Vcpu,
    Leaf(LeafId),
    Msr(u32),
}

type Key = (u32, Position);

/// What a line says.
#[derive(Clone, Copy, PartialEq)]
enum Line<'a> {
    Vcpu(u32),
    Leaf(&'a Record),
    Msr(&'a MsrRecord),
}

impl Line<'_> {
    fn write(&self, out: &mut String, sign: char) {
        out.push(sign);
        let _ = match self {
            Self::Vcpu(n) => writeln!(out, "vcpu {n}"),
            Self::Leaf(record) => write_record(out, record),
            Self::Msr(msr) => write_msr(out, msr),
        };
    }
}

/// A place with what each side says there.
struct Row<'a> {
    key: Key,
    old: Option<Line<'a>>,
    new: Option<Line<'a>>,
}

impl Row<'_> {
    fn changed(&self) -> bool {
        self.old != self.new
    }
}

/// A dump's lines, by place. Where neither dump has several vCPUs, vCPU numbers are ignored.
fn lines(dump: &Dump, several: bool) -> Vec<(Key, Line<'_>)> {
    let mut lines = Vec::new();
    for v in &dump.vcpus {
        let number = if several { v.vcpu } else { 0 };
        lines.extend(several.then_some(((number, Position::Vcpu), Line::Vcpu(number))));
        // What single places say is no register set.
        if v.is_statements() {
            continue;
        }
        lines.extend(v.leaves().iter().map(|r| ((number, Position::Leaf(r.id)), Line::Leaf(r))));
        lines.extend(v.msrs().iter().map(|m| ((number, Position::Msr(m.index)), Line::Msr(m))));
    }
    lines
}

fn merge<'a>(old: Vec<(Key, Line<'a>)>, new: Vec<(Key, Line<'a>)>) -> Vec<Row<'a>> {
    let mut rows = Vec::with_capacity(old.len().max(new.len()));
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    while let Some(key) = [old.peek(), new.peek()].into_iter().flatten().map(|(key, _)| *key).min() {
        let (of_old, of_new) = (old.next_if(|(k, _)| *k == key), new.next_if(|(k, _)| *k == key));
        rows.push(Row { key, old: of_old.map(|(_, line)| line), new: of_new.map(|(_, line)| line) });
    }
    rows
}

/// The next run of rows in which no change is further than the context from another.
fn next_hunk(rows: &[Row<'_>], from: usize) -> Option<std::ops::Range<usize>> {
    let first = from + rows[from..].iter().position(Row::changed)?;
    let mut last = first;
    while let Some(step) = rows[last + 1..].iter().take(2 * CONTEXT + 1).position(Row::changed) {
        last += step + 1;
    }
    Some(first.saturating_sub(CONTEXT).max(from)..(last + 1 + CONTEXT).min(rows.len()))
}

fn write_row(out: &mut String, row: &Row<'_>, index: &mut Index<'_>) {
    if !row.changed() {
        if let Some(line) = row.old {
            line.write(out, ' ');
        }
        return;
    }
    let (of_old, of_new) = (index.at(0, row.key), index.at(1, row.key));
    if let Some(line) = row.old {
        line.write(out, '-');
        // Printed under the added line, where the findings are about that line too.
        let here = of_old.iter().filter(|i| row.new.is_none() || !of_new.contains(i));
        index.write(out, here);
    }
    if let Some(line) = row.new {
        line.write(out, '+');
        index.write(out, of_new.iter());
    }
}

/// Which findings a line of either side is about.
struct Index<'a> {
    findings: &'a [Finding],
    sides: [BTreeMap<Key, Vec<usize>>; 2],
    said: Vec<bool>,
}

impl<'a> Index<'a> {
    fn new(report: &'a Report, a: &Dump, b: &Dump) -> Self {
        let several = a.vcpus.len() > 1 || b.vcpus.len() > 1;
        let mut sides = [BTreeMap::<Key, Vec<usize>>::new(), BTreeMap::new()];
        for (i, f) in report.findings.iter().enumerate() {
            for (side, dump) in [a, b].into_iter().enumerate() {
                if f.input.is_some_and(|input| input != side) {
                    continue;
                }
                for v in &dump.vcpus {
                    let number = if several { v.vcpu } else { 0 };
                    let on_it = !several || f.vcpus.contains(&v.vcpu);
                    if let Some(position) = position_in(f, v).filter(|_| on_it) {
                        sides[side].entry((number, position)).or_default().push(i);
                    }
                }
            }
        }
        Self { findings: &report.findings, sides, said: vec![false; report.findings.len()] }
    }

    fn at(&self, side: usize, key: Key) -> Vec<usize> {
        self.sides[side].get(&key).cloned().unwrap_or_default()
    }

    fn write<'i>(&mut self, out: &mut String, findings: impl Iterator<Item = &'i usize>) {
        for &i in findings {
            let f = &self.findings[i];
            let at = match f.place() {
                Some(Place::Cpuid { register, bits, .. }) => format!("{register}[{bits}] "),
                Some(Place::Msr { bits, .. }) => format!("[{bits}] "),
                _ => String::new(),
            };
            let _ = writeln!(out, "# {at}{}", comment(f));
            self.said[i] = true;
        }
    }

    /// Loud findings that no line of the diff belongs to.
    fn unsaid(&self) -> impl Iterator<Item = &'a Finding> {
        let findings = self.findings;
        let said = self.said.clone();
        findings.iter().zip(said).filter(|(f, said)| !said && f.is_loud()).map(|(f, _)| f)
    }
}

/// Where a finding's place is in this vCPU: a block's leaves move with its base.
#[must_use]
fn position_in(f: &Finding, v: &VcpuDump) -> Option<Position> {
    if let Some(msr) = f.place().and_then(Place::msr_index) {
        return Some(Position::Msr(msr));
    }
    registers::leaf_in(f, v).map(Position::Leaf)
}

/// `ds 0 -> 1, B → A lost: unsafe`.
fn comment(f: &Finding) -> String {
    let mut out = words::name(f).replace(char::is_control, " ");
    match (f.values.a.text(), f.values.b.text()) {
        (Some(a), Some(b)) => {
            let _ = write!(out, " {a} -> {b}");
        }
        (Some(v), None) | (None, Some(v)) => {
            let _ = write!(out, " {v}");
        }
        (None, None) => {}
    }
    let directions = words::directions(f);
    let _ = match f.severity {
        Severity::Unsafe | Severity::Warning if !directions.is_empty() => write!(out, ", {directions}"),
        Severity::Waived => write!(out, ", waived"),
        s => write!(out, ", {} ({})", s.word(), f.rule.word()),
    };
    out.trim_start_matches([',', ' ']).to_string()
}
