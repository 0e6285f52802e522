//! A fleet: which hosts offer the same, which moves are safe, which pools to make, and what each host gives up.
//!
//! - [`offer`]: what a host says, in canonical form. [`facts`]: hosts and classes, before anything is worked out.
//! - [`intake`]: from a file's bytes to a host. [`summary`]: facts as JSON, read again.
//! - [`says`]: what a host says beside its offer.
//! - [`guest`]: guests of one definition, whose moves `compare` judges.
//! - [`moves`]: may a guest move from one class to another? [`loss`], [`partition`]: pools of the least loss.
//! - [`define`]: the `<cpu>` of a pool, proved. [`price`]: who costs the others what.
//! - [`vm`], [`place`]: where a VM may run. [`waivers`]: what of a move the site accepts. [`drift`]: what changed.
//! - [`wire`]: the JSON contract.
//!
//! Every move and every pool is judged by the same rows as in the other commands, and proved before it is shown.

pub mod define;
pub mod drift;
pub mod facts;
pub mod guest;
pub mod intake;
pub mod isa;
pub mod loss;
pub mod moves;
pub mod offer;
pub mod partition;
pub mod place;
pub mod prepare;
pub mod price;
pub mod says;
pub mod summary;
pub mod vm;
pub mod waivers;
pub mod wire;

use std::collections::{BTreeMap, BTreeSet};

use cpuid_probe::Place;
use cpuid_probe::dump::Dump;

use crate::knowledge::{Guard, Knowledge, Version};
use crate::list;
use crate::policy::{Day, Policy};
use crate::view::vintage::qemu_version;
use crate::view::{DumpView, Role};

use define::{Definition, Member, Undefined};
use facts::{Class, Facts, Host, Problem};
use loss::{Bits, Scale};
use moves::{Move, Verdict};
use offer::{Offer, Scope, Statement};
use partition::Demands;
use place::Placement;
use price::Price;
use vm::Vm;
use waivers::Waivers;

pub use drift::Drift;

/// What the user asks of a fleet.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// VMs to place.
    pub vms: Vec<Vm>,
    /// So many pools.
    pub pools: Option<usize>,
    /// Features, or levels, that the hosts of a pool all have or all lack.
    pub require: Vec<String>,
    /// The least number of hosts of a pool.
    pub min_hosts: u64,
    /// Names of hosts that must be there.
    pub expect: Vec<String>,
    /// Dumps older than so many days are a problem.
    pub max_age: Option<u32>,
    /// Today, as days since 1970-01-01.
    pub today: i64,
    /// The fleet as it was.
    pub since: Option<Facts>,
    /// Pools as they were: names of hosts.
    pub keep: Vec<Vec<String>>,
    /// Hosts to leave out.
    pub without: Vec<String>,
    /// What the site accepts, and the day on which that is judged.
    pub policy: Option<(Policy, Day)>,
}

/// Hosts whose offers agree, with what follows from that.
#[derive(Clone, Debug)]
pub struct Group {
    /// The name of the offer.
    pub id: String,
    /// What is known.
    pub class: Class,
    /// Indexes into [`Fleet::hosts`].
    pub hosts: Vec<usize>,
    /// The psABI level.
    pub isa: Option<u8>,
    /// Protections that it has.
    pub protections: Vec<Place>,
    /// Hazards that it has.
    pub hazards: Vec<Place>,
    /// The slowest and the fastest TSC, in kHz.
    pub tsc_khz: Option<(u64, u64)>,
    /// Every host says its TSC's rate.
    pub all_say_tsc: bool,
    /// Versions that its hosts show.
    pub versions: BTreeSet<(Option<Version>, Option<Version>)>,
}

impl Group {
    /// The vendor, in words.
    #[must_use]
    pub fn vendor(&self) -> &str {
        self.class.offer.vendor.as_deref().unwrap_or("unknown vendor")
    }

    /// What its CPUs are called: their brand, else libvirt's model, else family and model.
    #[must_use]
    pub fn cpu(&self) -> Option<String> {
        let first = self.class.cpus.first().or(self.class.models.first()).cloned();
        first.or_else(|| {
            let s = crate::cpu_map::Signature::of(*self.class.signatures.first()?);
            Some(format!("family {}, model {}, stepping {}", s.family, s.model, s.stepping))
        })
    }

    /// Something that could be captured was not.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        !self.class.offer.is_complete()
    }
}

