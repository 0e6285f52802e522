//! The two plain line forms that people paste: bare register lines and lines of `cpuid -r`.

use std::borrow::Cow;

use cpuid_probe::Registers;
use cpuid_probe::dump::{Gap, MsrRecord};
use cpuid_probe::text::{hex8, parse_gap, parse_msr};

use super::builder::Builder;
use super::{ReadError, shorten, skip};

/// What one line holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// Nothing: a blank, a comment, a row of column names.
    Nothing,
    /// The next vCPU begins, maybe with its number.
    Header(Option<u32>),
    /// A register set; without a subleaf where the form has none.
    Leaf(u32, Option<u32>, Registers),
    /// An MSR.
    Msr(MsrRecord),
    /// A place that was not read.
    Gap(Gap),
}

/// Reads a line of one form. `Ok(None)`: the line does not have the form. `Err`: it begins like the form, and this was
/// expected.
pub(super) type Form = fn(&str) -> Result<Option<Line>, &'static str>;

/// What a bare line must look like.
pub(super) const BARE: &str = "`LEAF SUBLEAF: EAX EBX ECX EDX`, each 8 hex digits";
/// What a line of `cpuid -r` must look like.
pub(super) const RAW: &str = "`0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…`, leaf and registers of 8 hex digits";

/// The lines of a text with their numbers (from 1), without surrounding blanks and CRs.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines().map(str::trim))
}

/// A line in lower case, in which forms whose words have a case are read.
pub(super) fn lower(line: &str) -> Cow<'_, str> {
    if line.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(line.to_ascii_lowercase())
    } else {
        Cow::Borrowed(line)
    }
}

/// Whether a line of `text` has this form, or begins like it.
pub(super) fn any(text: &str, form: Form) -> bool {
    lines(text).any(|(_, line)| matches!(form(line), Ok(Some(Line::Leaf(..))) | Err(_)))
}

/// Hands a line to the builder. Returns false if the line does not have this form and holds no registers in another
/// form.
pub(super) fn add(builder: &mut Builder, number: usize, line: &str, form: Form) -> Result<bool, ReadError> {
    match form(line) {
        Ok(None) => {
            skip(number, line)?;
            builder.heading |= is_heading(line);
            return Ok(false);
        }
        Ok(Some(Line::Nothing)) => {}
        Ok(Some(Line::Header(vcpu))) => builder.header(number, vcpu)?,
        Ok(Some(Line::Leaf(leaf, subleaf, registers))) => builder.leaf(number, leaf, subleaf, registers)?,
        Ok(Some(Line::Msr(msr))) => builder.msr(number, msr)?,
        Ok(Some(Line::Gap(gap))) => builder.gap(number, gap)?,
        Err(expected) => return Err(ReadError::at(number, format!("expected {expected}; found `{}`", shorten(line)))),
    }
    Ok(true)
}

/// A heading that somebody wrote above registers: `guest on node2:`. What a tool prints of its own is none.
fn is_heading(line: &str) -> bool {
    const TOOLS: [&str; 7] = ["cpu", "leaf", "basic", "extended", "msr", "hypervisor", "subleaf"];
    let lower = line.to_ascii_lowercase();
    let own = TOOLS.iter().any(|word| lower.starts_with(word)) || lower.contains("0x") || lower.contains("cpuid");
    line.ends_with(':') && line.len() <= 60 && line.contains(|c: char| c.is_alphabetic()) && !own
}

/// `00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff`; also `vcpu N`, `msr …` and `gap …` of the framed text.
pub(super) fn bare(line: &str) -> Result<Option<Line>, &'static str> {
    if is_blank(line) || is_column_names(line) {
        return Ok(Some(Line::Nothing));
    }
    if let Some(header) = header(line) {
        return Ok(Some(header));
    }
    if let Some(words) = line.strip_prefix("vcpu ") {
        let number = words.split(' ').next().and_then(|n| n.parse().ok());
        return number.map(|n| Some(Line::Header(Some(n)))).ok_or("`vcpu N`");
    }
    if let Some(words) = line.strip_prefix("msr ") {
        return parse_msr(words).map(|m| Some(Line::Msr(m))).ok_or("`msr INDEX: HIGH LOW`, each 8 hex digits");
    }
    if let Some(words) = line.strip_prefix("gap ") {
        return parse_gap(words).map(|g| Some(Line::Gap(g))).ok_or("`gap LEAF SUBLEAF: cap|unreachable|fault|end`");
    }
    if !begins_bare(line) {
        return Ok(None);
    }
    bare_leaf(line).map(Some).ok_or(BARE)
}

