//! The boot image, as build.rs made it from probe/boot.

use std::fs::File;
use std::io::{Seek, Write};

use anyhow::{Context, Result};
use rustix::fs::{MemfdFlags, memfd_create};

/// An ELF that QEMU, libvirt and other loaders start as a kernel.
pub const IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/boot_image"));

/// First word of a multiboot header.
const MULTIBOOT: [u8; 4] = 0x1bad_b002_u32.to_le_bytes();

/// The image as an open file that has no name, and so cannot be left behind.
///
/// Its multiboot header is blotted out: QEMU would prefer it to the PVH note, and loads it through an option ROM that
/// takes longer.
pub fn open() -> Result<File> {
    let mut image = IMAGE.to_vec();
    if let Some(at) = image.windows(MULTIBOOT.len()).position(|word| word == MULTIBOOT) {
        image[at..at + MULTIBOOT.len()].fill(0);
    }
    let mut file = nameless("boot-image")?;
    file.write_all(&image).and_then(|()| file.rewind()).context("cannot hold the boot image in memory")?;
    Ok(file)
}

/// An empty file in memory.
pub fn nameless(what: &str) -> Result<File> {
    Ok(memfd_create(what, MemfdFlags::CLOEXEC).context("cannot get memory for a file")?.into())
}
