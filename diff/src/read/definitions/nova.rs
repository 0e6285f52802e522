//! OpenStack Nova: the CPU settings of nova.conf, and the `cpu_info` of its hypervisors.
//!
//! # Source
//! nova nova/conf/libvirt.py (`cpu_mode`, `cpu_models`, `cpu_model_extra_flags`), nova/virt/libvirt/driver.py
//! (`_get_cpu_info`: what `virsh capabilities` says).

use std::collections::BTreeMap;

use cpuid_probe::libvirt::cpu::{Cpu, Form, Mode, Policy};
use serde_json::Value;

use super::super::line::lines;
use super::super::{Input, Read, ReadError, Reader, json, shorten};
use super::{libvirt_name, list, position};

pub(in crate::read) const READER: Reader = Reader {
    name: "nova",
    about: "Nova: cpu_models and cpu_model_extra_flags of nova.conf, or a hypervisor's cpu_info",
    recognise,
    read: Read::One(read),
};

const KEYS: [&str; 4] = ["cpu_mode", "cpu_models", "cpu_model", "cpu_model_extra_flags"];

fn setting(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=').or_else(|| line.split_once(':'))?;
    let key = key.trim().trim_start_matches("nova_");
    KEYS.contains(&key).then(|| (key, value.trim().trim_matches(['"', '\''])))
}

/// The object of `cpu_info`, which may be a string of JSON within JSON.
fn cpu_info(text: &str) -> Option<Value> {
    fn find(value: Value) -> Option<Value> {
        let is_info = |v: &Value| v.get("arch").is_some() && v.get("model").is_some() && v.get("features").is_some();
        match value {
            Value::Object(_) if is_info(&value) => Some(value),
            Value::Object(map) => {
                map.into_iter().find(|(key, _)| key.contains("cpu_info")).and_then(|(_, inner)| find(inner))
            }
            Value::String(text) if text.trim_start().starts_with('{') => find(serde_json::from_str(&text).ok()?),
            _ => None,
        }
    }
    find(serde_json::from_str(text).ok()?)
}

fn recognise(text: &str) -> bool {
    let start = text.trim_start();
    if start.starts_with('{') || start.starts_with("\"{") {
        return text.contains("features") && text.contains("arch") && cpu_info(text).is_some();
    }
    text.contains("cpu_mode") && lines(text).any(|(_, line)| setting(line).is_some())
}

fn read(text: &str) -> Result<Input, ReadError> {
    if let Some(info) = cpu_info(text) {
        return host(&info).map(|cpu| Input::Cpus(vec![cpu]));
    }
    if text.trim_start().starts_with('{') {
        return Err(serde_json::from_str::<Value>(text)
            .map_err(|e| json::error(&e))
            .err()
            .unwrap_or_else(|| ReadError::whole("no cpu_info with arch, model and features")));
    }
    let (mut mode, mut models, mut flags) = (None, Vec::new(), Vec::new());
    let mut before: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for (number, line) in lines(text).filter(|(_, line)| !line.starts_with(['#', ';'])) {
        let found = setting(line);
        if let Some((key, value)) = found
            && let Some((first, known)) = before.insert(key, (number, value))
        {
            if known == value {
                continue;
            }
            let message =
                format!("{key} is set again, and not alike, first in line {first}; keep one configuration a file");
            return Err(ReadError::another(number, message));
        }
        match found {
            Some(("cpu_mode", value)) => mode = Some((number, value)),
            Some(("cpu_model_extra_flags", value)) => {
                flags.extend(value.split(',').map(|flag| (number, flag.trim())).filter(|(_, flag)| !flag.is_empty()));
            }
            Some((_, value)) => models.extend(value.split(',').map(|model| (number, model.trim()))),
            None => {}
        }
    }
    models.retain(|(_, model)| !model.is_empty());
    let empty = |line: usize| Cpu { form: Form::Guest, model_at: position(line), ..Cpu::empty(position(line)) };
    let mut cpus: Vec<Cpu> = match mode {
        Some((line, "host-passthrough")) => vec![Cpu { mode: Mode::HostPassthrough, ..empty(line) }],
        Some((line, "host-model")) => vec![Cpu { mode: Mode::HostModel, ..empty(line) }],
        Some((line, "maximum")) => vec![Cpu { mode: Mode::Maximum, ..empty(line) }],
        Some((line, other)) if !["custom", "none"].contains(&other) => {
            return Err(ReadError::at(
                line,
                format!("cpu_mode = {}, expected custom, host-model or host-passthrough", shorten(other)),
            ));
        }
        _ => models
            .iter()
            .map(|(line, model)| Cpu {
                model: Some((*model).to_string()),
                name: Some((*model).to_string()),
                ..empty(*line)
            })
            .collect(),
    };
    if cpus.is_empty() {
        return Err(ReadError::whole("these settings of Nova name no CPU: expected cpu_models, or cpu_mode"));
    }
    for cpu in &mut cpus {
        for (line, flag) in &flags {
            let (name, policy) = match (flag.strip_prefix('+'), flag.strip_prefix('-')) {
                (Some(name), _) => (name, Policy::Require),
                (_, Some(name)) => (name, Policy::Disable),
                _ => (*flag, Policy::Require),
            };
            list(cpu, libvirt_name(name).unwrap_or(name), policy, position(*line));
        }
    }
    Ok(Input::Cpus(cpus))
}

