//! Pools: against brute force with a second, plain reckoning of loss; what holds for every fleet.

use std::collections::{BTreeMap, BTreeSet};

use cpuid_diff::cpu_map::CpuMap;
use cpuid_diff::cpu_map::wide::Wide;
use cpuid_diff::fleet::facts::Facts;
use cpuid_diff::fleet::intake::Intake;
use cpuid_diff::fleet::loss::Scale;
use cpuid_diff::fleet::moves::{Verdict, judge};
use cpuid_diff::fleet::offer::{Offer, Statement};
use cpuid_diff::fleet::partition::{Demands, agglomerative, exact};
use cpuid_diff::fleet::{Asked, Fleet, fleet, wire};
use cpuid_diff::knowledge::{Guard, Knowledge, RuleKind};
use cpuid_diff::view::promise::Expanded;
use cpuid_probe::Place;
use cpuid_probe::dump::{Dump, Imported, Source, Whose};
use cpuid_probe::libvirt::read_cpus;

use crate::nodes::{Node, place};

/// Numbers that look random and are the same in every run (xorshift).
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
}

/// Features of every kind of weight and root.
const FEATURES: [&str; 18] = [
    "avx2",
    "avx512f",
    "gfni",
    "sha-ni",
    "umip",
    "rdpid",
    "vmx",
    "vmx-ept",
    "vmx-vpid",
    "spec-ctrl",
    "md-clear",
    "arch-capabilities",
    "rdctl-no",
    "mds-no",
    "pdcm",
    "full-width-write",
    "RRSBA",
    "vaes",
];

/// An offer with some of [`FEATURES`] and a width.
fn offer(has: impl Fn(usize) -> bool, width: u64) -> Offer {
    let mut offer = Offer { vendor: Some("GenuineIntel".to_string()), ..Offer::default() };
    for (i, name) in FEATURES.iter().enumerate() {
        if has(i) {
            offer.places.insert(place(name), Statement::Value(1));
        }
    }
    offer.places.insert(place("phys_bits"), Statement::Value(width));
    offer
}

fn random(dice: &mut Dice) -> Offer {
    let mask = dice.below(1 << FEATURES.len());
    offer(|i| mask >> i & 1 == 1, 40 + 2 * dice.below(3))
}

/// Different offers, and a number of hosts each.
fn classes(dice: &mut Dice, n: usize) -> (Vec<Offer>, Vec<u64>) {
    let mut offers = BTreeSet::new();
    while offers.len() < n {
        offers.insert(random(dice));
    }
    (offers.into_iter().collect(), (0..n).map(|_| 1 + dice.below(5)).collect())
}

/// What one host of `own` loses where it gets what `pool` has in common: by the definition, without items or bits.
fn plain_loss(own: &Offer, pool: &[&Offer]) -> u64 {
    let knowledge = Knowledge::builtin();
    let lost = |place: &Place| {
        let row = knowledge.row(*place);
        let (value, others) = (own.at(*place).unwrap(), pool.iter().map(|o| o.at(*place).unwrap()));
        let given =
            if row.rule == RuleKind::NotLess { others.min().unwrap() } else { others.fold(!0, |all, v| all & v) };
        !row.accumulates() && given != value
    };
    let lost: Vec<Place> = own.places.keys().copied().filter(lost).collect();
    let named = |name: &str| lost.contains(&place(name));
    let mut nested = 0;
    let mut sum = 0;
    for place in &lost {
        let row = knowledge.row(*place);
        let name = row.name.unwrap();
        if name.starts_with("vmx") {
            nested = 1;
        } else if !row.needs.iter().any(|need| named(need)) {
            sum += match (row.guard, name) {
                (Some(Guard::Protection), _) => 10,
                _ => u64::from(row.weight),
            };
        }
    }
    sum + nested
}

/// Every partition of `0..n`.
fn all_partitions(n: usize) -> Vec<Vec<Vec<usize>>> {
    let mut all: Vec<Vec<Vec<usize>>> = vec![Vec::new()];
    for class in 0..n {
        let mut next = Vec::new();
        for partition in all {
            for at in 0..=partition.len() {
                let mut with = partition.clone();
                if at == with.len() {
                    with.push(vec![class]);
                } else {
                    with[at].push(class);
                }
                next.push(with);
            }
        }
        all = next;
    }
    all
}

