//! Trouble of a fleet is exit 2 and named in every form; drift, placement, kept pools and demands.

use serde_json::Value;

use crate::fleet::{Hosts, fleet, host_model, strings};
use crate::nodes::{CASCADE_LAKE, ICE_LAKE, Node};
use crate::support::files::Files;

const FORMS: [&str; 8] = ["table", "markdown", "html", "json", "dot", "junit", "prometheus", "github"];

#[test]
fn trouble_is_named_in_every_form() {
    let old = Node { captured_at: "2025-01-01T00:00:00Z", ..Node::intel("stale", ICE_LAKE) };
    let hosts = Hosts::new(&[Node::intel("good", ICE_LAKE), old]);
    hosts.0.put("broken.json", "{\"schema\": \"cpuid-dump/1\", ");
    let elsewhere = Files::new();
    let expected = elsewhere.put("expected", "good\nstale # the old one\n\nmissing\n");
    let options = ["--expect", &expected, "--max-age", "30", "--as-of", "2026-01-05"];
    for form in FORMS {
        let (code, out, err) = hosts.run(&[&options[..], &["--format", form]].concat());
        assert_eq!(code, 2, "{form}: {err}");
        for name in ["broken.json", "stale", "missing"] {
            assert!(out.contains(name), "{form} does not name {name}: {out}");
        }
    }
    let (_, out, _) = hosts.run(&options);
    assert!(out.lines().next().unwrap().starts_with("3 problems, ") && out.contains("rests on 2 hosts"), "{out}");
}

#[test]
fn what_is_no_host_is_refused_with_what_to_give() {
    let files = Files::new();
    files.put("a.json", &Node::intel("a", ICE_LAKE).json());
    files.put("vm.xml", "<domain type='kvm'><cpu mode='custom'><model>Nehalem</model></cpu></domain>");
    let hardware = Node { source: cpuid_probe::dump::Source::Native, ..Node::intel("bare", ICE_LAKE) };
    files.put("bare.json", &hardware.without("hypervisor").json());
    let hosts = Hosts(files);
    let (code, out, _) = hosts.run(&[]);
    let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(code, 2);
    assert!(
        out.contains("give it as --vm") && out.contains("hardware") && out.contains("virsh domcapabilities"),
        "{out}"
    );
    let (code, out, _) = fleet(&["/nonexistent/nodes"]);
    assert!(code == 2 && out.contains("/nonexistent/nodes"), "{out}");
    let empty = Files::new();
    let (code, out, _) = fleet(&[&empty.0.display().to_string()]);
    assert!(code == 2 && out.contains("no hosts"), "{out}");
}

#[test]
fn a_pipe_below_the_hosts_is_trouble_and_nobody_waits_for_it() {
    let files = Files::new();
    files.put("a.json", &Node::intel("a", ICE_LAKE).json());
    let pipe = std::process::Command::new("mkfifo").arg(files.0.join("pipe")).status().unwrap();
    assert!(pipe.success());
    let (code, out, _) = Hosts(files).run(&[]);
    assert!(code == 2 && out.contains("pipe: is no regular file"), "{out}");
}

#[test]
fn a_summary_answers_no_question() {
    let hosts = Hosts::new(&[Node::intel("a", ICE_LAKE)]);
    for question in [&["--require", "avx9"][..], &["--vm", "vm.xml"], &["--max-age", "7"], &["--without", "a"]] {
        let (code, _, said) = hosts.run(&[&["--summary"], question].concat());
        assert!(code == 2 && said.contains("--summary"), "{said}");
    }
}

/// The names of kinds that one problem says are mixed.
fn mixed(report: &Value) -> Vec<&str> {
    let whats = report["problems"].as_array().unwrap().iter().filter_map(|p| p["what"].as_str());
    whats.filter(|what| what.starts_with("offers of different kinds are mixed: ")).collect()
}

