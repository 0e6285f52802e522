//! Address widths.

use cpuid_probe::Register::{Eax, Ecx};

use super::{Note, bit, bits};
use crate::knowledge::advice::Layer::{Cpu, Firmware, Kernel, Libvirt, Qemu};
use crate::knowledge::table::Sub::At;

pub(super) const NOTES: &[Note] = &[
    Note {
        at: &[bits(0x8000_0008, At(0), Eax, 7, 0)],
        layers: &[Cpu, Firmware, Kernel, Qemu, Libvirt],
        cause: "The physical width is the host's with host-passthrough or `host-phys-bits=on`, else 40 bits or what \
                `phys-bits` says. Memory encryption switched on in firmware takes bits away.",
        consequence: "The guest's page tables and device windows may use the upper addresses: those bits become \
                      reserved, and accesses fault.",
        remedy: "Give both the same width, at most the smallest host's: `<maxphysaddr mode='emulate' bits='N'/>` in \
                 `<cpu>` (QEMU: `phys-bits=N` in `-cpu`), or a limit for passthrough: `<maxphysaddr \
                 mode='passthrough' limit='N'/>` (QEMU: `host-phys-bits=on,host-phys-bits-limit=N`).",
        source: "QEMU 7.2 target/i386/host-cpu.c:53-80; Linux 6.1 arch/x86/kvm/cpuid.c:1201-1220; libvirt \
                 docs/formatdomain.rst, maxphysaddr",
    },
    Note {
        at: &[bits(0x8000_0008, At(0), Eax, 15, 8), bit(0x7, Ecx, 16)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "The linear width is 57 bits with five-level paging (`la57`), else 48. KVM passes LA57 of the CPU even \
                where the host's kernel does not use it; the CPU models and hosts differ in it.",
        consequence: "A guest that runs with five-level paging has mappings above 48 bits: they become non-canonical, \
                      and CR4.LA57 cannot be set.",
        remedy: "Have `la57` on both or on neither: `<feature policy='disable' name='la57'/>` in `<cpu>` (QEMU: \
                 `la57=off`).",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:139-160; Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps",
    },
    Note {
        at: &[bits(0x8000_0008, At(0), Eax, 23, 16)],
        layers: &[Cpu, Kernel, Qemu],
        cause: "Newer KVM (7.1) and QEMU (10.2) say here how much of the physical width a guest can use; it follows \
                the paging levels of the host's EPT or NPT. Older ones leave it 0, which means: as much as the \
                physical width.",
        consequence: "Firmware placed device windows by it at boot; a narrower usable width strands them.",
        remedy: "Run one QEMU and kernel version on both hosts, and give both guests one width: `<maxphysaddr \
                 mode='emulate' bits='N'/>` in `<cpu>` (QEMU: `phys-bits=N`).",
        source: "Linux 7.1 arch/x86/kvm/cpuid.c:1774-1815; QEMU 10.2 target/i386/cpu.c:8449",
    },
];
