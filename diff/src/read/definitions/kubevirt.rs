//! KubeVirt: what its labels say that a node can give, and `spec.domain.cpu` of a virtual machine.
//!
//! # Source
//! kubevirt staging/src/kubevirt.io/api/core/v1/types.go (the labels' prefixes) and schema.go (`CPU`, `CPUFeature`),
//! pkg/virt-handler/node-labeller (the labels come from `virsh domcapabilities`: its host-model, the models that are
//! usable, and the features of the host-model, of which old versions leave out those of an old model),
//! pkg/virt-launcher/virtwrap/converter/compute (cpu.go, clock.go, hypervisor_features.go: what becomes of a machine's
//! settings in libvirt's XML) and converter/vcpu (`GetCPUTopology`).

use std::collections::BTreeMap;

use cpuid_probe::libvirt::beside::HostModel;
use cpuid_probe::libvirt::cpu::{Cpu, Form, Mode, Policy, Topology};
use serde_json::{Map, Value};
use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::scanner::ScanError;
use yaml_rust2::{Yaml, YamlLoader};

use super::super::{Input, Read, ReadError, Reader, json, shorten};
use super::{gap, libvirt_name, list, map, position, qemu};

pub(in crate::read) const LABELS: Reader = Reader {
    name: "kubevirt-node",
    about: "KubeVirt's labels of one or more nodes: what they can give a guest",
    recognise: recognise_labels,
    read: Read::One(read_labels),
};

pub(in crate::read) const MACHINE: Reader = Reader {
    name: "kubevirt",
    about: "KubeVirt: spec.domain.cpu of a virtual machine, YAML or JSON: what a guest is to have",
    recognise: recognise_machine,
    read: Read::One(read_machine),
};

/// What the labels of KubeVirt's begin with.
const SUFFIX: &str = ".node.kubevirt.io/";

fn recognise_labels(text: &str) -> bool {
    text.contains(SUFFIX)
}

/// One node, as it is read.
#[derive(Debug, Default)]
struct Node {
    line: usize,
    name: Option<String>,
    labels: BTreeMap<String, String>,
    /// Something stands behind the labels of features, so that none was cut off.
    is_whole: bool,
}

/// The last labels of features: Kubernetes sorts what it prints.
const LAST: &str = "host-model-required-features.";

/// The labels of a line: `KEY: "true"`, `"KEY": "true",`, `KEY=true`, several after commas.
fn labels(line: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let is_key = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    let mut rest = line;
    while let Some(at) = [rest.find(SUFFIX), rest.find("kubernetes.io/hostname")].into_iter().flatten().min() {
        let start = rest[..at].trim_end_matches(is_key).len();
        let key = &rest[start..];
        let end = key.find(|c| !is_key(c)).unwrap_or(key.len());
        let (key, after) = key.split_at(end);
        let value = after.trim_start_matches(['"', '\'', ' ', '\t', ':', '=']);
        let end = value.find(|c| !is_key(c)).unwrap_or(value.len());
        found.push((key, &value[..end]));
        rest = &value[end..];
    }
    found
}

/// Whether a node begins in this line, and what it is called.
fn begins(line: &str) -> Option<Option<&str>> {
    let line = line.trim().trim_start_matches("- ").trim_end_matches(',');
    let plain: String = line.chars().filter(|c| !"\"' ".contains(*c)).collect();
    match line.strip_prefix("Name:") {
        Some(name) => Some(Some(name.trim())),
        None => (plain == "kind:Node" || plain == "---").then_some(None),
    }
}

/// Something stands behind the last node's labels.
fn behind(nodes: &mut [Node]) {
    if let Some(last) = nodes.last_mut() {
        last.is_whole |= !last.labels.is_empty();
    }
}