#[test]
fn kinds_are_not_mixed_within_one_host_either() {
    let kvm = Node::intel("node1", ICE_LAKE);
    let boot = Node { source: cpuid_probe::dump::Source::Boot, ..kvm.clone() };
    // Two files of one host that agree on everything.
    let (code, report) = Hosts::new(&[kvm.clone(), boot.clone()]).json(&["--as", "offer"]);
    assert_eq!((code, report["hosts"].as_array().unwrap().len()), (2, 1), "{}", report["problems"]);
    let said = mixed(&report);
    assert!(said.len() == 1 && said[0].contains("boot (node1), kvm (node1)"), "{}", report["problems"]);
    // Of one kind they are one host.
    let (code, report) = Hosts::new(&[kvm.clone(), kvm]).json(&[]);
    assert_eq!((code, mixed(&report).len()), (0, 0), "{}", report["problems"]);
    let (_, report) = Hosts::new(&[boot.clone(), boot.called("node2")]).json(&["--as", "offer"]);
    assert!(mixed(&report).is_empty(), "{}", report["problems"]);
}

#[test]
fn what_a_source_does_not_say_is_a_gap_unless_no_definition_can_ask_for_it() {
    let complete = |report: &Value| -> Vec<bool> {
        report["hosts"].as_array().unwrap().iter().map(|host| host["complete"].as_bool().unwrap()).collect()
    };
    let step = |report: &Value, from: usize, to: usize| {
        let class = |host: usize| &report["hosts"][host]["class"];
        let mut moves = report["moves"].as_array().unwrap().iter();
        moves.find(|m| &m["from"] == class(from) && &m["to"] == class(to)).unwrap().clone()
    };
    // Linux hides some flags, such as spec-ctrl: a host with more of the others may still lack these.
    let cpuinfo = |more: &str| {
        format!(
            "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: CPU\nstepping\t: 7\n\
             flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 \
             syscall nx rdtscp lm pni ssse3 cx16 sse4_1 sse4_2 popcnt aes hypervisor lahf_lm{more}\n\
             address sizes\t: 46 bits physical, 48 bits virtual\n\n"
        )
    };
    let files = Files::new();
    files.put("a", &cpuinfo(""));
    files.put("b", &cpuinfo(" avx2"));
    let (code, report) = Hosts(files).json(&["--as", "offer"]);
    assert_eq!((code, complete(&report)), (1, vec![false, false]), "{}", report["problems"]);
    let there = step(&report, 0, 1);
    assert_eq!((there["verdict"].as_str(), strings(&there["loses"]).len()), (Some("unknown"), 0), "{there}");
    assert!(strings(&there["unknown"]).contains(&"spec-ctrl"), "{there}");
    // libvirt's list has every name that its definitions can use.
    let files = Files::new();
    ["a", "b"].iter().for_each(|name| drop(files.put(name, &host_model("Cascadelake-Server", "pdcm umip"))));
    let (code, report) = Hosts(files).json(&[]);
    assert_eq!((code, complete(&report)), (0, vec![true, true]), "{report}");
    // Of a guest of two vCPUs one was captured.
    let guest = |label: &str, online: u32| {
        let mut dump = Node { source: cpuid_probe::dump::Source::Boot, ..Node::intel(label, ICE_LAKE) }.dump();
        dump.provenance.vcpus_online = Some(online);
        cpuid_probe::json::to_string(&dump)
    };
    for (online, code, text) in [(1, 0, "read the same everywhere"), (2, 1, "not every vCPU was captured")] {
        let files = Files::new();
        ["a", "b"].iter().for_each(|name| drop(files.put(name, &guest(name, online))));
        let hosts = Hosts(files);
        let (_, out, _) = hosts.run(&[]);
        assert!(out.contains(text), "{out}");
        let (exit, report) = hosts.json(&[]);
        assert_eq!((exit, complete(&report)), (code, vec![online == 1; 2]), "{}", report["problems"]);
    }
}

#[test]
fn a_pool_without_a_definition_is_no_answer() {
    let empty = |name: &str| Node::new(name, "GenuineIntel", 0x0005_0657);
    // One class without protections or hazards that differ, and nothing in it that a definition could promise.
    let hosts = Hosts::new(&[empty("n1"), empty("n2")]);
    for form in FORMS {
        let (code, out, _) = hosts.run(&["--format", form]);
        assert_eq!(code, 2, "{form}: {out}");
        let what = "the pool of n1, n2 has no definition: ";
        assert!(out.contains(what), "{form}: {out}");
    }
}

