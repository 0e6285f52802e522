//! What an offer, or hardware, says of a feature: yes, no, or nothing.
//!
//! # Source
//! What libvirt's host-model leaves out: libvirt 9.0 src/qemu/qemu_capabilities.c (`virQEMUCapsInitHostCPUModel`,
//! `virQEMUCapsProbeQMPHostCPU`: it asks QEMU for what is migratable, so without invtsc; QEMU gives topoext to no `host`
//! that does not ask for it: QEMU 7.2 target/i386/cpu.c, `no_autoenable_flags`).

use cpuid_probe::dump::{Dump, Source};
use cpuid_probe::libvirt::cpu::Cpu;
use cpuid_probe::{Place, Register};

use crate::cpu_map::{CpuMap, FeatureId, Unknown};
use crate::knowledge::{Knowledge, Offer, Row};
use crate::view::promise::{Expanded, Promise};
use crate::view::vintage::{Since, Vintage};
use crate::view::{Role, Seen, VcpuView, Why};

const UNSAID: Seen = Seen::NotCaptured(Why::Unsaid);

/// Features that a host can give and that `host` and host-model do not show: invtsc, topoext.
const NOT_SHOWN: [Place; 2] =
    [Place::bit(0x8000_0007, 0, Register::Edx, 8), Place::bit(0x8000_0001, 0, Register::Ecx, 22)];

/// What QEMU gives a guest under KVM though KVM's table does not list it: tsc-deadline, hypervisor, arat.
///
/// # Source
/// QEMU 7.2 target/i386/kvm/kvm.c (`kvm_arch_get_supported_cpuid`).
const QEMU_ADDS: [Place; 3] =
    [Place::bit(1, 0, Register::Ecx, 24), Place::bit(1, 0, Register::Ecx, 31), Place::bit(6, 0, Register::Eax, 2)];

/// Whether KVM's answer follows the hardware's: it has what the host has, or never has it.
const fn follows_hardware(row: &Row) -> bool {
    matches!(row.kvm, Offer::IfHost | Offer::Never)
}

/// What a dump in the role of an offer, or of hardware, says of a feature.
pub fn of_dump(dump: &Dump, vcpu: &VcpuView<'_>, role: Role, place: Place, row: &Row) -> Seen {
    let seen = vcpu.feature(place);
    if !seen.is_clear() {
        return seen;
    }
    let from_kvm = dump.provenance.source == Source::Kvm;
    match role {
        Role::Hardware if !follows_hardware(row) => UNSAID,
        Role::Offer if from_kvm && QEMU_ADDS.contains(&place) => Seen::Value(1),
        Role::Offer if !from_kvm && NOT_SHOWN.contains(&place) => UNSAID,
        _ => seen,
    }
}

/// A host's CPU as a list of names: `virsh domcapabilities`, an offer, or `virsh capabilities`, hardware.
#[derive(Debug)]
pub struct Names<'a> {
    /// As libvirt wrote it.
    pub cpu: &'a Cpu,
    role: Role,
    map: &'a CpuMap,
    knowledge: &'a Knowledge,
    expanded: Expanded<'a>,
    vintage: Vintage,
}

impl<'a> Names<'a> {
    /// What `cpu` names on `map`.
    ///
    /// # Errors
    /// The map does not know the model or the vendor.
    pub fn new(cpu: &'a Cpu, map: &'a CpuMap, knowledge: &'a Knowledge) -> Result<Self, Unknown> {
        let expanded = Expanded::new(cpu, map)?;
        let listed = cpu.features.iter().filter_map(|listed| map.features.get(map.feature(&listed.name)?));
        let since = listed.map(|feature| Since::of(&knowledge.row(feature.place)));
        let machine = cpu.beside.as_ref().and_then(|beside| beside.machine.as_deref());
        let vintage = Vintage::new(machine, since);
        Ok(Self { cpu, role: Role::of_cpu(cpu), map, knowledge, expanded, vintage })
    }

    /// Its role.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// What printed it.
    #[must_use]
    pub const fn document(&self) -> &'static str {
        match (self.cpu.document, self.role) {
            (Some(document), _) => document,
            (None, Role::Hardware) => "virsh capabilities",
            (None, _) => "virsh domcapabilities",
        }
    }

    /// How many features it speaks of.
    #[must_use]
    pub fn len(&self) -> usize {
        (0..self.map.features.len()).filter(|id| self.expanded.promise(*id).is_some()).count()
    }

    /// Whether it speaks of no feature.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What it says of a feature.
    pub(crate) fn feature(&self, id: FeatureId) -> Seen {
        let Some(feature) = self.map.features.get(id) else { return UNSAID };
        let row = self.knowledge.row(feature.place);
        match self.expanded.promise(id).map(Promise::wants) {
            Some(Some(true)) => Seen::Value(1),
            Some(None) => UNSAID,
            _ if self.role == Role::Hardware && !follows_hardware(&row) => UNSAID,
            Some(Some(false)) => Seen::Value(0),
            None if !self.cpu.excerpt && self.would_be_named(id, feature.place, &row) => Seen::Value(0),
            None => UNSAID,
        }
    }

    /// Whether a feature that the host has would be in the list.
    fn would_be_named(&self, id: FeatureId, place: Place, row: &Row) -> bool {
        let is_newer = self.vintage.may_lack(Since::of(row));
        // Whether the model's name stands for it depends on the libvirt that wrote the file.
        let depends = self.expanded.model.is_some_and(|m| m.added.contains(&id) || m.removed.contains(&id));
        let hidden = NOT_SHOWN.contains(&place);
        !is_newer && !depends && !hidden && self.reads(place)
    }

    /// Whether the one who wrote the list read what is at `place`: an MSR of which nothing is named may not have been.
    fn reads(&self, place: Place) -> bool {
        let Some(index) = place.msr_index() else { return true };
        let listed =
            self.cpu.features.iter().filter_map(|listed| self.map.features.get(self.map.feature(&listed.name)?));
        listed.filter_map(|feature| feature.place.msr_index()).any(|known| known == index)
    }

    /// The most bits of a physical address that a guest can have.
    pub(crate) fn phys_bits(&self) -> Seen {
        let width = self.cpu.max_phys_addr.and_then(|width| width.limit.or(width.bits));
        width.map_or(UNSAID, |bits| Seen::Value(bits.into()))
    }

    /// The CPU's vendor, as leaf 0 has it.
    #[must_use]
    pub fn vendor(&self) -> Option<String> {
        let vendor = self.expanded.vendor.or_else(|| self.expanded.model.and_then(|model| model.vendor));
        vendor.map(|vendor| vendor.text.to_string())
    }
}
