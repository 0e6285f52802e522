//! `check` and `compare --baseline`, through the command line: the reference case, and what every policy means.

use std::fs;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::files::Files;

const NODE1: &str = "00000001 00000000: 000306c1 0f000800 fffa3223 0f8bfbff\n";
const NODE2: &str = "00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff\n";

/// The baseline that came from `virsh capabilities` through `virsh cpu-baseline`, in part.
const CAPABILITIES: &str = "\
<cpu mode='custom' match='exact'>
  <model fallback='allow'>Haswell-noTSX</model>
  <vendor>Intel</vendor>
  <feature policy='require' name='ds'/>
  <feature policy='require' name='dtes64'/>
  <feature policy='require' name='pdcm'/>
  <feature policy='require' name='abm'/>
</cpu>
";

const LOG: &str = "\
2026-01-01T00:00:00.000000Z qemu-kvm: warning: host doesn't support requested feature: CPUID.01H:EDX.ds [bit 21]
2026-01-01T00:00:00.000000Z qemu-kvm: warning: host doesn't support requested feature: CPUID.01H:ECX.dtes64 [bit 2]
2026-01-01T00:00:00.000000Z qemu-kvm: warning: host doesn't support requested feature: CPUID.01H:EDX.tm [bit 29]
";

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cpuid-diff")).args(arguments).stdin(Stdio::null()).output().expect("cpuid-diff")
}

/// Runs with `--format json` and returns the exit code and the report.
fn report(arguments: &[&str]) -> (i32, Value) {
    let output = run(&[arguments, &["--format", "json"]].concat());
    let code = output.status.code().expect("an exit code");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let error = String::from_utf8_lossy(&output.stderr);
    (code, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}{error}")))
}

fn findings(report: &Value) -> &Vec<Value> {
    report["findings"].as_array().expect("findings")
}

fn names(report: &Value, severity: &str) -> Vec<String> {
    let mut names: Vec<String> = findings(report)
        .iter()
        .filter(|f| f["severity"] == severity)
        .map(|f| f["name"].as_str().unwrap_or_default().to_string())
        .collect();
    names.sort();
    names
}

fn finding<'a>(report: &'a Value, name: &str) -> &'a Value {
    findings(report).iter().find(|f| f["name"] == name).unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

fn result(report: &Value) -> &str {
    report["verdict"]["baseline"][0]["result"].as_str().expect("a result")
}

#[test]
fn the_reference_case() {
    let files = Files::new();
    let (node1, node2) = (files.put("node1", NODE1), files.put("node2", NODE2));
    let (Some(capabilities), Some(domcapabilities)) = (
        crate::support::shared("corpus/reference-case/cap_cpu_baseline__cpu_baseline.txt"),
        crate::support::shared("corpus/reference-case/docap_cpu_baseline__cpu-baseline.xml"),
    ) else {
        return;
    };
    let of = |dump: &str, baseline: &std::path::Path| {
        let (code, report) = report(&["check", dump, "--baseline", &baseline.display().to_string()]);
        assert_eq!((code, result(&report)), (1, "not-met"));
        names(&report, "unsafe")
    };
    let missing = "acpi dca ds ds_cpl dtes64 est ht monitor pbe pdcm smx tm tm2 xtpr";
    assert_eq!(of(&node1, &capabilities).join(" "), missing);
    assert_eq!(of(&node2, &capabilities).join(" "), missing.replace("ds ds_cpl dtes64", "ds_cpl"));
    assert_eq!(of(&node1, &domcapabilities), ["pdcm"]);
    assert_eq!(of(&node2, &domcapabilities), ["pdcm"]);
}

