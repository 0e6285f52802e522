//! Partitions of a vendor's classes into pools: for each number of pools the one with the least loss.
//!
//! Up to [`EXACT`] classes by dynamic programming over subsets, which is exact. Beyond, pools are merged one by one, each
//! time those whose union costs least, and every partition is improved by moves, swaps and splits until none helps.

use std::collections::HashMap;

use super::loss::{Bits, Scale};

/// So many classes of one vendor are partitioned exactly.
pub const EXACT: usize = 15;

/// So many classes are improved by swaps too: there are as many swaps as pairs.
const SWAPS: usize = 30;

/// Of a pool of more classes only the split around its two most unlike is tried, and a fleet with more is not split while it is
/// improved.
const SPLITS: usize = 20;

/// So many costs are remembered.
const REMEMBERED: usize = 50_000;

/// What a pool must be, whatever it costs.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// At least so many hosts.
    pub min_hosts: u64,
    /// For each class a number: no pool holds two.
    pub apart: Vec<usize>,
}

/// Pools of one vendor's classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Classes by their number in the scale, ascending; pools by their first.
    pub pools: Vec<Vec<usize>>,
    /// The loss.
    pub loss: u64,
    /// No other partition into as many pools loses less.
    pub exact: bool,
}

/// Costs of pools, remembered.
struct Costs<'a> {
    scale: &'a Scale,
    demands: &'a Demands,
    known: HashMap<Bits, Option<u64>>,
    /// The pool that is asked for, as it is remembered.
    asked: Bits,
}

impl Costs<'_> {
    /// What a pool costs; `None` where it must not be.
    fn of(&mut self, members: &[usize]) -> Option<u64> {
        self.asked.clear();
        members.iter().for_each(|class| self.asked.insert(*class));
        if let Some(known) = self.known.get(&self.asked) {
            return *known;
        }
        let cost = allowed(self.scale, self.demands, members).then(|| self.scale.cost(members));
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(self.asked.clone(), cost);
        cost
    }

    /// As a number that can be added: a pool that must not be costs more than any that may.
    fn weight(&mut self, members: &[usize]) -> u64 {
        self.of(members).unwrap_or(FORBIDDEN)
    }
}

/// More than any loss, and little enough that some can be added.
const FORBIDDEN: u64 = 1 << 56;

/// Whether a pool may be.
#[must_use]
pub fn allowed(scale: &Scale, demands: &Demands, members: &[usize]) -> bool {
    let apart = |i: &usize| demands.apart.get(*i);
    let hosts: u64 = members.iter().map(|i| scale.hosts[*i]).sum();
    hosts >= demands.min_hosts && members.windows(2).all(|w| apart(&w[0]) == apart(&w[1]))
}

/// The best partition for each number of pools from 1 to the number of classes; `None` where there is none.
#[must_use]
pub fn partitions(scale: &Scale, demands: &Demands) -> Vec<Option<Partition>> {
    match scale.classes.len() {
        0 => Vec::new(),
        n if n <= EXACT => exact(scale, demands),
        _ => agglomerative(scale, demands),
    }
}

/// Exact, over all subsets.
#[must_use]
pub fn exact(scale: &Scale, demands: &Demands) -> Vec<Option<Partition>> {
    let n = scale.classes.len();
    let all = (1usize << n) - 1;
    let members = |mask: usize| -> Vec<usize> { (0..n).filter(|i| mask >> i & 1 == 1).collect() };
    let cost: Vec<u64> = (0..=all)
        .map(|mask| {
            let members = members(mask);
            if mask != 0 && allowed(scale, demands, &members) { scale.cost(&members) } else { FORBIDDEN }
        })
        .collect();
    // The least loss of `mask` in as many pools, and the pool that holds its first class.
    let mut least: Vec<Vec<u64>> = vec![cost.clone()];
    let mut first: Vec<Vec<usize>> = vec![(0..=all).collect()];
    for k in 1..n {
        let (mut best, mut pool) = (vec![FORBIDDEN; all + 1], vec![0; all + 1]);
        let before = &least[k - 1];
        for mask in 1..=all {
            let low = mask & mask.wrapping_neg();
            let rest = mask ^ low;
            let mut sub = rest;
            // Every pool that holds the first class and leaves something for the others.
            loop {
                let others = rest ^ sub;
                if others != 0 {
                    let loss = cost[sub | low] + before[others];
                    if loss < best[mask] {
                        (best[mask], pool[mask]) = (loss, sub | low);
                    }
                }
                if sub == 0 {
                    break;
                }
                sub = (sub - 1) & rest;
            }
        }
        least.push(best);
        first.push(pool);
    }
    (0..n)
        .map(|k| {
            let loss = least[k][all];
            (loss < FORBIDDEN).then(|| {
                let (mut pools, mut mask) = (Vec::new(), all);
                for at in (0..=k).rev() {
                    pools.push(members(first[at][mask]));
                    mask ^= first[at][mask];
                }
                sorted(Partition { pools, loss, exact: true })
            })
        })
        .collect()
}

