//! `explain`: everything that is known about a place or a name, and what it is in a dump.
//!
//! A pure function from questions to an [`Explanation`]; [`render`] writes it down.

mod find;
pub mod render;
pub mod term;

use cpuid_probe::dump::Dump;
use serde::Serialize;

use crate::report::Names;

/// The value of `schema` in JSON.
pub const SCHEMA: &str = "cpuid-explain/1";

/// The answers to all questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// One answer a question, in the order asked; a question without an answer is in `unknown`.
    pub answers: Vec<Answer>,
    /// Questions that nothing answers.
    pub unknown: Vec<Unknown>,
}

/// A question that nothing answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unknown {
    /// The question.
    pub term: String,
    /// Names that look like it, the most alike first.
    pub near: Vec<&'static str>,
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The question.
    pub term: String,
    /// Every place it stands for.
    pub entries: Vec<Entry>,
    /// What the leaves asked for mean as a whole, in the dump given: by place and name.
    pub decoded: Vec<Decoded>,
    /// Whether the entries are a list to choose from, rather than what was asked for.
    #[serde(skip)]
    pub brief: bool,
}

/// What the registers of a place mean together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decoded {
    /// The place, as tables print it.
    pub place: String,
    /// What is decoded.
    pub name: &'static str,
    /// Its value, with its unit.
    pub value: String,
    /// The vCPUs that show it.
    pub vcpus: Vec<u32>,
}

/// One row, and everything known about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// As tables print it: `0x00000001 EDX[21]`, `msr 0x0000010a[0]`.
    pub place: String,
    /// As the manuals print it: `CPUID.(EAX=07H,ECX=0):EBX[5]`; null for an MSR.
    pub notation: Option<String>,
    /// Whose leaf it is: cpu, kvm, hyperv, xen, vmware, other.
    pub owner: &'static str,
    /// The first of libvirt's, QEMU's and Linux's name, else the field's; null where it has none.
    pub name: Option<&'static str>,
    /// Its names.
    pub names: Names,
    /// Whether QEMU hands it to a guest that may migrate: yes, no, unknown; null for what is no feature.
    pub migratable: Option<&'static str>,
    /// The rule that judges it.
    pub rule: &'static str,
    /// Severity where it is lost.
    pub lost: &'static str,
    /// Severity of every other change.
    pub gained: &'static str,
    /// The bits of which one must be set for it to mean anything, as tables print them.
    pub gates: Vec<String>,
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
    /// Whether cause and remedy are about this very place; if not, they are its rule's general text.
    pub specific: bool,
    /// Where all this comes from.
    pub source: String,
    /// What it is in the dump given.
    pub values: Vec<Value>,
}

/// A value in a dump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Value {
    /// `0`, `1`, or `0x…` shifted down; `absent`, or `not captured`.
    pub raw: String,
    /// With its unit, where it has one.
    pub decoded: Option<String>,
    /// The vCPUs that show it.
    pub vcpus: Vec<u32>,
}

/// Answers `terms`, with values from `dump` where one is given.
///
/// A name that stands for several places is answered with all of them; a part of a name with every name that contains
/// it. A leaf or a register is answered with its rows.
#[must_use]
pub fn explain(terms: &[String], dump: Option<&Dump>) -> Explanation {
    let mut explanation = Explanation { schema: SCHEMA, answers: Vec::new(), unknown: Vec::new() };
    for text in terms {
        match find::answer(text, dump) {
            Some(answer) => explanation.answers.push(answer),
            None => explanation.unknown.push(Unknown { term: text.clone(), near: crate::knowledge::near(text) }),
        }
    }
    explanation
}

#[cfg(test)]
mod tests;
