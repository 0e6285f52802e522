//! The walker: reads every leaf and subleaf that exists, by the table in [`crate::rules`].
//!
//! It knows no leaf by number; the rows do. It needs no heap, and visits places in ascending order.

use crate::hypervisor::{self, Block, FIRST_BASE, STRIDE};
use crate::leaf::LeafId;
use crate::register::Registers;
use crate::rules::{
    EMPTY_BASES, Exists, GATE_LEAVES, Gate, HYPERVISOR_RULES, RANGE_CAP, RANGES, SubleafRule, Subleaves,
    UNDEFINED_LEAVES, rule_of,
};
use crate::source::CpuidSource;
use crate::vendor::Signature;

/// One thing the walker has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// A register set that belongs to the dump.
    Read(LeafId, Registers),
    /// The source had no answer for a place that exists. Heads of ranges that may be absent are not reported, except
    /// where another bit makes the range certain.
    Missing(LeafId),
    /// A list or range was cut at its cap; this place would have been read next.
    Capped(LeafId),
}

/// Reads everything `source` holds and hands it to `visit`, in ascending order.
pub fn walk(source: &mut impl CpuidSource, visit: &mut impl FnMut(Visit)) {
    let mut walker = Walker { source, visit, gates: [None; GATE_LEAVES.len()], last: 0, undefined: None };
    let mut vendor = None;
    for range in RANGES {
        match range.exists {
            Exists::Always => {
                let head = walker.leaf(range.base, rule_of(range.base));
                vendor = head.map(Signature::vendor);
                if let Some(head) = head {
                    walker.last = head.eax;
                    walker.leaves(range.base + 1, head.eax, RANGE_CAP);
                }
            }
            Exists::Reaching(min) => {
                let head = walker.head(range.base);
                // A bit that was not recorded may be set. If leaf 0 is missing, that was reported already.
                let certain = range.certain.is_some_and(|gate| walker.gate(gate) != Some(false));
                if head.is_none() && certain && walker.last > 0 {
                    walker.say(Visit::Missing(LeafId::new(range.base, 0)));
                }
                if let Some(head) = head
                    && head.eax & 0xffff_0000 == range.base
                    && head.eax >= min
                    && !walker.reads_undefined(head)
                {
                    walker.say(Visit::Read(LeafId::new(range.base, 0), head));
                    walker.leaves(range.base + 1, head.eax, RANGE_CAP);
                }
            }
            // Without leaf 1 nothing says that there is no hypervisor: look.
            Exists::HypervisorBlocks(present) => {
                if walker.gate(present).unwrap_or(true) {
                    walker.hypervisor_blocks();
                }
            }
            Exists::AmdText => {
                for leaf in [range.base, range.base + 1] {
                    if vendor.is_some_and(|v| v.is_amd())
                        && let Some(r) = walker.head(leaf)
                        && r != Registers::ZERO
                        && !walker.reads_undefined(r)
                    {
                        walker.say(Visit::Read(LeafId::new(leaf, 0), r));
                    }
                }
            }
        }
    }
}

struct Walker<'a, S, V> {
    source: &'a mut S,
    visit: &'a mut V,
    /// Subleaf 0 of each of [`GATE_LEAVES`], once it was read.
    gates: [Option<Registers>; GATE_LEAVES.len()],
    /// The last basic leaf; 0 while unknown.
    last: u32,
    /// What leaves out of range read as; read when first needed.
    undefined: Option<[Option<Registers>; 2]>,
}

