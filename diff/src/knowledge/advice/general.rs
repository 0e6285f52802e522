//! The general text of each rule, for places that no note is about.

use super::layers::{self, Layer};
use super::{Asked, remedies};
use crate::knowledge::{Offer, Row, RuleKind};

/// Cause, consequence and remedy without a note.
pub(super) struct General {
    pub cause: String,
    pub consequence: String,
    pub layers: Vec<Layer>,
    pub remedy: String,
}

/// How to find out which layer it was.
const FIND_OUT: &str = "`cpuid-probe kvm` on each host shows whether KVM offers it there.";

pub(super) fn text(row: &Row, asked: Asked) -> General {
    if !row.known {
        return unknown();
    }
    let mut general = if row.feature { feature(row) } else { number(row) };
    match asked {
        Asked::Differs { .. } | Asked::Explain => {}
        Asked::Missing => general.remedy = missing(row),
        Asked::Extra => general.remedy = extra(row),
    }
    general
}

fn unknown() -> General {
    General {
        cause: "unknown: cpuid-diff has no entry for this bit, so nothing says who sets it.".to_string(),
        consequence: "unknown; treated as if the guest relied on it.".to_string(),
        layers: Vec::new(),
        remedy: "Compare what both hosts offer with `cpuid-probe kvm`. A named CPU model (`<cpu mode='custom'>`) \
                 passes no bit that QEMU has no name for. If a newer manual describes the bit, report it."
            .to_string(),
    }
}

fn sentences(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().collect();
    parts.join(" ")
}

/// A reason of the tables, as a sentence.
fn sentence(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.'))
}

fn feature(row: &Row) -> General {
    let known = layers::sentences(row);
    let cause = if known.is_empty() && row.cause.is_none() {
        "Some layer lacks it on one side; the dumps alone do not say which.".to_string()
    } else {
        sentences(row.cause.map(sentence).into_iter().chain(known))
    };
    let consequence = match (row.rule, row.reason) {
        (_, Some(reason)) => sentence(reason),
        (_, None) => {
            "Software chose its code by it when it started (kernel alternatives, libraries, compiled code); where \
                      it is gone, that code can fault (#UD, #GP)."
                .to_string()
        }
    };
    let remedy = match (row.rule, remedies::disable(row)) {
        (RuleKind::Informational, _) => NOTHING.to_string(),
        (RuleKind::OsControlled, _) => OS.to_string(),
        (_, Some(disable)) if row.kvm == Offer::Never => {
            format!("Leave it out of the baseline, as no KVM guest can be given it: {disable}.")
        }
        (_, Some(disable)) => {
            format!(
                "Give every host's guests the same: {disable}; or bring the host that lacks it up to the other. {FIND_OUT}"
            )
        }
        (_, None) => remedies::filled("Give every host's guests the same: {disable}.", row, Asked::Explain),
    };
    General { cause, consequence, layers: layers::of_feature(row), remedy }
}

const NOTHING: &str = "Nothing to change: it names or advises, and nothing depends on it.";
const OS: &str = "Nothing to change: the guest's system sets it, and a migration carries it along.";
const SAME: &str = "Start both guests from one CPU definition, machine type and QEMU version, with a named CPU model \
                    (`<cpu mode='custom'>`) unless the hosts are alike in CPU, firmware and kernel.";

fn number(row: &Row) -> General {
    use Layer::{Cpu, Firmware, GuestOs, Kernel, Libvirt, Qemu};
    let reason = row.reason.map_or_else(
        || {
            "unknown: cpuid-diff has no rule for it, so any change counts, as software may have stored the value."
                .to_string()
        },
        sentence,
    );
    let (layers, cause, remedy): (&[Layer], &str, &str) = match row.rule {
        RuleKind::NotLess | RuleKind::NotGreater => (
            &[Cpu, Firmware, Kernel, Qemu],
            "The hosts, or the QEMU versions and CPU definitions on them, do not provide the same number.",
            SAME,
        ),
        RuleKind::Equal | RuleKind::Subset | RuleKind::Hazard => (
            &[Cpu, Firmware, Kernel, Qemu],
            "The value comes from the host, or from the QEMU version and CPU definition on it, and those differ.",
            SAME,
        ),
        RuleKind::Identity => (
            &[Cpu, Qemu, Libvirt],
            "The guests show CPUs or hypervisors of different kinds: different CPU models, or host-passthrough on \
             hosts that differ.",
            SAME,
        ),
        RuleKind::HostClock => (
            &[Cpu, Kernel, Qemu],
            "It is a frequency of the host, either measured or advertised by the CPU.",
            "Pin one frequency on both: `<timer name='tsc' frequency='{hz}'/>` in `<clock>` (QEMU: \
             `tsc-frequency={hz}` in `-cpu`).",
        ),
        RuleKind::Topology => (
            &[Qemu, Libvirt],
            "It follows the vCPU count and topology of the guest's definition (`-smp`), or the host's caches where \
             those are passed through.",
            "Start both guests with the same `<vcpu>`, `<topology>` and `<cache>` (QEMU: `-smp`, `host-cache-info`).",
        ),
        RuleKind::PerVcpu => (
            &[Qemu, Libvirt],
            "The value belongs to one vCPU: the captures ran on different vCPUs, or the guests have different \
             topologies.",
            "Nothing to change while both guests show the same set of values over all vCPUs; if they do not, start \
             both with the same `<vcpu>` and `<topology>` (`-smp`).",
        ),
        RuleKind::OsControlled => (&[GuestOs], "The guest's system sets it while it runs.", OS),
        RuleKind::Informational => (&[Cpu, Qemu], "It describes the host or its QEMU.", NOTHING),
    };
    General {
        cause: row.cause.map_or_else(|| cause.to_string(), sentence),
        consequence: reason,
        layers: layers.to_vec(),
        remedy: remedies::filled(remedy, row, Asked::Explain),
    }
}

fn missing(row: &Row) -> String {
    match remedies::disable(row) {
        Some(disable) => format!(
            "Take the promise out of the baseline: {disable}; or run the guest where it can be kept. {FIND_OUT}"
        ),
        None if row.not_in_libvirt && row.not_in_qemu => {
            "Take the promise out of the baseline: QEMU and libvirt have no name for it, so no guest can be given it."
                .to_string()
        }
        None => "Take the promise out of the baseline, or find out by which name QEMU gives it.".to_string(),
    }
}

pub(super) fn extra(row: &Row) -> String {
    match (remedies::disable(row), remedies::require(row)) {
        (Some(disable), Some(require)) => {
            format!("Switch it off in the guest's own definition: {disable}; or accept it in the baseline: {require}.")
        }
        _ => "The guest's definition cannot switch it off by name; use a named CPU model (`<cpu mode='custom'>`)."
            .to_string(),
    }
}
