//! Every bit of every register of a sample, flipped one at a time: each flip is unsafe or a warning, except at the
//! places of a literal, frozen list.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cpuid_diff::judge::rule::Directions;
use cpuid_diff::knowledge::Severity;
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
