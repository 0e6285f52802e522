//! Where a feature was lost: host CPUID → KVM → baseline → guest.

use cpuid_probe::Place;
use cpuid_probe::dump::Dump;
use cpuid_probe::libvirt::cpu::Policy;
use serde::Serialize;

use super::check::described;
use super::expand::Expanded;
use super::map::{CpuMap, Feature, FeatureId};
use super::seen::{Seen, VcpuBits};
use super::source::Source;
use super::template::Template;
use super::wide::Wide;
use crate::compare::notes::accel;
use crate::knowledge::Knowledge;
use crate::knowledge::advice::{Accel, Asked};
use crate::report::Names;

/// The value of `schema`.
pub const SCHEMA: &str = "cpuid-trace/1";

/// A place on the way from the hardware to the guest, in that order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// The host's own CPUID.
    Host,
    /// What its KVM, or KVM and QEMU, offer.
    Kvm,
    /// What the guest was to have.
    Baseline,
    /// What it has.
    Guest,
}

impl Layer {
    /// All, from the hardware to the guest.
    pub const ALL: [Self; 4] = [Self::Host, Self::Kvm, Self::Baseline, Self::Guest];

    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Kvm => "kvm",
            Self::Baseline => "baseline",
            Self::Guest => "guest",
        }
    }
}

/// What one layer says of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Has {
    /// It has it, or promises it.
    Yes,
    /// It has it not.
    No,
    /// It asks for it to be away.
    Disabled,
    /// It leaves it to the host.
    Optional,
    /// Some vCPUs have it.
    Some,
}

impl Has {
    /// Whether the feature is there; `None` where the layer does not decide.
    #[must_use]
    pub const fn is_there(self) -> Option<bool> {
        match self {
            Self::Yes => Some(true),
            Self::No | Self::Disabled | Self::Some => Some(false),
            Self::Optional => None,
        }
    }

    /// The word in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Disabled => "disabled",
            Self::Optional => "optional",
            Self::Some => "some vCPUs",
        }
    }
}

/// What happened to a feature at a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Happened {
    /// The layer before has it, this one has not.
    Dropped,
    /// The layer before has it not, this one has.
    Added,
}

/// One feature on its way.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// As in reports: `0x00000001:edx:21`.
    pub id: String,
    /// `0x` and 8 digits; null for an MSR.
    pub leaf: Option<String>,
    /// `0x` and 8 digits; null where the leaf has none.
    pub subleaf: Option<String>,
    /// `0x` and 8 digits; null for a leaf.
    pub msr: Option<String>,
    /// eax, ebx, ecx or edx.
    pub register: Option<String>,
    /// The bit.
    pub bits: Option<String>,
    /// libvirt's, QEMU's or Linux's name.
    pub name: String,
    /// Its names.
    pub names: Names,
    /// What the host has; null where it is not given or says nothing.
    pub host: Option<Has>,
    /// What KVM offers.
    pub kvm: Option<Has>,
    /// What the baseline promises.
    pub baseline: Option<Has>,
    /// What the guest has.
    pub guest: Option<Has>,
    /// The first layer that dropped or added it.
    pub layer: Option<Layer>,
    /// Which of the two.
    pub change: Option<Happened>,
    /// The whole way, in a sentence.
    pub says: String,
    /// Why, where a promise was not kept.
    pub cause: Option<String>,
    /// What to do about that.
    pub remedy: Option<String>,
}

impl Step {
    /// What a layer says.
    #[must_use]
    pub const fn at(&self, layer: Layer) -> Option<Has> {
        match layer {
            Layer::Host => self.host,
            Layer::Kvm => self.kvm,
            Layer::Baseline => self.baseline,
            Layer::Guest => self.guest,
        }
    }

    /// It was promised, and did not arrive or cannot.
    #[must_use]
    pub fn is_broken_promise(&self) -> bool {
        let lacks = |layer| self.at(layer).and_then(Has::is_there) == Some(false);
        let promised = self.baseline == Some(Has::Yes);
        promised && (lacks(Layer::Guest) || (self.guest.is_none() && (lacks(Layer::Kvm) || lacks(Layer::Host))))
    }
}

/// A layer that was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Given {
    /// Which.
    pub layer: Layer,
    /// The file's name.
    pub name: String,
}

/// The ways of all features.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trace {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The layers given, from the hardware to the guest.
    pub layers: Vec<Given>,
    /// Features that some layer has and that layers disagree on, by place; with `all`, those they agree on too.
    pub features: Vec<Step>,
    /// How many features all layers agree on.
    pub agreed: usize,
    /// How many features nobody knows this of: a dump of one layer does not hold the place, and the others agree.
    pub not_captured: usize,
}

