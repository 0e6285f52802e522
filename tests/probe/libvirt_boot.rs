//! Against a real libvirt: what it tells QEMU about a guest's CPU, and what its guests see.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;

use crate::support::libvirt::Libvirt;
use crate::support::{left_out, root};
use cpuid_probe::change;
use cpuid_probe::dump::Dump;
use cpuid_probe::json;
use cpuid_probe::libvirt::removed::{read_removed_features, removed_features};
use cpuid_probe::libvirt::{Guest, read_cpus, read_guests};

/// What the installed libvirt has removed from a model.
fn removed(model: &str) -> Vec<String> {
    let file = fs::read_to_string(format!("/usr/share/libvirt/cpu_map/x86_{model}.xml"));
    file.map_or_else(|_| removed_features(model), |text| read_removed_features(&text).unwrap())
}

fn guest(xml: &str) -> Guest {
    let mut guests = read_guests(xml, &removed).unwrap_or_else(|e| panic!("{e}\n{xml}"));
    assert_eq!(guests.len(), 1);
    guests.remove(0)
}

/// The words of a command line that is quoted for a shell.
fn shell_words(line: &str) -> Vec<String> {
    let script = format!("set -- {line}\nprintf '%s\\0' \"$@\"");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{line}");
    String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(String::from).collect()
}

/// What follows `option`.
fn argument<'a>(words: &'a [String], option: &str) -> &'a str {
    let at = words.iter().position(|word| word == option).unwrap_or_else(|| panic!("no {option} in {words:?}"));
    &words[at + 1]
}