/// By merging, with moves, swaps and splits.
#[must_use]
pub fn agglomerative(scale: &Scale, demands: &Demands) -> Vec<Option<Partition>> {
    let n = scale.classes.len();
    let mut costs = Costs { scale, demands, known: HashMap::new(), asked: Bits::new(n) };
    let mut found: Vec<Vec<Vec<usize>>> = vec![Vec::new(); n];
    let mut pools: Vec<Vec<usize>> = (0..n).map(|i| vec![i]).collect();
    found[n - 1].clone_from(&pools);
    for k in (1..n).rev() {
        pools = merged(&pools, &mut costs);
        improve(&mut pools, &mut costs);
        found[k - 1].clone_from(&pools);
    }
    // Downwards again: the best split of a partition may beat what merging found.
    for k in 2..n {
        let Some(mut split) = split(&found[k - 2], &mut costs) else { continue };
        improve(&mut split, &mut costs);
        if total(&split, &mut costs) < total(&found[k - 1], &mut costs) {
            found[k - 1] = split;
        }
    }
    // And upwards: so may the best merge.
    for k in (1..n - 1).rev() {
        let mut merged = merged(&found[k], &mut costs);
        improve(&mut merged, &mut costs);
        if total(&merged, &mut costs) < total(&found[k - 1], &mut costs) {
            found[k - 1] = merged;
        }
    }
    let partition = |pools: Vec<Vec<usize>>| {
        let loss = total(&pools, &mut costs);
        let exact = loss == 0 || pools.len() == 1 || pools.len() == n;
        (loss < FORBIDDEN).then(|| sorted(Partition { pools, loss, exact }))
    };
    found.into_iter().map(partition).collect()
}

fn total(pools: &[Vec<usize>], costs: &mut Costs<'_>) -> u64 {
    pools.iter().map(|pool| costs.weight(pool)).sum()
}

fn sorted(mut partition: Partition) -> Partition {
    partition.pools.sort();
    partition
}

fn union(a: &[usize], b: &[usize]) -> Vec<usize> {
    let mut both = [a, b].concat();
    both.sort_unstable();
    both
}

fn without(pool: &[usize], class: usize) -> Vec<usize> {
    pool.iter().copied().filter(|c| *c != class).collect()
}

/// One pool less: those two that cost least together.
fn merged(pools: &[Vec<usize>], costs: &mut Costs<'_>) -> Vec<Vec<usize>> {
    let now: Vec<u64> = pools.iter().map(|pool| costs.weight(pool)).collect();
    let mut best: Option<(i128, usize, usize)> = None;
    for a in 0..pools.len() {
        for b in a + 1..pools.len() {
            let more = i128::from(costs.weight(&union(&pools[a], &pools[b]))) - i128::from(now[a] + now[b]);
            if best.is_none_or(|(least, ..)| more < least) {
                best = Some((more, a, b));
            }
        }
    }
    let Some((_, a, b)) = best else { return pools.to_vec() };
    let mut merged = pools.to_vec();
    let last = merged.remove(b);
    merged[a] = union(&merged[a], &last);
    merged
}

/// One pool more: the two halves of a pool that save most.
fn split(pools: &[Vec<usize>], costs: &mut Costs<'_>) -> Option<Vec<Vec<usize>>> {
    let mut best: Option<(i128, usize, [Vec<usize>; 2])> = None;
    for (at, pool) in pools.iter().enumerate() {
        let Some(halves) = halves(pool, costs) else { continue };
        let saves = i128::from(costs.weight(&halves[0])) + i128::from(costs.weight(&halves[1]))
            - i128::from(costs.weight(pool));
        if best.as_ref().is_none_or(|(least, ..)| saves < *least) {
            best = Some((saves, at, halves));
        }
    }
    let (_, at, [one, other]) = best?;
    let mut split = pools.to_vec();
    split[at] = one;
    split.push(other);
    Some(split)
}

/// A pool in two: around each of its classes in turn, those that cost less with it than with the rest.
fn halves(pool: &[usize], costs: &mut Costs<'_>) -> Option<[Vec<usize>; 2]> {
    if pool.len() < 2 {
        return None;
    }
    if pool.len() > SPLITS {
        return Some(around_two(pool, costs));
    }
    let mut best: Option<(u64, [Vec<usize>; 2])> = None;
    for seed in pool {
        let (mut one, mut other) = (vec![*seed], without(pool, *seed));
        loop {
            let now = costs.weight(&one) + costs.weight(&other);
            if best.as_ref().is_none_or(|(least, _)| now < *least) {
                best = Some((now, [one.clone(), other.clone()]));
            }
            let next = other.iter().filter(|_| other.len() > 1).map(|class| {
                let (a, b) = (union(&one, &[*class]), without(&other, *class));
                (costs.weight(&a) + costs.weight(&b), a, b)
            });
            match next.min_by(|a, b| a.0.cmp(&b.0)) {
                Some((after, a, b)) if after < now => (one, other) = (a, b),
                _ => break,
            }
        }
    }
    best.map(|(_, halves)| halves)
}