fn bare_leaf(line: &str) -> Option<Line> {
    // The colon may be missing or stand alone.
    let (place, values) = match line.split_once(':') {
        Some((place, values)) => (place.split_ascii_whitespace(), values.split_ascii_whitespace()),
        None => {
            let mut place = line.split_ascii_whitespace();
            let mut values = place.clone();
            values.nth(1)?;
            // Two words of the place; the rest are values.
            let (leaf, subleaf) = (place.next()?, place.next()?);
            return leaf_of(leaf, subleaf, values);
        }
    };
    let mut place = place;
    let (leaf, subleaf) = (place.next()?, place.next()?);
    if place.next().is_some() { None } else { leaf_of(leaf, subleaf, values) }
}

fn leaf_of<'a>(leaf: &str, subleaf: &str, mut values: impl Iterator<Item = &'a str>) -> Option<Line> {
    let mut next = || word8(values.next()?);
    let registers = Registers::new(next()?, next()?, next()?, next()?);
    if values.next().is_some() {
        return None;
    }
    Some(Line::Leaf(word8(leaf)?, Some(word8(subleaf)?), registers))
}

/// `0x00000001 0x00: eax=0x… ebx=0x… ecx=0x… edx=0x…`, and `CPU N:`.
///
/// Old versions of the tool print no subleaf, and still read such lines. `0x10a: 0x0000000000000048` is an MSR, as
/// libvirt's tests/cputestdata/cpu-gather.py prints it below the tool's output.
pub(super) fn raw(line: &str) -> Result<Option<Line>, &'static str> {
    if is_blank(line) {
        return Ok(Some(Line::Nothing));
    }
    if let Some(header) = header(line) {
        return Ok(Some(header));
    }
    let line = &*lower(line);
    if !line.starts_with("0x") && !line.contains(" eax=") {
        return Ok(None);
    }
    raw_leaf(line).or_else(|| raw_msr(line)).map(Some).ok_or(RAW)
}

fn raw_msr(line: &str) -> Option<Line> {
    let (index, value) = line.split_once(':')?;
    let (high, low) = value.trim_start().strip_prefix("0x")?.split_at_checked(8)?;
    let value = u64::from(hex8(high)?) << 32 | u64::from(hex8(low)?);
    Some(Line::Msr(MsrRecord { index: short_hex(index.strip_prefix("0x")?)?, value: Some(value) }))
}

fn raw_leaf(line: &str) -> Option<Line> {
    let (place, values) = line.split_once(':')?;
    let mut place = place.split_ascii_whitespace();
    let leaf = hex8(place.next()?.strip_prefix("0x")?)?;
    let subleaf = match place.next() {
        Some(word) => Some(short_hex(word.strip_prefix("0x")?)?),
        None => None,
    };
    let mut values = values.split_ascii_whitespace();
    let mut next = |name: &str| hex8(values.next()?.strip_prefix(name)?.strip_prefix("=0x")?);
    let registers = Registers::new(next("eax")?, next("ebx")?, next("ecx")?, next("edx")?);
    if place.next().is_some() || values.next().is_some() {
        return None;
    }
    Some(Line::Leaf(leaf, subleaf, registers))
}

/// `CPU 3:`, or `CPU:` where one vCPU alone was asked for.
pub(super) fn header(line: &str) -> Option<Line> {
    let (word, rest) = line.split_at_checked(3)?;
    let number = rest.strip_suffix(':').filter(|_| word.eq_ignore_ascii_case("cpu"))?.trim();
    if number.is_empty() {
        return Some(Line::Header(None));
    }
    number.parse().ok().map(|n| Line::Header(Some(n)))
}

/// Empty, a comment, or a line drawn of punctuation.
fn is_blank(line: &str) -> bool {
    line.starts_with('#') || !line.contains(|c: char| c.is_alphanumeric())
}

/// `Leaf Subleaf EAX EBX ECX EDX`, in any case and spelling.
fn is_column_names(line: &str) -> bool {
    let is_eax = |word: &str| word.trim_matches(|c: char| !c.is_alphabetic()).eq_ignore_ascii_case("eax");
    !line.contains(|c: char| c.is_ascii_digit()) && line.split_ascii_whitespace().any(is_eax)
}

