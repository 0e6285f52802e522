//! The knowledge rows: complete, described, each name written once, every change shown in review.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cpuid_diff::cpu_map::{CpuMap, dir};
use cpuid_diff::knowledge::{Asked, Knowledge, Namespace, Owner, Severity};
use cpuid_probe::{LeafId, Place, Register};

/// The listing in the repository is the program's, so that a review sees what a change of a row does.
#[test]
fn the_listing_is_the_golden_one() {
    let golden = crate::support::root().join("tests/data/knowledge.csv");
    let ours = Knowledge::builtin().export_csv();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&golden, &ours).expect("write the golden listing");
    }
    let written = fs::read_to_string(&golden).expect("tests/data/knowledge.csv");
    let differ: Vec<(&str, &str)> = written.lines().zip(ours.lines()).filter(|(a, b)| a != b).take(3).collect();
    assert!(
        written == ours,
        "rows changed; UPDATE=1 cargo test -p cpuid-diff knowledge:: rewrites tests/data/knowledge.csv, and its diff \
         belongs in the review. The first: {differ:#?}"
    );
}

/// The names that `cpuid-probe watch` writes beside bits are those of the rows.
#[test]
fn the_watchers_names_are_the_rows() {
    let mut registers: BTreeMap<(LeafId, Register), [&str; 32]> = BTreeMap::new();
    for entry in Knowledge::builtin().entries().into_iter().filter(|entry| entry.place.owner() == Owner::Cpu) {
        let (place, row) = (entry.place, entry.row);
        let bit = place.bits().filter(|bits| bits.is_one()).map(|bits| usize::from(bits.lo));
        if let (Some(id), Some(register), Some(bit), Some(name)) = (place.leaf(), place.register(), bit, row.name) {
            registers.entry((LeafId::new(id.leaf, id.ecx()), register)).or_insert(["-"; 32])[bit] = name;
        }
    }
    let lines = registers.iter().map(|((id, register), names)| {
        let names = names.join(" ");
        format!("{:08x}.{:x} {register} {}\n", id.leaf, id.ecx(), names.trim_end_matches([' ', '-']))
    });
    let ours: String = lines.collect();
    let path = crate::support::root().join("probe/src/watch/names.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &ours).expect("write the names");
    }
    let written = fs::read_to_string(&path).expect("probe/src/watch/names.txt");
    assert!(written == ours, "names changed; UPDATE=1 cargo test -p cpuid-diff knowledge:: rewrites them");
}

#[test]
fn every_row_is_described() {
    let mut kinds = BTreeMap::new();
    for entry in Knowledge::builtin().entries() {
        let (place, row) = (entry.place, entry.row);
        *kinds.entry(entry.kind).or_insert(0) += 1;
        assert!(row.known, "{place} is listed and unknown");
        assert!(row.meaning.is_some_and(|m| !m.is_empty()), "{place} has no meaning");
        assert!(row.source.is_some_and(|s| !s.is_empty()), "{place} has no source");
        assert!(row.feature || row.name.is_some() || row.reason.is_some(), "{place} has no name");
    }
    assert_eq!(kinds.keys().copied().collect::<Vec<_>>(), ["feature", "field", "msr", "range"]);
    assert!(kinds.values().sum::<i32>() > 1300, "{kinds:?}");
}

/// Names that stand for more than one place.
const AMBIGUOUS: &[(Namespace, &str, usize)] = &[
    (Namespace::Qemu, "hv-frequencies", 2),
    (Namespace::Qemu, "hv-syndbg", 2),
    (Namespace::Qemu, "hv-time", 2),
    (Namespace::Qemu, "kvmclock", 2),
    (Namespace::Qemu, "vmx-invept-single-context", 2),
    (Namespace::Linux, "ibpb", 2),
    (Namespace::Linux, "ibrs", 2),
    (Namespace::Linux, "mba", 2),
    (Namespace::Linux, "ssbd", 3),
    (Namespace::Linux, "stibp", 2),
];

#[test]
fn a_name_is_one_place_or_listed() {
    let mut places: BTreeMap<(Namespace, &str), BTreeSet<Place>> = BTreeMap::new();
    for m in Knowledge::builtin().names().filter(|m| m.namespace != Namespace::Field) {
        places.entry((m.namespace, m.name)).or_default().insert(m.place);
    }
    let found: Vec<_> = places.iter().filter(|(_, p)| p.len() > 1).map(|((n, name), p)| (*n, *name, p.len())).collect();
    assert_eq!(found, AMBIGUOUS);
}

#[test]
fn shared_hypervisor_leaves_are_listed_once() {
    let owners = |leaf| -> BTreeSet<Owner> {
        let entries = Knowledge::builtin().entries().into_iter();
        entries.filter(|e| e.place.leaf().is_some_and(|id| id.leaf == leaf)).map(|e| e.place.owner()).collect()
    };
    for leaf in [0x4000_0000, 0x4000_0010] {
        assert_eq!(owners(leaf), BTreeSet::from([Owner::Kvm]));
    }
}

#[test]
fn whatever_is_unsafe_or_a_warning_has_cause_and_remedy() {
    let knowledge = Knowledge::builtin();
    let (mut general, mut grave) = (0, 0);
    for entry in knowledge.entries() {
        let advice = knowledge.advice(entry.place, &entry.row, Asked::Differs { values: [Some(1), Some(0)] }, false);
        if entry.row.lost.min(entry.row.gained) <= Severity::Warning {
            grave += 1;
            assert!(!advice.cause.is_empty() && !advice.remedy.is_empty(), "{}", entry.place);
            general += i32::from(!advice.specific);
        }
    }
    println!("{general} of {grave} unsafe or warning rows have only general text");
    assert!(general <= 130, "{general} of {grave}: specific text went away");
}

