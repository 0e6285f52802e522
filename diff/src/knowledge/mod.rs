//! What is known about CPUID, as rows: features, fields, rules with reasons, causes, feature MSRs.
//!
//! The rows are compiled in, one file a leaf family, in reviewable columns; a wrong one fails the build at the row. The
//! comparison asks [`row_at`] which row a bit belongs to and how it is judged, and branches on nothing but the row's
//! fields. `cpuid-diff knowledge --format csv` prints all of them ([`export_csv`]).
//!
//! - [`table`]: the shape of the rows and how they are found.
//! - `features/`, `fields/`, `rules/`, `causes/`, `msrs.rs`, `gates.rs`, `sources.rs`, `aliases.rs`: the rows.
//! - [`kvm`]: what KVM offers guests. [`advice`]: causes, consequences and remedies.
//! - [`units`]: how numbers are read.
//! - [`lookup`]: from a place to what is known about it. [`names`]: from a name to its places.

pub mod advice;
mod aliases;
mod causes;
mod export;
mod features;
mod fields;
mod gates;
pub mod kvm;
pub mod lookup;
mod msrs;
pub mod names;
mod rules;
mod shim;
mod sources;
pub mod table;
pub mod units;

use cpuid_probe::Register;

use crate::severity::{Names, Severity};

pub use cpuid_probe::hypervisor::Owner;

pub use advice::{Accel, Advice, Asked, Layer, Subject, advice_for};
pub use causes::of as causes_of;
pub use export::{Entry, entries, export_csv};
pub use gates::gates_of;
pub use lookup::{msr_row, owner_without_signature, row_at};
pub use names::{Match, Namespace, Place, by_name, near, search};
pub use rules::of as rules_of;
pub use shim::Knowledge;
pub use table::{Migratable, Sub};

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

impl RuleKind {
    /// All.
    pub const ALL: [Self; 11] = [
        Self::Subset,
        Self::Hazard,
        Self::Equal,
        Self::NotLess,
        Self::NotGreater,
        Self::Identity,
        Self::HostClock,
        Self::Topology,
        Self::PerVcpu,
        Self::OsControlled,
        Self::Informational,
    ];

    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Subset => "subset",
            Self::Hazard => "hazard",
            Self::Equal => "equal",
            Self::NotLess => "not-less",
            Self::NotGreater => "not-greater",
            Self::Identity => "identity",
            Self::HostClock => "host-clock",
            Self::Topology => "topology",
            Self::PerVcpu => "per-vcpu",
            Self::OsControlled => "os-controlled",
            Self::Informational => "informational",
        }
    }
}

/// A register of a leaf, as knowledge names it.
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
///
/// The rows of a register never overlap: every bit is in exactly one of them.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Highest bit of the row.
    pub hi: u8,
    /// Lowest bit of the row.
    pub lo: u8,
    /// Its bits.
    pub bits: cpuid_probe::place::BitRange,
    /// The feature's names, or none.
    pub names: Names,
    /// libvirt's, QEMU's or Linux's name, else the field's; `None` for an unknown bit and a nameless feature.
    pub name: Option<&'static str>,
    /// Whether anything names or describes this place; if not, it is an unknown bit.
    pub known: bool,
    /// Whether QEMU passes the feature on to a migratable guest; `None` for what is no feature.
    pub migratable: Option<Migratable>,
    /// The rule.
    pub rule: RuleKind,
    /// Severity where the bit or number is lost.
    pub lost: Severity,
    /// Severity of every other change.
    pub gained: Severity,
    /// While one of these bits must be set for the place to mean anything: those bits; else empty.
    pub gates: &'static [cpuid_probe::Place],
    /// What the place is.
    pub meaning: Option<&'static str>,
    /// Why the rule is what it is.
    pub reason: Option<&'static str>,
    /// Why the place may differ.
    pub cause: Option<&'static str>,
    /// Where the rule comes from, or where the place is described if it has no rule of its own.
    pub source: Option<&'static str>,
}
