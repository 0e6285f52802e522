//! `fleet`, through the command line: the ten fleets of the field, inputs that are trouble, options, forms.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::nodes::{CASCADE_LAKE, ICE_LAKE, Node, SAPPHIRE_RAPIDS};
use crate::support::files::Files;

/// A directory of hosts.
pub struct Hosts(pub Files);

impl Hosts {
    pub fn new(nodes: &[Node]) -> Self {
        let files = Files::new();
        for (i, node) in nodes.iter().enumerate() {
            files.put(&format!("{i}-{}.json", node.label), &node.json());
        }
        Self(files)
    }

    pub fn path(&self) -> String {
        self.0.0.display().to_string()
    }

    /// Exit code, standard output, standard error.
    pub fn run(&self, options: &[&str]) -> (i32, String, String) {
        fleet(&[&[self.path().as_str()], options].concat())
    }

    pub fn json(&self, options: &[&str]) -> (i32, Value) {
        let (code, out, err) = self.run(&[options, &["--format", "json"]].concat());
        (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}")))
    }
}

pub fn fleet(arguments: &[&str]) -> (i32, String, String) {
    let run = |arguments: &[&str]| -> Output {
        Command::new(env!("CARGO_BIN_EXE_cpuid-diff"))
            .arg("fleet")
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let output = run(arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

pub fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}")).iter().map(|v| v.as_str().unwrap()).collect()
}

/// The class of a host.
fn class<'a>(report: &'a Value, host: &str) -> &'a str {
    let hosts = report["hosts"].as_array().unwrap();
    hosts.iter().find(|h| h["name"] == host).unwrap_or_else(|| panic!("no {host}"))["class"].as_str().unwrap()
}

/// The move between the classes of two hosts.
fn step<'a>(report: &'a Value, from: &str, to: &str) -> &'a Value {
    let (from, to) = (class(report, from), class(report, to));
    let moves = report["moves"].as_array().unwrap();
    moves.iter().find(|m| m["from"] == from && m["to"] == to).unwrap_or_else(|| panic!("no move: one class"))
}

/// The hosts of each recommended pool.
fn pools(report: &Value) -> Vec<Vec<&str>> {
    let at = usize::try_from(report["recommended"].as_u64().unwrap()).unwrap();
    let members = report["partitions"][at]["members"].as_array().unwrap();
    let mut pools: Vec<Vec<&str>> = members.iter().map(|pool| strings(&pool["hosts"])).collect();
    pools.sort_unstable();
    pools
}

fn first_line(out: &str) -> &str {
    out.lines().next().unwrap_or_default()
}

#[test]
fn generations_move_by_capability_and_not_by_model_number() {
    let hosts = Hosts::new(&[
        Node::intel("clx", CASCADE_LAKE).signature(0x0005_0657),
        Node::intel("icx", ICE_LAKE).signature(0x0006_06a6),
        Node::intel("spr", SAPPHIRE_RAPIDS).signature(0x0008_06f8),
    ]);
    let (code, report) = hosts.json(&[]);
    assert_eq!(code, 1);
    let forward = step(&report, "clx", "icx");
    assert_eq!((forward["verdict"].as_str(), strings(&forward["loses"])), (Some("unsafe"), vec!["mpx"]));
    assert_eq!(step(&report, "icx", "clx")["verdict"], "unsafe");
    let hazard = step(&report, "icx", "spr");
    assert_eq!((hazard["verdict"].as_str(), strings(&hazard["review"])), (Some("review"), vec!["RRSBA"]));
    assert_eq!(strings(&step(&report, "spr", "icx")["loses"]).len(), 8, "{}", step(&report, "spr", "icx"));
    // Nothing depends on the order of the inputs.
    let back = Hosts::new(&[
        Node::intel("spr", SAPPHIRE_RAPIDS).signature(0x0008_06f8),
        Node::intel("icx", ICE_LAKE).signature(0x0006_06a6),
        Node::intel("clx", CASCADE_LAKE).signature(0x0005_0657),
    ]);
    let (_, mut other) = back.json(&[]);
    let mut report = report;
    for report in [&mut report, &mut other] {
        for host in report["hosts"].as_array_mut().unwrap() {
            host["file"] = Value::Null;
        }
    }
    assert_eq!(report, other);
}

