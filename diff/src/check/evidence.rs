//! What QEMU's log says of features that a guest was to get and did not.
//!
//! libvirt's logs (`/var/log/libvirt/qemu/NAME.log`) put a time in front of QEMU's lines.

use cpuid_probe::dump::Dump;
use cpuid_probe::place::Query;
use cpuid_probe::warning::Warning;

use crate::cpu_map::{CpuMap, FeatureId};

/// One warning of QEMU's about one feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The line, without what surrounds it.
    pub line: String,
    /// QEMU's name of the feature.
    pub name: Option<String>,
    /// The bit. Older QEMUs do not print the subleaf.
    at: Query,
}

impl Announcement {
    /// Whether it is about this feature.
    #[must_use]
    pub fn is_about(&self, map: &CpuMap, id: FeatureId) -> bool {
        match (&self.name, map.features.get(id)) {
            (Some(name), Some(feature)) if map.feature(name) == Some(id) => self.at.holds(feature.place),
            (None, Some(feature)) => self.at.holds(feature.place),
            _ => false,
        }
    }

    /// The feature it is about, where the map knows it.
    #[must_use]
    pub fn feature(&self, map: &CpuMap) -> Option<FeatureId> {
        let named = self.name.as_ref().and_then(|name| map.feature(name));
        named.or_else(|| map.features.iter().position(|f| self.at.holds(f.place) && self.name.is_none()))
    }
}

/// Everything a log announces, in its order, each line once.
#[must_use]
pub fn announcements(log: &str) -> Vec<Announcement> {
    let mut found: Vec<Announcement> = Vec::new();
    let read = |line: &str| {
        let Warning { name, at } = Warning::read(line)?;
        Some(Announcement { line: line.trim().to_string(), name: name.map(str::to_string), at })
    };
    for announcement in log.lines().filter_map(read) {
        // A guest with several vCPUs warns for each; so does one that was started again.
        let again = |a: &Announcement| a.at == announcement.at && a.name == announcement.name;
        if !found.iter().any(again) {
            found.push(announcement);
        }
    }
    found
}

/// What a throw-away guest's QEMU announced.
#[must_use]
pub fn of_boot(dump: &Dump) -> Option<Vec<Announcement>> {
    let boot = dump.provenance.boot.as_ref()?;
    let lines: Vec<&str> = boot.warnings.iter().map(|w| w.text.as_str()).collect();
    Some(announcements(&lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Knowledge;

    const LOG: &str = "\
2026-01-01 00:00:00.000+0000: starting up libvirt version: 9.0.0\n\
qemu-system-x86_64: warning: host doesn't support requested feature: CPUID.01H:EDX.ds [bit 21]\r\n\
2026-01-01T00:00:00.000000Z qemu-kvm: warning: host doesn't support requested feature: CPUID.07H:EDX.arch-capabilities [bit 29]\n\
qemu-kvm: warning: TCG doesn't support requested feature: MSR(10AH).rdctl-no [bit 0]\n\
qemu-kvm: warning: host doesn't support requested feature: CPUID.01H:EDX.ds [bit 21]\n\
qemu-kvm: warning: host doesn't support requested feature: CPUID[eax=07h,ecx=01h].EAX.avx-vnni [bit 4]\n\
qemu-kvm: warning: This feature depends on other features that were not requested: CPUID.80000001H:ECX.svm [bit 2]\n\
qemu-kvm: warning: host doesn't support requested feature: CPUID.07H:EBX [bit 12]\n\
qemu-kvm: warning: something else: CPUID.01H:EDX.ds [bit 99]\n\
qemu-kvm: terminating on signal 15\n";

    #[test]
    fn every_grammar_of_qemu_is_read_and_each_warning_once() {
        let map = CpuMap::of(Knowledge::builtin());
        let found = announcements(LOG);
        let names: Vec<_> = found.iter().map(|a| a.feature(&map).map(|id| map.features[id].name)).collect();
        let expected = ["ds", "arch-capabilities", "rdctl-no", "avx-vnni", "svm", "cmt"].map(Some);
        assert_eq!(names, expected);
        let ds = map.feature("ds").expect("known");
        assert!(found[0].is_about(&map, ds) && !found[1].is_about(&map, ds));
        assert!(found[0].line.ends_with("CPUID.01H:EDX.ds [bit 21]"));
    }

    #[test]
    fn a_vmx_control_is_a_bit_of_the_upper_half() {
        let map = CpuMap::of(Knowledge::builtin());
        let odd = announcements("warning: host doesn't support requested feature: MSR(48BH).vmx-vpid [bit 5]");
        assert!(odd[0].is_about(&map, map.feature("vmx-vpid").expect("known")));
    }

    #[test]
    fn a_name_at_another_bit_is_not_the_feature() {
        let map = CpuMap::of(Knowledge::builtin());
        let odd = announcements("warning: host doesn't support requested feature: CPUID.01H:EDX.ds [bit 20]");
        assert!(!odd[0].is_about(&map, map.feature("ds").expect("known")));
    }
}
