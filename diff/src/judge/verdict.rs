//! From findings to an answer. Waivers are applied before; the verdict is drawn once.

use super::rule::Directions;
use crate::finding::Finding;
use crate::knowledge::Severity;
use crate::report::{BaselineResult, BaselineVerdict, Coverage, Direction, Overall, Report, Summary, Verdict};

/// The verdict on findings that were judged in `directions`. Findings without a direction are about a baseline, which has
/// a verdict of its own. What a site policy waived counts as safe.
#[must_use]
pub fn verdict(findings: &[Finding], directions: Directions, complete: bool, msrs: bool) -> Verdict {
    let live = || findings.iter().filter(|f| f.severity != Severity::Waived);
    let worst = |of: fn(&Finding) -> Option<Severity>| match live().filter_map(of).min() {
        Some(Severity::Unsafe) => Direction::Unsafe,
        Some(Severity::Warning) => Direction::Review,
        _ => Direction::Safe,
    };
    let a_to_b = directions.a_to_b().then(|| worst(Finding::severity_a_to_b));
    let b_to_a = directions.b_to_a().then(|| worst(Finding::severity_b_to_a));
    let asked: Vec<Direction> = a_to_b.into_iter().chain(b_to_a).collect();
    let unsafe_ones = asked.iter().filter(|d| **d == Direction::Unsafe).count();
    let directed = |f: &&Finding| f.a_to_b.is_some() || f.b_to_a.is_some();
    let overall = if unsafe_ones > 0 {
        if unsafe_ones == asked.len() { Overall::Incompatible } else { Overall::OneWay }
    } else if asked.contains(&Direction::Review) {
        Overall::Review
    } else if findings.iter().filter(directed).all(|f| f.severity == Severity::Expected) {
        Overall::Identical
    } else {
        Overall::Compatible
    };
    let coverage = Coverage::of(complete);
    Verdict { overall: Some(overall), a_to_b, b_to_a, coverage, msrs, baseline: Vec::new() }
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

/// Whether a report passes: nothing at or above `fail_on`, every promise of a baseline kept, everything captured.
/// `partial` forgives what was not captured, but not that nothing was.
#[must_use]
pub fn passes(report: &Report, fail_on: FailOn, partial: bool) -> bool {
    let limit = match fail_on {
        FailOn::Unsafe => Severity::Unsafe,
        FailOn::Warning => Severity::Warning,
        FailOn::Any => Severity::Info,
    };
    let clean = report.findings.iter().all(|f| f.severity > limit);
    let kept = report.verdict.baseline.iter().all(|b| match b.result {
        BaselineResult::Met => true,
        BaselineResult::NotMet => false,
        BaselineResult::Unverified => partial && b.only_unread,
    });
    clean && kept && report.compared > 0 && (partial || report.verdict.coverage == Coverage::Full)
}
