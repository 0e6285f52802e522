//! From a name to its places: libvirt's, QEMU's and Linux's names of features, other spellings, names of fields.

use std::collections::HashMap;

use cpuid_probe::Place;

use super::table::{Line, Namespace};
use super::{Knowledge, rows_of};

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

/// Every name of a line, its own first.
fn names_of(line: &'static Line) -> impl Iterator<Item = (Namespace, &'static str)> {
    let field = line.name.filter(|_| line.field);
    let libvirt = line.name.filter(|_| line.libvirt.since().is_some());
    let own = [
        (Namespace::Field, field),
        (Namespace::Libvirt, libvirt),
        (Namespace::Qemu, line.qemu_name),
        (Namespace::Linux, line.linux),
        (Namespace::Qemu, line.linux.filter(|_| line.linux_is_alias)),
        (Namespace::Manual, line.manual),
    ];
    let also = line.also.iter().flatten().flat_map(|(namespace, names)| names.iter().map(|name| (*namespace, *name)));
    let flags = line.linux_sets.iter().map(|name| (Namespace::Linux, *name));
    own.into_iter().filter_map(|(namespace, name)| Some((namespace, name?))).chain(also).chain(flags)
}

/// Lower case, and one sign for the three that libvirt, QEMU and Linux disagree on: `sse4_1`, `sse4.1` and `sse4-1` are
/// one name.
pub(crate) fn folded(name: &str) -> String {
    name.chars().map(|c| if matches!(c, '_' | '.') { '-' } else { c.to_ascii_lowercase() }).collect()
}

impl Knowledge {
    /// Every name of every place, other spellings included.
    pub fn names(&self) -> impl Iterator<Item = Match> {
        rows_of(&self.groups)
            .flat_map(|(place, _, line)| names_of(line).map(move |(namespace, name)| Match { place, name, namespace }))
    }

    /// Every place that `name` stands for in any world, each once, by place. Case does not matter; if nothing has exactly
    /// this name, neither do `_`, `.` and `-`.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Vec<Match> {
        let named = self.named.get_or_init(|| {
            let mut named: HashMap<String, Vec<Match>> = HashMap::new();
            self.names().for_each(|m| named.entry(folded(m.name)).or_default().push(m));
            named
        });
        let Some(spelled) = named.get(&folded(name)) else { return Vec::new() };
        let exact: Vec<Match> = spelled.iter().copied().filter(|m| m.name.eq_ignore_ascii_case(name)).collect();
        by_place(if exact.is_empty() { spelled.clone() } else { exact })
    }

    /// Every place with a name that contains `part`, each once, by place. A `part` without letters and digits matches
    /// nothing.
    #[must_use]
    pub fn search(&self, part: &str) -> Vec<Match> {
        let part = folded(part);
        if !part.contains(char::is_alphanumeric) {
            return Vec::new();
        }
        by_place(self.names().filter(|m| folded(m.name).contains(&part)).collect())
    }

    /// Up to five names that look like `name`, the most alike first.
    #[must_use]
    pub fn near(&self, name: &str) -> Vec<&'static str> {
        near(name, self.names().map(|m| m.name))
    }
}

/// No name is as long as this.
const LONGEST_NAME: usize = 64;

/// Up to five of `names` that look like `name`, the most alike first. Spellings of one name count once.
pub(crate) fn near(name: &str, names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let wanted = folded(name);
    // The measure looks for each letter of a name in the whole text: of a log that takes minutes, and finds nothing.
    if wanted.len() > LONGEST_NAME {
        return Vec::new();
    }
    let mut scored: Vec<(f64, &'static str)> = names
        .map(|name| (strsim::jaro_winkler(&wanted, &folded(name)), name))
        .filter(|(score, _)| *score > 0.8)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    let mut near: Vec<&'static str> = Vec::new();
    for (_, name) in scored {
        if near.len() < 5 && !near.iter().any(|n| folded(n) == folded(name)) {
            near.push(name);
        }
    }
    near
}

fn by_place(mut found: Vec<Match>) -> Vec<Match> {
    found.sort_by_key(|m| (m.place, m.namespace));
    found.dedup_by_key(|m| m.place);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(name: &str) -> Vec<(u32, u8)> {
        let at = |place: Place| place.leaf().map(|id| id.leaf).or(place.msr_index()).expect("a register");
        let found = Knowledge::builtin().by_name(name);
        found.into_iter().map(|m| (at(m.place), m.place.bits().expect("bits").lo)).collect()
    }

    #[test]
    fn a_text_looks_like_no_name_however_it_begins() {
        assert!(!Knowledge::builtin().near("avx512ff").is_empty());
        assert_eq!(Knowledge::builtin().near(&format!("avx512f{}", "8".repeat(60))), [] as [&str; 0]);
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
        assert_eq!(places("hv-vendor-id"), [(0x4000_0000, 0)], "a setting that shows in a field");
        assert_eq!(places("MCU_CTRL"), [(0x10a, 9)], "the manual's");
    }

    #[test]
    fn an_ambiguous_name_has_all_its_places() {
        assert_eq!(places("kvmclock"), [(0x4000_0001, 0), (0x4000_0001, 3)]);
        assert_eq!(places("ibrs"), [(7, 26), (0x8000_0008, 14)], "Linux derives its flag from either");
    }

    #[test]
    fn a_typo_has_near_names() {
        assert_eq!(places("avx522f"), []);
        let near = |name| Knowledge::builtin().near(name);
        assert!(near("avx522f").contains(&"avx512f"), "{:?}", near("avx522f"));
        assert!(near("zzzzzzzz").is_empty());
    }
}
