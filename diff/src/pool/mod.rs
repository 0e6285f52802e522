//! The CPU that several hosts or guests have in common.
//!
//! Only what all have: QEMU and KVM cannot make up what a host lacks. What an input says nothing of is neither asked for
//! nor taken away. The model is chosen, and the features are listed, as libvirt does (`virsh cpu-baseline`), so that the
//! result is the one libvirt would give wherever libvirt's own is sound; docs/baselines.md lists where it differs and why.
//!
//! Inputs are taken one by one. Of a dump only what it says of features is kept: inputs that say the same are one class,
//! and everything else is worked out by class.
//!
//! # Source
//! libvirt 9.0.0 src/cpu/cpu_x86.c (`virCPUx86Baseline`), src/cpu/cpu.c (`virCPUBaseline`).

pub mod decode;
pub mod definition;
mod explain;
mod guards;
mod input;
mod tsc;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use cpuid_probe::Place;
use cpuid_probe::libvirt::cpu::{Cache, Cpu, Fallback, Match, Policy, Topology};
use cpuid_probe::libvirt::domain::Accel;
use cpuid_probe::msr::FEATURE_MSRS;

use crate::cpu_map::wide::Wide;
use crate::cpu_map::{CpuMap, FeatureId, Features, Model, Vendor, qemu_differs};
use crate::knowledge::{CauseKind, Knowledge, Row, RuleKind};
use crate::list;
use crate::view::dump::PHYS_BITS;
use crate::view::join::{Difference, join};
use crate::view::promise::Expanded;
use crate::view::{DumpView, Role};

use decode::{Hints, Nearest};
pub use input::{Input, Known, Origin, Says, Tsc, Width};
use tsc::Clock;

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

/// What to do with what is not plain.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Keep what blocks live migration.
    pub keep_unmigratable: bool,
    /// The result is a `-cpu` argument, which can name what the site's libvirt cannot.
    pub qemu: bool,
}

/// Inputs that say the same.
#[derive(Clone, Debug)]
pub struct Class {
    /// What they say.
    pub says: Says,
    /// What the user calls them, in the order given.
    pub names: Vec<String>,
}

/// The inputs of a baseline, taken one by one.
#[derive(Debug)]
pub struct Pool<'a> {
    wide: &'a Wide,
    knowledge: &'a Knowledge,
    classes: Vec<Class>,
    /// Classes by what they have and do not know.
    index: HashMap<(Features, Features), Vec<usize>>,
    first: Option<Input>,
    /// Every place in which an input differs from the first.
    differing: BTreeMap<Place, Row>,
    clock: Clock,
    /// All inputs are this definition.
    own: Option<Cpu>,
    inputs: usize,
}

/// The common CPU.
#[derive(Clone, Debug)]
pub struct Common {
    /// libvirt's name of the model.
    pub model: &'static str,
    /// What to do where QEMU does not know the model.
    pub fallback: Fallback,
    /// How much more a guest may have.
    pub matching: Match,
    /// The vendor, where every input says so.
    pub vendor: Option<Vendor>,
    /// The vendor text that guests are to see, where all inputs are one definition that gives it.
    pub vendor_id: Option<String>,
    /// The topology, where all inputs are one definition that gives it.
    pub topology: Option<Topology>,
    /// The caches, where all inputs are one definition that gives them.
    pub cache: Option<Cache>,
    /// What is listed beside the model.
    pub listed: Vec<(Policy, FeatureId)>,
    /// What all inputs have and the site's libvirt has no name for.
    pub nameless: Vec<FeatureId>,
    /// What all inputs have and blocks live migration, or that libvirt calls unmigratable.
    pub unmigratable: Vec<FeatureId>,
    /// The TSC frequency to pin, in Hz: where the result has what blocks migration without one.
    pub tsc_frequency: Option<u64>,
    /// What the inputs of each class have and the result has not.
    pub losses: Vec<Vec<FeatureId>>,
    /// What keeps the result from being good without a look: sentences, the most urgent first.
    pub words: Vec<String>,
    /// Sentences: what a person should know of the result besides.
    pub notes: Vec<String>,
    /// The width of physical addresses to ask for, where the inputs state or differ in one: the smallest.
    pub width: Option<Width>,
    /// Every place in which inputs differ, in order.
    pub differing: Vec<Differing>,
    /// The inputs by what they say, in the order of their first.
    pub classes: Vec<Class>,
    /// How many inputs there are.
    pub inputs: usize,
}

