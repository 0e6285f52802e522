//! OpenStack Nova: the `[libvirt]` section of nova.conf on every compute host of the pool, in libvirt's names.
//!
//! # Source
//! nova/conf/libvirt.py (`cpu_mode`, `cpu_models`, `cpu_model_extra_flags`: `+` or `-` and a name; read at nova-compute's
//! start).

use super::Words;

pub(super) fn write(words: &Words<'_>) -> String {
    let mut out = format!("[libvirt]\ncpu_mode = custom\ncpu_models = {}\n", words.model);
    let flags = words.signed(", ");
    if !flags.is_empty() {
        out += &format!("cpu_model_extra_flags = {flags}\n");
    }
    out
}
