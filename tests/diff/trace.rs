//! `trace`: where a feature was lost between the host's CPUID and the guest.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::files::Files;

/// A Haswell host, with DS and DTES64.
const HOST: &str = "00000001 00000000: 000306f2 0f000800 7ffefbff bfebfbff\n";
const GUEST: &str = "00000001 00000000: 000306c1 0f000800 fffa3223 0f8bfbff\n";

const DOMCAPABILITIES: &str = "\
<domainCapabilities><cpu><mode name='host-model' supported='yes'>
<model fallback='forbid'>Haswell-noTSX</model><vendor>Intel</vendor>
<feature policy='require' name='vme'/><feature policy='require' name='ss'/>
<feature policy='require' name='vmx'/><feature policy='require' name='pdcm'/>
<feature policy='require' name='f16c'/><feature policy='require' name='rdrand'/>
<feature policy='require' name='hypervisor'/>
</mode></cpu></domainCapabilities>
";

const BASELINE: &str = "\
<cpu mode='custom' match='exact'><model fallback='allow'>Haswell-noTSX</model><vendor>Intel</vendor>
<feature policy='require' name='ds'/><feature policy='require' name='pdcm'/><feature policy='require' name='vme'/>
<feature policy='disable' name='vmx'/><feature policy='optional' name='ss'/>
</cpu>
";

const UNREACHABLE: &str = "\
cpuid-dump/1 begin vcpus=1 source=native
vcpu 0 lines=1
gap 00000000 00000000: unreachable
cpuid-dump/1 end lines=2 crc32=ecf6159d
";

/// A file for each layer.
struct Layers(Files);

impl Layers {
    fn new() -> Self {
        let files = Files::new();
        for (name, text) in [("host", HOST), ("kvm", DOMCAPABILITIES), ("baseline", BASELINE), ("guest", GUEST)] {
            files.put(name, text);
        }
        Self(files)
    }

    /// Runs with the layers named, each from the file of its name.
    fn trace(&self, layers: &[&str], options: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"));
        command.arg("trace").args(options).stdin(Stdio::null()).env("COLUMNS", "100");
        for layer in layers {
            command.arg(format!("--{layer}")).arg(self.0.0.join(layer));
        }
        command.output().unwrap()
    }