/// The common CPU of `inputs`.
///
/// # Errors
/// The vendors differ, or nothing is common.
pub fn common(inputs: &[Input], wide: &Wide, knowledge: &Knowledge, options: Options) -> Result<Common, Refusal> {
    let mut pool = Pool::new(wide, knowledge);
    for input in inputs {
        pool.add(input.clone());
    }
    pool.common(options)
}

/// What a definition gives, beside what its model's name and its list say.
struct Chosen<'a> {
    model: &'a Model,
    listed: Vec<(Policy, FeatureId)>,
    /// Listed features are the definition's own: it is given back as it is.
    own: bool,
}

impl<'a> Pool<'a> {
    /// A pool without inputs.
    #[must_use]
    pub fn new(wide: &'a Wide, knowledge: &'a Knowledge) -> Self {
        Self {
            wide,
            knowledge,
            classes: Vec::new(),
            index: HashMap::new(),
            first: None,
            differing: BTreeMap::new(),
            clock: Clock::default(),
            own: None,
            inputs: 0,
        }
    }

    /// Takes an input. Its registers are compared with the first one's and are not kept.
    pub fn add(&mut self, mut input: Input) {
        self.inputs += 1;
        self.clock.add(&input.name, input.tsc);
        match &self.first {
            None => self.own.clone_from(&input.definition),
            Some(first) => {
                differing(first, &input, self.wide, self.knowledge, &mut self.differing);
                let same = self.own.as_ref().zip(input.definition.as_ref()).is_some_and(|(a, b)| is_same(a, b));
                self.own = self.own.take().filter(|_| same);
            }
        }
        if self.first.is_none() {
            self.first = Some(input.clone());
        }
        let name = std::mem::take(&mut input.name);
        let bucket = self.index.entry((input.says.features.clone(), input.says.unknown.clone())).or_default();
        match bucket.iter().find(|i| self.classes.get(**i).is_some_and(|class| class.says == input.says)) {
            Some(known) => {
                let names = &mut self.classes[*known].names;
                // A file that is given twice is called once.
                if names.last() != Some(&name) {
                    names.push(name);
                }
            }
            None => {
                bucket.push(self.classes.len());
                self.classes.push(Class { says: input.says, names: vec![name] });
            }
        }
    }

