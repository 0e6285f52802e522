//! The walker on hand-made CPUs: what it reads, where it stops, and that a dump replayed through it is the dump.

use std::collections::BTreeSet;

use crate::registers::{Beyond, Cpu, TextIn, any_cpu};
use cpuid_probe::coverage::{Coverage, Place};
use cpuid_probe::dump::{Gap, GapReason, Recorded, VcpuDump};
use cpuid_probe::{CpuidSource, LeafId, Registers};
use proptest::prelude::*;

/// An Intel CPU with basic leaves 0 to `last` (leaf n: four registers made of n), a hypervisor bit, and 0x80000000 to
/// 0x80000008.
fn intel(last: u32) -> Cpu {
    let mut cpu = Cpu::new(Beyond::HighestBasic).head(0, last, b"GenuineIntel", TextIn::EbxEdxEcx);
    for leaf in 1..=last {
        cpu.set(leaf, 0, [leaf << 8, 1, 0, 2]);
    }
    cpu.set(1, 0, [0x306c1, 0x800, 0xfffa_3223, 0x0f8b_fbff]);
    // Leaves whose subleaf 0 names further ones must not do so by accident.
    for leaf in [4, 7, 0xb, 0xd, 0xf, 0x10, 0x12, 0x14, 0x17, 0x18, 0x1b, 0x1d, 0x1e, 0x1f, 0x20, 0x23, 0x24] {
        if leaf <= last {
            cpu.set(leaf, 0, [0; 4]);
        }
    }
    for leaf in 0x8000_0001..=0x8000_0008 {
        cpu.set(leaf, 0, [leaf, 3, 4, 5]);
    }
    cpu.with(0x8000_0000, 0, [0x8000_0008, 0, 0, 0])
}

/// An AMD CPU with basic leaves to 0xd and extended ones to `last`; leaves out of range read as zeros.
fn amd(last: u32) -> Cpu {
    let mut cpu = intel(0xd).head(0, 0xd, b"AuthenticAMD", TextIn::EbxEdxEcx);
    cpu.beyond = Beyond::Zeros;
    for leaf in 0x8000_0001..=last {
        cpu.set(leaf, 0, [leaf, 0, 0, 0]);
    }
    cpu.with(0x8000_0000, 0, [last, 0x6874_7541, 0x444d_4163, 0x6974_6e65])
}

fn walked(mut cpu: Cpu) -> VcpuDump {
    let dump = VcpuDump::capture(0, &mut cpu);
    assert!(dump.leaves().is_sorted_by_key(|r| r.id));
    assert_eq!(VcpuDump::capture(0, &mut Recorded::new(&dump)), dump, "replayed");
    dump
}

fn subleaves(dump: &VcpuDump, leaf: u32) -> Vec<u32> {
    dump.leaves().iter().filter(|r| r.id.leaf == leaf).map(|r| r.id.ecx()).collect()
}

fn leaves_from(dump: &VcpuDump, first: u32) -> Vec<u32> {
    let mut leaves: Vec<u32> = dump.leaves().iter().map(|r| r.id.leaf).filter(|leaf| *leaf >= first).collect();
    leaves.dedup();
    leaves
}

#[test]
fn the_last_leaf_of_every_range_is_read() {
    let dump = walked(intel(0x16));
    assert_eq!(leaves_from(&dump, 0)[..0x17], (0..=0x16).collect::<Vec<_>>());
    assert_eq!(leaves_from(&dump, 0x8000_0000), (0x8000_0000..=0x8000_0008).collect::<Vec<_>>());
}

#[test]
fn leaf_18_is_read_to_its_last_subleaf_through_holes() {
    // EDX[4:0] = 0 marks a hole.
    let cpu = intel(0x18).with(0x18, 0, [4, 0, 0, 0]).with(0x18, 1, [0, 1, 1, 1]).with(0x18, 4, [0, 9, 9, 0x21]);
    assert_eq!(subleaves(&walked(cpu), 0x18), [0, 1, 2, 3, 4]);
}

#[test]
fn leaf_17_needs_at_least_three_subleaves_to_be_valid() {
    assert_eq!(subleaves(&walked(intel(0x18).with(0x17, 0, [2, 1, 1, 1])), 0x17), [0]);
    assert_eq!(subleaves(&walked(intel(0x18).with(0x17, 0, [3, 1, 1, 1])), 0x17), [0, 1, 2, 3]);
}

