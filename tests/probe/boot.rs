//! `cpuid-probe boot` with a real QEMU.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::guest::Guest;
use crate::support::left_out;
use crate::support::places::places;
use cpuid_probe::dump::{Compat, Dump, Gap, GapReason, Record, Source, VcpuDump};
use cpuid_probe::text::read_frame;
use cpuid_probe::{LeafId, Register, json};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};

const PROBE: &str = env!("CARGO_BIN_EXE_cpuid-probe");
const QEMU: &str = "qemu-system-x86_64";

/// Fails with advice where there is no QEMU.
pub fn need_qemu() {
    let found = Command::new(QEMU).arg("-version").stdout(Stdio::null()).status();
    assert!(found.is_ok(), "these tests need {QEMU}: scripts/test installs it (Debian package qemu-system-x86)");
}

/// `cpuid-probe boot` with these arguments.
pub fn boot(arguments: &[&str]) -> Output {
    need_qemu();
    Command::new(PROBE).arg("boot").args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// The dump of a guest under emulation.
fn dump(arguments: &[&str]) -> Dump {
    let output = boot(&[&["--accel", "tcg"], arguments].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    json::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap()
}

/// A QEMU whose guest does not run, to be asked by QMP.
struct Qmp {
    child: Child,
}

impl Qmp {
    fn start(arguments: &[&str]) -> Self {
        need_qemu();
        let mut command = Command::new(QEMU);
        command.args(["-S", "-accel", "tcg", "-nodefaults", "-display", "none", "-qmp", "stdio"]).args(arguments);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        Self { child }
    }

    /// Sends all commands at once and ends QEMU. Returns the answers, in order.
    fn ask(mut self, commands: &[Value]) -> Vec<Value> {
        let mut stdin = self.child.stdin.take().unwrap();
        let first = json!({ "execute": "qmp_capabilities" });
        for command in [&first].into_iter().chain(commands).chain([&json!({ "execute": "quit" })]) {
            writeln!(stdin, "{command}").unwrap();
        }
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        self.child.wait().unwrap();
        let messages = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let answers: Vec<Value> = messages.filter(|m| m.get("return").is_some() || m.get("error").is_some()).collect();
        answers[1..=commands.len()].iter().map(|m| m["return"].clone()).collect()
    }
}

fn qom_get(path: &str, property: &str) -> Value {
    json!({ "execute": "qom-get", "arguments": { "path": path, "property": property } })
}

/// The models that QEMU has, but for `host`, which needs KVM.
fn models() -> Vec<String> {
    let definitions = Qmp::start(&["-M", "none"]).ask(&[json!({ "execute": "query-cpu-definitions" })]);
    let names = definitions[0].as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap().to_string());
    let mut names: Vec<String> = names.filter(|name| name != "host").collect();
    names.sort();
    names
}

/// Where a guest's CPUID legitimately is not QEMU's own idea of the vCPU, as (leaf, subleaf, register, bit): mirrors
/// of CR4. These and no others. (With KVM also PDCM, which QEMU hides from a vCPU without a PMU; its emulation has
/// neither.)
const NOT_QEMUS: &[(u32, u32, Register, u8)] = &[(0x1, 0, Register::Ecx, 27), (0x7, 0, Register::Ecx, 4)];
/// Follow `-smp`; since 10.0 HTT's feature word does, too.
const HTT: (u32, u32, Register, u8) = (0x1, 0, Register::Edx, 28);
const CMP_LEGACY: (u32, u32, Register, u8) = (0x8000_0001, 0, Register::Ecx, 1);
const FOLLOWS_SMP: [(u32, u32, Register, u8); 2] = [HTT, CMP_LEGACY];

/// Whether QEMU's `feature-words` have a bit.
fn feature_word(words: &Value, (leaf, subleaf, register, bit): (u32, u32, Register, u8)) -> bool {
    let is_it = |word: &&Value| {
        word["cpuid-input-eax"] == leaf
            && word["cpuid-input-ecx"].as_u64().unwrap_or_default() == u64::from(subleaf)
            && word["cpuid-register"] == register.to_string()
    };
    words.as_array().unwrap().iter().find(is_it).unwrap()["features"].as_u64().unwrap() >> bit & 1 == 1
}

/// Where the first vCPU of `dump` differs from QEMU's `feature-words`.
fn differences(dump: &Dump, words: &Value) -> BTreeSet<(u32, u32, Register, u8)> {
    let vcpu = &dump.vcpus[0];
    let number = |word: &Value, name: &str| u32::try_from(word[name].as_u64().unwrap_or_default()).unwrap();
    let mut differences = BTreeSet::new();
    let words = words.as_array().unwrap();
    assert!(words.len() > 20, "{words:?}");
    for word in words {
        let (leaf, subleaf) = (number(word, "cpuid-input-eax"), number(word, "cpuid-input-ecx"));
        let register = Register::from_name(word["cpuid-register"].as_str().unwrap()).unwrap();
        // A leaf above the guest's maximum reads as zero, which is what QEMU must mean then.
        let seen = vcpu.get(LeafId::new(leaf, subleaf)).map_or(0, |r| r.get(register));
        let different = seen ^ number(word, "features");
        differences.extend((0..32).filter(|bit| different >> bit & 1 == 1).map(|bit| (leaf, subleaf, register, bit)));
    }
    differences
}

#[test]
fn every_64_bit_model_reads_as_qemu_says() {
    let directory = crate::support::scratch();
    let models = models();
    let mut arguments = vec!["--accel", "tcg", "-o", directory.to_str().unwrap()];
    arguments.extend(models.iter().flat_map(|model| ["--cpu", model]));
    let output = boot(&arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    // Some are 32-bit CPUs.
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    let without: BTreeSet<&str> = stderr
        .lines()
        .filter_map(|line| {
            line.strip_prefix("cpuid-probe: -cpu ")?.split_once(": the guest says: this CPU has no long")
        })
        .map(|(model, _)| model)
        .collect();
    assert!(without.contains("qemu32") && without.contains("pentium3"), "{stderr}");
    assert_eq!(stderr.lines().count(), without.len() + 1, "{stderr}");

    let mut seen = BTreeSet::new();
    let numbered: Vec<_> = (1..).zip(&models).filter(|(_, model)| !without.contains(model.as_str())).collect();
    assert!(numbered.len() >= 100, "only {} models", numbered.len());
    println!("{} 64-bit models", numbered.len());
    assert_eq!(fs::read_dir(&directory).unwrap().count(), numbered.len());
    let halves: Vec<_> = numbered.chunks(numbered.len().div_ceil(2)).collect();
    let check = |(n, model): &(i32, &String)| {
        let text = fs::read_to_string(directory.join(format!("{n:03}-{model}.json"))).unwrap();
        let dump = json::from_str(&text).unwrap();
        assert!(dump.is_complete(), "{model}");
        let words = Qmp::start(&["-cpu", model]).ask(&[qom_get("/machine/unattached/device[0]", "feature-words")]);
        differences(&dump, &words[0])
    };
    thread::scope(|scope| {
        let workers: Vec<_> =
            halves.iter().map(|half| scope.spawn(|| half.iter().map(check).collect::<Vec<_>>())).collect();
        for differences in workers.into_iter().flat_map(|w| w.join().unwrap()) {
            seen.extend(differences);
        }
    });
    assert_eq!(seen, NOT_QEMUS.iter().copied().collect());
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn several_vcpus_add_only_what_follows_smp() {
    for model in ["Haswell-noTSX", "EPYC", "qemu64", "Opteron_G5", "max"] {
        for (smp, several_in_a_package) in [("2,sockets=2", false), ("4,cores=2,threads=2", true)] {
            let words = Qmp::start(&["-cpu", model, "-smp", smp])
                .ask(&[qom_get("/machine/unattached/device[0]", "feature-words")]);
            let dump = dump(&["--cpu", model, "--smp", smp]);
            let new = differences(&dump, &words[0]).into_iter().filter(|place| !NOT_QEMUS.contains(place));
            let new: Vec<_> = new.filter(|place| !FOLLOWS_SMP.contains(place)).collect();
            assert_eq!(new, [], "{model} {smp}");
            let [htt, cmp_legacy] = FOLLOWS_SMP.map(|(leaf, subleaf, register, bit)| {
                dump.vcpus[0].get(LeafId::new(leaf, subleaf)).unwrap().get(register) >> bit & 1 == 1
            });
            // Intel has no CmpLegacy; max of QEMU 10.0 always has. (target/i386/cpu.c, cpu_x86_cpuid)
            assert_eq!(htt, several_in_a_package, "{model} {smp}");
            let expected = several_in_a_package && model != "Haswell-noTSX" || feature_word(&words[0], CMP_LEGACY);
            assert_eq!(cmp_legacy, expected, "{model} {smp}");
        }
    }
}

/// The APIC ids that QEMU gave the vCPUs, ascending.
fn qemus_apic_ids(model: &str, smp: &str) -> Vec<u64> {
    let arguments = ["-cpu", model, "-smp", smp];
    let cpus = Qmp::start(&arguments).ask(&[json!({ "execute": "query-cpus-fast" })]);
    let paths: Vec<&str> = cpus[0].as_array().unwrap().iter().map(|cpu| cpu["qom-path"].as_str().unwrap()).collect();
    let ask: Vec<Value> = paths.iter().map(|path| qom_get(path, "apic-id")).collect();
    let mut ids: Vec<u64> = Qmp::start(&arguments).ask(&ask).iter().map(|id| id.as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn each_vcpu_is_read_on_itself() {
    // The last topologies leave holes between APIC ids; Nehalem and Opteron_G1 have no leaf 0xB with data, and none.
    for (model, smp) in [
        ("Haswell-noTSX", "4,sockets=2"),
        ("EPYC", "4,sockets=2,cores=2,threads=1"),
        ("Nehalem", "6,sockets=2,cores=3"),
        ("Opteron_G1", "6,cores=3,threads=2"),
        ("max", "12,sockets=2,dies=2,cores=3,threads=1"),
    ] {
        let dump = dump(&["--cpu", model, "--smp", smp]);
        let ids = qemus_apic_ids(model, smp);
        assert_eq!(dump.provenance.vcpus_online, u32::try_from(ids.len()).ok());
        assert_eq!(dump.vcpus.iter().map(|v| v.vcpu).collect::<Vec<_>>(), (0..).take(ids.len()).collect::<Vec<_>>());
        let seen: Vec<u64> = dump.vcpus.iter().map(|v| (v.get(LeafId::new(1, 0)).unwrap().ebx >> 24).into()).collect();
        assert_eq!(seen, ids, "{model} {smp}");
        let x2apic: Vec<u64> =
            dump.vcpus.iter().filter_map(|v| v.get(LeafId::new(0xb, 0))).map(|r| r.edx.into()).collect();
        assert!(x2apic.is_empty() || x2apic == ids, "{model} {smp}: {x2apic:?}");
        assert!(dump.is_complete());
    }
}

/// Bits that an operating system switches by itself, as (leaf, subleaf, register, mask): OSXSAVE and OSPKE mirror CR4,
/// the sizes of the XSAVE area follow XCR0 and IA32_XSS.
const OS_CONTROLLED: &[(u32, u32, Register, u32)] = &[
    (0x1, 0, Register::Ecx, 1 << 27),
    (0x7, 0, Register::Ecx, 1 << 4),
    (0xd, 0, Register::Ebx, u32::MAX),
    (0xd, 1, Register::Ebx, u32::MAX),
];

#[test]
fn linux_sees_the_same() {
    const MODELS: [&str; 14] = [
        "qemu64",
        "kvm64",
        "Conroe",
        "Penryn",
        "Nehalem",
        "SandyBridge",
        "Haswell-noTSX",
        "Skylake-Client-IBRS",
        "Icelake-Server",
        "Opteron_G3",
        "EPYC",
        "EPYC-Milan",
        "Dhyana",
        "max",
    ];
    let check = |model: &&str| {
        let outputs = Guest::new(model, "2")
            .file("bin/cpuid-probe", PROBE)
            .run_script(&["cpuid-probe --format text 2>/dev/null", "cpuid -r"]);
        let linux = read_frame(&outputs["cpuid-probe --format text 2>/dev/null"].text).unwrap();
        let debian = places(&outputs["cpuid -r"].text);
        let ours = dump(&["--cpu", model, "--smp", "2"]);
        assert_eq!((linux.vcpus.len(), ours.vcpus.len()), (2, 2), "{model}");
        for (ours, linux) in ours.vcpus.iter().zip(&linux.vcpus) {
            let read = |v: &VcpuDump| v.leaves().iter().map(|r| r.id).collect::<Vec<_>>();
            assert_eq!(read(ours), read(linux), "{model}");
            let mut compared = 0;
            // QEMU 7.2 leaves 0x1C unwritten: whatever lay on its stack.
            for seen in ours.leaves().iter().filter(|r| r.id.leaf != 0x1c) {
                let (leaf, subleaf) = (seen.id.leaf, seen.id.ecx());
                let in_linux = linux.get(seen.id).unwrap();
                let in_debian = debian.get(&(ours.vcpu, leaf, subleaf)).copied();
                for register in Register::ALL {
                    let os = OS_CONTROLLED.iter().find(|c| (c.0, c.1, c.2) == (leaf, subleaf, register));
                    let hardware = !os.map_or(0, |c| c.3);
                    let seen = seen.registers.get(register) & hardware;
                    let place = format!("{model}: vCPU {}, {leaf:#x}.{subleaf} {register}", ours.vcpu);
                    assert_eq!(seen, in_linux.get(register) & hardware, "{place}");
                    if let Some(debian) = in_debian {
                        assert_eq!(seen, debian.get(register) & hardware, "{place}, `cpuid -r`");
                        compared += 1;
                    }
                }
            }
            assert!(compared >= 4 * 15, "{model}: only {compared} registers to compare with `cpuid -r`");
        }
    };
    thread::scope(|scope| {
        for half in MODELS.chunks(MODELS.len() / 2) {
            scope.spawn(|| half.iter().for_each(check));
        }
    });
}

#[test]
fn runs_are_byte_identical() {
    // Not so for models that reach leaf 0x1C, which QEMU 7.2 leaves unwritten: the guest reads what lay on its stack.
    for cpu in ["Haswell-noTSX,+vme", "EPYC"] {
        let run = |form| boot(&["--accel", "tcg", "--cpu", cpu, "--smp", "8,sockets=2", "--format", form]).stdout;
        let text = run("text");
        let dump = read_frame(std::str::from_utf8(&text).unwrap()).unwrap();
        assert_eq!((dump.vcpus.len(), dump.provenance.source), (8, Source::Boot));
        let time_out = |json: Vec<u8>| {
            let json = String::from_utf8(json).unwrap();
            json.lines().filter(|line| !line.contains("\"captured_at\"")).map(String::from).collect::<Vec<_>>()
        };
        let first = time_out(run("json"));
        for _ in 0..4 {
            assert_eq!(run("text"), text, "{cpu}");
            assert_eq!(time_out(run("json")), first, "{cpu}");
        }
    }
}

#[test]
fn sixty_four_vcpus_are_all_there() {
    let dump = dump(&["--cpu", "EPYC", "--smp", "64,sockets=2"]);
    let ids: BTreeSet<u32> = dump.vcpus.iter().map(|v| v.get(LeafId::new(0xb, 0)).unwrap().edx).collect();
    assert_eq!(ids, (0..64).collect());
    assert!(dump.is_complete());
}

#[test]
fn the_dump_says_where_it_comes_from() {
    let cpu = "Haswell-noTSX,+ds,+avx512f,-avx2";
    let dump = dump(&["--cpu", cpu, "--label", "node1", "--smp", "2"]);
    let provenance = &dump.provenance;
    assert_eq!((provenance.source, provenance.label.as_deref()), (Source::Boot, Some("node1")));
    assert_eq!(provenance.hypervisor, ["TCGTCGTCGTCG"]);
    let boot = provenance.boot.as_ref().unwrap();
    let version = Command::new(QEMU).arg("-version").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap();
    assert_eq!(version.lines().next(), Some(format!("QEMU emulator version {}", boot.qemu).as_str()));
    assert_eq!((boot.accel.as_str(), boot.cpu.as_str()), ("tcg", cpu));
    assert!(boot.command.contains(&cpu.to_string()), "{:?}", boot.command);
    // Each once, although QEMU says it for both vCPUs.
    let named: Vec<&str> = boot.warnings.iter().filter_map(|w| w.feature.as_deref()).collect();
    let unique: BTreeSet<&str> = named.iter().copied().collect();
    assert_eq!(named.len(), unique.len());
    assert!(unique.contains("ds") && unique.contains("avx512f") && !unique.contains("avx2"), "{named:?}");
    let ds = boot.warnings.iter().find(|w| w.feature.as_deref() == Some("ds")).unwrap();
    let (start, place) = ds.text.split_once("warning: TCG doesn't support requested feature: ").expect(&ds.text);
    assert!(start.contains("qemu") && place.contains("EDX.ds [bit 21]"), "{ds:?}");
    assert_eq!(dump.vcpus[0].get(LeafId::new(7, 0)).unwrap().ebx >> 5 & 1, 0, "-avx2");
}

#[test]
fn machine_types_are_named_as_qemu_resolves_them() {
    let machines = Qmp::start(&["-M", "none"]).ask(&[json!({ "execute": "query-machines" })]);
    let alias = |alias: &str| {
        let all = machines[0].as_array().unwrap();
        let machine = all.iter().find(|m| m["alias"] == alias || m["name"] == alias).unwrap();
        machine["name"].as_str().unwrap().to_string()
    };
    let resolved = |arguments: &[&str]| {
        let dump = dump(&[&["--cpu", "Haswell"], arguments].concat());
        dump.provenance.boot.unwrap().machine
    };
    assert_eq!(resolved(&[]), alias("pc"));
    assert_eq!(resolved(&["--machine", "q35"]), alias("q35"));
    // Every version of every machine starts the image; those up to 3.1 know no PVH note. Xen's need Xen; nitro starts
    // enclave images alone.
    let names = machines[0].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap());
    let names: Vec<&str> =
        names.filter(|n| !["none", "nitro", "x-remote", "xenfv", "xenpv"].iter().any(|x| n.starts_with(x))).collect();
    assert!(names.contains(&"microvm") && names.contains(&"isapc") && names.len() > 10, "{names:?}");
    for name in names {
        assert_eq!(resolved(&["--machine", name]), name);
    }
}

/// What a machine type sets on CPUs is in the dump as QEMU tells it, and where it does not, that it did not.
#[test]
fn the_dump_has_what_the_machine_type_sets() {
    let compat = |machine: &str| {
        let dump = dump(&["--cpu", "Haswell", "--machine", machine]);
        let again = json::from_str(&json::to_string(&dump)).expect("its own JSON");
        assert_eq!(again, dump);
        dump.provenance.boot.unwrap().compat
    };
    let machine = "pc-q35-7.2";
    let query = json!({ "execute": "query-machines", "arguments": { "compat-props": true } });
    let told = &Qmp::start(&["-M", "none"]).ask(&[query])[0];
    let Some(machines) = told.as_array() else {
        assert_eq!(compat(machine), None);
        return left_out("the_dump_has_what_the_machine_type_sets: this QEMU does not tell (9.1 and newer do)");
    };
    let all =
        machines.iter().find(|m| m["name"] == machine).expect("a machine type")["compat-props"].as_array().unwrap();
    let of_cpus = all.iter().filter(|set| set["qom-type"].as_str().unwrap().ends_with("x86_64-cpu"));
    let text = |set: &Value, key: &str| set[key].as_str().unwrap().to_string();
    let expected: Vec<Compat> = of_cpus
        .map(|set| Compat { cpu: text(set, "qom-type"), property: text(set, "property"), value: text(set, "value") })
        .collect();
    let found = compat(machine).expect("QEMU told");
    assert_eq!(found, expected);
    assert!(found.len() < all.len() && found.iter().any(|set| set.property == "x-l1-cache-per-thread"), "{found:?}");
    assert_eq!(compat("q35"), Some(Vec::new()), "the newest sets nothing");
}

#[test]
fn several_definitions_make_several_files_in_their_order() {
    let directory = crate::support::scratch();
    let to = directory.join("new");
    let all = ["--accel", "tcg", "--cpu", "EPYC,-avx", "--cpu", "nonsense", "--cpu", "Nehalem"];
    let none = boot(&all);
    assert_eq!(none.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&none.stderr).contains("-o DIR"));

    let output = boot(&[&all[..], &["-o", to.to_str().unwrap()]].concat());
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr.contains("-cpu nonsense: ") && stderr.contains("unable to find CPU model 'nonsense'"), "{stderr}");
    assert_eq!(names(&to), ["01-EPYC.json", "03-Nehalem.json"]);
    let cpu =
        |name: &str| json::from_str(&fs::read_to_string(to.join(name)).unwrap()).unwrap().provenance.boot.unwrap().cpu;
    assert_eq!((cpu("01-EPYC.json").as_str(), cpu("03-Nehalem.json").as_str()), ("EPYC,-avx", "Nehalem"));

    let again = boot(&[&all[..2], &["--cpu", "EPYC", "-o", to.to_str().unwrap()]].concat());
    assert_eq!(again.status.code(), Some(2), "a directory takes one definition too, and no file is replaced");
    assert!(String::from_utf8_lossy(&again.stderr).contains("01-EPYC.json: exists already"));
    fs::remove_dir_all(directory).unwrap();
}

pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_qemu_refuses_is_said_in_its_words() {
    for (arguments, words) in [
        (&["--cpu", "Foo"][..], "unable to find CPU model 'Foo'"),
        (&["--cpu", "EPYC,+nosuch"], "nosuch' not found"),
        (&["--cpu", "EPYC", "--machine", "nosuch"], "unsupported machine type"),
        (&["--cpu", "EPYC", "--smp", "3,sockets=2"], "Invalid CPU topology"),
        (&["--cpu", "pentium3"], "this CPU has no long mode"),
        (&["--cpu", "Nehalem,+avx512f,enforce"], "requested features; and 1 warning, of avx512f\n"),
        (&["--cpu", "Foo"], "lists those that it has"),
        (&["--cpu", "EPYC,+nosuch"], "take it out of the definition"),
        (&["--cpu", "EPYC", "--qemu", "/nosuch/qemu"], "/nosuch/qemu: cannot start it"),
        (&["--cpu", "EPYC", "--qemu", "/bin/false"], "QEMU ended early"),
    ] {
        let output = boot(&[&["--accel", "tcg"], arguments].concat());
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr.contains(words) && output.stdout.is_empty(), "{arguments:?}: {stderr}");
    }
}

/// A QEMU that was built without `isa-debugcon`, in its own words, and is QEMU otherwise.
const WITHOUT_DEBUG_CONSOLE: &str = r#"#!/bin/sh
case "$*" in *isa-debugcon*)
    echo "$0: -device isa-debugcon: 'isa-debugcon' is not a valid device model name" >&2
    exit 1