/// One pool of a partition.
#[derive(Clone, Debug)]
pub struct PoolCard {
    /// Indexes into [`Fleet::classes`].
    pub classes: Vec<usize>,
    /// How many hosts.
    pub hosts: usize,
    /// What all of them offer.
    pub offer: Offer,
    /// Its definition, or why there is none; nothing where it was not worked out.
    pub definition: Option<Result<Definition, Undefined>>,
    /// The psABI level.
    pub isa: Option<u8>,
    /// Hazards that a member has.
    pub hazards: Vec<Place>,
    /// What each class gives up, and the loss of one of its hosts.
    pub gives_up: Vec<GivesUp>,
    /// A member has a protection that the pool lacks.
    pub takes_protection: bool,
    /// A member was captured in part, so what the pool gives is what is known.
    pub partial: bool,
}

impl PoolCard {
    /// Its definition, where it has one.
    #[must_use]
    pub fn defined(&self) -> Option<&Definition> {
        self.definition.as_ref()?.as_ref().ok()
    }

    /// Why it has no definition, where it was worked out that it has none.
    #[must_use]
    pub fn refusal(&self) -> Option<&Undefined> {
        self.definition.as_ref()?.as_ref().err()
    }
}

/// What a class gives up in its pool.
#[derive(Clone, Debug)]
pub struct GivesUp {
    /// Index into [`Fleet::classes`].
    pub class: usize,
    /// The places.
    pub places: Vec<Place>,
    /// The loss of one host.
    pub loss: u64,
}

/// All classes in pools.
#[derive(Clone, Debug)]
pub struct Pools {
    /// The pools, the largest first.
    pub pools: Vec<PoolCard>,
    /// The loss over all hosts.
    pub loss: u64,
    /// No other partition into as many pools loses less.
    pub exact: bool,
    /// The pools are last week's, where hosts had one.
    pub kept: bool,
}

impl Pools {
    /// A member has a protection that its pool lacks.
    #[must_use]
    pub fn takes_protection(&self) -> bool {
        self.pools.iter().any(|pool| pool.takes_protection)
    }
}

/// Hosts that lack nothing but protections that others have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The class to update.
    pub class: usize,
    /// A class that has them.
    pub like: usize,
    /// The protections.
    pub protections: Vec<Place>,
}

/// Everything about a fleet.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// What the hosts' files show.
    pub role: Role,
    /// They show what QEMU emulates.
    pub emulated: bool,
    /// The hosts, by name.
    pub hosts: Vec<Host>,
    /// The classes, by vendor, the largest first.
    pub classes: Vec<Group>,
    /// From each class to each, by row.
    pub moves: Vec<Move>,
    /// Partitions, by the number of pools.
    pub partitions: Vec<Pools>,
    /// The one to take.
    pub recommended: Option<usize>,
    /// Why there is none, or why this one.
    pub why: Option<String>,
    /// Hosts that an update makes like others.
    pub updates: Vec<Update>,
    /// Who costs the others what.
    pub price: Vec<Price>,
    /// What leaving hosts out brings.
    pub without: Vec<String>,
    /// The offers of the hosts that were left out on purpose.
    pub left_out: Vec<Offer>,
    /// Where VMs may run.
    pub placements: Vec<Placement>,
    /// What changed.
    pub drift: Vec<Drift>,
    /// The fleet was compared with an older one.
    pub compared: bool,
    /// What keeps the answer from being whole.
    pub problems: Vec<Problem>,
    /// What else to know.
    pub notes: Vec<String>,
    /// What is to be said of the site's policy: its use, then its waivers that need a look; nothing without one.
    pub policy: Vec<String>,
}

impl Fleet {
    /// The move from one class to another.
    #[must_use]
    pub fn step(&self, from: usize, to: usize) -> &Move {
        &self.moves[from * self.classes.len() + to]
    }

    /// The partition to take.
    #[must_use]
    pub fn recommendation(&self) -> Option<&Pools> {
        self.recommended.and_then(|at| self.partitions.get(at))
    }

    /// Names of the hosts of classes, the first `most`.
    #[must_use]
    pub fn names_of(&self, classes: &[usize], most: usize) -> Vec<String> {
        let hosts = classes.iter().flat_map(|c| &self.classes[*c].hosts);
        let mut hosts: Vec<usize> = hosts.copied().collect();
        hosts.sort_unstable();
        hosts.iter().take(most).map(|h| self.hosts[*h].name.to_string()).collect()
    }

