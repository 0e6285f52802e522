//! Where a place changes on its way: host CPUID → KVM → baseline → guest, and whether the guest fits.

use std::collections::{BTreeMap, BTreeSet};

use cpuid_probe::Place;
use cpuid_probe::dump::{self, Dump};
use cpuid_probe::libvirt::cpu::{Cpu, Form, PhysAddrMode, Policy};

use crate::check::cpu::described;
use crate::check::offer::{self, Names};
use crate::check::{Baseline, UNREAD};
use crate::cpu_map::wide::Wide;
use crate::cpu_map::{CpuMap, FeatureId};
use crate::finding::{Finding, Text};
use crate::judge::Context;
use crate::judge::rule::Directions;
use crate::judge::verdict;
use crate::knowledge::advice::Asked;
use crate::knowledge::{Knowledge, Row, RuleKind};
use crate::report::BaselineResult;
use crate::view::clock::Clocks;
use crate::view::dump::PHYS_BITS;
use crate::view::join::{Difference, join};
use crate::view::promise::{Expanded, unknown_at};
use crate::view::source::Source;
use crate::view::template::Template;
use crate::view::{DumpView, Role, Seen};

/// A place on the way from the hardware to the guest, in that order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

    /// Where an input of this role stands.
    #[must_use]
    pub const fn of(role: Role) -> Option<Self> {
        match role {
            Role::Hardware => Some(Self::Host),
            Role::Offer => Some(Self::Kvm),
            Role::Promise => Some(Self::Baseline),
            Role::Guest => Some(Self::Guest),
            Role::Unknown => None,
        }
    }

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

/// What one layer says of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// Its bits, the same on every vCPU.
    Value(u64),
    /// The vCPUs do not agree.
    Mixed,
    /// A guest is to have the feature, or not to have it.
    Wants(bool),
    /// A guest may have the feature: the host decides.
    Optional,
    /// A model whose every feature is known does not have it.
    NotAsked,
    /// A guest is to have this number.
    Exactly(u64),
    /// A guest can have up to this number.
    AtMost(u64),
    /// Nobody read it.
    Unknown,
}

impl Says {
    /// The number that the layer decides on; `None` where it decides nothing.
    #[must_use]
    pub fn number(self, one_bit: bool) -> Option<u64> {
        match self {
            Self::Value(n) | Self::Exactly(n) | Self::AtMost(n) => Some(n),
            Self::Wants(wanted) => Some(wanted.into()),
            Self::NotAsked => Some(0),
            // A feature that some vCPUs lack is none.
            Self::Mixed if one_bit => Some(0),
            Self::Mixed | Self::Optional | Self::Unknown => None,
        }
    }

    /// Whether the feature, or a number above zero, is there.
    #[must_use]
    pub const fn is_there(self) -> bool {
        matches!(self, Self::Value(1..) | Self::Wants(true) | Self::Exactly(1..) | Self::AtMost(1..) | Self::Mixed)
    }

    /// The word in tables.
    #[must_use]
    pub fn word(self, one_bit: bool) -> String {
        match self {
            Self::Value(0) | Self::NotAsked if one_bit => "no".to_string(),
            Self::Value(_) | Self::Wants(true) if one_bit => "yes".to_string(),
            Self::Value(n) | Self::Exactly(n) => format!("{n:#x}"),
            Self::AtMost(n) => format!("up to {n:#x}"),
            Self::Wants(true) => "yes".to_string(),
            Self::Wants(false) => "disabled".to_string(),
            Self::NotAsked => "-".to_string(),
            Self::Optional => "optional".to_string(),
            Self::Mixed if one_bit => "some vCPUs".to_string(),
            Self::Mixed => "differs by vCPU".to_string(),
            Self::Unknown => "?".to_string(),
        }
    }
}

/// What happened to a place at a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The layer before has it, or more of it; this one has not.
    Dropped,
    /// The layer before has it not, or less of it; this one has.
    Added,
    /// It is another value.
    Changed,
}

impl Happened {
    /// The word in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Added => "added",
            Self::Changed => "changed",
        }
    }
}

/// Whether what a layer was to have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It did, or nothing was asked for.
    Fits,
    /// Nobody knows.
    Unknown,
    /// It did not.
    DoesNotFit,
}

