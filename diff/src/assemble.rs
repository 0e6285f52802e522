//! From a comparison or a check to a report.

use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::leaf::LeafId;
use cpuid_probe::text::write_record;

use crate::baseline::Baseline;
use crate::baseline::check::Checked;
use crate::baseline::evidence::{self, Announcement};
use crate::compare::finding::sort;
use crate::compare::judge::Directions;
use crate::compare::verdict::{scope, summary, verdict};
use crate::compare::{self, Comparison, compare, has_msrs, notes};
use crate::report::{CoverageWord, Finding, Input, NotCaptured, Report, SCHEMA, Values, Verdict};

/// A dump and what the user calls it.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// The file's name, as given.
    pub name: String,
    /// The dump.
    pub dump: Dump,
}

/// Compares two dumps and reports it.
#[must_use]
pub fn report(a: &Named, b: &Named, directions: Directions) -> Report {
    let Comparison { findings, not_captured, notes, compared, complete, msrs } = compare(&a.dump, &b.dump, directions);
    Report {
        schema: SCHEMA,
        inputs: vec![input(a), input(b)],
        verdict: verdict(&findings, directions, complete, msrs),
        notes,
        summary: summary(&findings),
        findings,
        not_captured,
        compared,
        dumps: vec![a.dump.clone(), b.dump.clone()],
    }
}

/// Holds one dump against a baseline and reports it. `log` is what QEMU announced for it; without one, what a
/// throw-away guest's dump itself holds.
#[must_use]
pub fn check(named: Named, baseline: &Baseline<'_>, log: Option<&[Announcement]>) -> Report {
    let input = input(&named);
    let dump = &named.dump;
    let Checked { verdict, findings, not_captured } = checked(0, dump, baseline, log);
    let not_captured = merged(compare::not_captured(0, dump), not_captured);
    let mut notes = notes::of_checked(dump);
    notes.extend(baseline.notes());
    let complete = if dump.is_complete() { CoverageWord::Full } else { CoverageWord::Partial };
    Report {
        schema: SCHEMA,
        inputs: vec![input],
        verdict: Verdict {
            overall: None,
            a_to_b: None,
            b_to_a: None,
            coverage: complete,
            scope: scope(has_msrs(dump)).to_string(),
            baseline: vec![verdict],
        },
        notes,
        summary: summary(&findings),
        findings,
        not_captured,
        compared: dump.vcpus.iter().map(|v| v.leaves().len()).sum(),
        dumps: vec![named.dump],
    }
}

/// Compares two dumps and holds both against a baseline: three columns.
///
/// What the comparison finds keeps its judgement and learns what was expected. A promise that both inputs break alike
/// is a finding of its own, which no direction has a part in.
#[must_use]
pub fn report_with_baseline(
    a: &Named,
    b: &Named,
    directions: Directions,
    baseline: &Baseline<'_>,
    log: Option<&[Announcement]>,
) -> Report {
    let mut report = report(a, b, directions);
    let mut own: Vec<Finding> = Vec::new();
    for (input, named) in [a, b].into_iter().enumerate() {
        let Checked { verdict, findings, not_captured } = checked(input, &named.dump, baseline, log);
        report.verdict.baseline.push(verdict);
        report.not_captured = merged(std::mem::take(&mut report.not_captured), not_captured);
        for mut found in findings {
            let evidence: Vec<String> =
                found.evidence.drain(..).map(|line| format!("{}: {line}", named.name)).collect();
            let known = report.findings.iter_mut().filter(|f| f.id == found.id);
            let mut compared = false;
            for finding in known {
                compared = true;
                finding.values.expected = found.values.expected.clone();
                finding.remedy = finding.remedy.take().or(found.remedy.clone());
                finding.evidence.extend(evidence.iter().cloned());
            }
            if compared {
                continue;
            }
            // Values of the check are those of its input; the other input has what was expected until its own check
            // says otherwise.
            let of_input = found.values.a.take();
            let expected = found.values.expected.clone();
            let slot = |values: &mut Values, value| if input == 0 { values.a = value } else { values.b = value };
            match own.iter_mut().find(|f| f.id == found.id && f.rule == found.rule) {
                Some(both) if input == 1 => {
                    slot(&mut both.values, of_input);
                    both.input = None;
                    both.vcpus.extend(&found.vcpus);
                    both.vcpus.sort_unstable();
                    both.vcpus.dedup();
                    both.severity = both.severity.min(found.severity);
                    both.evidence.extend(evidence);
                }
                _ => {
                    found.values = Values { a: expected.clone(), b: expected.clone(), expected };
                    slot(&mut found.values, of_input);
                    found.evidence = evidence;
                    own.push(found);
                }
            }
        }
    }
    report.findings.append(&mut own);
    sort(&mut report.findings);
    report.notes.extend(baseline.notes());
    report.summary = summary(&report.findings);
    report
}

/// Two lists of places as one, in order, each place once.
fn merged(mut places: Vec<NotCaptured>, more: Vec<NotCaptured>) -> Vec<NotCaptured> {
    type Key = (usize, u32, bool, Option<String>, Option<String>, Option<String>);
    let key = |n: &NotCaptured| -> Key {
        (n.input, n.vcpu, n.leaf.is_none(), n.leaf.clone(), n.subleaf.clone(), n.msr.clone())
    };
    places.extend(more);
    places.sort_by_cached_key(key);
    places.dedup_by_key(|n| key(n));
    places
}

fn checked(input: usize, dump: &Dump, baseline: &Baseline<'_>, log: Option<&[Announcement]>) -> Checked {
    match log {
        Some(log) => baseline.check(input, dump, Some(log)),
        None => baseline.check(input, dump, evidence::of_boot(dump).as_deref()),
    }
}

/// What a report says of an input.
#[must_use]
pub fn input(named: &Named) -> Input {
    let Named { name, dump } = named;
    let first = dump.vcpus.first();
    let boot = dump.provenance.boot.as_ref();
    Input {
        name: name.clone(),
        label: dump.provenance.label.clone(),
        source: dump.provenance.source.word().to_string(),
        accel: boot.map(|boot| boot.accel.clone()),
        vendor: first.and_then(VcpuDump::vendor).map(|v| v.to_string()),
        cpu: boot.map(|boot| boot.cpu.clone()).or_else(|| first.and_then(brand)),
        hypervisor: first.map(|v| v.blocks().map(|b| b.signature.to_string()).collect()).unwrap_or_default(),
        vcpus: dump.vcpus.len(),
        vcpus_online: dump.provenance.vcpus_online,
        complete: dump.is_complete(),
    }
}

/// The brand text of leaves 0x80000002 to 0x80000004 (Intel SDM leaf 80000002H).
fn brand(vcpu: &VcpuDump) -> Option<String> {
    let mut text = String::new();
    for leaf in 0x8000_0002..=0x8000_0004 {
        let r = vcpu.get(LeafId::new(leaf, 0))?;
        for byte in [r.eax, r.ebx, r.ecx, r.edx].into_iter().flat_map(u32::to_le_bytes) {
            if (0x20..0x7f).contains(&byte) {
                text.push(char::from(byte));
            }
        }
    }
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_string())
}

/// A dump as bare lines, which a unified diff can be made of. Several vCPUs are told apart by a comment line.
#[must_use]
pub fn canonical(dump: &Dump) -> String {
    let mut out = String::new();
    for v in &dump.vcpus {
        if dump.vcpus.len() > 1 {
            out.push_str(&format!("# vcpu {}\n", v.vcpu));
        }
        for record in v.leaves() {
            // Writing to a String cannot fail.
            let _ = write_record(&mut out, record);
        }
    }
    out
}