    /// What all inputs have in common.
    ///
    /// # Errors
    /// The vendors differ, or nothing is common.
    pub fn common(self, options: Options) -> Result<Common, Refusal> {
        let map = &self.wide.map;
        let vendor = self.vendor()?;
        let all = |of: fn(&Says) -> Features| -> Features {
            let mut sets = self.classes.iter().map(|class| of(&class.says));
            let first = sets.next().unwrap_or_default();
            sets.fold(first, |all, next| &all & &next)
        };
        let features = all(|says| says.features.clone());
        if features.is_empty() {
            return Err(Refusal::Nothing("the inputs have no feature in common".to_string()));
        }
        // What no input is known to lack, and not all are known to have.
        let unsure = &all(|says| &says.features | &says.unknown) - &features;
        let never_listed: Features = map.those(self.knowledge, |row| !row.listed);
        let blocking: Features = map.those(self.knowledge, |row| row.blocks_migration);
        let (known, nameless) = self.wide.split(&features);
        let chosen = match self.own_definition() {
            Some(own) => own,
            None => self.decoded(vendor, &known, &unsure, &never_listed)?,
        };
        let model = chosen.model;
        let mut listed = chosen.listed;

        let tsc = self.clock.common();
        let mut unmigratable = Features::new();
        let mut words = Vec::new();
        let has = |listed: &[(Policy, FeatureId)], id: FeatureId| match listed.iter().find(|(_, l)| *l == id) {
            Some((policy, _)) => matches!(policy, Policy::Require | Policy::Force | Policy::Optional),
            None => model.features.contains(&id),
        };
        let kept = options.keep_unmigratable && tsc.is_ok();
        let leave_out = |id: &FeatureId| {
            let libvirts = map.features.get(*id).is_some_and(|f| !f.migratable);
            if blocking.contains(id) { !kept } else { libvirts && !options.keep_unmigratable && !chosen.own }
        };
        let candidates: Features = (0..map.features.len()).filter(leave_out).collect();
        for id in candidates {
            let inside = model.features.contains(&id);
            // A model's own xsaves stays, as with virsh cpu-baseline --migratable.
            if has(&listed, id) && (blocking.contains(&id) || !inside) {
                unmigratable.insert(id);
                listed.retain(|(_, l)| *l != id);
                if inside {
                    listed.push((Policy::Disable, id));
                }
            }
        }
        if options.keep_unmigratable && unmigratable.iter().any(|id| blocking.contains(id)) {
            let names = map.names(&unmigratable).join(" ");
            words.extend(tsc.as_ref().err().map(|why| {
                format!(
                    "left out: {names}: a guest that has it cannot be live-migrated without a pinned TSC frequency, and \
                     {why}"
                )
            }));
            unmigratable = &unmigratable - &blocking;
        }

        let listed_with = |wanted: bool| -> Features {
            let on = |policy| matches!(policy, Policy::Require | Policy::Force);
            let off = |policy| matches!(policy, Policy::Disable | Policy::Forbid);
            listed.iter().filter(|(p, _)| if wanted { on(*p) } else { off(*p) }).map(|(_, id)| *id).collect()
        };
        let (require, disable) = (listed_with(true), listed_with(false));
        let promised: Features = &(&model.features - &disable) | &require;
        let pinned = kept && promised.iter().any(|id| blocking.contains(id));
        let nameless = &(&nameless - &never_listed) - &unmigratable;
        let given = if options.qemu { &promised | &nameless } else { promised.clone() };
        let mut notes = Vec::new();
        guards::settle(&self.classes, &given, map, self.knowledge, &mut words, &mut notes);
        self.hardware(&mut words);
        self.beside_features(&mut words);
        self.model_is_listed(model, &mut words);
        self.brought(model, &promised, &disable, &unsure, &mut words);
        self.left_out_unknown(&(&promised | &blocking), &mut notes);
        self.on_some_vcpus(&mut notes);
        let width = width(&self.classes, &mut words, &mut notes);
        if let (Err(why), true) = (&tsc, self.clock.differs()) {
            notes.push(format!("{why}; a guest with a pinned TSC frequency cannot move between all of these"));
        }
        let own = self.own.as_ref().filter(|_| chosen.own);
        if let Some(own) = own.filter(|_| options.qemu) {
            let beside = [
                ("vendor_id", own.vendor_id.is_some()),
                ("topology", own.topology.is_some()),
                ("cache", own.cache.is_some()),
            ];
            let beside: Vec<&str> =
                beside.into_iter().filter(|(_, is_there)| *is_there).map(|(name, _)| name).collect();
            if !beside.is_empty() {
                words.push(format!("not in the -cpu argument: the definition's {}", beside.join(", ")));
            }
        }
        let lost = |class: &Class| {
            let has = &class.says.features | &class.says.partly;
            (&(&has - &given) - &never_listed).into_iter().collect()
        };
        let losses = self.classes.iter().map(lost).collect();
        Ok(Common {
            model: model.name,
            fallback: own.map_or(Fallback::Forbid, |cpu| cpu.fallback),
            matching: own.map_or(Match::Exact, |cpu| cpu.matching),
            vendor: vendor.filter(|_| self.classes.iter().all(|class| class.says.vendor.is_some())),
            vendor_id: own.and_then(|cpu| cpu.vendor_id.clone()),
            topology: own.and_then(|cpu| cpu.topology),
            cache: own.and_then(|cpu| cpu.cache),
            losses,
            listed,
            nameless: nameless.into_iter().collect(),
            unmigratable: unmigratable.into_iter().collect(),
            tsc_frequency: tsc.ok().filter(|_| pinned),
            words,
            notes,
            differing: settled(&self.differing, map, width.is_some()),
            width,
            classes: self.classes,
            inputs: self.inputs,
        })
    }

