//! The canonical offer: what a host says of each place that counts for a fleet, and nothing else.
//!
//! Two hosts with equal offers are one class. A place that is not listed is absent: zero, or not there. What stands behind
//! a closed gate is absent. What a source does not say is *unknown*, with the reason, and never absent.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::OnceLock;

use cpuid_probe::hypervisor::Owner;
use cpuid_probe::place::{BitRange, Query, Within};
use cpuid_probe::{LeafId, Place, Register};
use sha2::{Digest, Sha256};

use crate::cpu_map::CpuMap;
use crate::knowledge::{Knowledge, Row, RuleKind, Severity, is_of_the_definition};
use crate::pool::{Known, Says};
use crate::view::{DumpView, Seen, VcpuView, Why};

/// Why a source does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// It lists names, and this place has none, or one that is newer than its libvirt or QEMU.
    NamesOnly,
    /// Its kind of source does not say this, and another would.
    Unsaid,
    /// The leaf was not captured.
    Leaf,
    /// The MSR was not captured.
    Msr,
    /// Reading the MSR faulted.
    Fault,
    /// A guest that may migrate is not shown it: nobody knows whether the host has it.
    Migratable,
    /// Two files of the host disagree.
    Disagree,
}

impl Reason {
    const ALL: [Self; 7] =
        [Self::NamesOnly, Self::Unsaid, Self::Leaf, Self::Msr, Self::Fault, Self::Migratable, Self::Disagree];

    /// The words in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NamesOnly => "names only",
            Self::Unsaid => "not said",
            Self::Leaf => "leaf not captured",
            Self::Msr => "MSRs not captured",
            Self::Fault => "reading the MSR faulted",
            Self::Migratable => "hidden from guests that may migrate",
            Self::Disagree => "files disagree",
        }
    }

    /// The reason that words stand for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// Whether a capture of the same host could have said it, and a definition could ask for it: libvirt's list has every
    /// name that its definitions can use, and what a guest that may migrate is not shown it does not get.
    #[must_use]
    pub const fn is_gap(self) -> bool {
        match self {
            Self::NamesOnly | Self::Migratable => false,
            Self::Unsaid | Self::Leaf | Self::Msr | Self::Fault | Self::Disagree => true,
        }
    }

    /// How to learn it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::NamesOnly | Self::Unsaid => "take `cpuid-probe kvm` or `cpuid-probe boot --cpu host` on the host",
            Self::Leaf => "capture every leaf (cpuid-probe does)",
            Self::Msr | Self::Fault => {
                "capture the feature MSRs too: `cpuid-probe boot --cpu host` reads them (a native capture: `--msrs`)"
            }
            Self::Migratable => "`cpuid-probe boot --cpu host,migratable=off` shows it",
            Self::Disagree => "capture the host again, in one way",
        }
    }
}

/// What an offer says of a place that is not absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Statement {
    /// Its bits, shifted down; never zero.
    Value(u64),
    /// It does not say.
    Unknown(Reason),
}

/// What a host offers, or what a guest of one definition reads there.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offer {
    /// The CPU's vendor, as in leaf 0; nothing where it is not said.
    pub vendor: Option<String>,
    /// What is said of places, in their order.
    pub places: BTreeMap<Place, Statement>,
    /// Of a guest: facts without a place that must agree, such as its machine type.
    pub facts: BTreeMap<String, String>,
    /// Of a guest: the register sets that it has, zero or not.
    pub leaves: BTreeSet<LeafId>,
}

/// The fact of a guest that says how many vCPUs it has, where all were captured.
pub const VCPUS: &str = "number of vCPUs";

/// Which places count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What a host can give: capability.
    Offer,
    /// What a guest reads: everything that its definition and its host decide.
    Guest,
}

impl Scope {
    fn holds(self, row: &Row) -> bool {
        match self {
            Self::Offer => row.is_capability(),
            // Of a number that says little, a bit without a name, or one that is lost, can still be worth a look.
            Self::Guest => match row.rule {
                RuleKind::PerVcpu => false,
                RuleKind::OsControlled | RuleKind::Informational => {
                    row.lost.min(row.gained) <= Severity::Warning || !row.known && row.bits.is_one()
                }
                _ => true,
            },
        }
    }
}

