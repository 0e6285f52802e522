//! What is known about CPUID, as rows: features, fields, rules with reasons, causes.
//!
//! The rows are compiled in; a wrong one fails the build. The comparison asks [`row_at`] which row a bit belongs to and
//! how it is judged, and branches on nothing but the row's fields. `cpuid-diff knowledge --format csv` prints them.

use cpuid_probe::Register;

use crate::report::{Names, Severity};

/// Whose leaves a row or a place lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The CPU's own leaves.
    Cpu,
    /// A KVM block.
    Kvm,
    /// A Hyper-V block (or QEMU's emulation of one).
    HyperV,
    /// A Xen block.
    Xen,
    /// A VMware block.
    Vmware,
    /// Another hypervisor's block.
    OtherHypervisor,
}

/// How a difference is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleKind {
    /// Bits must stay.
    Subset,
    /// One means worse, less, or something to accumulate over a pool.
    Hazard,
    /// Any change counts.
    Equal,
    /// The destination's number must not be smaller.
    NotLess,
    /// The destination's number must not be larger.
    NotGreater,
    /// Who the CPU or hypervisor is.
    Identity,
    /// A frequency of the host.
    HostClock,
    /// Follows `-smp`.
    Topology,
    /// Differs between the vCPUs of one guest.
    PerVcpu,
    /// A mirror of state the guest's system sets.
    OsControlled,
    /// No effect on correctness.
    Informational,
}

/// A place of bits in a register, as knowledge names it.
///
/// Leaves of hypervisor blocks are written for a block at 0x40000000, wherever the block really is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// Whose leaf it is.
    pub owner: Owner,
    /// The leaf, normalised to a block at 0x40000000.
    pub leaf: u32,
    /// The subleaf; 0 where the leaf has none.
    pub subleaf: u32,
    /// The register.
    pub register: Register,
}

/// How a bit is judged, and what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Highest bit of the row.
    pub hi: u8,
    /// Lowest bit of the row.
    pub lo: u8,
    /// The feature's names, or none.
    pub names: Names,
    /// libvirt's, QEMU's or Linux's name, else the field's; `None` for an unknown bit.
    pub name: Option<&'static str>,
    /// The rule.
    pub rule: RuleKind,
    /// Severity where the bit or number is lost.
    pub lost: Severity,
    /// Severity of every other change.
    pub gained: Severity,
    /// What the place is.
    pub meaning: Option<&'static str>,
    /// Why the rule is what it is.
    pub reason: Option<&'static str>,
    /// Why the place may differ.
    pub cause: Option<&'static str>,
    /// Where all this comes from.
    pub source: Option<&'static str>,
}