impl Trace {
    /// Every feature is known to be the same in all layers.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.agreed > 0 && self.not_captured == 0 && self.features.iter().all(|step| step.layer.is_none())
    }
}

/// A layer's own way to answer.
enum View<'a> {
    Cpu(Box<Expanded<'a>>),
    Dump(Vec<VcpuBits<'a>>),
    Template(&'a Template),
}

impl<'a> View<'a> {
    fn new(layer: Layer, source: &'a Source, wide: &'a Wide) -> Result<Self, String> {
        match source {
            Source::Dump(dump) => Ok(Self::of_dump(dump)),
            Source::Cpus(cpus) => match &cpus[..] {
                [cpu] => {
                    let expanded = Expanded::new(cpu, &wide.map).map_err(|unknown| {
                        format!(
                            "{}: {unknown}; give the CPU map of the libvirt that knows it with --cpu-map",
                            cpu.model_at
                        )
                    })?;
                    Ok(Self::Cpu(Box::new(expanded)))
                }
                _ => Err(format!("{} CPUs, expected one", cpus.len())),
            },
            Source::Template(template) if layer == Layer::Baseline => Ok(Self::Template(template)),
            Source::Template(_) => Err(format!(
                "a CPU template says what a guest is to have, which is the baseline; expected a dump for {}",
                layer.word()
            )),
        }
    }

    fn of_dump(dump: &'a Dump) -> Self {
        Self::Dump(dump.vcpus.iter().map(VcpuBits::of).collect())
    }

    /// `id` is nothing for a feature that libvirt has no name for.
    fn has(&self, id: Option<FeatureId>, place: Place) -> Option<Has> {
        match self {
            Self::Cpu(expanded) => match expanded.promise(id?) {
                Some(promise) => Some(match promise.policy {
                    Policy::Force | Policy::Require => Has::Yes,
                    Policy::Disable | Policy::Forbid => Has::Disabled,
                    Policy::Optional => Has::Optional,
                }),
                None => expanded.bounded.then_some(Has::No),
            },
            // What a template does not give stays as the host has it.
            Self::Template(template) => Some(match template.gives(place) {
                Some(true) => Has::Yes,
                Some(false) => Has::Disabled,
                None => Has::Optional,
            }),
            Self::Dump(vcpus) => {
                let seen: Vec<Seen> = vcpus.iter().map(|v| v.see(place)).collect();
                if seen.is_empty() || seen.iter().any(|s| matches!(s, Seen::NotCaptured(_))) {
                    return None;
                }
                Some(match (seen.iter().any(|s| s.is_set()), seen.iter().all(|s| s.is_set())) {
                    (_, true) => Has::Yes,
                    (true, false) => Has::Some,
                    (false, false) => Has::No,
                })
            }
        }
    }
}

/// Follows every feature through the layers given: at least two, in any order. `all` keeps those that all agree on.
///
/// # Errors
/// A layer that is neither a dump nor a template nor a single CPU, or whose model the maps do not know: its name and why.
pub fn trace(given: &[(Given, &Source)], wide: &Wide, all: bool) -> Result<Trace, (String, String)> {
    let mut views: Vec<(Layer, View<'_>)> = Vec::new();
    for (layer, source) in given {
        let view = View::new(layer.layer, source, wide).map_err(|why| (layer.name.clone(), why))?;
        views.push((layer.layer, view));
    }
    views.sort_by_key(|(layer, _)| *layer);
    let mut layers: Vec<Given> = given.iter().map(|(layer, _)| layer.clone()).collect();
    layers.sort_by_key(|given| given.layer);

    let guest = given.iter().find_map(|(layer, source)| match (layer.layer, source) {
        (Layer::Guest, Source::Dump(dump)) => Some(dump.as_ref()),
        _ => None,
    });
    let accel = accel(guest.as_slice());
    let never_judged = wide.map.those(Knowledge::builtin(), |row| !row.judged);
    let named = wide.map.features.iter().enumerate().map(|(id, f)| (Some(id), f.clone()));
    let (mut features, mut agreed, mut not_captured) = (Vec::new(), 0, 0);
    for (id, feature) in named.chain(nameless(&wide.map).into_iter().map(|f| (None, f))) {
        let mirror = id.is_some_and(|id| never_judged.contains(&id));
        let (mut says, mut unknown) = (Vec::new(), false);
        for (layer, view) in &views {
            match view.has(id, feature.place) {
                Some(has) => says.push((*layer, has)),
                None => unknown |= matches!(view, View::Dump(_)),
            }
        }
        let there = says.iter().any(|(_, has)| matches!(has, Has::Yes | Has::Some));
        if !there {
            continue;
        }
        let mut step = step(&feature, id.is_some(), &says, accel);
        if mirror {
            // The guest's system sets it; no layer has a part in it.
            (step.layer, step.change) = (None, None);
        }
        if step.layer.is_none() {
            *(if unknown { &mut not_captured } else { &mut agreed }) += 1;
        }
        if all || step.layer.is_some() {
            features.push(step);
        }
    }
    // Registers are written in their order; MSRs come after leaves.
    features.sort_by_cached_key(|s: &Step| {
        let bit: u8 = s.bits.as_deref().and_then(|b| b.parse().ok()).unwrap_or_default();
        (s.leaf.is_none(), s.leaf.clone(), s.subleaf.clone(), s.msr.clone(), s.register.clone(), bit)
    });
    Ok(Trace { schema: SCHEMA, layers, features, agreed, not_captured })
}

/// Features that Linux or QEMU has a name for and libvirt's maps do not.
fn nameless(map: &CpuMap) -> Vec<Feature> {
    let known: std::collections::BTreeSet<Place> = map.features.iter().map(|f| f.place).collect();
    let features = Knowledge::builtin().features().filter_map(|(place, row)| {
        place.leaf()?;
        let feature = Feature { name: row.name?, place, migratable: true, qemu: row.names.qemu, also: Vec::new() };
        (!known.contains(&place)).then_some(feature)
    });
    features.collect()
}

fn step(feature: &Feature, named: bool, says: &[(Layer, Has)], accel: Accel) -> Step {
    let (_, finding) = described(feature, Asked::Missing, accel);
    let deciding: Vec<(Layer, bool)> = says.iter().filter_map(|(layer, has)| Some((*layer, has.is_there()?))).collect();
    let change = deciding.windows(2).find(|w| w[0].1 != w[1].1).map(|w| {
        let happened = if w[1].1 { Happened::Added } else { Happened::Dropped };
        (w[1].0, happened)
    });
    let at = |layer| says.iter().find(|(l, _)| *l == layer).map(|(_, has)| *has);
    let mut names = finding.names;
    if !named {
        names.libvirt = None;
    }
    let mut step = Step {
        id: finding.id,
        leaf: finding.leaf,
        subleaf: finding.subleaf,
        msr: finding.msr,
        register: finding.register,
        bits: finding.bits,
        name: feature.name.to_string(),
        names,
        host: at(Layer::Host),
        kvm: at(Layer::Kvm),
        baseline: at(Layer::Baseline),
        guest: at(Layer::Guest),
        layer: change.map(|(layer, _)| layer),
        change: change.map(|(_, happened)| happened),
        says: sentence(says),
        cause: None,
        remedy: None,
    };
    if step.is_broken_promise() {
        step.cause = finding.cause;
        step.remedy = finding.remedy;
    }
    step
}

/// `hardware has it, KVM does not offer it, the baseline promised it anyway`.
fn sentence(says: &[(Layer, Has)]) -> String {
    let mut before: Option<bool> = None;
    let mut parts = Vec::new();
    for (layer, has) in says {
        let there = has.is_there();
        // Against what the layer before says.
        let against = before.is_some() && there.is_some() && before != there;
        parts.push(match (layer, has) {
            (Layer::Host, Has::Yes) => "hardware has it",
            (Layer::Host, Has::Some) => "some of the host's CPUs have it",
            (Layer::Host, _) => "hardware does not have it",
            (Layer::Kvm, Has::Yes) if against => "KVM offers it all the same",
            (Layer::Kvm, Has::Yes | Has::Optional) => "KVM offers it",
            (Layer::Kvm, Has::Some) => "KVM offers it on some vCPUs",
            (Layer::Kvm, _) => "KVM does not offer it",
            (Layer::Baseline, Has::Yes) if against => "the baseline promised it anyway",
            (Layer::Baseline, Has::Yes) => "the baseline promised it",
            (Layer::Baseline, Has::Optional) => "the baseline leaves it to the host",
            (Layer::Baseline, Has::Disabled) => "the baseline takes it away",
            (Layer::Baseline, Has::No) => "the baseline does not ask for it",
            (Layer::Baseline, Has::Some) => "the baseline has it on some vCPUs",
            (Layer::Guest, Has::Yes) if against => "the guest has it all the same",
            (Layer::Guest, Has::Yes | Has::Optional) => "the guest has it",
            (Layer::Guest, Has::Some) => "the guest has it on some vCPUs",
            (Layer::Guest, _) => "the guest does not have it",
        });
        before = there.or(before);
    }
    parts.join(", ")
}
