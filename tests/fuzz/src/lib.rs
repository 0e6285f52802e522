//! What the fuzz targets do with their bytes. Panics, timeouts and memory are libFuzzer's to watch; the assertions here
//! check what else must hold.

use cpuid_diff::finding::Finding;
use cpuid_diff::judge::rule::Directions;
use cpuid_diff::judge::{Comparison, compare};
use cpuid_diff::knowledge::Knowledge;
use cpuid_diff::knowledge::Severity;
use cpuid_diff::read::{self, Input};
use cpuid_diff::render::Style;
use cpuid_diff::view::DumpView;
use cpuid_probe::coverage::{Coverage, Place};
use cpuid_probe::dump::{Dump, MsrRecord, Record, Recorded, Source, VcpuDump};
use cpuid_probe::{CpuidSource, LeafId, Registers, Visit, json, walk};

/// Reads `bytes` as `format` (or as what it looks like). A dump that is read survives JSON, and the walker replayed
/// over it classifies every register set.
pub fn reader(format: Option<&str>, bytes: &[u8]) {
    match read::read(bytes, format) {
        Ok(Input::Dump(dump)) => check(&dump),
        Ok(Input::Pair(pair)) => pair.iter().for_each(check),
        Ok(Input::Cpus(_) | Input::Template(_)) | Err(_) => {}
    }
}

/// Reads all but the first byte as one of `formats`, which that byte chooses, or as what it looks like; of several machines
/// also the second.
pub fn one_of(formats: &[&str], data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let format = formats.get(usize::from(*first) % (formats.len() + 1)).copied();
    reader(format, bytes);
    if let Ok(Input::Dump(dump)) = read::read_part(bytes, format, Some("2")) {
        check(&dump);
    }
}

/// Explains pasted text, and writes it down.
pub fn explain(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let found = cpuid_diff::explain::explain_text(&text, None, Knowledge::builtin());
    let _ = cpuid_diff::explain::render::text(&found, Style::plain(80));
    let _ = cpuid_diff::explain::render::markdown(&found);
}

/// Unpacks, and reads what that gives, where it is no longer than what other targets read: a few bytes may stand for
/// megabytes, and the time that these take is theirs.
pub fn packed(data: &[u8]) {
    if let Ok(bytes) = read::unpacked(data.to_vec())
        && bytes.len() <= 1 << 16
    {
        reader(None, &bytes);
    }
}

/// What a file holds: a CPU of names as statements, too.
pub fn source(formats: &[&str], data: &[u8]) {
    let Some((first, bytes)) = data.split_first() else { return };
    let format = formats.get(usize::from(*first) % (formats.len() + 1)).copied();
    if let Ok(cpuid_diff::view::source::Source::Cpus(cpus)) = cpuid_diff::view::source::read(bytes, format) {
        assert!(!cpus.is_empty());
        let map = cpuid_diff::cpu_map::CpuMap::newest();
        for cpu in cpus.iter().take(4) {
            let _ = cpuid_diff::view::said::of_cpu(cpu, map, Knowledge::builtin());
        }
    }
}

fn check(dump: &Dump) {
    assert!(!dump.vcpus.is_empty());
    assert!(dump.vcpus.windows(2).all(|w| w[0].vcpu < w[1].vcpu));
    // Statements have no form as registers.
    if !dump.is_statements() {
        assert_eq!(json::from_str(&json::to_string(dump)).as_ref().ok(), Some(dump));
    }
    // Enough of a crowd to see each kind.
    for vcpu in dump.vcpus.iter().take(8) {
        classified(vcpu);
    }
}

fn classified(vcpu: &VcpuDump) {
    let coverage = Coverage::of(vcpu);
    for id in vcpu.leaves().iter().map(|r| r.id) {
        let captured = coverage.read.binary_search(&id).is_ok();
        match coverage.place(id) {
            Place::Captured => {}
            Place::OverEnumerated => assert!(!captured),
            other => panic!("{id} is there and {other:?}"),
        }
    }
    for id in &coverage.missing {
        assert_eq!(coverage.place(*id), Place::NotCaptured, "{id}");
    }
}

