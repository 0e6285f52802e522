//! Which layers can take a feature away, and what each does about it.

use crate::knowledge::row::KVM_AS_OF;
use crate::knowledge::{Migratable, Offer, Owner, Row, Version};

/// What lies between a CPU and the guest's CPUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The host's CPU.
    Cpu,
    /// Its microcode and firmware settings.
    Firmware,
    /// The host's kernel and its KVM.
    Kernel,
    /// QEMU's version, machine type, CPU model or property.
    Qemu,
    /// libvirt's CPU definition and policy.
    Libvirt,
    /// State that the guest's kernel has set.
    GuestOs,
}

impl Layer {
    /// As in a sentence.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cpu => "the host's CPU",
            Self::Firmware => "microcode or firmware settings",
            Self::Kernel => "the host's kernel (KVM)",
            Self::Qemu => "QEMU (version, machine type, CPU model or property)",
            Self::Libvirt => "libvirt's CPU definition",
            Self::GuestOs => "the guest's system",
        }
    }
}

/// What each layer is known to do about a feature, in sentences; empty where nothing is known.
pub(super) fn sentences(row: &Row) -> Vec<String> {
    let mut said = Vec::new();
    said.extend(match row.kvm {
        Offer::IfHost => Some("KVM offers it where the host's CPU, microcode and kernel have it.".to_string()),
        Offer::Emulated => Some("KVM emulates it, whatever the host's CPU has.".to_string()),
        Offer::Conditional => {
            Some("KVM offers it only under further conditions, even where the host's CPU has it.".to_string())
        }
        Offer::Never => Some(format!("As of {KVM_AS_OF}, KVM offers it to no guest, whatever the host's CPU has.")),
        Offer::Unknown => None,
    });
    if row.migratable == Some(Migratable::No) {
        said.push("libvirt leaves it out of a migratable CPU.".to_string());
    }
    if row.not_in_qemu && row.migratable == Some(Migratable::Unknown) {
        said.push("QEMU has no name for it, so no CPU definition can ask for it.".to_string());
    }
    said.extend(by_qemu(row));
    said
}

/// What QEMU's versions are known to do about a feature of a CPU.
pub(super) fn by_qemu(row: &Row) -> Vec<String> {
    let mut said = Vec::new();
    let (Some(property), Some(since)) = (row.names.qemu, row.qemu_since) else { return said };
    if since > Version::new(10, 2) {
        said.push(format!("QEMU knows `{property}` only in versions newer than 10.2."));
    } else if since > Version::new(7, 2) {
        said.push(format!("QEMU 7.2 does not know `{property}`, {since} does."));
    }
    if !row.needs.is_empty() {
        let needs: Vec<String> = row.needs.iter().map(|n| format!("`{n}`")).collect();
        said.push(format!("QEMU clears it where {} is off.", needs.join(" or ")));
    }
    // Nobody expects an emulator to have KVM's own features or nested VMX.
    let of_kvm = row.place.owner() == Owner::Kvm || matches!(row.place.msr_index(), Some(0x480..=0x491));
    said.extend(match row.tcg_since {
        _ if of_kvm => None,
        Some(since) if since > Version::new(7, 2) => {
            Some(format!("QEMU's emulation (TCG) has it in {since}, not in 7.2."))
        }
        Some(_) => None,
        None => row.not_in_tcg.then(|| "QEMU's emulation (TCG) does not have it.".to_string()),
    });
    said
}

/// The layers that can take a feature away, as far as the rows tell.
pub(super) fn of_feature(row: &Row) -> Vec<Layer> {
    let mut layers = match row.kvm {
        Offer::Emulated => vec![Layer::Kernel],
        _ => vec![Layer::Cpu, Layer::Firmware, Layer::Kernel],
    };
    layers.push(Layer::Qemu);
    if row.names.libvirt.is_some() {
        layers.push(Layer::Libvirt);
    }
    layers
}
