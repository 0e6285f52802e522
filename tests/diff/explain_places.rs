//! `explain`, through the library: places in every notation, names, and values in a dump.

use cpuid_probe::dump::{Dump, Record, Source, VcpuDump};
use cpuid_probe::{LeafId, Registers};

use cpuid_diff::explain::{Entry, Explanation, explain, render};
use cpuid_diff::knowledge::Knowledge;
use cpuid_diff::render::Style;

fn ask(term: &str, dump: Option<&Dump>) -> Explanation {
    explain(&[term.to_string()], dump, Knowledge::builtin())
}

fn one(term: &str) -> Entry {
    let mut answers = ask(term, None).answers;
    assert_eq!(answers.len(), 1, "{term}");
    let entries = answers.remove(0).entries;
    assert_eq!(entries.len(), 1, "{term}: {entries:?}");
    entries.into_iter().next().expect("one entry")
}

fn dump(places: &[(u32, u32, Registers)]) -> Dump {
    let mut dump = Dump::new(Source::Native);
    for vcpu in 0..2 {
        let mut v = VcpuDump::new(vcpu);
        for (leaf, subleaf, registers) in places {
            v.insert(Record { id: LeafId::new(*leaf, *subleaf), registers: *registers }).expect("each place once");
        }
        dump.vcpus.push(v);
    }
    dump
}

/// Everything that an entry, or several, says.
fn said(entry: &impl std::fmt::Debug) -> String {
    format!("{entry:?}")
}

#[test]
fn a_place_in_any_notation_is_the_same_row() {
    let ds = one("ds");
    assert_eq!((ds.place.to_string().as_str(), ds.row.name), ("0x00000001 EDX[21]", Some("ds")));
    for term in ["1.edx.21", "CPUID.01H:EDX[21]", "0x00000001 EDX[21]", "0x00000001:edx:21", "dts"] {
        assert_eq!(said(&one(term)), said(&ds), "{term}");
    }
    assert_eq!(said(&one("avx2")), said(&one("CPUID.(EAX=07H,ECX=0):EBX[5]")));
    assert_eq!(one("avx2").place.prose().to_string(), "CPUID.(EAX=07H,ECX=0):EBX[5]");
    assert_eq!(said(&one("rdctl-no")), said(&one("msr:0x10a:0")));
}

#[test]
fn a_name_of_another_world_is_the_name_inside_it() {
    for (term, name) in [
        ("X86_FEATURE_AVX2", "avx2"),
        ("cpuid.AVX512F", "avx512f"),
        ("MSR_IA32_ARCH_CAPABILITIES.RDCL_NO", "rdctl-no"),
        ("IA32_ARCH_CAPABILITIES[0]", "rdctl-no"),
        ("+aes", "aes"),
        ("-pcid", "pcid"),
        ("pcid=off", "pcid"),
        ("CPUID Fn8000_0001_ECX[2]", "svm"),
        ("btc_no", "0x80000008.ebx.29"),
        ("IBPB-RET", "0x80000008.ebx.30"),
        ("CPUID_Fn80000008_EBX_x00[29]", "BTC_NO"),
    ] {
        assert_eq!(said(&one(term)), said(&one(name)), "{term}");
    }
    let near = |term: &str| ask(term, None).unknown.remove(0).near;
    assert!(near("EPYC-Tubin").contains(&"EPYC-Turin") && near("x86-64-v5").contains(&"x86-64-v4"));
    assert!(ask("phys-bits=40", None).unknown.is_empty() && ask("hv-spinlocks=0x1fff", None).unknown.is_empty());
    assert!(!ask("cpuid.bogus", None).unknown.is_empty());
}

#[test]
fn a_bit_inside_a_field_is_the_field() {
    assert_eq!(one("1.ebx.30").place.to_string(), "0x00000001 EBX[31:24]");
}

#[test]
fn an_unknown_bit_is_explained_as_one() {
    let unknown = one("1.ecx.16");
    assert!(unknown.row.name.is_none() && unknown.meaning.starts_with("unknown"), "{unknown:?}");
}

#[test]
fn an_ambiguous_name_has_every_place_in_full() {
    let answer = &ask("kvmclock", None).answers[0];
    assert_eq!(answer.entries.len(), 2);
    assert!(!answer.brief);
}

