//! libvirt's CPU map: which bit a feature is, and which features a model has.
//!
//! Every feature is exactly one bit, so a CPU is a set of features ([`Features`]) and libvirt's algebra on register
//! words is algebra on sets. The features are the rows that libvirt has a name for; `models.rs` holds the models.
//! [`dir`] reads a site's own map, [`drift`] compares two, [`wide`] joins two.
//!
//! # Source
//! libvirt 9.0.0, 11.3.0 and 12.8.0 src/cpu_map and src/cpu/cpu_x86.c (`x86FeatureParse`, `x86ModelParse`).

pub mod dir;
pub mod drift;
mod models;
mod rows;
pub mod wide;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::OnceLock;

use cpuid_probe::Place;
use cpuid_probe::vendor::Signature as VendorText;

use crate::knowledge::{Knowledge, Migratable, Row, Version, near};
use models::{MODELS, QEMU_DIFFERS, VENDORS};
use rows::Decode;

/// A feature's number: its position in [`CpuMap::features`].
pub type FeatureId = usize;

/// A set of features. Iterates in the order of libvirt's map.
pub type Features = BTreeSet<FeatureId>;

/// A feature.
#[derive(Clone, Debug)]
pub struct Feature {
    /// libvirt's name.
    pub name: &'static str,
    /// Its bit: of the MSR itself, where it is in one.
    pub place: Place,
    /// libvirt's `migratable`: false for xsaves and invtsc.
    pub migratable: bool,
    /// QEMU's property; `None` where no QEMU has one.
    pub qemu: Option<&'static str>,
    /// Further names in use: QEMU's or Linux's.
    pub also: Vec<&'static str>,
}

/// A CPU vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vendor {
    /// libvirt's word.
    pub name: &'static str,
    /// The text of leaf 0.
    pub text: VendorText,
}

/// Family, model and stepping of leaf 1 EAX as libvirt computes them: the extended fields always count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Extended family + family.
    pub family: u32,
    /// Extended model × 16 + model.
    pub model: u32,
    /// Stepping.
    pub stepping: u32,
}

impl Signature {
    /// Of leaf 1 EAX.
    #[must_use]
    pub const fn of(eax: u32) -> Self {
        Self {
            family: (eax >> 20 & 0xff) + (eax >> 8 & 0xf),
            model: (eax >> 16 & 0xf) << 4 | (eax >> 4 & 0xf),
            stepping: eax & 0xf,
        }
    }
}

/// Which CPUs a model describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignatureRange {
    /// Family.
    pub family: u32,
    /// Model.
    pub model: u32,
    /// First and last stepping.
    pub steppings: (u32, u32),
}

/// A CPU model.
#[derive(Clone, Debug)]
pub struct Model {
    /// libvirt's name.
    pub name: &'static str,
    /// Its vendor; `None`: any.
    pub vendor: Option<Vendor>,
    /// libvirt may choose it for a host.
    pub decode_host: bool,
    /// libvirt may choose it for a guest.
    pub decode_guest: bool,
    /// The CPUs it describes.
    pub signatures: Vec<SignatureRange>,
    /// What it promises.
    pub features: Features,
    /// What an older libvirt promised with it and QEMU's model no longer has.
    pub removed: Features,
    /// What QEMU's model also has and libvirt added later: neither promised nor `extra`.
    pub added: Features,
}

impl Model {
    /// Whether it describes CPUs with this signature.
    #[must_use]
    pub fn matches(&self, signature: Signature) -> bool {
        self.signatures.iter().any(|s| {
            (s.family, s.model) == (signature.family, signature.model)
                && (s.steppings.0..=s.steppings.1).contains(&signature.stepping)
        })
    }
}

/// A map: vendors, features and models, each in the order of libvirt's files.
#[derive(Clone, Debug)]
pub struct CpuMap {
    /// Where it comes from, for messages.
    pub origin: String,
    /// Vendors.
    pub vendors: Vec<Vendor>,
    /// Features.
    pub features: Vec<Feature>,
    /// Models.
    pub models: Vec<Model>,
    names: BTreeMap<&'static str, FeatureId>,
}

/// A name that is not in the map, with the nearest ones that are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What is unknown: `CPU model`, `CPU vendor` or `feature`.
    pub kind: &'static str,
    /// The name.
    pub name: String,
    /// The map.
    pub origin: String,
    /// Names like it.
    pub near: Vec<&'static str>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} '{}': it is not in {}", self.kind, self.name, self.origin)?;
        if !self.near.is_empty() {
            write!(f, " (near: {})", self.near.join(", "))?;
        }
        Ok(())
    }
}

