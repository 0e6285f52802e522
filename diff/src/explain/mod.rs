//! `explain`: everything that is known about a place or a name, and the value that a dump holds.
//!
//! A pure function from questions to an [`Explanation`]; [`render`] writes it down.

mod find;
mod messages;
mod model;
mod pasted;
pub mod render;
mod words;

use cpuid_probe::dump::Dump;
use cpuid_probe::leaf::LeafId;
use cpuid_probe::place::{Place, Query};
use cpuid_probe::printable::printable;

use crate::cpu_map::CpuMap;
use crate::finding;
use crate::knowledge::{Knowledge, Row, near as of_names};
use crate::read::levels;
use crate::view::DumpView;

use pasted::{Ask, Thing};

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
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The question.
    pub term: String,
    /// Every place it stands for.
    pub entries: Vec<Entry>,
    /// What the leaves asked for mean as a whole, in the dump given: by place and name.
    pub decoded: Vec<LeafMeaning>,
    /// Whether the entries are a list to choose from, rather than what was asked for.
    pub brief: bool,
    /// What is to be said besides, or instead, each sentence with its label.
    pub said: Vec<(&'static str, String)>,
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
        if let Some(answer) = find::answer(text, view.as_ref(), knowledge) {
            explanation.answers.push(answer);
            continue;
        }
        let mut found = pasted(text, view.as_ref(), knowledge);
        if found.answers.is_empty() && found.unknown.is_empty() {
            found = listed(text, view.as_ref(), knowledge);
        }
        explanation.answers.append(&mut found.answers);
        explanation.unknown.append(&mut found.unknown);
    }
    explanation
}

/// Answers what a log or any other pasted text names and says, each thing once: messages, then features, the worst to lose
/// first.
#[must_use]
pub fn explain_text(text: &str, dump: Option<&Dump>, knowledge: &Knowledge) -> Explanation {
    let view = dump.map(DumpView::of);
    let found = pasted(text, view.as_ref(), knowledge);
    if found.answers.is_empty() && found.unknown.is_empty() { listed(text, view.as_ref(), knowledge) } else { found }
}

fn pasted(text: &str, view: Option<&DumpView<'_>>, knowledge: &Knowledge) -> Explanation {
    let mut explanation = Explanation { answers: Vec::new(), unknown: Vec::new() };
    for Thing { term, asks, said } in pasted::things(text) {
        let mut answer = Answer { term, entries: Vec::new(), decoded: Vec::new(), brief: false, said };
        let nothing = asks.is_empty();
        let by_place = asks.iter().all(|ask| matches!(ask, Ask::At(_)));
        for ask in asks {
            let found = match &ask {
                Ask::Name(name) => find::exact(name, view, knowledge),
                Ask::At(at) => find::at(*at, view, knowledge),
                Ask::Both(name, at) => named_at(name, *at, view, knowledge),
            };
            if let Some(found) = found {
                answer.entries.extend(found.entries);
                answer.decoded.extend(found.decoded);
                answer.brief |= found.brief;
                answer.said.extend(found.said);
            }
        }
        let answered = nothing || !answer.entries.is_empty() || !answer.said.is_empty();
        let places = |answer: &Answer| answer.entries.iter().map(|e| e.place).collect::<Vec<_>>();
        if !answered && by_place {
            // An MSR or a leaf without rows: the message about it stands alone.
        } else if !answered {
            let near = near(&answer.term, knowledge);
            explanation.unknown.push(Unknown { term: answer.term, near });
        } else if nothing || !explanation.answers.iter().any(|a| !a.entries.is_empty() && places(a) == places(&answer))
        {
            explanation.answers.push(answer);
        }
    }
    let weight = |answer: &Answer| {
        let rows = || answer.entries.iter().map(|e| &e.row);
        let lost = rows().map(|row| row.lost).min();
        (!answer.entries.is_empty(), lost, std::cmp::Reverse(rows().map(|row| row.weight).max()))
    };
    explanation.answers.sort_by_key(weight);
    explanation
}

/// A bit with the name that a line gives it. An old QEMU prints no subleaf: the name tells it.
fn named_at(name: &str, at: Query, view: Option<&DumpView<'_>>, knowledge: &Knowledge) -> Option<Answer> {
    let named = find::exact(name, view, knowledge);
    let places: Vec<_> = named.iter().flat_map(|answer| &answer.entries).map(|entry| entry.place).collect();
    if places.iter().any(|place| at.holds(*place)) {
        return named.map(|mut answer| {
            answer.entries.retain(|entry| at.holds(entry.place));
            answer
        });
    }
    let mut found = find::at(at, view, knowledge)?;
    if let Some(place) = places.first() {
        found.said.push(("but", format!("{name} is {}: the line's name and its bit are not one", place.prose())));
    }
    Some(found)
}

/// Names that look like a word: of features, models and levels.
fn near(word: &str, knowledge: &Knowledge) -> Vec<&'static str> {
    let models = CpuMap::newest().models.iter().map(|model| model.name);
    of_names(word.trim(), knowledge.names().map(|m| m.name).chain(models).chain(levels::NAMES))
}

/// A list of names: all of them are answered, or are unknown.
fn listed(text: &str, view: Option<&DumpView<'_>>, knowledge: &Knowledge) -> Explanation {
    let mut explanation = Explanation { answers: Vec::new(), unknown: Vec::new() };
    let is_end = |c: char| c.is_whitespace() || ",;|\"'`[]".contains(c);
    let words: Vec<&str> = text.split(is_end).filter(|word| !word.is_empty()).collect();
    // A place in a list of words would be a number by chance.
    let is_place = |word: &str| word.parse::<Query>().is_ok() && knowledge.by_name(word).is_empty();
    let answer = |word: &str| {
        let name = word.trim_start_matches(['+', '-']);
        find::exact(name, view, knowledge).filter(|_| !is_place(name))
    };
    let answers: Vec<Option<Answer>> = words.iter().take(MOST).map(|word| answer(word)).collect();
    // Of prose nothing is made up: a list is names, most of them known.
    let known = answers.iter().flatten().count();
    if words.len() < 2 || known * 3 < words.len() * 2 {
        let near = near(text, knowledge);
        explanation.unknown.push(Unknown { term: printable(text.trim(), LONGEST), near });
        return explanation;
    }
    for (word, answer) in words.iter().zip(answers) {
        match answer {
            Some(answer) if explanation.answers.iter().any(|known| known.term == answer.term) => {}
            Some(answer) => explanation.answers.push(answer),
            None => explanation.unknown.push(Unknown { term: (*word).to_string(), near: near(word, knowledge) }),
        }
    }
    explanation
}

/// At most this many words of a list are answered.
const MOST: usize = 1000;
/// The most characters of an unknown text that are shown.
const LONGEST: usize = 120;
