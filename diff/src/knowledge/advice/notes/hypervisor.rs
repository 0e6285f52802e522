//! Leaves of hypervisors: who it is, KVM's paravirtual features, Hyper-V enlightenments, Xen.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use super::{Note, Places, bit, of};
use crate::knowledge::Owner::{self, HyperV, Kvm, OtherHypervisor, Vmware, Xen};
use crate::knowledge::advice::Layer::{Kernel, Libvirt, Qemu};

const ANY: &[Owner] = &[Kvm, HyperV, Xen, Vmware, OtherHypervisor];
const KVM: &[Owner] = &[Kvm];
const HYPERV: &[Owner] = &[HyperV];

/// What holds for a KVM feature that QEMU's definition sets.
const KVM_SOURCE: &str = "Linux 7.1 arch/x86/kvm/x86.c:3638-3642,3785,4113-4192; QEMU docs/system/i386/kvm-pv.rst";

pub(super) const NOTES: &[Note] = &[
    Note {
        at: &[bit(0x1, Ecx, 31)],
        layers: &[Qemu, Libvirt],
        cause: "Every hypervisor sets it; it is 0 on bare metal, or where a definition hides the hypervisor \
                (`hypervisor=off`).",
        consequence: "A new kernel in the guest skips all hypervisor leaves: no kvmclock, no paravirtual interrupts, \
                      and errata handled as on hardware.",
        remedy: "Have it on both: {require}; it is the default. Do not compare a guest with a capture of bare metal.",
        source: "Linux 6.1 arch/x86/kernel/cpu/hypervisor.c; QEMU 7.2 target/i386/cpu.c",
    },
    Note {
        at: &[of(ANY, 0x4000_0000, Ebx, 31, 0), of(ANY, 0x4000_0000, Ecx, 31, 0), of(ANY, 0x4000_0000, Edx, 31, 0)],
        layers: &[Qemu, Libvirt],
        cause: "Who the hypervisor is. Under QEMU KVM signs as `KVMKVMKVM`; with any Hyper-V enlightenment the first \
                block signs as `Microsoft Hv` (or `hv-vendor-id`) and KVM's moves up by 0x100; under TCG it is \
                `TCGTCGTCGTCG`.",
        consequence: "The guest bound its clock, interrupts and drivers to the hypervisor it found at boot.",
        remedy: "Start both guests under the same hypervisor and accelerator, with the same `<hyperv>` and `<kvm>` \
                 elements in `<features>`.",
        source: "Linux 6.1 arch/x86/kernel/cpu/hypervisor.c; QEMU docs/system/i386/hyperv.rst; QEMU 7.2 \
                 target/i386/kvm/kvm.c:1797-1815",
    },
    Note {
        at: &[of(ANY, 0x4000_0000, Eax, 31, 0)],
        layers: &[Qemu],
        cause: "The last leaf of the block follows the paravirtual leaves that are configured: with KVM 0x40000001, \
                or 0x40000010 where the frequency leaf is there (`invtsc` or a pinned TSC frequency); with Hyper-V it \
                follows the enlightenments.",
        consequence: "Leaves above it are not read by a new kernel.",
        remedy: "Settle the leaves themselves; each is a finding of its own. For 0x40000010 see `cpuid-diff explain \
                 0x40000010`.",
        source: "QEMU 7.2 target/i386/kvm/kvm.c:2121-2137",
    },
    Note {
        at: &[of(KVM, 0x4000_0001, Eax, 31, 0)],
        layers: &[Kernel, Qemu, Libvirt],
        cause: "A paravirtual feature of KVM: `-cpu host` shows what the host's kernel has, named models what QEMU's \
                defaults and the definition say. Kernel or QEMU versions, or the definitions, differ.",
        consequence: "The guest uses the hypercall or MSR behind it: it is refused, or its state cannot be restored.",
        remedy: "Name it on both: {require}; or on neither: {disable}.",
        source: KVM_SOURCE,
    },
    Note {
        at: &[of(KVM, 0x4000_0001, Eax, 1, 1)],
        layers: &[Kernel, Qemu],
        cause: "KVM offers it always and QEMU switches it on by default; the definitions differ.",
        consequence: "Nothing: it only says that delays between port accesses are needless.",
        remedy: "Nothing to change.",
        source: "Linux 6.1 arch/x86/kernel/kvm.c paravirt_ops_setup; QEMU docs/system/i386/kvm-pv.rst",
    },
    Note {
        at: &[of(KVM, 0x4000_0001, Eax, 2, 2)],
        layers: &[Kernel, Qemu],
        cause: "Deprecated: no current host offers it. A guest that shows it runs on a very old kernel.",
        consequence: "Guests fall back to plain page-table updates when they boot next.",
        remedy: "Leave it out: {disable}.",
        source: "Linux 7.1 Documentation/virt/kvm/x86/cpuid.rst; QEMU docs/system/i386/kvm-pv.rst",
    },
    Note {
        at: &[of(KVM, 0x4000_0001, Eax, 4, 4), of(KVM, 0x4000_0001, Eax, 14, 14), of(KVM, 0x4000_0001, Eax, 10, 10)],
        layers: &[Kernel, Qemu],
        cause: "Asynchronous page faults. QEMU's `kvm-asyncpf` is on by default; since Linux 5.10 `kvm-asyncpf-int` \
                takes its place, which a definition must ask for. `-cpu host` shows what the kernel has.",
        consequence: "The MSR that the guest enabled is migrated state; without the feature it cannot be restored.",
        remedy: "Name it on both: {require}; or on neither: {disable}.",
        source: KVM_SOURCE,
    },
    Note {
        at: &[of(KVM, 0x4000_0001, Eax, 5, 5)],
        layers: &[Kernel, Qemu],
        cause: "KVM offers steal time only where the host's kernel keeps scheduler statistics; QEMU switches it on by \
                default.",
        consequence: "The MSR that the guest enabled is migrated state; without the feature it cannot be restored, and \
                      the guest takes stolen time for its own.",
        remedy: "Run kernels with scheduler statistics on both hosts, or leave it out on both: {disable}.",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:1158-1159; Linux 7.1 arch/x86/kvm/x86.c:4166",
    },
    Note {
        at: &[of(KVM, 0x4000_0001, Eax, 7, 7)],
        layers: &[Kernel, Qemu, Libvirt],
        cause: "KVM clears it where HLT does not leave the guest (`-overcommit cpu-pm=on`); named models have it only \
                where the definition asks.",
        consequence: "A vCPU of the guest that sleeps while it waits for a lock is never kicked.",
        remedy: "Start both with the same `-overcommit cpu-pm=…`, and name it on both: {require}; or on neither: \
                 {disable}.",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:300-303; Linux 7.1 arch/x86/kvm/cpuid.c:235-252",
    },
    Note {
        at: &[of(KVM, 0x4000_0001, Eax, 15, 15)],
        layers: &[Qemu, Libvirt],
        cause: "QEMU shows it by default with x2APIC and a split interrupt controller (`kernel-irqchip=split`, \
                libvirt's `<ioapic driver='qemu'/>`).",
        consequence: "Interrupts of devices to vCPUs with an APIC id above 255 go to the wrong vCPU.",
        remedy: "Define both with the same interrupt controller, `<ioapic driver='kvm'/>` in `<features>`; or \
                 {disable}.",
        source: "QEMU 7.2 target/i386/kvm/kvm.c:461-463; QEMU docs/system/i386/kvm-pv.rst; libvirt \
                 docs/formatdomain.rst, ioapic",
    },
    Note {
        at: &[of(KVM, 0x4000_0001, Eax, 17, 16)],
        layers: &[Kernel, Qemu],
        cause: "For confidential guests: the hypercall that maps pages as shared, and the MSR that signals readiness \
                to migrate.",
        consequence: "A confidential guest cannot share pages with its devices any more.",
        remedy: "Compare guests of one kind, on hosts with one kernel and QEMU version.",
        source: "Linux 7.1 Documentation/virt/kvm/x86/cpuid.rst",
    },
    Note {
        at: &[of(KVM, 0x4000_0001, Edx, 0, 0)],
        layers: &[Qemu, Libvirt],
        cause: "A hint that the definition gives: the vCPUs have CPUs of their own. No QEMU sets it by itself.",
        consequence: "The guest gave up paravirtual spinlocks at boot; where its vCPUs are preempted, it stalls on \
                      them.",
        remedy: "Give the hint on both, with vCPUs pinned on both: {require}; or on neither: {disable}.",
        source: "Linux 6.1 arch/x86/kernel/kvm.c kvm_spinlock_init; QEMU 7.2 target/i386/cpu.c FEAT_KVM_HINTS",
    },
    Note {
        at: &[Places::Leaves(HYPERV, 0x4000_0001, 0x4000_0082)],
        layers: &[Kernel, Qemu, Libvirt],
        cause: "A Hyper-V enlightenment. None is on by default; each comes with its element of `<hyperv>` (QEMU: \
                `hv-…`), or all that the host's KVM has with `<hyperv mode='passthrough'>` (`hv-passthrough`), which \
                prevents migration.",
        consequence: "Windows chose its paravirtual paths at boot: an MSR or hypercall behind a bit that is gone is \
                      refused.",
        remedy: "Define both guests with the same `<hyperv mode='custom'>` in `<features>` and the same machine type. \
                 For this bit: {disable}.",
        source: "QEMU docs/system/i386/hyperv.rst; libvirt docs/formatdomain.rst, hyperv; QEMU 7.2 \
                 target/i386/kvm/kvm.c:1574-1597",
    },
    Note {
        at: &[Places::Leaves(HYPERV, 0x4000_0002, 0x4000_0002)],
        layers: &[Qemu],
        cause: "The version that the Hyper-V interface claims: QEMU's default (Windows Server 2016), \
                `hv-version-id-…`, the host's with `hv-passthrough`, or that of a real Hyper-V.",
        consequence: "Nothing: guests are not supposed to act on it.",
        remedy: "Nothing to change; `hv-version-id-build` and its kin set it.",
        source: "QEMU docs/system/i386/hyperv.rst; QEMU 7.2 target/i386/kvm/kvm.c:1350-1361,1455-1462",
    },
    Note {
        at: &[of(HYPERV, 0x4000_0001, Eax, 31, 0)],
        layers: &[Qemu],
        cause: "`Hv#1` says that the block speaks the Hyper-V interface. Another value is another hypervisor's block.",
        consequence: "Windows takes itself for a guest of something else when it boots next.",
        remedy: "Start both guests under the same hypervisor, with the same `<hyperv>` elements.",
        source: "QEMU 7.2 target/i386/kvm/kvm.c hyperv_fill_cpuids; Hyper-V TLFS feature discovery",
    },
    Note {
        at: &[of(HYPERV, 0x4000_0003, Eax, 15, 15)],
        layers: &[Kernel, Qemu],
        cause: "The control for invariant TSC came with newer KVM: one host's kernel or QEMU is older.",
        consequence: "The guest's write to the control MSR faults.",
        remedy: "Run one kernel and QEMU version on both hosts, or leave invariant TSC out: `<feature \
                 policy='disable' name='invtsc'/>` in `<cpu>` (QEMU: `invtsc=off`).",
        source: "Linux 7.1 arch/x86/kvm/hyperv.h:157-178",
    },
    Note {
        at: &[of(HYPERV, 0x4000_0003, Eax, 13, 13)],
        layers: &[Qemu, Libvirt],
        cause: "Set by `<reenlightenment>` (QEMU: `hv-reenlightenment`).",
        consequence: "A nested Hyper-V is no longer told that the TSC's frequency changed.",
        remedy: "Name it on both: {require}, with one pinned frequency, without which QEMU refuses to migrate: \
                 `<timer name='tsc' frequency='HZ'/>` in `<clock>` (QEMU: `tsc-frequency=HZ`); or on neither: \
                 {disable}.",
        source: "QEMU docs/system/i386/hyperv.rst; QEMU 7.2 target/i386/machine.c:902-917",
    },
    Note {
        at: &[of(HYPERV, 0x4000_0004, Eax, 18, 18)],
        layers: &[Kernel, Qemu],
        cause: "`hv-no-nonarch-coresharing=auto` copies whether the host can run hyper-threads, and prevents \
                migration; `=on` promises it whatever the host does.",
        consequence: "Windows and Hyper-V drop protection between siblings because of the promise; where it is gone \
                      they would have needed it.",
        remedy: "Set it by hand to one value on both, `on` only with vCPUs pinned to the cores they show: \
                 `hv-no-nonarch-coresharing=off` in QEMU's `-cpu` (libvirt has no element for it).",
        source: "QEMU docs/system/i386/hyperv.rst; Linux 6.1 arch/x86/kvm/hyperv.c:2538-2539; QEMU 7.2 \
                 target/i386/kvm/kvm.c:1490-1497",
    },
    Note {
        at: &[of(HYPERV, 0x4000_0004, Ebx, 31, 0)],
        layers: &[Qemu, Libvirt],
        cause: "How often the guest spins on a lock before it tells the hypervisor: `<spinlocks retries='N'>` (QEMU: \
                `hv-spinlocks=N`).",
        consequence: "Nothing but tuning.",
        remedy: "For the same value: `<spinlocks state='on' retries='4096'/>` in `<features><hyperv>` on both (QEMU: \
                 `hv-spinlocks=0x1000`).",
        source: "QEMU docs/system/i386/hyperv.rst; libvirt docs/formatdomain.rst, hyperv",
    },
    Note {
        at: &[of(HYPERV, 0x4000_000a, Eax, 15, 0)],
        layers: &[Kernel, Qemu, Libvirt],
        cause: "The range of enlightened VMCS versions is the host KVM's, with `<evmcs>` (QEMU: `hv-evmcs`).",
        consequence: "A nested Hyper-V uses a version that is out of range: its VM entry fails.",
        remedy: "Run one kernel version on both hosts; if the guest runs no hypervisor: `<evmcs state='off'/>` in \
                 `<features><hyperv>` (QEMU: `hv-evmcs=off`).",
        source: "QEMU 7.2 target/i386/kvm/kvm.c hyperv_init_vcpu; QEMU docs/system/i386/hyperv.rst",
    },
    Note {
        at: &[Places::Leaves(HYPERV, 0x4000_0080, 0x4000_0082)],
        layers: &[Qemu],
        cause: "The synthetic debugger, with `hv-syndbg`: for development, not for production.",
        consequence: "A kernel debugger of the guest loses its connection.",
        remedy: "Leave it out: `hv-syndbg=off` in QEMU's `-cpu` (libvirt has no element for it).",
        source: "QEMU docs/system/i386/hyperv.rst; QEMU 10.2 target/i386/kvm/kvm.c:1645-1668",
    },
    Note {
        at: &[Places::Leaves(&[Xen], 0x4000_0001, 0x4000_0005)],
        layers: &[Kernel, Qemu],
        cause: "Xen's leaves: version, hypercall pages and MSR base, features of the guest's kind, and ids that change \
                when a guest is re-created or migrated.",
        consequence: "The guest mapped hypercall pages and programmed MSRs by them at boot.",
        remedy: "Compare guests of one kind and Xen version.",
        source: "Xen arch/x86/cpuid.c:61-164",
    },
    Note {
        at: &[of(&[Kvm, Vmware], 0x4000_0010, Ecx, 1, 0)],
        layers: &[Qemu],
        cause: "VMware's alone: which instruction reaches its backdoor. QEMU writes 0.",
        consequence: "VMware tools of the guest use the wrong instruction.",
        remedy: "Start both guests under the same hypervisor.",
        source: "Linux 6.1 arch/x86/kernel/cpu/vmware.c; QEMU 7.2 target/i386/kvm/kvm.c:2121-2137",
    },
];
