//! How bad one differing row is, in each direction. The only place that knows what the rules mean.

use crate::compare::clock::{Clocks, TOLERANCE_PPM};
use crate::compare::finding::Pair;
use crate::knowledge::{Row, RuleKind};
use crate::report::{Change, Severity};

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

/// What a difference means in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What happens to the place.
    pub change: Change,
    /// How bad that is.
    pub severity: Severity,
}

/// Both directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// From the first input to the second.
    pub a_to_b: Judged,
    /// From the second input to the first.
    pub b_to_a: Judged,
    /// The rule to report, where it is not the row's.
    pub rule: Option<&'static str>,
    /// Why, where the row alone does not say it.
    pub cause: Option<String>,
    /// The frequencies, for `host-clock`.
    pub clocks: Option<Clocks>,
}

/// Why a difference in a closed place is harmless.
pub const CLOSED: &str = "the bit that announces this leaf is 0 in both dumps, so no software reads it";

/// Judges a row whose values differ. `clocks` are the leaf's rates where they are not the row's own number; `closed`
/// says that the bit which gives the leaf its meaning is 0 on both sides.
#[must_use]
pub fn judge(row: &Row, pair: Pair, clocks: Option<Clocks>, closed: bool) -> Judgement {
    let (a, b) = (pair.a.unwrap_or_default(), pair.b.unwrap_or_default());
    if closed {
        let judged = |from, to| Judged { change: change(row.rule, from, to), severity: Severity::Info };
        let cause = Some(CLOSED.to_string());
        return Judgement { a_to_b: judged(a, b), b_to_a: judged(b, a), rule: None, cause, clocks: None };
    }
    let clocks = (row.rule == RuleKind::HostClock).then(|| {
        #[allow(clippy::cast_precision_loss)] // registers are 32 bits wide
        clocks.unwrap_or(Clocks { a: a as f64, b: b as f64 })
    });
    let judged = |from: u64, to: u64, source: Option<u64>| {
        let severity = match clocks {
            Some(clocks) if clocks.ppm() > TOLERANCE_PPM => Severity::Unsafe,
            // What the source did not have, its guest cannot rely on: a place that appears is gained.
            _ if row.rule == RuleKind::Equal && row.known && source.is_none() => {
                severity(row, from, to).max(Severity::Warning)
            }
            _ => severity(row, from, to),
        };
        Judged { change: change(row.rule, from, to), severity }
    };
    Judgement { a_to_b: judged(a, b, pair.a), b_to_a: judged(b, a, pair.b), rule: None, cause: None, clocks }
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