impl Fit {
    /// The word in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::Unknown => "unknown",
            Self::DoesNotFit => "does-not-fit",
        }
    }
}

/// One place on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The place.
    pub place: Place,
    /// libvirt's, QEMU's or Linux's name, else the field's.
    pub name: Option<Text>,
    /// Its names.
    pub names: crate::knowledge::Names,
    /// What the place is.
    pub meaning: Option<Text>,
    /// What each layer given says, from the hardware to the guest.
    pub says: Vec<(Layer, Says)>,
    /// The first layer at which it changes, and how.
    pub change: Option<(Layer, Happened)>,
    /// Dumps of two layers differ in it.
    pub differs: bool,
    /// Whether the guest, or the offer, has what it is to have.
    pub fit: Fit,
    /// Why it does not fit.
    pub cause: Option<Text>,
    /// What to do about that.
    pub remedy: Option<Text>,
}

impl Step {
    /// What a layer says; `None` where it is not given or has no part in the place.
    #[must_use]
    pub fn at(&self, layer: Layer) -> Option<Says> {
        self.says.iter().find(|(l, _)| *l == layer).map(|(_, says)| *says)
    }

    /// Whether it is one bit.
    #[must_use]
    pub fn is_one_bit(&self) -> bool {
        self.place.bits().is_some_and(|bits| bits.is_one())
    }

    /// It was promised, and did not arrive or cannot.
    #[must_use]
    pub fn is_broken_promise(&self) -> bool {
        let promised = self.at(Layer::Baseline).is_some_and(|says| says.is_there());
        promised && self.fit == Fit::DoesNotFit
    }

    /// The whole way, in a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        if self.is_one_bit() { sentence(&self.says) } else { numbers(&self.says) }
    }
}

/// A layer that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Which.
    pub layer: Layer,
    /// The file's name.
    pub name: String,
}

/// The ways of all places.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The layers given, from the hardware to the guest.
    pub layers: Vec<Given>,
    /// Places that layers disagree on, in their order; with `all`, also features that they agree on, and what differs by
    /// vCPU or mirrors the guest's state.
    pub steps: Vec<Step>,
    /// How many places change.
    pub changed: usize,
    /// How many features all layers agree on.
    pub agreed: usize,
    /// How many features a layer does not hold, while the others agree.
    pub not_captured: usize,
    /// How many features are left to the host: guests of one definition may differ in them.
    pub optional: usize,
    /// Whether the last layer has what it is to have.
    pub fit: Fit,
    /// What `check` says of the baseline's promises beside the places above, in sentences.
    pub reasons: Vec<String>,
}