#[test]
fn each_missing_bit_says_whether_qemu_announced_it() {
    let files = Files::new();
    let (node1, baseline) = (files.put("node1", NODE1), files.put("baseline.xml", CAPABILITIES));
    let log = files.put("qemu.log", LOG);
    let (code, report) = report(&["check", &node1, "--baseline", &baseline, "--qemu-log", &log]);
    assert_eq!(code, 1);
    let evidence = |name: &str| finding(&report, name)["evidence"][0].as_str().expect("evidence").to_string();
    assert!(evidence("ds").ends_with("CPUID.01H:EDX.ds [bit 21]"), "{}", evidence("ds"));
    assert!(evidence("dtes64").contains("dtes64"));
    assert!(evidence("pdcm").starts_with("not announced"));
    assert!(
        finding(&report, "pdcm")["cause"]
            .as_str()
            .is_some_and(|cause| cause.contains("PMU") && cause.contains("without a word"))
    );
    assert!(finding(&report, "ds")["cause"].as_str().is_some_and(|cause| cause.contains("PEBS")));
    assert!(finding(&report, "ds")["remedy"].as_str().is_some_and(|r| r.contains("policy='disable' name='ds'")));
    // Not promised, but QEMU says that it tried.
    assert_eq!(
        (&finding(&report, "tm")["rule"], &finding(&report, "tm")["severity"]),
        (&"announced".into(), &"info".into())
    );
}

#[test]
fn what_was_not_captured_is_listed_and_never_missing() {
    let files = Files::new();
    let node1 = files.put("node1", NODE1);
    let baseline = files.put("b.xml", "<cpu><model>Haswell-noTSX</model><feature name='rdctl-no'/></cpu>");
    let (code, report) = report(&["check", &node1, "--baseline", &baseline]);
    assert_eq!((code, result(&report)), (1, "unverified"));
    assert!(report["verdict"]["baseline"][0]["reason"].as_str().is_some_and(|r| r.contains("--msrs")));
    assert!(names(&report, "unsafe").is_empty());
    let avx2 = finding(&report, "avx2");
    assert_eq!((&avx2["values"]["a"], &avx2["values"]["expected"]), (&Value::Null, &"1".into()));
    assert_eq!(finding(&report, "rdctl-no")["id"], "msr:0x0000010a:0");
    let leaves: Vec<&Value> = report["not_captured"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|n| if n["msr"].is_null() { &n["leaf"] } else { &n["msr"] })
        .collect();
    for place in ["0x00000007", "0x80000001", "0x0000010a"] {
        assert!(leaves.contains(&&Value::from(place)), "{leaves:?}");
    }
    let partial = run(&["check", &node1, "--baseline", &baseline, "--partial"]);
    assert_eq!(partial.status.code(), Some(0));
}

#[test]
fn every_policy_means_what_libvirt_says() {
    let files = Files::new();
    let node1 = files.put("node1", NODE1);
    // ds is clear and fpu is set in the dump; 486 has fpu, vme and pse.
    let one = |features: &str| {
        let xml = format!("<cpu><model>486</model>{features}</cpu>");
        let (code, report) = report(&["check", &node1, "--baseline", &files.put("b.xml", &xml), "--partial"]);
        (code, result(&report).to_string(), names(&report, "unsafe"), names(&report, "warning"))
    };
    let feature = |policy: &str, name: &str| format!("<feature policy='{policy}' name='{name}'/>");
    let none: [String; 0] = [];
    let met = (0, "met".to_string(), none.to_vec(), none.to_vec());
    for kept in [
        feature("require", "sse"),
        feature("force", "sse"),
        feature("optional", "ds"),
        feature("optional", "vme"),
        feature("disable", "ds"),
        feature("forbid", "ds"),
        String::new(),
    ] {
        assert_eq!(one(&kept), met, "{kept}");
    }
    let not_met = |bad: [&str; 1], odd: &[&str]| {
        let list = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
        let bad: Vec<&str> = bad.into_iter().filter(|n| !n.is_empty()).collect();
        (1, "not-met".to_string(), list(&bad), list(odd))
    };
    assert_eq!(one(&feature("require", "ds")), not_met(["ds"], &[]));
    assert_eq!(one(&feature("force", "ds")), not_met(["ds"], &[]));
    assert_eq!(one(&feature("forbid", "sse")), not_met(["sse"], &[]));
    assert_eq!(one(&feature("disable", "sse")), not_met([""], &["sse"]));
    let unknown = one(&feature("require", "avx3"));
    assert_eq!(unknown, (1, "unverified".to_string(), none.to_vec(), vec!["avx3".to_string()]));
}

