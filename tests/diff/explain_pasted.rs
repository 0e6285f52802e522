//! `explain` of what people paste: lines of logs in every wrapping, lists, models, properties. The right place each time, and
//! nothing invented.

use std::collections::BTreeSet;

use cpuid_diff::explain::{Explanation, explain, explain_text};
use cpuid_diff::knowledge::Knowledge;

/// The kind of a line; the line; the places that it names, by their ids (`*`: a whole leaf or MSR, not checked bit by bit);
/// words that the answer has.
type Case = (&'static str, &'static str, &'static [&'static str], &'static str);

const HLE: &str = "0x00000007.0x00000000:ebx:4";
const RTM: &str = "0x00000007.0x00000000:ebx:11";
const AVX2: &str = "0x00000007.0x00000000:ebx:5";
const DS: &str = "0x00000001:edx:21";
const SVM: &str = "0x80000001:ecx:2";
const INVTSC: &str = "0x80000007:edx:8";
const SPEC: &str = "0x00000007.0x00000000:edx:26";
const RDCTL: &str = "msr:0x0000010a:0";
const VMX: &str = "0x00000001:ecx:5";
const PCID: &str = "0x00000001:ecx:17";
const AES: &str = "0x00000001:ecx:25";
const X2APIC: &str = "0x00000001:ecx:21";
const XSAVES: &str = "0x0000000d.0x00000001:eax:3";
const PHYS: &str = "0x80000008:eax:7:0";