#[test]
fn drift_names_what_changed_beside_it_and_who_loses_a_destination() {
    let node = |name: &str| Node::intel(name, ICE_LAKE).with("vmx");
    let before = Hosts::new(&[node("n1"), node("n2"), node("n3"), node("n4")]);
    let (_, old, _) = before.run(&["--summary"]);
    let files = Files::new();
    let since = files.put("before.json", &old);
    let n1 = Node { microcode: "0x2", ..node("n1").without("gfni") };
    let n2 = Node { kernel: "6.12.0", ..node("n2").with("vmx-mbec") };
    let after = Hosts::new(&[n1, n2, node("n3").number("phys_bits", 44), node("n5")]);
    let vm = files.put(
        "vm.xml",
        "<cpu mode='custom' match='exact'><model>Nehalem</model><feature policy='require' name='gfni'/></cpu>",
    );
    let (code, report) = after.json(&["--since", &since, "--vm", &vm]);
    assert_eq!(code, 1);
    let drift = |host: &str| {
        let all = report["drift"].as_array().unwrap();
        all.iter().find(|d| d["host"] == host).unwrap_or_else(|| panic!("no {host}: {}", report["drift"])).clone()
    };
    let n1 = drift("n1");
    assert_eq!(
        (strings(&n1["changes"]), strings(&n1["provenance"])),
        (vec!["lost gfni"], vec!["microcode 0x1 -> 0x2"])
    );
    assert_eq!(strings(&n1["lost_destinations"]), ["pool 1 of 4 hosts, as it was", "VM vm.xml"]);
    let n2 = drift("n2");
    assert_eq!(
        (strings(&n2["changes"]), strings(&n2["provenance"])),
        (vec!["gained vmx-mbec"], vec!["kernel 6.1.0 -> 6.12.0"])
    );
    assert!(strings(&n2["lost_destinations"]).is_empty());
    assert!(strings(&drift("n3")["changes"])[0].starts_with("phys_bits 46"), "{}", drift("n3"));
    assert_eq!([strings(&drift("n4")["changes"]), strings(&drift("n5")["changes"])], [["is gone"], ["is new"]]);
    // Nothing changed: exit 0, though nothing else is asked.
    let (code, out, _) = before.run(&["--since", &since]);
    assert!(code == 0 && out.lines().next().unwrap().ends_with("nothing changed"), "{code} {out}");
    // A dump of hosts is as good as their summary.
    let (code, _, _) = before.run(&["--since", &before.path()]);
    assert_eq!(code, 0);
}

#[test]
fn a_vm_passes_where_it_starts_and_moves_in_all_of_a_pool() {
    let hosts =
        Hosts::new(&[Node::intel("icx1", ICE_LAKE), Node::intel("icx2", ICE_LAKE), Node::intel("clx", CASCADE_LAKE)]);
    let cpu = |feature: &str| {
        format!(
            "<cpu mode='custom' match='exact'><model>Nehalem</model><feature policy='require' name='{feature}'/></cpu>"
        )
    };
    let files = Files::new();
    let (gfni, avx, amx) = (
        files.put("gfni.xml", &cpu("gfni")),
        files.put("avx.xml", &cpu("avx2")),
        files.put("amx.xml", &cpu("amx-tile")),
    );
    let (code, report) = hosts.json(&["--vm", &gfni, "--vm", &avx]);
    assert_eq!(code, 0, "{report}");
    let starts = |report: &Value, vm: &str| -> Vec<String> {
        let all = report["placements"].as_array().unwrap();
        let mut found: Vec<String> = all
            .iter()
            .filter(|p| p["vm"] == vm)
            .map(|p| format!("{} {}", p["starts"].as_str().unwrap(), strings(&p["moves_to"]).len()))
            .collect();
        found.sort();
        found
    };
    assert_eq!(starts(&report, "gfni.xml"), ["no 0", "yes 0"]);
    assert_eq!(starts(&report, "avx.xml"), ["yes 1", "yes 1"]);
    let (code, out, _) = hosts.run(&["--vm", &amx]);
    assert!(code == 1 && out.contains("no pool takes amx.xml") && out.contains("the host lacks amx-tile"), "{out}");
    // A running guest's dump needs what it has.
    let guest = Node { source: cpuid_probe::dump::Source::Boot, ..Node::intel("guest", CASCADE_LAKE) };
    let guest = files.put("guest.json", &guest.json());
    let (_, out, _) = hosts.run(&["--vm", &guest]);
    assert!(out.contains("the host lacks mpx"), "{out}");
}