#[test]
fn sources_of_one_host_that_disagree_are_trouble() {
    let node = Node::intel("node1", ICE_LAKE);
    let other = node.clone().without("avx512ifma");
    let third = Node::intel("node2", CASCADE_LAKE);
    let hosts = Hosts::new(&[node.clone(), other, third]);
    let (code, out, _) = hosts.run(&[]);
    assert_eq!(code, 2);
    assert!(first_line(&out).contains("two files of one host disagree"), "{out}");
    assert!(first_line(&out).contains("avx512ifma"), "{out}");
    let (_, report) = hosts.json(&[]);
    // From node1, nobody knows whether avx512ifma is lost; to it, nobody relies on it.
    assert!(!strings(&step(&report, "node1", "node2")["loses"]).contains(&"avx512ifma"));
    assert!(strings(&step(&report, "node1", "node2")["unknown"]).contains(&"avx512ifma"));
    assert_eq!(report["hosts"].as_array().unwrap().len(), 2);
    // Two files that agree are one host.
    let twice = Hosts::new(&[node.clone(), node]);
    let (code, report) = twice.json(&[]);
    assert_eq!((code, report["hosts"].as_array().unwrap().len()), (0, 1));
}

#[test]
fn an_emulated_fleet_tells_nothing_of_kvm() {
    let sample = std::fs::read_to_string(crate::support::root().join("samples/max.json")).unwrap();
    let files = Files::new();
    files.put("intel.json", &sample);
    files.put("amd.json", &sample);
    let hosts = Hosts(files);
    let (code, out, _) = hosts.run(&[]);
    assert!(
        first_line(&out).starts_with("emulated: ") && first_line(&out).contains("nothing about guests under KVM"),
        "{out}"
    );
    assert!(first_line(&out).contains("2 hosts in 1 class"), "{out}");
    assert!(code < 2, "{out}");
    hosts.0.put("real.json", &Node::intel("real", ICE_LAKE).json());
    let (code, out, _) = hosts.run(&[]);
    assert_eq!(code, 2);
    assert!(out.contains("real") && out.contains("what QEMU emulates"), "{out}");
}

#[test]
fn microcode_that_lags_is_named_first_and_takes_nothing_from_the_others() {
    let node = |name: &str| Node::intel(name, ICE_LAKE);
    let old = node("node3").without("spec-ctrl md-clear");
    let hosts = Hosts::new(&[node("node1"), node("node2"), old]);
    let (code, out, _) = hosts.run(&[]);
    assert_eq!(code, 1);
    assert!(first_line(&out).starts_with("update node3: it lacks protections that node1, node2 have: "), "{out}");
    assert!(first_line(&out).contains("spec-ctrl") && first_line(&out).contains("md-clear"), "{out}");
    let (_, report) = hosts.json(&[]);
    assert_eq!(pools(&report), [vec!["node1", "node2"], vec!["node3"]]);
}

#[test]
fn a_hazard_is_named_and_makes_no_pool_impossible() {
    let hosts = Hosts::new(&[Node::intel("node1", ICE_LAKE), Node::intel("node2", ICE_LAKE).with("RRSBA")]);
    let (code, out, _) = hosts.run(&[]);
    assert_eq!(code, 1);
    assert!(first_line(&out).contains("hazards differ: RRSBA (node2)"), "{out}");
    let (_, report) = hosts.json(&[]);
    assert_eq!(pools(&report), [vec!["node1", "node2"]]);
    assert_eq!(step(&report, "node1", "node2")["verdict"], "review");
    assert_eq!(step(&report, "node2", "node1")["verdict"], "safe");
    assert_eq!(strings(&report["partitions"][0]["members"][0]["hazards"]), ["RRSBA"]);
}

#[test]
fn the_price_names_the_set_of_hosts() {
    let new = |name: &str| Node::intel(name, ICE_LAKE);
    let old = |name: &str| Node::intel(name, ICE_LAKE).without("avx512vbmi2 gfni vaes");
    let slow = old("old2").number("phys_bits", 44);
    let hosts = Hosts::new(&[new("new1"), new("new2"), new("new3"), old("old1"), slow]);
    let (_, report) = hosts.json(&[]);
    let price = report["price"].as_array().unwrap();
    let set = price.iter().find(|p| strings(&p["names"]).contains(&"gfni")).unwrap();
    assert_eq!(strings(&set["lacking_hosts"]), ["old1", "old2"]);
    assert_eq!(strings(&set["names"]), ["avx512vbmi2", "gfni", "vaes"]);
    assert_eq!(
        set["saves"],
        3 * 9 + 3,
        "three features of weight 3 for three hosts, and the number that goes with old2"
    );
    let (_, out, _) = hosts.run(&["--without", "old1", "--without", "old2"]);
    let out = out.replace('\n', " ");
    assert!(
        out.contains(
            "without old1, old2 the other hosts of the vendor have 4 more in common: avx512vbmi2, gfni, vaes, phys_bits"
        ),
        "{out}"
    );
}

