//! Collecting findings: naming their place, merging equal ones of several vCPUs, sorting.

use std::collections::BTreeMap;

use cpuid_probe::Register;
use cpuid_probe::leaf::LeafId;
use cpuid_probe::vendor::Signature;
use serde_json::{Map, Value};

use crate::compare::blocks::{BlockPair, Slot};
use crate::compare::judge::{Directions, Judged, Judgement};
use crate::knowledge::{Accel, Asked, Row, RuleKind, Site, Subject, advice_for};
use crate::report::{Change, Finding, Names, Severity, Values};

/// The values of a row in both dumps, shifted down; `None` where the place is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// In the first dump.
    pub a: Option<u64>,
    /// In the second dump.
    pub b: Option<u64>,
}

impl Pair {
    /// A pair.
    #[must_use]
    pub const fn new(a: Option<u64>, b: Option<u64>) -> Self {
        Self { a, b }
    }
}

/// The order of findings: by place, then MSRs, then what has no place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Leaf(LeafId, Option<Register>, u8),
    Msr(u32, u8),
    Other(String),
}

/// Where a finding is.
#[derive(Clone, Debug)]
pub struct Spot {
    order: Order,
    /// The finding's id.
    id: String,
    leaf: Option<LeafId>,
    msr: Option<u32>,
    register: Option<Register>,
    bits: Option<(u8, u8)>,
    block: Option<Signature>,
}

fn bits_text(hi: u8, lo: u8) -> String {
    if hi == lo { hi.to_string() } else { format!("{hi}:{lo}") }
}

/// `0x00000007.0x00000000`, the form of finding ids.
fn id_text(id: LeafId) -> String {
    match id.subleaf {
        Some(subleaf) => format!("{:#010x}.{subleaf:#010x}", id.leaf),
        None => format!("{:#010x}", id.leaf),
    }
}

impl Spot {
    /// Bits of a register.
    #[must_use]
    pub fn register(slot: &Slot, register: Register, hi: u8, lo: u8) -> Self {
        Self::bits(slot.id(), slot.signature, register, hi, lo)
    }

    /// Bits of a register at a plain place.
    #[must_use]
    pub fn bits(id: LeafId, block: Option<Signature>, register: Register, hi: u8, lo: u8) -> Self {
        Self {
            order: Order::Leaf(id, Some(register), lo),
            id: format!("{}:{}:{}", id_text(id), register.name(), bits_text(hi, lo)),
            leaf: Some(id),
            msr: None,
            register: Some(register),
            bits: Some((hi, lo)),
            block,
        }
    }

    fn set(slot: &Slot) -> Self {
        let id = slot.id();
        Self {
            order: Order::Leaf(id, None, 0),
            id: id_text(id),
            leaf: Some(id),
            msr: None,
            register: None,
            bits: None,
            block: slot.signature,
        }
    }

    /// Bits of an MSR.
    #[must_use]
    pub fn msr(index: u32, hi: u8, lo: u8) -> Self {
        Self {
            order: Order::Msr(index, lo),
            id: format!("msr:{index:#010x}:{}", bits_text(hi, lo)),
            leaf: None,
            msr: Some(index),
            register: None,
            bits: Some((hi, lo)),
            block: None,
        }
    }

    /// Something that has no place.
    #[must_use]
    pub fn other(id: String, block: Option<Signature>) -> Self {
        let order = Order::Other(id.clone());
        Self { order, id, leaf: None, msr: None, register: None, bits: None, block }
    }

    /// A finding here about which nothing is known yet but its rule.
    #[must_use]
    pub fn finding(&self, rule: &str) -> Finding {
        let hex = |n: u32| format!("{n:#010x}");
        Finding {
            id: self.id.clone(),
            input: None,
            leaf: self.leaf.map(|id| hex(id.leaf)),
            subleaf: self.leaf.and_then(|id| id.subleaf).map(hex),
            msr: self.msr.map(hex),
            block: self.block.map(|s| s.to_string()),
            register: self.register.map(|r| r.name().to_string()),
            bits: self.bits.map(|(hi, lo)| bits_text(hi, lo)),
            name: None,
            names: Names::default(),
            rule: rule.to_string(),
            severity: Severity::Expected,
            severity_a_to_b: None,
            severity_b_to_a: None,
            waived: None,
            a_to_b: None,
            b_to_a: None,
            values: Values::default(),
            decoded: Map::new(),
            vcpus: Vec::new(),
            meaning: None,
            cause: None,
            remedy: None,
            evidence: Vec::new(),
            source: None,
        }
    }

    /// A finding here with what its row says.
    #[must_use]
    pub fn described(&self, row: &Row) -> Finding {
        Finding {
            name: row.name.map(str::to_string),
            names: row.names,
            meaning: row.meaning.map(str::to_string),
            cause: row.cause.or(row.reason).map(str::to_string),
            source: row.source.map(str::to_string),
            ..self.finding(row.rule.word())
        }
    }
}

