//! Hyper-V.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    hyperv(0x4000_0001, At(0), Eax, &[
        field(31, 0, "hv_interface", "Hyper-V only: interface text Hv#1").unit(Unit::Text)
            .rule(Identity, Unsafe, Unsafe, "Hyper-V block only: interface text; under KVM use the bit rows",
                "QEMU 7.2 target/i386/kvm/kvm.c hyperv_fill_cpuids"),
    ]),
    hyperv(0x4000_0002, At(0), Eax, &[
        field(31, 0, "hv_build", "Hyper-V build number")
            .rule(Informational, Info, Info, "Hyper-V version numbers, diagnostics only",
                "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361; Hyper-V TLFS feature discovery")
            .cause(Brand, "Hypervisor version: host KVM data under hv-passthrough; real Hyper-V shows its own build",
                "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361,1455-1462"),
    ]),
    hyperv(0x4000_0002, At(0), Ebx, &[
        field(15, 0, "hv_minor", "Hyper-V minor version"),
        field(31, 16, "hv_major", "Hyper-V major version"),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "Hyper-V version numbers, diagnostics only",
            "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361; Hyper-V TLFS feature discovery"),
    ]).causes(&[
        cause(31, 0, Brand, "Hypervisor version: host KVM data under hv-passthrough; real Hyper-V shows its own build",
            "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361,1455-1462"),
    ]),
    hyperv(0x4000_0002, At(0), Ecx, &[
        field(31, 0, "hv_service_pack", "Hyper-V service pack")
            .rule(Informational, Info, Info, "Hyper-V version numbers, diagnostics only",
                "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361; Hyper-V TLFS feature discovery")
            .cause(Brand, "Hypervisor version: host KVM data under hv-passthrough; real Hyper-V shows its own build",
                "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361,1455-1462"),
    ]),
    hyperv(0x4000_0002, At(0), Edx, &[
        field(23, 0, "hv_service_number", "Hyper-V service number"),
        field(31, 24, "hv_service_branch", "Hyper-V service branch"),
    ]).rules(&[
        rule(31, 0, Informational, Info, Info, "Hyper-V version numbers, diagnostics only",
            "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361; Hyper-V TLFS feature discovery"),
    ]).causes(&[
        cause(31, 0, Brand, "Hypervisor version: host KVM data under hv-passthrough; real Hyper-V shows its own build",
            "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361,1455-1462"),
    ]),
    hyperv(0x4000_0003, At(0), Eax, &[
        bit(0, "hv-runtime", "Virtual processor runtime MSR").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<runtime state='off'/>", "<runtime state='on'/>"),
        bit(1, HV_TIME, "Partition reference counter MSR").qemu(V7_2).not_in_libvirt()
            .element("<clock>", "<timer name='hypervclock' present='no'/>", "<timer name='hypervclock' present='yes'/>"),
        bit(2, "hv-synic", "Synthetic interrupt controller MSRs").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<synic state='off'/>", "<synic state='on'/>"),
        bit(3, "hv-stimer", "Synthetic timer MSRs").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<stimer state='off'/>", "<stimer state='on'/>"),
        bit(4, "hv-vapic", "APIC access MSRs (EOI, ICR, TPR)").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<vapic state='off'/>", "<vapic state='on'/>"),
        nameless(5, "Guest OS id and hypercall MSRs").unsettable(),
        bit(6, "hv-vpindex", "Virtual processor index MSR").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<vpindex state='off'/>", "<vpindex state='on'/>"),
        bit(7, "hv-reset", "MSR can reset the virtual machine").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<reset state='off'/>", "<reset state='on'/>"),
        nameless(8, "Statistics page MSRs").unsettable(),
        bit(9, HV_TIME, "Reference TSC page MSR").qemu(V7_2).not_in_libvirt()
            .element("<clock>", "<timer name='hypervclock' present='no'/>", "<timer name='hypervclock' present='yes'/>"),
        nameless(10, "MSR lets guest idle").unsettable(),
        bit(11, HV_FREQUENCIES, "TSC and APIC frequency MSRs accessible").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<frequencies state='off'/>", "<frequencies state='on'/>"),
        nameless(12, "Synthetic debug MSRs").unsettable(),
        bit(13, "hv-reenlightenment", "Re-enlightenment control after migration").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<reenlightenment state='off'/>", "<reenlightenment state='on'/>"),
        nameless(14, "Root scheduler MSR (root partition)").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(15, "Invariant TSC control MSR").unsettable()
            .rule(Subset, Unsafe, Warning, "Invariant TSC control depends on the host KVM; MSR write faults without it",
                "Linux 7.1 arch/x86/kvm/hyperv.h:157-178")
            .cause(Firmware, "Invariant TSC control exists only with newer KVM and -cpu hv settings", "Linux 7.1 arch/x86/kvm/hyperv.h:157-178"),
    ]),
    hyperv(0x4000_0003, At(0), Ebx, &[
        nameless(0, "May create partitions").unsettable(),
        nameless(1, "May read partition identifier").unsettable(),
        nameless(2, "May access memory pool").unsettable(),
        nameless(3, "May adjust message buffers").unsettable(),
        nameless(4, "May post messages").unsettable(),
        nameless(5, "May signal events").unsettable(),
        nameless(6, "May create ports").unsettable(),
        nameless(7, "May connect ports").unsettable(),
        nameless(8, "May access statistics").unsettable(),
        nameless(11, "May debug partitions").unsettable(),
        nameless(12, "May manage processors").unsettable(),
        nameless(13, "May configure the profiler").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(14, "May trace virtual processor exits").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(15, "May pass extended address ranges when flushing").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(16, "May use virtual secure mode").unsettable(),
        nameless(17, "May access virtual processor registers").unsettable(),
        nameless(19, "May take hypercall results in XMM registers").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(20, "Extended hypercalls usable").unsettable(),
        nameless(21, "May start virtual processors").unsettable(),
        nameless(22, "Partition isolation supported").unsettable(),
    ]),
    hyperv(0x4000_0003, At(0), Ecx, &[
        field(3, 0, "hv_max_cstate", "Hyper-V deepest idle state, root partition")
            .rule(Informational, Info, Info, "Deepest idle state, root partition only",
                "Microsoft's public hypervisor header; Hyper-V TLFS feature discovery, 0x40000003"),
        nameless(4, "HPET needed for deep idle (deprecated)").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(5, "Invariant MPERF").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(6, "Supervisor shadow stack for guests").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(7, "Architectural performance monitoring for guests").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(8, "Exception trap intercept").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(9, "Interrupt injection at dispatch (root partition)").unsettable().source("Linux 7.1 include/hyperv/hvgdk_mini.h, alone"),
        nameless(10, "GHCB mapping for root partition").unsettable().source("Linux 7.1 include/hyperv/hvgdk_mini.h, alone"),
    ]),
    hyperv(0x4000_0003, At(0), Edx, &[
        nameless(0, "MWAIT usable (deprecated)").unsettable(),
        nameless(1, "Hypervisor can debug guest").unsettable(),
        nameless(2, "Hypervisor performance monitoring interface").unsettable(),
        nameless(3, "Processor hot-add/remove events").unsettable(),
        bit(4, "hv-xmm-input", "Hypercall input via XMM registers").qemu(V7_2).not_in_libvirt().also(Libvirt, &["hv-xmm_input"])
            .element("<features><hyperv>", "<xmm_input state='off'/>", "<xmm_input state='on'/>"),
        nameless(5, "Virtual idle state").unsettable(),
        nameless(6, "Hypervisor sleep state").unsettable(),
        nameless(7, "NUMA distance queries").unsettable(),
        bit(8, HV_FREQUENCIES, "Frequency MSRs present").qemu(V7_2).not_in_libvirt()
            .element("<features><hyperv>", "<frequencies state='off'/>", "<frequencies state='on'/>"),
        nameless(9, "Synthetic machine-check injection").unsettable(),
        bit(10, "hv-crash", "Guest crash MSRs present").qemu(V7_2).not_in_libvirt(),
        bit(11, HV_SYNDBG, "Debug MSRs present").qemu(V7_2).not_in_libvirt(),
        nameless(12, "Non-privileged instruction execution prevention").unsettable(),
        nameless(13, "Hypervisor can be disabled").unsettable(),
        bit(14, "hv-tlbflush-ext", "Extended address ranges for TLB flush").libvirt(V11_3).qemu(V7_2)
            .element("<features><hyperv>",
                "<tlbflush state='on'><extended state='off'/></tlbflush>",
                "<tlbflush state='on'><extended state='on'/></tlbflush>"),
        nameless(15, "XMM registers may return hypercall results").unsettable(),
        nameless(16, "Process address space ids for devices").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(17, "Synthetic interrupt polling mode").unsettable(),
        nameless(18, "Hypercall MSR can be locked").unsettable(),
        bit(19, "hv-stimer-direct", "Synthetic timers can interrupt directly").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<stimer state='on'><direct state='off'/></stimer>", "<stimer state='on'><direct state='on'/></stimer>"),
        nameless(20, "PAT register available for secure mode").unsettable(),
        nameless(21, "BNDCFGS register available for secure mode").unsettable(),
        nameless(22, "Synthetic watchdog timer").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(23, "Synthetic unhalted timer").unsettable(),
        nameless(24, "Device domains (root partition)").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(25, "First-stage device domains (root partition)").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(26, "Architectural last-branch records for guests").unsettable(),
        nameless(27, "Processor trace for guests").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(28, "TLB flush across virtual trust levels").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(29, "SPEC_CTRL handled in idle").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(30, "Address translation hypercall takes flags").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(31, "APIC EOI can be intercepted").unsettable().source("Microsoft's public hypervisor header, alone"),
    ]),
    hyperv(0x4000_0004, At(0), Eax, &[
        nameless(0, "Prefer hypercall for address-space switch").unsettable(),
        nameless(1, "Prefer hypercall for local TLB flush").unsettable(),
        bit(2, "hv-tlbflush", "Prefer hypercall for remote TLB flush").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<tlbflush state='off'/>", "<tlbflush state='on'/>"),
        nameless(3, "Prefer MSRs for APIC access").unsettable(),
        nameless(4, "Prefer MSR for system reset").unsettable(),
        bit(5, "hv-relaxed", "Prefer relaxed timing, no watchdog").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<relaxed state='off'/>", "<relaxed state='on'/>")
            .rule(Subset, Warning, Info, "Advice to relax watchdogs, changes timing only",
                "Hyper-V TLFS feature discovery, 0x40000004; QEMU 7.2 target/i386/kvm/kvm.c"),
        nameless(6, "Prefer DMA remapping").unsettable(),
        nameless(7, "Prefer interrupt remapping").unsettable(),
        nameless(8, "Prefer x2APIC MSRs (obsolete)").unsettable(),
        bit(9, "hv-avic", "Avoid automatic end-of-interrupt").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<avic state='off'/>", "<avic state='on'/>")
            .rule(Subset, Info, Warning, "Gained: guest using automatic EOI holds back APIC virtualization, still correct",
                "QEMU 7.2 target/i386/kvm/kvm.c; Linux 6.1 arch/x86/kvm/hyperv.c"),
        bit(10, "hv-ipi", "Prefer hypercall for cluster IPIs").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<ipi state='off'/>", "<ipi state='on'/>"),
        nameless(11, "Prefer extended processor masks").unsettable(),
        nameless(12, "Hypervisor is itself nested").unsettable()
            .rule(Equal, Warning, Warning, "Hypervisor itself is nested", "Hyper-V TLFS feature discovery, 0x40000004"),
        nameless(13, "Prefer INT for mode-based execute system calls").unsettable(),
        bit(14, "hv-evmcs", "Prefer enlightened VMCS when nesting").libvirt(V9_0).qemu(V7_2)
            .element("<features><hyperv>", "<evmcs state='off'/>", "<evmcs state='on'/>"),
        nameless(15, "Prefer synchronized timeline").unsettable(),
        nameless(16, "Core scheduler requested").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(17, "Prefer direct local flush of everything").unsettable(),
        bit(18, "hv-no-nonarch-coresharing", "vCPUs share cores only with reported siblings").qemu(V7_2).not_in_libvirt()
            .rule(Subset, Unsafe, Warning, "Guest drops sibling protection because of this promise",
                "Linux 6.1 arch/x86/kvm/hyperv.c:2538-2539; QEMU 7.2 target/i386/kvm/kvm.c:1490-1497")
            .cause(Firmware, "No-nonarch-coresharing copies whether the host can run SMT",
                "Linux 6.1 arch/x86/kvm/hyperv.c:2538-2539; QEMU 7.2 target/i386/kvm/kvm.c:1490-1497; QEMU 10.2 target/i386/kvm/kvm.c:1616-1620"),
        nameless(19, "Prefer x2APIC").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(20, "Restore time when resuming").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(21, "Prefer hypercalls for memory-mapped I/O").unsettable(),
        nameless(22, "Prefer hypercall to pin guest memory").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(23, "Prefer waking virtual processors by hypercall").unsettable().source("Microsoft's public hypervisor header, alone"),
    ]),
    hyperv(0x4000_0004, At(0), Ebx, &[
        field(31, 0, "hv_spin_retries", "Spins before notifying; all ones means never").unit(Unit::Words(&[(0xffff_ffff, "never notify")]))
            .rule(Informational, Info, Info, "Spin count before yielding, tuning",
                "QEMU 7.2 target/i386/kvm/kvm.c; Hyper-V TLFS feature discovery, 0x40000004"),
    ]),
    hyperv(0x4000_0004, At(0), Ecx, &[
        field(6, 0, "hv_phys_bits", "Hyper-V physical address width, zero means not told").unit(of("bits"))
            .rule(NotLess, Warning, Warning, "Physical width told to the guest, zero means not told; 80000008.EAX decides",
                "Hyper-V TLFS feature discovery, 0x40000004"),
    ]),
    hyperv(0x4000_0005, At(0), Eax, &[
        field(31, 0, "hv_max_vps", "Hyper-V virtual processor limit")
            .rule(NotLess, Unsafe, Info, "Limits below what the guest already uses",
                "QEMU 7.2 target/i386/kvm/kvm.c hyperv_fill_cpuids; Hyper-V TLFS feature discovery, 0x40000005"),
    ]),
    hyperv(0x4000_0005, At(0), Ebx, &[
        field(31, 0, "hv_max_lps", "Hyper-V logical processor limit")
            .rule(NotLess, Unsafe, Info, "Limits below what the guest already uses",
                "QEMU 7.2 target/i386/kvm/kvm.c hyperv_fill_cpuids; Hyper-V TLFS feature discovery, 0x40000005"),
    ]),
    hyperv(0x4000_0005, At(0), Ecx, &[
        field(31, 0, "hv_max_vectors", "Hyper-V remappable interrupt vectors")
            .rule(NotLess, Unsafe, Info, "Limits below what the guest already uses",
                "QEMU 7.2 target/i386/kvm/kvm.c hyperv_fill_cpuids; Hyper-V TLFS feature discovery, 0x40000005"),
    ]),
    hyperv(0x4000_0006, At(0), Eax, &[
        nameless(0, "APIC overlay assist in use").unsettable(),
        nameless(1, "MSR bitmaps in use").unsettable(),
        nameless(2, "Architectural performance counters in use").unsettable(),
        nameless(3, "Second-level address translation in use").unsettable(),
        nameless(4, "DMA remapping in use").unsettable(),
        nameless(5, "Interrupt remapping in use").unsettable(),
        nameless(6, "Memory patrol scrubber present").unsettable(),
        nameless(7, "DMA protection in use").unsettable(),
        nameless(8, "HPET requested").unsettable(),
        nameless(9, "Synthetic timers are volatile").unsettable(),
        field(13, 10, "hv_level", "Hyper-V nesting level of this hypervisor"),
        nameless(14, "Physical APIC destination mode required").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(15, "VMFUNC used for alias maps").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(16, "Hypervisor zeroes memory through a register").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(17, "Unrestricted guest in use").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(18, "RDT allocation supported by hypervisor").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(19, "RDT monitoring supported by hypervisor").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(20, "Child partitions may use the PMU").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(21, "Child partitions may use LBR").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(22, "Child partitions may use processor trace").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(23, "APIC emulation supported").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(24, "Child partitions should use x2APIC").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(25, "Hardware watchdog reserved").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(26, "Device access tracking").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(27, "Hardware guest-memory access tracking").unsettable().source("Microsoft's public hypervisor header, alone"),
    ]).rules(&[
        rule(31, 0, Informational, Info, Warning, "Hardware features the hypervisor uses itself; not guest interfaces",
            "Hyper-V TLFS feature discovery, 0x40000006"),
    ]),
    hyperv(0x4000_0006, At(0), Ebx, &[
        field(7, 0, "hv_device_domain_bits", "Hyper-V device domain input width")
            .rule(Informational, Info, Info, "Device domain width, root partition only", "Microsoft's public hypervisor header"),
    ]),
    hyperv(0x4000_0007, At(0), Eax, &[
        nameless(0, "May start logical processors (root partition)").unsettable(),
        nameless(1, "May create root virtual processors").unsettable(),
        nameless(2, "Performance counter synchronization").unsettable(),
        nameless(31, "Reserved identity bit").unsettable(),
    ]).rules(&[
        rule(31, 0, Equal, Warning, Warning, "CPU management, root partition only",
            "Hyper-V TLFS feature discovery; Linux 7.1 include/hyperv/hvgdk_mini.h:350-356"),
    ]),
    hyperv(0x4000_0007, At(0), Ebx, &[
        nameless(0, "Processor power management (root partition)").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(1, "MWAIT idle states (root partition)").unsettable().source("Microsoft's public hypervisor header, alone"),
        nameless(2, "Logical processor idling (root partition)").unsettable().source("Microsoft's public hypervisor header, alone"),
    ]).rules(&[
        rule(31, 0, Equal, Warning, Warning, "CPU management, root partition only",
            "Hyper-V TLFS feature discovery; Linux 7.1 include/hyperv/hvgdk_mini.h:350-356"),
    ]),
    hyperv(0x4000_0007, At(0), Ecx, &[
        nameless(0, "Guest pages can be remapped uncached").unsettable().source("Microsoft's public hypervisor header, alone"),
    ]).rules(&[
        rule(31, 0, Equal, Warning, Warning, "CPU management, root partition only",
            "Hyper-V TLFS feature discovery; Linux 7.1 include/hyperv/hvgdk_mini.h:350-356"),
    ]),
    hyperv(0x4000_0008, At(0), Eax, &[
        nameless(0, "Shared virtual memory for devices").unsettable().source("Microsoft's public hypervisor header, alone"),
        field(31, 11, "hv_max_pasids", "Hyper-V PASIDs per space"),
    ]).rules(&[
        rule(31, 0, Subset, Warning, Warning, "Shared virtual memory for devices, root partition only", "Microsoft's public hypervisor header"),
    ]),
    hyperv(0x4000_0008, At(0), Ebx, &[
        field(31, 0, "hv_max_pasid_spaces", "Hyper-V PASID space limit")
            .rule(NotLess, Warning, Info, "Shared virtual memory limits, root partition only", "Microsoft's public hypervisor header"),
    ]),
    hyperv(0x4000_0008, At(0), Ecx, &[
        field(31, 0, "hv_max_prq_size", "Hyper-V device page request queue limit")
            .rule(NotLess, Warning, Info, "Shared virtual memory limits, root partition only", "Microsoft's public hypervisor header"),
    ]),
    hyperv(0x4000_0009, At(0), Eax, &[
        nameless(2, "Nested: synthetic interrupt controller accessible").unsettable(),
        nameless(4, "Nested: interrupt control registers accessible").unsettable(),
        nameless(5, "Nested: hypercall MSRs accessible").unsettable(),
        nameless(6, "Nested: virtual processor index accessible").unsettable(),
        nameless(12, "Nested: re-enlightenment controls accessible").unsettable(),
    ]),
    hyperv(0x4000_0009, At(0), Edx, &[
        nameless(4, "Nested: hypercall input via XMM registers").unsettable(),
        nameless(15, "Nested: hypercall output via XMM registers").unsettable(),
        nameless(17, "Nested: synthetic interrupt polling mode").unsettable(),
    ]),
    hyperv(0x4000_000a, At(0), Eax, &[
        field(7, 0, "evmcs_low", "Lowest enlightened VMCS version")
            .rule(NotGreater, Info, Unsafe, "Lowest eVMCS version rose above the one a nested hypervisor uses",
                "QEMU 7.2 target/i386/kvm/kvm.c hyperv_init_vcpu"),
        field(15, 8, "evmcs_high", "Highest enlightened VMCS version")
            .rule(NotLess, Unsafe, Warning, "Highest eVMCS version fell below the one a nested hypervisor uses",
                "QEMU 7.2 target/i386/kvm/kvm.c hyperv_init_vcpu"),
        nameless(16, "Nested guest-physical flush (deprecated position)").unsettable(),
        bit(17, "hv-tlbflush-direct", "Nested guest may use direct TLB flush").libvirt(V11_3).qemu(V7_2)
            .element("<features><hyperv>",
                "<tlbflush state='on'><direct state='off'/></tlbflush>",
                "<tlbflush state='on'><direct state='on'/></tlbflush>"),
        nameless(18, "Nested guest-physical mapping flush hypercalls").unsettable(),
        bit(19, "hv-emsr-bitmap", "Nested enlightened MSR bitmap").qemu(V7_2).not_in_libvirt().also(Libvirt, &["hv-emsr_bitmap"])
            .element("<features><hyperv>", "<emsr_bitmap state='off'/>", "<emsr_bitmap state='on'/>"),
        nameless(20, "Nested: virtualization exceptions joined to page faults").unsettable(),
        nameless(22, "Nested enlightened TLB (AMD)").unsettable(),
    ]).causes(&[
        cause(15, 0, Firmware, "Enlightened VMCS version range comes from host KVM",
            "QEMU 7.2 target/i386/kvm/kvm.c hyperv_init_vcpu/hv_build_cpuid_leaf"),
    ]),
    hyperv(0x4000_000a, At(0), Ebx, &[nameless(0, "Enlightened VMCS has PERF_GLOBAL_CTRL fields").unsettable()]),
    hyperv(0x4000_000c, At(0), Eax, &[
        nameless(0, "Paravisor present (confidential guest)").unsettable()
            .rule(Identity, Unsafe, Unsafe, "Paravisor presence fixes the confidential guest's boot path",
                "Linux 7.1 include/hyperv/hvgdk_mini.h:381-387"),
    ]),
    hyperv(0x4000_000c, At(0), Ebx, &[
        field(3, 0, "hv_isolation_type", "0 none, 1 VBS, 2 SNP, 3 TDX").unit(Unit::Words(&[(0, "none"), (1, "VBS"), (2, "SNP"), (3, "TDX")]))
            .rule(Identity, Unsafe, Unsafe, "Isolation kind cannot change in a running guest", "Linux 7.1 include/hyperv/hvgdk_mini.h:381-387"),
        nameless(5, "Shared guest memory boundary in use").unsettable()
            .rule(Identity, Unsafe, Unsafe, "Shared memory boundary in use is part of the address map",
                "Linux 7.1 include/hyperv/hvgdk_mini.h:381-387"),
        field(11, 6, "hv_shared_gpa_bits", "Position of shared guest memory boundary")
            .rule(Identity, Unsafe, Unsafe, "Shared memory boundary is part of the guest address map",
                "Linux 7.1 include/hyperv/hvgdk_mini.h:381-387"),
    ]),
    hyperv(0x4000_0080, At(0), Eax, &[]).rules(&[
        rule(31, 0, Identity, Warning, Warning, "Hyper-V debugger block signature, present with hv-syndbg",
            "QEMU 10.2 target/i386/kvm/kvm.c:1645-1668"),
    ]),
    hyperv(0x4000_0080, At(0), Ebx, &[
        field(31, 0, "hv_debug_sig_0", "Debugger block text, characters 1 to 4").unit(Unit::Text)
            .rule(Identity, Warning, Warning, "Hyper-V debugger block signature, present with hv-syndbg", "QEMU 10.2 target/i386/kvm/kvm.c:1645-1668"),
    ]),
    hyperv(0x4000_0080, At(0), Ecx, &[
        field(31, 0, "hv_debug_sig_1", "Debugger block text, characters 5 to 8").unit(Unit::Text)
            .rule(Identity, Warning, Warning, "Hyper-V debugger block signature, present with hv-syndbg", "QEMU 10.2 target/i386/kvm/kvm.c:1645-1668"),
    ]),
    hyperv(0x4000_0080, At(0), Edx, &[
        field(31, 0, "hv_debug_sig_2", "Debugger block text, characters 9 to 12").unit(Unit::Text)
            .rule(Identity, Warning, Warning, "Hyper-V debugger block signature, present with hv-syndbg", "QEMU 10.2 target/i386/kvm/kvm.c:1645-1668"),
    ]),
    hyperv(0x4000_0081, At(0), Eax, &[
        field(31, 0, "hv_debug_interface", "Debugger interface text VS#1").unit(Unit::Text)
            .rule(Identity, Warning, Warning, "Hyper-V debugger interface text VS#1", "QEMU 10.2 target/i386/kvm/kvm.c:1645-1668"),
    ]),
    hyperv(0x4000_0082, At(0), Eax, &[
        bit(1, HV_SYNDBG, "Kernel debugging allowed through synthetic debugger").qemu(V7_2).not_in_libvirt(),
        nameless(2, "I/O APIC entries have extended destination ids").unsettable(),
    ]),
];