fn nodes_of_text(text: &str) -> Result<Vec<Node>, ReadError> {
    let mut nodes: Vec<Node> = Vec::new();
    // Where the last node's labels are.
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let new = begins(line);
        // `kubectl get nodes --show-labels` has a node a line.
        let found = labels(line);
        let row = found.iter().filter(|(key, _)| key.contains(SUFFIX)).count() > 1;
        if new.is_some() || row || nodes.is_empty() {
            behind(&mut nodes);
            let name = new.flatten().or_else(|| line.split_whitespace().next().filter(|_| row));
            nodes.push(Node { line: number, name: name.map(str::to_string), ..Node::default() });
            before.clear();
        }
        // A label that was cut in its key is no line behind the labels.
        if found.is_empty() && line.contains([':', '=']) {
            behind(&mut nodes);
        }
        let Some(node) = nodes.last_mut() else { continue };
        for (key, value) in found {
            if node.labels.is_empty() {
                node.line = number;
            }
            node.is_whole |= key > LAST && !key.starts_with(LAST);
            // `f:KEY: {}` says who set a label.
            if value.is_empty() {
                continue;
            }
            let known = node.labels.insert(key.to_string(), value.to_string());
            if let (Some(first), Some(known)) = (before.insert(key, number), known)
                && (key.contains(SUFFIX) || known != value)
            {
                let message = format!("the label {} again, first in line {first}; another node", shorten(key));
                return Err(ReadError::another(number, message));
            }
        }
    }
    Ok(nodes)
}

/// Every object that has labels of KubeVirt's.
fn nodes_of_json(value: &Value, nodes: &mut Vec<Node>) {
    let labels = value.pointer("/metadata/labels").or_else(|| value.get("labels")).unwrap_or(value).as_object();
    match labels.filter(|labels| labels.keys().any(|key| key.contains(SUFFIX))) {
        Some(labels) => {
            let name = value.pointer("/metadata/name").and_then(Value::as_str).map(str::to_string);
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_string);
            let labels = labels.iter().map(|(key, value)| (key.clone(), text(value))).collect();
            nodes.push(Node { line: 1, name, labels, is_whole: true });
        }
        None => match value {
            Value::Object(map) => map.values().for_each(|value| nodes_of_json(value, nodes)),
            Value::Array(list) => list.iter().for_each(|value| nodes_of_json(value, nodes)),
            _ => {}
        },
    }
}

fn read_labels(text: &str) -> Result<Input, ReadError> {
    let mut nodes = Vec::new();
    if text.trim_start().starts_with(['{', '[']) {
        let value: Value = serde_json::from_str(text).map_err(|e| json::error(&e))?;
        nodes_of_json(&value, &mut nodes);
    } else {
        nodes = nodes_of_text(text)?;
    }
    nodes.retain(|node| node.labels.keys().any(|key| key.contains(SUFFIX)));
    let cpus: Result<Vec<Cpu>, ReadError> = nodes.iter().map(node).collect();
    let cpus = cpus?;
    match cpus.iter().enumerate().find(|(n, cpu)| cpu.name.is_some() && cpus[..*n].iter().any(|c| c.name == cpu.name)) {
        _ if cpus.is_empty() => Err(ReadError::whole("no label of KubeVirt's with a value")),
        Some((_, twice)) => {
            let name = shorten(twice.name.as_deref().unwrap_or_default());
            Err(ReadError::at(twice.at.line as usize, format!("node {name} came before; keep one listing a file")))
        }
        None => Ok(Input::Cpus(cpus)),
    }
}

/// With fewer labels of features, a listing is an excerpt: every host-model has more than these.
const FEWEST: usize = 20;

