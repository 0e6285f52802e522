//! `fleet --policy`: what a site accepts is shown as waived in every form, and is never a plain yes.

use serde_json::Value;

use crate::fleet::{Hosts, fleet, strings};
use crate::nodes::{ICE_LAKE, Node};
use crate::support::files::Files;
use cpuid_probe::dump::Source;
use cpuid_probe::json;

const ACCEPTS: &str = "[[waiver]]\nfeature = \"sha-ni\"\naccept = \"unsafe\"\nreason = \"no guest here hashes\"\n";

/// Two hosts alike, and a third without sha-ni.
fn three() -> Hosts {
    let node = |label| Node::intel(label, ICE_LAKE);
    Hosts::new(&[node("n1"), node("n2"), node("n3").without("sha-ni")])
}

/// Options for a policy of this text.
fn judged(files: &Files, text: &str) -> Vec<String> {
    ["--policy", &files.put("policy.toml", text), "--as-of", "2026-02-01"].map(str::to_string).to_vec()
}

fn run(hosts: &Hosts, policy: &str, more: &[&str]) -> (i32, Value) {
    let files = Files::new();
    let options = judged(&files, policy);
    hosts.json(&[options.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), more].concat())
}

/// The one VM on the class of a host.
fn placement<'a>(report: &'a Value, host: &str) -> &'a Value {
    let mut hosts = report["hosts"].as_array().unwrap().iter();
    let class = &hosts.find(|of| of["name"] == host).unwrap()["class"];
    let mut placements = report["placements"].as_array().unwrap().iter();
    placements.find(|placement| placement["class"] == *class).unwrap()
}

/// The move from the class of one host to that of another.
fn step<'a>(report: &'a Value, from: &str, to: &str) -> &'a Value {
    let class = |name: &str| {
        let mut hosts = report["hosts"].as_array().unwrap().iter();
        &hosts.find(|host| host["name"] == name).unwrap()["class"]
    };
    let mut moves = report["moves"].as_array().unwrap().iter();
    moves.find(|m| m["from"] == *class(from) && m["to"] == *class(to)).unwrap()
}

#[test]
fn a_waived_move_is_shown_as_waived_and_pools_stay_as_they_are() {
    let hosts = three();
    let (code, plain) = hosts.json(&[]);
    assert_eq!((code, step(&plain, "n1", "n3")["verdict"].as_str()), (1, Some("unsafe")));
    assert_eq!(strings(&plain["policy"]), Vec::<&str>::new());
    let (code, report) = run(&hosts, ACCEPTS, &[]);
    let waived = step(&report, "n1", "n3");
    assert_eq!((waived["verdict"].as_str(), strings(&waived["loses"])), (Some("waived"), vec!["sha-ni"]));
    let accepted = serde_json::json!([
        { "name": "sha-ni", "severity": "unsafe", "reason": "no guest here hashes", "expires": null }
    ]);
    assert_eq!(waived["waived"], accepted);
    // The way back needs no waiver; all that differs is accepted.
    assert_eq!((step(&report, "n3", "n1")["verdict"].as_str(), code), (Some("safe"), 0));
    for key in ["partitions", "recommended", "price", "classes", "problems"] {
        assert_eq!(report[key], plain[key], "{key}");
    }
}

#[test]
fn every_form_says_what_is_waived() {
    let (hosts, files) = (three(), Files::new());
    let options = judged(&files, ACCEPTS);
    for (format, word) in [
        ("table", "waived (no guest here hashes): sha-ni"),
        ("markdown", "waived (no guest here hashes): sha-ni"),
        ("html", "waived (no guest here hashes): sha-ni"),
        ("dot", "1 move is waived"),
        ("junit", "1 move is waived"),
        ("github", "1 move is waived"),
        ("prometheus", "cpuid_diff_fleet_moves{verdict=\"waived\"} 1"),
    ] {
        let options: Vec<&str> = options.iter().map(String::as_str).chain(["--format", format]).collect();
        let (code, out, err) = hosts.run(&options);
        assert!(code == 0 && out.contains(word), "{format}: {out}{err}");
        if format != "prometheus" {
            assert!(out.contains("1 move is waived"), "{format}: {out}");
        }
        // Where a colour says yes, it does not say it here.
        assert!(format != "html" || out.contains("<h1 class=\"review\">"), "{out}");
    }
}

