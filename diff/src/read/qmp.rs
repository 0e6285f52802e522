//! Answers of QEMU's monitor: `qom-get … feature-words` and `filtered-features` (bits by register),
//! `query-cpu-model-expansion` (features by QEMU's names) and `query-cpu-definitions` (which features each model lacks).
//!
//! ```json
//! {"return": [{"cpuid-register": "EDX", "cpuid-input-eax": 1, "features": 126614521}]}
//! {"return": {"model": {"name": "base", "props": {"avx2": true, "family": 6}}}}
//! {"return": [{"name": "EPYC", "unavailable-features": ["avx2"]}]}
//! ```
//! Other answers, greetings and events around them are skipped. Source: QEMU qapi/machine-target.json,
//! target/i386/cpu.c `x86_cpu_get_feature_words`, `x86_cpu_filter_features`, `x86_cpu_class_check_missing_features`.

use std::collections::BTreeSet;

use cpuid_probe::dump::Whose;
use cpuid_probe::hypervisor::base_of;
use cpuid_probe::{Place, Register};
use serde_json::{Deserializer, Map, Value};

use super::said::{Said, places};
use super::{Input, Read, ReadError, Reader, json};
use crate::cpu_map::{CpuMap, qemu_differs};
use crate::knowledge::Namespace;

pub(super) const READER: Reader = Reader {
    name: "qmp",
    about: "QEMU monitor answers: feature-words, query-cpu-model-expansion, query-cpu-definitions",
    recognise,
    read: Read::One(read),
};

fn recognise(text: &str) -> bool {
    let has = |key| text.contains(key);
    text.trim_start().starts_with(['{', '['])
        && (has("\"cpuid-register\"")
            || has("\"model\"") && has("\"props\"")
            || has("\"unavailable-features\"")
            || has("\"error\"") && has("\"desc\""))
}

/// What the request before an answer asks for, where the text has it.
#[derive(Debug, Default)]
struct Asked {
    property: Option<String>,
    model: Option<String>,
}

fn read(text: &str) -> Result<Input, ReadError> {
    let mut said = Said::new(READER.name);
    let (mut cpus, mut anything) = (0, false);
    let mut definitions: Vec<Value> = Vec::new();
    let mut refused = None;
    let mut asked = Asked::default();
    for document in Deserializer::from_str(text).into_iter::<Value>() {
        let mut document = document.map_err(|e| json::error(&e))?;
        if let Some(error) = document.pointer("/error/desc").and_then(Value::as_str) {
            refused = Some(error.to_string());
        }
        if document.get("execute").is_some() {
            let text = |at: &str| document.pointer(at).and_then(Value::as_str).map(str::to_string);
            asked = Asked { property: text("/arguments/property"), model: text("/arguments/model/name") };
            continue;
        }
        let answer = document.get_mut("return").map(Value::take).unwrap_or(document);
        match &answer {
            Value::Array(words) if words.iter().any(|w| w.get("cpuid-register").is_some()) => {
                let filtered = asked.property.as_deref() == Some("filtered-features");
                cpus += usize::from(!filtered);
                feature_words(&mut said, words, filtered)?;
            }
            Value::Array(models) if models.iter().any(|m| m.get("unavailable-features").is_some()) => {
                if !definitions.is_empty() && definitions != *models {
                    return Err(ReadError::whole(
                        "answers about the models of more than one host; keep one host a file",
                    ));
                }
                definitions.clone_from(models);
            }
            _ => match answer.pointer("/model/props").and_then(Value::as_object) {
                Some(props) => {
                    cpus += 1;
                    let name = answer.pointer("/model/name").and_then(Value::as_str).unwrap_or_default();
                    expansion(&mut said, name, asked.model.as_deref(), props)?;
                }
                None => continue,
            },
        }
        anything = true;
        if cpus > 1 {
            return Err(ReadError::whole("answers about more than one CPU; keep one CPU a file"));
        }
        asked = Asked::default();
    }
    if cpus == 0 && !definitions.is_empty() {
        models(&mut said, &definitions)?;
    }
    match refused {
        _ if anything => Ok(Input::Dump(Box::new(said.finish()))),
        Some(error) => Err(ReadError::whole(format!("QEMU answered with an error: {error}"))),
        None => Err(ReadError::whole("no `feature-words` and no `model` with `props` in these answers")),
    }
}

