//! One judge: `compare`, `trace` and `baseline` call the same places different, and a row added to the table is known to
//! every command.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cpuid_diff::check::Baseline;
use cpuid_diff::cpu_map::CpuMap;
use cpuid_diff::cpu_map::wide::Wide;
use cpuid_diff::explain::explain;
use cpuid_diff::finding::Rule;
use cpuid_diff::judge;
use cpuid_diff::judge::rule::Directions;
use cpuid_diff::knowledge::Sub::At;
use cpuid_diff::knowledge::table::{Group, bit};
use cpuid_diff::knowledge::{Knowledge, Version};
use cpuid_diff::pool::{self, Input, Options};
use cpuid_diff::trace::{self, Fit, Given, Layer, Trace};
use cpuid_diff::view::source::{self, Source};
use cpuid_diff::view::{DumpView, Role};
use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::{Place, Register};
use proptest::prelude::*;

use crate::registers::any_cpu;
use crate::support::{root, shared};

/// The places in which two dumps differ, as `compare` finds them.
fn compared(a: &Dump, b: &Dump, knowledge: &Knowledge) -> BTreeSet<Place> {
    let comparison = judge::compare(&DumpView::of(a), &DumpView::of(b), Directions::Both, knowledge);
    let differing = comparison.findings.iter().filter(|f| f.input.is_none() && matches!(f.rule, Rule::Row(_)));
    differing.filter_map(|f| f.place()).filter(|place| place.bits().is_some()).collect()
}

/// The built-in map, made once.
fn wide() -> &'static Wide {
    static WIDE: OnceLock<Wide> = OnceLock::new();
    WIDE.get_or_init(|| Wide::new(CpuMap::of(Knowledge::builtin()), Knowledge::builtin()))
}

fn traced(layers: [(Layer, &Source); 2], wide: &Wide, knowledge: &Knowledge) -> Trace {
    let given: Vec<(Given, &Source)> =
        layers.map(|(layer, source)| (Given { layer, name: layer.word().to_string() }, source)).to_vec();
    trace::trace(&given, wide, knowledge, true).unwrap_or_else(|(name, why)| panic!("{name}: {why}"))
}

fn differing(trace: &Trace) -> BTreeSet<Place> {
    trace.steps.iter().filter(|step| step.differs).map(|step| step.place).collect()
}

/// The places in which two inputs of a pool differ; `None` where they have no common CPU.
fn pooled(sources: [&Source; 2], knowledge: &Knowledge) -> Option<BTreeSet<Place>> {
    let wide = wide();
    let input = |source: &Source| match source {
        Source::Dump(dump) => Input::of_dump("x".to_string(), dump, wide).ok(),
        Source::Cpus(cpus) => Input::of_cpu("x".to_string(), cpus.first()?, wide).ok(),
        Source::Template(_) => None,
    };
    let inputs = [input(sources[0])?, input(sources[1])?];
    let common = pool::common(&inputs, wide, knowledge, Options::default()).ok()?;
    Some(common.differing.into_iter().map(|d| d.place).collect())
}

/// What all commands call different between two dumps is one set. Returns how large it is, and whether there was a pool.
fn same_everywhere(a: &Dump, b: &Dump, what: &str) -> (usize, bool) {
    let knowledge = Knowledge::builtin();
    let compared = compared(a, b, knowledge);
    let [a, b] = [a, b].map(|dump| Source::Dump(Box::new(dump.clone())));
    let trace = traced([(Layer::Host, &a), (Layer::Guest, &b)], wide(), knowledge);
    assert_eq!(differing(&trace), compared, "{what}: trace and compare");
    let pooled = pooled([&a, &b], knowledge);
    if let Some(pooled) = &pooled {
        assert_eq!(*pooled, compared, "{what}: baseline and compare");
    }
    (compared.len(), pooled.is_some())
}

fn read(path: &Path) -> Option<Source> {
    source::read(&fs::read(path).ok()?, None).ok()
}

