//! Whose CPU a source speaks of: the bare host's, what a host can give, what a guest is to have, or what it has.

use cpuid_probe::dump::{Dump, Source};
use cpuid_probe::{Place, Register};

use super::VcpuView;

/// The part that a source plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What the bare CPU has; no guest gets just this.
    Hardware,
    /// What a host can give a guest.
    Offer,
    /// What a guest is to have.
    Promise,
    /// What a guest read.
    Guest,
    /// An excerpt that does not say. It is compared as a guest's, and never taken for an offer.
    Unknown,
}

/// Leaf 1 ECX\[31\]: a hypervisor runs below.
const HYPERVISOR: Place = Place::bit(1, 0, Register::Ecx, 31);

impl Role {
    /// All, for the command line.
    pub const ALL: [Self; 4] = [Self::Hardware, Self::Offer, Self::Promise, Self::Guest];

    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Offer => "offer",
            Self::Promise => "promise",
            Self::Guest => "guest",
            Self::Unknown => "unknown",
        }
    }

    /// The role of a dump: its source says it, else the format that it was read from, else the hypervisor bit.
    ///
    /// A dump without that bit is the hardware's, or that of a guest that hides its hypervisor.
    #[must_use]
    pub fn of(dump: &Dump) -> Self {
        match dump.provenance.source {
            Source::Boot => Self::Guest,
            Source::Kvm => Self::Offer,
            Source::Native | Source::Import => {
                let seen: Vec<_> = dump.vcpus.iter().map(|v| VcpuView::of(v).see(HYPERVISOR)).collect();
                if seen.iter().any(|s| s.is_set()) {
                    Self::Guest
                } else if seen.iter().any(|s| s.is_clear()) {
                    Self::Hardware
                } else {
                    Self::Unknown
                }
            }
        }
    }

    /// Whether two inputs are of one kind: an excerpt that does not say goes with any but the hardware's.
    #[must_use]
    pub fn goes_with(self, other: Self) -> bool {
        self == other || [self, other].contains(&Self::Unknown) && ![self, other].contains(&Self::Hardware)
    }
}
