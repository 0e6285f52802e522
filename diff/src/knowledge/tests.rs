use std::collections::{BTreeMap, BTreeSet};

use cpuid_probe::Register::{self, Eax, Ebx, Ecx, Edx};

use super::table::{Rule, bit, field, nameless, rule};
use super::*;

fn row(leaf: u32, subleaf: u32, register: Register, bit: u8) -> Row {
    Knowledge::builtin().row(Place::bit(leaf, subleaf, register, bit))
}

/// A bit of subleaf 0 of a leaf of a hypervisor's block, written for a block at 0x40000000.
fn of(owner: Owner, leaf: u32, register: Register, bit: u8) -> Row {
    let block = Some(Within { owner, signature: None });
    let bits = BitRange::one(bit);
    Knowledge::builtin().row(Place::Cpuid { block, id: LeafId::new(leaf, 0), register, bits })
}

#[test]
fn a_feature_wins_over_the_field_around_it() {
    assert_eq!(row(0xd, 0, Eax, 9).meaning, Some("XCR0 protection-key rights component"));
    let rest = row(0xd, 0, Eax, 12);
    assert_eq!((rest.name, rest.bits), (Some("xcr0_low"), BitRange::new(16, 10)), "fields fill the gaps");
    assert_eq!(rest.unit.read(0b101), "bits 10 12", "a part of a bitmap keeps its numbers");
}

#[test]
fn the_narrowest_rule_decides() {
    let stepping = row(0x8000_0001, 0, Eax, 2);
    assert_eq!((stepping.bits, stepping.lost), (BitRange::new(3, 0), Severity::Warning));
    let model = row(0x8000_0001, 0, Eax, 4);
    assert_eq!((model.bits, model.lost), (BitRange::new(31, 4), Severity::Unsafe));
}

#[test]
fn features_inside_a_wide_rule_follow_it() {
    let pmu = row(0xa, 0, Ebx, 3);
    assert_eq!((pmu.rule, pmu.lost, pmu.gained), (RuleKind::Hazard, Severity::Info, Severity::Warning));
    let hyperv = of(Owner::HyperV, 0x4000_0006, Eax, 0);
    assert_eq!((hyperv.rule, hyperv.gained), (RuleKind::Informational, Severity::Warning));
}

#[test]
fn without_a_rule_features_must_stay_and_unknown_bits_must_not_change() {
    let avx2 = row(7, 0, Ebx, 5);
    assert_eq!(
        (avx2.name, avx2.rule, avx2.lost, avx2.gained),
        (Some("avx2"), RuleKind::Subset, Severity::Unsafe, Severity::Warning)
    );
    let unknown = row(1, 0, Ecx, 16);
    assert_eq!((unknown.known, unknown.rule, unknown.gained), (false, RuleKind::Equal, Severity::Unsafe));
    assert_eq!(unknown.bits, BitRange::one(16));
    let leaf = Knowledge::builtin().row(Place::bit(0x77, 3, Edx, 31));
    assert_eq!((leaf.known, leaf.rule, leaf.bits), (false, RuleKind::Equal, BitRange::one(31)));
}

#[test]
fn a_rule_over_nothing_named_is_a_row_of_its_own() {
    let lbr = row(0x1c, 0, Edx, 7);
    assert_eq!((lbr.bits, lbr.name, lbr.rule), (BitRange::REGISTER, None, RuleKind::Subset));
}

#[test]
fn a_cause_holds_over_bits_that_nothing_names() {
    let stale = row(0x1c, 0, Ebx, 20);
    assert_eq!((stale.known, stale.bits, stale.cause_kind), (false, BitRange::one(20), Some(CauseKind::Running)));
    assert!(row(0x1c, 0, Ebx, 0).known);
}

#[test]
fn hypervisor_rows_stay_in_their_block() {
    assert_eq!(of(Owner::Kvm, 0x4000_0001, Eax, 3).name, Some("kvmclock"));
    assert_eq!(of(Owner::Kvm, 0x4000_0101, Eax, 3).name, Some("kvmclock"), "wherever the block is");
    assert_eq!(of(Owner::HyperV, 0x4000_0001, Eax, 3).name, Some("hv_interface"));
    assert_eq!(of(Owner::Xen, 0x4000_0001, Eax, 3).name, Some("xen_minor"));
    assert!(!of(Owner::OtherHypervisor, 0x4000_0001, Eax, 3).known);
    assert_eq!(of(Owner::OtherHypervisor, 0x4000_0000, Eax, 3).name, Some("max_hv_leaf"));
    assert_eq!(of(Owner::Vmware, 0x4000_0010, Eax, 3).name, Some("tsc_khz"));
    assert!(!of(Owner::HyperV, 0x4000_0010, Eax, 3).known);
    assert_eq!(of(Owner::Kvm, 0x4000_0101, Eax, 3).place.leaf(), Some(LeafId::new(0x4000_0101, 0)), "as asked");
}

