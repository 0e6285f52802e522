//! Why values may differ: hypervisor leaves.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use crate::knowledge::table::CauseKind::{Brand, FirmwareMicrocode, HostClock, PerVcpu, RuntimeDynamic};
use crate::knowledge::table::Sub::At;
use crate::knowledge::table::{Cause, cause, sorted};

/// The first leaf of any hypervisor's block.
#[rustfmt::skip]
pub(super) const ANY: &[Cause] = &[
    cause(0x4000_0000, At(0), Eax, 31, 0, FirmwareMicrocode, "Maximum follows configured paravirtual leaves; 0x40000010 only when the frequency leaf is present", "QEMU 7.2 target/i386/kvm/kvm.c:2121-2137"),
];

/// A KVM block.
#[rustfmt::skip]
pub(super) const KVM: &[Cause] = &[
    cause(0x4000_0001, At(0), Eax,  5,  5, FirmwareMicrocode, "Steal time offered only if the host kernel keeps scheduler statistics", "Linux 6.1 arch/x86/kvm/cpuid.c:1158-1159"),
    cause(0x4000_0001, At(0), Eax,  7,  7, FirmwareMicrocode, "KVM clears PV_UNHALT when HLT exits are disabled for the VM (-overcommit cpu-pm=on)", "Linux 6.1 arch/x86/kvm/cpuid.c:300-303; Linux 7.1 arch/x86/kvm/cpuid.c:235-252"),
    cause(0x4000_0001, At(0), Eax, 15, 15, FirmwareMicrocode, "Extended MSI destination needs a split irqchip", "QEMU 7.2 target/i386/kvm/kvm.c:461-463"),
    cause(0x4000_0001, At(0), Edx,  0,  0, FirmwareMicrocode, "Hint of dedicated vCPUs, set on the command line only", "QEMU 7.2 target/i386/cpu.c FEAT_KVM_HINTS"),
];

/// A Hyper-V block.
#[rustfmt::skip]
pub(super) const HYPERV: &[Cause] = &[
    cause(0x4000_0002, At(0), Eax, 31,  0, Brand,             "Hypervisor version: host KVM data under hv-passthrough; real Hyper-V shows its own build", "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361,1455-1462"),
    cause(0x4000_0002, At(0), Ebx, 31,  0, Brand,             "Hypervisor version: host KVM data under hv-passthrough; real Hyper-V shows its own build", "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361,1455-1462"),
    cause(0x4000_0002, At(0), Ecx, 31,  0, Brand,             "Hypervisor version: host KVM data under hv-passthrough; real Hyper-V shows its own build", "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361,1455-1462"),
    cause(0x4000_0002, At(0), Edx, 31,  0, Brand,             "Hypervisor version: host KVM data under hv-passthrough; real Hyper-V shows its own build", "QEMU 7.2 target/i386/kvm/kvm.c:1350-1361,1455-1462"),
    cause(0x4000_0003, At(0), Eax, 15, 15, FirmwareMicrocode, "Invariant TSC control exists only with newer KVM and -cpu hv settings", "Linux 7.1 arch/x86/kvm/hyperv.h:157-178"),
    cause(0x4000_0004, At(0), Eax, 18, 18, FirmwareMicrocode, "No-nonarch-coresharing copies whether the host can run SMT", "Linux 6.1 arch/x86/kvm/hyperv.c:2538-2539; QEMU 7.2 target/i386/kvm/kvm.c:1490-1497; QEMU 10.2 target/i386/kvm/kvm.c:1616-1620"),
    cause(0x4000_000a, At(0), Eax, 15,  0, FirmwareMicrocode, "Enlightened VMCS version range comes from host KVM", "QEMU 7.2 target/i386/kvm/kvm.c hyperv_init_vcpu/hv_build_cpuid_leaf"),
];

/// The clock leaf of KVM and VMware blocks.
#[rustfmt::skip]
pub(super) const CLOCK: &[Cause] = &[
    cause(0x4000_0010, At(0), Eax, 31, 0, HostClock,         "Guest TSC kHz; equals the host's measured TSC unless tsc-frequency is set", "QEMU 7.2 target/i386/kvm/kvm.c:829-836,1762-1774,2121-2137; QEMU 10.2 target/i386/kvm/kvm.c:2347-2362"),
    cause(0x4000_0010, At(0), Ebx, 31, 0, FirmwareMicrocode, "APIC bus kHz; constant 1000000 with QEMU/KVM, real on VMware", "QEMU 7.2 target/i386/kvm/kvm.c:72,1776,2132"),
];

/// A Xen block.
#[rustfmt::skip]
pub(super) const XEN: &[Cause] = &[
    cause(0x4000_0003, At(0), Eax,  0, 0, HostClock,         "TSC emulated when the guest moved to a host with another frequency", "Xen arch/x86/cpuid.c:82-87"),
    cause(0x4000_0003, At(0), Eax,  1, 1, HostClock,         "Host TSC reliability", "Xen arch/x86/cpuid.c:82-87"),
    cause(0x4000_0003, At(0), Ecx, 31, 0, HostClock,         "Guest TSC kHz, fixed at creation and kept across migration", "Xen arch/x86/cpuid.c:82-87"),
    cause(0x4000_0003, At(0), Edx, 31, 0, RuntimeDynamic,    "Incarnation counter grows at each migration", "Xen arch/x86/cpuid.c:87; Xen include/public/arch-x86/cpuid.h leaf 4"),
    cause(0x4000_0003, At(1), Eax, 31, 0, RuntimeDynamic,    "TSC offset low half", "Xen arch/x86/cpuid.c:90-104"),
    cause(0x4000_0003, At(1), Ebx, 31, 0, RuntimeDynamic,    "TSC offset high half", "Xen arch/x86/cpuid.c:90-104"),
    cause(0x4000_0003, At(1), Ecx, 31, 0, HostClock,         "TSC to nanosecond multiplier; KVM fills it live for Xen guests", "Xen arch/x86/cpuid.c:90-104; Linux 7.1 arch/x86/kvm/cpuid.c:2120-2135"),
    cause(0x4000_0003, At(1), Edx, 31, 0, HostClock,         "TSC to nanosecond shift; KVM fills it live for Xen guests", "Xen arch/x86/cpuid.c:90-104; Linux 7.1 arch/x86/kvm/cpuid.c:2120-2135"),
    cause(0x4000_0003, At(2), Eax, 31, 0, HostClock,         "Physical host TSC kHz", "Xen arch/x86/cpuid.c:106-108; Linux 7.1 arch/x86/kvm/cpuid.c:2133-2135"),
    cause(0x4000_0004, At(0), Eax,  1, 0, FirmwareMicrocode, "APIC virtualization flags depend on host hardware", "Xen arch/x86/cpuid.c:115-130"),
    cause(0x4000_0004, At(0), Ebx, 31, 0, PerVcpu,           "vCPU number", "Xen arch/x86/cpuid.c:143-145; QEMU 10.2 target/i386/kvm/kvm.c XEN_HVM_CPUID_VCPU_ID_PRESENT"),
    cause(0x4000_0004, At(0), Ecx, 31, 0, RuntimeDynamic,    "Domain number changes when a guest is re-created or migrated", "Xen arch/x86/cpuid.c:147-149"),
    cause(0x4000_0005, At(0), Ebx,  7, 0, FirmwareMicrocode, "PV machine address width follows host memory map", "Xen arch/x86/cpuid.c:159-164"),
];

sorted!(ANY, KVM, HYPERV, CLOCK, XEN);
