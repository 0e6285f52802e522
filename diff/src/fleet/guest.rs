//! Guests of one definition: what of a dump decides on their moves, which are `compare`'s verdicts as they are.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use cpuid_probe::dump::{Boot, Dump, Imported, Provenance};
use cpuid_probe::place::BitRange;
use cpuid_probe::printable::printable;
use cpuid_probe::{Place, Register, json};
use sha2::{Digest, Sha256};

use super::moves::{Move, Verdict};
use super::offer::{self, Offer, Scope};
use super::vm::refusal;
use super::waivers::Accepted;
use crate::finding::{Change, Finding, Value};
use crate::judge::refused::{pinned, refused};
use crate::judge::rule::Directions;
use crate::judge::verdict::{Grounds, verdict};
use crate::judge::{self, Comparison};
use crate::knowledge::{Knowledge, RuleKind, Severity};
use crate::report::{Direction, Way};
use crate::view::join::rows;
use crate::view::pairs::has_all_vcpus;
use crate::view::{DumpView, Role};

/// A guest's dump as JSON, without what tells one capture from another: label, time, kernel, microcode, versions.
#[must_use]
pub fn text(dump: &Dump) -> Arc<str> {
    let p = &dump.provenance;
    let boot = p.boot.as_ref().map(|boot| Boot {
        accel: boot.accel.clone(),
        machine: boot.machine.clone(),
        cpu: boot.cpu.clone(),
        ..Boot::default()
    });
    let imported = p.imported.as_ref().map(|i| Imported { format: i.format.clone(), of: i.of, ..Imported::default() });
    let provenance = Provenance { vcpus_online: p.vcpus_online, boot, imported, ..Provenance::new(p.source) };
    let mut dump = Dump { provenance, vcpus: dump.vcpus.clone() };
    dump.note_hypervisors();
    json::to_string(&dump).into()
}

/// What must agree between guests and stands in no register, and what no register of one vCPU tells.
#[must_use]
pub fn facts(view: &DumpView<'_>, knowledge: &Knowledge) -> BTreeMap<String, String> {
    let dump = view.dump;
    let mut facts = BTreeMap::from([("role".to_string(), Role::Guest.word().to_string())]);
    let mut fact = |what: &str, value: String| drop(facts.insert(what.to_string(), value));
    if let Some(boot) = &dump.provenance.boot {
        fact("machine type", printable(&boot.machine, 200));
        fact("accelerator", printable(&boot.accel, 20));
    }
    match dump.provenance.vcpus_online {
        Some(online) if usize::try_from(online) != Ok(dump.vcpus.len()) => {
            fact("number of vCPUs, of which some were captured", online.to_string());
        }
        _ => fact(offer::VCPUS, dump.vcpus.len().to_string()),
    }
    if let Some(khz) = pinned(dump) {
        fact("pinned TSC frequency", format!("{khz} kHz"));
    }
    let own: Vec<String> = refused(view, view, knowledge).iter().filter(|r| r.way == Way::AToB).map(refusal).collect();
    if !own.is_empty() {
        fact("live migration", printable(&own.join("; "), 500));
    }
    fact(EACH, of_each(view, knowledge));
    facts
}

/// The fact that names what each vCPU has.
pub const EACH: &str = "state of each vCPU";

/// The thread that reads leaf 1 is not the guest's.
pub const READER: Place = Place::cpuid(1, 0, Register::Ebx, 31, 24);

/// A short name of what each vCPU has: in their order what is compared one by one, and in any order what goes with an id.
fn of_each(view: &DumpView<'_>, knowledge: &Knowledge) -> String {
    let all = has_all_vcpus(view.dump);
    let mut hash = Sha256::new();
    let mut with_ids: Vec<String> = Vec::new();
    for (mut offer, vcpu) in Offer::of_vcpus(view, Scope::Guest, knowledge).zip(&view.vcpus) {
        offer.places.remove(&READER);
        let (mut kinds, mut ids) = (String::new(), String::new());
        for record in vcpu.vcpu.leaves() {
            for register in Register::ALL {
                let whole = Place::Cpuid { block: None, id: record.id, register, bits: BitRange::REGISTER };
                let value = u64::from(record.registers.get(register));
                for row in rows(whole, value, 0, knowledge).filter(|row| row.rule == RuleKind::PerVcpu) {
                    // The kind of a core is no id: the judge compares it vCPU by vCPU.
                    let is_kind = row.lost.min(row.gained) != Severity::Expected;
                    let to = if is_kind { &mut kinds } else { &mut ids };
                    // Writing to a String cannot fail.
                    let _ = writeln!(to, "{}={:#x}", whole.with_bits(row.bits).id(), row.bits.of(value));
                }
            }
        }
        hash.update(format!("{}\n{kinds}\n", offer.id()));
        with_ids.push(ids);
    }
    with_ids.sort_unstable();
    if all {
        hash.update(with_ids.join("\n"));
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// What `compare` says of a guest that moves from one dump's host to the other's, where `waive` marks what the site accepts.
pub(super) fn judge(
    from: &DumpView<'_>,
    to: &DumpView<'_>,
    waive: &mut dyn FnMut(&mut [Finding]),
    knowledge: &Knowledge,
) -> Move {
    let found = judge::compare(from, to, Directions::AToB, knowledge);
    let Comparison { mut findings, not_captured, refused, complete, msrs, .. } = found;
    let mut step = Move::new();
    for finding in &findings {
        put(&mut step, finding);
    }
    waive(&mut findings);
    step.waived = findings.iter().filter_map(|finding| Accepted::of(finding, knowledge)).collect();
    let grounds = Grounds { complete, msrs, unlike: false, refused };
    let verdict = verdict(&findings, Directions::AToB, grounds);
    step.verdict = match verdict.a_to_b {
        Some(Direction::Safe) if !step.waived.is_empty() => Verdict::Waived,
        Some(Direction::Safe) => Verdict::Safe,
        Some(Direction::Review) => Verdict::Review,
        Some(Direction::Unsafe) => Verdict::Unsafe,
        Some(Direction::Unknown) | None => Verdict::Unknown,
    };
    step.other.splice(0..0, verdict.refused.iter().map(refusal));
    step.unknown = not_captured.into_iter().map(|lack| lack.place).collect();
    for places in [&mut step.loses, &mut step.review, &mut step.unknown] {
        places.sort_unstable();
        places.dedup();
    }
    step
}

/// Adds what a finding says of the move.
fn put(step: &mut Move, finding: &Finding) {
    let Some(judged) = finding.a_to_b.filter(|judged| judged.severity <= Severity::Warning) else { return };
    let place = finding.place().filter(|place| place.bits().is_some());
    let is_unsafe = judged.severity == Severity::Unsafe;
    match (place, &finding.values.a, &finding.values.b) {
        (Some(place), Value::Bit(true), Value::Bit(false)) if is_unsafe && judged.change == Change::Lost => {
            step.loses.push(place);
        }
        (Some(place), Value::Number(a), Value::Number(b)) if is_unsafe => step.numbers.push((place, *a, *b)),
        (Some(place), ..) if !is_unsafe => step.review.push(place),
        _ => {
            let name = finding.name.as_deref().unwrap_or("something without a name");
            let why = finding.consequence.as_ref().or(finding.cause.as_ref());
            let why = why.map_or_else(String::new, |why| format!(": {}", why.trim_end_matches('.')));
            step.other.push(format!("{name}{why}"));
        }
    }
}