#[test]
fn exact_pools_agree_with_brute_force() {
    let mut dice = Dice::new(17);
    for round in 0..2000 {
        // One class has one partition, and seven have 877: most fleets are small, and all sizes are there.
        let n = 1 + usize::try_from(dice.below(if round % 8 == 0 { 7 } else { 5 })).unwrap();
        let (offers, hosts) = classes(&mut dice, n);
        let references: Vec<&Offer> = offers.iter().collect();
        let scale = Scale::new(&references, hosts.clone(), Knowledge::builtin());
        let found = exact(&scale, &Demands::default());
        let mut cost: BTreeMap<Vec<usize>, u64> = BTreeMap::new();
        let mut least = vec![u64::MAX; n];
        for partition in all_partitions(n) {
            let loss = partition.iter().map(|pool| {
                *cost.entry(pool.clone()).or_insert_with(|| {
                    let members: Vec<&Offer> = pool.iter().map(|i| &offers[*i]).collect();
                    pool.iter().map(|i| hosts[*i] * plain_loss(&offers[*i], &members)).sum()
                })
            });
            let loss: u64 = loss.sum();
            least[partition.len() - 1] = least[partition.len() - 1].min(loss);
        }
        let losses: Vec<u64> = found.iter().map(|p| p.as_ref().unwrap().loss).collect();
        assert_eq!(losses, least, "round {round}");
    }
}

/// Fleets of three shapes: independent bits, generations with noise, bits that come in groups.
fn shaped(dice: &mut Dice, shape: usize, n: usize) -> (Vec<Offer>, Vec<u64>) {
    let mut offers = BTreeSet::new();
    let all = FEATURES.len() as u64;
    while offers.len() < n {
        let mask: u64 = match shape {
            0 => dice.below(1 << all),
            1 => {
                let generation = 1 + dice.below(5);
                let mut mask = (1u64 << (generation * all / 5)) - 1;
                for _ in 0..dice.below(4) {
                    mask ^= 1 << dice.below(all);
                }
                mask
            }
            _ => {
                (0..6).map(|group| if dice.below(2) == 1 { 0b111 << (3 * group) } else { 0 }).sum::<u64>()
                    ^ 1 << dice.below(all)
            }
        };
        offers.insert(offer(|i| mask >> i & 1 == 1, 40 + 2 * dice.below(3)));
    }
    (offers.into_iter().collect(), (0..n).map(|_| 1 + dice.below(9)).collect())
}

/// What [`shaped`] makes.
const SHAPES: [&str; 3] = ["independent bits", "generations with noise", "grouped bits"];

/// Ratios of the agglomerative loss to the exact one, by number of pools and shape, sorted.
fn ratios(fleets: u64, sizes: [u64; 2]) -> BTreeMap<usize, [Vec<f64>; 3]> {
    let mut found: BTreeMap<usize, [Vec<f64>; 3]> = BTreeMap::new();
    for round in 0..fleets {
        let mut dice = Dice::new(1000 + round);
        let n = usize::try_from(sizes[0] + dice.below(sizes[1] - sizes[0] + 1)).unwrap();
        let shape = usize::try_from(round % 3).unwrap();
        let (offers, hosts) = shaped(&mut dice, shape, n);
        let references: Vec<&Offer> = offers.iter().collect();
        let scale = Scale::new(&references, hosts, Knowledge::builtin());
        let (best, near) = (exact(&scale, &Demands::default()), agglomerative(&scale, &Demands::default()));
        for (k, (best, near)) in best.into_iter().zip(near).enumerate() {
            let (best, near) = (best.unwrap().loss, near.unwrap().loss);
            assert!(near >= best);
            #[allow(clippy::cast_precision_loss)]
            let ratio = if best == 0 { if near == 0 { 1.0 } else { f64::INFINITY } } else { near as f64 / best as f64 };
            found.entry(k + 1).or_default()[shape].push(ratio);
        }
    }
    found.values_mut().flatten().for_each(|ratios| ratios.sort_by(f64::total_cmp));
    found
}

/// The ratio that 95 of 100 do not exceed, of sorted ones.
fn percentile_95(ratios: &[f64]) -> f64 {
    ratios[ratios.len() * 95 / 100]
}

#[test]
fn agglomerative_pools_are_near_the_exact_ones() {
    for (k, shapes) in ratios(18, [9, 10]) {
        for (shape, ratios) in SHAPES.iter().zip(&shapes).filter(|(_, ratios)| !ratios.is_empty()) {
            assert!(percentile_95(ratios) <= 1.10, "{k} pools, {shape}: {ratios:?}");
        }
    }
}

