//! Sources that name features instead of showing registers, in every command.

use std::process::{Command, Stdio};

use crate::support::files::Files;

/// What a run prints, both streams, and its exit code.
fn run(arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"));
    let output = command.args(arguments).env("COLUMNS", "1000").stdin(Stdio::null()).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().expect("an exit code"), text)
}

const FLAGS: &str = "fpu vme de tsc msr pae cx8 cmov mmx fxsr sse sse2 syscall nx rdtscp lm rep_good nopl pni pclmulqdq ssse3 \
                     cx16 sse4_1 sse4_2 movbe popcnt aes xsave avx hypervisor abm bmi1 avx2 bmi2 adx";

fn guest(flags: &str) -> String {
    format!(
        "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nstepping\t: 7\nflags\t\t: {flags}\n\
         bugs\t\t: spectre_v1\n"
    )
}

const DEFINITION: &str = "<domain type='kvm'><cpu mode='custom' match='exact'><model>qemu64</model>\
    <feature policy='require' name='aes'/><feature policy='require' name='avx2'/>\
    <feature policy='disable' name='svm'/><feature policy='require' name='spec-ctrl'/></cpu></domain>";

#[test]
fn a_guests_cpuinfo_against_its_definition() {
    let files = Files::new();
    let xml = files.put("vm.xml", DEFINITION);
    let (code, said) = run(&["check", &files.put("guest", &guest(FLAGS)), "--baseline", &xml]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("unverified") && !said.contains("not met"), "{said}");
    assert!(said.contains("does not name these that are promised: ") && said.contains("spec-ctrl"), "{said}");
    assert!(said.contains("svm is not in it because the definition disables it"), "{said}");
    // Linux shows aes wherever the CPU has it.
    let (code, said) = run(&["check", &files.put("less", &guest(&FLAGS.replace("aes ", ""))), "--baseline", &xml]);
    assert!(code == 1 && said.contains("not met") && said.contains("aes"), "{said}");
    let names = "<cpu mode='custom'><model>486</model><feature name='pse' policy='optional'/><feature name='aes'/>\
                 <feature name='avx2'/></cpu>";
    let met = run(&["check", &files.put("guest", &guest(FLAGS)), "--baseline", &files.put("names.xml", names)]);
    assert!(met.0 == 0 && met.1.contains("baseline met"), "{}", met.1);
    let simple = names.replace("<feature name='aes'/>", "<feature name='svm' policy='disable'/>");
    let off = run(&["check", &files.put("guest", &guest(FLAGS)), "--baseline", &files.put("simple.xml", &simple)]);
    assert!(off.0 == 1 && off.1.contains("svm is not in it"), "{}", off.1);
}

#[test]
fn two_lists_compare_and_never_agree() {
    let files = Files::new();
    let a = files.put("a", &guest(FLAGS));
    let (code, said) = run(&["compare", &a, &a]);
    assert!(code == 1 && said.contains("undecided"), "{said}");
    let (code, said) = run(&["compare", &a, &files.put("b", &guest(&FLAGS.replace("aes ", "")))]);
    assert!(code == 1 && said.contains("aes") && said.contains("UNSAFE"), "{said}");
    // Hidden or cleared by the kernel: no finding, and no agreement.
    let (code, said) =
        run(&["compare", &a, &files.put("c", &guest(&FLAGS.replace("xsave avx hypervisor", "hypervisor")))]);
    assert!(code == 1 && !said.contains("UNSAFE"), "{said}");
    let (code, said) = run(&["convert", &a, "--to", "json"]);
    assert!(code == 2 && said.contains("holds no registers"), "{said}");
}

#[test]
fn statements_are_layers_and_inputs_of_a_baseline() {
    let files = Files::new();
    let guest_file = files.put("guest", &guest(FLAGS));
    let xml = files.put("vm.xml", DEFINITION);
    let (code, said) = run(&["trace", "--baseline", &xml, "--guest", &guest_file]);
    assert!(code == 1 && said.contains("unknown"), "{said}");
    let (code, said) =
        run(&["trace", "--baseline", &xml, "--guest", &files.put("less", &guest(&FLAGS.replace("aes ", "")))]);
    assert!(code == 1 && said.contains("does not fit"), "{said}");
    let (_, said) = run(&["baseline", &guest_file, &files.put("less", &guest(&FLAGS.replace("aes ", "")))]);
    assert!(said.contains("<model") && !said.contains("disable' name='spec-ctrl'"), "{said}");
    assert!(!said.contains("require' name='aes'"), "{said}");
}

