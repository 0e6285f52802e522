//! Moves: may a guest with all that one class offers run on another, without losing anything?

use std::collections::BTreeSet;

use cpuid_probe::Place;

use super::offer::{Offer, Reason, Statement, met};
use super::waivers::{self, Accepted, Waivers};
use crate::finding::{Change, Judged};
use crate::judge::rule::{self, Judgement};
use crate::knowledge::{Knowledge, Row, Severity};
use crate::view::join::{Differing, Pair, rows};

/// The answer for one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nothing is lost.
    Safe,
    /// What is lost, or has to be looked at, the site's policy accepts, all of it.
    Waived,
    /// Nothing is lost; the destination has a hazard that the source has not, or a person has to look.
    Review,
    /// Something is lost.
    Unsafe,
    /// Nothing is known to be lost, and something that matters is not known.
    Unknown,
}

impl Verdict {
    /// All, in the order of reports.
    pub const ALL: [Self; 5] = [Self::Safe, Self::Waived, Self::Review, Self::Unsafe, Self::Unknown];

    /// Whether a guest may make the move, be it by a waiver.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        matches!(self, Self::Safe | Self::Waived)
    }

    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Waived => "waived",
            Self::Review => "review",
            Self::Unsafe => "unsafe",
            Self::Unknown => "unknown",
        }
    }
}

/// A move from one class to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// May a guest make it?
    pub verdict: Verdict,
    /// Bits that the source has and the destination has not.
    pub loses: Vec<Place>,
    /// Numbers that fall or change: from, to.
    pub numbers: Vec<(Place, u64, u64)>,
    /// Hazards that only the destination has; of guests, what a person has to look at.
    pub review: Vec<Place>,
    /// What matters and one of the two does not say.
    pub unknown: Vec<Place>,
    /// What else keeps a guest from moving, in words: another vendor, another machine type.
    pub other: Vec<String>,
    /// What of it the site's policy accepts. It stays listed above.
    pub waived: Vec<Accepted>,
}

impl Move {
    /// Nothing to say yet.
    pub(super) const fn new() -> Self {
        Self {
            verdict: Verdict::Safe,
            loses: Vec::new(),
            numbers: Vec::new(),
            review: Vec::new(),
            unknown: Vec::new(),
            other: Vec::new(),
            waived: Vec::new(),
        }
    }
}

impl Move {
    /// Has the site's policy look at what is lost and what has to be looked at. What is not known no waiver covers, and none
    /// helps to another vendor.
    pub(super) fn waive(&mut self, waivers: &mut Waivers<'_>, is_meant: &dyn Fn(&[String]) -> bool) {
        if !self.other.is_empty() {
            return;
        }
        let lost = self.loses.iter().chain(self.numbers.iter().map(|(place, ..)| place));
        let lost = lost.map(|place| (*place, Severity::Unsafe));
        let review = self.review.iter().map(|place| (*place, Severity::Warning));
        let (accepted, open) = waivers.look(lost.chain(review), is_meant);
        if accepted.is_empty() {
            return;
        }
        self.waived = accepted;
        self.verdict = match waivers::worst(&open) {
            Some(Severity::Unsafe) => Verdict::Unsafe,
            Some(_) => Verdict::Review,
            None if !self.unknown.is_empty() => Verdict::Unknown,
            None => Verdict::Waived,
        };
    }

    /// Nobody knows, and why.
    #[must_use]
    pub fn unknown(why: &str) -> Self {
        Self { verdict: Verdict::Unknown, other: vec![why.to_string()], ..Self::new() }
    }
}

