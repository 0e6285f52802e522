//! What a domain promises beside `<cpu>`, held against an input: enlightenments, the clock, the PMU, the topology, the
//! number of vCPUs, the machine type.
//!
//! A property of QEMU's that sets bits finds them by its name in the rows. What sets none is a [`What`] of its own. What is
//! not known is a doubt.
//!
//! # Source
//! QEMU 7.2 target/i386/cpu.c (`x86_cpu_properties`, leaves 0xA, 0xB, 0x1F and 0x40000000), target/i386/kvm/kvm.c
//! (`kvm_arch_init_vcpu`, `hyperv_fill_cpuids`).

use std::collections::BTreeMap;

use cpuid_probe::dump::Dump;
use cpuid_probe::hypervisor::Owner;
use cpuid_probe::libvirt::beside::Property;
use cpuid_probe::libvirt::cpu::{Cache, CacheMode, Cpu, Form, Mode, Policy, Topology};
use cpuid_probe::libvirt::domain::Accel;
use cpuid_probe::place::{BitRange, Number, Within};
use cpuid_probe::vendor::Signature;
use cpuid_probe::{LeafId, Place, Register};

use super::value_of;
use super::{Asked as Input, Tally};
use crate::cpu_map::CpuMap;
use crate::finding::{Decoded, Finding, Rule, Subject, Value, Values};
use crate::judge::notes::{is_kvm, is_tcg};
use crate::knowledge::advice::Asked;
use crate::knowledge::{Knowledge, Namespace, Offer, Severity};
use crate::list;
use crate::view::blocks::owner_of;
use crate::view::clock::{Clocks, hz, integer, pinned_khz};
use crate::view::{DumpView, Role, Seen, VcpuView};

/// What a property of QEMU's asks.
#[derive(Clone, Debug, PartialEq)]
enum What {
    /// These bits, which are set together.
    Bits(Vec<Place>),
    /// This many spins before a guest tells its Hyper-V.
    Spins(u64),
    /// This text at the head of the Hyper-V block.
    HypervText(String),
    /// A block of hypervisor leaves.
    Block(Owner),
    /// The performance counters.
    Pmu,
    /// The rate of the time stamp counter, in kHz.
    TscKhz(u64),
}

/// One promise.
#[derive(Clone, Debug, PartialEq)]
struct Promise {
    /// QEMU's name of it.
    name: String,
    what: What,
    /// The guest is to have it; or not to have it.
    wants: bool,
}

/// So many vCPUs every machine type and every KVM takes.
///
/// # Source
/// QEMU 7.2 hw/i386/pc.c (`pc_machine_class_init`: max_cpus 255); Linux 4.1 arch/x86/include/asm/kvm_host.h (KVM_MAX_VCPUS
/// 255).
const ALWAYS: u32 = 255;

/// Properties that change no CPUID, or say that the host decides.
const NO_PROMISE: [&str; 4] = ["check", "enforce", "migratable", "host-phys-bits"];

/// QEMU's `<cache mode='passthrough'/>`.
const HOST_CACHES: &str = "host-cache-info";

/// What a definition promises beside features.
#[derive(Debug)]
pub(super) struct Beside<'a> {
    cpu: &'a Cpu,
    promises: Vec<Promise>,
    /// What is not understood, in sentences.
    gaps: Vec<String>,
}

const TSC_KHZ: Place = Place::Cpuid {
    block: Some(Within { owner: Owner::Kvm, signature: None }),
    id: LeafId::new(0x4000_0010, 0),
    register: Register::Eax,
    bits: BitRange::REGISTER,
};
const PMU_VERSION: Place = Place::cpuid(0xa, 0, Register::Eax, 7, 0);
/// AMD's core counters: perfctr_core, and version 2 of AMD's monitoring.
const AMD_COUNTERS: [Place; 2] =
    [Place::bit(0x8000_0001, 0, Register::Ecx, 23), Place::bit(0x8000_0022, 0, Register::Eax, 0)];
const TSC_SCALING: Place = Place::bit(0x8000_000a, 0, Register::Edx, 4);
const THREADS: Place = Place::cpuid(0xb, 0, Register::Ebx, 15, 0);

