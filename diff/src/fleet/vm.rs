//! What a VM needs of the host that it runs on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cpuid_probe::Place;
use cpuid_probe::libvirt::beside::{Beside, Property};
use cpuid_probe::libvirt::cpu::{Cpu, Form, Match, Mode, PhysAddrMode};

use super::offer::{Offer, Scope, Statement};
use crate::cpu_map::CpuMap;
use crate::finding::Finding;
use crate::judge;
use crate::judge::notes::{is_kvm, is_tcg};
use crate::judge::refused::pinned;
use crate::judge::rule::Directions;
use crate::knowledge::{Knowledge, Row, RuleKind, Severity};
use crate::report::{Refused, Way};
use crate::view::clock::hz;
use crate::view::promise::{Expanded, unknown_at};
use crate::view::said;
use crate::view::source::Source;
use crate::view::template::Template;
use crate::view::{DumpView, Role};

/// A VM: what it has or is to have.
#[derive(Clone, Debug, Default)]
pub struct Vm {
    /// What the user calls it.
    pub name: String,
    /// The vendor that it must run on.
    pub vendor: Option<String>,
    /// Places that must be there: at least this value.
    pub needs: BTreeMap<Place, u64>,
    /// What it must not find: libvirt's `forbid`.
    pub forbids: Vec<Place>,
    /// What it does not name and must not find either: libvirt's `match='strict'`.
    pub beyond: Vec<Place>,
    /// Hazards that the running guest was shown.
    pub hazards: BTreeSet<Place>,
    /// What is not known of it: a dump without MSRs.
    pub unknown: Vec<Place>,
    /// The frequency that its TSC is pinned to, in kHz.
    pub tsc_khz: Option<u64>,
    /// Its definition, without the frequency of its TSC, which the hosts' own rates answer.
    pub definition: Option<Arc<Cpu>>,
    /// What runs the guest, where its dump says so: `kvm` or `tcg`.
    pub accel: Option<&'static str>,
    /// The most bits of its physical addresses, where each host's own width decides.
    pub own_width: Option<u32>,
    /// Features that each host decides on.
    pub left_to_hosts: Vec<Place>,
    /// What keeps it from moving anywhere, or may keep it.
    pub stays: Vec<String>,
    /// Why nothing can be said, where nothing can.
    pub open: Option<String>,
}

impl Vm {
    /// A definition, a live XML, a template, or a dump of the running guest.
    ///
    /// # Errors
    /// What in it is not understood.
    pub fn new(name: &str, source: &Source, map: &CpuMap, knowledge: &Knowledge) -> Result<Vec<Self>, String> {
        let named = |vm: Self| Self { name: name.to_string(), ..vm };
        match source {
            Source::Dump(dump) => {
                let view = DumpView::of(dump);
                let of = Role::of(&view);
                if matches!(of, Role::Hardware | Role::Offer) {
                    return Err(format!("a dump of the role {}, expected one that the VM's guest made", of.word()));
                }
                let mut vm = Self::of_view(&view, knowledge);
                vm.stays = stays(&view, knowledge);
                Ok(vec![named(vm)])
            }
            Source::Cpus(cpus) => {
                let many = cpus.len() > 1;
                let vm = |cpu: &Cpu| {
                    let vm = Self::of_cpu(cpu, map, knowledge)?;
                    let name = if many { format!("{name}:{}", cpu.at.line) } else { name.to_string() };
                    Ok(Self { name, ..vm })
                };
                cpus.iter().map(vm).collect()
            }
            Source::Template(template) => Ok(vec![named(Self::of_template(template))]),
        }
    }

    /// A running guest needs what each of its vCPUs has.
    fn of_view(view: &DumpView<'_>, knowledge: &Knowledge) -> Self {
        let mut vm =
            Self { vendor: view.dump.vcpus.first().and_then(|v| v.vendor()).map(|v| v.to_string()), ..Self::default() };
        let mut unknown = BTreeSet::new();
        let mut shown: BTreeMap<Place, usize> = BTreeMap::new();
        for offer in Offer::of_vcpus(view, Scope::Offer, knowledge) {
            for (place, statement) in &offer.places {
                let row = knowledge.row(*place);
                match statement {
                    Statement::Value(value) if !row.accumulates() => {
                        let needs = vm.needs.entry(*place).or_insert(*value);
                        *needs = match row.rule {
                            RuleKind::Subset | RuleKind::Hazard => *needs | *value,
                            RuleKind::NotGreater => (*needs).min(*value),
                            _ => (*needs).max(*value),
                        };
                    }
                    Statement::Value(_) => *shown.entry(*place).or_default() += 1,
                    Statement::Unknown(_) => drop(unknown.insert(*place)),
                }
            }
        }
        vm.unknown = unknown.into_iter().collect();
        vm.hazards = shown.into_iter().filter(|(_, on)| *on == view.vcpus.len()).map(|(place, _)| place).collect();
        vm.tsc_khz = pinned(view.dump);
        vm.accel = if is_tcg(view.dump) { Some("tcg") } else { is_kvm(view.dump).then_some("kvm") };
        vm
    }

    fn of_template(_: &Template) -> Self {
        let why = "a CPU template is applied to what KVM offers; boot it and give the guest's dump";
        Self { open: Some(why.to_string()), ..Self::default() }
    }

