//! A dump as a baseline: a golden reference that every other capture of the same guest should equal.

use std::collections::BTreeSet;

use cpuid_probe::coverage::{Coverage, lacking};
use cpuid_probe::dump::Dump;
use cpuid_probe::leaf::LeafId;

use super::check::Checked;
use crate::compare::judge::Directions;
use crate::compare::{Comparison, compare};
use crate::list;
use crate::report::{BaselineVerdict, Change, Finding, NotCaptured, Severity, Values};

/// A dump that others are held against.
#[derive(Debug)]
pub struct Golden<'a> {
    reference: &'a Dump,
    notes: Vec<String>,
}

impl<'a> Golden<'a> {
    /// Expects what `reference` holds.
    #[must_use]
    pub fn new(reference: &'a Dump) -> Self {
        let mut notes = vec!["the baseline is a dump: every register of it is expected".to_string()];
        let mut lacks = BTreeSet::new();
        for vcpu in &reference.vcpus {
            let coverage = Coverage::of(vcpu);
            lacks.extend(coverage.missing.into_iter().chain(coverage.capped).chain(lacking(vcpu).map(|gap| gap.id)));
        }
        if !lacks.is_empty() {
            let places: Vec<String> = lacks.iter().map(LeafId::to_string).collect();
            let (count, noun) = (places.len(), if places.len() == 1 { "place" } else { "places" });
            let first = list::first(&places, 3);
            notes.push(format!("the baseline lacks {count} {noun} ({first}): nothing is expected there"));
        }
        Self { reference, notes }
    }

    /// What a reader of any result must know about the reference: also what it lacks.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    /// Checks one dump.
    ///
    /// What the dump lost or has otherwise is judged as if the guest moved from the reference to it: `unsafe` breaks the
    /// promise. A feature beyond the reference is extra, as with any baseline.
    #[must_use]
    pub fn check(&self, input: usize, dump: &Dump) -> Checked {
        let reference = self.reference;
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
        let mut doubts = Vec::new();
        if reference.vcpus.iter().all(|v| v.leaves().is_empty()) {
            doubts.push("the baseline holds no register and promises nothing".to_string());
        }
        Checked { verdict: BaselineVerdict::new(input, &findings, &doubts, unread), findings, not_captured: missing }
    }
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
