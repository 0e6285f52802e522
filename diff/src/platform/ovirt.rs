//! oVirt: the custom CPU type of a VM, in libvirt's names.
//!
//! # Source
//! ovirt-engine LibvirtVmXmlBuilder.java (`writeCpu`, `writeCpuFlags`).

use super::Words;

pub(super) fn write(words: &Words<'_>) -> String {
    let flags = words.signed(",");
    let comma = if flags.is_empty() { "" } else { "," };
    format!("{}{comma}{flags}\n", words.model)
}
