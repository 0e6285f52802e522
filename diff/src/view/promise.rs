//! What a libvirt CPU definition means, bit by bit.
//!
//! # Source
//! libvirt 9.0.0 src/cpu/cpu_x86.c (`x86ModelFromCPU`, `virCPUx86ExpandFeatures`, `virCPUx86UpdateLive`) and
//! src/conf/cpu_conf.c.

use std::collections::BTreeMap;

use cpuid_probe::Place;
use cpuid_probe::libvirt::Position;
use cpuid_probe::libvirt::cpu::{Cpu, Feature as Listed, Form, Mode, Policy};
use cpuid_probe::msr::FEATURE_MSRS;

use crate::cpu_map::{CpuMap, FeatureId, Features, Model, Unknown, Vendor};
use crate::knowledge::Knowledge;

/// What to say of a name that the map does not have, written at `at`.
#[must_use]
pub fn unknown_at(at: Position, unknown: &Unknown) -> String {
    format!("{at}: {unknown}; give the CPU map of the libvirt that knows it with --cpu-map")
}

/// What is asked of one feature, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The policy; what comes with the model is required.
    pub policy: Policy,
    /// It is a feature of the model, listed or not.
    pub by_model: bool,
    /// It stands behind something that the definition does not ask for: an MSR, which a guest may have all the same and
    /// then is to have the feature, or a feature without which QEMU clears it.
    pub behind: bool,
}

impl Promise {
    /// Whether the guest is to have the feature; `None` where it may.
    #[must_use]
    pub const fn wants(self) -> Option<bool> {
        match self.policy {
            Policy::Force | Policy::Require => Some(true),
            Policy::Disable | Policy::Forbid => Some(false),
            Policy::Optional => None,
        }
    }

    /// Whether the definition leaves the feature to each host.
    #[must_use]
    pub fn is_left_to_the_host(self) -> bool {
        self.policy == Policy::Optional && !self.behind
    }
}

/// A definition on a map.
#[derive(Clone, Debug)]
pub struct Expanded<'a> {
    /// The model, where the definition promises what its model has.
    pub model: Option<&'a Model>,
    /// The vendor asked for.
    pub vendor: Option<Vendor>,
    /// Every feature that is promised, asked to be away, or optional.
    promises: BTreeMap<FeatureId, Promise>,
    /// Listed names that the map does not have.
    pub unknown: Vec<(Listed, Unknown)>,
}

impl<'a> Expanded<'a> {
    /// What `cpu` means on `map`.
    ///
    /// # Errors
    /// The model or the vendor is not in the map.
    pub fn new(cpu: &Cpu, map: &'a CpuMap) -> Result<Self, Unknown> {
        // An inactive host-model, host-passthrough and maximum promise what they list, whatever the host has.
        let by_model = cpu.form != Form::Guest || cpu.mode == Mode::Custom;
        let model = match &cpu.model {
            Some(name) if by_model => Some(map.model(name)?),
            _ => None,
        };
        let vendor = cpu.vendor.as_deref().map(|name| map.vendor(name)).transpose()?;
        let required = |id: &FeatureId| (*id, Promise { policy: Policy::Require, by_model: true, behind: false });
        let mut promises: BTreeMap<_, _> = model.into_iter().flat_map(|m| &m.features).map(required).collect();
        let mut unknown = Vec::new();
        for listed in &cpu.features {
            match map.feature(&listed.name) {
                Some(id) => {
                    let by_model = promises.get(&id).is_some_and(|p: &Promise| p.by_model);
                    promises.insert(id, Promise { policy: listed.policy, by_model, behind: false });
                }
                None => unknown.push((listed.clone(), map.unknown_feature(&listed.name))),
            }
        }
        let mut named: Features = cpu.features.iter().filter_map(|listed| map.feature(&listed.name)).collect();
        // What the domain tells QEMU itself has the last word.
        for property in cpu.beside.iter().flat_map(|beside| &beside.properties).filter(|_| cpu.form == Form::Guest) {
            let policy = match property.value.as_str() {
                "on" => Policy::Require,
                "off" => Policy::Disable,
                _ => continue,
            };
            if let Some(id) = map.feature(&property.name) {
                let by_model = promises.get(&id).is_some_and(|p: &Promise| p.by_model);
                promises.insert(id, Promise { policy, by_model, behind: false });
                named.insert(id);
            }
        }
        let unasked = unannounced(map, &promises).into_iter().chain(cleared(map, &promises));
        for id in unasked.filter(|id| !named.contains(id)).collect::<Features>() {
            promises.insert(id, Promise { policy: Policy::Optional, by_model: true, behind: true });
        }
        Ok(Self { model, vendor, promises, unknown })
    }

