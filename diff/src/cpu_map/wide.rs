//! One numbering for the features of a site's CPU map and of the newest map: inputs may use newer names, and the answer
//! uses only the site's.

use super::{CpuMap, Features, Model};
use crate::knowledge::Knowledge;

/// A site's map, with the features and models that only the newest map has.
#[derive(Clone, Debug)]
pub struct Wide {
    /// The site's features, vendors and models first, then the others.
    pub map: CpuMap,
    /// The site's own map.
    pub site: CpuMap,
}

impl Wide {
    /// Widens a site's map.
    #[must_use]
    pub fn new(site: CpuMap, knowledge: &Knowledge) -> Self {
        let newest = CpuMap::newest_over(knowledge);
        let mut features = site.features.clone();
        // Features of the newest map by their numbers in the wide one; the bit decides, not the name.
        let numbers: Vec<usize> = newest
            .features
            .iter()
            .map(|feature| {
                features.iter().position(|known| known.place == feature.place).unwrap_or_else(|| {
                    features.push(feature.clone());
                    features.len() - 1
                })
            })
            .collect();
        let mut vendors = site.vendors.clone();
        vendors.extend(newest.vendors.iter().filter(|v| !site.vendors.iter().any(|known| known.name == v.name)));
        let renumbered = |set: &Features| set.iter().filter_map(|id| numbers.get(*id).copied()).collect();
        let mut models = site.models.clone();
        models.extend(newest.models.iter().filter(|m| !site.models.iter().any(|known| known.name == m.name)).map(
            |m| Model {
                features: renumbered(&m.features),
                removed: renumbered(&m.removed),
                added: renumbered(&m.added),
                ..m.clone()
            },
        ));
        let map = CpuMap::new(site.origin.clone(), vendors, features, models);
        Self { map, site }
    }

    /// Splits features into those that the site's libvirt has names for, and the others.
    #[must_use]
    pub fn split(&self, features: &Features) -> (Features, Features) {
        let mut known = features.clone();
        let unknown = known.split_off(&self.site.features.len());
        (known, unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sites_numbers_stay_and_newer_names_are_added() {
        let old = CpuMap::libvirt_9_0(Knowledge::builtin());
        let wide = Wide::new(old.clone(), Knowledge::builtin());
        let newest = CpuMap::of(Knowledge::builtin());
        assert_eq!(wide.map.features.len(), newest.features.len());
        assert!(old.features.iter().zip(&wide.map.features).all(|(a, b)| a.name == b.name));
        // A model that 9.0 does not know, with the numbers of the wide map.
        let names = |map: &CpuMap, model: &str| {
            let mut names = map.names(&map.model(model).expect("known").features);
            names.sort_unstable();
            names
        };
        assert_eq!(names(&wide.map, "GraniteRapids"), names(&newest, "GraniteRapids"));
        // A model that 9.0 does know keeps its old meaning.
        assert_eq!(names(&wide.map, "Icelake-Server"), names(&old, "Icelake-Server"));
        let both = wide.map.features_named(&["fpu", "amx-fp16"]);
        let (known, unknown) = wide.split(&both);
        assert_eq!((wide.map.names(&known), wide.map.names(&unknown)), (vec!["fpu"], vec!["amx-fp16"]));
    }
}
