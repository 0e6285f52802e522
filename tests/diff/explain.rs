//! `cpuid-diff explain`: an answer for every name there is, and the command itself.

use std::collections::BTreeSet;
use std::process::{Command, Output};

use cpuid_diff::explain::explain;
use cpuid_diff::knowledge::{Knowledge, Namespace};

/// Every libvirt, QEMU, Linux and manual's name.
fn every_name() -> BTreeSet<String> {
    let names = Knowledge::builtin().names().filter(|m| m.namespace != Namespace::Field);
    let found: BTreeSet<String> = names.map(|m| m.name.to_string()).collect();
    assert!(found.len() > 570, "only {} names", found.len());
    found
}

#[test]
fn every_name_is_answered_at_its_places() {
    let mut unknown = Vec::new();
    for name in every_name() {
        let explanation = explain(std::slice::from_ref(&name), None, Knowledge::builtin());
        let known = explanation.answers.first().is_some_and(|answer| {
            answer.entries.iter().all(|e| !e.cause.is_empty() && !e.remedy.is_empty() && !e.source.is_empty())
                && !answer.entries.is_empty()
                && !answer.brief
        });
        if !known {
            unknown.push(name);
        }
    }
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn every_name_survives_a_typo() {
    let mut lost = Vec::new();
    for name in every_name().into_iter().filter(|n| n.len() > 5).step_by(5) {
        // Two letters swapped in the middle.
        let mut letters: Vec<char> = name.chars().collect();
        let at = letters.len() / 2;
        letters.swap(at, at + 1);
        let typo: String = letters.into_iter().collect();
        if typo == name {
            continue;
        }
        let plain = |name: &str| name.to_ascii_lowercase().replace(['_', '.'], "-");
        for unknown in explain(std::slice::from_ref(&typo), None, Knowledge::builtin()).unknown {
            if !unknown.near.iter().any(|near| plain(near) == plain(&name)) {
                lost.push((typo.clone(), unknown.near));
            }
        }
    }
    // Families of names that differ in one sign crowd each other out.
    assert!(lost.len() <= 2, "{} of them: {lost:?}", lost.len());
}

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cpuid-diff")).args(args).env("COLUMNS", "100").output().expect("cpuid-diff runs")
}

fn samples(name: &str) -> String {
    format!("{}/../samples/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_command_answers_on_stdout_and_suggests_on_stderr() {
    let known = run(&["explain", "ds"]);
    assert_eq!(known.status.code(), Some(0));
    let text = String::from_utf8_lossy(&known.stdout);
    assert!(text.starts_with("0x00000001 EDX[21]  ds\n"), "{text}");
    for word in ["PEBS", "<feature policy='disable' name='dtes64'/>"] {
        assert!(text.replace("\n              ", " ").contains(word), "{word}: {text}");
    }

    let typo = run(&["explain", "ds", "avx522f"]);
    assert_eq!(typo.status.code(), Some(1));
    assert_eq!(typo.stdout, known.stdout, "what is known is answered");
    let error = String::from_utf8_lossy(&typo.stderr);
    assert!(error.contains("`avx522f`") && error.contains("avx512f"), "{error}");

    assert_eq!(run(&["explain"]).status.code(), Some(2));
    assert_eq!(run(&["explain", "ds", "--in", "/nowhere"]).status.code(), Some(2));
}

#[test]
fn a_dump_gives_sizes_in_bytes() {
    let out = run(&["explain", "0xd", "--in", &samples("haswell-node1.json")]);
    let text = String::from_utf8_lossy(&out.stdout);
    assert_eq!(out.status.code(), Some(0));
    assert!(text.contains("xsave_size_max     = 832 bytes"), "{text}");
    assert!(text.contains("0x0000000d.2  component: XCR0[2], 256 bytes at offset 576"), "{text}");
    let json = run(&["explain", "0xd", "--in", &samples("haswell-node1.json"), "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["answers"][0]["decoded"][0]["value"], "XCR0[2], 256 bytes at offset 576");
}

#[test]
fn a_dump_gives_the_cpu_its_brand_and_its_caches() {
    let out = run(&["explain", "1.eax", "80000002.eax", "4.0", "--in", &samples("haswell-node1.json")]);
    let text = String::from_utf8_lossy(&out.stdout);
    for line in [
        "0x00000001  cpu: family 6, model 60 (0x3c), stepping ",
        "0x80000002  brand: \"Intel Core Processor (Haswell",
        "0x00000004.0  cache: L1 data, 32 KiB, 8 ways, lines of 64 bytes",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_question_is_too_odd(term in "\\PC{0,40}", place in "(cpuid\\.)?\\(?[0-9a-fx]{1,10}h?[.:,= ][0-9a-z]{0,4}[.:\\[ ][0-9:]{0,5}\\]?") {
        for text in [term, place] {
            let explanation = explain(std::slice::from_ref(&text), None, Knowledge::builtin());
            let answered = explanation.answers.len() + explanation.unknown.len();
            proptest::prop_assert_eq!(answered, 1, "{}", text);
            let _ = cpuid_diff::explain::render::text(&explanation, cpuid_diff::render::Style::plain(80));
        }
    }
}