    /// What is asked of a feature.
    #[must_use]
    pub fn promise(&self, id: FeatureId) -> Option<Promise> {
        self.promises.get(&id).copied()
    }

    /// The bits of the definition, as libvirt compares them: those of the model, changed by what is listed. Where an
    /// optional feature is the model's, it stays.
    #[must_use]
    pub fn features(&self) -> Features {
        self.promises.iter().filter(|(_, p)| p.wants().unwrap_or(p.by_model)).map(|(id, _)| *id).collect()
    }

    /// Whether anything at all is promised, `besides` these features.
    #[must_use]
    pub fn promises_anything(&self, besides: &Features) -> bool {
        self.promises.iter().any(|(id, p)| p.wants().is_some() && !besides.contains(id))
            || self.vendor.is_some()
            || !self.unknown.is_empty()
    }
}

/// The features in an MSR that CPUID is not asked to announce. QEMU's newer models list `vmx-*` but not `vmx`, for a
/// guest that nests; any other guest has no such MSR, so that the model alone does not promise what is in it.
///
/// # Source
/// QEMU 7.2 and 10.2 target/i386/cpu.c (`feature_dependencies`: without `vmx` every `vmx-*` is cleared, without
/// `arch-capabilities` IA32_ARCH_CAPABILITIES is).
fn unannounced(map: &CpuMap, promises: &BTreeMap<FeatureId, Promise>) -> Features {
    let wanted = |place| map.feature_at(place).and_then(|id| promises.get(&id)).and_then(|p| p.wants()) == Some(true);
    let silent: Vec<u32> = FEATURE_MSRS
        .iter()
        .filter(|msr| {
            let (leaf, register, bit) = msr.announced_by;
            !wanted(Place::bit(leaf, 0, register, bit))
        })
        .map(|msr| msr.index)
        .collect();
    let place = |id: &FeatureId| map.features.get(*id).map(|f| f.place);
    let is_silent = |id: &FeatureId| place(id).and_then(Place::msr_index).is_some_and(|index| silent.contains(&index));
    promises.keys().copied().filter(is_silent).collect()
}

/// The features that QEMU clears because the definition itself takes away what they need: npt without svm.
///
/// # Source
/// QEMU 7.2 target/i386/cpu.c (`feature_dependencies`), in the rows' needs.
fn cleared(map: &CpuMap, promises: &BTreeMap<FeatureId, Promise>) -> Features {
    let away = |id: Option<FeatureId>| id.and_then(|id| promises.get(&id)).is_some_and(|p| p.wants() == Some(false));
    let is_cleared = |id: &FeatureId| {
        let Some(feature) = map.features.get(*id) else { return false };
        let row = Knowledge::builtin().row(feature.place);
        let closed = !row.gates.is_empty() && row.gates.iter().all(|gate| away(map.feature_at(*gate)));
        closed || row.needs.iter().any(|name| away(map.feature(name)))
    };
    promises.iter().filter(|(_, p)| p.wants() == Some(true)).map(|(id, _)| *id).filter(is_cleared).collect()
}

