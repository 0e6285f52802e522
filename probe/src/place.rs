//! A place: bits that CPUID or a feature MSR reports, or a number that stands in no register.
//!
//! One value for all that a dump, a definition, a row of knowledge and a finding can speak of, with one order, one form
//! for tables (`Display`), one for prose ([`Place::prose`]), one for finding ids ([`Place::id`]), and one reader of every
//! notation ([`Query`]).

use core::fmt;

use crate::hypervisor::Owner;
use crate::leaf::LeafId;
use crate::register::Register;
use crate::vendor::Signature;

/// Bits `hi` down to `lo` of a register (0 to 31) or an MSR (0 to 63).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BitRange {
    /// The highest bit.
    pub hi: u8,
    /// The lowest bit; at most `hi`.
    pub lo: u8,
}

impl BitRange {
    /// All bits of a register.
    pub const REGISTER: Self = Self::new(31, 0);
    /// All bits of an MSR.
    pub const MSR: Self = Self::new(63, 0);

    /// Bits `hi` down to `lo`.
    ///
    /// # Panics
    /// `hi` is above 63 or below `lo`: a mistake in a table, at compile time.
    #[must_use]
    #[track_caller]
    pub const fn new(hi: u8, lo: u8) -> Self {
        assert!(lo <= hi && hi < 64, "bits are written high, low, up to 63");
        Self { hi, lo }
    }

    /// One bit.
    #[must_use]
    #[track_caller]
    pub const fn one(bit: u8) -> Self {
        Self::new(bit, bit)
    }

    /// Whether it is one bit.
    #[must_use]
    pub const fn is_one(self) -> bool {
        self.hi == self.lo
    }

    /// Whether all of `other` lies in it.
    #[must_use]
    pub const fn holds(self, other: Self) -> bool {
        self.lo <= other.lo && other.hi <= self.hi
    }

    /// Its bits, set.
    #[must_use]
    pub const fn mask(self) -> u64 {
        (u64::MAX >> (63 - self.hi)) & (u64::MAX << self.lo)
    }

    /// Its bits of `value`, shifted down.
    #[must_use]
    pub const fn of(self, value: u64) -> u64 {
        (value & self.mask()) >> self.lo
    }
}

/// Lowest bit first, then the narrower.
impl Ord for BitRange {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.lo, self.hi).cmp(&(other.lo, other.hi))
    }
}

impl PartialOrd for BitRange {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// `21` or `31:24`.
impl fmt::Display for BitRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_one() { write!(f, "{}", self.lo) } else { write!(f, "{}:{}", self.hi, self.lo) }
    }
}

/// The hypervisor block that a leaf lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Within {
    /// Whose leaves they are.
    pub owner: Owner,
    /// The block's signature; `None` where the dump does not hold its first leaf.
    pub signature: Option<Signature>,
}

/// A number or a fact about a guest that stands in no register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Number {
    /// QEMU's machine type.
    Machine,
    /// The rate of the time stamp counter, in kHz.
    TscFrequency,
    /// How many vCPUs the guest has.
    VcpuCount,
    /// The CPU's vendor, as a definition names it.
    Vendor,
}

impl Number {
    /// The name in finding ids and policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::TscFrequency => "tsc-frequency",
            Self::VcpuCount => "vcpu-count",
            Self::Vendor => "vendor",
        }
    }
}

/// A place. The order is the order of every report: leaf, subleaf, register, lowest bit; then MSRs; then what has no
/// register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Bits of a register of a leaf.
    Cpuid {
        /// The hypervisor block, for a leaf from 0x40000000 on.
        block: Option<Within>,
        /// The leaf and subleaf, as the guest reads them.
        id: LeafId,
        /// The register.
        register: Register,
        /// Its bits, up to 31.
        bits: BitRange,
    },
    /// A register set as a whole.
    Leaf {
        /// The hypervisor block, for a leaf from 0x40000000 on.
        block: Option<Within>,
        /// The leaf and subleaf.
        id: LeafId,
    },
    /// Bits of a model-specific register.
    Msr {
        /// The MSR's index.
        index: u32,
        /// Its bits: those of the MSR itself.
        bits: BitRange,
    },
    /// A hypervisor's block of leaves as a whole.
    Block(Signature),
    /// A number without a register.
    Number(Number),
}

