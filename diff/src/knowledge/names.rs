//! From a name to its places: libvirt's, QEMU's and Linux's names of features, their aliases, names of fields.

use cpuid_probe::Register;

use super::table::{Bits, Sub};
use super::{Owner, aliases, features, fields, msrs};
use crate::severity::Names;

/// Whose name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespace {
    /// `<feature name=…>`.
    Libvirt,
    /// `-cpu …,+NAME`.
    Qemu,
    /// A flag of `/proc/cpuinfo`.
    Linux,
    /// A manual's name of an MSR bit that no one else names.
    Manual,
    /// Our name of a multi-bit field.
    Field,
}

impl Namespace {
    /// The word in listings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Libvirt => "libvirt",
            Self::Qemu => "qemu",
            Self::Linux => "linux",
            Self::Manual => "manual",
            Self::Field => "field",
        }
    }
}

/// A place that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Bits of a CPUID register.
    Cpuid {
        /// Whose leaf it is.
        owner: Owner,
        /// The bits.
        at: Bits,
    },
    /// A bit of a feature MSR.
    Msr {
        /// The MSR.
        index: u32,
        /// Its bit, 0 to 63.
        bit: u8,
    },
}

/// A name, and a place it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// The place.
    pub place: Place,
    /// The name as it is written.
    pub name: &'static str,
    /// Whose name it is.
    pub namespace: Namespace,
}

/// Another name of a feature.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alias {
    /// Who says it.
    namespace: Namespace,
    /// What they say.
    alias: &'static str,
    /// The libvirt or QEMU name it stands for.
    of: &'static str,
}

/// An alias: who says it, what they say, the libvirt or QEMU name it stands for.
#[track_caller]
pub(super) const fn alias(namespace: Namespace, alias: &'static str, of: &'static str) -> Alias {
    assert!(!alias.is_empty() && !of.is_empty(), "an alias and what it stands for");
    Alias { namespace, alias, of }
}

/// Names that set something no single bit shows, and the field where it shows.
const SETTINGS: &[(Namespace, &str, &str)] =
    &[(Namespace::Qemu, "hv-vendor-id", "hv_sig_0"), (Namespace::Libvirt, "hv-vendor_id", "hv_sig_0")];

/// Owners whose tables together hold every row once.
const TABLES: [Owner; 5] = [Owner::Cpu, Owner::Kvm, Owner::HyperV, Owner::Xen, Owner::Vmware];

fn of_names(names: Names) -> impl Iterator<Item = (Namespace, &'static str)> {
    [(Namespace::Libvirt, names.libvirt), (Namespace::Qemu, names.qemu), (Namespace::Linux, names.linux)]
        .into_iter()
        .filter_map(|(namespace, name)| Some((namespace, name?)))
}

/// Whether the rows of `leaf` are listed under `owner`: shared hypervisor leaves under KVM alone.
#[must_use]
pub const fn listed_under(owner: Owner, leaf: u32) -> bool {
    match (owner, leaf & 0xff) {
        (Owner::Cpu | Owner::Kvm, _) => true,
        (Owner::HyperV | Owner::Xen, 0) | (Owner::Vmware, 0 | 0x10) => false,
        _ => true,
    }
}

/// Every name of every place, aliases left out.
fn plain() -> impl Iterator<Item = Match> {
    let cpuid = TABLES.into_iter().flat_map(|owner| {
        let features = features::of(owner).iter().flat_map(|t| t.iter()).flat_map(|f| {
            let at = f.at;
            of_names(f.names).map(move |(namespace, name)| (at, namespace, name))
        });
        let fields = fields::of(owner).iter().flat_map(|t| t.iter()).map(|f| (f.at, Namespace::Field, f.name));
        features
            .chain(fields)
            .filter(move |(at, ..)| listed_under(owner, at.leaf))
            .map(move |(at, namespace, name)| Match { place: Place::Cpuid { owner, at }, name, namespace })
    });
    let msrs = msrs::FEATURES.iter().flat_map(|f| {
        let place = Place::Msr { index: f.index, bit: f.bit };
        let label = f.label.map(|l| (Namespace::Manual, l));
        of_names(f.names).chain(label).map(move |(namespace, name)| Match { place, name, namespace })
    });
    cpuid.chain(msrs)
}

/// Every name of every place, aliases included.
pub fn all() -> impl Iterator<Item = Match> {
    matching(|_| true).into_iter()
}

