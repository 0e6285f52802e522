//! Prediction against truth: what comparing two boot dumps predicts is what a guest sees when it migrates live from
//! the one CPU definition to the other, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::num::NonZero;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use crate::demo::{CASES, LINUX_CASES, PROBE, changes, image, show, show_linux, switch};
use crate::machine::{Cpu, Definition, Machine};
use cpuid_diff::finding::{Finding, Rule, Value};
use cpuid_diff::judge::rule::Directions;
use cpuid_diff::knowledge::RuleKind;
use cpuid_diff::knowledge::Severity;
use cpuid_probe::change::Sighting;
use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::volatile::volatile_bits;
use cpuid_probe::{LeafId, Register, json};

/// A migration: source and destination, as `-cpu` and optionally `-smp` arguments.
struct Pair {
    kind: &'static str,
    source: (&'static str, &'static str),
    destination: (&'static str, &'static str),
}

const fn pair(kind: &'static str, source: &'static str, destination: &'static str) -> Pair {
    Pair { kind, source: (source, "1"), destination: (destination, "1") }
}

const fn smp(kind: &'static str, cpu: &'static str, source: &'static str, destination: &'static str) -> Pair {
    Pair { kind, source: (cpu, source), destination: (cpu, destination) }
}

#[rustfmt::skip]
const PAIRS: &[Pair] = &[
    pair("feature lost", "Haswell-noTSX", "Haswell-noTSX,-avx2"),
    pair("feature gained", "Haswell-noTSX,-avx2", "Haswell-noTSX"),
    pair("features lost", "Haswell-noTSX", "Haswell-noTSX,-smep,-rdrand,-nx,-rdtscp"),
    pair("features lost", "EPYC", "EPYC,-svm,-sse4a,-clzero"),
    pair("features lost", "qemu64", "qemu64,-fxsr,-mce,-mca"),
    pair("features gained", "qemu64", "qemu64,+rdtscp,+aes,+3dnow"),
    pair("XSAVE lost", "Haswell-noTSX", "Haswell-noTSX,-xsave"),
    pair("XSAVE components lost", "Haswell-noTSX", "Haswell-noTSX,-avx,-avx2"),
    pair("XSAVE components lost", "max", "max,-pku,-mpx"),
    pair("XSAVE components gained", "max,-avx,-avx2,-mpx", "max"),
    pair("XSAVE form lost", "Haswell-noTSX", "Haswell-noTSX,-xsaveopt"),
    pair("address width", "max", "max,-la57"),
    pair("address width", "qemu64", "qemu64,phys-bits=42"),
    pair("level lower", "Haswell-noTSX,level=0xd", "Haswell-noTSX,level=0xb"),
    pair("level higher", "Haswell-noTSX,level=0x4", "Haswell-noTSX,level=0xd"),
    pair("xlevel lower", "Haswell-noTSX", "Haswell-noTSX,xlevel=0x80000004"),
    pair("xlevel higher", "Haswell-noTSX", "Haswell-noTSX,xlevel=0x8000001f"),
    pair("family, model, stepping", "qemu64", "qemu64,family=6,model=42,stepping=7"),
    pair("model-id", "Haswell-noTSX", "Haswell-noTSX,model-id=Another CPU"),
    pair("vendor", "Haswell-noTSX", "Haswell-noTSX,vendor=AuthenticAMD"),
    pair("caches", "EPYC", "EPYC,l3-cache=off"),
    pair("caches", "Haswell-noTSX", "Haswell-noTSX,l3-cache=off"),
    pair("topology leaf", "Haswell-noTSX", "Haswell-noTSX,cpuid-0xb=off"),
    pair("hypervisor bit", "Haswell-noTSX", "Haswell-noTSX,-hypervisor"),
    pair("hypervisor block", "Haswell-noTSX", "Haswell-noTSX,tcg-cpuid=off"),
    pair("generation", "SandyBridge", "IvyBridge"),
    pair("generation", "Icelake-Server", "Haswell-noTSX"),
    pair("generation", "Nehalem", "Skylake-Client"),
    pair("generation", "Opteron_G3", "Opteron_G5"),
    pair("generation and vendor", "Haswell-noTSX", "EPYC"),
    pair("generation and vendor", "EPYC-Milan", "Nehalem"),
    smp("topology", "Haswell-noTSX", "4,sockets=4", "4,sockets=1,cores=4"),
    smp("topology", "Haswell-noTSX", "4,sockets=1,cores=4", "4,sockets=1,cores=2,threads=2"),
    smp("topology", "EPYC", "4,sockets=2,cores=2", "4,sockets=1,cores=2,threads=2"),
    smp("topology", "Icelake-Server", "4,sockets=1,cores=4", "4,sockets=1,dies=2,cores=2"),
    smp("vCPU count", "Haswell-noTSX", "1,maxcpus=2", "2"),
    Pair { kind: "features, several vCPUs", source: ("Haswell-noTSX", "3"), destination: ("Haswell-noTSX,-avx2", "3") },
    pair("identical", "Haswell-noTSX", "Haswell-noTSX"),
];