    /// The definition that all inputs are, where the site's libvirt knows its words.
    fn own_definition(&self) -> Option<Chosen<'_>> {
        let (map, site) = (&self.wide.map, &self.wide.site);
        let cpu = self.own.as_ref()?;
        let says = &self.classes.first()?.says;
        let model = site.model(cpu.model.as_deref()?).ok()?;
        let named = |f: &cpuid_probe::libvirt::cpu::Feature| Some((f.policy, map.feature(&f.name)?));
        let mut listed: Vec<(Policy, FeatureId)> = cpu.features.iter().map(named).collect::<Option<_>>()?;
        if listed.iter().any(|(_, id)| *id >= site.features.len()) {
            return None;
        }
        if says.role == Role::Offer {
            // QEMU's model is not quite libvirt's: what is not in the offer must not come back, or be missing.
            let (beyond, lacks) = self.beside(model);
            let named: Features = listed.iter().map(|(_, id)| *id).collect();
            let more = lacks.intersection(&says.features).map(|id| (Policy::Require, *id));
            let less = beyond.difference(&says.features).map(|id| (Policy::Disable, *id));
            let corrections = more.chain(less).filter(|(_, id)| !named.contains(id) && !says.unknown.contains(id));
            listed.extend(corrections.collect::<Vec<_>>());
        }
        Some(Chosen { model, listed, own: true })
    }

    /// What QEMU's model has beyond libvirt's of that name, and what it lacks, in the site's words.
    fn beside(&self, model: &Model) -> (Features, Features) {
        let (beyond, lacks) = qemu_differs(model.name);
        (self.wide.site.features_named(&beyond), self.wide.site.features_named(&lacks))
    }

    /// The model that comes nearest to what all have, and what has to be listed beside it.
    fn decoded(
        &self,
        vendor: Option<Vendor>,
        known: &Features,
        unsure: &Features,
        never_listed: &Features,
    ) -> Result<Chosen<'_>, Refusal> {
        let site = &self.wide.site;
        let mut preferred: Vec<&str> = Vec::new();
        for model in self.classes.iter().filter_map(|class| class.says.model.as_deref()) {
            if !preferred.contains(&model) {
                preferred.push(model);
            }
        }
        let mut families: Vec<u32> = Vec::new();
        if self.classes.iter().all(|class| !class.says.families.is_empty()) {
            families = self.classes.iter().flat_map(|class| class.says.families.iter().copied()).collect();
        }
        families.sort_unstable();
        families.dedup();
        let signatures = self.classes.iter().filter_map(|class| class.says.signature);
        let hints = Hints { vendor, signature: None, preferred: &preferred };
        let nearest = Nearest { unsure, families: &families, signatures: &signatures.collect::<Vec<_>>() };
        let decoded = nearest
            .decode(site, known, hints)
            .ok_or_else(|| Refusal::Nothing(format!("no CPU model of {} fits", site.origin)))?;
        let (mut require, mut disable) = (&decoded.require - never_listed, &decoded.disable - never_listed);
        // `-cpu MODEL` is QEMU's model: what it has beyond libvirt's would come back, what it lacks would be missing.
        let (beyond, lacks) = self.beside(decoded.model);
        disable.extend(beyond.difference(known).filter(|id| !never_listed.contains(id)));
        disable = &disable - unsure;
        require.extend(lacks.intersection(known));
        let listed = require.into_iter().map(|id| (Policy::Require, id));
        let listed = listed.chain(disable.into_iter().map(|id| (Policy::Disable, id))).collect();
        Ok(Chosen { model: decoded.model, listed, own: false })
    }

    /// The one vendor of all inputs that have one.
    fn vendor(&self) -> Result<Option<Vendor>, Refusal> {
        let mut found: Option<(Vendor, &str)> = None;
        let mut told: Option<(&str, &String)> = None;
        for Class { says, names } in &self.classes {
            let name = names.first().map_or("", String::as_str);
            if let (Some(own), Some(model)) = (says.vendor, says.model_vendor)
                && own != model
            {
                return Err(Refusal::Nothing(format!("{name}: a {} CPU with a model of {}'s", own.name, model.name)));
            }
            if let Some(text) = &says.vendor_text {
                match &told {
                    Some((other, first)) if *first != text => {
                        return Err(Refusal::Nothing(format!(
                            "no common CPU: {other} is {first}, {name} is {text}; no guest can move between vendors"
                        )));
                    }
                    _ => told = Some((name, text)),
                }
            }
            match (found, says.vendor.or(says.model_vendor)) {
                (None, Some(vendor)) => found = Some((vendor, name)),
                (Some((first, other)), Some(vendor)) if first != vendor => {
                    return Err(Refusal::Nothing(format!(
                        "no common CPU: {other} is {}, {name} is {}; no guest can move between vendors",
                        first.name, vendor.name
                    )));
                }
                _ => {}
            }
        }
        Ok(found.map(|(vendor, _)| vendor))
    }

    /// Inputs that KVM runs beside inputs that are emulated, and what an input has that is not understood.
    fn beside_features(&self, words: &mut Vec<String>) {
        let of = |accel| -> Vec<String> {
            let classes = self.classes.iter().filter(|class| class.says.accel == Some(accel));
            classes.flat_map(|class| class.names.iter().cloned()).collect()
        };
        let (kvm, tcg) = (of(Accel::Kvm), of(Accel::Tcg));
        if !kvm.is_empty() && !tcg.is_empty() {
            words.push(format!(
                "{} are of KVM, {} of QEMU's emulation, which says nothing of what KVM gives there",
                list::first(&kvm, 8),
                list::first(&tcg, 8)
            ));
        }
        for class in &self.classes {
            for gap in &class.says.gaps {
                words.push(format!("{}: {gap}, which the result does not hold", list::first(&class.names, 8)));
            }
        }
    }

    /// Hosts that list the models that they know, and not this one.
    fn model_is_listed(&self, model: &Model, words: &mut Vec<String>) {
        for Class { says, names } in &self.classes {
            let Some(models) = says.models.as_ref().filter(|models| !models.contains(model.name)) else { continue };
            let names = list::first(names, 8);
            words.push(match models.is_empty() {
                true => format!("{names}: no guest with mode='custom' can start there, it says"),
                false => format!("{names}: the model {} is not among those that it lists", model.name),
            });
        }
    }

    /// Inputs of which nobody knows what they can give a guest.
    fn hardware(&self, words: &mut Vec<String>) {
        let hardware = self.classes.iter().filter(|class| class.says.role == Role::Hardware);
        let names: Vec<String> = hardware.flat_map(|class| class.names.iter().cloned()).collect();
        if !names.is_empty() {
            words.push(format!(
                "hardware: {}: what the bare CPU has, of which KVM and QEMU give a guest less; whether a guest gets this \
                 result there is not known",
                list::first(&names, 8)
            ));
        }
    }

    /// What comes with the model and some inputs say nothing of.
    fn brought(
        &self,
        model: &Model,
        promised: &Features,
        disable: &Features,
        unsure: &Features,
        words: &mut Vec<String>,
    ) {
        let map = &self.wide.map;
        let (beyond, _) = self.beside(model);
        let comes = &(promised | &(&beyond - disable)) & unsure;
        let comes: Features = comes.into_iter().filter(|id| is_announced(map, *id, promised)).collect();
        for Class { says, names } in &self.classes {
            let unknown = &(&comes & &says.unknown) - &says.brings;
            if !unknown.is_empty() {
                words.push(format!(
                    "the model {} has {}, and {} {} not say whether {} can be given; the result neither requires nor \
                     disables {}: {}",
                    model.name,
                    map.names(&unknown).join(" "),
                    list::first(names, 8),
                    if names.len() == 1 { "does" } else { "do" },
                    if unknown.len() == 1 { "it" } else { "they" },
                    if unknown.len() == 1 { "it" } else { "them" },
                    hint(&unknown, says, map)
                ));
            }
        }
    }

    /// What one input has and another says nothing of: left out, not because it lacks it.
    fn left_out_unknown(&self, promised: &Features, notes: &mut Vec<String>) {
        let map = &self.wide.map;
        let elsewhere: Features = self
            .classes
            .iter()
            .flat_map(|class| class.says.features.iter().chain(&class.says.partly))
            .copied()
            .collect();
        let elsewhere = &elsewhere - promised;
        for Class { says, names } in &self.classes {
            let left_out = &says.unknown & &elsewhere;
            if !left_out.is_empty() {
                let how = if says.model.is_some() { "says nothing of these" } else { "was captured without these" };
                notes.push(format!(
                    "{} {how}, so they are not in the result: {}; {}",
                    list::first(names, 8),
                    map.names(&left_out).join(" "),
                    hint(&left_out, says, map)
                ));
            }
        }
    }

    /// What some vCPUs alone lack.
    fn on_some_vcpus(&self, notes: &mut Vec<String>) {
        for Class { says, names } in &self.classes {
            if !says.partly.is_empty() {
                notes.push(format!(
                    "not every vCPU of {} has these, so they are left out: {}",
                    list::first(names, 8),
                    self.wide.map.names(&says.partly).join(" ")
                ));
            }
        }
    }
}

