//! Other names of features: of QEMU, of `/proc/cpuinfo`, and those that libvirt translates.
//!
//! # Source
//! libvirt 9.0 and 11.3 src/cpu_map/x86_features.xml and src/cpu/cpu_x86.c; Linux arch/x86/kernel/cpu for the flags it
//! derives.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use super::names::Namespace::{Libvirt, Linux, Qemu};
use super::names::{Alias, alias};

/// Who says it, what they say, the name it stands for in the rows.
#[rustfmt::skip]
pub(super) const ROWS: &[Alias] = &[
    alias(Libvirt, "cmp_legacy",                           "cmp-legacy"),
    alias(Libvirt, "ds_cpl",                               "ds-cpl"),
    alias(Libvirt, "fxsr_opt",                             "fxsr-opt"),
    alias(Libvirt, "hv-emsr_bitmap",                       "hv-emsr-bitmap"),
    alias(Libvirt, "hv-vendor_id",                         "hv-vendor-id"),
    alias(Libvirt, "hv-xmm_input",                         "hv-xmm-input"),
    alias(Libvirt, "kvm_pv_eoi",                           "kvm-pv-eoi"),
    alias(Libvirt, "kvm_pv_unhalt",                        "kvm-pv-unhalt"),
    alias(Libvirt, "lahf_lm",                              "lahf-lm"),
    alias(Libvirt, "nodeid_msr",                           "nodeid-msr"),
    alias(Libvirt, "pclmuldq",                             "pclmulqdq"),
    alias(Libvirt, "perfctr_core",                         "perfctr-core"),
    alias(Libvirt, "perfctr_nb",                           "perfctr-nb"),
    alias(Libvirt, "tsc_adjust",                           "tsc-adjust"),
    alias(Libvirt, "vmx-invvpid-single-context-noglobals", "vmx-invept-single-context-noglobals"),
    alias(Linux,   "arch_capabilities",                    "arch-capabilities"),
    alias(Linux,   "constant_tsc",                         "invtsc"),
    alias(Linux,   "cqm",                                  "cmt"),
    alias(Linux,   "ibpb",                                 "ibpb"),
    alias(Linux,   "ibpb",                                 "spec-ctrl"),
    alias(Linux,   "ibrs",                                 "ibrs"),
    alias(Linux,   "ibrs",                                 "spec-ctrl"),
    alias(Linux,   "md_clear",                             "md-clear"),
    alias(Linux,   "ssbd",                                 "amd-ssbd"),
    alias(Linux,   "ssbd",                                 "ssbd"),
    alias(Linux,   "ssbd",                                 "virt-ssbd"),
    alias(Linux,   "stibp",                                "amd-stibp"),
    alias(Linux,   "stibp",                                "stibp"),
    alias(Qemu,    "cmp-legacy",                           "cmp_legacy"),
    alias(Qemu,    "ds-cpl",                               "ds_cpl"),
    alias(Qemu,    "ffxsr",                                "fxsr_opt"),
    alias(Qemu,    "fxsr-opt",                             "fxsr_opt"),
    alias(Qemu,    "hv-emsr-bitmap",                       "hv-emsr_bitmap"),
    alias(Qemu,    "hv-vendor-id",                         "hv-vendor_id"),
    alias(Qemu,    "hv-xmm-input",                         "hv-xmm_input"),
    alias(Qemu,    "i64",                                  "lm"),
    alias(Qemu,    "kvm-pv-eoi",                           "kvm_pv_eoi"),
    alias(Qemu,    "kvm-pv-unhalt",                        "kvm_pv_unhalt"),
    alias(Qemu,    "lahf-lm",                              "lahf_lm"),
    alias(Qemu,    "nodeid-msr",                           "nodeid_msr"),
    alias(Qemu,    "nrip_save",                            "nrip-save"),
    alias(Qemu,    "pause_filter",                         "pause-filter"),
    alias(Qemu,    "pclmulqdq",                            "pclmuldq"),
    alias(Qemu,    "perfctr-core",                         "perfctr_core"),
    alias(Qemu,    "perfctr-nb",                           "perfctr_nb"),
    alias(Qemu,    "sse3",                                 "pni"),
    alias(Qemu,    "sse4-1",                               "sse4.1"),
    alias(Qemu,    "sse4-2",                               "sse4.2"),
    alias(Qemu,    "sse4_1",                               "sse4.1"),
    alias(Qemu,    "sse4_2",                               "sse4.2"),
    alias(Qemu,    "svm_lock",                             "svm-lock"),
    alias(Qemu,    "tsc-adjust",                           "tsc_adjust"),
    alias(Qemu,    "tsc_scale",                            "tsc-scale"),
    alias(Qemu,    "vmcb_clean",                           "vmcb-clean"),
    alias(Qemu,    "vmx-invept-single-context-noglobals",  "vmx-invvpid-single-context-noglobals"),
    alias(Qemu,    "xd",                                   "nx"),
];
