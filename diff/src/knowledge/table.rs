//! How the rows are written: one [`Line`] a place, below the register that it is in ([`Group`]).
//!
//! Lines are built by `const fn`s that assert what a line must be, so a wrong one fails the build where it is written.
//! What a line does not say is unknown, never "no".

use core::fmt;

use cpuid_probe::hypervisor::Owner;
use cpuid_probe::place::BitRange;
use cpuid_probe::{Place, Register};

use super::row::{CauseKind, Element, Guard, Migratable, Offer, RuleKind, Severity, Version};
use super::unit::Unit;

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

    /// The last subleaf; `None` where there is no end.
    #[must_use]
    pub const fn last(self) -> Option<u32> {
        match self {
            Self::Any | Self::From(_) => None,
            Self::At(n) | Self::Span(_, n) => Some(n),
        }
    }

    /// Whether it covers `subleaf`.
    #[must_use]
    pub const fn holds(self, subleaf: u32) -> bool {
        match self.last() {
            Some(last) => self.first() <= subleaf && subleaf <= last,
            None => self.first() <= subleaf,
        }
    }
}

/// `*`, `0`, `1-2`, `2+`: as in the manuals' tables.
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

/// Whose name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespace {
    /// `<feature name=…>`.
    Libvirt,
    /// `-cpu …,+NAME`.
    Qemu,
    /// A flag of `/proc/cpuinfo`.
    Linux,
    /// A manual's mnemonic.
    Manual,
    /// Our name of a multi-bit field.
    Field,
}

impl Namespace {
    /// The word in listings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Libvirt => "libvirt",
            Self::Qemu => "qemu",
            Self::Linux => "linux",
            Self::Manual => "manual",
            Self::Field => "field",
        }
    }
}

/// The register or MSR that lines are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Home {
    /// A register of a leaf; in hypervisor blocks, as if the block were at 0x40000000.
    Cpuid(u32, Sub, Register),
    /// An MSR.
    Msr(u32),
}

/// What is known of one register, in one or more subleaves.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Group {
    /// Whose leaf it is. Listings name the first.
    pub owners: &'static [Owner],
    /// The register.
    pub home: Home,
    /// Its places.
    pub lines: &'static [Line],
    /// How bits are judged that no line has a rule for.
    pub rules: &'static [Rule],
    /// Why bits may differ, where no line gives a cause.
    pub causes: &'static [Cause],
    /// Bits whose flag Linux shows wherever CPUID has them.
    pub shown: &'static [u8],
    /// The same, wherever it shows this other flag.
    pub shown_with: Option<(Place, &'static [u8])>,
}

impl Group {
    const fn new(owners: &'static [Owner], home: Home, lines: &'static [Line]) -> Self {
        let (width, mut i) = (if let Home::Msr(_) = home { 64 } else { 32 }, 0);
        if let Home::Cpuid(_, Sub::Span(first, last), _) = home {
            assert!(first < last, "subleaves are written low, high");
        }
        while i < lines.len() {
            assert!(lines[i].bits.hi < width, "a bit beyond the register");
            assert!(i == 0 || lines[i - 1].bits.lo <= lines[i].bits.lo, "lines are sorted by their lowest bit");
            i += 1;
        }
        Self { owners, home, lines, rules: &[], causes: &[], shown: &[], shown_with: None }
    }

    /// A register of the CPU's own leaf.
    pub const fn cpu(leaf: u32, subleaf: Sub, register: Register, lines: &'static [Line]) -> Self {
        Self::of(&[Owner::Cpu], leaf, subleaf, register, lines)
    }

    /// A register of the leaf of these owners.
    pub const fn of(
        owners: &'static [Owner],
        leaf: u32,
        subleaf: Sub,
        register: Register,
        lines: &'static [Line],
    ) -> Self {
        assert!(!owners.is_empty(), "a leaf has an owner");
        Self::new(owners, Home::Cpuid(leaf, subleaf, register), lines)
    }

    /// An MSR. Bits are the MSR's own.
    pub const fn msr(index: u32, lines: &'static [Line]) -> Self {
        Self::new(&[Owner::Cpu], Home::Msr(index), lines)
    }