impl CpuMap {
    fn new(origin: String, vendors: Vec<Vendor>, features: Vec<Feature>, models: Vec<Model>) -> Self {
        let mut names = BTreeMap::new();
        // libvirt's own names win over names of others.
        for (id, feature) in features.iter().enumerate() {
            for name in feature.also.iter().copied().chain(feature.qemu) {
                names.entry(name).or_insert(id);
            }
        }
        names.extend(features.iter().enumerate().map(|(id, feature)| (feature.name, id)));
        Self { origin, vendors, features, models, names }
    }

    /// libvirt's newest map.
    #[must_use]
    pub fn of(knowledge: &Knowledge) -> Self {
        Self::as_of("the built-in CPU map (libvirt's newest)", knowledge, None)
    }

    /// libvirt's newest map over the rows that are compiled in, made once.
    #[must_use]
    pub fn newest() -> &'static Self {
        static NEWEST: OnceLock<CpuMap> = OnceLock::new();
        NEWEST.get_or_init(|| Self::of(Knowledge::builtin()))
    }

    /// libvirt's newest map over these rows: the one made once, where they are the rows that are compiled in.
    #[must_use]
    pub fn newest_over(knowledge: &Knowledge) -> Cow<'static, Self> {
        if std::ptr::eq(knowledge, Knowledge::builtin()) {
            Cow::Borrowed(Self::newest())
        } else {
            Cow::Owned(Self::of(knowledge))
        }
    }

    /// The map of libvirt 9.0.
    #[must_use]
    pub fn libvirt_9_0(knowledge: &Knowledge) -> Self {
        Self::as_of("the built-in CPU map of libvirt 9.0", knowledge, Some(Version::new(9, 0)))
    }

    fn as_of(origin: &str, knowledge: &Knowledge, release: Option<Version>) -> Self {
        let vendors: Vec<Vendor> = VENDORS.iter().filter_map(|(name, text)| vendor(name, text)).collect();
        let had = |row: &Row| row.libvirt_since.is_some_and(|since| release.is_none_or(|release| since <= release));
        let rows = knowledge.features().filter(|(_, row)| had(row));
        let features: Vec<Feature> = rows.filter_map(|(place, row)| Feature::of(place, &row)).collect();
        let old = release.is_some();
        let ids: BTreeMap<&str, FeatureId> = features.iter().enumerate().map(|(id, f)| (f.name, id)).collect();
        let known =
            |names: &str| -> Features { names.split_whitespace().filter_map(|n| ids.get(n).copied()).collect() };
        // Lists are resolved over all models; then the models of other versions are left out.
        let mut lists: BTreeMap<&str, (Features, Features)> = BTreeMap::new();
        let mut models = Vec::new();
        for row in MODELS {
            let features = change(lists.get(row.like).map(|(features, _)| features), row.features, &ids);
            let added = change(lists.get(row.added_like).map(|(_, added)| added), row.added, &ids);
            if row.in_9_0.is_some() || !old {
                let promised = if old { known(row.in_9_0.unwrap_or_default()) } else { Features::new() };
                models.push(Model {
                    name: row.name,
                    vendor: vendors.iter().copied().find(|v| v.name == row.vendor),
                    decode_host: row.decode != Decode::Never,
                    decode_guest: row.decode == Decode::Both,
                    signatures: row.signatures.split_whitespace().filter_map(signature_range).collect(),
                    features: &features | &promised,
                    removed: &known(row.removed) - &promised,
                    added: if old { Features::new() } else { added.clone() },
                });
            }
            lists.insert(row.name, (features, added));
        }
        Self::new(origin.to_owned(), vendors, features, models)
    }

    /// The newest map, less what a libvirt or a QEMU of these versions has no name for. A version that is not known takes
    /// nothing away.
    #[must_use]
    pub fn known_to(libvirt: Option<Version>, qemu: Option<Version>, knowledge: &Knowledge) -> Self {
        let old_libvirt = libvirt.is_some_and(|v| v < Version::new(11, 3));
        let base = if old_libvirt { Self::libvirt_9_0(knowledge) } else { Self::of(knowledge) };
        if libvirt.is_none() && qemu.is_none() {
            return base;
        }
        let knows = |f: &Feature| {
            let row = knowledge.row(f.place);
            let in_libvirt = libvirt.is_none_or(|v| row.libvirt_since.is_some_and(|since| since <= v));
            let in_qemu = qemu.is_none_or(|v| row.qemu_since.is_some_and(|since| since <= v));
            in_libvirt && in_qemu
        };
        let kept: Vec<FeatureId> = (0..base.features.len()).filter(|id| knows(&base.features[*id])).collect();
        let renumbered = |set: &Features| -> Features {
            kept.iter().enumerate().filter(|(_, old)| set.contains(old)).map(|(new, _)| new).collect()
        };
        // Of models it is known alone whether libvirt 9.0, and QEMU 7.2 with it, had them.
        let old = old_libvirt
            || libvirt.is_some_and(|v| v < Version::new(12, 8))
            || qemu.is_some_and(|v| v < Version::new(11, 1));
        let had = |name: &str| !old || MODELS.iter().any(|row| row.name == name && row.in_9_0.is_some());
        let models = base.models.iter().filter(|model| had(model.name)).map(|model| Model {
            features: renumbered(&model.features),
            removed: renumbered(&model.removed),
            added: renumbered(&model.added),
            ..model.clone()
        });
        let said = |what: &str, version: Option<Version>| version.map(|v| format!("{what} {v}"));
        let origin: Vec<String> = said("libvirt", libvirt).into_iter().chain(said("QEMU", qemu)).collect();
        let features = kept.iter().map(|id| base.features[*id].clone()).collect();
        Self::new(format!("what {} know", origin.join(" and ")), base.vendors.clone(), features, models.collect())
    }

    /// A feature by libvirt's name, else by one of its other names.
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<FeatureId> {
        self.names.get(name).copied()
    }

    /// A feature by its bit. Where a map has two names for a bit, the first.
    #[must_use]
    pub fn feature_at(&self, place: Place) -> Option<FeatureId> {
        self.features.iter().position(|f| f.place == place)
    }

    /// The features with these names; names that the map does not have are left out.
    #[must_use]
    pub fn features_named(&self, names: &[&str]) -> Features {
        names.iter().filter_map(|name| self.feature(name)).collect()
    }

    /// The features whose rows satisfy a condition, by their bits.
    #[must_use]
    pub fn those(&self, knowledge: &Knowledge, such: impl Fn(&Row) -> bool) -> Features {
        let features = self.features.iter().enumerate();
        features.filter(|(_, f)| such(&knowledge.row(f.place))).map(|(id, _)| id).collect()
    }

    /// Names of features, in the order of the map.
    #[must_use]
    pub fn names(&self, features: &Features) -> Vec<&'static str> {
        features.iter().filter_map(|id| self.features.get(*id)).map(|f| f.name).collect()
    }

    /// A model by name.
    ///
    /// # Errors
    /// The name is not in the map.
    pub fn model(&self, name: &str) -> Result<&Model, Unknown> {
        self.models
            .iter()
            .find(|m| m.name == name)
            .ok_or_else(|| self.unknown("CPU model", name, self.models.iter().map(|m| m.name)))
    }

    /// A vendor by libvirt's word for it.
    ///
    /// # Errors
    /// The name is not in the map.
    pub fn vendor(&self, name: &str) -> Result<Vendor, Unknown> {
        let names = self.vendors.iter().map(|v| v.name);
        self.vendors.iter().copied().find(|v| v.name == name).ok_or_else(|| self.unknown("CPU vendor", name, names))
    }

    /// What to say of a feature name that the map does not have.
    #[must_use]
    pub fn unknown_feature(&self, name: &str) -> Unknown {
        self.unknown("feature", name, self.features.iter().map(|f| f.name))
    }

    fn unknown(&self, kind: &'static str, name: &str, names: impl Iterator<Item = &'static str>) -> Unknown {
        Unknown { kind, name: name.to_owned(), origin: self.origin.clone(), near: near(name, names) }
    }
}