impl<'a> Beside<'a> {
    pub(super) fn new(cpu: &'a Cpu, map: &CpuMap, knowledge: &Knowledge) -> Self {
        let mut read = Self { cpu, promises: Vec::new(), gaps: Vec::new() };
        let Some(beside) = cpu.beside.as_deref().filter(|_| cpu.form == Form::Guest) else { return read };
        for gap in &beside.gaps {
            read.gaps.push(format!("{}: {}, which is not understood", gap.at, gap.what));
        }
        for property in &beside.properties {
            let on_off = ["on", "off"].contains(&property.value.as_str());
            let is_feature = on_off && map.feature(&property.name).is_some();
            // Without a text of its own, the Hyper-V block has QEMU's.
            let no_text = property.name == "hv-vendor-id" && property.value == "off";
            if is_feature
                || no_text
                || NO_PROMISE.contains(&property.name.as_str())
                || (property.name == HOST_CACHES && on_off)
            {
                continue;
            }
            match what(property, knowledge) {
                Some(what) => {
                    let wants = property.value != "off";
                    read.promises.push(Promise { name: property.name.clone(), what, wants });
                }
                None => read.gaps.push(format!("QEMU's {}={} is not understood", property.name, property.value)),
            }
        }
        read
    }

    /// Whether nothing is promised of the CPU here. A machine type and a number of vCPUs, which every domain has, say
    /// nothing of it.
    pub(super) fn is_empty(&self) -> bool {
        self.promises.is_empty() && self.gaps.is_empty()
    }

    pub(super) fn check(&self, asked: &Input<'_>, tally: &mut Tally<'_>) {
        for gap in &self.gaps {
            tally.doubt(gap.clone());
        }
        for promise in &self.promises {
            match (asked.role, asked.names) {
                (Role::Guest | Role::Promise, _) => self.guest(promise, asked, tally),
                // What a host has can be kept from a guest.
                _ if !promise.wants => {}
                (_, Some(names)) => names_offer(promise, names.cpu, tally),
                (role, None) => dump_offers(promise, asked, role, tally),
            }
        }
        if self.cpu.form == Form::Guest {
            self.machine(asked, tally);
            self.model(asked, tally);
            self.accel(asked, tally);
            self.vcpus(asked, tally);
            if asked.role == Role::Guest {
                self.topology(asked, tally);
                self.cache(asked, tally);
            }
        }
    }

    /// Whether a guest got it.
    fn guest(&self, promise: &Promise, asked: &Input<'_>, tally: &mut Tally<'_>) {
        for vcpu in &asked.view.vcpus {
            let number = vcpu.vcpu.vcpu;
            match &promise.what {
                What::Bits(places) => {
                    for place in places {
                        let seen = vcpu.see(*place);
                        let kept = if promise.wants { seen.is_set() } else { seen.is_clear() };
                        hold(promise, *place, seen, kept, number, tally);
                    }
                }
                What::Spins(spins) => {
                    let place = hyperv(0x4000_0004, Register::Ebx);
                    let seen = vcpu.see(place);
                    // Where it is off, a guest without the block is as good as one that is to spin for ever.
                    let kept = seen == Seen::Value(*spins) || !promise.wants && seen.is_clear();
                    hold(promise, place, seen, kept, number, tally);
                }
                What::HypervText(text) => hyperv_text(promise, text, vcpu, tally),
                What::Block(owner) => {
                    let place = block_place(*owner);
                    let seen = if has_block(vcpu, *owner) { Seen::Value(1) } else { absent_block(vcpu) };
                    let kept = if promise.wants { seen.is_set() } else { seen.is_clear() };
                    hold(promise, place, seen, kept, number, tally);
                }
                What::Pmu => pmu(promise, vcpu, tally),
                What::TscKhz(khz) => tsc(promise, *khz, asked, vcpu, tally),
            }
        }
    }