/// Every place with a name, or another name, that `wanted` says yes to.
fn matching(wanted: impl Fn(&str) -> bool) -> Vec<Match> {
    let aliases: Vec<&Alias> = aliases::ROWS.iter().filter(|a| wanted(a.alias)).collect();
    let settings: Vec<_> = SETTINGS.iter().filter(|(_, setting, _)| wanted(setting)).collect();
    let mut found = Vec::new();
    for m in plain() {
        if wanted(m.name) {
            found.push(m);
        }
        let feature = matches!(m.namespace, Namespace::Libvirt | Namespace::Qemu);
        for a in aliases.iter().filter(|a| feature && a.of == m.name) {
            found.push(Match { name: a.alias, namespace: a.namespace, ..m });
        }
        for (namespace, setting, _) in settings.iter().filter(|s| m.namespace == Namespace::Field && s.2 == m.name) {
            found.push(Match { name: setting, namespace: *namespace, ..m });
        }
    }
    found
}

/// Lower case, and one sign for the three that the worlds disagree on: `sse4_1`, `sse4.1` and `sse4-1` are one name.
fn folded(name: &str) -> String {
    name.chars().map(|c| if matches!(c, '_' | '.') { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// Every place that `name` stands for in any world, each once, by place. Case does not matter; if nothing has exactly
/// this name, neither do `_`, `.` and `-`.
#[must_use]
pub fn by_name(name: &str) -> Vec<Match> {
    let exact = matching(|known| known.eq_ignore_ascii_case(name));
    if !exact.is_empty() {
        return by_place(exact);
    }
    let name = folded(name);
    by_place(matching(|known| folded(known) == name))
}

/// Every place with a name that contains `part`, each once, by place. A part without letters and digits is none.
#[must_use]
pub fn search(part: &str) -> Vec<Match> {
    let part = folded(part);
    if !part.contains(char::is_alphanumeric) {
        return Vec::new();
    }
    by_place(matching(|known| folded(known).contains(&part)))
}

/// Up to five names that look like `name`, the most alike first.
#[must_use]
pub fn near(name: &str) -> Vec<&'static str> {
    let wanted = folded(name);
    let mut scored: Vec<(f64, &'static str)> = all()
        .map(|m| (strsim::jaro_winkler(&wanted, &folded(m.name)), m.name))
        .filter(|(score, _)| *score > 0.8)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let mut names: Vec<&'static str> = Vec::new();
    for (_, name) in scored {
        if !names.iter().any(|n| folded(n) == folded(name)) {
            names.push(name);
        }
    }
    names.truncate(5);
    names
}

fn by_place(mut found: Vec<Match>) -> Vec<Match> {
    found.sort_by_key(|m| (m.place, m.namespace));
    found.dedup_by_key(|m| m.place);
    found
}

impl Place {
    /// A name's place that is one bit of the CPU's own or a hypervisor's leaf.
    #[must_use]
    pub const fn cpuid_bit(self) -> Option<(u32, Sub, Register, u8)> {
        match self {
            Self::Cpuid { at, .. } if at.hi == at.lo => Some((at.leaf, at.subleaf, at.register, at.lo)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(name: &str) -> Vec<(u32, u8)> {
        by_name(name)
            .into_iter()
            .map(|m| match m.place {
                Place::Cpuid { at, .. } => (at.leaf, at.lo),
                Place::Msr { index, bit } => (index, bit),
            })
            .collect()
    }

    #[test]
    fn a_name_means_the_same_in_every_world() {
        assert_eq!(places("ds"), [(1, 21)]);
        assert_eq!(places("dts"), [(1, 21)], "Linux's name");
        assert_eq!(places("sse4_1"), [(1, 19)]);
        assert_eq!(places("SSE4-1"), [(1, 19)]);
        assert_eq!(places("sse3"), [(1, 0)], "QEMU's alias");
        assert_eq!(places("rdctl-no"), [(0x10a, 0)]);
        assert_eq!(places("tsc_khz"), [(0x4000_0010, 0)]);
        assert_eq!(places("kvm_pv_eoi"), [(0x4000_0001, 6)], "libvirt's spelling of a QEMU property");
    }

    #[test]
    fn an_ambiguous_name_has_all_its_places() {
        assert_eq!(places("kvmclock"), [(0x4000_0001, 0), (0x4000_0001, 3)]);
        assert_eq!(places("ibrs"), [(7, 26), (0x8000_0008, 14)], "Linux derives its flag from either");
    }

    #[test]
    fn a_typo_has_near_names() {
        assert_eq!(places("avx522f"), []);
        assert!(near("avx522f").contains(&"avx512f"), "{:?}", near("avx522f"));
        assert!(near("zzzzzzzz").is_empty());
    }

    #[test]
    fn every_alias_stands_for_something() {
        for a in aliases::ROWS {
            assert!(all().any(|m| m.name == a.alias), "{} is an alias of {}, which nothing is called", a.alias, a.of);
        }
    }
}
