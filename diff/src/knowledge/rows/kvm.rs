//! KVM.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    kvm(0x4000_0001, At(0), Eax, &[
        bit(0, KVMCLOCK, "kvmclock through legacy MSRs 0x11/0x12").qemu(V7_2).not_in_libvirt().kvm(Emulated).not_in_tcg()
            .element("<clock>", "<timer name='kvmclock' present='no'/>", "<timer name='kvmclock' present='yes'/>")
            .rule(Subset, Unsafe, Warning, "KVM block: kvmclock MSRs of the guest stop working, writes fault",
                "Linux 7.1 arch/x86/kvm/x86.c:4113-4133"),
        bit(1, "kvm-nopiodelay", "Port I/O delays are unnecessary").qemu(V7_2).not_in_libvirt().kvm(Emulated).not_in_tcg()
            .rule(Subset, Info, Info, "KVM block: only says port delays are needless", "Linux 6.1 arch/x86/kernel/kvm.c paravirt_ops_setup"),
        bit(2, "kvm-mmu", "Deprecated paravirtual MMU batching").qemu(V7_2).not_in_libvirt().kvm(Never).not_in_tcg()
            .rule(Subset, Warning, Info, "KVM block: deprecated, no current host offers it", "Linux 7.1 Documentation/virt/kvm/x86/cpuid.rst"),
        bit(3, KVMCLOCK, "kvmclock through MSRs 0x4b564d00/01").qemu(V7_2).not_in_libvirt().kvm(Emulated).not_in_tcg()
            .element("<clock>", "<timer name='kvmclock' present='no'/>", "<timer name='kvmclock' present='yes'/>")
            .rule(Subset, Unsafe, Warning, "KVM block: kvmclock MSRs of the guest stop working, writes fault",
                "Linux 7.1 arch/x86/kvm/x86.c:4113-4133"),
        bit(4, "kvm-asyncpf", "Asynchronous page-fault MSR").qemu(V7_2).not_in_libvirt().kvm(Emulated).not_in_tcg()
            .rule(Subset, Unsafe, Warning, "KVM block: async page fault MSR is migrated state; its restore fails",
                "Linux 7.1 arch/x86/kvm/x86.c:4139"),
        bit(5, "kvm-steal-time", "Steal-time accounting MSR").qemu(V7_2).not_in_libvirt().kvm(Conditional).not_in_tcg()
            .rule(Subset, Unsafe, Warning, "KVM block: steal-time MSR is migrated state; its restore fails", "Linux 7.1 arch/x86/kvm/x86.c:4166")
            .cause(Firmware, "Steal time offered only if the host kernel keeps scheduler statistics", "Linux 6.1 arch/x86/kvm/cpuid.c:1158-1159"),
        bit(6, "kvm-pv-eoi", "Paravirtual end-of-interrupt").qemu(V7_2).not_in_libvirt().also(Libvirt, &["kvm_pv_eoi"]).kvm(Emulated).not_in_tcg()
            .element("<features>", "<apic eoi='off'/>", "<apic eoi='on'/>")
            .rule(Subset, Unsafe, Warning, "KVM block: paravirtual end-of-interrupt MSR is migrated state", "Linux 7.1 arch/x86/kvm/x86.c:4184"),
        bit(7, "kvm_pv_unhalt", "Paravirtual spinlock kick/halt").libvirt(V9_0).qemu_as("kvm-pv-unhalt", V7_2).kvm(Emulated).not_in_tcg()
            .element("<features>", "<pvspinlock state='off'/>", "<pvspinlock state='on'/>")
            .rule(Subset, Unsafe, Warning, "KVM block: absent under cpu-pm; sleeping spinners are then never kicked",
                "Linux 6.1 arch/x86/kvm/cpuid.c:300-303; Linux 7.1 arch/x86/kvm/cpuid.c:235-252")
            .cause(Firmware, "KVM clears PV_UNHALT when HLT exits are disabled for the VM (-overcommit cpu-pm=on)",
                "Linux 6.1 arch/x86/kvm/cpuid.c:300-303; Linux 7.1 arch/x86/kvm/cpuid.c:235-252"),
        bit(9, "kvm-pv-tlb-flush", "Paravirtual remote TLB flush").qemu(V7_2).not_in_libvirt().kvm(Emulated).not_in_tcg(),
        bit(10, "kvm-asyncpf-vmexit", "Async page fault delivered as exit to nested hypervisor").qemu(V10_2).not_in_libvirt().kvm(Emulated)
            .not_in_tcg(),
        bit(11, "kvm-pv-ipi", "Paravirtual inter-processor interrupts").qemu(V7_2).not_in_libvirt().kvm(Emulated).not_in_tcg()
            .element("<features><kvm>", "<pv-ipi state='off'/>", ""),
        bit(12, "kvm-poll-control", "Guest may control host halt polling").qemu(V7_2).not_in_libvirt().kvm(Emulated).not_in_tcg()
            .element("<features><kvm>", "<poll-control state='off'/>", "<poll-control state='on'/>"),
        bit(13, "kvm-pv-sched-yield", "Yield hypercall to preempted target").qemu(V7_2).not_in_libvirt().kvm(Emulated).not_in_tcg(),
        bit(14, "kvm-asyncpf-int", "Async page-fault ready via interrupt").qemu(V7_2).not_in_libvirt().kvm(Emulated).not_in_tcg(),
        bit(15, "kvm-msi-ext-dest-id", "MSI destination IDs extended to 15 bits").qemu(V7_2).not_in_libvirt().kvm(Conditional).not_in_tcg()
            .rule(Subset, Unsafe, Warning, "KVM block: wide MSI destinations the guest programmed are misrouted",
                "QEMU 7.2 target/i386/kvm/kvm.c:461-463")
            .cause(Firmware, "Extended MSI destination needs a split irqchip", "QEMU 7.2 target/i386/kvm/kvm.c:461-463"),
        nameless(16, "Hypercall to map guest pages encrypted/shared").unsettable(),
        nameless(17, "Guest can signal live-migration readiness").unsettable(),
        bit(24, "kvmclock-stable-bit", "kvmclock TSC-stable flag is trustworthy").qemu(V7_2).not_in_libvirt().kvm(Emulated).not_in_tcg()
            .rule(Subset, Warning, Warning, "KVM block: clock flag in the shared page governs; guest chose its clocksource at boot",
                "Linux 6.1 arch/x86/kernel/kvmclock.c kvmclock_init"),
    ]).rules(&[
        rule(14, 9, Subset, Unsafe, Warning, "KVM block: hypercalls and MSRs the guest already uses are refused",
            "Linux 7.1 arch/x86/kvm/x86.c:3638-3642,3785,4146-4192"),
        rule(17, 16, Subset, Unsafe, Warning, "KVM block: confidential guest hypercall and migration MSR",
            "Linux 7.1 Documentation/virt/kvm/x86/cpuid.rst"),
    ]),
    kvm(0x4000_0001, At(0), Edx, &[
        bit(0, "kvm-hint-dedicated", "Hint: vCPUs are never preempted").qemu(V7_2).not_in_libvirt().not_in_tcg()
            .element("<features><kvm>", "<hint-dedicated state='off'/>", "<hint-dedicated state='on'/>")
            .rule(Subset, Warning, Info, "KVM block hint: guest gave up paravirtual spinlocks; preempted vCPUs then stall it",
                "Linux 6.1 arch/x86/kernel/kvm.c kvm_spinlock_init")
            .cause(Firmware, "Hint of dedicated vCPUs, set on the command line only", "QEMU 7.2 target/i386/cpu.c FEAT_KVM_HINTS"),
    ]),
];
