//! `compare` on the reference case and on hand-made dumps.

use cpuid_diff::assemble::{self, Named, Site};
use cpuid_diff::finding::{Change, Finding};
use cpuid_diff::judge::rule::Directions;
use cpuid_diff::judge::verdict::{FailOn, passes};
use cpuid_diff::knowledge::Severity;
use cpuid_diff::read::{self, Input};
use cpuid_diff::report::{Coverage, Direction, Overall, Report};
use cpuid_probe::dump::{Dump, MsrRecord, Source, VcpuDump};
use cpuid_probe::{LeafId, Registers};

const NODE1: &str = "00000001 00000000: 000306c1 0f000800 fffa3223 0f8bfbff\n";
const NODE2: &str = "00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff\n";

fn dump(text: &str) -> Dump {
    match read::read(text.as_bytes(), None).expect("readable") {
        Input::Dump(dump) => *dump,
        other => panic!("expected a dump, got {other:?}"),
    }
}

fn compare(a: &Dump, b: &Dump) -> Report {
    let named = |name: &str, dump: &Dump| Named { name: name.to_string(), dump: dump.clone() };
    assemble::report(&named("a", a), &named("b", b), Directions::Both, None, &Site::default())
}

fn find<'a>(report: &'a Report, id: &str) -> &'a Finding {
    report
        .findings
        .iter()
        .find(|f| f.id() == id)
        .unwrap_or_else(|| panic!("no {id} in {:?}", report.findings.iter().map(Finding::id).collect::<Vec<_>>()))
}

fn above_expected(report: &Report) -> Vec<String> {
    report.findings.iter().filter(|f| f.severity < Severity::Expected).map(Finding::id).collect()
}

/// A Haswell-like guest with `n` vCPUs, hand-made and complete.
fn guest(n: u32) -> Dump {
    let mut dump = Dump::new(Source::Native);
    for i in 0..n {
        let mut source = |leaf: u32, subleaf: u32| {
            Some(match (leaf, subleaf) {
                (0, _) => Registers::new(0xb, 0x756e_6547, 0x6c65_746e, 0x4965_6e69),
                (1, _) => Registers::new(0x306c1, i << 24 | n << 16 | 0x800, 0xfffa_3223, 0x0f8b_fbff),
                (7, 0) => Registers::new(0, 0x7a9, 0, 0),
                (0xb, 0) => Registers::new(0, 1, 0x100, i),
                (0xb, 1) => Registers::new(4, n, 0x201, i),
                (0xb, n) => Registers::new(0, 0, n & 0xff, i),
                (0x4000_0000, _) => Registers::new(0x4000_0001, 0x4b4d_564b, 0x564b_4d56, 0x4d),
                (0x4000_0001, _) => Registers::new(0x0100_7efb, 0, 0, 0),
                (0x8000_0000, _) => Registers::new(0x8000_0001, 0, 0, 0),
                (0x8000_0001, _) => Registers::new(0, 0, 0x21, 0x2c10_0800),
                _ => Registers::ZERO,
            })
        };
        dump.vcpus.push(VcpuDump::capture(i, &mut source));
    }
    dump.provenance.vcpus_online = Some(n);
    dump
}

/// `dump` with one register set replaced on every vCPU.
fn with(dump: &Dump, leaf: u32, subleaf: u32, change: impl Fn(Registers) -> Registers) -> Dump {
    let mut changed = dump.clone();
    for v in &mut changed.vcpus {
        let mut other = VcpuDump::new(v.vcpu);
        for record in v.leaves() {
            let mut record = *record;
            if record.id == LeafId::new(leaf, subleaf) {
                record.registers = change(record.registers);
            }
            other.insert(record).expect("each place once");
        }
        *v = other;
    }
    changed
}

