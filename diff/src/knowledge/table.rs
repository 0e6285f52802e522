//! The shape of the rows, and how they are found.
//!
//! Rows are built by `const fn`s that assert what a row must be, so a wrong row fails the build where it is written.
//! Slices are sorted by leaf; a leaf is never spread over two of them.

use core::fmt;

use cpuid_probe::Register;

use super::{RuleKind, Site};
use crate::severity::{Names, Severity};

/// The subleaves a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sub {
    /// Every subleaf.
    Any,
    /// This one; 0 where the leaf has none.
    At(u32),
    /// The first to the last of these.
    Span(u32, u32),
    /// This one and all after it.
    From(u32),
}

impl Sub {
    /// The first subleaf.
    #[must_use]
    pub const fn first(self) -> u32 {
        match self {
            Self::Any => 0,
            Self::At(n) | Self::Span(n, _) | Self::From(n) => n,
        }
    }

    /// Whether it covers `subleaf`.
    #[must_use]
    pub const fn holds(self, subleaf: u32) -> bool {
        match self {
            Self::Any => true,
            Self::At(n) => subleaf == n,
            Self::Span(first, last) => first <= subleaf && subleaf <= last,
            Self::From(first) => first <= subleaf,
        }
    }
}

/// `*`, `0`, `1-2`, `2+`: as in the fact tables.
impl fmt::Display for Sub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::At(n) => write!(f, "{n}"),
            Self::Span(first, last) => write!(f, "{first}-{last}"),
            Self::From(first) => write!(f, "{first}+"),
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

/// Bits `hi..=lo` of a register, of one or more subleaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bits {
    /// The leaf; in hypervisor blocks, as if the block were at 0x40000000.
    pub leaf: u32,
    /// The subleaves.
    pub subleaf: Sub,
    /// The register.
    pub register: Register,
    /// Highest bit.
    pub hi: u8,
    /// Lowest bit.
    pub lo: u8,
}

impl Bits {
    #[track_caller]
    pub(super) const fn new(leaf: u32, subleaf: Sub, register: Register, hi: u8, lo: u8) -> Self {
        assert!(hi <= 31, "bit number above 31");
        assert!(lo <= hi, "bits are written high, low");
        if let Sub::Span(first, last) = subleaf {
            assert!(first < last, "subleaves are written low, high");
        }
        Self { leaf, subleaf, register, hi, lo }
    }

    /// Whether `bit` is one of them.
    #[must_use]
    pub const fn holds(&self, bit: u8) -> bool {
        self.lo <= bit && bit <= self.hi
    }

    /// Narrow before wide, then one subleaf before several: the order in which rows win.
    const fn rank(&self) -> (u8, bool) {
        (self.hi - self.lo, !matches!(self.subleaf, Sub::At(_)))
    }
}

/// Rows that say where they belong.
pub trait Located {
    /// The bits the row is about.
    fn at(&self) -> &Bits;
}

/// One named or nameless single-bit feature.
#[derive(Clone, Copy, Debug)]
pub struct Feature {
    /// Where it is.
    pub at: Bits,
    /// What it is called.
    pub names: Names,
    /// Whether QEMU hands it to a guest that may migrate.
    pub migratable: Migratable,
    /// What it promises.
    pub meaning: &'static str,
    /// Where that is said, if not where the leaf is described.
    pub source: Option<&'static str>,
}

impl Feature {
    /// The same row with its own source.
    #[track_caller]
    pub(super) const fn from(mut self, source: &'static str) -> Self {
        self.source = text(source);
        self
    }
}

/// One multi-bit field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Where it is.
    pub at: Bits,
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

/// How a range of bits is judged.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The bits.
    pub at: Bits,
    /// The rule.
    pub kind: RuleKind,
    /// Severity where the bit or number is lost.
    pub lost: Severity,
    /// Severity of every other change.
    pub gained: Severity,
    /// Why.
    pub reason: &'static str,
    /// Who says so.
    pub source: &'static str,
}