#[rustfmt::skip]
const CASES: &[Case] = &[
    // QEMU before 10.1, KVM.
    ("qemu", "qemu-system-x86_64: warning: host doesn't support requested feature: CPUID.01H:EDX.ds [bit 21]", &[DS], ""),
    ("qemu", "qemu-kvm: warning: host doesn't support requested feature: CPUID.07H:EBX.hle [bit 4]", &[HLE], ""),
    ("qemu", "kvm: warning: host doesn't support requested feature: CPUID.80000001H:ECX.svm [bit 2]", &[SVM], ""),
    ("qemu", "warning: host doesn't support requested feature : CPUID.07H:EBX.rtm [bit 11]", &[RTM], ""),
    ("qemu", "qemu-system-x86_64: warning: host doesn't support requested feature: CPUID.0DH:EAX.xsaves [bit 3]", &[XSAVES], ""),
    // TCG.
    ("tcg", "qemu-system-x86_64: warning: TCG doesn't support requested feature: CPUID.01H:ECX.pcid [bit 17]", &[PCID], ""),
    ("tcg", "qemu-system-x86_64: warning: TCG doesn't support requested feature: CPUID.01H:ECX.x2apic [bit 21]", &[X2APIC], ""),
    ("tcg", "warning: TCG doesn't support requested feature: CPUID.07H:EBX.hle [bit 4]", &[HLE], ""),
    ("tcg", "qemu: warning: TCG doesn't support requested feature: CPUID.07H:EDX.spec-ctrl [bit 26]", &[SPEC], ""),
    // QEMU 10.1 and later.
    ("qemu-10.1", "qemu-system-x86_64: warning: host doesn't support requested feature: CPUID[eax=07h,ecx=00h].EBX.avx2 [bit 5]", &[AVX2], ""),
    ("qemu-10.1", "qemu-kvm: warning: host doesn't support requested feature: CPUID[eax=01h].ECX.pcid [bit 17]", &[PCID], ""),
    ("qemu-10.1", "warning: TCG doesn't support requested feature: CPUID[eax=80000001h].ECX.svm [bit 2]", &[SVM], ""),
    ("qemu-10.1", "warning: host doesn't support requested feature: CPUID[eax=0Dh,ecx=01h].EAX.xsaves [bit 3]", &[XSAVES], ""),
    // What starts or schedules a guest.
    ("refused", "error: unsupported configuration: CPU mode 'custom' for x86_64 kvm domain on x86_64 host is not supported by hypervisor", &[], "has no CPU of this mode"),
    ("refused", "error: unsupported configuration: CPU model 'EPYC-Milan' for x86_64 kvm domain on x86_64 host is not supported by hypervisor", &[], "cannot give the model"),
    ("refused", "nova.exception.InvalidCPUInfo: Unacceptable CPU info: CPU doesn't have compatibility.", &[], "Nova refuses the move"),
    ("phys-bits", "qemu-system-x86_64: Address space limit 0xffffffffff < 0x3fffffffffff phys-bits too low (40)", &[], "do not fit below"),
    // MSRs and dependencies.
    ("msr", "qemu-kvm: warning: host doesn't support requested feature: MSR(10AH).rdctl-no [bit 0]", &[RDCTL], ""),
    ("msr", "qemu-system-x86_64: warning: TCG doesn't support requested feature: MSR(10AH).rdctl-no [bit 0]", &[RDCTL], ""),
    ("msr", "warning: host doesn't support requested feature: MSR(48BH).vmx-vpid [bit 5]", &["msr:0x0000048b:37"], ""),
    ("msr", "warning: host doesn't support requested feature: MSR(10AH).mds-no [bit 5]", &["msr:0x0000010a:5"], ""),
    ("depends", "qemu-kvm: warning: This feature depends on other features that were not requested: CPUID.80000001H:ECX.svm [bit 2]", &[SVM], ""),
    ("depends", "warning: This feature depends on other features that were not requested: CPUID.0DH:EAX.xsaves [bit 3]", &[XSAVES], ""),
    ("depends", "warning: This feature depends on other features that were not requested: MSR(10AH).rdctl-no [bit 0]", &[RDCTL], ""),
    // Wrappings.
    ("time", "2026-01-01T00:00:00.000000Z qemu-kvm: warning: host doesn't support requested feature: CPUID.07H:EBX.hle [bit 4]", &[HLE], ""),
    ("time", "[  12.345678] qemu-kvm: warning: host doesn't support requested feature: CPUID.01H:EDX.ds [bit 21]", &[DS], ""),
    ("journal", "Jun 16 21:00:57 host1 virtqemud[812]: internal error: qemu-kvm: warning: host doesn't support requested feature: CPUID.07H:EBX.rtm [bit 11]", &[RTM], ""),
    ("journal", "Nov 26 10:00:00 node7 libvirtd[1]: 2026: error: qemu unexpectedly closed the monitor: warning: host doesn't support requested feature: CPUID.07H:EBX.avx2 [bit 5]", &[AVX2], ""),
    ("mail", "> qemu-kvm: warning: host doesn't support requested feature: CPUID.01H:ECX.aes [bit 25]", &[AES], ""),
    ("mail", ">> warning: TCG doesn't support requested feature: CPUID.01H:ECX.pcid [bit 17]", &[PCID], ""),
    ("several", "warning: host doesn't support requested feature: CPUID.07H:EBX.hle [bit 4] qemu-kvm: warning: host doesn't support requested feature: CPUID.07H:EBX.rtm [bit 11]", &[HLE, RTM], ""),
    ("several", "qemu: warning: TCG doesn't support requested feature: CPUID.01H:ECX.pcid [bit 17] qemu: warning: TCG doesn't support requested feature: CPUID.01H:ECX.x2apic [bit 21]", &[PCID, X2APIC], ""),
    ("json", r#"{"level":"error","reason":"qemu-kvm: warning: host doesn't support requested feature: CPUID.07H:EBX.hle [bit 4]\nqemu-kvm: warning: host doesn't support requested feature: CPUID.07H:EBX.rtm [bit 11]\n"}"#, &[HLE, RTM], ""),
    ("json", r#"{"log":"{\"reason\":\"warning: host doesn't support requested feature: CPUID.01H:EDX.ds [bit 21]\\nqemu\"}\n"}"#, &[DS], ""),
    ("json", r#"libvirtError: warning: host doesn\u0027t support requested feature: CPUID.07H:EBX.avx2 [bit 5]"#, &[AVX2], ""),
    // An old QEMU.
    ("qemu-1.5", "warning: host cpuid 0000_0001 lacks requested flag 'ds' [0x00200000]", &[DS], "QEMU before 1.6"),
    ("qemu-1.5", "warning: host cpuid 8000_0001 lacks requested flag 'svm' [0x00000004]", &[SVM], "QEMU before 1.6"),
    // libvirt.
    ("libvirt-guest", "error: operation failed: guest CPU doesn't match specification: missing features: hle,rtm", &[HLE, RTM], ""),
    ("libvirt-guest", "guest CPU doesn't match specification: missing features: svm", &[SVM], ""),
    ("libvirt-guest", "operation failed: guest CPU doesn't match specification: extra features: vmx, missing features: pcid", &[VMX, PCID], "does not have"),
    ("libvirt-guest", "'guest CPU doesn't match specification: missing features: hle,rtm' (code 9)", &[HLE, RTM], ""),
    ("libvirt-host", "error: the CPU is incompatible with host CPU: Host CPU does not provide required features: avx2, pcid", &[AVX2, PCID], "refuses the host"),
    ("libvirt-host", "error: unsupported configuration: guest and host CPU are not compatible: Host CPU does not provide required features: vmx", &[VMX], ""),
    ("libvirt-host", "Host CPU does not provide required features: hle, rtm; try using 'Haswell-noTSX' CPU model", &[HLE, RTM], ""),
    ("libvirt-name", "error: internal error: Unknown CPU feature svm", &[SVM], "does not know a feature"),
    ("libvirt-name", "error: unsupported configuration: unknown CPU feature: pcid", &[PCID], "does not know a feature"),
    ("libvirt-name", "libvirtd[7]: internal error: Unknown CPU feature 'x2apic'", &[X2APIC], "does not know a feature"),
    ("libvirt-model", "error: internal error: Unknown CPU model EPYC-Milan", &[], "AMD"),
    ("libvirt-model", "internal error: Unknown CPU model 'Icelake-Server'", &[], "Intel"),
    ("qemu-model", "qemu-system-x86_64: unable to find CPU model 'SapphireRapids'", &[], "Intel"),
    ("qemu-model", "qemu-kvm: unable to find CPU model 'Haswell-noTSX'", &[], "x86-64-v3"),
    ("qemu-property", "qemu-system-x86_64: Property 'Haswell-x86_64-cpu.spec-ctrl' not found", &[SPEC], "no property"),
    ("qemu-property", "qemu-kvm: can't apply global host-x86_64-cpu.pcid=on: Property 'host-x86_64-cpu.pcid' not found", &[PCID], "no property"),
    // Migration.
    ("invtsc", "qemu-kvm: -incoming: State blocked by non-migratable CPU device (invtsc flag)", &[INVTSC], "Pin one frequency"),
    ("invtsc", "internal error: unable to execute QEMU command 'migrate': State blocked by non-migratable CPU device (invtsc flag)", &[INVTSC], "no TSC frequency"),
    ("invtsc", "error: Operation not supported: domain has CPU feature: invtsc", &[INVTSC], "refuses live migration"),
    ("invtsc", "error: Requested operation is not valid: domain has CPU feature: invtsc", &[INVTSC], "Pin the TSC"),
    ("not-migratable", "error: internal error: device is not migratable", &[], "cannot be migrated live"),
    ("not-migratable", "guest CPU is not migratable: invtsc", &[INVTSC], "cannot be migrated live"),
    ("tsc", "qemu-kvm: warning: TSC frequency mismatch between VM (2600000 kHz) and host (2400000 kHz), and TSC scaling unavailable", &[], "250 ppm"),
    ("tsc", "qemu: TSC frequency mismatch between VM (1 kHz) and host (2 kHz), and TSC scaling unavailable", &[], "cannot give it"),
    ("phys-bits", "qemu-system-x86_64: warning: Host physical bits (39) does not match phys-bits property (42)", &[], "smallest width"),
    ("phys-bits", "qemu-system-x86_64: phys-bits should be between 32 and 52  (but is 60)", &[], "outside its limits"),
    ("phys-bits", "qemu-kvm: Address space limit exceeded: phys-bits too low (40)", &[], "do not fit"),
    // KVM and MSRs.
    ("kvm-msr", "qemu-kvm: error: failed to set MSR 0x10a to 0xc000000000069", &["*"], "could not load an MSR"),
    ("kvm-msr", "error: failed to set MSR 0x48b to 0x59ff00000000", &["*"], "could not load an MSR"),
    ("kvm-msr", "error: failed to get MSR 0x10a", &["*"], "could not read an MSR"),
    ("kvm-msr", "kvm [4711]: vcpu0, guest rIP: 0xffffffff8106 unhandled rdmsr: 0x10a", &["*"], "does not give it"),
    ("kvm-msr", "kvm [4711]: ignored rdmsr: 0x122 data 0x0", &[], "read an MSR"),
    ("kvm-msr", "kvm: vcpu1, guest rIP: 0x1 ignored wrmsr: 0x122 data 0x3", &[], "wrote an MSR"),
    ("kvm", "kvm: disabled by bios", &[], "firmware"),
    ("kvm", "[    3.1] kvm: disabled by bios", &[], "Switch virtualization on"),
    ("load-state", "qemu-kvm: error while loading state for instance 0x0 of device 'cpu'", &[], "could not take the guest's CPU state"),
    ("enforce", "qemu-system-x86_64: Host doesn't support requested features", &[], "names a feature"),
    ("enforce", "qemu-kvm: TCG doesn't support requested features", &[], "did not start"),
    // SEV-SNP: two lines of values behind it.
    ("snp", "qemu: SEV-SNP: CPUID validation failed for function 0x8000001d, index: 0x3.\nprovided: eax:0x000bc163, ebx: 0x03c0003f, ecx: 0x00007fff, edx: 0x00000006\nexpected: eax:0x000bc163, ebx: 0x03c0003f, ecx: 0x00007fff, edx: 0x00000002", &["*"], "expected 0x00000002"),
    ("snp", "SEV-SNP: CPUID validation failed for function 0x7, index: 0x0.\nprovided: eax:0x0, ebx: 0x20, ecx: 0x0, edx: 0x0\nexpected: eax:0x0, ebx: 0x00, ecx: 0x0, edx: 0x0", &[AVX2], "provided 0x00000020"),
    ("snp", "qemu-system-x86_64: sev_snp_launch_update: SNP_LAUNCH_UPDATE ret=-5 fw_error=22 'Invalid parameter'", &[], "lines behind it"),
    // Other VMMs.
    ("cloud-hypervisor", "cloud-hypervisor: ERROR: Detected incompatible CPUID entry: leaf=0x7 (subleaf=0x0), register='EBX', compatilbe_check='BitwiseSubset', source VM feature='0x30', destination VM feature='0x10'.", &[AVX2], "destination lacks"),
    ("cloud-hypervisor", "Detected incompatible CPUID entry: leaf=0x1 (subleaf=0x0), register='ECX', compatilbe_check='BitwiseSubset', source VM feature='0x2000000', destination VM feature='0x0'", &[AES], "destination lacks"),
    ("firecracker", "Template changes an entry not found in CPUID: Leaf: 0x1d, Subleaf: 0x0", &["*"], "CPU template"),
    ("firecracker", "vCPU error: Failed to set CPUID: KVM_SET_CPUID2: Invalid argument", &[], "KVM refused"),
    ("vsphere", "The target host does not support the virtual machine's current hardware requirements. com.vmware.vim.vmfeature: cpuid.AVX2", &[AVX2], "EVC"),
    ("vsphere", "Feature 'cpuid.pcid' was 0, but must be at least 1.", &[PCID], "EVC"),
    // Labels.
    ("label", "cpu-feature.node.kubevirt.io/svm: \"true\"", &[SVM], "KubeVirt"),
    ("label", "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector cpu-feature.node.kubevirt.io/hle=true", &[HLE], "KubeVirt"),
    ("label", "host-model-required-features.node.kubevirt.io/x2apic: \"true\"", &[X2APIC], "wherever it moves"),
    ("label", "cpu-model.node.kubevirt.io/EPYC-Milan=true", &[], "can run this CPU model"),
    ("label", "host-model-cpu.node.kubevirt.io/EPYC-Rome: \"true\"", &[], "host-model"),
    ("label", "cpu-model-migration.node.kubevirt.io/EPYC: \"true\"", &[], "can move to the node"),
    // Instructions that are not there.
    ("oops", "invalid opcode: 0000 [#1] PREEMPT SMP NOPTI", &[], "Capture both sides"),
    ("oops", "traps: java[812] trap invalid opcode ip:7f00 sp:7ffd error:0 in libjvm.so", &[], "Capture both sides"),
    ("oops", "bash: line 1: 812 Illegal instruction     (core dumped) ./a.out", &[], "Capture both sides"),
    ("isa", "Fatal glibc error: CPU does not support x86-64-v2", &[], "16 features"),
    ("isa", "/bin/ls: error while loading shared libraries: libc.so.6: CPU ISA level is lower than required", &[], "higher level"),
    ("isa", "This program can only be run on AMD64 processors with v3 microarchitecture support.", &[], "Go program"),
    // What was copied out of such a line, and a line that contradicts itself.
    ("qemu", "CPUID.07H:EBX.hle [bit 4]", &[HLE], ""),
    ("qemu", "MSR(10AH).rdctl-no [bit 0]", &[RDCTL], ""),
    ("qemu", "warning: host doesn't support requested feature: CPUID.01H:EDX.avx2 [bit 21]", &[DS], "avx2 is CPUID.(EAX=07H,ECX=0):EBX[5]"),
    // Lists.
    ("list", "hle,rtm", &[HLE, RTM], ""),
    ("list", "avx2 pcid aes", &[AVX2, PCID, AES], ""),
    ("list", "+vmx,-svm", &[VMX, SVM], ""),
    ("list", "'hle', 'rtm'", &[HLE, RTM], ""),
    // Models and levels.
    ("model", "EPYC-Milan", &[], "AMD"),
    ("model", "Haswell-noTSX-IBRS", &[], "x86-64-v3"),
    ("model", "Skylake-Server-v4", &[], "family 6"),
    ("model", "qemu64", &[], "x86-64-v1"),
    ("model", "x86-64-v3", &[], "25 features"),
    ("model", "host", &[], "this host's KVM"),
    ("model", "max", &[], "all that the accelerator"),
    ("model", "base", &[], "without any feature"),
    // Numbers and properties.
    ("property", "maxphysaddr", &[PHYS], "must not exceed"),
    ("property", "phys-bits", &[PHYS], ""),
    ("property", "host-phys-bits", &[PHYS], "host's"),
    ("property", "level", &["*"], "largest basic leaf"),
    ("property", "xlevel", &["*"], "largest extended leaf"),
    ("property", "tsc-frequency", &["*"], "250 ppm"),
    ("property", "hv-spinlocks", &[], "spins"),
    ("property", "migratable", &[], "invtsc"),
    ("property", "l3-cache", &["*"], "caches"),
    ("property", "vmware-cpuid-freq", &["*"], "0x40000010"),
    // Mnemonics of the manuals.
    ("manual", "CMPXCHG16B", &["0x00000001:ecx:13"], ""),
    ("manual", "CLFSH", &["0x00000001:edx:19"], ""),
    ("manual", "TSX", &[HLE, RTM], ""),
    ("manual", "LZCNT", &["0x80000001:ecx:5"], ""),
    ("manual", "PCLMULQDQ", &["0x00000001:ecx:1"], ""),
    ("manual", "Invariant TSC", &[INVTSC], ""),
    // Linux.
    ("linux", "rep_good", &[], "kernel's own"),
    ("linux", "ibrs_enhanced", &[], "kernel's own"),
    ("linux", "pti", &[], "Meltdown"),
    ("linux", "nonstop_tsc", &[INVTSC], ""),
    ("linux", "tsc_deadline_timer", &["0x00000001:ecx:24"], ""),
];

fn places(explanation: &Explanation) -> BTreeSet<String> {
    explanation.answers.iter().flat_map(|a| &a.entries).map(|e| e.place.id().to_string()).collect()
}

fn words(explanation: &Explanation) -> String {
    cpuid_diff::explain::render::text(explanation, cpuid_diff::render::Style::plain(u16::MAX))
}

#[test]
fn every_pasted_line_leads_to_the_right_place() {
    let kinds: BTreeSet<&str> = CASES.iter().map(|(kind, ..)| *kind).collect();
    assert!(CASES.len() >= 120 && kinds.len() >= 25, "{} lines of {} kinds", CASES.len(), kinds.len());
    let mut wrong = Vec::new();
    for (kind, line, wanted, says) in CASES {
        // A term of the command line, and the text on standard input.
        let term = explain(&[(*line).to_string()], None, Knowledge::builtin());
        let text = explain_text(line, None, Knowledge::builtin());
        let asked_alone = !line.contains([' ', ',', ':', '/', '.']) || *kind == "manual";
        for (way, found) in [("term", &term), ("text", &text)] {
            if way == "text" && asked_alone {
                continue;
            }
            let found_places = places(found);
            let right = if wanted == &["*"] {
                !found_places.is_empty()
            } else {
                found_places == wanted.iter().map(|id| (*id).to_string()).collect()
            };
            let said = words(found);
            if !right || !said.contains(says) || !found.unknown.is_empty() {
                wrong.push(format!(
                    "{kind} ({way}): {line}\n   {} places {:?}, unknown {:?}\n   {}",
                    found_places.len(),
                    found_places.iter().take(3).collect::<Vec<_>>(),
                    found.unknown,
                    said.lines().take(4).collect::<Vec<_>>().join(" / ")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_log_is_answered_once_a_name_and_the_worst_first() {
    let line = |name: &str, bit: u8| {
        format!("2026Z qemu-kvm: warning: host doesn't support requested feature: CPUID.07H:{name} [bit {bit}]\n")
    };
    let log = line("EBX.hle", 4)
        + &line("EBX.hle", 4)
        + &line("EDX.spec-ctrl", 26)
        + "2026Z qemu-kvm: terminating on signal 15\n";
    let found = explain_text(&log, None, Knowledge::builtin());
    let names: Vec<&str> = found.answers.iter().map(|a| a.term.as_str()).collect();
    assert_eq!(names, ["spec-ctrl", "hle"], "a protection comes first");
}

#[test]
fn nothing_is_made_up() {
    for text in [
        "please see the attached log",
        "the guest crashed after 3 minutes",
        "qemu-kvm: terminating on signal 15 from pid 1",
    ] {
        let found = explain_text(text, None, Knowledge::builtin());
        assert!(found.answers.is_empty() && found.unknown.len() == 1, "{text}: {found:?}");
    }
}
