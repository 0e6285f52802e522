//! Leaves 0x8000000a to 0x8000001e: SVM, TLBs, IBS, profiling, AMD topology.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0x8000_000a, At(0), Eax, &[
        field(7, 0, "svm_revision", "SVM revision")
            .rule(NotLess, Unsafe, Warning, "Nested hypervisor chose code by SVM revision",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000000a"),
    ]),
    cpu(0x8000_000a, At(0), Ebx, &[
        field(31, 0, "asid_count", "Address space identifiers").unit(of("ids"))
            .rule(NotLess, Unsafe, Info, "Nested hypervisor may use an ASID that no longer exists",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000000a; Linux 6.1 arch/x86/kvm/cpuid.c case 0x8000000A"),
    ]),
    cpu(0x8000_000a, At(0), Ecx, &[
        nameless(4, "Page modification logging").unsettable(),
        nameless(6, "x2AVIC handles up to 4096 vCPUs").unsettable(),
    ]),
    cpu(0x8000_000a, At(0), Edx, &[
        bit(0, "npt", "Nested page tables").libvirt(V9_0).qemu(V7_2).linux().kvm(Conditional).tcg(V7_2).needs(&["svm"]),
        bit(1, "lbrv", "LBR virtualization").libvirt(V9_0).qemu(V7_2).linux().kvm(Conditional).not_in_tcg().needs(&["svm"]),
        bit(2, "svm-lock", "SVM can be locked disabled").libvirt(V9_0).qemu(V7_2).linux_as("svm_lock").linux_is_alias().kvm(Never).not_in_tcg()
            .needs(&["svm"]),
        bit(3, "nrip-save", "Next RIP saved on exit").libvirt(V9_0).qemu(V7_2).linux_as("nrip_save").linux_is_alias().kvm(Conditional).tcg(V10_2)
            .needs(&["svm"]),
        bit(4, "tsc-scale", "Guest TSC ratio MSR").libvirt(V9_0).qemu(V7_2).linux_as("tsc_scale").linux_is_alias().kvm(Conditional).not_in_tcg()
            .needs(&["svm"]),
        bit(5, "vmcb-clean", "VMCB caching hints (clean bits)").libvirt(V9_0).qemu(V7_2).linux_as("vmcb_clean").linux_is_alias().kvm(Conditional)
            .not_in_tcg().needs(&["svm"]),
        bit(6, "flushbyasid", "TLB flush limited to one ASID").libvirt(V9_0).qemu(V7_2).linux().kvm(Conditional).not_in_tcg().needs(&["svm"]),
        bit(7, "decodeassists", "Exit decode assistance").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg().needs(&["svm"]),
        nameless(8, "Performance counter virtualization").unsettable().kvm(Never),
        bit(10, "pause-filter", "PAUSE intercept filter count").libvirt(V9_0).qemu(V7_2).linux_as("pausefilter").also(Qemu, &["pause_filter"])
            .kvm(Conditional).not_in_tcg().needs(&["svm"]),
        nameless(11, "Encrypted microcode patches").unsettable().kvm(Never),
        bit(12, "pfthreshold", "PAUSE filter cycle threshold").libvirt(V9_0).qemu(V7_2).linux().kvm(Conditional).not_in_tcg().needs(&["svm"]),
        bit(13, "avic", "Virtual interrupt controller (AVIC)").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg().needs(&["svm"]),
        bit(15, "v-vmsave-vmload", "VMSAVE/VMLOAD virtualization").libvirt(V9_0).qemu(V7_2).linux_as("v_vmsave_vmload").kvm(Conditional).not_in_tcg()
            .needs(&["svm"]),
        bit(16, "vgif", "Virtual global interrupt flag").libvirt(V9_0).qemu(V7_2).linux().kvm(Conditional).tcg(V7_2).needs(&["svm"]),
        bit(17, "gmet", "Guest-mode execute trap").libvirt(V12_8).qemu(V11_1).kvm(Never).not_in_tcg(),
        bit(18, "x2avic", "AVIC in x2APIC mode").unsettable().linux().kvm(Never),
        nameless(19, "Supervisor shadow-stack page checks").unsettable().kvm(Never),
        bit(20, "v_spec_ctrl", "Guest SPEC_CTRL virtualization").unsettable().linux().kvm(Never),
        nameless(21, "Read-only guest page tables").unsettable().kvm(Never),
        nameless(23, "Host machine check overrides guest setting").unsettable().kvm(Never),
        nameless(24, "INVLPGB/TLBSYNC intercept control").unsettable().kvm(Never),
        bit(25, "vnmi", "Virtual NMI").libvirt(V11_3).qemu(V10_2).linux().kvm(Conditional).tcg(V10_2).needs(&["svm"]),
        nameless(26, "Instruction-based sampling virtualization").unsettable().kvm(Never),
        nameless(27, "Extended LVT access behavior under AVIC changed").unsettable().kvm(Never),
        bit(28, "svme-addr-chk", "Guest VMCB addresses checked, #GP on misuse").libvirt(V9_0).qemu(V7_2).kvm(Conditional).tcg(V7_2).needs(&["svm"]),
        nameless(29, "Bus-lock intercept threshold").unsettable().kvm(Never),
        nameless(30, "HLT intercept only when no event pending").unsettable().kvm(Never),
        nameless(31, "Enhanced shutdown intercept").unsettable().kvm(Never),
    ]),
    cpu(0x8000_0019, At(0), Eax, &[
        field(11, 0, "l1i_tlb_1g_entries", "AMD L1 code TLB entries, 1G"),
        field(15, 12, "l1i_tlb_1g_assoc", "AMD L1 code TLB ways code, 1G").unit(WAYS),
        field(27, 16, "l1d_tlb_1g_entries", "AMD L1 data TLB entries, 1G"),
        field(31, 28, "l1d_tlb_1g_assoc", "AMD L1 data TLB ways code, 1G").unit(WAYS),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "1G TLB sizes, tuning only", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000019"),
    ]),
    cpu(0x8000_0019, At(0), Ebx, &[
        field(11, 0, "l2i_tlb_1g_entries", "AMD L2 code TLB entries, 1G"),
        field(15, 12, "l2i_tlb_1g_assoc", "AMD L2 code TLB ways code, 1G").unit(WAYS),
        field(27, 16, "l2d_tlb_1g_entries", "AMD L2 data TLB entries, 1G"),
        field(31, 28, "l2d_tlb_1g_assoc", "AMD L2 data TLB ways code, 1G").unit(WAYS),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "1G TLB sizes, tuning only", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000019"),
    ]),
    cpu(0x8000_001a, At(0), Eax, &[
        nameless(0, "FP/SIMD datapath 128 bits wide").unsettable(),
        nameless(1, "Unaligned moves preferred over split moves").unsettable(),
        nameless(2, "FP/SIMD datapath 256 bits wide").unsettable(),
        nameless(3, "FP/SIMD datapath 512 bits wide").unsettable(),
    ]).rules(&[
        rule(3, 0, Informational, Info, Info, "Datapath width advice, code choice only", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001a"),
    ]),
    cpu(0x8000_001b, At(0), Eax, &[
        nameless(0, "IBS feature bits are valid").unsettable(),
        nameless(1, "IBS can sample instruction fetches").unsettable(),
        nameless(2, "IBS can sample executed ops").unsettable(),
        nameless(3, "IBS op counter readable and writable").unsettable(),
        nameless(4, "IBS can count dispatched ops").unsettable(),
        nameless(5, "IBS reports branch targets").unsettable(),
        nameless(6, "IBS op counters seven bits wider").unsettable(),
        nameless(7, "IBS flags invalid RIP").unsettable(),
        nameless(8, "IBS flags fused branches").unsettable(),
        nameless(9, "IBS extended fetch control MSR").unsettable(),
        nameless(10, "IBS provides a fourth op-data MSR").unsettable(),
        nameless(11, "IBS filters on L3 misses").unsettable(),
        nameless(12, "IBS filters on load latency").unsettable(),
        nameless(19, "IBS simplified data-TLB page size reporting").unsettable(),
    ]),
    cpu(0x8000_001c, At(0), Eax, &[
        field(31, 0, "lwp_enabled", "Lightweight profiling features the OS enabled")
            .rule(OsControlled, Expected, Expected, "Mirror of LWP_CFG; hardware removed since 2017",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001c")
            .cause(GuestState, "LWP features currently enabled by the OS",
                "AMD leaf pair EAX (enabled) vs EDX (available); Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001c"),
    ]),
    cpu(0x8000_001c, At(0), Ebx, &[
        field(7, 0, "lwp_cb_size", "LWP control block size, quadwords"),
        field(15, 8, "lwp_event_size", "LWP event record bytes"),
        field(23, 16, "lwp_max_event", "Largest LWP event id"),
        field(31, 24, "lwp_event_offset", "LWP event area offset"),
    ]).rules(&[
        rule(31, 0, Equal, Warning, Warning, "Lightweight profiling geometry; removed hardware",
            "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001c"),
    ]),
    cpu(0x8000_001c, At(0), Ecx, &[
        field(31, 0, "lwp_caps", "LWP latency, version and filter capabilities")
            .rule(Equal, Warning, Warning, "Lightweight profiling geometry; removed hardware",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001c"),
    ]),
    cpu(0x8000_001c, At(0), Edx, &[
        field(31, 0, "lwp_available", "Lightweight profiling features in hardware")
            .rule(Equal, Warning, Warning, "Lightweight profiling geometry; removed hardware",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001c"),
    ]),
    cpu(0x8000_001d, Any, Eax, &[
        field(4, 0, "cache_type", "0 none, 1 data, 2 instruction, 3 unified").unit(CACHE_TYPE),
        field(7, 5, "cache_level", "Level, first is 1"),
        field(8, 8, "self_init", "Needs no software initialization"),
        field(9, 9, "fully_associative", "Cache has full associativity"),
        field(25, 14, "sharing_cpus", "CPUs sharing this cache, minus one").unit(plus_one("CPUs"))
            .rule(Topology, Warning, Warning, "Sharing follows -smp or host cache passthrough", "QEMU 7.2 target/i386/cpu.c:5791-5818")
            .cause(Layout, "Sharing count follows -smp or host cache passthrough", "QEMU 7.2 target/i386/cpu.c:5791-5818"),
    ]).rules(&[
        rule(7, 0, Topology, Warning, Warning, "A cache level appeared, vanished or moved; changes scheduling, not correctness",
            "QEMU 7.2 target/i386/cpu.c:5791-5818"),
        rule(9, 8, Informational, Info, Info, "Cache property, performance only", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001d"),
    ]),
    cpu(0x8000_001d, Any, Ebx, &[
        field(11, 0, "line_size", "Line bytes, minus one").unit(plus_one("bytes"))
            .rule(Equal, Unsafe, Unsafe, "Line size is compiled into guest data layout and flush loops",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001d"),
        field(21, 12, "partitions", "Line partitions, minus one").unit(plus_one("")),
        field(31, 22, "ways", "Associativity, minus one").unit(plus_one("ways")),
    ]).rules(&[
        rule(31, 12, Informational, Info, Info, "Geometry is host data with host-cache-info=on; tuning only", "QEMU 7.2 target/i386/cpu.c:5793-5795"),
    ]).causes(&[
        cause(31, 0, Layout, "Cache geometry is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5793-5795"),
    ]),
    cpu(0x8000_001d, Any, Ecx, &[
        field(31, 0, "sets", "Set count, minus one").unit(plus_one("sets"))
            .rule(Informational, Info, Info, "Set count, tuning only", "QEMU 7.2 target/i386/cpu.c:5793-5795")
            .cause(Layout, "Cache geometry is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5793-5795"),
    ]),
    cpu(0x8000_001d, Any, Edx, &[
        field(0, 0, "wbinvd_not_lower", "WBINVD may miss sharers' lower caches")
            .rule(Equal, Warning, Warning, "Whether WBINVD reaches lower levels of other threads",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001d"),
        field(1, 1, "inclusive", "Includes lower levels"),
        field(2, 2, "complex_indexing", "Complex cache indexing; reserved in AMD's leaf, set by QEMU's cache description")
            .source("QEMU 7.2 target/i386/cpu.c (CACHE_COMPLEX_IDX)"),
    ]).rules(&[
        rule(31, 1, Informational, Info, Info, "Inclusion, performance only", "QEMU 7.2 target/i386/cpu.c:5793-5795"),
    ]).causes(&[
        cause(31, 0, Layout, "Cache geometry is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5793-5795"),
    ]),
    cpu(0x8000_001e, At(0), Eax, &[
        field(31, 0, "ext_apic_id", "Full APIC id of this CPU")
            .rule(PerVcpu, Expected, Expected, "Extended APIC id; unique per vCPU, same set in both dumps", "QEMU 7.2 target/i386/cpu.c:371")
            .cause(EachVcpu, "Extended APIC id",
                "QEMU 7.2 target/i386/cpu.c:371,5819-5821; Linux 6.1 arch/x86/kvm/cpuid.c:1244-1248 (KVM default zero)"),
    ]),
    cpu(0x8000_001e, At(0), Ebx, &[
        field(7, 0, "core_id", "Core (or compute unit) number")
            .rule(PerVcpu, Expected, Expected, "Core id; same pattern over vCPUs in both dumps", "QEMU 7.2 target/i386/cpu.c:387")
            .cause(EachVcpu, "Core id", "QEMU 7.2 target/i386/cpu.c:387"),
        field(15, 8, "threads_per_core", "Threads per core, minus one").unit(plus_one("threads"))
            .rule(Topology, Warning, Warning, "Threads per core follow -smp", "QEMU 7.2 target/i386/cpu.c:387")
            .cause(Layout, "Threads per core follow -smp", "QEMU 7.2 target/i386/cpu.c:387"),
    ]),
    cpu(0x8000_001e, At(0), Ecx, &[
        field(7, 0, "node_id", "Node number of this CPU")
            .rule(PerVcpu, Expected, Expected, "Node id; same pattern over vCPUs in both dumps", "QEMU 7.2 target/i386/cpu.c:411-412")
            .cause(EachVcpu, "Node id", "QEMU 7.2 target/i386/cpu.c:411-412"),
        field(10, 8, "nodes", "Nodes per package, minus one").unit(plus_one("nodes"))
            .rule(Topology, Warning, Warning, "Node count follows -smp", "QEMU 7.2 target/i386/cpu.c:411")
            .cause(Layout, "Node count follows -smp dies", "QEMU 7.2 target/i386/cpu.c:411"),
    ]),
];