#[test]
fn the_reference_case_is_one_way_for_ds_and_dtes64() {
    let report = compare(&dump(NODE1), &dump(NODE2));
    assert_eq!(above_expected(&report), ["0x00000001:ecx:2", "0x00000001:edx:21"]);
    for (id, name) in [("0x00000001:ecx:2", "dtes64"), ("0x00000001:edx:21", "ds")] {
        let f = find(&report, id);
        assert_eq!(f.name.as_deref(), Some(name));
        assert_eq!([f.a_to_b, f.b_to_a].map(|j| j.map(|j| j.change)), [Some(Change::Gained), Some(Change::Lost)]);
        assert_eq!((f.severity_a_to_b(), f.severity_b_to_a()), (Some(Severity::Warning), Some(Severity::Unsafe)));
        assert_eq!((f.values.a.text().as_deref(), f.values.b.text().as_deref()), (Some("0"), Some("1")));
    }
    let apic = find(&report, "0x00000001:ebx:31:24");
    assert_eq!((apic.severity, apic.rule.word()), (Severity::Expected, "per-vcpu"));
    assert_eq!((apic.values.a.text().as_deref(), apic.values.b.text().as_deref()), (Some("0xf"), Some("0x0")));
    assert_eq!(report.verdict.overall, Some(Overall::OneWay));
    assert_eq!((report.verdict.a_to_b, report.verdict.b_to_a), (Some(Direction::Review), Some(Direction::Unsafe)));
    assert!(!passes(&report, FailOn::Warning, true));
    assert!(!passes(&report, FailOn::Unsafe, true));
}

#[test]
fn the_same_lines_pasted_as_a_diff_give_the_same_findings() {
    let pasted = format!("--- node1\n+++ node2\n@@ -1 +1 @@\n-{NODE1}+{NODE2}");
    let Input::Pair(pair) = read::read(pasted.as_bytes(), None).expect("readable") else { panic!("expected a pair") };
    let from_diff = compare(&pair[0], &pair[1]);
    assert_eq!(from_diff.findings, compare(&dump(NODE1), &dump(NODE2)).findings);
}

#[test]
fn the_timing_leaf_is_a_warning_with_both_rates_and_their_distance() {
    let a = dump("40000010 00000000: 0027ac40 000f4240 00000000 00000000\n");
    let b = dump("40000010 00000000: 0027ac3d 000f4240 00000000 00000000\n");
    let report = compare(&a, &b);
    assert_eq!(above_expected(&report), ["0x40000010:eax:31:0"]);
    let f = find(&report, "0x40000010:eax:31:0");
    assert_eq!((f.rule.word(), f.severity), ("host-clock", Severity::Warning));
    let json: serde_json::Value =
        serde_json::from_str(&cpuid_diff::wire::pretty(&report).expect("JSON")).expect("JSON");
    let decoded = json["findings"][0]["decoded"].to_string();
    for part in ["2600000", "2599997", "1.2"] {
        assert!(decoded.contains(part), "{decoded}");
    }
    assert_eq!(report.verdict.overall, Some(Overall::Review));
    assert!(!passes(&report, FailOn::Warning, true));
    assert!(passes(&report, FailOn::Unsafe, true));
}

#[test]
fn a_clock_more_than_250_ppm_off_or_gone_is_unsafe() {
    let a = dump("40000010 00000000: 0027ac40 000f4240 00000000 00000000\n");
    for other in ["0027a000", "00000000"] {
        let b = dump(&format!("40000010 00000000: {other} 000f4240 00000000 00000000\n"));
        assert_eq!(find(&compare(&a, &b), "0x40000010:eax:31:0").severity, Severity::Unsafe, "{other}");
    }
}

#[test]
fn a_full_dump_is_identical_to_itself() {
    let report = compare(&guest(4), &guest(4));
    assert_eq!(report.findings, []);
    assert_eq!(report.verdict.overall, Some(Overall::Identical));
    assert_eq!(report.verdict.coverage, Coverage::Full);
    assert!(passes(&report, FailOn::Any, false));
}

#[test]
fn one_line_with_itself_is_no_verdict() {
    let report = compare(&dump(NODE1), &dump(NODE1));
    assert_eq!(report.verdict.coverage, Coverage::Partial);
    assert_eq!(report.compared, 1);
    assert!(!passes(&report, FailOn::Warning, false));
    assert!(passes(&report, FailOn::Warning, true));
}

