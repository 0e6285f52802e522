//! Xen.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    xen(0x4000_0000, At(0), Eax, &[]).rules(&[
        rule(31, 0, NotLess, Warning, Info, "Shrinking hides Xen leaves; judge those leaves themselves", "Xen arch/x86/cpuid.c:61-66"),
    ]),
    xen(0x4000_0000, At(0), Ebx, &[]).rules(&[
        rule(31, 0, Identity, Unsafe, Unsafe, "Hypervisor kind", "Xen arch/x86/cpuid.c:61-66"),
    ]),
    xen(0x4000_0000, At(0), Ecx, &[]).rules(&[
        rule(31, 0, Identity, Unsafe, Unsafe, "Hypervisor kind", "Xen arch/x86/cpuid.c:61-66"),
    ]),
    xen(0x4000_0000, At(0), Edx, &[]).rules(&[
        rule(31, 0, Identity, Unsafe, Unsafe, "Hypervisor kind", "Xen arch/x86/cpuid.c:61-66"),
    ]),
    xen(0x4000_0001, At(0), Eax, &[
        field(15, 0, "xen_minor", "Xen minor version"),
        field(31, 16, "xen_major", "Xen major version"),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "Xen version; guests look at features, not numbers", "Xen arch/x86/cpuid.c:68-70"),
    ]),
    xen(0x4000_0002, At(0), Eax, &[
        field(31, 0, "hypercall_pages", "Hypercall transfer pages")
            .rule(Equal, Unsafe, Unsafe, "Hypercall page count is fixed when the guest maps them", "Xen arch/x86/cpuid.c:72-78"),
    ]),
    xen(0x4000_0002, At(0), Ebx, &[
        field(31, 0, "msr_base", "First Xen MSR number")
            .rule(Equal, Unsafe, Unsafe, "MSR base the guest programmed at boot", "Xen arch/x86/cpuid.c:72-78"),
    ]),
    xen(0x4000_0002, At(0), Ecx, &[nameless(0, "Page-table updates can preserve accessed/dirty bits").unsettable()]),
    xen(0x4000_0003, At(0), Eax, &[
        nameless(0, "Guest TSC reads are emulated").unsettable()
            .rule(HostClock, Info, Info, "TSC reads emulated after a move to another frequency; slower, still right", "Xen arch/x86/cpuid.c:82-87")
            .cause(Frequency, "TSC emulated when the guest moved to a host with another frequency", "Xen arch/x86/cpuid.c:82-87"),
        nameless(1, "Host TSC considered reliable").unsettable()
            .rule(Subset, Warning, Info, "Host TSC reliability promise; guest may have chosen TSC timekeeping", "Xen arch/x86/cpuid.c:82-87")
            .cause(Frequency, "Host TSC reliability", "Xen arch/x86/cpuid.c:82-87"),
        nameless(2, "RDTSCP usable").unsettable()
            .rule(Subset, Unsafe, Warning, "RDTSCP used by the guest faults where absent", "Xen arch/x86/cpuid.c:82-87"),
    ]),
    xen(0x4000_0003, At(0), Ebx, &[
        field(31, 0, "tsc_mode", "TSC emulation mode 0-3")
            .rule(Equal, Warning, Warning, "TSC mode is part of the guest configuration", "Xen arch/x86/cpuid.c:82-87"),
    ]),
    xen(0x4000_0003, At(0), Ecx, &[
        field(31, 0, "guest_tsc_khz", "Guest TSC frequency in kHz").unit(of("kHz"))
            .rule(HostClock, Warning, Warning, "Guest TSC rate is kept by Xen across migration; a change is wrong", "Xen arch/x86/cpuid.c:82-87")
            .cause(Frequency, "Guest TSC kHz, fixed at creation and kept across migration", "Xen arch/x86/cpuid.c:82-87"),
    ]),
    xen(0x4000_0003, At(0), Edx, &[
        field(31, 0, "tsc_incarnation", "Times guest TSC was re-created, migrations")
            .rule(Informational, Info, Info, "Incarnation counter grows at each migration", "Xen arch/x86/cpuid.c:87")
            .cause(Running, "Incarnation counter grows at each migration", "Xen arch/x86/cpuid.c:87; Xen include/public/arch-x86/cpuid.h leaf 4"),
    ]),
    xen(0x4000_0003, At(1), Eax, &[
        field(31, 0, "tsc_offset_low", "TSC offset low half")
            .rule(Informational, Info, Info, "TSC offset, recomputed at each move", "Xen arch/x86/cpuid.c:90-104")
            .cause(Running, "TSC offset low half", "Xen arch/x86/cpuid.c:90-104"),
    ]),
    xen(0x4000_0003, At(1), Ebx, &[
        field(31, 0, "tsc_offset_high", "TSC offset high half")
            .rule(Informational, Info, Info, "TSC offset, recomputed at each move", "Xen arch/x86/cpuid.c:90-104")
            .cause(Running, "TSC offset high half", "Xen arch/x86/cpuid.c:90-104"),
    ]),
    xen(0x4000_0003, At(1), Ecx, &[
        field(31, 0, "tsc_mul", "Multiplier from TSC to nanoseconds")
            .rule(HostClock, Info, Info, "TSC scale factors follow the TSC rate",
                "Xen arch/x86/cpuid.c:90-104; Linux 7.1 arch/x86/kvm/cpuid.c:2120-2135")
            .cause(Frequency, "TSC to nanosecond multiplier; KVM fills it live for Xen guests",
                "Xen arch/x86/cpuid.c:90-104; Linux 7.1 arch/x86/kvm/cpuid.c:2120-2135"),
    ]),
    xen(0x4000_0003, At(1), Edx, &[
        field(31, 0, "tsc_shift", "Shift from TSC to nanoseconds")
            .rule(HostClock, Info, Info, "TSC scale factors follow the TSC rate",
                "Xen arch/x86/cpuid.c:90-104; Linux 7.1 arch/x86/kvm/cpuid.c:2120-2135")
            .cause(Frequency, "TSC to nanosecond shift; KVM fills it live for Xen guests",
                "Xen arch/x86/cpuid.c:90-104; Linux 7.1 arch/x86/kvm/cpuid.c:2120-2135"),
    ]),
    xen(0x4000_0003, At(2), Eax, &[
        field(31, 0, "host_khz", "Host TSC frequency in kHz").unit(of("kHz"))
            .rule(HostClock, Info, Info, "Host rate, differs between hosts by design", "Xen arch/x86/cpuid.c:106-108")
            .cause(Frequency, "Physical host TSC kHz", "Xen arch/x86/cpuid.c:106-108; Linux 7.1 arch/x86/kvm/cpuid.c:2133-2135"),
    ]),
    xen(0x4000_0004, At(0), Eax, &[
        nameless(0, "APIC register accesses virtualized by hardware").unsettable(),
        nameless(1, "x2APIC accesses virtualized by hardware").unsettable(),
        nameless(2, "Foreign mappings have valid IOMMU entries").unsettable(),
        nameless(3, "vCPU id present in EBX").unsettable(),
        nameless(4, "Domain id present in ECX").unsettable(),
        nameless(5, "Destination IDs extended to 15 bits").unsettable(),
        nameless(6, "Per-vCPU upcall vectors work with PIRQs").unsettable(),
    ]).rules(&[
        rule(1, 0, Subset, Warning, Info, "Hints that APIC access is cheap; both paths work", "Xen arch/x86/cpuid.c:115-130"),
    ]).causes(&[
        cause(1, 0, Firmware, "APIC virtualization flags depend on host hardware", "Xen arch/x86/cpuid.c:115-130"),
    ]),
    xen(0x4000_0004, At(0), Ebx, &[
        field(31, 0, "vcpu_id", "Xen vCPU number")
            .rule(PerVcpu, Expected, Expected, "Xen vCPU number", "Xen arch/x86/cpuid.c:143-145")
            .cause(EachVcpu, "vCPU number", "Xen arch/x86/cpuid.c:143-145; QEMU 10.2 target/i386/kvm/kvm.c XEN_HVM_CPUID_VCPU_ID_PRESENT"),
    ]),
    xen(0x4000_0004, At(0), Ecx, &[
        field(31, 0, "domain_id", "Xen domain number")
            .rule(Informational, Info, Info, "Domain number changes with every re-creation or migration", "Xen arch/x86/cpuid.c:147-149")
            .cause(Running, "Domain number changes when a guest is re-created or migrated", "Xen arch/x86/cpuid.c:147-149"),
    ]),
    xen(0x4000_0005, At(0), Ebx, &[
        field(7, 0, "machine_addr_width", "PV: widest machine address")
            .rule(NotLess, Unsafe, Info, "PV guest machine addresses may not fit", "Xen arch/x86/cpuid.c:159-164")
            .cause(Firmware, "PV machine address width follows host memory map", "Xen arch/x86/cpuid.c:159-164"),
    ]),
];
