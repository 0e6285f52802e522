//! Ways to a wrong "yes" that were found once: each ends with exit 1 and says why. Every row is one case of a kind.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::files::Files;

/// What one run ends with, and what it prints.
pub(super) fn run(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cpuid-diff")).args(arguments).stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code().unwrap(), said.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A whole guest of QEMU under KVM, with invtsc where asked.
pub(super) fn guest(invtsc: bool) -> Value {
    let hex = |n: u32| format!("{n:#010x}");
    let leaf = |leaf: u32, subleaf: Option<u32>, r: [u32; 4]| {
        json!({"leaf": hex(leaf), "subleaf": subleaf.map(hex), "eax": hex(r[0]), "ebx": hex(r[1]), "ecx": hex(r[2]),
               "edx": hex(r[3])})
    };
    let mut leaves = vec![
        leaf(0, None, [7, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
        leaf(1, None, [0x306c1, 0x0001_0800, 0x8020_0000, 0x0f8b_fbff]),
    ];
    leaves.extend([2, 3].map(|n| leaf(n, None, [0; 4])));
    leaves.push(leaf(4, Some(0), [0; 4]));
    leaves.extend([5, 6].map(|n| leaf(n, None, [0; 4])));
    leaves.push(leaf(7, Some(0), [0, 0x20, 0, 0x2000_0000]));
    leaves.push(leaf(0x4000_0000, None, [0x4000_0001, 0x4b4d_564b, 0x564b_4d56, 0x4d]));
    leaves.push(leaf(0x4000_0001, None, [0x0100_7efb, 0, 0, 0]));
    leaves.push(leaf(0x8000_0000, None, [0x8000_0008, 0, 0, 0]));
    leaves.extend((0x8000_0001..=0x8000_0006).map(|n| leaf(n, None, [0; 4])));
    leaves.push(leaf(0x8000_0007, None, [0, 0, 0, u32::from(invtsc) << 8]));
    leaves.push(leaf(0x8000_0008, None, [0x3028, 0, 0, 0]));
    json!({
        "schema": "cpuid-dump/1",
        "provenance": {"tool": null, "label": null, "captured_at": null, "source": "native", "kernel": null,
                       "microcode": null, "hypervisor": ["KVMKVMKVM"], "vcpus_online": 1, "boot": null, "imported": null},
        "vcpus": [{"vcpu": 0, "complete": true, "gaps": [], "leaves": leaves,
                   "msrs": [{"index": "0x0000010a", "value": "0x0000000000000001"}]}]
    })
}

pub(super) fn with(mut dump: Value, pointer: &str, value: Value) -> String {
    *dump.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    dump.to_string()
}

fn booted(invtsc: bool, machine: &str, cpu: &str) -> String {
    let mut dump = guest(invtsc);
    dump["provenance"]["source"] = "boot".into();
    let boot = json!({"qemu": "11.1.0", "accel": "kvm", "machine": machine, "cpu": cpu, "command": [], "warnings": []});
    with(dump, "/provenance/boot", boot)
}

/// The bare lines of a guest with vCPUs of these APIC ids.
fn bare(dump: &Value, ids: &[u32]) -> String {
    let text = |value: &Value| value.as_str().map_or("00000000", |hex| &hex[2..]).to_string();
    let mut lines = String::new();
    for id in ids {
        for leaf in dump["vcpus"][0]["leaves"].as_array().unwrap() {
            let [place, subleaf, eax, mut ebx, ecx, edx] =
                ["leaf", "subleaf", "eax", "ebx", "ecx", "edx"].map(|key| text(&leaf[key]));
            if place == "00000001" {
                ebx.replace_range(..2, &format!("{id:02x}"));
            }
            lines += &format!("{place} {subleaf}: {eax} {ebx} {ecx} {edx}\n");
        }
    }
    lines
}

#[test]
fn pairs_that_qemu_refuses_or_that_one_side_does_not_tell() {
    let files = Files::new();
    let boot = |cpu: &str| booted(false, "pc-q35-11.1", cpu);
    // QEMU fills the leaf for such guests alone.
    let sev = |eax: u32| {
        let mut dump = guest(false);
        let leaves = dump["vcpus"][0]["leaves"].as_array_mut().unwrap();
        let largest = leaves.iter_mut().find(|leaf| leaf["leaf"] == "0x80000000").unwrap();
        largest["eax"] = "0x8000001f".into();
        for leaf in 0x8000_0009..=0x8000_001f_u32 {
            let subleaf = (leaf == 0x8000_001d).then_some("0x00000000");
            let eax = if leaf == 0x8000_001f { format!("{eax:#010x}") } else { "0x00000000".to_string() };
            leaves.push(json!({"leaf": format!("{leaf:#010x}"), "subleaf": subleaf, "eax": eax, "ebx": "0x00000000",
                               "ecx": "0x00000000", "edx": "0x00000000"}));
        }
        dump.to_string()
    };
    let msr = "/vcpus/0/msrs";
    for (what, a, b, words) in [
        (
            "two pins",
            boot("host,tsc-frequency=2600000000"),
            boot("host,tsc-frequency=2100000000"),
            "TSC frequencies differ",
        ),
        ("hv-passthrough", boot("host,hv-passthrough"), boot("host,hv-passthrough"), "hv-passthrough blocks migration"),
        ("an SEV guest, and an SEV-ES guest", sev(0x2), sev(0xa), "SEV"),
        (
            "a running guest whose pin nobody sees, and a boot with one",
            guest(true).to_string(),
            booted(true, "pc-q35-11.1", "host,tsc-frequency=2600000000"),
            "does not tell whether a frequency is pinned",
        ),
        (
            "one captured vCPU of 4, and one of 8",
            with(guest(false), "/provenance/vcpus_online", 4.into()),
            with(guest(false), "/provenance/vcpus_online", 8.into()),
            "numbers of vCPUs differ (4 and 8)",
        ),
        (
            "an MSR that reads 0, and the same one not captured",
            with(guest(false), msr, json!([{"index": "0x0000010a", "value": "0x0000000000000000"}])),
            with(guest(false), msr, json!([])),
            "without msr 0x0000010a",
        ),
    ] {
        let (a, b) = (files.put("a.json", &a), files.put("b.json", &b));
        let (code, said) = run(&["compare", &a, &b]);
        assert_eq!(code, 1, "{what}: {said}");
        assert!(said.contains(words), "{what}: {said}");
        assert!(!said.contains("identical") && !said.contains("compatible:"), "{what}: {said}");
    }
    let same = files.put("same.json", &guest(false).to_string());
    assert_eq!(run(&["compare", &same, &same]).0, 0, "the guest itself is no reason");
    // The same guest as another tool writes it: its VMM is not known.
    for (what, invtsc, words) in [("plain", false, "IDENTICAL"), ("invtsc", true, "not known to be pinned")] {
        let bare = files.put("dump.bare", &bare(&guest(invtsc), &[0]));
        let (code, said) = run(&["compare", &bare, &bare]);
        assert!(code == i32::from(invtsc) && said.contains(words), "{what}: {said}");
    }
    // Nobody says that two vCPUs are all of them.
    for (ids, exit) in [([0, 1], 0), ([0, 2], 1)] {
        let (a, b) = (bare(&guest(false), &[0, 1]), bare(&guest(false), &ids));
        let (code, said) = run(&["compare", &files.put("a.bare", &a), &files.put("b.bare", &b)]);
        assert_eq!(code, exit, "{ids:?}: {said}");
        assert!(exit == 0 || said.contains("other vCPUs, or another topology"), "{said}");
    }
}

#[test]
fn promises_that_trace_held_for_kept() {
    let files = Files::new();
    let guest = files.put("guest.json", &guest(false).to_string());
    let domain = |inside: &str| format!("<domain type='kvm'><cpu mode='host-passthrough'/>{inside}</domain>");
    let cpu = |inside: &str| format!("<cpu mode='custom' match='exact'><model>486</model>{inside}</cpu>");
    for (what, baseline, words) in [
        ("hyperv", domain("<features><hyperv><relaxed state='on'/></hyperv></features>"), "hv-relaxed"),
        ("hidden KVM", domain("<features><kvm><hidden state='on'/></kvm></features>"), "kvm"),
        ("a PMU", domain("<features><pmu state='on'/></features>"), "pmu"),
        ("a vendor", cpu("<vendor>AMD</vendor>"), "vendor"),
        ("an unknown name", cpu("<feature policy='require' name='quux'/>"), "quux"),
        ("a machine type and nothing of the CPU", domain("<vcpu>1</vcpu>"), "lists nothing"),
    ] {
        let baseline = files.put("baseline.xml", &baseline);
        let (code, said) = run(&["trace", "--baseline", &baseline, "--guest", &guest]);
        assert_eq!(code, 1, "{what}: {said}");
        assert!(said.contains(words), "{what}: {said}");
    }
    // Without a baseline the host's vendor is the guest's.
    let other = with(self::guest(false), "/vcpus/0/leaves/0/ebx", "0x68747541".into());
    let (host, other) = (
        files.put("host.json", &self::guest(false).to_string().replace("native", "kvm")),
        files.put("other.json", &other),
    );
    let (code, said) = run(&["trace", "--kvm", &host, "--guest", &other]);
    assert!(code == 1 && said.contains("vendor"), "{said}");
    // Hardware is no offer, a definition neither, and a host that is silent does not agree.
    let wide = files.put("wide.xml", &cpu("<maxphysaddr mode='emulate' bits='52'/>"));
    let silent = files.put(
        "silent.xml",
        "<domainCapabilities><arch>x86_64</arch><cpu><mode name='host-model' supported='yes'><model>486</model></mode></cpu>\
         </domainCapabilities>",
    );
    let definition = files.put("definition.xml", "<cpu mode='host-passthrough'/>");
    let (code, said) = run(&["trace", "--baseline", &wide, "--kvm", &silent]);
    assert_eq!(code, 1, "silent: {said}");
    let model = files
        .put("model.json", r#"{"return": {"model": {"name": "486-x86_64-cpu", "props": {"fpu": true, "vme": true}}}}"#);
    for given in [["--baseline", &wide], ["--guest", &guest]] {
        for (file, words) in [(&definition, "a definition says"), (&model, "a model's expansion says")] {
            let (code, said) = run(&[&["trace", "--kvm", file, "--partial"], &given[..]].concat());
            assert!(code == 2 && said.contains(words), "{said}");
        }
    }
    let plain = files.put("plain.xml", &cpu(""));
    let mut bare = self::guest(false);
    bare["vcpus"][0]["leaves"][1]["ecx"] = "0x00200000".into();
    let bare = files.put("bare.json", &bare.to_string());
    let (code, said) = run(&["trace", "--baseline", &plain, "--host", &bare]);
    assert_eq!(code, 1, "hardware: {said}");
}

#[test]
fn what_a_host_lists_counts() {
    let files = Files::new();
    let offer = |modes: &str, vcpus: u32| {
        format!(
            "<domainCapabilities><arch>x86_64</arch><vcpu max='{vcpus}'/><cpu>\
             <mode name='host-model' supported='yes'><model>486</model></mode>{modes}</cpu></domainCapabilities>"
        )
    };
    let listed = "<mode name='custom' supported='yes'><model usable='yes'>486</model></mode>";
    let baseline = "<domain type='kvm'><vcpu current='2'>8</vcpu>\
                    <cpu mode='custom' match='exact'><model fallback='forbid'>486</model></cpu></domain>";
    let check = |offer: &str| {
        let (offer, baseline) = (files.put("offer.xml", offer), files.put("baseline.xml", baseline));
        run(&["check", &offer, "--baseline", &baseline])
    };
    let (code, said) = check(&offer(listed, 8));
    assert_eq!(code, 0, "{said}");
    for (modes, vcpus, words) in [
        (
            "<mode name='custom' supported='yes'><model usable='yes'>Penryn</model></mode>",
            8,
            "does not list the model 486",
        ),
        (
            "<mode name='custom' supported='yes'><model usable='no'>486</model></mode>",
            8,
            "cannot give all of the model 486",
        ),
        ("<mode name='custom' supported='no'/>", 8, "does not support mode='custom'"),
        (listed, 4, "vcpu-count"),
    ] {
        let (code, said) = check(&offer(modes, vcpus));
        assert_eq!(code, 1, "{modes}: {said}");
        assert!(said.contains(words), "{modes}: {said}");
    }
}

#[test]
fn a_golden_dump_and_a_log_are_believed() {
    let files = Files::new();
    let (old, new) = ("pc-q35-9.0", "pc-q35-8.2");
    let [golden, other] = [old, new].map(|machine| files.put(machine, &booted(false, machine, "host")));
    let (code, said) = run(&["check", &other, "--baseline", &golden]);
    assert!(code == 1 && said.contains("machine types differ"), "{said}");
    // rdctl-no was not captured, and QEMU says that it could not give it.
    let dump = files.put("dump.json", &with(guest(false), "/vcpus/0/msrs", json!([])));
    let baseline = files.put(
        "baseline.xml",
        "<cpu mode='custom' match='exact'><model>486</model><feature name='arch-capabilities'/>\
         <feature name='rdctl-no'/></cpu>",
    );
    let log = files.put(
        "qemu.log",
        "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(10AH).rdctl-no [bit 0]\n",
    );
    let (code, said) = run(&["check", &dump, "--baseline", &baseline, "--qemu-log", &log, "--partial"]);
    assert!(code == 1 && said.contains("rdctl-no"), "{said}");
}

#[test]
fn pools_say_what_they_cannot_hold() {
    let files = Files::new();
    let offer = |limit: &str, domain: &str| {
        format!(
            "<domainCapabilities><domain>{domain}</domain><arch>x86_64</arch><cpu>\
             <mode name='host-model' supported='yes'><model>Haswell-noTSX</model>{limit}</mode></cpu></domainCapabilities>"
        )
    };
    let limit = |bits: u32| format!("<maxphysaddr mode='passthrough' limit='{bits}'/>");
    let pool = |a: &str, b: &str, options: &[&str]| {
        let (a, b) = (files.put("a.xml", a), files.put("b.xml", b));
        run(&[&["baseline", &a, &b], options].concat())
    };
    let (_, said) = pool(&offer(&limit(39), "kvm"), &offer(&limit(46), "kvm"), &["--format", "qemu"]);
    assert!(said.contains("host-phys-bits-limit=39"), "{said}");
    let (code, said) = pool(&offer(&limit(39), "kvm"), &offer("", "kvm"), &[]);
    assert!(code == 1 && said.contains("limit='39'"), "{said}");
    let (code, said) = pool(&offer(&limit(39), "kvm"), &offer(&limit(39), "qemu"), &[]);
    assert!(code == 1 && said.contains("of QEMU's emulation"), "{said}");
    let shanghai = |leaf: &str| {
        let mut dump = guest(false);
        for (register, value) in [("ebx", "0x68532020"), ("ecx", "0x20206961"), ("edx", "0x68676e61")] {
            dump["vcpus"][0]["leaves"][0][register] = value.into();
        }
        files.put(leaf, &dump.to_string())
    };
    let intel = files.put("intel.json", &guest(false).to_string());
    let (code, said) = run(&["baseline", &intel, &shanghai("shanghai.json")]);
    assert!(code == 2 && said.contains("no guest can move between vendors"), "{said}");
}

#[test]
fn a_domain_is_read_as_libvirt_and_qemu_read_it() {
    let files = Files::new();
    let mut without = guest(false);
    without["vcpus"][0]["leaves"][7]["ebx"] = "0x00000000".into();
    let guest = files.put("guest.json", &without.to_string());
    let domain = |arg: &str| {
        format!(
            "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\
             <cpu mode='custom' match='exact'><model>486</model><feature policy='require' name='avx2'/></cpu>\
             <qemu:commandline><qemu:arg value='-global'/><qemu:arg value='{arg}'/></qemu:commandline></domain>"
        )
    };
    // A property of another model's type, and one that libvirt's -cpu comes after.
    for arg in ["EPYC-x86_64-cpu.avx2=off", "486-x86_64-cpu.avx2=off"] {
        let (code, said) = run(&["check", &guest, "--baseline", &files.put("b.xml", &domain(arg))]);
        assert!(code == 1 && said.contains("avx2"), "{arg}: {said}");
    }
    let twice = "<cpu><model>486</model><feature policy='disable' name='sse4-2'/><feature name='sse4.2'/></cpu>";
    let (code, said) = run(&["check", &guest, "--baseline", &files.put("twice.xml", twice)]);
    assert!(code == 2 && said.contains("by another name"), "{said}");
    let two = "<domstatus><domain type='kvm'><cpu><model>486</model></cpu></domain>\
               <domain type='kvm'><cpu><model>Haswell</model></cpu></domain></domstatus>";
    assert_eq!(run(&["check", &guest, "--baseline", &files.put("two.xml", two)]).0, 2);
}

#[test]
fn definitions_that_ask_for_different_things_beside_registers() {
    let files = Files::new();
    let domain = |kind: &str, vcpus: u32, machine: &str, rest: &str| {
        format!(
            "<domain type='{kind}'><vcpu>{vcpus}</vcpu><os><type machine='{machine}'>hvm</type></os>\
             <cpu mode='custom' match='exact'><model>Haswell-noTSX</model>{rest}</cpu></domain>"
        )
    };
    let one = domain("kvm", 2, "pc-q35-9.0", "");
    for (what, other, words) in [
        ("machine", domain("kvm", 2, "pc-q35-8.0", ""), "machine types differ"),
        ("vCPUs", domain("kvm", 4, "pc-q35-9.0", ""), "numbers of vCPUs differ (2 and 4)"),
        ("accelerator", domain("qemu", 2, "pc-q35-9.0", ""), "accelerators differ"),
        (
            "topology",
            domain("kvm", 2, "pc-q35-9.0", "<topology sockets='1' cores='2' threads='1'/>"),
            "topology: not said in A",
        ),
        ("a name that nobody knows", domain("kvm", 2, "pc-q35-9.0", "<feature name='quux'/>"), "quux: not said in A"),
        (
            "-global",
            "qemu-system-x86_64 -machine pc-q35-9.0,accel=kvm -smp 2 -cpu Haswell-noTSX \
             -global Haswell-noTSX-x86_64-cpu.avx2=off"
                .to_string(),
            "-global",
        ),
    ] {
        let (a, b) = (files.put("a.xml", &one), files.put("b.xml", &other));
        let (code, said) = run(&["compare", &a, &b, "--partial"]);
        assert!(code == 1 && said.contains(words), "{what}: {said}");
    }
    let (a, b) = (files.put("a.xml", &one), files.put("b.xml", &domain("kvm", 2, "q35", "")));
    let (_, said) = run(&["compare", &a, &b]);
    assert!(!said.contains("REFUSED") && said.contains("machine: pc-q35-9.0 in A, q35 in B"), "{said}");
    let same = run(&["compare", &a, &a, "--partial"]);
    assert_eq!(same.0, 0, "{}", same.1);
}

#[test]
fn what_an_input_shows_without_being_able_to_keep_it() {
    let files = Files::new();
    let cpu = |inside: &str| format!("<cpu mode='custom' match='exact'><model>486</model>{inside}</cpu>");
    // A KVM guest with AVX whose XCR0 has room for x87 and SSE alone.
    let mut dump = guest(false);
    let vcpu = dump["vcpus"][0]["leaves"].as_array_mut().unwrap();
    vcpu[0]["eax"] = "0x0000000d".into();
    vcpu[1]["ecx"] = "0x94200000".into();
    let at = vcpu.iter().position(|leaf| leaf["leaf"] == "0x40000000").unwrap();
    let zero = json!({"eax": "0x00000000", "ebx": "0x00000000", "ecx": "0x00000000", "edx": "0x00000000"});
    let mut new: Vec<Value> = Vec::new();
    for (leaf, subleaf, eax) in
        [(8, None, 0), (9, None, 0), (10, None, 0), (11, Some(0), 0), (12, None, 0), (13, Some(0), 3), (13, Some(1), 0)]
    {
        let mut set = zero.clone();
        set["leaf"] = format!("{leaf:#010x}").into();
        set["subleaf"] = subleaf.map(|subleaf: u32| format!("{subleaf:#010x}")).into();
        set["eax"] = format!("{eax:#010x}").into();
        new.push(set);
    }
    vcpu.splice(at..at, new);
    let narrow = files.put("narrow.json", &dump.to_string());
    let offer = files.put("offer.json", &booted(false, "pc-q35-11.1", "host"));
    let table = files.put("table.json", &guest(false).to_string().replace("native", "kvm"));
    let model = files.put(
        "model.json",
        r#"{"return": {"model": {"name": "486-x86_64-cpu", "props": {"fpu": true, "vme": true, "avx": true}}}}"#,
    );
    let emulated = format!("<domain type='qemu'>{}</domain>", cpu("<feature name='fpu'/>"));
    for (what, input, role, baseline, words) in [
        (
            "AVX without its state",
            &narrow,
            None,
            cpu("<feature name='avx'/>"),
            "XCR0 (leaf 0xd EAX) has no room for the AVX",
        ),
        (
            "a forbidden feature that `host` hides",
            &offer,
            Some("offer"),
            cpu("<feature name='invtsc' policy='forbid'/>"),
            "says nothing about 1 promised bit",
        ),
        ("KVM's table for an emulated guest", &table, None, emulated, "the definition is for QEMU's emulation"),
        ("a model's expansion", &model, None, cpu("<feature name='avx'/>"), "no guest read it"),
    ] {
        let baseline = files.put("baseline.xml", &baseline);
        let role: Vec<&str> = role.iter().flat_map(|role| ["--as", role]).collect();
        let (code, said) = run(&[&["check", input, "--baseline", &baseline], &role[..]].concat());
        assert!(code == 1 && said.contains("unverified") && said.contains(words), "{what}: {said}");
    }
    // Alike on both sides it is no difference, and is said.
    let (code, said) = run(&["compare", &narrow, &narrow]);
    assert!(code == 0 && said.contains("both inputs: avx is there"), "{said}");
    let (code, said) =
        run(&["compare", &offer, &files.put("old.json", &booted(false, "pc-q35-10.0", "host")), "--fix"]);
    assert!(code == 1 || said.contains("pc-q35-10.0"), "{said}");
    let pins =
        ["host,tsc-frequency=2600000000", "host,tsc-frequency=2100000000"].map(|cpu| booted(false, "pc-q35-11.1", cpu));
    let (code, said) = run(&["compare", &files.put("a.json", &pins[0]), &files.put("b.json", &pins[1]), "--fix"]);
    assert!(code == 1 && said.contains("QEMU refuses the pair"), "{said}");
}

#[test]
fn a_model_that_a_host_does_not_list_is_no_plain_result() {
    let files = Files::new();
    let host = |custom: &str| {
        let xml = format!(
            "<domainCapabilities><domain>kvm</domain><arch>x86_64</arch><cpu><mode name='host-model' supported='yes'>\
             <model>Westmere</model><maxphysaddr mode='passthrough' limit='46'/></mode>{custom}</cpu></domainCapabilities>"
        );
        let one = files.put("host.xml", &xml);
        run(&["baseline", &one, &files.put("other.xml", &xml)])
    };
    for (custom, code, words) in [
        ("", 0, ""),
        ("<mode name='custom' supported='yes'><model usable='yes'>Westmere</model></mode>", 0, ""),
        (
            "<mode name='custom' supported='yes'><model usable='yes'>Penryn</model></mode>",
            1,
            "the model Westmere is not among those that it lists",
        ),
        ("<mode name='custom' supported='no'/>", 1, "no guest with mode='custom' can start there"),
    ] {
        let (ended, said) = host(custom);
        assert!(ended == code && said.contains(words), "{custom}: {ended}: {said}");
    }
}