/// Features that libvirt 9.0 promised with a model and newer libvirts do not, because QEMU's model lost them, and that
/// `cpu` does not settle itself. Whether they are promised depends on the libvirt that wrote the definition.
#[must_use]
pub fn once_promised(cpu: &Cpu, map: &CpuMap, knowledge: &Knowledge) -> Vec<&'static str> {
    let old = CpuMap::libvirt_9_0(knowledge);
    let Some(name) = cpu.model.as_deref() else { return Vec::new() };
    let (Ok(was), Ok(now)) = (old.model(name), map.model(name)) else { return Vec::new() };
    let listed = |name: &str| cpu.features.iter().any(|f| f.name == name);
    let lost = |name: &&str| map.feature(name).is_some_and(|id| now.removed.contains(&id));
    old.names(&was.features).into_iter().filter(lost).filter(|name| !listed(name)).collect()
}

#[cfg(test)]
mod tests {
    use cpuid_probe::libvirt::read_cpus;

    use super::*;

    fn expand<'a>(map: &'a CpuMap, xml: &str) -> Result<Expanded<'a>, Unknown> {
        Expanded::new(&read_cpus(xml).expect("XML").remove(0), map)
    }

    fn names(map: &CpuMap, xml: &str) -> Vec<&'static str> {
        map.names(&expand(map, xml).expect("known").features())
    }

    #[test]
    fn policies_change_the_model() {
        let map = CpuMap::of(Knowledge::builtin());
        let penryn = names(&map, "<cpu><model>Penryn</model></cpu>");
        let changed = names(
            &map,
            "<cpu><model>Penryn</model><feature name='3dnowext' policy='force'/><feature name='vme'/>\
             <feature name='sse4.1' policy='disable'/><feature name='cx16' policy='forbid'/>\
             <feature name='ssse3' policy='optional'/><feature name='popcnt' policy='optional'/></cpu>",
        );
        let added: Vec<_> = changed.iter().filter(|n| !penryn.contains(n)).collect();
        let gone: Vec<_> = penryn.iter().filter(|n| !changed.contains(n)).collect();
        assert_eq!((added.len(), gone.len()), (2, 2), "{added:?} {gone:?}");
        assert!(changed.contains(&"3dnowext") && changed.contains(&"vme") && changed.contains(&"ssse3"));
        assert!(!changed.contains(&"popcnt"));
    }

    #[test]
    fn names_of_qemu_mean_the_same_bit() {
        let map = CpuMap::of(Knowledge::builtin());
        let with = |name: &str| names(&map, &format!("<cpu><model>486</model><feature name='{name}'/></cpu>"));
        assert_eq!(with("pclmulqdq"), with("pclmuldq"));
        assert_eq!(with("sse4_1"), with("sse4.1"));
    }

    #[test]
    fn passthrough_promises_what_it_lists() {
        let map = CpuMap::of(Knowledge::builtin());
        let plain = expand(&map, "<cpu mode='host-passthrough'/>").expect("known");
        assert!(!plain.promises_anything(&Features::new()) && plain.model.is_none());
        let listing = "<cpu mode='host-model'><model>Bogus</model><feature name='ds' policy='disable'/></cpu>";
        let listed = expand(&map, listing).expect("the model is not looked at");
        assert!(listed.promises_anything(&Features::new()) && listed.features().is_empty());
    }

    #[test]
    fn what_is_unknown_is_never_passed_over() {
        let map = CpuMap::of(Knowledge::builtin());
        let unknown = expand(&map, "<cpu><model>Haswel</model></cpu>").expect_err("no such model");
        assert_eq!((unknown.kind, unknown.near.contains(&"Haswell")), ("CPU model", true));
        let vendor = expand(&map, "<cpu><model>Haswell</model><vendor>Bogus</vendor></cpu>").expect_err("no vendor");
        assert_eq!(vendor.kind, "CPU vendor");
        let feature = expand(&map, "<cpu><model>Haswell</model><feature name='avx3'/></cpu>").expect("a finding");
        assert_eq!(feature.unknown.len(), 1);
    }

    #[test]
    fn a_model_does_not_promise_what_needs_a_disabled_feature() {
        let map = CpuMap::of(Knowledge::builtin());
        let wants = |listed: &str, name: &str| {
            let cpu = format!("<cpu><model>EPYC-Milan</model>{listed}</cpu>");
            let expanded = expand(&map, &cpu).expect("known");
            expanded.promise(map.feature(name).expect(name)).and_then(Promise::wants)
        };
        let without = "<feature name='svm' policy='disable'/>";
        for name in ["npt", "nrip-save", "svme-addr-chk"] {
            assert_eq!((wants("", name), wants(without, name)), (Some(true), None), "{name}");
            assert_eq!(wants(&format!("{without}<feature name='{name}'/>"), name), Some(true), "named: {name}");
        }
    }

    #[test]
    fn what_a_domain_tells_qemu_itself_counts() {
        let map = CpuMap::of(Knowledge::builtin());
        let domain = "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\
                      <cpu><model>Haswell</model></cpu><qemu:commandline><qemu:arg value='-cpu'/>\
                      <qemu:arg value='host,+ds,avx2=off,kvm=off'/></qemu:commandline></domain>";
        let expanded = expand(&map, domain).expect("known");
        let wants = |name| expanded.promise(map.feature(name).expect(name)).and_then(Promise::wants);
        assert_eq!((wants("ds"), wants("avx2"), wants("avx")), (Some(true), Some(false), Some(true)));
    }

    #[test]
    fn a_model_promises_nested_virtualization_only_with_vmx() {
        let map = CpuMap::of(Knowledge::builtin());
        let wants = |model: &str, listed: &str, name: &str| {
            let xml = format!("<cpu><model>{model}</model>{listed}</cpu>");
            let expanded = expand(&map, &xml).expect("known");
            expanded.promise(map.feature(name).expect(name)).and_then(Promise::wants)
        };
        for model in
            ["SapphireRapids-v2", "GraniteRapids", "Denverton", "Skylake-Server-v5", "YongFeng", "DiamondRapids"]
        {
            for name in ["vmx-ins-outs", "vmx-ept", "vmx-page-walk-4", "vmx-hlt-exit"] {
                for without in ["", "<feature name='vmx' policy='disable'/>", "<feature name='vmx' policy='optional'/>"]
                {
                    assert_eq!(wants(model, without, name), None, "{model} {name} {without}");
                }
                assert_eq!(wants(model, "<feature name='vmx'/>", name), Some(true), "{model} {name}");
                assert_eq!(
                    wants(model, &format!("<feature name='{name}'/>"), name),
                    Some(true),
                    "named: {model} {name}"
                );
                let off = format!("<feature name='{name}' policy='forbid'/>");
                assert_eq!(wants(model, &off, name), Some(false), "named: {model} {name}");
            }
        }
        assert_eq!(wants("SapphireRapids-v2", "", "rdctl-no"), Some(true));
        let off = "<feature name='arch-capabilities' policy='disable'/>";
        assert_eq!(wants("SapphireRapids-v2", off, "rdctl-no"), None);
        // libvirt's own comparison of definitions goes by the model's list.
        assert!(names(&map, "<cpu><model>Denverton</model></cpu>").contains(&"vmx-ept"));
    }

    #[test]
    fn only_an_old_libvirt_promised_mpx() {
        let map = CpuMap::of(Knowledge::builtin());
        let cpu = |features| {
            read_cpus(&format!("<cpu><model>Icelake-Server</model>{features}</cpu>")).expect("XML").remove(0)
        };
        assert_eq!(once_promised(&cpu(""), &map, Knowledge::builtin()), ["mpx"]);
        assert!(once_promised(&cpu("<feature name='mpx' policy='disable'/>"), &map, Knowledge::builtin()).is_empty());
        assert!(once_promised(&cpu(""), &CpuMap::libvirt_9_0(Knowledge::builtin()), Knowledge::builtin()).is_empty());
    }
}
