//! Hand-made CPUs: register files that answer as hardware and hypervisors do, also where nothing is defined.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet};

use cpuid_probe::{CpuidSource, LeafId, Registers};
use proptest::prelude::*;

/// What a CPU answers for a leaf that it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// AMD hardware; KVM for an AMD guest; Xen.
    Zeros,
    /// Intel hardware, KVM for other guests, QEMU's emulation: the highest basic leaf, with the caller's ECX.
    HighestBasic,
}

/// A register file.
#[derive(Clone, Debug)]
pub struct Cpu {
    /// What it holds. A subleaf that is not there reads as zeros.
    pub places: BTreeMap<(u32, u32), Registers>,
    /// Everything else.
    pub beyond: Beyond,
    /// Leaves for which this CPU does not look at ECX, although it should.
    pub ignores_ecx: BTreeSet<u32>,
    /// How often it was asked.
    pub reads: usize,
}

impl Cpu {
    /// A CPU that holds nothing yet.
    pub fn new(beyond: Beyond) -> Self {
        Self { places: BTreeMap::new(), beyond, ignores_ecx: BTreeSet::new(), reads: 0 }
    }

    /// Adds a register set.
    pub fn with(mut self, leaf: u32, subleaf: u32, registers: [u32; 4]) -> Self {
        self.set(leaf, subleaf, registers);
        self
    }

    /// Adds a register set.
    pub fn set(&mut self, leaf: u32, subleaf: u32, [eax, ebx, ecx, edx]: [u32; 4]) {
        self.places.insert((leaf, subleaf), Registers::new(eax, ebx, ecx, edx));
    }

    /// Adds a head: a leaf with a maximum and 12 bytes of text in `order`.
    pub fn head(self, leaf: u32, last: u32, text: &[u8; 12], order: TextIn) -> Self {
        let word = |i: usize| u32::from_le_bytes([text[i], text[i + 1], text[i + 2], text[i + 3]]);
        let (a, b, c) = (word(0), word(4), word(8));
        match order {
            TextIn::EbxEdxEcx => self.with(leaf, 0, [last, a, c, b]),
            TextIn::EbxEcxEdx => self.with(leaf, 0, [last, a, b, c]),
        }
    }

    fn answer(&self, leaf: u32, subleaf: u32) -> Registers {
        let subleaf = if self.ignores_ecx.contains(&leaf) { 0 } else { subleaf };
        let has = |leaf: u32| self.places.range((leaf, 0)..=(leaf, u32::MAX)).next().is_some();
        if has(leaf) {
            return self.places.get(&(leaf, subleaf)).copied().unwrap_or_default();
        }
        match self.beyond {
            Beyond::Zeros => Registers::ZERO,
            Beyond::HighestBasic => {
                let highest = self.places.keys().map(|(leaf, _)| *leaf).filter(|leaf| *leaf < 0x1000_0000).max();
                let same = highest.and_then(|leaf| self.places.get(&(leaf, subleaf)));
                same.copied().unwrap_or_default()
            }
        }
    }
}

/// Where the text of a head is.
#[derive(Clone, Copy, Debug)]
pub enum TextIn {
    /// CPU vendors.
    EbxEdxEcx,
    /// Hypervisors.
    EbxEcxEdx,
}

impl CpuidSource for Cpu {
    fn cpuid(&mut self, leaf: u32, subleaf: u32) -> Option<Registers> {
        self.reads += 1;
        Some(self.answer(leaf, subleaf))
    }
}