    /// The hosts of a class.
    #[must_use]
    pub fn hosts_of(&self, group: &Group) -> Vec<&Host> {
        group.hosts.iter().map(|h| &self.hosts[*h]).collect()
    }

    /// How many hosts these classes have.
    #[must_use]
    pub fn count(&self, classes: &[usize]) -> usize {
        classes.iter().map(|c| self.classes[*c].hosts.len()).sum()
    }

    /// Vendors that hosts have.
    #[must_use]
    pub fn vendors(&self) -> BTreeSet<&str> {
        self.classes.iter().map(Group::vendor).collect()
    }

    /// Hosts of which something was not captured.
    #[must_use]
    pub fn partial_hosts(&self) -> usize {
        self.classes.iter().filter(|class| class.is_partial()).map(|class| class.hosts.len()).sum()
    }

    /// Indexes of the recommended pools whose definition somebody has to look at: no plain yes.
    #[must_use]
    pub fn noted_pools(&self) -> Vec<usize> {
        let pools = self.recommendation().map(|taken| taken.pools.as_slice()).unwrap_or_default();
        let has_words = |pool: &PoolCard| pool.defined().is_some_and(|definition| !definition.words.is_empty());
        (0..).zip(pools).filter(|(_, pool)| has_words(pool)).map(|(at, _)| at).collect()
    }

    /// The site accepts all that keeps guests from moving between the classes of a vendor.
    fn is_one_by_waivers(&self) -> bool {
        let n = self.classes.len();
        let alike = |a: usize, b: usize| self.classes[a].vendor() == self.classes[b].vendor();
        let pairs = (0..n).flat_map(|a| (0..a).map(move |b| (a, b))).filter(|(a, b)| alike(*a, *b));
        let mut verdicts = pairs.map(|(a, b)| [self.step(a, b).verdict, self.step(b, a).verdict]);
        verdicts.all(|both| both.iter().all(|v| v.is_accepted()) && both.contains(&Verdict::Waived))
    }

    /// So many moves are waived.
    #[must_use]
    pub fn waived_moves(&self) -> usize {
        self.moves.iter().filter(|step| step.verdict == Verdict::Waived).count()
    }

    /// Some of the answer is so by a waiver alone.
    #[must_use]
    pub fn rests_on_waivers(&self) -> bool {
        self.waived_moves() > 0 || self.placements.iter().any(|p| !p.waived.is_empty())
    }

    /// The exit code of the command: 0 everything asked is answered with yes, 1 not so, 2 something is wrong.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if !self.problems.is_empty() {
            return 2;
        }
        let whole = self.partial_hosts() == 0 && !self.hosts.is_empty();
        let steady = self.drift.is_empty();
        let placed = place::all_pass(self);
        let asked = self.compared || !self.placements.is_empty();
        let one = self.classes.len() == self.vendors().len() || self.is_one_by_waivers();
        let one = one && self.noted_pools().is_empty();
        // Hosts are offers to make pools of: without any to take, there is no answer.
        // A guest that moves nowhere, or may not, moves to no other host of its class either.
        let moves = (0..self.classes.len()).all(|class| self.step(class, class).verdict.is_accepted());
        let pooled = self.scope() == Scope::Guest || self.recommended.is_some();
        u8::from(!(whole && steady && placed && pooled && moves && (asked || one)))
    }
}

/// Works out everything about a fleet.
///
/// # Panics
/// Never; a definition or a safe move that the judge does not agree with is a problem of the report, and is not shown.
#[must_use]
pub fn fleet(facts: Facts, asked: &Asked, knowledge: &Knowledge) -> Fleet {
    let prepared = prepare::prepare(facts, asked, knowledge);
    let mut fleet = assemble(prepared, knowledge);
    let mut waivers = Waivers::new(asked.policy.as_ref(), knowledge);
    fleet.moves = all_moves(&mut fleet, &mut waivers, knowledge);
    fleet.updates = updates(&fleet, knowledge);
    let scales = Scales::new(&fleet, knowledge);
    if fleet.scope() == Scope::Offer {
        make_pools(&mut fleet, &scales, asked, knowledge);
        fleet.price = price::prices(&fleet, &scales);
    } else {
        no_pools(&mut fleet, asked);
    }
    fleet.without = price::without(&fleet, asked, knowledge);
    fleet.placements = place::place(&fleet, &asked.vms, &mut waivers, knowledge);
    fleet.policy = waivers.remarks();
    if let Some(since) = &asked.since {
        fleet.compared = true;
        fleet.drift = drift::drift(&fleet, since.clone(), asked, knowledge);
    }
    fleet.problems.sort();
    fleet.problems.dedup();
    fleet
}