/// How to learn what an input does not say of these features.
fn hint(features: &Features, says: &Says, map: &CpuMap) -> String {
    if says.model.is_some() {
        return "they are optional there, or its libvirt has no name for them; take a dump of a guest there (cpuid-probe boot)".to_string();
    }
    let mut hints = BTreeSet::new();
    for place in features.iter().filter_map(|id| map.features.get(*id)).map(|f| f.place) {
        hints.insert(if input::depends_on_the_reader(place) {
            "capture with a 64-bit program (cpuid-probe is one): others read some bits as 0"
        } else if place.msr_index().is_some() {
            "capture feature MSRs too (cpuid-probe --msrs, cpuid-probe boot)"
        } else {
            "capture every leaf (cpuid-probe does)"
        });
    }
    hints.into_iter().collect::<Vec<_>>().join("; ")
}

/// Whether a feature is in CPUID, or in an MSR that a guest with `promised` has.
fn is_announced(map: &CpuMap, id: FeatureId, promised: &Features) -> bool {
    let Some(index) = map.features.get(id).and_then(|f| f.place.msr_index()) else { return true };
    FEATURE_MSRS.iter().filter(|msr| msr.index == index).any(|msr| {
        let (leaf, register, bit) = msr.announced_by;
        map.feature_at(Place::bit(leaf, 0, register, bit)).is_some_and(|id| promised.contains(&id))
    })
}