/// Bits of a register: vCPU, leaf, subleaf, register.
type Place = (u32, u32, u32, Register);

#[test]
fn a_guest_sees_what_was_predicted_and_nothing_else() {
    let definition = Definition::image(&image(), "watch=5 verbose");
    let (next, failures) = (Mutex::new(PAIRS.iter()), Mutex::new(String::new()));
    let work = || {
        while let Some(pair) = { next.lock().unwrap().next() } {
            let start = Instant::now();
            let wrong = check(&definition, pair);
            // Shown by `scripts/migrate-demo matrix`.
            let (seconds, outcome) = (start.elapsed().as_secs_f64(), if wrong.is_empty() { "agree" } else { "differ" });
            let ((a, a_smp), (b, b_smp)) = (pair.source, pair.destination);
            println!("{seconds:.2} s  {outcome}  {}: -cpu {a} -smp {a_smp}  to  -cpu {b} -smp {b_smp}", pair.kind);
            if !wrong.is_empty() {
                let (kind, a, b) = (pair.kind, pair.source, pair.destination);
                let _ = writeln!(failures.lock().unwrap(), "{kind}: {a:?} to {b:?}\n  {}", wrong.join("\n  "));
            }
        }
    };
    let start = Instant::now();
    // A migration takes two machines.
    let at_a_time = thread::available_parallelism().map_or(1, NonZero::get).div_ceil(2);
    thread::scope(|scope| (0..at_a_time).for_each(|_| drop(scope.spawn(work))));
    println!("{:.1} s in all; {at_a_time} at a time", start.elapsed().as_secs_f64());
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{failures}");
}

/// What the vCPUs need to start or to wake.
#[test]
fn the_loss_of_long_mode_or_of_the_apic_is_seen_by_all_vcpus() {
    let definition = Definition::image(&image(), "watch=5 verbose");
    // Of one vCPU alone QEMU takes the APIC away with the bit, and refuses the migration.
    let long_mode = ["1", "2", "3"].map(|vcpus| (vcpus, "qemu64,-lm", " 0x80000001 EDX ", "-29)"));
    let apic = ["2", "3"].map(|vcpus| (vcpus, "qemu64,-apic", " 0x00000001 EDX ", "(-9)"));
    for (vcpus, model, register, bit) in long_mode.into_iter().chain(apic) {
        let mut source = Machine::start(&definition, &Cpu::new("qemu64", vcpus));
        let (mut destination, _) = switch(&mut source, &definition, &Cpu::new(model, vcpus));
        let lost = |line: &&str| line.contains(register) && line.ends_with(bit);
        let on: Vec<&str> = changes(destination.console()).into_iter().filter(lost).collect();
        let on: BTreeSet<&str> = on.iter().filter_map(|line| line.split(' ').nth(3)).collect();
        assert_eq!(on.len().to_string(), vcpus, "{}", destination.console());
    }
}