/// What Nova reports of a hypervisor: its host's CPU.
fn host(info: &Value) -> Result<Cpu, ReadError> {
    let text = |key: &str| info.get(key).and_then(Value::as_str).map(str::to_string);
    let at = position(1);
    let mut cpu = Cpu { form: Form::Host, arch: text("arch"), model: text("model"), model_at: at, ..Cpu::empty(at) };
    cpu.vendor = text("vendor");
    cpu.document = Some("Nova's cpu_info");
    let features = info.get("features").and_then(Value::as_array);
    let features = features.ok_or_else(|| ReadError::whole("cpu_info: features is no list"))?;
    for feature in features {
        let name = feature.as_str().or_else(|| feature.get("name")?.as_str());
        let name = name.ok_or_else(|| ReadError::whole("cpu_info: a feature that is no name"))?;
        list(&mut cpu, libvirt_name(name).unwrap_or(name), Policy::Require, at);
    }
    Ok(cpu)
}

#[cfg(test)]
mod tests {
    use super::super::tests::cpus;
    use super::*;

    #[test]
    fn settings_and_what_a_hypervisor_reports() {
        let conf = "[libvirt]\nvirt_type = kvm\ncpu_mode = custom\ncpu_models = Haswell-noTSX,EPYC\n\
                    cpu_model_extra_flags = +vme, -pcid, ssbd\n";
        let read = cpus(conf);
        assert_eq!(
            read.iter().map(|cpu| cpu.model.as_deref()).collect::<Vec<_>>(),
            [Some("Haswell-noTSX"), Some("EPYC")]
        );
        assert_eq!(read[0].features.len(), 3);
        assert_eq!(cpus("cpu_mode = host-passthrough\n")[0].mode, Mode::HostPassthrough);
        let info = r#"{"arch": "x86_64", "model": "Nehalem", "vendor": "Intel", "topology": {"cores": 2}, "features": ["vme", "ssse3"]}"#;
        let inner = serde_json::to_string(info).expect("text");
        for text in [
            info.to_string(),
            format!(r#"{{"hypervisor": 1, "cpu_info": {inner}}}"#),
            format!("{{\"cpu_info\": {info}}}"),
        ] {
            let read = cpus(&text).remove(0);
            assert_eq!(
                (read.form, read.features.len(), read.vendor.as_deref()),
                (Form::Host, 2, Some("Intel")),
                "{text}"
            );
        }
    }
}
