//! Definitions of CPUs in the words of QEMU and of platforms, and what a platform says of its hosts: as libvirt's
//! [`Cpu`]s. One platform a file.

pub(super) mod kubevirt;
pub(super) mod nova;
pub(super) mod proxmox;
pub(super) mod qemu;
pub(super) mod vmware;
pub(super) mod xen;

use cpuid_probe::libvirt::Position;
use cpuid_probe::libvirt::beside::Gap;
use cpuid_probe::libvirt::cpu::{Cpu, Feature, Policy};
use cpuid_probe::place::Place;

use super::said::places;
use crate::cpu_map::CpuMap;
use crate::knowledge::Namespace;

/// libvirt's newest map, in which names are looked for.
fn map() -> &'static CpuMap {
    CpuMap::newest()
}

fn position(line: usize) -> Position {
    Position { line: u32::try_from(line).unwrap_or(u32::MAX), column: 1 }
}

/// libvirt's name of the feature that QEMU or libvirt call `name`, where it is one bit that libvirt has a name for.
fn libvirt_name(name: &str) -> Option<&'static str> {
    let name_at = |place: Place| map().feature_at(place).and_then(|id| map().features.get(id)).map(|f| f.name);
    match map().feature(name).and_then(|id| map().features.get(id)) {
        Some(feature) => Some(feature.name),
        None => match places(name, &[Namespace::Libvirt, Namespace::Qemu])[..] {
            [place] => name_at(place),
            _ => None,
        },
    }
}

/// Lists a feature; one that is listed already has the policy that was said last.
fn list(cpu: &mut Cpu, name: &str, policy: Policy, at: Position) {
    match cpu.features.iter_mut().find(|f| f.name == name) {
        Some(listed) => listed.policy = policy,
        None => cpu.features.push(Feature { name: name.to_string(), policy, at }),
    }
}

/// Notes something that may change the guest's CPU and is not understood.
fn gap(cpu: &mut Cpu, line: usize, what: impl Into<String>) {
    cpu.beside.get_or_insert_default().gaps.push(Gap { at: position(line), what: what.into() });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{Input, read};

    /// The definitions that a text holds.
    pub(super) fn cpus(text: &str) -> Vec<Cpu> {
        match read(text.as_bytes(), None) {
            Ok(Input::Cpus(cpus)) => cpus,
            other => panic!("{text}: {other:?}"),
        }
    }
}
