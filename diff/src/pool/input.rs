//! One input of a baseline: what it has, what it lacks, and what it says nothing of.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use cpuid_probe::Place;
use cpuid_probe::Register;
use cpuid_probe::dump::{Dump, Source};
use cpuid_probe::libvirt::beside::Beside;
use cpuid_probe::libvirt::cpu::{Cpu, Form, MaxPhysAddr, Mode, PhysAddrMode, Policy};
use cpuid_probe::libvirt::domain::Accel;
use cpuid_probe::msr::FEATURE_MSRS;

use super::Refusal;
use crate::check::cpu::host_note;
use crate::cpu_map::wide::Wide;
use crate::cpu_map::{CpuMap, Feature, Features, Signature, Vendor, qemu_differs};
use crate::judge::notes::is_tcg;
use crate::knowledge::{CauseKind, Knowledge};
use crate::view::promise::{Expanded, unknown_at};
use crate::view::vintage::{Since, Vintage};
use crate::view::{DumpView, Role, Seen, VcpuView};

/// The role of a libvirt CPU. A host's CPU with policies is no output of `virsh capabilities`: somebody wrote it.
fn role_of_cpu(cpu: &Cpu) -> Role {
    match Role::of_cpu(cpu) {
        Role::Hardware if cpu.features.iter().any(|f| f.policy != Policy::Require) => Role::Promise,
        role => role,
    }
}

/// The role of a dump. A block of hypervisor leaves says it too, where the bit is hidden or not there.
fn role_of_dump(view: &DumpView<'_>) -> Role {
    match Role::of(view) {
        Role::Hardware | Role::Unknown if view.vcpus.iter().any(|v| v.vcpu.blocks().next().is_some()) => Role::Guest,
        Role::Unknown => Role::Hardware,
        role => role,
    }
}

/// What an input says of one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It has it, on every vCPU.
    Has,
    /// Some vCPUs have it.
    Some,
    /// It lacks it.
    Lacks,
    /// It does not say.
    Unknown,
}

/// A width of physical addresses, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// A guest can have up to this many: what domcapabilities say.
    Limit(u32),
    /// A guest is to have this many.
    Exactly(u32),
    /// A dump has this many.
    Read(u32),
}

impl Width {
    /// The number.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Limit(bits) | Self::Exactly(bits) | Self::Read(bits) => bits,
        }
    }

    pub(super) fn of(asked: &MaxPhysAddr) -> Option<Self> {
        match (asked.mode, asked.emulated(), asked.limit) {
            (PhysAddrMode::Emulate, Some(bits), _) => Some(Self::Exactly(bits)),
            (PhysAddrMode::Passthrough, _, Some(limit)) => Some(Self::Limit(limit)),
            _ => None,
        }
    }
}

/// The rate of a time stamp counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tsc {
    /// In Hz.
    pub frequency: u64,
    /// The hardware gives a guest any other rate, too. Where nobody says so it does not.
    pub scaling: bool,
}

/// What an input says. Inputs that say the same are one class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Says {
    /// What kind of thing it speaks of.
    pub role: Role,
    /// What it has; of a dump: on every vCPU.
    pub features: Features,
    /// What only some of its vCPUs have.
    pub partly: Features,
    /// What it says nothing of. Everything else it lacks.
    pub unknown: Features,
    /// Of the unknown: what comes with its own model all the same, unless a definition takes it away.
    pub brings: Features,
    /// Protections and hazards that no map has a name for, in a dump.
    pub guards: BTreeMap<Place, Known>,
    /// Its vendor, where it says so.
    pub vendor: Option<Vendor>,
    /// The vendor's text of a dump, known or not.
    pub vendor_text: Option<String>,
    /// What runs the guest, or would, where that is known.
    pub accel: Option<Accel>,
    /// What may change its CPU and is not understood, in sentences.
    pub gaps: Vec<String>,
    /// The vendor of its model, where it has one.
    pub model_vendor: Option<Vendor>,
    /// libvirt's name of its model.
    pub model: Option<String>,
    /// Of a host: the models that a definition may name there. It has none where it does not support mode='custom'.
    pub models: Option<BTreeSet<String>>,
    /// Family, model and stepping, where it is a dump.
    pub signature: Option<Signature>,
    /// The families that it may be of; none where its model is of no family.
    pub families: Vec<u32>,
    /// The width of physical addresses, where it says one.
    pub width: Option<Width>,
    /// It was seen to have Hyper-V enlightenments.
    pub hyperv: bool,
    /// Sentences about it.
    pub notes: Vec<String>,
}