const WORLDS: [Namespace; 2] = [Namespace::Qemu, Namespace::Libvirt];

/// The properties of a model: features, and numbers of its identity.
fn expansion(said: &mut Said, name: &str, asked: Option<&str>, props: &Map<String, Value>) -> Result<(), ReadError> {
    // Properties that are no features are no names that a row should know.
    let is_feature = |name: &str| !places(name, &WORLDS).is_empty();
    for (name, value) in props {
        if let Some(on) = value.as_bool().filter(|_| is_feature(name)) {
            said.feature(1, name, on, &WORLDS)?;
        }
    }
    let number = |name: &str| props.get(name).and_then(Value::as_u64);
    if number("family").is_some_and(|family| family > 0) {
        said.signature(1, number("family"), number("model"), number("stepping"))?;
    }
    said.widths(1, number("phys-bits"), None)?;
    if let Some(vendor) = props.get("vendor").and_then(Value::as_str) {
        said.vendor(1, vendor)?;
    }
    said.of = Some(match asked.unwrap_or(name) {
        "host" | "max" => Whose::Offer,
        "base" => Whose::Unclear,
        _ => Whose::Promise,
    });
    said.cpu = props.get("model-id").and_then(Value::as_str).map(str::to_string).or_else(|| Some(name.to_string()));
    said.limit("properties of QEMU's: what it has no property for is unknown");
    Ok(())
}

/// Which features each of QEMU's models could not have on this host: a host has what a model has and does not miss.
fn models(said: &mut Said, definitions: &[Value]) -> Result<(), ReadError> {
    let map = CpuMap::newest();
    let lacks = |model: &Value| -> Vec<String> {
        let list = model.get("unavailable-features").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_string())).collect()
    };
    let missing: BTreeSet<String> = definitions.iter().flat_map(lacks).collect();
    let missing: BTreeSet<Place> =
        missing.iter().filter_map(|name| Some(map.features.get(map.feature(name)?)?.place)).collect();
    for place in &missing {
        said.state(1, *place, 0)?;
    }
    for model in definitions.iter().filter(|model| model.get("unavailable-features").is_some()) {
        let Some(name) = model.get("name").and_then(Value::as_str) else { continue };
        let Ok(known) = map.model(name) else { continue };
        let (_, not_qemus) = qemu_differs(name);
        let not_qemus = map.features_named(&not_qemus);
        for id in known.features.difference(&not_qemus) {
            let Some(feature) = map.features.get(*id).filter(|f| f.qemu.is_some() && !missing.contains(&f.place))
            else {
                continue;
            };
            said.state(1, feature.place, 1)?;
        }
    }
    said.of = Some(Whose::Offer);
    said.limit("what QEMU's models have and miss on this host: what no model has is unknown");
    Ok(())
}