#[test]
fn captures_on_different_vcpus_of_one_guest_agree() {
    let (mut first, mut last) = (guest(4), guest(4));
    first.vcpus.truncate(1);
    last.vcpus.drain(..3);
    let report = compare(&first, &last);
    assert_eq!(above_expected(&report), [""; 0]);
    assert_eq!(report.verdict.overall, Some(Overall::Identical));
    assert!(passes(&report, FailOn::Any, false), "{:?}", report.not_captured);
}

#[test]
fn numbering_vcpus_differently_is_expected_and_other_ids_are_unsafe() {
    let a = guest(4);
    let mut shuffled = a.clone();
    shuffled.vcpus.rotate_left(1);
    for (i, v) in shuffled.vcpus.iter_mut().enumerate() {
        v.vcpu = i as u32;
    }
    assert_eq!(compare(&a, &shuffled).verdict.overall, Some(Overall::Identical));
    let legacy = with(&a, 1, 0, |r| Registers { ebx: r.ebx << 1 & 0xff00_0000 | r.ebx & 0xff_ffff, ..r });
    let sparse = with(&legacy, 0xb, 0, |r| Registers { edx: r.edx << 1, ..r });
    let report = compare(&a, &sparse);
    assert_eq!(find(&report, "0x0000000b.0x00000000:edx:31:0").severity, Severity::Unsafe);
    assert_eq!(report.verdict.overall, Some(Overall::Incompatible));
}

#[test]
fn different_vcpu_counts_are_one_finding_and_ids_are_not_compared() {
    let report = compare(&guest(4), &guest(2));
    assert_eq!(find(&report, "vcpu-count").severity, Severity::Warning);
    assert_eq!(find(&report, "0x00000001:ebx:31:24").severity, Severity::Expected);
    assert_eq!(report.findings.iter().filter(|f| f.severity == Severity::Unsafe).count(), 0);
}

#[test]
fn a_duplicate_apic_id_warns_of_that_input() {
    let mut unpinned = guest(2);
    unpinned.vcpus[1] = unpinned.vcpus[0].clone();
    unpinned.vcpus[1].vcpu = 1;
    let report = compare(&guest(2), &unpinned);
    let warned = report.findings.iter().any(|f| f.input == Some(1) && f.severity == Severity::Warning);
    assert!(warned, "{:?}", report.findings);
}

#[test]
fn vcpus_that_disagree_warn_of_that_input() {
    let mut odd = guest(2);
    odd.vcpus[1] = with(&odd, 7, 0, |r| Registers { ebx: r.ebx & !(1 << 5), ..r }).vcpus[1].clone();
    let report = compare(&odd, &odd);
    let f = find(&report, "0x00000007.0x00000000:ebx:5");
    assert_eq!((f.input, f.rule.word(), f.severity), (Some(0), "same-on-every-vcpu", Severity::Warning));
}

#[test]
fn an_unknown_bit_is_judged_as_a_feature_and_several_as_a_number() {
    let a = guest(1);
    let b = with(&a, 7, 0, |r| Registers { ecx: r.ecx ^ 1 << 26, ..r });
    let report = compare(&a, &b);
    let f = &report.findings[0];
    assert_eq!((f.severity_a_to_b(), f.severity_b_to_a()), (Some(Severity::Warning), Some(Severity::Unsafe)));
    let b = with(&a, 7, 0, |r| Registers { ecx: r.ecx ^ (1 << 26 | 1 << 15), ..r });
    let report = compare(&a, &b);
    assert_eq!(report.findings.len(), 2);
    for f in &report.findings {
        assert_eq!((f.severity_a_to_b(), f.severity_b_to_a()), (Some(Severity::Unsafe), Some(Severity::Unsafe)));
    }
}

