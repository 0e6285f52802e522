//! The written forms of a dump: what was written is read back, and damage is refused where it is.

use crate::registers::any_cpu;
use cpuid_probe::dump::{
    Boot, BootWarning, Compat, Dump, Gap, GapReason, Imported, MsrRecord, Provenance, Source, VcpuDump,
};
use cpuid_probe::text::{TextError, read_frame, write_frame};
use cpuid_probe::{LeafId, json};
use proptest::option;
use proptest::prelude::*;

fn any_source() -> impl Strategy<Value = Source> {
    prop_oneof![Just(Source::Native), Just(Source::Kvm), Just(Source::Boot), Just(Source::Import)]
}

fn any_gap() -> impl Strategy<Value = Gap> {
    let reason = prop_oneof![Just(GapReason::Cap), Just(GapReason::Unreachable), Just(GapReason::Fault)];
    (any::<u32>(), any::<u32>(), reason)
        .prop_map(|(leaf, subleaf, reason)| Gap { id: LeafId::new(leaf, subleaf), reason })
}

prop_compose! {
    fn any_vcpu()(
        (mut cpu, _) in any_cpu(),
        msrs in prop::collection::btree_map(any::<u32>(), any::<Option<u64>>(), 0..4),
        gaps in prop::collection::vec(any_gap(), 0..3),
    ) -> VcpuDump {
        let mut v = VcpuDump::capture(0, &mut cpu);
        for (index, value) in msrs {
            v.insert_msr(MsrRecord { index, value }).unwrap();
        }
        v.gaps = gaps;
        v.gaps.sort_by_key(|gap| gap.id);
        v
    }
}

prop_compose! {
    fn any_boot()(
        words in prop::array::uniform4(any::<String>()),
        compat in option::of(prop::collection::vec(("[^.]*", "[^=]*", any::<String>()), 0..3)),
        command in prop::collection::vec(any::<String>(), 0..3),
        warnings in prop::collection::vec((any::<String>(), any::<Option<String>>()), 0..3),
    ) -> Boot {
        let [qemu, accel, machine, cpu] = words;
        let warnings = warnings.into_iter().map(|(text, feature)| BootWarning { text, feature }).collect();
        let set = |(cpu, property, value)| Compat { cpu, property, value };
        let compat = compat.map(|compat| compat.into_iter().map(set).collect());
        Boot { qemu, accel, machine, compat, cpu, command, warnings }
    }
}

prop_compose! {
    fn any_provenance()(
        source in any_source(),
        words in prop::array::uniform5(any::<Option<String>>()),
        hypervisor in prop::collection::vec(any::<String>(), 0..3),
        vcpus_online in any::<Option<u32>>(),
        boot in option::of(any_boot()),
        imported in option::of((any::<String>(), prop::collection::vec(any::<String>(), 0..3))),
        other in prop::collection::btree_map("x-[a-z]{1,8}", any::<i64>(), 0..3),
    ) -> Provenance {
        let [tool, label, captured_at, kernel, microcode] = words;
        let imported = imported.map(|(format, limits)| Imported { format, limits, ..Imported::default() });
        let other = other.into_iter().map(|(name, number)| (name, format!("{{\"n\":{number}}}"))).collect();
        Provenance {
            tool, label, captured_at, source, kernel, microcode, hypervisor, vcpus_online, boot, imported, other,
        }
    }
}

prop_compose! {
    fn any_dump()(
        provenance in any_provenance(),
        vcpus in prop::collection::btree_map(any::<u32>(), any_vcpu(), 1..4),
    ) -> Dump {
        let vcpus = vcpus.into_iter().map(numbered).collect();
        Dump { provenance, vcpus }
    }
}

fn numbered((vcpu, mut dump): (u32, VcpuDump)) -> VcpuDump {
    dump.vcpu = vcpu;
    dump
}

fn frame(dump: &Dump) -> String {
    let mut text = String::new();
    write_frame(&mut text, dump.provenance.source.word(), dump.vcpus.iter().map(|v| v.view())).unwrap();
    text
}

/// A frame with at least one vCPU that has no gaps: there the walker knows what is missing.
fn any_frame() -> impl Strategy<Value = String> {
    let vcpu = any_cpu().prop_map(|(mut cpu, _)| VcpuDump::capture(0, &mut cpu));
    prop::collection::vec(vcpu, 1..3).prop_map(|vcpus| {
        let mut dump = Dump::new(Source::Boot);
        dump.vcpus = (0..).zip(vcpus).map(numbered).collect();
        frame(&dump)
    })
}

/// The number (from 1) of a register line of `text`, chosen by `at`.
fn a_record(text: &str, at: prop::sample::Index) -> usize {
    let is_record = |line: &str| line.as_bytes()[8] == b' ' && line.contains(": ");
    let records: Vec<usize> = (1..).zip(text.lines()).filter(|(_, l)| is_record(l)).map(|(n, _)| n).collect();
    *at.get(&records)
}