#[test]
fn hosts_without_msrs_are_told_apart_by_just_that() {
    let node = |name: &str| Node::intel(name, ICE_LAKE);
    let bare = |name: &str| Node { with_msrs: false, ..node(name) };
    let hosts = Hosts::new(&[node("a1"), node("a2"), bare("b1"), bare("b2")]);
    let (code, report) = hosts.json(&[]);
    assert_eq!((code, report["classes"].as_array().unwrap().len()), (1, 2));
    for (from, to) in [("a1", "b1"), ("b1", "a1")] {
        let step = step(&report, from, to);
        assert_eq!((step["verdict"].as_str(), strings(&step["loses"]).len()), (Some("unknown"), 0), "{from} {to}");
    }
    let (_, out, _) = hosts.run(&[]);
    assert!(out.contains("partial: MSRs not captured") && out.contains("--msrs"), "{out}");
    assert_eq!(pools(&report), [vec!["a1", "a2"], vec!["b1", "b2"]], "no pool rests on what nobody knows");
    assert_eq!(
        report["partitions"][1]["members"].as_array().unwrap().iter().filter(|m| m["partial"] == true).count(),
        1
    );
}

#[test]
fn a_hybrid_host_offers_what_all_its_cores_have() {
    let hybrid = Node { lacking: vec![vec!["avx512f", "gfni"]], ..Node::intel("hybrid", ICE_LAKE) };
    let plain = Node::intel("plain", ICE_LAKE).without("avx512f gfni");
    let (code, report) = Hosts::new(&[hybrid, plain]).json(&[]);
    assert_eq!((code, report["classes"].as_array().unwrap().len()), (0, 1));
}

#[test]
fn a_clock_is_an_interval_and_not_a_class() {
    let khz = 2_400_000;
    let node = |name: &str, ppm: u32| Node::intel(name, ICE_LAKE).with("invtsc").tsc(khz + khz / 1000 * ppm / 1000);
    let hosts = Hosts::new(&[node("n1", 0), node("n2", 190), node("n3", 380)]);
    let (code, report) = hosts.json(&[]);
    assert_eq!((code, report["classes"].as_array().unwrap().len()), (0, 1));
    assert_eq!(report["classes"][0]["tsc_khz"], serde_json::json!([2_400_000, 2_400_912]));
    let vm = hosts.0.put(
        "../vm-pinned.xml",
        "<domain type='kvm'><clock offset='utc'><timer name='tsc' frequency='2400000000'/></clock>\
         <cpu mode='custom' match='exact'><model fallback='forbid'>Nehalem</model>\
         <feature policy='require' name='invtsc'/></cpu></domain>",
    );
    let (code, out, _) = hosts.run(&["--vm", &vm]);
    let _ = std::fs::remove_file(&vm);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("n3 (2400912 kHz, 380 ppm away)") && !out.contains("n2 (2400"), "{out}");
}

/// A host-model as domcapabilities print it.
pub fn host_model(model: &str, features: &str) -> String {
    let listed: String =
        features.split_whitespace().map(|name| format!("<feature policy='require' name='{name}'/>\n")).collect();
    format!(
        "<domainCapabilities><domain>kvm</domain><machine>pc-q35-7.2</machine><cpu><mode name='host-model' supported='yes'>\n\
         <model fallback='forbid'>{model}</model>\n<vendor>Intel</vendor>\n{listed}</mode></cpu></domainCapabilities>\n"
    )
}

#[test]
fn a_definition_uses_names_that_every_member_knows() {
    let files = Files::new();
    files.put("old.xml", &host_model("Cascadelake-Server", "vme ss pdcm umip avx512-vpopcntdq"));
    files.put("new.xml", &host_model("GraniteRapids", "vme ss pdcm umip bhi-no its-no"));
    let (code, report) = Hosts(files).json(&["--pools", "1"]);
    assert_eq!(code, 1);
    let pool = &report["partitions"][0]["members"][0];
    let xml = pool["libvirt"].as_str().unwrap_or_else(|| panic!("{pool}"));
    let old = cpuid_diff::cpu_map::CpuMap::libvirt_9_0(cpuid_diff::knowledge::Knowledge::builtin());
    let cpu = cpuid_probe::libvirt::read_cpus(xml).unwrap().remove(0);
    assert!(old.model(cpu.model.as_deref().unwrap()).is_ok(), "{xml}");
    for feature in &cpu.features {
        assert!(old.feature(&feature.name).is_some(), "{} in {xml}", feature.name);
    }
}