#[test]
fn pools_obey_demands_and_last_weeks_pools() {
    let nodes = [
        Node::intel("a1", ICE_LAKE),
        Node::intel("a2", ICE_LAKE).without("rdpid"),
        Node::intel("b1", ICE_LAKE).without("umip"),
        Node::intel("b2", ICE_LAKE).without("umip rdpid"),
    ];
    let hosts = Hosts::new(&nodes);
    let recommended = |report: &Value| -> Vec<Vec<String>> {
        let at = usize::try_from(report["recommended"].as_u64().unwrap()).unwrap();
        let pools = report["partitions"][at]["members"].as_array().unwrap();
        let mut pools: Vec<Vec<String>> =
            pools.iter().map(|p| strings(&p["hosts"]).into_iter().map(str::to_string).collect()).collect();
        pools.sort();
        pools
    };
    let (_, report) = hosts.json(&["--require", "umip", "--pools", "2"]);
    assert_eq!(recommended(&report), [["a1", "a2"], ["b1", "b2"]]);
    let (_, report) = hosts.json(&["--require", "rdpid", "--pools", "2"]);
    assert_eq!(recommended(&report), [["a1", "b1"], ["a2", "b2"]]);
    let files = Files::new();
    let keep = files.put("keep.json", &serde_json::to_string(&report).unwrap());
    let (_, report) = hosts.json(&["--keep", &keep]);
    assert_eq!(recommended(&report), [["a1", "b1"], ["a2", "b2"]]);
    let (_, report) = hosts.json(&["--min-hosts", "2"]);
    assert!(recommended(&report).iter().all(|pool| pool.len() >= 2), "{:?}", recommended(&report));
    let (code, out, _) = hosts.run(&["--min-hosts", "5"]);
    assert!(code == 1 && out.contains("no pools of at least 5 hosts"), "{out}");
    let (code, out, _) = hosts.run(&["--require", "avx999"]);
    assert!(code == 2 && out.contains("--require avx999"), "{out}");
    let (code, out, _) = hosts.run(&["--without", "nobody"]);
    assert!(code == 2 && out.contains("--without nobody"), "{out}");
}

/// A definition of Nehalem, with what stands in its domain before `<cpu>` and what its `<cpu>` lists.
fn nehalem(before: &str, listed: &str) -> String {
    format!(
        "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>{before}\
         <cpu mode='custom' match='exact'><model fallback='forbid'>Nehalem</model>{listed}</cpu></domain>"
    )
}

#[test]
fn a_pinned_clock_is_what_the_definition_says_and_not_a_text_in_it() {
    let hosts = Hosts::new(&[Node::intel("n1", ICE_LAKE).with("invtsc").tsc(2_400_000)]);
    let timer = |frequency: &str| format!("<clock><timer name='tsc' frequency='{frequency}'/></clock>");
    let argument = |value: &str| {
        format!("<qemu:commandline><qemu:arg value='-global'/><qemu:arg value='{value}'/></qemu:commandline>")
    };
    let files = Files::new();
    for (domain, starts) in [
        (nehalem(&timer("2400000000"), ""), "yes"),
        (nehalem(&timer("2600000000"), ""), "no"),
        (nehalem(&timer("0"), ""), "yes"),
        (nehalem(&format!("<!-- {} -->", timer("2600000000")), ""), "yes"),
        (nehalem(&timer("2.6"), ""), "unknown"),
        (nehalem(&argument("Nehalem-x86_64-cpu.tsc-frequency=2600000000"), ""), "no"),
        (nehalem(&argument("Nehalem-x86_64-cpu.tsc-frequency=fast"), ""), "unknown"),
        ("qemu-system-x86_64 -accel kvm -cpu Nehalem,tsc-freq=2.6G".to_string(), "no"),
        ("qemu-system-x86_64 -accel kvm -cpu Nehalem,tsc-frequency=2.4G".to_string(), "yes"),
    ] {
        let vm = files.put("vm", &domain);
        let (code, report) = hosts.json(&["--vm", &vm]);
        assert_eq!(report["placements"][0]["starts"], starts, "{domain}: {}", report["placements"]);
        assert_eq!(code, i32::from(starts != "yes"), "{domain}");
    }
}

