//! Features of KVM blocks.
// Written by scripts/generate-knowledge; see CONTRIBUTING.md for how to add a row.

use cpuid_probe::Register::{Eax, Edx};

use crate::knowledge::table::Migratable::{Unknown, Yes};
use crate::knowledge::table::{Feature, feature, sorted};

#[rustfmt::skip]
pub(super) const ROWS: &[Feature] = &[
    feature(0x4000_0001, 0, Eax,  0, "",              "kvmclock",            "", Yes,     "kvmclock through legacy MSRs 0x11/0x12"),
    feature(0x4000_0001, 0, Eax,  1, "",              "kvm-nopiodelay",      "", Yes,     "Port I/O delays are unnecessary"),
    feature(0x4000_0001, 0, Eax,  2, "",              "kvm-mmu",             "", Yes,     "Deprecated paravirtual MMU batching"),
    feature(0x4000_0001, 0, Eax,  3, "",              "kvmclock",            "", Yes,     "kvmclock through MSRs 0x4b564d00/01"),
    feature(0x4000_0001, 0, Eax,  4, "",              "kvm-asyncpf",         "", Yes,     "Asynchronous page-fault MSR"),
    feature(0x4000_0001, 0, Eax,  5, "",              "kvm-steal-time",      "", Yes,     "Steal-time accounting MSR"),
    feature(0x4000_0001, 0, Eax,  6, "",              "kvm-pv-eoi",          "", Yes,     "Paravirtual end-of-interrupt"),
    feature(0x4000_0001, 0, Eax,  7, "kvm_pv_unhalt", "kvm-pv-unhalt",       "", Yes,     "Paravirtual spinlock kick/halt"),
    feature(0x4000_0001, 0, Eax,  9, "",              "kvm-pv-tlb-flush",    "", Yes,     "Paravirtual remote TLB flush"),
    feature(0x4000_0001, 0, Eax, 10, "",              "kvm-asyncpf-vmexit",  "", Yes,     "Async page fault delivered as exit to nested hypervisor"),
    feature(0x4000_0001, 0, Eax, 11, "",              "kvm-pv-ipi",          "", Yes,     "Paravirtual inter-processor interrupts"),
    feature(0x4000_0001, 0, Eax, 12, "",              "kvm-poll-control",    "", Yes,     "Guest may control host halt polling"),
    feature(0x4000_0001, 0, Eax, 13, "",              "kvm-pv-sched-yield",  "", Yes,     "Yield hypercall to preempted target"),
    feature(0x4000_0001, 0, Eax, 14, "",              "kvm-asyncpf-int",     "", Yes,     "Async page-fault ready via interrupt"),
    feature(0x4000_0001, 0, Eax, 15, "",              "kvm-msi-ext-dest-id", "", Yes,     "MSI destination IDs extended to 15 bits"),
    feature(0x4000_0001, 0, Eax, 16, "",              "",                    "", Unknown, "Hypercall to map guest pages encrypted/shared"),
    feature(0x4000_0001, 0, Eax, 17, "",              "",                    "", Unknown, "Guest can signal live-migration readiness"),
    feature(0x4000_0001, 0, Eax, 24, "",              "kvmclock-stable-bit", "", Yes,     "kvmclock TSC-stable flag is trustworthy"),
    feature(0x4000_0001, 0, Edx,  0, "",              "kvm-hint-dedicated",  "", Yes,     "Hint: vCPUs are never preempted"),
];

sorted!(ROWS);
