//! KubeVirt: `spec.template.spec.domain.cpu` of a VirtualMachine, in libvirt's names.
//!
//! # Source
//! kubevirt staging/src/kubevirt.io/api/core/v1/schema.go (`CPU`, `CPUFeature`: policies force, require, optional, disable,
//! forbid). A feature that is required or forbidden also becomes a node selector.

use super::Words;
use crate::cpu_map::CpuMap;
use crate::pool::Common;

pub(super) fn write(words: &Words<'_>, common: &Common, map: &CpuMap) -> String {
    let mut out =
        format!("spec:\n  template:\n    spec:\n      domain:\n        cpu:\n          model: {}\n", words.model);
    let listed: Vec<_> =
        common.listed.iter().filter_map(|(policy, id)| Some((policy, map.features.get(*id)?.name))).collect();
    let pinned = |name: &&str| common.tsc_frequency.is_none() || *name != "invtsc";
    let listed: Vec<_> = listed.into_iter().filter(|(_, name)| pinned(name)).collect();
    if !listed.is_empty() {
        out += "          features:\n";
    }
    for (policy, name) in listed {
        out += &format!("            - name: {name}\n              policy: {}\n", policy.word());
    }
    out
}
