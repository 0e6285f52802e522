//! Extended state: XSAVE components, sizes and offsets, AMX; and mirrors of what the guest's system sets.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use super::{Note, bit, bits, leaf};
use crate::knowledge::advice::Layer::{Cpu, Firmware, GuestOs, Kernel, Libvirt, Qemu};
use crate::knowledge::table::Sub::{At, From};

const COMPONENTS: &str = "Linux 6.1 arch/x86/kvm/x86.c:1082-1125,5356; Linux 6.1 arch/x86/kernel/fpu/core.c:424; QEMU \
                          7.2 accel/kvm/kvm-all.c:2735-2739";
const COMPONENT_LOST: &str = "State that the guest has enabled cannot be set any more: KVM refuses its XCR0 or its \
                              saved state, and QEMU stops, or with 7.2 the vCPU resumes with part of its state.";

pub(super) const NOTES: &[Note] = &[
    Note {
        at: &[bit(0x1, Ecx, 27)],
        layers: &[GuestOs],
        cause: "OSXSAVE mirrors CR4.OSXSAVE: the guest's kernel sets it when it boots. Firmware, a boot loader or a \
                dump taken before that show 0.",
        consequence: "Nothing: CR4 is state that a migration carries along.",
        remedy: "Nothing to change. Leave it out of baselines: libvirt never asks QEMU for it.",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:277-280; QEMU 7.2 target/i386/cpu.c:5256-5258; Intel SDM vol. 1 table \
                 21-1",
    },
    Note {
        at: &[bit(0x7, Ecx, 4)],
        layers: &[GuestOs],
        cause: "OSPKE mirrors CR4.PKE: the guest's kernel sets it when it uses protection keys. PKU (7.0.ECX[3]) is \
                the feature.",
        consequence: "Nothing: CR4 is state that a migration carries along.",
        remedy: "Nothing to change. Leave it out of baselines: libvirt never asks QEMU for it.",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:286-289; QEMU 7.2 target/i386/cpu.c:5365-5367; Intel SDM vol. 1 table \
                 21-1",
    },
    Note {
        at: &[bit(0x1, Edx, 9), bit(0x8000_0001, Edx, 9)],
        layers: &[GuestOs, Qemu, Libvirt],
        cause: "The bit follows the APIC's enable bit, so it is 0 while the guest has its APIC switched off, and \
                where the guest was defined without one. The AMD copy is updated by Xen and left as it is by KVM.",
        consequence: "A guest without an APIC gets no timer and no inter-processor interrupts from it.",
        remedy: "Define both guests with `<apic/>` in `<features>`; in QEMU that is the default.",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:282-283; Xen arch/x86/cpuid.c:490-495",
    },
    Note {
        at: &[bits(0xd, At(0), Ebx, 31, 0), bits(0xd, At(1), Ebx, 31, 0)],
        layers: &[GuestOs, Kernel],
        cause: "The size of the XSAVE area for the components enabled at this moment in XCR0 (subleaf 1: compacted, \
                with IA32_XSS). KVM before 7.1 left IA32_XSS out, so a host kernel upgrade alone can change subleaf \
                1.",
        consequence: "Nothing: XCR0 and IA32_XSS are state that a migration carries along, and the size follows them.",
        remedy: "Nothing to change.",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:291-298; Linux 7.1 arch/x86/kvm/cpuid.c:319-323; Intel SDM vol. 1 \
                 table 21-1",
    },
    Note {
        at: &[bits(0xd, At(0), Ecx, 31, 0)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "The size of the XSAVE area for every component the guest may enable: the guests do not have the same \
                components (AVX, AVX-512, PKRU, AMX, …), or the hosts' CPUs place them differently.",
        consequence: "Programs size their buffers by it. A smaller size means that components, or their offsets, went \
                      away; a larger one is harmless to what runs.",
        remedy: "Settle the components first: the findings in 0xD.0 EAX, and their features. Disable the newer \
                 features in the baseline: `<feature policy='disable' name='avx512f'/>`, `'pku'`, `'amx-tile'`, … in \
                 `<cpu>`.",
        source: "Linux 6.1 arch/x86/kernel/fpu/xstate.c; Intel SDM vol. 1 ch. 21 leaf 0DH",
    },
    Note {
        at: &[
            bits(0xd, At(0), Eax, 31, 0),
            bits(0xd, At(0), Edx, 31, 0),
            bits(0xd, At(1), Ecx, 31, 0),
            bits(0xd, At(1), Edx, 31, 0),
        ],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "QEMU shows a component where the feature that brings it is on and the host's KVM supports it.",
        consequence: COMPONENT_LOST,
        remedy: "Disable, on both, the feature that brings the component; its own bit is a finding too.",
        source: COMPONENTS,
    },
    Note {
        at: &[bits(0xd, At(0), Eax, 2, 2)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "The AVX component: it comes with `avx`.",
        consequence: COMPONENT_LOST,
        remedy: "Have AVX on both or on neither: `<feature policy='disable' name='avx'/>` in `<cpu>` (QEMU: \
                 `avx=off`), and with it what builds on it.",
        source: COMPONENTS,
    },
    Note {
        at: &[bits(0xd, At(0), Eax, 4, 3), bit(0x7, Ebx, 14)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "MPX and its components. The hardware dropped MPX, KVM offers it under conditions, and libvirt's newer \
                CPU models no longer contain it while older ones do.",
        consequence: COMPONENT_LOST,
        remedy: "Leave MPX out everywhere: `<feature policy='disable' name='mpx'/>` in `<cpu>` (QEMU: `mpx=off`).",
        source: "Linux 6.1 arch/x86/kvm/vmx/vmx.c vmx_set_cpu_caps; libvirt 11.3 src/cpu_map; Linux 6.1 \
                 arch/x86/kvm/x86.c:1082-1125",
    },
    Note {
        at: &[bits(0xd, At(0), Eax, 7, 5)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "The AVX-512 components: they come with `avx512f`.",
        consequence: COMPONENT_LOST,
        remedy: "Have AVX-512 on both or on neither: `<feature policy='disable' name='avx512f'/>` in `<cpu>` (QEMU: \
                 `avx512f=off`), and with it the other avx512 features.",
        source: COMPONENTS,
    },
    Note {
        at: &[bits(0xd, At(0), Eax, 9, 9)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "The PKRU component: it comes with `pku`, which KVM offers only with two-dimensional paging (EPT, NPT) \
                and where the host's kernel uses protection keys.",
        consequence: COMPONENT_LOST,
        remedy: "Have protection keys on both or on neither: `<feature policy='disable' name='pku'/>` in `<cpu>` \
                 (QEMU: `pku=off`).",
        source: "Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps; Linux 6.1 arch/x86/kvm/x86.c:1082-1125",
    },
    Note {
        at: &[bit(0x7, Ecx, 3)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers protection keys only with two-dimensional paging (EPT, NPT) and where the host's own \
                kernel uses them.",
        consequence: "Programs that set up keys fault in WRPKRU, and the PKRU state of the guest cannot be restored.",
        remedy: "",
        source: "Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps",
    },
    Note {
        at: &[bits(0xd, At(9), Ebx, 31, 0)],
        layers: &[Cpu, Qemu],
        cause: "The offset of PKRU in the XSAVE area is the host's: 0xa80 on Intel, 0x980 on AMD. QEMU copies it. So \
                these guests run on CPUs of different vendors or kinds.",
        consequence: "Saved images in guest memory (signal frames, tasks that are switched out) hold PKRU at the old \
                      offset; restored, they give programs wrong rights.",
        remedy: "Such guests cannot migrate between these hosts while protection keys are on: `<feature \
                 policy='disable' name='pku'/>` in `<cpu>` (QEMU: `pku=off`).",
        source: "QEMU 7.2 target/i386/kvm/kvm-cpu.c:84-120",
    },
    Note {
        at: &[bits(0xd, From(2), Eax, 31, 0), bits(0xd, From(2), Ebx, 31, 0), bits(0xd, From(2), Ecx, 31, 0)],
        layers: &[Cpu, Kernel, Qemu],
        cause: "Size, offset and flags of a state component are the host's; QEMU copies them. Components of one size \
                sit elsewhere where another component between is missing, and on parts of another vendor. In one dump \
                alone: the component itself is missing there.",
        consequence: "Images saved in guest memory (signal frames, tasks that are switched out) become unreadable.",
        remedy: "Settle the component first (0xD.0 EAX, 0xD.1 ECX): disable the feature that brings it, on both.",
        source: "QEMU 7.2 target/i386/kvm/kvm-cpu.c:84-120; Intel SDM vol. 1 ch. 21 leaf 0DH",
    },
    Note {
        at: &[
            bit(0x7, Edx, 22),
            bit(0x7, Edx, 24),
            bit(0x7, Edx, 25),
            bits(0x7, At(1), Eax, 21, 21),
            bits(0x7, At(1), Edx, 8, 8),
            bits(0xd, At(0), Eax, 18, 17),
            bits(0xd, At(1), Eax, 4, 4),
            leaf(0x1d),
            leaf(0x1e),
        ],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "AMX: only where the CPU has it, and the host's kernel supports its large state and grants it to QEMU. \
                QEMU 7.2 to 10.2 do not count its components, XCR0[17] and [18], as migratable; 11.1 does.",
        consequence: "Tile code of the guest faults, and its tile state cannot be restored. Tile geometry (leaves \
                      0x1D, 0x1E) is compiled into programs.",
        remedy: "Switch AMX off on both: `<feature policy='disable' name='amx-tile'/>`, `'amx-int8'` and `'amx-bf16'` \
                 in `<cpu>` (QEMU: `amx-tile=off,amx-int8=off,amx-bf16=off`).",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:139-173,1118-1134; Intel SDM vol. 1 ch. 21 leaves 1DH and 1EH",
    },
    Note {
        at: &[bits(0xd, At(1), Eax, 3, 3)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "libvirt 9.0 marks `xsaves` as unmigratable and leaves it out of a migratable CPU, while QEMU from 7.2 \
                on migrates it and libvirt's newest CPU models contain it. So guests of different libvirt versions \
                differ in it.",
        consequence: "The guest's kernel was patched at boot to save its tasks with XSAVES; where it is gone, that is \
                      an invalid opcode.",
        remedy: "Name it in the baseline: {require} on both, with QEMU 7.2 or newer; or {disable}.",
        source: "libvirt 9.0 src/cpu_map/x86_features.xml; Linux 6.1 arch/x86/kernel/fpu/xstate.h",
    },
    Note {
        at: &[bit(0x19, Ebx, 0), bits(0x8000_001c, At(0), Eax, 31, 0)],
        layers: &[GuestOs, Firmware],
        cause: "It mirrors what the guest's system has switched on; the feature itself is another bit (7.0.ECX[23], \
                8000001C.EDX).",
        consequence: "Nothing by itself.",
        remedy: "Nothing to change.",
        source: "Intel SDM vol. 1 table 21-1; Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001c",
    },
    Note {
        at: &[bit(0x8000_0001, Edx, 11)],
        layers: &[Qemu],
        cause: "Intel CPUs, and QEMU's TCG, show SYSCALL only to 64-bit code. A capture by a 32-bit reader shows 0.",
        consequence: "64-bit programs enter the kernel with SYSCALL; without it every system call is an invalid \
                      opcode.",
        remedy: "Compare captures of one kind: `cpuid-probe` reads in 64-bit mode. If both were: one guest has a \
                 32-bit CPU model.",
        source: "Intel SDM vol. 1 ch. 21 leaf 80000001H EDX[11]; QEMU 10.2 target/i386/cpu.c:8355-8358",
    },
    Note {
        at: &[bit(0x8000_0001, Edx, 20)],
        layers: &[Cpu, Firmware, Libvirt],
        cause: "Firmware can switch execute-disable off (MISC_ENABLE[34]); then the host, and its guests, do not have \
                it.",
        consequence: "Page tables with the NX bit set fault as having a reserved bit set.",
        remedy: "Switch execute-disable (NX, XD) on in the firmware of every host; a modern guest needs it.",
        source: "Linux 6.1 arch/x86/kernel/verify_cpu.S:90-99",
    },
];
