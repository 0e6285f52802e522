//! `check` against all that a domain promises, of guests and of what hosts offer, through the command line.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::files::Files;

/// What a run says: its exit code, the result, its reason with the notes, and what was found with its severity.
#[derive(Debug)]
struct Answer {
    code: i32,
    result: String,
    words: String,
    found: Vec<(String, String)>,
}

impl Answer {
    fn of(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"));
        let output = command.args(arguments).args(["--format", "json"]).stdin(Stdio::null()).output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let error = String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_str(text.lines().next().filter(|l| l.len() > 1).unwrap_or(&text))
            .or_else(|_| serde_json::from_str(&text))
            .unwrap_or_else(|e| panic!("{e}: {text}{error}"));
        let list = |key: &str| report[key].as_array().expect(key).clone();
        let string = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let notes: Vec<String> = list("notes").iter().map(string).collect();
        let verdict = &report["verdict"]["baseline"][0];
        Self {
            code: output.status.code().expect("an exit code"),
            result: string(&verdict["result"]),
            words: format!("{} | {}", string(&verdict["reason"]), notes.join(" | ")),
            found: list("findings").iter().map(|f| (string(&f["severity"]), string(&f["name"]))).collect(),
        }
    }

    fn names(&self, severity: &str) -> Vec<&str> {
        let mut names: Vec<&str> =
            self.found.iter().filter(|(s, _)| s == severity).map(|(_, name)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// A guest of QEMU's own under KVM with these hypervisor leaves, and as many vCPUs as it has.
fn guest(hypervisor: &[(u32, [u32; 4])], boot: Value) -> String {
    let mut leaves = vec![
        (0u32, 0u32, [0xbu32, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
        (1, 0, [0x306c1, 0x0001_0800, 0x8000_0000, 0x0f8b_fbff]),
        (0xa, 0, [0, 0, 0, 0]),
        (0xb, 0, [0, 1, 0x100, 0]),
        (0xb, 1, [0, 1, 0x201, 0]),
        (0xb, 2, [0, 0, 2, 0]),
        (0x8000_0000, 0, [0x8000_0008, 0, 0, 0]),
        (0x8000_0008, 0, [0x3028, 0, 0, 0]),
    ];
    // Whatever else the maxima promise is zero.
    let zeros = (2..=9).chain(0x8000_0001..=0x8000_0007).map(|leaf| (leaf, [0; 4]));
    let moved = hypervisor.iter().any(|(leaf, _)| *leaf == 0x4000_0100);
    let gap = (0x4000_0102..0x4000_0110).filter(|_| moved).map(|leaf| (leaf, [0; 4]));
    leaves.extend(zeros.chain(gap).chain(hypervisor.iter().copied()).map(|(leaf, r)| (leaf, 0, r)));
    leaves.sort_unstable();
    let leaves: Vec<Value> = leaves
        .iter()
        .map(|(leaf, subleaf, r)| {
            let hex = |n: u32| format!("{n:#010x}");
            let subleaf = if [4, 7, 0xb].contains(leaf) { json!(hex(*subleaf)) } else { Value::Null };
            json!({"leaf": hex(*leaf), "subleaf": subleaf, "eax": hex(r[0]), "ebx": hex(r[1]), "ecx": hex(r[2]), "edx": hex(r[3])})
        })
        .collect();
    let source = if boot.is_null() { "native" } else { "boot" };
    json!({
        "schema": "cpuid-dump/1",
        "provenance": {"tool": null, "label": null, "captured_at": null, "source": source, "kernel": null, "microcode": null,
                       "hypervisor": [], "vcpus_online": 1, "boot": boot, "imported": null},
        "vcpus": [{"vcpu": 0, "complete": true, "gaps": [], "leaves": leaves, "msrs": []}]
    })
    .to_string()
}

/// What a guest is to lack (unsafe), and to have all the same (warning).
type Found = [&'static [&'static str]; 2];

const KVM: [u32; 4] = [0x4b4d_564b, 0x564b_4d56, 0x4d, 0];

/// KVM alone, with kvmclock and no enlightenment.
fn plain() -> Vec<(u32, [u32; 4])> {
    let [b, c, d, _] = KVM;
    vec![(0x4000_0000, [0x4000_0001, b, c, d]), (0x4000_0001, [0x0100_7efb, 0, 0, 0])]
}

/// Hyper-V's block with relaxed, vapic, time and 8191 spins, KVM's behind it, and the leaf with the frequency.
fn enlightened(khz: u32) -> Vec<(u32, [u32; 4])> {
    let [b, c, d, _] = KVM;
    vec![
        (0x4000_0000, [0x4000_0005, 0x7263_694d, 0x666f_736f, 0x7648_2074]),
        (0x4000_0001, [0x3123_7648, 0, 0, 0]),
        (0x4000_0002, [0, 0, 0, 0]),
        (0x4000_0003, [0x232, 0, 0, 0]),
        (0x4000_0004, [0x20, 0x1fff, 0, 0]),
        (0x4000_0005, [0x40, 0x40, 0, 0]),
        (0x4000_0100, [0x4000_0110, b, c, d]),
        (0x4000_0101, [0x0100_7efb, 0, 0, 0]),
        (0x4000_0110, [khz, 1_000_000, 0, 0]),
    ]
}

fn domain(inside: &str) -> String {
    format!(
        "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><cpu mode='host-passthrough'/>\
         {inside}</domain>"
    )
}

/// A domain that promises something of the CPU: without that, nothing is met.
fn with_a_feature(inside: &str) -> String {
    domain(inside).replace(
        "<cpu mode='host-passthrough'/>",
        "<cpu mode='host-passthrough'><feature policy='disable' name='vmx'/></cpu>",
    )
}

fn boot(machine: &str, cpu: &str) -> Value {
    json!({"qemu": "11.1.0", "accel": "kvm", "machine": machine, "cpu": cpu, "command": [], "warnings": []})
}

#[test]
fn what_is_promised_beside_the_cpu_is_held() {
    let files = Files::new();
    let (plain, enlightened) = (
        files.put("plain", &guest(&plain(), Value::Null)),
        files.put("hv", &guest(&enlightened(2_600_000), Value::Null)),
    );
    let check = |dump: &str, inside: &str| {
        Answer::of(&["check", dump, "--baseline", &files.put("b.xml", &with_a_feature(inside))])
    };
    // A machine type and vCPUs say nothing of the CPU.
    let started = domain("<vcpu>1</vcpu>");
    let answer = Answer::of(&["check", &plain, "--baseline", &files.put("b.xml", &started)]);
    assert_eq!((answer.code, answer.result.as_str()), (1, "unverified"));
    let hyperv = |inside: &str| format!("<features><hyperv mode='custom'>{inside}</hyperv></features>");
    let kvm = |inside: &str| format!("<features><kvm>{inside}</kvm></features>");
    let timer = |inside: &str| format!("<clock><timer {inside}/></clock>");
    // What is promised; what the plain guest lacks (unsafe) or has all the same (warning); and the enlightened one.
    let table: Vec<(String, Found, Found)> = vec![
        (hyperv("<relaxed state='on'/>"), [&["hv-relaxed"], &[]], [&[], &[]]),
        (hyperv("<vapic state='on'/>"), [&["hv-vapic"], &[]], [&[], &[]]),
        (hyperv("<vapic state='off'/>"), [&[], &[]], [&[], &["hv-vapic"]]),
        (hyperv("<synic state='on'/>"), [&["hv-synic"], &[]], [&["hv-synic"], &[]]),
        (hyperv("<spinlocks state='on' retries='8191'/>"), [&["hv-spinlocks"], &[]], [&[], &[]]),
        (hyperv("<spinlocks state='on' retries='4096'/>"), [&["hv-spinlocks"], &[]], [&["hv-spinlocks"], &[]]),
        (hyperv("<vendor_id state='on' value='Microsoft Hv'/>"), [&["hv-vendor-id"], &[]], [&[], &[]]),
        (hyperv("<spinlocks state='off'/><vendor_id state='off'/>"), [&[], &[]], [&[], &["hv-spinlocks"]]),
        (hyperv("<vendor_id state='on' value='other'/>"), [&["hv-vendor-id"], &[]], [&["hv-vendor-id"], &[]]),
        (kvm("<hidden state='on'/>"), [&[], &["kvm"]], [&[], &["kvm"]]),
        (kvm("<hidden state='off'/>"), [&[], &[]], [&[], &[]]),
        (kvm("<hint-dedicated state='on'/>"), [&["kvm-hint-dedicated"], &[]], [&["kvm-hint-dedicated"], &[]]),
        (kvm("<pv-ipi state='off'/>"), [&[], &["kvm-pv-ipi"]], [&[], &["kvm-pv-ipi"]]),
        (timer("name='kvmclock' present='yes'"), [&[], &[]], [&[], &[]]),
        (timer("name='kvmclock' present='no'"), [&[], &["kvmclock"]], [&[], &["kvmclock"]]),
        (timer("name='hypervclock' present='yes'"), [&["hv-time"], &[]], [&[], &[]]),
        ("<features><pmu state='on'/></features>".into(), [&["pmu"], &[]], [&["pmu"], &[]]),
        ("<features><pmu state='off'/></features>".into(), [&[], &[]], [&[], &[]]),
        ("<vcpu>1</vcpu>".into(), [&[], &[]], [&[], &[]]),
        ("<vcpu>2</vcpu>".into(), [&[], &["vcpu-count"]], [&[], &["vcpu-count"]]),
    ];
    for (inside, of_plain, of_enlightened) in table {
        for (dump, [unsafe_ones, warnings]) in [(&plain, of_plain), (&enlightened, of_enlightened)] {
            let answer = check(dump, &inside);
            assert_eq!(
                (answer.names("unsafe"), answer.names("warning")),
                (unsafe_ones.to_vec(), warnings.to_vec()),
                "{inside}"
            );
            let kept = unsafe_ones.is_empty() && warnings.is_empty();
            let expected = if kept { (0, "met") } else { (1, "not-met") };
            assert_eq!((answer.code, answer.result.as_str()), expected, "{inside} {answer:?}");
        }
    }
}

/// The domains that are tried in a real libvirt elsewhere hold every element there is.
#[test]
fn every_element_that_is_known_is_a_promise() {
    let files = Files::new();
    let dump = files.put("g", &guest(&plain(), Value::Null));
    let domains = crate::support::root().join("tests/data/domains");
    let mut tried = 0;
    for entry in fs::read_dir(domains).expect("domains") {
        let path = entry.expect("a domain").path();
        // A frequency of the machine that boots them stands here.
        let text = fs::read_to_string(&path).expect("a domain").replace("@TSC@", "2600000000");
        let output = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"))
            .args(["check", &dump, "--format", "json", "--baseline", &files.put("b.xml", &text)])
            .stdin(Stdio::null())
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!said.contains("not understood"), "{}: {said}", path.display());
        tried += usize::from(!said.is_empty());
    }
    assert!(tried >= 30, "{tried} domains were read");
}

#[test]
fn the_frequency_is_held_where_a_leaf_or_the_start_tells_it() {
    let files = Files::new();
    let baseline = files.put("b.xml", &domain("<clock><timer name='tsc' frequency='2600000000'/></clock>"));
    let check = |dump: &str| {
        let answer = Answer::of(&["check", &files.put("g", dump), "--baseline", &baseline]);
        (answer.code, answer.result, answer.words)
    };
    let result = |dump: &str| {
        let (code, result, _) = check(dump);
        (code, result)
    };
    assert_eq!(result(&guest(&enlightened(2_600_600), Value::Null)), (0, "met".into()), "231 ppm");
    assert_eq!(result(&guest(&enlightened(2_601_000), Value::Null)), (1, "not-met".into()), "385 ppm");
    let (code, unverified, words) = check(&guest(&plain(), Value::Null));
    assert_eq!((code, unverified.as_str()), (1, "unverified"));
    assert!(words.contains("TSC frequency of 2600000 kHz: no leaf tells"), "{words}");
    assert_eq!(result(&guest(&plain(), boot("pc-i440fx-11.1", "host,tsc-frequency=2600000000"))), (0, "met".into()));
    assert_eq!(
        result(&guest(&plain(), boot("pc-i440fx-11.1", "host,tsc-frequency=2400000000"))),
        (1, "not-met".into())
    );
}

#[test]
fn the_machine_type_and_topology_are_held() {
    let files = Files::new();
    let check = |dump: &str, inside: &str| {
        let baseline = files.put("b.xml", &with_a_feature(inside));
        let answer = Answer::of(&["check", &files.put("g", dump), "--baseline", &baseline]);
        (answer.code, answer.result)
    };
    let machine = |name: &str| format!("<os><type machine='{name}'>hvm</type></os>");
    let booted = guest(&plain(), boot("pc-i440fx-11.1", "host,migratable=on"));
    assert_eq!(check(&booted, &machine("pc")), (0, "met".into()));
    assert_eq!(check(&booted, &machine("pc-i440fx-11.1")), (0, "met".into()));
    assert_eq!(check(&booted, &machine("pc-i440fx-9.2")), (1, "not-met".into()));
    assert_eq!(check(&booted, &machine("q35")), (1, "not-met".into()));
    assert_eq!(
        check(&guest(&plain(), Value::Null), &machine("pc")),
        (1, "unverified".into()),
        "no dump says it by itself"
    );
    let topology = |threads: u32, sockets: u32| {
        let cpu = format!("<cpu><model>486</model><topology sockets='{sockets}' cores='1' threads='{threads}'/></cpu>");
        let answer = Answer::of(&["check", &files.put("g", &booted), "--baseline", &files.put("b.xml", &cpu)]);
        answer.names("warning").into_iter().map(str::to_string).collect::<Vec<_>>()
    };
    assert_eq!(topology(1, 1), Vec::<String>::new());
    assert_eq!(topology(2, 1), ["threads", "topology", "vcpu-count"]);
    assert_eq!(topology(1, 2), ["vcpu-count"]);
}

#[test]
fn what_is_not_understood_is_never_met() {
    let files = Files::new();
    let dump = files.put("g", &guest(&plain(), Value::Null));
    for (inside, words) in [
        ("<features><hyperv><new state='on'/></hyperv></features>", "unknown element <new> in <hyperv>"),
        ("<launchSecurity type='sev'/>", "<launchSecurity>"),
        (
            "<qemu:commandline><qemu:arg value='-cpu'/><qemu:arg value='host,kvmclock=on,made-up=on'/></qemu:commandline>",
            "made-up=on is not understood",
        ),
        (
            "<qemu:commandline><qemu:arg value='-cpu'/><qemu:arg value='EPYC'/></qemu:commandline>",
            "-cpu EPYC takes the place of <cpu>",
        ),
    ] {
        let baseline = files.put("b.xml", &domain(inside));
        let answer = Answer::of(&["check", &dump, "--baseline", &baseline, "--partial"]);
        assert_eq!((answer.code, answer.result.as_str()), (1, "unverified"), "{inside}");
        assert!(answer.words.contains(words), "{inside}: {}", answer.words);
    }
    let told = domain(
        "<qemu:commandline><qemu:arg value='-cpu'/><qemu:arg value='host,+avx2,hv_relaxed'/></qemu:commandline>",
    );
    let answer = Answer::of(&["check", &dump, "--baseline", &files.put("b.xml", &told)]);
    assert_eq!(answer.names("unsafe"), ["avx2", "hv-relaxed"]);
    let emulated =
        domain("").replace("type='kvm'", "type='qemu'").replace("host-passthrough'/>", "maximum'/><vcpu>1</vcpu>");
    let booted = files.put("k", &guest(&plain(), boot("pc-i440fx-11.1", "max")));
    let answer = Answer::of(&["check", &booted, "--baseline", &files.put("b.xml", &emulated)]);
    assert_eq!(answer.result, "unverified", "{answer:?}");
}

/// A host with Haswell-noTSX and a few more, as `virsh domcapabilities` has it.
fn capabilities(listed: &str, rest: &str) -> String {
    format!(
        "<domainCapabilities><domain>kvm</domain><machine>pc-q35-7.2</machine><arch>x86_64</arch><vcpu max='64'/><cpu>\
         <mode name='host-model' supported='yes'><model>Haswell-noTSX</model><vendor>Intel</vendor>\
         <maxphysaddr mode='passthrough' limit='39'/>{listed}</mode></cpu>{rest}</domainCapabilities>"
    )
}

#[test]
fn an_offer_is_asked_whether_it_can_give() {
    let files = Files::new();
    let enlightenments =
        "<features><hyperv supported='yes'><enum name='features'><value>relaxed</value></enum></hyperv></features>";
    let listed = "<feature policy='require' name='vmx'/><feature policy='disable' name='avx2'/>";
    let host = files.put("host.xml", &capabilities(listed, enlightenments));
    let check = |definition: &str| Answer::of(&["check", &host, "--baseline", &files.put("b.xml", definition)]);
    let cpu = |inside: &str| format!("<cpu mode='custom'><model>Westmere</model>{inside}</cpu>");
    let feature = |policy: &str, name: &str| cpu(&format!("<feature policy='{policy}' name='{name}'/>"));
    let width = |bits: u32| cpu(&format!("<maxphysaddr mode='emulate' bits='{bits}'/>"));
    let with = |inside: &str| {
        domain(inside).replace("mode='host-passthrough'/>", "mode='custom'><model>Westmere</model></cpu>")
    };
    for (definition, result) in [
        (cpu(""), "met"),
        (feature("require", "vmx"), "met"),
        (feature("require", "avx2"), "not-met"),
        (feature("disable", "vmx"), "met"),
        (feature("forbid", "vmx"), "not-met"),
        (feature("forbid", "avx2"), "met"),
        (feature("require", "avx512f"), "not-met"),
        (feature("require", "invtsc"), "unverified"),
        (feature("require", "topoext"), "unverified"),
        (feature("require", "avx10"), "unverified"),
        (feature("require", "rdctl-no"), "unverified"),
        (feature("require", "vmx-ept"), "unverified"),
        (width(39), "met"),
        (width(36), "met"),
        (width(42), "not-met"),
        (cpu("<vendor>Intel</vendor>"), "met"),
        (cpu("<vendor>AMD</vendor>"), "not-met"),
        (cpu("<topology sockets='8' cores='4' threads='2'/>"), "met"),
        (cpu("<topology sockets='8' cores='5' threads='2'/>"), "not-met"),
        (with("<features><hyperv><relaxed state='on'/></hyperv></features>"), "met"),
        (with("<features><hyperv><vapic state='on'/></hyperv></features>"), "not-met"),
        (with("<features><hyperv><vapic state='off'/></hyperv><kvm><hidden state='on'/></kvm></features>"), "met"),
        (with("<clock><timer name='kvmclock' present='no'/></clock>"), "met"),
        (with("<clock><timer name='tsc' frequency='2600000000'/></clock>"), "unverified"),
        (with("<os><type machine='q35'>hvm</type></os>"), "met"),
        (with("<os><type machine='pc-i440fx-7.2'>hvm</type></os>"), "unverified"),
    ] {
        let answer = check(&definition);
        let code = i32::from(result != "met");
        assert_eq!((answer.code, answer.result.as_str()), (code, result), "{definition} {answer:?}");
    }
    let silent = files.put("silent.xml", &capabilities("", ""));
    let relaxed = files.put("b.xml", &with("<features><hyperv><relaxed state='on'/></hyperv></features>"));
    assert_eq!(Answer::of(&["check", &silent, "--baseline", &relaxed]).result, "unverified");
}

#[test]
fn hardware_is_never_better_than_unverified() {
    let files = Files::new();
    let host = files.put(
        "host.xml",
        "<capabilities><host><cpu><arch>x86_64</arch><model>Haswell-noTSX</model><vendor>Intel</vendor></cpu></host></capabilities>",
    );
    let baseline = |text: &str| files.put("b.xml", &format!("<cpu><model>Westmere</model>{text}</cpu>"));
    for partial in [&[][..], &["--partial"]] {
        let answer = Answer::of(&[&["check", &host, "--baseline", &baseline("")], partial].concat());
        assert_eq!((answer.code, answer.result.as_str()), (1, "unverified"));
        assert!(answer.words.contains("bare hardware"), "{}", answer.words);
    }
    let lacks = Answer::of(&["check", &host, "--baseline", &baseline("<feature name='avx512f'/>")]);
    assert_eq!(lacks.result, "not-met");
    let bare = guest(&[], Value::Null).replace("\"ecx\":\"0x80000000\"", "\"ecx\":\"0x00000000\"");
    let dump = files.put("bare.json", &bare);
    let simple = files.put("486.xml", "<cpu><model>486</model></cpu>");
    let answer = Answer::of(&["check", &dump, "--baseline", &simple, "--partial"]);
    assert_eq!((answer.code, answer.result.as_str()), (1, "unverified"), "{answer:?}");
    let answer = Answer::of(&["check", &dump, "--baseline", &simple, "--partial", "--as", "guest"]);
    assert_eq!((answer.code, answer.result.as_str()), (0, "met"), "{answer:?}");
}

#[test]
fn optional_is_said_and_warned_of_where_inputs_differ() {
    let files = Files::new();
    let line = |ecx: &str| format!("00000001 00000000: 000306c1 00000800 {ecx} 0f8bfbff\n");
    let (with, without) = (files.put("with", &line("80000001")), files.put("without", &line("80000000")));
    let baseline = files.put("b.xml", "<cpu><model>486</model><feature policy='optional' name='pni'/></cpu>");
    let check = |inputs: &[&str]| Answer::of(&[&["check"], inputs, &["--baseline", &baseline, "--partial"]].concat());
    let one = check(&[&with]);
    assert!(one.code == 0 && one.names("info").contains(&"pni") && one.names("warning").is_empty(), "{one:?}");
    assert_eq!(check(&[&with, &with]).code, 0);
    let both = check(&[&with, &without]);
    assert_eq!((both.code, both.names("warning")), (1, vec!["pni"]));
}

#[test]
fn a_log_that_is_not_understood_announces_nothing_and_denies_nothing() {
    let files = Files::new();
    let dump = files.put("g", "00000001 00000000: 000306c1 00000800 80000000 0f8bfbff\n");
    let baseline = files.put("b.xml", "<cpu><model>486</model><feature name='ds'/></cpu>");
    let evidence = |log: &str| {
        let log = files.put("log", log);
        let output = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"))
            .args(["check", &dump, "--baseline", &baseline, "--qemu-log", &log, "--format", "json"])
            .output()
            .expect("it runs");
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        let ds =
            report["findings"].as_array().expect("findings").iter().find(|f| f["name"] == "ds").expect("ds").clone();
        (ds["evidence"].to_string(), report["notes"].to_string())
    };
    assert!(evidence("starting up\n").0.contains("not announced"));
    let (said, notes) = evidence("qemu: warning: host doesn't support requested feature: CPUID.01H:EDX.d\n");
    assert_eq!(said, "[]");
    assert!(notes.contains("could not be understood") && notes.contains("CPUID.01H:EDX.d"), "{notes}");
    let (said, _) =
        evidence("{\"msg\":\"qemu: warning: host doesn't support requested feature: CPUID.01H:EDX.ds [bit 21]\\n\"}\n");
    assert!(said.contains("EDX.ds [bit 21]"), "{said}");
}

/// What is in an MSR counts too where the domain itself tells QEMU, though the definition does not announce the MSR.
#[test]
fn a_feature_of_an_msr_that_the_domain_turns_off_is_not_required() {
    let files = Files::new();
    let inside = "<qemu:commandline><qemu:arg value='-cpu'/><qemu:arg value='host,rdctl-no=off'/></qemu:commandline>";
    let baseline = files.put("b.xml", &domain(inside));
    for (rdctl_no, expected) in [(0, (0, "met")), (1, (1, "not-met"))] {
        let dump = files.put(
            "guest",
            &format!(
                "00000001 00000000: 000306c1 00000800 80000000 0f8bfbff\n00000007 00000000: 00000000 00000000 00000000 \
                 20000000\nmsr 0000010a: 00000000 0000000{rdctl_no}\n"
            ),
        );
        let answer = Answer::of(&["check", &dump, "--baseline", &baseline, "--partial"]);
        assert_eq!((answer.code, answer.result.as_str()), expected, "{answer:?}");
        assert_eq!(answer.names("warning").contains(&"rdctl-no"), rdctl_no == 1, "{answer:?}");
    }
}

/// A role that nothing takes is an error, not a default.
#[test]
fn a_role_that_no_input_takes_is_refused() {
    let files = Files::new();
    let dump = files.put("guest.json", &guest(&plain(), Value::Null));
    let offer = files.put("host.xml", &capabilities("", ""));
    let baseline = files.put("b.xml", "<cpu><model>486</model></cpu>");
    let other = format!("{dump}x=hardware");
    for (command, words) in [
        (vec!["check", &dump, "--baseline", &baseline, "--as", &other], "no input is called"),
        (vec!["compare", &dump, &dump, "--as", &other], "no input is called"),
        (vec!["check", &offer, "--baseline", &baseline, "--as", "hardware"], "says itself what it is"),
    ] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_cpuid-diff")).args(&command).stdin(Stdio::null()).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{command:?}: {stderr}");
        assert!(stderr.contains(words), "{command:?}: {stderr}");
    }
    let known = format!("{dump}=hardware");
    let answer = Answer::of(&["check", &dump, "--baseline", &baseline, "--partial", "--as", &known]);
    assert_eq!((answer.code, answer.result.as_str()), (1, "unverified"), "{answer:?}");
}

#[test]
fn the_hosts_caches_cannot_be_told_from_a_dump() {
    let files = Files::new();
    let dump = files.put("guest.json", &guest(&[], Value::Null));
    for (cache, what) in
        [("mode='passthrough'", "whether its caches are the host's"), ("level='2' mode='emulate'", "level='2'")]
    {
        let of = |cache: &str| format!("<cpu mode='custom'><model>486</model>{cache}<feature name='vme'/></cpu>");
        let xml = files.put("vm.xml", &of(&format!("<cache {cache}/>")));
        let plain = files.put("plain.xml", &of(""));
        let answer = Answer::of(&["check", &dump, "--baseline", &xml]);
        assert!(answer.code == 1 && answer.result == "unverified" && answer.words.contains(what), "{answer:?}");
        assert!(!Answer::of(&["check", &dump, "--baseline", &plain]).words.contains("caches"));
    }
}
