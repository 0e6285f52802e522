//! OpenNebula: CPU_MODEL of a VM template where nothing is taken away, else the whole `<cpu>` as RAW data.
//!
//! # Source
//! OpenNebula documentation, "Virtual Machine Template", CPU_MODEL (MODEL, FEATURES: a list that is required) and RAW (TYPE,
//! DATA).

use cpuid_probe::libvirt::cpu::Policy;

use super::Words;
use crate::cpu_map::CpuMap;
use crate::pool::{Common, definition};

pub(super) fn write(words: &Words<'_>, common: &Common, map: &CpuMap) -> String {
    let plain = common.listed.iter().all(|(policy, _)| matches!(policy, Policy::Require | Policy::Force));
    let alone = common.vendor_id.is_none() && common.topology.is_none() && common.cache.is_none();
    if plain && alone && words.width.is_none() {
        let features =
            if words.on.is_empty() { String::new() } else { format!(",\n  FEATURES = \"{}\"", words.on.join(",")) };
        return format!("CPU_MODEL = [\n  MODEL = \"{}\"{features} ]\n", words.model);
    }
    let xml = definition::libvirt(common, map);
    let xml: Vec<&str> = xml.lines().map(str::trim).collect();
    format!("RAW = [\n  TYPE = \"kvm\",\n  DATA = \"{}\" ]\n", xml.concat().replace('\\', "\\\\").replace('"', "\\\""))
}