#[test]
fn xsave_components_behind_holes_are_read() {
    // XCR0: x87 SSE AVX, no MPX (3, 4), AVX-512 (5-7), PKRU (9), AMX (17, 18); IA32_XSS: PT (8), CET (11, 12); and
    // made-up components in the high halves. Bit 63 does not name a component.
    let cpu = intel(0xd)
        .with(0xd, 0, [0x602e7, 0x340, 0x2b00, 0x8000_0001])
        .with(0xd, 1, [0xf, 0x340, 0x1900, 0x2])
        .with(0xd, 9, [8, 0xa80, 0, 0]);
    assert_eq!(subleaves(&walked(cpu), 0xd), [0, 1, 2, 5, 6, 7, 8, 9, 11, 12, 17, 18, 32, 33]);
}

#[test]
fn the_number_in_leaf_23_is_a_mask() {
    let cpu = intel(0x23).with(0x23, 0, [0b10_1011, 0, 0, 0]);
    assert_eq!(subleaves(&walked(cpu), 0x23), [0, 1, 3, 5]);
}

#[test]
fn resource_maps_name_subleaves() {
    let cpu = intel(0x28)
        .with(0xf, 0, [0, 0, 0, 0b10])
        .with(0x10, 0, [0, 0b10_1110, 0, 0])
        .with(0x27, 0, [0, 0, 0, 0b1000])
        .with(0x28, 0, [0, 0b100, 0, 0]);
    let dump = walked(cpu);
    assert_eq!(subleaves(&dump, 0xf), [0, 1]);
    assert_eq!(subleaves(&dump, 0x10), [0, 1, 2, 3, 5]);
    assert_eq!(subleaves(&dump, 0x27), [0, 3]);
    assert_eq!(subleaves(&dump, 0x28), [0, 2]);
    let dump = walked(amd(0x8000_0026).with(0x8000_0020, 0, [0, 0b10_1110, 0, 0]));
    assert_eq!(subleaves(&dump, 0x8000_0020), [0, 1, 2, 3, 5]);
}

#[test]
fn lists_keep_the_subleaf_that_ends_them() {
    let cpu = intel(0x1f)
        .with(0x4, 0, [0x121, 1, 2, 3])
        .with(0x4, 1, [0x122, 1, 2, 3])
        .with(0x7, 0, [0, 1 << 2, 0, 1 << 18])
        .with(0xb, 0, [1, 2, 0x100, 7])
        .with(0xb, 1, [4, 16, 0x201, 7])
        .with(0xb, 2, [0, 0, 2, 7])
        .with(0x12, 0, [1, 0, 0, 0])
        .with(0x12, 1, [0, 0, 0, 0])
        .with(0x12, 2, [0x1001, 0, 0, 0])
        .with(0x1b, 0, [1, 5, 6, 7])
        .with(0x1f, 0, [1, 2, 0x100, 7])
        .with(0x1f, 1, [4, 16, 0x601, 7])
        .with(0x1f, 2, [0, 0, 2, 7]);
    let dump = walked(cpu);
    for (leaf, expected) in [(0x4, 3), (0xb, 3), (0x12, 4), (0x1b, 2), (0x1f, 3)] {
        assert_eq!(subleaves(&dump, leaf), (0..expected).collect::<Vec<_>>(), "{leaf:x}");
    }
    // Even without any level the x2APIC id stays in EDX, so zero registers never end these lists.
    assert_eq!(dump.get(LeafId::new(0xb, 2)), Some(Registers::new(0, 0, 2, 7)));

    let cpu = amd(0x8000_0026)
        .with(0x8000_0001, 0, [0, 0, 1 << 22, 0])
        .with(0x8000_001d, 0, [0x121, 1, 2, 3])
        .with(0x8000_0026, 0, [1, 2, 0x100, 7])
        .with(0x8000_0026, 1, [0, 0, 1, 7]);
    let dump = walked(cpu);
    assert_eq!((subleaves(&dump, 0x8000_001d), subleaves(&dump, 0x8000_0026)), (vec![0, 1], vec![0, 1]));
}