/// A layer's own way to answer.
enum View<'a> {
    Cpu {
        cpu: &'a Cpu,
        expanded: Box<Expanded<'a>>,
    },
    /// What a host offers, as names.
    Names(Box<Names<'a>>),
    Dump(DumpView<'a>),
    Template(&'a Template),
}

impl<'a> View<'a> {
    /// Whether it shows every place.
    fn is_whole(&self) -> bool {
        matches!(self, Self::Dump(view) if view.is_complete())
    }

    fn new(layer: Layer, source: &'a Source, map: &'a CpuMap, knowledge: &'a Knowledge) -> Result<Self, String> {
        let promise = |what: &str| {
            let layer = layer.word();
            Err(format!("{what} says what a guest is to have, which is the baseline; expected a dump for {layer}"))
        };
        let of_host = matches!(layer, Layer::Host | Layer::Kvm);
        match source {
            Source::Dump(dump) => match DumpView::of(dump) {
                view if of_host && Role::of(&view) == Role::Promise => promise("a model's expansion"),
                view => Ok(Self::Dump(view)),
            },
            Source::Cpus(cpus) => match &cpus[..] {
                [cpu] if layer == Layer::Kvm && cpu.form != Form::Guest => {
                    let names =
                        Names::new(cpu, map, knowledge).map_err(|unknown| unknown_at(cpu.model_at, &unknown))?;
                    Ok(Self::Names(Box::new(names)))
                }
                [cpu] if of_host && cpu.form == Form::Guest => promise("a definition"),
                [cpu] => {
                    let expanded = Expanded::new(cpu, map).map_err(|unknown| unknown_at(cpu.model_at, &unknown))?;
                    Ok(Self::Cpu { cpu, expanded: Box::new(expanded) })
                }
                _ => Err(format!("{} CPUs, expected one", cpus.len())),
            },
            Source::Template(template) if layer == Layer::Baseline => Ok(Self::Template(template)),
            Source::Template(_) => promise("a CPU template"),
        }
    }

    const fn dump(&self) -> Option<&DumpView<'a>> {
        match self {
            Self::Dump(view) => Some(view),
            _ => None,
        }
    }

    /// What it says of a place; `None` where it has no part in it. `id` is the feature's number, if libvirt names it.
    fn says(&self, id: Option<FeatureId>, place: Place, layer: Layer, knowledge: &Knowledge) -> Option<Says> {
        match self {
            Self::Cpu { cpu, .. } if place == PHYS_BITS => phys_bits(cpu, layer),
            Self::Names(names) if place == PHYS_BITS => phys_bits(names.cpu, layer),
            Self::Names(names) => Some(match names.feature(id?) {
                Seen::NotCaptured(_) => Says::Unknown,
                seen => Says::Value(seen.is_set().into()),
            }),
            Self::Cpu { expanded, .. } => match expanded.promise(id?) {
                Some(promise) => Some(match promise.policy {
                    Policy::Force | Policy::Require => Says::Wants(true),
                    Policy::Disable | Policy::Forbid => Says::Wants(false),
                    Policy::Optional => Says::Optional,
                }),
                None => expanded.model.is_some().then_some(Says::NotAsked),
            },
            // What a template does not give stays as the host has it.
            Self::Template(template) => Some(template.gives(place).map_or(Says::Optional, Says::Wants)),
            Self::Dump(view) => {
                let read = |v: &crate::view::VcpuView<'_>| if id.is_some() { v.feature(place) } else { v.see(place) };
                let seen: Vec<Seen> = match layer {
                    Layer::Kvm if id.is_some() => {
                        let row = knowledge.row(place);
                        let offers = |v| offer::of_dump(view.dump, v, Role::Offer, place, &row);
                        view.vcpus.iter().map(offers).collect()
                    }
                    _ => view.vcpus.iter().map(read).collect(),
                };
                let numbers: Option<BTreeSet<u64>> = seen.iter().map(|s| s.number()).collect();
                Some(match numbers {
                    None => Says::Unknown,
                    Some(numbers) if numbers.is_empty() => Says::Unknown,
                    Some(numbers) if numbers.len() > 1 => Says::Mixed,
                    Some(numbers) => Says::Value(numbers.first().copied().unwrap_or_default()),
                })
            }
        }
    }
}

/// The width of physical addresses that a CPU states.
fn phys_bits(cpu: &Cpu, layer: Layer) -> Option<Says> {
    let asked = cpu.max_phys_addr?;
    match (asked.mode, asked.emulated(), asked.limit) {
        (PhysAddrMode::Emulate, Some(bits), _) if layer == Layer::Baseline && cpu.form == Form::Guest => {
            Some(Says::Exactly(bits.into()))
        }
        (PhysAddrMode::Emulate, Some(bits), _) => Some(Says::AtMost(bits.into())),
        (PhysAddrMode::Passthrough, _, Some(limit)) => Some(Says::AtMost(limit.into())),
        _ => None,
    }
}

/// Follows every place through the layers given: at least two, in any order. `all` keeps those that all agree on.
///
/// # Errors
/// A layer that is neither a dump nor a template nor a single CPU, or whose model the maps do not know: its name and why.
pub fn trace(
    given: &[(Given, &Source)],
    wide: &Wide,
    knowledge: &Knowledge,
    all: bool,
) -> Result<Trace, (String, String)> {
    let mut views: Vec<(Layer, View<'_>)> = Vec::new();
    for (layer, source) in given {
        let view = View::new(layer.layer, source, &wide.map, knowledge).map_err(|why| (layer.name.clone(), why))?;
        views.push((layer.layer, view));
    }
    views.sort_by_key(|(layer, _)| *layer);
    let mut layers: Vec<Given> = given.iter().map(|(layer, _)| layer.clone()).collect();
    layers.sort_by_key(|given| given.layer);

    let dumps: Vec<&DumpView<'_>> = views.iter().filter_map(|(_, view)| view.dump()).collect();
    let of_layer = |wanted| views.iter().find(|(layer, _)| *layer == wanted).and_then(|(_, view)| view.dump());
    let guest: Vec<_> = of_layer(Layer::Guest).into_iter().collect();
    let context = Context::new(knowledge, Directions::AToB, &guest);
    let named: BTreeMap<Place, FeatureId> =
        wide.map.features.iter().enumerate().rev().map(|(id, f)| (f.place, id)).collect();

    let mut places: BTreeMap<Place, Differs> = BTreeMap::new();
    for place in named.keys().copied().chain(knowledge.features().map(|(place, _)| place)) {
        places.insert(place, Differs::default());
    }
    places.insert(PHYS_BITS, Differs::default());
    for pair in dumps.windows(2) {
        for (_, difference) in join(pair[0], pair[1], knowledge).differences {
            if let Difference::Row(d) = difference {
                let differs = places.entry(d.place).or_default();
                differs.closed = d.harmless.is_some() && (differs.closed || !differs.any);
                differs.any = true;
            }
        }
    }

    let mut trace = Trace {
        layers,
        steps: Vec::new(),
        changed: 0,
        agreed: 0,
        not_captured: 0,
        optional: 0,
        fit: Fit::Fits,
        reasons: Vec::new(),
    };
    // A golden dump promises every register: what `check` finds broken is marked where it is.
    let has_baseline = views.iter().any(|(layer, _)| *layer == Layer::Baseline);
    let golden = of_layer(Layer::Baseline).is_some() && of_layer(Layer::Guest).is_some();
    let promised = match (has_baseline, golden) {
        (_, true) => Promised::Everything,
        (true, false) => Promised::Some,
        (false, false) => Promised::Nothing,
    };
    let held = held(given, &views, wide, knowledge)?;
    for (place, _) in held.iter().filter(|_| golden).flat_map(|held| &held.broken) {
        if let Some(place) = place {
            let differs = places.entry(*place).or_default();
            (differs.any, differs.broken) = (true, true);
        }
    }
    for (place, differs) in places {
        let id = named.get(&place).copied();
        let says: Vec<(Layer, Says)> =
            views.iter().filter_map(|(layer, view)| Some((*layer, view.says(id, place, *layer, knowledge)?))).collect();
        // Also one that these layers lack: another host may have it.
        trace.optional += usize::from(id.is_some() && says.contains(&(Layer::Baseline, Says::Optional)));
        if !differs.any && !says.iter().any(|(_, says)| says.is_there()) {
            continue;
        }
        let row = knowledge.row(place);
        let step = step(&context, place, &row, id.map(|id| &wide.map.features[id]), says, differs, promised);
        let unknown = step.says.iter().any(|(_, says)| *says == Says::Unknown);
        match step.change {
            Some(_) => trace.changed += 1,
            None if unknown => trace.not_captured += 1,
            None => trace.agreed += usize::from(!differs.any),
        }
        trace.fit = trace.fit.max(step.fit);
        if all || step.change.is_some() {
            trace.steps.push(step);
        }
    }
    if trace.agreed + trace.changed == 0 {
        trace.fit = trace.fit.max(Fit::Unknown);
    }
    if promised == Promised::Nothing {
        // Without promises the question is of everything.
        let parts = views.iter().filter(|(_, view)| !view.is_whole()).map(|(layer, _)| layer.word());
        let parts: Vec<&str> = parts.collect();
        if !parts.is_empty() {
            trace.fit = trace.fit.max(Fit::Unknown);
            trace.reasons.push(format!("not everything of {} was captured", parts.join(", ")));
        }
    }
    if let Some(held) = held {
        trace.fit = trace.fit.max(held.fit);
        let shown = |place: Option<Place>| {
            trace.steps.iter().any(|step| Some(step.place) == place && step.fit == Fit::DoesNotFit)
        };
        let broken: Vec<String> =
            held.broken.into_iter().filter(|(place, _)| !shown(*place)).map(|(_, name)| name).collect();
        if !broken.is_empty() {
            trace.reasons.push(format!("also not kept: {}", broken.join(", ")));
        }
        trace.reasons.extend(held.unverified);
    }
    Ok(trace)
}

/// What `check` says of a baseline's promises.
struct Held {
    fit: Fit,
    /// Places and names of what was promised and is not kept.
    broken: Vec<(Option<Place>, String)>,
    /// Why nothing better than unknown can be said.
    unverified: Option<String>,
}

/// Asks `check` whether the baseline's promises are kept by the guest, or else by what KVM or the host offers: also what is
/// promised beside the places that are followed here. `None` without a baseline, or where nothing else is given.
fn held(
    given: &[(Given, &Source)],
    views: &[(Layer, View<'_>)],
    wide: &Wide,
    knowledge: &Knowledge,
) -> Result<Option<Held>, (String, String)> {
    let at = |layer| given.iter().find(|(given, _)| given.layer == layer);
    let last = [Layer::Guest, Layer::Kvm, Layer::Host].into_iter().find_map(at);
    let (Some((of, baseline)), Some((last, _))) = (at(Layer::Baseline), last) else { return Ok(None) };
    let Some((_, view)) = views.iter().find(|(layer, _)| *layer == last.layer) else { return Ok(None) };
    let baseline = Baseline::new(baseline, &wide.map, knowledge).map_err(|why| (of.name.clone(), why))?;
    let role = match last.layer {
        Layer::Guest | Layer::Baseline => Role::Guest,
        Layer::Kvm => Role::Offer,
        Layer::Host => Role::Hardware,
    };
    let none = Dump::new(dump::Source::Import);
    let check_names = |names: &Names<'_>| baseline.check_names(0, names, &DumpView::of(&none), knowledge);
    let checked = match view {
        View::Dump(view) if Role::of(view) == Role::Promise => Err(UNREAD),
        View::Dump(view) => Ok(baseline.check(0, view, role, None, knowledge)),
        View::Names(names) => check_names(names),
        // A list of names in another place than that of an offer.
        View::Cpu { cpu, .. } if cpu.form != Form::Guest => {
            let names = Names::new(cpu, &wide.map, knowledge)
                .map_err(|unknown| (last.name.clone(), unknown_at(cpu.model_at, &unknown)))?;
            check_names(&names)
        }
        // Two definitions: what is named was compared, and no more can be said.
        View::Cpu { .. } | View::Template(_) => return Ok(None),
    };
    let checked = match checked {
        Ok(checked) => checked,
        Err(why) => return Ok(Some(Held { fit: Fit::Unknown, broken: Vec::new(), unverified: Some(why.to_string()) })),
    };
    let verdict = verdict::baseline(0, &checked.findings, &checked.doubts);
    let fit = match verdict.result {
        BaselineResult::Met => Fit::Fits,
        BaselineResult::Unverified => Fit::Unknown,
        BaselineResult::NotMet => Fit::DoesNotFit,
    };
    let broken = checked.findings.iter().filter(|finding| finding.breaks.contains(&0));
    let broken = broken.map(|f| (f.place(), f.name.as_deref().map_or_else(|| f.id(), str::to_string))).collect();
    Ok(Some(Held { fit, broken, unverified: verdict.reason }))
}

/// What the dumps of two layers say of a place.
#[derive(Clone, Copy, Debug, Default)]
struct Differs {
    /// They differ in it.
    any: bool,
    /// Wherever they differ, the bit that gives the place its meaning is 0 on both sides.
    closed: bool,
    /// A golden dump promises it, and the guest does not keep that.
    broken: bool,
}

/// What the baseline promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promised {
    /// There is none.
    Nothing,
    /// What it names.
    Some,
    /// Every register: it is a dump, and the guest is one too. `check` has judged what differs.
    Everything,
}

/// What no layer has a part in: the guest's system sets it, or it differs by vCPU.
const fn is_set_aside(row: &Row) -> bool {
    matches!(row.rule, RuleKind::OsControlled | RuleKind::PerVcpu)
}

fn step(
    context: &Context<'_>,
    place: Place,
    row: &Row,
    feature: Option<&crate::cpu_map::Feature>,
    says: Vec<(Layer, Says)>,
    differs: Differs,
    promised: Promised,
) -> Step {
    let one_bit = place.bits().is_some_and(|bits| bits.is_one());
    // No definition is held to it, or no layer has a part in it.
    let mirror = !row.judged || is_set_aside(row);
    let change = if mirror { None } else { change(&says, one_bit) };
    let fit = match differs {
        Differs { broken: true, .. } => Fit::DoesNotFit,
        Differs { closed: true, .. } => Fit::Fits,
        _ if mirror => Fit::Fits,
        _ => fit(&says, place, row, change.is_some(), promised),
    };
    let to_be_off = says.contains(&(Layer::Baseline, Says::Wants(false)));
    let asked = if to_be_off { Asked::Extra } else { Asked::Missing };
    let finding = match feature {
        Some(feature) => described(context, feature, asked),
        None if fit == Fit::DoesNotFit => context.advised(place, row, asked),
        None => Finding::of_row(place, row),
    };
    let advised = (fit == Fit::DoesNotFit).then_some((finding.cause, finding.remedy));
    let (cause, remedy) = advised.unwrap_or_default();
    Step {
        place,
        name: finding.name,
        names: finding.names,
        meaning: row.meaning.map(Text::from),
        says,
        change,
        differs: differs.any,
        fit,
        cause,
        remedy,
    }
}

/// The first layer that decides on something else than the one before it.
fn change(says: &[(Layer, Says)], one_bit: bool) -> Option<(Layer, Happened)> {
    let deciding: Vec<(Layer, Says, u64)> =
        says.iter().filter_map(|(layer, says)| Some((*layer, *says, says.number(one_bit)?))).collect();
    let differs = |w: &&[(Layer, Says, u64)]| match (w[0].1, w[1].1) {
        (Says::AtMost(most), Says::Value(n) | Says::Exactly(n)) => n > most,
        (Says::Value(n), Says::AtMost(most)) => n < most,
        _ => w[0].2 != w[1].2,
    };
    let mixed = |says: &Says| !one_bit && *says == Says::Mixed;
    if let Some((layer, _)) = says.iter().skip(1).find(|(_, says)| mixed(says)) {
        return Some((*layer, Happened::Changed));
    }
    deciding.windows(2).find(differs).map(|w| {
        let happened = match (w[0].2, w[1].2) {
            (from, to) if one_bit || from == 0 || to == 0 => {
                if to > from {
                    Happened::Added
                } else {
                    Happened::Dropped
                }
            }
            _ => Happened::Changed,
        };
        (w[1].0, happened)
    })
}

/// Whether the guest, or where there is none what KVM or the host offer, has what the baseline promises. Without a
/// baseline the first layer stands for it: nothing that it has may be lost, no number may exceed its own, and the vendor
/// stays.
fn fit(says: &[(Layer, Says)], place: Place, row: &Row, changed: bool, promised: Promised) -> Fit {
    let one_bit = place.bits().is_some_and(|bits| bits.is_one());
    let at = |layer| says.iter().find(|(l, _)| *l == layer).map(|(_, says)| *says);
    if let Some(promise) = at(Layer::Baseline) {
        let offer = || at(Layer::Kvm).or_else(|| at(Layer::Host));
        let (last, is_guest) = match at(Layer::Guest) {
            Some(guest) => (guest, true),
            None => match offer() {
                Some(offer) => (offer, false),
                None => return Fit::Fits,
            },
        };
        let kept = match (promise, last, last.number(one_bit)) {
            (Says::Optional | Says::NotAsked | Says::Unknown, ..) => return Fit::Fits,
            (_, Says::Unknown, _) => return Fit::Unknown,
            (Says::Wants(true), _, Some(has)) => has != 0,
            (Says::Wants(false), _, Some(has)) => !is_guest || has == 0,
            (Says::Exactly(n), _, Some(has)) => {
                if is_guest {
                    has == n
                } else {
                    n <= has
                }
            }
            (Says::AtMost(n), _, Some(has)) => !is_guest || has <= n,
            (Says::Value(_) | Says::Mixed, ..) if promised == Promised::Everything => true,
            (Says::Value(n), _, Some(has)) => match row.rule {
                RuleKind::Subset => n & !has == 0,
                RuleKind::NotLess => n <= has,
                _ if !row.known && one_bit => n & !has == 0,
                _ => true,
            },
            _ => return Fit::Unknown,
        };
        return if kept { Fit::Fits } else { Fit::DoesNotFit };
    }
    if promised != Promised::Nothing {
        // What merely is not promised is counted, not a misfit.
        return Fit::Fits;
    }
    if !changed {
        let had = says.first().is_some_and(|(_, says)| says.is_there());
        let unknown = says.iter().any(|(_, says)| *says == Says::Unknown);
        return if had && unknown { Fit::Unknown } else { Fit::Fits };
    }
    let numbers: Vec<u64> = says.iter().filter_map(|(_, says)| says.number(one_bit)).collect();
    let lost = numbers.windows(2).any(|w| w[0] & !w[1] != 0);
    let exceeds = numbers.windows(2).any(|w| w[1] > w[0]);
    // A guest runs at another rate than its host where the host can scale the TSC, which no layer says.
    let rates = |w: &[u64]| w[0] != 0 && w[1] != 0 && !Clocks::of(w[0], w[1]).within_tolerance();
    if row.rule == RuleKind::HostClock && numbers.windows(2).any(rates) {
        return Fit::Unknown;
    }
    let misfit = match row.rule {
        RuleKind::Subset => lost,
        RuleKind::NotLess => exceeds,
        // The texts of leaf 0. A model's family and number differ from the host's as a rule.
        RuleKind::Identity => place.leaf().is_some_and(|id| id.leaf == 0),
        // A bit that no row names is judged as a feature.
        _ if !row.known && one_bit => lost,
        _ => false,
    };
    if misfit { Fit::DoesNotFit } else { Fit::Fits }
}

/// `hardware has it, KVM does not offer it, but the baseline promised it`.
fn sentence(says: &[(Layer, Says)]) -> String {
    let mut before: Option<u64> = None;
    let mut parts = Vec::new();
    for (layer, says) in says {
        let number = says.number(true);
        // Against what the layer before says.
        let against = before.is_some() && number.is_some() && before != number;
        let has = says.is_there() && *says != Says::Mixed;
        parts.push(match (layer, says) {
            (Layer::Host, Says::Unknown) => "the host's file does not say".to_string(),
            (Layer::Kvm, Says::Unknown) => "the view of KVM does not say".to_string(),
            (Layer::Baseline, Says::Unknown) => "the baseline does not say".to_string(),
            (Layer::Guest, Says::Unknown) => "the guest's file does not say".to_string(),
            (Layer::Host, Says::Mixed) => "some of the host's CPUs have it".to_string(),
            (Layer::Host, _) if has => "hardware has it".to_string(),
            (Layer::Host, _) => "hardware does not have it".to_string(),
            (Layer::Kvm, Says::Mixed) => "KVM offers it on some vCPUs".to_string(),
            (Layer::Kvm, _) if has && against => "but KVM offers it".to_string(),
            (Layer::Kvm, _) if has || *says == Says::Optional => "KVM offers it".to_string(),
            (Layer::Kvm, _) => "KVM does not offer it".to_string(),
            (Layer::Baseline, Says::Optional) => "the baseline leaves it to the host".to_string(),
            (Layer::Baseline, Says::Wants(false)) => "the baseline takes it away".to_string(),
            (Layer::Baseline, Says::Mixed) => "the baseline has it on some vCPUs".to_string(),
            (Layer::Baseline, _) if has && against => "but the baseline promised it".to_string(),
            (Layer::Baseline, _) if has => "the baseline promised it".to_string(),
            (Layer::Baseline, _) => "the baseline does not ask for it".to_string(),
            (Layer::Guest, Says::Mixed) => "the guest has it on some vCPUs".to_string(),
            (Layer::Guest, _) if has && against => "but the guest has it".to_string(),
            (Layer::Guest, _) if has || *says == Says::Optional => "the guest has it".to_string(),
            (Layer::Guest, _) => "the guest does not have it".to_string(),
        });
        before = number.or(before);
    }
    parts.join(", ")
}

/// `host 0x27, guest 0x2a`.
fn numbers(says: &[(Layer, Says)]) -> String {
    let parts: Vec<String> =
        says.iter().map(|(layer, says)| format!("{} {}", layer.word(), says.word(false))).collect();
    parts.join(", ")
}
