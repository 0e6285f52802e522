//! What a host says of itself beside its offer: what a definition promises beside features is held against this.

use std::collections::BTreeMap;

use cpuid_probe::libvirt::beside::{Beside, HostModel, Property};
use cpuid_probe::libvirt::cpu::{Cpu, Form};
use cpuid_probe::libvirt::domain::Accel;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::check::offered;
use crate::knowledge::Knowledge;
use crate::view::DumpView;

/// One model of QEMU's, as a host lists it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Model {
    /// Whether the host can give all of it.
    pub usable: Option<bool>,
    /// What it lacks of it.
    pub blockers: Vec<String>,
}

/// What a host says beside features. What it does not say is not listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Says {
    /// How many vCPUs a guest can have.
    pub vcpus: Option<u32>,
    /// Modes of a CPU, and whether it supports them.
    pub modes: BTreeMap<String, bool>,
    /// Models that it lists.
    pub models: BTreeMap<String, Model>,
    /// Properties of QEMU's that set no feature, and whether a guest can have them: `hv-relaxed`, `pmu`.
    pub properties: BTreeMap<String, String>,
}

impl Says {
    /// What a dump of an offer shows.
    #[must_use]
    pub fn of_dump(view: &DumpView<'_>, knowledge: &Knowledge) -> Self {
        let properties = offered(view, knowledge).into_iter().map(|p| (p.name, p.value)).collect();
        Self { properties, ..Self::default() }
    }

    /// What `virsh domcapabilities` says.
    #[must_use]
    pub fn of_names(cpu: &Cpu) -> Self {
        let Some(beside) = cpu.beside.as_deref() else { return Self::default() };
        let model = |m: &HostModel| (m.name.clone(), Model { usable: m.usable, blockers: m.blockers.clone() });
        Self {
            vcpus: beside.vcpus,
            modes: beside.modes.iter().cloned().collect(),
            models: beside.models.iter().map(model).collect(),
            properties: beside.properties.iter().map(|p| (p.name.clone(), p.value.clone())).collect(),
        }
    }

    /// The first 16 digits of the SHA-256 of its JSON.
    #[must_use]
    pub fn id(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// What is said here and not there.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Vec<String> {
        let others = other.sentences();
        self.sentences().into_iter().filter(|said| !others.contains(said)).collect()
    }

    /// Everything that is said, a few words each.
    fn sentences(&self) -> Vec<String> {
        let yes = |yes: bool| if yes { "yes" } else { "no" };
        let mut said: Vec<String> = self.vcpus.map(|n| format!("at most {n} vCPUs")).into_iter().collect();
        said.extend(self.modes.iter().map(|(mode, supported)| format!("mode {mode}: {}", yes(*supported))));
        said.extend(self.models.iter().map(|(name, model)| {
            let usable = model.usable.map_or("not said", yes);
            let lacks = if model.blockers.is_empty() {
                String::new()
            } else {
                format!(" without {}", model.blockers.join(" "))
            };
            format!("model {name} usable: {usable}{lacks}")
        }));
        said.extend(self.properties.iter().map(|(name, value)| format!("{name} {value}")));
        said
    }

    /// The host as `check` takes it, beside a definition: a host of this machine type and accelerator.
    #[must_use]
    pub fn host(&self, machine: Option<&str>, accel: Option<&str>, definition: &Cpu) -> Cpu {
        let property = |(name, value): (&String, &String)| Property { name: name.clone(), value: value.clone() };
        let model = |(name, model): (&String, &Model)| HostModel {
            name: name.clone(),
            usable: model.usable,
            blockers: model.blockers.clone(),
        };
        let beside = Beside {
            properties: self.properties.iter().map(property).collect(),
            vcpus: self.vcpus,
            modes: self.modes.iter().map(|(mode, supported)| (mode.clone(), *supported)).collect(),
            models: self.models.iter().map(model).collect(),
            machine: machine.map(str::to_string),
            accel: match accel {
                Some("kvm") => Some(Accel::Kvm),
                Some("tcg") => Some(Accel::Tcg),
                _ => None,
            },
            ..Beside::default()
        };
        Cpu {
            form: Form::HostModel,
            model: None,
            vendor: None,
            features: Vec::new(),
            max_phys_addr: None,
            topology: None,
            tsc: None,
            beside: Some(Box::new(beside)),
            ..definition.clone()
        }
    }
}
