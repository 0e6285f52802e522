//! Who the CPU is: vendor, family, model, stepping, maxima, texts.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use super::{Note, bits, leaf};
use crate::knowledge::advice::Layer::{Cpu, Kernel, Libvirt, Qemu};
use crate::knowledge::table::Sub::At;

pub(super) const NOTES: &[Note] = &[
    Note {
        at: &[bits(0x0, At(0), Eax, 31, 0), bits(0x8000_0000, At(0), Eax, 31, 0), bits(0x7, At(0), Eax, 31, 0)],
        layers: &[Cpu, Kernel, Qemu],
        cause: "With `-cpu host` the maximum follows the host's CPU and its KVM, which cuts it (basic leaves at 0x1f \
                in Linux 6.1, 0x24 in 7.1; extended ones at 0x80000021 and 0x80000022), and QEMU raises it for \
                features that need a leaf. So a host kernel or QEMU upgrade alone can change it.",
        consequence: "Leaves that the guest has used vanish: they answer with zeros, or on Intel with data of another \
                      leaf.",
        remedy: "Use a named CPU model and one machine type on both, which fixes the maxima; or fix them by hand, \
                 QEMU: `level=0xd,xlevel=0x80000008` (`level-func7=…`) in `-cpu` (libvirt has no element for it). \
                 Then judge the leaves that vanish: each is a finding.",
        source: "QEMU 7.2 target/i386/kvm/kvm-cpu.c kvm_cpu_max_instance_init; Linux 6.1 \
                 arch/x86/kvm/cpuid.c:908,1166; Linux 7.1 arch/x86/kvm/cpuid.c:1434,1736; Xen \
                 arch/x86/lib/cpu-policy/policy.c:18-28",
    },
    Note {
        at: &[
            bits(0x0, At(0), Ebx, 31, 0),
            bits(0x0, At(0), Ecx, 31, 0),
            bits(0x0, At(0), Edx, 31, 0),
            bits(0x8000_0000, At(0), Ebx, 31, 0),
            bits(0x8000_0000, At(0), Ecx, 31, 0),
            bits(0x8000_0000, At(0), Edx, 31, 0),
        ],
        layers: &[Cpu, Qemu, Libvirt],
        cause: "The vendor: under KVM QEMU shows the host's unless the definition sets another (`<model \
                vendor_id='…'>`). These hosts, or definitions, are of different vendors.",
        consequence: "Guests choose errata, the hypercall instruction (VMCALL, VMMCALL) and segment rules by it.",
        remedy: "Do not migrate between vendors. Where one host only shows another text: set the same `<model \
                 vendor_id='GenuineIntel'>` (QEMU: `vendor=GenuineIntel` in `-cpu`) on both.",
        source: "Xen arch/x86/lib/cpu-policy/policy.c:18-22; libvirt docs/formatdomain.rst, vendor_id",
    },
    Note {
        at: &[bits(0x1, At(0), Eax, 27, 4), bits(0x8000_0001, At(0), Eax, 31, 4)],
        layers: &[Cpu, Qemu, Libvirt],
        cause: "Family and model: other CPU models are defined, or host-passthrough shows unlike hosts.",
        consequence: "The guest chose mitigations, PMU events and MSR tables by them at boot.",
        remedy: "Use one named model on both (`<cpu mode='custom'>`), one that every host can give (`virsh \
                 hypervisor-cpu-baseline`). QEMU alone can also set the numbers: `family=…,model=…,stepping=…` in \
                 `-cpu`.",
        source: "Linux 6.1 arch/x86/kernel/cpu/common.c cpu_vuln_whitelist; libvirt 9.0 src/cpu/cpu_x86.c; QEMU 7.2 \
                 target/i386/host-cpu.c:132-175",
    },
    Note {
        at: &[bits(0x1, At(0), Eax, 3, 0), bits(0x8000_0001, At(0), Eax, 3, 0)],
        layers: &[Cpu, Qemu],
        cause: "The stepping is passed through by `-cpu host`; hosts of one type may mix steppings.",
        consequence: "The guest chose workarounds for errata by it at boot; its data stays valid.",
        remedy: "Use a named model (`<cpu mode='custom'>`), or `stepping=N` in QEMU's `-cpu` on both.",
        source: "QEMU 7.2 target/i386/host-cpu.c:132-175; libvirt 9.0 src/cpu/cpu_x86.c",
    },
    Note {
        at: &[leaf(0x8000_0002), leaf(0x8000_0003), leaf(0x8000_0004)],
        layers: &[Cpu, Qemu],
        cause: "The brand text is the host's with `-cpu host`, else that of QEMU's CPU model.",
        consequence: "Nothing: it is for people.",
        remedy: "Nothing to change; QEMU's `model-id=…` sets the text.",
        source: "QEMU 7.2 target/i386/cpu.c:5710-5717, host-cpu.c:109-130,182",
    },
    Note {
        at: &[bits(0x8000_0001, At(0), Ebx, 31, 0), leaf(0x3), leaf(0x17), bits(0x1, At(0), Ebx, 7, 0)],
        layers: &[Cpu],
        cause: "It names the part or package.",
        consequence: "Nothing: it is for people and inventories.",
        remedy: "Nothing to change.",
        source: "Intel SDM vol. 1 ch. 21 leaves 01H, 03H and 17H; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf \
                 0x80000001",
    },
];
