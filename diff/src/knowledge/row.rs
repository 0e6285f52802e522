//! What a row says of a place, as values that code can branch on. This module uses no other module of this package.

use core::fmt;

use cpuid_probe::Place;
use cpuid_probe::place::BitRange;
use serde::Serialize;

use super::unit::Unit;

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

/// A release of libvirt or QEMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u8,
    /// The second number.
    pub minor: u8,
}

impl Version {
    /// Release `major.minor`.
    #[must_use]
    pub const fn new(major: u8, minor: u8) -> Self {
        Self { major, minor }
    }
}

/// `10.2`.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
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

/// What makes a place differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CauseKind {
    /// Firmware, microcode, host kernel or the configuration decide.
    Firmware,
    /// Follows `-smp` or the host's caches.
    Layout,
    /// Differs between the vCPUs of one guest.
    EachVcpu,
    /// A mirror of state the guest's system sets.
    GuestState,
    /// Text or a number that only names.
    Brand,
    /// A frequency of the host.
    Frequency,
    /// Changes while the guest runs.
    Running,
    /// Depends on the CPU mode of the reader.
    CaptureMode,
}

impl CauseKind {
    /// The word in listings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Firmware => "firmware",
            Self::Layout => "layout",
            Self::EachVcpu => "each-vcpu",
            Self::GuestState => "guest-state",
            Self::Brand => "brand",
            Self::Frequency => "frequency",
            Self::Running => "running",
            Self::CaptureMode => "capture-mode",
        }
    }
}

/// Whether QEMU hands a feature to a guest that may migrate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Migratable {
    /// QEMU names the bit and does not list it as unmigratable.
    Yes,
    /// libvirt or QEMU lists it as unmigratable.
    No,
    /// QEMU cannot pass it by name; `-cpu host,migratable=on` drops it.
    Unknown,
}

impl Migratable {
    /// The word in listings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// The kernel that the rows' statements about KVM were read from: arch/x86/kvm/cpuid.c, `kvm_set_cpu_caps` and
/// `__do_cpuid_func`. VERW_CLEAR and the TSA bits are from Linux 6.1.192 (arch/x86/kvm/cpuid.c:752-780). Kernels before
/// and after offer fewer and more.
pub const KVM_AS_OF: &str = "Linux 6.14";

/// What KVM does about a feature, as of [`KVM_AS_OF`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Offer {
    /// It offers the feature where the host's CPU and kernel have it.
    IfHost,
    /// It emulates the feature whatever the host has.
    Emulated,
    /// It offers the feature under conditions of its own: module parameters, other features, guest state.
    Conditional,
    /// It offers the feature to no guest.
    Never,
    /// No row says.
    Unknown,
}

impl Offer {
    /// The word in listings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::IfHost => "host",
            Self::Emulated => "emulated",
            Self::Conditional => "conditional",
            Self::Never => "never",
            Self::Unknown => "unknown",
        }
    }
}

/// Whether `/proc/cpuinfo` shows a feature's flag wherever CPUID has the bit.
///
/// # Source
/// Linux 6.1 and 6.14 arch/x86/kernel/cpu (`setup_clear_cpu_cap`, `clear_cpu_cap` and cpuid-deps.c: what kernels clear
/// for a CPU, a boot option, a missing XCR0 component or a mitigation), arch/x86/include/asm/cpufeatures.h (what they do
/// not print).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shown {
    /// Some kernel hides it, folds it into another flag or clears it: that the flag is not there says nothing.
    Perhaps,
    /// Always.
    Always,
    /// Wherever it shows the feature at this place, without which it clears this one.
    With(Place),
}

impl Shown {
    /// The word in listings.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Perhaps => String::new(),
            Self::Always => "always".to_string(),
            Self::With(place) => format!("with {place}"),
        }
    }
}

/// What a bit means for a guest's security.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guard {
    /// An immunity, or a defence against an attack: losing it exposes the guest.
    Protection,
    /// A CPU that has it is open to an attack that others are not.
    Hazard,
}

