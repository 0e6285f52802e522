//! How differences are judged: hypervisor leaves.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use crate::knowledge::RuleKind::{Equal, HostClock, Identity, Informational, NotGreater, NotLess, PerVcpu, Subset};
use crate::knowledge::table::Sub::At;
use crate::knowledge::table::{Rule, rule, sorted};
use crate::severity::Severity::{Expected, Info, Unsafe, Warning};

/// The first leaf of any hypervisor's block.
#[rustfmt::skip]
pub(super) const ANY: &[Rule] = &[
    rule(0x4000_0000, At(0), Eax, 31, 0, NotLess,  Warning, Info,   "Not a clock: shrinking hides paravirtual leaves; judge those leaves themselves", "QEMU 7.2 target/i386/kvm/kvm.c:2121-2137"),
    rule(0x4000_0000, At(0), Ebx, 31, 0, Identity, Unsafe,  Unsafe, "Hypervisor kind; the guest bound its paravirtual drivers to it", "Linux 6.1 arch/x86/kernel/cpu/hypervisor.c"),
    rule(0x4000_0000, At(0), Ecx, 31, 0, Identity, Unsafe,  Unsafe, "Hypervisor kind; the guest bound its paravirtual drivers to it", "Linux 6.1 arch/x86/kernel/cpu/hypervisor.c"),
    rule(0x4000_0000, At(0), Edx, 31, 0, Identity, Unsafe,  Unsafe, "Hypervisor kind; the guest bound its paravirtual drivers to it", "Linux 6.1 arch/x86/kernel/cpu/hypervisor.c"),
];

/// A KVM block.
#[rustfmt::skip]
pub(super) const KVM: &[Rule] = &[
    rule(0x4000_0001, At(0), Eax,  0,  0, Subset, Unsafe,  Warning, "KVM block: kvmclock MSRs of the guest stop working, writes fault", "Linux 7.1 arch/x86/kvm/x86.c:4113-4133"),
    rule(0x4000_0001, At(0), Eax,  1,  1, Subset, Info,    Info,    "KVM block: only says port delays are needless", "Linux 6.1 arch/x86/kernel/kvm.c paravirt_ops_setup"),
    rule(0x4000_0001, At(0), Eax,  2,  2, Subset, Warning, Info,    "KVM block: deprecated, no current host offers it", "Linux 7.1 Documentation/virt/kvm/x86/cpuid.rst"),
    rule(0x4000_0001, At(0), Eax,  3,  3, Subset, Unsafe,  Warning, "KVM block: kvmclock MSRs of the guest stop working, writes fault", "Linux 7.1 arch/x86/kvm/x86.c:4113-4133"),
    rule(0x4000_0001, At(0), Eax,  4,  4, Subset, Unsafe,  Warning, "KVM block: async page fault MSR is migrated state; its restore fails", "Linux 7.1 arch/x86/kvm/x86.c:4139"),
    rule(0x4000_0001, At(0), Eax,  5,  5, Subset, Unsafe,  Warning, "KVM block: steal-time MSR is migrated state; its restore fails", "Linux 7.1 arch/x86/kvm/x86.c:4166"),
    rule(0x4000_0001, At(0), Eax,  6,  6, Subset, Unsafe,  Warning, "KVM block: paravirtual end-of-interrupt MSR is migrated state", "Linux 7.1 arch/x86/kvm/x86.c:4184"),
    rule(0x4000_0001, At(0), Eax,  7,  7, Subset, Unsafe,  Warning, "KVM block: absent under cpu-pm; sleeping spinners are then never kicked", "Linux 6.1 arch/x86/kvm/cpuid.c:300-303; Linux 7.1 arch/x86/kvm/cpuid.c:235-252"),
    rule(0x4000_0001, At(0), Eax, 14,  9, Subset, Unsafe,  Warning, "KVM block: hypercalls and MSRs the guest already uses are refused", "Linux 7.1 arch/x86/kvm/x86.c:3638-3642,3785,4146-4192"),
    rule(0x4000_0001, At(0), Eax, 15, 15, Subset, Unsafe,  Warning, "KVM block: wide MSI destinations the guest programmed are misrouted", "QEMU 7.2 target/i386/kvm/kvm.c:461-463"),
    rule(0x4000_0001, At(0), Eax, 17, 16, Subset, Unsafe,  Warning, "KVM block: confidential guest hypercall and migration MSR", "Linux 7.1 Documentation/virt/kvm/x86/cpuid.rst"),
    rule(0x4000_0001, At(0), Eax, 24, 24, Subset, Warning, Warning, "KVM block: clock flag in the shared page governs; guest chose its clocksource at boot", "Linux 6.1 arch/x86/kernel/kvmclock.c kvmclock_init"),
    rule(0x4000_0001, At(0), Edx,  0,  0, Subset, Warning, Info,    "KVM block hint: guest gave up paravirtual spinlocks; preempted vCPUs then stall it", "Linux 6.1 arch/x86/kernel/kvm.c kvm_spinlock_init"),
];

