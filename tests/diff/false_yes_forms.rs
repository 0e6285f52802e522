//! Ways to a wrong "yes" through the forms of other systems: what a reader leaves unread, joins or makes up. Every row is
//! one case of a kind.

use crate::false_yes::{guest, run, with};
use crate::support::files::Files;

#[test]
fn what_a_platforms_definition_says_beside_the_model_counts() {
    let files = Files::new();
    let whole = guest(false);
    let without_avx2 = with(whole.clone(), "/vcpus/0/leaves/7/ebx", "0x00000000".into());
    assert_ne!(whole.to_string(), without_avx2, "the guest has avx2");
    let guest = files.put("guest.json", &without_avx2);
    let check = |name: &str, baseline: &str| {
        let baseline = files.put(name, baseline);
        run(&["check", &guest, "--baseline", &baseline])
    };
    let machine = |cpu: &str, beside: &str| {
        format!(
            "apiVersion: kubevirt.io/v1\nkind: VirtualMachine\nmetadata:\n  name: vm1\nspec:\n  template:\n    spec:\n      \
             domain:\n        cpu:\n          model: pentium\n{cpu}{beside}        devices: {{}}\n"
        )
    };
    let nova = |more: &str| format!("[libvirt]\ncpu_mode = custom\ncpu_models = pentium\n{more}");
    for (what, baseline) in [
        (
            "proxmox",
            "agent: 1\nboot: order=scsi0\ncpu: pentium\nkvm: 1\nmemory: 2048\nnet0: virtio,bridge=vmbr0\n".into(),
        ),
        ("proxmox, arguments of no CPU", "args: -device virtio-rng-pci -vnc :1\ncpu: pentium\n".into()),
        ("nova", nova("virt_type = kvm\nimages_type = rbd\nrbd_user = nova\n")),
        ("nova, another section", nova("\n[vnc]\nenabled = true\n")),
        (
            "kubevirt",
            machine("          dedicatedCpuPlacement: true\n", "        resources: {requests: {memory: 1Gi}}\n"),
        ),
        ("kubevirt, of a shown KVM", machine("", "        features: {acpi: {}, kvm: {hidden: false}}\n")),
    ] {
        let (code, said) = check("plain", &baseline);
        assert_eq!(code, 0, "{what}: {said}");
    }
    for (what, baseline, words) in [
        ("args with -cpu", "args: -cpu pentium,+avx2\ncpu: pentium\n".into(), "avx2"),
        ("args with -cpu above no cpu", "args: -cpu pentium,+avx2\ncores: 1\n".into(), "avx2"),
        ("args with -smp", "args: -smp 4\ncpu: pentium\n".into(), "-smp"),
        ("no KVM", "cpu: pentium\nkvm: 0\n".into(), "TCG"),
        ("cores", "cores: 4\ncpu: pentium\nsockets: 2\n".into(), "8"),
        ("machine", "cpu: pentium\nmachine: pc-q35-9.0+pve0\n".into(), "pc-q35-9.0"),
        ("Windows", "cpu: pentium\nostype: win11\n".into(), "hv-relaxed"),
        ("SEV", "amd-sev: type=std\ncpu: pentium\n".into(), "amd-sev"),
        ("a line that is none", "cpu: pentium\n+avx2;+aes\n".into(), "+avx2"),
        ("a list that goes on", nova("cpu_model_extra_flags = vme,\n    avx2\n"), "avx2"),
        ("emulation", nova("virt_type = qemu\n"), "TCG"),
        ("machine of nova", nova("hw_machine_type = aarch64=virt,x86_64=pc-q35-9.9\n"), "pc-q35-9.9"),
        ("a new setting", nova("cpu_new_thing = 1\n"), "cpu_new_thing"),
        ("cores of kubevirt", machine("          cores: 4\n          sockets: 2\n", ""), "8"),
        ("resources", machine("", "        resources: {limits: {cpu: 1500m}}\n"), "2"),
        (
            "hyperv",
            machine("", "        features: {hyperv: {relaxed: {}, spinlocks: {spinlocks: 8191}}}\n"),
            "hv-relaxed",
        ),
        ("hidden", machine("", "        features: {kvm: {hidden: true}}\n"), "kvm"),
        ("a clock", machine("", "        clock: {timer: {hyperv: {present: true}}}\n"), "hv-time"),
        ("machine of kubevirt", machine("", "        machine: {type: pc-q35-9.9}\n"), "pc-q35-9.9"),
        ("-global of every CPU", "qemu-system-x86_64 -cpu pentium -global cpu.avx2=on".into(), "-global cpu.avx2=on"),
        ("launchSecurity", machine("", "        launchSecurity: {sev: {}}\n"), "launchSecurity"),
        ("a new key", machine("          newThing: 1\n", ""), "newThing"),
        (
            "the number of cores alone",
            machine("          cores: 1\n", "").replace("          model: pentium\n", ""),
            "host-model",
        ),
        (
            "a preference",
            machine("", "").replace("  template:", "  preference: {name: windows.11}\n  template:"),
            "preference",
        ),
    ] as [(&str, String, &str); 24]
    {
        let (code, said) = check("more", &baseline);
        assert_eq!(code, 1, "{what}: {said}");
        assert!(said.contains(words), "{what}: {said}");
    }
}

