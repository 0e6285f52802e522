//! Leaf 0x7: structured extended features.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0x7, At(0), Eax, &[
        field(31, 0, "max_subleaf", "Largest leaf 7 subleaf")
            .rule(NotLess, Unsafe, Warning, "Shrinking hides feature subleaves; Xen refuses such a destination",
                "Xen arch/x86/lib/cpu-policy/policy.c:24-25"),
    ]),
    cpu(0x7, At(0), Ebx, &[
        bit(0, "fsgsbase", "Unprivileged FS/GS base read/write instructions").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(1, "tsc_adjust", "Per-CPU TSC offset MSR IA32_TSC_ADJUST").libvirt(V9_0).qemu_as("tsc-adjust", V7_2).linux().kvm(Emulated).not_in_tcg(),
        bit(2, "sgx", "SGX enclaves").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg(),
        bit(3, "bmi1", "First bit-manipulation instruction group").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(4, "hle", "Hardware lock elision; can be hidden via TSX_CTRL").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa()
            .rule(Subset, Unsafe, Warning, "Only TSX_CTRL hides it legitimately; code with HLE's prefixes runs on without elision",
                "Linux 6.1 arch/x86/kvm/cpuid.c:1506-1510")
            .cause(Firmware, "HLE disappears with microcode or model choice; also hidden while guest sets TSX_CTRL.CPUID_CLEAR",
                "Linux 6.1 arch/x86/kvm/cpuid.c:1506-1510; Linux 7.1 arch/x86/kvm/cpuid.c:2111-2116"),
        bit(5, "avx2", "AVX2 256-bit integer vectors").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(6, "fdp-excptn-only", "FPU data pointer only updated by faulting x87 operations").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg()
            .rule(Hazard, Info, Warning, "One means less: x87 data pointer updated by faults only; describes the physical CPU",
                "Xen include/public/arch-x86/cpufeatureset.h FDP_EXCP_ONLY; Linux 6.1 arch/x86/kvm/cpuid.c:629-630"),
        bit(7, "smep", "Kernel cannot execute user pages").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(8, "bmi2", "Second bit-manipulation instruction group").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(9, "erms", "Fast string moves and fills (REP MOVSB/STOSB)").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2)
            .rule(Subset, Warning, Info, "Speed hint; string moves stay correct without it",
                "Xen arch/x86/cpu-policy.c guest_common_max_feature_adjustments"),
        bit(10, "invpcid", "TLB invalidation by process-context identifier").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V10_2),
        bit(11, "rtm", "Transactional memory; can be hidden via TSX_CTRL").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa()
            .rule(Subset, Unsafe, Warning, "XBEGIN faults where RTM is gone; only TSX_CTRL hides it legitimately",
                "Linux 6.1 arch/x86/kvm/cpuid.c:1506-1510; Linux 6.1 arch/x86/kernel/cpu/tsx.c")
            .cause(Firmware, "RTM disappears with microcode or model choice; also hidden while guest sets TSX_CTRL.CPUID_CLEAR",
                "Linux 6.1 arch/x86/kvm/cpuid.c:1506-1510; Linux 7.1 arch/x86/kvm/cpuid.c:2111-2116"),
        bit(12, "cmt", "Resource monitoring (RDT-M or AMD PQM)").libvirt(V9_0).not_in_qemu().linux_as("cqm").linux_is_alias().kvm(Never).not_judged()
            .not_listed(),
        bit(13, "zero-fcs-fds", "FPU CS and DS selectors always saved as zero").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg()
            .rule(Hazard, Info, Warning, "One means less: saved x87 selectors read as zero; describes the physical CPU",
                "Xen include/public/arch-x86/cpufeatureset.h NO_FPU_SEL; Linux 6.1 arch/x86/kvm/cpuid.c:629-630"),
        bit(14, "mpx", "Memory bounds registers and instructions (removed)").libvirt(V9_0).qemu(V7_2).linux().kvm(Conditional).tcg(V7_2).isa(),
        bit(15, "rdt_a", "Resource allocation control (RDT-A or AMD PQE)").unsettable().linux().kvm(Never),
        bit(16, "avx512f", "Base AVX-512 vectors and mask registers").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(17, "avx512dq", "AVX-512 doubleword/quadword instructions").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(18, "rdseed", "Entropy-source random instruction RDSEED").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V10_2).isa(),
        bit(19, "adx", "Multi-precision add-carry instructions ADCX/ADOX").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(20, "smap", "Kernel access to user pages is restricted").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(21, "avx512ifma", "AVX-512 52-bit integer multiply-add").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(22, "pcommit", "Retired PCOMMIT persistent-memory instruction").libvirt(V9_0).qemu(V7_2).kvm(Never).tcg(V7_2).isa(),
        bit(23, "clflushopt", "Weakly ordered cache-line flush").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(24, "clwb", "Cache-line write-back without eviction").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(25, "intel-pt", "Hardware branch tracing (Processor Trace)").libvirt(V9_0).qemu(V7_2).linux_as("intel_pt").kvm(Conditional).not_in_tcg(),
        bit(26, "avx512pf", "AVX-512 prefetch (Xeon Phi)").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(27, "avx512er", "AVX-512 exponential and reciprocal (Xeon Phi)").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(28, "avx512cd", "AVX-512 detection of duplicate vector indices").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(29, "sha-ni", "SHA-1 and SHA-256 acceleration").libvirt(V9_0).qemu(V7_2).linux_as("sha_ni").kvm(IfHost).tcg(V10_2).isa(),
        bit(30, "avx512bw", "AVX-512 byte and word elements").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(31, "avx512vl", "AVX-512 on 128/256-bit vectors").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
    ]).shown(&[3, 8, 19, 23, 24, 29]).shown_with(AVX, &[5]),
    cpu(0x7, At(0), Ecx, &[
        nameless(0, "Prefetch with intent to write, L2 hint (Xeon Phi)").unsettable().kvm(Never).isa(),
        bit(1, "avx512vbmi", "AVX-512 byte permutes").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(2, "umip", "User mode cannot read descriptor table registers").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        bit(3, "pku", "User-page protection keys").libvirt(V9_0).qemu(V7_2).linux().kvm(Conditional).tcg(V7_2).isa(),
        bit(4, "ospke", "OS turned on CR4.PKE (dynamic mirror)").libvirt(V9_0).not_in_qemu().linux().migratable(Yes).kvm(Conditional).not_judged()
            .not_listed()
            .rule(OsControlled, Expected, Expected, "Mirror of CR4.PKE", "Linux 6.1 arch/x86/kvm/cpuid.c:286-289")
            .cause(GuestState, "OSPKE mirrors CR4.PKE",
                "Linux 6.1 arch/x86/kvm/cpuid.c:286-289; Linux 7.1 arch/x86/kvm/cpuid.c:309-312; QEMU 7.2 target/i386/cpu.c:5365-5367; Xen \
                arch/x86/cpuid.c:429-433; Intel SDM vol. 1 table 21-1"),
        bit(5, "waitpkg", "TPAUSE, UMONITOR and UMWAIT").libvirt(V9_0).qemu(V7_2).linux().kvm(Conditional).not_in_tcg().isa(),
        bit(6, "avx512vbmi2", "Second AVX-512 byte/word manipulation group").libvirt(V9_0).qemu(V7_2).linux_as("avx512_vbmi2").kvm(IfHost)
            .not_in_tcg().isa(),
        bit(7, "cet-ss", "Control-flow enforcement shadow stacks").libvirt(V12_8).qemu(V11_1).kvm(Never).not_in_tcg(),
        bit(8, "gfni", "Galois-field vector arithmetic").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(9, "vaes", "AES on 256/512-bit vectors").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2).isa(),
        bit(10, "vpclmulqdq", "Carry-less multiply on wide vectors").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(11, "avx512vnni", "AVX-512 neural-network dot products").libvirt(V9_0).qemu(V7_2).linux_as("avx512_vnni").kvm(IfHost).not_in_tcg().isa(),
        bit(12, "avx512bitalg", "AVX-512 bit counting and shuffles").libvirt(V9_0).qemu(V7_2).linux_as("avx512_bitalg").kvm(IfHost).not_in_tcg()
            .isa(),
        bit(13, "tme", "Total Memory Encryption MSRs").unsettable().linux().kvm(Never),
        bit(14, "avx512-vpopcntdq", "Per-lane population count for 32/64-bit elements").libvirt(V9_0).qemu(V7_2).linux_as("avx512_vpopcntdq")
            .kvm(IfHost).not_in_tcg().isa(),
        bit(16, "la57", "Five-level paging, 57-bit linear addresses").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V7_2),
        field(21, 17, "mawau", "MPX address width adjust for user mode")
            .rule(Equal, Unsafe, Unsafe, "Width change moves MPX bound tables already in memory", "Intel SDM vol. 1 ch. 21 leaf 07H"),
        bit(22, "rdpid", "RDPID reads TSC_AUX").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V10_2).isa(),
        nameless(23, "Key Locker wrapped AES keys").unsettable().kvm(Never),
        bit(24, "bus-lock-detect", "Debug trap on bus locks").libvirt(V9_0).qemu(V7_2).linux_as("bus_lock_detect").kvm(IfHost).not_in_tcg(),
        bit(25, "cldemote", "Cache-line demotion hint").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa()
            .rule(Subset, Warning, Info, "Hint instruction, executes as NOP where absent", "Intel SDM vol. 2 CLDEMOTE"),
        bit(27, "movdiri", "Direct-store move, register width").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(28, "movdir64b", "Direct-store move of 64 bytes").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        bit(29, "enqcmd", "Enqueue command stores (ENQCMD)").unsettable().linux().kvm(Never).isa(),
        bit(30, "sgxlc", "Configurable SGX launch key").libvirt(V9_0).qemu(V7_2).linux_as("sgx_lc").kvm(IfHost).not_in_tcg().needs(&["sgx"]),
        bit(31, "pks", "Supervisor-page protection keys").libvirt(V9_0).qemu(V7_2).kvm(Never).tcg(V7_2),
    ]).shown(&[8, 22, 25, 27, 28]).shown_with(AVX, &[9, 10]),
    cpu(0x7, At(0), Edx, &[
        nameless(1, "SGX attestation key services").unsettable().kvm(Never),
        bit(2, "avx512-4vnniw", "Xeon Phi four-register neural instructions").libvirt(V9_0).qemu(V7_2).linux_as("avx512_4vnniw").kvm(IfHost)
            .not_in_tcg().isa(),
        bit(3, "avx512-4fmaps", "Xeon Phi four-register multiply-accumulate").libvirt(V9_0).qemu(V7_2).linux_as("avx512_4fmaps").kvm(IfHost)
            .not_in_tcg().isa(),
        bit(4, "fsrm", "Short REP MOVSB runs fast").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).tcg(V10_2)
            .rule(Subset, Warning, Info, "Speed hint for short copies",
                "Xen arch/x86/cpu-policy.c (ERMS argument); Linux 6.1 arch/x86/lib/memmove_64.S"),
        nameless(5, "User-mode interrupt delivery").unsettable().kvm(Never),
        bit(8, "avx512-vp2intersect", "AVX-512 vector-pair intersection").libvirt(V9_0).qemu(V7_2).linux_as("avx512_vp2intersect").kvm(IfHost)
            .not_in_tcg().isa(),
        nameless(9, "MCU_OPT_CTRL MSR controls SRBDS mitigation").unsettable().kvm(Never)
            .rule(Subset, Unsafe, Warning, "MCU_OPT_CTRL vanishes; the guest loses SRBDS and GDS control",
                "Xen include/public/arch-x86/cpufeatureset.h SRBDS_CTRL")
            .cause(Firmware, "SRBDS control appears with microcode",
                "Intel SDM vol. 1 ch. 21 leaf 07H EDX[9]; Xen include/public/arch-x86/cpufeatureset.h SRBDS_CTRL"),
        bit(10, "md-clear", "VERW scrubs CPU buffers").libvirt(V9_0).qemu(V7_2).linux_as("md_clear").linux_is_alias().kvm(IfHost).not_in_tcg()
            .protection()
            .rule(Hazard, Unsafe, Warning, "Accumulate: VERW must scrub wherever the guest may run; lost means unprotected, gained unused",
                "Xen include/public/arch-x86/cpufeatureset.h MD_CLEAR (tag |)")
            .cause(Firmware, "MD_CLEAR appears with microcode",
                "Xen include/public/arch-x86/cpufeatureset.h MD_CLEAR; Xen arch/x86/cpu-policy.c guest_common_max_feature_adjustments"),
        nameless(11, "XBEGIN aborts immediately, transactions never succeed").unsettable().kvm(Never)
            .rule(Subset, Unsafe, Warning, "Promises that XBEGIN does not fault; losing it with RTM off brings #UD",
                "Xen arch/x86/cpu-policy.c RTM_ALWAYS_ABORT; Linux 6.1 arch/x86/kvm/cpuid.c")
            .cause(Firmware, "RTM_ALWAYS_ABORT appears when microcode retires TSX",
                "Linux 6.1 arch/x86/events/intel/core.c:6455-6460; Xen arch/x86/cpu-policy.c rtm_disabled"),
        nameless(13, "TSX_FORCE_ABORT MSR exists").unsettable().kvm(Never)
            .rule(Subset, Unsafe, Warning, "Microcode MSR; lost on an older microcode", "Xen include/public/arch-x86/cpufeatureset.h TSX_FORCE_ABORT")
            .cause(Firmware, "TSX_FORCE_ABORT appears with microcode", "Linux 6.1 arch/x86/events/intel/core.c:6455-6460"),
        bit(14, "serialize", "SERIALIZE instruction").libvirt(V9_0).qemu(V7_2).linux().kvm(IfHost).not_in_tcg().isa(),
        nameless(15, "Package mixes different core types").unsettable().kvm(Never)
            .rule(Topology, Warning, Warning, "Mixed core kinds change PMU and scheduling choices made at boot", "Intel SDM vol. 1 ch. 21 leaf 07H"),
        bit(16, "tsx-ldtrk", "Suspend tracking of transactional loads").libvirt(V9_0).qemu(V7_2).linux_as("tsxldtrk").kvm(IfHost).not_in_tcg().isa(),
        bit(18, "pconfig", "Platform configuration instruction PCONFIG").libvirt(V9_0).not_in_qemu().linux().kvm(Never),
        bit(19, "arch-lbr", "Architectural last-branch records").libvirt(V9_0).qemu(V7_2).linux_as("arch_lbr").kvm(Never).not_in_tcg(),
        bit(20, "cet-ibt", "Control-flow enforcement indirect branch tracking").libvirt(V12_8).qemu(V11_1).linux_as("ibt").kvm(Never).not_in_tcg(),
        bit(22, "amx-bf16", "AMX bfloat16 tile multiply").libvirt(V9_0).qemu(V7_2).linux_as("amx_bf16").kvm(IfHost).not_in_tcg().isa(),
        bit(23, "avx512-fp16", "AVX-512 half-precision arithmetic").libvirt(V9_0).qemu(V7_2).linux_as("avx512_fp16").kvm(IfHost).not_in_tcg().isa(),
        bit(24, "amx-tile", "AMX tile registers").libvirt(V9_0).qemu(V7_2).linux_as("amx_tile").kvm(IfHost).not_in_tcg().isa(),
        bit(25, "amx-int8", "AMX 8-bit integer tile multiply").libvirt(V9_0).qemu(V7_2).linux_as("amx_int8").kvm(IfHost).not_in_tcg().isa(),
        bit(26, "spec-ctrl", "SPEC_CTRL IBRS and PRED_CMD IBPB").libvirt(V9_0).qemu(V7_2).linux_sets(&["ibpb", "ibrs"]).kvm(IfHost).tcg(V10_2)
            .protection(),
        bit(27, "stibp", "SPEC_CTRL STIBP control").libvirt(V9_0).qemu(V7_2).linux_sets(&["stibp"]).kvm(IfHost).not_in_tcg().protection(),
        bit(28, "flush-l1d", "L1 data cache flush command MSR").libvirt(V11_3).qemu(V10_2).linux_as("flush_l1d").kvm(IfHost).not_in_tcg()
            .protection(),
        bit(29, "arch-capabilities", "IA32_ARCH_CAPABILITIES MSR exists").libvirt(V9_0).qemu(V7_2).linux_as("arch_capabilities").linux_is_alias()
            .also(Qemu, &["arch-facilities"]).kvm(Emulated).tcg(V10_2).protection(),
        bit(30, "core-capability", "IA32_CORE_CAPABILITIES MSR exists").libvirt(V9_0).qemu(V7_2).kvm(Never).not_in_tcg(),
        bit(31, "ssbd", "SPEC_CTRL SSBD control").libvirt(V9_0).qemu(V7_2).linux_sets(&["ssbd"]).kvm(IfHost).tcg(V10_2).protection()
            .rule(Subset, Unsafe, Warning, "Microcode-provided SSBD; losing it drops a mitigation in use", "Linux 6.1 arch/x86/kvm/cpuid.c:670-671")
            .cause(Firmware, "SSBD appears with microcode; KVM also synthesizes it on AMD",
                "Linux 6.1 arch/x86/kvm/cpuid.c:670-671; Linux 7.1 arch/x86/kvm/cpuid.c:1022-1023"),
    ]).rules(&[
        rule(28, 26, Subset, Unsafe, Warning, "Microcode-provided speculation controls; losing them faults MSR writes or drops a mitigation",
            "Linux 6.1 arch/x86/kvm/cpuid.c:654-671"),
    ]).causes(&[
        cause(28, 26, Firmware, "Speculation controls appear with microcode; KVM also synthesizes them on AMD",
            "Linux 6.1 arch/x86/kvm/cpuid.c:654-671; Linux 7.1 arch/x86/kvm/cpuid.c:1016-1023"),
    ]),
    cpu(0x7, At(1), Eax, &[
        bit(0, "sha512", "SHA-512 acceleration").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().isa(),
        bit(1, "sm3", "SM3 hash acceleration").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().isa(),
        bit(2, "sm4", "SM4 cipher acceleration").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().isa(),
        nameless(3, "Remote atomic integer operations").unsettable().kvm(Never).isa(),
        bit(4, "avx-vnni", "VEX-encoded neural-network dot products").libvirt(V9_0).qemu(V7_2).linux_as("avx_vnni").kvm(IfHost).not_in_tcg().isa(),
        bit(5, "avx512-bf16", "AVX-512 bfloat16 dot products").libvirt(V9_0).qemu(V7_2).linux_as("avx512_bf16").kvm(IfHost).not_in_tcg().isa(),
        bit(6, "lass", "Separates user and kernel halves by address bit (LASS)").unsettable().linux().kvm(Never),
        bit(7, "cmpccxadd", "Compare-then-add atomic instructions").libvirt(V11_3).qemu(V10_2).kvm(IfHost).tcg(V10_2).isa(),
        nameless(8, "Extended performance-monitoring leaf 0x23 valid").unsettable().kvm(Never),
        bit(10, "fzrm", "Zero-length REP MOVSB runs fast").libvirt(V11_3).qemu(V10_2).kvm(IfHost).tcg(V10_2),
        bit(11, "fsrs", "Short REP STOSB runs fast").libvirt(V11_3).qemu(V10_2).kvm(IfHost).tcg(V10_2),
        bit(12, "fsrc", "Short REP CMPSB/SCASB runs fast").libvirt(V11_3).qemu(V10_2).kvm(IfHost).tcg(V10_2),
        bit(17, "fred", "FRED event delivery replaces IDT").libvirt(V11_3).qemu(V10_2).linux().kvm(Never).not_in_tcg().needs(&["lkgs", "lm"]),
        bit(18, "lkgs", "Load kernel GS base instruction").libvirt(V11_3).qemu(V10_2).kvm(Never).not_in_tcg(),
        bit(19, "wrmsrns", "Non-serializing WRMSR variant").libvirt(V11_3).qemu(V10_2).kvm(Never).not_in_tcg(),
        nameless(20, "NMI source reported with FRED events").unsettable().kvm(Never),
        bit(21, "amx-fp16", "AMX half-precision tile multiply").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().isa(),
        nameless(22, "Prediction history reset instruction HRESET").unsettable().kvm(Never).isa(),
        bit(23, "avx-ifma", "VEX-encoded 52-bit multiply-add").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().isa(),
        bit(26, "lam", "Linear address masking ignores upper pointer bits").libvirt(V11_3).qemu(V10_2).linux().kvm(IfHost).not_in_tcg(),
        nameless(27, "Batch MSR read/write instructions").unsettable().kvm(Never),
        nameless(30, "INVD refuses to run after BIOS hand-off").unsettable().kvm(Never)
            .rule(Hazard, Info, Warning, "One means INVD is refused after firmware hand-off",
                "Intel SDM vol. 1 ch. 21 leaf 07H; Xen include/public/arch-x86/cpufeatureset.h NO_INVD"),
        bit(31, "movrs", "Read-shared load hint instructions MOVRS").libvirt(V12_8).qemu(V11_1).kvm(Never).not_in_tcg().isa(),
    ]).rules(&[
        rule(12, 10, Subset, Warning, Info, "Speed hints for string operations", "Xen arch/x86/cpu-policy.c (ERMS argument)"),
    ]),
    cpu(0x7, At(1), Ebx, &[
        bit(0, "intel_ppin", "Intel processor inventory number MSRs").unsettable().linux().kvm(Never),
        nameless(1, "Storage-encryption key binding instruction PBNDKB").unsettable().kvm(Never),
        nameless(3, "MISC_ENABLE can no longer cap leaf 0").unsettable().kvm(Never)
            .rule(Hazard, Info, Info, "One means the MISC_ENABLE leaf cap no longer exists", "Intel SDM vol. 1 ch. 21 leaf 07H"),
    ]),
    cpu(0x7, At(1), Ecx, &[
        nameless(0, "Some CPU has asymmetric RDT monitoring (leaf 0x27)").unsettable().kvm(Never),
        nameless(1, "Some CPU has asymmetric RDT allocation (leaf 0x28)").unsettable().kvm(Never),
        bit(5, "msr-imm", "Immediate-operand RDMSR and WRMSRNS").libvirt(V12_8).qemu(V10_2).kvm(Never).not_in_tcg(),
    ]),
    cpu(0x7, At(1), Edx, &[
        bit(4, "avx-vnni-int8", "VEX 8-bit dot products, mixed signs").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().isa(),
        bit(5, "avx-ne-convert", "VEX bfloat16/half conversion loads").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().isa(),
        bit(8, "amx-complex", "AMX complex-number tile multiply").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().isa(),
        bit(10, "avx-vnni-int16", "VEX 16-bit dot products, mixed signs").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().isa(),
        nameless(13, "User-mode timer event delivery").unsettable().kvm(Never),
        bit(14, "prefetchiti", "Instruction-side prefetch PREFETCHIT0/1").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().isa()
            .rule(Subset, Warning, Info, "Prefetch hint, NOP where absent", "binutils PREFETCHI patch series (0F 18 /6, /7 are NOPs)"),
        nameless(15, "User-mode MSR access URDMSR/UWRMSR").unsettable().kvm(Never),
        nameless(17, "UIRET restores user interrupt flag").unsettable().kvm(Never),
        nameless(18, "Supervisor shadow stacks safe to enable").unsettable().kvm(Never)
            .rule(Subset, Unsafe, Warning, "Guest enabled supervisor shadow stacks because this promised safety",
                "Xen include/public/arch-x86/cpufeatureset.h CET_SSS"),
        bit(19, "avx10", "AVX10 present; version in leaf 0x24").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().isa(),
        bit(21, "apxf", "Advanced Performance Extensions: 32 general registers").libvirt(V12_8).qemu(V11_1).kvm(Never).not_in_tcg().isa(),
        nameless(23, "MWAIT works even if MONITOR bit clear").unsettable().kvm(Never),
        nameless(24, "Static lockstep mode reporting").unsettable().kvm(Never),
    ]),
    cpu(0x7, At(2), Edx, &[
        bit(0, "intel-psfd", "SPEC_CTRL can disable fast store forwarding").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().protection(),
        bit(1, "ipred-ctrl", "SPEC_CTRL can restrict indirect predictors (IPRED_DIS)").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg()
            .protection(),
        bit(2, "rrsba-ctrl", "SPEC_CTRL can disable alternate return prediction").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().protection(),
        bit(3, "ddpd-u", "SPEC_CTRL can disable data-dependent prefetch for users").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().protection(),
        bit(4, "bhi-ctrl", "SPEC_CTRL BHI_DIS_S branch-history control").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().protection(),
        bit(5, "mcdt-no", "No MXCSR-dependent instruction timing").libvirt(V11_3).qemu(V10_2).kvm(IfHost).not_in_tcg().protection()
            .rule(Subset, Unsafe, Warning, "Immunity: a guest booted with it runs without the MCDT mitigation",
                "Xen include/public/arch-x86/cpufeatureset.h MCDT_NO"),
        nameless(6, "Locks to uncacheable memory can raise #AC").unsettable().kvm(Never)
            .rule(Subset, Unsafe, Warning, "UC-lock control from host; losing it faults MSR writes",
                "Xen include/public/arch-x86/cpufeatureset.h UC_LOCK_DIS"),
        nameless(7, "MONITOR table overflow mitigation not needed").unsettable().kvm(Never).protection()
            .rule(Subset, Unsafe, Warning, "Immunity: guest assumes MONITOR needs no mitigation",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x7.2; Intel SDM vol. 1 ch. 21 leaf 07H"),
    ]).rules(&[
        rule(4, 0, Subset, Unsafe, Warning, "SPEC_CTRL extensions from microcode and host kernel; losing one drops a mitigation",
            "Linux 6.1 arch/x86/kvm/cpuid.c:677-680"),
    ]).causes(&[
        cause(7, 0, Firmware, "SPEC_CTRL extensions appear with microcode and newer host kernels",
            "Linux 6.1 arch/x86/kvm/cpuid.c:677-680; Linux 7.1 arch/x86/kvm/cpuid.c:1056-1063"),
    ]),
];
