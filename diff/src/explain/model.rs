//! What a CPU model has, and what it needs that a dump lacks.

use crate::cpu_map::{CpuMap, FeatureId, qemu_differs};
use crate::knowledge::Knowledge;
use crate::read::levels;
use crate::view::{DumpView, Seen};

/// Sentences about a model; `None` where no map has one of this name.
pub(super) fn said(name: &str, view: Option<&DumpView<'_>>) -> Option<Vec<(&'static str, String)>> {
    let map = CpuMap::of(Knowledge::builtin());
    let model = map.models.iter().find(|m| m.name.eq_ignore_ascii_case(name.trim()))?;
    let mut said = vec![(
        "model",
        model.vendor.map_or_else(|| model.name.to_string(), |v| format!("{}, of {}", model.name, v.name)),
    )];
    let signatures: Vec<String> = model
        .signatures
        .iter()
        .map(|s| match s.steppings {
            (0, 15) => format!("family {} model {}", s.family, s.model),
            (lo, hi) => format!("family {} model {} stepping {lo}-{hi}", s.family, s.model),
        })
        .collect();
    if !signatures.is_empty() {
        said.push(("describes", signatures.join("; ")));
    }
    let old = CpuMap::libvirt_9_0(Knowledge::builtin()).model(model.name).is_ok();
    said.push((
        "since",
        if old { "libvirt 9.0, or before" } else { "after libvirt 9.0: an older libvirt does not know it" }.to_string(),
    ));
    let base = model.name.split("-v").next().unwrap_or(model.name);
    let versions: Vec<&str> = map
        .models
        .iter()
        .filter(|m| m.name.strip_prefix(base).is_some_and(|rest| rest.starts_with("-v")))
        .map(|m| m.name)
        .collect();
    if !versions.is_empty() {
        said.push(("versions", versions.join(" ")));
    }
    // As QEMU gives it: libvirt's list of some models lacks a bit of QEMU's.
    let beyond = map.features_named(&qemu_differs(model.name).0);
    let has = |name: &str| map.feature(name).is_some_and(|id| model.features.contains(&id) || beyond.contains(&id));
    let level = (1..=4).take_while(|level| levels::of(*level).all(has)).last();
    said.push(("level", level.map_or("below x86-64-v1".to_string(), |level| format!("x86-64-v{level}"))));
    let features = map.names(&model.features);
    said.push(("has", format!("{} features: {}", features.len(), features.join(" "))));
    if !model.removed.is_empty() {
        said.push((
            "lost",
            format!("libvirt 9.0 promised with it, and newer ones do not: {}", map.names(&model.removed).join(" ")),
        ));
    }
    if let Some(view) = view {
        said.extend(in_dump(&map, model.features.iter().copied(), view));
    }
    Some(said)
}

/// The level of x86-64 that a word names, what it needs, and what of that a dump lacks.
pub(super) fn level(word: &str, view: Option<&DumpView<'_>>) -> Option<Vec<(&'static str, String)>> {
    let level: usize = word.trim().strip_prefix("x86-64-v")?.parse().ok().filter(|level| (1..=4).contains(level))?;
    let map = CpuMap::of(Knowledge::builtin());
    let names: Vec<&str> = levels::of(level).collect();
    let mut said =
        vec![("level", format!("x86-64-v{level}: a level of the x86-64 psABI, for which programs are built"))];
    said.push(("has", format!("{} features: {}", names.len(), names.join(" "))));
    if let Some(view) = view {
        said.extend(in_dump(&map, names.iter().filter_map(|name| map.feature(name)), view));
    }
    Some(said)
}

fn in_dump(map: &CpuMap, ids: impl Iterator<Item = FeatureId>, view: &DumpView<'_>) -> Vec<(&'static str, String)> {
    let (mut lacks, mut unknown) = (Vec::new(), Vec::new());
    for feature in ids.filter_map(|id| map.features.get(id)) {
        let seen: Vec<Seen> = view.vcpus.iter().map(|v| v.feature(feature.place)).collect();
        if seen.iter().any(|s| s.is_clear()) {
            lacks.push(feature.name);
        } else if seen.iter().any(|s| matches!(s, Seen::NotCaptured(_))) {
            unknown.push(feature.name);
        }
    }
    let mut said =
        vec![("lacks", if lacks.is_empty() { "nothing that is known".to_string() } else { lacks.join(" ") })];
    if !unknown.is_empty() {
        said.push(("unknown", unknown.join(" ")));
    }
    said
}
