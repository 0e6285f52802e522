//! Leaves 0x8000001f and 0x80000020: encrypted memory, quality of service.

use super::prelude::*;

#[rustfmt::skip]
pub(super) const ROWS: &[Group] = &[
    cpu(0x8000_001f, At(0), Eax, &[
        bit(0, "sme", "Host memory encryption (SME)").unsettable().linux().kvm(Conditional),
        bit(1, "sev", "Encrypted virtual machines (SEV)").unsettable().linux().kvm(Conditional),
        nameless(2, "Page flush MSR").unsettable().kvm(Never),
        bit(3, "sev_es", "SEV with encrypted register state").unsettable().linux().kvm(Conditional),
        bit(4, "sev_snp", "SEV with nested paging integrity (SNP)").unsettable().linux().kvm(Never),
        nameless(5, "SNP privilege levels").unsettable().kvm(Never),
        nameless(6, "RMPQUERY instruction").unsettable().kvm(Never),
        nameless(7, "Supervisor shadow stack per privilege level").unsettable().kvm(Never),
        nameless(8, "Guest TSC protected from hypervisor").unsettable().kvm(Never),
        nameless(9, "TSC_AUX virtualized by hardware").unsettable().kvm(Never),
        nameless(10, "Caches coherent across encryption domains").unsettable().kvm(IfHost),
        nameless(11, "SEV guests require 64-bit hypervisor").unsettable().kvm(Never),
        nameless(12, "Restricted event injection").unsettable().kvm(Never),
        nameless(13, "Alternate event injection").unsettable().kvm(Never),
        bit(14, "debug_swap", "Debug registers swapped for SEV-ES guests").unsettable().linux().kvm(Never),
        nameless(15, "Guest can forbid host IBS").unsettable().kvm(Never),
        nameless(16, "Transparent encryption of guests").unsettable().kvm(Never),
        nameless(17, "VMGEXIT parameter in SEV features").unsettable().kvm(Never),
        nameless(18, "Virtual top-of-memory MSR").unsettable().kvm(Never),
        nameless(19, "IBS virtualization for SEV-ES guests").unsettable().kvm(Never),
        nameless(20, "Performance counter virtualization for SEV-ES guests").unsettable().kvm(Never),
        nameless(21, "RMPREAD instruction").unsettable().kvm(Never),
        nameless(22, "Guest-controlled intercepts").unsettable().kvm(Never),
        nameless(23, "Segmented reverse-map table").unsettable().kvm(Never),
        nameless(24, "Saved-state register protection").unsettable().kvm(Never),
        nameless(25, "Sibling-thread isolation for SNP guests").unsettable().kvm(Never),
        nameless(26, "Secure AVIC").unsettable().kvm(Never),
        nameless(27, "Hypervisor restricts allowed SEV features").unsettable().kvm(Never),
        bit(28, "svsm", "MSR locates SVSM shared page").unsettable().linux().kvm(Never),
        nameless(29, "Nested RMP management MSRs").unsettable().kvm(Never),
        nameless(30, "Writes to in-use hypervisor pages allowed").unsettable().kvm(Never),
        nameless(31, "IBPB on guest entry").unsettable().kvm(Never),
    ]).rules(&[
        rule(31, 0, Subset, Info, Info, "A guest whose memory is not encrypted cannot use SEV; one whose memory is does not migrate like this",
            "Firecracker docs/snapshotting/versioning.md and its published m6a fingerprints: 5.10 shows the leaf, 6.1 does not, and snapshots restore"),
    ]),
    cpu(0x8000_001f, At(0), Ebx, &[
        field(5, 0, "c_bit", "Page-table bit selecting encryption")
            .rule(Equal, Warning, Warning, "C-bit position is in every page table of an encrypted guest, and in none of another", "QEMU 7.2 target/i386/cpu.c:5851-5858"),
        field(11, 6, "phys_reduction", "Physical address bits lost to encryption").unit(of("bits"))
            .rule(Equal, Warning, Warning, "Address bits lost to encryption bound an encrypted guest's usable width", "QEMU 7.2 target/i386/cpu.c:5851-5858"),
        field(15, 12, "vmpl_count", "SNP privilege levels")
            .rule(NotLess, Warning, Info, "Privilege levels in use must stay; only an encrypted guest has any", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001f"),
        nameless(31, "No software coherency workaround needed").unsettable(),
    ]).causes(&[
        cause(11, 0, Firmware, "C-bit position and address reduction come from host firmware setup", "QEMU 7.2 target/i386/cpu.c:5851-5858"),
    ]),
    cpu(0x8000_001f, At(0), Ecx, &[
        field(31, 0, "enc_guests", "Simultaneous encrypted guests")
            .rule(NotLess, Warning, Info, "Host capacity for encrypted guests", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001f"),
    ]),
    cpu(0x8000_001f, At(0), Edx, &[
        field(31, 0, "min_sev_asid", "Lowest ASID for plain SEV guests")
            .rule(Informational, Info, Info, "Host ASID split, set by firmware", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x8000001f"),
    ]),
    cpu(0x8000_0020, At(0), Ebx, &[
        nameless(1, "Bandwidth enforcement; subleaf 1 valid").unsettable().kvm(Never),
        nameless(2, "Slow-memory bandwidth enforcement; subleaf 2 valid").unsettable().kvm(Never),
        nameless(3, "Configurable bandwidth events; subleaf 3 valid").unsettable().kvm(Never),
        nameless(4, "L3 range reservation").unsettable().kvm(Never),
        nameless(5, "Assignable bandwidth counters; subleaf 5 valid").unsettable().kvm(Never),
        nameless(6, "Cache-injection allocation enforcement").unsettable().kvm(Never),
    ]),
    cpu(0x8000_0020, At(1), Eax, &[
        field(31, 0, "mbe_len", "Bandwidth limit field width")
            .rule(NotLess, Warning, Info, "Bandwidth control, not virtualized by KVM",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000020; Linux 6.1 arch/x86/kvm/cpuid.c:1263-1265"),
    ]),
    cpu(0x8000_0020, At(1), Edx, &[
        field(31, 0, "mbe_max_cos", "Bandwidth classes, minus one")
            .rule(NotLess, Warning, Info, "Bandwidth control, not virtualized by KVM",
                "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000020; Linux 6.1 arch/x86/kvm/cpuid.c:1263-1265"),
    ]),
    cpu(0x8000_0020, At(2), Eax, &[
        field(31, 0, "smbe_len", "Slow-memory limit field width")
            .rule(NotLess, Warning, Info, "Bandwidth control, not virtualized by KVM", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000020"),
    ]),
    cpu(0x8000_0020, At(2), Edx, &[
        field(31, 0, "smbe_max_cos", "Slow-memory classes, minus one")
            .rule(NotLess, Warning, Info, "Bandwidth control, not virtualized by KVM", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000020"),
    ]),
    cpu(0x8000_0020, At(3), Ebx, &[
        field(7, 0, "bmec_events", "Configurable bandwidth events")
            .rule(NotLess, Warning, Info, "Bandwidth events, not virtualized by KVM", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000020"),
    ]),
    cpu(0x8000_0020, At(3), Ecx, &[
        nameless(0, "Count reads to local memory").unsettable().kvm(Never),
        nameless(1, "Count reads to remote memory").unsettable().kvm(Never),
        nameless(2, "Count local non-temporal writes").unsettable().kvm(Never),
        nameless(3, "Count remote non-temporal writes").unsettable().kvm(Never),
        nameless(4, "Count reads to local slow memory").unsettable().kvm(Never),
        nameless(5, "Count reads to remote slow memory").unsettable().kvm(Never),
        nameless(6, "Count dirty evictions to any memory").unsettable().kvm(Never),
    ]),
    cpu(0x8000_0020, At(5), Ebx, &[
        field(15, 0, "abmc_max", "Highest assignable bandwidth counter")
            .rule(NotLess, Warning, Info, "Bandwidth counters, not virtualized by KVM", "Linux 7.1 tools/arch/x86/kcpuid/cpuid.csv leaf 0x80000020"),
    ]),
];