/// What a node's labels say.
fn node(node: &Node) -> Result<Cpu, ReadError> {
    let at = position(node.line);
    let mut cpu = Cpu { form: Form::HostModel, document: Some("KubeVirt's labels of a node"), ..Cpu::empty(at) };
    let of_features = node.labels.keys().filter(|key| key.starts_with("cpu-feature.")).count();
    cpu.name = node.name.clone().or_else(|| node.labels.get("kubernetes.io/hostname").cloned());
    let mut frequency = None;
    let mut scaling = None;
    for (key, value) in &node.labels {
        let Some((what, name)) = key.split_once(SUFFIX) else { continue };
        let on = match value.as_str() {
            "true" => true,
            "false" => false,
            // A frequency is a number.
            _ if what == "cpu-timer" => {
                frequency = value.parse().ok().filter(|_| name == "tsc-frequency").or(frequency);
                continue;
            }
            _ => continue,
        };
        match what {
            "cpu-feature" | "host-model-required-features" => {
                let policy = if on { Policy::Require } else { Policy::Disable };
                list(&mut cpu, libvirt_name(name).unwrap_or(name), policy, at);
            }
            "host-model-cpu" if on => {
                if let Some(first) = cpu.model.replace(name.to_string()) {
                    let message = format!(
                        "a second host-model, {} after {}: labels of two nodes; give the nodes' whole objects",
                        shorten(name),
                        shorten(&first)
                    );
                    return Err(ReadError::at(node.line, message));
                }
            }
            "cpu-model" => {
                let model = HostModel { name: name.to_string(), usable: Some(on), blockers: Vec::new() };
                cpu.beside.get_or_insert_default().models.push(model);
            }
            "cpu-vendor" if on => cpu.vendor = Some(name.to_string()),
            "cpu-timer" if name == "tsc-scalable" => scaling = Some(on),
            _ => {}
        }
    }
    cpu.excerpt = of_features < FEWEST || cpu.model.is_none() || !node.is_whole;
    leave_unnamed(&mut cpu, &node.labels);
    cpu.tsc = frequency.map(|frequency| cpuid_probe::libvirt::cpu::Tsc { frequency, scaling });
    Ok(cpu)
}

/// The model whose features old versions of KubeVirt leave out of the labels.
///
/// # Source
/// KubeVirt up to 0.58: `minCPUModel` of the cluster's configuration, Penryn unless it says otherwise.
const LEFT_OUT: &str = "Penryn";

/// Makes unknown what the host-model has and no label names, where labels name features of the model at all: a host-model
/// may lack some of its model. The features that old versions leave out are apart.
fn leave_unnamed(cpu: &mut Cpu, labels: &BTreeMap<String, String>) {
    let Some(Ok(model)) = cpu.model.as_deref().map(|name| map().model(name)) else { return };
    let old = map().model(LEFT_OUT).map(|old| old.features.clone()).unwrap_or_default();
    let is_named = |id: &usize| {
        let name = map().features.get(*id).map_or("", |feature| feature.name);
        labels.keys().any(|key| {
            let label = key.strip_prefix("cpu-feature").and_then(|key| key.strip_prefix(SUFFIX));
            label.is_some_and(|label| libvirt_name(label).unwrap_or(label) == name)
        })
    };
    let (named, unnamed): (Vec<usize>, Vec<usize>) = model.features.iter().copied().partition(is_named);
    for id in unnamed {
        let is_old = old.contains(&id);
        let tells = named.iter().any(|other| old.contains(other) == is_old);
        if let Some(feature) = map().features.get(id).filter(|_| tells)
            && !cpu.features.iter().any(|listed| listed.name == feature.name)
        {
            list(cpu, feature.name, Policy::Optional, cpu.at);
        }
    }
}

/// Documents of YAML (or JSON) as JSON.
fn documents(text: &str) -> Result<Vec<Value>, ReadError> {
    is_plain(text)?;
    let documents = YamlLoader::load_from_str(text).map_err(|e| malformed(&e))?;
    Ok(documents.iter().map(as_json).collect())
}

fn malformed(error: &ScanError) -> ReadError {
    let mark = error.marker();
    ReadError::in_column(mark.line(), mark.col() + 1, error.info())
}

/// No tree is deeper than this: the loader, and what walks a tree, call themselves.
const DEEPEST: usize = 64;