#[test]
fn vmx_controls_are_bits_of_the_msr_itself() {
    let msr = |index, bit| Knowledge::builtin().row(Place::msr(index, bit));
    assert_eq!(msr(0x48b, 37).name, Some("vmx-vpid"));
    assert!(!msr(0x48b, 5).known);
    assert_eq!(msr(0x10a, 0).name, Some("rdctl-no"));
    assert_eq!((msr(0x10a, 19).name, msr(0x10a, 19).guard), (Some("RRSBA"), Some(Guard::Hazard)));
}

#[test]
fn host_bits_are_not_guest_bits() {
    assert_eq!(row(1, 0, Ecx, 4).kvm, Offer::Never, "ds_cpl");
    assert_eq!(row(1, 0, Edx, 21).kvm, Offer::Conditional, "ds");
    assert_eq!(row(1, 0, Ecx, 21).kvm, Offer::Emulated, "x2apic");
    assert_eq!(row(1, 0, Ecx, 0).kvm, Offer::IfHost, "pni");
    assert_eq!(of(Owner::Kvm, 0x4000_0001, Eax, 17).kvm, Offer::Unknown, "what only a VMM switches on");
}

/// What a line does not say is unknown: neither the row nor its texts turn that into "no".
#[test]
fn what_is_not_said_is_not_denied() {
    static NEW: &[Group] =
        &[Group::cpu(0x7, Sub::At(1), Ecx, &[bit(30, "made-up", "A made-up bit"), nameless(31, "Another")])];
    let knowledge = Knowledge::builtin().with(NEW);
    let place = Place::bit(0x7, 1, Ecx, 30);
    let row = knowledge.row(place);
    assert_eq!((row.name, row.known, row.kvm, row.weight), (Some("made-up"), true, Offer::Unknown, 1));
    assert!(!row.not_in_libvirt && !row.not_in_qemu && !row.not_in_tcg);
    assert_eq!((row.rule, row.lost, row.gained), (RuleKind::Subset, Severity::Unsafe, Severity::Warning));
    assert!(knowledge.features().any(|(p, _)| p == place) && !Knowledge::builtin().row(place).known);
    assert!(knowledge.row(Place::bit(0x7, 1, Ecx, 31)).feature, "nameless, and a feature");
    for asked in [Asked::Explain, Asked::Missing, Asked::Extra, Asked::Differs { values: [Some(1), Some(0)] }] {
        let advice = knowledge.advice(place, &row, asked, false);
        for text in [&advice.cause, &advice.consequence, &advice.remedy] {
            for claim in ["no guest", "no name", "no property", "does not have it", "cannot be given"] {
                assert!(!text.contains(claim), "{asked:?}: {text}");
            }
        }
    }
}

#[test]
fn rows_beside_the_builtin_ones_are_judged_by_their_subleaf() {
    static NEW: &[Group] = &[
        Group::cpu(0x77, Sub::Any, Eax, &[field(31, 0, "wide", "All of it")]),
        Group::cpu(0x77, Sub::Span(1, 2), Eax, &[field(7, 0, "low", "Some of it")]).rules(&[rule(
            31,
            0,
            RuleKind::NotLess,
            Severity::Warning,
            Severity::Info,
            "because",
            "here",
        )]),
        Group::cpu(0x77, Sub::From(4), Eax, &[field(15, 8, "late", "Later")]),
        Group::msr(0x77, &[bit(63, "last", "The last bit")]),
    ];
    let knowledge = Knowledge::builtin().with(NEW);
    let at = |subleaf, bit| {
        let row = knowledge.row(Place::bit(0x77, subleaf, Eax, bit));
        (row.name, row.bits, row.rule)
    };
    assert_eq!(at(0, 3), (Some("wide"), BitRange::REGISTER, RuleKind::Equal));
    for subleaf in [1, 2] {
        assert_eq!(at(subleaf, 3), (Some("low"), BitRange::new(7, 0), RuleKind::NotLess));
        assert_eq!(at(subleaf, 8), (Some("wide"), BitRange::new(31, 8), RuleKind::NotLess));
    }
    assert_eq!(at(3, 9), (Some("wide"), BitRange::REGISTER, RuleKind::Equal));
    assert_eq!(at(u32::MAX, 9), (Some("late"), BitRange::new(15, 8), RuleKind::Equal));
    assert_eq!(at(9, 31), (Some("wide"), BitRange::new(31, 16), RuleKind::Equal));
    assert_eq!(knowledge.subleaves_of(Owner::Cpu, 0x77), [0, 1, 4]);
    assert_eq!(knowledge.row(Place::msr(0x77, 63)).name, Some("last"));
    assert!(!knowledge.row(Place::msr(0x77, 62)).known);
}