/// Every place of the CPU's that rows know and that counts as capability; of rows for several subleaves the first.
fn known_places() -> &'static [Place] {
    static PLACES: OnceLock<Vec<Place>> = OnceLock::new();
    PLACES.get_or_init(|| {
        let entries = Knowledge::builtin().entries();
        let mut places: Vec<Place> = entries.iter().map(|e| e.row.place).filter(|p| p.bits().is_some()).collect();
        places.retain(|place| Knowledge::builtin().row(*place).is_capability());
        places.sort_unstable();
        places.dedup();
        places
    })
}

impl Offer {
    /// What a dump says.
    #[must_use]
    pub fn of_dump(view: &DumpView<'_>, scope: Scope, knowledge: &Knowledge) -> Self {
        let mut offers = Self::of_vcpus(view, scope, knowledge);
        let first = offers.next().unwrap_or_default();
        // A hybrid host gives a guest what all its kinds of cores have.
        let mut offer = offers.fold(first, |all, next| if all == next { all } else { all.meet(&next, knowledge) });
        offer.vendor = view.dump.vcpus.first().and_then(|v| v.vendor()).map(|v| v.to_string());
        offer
    }

    /// What each vCPU of a dump says, without its vendor.
    pub fn of_vcpus<'a>(
        view: &'a DumpView<'_>,
        scope: Scope,
        knowledge: &'a Knowledge,
    ) -> impl Iterator<Item = Self> + 'a {
        view.vcpus.iter().map(move |vcpu| Self::of_vcpu(vcpu, scope, knowledge))
    }

    fn of_vcpu(vcpu: &VcpuView<'_>, scope: Scope, knowledge: &Knowledge) -> Self {
        let mut places = BTreeMap::new();
        for record in vcpu.vcpu.leaves() {
            if vcpu.coverage.place(record.id) != cpuid_probe::coverage::Place::Captured {
                continue;
            }
            let block = block_of(vcpu, record.id);
            if block.is_some() && scope == Scope::Offer {
                continue;
            }
            for register in Register::ALL {
                let whole = Place::Cpuid { block, id: record.id, register, bits: BitRange::REGISTER };
                let value = u64::from(record.registers.get(register));
                put(&mut places, whole, value, scope, knowledge, |_| true);
            }
        }
        for msr in vcpu.vcpu.msrs() {
            let whole = Place::Msr { index: msr.index, bits: BitRange::MSR };
            // A control that must be one is no feature: a guest cannot choose it.
            let counts = |place: Place| scope == Scope::Guest || vcpu.feature(place).is_set();
            if vcpu.announces(whole) || scope == Scope::Guest {
                put(&mut places, whole, msr.value.unwrap_or_default(), scope, knowledge, counts);
            }
        }
        for place in known_places() {
            if let Seen::NotCaptured(why) = vcpu.see(*place) {
                let reason = match why {
                    Why::Msr => Reason::Msr,
                    Why::Fault => Reason::Fault,
                    Why::Leaf => Reason::Leaf,
                    Why::Unsaid => Reason::Unsaid,
                };
                places.insert(*place, Statement::Unknown(reason));
            }
        }
        let cut = vcpu.coverage.missing.iter().chain(&vcpu.coverage.capped);
        let gaps = cpuid_probe::coverage::lacking(vcpu.vcpu).map(|gap| &gap.id);
        for id in cut.chain(gaps).filter(|id| scope == Scope::Guest || is_the_hosts(**id)) {
            places.insert(Place::Leaf { block: None, id: *id }, Statement::Unknown(Reason::Leaf));
        }
        let leaves = match scope {
            Scope::Offer => BTreeSet::new(),
            Scope::Guest => vcpu.vcpu.leaves().iter().map(|record| record.id).collect(),
        };
        let mut offer = Self { places, leaves, ..Self::default() };
        if scope == Scope::Offer {
            offer.close_gates(knowledge);
        }
        offer
    }

    /// What a list of names says: what it has, and what it does not know. `map` numbers the features.
    #[must_use]
    pub fn of_names(says: &Says, map: &CpuMap) -> Self {
        let mut places: BTreeMap<Place, Statement> = BTreeMap::new();
        for place in known_places() {
            let named = map.feature_at(*place);
            if named.is_none_or(|id| says.unknown.contains(&id)) {
                places.insert(*place, Statement::Unknown(Reason::NamesOnly));
            }
        }
        for (id, feature) in map.features.iter().enumerate() {
            match says.of(id) {
                Known::Has => places.insert(feature.place, Statement::Value(1)),
                Known::Unknown => places.insert(feature.place, Statement::Unknown(Reason::NamesOnly)),
                Known::Some | Known::Lacks => None,
            };
        }
        let knowledge = Knowledge::builtin();
        places.retain(|place, _| knowledge.row(*place).is_capability());
        if let Some(width) = says.width {
            places.insert(crate::view::dump::PHYS_BITS, Statement::Value(width.bits().into()));
        }
        let vendor = says.vendor.or(says.model_vendor).map(|v| v.text.to_string());
        let mut offer = Self { vendor, places, ..Self::default() };
        offer.close_gates(knowledge);
        offer
    }

    /// What is behind a bit that is known to be clear means nothing.
    fn close_gates(&mut self, knowledge: &Knowledge) {
        let closed: Vec<Place> = self.places.keys().copied().filter(|p| self.is_closed(*p, knowledge)).collect();
        for place in closed {
            self.places.remove(&place);
        }
    }

    fn is_closed(&self, place: Place, knowledge: &Knowledge) -> bool {
        let clear = |gate: &Place| self.at(*gate) == Some(0);
        if let Some(index) = place.msr_index() {
            return cpuid_probe::msr::FEATURE_MSRS.iter().filter(|msr| msr.index == index).any(|msr| {
                let (leaf, register, bit) = msr.announced_by;
                clear(&Place::bit(leaf, 0, register, bit))
            });
        }
        let at = match place {
            Place::Leaf { id, .. } => Place::bit(id.leaf, id.ecx(), Register::Eax, 0),
            other => other,
        };
        let row = knowledge.row(at);
        !row.gates.is_empty() && row.gates.iter().all(clear)
    }

    /// The value of a place, 0 where it is absent; `None` where it is unknown.
    #[must_use]
    pub fn at(&self, place: Place) -> Option<u64> {
        match self.places.get(&place) {
            None => Some(0),
            Some(Statement::Value(value)) => Some(*value),
            Some(Statement::Unknown(_)) => None,
        }
    }

    /// Every place that one of two offers lists, in order, with the value of each: 0 where it is absent, `None` where it is
    /// unknown.
    pub fn beside<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (Place, [Option<u64>; 2])> + 'a {
        let (mut one, mut two) = (self.places.iter().peekable(), other.places.iter().peekable());
        std::iter::from_fn(move || {
            let order = match (one.peek(), two.peek()) {
                (Some((a, _)), Some((b, _))) if a == b => Ordering::Equal,
                (Some((a, _)), Some((b, _))) => a.cmp(b),
                (Some(_), None) => Ordering::Less,
                (None, _) => Ordering::Greater,
            };
            let a = if order.is_le() { one.next() } else { None };
            let b = if order.is_ge() { two.next() } else { None };
            let (place, _) = a.or(b)?;
            let value = |said: Option<(&Place, &Statement)>| match said {
                None => Some(0),
                Some((_, Statement::Value(value))) => Some(*value),
                Some((_, Statement::Unknown(_))) => None,
            };
            Some((*place, [value(a), value(b)]))
        })
    }

    /// What both can give. What one of them does not say is unknown.
    #[must_use]
    pub fn meet(&self, other: &Self, knowledge: &Knowledge) -> Self {
        let mut places = BTreeMap::new();
        for (place, values) in self.beside(other) {
            let unknown = |offer: &Self| match offer.places.get(&place) {
                Some(Statement::Unknown(reason)) => Some(*reason),
                _ => None,
            };
            let met = match values.into() {
                (Some(a), Some(b)) => match met(&knowledge.row(place), a, b) {
                    0 => continue,
                    value => Statement::Value(value),
                },
                // What one is known to lack, both cannot give, whatever the other has.
                (Some(0), None) | (None, Some(0)) if !knowledge.row(place).accumulates() => continue,
                _ => Statement::Unknown(unknown(self).or(unknown(other)).unwrap_or(Reason::Leaf)),
            };
            places.insert(place, met);
        }
        let vendor = self.vendor.clone().filter(|v| other.vendor.as_ref() == Some(v));
        Self { vendor, places, facts: self.facts.clone(), leaves: self.leaves.clone() }
    }

    /// What two files of one host say together: where they disagree nothing is known, and what one alone says counts.
    #[must_use]
    pub fn both_say(&self, other: &Self) -> (Self, Vec<Place>) {
        let (mut places, mut differ) = (BTreeMap::new(), Vec::new());
        for (place, values) in self.beside(other) {
            let said = match values.into() {
                (Some(a), Some(b)) if a == b && a != 0 => Statement::Value(a),
                (Some(a), Some(b)) if a == b => continue,
                (Some(_), Some(_)) => {
                    differ.push(place);
                    Statement::Unknown(Reason::Disagree)
                }
                (Some(0), None) | (None, Some(0)) => continue,
                (Some(value), None) | (None, Some(value)) => Statement::Value(value),
                (None, None) => self.places.get(&place).copied().unwrap_or(Statement::Unknown(Reason::Leaf)),
            };
            places.insert(place, said);
        }
        let vendor = self.vendor.clone().or_else(|| other.vendor.clone());
        (Self { vendor, places, facts: self.facts.clone(), leaves: self.leaves.clone() }, differ)
    }

    /// The name of this offer: the first 16 digits of the SHA-256 of its canonical text.
    #[must_use]
    pub fn id(&self) -> String {
        let mut text = format!("{}\n", self.vendor.as_deref().unwrap_or("-"));
        for (fact, value) in &self.facts {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{fact}={value}");
        }
        for id in &self.leaves {
            let _ = writeln!(text, "{}", Place::Leaf { block: None, id: *id }.id());
        }
        for (place, statement) in &self.places {
            let _ = match statement {
                Statement::Value(value) => writeln!(text, "{}={value:#x}", key(*place)),
                Statement::Unknown(reason) => writeln!(text, "{}?{}", key(*place), reason.word()),
            };
        }
        let mut id = String::new();
        for byte in Sha256::digest(text.as_bytes()).iter().take(8) {
            let _ = write!(id, "{byte:02x}");
        }
        id
    }

    /// Whether everything that counts was captured: the one rule of hosts, classes and pools.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let is_gap = |said: &Statement| matches!(said, Statement::Unknown(reason) if reason.is_gap());
        !self.lacks_vcpus() && !self.places.values().any(is_gap)
    }

    /// Of a guest: not all of its vCPUs were captured.
    #[must_use]
    pub fn lacks_vcpus(&self) -> bool {
        !self.facts.is_empty() && !self.facts.contains_key(VCPUS)
    }

    /// What is not known, by reason.
    #[must_use]
    pub fn unknown(&self) -> BTreeMap<Reason, Vec<Place>> {
        let mut unknown: BTreeMap<Reason, Vec<Place>> = BTreeMap::new();
        for (place, statement) in &self.places {
            if let Statement::Unknown(reason) = statement {
                unknown.entry(*reason).or_default().push(*place);
            }
        }
        unknown
    }

    /// Says what a feature is, for the common CPU.
    #[must_use]
    pub fn known(&self, place: Place) -> Known {
        match self.at(place) {
            None => Known::Unknown,
            Some(0) => Known::Lacks,
            Some(_) => Known::Has,
        }
    }
}