/// Findings that agree in all of this are one finding, seen on several vCPUs.
type Key = (Order, Option<usize>, Option<Signature>, Values, [Severity; 2]);

fn key(spot: &Spot, finding: &Finding, severities: [Severity; 2]) -> Key {
    (spot.order.clone(), finding.input, spot.block, finding.values.clone(), severities)
}

/// The findings so far. Equal ones of several vCPUs are one.
#[derive(Debug)]
pub struct Findings {
    directions: Directions,
    accel: Accel,
    found: BTreeMap<Key, Finding>,
}

impl Findings {
    /// None yet, about guests whose CPUs `accel` made.
    #[must_use]
    pub const fn new(directions: Directions, accel: Accel) -> Self {
        Self { directions, accel, found: BTreeMap::new() }
    }

    /// Adds `finding` at `spot`, or its vCPU to an equal one.
    pub fn add(&mut self, spot: &Spot, mut finding: Finding, a_to_b: Judged, b_to_a: Judged, vcpu: Option<u32>) {
        let severities = [a_to_b.severity, b_to_a.severity];
        if self.merges(spot, &finding, severities, vcpu) {
            return;
        }
        let asked = [(self.directions.a_to_b(), a_to_b), (self.directions.b_to_a(), b_to_a)];
        let [ab, ba] = asked.map(|(asked, judged)| asked.then_some(judged));
        finding.severity_a_to_b = ab.map(|j| j.severity);
        finding.severity_b_to_a = ba.map(|j| j.severity);
        finding.a_to_b = ab.map(|j| j.change);
        finding.b_to_a = ba.map(|j| j.change);
        finding.severity = ab.into_iter().chain(ba).map(|j| j.severity).min().unwrap_or(Severity::Expected);
        finding.vcpus.extend(vcpu);
        self.found.insert(key(spot, &finding, severities), finding);
    }

    /// Adds a finding that no direction has a part in, as `finding` judges it, or its vCPU to an equal one.
    pub fn undirected(&mut self, spot: &Spot, mut finding: Finding, vcpu: Option<u32>) {
        let severities = [finding.severity; 2];
        if !self.merges(spot, &finding, severities, vcpu) {
            finding.vcpus.extend(vcpu);
            self.found.insert(key(spot, &finding, severities), finding);
        }
    }

    /// Adds the vCPU to a finding that is equal to this one, if there is one.
    fn merges(&mut self, spot: &Spot, finding: &Finding, severities: [Severity; 2], vcpu: Option<u32>) -> bool {
        let known = self.found.get_mut(&key(spot, finding, severities));
        known.map(|known| known.vcpus.extend(vcpu)).is_some()
    }

    /// A differing row of a register.
    pub fn row(&mut self, spot: &Spot, site: Site, row: &Row, pair: Pair, judged: Judgement, vcpu: u32) {
        let mut finding = spot.described(row);
        finding.values = values(pair, row.bits.hi == row.bits.lo);
        // Most vCPUs differ as the first does; only one of them needs all the words.
        if self.merges(spot, &finding, [judged.a_to_b.severity, judged.b_to_a.severity], Some(vcpu)) {
            return;
        }
        finding.decoded = crate::decode::row(row, pair);
        if let Some(clocks) = judged.clocks {
            let ppm = clocks.ppm();
            let ppm = if ppm.is_finite() { Value::from((ppm * 10.0).round() / 10.0) } else { Value::Null };
            finding.decoded.insert("ppm".to_string(), ppm);
        }
        if let Some(rule) = judged.rule {
            finding.rule = rule.to_string();
        }
        self.advise(&mut finding, Subject::Cpuid(site), row, pair);
        if let Some(cause) = judged.cause {
            finding.cause = Some(cause);
            finding.remedy = Some("Nothing to change.".to_string());
        }
        self.add(spot, finding, judged.a_to_b, judged.b_to_a, Some(vcpu));
    }

    /// A differing row of an MSR.
    pub fn msr(&mut self, index: u32, row: &Row, pair: Pair, judged: Judgement, vcpu: u32) {
        let spot = Spot::msr(index, row.bits.hi, row.bits.lo);
        let mut finding = Finding { values: values(pair, row.bits.hi == row.bits.lo), ..spot.described(row) };
        self.advise(&mut finding, Subject::Msr(index), row, pair);
        self.add(&spot, finding, judged.a_to_b, judged.b_to_a, Some(vcpu));
    }