impl Place {
    /// Bits `hi` down to `lo` of a register of a CPU's own leaf; `subleaf` is 0 where the leaf has none.
    ///
    /// # Panics
    /// `hi` is above 31 or below `lo`: a mistake in a table, at compile time.
    #[must_use]
    #[track_caller]
    pub const fn cpuid(leaf: u32, subleaf: u32, register: Register, hi: u8, lo: u8) -> Self {
        assert!(hi <= 31, "bit number above 31");
        Self::Cpuid { block: None, id: LeafId::new(leaf, subleaf), register, bits: BitRange::new(hi, lo) }
    }

    /// One bit of a register of a CPU's own leaf.
    #[must_use]
    #[track_caller]
    pub const fn bit(leaf: u32, subleaf: u32, register: Register, bit: u8) -> Self {
        Self::cpuid(leaf, subleaf, register, bit, bit)
    }

    /// One bit of an MSR.
    #[must_use]
    #[track_caller]
    pub const fn msr(index: u32, bit: u8) -> Self {
        Self::Msr { index, bits: BitRange::one(bit) }
    }

    /// Other bits of the same register or MSR; any other place is returned unchanged.
    #[must_use]
    pub const fn with_bits(self, bits: BitRange) -> Self {
        match self {
            Self::Cpuid { block, id, register, .. } => Self::Cpuid { block, id, register, bits },
            Self::Msr { index, .. } => Self::Msr { index, bits },
            other => other,
        }
    }

    /// The leaf and subleaf.
    #[must_use]
    pub const fn leaf(self) -> Option<LeafId> {
        match self {
            Self::Cpuid { id, .. } | Self::Leaf { id, .. } => Some(id),
            _ => None,
        }
    }

    /// The register.
    #[must_use]
    pub const fn register(self) -> Option<Register> {
        match self {
            Self::Cpuid { register, .. } => Some(register),
            _ => None,
        }
    }

    /// The MSR's index.
    #[must_use]
    pub const fn msr_index(self) -> Option<u32> {
        match self {
            Self::Msr { index, .. } => Some(index),
            _ => None,
        }
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> Option<BitRange> {
        match self {
            Self::Cpuid { bits, .. } | Self::Msr { bits, .. } => Some(bits),
            _ => None,
        }
    }

    /// Whose leaf it is; the CPU's for every place outside hypervisor blocks.
    #[must_use]
    pub const fn owner(self) -> Owner {
        match self {
            Self::Cpuid { block: Some(block), .. } | Self::Leaf { block: Some(block), .. } => block.owner,
            Self::Block(signature) => Owner::of_signature(&signature.0),
            _ => Owner::Cpu,
        }
    }

    /// The signature of the hypervisor block it lies in, or is.
    #[must_use]
    pub const fn signature(self) -> Option<Signature> {
        match self {
            Self::Cpuid { block: Some(block), .. } | Self::Leaf { block: Some(block), .. } => block.signature,
            Self::Block(signature) => Some(signature),
            _ => None,
        }
    }

    /// Whether it is in a register or an MSR, or is a register set.
    #[must_use]
    pub const fn is_read(self) -> bool {
        matches!(self, Self::Cpuid { .. } | Self::Leaf { .. } | Self::Msr { .. })
    }

    /// The form of prose: `CPUID.01H:EDX[21]`, `CPUID.(EAX=07H,ECX=0):EBX[5]`, `MSR 10AH[0]`.
    #[must_use]
    pub const fn prose(self) -> Prose {
        Prose(self)
    }

    /// The form of finding ids: `0x00000001:edx:21`, `0x00000007.0x00000000:ebx:5`, `msr:0x0000010a:0`, `vcpu-count`.
    #[must_use]
    pub const fn id(self) -> Id {
        Id(self)
    }

    fn key(&self) -> impl Ord + '_ {
        let class = match self {
            Self::Cpuid { .. } | Self::Leaf { .. } => 0,
            Self::Msr { .. } => 1,
            Self::Block(_) => 2,
            Self::Number(_) => 3,
        };
        let block = match self {
            Self::Cpuid { block, .. } | Self::Leaf { block, .. } => *block,
            _ => None,
        };
        let number = if let Self::Number(n) = self { Some(*n) } else { None };
        let name = (self.signature(), number);
        (class, self.leaf(), self.msr_index(), self.register(), self.bits(), block, name)
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// The form of tables: `0x00000001 EDX[21]`, `0x00000007.0 EBX[5]`, `msr 0x0000010a[0]`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpuid { id, register, bits, .. } => write!(f, "{id} {register}[{bits}]"),
            Self::Leaf { id, .. } => write!(f, "{id}"),
            Self::Msr { index, bits: BitRange::MSR } => write!(f, "msr {index:#010x}"),
            Self::Msr { index, bits } => write!(f, "msr {index:#010x}[{bits}]"),
            Self::Block(_) | Self::Number(_) => self.id().fmt(f),
        }
    }
}