/// What hosts with `a` and `b` both give.
#[must_use]
pub fn met(row: &Row, a: u64, b: u64) -> u64 {
    match row.rule {
        _ if row.accumulates() => a | b,
        RuleKind::Subset | RuleKind::Hazard => a & b,
        RuleKind::NotLess => a.min(b),
        RuleKind::NotGreater => a.max(b),
        _ if row.bits.is_one() && !row.known => a & b,
        _ => {
            if a == b {
                a
            } else {
                0
            }
        }
    }
}

/// Adds what a register or an MSR holds, row by row.
fn put(
    places: &mut BTreeMap<Place, Statement>,
    whole: Place,
    value: u64,
    scope: Scope,
    knowledge: &Knowledge,
    counts: impl Fn(Place) -> bool,
) {
    let mut rest = value;
    while rest != 0 {
        let bit = u8::try_from(rest.trailing_zeros()).unwrap_or(63);
        let row = knowledge.row(whole.with_bits(BitRange::one(bit)));
        rest &= !row.bits.mask();
        let place = whole.with_bits(row.bits);
        if scope.holds(&row) && counts(place) {
            places.insert(place, Statement::Value(row.bits.of(value)));
        }
    }
    // A zero that stands for another field's value is that value.
    for row in zeros_that_mean(whole, value, knowledge) {
        let Some(other) = row.zero_means else { continue };
        if scope.holds(&row) && other.of(value) != 0 {
            places.insert(whole.with_bits(row.bits), Statement::Value(other.of(value)));
        }
    }
}