impl Guard {
    /// The word in listings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Protection => "protection",
            Self::Hazard => "hazard",
        }
    }
}

/// The elements by which libvirt sets a QEMU property that is not a `<feature>` of its `<cpu>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// Where it goes.
    pub within: &'static str,
    /// To switch it off.
    pub off: &'static str,
    /// To switch it on; empty where libvirt can only switch it off.
    pub on: &'static str,
}

/// How a bit is judged, and what is known about it.
///
/// The rows of a register never overlap: every bit is in exactly one of them.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The row's bits.
    pub bits: BitRange,
    /// Where it is: the register that was asked for, with the row's bits.
    pub place: Place,
    /// The feature's names, or none.
    pub names: Names,
    /// The row's own name: libvirt's, else QEMU's, Linux's, the manuals', or the field's; `None` for an unknown bit and a
    /// nameless feature.
    pub name: Option<&'static str>,
    /// Other spellings that QEMU accepts.
    pub also: &'static [&'static str],
    /// Whether QEMU or libvirt accept Linux's name too.
    pub linux_is_alias: bool,
    /// Whether `/proc/cpuinfo` shows its flag wherever CPUID has the bit.
    pub shown: Shown,
    /// Whether anything names or describes this place; if not, it is an unknown bit.
    pub known: bool,
    /// Whether it is the bit of one feature, named or nameless.
    pub feature: bool,
    /// Whether QEMU passes the feature on to a migratable guest; `None` for a field.
    pub migratable: Option<Migratable>,
    /// The rule.
    pub rule: RuleKind,
    /// Severity where the bit or number is lost.
    pub lost: Severity,
    /// Severity of every other change.
    pub gained: Severity,
    /// The bits of which one must be set for the place to mean anything; empty where the place always means something.
    pub gates: &'static [Place],
    /// What the place is.
    pub meaning: Option<&'static str>,
    /// Why the rule is what it is.
    pub reason: Option<&'static str>,
    /// Why the place may differ.
    pub cause: Option<&'static str>,
    /// The kind of that cause.
    pub cause_kind: Option<CauseKind>,
    /// The source of that cause.
    pub cause_source: Option<&'static str>,
    /// Where the rule comes from, or where the place is described if it has no rule of its own.
    pub source: Option<&'static str>,
    /// How its number is read.
    pub unit: Unit,
    /// The bits of the same register whose value a zero stands for.
    pub zero_means: Option<BitRange>,
    /// Whether a zero says nothing: what the number describes is not described.
    pub zero_is_silent: bool,
    /// Whether it is a protection or a hazard.
    pub guard: Option<Guard>,
    /// What losing it in a pool costs: a protection 10, an instruction set 3, else 1.
    pub weight: u8,
    /// What KVM does about it.
    pub kvm: Offer,
    /// The oldest libvirt, of those the rows were read from, that knows the name; `None` where no libvirt is known to.
    pub libvirt_since: Option<Version>,
    /// libvirt is known to have no name for it (as of 12.8).
    pub not_in_libvirt: bool,
    /// The oldest QEMU, of those the rows were read from, that has the property; `None` where no QEMU is known to.
    pub qemu_since: Option<Version>,
    /// QEMU is known to have no property for it (as of 11.1).
    pub not_in_qemu: bool,
    /// The oldest QEMU, of those the rows were read from, whose TCG emulates it; `None` where none is known to.
    pub tcg_since: Option<Version>,
    /// TCG is known not to emulate it (as of 10.2).
    pub not_in_tcg: bool,
    /// The rows, by name, without which QEMU clears it.
    pub needs: &'static [&'static str],
    /// The elements by which libvirt sets the property.
    pub element: Option<Element>,
    /// Whether a libvirt definition may list it.
    pub listed: bool,
    /// Whether a definition is held to it: it counts when it is missing or extra.
    pub judged: bool,
    /// Whether a guest that has it cannot be live-migrated, unless its TSC frequency is pinned.
    pub blocks_migration: bool,
}
