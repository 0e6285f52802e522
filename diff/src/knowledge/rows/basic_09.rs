//! Leaves 0x9 to 0xb: direct cache access, the PMU, the topology.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0x9, At(0), Eax, &[
        nameless(0, "Firmware enabled direct cache access").unsettable(),
        field(31, 0, "dca_cap", "Copy of IA32_PLATFORM_DCA_CAP low half")
            .rule(Equal, Warning, Warning, "DCA setup copied from a host MSR; drivers tag writes by it", "Intel SDM vol. 1 ch. 21 leaf 09H"),
    ]),
    cpu(0xa, At(0), Eax, &[
        field(7, 0, "pmu_version", "Architectural perfmon version")
            .rule(NotLess, Unsafe, Warning, "Older PMU lacks global control MSRs the guest programs",
                "Linux 6.1 arch/x86/kvm/cpuid.c:980-1005; Linux 6.1 arch/x86/events/intel/core.c intel_pmu_init"),
        field(15, 8, "gp_counters", "General counters per CPU")
            .rule(NotLess, Unsafe, Warning, "Counters in use vanish and restoring their MSRs fails",
                "QEMU 7.2 target/i386/kvm/kvm.c:1962-1990; Linux 6.1 arch/x86/kvm/pmu.h:170-202"),
        field(23, 16, "gp_width", "General counter width in bits").unit(of("bits"))
            .rule(Equal, Unsafe, Warning, "Overflow arithmetic uses the width read at boot", "Linux 6.1 arch/x86/events/intel/core.c cntval_mask"),
        field(31, 24, "event_vector_len", "Valid bits in EBX")
            .rule(NotLess, Warning, Info, "Fewer event bits defined; missing ones count as unavailable", "Intel SDM vol. 1 ch. 21 leaf 0AH"),
    ]).causes(&[
        cause(31, 0, Firmware, "PMU leaf is the host KVM's with pmu=on; BIOS SMT setting and kernel change counts",
            "QEMU 7.2 target/i386/cpu.c:5409-5410; Linux 6.1 arch/x86/kvm/cpuid.c:980-1005, pmu.h:170-202"),
    ]),
    cpu(0xa, At(0), Ebx, &[
        nameless(0, "Core-cycles event NOT countable").unsettable(),
        nameless(1, "Instructions-retired event NOT countable").unsettable(),
        nameless(2, "Reference-cycles event NOT countable").unsettable(),
        nameless(3, "Last-level cache reference event NOT countable").unsettable(),
        nameless(4, "Last-level cache miss event NOT countable").unsettable(),
        nameless(5, "Retired-branch event NOT countable").unsettable(),
        nameless(6, "Mispredicted-branch event NOT countable").unsettable(),
        nameless(7, "Topdown slots event NOT countable").unsettable(),
        nameless(8, "Topdown backend-bound event NOT countable").unsettable(),
        nameless(9, "Topdown bad-speculation event NOT countable").unsettable(),
        nameless(10, "Topdown frontend-bound event NOT countable").unsettable(),
        nameless(11, "Topdown retiring event NOT countable").unsettable(),
        nameless(12, "LBR-insert event NOT countable").unsettable(),
    ]).rules(&[
        rule(31, 0, Hazard, Info, Warning, "One means the event cannot be counted; gained ones break running perf sessions",
            "Linux 6.1 arch/x86/kvm/cpuid.c:1002; Intel SDM vol. 1 ch. 21 leaf 0AH"),
    ]).causes(&[
        cause(31, 0, Firmware, "PMU leaf is the host KVM's with pmu=on", "QEMU 7.2 target/i386/cpu.c:5409-5410; Linux 6.1 arch/x86/kvm/cpuid.c:1002"),
    ]),
    cpu(0xa, At(0), Ecx, &[
        field(31, 0, "fixed_mask", "Bitmap of fixed counters").unit(Unit::Bits(0))
            .rule(Subset, Unsafe, Warning, "Fixed counters in use vanish", "Intel SDM vol. 1 ch. 21 leaf 0AH; Linux 6.1 arch/x86/kvm/cpuid.c:1003")
            .cause(Firmware, "PMU leaf is the host KVM's with pmu=on; KVM writes zero", "Linux 6.1 arch/x86/kvm/cpuid.c:1003"),
    ]),
    cpu(0xa, At(0), Edx, &[
        field(4, 0, "fixed_counters", "Contiguous fixed counters")
            .rule(NotLess, Unsafe, Warning, "Fixed counters in use vanish and restoring their MSRs fails", "Linux 6.1 arch/x86/kvm/cpuid.c:993-1004"),
        field(12, 5, "fixed_width", "Fixed counter width in bits").unit(of("bits"))
            .rule(Equal, Unsafe, Warning, "Overflow arithmetic uses the width read at boot", "Linux 6.1 arch/x86/kvm/cpuid.c:993-1004"),
        nameless(15, "AnyThread counting mode is gone").unsettable()
            .rule(Hazard, Info, Warning, "One means AnyThread counting is gone",
                "Intel SDM vol. 1 ch. 21 leaf 0AH; Linux 6.1 arch/x86/kvm/cpuid.c:993-1004"),
        field(19, 16, "slots_per_cycle", "Topdown slots per cycle")
            .rule(Equal, Warning, Warning, "Top-down ratios use this slot count", "Intel SDM vol. 1 ch. 21 leaf 0AH"),
    ]).rules(&[
        rule(31, 0, Equal, Unsafe, Warning, "Bits of the counter description that have no name yet", "Intel SDM vol. 1 ch. 21 leaf 0AH"),
    ]).causes(&[
        cause(31, 0, Firmware, "PMU leaf is the host KVM's with pmu=on",
            "QEMU 7.2 target/i386/cpu.c:5409-5410; Linux 6.1 arch/x86/kvm/cpuid.c:993-1004"),
    ]),
    cpu(0xb, Any, Eax, &[
        field(4, 0, "shift", "APIC id shift to next level").unit(of("bits"))
            .rule(Topology, Warning, Warning, "APIC id decoding follows -smp; differs only with the command line",
                "QEMU 7.2 target/i386/cpu.c:5430,5435")
            .cause(Layout, "Shift follows -smp", "QEMU 7.2 target/i386/cpu.c:5430,5435"),
    ]),
    cpu(0xb, Any, Ebx, &[
        field(15, 0, "level_cpus", "CPUs at this level, display only").unit(of("CPUs"))
            .rule(Topology, Warning, Warning, "Count at the level follows -smp; display only", "QEMU 7.2 target/i386/cpu.c:5431,5436")
            .cause(Layout, "CPU count follows -smp; display only", "QEMU 7.2 target/i386/cpu.c:5431,5436; Intel SDM vol. 1 ch. 21 leaf 0BH"),
    ]),
    cpu(0xb, Any, Ecx, &[
        field(7, 0, "level_index", "Echo of input subleaf")
            .rule(Informational, Info, Info, "Echo of the subleaf asked for", "Intel SDM vol. 1 ch. 21 leaf 0BH")
            .cause(Running, "Echo of the subleaf asked for, also past the last level",
                "QEMU 7.2 target/i386/cpu.c:5425; Linux 6.1 arch/x86/kvm/cpuid.c:1514-1527; Intel SDM vol. 1 ch. 21 leaf 0BH"),
        field(15, 8, "level_type", "0 invalid, 1 thread, 2 core").unit(Unit::Words(&[(0, "invalid"), (1, "thread"), (2, "core")]))
            .rule(Topology, Warning, Warning, "Level list changed; APIC id decoding changes with it", "Intel SDM vol. 1 ch. 21 leaf 0BH"),
    ]),
    cpu(0xb, Any, Edx, &[
        field(31, 0, "x2apic_id", "Full APIC id of this CPU")
            .rule(PerVcpu, Expected, Expected, "x2APIC id; unique per vCPU, same set in both dumps", "Linux 6.1 arch/x86/kvm/cpuid.c:1514-1527")
            .cause(EachVcpu, "x2APIC id",
                "QEMU 7.2 target/i386/cpu.c:5426; Linux 6.1 arch/x86/kvm/cpuid.c:1514-1527; Xen arch/x86/cpuid.c:463-464; Intel SDM vol. 1 ch. 21 \
                leaf 0BH"),
    ]),
];