/// Whether two definitions say the same, wherever they are written.
fn is_same(a: &Cpu, b: &Cpu) -> bool {
    let listed = |cpu: &Cpu| cpu.features.iter().map(|f| (f.name.clone(), f.policy)).collect::<Vec<_>>();
    let rest = |cpu: &Cpu| Cpu {
        features: Vec::new(),
        at: a.at,
        model_at: a.model_at,
        name: None,
        numa: false,
        ..cpu.clone()
    };
    a.features.len() == b.features.len() && rest(a) == rest(b) && listed(a) == listed(b)
}

/// The width to ask for: the smallest, where definitions state one or inputs differ in it.
fn width(classes: &[Class], words: &mut Vec<String>, notes: &mut Vec<String>) -> Option<Width> {
    let name = |class: &Class| class.names.first().cloned().unwrap_or_default();
    let known: Vec<(Width, String)> = classes.iter().filter_map(|c| Some((c.says.width?, name(c)))).collect();
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
    let silent = classes.iter().filter(|c| c.says.width.is_none());
    let silent: Vec<String> = silent.flat_map(|c| c.names.iter().cloned()).collect();
    let limits = known.iter().all(|(width, _)| matches!(width, Width::Limit(_)));
    let stated = limits || known.iter().any(|(width, _)| matches!(width, Width::Exactly(_))) || bits != most.0.bits();
    if stated && !silent.is_empty() {
        words.push(format!(
            "{} {} nothing of the width of physical addresses: whether {bits} bits can be given there is not known; take a dump \
             of that host (cpuid-probe boot --cpu host), or a definition with <maxphysaddr>",
            list::first(&silent, 8),
            if silent.len() == 1 { "says" } else { "say" }
        ));
    }
    stated.then_some(if limits { Width::Limit(bits) } else { Width::Exactly(bits) })
}

