//! Performance monitoring: Debug Store and PEBS, counters, branch records. And the bits that only hardware has.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use super::{Note, Places, bit, bits, leaf};
use crate::knowledge::advice::Layer::{Cpu, Firmware, Kernel, Libvirt, Qemu};
use crate::knowledge::table::Sub::{Any, At};

pub(super) const NOTES: &[Note] = &[
    Note {
        at: &[bit(0x1, Edx, 21), bit(0x1, Ecx, 2)],
        layers: &[Cpu, Firmware, Kernel, Libvirt],
        cause: "KVM offers DS and DTES64 only where its PMU can virtualize PEBS: by CPU generation and host kernel. Linux \
                6.1 allows it on Ice Lake servers alone, 6.12 also on Sapphire Rapids and newer. KVM also needs a PMU that \
                it may use (kvm.enable_pmu on, no hybrid CPU) and firmware that leaves PEBS on (MISC_ENABLE[12]). A CPU \
                that has DS is not enough, and a host kernel upgrade alone can turn both on for host-passthrough.",
        consequence: "A guest that programmed the Debug Store (perf with PEBS or BTS) loses its records, and its MSR \
                      accesses can fault. In a guest without a PMU the bits promise nothing usable.",
        remedy: "Disable both in the baseline, so that every host gives the same: `<feature policy='disable' \
                 name='ds'/>` and `<feature policy='disable' name='dtes64'/>` in `<cpu>` (QEMU: `ds=off,dtes64=off` \
                 in `-cpu`).",
        source: "Linux 6.1 arch/x86/kvm/vmx/vmx.c:7834-7837, vmx/capabilities.h:393-396; Linux 6.1 \
                 arch/x86/events/intel/core.c:6471-6473; Linux 7.1 arch/x86/events/intel/core.c:8226, ds.c:3389-3390; \
                 Linux 6.1 arch/x86/kvm/pmu.h:170-202",
    },
    Note {
        at: &[
            bit(0x1, Ecx, 4),
            bit(0x1, Ecx, 6),
            bit(0x1, Ecx, 7),
            bit(0x1, Ecx, 8),
            bit(0x1, Ecx, 10),
            bit(0x1, Ecx, 11),
            bit(0x1, Ecx, 14),
            bit(0x1, Ecx, 18),
            bit(0x1, Edx, 22),
            bit(0x1, Edx, 29),
            bit(0x1, Edx, 30),
            bit(0x1, Edx, 31),
        ],
        layers: &[Kernel, Libvirt],
        cause: "The feature belongs to the hardware: KVM offers it to no guest, whatever the host's CPU has. A \
                baseline made from `virsh capabilities` still promises it, because that command reads the host's CPUID \
                and asks neither KVM nor QEMU.",
        consequence: "Under KVM nothing: no guest had it. Elsewhere, MSRs that go with it fault where it is gone.",
        remedy: "Make the baseline from what a guest can get: `virsh domcapabilities`, or `virsh \
                 hypervisor-cpu-baseline` over the domcapabilities of every host. Or leave it out: {disable}.",
        source: "Linux 6.1 and 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps; libvirt 9.0 src/cpu/cpu_x86.c:2748-2807; \
                 libvirt 9.0 docs/manpages/virsh.rst:862-1004",
    },
    Note {
        at: &[bit(0x1, Ecx, 15), Places::Msr(0x345, 63, 0)],
        layers: &[Kernel, Qemu, Libvirt],
        cause: "PDCM goes with the vCPU's PMU: QEMU drops it without a word when the vCPU has none, and KVM clears it \
                where its PMU is off (kvm.enable_pmu=0). QMP still calls it enabled.",
        consequence: "IA32_PERF_CAPABILITIES vanishes; a guest that reads it again (perf, a hot-plugged CPU) faults.",
        remedy: "Leave it out of the baseline: {disable}; or give both guests a PMU: `<pmu state='on'/>` in \
                 `<features>` (QEMU: `pmu=on` in `-cpu`), which also makes leaf 0xA that of each host.",
        source: "QEMU 7.2 target/i386/cpu.c:5264-5266; Linux 6.1 arch/x86/kvm/vmx/vmx.c:7839-7840",
    },
    Note {
        at: &[leaf(0xa)],
        layers: &[Cpu, Firmware, Kernel, Qemu],
        cause: "With a PMU (`pmu=on`) this leaf is what the host's KVM can virtualize: it differs with the CPU, with \
                hyper-threading switched on or off in firmware, with the kernel, and is zero where kvm.enable_pmu is \
                off or the CPU is hybrid.",
        consequence: "Counters that the guest programmed vanish, and QEMU cannot restore their MSRs: it stops, or with \
                      QEMU 7.2 the vCPU resumes with part of its state.",
        remedy: "Take the PMU away on both: `<pmu state='off'/>` in `<features>` (QEMU: `pmu=off` in `-cpu`); or keep \
                 it and migrate only between hosts of one CPU, firmware setting and kernel.",
        source: "QEMU 7.2 target/i386/cpu.c:5409-5410, kvm/kvm.c:1962-1990; Linux 6.1 arch/x86/kvm/cpuid.c:980-1005, \
                 pmu.h:170-202; QEMU 7.2 accel/kvm/kvm-all.c:2735-2739",
    },
    Note {
        at: &[leaf(0x23), bits(0x7, At(1), Eax, 8, 8)],
        layers: &[Cpu, Kernel],
        cause: "Newer Intel parts describe their PMU here, per core kind. KVM answers with zeros, so a guest that \
                shows it runs under another hypervisor, or the capture is of bare metal.",
        consequence: "Counters that the guest programmed vanish.",
        remedy: "Under KVM there is nothing to set. Elsewhere migrate only between hosts of one CPU type.",
        source: "Linux 7.1 arch/x86/kvm/cpuid.c:1901",
    },
    Note {
        at: &[bit(0x7, Edx, 19), leaf(0x1c), bits(0xd, At(1), Ecx, 15, 15)],
        layers: &[Cpu, Kernel, Qemu],
        cause: "QEMU fills leaf 0x1C from the host where `arch-lbr` and the PMU are on. Where they are not, it writes \
                nothing: a KVM guest reads zeros, a TCG guest stale data of the emulator.",
        consequence: "The depth of the branch record stack is state the guest programmed; a depth that is not offered \
                      faults.",
        remedy: "Switch it off on both: {disable}. If 7.0.EDX[19] is 0 in both, the leaf means nothing.",
        source: "QEMU 7.2 target/i386/cpu.c:5448-5454; QEMU 10.2 target/i386/cpu.c:8251-8256",
    },
    Note {
        at: &[bit(0x8000_0001, Ecx, 23), leaf(0x8000_0022)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "AMD's core counters: QEMU and KVM give them with the vCPU's PMU, as many as the host's KVM has.",
        consequence: "Counters that the guest programmed vanish, and their MSRs cannot be restored.",
        remedy: "Take the PMU away on both: `<pmu state='off'/>` in `<features>` (QEMU: `pmu=off` in `-cpu`); or \
                 leave the bits out: {disable}.",
        source: "QEMU 10.2 target/i386/cpu.c:8547-8555; Linux 7.1 arch/x86/kvm/cpuid.c:1873-1886",
    },
    Note {
        at: &[
            bit(0x8000_0001, Ecx, 10),
            bit(0x8000_0001, Ecx, 24),
            bit(0x8000_0001, Ecx, 27),
            bit(0x8000_0001, Ecx, 28),
            leaf(0x8000_001b),
        ],
        layers: &[Kernel],
        cause: "AMD's sampling and uncore counters of the hardware: as of Linux 6.14 KVM offers them to no guest.",
        consequence: "A guest that uses them loses them; their MSRs fault.",
        remedy: "Make the baseline from `virsh domcapabilities`, which leaves them out, or: {disable}.",
        source: "Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps",
    },
    Note {
        at: &[bit(0x1, Ecx, 3), leaf(0x5)],
        layers: &[Kernel, Qemu],
        cause: "QEMU shows MONITOR only with `-overcommit cpu-pm=on` or `monitor=on`; KVM by itself offers it to no \
                guest. Leaf 5 is then the host's, whose firmware can limit the C-states; without it QEMU writes \
                constants.",
        consequence: "Idle code of the guest executes MWAIT; where MONITOR is gone that is an invalid opcode, and \
                      where the monitored line is smaller a wake-up is lost.",
        remedy: "Start both with the same `-overcommit cpu-pm=…`, and leave MONITOR out of the baseline: `<feature \
                 policy='disable' name='monitor'/>` in `<cpu>` (QEMU: `monitor=off` in `-cpu`).",
        source: "QEMU 7.2 target/i386/host-cpu.c:44-50,88-89; Linux 6.1 arch/x86/kvm/cpuid.c:305-311; Linux 7.1 \
                 Documentation/virt/kvm/api.rst KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT",
    },
    Note {
        at: &[leaf(0x6)],
        layers: &[Kernel, Qemu],
        cause: "Power and thermal management is the host's business: KVM answers leaf 6 with nothing but ARAT. Any \
                other bit comes from another hypervisor or from bare metal.",
        consequence: "Drivers of the guest that manage frequency or temperature lose their MSRs.",
        remedy: "Under KVM there is nothing to set. Start both guests under the same hypervisor.",
        source: "Linux 6.14 arch/x86/kvm/cpuid.c __do_cpuid_func, case 6",
    },
    Note {
        at: &[bit(0x6, Eax, 2)],
        layers: &[Kernel, Qemu, Libvirt],
        cause: "KVM emulates it on every host; the CPU models differ in whether they contain it (libvirt's and QEMU's \
                definitions of one model do, too).",
        consequence: "The guest stopped using broadcast timers because of it; when its APIC timer stops in idle, \
                      wake-ups are lost.",
        remedy: "Have it on both: {require}; or on neither: {disable}.",
        source: "Linux 6.1 arch/x86/kernel/apic/apic.c; Linux 6.14 arch/x86/kvm/cpuid.c __do_cpuid_func, case 6",
    },
    Note {
        at: &[
            bit(0x7, Ebx, 12),
            bit(0x7, Ebx, 15),
            leaf(0xf),
            leaf(0x10),
            leaf(0x27),
            leaf(0x28),
            leaf(0x8000_0020),
            bits(0x7, At(1), Ecx, 1, 0),
            bit(0x8000_0008, Ebx, 6),
        ],
        layers: &[Kernel, Libvirt],
        cause: "Monitoring and allocation of cache and memory bandwidth is the host's: KVM answers these leaves with \
                zeros. libvirt reads `cmt` and `mbm_*` from the host's CPUID, so `virsh capabilities` lists them, and \
                never asks QEMU for them.",
        consequence: "Under KVM nothing: no guest had it.",
        remedy: "Nothing to set for a KVM guest. Make baselines from `virsh domcapabilities`.",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:1263-1265,1284; libvirt 9.0 src/cpu/cpu_x86.c",
    },
    Note {
        at: &[bit(0x7, Ebx, 25), leaf(0x14), bits(0xd, At(1), Ecx, 8, 8)],
        layers: &[Cpu, Kernel, Qemu],
        cause: "KVM offers Processor Trace only when it was loaded with pt_mode=1 (host-guest mode) and the CPU can \
                do it; leaf 0x14 is then the host's.",
        consequence: "Trace controls that the guest set can no longer be restored: writing RTIT_CTL faults.",
        remedy: "Switch it off on both: `<feature policy='disable' name='intel-pt'/>` in `<cpu>` (QEMU: \
                 `intel-pt=off` in `-cpu`).",
        source: "Linux 6.1 arch/x86/kvm/vmx/vmx.c vmx_set_cpu_caps, update_intel_pt_cfg",
    },
    Note {
        at: &[bits(0x5, Any, Ebx, 15, 0), bits(0x5, Any, Edx, 31, 0)],
        layers: &[Cpu, Firmware, Qemu],
        cause: "With `-overcommit cpu-pm=on` QEMU passes the host's MWAIT leaf; the sub-states follow the CPU and the \
                C-states that firmware allows. Without it QEMU writes constants.",
        consequence: "Hints for deeper states are rounded by the hardware: idle power changes, correctness does not.",
        remedy: "Start both with the same `-overcommit cpu-pm=…`, on hosts with the same C-state settings.",
        source: "QEMU 7.2 target/i386/host-cpu.c:44-50,88-89; Intel SDM vol. 1 ch. 21 leaf 05H",
    },
];
