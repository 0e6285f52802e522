//! How bad one differing row is, in each direction. The only place that knows what the rules mean.

use crate::finding::{Change, Judged};
use crate::knowledge::Severity;
use crate::knowledge::{Row, RuleKind};
use crate::view::clock::Clocks;
use crate::view::join::Differing;

/// The directions a user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Directions {
    /// Both.
    #[default]
    Both,
    /// From the first input to the second.
    AToB,
    /// From the second input to the first.
    BToA,
}

impl Directions {
    /// Whether first to second is asked for.
    #[must_use]
    pub const fn a_to_b(self) -> bool {
        !matches!(self, Self::BToA)
    }

    /// Whether second to first is asked for.
    #[must_use]
    pub const fn b_to_a(self) -> bool {
        !matches!(self, Self::AToB)
    }
}

/// Both directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// From the first input to the second.
    pub a_to_b: Judged,
    /// From the second input to the first.
    pub b_to_a: Judged,
    /// The frequencies, for `host-clock`.
    pub clocks: Option<Clocks>,
}

/// Judges a row whose values differ.
#[must_use]
pub fn judge(differing: &Differing) -> Judgement {
    let Differing { row, pair, meant, clocks, harmless, alone, .. } = differing;
    let [a, b] = *meant;
    if harmless.is_some() {
        let judged = |from, to| Judged { change: change(row.rule, from, to), severity: Severity::Info };
        return Judgement { a_to_b: judged(a, b), b_to_a: judged(b, a), clocks: None };
    }
    let clocks = (row.rule == RuleKind::HostClock).then(|| clocks.unwrap_or(Clocks::of(a, b)));
    let judged = |from: u64, to: u64, source: Option<u64>| {
        let severity = match clocks {
            Some(clocks) if !clocks.within_tolerance() => Severity::Unsafe,
            // A bit that no row names is judged as a feature, unless several are one number perhaps.
            _ if !row.known && row.bits.is_one() && *alone && from == 0 => Severity::Warning,
            // A number that only one side tells.
            _ if row.zero_is_silent && from == 0 => Severity::Info,
            _ if row.zero_is_silent && to == 0 => Severity::Warning,
            // What the source did not have, its guest cannot rely on: a place that appears is gained.
            _ if row.rule == RuleKind::Equal && row.known && source.is_none() => {
                severity(row, from, to).max(Severity::Warning)
            }
            _ => severity(row, from, to),
        };
        Judged { change: change(row.rule, from, to), severity }
    };
    Judgement { a_to_b: judged(a, b, pair.a), b_to_a: judged(b, a, pair.b), clocks }
}

/// Lost: bits gone, a smaller number, or something that became zero. Bit by bit where the rule is about bits.
fn severity(row: &Row, from: u64, to: u64) -> Severity {
    match row.rule {
        RuleKind::Subset | RuleKind::Hazard => {
            let (lost, gained) = (from & !to != 0, to & !from != 0);
            match (lost, gained) {
                (true, true) => row.lost.min(row.gained),
                (true, false) => row.lost,
                _ => row.gained,
            }
        }
        _ if to < from => row.lost,
        _ => row.gained,
    }
}

/// The word for a change.
fn change(rule: RuleKind, from: u64, to: u64) -> Change {
    let bits = matches!(rule, RuleKind::Subset | RuleKind::Hazard);
    let numbers = matches!(rule, RuleKind::NotLess | RuleKind::NotGreater);
    match (from, to) {
        _ if from == to => Change::Same,
        (_, 0) => Change::Lost,
        (0, _) => Change::Gained,
        _ if bits && from & !to == 0 => Change::Gained,
        _ if bits && to & !from == 0 => Change::Lost,
        _ if numbers && to < from => Change::Lost,
        _ if numbers => Change::Gained,
        _ => Change::Changed,
    }
}
