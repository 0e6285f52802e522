//! The rows, a file a leaf family, sorted by place. These are the truth: `cpuid-diff knowledge --format csv` prints them,
//! and `tests/data/knowledge.csv` shows every change of them.
//!
//! # Source
//! Names: libvirt 9.0, 11.3 and 12.8 src/cpu_map/x86_features.xml, src/cpu/cpu_x86.c and cpu_x86_data.h; QEMU 7.2, 10.2
//! and 11.1 target/i386/cpu.c (`feature_word_info`); Linux 6.1, 6.12 and 7.1 arch/x86/include/asm/cpufeatures.h. What
//! TCG emulates, and what QEMU clears without what: QEMU 7.2.0 and 10.2.2 target/i386/cpu.c (`TCG_*_FEATURES`,
//! `feature_dependencies`). Elements: libvirt docs/formatdomain.rst, "Hypervisor features" and "Time keeping"; QEMU
//! docs/system/i386/hyperv.rst and kvm-pv.rst. What KVM offers: [`super::row::KVM_AS_OF`].

mod basic_00;
mod basic_07;
mod basic_09;
mod basic_0d;
mod basic_0f;
mod basic_12;
mod basic_14;
mod basic_20;
mod extended_01;
mod extended_07;
mod extended_0a;
mod extended_1f;
mod extended_21;
mod hyperv;
mod hypervisors;
mod kvm;
mod msr;
mod msr_vmx;
mod vendors;
mod xen;

use super::table::Group;

/// Every row.
pub(super) const ROWS: &[&[Group]] = &[
    basic_00::ROWS,
    basic_07::ROWS,
    basic_09::ROWS,
    basic_0d::ROWS,
    basic_0f::ROWS,
    basic_12::ROWS,
    basic_14::ROWS,
    basic_20::ROWS,
    extended_01::ROWS,
    extended_07::ROWS,
    extended_0a::ROWS,
    extended_1f::ROWS,
    extended_21::ROWS,
    vendors::ROWS,
    hypervisors::ROWS,
    kvm::ROWS,
    hyperv::ROWS,
    xen::ROWS,
    msr::ROWS,
    msr_vmx::ROWS,
];

/// What a file of rows uses.
mod prelude {
    use cpuid_probe::Place;
    pub(super) use cpuid_probe::Register::{self, Eax, Ebx, Ecx, Edx};
    use cpuid_probe::hypervisor::Owner;

    pub(super) use crate::knowledge::row::CauseKind::{
        Brand, CaptureMode, EachVcpu, Firmware, Frequency, GuestState, Layout, Running,
    };
    pub(super) use crate::knowledge::row::Migratable::{No, Yes};
    pub(super) use crate::knowledge::row::Offer::{Conditional, Emulated, IfHost, Never};
    pub(super) use crate::knowledge::row::RuleKind::{
        Equal, Hazard, HostClock, Identity, Informational, NotGreater, NotLess, OsControlled, PerVcpu, Subset, Topology,
    };
    pub(super) use crate::knowledge::row::Severity::{Expected, Info, Unsafe, Warning};
    use crate::knowledge::row::Version;
    pub(super) use crate::knowledge::table::Namespace::{Libvirt, Linux, Qemu};
    pub(super) use crate::knowledge::table::Sub::{Any, At, From, Span};
    pub(super) use crate::knowledge::table::{Group, Line, bit, cause, field, nameless, rule};
    pub(super) use crate::knowledge::unit::{CACHE_TYPE, Unit, WAYS, of, plus_one, times};

    /// Without which Linux clears whatever uses its registers (arch/x86/kernel/cpu/cpuid-deps.c).
    pub(super) const AVX: Place = Place::bit(1, 0, Ecx, 28);

    /// libvirt's releases.
    pub(super) const V9_0: Version = Version::new(9, 0);
    pub(super) const V11_3: Version = Version::new(11, 3);
    pub(super) const V12_8: Version = Version::new(12, 8);
    /// QEMU's releases. What 10.2 has and 7.2 has not may be older than 10.2.
    pub(super) const V7_2: Version = Version::new(7, 2);
    pub(super) const V10_2: Version = Version::new(10, 2);
    pub(super) const V11_1: Version = Version::new(11, 1);

    /// Names of more than one place.
    pub(super) const HV_FREQUENCIES: &str = "hv-frequencies";
    pub(super) const HV_SYNDBG: &str = "hv-syndbg";
    pub(super) const HV_TIME: &str = "hv-time";
    pub(super) const KVMCLOCK: &str = "kvmclock";
    pub(super) const MBA: &str = "mba";
    pub(super) const VMX_INVEPT_SINGLE_CONTEXT: &str = "vmx-invept-single-context";

    type Lines = &'static [Line];

    pub(super) const fn cpu(leaf: u32, subleaf: Sub, register: Register, lines: Lines) -> Group {
        Group::cpu(leaf, subleaf, register, lines)
    }

    /// The rows of any hypervisor's block.
    pub(super) const fn any(leaf: u32, subleaf: Sub, register: Register, lines: Lines) -> Group {
        const ANY: &[Owner] = &[Owner::Kvm, Owner::HyperV, Owner::Xen, Owner::Vmware, Owner::OtherHypervisor];
        Group::of(ANY, leaf, subleaf, register, lines)
    }

    pub(super) const fn any_but_xen(leaf: u32, subleaf: Sub, register: Register, lines: Lines) -> Group {
        const REST: &[Owner] = &[Owner::Kvm, Owner::HyperV, Owner::Vmware, Owner::OtherHypervisor];
        Group::of(REST, leaf, subleaf, register, lines)
    }

    /// The clock leaf.
    pub(super) const fn clock(leaf: u32, subleaf: Sub, register: Register, lines: Lines) -> Group {
        Group::of(&[Owner::Kvm, Owner::Vmware], leaf, subleaf, register, lines)
    }

    pub(super) const fn kvm(leaf: u32, subleaf: Sub, register: Register, lines: Lines) -> Group {
        Group::of(&[Owner::Kvm], leaf, subleaf, register, lines)
    }

    pub(super) const fn hyperv(leaf: u32, subleaf: Sub, register: Register, lines: Lines) -> Group {
        Group::of(&[Owner::HyperV], leaf, subleaf, register, lines)
    }

    pub(super) const fn xen(leaf: u32, subleaf: Sub, register: Register, lines: Lines) -> Group {
        Group::of(&[Owner::Xen], leaf, subleaf, register, lines)
    }

    pub(super) const fn msr(index: u32, lines: Lines) -> Group {
        Group::msr(index, lines)
    }

    use crate::knowledge::table::Sub;
}