    fn machine(&self, asked: &Input<'_>, tally: &mut Tally<'_>) {
        let Some(wanted) = self.cpu.beside.as_ref().and_then(|beside| beside.machine.as_deref()) else { return };
        let boot = asked.view.dump.provenance.boot.as_ref().map(|boot| boot.machine.as_str());
        let seen = match asked.names {
            Some(names) => names.cpu.beside.as_ref().and_then(|beside| beside.machine.as_deref()),
            None => boot,
        };
        match seen {
            Some(seen) if is_machine(wanted, seen) => {}
            // A host has many.
            _ if asked.names.is_some() => tally.unsaid(format!(
                "the file does not say whether the host has the machine type {wanted}: virsh domcapabilities --machine \
                 {wanted}"
            )),
            Some(seen) if asked.role == Role::Guest => {
                let finding = Finding {
                    severity: Severity::Warning,
                    cause: Some(
                        "the guest was started with another machine type, and QEMU refuses to migrate between them"
                            .into(),
                    ),
                    remedy: Some(format!("start it with `<type machine='{wanted}'>`").into()),
                    meaning: Some("the machine type, whose version fixes what QEMU's models have".into()),
                    ..number(Number::Machine, Value::Text(seen.to_string()), Value::Text(wanted.to_string()))
                };
                tally.broken(finding, 0);
            }
            _ => tally.unsaid(format!("the dump does not say whether its machine type is {wanted}")),
        }
    }

    /// Whether the host knows the definition's mode and model.
    fn model(&self, asked: &Input<'_>, tally: &mut Tally<'_>) {
        let Some(host) = asked.names.and_then(|names| names.cpu.beside.as_ref()) else { return };
        let mode = self.cpu.mode.word();
        if host.modes.iter().any(|(name, supported)| name == mode && !supported) {
            tally.doubt(format!("the host does not support mode='{mode}'"));
        }
        let Some(wanted) = self.cpu.model.as_deref().filter(|_| self.cpu.mode == Mode::Custom) else { return };
        let off = self.cpu.features.iter().filter(|f| matches!(f.policy, Policy::Disable | Policy::Forbid));
        let off: Vec<&str> = off.map(|feature| feature.name.as_str()).collect();
        match host.models.iter().find(|model| model.name == wanted) {
            None if host.models.is_empty() => {}
            None => tally.doubt(format!("the host does not list the model {wanted}")),
            Some(model) if model.usable != Some(false) => {}
            // What the definition takes away need not be there; which of it the host lacks, it may not say.
            Some(model) if !off.is_empty() && model.blockers.iter().all(|name| off.contains(&name.as_str())) => {}
            Some(model) => {
                let lacks = list::first(&model.blockers, 8);
                let lacks = if lacks.is_empty() { String::new() } else { format!(": it lacks {lacks}") };
                tally.doubt(format!("the host says that it cannot give all of the model {wanted}{lacks}"));
            }
        }
    }

    fn accel(&self, asked: &Input<'_>, tally: &mut Tally<'_>) {
        let Some(wanted) = self.cpu.beside.as_ref().and_then(|beside| beside.accel) else { return };
        let dump = asked.view.dump;
        let given = match asked.names {
            Some(names) => names.cpu.beside.as_ref().and_then(|beside| beside.accel),
            None if is_tcg(dump) => Some(Accel::Tcg),
            None => is_kvm(dump).then_some(Accel::Kvm),
        };
        let word = |accel| if accel == Accel::Kvm { "KVM" } else { "QEMU's emulation (TCG)" };
        if let Some(given) = given.filter(|given| *given != wanted) {
            tally.doubt(format!("the definition is for {}, and the input shows {}", word(wanted), word(given)));
        }
    }

    fn vcpus(&self, asked: &Input<'_>, tally: &mut Tally<'_>) {
        let beside = self.cpu.beside.as_ref().and_then(|beside| beside.vcpus);
        let Some(wanted) = beside.or(self.cpu.topology.map(Topology::vcpus)) else { return };
        let dump = asked.view.dump;
        let (seen, broken, cause) = match (asked.names, asked.role) {
            (Some(names), _) => {
                let wanted = self.cpu.beside.as_ref().and_then(|beside| beside.most_vcpus).unwrap_or(wanted);
                let Some(most) = names.cpu.beside.as_ref().and_then(|beside| beside.vcpus) else {
                    return may_be_many(wanted, tally);
                };
                (most, wanted > most, "the host gives a guest at most that many vCPUs")
            }
            (None, Role::Guest) => {
                let held = u32::try_from(dump.vcpus.len()).unwrap_or(u32::MAX);
                let online = dump.provenance.vcpus_online;
                if online.is_none() && held <= wanted {
                    tally.unsaid(format!(
                        "the dump holds {held} {} and does not say whether the guest has {wanted}",
                        if held == 1 { "vCPU" } else { "vCPUs" }
                    ));
                    return;
                }
                let seen = online.unwrap_or(held);
                (seen, seen != wanted, "the guest was not started with this <vcpu> and <topology>")
            }
            _ => return may_be_many(wanted, tally),
        };
        if broken {
            let finding = Finding {
                severity: Severity::Warning,
                meaning: Some("how many vCPUs the guest has".into()),
                cause: Some(cause.into()),
                remedy: Some(format!("start the guest with `<vcpu>{wanted}</vcpu>`").into()),
                ..number(Number::VcpuCount, Value::Count(seen as usize), Value::Count(wanted as usize))
            };
            tally.broken(finding, 0);
        }
    }

