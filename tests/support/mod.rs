//! What several integration tests need: where things are, and real Linux guests to run them in.
#![allow(dead_code)]

pub mod guest;
pub mod libvirt;
pub mod places;
pub mod tidy;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs};

/// The top of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file or directory of the reference material beside the repository (`../shared`, or $CPUID_SHARED), where there
/// is any.
pub fn shared(path: &str) -> Option<PathBuf> {
    let shared = env::var_os("CPUID_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    Some(shared.join(path)).filter(|p| p.exists())
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
