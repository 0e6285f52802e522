//! What is known about single places: causes, consequences and remedies, a file a subject.
//!
//! To add one, copy a [`Note`] and change it. A text left empty is the rule's general one. In texts, `{disable}` and
//! `{require}` become the snippets for the row's own names, `{hz}` the frequency to pin.

mod address;
mod clock;
mod hypervisor;
mod identity;
mod isa;
mod nested;
mod pmu;
mod security;
mod state;
mod topology;

use cpuid_probe::Register;

use super::{Layer, Subject};
use crate::knowledge::Owner;
use crate::knowledge::table::{Bits, Sub};

/// What is known about some places.
pub(super) struct Note {
    /// The places.
    pub at: &'static [Spot],
    /// Which layers decide.
    pub layers: &'static [Layer],
    /// Why they differ.
    pub cause: &'static str,
    /// What losing them, or another value, does to a running guest.
    pub lost: &'static str,
    /// What to change.
    pub remedy: &'static str,
    /// Who says so.
    pub source: &'static str,
}

/// A place of a note.
#[derive(Clone, Copy)]
pub(super) enum Spot {
    /// Bits of a register, in leaves of these owners.
    Bits(&'static [Owner], Bits),
    /// Every register of the leaves from one to another, in all subleaves.
    Leaves(&'static [Owner], u32, u32),
    /// Bits of an MSR.
    Msr(u32, u8, u8),
}

const CPU: &[Owner] = &[Owner::Cpu];

/// Bits `hi..=lo` of a register of the CPU's leaves.
#[track_caller]
const fn bits(leaf: u32, subleaf: Sub, register: Register, hi: u8, lo: u8) -> Spot {
    Spot::Bits(CPU, Bits::new(leaf, subleaf, register, hi, lo))
}

/// One bit of a leaf without subleaves, or of its subleaf 0.
#[track_caller]
const fn bit(leaf: u32, register: Register, bit: u8) -> Spot {
    bits(leaf, Sub::At(0), register, bit, bit)
}

/// A whole leaf of the CPU's.
const fn leaf(leaf: u32) -> Spot {
    Spot::Leaves(CPU, leaf, leaf)
}

/// Bits of a register of hypervisor leaves.
#[track_caller]
const fn of(owners: &'static [Owner], leaf: u32, register: Register, hi: u8, lo: u8) -> Spot {
    Spot::Bits(owners, Bits::new(leaf, Sub::Any, register, hi, lo))
}

impl Spot {
    /// How closely this spot is about the bit; `None` if it is not, smaller is closer.
    fn closeness(&self, subject: Subject, bit: u8) -> Option<u32> {
        match (*self, subject) {
            (Self::Bits(owners, at), Subject::Cpuid(site)) => {
                let here = at.leaf == site.leaf
                    && owners.contains(&site.owner)
                    && at.subleaf.holds(site.subleaf)
                    && at.register == site.register
                    && at.holds(bit);
                let exact = u32::from(!matches!(at.subleaf, Sub::At(_)));
                here.then(|| u32::from(at.hi - at.lo) * 2 + exact)
            }
            (Self::Leaves(owners, first, last), Subject::Cpuid(site)) => {
                (first <= site.leaf && site.leaf <= last && owners.contains(&site.owner))
                    .then(|| (last - first).saturating_add(100))
            }
            (Self::Msr(index, hi, lo), Subject::Msr(asked)) => {
                (index == asked && lo <= bit && bit <= hi).then(|| u32::from(hi - lo))
            }
            _ => None,
        }
    }
}

const ALL: &[&[Note]] = &[
    address::NOTES,
    clock::NOTES,
    hypervisor::NOTES,
    identity::NOTES,
    isa::NOTES,
    nested::NOTES,
    pmu::NOTES,
    security::NOTES,
    state::NOTES,
    topology::NOTES,
];

/// The note about a bit: the one with the narrowest place that holds it.
pub(super) fn note_at(subject: Subject, bit: u8) -> Option<&'static Note> {
    ALL.iter()
        .flat_map(|notes| notes.iter())
        .filter_map(|note| Some((note.at.iter().filter_map(|s| s.closeness(subject, bit)).min()?, note)))
        .min_by_key(|(closeness, _)| *closeness)
        .map(|(_, note)| note)
}

/// Every note, for tests.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static Note> {
    ALL.iter().flat_map(|notes| notes.iter())
}