#[test]
fn what_a_command_line_says_beside_cpu_counts() {
    let files = Files::new();
    let guest = files.put("guest.json", &guest(false).to_string());
    let check = |name: &str, baseline: &str| {
        let baseline = files.put(name, baseline);
        run(&["check", &guest, "--baseline", &baseline])
    };
    let line = |more: &str| format!("qemu-system-x86_64 -cpu pentium {more}\n");
    for more in [
        "-smp 1",
        "-accel kvm",
        "-enable-kvm -object secret,id=sev0 -device virtio-net-pci,id=a-cpu",
        "-overcommit mem-lock=on",
    ] {
        let (code, said) = check("plain", &line(more));
        assert_eq!(code, 0, "{more}: {said}");
    }
    for (more, code, words) in [
        ("-smp 4", 1, "4 expected"),
        ("-smp maxcpus=4", 1, "4 expected"),
        ("-smp sockets=2,cores=2", 1, "4 expected"),
        ("-smp 1,sockets=1,cores=1,threads=1", 1, "no leaf 0xB tells the topology"),
        ("-smp 4,threads=2", 1, "depend on the machine type"),
        ("-smp 1,books=2", 1, "books"),
        ("-smp 4,sockets=3", 2, "whose topology makes 3"),
        ("-smp 4,maxcpus=2", 2, "at most 2"),
        ("-smp 4x", 2, "expected a number"),
        ("-smp 4,cores=0", 2, "expected a number"),
        ("-machine accel=kvm,smp.cpus=4", 1, "4 expected"),
        ("-machine q35 -machine accel=kvm", 1, "q35"),
        ("-machine accel=kvm:tcg", 1, "accel=kvm:tcg"),
        ("-accel tcg -accel kvm", 1, "TCG"),
        ("-accel kvm -smp 4", 1, "4 expected"),
        ("-accel kvm -accel tcg", 1, "first that works"),
        ("-accel hvf", 1, "accel=hvf"),
        ("-machine accel=kvm,confidential-guest-support=s", 1, "confidential guest"),
        ("-object sev-guest,id=s", 1, "sev-guest"),
        ("-object id=s,qom-type=sev-guest", 1, "sev-guest"),
        ("-object '{\"qom-type\":\"sev-snp-guest\",\"id\":\"s\"}'", 1, "sev-snp-guest"),
        ("-device pentium-x86_64-cpu,avx2=on", 1, "pentium-x86_64-cpu"),
        ("-readconfig vm.cfg", 1, "vm.cfg"),
        ("-overcommit cpu-pm=on", 1, "cpu-pm"),
        ("-cpu pentium,host-cache-info=on", 1, "caches are the host's"),
        ("-cpu", 2, "-cpu without a model"),
    ] {
        let (ended, said) = check("more", &line(more));
        assert!(ended == code && said.contains(words), "{more}: {ended}, {said}");
    }
    let put = |name: &str, smp: &str| files.put(name, &line(&format!("-smp {smp}")));
    let (a, b) = (put("a", "4,sockets=1,cores=2,threads=2"), put("b", "4,sockets=4,cores=1,threads=1"));
    let (code, said) = run(&["compare", &a, &b, "--partial"]);
    assert!(code == 1 && said.contains("topology: 1 sockets"), "{said}");
    // In libvirt's domain, too, a -cpu without a value is none that is understood.
    let arguments = |of: &[&str]| of.iter().map(|value| format!("<qemu:arg value='{value}'/>")).collect::<String>();
    for (of, code) in [(&["-name", "a"][..], 0), (&["-cpu"], 1), (&["-global"], 1), (&["-cpu", "-snapshot"], 1)] {
        let domain = format!(
            "<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><cpu mode='custom'>\
             <model>pentium</model></cpu><qemu:commandline>{}</qemu:commandline></domain>",
            arguments(of)
        );
        let (ended, said) = check("domain.xml", &domain);
        assert_eq!(ended, code, "{of:?}: {said}");
    }
}

