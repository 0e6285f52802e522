//! OpenStack Nova: the CPU settings of nova.conf, and the `cpu_info` of its hypervisors.
//!
//! # Source
//! nova nova/conf/libvirt.py (`cpu_mode`, `cpu_models`, `cpu_model_extra_flags`), nova/virt/libvirt/driver.py
//! (`_get_cpu_info`: what `virsh capabilities` says); oslo.config oslo_config/iniparser.py (a line that begins with a
//! blank goes on with the value above, and a blank line ends it).

use std::collections::BTreeMap;

use cpuid_probe::libvirt::cpu::{Cpu, Form, Mode, Policy};
use cpuid_probe::libvirt::domain::Accel;
use serde_json::Value;

use super::super::{Input, Read, ReadError, Reader, json, shorten};
use super::{gap, libvirt_name, list, position};

pub(in crate::read) const READER: Reader = Reader {
    name: "nova",
    about: "Nova: cpu_models and cpu_model_extra_flags of nova.conf, or a hypervisor's cpu_info",
    recognise,
    read: Read::One(read),
};

const KEYS: [&str; 4] = ["cpu_mode", "cpu_models", "cpu_model", "cpu_model_extra_flags"];

/// Settings of libvirt's section that choose what runs a guest.
const AROUND: [&str; 2] = ["virt_type", "hw_machine_type"];

/// What the names of libvirt's settings begin with that say nothing of a guest's CPU.
///
/// # Source
/// nova nova/conf/libvirt.py.
const HARMLESS: &str = "block_migration_flag ceph_ connection_uri cpu_power_ default_ephemeral_format device_detach_ \
                        disk_ enabled_perf_events file_backed_memory gid_maps glusterfs_ hw_disk_discard images_ inject_ \
                        iscsi_ iser_ live_migration_ max_queues mem_stats_period_seconds nfs_ num_aoe_ num_iser_ \
                        num_memory_encrypted_guests num_nvme_ num_pcie_ports num_volume_ nvme pmem_namespaces quobyte_ \
                        rbd_ realtime_scheduler_priority remote_filesystem_transport rescue_ rng_dev_path rx_queue_size \
                        smbfs_ snapshot sparse_logical_volumes swtpm_ sysinfo_serial tb_cache_size tx_queue_size uid_maps \
                        use_default_aio use_virtio_for_bridges volume_ vzstorage_ wait_soft_reboot_seconds \
                        xen_hvmloader_path";

const SECTION: &str = "libvirt";

/// One setting.
struct Setting<'a> {
    line: usize,
    section: &'a str,
    key: &'a str,
    /// The lines of its value.
    value: Vec<(usize, &'a str)>,
}

impl<'a> Setting<'a> {
    fn is_of_a_cpu(&self) -> bool {
        KEYS.contains(&self.key)
    }

    /// Whether it is among libvirt's settings, as far as the text says.
    fn is_libvirts(&self) -> bool {
        ["", SECTION].contains(&self.section)
    }

    /// The value, without quotes.
    fn words(&self) -> impl Iterator<Item = (usize, &'a str)> {
        let words = self.value.iter().flat_map(|(line, part)| part.split(',').map(|word| (*line, word)));
        words
            .map(|(line, word)| (line, word.trim().trim_matches(['"', '\'']).trim()))
            .filter(|(_, word)| !word.is_empty())
    }
}

/// The settings of a configuration, and the lines that are none.
fn settings(text: &str) -> (Vec<Setting<'_>>, Vec<(usize, &str)>) {
    let (mut found, mut strange): (Vec<Setting<'_>>, Vec<(usize, &str)>) = Default::default();
    let mut section = "";
    // How far the key is indented whose value may go on.
    let mut open: Option<usize> = None;
    for (number, raw) in (1..).zip(text.lines()) {
        let line = raw.trim();
        let indent = raw.len() - raw.trim_start().len();
        if line.is_empty() {
            open = None;
            continue;
        }
        if open.is_some_and(|by| by < indent)
            && let Some(last) = found.last_mut()
        {
            last.value.push((number, line));
            continue;
        }
        open = None;
        if line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((key, value)) = line.split_once(['=', ':']) {
            let key = key.trim().trim_start_matches("nova_");
            found.push(Setting { line: number, section, key, value: vec![(number, value.trim())] });
            open = Some(indent);
        } else if section == SECTION {
            strange.push((number, line));
        }
    }
    (found, strange)
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
    text.contains("cpu_mode") && settings(text).0.iter().any(Setting::is_of_a_cpu)
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
    let (found, strange) = settings(text);
    let (mut mode, mut models, mut flags) = (None, Vec::new(), Vec::new());
    let (mut accel, mut machine) = (None, None);
    let mut gaps: Vec<(usize, String)> = Vec::new();
    let mut before: BTreeMap<&str, &Setting<'_>> = BTreeMap::new();
    for setting in &found {
        let is_around = AROUND.contains(&setting.key) && setting.is_libvirts();
        if !setting.is_of_a_cpu() && !is_around {
            let harmless = || HARMLESS.split_ascii_whitespace().any(|known| setting.key.starts_with(known));
            if setting.section == SECTION && !harmless() {
                gaps.push((setting.line, format!("`{}` may change the guest's CPU", shorten(setting.key))));
            }
            continue;
        }
        let mut words = setting.words();
        if let Some(first) = before.insert(setting.key, setting) {
            if first.words().map(|(_, word)| word).eq(words.map(|(_, word)| word)) {
                continue;
            }
            let (key, line) = (setting.key, first.line);
            let message =
                format!("{key} is set again, and not alike, first in line {line}; keep one configuration a file");
            return Err(ReadError::another(setting.line, message));
        }
        match setting.key {
            "cpu_mode" => mode = words.next(),
            "cpu_model_extra_flags" => flags.extend(words),
            "virt_type" => match words.next() {
                Some((_, "kvm")) => accel = Some(Accel::Kvm),
                Some((_, "qemu")) => accel = Some(Accel::Tcg),
                Some((line, other)) => gaps.push((line, format!("virt_type = {}", shorten(other)))),
                None => {}
            },
            "hw_machine_type" => {
                machine = words.find_map(|(_, word)| word.strip_prefix("x86_64=").map(str::to_string));
            }
            _ => models.extend(words),
        }
    }
    gaps.extend(strange.iter().map(|(line, text)| (*line, format!("`{}`", shorten(text)))));
    // More would say no more, and every CPU has them.
    gaps.truncate(12);
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
        for (line, what) in &gaps {
            gap(cpu, *line, what.clone());
        }
        if accel.is_some() || machine.is_some() {
            let beside = cpu.beside.get_or_insert_default();
            (beside.accel, beside.machine) = (accel, machine.clone());
        }
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
                    cpu_model_extra_flags = +vme, -pcid,\n  ssbd\n\nimages_type = rbd\nnew_thing = 1\n";
        let read = cpus(conf);
        assert_eq!(
            read.iter().map(|cpu| cpu.model.as_deref()).collect::<Vec<_>>(),
            [Some("Haswell-noTSX"), Some("EPYC")]
        );
        assert_eq!(read[0].features.len(), 3);
        let beside = read[0].beside.as_ref().expect("virt_type");
        assert_eq!((beside.accel, beside.gaps.len()), (Some(Accel::Kvm), 1), "{:?}", beside.gaps);
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
