//! KubeVirt: `spec.template.spec.domain.cpu` of a VirtualMachine, in libvirt's names.
//!
//! # Source
//! kubevirt staging/src/kubevirt.io/api/core/v1/schema.go (`CPU`, `CPUFeature`: policies force, require, optional, disable,
//! forbid). A feature that is required or forbidden also becomes a node selector.

use super::Words;

pub(super) fn write(words: &Words<'_>) -> String {
    let mut out =
        format!("spec:\n  template:\n    spec:\n      domain:\n        cpu:\n          model: {}\n", words.model);
    if !words.listed.is_empty() {
        out += "          features:\n";
    }
    for (policy, name) in &words.listed {
        out += &format!("            - name: {name}\n              policy: {}\n", policy.word());
    }
    out
}
