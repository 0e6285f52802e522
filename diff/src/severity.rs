//! How bad a difference is, and the names of a feature: the two words that the rows and the reports share.

use serde::Serialize;

/// How bad a difference is, in one direction. The order is the order of reports, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A running guest can break or lose a protection.
    Unsafe,
    /// A person must look.
    Warning,
    /// It differs, and is harmless; the report says why.
    Info,
    /// One configuration legitimately differs here.
    Expected,
    /// A site policy names the finding.
    Waived,
}

impl Severity {
    /// All, worst first.
    pub const ALL: [Self; 5] = [Self::Unsafe, Self::Warning, Self::Info, Self::Expected, Self::Waived];

    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unsafe => "unsafe",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Expected => "expected",
            Self::Waived => "waived",
        }
    }
}

/// The names of a feature in the three worlds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Names {
    /// libvirt's (`<feature name=…>`).
    pub libvirt: Option<&'static str>,
    /// QEMU's (`-cpu …,+NAME`).
    pub qemu: Option<&'static str>,
    /// Linux's (`/proc/cpuinfo`).
    pub linux: Option<&'static str>,
}
