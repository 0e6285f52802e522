//! Which layers can take a feature away, and what each does about it.

use super::{Subject, qemu};
use crate::knowledge::kvm::{AS_OF, Offer, offer};
use crate::knowledge::{Migratable, Row};

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
    /// The state the guest's system has set.
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

/// The version of QEMU, of those the table was made from, that first names a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    V7_2,
    V10_2,
    Newer,
}

/// The version of QEMU, of those the table was made from, whose TCG first emulates a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emulated {
    Since7_2,
    Since10_2,
    Never,
}

/// What QEMU knows about one feature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Property {
    name: &'static str,
    known: Known,
    tcg: Emulated,
    needs: &'static [&'static str],
}

/// A property: its name, which QEMU knows it, which QEMU's TCG emulates it, without which features QEMU clears it.
#[track_caller]
pub(super) const fn property(
    name: &'static str,
    known: Known,
    tcg: Emulated,
    needs: &'static [&'static str],
) -> Property {
    assert!(!name.is_empty());
    Property { name, known, tcg, needs }
}

fn property_of(row: &Row) -> Option<&'static Property> {
    let name = row.names.qemu?;
    qemu::ROWS.iter().find(|p| p.name == name)
}

/// Whether KVM offers a feature to no guest, whatever the host has.
pub(super) fn no_kvm_guest_has_it(subject: Subject, row: &Row) -> bool {
    matches!(subject, Subject::Cpuid(site) if offer(site, row.lo) == Some(Offer::Never))
}

/// What each layer is known to do about a feature, in sentences; empty where nothing is known.
pub(super) fn sentences(subject: Subject, row: &Row) -> Vec<String> {
    let mut said = Vec::new();
    if let Subject::Cpuid(site) = subject {
        said.extend(match offer(site, row.lo) {
            Some(Offer::IfHost) => {
                Some("KVM offers it where the host's CPU, microcode and kernel have it.".to_string())
            }
            Some(Offer::Emulated) => Some("KVM emulates it, whatever the host's CPU has.".to_string()),
            Some(Offer::Conditional) => {
                Some("KVM offers it under conditions of its own, beyond the host's CPU having it.".to_string())
            }
            Some(Offer::Never) => {
                Some(format!("As of {AS_OF}, KVM offers it to no guest, whatever the host's CPU has."))
            }
            None => None,
        });
    }
    if row.migratable == Some(Migratable::No) {
        said.push("libvirt leaves it out of a migratable CPU.".to_string());
    }
    if row.names.qemu.is_none() && row.migratable == Some(Migratable::Unknown) {
        said.push("QEMU has no name for it, so no CPU definition can ask for it.".to_string());
    }
    said.extend(by_qemu(row));
    said
}

/// What QEMU's versions are known to do about a feature of a CPU.
pub(super) fn by_qemu(row: &Row) -> Vec<String> {
    let mut said = Vec::new();
    let Some(property) = property_of(row) else { return said };
    match property.known {
        Known::V7_2 => {}
        Known::V10_2 => said.push(format!("QEMU 7.2 does not know `{}` yet, 10.2 does.", property.name)),
        Known::Newer => said.push(format!("QEMU 7.2 and 10.2 do not know `{}` yet, newer ones do.", property.name)),
    }
    if !property.needs.is_empty() {
        let needs: Vec<String> = property.needs.iter().map(|n| format!("`{n}`")).collect();
        said.push(format!("QEMU clears it where {} is off.", needs.join(" or ")));
    }
    said.extend(match property.tcg {
        // Nobody expects KVM's own features, or a VMX that can nest, of an emulation.
        _ if property.name.starts_with("kvm") || property.name.starts_with("vmx-") => None,
        Emulated::Since7_2 => None,
        Emulated::Since10_2 => Some("QEMU's emulation (TCG) has it in 10.2, not in 7.2.".to_string()),
        Emulated::Never => Some("QEMU's emulation (TCG) does not have it.".to_string()),
    });
    said
}

/// The layers that can take a feature away, as far as the tables tell.
pub(super) fn of_feature(subject: Subject, row: &Row) -> Vec<Layer> {
    let offered = match subject {
        Subject::Cpuid(site) => offer(site, row.lo),
        Subject::Msr(_) => Some(Offer::IfHost),
    };
    let mut layers = match offered {
        Some(Offer::Emulated) => vec![Layer::Kernel],
        _ => vec![Layer::Cpu, Layer::Firmware, Layer::Kernel],
    };
    layers.push(Layer::Qemu);
    if row.names.libvirt.is_some() {
        layers.push(Layer::Libvirt);
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_sorted_and_each_there_once() {
        assert!(qemu::ROWS.windows(2).all(|w| w[0].name < w[1].name));
    }
}
