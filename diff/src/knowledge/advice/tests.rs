use super::*;
use crate::knowledge::index::written_leaf;
use crate::knowledge::{Entry, Namespace, Owner, RuleKind};
use cpuid_probe::place::{BitRange, Within};
use cpuid_probe::{LeafId, Register};

fn everything() -> impl Iterator<Item = (Entry, Asked, Advice)> {
    let asked = [
        Asked::Differs { values: [Some(2_600_000), Some(2_599_997)] },
        Asked::Differs { values: [Some(1), None] },
        Asked::Missing,
        Asked::Extra,
        Asked::Explain,
    ];
    let knowledge = Knowledge::builtin();
    let advice = move |e: Entry| asked.map(|asked| (e, asked, knowledge.advice(e.place, &e.row, asked, false)));
    knowledge.entries().into_iter().flat_map(advice)
}

#[test]
fn no_text_is_missing_or_left_unfilled() {
    for (entry, asked, advice) in everything() {
        let at = entry.place;
        for text in [&advice.meaning, &advice.cause, &advice.consequence, &advice.remedy, &advice.source] {
            assert!(!text.is_empty(), "{at:?} {asked:?}");
            assert!(!text.contains(['{', '}', '\n']) && !text.contains("  "), "{at:?}: {text}");
            assert!(text.matches('`').count().is_multiple_of(2), "{at:?}: {text}");
        }
        for text in [&advice.cause, &advice.consequence, &advice.remedy] {
            assert!(text.ends_with('.'), "{at:?}: {text}");
            assert!(!text.contains(".."), "{at:?}: {text}");
        }
        assert!(!advice.layers.is_empty(), "{at:?}");
    }
}

#[test]
fn notes_are_whole_and_about_something() {
    for note in notes::all() {
        assert!(!note.cause.is_empty() && !note.consequence.is_empty() && !note.source.is_empty(), "{}", note.cause);
        assert!(!note.layers.is_empty() && !note.at.is_empty(), "{}", note.cause);
        let mut kinds = note.layers.to_vec();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), note.layers.len(), "{}", note.cause);
    }
    // Every place of a note holds a row that something is known about.
    let knowledge = Knowledge::builtin();
    let entries = knowledge.entries();
    for (i, places) in notes::all().flat_map(|n| n.at).enumerate() {
        let hit = match *places {
            notes::Places::Bits(owners, leaf, subleaf, register, bits) => owners.iter().any(|owner| {
                let known = |b| knowledge.row(at(*owner, leaf, subleaf.first(), register, b)).known;
                known(bits.lo) && known(bits.hi) || !bits.is_one() && (bits.lo..=bits.hi).any(known)
            }),
            notes::Places::Leaves(_, first, last) => entries.iter().any(|e| {
                e.place.leaf().is_some_and(|id| (first..=last).contains(&written_leaf(e.place.owner(), id.leaf)))
            }),
            notes::Places::Msr(index, hi, lo) => {
                hi - lo == 63 || (lo..=hi).any(|b| knowledge.row(Place::msr(index, b)).known)
            }
        };
        assert!(hit, "place {i} of the notes is about nothing known");
    }
}

/// What stands between `open` and `close`, everywhere in `text`.
fn between<'a>(text: &'a str, open: &str, close: char) -> Vec<&'a str> {
    text.split(open).skip(1).filter_map(|rest| rest.split(close).next()).collect()
}

#[test]
fn snippets_name_features_that_exist() {
    let all: std::collections::HashSet<(Namespace, &str)> =
        Knowledge::builtin().names().map(|m| (m.namespace, m.name)).collect();
    let known = |namespace, name: &str| all.iter().any(|known| *known == (namespace, name));
    let settings = [
        "apic",
        "family",
        "host-cache-info",
        "host-phys-bits",
        "host-phys-bits-limit",
        "hv-no-nonarch-coresharing",
        "hv-spinlocks",
        "hypervisor",
        "l3-cache",
        "level",
        "level-func7",
        "model",
        "model-id",
        "nested",
        "phys-bits",
        "pmu",
        "pt_mode",
        "kernel-irqchip",
        "stepping",
        "tsc-frequency",
        "tsx",
        "vendor",
        "vmware-cpuid-freq",
        "xlevel",
        "migratable",
        "kvm.enable_pmu",
        "cpu-pm",
        "mode",
        "",
    ];
    for (entry, _, advice) in everything() {
        for name in between(&advice.remedy, "<feature policy='disable' name='", '\'') {
            assert!(known(Namespace::Libvirt, name), "{:?}: libvirt has no `{name}`", entry.place);
        }
        for code in advice.remedy.split('`').skip(1).step_by(2).filter(|c| !c.contains('<') && !c.contains(' ')) {
            for setting in code.split(',').filter_map(|s| s.split_once('=')).map(|(name, _)| name) {
                assert!(
                    settings.contains(&setting) || known(Namespace::Qemu, setting),
                    "{:?}: QEMU has no `{setting}` ({code})",
                    entry.place
                );
            }
        }
    }
}