#[test]
fn gated_lists_are_read_only_with_their_feature() {
    let filled = |open: bool| {
        let gates = if open { [0, 1 << 2 | 1 << 25, 0, 1 << 18] } else { [0; 4] };
        walked(intel(0x1b).with(0x7, 0, gates).with(0x12, 2, [1; 4]).with(0x14, 0, [1; 4]).with(0x1b, 0, [1; 4]))
    };
    let lengths = |dump: &VcpuDump| [0x12, 0x14, 0x1b].map(|leaf| subleaves(dump, leaf).len());
    assert_eq!(lengths(&filled(false)), [1, 1, 1]);
    assert_eq!(lengths(&filled(true)), [4, 2, 2]);
    // QEMU fills 0x8000001D although it does not announce it.
    assert_eq!(subleaves(&walked(amd(0x8000_001e).with(0x8000_001d, 0, [0x121, 1, 2, 3])), 0x8000_001d), [0]);
}

#[test]
fn a_source_that_ignores_ecx_ends_every_list() {
    let mut cpu = intel(0x1f)
        .with(0x4, 0, [0x121, 1, 2, 3])
        .with(0x7, 0, [0, 1 << 2, 0, 1 << 18])
        .with(0xb, 0, [1, 2, 0x100, 7])
        .with(0x12, 0, [0x1001, 0, 0, 0])
        .with(0x1b, 0, [1, 5, 6, 7])
        // This one always answers for subleaf 1.
        .with(0x1f, 0, [1, 2, 0x201, 7]);
    cpu.ignores_ecx = [0x4, 0xb, 0x12, 0x1b, 0x1f].into();
    let dump = walked(cpu);
    for (leaf, expected) in [(0x4, 2), (0xb, 2), (0x12, 4), (0x1b, 2), (0x1f, 1)] {
        assert_eq!(subleaves(&dump, leaf).len(), expected, "{leaf:x}");
    }
    assert_eq!(dump.gaps, []);
}

#[test]
fn only_the_entry_behind_a_list_may_be_called_its_end() {
    let cpu = intel(0x1f)
        .with(0x4, 0, [0x121, 1, 2, 3])
        .with(0x4, 1, [0x122, 1, 2, 3])
        .with(0x7, 0, [1, 1 << 2, 0, 0])
        .with(0x7, 1, [1; 4])
        .with(0x12, 1, [1; 4])
        .with(0xd, 0, [7, 0x340, 0x340, 0])
        .with(0xd, 2, [0x100, 0x240, 0, 0]);
    let whole = walked(cpu);
    let is_complete = |leaf, subleaf| {
        let id = LeafId::new(leaf, subleaf);
        let mut cut = VcpuDump::new(0);
        whole.leaves().iter().filter(|r| r.id != id).for_each(|r| cut.insert(*r).unwrap());
        assert!(whole.get(id).is_some() && !cut.is_complete(), "{id}");
        cut.gaps.push(Gap { id, reason: GapReason::End });
        cut.is_complete()
    };
    assert!(is_complete(0x4, 2) && is_complete(0x12, 2));
    for (leaf, subleaf) in [(0, 0), (0x3, 0), (0x4, 0), (0x4, 1), (0x7, 0), (0x7, 1), (0xd, 2), (0x12, 1)] {
        assert!(!is_complete(leaf, subleaf), "{leaf:x}.{subleaf}");
    }
}

#[test]
fn endless_lists_and_ranges_are_cut_and_the_cut_is_recorded() {
    let caches = |n: u32| [0x121, n, 2, 3];
    let cpu = (0..100).fold(intel(0x20), |cpu, n| cpu.with(0x4, n, caches(n)));
    let dump = walked(cpu.with(0x20, 0, [u32::MAX, 0, 0, 0]));
    assert_eq!((subleaves(&dump, 0x4).len(), subleaves(&dump, 0x20).len()), (32, 64));
    let gaps: Vec<_> = dump.gaps.iter().map(|gap| (gap.id.to_string(), gap.reason)).collect();
    assert_eq!(gaps, [("0x00000004.32".to_string(), GapReason::Cap), ("0x00000020.64".to_string(), GapReason::Cap)]);
    assert!(!dump.is_complete());
    assert_eq!(Coverage::of(&dump).place(LeafId::new(4, 40)), Place::NotCaptured);

    let mut cpu = intel(0x16).with(0x8000_0000, 0, [0x8000_ffff, 0, 0, 0]);
    cpu.beyond = Beyond::Zeros;
    let dump = walked(cpu);
    assert_eq!(leaves_from(&dump, 0x8000_0000).len(), 0x1000);
    assert_eq!(dump.gaps[0].id, LeafId::new(0x8000_1000, 0));
}