/// Hyper-V at 0x40000000 and KVM at 0x40000100: what QEMU shows with hv-* enlightenments.
fn with_hyperv(dump: &Dump) -> Dump {
    let mut changed = dump.clone();
    for v in &mut changed.vcpus {
        let recorded = v.clone();
        let mut source = |leaf: u32, subleaf: u32| {
            Some(match leaf {
                0x4000_0000 => Registers::new(0x4000_0005, 0x7263_694d, 0x666f_736f, 0x7648_2074),
                0x4000_0001 => Registers::new(0x3123_7648, 0, 0, 0),
                0x4000_0003 => Registers::new(0x60, 0, 0, 0x8),
                0x4000_0002 | 0x4000_0004..=0x4000_0005 => Registers::ZERO,
                0x4000_0100 => Registers::new(0x4000_0101, 0x4b4d_564b, 0x564b_4d56, 0x4d),
                0x4000_0101 => recorded.get(LeafId::new(0x4000_0001, 0))?,
                _ => recorded.get(LeafId::new(leaf, subleaf)).unwrap_or_default(),
            })
        };
        *v = VcpuDump::capture(v.vcpu, &mut source);
    }
    changed
}

#[test]
fn a_block_that_moved_is_found_and_its_leaves_are_matched_by_signature() {
    let (plain, moved) = (guest(1), with_hyperv(&guest(1)));
    let report = compare(&plain, &moved);
    let kvm = find(&report, "block:KVMKVMKVM");
    assert_eq!(
        (kvm.values.a.text().as_deref(), kvm.values.b.text().as_deref()),
        (Some("0x40000000"), Some("0x40000100"))
    );
    assert_eq!((kvm.severity, kvm.rule.word()), (Severity::Unsafe, "identity"));
    assert_eq!(find(&report, "block:Microsoft Hv").values.a.text().as_deref(), Some("absent"));
    // The KVM leaves themselves agree: nothing of that block is a finding.
    let of_kvm: Vec<_> = report
        .findings
        .iter()
        .filter(|f| f.place().and_then(|p| p.signature()).is_some_and(|s| s.to_string() == "KVMKVMKVM"))
        .collect();
    assert_eq!(of_kvm.len(), 1, "{of_kvm:?}");
    // The same two blocks on both sides: nothing at all.
    assert_eq!(compare(&moved, &moved).findings, []);
}

#[test]
fn aliases_above_the_maximum_are_listed_and_what_differs_is_said() {
    let a = guest(1);
    let alias = |text: &str| {
        let lines = cpuid_diff::assemble::canonical(&a);
        dump(&format!("{lines}c0000000 00000000: {text}\n"))
    };
    let report = compare(&alias("00000001 00000002 00000003 00000004"), &alias("00000005 00000006 00000007 00000008"));
    assert_eq!(above_expected(&report), ["0xc0000000"]);
    let alias = find(&report, "0xc0000000");
    assert_eq!((alias.rule.word(), alias.severity), ("over-enumerated", Severity::Info));
}

#[test]
fn a_missing_terminator_is_expected() {
    let a = guest(1);
    let lines = cpuid_diff::assemble::canonical(&a);
    let cut: String = lines.lines().filter(|l| !l.starts_with("0000000b 00000002")).map(|l| format!("{l}\n")).collect();
    let report = compare(&dump(&lines), &dump(&cut));
    assert_eq!(find(&report, "0x0000000b.0x00000002").severity, Severity::Expected);
    assert_eq!(above_expected(&report), [""; 0]);
}

#[test]
fn what_one_side_does_not_hold_is_not_captured_rather_than_zero() {
    let a = guest(1);
    let lines = cpuid_diff::assemble::canonical(&a);
    let cut: String = lines.lines().filter(|l| !l.starts_with("00000007")).map(|l| format!("{l}\n")).collect();
    let report = compare(&dump(&lines), &dump(&cut));
    assert_eq!(report.findings, []);
    assert_eq!(report.verdict.coverage, Coverage::Partial);
    let missing = &report.not_captured[0];
    assert_eq!((missing.input, missing.place.leaf().map(|id| id.leaf)), (1, Some(7)));
    assert!(!passes(&report, FailOn::Warning, false));
}

