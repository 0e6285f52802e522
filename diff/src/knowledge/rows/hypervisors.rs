//! The first leaf of any hypervisor, and the clock leaf of KVM and VMware.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    any(0x4000_0000, At(0), Eax, &[
        field(31, 0, "max_hv_leaf", "Largest hypervisor leaf; zero on old KVM").unit(Unit::Leaf)
            .cause(Firmware, "Maximum follows configured paravirtual leaves; 0x40000010 only when the frequency leaf is present",
                "QEMU 7.2 target/i386/kvm/kvm.c:2121-2137"),
    ]),
    any_but_xen(0x4000_0000, At(0), Eax, &[]).rules(&[
        rule(31, 0, NotLess, Warning, Info, "Not a clock: shrinking hides paravirtual leaves; judge those leaves themselves",
            "QEMU 7.2 target/i386/kvm/kvm.c:2121-2137"),
    ]),
    any(0x4000_0000, At(0), Ebx, &[
        field(31, 0, "hv_sig_0", "Hypervisor text, characters 1 to 4").unit(Unit::Text).also(Qemu, &["hv-vendor-id"])
            .also(Libvirt, &["hv-vendor_id"]),
    ]),
    any_but_xen(0x4000_0000, At(0), Ebx, &[]).rules(&[
        rule(31, 0, Identity, Unsafe, Unsafe, "Hypervisor kind; the guest bound its paravirtual drivers to it",
            "Linux 6.1 arch/x86/kernel/cpu/hypervisor.c"),
    ]),
    any(0x4000_0000, At(0), Ecx, &[field(31, 0, "hv_sig_1", "Hypervisor text, characters 5 to 8").unit(Unit::Text)]),
    any_but_xen(0x4000_0000, At(0), Ecx, &[]).rules(&[
        rule(31, 0, Identity, Unsafe, Unsafe, "Hypervisor kind; the guest bound its paravirtual drivers to it",
            "Linux 6.1 arch/x86/kernel/cpu/hypervisor.c"),
    ]),
    any(0x4000_0000, At(0), Edx, &[field(31, 0, "hv_sig_2", "Hypervisor text, characters 9 to 12").unit(Unit::Text)]),
    any_but_xen(0x4000_0000, At(0), Edx, &[]).rules(&[
        rule(31, 0, Identity, Unsafe, Unsafe, "Hypervisor kind; the guest bound its paravirtual drivers to it",
            "Linux 6.1 arch/x86/kernel/cpu/hypervisor.c"),
    ]),
    clock(0x4000_0010, At(0), Eax, &[
        field(31, 0, "tsc_khz", "Guest TSC frequency in kHz").unit(of("kHz"))
            .rule(HostClock, Warning, Warning, "Host calibration unless a frequency is pinned; the guest may time by it",
                "QEMU 7.2 target/i386/kvm/kvm.c:829-836,2121-2137")
            .cause(Frequency, "Guest TSC kHz; equals the host's measured TSC unless tsc-frequency is set",
                "QEMU 7.2 target/i386/kvm/kvm.c:829-836,1762-1774,2121-2137; QEMU 10.2 target/i386/kvm/kvm.c:2347-2362"),
    ]),
    clock(0x4000_0010, At(0), Ebx, &[
        field(31, 0, "bus_khz", "Local APIC timer clock in kHz").unit(of("kHz"))
            .rule(Equal, Unsafe, Unsafe, "APIC timer base; constant 1000000 under QEMU, another value breaks guest timers",
                "QEMU 7.2 target/i386/kvm/kvm.c:72,1776,2132")
            .cause(Firmware, "APIC bus kHz; constant 1000000 with QEMU/KVM, real on VMware", "QEMU 7.2 target/i386/kvm/kvm.c:72,1776,2132"),
    ]),
    clock(0x4000_0010, At(0), Ecx, &[
        nameless(0, "VMware backdoor reachable through VMMCALL (VMware hosts only)").unsettable(),
        nameless(1, "VMware backdoor reachable through VMCALL (VMware hosts only)").unsettable(),
    ]).rules(&[
        rule(1, 0, Equal, Warning, Warning, "VMware only: which instruction reaches the backdoor", "Linux 6.1 arch/x86/kernel/cpu/vmware.c"),
    ]),
];
