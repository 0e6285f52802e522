//! What is known about single places: causes, consequences and remedies, a file a subject.
//!
//! To add one, copy a [`Note`] and change it. An empty text means the general text of the rule. In texts, `{disable}`
//! and `{require}` become the snippets for the row's own names, `{hz}` the frequency to pin.

mod address;
pub mod amd;
mod clock;
mod hypervisor;
mod identity;
mod isa;
mod nested;
mod pmu;
mod security;
mod state;
mod topology;

use cpuid_probe::place::BitRange;
use cpuid_probe::{Place, Register};

use super::Layer;
use crate::knowledge::index::written_leaf;
use crate::knowledge::{Owner, Sub};

/// What is known about some places.
pub(super) struct Note {
    /// The places.
    pub at: &'static [Places],
    /// Which layers decide.
    pub layers: &'static [Layer],
    /// Why they differ.
    pub cause: &'static str,
    /// What losing them, or another value, does to a running guest.
    pub consequence: &'static str,
    /// What to change.
    pub remedy: &'static str,
    /// The source of these texts.
    pub source: &'static str,
}

/// Places that a note is about.
#[derive(Clone, Copy)]
pub(super) enum Places {
    /// Bits of a register of a leaf, in leaves of these owners.
    Bits(&'static [Owner], u32, Sub, Register, BitRange),
    /// Every register of the leaves from one to another, in all subleaves.
    Leaves(&'static [Owner], u32, u32),
    /// Bits of an MSR.
    Msr(u32, u8, u8),
}

const CPU: &[Owner] = &[Owner::Cpu];

/// Bits `hi..=lo` of a register of the CPU's leaves.
#[track_caller]
const fn bits(leaf: u32, subleaf: Sub, register: Register, hi: u8, lo: u8) -> Places {
    Places::Bits(CPU, leaf, subleaf, register, BitRange::new(hi, lo))
}

/// One bit of a leaf without subleaves, or of its subleaf 0.
#[track_caller]
const fn bit(leaf: u32, register: Register, bit: u8) -> Places {
    bits(leaf, Sub::At(0), register, bit, bit)
}

/// A whole leaf of the CPU's.
const fn leaf(leaf: u32) -> Places {
    Places::Leaves(CPU, leaf, leaf)
}

/// Bits of a register of hypervisor leaves.
#[track_caller]
const fn of(owners: &'static [Owner], leaf: u32, register: Register, hi: u8, lo: u8) -> Places {
    Places::Bits(owners, leaf, Sub::Any, register, BitRange::new(hi, lo))
}

impl Places {
    /// How closely these places fit the lowest bit of `place`, smaller is closer; `None` if they do not hold it.
    fn closeness(&self, place: Place) -> Option<u32> {
        let (owner, lowest) = (place.owner(), BitRange::one(place.bits()?.lo));
        match (*self, place) {
            (Self::Bits(owners, leaf, subleaf, register, bits), Place::Cpuid { id, .. }) => {
                let here = leaf == written_leaf(owner, id.leaf)
                    && owners.contains(&owner)
                    && subleaf.holds(id.ecx())
                    && place.register() == Some(register)
                    && bits.holds(lowest);
                let exact = u32::from(!matches!(subleaf, Sub::At(_)));
                here.then(|| u32::from(bits.hi - bits.lo) * 2 + exact)
            }
            (Self::Leaves(owners, first, last), Place::Cpuid { id, .. }) => {
                ((first..=last).contains(&written_leaf(owner, id.leaf)) && owners.contains(&owner))
                    .then(|| (last - first).saturating_add(100))
            }
            (Self::Msr(index, hi, lo), Place::Msr { index: asked, .. }) => {
                (index == asked && BitRange::new(hi, lo).holds(lowest)).then(|| u32::from(hi - lo))
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

/// The note about the lowest bit of `place`: the one with the narrowest place that holds it. What is otherwise `on_amd`
/// goes first there.
pub(super) fn note_at(place: Place, on_amd: bool) -> Option<&'static Note> {
    let otherwise = if on_amd { amd::NOTES } else { &[] };
    narrowest(otherwise, place).or_else(|| narrowest(ALL.iter().copied().flatten(), place))
}

fn narrowest(notes: impl IntoIterator<Item = &'static Note>, place: Place) -> Option<&'static Note> {
    notes
        .into_iter()
        .filter_map(|note| Some((note.at.iter().filter_map(|places| places.closeness(place)).min()?, note)))
        .min_by_key(|(closeness, _)| *closeness)
        .map(|(_, note)| note)
}

/// Every note, for tests.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static Note> {
    ALL.iter().copied().flatten().chain(amd::NOTES)
}
