//! The boot image, as build.rs made it from probe/boot.

use std::fs::File;
use std::io::{Seek, Write};

use anyhow::{Context, Result};
use rustix::fs::{MemfdFlags, memfd_create};

/// An ELF that QEMU, libvirt and other loaders start as a kernel.
pub const IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/boot_image"));

/// The image as an open file that has no name, and so cannot be left behind.
pub fn open() -> Result<File> {
    let mut file = nameless("boot-image")?;
    file.write_all(IMAGE).and_then(|()| file.rewind()).context("cannot hold the boot image in memory")?;
    Ok(file)
}

/// An empty file in memory.
pub fn nameless(what: &str) -> Result<File> {
    Ok(memfd_create(what, MemfdFlags::CLOEXEC).context("cannot get memory for a file")?.into())
}
