//! The CPU that several hosts or guests have in common.
//!
//! Only what all have: QEMU and KVM cannot make up what a host lacks. The model is chosen, and the features are listed,
//! as libvirt does (`virsh cpu-baseline`), so that the result is the one libvirt would give wherever libvirt's own is
//! sound; docs/baselines.md lists where it differs and why.
//!
//! # Source
//! libvirt 9.0.0 src/cpu/cpu_x86.c (`virCPUx86Baseline`), src/cpu/cpu.c (`virCPUBaseline`).

pub mod decode;
pub mod definition;

use std::collections::BTreeMap;
use std::fmt;

use cpuid_probe::dump::Dump;
use cpuid_probe::libvirt::cpu::{Cpu, Form, MaxPhysAddr, Mode, PhysAddrMode};
use cpuid_probe::{Place, Register};

use crate::check::cpu::host_note;
use crate::cpu_map::wide::Wide;
use crate::cpu_map::{CpuMap, FeatureId, Features, Vendor, qemu_differs};
use crate::knowledge::advice::Asked;
use crate::knowledge::{Knowledge, Row, RuleKind};
use crate::list;
use crate::view::dump::PHYS_BITS;
use crate::view::join::{Difference, join};
use crate::view::promise::{Expanded, unknown_at};
use crate::view::{DumpView, Seen, VcpuView};

use decode::{Hints, Purpose, decode};

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
    /// The width of physical addresses, where it says one.
    pub width: Option<Width>,
    /// Registers, for what libvirt has no name for.
    dump: Option<Dump>,
    /// Sentences about it.
    pub notes: Vec<String>,
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

    fn of(asked: &MaxPhysAddr) -> Option<Self> {
        match (asked.mode, asked.bits, asked.limit) {
            (PhysAddrMode::Emulate, Some(bits), _) => Some(Self::Exactly(bits)),
            (PhysAddrMode::Passthrough, _, Some(limit)) => Some(Self::Limit(limit)),
            _ => None,
        }
    }
}

/// A place in which inputs differ, and what becomes of it.
#[derive(Clone, Copy, Debug)]
pub struct Differing {
    /// The place.
    pub place: Place,
    /// What is known of it.
    pub row: Row,
    /// What becomes of it.
    pub settled: Settled,
}