#[test]
fn a_waiver_covers_what_it_names_and_no_more() {
    let hosts = three();
    let with = |more: &str| format!("{ACCEPTS}{more}\n");
    let inputs = |names: &str| with(&format!("inputs = [{names}]"));
    let unsafe_ = ACCEPTS.replace("accept = \"unsafe\"\n", "");
    let rows: Vec<(&str, String, &str, i32, &str)> = vec![
        ("not accepted", unsafe_, "unsafe", 1, "does not cover what is unsafe (0x00000007.0x00000000:ebx:29)"),
        ("expired", with("expires = 2026-01-31"), "unsafe", 1, "expired on 2026-01-31 and no longer counts"),
        ("last day", with("expires = 2026-02-01"), "waived", 0, ""),
        ("another", ACCEPTS.replace("sha-ni", "umip"), "unsafe", 1, "covers nothing here"),
        ("by its register", ACCEPTS.replace("feature = \"sha-ni\"", "leaf = 7"), "unsafe", 1, "does not cover"),
        ("all of one class", inputs("\"n3\""), "waived", 0, ""),
        ("one of two alike", inputs("\"n1\""), "unsafe", 1, "covers nothing here"),
        ("not all of both", inputs("\"n1\", \"n3\""), "unsafe", 1, "covers nothing here"),
        ("all of both", inputs("\"n1\", \"n2\", \"n3\""), "waived", 0, ""),
    ];
    for (what, policy, verdict, exit, remark) in rows {
        let (code, report) = run(&hosts, &policy, &[]);
        assert_eq!((step(&report, "n1", "n3")["verdict"].as_str(), code), (Some(verdict), exit), "{what}");
        let said = strings(&report["policy"]);
        assert!(said[0].contains("judged as of 2026-02-01: 1 waiver, "), "{what}: {said:?}");
        assert_eq!(said.len(), 1 + usize::from(!remark.is_empty()), "{what}: {said:?}");
        assert!(said.last().unwrap().contains(remark), "{what}: {said:?}");
    }
    // What needs a look is in line 1, and so in every form.
    let files = Files::new();
    let options = judged(&files, &with("expires = 2026-01-31"));
    for format in ["table", "markdown", "html", "dot", "junit", "github"] {
        let options: Vec<&str> = options.iter().map(String::as_str).chain(["--format", format]).collect();
        assert!(hosts.run(&options).1.contains("expired on 2026-01-31"), "{format}");
    }
    let (code, _, err) = fleet(&[&[hosts.path().as_str(), "--summary"], &["--policy", "any"][..]].concat());
    assert!(code == 2 && err.contains("--policy"), "{err}");
}

#[test]
fn what_is_not_known_or_in_no_place_no_waiver_covers() {
    let node = |label| Node::intel(label, ICE_LAKE);
    let unread = Node { with_msrs: false, ..node("n2").without("sha-ni") };
    let (code, report) = run(&Hosts::new(&[node("n1"), unread]), ACCEPTS, &[]);
    assert_eq!((step(&report, "n1", "n2")["verdict"].as_str(), code), (Some("unknown"), 1));
    let other =
        Node::new("n2", "AuthenticAMD", 0x00a2_0f12).with(crate::nodes::COMMON).with(ICE_LAKE).without("sha-ni");
    let (_, report) = run(&Hosts::new(&[node("n1"), other]), ACCEPTS, &[]);
    let step = self::step(&report, "n1", "n2");
    assert_eq!((step["verdict"].as_str(), strings(&step["loses"])), (Some("unsafe"), vec!["sha-ni"]));
    assert!(step["waived"].as_array().unwrap().is_empty());
    assert!(strings(&report["policy"])[1].ends_with("covers nothing here"), "{}", report["policy"]);
    // One loss of two.
    let (code, report) = run(&Hosts::new(&[node("n1"), node("n2").without("sha-ni gfni")]), ACCEPTS, &[]);
    let step = self::step(&report, "n1", "n2");
    assert_eq!((step["verdict"].as_str(), code), (Some("unsafe"), 1));
    assert_eq!(step["waived"].as_array().unwrap().len(), 1);
}

#[test]
fn a_hazard_needs_no_more_than_a_waiver() {
    let hosts = Hosts::new(&[Node::intel("n1", ICE_LAKE), Node::intel("n2", ICE_LAKE).with("RRSBA")]);
    let policy = "[[waiver]]\nfeature = \"RRSBA\"\nreason = \"the guests' kernels know\"\n";
    let (code, report) = run(&hosts, policy, &[]);
    assert_eq!(step(&report, "n1", "n2")["verdict"], "waived");
    // What a pool's notes say is not a move's.
    assert_eq!(code, 1);
}

