//! Who costs the others what: for each feature that a pool of all hosts of a vendor lacks, the set of hosts that lack it.

use std::collections::{BTreeMap, BTreeSet};

use cpuid_probe::Place;

use super::loss::Scale;
use super::offer::{Offer, met, name};
use super::{Asked, Fleet, Scales, hosts_in_words};
use crate::knowledge::Knowledge;

/// What a set of hosts costs the others of its pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The places that exactly these hosts lack.
    pub places: Vec<Place>,
    /// The classes that lack them.
    pub lacking: Vec<usize>,
    /// The pool, of the partition into the fewest pools.
    pub pool: usize,
    /// How much less the other hosts lose without these.
    pub saves: u64,
}

/// The prices within the pools of the partition into the fewest, the highest first.
#[must_use]
pub fn prices(fleet: &Fleet, scales: &Scales) -> Vec<Price> {
    let Some(fewest) = fleet.partitions.first() else { return Vec::new() };
    let mut found = Vec::new();
    for (at, pool) in fewest.pools.iter().enumerate() {
        for (classes, scale) in &scales.vendors {
            let members: Vec<usize> = pool.classes.iter().filter_map(|c| classes.iter().position(|x| x == c)).collect();
            if members.len() > 1 {
                found.extend(of_pool(classes, scale, &members, at));
            }
        }
    }
    found.sort_by(|a, b| (b.saves, b.places.len(), &a.lacking).cmp(&(a.saves, a.places.len(), &b.lacking)));
    found
}

fn of_pool(classes: &[usize], scale: &Scale, members: &[usize], pool: usize) -> Vec<Price> {
    let given = scale.meet(members.iter().copied());
    let mut lacking: BTreeMap<Place, BTreeSet<usize>> = BTreeMap::new();
    for member in members {
        for place in scale.lost_places(*member, &given) {
            let own: BTreeSet<usize> =
                members.iter().copied().filter(|other| scale.lacks(*other, place, *member)).collect();
            // The hosts that lack the most of a number cost all others.
            let known = lacking.entry(place).or_default();
            if own.len() > known.len() {
                *known = own;
            }
        }
    }
    let mut sets: BTreeMap<BTreeSet<usize>, Vec<Place>> = BTreeMap::new();
    for (place, set) in lacking {
        sets.entry(set).or_default().push(place);
    }
    let price = |(set, places): (BTreeSet<usize>, Vec<Place>)| {
        let rest: Vec<usize> = members.iter().copied().filter(|m| !set.contains(m)).collect();
        let now: u64 = rest.iter().map(|m| scale.hosts[*m] * scale.loss(*m, &given)).sum();
        let saves = now.saturating_sub(scale.cost(&rest));
        Price { places, lacking: set.into_iter().map(|m| classes[m]).collect(), pool, saves }
    };
    sets.into_iter().map(price).collect()
}

/// What leaving hosts out brings the others: sentences.
#[must_use]
pub fn without(fleet: &Fleet, asked: &Asked, knowledge: &Knowledge) -> Vec<String> {
    if asked.without.is_empty() {
        return Vec::new();
    }
    let who = asked.without.join(", ");
    let mut said = Vec::new();
    for left in &fleet.left_out {
        let same = |offer: &Offer| offer.vendor == left.vendor;
        let offers: Vec<&Offer> = fleet.classes.iter().map(|c| &c.class.offer).filter(|o| same(o)).collect();
        let Some(first) = offers.first() else { continue };
        let before = offers.iter().fold((*first).clone(), |all, o| all.meet(o, knowledge));
        let with = before.meet(left, knowledge);
        let gained: Vec<String> = before
            .places
            .keys()
            .filter(|place| {
                let row = knowledge.row(**place);
                if row.family().is_none() || row.zero_means.is_some() {
                    return false;
                }
                match (before.at(**place), with.at(**place)) {
                    (Some(a), Some(b)) => !row.accumulates() && met(&row, a, b) != a,
                    (Some(a), None) => a != 0 && !row.accumulates(),
                    _ => false,
                }
            })
            .map(|place| name(*place, knowledge))
            .collect();
        if !gained.is_empty() {
            said.push(gained);
        }
    }
    let mut all: Vec<String> = said.into_iter().flatten().collect();
    let mut seen = BTreeSet::new();
    all.retain(|name| seen.insert(name.clone()));
    vec![match all.len() {
        0 => format!("without {who} the other hosts have nothing more in common"),
        n => format!(
            "without {who} the other hosts of the vendor have {n} more in common: {}",
            hosts_in_words(&all, n, 24)
        ),
    }]
}