#[test]
fn one_direction_alone_leaves_the_other_null() {
    let named = |text: &str| Named { name: "x".to_string(), dump: dump(text) };
    let report = assemble::report(&named(NODE1), &named(NODE2), Directions::AToB, None, &Site::default());
    assert_eq!((report.verdict.a_to_b, report.verdict.b_to_a), (Some(Direction::Review), None));
    assert_eq!(report.verdict.overall, Some(Overall::Review));
    assert_eq!(find(&report, "0x00000001:edx:21").severity, Severity::Warning);
}

/// `dump` with feature MSRs: (vCPU, index, value).
fn with_msrs(dump: &Dump, msrs: &[(usize, u32, Option<u64>)]) -> Dump {
    let mut changed = dump.clone();
    for (vcpu, index, value) in msrs {
        changed.vcpus[*vcpu].insert_msr(MsrRecord { index: *index, value: *value }).expect("each MSR once");
    }
    changed
}

/// A guest without VMX whose CPUID announces IA32_ARCH_CAPABILITIES and IA32_PERF_CAPABILITIES.
fn announcing(n: u32) -> Dump {
    let perf = with(&guest(n), 1, 0, |r| Registers { ecx: r.ecx & !(1 << 5) | 1 << 15, ..r });
    with(&perf, 7, 0, |r| Registers { edx: r.edx | 1 << 29, ..r })
}

#[test]
fn an_msr_that_both_hold_is_compared_though_another_was_not_read() {
    let a = with_msrs(&announcing(1), &[(0, 0x10a, Some(1))]);
    let b = with_msrs(&announcing(1), &[(0, 0x10a, Some(0))]);
    let report = compare(&a, &b);
    assert_eq!(find(&report, "msr:0x0000010a:0").severity, Severity::Unsafe);
    assert!(!report.verdict.msrs);
}

#[test]
fn an_msr_that_faulted_or_was_read_on_one_side_is_not_captured() {
    let (none, read) = (announcing(1), with_msrs(&announcing(1), &[(0, 0x10a, Some(1)), (0, 0x345, Some(0))]));
    let faulted = with_msrs(&announcing(1), &[(0, 0x10a, None), (0, 0x345, Some(0))]);
    for other in [&none, &faulted] {
        let report = compare(other, &read);
        assert!(!report.verdict.msrs);
        let place = report.not_captured.iter().find(|n| n.place.msr_index() == Some(0x10a)).expect("listed");
        assert_eq!(place.input, 0);
    }
    assert!(compare(&read, &read).verdict.msrs);
    // Where CPUID announces none, none is missing: what the other side has is lost or gained.
    let report = compare(&read, &guest(1));
    assert_eq!(find(&report, "msr:0x0000010a:0").values.b.text().as_deref(), Some("absent"));
}

#[test]
fn msrs_that_disagree_across_vcpus_warn_of_that_input() {
    let odd = with_msrs(&announcing(2), &[(0, 0x10a, Some(0)), (1, 0x10a, Some(1))]);
    let f = compare(&odd, &odd);
    assert_eq!((find(&f, "msr:0x0000010a:0").input, f.verdict.overall), (Some(0), Some(Overall::Review)));
}

#[test]
fn nothing_compared_never_passes() {
    let leaf7 = "00000007 00000000: 00000000 000007a9 00000000 00000000\n";
    let report = compare(&dump(NODE1), &dump(leaf7));
    assert_eq!(report.compared, 0);
    assert!(!passes(&report, FailOn::Unsafe, true));
}

#[test]
fn an_excerpt_without_leaf_1_says_nothing_of_other_ranges() {
    let full = cpuid_diff::assemble::canonical(&guest(1));
    let lines: String = full
        .lines()
        .filter(|l| l.starts_with("00000000") || l.starts_with("00000007"))
        .map(|l| format!("{l}\n"))
        .collect();
    let report = compare(&dump(&full), &dump(&lines));
    assert_eq!(report.findings, []);
    assert_eq!(report.compared, 2);
}

