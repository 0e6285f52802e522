//! Leaves 0x80000000 to 0x80000006: AMD features, the brand text, caches.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0x8000_0000, At(0), Eax, &[
        field(31, 0, "max_ext_leaf", "Largest extended leaf number").unit(Unit::Leaf)
            .rule(NotLess, Unsafe, Warning, "Shrinking hides leaves the guest already used; Xen refuses such a destination",
                "Xen arch/x86/lib/cpu-policy/policy.c:27-28; Linux 6.1 arch/x86/kvm/cpuid.c:1166"),
    ]),
    cpu(0x8000_0000, At(0), Ebx, &[
        field(31, 0, "vendor_0", "Vendor text on AMD; zero on Intel").unit(Unit::Text)
            .rule(Identity, Unsafe, Unsafe, "Vendor text repeated",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000000; QEMU 7.2 target/i386/cpu.c"),
    ]),
    cpu(0x8000_0000, At(0), Ecx, &[
        field(31, 0, "vendor_2", "Vendor text on AMD; zero on Intel").unit(Unit::Text)
            .rule(Identity, Unsafe, Unsafe, "Vendor text repeated",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000000; QEMU 7.2 target/i386/cpu.c"),
    ]),
    cpu(0x8000_0000, At(0), Edx, &[
        field(31, 0, "vendor_1", "Vendor text on AMD; zero on Intel").unit(Unit::Text)
            .rule(Identity, Unsafe, Unsafe, "Vendor text repeated",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000000; QEMU 7.2 target/i386/cpu.c"),
    ]),
    cpu(0x8000_0001, At(0), Eax, &[
        field(31, 0, "signature", "AMD family, model and stepping again")
            .rule(Identity, Unsafe, Unsafe, "Family and model repeated on AMD", "QEMU 7.2 target/i386/cpu.c:5693"),
    ]).rules(&[
        rule(3, 0, Identity, Warning, Warning, "Errata workarounds are chosen by stepping at boot", "QEMU 7.2 target/i386/host-cpu.c:132-175"),
    ]).causes(&[
        cause(3, 0, Firmware, "AMD stepping is passed through by -cpu host",
            "QEMU 7.2 target/i386/cpu.c:5693; QEMU 7.2 target/i386/host-cpu.c:132-175"),
    ]),
    cpu(0x8000_0001, At(0), Ebx, &[
        field(15, 0, "brand_id", "AMD brand index")
            .rule(Informational, Info, Info, "Brand index", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000001"),
        field(31, 28, "package_type", "AMD socket or package code")
            .rule(Informational, Info, Info, "Socket type code", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000001"),
    ]),
    cpu(0x8000_0001, At(0), Ecx, &[
        bit(0, "lahf_lm", "LAHF and SAHF work in 64-bit mode").libvirt(V9_0).qemu_as("lahf-lm", V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(1, "cmp_legacy", "Logical count means cores, not hyperthreads").libvirt(V9_0).qemu_as("cmp-legacy", V7_2).linux().kvm(IfHost).tcg(V10_2)
            .rule(Topology, Warning, Warning, "Only makes 80000008.ECX meaningful; older QEMU forces it with threads",
                "QEMU 7.2 target/i386/cpu.c:5698-5707")
            .cause(Layout, "CmpLegacy is forced for multi-threaded non-Intel packages in older QEMU", "QEMU 7.2 target/i386/cpu.c:5698-5707"),
        bit(2, "svm", "AMD-V virtualization (SVM)").libvirt(V9_0).qemu(V7_2).linux().kvm(Conditional).tcg(V7_2),
        bit(3, "extapic", "Extended APIC register space").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg(),
        bit(4, "cr8legacy", "LOCK MOV CR0 reaches CR8 in 32-bit mode").libvirt(V9_0).qemu(V7_2).linux_as("cr8_legacy").kvm(IfHost).tcg(V7_2),
        bit(5, "abm", "LZCNT instruction (with POPCNT on AMD)").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(6, "sse4a", "SSE4A instruction set").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(7, "misalignsse", "Misaligned SSE operands allowed").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(8, "3dnowprefetch", "PREFETCH and PREFETCHW instructions").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V10_2).isa(),
        bit(9, "osvw", "OS-visible workaround MSRs").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V10_2),
        bit(10, "ibs", "IBS precise event sampling").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg(),
        bit(11, "xop", "XOP vector instructions").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(12, "skinit", "SKINIT and STGI secure launch").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg(),
        bit(13, "wdt", "Watchdog timer").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg(),
        bit(15, "lwp", "Lightweight user-mode profiling").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg(),
        bit(16, "fma4", "Four-operand fused multiply-add").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(17, "tce", "Translation cache extension in EFER").libvirt(V9_0).qemu(V7_2).linux().kvm(Never).not_in_tcg(),
        bit(18, "cvt16", "Half-precision conversion (SSE5-era flag, now reserved)").libvirt(V9_0).not_in_qemu().kvm(Never),
        bit(19, "nodeid_msr", "MSR 0xC001100C gives node id").libvirt(V9_0).qemu_as("nodeid-msr", V7_2).linux().kvm(Never).not_in_tcg(),
        bit(21, "tbm", "TBM bit tricks on low-order bits").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(22, "topoext", "Topology leaves 0x8000001D and 0x8000001E valid").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg(),
        bit(23, "perfctr_core", "Six core performance counters").libvirt(V9_0).qemu_as("perfctr-core", V7_2).linux().kvm(Conditional).not_in_tcg(),
        bit(24, "perfctr_nb", "Northbridge or data-fabric performance counters").libvirt(V9_0).qemu_as("perfctr-nb", V7_2).linux().kvm(Never)
            .not_in_tcg(),
        nameless(25, "Streaming performance monitor (now reserved)").unsettable().kvm(Never),
        bit(26, "bpext", "Data breakpoint address masking").unsettable().linux().kvm(Never),
        bit(27, "ptsc", "Constant-rate counter aligned with performance counters").unsettable().linux().kvm(Never),
        bit(28, "perfctr_llc", "Last-level cache performance counters").unsettable().linux().kvm(Never),
        bit(29, "mwaitx", "MONITORX and MWAITX").unsettable().linux().kvm(Never).isa(),
        nameless(30, "Breakpoint address masks extend to bit 31").unsettable().kvm(Never),
    ]).shown(&[5, 6, 7, 8, 21]).shown_with(AVX, &[11, 16]),
    cpu(0x8000_0001, At(0), Edx, &[
        nameless(0, "AMD copy of x87 flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(1, "AMD copy of virtual-8086 enhancements flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(2, "AMD copy of debugging extensions flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(3, "AMD copy of 4 MiB page flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(4, "AMD copy of TSC flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(5, "AMD copy of MSR flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(6, "AMD copy of PAE flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(7, "AMD copy of machine-check exception flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(8, "AMD copy of CMPXCHG8B flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(9, "AMD copy of APIC-enabled flag").unsettable().migratable(Yes).kvm(IfHost)
            .rule(OsControlled, Warning, Info, "Copy of the APIC bit; Xen updates it, KVM keeps it static", "Xen arch/x86/cpuid.c:490-495")
            .cause(GuestState, "AMD copy of the APIC bit; Xen updates it, KVM leaves it static",
                "Xen arch/x86/cpuid.c:490-495; Linux 6.1 arch/x86/kvm/cpuid.c:275-283"),
        bit(11, "syscall", "SYSCALL/SYSRET; Intel hides it outside 64-bit mode").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa()
            .rule(Subset, Unsafe, Warning, "Never OS-controlled; reads zero on Intel only from a 32-bit capture, compare like captures",
                "Intel SDM vol. 1 ch. 21 leaf 80000001H; Xen arch/x86/cpuid.c:484-488")
            .cause(CaptureMode, "Intel and TCG report SYSCALL only when CPUID runs in 64-bit mode",
                "Intel SDM vol. 1 ch. 21 leaf 80000001H EDX[11]; Xen arch/x86/cpuid.c:484-488; QEMU 10.2 target/i386/cpu.c:8355-8358 (TCG)"),
        nameless(12, "AMD copy of MTRR flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(13, "AMD copy of global-page flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(14, "AMD copy of machine-check architecture flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(15, "AMD copy of conditional-move flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(16, "AMD copy of PAT flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(17, "AMD copy of PSE-36 flag").unsettable().migratable(Yes).kvm(IfHost),
        bit(19, "mp", "Multiprocessing-capable Athlon MP marker").unsettable().linux().kvm(Never),
        bit(20, "nx", "Pages can forbid instruction fetch").libvirt(V9_0).qemu(V7_2).linux().also(Qemu, &["xd"]).kvm(IfHost).tcg(V7_2)
            .rule(Subset, Unsafe, Warning, "Firmware can hide it; page tables with NX bits fault where it is gone",
                "Linux 6.1 arch/x86/kernel/verify_cpu.S:90-99")
            .cause(Firmware, "NX disappears while MISC_ENABLE[34] disables execute-disable", "Linux 6.1 arch/x86/kernel/verify_cpu.S:90-99"),
        bit(22, "mmxext", "AMD extensions to MMX").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        nameless(23, "AMD copy of MMX flag").unsettable().migratable(Yes).kvm(IfHost),
        nameless(24, "AMD copy of FXSAVE flag").unsettable().migratable(Yes).kvm(IfHost),
        bit(25, "fxsr_opt", "FXSAVE can skip XMM registers (EFER.FFXSR)").libvirt(V9_0).qemu_as("fxsr-opt", V7_2).linux().also(Qemu, &["ffxsr"])
            .kvm(IfHost).tcg(V10_2),
        bit(26, "pdpe1gb", "1 GiB pages").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(27, "rdtscp", "RDTSCP and TSC_AUX").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(29, "lm", "64-bit long mode").libvirt(V9_0).qemu(V7_2).linux().also(Qemu, &["i64"]).kvm(IfHost).tcg(V7_2).isa(),
        bit(30, "3dnowext", "3DNow! extensions").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(31, "3dnow", "3DNow! vector instructions").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
    ]).shown(&[22, 27, 29, 30, 31]),
    cpu(0x8000_0002, At(0), Eax, &[
        field(31, 0, "brand_0", "Marketing name bytes 0-3").unit(Unit::Text)
            .rule(Informational, Info, Info, "Marketing name", "QEMU 7.2 target/i386/cpu.c:5710-5717")
            .cause(Brand, "Host brand text with -cpu host; Firecracker writes the host frequency into it",
                "QEMU 7.2 target/i386/cpu.c:5710-5717, target/i386/host-cpu.c:109-130,182; Firecracker docs/cpu_templates/cpuid-normalization.md"),
    ]),
    cpu(0x8000_0002, At(0), Ebx, &[
        field(31, 0, "brand_1", "Marketing name bytes 4-7").unit(Unit::Text)
            .rule(Informational, Info, Info, "Marketing name", "QEMU 7.2 target/i386/cpu.c:5710-5717")
            .cause(Brand, "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    ]),
    cpu(0x8000_0002, At(0), Ecx, &[
        field(31, 0, "brand_2", "Marketing name bytes 8-11").unit(Unit::Text)
            .rule(Informational, Info, Info, "Marketing name", "QEMU 7.2 target/i386/cpu.c:5710-5717")
            .cause(Brand, "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    ]),
    cpu(0x8000_0002, At(0), Edx, &[
        field(31, 0, "brand_3", "Marketing name bytes 12-15").unit(Unit::Text)
            .rule(Informational, Info, Info, "Marketing name", "QEMU 7.2 target/i386/cpu.c:5710-5717")
            .cause(Brand, "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    ]),
    cpu(0x8000_0003, At(0), Eax, &[
        field(31, 0, "brand_4", "Marketing name bytes 16-19").unit(Unit::Text)
            .rule(Informational, Info, Info, "Marketing name", "QEMU 7.2 target/i386/cpu.c:5710-5717")
            .cause(Brand, "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    ]),
    cpu(0x8000_0003, At(0), Ebx, &[
        field(31, 0, "brand_5", "Marketing name bytes 20-23").unit(Unit::Text)
            .rule(Informational, Info, Info, "Marketing name", "QEMU 7.2 target/i386/cpu.c:5710-5717")
            .cause(Brand, "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    ]),
    cpu(0x8000_0003, At(0), Ecx, &[
        field(31, 0, "brand_6", "Marketing name bytes 24-27").unit(Unit::Text)
            .rule(Informational, Info, Info, "Marketing name", "QEMU 7.2 target/i386/cpu.c:5710-5717")
            .cause(Brand, "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    ]),
    cpu(0x8000_0003, At(0), Edx, &[
        field(31, 0, "brand_7", "Marketing name bytes 28-31").unit(Unit::Text)
            .rule(Informational, Info, Info, "Marketing name", "QEMU 7.2 target/i386/cpu.c:5710-5717")
            .cause(Brand, "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    ]),
    cpu(0x8000_0004, At(0), Eax, &[
        field(31, 0, "brand_8", "Marketing name bytes 32-35").unit(Unit::Text)
            .rule(Informational, Info, Info, "Marketing name", "QEMU 7.2 target/i386/cpu.c:5710-5717")
            .cause(Brand, "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    ]),
    cpu(0x8000_0004, At(0), Ebx, &[
        field(31, 0, "brand_9", "Marketing name bytes 36-39").unit(Unit::Text)
            .rule(Informational, Info, Info, "Marketing name", "QEMU 7.2 target/i386/cpu.c:5710-5717")
            .cause(Brand, "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    ]),
    cpu(0x8000_0004, At(0), Ecx, &[
        field(31, 0, "brand_10", "Marketing name bytes 40-43").unit(Unit::Text)
            .rule(Informational, Info, Info, "Marketing name", "QEMU 7.2 target/i386/cpu.c:5710-5717")
            .cause(Brand, "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    ]),
    cpu(0x8000_0004, At(0), Edx, &[
        field(31, 0, "brand_11", "Marketing name bytes 44-47").unit(Unit::Text)
            .rule(Informational, Info, Info, "Marketing name", "QEMU 7.2 target/i386/cpu.c:5710-5717")
            .cause(Brand, "Host brand text with -cpu host", "QEMU 7.2 target/i386/cpu.c:5710-5717"),
    ]),
    cpu(0x8000_0005, At(0), Eax, &[
        field(7, 0, "l1i_tlb_large_entries", "AMD L1 code TLB entries, 2M/4M"),
        field(15, 8, "l1i_tlb_large_assoc", "AMD L1 code TLB ways, 2M/4M").unit(Unit::Words(&[(0xff, "fully associative")])),
        field(23, 16, "l1d_tlb_large_entries", "AMD L1 data TLB entries, 2M/4M"),
        field(31, 24, "l1d_tlb_large_assoc", "AMD L1 data TLB ways, 2M/4M").unit(Unit::Words(&[(0xff, "fully associative")])),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "TLB sizes, tuning only", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000005"),
    ]),
    cpu(0x8000_0005, At(0), Ebx, &[
        field(7, 0, "l1i_tlb_4k_entries", "AMD L1 code TLB entries, 4K"),
        field(15, 8, "l1i_tlb_4k_assoc", "AMD L1 code TLB ways, 4K").unit(Unit::Words(&[(0xff, "fully associative")])),
        field(23, 16, "l1d_tlb_4k_entries", "AMD L1 data TLB entries, 4K"),
        field(31, 24, "l1d_tlb_4k_assoc", "AMD L1 data TLB ways, 4K").unit(Unit::Words(&[(0xff, "fully associative")])),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "TLB sizes, tuning only", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000005"),
    ]),
    cpu(0x8000_0005, At(0), Ecx, &[
        field(7, 0, "l1d_line", "AMD L1 data line bytes").unit(of("bytes")).zero_is_silent()
            .rule(Equal, Unsafe, Unsafe, "Line size is compiled into guest data layout and CLZERO loops",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000005"),
        field(15, 8, "l1d_lines_per_tag", "AMD L1 data lines per tag"),
        field(23, 16, "l1d_assoc", "AMD L1 data ways, 0xff full").unit(Unit::Words(&[(0xff, "fully associative")])),
        field(31, 24, "l1d_kb", "AMD L1 data size in KiB").unit(of("KiB")),
    ]).rules(&[
        rule(31, 8, Informational, Info, Info, "Cache size and ways, tuning only", "QEMU 7.2 target/i386/cpu.c:5718-5723"),
    ]).causes(&[
        cause(31, 0, Layout, "L1 data is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5718-5723"),
    ]),
    cpu(0x8000_0005, At(0), Edx, &[
        field(7, 0, "l1i_line", "AMD L1 code line bytes").unit(of("bytes")).zero_is_silent()
            .rule(Equal, Unsafe, Unsafe, "Line size is compiled into guest data layout", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000005"),
        field(15, 8, "l1i_lines_per_tag", "AMD L1 code lines per tag"),
        field(23, 16, "l1i_assoc", "AMD L1 code ways, 0xff full").unit(Unit::Words(&[(0xff, "fully associative")])),
        field(31, 24, "l1i_kb", "AMD L1 code size in KiB").unit(of("KiB")),
    ]).rules(&[
        rule(31, 8, Informational, Info, Info, "Cache size and ways, tuning only", "QEMU 7.2 target/i386/cpu.c:5718-5723"),
    ]).causes(&[
        cause(31, 0, Layout, "L1 data is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5718-5723"),
    ]),
    cpu(0x8000_0006, At(0), Eax, &[
        field(11, 0, "l2i_tlb_large_entries", "AMD L2 code TLB entries, 2M/4M"),
        field(15, 12, "l2i_tlb_large_assoc", "AMD L2 code TLB ways code, 2M/4M").unit(WAYS),
        field(27, 16, "l2d_tlb_large_entries", "AMD L2 data TLB entries, 2M/4M"),
        field(31, 28, "l2d_tlb_large_assoc", "AMD L2 data TLB ways code, 2M/4M").unit(WAYS),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "TLB sizes, tuning only", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000006"),
    ]),
    cpu(0x8000_0006, At(0), Ebx, &[
        field(11, 0, "l2i_tlb_4k_entries", "AMD L2 code TLB entries, 4K"),
        field(15, 12, "l2i_tlb_4k_assoc", "AMD L2 code TLB ways code, 4K").unit(WAYS),
        field(27, 16, "l2d_tlb_4k_entries", "AMD L2 data TLB entries, 4K"),
        field(31, 28, "l2d_tlb_4k_assoc", "AMD L2 data TLB ways code, 4K").unit(WAYS),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "TLB sizes, tuning only", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000006"),
    ]),
    cpu(0x8000_0006, At(0), Ecx, &[
        field(7, 0, "l2_line", "L2 line bytes").unit(of("bytes")).zero_is_silent()
            .rule(Equal, Unsafe, Unsafe, "Line size is compiled into guest data layout", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000006"),
        field(11, 8, "l2_lines_per_tag", "AMD L2 lines per tag; reserved on Intel"),
        field(15, 12, "l2_assoc", "L2 ways code").unit(WAYS),
        field(31, 16, "l2_kb", "L2 size in KiB").unit(of("KiB")),
    ]).rules(&[
        rule(31, 8, Informational, Info, Info, "Cache size and ways, tuning only", "QEMU 7.2 target/i386/cpu.c:5732-5736"),
    ]).causes(&[
        cause(31, 0, Layout, "L2 data is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5732-5736"),
    ]),
    cpu(0x8000_0006, At(0), Edx, &[
        field(7, 0, "l3_line", "AMD L3 line bytes").unit(of("bytes")).zero_is_silent()
            .rule(Equal, Warning, Warning, "L3 line size; zero where no L3 is described", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000006"),
        field(11, 8, "l3_lines_per_tag", "AMD L3 lines per tag"),
        field(15, 12, "l3_assoc", "AMD L3 ways code").unit(WAYS),
        field(31, 18, "l3_512kb", "AMD L3 size in 512 KiB units").unit(times(512, "KiB")),
    ]).rules(&[
        rule(31, 8, Informational, Info, Info, "Cache size and ways, tuning only", "QEMU 7.2 target/i386/cpu.c:5732-5736"),
    ]).causes(&[
        cause(31, 0, Layout, "L3 data is host data with host-cache-info=on", "QEMU 7.2 target/i386/cpu.c:5732-5736"),
    ]),
];
