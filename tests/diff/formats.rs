//! Every file of the reference corpus is read with exactly the register sets that are in it.
//!
//! What is in a file is counted here by one plain regular expression a format, which knows nothing of the readers. The
//! corpus (`../shared/corpus`, or $CPUID_SHARED) is not part of the repository; where it is missing these tests say so
//! and pass.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use cpuid_diff::knowledge::{Knowledge, Namespace, Owner};
use cpuid_diff::read::{self, Input};
use cpuid_diff::view::{Seen, VcpuView};
use cpuid_probe::coverage::{Coverage, Place};
use cpuid_probe::dump::Dump;
use cpuid_probe::{LeafId, json};
use regex_lite::Regex;

/// The values of one register set.
type Set = [u32; 4];

/// Folder, end of the file names, the format they must be recognised as, and a line's regular expression with groups
/// `leaf` and `v` (the four values with anything between them).
const FORMATS: &[(&str, &str, &[&str], &str)] = &[
    ("instlatx64", ".txt", &["aida64"], AIDA64),
    ("libcpuid", ".test", &["libcpuid"], AIDA64),
    (
        "tp-qemu",
        ".txt",
        &["raw"],
        r"(?m)^ *0x(?<leaf>\w{8}) 0x\w+: (?<v>eax=0x\w{8} ebx=0x\w{8} ecx=0x\w{8} edx=0x\w{8})",
    ),
    (
        "libvirt",
        ".xml",
        &["libvirt"],
        r"<cpuid eax_in='0x(?<leaf>\w{8})' ecx_in='0x\w+' (?<v>eax='0x\w{8}' ebx='0x\w{8}' ecx='0x\w{8}' edx='0x\w{8}')",
    ),
];

const AIDA64: &str = r"(?m)^CPUID (?<leaf>[0-9A-Fa-f]{8})[ :\t]+(?<v>\w{8}[- ]\w{8}[- ]\w{8}[- ]\w{8})";

/// The files of a folder of the corpus, sorted; empty where the corpus is missing.
fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let Some(folder) = crate::support::shared(&format!("corpus/{folder}")) else {
        eprintln!("no corpus of {folder}: nothing to read");
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_str().unwrap().ends_with(end));
    files.sort();
    assert!(!files.is_empty());
    files
}

fn dump(path: &PathBuf) -> Option<Dump> {
    match read::read(&fs::read(path).unwrap(), None) {
        Ok(Input::Dump(dump)) => Some(*dump),
        Ok(_) => None,
        Err(e) => panic!("{}: {e}", path.display()),
    }
}

/// How often each register set is in a dump, all vCPUs together, without regard to subleaves.
fn sets(dump: &Dump) -> BTreeMap<(u32, Set), usize> {
    let mut sets = BTreeMap::new();
    for record in dump.vcpus.iter().flat_map(|v| v.leaves()) {
        let r = record.registers;
        *sets.entry((record.id.leaf, [r.eax, r.ebx, r.ecx, r.edx])).or_default() += 1;
    }
    sets
}

/// The same, by the regular expression.
fn counted(text: &str, line: &str) -> BTreeMap<(u32, Set), usize> {
    // Below this line a test of libcpuid holds what it expects to decode.
    let text = text.split(&"-".repeat(80)).next().unwrap();
    // Some versions of AIDA64 print a component twice, subleaf and all.
    let mut lines: Vec<&str> = text.lines().collect();
    lines.dedup_by(|line, above| line == above && line.contains("[SL "));
    let text = lines.join("\n");
    let digits = Regex::new(r"\b(?:0x)?([0-9A-Fa-f]{8})\b").unwrap();
    let mut sets = BTreeMap::new();
    for found in Regex::new(line).unwrap().captures_iter(&text) {
        let leaf = u32::from_str_radix(&found["leaf"], 16).unwrap();
        let values: Vec<u32> =
            digits.captures_iter(&found["v"]).map(|d| u32::from_str_radix(&d[1], 16).unwrap()).collect();
        *sets.entry((leaf, values.try_into().unwrap())).or_default() += 1;
    }
    sets
}

#[test]
fn every_file_is_read_with_exactly_the_register_sets_that_are_in_it() {
    for (folder, end, formats, line) in FORMATS {
        for path in files(folder, end) {
            let text = fs::read_to_string(&path).unwrap();
            if *folder == "libvirt" && !text.contains("<cpudata") {
                continue;
            }
            let dump = dump(&path).unwrap();
            let format = dump.provenance.imported.as_ref().unwrap().format.as_str();
            assert!(formats.contains(&format), "{}: read as {format}", path.display());
            assert_eq!(sets(&dump), counted(&text, line), "{}", path.display());
        }
    }
}