    fn topology(&self, asked: &Input<'_>, tally: &mut Tally<'_>) {
        let Some(topology) = self.cpu.topology else { return };
        let package = u64::from(topology.vcpus() / topology.sockets.max(1));
        for vcpu in &asked.view.vcpus {
            let threads = vcpu.see(THREADS);
            if threads.is_clear() {
                tally.unsaid("no leaf 0xB tells the topology".to_string());
                continue;
            }
            let mut promise = |name: &str, place, seen: Seen, expected: u64| {
                let promise = Promise { name: name.to_string(), what: What::Bits(Vec::new()), wants: true };
                let finding = Finding {
                    severity: Severity::Warning,
                    values: Values { a: value_of(seen, false), b: Value::Unknown, expected: Value::Number(expected) },
                    cause: Some("the guest was not started with this <topology> (QEMU: -smp)".into()),
                    remedy: Some("Start every guest of the definition with its <topology>.".into()),
                    ..of_place(&promise, place, tally)
                };
                settle(finding, seen, seen == Seen::Value(expected), vcpu.vcpu.vcpu, tally);
            };
            promise("threads", THREADS, threads, topology.threads.into());
            let (place, seen) = in_package(vcpu);
            promise("topology", place, seen, package);
            for (name, count, kind) in [("dies", topology.dies, DIE), ("clusters", topology.clusters, MODULE)] {
                if count > 1 && !has_level(vcpu, kind) {
                    tally.unsaid(format!("no level of leaf 0x1F tells the {count} {name} of a socket"));
                }
            }
        }
    }

    fn cache(&self, asked: &Input<'_>, tally: &mut Tally<'_>) {
        let of_host = |property: &Property| property.name == HOST_CACHES && property.value == "on";
        if self.cpu.cache.is_none()
            && self.cpu.beside.as_ref().is_some_and(|beside| beside.properties.iter().any(of_host))
        {
            tally.unsaid("the dump does not tell whether its caches are the host's".to_string());
        }
        let wanted = match self.cpu.cache {
            Some(Cache { mode: CacheMode::Emulate, level: Some(3) }) => true,
            Some(Cache { mode: CacheMode::Disable, level: None }) => false,
            Some(Cache { mode: CacheMode::Passthrough, .. }) => {
                tally.unsaid("the dump does not tell whether its caches are the host's".to_string());
                return;
            }
            Some(Cache { mode, level: Some(level) }) => {
                tally.unsaid(format!(
                    "what <cache level='{level}' mode='{}'/> gives a guest is not known here",
                    mode.word()
                ));
                return;
            }
            Some(Cache { mode: CacheMode::Emulate, level: None }) | None => return,
        };
        for vcpu in &asked.view.vcpus {
            match has_l3(vcpu) {
                None => tally.unsaid("the dump does not hold the leaves that describe caches".to_string()),
                Some(has) if has == wanted => {}
                Some(has) => {
                    let third = |has| Value::Number(if has { 3 } else { 0 });
                    let place = Place::cpuid(4, 3, Register::Eax, 7, 5);
                    let promise = Promise { name: "l3-cache".into(), what: What::Bits(Vec::new()), wants: wanted };
                    let finding = Finding {
                        severity: Severity::Warning,
                        values: Values { a: third(has), b: Value::Unknown, expected: third(wanted) },
                        cause: Some("the guest was not started with this <cache>".into()),
                        remedy: Some("Start every guest of the definition with its <cache>.".into()),
                        ..of_place(&promise, place, tally)
                    };
                    settle(finding, Seen::Value(u64::from(has)), false, vcpu.vcpu.vcpu, tally);
                }
            }
        }
    }
}

/// What a property asks; nothing: it is not understood.
fn what(property: &Property, knowledge: &Knowledge) -> Option<What> {
    let named = knowledge.names().filter(|m| m.namespace == Namespace::Qemu && m.name == property.name);
    let mut places: Vec<Place> = named.map(|m| m.place).filter(is_bit).collect();
    places.dedup();
    meant(property, places)
}