#[test]
fn the_page_shows_what_the_demonstration_prints() {
    let page = fs::read_to_string(crate::support::root().join("docs/watching.md")).unwrap();
    assert!(page.contains(&format!(" {} pairs of definitions that differ", PAIRS.len() - 1)), "how many pairs");
    for shown in CASES.iter().map(show).chain(LINUX_CASES.iter().map(show_linux)) {
        // Which instruction the kernel falls over first is not the same every time.
        let shown = shown.split("after  | RIP").next().unwrap().trim_end();
        // Nor is the order of lines from different processes of the guest: the case's lines are looked for on its part of
        // the page.
        let (page, shown) = (without_versions(&page), without_versions(shown));
        // Linux 6.12 writes `Oops: ` before what 6.1 writes, 7.2 no `PREEMPT` in it, QEMU 11.1 more of its own; how much two
        // CPUs have in common is a matter of the version too.
        let spelt_alike = |line: &str| {
            let at = ["invalid opcode: ", "Machine type received is "].iter().find_map(|words| line.find(words));
            let line = &line[at.unwrap_or(0)..];
            let count = line.strip_suffix(" registers changed").and_then(|rest| rest.rsplit_once(' '));
            count.map_or(line, |(words, _)| words).replace(" PREEMPT ", " ")
        };
        let head = shown.lines().next().unwrap_or_default();
        let case = page.split_once(head).unwrap_or_else(|| panic!("docs/watching.md has no `{head}`")).1;
        let case = case.split("\n==").next().unwrap_or_default().split("```").next().unwrap_or_default();
        for line in shown.lines().skip(1) {
            let line = spelt_alike(line);
            assert!(
                case.lines().any(|l| spelt_alike(l) == line),
                "docs/watching.md does not show `{line}` in\n{shown}"
            );
        }
    }
}

/// Machine types without their versions, which are QEMU's.
fn without_versions(text: &str) -> String {
    let mut parts = text.split_inclusive("pc-i440fx-").flat_map(|part| part.split_inclusive("pc-q35-"));
    let first = parts.next().unwrap_or_default().to_string();
    parts.fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'))
}

/// What was seen and not predicted, or predicted and not seen.
fn check(definition: &Definition, pair: &Pair) -> Vec<String> {
    let ([a, b], (seen, vcpus_changed)) = thread::scope(|scope| {
        let dumps = scope.spawn(|| [pair.source, pair.destination].map(|(cpu, smp)| boot(cpu, smp)));
        let seen = migrate(definition, pair);
        (dumps.join().unwrap(), seen)
    });
    let findings = crate::support::compare(&a, &b, Directions::AToB).findings;

    let mut wrong = Vec::new();
    if (seen.is_empty() && !vcpus_changed) != (pair.kind == "identical") {
        wrong.push(format!("{} registers changed", seen.len()));
    }
    let mut predicted: BTreeMap<Place, u32> = BTreeMap::new();
    for finding in &findings {
        if finding.id() == "vcpu-count" {
            if !vcpus_changed {
                wrong.push("another number of vCPUs was predicted, and not seen".to_string());
            }
            continue;
        }
        if finding.id().starts_with("block:") {
            // The hypervisor's leaves are not there on one side: the first of them says so.
            let base = |value: &Value| if let Value::Base(base) = value { *base } else { 0 };
            let bases = [&finding.values.a, &finding.values.b].map(base);
            if !seen.keys().any(|(_, leaf, ..)| bases.contains(leaf)) {
                wrong.push(format!("predicted, not seen: {} {:?}", finding.id(), finding.values));
            }
            continue;
        }
        let (places, bits) = places(finding);
        for place in places {
            *predicted.entry(place).or_default() |= bits;
            if !is_exempt(finding, place, bits, &a, &b) && seen.get(&place).is_none_or(|seen| seen & bits == 0) {
                wrong.push(format!("predicted, not seen: vCPU {}, {} {:?}", place.0, finding.id(), finding.values));
            }
        }
    }
    for (place, bits) in &seen {
        let surprise = bits & !predicted.get(place).copied().unwrap_or(0);
        if surprise != 0 {
            wrong.push(format!("seen, not predicted: {place:x?} bits {surprise:08x}"));
        }
    }
    if vcpus_changed && !findings.iter().any(|f| f.id() == "vcpu-count") {
        wrong.push("another number of vCPUs was seen, and not predicted".to_string());
    }
    wrong
}