/// `text` with line `number` (from 1) changed; `None` removes it.
fn with_line(text: &str, number: usize, change: impl Fn(&str) -> Option<String>) -> String {
    let changed = |(n, line): (usize, &str)| if n == number { change(line) } else { Some(line.to_string()) };
    (1..).zip(text.lines()).filter_map(changed).map(|line| line + "\n").collect()
}

/// The line in which the vCPU of line `number` begins.
fn header_of(text: &str, number: usize) -> usize {
    let before = || (1..).zip(text.lines()).take(number);
    before().filter(|(_, line)| line.starts_with("vcpu ")).map(|(n, _)| n).last().unwrap()
}

fn refused(text: &str) -> TextError {
    read_frame(text).expect_err(text)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn json_is_read_back(dump in any_dump()) {
        let text = json::to_string(&dump);
        prop_assert_eq!(&json::from_str(&text).unwrap(), &dump);
    }

    #[test]
    fn text_is_read_back(dump in any_dump()) {
        let read = read_frame(&frame(&dump)).unwrap();
        prop_assert_eq!(read.provenance.source, dump.provenance.source);
        prop_assert_eq!(read.vcpus, dump.vcpus);
    }

    #[test]
    fn a_noisy_console_changes_nothing(text in any_frame(), noise in prop::collection::vec("[^0-9a-fA-Fvmgc\n][^\n]{0,40}", 8)) {
        let clean = read_frame(&text).unwrap();
        let mut noise = noise.iter().cycle();
        let log: String = text.lines().map(|line| format!("{}\r\n\x1b[0;1m{line}\x1b[m\r\n", noise.next().unwrap())).collect();
        prop_assert_eq!(&read_frame(&log).unwrap(), &clean);
        // A guest that was reset in the middle begins again.
        let half: String = log.chars().take(log.len() / 2).collect();
        prop_assert_eq!(&read_frame(&format!("{half}\n{log}")).unwrap(), &clean);
        prop_assert!(refused(&log.repeat(2)).message.contains("a second dump begins here"));
    }

    #[test]
    fn a_lost_line_is_refused_at_its_vcpu(text in any_frame(), at in any::<prop::sample::Index>()) {
        let lost = a_record(&text, at);
        let error = refused(&with_line(&text, lost, |_| None));
        prop_assert_eq!(error.line, header_of(&text, lost));
        prop_assert!(error.message.contains("lines and has"), "{}", error);
    }

    #[test]
    fn a_cut_line_is_refused_where_it_is(text in any_frame(), at in any::<prop::sample::Index>(), keep in 8..53_usize) {
        let cut = a_record(&text, at);
        let error = refused(&with_line(&text, cut, |line| Some(line[..keep].to_string())));
        prop_assert_eq!(error.line, cut);
        prop_assert!(error.message.contains("expected `LEAF SUBLEAF: EAX EBX ECX EDX`"), "{}", error);
        // A vCPU with too few lines does not hide it.
        let first = 3;
        if cut > first + 1 {
            let both = with_line(&text, cut, |line| Some(line[..keep].to_string()));
            prop_assert_eq!(refused(&with_line(&both, first, |_| None)).line, cut - 1);
        }
    }

    #[test]
    fn a_line_garbled_at_its_beginning_is_missed_at_its_vcpu(text in any_frame(), at in any::<prop::sample::Index>()) {
        let garbled = a_record(&text, at);
        let error = refused(&with_line(&text, garbled, |line| Some(format!("[ 1.23]{line}"))));
        prop_assert_eq!(error.line, header_of(&text, garbled));
    }

    #[test]
    fn a_changed_digit_is_refused(text in any_frame(), at in any::<prop::sample::Index>(), digit in 0..54_usize) {
        let changed = a_record(&text, at);
        let swap = |line: &str| {
            let was = line.as_bytes()[digit];
            let now = if was == b'0' { b'1' } else { b'0' };
            was.is_ascii_hexdigit().then(|| format!("{}{}{}", &line[..digit], now as char, &line[digit + 1..]))
        };
        let text = with_line(&text, changed, |line| swap(line).or_else(|| Some(line.replace(':', ""))));
        let error = refused(&text);
        let end = text.lines().count();
        // In the place it may name another line's, which is then the second one.
        let twice = error.message.starts_with("this leaf came before");
        prop_assert!([end, changed].contains(&error.line) || digit < 17 && twice, "{}", error);
    }
}

const GOOD: &str = "\
cpuid-dump/1 begin vcpus=2 source=boot
vcpu 0 lines=4
00000000 00000000: 00000001 756e6547 6c65746e 49656e69
00000001 00000000: 000306c1 00000800 00000000 00000000
msr 0000010a: 00000000 0d89fd6b
gap 0000000b 00000040: cap
vcpu 1 lines=3
00000000 00000000: 00000001 756e6547 6c65746e 49656e69
00000001 00000000: 000306c1 01000800 00000000 00000000
msr 0000010a: fault
cpuid-dump/1 end lines=9 crc32=68871eb9
";