/// Bytes as a stream of numbers; zeros when they are used up.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn word(&mut self) -> u32 {
        u32::from_le_bytes([self.byte(), self.byte(), self.byte(), self.byte()])
    }

    /// A leaf: mostly one of a range that a CPU may have.
    fn leaf(&mut self) -> u32 {
        const BASES: [u32; 10] = [
            0,
            0,
            0x2000_0000,
            0x4000_0000,
            0x4000_0100,
            0x4000_0200,
            0x8000_0000,
            0x8086_0000,
            0x8fff_fff0,
            0xc000_0000,
        ];
        match usize::from(self.byte()) {
            kind if kind < 240 => BASES[kind % BASES.len()] + u32::from(self.byte() % 0x40),
            _ => self.word(),
        }
    }

    /// A register: nothing, a small number, a maximum of a range, or anything.
    fn register(&mut self, leaf: u32) -> u32 {
        match self.byte() % 16 {
            0..5 => 0,
            5..10 => u32::from(self.byte()),
            10..13 => (leaf & 0xffff_ff00) + u32::from(self.byte() % 0x40),
            _ => self.word(),
        }
    }

    fn record(&mut self) -> (u32, u32, Registers) {
        let leaf = self.leaf();
        let subleaf = match self.byte() {
            n if n < 128 => 0,
            n => u32::from(n) - 128,
        };
        // The maximum of a range is seldom far away: long walks are slow and much alike.
        let eax = match leaf % 0x100 {
            0 if self.byte() < 250 => leaf + u32::from(self.byte() % 0x40),
            _ => self.register(leaf),
        };
        let mut register = || self.register(leaf);
        (leaf, subleaf, Registers::new(eax, register(), register(), register()))
    }
}

/// A CPU of any behaviour: what it lists, and for the rest one of three answers.
struct AnyCpu {
    places: Vec<((u32, u32), Registers)>,
    beyond: u8,
    reads: u32,
}

impl CpuidSource for AnyCpu {
    fn cpuid(&mut self, leaf: u32, subleaf: u32) -> Option<Registers> {
        self.reads += 1;
        if let Ok(at) = self.places.binary_search_by_key(&(leaf, subleaf), |(place, _)| *place) {
            return Some(self.places[at].1);
        }
        match self.beyond {
            ..100 => None,
            ..200 => Some(Registers::ZERO),
            ..254 => self.places.last().map(|(_, registers)| *registers),
            // Every subleaf and leaf differs. Rare, since such a walk is long.
            _ => Some(Registers::new(leaf ^ subleaf, subleaf.wrapping_mul(3), subleaf, leaf)),
        }
    }
}

/// Walks a CPU of any behaviour: the walk ends, ascends, visits nothing twice, and replayed gives the same dump.
pub fn walker(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let beyond = bytes.byte();
    let mut places = Vec::new();
    while !bytes.0.is_empty() {
        let (leaf, subleaf, registers) = bytes.record();
        places.push(((leaf, subleaf), registers));
    }
    places.sort_by_key(|(place, _)| *place);
    places.dedup_by_key(|(place, _)| *place);
    let mut cpu = AnyCpu { places, beyond, reads: 0 };
    let mut last = None;
    walk(&mut cpu, &mut |visit| {
        let id = match visit {
            Visit::Read(id, _) | Visit::Missing(id) | Visit::Capped(id) => id,
        };
        assert!(last < Some(id), "{last:?} before {id:?}");
        last = Some(id);
    });
    // Seven ranges of RANGE_CAP leaves, the lists' caps, 256 blocks of 256 leaves.
    assert!(cpu.reads < 200_000, "{} reads", cpu.reads);
    let dump = VcpuDump::capture(0, &mut cpu);
    assert_eq!(VcpuDump::capture(0, &mut Recorded::new(&dump)).leaves(), dump.leaves());
}

