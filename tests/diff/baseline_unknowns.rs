//! `baseline`: what an input says nothing of is neither asked for nor taken away, and nothing is passed over in silence.

use std::fmt::Write as _;
use std::process::{Command, Stdio};

use crate::support::files::Files;
use crate::support::shared;

/// Exit code, standard output and standard error.
fn baseline(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"));
    let output = command.env("COLUMNS", "4000").arg("baseline").args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A Sapphire Rapids guest with arch-capabilities, as registers of leaf 1 ECX, leaf 7 EBX and EDX, 0x80000001 EDX.
fn guest(ecx: u32, ebx7: u32, edx7: u32, edx: u32, more: &str) -> String {
    let mut text = String::new();
    write!(
        text,
        "00000000 00000000: 0000000d 756e6547 6c65746e 49656e69\n\
         00000001 00000000: 000806f8 00100800 {ecx:08x} 0f8bfbff\n\
         00000006 00000000: 00000004 00000000 00000000 00000000\n\
         00000007 00000000: 00000001 {ebx7:08x} 1b415f6e {edx7:08x}\n\
         00000007 00000001: 00001c30 00000000 00000000 00000000\n\
         0000000d 00000000: 00000007 00000340 00000340 00000000\n\
         0000000d 00000001: 0000000f 00000340 00000000 00000000\n\
         80000000 00000000: 80000008 00000000 00000000 00000000\n\
         80000001 00000000: 00000000 00000000 00000121 {edx:08x}\n\
         80000008 00000000: 0000302e 00000000 00000000 00000000\n{more}"
    )
    .unwrap();
    text
}

const ECX: u32 = 0xfffa_3203;
const EBX7: u32 = 0xf1bf_07ab;
const EDX7: u32 = 0xffdd_4412;
const EDX: u32 = 0x2c10_0800;

fn disabled(xml: &str) -> Vec<&str> {
    let lines = xml.lines().filter(|l| l.contains("policy='disable'"));
    lines.filter_map(|l| l.split("name='").nth(1)?.split('\'').next()).collect()
}

const IMMUNITIES: &str = "rdctl-no ibrs-all skip-l1dfl-vmentry mds-no pschange-mc-no taa-no";

#[test]
fn msrs_that_nobody_read_are_listed_and_not_disabled() {
    let files = Files::new();
    let a = files.put("a", &guest(ECX, EBX7, EDX7, EDX, ""));
    let b = files.put("b", &guest(ECX, EBX7, EDX7, EDX, ""));
    let (code, xml, said) = baseline(&[&a, &b]);
    assert_eq!(code, 1, "{said}");
    assert!(xml.contains(">SapphireRapids<"), "it is of the inputs' own family and model: {xml}");
    let off = disabled(&xml);
    assert!(IMMUNITIES.split(' ').all(|name| !off.contains(&name)), "{xml}");
    assert!(said.starts_with("the model SapphireRapids has rdctl-no"), "{said}");
    assert!(said.lines().next().is_some_and(|line| IMMUNITIES.split(' ').all(|name| line.contains(name))), "{said}");
    // Where it was read, it is known: had, or lacked and so taken away.
    let read = |value: u64| guest(ECX, EBX7, EDX7, EDX, &format!("msr 0000010a: 00000000 {value:08x}\n"));
    let (had, lacked) = (files.put("had", &read(0x16b)), files.put("lacked", &read(0x12b)));
    let (code, xml, said) = baseline(&[&had, &had]);
    assert_eq!((code, said.contains("say nothing")), (0, false), "{said}{xml}");
    let (code, xml, said) = baseline(&[&had, &lacked]);
    assert_eq!(code, 1, "{said}");
    assert!(said.starts_with("update lacked: it lacks protections that had has: pschange-mc-no;"), "{said}");
    assert!(disabled(&xml).contains(&"pschange-mc-no"), "{xml}");
}

#[test]
fn what_a_32_bit_reader_sees_is_not_known() {
    let files = Files::new();
    let dump = files.put("dump", &guest(ECX, EBX7, EDX7, EDX & !0x800, "msr 0000010a: 00000000 0000016b\n"));
    let (code, xml, said) = baseline(&[&dump, &dump]);
    assert_eq!(code, 1, "{said}");
    assert!(!xml.contains("'syscall'") && said.contains("has syscall,"), "{xml}{said}");
    assert!(said.contains("64-bit program"), "{said}");
}

#[test]
fn equal_definitions_are_given_back() {
    let files = Files::new();
    for definition in [
        "  <model fallback='forbid'>Icelake-Server-v7</model>\n",
        "  <model fallback='allow'>Haswell</model>\n  <vendor>Intel</vendor>\n  <maxphysaddr mode='emulate' bits='42'/>\n  \
         <feature policy='force' name='vmx'/>\n  \
         <feature policy='forbid' name='hle'/>\n  <feature policy='require' name='xsaves'/>\n",
        "  <model fallback='forbid'>EPYC-Milan</model>\n  <topology sockets='1' dies='1' cores='2' threads='2'/>\n",
    ] {
        let text = format!("<cpu mode='custom' match='exact'>\n{definition}</cpu>\n");
        let file = files.put("cpu.xml", &text);
        let other = files.put("other.xml", &text.replace("\n  <", "\n<"));
        let (code, xml, said) = baseline(&[&file, &other]);
        assert_eq!((code, xml), (0, text), "{said}");
    }
    // What is optional is there on some hosts alone: the definition is given back, with a word.
    let text = "<cpu mode='custom' match='exact'>\n  <model fallback='forbid'>Haswell</model>\n  \
                <feature policy='optional' name='avx'/>\n</cpu>\n";
    let (code, xml, said) = baseline(&[&files.put("optional.xml", text)]);
    assert_eq!((code, xml.as_str()), (1, text), "{said}");
    assert!(said.contains(" has avx"), "{said}");
}

#[test]
fn hardware_is_said_and_is_no_offer() {
    let files = Files::new();
    let bare = files.put("bare", &guest(ECX & !(1 << 31), EBX7, EDX7, EDX, "msr 0000010a: 00000000 0000016b\n"));
    let capabilities = "<capabilities><host><cpu><arch>x86_64</arch><model>Haswell</model><vendor>Intel</vendor>\
                        <feature name='vme'/></cpu></host></capabilities>";
    for file in [bare, files.put("capabilities.xml", capabilities)] {
        let (code, xml, said) = baseline(&[&file, &file]);
        assert_eq!((code, said.starts_with("hardware: ")), (1, true), "{said}");
        assert!(xml.starts_with("<cpu "), "{xml}");
    }
}

#[test]
fn invtsc_is_kept_only_with_a_frequency_that_suits_all() {
    let files = Files::new();
    let host = |name: &str, hz: u64, scaling: &str| {
        files.put(
            name,
            &format!(
                "<capabilities><host><cpu><arch>x86_64</arch><model>Skylake-Client-IBRS</model><vendor>Intel</vendor>\
                 <counter name='tsc' frequency='{hz}' scaling='{scaling}'/><feature name='invtsc'/></cpu></host>\
                 </capabilities>"
            ),
        )
    };
    let slow = host("slow", 2_400_000_000, "no");
    for (other, kept) in [
        (host("far", 2_688_011_000, "no"), false),
        (host("scales", 2_688_011_000, "yes"), true),
        (host("near", 2_400_500_000, "no"), true),
        (host("over", 2_400_700_000, "no"), false),
    ] {
        let (_, xml, said) = baseline(&["--keep-unmigratable", &slow, &other]);
        assert_eq!(xml.contains("require' name='invtsc'"), kept, "{other}: {xml}");
        assert_eq!(said.contains("frequency='2400000000'"), kept, "{other}: {said}");
        assert_eq!(said.contains("left out: invtsc") && said.contains("no TSC frequency suits all"), !kept, "{said}");
        let (_, cpu, _) = baseline(&["--keep-unmigratable", "--format", "qemu", &slow, &other]);
        assert_eq!(cpu.contains("tsc-frequency=2400000000"), kept, "{cpu}");
        let (_, xml, _) = baseline(&[&slow, &other]);
        assert!(!xml.contains("invtsc"), "{xml}");
    }
}

#[test]
fn one_vcpu_alone_and_what_the_result_is_silent_about() {
    let files = Files::new();
    let one = guest(ECX, EBX7, EDX7, EDX, "msr 0000010a: 00000000 0000016b\n");
    let two = guest(ECX & !(1 << 28), EBX7, EDX7, EDX, "msr 0000010a: 00000000 0000016b\n");
    let (one, two) = (one.trim_end(), two.trim_end());
    let hyperv = "40000000 00000000: 40000001 7263694d 666f736f 76482074\n40000001 00000000: 31237648 00000000 00000000 00000000\n";
    let raw = |text: &str| -> String {
        let lines = text.lines().filter(|l| !l.starts_with("msr"));
        lines.fold(String::new(), |mut out, line| {
            let (at, registers) = line.split_once(": ").unwrap();
            let (leaf, subleaf) = at.split_once(' ').unwrap();
            let mut names = ["eax", "ebx", "ecx", "edx"].into_iter().zip(registers.split(' '));
            let registers = names.by_ref().map(|(n, v)| format!("{n}=0x{v}")).collect::<Vec<_>>().join(" ");
            writeln!(out, "   0x{leaf} 0x{:02x}: {registers}", u32::from_str_radix(subleaf, 16).unwrap()).unwrap();
            out
        })
    };
    let text = format!("CPU 0:\n{}CPU 1:\n{}", raw(one), raw(two));
    let (code, xml, said) = baseline(&[&files.put("dump", &text)]);
    assert_eq!(code, 1, "its MSRs were not read: {said}");
    assert!(said.contains("not every vCPU of dump has these, so they are left out: avx\n"), "{said}");
    assert!(disabled(&xml).contains(&"avx"), "{xml}");
    assert!(said.contains("says nothing of Hyper-V enlightenments, KVM's"), "{said}");
    let (_, _, said) = baseline(&[&files.put("windows", &format!("{one}\n{hyperv}"))]);
    assert!(said.contains("says nothing of Hyper-V enlightenments (windows has some)"), "{said}");
}

#[test]
fn a_width_that_an_input_does_not_say_is_not_known_to_be_given() {
    let files = Files::new();
    let cpu = |name: &str, width: &str| {
        files.put(name, &format!("<cpu><model>Haswell</model><vendor>Intel</vendor>{width}</cpu>"))
    };
    let wide = cpu("wide", "<maxphysaddr mode='emulate' bits='46'/>");
    let (narrow, silent) = (cpu("narrow", "<maxphysaddr mode='emulate' bits='39'/>"), cpu("silent", ""));
    let (code, xml, said) = baseline(&[&wide, &narrow]);
    assert_eq!((code, xml.contains("bits='39'")), (0, true), "{said}");
    let (code, _, said) = baseline(&[&wide, &silent]);
    assert_eq!((code, said.contains("silent says nothing of the width")), (1, true), "{said}");
}

#[test]
fn an_old_name_is_known() {
    let files = Files::new();
    let cpu = "<cpu><model>Skylake-Server-IBRS</model><feature policy='require' name='arch-facilities'/>\
               <feature policy='require' name='md-clear'/></cpu>";
    let (code, xml, said) = baseline(&[&files.put("old.xml", cpu)]);
    assert_eq!((code, xml.contains("policy='require' name='arch-capabilities'")), (0, true), "{said}");
}

/// The public case beside the repository, where it is.
#[test]
fn a_public_32_bit_capture_of_hardware() {
    let Some(file) = shared("corpus/instlatx64/GenuineIntel00C06F2_EmeraldRapids_01_CPUID.txt") else { return };
    let file = file.display().to_string();
    let (code, xml, said) = baseline(&[&file, &file]);
    assert_eq!((code, said.starts_with("hardware: ")), (1, true), "{said}");
    assert!(disabled(&xml).is_empty() && said.contains(" has syscall rdctl-no"), "{xml}{said}");
}
