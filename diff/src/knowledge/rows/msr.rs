//! Feature MSRs: core and architectural capabilities, performance capabilities.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    msr(0xcf, &[
        bit(5, "split-lock-detect", "Split locks can raise an alignment check (TEST_CTRL bit 29)").libvirt(V9_0).qemu(V7_2).not_in_tcg()
            .needs(&["core-capability"]),
    ]),
    msr(0x10a, &[
        bit(0, "rdctl-no", "Immune to rogue data cache load (Meltdown)").libvirt(V9_0).qemu(V7_2).tcg(V10_2).needs(&["arch-capabilities"])
            .protection()
            .rule(Subset, Unsafe, Warning, "Immunity: guest booted with it runs without page-table isolation",
                "Xen include/public/arch-x86/cpufeatureset.h RDCL_NO; Linux 7.1 arch/x86/include/asm/msr-index.h:128"),
        bit(1, "ibrs-all", "IBRS may be enabled once and stays effective (enhanced IBRS)").libvirt(V9_0).qemu(V7_2).tcg(V10_2)
            .needs(&["arch-capabilities"]).protection()
            .rule(Subset, Unsafe, Warning, "Guest enabled enhanced IBRS once and relies on it", "Linux 7.1 arch/x86/include/asm/msr-index.h:129"),
        bit(2, "rsba", "Return prediction may fall back to other predictors (RSB alternate)").libvirt(V9_0).qemu(V7_2).tcg(V10_2)
            .needs(&["arch-capabilities"]).hazard()
            .rule(Hazard, Info, Unsafe, "Accumulate: set if any pool host falls back on return underflow; retpolines then unsafe",
                "Xen arch/x86/cpu-policy.c:428-453"),
        bit(3, "skip-l1dfl-vmentry", "L1D flush not needed on VM entry").libvirt(V9_0).qemu(V7_2).tcg(V10_2).needs(&["arch-capabilities"])
            .protection()
            .rule(Subset, Unsafe, Warning, "Immunity: nested hypervisor skips the L1D flush", "Linux 7.1 arch/x86/include/asm/msr-index.h:131"),
        bit(4, "ssb-no", "Immune to speculative store bypass").libvirt(V9_0).qemu(V7_2).tcg(V10_2).needs(&["arch-capabilities"]).protection()
            .rule(Subset, Unsafe, Warning, "Immunity: no SSB mitigation in the guest", "Linux 7.1 arch/x86/include/asm/msr-index.h:132"),
        bit(5, "mds-no", "Immune to microarchitectural data sampling (MDS)").libvirt(V9_0).qemu(V7_2).tcg(V10_2).needs(&["arch-capabilities"])
            .protection()
            .rule(Subset, Unsafe, Warning, "Immunity: no MDS flushing in the guest", "Linux 7.1 arch/x86/include/asm/msr-index.h:137"),
        bit(6, "pschange-mc-no", "Page size change does not cause machine checks").libvirt(V9_0).qemu(V7_2).tcg(V10_2).needs(&["arch-capabilities"])
            .protection()
            .rule(Subset, Unsafe, Warning, "Immunity: nested hypervisor uses large executable pages",
                "Linux 7.1 arch/x86/include/asm/msr-index.h:142"),
        bit(7, "tsx-ctrl", "TSX_CTRL MSR exists: RTM can be disabled and hidden").libvirt(V9_0).qemu(V7_2).tcg(V10_2).needs(&["arch-capabilities"])
            .protection(),
        bit(8, "taa-no", "Immune to TSX asynchronous abort (TAA)").libvirt(V9_0).qemu(V7_2).tcg(V10_2).needs(&["arch-capabilities"]).protection()
            .rule(Subset, Unsafe, Warning, "Immunity: no TAA mitigation in the guest", "Linux 7.1 arch/x86/include/asm/msr-index.h:150"),
        bit(9, "MCU_CTRL", "Microcode update control MSR exists").unsettable().manual()
            .rule(Subset, Warning, Warning, "MCU_CTRL: control MSR exists, not given to guests by KVM",
                "Xen include/public/arch-x86/cpufeatureset.h MCU_CTRL; Linux 7.1 arch/x86/kvm/x86.c:1629-1635"),
        bit(10, "MISC_PKG_CTRL", "Package control MSR exists").unsettable().manual()
            .rule(Subset, Warning, Warning, "MISC_PKG_CTRL: control MSR exists, not given to guests by KVM",
                "Xen include/public/arch-x86/cpufeatureset.h MISC_PKG_CTRL; Linux 7.1 arch/x86/kvm/x86.c:1629-1635"),
        bit(11, "ENERGY_FILTERING", "Energy reporting can be filtered").unsettable().manual()
            .rule(Subset, Warning, Warning, "ENERGY_FILTERING: control bit exists, not given to guests by KVM",
                "Xen include/public/arch-x86/cpufeatureset.h ENERGY_FILTERING; Linux 7.1 arch/x86/kvm/x86.c:1629-1635"),
        bit(12, "DOITM", "Data-operand-independent timing mode can be enabled").unsettable().manual()
            .rule(Subset, Unsafe, Warning, "DOITM: data-independent timing mode a guest may have enabled for secrets",
                "Xen include/public/arch-x86/cpufeatureset.h DOITM"),
        bit(13, "sbdr-ssdp-no", "Immune to SBDR and SSDP, two of the MMIO stale data leaks").libvirt(V11_3).qemu(V10_2).tcg(V10_2)
            .needs(&["arch-capabilities"]).protection(),
        bit(14, "fbsdp-no", "Immune to FBSDP, one of the MMIO stale data leaks").libvirt(V11_3).qemu(V10_2).tcg(V10_2).needs(&["arch-capabilities"])
            .protection(),
        bit(15, "psdp-no", "Immune to PSDP, one of the MMIO stale data leaks").libvirt(V11_3).qemu(V10_2).tcg(V10_2).needs(&["arch-capabilities"])
            .protection(),
        bit(16, "MCU_ENUM", "Microcode enumeration and status MSRs exist").unsettable().manual()
            .rule(Subset, Warning, Warning, "MCU_ENUM: microcode status MSRs, not given to guests by KVM",
                "Xen include/public/arch-x86/cpufeatureset.h MCU_EXT; Linux 7.1 arch/x86/include/asm/msr-index.h:169"),
        bit(17, "fb-clear", "VERW clears fill buffers").libvirt(V11_3).qemu(V10_2).tcg(V10_2).needs(&["arch-capabilities"]).protection()
            .rule(Hazard, Unsafe, Warning, "Accumulate: FB_CLEAR, VERW must clear fill buffers wherever the guest may run",
                "Xen include/public/arch-x86/cpufeatureset.h FB_CLEAR (tag |)"),
        bit(18, "FB_CLEAR_CTRL", "MCU_OPT_CTRL can switch off the fill buffer clearing of VERW").unsettable().manual()
            .rule(Subset, Unsafe, Warning, "FB_CLEAR_CTRL: control MSR bit, not given to guests by KVM",
                "Xen include/public/arch-x86/cpufeatureset.h FB_CLEAR_CTRL; Linux 7.1 arch/x86/include/asm/msr-index.h:177"),
        bit(19, "RRSBA", "Return prediction may fall back to a restricted set of other predictors").unsettable().manual().hazard()
            .rule(Hazard, Info, Unsafe, "Accumulate: RRSBA, restricted alternate return prediction must be visible if any pool host has it",
                "Xen arch/x86/cpu-policy.c:428-453; Linux 7.1 arch/x86/include/asm/msr-index.h:182"),
        bit(20, "bhi-no", "Immune to branch history injection").libvirt(V12_8).qemu(V10_2).tcg(V10_2).needs(&["arch-capabilities"]).protection()
            .rule(Subset, Unsafe, Warning, "Immunity: no branch history clearing in the guest", "Linux 7.1 arch/x86/include/asm/msr-index.h:189"),
        bit(21, "XAPIC_DISABLE", "A status MSR says whether legacy xAPIC mode is locked out").unsettable().manual()
            .rule(Subset, Warning, Warning, "XAPIC_DISABLE: status MSR says whether xAPIC mode is locked out",
                "Xen include/public/arch-x86/cpufeatureset.h XAPIC_STATUS; Linux 7.1 arch/x86/include/asm/msr-index.h:193"),
        bit(23, "OVERCLOCKING_STATUS", "Overclocking status MSR exists").unsettable().manual()
            .rule(Subset, Warning, Warning, "OVERCLOCKING_STATUS: status MSR exists, not given to guests by KVM",
                "Xen include/public/arch-x86/cpufeatureset.h OVRCLK_STATUS"),
        bit(24, "pbrsb-no", "Immune to post-barrier return stack issues (PBRSB)").libvirt(V11_3).qemu(V10_2).tcg(V10_2).needs(&["arch-capabilities"])
            .protection()
            .rule(Subset, Unsafe, Warning, "Immunity: no PBRSB mitigation in the nested hypervisor", "Linux 7.1 arch/x86/include/asm/msr-index.h:197"),
        bit(25, "GDS_CTRL", "MCU_OPT_CTRL controls the gather data sampling mitigation").unsettable().manual()
            .rule(Subset, Warning, Warning, "GDS_CTRL: gather mitigation control, not given to guests by KVM",
                "Xen include/public/arch-x86/cpufeatureset.h GDS_CTRL; Linux 7.1 arch/x86/include/asm/msr-index.h:201"),
        bit(26, "gds-no", "Immune to gather data sampling").libvirt(V11_3).qemu(V10_2).tcg(V10_2).needs(&["arch-capabilities"]).protection()
            .rule(Subset, Unsafe, Warning, "Immunity: no gather data sampling mitigation expected", "Linux 7.1 arch/x86/include/asm/msr-index.h:206"),
        bit(27, "rfds-no", "Immune to register file data sampling").libvirt(V11_3).qemu(V10_2).tcg(V10_2).needs(&["arch-capabilities"]).protection()
            .rule(Subset, Unsafe, Warning, "Immunity: no register file flushing in the guest", "Linux 7.1 arch/x86/include/asm/msr-index.h:210"),
        bit(28, "rfds-clear", "VERW clears register files").libvirt(V11_3).qemu(V10_2).tcg(V10_2).needs(&["arch-capabilities"]).protection()
            .rule(Hazard, Unsafe, Warning, "Accumulate: RFDS_CLEAR, VERW must clear register files wherever the guest may run",
                "Xen include/public/arch-x86/cpufeatureset.h RFDS_CLEAR (tag |)"),
        bit(29, "IGN_UMONITOR", "MCU_OPT_CTRL can make UMONITOR be ignored").unsettable().manual()
            .rule(Subset, Warning, Warning, "IGN_UMONITOR: control bit exists, not given to guests by KVM",
                "Xen include/public/arch-x86/cpufeatureset.h IGN_UMONITOR"),
        bit(30, "MON_UMON_MITG", "MCU_OPT_CTRL controls a MONITOR and UMONITOR mitigation").unsettable().manual()
            .rule(Subset, Warning, Warning, "MON_UMON_MITG: control bit exists, not given to guests by KVM",
                "Xen include/public/arch-x86/cpufeatureset.h MON_UMON_MITG"),
        bit(32, "PB_OPT_CTRL", "PB_OPT_CTRL MSR exists").unsettable().manual()
            .rule(Subset, Warning, Warning, "PB_OPT_CTRL: control MSR exists, not given to guests by KVM",
                "Xen include/public/arch-x86/cpufeatureset.h PB_OPT_CTRL"),
        bit(62, "its-no", "Immune to indirect target selection (a hypervisor's word: no hardware sets it)").libvirt(V12_8).qemu(V10_2).not_in_tcg()
            .needs(&["arch-capabilities"]).protection()
            .rule(Subset, Unsafe, Warning, "Immunity: no indirect target selection mitigation in the guest",
                "Linux 7.1 arch/x86/include/asm/msr-index.h:218"),
    ]).rules(&[
        rule(15, 13, Subset, Unsafe, Warning, "Immunity: no MMIO stale data mitigation in the guest",
            "Linux 7.1 arch/x86/include/asm/msr-index.h:154-164"),
    ]),
    msr(0x345, &[
        bit(13, "full-width-write", "General counters can be written at their full width").qemu(V7_2).not_in_libvirt().not_in_tcg().needs(&["pdcm"]),
    ]),
];
