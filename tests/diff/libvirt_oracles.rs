//! Real libvirt as the judge of `check` and `baseline`, under emulation.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use crate::support::files::Files;
use crate::support::libvirt::Libvirt;
use crate::support::root;
use cpuid_diff::cpu_map::CpuMap;
use cpuid_diff::knowledge::Knowledge;
use cpuid_diff::view::promise::Expanded;
use cpuid_probe::libvirt::read_cpus;
use serde_json::Value;

/// The map of the libvirt that judges.
const CPU_MAP: &str = "/usr/share/libvirt/cpu_map";

fn diff(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cpuid-diff")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// The probe of this build, which `cargo test -p cpuid-diff` alone does not make.
fn probe() -> PathBuf {
    let built =
        Command::new(env!("CARGO")).args(["build", "--quiet", "-p", "cpuid-probe"]).current_dir(root()).status();
    assert!(built.unwrap().success());
    Path::new(env!("CARGO_BIN_EXE_cpuid-diff")).with_file_name("cpuid-probe")
}

fn succeeded(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

type Names = BTreeSet<String>;

/// What is missing and what is extra, by libvirt's names.
#[derive(Debug, Default, PartialEq)]
struct Mismatch {
    missing: Names,
    extra: Names,
}

/// The names in libvirt's words: `guest CPU doesn't match specification: extra features: a,b, missing features: c`.
fn libvirts(error: &str) -> Mismatch {
    let after = |words: &str| -> Names {
        let Some((_, rest)) = error.split_once(words) else { return Names::new() };
        let list = rest.split([' ', '\n']).next().unwrap_or_default();
        list.split(',').filter(|name| !name.is_empty()).map(str::to_string).collect()
    };
    assert!(error.contains("guest CPU doesn't match specification"), "{error}");
    Mismatch { missing: after("missing features: "), extra: after("extra features: ") }
}

/// The names in our report.
fn ours(report: &Value) -> Mismatch {
    let mut mismatch = Mismatch::default();
    for finding in report["findings"].as_array().unwrap() {
        let name = finding["name"].as_str().unwrap().to_string();
        match finding["rule"].as_str().unwrap() {
            "extra" | "disable" | "forbid" => mismatch.extra.insert(name),
            "require" | "force" | "announced" => mismatch.missing.insert(name),
            // libvirt says nothing of it.
            "optional" => continue,
            other => panic!("{other}: {finding}"),
        };
    }
    mismatch
}

struct Bench {
    libvirt: Libvirt,
    probe: PathBuf,
    image: PathBuf,
}

impl Bench {
    fn new() -> Self {
        let (libvirt, probe) = (Libvirt::start(), probe());
        let image = libvirt.directory().join("image");
        succeeded(Command::new(&probe).args(["boot", "--emit-image"]).arg(&image).output().unwrap());
        Self { libvirt, probe, image }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.libvirt.directory().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// What libvirt says when it starts a guest with this CPU and `check='full'`; nothing: it starts.
    fn libvirt_starts(&self, cpu: &str, name: &str) -> Option<String> {
        let cpu = cpu.replacen("<cpu ", "<cpu check='full' ", 1);
        assert!(cpu.contains("check='full'"));
        let domain = format!(
            "<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>\
             <os><type arch='x86_64' machine='pc'>hvm</type><kernel>{}</kernel><cmdline>loop</cmdline></os>{cpu}</domain>",
            self.image.display()
        );
        let output = self.libvirt.virsh(&["create", &self.file(&format!("{name}-domain.xml"), &domain)]);
        if output.status.success() {
            self.libvirt.ask(&["destroy", name]);
            return None;
        }
        Some(String::from_utf8(output.stderr).unwrap())
    }

    fn boot(&self, cpu: &str, name: &str) -> String {
        let (xml, dump) =
            (self.file(&format!("{name}.xml"), cpu), self.libvirt.directory().join(format!("{name}.json")));
        let mut command = Command::new(&self.probe);
        command.args(["boot", "--accel", "tcg", "--cpu-xml", &xml, "--force", "-o"]).arg(&dump);
        succeeded(command.output().unwrap());
        dump.display().to_string()
    }

    fn check(&self, cpu: &str, name: &str) -> (i32, Value) {
        let dump = self.boot(cpu, name);
        let xml = self.file(&format!("{name}.xml"), cpu);
        let output = diff(&["check", &dump, "--baseline", &xml, "--cpu-map", CPU_MAP, "--format", "json"]);
        let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        (output.status.code().unwrap(), report)
    }
}

/// Oracle 2: libvirt's own `check='full'`, on definitions that it refuses, and on the same corrected by what we found.
#[test]
fn check_names_what_libvirt_names() {
    let definitions = [
        "<cpu mode='custom' match='exact'><model>qemu64</model></cpu>",
        "<cpu mode='custom' match='exact'><model>kvm64</model><feature policy='require' name='avx2'/></cpu>",
        "<cpu mode='custom' match='exact'><model>Penryn</model><feature policy='require' name='ds'/></cpu>",
        "<cpu mode='custom' match='exact'><model>Nehalem</model><feature policy='disable' name='popcnt'/></cpu>",
        "<cpu mode='custom' match='exact'><model>Westmere-IBRS</model></cpu>",
        "<cpu mode='custom' match='exact'><model>SandyBridge</model><feature policy='optional' name='x2apic'/></cpu>",
        "<cpu mode='custom' match='exact'><model>Haswell-noTSX</model><vendor>Intel</vendor></cpu>",
        "<cpu mode='custom' match='exact'><model>Haswell</model><feature policy='force' name='vmx'/></cpu>",
        "<cpu mode='custom' match='exact'><model>Skylake-Server-IBRS</model></cpu>",
        "<cpu mode='custom' match='exact'><model>Icelake-Server</model></cpu>",
        "<cpu mode='custom' match='exact'><model>Snowridge</model></cpu>",
        "<cpu mode='custom' match='exact'><model>EPYC</model><feature policy='require' name='npt'/></cpu>",
        "<cpu mode='custom' match='exact'><model>EPYC-Milan</model></cpu>",
        "<cpu mode='custom' match='exact'><model>Opteron_G3</model><feature policy='disable' name='svm'/></cpu>",
        "<cpu mode='maximum' match='exact'><feature policy='require' name='avx512f'/>\
         <feature policy='disable' name='avx2'/></cpu>",
    ];
    let bench = Bench::new();
    // libvirt takes seconds to take a domain down.
    let refused = thread::scope(|scope| {
        let started: Vec<_> = definitions
            .iter()
            .enumerate()
            .map(|(i, cpu)| {
                scope.spawn({
                    let bench = &bench;
                    move || agrees(bench, cpu, &format!("oracle{i}"))
                })
            })
            .collect();
        started.into_iter().filter_map(|thread| thread.join().ok()).collect::<Vec<bool>>()
    });
    // A thread that panicked has said why.
    assert_eq!(refused.len(), definitions.len());
    assert!(refused.iter().filter(|refused| **refused).count() >= 12, "{refused:?}");
}

/// What no definition promises, but QEMU's model has and QEMU says it cannot give.
fn announced(report: &Value) -> Names {
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == "announced");
    findings.map(|finding| finding["name"].as_str().unwrap().to_string()).collect()
}

/// Asserts that libvirt and we find the same, and nothing once the definition is corrected by what we found. Whether
/// libvirt refused the definition as it was.
fn agrees(bench: &Bench, cpu: &str, name: &str) -> bool {
    let (_, report) = bench.check(cpu, name);
    let found = ours(&report);
    let error = bench.libvirt_starts(cpu, name);
    // libvirt names some of these: 11.3 not those that it has added to a model later, nor what QEMU has no name for.
    let mut expected = error.as_deref().map(libvirts).unwrap_or_default();
    expected.missing.extend(announced(&report));
    assert_eq!(found, expected, "{cpu}");
    // Promise what is there and nothing else: libvirt starts it, and for us the baseline is met.
    let listed = |names: &Names, policy: &str| -> String {
        names.iter().map(|name| format!("<feature policy='{policy}' name='{name}'/>")).collect()
    };
    let mut corrected = cpu.to_string();
    for name in found.missing.iter().chain(&found.extra) {
        for policy in ["require", "disable", "force", "optional"] {
            corrected = corrected.replace(&format!("<feature policy='{policy}' name='{name}'/>"), "");
        }
    }
    let more = listed(&found.missing, "disable") + &listed(&found.extra, "require");
    let corrected = corrected.replace("</cpu>", &format!("{more}</cpu>"));
    let name = format!("{name}-corrected");
    let (code, report) = bench.check(&corrected, &name);
    assert_eq!(ours(&report), Mismatch::default(), "{corrected}");
    assert_eq!((code, report["verdict"]["baseline"][0]["result"].as_str()), (0, Some("met")), "{corrected}");
    assert_eq!(bench.libvirt_starts(&corrected, &name), None, "{corrected}");
    error.is_some()
}

/// Every pair of the files in the corpus that end in `suffix`.
fn pairs(suffix: &str) -> Vec<[PathBuf; 2]> {
    let Some(directory) = crate::support::shared("corpus/libvirt") else { return Vec::new() };
    let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(suffix));
    files.sort();
    let mut pairs = Vec::new();
    for (i, a) in files.iter().enumerate() {
        pairs.extend(files[i + 1..].iter().map(|b| [a.clone(), b.clone()]));
    }
    pairs
}

/// A definition as its model and its features, expanded with the map of libvirt 9.0.
fn expanded(map: &CpuMap, xml: &str) -> (String, Names) {
    let cpu = read_cpus(xml).unwrap().remove(0);
    let features = Expanded::new(&cpu, map).unwrap().features();
    (cpu.model.unwrap(), map.names(&features).into_iter().map(str::to_string).collect())
}

/// The result, with or without something to look at: hosts of virsh capabilities are hardware.
fn our_baseline(inputs: &[&str], options: &[&str]) -> String {
    printed(diff(&[&["baseline", "--cpu-map", CPU_MAP], options, inputs].concat()))
}

fn printed(output: Output) -> String {
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Features without invtsc, which ours has only where every host says its TSC frequency.
fn without_invtsc((model, mut names): (String, Names)) -> (String, Names) {
    names.remove("invtsc");
    (model, names)
}

/// Oracle 3: `virsh cpu-baseline`, on every pair of hosts: the same model and the same features.
#[test]
fn baseline_agrees_with_cpu_baseline() {
    let (libvirt, map) = (Libvirt::start(), CpuMap::libvirt_9_0(Knowledge::builtin()));
    let both = libvirt.directory().join("both.xml");
    let modes = [(&["--keep-unmigratable"][..], &["cpu-baseline"][..]), (&[], &["cpu-baseline", "--migratable"])];
    for files in pairs("-host.xml") {
        let texts = files.each_ref().map(|file| fs::read_to_string(file).unwrap());
        fs::write(&both, texts.concat()).unwrap();
        let names = files.each_ref().map(|file| file.to_str().unwrap());
        for (ours, theirs) in modes {
            let ours = without_invtsc(expanded(&map, &our_baseline(&names, ours)));
            let theirs = without_invtsc(expanded(&map, &libvirt.ask(&[theirs, &[both.to_str().unwrap()]].concat())));
            assert_eq!(ours.0, theirs.0, "{names:?}");
            // 12.8 leaves out what follows the topology.
            let of_topology = Names::from(["ht", "cmp_legacy"].map(String::from));
            let differences: Names = ours.1.symmetric_difference(&theirs.1).cloned().collect();
            assert!(
                differences.is_subset(&of_topology) && ours.1.is_superset(&differences),
                "{names:?}: {differences:?}"
            );
        }
    }
}

/// What this libvirt has taken out of models of its map (of 11.3: mpx). Its baselines for a hypervisor leave these out even
/// where its domcapabilities have them.
fn removed() -> Names {
    let files = fs::read_dir(CPU_MAP).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let names = |text: String| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains("removed='yes'"));
        lines.map(|line| line.split('\'').nth(1).unwrap().to_string()).collect()
    };
    files.flat_map(names).collect()
}

