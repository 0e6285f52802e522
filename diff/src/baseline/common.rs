//! The CPU that several hosts or guests have in common.
//!
//! Only what all have: QEMU and KVM cannot make up what a host lacks. The model is chosen, and the features are listed,
//! as libvirt does (`virsh cpu-baseline`), so that the result is the one libvirt would give wherever libvirt's own is
//! sound; docs/baselines.md lists where it differs and why.
//!
//! # Source
//! libvirt 9.0.0 src/cpu/cpu_x86.c (`virCPUx86Baseline`), src/cpu/cpu.c (`virCPUBaseline`).

use std::fmt;

use cpuid_probe::Place;
use cpuid_probe::dump::Dump;
use cpuid_probe::libvirt::cpu::{Cpu, Form, Mode};

use super::check::host_note;
use super::decode::{Hints, Purpose, decode};
use super::expand::Expanded;
use super::map::{CpuMap, FeatureId, Features, Vendor, qemu_differs};
use super::seen::{Seen, VcpuBits};
use super::wide::Wide;
use crate::knowledge::{self, Knowledge, Owner, RuleKind, Site};
use crate::knowledge::{Asked, Subject, advice_for};

/// One input of a baseline.
#[derive(Clone, Debug)]
pub struct Input {
    /// What the user calls it.
    pub name: String,
    /// What it has.
    pub features: Features,
    /// What it says nothing of.
    pub not_captured: Features,
    /// Its vendor, where it says so.
    pub vendor: Option<Vendor>,
    /// The vendor of its model, where it has one.
    model_vendor: Option<Vendor>,
    /// libvirt's name of its model.
    model: Option<String>,
    /// The width of physical addresses: of a dump, or the limit that domcapabilities state.
    pub phys_bits: Option<u32>,
    /// Registers, for what libvirt has no name for.
    dump: Option<Dump>,
    /// Sentences about it.
    pub notes: Vec<String>,
}

/// Why there is no common CPU, or none can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// An input cannot be used: the user has to give another.
    Input(String),
    /// The inputs have no CPU in common.
    Nothing(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(why) | Self::Nothing(why) => f.write_str(why),
        }
    }
}

impl Input {
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
        let expanded = Expanded::new(cpu, &wide.map).map_err(|unknown| {
            refuse(format!("{}: {unknown}; give the CPU map of the libvirt that knows it with --cpu-map", cpu.model_at))
        })?;
        let Some(model) = expanded.model else { return Err(refuse("it names no CPU model".to_string())) };
        if let Some((listed, unknown)) = expanded.unknown.first() {
            return Err(refuse(format!(
                "{}: {unknown}; give the CPU map of the libvirt that knows it with --cpu-map",
                listed.at
            )));
        }
        let notes = host_note(cpu).map(str::to_string).into_iter().collect();
        Ok(Self {
            features: expanded.features(),
            not_captured: Features::new(),
            vendor: expanded.vendor,
            model_vendor: model.vendor,
            model: cpu.model.clone(),
            phys_bits: cpu.max_phys_addr.and_then(|m| m.limit),
            dump: None,
            notes,
            name,
        })
    }

    /// A dump: what all of its vCPUs have.
    ///
    /// # Errors
    /// An excerpt, of which nobody knows what the rest says.
    pub fn of_dump(name: String, dump: &Dump, wide: &Wide) -> Result<Self, Refusal> {
        let vcpus: Vec<VcpuBits<'_>> = dump.vcpus.iter().map(VcpuBits::of).collect();
        let first = dump.vcpus.first().ok_or_else(|| Refusal::Input(format!("{name}: holds no vCPU")))?;
        for leaf in [0, 1, 0x8000_0001] {
            let place = Place::bit(leaf, 0, cpuid_probe::Register::Edx, 0);
            if vcpus.iter().any(|v| matches!(v.see(place), Seen::NotCaptured(_))) {
                return Err(Refusal::Input(format!(
                    "{name}: is an excerpt without leaf {leaf:#010x}, expected a whole dump"
                )));
            }
        }
        let all = |of: &dyn Fn(&VcpuBits<'_>) -> Features| {
            let sets: Vec<Features> = vcpus.iter().map(of).collect();
            sets.iter().skip(1).fold(sets.first().cloned().unwrap_or_default(), |a, b| &a & b)
        };
        let mut notes = Vec::new();
        if crate::compare::notes::is_tcg(dump) {
            notes.push("was made under TCG emulation: it shows what QEMU emulates, not what a host gives".to_string());
        }
        let text = first.vendor();
        Ok(Self {
            features: all(&|v| v.features(&wide.map)),
            not_captured: vcpus.iter().flat_map(|v| v.not_captured(&wide.map)).collect(),
            vendor: wide.map.vendors.iter().copied().find(|v| Some(v.text) == text),
            model_vendor: None,
            model: None,
            phys_bits: vcpus.iter().filter_map(VcpuBits::phys_bits).min(),
            dump: Some(dump.clone()),
            notes,
            name,
        })
    }
}

