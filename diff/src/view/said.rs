//! What a CPU says that is described by a model and names, place by place: a view like any other.

use std::collections::BTreeMap;

use cpuid_probe::Place;
use cpuid_probe::Register;
use cpuid_probe::dump::{Dump, Imported, Source, VcpuDump, Whose};
use cpuid_probe::libvirt::cpu::{Cache, Cpu, Form, MaxPhysAddr, PhysAddrMode, Topology};
use cpuid_probe::libvirt::domain::Accel;
use cpuid_probe::printable::printable;

use super::Seen;
use super::dump::PHYS_BITS;
use super::promise::{Expanded, Promise};
use crate::check::offer::Names;
use crate::cpu_map::{CpuMap, FeatureId, Unknown};
use crate::knowledge::Knowledge;

/// The machine type, among what a definition asks for.
pub const MACHINE: &str = "machine";
/// The accelerator, among what a definition asks for: `kvm` or `tcg`.
pub const ACCEL: &str = "accelerator";

/// A name is cut after this many characters.
const MOST: usize = 200;

/// A dump of statements: each feature that the CPU is said to have or to lack, its vendor and its address width.
///
/// # Errors
/// The map does not know its model or vendor.
pub fn of_cpu(cpu: &Cpu, map: &CpuMap, knowledge: &Knowledge) -> Result<Dump, Unknown> {
    let expanded = Expanded::new(cpu, map)?;
    let names = Names::new(cpu, map, knowledge)?;
    let mut vcpu = VcpuDump::of_statements(0);
    let mut limits = Vec::new();
    for (id, feature) in map.features.iter().enumerate() {
        let seen = match cpu.form {
            Form::Guest => promised(&expanded, id),
            Form::Host | Form::HostModel => names.feature(id).number(),
        };
        // A place is a feature's alone, so nothing is said twice.
        let _ = seen.map(|value| vcpu.state(feature.place, value));
    }
    if let Seen::Value(bits) = names.phys_bits() {
        let _ = vcpu.state(PHYS_BITS, bits);
    }
    if let Some(vendor) = expanded.vendor.or_else(|| expanded.model.and_then(|model| model.vendor)) {
        let text = vendor.text.0;
        for (register, at) in [(Register::Ebx, 0), (Register::Edx, 4), (Register::Ecx, 8)] {
            let four = [text[at], text[at + 1], text[at + 2], text[at + 3]];
            let _ = vcpu.state(Place::cpuid(0, 0, register, 31, 0), u32::from_le_bytes(four).into());
        }
    }
    let unknown: Vec<&str> = expanded.unknown.iter().map(|(listed, _)| listed.name.as_str()).collect();
    if !unknown.is_empty() {
        limits.push(format!("{} does not know {}", map.origin, unknown.join(", ")));
    }
    let mut dump = Dump::new(Source::Import);
    let of = match cpu.form {
        Form::Host => Whose::Hardware,
        Form::HostModel => Whose::Offer,
        Form::Guest => Whose::Promise,
    };
    let model = cpu.model.clone().unwrap_or_else(|| cpu.mode.word().to_string());
    let format = cpu.document.unwrap_or("libvirt").to_string();
    let mut asks = asks(cpu);
    asks.extend(expanded.unknown.iter().map(|(listed, _)| (listed.name.clone(), listed.policy.word().to_string())));
    dump.provenance.vcpus_online = cpu.beside.as_ref().filter(|_| cpu.form == Form::Guest).and_then(|b| b.vcpus);
    dump.provenance.imported = Some(Imported { format, limits, of: Some(of), cpu: Some(model), asks });
    dump.vcpus.push(vcpu);
    Ok(dump)
}

/// Whether a guest of a definition has a feature; `None` where it may.
fn promised(expanded: &Expanded<'_>, id: FeatureId) -> Option<u64> {
    match expanded.promise(id).map(Promise::wants) {
        Some(wants) => wants.map(u64::from),
        // Which of these come with the model depends on the release.
        None => expanded.model.filter(|m| !m.added.contains(&id) && !m.removed.contains(&id)).map(|_| 0),
    }
}

/// What a definition asks for that no place of these statements shows.
fn asks(cpu: &Cpu) -> BTreeMap<String, String> {
    let mut asks = BTreeMap::new();
    if cpu.form != Form::Guest {
        return asks;
    }
    let mut ask = |name: &str, value: String| asks.insert(printable(name, MOST), value);
    ask("CPU model", cpu.model.clone().unwrap_or_else(|| cpu.mode.word().to_string()));
    if let Some(vendor) = &cpu.vendor_id {
        ask("vendor id", vendor.clone());
    }
    if let Some(Topology { sockets, dies, clusters, cores, threads }) = cpu.topology {
        ask(
            "topology",
            format!("{sockets} sockets, {dies} dies, {clusters} clusters, {cores} cores, {threads} threads"),
        );
    }
    if let Some(Cache { level, mode }) = cpu.cache {
        let level = level.map(|level| format!(" of level {level}")).unwrap_or_default();
        ask("caches", format!("{}{level}", mode.word()));
    }
    if let Some(MaxPhysAddr { mode: PhysAddrMode::Passthrough, limit, .. }) = cpu.max_phys_addr {
        let limit = limit.map(|bits| format!(", at most {bits} bits")).unwrap_or_default();
        ask("address width", format!("the host's{limit}"));
    }
    if cpu.numa {
        ask("NUMA cells", "given".to_string());
    }
    if let Some(beside) = cpu.beside.as_deref() {
        beside.properties.iter().for_each(|property| {
            ask(&property.name, property.value.clone());
        });
        if let Some(machine) = &beside.machine {
            ask(MACHINE, machine.clone());
        }
        if let Some(accel) = beside.accel {
            ask(ACCEL, if accel == Accel::Kvm { "kvm" } else { "tcg" }.to_string());
        }
        for gap in &beside.gaps {
            ask(&gap.what, "asked for".to_string());
        }
    }
    asks
}

#[cfg(test)]
mod tests {
    use cpuid_probe::libvirt::read_cpus;

    use super::*;
    use crate::view::DumpView;

    #[test]
    fn a_definition_says_what_a_guest_of_it_has() {
        let (map, knowledge) = (CpuMap::of(Knowledge::builtin()), Knowledge::builtin());
        let seen = |xml: &str, name: &str| {
            let dump = of_cpu(&read_cpus(xml).expect("XML")[0], &map, knowledge).expect("known");
            DumpView::of(&dump).vcpus[0].see(map.features[map.feature(name).expect(name)].place)
        };
        let cpu = "<cpu><model>Haswell-noTSX</model><feature name='vmx'/><feature name='aes' policy='disable'/>\
                   <feature name='f16c' policy='optional'/></cpu>";
        let said = ["avx2", "vmx", "aes", "avx512f"].map(|name| seen(cpu, name));
        assert_eq!(said, [1, 1, 0, 0].map(Seen::Value));
        assert!(matches!(seen(cpu, "f16c"), Seen::NotCaptured(_)));
        assert!(matches!(seen("<cpu mode='host-passthrough'/>", "avx2"), Seen::NotCaptured(_)));
    }
}