/// A large pool in two: around the class that gives up most, and the one that costs most together with it.
fn around_two(pool: &[usize], costs: &mut Costs<'_>) -> [Vec<usize>; 2] {
    let given = costs.scale.meet(pool.iter().copied());
    let loses =
        |class: &usize| (costs.scale.hosts[*class] * costs.scale.loss(*class, &given), std::cmp::Reverse(*class));
    let first = pool.iter().copied().max_by_key(loses).unwrap_or_default();
    let mut pair = |a: usize, b: usize| costs.weight(&if a < b { vec![a, b] } else { vec![b, a] });
    let others = pool.iter().copied().filter(|class| *class != first);
    let second = others.max_by_key(|class| (pair(first, *class), std::cmp::Reverse(*class))).unwrap_or(first);
    let mut halves = [vec![first], vec![second]];
    for class in pool.iter().copied().filter(|class| *class != first && *class != second) {
        halves[usize::from(pair(second, class) < pair(first, class))].push(class);
    }
    halves.iter_mut().for_each(|half| half.sort_unstable());
    halves
}

/// Moves classes between pools, swaps two, and splits one pool where two others merge, while that costs less.
fn improve(pools: &mut Vec<Vec<usize>>, costs: &mut Costs<'_>) {
    loop {
        if move_one(pools, costs) || swap_two(pools, costs) {
            continue;
        }
        if costs.scale.classes.len() > SPLITS {
            return;
        }
        let now = total(pools, costs);
        let other = split(pools, costs).map(|split| merged(&split, costs));
        match other {
            Some(other) if total(&other, costs) < now => *pools = other,
            _ => return,
        }
    }
}

fn move_one(pools: &mut [Vec<usize>], costs: &mut Costs<'_>) -> bool {
    let now: Vec<u64> = pools.iter().map(|pool| costs.weight(pool)).collect();
    let mut best: Option<(i128, usize, usize, usize)> = None;
    for a in 0..pools.len() {
        if pools[a].len() < 2 {
            continue;
        }
        for at in 0..pools[a].len() {
            let class = pools[a][at];
            let left = without(&pools[a], class);
            let saved = i128::from(costs.weight(&left)) - i128::from(now[a]);
            for b in (0..pools.len()).filter(|b| *b != a) {
                let more = i128::from(costs.weight(&union(&pools[b], &[class]))) - i128::from(now[b]);
                if saved + more < best.map_or(0, |(least, ..)| least) {
                    best = Some((saved + more, a, b, class));
                }
            }
        }
    }
    let Some((_, a, b, class)) = best else { return false };
    pools[a] = without(&pools[a], class);
    pools[b] = union(&pools[b], &[class]);
    true
}

fn swap_two(pools: &mut [Vec<usize>], costs: &mut Costs<'_>) -> bool {
    if costs.scale.classes.len() > SWAPS {
        return false;
    }
    let mut best: Option<(i128, [usize; 4])> = None;
    for a in 0..pools.len() {
        for b in a + 1..pools.len() {
            let now = costs.weight(&pools[a]) + costs.weight(&pools[b]);
            for x in &pools[a] {
                for y in &pools[b] {
                    let one = union(&without(&pools[a], *x), &[*y]);
                    let other = union(&without(&pools[b], *y), &[*x]);
                    let after = i128::from(costs.weight(&one)) + i128::from(costs.weight(&other)) - i128::from(now);
                    if after < best.map_or(0, |(least, _)| least) {
                        best = Some((after, [a, b, *x, *y]));
                    }
                }
            }
        }
    }
    let Some((_, [a, b, x, y])) = best else { return false };
    pools[a] = union(&without(&pools[a], x), &[y]);
    pools[b] = union(&without(&pools[b], y), &[x]);
    true
}

/// The least loss of all vendors together, for each number of pools: how many pools each vendor gets.
#[must_use]
pub fn shares(vendors: &[Vec<Option<Partition>>]) -> Vec<Option<Vec<usize>>> {
    // By number of pools: the loss, and each vendor's number.
    let mut all: Vec<Option<(u64, Vec<usize>)>> = vec![Some((0, Vec::new()))];
    for vendor in vendors {
        let mut next: Vec<Option<(u64, Vec<usize>)>> = vec![None; all.len() + vendor.len()];
        for (before, so_far) in all.iter().enumerate() {
            let Some((loss, counts)) = so_far else { continue };
            for (k, partition) in vendor.iter().enumerate() {
                let Some(partition) = partition else { continue };
                let (sum, at) = (loss + partition.loss, before + k + 1);
                if next[at].as_ref().is_none_or(|(least, _)| sum < *least) {
                    let mut counts = counts.clone();
                    counts.push(k + 1);
                    next[at] = Some((sum, counts));
                }
            }
        }
        all = next;
    }
    all.into_iter().map(|found| found.map(|(_, counts)| counts)).collect()
}
