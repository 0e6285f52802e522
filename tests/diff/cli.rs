//! The examples of README and docs, with exact output. `scripts/update-examples` rewrites them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// cpuid-probe, which another package builds, from the same profile as cpuid-diff.
pub fn probe() -> PathBuf {
    let differ = Path::new(env!("CARGO_BIN_EXE_cpuid-diff"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build
        .args(["build", "--quiet", "--package", "cpuid-probe", "--bin", "cpuid-probe"])
        .current_dir(crate::support::root());
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    let status = build.status().expect("cargo runs");
    assert!(status.success(), "cpuid-probe does not build");
    differ.with_file_name("cpuid-probe")
}

/// Pages whose commands need guests, hosts or several terminals; tests of their own run them.
const TESTED_ELSEWHERE: [&str; 3] = ["baselines.md", "boot.md", "libvirt.md"];

#[test]
fn every_example_does_what_it_says() {
    // Examples name files as a reader at the top of the repository does.
    std::env::set_current_dir(crate::support::root()).expect("the top of the repository");
    let cases = trycmd::TestCases::new();
    cases
        .register_bin("cpuid-diff", Path::new(env!("CARGO_BIN_EXE_cpuid-diff")))
        .register_bin("cpuid-probe", probe())
        .case("README.md");
    for page in std::fs::read_dir("docs").expect("docs") {
        let page = page.expect("a page").file_name();
        let page = page.to_str().expect("a name");
        if page.ends_with(".md") && !TESTED_ELSEWHERE.contains(&page) {
            cases.case(format!("docs/{page}"));
        }
    }
}