#[test]
fn a_leaf_is_its_rows() {
    let clock = &ask("0x40000010", None).answers[0];
    assert!(clock.entries.iter().any(|e| e.row.name == Some("tsc_khz") && e.place.owner().word() == "kvm"));
    assert!(!clock.brief);
    let features = &ask("7.0.ebx", None).answers[0];
    assert!(features.brief && features.entries.len() >= 32, "{}", features.entries.len());
    assert_eq!(features.entries[0].row.name, Some("avx512vl"), "from bit 31 down");
    let shared = &ask("0x40000001", None).answers[0];
    for owner in ["kvm", "hyperv", "xen"] {
        assert!(shared.entries.iter().any(|e| e.place.owner().word() == owner), "{owner}");
    }
}

#[test]
fn a_part_of_a_name_is_a_list() {
    let answer = &ask("avx512", None).answers[0];
    assert!(answer.brief && answer.entries.len() > 10);
    for nothing in ["", " ", "-", "."] {
        assert!(ask(nothing, None).answers.is_empty(), "{nothing}");
    }
}

#[test]
fn a_typo_has_near_names() {
    let explanation = ask("avx522f", None);
    assert!(explanation.answers.is_empty());
    assert!(explanation.unknown[0].near.contains(&"avx512f"), "{:?}", explanation.unknown);
}

#[test]
fn a_dump_without_the_place_says_why() {
    let short = dump(&[(0, 0, Registers::new(1, 0, 0, 0)), (1, 0, Registers::ZERO)]);
    let cut = dump(&[(0, 0, Registers::new(7, 0, 0, 0)), (1, 0, Registers::ZERO)]);
    for (dump, value) in [(short, "absent"), (cut, "not captured")] {
        assert_eq!(
            ask("avx2", Some(&dump)).answers[0].entries[0].values[0].value.text().as_deref().unwrap_or("not captured"),
            value
        );
    }
}

#[test]
fn a_dump_gives_values_with_units() {
    let dump = dump(&[
        (0xd, 0, Registers::new(7, 832, 832, 0)),
        (0xd, 1, Registers::new(0xf, 832, 0, 0)),
        (0xd, 2, Registers::new(256, 576, 0, 0)),
    ]);
    let answer = &ask("0xd", Some(&dump)).answers[0];
    let value = |name: &str| {
        let entry = answer.entries.iter().find(|e| e.row.name == Some(name)).unwrap_or_else(|| panic!("{name}"));
        entry.values[0].decoded.clone()
    };
    assert_eq!(value("xsave_size_max").as_deref(), Some("832 bytes"));
    assert_eq!(value("comp_offset").as_deref(), Some("576 bytes"));
    assert_eq!(answer.decoded[0].value, "XCR0[2], 256 bytes at offset 576");
    assert_eq!(answer.decoded[0].vcpus, [0, 1]);
    assert!(
        render::text(&ask("0xd", Some(&dump)), Style::plain(100))
            .contains("0x0000000d.2  component: XCR0[2], 256 bytes")
    );
}

#[test]
fn a_moved_block_is_found_by_its_signature() {
    let kvm = Registers::new(0x4000_0101, 0x4b4d_564b, 0x564b_4d56, 0x4d);
    let dump = dump(&[(0x4000_0100, 0, kvm), (0x4000_0101, 0, Registers::new(1 << 7, 0, 0, 0))]);
    let answer = &ask("kvm-pv-unhalt", Some(&dump)).answers[0];
    assert_eq!(answer.entries[0].place.to_string(), "0x40000101 EAX[7]");
    assert_eq!(answer.entries[0].values[0].value.text().as_deref(), Some("1"));
    let same = &ask("0x40000101 EAX[7]", Some(&dump)).answers[0];
    assert_eq!(said(&same.entries), said(&answer.entries));
}

#[test]
fn text_fits_its_width_and_json_has_its_schema() {
    let explanation = ask("0x40000010", None);
    for width in [60_u16, 80, 160] {
        for line in render::text(&explanation, Style::plain(width)).lines() {
            let width = usize::from(width);
            let long_word = line.split(' ').any(|w| w.len() > width - 20);
            assert!(line.chars().count() <= width || long_word, "{width}: {line}");
        }
    }
    let json: serde_json::Value =
        serde_json::from_str(&cpuid_diff::wire::explanation(&explanation).expect("JSON")).expect("JSON");
    assert_eq!(json["schema"], "cpuid-explain/1");
    assert!(render::markdown(&explanation).contains("### 0x40000010 EAX\\[31:0\\]  tsc\\_khz (kvm block)"));
}
