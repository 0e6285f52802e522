//! `--fingerprint`: one line that is the same for machines that are alike.

use std::collections::BTreeMap;
use std::process::Command;

use crate::demo::PROBE;
use cpuid_diff::knowledge::{Knowledge, Owner, RuleKind, Severity, Sub};
use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::fingerprint::{OF_ONE, fingerprint};
use cpuid_probe::place::BitRange;
use cpuid_probe::volatile::volatile_bits;
use cpuid_probe::{Register, json};

/// A guest of two vCPUs, as the probe prints it.
fn boot(arguments: &[&str]) -> String {
    let output = Command::new(PROBE).args(["boot", "--accel", "tcg"]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_left_out_is_of_one_vcpu_or_of_one_clock() {
    type Place = (u32, Option<u32>, Register);
    let mut expected: BTreeMap<Place, u64> = BTreeMap::new();
    for entry in Knowledge::builtin().entries() {
        let row = entry.row;
        let id = row.rule == RuleKind::PerVcpu && [row.lost, row.gained] == [Severity::Expected; 2];
        let (true, Some(leaf), Some(register)) =
            (id || row.rule == RuleKind::HostClock, entry.place.leaf(), entry.place.register())
        else {
            continue;
        };
        // Xen's own are not left out: two guests of Xen may have different lines.
        if entry.place.owner() != Owner::Cpu && leaf.leaf != 0x4000_0010 {
            continue;
        }
        let subleaf = match entry.subleaf {
            Sub::Any => None,
            Sub::At(n) => Some(n),
            other => panic!("{other}: give the table a form for it"),
        };
        *expected.entry((leaf.leaf, subleaf, register)).or_default() |= row.bits.mask();
    }
    let table = OF_ONE
        .iter()
        .map(|(leaf, subleaf, register, hi, lo)| ((*leaf, *subleaf, *register), BitRange::new(*hi, *lo).mask()));
    assert_eq!(table.collect::<BTreeMap<_, _>>(), expected);
}

#[test]
fn every_other_bit_counts() {
    let dump = json::from_str(&boot(&["--cpu", "EPYC", "--smp", "2"])).unwrap();
    let line = fingerprint(&dump);
    assert!(line.starts_with("AuthenticAMD ") && line.len() == 29, "{line}");
    // Both vCPUs are alike.
    let alone = Dump { vcpus: dump.vcpus[..1].to_vec(), ..dump.clone() };
    assert_eq!(fingerprint(&alone), line);

    let vcpu = &dump.vcpus[0];
    for (at, record) in vcpu.leaves().iter().enumerate() {
        for register in Register::ALL {
            let of_one = OF_ONE.iter().filter(|(leaf, subleaf, r, ..)| {
                *leaf == record.id.leaf && subleaf.is_none_or(|s| s == record.id.ecx()) && *r == register
            });
            let left_out = of_one.fold(volatile_bits(record.id, register, vcpu.leaves()), |bits, (.., hi, lo)| {
                bits | BitRange::new(*hi, *lo).mask() as u32
            });
            // A lowest bit of those that count, and one of those that do not.
            for (bits, counts) in [(!left_out, true), (left_out, false)] {
                if bits == 0 {
                    continue;
                }
                let mut copy = VcpuDump::new(0);
                for (n, record) in vcpu.leaves().iter().enumerate() {
                    let mut record = *record;
                    if n == at {
                        let r = &mut record.registers;
                        let r = [&mut r.eax, &mut r.ebx, &mut r.ecx, &mut r.edx];
                        *r.into_iter().nth(register as usize).unwrap() ^= bits & bits.wrapping_neg();
                    }
                    copy.insert(record).unwrap();
                }
                let changed = Dump { vcpus: vec![copy], ..dump.clone() };
                assert_eq!(fingerprint(&changed) != line, counts, "{:?} {register:?}", record.id);
            }
        }
    }
}

#[test]
fn it_is_one_line_of_every_command_that_dumps() {
    let line = boot(&["--cpu", "EPYC", "--smp", "2", "--fingerprint"]);
    let dump = json::from_str(&boot(&["--cpu", "EPYC", "--smp", "3"])).unwrap();
    let four = boot(&["--cpu", "EPYC,-avx2", "--smp", "2", "--fingerprint"]);
    assert_eq!(line.lines().count(), 1);
    assert_eq!(line.split(' ').next(), fingerprint(&dump).split(' ').next());
    assert_ne!(line, four);
    let here = || Command::new(PROBE).arg("--fingerprint").output().unwrap();
    assert!(here().status.success() && here().stdout == here().stdout);
    let both = Command::new(PROBE).args(["--fingerprint", "--format", "text"]).output().unwrap();
    assert_eq!(both.status.code(), Some(2));
}