/// QEMU's newer models list `vmx-*` without `vmx`; without nesting none of them is promised.
#[test]
fn a_guest_without_nested_virtualization_owes_no_vmx_features() {
    let files = Files::new();
    // Every leaf up to 1, neither vmx nor arch-capabilities: the MSRs do not exist.
    let dump = files.put("guest", "00000000 00000000: 00000001 756e6547 6c65746e 49656e69\n00000001 00000000: 000806f0 00000800 80000000 0f8bfbff\n");
    for model in ["SapphireRapids-v2", "GraniteRapids-v1", "SierraForest", "Icelake-Server-v5", "Skylake-Client-v4"] {
        let missing = |features: &str| {
            let xml = format!("<cpu><model>{model}</model>{features}</cpu>");
            let baseline = files.put("b.xml", &xml);
            let (_, report) = report(&["check", &dump, "--baseline", &baseline, "--partial"]);
            let missing = names(&report, "unsafe");
            assert!(missing.contains(&"avx2".to_string()) || missing.contains(&"movbe".to_string()), "{missing:?}");
            missing.into_iter().filter(|name| name.starts_with("vmx")).collect::<Vec<_>>()
        };
        assert!(missing("").is_empty(), "{model}");
        assert!(missing("<feature name='vmx' policy='disable'/>").is_empty(), "{model}");
        assert_eq!(missing("<feature name='vmx-ept'/>"), ["vmx-ept"], "{model}");
        assert!(missing("<feature name='vmx' policy='optional'/>").is_empty(), "{model}");
        let nested = missing("<feature name='vmx'/>");
        assert!(nested.len() > 60 && nested[0] == "vmx", "{model}: {nested:?}");
    }
}

/// Whether it was to nest or merely may, and does: then the model's `vmx-*` are promised with it.
#[test]
fn a_guest_that_may_nest_and_does_owes_the_vmx_features() {
    let files = Files::new();
    let with = |msr: &str| {
        let text = "00000000 00000000: 00000001 756e6547 6c65746e 49656e69\n00000001 00000000: 000806f0 00000800 80000020 0f8bfbff\n";
        let dump = files.put("guest", &format!("{text}{msr}"));
        let xml = "<cpu><model>SapphireRapids-v2</model><feature name='vmx' policy='optional'/>\
                   <feature name='vmx-invvpid' policy='optional'/></cpu>";
        report(&["check", &dump, "--baseline", &files.put("b.xml", xml), "--partial"]).1
    };
    // IA32_VMX_EPT_VPID_CAP without anything in it.
    let nothing =
        with("msr 00000482: ffffffff 00000000\nmsr 0000048b: ffffffff 00000000\nmsr 0000048c: 00000000 00000000\n");
    let missing = names(&nothing, "unsafe");
    assert!(
        missing.contains(&"vmx-page-walk-4".to_string()) && !missing.contains(&"vmx-ept".to_string()),
        "{missing:?}"
    );
    assert!(!missing.contains(&"vmx-invvpid".to_string()), "{missing:?}");
    assert_eq!(finding(&nothing, "vmx-page-walk-4")["rule"], "require");
    // Nobody read the MSRs, so their bits are unknown.
    let unread = with("");
    assert!(!names(&unread, "unsafe").iter().any(|name| name.starts_with("vmx-")));
    assert!(names(&unread, "info").contains(&"vmx-page-walk-4".to_string()));
}

#[test]
fn extra_features_are_said_and_only_strict_warns_of_them() {
    let files = Files::new();
    let node1 = files.put("node1", NODE1);
    let of = |matching: &str| {
        let xml = format!("<cpu match='{matching}'><model>486</model></cpu>");
        report(&["check", &node1, "--baseline", &files.put("b.xml", &xml), "--partial"])
    };
    let (code, exact) = of("exact");
    assert_eq!((code, result(&exact)), (0, "met"));
    assert_eq!(
        (&finding(&exact, "sse2")["rule"], &finding(&exact, "sse2")["severity"]),
        (&"extra".into(), &"info".into())
    );
    // What the guest's own system set is never judged.
    assert!(!names(&exact, "info").contains(&"osxsave".to_string()));
    let (code, strict) = of("strict");
    assert_eq!((code, result(&strict)), (1, "met"));
    assert!(names(&strict, "warning").contains(&"sse2".to_string()));
}