    /// A hypervisor block on one side only, or at another base.
    pub fn block(&mut self, block: &BlockPair, vcpu: u32) {
        let Some(signature) = block.signature else { return };
        let spot = Spot::other(format!("block:{signature}"), Some(signature));
        let mut finding = spot.finding(RuleKind::Identity.word());
        let base = |base: Option<u32>| Some(base.map_or("absent".to_string(), |base| format!("{base:#010x}")));
        finding.values = Values { a: base(block.a), b: base(block.b), expected: None };
        finding.name = Some(signature.to_string());
        finding.meaning = Some(format!("the leaves of the hypervisor `{signature}` and where they begin"));
        finding.source = Some("Linux 7.1 arch/x86/include/asm/cpuid/api.h:191-212".to_string());
        let change = |from: Option<u32>, to: Option<u32>| match (from, to) {
            (Some(_), None) => Change::Lost,
            (None, Some(_)) => Change::Gained,
            _ => Change::Changed,
        };
        let judged = |from, to| Judged { change: change(from, to), severity: Severity::Unsafe };
        self.add(&spot, finding, judged(block.a, block.b), judged(block.b, block.a), Some(vcpu));
    }

    /// A register set that its own dump says cannot be there.
    pub fn over_enumerated(&mut self, slot: &Slot, vcpu: u32, sides: [bool; 2]) {
        let spot = Spot::set(slot);
        let mut finding = spot.finding("over-enumerated");
        let side = |over: bool| over.then(|| "over-enumerated".to_string());
        finding.values = Values { a: side(sides[0]), b: side(sides[1]), expected: None };
        finding.meaning = Some("registers read from a place that this CPU does not define".to_string());
        finding.cause = Some(
            "the range's maximum or the leaf's own subleaf 0 excludes it; the tool read on, or read an alias of another \
             leaf"
            .to_string(),
        );
        self.set_aside(&spot, finding, vcpu);
    }

    /// The end of a list of subleaves, in one dump alone.
    pub fn terminator(&mut self, slot: &Slot, vcpu: u32) {
        let spot = Spot::set(slot);
        let mut finding = spot.finding("terminator");
        finding.meaning = Some("the entry that ends a list of subleaves".to_string());
        finding.cause = Some("tools differ in whether they keep it; it holds no data".to_string());
        self.set_aside(&spot, finding, vcpu);
    }

    fn set_aside(&mut self, spot: &Spot, finding: Finding, vcpu: u32) {
        let judged = Judged { change: Change::Same, severity: Severity::Expected };
        self.add(spot, finding, judged, judged, Some(vcpu));
    }

    /// Different numbers of vCPUs.
    pub fn vcpu_count(&mut self, a: usize, b: usize) {
        let spot = Spot::other("vcpu-count".to_string(), None);
        let mut finding = spot.finding(RuleKind::Topology.word());
        finding.name = Some("vcpu-count".to_string());
        finding.values = Values { a: Some(a.to_string()), b: Some(b.to_string()), expected: None };
        finding.meaning = Some("how many vCPUs the guest has".to_string());
        finding.cause = Some("the guests were not started with the same -smp (<vcpu> and <topology>)".to_string());
        finding.remedy = Some("start both guests with the same number of vCPUs and the same topology".to_string());
        finding.source =
            Some("QEMU refuses a stream with more vCPUs than it has, and takes one with fewer".to_string());
        let judged = |from: usize, to: usize| Judged {
            change: if to < from { Change::Lost } else { Change::Gained },
            severity: Severity::Warning,
        };
        self.add(&spot, finding, judged(a, b), judged(b, a), None);
    }

    /// Writes into a finding what is known about its row: what it promises and what a change does, cause, remedy, source.
    fn advise(&self, finding: &mut Finding, subject: Subject, row: &Row, pair: Pair) {
        let asked = Asked::Differs { values: [pair.a, pair.b] };
        let advice = advice_for(subject, row, asked).under(self.accel, row, asked);
        finding.meaning = Some(advice.meaning_and_consequence());
        finding.cause = Some(advice.cause);
        finding.remedy = Some(advice.remedy);
        finding.source = Some(advice.source);
    }

    /// All of them, by place.
    #[must_use]
    pub fn into_sorted(self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.found.into_values().collect();
        for finding in &mut findings {
            finding.vcpus.sort_unstable();
            finding.vcpus.dedup();
        }
        findings
    }
}

/// Sorts findings of several origins by place: leaves, then MSRs, then what has no place.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by_cached_key(|f| {
        let lowest: u8 = f.bits.as_deref().and_then(|b| b.rsplit(':').next()?.parse().ok()).unwrap_or_default();
        // Numbers are written with all their digits, and the registers' names are in their order.
        let leaf = (f.leaf.is_none(), f.leaf.clone(), f.subleaf.clone());
        (leaf, f.msr.is_none(), f.msr.clone(), f.register.clone(), lowest, f.id.clone(), f.input)
    });
}

/// The values as reports write them.
#[must_use]
pub fn values(pair: Pair, one_bit: bool) -> Values {
    let text = |value: Option<u64>| {
        Some(match value {
            None => "absent".to_string(),
            Some(value) if one_bit => value.to_string(),
            Some(value) => format!("{value:#x}"),
        })
    };
    Values { a: text(pair.a), b: text(pair.b), expected: None }
}