/// Refuses, before the loader builds a tree, what makes a large tree of a small text: aliases, and depth.
fn is_plain(text: &str) -> Result<(), ReadError> {
    let mut parser = Parser::new_from_str(text);
    let mut depth = 0;
    loop {
        let (event, mark) = parser.next_token().map_err(|e| malformed(&e))?;
        let refuse = |what: &str| Err(ReadError::in_column(mark.line(), mark.col() + 1, what));
        match event {
            Event::StreamEnd => return Ok(()),
            Event::Alias(_) => return refuse("an alias, which is not followed; write what it stands for"),
            Event::SequenceStart(..) | Event::MappingStart(..) if depth == DEEPEST => {
                return refuse("nested too deeply for a KubeVirt object");
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
            Event::SequenceEnd | Event::MappingEnd => depth -= 1,
            _ => {}
        }
    }
}

fn as_json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::String(text) | Yaml::Real(text) => Value::String(text.clone()),
        Yaml::Integer(n) => Value::from(*n),
        Yaml::Boolean(b) => Value::Bool(*b),
        Yaml::Array(list) => Value::Array(list.iter().map(as_json).collect()),
        Yaml::Hash(map) => {
            let entries = map.iter().filter_map(|(key, value)| Some((key.as_str()?.to_string(), as_json(value))));
            Value::Object(entries.collect())
        }
        _ => Value::Null,
    }
}

/// A machine's CPU, as it is read.
struct Found<'a> {
    cpu: &'a Map<String, Value>,
    /// What the CPU is in: a domain, or an instance type.
    domain: &'a Map<String, Value>,
    of: Of<'a>,
}

/// Whose a CPU is.
#[derive(Clone, Copy, Default)]
struct Of<'a> {
    name: Option<&'a str>,
    /// Another object, which adds to the machine's own settings.
    beside: Option<&'static str>,
}

