//! From a place to what is known about it.

use core::ptr;

use super::table::{Bits, Cause, Feature, Field, Located, MsrFeature, MsrRule, Rule, Sub, narrowest, rows_of};
use super::{Migratable, Owner, Row, RuleKind, Site, causes, features, fields, gates, msrs, rules, sources};
use crate::severity::{Names, Severity};

/// The row that `bit` (0 to 31) of `site` belongs to.
///
/// A feature row wins over a field row, a narrow field over a wide one. A bit that neither names is a row of its own,
/// or part of its rule's range where nothing in that range has a name. The rule is the narrowest range that holds the
/// bit; at equal width one that names the subleaf alone. Without one, a feature is `subset` (lost unsafe, gained
/// warning), anything else `equal` (unsafe both ways).
#[must_use]
pub fn row_at(site: Site, bit: u8) -> Row {
    let register = Known::of(site);
    let what = register.what(bit);
    let rule = register.rule(bit);
    let (hi, lo) = register.extent(bit, what, rule);
    let feature = matches!(what, What::Feature(_));
    let (kind, lost, gained) = match rule {
        Some(r) => (r.kind, r.lost, r.gained),
        None => without_rule(feature),
    };
    let known = Row {
        hi,
        lo,
        bits: cpuid_probe::place::BitRange::new(hi, lo),
        names: Names::default(),
        name: None,
        known: true,
        migratable: None,
        rule: kind,
        lost,
        gained,
        gates: gates::gates_of(site, bit),
        meaning: None,
        reason: rule.map(|r| r.reason),
        cause: narrowest(register.causes.iter().copied(), lo).map(|c| c.why),
        source: rule.map(|r| r.source).or_else(|| sources::of(site)),
    };
    match what {
        What::Feature(f) => Row {
            names: f.names,
            name: f.names.libvirt.or(f.names.qemu).or(f.names.linux),
            migratable: Some(f.migratable),
            meaning: Some(f.meaning),
            source: known.source.or(f.source),
            ..known
        },
        What::Field(f) => Row { name: Some(f.name), meaning: Some(f.meaning), ..known },
        What::Range(r) => Row { meaning: Some(r.reason), ..known },
        What::Nothing => Row { known: false, ..known },
    }
}

/// The row that `bit` (0 to 63) of the feature MSR `index` belongs to.
///
/// `bit` is the bit of the MSR itself. (libvirt and QEMU count the bits of the VMX control MSRs 0x48b and 0x48d to
/// 0x490 from the MSR's upper half, the allowed-1 settings: their bit 5 is bit 37 here.)
#[must_use]
pub fn msr_row(index: u32, bit: u8) -> Row {
    let feature = msrs::FEATURES.iter().find(|f| f.index == index && f.bit == bit);
    let rule = msrs::RULES
        .iter()
        .filter(|r| r.index == index && r.lo <= bit && bit <= r.hi)
        .min_by_key(|r: &&MsrRule| r.hi - r.lo);
    let (kind, lost, gained) = match rule {
        Some(r) => (r.kind, r.lost, r.gained),
        None => without_rule(feature.is_some()),
    };
    let names = feature.map_or_else(Names::default, |f: &MsrFeature| f.names);
    Row {
        hi: bit,
        lo: bit,
        bits: cpuid_probe::place::BitRange::one(bit),
        names,
        name: names.libvirt.or(names.qemu).or_else(|| feature.and_then(|f| f.label)),
        known: feature.is_some(),
        migratable: feature.map(|f| if f.names.qemu.is_some() { Migratable::Yes } else { Migratable::Unknown }),
        rule: kind,
        lost,
        gained,
        gates: &[],
        meaning: feature.map(|f| f.meaning),
        reason: rule.map(|r| r.reason),
        cause: None,
        source: rule.map(|r| r.source).or_else(|| sources::of_msr(index)),
    }
}