/// What makes a cause a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CauseKind {
    /// Firmware, microcode, host kernel or the configuration decide.
    FirmwareMicrocode,
    /// Follows `-smp` or the host's caches.
    Topology,
    /// Differs between the vCPUs of one guest.
    PerVcpu,
    /// A mirror of state the guest's system sets.
    OsControlled,
    /// Text or a number that only names.
    Brand,
    /// A frequency of the host.
    HostClock,
    /// Changes while the guest runs.
    RuntimeDynamic,
    /// Depends on the CPU mode of the reader.
    CaptureMode,
}

/// Why a range of bits may differ between two dumps. It explains; it never judges.
#[derive(Clone, Copy, Debug)]
pub struct Cause {
    /// The bits.
    pub at: Bits,
    /// The kind of reason.
    pub kind: CauseKind,
    /// The reason.
    pub why: &'static str,
    /// Who says so.
    pub source: &'static str,
}

/// One named bit of a feature MSR.
#[derive(Clone, Copy, Debug)]
pub struct MsrFeature {
    /// The MSR.
    pub index: u32,
    /// The bit of the MSR, 0 to 63.
    pub bit: u8,
    /// What it is called.
    pub names: Names,
    /// The manual's name, where no one else has one.
    pub label: Option<&'static str>,
    /// What it promises.
    pub meaning: &'static str,
}

/// How a range of bits of a feature MSR is judged.
#[derive(Clone, Copy, Debug)]
pub struct MsrRule {
    /// The MSR.
    pub index: u32,
    /// Highest bit.
    pub hi: u8,
    /// Lowest bit.
    pub lo: u8,
    /// The rule.
    pub kind: RuleKind,
    /// Severity where the bit is lost.
    pub lost: Severity,
    /// Severity of every other change.
    pub gained: Severity,
    /// Why.
    pub reason: &'static str,
    /// Who says so.
    pub source: &'static str,
}

impl Located for Feature {
    fn at(&self) -> &Bits {
        &self.at
    }
}
impl Located for Field {
    fn at(&self) -> &Bits {
        &self.at
    }
}
impl Located for Rule {
    fn at(&self) -> &Bits {
        &self.at
    }
}
impl Located for Cause {
    fn at(&self) -> &Bits {
        &self.at
    }
}