#[test]
fn vendor_and_address_width_are_checked_where_given() {
    let files = Files::new();
    let guest = "\
00000000 00000000: 00000001 756e6547 6c65746e 49656e69
00000001 00000000: 000306c1 00000800 00000000 0000001b
80000000 00000000: 80000008 00000000 00000000 00000000
80000001 00000000: 00000000 00000000 00000000 00000000
80000002 00000000: 00000000 00000000 00000000 00000000
80000003 00000000: 00000000 00000000 00000000 00000000
80000004 00000000: 00000000 00000000 00000000 00000000
80000005 00000000: 00000000 00000000 00000000 00000000
80000006 00000000: 00000000 00000000 00000000 00000000
80000007 00000000: 00000000 00000000 00000000 00000000
80000008 00000000: 0000302e 00000000 00000000 00000000
";
    let long_mode = guest.replace(
        "80000001 00000000: 00000000 00000000 00000000 00000000",
        "80000001 00000000: 00000000 00000000 00000000 20000000",
    );
    let own_width = long_mode.replace("0000302e", "00003028");
    let put = |name: &str, text: &str| files.put(name, text);
    let (guest, long_mode, own_width) = (put("guest", guest), put("long", &long_mode), put("own", &own_width));
    let held = |guest: &str, inner: &str| {
        let xml = format!("<cpu><model>486</model>{inner}</cpu>");
        let (code, report) = report(&["check", guest, "--as", "guest", "--baseline", &files.put("b.xml", &xml)]);
        (code, result(&report).to_string(), names(&report, "unsafe").join(" "))
    };
    let of = |inner: &str| held(&guest, inner);
    let met = |name: &str| (0, "met".to_string(), name.to_string());
    let not = |name: &str| (1, "not-met".to_string(), name.to_string());
    assert_eq!(of("<vendor>Intel</vendor>"), met(""));
    assert_eq!(of("<vendor>AMD</vendor>"), not("vendor"));
    assert_eq!(of("<maxphysaddr mode='emulate' bits='46'/>"), met(""));
    assert_eq!(of("<maxphysaddr mode='emulate' bits='40'/>").0, 1);
    assert_eq!(of("<maxphysaddr mode='passthrough' limit='46'/>"), met(""));
    assert_eq!(of("<maxphysaddr mode='passthrough' limit='45'/>").0, 1);
    // Without bits it is QEMU's own width, 40 bits of a CPU with long mode.
    let own = "<maxphysaddr mode='emulate'/>";
    assert_eq!((held(&long_mode, own).0, held(&own_width, own).0, of(own).0), (1, 0, 0));
}

#[test]
fn what_promises_nothing_is_unverified_with_the_reason() {
    let files = Files::new();
    let node1 = files.put("node1", NODE1);
    for xml in ["<cpu mode='host-passthrough'/>", "<cpu mode='maximum'/>", "<cpu mode='host-model'/>", "<cpu/>"] {
        let (code, report) = report(&["check", &node1, "--baseline", &files.put("b.xml", xml), "--partial"]);
        // --partial accepts what was not captured, not that there is nothing to keep.
        assert_eq!((code, result(&report)), (1, "unverified"), "{xml}");
        assert!(report["verdict"]["baseline"][0]["reason"].is_string());
    }
    let listed = "<cpu mode='host-passthrough'><feature policy='require' name='ds'/></cpu>";
    let (code, report) = report(&["check", &node1, "--baseline", &files.put("b.xml", listed)]);
    assert_eq!((code, result(&report), names(&report, "unsafe")), (1, "not-met", vec!["ds".to_string()]));
}