esac
exec qemu-system-x86_64 "$@"
"#;

#[test]
fn a_qemu_without_a_debug_console_gives_the_same_dump() {
    let directory = crate::support::scratch();
    let qemu = directory.join("qemu");
    fs::write(&qemu, WITHOUT_DEBUG_CONSOLE).unwrap();
    fs::set_permissions(&qemu, fs::Permissions::from_mode(0o755)).unwrap();
    let definition = ["--cpu", "EPYC", "--smp", "3"];
    let there = dump(&definition);
    let missing = dump(&[&definition[..], &["--qemu", qemu.to_str().unwrap()]].concat());
    assert_eq!(missing.vcpus, there.vcpus);
    let has_device = |dump: &Dump| dump.provenance.boot.as_ref().unwrap().command.join(" ").contains("isa-debugcon");
    assert!(has_device(&there) && !has_device(&missing));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn without_kvm_there_is_no_fallback() {
    let hidden = in_namespace("mount --bind /dev/null /dev/kvm 2>/dev/null || ! test -e /dev/kvm", "boot --cpu EPYC");
    let stderr = String::from_utf8(hidden.stderr).unwrap();
    assert_eq!((hidden.status.code(), hidden.stdout.len()), (Some(2), 0), "{stderr}");
    assert!(stderr.contains("`--accel tcg` shows what QEMU's emulation gives, not what this host gives"), "{stderr}");
}

/// QEMU 10.0 and 11.1 abort by themselves where SeaBIOS starts on a CPU with dies: not so with qboot, and the words say it.
#[test]
fn dies_are_read_under_qboot_and_what_helps_is_said_under_seabios() {
    let arguments = ["--cpu", "Haswell-noTSX", "--smp", "4,dies=2,cores=2"];
    let under_qboot = dump(&arguments);
    let command = format!("boot --accel tcg {}", arguments.join(" "));
    let under_seabios = in_namespace("mount --bind /dev/null /usr/share/qemu/qboot.rom", &command);
    if under_seabios.status.success() {
        let dump = json::from_str(&String::from_utf8(under_seabios.stdout).unwrap()).unwrap();
        assert!(!dump.provenance.boot.as_ref().unwrap().command.iter().any(|a| a.ends_with("qboot.rom")));
        // Without KVM, QEMU answers leaf 0x1c (LBR) with what was on its stack: other bits in each run.
        let but_lbr = |dump: &Dump| -> Vec<Vec<Record>> {
            let leaves = |v: &VcpuDump| v.leaves().iter().copied().filter(|r| r.id.leaf != 0x1c).collect();
            dump.vcpus.iter().map(leaves).collect()
        };
        assert_eq!(but_lbr(&dump), but_lbr(&under_qboot));
    } else {
        let stderr = String::from_utf8(under_seabios.stderr).unwrap();
        assert_eq!((under_seabios.status.code(), under_seabios.stdout.len()), (Some(2), 0), "{stderr}");
        assert!(stderr.contains("Assertion") && stderr.contains("install qboot.rom"), "{stderr}");
    }
}

/// Runs the probe after `prepare`, in a mount namespace of its own.
fn in_namespace(prepare: &str, arguments: &str) -> Output {
    need_qemu();
    let script = format!("{{ {prepare}; }} && exec {PROBE} {arguments}");
    let output = Command::new("unshare").args(["--mount", "--map-root-user", "sh", "-c", &script]).output();
    output.expect("unshare (util-linux)")
}

#[test]
fn invtsc_brings_the_frequency_leaf_under_kvm() {
    if !Path::new("/dev/kvm").exists() {
        eprintln!("SKIPPED: no /dev/kvm here");
        return;
    }
    let frequencies = |cpu: &str| {
        let output = boot(&["--accel", "kvm", "--cpu", cpu, "--timeout", "120"]);
        assert!(output.status.success(), "{cpu}: {}", String::from_utf8_lossy(&output.stderr));
        let dump = json::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap();
        assert_eq!(dump.provenance.hypervisor, ["KVMKVMKVM"]);
        assert!(dump.is_complete());
        dump.vcpus[0].get(LeafId::new(0x4000_0010, 0))
    };
    assert_eq!(frequencies("qemu64"), None);
    // In kHz: the TSC's, and the APIC bus's 1 GHz.
    let with = frequencies("qemu64,+invtsc").unwrap();
    assert!(with.eax > 100_000 && with.ebx == 1_000_000, "{with:x?}");
}

/// The processes below one.
fn below(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|t| fs::read_to_string(t.path().join("children")).ok());
    let children: Vec<u32> =
        children.flat_map(|c| c.split_whitespace().map(|p| p.parse().unwrap()).collect::<Vec<_>>()).collect();
    children.iter().flat_map(|child| [*child].into_iter().chain(below(*child))).collect()
}

