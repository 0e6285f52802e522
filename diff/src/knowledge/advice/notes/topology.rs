//! Topology and caches: ids, counts and geometry.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use super::{Note, bit, bits, leaf};
use crate::knowledge::advice::Layer::{Cpu, Firmware, Kernel, Libvirt, Qemu};
use crate::knowledge::table::Sub::{Any, At};

pub(super) const NOTES: &[Note] = &[
    Note {
        at: &[
            bits(0x1, At(0), Ebx, 31, 24),
            bits(0xb, Any, Edx, 31, 0),
            bits(0x1f, Any, Edx, 31, 0),
            bits(0x8000_0026, Any, Edx, 31, 0),
            bits(0x8000_001e, At(0), Eax, 31, 0),
        ],
        layers: &[Qemu, Libvirt],
        cause: "An APIC id belongs to one vCPU, so it differs between captures made on different vCPUs of one guest. \
                Otherwise the guests have different topologies.",
        consequence: "Nothing, while the set of ids over all vCPUs is the same; interrupts are routed by them.",
        remedy: "Nothing to change while it is expected. If the sets differ, start both guests with the same `<vcpu>` \
                 and `<topology>` (`-smp`). If one capture repeats an id, capture again with a reader that pins \
                 itself to each vCPU (`cpuid-probe` does).",
        source: "QEMU 7.2 target/i386/cpu.c:5253,5426; Linux 6.1 arch/x86/kvm/cpuid.c:1514-1527",
    },
    Note {
        at: &[
            bits(0x1, At(0), Ebx, 23, 16),
            bits(0x4, Any, Eax, 31, 14),
            bits(0xb, Any, Eax, 31, 0),
            bits(0xb, Any, Ebx, 31, 0),
            bits(0xb, Any, Ecx, 31, 0),
            bits(0x1f, Any, Eax, 31, 0),
            bits(0x1f, Any, Ebx, 31, 0),
            bits(0x1f, Any, Ecx, 31, 0),
            bits(0x8000_0008, At(0), Ecx, 15, 0),
            bits(0x8000_001d, Any, Eax, 25, 14),
            bits(0x8000_001e, At(0), Ebx, 15, 0),
            bits(0x8000_001e, At(0), Ecx, 10, 0),
            leaf(0x8000_0026),
        ],
        layers: &[Qemu, Libvirt],
        cause: "It follows the guest's `-smp` (sockets, dies, cores, threads), or with `host-cache-info=on` the \
                host's caches. For the thread count of leaf 1 QEMU 7.2 writes the count, 10.2 the next power of two \
                on Intel.",
        consequence: "A guest decodes it once, at boot, into its packages and cores; a new kernel (kexec, reboot) \
                      would decode different ones.",
        remedy: "Start both guests with the same `<vcpu>` and `<cpu><topology sockets=… dies=… cores=… \
                 threads=…/></cpu>` (QEMU: `-smp`), the same machine type and, if caches are passed through, on hosts \
                 with the same caches.",
        source: "QEMU 7.2 target/i386/cpu.c:5260-5262,5300-5307,5430-5477,5764-5821; QEMU 10.2 \
                 target/i386/cpu.c:7910-7926,7973-7981",
    },
    Note {
        at: &[bit(0x1, Edx, 28), bit(0x8000_0001, Ecx, 1)],
        layers: &[Qemu, Libvirt],
        cause: "QEMU sets it when the guest's package has several threads or cores, whatever the definition says \
                (`cmp-legacy` only in older versions). It promises no instruction: it makes the count next to it \
                (1.EBX[23:16], 80000008.ECX) meaningful.",
        consequence: "A new kernel in the guest takes the package for one with a single thread.",
        remedy: "Start both guests with the same `<vcpu>` and `<topology>` (`-smp`). Leave it out of baselines: it \
                 cannot be asked for by name with effect.",
        source: "QEMU 7.2 target/i386/cpu.c:5262,5698-5707; Xen arch/x86/cpu-policy.c \
                 guest_common_max_feature_adjustments",
    },
    Note {
        at: &[bit(0x8000_0001, Ecx, 22)],
        layers: &[Cpu, Qemu, Libvirt],
        cause: "TOPOEXT makes the topology leaves 0x8000001D and 0x8000001E valid. QEMU can give it on any host; the \
                definitions, CPU models or machine types differ in it; `-cpu host` has it only where it is asked for.",
        consequence: "A new kernel in the guest decodes its cores and caches differently.",
        remedy: "Have it on both: {require}; or on neither: {disable}.",
        source: "QEMU 7.2 target/i386/kvm/kvm.c:349-469; QEMU 7.2 target/i386/cpu.c:5791-5821",
    },
    Note {
        at: &[bit(0x7, Edx, 15), leaf(0x1a)],
        layers: &[Cpu, Kernel],
        cause: "The package mixes kinds of cores (hybrid). KVM hides both; what is seen is bare metal or another \
                hypervisor, and each core kind answers for itself.",
        consequence: "The guest chose its PMU tables and its scheduling by it at boot.",
        remedy: "Keep such guests on hosts of one type, with vCPUs pinned to one kind of core. Under KVM there is \
                 nothing to set.",
        source: "Intel SDM vol. 1 ch. 21 leaves 07H and 1AH; Linux 6.14 arch/x86/kvm/cpuid.c",
    },
    Note {
        at: &[
            leaf(0x2),
            leaf(0x4),
            leaf(0x18),
            leaf(0x8000_0005),
            leaf(0x8000_0006),
            leaf(0x8000_0019),
            leaf(0x8000_001d),
        ],
        layers: &[Cpu, Qemu, Libvirt],
        cause: "Cache and TLB geometry. QEMU describes the caches of its CPU model, or with `host-cache-info=on` \
                (`<cache mode='passthrough'/>`) those of the host; parts, and core kinds of one hybrid part, differ.",
        consequence: "Tuning only, with one exception: the line size, which guests compile into data layout and flush \
                      loops.",
        remedy: "For the same caches everywhere: `<cache level='3' mode='emulate'/>` in `<cpu>` (QEMU: \
                 `host-cache-info=off,l3-cache=on` in `-cpu`) and the same machine type.",
        source: "QEMU 7.2 target/i386/cpu.c:5270-5320,5718-5736,5791-5818; libvirt docs/formatdomain.rst, cache",
    },
    Note {
        at: &[
            bits(0x4, Any, Ebx, 11, 0),
            bits(0x8000_0005, At(0), Ecx, 7, 0),
            bits(0x8000_0005, At(0), Edx, 7, 0),
            bits(0x8000_0006, At(0), Ecx, 7, 0),
            bits(0x8000_001d, Any, Ebx, 11, 0),
            bits(0x1, At(0), Ebx, 15, 8),
        ],
        layers: &[Cpu, Qemu],
        cause: "The line size is 64 bytes on current parts; a difference means quite different CPUs, CPU models or \
                hypervisors, or a cache level described on one side alone.",
        consequence: "Guests step flush loops and lay out data by the line size they read at boot: a smaller line \
                      leaves data unflushed.",
        remedy: "Start both guests with one CPU model and machine type; do not pass the host's caches through \
                 (`host-cache-info=off`, no `<cache mode='passthrough'/>`).",
        source: "Linux 6.1 arch/x86/lib/usercopy_64.c clean_cache_range; Intel SDM vol. 1 ch. 21 leaves 01H and 04H",
    },
    Note {
        at: &[bits(0x80000026, Any, Eax, 31, 29), bits(0x80000026, Any, Ebx, 31, 16)],
        layers: &[Cpu, Firmware],
        cause: "It describes the kind of the core that was asked. As of Linux 7.1 KVM's leaves end before this one.",
        consequence: "Schedulers of the guest ranked cores by it.",
        remedy: "Compare captures of all vCPUs; keep such guests on hosts of one type.",
        source: "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000026; Linux 7.1 arch/x86/kvm/cpuid.c:1736",
    },
];