impl Fleet {
    /// Which places count.
    #[must_use]
    pub fn scope(&self) -> Scope {
        if self.role == Role::Guest { Scope::Guest } else { Scope::Offer }
    }
}

/// Classes with what follows from them; no move and no pool yet.
fn assemble(prepared: prepare::Prepared, knowledge: &Knowledge) -> Fleet {
    let prepare::Prepared { role, emulated, mut hosts, classes, left_out, problems, notes } = prepared;
    let mut groups: Vec<Group> = classes
        .into_iter()
        .map(|class| {
            let guards = |wanted: fn(Guard) -> bool| -> Vec<Place> {
                let have = class.offer.places.iter().filter(|(_, s)| matches!(s, Statement::Value(_)));
                have.map(|(p, _)| *p).filter(|p| knowledge.row(*p).guard.is_some_and(wanted)).collect()
            };
            Group {
                id: class.offer.id(),
                isa: isa::level(&class.offer),
                protections: guards(|g| g == Guard::Protection),
                hazards: guards(|g| g == Guard::Hazard),
                hosts: Vec::new(),
                tsc_khz: None,
                all_say_tsc: true,
                versions: BTreeSet::new(),
                class,
            }
        })
        .collect();
    for (i, host) in hosts.iter().enumerate() {
        let group = &mut groups[host.class];
        group.hosts.push(i);
        match host.tsc_khz {
            Some(khz) => {
                let (low, high) = group.tsc_khz.unwrap_or((khz, khz));
                group.tsc_khz = Some((low.min(khz), high.max(khz)));
            }
            None => group.all_say_tsc = false,
        }
        let of = |text: &Option<String>| text.as_deref().and_then(qemu_version);
        group.versions.insert((of(&host.libvirt), of(&host.qemu)));
    }
    let mut order: Vec<usize> = (0..groups.len()).filter(|i| !groups[*i].hosts.is_empty()).collect();
    order.sort_by(|a, b| {
        let key =
            |i: usize| (groups[i].vendor().to_string(), std::cmp::Reverse(groups[i].hosts.len()), groups[i].id.clone());
        key(*a).cmp(&key(*b))
    });
    let new: BTreeMap<usize, usize> = order.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    for host in &mut hosts {
        host.class = new.get(&host.class).copied().unwrap_or_default();
    }
    let mut slots: Vec<Option<Group>> = groups.into_iter().map(Some).collect();
    let classes = order.iter().filter_map(|i| slots[*i].take()).collect();
    Fleet {
        role,
        emulated,
        hosts,
        classes,
        moves: Vec::new(),
        partitions: Vec::new(),
        recommended: None,
        why: None,
        updates: Vec::new(),
        price: Vec::new(),
        without: Vec::new(),
        left_out,
        placements: Vec::new(),
        drift: Vec::new(),
        compared: false,
        problems,
        notes,
        policy: Vec::new(),
    }
}

/// Every ordered pair. A safe or waived move that the judge does not agree with is a problem, and unknown.
fn all_moves(fleet: &mut Fleet, waivers: &mut Waivers<'_>, knowledge: &Knowledge) -> Vec<Move> {
    if fleet.scope() == Scope::Guest {
        return moves_of_guests(fleet, waivers, knowledge);
    }
    let n = fleet.classes.len();
    let mut found = Vec::with_capacity(n * n);
    for from in 0..n {
        for to in 0..n {
            let [a, b] = [from, to].map(|i| &fleet.classes[i].class.offer);
            let mut step = moves::judge(a, b, knowledge);
            if from == to {
                step.verdict = Verdict::Safe;
                step.unknown.clear();
            } else {
                step.waive(waivers, &|names| waivers::is_for(names, fleet, [from, to]));
            }
            if from != to
                && step.verdict.is_accepted()
                && let Err(place) = moves::prove_safe(a, b, &step.waived, knowledge)
            {
                let what = format!(
                    "a {} move does not hold when both offers are compared register by register ({}); please report this",
                    step.verdict.word(),
                    place.prose()
                );
                step.verdict = Verdict::Unknown;
                step.unknown.push(place);
                fleet.problems.push(Problem { host: None, file: None, what });
            }
            found.push(step);
        }
    }
    found
}