#[test]
fn a_block_far_above_the_first_is_compared_too() {
    let far = |feature: &str| {
        let lines = cpuid_diff::assemble::canonical(&guest(1));
        let head = "40001000 00000000: 40001001 54474354 43544743 47435447\n";
        dump(&format!("{lines}{head}40001001 00000000: {feature} 00000000 00000000 00000000\n"))
    };
    let report = compare(&far("00000001"), &far("00000000"));
    assert_eq!(find(&report, "0x40001001:eax:0").severity, Severity::Unsafe);
}

/// A register set at another subleaf of a head, which over-enumerating tools write, must not hide the block of the other
/// dump (found by fuzzing).
#[test]
fn a_subleaf_of_a_head_is_no_second_block() {
    let block = |signature: &str, feature: &str| {
        let lines = cpuid_diff::assemble::canonical(&guest(1));
        let head = format!("40000200 00000000: 40000201 {signature} {signature} {signature}\n");
        let more = format!("40000200 00000002: 40000201 00000000 00000001 00000002\n40000201 00000000: {feature}\n");
        dump(&format!("{lines}{head}{more}"))
    };
    let (a, b) = (
        block("00000000", "00000001 00000000 00000000 00000000"),
        block("41414141", "00000001 00000000 00000000 00000000"),
    );
    for report in [compare(&a, &b), compare(&b, &a)] {
        for block in ["block:", "block:AAAAAAAAAAAA"] {
            assert_eq!(find(&report, block).severity, Severity::Unsafe);
        }
        let heads = report.findings.iter().filter(|f| f.id().starts_with("0x40000200:"));
        assert!(
            heads.filter(|f| f.values.a.text().as_deref() == Some("absent")).count() > 0,
            "the second dump's block"
        );
    }
}

/// A head that names no last leaf: EAX 0, as only KVM's is documented to be.
#[test]
fn a_block_without_an_end_is_compared_all_the_same() {
    let unsaid = |signature: [u32; 3], leaf1: u32| {
        let head = with(&guest(1), 0x4000_0000, 0, |_| Registers::new(0, signature[0], signature[1], signature[2]));
        with(&head, 0x4000_0001, 0, |r| Registers { eax: leaf1, ..r })
    };
    let tcg = [0x5447_4354, 0x4354_4743, 0x4743_5447];
    let vmware = [0x6177_4d56, 0x4d56_6572, 0x6572_6177];
    assert_eq!(compare(&unsaid(tcg, 1), &unsaid(tcg, 1)).findings, []);
    // Another hypervisor, and another value in a leaf that the head does not rule out.
    let report = compare(&unsaid(tcg, 1), &unsaid(vmware, 1));
    assert_eq!(find(&report, "block:TCGTCGTCGTCG").severity, Severity::Unsafe);
    assert_eq!(find(&report, "block:VMwareVMware").severity, Severity::Unsafe);
    assert_eq!(find(&compare(&unsaid(tcg, 1), &unsaid(tcg, 0)), "0x40000001:eax:0").severity, Severity::Unsafe);
    // KVM's 0 means one leaf more; that the number itself differs is said.
    let kvm = [0x4b4d_564b, 0x564b_4d56, 0x4d];
    let report = compare(&guest(1), &unsaid(kvm, 0x0100_7efb));
    assert_eq!(above_expected(&report), ["0x40000000:eax:31:0"]);
}

/// 0x8000001E while TOPOEXT is off: QEMU fills it in, no software reads it.
#[test]
fn ids_of_a_closed_leaf_are_expected_and_other_ids_there_are_harmless() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/epyc-4-vcpus.json"));
    let all = cpuid_probe::json::from_str(&text.expect("the sample")).expect("a dump");
    let only = |n: usize| {
        let mut one = all.clone();
        one.vcpus = vec![all.vcpus[n].clone()];
        one
    };
    let report = compare(&only(0), &only(3));
    let id = find(&report, "0x8000001e:eax:31:0");
    assert_eq!((id.severity, id.rule.word()), (Severity::Expected, "per-vcpu"));
    assert_eq!(report.verdict.overall, Some(Overall::Identical), "{:?}", above_expected(&report));
    // All vCPUs are there and show other ids: no software reads them, so that is harmless, but it is not expected.
    let other = with(&all, 0x8000_001e, 0, |r| Registers { eax: r.eax + 16, ..r });
    let report = compare(&all, &other);
    assert_eq!(above_expected(&report), ["0x8000001e:eax:31:0"; 4], "one for each vCPU, as the values differ");
    assert_eq!(find(&report, "0x8000001e:eax:31:0").severity, Severity::Info);
    // With TOPOEXT on they are ids like any other.
    let on = |dump: &Dump| with(dump, 0x8000_0001, 0, |r| Registers { ecx: r.ecx | 1 << 22, ..r });
    assert_eq!(find(&compare(&on(&all), &on(&other)), "0x8000001e:eax:31:0").severity, Severity::Unsafe);
}

