//! The rows as a value, until they are one.

use cpuid_probe::Place;
use cpuid_probe::hypervisor::FIRST_BASE;

use super::{Advice, Asked, Row, Site, Subject, advice_for, msr_row, row_at};

/// All rows.
#[derive(Debug)]
pub struct Knowledge;

pub(super) fn site(place: Place) -> Option<Site> {
    let (id, register) = (place.leaf()?, place.register()?);
    let owner = place.owner();
    let leaf = if owner == super::Owner::Cpu { id.leaf } else { FIRST_BASE | id.leaf & 0xff };
    Some(Site { owner, leaf, subleaf: id.ecx(), register })
}

impl Knowledge {
    /// The rows compiled in.
    #[must_use]
    pub const fn builtin() -> &'static Self {
        &Self
    }

    /// The row that the lowest bit of a place belongs to.
    #[must_use]
    pub fn row(&self, place: Place) -> Row {
        let lo = place.bits().map_or(0, |b| b.lo);
        match place {
            Place::Msr { index, .. } => msr_row(index, lo),
            _ => row_at(site(place).expect("bits of a register"), lo),
        }
    }

    /// Every feature: one bit of the CPU's own leaves or of an MSR.
    pub fn features(&self) -> impl Iterator<Item = (Place, Row)> + '_ {
        let entries = super::entries();
        let features = entries.into_iter().filter(|e| e.kind == "feature" && e.row.hi == e.row.lo);
        features.filter_map(|e| match e.place {
            super::Place::Cpuid { owner: super::Owner::Cpu, at } => {
                let place = Place::bit(at.leaf, at.subleaf.first(), at.register, e.row.lo);
                Some((place, self.row(place)))
            }
            super::Place::Msr { index, bit } => Some((Place::msr(index, bit), self.row(Place::msr(index, bit)))),
            super::Place::Cpuid { .. } => None,
        })
    }

    /// What is known of causes and remedies.
    #[must_use]
    pub fn advice(&self, place: Place, row: &Row, asked: Asked) -> Advice {
        let subject = match place {
            Place::Msr { index, .. } => Subject::Msr(index),
            _ => Subject::Cpuid(site(place).expect("bits of a register")),
        };
        advice_for(subject, row, asked)
    }

    /// Every place with this name.
    pub fn by_name(&self, name: &str) -> Vec<Match> {
        super::by_name(name).into_iter().map(Match::of).collect()
    }

    /// Every place whose name holds this part.
    pub fn search(&self, part: &str) -> Vec<Match> {
        super::search(part).into_iter().map(Match::of).collect()
    }

    /// Names that look like it.
    pub fn near(&self, name: &str) -> Vec<&'static str> {
        super::near(name)
    }

    /// Where rows begin.
    pub fn subleaves_of(&self, owner: super::Owner, leaf: u32) -> Vec<u32> {
        super::lookup::subleaves_of(owner, leaf)
    }

    /// Whether a leaf is listed under an owner.
    pub fn listed_under(&self, owner: super::Owner, leaf: u32) -> bool {
        super::names::listed_under(owner, leaf)
    }
}

/// A name and its place.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    /// The place.
    pub place: Place,
    /// The name.
    pub name: &'static str,
}

impl Match {
    fn of(m: super::Match) -> Self {
        use cpuid_probe::LeafId;
        use cpuid_probe::place::{BitRange, Within};
        let place = match m.place {
            super::Place::Msr { index, bit } => Place::msr(index, bit),
            super::Place::Cpuid { owner, at } => Place::Cpuid {
                block: (owner != super::Owner::Cpu).then_some(Within { owner, signature: None }),
                id: LeafId::new(at.leaf, at.subleaf.first()),
                register: at.register,
                bits: BitRange::new(at.hi, at.lo),
            },
        };
        Self { place, name: m.name }
    }
}