fn is_bit(place: &Place) -> bool {
    place.bits().is_some_and(|bits| bits.is_one())
}

/// What a property is of which the rows name these bits.
fn meant(property: &Property, places: Vec<Place>) -> Option<What> {
    let switch = ["on", "off"].contains(&property.value.as_str());
    let off = property.value == "off";
    match property.name.as_str() {
        "kvm" if switch => return Some(What::Block(Owner::Kvm)),
        "hv-passthrough" if switch => return Some(What::Block(Owner::HyperV)),
        "pmu" if switch => return Some(What::Pmu),
        "tsc-frequency" | "tsc-freq" => return Some(What::TscKhz(hz(&property.value)? / 1000)),
        "hv-spinlocks" if off => return Some(What::Spins(0xffff_ffff)),
        "hv-spinlocks" => return Some(What::Spins(integer(&property.value)?)),
        "hv-vendor-id" if !off => return Some(What::HypervText(property.value.clone())),
        _ => {}
    }
    (switch && !places.is_empty()).then_some(What::Bits(places))
}

fn hyperv(leaf: u32, register: Register) -> Place {
    Place::Cpuid {
        block: Some(Within { owner: Owner::HyperV, signature: None }),
        id: LeafId::new(leaf, 0),
        register,
        bits: BitRange::REGISTER,
    }
}

/// The first register that tells whose block it is.
fn block_place(owner: Owner) -> Place {
    Place::Cpuid {
        block: Some(Within { owner, signature: None }),
        id: LeafId::new(0x4000_0000, 0),
        register: Register::Ebx,
        bits: BitRange::REGISTER,
    }
}

fn has_block(vcpu: &VcpuView<'_>, owner: Owner) -> bool {
    vcpu.vcpu.blocks().any(|block| owner_of(vcpu.vcpu, block.base, Some(block.signature)) == Some(owner))
}

/// What is known where a block was not found: that it is not there, or nothing.
fn absent_block(vcpu: &VcpuView<'_>) -> Seen {
    match vcpu.see(Place::cpuid(0x4000_0000, 0, Register::Ebx, 31, 0)) {
        Seen::NotCaptured(why) => Seen::NotCaptured(why),
        _ => Seen::Absent,
    }
}

fn is_machine(wanted: &str, seen: &str) -> bool {
    let family = match wanted {
        "pc" => "pc-i440fx-",
        "q35" => "pc-q35-",
        _ => return wanted == seen,
    };
    wanted == seen || seen.starts_with(family)
}

/// How many vCPUs a package has room for, and where it says so: the last level of leaf 0x1F, else of leaf 0xB.
fn in_package(vcpu: &VcpuView<'_>) -> (Place, Seen) {
    let level = |leaf, subleaf| Place::cpuid(leaf, subleaf, Register::Ebx, 15, 0);
    let leaf = if vcpu.see(level(0x1f, 0)).is_set() { 0x1f } else { 0xb };
    let seen = |subleaf| (level(leaf, subleaf), vcpu.see(level(leaf, subleaf)));
    let levels = (0..16).map(seen).take_while(|(_, seen)| !seen.is_clear());
    levels.last().unwrap_or((THREADS, Seen::Absent))
}

/// Types of levels in leaf 0x1F.
///
/// # Source
/// Intel SDM vol. 2, CPUID, leaf 1FH; QEMU 10.0 target/i386/cpu.c (`encode_topo_cpuid1f`).
const MODULE: u64 = 3;
const DIE: u64 = 5;

/// Whether leaf 0x1F has a level of this type.
fn has_level(vcpu: &VcpuView<'_>, kind: u64) -> bool {
    let kinds = (0..16).map(|subleaf| vcpu.see(Place::cpuid(0x1f, subleaf, Register::Ecx, 15, 8)));
    kinds.take_while(|seen| seen.is_set()).any(|seen| seen == Seen::Value(kind))
}