#[test]
fn trouble_is_one_clear_line_and_no_verdict() {
    let files = Files::new();
    let node1 = files.put("node1", NODE1);
    let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><cpu><model>&b;</model></cpu>";
    let cases = [
        ("<cpu>\n  <model>x</modle>\n</cpu>", "b.xml:2:11: not well-formed XML"),
        (bomb, "document type definition"),
        ("<domain type='kvm'>\n</domain>", "b.xml:1:1: this <domain> has no <cpu>"),
        ("<cpu><model>Haswel</model></cpu>", "unknown CPU model 'Haswel'"),
        ("<cpu><model>Haswell</model><vendor>Bogus</vendor></cpu>", "unknown CPU vendor 'Bogus'"),
        ("<cpu/><cpu/>", "2 CPUs (lines 1, 1), expected one"),
        ("", "empty"),
    ];
    for (xml, expected) in cases {
        let output = run(&["check", &node1, "--baseline", &files.put("b.xml", xml), "--format", "json"]);
        let error = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2), "{xml}: {error}");
        assert!(error.contains(expected) && error.lines().count() == 1, "{error}, expected {expected}");
        assert!(output.stdout.is_empty());
    }
    assert!(
        String::from_utf8_lossy(
            &run(&["check", &node1, "--baseline", &files.put("b.xml", "<cpu><model>Bogus</model></cpu>")]).stderr
        )
        .contains("--cpu-map")
    );
    assert_eq!(run(&["check", &node1]).status.code(), Some(2));
}

/// Runs with at most 64 MiB of address space.
#[test]
fn a_hundred_megabytes_of_xml_are_refused_without_being_read() {
    let files = Files::new();
    let node1 = files.put("node1", NODE1);
    let big = files.put("big.xml", &"<cpu><model>486</model></cpu>\n".repeat(3_500_000));
    let limited = format!("ulimit -v 65536; exec {} check {node1} --baseline {big}", env!("CARGO_BIN_EXE_cpuid-diff"));
    let output = Command::new("sh").args(["-c", &limited]).stdin(Stdio::null()).output().expect("sh");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("longer than 10 MiB") && error.lines().count() == 1, "{error}");
}

/// Whatever libvirt's own cases hold, the answer is a result or one clear line.
#[test]
fn libvirts_own_definitions_are_understood() {
    let Some(cases) = crate::support::shared("corpus/libvirt-compare") else { return };
    let files = Files::new();
    let node1 = files.put("node1", NODE1);
    for entry in fs::read_dir(cases).expect("readable") {
        let path = entry.expect("an entry").path().display().to_string();
        let output = run(&["check", &node1, "--baseline", &path, "--format", "json"]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let refused =
            [("bogus-model", "'Bogus'"), ("bogus-vendor", "'Bogus'"), ("Westmere+Nehalem.xml", "expected one")];
        match refused.iter().find(|(name, _)| path.contains(name)) {
            Some((_, words)) => {
                assert!(output.status.code() == Some(2) && error.contains(words), "{path}: {error}");
                assert_eq!(error.lines().count(), 1);
            }
            None => assert_eq!(output.status.code(), Some(1), "{path}: {error}"),
        }
    }
}

#[test]
fn a_dump_and_a_template_are_baselines_too() {
    let files = Files::new();
    let (node1, node2) = (files.put("node1", NODE1), files.put("node2", NODE2));
    let (code, golden) = report(&["check", &node1, "--baseline", &node2, "--partial"]);
    assert_eq!((code, result(&golden), names(&golden, "unsafe").join(" ")), (1, "not-met", "ds dtes64".to_string()));
    assert_eq!(finding(&golden, "ds")["values"], serde_json::json!({"a": "0", "b": null, "expected": "1"}));
    // The other way round it has more than expected.
    let (code, more) = report(&["check", &node2, "--baseline", &node1, "--partial"]);
    assert_eq!((code, result(&more), names(&more, "info").join(" ")), (0, "met", "ds dtes64".to_string()));
    let template = r#"{"cpuid_modifiers": [{"leaf": "0x1", "subleaf": "0x0", "flags": 0,
        "modifiers": [{"register": "edx", "bitmap": "0b0xxxxxxxxxxxxxxxxxxxxx"}]}]}"#;
    let template = files.put("template.json", template);
    let (code, clear) = report(&["check", &node1, "--baseline", &template, "--partial"]);
    assert_eq!((code, result(&clear)), (0, "met"));
    let (code, set) = report(&["check", &node2, "--baseline", &template, "--partial"]);
    assert_eq!((code, result(&set), names(&set, "warning").join(" ")), (1, "not-met", "ds".to_string()));
}

