//! The diagram of safe moves for Graphviz.

use std::fmt::Write;

use super::hasse::Hasse;
use super::words;
use crate::fleet::Fleet;

/// `digraph fleet { … }`: an arrow is a safe move that does not follow from others. Pools are clusters.
#[must_use]
pub fn render(fleet: &Fleet) -> String {
    let hasse = Hasse::of(fleet);
    let mut out = String::from("digraph fleet {\n  rankdir=TB;\n  node [shape=box, fontname=\"sans-serif\"];\n");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "  label={};\n  labelloc=t;", quoted(&words::headline(fleet)));
    for (i, classes) in hasse.nodes.iter().enumerate() {
        let letters: Vec<String> = classes.iter().map(|c| words::letter(*c)).collect();
        let label = format!("{}: {}", letters.join(" "), words::hosts(fleet, classes, 3));
        let _ = writeln!(out, "  n{i} [label={}];", quoted(&label));
    }
    for (a, b) in &hasse.edges {
        let _ = writeln!(out, "  n{a} -> n{b};");
    }
    for problem in &fleet.problems {
        let _ = writeln!(out, "  // problem: {}", words::problem(problem).replace('\n', " "));
    }
    out.push_str("}\n");
    out
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', " "))
}