#[test]
fn the_text_form_is_the_documented_one() {
    let dump = read_frame(GOOD).unwrap();
    assert_eq!(frame(&dump), GOOD);
    assert_eq!(dump.vcpus[0].msr(0x10a), Some(Some(0x0d89_fd6b)));
    assert_eq!(dump.vcpus[1].msr(0x10a), Some(None));
    assert_eq!(dump.vcpus[0].gaps, [Gap { id: LeafId::new(0xb, 0x40), reason: GapReason::Cap }]);
}

#[test]
fn each_kind_of_damage_has_its_line_and_its_words() {
    let replaced = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        refused(&GOOD.replacen(from, to, 1)).to_string()
    };
    let cases = [
        (replaced("vcpus=2", "vcpus=3"), "line 11: the frame announces vcpus=3 and has 2"),
        (replaced("vcpus=2", "vcpus=x"), "line 1: expected `cpuid-dump/1 begin vcpus=N source=WORD`"),
        (replaced("source=boot", "source=x"), "line 1: expected `source=` native, kvm, boot or import"),
        (replaced("vcpu 1 lines=3", "vcpu 1"), "line 7: expected `vcpu N lines=COUNT`; found `vcpu 1`"),
        (replaced("vcpu 1 lines=3", "vcpu 0 lines=3"), "line 7: this vCPU came before"),
        (replaced("vcpu 0 lines=4\n", ""), "line 2: expected `vcpu N lines=COUNT` before the first register line"),
        (replaced("msr 0000010a: 00000000 0d89fd6b", "msr 10a: 0"), "line 5: expected `msr INDEX: HIGH LOW`"),
        (replaced(": cap", ": oops"), "line 6: expected `gap LEAF SUBLEAF: REASON`"),
        (replaced("00000001 00000000: 000306c1 00000800", "00000000 00000000: 1 2"), "line 4: expected `LEAF SUBLEAF"),
        (
            replaced("00000001 00000000: 000306c1 00000800", "00000000 00000000: 000306c1 00000800"),
            "line 4: this leaf came before with other values",
        ),
        (
            replaced("00000001 00000000: 000306c1 00000800 00000000 00000000\n", ""),
            "line 2: vcpu 0 announces 4 lines and has 3; next would have been leaf 00000001 subleaf 00000000",
        ),
        (replaced("lines=9", "lines=8"), "line 11: expected `lines=9` at the frame's end"),
        (replaced("crc32=", "crc32=0"), "line 11: the lines do not add up to the crc32"),
        (refused(&GOOD[..GOOD.find("msr").unwrap()]).to_string(), "line 2: vcpu 0 announces 4 lines and has 2"),
        (
            refused(&GOOD[..GOOD.rfind("cpuid-dump").unwrap()]).to_string(),
            "line 10: the dump that began in line 1 has no `cpuid-dump/1 end` line",
        ),
        (refused("").to_string(), "line 1: no `cpuid-dump/1 begin` line"),
    ];
    for (error, expected) in cases {
        assert!(error.starts_with(expected), "{error}\nexpected: {expected}");
    }
}

#[test]
fn json_that_is_not_a_dump_is_refused_with_its_place() {
    let mut dump = Dump::new(Source::Native);
    dump.vcpus = read_frame(GOOD).unwrap().vcpus;
    let good = json::to_string(&dump);
    let replaced = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        json::from_str(&good.replacen(from, to, 1)).expect_err(to).to_string()
    };
    let cases = [
        (replaced("cpuid-dump/1", "cpuid-dump/2"), "schema `cpuid-dump/2`, expected `cpuid-dump/1`"),
        (replaced("\"vcpu\": 1", "\"vcpu\": 0"), "vcpu 0 comes twice"),
        (replaced("\"native\"", "\"magic\""), "source `magic`, expected native, kvm, boot or import"),
        (replaced("\"cap\"", "\"oops\""), "reason `oops`, expected cap, unreachable, fault or end"),
        (replaced("0x000306c1", "306c1"), "number `306c1`, expected `0x` and up to 8 hex digits"),
        (replaced("0x000306c1", "0x1000306c1"), "number `0x1000306c1`, expected `0x` and up to 8 hex digits"),
        (replaced("\"eax\"", "\"rax\""), "unknown field `rax`"),
        (
            replaced("\"leaf\":\"0x00000001\"", "\"leaf\":\"0x00000000\""),
            "leaf 0x00000000 comes twice with different values",
        ),
        (replaced("\"msrs\"", "\"mrss\""), "unknown field `mrss`"),
        (json::from_str(&good[..good.len() / 2]).expect_err("cut").to_string(), "EOF while parsing"),
        (json::from_str("").expect_err("empty").to_string(), "EOF while parsing"),
    ];
    for (error, expected) in cases {
        assert!(error.contains(expected) && error.contains(" line "), "{error}\nexpected: {expected}");
    }
    // `complete` is computed, whatever the file says; what is new in the provenance is kept.
    let grown = good.replacen("\"complete\": false", "\"complete\": true", 1).replacen(
        "\"label\"",
        "\"new\": [1], \"label\"",
        1,
    );
    let read = json::from_str(&grown).unwrap();
    assert!(!read.is_complete());
    assert_eq!(read.provenance.other, [("new".to_string(), "[1]".to_string())]);
}