impl Feature {
    fn of(place: Place, row: &Row) -> Option<Self> {
        let also = row.also.iter().copied().chain(row.names.linux.filter(|_| row.linux_is_alias));
        Some(Self {
            name: row.names.libvirt?,
            place,
            migratable: row.migratable != Some(Migratable::No),
            // A property that also means another bit cannot set this bit alone.
            qemu: row.names.qemu.filter(|_| row.listed),
            also: also.collect(),
        })
    }
}

/// Where QEMU's model of a name is not libvirt's: the features that QEMU's has beyond it, and those that it lacks.
///
/// `-cpu NAME` gives QEMU's list; libvirt passes on only what a definition changes in its own.
#[must_use]
pub fn qemu_differs(model: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    let row = QEMU_DIFFERS.iter().find(|(name, ..)| *name == model);
    let names = |list: &'static str| list.split_whitespace().collect();
    row.map(|(_, beyond, lacks)| (names(beyond), names(lacks))).unwrap_or_default()
}

/// A vendor, if its text has the 12 bytes of leaf 0.
fn vendor(name: &'static str, text: &str) -> Option<Vendor> {
    Some(Vendor { name, text: VendorText(text.as_bytes().try_into().ok()?) })
}

/// `family:model` or `family:model:first-last`.
fn signature_range(text: &str) -> Option<SignatureRange> {
    let mut parts = text.split(':');
    let (family, model) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let steppings = match parts.next() {
        None => (0, 15),
        Some(range) => stepping_range(range)?,
    };
    Some(SignatureRange { family, model, steppings })
}

