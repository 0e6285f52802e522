//! A cause as data.

use std::borrow::Cow;

/// What kind of thing a cause is, in the order of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CauseOf {
    /// The machine types, through QEMU's properties.
    Machine,
    /// QEMU's versions, through what each knows or emulates.
    Version,
    /// The CPU definitions.
    Definition,
    /// kvm or tcg.
    Accelerator,
    /// How many vCPUs there are, and their topology.
    Vcpus,
    /// The vendors.
    Vendor,
    /// The hosts: kernel, microcode, generation of the CPU.
    Host,
    /// State that XSAVE saves.
    State,
    /// A feature behind which others stand.
    Gate,
}

/// One thing that differs between the inputs and explains findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What kind of thing.
    pub of: CauseOf,
    /// What it is, with both values.
    pub what: String,
    /// How it explains its findings; empty where the thing itself says it.
    pub why: String,
    /// It can explain its findings; nothing shows that it does.
    pub inferred: bool,
    /// How many findings it alone explains.
    pub clears: usize,
    /// What to do about it.
    pub fix: Option<String>,
}

impl Cause {
    /// What it is, and how it explains its findings.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        if self.why.is_empty() { Cow::Borrowed(&self.what) } else { Cow::Owned(format!("{}: {}", self.what, self.why)) }
    }
}
