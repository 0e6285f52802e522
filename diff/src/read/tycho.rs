//! The dumps of Steven Noonan's `cpuid` (github.com/tycho/cpuid), `cpuid --dump`, in its present and its two older
//! forms. Written from its print statements (cpuid.c `cpuid_dump_normal`, `cpuid_load_from_file`); no file was at hand.
//!
//! ```text
//! CPU 0:
//! CPUID 00000000:00 = 0000000d 756e6547 6c65746e 49656e69 | ....GenuntelineI
//! CPUID 00000004, index 1 = 1c004122 01c0003f 0000003f 00000000 | …
//! CPUID 00000001, results = 000306c3 03100800 7fdafbbf bfebfbff | …
//! ```
//! Subleaves are hexadecimal.

use cpuid_probe::Registers;
use cpuid_probe::text::hex8;

use super::aida64::{after_cpuid, names_cpuid};
use super::builder::Builder;
use super::line::{self, Form, Line, header, short_hex};
use super::{Input, Read, ReadError, Reader};

pub(super) const READER: Reader =
    Reader { name: "tycho", about: "tycho/cpuid dumps", recognise, read: Read::One(read) };

const TYCHO: &str = "`CPUID LEAF:SUBLEAF = EAX EBX ECX EDX | text`, leaf and registers of 8 hex digits";

const LIMIT: &str = "tycho/cpuid ends leaf 0xd at the first component that is missing, and reads no hypervisor block \
                     but the first";

/// The leaf that is printed under the number [`LABEL`], and the one above it.
const MISLABELLED: u32 = 0x8000_001d;
const LABEL: u32 = 0x8000_0001;
const BEFORE: u32 = 0x8000_001c;

fn recognise(text: &str) -> bool {
    names_cpuid(text) && line::lines(text).any(|(_, line)| matches!(leaf(line), Ok(Some(_))))
}

fn read(text: &str) -> Result<Input, ReadError> {
    let mut builder = Builder::new(READER.name);
    builder.limit(LIMIT);
    let mut above = None;
    for (number, line) in line::lines(text) {
        // A version for AMD prints leaf 0x8000001d under the number of another.
        if let Ok(Some(Line::Leaf(leaf, subleaf, registers))) = form(line) {
            let mislabelled = leaf == LABEL && (above == Some(BEFORE) || above == Some(MISLABELLED));
            let leaf = if mislabelled { MISLABELLED } else { leaf };
            builder.leaf(number, leaf, if mislabelled { None } else { subleaf }, registers)?;
            above = Some(leaf);
            continue;
        }
        line::add(&mut builder, number, line, form as Form)?;
    }
    builder.finish(TYCHO).map(|dump| Input::Dump(Box::new(dump)))
}

fn form(line: &str) -> Result<Option<Line>, &'static str> {
    match header(line) {
        Some(header) => Ok(Some(header)),
        None => leaf(line),
    }
}

fn leaf(line: &str) -> Result<Option<Line>, &'static str> {
    let Some(rest) = after_cpuid(line).filter(|rest| rest.starts_with(|c: char| c.is_ascii_hexdigit())) else {
        return Ok(None);
    };
    registers(&line::lower(rest)).map(Some).ok_or(TYCHO)
}

fn registers(line: &str) -> Option<Line> {
    let (leaf, rest) = line.split_at_checked(8)?;
    let (place, values) = rest.split_once(" = ")?;
    let subleaf = match (place.strip_prefix(':'), place.strip_prefix(", index ")) {
        (Some(subleaf), _) | (_, Some(subleaf)) => short_hex(subleaf)?,
        _ if place == ", results" => 0,
        _ => return None,
    };
    let values = values.split('|').next()?;
    let mut values = values.split_ascii_whitespace().map(hex8);
    let registers = Registers::new(values.next()??, values.next()??, values.next()??, values.next()??);
    if values.next().is_some() {
        return None;
    }
    Some(Line::Leaf(hex8(leaf)?, Some(subleaf), registers))
}

#[cfg(test)]
mod tests {
    use cpuid_probe::LeafId;

    use super::*;

    #[test]
    fn the_three_forms() {
        let text = "CPU 0:\nCPUID 00000000:00 = 0000000d 756e6547 6c65746e 49656e69 | ....GenuntelineI\n\
            CPUID 0000000d:11 = 00000040 000003c0 00000000 00000000 | @...............\n\
            CPUID 00000004, index 1 = 1c004122 01c0003f 0000003f 00000000 | \"A..?...?.......\n\
            CPUID 00000001, results = 000306c3 03100800 7fdafbbf bfebfbff | ................\n";
        assert!(recognise(text));
        let Ok(Input::Dump(dump)) = read(text) else { panic!() };
        let ids: Vec<LeafId> = dump.vcpus[0].leaves().iter().map(|r| r.id).collect();
        assert_eq!(ids, [(0, 0), (1, 0), (4, 1), (0xd, 0x11)].map(|(leaf, sub)| LeafId::new(leaf, sub)));
        for damage in ["CPUID 00000001:00 = 000306c3 03100800 7fdafbbf", "CPUID 00000001:00", "CPUID 0001:00 = 0 0 0 0"]
        {
            assert_eq!(read(&format!("{text}{damage}\n")).unwrap_err().line, Some(6), "{damage}");
        }
    }
}
