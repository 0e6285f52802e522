//! The knowledge rows: complete, described, and those of the fact tables.
//!
//! The fact tables (`../shared/facts`) lie beside the repository only where the rows are maintained; elsewhere the
//! frozen counts stand for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cpuid_diff::knowledge::{
    Asked, Entry, Namespace, Owner, Place, Site, Subject, advice_for, entries, export_csv, names,
};
use cpuid_diff::severity::Severity;

/// The directory of the fact tables, if it is there.
fn facts() -> Option<PathBuf> {
    let facts = crate::support::shared("facts");
    if facts.is_none() {
        eprintln!("skipped: no fact tables beside the repository");
    }
    facts
}

type CsvRow = BTreeMap<String, String>;

fn rows_of(csv: &str) -> Vec<CsvRow> {
    csv::Reader::from_reader(csv.as_bytes()).deserialize().map(|row| row.expect("a CSV row")).collect()
}

fn table(facts: &Path, name: &str) -> Vec<CsvRow> {
    rows_of(&std::fs::read_to_string(facts.join(name)).expect("a fact table"))
}

fn hex(text: &str) -> u32 {
    u32::from_str_radix(text.trim_start_matches("0x"), 16).expect("a hexadecimal number")
}

/// leaf, subleaf, register, hi, lo.
type Spot = (u32, String, String, u8, u8);

fn spot(row: &CsvRow) -> Spot {
    let bits = |wide: &str| row.get(wide).unwrap_or_else(|| &row["bit"]).parse().expect("a bit");
    let register = row.get("reg").unwrap_or_else(|| &row["register"]).clone();
    (hex(&row["leaf"]), row["subleaf"].clone(), register, bits("hi"), bits("lo"))
}

/// The libvirt, QEMU and Linux names of a row of the fact tables.
fn fact_names(row: &CsvRow) -> [&str; 3] {
    ["libvirt_name", "qemu_name", "linux_name"].map(|key| row.get(key).map_or("", String::as_str))
}

/// Names by place, of the rows of one kind that `owner` picks.
fn exported(kind: &str, owner: impl Fn(&str) -> bool) -> BTreeMap<Spot, CsvRow> {
    rows_of(&export_csv())
        .into_iter()
        .filter(|r| r["kind"] == kind && owner(&r["owner"]))
        .map(|r| (spot(&r), r))
        .collect()
}

#[test]
fn the_listing_has_every_row() {
    let mut counts = BTreeMap::new();
    for entry in entries() {
        *counts.entry(entry.kind).or_insert(0) += 1;
    }
    let frozen = BTreeMap::from([("feature", 816), ("field", 400), ("msr", 133), ("range", 10)]);
    assert_eq!(counts, frozen, "a row more or less: change the number here too");
    assert_eq!(export_csv().lines().count(), 1 + frozen.values().sum::<i32>() as usize);
}

#[test]
fn every_row_is_described() {
    for Entry { kind, place, row } in entries() {
        assert!(row.known, "{place:?} is listed and unknown");
        assert!(row.meaning.is_some_and(|m| !m.is_empty()), "{place:?} has no meaning");
        assert!(row.source.is_some_and(|s| !s.is_empty()), "{place:?} has no source");
        assert!(
            kind == "feature" || kind == "msr" || row.name.is_some() || row.reason.is_some(),
            "{place:?} has no name"
        );
    }
}

#[test]
fn features_and_fields_cover_the_fact_tables() {
    let Some(facts) = facts() else { return };
    for (file, kind, xen) in [
        ("features.csv", "feature", false),
        ("features_xen.csv", "feature", true),
        ("fields.csv", "field", false),
        ("fields_xen.csv", "field", true),
    ] {
        let ours = exported(kind, |owner| (owner == "xen") == xen);
        let theirs: BTreeMap<Spot, CsvRow> = table(&facts, file).into_iter().map(|r| (spot(&r), r)).collect();
        let lacking: Vec<&Spot> = theirs.keys().filter(|place| !ours.contains_key(*place)).collect();
        assert!(lacking.is_empty(), "{file}: {lacking:?}");
        for (place, row) in &theirs {
            let mine = &ours[place];
            assert_eq!(mine["meaning"], row["description"], "{file} {place:?}");
            if kind == "feature" {
                assert_eq!(["libvirt", "qemu", "linux"].map(|k| mine[k].as_str()), fact_names(row), "{file} {place:?}");
                assert_eq!(mine["migratable"], row["migratable"], "{file} {place:?}");
            } else {
                assert_eq!(mine["name"], row["name"], "{file} {place:?}");
            }
        }
    }
}