/// Every ordered pair of guests, and each with itself, as `compare` has it.
fn moves_of_guests(fleet: &Fleet, waivers: &mut Waivers<'_>, knowledge: &Knowledge) -> Vec<Move> {
    let dump = |group: &Group| cpuid_probe::json::from_str(group.class.guest.as_deref()?).ok();
    let dumps: Vec<Option<Dump>> = fleet.classes.iter().map(dump).collect();
    let views: Vec<Option<DumpView<'_>>> = dumps.iter().map(|dump| dump.as_ref().map(DumpView::of)).collect();
    let mut found = Vec::with_capacity(views.len() * views.len());
    for (a, from) in views.iter().enumerate() {
        for (b, to) in views.iter().enumerate() {
            let is_meant = |names: &[String]| waivers::is_for(names, fleet, [a, b]);
            found.push(match (from, to) {
                (Some(from), Some(to)) => guest::judge(from, to, &mut |of| waivers.apply(of, &is_meant), knowledge),
                _ => Move::unknown("the summary holds no dump of these guests: read their files again"),
            });
        }
    }
    found
}

/// Classes that lack nothing but protections that another class of their vendor has.
fn updates(fleet: &Fleet, knowledge: &Knowledge) -> Vec<Update> {
    let is_protection = |place: &Place| knowledge.row(*place).guard == Some(Guard::Protection);
    let mut found: Vec<Update> = Vec::new();
    for to in 0..fleet.classes.len() {
        let lacks = |from: usize| {
            let (there, back) = (fleet.step(from, to), fleet.step(to, from));
            let only = !there.loses.is_empty()
                && there.loses.iter().all(is_protection)
                && [there, back].iter().all(|m| m.numbers.is_empty() && m.other.is_empty())
                && back.loses.is_empty();
            only.then(|| Update { class: to, like: from, protections: there.loses.clone() })
        };
        let best = (0..fleet.classes.len()).filter(|from| *from != to).filter_map(lacks);
        found.extend(best.max_by_key(|update| update.protections.len()));
    }
    found
}

/// The scales of the vendors, and which classes are whose.
#[derive(Debug)]
pub struct Scales {
    /// For each vendor its classes, and their scale.
    pub vendors: Vec<(Vec<usize>, Scale)>,
}

impl Scales {
    fn new(fleet: &Fleet, knowledge: &Knowledge) -> Self {
        let mut by_vendor: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (i, class) in fleet.classes.iter().enumerate() {
            by_vendor.entry(class.vendor()).or_default().push(i);
        }
        let vendors = by_vendor.into_values().map(|classes| {
            let offers: Vec<&Offer> = classes.iter().map(|c| &fleet.classes[*c].class.offer).collect();
            let hosts = classes.iter().map(|c| fleet.classes[*c].hosts.len() as u64).collect();
            let scale = Scale::new(&offers, hosts, knowledge);
            (classes, scale)
        });
        Self { vendors: vendors.collect() }
    }

    /// What each class of a pool gives up: class, places, loss of one host.
    fn gives_up(&self, pool: &[usize]) -> Vec<GivesUp> {
        for (classes, scale) in &self.vendors {
            let members: Vec<usize> = pool.iter().filter_map(|c| classes.iter().position(|x| x == c)).collect();
            if members.is_empty() {
                continue;
            }
            let given: Bits = scale.meet(members.iter().copied());
            let of = |i: &usize| GivesUp {
                class: classes[*i],
                places: scale.lost_places(*i, &given),
                loss: scale.loss(*i, &given),
            };
            return members.iter().map(of).collect();
        }
        Vec::new()
    }

    fn takes_protection(&self, pool: &[usize]) -> bool {
        self.vendors.iter().any(|(classes, scale)| {
            let members: Vec<usize> = pool.iter().filter_map(|c| classes.iter().position(|x| x == c)).collect();
            !members.is_empty() && scale.takes_protection(&members)
        })
    }

    fn cost(&self, pool: &[usize]) -> u64 {
        self.vendors
            .iter()
            .map(|(classes, scale)| {
                let members: Vec<usize> = pool.iter().filter_map(|c| classes.iter().position(|x| x == c)).collect();
                if members.is_empty() { 0 } else { scale.cost(&members) }
            })
            .sum()
    }
}