/// Whose leaf it is most likely, where a dump has a hypervisor leaf but not its block's first leaf: KVM's for
/// 0x40000001 and 0x40000010, Hyper-V's for the others that Hyper-V has.
#[must_use]
pub fn owner_without_signature(leaf: u32) -> Owner {
    match leaf & 0xff {
        0x0 | 0x1 | 0x10 => Owner::Kvm,
        0x2..=0xc | 0x80..=0x82 => Owner::HyperV,
        _ => Owner::OtherHypervisor,
    }
}

/// The lowest bit of the field called `name`, of which rows may be parts.
#[must_use]
pub fn lowest_bit_of_field(place: cpuid_probe::Place, name: &str) -> Option<u8> {
    let site = super::shim::site(place)?;
    rows_of(fields::of(site.owner), site).find(|f| f.name == name).map(|f| f.at().lo)
}

const fn without_rule(feature: bool) -> (RuleKind, Severity, Severity) {
    if feature {
        (RuleKind::Subset, Severity::Unsafe, Severity::Warning)
    } else {
        (RuleKind::Equal, Severity::Unsafe, Severity::Unsafe)
    }
}

/// What a bit is part of.
#[derive(Clone, Copy, Debug)]
enum What {
    Feature(&'static Feature),
    Field(&'static Field),
    /// A rule's range in which nothing has a name.
    Range(&'static Rule),
    Nothing,
}

/// Everything the rows say about one register.
struct Known {
    features: Vec<&'static Feature>,
    fields: Vec<&'static Field>,
    rules: Vec<&'static Rule>,
    causes: Vec<&'static Cause>,
}

impl Known {
    fn of(site: Site) -> Self {
        Self {
            features: rows_of(features::of(site.owner), site).collect(),
            fields: rows_of(fields::of(site.owner), site).collect(),
            rules: rows_of(rules::of(site.owner), site).collect(),
            causes: rows_of(causes::of(site.owner), site).collect(),
        }
    }

    fn rule(&self, bit: u8) -> Option<&'static Rule> {
        narrowest(self.rules.iter().copied(), bit)
    }

    fn what(&self, bit: u8) -> What {
        if let Some(f) = narrowest(self.features.iter().copied(), bit) {
            return What::Feature(f);
        }
        if let Some(f) = narrowest(self.fields.iter().copied(), bit) {
            return What::Field(f);
        }
        match self.rule(bit) {
            Some(r) if !self.names_anything_in(r.at()) => What::Range(r),
            _ => What::Nothing,
        }
    }

    fn names_anything_in(&self, bits: &Bits) -> bool {
        let meets = |at: &Bits| at.lo <= bits.hi && bits.lo <= at.hi;
        self.features.iter().any(|f| meets(f.at())) || self.fields.iter().any(|f| meets(f.at()))
    }

    /// The run of bits around `bit` that are part of the same thing and judged by the same rule.
    fn extent(&self, bit: u8, what: What, rule: Option<&'static Rule>) -> (u8, u8) {
        let at = match what {
            What::Feature(_) | What::Nothing => return (bit, bit),
            What::Field(f) => f.at,
            What::Range(r) => r.at,
        };
        let alike = |b: &u8| same(what, self.what(*b)) && rule.map(ptr::from_ref) == self.rule(*b).map(ptr::from_ref);
        let hi = (bit..=at.hi).take_while(alike).last().unwrap_or(bit);
        let lo = (at.lo..=bit).rev().take_while(alike).last().unwrap_or(bit);
        (hi, lo)
    }
}

fn same(a: What, b: What) -> bool {
    match (a, b) {
        (What::Field(a), What::Field(b)) => ptr::eq(a, b),
        (What::Range(a), What::Range(b)) => ptr::eq(a, b),
        _ => false,
    }
}

/// The subleaves at which rows of a leaf begin, ascending.
#[must_use]
pub fn subleaves_of(owner: Owner, leaf: u32) -> Vec<u32> {
    fn firsts<T: Located>(tables: &'static [&'static [T]], leaf: u32) -> impl Iterator<Item = Sub> {
        tables.iter().flat_map(|t| t.iter()).filter(move |r| r.at().leaf == leaf).map(|r| r.at().subleaf)
    }
    let mut found: Vec<u32> = firsts(features::of(owner), leaf)
        .chain(firsts(fields::of(owner), leaf))
        .chain(firsts(rules::of(owner), leaf))
        .map(Sub::first)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use cpuid_probe::Register::{self, Eax, Ebx, Ecx, Edx};

    use super::*;

    fn cpu(leaf: u32, subleaf: u32, register: Register) -> Site {
        Site { owner: Owner::Cpu, leaf, subleaf, register }
    }

    #[test]
    fn a_feature_wins_over_the_field_around_it() {
        let xcr0 = cpu(0xd, 0, Eax);
        assert_eq!(row_at(xcr0, 9).meaning, Some("XCR0 protection-key rights component"));
        let rest = row_at(xcr0, 12);
        assert_eq!((rest.name, rest.hi, rest.lo), (Some("xcr0_low"), 16, 10), "fields fill the gaps between features");
    }

    #[test]
    fn the_narrowest_rule_decides() {
        let signature = cpu(0x8000_0001, 0, Eax);
        let stepping = row_at(signature, 2);
        assert_eq!((stepping.hi, stepping.lo, stepping.lost), (3, 0, Severity::Warning));
        let model = row_at(signature, 4);
        assert_eq!((model.hi, model.lo, model.lost), (31, 4, Severity::Unsafe));
    }

    #[test]
    fn features_inside_a_wide_rule_follow_it() {
        let pmu = row_at(cpu(0xa, 0, Ebx), 3);
        assert_eq!((pmu.rule, pmu.lost, pmu.gained), (RuleKind::Hazard, Severity::Info, Severity::Warning));
        let hyperv = Site { owner: Owner::HyperV, leaf: 0x4000_0006, subleaf: 0, register: Eax };
        assert_eq!((row_at(hyperv, 0).rule, row_at(hyperv, 0).gained), (RuleKind::Informational, Severity::Warning));
    }

    #[test]
    fn without_a_rule_features_must_stay_and_unknown_bits_must_not_change() {
        let ebx = cpu(7, 0, Ebx);
        let avx2 = row_at(ebx, 5);
        assert_eq!(
            (avx2.name, avx2.rule, avx2.lost, avx2.gained),
            (Some("avx2"), RuleKind::Subset, Severity::Unsafe, Severity::Warning)
        );
        let unknown = row_at(cpu(1, 0, Ecx), 16);
        assert_eq!((unknown.known, unknown.rule, unknown.gained), (false, RuleKind::Equal, Severity::Unsafe));
        assert_eq!((unknown.hi, unknown.lo), (16, 16));
    }

    #[test]
    fn a_rule_over_nothing_named_is_a_row_of_its_own() {
        let lbr = row_at(cpu(0x1c, 0, Edx), 7);
        assert_eq!((lbr.hi, lbr.lo, lbr.name, lbr.rule), (31, 0, None, RuleKind::Subset));
    }

    #[test]
    fn hypervisor_rows_stay_in_their_block() {
        let at = |owner, leaf, register| Site { owner, leaf, subleaf: 0, register };
        assert_eq!(row_at(at(Owner::Kvm, 0x4000_0001, Eax), 3).name, Some("kvmclock"));
        assert_eq!(row_at(at(Owner::HyperV, 0x4000_0001, Eax), 3).name, Some("hv_interface"));
        assert_eq!(row_at(at(Owner::Xen, 0x4000_0001, Eax), 3).name, Some("xen_minor"));
        assert!(!row_at(at(Owner::OtherHypervisor, 0x4000_0001, Eax), 3).known);
        assert_eq!(row_at(at(Owner::OtherHypervisor, 0x4000_0000, Eax), 3).name, Some("max_hv_leaf"));
        assert_eq!(row_at(at(Owner::Vmware, 0x4000_0010, Eax), 3).name, Some("tsc_khz"));
        assert!(!row_at(at(Owner::HyperV, 0x4000_0010, Eax), 3).known);
    }

    #[test]
    fn vmx_controls_are_bits_of_the_msr_itself() {
        assert_eq!(msr_row(0x48b, 37).name, Some("vmx-vpid"));
        assert!(!msr_row(0x48b, 5).known);
        assert_eq!(msr_row(0x10a, 0).name, Some("rdctl-no"));
        assert_eq!(msr_row(0x10a, 19).name, Some("RRSBA"));
    }

    #[test]
    fn every_bit_is_in_exactly_one_row() {
        for owner in Owner::ALL {
            let leaves = features::of(owner).iter().flat_map(|t| t.iter()).map(|f| f.at.leaf);
            let mut leaves: Vec<u32> =
                leaves.chain(fields::of(owner).iter().flat_map(|t| t.iter()).map(|f| f.at.leaf)).collect();
            leaves.dedup();
            for leaf in leaves {
                for subleaf in subleaves_of(owner, leaf) {
                    for register in Register::ALL {
                        let site = Site { owner, leaf, subleaf, register };
                        for bit in 0..32 {
                            let row = row_at(site, bit);
                            assert!(row.lo <= bit && bit <= row.hi, "{site:?} {bit}");
                            for b in [row.lo, row.hi] {
                                let other = row_at(site, b);
                                assert_eq!(
                                    (row.hi, row.lo, row.rule, row.lost),
                                    (other.hi, other.lo, other.rule, other.lost),
                                    "{site:?} {bit}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    /// Owners whose tables together hold every row.
    const OWNERS: [Owner; 5] = [Owner::Cpu, Owner::Kvm, Owner::HyperV, Owner::Xen, Owner::Vmware];

    #[test]
    fn every_rule_decides_somewhere() {
        for owner in OWNERS {
            for rule in rules::of(owner).iter().flat_map(|t| t.iter()) {
                let at = rule.at();
                let decides =
                    subleaves_of(owner, at.leaf).into_iter().filter(|n| at.subleaf.holds(*n)).any(|subleaf| {
                        let known = Known::of(Site { owner, leaf: at.leaf, subleaf, register: at.register });
                        (at.lo..=at.hi).any(|bit| known.rule(bit).is_some_and(|r| ptr::eq(r, rule)))
                    });
                assert!(decides, "no bit is judged by {rule:?}");
            }
        }
    }

    #[test]
    fn rows_of_one_kind_do_not_contradict_each_other() {
        fn clash<T: Located>(tables: &'static [&'static [T]], what: &str, may_nest: bool) {
            let rows: Vec<&T> = tables.iter().flat_map(|t| t.iter()).collect();
            for (i, a) in rows.iter().map(|r| r.at()).enumerate() {
                for b in rows[i + 1..].iter().map(|r| r.at()).take_while(|b| b.leaf == a.leaf) {
                    let meet = a.register == b.register && a.lo <= b.hi && b.lo <= a.hi;
                    let nested = may_nest && (a.hi - a.lo != b.hi - b.lo || a.subleaf != b.subleaf);
                    let same_subleaf = a.subleaf.holds(b.subleaf.first()) || b.subleaf.holds(a.subleaf.first());
                    assert!(!meet || !same_subleaf || nested, "two {what} rows: {a:?} and {b:?}");
                }
            }
        }
        for owner in OWNERS {
            clash(features::of(owner), "feature", false);
            clash(fields::of(owner), "field", false);
            clash(rules::of(owner), "rule", true);
            clash(causes::of(owner), "cause", true);
        }
    }

    #[test]
    fn tables_ascend_from_slice_to_slice() {
        fn ascend<T: Located>(tables: &'static [&'static [T]]) {
            assert!(tables.iter().all(|t| !t.is_empty()));
            for pair in tables.windows(2) {
                let (last, first) = (pair[0].last().map(|r| r.at().leaf), pair[1].first().map(|r| r.at().leaf));
                assert!(last < first, "a leaf is in two slices: {last:x?} {first:x?}");
            }
        }
        for owner in Owner::ALL {
            ascend(features::of(owner));
            ascend(fields::of(owner));
            ascend(rules::of(owner));
            ascend(causes::of(owner));
        }
    }
}