#[test]
fn what_emulation_lacks_is_not_laid_at_kvms_door() {
    let tcg =
        |dump: &Dump| with(dump, 0x4000_0000, 0, |r| Registers::new(r.eax, 0x5447_4354, 0x4354_4743, 0x4743_5447));
    let (has, lacks) = (guest(1), with(&guest(1), 7, 0, |r| Registers { ebx: r.ebx & !(1 << 5), ..r }));
    let avx2 = |a: &Dump, b: &Dump| {
        let report = compare(a, b);
        let f = find(&report, "0x00000007.0x00000000:ebx:5");
        (f.severity, f.cause.clone().unwrap_or_default(), f.remedy.clone().unwrap_or_default())
    };
    let (severity, cause, remedy) = avx2(&has, &lacks);
    assert!(cause.contains("KVM") && !cause.contains("TCG) takes nothing"), "{cause}");
    let (emulated, tcg_cause, tcg_remedy) = avx2(&tcg(&has), &tcg(&lacks));
    assert_eq!(emulated, severity);
    assert!(tcg_cause.contains("TCG) takes nothing") && !tcg_cause.contains("KVM offers"), "{tcg_cause}");
    assert!(tcg_remedy.contains("name='avx2'") && remedy.contains("name='avx2'"), "{tcg_remedy}");
    let (_, cause, remedy) = avx2(&tcg(&has), &lacks);
    assert!(cause.starts_with("One guest is emulated") && remedy.contains("same accelerator"), "{cause} {remedy}");
}

#[test]
fn a_place_that_the_source_does_not_have_is_gained() {
    let a = with(&guest(1), 0, 0, |r| Registers { eax: 0xd, ..r });
    let state = |xcr0: &str, component: &str| {
        let lines = cpuid_diff::assemble::canonical(&a);
        let (basic, rest) = lines.split_at(lines.find("40000000").expect("a hypervisor"));
        dump(&format!(
            "{basic}0000000c 00000000: 00000000 00000000 00000000 00000000\n\
             0000000d 00000000: {xcr0} 00000340 00000a88 00000000\n\
             0000000d 00000001: 00000000 00000000 00000000 00000000\n\
             0000000d 00000002: 00000100 00000240 00000000 00000000\n{component}{rest}"
        ))
    };
    let (without, with) =
        (state("00000007", ""), state("00000207", "0000000d 00000009: 00000008 00000a80 00000000 00000000\n"));
    let report = compare(&without, &with);
    assert_eq!(report.verdict.overall, Some(Overall::OneWay), "{:?}", above_expected(&report));
    assert_eq!(find(&report, "0x0000000d.0x00000009:ebx:31:0").severity_a_to_b(), Some(Severity::Warning));
}

#[test]
fn per_vcpu_findings_show_the_pair_that_differs() {
    let a = guest(4);
    let mut b = a.clone();
    b.vcpus[3] =
        with(&with(&a, 0xb, 0, |r| Registers { edx: 7, ..r }), 1, 0, |r| Registers { ebx: r.ebx | 7 << 24, ..r }).vcpus
            [3]
        .clone();
    let report = compare(&a, &b);
    let f = find(&report, "0x0000000b.0x00000000:edx:31:0");
    assert_eq!(
        (f.values.a.text().as_deref(), f.values.b.text().as_deref(), &f.vcpus[..]),
        (Some("0x3"), Some("0x7"), &[3][..])
    );
    assert_eq!(f.severity, Severity::Unsafe);
}

