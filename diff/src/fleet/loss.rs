//! What a pool costs: the weights of what each host offers and its pool lacks, counted by their roots.
//!
//! A place is one or more *items*: bits that a class has or has not, so that what a pool gives is what all members have.
//! A bit is one item. A number is one for each value that occurs: "at least 46 bits".

use std::collections::{BTreeMap, BTreeSet};

use cpuid_probe::Place;

use super::offer::{Offer, Statement};
use crate::knowledge::{Family, Guard, Knowledge, Row, RuleKind};

/// A set of items or of classes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// An empty set of numbers below `n`.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self(vec![0; n.div_ceil(64)])
    }

    /// Adds a number.
    pub fn insert(&mut self, i: usize) {
        if let Some(word) = self.0.get_mut(i / 64) {
            *word |= 1 << (i % 64);
        }
    }

    /// Takes all numbers away.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Whether it holds a number.
    #[must_use]
    pub fn contains(&self, i: usize) -> bool {
        self.0.get(i / 64).is_some_and(|word| word >> (i % 64) & 1 == 1)
    }

    /// Keeps what both have.
    pub fn retain(&mut self, other: &Self) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a &= b;
        }
    }

    /// Its numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(i, word)| ones(*word).map(move |bit| i * 64 + bit))
    }

    /// What is in `self` and not in `other`.
    pub fn minus<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = usize> + 'a {
        self.0.iter().zip(&other.0).enumerate().flat_map(|(i, (a, b))| ones(a & !b).map(move |bit| i * 64 + bit))
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Whether some number is in both and... in `self` and not in `other`, within `mask`.
    #[must_use]
    pub fn lacks(&self, other: &Self, mask: &Self) -> bool {
        self.0.iter().zip(&other.0).zip(&mask.0).any(|((a, b), m)| a & !b & m != 0)
    }
}

fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.checked_ilog2().map(|_| word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(bit)
    })
}

/// What is counted together: a place, or all of nested virtualization.
#[derive(Clone, Debug)]
struct Group {
    weight: u64,
    /// Where one of these is lost too, this is not counted.
    parents: Vec<usize>,
}

/// The places of some classes, as items.
#[derive(Clone, Debug)]
pub struct Scale {
    /// What each class has.
    pub classes: Vec<Bits>,
    /// How many hosts each class has.
    pub hosts: Vec<u64>,
    /// The place of each item.
    places: Vec<Place>,
    group_of: Vec<usize>,
    groups: Vec<Group>,
    /// Items that are protections.
    pub protections: Bits,
}

/// Whether a class has an item of a place.
#[derive(Clone, Copy)]
enum Item {
    /// All of these bits.
    Mask(u64),
    /// At least this.
    AtLeast(u64),
    /// At most this, and above zero.
    AtMost(u64),
    /// Exactly this.
    Is(u64),
}

impl Item {
    const fn holds(self, value: u64) -> bool {
        match self {
            Self::Mask(mask) => value & mask == mask,
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
            Self::Is(it) => value == it,
        }
    }
}

/// The items of a place whose values are `values`.
fn items(row: &Row, values: &BTreeSet<u64>) -> Vec<Item> {
    let each = |item: fn(u64) -> Item| values.iter().filter(|v| **v != 0).map(|v| item(*v)).collect();
    match row.rule {
        RuleKind::Subset | RuleKind::Hazard => {
            let all = values.iter().fold(0, |all, v| all | v);
            (0..64).map(|bit| 1 << bit).filter(|mask| all & mask != 0).map(Item::Mask).collect()
        }
        RuleKind::NotLess => each(Item::AtLeast),
        RuleKind::NotGreater => values.iter().map(|v| Item::AtMost(*v)).collect(),
        _ => each(Item::Is),
    }
}

