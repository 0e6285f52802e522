//! virt-install: the argument of --cpu, in libvirt's names; `virt-xml VM --edit --cpu …,clearxml=yes` takes it too.
//!
//! # Source
//! virt-install(1), --cpu: `MODEL[,+feature][,-feature][,match=MATCH]`.

use super::Words;

pub(super) fn write(words: &Words<'_>) -> String {
    let flags = words.signed(",");
    let comma = if flags.is_empty() { "" } else { "," };
    format!("--cpu {}{comma}{flags}\n", words.model)
}
