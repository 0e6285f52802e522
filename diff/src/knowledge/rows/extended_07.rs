//! Leaves 0x80000007 and 0x80000008: RAS, power, address widths, speculation.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0x8000_0007, At(0), Ebx, &[
        bit(0, "overflow-recov", "Machine-check overflow is recoverable").libvirt(V11_3).qemu(V10_2).linux_as("overflow_recov").kvm(Never)
            .not_in_tcg(),
        bit(1, "succor", "Uncorrected errors can be contained by software").libvirt(V11_3).qemu(V10_2).linux().kvm(Never).not_in_tcg(),
        nameless(2, "MSRs capturing hardware asserts").unsettable().kvm(Never),
        bit(3, "smca", "Scalable machine-check banks").unsettable().linux().kvm(Never),
        nameless(4, "Firmware sees errors first (PFEH)").unsettable().kvm(Never),
    ]),
    cpu(0x8000_0007, At(0), Ecx, &[
        field(31, 0, "power_sample_ratio", "Power accumulator to TSC ratio")
            .rule(Equal, Warning, Warning, "Power accumulator ratio, host data", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000007"),
    ]),
    cpu(0x8000_0007, At(0), Edx, &[
        nameless(0, "Temperature sensor").unsettable().kvm(Never),
        nameless(1, "PowerNow! frequency identifier control").unsettable().kvm(Never),
        nameless(2, "PowerNow! voltage identifier control").unsettable().kvm(Never),
        nameless(3, "Thermal trip shutdown").unsettable().kvm(Never),
        nameless(4, "Thermal control by hardware (HTC)").unsettable().kvm(Never),
        nameless(5, "Thermal control by software (STC)").unsettable().kvm(Never),
        nameless(6, "Multiplier adjustable in 100 MHz steps").unsettable().kvm(Never),
        bit(7, "hw_pstate", "Hardware P-state MSRs").unsettable().linux().kvm(Never),
        bit(8, "invtsc", "TSC rate is invariant across P/C-states").libvirt(V9_0).qemu(V7_2).linux_as("nonstop_tsc").also(Linux, &["constant_tsc"])
            .migratable(No).kvm(IfHost).not_in_tcg().blocks_migration()
            .rule(Subset, Unsafe, Warning,
                "Guest trusts the TSC across migration; losing it breaks timekeeping, having it blocks migration unless pinned",
                "QEMU 7.2 target/i386/kvm/kvm.c:2107-2118; Linux 7.1 arch/x86/kvm/cpuid.c:2117-2119")
            .cause(Firmware, "Invariant TSC is a configuration choice; also hidden until a Hyper-V guest enables its control MSR",
                "QEMU 7.2 target/i386/kvm/kvm.c:2107-2118; Linux 7.1 arch/x86/kvm/cpuid.c:2117-2119, hyperv.h:157-178"),
        bit(9, "cpb", "AMD turbo frequency boost").unsettable().linux().kvm(Never),
        nameless(10, "Read-only effective-frequency counters").unsettable().kvm(Never),
        bit(11, "proc_feedback", "Processor feedback interface (obsolete)").unsettable().linux().kvm(Never),
        bit(12, "acc_power", "Accumulated power reporting").unsettable().linux().kvm(Never),
        nameless(13, "Connected standby").unsettable().kvm(Never),
        bit(14, "rapl", "Running average power limit MSRs").unsettable().linux().kvm(Never),
        nameless(15, "Fast CPPC requests").unsettable().kvm(Never),
        nameless(16, "CPPC performance floor/priority control").unsettable().kvm(Never),
    ]),
    cpu(0x8000_0008, At(0), Eax, &[
        field(7, 0, "phys_bits", "Physical address width").unit(of("bits"))
            .rule(NotLess, Unsafe, Warning, "Narrower: addresses in page tables become reserved bits and fault",
                "QEMU 7.2 target/i386/host-cpu.c:53-80; Linux 6.1 arch/x86/kvm/cpuid.c:1201-1220")
            .cause(Firmware, "Physical width is the host's with host-phys-bits=on; BIOS memory encryption shrinks it",
                "QEMU 7.2 target/i386/host-cpu.c:53-80; Linux 6.1 arch/x86/kvm/cpuid.c:1201-1220"),
        field(15, 8, "virt_bits", "Linear address width").unit(of("bits"))
            .rule(NotLess, Unsafe, Warning, "Narrower: mapped linear addresses become non-canonical", "Linux 6.1 arch/x86/kvm/cpuid.c:139-160")
            .cause(Firmware, "Linear width follows LA57 offered by host and model",
                "QEMU 7.2 target/i386/cpu.c case 0x80000008; Linux 6.1 arch/x86/kvm/cpuid.c:139-160"),
        field(23, 16, "guest_phys_bits", "Usable guest physical width, zero means phys_bits").unit(of("bits"))
            .zero_means(7, 0)
            .rule(NotLess, Unsafe, Info, "Zero means phys_bits; narrower usable width strands device windows, a wider one loses nothing",
                "Linux 7.1 arch/x86/kvm/cpuid.c:1774-1815; QEMU 10.2 target/i386/cpu.c:8449")
            .cause(Firmware, "Guest physical width depends on host paging levels",
                "Linux 7.1 arch/x86/kvm/cpuid.c:1774-1815; QEMU 10.2 target/i386/cpu.c:8449"),
    ]),
    cpu(0x8000_0008, At(0), Ebx, &[
        bit(0, "clzero", "Zero a cache line (CLZERO)").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(1, "irperf", "Retired-instruction counter MSR").unsettable().linux().kvm(Never),
        bit(2, "xsaveerptr", "Error pointers always saved and restored by XSAVE").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V10_2),
        nameless(3, "Broadcast TLB invalidation INVLPGB/TLBSYNC").unsettable().kvm(Never),
        bit(4, "rdpru", "User-readable APERF/MPERF through RDPRU").unsettable().linux().kvm(Never).isa(),
        bit(6, MBA, "AMD memory bandwidth enforcement").unsettable().linux().kvm(Never),
        nameless(8, "Persistent-memory commit MCOMMIT").unsettable().kvm(Never).isa(),
        bit(9, "wbnoinvd", "Write back caches without invalidating").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V10_2),
        nameless(10, "Last-branch record extension").unsettable().kvm(Never),
        bit(12, "ibpb", "IBPB barrier (AMD enumeration)").libvirt(V9_0).qemu(V7_2).linux_sets(&["ibpb"]).kvm(IfHost).tcg(V10_2).protection(),
        nameless(13, "WBINVD/WBNOINVD can be interrupted").unsettable().kvm(Never),
        bit(14, "ibrs", "IBRS control (AMD enumeration)").libvirt(V9_0).qemu(V7_2).linux_sets(&["ibrs"]).kvm(IfHost).tcg(V10_2).protection(),
        bit(15, "amd-stibp", "STIBP control (AMD enumeration)").libvirt(V9_0).qemu(V7_2).linux_sets(&["stibp"]).kvm(IfHost).tcg(V10_2).protection(),
        nameless(16, "Vendor prefers IBRS left on").unsettable().kvm(Never),
        bit(17, "stibp-always-on", "Vendor prefers STIBP left on").libvirt(V11_3).qemu(V10_2).kvm(IfHost).tcg(V10_2),
        nameless(18, "Vendor prefers IBRS over software mitigation").unsettable().kvm(Never),
        nameless(19, "IBRS also protects same privilege mode").unsettable().kvm(Never).protection(),
        nameless(20, "EFER.LMSLE segment limits removed").unsettable().kvm(Never)
            .rule(Hazard, Info, Warning, "Accumulate: one says EFER.LMSLE is gone", "Xen include/public/arch-x86/cpufeatureset.h NO_LMSL (tag |)"),
        nameless(21, "INVLPGB may flush nested translations").unsettable().kvm(Never),
        bit(23, "amd_ppin", "AMD processor inventory number MSRs").unsettable().linux().kvm(Never),
        bit(24, "amd-ssbd", "SSBD through SPEC_CTRL (AMD enumeration)").libvirt(V9_0).qemu(V7_2).linux_sets(&["ssbd"]).kvm(IfHost).tcg(V10_2)
            .protection(),
        bit(25, "virt-ssbd", "SSBD through virtual SPEC_CTRL MSR").libvirt(V9_0).qemu(V7_2).linux_as("virt_ssbd").linux_sets(&["ssbd"]).kvm(IfHost)
            .not_in_tcg().protection(),
        bit(26, "amd-no-ssb", "Speculative store bypass absent; no mitigation needed").libvirt(V9_0).qemu(V7_2).kvm(IfHost).not_in_tcg().protection()
            .rule(Subset, Unsafe, Warning, "Immunity: guest booted with it runs without the SSB mitigation",
                "Xen include/public/arch-x86/cpufeatureset.h SSB_NO"),
        bit(27, "cppc", "Collaborative performance control MSRs").unsettable().linux().kvm(Never)
            .rule(Subset, Unsafe, Warning, "CPPC MSRs vanish", "Xen include/public/arch-x86/cpufeatureset.h CPPC"),
        bit(28, "amd-psfd", "Predictive store forwarding can be disabled").libvirt(V11_3).qemu(V10_2).kvm(IfHost).tcg(V10_2).protection()
            .rule(Subset, Unsafe, Warning, "PSFD control in use must stay", "Linux 6.1 arch/x86/kvm/cpuid.c:712-740"),
        bit(29, "BTC_NO", "Immune to branch type confusion").unsettable().manual().kvm(Never).protection()
            .rule(Subset, Unsafe, Warning, "Immunity: guest booted with it runs without the Retbleed mitigation",
                "Xen include/public/arch-x86/cpufeatureset.h BTC_NO; Linux 6.1 arch/x86/kernel/cpu/bugs.c"),
        bit(30, "IBPB_RET", "IBPB also flushes return predictor").unsettable().manual().kvm(IfHost).protection()
            .rule(Subset, Unsafe, Warning, "Guest relies on IBPB flushing return predictions", "Xen include/public/arch-x86/cpufeatureset.h IBPB_RET"),
        bit(31, "brs", "Branch sampling").unsettable().linux().kvm(Never),
    ]).rules(&[
        rule(15, 12, Subset, Unsafe, Warning, "AMD speculation controls; losing one faults MSR writes or drops a mitigation",
            "Linux 6.1 arch/x86/kvm/cpuid.c:712-740"),
        rule(18, 16, Subset, Warning, Info, "Vendor preference for a speculation mode, code choice only",
            "Xen include/public/arch-x86/cpufeatureset.h IBRS_ALWAYS"),
        rule(25, 24, Subset, Unsafe, Warning, "SSBD controls; losing one drops a mitigation in use", "Linux 6.1 arch/x86/kvm/cpuid.c:712-740"),
    ]).causes(&[
        cause(18, 12, Firmware, "AMD speculation controls appear with microcode; KVM also synthesizes them on Intel",
            "Linux 6.1 arch/x86/kvm/cpuid.c:712-740; Linux 7.1 arch/x86/kvm/cpuid.c:1161-1203"),
        cause(30, 24, Firmware, "AMD SSB/PSF/BTC bits appear with microcode and host kernel",
            "Linux 6.1 arch/x86/kvm/cpuid.c:712-740; Linux 7.1 arch/x86/kvm/cpuid.c:1161-1203"),
    ]),
    cpu(0x8000_0008, At(0), Ecx, &[
        field(7, 0, "threads_minus_1", "AMD threads per package, minus one").unit(plus_one("threads"))
            .rule(Topology, Warning, Warning, "Thread count follows -smp", "QEMU 7.2 target/i386/cpu.c:5764-5775")
            .cause(Layout, "Thread count follows -smp", "QEMU 7.2 target/i386/cpu.c:5764-5775; QEMU 10.2 target/i386/cpu.c:8463-8474"),
        field(15, 12, "apic_id_size", "AMD APIC id bits inside package").unit(of("bits"))
            .rule(Topology, Warning, Warning, "APIC id width follows -smp", "QEMU 7.2 target/i386/cpu.c:5764-5775")
            .cause(Layout, "APIC id width follows -smp", "QEMU 7.2 target/i386/cpu.c:5764-5775; QEMU 10.2 target/i386/cpu.c:8463-8474"),
        field(17, 16, "perf_tsc_size", "AMD performance TSC width code")
            .unit(Unit::Words(&[(0, "40 bits"), (1, "48 bits"), (2, "56 bits"), (3, "64 bits")]))
            .rule(NotLess, Warning, Warning, "Counter wrap arithmetic uses this width", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000008"),
    ]),
    cpu(0x8000_0008, At(0), Edx, &[
        field(15, 0, "invlpgb_max", "AMD largest INVLPGB page count")
            .rule(NotLess, Unsafe, Warning, "Broadcast flush with a larger count faults", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000008"),
        field(31, 16, "rdpru_max", "AMD largest RDPRU register number")
            .rule(NotLess, Unsafe, Warning, "Registers readable by RDPRU vanish", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000008"),
    ]),
];