#[test]
fn what_neither_a_vm_nor_a_host_says_is_no_yes() {
    let bare = |name: &str| Node { with_msrs: false, ..Node::intel(name, ICE_LAKE) };
    let guest = Node { source: cpuid_probe::dump::Source::Boot, ..bare("guest") };
    let files = Files::new();
    let vm = files.put("guest.json", &guest.json());
    let (code, report) = Hosts::new(&[bare("n1")]).json(&["--vm", &vm]);
    let placement = &report["placements"][0];
    assert_eq!((code, placement["starts"].as_str()), (1, Some("unknown")), "{placement}");
    let why = strings(&placement["why"]).join("\n");
    assert!(why.contains("neither the VM's dump nor the host says") && why.contains("rdctl-no"), "{why}");
    // Nor does a number of the host's say how much of it the VM needs: here it is the only thing that the dump lacks.
    let empty = |name: &str| Node::new(name, "GenuineIntel", 0x0005_0657).with("hypervisor");
    let mut guest = Node { source: cpuid_probe::dump::Source::Boot, ..empty("guest") };
    let mut host = empty("n1");
    guest.leaves.remove(&(0x8000_0008, 0));
    host.leaves.insert((0x8000_0008, 0), [0x302e, u32::MAX, u32::MAX, u32::MAX]);
    let vm = files.put("numberless.json", &guest.json());
    let (code, report) = Hosts::new(&[host]).json(&["--vm", &vm]);
    let placement = &report["placements"][0];
    assert_eq!((code, placement["starts"].as_str()), (1, Some("unknown")), "{placement}");
    let why = strings(&placement["why"]).join("\n");
    assert!(why.contains("how much it needs of") && why.contains("phys_bits (the host has 46)"), "{why}");
}

#[test]
fn a_clock_that_changed_takes_a_destination_from_a_vm_that_is_pinned_to_it() {
    let at = |name: &str, khz: u32| Node::intel(name, ICE_LAKE).with("invtsc").tsc(khz);
    let before = Hosts::new(&[at("n1", 2_400_000), at("n2", 2_600_000)]);
    let (_, old, _) = before.run(&["--summary"]);
    let files = Files::new();
    let since = files.put("before.json", &old);
    let timer = "<clock><timer name='tsc' frequency='2400000000'/></clock>";
    let vm = files.put("pinned.xml", &nehalem(timer, "<feature policy='require' name='invtsc'/>"));
    let after = Hosts::new(&[at("n1", 2_600_000), at("n2", 2_400_000)]);
    let (code, report) = after.json(&["--since", &since, "--vm", &vm]);
    assert_eq!(code, 1);
    let drift = |key: &str| -> Vec<Vec<String>> {
        let hosts = report["drift"].as_array().unwrap().iter();
        hosts.map(|host| strings(&host[key]).into_iter().map(str::to_string).collect()).collect()
    };
    assert_eq!(drift("lost_destinations"), [vec!["VM pinned.xml"], vec![]], "{}", report["drift"]);
    assert_eq!(drift("gained_destinations"), [vec![], vec!["VM pinned.xml"]], "{}", report["drift"]);
    // A VM of each host's own CPU has no destination to lose, since nobody knows whether it has any.
    let vm = files.put("open.xml", "<cpu mode='host-passthrough'/>");
    let (_, report) = after.json(&["--since", &since, "--vm", &vm]);
    let nobody = report["drift"].as_array().unwrap().iter().all(|host| strings(&host["lost_destinations"]).is_empty());
    assert!(nobody, "{}", report["drift"]);
}
