//! A dump as a baseline: a golden reference that every other capture of the same guest should equal.

use std::collections::BTreeSet;

use cpuid_probe::coverage::{Coverage, lacking};
use cpuid_probe::dump::Dump;
use cpuid_probe::leaf::LeafId;

use super::check::Checked;
use crate::compare::judge::Directions;
use crate::compare::{Comparison, compare};
use crate::report::{BaselineVerdict, Change, Finding, NotCaptured, Severity, Values};

/// What a reader of any result must know about a reference: also what it lacks, as nothing is expected there.
#[must_use]
pub fn notes(reference: &Dump) -> Vec<String> {
    let mut notes = vec!["the baseline is a dump: every register of it is expected".to_string()];
    let mut lacks = BTreeSet::new();
    for vcpu in &reference.vcpus {
        let coverage = Coverage::of(vcpu);
        lacks.extend(coverage.missing.into_iter().chain(coverage.capped).chain(lacking(vcpu).map(|gap| gap.id)));
    }
    if !lacks.is_empty() {
        let first: Vec<String> = lacks.iter().take(3).map(LeafId::to_string).collect();
        let more = if lacks.len() > first.len() { ", …" } else { "" };
        let noun = if lacks.len() == 1 { "place" } else { "places" };
        notes.push(format!(
            "the baseline lacks {} {noun} ({}{more}): nothing is expected there",
            lacks.len(),
            first.join(", ")
        ));
    }
    notes
}

/// Checks one dump against the reference.
///
/// What the dump lost or has otherwise is judged as if the guest moved from the reference to it: `unsafe` breaks the
/// promise. A feature beyond the reference is extra, as with any baseline.
#[must_use]
pub fn check(reference: &Dump, input: usize, dump: &Dump) -> Checked {
    let Comparison { findings, not_captured, msrs, .. } = compare(reference, dump, Directions::AToB);
    // What the reference itself does not hold, it does not promise; nor does it warn of itself.
    let findings: Vec<Finding> =
        findings.into_iter().filter(|f| f.input != Some(0)).map(|f| against(input, f)).collect();
    let missing: Vec<NotCaptured> = not_captured
        .into_iter()
        .filter(|place| place.input == 1 && holds(reference, place))
        .map(|place| NotCaptured { input, ..place })
        .collect();
    let mut unread = Vec::new();
    if !missing.is_empty() {
        unread.push(format!("{} places of the baseline were not captured", missing.len()));
    }
    let has_msrs = reference.vcpus.iter().any(|v| !v.msrs().is_empty());
    if has_msrs && !msrs {
        unread.push(
            "the baseline has feature MSRs, the dump does not: capture them too (cpuid-probe --msrs)".to_string(),
        );
    }
    let unread = (!unread.is_empty()).then(|| unread.join("; "));
    let nothing = reference.vcpus.iter().all(|v| v.leaves().is_empty());
    let doubts: Vec<String> =
        nothing.then(|| "the baseline holds no register and promises nothing".to_string()).into_iter().collect();
    Checked { verdict: BaselineVerdict::new(input, &findings, &doubts, unread), findings, not_captured: missing }
}

/// Whether a dump holds a place that another lacks.
fn holds(dump: &Dump, place: &NotCaptured) -> bool {
    let number = |text: &Option<String>| u32::from_str_radix(text.as_deref()?.strip_prefix("0x")?, 16).ok();
    let leaf = number(&place.leaf).map(|leaf| LeafId { leaf, subleaf: number(&place.subleaf) });
    let msr = number(&place.msr);
    dump.vcpus.iter().any(|v| {
        leaf.is_some_and(|id| v.get(id).is_some()) || msr.is_some_and(|index| v.msr(index).flatten().is_some())
    })
}

/// A difference between reference and dump as a finding about the dump alone.
fn against(input: usize, finding: Finding) -> Finding {
    let one_bit = finding.bits.as_deref().is_some_and(|bits| !bits.contains(':'));
    let extra = finding.a_to_b == Some(Change::Gained) && one_bit && finding.rule == "subset";
    Finding {
        input: Some(input),
        rule: if extra { "extra".to_string() } else { finding.rule },
        severity: if extra { finding.severity.max(Severity::Info) } else { finding.severity },
        values: Values { a: finding.values.b, b: None, expected: finding.values.a },
        severity_a_to_b: None,
        severity_b_to_a: None,
        a_to_b: None,
        b_to_a: None,
        ..finding
    }
}
