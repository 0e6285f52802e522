//! The four output registers of CPUID.

use core::fmt;
use core::ops::{Index, IndexMut};

/// One of CPUID's output registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Register {
    /// EAX
    Eax,
    /// EBX
    Ebx,
    /// ECX
    Ecx,
    /// EDX
    Edx,
}

impl Register {
    /// All four, in the order CPUID tools print them.
    pub const ALL: [Self; 4] = [Self::Eax, Self::Ebx, Self::Ecx, Self::Edx];

    /// The lower-case name, as in JSON and finding ids.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eax => "eax",
            Self::Ebx => "ebx",
            Self::Ecx => "ecx",
            Self::Edx => "edx",
        }
    }

    /// The register a name in any case stands for.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name().eq_ignore_ascii_case(name))
    }
}

/// Upper case, as in the manuals.
impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eax => "EAX",
            Self::Ebx => "EBX",
            Self::Ecx => "ECX",
            Self::Edx => "EDX",
        })
    }
}

/// What one execution of CPUID returned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub struct Registers {
    pub eax: u32,
    pub ebx: u32,
    pub ecx: u32,
    pub edx: u32,
}

impl Registers {
    /// All four zero: what software reads from a leaf that is not there.
    pub const ZERO: Self = Self::new(0, 0, 0, 0);

    /// The register set in the order of [`Register::ALL`].
    #[must_use]
    pub const fn new(eax: u32, ebx: u32, ecx: u32, edx: u32) -> Self {
        Self { eax, ebx, ecx, edx }
    }

    /// The value of one register.
    #[must_use]
    pub const fn get(self, register: Register) -> u32 {
        match register {
            Register::Eax => self.eax,
            Register::Ebx => self.ebx,
            Register::Ecx => self.ecx,
            Register::Edx => self.edx,
        }
    }
}

impl IndexMut<Register> for Registers {
    fn index_mut(&mut self, register: Register) -> &mut u32 {
        match register {
            Register::Eax => &mut self.eax,
            Register::Ebx => &mut self.ebx,
            Register::Ecx => &mut self.ecx,
            Register::Edx => &mut self.edx,
        }
    }
}

impl Index<Register> for Registers {
    type Output = u32;
    fn index(&self, register: Register) -> &u32 {
        match register {
            Register::Eax => &self.eax,
            Register::Ebx => &self.ebx,
            Register::Ecx => &self.ecx,
            Register::Edx => &self.edx,
        }
    }
}

/// Bits `hi..=lo` of a register, as a mask. `hi` and `lo` are 0 to 31, `hi >= lo`.
#[must_use]
pub const fn mask(hi: u8, lo: u8) -> u32 {
    ((1u64 << (hi + 1)) - (1u64 << lo)) as u32
}

/// Bits `hi..=lo` of `value`, shifted down.
#[must_use]
pub const fn field(value: u32, hi: u8, lo: u8) -> u32 {
    (value & mask(hi, lo)) >> lo
}

/// A register's value as eight hexadecimal digits, as all written forms have it. A dump is little else, and this takes a
/// fraction of what `{:08x}` does.
#[derive(Clone, Copy, Debug)]
pub struct Hex(pub u32);

impl Hex {
    /// The digits, in ASCII.
    #[must_use]
    pub fn digits(self) -> [u8; 8] {
        let mut text = [0; 8];
        for (i, digit) in text.iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(self.0 >> (28 - 4 * i) & 0xf) as usize];
        }
        text
    }

    /// `0x` and the digits, in ASCII.
    #[must_use]
    pub fn prefixed(self) -> [u8; 10] {
        let mut text = *b"0x________";
        text[2..].copy_from_slice(&self.digits());
        text
    }
}

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.digits()).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn hex_is_eight_digits() {
        for value in [0, 1, 0x0f8b_fbff, 0x89ab_cdef, u32::MAX] {
            assert_eq!(Hex(value).to_string(), format!("{value:08x}"));
        }
    }

    #[test]
    fn masks_reach_both_ends() {
        assert_eq!(mask(31, 0), u32::MAX);
        assert_eq!(mask(31, 31), 1 << 31);
        assert_eq!(field(0x0f00_0800, 31, 24), 0x0f);
    }
}
