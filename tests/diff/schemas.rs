//! The JSON Schemas of docs/schema hold what the programs write, and refuse what they do not.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};

use cpuid_diff::knowledge::Severity;
use cpuid_diff::view::Role;
use cpuid_probe::dump::{Gap, Imported, Provenance, Recorded, Source, VcpuDump, Whose};
use cpuid_probe::text::GapReason;
use cpuid_probe::{LeafId, json};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::fleet::{Hosts, host_model};
use crate::nodes::{CASCADE_LAKE, ICE_LAKE, Node, SAPPHIRE_RAPIDS};
use crate::support::files::Files;
use crate::support::root;

fn schema(name: &str) -> Value {
    let path = root().join("docs/schema").join(format!("{name}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn validator(name: &str) -> Validator {
    let schema = schema(name);
    jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|e| panic!("{name}: {e}"));
    jsonschema::draft202012::new(&schema).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Holds a document against its schema, and what it must not be.
fn hold(validator: &Validator, document: &Value, from: &str) {
    let errors: Vec<String> = validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{from}: {}", errors.join("\n"));
    let object = document.as_object().unwrap();
    for key in object.keys() {
        let mut less = object.clone();
        less.remove(key);
        assert!(!validator.is_valid(&less.into()), "{from}: without {key}");
        let mut other = object.clone();
        other.insert(key.clone(), json!(-1.5));
        assert!(!validator.is_valid(&other.into()), "{from}: {key} is a number");
    }
    let mut more = object.clone();
    more.insert("more".to_string(), Value::Null);
    assert!(!validator.is_valid(&more.into()), "{from}: with a key more");
}

/// What the program prints, one document or one a line.
fn documents(arguments: &[&str]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"))
        .args(arguments)
        .args(["--format", "json"])
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let found: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(&text).into_iter().collect();
    let found = found.unwrap_or_else(|e| panic!("{arguments:?}: {e}: {text}"));
    assert!(!found.is_empty(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    found
}

/// The paths of the samples, dumps alone.
fn samples() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join("samples"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .map(|name| format!("samples/{name}"))
        .collect();
    names.sort();
    names
}

#[test]
fn dumps() {
    let validator = validator("cpuid-dump-1");
    let mut dumps: Vec<_> = samples()
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(root().join(&path)).unwrap();
            // As it is written, and as it is written again.
            hold(&validator, &serde_json::from_str(&text).unwrap(), &path);
            (path, json::from_str(&text).unwrap())
        })
        .collect();
    let mut odd = Node::intel("odd", ICE_LAKE).dump();
    let vcpu = &mut odd.vcpus[0];
    let reasons = [GapReason::Cap, GapReason::Unreachable, GapReason::Fault, GapReason::End];
    vcpu.gaps = reasons.map(|reason| Gap { id: LeafId::new(0xd, 1), reason }).to_vec();
    vcpu.insert_msr(cpuid_probe::dump::MsrRecord { index: 0xfee, value: None }).unwrap();
    dumps.push(("gaps".to_string(), odd));
    for whose in Whose::ALL.into_iter().map(Some).chain([None]) {
        let mut imported = Node::intel("imported", "").dump();
        imported.provenance = Provenance::new(Source::Import);
        imported.provenance.imported =
            Some(Imported { format: "kcpuid".to_string(), of: whose, ..Imported::default() });
        imported.provenance.other.push(("more".to_string(), "{\"a\": 1}".to_string()));
        dumps.push(("imported".to_string(), imported));
    }
    let mut replayed = Node::intel("replayed", "").dump();
    replayed.vcpus[0] = VcpuDump::capture(0, &mut Recorded::new(&replayed.vcpus[0].clone()));
    dumps.push(("replayed".to_string(), replayed));
    for (name, dump) in &dumps {
        hold(&validator, &serde_json::from_str(&json::to_string(dump)).unwrap(), name);
    }
    // A number in another form is not ours.
    let text = json::to_string(&dumps[0].1);
    for (from, to) in [("\"leaf\":\"0x", "\"leaf\":\""), ("\"source\": \"boot\"", "\"source\": \"guess\"")] {
        assert!(text.contains(from), "{from}");
        assert!(!validator.is_valid(&serde_json::from_str(&text.replace(from, to)).unwrap()), "{to}");
    }
}

#[test]
fn reports() {
    let validator = validator("cpuid-report-1");
    let files = Files::new();
    let node = |name: &str, node: Node| files.put(name, &node.json());
    let (clx, spr) = (node("clx", Node::intel("a", CASCADE_LAKE)), node("spr", Node::intel("b", SAPPHIRE_RAPIDS)));
    let bare = node("bare", Node { with_msrs: false, ..Node::intel("c", CASCADE_LAKE) });
    let (slow, fast) = (
        node("slow", Node::intel("d", "invtsc").tsc(2_000_000)),
        node("fast", Node::intel("e", "invtsc").tsc(2_600_000)),
    );
    let offer = files.put("offer.xml", &host_model("Cascadelake-Server", "pdcm"));
    let policy = "docs/policy.toml";
    let samples = samples();
    let mut runs: Vec<Vec<&str>> = samples.windows(2).map(|pair| vec!["compare", &pair[0], &pair[1]]).collect();
    runs.extend([
        vec!["compare", &samples[0], &samples[0]],
        vec!["compare", "samples/reference-leaf1.diff"],
        vec![
            "compare",
            "samples/reference-node1.txt",
            "samples/reference-node2.txt",
            "--policy",
            policy,
            "--as-of",
            "2026-01-01",
        ],
        vec!["compare", &clx, &spr],
        vec!["compare", &clx, &bare],
        vec!["compare", &slow, &fast],
        vec!["compare", &samples[1], &samples[2], "--baseline", "samples/baseline.xml"],
        vec!["check", &samples[0], &samples[1], "--baseline", "samples/baseline.xml"],
        vec!["check", &samples[0], "--baseline", &samples[1]],
        vec!["check", &offer, "--baseline", "samples/baseline.xml"],
    ]);
    let (mut overall, mut results) = (BTreeSet::new(), BTreeSet::new());
    for run in &runs {
        for document in documents(run) {
            hold(&validator, &document, &run.join(" "));
            overall.insert(document["verdict"]["overall"].as_str().unwrap_or_default().to_string());
            for held in document["verdict"]["baseline"].as_array().unwrap() {
                results.insert(held["result"].as_str().unwrap().to_string());
            }
        }
    }
    // The runs are of many kinds.
    assert!(overall.len() >= 5 && results.len() >= 2, "{overall:?} {results:?}");
    let words = |name: &str| schema("cpuid-report-1")["$defs"][name]["enum"].clone();
    assert_eq!(words("severity"), json!(Severity::ALL.map(Severity::word)));
    let roles = schema("cpuid-report-1")["$defs"]["input"]["properties"]["role"]["enum"].clone();
    let known: Vec<&str> = Role::ALL.into_iter().chain([Role::Unknown]).map(Role::word).collect();
    assert_eq!(roles, json!(known));
}

#[test]
fn traces_and_explanations() {
    let traces = validator("cpuid-trace-1");
    let (host, guest) = ("samples/haswell-node1.json", "samples/haswell-node2.json");
    for run in [
        vec!["trace", "--host", host, "--guest", guest],
        vec!["trace", "--kvm", host, "--baseline", "samples/baseline.xml", "--guest", guest, "--all"],
        vec!["trace", "--host", host, "--guest", host],
    ] {
        documents(&run).iter().for_each(|document| hold(&traces, document, &run.join(" ")));
    }
    let explanations = validator("cpuid-explain-1");
    for run in [
        vec!["explain", "avx2", "CPUID.(EAX=07H,ECX=0):EBX[5]", "msr:0x10a", "Cascadelake-Server"],
        vec!["explain", "avx2", "0x1", "--in", host],
        vec!["explain", "avx2x"],
    ] {
        documents(&run).iter().for_each(|document| hold(&explanations, document, &run.join(" ")));
    }
}

#[test]
fn fleets() {
    let validator = validator("cpuid-fleet-1");
    let hosts = Hosts::new(&[
        Node::intel("clx", CASCADE_LAKE).tsc(2_400_000),
        Node::intel("icx", ICE_LAKE),
        Node::intel("old", ICE_LAKE).without("spec-ctrl"),
        Node::intel("spr", SAPPHIRE_RAPIDS),
        Node { with_msrs: false, ..Node::intel("bare", CASCADE_LAKE) },
        Node::new("amd", "AuthenticAMD", 0x00a0_0f11).with("sse2"),
    ]);
    let (vm, before) = ("samples/baseline.xml", "samples/fleet-history/before.json");
    let files = Files::new();
    let guest = |label: &str| Node { source: Source::Boot, ..Node::intel(label, ICE_LAKE) };
    files.put("a", &guest("a").json());
    files.put("b", &guest("b").without("umip").json());
    let (path, guests) = (hosts.path(), files.0.display().to_string());
    let empty = Files::new();
    let nobody = empty.0.display().to_string();
    for run in [
        vec!["fleet", "samples/fleet", "--as", "offer", "--since", before, "--vm", vm],
        vec!["fleet", &path, "--vm", vm, "--without", "amd"],
        vec!["fleet", &path, "--max-age", "1", "--as-of", "2026-02-01", "--min-hosts", "9"],
        vec!["fleet", &path, "--summary"],
        vec!["fleet", &guests],
        vec!["fleet", &nobody],
        vec!["fleet", before],
    ] {
        documents(&run).iter().for_each(|document| hold(&validator, document, &run.join(" ")));
    }
    let before: Value = serde_json::from_str(&fs::read_to_string(root().join(before)).unwrap()).unwrap();
    hold(&validator, &before, "the summary among the samples");
}

/// What a watcher prints of a vCPU of which one bit is not as in its dump.
#[test]
fn lines_of_watch() {
    let validator = validator("cpuid-watch-1");
    let files = Files::new();
    let probe = crate::cli::probe();
    let ask = |arguments: &[&str]| Command::new(&probe).args(arguments).stdin(Stdio::null()).output().unwrap();
    let now = ask(&["dump"]).stdout;
    let mut dump: Value = serde_json::from_slice(&now).unwrap();
    let leaves = dump["vcpus"][0]["leaves"].as_array_mut().unwrap();
    let edx = &mut leaves.iter_mut().find(|record| record["leaf"] == "0x00000001").unwrap()["edx"];
    let was = u32::from_str_radix(&edx.as_str().unwrap()[2..], 16).unwrap() ^ 1 << 21;
    *edx = format!("{was:#010x}").into();
    let baseline = files.put("baseline.json", &dump.to_string());
    let output = ask(&["watch", "--baseline", &baseline, "--count", "1", "--format", "json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!lines.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    lines.iter().for_each(|line| hold(&validator, line, "watch"));
    // The other forms of its words.
    let mut line = lines[0].clone();
    line["subleaf"] = "0x00000002".into();
    line["new"] = "absent".into();
    hold(&validator, &line, "a subleaf that went");
}
