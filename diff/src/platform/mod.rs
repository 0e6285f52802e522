//! A CPU definition in the form that each platform takes: one form a file.
//!
//! What a form cannot say is refused with the reason, and with the nearest definition that it can say: a result that
//! silently promises less, or more, is none.
//!
//! # Source
//! Each file names the platform's own.

mod cloudstack;
mod firecracker;
mod incus;
mod kubevirt;
mod nova;
mod opennebula;
mod ovirt;
mod proxmox;
mod virt_install;

use cpuid_probe::libvirt::cpu::{Policy, QEMU_WIDTH};

use crate::cpu_map::{CpuMap, Feature, FeatureId};
use crate::knowledge::Knowledge;
use crate::pool::{Common, Width};

/// A platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Proxmox VE: an entry of cpu-models.conf.
    Proxmox,
    /// KubeVirt: a part of a VirtualMachine.
    Kubevirt,
    /// OpenStack Nova: a part of nova.conf.
    Nova,
    /// oVirt: the custom CPU type of a VM.
    Ovirt,
    /// Incus: settings of a cluster group.
    Incus,
    /// OpenNebula: a part of a VM template.
    Opennebula,
    /// Apache CloudStack: a part of agent.properties.
    Cloudstack,
    /// virt-install's --cpu.
    VirtInstall,
    /// A custom CPU template of Firecracker's.
    Firecracker,
}

impl Platform {
    /// All.
    pub const ALL: [Self; 9] = [
        Self::Proxmox,
        Self::Kubevirt,
        Self::Nova,
        Self::Ovirt,
        Self::Incus,
        Self::Opennebula,
        Self::Cloudstack,
        Self::VirtInstall,
        Self::Firecracker,
    ];

    /// The word on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Proxmox => "proxmox",
            Self::Kubevirt => "kubevirt",
            Self::Nova => "nova",
            Self::Ovirt => "ovirt",
            Self::Incus => "incus",
            Self::Opennebula => "opennebula",
            Self::Cloudstack => "cloudstack",
            Self::VirtInstall => "virt-install",
            Self::Firecracker => "firecracker",
        }
    }

    /// What is written for it, for help.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::Proxmox => "Proxmox VE: an entry of cpu-models.conf",
            Self::Kubevirt => "KubeVirt: a part of a VirtualMachine",
            Self::Nova => "OpenStack Nova: a part of nova.conf",
            Self::Ovirt => "oVirt: a VM's custom CPU type",
            Self::Incus => "Incus: settings of a cluster group",
            Self::Opennebula => "OpenNebula: a part of a VM template",
            Self::Cloudstack => "Apache CloudStack: a part of agent.properties",
            Self::VirtInstall => "virt-install's --cpu",
            Self::Firecracker => "A CPU template for Firecracker",
        }
    }

    /// Whose names of features it takes.
    const fn takes_qemu_names(self) -> bool {
        matches!(self, Self::Proxmox | Self::Incus)
    }
}

/// Why a form cannot say a definition, and what it can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it cannot say: sentences.
    pub reasons: Vec<String>,
    /// The nearest definition that it can.
    pub nearest: String,
}

/// A definition in the words of one platform.
#[derive(Clone, Debug, Default)]
struct Words<'a> {
    model: &'a str,
    /// Features to switch on, in the platform's names.
    on: Vec<&'a str>,
    /// Features to switch off.
    off: Vec<&'a str>,
    /// All of them, with their policies.
    listed: Vec<(Policy, &'a str)>,
    /// The width of physical addresses, where the form can say it.
    width: Option<u32>,
}

impl Words<'_> {
    /// `+a`, `-b`, joined.
    fn signed(&self, joint: &str) -> String {
        let on = self.on.iter().map(|name| format!("+{name}"));
        let off = self.off.iter().map(|name| format!("-{name}"));
        on.chain(off).collect::<Vec<_>>().join(joint)
    }
}

/// A guest that has it cannot be live-migrated unless its TSC frequency is pinned.
fn blocks_migration(feature: &Feature) -> bool {
    Knowledge::builtin().row(feature.place).blocks_migration
}

/// Writes a common CPU in a platform's form. `map` numbers its features.
///
/// # Errors
/// The form cannot say all of it.
pub fn write(platform: Platform, common: &Common, map: &CpuMap) -> Result<String, Refused> {
    let mut reasons = Vec::new();
    let mut cannot = |what: String| reasons.push(format!("{} cannot say {what}", platform.word()));
    // A <cpu> as it is.
    let takes_xml = platform == Platform::Opennebula;
    let says_policies = takes_xml || matches!(platform, Platform::Kubevirt | Platform::VirtInstall);
    let mut words = Words { model: common.model, ..Words::default() };
    let unpinned =
        |id: &FeatureId| common.tsc_frequency.is_some() && map.features.get(*id).is_some_and(blocks_migration);
    if let Some(hz) = common.tsc_frequency {
        cannot(format!("that the TSC runs at {hz} Hz, without which a guest that has invtsc cannot be live-migrated"));
    }
    for (policy, id) in common.listed.iter().filter(|(_, id)| !unpinned(id)) {
        let Some(feature) = map.features.get(*id) else { continue };
        let name = if platform.takes_qemu_names() { feature.qemu } else { Some(feature.name) };
        let Some(name) = name else {
            cannot(format!("{}: QEMU has no property of its own for it", feature.name));
            continue;
        };
        words.listed.push((*policy, name));
        match policy {
            Policy::Require | Policy::Force => words.on.push(name),
            Policy::Disable => words.off.push(name),
            Policy::Forbid => {
                words.off.push(name);
                if !says_policies {
                    cannot(format!("that hosts with {name} are refused (policy forbid)"));
                }
            }
            Policy::Optional if !says_policies => cannot(format!("that {name} is optional")),
            Policy::Optional => {}
        }
    }
    let width = match common.width {
        // QEMU's own width keeps most limits.
        Some(Width::Limit(most)) => (most < QEMU_WIDTH || platform == Platform::Firecracker).then_some(most),
        Some(Width::Exactly(bits) | Width::Read(bits)) => Some(bits),
        None => None,
    };
    if let Some(bits) = width {
        words.width = Some(bits);
        if !takes_xml && !matches!(platform, Platform::Proxmox | Platform::Firecracker) {
            words.width = None;
            cannot(format!("how wide physical addresses are ({bits} bits)"));
        }
    }
    if !takes_xml {
        let beside = [
            ("a vendor id", common.vendor_id.is_some()),
            ("a topology", common.topology.is_some()),
            ("caches", common.cache.is_some()),
        ];
        beside.into_iter().filter(|(_, there)| *there).for_each(|(what, _)| cannot(what.to_string()));
    }
    let text = match platform {
        Platform::Proxmox => proxmox::write(&words),
        Platform::Kubevirt => kubevirt::write(&words),
        Platform::Nova => nova::write(&words),
        Platform::Ovirt => ovirt::write(&words),
        Platform::Incus => incus::write(&words),
        Platform::Opennebula => opennebula::write(&words, common, map),
        Platform::Cloudstack => cloudstack::write(&words),
        Platform::VirtInstall => virt_install::write(&words),
        Platform::Firecracker => firecracker::write(common, map, words.width),
    };
    if reasons.is_empty() { Ok(text) } else { Err(Refused { reasons, nearest: text }) }
}
