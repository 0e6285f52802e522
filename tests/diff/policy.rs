//! Site policies: what a waiver covers, what it never covers, and what is said of the others.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use cpuid_diff::assemble::{self, Named, Site};
use cpuid_diff::finding::Finding;
use cpuid_diff::judge::rule::Directions;
use cpuid_diff::knowledge::Severity;
use cpuid_diff::policy::{Day, Policy, stanzas};
use cpuid_diff::read::{self, Input};
use cpuid_diff::report::{Coverage, Direction, Overall, Report};
use cpuid_diff::wire;

const TIMING: [&str; 2] = ["reference-node1-timing.txt", "reference-node2-timing.txt"];
const LEAF1: [&str; 2] = ["reference-node1-leaf1.txt", "reference-node2-leaf1.txt"];
const HASWELL: [&str; 2] = ["haswell-node1.json", "haswell-node2.json"];
const STRANGERS: [&str; 2] = ["epyc-4-vcpus.json", "icelake-4-vcpus.json"];

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples").join(name)
}

/// Two samples compared, with what the site accepts on 2026-06-30.
fn judged(samples: [&str; 2], policy: Option<&Policy>) -> Report {
    let [a, b] = samples.map(|name| {
        let bytes = fs::read(sample(name)).expect("a sample");
        match read::read(&bytes, None).expect("readable") {
            Input::Dump(dump) => Named { name: name.to_string(), dump: *dump },
            other => panic!("{name}: {other:?}"),
        }
    });
    let site = Site { policy: policy.map(|policy| (policy, day("2026-06-30"))), ..Site::default() };
    assemble::report(&a, &b, Directions::Both, None, &site)
}

fn compare(samples: [&str; 2]) -> Report {
    judged(samples, None)
}

fn day(text: &str) -> Day {
    Day::parse(text).expect("a date")
}

fn applied(samples: [&str; 2], policy: &str) -> Report {
    judged(samples, Some(&Policy::parse("policy.toml", policy).expect("a policy")))
}

fn waived(report: &Report) -> Vec<String> {
    report.findings.iter().filter(|f| f.severity == Severity::Waived).map(Finding::id).collect()
}

fn says(report: &Report, words: &str) -> bool {
    report.notes.iter().any(|note| note.contains(words))
}

/// `cpuid-diff compare` with a policy: exit code, standard output, standard error.
fn run(samples: [&str; 2], policy: &str, args: &[&str]) -> (Option<i32>, String, String) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("policy-{}", NEXT.fetch_add(1, Relaxed)));
    fs::create_dir_all(&directory).expect("a directory");
    let file = directory.join("policy.toml");
    fs::write(&file, policy).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"))
        .arg("compare")
        .args(samples.map(sample))
        .env("COLUMNS", "1000")
        .arg("--policy")
        .arg(&file)
        .args(args)
        .output()
        .expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const COLD_BOOTS: &str = "[[waiver]]\nleaf = 0x40000010\nreason = \"cold boots only\"\nexpires = 2026-12-31\n";

