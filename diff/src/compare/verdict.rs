//! From findings to an answer.

use crate::compare::judge::Directions;
use crate::report::{BaselineResult, CoverageWord, Direction, Finding, Overall, Report, Severity, Summary, Verdict};

/// The verdict on findings that were judged in `directions`. Findings without a direction are about a baseline, which has
/// a verdict of its own.
#[must_use]
pub fn verdict(findings: &[Finding], directions: Directions, complete: bool, msrs: bool) -> Verdict {
    let worst = |of: fn(&Finding) -> Option<Severity>| {
        // What a site policy waived counts as safe.
        let live = findings.iter().filter(|f| f.severity != Severity::Waived);
        match live.filter_map(of).min() {
            Some(Severity::Unsafe) => Direction::Unsafe,
            Some(Severity::Warning) => Direction::Review,
            _ => Direction::Safe,
        }
    };
    let a_to_b = directions.a_to_b().then(|| worst(|f| f.severity_a_to_b));
    let b_to_a = directions.b_to_a().then(|| worst(|f| f.severity_b_to_a));
    let asked: Vec<Direction> = a_to_b.into_iter().chain(b_to_a).collect();
    let unsafe_ones = asked.iter().filter(|d| **d == Direction::Unsafe).count();
    let overall = if unsafe_ones > 0 {
        if unsafe_ones == asked.len() { Overall::Incompatible } else { Overall::OneWay }
    } else if asked.contains(&Direction::Review) {
        Overall::Review
    } else if findings.iter().filter(|f| directed(f)).all(|f| f.severity == Severity::Expected) {
        Overall::Identical
    } else {
        Overall::Compatible
    };
    Verdict {
        overall: Some(overall),
        a_to_b,
        b_to_a,
        coverage: if complete { CoverageWord::Full } else { CoverageWord::Partial },
        scope: scope(msrs).to_string(),
        baseline: Vec::new(),
    }
}

fn directed(finding: &Finding) -> bool {
    finding.severity_a_to_b.is_some() || finding.severity_b_to_a.is_some()
}

/// The word for what was compared.
#[must_use]
pub const fn scope(msrs: bool) -> &'static str {
    if msrs { "cpuid+msr" } else { "cpuid" }
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
    clean && kept && report.compared > 0 && (partial || report.verdict.coverage == CoverageWord::Full)
}

/// Verdict and counts again, after findings were waived.
pub fn judge_again(report: &mut Report) {
    let Report { findings, verdict: old, summary: counts, .. } = report;
    for baseline in &mut old.baseline {
        let input = baseline.input;
        baseline.judge(|id| {
            let about = |f: &&Finding| f.id == id && f.input.is_none_or(|of| of == input);
            let mut mine = findings.iter().filter(about).peekable();
            mine.peek().is_none() || mine.any(|f| f.severity != Severity::Waived)
        });
    }
    if old.overall.is_some() {
        let directions = match (old.a_to_b, old.b_to_a) {
            (Some(_), None) => Directions::AToB,
            (None, Some(_)) => Directions::BToA,
            _ => Directions::Both,
        };
        let (full, msrs) = (old.coverage == CoverageWord::Full, old.scope == scope(true));
        let baseline = std::mem::take(&mut old.baseline);
        *old = Verdict { baseline, ..verdict(findings, directions, full, msrs) };
    }
    *counts = summary(findings);
}
