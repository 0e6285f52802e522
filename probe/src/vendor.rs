//! The 12 signature bytes of leaf 0 and of hypervisor blocks.

use core::fmt;

use crate::register::Registers;

/// Twelve bytes of text, as CPU vendors and hypervisors identify themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature(pub [u8; 12]);

impl Signature {
    /// The vendor text of leaf 0 (and 0x80000000): EBX, EDX, ECX.
    #[must_use]
    pub const fn vendor(r: Registers) -> Self {
        Self::from_words(r.ebx, r.edx, r.ecx)
    }

    /// The signature of a hypervisor block: EBX, ECX, EDX.
    #[must_use]
    pub const fn hypervisor(r: Registers) -> Self {
        Self::from_words(r.ebx, r.ecx, r.edx)
    }

    const fn from_words(a: u32, b: u32, c: u32) -> Self {
        let (a, b, c) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
        Self([a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3], c[0], c[1], c[2], c[3]])
    }

    /// AMD and Hygon parts share AMD's extended leaves and zeros for out-of-range leaves.
    #[must_use]
    pub fn is_amd(&self) -> bool {
        matches!(&self.0, b"AuthenticAMD" | b"HygonGenuine" | b"AMDisbetter!")
    }

    /// It reads as text: at least eight printable characters, then nothing but NUL. An answer for a leaf that does not
    /// exist hardly does.
    #[must_use]
    pub fn is_text(&self) -> bool {
        let end = self.0.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
        end >= 8 && self.0[..end].iter().all(|b| (0x20..0x7f).contains(b))
    }

    /// Intel's vendor text.
    #[must_use]
    pub fn is_intel(&self) -> bool {
        &self.0 == b"GenuineIntel"
    }
}

/// The text without its NUL padding; a byte that is not printable ASCII is written as `\xNN`.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
        for b in &self.0[..end] {
            if (0x20..0x7f).contains(b) {
                write!(f, "{}", *b as char)?;
            } else {
                write!(f, "\\x{b:02x}")?;
            }
        }
        Ok(())
    }
}