/// What is asked about pools, of guests, that nothing answers.
fn no_pools(fleet: &mut Fleet, asked: &Asked) {
    let demands = [
        ("--pools", asked.pools.is_some()),
        ("--require", !asked.require.is_empty()),
        ("--min-hosts", asked.min_hosts > 1),
        ("--keep", !asked.keep.is_empty()),
    ];
    for (option, _) in demands.iter().filter(|(_, asked)| *asked) {
        let what = format!("{option}: pools are made of what hosts offer, and these files show guests");
        fleet.problems.push(Problem { host: None, file: None, what });
    }
}

/// Which classes must not be in one pool: a number for each class of the fleet.
fn apart(fleet: &mut Fleet, asked: &Asked, knowledge: &Knowledge) -> Vec<usize> {
    let mut marks: Vec<Vec<u8>> = vec![Vec::new(); fleet.classes.len()];
    for wanted in &asked.require {
        let level = isa::parse(wanted);
        let places: Vec<Place> = knowledge.by_name(wanted).into_iter().map(|m| m.place).collect();
        let place = places.iter().copied().find(|p| knowledge.row(*p).is_capability());
        if level.is_none() && place.is_none() {
            let near = knowledge.near(wanted);
            let near = if near.is_empty() { String::new() } else { format!(" (near: {})", near.join(", ")) };
            let what = format!("--require {wanted}: no feature that a host can give has this name{near}");
            fleet.problems.push(Problem { host: None, file: None, what });
            continue;
        }
        for (class, marks) in fleet.classes.iter().zip(&mut marks) {
            marks.push(match (level, place) {
                (Some(level), _) => u8::from(class.isa.is_some_and(|own| own >= level)),
                (None, Some(place)) => class.class.offer.at(place).map_or(2, |value| u8::from(value != 0)),
                (None, None) => 0,
            });
        }
    }
    let kinds: BTreeSet<Vec<u8>> = marks.iter().cloned().collect();
    let kinds: Vec<Vec<u8>> = kinds.into_iter().collect();
    marks.iter().map(|mark| kinds.iter().position(|k| k == mark).unwrap_or_default()).collect()
}

/// So many hosts a problem names.
const NAMED: usize = 3;
/// So many pools are defined; of larger fleets only those of the partition to take.
const DEFINED: usize = 150;

fn make_pools(fleet: &mut Fleet, scales: &Scales, asked: &Asked, knowledge: &Knowledge) {
    let marks = apart(fleet, asked, knowledge);
    let found: Vec<Vec<Option<partition::Partition>>> = scales
        .vendors
        .iter()
        .map(|(classes, scale)| {
            let apart = classes.iter().map(|c| marks[*c]).collect();
            partition::partitions(scale, &Demands { min_hosts: asked.min_hosts, apart })
        })
        .collect();
    let mut partitions: Vec<(Vec<Vec<usize>>, u64, bool, bool)> = Vec::new();
    for counts in partition::shares(&found).into_iter().flatten().filter(|counts| !counts.is_empty()) {
        let (mut pools, mut loss, mut exact) = (Vec::new(), 0, true);
        for ((partitions, (classes, _)), k) in found.iter().zip(&scales.vendors).zip(&counts) {
            let Some(Some(partition)) = partitions.get(k - 1) else { continue };
            pools.extend(partition.pools.iter().map(|pool| pool.iter().map(|i| classes[*i]).collect::<Vec<_>>()));
            loss += partition.loss;
            exact &= partition.exact;
        }
        partitions.push((pools, loss, exact, false));
    }
    let kept = (!asked.keep.is_empty()).then(|| keep(fleet, scales, asked, &marks)).flatten();
    if let Some(pools) = &kept {
        let loss = pools.iter().map(|pool| scales.cost(pool)).sum();
        let card = (pools.clone(), loss, false, true);
        match partitions.iter_mut().find(|(own, ..)| own.len() == pools.len()) {
            Some(same) => *same = card,
            None => {
                partitions.push(card);
                partitions.sort_by_key(|(pools, ..)| pools.len());
            }
        }
    }
    let takes = |pools: &[Vec<usize>]| pools.iter().any(|pool| scales.takes_protection(pool));
    let recommended = match asked.pools {
        Some(k) => {
            let at = partitions.iter().position(|(pools, ..)| pools.len() == k);
            if at.is_none() {
                fleet.problems.push(Problem {
                    host: None,
                    file: None,
                    what: format!("--pools {k}: there is no partition into {k} pools"),
                });
            }
            at
        }
        None => kept
            .as_ref()
            .and_then(|_| partitions.iter().position(|(.., kept)| *kept))
            .filter(|at| !takes(&partitions[*at].0))
            .or_else(|| recommend(&partitions, &takes)),
    };
    if recommended.is_none() && asked.pools.is_none() && !fleet.classes.is_empty() {
        fleet.why = Some(if partitions.is_empty() {
            format!("no pools of at least {} hosts can be made", asked.min_hosts)
        } else {
            "in every partition that is allowed a pool lacks a protection that a member has".to_string()
        });
    }
    let distinct: BTreeSet<&Vec<usize>> = partitions.iter().flat_map(|(pools, ..)| pools).collect();
    let all = distinct.len() <= DEFINED;
    let mut defined: BTreeMap<Vec<usize>, PoolCard> = BTreeMap::new();
    for (at, (pools, loss, exact, kept)) in partitions.iter().enumerate() {
        let wanted = all || Some(at) == recommended;
        let mut cards: Vec<PoolCard> = Vec::new();
        for pool in pools {
            let mut sorted = pool.clone();
            sorted.sort_unstable();
            let known = defined.get(&sorted).filter(|card| !wanted || card.definition.is_some());
            let card = match known {
                Some(card) => card.clone(),
                None => {
                    let card = card(fleet, scales, &sorted, wanted, knowledge);
                    defined.insert(sorted, card.clone());
                    card
                }
            };
            cards.push(card);
        }
        cards.sort_by(|a, b| (b.hosts, &a.classes).cmp(&(a.hosts, &b.classes)));
        fleet.partitions.push(Pools { pools: cards, loss: *loss, exact: *exact, kept: *kept });
    }
    fleet.recommended = recommended;
    undefined(fleet);
}