impl Says {
    /// What it says of a feature.
    #[must_use]
    pub fn of(&self, id: usize) -> Known {
        if self.features.contains(&id) {
            Known::Has
        } else if self.partly.contains(&id) {
            Known::Some
        } else if self.unknown.contains(&id) {
            Known::Unknown
        } else {
            Known::Lacks
        }
    }
}

/// What is known of the inputs of one class of a fleet, besides places.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// What kind of thing they speak of.
    pub role: Role,
    /// They list names and hold no registers.
    pub names_only: bool,
    /// The vendor, as in leaf 0.
    pub vendor: Option<&'a str>,
    /// Values of leaf 1 EAX.
    pub signatures: &'a [u32],
    /// libvirt's names of models that they give.
    pub models: &'a [String],
    /// The width of physical addresses, where it is known.
    pub width: Option<u32>,
}

impl Says {
    /// What a class of a fleet says: of each place what `known` says.
    #[must_use]
    pub fn of_class(known: impl Fn(Place) -> Known, origin: Origin<'_>, map: &CpuMap) -> Self {
        let those = |wanted: Known| -> Features {
            let is = |(id, f): (usize, &Feature)| (known(f.place) == wanted).then_some(id);
            map.features.iter().enumerate().filter_map(is).collect()
        };
        // What is no capability is the definition's, and comes with its model: `apic`, `ht`.
        let mut brings = map.those(Knowledge::builtin(), |row| !row.is_capability());
        let unknown = &those(Known::Unknown) | &brings;
        if origin.names_only {
            brings.extend(map.feature_at(ON_EVERY_HOST).filter(|id| unknown.contains(id)));
        }
        let vendor = map.vendors.iter().copied().find(|v| Some(v.text.to_string().as_str()) == origin.vendor);
        let model = match origin.models {
            [one] => Some(one.clone()),
            _ => None,
        };
        let signature = origin.signatures.first().copied().map(Signature::of);
        let mut families: Vec<u32> = origin.signatures.iter().map(|eax| Signature::of(*eax).family).collect();
        let of_models = origin.models.iter().filter_map(|name| map.model(name).ok());
        families.extend(of_models.flat_map(|model| &model.signatures).map(|s| s.family));
        families.sort_unstable();
        families.dedup();
        let width = origin.width.map(|bits| if origin.names_only { Width::Limit(bits) } else { Width::Read(bits) });
        Self {
            role: origin.role,
            features: &those(Known::Has) - &unknown,
            partly: Features::new(),
            unknown,
            brings,
            guards: facts().guards.iter().map(|place| (*place, known(*place))).collect(),
            vendor,
            vendor_text: origin.vendor.map(str::to_string),
            accel: None,
            gaps: Vec::new(),
            model_vendor: None,
            model,
            models: None,
            signature,
            families,
            width,
            hyperv: false,
            notes: Vec::new(),
        }
    }
}

/// One input of a baseline.
#[derive(Clone, Debug)]
pub struct Input {
    /// What the user calls it.
    pub name: String,
    /// What it says.
    pub says: Says,
    /// The rate of its time stamp counter, where it says one.
    pub tsc: Option<Tsc>,
    /// The definition itself, of an offer or a promise.
    pub(super) definition: Option<Cpu>,
    /// Registers, for what libvirt has no name for.
    pub(super) dump: Option<Dump>,
}

/// The models that a host lists for mode='custom'; `None` where it does not speak of them.
fn custom_models(host: &Beside) -> Option<BTreeSet<String>> {
    let no_custom = host.modes.iter().any(|(mode, supported)| mode == Mode::Custom.word() && !supported);
    let listed = || host.models.iter().map(|model| model.name.clone()).collect();
    (no_custom || !host.models.is_empty()).then(listed)
}