#[test]
fn two_hypervisor_blocks_are_both_read() {
    let cpu = intel(0x16)
        .head(0x4000_0000, 0x4000_0005, b"Microsoft Hv", TextIn::EbxEcxEdx)
        .with(0x4000_0001, 0, [0x3123_7648, 0, 0, 0])
        .with(0x4000_0005, 0, [240, 64, 0, 0])
        .head(0x4000_0100, 0x4000_0101, b"KVMKVMKVM\0\0\0", TextIn::EbxEcxEdx)
        .with(0x4000_0101, 0, [0x0100_7efb, 0, 0, 0]);
    let dump = walked(cpu);
    let hypervisor: Vec<u32> = leaves_from(&dump, 0x4000_0000).into_iter().filter(|l| *l < 0x8000_0000).collect();
    let expected = [0x4000_0000, 0x4000_0001, 0x4000_0002, 0x4000_0003, 0x4000_0004, 0x4000_0005];
    assert_eq!(hypervisor, [&expected[..], &[0x4000_0100, 0x4000_0101]].concat());
    let blocks: Vec<_> = dump.blocks().map(|b| (b.base, b.signature.to_string())).collect();
    assert_eq!(blocks, [(0x4000_0000, "Microsoft Hv".to_string()), (0x4000_0100, "KVMKVMKVM".to_string())]);
    assert!(dump.is_complete());
}

#[test]
fn a_block_that_moved_is_found() {
    for base in [0x4000_0000, 0x4000_0100, 0x4000_0200, 0x4000_0700] {
        let cpu =
            intel(0x16).head(base, base + 1, b"KVMKVMKVM\0\0\0", TextIn::EbxEcxEdx).with(base + 1, 0, [7, 0, 0, 0]);
        let dump = walked(cpu);
        assert_eq!(dump.blocks().map(|b| b.base).collect::<Vec<_>>(), [base]);
        assert_eq!(dump.get(LeafId::new(base + 1, 0)), Some(Registers::new(7, 0, 0, 0)));
    }
}

#[test]
fn hypervisor_blocks_follow_their_own_rules() {
    // KVM once wrote 0 for "one leaf more".
    let old_kvm = intel(0x16).head(0x4000_0000, 0, b"KVMKVMKVM\0\0\0", TextIn::EbxEcxEdx).with(0x4000_0001, 0, [3; 4]);
    assert!(walked(old_kvm).get(LeafId::new(0x4000_0001, 0)).is_some());
    // Xen alone has subleaves, in its own numbering.
    let xen = intel(0x16).head(0x4000_0100, 0x4000_0105, b"XenVMMXenVMM", TextIn::EbxEcxEdx);
    let xen = (0..=2).fold(xen, |cpu, n| cpu.with(0x4000_0103, n, [n; 4]));
    assert_eq!(subleaves(&walked(xen), 0x4000_0103), [0, 1, 2]);
    // bhyve answers any leaf of the area like its head.
    let mut bhyve = intel(0x16);
    bhyve.beyond = Beyond::Zeros;
    for base in (0x4000_0000..0x4001_0000).step_by(0x100) {
        bhyve = bhyve.head(base, 0x4000_0001, b"bhyve bhyve ", TextIn::EbxEcxEdx);
    }
    assert_eq!(walked(bhyve).blocks().map(|b| b.base).collect::<Vec<_>>(), [0x4000_0000]);
    // QEMU's hv-vendor-id takes any bytes.
    let odd = intel(0x16).head(0x4000_0000, 0x4000_0006, b"\xc3\xa4\x01odd\0vendo", TextIn::EbxEcxEdx);
    assert_eq!(walked(odd).blocks().count(), 1);
    // A signature alone makes a block, whatever it says of its end: its head is recorded, and nothing guessed after it.
    for eax in [0, 0x10, 0x4000_ffff] {
        let unsaid = intel(0x16).head(0x4000_0000, eax, b"TCGTCGTCGTCG", TextIn::EbxEcxEdx);
        let dump = walked(unsaid);
        assert_eq!(leaves_from(&dump, 0x4000_0000)[..1], [0x4000_0000], "{eax:x}");
        assert!(dump.get(LeafId::new(0x4000_0001, 0)).is_none());
        assert!(dump.is_complete());
    }
    // A leaf that is not text and names no last leaf of its own block does not begin a block.
    for text in [b"\0\0\0\0\0\0\0\0\0\0\0\0", b"@\0\0\0@\0\0\0\0\0\0\0", b"TCG\x01TCGTCGTC", b"TCGTCGT\0\0\0\0\0"] {
        let none = intel(0x16).head(0x4000_0000, 0, text, TextIn::EbxEcxEdx);
        assert_eq!(walked(none).blocks().count(), 0, "{text:?}");
    }
    // Without the hypervisor bit there is no block.
    let bare = intel(0x16).with(1, 0, [1, 1, 0, 1 << 26]);
    let bare = bare.head(0x4000_0000, 0x4000_0001, b"KVMKVMKVM\0\0\0", TextIn::EbxEcxEdx);
    assert_eq!(walked(bare).blocks().count(), 0);
}

