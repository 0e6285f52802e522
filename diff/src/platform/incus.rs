//! Incus: the CPU baseline of a cluster group, in QEMU's names.
//!
//! # Source
//! incus doc/reference/cluster_group_config.md (`instances.vm.cpu.x86_64.baseline`, `instances.vm.cpu.x86_64.flags`).

use super::Words;

pub(super) fn write(words: &Words<'_>) -> String {
    let on = words.on.iter().map(|name| (*name).to_string());
    let flags: Vec<String> = on.chain(words.off.iter().map(|name| format!("-{name}"))).collect();
    let mut out = format!("incus cluster group set GROUP instances.vm.cpu.x86_64.baseline={}\n", words.model);
    if !flags.is_empty() {
        out += &format!("incus cluster group set GROUP instances.vm.cpu.x86_64.flags={}\n", flags.join(","));
    }
    out
}