/// Samples, and of what is beside the repository a few files of each kind.
fn files() -> Vec<PathBuf> {
    let list = |folder: PathBuf, most: usize| {
        let entries = fs::read_dir(folder).into_iter().flatten().filter_map(|e| Some(e.ok()?.path()));
        let mut files: Vec<PathBuf> = entries.filter(|p| p.is_file()).collect();
        files.sort();
        files.truncate(most);
        files
    };
    let mut files = list(root().join("samples"), usize::MAX);
    for folder in ["field-cases/numbers", "corpus/firecracker", "corpus/firecracker-restore", "corpus/tp-qemu"] {
        files.extend(shared(folder).into_iter().flat_map(|folder| list(folder, 8)));
    }
    files
}

#[test]
fn all_commands_call_the_same_places_different() {
    let dumps: Vec<(PathBuf, Dump)> = files()
        .into_iter()
        .filter_map(|path| match read(&path)? {
            Source::Dump(dump) => Some((path, *dump)),
            _ => None,
        })
        .collect();
    let (mut pairs, mut differing, mut pools) = (0, 0, 0);
    for (i, (name_a, a)) in dumps.iter().enumerate() {
        // Each with itself and with the next three.
        for (name_b, b) in dumps.iter().skip(i).take(4) {
            let (places, pooled) = same_everywhere(a, b, &format!("{} {}", name_a.display(), name_b.display()));
            pairs += 1;
            differing += usize::from(places > 0);
            pools += usize::from(pooled);
        }
    }
    assert!(pairs >= 40 && differing >= 20 && pools >= 10, "{pairs} pairs, {differing} differ, {pools} pools");
}

