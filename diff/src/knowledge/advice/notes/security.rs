//! Immunity, bits to accumulate over a pool, speculation controls, TSX.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use super::{Note, Places, bit, bits};
use crate::knowledge::advice::Layer::{Cpu, Firmware, Kernel, Libvirt, Qemu};
use crate::knowledge::table::Sub::At;

const LAYERS: &[crate::knowledge::advice::Layer] = &[Cpu, Firmware, Kernel, Qemu, Libvirt];

pub(super) const NOTES: &[Note] = &[
    Note {
        at: &[
            Places::Msr(0x10a, 0, 0),
            Places::Msr(0x10a, 6, 3),
            Places::Msr(0x10a, 8, 8),
            Places::Msr(0x10a, 15, 13),
            Places::Msr(0x10a, 20, 20),
            Places::Msr(0x10a, 24, 24),
            Places::Msr(0x10a, 27, 26),
            Places::Msr(0x10a, 62, 62),
            bits(0x7, At(2), Edx, 5, 5),
            bits(0x7, At(2), Edx, 7, 7),
            bit(0x8000_0008, Ebx, 26),
            bit(0x8000_0008, Ebx, 29),
            bits(0x8000_0021, At(0), Eax, 30, 29),
            bits(0x8000_0021, At(0), Ecx, 2, 1),
        ],
        layers: LAYERS,
        cause: "A promise of immunity: the CPU, its microcode, or the host's kernel on their behalf, says that it is \
                not vulnerable. The hosts differ in generation, stepping, microcode or kernel, or a definition names \
                the bit on one side.",
        consequence: "Mitigations are chosen at boot and not looked at again: a guest that booted with the bit runs on \
                      without the mitigation where it is vulnerable. Gaining the bit costs nothing but speed until the \
                      next boot.",
        remedy: "Promise it only if every host of the pool keeps it; otherwise {disable}. Bring microcode and kernels \
                 of the pool to one level, and reboot guests that booted with a promise their host does not keep.",
        source: "Xen include/public/arch-x86/cpufeatureset.h; Linux 7.1 arch/x86/include/asm/msr-index.h:128-218; \
                 Linux 6.1 arch/x86/kernel/cpu/bugs.c",
    },
    Note {
        at: &[bit(0x7, Edx, 10), bit(0x8000_0021, Eax, 5), Places::Msr(0x10a, 17, 17), Places::Msr(0x10a, 28, 28)],
        layers: LAYERS,
        cause: "With the right microcode VERW clears CPU buffers: the hosts have different microcode or CPUs, or a \
                definition leaves the bit out. Many CPU models do not contain it.",
        consequence: "A guest that sees the bit scrubs with VERW; one that booted without it does not, or does \
                      something slower, and leaks where the host needs the scrubbing. Exposing the bit on hardware \
                      without the effect is harmless.",
        remedy: "If any host of the pool needs it, ask for it on every host: {require}, with current microcode on \
                 every host; then reboot guests that booted without it.",
        source: "Xen include/public/arch-x86/cpufeatureset.h:77-80 (tag |); Xen arch/x86/cpu-policy.c \
                 guest_common_max_feature_adjustments; QEMU docs/system/cpu-models-x86.rst.inc",
    },
    Note {
        at: &[Places::Msr(0x10a, 2, 2), Places::Msr(0x10a, 19, 19)],
        layers: LAYERS,
        cause: "RSBA and RRSBA say that return prediction may fall back to other predictors on underflow. The hosts' \
                CPUs differ, and only some say so.",
        consequence: "The dangerous side is gaining it: a guest that booted without the bit trusts return predictions \
                      (retpolines) that are not safe where the bit is set. Losing it costs speed.",
        remedy: "If any host of the pool has it, every guest should see it; QEMU cannot show it on a host that lacks \
                 it. So keep such hosts in a pool of their own, and reboot guests that booted without it.",
        source: "Xen arch/x86/cpu-policy.c:428-453; Linux 7.1 arch/x86/include/asm/msr-index.h:182",
    },
    Note {
        at: &[bit(0x8000_0021, Eax, 1), bit(0x8000_0008, Ebx, 20)],
        layers: LAYERS,
        cause: "It says that something is gone: serialisation by writes to FS and GS base, or EFER.LMSLE. Newer CPUs \
                have it, older ones do not.",
        consequence: "Losing it does nothing. Gaining it can: a guest that booted without the bit may rely on what \
                      the bit says is gone.",
        remedy: "If any host of the pool has it, show it on every host: {require}.",
        source: "Xen include/public/arch-x86/cpufeatureset.h:77-80 (tag |)",
    },
    Note {
        at: &[bit(0x7, Ebx, 6), bit(0x7, Ebx, 13)],
        layers: LAYERS,
        cause: "It describes the physical CPU, whatever CPUID says: newer CPUs keep less of the x87 pointers. KVM \
                passes the host's value; QEMU 10.2 names the bit and 7.2 does not, so an older QEMU drops it with a \
                named model.",
        consequence: "Only old x87 exception handlers look at those pointers. One is the value that is safe on every \
                      host.",
        remedy: "Show 1 on every host: {require}, with QEMU 10.2 or newer.",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:629-630; Xen include/public/arch-x86/cpufeatureset.h FDP_EXCP_ONLY, \
                 NO_FPU_SEL",
    },
    Note {
        at: &[
            bits(0x7, At(0), Edx, 28, 26),
            bit(0x7, Edx, 31),
            bit(0x7, Edx, 9),
            bits(0x7, At(2), Edx, 4, 0),
            bit(0x8000_0008, Ebx, 12),
            bit(0x8000_0008, Ebx, 14),
            bit(0x8000_0008, Ebx, 15),
            bit(0x8000_0008, Ebx, 24),
            bit(0x8000_0008, Ebx, 25),
            bit(0x8000_0008, Ebx, 28),
            bit(0x8000_0008, Ebx, 30),
            bits(0x8000_0021, At(0), Eax, 28, 27),
            bit(0x8000_0021, Eax, 31),
            bit(0x8000_0021, Eax, 8),
            Places::Msr(0x10a, 1, 1),
        ],
        layers: LAYERS,
        cause: "A control against speculation, which came with microcode: the hosts have different microcode, CPUs or \
                kernels, or the CPU models differ (those named -IBRS and -IBPB contain some). KVM shows some of AMD's \
                on Intel, and the other way round, where the host can do the same.",
        consequence: "The guest chose its mitigation by it at boot: where the control is gone, writes to SPEC_CTRL or \
                      PRED_CMD fault or the mitigation does nothing.",
        remedy: "Bring microcode and kernels of all hosts to one level and ask for it everywhere: {require}. Where \
                 one host cannot have it: {disable}, and the guest is protected by slower means, if at all.",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:654-680,712-740,770-771; QEMU docs/system/cpu-models-x86.rst.inc",
    },
    Note {
        at: &[bit(0x7, Edx, 29)],
        layers: &[Kernel, Qemu, Libvirt],
        cause: "KVM emulates the MSR it announces on every host; the CPU models differ in whether they contain it, \
                and QEMU clears everything in the MSR where it is off.",
        consequence: "IA32_ARCH_CAPABILITIES vanishes, and with it every promise of immunity; a guest that reads it \
                      again faults.",
        remedy: "Have it on both: {require}, and look at the feature MSRs too (`cpuid-probe --msrs`).",
        source: "Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps; QEMU 7.2 target/i386/cpu.c feature_dependencies",
    },
    Note {
        at: &[bit(0x7, Ebx, 4), bit(0x7, Ebx, 11)],
        layers: LAYERS,
        cause: "TSX went away with microcode on many parts and is missing from the -noTSX models; libvirt drops `hle` \
                and `rtm` from Haswell hosts. KVM also hides both while the guest itself has set \
                TSX_CTRL.CPUID_CLEAR.",
        consequence: "Code that uses RTM starts with XBEGIN, an invalid opcode where RTM is gone. Code with HLE's \
                      prefixes still runs, without elision; its test for being in a transaction (XTEST) is an invalid \
                      opcode where both are gone.",
        remedy: "Leave TSX out everywhere, with a -noTSX model or `<feature policy='disable' name='hle'/>` and \
                 `<feature policy='disable' name='rtm'/>` in `<cpu>` (QEMU: `hle=off,rtm=off`). If the guest hid it \
                 itself (tsx=off), let both guests do so.",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:1506-1510; Linux 6.1 arch/x86/kernel/cpu/tsx.c; libvirt 9.0 \
                 src/cpu/cpu_x86.c",
    },
    Note {
        at: &[bit(0x7, Edx, 11), bit(0x7, Edx, 13), Places::Msr(0x10a, 7, 7)],
        layers: &[Cpu, Firmware, Kernel],
        cause: "Microcode that retires or restricts TSX shows it; hosts with other microcode do not.",
        consequence: "With RTM_ALWAYS_ABORT transactions never commit, but XBEGIN does not fault; where it is gone \
                      together with RTM, XBEGIN is an invalid opcode. The MSRs TSX_FORCE_ABORT and TSX_CTRL fault \
                      where they are gone.",
        remedy: "Bring microcode of all hosts to one level, and leave TSX out of the baseline: `<feature \
                 policy='disable' name='hle'/>` and `<feature policy='disable' name='rtm'/>` in `<cpu>` (QEMU: \
                 `hle=off,rtm=off`).",
        source: "Xen arch/x86/cpu-policy.c RTM_ALWAYS_ABORT; Linux 6.1 arch/x86/events/intel/core.c:6455-6460",
    },
    Note {
        at: &[bit(0x7, Edx, 30), Places::Msr(0xcf, 63, 0)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "As of Linux 6.14 KVM offers neither the MSR nor its bits to a guest; QEMU clears the MSR's bits where \
                `core-capability` is off. libvirt's Snowridge model names both, so it disables them.",
        consequence: "A guest that enabled split-lock detection faults on the MSR.",
        remedy: "Leave both out of the baseline: {disable}.",
        source: "Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps; QEMU 7.2 target/i386/cpu.c feature_dependencies",
    },
    Note {
        at: &[Places::Msr(0x10a, 63, 0)],
        layers: &[Cpu, Firmware, Kernel],
        cause: "A bit of the hosts' IA32_ARCH_CAPABILITIES: CPUs, microcode or kernels differ. KVM passes a fixed \
                list of its bits to guests.",
        consequence: "A guest that uses the control it announces faults on its MSR; an immunity or hazard that nobody \
                      names yet is treated as the worst.",
        remedy: "Bring microcode and kernels of all hosts to one level; a named CPU model passes only the bits that \
                 QEMU has a name for.",
        source: "Linux 7.1 arch/x86/kvm/x86.c:1629-1635",
    },
    Note {
        at: &[bits(0x8000_0021, At(0), Ecx, 14, 13)],
        layers: &[Kernel],
        cause: "KVM of Linux 5.10 showed guests bits of a word that Linux uses for itself. AMD defines no feature here, \
                and newer kernels clear the bits.",
        consequence: "Nothing: no software uses these bits.",
        remedy: "Nothing to change; a host kernel upgrade takes them away.",
        source: "Firecracker's published m6a fingerprints of Linux 5.10 and 6.1 hosts",
    },
    Note {
        at: &[bit(0x8000_0021, Eax, 2)],
        layers: LAYERS,
        cause: "The host's kernel tells KVM that LFENCE serialises; QEMU 10.2 names it, 7.2 does not.",
        consequence: "The guest relies on LFENCE alone to stop speculation; where LFENCE does not serialise, that \
                      barrier is missing.",
        remedy: "Have it on both: {require}; or on neither: {disable}.",
        source: "Xen include/public/arch-x86/cpufeatureset.h LFENCE_DISPATCH; Linux 6.14 arch/x86/kvm/cpuid.c \
                 kvm_set_cpu_caps",
    },
];
