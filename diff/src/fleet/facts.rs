//! What is known of a fleet before anything is worked out: hosts with their provenance, and classes with their offers.
//!
//! Facts of parts of a fleet merge: whatever the order, the same hosts give the same facts.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use serde::Serialize;

use super::offer::Offer;
use super::says::Says;
use crate::view::Role;

/// One file of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its label, else its path below what was named on the command line.
    pub name: Box<str>,
    /// The file.
    pub file: Box<str>,
    /// Index into [`Facts::classes`].
    pub class: usize,
    /// What the file shows: an offer, or a guest.
    pub role: Role,
    /// When, RFC 3339.
    pub captured_at: Option<Box<str>>,
    /// The rate of its time stamp counter, in kHz.
    pub tsc_khz: Option<u64>,
    /// What its offer was made by.
    pub stack: Arc<Stack>,
}

/// What an offer was made by. Many hosts have the same, and a fleet can be a million hosts: there is one copy of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stack {
    /// How the file was made: `kvm`, `boot`, `native`, `import`, `libvirt`.
    pub source: String,
    /// What made the CPU that it shows: `kvm` or `tcg`, where that is said.
    pub accel: Option<String>,
    /// The kernel.
    pub kernel: Option<String>,
    /// The microcode.
    pub microcode: Option<String>,
    /// QEMU's version.
    pub qemu: Option<String>,
    /// libvirt's version.
    pub libvirt: Option<String>,
    /// The machine type.
    pub machine: Option<String>,
    /// What is said beside the offer.
    pub says: Arc<Says>,
}

impl Deref for Host {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.stack
    }
}

/// The one copy of `value` that all have.
pub fn shared<T: Ord>(known: &mut BTreeSet<Arc<T>>, value: T) -> Arc<T> {
    if let Some(known) = known.get(&value) {
        return known.clone();
    }
    let value = Arc::new(value);
    known.insert(value.clone());
    value
}

/// Hosts whose offers agree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Class {
    /// What they offer.
    pub offer: Offer,
    /// Their values of leaf 1 EAX.
    pub signatures: BTreeSet<u32>,
    /// libvirt's names of models that they give.
    pub models: BTreeSet<String>,
    /// What their CPUs call themselves.
    pub cpus: BTreeSet<String>,
    /// Of guests: a dump of one, as JSON. All of them are alike in what decides on a move.
    pub guest: Option<Arc<str>>,
}

impl Class {
    /// Takes another guest's dump: of several the first in order, so that it does not matter who comes when.
    pub fn take_guest(&mut self, other: Option<Arc<str>>) {
        self.guest = [self.guest.take(), other].into_iter().flatten().min();
    }
}

/// Something that keeps an answer from being whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The host, where one is meant.
    pub host: Option<String>,
    /// The file, where one is meant.
    pub file: Option<String>,
    /// What is wrong, and what to do.
    pub what: String,
}

/// A fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// One a file, by name and file.
    pub hosts: Vec<Host>,
    /// By id.
    pub classes: Vec<Class>,
    /// What is wrong with single files.
    pub problems: Vec<Problem>,
}

impl Facts {
    /// Puts the parts of a fleet together, and everything in order.
    #[must_use]
    pub fn merged(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut offers: BTreeMap<Offer, Class> = BTreeMap::new();
        let mut all = Self::default();
        // Of each part its hosts, and the offers that their classes are of.
        let mut of_parts: Vec<(Vec<Host>, Vec<Offer>)> = Vec::new();
        for facts in parts {
            of_parts.push((facts.hosts, facts.classes.iter().map(|class| class.offer.clone()).collect()));
            for class in facts.classes {
                let known = offers
                    .entry(class.offer.clone())
                    .or_insert_with(|| Class { offer: class.offer, ..Class::default() });
                known.signatures.extend(class.signatures);
                known.models.extend(class.models);
                known.cpus.extend(class.cpus);
                known.take_guest(class.guest);
            }
            all.problems.extend(facts.problems);
        }
        let mut classes: Vec<(String, Class)> = offers.into_values().map(|class| (class.offer.id(), class)).collect();
        classes.sort_by(|a, b| a.0.cmp(&b.0));
        let index: BTreeMap<&Offer, usize> = classes.iter().enumerate().map(|(i, (_, c))| (&c.offer, i)).collect();
        for (mut hosts, offers) in of_parts {
            let numbers: Vec<usize> =
                offers.iter().map(|offer| index.get(offer).copied().unwrap_or_default()).collect();
            for host in &mut hosts {
                host.class = numbers.get(host.class).copied().unwrap_or_default();
            }
            // A fleet can be a million hosts: there is no second copy of them.
            if all.hosts.is_empty() {
                all.hosts = hosts;
            } else {
                all.hosts.append(&mut hosts);
            }
        }
        all.hosts.sort_unstable_by(|a, b| (&a.name, &a.file).cmp(&(&b.name, &b.file)));
        all.classes = classes.into_iter().map(|(_, class)| class).collect();
        all.problems.sort();
        all.problems.dedup();
        all
    }
}
