//! Flags of `/proc/cpuinfo` that are no bit of CPUID: the kernel sets them by what it found or does.
//!
//! # Source
//! Linux 6.14 arch/x86/include/asm/cpufeatures.h (words 3, 7, 8, 11 and 21), arch/x86/kernel/cpu/*.c where each is set; of
//! older kernels, the same file of Linux 4.15 to 6.1.

/// A flag and what it says, by name.
#[rustfmt::skip]
const FLAGS: &[(&str, &str)] = &[
    ("always", "Always set: a feature that the kernel's own tests use"),
    ("amd_dcm", "An AMD package of several dies"),
    ("arch_perfmon", "Architectural performance counters: leaf 0xA has version 1 or above, and counters"),
    ("art", "The always running timer: leaf 0x15 gives the ratio of TSC and crystal"),
    ("bts", "Branch trace store: Debug Store is there, and IA32_MISC_ENABLE says that BTS works"),
    ("centaur_mcr", "Centaur's memory control registers, its MTRRs"),
    ("cpuid", "The CPU has the CPUID instruction"),
    ("cpuid_fault", "The kernel can make CPUID fault in user mode (MSR_PLATFORM_INFO[31])"),
    ("cxmmx", "Cyrix' extensions of MMX"),
    ("cyrix_arr", "Cyrix' address range registers, its MTRRs"),
    ("eagerfpu", "Old kernels: the FPU's state is switched with the task, not when it is used"),
    ("ept", "Extended page tables: VMX runs guests with them (`vmx-ept`)"),
    ("ept_ad", "EPT has accessed and dirty bits (IA32_VMX_EPT_VPID_CAP[21])"),
    ("extd_apicid", "AMD's extended APIC ids of 8 bits"),
    ("flexpriority", "VMX virtualizes accesses to the APIC, with a shadow of its TPR"),
    ("ibpb_exit_to_user", "The kernel issues an IBPB on the way to user mode (VMSCAPE)"),
    ("ibrs_enhanced", "Enhanced or automatic IBRS is in use against Spectre v2: IBRS_ALL, or AMD's automatic IBRS"),
    ("invpcid_single", "Old kernels: INVPCID is used for single addresses. Shown where the CPU has invpcid and pcid"),
    ("k6_mtrr", "The MTRRs of AMD K6"),
    ("k7", "An AMD Athlon"),
    ("k8", "An AMD Opteron or Athlon 64, or compatible"),
    ("kaiser", "Old name of pti: page table isolation is on"),
    ("msr_spec_ctrl", "The MSR SPEC_CTRL exists, by any of its announcing bits"),
    ("nonstop_tsc_s3", "The TSC keeps counting in S3"),
    ("nopl", "The long NOP instruction works"),
    ("p3", "A Pentium III"),
    ("p4", "A Pentium 4"),
    ("pebs", "Precise event based sampling: Debug Store is there, and IA32_MISC_ENABLE says that PEBS works"),
    ("per_thread_mba", "Memory bandwidth allocation by thread"),
    ("pti", "Page table isolation is on: the kernel takes the CPU as open to Meltdown, and rdctl-no is not seen"),
    ("pvunlock", "The hypervisor's paravirtual spinlocks are in use"),
    ("rep_good", "REP MOVSB and STOSB are fast"),
    ("retpoline", "The kernel uses retpolines against Spectre v2"),
    ("retpoline_amd", "The kernel uses AMD's LFENCE retpolines against Spectre v2"),
    ("retpoline_lfence", "The kernel uses LFENCE retpolines against Spectre v2"),
    ("ring3mwait", "MONITOR and MWAIT work in user mode (Xeon Phi)"),
    ("rsb_ctxsw", "The kernel fills the return stack buffer when it switches tasks"),
    ("sev_guest", "The kernel runs in an SEV guest"),
    ("split_lock_detect", "The CPU can raise an exception at a split lock, and the kernel uses that"),
    ("syscall32", "SYSCALL works for 32-bit programs"),
    ("sysenter32", "SYSENTER works for 32-bit programs"),
    ("tdx_guest", "The kernel runs in a TDX guest"),
    ("tdx_host_platform", "The host can run TDX guests"),
    ("tpr_shadow", "VMX shadows the guest's TPR (`vmx-flexpriority`, QEMU's name of it)"),
    ("tsc_known_freq", "The TSC's rate is told (by leaf 0x15, or by the hypervisor) and not measured"),
    ("tsc_reliable", "The TSC needs no watchdog"),
    ("up", "The kernel runs on one CPU"),
    ("use_ibpb", "The kernel issues IBPB when it switches tasks"),
    ("user_shstk", "The kernel gives programs shadow stacks"),
    ("vcpupreempt", "The hypervisor tells which vCPU is preempted"),
    ("vmmcall", "Hypercalls go by VMMCALL, AMD's instruction for them"),
    ("vmw_vmmcall", "VMware's hypercalls go by VMMCALL or VMCALL"),
    ("vpid", "VMX tags TLB entries by vCPU (`vmx-vpid`)"),
    ("xenpv", "A Xen PV guest"),
    ("xtopology", "The topology comes from leaf 0xB or 0x1F"),
    ("zen", "An AMD Zen CPU"),
];

/// What a flag of the kernel's own says.
#[must_use]
pub fn meaning(flag: &str) -> Option<&'static str> {
    FLAGS.binary_search_by_key(&flag, |(name, _)| name).ok().map(|at| FLAGS[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{Knowledge, Namespace};

    #[test]
    fn a_flag_is_a_bit_or_the_kernels_own() {
        assert!(FLAGS.is_sorted_by_key(|(name, _)| name));
        let of_rows: Vec<&str> =
            Knowledge::builtin().names().filter(|m| m.namespace == Namespace::Linux).map(|m| m.name).collect();
        let twice: Vec<&str> = FLAGS.iter().map(|(name, _)| *name).filter(|name| of_rows.contains(name)).collect();
        assert!(twice.is_empty(), "{twice:?}");
        assert!(meaning("rep_good").is_some() && meaning("avx2").is_none());
    }
}