#[test]
fn aliases_of_the_highest_basic_leaf_are_not_recorded() {
    // The highest basic leaf looks like the head of every range in turn; leaves that do not exist repeat it.
    for base in [0x2000_0000, 0x4000_0000, 0x4000_0300, 0x8000_0000, 0x8086_0000, 0xc000_0000] {
        let mut cpu = intel(0x16).with(0x16, 0, [base + 5, 0x6f6f_6f6f, 0x6f6f_6f6f, 0x6f6f_6f6f]);
        cpu.places.retain(|(leaf, _), _| *leaf < 0x8000_0000);
        let dump = walked(cpu);
        assert_eq!(leaves_from(&dump, 0x17), [] as [u32; 0], "{base:x}");
    }
    // QEMU's emulation of an AMD CPU repeats it too, at the easter-egg leaves for example.
    let mut cpu = amd(0x8000_0008).with(0xd, 0, [7, 0x340, 0x340, 0]);
    cpu.beyond = Beyond::HighestBasic;
    assert_eq!(leaves_from(&walked(cpu), 0x8000_0009), [] as [u32; 0]);
}

#[test]
fn rare_ranges_are_read_where_they_exist() {
    let knc = intel(0x4).with(0x2000_0000, 0, [0x2000_0001, 0, 0, 0]).with(0x2000_0001, 0, [0, 0, 0, 0x1f]);
    assert_eq!(leaves_from(&walked(knc), 0x2000_0000)[..2], [0x2000_0000, 0x2000_0001]);

    let transmeta = intel(0x1).head(0, 1, b"GenuineTMx86", TextIn::EbxEdxEcx);
    let transmeta = (1..=7).fold(transmeta, |cpu, n| cpu.with(0x8086_0000 + n, 0, [n; 4]));
    let transmeta = transmeta.with(0x8086_0000, 0, [0x8086_0007, 0, 0, 0]);
    assert_eq!(leaves_from(&walked(transmeta), 0x8086_0000), (0x8086_0000..=0x8086_0007).collect::<Vec<_>>());

    let centaur = intel(0xd).head(0, 0xd, b"CentaurHauls", TextIn::EbxEdxEcx);
    let centaur = (1..=4).fold(centaur, |cpu, n| cpu.with(0xc000_0000 + n, 0, [n; 4]));
    let centaur = centaur.with(0xc000_0000, 0, [0xc000_0004, 0, 0, 0]);
    assert_eq!(leaves_from(&walked(centaur), 0xc000_0000), (0xc000_0000..=0xc000_0004).collect::<Vec<_>>());

    let text = [0x4954_4547, 0x4c45_2f54, 0x4145_5445, 0x5359_5041];
    let egg = amd(0x8000_0008).with(0x8fff_ffff, 0, text);
    assert_eq!(leaves_from(&walked(egg.clone()), 0x8fff_0000), [0x8fff_ffff]);
    assert_eq!(leaves_from(&walked(egg.with(0x8fff_fffe, 0, [1; 4])), 0x8fff_0000), [0x8fff_fffe, 0x8fff_ffff]);
}

#[test]
fn a_range_without_its_maximum_is_absent() {
    let small = intel(0x16).with(0x8000_0000, 0, [0x8000_0000, 0, 0, 0]);
    assert_eq!(leaves_from(&walked(small), 0x8000_0000), [] as [u32; 0]);
    // Before the Pentium 4: EAX bit 31 ignored, so 0x80000000 answers as leaf 0.
    let mut p6 = intel(0x2).with(1, 0, [0x619, 0, 0, 0x00ff_fbff]);
    p6.places.retain(|(leaf, _), _| *leaf < 0x8000_0000);
    let p6 = p6.head(0x8000_0000, 0x2, b"GenuineIntel", TextIn::EbxEdxEcx);
    let dump = walked(p6);
    assert_eq!(leaves_from(&dump, 0), [0, 1, 2]);
    assert!(dump.is_complete());
}