/// A pool to take that has no definition is no answer, and one whose definition does not hold is wrong wherever it is.
fn undefined(fleet: &mut Fleet) {
    let mut problems = Vec::new();
    for (at, partition) in fleet.partitions.iter().enumerate() {
        let is_wanted = |why: &Undefined| fleet.recommended == Some(at) || matches!(why, Undefined::Unproved(_));
        for pool in &partition.pools {
            if let Some(why) = pool.refusal().filter(|why| is_wanted(why)) {
                let hosts = hosts_in_words(&fleet.names_of(&pool.classes, NAMED), pool.hosts, NAMED);
                problems.push(Problem {
                    host: None,
                    file: None,
                    what: format!("the pool of {hosts} has no definition: {why}"),
                });
            }
        }
    }
    fleet.problems.extend(problems);
}

/// The smallest number of pools after which one more saves less than a tenth of the loss at the smallest, and no pool of
/// which lacks a protection that a member has.
fn recommend(
    partitions: &[(Vec<Vec<usize>>, u64, bool, bool)],
    takes: &dyn Fn(&[Vec<usize>]) -> bool,
) -> Option<usize> {
    let (_, worst, ..) = partitions.first()?;
    let is_enough = |at: usize| match partitions.get(at + 1) {
        Some((_, next, ..)) => partitions[at].1.saturating_sub(*next) * 10 < (*worst).max(1),
        None => true,
    };
    (0..partitions.len()).find(|at| is_enough(*at) && !takes(&partitions[*at].0))
}

