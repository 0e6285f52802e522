//! Feature names: libvirt's and QEMU's differ for a few.
//!
//! # Sources
//! libvirt 9.0.0 and 11.3.0 src/qemu/qemu_capabilities.c (`virQEMUCapsCPUFeaturesX86`, the table that libvirt itself
//! uses, in both directions); src/cpu_map/x86_features.xml (names that QEMU takes too, but that libvirt never writes).

/// One name that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameRow {
    /// libvirt's name.
    pub libvirt: &'static str,
    /// QEMU's property.
    pub qemu: &'static str,
    /// The first libvirt that translates it.
    pub since: &'static str,
}

const fn row(libvirt: &'static str, qemu: &'static str, since: &'static str) -> NameRow {
    NameRow { libvirt, qemu, since }
}

/// The names that libvirt translates when it writes a `-cpu` argument and when it reads QEMU's answers.
#[rustfmt::skip]
pub const TRANSLATED: &[NameRow] = &[
    row("cmp_legacy", "cmp-legacy", "9.0"),
    row("ds_cpl", "ds-cpl", "9.0"),
    row("fxsr_opt", "fxsr-opt", "9.0"),
    row("hv-emsr_bitmap", "hv-emsr-bitmap", "11.3"),
    row("hv-vendor_id", "hv-vendor-id", "11.3"),
    row("hv-xmm_input", "hv-xmm-input", "11.3"),
    row("kvm_pv_eoi", "kvm-pv-eoi", "9.0"),
    row("kvm_pv_unhalt", "kvm-pv-unhalt", "9.0"),
    row("lahf_lm", "lahf-lm", "9.0"),
    row("nodeid_msr", "nodeid-msr", "9.0"),
    row("pclmuldq", "pclmulqdq", "9.0"),
    row("perfctr_core", "perfctr-core", "9.0"),
    row("perfctr_nb", "perfctr-nb", "9.0"),
    row("tsc_adjust", "tsc-adjust", "9.0"),
    row("vmx-invvpid-single-context-noglobals", "vmx-invept-single-context-noglobals", "11.3"),
];

/// Other names for a libvirt feature that QEMU or its users write; libvirt understands none of them.
#[rustfmt::skip]
pub const ALIASES: &[(&str, &str)] = &[
    ("fxsr_opt", "ffxsr"),
    ("lm", "i64"),
    ("nrip-save", "nrip_save"),
    ("nx", "xd"),
    ("pause-filter", "pause_filter"),
    ("pni", "sse3"),
    ("sse4.1", "sse4-1"),
    ("sse4.1", "sse4_1"),
    ("sse4.2", "sse4-2"),
    ("sse4.2", "sse4_2"),
    ("svm-lock", "svm_lock"),
    ("tsc-scale", "tsc_scale"),
    ("vmcb-clean", "vmcb_clean"),
];

/// Features of libvirt's CPU map that QEMU cannot switch by name. libvirt drops them before it starts a guest.
///
/// # Source
/// libvirt 9.0 src/cpu/cpu_x86.c (`ignoredFeatures` and `virCPUx86DataFilter`), 11.3 the last three.
pub const NOT_IN_QEMU: &[&str] =
    &["cmt", "mbm_local", "mbm_total", "ospke", "osxsave", "vmx-ept-uc", "vmx-ept-wb", "vmx-invvpid-single-context"];

/// QEMU's property for a libvirt feature. A name that is in no table is the same for both.
#[must_use]
pub fn qemu_name(libvirt: &str) -> &str {
    TRANSLATED.iter().find(|row| row.libvirt == libvirt).map_or(libvirt, |row| row.qemu)
}

/// libvirt's name for a QEMU property or one of its aliases. A name that is in no table is the same for both.
#[must_use]
pub fn libvirt_name(qemu: &str) -> &str {
    let translated = TRANSLATED.iter().find(|row| row.qemu == qemu).map(|row| row.libvirt);
    let alias = || ALIASES.iter().find(|(_, alias)| *alias == qemu).map(|(libvirt, _)| *libvirt);
    translated.or_else(alias).unwrap_or(qemu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_unambiguous() {
        assert!(TRANSLATED.windows(2).all(|w| w[0].libvirt < w[1].libvirt));
        assert!(ALIASES.windows(2).all(|w| w[0] < w[1]));
        assert!(NOT_IN_QEMU.windows(2).all(|w| w[0] < w[1]));
        for row in TRANSLATED {
            assert_eq!(libvirt_name(qemu_name(row.libvirt)), row.libvirt);
            assert!(ALIASES.iter().all(|(_, alias)| *alias != row.qemu && *alias != row.libvirt));
        }
    }

    #[test]
    fn names_go_both_ways() {
        assert_eq!(qemu_name("pclmuldq"), "pclmulqdq");
        assert_eq!(qemu_name("sse4.1"), "sse4.1");
        assert_eq!(libvirt_name("lahf-lm"), "lahf_lm");
        assert_eq!(libvirt_name("sse4_1"), "sse4.1");
        assert_eq!(libvirt_name("avx2"), "avx2");
    }
}
