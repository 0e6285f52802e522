//! What the rest of the package still calls, over [`Knowledge::builtin`]. Each goes with its last caller.

#![allow(missing_docs)]

use cpuid_probe::place::{BitRange, Within};
use cpuid_probe::{LeafId, Place, Register};

use super::{Advice, Asked, Entry, Knowledge, Match, Owner, Row};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    pub owner: Owner,
    pub leaf: u32,
    pub subleaf: u32,
    pub register: Register,
}

impl Site {
    /// Bits of the register.
    #[must_use]
    pub fn place(self, bits: BitRange) -> Place {
        let block = (self.owner != Owner::Cpu).then_some(Within { owner: self.owner, signature: None });
        Place::Cpuid { block, id: LeafId::new(self.leaf, self.subleaf), register: self.register, bits }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Cpuid(Site),
    Msr(u32),
}

#[must_use]
pub fn row_at(site: Site, bit: u8) -> Row {
    Knowledge::builtin().row(site.place(BitRange::one(bit)))
}

#[must_use]
pub fn msr_row(index: u32, bit: u8) -> Row {
    Knowledge::builtin().row(Place::msr(index, bit))
}

#[must_use]
pub fn advice_for(subject: Subject, row: &Row, asked: Asked) -> Advice {
    let place = match subject {
        Subject::Cpuid(site) => site.place(row.bits),
        Subject::Msr(index) => Place::Msr { index, bits: row.bits },
    };
    Knowledge::builtin().advice(place, row, asked)
}

#[must_use]
pub fn by_name(name: &str) -> Vec<Match> {
    Knowledge::builtin().by_name(name)
}

#[must_use]
pub fn search(part: &str) -> Vec<Match> {
    Knowledge::builtin().search(part)
}

#[must_use]
pub fn near(name: &str) -> Vec<&'static str> {
    Knowledge::builtin().near(name)
}

#[must_use]
pub fn entries() -> Vec<Entry> {
    Knowledge::builtin().entries()
}

#[must_use]
pub fn export_csv() -> String {
    Knowledge::builtin().export_csv()
}