impl Input {
    /// A class of a fleet.
    #[must_use]
    pub const fn of_class(name: String, says: Says, tsc: Option<Tsc>) -> Self {
        Self { name, says, tsc, definition: None, dump: None }
    }

    /// A libvirt CPU.
    ///
    /// # Errors
    /// Its model, vendor or a feature is in no map, or it says nothing by itself (host-passthrough, maximum, an
    /// inactive host-model).
    pub fn of_cpu(name: String, cpu: &Cpu, wide: &Wide) -> Result<Self, Refusal> {
        let refuse = |why: String| Refusal::Input(format!("{name}: {why}"));
        if cpu.form == Form::Guest && cpu.mode != Mode::Custom {
            return Err(refuse(format!(
                "mode='{}' does not say which CPU it is; take virsh domcapabilities of the host, or virsh dumpxml of \
                 the running guest",
                cpu.mode.word()
            )));
        }
        let expanded = Expanded::new(cpu, &wide.map).map_err(|unknown| refuse(unknown_at(cpu.model_at, &unknown)))?;
        let Some(model) = expanded.model else { return Err(refuse("it names no CPU model".to_string())) };
        if let Some((listed, unknown)) = expanded.unknown.first() {
            return Err(refuse(unknown_at(listed.at, unknown)));
        }
        let role = role_of_cpu(cpu);
        let listed: Features = cpu.features.iter().filter_map(|f| wide.map.feature(&f.name)).collect();
        let optional = cpu.features.iter().filter(|f| f.policy == Policy::Optional);
        let optional: Features = optional.filter_map(|f| wide.map.feature(&f.name)).collect();
        let features: Features = &expanded.features() - &optional;
        let mut brings = Features::new();
        let mut unknown = Features::new();
        match role {
            // A guest of the model has what QEMU's model has; libvirt's list and its history say no more of these.
            Role::Promise => {
                let (beyond, _) = qemu_differs(model.name);
                brings.extend(wide.map.features_named(&beyond));
                brings.extend(&model.removed);
            }
            Role::Hardware | Role::Offer | Role::Guest | Role::Unknown => {
                unknown = if cpu.excerpt { (0..wide.map.features.len()).collect() } else { unsaid(cpu, &wide.map) };
                if role == Role::Offer {
                    brings.extend(wide.map.feature_at(ON_EVERY_HOST));
                    // `-cpu host`, which a host-model describes, has these with `migratable=off` alone.
                    unknown.extend(facts().blocking.iter().filter_map(|place| wide.map.feature_at(*place)));
                }
            }
        }
        unknown.extend(&brings);
        unknown = &(&(&unknown - &features) - &listed) | &optional;
        brings = &brings & &unknown;
        let notes = host_note(cpu).map(str::to_string).into_iter().collect();
        let mut families: Vec<u32> = model.signatures.iter().map(|s| s.family).collect();
        families.sort_unstable();
        families.dedup();
        Ok(Self {
            says: Says {
                role,
                features,
                partly: Features::new(),
                unknown,
                brings,
                guards: BTreeMap::new(),
                vendor: expanded.vendor,
                vendor_text: None,
                accel: cpu.beside.as_ref().and_then(|beside| beside.accel),
                gaps: cpu.beside.iter().flat_map(|beside| &beside.gaps).map(|gap| gap.what.clone()).collect(),
                model_vendor: model.vendor,
                model: cpu.model.clone(),
                models: cpu.beside.as_deref().filter(|_| role == Role::Offer).and_then(custom_models),
                signature: None,
                families,
                width: cpu.max_phys_addr.as_ref().and_then(Width::of),
                hyperv: false,
                notes,
            },
            tsc: cpu.tsc.map(|tsc| Tsc { frequency: tsc.frequency, scaling: tsc.scaling == Some(true) }),
            definition: (cpu.form != Form::Host).then(|| cpu.clone()),
            dump: None,
            name,
        })
    }

    /// A dump: what all of its vCPUs have.
    ///
    /// # Errors
    /// An excerpt, of which nobody knows what the rest says.
    pub fn of_dump(name: String, dump: &Dump, wide: &Wide) -> Result<Self, Refusal> {
        Self::of_whole_dump(name, dump.clone(), wide)
    }