impl Scale {
    /// The items of `offers`, and of how many hosts each is.
    #[must_use]
    pub fn new(offers: &[&Offer], hosts: Vec<u64>, knowledge: &Knowledge) -> Self {
        let mut values: BTreeMap<Place, BTreeSet<u64>> = BTreeMap::new();
        for offer in offers {
            for (place, statement) in &offer.places {
                let value = if let Statement::Value(value) = statement { *value } else { 0 };
                values.entry(*place).or_default().insert(value);
            }
        }
        let mut scale = Self {
            classes: Vec::new(),
            hosts,
            places: Vec::new(),
            group_of: Vec::new(),
            groups: Vec::new(),
            protections: Bits::default(),
        };
        let mut tests: Vec<Item> = Vec::new();
        let mut group_at: BTreeMap<Place, usize> = BTreeMap::new();
        let mut nested = None;
        for (place, values) in &mut values {
            if offers.iter().any(|offer| !offer.places.contains_key(place)) {
                values.insert(0);
            }
            let row = knowledge.row(*place);
            let Some(family) = row.family().filter(|_| values.len() > 1 && !row.accumulates()) else { continue };
            let group = match family {
                Family::Nested => *nested.get_or_insert_with(|| {
                    scale.groups.push(Group { weight: 1, parents: Vec::new() });
                    scale.groups.len() - 1
                }),
                Family::Own => {
                    scale.groups.push(Group { weight: row.weight.into(), parents: Vec::new() });
                    scale.groups.len() - 1
                }
            };
            group_at.insert(*place, group);
            for item in items(&row, values) {
                tests.push(item);
                scale.places.push(*place);
                scale.group_of.push(group);
            }
        }
        for (place, group) in &group_at {
            for parent in parents(*place, knowledge) {
                let parent = group_at.get(&parent).filter(|parent| *parent != group);
                scale.groups[*group].parents.extend(parent);
            }
        }
        let n = tests.len();
        scale.protections = Bits::new(n);
        for (i, place) in scale.places.iter().enumerate() {
            if knowledge.row(*place).guard == Some(Guard::Protection) {
                scale.protections.insert(i);
            }
        }
        for offer in offers {
            let mut has = Bits::new(n);
            for (i, (place, item)) in scale.places.iter().zip(&tests).enumerate() {
                if offer.at(*place).is_some_and(|value| item.holds(value)) {
                    has.insert(i);
                }
            }
            scale.classes.push(has);
        }
        scale
    }

    /// What all of `members` have.
    #[must_use]
    pub fn meet(&self, members: impl IntoIterator<Item = usize>) -> Bits {
        let mut members = members.into_iter();
        let mut all = members.next().and_then(|i| self.classes.get(i)).cloned().unwrap_or_default();
        for i in members {
            all.retain(&self.classes[i]);
        }
        all
    }

    /// What one host of `class` loses where it gets `given`.
    #[must_use]
    pub fn loss(&self, class: usize, given: &Bits) -> u64 {
        let mut lost = Bits::new(self.groups.len());
        for item in self.classes[class].minus(given) {
            lost.insert(self.group_of[item]);
        }
        let is_root = |group: &usize| !self.groups[*group].parents.iter().any(|parent| lost.contains(*parent));
        lost.iter().filter(is_root).map(|group| self.groups[group].weight).sum()
    }

    /// What all hosts of `members` lose in one pool.
    #[must_use]
    pub fn cost(&self, members: &[usize]) -> u64 {
        let given = self.meet(members.iter().copied());
        members.iter().map(|i| self.hosts[*i] * self.loss(*i, &given)).sum()
    }

    /// Whether a pool of `members` lacks a protection that one of them has.
    #[must_use]
    pub fn takes_protection(&self, members: &[usize]) -> bool {
        let given = self.meet(members.iter().copied());
        members.iter().any(|i| self.classes[*i].lacks(&given, &self.protections))
    }

    /// Whether `other` lacks something of a place that `class` has.
    #[must_use]
    pub fn lacks(&self, other: usize, place: Place, class: usize) -> bool {
        let lost = self.classes[class].minus(&self.classes[other]);
        lost.map(|item| self.places[item]).any(|p| p == place)
    }

    /// The places of which `class` loses something where it gets `given`, in order.
    #[must_use]
    pub fn lost_places(&self, class: usize, given: &Bits) -> Vec<Place> {
        let mut places: Vec<Place> = self.classes[class].minus(given).map(|item| self.places[item]).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// What a place falls with: the bits that announce it, the field that it stands in for, and the rows without which QEMU
/// clears it.
fn parents(place: Place, knowledge: &Knowledge) -> Vec<Place> {
    let row = knowledge.row(place);
    let mut parents: Vec<Place> = row.gates.to_vec();
    parents.extend(row.zero_means.map(|other| place.with_bits(other)));
    let needed = row.needs.iter().flat_map(|name| knowledge.by_name(name)).map(|m| m.place);
    parents.extend(needed.filter(|p| p.owner() == cpuid_probe::hypervisor::Owner::Cpu));
    let msrs = cpuid_probe::msr::FEATURE_MSRS.iter().filter(|msr| Some(msr.index) == place.msr_index());
    parents.extend(msrs.map(|msr| {
        let (leaf, register, bit) = msr.announced_by;
        Place::bit(leaf, 0, register, bit)
    }));
    parents
}
