//! `baseline`: the common CPU of hosts and guests, through the command line, and guests booted from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::files::Files;
use crate::support::{root, shared};
use cpuid_diff::cpu_map::CpuMap;
use cpuid_diff::knowledge::Knowledge;
use cpuid_diff::view::promise::Expanded;
use cpuid_probe::libvirt::read_cpus;

fn run(arguments: &[&str]) -> Output {
    // A page so wide that a sentence is a line.
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"));
    command.env("COLUMNS", "4000").args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Exit code, standard output and standard error.
fn baseline(arguments: &[&str]) -> (i32, String, String) {
    let output = run(&[&["baseline"], arguments].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The features that a definition promises, sorted.
fn promised(xml: &str) -> Vec<&'static str> {
    let map = CpuMap::of(Knowledge::builtin());
    let cpu = read_cpus(xml).unwrap().remove(0);
    let mut names = map.names(&Expanded::new(&cpu, &map).unwrap().features());
    names.sort_unstable();
    names
}

/// A host-model as domcapabilities print it.
fn host_model(model: &str, features: &str) -> String {
    let listed: String = features
        .split_whitespace()
        .map(|name| match name.strip_prefix('-') {
            Some(name) => format!("<feature policy='disable' name='{name}'/>\n"),
            None => format!("<feature policy='require' name='{name}'/>\n"),
        })
        .collect();
    format!(
        "<domainCapabilities><cpu><mode name='host-model' supported='yes'>\n<model fallback='forbid'>{model}</model>\n\
         <vendor>Intel</vendor>\n{listed}</mode></cpu></domainCapabilities>\n"
    )
}

#[test]
fn the_reference_case_is_libvirts_own_result_without_invtsc() {
    let file = |name: &str| shared(&format!("corpus/reference-case/guest_host_passthough_docap__{name}.xml"));
    let (Some(node1), Some(node2), Some(libvirts)) =
        (file("e5__host_nobaseline"), file("8538c__host_nobaseline"), file("host_combind"))
    else {
        return;
    };
    let libvirts = promised(&fs::read_to_string(libvirts).unwrap());
    let (node1, node2) = (node1.display().to_string(), node2.display().to_string());
    let (code, xml, said) = baseline(&[&node1, &node2]);
    assert_eq!(code, 1, "{said}");
    assert!(said.starts_with("update guest_host_passthough_docap__e5__host_nobaseline.xml: it lacks"), "{said}");
    let without: Vec<&str> = libvirts.iter().copied().filter(|name| *name != "invtsc").collect();
    assert_eq!(promised(&xml), without);
    assert!(said.contains("left out: invtsc") && said.contains("host_nobaseline.xml gives up 1: invtsc"), "{said}");
    // md-clear is on node2 alone: never added, but said.
    assert!(said.contains("md-clear") && said.contains("VERW"), "{said}");
    // Neither says at which frequency its TSC runs, so that none can be pinned.
    let (_, kept, said) = baseline(&["--keep-unmigratable", &node1, &node2]);
    assert_eq!(promised(&kept), without);
    assert!(said.contains("do not say at which frequency the TSC runs"), "{said}");
}

#[test]
fn libvirts_own_list_of_inputs_gives_libvirts_result() {
    let (Some(inputs), Some(result)) = (
        shared("corpus/libvirt-compare/x86_64-baseline-Westmere+Nehalem.xml"),
        shared("corpus/libvirt-compare/x86_64-baseline-Westmere+Nehalem-migratable.xml"),
    ) else {
        return;
    };
    let (code, xml, said) = baseline(&[&inputs.display().to_string()]);
    assert_eq!((code, said.starts_with("hardware: ")), (1, true), "{said}");
    assert!(xml.contains(">Westmere<"), "{xml}");
    // libvirt's own filter takes out osxsave at the end; the recorded result is older than that.
    let theirs = promised(&fs::read_to_string(result).unwrap());
    let theirs: Vec<&str> = theirs.into_iter().filter(|name| *name != "osxsave").collect();
    assert_eq!(promised(&xml), theirs);
}

#[test]
fn only_what_all_have_and_each_loss_is_named() {
    let files = Files::new();
    let node1 = files.put("node1.xml", &host_model("Haswell-noTSX", "vme ss f16c rdrand arat abm xsaveopt invtsc"));
    let node2 = files.put("node2.xml", &host_model("Skylake-Client-IBRS", "ss -hle -rtm clflushopt md-clear"));
    let (code, xml, said) = baseline(&[&node1, &node2]);
    assert_eq!(code, 1, "{said}");
    assert!(
        said.starts_with("update node1.xml: it lacks protections that node2.xml has: md-clear spec-ctrl"),
        "{said}"
    );
    let names = promised(&xml);
    assert!(names.contains(&"f16c") && names.contains(&"ss"), "{xml}");
    for absent in ["invtsc", "clflushopt", "md-clear", "spec-ctrl", "hle", "adx"] {
        assert!(!names.contains(&absent), "{absent}: {xml}");
    }
    assert!(said.contains("node1.xml gives up 1: invtsc\n"), "{said}");
    assert!(
        said.lines()
            .any(|l| l.starts_with("node2.xml gives up") && l.contains("clflushopt") && l.contains("spec-ctrl"))
    );
    assert!(!said.contains("left out: invtsc"), "node2 does not have invtsc: {said}");
}

/// `-cpu MODEL` is QEMU's model, not libvirt's: what only QEMU's has is switched off where it is not common.
#[test]
fn what_qemus_model_has_beyond_libvirts_does_not_come_back() {
    let files = Files::new();
    let node1 = files.put("node1.xml", &host_model("Haswell-noTSX", "vme f16c rdrand arat xsaveopt"));
    let node2 = files.put("node2.xml", &host_model("Haswell-noTSX", "vme f16c rdrand abm xsaveopt"));
    let (_, xml, _) = baseline(&[&node1, &node2]);
    assert!(xml.contains("<feature policy='disable' name='abm'/>"), "{xml}");
    assert!(xml.contains("<feature policy='disable' name='arat'/>"), "{xml}");
    let (_, qemu, _) = baseline(&["--format", "qemu", &node1, &node2]);
    assert_eq!(qemu, "Haswell-noTSX,f16c=on,rdrand=on,vme=on,xsaveopt=on,arat=off,abm=off\n");
    // What 9.0 still has in its model and QEMU's lost is asked for by name.
    let old = files.put("old.xml", &host_model("Icelake-Server", ""));
    let (_, xml, _) = baseline(&["--cpu-map", "9.0", &old]);
    assert!(xml.contains("<feature policy='require' name='mpx'/>"), "{xml}");
}

#[test]
fn a_host_is_never_given_what_a_policy_takes_away() {
    let files = Files::new();
    // As people write it to please virsh cpu-baseline.
    let node = "<cpu><arch>x86_64</arch><model>Haswell</model><vendor>Intel</vendor>\
                <feature policy='disable' name='hle'/><feature policy='disable' name='rtm'/></cpu>";
    let node = files.put("node.xml", node);
    let (code, xml, said) = baseline(&[&node, &node]);
    assert_eq!(code, 0);
    let names = promised(&xml);
    assert!(!names.contains(&"hle") && !names.contains(&"rtm"), "{xml}");
    assert!(said.contains("policies"), "{said}");
}

#[test]
fn no_common_cpu_and_unusable_inputs() {
    let files = Files::new();
    let intel = files.put("intel.xml", &host_model("Haswell", ""));
    let amd = "<cpu><model>EPYC</model><vendor>AMD</vendor></cpu>";
    let amd = files.put("amd.xml", amd);
    let (code, out, said) = baseline(&[&intel, &amd]);
    assert_eq!((code, out.as_str()), (2, ""), "{said}");
    assert!(said.contains("intel.xml is Intel") && said.contains("amd.xml is AMD"), "{said}");
    for (text, words) in [
        ("<cpu mode='host-passthrough'/>", "virsh domcapabilities"),
        ("<cpu><model>Bogus</model></cpu>", "--cpu-map"),
        ("<cpu><model>Haswell</model><feature name='avx3'/></cpu>", "unknown feature 'avx3'"),
        ("<cpu/>", "names no CPU model"),
        ("00000001 00000000: 000306c1 0f000800 fffa3223 0f8bfbff\n", "excerpt"),
        (r#"{"cpuid_modifiers": [], "msr_modifiers": [{"addr": "0x10a", "bitmap": "0b1"}]}"#, "template"),
        ("<cpu>", "not well-formed"),
    ] {
        let (code, out, said) = baseline(&[&intel, &files.put("input", text)]);
        assert_eq!((code, out.as_str()), (2, ""), "{text}: {said}");
        assert!(said.contains(words) && said.lines().count() == 1, "{text}: {said}");
    }
}

/// Two whole dumps, hand-made: feature MSRs and hazards differ.
#[test]
fn dumps_say_what_was_not_captured_and_which_bits_to_agree_on_upwards() {
    let guest = |arch_capabilities: Option<u64>, phys_bits: u32| {
        let mut text = format!(
            "00000000 00000000: 00000007 756e6547 6c65746e 49656e69\n\
             00000001 00000000: 000306c1 00000800 fffa3203 0f8bfbff\n\
             00000007 00000000: 00000000 000007a9 00000000 20000000\n\
             80000000 00000000: 80000008 00000000 00000000 00000000\n\
             80000001 00000000: 00000000 00000000 00000021 2c100800\n\
             80000008 00000000: 000030{phys_bits:02x} 00000000 00000000 00000000\n"
        );
        if let Some(value) = arch_capabilities {
            text += &format!("msr 0000010a: {:08x} {:08x}\n", value >> 32, value & 0xffff_ffff);
        }
        text
    };
    let files = Files::new();
    let node1 = files.put("node1", &guest(Some(0x000a_0009), 46));
    let node2 = files.put("node2", &guest(Some(0x0000_0009), 52));
    let blind = files.put("blind", &guest(None, 46));
    let (code, xml, said) = baseline(&[&node1, &node2]);
    assert_eq!((code, said.starts_with("update node2: it lacks")), (1, true), "{said}");
    assert!(xml.contains("name='rdctl-no'") && !xml.contains("fb-clear"), "{xml}");
    assert!(said.lines().any(|l| l.contains("fb-clear") && l.contains("node1 has it, node2 does not")), "{said}");
    // RRSBA has no name anywhere but in the manuals.
    assert!(said.contains("RRSBA"), "{said}");
    assert!(said.contains("46 bits in node1 and 52 in node2"), "{said}");
    assert!(xml.contains("<maxphysaddr mode='emulate' bits='46'/>"), "{xml}");
    let (code, xml, said) = baseline(&[&node1, &blind]);
    assert_eq!((code, said.starts_with("not known of blind: protections that node1 has")), (1, true), "{said}");
    assert!(!xml.contains("rdctl-no"), "{xml}");
    assert!(said.contains("blind was captured without these") && said.contains("rdctl-no"), "{said}");
}

/// The probe of this build, which `cargo test -p cpuid-diff` alone does not make.
fn probe() -> PathBuf {
    let built =
        Command::new(env!("CARGO")).args(["build", "--quiet", "-p", "cpuid-probe"]).current_dir(root()).status();
    assert!(built.unwrap().success());
    Path::new(env!("CARGO_BIN_EXE_cpuid-diff")).with_file_name("cpuid-probe")
}

/// A throw-away guest under emulation; the dump's file.
fn boot(probe: &Path, files: &Files, name: &str, options: &[&str]) -> String {
    let dump = files.0.join(name);
    let output =
        Command::new(probe).args(["boot", "--accel", "tcg"]).args(options).arg("-o").arg(&dump).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    dump.display().to_string()
}

/// Two unlike nodes; their common CPU, in both forms, booted with what each node could give.
#[test]
fn a_guest_from_our_own_baseline_is_the_same_on_both_nodes() {
    let (probe, files) = (probe(), Files::new());
    // Under emulation a node is what its QEMU is made to be; the second has much less.
    let nodes = [
        boot(&probe, &files, "node1.json", &["--cpu", "Haswell-noTSX,vendor=GenuineIntel"]),
        boot(&probe, &files, "node2.json", &["--cpu", "Skylake-Client,-f16c,-movbe,-bmi1,-avx2,+sha-ni,-abm"]),
    ];
    let (code, xml, said) = baseline(&[&nodes[0], &nodes[1]]);
    assert_eq!(code, 0, "{said}");
    let (_, qemu, _) = baseline(&["--format", "qemu", &nodes[0], &nodes[1]]);
    let definition = files.put("common.xml", &xml);
    // Neither node's guest gets what the other node lacks, or it would not be the common CPU.
    let guests = [
        boot(&probe, &files, "guest1.json", &["--cpu-xml", &definition, "--machine", "pc"]),
        boot(&probe, &files, "guest2.json", &["--cpu-xml", &definition, "--machine", "pc"]),
        boot(&probe, &files, "guest3.json", &["--cpu", qemu.trim(), "--machine", "pc"]),
    ];
    for other in &guests[1..] {
        let output = run(&["compare", &guests[0], other]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    }
    for guest in &guests {
        let output = run(&["check", guest, "--baseline", &definition, "--format", "json"]);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{report:#}");
        // Exact: no more than was promised, either.
        assert_eq!(report["findings"].as_array().unwrap().len(), 0, "{report:#}");
    }
}

/// The commands of docs/baselines.md, with hand-made nodes: what they print and how they end is on the page.
#[test]
fn the_page_works() {
    let page = fs::read_to_string(root().join("docs/baselines.md")).unwrap();
    let files = Files::new();
    for entry in fs::read_dir(root().join("tests/data/baselines")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, files.0.join(path.file_name().unwrap())).unwrap();
    }
    fs::copy(root().join("samples/reference-node1-leaf1.txt"), files.0.join("guest.txt")).unwrap();
    let programs = probe().parent().unwrap().canonicalize().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let shell = |command: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(&files.0).env("PATH", &path).stdin(Stdio::null()).output().unwrap()
    };
    let blocks = |kind: &str| -> Vec<&str> {
        page.split(&format!("```{kind}\n")).skip(1).filter_map(|rest| rest.split("```").next()).collect()
    };
    assert!(blocks("console").len() >= 4);
    for block in blocks("console") {
        let (command, expected) = block.strip_prefix("$ ").unwrap().split_once('\n').unwrap();
        let (code, expected) = match expected.strip_prefix("? ").and_then(|rest| rest.split_once('\n')) {
            Some((code, expected)) => (code.parse().unwrap(), expected),
            None => (0, expected),
        };
        let output = shell(command);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        match expected.strip_suffix("...\n") {
            Some(start) => assert!(printed.starts_with(start), "{command}: {printed}"),
            None => assert_eq!(printed, expected, "{command}"),
        }
    }
    // One node has to do, and a machine without KVM: emulation has no vmx, so the promise is not kept.
    files.put("baseline.xml", &baseline(&[&files.0.join("node1.xml").display().to_string()]).1);
    let [commands] = blocks("sh")[..] else { panic!("one block of commands") };
    for command in commands.lines() {
        let output = shell(&command.replace("cpuid-probe boot", "cpuid-probe boot --accel tcg"));
        let code = i32::from(command.contains("--baseline"));
        assert_eq!(output.status.code(), Some(code), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        if command.contains("boot") {
            fs::copy(files.0.join("node1.json"), files.0.join("node2.json")).unwrap();
        }
    }
}