#[test]
fn a_running_vm_moves_by_waiver_and_a_definition_starts_as_its_host_lets_it() {
    let (hosts, files) = (three(), Files::new());
    let guest = Node { source: Source::Native, ..Node::intel("vm", ICE_LAKE) };
    let dump = files.put("vm.json", &json::to_string(&guest.dump()));
    let placed = |policy: &str, vm: &str, pools: &str| {
        let (code, report) = run(&hosts, policy, &["--vm", vm, "--pools", pools]);
        let of = |key: &str| -> Vec<Value> {
            report["placements"].as_array().unwrap().iter().map(|placement| placement[key].clone()).collect()
        };
        (code, of("starts"), of("moves_to"), of("moves_by_waiver"))
    };
    let none = || Value::Array(Vec::new());
    let (code, starts, ..) = placed("", &dump, "1");
    assert_eq!((code, starts), (1, vec!["yes".into(), "no".into()]));
    let (code, starts, to, by_waiver) = placed(ACCEPTS, &dump, "1");
    assert_eq!((code, starts), (0, vec!["yes".into(), "waived".into()]));
    // There it is by a waiver, and back it goes without one.
    assert_eq!((to[0].clone(), by_waiver[1].clone()), (none(), none()));
    assert_eq!((to[1].as_array().unwrap().len(), by_waiver[0].as_array().unwrap().len()), (1, 1));
    let policy = files.put("policy.toml", ACCEPTS);
    let (_, out, _) = hosts.run(&["--vm", &dump, "--pools", "1", "--policy", &policy]);
    assert!(out.lines().next().unwrap().contains("by waiver alone a pool takes vm.json"), "{out}");
    assert!(out.contains("pool 1 (by waiver) takes it"), "{out}");
    let (_, out, _) = hosts.run(&["--vm", &dump, "--pools", "1", "--policy", &policy, "--format", "prometheus"]);
    assert!(out.contains("vm_pools_by_waiver{vm=\"vm.json\"} 1"), "{out}");
    let definition =
        "<cpu mode='custom' match='exact'><model>Nehalem</model><feature policy='require' name='sha-ni'/></cpu>";
    let (code, starts, ..) = placed(ACCEPTS, &files.put("vm.xml", definition), "1");
    assert_eq!((code, starts), (1, vec!["yes".into(), "no".into()]));
    // A feature that is left to each host is lost on the way.
    let optional = files.put("optional.xml", &definition.replace("require", "optional"));
    let (code, .., by_waiver) = placed("", &optional, "1");
    assert_eq!((code, by_waiver[0].clone()), (1, none()));
    let (code, starts, to, by_waiver) = placed(ACCEPTS, &optional, "1");
    assert_eq!((code, starts), (0, vec!["yes".into(), "yes".into()]));
    assert_eq!((to[0].clone(), by_waiver[0].as_array().unwrap().len()), (none(), 1));
}

#[test]
fn a_waiver_for_some_hosts_is_not_for_a_vm_that_comes_from_others() {
    let node = |label| Node::intel(label, ICE_LAKE);
    let less = |label| node(label).without("sha-ni");
    let (hosts, files) = (Hosts::new(&[node("a1"), node("a2"), less("b1"), less("b2")]), Files::new());
    let dump = files.put("vm.json", &json::to_string(&Node { source: Source::Native, ..node("vm") }.dump()));
    for (inputs, starts, exit) in [
        ("\"b1\", \"b2\"", "no", 1),
        ("\"a1\", \"a2\"", "no", 1),
        ("\"b1\"", "no", 1),
        ("\"a1\", \"b1\", \"b2\"", "no", 1),
        ("\"vm.json\", \"b1\"", "no", 1),
        ("\"other.json\"", "no", 1),
        ("\"a1\", \"a2\", \"b1\", \"b2\"", "waived", 0),
        ("\"vm.json\", \"b1\", \"b2\"", "waived", 0),
        ("\"vm.json\"", "waived", 0),
    ] {
        let (code, report) = run(&hosts, &format!("{ACCEPTS}inputs = [{inputs}]\n"), &["--vm", &dump, "--pools", "1"]);
        assert_eq!((placement(&report, "b1")["starts"].as_str(), code), (Some(starts), exit), "{inputs}");
    }
    // Of two classes that it may come from, one is named.
    let other = node("c1").with("RRSBA");
    let hosts = Hosts::new(&[node("a1"), less("b1"), other]);
    let policy = format!("{ACCEPTS}inputs = [\"a1\", \"b1\"]\n");
    let (_, report) = run(&hosts, &policy, &["--vm", &dump, "--pools", "1"]);
    let by_waiver = |name: &str| {
        let there = &placement(&report, "b1")["class"];
        placement(&report, name)["moves_by_waiver"].as_array().unwrap().contains(there)
    };
    assert_eq!([by_waiver("a1"), by_waiver("c1")], [true, false]);
}

#[test]
fn guests_of_one_definition_are_waived_as_compare_does_it() {
    let guest = |label, without: &str| Node { source: Source::Boot, ..Node::intel(label, ICE_LAKE).without(without) };
    let hosts = Hosts::new(&[guest("n1", ""), guest("n2", "sha-ni")]);
    let (code, plain) = hosts.json(&["--as", "guest"]);
    assert_eq!((step(&plain, "n1", "n2")["verdict"].as_str(), code), (Some("unsafe"), 1));
    let both = format!("{ACCEPTS}\n[[waiver]]\nfeature = \"RRSBA\"\nreason = \"none\"\n");
    let (code, report) = run(&hosts, &both, &["--as", "guest"]);
    // The way back gains it, which a person has to look at, and the waiver accepts.
    let verdicts = ["n1", "n2"].map(|from| step(&report, from, if from == "n1" { "n2" } else { "n1" }));
    assert_eq!(verdicts.map(|step| step["verdict"].as_str().unwrap()), ["waived"; 2]);
    assert_eq!(verdicts.map(|step| step["waived"][0]["severity"].as_str().unwrap()), ["unsafe", "warning"]);
    assert_eq!(code, 0);
    assert!(strings(&report["policy"])[1].contains("(feature RRSBA) covers nothing here"), "{}", report["policy"]);
}
