//! `--complete`: imported tables that are the whole CPUID, as VMMs write their profiles.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::files::Files;

/// A profile of an AMD guest: what it does not list is zero.
const PROFILE: &str = "\
00000000 00000000: 00000007 68747541 444d4163 69746e65
00000001 00000000: 00a20f10 00000800 f6d83203 078bfbff
00000007 00000000: 00000000 00000020 00000000 00000000
80000000 00000000: 80000008 68747541 444d4163 69746e65
80000001 00000000: 00a20f10 40000000 000001f1 2dd3fbff
80000008 00000000: 00003030 00000000 00000000 00000000
";

/// The same with its caches described.
const WITH_CACHES: &str = "80000005 00000000: ff40ff40 ff40ff40 20080140 20080140\n\
                           80000006 00000000: 48006400 68006400 02006140 01009140\n";

fn diff(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cpuid-diff")).args(arguments).output().unwrap()
}

fn compared(options: &[&str], a: &str, b: &str) -> (Option<i32>, Value) {
    let files = Files::new();
    let (a, b) = (files.put("a.txt", a), files.put("b.txt", b));
    let output = diff(&[&["compare", &a, &b, "--format", "json"], options].concat());
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}

#[test]
fn a_whole_table_gives_a_verdict_and_an_excerpt_does_not() {
    let (code, report) = compared(&[], PROFILE, PROFILE);
    assert_eq!((code, report["verdict"]["coverage"].as_str()), (Some(1), Some("partial")));
    let (code, report) = compared(&["--complete"], PROFILE, PROFILE);
    assert_eq!((code, report["verdict"]["overall"].as_str()), (Some(0), Some("identical")));
    assert!(report["notes"].to_string().contains("what it does not list is zero"), "{}", report["notes"]);
}

#[test]
fn a_listed_leaf_is_gained_and_an_unlisted_one_lost() {
    let described = format!("{PROFILE}{WITH_CACHES}");
    let (code, report) = compared(&["--complete", "--direction", "a-to-b"], PROFILE, &described);
    assert_eq!(code, Some(0));
    assert!(report["findings"].as_array().unwrap().iter().any(|f| f["id"] == "0x80000005:ecx:7:0"));
    let (code, report) = compared(&["--complete", "--direction", "b-to-a"], PROFILE, &described);
    assert_eq!((code, report["verdict"]["b_to_a"].as_str()), (Some(1), Some("review")));
    // A protection that only one table lists is lost on the way to the other.
    let guarded = PROFILE.replace("80000008 00000000: 00003030 00000000", "80000008 00000000: 00003030 00001000");
    let (code, report) = compared(&["--complete"], &guarded, PROFILE);
    assert_eq!((code, report["verdict"]["a_to_b"].as_str()), (Some(1), Some("unsafe")));
}

#[test]
fn our_own_captures_say_themselves_what_they_lack() {
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/max.json");
    let output = diff(&["compare", "--complete", sample, sample]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--complete is for tables from elsewhere"));
}