#[test]
fn msr_bits_cover_the_fact_tables() {
    let Some(facts) = facts() else { return };
    let ours: BTreeMap<(u32, u8), CsvRow> = rows_of(&export_csv())
        .into_iter()
        .filter(|r| r["kind"] == "msr")
        .map(|r| ((hex(r["leaf"].trim_start_matches("msr:")), r["lo"].parse().expect("a bit")), r))
        .collect();
    for row in table(&facts, "msr_features.csv") {
        let index = hex(&row["msr"]);
        // The tables count the bits of the VMX control MSRs from the upper half.
        let half = if matches!(index, 0x48b | 0x48d..=0x490) { 32 } else { 0 };
        let bit: u8 = row["bit"].parse().expect("a bit");
        let mine = &ours[&(index, bit + half)];
        assert_eq!([&mine["libvirt"], &mine["qemu"]], [&row["libvirt_name"], &row["qemu_name"]], "{index:#x} {bit}");
    }
}

#[test]
fn rules_and_causes_are_those_of_the_fact_tables() {
    let Some(facts) = facts() else { return };
    let listed = rows_of(&export_csv());
    // Every feature or field whose own bits a fact row names exactly is judged and explained by that row.
    for (file, xen) in [("rules.csv", false), ("rules_xen.csv", true)] {
        let mut compared = 0;
        for row in table(&facts, file).iter().filter(|r| !r["leaf"].starts_with("msr")) {
            let Some(mine) =
                listed.iter().find(|r| r["kind"] != "msr" && (r["owner"] == "xen") == xen && spot(r) == spot(row))
            else {
                continue;
            };
            compared += 1;
            let judged = ["rule", "lost", "gained"].map(|k| mine[k].as_str());
            let wanted = ["rule", "severity_if_lost", "severity_if_gained_or_changed"].map(|k| row[k].as_str());
            assert_eq!(judged, wanted, "{file} {:?}", spot(row));
        }
        assert!(compared > if xen { 15 } else { 300 }, "{file}: only {compared} rows were compared");
    }
    for row in table(&facts, "volatility.csv") {
        let Some(mine) = listed.iter().find(|r| r["kind"] != "msr" && r["owner"] != "xen" && spot(r) == spot(&row))
        else {
            continue;
        };
        assert_eq!(mine["cause"], row["why"], "volatility.csv {:?}", spot(&row));
    }
}

#[test]
fn no_row_of_the_tables_is_lacking() {
    let Some(facts) = facts() else { return };
    let script = crate::support::root().join("scripts/generate-knowledge");
    let run = Command::new(script).arg("--check").arg("--facts").arg(facts).output().expect("python3");
    assert!(run.status.success(), "{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
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
    for m in names::all().filter(|m| m.namespace != Namespace::Field) {
        places.entry((m.namespace, m.name)).or_default().insert(m.place);
    }
    let found: Vec<_> = places.iter().filter(|(_, p)| p.len() > 1).map(|((n, name), p)| (*n, *name, p.len())).collect();
    assert_eq!(found, AMBIGUOUS);
}

#[test]
fn shared_hypervisor_leaves_are_listed_once() {
    let owners = |leaf| {
        entries().into_iter().filter_map(move |e| match e.place {
            Place::Cpuid { owner, at } if at.leaf == leaf => Some(owner),
            _ => None,
        })
    };
    assert!(owners(0x4000_0010).all(|o| o == Owner::Kvm));
    assert_eq!(owners(0x4000_0000).collect::<BTreeSet<_>>(), BTreeSet::from([Owner::Kvm]));
}

/// The subject of an entry's advice.
fn subject(entry: &Entry) -> Subject {
    match entry.place {
        Place::Cpuid { owner, at } => {
            Subject::Cpuid(Site { owner, leaf: at.leaf, subleaf: at.subleaf.first(), register: at.register })
        }
        Place::Msr { index, .. } => Subject::Msr(index),
    }
}

#[test]
fn whatever_is_unsafe_or_a_warning_has_cause_and_remedy() {
    let (mut general, mut grave) = (0, 0);
    for entry in entries() {
        let advice = advice_for(subject(&entry), &entry.row, Asked::Differs { values: [Some(1), Some(0)] });
        if entry.row.lost.min(entry.row.gained) <= Severity::Warning {
            grave += 1;
            assert!(!advice.cause.is_empty() && !advice.remedy.is_empty(), "{:?}", entry.place);
            general += i32::from(!advice.specific);
        }
    }
    println!("{general} of {grave} unsafe or warning rows have only general text");
    assert!(general <= 130, "{general} of {grave}: specific text went away");
}