/// A Hyper-V block.
#[rustfmt::skip]
pub(super) const HYPERV: &[Rule] = &[
    rule(0x4000_0001, At(0), Eax, 31,  0, Identity,      Unsafe,  Unsafe,  "Hyper-V block only: interface text; under KVM use the bit rows", "QEMU 7.2 target/i386/kvm/kvm.c hyperv_fill_cpuids"),
    rule(0x4000_0002, At(0), Eax, 31,  0, Informational, Info,    Info,    "Hyper-V version numbers, diagnostics only", "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361; Hyper-V TLFS feature discovery"),
    rule(0x4000_0002, At(0), Ebx, 31,  0, Informational, Info,    Info,    "Hyper-V version numbers, diagnostics only", "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361; Hyper-V TLFS feature discovery"),
    rule(0x4000_0002, At(0), Ecx, 31,  0, Informational, Info,    Info,    "Hyper-V version numbers, diagnostics only", "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361; Hyper-V TLFS feature discovery"),
    rule(0x4000_0002, At(0), Edx, 31,  0, Informational, Info,    Info,    "Hyper-V version numbers, diagnostics only", "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361; Hyper-V TLFS feature discovery"),
    rule(0x4000_0003, At(0), Eax, 15, 15, Subset,        Unsafe,  Warning, "Invariant TSC control depends on the host KVM; MSR write faults without it", "Linux 7.1 arch/x86/kvm/hyperv.h:157-178"),
    rule(0x4000_0003, At(0), Ecx,  3,  0, Informational, Info,    Info,    "Deepest idle state, root partition only", "Microsoft's public hypervisor header; Hyper-V TLFS feature discovery, 0x40000003"),
    rule(0x4000_0004, At(0), Eax,  5,  5, Subset,        Warning, Info,    "Advice to relax watchdogs, changes timing only", "Hyper-V TLFS feature discovery, 0x40000004; QEMU 7.2 target/i386/kvm/kvm.c"),
    rule(0x4000_0004, At(0), Eax,  9,  9, Subset,        Info,    Warning, "Gained: guest using automatic EOI holds back APIC virtualization, still correct", "QEMU 7.2 target/i386/kvm/kvm.c; Linux 6.1 arch/x86/kvm/hyperv.c"),
    rule(0x4000_0004, At(0), Eax, 12, 12, Equal,         Warning, Warning, "Hypervisor itself is nested", "Hyper-V TLFS feature discovery, 0x40000004"),
    rule(0x4000_0004, At(0), Eax, 18, 18, Subset,        Unsafe,  Warning, "Guest drops sibling protection because of this promise", "Linux 6.1 arch/x86/kvm/hyperv.c:2538-2539; QEMU 7.2 target/i386/kvm/kvm.c:1490-1497"),
    rule(0x4000_0004, At(0), Ebx, 31,  0, Informational, Info,    Info,    "Spin count before yielding, tuning", "QEMU 7.2 target/i386/kvm/kvm.c; Hyper-V TLFS feature discovery, 0x40000004"),
    rule(0x4000_0004, At(0), Ecx,  6,  0, NotLess,       Warning, Warning, "Physical width told to the guest, zero means not told; 80000008.EAX decides", "Hyper-V TLFS feature discovery, 0x40000004"),
    rule(0x4000_0005, At(0), Eax, 31,  0, NotLess,       Unsafe,  Info,    "Limits below what the guest already uses", "QEMU 7.2 target/i386/kvm/kvm.c hyperv_fill_cpuids; Hyper-V TLFS feature discovery, 0x40000005"),
    rule(0x4000_0005, At(0), Ebx, 31,  0, NotLess,       Unsafe,  Info,    "Limits below what the guest already uses", "QEMU 7.2 target/i386/kvm/kvm.c hyperv_fill_cpuids; Hyper-V TLFS feature discovery, 0x40000005"),
    rule(0x4000_0005, At(0), Ecx, 31,  0, NotLess,       Unsafe,  Info,    "Limits below what the guest already uses", "QEMU 7.2 target/i386/kvm/kvm.c hyperv_fill_cpuids; Hyper-V TLFS feature discovery, 0x40000005"),
    rule(0x4000_0006, At(0), Eax, 31,  0, Informational, Info,    Warning, "Hardware features the hypervisor uses itself; not guest interfaces", "Hyper-V TLFS feature discovery, 0x40000006"),
    rule(0x4000_0006, At(0), Ebx,  7,  0, Informational, Info,    Info,    "Device domain width, root partition only", "Microsoft's public hypervisor header"),
    rule(0x4000_0007, At(0), Eax, 31,  0, Equal,         Warning, Warning, "CPU management, root partition only", "Hyper-V TLFS feature discovery; Linux 7.1 include/hyperv/hvgdk_mini.h:350-356"),
    rule(0x4000_0007, At(0), Ebx, 31,  0, Equal,         Warning, Warning, "CPU management, root partition only", "Hyper-V TLFS feature discovery; Linux 7.1 include/hyperv/hvgdk_mini.h:350-356"),
    rule(0x4000_0007, At(0), Ecx, 31,  0, Equal,         Warning, Warning, "CPU management, root partition only", "Hyper-V TLFS feature discovery; Linux 7.1 include/hyperv/hvgdk_mini.h:350-356"),
    rule(0x4000_0008, At(0), Eax, 31,  0, Subset,        Warning, Warning, "Shared virtual memory for devices, root partition only", "Microsoft's public hypervisor header"),
    rule(0x4000_0008, At(0), Ebx, 31,  0, NotLess,       Warning, Info,    "Shared virtual memory limits, root partition only", "Microsoft's public hypervisor header"),
    rule(0x4000_0008, At(0), Ecx, 31,  0, NotLess,       Warning, Info,    "Shared virtual memory limits, root partition only", "Microsoft's public hypervisor header"),
    rule(0x4000_000a, At(0), Eax,  7,  0, NotGreater,    Info,    Unsafe,  "Lowest eVMCS version rose above the one a nested hypervisor uses", "QEMU 7.2 target/i386/kvm/kvm.c hyperv_init_vcpu"),
    rule(0x4000_000a, At(0), Eax, 15,  8, NotLess,       Unsafe,  Warning, "Highest eVMCS version fell below the one a nested hypervisor uses", "QEMU 7.2 target/i386/kvm/kvm.c hyperv_init_vcpu"),
    rule(0x4000_000c, At(0), Eax,  0,  0, Identity,      Unsafe,  Unsafe,  "Paravisor presence fixes the confidential guest's boot path", "Linux 7.1 include/hyperv/hvgdk_mini.h:381-387"),
    rule(0x4000_000c, At(0), Ebx,  3,  0, Identity,      Unsafe,  Unsafe,  "Isolation kind cannot change in a running guest", "Linux 7.1 include/hyperv/hvgdk_mini.h:381-387"),
    rule(0x4000_000c, At(0), Ebx,  5,  5, Identity,      Unsafe,  Unsafe,  "Shared memory boundary in use is part of the address map", "Linux 7.1 include/hyperv/hvgdk_mini.h:381-387"),
    rule(0x4000_000c, At(0), Ebx, 11,  6, Identity,      Unsafe,  Unsafe,  "Shared memory boundary is part of the guest address map", "Linux 7.1 include/hyperv/hvgdk_mini.h:381-387"),
    rule(0x4000_0080, At(0), Eax, 31,  0, Identity,      Warning, Warning, "Hyper-V debugger block signature, present with hv-syndbg", "QEMU 10.2 target/i386/kvm/kvm.c:1645-1668"),
    rule(0x4000_0080, At(0), Ebx, 31,  0, Identity,      Warning, Warning, "Hyper-V debugger block signature, present with hv-syndbg", "QEMU 10.2 target/i386/kvm/kvm.c:1645-1668"),
    rule(0x4000_0080, At(0), Ecx, 31,  0, Identity,      Warning, Warning, "Hyper-V debugger block signature, present with hv-syndbg", "QEMU 10.2 target/i386/kvm/kvm.c:1645-1668"),
    rule(0x4000_0080, At(0), Edx, 31,  0, Identity,      Warning, Warning, "Hyper-V debugger block signature, present with hv-syndbg", "QEMU 10.2 target/i386/kvm/kvm.c:1645-1668"),
    rule(0x4000_0081, At(0), Eax, 31,  0, Identity,      Warning, Warning, "Hyper-V debugger interface text VS#1", "QEMU 10.2 target/i386/kvm/kvm.c:1645-1668"),
];