fn at(owner: Owner, leaf: u32, subleaf: u32, register: Register, bit: u8) -> Place {
    let block = (owner != Owner::Cpu).then_some(Within { owner, signature: None });
    Place::Cpuid { block, id: LeafId::new(leaf, subleaf), register, bits: BitRange::one(bit) }
}

fn about(owner: Owner, leaf: u32, register: Register, bit: u8, asked: Asked) -> Advice {
    let (knowledge, place) = (Knowledge::builtin(), at(owner, leaf, 0, register, bit));
    knowledge.advice(place, &knowledge.row(place), asked, false)
}

#[test]
fn the_debug_store_says_that_hardware_is_not_enough() {
    for (register, bit) in [(Register::Edx, 21), (Register::Ecx, 2)] {
        let advice = about(Owner::Cpu, 1, register, bit, Asked::Explain);
        assert!(advice.specific);
        for word in ["PEBS", "kernel", "generation", "not enough"] {
            assert!(advice.cause.contains(word), "{word}: {}", advice.cause);
        }
        assert!(advice.remedy.contains("<feature policy='disable' name='ds'/>"), "{}", advice.remedy);
        assert!(advice.remedy.contains("<feature policy='disable' name='dtes64'/>"), "{}", advice.remedy);
    }
}

#[test]
fn the_frequency_leaf_pins_the_lower_frequency_in_hertz() {
    let asked = Asked::Differs { values: [Some(2_600_000), Some(2_599_997)] };
    let advice = about(Owner::Kvm, 0x4000_0010, Register::Eax, 0, asked);
    assert!(advice.remedy.contains("<timer name='tsc' frequency='2599997000'/>"), "{}", advice.remedy);
    for word in ["vmware-cpuid-freq", "invtsc", "calibration"] {
        assert!(advice.cause.contains(word), "{word}: {}", advice.cause);
    }
    assert!(advice.consequence.contains("cannot be live-migrated"), "{}", advice.consequence);
    for word in ["250 ppm", "--migratable", "only hides the leaf"] {
        assert!(advice.remedy.contains(word), "{word}: {}", advice.remedy);
    }
}

#[test]
fn pdcm_is_dropped_without_a_word() {
    let advice = about(Owner::Cpu, 1, Register::Ecx, 15, Asked::Missing);
    assert!(advice.cause.contains("without a word") && advice.cause.contains("PMU"), "{}", advice.cause);
}

#[test]
fn a_feature_without_a_note_is_told_by_its_layers() {
    let plain = about(Owner::Cpu, 0x8000_0008, Register::Ebx, 9, Asked::Differs { values: [Some(1), Some(0)] });
    assert!(!plain.specific);
    assert!(plain.cause.contains("KVM offers it where"), "{}", plain.cause);
    assert!(plain.remedy.contains("<feature policy='disable' name='wbnoinvd'/>"), "{}", plain.remedy);
    assert!(plain.remedy.contains("`wbnoinvd=off`"), "{}", plain.remedy);
}

#[test]
fn a_feature_that_nobody_names_says_so() {
    let asked = Asked::Differs { values: [Some(1), Some(0)] };
    let advice = about(Owner::Cpu, 0x8000_0021, Register::Eax, 17, asked);
    assert!(advice.cause.contains("QEMU has no name for it"), "{}", advice.cause);
    assert!(advice.remedy.contains("migratable='on'"), "{}", advice.remedy);
}

#[test]
fn an_unknown_bit_is_not_explained_away() {
    let advice = about(Owner::Cpu, 1, Register::Ecx, 16, Asked::Explain);
    assert!(advice.cause.starts_with("unknown") && advice.meaning.starts_with("unknown"));
    assert!(!advice.specific);
}