/// `dump` as another tool's file.
fn imported(dump: &Dump) -> Dump {
    let mut dump = dump.clone();
    dump.provenance.source = Source::Import;
    dump
}

#[test]
fn invtsc_asks_for_a_pin_where_qemu_may_have_made_the_guest() {
    let with_invtsc = |dump: &Dump| {
        let mut changed = dump.clone();
        for v in &mut changed.vcpus {
            let recorded = v.clone();
            let mut source = |leaf: u32, subleaf: u32| {
                Some(match leaf {
                    0x8000_0000 => Registers::new(0x8000_0007, 0, 0, 0),
                    0x8000_0007 => Registers::new(0, 0, 0, 1 << 8),
                    _ => recorded.get(LeafId::new(leaf, subleaf)).unwrap_or_default(),
                })
            };
            *v = VcpuDump::capture(v.vcpu, &mut source);
        }
        changed
    };
    let asks = |dump: &Dump| above_expected(&compare(dump, dump)).contains(&"tsc-frequency".to_string());
    let native = with_invtsc(&guest(1));
    assert!(asks(&native));
    assert!(!asks(&guest(1)));
    // KVM's block ends at 0x40000001: a guest of QEMU with invtsc has its frequencies at 0x40000010.
    assert!(!asks(&imported(&native)));
    // But for one whose CPU says that it is one of QEMU's models: there they were hidden.
    let named = |brand: &[u8; 48]| {
        let mut changed = native.clone();
        for v in &mut changed.vcpus {
            let recorded = v.clone();
            let mut source = |leaf: u32, subleaf: u32| {
                let word = |at: usize| u32::from_le_bytes(brand[at..at + 4].try_into().expect("four"));
                Some(match leaf {
                    0x8000_0002..=0x8000_0004 => {
                        let at = (leaf - 0x8000_0002) as usize * 16;
                        Registers::new(word(at), word(at + 4), word(at + 8), word(at + 12))
                    }
                    _ => recorded.get(LeafId::new(leaf, subleaf)).unwrap_or_default(),
                })
            };
            *v = VcpuDump::capture(v.vcpu, &mut source);
        }
        imported(&changed)
    };
    assert!(asks(&named(b"Intel Xeon Processor (Skylake, IBRS)\0\0\0\0\0\0\0\0\0\0\0\0")));
    assert!(!asks(&named(b"Intel(R) Xeon(R) Processor @ 2.90GHz\0\0\0\0\0\0\0\0\0\0\0\0")));
    let reaching = with(&native, 0x4000_0000, 0, |r| Registers { eax: 0x4000_0010, ..r });
    assert!(asks(&imported(&reaching)));
}

#[test]
fn remedies_fit_the_vendor_and_the_hypervisor() {
    let amd = |r: Registers| Registers::new(r.eax, 0x6874_7541, 0x444d_4163, 0x6974_6e65);
    let announcing = |dump: &Dump| with(dump, 7, 0, |r| Registers { edx: 1 << 29, ..r });
    let remedy = |dump: &Dump| {
        let report = compare(&announcing(dump), dump);
        find(&report, "0x00000007.0x00000000:edx:29").remedy.clone().unwrap().to_string()
    };
    let (intel, of_amd) = (remedy(&guest(1)), remedy(&with(&guest(1), 0, 0, amd)));
    assert!(intel.contains("require"), "{intel}");
    assert!(!of_amd.contains("require") && of_amd.contains("disable' name='arch-capabilities'"), "{of_amd}");
    // A Hyper-V bit without a name is none of a CPU model's.
    let hyperv = with_hyperv(&guest(1));
    let report = compare(&hyperv, &with(&hyperv, 0x4000_0003, 0, |r| Registers { eax: 0x40, ..r }));
    let remedy = find(&report, "0x40000003:eax:5").remedy.clone().unwrap().to_string();
    assert!(remedy.contains("<hyperv") && !remedy.contains("named model"), "{remedy}");
}