impl<S: CpuidSource, V: FnMut(Visit)> Walker<'_, S, V> {
    fn say(&mut self, what: Visit) {
        (self.visit)(what);
    }

    /// Reads a place that exists, and reports it.
    fn read(&mut self, leaf: u32, subleaf: u32) -> Option<Registers> {
        let id = LeafId::new(leaf, subleaf);
        let registers = self.source.cpuid(leaf, subleaf);
        match registers {
            Some(r) => self.say(Visit::Read(id, r)),
            None => self.say(Visit::Missing(id)),
        }
        registers
    }

    /// Asks for a place that may not exist, without reporting it.
    fn head(&mut self, leaf: u32) -> Option<Registers> {
        self.source.cpuid(leaf, 0)
    }

    /// Whether `head` is only what this CPU answers for leaves that do not exist.
    fn reads_undefined(&mut self, head: Registers) -> bool {
        let source = &mut *self.source;
        let undefined = self.undefined.get_or_insert_with(|| UNDEFINED_LEAVES.map(|leaf| source.cpuid(leaf, 0)));
        undefined.iter().flatten().any(|u| (u.eax, u.ebx, u.ecx) == (head.eax, head.ebx, head.ecx))
    }

    /// Leaves `first..=last`, at most `cap` of a range in all.
    fn leaves(&mut self, first: u32, last: u32, cap: u32) {
        // The head counts too.
        let end = first.saturating_add(cap - 2);
        for leaf in first..=last.min(end) {
            self.leaf(leaf, rule_of(leaf));
        }
        if last > end {
            self.say(Visit::Capped(LeafId::new(end + 1, 0)));
        }
    }

    /// One leaf with all of its subleaves. Returns subleaf 0.
    fn leaf(&mut self, leaf: u32, rule: Option<&SubleafRule>) -> Option<Registers> {
        let first = self.read(leaf, 0)?;
        if let Some(slot) = GATE_LEAVES.iter().position(|gate| *gate == leaf) {
            self.gates[slot] = Some(first);
        }
        if let Some(rule) = rule
            // A missing gate counts as open, so what the dump holds counts as data.
            && rule.gate.and_then(|gate| self.gate(gate)).unwrap_or(true)
        {
            self.subleaves(leaf, first, rule);
        }
        Some(first)
    }

    /// The gate's bit: clear where its leaf does not exist, `None` where the leaf should be there and is not.
    fn gate(&self, gate: Gate) -> Option<bool> {
        let slot = GATE_LEAVES.iter().position(|leaf| *leaf == gate.leaf)?;
        match self.gates[slot] {
            Some(r) => Some(r.get(gate.register) >> gate.bit & 1 == 1),
            None => (gate.leaf > self.last && gate.leaf <= RANGE_CAP && self.last > 0).then_some(false),
        }
    }

    /// Subleaves 1 and up of a leaf whose subleaf 0 was read.
    fn subleaves(&mut self, leaf: u32, first: Registers, rule: &SubleafRule) {
        match rule.subleaves {
            Subleaves::UpToEax { min } if first.eax < min => {}
            Subleaves::UpToEax { .. } => self.numbered(leaf, first.eax, rule.cap),
            Subleaves::Fixed(last) => self.numbered(leaf, last, rule.cap),
            Subleaves::UntilZero { from, echo, .. } => {
                let mut previous = first;
                let mut subleaf = 0;
                loop {
                    let ignored = echo && previous.ecx & 0xff != subleaf;
                    if rule.ends_at(subleaf, previous) || ignored {
                        return;
                    }
                    subleaf += 1;
                    if subleaf == rule.cap {
                        return self.say(Visit::Capped(LeafId::new(leaf, subleaf)));
                    }
                    match self.read(leaf, subleaf) {
                        // The same answer again within the list: this source ignores ECX.
                        Some(r) if r != previous || subleaf <= from => previous = r,
                        _ => return,
                    }
                }
            }
            Subleaves::Mapped { always, maps, last } => {
                let mut named = 0u64;
                let mut add = |subleaf: u32, r: Registers| {
                    for map in maps.iter().filter(|map| map.subleaf == subleaf) {
                        named |= u64::from(r.get(map.register)) << map.first;
                    }
                };
                add(0, first);
                for subleaf in 1..=always {
                    if let Some(r) = self.read(leaf, subleaf) {
                        add(subleaf, r);
                    }
                }
                for subleaf in (always + 1..=last).filter(|n| named >> n & 1 == 1) {
                    self.read(leaf, subleaf);
                }
            }
        }
    }

    fn numbered(&mut self, leaf: u32, last: u32, cap: u32) {
        for subleaf in 1..=last.min(cap - 1) {
            self.read(leaf, subleaf);
        }
        if last >= cap {
            self.say(Visit::Capped(LeafId::new(leaf, cap)));
        }
    }

    fn hypervisor_blocks(&mut self) {
        let mut empty = 0;
        let mut known: [Option<Registers>; 4] = [None; 4];
        for base in (FIRST_BASE..hypervisor::END).step_by(STRIDE as usize) {
            match self.head(base) {
                Some(head) if known.contains(&Some(head)) => empty += 1,
                Some(head) => match hypervisor::block_at(base, head) {
                    Some(block) if !self.reads_undefined(head) => {
                        empty = 0;
                        if let Some(slot) = known.iter_mut().find(|slot| slot.is_none()) {
                            *slot = Some(head);
                        }
                        self.block(block, head);
                    }
                    _ => empty += 1,
                },
                // Only a source that answers tells that nothing is there; looking on in a record costs nothing.
                None => {}
            }
            if empty == EMPTY_BASES {
                return;
            }
        }
    }

    fn block(&mut self, block: Block, head: Registers) {
        self.say(Visit::Read(LeafId::new(block.base, 0), head));
        for leaf in block.base + 1..=block.last {
            let rule = HYPERVISOR_RULES
                .iter()
                .find(|(signature, rule)| **signature == block.signature.0 && block.base + rule.leaf == leaf)
                .map(|(_, rule)| rule);
            self.leaf(leaf, rule);
        }
    }
}
