//! Instruction sets: vectors, crypto, and the rest that programs pick by themselves.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use super::{Note, bit, bits, leaf};
use crate::knowledge::advice::Layer::{Cpu, Kernel, Libvirt, Qemu};
use crate::knowledge::table::Sub::At;

const HOST: &str = "Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps; Linux 6.1 arch/x86/kernel/fpu/xstate.c";

/// The models as libvirt defines them, and what KVM passes on.
const MODELS: &str = "libvirt 11.3 src/cpu_map; Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps";

const INSTRUCTION_LOST: &str = "Programs and libraries chose their code by it when they started; where it is gone, that code is an invalid \
     opcode.";

const SAME_MODEL: &str =
    "Choose a CPU model that every host can give (`virsh hypervisor-cpu-baseline`), or disable it: {disable}.";

pub(super) const NOTES: &[Note] = &[
    Note {
        at: &[
            bit(0x1, Ecx, 12),
            bit(0x1, Ecx, 28),
            bit(0x1, Ecx, 29),
            bit(0x7, Ebx, 5),
            bit(0x7, Ecx, 9),
            bit(0x7, Ecx, 10),
            bits(0x7, At(1), Eax, 2, 0),
            bits(0x7, At(1), Eax, 4, 4),
            bits(0x7, At(1), Eax, 23, 23),
            bits(0x7, At(1), Edx, 5, 4),
            bits(0x7, At(1), Edx, 10, 10),
        ],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "A vector instruction set on the 256-bit registers: KVM offers it where the host's CPU has it and its \
                kernel saves that state. The hosts' generations or the CPU models differ.",
        consequence: "Libraries (libc, OpenSSL, BLAS, language runtimes) chose their code when the program started; \
                      where the feature is gone, that code raises invalid-opcode exceptions (#UD) in a running \
                      program.",
        remedy: "Choose a CPU model that every host can give (`virsh hypervisor-cpu-baseline`), or disable it: \
                 {disable}, and what builds on it.",
        source: HOST,
    },
    Note {
        at: &[
            bits(0x7, At(0), Ebx, 17, 16),
            bit(0x7, Ebx, 21),
            bits(0x7, At(0), Ebx, 28, 26),
            bits(0x7, At(0), Ebx, 31, 30),
            bit(0x7, Ecx, 1),
            bit(0x7, Ecx, 6),
            bits(0x7, At(0), Ecx, 12, 11),
            bit(0x7, Ecx, 14),
            bits(0x7, At(0), Edx, 3, 2),
            bit(0x7, Edx, 8),
            bit(0x7, Edx, 23),
            bits(0x7, At(1), Eax, 5, 5),
            bits(0x7, At(1), Edx, 19, 19),
            leaf(0x24),
        ],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "AVX-512 and AVX10 differ between generations, and between server and client parts of one. KVM offers \
                what the host's CPU has and its kernel saves.",
        consequence: "Libraries chose their code paths by it when the program started; where it is gone, that code is \
                      an invalid opcode in the middle of a running program. With the last of them the XSAVE \
                      components (0xD.0 EAX[7:5]) go, and state that the guest has enabled cannot be restored.",
        remedy: "Choose a CPU model that every host can give (`virsh hypervisor-cpu-baseline`), or disable it: \
                 {disable}; without AVX-512 altogether: `<feature policy='disable' name='avx512f'/>` in `<cpu>` and \
                 every other avx512 feature.",
        source: HOST,
    },
    Note {
        at: &[
            bit(0x1, Ecx, 1),
            bit(0x1, Ecx, 25),
            bit(0x1, Ecx, 30),
            bit(0x7, Ebx, 18),
            bit(0x7, Ebx, 29),
            bit(0x7, Ecx, 8),
        ],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "Cipher, hash and random-number instructions: KVM offers them where the host's CPU has them and its \
                kernel does not hide them; generations and CPU models differ.",
        consequence: "Crypto libraries and the kernel chose their code by it when they started; where it is gone, \
                      that code is an invalid opcode.",
        remedy: "Choose a CPU model that every host can give (`virsh hypervisor-cpu-baseline`), or disable it: \
                 {disable}.",
        source: "Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps",
    },
    Note {
        at: &[bit(0x1, Ecx, 21), bit(0x1, Ecx, 24), bit(0x7, Ebx, 1)],
        layers: &[Kernel, Qemu, Libvirt],
        cause: "KVM emulates it on every host; CPU models and definitions differ in whether they contain it, and \
                `virsh capabilities` lists it only where the host's CPU has it.",
        consequence: "The guest's kernel programs the APIC or the TSC through it: its MSR accesses fault.",
        remedy: "Have it on both: {require}; every KVM host can give it.",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:662-664; Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps; QEMU 7.2 \
                 target/i386/kvm/kvm.c:349-469",
    },
    Note {
        at: &[
            bit(0x7, Ebx, 9),
            bit(0x7, Edx, 4),
            bits(0x7, At(1), Eax, 12, 10),
            bits(0x8000_0021, At(0), Eax, 11, 10),
            bit(0x8000_0021, Eax, 15),
            bit(0x8000_0021, Eax, 19),
            bits(0x8000_0008, At(0), Ebx, 18, 16),
            leaf(0x8000_001a),
            bit(0x7, Ecx, 25),
            bits(0x7, At(1), Edx, 14, 14),
            bit(0x8000_0021, Eax, 20),
        ],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "Advice about speed, or a hint that does nothing where it is absent; generations and CPU models \
                differ.",
        consequence: "Nothing but speed: the code it selects stays correct.",
        remedy: "If it must be the same: {disable}.",
        source: "Xen arch/x86/cpu-policy.c guest_common_max_feature_adjustments; Linux 6.1 arch/x86/lib/memmove_64.S",
    },
    Note {
        at: &[
            bit(0x1, Edx, 0),
            bit(0x1, Edx, 8),
            bit(0x1, Edx, 15),
            bits(0x1, At(0), Edx, 26, 23),
            bit(0x8000_0001, Edx, 29),
        ],
        layers: &[Qemu, Libvirt],
        cause: "Part of every x86-64 CPU (x86-64-v1): only a 32-bit CPU model lacks it, or a definition that switches \
                it off.",
        consequence: "No 64-bit system runs without it; a 32-bit one that uses it meets an invalid opcode.",
        remedy: "Use a 64-bit CPU model on both; if one is meant to do without: {disable}.",
        source: "x86-64 psABI low-level-sys-info.tex, Micro-Architecture Levels; QEMU docs/system/cpu-models-x86.rst.inc, ABI compatibility \
                 levels",
    },
    Note {
        at: &[
            bit(0x1, Ecx, 0),
            bit(0x1, Ecx, 9),
            bit(0x1, Ecx, 13),
            bits(0x1, At(0), Ecx, 20, 19),
            bit(0x1, Ecx, 23),
            bit(0x8000_0001, Ecx, 0),
        ],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "Part of the level x86-64-v2. KVM offers it where the host has it; old CPU models (qemu64, kvm64, \
                core2duo, Penryn, Opteron_G3) leave some of it out.",
        consequence: "Systems built for x86-64-v2 do not start without it; others chose their code paths by it when \
                      the program started; where it is gone, that code is an invalid opcode in the middle of a \
                      running program.",
        remedy: "Use a CPU model from Nehalem or Opteron_G4 on for both, or name it on both: {require}; or leave it \
                 out: {disable}.",
        source: "x86-64 psABI low-level-sys-info.tex, Micro-Architecture Levels; QEMU docs/system/cpu-models-x86.rst.inc, ABI compatibility \
                 levels; Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps",
    },
    Note {
        at: &[
            bits(0x1, At(0), Edx, 7, 2),
            bits(0x1, At(0), Edx, 14, 11),
            bits(0x1, At(0), Edx, 17, 16),
            bit(0x1, Edx, 19),
        ],
        layers: &[Qemu, Libvirt],
        cause: "Every one of libvirt's CPU models for 64-bit guests has it: only a 32-bit model lacks it, or a definition \
                that switches it off.",
        consequence: "Systems take it for granted, or chose their code by it when they started.",
        remedy: "Use a 64-bit CPU model on both; if one is meant to do without: {disable}.",
        source: "libvirt 11.3 src/cpu_map, the models with `lm`",
    },
    Note {
        at: &[bit(0x1, Edx, 1)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "QEMU's CPU models up to Broadwell and Opteron_G5 have `vme`, libvirt's of the same names have not, so it \
                depends on who reads the definition. KVM offers it where the host's CPU has it.",
        consequence: "Virtual-8086 code, as in old firmware and DOS, meets faults that it did not have.",
        remedy: "Name it in the definition: {require}; or {disable}.",
        source: "QEMU 7.2 and 10.2 target/i386/cpu.c against libvirt 9.0 and 11.3 src/cpu_map; Linux 6.14 \
                 arch/x86/kvm/cpuid.c kvm_set_cpu_caps",
    },
    Note {
        at: &[bit(0x1, Edx, 27)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers self-snoop where the host's CPU has it and its kernel trusts it. Of libvirt's CPU models only a \
                few contain it (KnightsMill, ClearwaterForest, DiamondRapids, YongFeng, and newer versions of \
                others), so host-model and host-passthrough guests have it and most named models do not.",
        consequence: "When Linux changes memory types, it skips a cache flush on CPUs with self-snoop; a guest that \
                      booted with the bit keeps skipping it.",
        remedy: "Name it on both: {require}; or leave it out on both: {disable}.",
        source: "libvirt 11.3 src/cpu_map; Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps; Linux 6.1 \
                 arch/x86/kernel/cpu/mtrr/generic.c prepare_set; Linux 6.1 arch/x86/kernel/cpu/intel.c \
                 check_memory_type_self_snoop_errata",
    },
    Note {
        at: &[bit(0x7, Ebx, 10)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers it where the host's CPU has it. Of libvirt's CPU models Intel's from Haswell and AMD's from \
                EPYC-Milan on contain it; Denverton, Snowridge and KnightsMill do not.",
        consequence: "The guest's kernel flushes its TLB with it: an invalid opcode where it is gone.",
        remedy: "Choose a CPU model that every host can give (`virsh hypervisor-cpu-baseline`), or disable it: {disable}.",
        source: "libvirt 11.3 src/cpu_map; Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps; Linux 6.1 \
                 arch/x86/include/asm/invpcid.h and arch/x86/mm/tlb.c",
    },
    Note {
        at: &[bit(0x7, Ebx, 19)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers it where the host's CPU has it. Of libvirt's CPU models Intel's from Broadwell and AMD's from \
                EPYC on contain it; Denverton and Snowridge do not.",
        consequence: INSTRUCTION_LOST,
        remedy: SAME_MODEL,
        source: MODELS,
    },
    Note {
        at: &[bit(0x7, Ebx, 23)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers it where the host's CPU has it. Of libvirt's CPU models Intel's from Cascadelake-Server and \
                AMD's from EPYC on contain it; Skylake-Server's first versions do not, though the hardware has it.",
        consequence: INSTRUCTION_LOST,
        remedy: SAME_MODEL,
        source: MODELS,
    },
    Note {
        at: &[bit(0x7, Ebx, 24)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers it where the host's CPU has it. Of libvirt's CPU models Intel's server models from \
                Skylake-Server on, Snowridge among them, and AMD's from EPYC-Rome on contain it; Denverton does not.",
        consequence: INSTRUCTION_LOST,
        remedy: SAME_MODEL,
        source: MODELS,
    },
    Note {
        at: &[bit(0x7, Ecx, 27), bit(0x7, Ecx, 28)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers direct stores where the host's CPU has them. Of libvirt's CPU models Snowridge, \
                ClearwaterForest, DiamondRapids and EPYC-Turin contain them, and of others only newer versions.",
        consequence: INSTRUCTION_LOST,
        remedy: SAME_MODEL,
        source: MODELS,
    },
    Note {
        at: &[bit(0x7, Edx, 14)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers it where the host's CPU has it. Of libvirt's CPU models Intel's from SapphireRapids on, the \
                Forests among them, contain it; no AMD model does.",
        consequence: "The guest's kernel serializes with it (Linux's sync_core), and so do programs that asked for it: \
                      an invalid opcode where it is gone.",
        remedy: SAME_MODEL,
        source: "libvirt 11.3 src/cpu_map; Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps; Linux 6.1 \
                 arch/x86/include/asm/sync_core.h",
    },
    Note {
        at: &[bit(0x7, Edx, 16)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers it where the host's CPU has it. Of libvirt's CPU models SapphireRapids, GraniteRapids and \
                DiamondRapids contain it.",
        consequence: INSTRUCTION_LOST,
        remedy: SAME_MODEL,
        source: MODELS,
    },
    Note {
        at: &[bits(0x7, At(1), Eax, 7, 7)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers it where the host's CPU has it. Of libvirt's CPU models SierraForest, ClearwaterForest and \
                DiamondRapids contain it, SapphireRapids and GraniteRapids do not.",
        consequence: INSTRUCTION_LOST,
        remedy: SAME_MODEL,
        source: MODELS,
    },
    Note {
        at: &[bits(0x7, At(1), Eax, 26, 26)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers it where the host's CPU and kernel have it. Of libvirt's CPU models ClearwaterForest and \
                DiamondRapids contain it, and newer versions of others.",
        consequence: "Programs keep tags in pointers that are then not valid addresses. KVM refuses a CR4 with LAM_SUP \
                      set where the guest's CPUID does not have it, so the vCPU's registers cannot be restored.",
        remedy: SAME_MODEL,
        source: "libvirt 11.3 src/cpu_map; Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps; Linux 6.14 \
                 arch/x86/kvm/x86.h __cr4_reserved_bits",
    },
    Note {
        at: &[bit(0x7, Ecx, 24)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers the bus-lock trap where the host's CPU has it. Of libvirt's CPU models Intel's from \
                SapphireRapids on, the Forests among them, contain it; no AMD model does.",
        consequence: "A guest that enabled the trap is no longer told of bus locks.",
        remedy: SAME_MODEL,
        source: MODELS,
    },
    Note {
        at: &[bit(0x8000_0001, Ecx, 11), bit(0x8000_0001, Ecx, 16), bit(0x8000_0001, Ecx, 21)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "Of libvirt's CPU models only Opteron_G4 and Opteron_G5 have XOP and FMA4, and only Opteron_G5 has TBM: \
                no EPYC model and no Intel model does. KVM offers them where the host's CPU has them.",
        consequence: INSTRUCTION_LOST,
        remedy: "Leave it out for good: {disable}; newer hosts do not have it.",
        source: MODELS,
    },
    Note {
        at: &[bit(0x8000_0001, Edx, 30), bit(0x8000_0001, Edx, 31)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "3DNow! is in libvirt's models athlon and phenom alone. KVM offers it where the host's CPU has it.",
        consequence: INSTRUCTION_LOST,
        remedy: "Leave it out for good: {disable}; newer hosts do not have it.",
        source: MODELS,
    },
    Note {
        at: &[bit(0x8000_0001, Ecx, 6), bit(0x8000_0008, Ebx, 0)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "An instruction of AMD and Hygon: of libvirt's CPU models Opteron_G3 and later ones have SSE4A, EPYC-Rome \
                and later ones CLZERO, and no model of another vendor. KVM offers it where the host's CPU has it.",
        consequence: INSTRUCTION_LOST,
        remedy: "If the vendors differ, settle that first; else choose a CPU model that every host can give, or disable it: \
                 {disable}.",
        source: MODELS,
    },
    Note {
        at: &[bit(0x8000_0001, Ecx, 8)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers it where the host's CPU has it. Of libvirt's CPU models Intel's from Broadwell and AMD's from \
                Opteron_G4 on contain it.",
        consequence: "Compilers and kernels choose prefetches by it when code is built or started.",
        remedy: SAME_MODEL,
        source: MODELS,
    },
    Note {
        at: &[bits(0x8000_0007, At(0), Ebx, 1, 0)],
        layers: &[Cpu, Qemu, Libvirt],
        cause: "QEMU's own addition, which KVM does not list: older versions add it on any host, newer ones where the \
                host's CPU has it. Of libvirt's CPU models EPYC-Turin and newer versions of earlier EPYC models contain \
                it.",
        consequence: "The guest's system decides by it what it can do after a machine check.",
        remedy: "Have it on both: {require}; or on neither: {disable}.",
        source: "QEMU target/i386/kvm/kvm.c kvm_arch_get_supported_cpuid (0x80000007 EBX); libvirt 11.3 src/cpu_map",
    },
    Note {
        at: &[bit(0x1, Ecx, 22), bit(0x7, Ebx, 3), bit(0x7, Ebx, 8), bit(0x8000_0001, Ecx, 5)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "Part of the level x86-64-v3. KVM offers it where the host has it; generations and CPU models differ \
                (libvirt's and QEMU's definitions of one model do, too: QEMU's Haswell-noTSX has `abm`, libvirt 9.0's \
                has not).",
        consequence: "Systems built for x86-64-v3 do not start without it; libraries chose their code paths by it \
                      when the program started. Without LZCNT and TZCNT there is no fault but a wrong result: the old \
                      instruction runs instead.",
        remedy: "Name it on both: {require}; or leave it out on both: {disable}.",
        source: "x86-64 psABI low-level-sys-info.tex, Micro-Architecture Levels; Intel SDM vol. 2 LZCNT, TZCNT; Linux 6.14 \
                 arch/x86/kvm/cpuid.c kvm_set_cpu_caps",
    },
    Note {
        at: &[
            bit(0x1, Ecx, 17),
            bit(0x1, Ecx, 26),
            bit(0x7, Ebx, 0),
            bit(0x7, Ebx, 7),
            bit(0x7, Ebx, 20),
            bit(0x7, Ecx, 2),
        ],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers it where the host's CPU has it (UMIP it can also emulate on Intel); generations and CPU \
                models differ.",
        consequence: "The guest's kernel runs with its bit set in CR4. KVM takes no CR4 with a bit that the guest's \
                      CPUID does not have, so the vCPU's registers cannot be restored.",
        remedy: "Name it on both: {require}; or leave it out on both: {disable}.",
        source: "Linux 6.1 arch/x86/kvm/x86.h __cr4_reserved_bits; Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps",
    },
    Note {
        at: &[bits(0xd, At(1), Eax, 2, 0)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "A variant of XSAVE: KVM offers it where the host's CPU and kernel have it; generations and CPU models \
                differ.",
        consequence: "The guest's kernel was patched at boot to save its tasks with it: an invalid opcode.",
        remedy: "Name it on both: {require}; or leave it out on both: {disable}.",
        source: "Linux 6.1 arch/x86/kernel/fpu/xstate.h; Linux 6.1 arch/x86/kvm/cpuid.c:682",
    },
    Note {
        at: &[bit(0x8000_0001, Edx, 26)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers 1 GiB pages where the host's CPU has them; CPU models differ in them.",
        consequence: "Page tables of the guest that map 1 GiB pages fault as having a reserved bit set.",
        remedy: "Have them on both: {require}; or on neither: {disable}.",
        source: "Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps; QEMU docs/system/cpu-models-x86.rst.inc",
    },
    Note {
        at: &[bit(0x8000_0001, Edx, 27), bit(0x7, Ecx, 22)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "KVM offers RDTSCP and RDPID only where the hardware can virtualize TSC_AUX for guests; CPU models \
                differ.",
        consequence: "User programs and the vDSO use it: an invalid opcode where it is gone.",
        remedy: "Have it on both: {require}; or on neither: {disable}.",
        source: "Linux 6.1 arch/x86/kvm/vmx/vmx.c vmx_set_cpu_caps; Linux 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps",
    },
    Note {
        at: &[
            bits(0x8000_0001, At(0), Edx, 9, 0),
            bits(0x8000_0001, At(0), Edx, 17, 12),
            bits(0x8000_0001, At(0), Edx, 24, 23),
        ],
        layers: &[Qemu],
        cause: "AMD repeats bits of 1.EDX here; Intel does not. QEMU copies them where the guest's vendor is AMD. So \
                the guests are of different vendors, or the bits of 1.EDX differ.",
        consequence: "Software for AMD reads the copy instead of the original.",
        remedy: "Settle the vendor, or the bit of the same number in 0x00000001 EDX; this one follows.",
        source: "AMD APM vol. 3 appendix E Fn8000_0001; QEMU 7.2 target/i386/cpu.c CPUID_EXT2_AMD_ALIASES; Linux \
                 6.14 arch/x86/kvm/cpuid.c kvm_set_cpu_caps",
    },
    Note {
        at: &[leaf(0xc000_0000), leaf(0xc000_0001)],
        layers: &[Cpu, Kernel],
        cause: "Centaur's and Zhaoxin's own leaves: KVM gives them to guests on hosts of these vendors alone.",
        consequence: "Programs that use the PadLock engines meet an invalid opcode.",
        remedy: "Do not migrate between vendors; or {disable}.",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:1271-1316",
    },
];
