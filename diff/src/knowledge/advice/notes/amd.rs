//! What is otherwise on AMD CPUs, and on those made after AMD's.

use cpuid_probe::Place;
use cpuid_probe::Register::Edx;

use super::{Note, bit};
use crate::knowledge::Layer::{Kernel, Libvirt, Qemu};

/// What no AMD CPU has and a guest of one may show: no protection of such a guest rests on it. The note says why.
pub const EMULATED: [Place; 1] = [Place::bit(0x7, 0, Edx, 29)];

pub(super) const NOTES: &[Note] = &[Note {
    at: &[bit(0x7, Edx, 29)],
    layers: &[Kernel, Qemu, Libvirt],
    cause: "No AMD CPU has the MSR IA32_ARCH_CAPABILITIES. KVM emulates it on every host, and QEMU gave it to AMD guests \
            too, until QEMU 10.1 with machine types after 10.0.",
    consequence: "The MSR vanishes, and a guest that reads it again faults. AMD's own bits in leaf 0x80000008 state the \
                  immunities; some versions of Windows crash where an AMD CPU has this MSR.",
    remedy: "Take it off on both, as no AMD CPU has it: {disable}. QEMU 10.1 does so by itself with machine types after \
             10.0.",
    source: "QEMU 10.1 commit d3a24134e37d (target/i386: do not expose ARCH_CAPABILITIES on AMD CPU); QEMU 11.1 \
             query-machines, compat-props of machine types up to 10.0 (x-arch-cap-always-on); Linux 6.14 \
             arch/x86/kvm/cpuid.c kvm_set_cpu_caps",
}];