/// Whether the guest need not see the finding: mirrors of its own state, which migrates, and ids of each vCPU.
fn is_exempt(finding: &Finding, place: Place, bits: u32, a: &Dump, b: &Dump) -> bool {
    let (vcpu, leaf, subleaf, register) = place;
    let volatile = |dump: &Dump| {
        let v = dump.vcpus.iter().find(|v| v.vcpu == vcpu);
        v.map_or(0, |v| volatile_bits(LeafId::new(leaf, subleaf), register, v.leaves()))
    };
    finding.severity == Severity::Expected
        || finding.rule == Rule::Row(RuleKind::PerVcpu)
        || bits & !(volatile(a) & volatile(b)) == 0
}

/// The places of a finding, and its bits.
fn places(finding: &Finding) -> (BTreeSet<Place>, u32) {
    let place = finding.place().unwrap();
    let id = place.leaf().unwrap();
    // Without a register it is about the whole subleaf: one that ends a list, there on one side only.
    let registers = place.register().map_or(Register::ALL.to_vec(), |r| vec![r]);
    let on = |vcpu: &u32| registers.iter().map(|r| (*vcpu, id.leaf, id.ecx(), *r)).collect::<Vec<_>>();
    (finding.vcpus.iter().flat_map(on).collect(), place.bits().map_or(u32::MAX, |bits| bits.mask() as u32))
}

/// Migrates a guest that watches. The bits that it saw change, and whether the number of vCPUs did.
fn migrate(definition: &Definition, pair: &Pair) -> (BTreeMap<Place, u32>, bool) {
    let cpu = |(model, smp): (&str, &str)| Cpu::new(model, smp);
    let mut source = Machine::start(definition, &cpu(pair.source));
    let (mut destination, _) = switch(&mut source, definition, &cpu(pair.destination));
    let mut seen: BTreeMap<Place, u32> = BTreeMap::new();
    let mut vcpus_changed = false;
    for line in destination.console().lines() {
        if let Some(change) = line.strip_prefix(Sighting::WORD) {
            let Sighting { vcpu, change, .. } = Sighting::parse(change).unwrap();
            let differing = change.old.unwrap_or(0) ^ change.new.unwrap_or(0);
            *seen.entry((vcpu, change.id.leaf, change.id.ecx(), change.register)).or_default() |= differing;
        }
        vcpus_changed |= line.starts_with("vCPUs: ");
    }
    (seen, vcpus_changed)
}

/// The dump that `cpuid-probe boot` makes; each definition is booted once.
fn boot(cpu: &'static str, smp: &'static str) -> Dump {
    static DUMPS: Mutex<BTreeMap<(&str, &str), Dump>> = Mutex::new(BTreeMap::new());
    if let Some(dump) = DUMPS.lock().unwrap().get(&(cpu, smp)) {
        return dump.clone();
    }
    let output = Command::new(PROBE).args(["boot", "--accel", "tcg", "--cpu", cpu, "--smp", smp]).output().unwrap();
    assert!(output.status.success(), "{cpu}: {}", String::from_utf8_lossy(&output.stderr));
    let dump = json::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap();
    assert!(dump.vcpus.iter().all(VcpuDump::is_complete));
    DUMPS.lock().unwrap().insert((cpu, smp), dump.clone());
    dump
}