    /// Rules over several lines, or over bits that have none. Where rules overlap, the narrowest judges; at equal width,
    /// that of a single subleaf.
    pub const fn rules(self, rules: &'static [Rule]) -> Self {
        Self { rules, ..self }
    }

    /// Bits whose flag Linux never hides, folds into another or clears: where `/proc/cpuinfo` has no such flag, the CPU
    /// has no such bit.
    pub const fn shown(self, bits: &'static [u8]) -> Self {
        Self { shown: bits, ..self }
    }

    /// Bits of which that holds wherever Linux shows the flag of `other`.
    pub const fn shown_with(self, other: Place, bits: &'static [u8]) -> Self {
        Self { shown_with: Some((other, bits)), ..self }
    }

    /// Causes over several lines, or over bits that have none.
    pub const fn causes(self, causes: &'static [Cause]) -> Self {
        Self { causes, ..self }
    }

    /// The subleaves; those of an MSR are all.
    pub(super) const fn subleaf(&self) -> Sub {
        if let Home::Cpuid(_, subleaf, _) = self.home { subleaf } else { Sub::Any }
    }
}

/// How a range of bits is judged.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Rule {
    pub(super) bits: BitRange,
    pub(super) kind: RuleKind,
    pub(super) lost: Severity,
    pub(super) gained: Severity,
    pub(super) reason: &'static str,
    pub(super) source: &'static str,
}

/// Why a range of bits may differ between two dumps. It explains; it never judges.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Cause {
    pub(super) bits: BitRange,
    pub(super) kind: CauseKind,
    pub(super) why: &'static str,
    pub(super) source: &'static str,
}

/// A rule over several lines: highest and lowest bit, rule, severity if lost and if gained or changed, reason, source.
pub const fn rule(
    hi: u8,
    lo: u8,
    kind: RuleKind,
    lost: Severity,
    gained: Severity,
    reason: &'static str,
    source: &'static str,
) -> Rule {
    assert!(!reason.is_empty() && !source.is_empty(), "a rule has a reason and a source");
    assert!(!matches!(lost, Severity::Waived) && !matches!(gained, Severity::Waived), "only a site policy waives");
    Rule { bits: BitRange::new(hi, lo), kind, lost, gained, reason, source }
}

/// A cause over several lines: highest and lowest bit, kind, reason, source.
pub const fn cause(hi: u8, lo: u8, kind: CauseKind, why: &'static str, source: &'static str) -> Cause {
    assert!(!why.is_empty() && !source.is_empty(), "a cause has a reason and a source");
    Cause { bits: BitRange::new(hi, lo), kind, why, source }
}

/// Whether a program has a name for a place, or emulates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Has {
    /// Nothing is said.
    Unknown,
    /// No known version has it.
    No,
    /// This version has it and the one before does not, of the versions that were read.
    Since(Version),
}

impl Has {
    pub(super) const fn since(self) -> Option<Version> {
        if let Self::Since(version) = self { Some(version) } else { None }
    }

    pub(super) const fn is_no(self) -> bool {
        matches!(self, Self::No)
    }
}

/// One place: what it is called, what it means, how it is judged.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Line {
    pub(super) bits: BitRange,
    /// A multi-bit number, not a feature.
    pub(super) field: bool,
    /// The own name.
    pub(super) name: Option<&'static str>,
    pub(super) meaning: &'static str,
    pub(super) libvirt: Has,
    pub(super) qemu: Has,
    /// QEMU's property where it is not the own name.
    pub(super) qemu_name: Option<&'static str>,
    pub(super) linux: Option<&'static str>,
    /// QEMU or libvirt accept Linux's name as well.
    pub(super) linux_is_alias: bool,
    pub(super) manual: Option<&'static str>,
    pub(super) also: [Option<(Namespace, &'static [&'static str])>; 2],
    /// Flags that Linux derives from the bit; others may set them too.
    pub(super) linux_sets: &'static [&'static str],
    pub(super) migratable: Option<Migratable>,
    pub(super) kvm: Offer,
    pub(super) tcg: Has,
    pub(super) needs: &'static [&'static str],
    pub(super) element: Option<Element>,
    pub(super) guard: Option<Guard>,
    /// It is part of the instruction set.
    pub(super) isa: bool,
    pub(super) listed: bool,
    pub(super) judged: bool,
    pub(super) blocks_migration: bool,
    pub(super) unit: Unit,
    pub(super) zero_means: Option<BitRange>,
    pub(super) zero_is_silent: bool,
    pub(super) rule: Option<Rule>,
    pub(super) cause: Option<Cause>,
    pub(super) source: Option<&'static str>,
}

