//! Sentences about the inputs that a reader of a verdict must know. They never change the exit code.

use cpuid_probe::dump::{Dump, Source};
use cpuid_probe::hypervisor::{Owner, base_of};
use cpuid_probe::leaf::LeafId;

use super::asked;
use crate::knowledge::Accel;
use crate::view::pairs::has_all_vcpus;
use crate::view::{DumpView, VcpuView};

/// What is said of a dump that was made under emulation.
pub const TCG: &str = "a dump was made under TCG emulation: it shows what QEMU emulates, not what a host gives";

/// The notes on two dumps.
#[must_use]
pub fn notes(a: &DumpView<'_>, b: &DumpView<'_>) -> Vec<String> {
    let excerpt = a.vcpus.iter().chain(&b.vcpus).any(reads_as_kvm);
    let (a, b) = (a.dump, b.dump);
    let mut notes = Vec::new();
    if [a, b].iter().any(|dump| is_tcg(dump)) {
        notes.push(TCG.to_string());
    }
    if a.provenance.source != b.provenance.source {
        notes.push(format!("A was {}, B {}", read(a.provenance.source), read(b.provenance.source)));
    }
    let (of_a, of_b) = (of_one(a), of_one(b));
    for note in of_a.iter().chain(of_b.iter().filter(|note| !of_a.contains(note))) {
        let which = match (of_a.contains(note), of_b.contains(note)) {
            (true, true) => "both inputs",
            (true, false) => "the first input",
            _ => "the second input",
        };
        notes.push(format!("{which}: {note}"));
    }
    for (which, asks) in ["first", "second"].iter().zip(asked::notes(a, b)) {
        notes.extend(asks.map(|asks| format!("the {which} input: {asks}")));
    }
    let unknown = |dump: &Dump| dump.provenance.vcpus_online.is_none();
    if a.vcpus.len() != b.vcpus.len() && (unknown(a) || unknown(b)) {
        notes.push(format!(
            "the inputs hold {} and {} vCPUs, and not both say whether those are all",
            a.vcpus.len(),
            b.vcpus.len()
        ));
    }
    if excerpt {
        let anonymous = [a, b].iter().any(|dump| dump.vcpus.iter().any(|v| v.get(LeafId::new(0, 0)).is_none()));
        let note = match anonymous {
            true => "no vendor or hypervisor is named: read as any vendor's and as KVM's",
            false => "no hypervisor is named: its leaves are read as KVM's",
        };
        notes.push(note.to_string());
    }
    notes
}

/// How a dump came to be, behind "was".
const fn read(source: Source) -> &'static str {
    match source {
        Source::Native => "read in a running system",
        Source::Kvm => "asked of KVM",
        Source::Boot => "read in a throw-away guest",
        Source::Import => "imported",
    }
}

/// The notes on a dump that is not compared with another.
#[must_use]
pub fn of_checked(dump: &Dump) -> Vec<String> {
    let tcg = is_tcg(dump).then(|| TCG.to_string());
    tcg.into_iter().chain(of_one(dump)).collect()
}

/// What is to be said of one input.
fn of_one(dump: &Dump) -> Vec<String> {
    let mut notes = Vec::new();
    if dump.provenance.source == Source::Kvm {
        notes.push("what KVM could give, not what a guest was given".to_string());
    }
    if let Some(online) = dump.provenance.vcpus_online
        && !has_all_vcpus(dump)
    {
        notes.push(format!("holds {} of {online} vCPUs", dump.vcpus.len()));
    }
    if let Some(imported) = &dump.provenance.imported {
        notes.extend(imported.limits.iter().map(|limit| format!("{}: {limit}", imported.format)));
    }
    notes
}

/// Whether a dump shows TCG's emulation rather than a host.
#[must_use]
pub fn is_tcg(dump: &Dump) -> bool {
    dump.provenance.boot.as_ref().is_some_and(|boot| boot.accel == "tcg")
        || dump.vcpus.iter().any(|v| v.blocks().any(|block| &block.signature.0 == b"TCGTCGTCGTCG"))
}

/// Whether a dump shows what KVM gives: its table, a guest that it ran, or one that reads its leaves.
#[must_use]
pub fn is_kvm(dump: &Dump) -> bool {
    let boot = dump.provenance.boot.as_ref();
    let reads =
        |v: &cpuid_probe::dump::VcpuDump| v.blocks().any(|block| Owner::of_signature(&block.signature.0) == Owner::Kvm);
    dump.provenance.source == Source::Kvm
        || boot.is_some_and(|boot| boot.accel == "kvm")
        || boot.is_none() && dump.vcpus.iter().any(reads)
}

/// What made the CPUs of these guests.
#[must_use]
pub fn accel(dumps: &[&Dump]) -> Accel {
    match dumps.iter().filter(|dump| is_tcg(dump)).count() {
        0 => Accel::Host,
        n if n == dumps.len() => Accel::Tcg,
        _ => Accel::Mixed,
    }
}

fn reads_as_kvm(view: &VcpuView<'_>) -> bool {
    let vcpu = view.vcpu;
    vcpu.leaves().iter().any(|r| base_of(r.id.leaf).is_some_and(|base| vcpu.get(LeafId::new(base, 0)).is_none()))
}