/// What to do with what is not plain.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Keep what blocks live migration.
    pub keep_unmigratable: bool,
}

/// The common CPU.
#[derive(Clone, Debug)]
pub struct Common {
    /// libvirt's name of the model.
    pub model: &'static str,
    /// The vendor, where every input says so.
    pub vendor: Option<Vendor>,
    /// What is listed beyond the model, in the order of the map.
    pub require: Vec<FeatureId>,
    /// What is listed to be away.
    pub disable: Vec<FeatureId>,
    /// What all inputs have and the site's libvirt has no name for.
    pub nameless: Vec<FeatureId>,
    /// What all inputs have and blocks live migration, or that libvirt calls unmigratable.
    pub unmigratable: Vec<FeatureId>,
    /// What each input has and the result has not.
    pub losses: Vec<Vec<FeatureId>>,
    /// Sentences: what a person must know of the result.
    pub notes: Vec<String>,
    /// The smallest width that every input states, where all are `virsh domcapabilities` of a libvirt that says so.
    pub phys_bits_limit: Option<u32>,
}

/// The common CPU of `inputs`.
///
/// # Errors
/// The vendors differ, or nothing is common.
pub fn common(inputs: &[Input], wide: &Wide, options: Options) -> Result<Common, Refusal> {
    let map = &wide.map;
    let vendor = common_vendor(inputs)?;
    let features: Features = inputs
        .iter()
        .skip(1)
        .fold(inputs.first().map(|i| i.features.clone()).unwrap_or_default(), |all, input| &all & &input.features);
    if features.is_empty() {
        return Err(Refusal::Nothing("the inputs have no feature in common".to_string()));
    }
    let never_listed: Features = map.those(Knowledge::builtin(), |row| !row.listed);
    let (known, nameless) = wide.split(&features);
    let mut preferred: Vec<&str> = Vec::new();
    for model in inputs.iter().filter_map(|i| i.model.as_deref()) {
        if !preferred.contains(&model) {
            preferred.push(model);
        }
    }
    let hints = Hints { vendor, signature: None, preferred: &preferred };
    let decoded = decode(&wide.site, &known, Purpose::Guest, hints)
        .ok_or_else(|| Refusal::Nothing(format!("no CPU model of {} fits", wide.site.origin)))?;

    let is_unmigratable = |id: &FeatureId| map.features.get(*id).is_some_and(|f| !f.migratable);
    let (mut require, mut disable) = (&decoded.require - &never_listed, &decoded.disable - &never_listed);
    let mut unmigratable = Features::new();
    if !options.keep_unmigratable {
        unmigratable = require.iter().copied().filter(is_unmigratable).collect();
        require = &require - &unmigratable;
        // What blocks has to be taken away by name inside a model.
        let inside = &map.those(Knowledge::builtin(), |row| row.blocks_migration) & &decoded.model.features;
        unmigratable.extend(&inside);
        disable.extend(inside);
    }
    // `-cpu MODEL` is QEMU's model: what it has beyond libvirt's would come back, what it lacks would be missing.
    let (beyond, lacks) = qemu_differs(decoded.model.name);
    let (beyond, lacks) = (wide.site.features_named(&beyond), wide.site.features_named(&lacks));
    disable.extend(beyond.difference(&known).filter(|id| !never_listed.contains(id)));
    require.extend(lacks.intersection(&known).filter(|id| !unmigratable.contains(id)));

    let in_map_order = |set: Features| set.into_iter().collect::<Vec<_>>();
    let nameless = &nameless - &never_listed;
    let promised: Features = &(&decoded.model.features - &disable) | &require;
    let lost = |input: &Input| in_map_order(&(&input.features - &promised) - &never_listed);
    let mut notes = Vec::new();
    not_captured(inputs, map, &mut notes);
    upward(inputs, map, &mut notes);
    widths(inputs, &mut notes);
    let limits: Vec<Option<u32>> = inputs.iter().map(|i| i.phys_bits.filter(|_| i.dump.is_none())).collect();
    let common = Common {
        model: decoded.model.name,
        vendor: vendor.filter(|_| inputs.iter().all(|i| i.vendor.is_some())),
        losses: inputs.iter().map(lost).collect(),
        require: in_map_order(require),
        disable: in_map_order(disable),
        nameless: in_map_order(nameless),
        unmigratable: in_map_order(unmigratable),
        notes,
        phys_bits_limit: limits.iter().copied().collect::<Option<Vec<u32>>>().and_then(|l| l.into_iter().min()),
    };
    Ok(common)
}