/// See [`Place::prose`].
#[derive(Clone, Copy, Debug)]
pub struct Prose(Place);

impl fmt::Display for Prose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leaf = |f: &mut fmt::Formatter<'_>, id: LeafId| match id.subleaf {
            None => write!(f, "CPUID.{:02X}H", id.leaf),
            Some(n) => write!(f, "CPUID.(EAX={:02X}H,ECX={n})", id.leaf),
        };
        match self.0 {
            Place::Cpuid { id, register, bits, .. } => {
                leaf(f, id)?;
                write!(f, ":{register}[{bits}]")
            }
            Place::Leaf { id, .. } => leaf(f, id),
            Place::Msr { index, bits } => write!(f, "MSR {index:X}H[{bits}]"),
            other => other.fmt(f),
        }
    }
}

/// See [`Place::id`].
#[derive(Clone, Copy, Debug)]
pub struct Id(Place);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leaf = |f: &mut fmt::Formatter<'_>, id: LeafId| match id.subleaf {
            None => write!(f, "{:#010x}", id.leaf),
            Some(n) => write!(f, "{:#010x}.{n:#010x}", id.leaf),
        };
        match self.0 {
            Place::Cpuid { id, register, bits, .. } => {
                leaf(f, id)?;
                write!(f, ":{}:{bits}", register.name())
            }
            Place::Leaf { id, .. } => leaf(f, id),
            Place::Msr { index, bits } => write!(f, "msr:{index:#010x}:{bits}"),
            Place::Block(signature) => write!(f, "block:{signature}"),
            Place::Number(number) => f.write_str(number.name()),
        }
    }
}

/// A place as a person or a log writes it: a leaf or an MSR, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// A leaf, or a part of one.
    Cpuid {
        /// The leaf, as written.
        leaf: u32,
        /// The subleaf, if one was named.
        subleaf: Option<u32>,
        /// The register, if one was named.
        register: Option<Register>,
        /// The bits, if any were named.
        bits: Option<BitRange>,
    },
    /// A feature MSR, or bits of one.
    Msr {
        /// The MSR.
        index: u32,
        /// The bits, if any were named.
        bits: Option<BitRange>,
    },
}

