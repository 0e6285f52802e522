//! `cpuid-probe kvm` on a host with KVM.

use std::path::Path;
use std::process::{Command, Output};

use cpuid_probe::dump::Source;
use cpuid_probe::msr::FEATURE_MSRS;
use cpuid_probe::{LeafId, json};

const PROBE: &str = env!("CARGO_BIN_EXE_cpuid-probe");

fn kvm(arguments: &[&str]) -> Output {
    Command::new(PROBE).arg("kvm").args(arguments).output().unwrap()
}

#[test]
fn the_table_of_kvm_is_a_dump() {
    if !Path::new("/dev/kvm").exists() {
        eprintln!("SKIPPED: no /dev/kvm here");
        return;
    }
    let output = kvm(&["--label", "node1"]);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    let dump = json::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap();
    assert_eq!(dump.provenance.source, Source::Kvm);
    assert_eq!(dump.provenance.label.as_deref(), Some("node1"));
    assert_eq!(dump.provenance.hypervisor, ["KVMKVMKVM"]);
    let [vcpu] = &dump.vcpus[..] else { panic!("one vCPU, found {}", dump.vcpus.len()) };
    assert_eq!(vcpu.vcpu, 0);
    assert_eq!(output.status.code() == Some(0), vcpu.is_complete());
    // KVM's own leaves are in the table although KVM sorts them last.
    for leaf in [0, 1, 7, 0x4000_0000, 0x4000_0001, 0x8000_0000, 0x8000_0001] {
        assert!(vcpu.get(LeafId::new(leaf, 0)).is_some(), "{leaf:#x}");
    }
    assert!(vcpu.msrs().iter().all(|m| FEATURE_MSRS.iter().any(|f| f.index == m.index)));
    let arch_capabilities = vcpu.get(LeafId::new(7, 0)).unwrap().edx >> 29 & 1 == 1;
    assert_eq!(vcpu.msr(0x10a).flatten().is_some(), arch_capabilities);
}

#[test]
fn without_kvm_it_says_so() {
    let script = format!("mount --bind /dev/null /dev/kvm 2>/dev/null; exec {PROBE} kvm");
    let output = Command::new("unshare").args(["--mount", "--map-root-user", "sh", "-c", &script]).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("KVM") || stderr.contains("/dev/kvm"), "{stderr}");
}