/// The fields of a register that are zero and stand for another field.
fn zeros_that_mean<'a>(whole: Place, value: u64, knowledge: &'a Knowledge) -> impl Iterator<Item = Row> + 'a {
    static MEANING: OnceLock<Vec<(Place, BitRange)>> = OnceLock::new();
    let all = MEANING.get_or_init(|| {
        let entries = Knowledge::builtin().entries();
        entries.iter().filter(|e| e.row.zero_means.is_some()).map(|e| (e.place, e.row.bits)).collect()
    });
    let here = all.iter().filter(move |(place, bits)| {
        place.leaf().map(|id| (id.leaf, id.ecx())) == whole.leaf().map(|id| (id.leaf, id.ecx()))
            && place.register() == whole.register()
            && place.owner() == whole.owner()
            && whole.msr_index().is_none()
            && bits.of(value) == 0
    });
    here.map(move |(_, bits)| knowledge.row(whole.with_bits(*bits)))
}

/// Whether a leaf can say what a host gives.
fn is_the_hosts(id: LeafId) -> bool {
    cpuid_probe::hypervisor::base_of(id.leaf).is_none() && !is_of_the_definition(id)
}

/// Whose block a leaf lies in.
fn block_of(vcpu: &VcpuView<'_>, id: LeafId) -> Option<Within> {
    let base = cpuid_probe::hypervisor::base_of(id.leaf)?;
    let signature = vcpu.vcpu.blocks().find(|b| b.base == base).map(|b| b.signature);
    let owner = crate::view::blocks::owner_of(vcpu.vcpu, base, signature).unwrap_or(Owner::OtherHypervisor);
    Some(Within { owner, signature: None })
}

