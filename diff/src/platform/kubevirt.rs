//! KubeVirt: `spec.template.spec.domain.cpu` of a VirtualMachine, in libvirt's names.
//!
//! # Source
//! kubevirt staging/src/kubevirt.io/api/core/v1/schema.go (`CPU`, `CPUFeature`: policies force, require, optional, disable,
//! forbid). A feature that is required or forbidden also becomes a node selector.

use super::{Words, blocks_migration};
use crate::cpu_map::{CpuMap, Feature};
use crate::pool::Common;

pub(super) fn write(words: &Words<'_>, common: &Common, map: &CpuMap) -> String {
    let mut out =
        format!("spec:\n  template:\n    spec:\n      domain:\n        cpu:\n          model: {}\n", words.model);
    let listed = common.listed.iter().filter_map(|(policy, id)| Some((policy, map.features.get(*id)?)));
    let stays = |feature: &Feature| common.tsc_frequency.is_none() || !blocks_migration(feature);
    let listed: Vec<_> =
        listed.filter(|(_, feature)| stays(feature)).map(|(policy, feature)| (policy, feature.name)).collect();
    if !listed.is_empty() {
        out += "          features:\n";
    }
    for (policy, name) in listed {
        out += &format!("            - name: {name}\n              policy: {}\n", policy.word());
    }
    out
}