/// What becomes of a place in which inputs differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The result leaves it out, or takes it away.
    LeftOut,
    /// The result pins one number.
    Pinned,
    /// The guest's model, topology or state decides, not the host.
    ByTheGuest,
    /// No definition settles it.
    No,
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
        let expanded = Expanded::new(cpu, &wide.map).map_err(|unknown| refuse(unknown_at(cpu.model_at, &unknown)))?;
        let Some(model) = expanded.model else { return Err(refuse("it names no CPU model".to_string())) };
        if let Some((listed, unknown)) = expanded.unknown.first() {
            return Err(refuse(unknown_at(listed.at, unknown)));
        }
        let notes = host_note(cpu).map(str::to_string).into_iter().collect();
        Ok(Self {
            features: expanded.features(),
            not_captured: Features::new(),
            vendor: expanded.vendor,
            model_vendor: model.vendor,
            model: cpu.model.clone(),
            width: cpu.max_phys_addr.as_ref().and_then(Width::of),
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
        let view = DumpView::of(dump);
        let first = dump.vcpus.first().ok_or_else(|| Refusal::Input(format!("{name}: holds no vCPU")))?;
        for leaf in [0, 1, 0x8000_0001] {
            let place = Place::bit(leaf, 0, Register::Edx, 0);
            if view.vcpus.iter().any(|v| matches!(v.see(place), Seen::NotCaptured(_))) {
                return Err(Refusal::Input(format!(
                    "{name}: is an excerpt without leaf {leaf:#010x}, expected a whole dump"
                )));
            }
        }
        let which = |v: &VcpuView<'_>, is: fn(Seen) -> bool| -> Features {
            wide.map.features.iter().enumerate().filter(|(_, f)| is(v.feature(f.place))).map(|(id, _)| id).collect()
        };
        let mut features = which(&view.vcpus[0], Seen::is_set);
        for v in &view.vcpus[1..] {
            features = &features & &which(v, Seen::is_set);
        }
        let unread = |v| which(v, |seen| matches!(seen, Seen::NotCaptured(_)));
        let mut notes = Vec::new();
        if crate::judge::notes::is_tcg(dump) {
            notes.push("was made under TCG emulation: it shows what QEMU emulates, not what a host gives".to_string());
        }
        let text = first.vendor();
        Ok(Self {
            features,
            not_captured: view.vcpus.iter().flat_map(unread).collect(),
            vendor: wide.map.vendors.iter().copied().find(|v| Some(v.text) == text),
            model_vendor: None,
            model: None,
            width: view
                .vcpus
                .iter()
                .filter_map(|v| u32::try_from(v.phys_bits().number().filter(|bits| *bits > 0)?).ok())
                .min()
                .map(Width::Read),
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
    /// The width of physical addresses to ask for, where the inputs state or differ in one: the smallest.
    pub width: Option<Width>,
    /// Every place in which inputs differ, in order.
    pub differing: Vec<Differing>,
}

/// The common CPU of `inputs`.
///
/// # Errors
/// The vendors differ, or nothing is common.
pub fn common(inputs: &[Input], wide: &Wide, knowledge: &Knowledge, options: Options) -> Result<Common, Refusal> {
    let map = &wide.map;
    let vendor = common_vendor(inputs)?;
    let features: Features = inputs
        .iter()
        .skip(1)
        .fold(inputs.first().map(|i| i.features.clone()).unwrap_or_default(), |all, input| &all & &input.features);
    if features.is_empty() {
        return Err(Refusal::Nothing("the inputs have no feature in common".to_string()));
    }
    let never_listed: Features = map.those(knowledge, |row| !row.listed);
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
        // What blocks migration inside a model has to be taken away by name.
        let inside = &map.those(knowledge, |row| row.blocks_migration) & &decoded.model.features;
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
    let views: Vec<Option<DumpView<'_>>> = inputs.iter().map(|i| i.dump.as_ref().map(DumpView::of)).collect();
    upward(inputs, &views, map, knowledge, &mut notes);
    let width = width(inputs, &mut notes);
    let differing = differing(inputs, &views, map, knowledge, width.is_some());
    let common = Common {
        model: decoded.model.name,
        vendor: vendor.filter(|_| inputs.iter().all(|i| i.vendor.is_some())),
        losses: inputs.iter().map(lost).collect(),
        require: in_map_order(require),
        disable: in_map_order(disable),
        nameless: in_map_order(nameless),
        unmigratable: in_map_order(unmigratable),
        notes,
        width,
        differing,
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
fn upward(
    inputs: &[Input],
    views: &[Option<DumpView<'_>>],
    map: &CpuMap,
    knowledge: &Knowledge,
    notes: &mut Vec<String>,
) {
    for (place, row) in knowledge.features().filter(|(_, row)| row.rule == RuleKind::Hazard) {
        let named = map.feature_at(place);
        let has = |(input, view): (&Input, &Option<DumpView<'_>>)| match (view, named) {
            (Some(view), _) => {
                let seen: Vec<Seen> = view.vcpus.iter().map(|v| v.see(place)).collect();
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
            let inputs = inputs.iter().zip(views).filter(|i| has(*i) == Some(wanted));
            inputs.map(|(input, _)| input.name.as_str()).collect()
        };
        let (have, lack) = (with(true), with(false));
        if !have.is_empty() && !lack.is_empty() {
            let advice = knowledge.advice(place, &row, Asked::Explain);
            let name = row.name.map_or_else(|| place.prose().to_string(), |name| format!("{name} ({})", place.prose()));
            notes.push(format!(
                "{name} differs: {} {} it, {} {} not; it is left out, as no host can be given what it lacks. {} {}",
                have.join(", "),
                if have.len() == 1 { "has" } else { "have" },
                lack.join(", "),
                if lack.len() == 1 { "does" } else { "do" },
                row.reason.map_or_else(String::new, |reason| format!("{reason}.")),
                advice.consequence
            ));
        }
    }
}

/// The width to ask for: the smallest, where definitions state one or inputs differ in it.
fn width(inputs: &[Input], notes: &mut Vec<String>) -> Option<Width> {
    let known: Vec<(Width, &str)> = inputs.iter().filter_map(|i| Some((i.width?, i.name.as_str()))).collect();
    let least = known.iter().min_by_key(|(width, _)| width.bits())?;
    let most = known.iter().max_by_key(|(width, _)| width.bits())?;
    let bits = least.0.bits();
    if bits != most.0.bits() {
        notes.push(format!(
            "physical addresses have {bits} bits in {} and {} in {}; the result has {bits}",
            least.1,
            most.0.bits(),
            most.1
        ));
    }
    let silent: Vec<&str> = inputs.iter().filter(|i| i.width.is_none()).map(|i| i.name.as_str()).collect();
    let stated = known.iter().any(|(width, _)| matches!(width, Width::Exactly(_))) || bits != most.0.bits();
    if stated && !silent.is_empty() {
        notes.push(format!("{} says nothing of the width of physical addresses", silent.join(", ")));
    }
    if known.iter().all(|(width, _)| matches!(width, Width::Limit(_))) {
        return silent.is_empty().then_some(Width::Limit(bits));
    }
    stated.then_some(Width::Exactly(bits))
}

/// Every place in which an input differs from the first, and what becomes of it.
fn differing(
    inputs: &[Input],
    views: &[Option<DumpView<'_>>],
    map: &CpuMap,
    knowledge: &Knowledge,
    pinned: bool,
) -> Vec<Differing> {
    let Some((first, others)) = inputs.split_first() else { return Vec::new() };
    let mut found: BTreeMap<Place, Row> = BTreeMap::new();
    for (i, other) in others.iter().enumerate() {
        if let (Some(a), Some(b)) = (&views[0], &views[i + 1]) {
            for (_, difference) in join(a, b, knowledge).differences {
                if let Difference::Row(d) = difference {
                    found.insert(d.place, d.row);
                }
            }
        } else {
            let unknown = &first.not_captured | &other.not_captured;
            let differ = first.features.symmetric_difference(&other.features).filter(|id| !unknown.contains(id));
            let places = differ.filter_map(|id| map.features.get(*id)).map(|f| f.place);
            let widths = first.width.zip(other.width).is_some_and(|(a, b)| a.bits() != b.bits());
            for place in places.chain(widths.then_some(PHYS_BITS)) {
                found.insert(place, knowledge.row(place));
            }
        }
    }
    let settled = |place: Place, row: &Row| match row.rule {
        _ if place == PHYS_BITS && pinned => Settled::Pinned,
        _ if map.feature_at(place).is_some() => Settled::LeftOut,
        RuleKind::Identity
        | RuleKind::Topology
        | RuleKind::PerVcpu
        | RuleKind::OsControlled
        | RuleKind::Informational => Settled::ByTheGuest,
        _ => Settled::No,
    };
    found.into_iter().map(|(place, row)| Differing { place, row, settled: settled(place, &row) }).collect()
}

impl Common {
    /// What was done and what it costs, in lines. `qemu` says that the result is a `-cpu` argument, which can name
    /// what the site's libvirt cannot.
    #[must_use]
    pub fn explain(&self, inputs: &[Input], wide: &Wide, knowledge: &Knowledge, qemu: bool) -> Vec<String> {
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
        for id in &self.unmigratable {
            let name = names(&[*id]);
            let blocks = map.features.get(*id).is_some_and(|f| knowledge.row(f.place).blocks_migration);
            let why = if blocks {
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
        for (settled, what) in [
            (Settled::ByTheGuest, "the guest's model, topology or state decides"),
            (Settled::No, "no definition settles"),
        ] {
            let places = self.differing.iter().filter(|d| d.settled == settled);
            let names: Vec<String> =
                places.map(|d| d.row.name.map_or_else(|| d.place.to_string(), str::to_string)).collect();
            match names.len() {
                0 => {}
                1 => lines.push(format!("note: the inputs also differ in 1 place that {what}: {}", names[0])),
                n => lines.push(format!(
                    "note: the inputs also differ in {n} places that {what}: {}",
                    list::first(&names, 8)
                )),
            }
        }
        for input in inputs {
            lines.extend(input.notes.iter().map(|note| format!("note: {} {note}", input.name)));
        }
        lines.extend(self.notes.iter().map(|note| format!("note: {note}")));
        lines
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
        let promised = cpu.max_phys_addr.as_ref().and_then(Width::of);
        if let (Some(promised), Some(own)) = (promised, input.width)
            && promised.bits() > own.bits()
        {
            return Err(format!(
                "{} has {} bits of physical addresses, not {}",
                input.name,
                own.bits(),
                promised.bits()
            ));
        }
        if let (Some(promised), Some(own)) = (expanded.vendor, input.vendor)
            && promised != own
        {
            return Err(format!("{} is {}, not {}", input.name, own.name, promised.name));
        }
    }
    Ok(())
}
