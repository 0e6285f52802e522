//! Other tools' forms of a dump: what we write is read back, by us and by the tools, and no input makes a reader panic.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::registers::any_cpu;
use cpuid_diff::read::{self, Input, READERS};
use cpuid_diff::write::{WRITERS, writer};
use cpuid_probe::coverage::{Coverage, Place, range_head};
use cpuid_probe::dump::{Dump, MsrRecord, Source, VcpuDump};
use cpuid_probe::{LeafId, Registers};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

prop_compose! {
    fn any_dump()(
        cpus in prop::collection::btree_map(any::<u32>(), any_cpu(), 1..4),
        msrs in prop::collection::btree_map(any::<u32>(), any::<u64>(), 0..4),
    ) -> Dump {
        let mut dump = Dump::new(Source::Native);
        for (number, (mut cpu, _)) in cpus {
            let mut v = VcpuDump::capture(number, &mut cpu);
            if let Some(first) = dump.vcpus.first() {
                v = of_one_machine(&v, first);
            }
            for (index, value) in &msrs {
                v.insert_msr(MsrRecord { index: *index, value: Some(*value) }).unwrap();
            }
            v.gaps.clear();
            dump.vcpus.push(v);
        }
        dump
    }
}

/// A vCPU with the vendor and the signature of another: two machines in one file are refused.
fn of_one_machine(vcpu: &VcpuDump, first: &VcpuDump) -> VcpuDump {
    let mut alike = VcpuDump::new(vcpu.vcpu);
    for record in vcpu.leaves() {
        let mut record = *record;
        match (record.id.leaf, first.get(record.id)) {
            (0, Some(other)) => record.registers = Registers { eax: record.registers.eax, ..other },
            (1, Some(other)) => record.registers = Registers { ebx: record.registers.ebx, ..other },
            _ => {}
        }
        alike.insert(record).unwrap();
    }
    alike
}

fn written(dump: &Dump, name: &str) -> String {
    (writer(name).unwrap().write)(dump)
}

fn read_back(bytes: &[u8], name: &str) -> Dump {
    let from = |from| match read::read(bytes, from) {
        Ok(Input::Dump(dump)) => *dump,
        other => panic!("{name}: {other:?}"),
    };
    let recognised = from(None);
    assert_eq!(from(Some(name)), recognised);
    recognised
}

/// One way in which text changes on its way from a tool to us.
#[derive(Clone, Copy, Debug)]
enum Journey {
    Crlf,
    Coloured,
    Bom,
    Utf16Le,
    Utf16Be,
    Blanks,
    Cr,
    Quoted,
    Indented,
    Fenced,
    NoBreak,
    Padded,
}

fn any_journey() -> impl Strategy<Value = Journey> {
    use Journey::{Blanks, Bom, Coloured, Cr, Crlf, Fenced, Indented, NoBreak, Padded, Quoted, Utf16Be, Utf16Le};
    let all = [Crlf, Coloured, Bom, Utf16Le, Utf16Be, Blanks, Cr, Quoted, Indented, Fenced, NoBreak, Padded];
    prop::sample::select(all.to_vec())
}

impl Journey {
    fn of(self, text: &str) -> Vec<u8> {
        let lines = |change: &dyn Fn(&str) -> String| text.lines().map(change).collect::<String>().into_bytes();
        match self {
            Self::Crlf => text.replace('\n', "\r\n").into_bytes(),
            Self::Coloured => lines(&|line| format!("\x1b[0;32m{line}\x1b[m\r\n")),
            Self::Bom => format!("\u{feff}{text}").into_bytes(),
            Self::Utf16Le => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16Be => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Blanks => lines(&|line| format!("{line} \t\n\n")),
            Self::Cr => text.replace('\n', "\r").into_bytes(),
            Self::Quoted => lines(&|line| format!("> {line}\n")),
            Self::Indented => lines(&|line| format!("    {line}\n")),
            Self::Fenced => format!("```\n{text}\n```\n").into_bytes(),
            Self::NoBreak => text.replace(' ', "\u{a0}").into_bytes(),
            Self::Padded => format!("{text}\n\x1a\0\0\0").into_bytes(),
        }
    }
}