#[test]
fn the_reference_cases_second_comparison_passes_until_its_waiver_expires() {
    let (code, out, _) = run(TIMING, COLD_BOOTS, &["--partial", "--as-of", "2026-12-31"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("waived") && out.contains("was warning, until 2026-12-31: cold boots only"), "{out}");
    assert!(out.contains("judged as of 2026-12-31: 1 waiver, 1 used"), "{out}");

    let (code, out, _) = run(TIMING, COLD_BOOTS, &["--partial", "--as-of", "2027-01-01"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("expired on 2026-12-31 and no longer counts"), "{out}");

    // Without --as-of the day is today, which is later than the last day of this waiver.
    let (code, out, _) = run(TIMING, &COLD_BOOTS.replace("2026-12-31", "2020-01-01"), &["--partial"]);
    assert_eq!(code, Some(1), "{out}");
}

#[test]
fn a_waived_finding_stays_in_the_json_with_what_it_was() {
    let report = applied(TIMING, COLD_BOOTS);
    let json = serde_json::from_str::<serde_json::Value>(&wire::pretty(&report).expect("JSON")).expect("JSON");
    let finding = &json["findings"][0];
    assert_eq!(finding["severity"], "waived");
    assert_eq!(finding["severity_a_to_b"], "waived");
    let expected = serde_json::json!({"severity": "warning", "reason": "cold boots only", "expires": "2026-12-31"});
    assert_eq!(finding["waived"], expected);
    assert_eq!(json["summary"]["waived"], 1);
    assert_eq!(json["verdict"]["overall"], "undecided", "an excerpt is too little for more");
    assert!(json["notes"].to_string().contains("judged as of 2026-06-30"));
}

#[test]
fn a_leaf_wide_waiver_never_covers_what_is_unsafe_in_it() {
    for wide in [
        "leaf = 0x1",
        "leaf = 0x1\naccept = \"unsafe\"",
        "leaf = 0x1\nregister = \"edx\"\naccept = \"unsafe\"",
        // More bits than the feature's own.
        "leaf = 0x1\nregister = \"edx\"\nbits = \"22:21\"\naccept = \"unsafe\"",
        // The feature's name, without accepting it.
        "feature = \"ds\"",
        "leaf = 0x1\nregister = \"edx\"\nbits = 21",
    ] {
        let report = applied(LEAF1, &format!("[[waiver]]\n{wide}\nreason = \"because\"\n"));
        assert_eq!(waived(&report), [""; 0], "{wide}");
        assert_eq!(report.verdict.overall, Some(Overall::OneWay), "{wide}");
        assert!(says(&report, "does not cover what is unsafe"), "{wide}: {:?}", report.notes);
        assert!(says(&report, "1 waiver, 0 used"), "{wide}: {:?}", report.notes);
    }
}

#[test]
fn what_is_unsafe_is_covered_by_name_or_by_its_very_bits() {
    for exact in [
        "feature = \"ds\"",
        "feature = \"dts\"", // Linux's name
        "feature = [\"nothing\", \"DS\"]",
        "leaf = \"0x00000001\"\nregister = \"EDX\"\nbits = 21",
        "leaf = 1\nregister = \"edx\"\nbits = [\"3\", \"21:21\"]",
    ] {
        let policy = format!("[[waiver]]\n{exact}\naccept = \"unsafe\"\nreason = \"because\"\n");
        let report = applied(LEAF1, &policy);
        assert_eq!(waived(&report), ["0x00000001:edx:21"], "{exact}");
    }
    let both = "[[waiver]]\nfeature = [\"ds\", \"dtes64\"]\naccept = \"unsafe\"\nreason = \"because\"\n";
    let report = applied(LEAF1, both);
    assert_eq!(report.verdict.overall, Some(Overall::Undecided), "an excerpt is too little for more");
    assert_eq!((report.verdict.a_to_b, report.verdict.b_to_a), (Some(Direction::Unknown), Some(Direction::Unknown)));
}

#[test]
fn the_stanza_under_a_finding_waives_it_and_nothing_else() {
    for samples in [LEAF1, TIMING, HASWELL, STRANGERS, ["max.json", "opteron-g3.json"]] {
        let report = compare(samples);
        let loud = |f: &&Finding| matches!(f.severity, Severity::Unsafe | Severity::Warning);
        assert!(report.findings.iter().any(|f| loud(&f)), "{samples:?}");
        for f in report.findings.iter().filter(loud) {
            let stanza = stanzas(&[f]);
            let policy = Policy::parse("p", &stanza).unwrap_or_else(|e| panic!("{e}\n{stanza}"));
            let other = judged(samples, Some(&policy));
            assert!(waived(&other).contains(&f.id()), "{}: not waived by\n{stanza}", f.id());
            for w in other.findings.iter().filter(|w| w.severity == Severity::Waived) {
                let same = w.id() == f.id() || (w.name.is_some() && w.name == f.name) || shares_a_name(w, f);
                assert!(same, "{} waived by the stanza of {}:\n{stanza}", w.id(), f.id());
            }
        }
        // The stanzas of all findings together are one policy that waives all of them.
        let all = stanzas(&report.findings.iter().filter(loud).collect::<Vec<_>>());
        let other = judged(samples, Some(&Policy::parse("p", &all).expect("a policy")));
        assert_eq!((other.summary.unsafe_, other.summary.warning), (0, 0), "{samples:?}\n{all}");
        let excerpt = other.verdict.coverage == Coverage::Partial;
        let refused = !other.verdict.refused.is_empty();
        let expected = match (refused, excerpt) {
            (true, _) => Overall::Review,
            (_, true) => Overall::Undecided,
            _ => Overall::Compatible,
        };
        assert_eq!(other.verdict.overall, Some(expected), "{samples:?}");
    }
}

fn shares_a_name(x: &Finding, y: &Finding) -> bool {
    let names = |f: &Finding| [f.names.libvirt, f.names.qemu, f.names.linux];
    names(x).iter().flatten().any(|name| names(y).contains(&Some(name)))
}

#[test]
fn inputs_narrow_a_waiver() {
    let with = |inputs: &str| {
        let policy =
            format!("[[waiver]]\nfeature = \"avx2\"\naccept = \"unsafe\"\ninputs = {inputs}\nreason = \"r\"\n");
        let report = applied(HASWELL, &policy);
        (waived(&report).len(), says(&report, "covers nothing here"))
    };
    // By label or file name. One name: wherever it takes part.
    assert_eq!(with("\"node1\""), (1, false));
    assert_eq!(with("[\"haswell-node2.json\"]"), (1, false));
    assert_eq!(with("[\"node3\"]"), (0, true));
    // Several: among them alone.
    assert_eq!(with("[\"node1\", \"node2\", \"node3\"]"), (1, false));
    assert_eq!(with("[\"node1\", \"node3\"]"), (0, true));
}

#[test]
fn what_covers_nothing_is_said() {
    let report =
        applied(TIMING, "[[waiver]]\nfeature = \"avx2\"\nreason = \"r\"\n\n[[waiver]]\nmsr = 0x10a\nreason = \"r\"\n");
    assert!(says(&report, "waiver policy.toml:1 (feature avx2) covers nothing here"), "{:?}", report.notes);
    assert!(says(&report, "waiver policy.toml:5 (msr 0x0000010a) covers nothing here"), "{:?}", report.notes);
    assert_eq!(report.summary.warning, 1);
    // A wrong name beside a right one.
    let report = applied(TIMING, "[[waiver]]\nfeature = [\"tsc_khz\", \"avxx\"]\nreason = \"r\"\n");
    assert!(report.notes.iter().any(|note| note.ends_with(": avxx covers nothing here")), "{:?}", report.notes);
    // A second waiver for the same finding is not a mistake.
    let report = applied(TIMING, &(COLD_BOOTS.to_string() + COLD_BOOTS));
    assert!(!says(&report, "covers nothing"), "{:?}", report.notes);
    // An empty policy waives nothing.
    assert!(says(&applied(TIMING, ""), "0 waivers, 0 used"));
}

/// A file of thousands of waivers says the same as its few that matter, and names each of the others.
#[test]
fn many_waivers_say_what_few_do() {
    let few = "[[waiver]]\nfeature = \"ds\"\naccept = \"unsafe\"\nreason = \"because\"\n[[waiver]]\nleaf = 1\nreason = \"b\"\n";
    let idle: String = (0..2500).map(|n| format!("[[waiver]]\nleaf = {}\nreason = \"r\"\n", 0x5000_0000 + n)).collect();
    let (alone, among) = (applied(LEAF1, few), applied(LEAF1, &format!("{idle}{few}{idle}")));
    assert_eq!(waived(&alone), ["0x00000001:edx:21"]);
    assert_eq!(alone.findings, among.findings);
    assert_eq!(alone.verdict, among.verdict);
    let idle: Vec<&String> = among.notes.iter().filter(|note| note.ends_with("covers nothing here")).collect();
    assert_eq!(idle.len(), 5000);
    assert!(idle[2499].starts_with("waiver policy.toml:7498 (0x500009c3)"), "{}", idle[2499]);
    assert!(idle[4999].starts_with("waiver policy.toml:15005 "), "{}", idle[4999]);
}

#[test]
fn a_mistake_is_named_with_its_line_and_column() {
    #[rustfmt::skip]
    let cases = [
        ("waiver = 3", "1:10: ", "expected a sequence"),
        ("title = 3", "1:1: ", "unknown field `title`"),
        ("[[waiver]\n", "1:10: ", "expected `]`"),
        ("[[waiver]]\nleaf = 1", "1:1: ", "missing field `reason`"),
        ("[[waiver]]\nleaf = 1\nreason = \"  \"", "3:10: ", "a reason that is not empty"),
        ("[[waiver]]\nleaf = 1\nreason = 7", "3:10: ", "a reason"),
        ("[[waiver]]\nleaf = 1\nreason = \"r\"\nseverity = 3", "4:1: ", "unknown field `severity`"),
        ("[[waiver]]\nleaf = 0x100000000\nreason = \"r\"", "2:8: ", "a number of 32 bits"),
        ("[[waiver]]\nleaf = -1\nreason = \"r\"", "2:8: ", "a number of 32 bits"),
        ("[[waiver]]\nleaf = \"ds\"\nreason = \"r\"", "2:8: ", "a number of 32 bits"),
        ("[[waiver]]\nleaf = 1\nregister = \"rax\"\nreason = \"r\"", "3:12: ", "eax, ebx, ecx or edx"),
        ("[[waiver]]\nleaf = 1\nregister = \"eax\"\nbits = 64\nreason = \"r\"", "4:8: ", "a bit like 21"),
        ("[[waiver]]\nleaf = 1\nregister = \"eax\"\nbits = 32\nreason = \"r\"", "1:1: ", "0 to 31"),
        ("[[waiver]]\nleaf = 1\nregister = \"eax\"\nbits = \"3:7\"\nreason = \"r\"", "4:8: ", "a bit like 21"),
        ("[[waiver]]\nleaf = 1\nregister = \"eax\"\nbits = []\nreason = \"r\"", "4:8: ", "a bit like 21"),
        ("\n[[waiver]]\nleaf = 1\nbits = 3\nreason = \"r\"", "2:1: ", "`bits` without `register`"),
        ("[[waiver]]\nreason = \"r\"", "1:1: ", "names either `feature`"),
        ("[[waiver]]\nfeature = \"ds\"\nleaf = 1\nreason = \"r\"", "1:1: ", "names either `feature`"),
        ("[[waiver]]\nfeature = []\nreason = \"r\"", "2:11: ", "a name"),
        ("[[waiver]]\nfeature = \"\"\nreason = \"r\"", "2:11: ", "a name"),
        ("[[waiver]]\nleaf = 1\nexpires = \"2026-02-29\"\nreason = \"r\"", "3:11: ", "YYYY-MM-DD"),
        ("[[waiver]]\nleaf = 1\nexpires = 2026-02-28T10:00:00Z\nreason = \"r\"", "3:11: ", "YYYY-MM-DD"),
        ("[[waiver]]\nleaf = 1\naccept = \"all\"\nreason = \"r\"", "3:10: ", "\"unsafe\""),
        ("[[waiver]]\nleaf = 1\nleaf = 2\nreason = \"r\"", "3:1: ", "duplicate key"),
    ];
    for (text, position, message) in cases {
        let error = Policy::parse("p", text).expect_err(text).to_string();
        assert!(error.starts_with(position) && error.contains(message), "{text}\n{error}");
    }
    let (code, out, err) = run(TIMING, "[[waiver]]\nleaf = 1\n", &[]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("policy.toml:1:1: missing field `reason`"), "{err}");
}

#[test]
fn dates_are_of_the_calendar() {
    for wrong in ["2026-13-01", "2026-02-29", "26-01-01", "2026-1-1", "tomorrow", "", "2026-01-01T00:00:00Z"] {
        assert!(Day::parse(wrong).is_err(), "{wrong}");
    }
    assert!(day("2028-02-29") < day("2028-03-01"));
    assert_eq!(Day::of(std::time::UNIX_EPOCH), day("1970-01-01"));
    let (code, _, err) = run(TIMING, "", &["--as-of", "2026-02-30"]);
    assert_eq!(code, Some(2));
    assert!(err.contains("YYYY-MM-DD"), "{err}");
}

/// `cpuid-diff check` of the sample node against the sample baseline, with a policy.
fn check(policy: &str) -> (Option<i32>, serde_json::Value) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("check-{}.toml", NEXT.fetch_add(1, Relaxed)));
    fs::write(&file, policy).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_cpuid-diff"))
        .arg("check")
        .arg(sample("haswell-node2.json"))
        .arg("--baseline")
        .arg(sample("baseline.xml"))
        .args(["--format", "json", "--policy"])
        .arg(&file)
        .output()
        .expect("runs");
    (output.status.code(), serde_json::from_slice(&output.stdout).expect("a report"))
}

#[test]
fn a_baseline_is_met_when_every_broken_promise_is_waived() {
    let (code, report) = check("");
    assert_eq!((code, report["verdict"]["baseline"][0]["result"].as_str()), (Some(1), Some("not-met")));
    let broken: Vec<&str> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|f| f["severity"] == "unsafe")
        .filter_map(|f| f["name"].as_str())
        .collect();
    assert!(broken.len() > 1, "{broken:?}");
    let waive = |names: &[&str]| {
        let stanza = |name: &&str| format!("[[waiver]]\nfeature = \"{name}\"\naccept = \"unsafe\"\nreason = \"r\"\n");
        check(&names.iter().map(stanza).collect::<String>())
    };
    // All but one is not enough.
    let (code, report) = waive(&broken[1..]);
    assert_eq!((code, report["verdict"]["baseline"][0]["result"].as_str()), (Some(1), Some("not-met")));
    let (code, report) = waive(&broken);
    assert_eq!((code, report["verdict"]["baseline"][0]["result"].as_str()), (Some(0), Some("met")));
    assert_eq!(report["summary"]["waived"], broken.len());
}
