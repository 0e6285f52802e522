//! What a VM needs of the host that it runs on.

use std::collections::BTreeMap;

use cpuid_probe::Place;
use cpuid_probe::libvirt::beside::{Beside, Property};
use cpuid_probe::libvirt::cpu::{Cpu, Form, Mode};

use super::offer::{Offer, Scope, Statement};
use crate::cpu_map::CpuMap;
use crate::knowledge::{Knowledge, Row};
use crate::view::clock::hz;
use crate::view::promise::{Expanded, unknown_at};
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
    /// What is not known of it: a dump without MSRs.
    pub unknown: Vec<Place>,
    /// The frequency that its TSC is pinned to, in kHz.
    pub tsc_khz: Option<u64>,
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
                if Role::of(&view) == Role::Hardware {
                    return Err("a dump of hardware, expected one that the VM's guest made".to_string());
                }
                let offer = Offer::of_dump(&view, Scope::Offer, knowledge);
                let mut vm = Self { vendor: offer.vendor.clone(), ..Self::default() };
                for (place, statement) in &offer.places {
                    match statement {
                        Statement::Value(value) if !knowledge.row(*place).accumulates() => {
                            vm.needs.insert(*place, *value);
                        }
                        Statement::Value(_) => {}
                        Statement::Unknown(_) => vm.unknown.push(*place),
                    }
                }
                vm.tsc_khz = dump.provenance.boot.as_ref().and_then(|b| crate::view::clock::pinned_khz(&b.cpu));
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
                _ => {}
            }
        }
        let vendor = expanded.vendor.or_else(|| expanded.model.and_then(|model| model.vendor));
        vm.vendor = vendor.map(|vendor| vendor.text.to_string());
        if let Some(bits) = cpu.max_phys_addr.and_then(|width| width.bits) {
            vm.needs.insert(crate::view::dump::PHYS_BITS, bits.into());
        }
        let mut open = Vec::new();
        if cpu.mode != Mode::Custom && cpu.model.is_none() {
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
            open.extend(beside.gaps.iter().map(|gap| format!("line {}: {}", gap.at.line, gap.what)));
        }
        vm.open = (!open.is_empty()).then(|| open.join("; "));
        Ok(vm)
    }
}

/// The frequency that a definition pins the TSC to, in kHz; 0 pins none.
///
/// # Errors
/// The value, where it is no frequency.
fn pinned_khz(beside: &Beside) -> Result<Option<u64>, &str> {
    let is_pin = |property: &&Property| ["tsc-frequency", "tsc-freq"].contains(&property.name.as_str());
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