/// A consistent register file, and the places that a dump of it must hold. How far each leaf goes is written down
/// here a second time, straight from the manuals, so that a wrong row of the walker's table does not pass.
pub fn any_cpu() -> impl Strategy<Value = (Cpu, BTreeSet<LeafId>)> {
    let vendor = prop_oneof![
        Just(b"GenuineIntel"),
        Just(b"AuthenticAMD"),
        Just(b"HygonGenuine"),
        Just(b"CentaurHauls"),
        Just(b"GenuineTMx86"),
    ];
    let beyond = prop_oneof![Just(Beyond::Zeros), Just(Beyond::HighestBasic)];
    let hypervisor = prop_oneof![
        Just(b"KVMKVMKVM\0\0\0"),
        Just(b"Microsoft Hv"),
        Just(b"XenVMMXenVMM"),
        Just(b"VMwareVMware"),
        Just(b"\xff\xfe any\0bytes"),
    ];
    // The distance to the block before it, in 0x100 leaves.
    let block = (1..=8u32, hypervisor, 0..=0xff_u32);
    let ranges = (1..=0x30_u32, 1..=0x30_u32, prop::option::of(1..=7_u32), prop::option::of(1..=7_u32));
    // How many subleaves the lists and maps name, taken in turn.
    let counts = prop::collection::vec(0..=7_u32, 40);
    (any::<u64>(), vendor, beyond, ranges, prop::collection::vec(block, 0..=4), counts).prop_map(
        |(seed, vendor, beyond, ranges, blocks, counts)| {
            let mut maker = Maker {
                cpu: Cpu::new(beyond),
                valid: BTreeSet::new(),
                noise: seed,
                counts: counts.into_iter().cycle(),
            };
            let (basic, extended, transmeta, centaur) = ranges;
            maker.range(0, basic);
            let amd = vendor == b"AuthenticAMD" || vendor == b"HygonGenuine";
            maker.cpu = maker.cpu.head(0, basic, vendor, TextIn::EbxEdxEcx);
            maker.edit(1, 0, |r| r[2] = r[2] & !(1 << 31) | u32::from(!blocks.is_empty()) << 31);
            maker.range(0x8000_0000, 0x8000_0000 + extended);
            if let Some(last) = transmeta.filter(|_| vendor == b"GenuineTMx86") {
                maker.range(0x8086_0000, 0x8086_0000 + last);
            }
            if let Some(last) = centaur.filter(|_| vendor == b"CentaurHauls") {
                maker.range(0xc000_0000, 0xc000_0000 + last);
            }
            if amd {
                maker.leaf(0x8fff_ffff);
            }
            let mut base = 0x3fff_ff00;
            for (distance, signature, length) in blocks {
                base += distance * 0x100;
                maker.cpu.set(base, 0, [0; 4]);
                maker.cpu = maker.cpu.head(base, base + length, signature, TextIn::EbxEcxEdx);
                maker.valid.insert(LeafId::new(base, 0));
                for leaf in base + 1..=base + length {
                    maker.leaf(leaf);
                    if signature == b"XenVMMXenVMM" && leaf == base + 3 {
                        maker.place(leaf, 1);
                        maker.place(leaf, 2);
                    }
                }
            }
            maker.subleaves();
            (maker.cpu, maker.valid)
        },
    )
}

struct Maker<C> {
    cpu: Cpu,
    valid: BTreeSet<LeafId>,
    noise: u64,
    counts: C,
}