#[test]
fn two_definitions_compare_as_far_as_names_go() {
    let files = Files::new();
    let of = |more: &str| format!("<cpu><model>Haswell-noTSX</model>{more}</cpu>");
    let a = files.put("a.xml", &of("<feature name='vmx'/>"));
    let b = files.put("b.xml", &of("<feature name='aes' policy='disable'/>"));
    let (code, said) = run(&["compare", &a, &b]);
    assert!(code == 1 && said.contains("vmx") && said.contains("aes") && said.contains("one-way"), "{said}");
    let (code, said) = run(&["compare", &a, &a]);
    assert!(code == 1 && said.contains("undecided"), "{said}");
    // A -cpu string that says the same.
    let string = files.put("cpu.txt", "Haswell-noTSX,+vmx");
    let (code, said) = run(&["compare", &a, &string]);
    assert!(code == 1 && !said.contains("vmx  ") && !said.contains("aes  "), "{said}");
    let (code, said) = run(&["compare", &a, &files.put("odd.xml", "<cpu><model>Hasvell</model></cpu>")]);
    assert!(code == 2 && said.contains("unknown CPU model"), "{said}");
}

#[test]
fn one_of_several_machines_is_chosen_everywhere() {
    let files = Files::new();
    let both = files.put("both", &(guest(FLAGS) + &guest(&FLAGS.replace("aes ", ""))));
    let (code, said) = run(&["compare", &both, &both]);
    assert!(code == 2 && said.contains("another machine") && said.contains("#2"), "{said}");
    let (code, said) = run(&["compare", &format!("{both}#1"), &format!("{both}#2")]);
    assert!(code == 1 && said.contains("aes"), "{said}");
    let processes =
        "qemu-system-x86_64 -name guest=one -cpu Haswell,+vmx\nqemu-system-x86_64 -name guest=two -cpu EPYC\n";
    let processes = files.put("ps", processes);
    let guest_file = files.put("guest", &guest(FLAGS));
    let (code, said) = run(&["check", &guest_file, "--baseline", &processes]);
    assert!(code == 2 && said.contains("2 CPUs (lines 1, 2)"), "{said}");
    let (code, said) = run(&["check", &guest_file, "--baseline", &format!("{processes}#two")]);
    assert!(code == 1 && said.contains("not met"), "{said}");
}

#[test]
fn nodes_of_a_list_are_inputs_each() {
    let files = Files::new();
    let node = |name: &str, more: &str| {
        let names = "aes apic avx avx2 bmi1 bmi2 clflush cmov cx16 cx8 de erms fma fpu fsgsbase fxsr invpcid lahf_lm lm mca mce mmx \
                     movbe msr mtrr nx pae pat pcid pclmuldq pge pni popcnt pse pse36 rdtscp sep smep sse sse2 sse4.1 sse4.2 ssse3 \
                     syscall tsc tsc-deadline x2apic xsave";
        let feature = |name: &str| format!("      cpu-feature.node.kubevirt.io/{name}: \"true\"\n");
        let features: String = names.split(' ').chain(more.split_whitespace()).map(feature).collect();
        format!(
            "- apiVersion: v1\n  kind: Node\n  metadata:\n    labels:\n{features}      cpu-vendor.node.kubevirt.io/Intel: \"true\"\n      \
             host-model-cpu.node.kubevirt.io/Haswell-noTSX: \"true\"\n      kubernetes.io/hostname: {name}\n"
        )
    };
    let list = files.put("nodes.yaml", &format!("items:\n{}{}", node("n1", "abm arat"), node("n2", "arat")));
    let (code, said) = run(&["baseline", &list]);
    assert!(code < 2 && said.contains("<model fallback='forbid'>Haswell-noTSX</model>"), "{said}");
    assert!(said.contains("nodes.yaml#n1 gives up 1: abm"), "{said}");
    let wants = files.put("vm.xml", "<cpu><model>Haswell-noTSX</model><feature name='abm'/></cpu>");
    let (code, said) = run(&["check", &list, "--baseline", &wants]);
    assert!(code == 1 && said.contains("nodes.yaml#n2") && said.contains("not met"), "{said}");
    let (code, said) = run(&["check", &format!("{list}#n1"), "--baseline", &wants]);
    assert!(code == 0 && said.contains("baseline met"), "{said}");
}