/// Two dumps of the same few places, with changes: bits, and once a place that is not there or another one. Every
/// differing bit is a finding with texts, which is what takes the time.
fn pair(bytes: &[u8]) -> [Dump; 2] {
    let mut bytes = Bytes(bytes);
    let mut places: Vec<Record> = Vec::new();
    for _ in 0..bytes.byte() % 4 {
        let (leaf, subleaf, registers) = bytes.record();
        places.push(Record { id: LeafId::new(leaf, subleaf), registers });
    }
    let msr = [0xcf, 0x10a, 0x345, 0x480, 0x48b, 0x11][usize::from(bytes.byte() % 6)];
    let msr = (bytes.byte() < 128).then(|| (msr, u64::from(bytes.word()) << 32 | u64::from(bytes.word())));
    let vcpus = if bytes.byte() < 32 { 2 } else { 1 };
    let mut moved = false;
    [(); 2].map(|()| {
        let mut dump = Dump::new(Source::Native);
        // One of the dumps may have lost the second vCPU.
        let vcpus = if bytes.byte() < 16 { 1 } else { vcpus };
        for number in 0..vcpus {
            let mut vcpu = VcpuDump::new(number);
            let mut places = places.clone();
            for _ in 0..bytes.byte() % 3 {
                change(&mut places, &mut moved, &mut bytes);
            }
            for mut place in places {
                // No range promises thousands of leaves; each would count as not captured.
                if place.id.leaf.is_multiple_of(0x100) {
                    place.registers.eax = place.id.leaf + place.registers.eax % 0x40;
                }
                // Of a place that comes twice the first counts.
                let _ = vcpu.insert(place);
            }
            if let Some((index, value)) = msr {
                let value = match bytes.byte() {
                    ..32 => None,
                    kind @ 32..128 => Some(value ^ 1 << (kind % 64)),
                    _ => Some(value),
                };
                let _ = vcpu.insert_msr(MsrRecord { index, value });
            }
            dump.vcpus.push(vcpu);
        }
        dump
    })
}

/// Changes one of `places`.
fn change(places: &mut Vec<Record>, moved: &mut bool, bytes: &mut Bytes<'_>) {
    let kind = bytes.byte();
    let at = usize::from(bytes.byte());
    match kind {
        0..8 if !*moved && !places.is_empty() => {
            *moved = true;
            places.remove(at % places.len());
        }
        8..16 if !*moved => {
            *moved = true;
            let (leaf, subleaf, registers) = bytes.record();
            places.push(Record { id: LeafId::new(leaf, subleaf), registers });
        }
        _ => {
            let count = places.len().max(1);
            if let Some(place) = places.get_mut(at % count) {
                let r = &mut place.registers;
                *[&mut r.eax, &mut r.ebx, &mut r.ecx, &mut r.edx][usize::from(kind % 4)] ^= 1 << (bytes.byte() % 32);
            }
        }
    }
}

/// What the differ finds between two dumps.
fn judged(a: &Dump, b: &Dump) -> Comparison {
    compare(&DumpView::of(a), &DumpView::of(b), Directions::Both, Knowledge::builtin())
}

/// Compares two dumps: the findings are mirrored when the dumps change places.
pub fn comparison(bytes: &[u8]) {
    let [a, b] = pair(bytes);
    let forth = judged(&a, &b);
    // Now and then, to try more dumps.
    if bytes.len().is_multiple_of(8) {
        assert_eq!(mirrored(&forth, false), mirrored(&judged(&b, &a), true));
    }
}

type Judgement = (String, Option<usize>, Option<Severity>, Option<Severity>);

fn mirrored(comparison: &Comparison, swap: bool) -> Vec<Judgement> {
    let mut all: Vec<_> = comparison
        .findings
        .iter()
        .map(|f| match swap {
            false => (place(f), f.input, f.severity_a_to_b(), f.severity_b_to_a()),
            true => (place(f), f.input.map(|input| 1 - input), f.severity_b_to_a(), f.severity_a_to_b()),
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The place of a finding. A leaf of a hypervisor block is reported where the first dump has it, so it goes by its
/// distance from the block's base here, and what two vCPUs show at different bases may be one finding the other way.
fn place(finding: &Finding) -> String {
    let id = finding.id();
    match (finding.place().and_then(|p| p.signature()), id.strip_prefix("0x")) {
        (Some(block), Some(digits)) => format!("{block}+{}", &digits[6..]),
        _ => id,
    }
}