/// Text that looks like a dump: words of all formats in any order.
fn any_text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "CPUID ",
            "00000000",
            "0000000D",
            "80000008",
            ": ",
            " ",
            "-",
            "\n",
            "\t",
            "[SL ",
            "]",
            "0x",
            "eax=0x",
            " ebx=0x",
            "CPU 0:",
            "CPU#001 AffMask: 0x1",
            "------[ Logical CPU #",
            "vcpu 1",
            "msr ",
            "gap ",
            "fault",
            "cap",
            "=",
            " | ",
            ", results",
            ", index 1",
            "basic_cpuid[",
            "intel_fn4[1]=",
            "EAX=0x",
            ", EBX=0x",
            "subleafs:",
            " -> ",
            " policy: ",
            " leaves, 2 MSRs",
            "@@ -1 +1 @@",
            "--- a",
            "+++ b",
            "+",
            "==START TEST==",
            "==END TEST==",
            "<cpudata>",
            "<cpuid eax_in='0x",
            "'/>",
            "</cpudata>",
            "{",
            "}",
            "\"cpuid_modifiers\": [",
            "\"return\":",
            "flags\t: fpu",
            "cpuid-dump/1 begin vcpus=1 source=boot",
            "cpuid-dump/1 end lines=1 crc32=",
            "\u{fffd}",
            "é",
            "\x1b[",
            "#",
            "\"",
        ])
        .prop_map(str::to_string),
        "[0-9a-fA-F]{1,9}",
        ".{0,3}",
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_written_is_read_back(dump in any_dump(), journey in any_journey()) {
        for writer in WRITERS {
            let back = read_back(&journey.of(&(writer.write)(&dump)), writer.name);
            let count = if writer.holds.vcpus { dump.vcpus.len() } else { 1 };
            prop_assert_eq!(back.vcpus.len(), count);
            for (before, after) in dump.vcpus.iter().zip(&back.vcpus) {
                if writer.holds.vcpus {
                    prop_assert_eq!(before.vcpu, after.vcpu);
                }
                prop_assert_eq!(before.leaves(), after.leaves());
                prop_assert_eq!(if writer.holds.msrs { before.msrs() } else { &[] }, after.msrs());
            }
        }
    }

    #[test]
    fn both_sides_of_a_diff_are_read_back(dumps in prop::collection::vec(any_dump(), 2), raw in any::<bool>()) {
        let [a, b] = [0, 1].map(|side| written(&dumps[side], if raw { "raw" } else { "bare" }));
        let diff = similar::TextDiff::from_lines(&a, &b);
        // With the whole text as context, nothing is left out.
        let text = diff.unified_diff().context_radius(usize::MAX / 2).header("a.txt", "b.txt").to_string();
        prop_assume!(!text.is_empty());
        let Ok(Input::Pair(pair)) = read::read(text.as_bytes(), None) else { panic!("{text}") };
        for (before, after) in dumps.iter().zip(pair.iter()) {
            let leaves = |dump: &Dump| dump.vcpus.iter().map(|v| (v.vcpu, v.leaves().to_vec())).collect::<Vec<_>>();
            prop_assert_eq!(leaves(before), leaves(after));
        }
    }

    #[test]
    fn a_changed_digit_is_another_value_or_an_error(
        dump in any_dump(), which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), to in "[0-9a-g ]",
    ) {
        let writer = which.get(WRITERS);
        let text = (writer.write)(&dump);
        let registers: Vec<usize> = text.match_indices("0000").map(|(at, _)| at).collect();
        prop_assume!(!registers.is_empty());
        let at = *at.get(&registers);
        let mut damaged = text.clone();
        damaged.replace_range(at..=at, &to);
        prop_assume!(damaged != text);
        if let Ok(Input::Dump(read)) = read::read(damaged.as_bytes(), None) {
            prop_assert_ne!(read.vcpus, read_back(text.as_bytes(), writer.name).vcpus);
        }
    }

    #[test]
    fn a_cut_file_is_an_error_or_says_what_it_does_not_hold(
        dump in any_dump(), which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
    ) {
        let writer = which.get(WRITERS);
        let text = (writer.write)(&dump);
        let cut = &text[..at.index(text.len() - 1)];
        if let Ok(Input::Dump(read)) = read::read(cut.as_bytes(), Some(writer.name)) {
            for (before, after) in dump.vcpus.iter().zip(&read.vcpus) {
                let (whole, coverage) = (Coverage::of(before), Coverage::of(after));
                for record in before.leaves().iter().filter(|r| after.get(r.id).is_none()) {
                    // A range that a CPU of this kind may lack cannot be missed.
                    let head = range_head(record.id.leaf);
                    let holds = |leaf| after.get(LeafId::new(leaf, 0));
                    let required = match head {
                        0x4000_0000 => holds(1).is_some_and(|r| r.ecx >> 31 == 1),
                        // SSE2: a CPU of this time has extended leaves.
                        0x8000_0000 => holds(1).is_some_and(|r| r.edx >> 26 & 1 == 1),
                        _ => head == 0,
                    };
                    let text = matches!(record.id.leaf, 0x8fff_fffe | 0x8fff_ffff);
                    // What the whole dump has beyond its own maxima is no loss.
                    let beyond = whole.place(record.id) == Place::OverEnumerated;
                    let may_be_absent = text || beyond || holds(head).is_none() && !required;
                    prop_assert!(
                        coverage.place(record.id) == Place::NotCaptured || may_be_absent,
                        "{}: {} is {:?} in\n{cut}", writer.name, record.id, coverage.place(record.id)
                    );
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_makes_a_reader_panic(text in any_text()) {
        let _ = read::read(text.as_bytes(), None);
        for reader in READERS {
            let _ = (reader.recognise)(&text);
            let _ = read::read(text.as_bytes(), Some(reader.name));
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read::read(&bytes, None);
        for reader in READERS {
            let _ = read::read(&bytes, Some(reader.name));
        }
    }
}

/// A dump with several vCPUs and ranges.
fn sample() -> Dump {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    any_dump().new_tree(&mut runner).unwrap().current()
}

/// Debian's `cpuid` (Todd Allen's) reads our raw form as its own: it prints the same lines again, and decodes them.
#[test]
fn debians_cpuid_reads_our_raw_form() {
    let mut dump = sample();
    for (vcpu, number) in dump.vcpus.iter_mut().zip(0..) {
        vcpu.vcpu = number;
    }
    let raw = written(&dump, "raw");
    let cpuid = |args: &[&str]| {
        let mut child = Command::new("cpuid")
            .args(args)
            .args(["-f", "/dev/stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Debian's package `cpuid` is installed (scripts/test does)");
        child.stdin.take().unwrap().write_all(raw.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(cpuid(&["-r"]), raw);
    assert_eq!(cpuid(&[]).matches("vendor_id").count(), dump.vcpus.len());
}

/// A leaf in every form whose reader skips what it does not know.
const LEAF_1: [(&str, &str); 9] = [
    (
        "text",
        "cpuid-dump/1 begin vcpus=1 source=native\nvcpu 0 lines=1\n\
         00000001 00000000: 000306c1 00000800 7ffa3227 0fabfbff\ncpuid-dump/1 end lines=2 crc32=5c9beea6\n",
    ),
    ("bare", "00000001 00000000: 000306c1 00000800 7ffa3227 0fabfbff\n"),
    ("raw", "   0x00000001 0x00: eax=0x000306c1 ebx=0x00000800 ecx=0x7ffa3227 edx=0x0fabfbff\n"),
    (
        "raw between marks",
        "==START TEST==\n   0x00000001 0x00: eax=0x000306c1 ebx=0x00000800 ecx=0x7ffa3227 edx=0x0fabfbff\n==END TEST==\n",
    ),
    ("aida64", "CPUID 00000001: 000306C1-00000800-7FFA3227-0FABFBFF\n"),
    ("tycho", "CPUID 00000001:00 = 000306c1 00000800 7ffa3227 0fabfbff | ........'2......\n"),
    ("libcpuid", "basic_cpuid[1]=000306c1 00000800 7ffa3227 0fabfbff\n"),
    ("kcpuid", "0x00000001: EAX=0x000306c1, EBX=0x00000800, ECX=0x7ffa3227, EDX=0x0fabfbff\n"),
    ("xen", "Host policy: 1 leaves, 0 MSRs\n  00000001:ffffffff -> 000306c1:00000800:7ffa3227:0fabfbff\n"),
];

/// A leaf in forms that are read as documents alone, or not at all.
const OTHERS: [(&str, &str); 3] = [
    (
        "json",
        r#"{"leaf":"0x00000001","subleaf":null,"eax":"0x000306c1","ebx":"0x00000800","ecx":"0x7ffa3227","edx":"0x0fabfbff"}"#,
    ),
    ("marked", "| 00000001 00000000: 000306c1 00000800 7ffa3227 0fabfbff\n"),
    ("unknown", "1: a=000306c1 b=00000800 c=7ffa3227 d=0fabfbff\n"),
];

#[test]
fn a_second_dump_in_another_form_is_not_skipped() {
    for (name, text) in LEAF_1 {
        assert!(matches!(read::read(text.as_bytes(), None), Ok(Input::Dump(_))), "{name}");
        for (other, second) in LEAF_1.into_iter().chain(OTHERS).filter(|(other, _)| *other != name) {
            for both in [format!("{text}\n{second}"), format!("{second}\n{text}")] {
                let read = read::read(both.as_bytes(), None);
                assert!(read.is_err(), "{name} and {other}: {read:?}");
            }
        }
    }
    // Nor one in its own form whose frame is damaged.
    let frame = LEAF_1[0].1;
    for text in [frame.replacen("begin", "bgin", 1) + frame, frame.to_string() + &frame.replace("begin", "bgin")] {
        let error = read::read(text.as_bytes(), None).unwrap_err();
        assert!(error.message.starts_with("registers that are not part of this dump"), "{error}");
    }
}