/// Every `cpu:` with a model, features or a number of cores, the machine's name with it.
fn machines<'a>(value: &'a Value, of: Of<'a>, found: &mut Vec<Found<'a>>) {
    let others = ["instancetype", "preference"];
    let refers = |other: &&str| value.get("spec").and_then(|spec| spec.get(*other)).is_some_and(Value::is_object);
    let of = Of {
        name: value.pointer("/metadata/name").and_then(Value::as_str).or(of.name),
        beside: others.into_iter().find(refers).or(of.beside),
    };
    match value {
        Value::Object(domain) => {
            for (key, inner) in domain {
                let is_cpu = inner.get("model").is_some()
                    || inner.get("features").is_some_and(Value::is_array)
                    || COUNTS.iter().any(|count| inner.get(*count).is_some());
                match inner.as_object().filter(|_| key == "cpu" && is_cpu) {
                    Some(cpu) => found.push(Found { cpu, domain, of }),
                    None => machines(inner, of, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| machines(inner, of, found)),
        _ => {}
    }
}

/// Keys that stand in the `cpu:` of a machine, and in no quantity of Kubernetes' of that name.
const COUNTS: [&str; 3] = ["cores", "sockets", "threads"];

fn recognise_machine(text: &str) -> bool {
    let has_cpu = text.lines().any(|line| line.trim().trim_start_matches('"').starts_with("cpu"))
        || text.contains("\"cpu\"")
        || text.contains("cpu:");
    let words = ["model", "features"].iter().chain(&COUNTS);
    has_cpu && words.into_iter().any(|word| text.contains(word)) && !text.trim_start().starts_with('<') && {
        let read = documents(text).unwrap_or_default();
        let mut found = Vec::new();
        read.iter().for_each(|document| machines(document, Of::default(), &mut found));
        !found.is_empty()
    }
}

fn read_machine(text: &str) -> Result<Input, ReadError> {
    let read = documents(text)?;
    let mut found = Vec::new();
    read.iter().for_each(|document| machines(document, Of::default(), &mut found));
    let cpus: Result<Vec<Cpu>, ReadError> = found.iter().map(machine).collect();
    let cpus = cpus?;
    if cpus.is_empty() { Err(ReadError::whole("no cpu with a model or features")) } else { Ok(Input::Cpus(cpus)) }
}

fn machine(found: &Found<'_>) -> Result<Cpu, ReadError> {
    let at = position(1);
    let cpu = found.cpu;
    let mut read = Cpu { form: Form::Guest, name: found.of.name.map(str::to_string), ..Cpu::empty(at) };
    match cpu.get("model").and_then(Value::as_str) {
        Some("host-passthrough") => read.mode = Mode::HostPassthrough,
        Some("host-model") => read.mode = Mode::HostModel,
        Some(model) if !model.is_empty() => read.model = Some(model.to_string()),
        // KubeVirt's default.
        _ => read.mode = Mode::HostModel,
    }
    for feature in cpu.get("features").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| feature.get(key).and_then(Value::as_str);
        let Some(name) = text("name") else { return Err(ReadError::whole("a feature of cpu without a name")) };
        let policy = match text("policy").unwrap_or_default() {
            "" => Policy::Require,
            word => Policy::of_word(word)
                .ok_or_else(|| ReadError::whole(format!("policy `{}` of {}", shorten(word), shorten(name))))?,
        };
        list(&mut read, libvirt_name(name).unwrap_or(name), policy, at);
    }
    vcpus(&mut read, found)?;
    if let Some(other) = found.of.beside {
        gap(&mut read, 1, format!("`{other}` names another object, which may change the guest's CPU"));
    }
    known(&mut read, "cpu", cpu, OF_CPU);
    known(&mut read, "domain", found.domain, OF_DOMAIN);
    if let Some(kind) = found.domain.get("machine").and_then(|machine| machine.get("type")).and_then(Value::as_str) {
        read.beside.get_or_insert_default().machine = Some(kind.to_string()).filter(|kind| !kind.is_empty());
    }
    if let Some(features) = object(found.domain, "features") {
        features_of(&mut read, features)?;
    }
    if let Some(clock) = object(found.domain, "clock") {
        clock_of(&mut read, clock)?;
    }
    let panics = found.domain.get("devices").and_then(|devices| devices.get("panicDevices")).and_then(Value::as_array);
    if panics.into_iter().flatten().any(|device| device.get("model").and_then(Value::as_str) == Some("hyperv")) {
        hyperv(&mut read, "crash", "on")?;
    }
    Ok(read)
}

/// Keys that are read, and keys that say nothing of the CPU that a guest sees.
const OF_CPU: &str = "model features cores sockets threads maxSockets guest numa isolateEmulatorThread \
                      dedicatedCpuPlacement dedicatedCPUPlacement";
const OF_DOMAIN: &str = "cpu machine features clock devices resources memory firmware ioThreads ioThreadsPolicy chassis \
                         rebootPolicy apiVersion kind metadata gpus hostDevices nodeSelector schedulerName annotations \
                         volumes";
const OF_FEATURES: &str = "acpi apic smm hyperv hypervPassthrough kvm pvspinlock";
const OF_CLOCK: &str = "utc timezone timer";
const OF_TIMERS: &str = "hpet pit rtc kvm hyperv";
/// Enlightenments that are switches, in the words of both KubeVirt and QEMU.
const SWITCHES: &str = "relaxed vapic vpindex runtime synic reset frequencies reenlightenment tlbflush ipi evmcs";
const OTHER_HYPERV: &str = "spinlocks synictimer vendorid";
/// What QEMU calls paravirtual spinlocks, behind the name of KVM.
const UNHALT: &str = "pv-unhalt";
/// How often a guest spins, unless the machine says so.
const SPINS: u64 = 4096;

/// Lists every key of an object that is not among these words. One without a value is none.
fn known(cpu: &mut Cpu, of: &str, object: &Map<String, Value>, words: &str) {
    for (key, _) in object.iter().filter(|(_, value)| !value.is_null()) {
        if !words.split_ascii_whitespace().any(|word| word == key) {
            gap(cpu, 1, format!("{of}: `{}` may change the guest's CPU", shorten(key)));
        }
    }
}

fn object<'a>(of: &'a Map<String, Value>, key: &str) -> Option<&'a Map<String, Value>> {
    of.get(key).and_then(Value::as_object)
}