impl Query {
    /// Whether `place` lies in what was asked for. Without a subleaf, any.
    #[must_use]
    pub fn holds(self, place: Place) -> bool {
        let in_bits = |asked: Option<BitRange>, bits: Option<BitRange>| match (asked, bits) {
            (None, _) => true,
            (Some(asked), Some(bits)) => asked.holds(bits),
            (Some(_), None) => false,
        };
        match (self, place) {
            (Self::Cpuid { leaf, subleaf, register, bits }, Place::Cpuid { .. } | Place::Leaf { .. }) => {
                place.leaf().is_some_and(|id| id.leaf == leaf && subleaf.is_none_or(|s| id.ecx() == s))
                    && register.is_none_or(|r| place.register() == Some(r))
                    && in_bits(bits, place.bits())
            }
            (Self::Msr { index, bits }, Place::Msr { .. }) => {
                place.msr_index() == Some(index) && in_bits(bits, place.bits())
            }
            _ => false,
        }
    }
}

#[cfg(feature = "alloc")]
pub use read::NoPlace;

#[cfg(feature = "alloc")]
mod read {
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;
    use core::fmt;
    use core::str::FromStr;

    use super::{BitRange, Query};
    use crate::msr::FEATURE_MSRS;
    use crate::register::Register;

    /// A text that names no place.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct NoPlace;