#[test]
fn a_dump_without_the_extended_range_of_its_cpu_is_not_complete() {
    let whole = walked(intel(0x16));
    assert!(whole.is_complete());
    let mut cut = VcpuDump::new(0);
    for record in whole.leaves().iter().filter(|r| r.id.leaf < 0x8000_0000) {
        cut.insert(*record).unwrap();
    }
    let coverage = Coverage::of(&cut);
    assert_eq!(coverage.missing, [LeafId::new(0x8000_0000, 0)]);
    assert_eq!(coverage.place(LeafId::new(0x8000_0001, 0)), Place::NotCaptured);
    assert!(!coverage.is_complete());
}

#[test]
fn a_gap_at_a_ranges_head_is_the_whole_range() {
    let mut dump = walked(intel(0x16));
    let [block, extended] = [0x4000_0101, 0x8000_0040].map(|leaf| LeafId::new(leaf, 0));
    assert_eq!([block, extended].map(|id| Coverage::of(&dump).place(id)), [Place::Absent; 2]);
    dump.gaps.push(Gap { id: LeafId::new(0x4000_0000, 0), reason: GapReason::Fault });
    assert_eq!(Coverage::of(&dump).place(block), Place::NotCaptured);
    assert_eq!(Coverage::of(&dump).place(extended), Place::Absent);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_walker_reads_all_that_is_valid_and_nothing_else((cpu, valid) in any_cpu()) {
        let mut source = cpu.clone();
        let dump = VcpuDump::capture(0, &mut source);
        prop_assert_eq!(dump.leaves().iter().map(|r| r.id).collect::<BTreeSet<_>>(), valid);
        for record in dump.leaves() {
            prop_assert_eq!(Some(&record.registers), cpu.places.get(&(record.id.leaf, record.id.ecx())));
        }
        prop_assert!(source.reads < dump.leaves().len() + 300, "{} reads", source.reads);
    }

    #[test]
    fn a_dump_replayed_through_the_walker_is_the_same_dump((mut cpu, _) in any_cpu()) {
        let dump = VcpuDump::capture(3, &mut cpu);
        prop_assert_eq!(&VcpuDump::capture(3, &mut Recorded::new(&dump)), &dump);
        let coverage = Coverage::of(&dump);
        prop_assert!(coverage.is_complete());
        prop_assert_eq!(coverage.over_enumerated().count(), 0);
    }

    #[test]
    fn a_recorded_vcpu_answers_what_it_holds_in_any_order(
        (mut cpu, _) in any_cpu(),
        strangers in prop::collection::vec((any::<u32>(), 0u32..70), 8),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..200),
    ) {
        let dump = VcpuDump::capture(0, &mut cpu);
        let held = || dump.leaves().iter().map(|r| r.id);
        // What is there, what is beside it, and what is anywhere.
        let beside = held().map(|id| LeafId::new(id.leaf, id.ecx() + 1));
        let after = held().map(|id| LeafId::new(id.leaf.wrapping_add(1), 0));
        let anywhere = strangers.iter().map(|(leaf, subleaf)| LeafId::new(*leaf, *subleaf));
        let places: Vec<LeafId> = held().chain(beside).chain(after).chain(anywhere).collect();
        let mut recorded = Recorded::new(&dump);
        for id in order.iter().map(|at| *at.get(&places)) {
            for time in ["once", "twice"] {
                prop_assert_eq!(recorded.cpuid(id.leaf, id.ecx()), dump.get(id), "{} {}", id, time);
            }
        }
    }

    #[test]
    fn a_lost_register_set_is_missed_or_ends_its_range((mut cpu, _) in any_cpu(), lost in any::<prop::sample::Index>()) {
        let whole = VcpuDump::capture(0, &mut cpu);
        let lost = whole.leaves()[lost.index(whole.leaves().len())].id;
        let mut cut = VcpuDump::new(0);
        for record in whole.leaves().iter().filter(|r| r.id != lost) {
            cut.insert(*record).unwrap();
        }
        let coverage = Coverage::of(&cut);
        // A range of which only the head is left reads as absent; AMD's text is not a range.
        let alone = cut.leaves().iter().all(|r| r.id.leaf & 0xffff_ff00 != lost.leaf & 0xffff_ff00);
        if !alone && lost.leaf < 0x8fff_0000 {
            prop_assert!(!coverage.is_complete());
            prop_assert_eq!(coverage.place(lost), Place::NotCaptured);
        }
    }
}