#[test]
fn a_baseline_that_is_not_whole_says_so() {
    let files = Files::new();
    let (node1, excerpt) = (files.put("node1", NODE1), files.put("excerpt", NODE1));
    let note = |report: &Value| {
        let notes = report["notes"].as_array().expect("notes");
        notes.iter().any(|n| n.as_str().is_some_and(|n| n.starts_with("the baseline lacks ")))
    };
    let (code, met) = report(&["check", &node1, "--baseline", &excerpt, "--partial"]);
    assert_eq!((code, result(&met), note(&met)), (0, "met", true));
    let nothing = "cpuid-dump/1 begin vcpus=1 source=native\nvcpu 0 lines=1\n\
                   gap 00000000 00000000: unreachable\ncpuid-dump/1 end lines=2 crc32=ecf6159d\n";
    let nothing = files.put("nothing", nothing);
    let (code, unverified) = report(&["check", &node1, "--baseline", &nothing, "--partial"]);
    assert_eq!((code, result(&unverified), note(&unverified)), (1, "unverified", true));
    let (code, compared) = report(&["compare", &node1, &node1, "--baseline", &nothing, "--partial"]);
    assert_eq!((code, result(&compared)), (1, "unverified"));
}

#[test]
fn several_dumps_give_a_report_a_line() {
    let files = Files::new();
    let (node1, node2) = (files.put("node1", NODE1), files.put("node2", NODE2));
    let baseline = files.put("b.xml", CAPABILITIES);
    let output = run(&["check", &node1, &node2, "--baseline", &baseline, "--format", "json"]);
    let reports: Vec<Value> = String::from_utf8(output.stdout)
        .expect("UTF-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a report"))
        .collect();
    assert_eq!(reports.len(), 2);
    assert_eq!(names(&reports[0], "unsafe"), ["ds", "dtes64", "pdcm"]);
    assert_eq!(names(&reports[1], "unsafe"), ["pdcm"]);
    for key in ["overall", "a_to_b", "b_to_a"] {
        assert!(reports[0]["verdict"][key].is_null());
    }
}

#[test]
fn compare_with_a_baseline_has_three_columns() {
    let files = Files::new();
    let (node1, node2) = (files.put("node1", NODE1), files.put("node2", NODE2));
    let (baseline, log) = (files.put("b.xml", CAPABILITIES), files.put("log", LOG));
    let arguments = ["compare", &node1, &node2, "--baseline", &baseline, "--qemu-log", &log, "--partial"];
    let (code, report) = report(&arguments);
    assert_eq!((code, report["verdict"]["overall"].as_str()), (1, Some("one-way")));
    let results: Vec<&str> =
        report["verdict"]["baseline"].as_array().expect("two").iter().filter_map(|b| b["result"].as_str()).collect();
    assert_eq!(results, ["not-met", "not-met"]);
    let ds = finding(&report, "ds");
    assert_eq!(ds["values"], serde_json::json!({"a": "0", "b": "1", "expected": "1"}));
    assert!(ds["evidence"][0].as_str().is_some_and(|e| e.contains("node1: ") && e.contains("EDX.ds")));
    // Missing on both: no difference, and still broken.
    let pdcm = finding(&report, "pdcm");
    assert_eq!(pdcm["values"], serde_json::json!({"a": "0", "b": "0", "expected": "1"}));
    assert_eq!((&pdcm["input"], &pdcm["severity"], &pdcm["a_to_b"]), (&Value::Null, &"unsafe".into(), &Value::Null));
    let ids: Vec<&str> = findings(&report).iter().filter_map(|f| f["id"].as_str()).collect();
    let position = |id: &str| ids.iter().position(|i| *i == id).expect("there");
    assert!(position("0x00000001:ecx:2") < position("0x00000001:ecx:15"));
    assert!(position("0x00000001:ecx:15") < position("0x00000001:edx:21"));
    let table = String::from_utf8(run(&arguments).stdout).expect("UTF-8");
    assert!(table.contains("expected") && table.contains("baseline not met"), "{table}");
}

