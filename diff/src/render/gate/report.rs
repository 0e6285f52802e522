//! What `compare` and `check` answer.

use super::{Case, Gate, Label, Metric, Outcome, Values, apart};
use crate::finding::Finding;
use crate::judge::verdict::FailOn;
use crate::render::words;
use crate::report::{Coverage, Direction, Report, Way};

/// So many gaps of a kind are named.
const GAPS: usize = 8;

/// The answer of `command` in reports, each with whether it passes, and what could not be reported: (name, why).
#[must_use]
pub fn reports(
    command: &'static str,
    reports: &[(Report, bool)],
    troubles: &[(String, String)],
    fail_on: FailOn,
    exit_code: u8,
) -> Gate {
    let case = |(report, passes): &(Report, bool)| Case {
        kind: command,
        name: report.inputs.iter().map(words::title).collect::<Vec<_>>().join(" and "),
        file: match report.inputs.as_slice() {
            [input] => Some(input.name.clone()),
            _ => None,
        },
        outcome: Outcome::of(*passes),
        said: said(report, fail_on),
    };
    let trouble = |(name, why): &(String, String)| Case {
        kind: command,
        name: name.clone(),
        file: Some(name.clone()),
        outcome: Outcome::Trouble,
        said: vec![why.clone()],
    };
    let cases: Vec<Case> = reports.iter().map(case).chain(troubles.iter().map(trouble)).collect();
    let answer = match cases.as_slice() {
        [one] => one.said.first().cloned().unwrap_or_default(),
        _ => {
            let bad = cases.iter().filter(|case| case.outcome != Outcome::Passed).count();
            format!("{} of {} inputs passed", cases.len() - bad, cases.len())
        }
    };
    Gate { command, exit_code, answer, cases, metrics: metrics(reports) }
}

/// The verdict, then what fails the run, then what is not known.
fn said(report: &Report, fail_on: FailOn) -> Vec<String> {
    let counts = |f: &&Finding| f.severity <= fail_on.limit();
    let mut said = vec![words::verdict(report)];
    said.extend(report.findings.iter().filter(counts).map(|f| sentence(report, f)));
    said.extend(words::unverified(report));
    said.extend(words::not_captured(report, GAPS));
    said
}

/// `unsafe: 0x00000001 EDX[21] ds: Debug Store …; B → A lost: unsafe; A 1, B 0`.
fn sentence(report: &Report, f: &Finding) -> String {
    let mut line = format!("{}: {}", f.severity.word(), words::heading(report, f));
    let what = words::is(f);
    if !what.is_empty() {
        line = format!("{line}: {what}");
    }
    let values = words::decoded(f).unwrap_or_else(|| {
        let of = [("A", &f.values.a), ("B", &f.values.b), ("expected", &f.values.expected)];
        let of = of.iter().filter_map(|(side, value)| Some(format!("{side} {}", value.text()?)));
        of.collect::<Vec<_>>().join(", ")
    });
    for more in [words::directions(f), values] {
        if !more.is_empty() {
            line = format!("{line}; {more}");
        }
    }
    line
}

fn metrics(reports: &[(Report, bool)]) -> Vec<Metric> {
    let name = |report: &Report, i: usize| report.inputs.get(i).map(|input| input.name.clone());
    // One input may be given twice.
    let firsts = apart(reports.iter().map(|(report, _)| name(report, 0).unwrap_or_default()).collect());
    let inputs = reports.iter().zip(firsts).map(|((report, _), first)| match name(report, 1) {
        Some(second) => vec![("a", first), ("b", second)],
        None => vec![("input", first)],
    });
    let inputs: Vec<Vec<Label>> = inputs.collect();
    let each = |name, help, values: &dyn Fn(&Report, bool) -> Values| {
        let of = reports.iter().zip(&inputs).flat_map(|((report, passes), inputs)| {
            let with = |(labels, value)| (inputs.iter().cloned().chain(labels).collect(), value);
            values(report, *passes).into_iter().map(with)
        });
        Metric { name, help, values: of.collect() }
    };
    vec![
        each("passed", "1 passed, 0 did not", &|_, passes| vec![(vec![], passes.into())]),
        each("verdict", "The verdict on the pair", &|report, _| {
            let overall = report.verdict.overall.iter();
            overall.map(|overall| (vec![("verdict", overall.word().to_string())], 1)).collect()
        }),
        each("direction", "The verdict on a move from one input to the other", &|report, _| {
            let ways = [(Way::AToB, report.verdict.a_to_b), (Way::BToA, report.verdict.b_to_a)];
            let labels = |way: Way, verdict: Direction| {
                vec![("direction", way.word().to_string()), ("verdict", verdict.word().to_string())]
            };
            ways.into_iter().filter_map(|(way, verdict)| Some((labels(way, verdict?), 1))).collect()
        }),
        each("refused", "Reasons for which the migration would be refused", &|report, _| {
            let is_pair = report.verdict.overall.is_some();
            is_pair.then(|| (vec![], report.verdict.refused.len() as u64)).into_iter().collect()
        }),
        each("baseline", "Whether an input meets the baseline", &|report, _| {
            let of = report.verdict.baseline.iter().map(|b| {
                let input = words::letter(b.input).to_lowercase();
                let of = if report.inputs.len() > 1 { vec![("of", input)] } else { vec![] };
                (of.into_iter().chain([("result", b.result.word().to_string())]).collect(), 1)
            });
            of.collect()
        }),
        each("complete", "1 everything was captured, 0 in part", &|report, _| {
            vec![(vec![], (report.verdict.coverage == Coverage::Full).into())]
        }),
        each("findings", "Findings by severity", &|report, _| {
            let s = report.summary;
            let of = [("unsafe", s.unsafe_), ("warning", s.warning), ("info", s.info), ("waived", s.waived)];
            of.into_iter().map(|(word, n)| (vec![("severity", word.to_string())], n as u64)).collect()
        }),
    ]
}