/// A switch, which is on unless it says otherwise; nothing where there is none.
fn switch(cpu: &mut Cpu, of: &Map<String, Value>, key: &str, words: &str) -> Option<&'static str> {
    let switch = object(of, key)?;
    known(cpu, key, switch, words);
    let state = ["enabled", "present"].iter().find_map(|word| switch.get(*word)).and_then(Value::as_bool);
    Some(if state.unwrap_or(true) { "on" } else { "off" })
}

/// Sets an enlightenment.
fn hyperv(cpu: &mut Cpu, name: &str, value: &str) -> Result<(), ReadError> {
    qemu::set(cpu, &format!("hv-{name}"), value, 1)
}

fn features_of(cpu: &mut Cpu, features: &Map<String, Value>) -> Result<(), ReadError> {
    known(cpu, "features", features, OF_FEATURES);
    if let Some(state) = switch(cpu, features, "pvspinlock", "enabled") {
        qemu::set(cpu, &format!("kvm-{UNHALT}"), state, 1)?;
    }
    if object(features, "apic").is_some_and(|apic| apic.get("endOfInterrupt") == Some(&Value::Bool(true))) {
        gap(cpu, 1, "apic: `endOfInterrupt` may change the guest's CPU");
    }
    if let Some(kvm) = object(features, "kvm") {
        known(cpu, "kvm", kvm, "hidden");
        let is_hidden = kvm.get("hidden") == Some(&Value::Bool(true));
        qemu::set(cpu, "kvm", if is_hidden { "off" } else { "on" }, 1)?;
    }
    let Some(asked) = object(features, "hyperv") else {
        if switch(cpu, features, "hypervPassthrough", "enabled") == Some("on") {
            hyperv(cpu, "passthrough", "on")?;
        }
        return Ok(());
    };
    known(cpu, "hyperv", asked, &format!("{SWITCHES} {OTHER_HYPERV}"));
    for name in SWITCHES.split_ascii_whitespace() {
        if let Some(state) = switch(cpu, asked, name, "enabled") {
            hyperv(cpu, name, state)?;
        }
    }
    let own = |name: &str, key: &str| object(asked, name).and_then(|switch| switch.get(key));
    if let Some(state) = switch(cpu, asked, "spinlocks", "enabled spinlocks") {
        let spins = own("spinlocks", "spinlocks").and_then(Value::as_u64).unwrap_or(SPINS);
        let spins = if state == "on" { format!("{spins:#x}") } else { state.to_string() };
        hyperv(cpu, "spinlocks", &spins)?;
    }
    if let Some(state) = switch(cpu, asked, "vendorid", "enabled vendorid") {
        let text = own("vendorid", "vendorid").and_then(Value::as_str).filter(|_| state == "on");
        hyperv(cpu, "vendor-id", text.unwrap_or("off"))?;
    }
    if let Some(state) = switch(cpu, asked, "synictimer", "enabled direct") {
        hyperv(cpu, "stimer", state)?;
    }
    if let Some(timer) = object(asked, "synictimer")
        && let Some(state) = switch(cpu, timer, "direct", "enabled")
    {
        hyperv(cpu, "stimer-direct", state)?;
    }
    Ok(())
}

fn clock_of(cpu: &mut Cpu, clock: &Map<String, Value>) -> Result<(), ReadError> {
    known(cpu, "clock", clock, OF_CLOCK);
    let Some(timers) = object(clock, "timer") else { return Ok(()) };
    known(cpu, "timer", timers, OF_TIMERS);
    if let Some(state) = switch(cpu, timers, "kvm", "present") {
        qemu::set(cpu, "kvmclock", state, 1)?;
    }
    match switch(cpu, timers, "hyperv", "present") {
        Some(state) => hyperv(cpu, "time", state),
        None => Ok(()),
    }
}

