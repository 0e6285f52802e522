//! Files that a test writes.

use std::fs;
use std::path::PathBuf;

use super::scratch;

/// Files in a directory of their own, gone afterwards.
pub struct Files(pub PathBuf);

impl Files {
    /// An empty directory.
    pub fn new() -> Self {
        Self(scratch())
    }

    /// Writes a file, and returns its path for a command line.
    pub fn put(&self, name: &str, content: &(impl AsRef<[u8]> + ?Sized)) -> String {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
