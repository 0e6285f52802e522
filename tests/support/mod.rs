//! What several integration tests need: where things are, and real Linux guests to run them in.
#![allow(dead_code)]

pub mod files;
pub mod guest;
pub mod libvirt;
pub mod places;
pub mod tidy;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, thread};

use cpuid_diff::judge::rule::Directions;
use cpuid_diff::judge::{self, Comparison};
use cpuid_diff::knowledge::Knowledge;
use cpuid_diff::view::DumpView;
use cpuid_probe::dump::Dump;

/// The top of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file or directory of the reference material beside the repository (`../shared`, or $CPUID_SHARED). Where it is
/// missing, the test says that it leaves something out, and `scripts/test` counts that.
pub fn shared(path: &str) -> Option<PathBuf> {
    let shared = env::var_os("CPUID_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    let found = Some(shared.join(path)).filter(|p| p.exists());
    if found.is_none() {
        let name = thread::current().name().unwrap_or("a test").to_string();
        left_out(&format!("{name}: needs {path} beside the repository"));
    }
    found
}

/// Says on stderr, and in the file that `scripts/test` shows at its end, what a test does not try here and why.
pub fn left_out(what: &str) {
    let line = format!("left out: {what}\n");
    eprint!("{line}");
    if let Some(path) = env::var_os("CPUID_LEFT_OUT") {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).expect("$CPUID_LEFT_OUT");
        file.write_all(line.as_bytes()).expect("$CPUID_LEFT_OUT");
    }
}

/// Fails where a file of `tests/FOLDER` is not part of the running test binary: cargo does not see that a folder has a
/// new file until `main.rs` is touched.
pub fn every_file_is_built(folder: &str) {
    let listed = Command::new(env::current_exe().expect("this program")).arg("--list").output().expect("this program");
    let listed = String::from_utf8(listed.stdout).expect("text");
    for entry in fs::read_dir(root().join("tests").join(folder)).expect("the folder") {
        let name = entry.expect("a file").file_name().into_string().expect("text");
        let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") else { continue };
        let tests = format!("{module}::");
        assert!(listed.lines().any(|l| l.starts_with(&tests)), "{name} has no test here: touch tests/{folder}/main.rs");
    }
}

/// What the differ finds between two dumps.
pub fn compare(a: &Dump, b: &Dump, directions: Directions) -> Comparison {
    judge::compare(&DumpView::of(a), &DumpView::of(b), directions, Knowledge::builtin())
}

/// An empty directory of its own for a test, which removes it; it is gone after the test in any case.
pub fn scratch() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("cpuid-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let directory = env::temp_dir().join(name);
    fs::create_dir(&directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    tidy::remove_at_end(&directory);
    directory
}