/// The table of docs/fleet.md, which has the command.
#[test]
#[ignore = "takes a minute or more; prints the table of docs/fleet.md"]
fn how_near() {
    let found = ratios(500, [12, 15]);
    println!("| pools | fleets | {} |\n|---|---|---|---|---|", SHAPES.join(" | "));
    for (k, shapes) in &found {
        let cell = |ratios: &Vec<f64>| match ratios.as_slice() {
            [] => "-".to_string(),
            [.., worst] => format!("{:.3}, {:.3}, {worst:.3}", ratios[ratios.len() / 2], percentile_95(ratios)),
        };
        let fleets: usize = shapes.iter().map(Vec::len).sum();
        println!("| {k} | {fleets} | {} |", shapes.each_ref().map(cell).join(" | "));
    }
    let far = |(k, shapes): (&usize, &[Vec<f64>; 3])| shapes.iter().any(|r| percentile_95(r) > 1.10).then_some(*k);
    let far: Vec<usize> = found.iter().filter_map(far).collect();
    assert!(far.is_empty(), "above 1.10 with so many pools: {far:?}");
}

/// The facts of hosts, read as the command reads them.
pub fn facts(nodes: &[Node]) -> Facts {
    let knowledge = Knowledge::builtin();
    let wide = Wide::new(CpuMap::of(knowledge), knowledge);
    let mut intake = Intake::new(&wide, knowledge, &[]);
    for node in nodes {
        intake.take(&node.label, &node.label, node.json().as_bytes());
    }
    intake.into_facts()
}

pub fn report(nodes: &[Node], asked: &Asked) -> Fleet {
    fleet(facts(nodes), asked, Knowledge::builtin())
}

/// Hosts of a few random kinds.
fn hosts(dice: &mut Dice, kinds: usize, n: usize) -> Vec<Node> {
    let extra = ["avx512f", "gfni", "sha-ni", "umip", "rdpid", "pku", "RRSBA", "rdctl-no", "mds-no", "vaes", "movdiri"];
    let kinds: Vec<Vec<&str>> =
        (0..kinds).map(|_| extra.iter().copied().filter(|_| dice.below(2) == 1).collect()).collect();
    (0..n)
        .map(|i| {
            let kind = &kinds[usize::try_from(dice.below(kinds.len() as u64)).unwrap()];
            let width = 44 + 2 * u32::try_from(dice.below(2)).unwrap();
            Node::intel(&format!("h{i:02}"), &kind.join(" ")).number("phys_bits", width)
        })
        .collect()
}