/// The one vendor of all inputs that have one.
fn common_vendor(inputs: &[Input]) -> Result<Option<Vendor>, Refusal> {
    let mut found: Option<(Vendor, &str)> = None;
    for input in inputs {
        if let (Some(own), Some(model)) = (input.vendor, input.model_vendor)
            && own != model
        {
            let why = format!("{}: a {} CPU with a model of {}'s", input.name, own.name, model.name);
            return Err(Refusal::Nothing(why));
        }
        match (found, input.vendor.or(input.model_vendor)) {
            (None, Some(vendor)) => found = Some((vendor, &input.name)),
            (Some((first, name)), Some(vendor)) if first != vendor => {
                return Err(Refusal::Nothing(format!(
                    "no common CPU: {name} is {}, {} is {}; no guest can move between vendors",
                    first.name, input.name, vendor.name
                )));
            }
            _ => {}
        }
    }
    Ok(found.map(|(vendor, _)| vendor))
}

/// What one input has and another says nothing of: left out, not because it lacks it.
fn not_captured(inputs: &[Input], map: &CpuMap, notes: &mut Vec<String>) {
    for input in inputs {
        let elsewhere: Features = inputs.iter().flat_map(|i| &i.features).copied().collect();
        let left_out: Features = input.not_captured.intersection(&elsewhere).copied().collect();
        if !left_out.is_empty() {
            let in_msr = |id: &FeatureId| matches!(map.features[*id].place, Place::Msr { .. });
            let hint = if left_out.iter().all(in_msr) {
                "capture feature MSRs too (cpuid-probe --msrs, cpuid-probe boot)"
            } else {
                "capture every leaf (cpuid-probe does)"
            };
            let left_out = map.names(&left_out).join(" ");
            notes.push(format!("{} was captured without these, so they are left out: {left_out}; {hint}", input.name));
        }
    }
}

/// Bits that a pool should agree on upwards, or that mean less when set: never added, but a difference is said.
fn upward(inputs: &[Input], map: &CpuMap, notes: &mut Vec<String>) {
    for entry in
        knowledge::entries().iter().filter(|e| e.row.rule == RuleKind::Hazard && e.row.bits.hi == e.row.bits.lo)
    {
        let bit = entry.row.bits.lo;
        let (subject, place) = match entry.place {
            cpuid_probe::Place::Cpuid { block: None, id, register, .. } => {
                let site = Site { owner: Owner::Cpu, leaf: id.leaf, subleaf: id.ecx(), register };
                (Subject::Cpuid(site), Place::bit(id.leaf, id.ecx(), register, bit))
            }
            cpuid_probe::Place::Msr { index, .. } => (Subject::Msr(index), Place::msr(index, bit)),
            _ => continue,
        };
        let named = map.feature_at(place);
        let has = |input: &Input| match (&input.dump, named) {
            (Some(dump), _) => {
                let seen: Vec<Seen> = dump.vcpus.iter().map(|v| VcpuBits::of(v).see(place)).collect();
                if seen.iter().all(|s| s.is_set()) {
                    Some(true)
                } else if seen.iter().any(|s| s.is_clear()) {
                    Some(false)
                } else {
                    None
                }
            }
            (None, Some(id)) => Some(input.features.contains(&id)),
            (None, None) => None,
        };
        let with = |wanted: bool| -> Vec<&str> {
            inputs.iter().filter(|i| has(i) == Some(wanted)).map(|i| i.name.as_str()).collect()
        };
        let (have, lack) = (with(true), with(false));
        if !have.is_empty() && !lack.is_empty() {
            let advice = advice_for(subject, &entry.row, Asked::Explain);
            let name =
                entry.row.name.map_or_else(|| place.prose().to_string(), |name| format!("{name} ({})", place.prose()));
            notes.push(format!(
                "{name} differs: {} {} it, {} {} not; it is left out, as no host can be given what it lacks. {} {}",
                have.join(", "),
                if have.len() == 1 { "has" } else { "have" },
                lack.join(", "),
                if lack.len() == 1 { "does" } else { "do" },
                entry.row.reason.map_or_else(String::new, |reason| format!("{reason}.")),
                advice.consequence
            ));
        }
    }
}