/// What happens to a guest that has all of `from` where it moves to `to`.
#[must_use]
pub fn judge(from: &Offer, to: &Offer, knowledge: &Knowledge) -> Move {
    let mut found = Move::new();
    let mut bad = false;
    if from.vendor != to.vendor {
        let vendor = |offer: &Offer| offer.vendor.clone().unwrap_or_else(|| "an unknown vendor".to_string());
        found.other.push(format!("the vendors differ ({} and {})", vendor(from), vendor(to)));
        if from.vendor.is_some() && to.vendor.is_some() {
            bad = true;
        } else {
            found.verdict = Verdict::Unknown;
        }
    }
    // Most places are alike.
    for (place, [a, b]) in from.beside(to).filter(|(_, [a, b])| a.is_none() || a != b) {
        let row = knowledge.row(place);
        match (a, b) {
            (Some(a), Some(b)) => {
                // Of a host that gives zero nothing is there.
                let pair = Pair { a: (a != 0).then_some(a), b: (b != 0).then_some(b) };
                let Judged { change, severity } = judged(place, &row, pair).a_to_b;
                let is_lost = !row.accumulates() && met(&row, a, b) != a && severity <= Severity::Warning;
                let is_review = row.accumulates() && b & !a != 0;
                match (is_lost, row.bits.is_one() && change == Change::Lost) {
                    (true, true) => found.loses.push(place),
                    (true, false) => found.numbers.push((place, a, b)),
                    (false, _) if is_review => found.review.push(place),
                    _ => {}
                }
            }
            _ if matters(place, &row, from, to) => found.unknown.push(place),
            _ => {}
        }
    }
    found.verdict = if bad || !found.loses.is_empty() || !found.numbers.is_empty() {
        Verdict::Unsafe
    } else if !found.review.is_empty() {
        Verdict::Review
    } else if !found.unknown.is_empty() || found.verdict == Verdict::Unknown {
        Verdict::Unknown
    } else {
        Verdict::Safe
    };
    found
}

/// Whether what is not known of a place could make a move unsafe.
fn matters(place: Place, row: &Row, from: &Offer, to: &Offer) -> bool {
    // A guest that is migrated has none of these, unless its TSC frequency is pinned: then placement asks.
    if row.blocks_migration {
        return false;
    }
    match (from.at(place), to.at(place)) {
        (Some(a), None) if row.accumulates() => a == 0,
        (Some(a), None) => a != 0,
        (None, Some(b)) if row.accumulates() => b != 0,
        (None, Some(b)) => b == 0 || !row.bits.is_one(),
        // What neither side's libvirt has a name for, no definition asks for on either.
        _ => [from, to].iter().any(|o| o.places.get(&place) != Some(&Statement::Unknown(Reason::NamesOnly))),
    }
}

/// The judge's word on one place.
fn judged(place: Place, row: &Row, pair: Pair) -> Judgement {
    rule::judge(&Differing {
        place,
        row: *row,
        pair,
        clocks: None,
        meant: [pair.a, pair.b].map(Option::unwrap_or_default),
        harmless: None,
        alone: true,
        at: [None, None],
    })
}

/// Puts both offers back into registers and has the judge look at every register: nothing may be lost but what is waived.
///
/// # Errors
/// The first place that is lost.
pub fn prove_safe(from: &Offer, to: &Offer, waived: &[Accepted], knowledge: &Knowledge) -> Result<(), Place> {
    let registers: BTreeSet<Place> =
        from.places.keys().chain(to.places.keys()).map(|p| p.with_bits(whole(*p))).collect();
    let value = |offer: &Offer, register: Place| -> u64 {
        let here = offer.places.range(register.with_bits(cpuid_probe::place::BitRange::one(0))..);
        let inside = here.take_while(|(place, _)| place.with_bits(whole(**place)) == register);
        inside.fold(0, |value, (place, statement)| match (statement, place.bits()) {
            (Statement::Value(bits), Some(at)) => value | (bits << at.lo) & at.mask(),
            _ => value,
        })
    };
    for register in registers {
        let (a, b) = (value(from, register), value(to, register));
        for row in rows(register, a, b, knowledge) {
            let place = register.with_bits(row.bits);
            let (a, b) = (row.bits.of(a), row.bits.of(b));
            let unknown = from.at(place).is_none() || to.at(place).is_none();
            let accepted = waived.iter().any(|accepted| accepted.place == Some(place));
            if row.is_capability() && !row.accumulates() && !unknown && !accepted {
                let pair = Pair { a: (a != 0).then_some(a), b: (b != 0).then_some(b) };
                let Judged { change, severity } = judged(place, &row, pair).a_to_b;
                if severity == Severity::Unsafe || change == Change::Lost && severity <= Severity::Warning {
                    return Err(place);
                }
            }
        }
    }
    Ok(())
}

/// All bits of the register or MSR of a place.
const fn whole(place: Place) -> cpuid_probe::place::BitRange {
    match place {
        Place::Msr { .. } => cpuid_probe::place::BitRange::MSR,
        _ => cpuid_probe::place::BitRange::REGISTER,
    }
}
