//! What QEMU's log says of features that a guest was to get and did not.
//!
//! # Source
//! QEMU 7.2 target/i386/cpu.c (`mark_unavailable_features`, `feature_word_description`):
//! `warning: REASON: CPUID.01H:EDX.ds [bit 21]` and `warning: REASON: MSR(10AH).rdctl-no [bit 0]`, where a bit without
//! a name has none; QEMU 10.1 writes `CPUID[eax=07h,ecx=00h].EBX.avx2 [bit 5]`. REASON is `host doesn't support
//! requested feature`, the same with `TCG`, or says that another feature was not requested. libvirt's logs
//! (`/var/log/libvirt/qemu/NAME.log`) put a time in front.

use cpuid_probe::dump::Dump;
use cpuid_probe::{LeafId, Register};

use super::map::{CpuMap, FeatureId, place_of_msr_bit};
use cpuid_probe::Place;

/// One warning of QEMU's about one feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The line, without what surrounds it.
    pub line: String,
    /// QEMU's name of the feature.
    pub name: Option<String>,
    /// The bit. Older QEMUs do not print the subleaf.
    spot: Spot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    Cpuid { leaf: u32, subleaf: Option<u32>, register: Register, bit: u8 },
    Msr { index: u32, bit: u8 },
}

impl Announcement {
    /// Whether it is about this feature.
    #[must_use]
    pub fn is_about(&self, map: &CpuMap, id: FeatureId) -> bool {
        match (&self.name, map.features.get(id)) {
            (Some(name), Some(feature)) if map.feature(name) == Some(id) => self.is_at(feature.place),
            (None, Some(feature)) => self.is_at(feature.place),
            _ => false,
        }
    }

    /// The feature it is about, where the map knows it.
    #[must_use]
    pub fn feature(&self, map: &CpuMap) -> Option<FeatureId> {
        let named = self.name.as_ref().and_then(|name| map.feature(name));
        named.or_else(|| map.features.iter().position(|f| self.is_at(f.place) && self.name.is_none()))
    }

    /// Whether its bit is `place`. A warning without a subleaf fits any.
    fn is_at(&self, place: Place) -> bool {
        match (self.spot, place) {
            (Spot::Cpuid { leaf, subleaf, register, bit }, Place::Cpuid { id, register: r, bits, .. }) => {
                id.leaf == leaf && subleaf.is_none_or(|s| LeafId::new(leaf, s) == id) && (register, bit) == (r, bits.lo)
            }
            (Spot::Msr { index, bit }, Place::Msr { .. }) => place_of_msr_bit(index, bit) == place,
            _ => false,
        }
    }
}

/// Everything a log announces, in its order, each line once.
#[must_use]
pub fn announcements(log: &str) -> Vec<Announcement> {
    let mut found: Vec<Announcement> = Vec::new();
    for announcement in log.lines().filter_map(announcement) {
        // A guest with several vCPUs warns for each; so does one that was started again.
        let again = |a: &Announcement| a.spot == announcement.spot && a.name == announcement.name;
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

/// The warning in a line, if it holds one.
fn announcement(line: &str) -> Option<Announcement> {
    let line = line.trim();
    let (_, warning) = line.split_once("warning: ")?;
    let (head, bit) = warning.strip_suffix(']')?.rsplit_once(" [bit ")?;
    let bit: u8 = bit.parse().ok()?;
    let (_, place) = head.rsplit_once(": ")?;
    let (spot, name) = if let Some(rest) = place.strip_prefix("MSR(") {
        let (index, rest) = rest.split_once(')')?;
        (Spot::Msr { index: hex(index)?, bit: (bit < 64).then_some(bit)? }, rest.strip_prefix('.'))
    } else {
        let (leaf, subleaf, rest) = if let Some(rest) = place.strip_prefix("CPUID.") {
            let (leaf, rest) = rest.split_once(':')?;
            (hex(leaf)?, None, rest)
        } else {
            let (input, rest) = place.strip_prefix("CPUID[")?.split_once("].")?;
            let (eax, ecx) = match input.split_once(',') {
                Some((eax, ecx)) => (eax, Some(hex(ecx.trim().strip_prefix("ecx=")?)?)),
                None => (input, None),
            };
            (hex(eax.trim().strip_prefix("eax=")?)?, ecx, rest)
        };
        let (register, name) = match rest.split_once('.') {
            Some((register, name)) => (register, Some(name)),
            None => (rest, None),
        };
        let bit = (bit < 32).then_some(bit)?;
        (Spot::Cpuid { leaf, subleaf, register: Register::from_name(register)?, bit }, name)
    };
    Some(Announcement { line: line.to_string(), name: name.map(str::to_string), spot })
}

/// `80000001H`, `07h` or `10A`.
fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text.trim_end_matches(['H', 'h']), 16).ok()
}

#[cfg(test)]
mod tests {
    use crate::knowledge::Knowledge;

    use super::*;

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
    fn a_name_at_another_bit_is_not_the_feature() {
        let map = CpuMap::of(Knowledge::builtin());
        let odd = announcements("warning: host doesn't support requested feature: CPUID.01H:EDX.ds [bit 20]");
        assert!(!odd[0].is_about(&map, map.feature("ds").expect("known")));
    }
}