/// A place as offers write it: its id, with its owner where it is not the CPU's.
#[must_use]
pub fn key(place: Place) -> String {
    match place.owner() {
        Owner::Cpu => place.id().to_string(),
        owner => format!("{}:{}", owner.word(), place.id()),
    }
}

/// Reads a place as offers write it.
#[must_use]
pub fn place_of(key: &str) -> Option<Place> {
    let owner = key.split_once(':').and_then(|(word, rest)| {
        let owner = Owner::ALL.into_iter().find(|owner| owner.word() == word)?;
        Some((owner, rest))
    });
    let (block, id) = match owner {
        Some((owner, rest)) => (Some(Within { owner, signature: None }), rest),
        None => (None, key),
    };
    match id.parse().ok()? {
        Query::Cpuid { leaf, subleaf, register: Some(register), bits: Some(bits) } => {
            Some(Place::Cpuid { block, id: LeafId { leaf, subleaf }, register, bits })
        }
        Query::Cpuid { leaf, subleaf, register: None, bits: None } => {
            Some(Place::Leaf { block, id: LeafId { leaf, subleaf } })
        }
        Query::Msr { index, bits: Some(bits) } => Some(Place::Msr { index, bits }),
        _ => None,
    }
}

/// What people call a place: its row's name, else where it is.
#[must_use]
pub fn name(place: Place, knowledge: &Knowledge) -> String {
    knowledge.row(place).name.map_or_else(|| place.to_string(), str::to_string)
}