/// Last week's pools: every class where most of its hosts were; a class of new hosts where it costs least and takes no
/// protection, else by itself. `None` where such pools must not be.
fn keep(fleet: &Fleet, scales: &Scales, asked: &Asked, marks: &[usize]) -> Option<Vec<Vec<usize>>> {
    let mut pool_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, pool) in asked.keep.iter().enumerate() {
        pool_of.extend(pool.iter().map(|name| (name.as_str(), i)));
    }
    let may = |pool: &[usize], class: usize| {
        pool.iter().all(|c| fleet.classes[*c].vendor() == fleet.classes[class].vendor() && marks[*c] == marks[class])
    };
    let mut pools: Vec<Vec<usize>> = vec![Vec::new(); asked.keep.len()];
    let mut new = Vec::new();
    for (class, group) in fleet.classes.iter().enumerate() {
        let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
        for host in &group.hosts {
            if let Some(pool) = pool_of.get(&*fleet.hosts[*host].name) {
                *votes.entry(*pool).or_default() += 1;
            }
        }
        let most = votes.into_iter().max_by_key(|(pool, votes)| (*votes, std::cmp::Reverse(*pool)));
        match most {
            Some((pool, _)) => pools[pool].push(class),
            None => new.push(class),
        }
    }
    // A class whose capability changed so that it no longer fits its pool makes a pool of its own.
    let mut apart = Vec::new();
    for pool in &mut pools {
        while pool.len() > 1 && (scales.takes_protection(pool) || !pool.iter().all(|c| may(pool, *c))) {
            let worst = pool.iter().copied().min_by_key(|class| {
                let rest: Vec<usize> = pool.iter().copied().filter(|c| c != class).collect();
                (scales.takes_protection(&rest), fleet.classes[*class].hosts.len(), scales.cost(&rest))
            })?;
            pool.retain(|c| *c != worst);
            apart.push(worst);
        }
    }
    for class in new.into_iter().chain(apart) {
        let with = |pool: &Vec<usize>| {
            let mut with = pool.clone();
            with.push(class);
            with.sort_unstable();
            with
        };
        let fits = pools.iter().enumerate().filter(|(_, pool)| !pool.is_empty() && may(pool, class));
        let fits = fits
            .map(|(at, pool)| (at, with(pool), scales.cost(pool)))
            .filter(|(_, with, _)| !scales.takes_protection(with));
        let best = fits.min_by_key(|(at, with, before)| (scales.cost(with).saturating_sub(*before), *at));
        match best {
            Some((at, with, _)) => pools[at] = with,
            None => pools.push(vec![class]),
        }
    }
    pools.retain(|pool| !pool.is_empty());
    let large = |pool: &Vec<usize>| fleet.count(pool) as u64 >= asked.min_hosts;
    pools.iter().all(large).then_some(pools)
}

/// Everything about one pool.
fn card(fleet: &Fleet, scales: &Scales, classes: &[usize], define: bool, knowledge: &Knowledge) -> PoolCard {
    let offers = classes.iter().map(|c| &fleet.classes[*c].class.offer);
    let offer = offers.cloned().reduce(|all, next| all.meet(&next, knowledge)).unwrap_or_default();
    let mut hazards: Vec<Place> = classes.iter().flat_map(|c| fleet.classes[*c].hazards.iter().copied()).collect();
    hazards.sort_unstable();
    hazards.dedup();
    // A guest with all that the pool gives must run on each of its hosts.
    let proof = |class: &usize| {
        let group = &fleet.classes[*class];
        moves::prove_safe(&offer, &group.class.offer, &[], knowledge).map_err(|place| {
            let host = fleet.names_of(&[*class], 1).concat();
            Undefined::Unproved(format!("{host} lacks {} of what the pool gives", place.prose()))
        })
    };
    let definition = match classes.iter().try_for_each(proof) {
        Err(why) => Some(Err(why)),
        Ok(()) => define.then(|| defined(fleet, classes, knowledge)),
    };
    PoolCard {
        hosts: fleet.count(classes),
        isa: isa::level(&offer),
        gives_up: scales.gives_up(classes),
        takes_protection: scales.takes_protection(classes),
        partial: classes.iter().any(|c| fleet.classes[*c].is_partial()),
        classes: classes.to_vec(),
        offer,
        definition,
        hazards,
    }
}

/// The definition of a pool of these classes.
fn defined(fleet: &Fleet, classes: &[usize], knowledge: &Knowledge) -> Result<Definition, Undefined> {
    let names: Vec<Vec<String>> = classes.iter().map(|c| fleet.names_of(&[*c], 9)).collect();
    let records: Vec<Vec<&Host>> = classes.iter().map(|c| fleet.hosts_of(&fleet.classes[*c])).collect();
    let member = |(c, (names, records)): (&usize, (_, _))| {
        let group = &fleet.classes[*c];
        let tsc_khz = group.tsc_khz.filter(|_| group.all_say_tsc);
        Member { class: &group.class, hosts: names, records, versions: &group.versions, tsc_khz }
    };
    let of = names.iter().map(Vec::as_slice).zip(records.iter().map(Vec::as_slice));
    let members: Vec<Member<'_>> = classes.iter().zip(of).map(member).collect();
    define::define(&members, knowledge)
}

/// Names of places, in order.
#[must_use]
pub fn names(places: &[Place], knowledge: &Knowledge) -> Vec<String> {
    places.iter().map(|place| offer::name(*place, knowledge)).collect()
}

/// The first few of some hosts' names and how many there are besides: `node1, node2 and 3 more`.
#[must_use]
pub fn hosts_in_words(names: &[String], count: usize, most: usize) -> String {
    let shown = names.len().min(most);
    match count.saturating_sub(shown) {
        0 => list::first(names, most),
        more => format!("{} and {more} more", names[..shown].join(", ")),
    }
}
