//! Answers of QEMU's monitor: `qom-get … feature-words` (single registers, so the bits are statements, not register
//! sets) and `query-cpu-model-expansion` (features by QEMU's names).
//!
//! ```json
//! {"return": [{"cpuid-register": "EDX", "cpuid-input-eax": 1, "features": 126614521}]}
//! {"return": {"model": {"name": "base", "props": {"avx2": true, "family": 6}}}}
//! ```
//! Other answers, greetings and events around them are skipped. Source: QEMU qapi/machine-target.json,
//! target/i386/cpu.c `x86_cpu_get_feature_words`.

use cpuid_probe::{Place, Register};
use serde_json::{Deserializer, Map, Value};

use super::{Input, NamesOf, Read, ReadError, Reader, Statements, json};

pub(super) const READER: Reader = Reader {
    name: "qmp",
    about: "QEMU monitor answers: feature-words, query-cpu-model-expansion",
    recognise,
    read: Read::One(read),
};

fn recognise(text: &str) -> bool {
    let has = |key| text.contains(key);
    text.trim_start().starts_with(['{', '['])
        && (has("\"cpuid-register\"") || has("\"model\"") && has("\"props\"") || has("\"error\"") && has("\"desc\""))
}

fn read(text: &str) -> Result<Input, ReadError> {
    let mut found: Option<Statements> = None;
    let mut refused = None;
    for document in Deserializer::from_str(text).into_iter::<Value>() {
        let mut document = document.map_err(|e| json::error(&e))?;
        if let Some(error) = document.pointer("/error/desc").and_then(Value::as_str) {
            refused = Some(error.to_string());
        }
        let answer = document.get_mut("return").map(Value::take).unwrap_or(document);
        let statements = match &answer {
            Value::Array(words) if words.iter().any(|w| w.get("cpuid-register").is_some()) => feature_words(words)?,
            _ => match answer.pointer("/model/props").and_then(Value::as_object) {
                Some(props) => model(props),
                None => continue,
            },
        };
        if let Some(first) = found.replace(statements) {
            return Err(ReadError::whole(format!("answers about more than one CPU, each {}", first.instead())));
        }
    }
    match (found, refused) {
        (Some(statements), _) => Ok(Input::Statements(statements)),
        (None, Some(error)) => Err(ReadError::whole(format!("QEMU answered with an error: {error}"))),
        (None, None) => Err(ReadError::whole("no `feature-words` and no `model` with `props` in these answers")),
    }
}

/// The features among a model's properties; the others are numbers and texts.
fn model(props: &Map<String, Value>) -> Statements {
    let features = props.iter().filter_map(|(name, value)| Some((name.clone(), value.as_bool()?))).collect();
    Statements { names: NamesOf::Qemu, features, format: READER.name }
}

/// 32 statements for each feature word.
fn feature_words(words: &[Value]) -> Result<Statements, ReadError> {
    let mut features = Vec::new();
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
        let place = |bit| Place::bit(leaf, subleaf.unwrap_or(0), register, bit);
        features.extend((0..32).map(|bit| (place(bit).id().to_string(), bits >> bit & 1 == 1)));
    }
    Ok(Statements { names: NamesOf::Places, features, format: READER.name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(text: &str) -> Statements {
        assert!(recognise(text));
        match read(text) {
            Ok(Input::Statements(statements)) => statements,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn feature_words_state_bits() {
        let s = statements(
            r#"{"return": [{"cpuid-register": "EBX", "cpuid-input-eax": 7, "cpuid-input-ecx": 0, "features": 32}]}"#,
        );
        assert_eq!(s.features.len(), 32);
        assert_eq!(s.features[5], ("0x00000007.0x00000000:ebx:5".to_string(), true));
        assert!(!s.features[6].1);
    }

    #[test]
    fn a_model_states_its_boolean_properties() {
        let text = "{\"QMP\": {}}\n{\"return\": {}}\n\
                    {\"return\": {\"model\": {\"name\": \"base\", \"props\": {\"avx2\": true, \"pku\": false, \"family\": 6}}}}\n";
        assert_eq!(statements(text).features, [("avx2".to_string(), true), ("pku".to_string(), false)]);
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
                "answers about more than one CPU, each an answer from QEMU",
            ),
            (r#"[{"cpuid-register": "EXX", "cpuid-input-eax": 7, "features": 1}]"#, "entry 1"),
        ] {
            assert!(recognise(text));
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(what), "{error}");
        }
    }
}
