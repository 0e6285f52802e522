//! VMX capability MSRs. Bits are the MSR's own.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    msr(0x480, &[
        bit(54, "vmx-ins-outs", "VM exits by INS and OUTS report instruction information").libvirt(V11_3).qemu(V7_2)
            .not_in_tcg().needs(&["vmx"]),
        bit(55, "vmx-true-ctls", "The TRUE control capability MSRs 0x48d to 0x490 exist").libvirt(V11_3).qemu(V7_2)
            .not_in_tcg().needs(&["vmx"]),
        bit(56, "vmx-any-errcode", "Hardware exceptions may be injected with or without an error code").libvirt(V11_3)
            .qemu(V10_2).not_in_tcg().needs(&["vmx"]),
        bit(58, "vmx-nested-exception", "Nested exceptions are reported (FRED)").libvirt(V11_3).qemu(V10_2)
            .not_in_tcg().needs(&["vmx"]),
    ]),
    msr(0x485, &[
        bit(5, "vmx-store-lma", "VM exits save EFER.LMA into the entry control \"IA-32e mode guest\"").libvirt(V11_3)
            .qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(6, "vmx-activity-hlt", "Activity state HLT can be entered").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx"]),
        bit(7, "vmx-activity-shutdown", "Activity state shutdown can be entered").libvirt(V11_3).qemu(V7_2)
            .not_in_tcg().needs(&["vmx"]),
        bit(8, "vmx-activity-wait-sipi", "Activity state wait-for-SIPI can be entered").libvirt(V11_3).qemu(V7_2)
            .not_in_tcg().needs(&["vmx"]),
        bit(29, "vmx-vmwrite-vmexit-fields", "VMWRITE may write VM-exit information fields").libvirt(V11_3).qemu(V7_2)
            .not_in_tcg().needs(&["vmx"]),
        bit(30, "vmx-zero-len-inject", "Software interrupts may be injected with instruction length 0").libvirt(V11_3)
            .qemu(V7_2).not_in_tcg().needs(&["vmx"]),
    ]),
    msr(0x48b, &[
        bit(32, "vmx-apicv-xapic", "Virtualize APIC accesses").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-secondary-ctls"]),
        bit(33, "vmx-ept", "Extended page tables").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-secondary-ctls"]),
        bit(34, "vmx-desc-exit", "Descriptor-table accesses cause VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-secondary-ctls"]),
        bit(35, "vmx-rdtscp-exit", "RDTSCP usable in the guest").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["rdtscp", "vmx-secondary-ctls"]),
        bit(36, "vmx-apicv-x2apic", "Virtualize x2APIC mode").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-secondary-ctls"]),
        bit(37, "vmx-vpid", "Virtual processor identifiers tag TLB entries").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-secondary-ctls"]),
        bit(38, "vmx-wbinvd-exit", "WBINVD causes VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-secondary-ctls"]),
        bit(39, "vmx-unrestricted-guest", "Unrestricted guest: real mode and unpaged protected mode").libvirt(V11_3)
            .qemu(V7_2).not_in_tcg().needs(&["vmx-ept", "vmx-secondary-ctls"]),
        bit(40, "vmx-apicv-register", "APIC register virtualization").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-secondary-ctls"]),
        bit(41, "vmx-apicv-vid", "Virtual interrupt delivery").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-secondary-ctls"]),
        bit(42, "vmx-ple", "PAUSE-loop exiting").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx-secondary-ctls"]),
        bit(43, "vmx-rdrand-exit", "RDRAND causes VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["rdrand", "vmx-secondary-ctls"]),
        bit(44, "vmx-invpcid-exit", "INVPCID usable in the guest").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["invpcid", "vmx-secondary-ctls"]),
        bit(45, "vmx-vmfunc", "VM functions (VMFUNC)").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-secondary-ctls"]),
        bit(46, "vmx-shadow-vmcs", "VMCS shadowing").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-secondary-ctls"]),
        bit(47, "vmx-encls-exit", "ENCLS causes VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-secondary-ctls"]),
        bit(48, "vmx-rdseed-exit", "RDSEED causes VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["rdseed", "vmx-secondary-ctls"]),
        bit(49, "vmx-pml", "Page modification log").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-secondary-ctls"]),
        bit(52, "vmx-xsaves", "XSAVES and XRSTORS usable in the guest").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-secondary-ctls", "xsaves"]),
        bit(54, "vmx-mbec", "Mode-based execute control for extended page tables").libvirt(V12_8).qemu(V11_1)
            .not_in_tcg(),
        bit(57, "vmx-tsc-scaling", "TSC scaling").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx-secondary-ctls"]),
        bit(58, "vmx-enable-user-wait-pause", "TPAUSE, UMONITOR and UMWAIT usable in the guest").libvirt(V11_3)
            .qemu(V10_2).not_in_tcg().needs(&["vmx-secondary-ctls", "waitpkg"]),
    ]),
    msr(0x48c, &[
        bit(0, "vmx-ept-execonly", "Extended page tables can be execute-only").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-ept"]),
        bit(6, "vmx-page-walk-4", "Extended page tables of 4 levels").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-ept"]),
        bit(7, "vmx-page-walk-5", "Extended page tables of 5 levels").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-ept"]),
        bit(8, "vmx-ept-uc", "Extended page-table structures may be uncacheable").libvirt(V11_3).not_in_qemu()
            .not_listed(),
        bit(14, "vmx-ept-wb", "Extended page-table structures may be write-back").libvirt(V11_3).not_in_qemu()
            .not_listed(),
        bit(16, "vmx-ept-2mb", "2 MiB extended pages").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx-ept"]),
        bit(17, "vmx-ept-1gb", "1 GiB extended pages").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx-ept"]),
        bit(20, "vmx-invept", "INVEPT instruction").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx-ept"]),
        bit(21, "vmx-eptad", "Accessed and dirty flags in extended page tables").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-ept"]),
        bit(22, "vmx-ept-advanced-exitinfo", "Advanced VM-exit information for extended page-table violations")
            .libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx-ept"]),
        bit(25, VMX_INVEPT_SINGLE_CONTEXT, "INVEPT for a single context").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-ept", "vmx-vpid"]),
        bit(26, "vmx-invept-all-context", "INVEPT for all contexts").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-ept"]),
        bit(32, "vmx-invvpid", "INVVPID instruction").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx-vpid"]),
        bit(40, "vmx-invvpid-single-addr", "INVVPID for an individual address").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-vpid"]),
        bit(41, "vmx-invvpid-single-context", "INVVPID for a single context").libvirt(V11_3)
            .qemu_as(VMX_INVEPT_SINGLE_CONTEXT, V7_2).not_in_tcg().needs(&["vmx-ept", "vmx-vpid"]).not_listed(),
        bit(42, "vmx-invvpid-all-context", "INVVPID for all contexts").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-vpid"]),
        bit(43, "vmx-invvpid-single-context-noglobals", "INVVPID for a single context but global translations")
            .libvirt(V11_3).qemu_as("vmx-invept-single-context-noglobals", V7_2).not_in_tcg().needs(&["vmx-vpid"]),
    ]),
    msr(0x48d, &[
        bit(32, "vmx-intr-exit", "External interrupts cause VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx"]),
        bit(35, "vmx-nmi-exit", "Non-maskable interrupts cause VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx"]),
        bit(37, "vmx-vnmi", "Virtual non-maskable interrupts").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(38, "vmx-preemption-timer", "VMX preemption timer").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(39, "vmx-posted-intr", "Posted interrupts").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
    ]),
    msr(0x48e, &[
        bit(34, "vmx-vintr-pending", "Interrupt-window exiting").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(35, "vmx-tsc-offset", "TSC offsetting").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(39, "vmx-hlt-exit", "HLT causes VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(41, "vmx-invlpg-exit", "INVLPG causes VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(42, "vmx-mwait-exit", "MWAIT causes VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(43, "vmx-rdpmc-exit", "RDPMC causes VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(44, "vmx-rdtsc-exit", "RDTSC causes VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(47, "vmx-cr3-load-noexit", "Loads of CR3 need not cause VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx"]),
        bit(48, "vmx-cr3-store-noexit", "Stores of CR3 need not cause VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx"]),
        bit(51, "vmx-cr8-load-exit", "Loads of CR8 cause VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx"]),
        bit(52, "vmx-cr8-store-exit", "Stores of CR8 cause VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx"]),
        bit(53, "vmx-flexpriority", "TPR shadow").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(54, "vmx-vnmi-pending", "NMI-window exiting").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(55, "vmx-movdr-exit", "Debug-register accesses cause VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx"]),
        bit(56, "vmx-io-exit", "All I/O instructions cause VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx"]),
        bit(57, "vmx-io-bitmap", "I/O bitmaps choose which I/O instructions cause VM exits").libvirt(V11_3).qemu(V7_2)
            .not_in_tcg().needs(&["vmx"]),
        bit(59, "vmx-mtf", "Monitor trap flag").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(60, "vmx-msr-bitmap", "MSR bitmaps choose which MSR accesses cause VM exits").libvirt(V11_3).qemu(V7_2)
            .not_in_tcg().needs(&["vmx"]),
        bit(61, "vmx-monitor-exit", "MONITOR causes VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(62, "vmx-pause-exit", "PAUSE causes VM exits").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(63, "vmx-secondary-ctls", "Secondary processor-based controls exist").libvirt(V11_3).qemu(V7_2)
            .not_in_tcg().needs(&["vmx"]),
    ]),
    msr(0x48f, &[
        bit(34, "vmx-exit-nosave-debugctl", "VM exit need not save DR7 and DEBUGCTL").libvirt(V11_3).qemu(V7_2)
            .not_in_tcg().needs(&["vmx"]),
        bit(44, "vmx-exit-load-perf-global-ctrl", "VM exit loads PERF_GLOBAL_CTRL").libvirt(V11_3).qemu(V7_2)
            .not_in_tcg().needs(&["vmx"]),
        bit(47, "vmx-exit-ack-intr", "VM exit acknowledges the interrupt").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx"]),
        bit(50, "vmx-exit-save-pat", "VM exit saves PAT").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(51, "vmx-exit-load-pat", "VM exit loads PAT").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(52, "vmx-exit-save-efer", "VM exit saves EFER").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(53, "vmx-exit-load-efer", "VM exit loads EFER").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(54, "vmx-exit-save-preemption-timer", "VM exit saves the preemption timer").libvirt(V11_3).qemu(V7_2)
            .not_in_tcg().needs(&["vmx"]),
        bit(55, "vmx-exit-clear-bndcfgs", "VM exit clears BNDCFGS").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["mpx", "vmx"]),
        bit(57, "vmx-exit-clear-rtit-ctl", "VM exit clears RTIT_CTL").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx"]),
        bit(60, "vmx-exit-save-cet", "VM exit loads CET state (QEMU's name says save)").libvirt(V12_8).qemu(V11_1)
            .not_in_tcg(),
        bit(61, "vmx-exit-load-pkrs", "VM exit loads PKRS").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(63, "vmx-exit-secondary-ctls", "Secondary VM-exit controls exist").libvirt(V11_3).qemu(V10_2).not_in_tcg()
            .needs(&["vmx"]),
    ]),
    msr(0x490, &[
        bit(34, "vmx-entry-noload-debugctl", "VM entry need not load DR7 and DEBUGCTL").libvirt(V11_3).qemu(V7_2)
            .not_in_tcg().needs(&["vmx"]),
        bit(41, "vmx-entry-ia32e-mode", "VM entry can enter IA-32e mode").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["lm", "vmx"]),
        bit(45, "vmx-entry-load-perf-global-ctrl", "VM entry loads PERF_GLOBAL_CTRL").libvirt(V11_3).qemu(V7_2)
            .not_in_tcg().needs(&["vmx"]),
        bit(46, "vmx-entry-load-pat", "VM entry loads PAT").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(47, "vmx-entry-load-efer", "VM entry loads EFER").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(48, "vmx-entry-load-bndcfgs", "VM entry loads BNDCFGS").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["mpx", "vmx"]),
        bit(50, "vmx-entry-load-rtit-ctl", "VM entry loads RTIT_CTL").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx"]),
        bit(52, "vmx-entry-load-cet", "VM entry loads CET state").libvirt(V12_8).qemu(V11_1).not_in_tcg(),
        bit(54, "vmx-entry-load-pkrs", "VM entry loads PKRS").libvirt(V11_3).qemu(V7_2).not_in_tcg().needs(&["vmx"]),
        bit(55, "vmx-entry-load-fred", "VM entry loads FRED state").libvirt(V11_3).qemu(V10_2).not_in_tcg()
            .needs(&["vmx"]),
    ]),
    msr(0x491, &[
        bit(0, "vmx-eptp-switching", "EPTP switching through VMFUNC").libvirt(V11_3).qemu(V7_2).not_in_tcg()
            .needs(&["vmx-vmfunc"]),
    ]),
];