/// How many vCPUs a machine has: by its topology, else by what it asks of the node.
fn vcpus(cpu: &mut Cpu, found: &Found<'_>) -> Result<(), ReadError> {
    let count = |key: &str| match found.cpu.get(key).filter(|value| !value.is_null()) {
        None => Ok(None),
        Some(value) => {
            let count = value.as_u64().or_else(|| value.as_str()?.parse().ok());
            let count = count.and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= 8192);
            let expected =
                || ReadError::whole(format!("cpu: {key} is {}, expected a number", shorten(&value.to_string())));
            count.ok_or_else(expected).map(|count| Some(count).filter(|count| *count > 0))
        }
    };
    let [cores, sockets, threads, most, guest] = ["cores", "sockets", "threads", "maxSockets", "guest"].map(count);
    let (cores, sockets, threads, most, guest) = (cores?, sockets?, threads?, most?, guest?);
    if cores.or(sockets).or(threads).is_some() {
        let [cores, sockets, threads] = [cores, sockets, threads].map(|count| count.unwrap_or(1));
        let topology = Topology { sockets, dies: 1, clusters: 1, cores, threads };
        cpu.topology = Some(topology);
        let beside = cpu.beside.get_or_insert_default();
        beside.vcpus = Some(topology.vcpus());
        let most = Topology { sockets: most.unwrap_or(sockets).max(sockets), ..topology };
        beside.most_vcpus = Some(most.vcpus());
        return Ok(());
    }
    let asked = ["limits", "requests"].iter().find_map(|kind| {
        let number = found.domain.get("resources")?.get(kind)?.get("cpu")?;
        whole_cpus(number)
    });
    if let Some(count) = guest.or(asked) {
        cpu.beside.get_or_insert_default().vcpus = Some(count);
    }
    Ok(())
}

/// A quantity of CPUs as Kubernetes writes it, `4` or `3500m`, rounded up.
fn whole_cpus(quantity: &Value) -> Option<u32> {
    let text = quantity.as_str().map_or_else(|| quantity.to_string(), str::to_string);
    let count = match text.strip_suffix('m') {
        Some(thousandths) => thousandths.parse::<u32>().ok()?.div_ceil(1000),
        None => text.parse().ok()?,
    };
    Some(count).filter(|count| (1..=8192).contains(count))
}

#[cfg(test)]
mod tests {
    use super::super::tests::cpus;
    use super::*;

    const LABELS_OF: [&str; 3] = [
        "cpu-feature.node.kubevirt.io/vaes",
        "host-model-cpu.node.kubevirt.io/EPYC-Rome",
        "host-model-required-features.node.kubevirt.io/amd-ssbd",
    ];

    #[test]
    fn a_small_text_makes_no_large_tree() {
        let machine = "spec:\n  cpu:\n    model: EPYC\n    features:\n";
        assert_eq!(documents(machine).expect("plain").len(), 1);
        let mut bomb = "a: &a [x, x]\n".to_string();
        for (of, to) in
            ["a", "b", "c", "d", "e", "f", "g", "h"].into_iter().zip(["b", "c", "d", "e", "f", "g", "h", "i"])
        {
            bomb += &format!("{to}: &{to} [*{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}, *{of}]\n");
        }
        for (text, words) in [(bomb, "an alias"), (format!("a:\n  {}x\n", "- ".repeat(60_000)), "nested too deeply")] {
            let error = documents(&(machine.to_string() + &text)).expect_err("refused");
            assert!(error.message.contains(words), "{error}");
        }
    }

    #[test]
    fn letters_beside_a_label_are_no_part_of_it() {
        let found =
            labels("  \u{fffd}pu-feature.node.kubevirt.io/aes: \"true\" écpu-feature.node.kubevirt.io/avx=true");
        assert_eq!(found, [("pu-feature.node.kubevirt.io/aes", "true"), ("cpu-feature.node.kubevirt.io/avx", "true")]);
    }