/// Whether any leaf describes a third-level cache; nothing where such a leaf was not captured.
fn has_l3(vcpu: &VcpuView<'_>) -> Option<bool> {
    let level = |leaf, subleaf| vcpu.see(Place::cpuid(leaf, subleaf, Register::Eax, 7, 5));
    let levels: Vec<Seen> = [4, 0x8000_001d].into_iter().flat_map(|leaf| (0..8).map(move |n| level(leaf, n))).collect();
    let amd = vcpu.see(Place::cpuid(0x8000_0006, 0, Register::Edx, 31, 18));
    let described = levels.contains(&Seen::Value(3));
    let unknown = levels.iter().chain([&amd]).any(|seen| matches!(seen, Seen::NotCaptured(_)));
    if described || amd.is_set() { Some(true) } else { (!unknown).then_some(false) }
}

/// Of a host that does not say how many vCPUs it gives a guest.
fn may_be_many(wanted: u32, tally: &mut Tally<'_>) {
    if wanted > ALWAYS {
        tally.unsaid(format!("the input does not say whether the host gives a guest {wanted} vCPUs"));
    }
}

/// A finding about a number without a place.
fn number(number: Number, seen: Value, expected: Value) -> Finding {
    Finding {
        name: Some(number.name().into()),
        values: Values { a: seen, b: Value::Unknown, expected },
        ..Finding::new(Subject::from(number), Rule::Promised(Policy::Require))
    }
}

/// A finding about a promise at a place.
fn of_place(promise: &Promise, place: Place, tally: &Tally<'_>) -> Finding {
    let row = tally.context.knowledge.row(place);
    let asked = if promise.wants { Asked::Missing } else { Asked::Extra };
    let finding = tally.context.advised(place, &row, asked);
    let policy = if promise.wants { Policy::Require } else { Policy::Disable };
    let switch = if promise.wants { "on" } else { "off" };
    let element = row.element.map(|element| {
        let of = if promise.wants { element.on } else { element.off };
        format!("`{of}` in `{}`, ", element.within)
    });
    let remedy = format!(
        "Start the guest from this definition: {}QEMU's `{}={switch}` in `-cpu`.",
        element.unwrap_or_default(),
        promise.name
    );
    let name = Some(promise.name.clone().into());
    Finding { name, rule: Rule::Promised(policy), remedy: Some(remedy.into()), ..finding }
}

/// Holds a promise of bits against what was seen.
fn hold(promise: &Promise, place: Place, seen: Seen, kept: bool, vcpu: u32, tally: &mut Tally<'_>) {
    let is_one = place.bits().is_some_and(|bits| bits.is_one()) || matches!(promise.what, What::Block(_));
    let expected = match &promise.what {
        What::Spins(spins) => Value::Number(*spins),
        _ => Value::Bit(promise.wants),
    };
    let values = Values { a: value_of(seen, is_one), b: Value::Unknown, expected };
    let severity = if promise.wants { Severity::Unsafe } else { Severity::Warning };
    settle(Finding { values, severity, ..of_place(promise, place, tally) }, seen, kept, vcpu, tally);
}

/// Adds what came of a promise: nothing where it was kept.
fn settle(finding: Finding, seen: Seen, kept: bool, vcpu: u32, tally: &mut Tally<'_>) {
    match (seen, finding.place()) {
        (Seen::NotCaptured(why), Some(place)) => {
            tally.add(Finding { severity: Severity::Info, ..finding }, Some(vcpu));
            tally.unread(vcpu, place, why);
        }
        _ if kept => {}
        _ => tally.broken(finding, vcpu),
    }
}

fn hyperv_text(promise: &Promise, wanted: &str, vcpu: &VcpuView<'_>, tally: &mut Tally<'_>) {
    let mut blocks = vcpu.vcpu.blocks();
    let block = blocks.find(|b| owner_of(vcpu.vcpu, b.base, Some(b.signature)) == Some(Owner::HyperV));
    let mut expected = Signature([0; 12]);
    expected.0.iter_mut().zip(wanted.bytes()).for_each(|(to, from)| *to = from);
    let seen = block.map_or_else(|| absent_block(vcpu), |_| Seen::Value(1));
    let kept = block.is_some_and(|block| block.signature == expected);
    let text = block.map(|block| Value::Text(block.signature.to_string()));
    let finding = Finding {
        severity: Severity::Unsafe,
        values: Values {
            a: text.unwrap_or_else(|| value_of(seen, true)),
            b: Value::Unknown,
            expected: Value::Text(wanted.to_string()),
        },
        ..of_place(promise, block_place(Owner::HyperV), tally)
    };
    settle(finding, seen, kept, vcpu.vcpu.vcpu, tally);
}