#[test]
fn an_older_libvirts_promise_is_pointed_out() {
    let files = Files::new();
    let node1 = files.put("node1", NODE1);
    let baseline = files.put("b.xml", "<cpu><model>Icelake-Server</model></cpu>");
    let note = |extra: &[&str]| {
        let (_, report) = report(&[&["check", &node1, "--baseline", &baseline], extra].concat());
        report["notes"].to_string().contains("mpx")
    };
    assert!(note(&[]));
    assert!(!note(&["--cpu-map", "9.0"]));
}

#[test]
fn a_sites_own_map_replaces_the_built_in_one() {
    let files = Files::new();
    let node1 = files.put("node1", NODE1);
    files.put(
        "index.xml",
        "<cpus><arch name='ppc64'><bogus/></arch><arch name='x86'><include filename='x86_vendors.xml'/>\n\
         <include filename='x86_features.xml'/><group name='Ours'><include filename='x86_Ours.xml'/></group></arch></cpus>",
    );
    files.put("x86_vendors.xml", "<cpus><vendor name='Ours' string='GenuineOurs!'/></cpus>");
    let features = "<cpus><feature name='ours'><cpuid eax_in='0x01' edx='0x00200000'/></feature>\n\
                    <feature name='fpu'><alias name='x87' source='qemu'/><cpuid eax_in='0x01' edx='0x00000001'/></feature>\n\
                    <feature name='late' migratable='no'><msr index='0x10a' edx='0x0' eax='0x1'/></feature></cpus>";
    files.put("x86_features.xml", features);
    let models = "<cpus><model name='Old'><decode host='on' guest='on'/><signature family='6' model='60' stepping='1-3'/>\
                  <vendor name='Ours'/><feature name='fpu'/><feature name='late' removed='yes'/></model>\n\
                  <model name='New'><model name='Old'/><feature name='ours'/></model></cpus>";
    files.put("x86_Ours.xml", models);
    let map = files.0.display().to_string();
    let baseline = files.put("b.xml", "<cpu><model>New</model><feature policy='require' name='x87'/></cpu>");
    let (code, report) = report(&["check", &node1, "--baseline", &baseline, "--cpu-map", &map, "--partial"]);
    assert_eq!((code, names(&report, "unsafe")), (1, vec!["ours".to_string()]));
    let broken = [
        (features.replace("0x00000001'", "0x00000003'"), "x86_features.xml:2: feature 'fpu' has 2 bits"),
        (features.replace("'0x01'", "'one'"), "expected a 32-bit number"),
        (features.replace("name='fpu'", "name='ours'"), "defined twice"),
        ("<cpus><feature".to_string(), "not well-formed"),
        ("<map/>".to_string(), "expected <cpus>"),
    ];
    for (text, expected) in broken {
        files.put("x86_features.xml", &text);
        let output = run(&["check", &node1, "--baseline", &baseline, "--cpu-map", &map]);
        let error = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(2));
        assert!(error.contains(expected) && error.lines().count() == 1, "{error}, expected {expected}");
    }
}

#[test]
fn the_installed_libvirts_map_is_the_built_in_one() {
    let directory = "/usr/share/libvirt/cpu_map";
    let version = Command::new("virsh").arg("--version").output();
    let Ok(version) = version else { return };
    if !String::from_utf8_lossy(&version.stdout).starts_with("9.0") {
        return;
    }
    let file = |name: &str| fs::read_to_string(format!("{directory}/{name}")).map_err(|e| e.to_string());
    let theirs = cpuid_diff::cpu_map::dir::read(directory.to_string(), file).expect("libvirt's own map");
    let ours = cpuid_diff::cpu_map::CpuMap::libvirt_9_0(cpuid_diff::knowledge::Knowledge::builtin());
    assert_eq!(cpuid_diff::cpu_map::drift::drift(&ours, &theirs), Vec::<String>::new());
}
