//! Leaves 0x20 and above: history reset, TDX, the PMU extended, AVX10, asymmetric resources, APX.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0x20, At(0), Eax, &[
        field(31, 0, "max_subleaf", "Largest leaf 0x20 subleaf")
            .rule(NotLess, Warning, Info, "History reset leaf", "Intel SDM vol. 1 ch. 21 leaf 20H"),
    ]),
    cpu(0x20, At(0), Ebx, &[nameless(0, "HRESET clears Thread Director history").unsettable().kvm(Never)]),
    cpu(0x21, At(0), Ebx, &[
        field(31, 0, "tdx_sig_0", "TDX guest text, characters 1 to 4").unit(Unit::Text)
            .rule(Identity, Unsafe, Unsafe, "A TDX guest cannot become an ordinary one, nor the reverse",
                "Linux 6.1 arch/x86/include/asm/shared/tdx.h:14"),
    ]),
    cpu(0x21, At(0), Ecx, &[
        field(31, 0, "tdx_sig_2", "TDX guest text, characters 9 to 12").unit(Unit::Text)
            .rule(Identity, Unsafe, Unsafe, "A TDX guest cannot become an ordinary one, nor the reverse",
                "Linux 6.1 arch/x86/include/asm/shared/tdx.h:14"),
    ]),
    cpu(0x21, At(0), Edx, &[
        field(31, 0, "tdx_sig_1", "TDX guest text, characters 5 to 8").unit(Unit::Text)
            .rule(Identity, Unsafe, Unsafe, "A TDX guest cannot become an ordinary one, nor the reverse",
                "Linux 6.1 arch/x86/include/asm/shared/tdx.h:14"),
    ]),
    cpu(0x23, Any, Eax, &[]).rules(&[
        rule(31, 0, Subset, Unsafe, Warning, "Bit masks; differ legitimately only between core kinds of one hybrid part",
            "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]).causes(&[
        cause(31, 0, Layout, "Counter bitmaps differ between P and E cores of hybrid parts; elsewhere they are capabilities",
            "Intel SDM vol. 1 ch. 21 leaf 23H (Logical Processor domain)"),
    ]),
    cpu(0x23, Any, Ebx, &[]).rules(&[
        rule(31, 0, Subset, Unsafe, Warning, "Bit masks; differ legitimately only between core kinds of one hybrid part",
            "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]).causes(&[
        cause(31, 0, Layout, "Counter bitmaps differ between P and E cores of hybrid parts; elsewhere they are capabilities",
            "Intel SDM vol. 1 ch. 21 leaf 23H (Logical Processor domain)"),
    ]),
    cpu(0x23, Any, Ecx, &[]).rules(&[
        rule(31, 0, Subset, Unsafe, Warning, "Bit masks; differ legitimately only between core kinds of one hybrid part",
            "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]).causes(&[
        cause(31, 0, Layout, "Counter bitmaps differ between P and E cores of hybrid parts; elsewhere they are capabilities",
            "Intel SDM vol. 1 ch. 21 leaf 23H (Logical Processor domain)"),
    ]),
    cpu(0x23, Any, Edx, &[]).rules(&[
        rule(31, 0, Subset, Unsafe, Warning, "Bit masks; differ legitimately only between core kinds of one hybrid part",
            "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]).causes(&[
        cause(31, 0, Layout, "Counter bitmaps differ between P and E cores of hybrid parts; elsewhere they are capabilities",
            "Intel SDM vol. 1 ch. 21 leaf 23H (Logical Processor domain)"),
    ]),
    cpu(0x23, At(0), Eax, &[
        field(31, 0, "subleaf_mask", "Bit n set means subleaf n valid").unit(Unit::Bits(0))
            .rule(Subset, Unsafe, Warning, "Mask of PMU subleaves; losing one hides counters in use", "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]),
    cpu(0x23, At(0), Ebx, &[
        nameless(0, "Second unit mask in event selectors").unsettable().kvm(Never),
        nameless(1, "Equal flag in event selectors").unsettable().kvm(Never),
        nameless(2, "User RDPMC can be disabled per counter").unsettable().kvm(Never),
    ]),
    cpu(0x23, At(0), Ecx, &[
        field(7, 0, "slots_per_cycle", "Topdown slots per cycle")
            .rule(Equal, Warning, Warning, "Top-down ratios use this slot count", "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]),
    cpu(0x23, At(1), Eax, &[
        field(31, 0, "gp_bitmap", "General counters present").unit(Unit::Bits(0))
            .rule(Subset, Unsafe, Warning, "Counters in use vanish; compare core kinds separately on hybrid parts",
                "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]),
    cpu(0x23, At(1), Ebx, &[
        field(31, 0, "fixed_bitmap", "Fixed counters present").unit(Unit::Bits(0))
            .rule(Subset, Unsafe, Warning, "Counters in use vanish; compare core kinds separately on hybrid parts",
                "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]),
    cpu(0x23, At(2), Eax, &[
        field(31, 0, "acr_gp_reload", "General counters that auto-reload")
            .rule(Subset, Unsafe, Warning, "Auto-reload counters in use vanish", "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]),
    cpu(0x23, At(2), Ebx, &[
        field(31, 0, "acr_fixed_reload", "Fixed counters that auto-reload")
            .rule(Subset, Unsafe, Warning, "Auto-reload counters in use vanish", "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]),
    cpu(0x23, At(2), Ecx, &[
        field(31, 0, "acr_gp_trigger", "General counters that trigger reloads")
            .rule(Subset, Unsafe, Warning, "Auto-reload counters in use vanish", "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]),
    cpu(0x23, At(2), Edx, &[
        field(31, 0, "acr_fixed_trigger", "Fixed counters that trigger reloads")
            .rule(Subset, Unsafe, Warning, "Auto-reload counters in use vanish", "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]),
    cpu(0x23, At(3), Eax, &[
        nameless(0, "Core-cycles event countable").unsettable().kvm(Never),
        nameless(1, "Instructions-retired event countable").unsettable().kvm(Never),
        nameless(2, "Reference-cycles event countable").unsettable().kvm(Never),
        nameless(3, "Last-level cache reference event countable").unsettable().kvm(Never),
        nameless(4, "Last-level cache miss event countable").unsettable().kvm(Never),
        nameless(5, "Retired-branch event countable").unsettable().kvm(Never),
        nameless(6, "Mispredicted-branch event countable").unsettable().kvm(Never),
        nameless(7, "Topdown slots event countable").unsettable().kvm(Never),
        nameless(8, "Topdown backend-bound event countable").unsettable().kvm(Never),
        nameless(9, "Topdown bad-speculation event countable").unsettable().kvm(Never),
        nameless(10, "Topdown frontend-bound event countable").unsettable().kvm(Never),
        nameless(11, "Topdown retiring event countable").unsettable().kvm(Never),
        nameless(12, "LBR-insert event countable").unsettable().kvm(Never),
    ]),
    cpu(0x23, At(4), Ebx, &[
        nameless(3, "PEBS ALLOW_IN_RECORD control").unsettable().kvm(Never),
        nameless(4, "PEBS group: general counters").unsettable().kvm(Never),
        nameless(5, "PEBS group: fixed counters").unsettable().kvm(Never),
        nameless(6, "PEBS group: performance metrics").unsettable().kvm(Never),
        field(9, 8, "pebs_lbr_group", "LBR record group support")
            .rule(Subset, Unsafe, Warning, "PEBS record groups in use vanish", "Intel SDM vol. 1 ch. 21 leaf 23H"),
        field(23, 16, "pebs_xer_group", "XSAVE register record group support")
            .rule(Subset, Unsafe, Warning, "PEBS record groups in use vanish", "Intel SDM vol. 1 ch. 21 leaf 23H"),
        nameless(29, "PEBS group: general registers").unsettable().kvm(Never),
        nameless(30, "PEBS group: auxiliary data").unsettable().kvm(Never),
    ]),
    cpu(0x23, At(5), Eax, &[
        field(31, 0, "pebs_gp", "General counters with PEBS")
            .rule(Subset, Unsafe, Warning, "PEBS counters in use vanish", "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]),
    cpu(0x23, At(5), Ebx, &[
        field(31, 0, "pdist_gp", "General counters with precise distribution")
            .rule(Subset, Unsafe, Warning, "PEBS counters in use vanish", "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]),
    cpu(0x23, At(5), Ecx, &[
        field(31, 0, "pebs_fixed", "Fixed counters with PEBS")
            .rule(Subset, Unsafe, Warning, "PEBS counters in use vanish", "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]),
    cpu(0x23, At(5), Edx, &[
        field(31, 0, "pdist_fixed", "Fixed counters with precise distribution")
            .rule(Subset, Unsafe, Warning, "PEBS counters in use vanish", "Intel SDM vol. 1 ch. 21 leaf 23H"),
    ]),
    cpu(0x24, At(0), Eax, &[
        field(31, 0, "max_subleaf", "Largest leaf 0x24 subleaf")
            .rule(NotLess, Unsafe, Warning, "Shrinking hides AVX10 feature bits", "Linux 7.1 arch/x86/kvm/cpuid.c:1671-1701"),
    ]),
    cpu(0x24, At(0), Ebx, &[
        field(7, 0, "avx10_version", "AVX10 version number")
            .rule(NotLess, Unsafe, Warning, "Lower AVX10 version lacks instructions in use",
                "Linux 7.1 arch/x86/kvm/cpuid.c:1671-1701; QEMU 10.2 target/i386/cpu.c avx10"),
        bit(16, "avx10-128", "AVX10 at 128-bit vectors").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().needs(&["avx10"]).isa(),
        bit(17, "avx10-256", "AVX10 at 256-bit vectors").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().needs(&["avx10", "avx10-128"]).isa(),
        bit(18, "avx10-512", "AVX10 at 512-bit vectors").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().needs(&["avx10", "avx10-256"]).isa(),
    ]),
    cpu(0x24, At(1), Ecx, &[bit(2, "avx10-vnni-int", "AVX10 integer neural-network extensions").libvirt(V12_8).qemu(V11_1).not_in_tcg().isa()]),
    cpu(0x27, Any, Ebx, &[]).rules(&[
        rule(31, 0, Equal, Warning, Warning, "Asymmetric monitoring, read on every CPU; not virtualized", "Intel SDM vol. 1 ch. 21 leaf 27H"),
    ]).causes(&[
        cause(31, 0, EachVcpu, "Asymmetric RDT must be read on every CPU", "Intel SDM vol. 1 ch. 21 leaf 27H (Logical Processor domain)"),
    ]),
    cpu(0x27, Any, Edx, &[]).rules(&[
        rule(31, 0, Equal, Warning, Warning, "Asymmetric monitoring, read on every CPU; not virtualized", "Intel SDM vol. 1 ch. 21 leaf 27H"),
    ]).causes(&[
        cause(31, 0, EachVcpu, "Asymmetric RDT must be read on every CPU", "Intel SDM vol. 1 ch. 21 leaf 27H (Logical Processor domain)"),
    ]),
    cpu(0x27, At(0), Ebx, &[field(31, 0, "max_rmid", "Asymmetric: largest RMID on this CPU")]),
    cpu(0x27, At(0), Edx, &[field(31, 0, "resource_mask", "Asymmetric: bitmap of valid monitoring subleaves").unit(Unit::Bits(0))]),
    cpu(0x28, Any, Eax, &[]).rules(&[
        rule(31, 0, Equal, Warning, Warning, "Asymmetric allocation, read on every CPU; not virtualized", "Intel SDM vol. 1 ch. 21 leaf 28H"),
    ]).causes(&[
        cause(31, 0, EachVcpu, "Asymmetric RDT must be read on every CPU", "Intel SDM vol. 1 ch. 21 leaf 28H (Logical Processor domain)"),
    ]),
    cpu(0x28, Any, Ebx, &[]).rules(&[
        rule(31, 0, Equal, Warning, Warning, "Asymmetric allocation, read on every CPU; not virtualized", "Intel SDM vol. 1 ch. 21 leaf 28H"),
    ]).causes(&[
        cause(31, 0, EachVcpu, "Asymmetric RDT must be read on every CPU", "Intel SDM vol. 1 ch. 21 leaf 28H (Logical Processor domain)"),
    ]),
    cpu(0x28, At(0), Ebx, &[field(31, 0, "resource_mask", "Asymmetric: bitmap of valid allocation subleaves").unit(Unit::Bits(0))]),
    cpu(0x29, At(0), Eax, &[
        field(31, 0, "max_subleaf", "Largest leaf 0x29 subleaf")
            .rule(NotLess, Unsafe, Warning, "Shrinking hides APX feature bits", "Intel SDM vol. 1 ch. 21 leaf 29H"),
    ]),
    cpu(0x29, At(0), Ebx, &[bit(0, "apx-nci-ndd-nf", "APX new conditional, NDD and NF forms").libvirt(V12_8).qemu(V11_1).not_in_tcg().isa()]),
];