    impl fmt::Display for NoPlace {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("not a place; expected one like 1.edx.21, CPUID.(EAX=07H,ECX=0):EBX[5] or msr 10a[0]")
        }
    }

    impl core::error::Error for NoPlace {}

    /// Reads every notation in use: `1.edx.21`, `7.0.ebx`, `0x40000010`, finding ids (`0x00000007.0x00000000:ebx:5`,
    /// `msr:0x0000010a:0`), tables (`0x00000001 EDX[21]`), the manuals' (`CPUID.07H:EBX[5]`,
    /// `CPUID.(EAX=07H,ECX=0):EBX[5]`, AMD's `CPUID Fn8000_0008_EBX[29]` and `CPUID_Fn00000007_EBX_x01[4]`,
    /// `IA32_ARCH_CAPABILITIES[8]`), QEMU's (`CPUID[eax=07h,ecx=00h].EBX`, `CPUID.01H:EDX [bit 21]`, `MSR(10AH)`), and
    /// words (`leaf 7 subleaf 1 eax bit 4`).
    /// Leaves and MSRs are hexadecimal with or without `0x`; subleaves and bits are decimal unless they say `0x` or `H`.
    impl FromStr for Query {
        type Err = NoPlace;

        fn from_str(text: &str) -> Result<Self, NoPlace> {
            place(text.trim()).ok_or(NoPlace)
        }
    }

    impl FromStr for BitRange {
        type Err = NoPlace;

        /// `21` or `31:24`, up to 63.
        fn from_str(text: &str) -> Result<Self, NoPlace> {
            let (hi, lo) = text.split_once(':').unwrap_or((text, text));
            bits(&[hi.trim(), lo.trim()], 63).flatten().ok_or(NoPlace)
        }
    }

    fn place(text: &str) -> Option<Query> {
        let lower: String = text.to_ascii_lowercase();
        if let Some(amds) = of_amd(&lower) {
            return place(&amds);
        }
        let rest = lower.strip_prefix("cpuid").filter(|rest| rest.starts_with(['.', '[']));
        let is_manual = rest.is_some();
        let rest = without_labels(rest.unwrap_or(&lower));
        let parts: Vec<&str> = rest
            .split(['.', ':', '[', ']', ' ', '(', ')', ',', '='])
            .filter(|p| !p.is_empty() && !["bit", "bits", "leaf", "subleaf"].contains(p))
            .collect();
        let (first, rest) = parts.split_first()?;
        if let Some(index) = msr_named(first) {
            return Some(Query::Msr { index, bits: bits(rest, 63)? });
        }
        if *first == "msr" {
            let (index, rest) = rest.split_first()?;
            return Some(Query::Msr { index: hexadecimal(index)?, bits: bits(rest, 63)? });
        }
        let leaf = hexadecimal(first)?;
        let (subleaf, rest) = match rest.split_first() {
            Some((part, rest)) if Register::from_name(part).is_none() => (Some(number(part)?), rest),
            _ => (None, rest),
        };
        let (register, bits) = match rest.split_first() {
            None => (None, None),
            Some((part, rest)) => (Some(Register::from_name(part)?), bits(rest, 31)?),
        };
        // `de` and `ace` are names of features: a bare number starts with a digit, or says what it is.
        let alone = rest.is_empty() && subleaf.is_none() && !is_manual;
        let is_number = !alone || first.starts_with(|c: char| c.is_ascii_digit());
        is_number.then_some(Query::Cpuid { leaf, subleaf, register, bits })
    }

    /// `CPUID Fn8000_0008_EBX[29]` or `CPUID_Fn00000007_EBX_x01[4]` in lower case, as `LEAF.SUBLEAF.REGISTER[BITS]`.
    fn of_amd(lower: &str) -> Option<String> {
        let rest = lower.strip_prefix("cpuid").map_or(lower, |rest| rest.trim_start_matches([' ', '_']));
        let (name, bits) = match rest.strip_prefix("fn")?.split_once('[') {
            Some((name, bits)) => (name, format!("[{bits}")),
            None => (rest.strip_prefix("fn")?, String::new()),
        };
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
        let (leaf, mut rest) = match name.split_at_checked(9) {
            Some((leaf, rest)) if leaf.as_bytes()[4] == b'_' && digits(&leaf[..4]) => {
                ([&leaf[..4], &leaf[5..]].concat(), rest)
            }
            _ => name.split_at_checked(8).map(|(leaf, rest)| (leaf.into(), rest))?,
        };
        let mut subleaf = "";
        let mut register = "";
        while let Some(part) = rest.strip_prefix('_') {
            let end = part.find('_').unwrap_or(part.len());
            match part[..end].strip_prefix('x') {
                Some(number) => subleaf = number,
                None => register = &part[..end],
            }
            rest = &part[end..];
        }
        let is_whole = digits(&leaf) && digits(subleaf) && rest.trim().is_empty();
        let subleaf = if subleaf.is_empty() { String::new() } else { format!(".0x{subleaf}") };
        is_whole.then(|| format!("0x{leaf}{subleaf} {register}{bits}"))
    }

    /// The feature MSR of a name in the manuals' spelling or Linux's, in lower case.
    fn msr_named(name: &str) -> Option<u32> {
        let name = name.strip_prefix("msr_").unwrap_or(name);
        let found = FEATURE_MSRS.iter().find(|msr| name.starts_with("ia32_") && msr.name.eq_ignore_ascii_case(name));
        found.map(|msr| msr.index)
    }

    /// `(EAX=07H,ECX=0)` without its labels. In `[eax=01h].ECX [bit 19]` the second ECX is the register.
    fn without_labels(text: &str) -> String {
        let text = text.replace(" = ", "=").replace(", ", ",").replace(",ecx=", ",");
        match text.split_once("eax=") {
            Some((before, after)) if !before.contains(|c: char| c.is_alphanumeric()) => [before, after].concat(),
            _ => text,
        }
    }

    /// `0x7`, `7`, `07h`, `80000008`: always hexadecimal.
    fn hexadecimal(text: &str) -> Option<u32> {
        let digits = text.strip_prefix("0x").unwrap_or_else(|| text.strip_suffix('h').unwrap_or(text));
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(digits, 16).ok()
    }

    /// Decimal, or `0x` and hexadecimal.
    fn number(text: &str) -> Option<u32> {
        if text.starts_with("0x") || text.ends_with('h') { hexadecimal(text) } else { text.parse().ok() }
    }

    /// No bits, one bit, or the highest and the lowest; `None` for text that is not bits.
    #[allow(clippy::option_option)] // "no bits named" and "not understood" differ
    fn bits(parts: &[&str], max: u8) -> Option<Option<BitRange>> {
        let bit = |text: &str| text.parse().ok().filter(|b| *b <= max);
        match parts {
            [] => Some(None),
            [one] => Some(Some(BitRange::one(bit(one)?))),
            [hi, lo] => {
                let (hi, lo) = (bit(hi)?, bit(lo)?);
                (hi >= lo).then(|| Some(BitRange::new(hi, lo)))
            }
            _ => None,
        }
    }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::*;
    use crate::register::Register::{Eax, Ebx, Ecx, Edx};

    fn query(leaf: u32, subleaf: Option<u32>, register: Option<Register>, bits: Option<BitRange>) -> Query {
        Query::Cpuid { leaf, subleaf, register, bits }
    }

    #[test]
    fn one_form_for_each_use() {
        let avx2 = Place::bit(7, 0, Ebx, 5);
        assert_eq!(avx2.to_string(), "0x00000007.0 EBX[5]");
        assert_eq!(avx2.prose().to_string(), "CPUID.(EAX=07H,ECX=0):EBX[5]");
        assert_eq!(avx2.id().to_string(), "0x00000007.0x00000000:ebx:5");
        let family = Place::cpuid(1, 0, Eax, 11, 8);
        assert_eq!(family.prose().to_string(), "CPUID.01H:EAX[11:8]");
        assert_eq!(Place::msr(0x10a, 0).id().to_string(), "msr:0x0000010a:0");
        assert_eq!(Place::Number(Number::VcpuCount).to_string(), "vcpu-count");
    }

    #[test]
    fn every_form_is_read_back() {
        let places = [Place::bit(7, 0, Ebx, 5), Place::cpuid(1, 0, Eax, 31, 24), Place::msr(0x48b, 37)];
        for place in places {
            for text in [place.to_string(), place.prose().to_string(), place.id().to_string()] {
                let read: Query = text.parse().expect(&text);
                assert!(read.holds(place), "{text}: {read:?}");
                let bits = match read {
                    Query::Cpuid { bits, .. } | Query::Msr { bits, .. } => bits,
                };
                assert_eq!(bits, place.bits(), "{text}");
            }
        }
    }

    #[test]
    fn places_in_every_notation() {
        let one = |bit| Some(BitRange::one(bit));
        let ds = query(1, None, Some(Edx), one(21));
        for text in [
            "1.edx.21",
            "0x00000001 EDX[21]",
            "0x00000001:edx:21",
            "CPUID.01H:EDX[21]",
            "CPUID.(EAX=01H):EDX[21]",
            "CPUID.01H:EDX [bit 21]",
            "CPUID[eax=01h].EDX [bit 21]",
        ] {
            assert_eq!(text.parse(), Ok(ds), "{text}");
        }
        let avx2 = query(7, Some(0), Some(Ebx), one(5));
        for text in [
            "7.0.ebx.5",
            "0x00000007.0 EBX[5]",
            "0x00000007.0x00000000:ebx:5",
            "CPUID.(EAX=07H,ECX=0):EBX[5]",
            "CPUID.(EAX=07H,ECX=0H):EBX[5]",
            "CPUID[eax=07h,ecx=00h].EBX [bit 5]",
            "CPUID Fn0000_0007_EBX_x0[5]",
            "CPUID_Fn00000007_EBX_x00[5]",
            "Fn0000_0007_x0_EBX[5]",
            "leaf 7 subleaf 0 ebx bit 5",
        ] {
            assert_eq!(text.parse(), Ok(avx2), "{text}");
        }
        for text in ["CPUID[eax=01h].ECX [bit 19]", "CPUID.(EAX = 01H):ECX[19]", "CPUID.01H:ECX[bit 19]", "1.ecx.19"] {
            assert_eq!(text.parse(), Ok(query(1, None, Some(Ecx), one(19))), "{text}");
        }
        assert_eq!("CPUID Fn8000_0008_EBX[29]".parse(), Ok(query(0x8000_0008, None, Some(Ebx), one(29))));
        let sizes = query(0x8000_001e, None, Some(Ebx), Some(BitRange::new(15, 8)));
        assert_eq!("CPUID Fn8000_001E_EBX[15:8]".parse(), Ok(sizes));
        assert_eq!("Fn8000_001D".parse(), Ok(query(0x8000_001d, None, None, None)));
        assert_eq!("IA32_ARCH_CAPABILITIES[8]".parse(), Ok(Query::Msr { index: 0x10a, bits: one(8) }));
        assert_eq!("MSR_IA32_ARCH_CAPABILITIES bit 4".parse(), Ok(Query::Msr { index: 0x10a, bits: one(4) }));
        assert_eq!("CPUID.07H:EBX[5]".parse(), Ok(query(7, None, Some(Ebx), one(5))));
        assert_eq!("1.ebx.31:24".parse(), Ok(query(1, None, Some(Ebx), Some(BitRange::new(31, 24)))));
        assert_eq!("0x40000010".parse(), Ok(query(0x4000_0010, None, None, None)));
        assert_eq!("80000008".parse(), Ok(query(0x8000_0008, None, None, None)));
        assert_eq!("d.0".parse(), Ok(query(0xd, Some(0), None, None)));
        assert_eq!("7.0.ebx".parse(), Ok(query(7, Some(0), Some(Ebx), None)));
        assert_eq!("msr:0x10a:0".parse(), Ok(Query::Msr { index: 0x10a, bits: one(0) }));
        assert_eq!("msr 0x0000010a[63]".parse(), Ok(Query::Msr { index: 0x10a, bits: one(63) }));
        assert_eq!("MSR(10AH) [bit 0]".parse(), Ok(Query::Msr { index: 0x10a, bits: one(0) }));
        assert_eq!("MSR 48b".parse(), Ok(Query::Msr { index: 0x48b, bits: None }));
    }

    #[test]
    fn whatever_is_no_place_is_none() {
        for text in [
            "ds",
            "de",
            "ace",
            "ace2",
            "3dnow",
            "sse4.1",
            "avx512-vpopcntdq",
            "kvm_pv_eoi",
            "fnord",
            "Fn8000_000_EBX[1]",
            "Fn8000_0008_EBX_[1]x",
            "1.edx.32",
            "1.edx.x",
            "0x",
            "",
        ] {
            assert_eq!(text.parse::<Query>(), Err(NoPlace), "{text}");
        }
    }

    #[test]
    fn the_order_is_that_of_reports() {
        let block = Within { owner: Owner::Kvm, signature: None };
        let kvm =
            Place::Cpuid { block: Some(block), id: LeafId::new(0x4000_0001, 0), register: Eax, bits: BitRange::one(0) };
        let sorted = [
            Place::bit(1, 0, Eax, 30),
            Place::Leaf { block: None, id: LeafId::new(7, 0) },
            Place::bit(7, 0, Eax, 0),
            Place::bit(7, 0, Ebx, 3),
            Place::bit(7, 0, Ebx, 5),
            Place::bit(7, 1, Eax, 0),
            kvm,
            Place::bit(0x8000_0001, 0, Edx, 0),
            Place::msr(0x10a, 0),
            Place::Number(Number::Machine),
        ];
        let mut shuffled: Vec<Place> = sorted.iter().rev().copied().collect();
        shuffled.sort_unstable();
        assert_eq!(shuffled, sorted);
    }

    #[test]
    fn a_mask_reaches_both_ends() {
        assert_eq!(BitRange::new(63, 0).mask(), u64::MAX);
        assert_eq!(BitRange::REGISTER.mask(), u64::from(u32::MAX));
        assert_eq!(BitRange::new(31, 24).of(0x0f00_0800), 0x0f);
        assert_eq!(BitRange::one(63).of(u64::MAX), 1);
    }
}
