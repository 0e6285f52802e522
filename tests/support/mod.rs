//! What several integration tests need: where things are, and real Linux guests to run them in.
#![allow(dead_code)]

pub mod guest;
pub mod libvirt;

use std::env;
use std::path::{Path, PathBuf};

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