#[test]
fn a_flag_that_no_row_knows_is_not_ignored() {
    let files = Files::new();
    let a = files.put("a", &guest(&format!("{FLAGS} made_up_flag")));
    let b = files.put("b", &guest(FLAGS));
    let lscpu =
        files.put("lscpu", &format!("Architecture: x86_64\nVendor ID: GenuineIntel\nFlags: {FLAGS}\nBogoMIPS: 1\n"));
    for (x, y) in [(&a, &b), (&b, &a), (&a, &lscpu)] {
        let (code, said) = run(&["compare", "--partial", x, y]);
        assert!(code == 1 && said.contains("made_up_flag") && said.contains("review"), "{said}");
    }
    let (code, said) = run(&["compare", "--partial", &b, &b]);
    assert!(code == 0 && said.contains("undecided"), "{said}");
    // The kernel's own flags are known, and say nothing of the CPU.
    let own = files.put("own", &guest(&format!("{FLAGS} eagerfpu split_lock_detect rsb_ctxsw")));
    assert_eq!(run(&["compare", "--partial", &own, &b]).0, 0);
}

#[test]
fn masks_of_vmware_are_a_baseline() {
    let files = Files::new();
    let dump = files.put("guest", "00000001 00000000: 000306c1 00010800 fffa3203 0f8bfbff\n");
    let mask = |ecx: &str| format!("displayName = \"vm\"\ncpuid.1.ecx = \"{ecx}\"\n");
    let kept = files.put("kept.vmx", &mask("----:----:----:----:----:----:--0-:----"));
    let (code, said) = run(&["check", &dump, "--baseline", &kept, "--partial"]);
    assert!(code == 0 && said.contains("baseline met"), "{said}");
    let broken = files.put("broken.vmx", &mask("----:--0-:----:----:----:----:----:----"));
    let (code, said) = run(&["check", &dump, "--baseline", &broken, "--partial"]);
    assert!(code == 1 && said.contains("aes") && said.contains("not met"), "{said}");
    let (code, said) = run(&["show", &kept]);
    assert!(code == 2 && said.contains("--baseline"), "{said}");
}

#[test]
fn a_folder_of_hwloc_is_one_machine() {
    let files = Files::new();
    let folder = files.0.join("cpuid");
    std::fs::create_dir(&folder).unwrap();
    let file = |id: u32| {
        format!(
            "# mask e[abcd]x => e[abcd]x\n1 0 0 0 0 => 1 756e6547 6c65746e 49656e69\n1 1 0 0 0 => 906ea {id:x}060800 80202001 178bfbfd\n"
        )
    };
    for cpu in 0..12 {
        std::fs::write(folder.join(format!("pu{cpu}")), file(cpu)).unwrap();
    }
    std::fs::write(folder.join("hwloc-cpuid-info"), "Architecture: x86\n").unwrap();
    let path = folder.display().to_string();
    let (code, said) = run(&["convert", &path, "--to", "raw"]);
    assert!(code == 0 && said.matches("eax=").count() == 24 && said.contains("CPU 11:"), "{said}");
    let (code, said) = run(&["compare", "--partial", &path, &path]);
    assert!(code == 0 && said.contains("24 register sets") && said.contains("12 of 12 vCPUs"), "{said}");
    let (_, said) = run(&["fleet", &files.0.display().to_string()]);
    assert!(said.starts_with("1 problem ") && said.contains("cpuid: is an excerpt"), "one host: {said}");
    std::fs::write(folder.join("pu3"), file(3).replace("906ea", "906e")).unwrap();
    let (code, said) = run(&["compare", "--partial", &path, &path]);
    assert!(code == 2 && said.contains("not the CPUs of one machine"), "{said}");
    std::fs::write(folder.join("pu3"), file(3).replace("906ea", "x")).unwrap();
    assert!(run(&["show", &path]).1.contains("pu3:3: expected"));
    let (code, said) = run(&["show", &files.0.display().to_string()]);
    assert!(code == 2 && said.contains("expected a file, or a folder of hwloc-gather-cpuid"), "{said}");
}

#[test]
fn a_diff_of_two_hosts_flags_is_two_inputs() {
    let files = Files::new();
    let text = format!(
        "--- n1\n+++ n2\n@@ -3,3 +3,3 @@\n Model: 85\n-Flags: {FLAGS}\n+Flags: {}\n Vulnerabilities: none\n",
        FLAGS.replace("aes ", "")
    );
    let (code, said) = run(&["compare", &files.put("lscpu.diff", &text)]);
    assert!(code == 1 && said.contains("aes") && said.contains("UNSAFE"), "{said}");
}