impl Common {
    /// What was done and what it costs, in lines. `qemu` says that the result is a `-cpu` argument, which can name
    /// what the site's libvirt cannot.
    #[must_use]
    pub fn explain(&self, inputs: &[Input], wide: &Wide, qemu: bool) -> Vec<String> {
        let map = &wide.map;
        let names = |ids: &[FeatureId]| {
            let names: Vec<&str> = ids.iter().filter_map(|id| map.features.get(*id)).map(|f| f.name).collect();
            names.join(" ")
        };
        let plural = if inputs.len() == 1 { "" } else { "s" };
        let mut lines = vec![format!(
            "{} with {} features more and {} less is what {} input{plural} can give; checked against each",
            self.model,
            self.require.len(),
            self.disable.len(),
            inputs.len()
        )];
        for (input, losses) in inputs.iter().zip(&self.losses) {
            lines.push(match losses.len() {
                0 => format!("{} loses nothing", input.name),
                n => format!("{} loses {n}: {}", input.name, names(losses)),
            });
        }
        let blocking = map.those(Knowledge::builtin(), |row| row.blocks_migration);
        for id in &self.unmigratable {
            let name = names(&[*id]);
            let why = if blocking.contains(id) {
                "a guest that has it cannot be live-migrated without a pinned TSC frequency (<timer name='tsc' \
                 frequency='…'/>)"
            } else {
                "libvirt calls it unmigratable, and virsh cpu-baseline --migratable leaves it out too; QEMU 7.2 and newer \
                 migrate it"
            };
            lines.push(format!("left out: {name}: {why}; --keep-unmigratable keeps it"));
        }
        for feature in self.nameless.iter().filter_map(|id| map.features.get(*id)) {
            let property = feature.qemu.map_or_else(|| "no QEMU property".to_string(), |p| format!("QEMU: {p}=on"));
            lines.push(if qemu {
                format!("included, though {} does not know it: {} ({property})", wide.site.origin, feature.name)
            } else {
                format!("left out: {}: {} does not know it ({property})", feature.name, wide.site.origin)
            });
        }
        for input in inputs {
            lines.extend(input.notes.iter().map(|note| format!("note: {} {note}", input.name)));
        }
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines
    }
}

/// Different widths of physical addresses.
fn widths(inputs: &[Input], notes: &mut Vec<String>) {
    let widths: Vec<(u32, &str)> = inputs.iter().filter_map(|i| Some((i.phys_bits?, i.name.as_str()))).collect();
    let (Some(least), Some(most)) = (widths.iter().min(), widths.iter().max()) else { return };
    if least.0 != most.0 {
        notes.push(format!(
            "physical addresses have {} bits in {} and {} in {}; pin one width on all: <maxphysaddr mode='emulate' \
             bits='{}'/> (QEMU: phys-bits={})",
            least.0, least.1, most.0, most.1, least.0, least.0
        ));
    }
}

/// Reads the written result like any other definition and holds it against every input.
///
/// # Errors
/// A text that is not understood, or the first input that does not have all that is promised.
pub fn prove(xml: &str, inputs: &[Input], wide: &Wide) -> Result<(), String> {
    let cpus = cpuid_probe::libvirt::read_cpus(xml).map_err(|e| e.to_string())?;
    let [cpu] = &cpus[..] else { return Err(format!("{} CPUs", cpus.len())) };
    let expanded = Expanded::new(cpu, &wide.site).map_err(|e| e.to_string())?;
    if let Some((_, unknown)) = expanded.unknown.first() {
        return Err(unknown.to_string());
    }
    let promised = expanded.features();
    for input in inputs {
        let missing: Features = promised.difference(&input.features).copied().collect();
        if !missing.is_empty() {
            return Err(format!("{} lacks {}", input.name, wide.map.names(&missing).join(" ")));
        }
        if let (Some(promised), Some(own)) = (expanded.vendor, input.vendor)
            && promised != own
        {
            return Err(format!("{} is {}, not {}", input.name, own.name, promised.name));
        }
    }
    Ok(())
}