/// The clock leaf of KVM and VMware blocks.
#[rustfmt::skip]
pub(super) const CLOCK: &[Rule] = &[
    rule(0x4000_0010, At(0), Eax, 31, 0, HostClock, Warning, Warning, "Host calibration unless a frequency is pinned; the guest may time by it", "QEMU 7.2 target/i386/kvm/kvm.c:829-836,2121-2137"),
    rule(0x4000_0010, At(0), Ebx, 31, 0, Equal,     Unsafe,  Unsafe,  "APIC timer base; constant 1000000 under QEMU, another value breaks guest timers", "QEMU 7.2 target/i386/kvm/kvm.c:72,1776,2132"),
    rule(0x4000_0010, At(0), Ecx,  1, 0, Equal,     Warning, Warning, "VMware only: which instruction reaches the backdoor", "Linux 6.1 arch/x86/kernel/cpu/vmware.c"),
];

/// A Xen block.
#[rustfmt::skip]
pub(super) const XEN: &[Rule] = &[
    rule(0x4000_0000, At(0), Eax, 31, 0, NotLess,       Warning,  Info,     "Shrinking hides Xen leaves; judge those leaves themselves", "Xen arch/x86/cpuid.c:61-66"),
    rule(0x4000_0000, At(0), Ebx, 31, 0, Identity,      Unsafe,   Unsafe,   "Hypervisor kind", "Xen arch/x86/cpuid.c:61-66"),
    rule(0x4000_0000, At(0), Ecx, 31, 0, Identity,      Unsafe,   Unsafe,   "Hypervisor kind", "Xen arch/x86/cpuid.c:61-66"),
    rule(0x4000_0000, At(0), Edx, 31, 0, Identity,      Unsafe,   Unsafe,   "Hypervisor kind", "Xen arch/x86/cpuid.c:61-66"),
    rule(0x4000_0001, At(0), Eax, 31, 0, Informational, Info,     Info,     "Xen version; guests look at features, not numbers", "Xen arch/x86/cpuid.c:68-70"),
    rule(0x4000_0002, At(0), Eax, 31, 0, Equal,         Unsafe,   Unsafe,   "Hypercall page count is fixed when the guest maps them", "Xen arch/x86/cpuid.c:72-78"),
    rule(0x4000_0002, At(0), Ebx, 31, 0, Equal,         Unsafe,   Unsafe,   "MSR base the guest programmed at boot", "Xen arch/x86/cpuid.c:72-78"),
    rule(0x4000_0003, At(0), Eax,  0, 0, HostClock,     Info,     Info,     "TSC reads emulated after a move to another frequency; slower, still right", "Xen arch/x86/cpuid.c:82-87"),
    rule(0x4000_0003, At(0), Eax,  1, 1, Subset,        Warning,  Info,     "Host TSC reliability promise; guest may have chosen TSC timekeeping", "Xen arch/x86/cpuid.c:82-87"),
    rule(0x4000_0003, At(0), Eax,  2, 2, Subset,        Unsafe,   Warning,  "RDTSCP used by the guest faults where absent", "Xen arch/x86/cpuid.c:82-87"),
    rule(0x4000_0003, At(0), Ebx, 31, 0, Equal,         Warning,  Warning,  "TSC mode is part of the guest configuration", "Xen arch/x86/cpuid.c:82-87"),
    rule(0x4000_0003, At(0), Ecx, 31, 0, HostClock,     Warning,  Warning,  "Guest TSC rate is kept by Xen across migration; a change is wrong", "Xen arch/x86/cpuid.c:82-87"),
    rule(0x4000_0003, At(0), Edx, 31, 0, Informational, Info,     Info,     "Incarnation counter grows at each migration", "Xen arch/x86/cpuid.c:87"),
    rule(0x4000_0003, At(1), Eax, 31, 0, Informational, Info,     Info,     "TSC offset, recomputed at each move", "Xen arch/x86/cpuid.c:90-104"),
    rule(0x4000_0003, At(1), Ebx, 31, 0, Informational, Info,     Info,     "TSC offset, recomputed at each move", "Xen arch/x86/cpuid.c:90-104"),
    rule(0x4000_0003, At(1), Ecx, 31, 0, HostClock,     Info,     Info,     "TSC scale factors follow the TSC rate", "Xen arch/x86/cpuid.c:90-104; Linux 7.1 arch/x86/kvm/cpuid.c:2120-2135"),
    rule(0x4000_0003, At(1), Edx, 31, 0, HostClock,     Info,     Info,     "TSC scale factors follow the TSC rate", "Xen arch/x86/cpuid.c:90-104; Linux 7.1 arch/x86/kvm/cpuid.c:2120-2135"),
    rule(0x4000_0003, At(2), Eax, 31, 0, HostClock,     Info,     Info,     "Host rate, differs between hosts by design", "Xen arch/x86/cpuid.c:106-108"),
    rule(0x4000_0004, At(0), Eax,  1, 0, Subset,        Warning,  Info,     "Hints that APIC access is cheap; both paths work", "Xen arch/x86/cpuid.c:115-130"),
    rule(0x4000_0004, At(0), Ebx, 31, 0, PerVcpu,       Expected, Expected, "Xen vCPU number", "Xen arch/x86/cpuid.c:143-145"),
    rule(0x4000_0004, At(0), Ecx, 31, 0, Informational, Info,     Info,     "Domain number changes with every re-creation or migration", "Xen arch/x86/cpuid.c:147-149"),
    rule(0x4000_0005, At(0), Ebx,  7, 0, NotLess,       Unsafe,   Info,     "PV guest machine addresses may not fit", "Xen arch/x86/cpuid.c:159-164"),
];

sorted!(ANY, KVM, HYPERV, CLOCK, XEN);
