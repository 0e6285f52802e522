//! Virtualization inside the guest, and confidential guests.

use cpuid_probe::Register::{Ebx, Ecx};

use super::{CPU, Note, Places, bit, bits, leaf};
use crate::knowledge::advice::Layer::{Cpu, Firmware, Kernel, Libvirt, Qemu};
use crate::knowledge::table::Sub::At;

pub(super) const NOTES: &[Note] = &[
    Note {
        at: &[bit(0x1, Ecx, 5)],
        layers: &[Cpu, Firmware, Kernel, Qemu, Libvirt],
        cause: "KVM offers VMX only where it was loaded with nested=1; firmware can switch VT-x off; named CPU models \
                leave it out unless asked.",
        consequence: "A hypervisor in the guest stops: VMX instructions are invalid opcodes, and nested state cannot \
                      be restored.",
        remedy: "",
        source: "Linux 6.1 arch/x86/kvm/vmx/vmx.c vmx_set_cpu_caps; QEMU 7.2 target/i386/machine.c:1584-1731",
    },
    Note {
        at: &[bit(0x8000_0001, Ecx, 2), leaf(0x8000_000a)],
        layers: &[Cpu, Firmware, Kernel, Qemu, Libvirt],
        cause: "KVM offers SVM, and each of its features, only where it can nest (nested=1) and the CPU has it; QEMU \
                clears the whole leaf where `svm` is off.",
        consequence: "A hypervisor in the guest stops, or uses a feature that is gone; nested state cannot be \
                      restored.",
        remedy: "If the guest runs no hypervisor, take SVM away on both: `<feature policy='disable' name='svm'/>` in \
                 `<cpu>` (QEMU: `svm=off`). Otherwise have this on both or on neither: {disable}.",
        source: "Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps; QEMU 7.2 target/i386/cpu.c feature_dependencies",
    },
    Note {
        at: &[
            Places::Msr(0x480, 63, 0),
            Places::Msr(0x481, 63, 0),
            Places::Msr(0x482, 63, 0),
            Places::Msr(0x483, 63, 0),
            Places::Msr(0x484, 63, 0),
            Places::Msr(0x485, 63, 0),
            Places::Msr(0x486, 63, 0),
            Places::Msr(0x487, 63, 0),
            Places::Msr(0x488, 63, 0),
            Places::Msr(0x489, 63, 0),
            Places::Msr(0x48a, 63, 0),
            Places::Msr(0x48b, 63, 0),
            Places::Msr(0x48c, 63, 0),
            Places::Msr(0x48d, 63, 0),
            Places::Msr(0x48e, 63, 0),
            Places::Msr(0x48f, 63, 0),
            Places::Msr(0x490, 63, 0),
            Places::Msr(0x491, 63, 0),
        ],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "What a hypervisor inside the guest can use of VMX. KVM offers what its nesting implements and the CPU \
                has; QEMU clears it all where `vmx` is off. libvirt 9.0 reads no VMX MSR of the host, so its CPU \
                definitions do not promise these bits; 11.3 does.",
        consequence: "A hypervisor in the guest uses a control that is gone: its VM entry fails, and nested state \
                      cannot be restored.",
        remedy: "If the guest runs no hypervisor, take VMX away on both: `<feature policy='disable' name='vmx'/>` in \
                 `<cpu>` (QEMU: `vmx=off`). Otherwise have this on both or on neither: {disable}.",
        source: "QEMU 7.2 target/i386/cpu.c feature_dependencies; libvirt 9.0 src/cpu/cpu_x86.c:2748-2807; Intel SDM \
                 vol. 3 appendix A",
    },
    Note {
        at: &[bit(0x7, Ebx, 2), bit(0x7, Ecx, 30), leaf(0x12)],
        layers: &[Cpu, Firmware, Kernel, Qemu, Libvirt],
        cause: "SGX needs the CPU, firmware that reserves enclave memory, KVM, and enclave memory in the guest's \
                definition. Base and size of that memory come from the machine's memory map; the rest is the host's.",
        consequence: "Enclave memory and keys are bound to the host, so a migrated guest loses its enclaves in any \
                      case; QEMU does not prevent it. Software must recreate them, and cannot where a feature they \
                      were built with is gone.",
        remedy: "Do not migrate guests that use SGX; for all others switch it off: `<feature policy='disable' \
                 name='sgx'/>` in `<cpu>` (QEMU: `sgx=off`), and give the guest no enclave memory.",
        source: "QEMU docs/system/i386/sgx.rst; QEMU 7.2 target/i386/cpu.c:5558-5569; Linux 6.1 \
                 arch/x86/kvm/cpuid.c:321-326,1073-1105",
    },
    Note {
        at: &[leaf(0x8000_001f), leaf(0x8000_0023), leaf(0x8000_0025)],
        layers: &[Cpu, Firmware, Kernel, Qemu],
        cause: "Memory encryption: which kinds KVM gives guests follows CPU, firmware and kernel settings. The \
                position of the C-bit and the width it costs are the host's.",
        consequence: "An encrypted guest has the C-bit in every entry of its page tables; with the bit at another \
                      position it cannot read its own memory.",
        remedy: "Keep encrypted guests on hosts of one type and firmware setup; a plain guest needs none of this.",
        source: "QEMU 7.2 target/i386/cpu.c:5851-5858; Linux 6.14 arch/x86/kvm/cpuid.c __do_cpuid_func, case \
                 0x8000001F",
    },
    Note {
        at: &[Places::Leaves(CPU, 0x21, 0x21)],
        layers: &[Cpu, Kernel, Qemu],
        cause: "The text that tells a TDX guest what it is.",
        consequence: "A TDX guest cannot become an ordinary one, nor the other way round.",
        remedy: "Compare guests of one kind.",
        source: "Linux 6.1 arch/x86/include/asm/shared/tdx.h:14",
    },
    Note {
        at: &[bits(0x7, At(0), Ecx, 5, 5)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers WAITPKG only on Intel, where VMX can virtualize it and it may leave its pauses to the \
                guest.",
        consequence: "TPAUSE and UMWAIT are invalid opcodes where it is gone.",
        remedy: "",
        source: "Linux 6.1 arch/x86/kvm/vmx/vmx.c vmx_set_cpu_caps",
    },
];