/// The bits of each feature word; of `filtered-features`, those that the guest asked for and did not get.
fn feature_words(said: &mut Said, words: &[Value], filtered: bool) -> Result<(), ReadError> {
    for (entry, word) in (1..).zip(words) {
        let number = |key: &str| word.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
        let register = word.get("cpuid-register").and_then(Value::as_str).and_then(Register::from_name);
        let subleaf = number("cpuid-input-ecx");
        let (Some(leaf), Some(bits), Some(register)) = (number("cpuid-input-eax"), number("features"), register) else {
            let message = format!(
                "entry {entry} of feature-words: expected cpuid-input-eax, cpuid-register and features, numbers of 32 bits"
            );
            return Err(ReadError::whole(message));
        };
        let subleaf = subleaf.unwrap_or(0);
        // A hypervisor's block is at a base that the words do not tell.
        if base_of(leaf).is_some() {
            continue;
        }
        if !filtered {
            said.state(1, Place::cpuid(leaf, subleaf, register, 31, 0), bits.into())?;
            continue;
        }
        for bit in (0..32).filter(|bit| bits >> bit & 1 == 1) {
            said.state(1, Place::bit(leaf, subleaf, register, bit), 0)?;
        }
    }
    said.of = Some(Whose::Guest);
    said.limit("registers of features that QEMU knows: other registers are unknown");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::Knowledge;
    use crate::view::{DumpView, Role, Seen};

    fn dump(text: &str) -> cpuid_probe::dump::Dump {
        assert!(recognise(text));
        match read(text) {
            Ok(Input::Dump(dump)) => *dump,
            other => panic!("{other:?}"),
        }
    }

    fn seen(text: &str, name: &str) -> Seen {
        let dump = dump(text);
        let view = DumpView::of(&dump);
        view.vcpus[0].see(Knowledge::builtin().by_name(name)[0].place)
    }

    fn role(text: &str) -> Role {
        Role::of(&DumpView::of(&dump(text)))
    }

    #[test]
    fn feature_words_state_bits() {
        let text =
            r#"{"return": [{"cpuid-register": "EBX", "cpuid-input-eax": 7, "cpuid-input-ecx": 0, "features": 32}]}"#;
        assert_eq!([seen(text, "avx2"), seen(text, "smep")], [Seen::Value(1), Seen::Value(0)]);
        assert!(matches!(seen(text, "aes"), Seen::NotCaptured(_)));
        assert_eq!(role(text), Role::Guest);
        let filtered = format!(r#"{{"execute": "qom-get", "arguments": {{"property": "filtered-features"}}}}{text}"#);
        assert_eq!(seen(&filtered, "avx2"), Seen::Value(0), "asked for, and not given");
        assert!(matches!(seen(&filtered, "smep"), Seen::NotCaptured(_)));
    }

    #[test]
    fn a_model_states_its_boolean_properties() {
        let of = |name: &str| {
            format!(
                "{{\"QMP\": {{}}}}\n{{\"return\": {{}}}}\n{{\"return\": {{\"model\": {{\"name\": \"{name}\", \"props\": \
                 {{\"avx2\": true, \"pku\": false, \"family\": 6, \"kvm\": true}}}}}}}}\n"
            )
        };
        let text = of("base");
        assert_eq!([seen(&text, "avx2"), seen(&text, "pku")], [Seen::Value(1), Seen::Value(0)]);
        assert_eq!(
            ["base", "host", "max", "EPYC"].map(|name| role(&of(name))),
            [Role::Unknown, Role::Offer, Role::Offer, Role::Promise]
        );
        let asked = format!(
            r#"{{"execute": "query-cpu-model-expansion", "arguments": {{"model": {{"name": "host"}}}}}}{text}"#
        );
        assert_eq!(role(&asked), Role::Offer);
    }

    #[test]
    fn definitions_say_what_a_host_has_and_lacks() {
        let text = r#"{"return": [{"name": "Haswell", "unavailable-features": ["hle", "rtm"]}, {"name": "max"}]}"#;
        assert_eq!([seen(text, "rtm"), seen(text, "avx2")], [Seen::Value(0), Seen::Value(1)]);
        assert!(matches!(seen(text, "avx512f"), Seen::NotCaptured(_)));
        assert_eq!(role(text), Role::Offer);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for (text, what) in [
            ("{\"return\": {\"model\": {\"props\": {\"a\": true}}}", "1:"),
            ("{\"model\": 1, \"props\": 2, \"error\": {\"desc\": \"no KVM\"}}", "QEMU answered with an error: no KVM"),
            (
                "{\"QMP\": {}}\n{\"error\": {\"class\": \"GenericError\", \"desc\": \"no KVM\"}}",
                "QEMU answered with an error",
            ),
            ("{\"model\": 1, \"props\": 2}", "no `feature-words`"),
            (
                "{\"return\": {\"model\": {\"props\": {\"a\": true}}}}\n{\"return\": {\"model\": {\"props\": {}}}}",
                "answers about more than one CPU",
            ),
            (r#"[{"cpuid-register": "EXX", "cpuid-input-eax": 7, "features": 1}]"#, "entry 1"),
        ] {
            assert!(recognise(text));
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(what), "{error}");
        }
    }
}
