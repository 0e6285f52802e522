//! libvirt's own CPU test cases, as far as they are at hand: recorded CPUID with what libvirt derives from it.
//!
//! The rules A to H are those that hold for every such case, whatever the libvirt version.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::cpudata::CpuData;
use cpuid_diff::cpu_map::{CpuMap, Features, Signature, Vendor};
use cpuid_diff::knowledge::Knowledge;
use cpuid_diff::pool::decode::{Decoded, Hints, Purpose, decode, without_broken_tsx};
use cpuid_diff::view::promise::Expanded;
use cpuid_probe::libvirt::cpu::{Cpu, Fallback, Form, Policy};
use cpuid_probe::libvirt::read_cpus;
use serde_json::Value;

/// A case: the files whose names begin with `x86_64-cpuid-NAME`, by what follows.
struct Case {
    name: String,
    files: BTreeMap<String, String>,
}

impl Case {
    fn all() -> Vec<Self> {
        let Some(dir) = crate::support::shared("corpus/libvirt") else { return Vec::new() };
        let names: Vec<String> = list(&dir, "x86_64-cpuid-");
        let dumps = names.iter().filter(|n| names.contains(&format!("{n}-host")));
        dumps
            .map(|name| {
                let suffixes = ["", "-host", "-guest", "-json", "-enabled", "-disabled"];
                let xml = suffixes.map(|suffix| (suffix, format!("x86_64-cpuid-{name}{suffix}.xml")));
                let json = [(".json", format!("x86_64-cpuid-{name}.json"))];
                let read =
                    |(key, file): (&str, String)| Some((key.to_string(), fs::read_to_string(dir.join(file)).ok()?));
                Self { name: name.clone(), files: xml.into_iter().chain(json).filter_map(read).collect() }
            })
            .collect()
    }

    fn data(&self, suffix: &str) -> Option<CpuData> {
        Some(CpuData::parse(self.files.get(suffix)?))
    }

    fn cpu(&self, suffix: &str) -> Option<Cpu> {
        self.files.get(suffix).map(|text| only_cpu(text))
    }

    fn dump(&self) -> CpuData {
        self.data("").unwrap_or_else(|| panic!("{}: no dump", self.name))
    }

    fn vendor(&self, map: &CpuMap) -> Option<Vendor> {
        let text = self.dump().vendor();
        map.vendors.iter().copied().find(|v| v.text == text)
    }

    fn signature(&self) -> Signature {
        Signature::of(self.dump().word(1, 0)[0])
    }
}