const fn line(bits: BitRange, field: bool, name: Option<&'static str>, meaning: &'static str) -> Line {
    assert!(!meaning.is_empty(), "a row says what its place means");
    if let Some(name) = name {
        assert!(!name.is_empty(), "a name");
    }
    Line {
        bits,
        field,
        name,
        meaning,
        libvirt: Has::Unknown,
        qemu: Has::Unknown,
        qemu_name: None,
        linux: None,
        linux_is_alias: false,
        manual: None,
        also: [None; 2],
        linux_sets: &[],
        migratable: None,
        kvm: Offer::Unknown,
        tcg: Has::Unknown,
        needs: &[],
        element: None,
        guard: None,
        isa: false,
        listed: true,
        judged: true,
        blocks_migration: false,
        unit: Unit::Plain,
        zero_means: None,
        zero_is_silent: false,
        rule: None,
        cause: None,
        source: None,
    }
}

/// A feature: its bit, its own name, what it promises. The own name is libvirt's, else QEMU's, Linux's or the manuals'.
pub const fn bit(bit: u8, name: &'static str, meaning: &'static str) -> Line {
    line(BitRange::one(bit), false, Some(name), meaning)
}

/// A feature that nobody has a name for.
pub const fn nameless(bit: u8, meaning: &'static str) -> Line {
    line(BitRange::one(bit), false, None, meaning)
}

/// A number: highest and lowest bit, our name, what it says.
pub const fn field(hi: u8, lo: u8, name: &'static str, meaning: &'static str) -> Line {
    line(BitRange::new(hi, lo), true, Some(name), meaning)
}