    /// As [`Self::of_dump`], without a copy.
    ///
    /// # Errors
    /// As [`Self::of_dump`].
    pub fn of_whole_dump(name: String, dump: Dump, wide: &Wide) -> Result<Self, Refusal> {
        let view = DumpView::of(&dump);
        let first = dump.vcpus.first().ok_or_else(|| Refusal::Input(format!("{name}: holds no vCPU")))?;
        for leaf in [0, 1, 0x8000_0001] {
            let place = Place::bit(leaf, 0, Register::Edx, 0);
            let cut = |v: &VcpuView<'_>| !v.vcpu.is_statements() && matches!(v.see(place), Seen::NotCaptured(_));
            if view.vcpus.iter().any(cut) {
                return Err(Refusal::Input(format!(
                    "{name}: is an excerpt without leaf {leaf:#010x}, expected a whole dump"
                )));
            }
        }
        let imported = dump.provenance.source == Source::Import;
        let known = |place: Place, by_mode: bool| {
            let (mut has, mut lacks) = (false, false);
            for v in &view.vcpus {
                match v.feature(place) {
                    Seen::NotCaptured(_) => return Known::Unknown,
                    seen if seen.is_set() => has = true,
                    // Another tool may have run in another mode than ours, which is 64-bit.
                    _ if imported && by_mode => return Known::Unknown,
                    _ => lacks = true,
                }
            }
            match (has, lacks) {
                (true, false) => Known::Has,
                (true, true) => Known::Some,
                _ => Known::Lacks,
            }
        };
        let (mut features, mut partly, mut unknown) = (Features::new(), Features::new(), Features::new());
        for (id, Feature { place, .. }) in wide.map.features.iter().enumerate() {
            let _ = match known(*place, depends_on_the_reader(*place)) {
                Known::Has => features.insert(id),
                Known::Some => partly.insert(id),
                Known::Unknown => unknown.insert(id),
                Known::Lacks => false,
            };
        }
        let mut notes = Vec::new();
        if crate::judge::notes::is_tcg(&dump) {
            notes.push("was made under TCG emulation: it shows what QEMU emulates, not what a host gives".to_string());
        }
        let role = role_of_dump(&view);
        if role == Role::Hardware {
            notes.push(
                "is hardware, or a guest that hides its hypervisor: KVM and QEMU give a guest less than the bare CPU \
                 has; take virsh domcapabilities, or a dump that a guest made"
                    .to_string(),
            );
        }
        let unread: Vec<String> = FEATURE_MSRS
            .iter()
            .filter(|msr| view.vcpus.iter().any(|v| v.vcpu.msr(msr.index) == Some(None)))
            .map(|msr| format!("{:#x}", msr.index))
            .collect();
        if !unread.is_empty() {
            notes.push(format!("could not read the MSRs {}: what is in them is not known", unread.join(" ")));
        }
        let signature =
            view.vcpus[0].see(SIGNATURE).number().and_then(|eax| u32::try_from(eax).ok()).map(Signature::of);
        let text = first.vendor();
        if let Some(other) = dump.vcpus.iter().find(|v| v.vendor() != text) {
            return Err(Refusal::Input(format!(
                "{name}: vCPU {} is of another vendor than vCPU {}, expected the vCPUs of one guest",
                other.vcpu, first.vcpu
            )));
        }
        let emulated = dump.provenance.boot.as_ref().map(|boot| boot.accel.as_str());
        let accel = match (is_tcg(&dump), emulated, dump.provenance.source) {
            (true, ..) => Some(Accel::Tcg),
            (_, Some("kvm"), _) | (.., Source::Kvm) => Some(Accel::Kvm),
            _ => None,
        };
        let guards = facts().guards.iter().map(|place| (*place, known(*place, false)));
        Ok(Self {
            says: Says {
                role,
                partly,
                unknown,
                brings: Features::new(),
                guards: guards.collect(),
                vendor: wide.map.vendors.iter().copied().find(|v| Some(v.text) == text),
                vendor_text: text.map(|text| text.to_string()),
                accel,
                gaps: Vec::new(),
                model_vendor: None,
                model: None,
                models: None,
                signature,
                families: signature.iter().map(|s| s.family).collect(),
                width: view
                    .vcpus
                    .iter()
                    .filter_map(|v| u32::try_from(v.phys_bits().number().filter(|bits| *bits > 0)?).ok())
                    .min()
                    .map(Width::Read),
                hyperv: has_hyperv(&view),
                notes,
                features,
            },
            tsc: view.vcpus.first().and_then(tsc_of),
            definition: None,
            name,
            dump: Some(dump),
        })
    }
}