/// The XML files of a directory that begin with `prefix`, without it and the ending.
fn list(dir: &Path, prefix: &str) -> Vec<String> {
    let names = fs::read_dir(dir).expect("readable").filter_map(|e| e.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter_map(|n| Some(n.strip_prefix(prefix)?.strip_suffix(".xml")?.to_string())).collect();
    names.sort();
    names
}

fn only_cpu(text: &str) -> Cpu {
    let mut cpus = read_cpus(text).expect("libvirt's own XML");
    assert_eq!(cpus.len(), 1);
    cpus.remove(0)
}

fn features(map: &CpuMap, cpu: &Cpu) -> Features {
    let expanded = Expanded::new(cpu, map).expect("libvirt's own model");
    assert!(expanded.unknown.is_empty(), "{:?}", expanded.unknown);
    expanded.features()
}

fn minus(a: &Features, b: &Features) -> Features {
    a.difference(b).copied().collect()
}

/// Asserts that two sets are equal, naming what is not.
fn assert_same(map: &CpuMap, what: &str, a: &Features, b: &Features) {
    let (only_a, only_b) = (map.names(&minus(a, b)), map.names(&minus(b, a)));
    assert!(only_a.is_empty() && only_b.is_empty(), "{what}: only left {only_a:?}, only right {only_b:?}");
}

/// hle and rtm where rule 2.2 takes them out of this case's dump.
fn tsx(map: &CpuMap, case: &Case, dump: &Features) -> Features {
    minus(dump, &without_broken_tsx(map, dump.clone(), case.vendor(map), Some(case.signature())))
}

/// QEMU's unavailable features of `model`, from the case's `query-cpu-definitions`.
fn blockers(map: &CpuMap, case: &Case, model: &str) -> Option<Features> {
    let json = case.files.get(".json")?;
    let mut blockers = Features::new();
    for value in json_values(json) {
        let Some(definitions) = value["return"].as_array() else { continue };
        for definition in definitions.iter().filter(|d| d["name"] == model) {
            let names = definition["unavailable-features"].as_array().into_iter().flatten();
            blockers.extend(names.filter_map(|n| map.feature(n.as_str()?)));
        }
    }
    Some(blockers)
}

/// Which models QEMU knew, if the case says so.
fn known_models(case: &Case) -> Option<Vec<String>> {
    let values = json_values(case.files.get(".json")?);
    let definitions = values.iter().find_map(|v| v["return"].as_array())?;
    Some(definitions.iter().filter_map(|d| Some(d["name"].as_str()?.to_string())).collect())
}

fn json_values(text: &str) -> Vec<Value> {
    serde_json::Deserializer::from_str(text).into_iter().collect::<Result<_, _>>().expect("JSON")
}

#[test]
fn rules_a_and_b_what_libvirt_derives_is_in_the_dump() {
    let map = CpuMap::libvirt_9_0(Knowledge::builtin());
    for case in Case::all() {
        let dump = case.dump().features(&map);
        let tsx = tsx(&map, &case, &dump);
        let host = features(&map, &case.cpu("-host").expect("filtered"));
        assert_same(&map, &format!("A {}", case.name), &host, &minus(&dump, &tsx));
        let Some(guest) = case.cpu("-guest") else { continue };
        let promised = features(&map, &guest);
        assert_same(&map, &format!("B {}: missing", case.name), &minus(&promised, &dump), &Features::new());
        let disabled = guest.features.iter().filter(|f| f.policy == Policy::Disable);
        let allowed: Features = disabled.filter_map(|f| map.feature(&f.name)).chain(tsx).collect();
        let extra = minus(&minus(&dump, &promised), &allowed);
        assert_same(&map, &format!("B {}: extra", case.name), &extra, &Features::new());
    }
}

#[test]
fn rule_b_holds_with_the_newest_map_too() {
    let map = CpuMap::of(Knowledge::builtin());
    for case in Case::all() {
        let dump = case.dump().features(&map);
        let Some(guest) = case.cpu("-guest") else { continue };
        assert_same(&map, &case.name, &minus(&features(&map, &guest), &dump), &Features::new());
    }
}

#[test]
fn rule_c_a_guest_lacks_only_the_blockers_of_its_model() {
    let map = CpuMap::libvirt_9_0(Knowledge::builtin());
    for case in Case::all() {
        let Some(guest) = case.cpu("-guest") else { continue };
        let model = guest.model.as_deref().expect("a custom guest has a model");
        let Some(blockers) = blockers(&map, &case, model) else { continue };
        let dump = case.dump().features(&map);
        let tsx = tsx(&map, &case, &dump);
        let model = map.model(model).expect("known");
        // A feature that the model does not have is listed as required, whatever QEMU lacks for the model.
        let blockers: Features = blockers.intersection(&model.features).copied().collect();
        assert_same(&map, &case.name, &features(&map, &guest), &minus(&minus(&dump, &tsx), &blockers));
    }
}

#[test]
fn rules_d_e_and_f_of_what_qemu_enabled() {
    let map = CpuMap::libvirt_9_0(Knowledge::builtin());
    for case in Case::all() {
        let (Some(json), Some(enabled)) = (case.cpu("-json"), case.data("-enabled")) else { continue };
        let enabled = enabled.features(&map);
        assert_same(&map, &format!("D {}", case.name), &features(&map, &json), &enabled);
        let Some(disabled) = case.data("-disabled") else { continue };
        let (disabled, dump) = (disabled.features(&map), case.dump().features(&map));
        assert_same(&map, &format!("E {}", case.name), &disabled, &minus(&dump, &enabled));
        assert!(disabled.is_disjoint(&enabled), "F {}", case.name);
    }
}

/// Checks that we would describe `cpu`'s features with the same model and changes as libvirt did.
fn assert_decodes(map: &CpuMap, what: &str, cpu: &Cpu, features: &Features, purpose: Purpose, hints: Hints<'_>) {
    let decoded: Decoded<'_> = decode(map, features, purpose, hints).expect("a model");
    assert_eq!(Some(decoded.model.name), cpu.model.as_deref(), "{what}: model");
    let listed = |policy| -> Features {
        let names = cpu.features.iter().filter(|f| f.policy == policy);
        names.filter_map(|f| map.feature(&f.name)).collect()
    };
    assert_same(map, &format!("{what}: require"), &decoded.require, &listed(Policy::Require));
    assert_same(map, &format!("{what}: disable"), &decoded.disable, &listed(Policy::Disable));
}

#[test]
fn a_host_is_decoded_to_libvirts_own_model() {
    let map = CpuMap::libvirt_9_0(Knowledge::builtin());
    for case in Case::all() {
        let cpu = case.cpu("-host").expect("filtered");
        let (vendor, signature) = (case.vendor(&map), Some(case.signature()));
        let features = without_broken_tsx(&map, case.dump().features(&map), vendor, signature);
        let hints = Hints { vendor, signature, ..Hints::default() };
        assert_decodes(&map, &case.name, &cpu, &features, Purpose::Host, hints);
        assert_eq!(cpu.form, Form::Host);
    }
}

#[test]
fn a_guest_is_decoded_to_libvirts_own_model() {
    let map = CpuMap::libvirt_9_0(Knowledge::builtin());
    for case in Case::all() {
        let (vendor, signature) = (case.vendor(&map), Some(case.signature()));
        let hints = Hints { vendor, signature, ..Hints::default() };
        let models = known_models(&case);
        let mut allowed = map.clone();
        allowed.models.retain(|m| models.as_ref().is_none_or(|known| known.iter().any(|k| k == m.name)));
        if let Some(cpu) = case.cpu("-json") {
            let enabled = case.data("-enabled").expect("goes with it").features(&map);
            let enabled = without_broken_tsx(&map, enabled, vendor, signature);
            assert_decodes(&allowed, &format!("{} json", case.name), &cpu, &enabled, Purpose::Guest, hints);
        }
    }
}

#[test]
fn baselines_are_decoded_to_libvirts_own_model() {
    let map = CpuMap::libvirt_9_0(Knowledge::builtin());
    for folder in ["corpus/libvirt", "corpus/libvirt-compare"] {
        let Some(dir) = crate::support::shared(folder) else { return };
        for name in list(&dir, "x86_64-").into_iter().filter(|n| n.contains("baseline-")) {
            let text = fs::read_to_string(dir.join(format!("x86_64-{name}.xml"))).expect("readable");
            if text.contains("<cpuTest") {
                continue;
            }
            let cpu = only_cpu(&text);
            let vendor = cpu.vendor.as_deref().map(|v| map.vendor(v).expect("known"));
            // The inputs' models are preferred; the file is named after them.
            let inputs = name.split_once("baseline-").map_or("", |(_, inputs)| inputs);
            let words = |part: &str, model: &str| part.split('-').all(|word| model.split('-').any(|w| w == word));
            let models = |part: &str| map.models.iter().map(|m| m.name).filter(|m| words(part, m)).collect::<Vec<_>>();
            let mut preferred: Vec<&str> = inputs.split('+').flat_map(models).collect();
            if cpu.fallback == Fallback::Forbid {
                // All inputs had the same model.
                preferred = cpu.model.as_deref().into_iter().collect();
            }
            let hints = Hints { vendor, preferred: &preferred, signature: None };
            assert_decodes(&map, &name, &cpu, &features(&map, &cpu), Purpose::Guest, hints);
        }
    }
}

#[test]
fn there_are_cases_where_the_reference_material_is() {
    if crate::support::shared("corpus/libvirt").is_some() {
        assert!(Case::all().len() >= 8);
    }
}