impl Line {
    const fn own_name(&self) -> &'static str {
        assert!(!self.field, "the name of a field is ours alone");
        self.name.expect("a feature with a name")
    }

    /// libvirt has the own name, since this version.
    pub const fn libvirt(self, since: Version) -> Self {
        self.own_name();
        Self { libvirt: Has::Since(since), ..self }
    }

    /// libvirt has no name for it.
    pub const fn not_in_libvirt(self) -> Self {
        assert!(matches!(self.libvirt, Has::Unknown), "libvirt has a name for it or it does not");
        Self { libvirt: Has::No, ..self }
    }

    /// QEMU has a property of the own name, since this version.
    pub const fn qemu(self, since: Version) -> Self {
        self.qemu_as(self.own_name(), since)
    }

    /// QEMU calls it something else.
    pub const fn qemu_as(self, property: &'static str, since: Version) -> Self {
        Self { qemu: Has::Since(since), qemu_name: Some(property), ..self }
    }

    /// QEMU has no property for it.
    pub const fn not_in_qemu(self) -> Self {
        assert!(matches!(self.qemu, Has::Unknown), "QEMU has a property for it or it does not");
        Self { qemu: Has::No, ..self }
    }

    /// Neither libvirt nor QEMU has a name for it, so no definition can ask for it.
    pub const fn unsettable(self) -> Self {
        self.not_in_libvirt().not_in_qemu()
    }

    /// Linux's flag has the own name.
    pub const fn linux(self) -> Self {
        self.linux_as(self.own_name())
    }

    /// Linux calls it something else.
    pub const fn linux_as(self, flag: &'static str) -> Self {
        Self { linux: Some(flag), ..self }
    }

    /// Linux calls it what QEMU does.
    pub const fn linux_as_qemu(self) -> Self {
        self.linux_as(self.qemu_name.expect("QEMU's property comes first"))
    }

    /// QEMU or libvirt accept Linux's name too.
    pub const fn linux_is_alias(self) -> Self {
        assert!(self.linux.is_some(), "Linux's name comes first");
        Self { linux_is_alias: true, ..self }
    }

    /// The own name is the manuals' mnemonic.
    pub const fn manual(self) -> Self {
        Self { manual: Some(self.own_name()), ..self }
    }

    /// Other and older spellings of one world.
    pub const fn also(self, namespace: Namespace, names: &'static [&'static str]) -> Self {
        let also = match self.also {
            [None, _] => [Some((namespace, names)), None],
            [first, None] => [first, Some((namespace, names))],
            _ => panic!("other spellings of at most two worlds"),
        };
        Self { also, ..self }
    }

    /// Flags that Linux derives from the bit, by names of rows.
    pub const fn linux_sets(self, linux_sets: &'static [&'static str]) -> Self {
        Self { linux_sets, ..self }
    }

    /// Whether it migrates, where that does not follow from QEMU having a name for it.
    pub const fn migratable(self, migratable: Migratable) -> Self {
        Self { migratable: Some(migratable), ..self }
    }

    /// What KVM does about it.
    pub const fn kvm(self, kvm: Offer) -> Self {
        Self { kvm, ..self }
    }

    /// QEMU's TCG emulates it, since this version.
    pub const fn tcg(self, since: Version) -> Self {
        Self { tcg: Has::Since(since), ..self }
    }

    /// QEMU's TCG does not emulate it.
    pub const fn not_in_tcg(self) -> Self {
        Self { tcg: Has::No, ..self }
    }

    /// The rows, by name, without which QEMU clears it.
    pub const fn needs(self, needs: &'static [&'static str]) -> Self {
        Self { needs, ..self }
    }

    /// libvirt sets the property through an element: where it goes, to switch it off, to switch it on (empty: it cannot).
    pub const fn element(self, within: &'static str, off: &'static str, on: &'static str) -> Self {
        Self { element: Some(Element { within, off, on }), ..self }
    }

    /// An immunity, or a defence against an attack.
    pub const fn protection(self) -> Self {
        assert!(self.guard.is_none(), "a protection or a hazard");
        Self { guard: Some(Guard::Protection), ..self }
    }

    /// A CPU that has it is open to an attack.
    pub const fn hazard(self) -> Self {
        assert!(self.guard.is_none(), "a protection or a hazard");
        Self { guard: Some(Guard::Hazard), ..self }
    }

    /// Instructions that programs use.
    pub const fn isa(self) -> Self {
        Self { isa: true, ..self }
    }

    /// No definition may list it.
    pub const fn not_listed(self) -> Self {
        Self { listed: false, ..self }
    }

    /// `check` holds no definition to it: it is never missing and never extra.
    pub const fn not_judged(self) -> Self {
        Self { judged: false, ..self }
    }

    /// A guest that has it cannot be live-migrated.
    pub const fn blocks_migration(self) -> Self {
        Self { blocks_migration: true, ..self }
    }

    /// A zero says nothing: appearing, the number is information; vanishing, a person must look.
    pub const fn zero_is_silent(self) -> Self {
        assert!(self.field, "a bit's zero is its own");
        Self { zero_is_silent: true, ..self }
    }

    /// A zero stands for the value of other bits of the register.
    pub const fn zero_means(self, hi: u8, lo: u8) -> Self {
        assert!(self.field, "a bit's zero is its own");
        Self { zero_means: Some(BitRange::new(hi, lo)), ..self }
    }

    /// How the number is read.
    pub const fn unit(self, unit: Unit) -> Self {
        assert!(self.field, "a bit has no unit");
        Self { unit, ..self }
    }

    /// How it is judged: rule, severity if lost and if gained or changed, reason, source. Without a rule, a feature is
    /// `subset` (lost: unsafe, gained: warning), anything else `equal` (unsafe).
    pub const fn rule(
        self,
        kind: RuleKind,
        lost: Severity,
        gained: Severity,
        reason: &'static str,
        source: &'static str,
    ) -> Self {
        Self { rule: Some(rule(self.bits.hi, self.bits.lo, kind, lost, gained, reason, source)), ..self }
    }

    /// Why it may differ: kind, reason, source.
    pub const fn cause(self, kind: CauseKind, why: &'static str, source: &'static str) -> Self {
        Self { cause: Some(cause(self.bits.hi, self.bits.lo, kind, why, source)), ..self }
    }

    /// Where it is described, if not where its leaf is.
    pub const fn source(self, source: &'static str) -> Self {
        Self { source: Some(source), ..self }
    }
}
