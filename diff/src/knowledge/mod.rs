//! What is known about CPUID and feature MSRs: one row a place.
//!
//! The rows are compiled in, one file a leaf family; a wrong one fails the build where it is written. Everything that
//! judges asks [`Knowledge::row`] which row a bit belongs to, and branches on nothing but the row's fields.
//! `cpuid-diff knowledge --format csv` prints all of them.
//!
//! - `rows/`: the rows. [`table`]: how they are written. [`row`]: what they say. [`mod@unit`]: how numbers are read.
//! - `gates.rs`, `capability.rs`, `sources.rs`: what holds for leaves as wholes.
//! - `index.rs`: from a place to its row. `names.rs`: from a name to its places. `export.rs`: all of them.
//! - [`advice`]: causes, consequences and remedies, in sentences.

pub mod advice;
mod capability;
mod export;
mod gates;
mod index;
mod names;
pub mod row;
mod rows;
mod sources;
mod states;
pub mod synthetic;
pub mod table;
pub mod unit;

use std::collections::HashMap;
use std::sync::OnceLock;

use cpuid_probe::place::{BitRange, Within};
use cpuid_probe::{LeafId, Place};

pub use advice::{Accel, Advice, Asked, Layer};
pub use capability::{Family, copy_of, is_of_the_definition};
pub use cpuid_probe::hypervisor::Owner;
pub use export::Entry;
pub use names::Match;
pub(crate) use names::{folded, near};
pub use row::{CauseKind, Guard, Migratable, Names, Offer, Row, RuleKind, Severity, Shown, Version};
pub use states::{STATES, State};
pub use table::{Group, Line, Namespace, Sub};
pub use unit::Unit;

use index::Index;
use table::Home;

/// Everything that is known of places.
#[derive(Clone, Debug)]
pub struct Knowledge {
    groups: Vec<&'static Group>,
    index: Index,
    /// Places of named features of the CPU, in order.
    features: Vec<Place>,
    /// Places of protections and hazards of the CPU, in order.
    guards: Vec<Place>,
    /// Places of features that block live migration, in order.
    blockers: Vec<Place>,
    /// Every name, folded, with its places; made when a name is first asked for.
    named: OnceLock<HashMap<String, Vec<Match>>>,
}

impl Knowledge {
    /// The rows that are compiled in.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Knowledge> = OnceLock::new();
        BUILTIN.get_or_init(|| Self::new(rows::ROWS.iter().copied().flatten().collect()))
    }

    /// The compiled-in rows and these.
    #[must_use]
    pub fn with(&self, extra: &'static [Group]) -> Self {
        Self::new(self.groups.iter().copied().chain(extra).collect())
    }

    fn new(groups: Vec<&'static Group>) -> Self {
        let named = |(place, _, line): (Place, Sub, &Line)| {
            (!line.field && line.name.is_some() && place.owner() == Owner::Cpu).then_some(place)
        };
        let mut features: Vec<Place> = rows_of(&groups).filter_map(named).collect();
        features.sort_unstable();
        let blocks = |(place, _, line): (Place, Sub, &Line)| (!line.field && line.blocks_migration).then_some(place);
        let mut blockers: Vec<Place> = rows_of(&groups).filter_map(blocks).collect();
        blockers.sort_unstable();
        let index = Index::new(&groups);
        let guards = |row: &Row| row.guard.is_some() || row.feature && row.rule == RuleKind::Hazard;
        let own = rows_of(&groups).map(|(place, ..)| place).filter(|place| place.owner() == Owner::Cpu);
        let mut guards: Vec<Place> = own.filter(|place| guards(&index.row(*place))).collect();
        guards.sort_unstable();
        Self { index, groups, features, guards, blockers, named: OnceLock::new() }
    }

    /// The row that the lowest bit of `place` belongs to.
    ///
    /// A feature row wins over a field row, a narrow field over a wide one. A bit that neither names is a row of its
    /// own, or part of its rule's range where nothing in that range has a name. The rule is the narrowest that holds the
    /// bit; at equal width one that names the subleaf alone. Without one, a feature is `subset` (lost unsafe, gained
    /// warning), anything else `equal` (unsafe both ways). Leaves of hypervisor blocks are read as if the block, by its
    /// owner, were at 0x40000000.
    #[must_use]
    pub fn row(&self, place: Place) -> Row {
        self.index.row(place)
    }

    /// Every named feature of the CPU: single bits of its leaves and MSRs, in the order of places.
    pub fn features(&self) -> impl Iterator<Item = (Place, Row)> {
        self.features.iter().map(|place| (*place, self.row(*place)))
    }

    /// Every protection and hazard of the CPU, and every other bit of which one means less, named or not, in the order of
    /// places.
    pub fn guards(&self) -> impl Iterator<Item = (Place, Row)> {
        self.guards.iter().map(|place| (*place, self.row(*place)))
    }

    /// Every feature that blocks live migration, in the order of places.
    pub fn blockers(&self) -> impl Iterator<Item = Place> {
        self.blockers.iter().copied()
    }

    /// The subleaves at which rows of a leaf begin, ascending. `leaf` may be that of any hypervisor block.
    #[must_use]
    pub fn subleaves_of(&self, owner: Owner, leaf: u32) -> Vec<u32> {
        let leaf = index::written_leaf(owner, leaf);
        let judged = self.groups.iter().filter(|g| !g.lines.is_empty() || !g.rules.is_empty());
        let mut found: Vec<u32> = judged
            .filter(|g| g.owners.contains(&owner) && matches!(g.home, Home::Cpuid(l, ..) if l == leaf))
            .map(|g| g.subleaf().first())
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether listings name a leaf of hypervisor blocks under `owner`: shared leaves stand under KVM alone.
    #[must_use]
    pub fn is_listed_under(&self, owner: Owner, leaf: u32) -> bool {
        let leaf = index::written_leaf(owner, leaf);
        let here = |g: &&&Group| !g.lines.is_empty() && matches!(g.home, Home::Cpuid(l, ..) if l == leaf);
        self.groups.iter().filter(here).any(|g| g.owners[0] == owner)
    }
}

/// Whose leaf it is most likely, where a dump has a hypervisor leaf but not its block's first leaf: KVM's for
/// 0x40000001 and 0x40000010, Hyper-V's for the others that Hyper-V has.
#[must_use]
pub const fn owner_without_signature(leaf: u32) -> Owner {
    match leaf & 0xff {
        0x0 | 0x1 | 0x10 => Owner::Kvm,
        0x2..=0xc | 0x80..=0x82 => Owner::HyperV,
        _ => Owner::OtherHypervisor,
    }
}

/// Where the bits of a group's line are; in the first of its subleaves, and in the block that listings name.
const fn place_of(group: &Group, bits: BitRange) -> Place {
    match group.home {
        Home::Msr(index) => Place::Msr { index, bits },
        Home::Cpuid(leaf, subleaf, register) => {
            let owner = group.owners[0];
            let block = if matches!(owner, Owner::Cpu) { None } else { Some(Within { owner, signature: None }) };
            Place::Cpuid { block, id: LeafId::new(leaf, subleaf.first()), register, bits }
        }
    }
}

/// Every line, with its place and its subleaves.
fn rows_of(groups: &[&'static Group]) -> impl Iterator<Item = (Place, Sub, &'static Line)> {
    groups.iter().flat_map(|g| g.lines.iter().map(|line| (place_of(g, line.bits), g.subleaf(), line)))
}

#[cfg(test)]
mod tests;
