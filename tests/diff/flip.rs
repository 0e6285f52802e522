//! Every bit of every register of a sample, flipped one at a time: each flip is unsafe or a warning, except at the
//! places of a literal, frozen list. And `compare`, `trace` and `check` draw one verdict from each flip.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cpuid_diff::check::Baseline;
use cpuid_diff::cpu_map::CpuMap;
use cpuid_diff::cpu_map::wide::Wide;
use cpuid_diff::judge::rule::Directions;
use cpuid_diff::knowledge::{Knowledge, Severity};
use cpuid_diff::trace::{self, Fit, Given, Layer};
use cpuid_diff::view::source::{self, Source};
use cpuid_diff::view::{DumpView, Role};
use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::{Register, Registers};

/// One dump with one bit flipped on every vCPU.
fn flipped(dump: &Dump, at: usize, register: Register, bit: u8) -> Dump {
    let mut changed = dump.clone();
    for v in &mut changed.vcpus {
        let mut other = VcpuDump::new(v.vcpu);
        for (i, record) in v.leaves().iter().enumerate() {
            let mut record = *record;
            if i == at {
                let r = &mut record.registers;
                let mask = 1 << bit;
                *r = match register {
                    Register::Eax => Registers { eax: r.eax ^ mask, ..*r },
                    Register::Ebx => Registers { ebx: r.ebx ^ mask, ..*r },
                    Register::Ecx => Registers { ecx: r.ecx ^ mask, ..*r },
                    Register::Edx => Registers { edx: r.edx ^ mask, ..*r },
                };
            }
            other.insert(record).expect("each place once");
        }
        *v = other;
    }
    changed
}

/// Places (a finding's id without its bits) whose flips end as `expected` or `info`, with how many bits of each.
fn harmless(dump: &Dump) -> BTreeMap<String, u32> {
    let mut places = BTreeMap::new();
    let leaves = dump.vcpus[0].leaves();
    for (at, record) in leaves.iter().enumerate() {
        for register in Register::ALL {
            for bit in 0..32 {
                let other = flipped(dump, at, register, bit);
                let findings = crate::support::compare(dump, &other, Directions::Both).findings;
                let worst = findings.iter().map(|f| f.severity).min();
                let worst = worst.unwrap_or_else(|| panic!("{} {register}[{bit}]: no finding", record.id));
                if worst > Severity::Warning {
                    *places.entry(format!("{} {register}", record.id)).or_insert(0) |= 1 << bit;
                }
            }
        }
    }
    places
}

#[test]
fn no_flip_goes_unnoticed_and_the_harmless_ones_are_frozen() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = BTreeMap::new();
    for name in ["haswell-node1.json", "epyc-milan.json"] {
        let text = fs::read_to_string(root.join("samples").join(name)).expect(name);
        let mut dump = cpuid_probe::json::from_str(&text).expect(name);
        dump.vcpus.truncate(1);
        for (place, bits) in harmless(&dump) {
            *found.entry(place).or_insert(0) |= bits;
        }
    }
    let found: String = found.iter().map(|(place, bits)| format!("{place} {bits:08x}\n")).collect();
    let frozen = root.join("tests/data/harmless-places.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&frozen, &found).expect("write the frozen list");
    }
    let expected = fs::read_to_string(&frozen).expect("tests/data/harmless-places.txt");
    println!("{} registers hold bits that may differ without a warning", found.lines().count());
    assert_eq!(found, expected, "the frozen list changed; UPDATE=1 rewrites it, and the commit says why");
}

/// What the commands say of a guest with `b` where `a` was: lost in `compare`, no fit in `trace`, not met in `check`.
fn verdicts(a: &Dump, b: &Dump, wide: &Wide) -> [bool; 3] {
    let knowledge = Knowledge::builtin();
    let findings = crate::support::compare(a, b, Directions::AToB).findings;
    let lost = findings.iter().any(|f| f.input.is_none() && f.severity == Severity::Unsafe);
    let [host, guest] = [a, b].map(|dump| Source::Dump(Box::new(dump.clone())));
    let given = [(Layer::Baseline, &host), (Layer::Guest, &guest)]
        .map(|(layer, source)| (Given { layer, name: layer.word().to_string() }, source));
    let trace = trace::trace(&given, wide, knowledge, false).unwrap_or_else(|(name, why)| panic!("{name}: {why}"));
    let golden = Baseline::new(&host, &wide.map, knowledge).expect("a dump");
    let checked = golden.check(0, &DumpView::of(b), Role::Guest, None, knowledge);
    [lost, trace.fit == Fit::DoesNotFit, checked.findings.iter().any(|f| !f.breaks.is_empty())]
}

/// Samples, and of what is beside the repository one file of each kind.
fn dumps() -> Vec<(String, Dump)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let list = |folder: PathBuf, most: usize| {
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|p| p.is_file()).collect();
        files.sort();
        let read = files.into_iter().filter_map(|path| match source::read(&fs::read(&path).ok()?, None).ok()? {
            Source::Dump(dump) if !dump.vcpus.is_empty() => Some((path.display().to_string(), *dump)),
            _ => None,
        });
        read.take(most).collect::<Vec<_>>()
    };
    let mut dumps = list(root.join("samples"), usize::MAX);
    for folder in ["firecracker", "instlatx64", "libcpuid", "libvirt", "tp-qemu"] {
        let folder = crate::support::shared(&format!("corpus/{folder}"));
        dumps.extend(folder.into_iter().flat_map(|folder| list(folder, 1)));
    }
    dumps
}

#[test]
fn all_commands_agree_on_every_register_of_every_sample() {
    let wide = Wide::new(CpuMap::of(Knowledge::builtin()), Knowledge::builtin());
    let dumps = dumps();
    assert!(dumps.len() >= 12, "{} dumps", dumps.len());
    let next = AtomicUsize::new(0);
    let flips = AtomicUsize::new(0);
    let disagreements = Mutex::new(Vec::new());
    let work = || {
        while let Some((name, dump)) = dumps.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut dump = dump.clone();
            dump.vcpus.truncate(1);
            // Each register once, with another bit than the one before.
            let registers =
                (0..dump.vcpus[0].leaves().len()).flat_map(|at| Register::ALL.map(|register| (at, register)));
            for (n, (at, register)) in registers.enumerate() {
                let bit = u8::try_from(n * 7 % 32).unwrap();
                let other = flipped(&dump, at, register, bit);
                let id = dump.vcpus[0].leaves()[at].id;
                for (a, b, way) in [(&dump, &other, "to the flipped"), (&other, &dump, "from the flipped")] {
                    let said = verdicts(a, b, &wide);
                    if said != [said[0]; 3] {
                        let mut disagreements = disagreements.lock().unwrap();
                        disagreements.push(format!("{name}: {id} {register}[{bit}] {way}: {said:?}"));
                    }
                }
                flips.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(work)));
    });
    let disagreements = disagreements.into_inner().unwrap();
    assert!(disagreements.is_empty(), "[compare, trace, check]\n{}", disagreements.join("\n"));
    println!("{} flips of {} dumps", flips.into_inner(), dumps.len());
}
