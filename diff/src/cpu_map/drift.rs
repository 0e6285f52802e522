//! Where two CPU maps disagree: ours and a newer or older libvirt's.

use super::{CpuMap, Model};

/// One line for each thing that is not the same in both, in the order of the maps. Names that are in one map alone are
/// listed too.
#[must_use]
pub fn drift(ours: &CpuMap, theirs: &CpuMap) -> Vec<String> {
    let mut out = Vec::new();
    for vendor in &theirs.vendors {
        match ours.vendor(vendor.name) {
            Ok(known) if known == *vendor => {}
            Ok(known) => out.push(format!("vendor {}: ours says {}, theirs {}", vendor.name, known.text, vendor.text)),
            Err(_) => out.push(format!("vendor {}: only theirs", vendor.name)),
        }
    }
    for feature in &theirs.features {
        // Look up by libvirt's own name alone.
        let Some(known) = ours.features.iter().find(|f| f.name == feature.name) else {
            out.push(format!("feature {}: only theirs, {}", feature.name, feature.place.prose()));
            continue;
        };
        if known.place != feature.place {
            let (ours, theirs) = (known.place.prose(), feature.place.prose());
            out.push(format!("feature {}: ours is {ours}, theirs {theirs}", feature.name));
        }
        if known.migratable != feature.migratable {
            out.push(format!("feature {}: migratable only {}", feature.name, side(known.migratable)));
        }
        for name in feature.also.iter().filter(|name| ours.feature(name) != ours.feature(feature.name)) {
            out.push(format!("feature {}: alias {name} only theirs", feature.name));
        }
    }
    for feature in ours.features.iter().filter(|f| !theirs.features.iter().any(|t| t.name == f.name)) {
        out.push(format!("feature {}: only ours", feature.name));
    }
    for model in &theirs.models {
        match ours.model(model.name) {
            Ok(known) => model_drift(ours, known, theirs, model, &mut out),
            Err(_) => out.push(format!("model {}: only theirs", model.name)),
        }
    }
    for model in ours.models.iter().filter(|m| theirs.model(m.name).is_err()) {
        out.push(format!("model {}: only ours", model.name));
    }
    let order = |map: &CpuMap, other: &CpuMap| -> Vec<&str> {
        map.models.iter().map(|m| m.name).filter(|name| other.model(name).is_ok()).collect()
    };
    if order(ours, theirs) != order(theirs, ours) {
        out.push("models: in another order".to_string());
    }
    out
}

const fn side(ours: bool) -> &'static str {
    if ours { "ours" } else { "theirs" }
}

fn model_drift(ours: &CpuMap, known: &Model, theirs: &CpuMap, model: &Model, out: &mut Vec<String>) {
    let mut say = |what: &str| out.push(format!("model {}: {what}", model.name));
    if known.vendor != model.vendor {
        say("another vendor");
    }
    if (known.decode_host, known.decode_guest) != (model.decode_host, model.decode_guest) {
        say("decoded for other CPUs");
    }
    if known.signatures != model.signatures {
        say("other signatures");
    }
    let lists =
        |m: &Model| [("features", m.features.clone()), ("removed", m.removed.clone()), ("added", m.added.clone())];
    for ((list, a), (_, b)) in lists(known).into_iter().zip(lists(model)) {
        let (a, b) = (ours.names(&a), theirs.names(&b));
        for (from, to, side) in [(&a, &b, "ours"), (&b, &a, "theirs")] {
            let only: Vec<&str> = from.iter().copied().filter(|name| !to.contains(name)).collect();
            if !only.is_empty() {
                say(&format!("{list} only {side}: {}", only.join(" ")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Knowledge;

    #[test]
    fn a_map_agrees_with_itself_and_two_versions_do_not() {
        let knowledge = Knowledge::builtin();
        let (newest, old) = (CpuMap::of(knowledge), CpuMap::libvirt_9_0(knowledge));
        assert!(drift(&newest, &newest).is_empty());
        let lines = drift(&newest, &old);
        assert!(lines.contains(&"model Icelake-Server: features only theirs: mpx".to_string()), "{lines:?}");
        assert!(lines.contains(&"feature amx-fp16: only ours".to_string()));
        assert!(!lines.iter().any(|l| l.contains("order")));
    }
}