    #[test]
    fn nodes_in_every_listing() {
        let yaml = |name: &str| {
            let labels: String = LABELS_OF.iter().map(|key| format!("      {key}: \"true\"\n")).collect();
            format!(
                "- apiVersion: v1\n  kind: Node\n  metadata:\n    labels:\n{labels}    name: {name}\n      kubernetes.io/hostname: {name}\n"
            )
        };
        let json = |name: &str| {
            let labels: Vec<String> = LABELS_OF.iter().map(|key| format!("\"{key}\": \"true\"")).collect();
            format!(
                "{{\"kind\": \"Node\", \"metadata\": {{\"name\": \"{name}\", \"labels\": {{{}}}}}}}",
                labels.join(", ")
            )
        };
        let row = |name: &str| {
            let labels: Vec<String> = LABELS_OF.iter().map(|key| format!("{key}=true")).collect();
            format!("{name}   Ready   worker   1d   v1.30   {},kubernetes.io/hostname={name}\n", labels.join(","))
        };
        let described = |name: &str| {
            let labels: String = LABELS_OF.iter().map(|key| format!("                    {key}=true\n")).collect();
            format!("Name:               {name}\nRoles:              worker\nLabels:\n{labels}Annotations:        x\n")
        };
        for text in [
            format!("apiVersion: v1\nitems:\n{}{}kind: List\n", yaml("n1"), yaml("n2")),
            format!("{{\"items\": [{}, {}]}}", json("n1"), json("n2")),
            format!("NAME STATUS ROLES AGE VERSION LABELS\n{}{}", row("n1"), row("n2")),
            format!("{}\n{}", described("n1"), described("n2")),
        ] {
            let read = cpus(&text);
            assert_eq!(read.iter().map(|c| c.name.as_deref()).collect::<Vec<_>>(), [Some("n1"), Some("n2")], "{text}");
            for cpu in &read {
                assert_eq!(
                    (cpu.form, cpu.model.as_deref(), cpu.features.len()),
                    (Form::HostModel, Some("EPYC-Rome"), 2)
                );
            }
        }
        let fragment: String = LABELS_OF.iter().map(|key| format!("    {key}: \"true\"\n")).collect();
        assert_eq!(cpus(&fragment).len(), 1);
        let second = "    host-model-cpu.node.kubevirt.io/EPYC-Milan: \"true\"\n";
        for (two, words) in [(second, "second host-model"), (&*fragment, "first in line 1; another node")] {
            let error = crate::read::read((fragment.clone() + two).as_bytes(), None).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_virtual_machines_cpu() {
        let yaml = "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata:\n  name: vm1\nspec:\n  template:\n    spec:\n      \
                    domain:\n        cpu:\n          cores: 2\n          model: Skylake-Server\n          features:\n          - \
                    name: vme\n            policy: require\n          - policy: disable\n            name: hle\n";
        let read = cpus(yaml).remove(0);
        assert_eq!((read.model.as_deref(), read.name.as_deref()), (Some("Skylake-Server"), Some("vm1")));
        assert_eq!(read.features.iter().map(|f| f.policy).collect::<Vec<_>>(), [Policy::Require, Policy::Disable]);
        let flow = "spec: { template: { spec: { domain: { cpu: {\n  model: EPYC,\n  features: [ {name: vme}, {name: hle, policy: forbid} ] }}}}}\n";
        assert_eq!(cpus(flow)[0].features.len(), 2);
        assert_eq!(cpus("cpu:\n  model: host-passthrough\n")[0].mode, Mode::HostPassthrough);
        let resources = yaml
            .replace("        cpu:\n", "        resources:\n          requests:\n            cpu: 4\n        cpu:\n");
        assert_eq!(cpus(&resources)[0].model.as_deref(), Some("Skylake-Server"));
    }
}
