//! The samples: every one is whole, described, and what its name promises; and the main job of the README.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::root;
use cpuid_diff::assemble::{Named, Site, report};
use cpuid_diff::judge::rule::Directions;
use cpuid_diff::knowledge::Severity;
use cpuid_diff::read::{self, Input};
use cpuid_diff::report::Overall;
use cpuid_probe::LeafId;
use cpuid_probe::coverage::Coverage;
use cpuid_probe::dump::{Dump, Recorded, VcpuDump};

/// The dumps among the samples: neither the lines of the reference case nor descriptions.
fn samples() -> Vec<(String, Dump)> {
    let mut samples: Vec<(String, Dump)> = fs::read_dir(root().join("samples"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("reference-") && !name.ends_with(".md") && !name.ends_with(".xml"))
        .map(|name| (name.clone(), sample(&name)))
        .collect();
    samples.sort_by(|a, b| a.0.cmp(&b.0));
    samples
}

fn sample(name: &str) -> Dump {
    match read::read(&fs::read(root().join("samples").join(name)).unwrap(), None).unwrap() {
        Input::Dump(dump) => *dump,
        other => panic!("{name}: expected a dump, got {other:?}"),
    }
}

#[test]
fn every_sample_is_whole_and_replays_to_itself() {
    for (name, dump) in samples() {
        assert!(dump.is_complete(), "{name}");
        for v in &dump.vcpus {
            let replayed = VcpuDump::capture(v.vcpu, &mut Recorded::new(v));
            assert_eq!(replayed.leaves(), v.leaves(), "{name}, vCPU {}", v.vcpu);
            assert_eq!(Coverage::of(v).over_enumerated().count(), 0, "{name}");
        }
    }
}

#[test]
fn samples_cover_both_vendors_several_vcpus_and_every_form() {
    let samples = samples();
    let vendors = |vendor: &str| {
        samples.iter().filter(|(_, d)| d.vcpus[0].vendor().is_some_and(|v| v.to_string() == vendor)).count()
    };
    assert!(vendors("GenuineIntel") >= 5 && vendors("AuthenticAMD") >= 3);
    // Two packages of two cores: the x2APIC ids, or APIC ids, of the second half begin with another package.
    let four: Vec<_> = samples.iter().filter(|(_, d)| d.vcpus.len() == 4).collect();
    assert!(four.len() >= 2);
    for (name, dump) in four {
        let id = |v: &VcpuDump| v.get(LeafId::new(1, 0)).unwrap().ebx >> 24;
        assert_eq!(dump.vcpus.iter().map(id).collect::<Vec<_>>(), [0, 1, 2, 3], "{name}");
        let per_package = dump.vcpus[0].get(LeafId::new(1, 0)).unwrap().ebx >> 16 & 0xff;
        assert_eq!(per_package, 2, "{name}");
    }
    for form in [".json", ".raw", ".txt"] {
        assert!(samples.iter().any(|(name, _)| name.ends_with(form)), "{form}");
    }
}

#[test]
fn every_sample_has_a_row_in_the_readme() {
    let readme = fs::read_to_string(root().join("samples/README.md")).unwrap();
    for entry in fs::read_dir(root().join("samples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || readme.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_pair_differs_in_exactly_one_feature() {
    let named = |name: &str| Named { name: name.to_string(), dump: sample(name) };
    let report =
        report(&named("haswell-node1.json"), &named("haswell-node2.json"), Directions::Both, None, &Site::default());
    let [f] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    assert_eq!((f.id().as_str(), f.name.as_deref()), ("0x00000007.0x00000000:ebx:5", Some("avx2")));
    assert_eq!(f.severity, Severity::Unsafe);
    assert_eq!(report.verdict.overall, Some(Overall::OneWay));
}

#[test]
fn two_captures_on_different_vcpus_of_one_guest_agree() {
    for (name, dump) in samples().into_iter().filter(|(_, dump)| dump.vcpus.len() > 1) {
        let only = |vcpu: &VcpuDump| {
            let mut one = dump.clone();
            one.vcpus = vec![vcpu.clone()];
            Named { name: format!("{name}, vCPU {}", vcpu.vcpu), dump: one }
        };
        for other in &dump.vcpus[1..] {
            let report = report(&only(&dump.vcpus[0]), &only(other), Directions::Both, None, &Site::default());
            let worst = report.findings.iter().min_by_key(|f| f.severity);
            assert!(worst.is_none_or(|f| f.severity >= Severity::Info), "{name}, vCPU {}: {worst:?}", other.vcpu);
            assert!(!report.findings.is_empty(), "{name}: ids differ");
        }
    }
}

/// Runs `scripts/verify` with the tests' own binaries in place of released ones.
fn verify(arguments: &[&str]) -> (i32, String) {
    // `cargo test -p cpuid-diff` alone does not build the probe.
    let built =
        Command::new(env!("CARGO")).args(["build", "--quiet", "-p", "cpuid-probe"]).current_dir(root()).status();
    assert!(built.unwrap().success());
    let output = Command::new(root().join("scripts/verify"))
        .args(arguments)
        .env("CPUID_BIN_DIR", PathBuf::from(env!("CARGO_BIN_EXE_cpuid-diff")).parent().unwrap())
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), text)
}

#[test]
fn verify_boots_two_guests_and_finds_the_one_difference() {
    let (code, text) = verify(&[]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("avx2") && text.contains("one-way"), "{text}");
    assert!(text.contains("emulation"), "{text}");
}

#[test]
fn verify_takes_two_definitions_or_two_dumps() {
    let (code, text) = verify(&["Haswell-noTSX", "Haswell-noTSX"]);
    assert!(code == 0 && text.contains("IDENTICAL"), "{text}");
    let file = |name: &str| root().join("samples").join(name).to_string_lossy().into_owned();
    let (code, text) = verify(&[&file("haswell-node1.json"), &file("haswell-node2.json")]);
    assert!(code == 1 && text.contains("avx2") && !text.contains("booting"), "{text}");
    let (code, text) = verify(&["NoSuchModel", "Haswell-noTSX"]);
    assert!(code == 2 && text.contains("NoSuchModel"), "{text}");
}