#[test]
fn every_fingerprint_is_read_with_exactly_the_registers_that_are_in_it() {
    let register = Regex::new(r#""register": "(\w+)",\s*"bitmap": "0b([01]{32})""#).unwrap();
    let msr = Regex::new(r#""addr": "0x(\w+)",\s*"bitmap": "0b([01]{64})""#).unwrap();
    for path in files("firecracker", ".json") {
        let text = fs::read_to_string(&path).unwrap();
        let dump = dump(&path).unwrap();
        let [vcpu] = dump.vcpus.as_slice() else { panic!("{}: one vCPU expected", path.display()) };
        let mut read: Vec<u32> =
            vcpu.leaves().iter().map(|r| r.registers).flat_map(|r| [r.eax, r.ebx, r.ecx, r.edx]).collect();
        let mut expected: Vec<u32> =
            register.captures_iter(&text).map(|c| u32::from_str_radix(&c[2], 2).unwrap()).collect();
        read.sort_unstable();
        expected.sort_unstable();
        assert_eq!(read, expected, "{}", path.display());
        let mut expected: Vec<(u32, u64)> = msr
            .captures_iter(&text)
            .map(|c| (u32::from_str_radix(&c[1], 16).unwrap(), u64::from_str_radix(&c[2], 2).unwrap()))
            .collect();
        expected.sort_unstable();
        let read: Vec<(u32, u64)> = vcpu.msrs().iter().map(|m| (m.index, m.value.unwrap())).collect();
        assert_eq!(read, expected, "{}", path.display());
    }
}

#[test]
fn every_model_expansion_states_its_boolean_properties() {
    let property = Regex::new(r#""[^"]+": (true|false)"#).unwrap();
    let named = Regex::new(r#""([^"]+)": (true|false)"#).unwrap();
    for path in files("libvirt", ".json") {
        let text = fs::read_to_string(&path).unwrap();
        // The second answer of a file lists QEMU's models, which have booleans of their own.
        let expansion = text.split("\n}\n").next().unwrap();
        match read::read(text.as_bytes(), None) {
            Ok(Input::Dump(dump)) => {
                // A name that QEMU has for one bit of the CPU's says so there, on or off.
                let [vcpu] = dump.vcpus.as_slice() else { panic!("{}: one vCPU expected", path.display()) };
                let mut stated = 0;
                for found in named.captures_iter(expansion) {
                    let place = match Knowledge::builtin().by_name(&found[1])[..] {
                        [m] if m.name == &found[1]
                            && m.namespace <= Namespace::Qemu
                            && m.place.owner() == Owner::Cpu =>
                        {
                            m.place
                        }
                        _ => continue,
                    };
                    let on = u64::from(&found[2] == "true");
                    assert_eq!(VcpuView::of(vcpu).see(place), Seen::Value(on), "{}: {}", path.display(), &found[1]);
                    stated += 1;
                }
                assert!(stated > 100 && stated <= property.find_iter(expansion).count(), "{}", path.display());
            }
            other => panic!("{}: {other:?}", path.display()),
        }
    }
}

/// Every dump of the corpus.
fn corpus() -> impl Iterator<Item = (PathBuf, Dump)> {
    let folders = FORMATS.iter().map(|(folder, end, ..)| (*folder, *end)).chain([("firecracker", ".json")]);
    folders
        .flat_map(|(folder, end)| files(folder, end))
        .filter(|path| path.extension().unwrap() != "xml" || fs::read_to_string(path).unwrap().contains("<cpudata"))
        .filter_map(|path| dump(&path).map(|dump| (path, dump)))
}

#[test]
fn json_keeps_all_of_a_dump() {
    for (path, dump) in corpus() {
        assert_eq!(json::from_str(&json::to_string(&dump)).as_ref().ok(), Some(&dump), "{}", path.display());
    }
}

#[test]
fn replaying_a_file_classifies_every_register_set() {
    for (path, dump) in corpus() {
        let path = path.display();
        for vcpu in &dump.vcpus {
            let coverage = Coverage::of(vcpu);
            let read: Vec<LeafId> = coverage.read.clone();
            // What the walker read is captured, what it left out over-enumerated (or, without a head, captured).
            for id in vcpu.leaves().iter().map(|r| r.id) {
                let place = coverage.place(id);
                assert!(matches!(place, Place::Captured | Place::OverEnumerated), "{path}: {id} is {place:?}");
                if read.binary_search(&id).is_ok() {
                    assert_eq!(place, Place::Captured, "{path}: {id}");
                }
            }
            assert!(read.iter().all(|id| vcpu.get(*id).is_some()), "{path}");
            // What it missed is never taken for zero.
            for id in &coverage.missing {
                assert_eq!(coverage.place(*id), Place::NotCaptured, "{path}: {id}");
                assert_eq!(vcpu.get(*id), None, "{path}: {id}");
            }
        }
    }
}