/// Intel's counters have a version, which is 0 without them. AMD's first four counters have no bit: without its others,
/// nobody can tell.
fn pmu(promise: &Promise, vcpu: &VcpuView<'_>, tally: &mut Tally<'_>) {
    let number = vcpu.vcpu.vcpu;
    let is_amd = vcpu.vcpu.vendor().is_some_and(|vendor| vendor.is_amd());
    let seen = vcpu.see(PMU_VERSION);
    if !is_amd {
        let kept = seen.is_set() == promise.wants;
        return hold(promise, PMU_VERSION, seen, kept, number, tally);
    }
    let shown = AMD_COUNTERS.into_iter().find(|place| vcpu.see(*place).is_set());
    if seen.is_set() || shown.is_some() {
        // What shows them breaks the promise that there are none.
        let place = shown.unwrap_or(PMU_VERSION);
        hold(promise, place, vcpu.see(place), promise.wants, number, tally);
    } else {
        let state = if promise.wants { "on" } else { "off" };
        tally.unsaid(format!("whether the PMU is {state}: AMD's first four counters have no CPUID bit"));
    }
}

/// Every rate that a vCPU tells, in kHz: that of leaf 0x40000010, else that of leaf 0x15.
fn told_khz(vcpu: &VcpuView<'_>) -> Seen {
    let leaf = vcpu.see(TSC_KHZ);
    if leaf.is_set() {
        return leaf;
    }
    let [divisor, multiplier, crystal] = [Register::Eax, Register::Ebx, Register::Ecx]
        .map(|register| vcpu.see(Place::cpuid(0x15, 0, register, 31, 0)).number().unwrap_or(0));
    // All three are 32 bits wide.
    match u128::from(multiplier) * u128::from(crystal) / 1000 / u128::from(divisor.max(1)) {
        0 => leaf,
        khz => u64::try_from(khz).map_or(leaf, Seen::Value),
    }
}

/// The frequency that a throw-away guest's QEMU was told, in kHz. It does not start where it cannot give that.
///
/// # Source
/// QEMU 7.2 target/i386/kvm/kvm.c (`kvm_arch_set_tsc_khz`).
fn started_with(dump: &Dump) -> Option<u64> {
    let boot = dump.provenance.boot.as_ref().filter(|boot| boot.accel == "kvm")?;
    pinned_khz(&boot.cpu)
}

fn tsc(promise: &Promise, wanted: u64, asked: &Input<'_>, vcpu: &VcpuView<'_>, tally: &mut Tally<'_>) {
    let told = told_khz(vcpu);
    let khz = if told.is_set() { told.number() } else { started_with(asked.view.dump) };
    match khz {
        Some(khz) if Clocks::of(khz, wanted).within_tolerance() => {}
        Some(khz) => {
            let finding = clock(promise, Some(khz), wanted, tally);
            tally.broken(Finding { severity: Severity::Unsafe, ..finding }, vcpu.vcpu.vcpu);
        }
        None => {
            let finding = clock(promise, None, wanted, tally);
            tally.add(Finding { severity: Severity::Info, ..finding }, Some(vcpu.vcpu.vcpu));
            tally.unsaid(format!("the TSC frequency of {wanted} kHz: no leaf tells the guest's (0x40000010, 0x15)"));
        }
    }
}

fn clock(promise: &Promise, seen: Option<u64>, wanted: u64, tally: &Tally<'_>) -> Finding {
    Finding {
        subject: Subject::from(Number::TscFrequency),
        values: Values {
            a: seen.map_or(Value::Unknown, Value::Number),
            b: Value::Unknown,
            expected: Value::Number(wanted),
        },
        decoded: Decoded { khz: Some([seen, None]), ..Decoded::default() },
        cause: Some(match seen {
            Some(seen) => format!("{seen} kHz, and {wanted} kHz were promised; KVM takes 250 ppm for the same").into(),
            None => "No leaf of the dump tells the frequency.".into(),
        }),
        remedy: Some("Pin one frequency that every host runs at within 250 ppm, or can scale to.".into()),
        ..of_place(promise, TSC_KHZ, tally)
    }
}