/// Family, model and stepping.
const SIGNATURE: Place = Place::cpuid(1, 0, Register::Eax, 31, 0);

/// AMD's topology leaves. libvirt's host-model does not list them though QEMU gives them on every host.
///
/// # Source
/// QEMU 7.2 target/i386/cpu.c (`no_autoenable_flags` of `FEAT_8000_0001_ECX`) and target/i386/kvm/kvm.c
/// (`kvm_arch_get_supported_cpuid`: TOPOEXT is always set).
const ON_EVERY_HOST: Place = Place::bit(0x8000_0001, 0, Register::Ecx, 22);

/// What the libvirt that wrote `cpu` may not have had a name for, or its QEMU no property.
fn unsaid(cpu: &Cpu, map: &CpuMap) -> Features {
    let since = |id: usize| map.features.get(id).and_then(|f| facts().since.get(&f.place)).copied().unwrap_or_default();
    let machine = cpu.beside.as_ref().and_then(|beside| beside.machine.as_deref());
    let vintage = Vintage::new(machine, cpu.features.iter().filter_map(|f| map.feature(&f.name)).map(since));
    (0..map.features.len()).filter(|id| vintage.may_lack(since(*id))).collect()
}

/// Where the rows are asked once for all inputs.
struct Facts {
    /// Places whose value depends on the mode of the reader.
    by_mode: Vec<Place>,
    /// Protections and hazards that no libvirt has a name for.
    guards: Vec<Place>,
    /// What blocks live migration.
    blocking: Vec<Place>,
    /// Since which libvirt and QEMU a feature has a name.
    since: HashMap<Place, Since>,
    /// The rate of the time stamp counter, as hypervisors tell it, in kHz.
    tsc_khz: Vec<Place>,
}

fn facts() -> &'static Facts {
    static FACTS: OnceLock<Facts> = OnceLock::new();
    FACTS.get_or_init(|| {
        let knowledge = Knowledge::builtin();
        let by_mode = knowledge.features().filter(|(_, row)| row.cause_kind == Some(CauseKind::CaptureMode));
        let nameless = knowledge.guards().filter(|(_, row)| row.names.libvirt.is_none());
        Facts {
            by_mode: by_mode.map(|(place, _)| place).collect(),
            guards: nameless.map(|(place, _)| place).collect(),
            blocking: knowledge.blockers().collect(),
            since: knowledge.features().map(|(place, row)| (place, Since::of(&row))).collect(),
            tsc_khz: knowledge.by_name("tsc_khz").into_iter().map(|found| found.place).collect(),
        }
    })
}

/// Whether what is read at `place` depends on the mode of the program that reads it.
pub(super) fn depends_on_the_reader(place: Place) -> bool {
    facts().by_mode.contains(&place)
}

/// The rate that a hypervisor tells its guest.
fn tsc_of(v: &VcpuView<'_>) -> Option<Tsc> {
    let khz = facts().tsc_khz.iter().filter_map(|place| v.see(*place).number()).find(|khz| *khz > 0)?;
    Some(Tsc { frequency: khz.saturating_mul(1000), scaling: false })
}

/// Whether a vCPU shows a block of Hyper-V's.
fn has_hyperv(view: &DumpView<'_>) -> bool {
    let owner = |v: &VcpuView<'_>, base, signature| crate::view::blocks::owner_of(v.vcpu, base, Some(signature));
    view.vcpus
        .iter()
        .any(|v| v.vcpu.blocks().any(|b| owner(v, b.base, b.signature) == Some(cpuid_probe::hypervisor::Owner::HyperV)))
}