/// Definitions state features and the width of physical addresses; `trace` and `baseline` see both.
#[test]
fn definitions_differ_in_the_same_places_everywhere() {
    let cpu = |text: &str| source::read(text.as_bytes(), None).expect(text);
    let domain = |bits: u32, feature: &str| {
        cpu(&format!(
            "<cpu mode='custom' match='exact'><model>Haswell-noTSX</model><maxphysaddr mode='emulate' bits='{bits}'/>\
             {feature}</cpu>"
        ))
    };
    let offer = |bits: u32| {
        cpu(&format!(
            "<domainCapabilities><arch>x86_64</arch><cpu><mode name='host-model' supported='yes'>\
             <model>Haswell-noTSX</model><maxphysaddr mode='passthrough' limit='{bits}'/></mode></cpu>\
             </domainCapabilities>"
        ))
    };
    let off = "<feature policy='disable' name='avx2'/>";
    let width = Place::cpuid(0x8000_0008, 0, Register::Eax, 7, 0);
    let avx2 = Place::bit(7, 0, Register::Ebx, 5);
    let knowledge = Knowledge::builtin();
    for (a, b, expected) in [
        (offer(46), domain(39, ""), vec![]),
        (offer(39), domain(46, ""), vec![width]),
        (offer(39), domain(39, off), vec![avx2]),
        (offer(39), domain(42, off), vec![avx2, width]),
    ] {
        let trace = traced([(Layer::Kvm, &a), (Layer::Baseline, &b)], wide(), knowledge);
        let changed: Vec<Place> = trace.steps.iter().filter(|s| s.change.is_some()).map(|s| s.place).collect();
        assert_eq!(changed, expected);
        let exceeds = expected.contains(&width);
        assert_eq!(trace.fit == Fit::DoesNotFit, exceeds, "{:?}", trace.fit);
        let mut pooled = pooled([&a, &b], knowledge).expect("a common CPU");
        if !exceeds {
            // A definition may ask for fewer bits than an offer's limit; the pool still has to choose.
            pooled.remove(&width);
        }
        assert_eq!(pooled.into_iter().collect::<Vec<_>>(), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn generated_cpus_differ_in_the_same_places_everywhere(
        (mut cpu, _) in any_cpu(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..4usize, 0..32u8), 0..12),
    ) {
        let mut a = Dump::new(cpuid_probe::dump::Source::Native);
        a.vcpus.push(VcpuDump::capture(0, &mut cpu));
        let mut b = a.clone();
        for (at, register, bit) in flips {
            let Some(record) = b.vcpus[0].leaves().get(at.index(b.vcpus[0].leaves().len().max(1))).copied() else { break };
            let mut other = VcpuDump::new(0);
            for known in b.vcpus[0].leaves() {
                let mut known = *known;
                if known.id == record.id {
                    let r = &mut known.registers;
                    *[&mut r.eax, &mut r.ebx, &mut r.ecx, &mut r.edx][register] ^= 1 << bit;
                }
                other.insert(known).expect("each place once");
            }
            b.vcpus[0] = other;
        }
        same_everywhere(&a, &b, "generated");
    }
}

/// A bit that no row names, in the CPU's leaf 7.
const MADE_UP: Place = Place::bit(7, 0, Register::Ecx, 26);

/// All that a contributor writes for a new bit.
static ROWS: [Group; 1] = [Group::cpu(
    0x7,
    At(0),
    Register::Ecx,
    &[bit(26, "quux", "A feature that a test made up").libvirt(Version::new(12, 8)).qemu(Version::new(11, 1))],
)];

#[test]
fn a_new_row_is_known_to_every_command() {
    let knowledge = Knowledge::builtin().with(&ROWS);
    assert!(!Knowledge::builtin().row(MADE_UP).known, "the test needs a bit that no row names");

    let explained = explain(&["quux".to_string()], None, &knowledge);
    assert_eq!(explained.answers[0].entries[0].place, MADE_UP);
    assert_eq!(explained.answers[0].entries[0].meaning, "A feature that a test made up");

    let sample = fs::read(root().join("samples/haswell-node1.json")).expect("a sample");
    let Source::Dump(without) = source::read(&sample, None).expect("a dump") else { panic!("a dump") };
    let mut with = without.clone();
    let mut vcpu = VcpuDump::new(0);
    for known in without.vcpus[0].leaves() {
        let mut known = *known;
        if Some(known.id) == MADE_UP.leaf() {
            known.registers.ecx |= 1 << 26;
        }
        vcpu.insert(known).expect("each place once");
    }
    with.vcpus[0] = vcpu;

    let comparison = judge::compare(&DumpView::of(&with), &DumpView::of(&without), Directions::AToB, &knowledge);
    let [lost] = comparison.findings.as_slice() else { panic!("{:?}", comparison.findings) };
    assert_eq!((lost.place(), lost.name.as_deref(), lost.rule.word()), (Some(MADE_UP), Some("quux"), "subset"));

    let map = CpuMap::of(&knowledge);
    let wants = source::read(b"<cpu><model>qemu64</model><feature name='quux'/></cpu>", None).expect("XML");
    let baseline = Baseline::new(&wants, &map, &knowledge).expect("known");
    let missing = |dump: &Dump| {
        let checked = baseline.check(0, &DumpView::of(dump), Role::Guest, None, &knowledge);
        checked.findings.iter().any(|f| f.place() == Some(MADE_UP) && f.breaks == [0])
    };
    assert_eq!((missing(&with), missing(&without)), (false, true));

    let wide = Wide::new(map, &knowledge);
    let (host, guest) = (Source::Dump(with.clone()), Source::Dump(without.clone()));
    let trace = traced([(Layer::Host, &host), (Layer::Guest, &guest)], &wide, &knowledge);
    let step = trace.steps.iter().find(|step| step.place == MADE_UP).expect("followed");
    assert_eq!((step.name.as_deref(), step.fit), (Some("quux"), Fit::DoesNotFit));

    let input = |dump: &Dump| Input::of_dump("x".to_string(), dump, &wide).expect("whole");
    let common = |dumps: [&Dump; 2]| {
        let inputs = dumps.map(input);
        let common = pool::common(&inputs, &wide, &knowledge, Options::default()).expect("a common CPU");
        cpuid_diff::pool::definition::libvirt(&common, &wide.map)
    };
    let named = "<feature policy='require' name='quux'/>";
    assert!(common([&with, &with]).contains(named));
    assert!(!common([&with, &without]).contains(named));
}