impl<C: Iterator<Item = u32>> Maker<C> {
    /// SplitMix64: the registers' contents need no shrinking, so they take no part in it.
    fn next(&mut self) -> u32 {
        self.noise = self.noise.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.noise ^ self.noise >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) as u32
    }

    fn count(&mut self) -> u32 {
        self.counts.next().unwrap_or_default()
    }

    fn place(&mut self, leaf: u32, subleaf: u32) {
        let registers = [self.next(), self.next(), self.next(), self.next()];
        self.cpu.set(leaf, subleaf, registers);
        self.valid.insert(LeafId::new(leaf, subleaf));
    }

    fn leaf(&mut self, leaf: u32) {
        self.place(leaf, 0);
    }

    fn range(&mut self, base: u32, last: u32) {
        for leaf in base..=last {
            self.leaf(leaf);
        }
        self.edit(base, 0, |r| r[0] = last);
    }

    fn has(&self, leaf: u32) -> bool {
        self.cpu.places.contains_key(&(leaf, 0))
    }

    fn edit(&mut self, leaf: u32, subleaf: u32, change: impl FnOnce(&mut [u32; 4])) {
        if let Some(r) = self.cpu.places.get(&(leaf, subleaf)) {
            let mut words = [r.eax, r.ebx, r.ecx, r.edx];
            change(&mut words);
            self.cpu.set(leaf, subleaf, words);
        }
    }

    /// Makes every leaf that has subleaves consistent with the ones it gets.
    fn subleaves(&mut self) {
        let bit = |cpu: &Cpu, leaf: u32, register: usize, bit: u32| {
            let r = cpu.places.get(&(leaf, 0)).map(|r| [r.eax, r.ebx, r.ecx, r.edx]);
            r.is_some_and(|r| r[register] >> bit & 1 == 1)
        };
        // 7 first: it holds the gates of others.
        for leaf in [0x7, 0x14, 0x17, 0x18, 0x1d, 0x1e, 0x20, 0x24, 0x29]
            .into_iter()
            .filter(|l| self.has(*l))
            .collect::<Vec<_>>()
        {
            let last = self.count();
            self.edit(leaf, 0, |r| r[0] = last);
            let shut = leaf == 0x14 && !bit(&self.cpu, 7, 1, 25) || leaf == 0x17 && last < 3;
            for subleaf in 1..=last {
                self.place(leaf, subleaf);
                if shut {
                    self.valid.remove(&LeafId::new(leaf, subleaf));
                }
            }
        }
        // Lists that a zero field ends: (leaf, register and mask of the field, first subleaf it is looked at, gate).
        let lists = [
            (0x4, 0, 0x1f, 0, true),
            (0xb, 2, 0xff00, 0, true),
            (0x12, 0, 0xf, 2, bit(&self.cpu, 7, 1, 2)),
            (0x1b, 0, 0xfff, 0, bit(&self.cpu, 7, 3, 18)),
            (0x1f, 2, 0xff00, 0, true),
            (0x8000_001d, 0, 0x1f, 0, bit(&self.cpu, 0x8000_0001, 2, 22)),
            (0x8000_0026, 2, 0xff00, 0, true),
        ];
        for (leaf, register, mask, from, open) in lists.into_iter().filter(|list| self.has(list.0)).collect::<Vec<_>>()
        {
            let end = from + self.count();
            for subleaf in 0..=end {
                self.place(leaf, subleaf);
                self.edit(leaf, subleaf, |r| {
                    r[register] = if subleaf < end { r[register] | mask & (mask >> 2) } else { r[register] & !mask };
                    if mask == 0xff00 {
                        r[2] = r[2] & !0xff | subleaf;
                    }
                });
                if subleaf > 0 && !open {
                    self.valid.remove(&LeafId::new(leaf, subleaf));
                }
            }
        }
        // Bit maps: (leaf, subleaf and register of the map, subleaf of bit 0).
        let maps = [
            (0xd, 0, 0, 0),
            (0xd, 0, 3, 32),
            (0xd, 1, 2, 0),
            (0xd, 1, 3, 32),
            (0xf, 0, 3, 0),
            (0x10, 0, 1, 0),
            (0x23, 0, 0, 0),
            (0x27, 0, 3, 0),
            (0x28, 0, 1, 0),
            (0x8000_0020, 0, 1, 0),
        ];
        if self.has(0xd) {
            self.place(0xd, 1);
        }
        for (leaf, at, register, first) in maps.into_iter().filter(|map| self.has(map.0)).collect::<Vec<_>>() {
            let map = self.next() & self.next();
            self.edit(leaf, at, |r| r[register] = map);
            let always = if leaf == 0xd { 1 } else { 0 };
            for subleaf in (0..32).filter(|n| map >> n & 1 == 1).map(|n| first + n) {
                if subleaf > always && subleaf != 63 && !self.cpu.places.contains_key(&(leaf, subleaf)) {
                    self.place(leaf, subleaf);
                }
            }
        }
    }
}
