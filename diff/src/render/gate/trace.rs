//! What `trace` answers.

use super::{Case, Gate, Metric, Outcome};
use crate::render::trace::{counts, not_kept};
use crate::trace::{Step, Trace};

/// The answer of a trace that passes, or does not.
#[must_use]
pub fn trace(trace: &Trace, passes: bool) -> Gate {
    let answer = counts(trace);
    let said = std::iter::once(answer.clone()).chain(trace.reasons.iter().cloned()).chain(not_kept(trace));
    let names: Vec<&str> = trace.layers.iter().map(|given| given.name.as_str()).collect();
    let case =
        Case {
            kind: "trace", name: names.join(" → "), file: None, outcome: Outcome::of(passes), said: said.collect()
        };
    let labels: Vec<(&'static str, String)> =
        trace.layers.iter().map(|given| (given.layer.word(), given.name.clone())).collect();
    let one = |name, help, value| Metric { name, help, values: vec![(labels.clone(), value)] };
    let fit: Vec<_> = labels.iter().cloned().chain([("fit", trace.fit.word().to_string())]).collect();
    let broken = trace.steps.iter().filter(|step: &&Step| step.is_broken_promise()).count();
    Gate {
        command: "trace",
        exit_code: u8::from(!passes),
        answer,
        cases: vec![case],
        metrics: vec![
            one("passed", "1 passed, 0 did not", passes.into()),
            Metric { name: "fit", help: "Whether the last layer has what it is to have", values: vec![(fit, 1)] },
            one("promises_not_kept", "Promises that were not kept", broken as u64),
            one("changed", "Places that change between the layers", trace.changed as u64),
            one("not_captured", "Features that a layer does not hold", trace.not_captured as u64),
        ],
    }
}
