//! The directions in which Firecracker's snapshots are published to restore, on its published fingerprints. Where the
//! reference material is not there, a line says so.

use std::collections::BTreeSet;
use std::fs;

use cpuid_diff::judge::rule::Directions;
use cpuid_diff::knowledge::Severity;
use cpuid_diff::read::{self, Input};
use cpuid_probe::dump::Dump;

fn fingerprint(cpu: &str, kernel: &str) -> Option<Dump> {
    let directory = crate::support::shared("corpus/firecracker-restore")?;
    match read::read(&fs::read(directory.join(format!("{cpu}-{kernel}.json"))).unwrap(), None).unwrap() {
        Input::Dump(dump) => Some(*dump),
        other => panic!("{other:?}"),
    }
}

/// Names of what is unsafe from `source` to `destination`.
fn unsafe_names(source: &Dump, destination: &Dump) -> BTreeSet<String> {
    let found = crate::support::compare(source, destination, Directions::AToB).findings;
    let lost = found.into_iter().filter(|finding| finding.severity == Severity::Unsafe);
    lost.map(|finding| finding.name.as_deref().map_or_else(|| finding.id(), str::to_string)).collect()
}

#[test]
fn snapshots_restore_from_5_10_on_6_1_and_not_the_other_way() {
    for (cpu, lost) in [
        ("INTEL_CASCADELAKE", &[][..]),
        ("INTEL_ICELAKE", &["ds", "dtes64", "intel-psfd", "max_subleaf"]),
        ("AMD_MILAN", &["amd-psfd"]),
    ] {
        let (Some(old), Some(new)) = (fingerprint(cpu, "5.10"), fingerprint(cpu, "6.1")) else { return };
        assert_eq!(unsafe_names(&old, &new), BTreeSet::new(), "{cpu}: from 5.10 to 6.1");
        let expected: BTreeSet<String> = lost.iter().map(|name| (*name).to_string()).collect();
        assert_eq!(unsafe_names(&new, &old), expected, "{cpu}: from 6.1 to 5.10");
    }
}