/// Oracle 3: `virsh hypervisor-cpu-baseline` takes away what libvirt says this very host's QEMU cannot give; nothing else
/// differs. (It may choose another model for what is left.)
#[test]
fn baseline_agrees_with_hypervisor_cpu_baseline_but_for_this_hosts_own_limits() {
    let (libvirt, map) = (Libvirt::start(), CpuMap::libvirt_9_0(Knowledge::builtin()));
    let both = libvirt.directory().join("both.xml");
    // The newest map knows what libvirt has taken out of its models since 9.0 (mpx), which it then does not give.
    let newest = CpuMap::of(Knowledge::builtin());
    let (_, given) = expanded(&newest, &libvirt.ask(&["domcapabilities", "--virttype", "qemu"]));
    assert!(given.contains("sse2"));
    let removed = removed();
    for files in pairs("-json.xml") {
        let texts = files.each_ref().map(|file| fs::read_to_string(file).unwrap());
        fs::write(&both, texts.concat()).unwrap();
        let names = files.each_ref().map(|file| file.to_str().unwrap());
        let (_, ours) = without_invtsc(expanded(&map, &our_baseline(&names, &["--keep-unmigratable"])));
        let command = ["hypervisor-cpu-baseline", "--virttype", "qemu", both.to_str().unwrap()];
        let (_, theirs) = without_invtsc(expanded(&map, &libvirt.ask(&command)));
        assert_eq!(&theirs - &ours, Names::new(), "{names:?}");
        assert_eq!(&(&(&ours - &theirs) & &given) - &removed, Names::new(), "{names:?}");
    }
}

