//! A dump as a baseline: a golden reference that every other capture of the same guest should equal.

use std::collections::BTreeSet;

use cpuid_probe::dump::Dump;

use super::Checked;
use crate::finding::{Change, Finding, Rule, Value, Values};
use crate::judge::rule::Directions;
use crate::judge::verdict::Doubts;
use crate::judge::{Comparison, compare};
use crate::knowledge::Severity;
use crate::knowledge::{Knowledge, RuleKind};
use crate::list;
use crate::report::Way;
use crate::view::join::{NotCaptured, not_captured};
use crate::view::{DumpView, Seen};

/// A dump that others are held against.
#[derive(Debug)]
pub struct Golden<'a> {
    reference: DumpView<'a>,
    notes: Vec<String>,
}

impl<'a> Golden<'a> {
    /// Expects what `reference` holds.
    #[must_use]
    pub fn new(reference: &'a Dump) -> Self {
        let reference = DumpView::of(reference);
        let mut notes = vec!["the baseline is a dump: every register of it is expected".to_string()];
        let lacks: BTreeSet<_> = not_captured(0, &reference).into_iter().map(|lack| lack.place).collect();
        if !lacks.is_empty() {
            let places: Vec<String> = lacks.iter().map(ToString::to_string).collect();
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
    pub fn check(&self, input: usize, view: &DumpView<'_>, knowledge: &Knowledge) -> Checked {
        let Comparison { findings, not_captured, msrs, refused, .. } =
            compare(&self.reference, view, Directions::AToB, knowledge);
        // What the reference itself does not hold, it does not promise; nor does it warn of itself.
        let findings: Vec<Finding> =
            findings.into_iter().filter(|f| f.input != Some(0)).map(|f| against(input, f)).collect();
        let missing: Vec<NotCaptured> = not_captured
            .into_iter()
            .filter(|lack| lack.input == 1 && self.holds(lack))
            .map(|lack| NotCaptured { input, ..lack })
            .collect();
        let mut unread = Vec::new();
        if !missing.is_empty() {
            unread.push(format!("{} places of the baseline were not captured", missing.len()));
        }
        let reference = self.reference.dump;
        if reference.vcpus.iter().any(|v| !v.msrs().is_empty()) && !msrs {
            unread.push(
                "the baseline has feature MSRs, the dump does not: capture them too (cpuid-probe --msrs)".to_string(),
            );
        }
        let mut others = Vec::new();
        if reference.vcpus.iter().all(|v| v.leaves().is_empty()) {
            others.push("the baseline holds no register and promises nothing".to_string());
        }
        let unread = (!unread.is_empty()).then(|| unread.join("; "));
        let refused = refused.into_iter().filter(|refused| refused.way == Way::AToB);
        others.extend(refused.map(|refused| {
            format!("{} would not take a guest of the baseline: {}", refused.by.name(), refused.reason)
        }));
        Checked { findings, not_captured: missing, doubts: Doubts { unread, others } }
    }

    /// Whether the reference holds a place that another dump lacks.
    fn holds(&self, lack: &NotCaptured) -> bool {
        let read = |id| self.reference.vcpus.iter().any(|v| v.vcpu.get(id).is_some());
        match lack.place.leaf() {
            Some(id) => read(id),
            None => self.reference.values(lack.place).iter().any(|seen| matches!(seen, Seen::Value(_))),
        }
    }
}

/// A difference between reference and dump as a finding about the dump alone.
fn against(input: usize, finding: Finding) -> Finding {
    let gained = finding.a_to_b.is_some_and(|j| j.change == Change::Gained);
    let extra = gained && finding.is_one_bit() && finding.rule == Rule::Row(RuleKind::Subset);
    let severity = if extra { finding.severity.max(Severity::Info) } else { finding.severity };
    Finding {
        input: Some(input),
        rule: if extra { Rule::Extra } else { finding.rule },
        severity,
        values: Values { a: finding.values.b, b: Value::Unknown, expected: finding.values.a },
        a_to_b: None,
        b_to_a: None,
        breaks: if severity == Severity::Unsafe { vec![input] } else { Vec::new() },
        ..finding
    }
}
