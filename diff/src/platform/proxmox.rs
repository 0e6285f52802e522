//! Proxmox VE: an entry of /etc/pve/virtual-guest/cpu-models.conf, in QEMU's names.
//!
//! # Source
//! qemu-server PVE/QemuServer/CPUConfig.pm (`$cpu_fmt`: flags, reported-model, phys-bits; a flag is
//! `[+-][a-zA-Z0-9\-_\.]+`, so that no property takes a value). A VM's own `flags` take a short list alone, which is why this
//! is a custom model.

use super::Words;

/// The name of the entry: at most 40 characters.
const NAME: &str = "common";

pub(super) fn write(words: &Words<'_>) -> String {
    let mut out = format!("# then: qm set VMID --cpu custom-{NAME}\ncpu-model: {NAME}\n");
    let flags = words.signed(";");
    if !flags.is_empty() {
        out += &format!("    flags {flags}\n");
    }
    out += &format!("    reported-model {}\n", words.model);
    if let Some(bits) = words.width {
        out += &format!("    phys-bits {bits}\n");
    }
    out
}