/// The QEMU that a running probe has started.
fn qemu_of(probe: &Child) -> Pid {
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        for process in below(probe.id()) {
            let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
            if name.starts_with("qemu-system") {
                return Pid::from_raw(process.cast_signed()).unwrap();
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
    panic!("the probe started no QEMU");
}

/// Waits until the process is gone. It may stay a zombie of a dead parent for a moment.
pub fn assert_gone(pid: Pid) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while test_kill_process(pid).is_ok() {
        let state = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        if state.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')) {
            return;
        }
        assert!(Instant::now() < deadline, "QEMU {pid:?} is still there: {state}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A probe on its way: a guest with so many vCPUs that it takes its time.
fn long_run(directory: &Path) -> Child {
    need_qemu();
    let mut probe = Command::new(PROBE);
    probe.args(["boot", "--accel", "tcg", "--cpu", "EPYC", "--smp", "255", "-o"]).arg(directory.join("dump.json"));
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn however_it_ends_nothing_is_left_behind() {
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let directory = crate::support::scratch();
        let mut probe = long_run(&directory);
        let qemu = qemu_of(&probe);
        // On a busy machine the guest might be done before the signal is there.
        kill_process(qemu, Signal::STOP).unwrap();
        kill_process(Pid::from_child(&probe), signal).unwrap();
        assert!(!probe.wait().unwrap().success());
        assert_gone(qemu);
        assert_eq!(names(&directory), Vec::<String>::new(), "{signal:?}");
        fs::remove_dir_all(directory).unwrap();
    }
}

#[test]
fn a_killed_qemu_is_an_error_and_leaves_no_file() {
    let directory = crate::support::scratch();
    let probe = long_run(&directory);
    let qemu = qemu_of(&probe);
    kill_process(qemu, Signal::KILL).unwrap();
    let output = probe.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("QEMU ended early (signal: 9"), "{stderr}");
    assert_eq!(names(&directory), Vec::<String>::new());
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_hung_qemu_is_given_up() {
    let directory = crate::support::scratch();
    // A QEMU that stops in its tracks: a real one, sent SIGSTOP as soon as it runs.
    let mut command = Command::new(PROBE);
    command.args(["boot", "--accel", "tcg", "--cpu", "EPYC", "--smp", "128", "--timeout", "3", "-o"]);
    let probe = command.arg(directory.join("x")).stderr(Stdio::piped()).spawn().unwrap();
    let qemu = qemu_of(&probe);
    kill_process(qemu, Signal::STOP).unwrap();
    let output = probe.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("within 3 s"), "{stderr}");
    assert_gone(qemu);
    assert_eq!(names(&directory), Vec::<String>::new());
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_full_disk_is_an_error_and_leaves_no_file() {
    let directory = crate::support::scratch();
    let at = directory.display();
    let output = in_namespace(
        &format!("mount -t tmpfs -o size=4k none {at}"),
        &format!("boot --accel tcg --cpu EPYC -o {at}/dump.json; code=$?; ls -A {at}; exit $code"),
    );
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{stderr}");
    assert!(stderr.contains("dump.json: cannot write: No space left on device"), "{stderr}");
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn devices_are_written_to_and_never_replaced() {
    let output = boot(&["--accel", "tcg", "--cpu", "EPYC", "-o", "/dev/full", "--force"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("No space left on device"));
    assert!(!fs::metadata("/dev/full").unwrap().is_file());
}

#[test]
fn the_emitted_image_works_by_hand_on_every_machine() {
    need_qemu();
    let directory = crate::support::scratch();
    let image: PathBuf = directory.join("boot.elf");
    assert!(boot(&["--emit-image", image.to_str().unwrap()]).status.success());
    assert_eq!(fs::metadata(&image).unwrap().permissions().mode() & 0o111, 0);
    let mut without_multiboot = fs::read(&image).unwrap();
    let magic = without_multiboot.windows(4).position(|w| w == 0x1bad_b002_u32.to_le_bytes()).unwrap();
    without_multiboot[magic..magic + 4].fill(0);
    let pvh = directory.join("pvh.elf");
    fs::write(&pvh, without_multiboot).unwrap();

    let mut seen = BTreeMap::new();
    for (machine, firmware, kernel) in [
        ("pc", None, &image),
        ("pc", None, &pvh),
        ("pc", Some("qboot.rom"), &pvh),
        ("q35", None, &image),
        ("q35", Some("qboot.rom"), &image),
    ] {
        let mut qemu = Command::new(QEMU);
        qemu.args(["-accel", "tcg", "-M", machine, "-cpu", "Nehalem", "-smp", "2", "-m", "32", "-kernel"]).arg(kernel);
        qemu.args(["-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"]);
        if let Some(firmware) = firmware {
            qemu.args(["-bios", firmware]);
        }
        let output = qemu.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{machine} {firmware:?}: {}", String::from_utf8_lossy(&output.stderr));
        let dump = read_frame(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
        assert!(dump.is_complete());
        seen.insert(format!("{machine} {firmware:?} {}", kernel.display()), dump.vcpus);
    }
    let first = seen.values().next().unwrap();
    assert!(seen.values().all(|vcpus| vcpus == first), "firmware, boot protocol and machine family change nothing");
    fs::remove_dir_all(directory).unwrap();
}

/// The commands of docs/boot.md, under emulation.
#[test]
fn the_page_works() {
    need_qemu();
    let directory = crate::support::scratch();
    fs::copy(crate::support::root().join("tests/data/domains/live.xml"), directory.join("vm.xml")).unwrap();
    let page = fs::read_to_string(crate::support::root().join("docs/boot.md")).unwrap();
    let commands: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(commands.len() >= 5);
    for command in commands {
        let emulated = command.replace("-accel kvm", "-accel tcg").replace("boot --cpu", "boot --accel tcg --cpu");
        let emulated = emulated.replace("cpuid-probe", PROBE);
        let output = Command::new("sh").args(["-c", &emulated]).current_dir(&directory).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(
        names(&directory),
        ["boot.elf", "dumps", "haswell.json", "node1.json", "node1.txt", "vm.xml"],
        "what the page says about it"
    );
    assert_eq!(names(&directory.join("dumps")), ["01-Nehalem.json", "02-EPYC.json"]);
    assert!(read_frame(&fs::read_to_string(directory.join("node1.txt")).unwrap()).unwrap().is_complete());
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_vcpu_that_cannot_be_reached_is_a_gap() {
    // Without an APIC there is no way to start a second vCPU.
    let output = boot(&["--accel", "tcg", "--cpu", "EPYC,-apic", "--smp", "2"]);
    assert_eq!(output.status.code(), Some(1), "captured, but incomplete");
    let dump = json::from_str(&String::from_utf8(output.stdout).unwrap()).unwrap();
    assert_eq!(dump.provenance.vcpus_online, Some(2));
    let [first, second] = &dump.vcpus[..] else { panic!("two vCPUs, found {}", dump.vcpus.len()) };
    assert!(first.is_complete() && !second.is_complete());
    assert_eq!(second.leaves().len(), 0);
    assert_eq!(second.gaps[..], [Gap { id: LeafId::new(0, 0), reason: GapReason::Unreachable }]);
}
