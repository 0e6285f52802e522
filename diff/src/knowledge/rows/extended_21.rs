//! Leaves 0x80000021 and above: second feature identification, the PMU, encryption keys, topology.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0x8000_0021, At(0), Eax, &[
        bit(0, "no-nested-data-bp", "Nested data breakpoints ignored").libvirt(V11_3).qemu(V10_2).kvm(IfHost).tcg(V10_2)
            .rule(Subset, Warning, Info, "Nested data breakpoints behave again as on old parts; debuggers only",
                "Xen include/public/arch-x86/cpufeatureset.h NO_NEST_BP"),
        bit(1, "fs-gs-base-ns", "FS/GS base MSR writes do not serialize").libvirt(V12_8).qemu(V10_2).kvm(IfHost).not_in_tcg()
            .rule(Hazard, Info, Warning, "Accumulate: one says FS/GS base writes do not serialize",
                "Xen include/public/arch-x86/cpufeatureset.h FS_GS_NS (tag |)"),
        bit(2, "lfence-always-serializing", "LFENCE always waits for dispatch").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().protection()
            .rule(Subset, Unsafe, Warning, "Guest uses plain LFENCE as a speculation barrier",
                "Xen include/public/arch-x86/cpufeatureset.h LFENCE_DISPATCH; Linux 6.1 arch/x86/kernel/cpu/amd.c"),
        nameless(3, "SMM paging configuration can be locked").unsettable().kvm(Never),
        bit(5, "verw-clear", "Memory-operand VERW scrubs buffers (TSA)").libvirt(V12_8).qemu(V10_2).kvm(IfHost).not_in_tcg().protection()
            .rule(Hazard, Unsafe, Warning, "Accumulate: VERW must scrub wherever the guest may run; lost means unprotected, gained unused",
                "Xen include/public/arch-x86/cpufeatureset.h VERW_CLEAR (tag |)")
            .cause(Firmware, "VERW_CLEAR appears with TSA microcode",
                "Linux 6.1 arch/x86/kvm/cpuid.c:752-757,773; Linux 7.1 arch/x86/kvm/cpuid.c:1245"),
        bit(6, "null-sel-clr-base", "Loading null selector clears segment base").libvirt(V11_3).qemu(V10_2).kvm(IfHost).tcg(V10_2),
        nameless(7, "Upper address bits can be ignored").unsettable().kvm(Never),
        bit(8, "auto-ibrs", "Automatic IBRS through EFER").libvirt(V11_3).qemu(V10_2).kvm(IfHost).tcg(V10_2).protection(),
        nameless(9, "SMM control MSR is absent").unsettable().kvm(Emulated)
            .rule(Hazard, Info, Warning, "One says the SMM control MSR is absent",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000021; Linux 6.1 arch/x86/kvm/cpuid.c:762"),
        nameless(10, "Short REP STOSB runs fast (AMD)").unsettable().kvm(Never),
        nameless(11, "Short REP CMPSB runs fast (AMD)").unsettable().kvm(Never),
        nameless(13, "Prefetcher control MSR").unsettable().kvm(Never),
        nameless(14, "L2 TLB sizes encoded in units of 32").unsettable().kvm(Never)
            .rule(Equal, Info, Info, "Unit of the L2 TLB size fields", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000021"),
        nameless(15, "AMD statement of enhanced REP MOVSB/STOSB").unsettable().kvm(Never)
            .rule(Subset, Warning, Info, "Speed hint for string operations", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000021"),
        nameless(16, "Some opcode space reclaimed").unsettable().kvm(Never)
            .rule(Hazard, Info, Warning, "One says old opcodes now mean something else", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000021"),
        nameless(17, "CPUID can fault in user mode").unsettable().kvm(Never),
        nameless(18, "Improved predictive store forwarding behavior").unsettable().kvm(Never),
        nameless(19, "Short REP SCASB runs fast (AMD)").unsettable().kvm(Never)
            .rule(Subset, Warning, Info, "Speed hint for string operations", "Xen include/public/arch-x86/cpufeatureset.h FSRSC"),
        bit(20, "prefetchi", "Instruction-side prefetch PREFETCHI").libvirt(V12_8).qemu(V10_2).kvm(Never).not_in_tcg().isa()
            .rule(Subset, Warning, Info, "Prefetch hint, NOP where absent", "Xen include/public/arch-x86/cpufeatureset.h AMD_PREFETCHI"),
        nameless(21, "512-bit datapath can be downgraded").unsettable().kvm(Never)
            .rule(Informational, Info, Info, "Datapath width advice", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000021"),
        nameless(22, "Workload classification feedback").unsettable().kvm(Never),
        nameless(23, "AVX-512 bit-matrix multiply").unsettable().kvm(Never).isa(),
        bit(24, "eraps", "Return predictor hardened, size enumerated").libvirt(V11_3).qemu(V10_2).kvm(Never).not_in_tcg().protection(),
        bit(27, "sbpb", "PRED_CMD offers a selective barrier (SBPB)").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().protection(),
        bit(28, "ibpb-brtype", "IBPB flushes all branch types").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().protection(),
        bit(29, "srso-no", "Immune to speculative return overflow").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().protection(),
        bit(30, "srso-user-kernel-no", "Immune to SRSO across user/kernel boundary").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().protection(),
        nameless(31, "BP_SPEC_REDUCE control mitigates SRSO").unsettable().kvm(Never).protection()
            .rule(Subset, Unsafe, Warning, "SRSO control MSR bit used as mitigation", "Xen include/public/arch-x86/cpufeatureset.h SRSO_MSR_FIX"),
    ]).rules(&[
        rule(11, 10, Subset, Warning, Info, "Speed hints for string operations", "Xen include/public/arch-x86/cpufeatureset.h AMD_FSRS, AMD_FSRC"),
        rule(28, 27, Subset, Unsafe, Warning, "SRSO mitigation in use depends on these barriers",
            "Linux 6.1 arch/x86/kvm/cpuid.c:770-771; Linux 6.1 arch/x86/kernel/cpu/bugs.c srso_select_mitigation"),
        rule(30, 29, Subset, Unsafe, Warning, "Immunity: guest booted with it runs without the SRSO mitigation",
            "Xen include/public/arch-x86/cpufeatureset.h SRSO_NO, SRSO_US_NO"),
    ]).causes(&[
        cause(31, 27, Firmware, "SRSO-related bits appear with microcode and host kernel mitigations",
            "Linux 6.1 arch/x86/kvm/cpuid.c:770-771; Linux 7.1 arch/x86/kvm/cpuid.c:1256-1259"),
    ]),
    cpu(0x8000_0021, At(0), Ebx, &[
        field(15, 0, "ucode_patch_size", "Microcode patch size, 16-byte units").unit(times(16, "bytes"))
            .rule(Informational, Info, Info, "Microcode patch size, host management", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000021")
            .cause(Firmware, "Microcode patch size",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000021; Linux 6.1 arch/x86/kvm/cpuid.c:1267 (zeroed by KVM)"),
        field(23, 16, "rap_size", "Return predictor size, units of eight").unit(times(8, "entries"))
            .rule(NotGreater, Info, Unsafe, "Guest refills the return predictor by this count; a larger one stays unfilled",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000021; Linux 7.1 arch/x86/kvm/cpuid.c:1255,1865-1866"),
    ]),
    cpu(0x8000_0021, At(0), Ecx, &[
        bit(1, "tsa-sq-no", "Immune to TSA store-queue leak").libvirt(V12_8).qemu(V10_2).kvm(IfHost).not_in_tcg().protection(),
        bit(2, "tsa-l1-no", "Immune to TSA L1 leak").libvirt(V12_8).qemu(V10_2).kvm(IfHost).not_in_tcg().protection(),
        nameless(13, "A word of Linux's own, which KVM showed guests by mistake").unsettable(),
        nameless(14, "A word of Linux's own, which KVM showed guests by mistake").unsettable(),
    ]).rules(&[
        rule(2, 1, Subset, Unsafe, Warning, "Immunity: guest booted with it runs without TSA flushing", "Linux 6.1 arch/x86/kvm/cpuid.c:775-780"),
        rule(14, 13, Subset, Info, Warning, "AMD defines no such bit; KVM of Linux 5.10 leaked bits of a word that Linux uses for itself",
            "Firecracker's published m6a fingerprints: 5.10 shows both bits, 6.1 neither, and snapshots restore"),
    ]).causes(&[
        cause(2, 1, Firmware, "TSA immunity bits depend on host kernel and microcode", "Linux 6.1 arch/x86/kvm/cpuid.c:775-780"),
    ]),
    cpu(0x8000_0022, At(0), Eax, &[
        bit(0, "perfmon-v2", "Performance monitoring version 2 global MSRs").libvirt(V11_3).qemu(V10_2).linux_as("perfmon_v2").kvm(IfHost)
            .not_in_tcg(),
        bit(1, "amd_lbr_v2", "Second-generation last-branch record stack").unsettable().linux().kvm(Never),
        bit(2, "amd_lbr_pmc_freeze", "Branch records freeze on counter overflow").unsettable().linux().kvm(Never),
    ]),
    cpu(0x8000_0022, At(0), Ebx, &[
        field(3, 0, "core_pmcs", "Core performance counters")
            .rule(NotLess, Unsafe, Warning, "Counters in use vanish and restoring their MSRs fails", "Linux 7.1 arch/x86/kvm/cpuid.c:1873-1886")
            .cause(Firmware, "Core counter count is the host KVM's with pmu=on",
                "QEMU 10.2 target/i386/cpu.c:8547-8555; Linux 7.1 arch/x86/kvm/cpuid.c:1873-1886"),
        field(9, 4, "lbr_depth", "Branch record stack entries")
            .rule(Equal, Unsafe, Unsafe, "Branch record depth is programmed state", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000022"),
        field(15, 10, "nb_pmcs", "Northbridge or data-fabric counters")
            .rule(NotLess, Warning, Info, "Uncore counters, not virtualized by KVM", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000022"),
        field(21, 16, "umc_pmcs", "Memory controller counters")
            .rule(NotLess, Warning, Info, "Memory controller counters, not virtualized by KVM",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000022"),
    ]),
    cpu(0x8000_0022, At(0), Ecx, &[
        field(31, 0, "active_umcs", "Bitmap of active memory controllers").unit(Unit::Bits(0))
            .rule(Informational, Info, Info, "Active memory controllers of the host", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000022"),
    ]),
    cpu(0x8000_0023, At(0), Eax, &[nameless(0, "Multiple host memory encryption keys").unsettable()]),
    cpu(0x8000_0023, At(0), Ebx, &[
        field(15, 0, "mem_keys", "Available memory encryption keys")
            .rule(NotLess, Warning, Info, "Memory encryption keys of the host", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000023"),
    ]),
    cpu(0x8000_0025, At(0), Eax, &[
        field(5, 0, "rmp_seg_min", "Smallest RMP segment, log2 bytes").unit(Unit::PowerOfTwo("bytes"))
            .rule(Informational, Info, Info, "Host reverse-map segments", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000025"),
        field(11, 6, "rmp_seg_max", "Largest RMP segment, log2 bytes").unit(Unit::PowerOfTwo("bytes"))
            .rule(Informational, Info, Info, "Host reverse-map segments", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000025"),
    ]),
    cpu(0x8000_0025, At(0), Ebx, &[
        field(9, 0, "rmp_seg_cached", "RMP segments cacheable by CPU"),
        field(10, 10, "rmp_seg_hard", "Cached count is a hard limit"),
    ]).rules(&[
        rule(10, 0, Informational, Info, Info, "Host reverse-map segments", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000025"),
    ]),
    cpu(0x8000_0026, Any, Eax, &[
        field(4, 0, "shift", "APIC id shift to next level").unit(of("bits"))
            .rule(Topology, Warning, Warning, "APIC id decoding follows the topology shown",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
        field(29, 29, "ranking", "Core efficiency ranking is valid"),
        field(30, 30, "heterogeneous", "Core types differ at this level"),
        field(31, 31, "asymmetric", "Child counts differ at this level"),
    ]).rules(&[
        rule(31, 29, PerVcpu, Warning, Warning, "Level flags of this CPU; the multiset over vCPUs must match",
            "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
    ]).causes(&[
        cause(31, 29, EachVcpu, "Level flags describe this CPU's core kind", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
    ]),
    cpu(0x8000_0026, Any, Ebx, &[
        field(15, 0, "level_cpus", "CPUs at this level").unit(of("CPUs"))
            .rule(Topology, Warning, Warning, "Count at the level", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026")
            .cause(Layout, "CPU count at the level", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
        field(23, 16, "efficiency_rank", "Core efficiency rank"),
        field(27, 24, "native_model", "Core design number"),
        field(31, 28, "core_type", "0 performance, 1 efficiency").unit(Unit::Words(&[(0, "performance"), (1, "efficiency")])),
    ]).rules(&[
        rule(31, 16, PerVcpu, Warning, Warning, "Ranking and core kind; the multiset over vCPUs must match",
            "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
    ]).causes(&[
        cause(31, 16, EachVcpu, "Ranking and core type describe this CPU", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
    ]),
    cpu(0x8000_0026, Any, Ecx, &[
        field(7, 0, "level_index", "Echo of input subleaf")
            .rule(Informational, Info, Info, "Echo of the subleaf asked for", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026")
            .cause(Running, "Echo of the subleaf asked for", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
        field(15, 8, "level_type", "1 core 2 complex 3 die 4 socket")
            .unit(Unit::Words(&[(0, "invalid"), (1, "core"), (2, "complex"), (3, "die"), (4, "socket")]))
            .rule(Topology, Warning, Warning, "Level list changed", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
    ]),
    cpu(0x8000_0026, Any, Edx, &[
        field(31, 0, "x2apic_id", "Full APIC id of this CPU")
            .rule(PerVcpu, Expected, Expected, "x2APIC id; unique per vCPU, same set in both dumps",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026")
            .cause(EachVcpu, "x2APIC id", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026"),
    ]),
    cpu(0x8000_0026, At(0), Eax, &[
        nameless(29, "Core efficiency ranking field is meaningful").unsettable(),
        nameless(30, "Package mixes different core kinds (hybrid AMD)").unsettable(),
        nameless(31, "Topology children are not all the same size").unsettable(),
    ]),
    cpu(0x8000_0027, At(0), Eax, &[
        field(7, 0, "workload_classes", "Workload classification count")
            .rule(Informational, Info, Info, "Workload classes, scheduling advice", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000027"),
    ]),
];