#[test]
fn a_crystal_counts_only_with_its_ratio() {
    let files = Files::new();
    let put = |name: &str, [eax, ebx, ecx]: [u32; 3]| {
        files.put(name, &format!("00000015 00000000: {eax:08x} {ebx:08x} {ecx:08x} 00000000\n"))
    };
    let crystal = 24_000_000;
    for (a, b, code) in [
        ([0, 0, crystal], [0, 0, 0], 0),
        ([0, 0, crystal], [0, 0, 25_000_000], 0),
        ([2, 200, crystal], [0, 0, crystal], 1),
        ([2, 200, crystal], [2, 200, 0], 1),
        ([2, 200, crystal], [2, 200, 25_000_000], 1),
    ] {
        let (ended, said) = run(&["compare", &put("a", a), &put("b", b), "--partial"]);
        assert_eq!(ended, code, "{a:?} {b:?}: {said}");
    }
}

/// Labels of a node with the host-model Haswell-noTSX, without one feature of it.
fn labels(of: &[&str], without: &str) -> String {
    let named = of.iter().filter(|name| **name != without);
    let labels: String = named.map(|name| format!("    cpu-feature.node.kubevirt.io/{name}: \"true\"\n")).collect();
    format!("{labels}    host-model-cpu.node.kubevirt.io/Haswell-noTSX: \"true\"\n    kubernetes.io/os: linux\n")
}

const HASWELL: &str = "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 syscall nx \
                       lm pni pclmuldq ssse3 fma cx16 pcid sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave avx rdtscp \
                       lahf_lm fsgsbase bmi1 avx2 smep bmi2 erms invpcid";

#[test]
fn what_comes_again_is_another_machine() {
    let files = Files::new();
    let list =
        "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 syscall lm";
    let haswell: Vec<&str> = HASWELL.split(' ').filter(|name| !name.is_empty()).collect();
    let vm = "cpu: pentium\nname: a\n";
    for (what, text) in [
        ("flags", format!("{list}\n{list} avx2\n")),
        ("labels", labels(&haswell, "avx2") + &labels(&haswell, "")),
        ("a custom model", "cpu-model: a\n    reported-model pentium\n\ncpu-model: a\n    flags +avx2\n".to_string()),
        ("a VM", format!("{vm}{vm}")),
        ("a setting of nova", "cpu_mode = custom\ncpu_models = pentium\ncpu_models = EPYC\n".to_string()),
    ] {
        let file = files.put("two", &text);
        let (code, said) = run(&["show", &file]);
        assert_eq!(code, 2, "{what}: {said}");
        assert!(said.contains("in line"), "{what}: {said}");
    }
}

#[test]
fn a_label_that_is_not_there_is_no_yes() {
    let files = Files::new();
    let haswell: Vec<&str> = HASWELL.split(' ').filter(|name| !name.is_empty()).collect();
    let baseline = files.put("vm.xml", "<cpu mode='custom' match='exact'><model>Haswell-noTSX</model></cpu>");
    let check = |text: &str| {
        let node = files.put("node.yaml", text);
        run(&["check", &node, "--baseline", &baseline])
    };
    let (code, said) = check(&labels(&haswell, ""));
    assert_eq!(code, 0, "{said}");
    // Old versions leave out what Penryn has.
    let newer: Vec<&str> = haswell[haswell.iter().position(|name| *name == "pclmuldq").unwrap()..].to_vec();
    let newer: Vec<&str> =
        newer.into_iter().filter(|name| !["ssse3", "cx16", "sse4.1", "lahf_lm"].contains(name)).collect();
    let (code, said) = check(&labels(&newer, ""));
    assert_eq!(code, 0, "{said}");
    let (code, said) = check(&labels(&haswell, "avx2"));
    assert!(code == 1 && said.contains("says nothing about 1 promised bit"), "{said}");
    let (code, said) = check(&labels(&haswell, "sse2"));
    assert!(code == 1 && said.contains("says nothing about 1 promised bit"), "{said}");
    // KubeVirt starts a machine of a model only where the node has that model's label.
    let model = |name: &str, on: bool| format!("    cpu-model.node.kubevirt.io/{name}: \"{on}\"\n");
    let all = labels(&haswell, "");
    assert_eq!(check(&(model("Haswell-noTSX", true) + &all)).0, 0);
    for (models, words) in [
        (model("Westmere", true), "does not list the model Haswell-noTSX"),
        (model("Haswell-noTSX", false), "cannot give all of the model Haswell-noTSX"),
    ] {
        let (code, said) = check(&(models + &all));
        assert!(code == 1 && said.contains(words), "{said}");
    }
}

