//! `show`, and what every command does with its output: a file, nothing, colour.

use std::fs;
use std::process::{Command, Output};

use crate::support::{root, scratch};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cpuid-diff")).args(arguments).current_dir(root()).output().expect("runs")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

const PAIR: [&str; 3] = ["compare", "samples/haswell-node1.json", "samples/haswell-node2.json"];

#[test]
fn a_dump_says_what_it_is_of() {
    let output = run(&["show", "samples/epyc-milan.json"]);
    let shown = text(&output);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    for line in
        ["vendor       AuthenticAMD", "machine      pc-i440fx-7.2", "captured     complete", "role         guest"]
    {
        assert!(shown.lines().any(|shown| shown == line), "no `{line}` in\n{shown}");
    }
    assert!(shown.contains("family 25") && shown.contains(" avx2 "), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let excerpt = text(&run(&["show", "samples/reference-node1-leaf1.txt"]));
    assert!(excerpt.contains("lacks        0x00000000") && excerpt.contains("MSRs         not captured"), "{excerpt}");
    assert_eq!(run(&["show", "samples/reference-leaf1.diff"]).status.code(), Some(2));
}

#[test]
fn output_goes_to_a_new_file_or_nowhere() {
    let file = scratch().join("report.txt");
    let _ = fs::remove_file(&file);
    let path = file.to_string_lossy();
    let whole = text(&run(&PAIR));
    let to_file = run(&[&PAIR[..], &["-o", &path]].concat());
    assert_eq!((to_file.status.code(), text(&to_file)), (Some(1), String::new()));
    assert_eq!(fs::read_to_string(&file).expect("written"), whole);
    let again = run(&[&PAIR[..], &["--output", &path]].concat());
    assert_eq!(again.status.code(), Some(2), "a file is not replaced");
    assert_eq!(fs::read_to_string(&file).expect("kept"), whole);
    let quiet = run(&[&["-q"], &PAIR[..]].concat());
    assert_eq!((quiet.status.code(), text(&quiet)), (Some(1), String::new()));
}

#[test]
fn colour_is_where_it_is_asked_for() {
    for (when, coloured) in [("always", true), ("never", false), ("auto", false)] {
        let out = text(&run(&[&PAIR[..], &["--color", when]].concat()));
        assert_eq!(out.contains("\x1b[1;31m"), coloured, "{when}");
    }
}

#[test]
fn completions_are_for_a_shell() {
    let script = text(&run(&["completions", "bash"]));
    assert!(script.contains("complete ") && script.contains("--show-waivers"), "{script}");
    assert_eq!(run(&["completions", "csh"]).status.code(), Some(2));
}