/// `""` is no name.
const fn text(s: &'static str) -> Option<&'static str> {
    if s.is_empty() { None } else { Some(s) }
}

const fn names(libvirt: &'static str, qemu: &'static str, linux: &'static str) -> Names {
    Names { libvirt: text(libvirt), qemu: text(qemu), linux: text(linux) }
}

/// A feature: leaf, subleaf, register, bit; libvirt's, QEMU's and Linux's name (`""` where it has none); whether it is
/// migratable; what it promises.
#[allow(clippy::too_many_arguments)]
#[track_caller]
pub(super) const fn feature(
    leaf: u32,
    subleaf: u32,
    register: Register,
    bit: u8,
    libvirt: &'static str,
    qemu: &'static str,
    linux: &'static str,
    migratable: Migratable,
    meaning: &'static str,
) -> Feature {
    assert!(!meaning.is_empty(), "a feature says what it promises");
    let at = Bits::new(leaf, Sub::At(subleaf), register, bit, bit);
    Feature { at, names: names(libvirt, qemu, linux), migratable, meaning, source: None }
}

/// A field: leaf, subleaves, register, highest and lowest bit, name, what it says.
#[track_caller]
pub(super) const fn field(
    leaf: u32,
    subleaf: Sub,
    register: Register,
    hi: u8,
    lo: u8,
    name: &'static str,
    meaning: &'static str,
) -> Field {
    assert!(!name.is_empty() && !meaning.is_empty(), "a field has a name and a meaning");
    Field { at: Bits::new(leaf, subleaf, register, hi, lo), name, meaning }
}

/// A rule: leaf, subleaves, register, highest and lowest bit, rule, severity if lost and if gained or changed, reason,
/// source.
#[allow(clippy::too_many_arguments)]
#[track_caller]
pub(super) const fn rule(
    leaf: u32,
    subleaf: Sub,
    register: Register,
    hi: u8,
    lo: u8,
    kind: RuleKind,
    lost: Severity,
    gained: Severity,
    reason: &'static str,
    source: &'static str,
) -> Rule {
    check_rule(lost, gained, reason, source);
    Rule { at: Bits::new(leaf, subleaf, register, hi, lo), kind, lost, gained, reason, source }
}

/// A cause: leaf, subleaves, register, highest and lowest bit, kind, reason, source.
#[allow(clippy::too_many_arguments)]
#[track_caller]
pub(super) const fn cause(
    leaf: u32,
    subleaf: Sub,
    register: Register,
    hi: u8,
    lo: u8,
    kind: CauseKind,
    why: &'static str,
    source: &'static str,
) -> Cause {
    assert!(!why.is_empty() && !source.is_empty(), "a cause has a reason and a source");
    Cause { at: Bits::new(leaf, subleaf, register, hi, lo), kind, why, source }
}

/// A bit of a feature MSR: MSR, bit; libvirt's and QEMU's name, the manual's name (`""` where it has none); what it
/// promises.
#[track_caller]
pub(super) const fn msr_feature(
    index: u32,
    bit: u8,
    libvirt: &'static str,
    qemu: &'static str,
    label: &'static str,
    meaning: &'static str,
) -> MsrFeature {
    assert!(bit <= 63, "bit number above 63");
    assert!(!meaning.is_empty(), "a feature says what it promises");
    MsrFeature { index, bit, names: names(libvirt, qemu, ""), label: text(label), meaning }
}

/// A rule for bits of a feature MSR: MSR, highest and lowest bit, rule, severities, reason, source.
#[allow(clippy::too_many_arguments)]
#[track_caller]
pub(super) const fn msr_rule(
    index: u32,
    hi: u8,
    lo: u8,
    kind: RuleKind,
    lost: Severity,
    gained: Severity,
    reason: &'static str,
    source: &'static str,
) -> MsrRule {
    assert!(lo <= hi && hi <= 63, "bits are written high, low, up to 63");
    check_rule(lost, gained, reason, source);
    MsrRule { index, hi, lo, kind, lost, gained, reason, source }
}

#[track_caller]
const fn check_rule(lost: Severity, gained: Severity, reason: &'static str, source: &'static str) {
    assert!(!reason.is_empty() && !source.is_empty(), "a rule has a reason and a source");
    assert!(!matches!(lost, Severity::Waived) && !matches!(gained, Severity::Waived), "only a site policy waives");
}

/// Fails the build unless each slice is sorted by leaf.
macro_rules! sorted {
    ($($rows:expr),+ $(,)?) => {
        $(const _: () = {
            let rows = $rows;
            let mut i = 1;
            while i < rows.len() {
                assert!(rows[i - 1].at.leaf <= rows[i].at.leaf, "rows are sorted by leaf");
                i += 1;
            }
        };)+
    };
}
pub(super) use sorted;

/// The rows of `tables` that speak of bits of `site`.
pub(super) fn rows_of<T: Located>(tables: &'static [&'static [T]], site: Site) -> impl Iterator<Item = &'static T> {
    let family = tables.iter().find(|rows| {
        rows.first().is_some_and(|r| r.at().leaf <= site.leaf) && rows.last().is_some_and(|r| site.leaf <= r.at().leaf)
    });
    let rows = family.copied().unwrap_or_default();
    let start = rows.partition_point(|r| r.at().leaf < site.leaf);
    rows[start..]
        .iter()
        .take_while(move |r| r.at().leaf == site.leaf)
        .filter(move |r| r.at().register == site.register && r.at().subleaf.holds(site.subleaf))
}

/// The row that wins for `bit`: the narrowest; at equal width, one that names the subleaf alone.
pub(super) fn narrowest<'a, T: Located>(rows: impl IntoIterator<Item = &'a T>, bit: u8) -> Option<&'a T> {
    rows.into_iter().filter(|r| r.at().holds(bit)).min_by_key(|r| r.at().rank())
}