    fn of_cpu(cpu: &Cpu, map: &CpuMap, knowledge: &Knowledge) -> Result<Self, String> {
        if cpu.form != Form::Guest {
            return Err("what a host has or gives, expected a VM's definition".to_string());
        }
        let expanded = Expanded::new(cpu, map).map_err(|unknown| unknown_at(cpu.model_at, &unknown))?;
        if let Some((listed, unknown)) = expanded.unknown.first() {
            return Err(unknown_at(listed.at, unknown));
        }
        // What QEMU's model is known to have on top of libvirt's is no surprise.
        let added = |id| expanded.model.is_some_and(|model| model.added.contains(&id));
        let mut vm = Self::default();
        for (id, feature) in map.features.iter().enumerate() {
            let row = knowledge.row(feature.place);
            if !row.is_capability() || !row.judged {
                continue;
            }
            match expanded.promise(id) {
                Some(promise) if promise.wants() == Some(true) => {
                    vm.needs.insert(feature.place, 1);
                }
                Some(promise) if promise.policy == cpuid_probe::libvirt::cpu::Policy::Forbid => {
                    vm.forbids.push(feature.place);
                }
                Some(promise) if promise.is_left_to_the_host() => vm.left_to_hosts.push(feature.place),
                None if cpu.matching == Match::Strict && !added(id) => vm.beyond.push(feature.place),
                _ => {}
            }
        }
        // Whose model it is does not matter: KVM gives the guest its host's vendor, and libvirt asks for `<vendor>` alone.
        vm.vendor = expanded.vendor.map(|vendor| vendor.text.to_string());
        if let Some(bits) = cpu.max_phys_addr.and_then(|width| width.emulated()) {
            vm.needs.insert(crate::view::dump::PHYS_BITS, bits.into());
        }
        vm.own_width = own_width(cpu);
        let mut open = Vec::new();
        if cpu.mode == Mode::Custom && cpu.matching == Match::Minimum {
            open.push(
                "match='minimum' adds what each host has: where it starts is not where it may move; give its live XML or a dump"
                    .to_string(),
            );
        }
        // libvirt ignores a model beside host-model.
        if cpu.mode != Mode::Custom {
            open.push(format!(
                "mode='{}' gives each host's own CPU: where it starts is not where it may move; give its live XML or a dump",
                cpu.mode.word()
            ));
        }
        if let Some(beside) = &cpu.beside {
            match pinned_khz(beside) {
                Ok(khz) => vm.tsc_khz = khz,
                Err(value) => open.push(format!("`{value}` is no frequency that its TSC can be pinned to")),
            }
        }
        let mut said = said::of_cpu(cpu, map, knowledge).map_err(|unknown| unknown_at(cpu.model_at, &unknown))?;
        if let Some(imported) = &mut said.provenance.imported {
            imported.asks.entry(said::ACCEL.to_string()).or_insert_with(|| "kvm".to_string());
        }
        vm.stays = stays(&DumpView::of(&said), knowledge);
        let mut definition = cpu.clone();
        if let Some(beside) = &mut definition.beside {
            beside.properties.retain(|property| !is_pin(&property));
        }
        vm.definition = Some(Arc::new(definition));
        vm.open = (!open.is_empty()).then(|| open.join("; "));
        Ok(vm)
    }
}

fn is_pin(property: &&Property) -> bool {
    ["tsc-frequency", "tsc-freq"].contains(&property.name.as_str())
}

/// The most bits of a guest's physical addresses where a definition leaves its width to each host.
///
/// # Source
/// QEMU 7.2 target/i386/host-cpu.c (`host_cpu_adjust_phys_bits`).
fn own_width(cpu: &Cpu) -> Option<u32> {
    let told = cpu.beside.iter().flat_map(|beside| &beside.properties).find(|p| p.name == "host-phys-bits");
    let passed_on = cpu.max_phys_addr.filter(|width| width.mode == PhysAddrMode::Passthrough);
    let limit = passed_on.and_then(|width| width.limit).unwrap_or(u32::MAX);
    match told.map(|property| property.value.as_str()) {
        Some("on") => Some(limit),
        Some("off") => None,
        _ => passed_on.map(|_| limit),
    }
}

/// A refusal in words.
#[must_use]
pub fn refusal(refused: &Refused) -> String {
    format!("{} refuses, {}", refused.by.name(), refused.reason)
}

/// What keeps a guest from moving to a host just like its own, or may keep it, as the judge has it.
fn stays(view: &DumpView<'_>, knowledge: &Knowledge) -> Vec<String> {
    let own = judge::compare(view, view, Directions::AToB, knowledge);
    let refused = own.refused.iter().filter(|refused| refused.way == Way::AToB);
    let mut said: Vec<String> = refused.map(|refused| format!("it moves nowhere: {}", refusal(refused))).collect();
    if said.is_empty() {
        let doubtful = own.findings.iter().filter(|f| f.severity_a_to_b().is_some_and(|s| s <= Severity::Warning));
        let why =
            |f: &Finding| f.consequence.as_ref().or(f.cause.as_ref()).map_or_else(String::new, ToString::to_string);
        said.extend(doubtful.map(|f| format!("whether it moves is not known: {}", why(f).trim_end_matches('.'))));
    }
    said.sort();
    said.dedup();
    said
}

/// The frequency that a definition pins the TSC to, in kHz; 0 pins none.
///
/// # Errors
/// The value, where it is no frequency.
fn pinned_khz(beside: &Beside) -> Result<Option<u64>, &str> {
    match beside.properties.iter().rev().find(is_pin) {
        None => Ok(None),
        Some(pin) => hz(&pin.value).map(|hz| (hz > 0).then_some(hz / 1000)).ok_or(&pin.value),
    }
}

/// A promise in words: `avx2`, `phys_bits 46`.
#[must_use]
pub fn word(place: Place, row: &Row, value: u64) -> String {
    let name = row.name.map_or_else(|| place.to_string(), str::to_string);
    if row.bits.is_one() { name } else { format!("{name} {value}") }
}