#[test]
fn every_bit_is_in_exactly_one_row() {
    let knowledge = Knowledge::builtin();
    let registers: BTreeSet<(Owner, u32)> = knowledge
        .groups
        .iter()
        .flat_map(|g| g.owners.iter().map(move |owner| (*owner, g.home)))
        .filter_map(|(owner, home)| if let Home::Cpuid(leaf, ..) = home { Some((owner, leaf)) } else { None })
        .collect();
    for (owner, leaf) in registers {
        for subleaf in knowledge.subleaves_of(owner, leaf) {
            for register in Register::ALL {
                let block = (owner != Owner::Cpu).then_some(Within { owner, signature: None });
                let at = |bit| {
                    let bits = BitRange::one(bit);
                    knowledge.row(Place::Cpuid { block, id: LeafId::new(leaf, subleaf), register, bits })
                };
                for bit in 0..32 {
                    let row = at(bit);
                    assert!(row.bits.holds(BitRange::one(bit)), "{}", row.place);
                    for other in [at(row.bits.lo), at(row.bits.hi)] {
                        let judged = |row: &Row| (row.bits, row.rule, row.lost);
                        assert_eq!(judged(&row), judged(&other), "{} bit {bit}", row.place);
                    }
                }
            }
        }
    }
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    let lines = |g: &'static Group| g.rules.iter().chain(g.lines.iter().filter_map(|l| l.rule.as_ref()));
    Knowledge::builtin().groups.iter().copied().flat_map(lines)
}

#[test]
fn every_rule_decides_somewhere() {
    for rule in rules() {
        assert!(Knowledge::builtin().index.decides(rule), "no bit is judged by {rule:?}");
    }
}

/// Bits of one register, in subleaves that meet.
fn meet(a: (&Group, BitRange), b: (&Group, BitRange)) -> bool {
    let (sa, sb) = (a.0.subleaf(), b.0.subleaf());
    let home = |g: &Group| match g.home {
        Home::Cpuid(leaf, _, register) => (leaf, Some(register)),
        Home::Msr(index) => (index, None),
    };
    home(a.0) == home(b.0)
        && a.0.owners.iter().any(|owner| b.0.owners.contains(owner))
        && (sa.holds(sb.first()) || sb.holds(sa.first()))
        && a.1.lo <= b.1.hi
        && b.1.lo <= a.1.hi
}

#[test]
fn rows_do_not_contradict_each_other() {
    let groups = &Knowledge::builtin().groups;
    let lines: Vec<(&Group, &Line)> = groups.iter().flat_map(|g| g.lines.iter().map(|l| (*g, l))).collect();
    for (i, (ga, a)) in lines.iter().enumerate() {
        for (gb, b) in &lines[i + 1..] {
            let clash = a.field == b.field && meet((ga, a.bits), (gb, b.bits));
            assert!(!clash, "{} and {} are one place", a.meaning, b.meaning);
        }
    }
    let rules: Vec<(&Group, &Rule)> = groups
        .iter()
        .flat_map(|g| g.rules.iter().chain(g.lines.iter().filter_map(|l| l.rule.as_ref())).map(|r| (*g, r)))
        .collect();
    for (i, (ga, a)) in rules.iter().enumerate() {
        for (gb, b) in &rules[i + 1..] {
            let equal = a.bits.mask().count_ones() == b.bits.mask().count_ones() && ga.subleaf() == gb.subleaf();
            assert!(!equal || !meet((ga, a.bits), (gb, b.bits)), "{a:?} and {b:?} judge the same");
        }
    }
}

/// What a row says of protections and hazards is how it is judged.
#[test]
fn no_row_contradicts_itself() {
    for entry in Knowledge::builtin().entries() {
        let row = entry.row;
        match row.guard {
            Some(Guard::Protection) => assert_eq!((row.lost, row.weight), (Severity::Unsafe, 10), "{}", row.place),
            Some(Guard::Hazard) => {
                assert_eq!((row.rule, row.gained), (RuleKind::Hazard, Severity::Unsafe), "{}", row.place);
            }
            None => assert!(matches!(row.weight, 1 | 3), "{}", row.place),
        }
        assert!(row.names.libvirt.is_some() == row.libvirt_since.is_some(), "{}", row.place);
        assert!(row.names.qemu.is_some() == row.qemu_since.is_some(), "{}", row.place);
        assert!(!(row.not_in_libvirt && row.libvirt_since.is_some()), "{}", row.place);
        assert!(!(row.not_in_qemu && row.qemu_since.is_some()), "{}", row.place);
        assert!(!(row.not_in_tcg && row.tcg_since.is_some()), "{}", row.place);
        assert!(row.judged || !row.listed, "{}: what nobody is held to is not listed either", row.place);
        assert!(row.needs.is_empty() || row.names.qemu.is_some(), "{}: QEMU clears what it has", row.place);
    }
}

#[test]
fn dependencies_are_rows_without_circles() {
    let knowledge = Knowledge::builtin();
    let mut needs: BTreeMap<&str, &[&str]> = BTreeMap::new();
    for (_, row) in knowledge.features() {
        let name = row.name.expect("named");
        needs.insert(name, row.needs);
    }
    for (name, wanted) in &needs {
        for need in *wanted {
            assert!(needs.contains_key(need), "{name} needs {need}, and no row has that name");
            let mut behind = vec![*need];
            while let Some(next) = behind.pop() {
                assert_ne!(next, *name, "{name} needs itself");
                behind.extend(needs[next]);
            }
        }
    }
    for line in knowledge.groups.iter().flat_map(|g| g.lines) {
        for flag in line.linux_sets {
            assert!(needs.contains_key(flag), "{:?} sets {flag}, and no row has that name", line.name);
        }
    }
}