fn json(fleet: &Fleet) -> String {
    let mut out = Vec::new();
    wire::fleet(fleet, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn summary(facts: &Facts) -> Vec<u8> {
    let mut out = Vec::new();
    wire::summary(facts, &mut out).unwrap();
    out
}

#[test]
fn what_holds_for_every_fleet() {
    let knowledge = Knowledge::builtin();
    let map = CpuMap::of(knowledge);
    let mut dice = Dice::new(4);
    for _ in 0..3 {
        let nodes = hosts(&mut dice, 4, 7);
        let fleet = report(&nodes, &Asked::default());
        assert!(fleet.problems.is_empty(), "{:?}", fleet.problems);
        // The order of the inputs does not matter.
        let mut back = nodes.clone();
        back.reverse();
        assert_eq!(json(&fleet), json(&report(&back, &Asked::default())));
        for pool in fleet.partitions.iter().flat_map(|partition| &partition.pools) {
            let offers: Vec<&Offer> = pool.classes.iter().map(|c| &fleet.classes[*c].class.offer).collect();
            // Its definition asks no member for what it lacks.
            let definition = pool.defined().unwrap_or_else(|| panic!("{:?}", pool.refusal()));
            let cpu = read_cpus(&definition.libvirt).unwrap().remove(0);
            for id in Expanded::new(&cpu, &map).unwrap().features() {
                let place = map.features[id].place;
                let is_a_hosts = knowledge.row(place).is_capability();
                let lacks = is_a_hosts && offers.iter().any(|offer| offer.at(place) == Some(0));
                assert!(!lacks, "{} in {}", map.features[id].name, definition.libvirt);
            }
            // What is no capability is the guest's: the model's word on it stands.
            for feature in &cpu.features {
                let place = map.features[map.feature(&feature.name).unwrap()].place;
                assert!(knowledge.row(place).is_capability(), "{} in {}", feature.name, definition.libvirt);
            }
            // It has every feature that all members have.
            for place in offers[0].places.keys() {
                if offers.iter().all(|offer| offer.at(*place) == Some(1)) {
                    assert_eq!(pool.offer.at(*place), Some(1), "{place}");
                }
            }
        }
        // No recommended pool takes a protection from a host.
        assert!(!fleet.recommendation().unwrap().takes_protection());
        // Safe moves are a preorder.
        let n = fleet.classes.len();
        let safe = |a, b| fleet.step(a, b).verdict == Verdict::Safe;
        for (a, b, c) in (0..n).flat_map(|a| (0..n).flat_map(move |b| (0..n).map(move |c| (a, b, c)))) {
            assert!(safe(a, a) && (!safe(a, b) || !safe(b, c) || safe(a, c)), "{a} {b} {c}");
        }
        // One host more adds nothing to what all have in common.
        let more = hosts(&mut dice, 1, 1).remove(0).called("another");
        let all = |nodes: &[Node]| {
            let fleet = report(nodes, &Asked { pools: Some(1), ..Asked::default() });
            fleet.partitions[0].pools[0].offer.clone()
        };
        let (before, after) = (all(&nodes), all(&[nodes.clone(), vec![more]].concat()));
        let step = judge(&after, &before, knowledge);
        assert!(step.loses.is_empty() && step.numbers.is_empty(), "{step:?}");
    }
}

#[test]
fn summaries_of_shards_merge_to_the_summary_of_the_whole() {
    let mut dice = Dice::new(9);
    let nodes = hosts(&mut dice, 4, 12);
    let whole = summary(&facts(&nodes));
    let knowledge = Knowledge::builtin();
    let wide = Wide::new(CpuMap::of(knowledge), knowledge);
    for parts in [vec![0..3, 3..12], vec![6..12, 0..1, 1..6]] {
        let mut intake = Intake::new(&wide, knowledge, &[]);
        for part in parts {
            intake.take("part.json", "part.json", &summary(&facts(&nodes[part])));
        }
        let merged = intake.into_facts();
        assert!(merged.problems.is_empty(), "{:?}", merged.problems);
        assert_eq!(summary(&merged), whole);
    }
    // A summary that somebody edited is refused.
    let mut intake = Intake::new(&wide, knowledge, &[]);
    let edited = String::from_utf8(whole).unwrap().replacen(
        "\"0x00000007.0x00000000:ebx:5\"",
        "\"0x00000007.0x00000000:ebx:4\"",
        1,
    );
    intake.take("part.json", "part.json", edited.as_bytes());
    let facts = intake.into_facts();
    assert!(facts.hosts.is_empty() && facts.problems[0].what.contains("edited"), "{:?}", facts.problems);
}

#[test]
fn the_same_registers_of_other_provenance_are_judged_again() {
    let facts = |dumps: &[Dump]| {
        let knowledge = Knowledge::builtin();
        let wide = Wide::new(CpuMap::of(knowledge), knowledge);
        let mut intake = Intake::new(&wide, knowledge, &[]);
        for (name, dump) in ["a", "b", "c"].iter().zip(dumps) {
            intake.take(name, name, cpuid_probe::json::to_string(dump).as_bytes());
        }
        intake.into_facts()
    };
    // Of one guest its only vCPU was captured, of the other one of two.
    let guest = |label: &str, online: u32| {
        let mut dump = Node { source: Source::Boot, ..Node::intel(label, "umip") }.dump();
        dump.provenance.vcpus_online = Some(online);
        dump
    };
    let found = facts(&[guest("a", 1), guest("b", 2), guest("c", 1)]);
    assert_eq!((found.classes.len(), found.hosts[0].class), (2, found.hosts[2].class), "{:?}", found.problems);
    // A file that says whose CPU it describes is no other's.
    let imported = |label: &str, of: Whose| {
        let mut dump = Node { source: Source::Import, ..Node::intel(label, "umip") }.dump();
        dump.provenance.imported =
            Some(Imported { format: "kvmtrace".to_string(), of: Some(of), ..Imported::default() });
        dump
    };
    let found = facts(&[imported("a", Whose::Offer), imported("b", Whose::Hardware)]);
    assert_eq!((found.hosts.len(), found.problems.len()), (1, 1), "{:?}", found.problems);
    assert!(found.problems[0].what.starts_with("hardware: "), "{:?}", found.problems);
}