#[test]
fn a_word_of_xens_that_is_not_known_is_compared() {
    let files = Files::new();
    let words = |more: &str| {
        let known = "17cbfbff-80b82221-2993fbff-00000001".to_string() + &"-00000000".repeat(15);
        files.put(&format!("words{more}"), &format!("features_hvm: {known}{more}\n"))
    };
    for (a, b, exit) in [("", "", 0), ("-00000001", "-00000001", 0), ("", "-00000000", 0), ("-00000001", "", 1)] {
        for pair in [[a, b], [b, a]] {
            let (code, said) = run(&["compare", &words(pair[0]), &words(pair[1]), "--partial"]);
            assert_eq!(code, exit, "{pair:?}: {said}");
            assert!(exit == 0 || said.contains("word 20"), "{said}");
        }
    }
}

const FLAGS: &str = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 syscall nx \
                     lm constant_tsc rep_good nopl cpuid pni vmx ssse3 cx16 sse4_1 sse4_2 avx hypervisor lahf_lm avx2 bmi2";

/// `/proc/cpuinfo` of a guest with so many processors.
fn cpuinfo(count: u32, nested: &str) -> String {
    let flags = FLAGS.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let one = |number: u32| {
        format!(
            "processor\t: {number}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 60\nstepping\t: 1\n\
             physical id\t: 0\nsiblings\t: {count}\nflags\t\t: {flags}\nvmx flags\t: {nested}\nbugs\t\t: spectre_v1\n\
             address sizes\t: 46 bits physical, 48 bits virtual\npower management:\n\n"
        )
    };
    (0..count).map(one).collect()
}

fn lscpu(count: u32, hypervisor: &str) -> String {
    let flags = FLAGS.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    format!(
        "Architecture:            x86_64\nCPU(s):                  {count}\n  On-line CPU(s) list:   0-{}\n\
         Vendor ID:               GenuineIntel\n    Flags:               {flags}\nVirtualization features:\n  \
         Hypervisor vendor:     {hypervisor}\n  Virtualization type:   full\n",
        count - 1
    )
}

#[test]
fn what_linux_says_beside_flags_is_compared() {
    let files = Files::new();
    let compare = |a: &str, b: &str| {
        let (a, b) = (files.put("a.txt", a), files.put("b.txt", b));
        run(&["compare", &a, &b, "--partial"])
    };
    let nested = "vnmi ept vpid unrestricted_guest";
    for (what, same) in [("cpuinfo", cpuinfo(4, nested)), ("lscpu", lscpu(4, "KVM"))] {
        let (code, said) = compare(&same, &same);
        assert_eq!(code, 0, "{what}: {said}");
    }
    for (what, a, b, words) in [
        ("processors", cpuinfo(4, nested), cpuinfo(8, nested), "numbers of vCPUs differ (4 and 8)"),
        ("CPU(s)", lscpu(4, "KVM"), lscpu(8, "KVM"), "numbers of vCPUs differ (4 and 8)"),
        ("both forms", cpuinfo(4, nested), lscpu(8, "KVM"), "numbers of vCPUs differ (4 and 8)"),
        ("vmx flags", cpuinfo(2, nested), cpuinfo(2, "vnmi"), "vmx-ept"),
        ("a hypervisor", lscpu(2, "KVM"), lscpu(2, "Xen"), "XenVMMXenVMM"),
    ] {
        let (code, said) = compare(&a, &b);
        assert_eq!(code, 1, "{what}: {said}");
        assert!(said.contains(words), "{what}: {said}");
    }
    let domain = files.put("vm.xml", "<domain type='kvm'><vcpu>8</vcpu><cpu><model>pentium</model></cpu></domain>");
    let two = files.put("two.txt", &cpuinfo(2, nested));
    let (code, said) = run(&["check", &two, "--baseline", &domain, "--partial"]);
    assert!(code == 1 && said.contains("vcpu-count"), "{said}");
}

#[test]
fn a_list_that_was_cut_lacks_nothing() {
    let files = Files::new();
    let disabled = "<cpu><model>pentium</model><feature policy='disable' name='avx2'/></cpu>";
    let disabled = files.put("disabled.xml", disabled);
    let whole = cpuinfo(1, "vnmi");
    for (what, at) in [("before a flag", " avx2"), ("within a flag", "x2 bmi2"), ("within the first list", " sse4_2")] {
        let cut = files.put("cut.txt", whole.split(at).next().unwrap());
        let (code, said) = run(&["check", &cut, "--baseline", &disabled]);
        assert_eq!(code, 1, "{what}: {said}");
        assert!(said.contains("unverified"), "{what}: {said}");
    }
    let without = files.put("without.txt", &whole.replace(" avx2", ""));
    let (code, said) = run(&["check", &without, "--baseline", &disabled]);
    assert_eq!(code, 0, "{said}");
}