/// Finds every place in which an input differs from the first.
fn differing(first: &Input, other: &Input, wide: &Wide, knowledge: &Knowledge, found: &mut BTreeMap<Place, Row>) {
    if let (Some(a), Some(b)) = (&first.dump, &other.dump) {
        if a.vcpus == b.vcpus {
            return;
        }
        for (_, difference) in join(&DumpView::of(a), &DumpView::of(b), knowledge).differences {
            if let Difference::Row(d) = difference {
                found.insert(d.place, d.row);
            }
        }
        return;
    }
    let (a, b) = (&first.says, &other.says);
    let unknown = &a.unknown | &b.unknown;
    let differ = a.features.symmetric_difference(&b.features).filter(|id| !unknown.contains(id));
    let places = differ.filter_map(|id| wide.map.features.get(*id)).map(|f| f.place);
    let widths = a.width.zip(b.width).is_some_and(|(a, b)| a.bits() != b.bits());
    for place in places.chain(widths.then_some(PHYS_BITS)) {
        found.entry(place).or_insert_with(|| knowledge.row(place));
    }
}

/// What becomes of every place in which inputs differ.
fn settled(found: &BTreeMap<Place, Row>, map: &CpuMap, pinned: bool) -> Vec<Differing> {
    let settled = |place: Place, row: &Row| match row.rule {
        _ if place == PHYS_BITS && pinned => Settled::Pinned,
        _ if map.feature_at(place).is_some() => Settled::LeftOut,
        _ if matches!(row.cause_kind, Some(CauseKind::GuestState | CauseKind::CaptureMode | CauseKind::EachVcpu)) => {
            Settled::ByTheGuest
        }
        RuleKind::Identity
        | RuleKind::Topology
        | RuleKind::PerVcpu
        | RuleKind::OsControlled
        | RuleKind::Informational => Settled::ByTheGuest,
        _ => Settled::No,
    };
    found.iter().map(|(place, row)| Differing { place: *place, row: *row, settled: settled(*place, row) }).collect()
}

/// Reads the written result like any other definition and holds it against every input: none may be known to lack what
/// is promised.
///
/// # Errors
/// A text that is not understood, or the first input that does not have all that is promised.
pub fn prove(xml: &str, common: &Common, wide: &Wide) -> Result<(), String> {
    let cpus = cpuid_probe::libvirt::read_cpus(xml).map_err(|e| e.to_string())?;
    let [cpu] = &cpus[..] else { return Err(format!("{} CPUs", cpus.len())) };
    let expanded = Expanded::new(cpu, &wide.site).map_err(|e| e.to_string())?;
    if let Some((_, unknown)) = expanded.unknown.first() {
        return Err(unknown.to_string());
    }
    let promised = expanded.features();
    for Class { says, names } in &common.classes {
        let name = names.first().map_or("", String::as_str);
        let missing = &(&promised - &says.features) - &says.unknown;
        if !missing.is_empty() {
            return Err(format!("{name} lacks {}", wide.map.names(&missing).join(" ")));
        }
        let promised = cpu.max_phys_addr.as_ref().and_then(Width::of);
        if let (Some(promised), Some(own)) = (promised, says.width)
            && promised.bits() > own.bits()
        {
            let (bits, promised) = (own.bits(), promised.bits());
            return Err(format!("{name} has {bits} bits of physical addresses, not {promised}"));
        }
        if let (Some(promised), Some(own)) = (expanded.vendor, says.vendor)
            && promised != own
        {
            return Err(format!("{name} is {}, not {}", own.name, promised.name));
        }
    }
    Ok(())
}
