//! `explain`: everything that is known about a place or a name, and the value that a dump holds.
//!
//! A pure function from questions to an [`Explanation`]; [`render`] writes it down.

mod find;
pub mod render;

use cpuid_probe::dump::Dump;
use cpuid_probe::leaf::LeafId;
use cpuid_probe::place::Place;

use crate::finding;
use crate::knowledge::{Knowledge, Row};
use crate::view::DumpView;

/// The answers to all questions.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// One answer for each question, in the order asked; questions without an answer are in `unknown`.
    pub answers: Vec<Answer>,
    /// Questions that nothing answers.
    pub unknown: Vec<Unknown>,
}

/// A question that nothing answers.
#[derive(Clone, Debug)]
pub struct Unknown {
    /// The question.
    pub term: String,
    /// Names that look like it, the most alike first.
    pub near: Vec<&'static str>,
}

/// The answer to one question.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The question.
    pub term: String,
    /// Every place it stands for.
    pub entries: Vec<Entry>,
    /// What the leaves asked for mean as a whole, in the dump given: by place and name.
    pub decoded: Vec<LeafMeaning>,
    /// Whether the entries are a list to choose from, rather than what was asked for.
    pub brief: bool,
}

/// What the registers of a place mean together.
#[derive(Clone, Debug)]
pub struct LeafMeaning {
    /// The leaf.
    pub leaf: LeafId,
    /// What is decoded.
    pub name: &'static str,
    /// Its value, with its unit.
    pub value: String,
    /// The vCPUs that show it.
    pub vcpus: Vec<u32>,
}

/// One row, and everything known about it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where.
    pub place: Place,
    /// The row.
    pub row: Row,
    /// What it promises to software.
    pub meaning: String,
    /// What losing it does to a running guest.
    pub consequence: String,
    /// Why it can differ.
    pub cause: String,
    /// The layers that can take it away.
    pub layers: Vec<&'static str>,
    /// What to change.
    pub remedy: String,
    /// Whether cause and remedy are about this place; if not, they are the general text of its rule.
    pub specific: bool,
    /// Where all this comes from.
    pub source: String,
    /// Its values in the dump given.
    pub values: Vec<Reading>,
}

/// A value in a dump.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The value; unknown where it was not captured.
    pub value: finding::Value,
    /// The value with its unit, where the row has one.
    pub decoded: Option<String>,
    /// The vCPUs that show it.
    pub vcpus: Vec<u32>,
}

/// Answers `terms`, with values from `dump` where one is given.
///
/// A name that stands for several places is answered with all of them, and a part of a name with every name that
/// contains it. A leaf or a register is answered with its rows.
#[must_use]
pub fn explain(terms: &[String], dump: Option<&Dump>, knowledge: &Knowledge) -> Explanation {
    let view = dump.map(DumpView::of);
    let mut explanation = Explanation { answers: Vec::new(), unknown: Vec::new() };
    for text in terms {
        match find::answer(text, view.as_ref(), knowledge) {
            Some(answer) => explanation.answers.push(answer),
            None => explanation.unknown.push(Unknown { term: text.clone(), near: knowledge.near(text) }),
        }
    }
    explanation
}