/// `3` or `0-4`.
fn stepping_range(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// A list with the changes of a row. Names that the map does not have change nothing.
fn change(list: Option<&Features>, changes: &str, ids: &BTreeMap<&str, FeatureId>) -> Features {
    let mut list = list.cloned().unwrap_or_default();
    for change in changes.split_whitespace() {
        let (taken, name) = change.strip_prefix('-').map_or((false, change), |name| (true, name));
        let Some(id) = ids.get(name) else { continue };
        if taken {
            list.remove(id);
        } else {
            list.insert(*id);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_whole() {
        for map in [CpuMap::of(Knowledge::builtin()), CpuMap::libvirt_9_0(Knowledge::builtin())] {
            assert!(map.features.is_sorted_by_key(|f| f.place), "libvirt's files are in the order of places");
            let places: BTreeSet<Place> = map.features.iter().map(|f| f.place).collect();
            assert_eq!(places.len(), map.features.len(), "one feature a bit");
            let own: BTreeSet<&str> = map.features.iter().map(|f| f.name).collect();
            assert_eq!(own.len(), map.features.len(), "one feature a name");
            for feature in &map.features {
                for name in feature.also.iter().copied().chain(feature.qemu) {
                    assert!(name == feature.name || !own.contains(name), "{name} is another feature's name");
                    assert_eq!(map.feature(name).map(|id| map.features[id].name), Some(feature.name));
                }
            }
            assert_eq!(map.vendors.len(), VENDORS.len());
        }
        let newest = CpuMap::of(Knowledge::builtin());
        for row in MODELS {
            let lists = [row.features, row.added, row.removed, row.in_9_0.unwrap_or_default()];
            for name in lists.iter().flat_map(|list| list.split_whitespace()) {
                let name = name.trim_start_matches('-');
                assert!(newest.features.iter().any(|f| f.name == name), "{}: no feature {name}", row.name);
            }
            for like in [row.like, row.added_like] {
                assert!(like.is_empty() || MODELS.iter().any(|m| m.name == like), "{}: like {like}", row.name);
            }
            assert!(row.vendor.is_empty() || VENDORS.iter().any(|(name, _)| *name == row.vendor), "{}", row.name);
            assert!(row.signatures.split_whitespace().all(|s| signature_range(s).is_some()), "{}", row.name);
        }
    }

    #[test]
    fn known_sizes() {
        let knowledge = Knowledge::builtin();
        let (newest, old) = (CpuMap::of(knowledge), CpuMap::libvirt_9_0(knowledge));
        assert_eq!((newest.features.len(), newest.models.len()), (400, 176));
        assert_eq!((old.features.len(), old.models.len()), (212, 58));
        let mpx = |map: &CpuMap| {
            let (id, model) = (map.feature("mpx").expect("known"), map.model("Icelake-Server").expect("known"));
            (model.features.contains(&id), model.removed.contains(&id))
        };
        assert_eq!((mpx(&old), mpx(&newest)), ((true, false), (false, true)));
        let haswell = newest.model("Haswell-noTSX").expect("known");
        assert_eq!((haswell.features.len(), haswell.decode_guest, haswell.added.len() > 50), (48, true, true));
        assert!(!newest.model("Haswell-v2").expect("known").decode_guest);
    }

    #[test]
    fn signatures_add_the_extended_fields() {
        assert_eq!(Signature::of(0x0003_06c1), Signature { family: 6, model: 60, stepping: 1 });
        assert_eq!(Signature::of(0x00a2_0f10), Signature { family: 25, model: 33, stepping: 0 });
        let model = CpuMap::of(Knowledge::builtin()).model("Skylake-Server").expect("known").clone();
        assert!(model.matches(Signature { family: 6, model: 85, stepping: 4 }));
        assert!(!model.matches(Signature { family: 6, model: 85, stepping: 5 }));
    }
}
