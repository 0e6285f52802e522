//! Clocks: the TSC's frequency as the guest is told it.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use super::{Note, bit, bits, leaf, of};
use crate::knowledge::Owner::{self, Kvm, Vmware};
use crate::knowledge::advice::Layer::{Cpu, GuestOs, Kernel, Libvirt, Qemu};
use crate::knowledge::table::Sub::At;

const CLOCKED: &[Owner] = &[Kvm, Vmware];

pub(super) const NOTES: &[Note] = &[
    Note {
        at: &[of(CLOCKED, 0x4000_0010, Eax, 31, 0)],
        layers: &[Cpu, Kernel, Qemu, Libvirt],
        cause: "QEMU's `vmware-cpuid-freq` leaf. A guest has it only because it has `invtsc` or a pinned TSC \
                frequency. The value is each host's own calibration of its TSC, so no frequency is pinned: two boards \
                of one type differ by some kHz, and so may one board after a reboot.",
        consequence: "A guest with `invtsc` and no pinned frequency cannot be live-migrated: QEMU and libvirt refuse \
                      it. Linux under KVM takes its rate from kvmclock; macOS, the BSDs and VMware-aware code read \
                      this leaf.",
        remedy: "Best, pin one frequency on both: `<timer name='tsc' frequency='{hz}'/>` in `<clock>` (QEMU: \
                 `tsc-frequency={hz}` in `-cpu`); each host must be within 250 ppm of it or have TSC scaling. Or drop \
                 `invtsc` from the baseline: `<feature policy='disable' name='invtsc'/>` in `<cpu>` (`invtsc=off`); \
                 `virsh cpu-baseline --migratable` would have. `vmware-cpuid-freq=off` only hides the leaf; the guest \
                 still cannot be migrated.",
        source: "QEMU 7.2 target/i386/kvm/kvm.c:829-836,1762-1774,2107-2137; libvirt 9.0 \
                 src/qemu/qemu_migration.c:1451-1476 and qemu_process.c:5448-5514",
    },
    Note {
        at: &[of(CLOCKED, 0x4000_0010, Ebx, 31, 0)],
        layers: &[Qemu],
        cause: "QEMU writes a constant 1000000 kHz here; VMware writes the real clock of its APIC timer.",
        consequence: "A guest that took its APIC timer's rate from here at boot would run its timers at another rate.",
        remedy: "Start both guests under the same hypervisor and machine type. Under QEMU any other value is a bug \
                 worth reporting.",
        source: "QEMU 7.2 target/i386/kvm/kvm.c:72,1776,2132",
    },
    Note {
        at: &[bit(0x8000_0007, Edx, 8)],
        layers: &[Cpu, Kernel, Qemu, Libvirt, GuestOs],
        cause: "`invtsc` is asked for by the definition: host-passthrough with migratable='off', or by name. From \
                QEMU 10.0.13 and 10.2 on it also comes with `-cpu host` as soon as a TSC frequency is pinned, so a \
                QEMU upgrade can add it. Under Hyper-V enlightenments KVM hides it until the guest sets its \
                invariant-TSC control MSR.",
        consequence: "A guest that trusts its TSC keeps using it as clock after it became unreliable: time drifts or \
                      jumps. Having it blocks live migration unless a TSC frequency is pinned.",
        remedy: "Drop it from the baseline: {disable}; or have it on both and pin one frequency: `<timer name='tsc' \
                 frequency='HZ'/>` in `<clock>` (QEMU: `tsc-frequency=HZ`), within 250 ppm of every host's or with \
                 TSC scaling.",
        source: "QEMU 7.2 target/i386/kvm/kvm.c:2107-2118; QEMU 10.2 target/i386/cpu.c:2131-2134; Linux 7.1 \
                 arch/x86/kvm/cpuid.c:2117-2119; libvirt 9.0 src/qemu/qemu_migration.c:1451-1476",
    },
    Note {
        at: &[leaf(0x15), bits(0x16, At(0), Eax, 15, 0)],
        layers: &[Cpu, Qemu],
        cause: "The clocks of the host's part. KVM and QEMU answer with zeros; another hypervisor passes them \
                through, or the capture was made on bare metal.",
        consequence: "The guest fixed the rate of its TSC, and of its APIC timer, from ECX*EBX/EAX at boot; at another \
                      rate its clock runs fast or slow.",
        remedy: "Under QEMU there is nothing to set: both leaves read as zeros. Elsewhere pin one TSC frequency on \
                 both hosts.",
        source: "Linux 6.1 arch/x86/kvm/cpuid.c:1284-1286; Linux 6.1 arch/x86/kernel/tsc.c native_calibrate_tsc",
    },
    Note {
        at: &[of(&[Kvm], 0x4000_0001, Eax, 24, 24)],
        layers: &[Kernel, Qemu],
        cause: "KVM offers it always and QEMU switches it on by default; one definition switches it off.",
        consequence: "The guest chose its clock source at boot by it. In kvmclock's shared page the flag of each \
                      reading decides.",
        remedy: "Have it on both: {require}; it is the default.",
        source: "Linux 6.1 arch/x86/kernel/kvmclock.c kvmclock_init; QEMU docs/system/i386/kvm-pv.rst",
    },
    Note {
        at: &[of(&[Kvm], 0x4000_0001, Eax, 0, 0), of(&[Kvm], 0x4000_0001, Eax, 3, 3)],
        layers: &[Kernel, Qemu, Libvirt],
        cause: "KVM offers it always and QEMU switches it on by default; one definition switches it off or hides KVM.",
        consequence: "The guest's clock stops: writes to the MSRs of its kvmclock fault.",
        remedy: "Have it on both: {require}; it is the default.",
        source: "Linux 7.1 arch/x86/kvm/x86.c:4113-4133; QEMU docs/system/i386/kvm-pv.rst; libvirt \
                 docs/formatdomain.rst, Time keeping",
    },
    Note {
        at: &[
            of(&[Owner::Xen], 0x4000_0003, Eax, 1, 0),
            of(&[Owner::Xen], 0x4000_0003, Ebx, 31, 0),
            of(&[Owner::Xen], 0x4000_0003, Ecx, 31, 0),
        ],
        layers: &[Cpu, Qemu],
        cause: "Xen fixes a guest's TSC rate and mode when it creates the guest, keeps both across migration, and \
                emulates the TSC where the host's runs at another rate.",
        consequence: "The guest's clock changes rate; emulated reads are right, and slower.",
        remedy: "Create both guests with the same `tsc_mode`; a guest that was really migrated keeps its rate.",
        source: "Xen arch/x86/cpuid.c:72-104",
    },
];
