//! From findings to an answer. Waivers are applied before; the verdict is drawn once.

use super::rule::Directions;
use crate::finding::Finding;
use crate::knowledge::Severity;
use crate::report::{
    BaselineResult, BaselineVerdict, Coverage, Direction, Overall, Refused, Report, Summary, Verdict, Way,
};

/// What a verdict rests on besides findings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grounds {
    /// Everything that exists was captured.
    pub complete: bool,
    /// Feature MSRs were compared too.
    pub msrs: bool,
    /// An input is the hardware's, or the two play different roles.
    pub unlike: bool,
    /// What would be refused in either direction.
    pub refused: Vec<Refused>,
}

/// The verdict on findings that were judged in `directions`. Findings without a direction are about a baseline, which has
/// a verdict of its own. What a site policy waived counts as safe; what would be refused never is.
#[must_use]
pub fn verdict(findings: &[Finding], directions: Directions, grounds: Grounds) -> Verdict {
    let Grounds { complete, msrs, unlike, refused } = grounds;
    let live = || findings.iter().filter(|f| f.severity != Severity::Waived);
    let worst = |way: Way, of: fn(&Finding) -> Option<Severity>| match live().filter_map(of).min() {
        Some(Severity::Unsafe) => Direction::Unsafe,
        Some(Severity::Warning) => Direction::Review,
        _ if refused.iter().any(|r| r.way == way) => Direction::Review,
        _ if !complete || unlike => Direction::Unknown,
        _ => Direction::Safe,
    };
    let a_to_b = directions.a_to_b().then(|| worst(Way::AToB, Finding::severity_a_to_b));
    let b_to_a = directions.b_to_a().then(|| worst(Way::BToA, Finding::severity_b_to_a));
    let asked: Vec<Direction> = a_to_b.into_iter().chain(b_to_a).collect();
    let unsafe_ones = asked.iter().filter(|d| **d == Direction::Unsafe).count();
    let directed = |f: &&Finding| f.a_to_b.is_some() || f.b_to_a.is_some();
    let overall = if unsafe_ones > 0 {
        if unsafe_ones == asked.len() { Overall::Incompatible } else { Overall::OneWay }
    } else if asked.contains(&Direction::Review) {
        Overall::Review
    } else if !complete || unlike {
        Overall::Undecided
    } else if findings.iter().filter(directed).all(|f| f.severity == Severity::Expected) {
        Overall::Identical
    } else {
        Overall::Compatible
    };
    let is_asked = |r: &Refused| if r.way == Way::AToB { directions.a_to_b() } else { directions.b_to_a() };
    Verdict {
        overall: Some(overall),
        a_to_b,
        b_to_a,
        refused: refused.into_iter().filter(is_asked).collect(),
        unlike,
        coverage: Coverage::of(complete),
        msrs,
        baseline: Vec::new(),
    }
}

/// What an input makes of a baseline besides findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doubts {
    /// What of the baseline the input does not hold, which `--partial` accepts.
    pub unread: Option<String>,
    /// What else keeps the baseline from being met.
    pub others: Vec<String>,
}

/// The result of input number `input` against a baseline. A waived finding breaks no promise.
#[must_use]
pub fn baseline(input: usize, findings: &[Finding], doubts: &Doubts) -> BaselineVerdict {
    let broken = findings.iter().any(|f| f.breaks.contains(&input) && f.severity != Severity::Waived);
    let reasons: Vec<&str> = doubts.others.iter().map(String::as_str).chain(doubts.unread.as_deref()).collect();
    let (result, reason) = match reasons.as_slice() {
        _ if broken => (BaselineResult::NotMet, None),
        [] => (BaselineResult::Met, None),
        reasons => (BaselineResult::Unverified, Some(reasons.join("; "))),
    };
    BaselineVerdict { input, result, reason, only_unread: doubts.others.is_empty() }
}

/// Findings by severity.
#[must_use]
pub fn summary(findings: &[Finding]) -> Summary {
    let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
    Summary {
        unsafe_: count(Severity::Unsafe),
        warning: count(Severity::Warning),
        info: count(Severity::Info),
        expected: count(Severity::Expected),
        waived: count(Severity::Waived),
    }
}

/// From which severity on a finding fails the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailOn {
    /// `unsafe` alone.
    Unsafe,
    /// `unsafe` and `warning`.
    #[default]
    Warning,
    /// `info` too.
    Any,
}

impl FailOn {
    /// The mildest severity that fails.
    #[must_use]
    pub const fn limit(self) -> Severity {
        match self {
            Self::Unsafe => Severity::Unsafe,
            Self::Warning => Severity::Warning,
            Self::Any => Severity::Info,
        }
    }
}

/// Whether a report passes: nothing at or above `fail_on`, every promise of a baseline kept, everything captured, nothing
/// that would be refused. `partial` forgives what was not captured, but not that nothing was.
#[must_use]
pub fn passes(report: &Report, fail_on: FailOn, partial: bool) -> bool {
    let clean = report.findings.iter().all(|f| f.severity > fail_on.limit());
    let kept = report.verdict.baseline.iter().all(|b| match b.result {
        BaselineResult::Met => true,
        BaselineResult::NotMet => false,
        BaselineResult::Unverified => partial && b.only_unread,
    });
    // What an input is, and what would be refused, no option forgives.
    let decided = !report.verdict.unlike && report.verdict.refused.is_empty();
    clean && kept && decided && report.compared > 0 && (partial || report.verdict.coverage == Coverage::Full)
}