fn domains() -> Vec<PathBuf> {
    let directory = fs::read_dir(root().join("tests/data/domains")).unwrap();
    let mut files: Vec<PathBuf> = directory.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A list of QEMU's settings in one spelling for all versions of libvirt: 11.3 also names the clusters that x86 has not
/// (`clusters=1`), 12.8 writes `hv-crash=on` for `hv-crash`, and hands `cmp-legacy` and `ht`, which follow `-smp`, no longer on.
fn spelt_alike(settings: &str) -> String {
    let settings = settings.split(',').map(|setting| if setting == "hv-crash" { "hv-crash=on" } else { setting });
    let of_smp = |setting: &&str| setting.starts_with("cmp-legacy=") || setting.starts_with("ht=");
    settings.filter(|setting| *setting != "clusters=1" && !of_smp(setting)).collect::<Vec<_>>().join(",")
}

/// The oracle: libvirt's own translation of a domain to a command line.
#[test]
fn qemu_is_told_what_libvirt_would_tell_it() {
    let libvirt = Libvirt::start();
    let host = read_cpus(&libvirt.ask(&["capabilities"])).unwrap().remove(0);
    let tsc = host.tsc.map_or(2_000_000_000, |tsc| tsc.frequency).to_string();
    let has_kvm = libvirt.virsh(&["domcapabilities", "--virttype", "kvm"]).status.success();

    let mut compared = 0;
    let mut wrong = String::new();
    for file in domains() {
        let xml = fs::read_to_string(&file).unwrap().replace("@TSC@", &tsc);
        let name = file.file_stem().unwrap().to_string_lossy();
        if xml.contains("<domain type='kvm'") && !has_kvm {
            eprintln!("{name}: left out, there is no usable /dev/kvm");
            continue;
        }
        let filled = libvirt.directory().join("domain.xml");
        fs::write(&filled, &xml).unwrap();
        let native = libvirt.ask(&["domxml-to-native", "qemu-argv", &filled.to_string_lossy()]);
        let native = shell_words(&native);
        let ours = guest(&xml);
        let mut check = |what: &str, ours: &str, libvirt: &str| {
            if ours != libvirt {
                wrong += &format!("{name}: {what}\n  ours    {ours}\n  libvirt {libvirt}\n");
            }
        };
        check("-cpu", &spelt_alike(&ours.cpu), &spelt_alike(argument(&native, "-cpu")));
        check("-smp", &spelt_alike(ours.smp.as_deref().unwrap()), &spelt_alike(argument(&native, "-smp")));
        // Of the machine, what reaches CPUID. Without a type, libvirt names QEMU's default, which is `pc`.
        let machine: Vec<&str> = argument(&native, "-machine").split(',').collect();
        let parts = machine.iter().enumerate().filter(|(n, part)| *n == 0 || part.starts_with("kernel_irqchip="));
        let machine: Vec<&str> = parts.map(|(_, part)| *part).collect();
        match ours.machine.as_deref().unwrap() {
            "pc" => assert!(machine[0].starts_with("pc-i440fx-"), "{machine:?}"),
            ours => check("-machine", ours, &machine.join(",")),
        }
        let accel = argument(&native, "-accel");
        let expected = if accel.starts_with("kvm") { "Kvm" } else { "Tcg" };
        check("-accel", &format!("{:?}", ours.accel.unwrap()), expected);
        compared += 1;
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(compared >= 30, "only {compared} domains compared");
}

/// A host-model from domcapabilities becomes what libvirt chooses for mode='host-model' on this host.
#[test]
fn domcapabilities_become_the_host_model() {
    let libvirt = Libvirt::start();
    let ours = guest(&libvirt.ask(&["domcapabilities", "--virttype", "qemu"]));
    let file = libvirt.directory().join("domain.xml");
    let xml = "<domain type='qemu'><name>a</name><memory>65536</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>\
               <cpu mode='host-model'/></domain>";
    fs::write(&file, xml).unwrap();
    let native = shell_words(&libvirt.ask(&["domxml-to-native", "qemu-argv", &file.to_string_lossy()]));
    // Each setting is of another property, so their order, which domcapabilities of 12.8 do not keep, means nothing.
    let sorted = |cpu: &str| {
        let cpu = spelt_alike(cpu);
        let (model, settings) = cpu.split_once(',').unwrap();
        let settings: BTreeSet<String> = settings.split(',').map(str::to_string).collect();
        (model.to_string(), settings)
    };
    assert_eq!(sorted(&ours.cpu), sorted(argument(&native, "-cpu")));
    assert_eq!((ours.smp, ours.machine, ours.accel), (None, None, None));
}

/// What libvirt refuses, or takes from the host, we refuse too, and say where.
#[test]
fn what_libvirt_refuses_is_refused() {
    let libvirt = Libvirt::start();
    let domain = |inside: &str| {
        format!(
            "<domain type='qemu'>\n<name>a</name><memory>65536</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>\
             \n{inside}\n</domain>"
        )
    };
    let refused = [
        "<features><hyperv><nonsense state='on'/></hyperv></features>",
        "<features><hyperv><relaxed/></hyperv></features>",
        "<features><hyperv><relaxed state='maybe'/></hyperv></features>",
        "<features><hyperv><spinlocks state='on' retries='1'/></hyperv></features>",
        "<features><hyperv><vendor_id state='on'/></hyperv></features>",
        "<features><hyperv><vendor_id state='on' value='thirteen byte'/></hyperv></features>",
        "<features><hyperv><vendor_id state='on' value='a,b'/></hyperv></features>",
        "<features><hyperv mode='nonsense'/></features>",
        "<features><kvm><nonsense state='on'/></kvm></features>",
        "<features><nonsense/></features>",
        "<features><pmu state='maybe'/></features>",
        "<features><apic eoi='maybe'/></features>",
        "<clock offset='utc'><timer name='nonsense'/></clock>",
        "<clock offset='utc'><timer name='kvmclock' present='maybe'/></clock>",
        "<vcpu>3</vcpu><cpu><topology sockets='2' cores='2' threads='1'/></cpu>",
        "<vcpu current='3'>2</vcpu>",
        "<vcpu>none</vcpu>",
        "<cpu mode='host-passthrough'/>",
        "<cpu mode='nonsense'/>",
        "<cpu match='nonsense'/>",
        "<cpu migratable='on'><model>Haswell</model></cpu>",
        "<cpu><vendor>Intel</vendor></cpu>",
        "<cpu><feature name='abm'/></cpu>",
        "<cpu><model>Haswell</model><feature name='abm'/><feature name='abm'/></cpu>",
        "<cpu><model>Haswell</model><feature name='a,b'/></cpu>",
        "<cpu><model>Haswell,avx2=off</model></cpu>",
        "<cpu><model vendor_id='short'>Haswell</model></cpu>",
        "<cpu><topology sockets='0' cores='1' threads='1'/></cpu>",
        "<cpu><topology cores='1' threads='1'/></cpu>",
        "<cpu><model>Haswell</model><maxphysaddr mode='passthrough' bits='40'/></cpu>",
        "<cpu><model>Haswell</model><cache mode='passthrough'/></cpu>",
        "<cpu><model>Haswell</model><cache mode='emulate'/></cpu>",
        "<cpu><model>Haswell</model><cache mode='disable' level='3'/></cpu>",
    ];
    let file = libvirt.directory().join("domain.xml");
    for inside in refused {
        let xml = domain(inside);
        fs::write(&file, &xml).unwrap();
        let native = libvirt.virsh(&["domxml-to-native", "qemu-argv", &file.to_string_lossy()]);
        assert!(!native.status.success(), "libvirt takes {inside}");
        let error = read_guests(&xml, &removed).expect_err(inside);
        assert!(error.at.line >= 3, "{inside}: {error}");
    }
    // These an older libvirt refuses; what a newer one makes of them, we make.
    for inside in [
        "<features><hyperv><spinlocks state='on'/></hyperv></features>",
        "<cpu><model>Haswell</model><maxphysaddr mode='emulate'/></cpu>",
    ] {
        let xml = domain(inside);
        fs::write(&file, &xml).unwrap();
        let ours = guest(&xml).cpu;
        let native = libvirt.virsh(&["domxml-to-native", "qemu-argv", &file.to_string_lossy()]);
        if native.status.success() {
            let native = shell_words(&String::from_utf8(native.stdout).unwrap());
            assert_eq!(ours, argument(&native, "-cpu"), "{inside}");
        } else {
            left_out(&format!("{inside}, which this libvirt refuses"));
        }
    }
    // These libvirt can only answer on the host where the guest starts, or not at all.
    for (inside, advice) in [
        ("<cpu mode='host-model'/>", "virsh dumpxml"),
        ("<cpu mode='host-model'><model>Haswell</model></cpu>", "virsh dumpxml"),
        ("<cpu match='minimum'><model>Haswell</model></cpu>", "virsh domcapabilities"),
        ("<launchSecurity type='sev'/>", "<launchSecurity>"),
        ("<devices><memory model='sgx-epc'/></devices>", "sgx-epc"),
        ("<clock offset='utc'><nonsense/></clock>", "known: timer"),
        ("<cpu><nonsense/></cpu>", "unknown element <nonsense>"),
    ] {
        let error = read_guests(&domain(inside), &removed).expect_err(inside);
        assert!(error.at.line >= 3 && error.message.contains(advice), "{inside}: {error}");
    }
}

#[test]
fn of_arguments_past_libvirt_the_cpus_own_are_taken() {
    for (arguments, cpu) in [
        (&["-cpu", "max,-avx2"][..], Some("max,-avx2")),
        (&["-global", "x86_64-cpu.avx2=off"], Some("Haswell,avx2=off,ds=off")),
        (&["-global", "Haswell-x86_64-cpu.avx2=off"], Some("Haswell,avx2=off,ds=off")),
        (&["-global", "driver=x86_64-cpu,property=ds,value=on"], Some("Haswell,ds=on,ds=off")),
        (&["-cpu", "EPYC", "-global", "x86_64-cpu.svm=off"], Some("EPYC,svm=off")),
        (&["-global", "EPYC-x86_64-cpu.avx2=off"], None),
        (&["-global", "x86_64-cpu.avx2=off,x=y"], None),
        (&["-global", "apic.vapic=off"], None),
        (&["-cpu", ""], None),
        (&["-smp", "4"], None),
        (&["-device", "Haswell-x86_64-cpu,apic-id=1"], None),
        (&["-overcommit", "cpu-pm=on"], None),
        (&["--machine", "pc"], None),
        (&["-device", "ivshmem-plain,memdev=m", "-object", "memory-backend-file,id=m"], Some("Haswell,ds=off")),
        (&["-object", "sev-guest,id=s"], None),
    ] {
        let arguments: String = arguments.iter().map(|value| format!("<qemu:arg value='{value}'/>")).collect();
        let xml = format!(
            "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><os><type>hvm</type></os>\
             <cpu><model>Haswell</model><feature policy='disable' name='ds'/></cpu>\
             <qemu:commandline>{arguments}</qemu:commandline></domain>"
        );
        let read = read_guests(&xml, &removed).ok().map(|mut guests| guests.remove(0).cpu);
        let ours = |cpu: String| cpu.replace(",mpx=off", "");
        assert_eq!(read.map(ours).as_deref(), cpu, "{arguments}");
    }
}

const PROBE: &str = env!("CARGO_BIN_EXE_cpuid-probe");

fn boot_via_libvirt(libvirt: &Libvirt, arguments: &[&str]) -> Output {
    let mut script = Command::new(root().join("scripts/boot-via-libvirt"));
    script.args(["-c", libvirt.uri()]).args(arguments).env("CPUID_PROBE", PROBE).current_dir(root());
    script.output().unwrap()
}

fn boot(arguments: &[&str]) -> Output {
    Command::new(PROBE).arg("boot").args(arguments).current_dir(root()).output().unwrap()
}

fn dump(output: &Output) -> Dump {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    json::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap()
}

/// A domain that libvirt runs and a QEMU that we run show the same CPU, and libvirt keeps nothing of the domain.
#[test]
fn libvirt_and_qemu_give_the_same_dump() {
    let libvirt = Libvirt::start();
    let mut cases: Vec<(&str, &[&str])> = vec![
        ("tests/data/domains/no-cpu.xml", &[]),
        ("tests/data/domains/reference.xml", &[]),
        ("tests/data/domains/removed.xml", &["--machine", "pc"]),
        ("tests/data/domains/vendor-id.xml", &[]),
        ("tests/data/domains/no-cache.xml", &[]),
        ("tests/data/domains/maximum.xml", &[]),
        ("tests/data/domains/some-vcpus.xml", &[]),
        ("tests/data/domains/enabled-vcpus.xml", &[]),
        ("tests/data/domains/live.xml", &[]),
        ("tests/data/baseline.xml", &["--accel", "tcg"]),
    ];
    if libvirt.virsh(&["domcapabilities", "--virttype", "kvm"]).status.success() {
        cases.push(("tests/data/domains/kvmclock.xml", &[]));
    } else {
        eprintln!("kvmclock: left out, there is no usable /dev/kvm");
    }
    // libvirt takes seconds to take a domain down.
    thread::scope(|scope| {
        for (file, options) in cases {
            let libvirt = &libvirt;
            scope.spawn(move || {
                let under_libvirt = dump(&boot_via_libvirt(libvirt, &[options, &[file]].concat()));
                let plain = dump(&boot(&[options, &["--cpu-xml", file]].concat()));
                assert!(!plain.vcpus.is_empty(), "{file}");
                assert_eq!(under_libvirt.vcpus, plain.vcpus, "{file}");
                let [libvirt, plain] = [under_libvirt, plain].map(|dump| dump.provenance.boot.unwrap());
                assert_eq!((libvirt.cpu, libvirt.accel, libvirt.machine), (plain.cpu, plain.accel, plain.machine));
                assert!(plain.qemu.starts_with(&libvirt.qemu), "{} {}", plain.qemu, libvirt.qemu);
            });
        }
    });
    for list in [["list", "--all", "--name"], ["pool-list", "--all", "--name"]] {
        assert_eq!(libvirt.ask(&list).trim(), "");
    }
}

/// mode='host-model' is whatever libvirt makes of it on this host, which domcapabilities tell beforehand. But for
/// CmpLegacy: domcapabilities of 12.8 require it and 12.8 does not ask QEMU for it.
#[test]
fn a_host_model_is_what_domcapabilities_said() {
    let libvirt = Libvirt::start();
    let said = libvirt.directory().join("domcapabilities.xml");
    fs::write(&said, libvirt.ask(&["domcapabilities", "--virttype", "qemu"])).unwrap();
    let asked = libvirt.directory().join("host-model.xml");
    fs::write(&asked, "<cpu mode='host-model'/>").unwrap();
    let got = dump(&boot_via_libvirt(&libvirt, &["--accel", "tcg", &asked.to_string_lossy()]));
    let plain = dump(&boot(&["--accel", "tcg", "--cpu-xml", &said.to_string_lossy()]));
    let mut wrong = Vec::new();
    change::changes(plain.vcpus[0].leaves(), got.vcpus[0].leaves(), &mut |change| wrong.push(change.to_string()));
    wrong.retain(|change| !(change.starts_with("0x80000001 ECX ") && change.ends_with(" (-1)")));
    assert_eq!((wrong, got.vcpus.len(), plain.vcpus.len()), (vec![], 1, 1));
}

#[test]
fn a_failed_boot_leaves_nothing_in_libvirt() {
    let libvirt = Libvirt::start();
    let bogus = libvirt.directory().join("bogus.xml");
    fs::write(&bogus, "<cpu>\n  <model>Bogus</model>\n</cpu>").unwrap();
    let broken = libvirt.directory().join("broken.xml");
    fs::write(&broken, "<cpu>\n  <modle>Haswell</modle>\n</cpu>").unwrap();
    let (bogus, broken) = (bogus.to_string_lossy(), broken.to_string_lossy());
    for (arguments, words) in [
        (&["--accel", "tcg", &bogus][..], "Unknown CPU model Bogus"),
        (&["--accel", "tcg", &broken], "line 2, column 3: unknown element <modle>"),
        (&["--timeout", "0", "tests/data/domains/reference.xml"], "did not finish within 0 s"),
        (&["--machine", "nonsense", "tests/data/domains/reference.xml"], "nonsense"),
        (&[], "scripts/boot-via-libvirt"),
    ] {
        let output = boot_via_libvirt(&libvirt, arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(words) && output.stdout.is_empty(), "{arguments:?}: {errors}");
        for list in [["list", "--all", "--name"], ["pool-list", "--all", "--name"]] {
            assert_eq!(libvirt.ask(&list).trim(), "", "{arguments:?}");
        }
    }
}

/// The commands of docs/libvirt.md, with this libvirt as every node.
#[test]
fn the_page_works() {
    let libvirt = Libvirt::start();
    let directory = libvirt.directory();
    fs::copy(root().join("tests/data/domains/live.xml"), directory.join("vm.xml")).unwrap();
    let page = fs::read_to_string(root().join("docs/libvirt.md")).unwrap();
    let commands: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(commands.len() >= 4);
    let scripts = root().join("scripts").canonicalize().unwrap();
    for command in commands {
        // A machine without KVM has to do.
        let boot = format!("{}/boot-via-libvirt --accel tcg", scripts.display());
        let local = command.replace("scripts/boot-via-libvirt", &boot);
        let local = local.replace("qemu+ssh://node2/system", &format!("'{}'", libvirt.uri()));
        let mut shell = Command::new("sh");
        shell.args(["-c", &local]).env("CPUID_PROBE", PROBE).env("LIBVIRT_DEFAULT_URI", libvirt.uri());
        let output = shell.current_dir(directory).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let [node1, node2] = ["node1.json", "node2.json"]
        .map(|file| json::from_str(&fs::read_to_string(directory.join(file)).unwrap()).unwrap().vcpus);
    assert_eq!(node1, node2);
    assert!(directory.join("host-model.json").is_file());
}