/// At least three words of hex digits alone: a register line, whole or damaged.
fn begins_bare(line: &str) -> bool {
    let is_hex = |word: &str| {
        let word = without_0x(word);
        let word = word.strip_suffix(':').unwrap_or(word);
        word.len() >= 4 && word.bytes().all(|b| b.is_ascii_hexdigit())
    };
    line.split([' ', '\t']).filter(|w| !w.is_empty() && *w != ":").take(3).filter(|w| is_hex(w)).count() >= 2
}

/// 8 hex digits, with or without `0x`.
fn word8(word: &str) -> Option<u32> {
    hex8(without_0x(word))
}

fn without_0x(word: &str) -> &str {
    word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")).unwrap_or(word)
}

/// 1 to 8 hex digits.
pub(super) fn short_hex(word: &str) -> Option<u32> {
    let hex = (1..=8).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit());
    if hex { u32::from_str_radix(word, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAF_1: Line = Line::Leaf(1, Some(0), Registers::new(0x0003_06c1, 0x800, 0xfffa_3227, 0x0fab_fbff));

    #[test]
    fn pasted_variants_of_a_bare_line_are_one_line() {
        for line in [
            "00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff",
            "00000001 00000000 : 000306C1 00000800 FFFA3227 0FABFBFF",
            "00000001 00000000\t000306c1 00000800 fffa3227 0fabfbff",
            "0x00000001 0x00000000: 0x000306c1 0x00000800 0xfffa3227 0x0fabfbff",
            "0X00000001 0X00000000: 0X000306C1 0X00000800 0XFFFA3227 0X0FABFBFF",
        ] {
            assert_eq!(bare(line), Ok(Some(LEAF_1)), "{line}");
        }
        for nothing in ["", "# node1", "Leaf     Subleaf  EAX      EBX      ECX      EDX", "-------- --------"] {
            assert_eq!(bare(nothing), Ok(Some(Line::Nothing)), "{nothing}");
        }
    }

    #[test]
    fn a_damaged_line_is_never_read_as_something_else() {
        for line in [
            "00000001 00000000: 000306c1 00000800 fffa3227 0fabfbf",
            "00000001 00000000: 000306c1 00000800 fffa3227",
            "00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff 00000000",
            "00000001 0000000g: 000306c1 00000800 fffa3227 0fabfbff",
            "0000001 00000000: 000306c1 00000800 fffa3227 0fabfbff",
            "00000001 00000000: 000306c1 00000800 fffa3227 0fab\u{fffd}bff",
        ] {
            assert_eq!(bare(line), Err(BARE), "{line}");
        }
        for line in [
            "0x00000001 0x00: eax=0x000306c1 ebx=0x00000800 ecx=0xfffa3227 edx=0x0fabfbf",
            "0x00000001 0x00: eax=0x000306c1 ecx=0x00000800 ebx=0xfffa3227 edx=0x0fabfbff",
            "x00000001 0x00: eax=0x000306c1 ebx=0x00000800 ecx=0xfffa3227 edx=0x0fabfbff",
            "0x00000001 0x00: eax=0x000306c1 ebx=0x000",
        ] {
            assert_eq!(raw(line), Err(RAW), "{line}");
        }
    }

    #[test]
    fn raw_lines_and_headers() {
        let line = "0x00000001 0x00: eax=0x000306c1 ebx=0x00000800 ecx=0xfffa3227 edx=0x0fabfbff";
        assert_eq!(raw(line), Ok(Some(LEAF_1)));
        assert_eq!(raw(&line.to_uppercase()), Ok(Some(LEAF_1)));
        let msr = MsrRecord { index: 0x10a, value: Some(0x1_0000_0048) };
        assert_eq!(raw("0x10a: 0x0000000100000048"), Ok(Some(Line::Msr(msr))));
        assert_eq!(raw("0x10a: 0x000000010000004"), Err(RAW));
        assert_eq!(raw("CPU 12:"), Ok(Some(Line::Header(Some(12)))));
        assert_eq!(raw("CPU:"), Ok(Some(Line::Header(None))));
        assert_eq!(raw("SeaBIOS (version 1.2)"), Ok(None));
    }
}