/// Every Rust file below `directory`.
pub fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory").map(|e| e.expect("an entry").path());
    let files = entries.flat_map(|path| if path.is_dir() { rust_files(&path) } else { vec![path] });
    files.filter(|path| path.extension().is_some_and(|e| e == "rs")).collect()
}

/// Words that are features' names and mean something else in the file named: an element, an attribute, a key.
const OTHER_MEANINGS: &[(&str, &str)] = &[
    ("hv-vendor-id", "check/beside.rs"),
    ("ss", "render/fleet/words.rs"),
    ("tsc", "fleet/vm.rs"),
    ("hypervisor", "decode.rs"),
    ("hypervisor", "render/words.rs"),
    ("msr", "cpu_map/dir.rs"),
    ("msr", "explain/pasted.rs"),
    ("msr", "explain/term.rs"),
    ("msr", "knowledge/export.rs"),
    ("msr", "policy.rs"),
    ("msr", "read/libvirt.rs"),
    ("apic", "read/definitions/kubevirt.rs"),
    ("kvmclock", "read/definitions/kubevirt.rs"),
    ("tsc", "decode.rs"),
    ("vmx", "read/sets.rs"),
];

/// A feature's name stands once as a string, on its row; elsewhere only where a row refers to another by name.
#[test]
fn a_name_is_written_once() {
    let source = crate::support::root().join("diff/src");
    let mut code = Vec::new();
    for path in rust_files(&source) {
        let name = path.strip_prefix(&source).expect("below it").to_string_lossy().into_owned();
        let free = name.ends_with("tests.rs")
            || name == "cpu_map/models.rs"
            || name == "cause/properties.rs"
            // The features of each state, which resolve.
            || name == "knowledge/states.rs"
            || name.contains("/notes/");
        if !free {
            let text = fs::read_to_string(&path).expect("a file");
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let lines = text.lines().filter(|l| !l.trim_start().starts_with("//"));
            code.push((name, lines.collect::<Vec<_>>().join("\n")));
        }
    }
    // What a row refers to another by.
    let refers = regex_lite::Regex::new(r"\.(needs|linux_sets)\(&\[[^\]]*\]\)").expect("a pattern");
    let literal = regex_lite::Regex::new(r#"'"'|"((?:[^"\\]|\\(?s:.))*)""#).expect("a pattern");
    let mut written: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (file, text) in &code {
        let text = refers.replace_all(text, "");
        for found in literal.captures_iter(&text).filter_map(|c| c.get(1)) {
            written.entry(found.as_str().to_string()).or_default().push(file);
        }
    }
    let names: BTreeSet<&str> =
        Knowledge::builtin().names().filter(|m| m.namespace != Namespace::Field).map(|m| m.name).collect();
    let mut wrong = Vec::new();
    for name in names {
        let at = written.get(name).map_or(&[][..], Vec::as_slice);
        let other = |file: &&&str| !OTHER_MEANINGS.contains(&(name, **file));
        let at: Vec<&&str> = at.iter().filter(other).collect();
        if at.len() != 1 || !at[0].starts_with("knowledge/rows/") {
            wrong.push(format!("{name}: {at:?}"));
        }
    }
    assert!(wrong.is_empty(), "names that are not written once, on a row:\n{}", wrong.join("\n"));
}

/// A map of libvirt's shape with VMX controls counted from `first`.
fn map_with_controls_from(first: u64) -> CpuMap {
    let control = |name: &str, index: &str, bit: u64| {
        let mask = 1u64 << (first + bit);
        let (edx, eax) = (mask >> 32, mask & 0xffff_ffff);
        format!("<feature name='{name}'><msr index='{index}' edx='{edx:#x}' eax='{eax:#x}'/></feature>")
    };
    let text = format!(
        "<cpus><arch name='x86'><feature name='vmx'><cpuid eax_in='0x1' ecx='0x20'/></feature>{}{}{}{}{}{}{}\
         <model name='M'><feature name='vmx'/><feature name='vmx-ept'/></model></arch></cpus>",
        control("vmx-ept", "0x48b", 1),
        control("vmx-tsc-scaling", "0x48b", 25),
        control("vmx-posted-intr", "0x48d", 7),
        control("vmx-secondary-ctls", "0x48e", 31),
        control("vmx-exit-load-pkrs", "0x48f", 29),
        control("vmx-entry-load-fred", "0x490", 23),
        // MSRs of which every bit is a capability of its own are counted as they are, by every libvirt.
        "<feature name='vmx-page-walk-4'><msr index='0x48c' edx='0x0' eax='0x40'/></feature>",
    );
    dir::read("a map".to_string(), |_| Ok(text.clone())).expect("a map")
}

#[test]
fn both_ways_to_count_vmx_controls_are_one_place() {
    let (old, new) = (map_with_controls_from(0), map_with_controls_from(32));
    let newest = CpuMap::of(Knowledge::builtin());
    let features = |map: &CpuMap| map.features.iter().map(|f| (f.name, f.place, f.qemu)).collect::<Vec<_>>();
    assert_eq!(features(&old), features(&new));
    assert_eq!(old.features.len(), 8);
    for feature in &old.features {
        let known = &newest.features[newest.feature(feature.name).expect("a name of libvirt's")];
        assert_eq!(feature.place, known.place, "{}", feature.name);
    }
    assert_eq!(old.features[1].place, Place::msr(0x48b, 33));
}
