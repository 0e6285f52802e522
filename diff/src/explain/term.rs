//! What a person may ask about: a place in any of the usual notations, or a name.

use cpuid_probe::Register;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// A leaf, or a part of one.
    Cpuid {
        /// The leaf, as written.
        leaf: u32,
        /// The subleaf, if one was named.
        subleaf: Option<u32>,
        /// The register, if one was named.
        register: Option<Register>,
        /// The highest and lowest bit, if any were named.
        bits: Option<(u8, u8)>,
    },
    /// A feature MSR, or bits of one.
    Msr {
        /// The MSR.
        index: u32,
        /// The highest and lowest bit, if any were named.
        bits: Option<(u8, u8)>,
    },
    /// Anything else: a name, or a part of one.
    Name(String),
}

/// Reads a question.
///
/// Places: `1.edx.21`, `7.0.ebx`, `0x40000010`, `0x00000007.0x00000000:ebx:5` and `msr:0x0000010a:0` (the ids of
/// findings), `0x00000001 EDX[21]` (as tables print), `CPUID.07H:EBX[5]` and `CPUID.(EAX=07H,ECX=0):EBX[5]` (as the
/// manuals do). Leaves and MSRs are hexadecimal with or without `0x`; subleaves and bits are decimal unless they say
/// `0x`. Whatever is no place is a name.
#[must_use]
pub fn parse(text: &str) -> Term {
    let text = text.trim();
    place(text).unwrap_or_else(|| Term::Name(text.to_string()))
}

fn place(text: &str) -> Option<Term> {
    let lower = text.to_ascii_lowercase();
    let manual = lower.strip_prefix("cpuid.");
    let rest = manual.unwrap_or(&lower);
    let parts: Vec<&str> =
        rest.split(['.', ':', '[', ']', ' ', '(', ')', ',', '=']).filter(|p| !p.is_empty()).collect();
    let parts = without_labels(&parts);
    let (first, rest) = parts.split_first()?;
    if *first == "msr" {
        let (index, rest) = rest.split_first()?;
        return Some(Term::Msr { index: hexadecimal(index)?, bits: bits(rest, 63)? });
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
    let alone = rest.is_empty() && subleaf.is_none() && manual.is_none();
    (!alone || first.starts_with(|c: char| c.is_ascii_digit())).then_some(Term::Cpuid { leaf, subleaf, register, bits })
}

/// `EAX=07H,ECX=0` without its labels: the leaf, then the subleaf.
fn without_labels<'a>(parts: &[&'a str]) -> Vec<&'a str> {
    match parts {
        ["eax", leaf, "ecx", subleaf, rest @ ..] => [&[*leaf, *subleaf], rest].concat(),
        ["eax", leaf, rest @ ..] => [&[*leaf], rest].concat(),
        _ => parts.to_vec(),
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

/// No bits, one bit, or the highest and the lowest; `None` for what is no bits.
#[allow(clippy::option_option)] // none asked for, and not understood, are two things
fn bits(parts: &[&str], max: u8) -> Option<Option<(u8, u8)>> {
    let bit = |text: &str| text.parse().ok().filter(|b| *b <= max);
    match parts {
        [] => Some(None),
        [one] => Some(Some((bit(one)?, bit(one)?))),
        [hi, lo] => {
            let (hi, lo) = (bit(hi)?, bit(lo)?);
            (hi >= lo).then_some(Some((hi, lo)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use cpuid_probe::Register::{Ebx, Edx};

    use super::*;

    fn cpuid(leaf: u32, subleaf: Option<u32>, register: Option<Register>, bits: Option<(u8, u8)>) -> Term {
        Term::Cpuid { leaf, subleaf, register, bits }
    }

    #[test]
    fn places_in_every_notation() {
        let ds = cpuid(1, None, Some(Edx), Some((21, 21)));
        for text in
            ["1.edx.21", "0x00000001 EDX[21]", "0x00000001:edx:21", "CPUID.01H:EDX[21]", "CPUID.(EAX=01H):EDX[21]"]
        {
            assert_eq!(parse(text), ds, "{text}");
        }
        let avx2 = cpuid(7, Some(0), Some(Ebx), Some((5, 5)));
        for text in [
            "7.0.ebx.5",
            "0x00000007.0 EBX[5]",
            "0x00000007.0x00000000:ebx:5",
            "CPUID.(EAX=07H,ECX=0):EBX[5]",
            "CPUID.(EAX=07H,ECX=0H):EBX[5]",
        ] {
            assert_eq!(parse(text), avx2, "{text}");
        }
        assert_eq!(parse("CPUID.07H:EBX[5]"), cpuid(7, None, Some(Ebx), Some((5, 5))));
        assert_eq!(parse("1.ebx.31:24"), cpuid(1, None, Some(Ebx), Some((31, 24))));
        assert_eq!(parse("0x40000010"), cpuid(0x4000_0010, None, None, None));
        assert_eq!(parse("80000008"), cpuid(0x8000_0008, None, None, None));
        assert_eq!(parse("d.0"), cpuid(0xd, Some(0), None, None));
        assert_eq!(parse("7.0.ebx"), cpuid(7, Some(0), Some(Ebx), None));
        assert_eq!(parse("msr:0x10a:0"), Term::Msr { index: 0x10a, bits: Some((0, 0)) });
        assert_eq!(parse("msr 0x0000010a[63]"), Term::Msr { index: 0x10a, bits: Some((63, 63)) });
        assert_eq!(parse("MSR 48b"), Term::Msr { index: 0x48b, bits: None });
    }

    #[test]
    fn whatever_is_no_place_is_a_name() {
        for text in [
            "ds",
            "de",
            "ace",
            "ace2",
            "3dnow",
            "sse4.1",
            "avx512-vpopcntdq",
            "kvm_pv_eoi",
            "1.edx.32",
            "1.edx.x",
            "0x",
            "",
        ] {
            assert_eq!(parse(text), Term::Name(text.to_string()), "{text}");
        }
    }
}
