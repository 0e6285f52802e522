//! From a place to its row. What the rows say of each bit is computed once, register by register, so a lookup is fast.

use core::ptr;

use cpuid_probe::Place;
use cpuid_probe::hypervisor::{self, Owner};
use cpuid_probe::place::BitRange;

use super::row::{Guard, Migratable, Names, Offer, Row, RuleKind, Severity, Shown};
use super::table::{Cause, Group, Has, Home, Line, Namespace, Rule, Sub};
use super::unit::Unit;
use super::{gates, sources};

/// A register or an MSR: [`Home`] without subleaves, and whose it is.
type Key = (Owner, Home);

/// What is known of the bits of a register, from a subleaf to the next of which more or less is known.
#[derive(Clone, Debug)]
struct Span {
    first: u32,
    /// Ascending. A bit in none of them is unknown.
    segments: Vec<Segment>,
}

/// Bits that one row covers.
#[derive(Clone, Copy, Debug)]
struct Segment {
    bits: BitRange,
    what: What,
    rule: Option<&'static Rule>,
    cause: Option<&'static Cause>,
    shown: Shown,
}

/// What a bit is part of.
#[derive(Clone, Copy, Debug)]
enum What {
    Line(&'static Line),
    /// A rule's range in which nothing has a name.
    Range,
    Nothing,
}

/// All registers, sorted.
#[derive(Clone, Debug)]
pub(super) struct Index(Vec<(Key, Vec<Span>)>);

/// The leaf as the rows write it: hypervisor blocks at 0x40000000.
pub(super) const fn written_leaf(owner: Owner, leaf: u32) -> u32 {
    if matches!(owner, Owner::Cpu) { leaf } else { hypervisor::FIRST_BASE | leaf & (hypervisor::STRIDE - 1) }
}

/// Where a place's register stands in the index, and its subleaf.
fn key(place: Place) -> Option<(Key, u32)> {
    match place {
        Place::Cpuid { id, register, .. } => {
            let owner = place.owner();
            Some(((owner, Home::Cpuid(written_leaf(owner, id.leaf), Sub::Any, register)), id.ecx()))
        }
        Place::Msr { index, .. } => Some(((Owner::Cpu, Home::Msr(index)), 0)),
        _ => None,
    }
}

impl Index {
    pub(super) fn new(groups: &[&'static Group]) -> Self {
        let mut homes: Vec<(Key, Vec<&'static Group>)> = Vec::new();
        let mut all: Vec<(Key, &'static Group)> = groups
            .iter()
            .flat_map(|group| group.owners.iter().map(move |owner| ((*owner, without_subleaf(group.home)), *group)))
            .collect();
        all.sort_by_key(|(key, _)| *key);
        for (key, group) in all {
            match homes.last_mut() {
                Some((last, groups)) if *last == key => groups.push(group),
                _ => homes.push((key, vec![group])),
            }
        }
        Self(homes.into_iter().map(|(key, groups)| (key, spans(&groups))).collect())
    }

    fn spans(&self, key: &Key) -> &[Span] {
        self.0.binary_search_by_key(key, |(known, _)| *known).map_or(&[], |at| &self.0[at].1)
    }

    /// The row that the lowest bit of `place` belongs to. No row holds a place without bits.
    pub(super) fn row(&self, place: Place) -> Row {
        let bit = place.bits().map_or(0, |bits| bits.lo);
        let found = key(place).and_then(|(key, subleaf)| {
            let spans = self.spans(&key);
            let span = &spans[spans.partition_point(|s| s.first <= subleaf).checked_sub(1)?];
            let at = span.segments.partition_point(|s| s.bits.hi < bit);
            span.segments.get(at).filter(|s| s.bits.lo <= bit)
        });
        let unknown = Segment {
            bits: BitRange::one(bit.min(63)),
            what: What::Nothing,
            rule: None,
            cause: None,
            shown: Shown::Perhaps,
        };
        found.unwrap_or(&unknown).row(place)
    }

    /// The row of `line`, at a subleaf and bit where no closer line wins; else of the highest bit of its first subleaf.
    pub(super) fn row_of(&self, place: Place, subleaf: Sub, line: &Line) -> Option<Row> {
        let (key, _) = key(place)?;
        self.spans(&key).iter().filter(|s| covers(subleaf, s.first)).find_map(|span| {
            let own = |s: &&Segment| matches!(s.what, What::Line(known) if ptr::eq(known, line));
            span.segments.iter().rev().find(own).map(|s| s.row(place))
        })
    }

    /// The row of a rule's range, where there is a subleaf at which nothing in it has a name.
    pub(super) fn range_of(&self, place: Place, subleaf: Sub, rule: &Rule) -> Option<Row> {
        let (key, _) = key(place)?;
        let own = |s: &&Segment| s.bits == rule.bits && matches!(s.what, What::Range);
        let spans = self.spans(&key).iter().filter(|s| covers(subleaf, s.first));
        spans.flat_map(|s| &s.segments).find(own).map(|s| s.row(place))
    }

    /// Whether any bit is judged by `rule`.
    #[cfg(test)]
    pub(super) fn decides(&self, rule: &Rule) -> bool {
        let segments = self.0.iter().flat_map(|(_, spans)| spans).flat_map(|s| &s.segments);
        segments.filter_map(|s| s.rule).any(|known| ptr::eq(known, rule))
    }
}

const fn without_subleaf(home: Home) -> Home {
    match home {
        Home::Cpuid(leaf, _, register) => Home::Cpuid(leaf, Sub::Any, register),
        msr @ Home::Msr(_) => msr,
    }
}

/// Whether a span that begins at `first` lies in `subleaf`: no pattern begins or ends within a span.
const fn covers(subleaf: Sub, first: u32) -> bool {
    subleaf.holds(first)
}

fn spans(groups: &[&'static Group]) -> Vec<Span> {
    let mut firsts: Vec<u32> = vec![0];
    for group in groups {
        let subleaf = group.subleaf();
        firsts.push(subleaf.first());
        firsts.extend(subleaf.last().map(|last| last.saturating_add(1)));
    }
    firsts.sort_unstable();
    firsts.dedup();
    firsts.into_iter().map(|first| Span { first, segments: segments(groups, first) }).collect()
}

/// Narrow before wide, then one subleaf before several: the order in which rows win.
const fn rank(bits: BitRange, subleaf: Sub) -> (u8, bool) {
    (bits.hi - bits.lo, !matches!(subleaf, Sub::At(_)))
}

fn segments(groups: &[&'static Group], subleaf: u32) -> Vec<Segment> {
    let here: Vec<&&'static Group> = groups.iter().filter(|g| g.subleaf().holds(subleaf)).collect();
    let width = if matches!(here.first().map(|g| g.home), Some(Home::Msr(_))) { 64 } else { 32 };
    let mut lines = Vec::new();
    let mut rules: Vec<(&'static Rule, Sub)> = Vec::new();
    let mut causes: Vec<(&'static Cause, Sub)> = Vec::new();
    for group in here {
        let at = group.subleaf();
        lines.extend(group.lines.iter().map(|line| (line, at)));
        rules.extend(group.rules.iter().chain(group.lines.iter().filter_map(|l| l.rule.as_ref())).map(|r| (r, at)));
        causes.extend(group.causes.iter().chain(group.lines.iter().filter_map(|l| l.cause.as_ref())).map(|c| (c, at)));
    }
    let shown = |bit: u8| {
        let here = || groups.iter().filter(|g| g.subleaf().holds(subleaf));
        let with = here().filter_map(|g| g.shown_with).find(|(_, bits)| bits.contains(&bit));
        match with {
            _ if here().any(|g| g.shown.contains(&bit)) => Shown::Always,
            Some((other, _)) => Shown::With(other),
            None => Shown::Perhaps,
        }
    };
    // A feature wins over a field.
    lines.sort_by_key(|(line, at)| (line.field, rank(line.bits, *at)));
    rules.sort_by_key(|(rule, at)| rank(rule.bits, *at));
    causes.sort_by_key(|(cause, at)| rank(cause.bits, *at));
    let named = |bits: BitRange| lines.iter().any(|(l, _)| l.bits.lo <= bits.hi && bits.lo <= l.bits.hi);
    let mut found: Vec<Segment> = Vec::new();
    for bit in 0..width {
        let one = BitRange::one(bit);
        let rule = rules.iter().map(|(r, _)| *r).find(|r| r.bits.holds(one));
        let what = match (lines.iter().find(|(l, _)| l.bits.holds(one)), rule) {
            (Some((line, _)), _) => What::Line(line),
            (None, Some(rule)) if !named(rule.bits) => What::Range,
            _ => What::Nothing,
        };
        let cause = causes.iter().map(|(c, _)| *c).find(|c| c.bits.holds(one));
        if matches!(what, What::Nothing) && rule.is_none() && cause.is_none() {
            continue;
        }
        match found.last_mut() {
            Some(last) if last.bits.hi + 1 == bit && last.what.is(what) && same(last.rule, rule) => last.bits.hi = bit,
            _ => found.push(Segment { bits: one, what, rule, cause, shown: shown(bit) }),
        }
    }
    found
}

fn same(a: Option<&Rule>, b: Option<&Rule>) -> bool {
    a.map(ptr::from_ref) == b.map(ptr::from_ref)
}

impl What {
    /// Whether both are the same field or range, which can hold more than one bit.
    fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::Line(a), Self::Line(b)) => ptr::eq(a, b),
            (Self::Range, Self::Range) => true,
            _ => false,
        }
    }
}

impl Segment {
    fn row(&self, place: Place) -> Row {
        let line = if let What::Line(line) = self.what { Some(line) } else { None };
        let feature = line.is_some_and(|l| !l.field);
        let (kind, lost, gained) = match self.rule {
            Some(r) => (r.kind, r.lost, r.gained),
            None if feature => (RuleKind::Subset, Severity::Unsafe, Severity::Warning),
            None => (RuleKind::Equal, Severity::Unsafe, Severity::Unsafe),
        };
        let blank = Row {
            bits: self.bits,
            place: place.with_bits(self.bits),
            names: Names::default(),
            name: None,
            also: &[],
            linux_is_alias: false,
            shown: self.shown,
            known: !matches!(self.what, What::Nothing),
            feature,
            migratable: None,
            rule: kind,
            lost,
            gained,
            gates: gates::gates_of(place),
            meaning: if let What::Range = self.what { self.rule.map(|r| r.reason) } else { None },
            reason: self.rule.map(|r| r.reason),
            cause: self.cause.map(|c| c.why),
            cause_kind: self.cause.map(|c| c.kind),
            cause_source: self.cause.map(|c| c.source),
            source: self.rule.map(|r| r.source).or(line.and_then(|l| l.source)).or_else(|| sources::of(place)),
            unit: Unit::Plain,
            zero_means: None,
            zero_is_silent: false,
            guard: None,
            weight: 1,
            kvm: Offer::Unknown,
            libvirt_since: None,
            not_in_libvirt: false,
            qemu_since: None,
            not_in_qemu: false,
            tcg_since: None,
            not_in_tcg: false,
            needs: &[],
            element: None,
            listed: true,
            judged: true,
            blocks_migration: false,
        };
        let Some(line) = line else { return blank };
        let qemu = line.qemu_name;
        Row {
            names: Names { libvirt: line.libvirt.since().and(line.name), qemu, linux: line.linux },
            name: line.name,
            also: line.also.iter().flatten().find(|(n, _)| *n == Namespace::Qemu).map_or(&[], |(_, names)| *names),
            linux_is_alias: line.linux_is_alias,
            migratable: feature
                .then(|| line.migratable.unwrap_or(if qemu.is_some() { Migratable::Yes } else { Migratable::Unknown })),
            meaning: Some(line.meaning),
            zero_means: line.zero_means,
            zero_is_silent: line.zero_is_silent,
            unit: match line.unit {
                // A row may be a part of its field: the rest are features of their own.
                Unit::Bits(first) => Unit::Bits(first + u32::from(self.bits.lo - line.bits.lo)),
                unit => unit,
            },
            guard: line.guard,
            weight: match (line.guard, line.isa) {
                (Some(Guard::Protection), _) => 10,
                (_, true) => 3,
                _ => 1,
            },
            kvm: line.kvm,
            libvirt_since: line.libvirt.since(),
            not_in_libvirt: line.libvirt.is_no(),
            qemu_since: line.qemu.since(),
            not_in_qemu: line.qemu.is_no(),
            tcg_since: line.tcg.since(),
            not_in_tcg: matches!(line.tcg, Has::No),
            needs: line.needs,
            element: line.element,
            listed: line.listed,
            judged: line.judged,
            blocks_migration: line.blocks_migration,
            ..blank
        }
    }
}