    fn json(&self, layers: &[&str], options: &[&str]) -> Value {
        let output = self.trace(layers, &[options, &["--format", "json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
    }
}

const ALL: [&str; 4] = ["host", "kvm", "baseline", "guest"];

fn feature<'a>(trace: &'a Value, name: &str) -> &'a Value {
    trace["features"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn the_reference_case() {
    let files = Layers::new();
    let trace = files.json(&ALL, &[]);
    let ds = feature(&trace, "ds");
    let way =
        ["hardware has it", "KVM does not offer it", "but the baseline promised it", "the guest does not have it"];
    assert_eq!(ds["says"], way.join(", "));
    assert_eq!((&ds["layer"], &ds["change"]), (&"kvm".into(), &"dropped".into()));
    assert!(ds["cause"].as_str().is_some_and(|cause| cause.contains("PEBS")));
    // QEMU drops pdcm where there is no PMU, though KVM offers it.
    let pdcm = feature(&trace, "pdcm");
    assert_eq!((&pdcm["layer"], &pdcm["change"]), (&"guest".into(), &"dropped".into()));
    assert_eq!(files.trace(&ALL, &[]).status.code(), Some(1));
}

#[test]
fn every_way_a_feature_can_go() {
    let files = Layers::new();
    let trace = files.json(&ALL, &["--all"]);
    let first = |name: &str| {
        let f = feature(&trace, name);
        (f["layer"].as_str().map(str::to_string), f["change"].as_str().map(str::to_string))
    };
    let at = |layer: &str, change: &str| (Some(layer.to_string()), Some(change.to_string()));
    assert_eq!(first("hypervisor"), at("kvm", "added"));
    assert_eq!(first("vmx"), at("baseline", "dropped"));
    assert_eq!(first("acpi"), at("kvm", "dropped"));
    assert_eq!(first("fpu"), (None, None));
    // Left to the host by the baseline, which therefore has no part in it.
    assert_eq!((first("ss"), &feature(&trace, "ss")["baseline"]), ((None, None), &"optional".into()));
    // The guest's own system sets it.
    assert_eq!(first("osxsave"), (None, None));
    // No line says anything of leaf 7 but libvirt's two.
    let avx2 = feature(&trace, "avx2");
    assert_eq!((&avx2["host"], &avx2["kvm"], &avx2["guest"]), (&Value::Null, &"yes".into(), &Value::Null));
}

#[test]
fn any_two_layers_do_and_one_does_not() {
    let files = Layers::new();
    for pair in [["host", "guest"], ["kvm", "baseline"], ["baseline", "guest"], ["host", "kvm"]] {
        let trace = files.json(&pair, &[]);
        let layers: Vec<&str> =
            trace["layers"].as_array().unwrap().iter().map(|l| l["layer"].as_str().unwrap()).collect();
        assert_eq!(layers, pair);
    }
    let promised = files.json(&["kvm", "baseline"], &[]);
    assert_eq!(feature(&promised, "ds")["says"], "KVM does not offer it, but the baseline promised it");
    // Features that libvirt has no name for are followed from dump to dump.
    let dumps = files.json(&["host", "guest"], &[]);
    assert_eq!(feature(&dumps, "sdbg")["names"]["libvirt"], Value::Null);
    files.0.put("guest", HOST);
    // Of a part of both nobody knows whether all is kept.
    let alike = files.trace(&["host", "guest"], &[]);
    assert!(String::from_utf8_lossy(&alike.stdout).contains("not everything of host, guest was captured"));
    assert_eq!(alike.status.code(), Some(1));
    assert_eq!(files.trace(&["host", "guest"], &["--partial"]).status.code(), Some(0));
    assert_eq!(files.trace(&["host"], &[]).status.code(), Some(2));
    files.0.put("baseline", "<cpu><model>Bogus</model></cpu>");
    let output = files.trace(&["baseline", "guest"], &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && error.contains("'Bogus'") && error.lines().count() == 1, "{error}");
}

#[test]
fn what_a_dump_does_not_hold_is_not_agreed_on() {
    let files = Layers::new();
    // Two lines of leaf 1 agree on it, and say nothing of what else the baseline promises.
    files.0.put("baseline", "<cpu><model>Nehalem</model></cpu>");
    files.0.put("guest", HOST);
    let trace = files.json(&["baseline", "guest"], &["--all"]);
    let unknown = trace["features"].as_array().unwrap().iter().filter(|f| f["guest"].is_null()).count();
    assert!(unknown > 0);
    assert_eq!(trace["not_captured"], unknown);
    // A vCPU that could not be reached.
    files.0.put("guest", UNREACHABLE);
    let trace = files.json(&["baseline", "guest"], &[]);
    assert_eq!((&trace["features"], &trace["agreed"]), (&Value::Array(Vec::new()), &0.into()));
    for layers in [["baseline", "guest"], ["host", "guest"]] {
        assert_eq!(files.trace(&layers, &[]).status.code(), Some(1));
    }
    files.0.put("host", UNREACHABLE);
    assert_eq!(files.trace(&["host", "guest"], &[]).status.code(), Some(1));
}

#[test]
fn a_cpu_template_is_a_baseline_and_nothing_else() {
    let files = Layers::new();
    let edx = r#"{"register": "edx", "bitmap": "0bxxxxxxxxxx1xxxxxxxxxxxxxxxxxxxx0"}"#;
    let template = format!(r#"{{"cpuid_modifiers": [{{"leaf": "0x1", "subleaf": "0x0", "modifiers": [{edx}]}}]}}"#);
    files.0.put("baseline", &template);
    let trace = files.json(&ALL, &["--all"]);
    let of = |name: &str| feature(&trace, name)["baseline"].clone();
    assert_eq!((of("ds"), of("fpu"), of("avx2")), ("yes".into(), "disabled".into(), "optional".into()));
    let ds = feature(&trace, "ds")["says"].as_str().unwrap_or_default();
    assert!(ds.contains("but the baseline promised it"), "{ds}");
    files.0.put("guest", &template);
    let output = files.trace(&["host", "guest"], &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && error.contains("expected a dump for guest"), "{error}");
}

#[test]
fn tables_fit_and_say_each_reason_once() {
    let files = Layers::new();
    let table = String::from_utf8(files.trace(&ALL, &[]).stdout).unwrap();
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
    let words = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("lost at kvm") && words.contains("promises not kept"), "{table}");
    assert_eq!(table.matches("virtualize PEBS").count(), 1);
    let markdown = String::from_utf8(files.trace(&ALL, &["--format", "markdown"]).stdout).unwrap();
    assert!(markdown.contains("| 0x00000001 EDX[21] | ds | yes | no | yes | no | lost at kvm |"), "{markdown}");
}

#[test]
fn inputs_say_which_layers_they_are() {
    let layers = Layers::new();
    let path = |name: &str| layers.0.0.join(name).display().to_string();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"));
        let output = command.arg("trace").args(arguments).stdin(Stdio::null()).env("COLUMNS", "100").output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let [host, kvm, baseline, guest] = ["host", "kvm", "baseline", "guest"].map(path);
    // The host's dump has the hypervisor bit clear; the order does not matter.
    let named = layers.trace(&["host", "kvm", "baseline", "guest"], &[]);
    let (code, out, err) = run(&[&guest, &kvm, &host, &baseline]);
    assert_eq!((Some(code), out.as_bytes()), (named.status.code(), named.stdout.as_slice()), "{err}");
    let (code, _, err) = run(&[&guest, &guest]);
    assert!(code == 2 && err.contains("both guest"), "{err}");
    let (code, out, _) = run(&[&kvm, &guest, "--as", &format!("{guest}=promise")]);
    assert!(code < 2 && out.contains("baseline  "), "{out}");
    // Without leaf 1 nobody knows whose it is.
    let excerpt = layers.0.put("excerpt", "00000007 00000000: 00000000 00000800 7ffa3223 0f8bfbff\n");
    let (code, _, err) = run(&[&kvm, &excerpt]);
    assert!(code == 2 && err.contains("--as"), "{err}");
    let (code, _, err) = run(&[&kvm, &guest, "--as", "other=guest"]);
    assert!(code == 2 && err.contains("no input is called"), "{err}");
    assert_eq!(run(&[&kvm]).0, 2);
}