/// What an emulated guest lacks, neither KVM nor firmware took away.
#[test]
fn emulated_guests_are_not_told_what_kvm_does() {
    let mut changed = 0;
    for (entry, asked, plain) in everything() {
        let emulated = plain.clone().under(Accel::Tcg, &entry.row, asked);
        assert_eq!((&emulated.meaning, &emulated.consequence), (&plain.meaning, &plain.consequence));
        let kvm = entry.place.owner() == Owner::Kvm;
        for claim in [
            "KVM offers",
            "KVM emulates",
            "KVM passes",
            "KVM clears",
            "KVM hides",
            "KVM shows",
            "microcode",
            "host's kernel",
        ] {
            assert!(kvm || !emulated.cause.contains(claim), "{:?}: {}", entry.place, emulated.cause);
        }
        assert!(!emulated.remedy.contains("cpuid-probe kvm"), "{:?}: {}", entry.place, emulated.remedy);
        changed += usize::from(emulated != plain);
        assert_eq!(plain.clone().under(Accel::Host, &entry.row, asked), plain);
    }
    assert!(changed > 3000, "{changed}");
}

#[test]
fn harmless_rules_ask_for_nothing() {
    for (entry, asked, advice) in everything() {
        let harmless =
            matches!(entry.row.rule, RuleKind::OsControlled) && entry.row.lost == crate::knowledge::Severity::Expected;
        if harmless && !matches!(asked, Asked::Missing | Asked::Extra) {
            assert!(advice.remedy.starts_with("Nothing to change"), "{:?}: {}", entry.place, advice.remedy);
        }
    }
}

/// What the notes say of libvirt's CPU models is what its models have.
#[test]
fn notes_on_cpu_models_agree_with_the_models() {
    let map = crate::cpu_map::CpuMap::of(Knowledge::builtin());
    let has = |model: &str, feature: &str| {
        map.model(model).expect(model).features.contains(&map.feature(feature).expect(feature))
    };
    for (feature, with, without) in [
        (
            "invpcid",
            "Haswell GraniteRapids SierraForest EPYC-Milan EPYC-Turin",
            "IvyBridge Denverton Snowridge KnightsMill EPYC-Rome",
        ),
        ("adx", "Broadwell SapphireRapids EPYC", "Haswell Denverton Snowridge Opteron_G5"),
        ("clflushopt", "Cascadelake-Server Denverton EPYC", "Skylake-Server Broadwell Opteron_G5"),
        ("clwb", "Skylake-Server Snowridge EPYC-Rome", "Broadwell Denverton EPYC"),
        ("movdiri", "Snowridge ClearwaterForest DiamondRapids EPYC-Turin", "SapphireRapids EPYC-Genoa"),
        ("movdir64b", "Snowridge ClearwaterForest DiamondRapids EPYC-Turin", "SapphireRapids EPYC-Genoa"),
        (
            "serialize",
            "SapphireRapids GraniteRapids SierraForest ClearwaterForest",
            "Icelake-Server Snowridge EPYC-Turin",
        ),
        ("bus-lock-detect", "SapphireRapids GraniteRapids SierraForest ClearwaterForest", "Icelake-Server EPYC-Turin"),
        ("tsx-ldtrk", "SapphireRapids GraniteRapids DiamondRapids", "SierraForest Icelake-Server"),
        ("cmpccxadd", "SierraForest ClearwaterForest DiamondRapids", "SapphireRapids GraniteRapids"),
        ("lam", "ClearwaterForest DiamondRapids", "SapphireRapids GraniteRapids SierraForest"),
        ("xop", "Opteron_G4 Opteron_G5", "Opteron_G3 EPYC SapphireRapids"),
        ("fma4", "Opteron_G4 Opteron_G5", "Opteron_G3 EPYC SapphireRapids"),
        ("tbm", "Opteron_G5", "Opteron_G4 EPYC"),
        ("3dnow", "athlon phenom", "Opteron_G1 EPYC"),
        ("sse4a", "Opteron_G3 EPYC Dhyana", "Opteron_G2 SapphireRapids YongFeng"),
        ("clzero", "EPYC-Rome EPYC-Turin", "EPYC SapphireRapids"),
        ("3dnowprefetch", "Broadwell Opteron_G4 EPYC", "Haswell Opteron_G3"),
        ("overflow-recov", "EPYC-Turin EPYC-Rome-v5", "EPYC-Genoa SapphireRapids"),
        ("ss", "KnightsMill ClearwaterForest DiamondRapids YongFeng", "SapphireRapids EPYC"),
    ] {
        assert!(with.split(' ').all(|model| has(model, feature)), "{feature}: one of {with} lacks it");
        assert!(!without.split(' ').any(|model| has(model, feature)), "{feature}: one of {without} has it");
    }
    let basics = ["de", "pse", "tsc", "msr", "pae", "mce", "sep", "mtrr", "pge", "mca", "pat", "pse36", "clflush"];
    for model in map.models.iter().filter(|m| has(m.name, "lm")) {
        assert!(basics.iter().all(|feature| has(model.name, feature)), "{}", model.name);
    }
}