/// Whether a host can give what a list of names says of it.
fn names_offer(promise: &Promise, host: &Cpu, tally: &mut Tally<'_>) {
    let beside = host.beside.as_deref();
    let listed = beside.and_then(|beside| beside.properties.iter().find(|p| p.name == promise.name));
    match (&promise.what, listed.map(|p| p.value.as_str())) {
        (What::TscKhz(wanted), _) => {
            let Some(tsc) = host.tsc else { return cannot_tell(promise, tally) };
            let khz = tsc.frequency / 1000;
            if Clocks::of(khz, *wanted).within_tolerance() || tsc.scaling == Some(true) {
                return;
            }
            let finding = clock(promise, Some(khz), *wanted, tally);
            match tsc.scaling {
                Some(_) => tally.broken(Finding { severity: Severity::Unsafe, ..finding }, 0),
                None => cannot_tell(promise, tally),
            }
        }
        (What::Block(Owner::Kvm), _) if beside.is_some_and(|beside| beside.accel == Some(Accel::Kvm)) => {}
        (_, Some("on")) => {}
        (_, Some(_)) => {
            let place = match &promise.what {
                What::Bits(places) => places.first().copied(),
                _ => None,
            };
            hold(promise, place.unwrap_or(block_place(Owner::HyperV)), Seen::Value(0), false, 0, tally);
        }
        _ => cannot_tell(promise, tally),
    }
}

/// Whether a host can give what its dump shows: of KVM's table, of a throw-away guest, or of the bare hardware.
fn dump_offers(promise: &Promise, asked: &Input<'_>, role: Role, tally: &mut Tally<'_>) {
    for vcpu in &asked.view.vcpus {
        match &promise.what {
            What::Bits(places) => {
                for place in places {
                    let row = tally.context.knowledge.row(*place);
                    let seen = vcpu.see(*place);
                    // No guest shows an enlightenment that it was not given, and hardware shows none.
                    let shown = role == Role::Offer && place.owner() == Owner::Kvm && row.kvm != Offer::Unknown;
                    if seen == Seen::Value(0) && shown {
                        hold(promise, *place, seen, false, vcpu.vcpu.vcpu, tally);
                    } else if !seen.is_set() {
                        cannot_tell(promise, tally);
                    }
                }
            }
            What::Block(owner) if has_block(vcpu, *owner) => {}
            What::Pmu if vcpu.see(PMU_VERSION).is_set() || AMD_COUNTERS.iter().any(|p| vcpu.see(*p).is_set()) => {}
            What::TscKhz(wanted) => {
                let told = told_khz(vcpu).number().is_some_and(|khz| Clocks::of(khz, *wanted).within_tolerance());
                if !told && !vcpu.see(TSC_SCALING).is_set() {
                    cannot_tell(promise, tally);
                }
            }
            _ => cannot_tell(promise, tally),
        }
    }
}

/// Which properties beside features the dump of an offer shows that a guest can have, or that it cannot; of the others it
/// says nothing.
#[must_use]
pub fn offered(view: &DumpView<'_>, knowledge: &Knowledge) -> Vec<Property> {
    let owners = [Owner::Kvm, Owner::HyperV];
    let named = knowledge.names().filter(|m| m.namespace == Namespace::Qemu && owners.contains(&m.place.owner()));
    let mut names: BTreeMap<String, Vec<Place>> = BTreeMap::from([("pmu".to_string(), Vec::new())]);
    for m in named {
        let places = names.entry(m.name.to_string()).or_default();
        if is_bit(&m.place) && places.last() != Some(&m.place) {
            places.push(m.place);
        }
    }
    let on = names.into_iter().filter_map(|(name, places)| {
        let property = Property { name, value: "on".to_string() };
        let what = meant(&property, places)?;
        let promise = Promise { name: property.name.clone(), what, wants: true };
        let mut tally = Tally::new(0, view, knowledge);
        let asked = Input { view, role: Role::Offer, log: None, names: None };
        dump_offers(&promise, &asked, Role::Offer, &mut tally);
        let checked = tally.finish();
        match (checked.findings.is_empty(), checked.doubts.unread) {
            (true, None) => Some(property),
            (true, Some(_)) => None,
            (false, _) => Some(Property { value: "off".to_string(), ..property }),
        }
    });
    if view.vcpus.is_empty() { Vec::new() } else { on.collect() }
}

fn cannot_tell(promise: &Promise, tally: &mut Tally<'_>) {
    tally.unsaid(format!("the input does not say whether the host can give {}", promise.name));
}