/// A guest with features that libvirt may have no names for gives a definition that it accepts.
#[test]
fn libvirt_accepts_a_baseline_of_a_newer_guest() {
    let libvirt = Libvirt::start();
    // A Sapphire Rapids with AMX-FP16 and AVX-VNNI-INT8, which libvirt 9.0 does not know, and CET-IBT, which 11.3 does not.
    let dump = "\
00000000 00000000: 0000000d 756e6547 6c65746e 49656e69
00000001 00000000: 000806f8 00100800 fffa3203 0f8bfbff
00000007 00000000: 00000001 f1bf07ab 1b415f6e ffdd4412
00000007 00000001: 00200c30 00000000 00000000 00000010
0000000d 00000000: 00000007 00000340 00000340 00000000
0000000d 00000001: 0000000f 00000340 00000000 00000000
80000000 00000000: 80000001 00000000 00000000 00000000
80000001 00000000: 00000000 00000000 00000121 2c100800
";
    let file = libvirt.directory().join("new.txt");
    fs::write(&file, dump).unwrap();
    let output = diff(&["baseline", "--cpu-map", CPU_MAP, file.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let xml = printed(output);
    // What this libvirt has a name for goes in, of the rest the property is said.
    let known = fs::read_to_string(Path::new(CPU_MAP).join("x86_features.xml")).unwrap();
    for name in ["amx-fp16", "avx-vnni-int8", "cet-ibt"] {
        let is_known = known.contains(&format!("<feature name='{name}'"));
        assert_eq!(xml.contains(&format!("name='{name}'")), is_known, "{name}: {xml}");
        assert_eq!(said.contains(&format!("{name}=on")), !is_known, "{name}: {said}");
    }
    // A libvirt that knows the guest's own model gets it: 11.3 has Sapphire Rapids, which brings avx512-fp16.
    if Path::new(CPU_MAP).join("x86_SapphireRapids.xml").exists() {
        assert!(xml.contains(">SapphireRapids<") && !xml.contains("avx512-fp16"), "{xml}");
    } else {
        assert!(xml.contains("avx512-fp16") && xml.contains("Icelake-Server"), "{xml}");
    }
    let domain = format!(
        "<domain type='qemu'><name>new</name><memory unit='MiB'>64</memory>\
         <os><type arch='x86_64' machine='pc'>hvm</type></os>{xml}</domain>"
    );
    let definition = libvirt.directory().join("domain.xml");
    fs::write(&definition, domain).unwrap();
    libvirt.ask(&["define", definition.to_str().unwrap()]);
    // Not only is it stored: libvirt knows every name when it writes QEMU's command line.
    let native = libvirt.ask(&["domxml-to-native", "qemu-argv", "--domain", "new"]);
    assert!(native.contains("movdir64b=on"), "{native}");
    libvirt.ask(&["undefine", "new"]);
}

/// Whichever way this libvirt's map counts the VMX controls: the answer for a nested guest with the MSRs as a Haswell has them is
/// that of the map built in, also where it lacks a control that is promised.
#[test]
fn a_nested_guest_is_judged_alike_with_the_map_of_any_libvirt() {
    const LEAVES: &str = "\
00000000 00000000: 00000001 756e6547 6c65746e 49656e69
00000001 00000000: 000306c1 00000800 fffa3223 0f8bfbff
80000000 00000000: 80000001 00000000 00000000 00000000
80000001 00000000: 00000000 00000000 00000021 2c100800
";
    // The lower half: bits that must be one; the upper half: bits that may be.
    const MSRS: [(u32, u64); 9] = [
        (0x480, 0x00da_0400_0000_0012),
        (0x485, 0x0000_0000_3004_81e5),
        (0x48b, 0x0000_7cff_0000_0000),
        (0x48c, 0x0000_0f01_0633_4141),
        (0x48d, 0x0000_007f_0000_0016),
        (0x48e, 0xfff9_fffe_0400_6172),
        (0x48f, 0x007f_ffff_0003_6dfb),
        (0x490, 0x0000_ffff_0000_11fb),
        (0x491, 0x0000_0000_0000_0001),
    ];
    // Where the SDM has them (volume 3, appendix A).
    const PROMISED: [(&str, u32, u32); 12] = [
        ("vmx-activity-hlt", 0x485, 6),
        ("vmx-ept", 0x48b, 33),
        ("vmx-vpid", 0x48b, 37),
        ("vmx-unrestricted-guest", 0x48b, 39),
        ("vmx-page-walk-4", 0x48c, 6),
        ("vmx-invvpid", 0x48c, 32),
        ("vmx-preemption-timer", 0x48d, 38),
        ("vmx-tsc-offset", 0x48e, 35),
        ("vmx-msr-bitmap", 0x48e, 60),
        ("vmx-exit-save-efer", 0x48f, 52),
        ("vmx-entry-ia32e-mode", 0x490, 41),
        ("vmx-eptp-switching", 0x491, 0),
    ];
    let files = Files::new();
    // libvirt 9.0 has a name for none of them, and then the model with `vmx` is all that is promised.
    let names = fs::read_to_string(Path::new(CPU_MAP).join("x86_features.xml")).unwrap();
    let named = |name: &str| names.contains(&format!("<feature name='{name}'"));
    let promised = PROMISED.into_iter().filter(|(name, ..)| named(name)).collect::<Vec<_>>();
    assert!(promised.is_empty() || promised.len() == PROMISED.len(), "{promised:?}");
    let promises: String = promised.iter().map(|(name, ..)| format!("<feature name='{name}'/>")).collect();
    let definition = format!("<cpu><model>Haswell-noTSX</model><feature name='vmx'/>{promises}</cpu>");
    let definition = files.put("cpu.xml", &definition);
    // The names that are missing; what a guest has beyond its definition is told in the names that a map has.
    let missing = |msrs: &[(u32, u64)], options: &[&str]| -> (Value, Names) {
        let line = |(msr, value): &(u32, u64)| format!("msr {msr:08x}: {:08x} {:08x}\n", value >> 32, *value as u32);
        let dump = files.put("guest", &(LEAVES.to_string() + &msrs.iter().map(line).collect::<String>()));
        let fixed = ["check", &dump, "--baseline", &definition, "--partial", "--format", "json"];
        let output = diff(&[&fixed, options].concat());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
        (report["verdict"].clone(), ours(&report).missing)
    };
    let whole = missing(&MSRS, &["--cpu-map", CPU_MAP]);
    assert_eq!(whole, missing(&MSRS, &[]));
    for (name, msr, bit) in promised {
        let mut lacks = MSRS;
        lacks.iter_mut().find(|(index, _)| *index == msr).unwrap().1 ^= 1 << bit;
        let said = missing(&lacks, &["--cpu-map", CPU_MAP]);
        assert_eq!(said, missing(&lacks, &[]), "{name}");
        assert_eq!(&said.1 - &whole.1, Names::from([name.to_string()]));
    }
}
