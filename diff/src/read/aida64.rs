//! Dumps of AIDA64 (once EVEREST), the form of the InstLatx64 collection.
//!
//! ```text
//! ------[ CPUID Registers / Logical CPU #0 ]------
//! CPUID 00000004: 1C004121-01C0003F-0000003F-00000000 [SL 00] [L1D: 32 KB]
//! ```
//! Over its thirty years the tool and its users wrote the colon with a blank before it, after it or not at all, tabs,
//! blanks for dashes, small letters, and no `[SL nn]` (a hexadecimal subleaf) at all; headers number CPUs from 0 or
//! from 1, or are missing, and then leaf 0 again begins the next CPU. Everything else in a file is skipped: MSRs,
//! caches, versions.

use cpuid_probe::Registers;
use cpuid_probe::text::hex8;

use super::builder::Builder;
use super::line::{self, Form, Line, short_hex};
use super::{Input, Read, ReadError, Reader};

pub(super) const READER: Reader =
    Reader { name: "aida64", about: "AIDA64, EVEREST and InstLatx64 dumps", recognise, read: Read::One(read) };

/// What a register line must look like.
pub(super) const AIDA64: &str = "`CPUID LEAF: EAX-EBX-ECX-EDX [SL nn]`, each 8 hex digits";

/// What the format cannot say.
const LIMITS: [&str; 2] = [
    "AIDA64 leaves out some leaves and subleaves that read as zero, and the subleaf that ends a list",
    "MSRs of the file are not read",
];

fn recognise(text: &str) -> bool {
    names_cpuid(text) && line::any(text, leaf as Form)
}

/// Whether the word is in a text: a quick check that rules out every form whose lines begin with it.
pub(super) fn names_cpuid(text: &str) -> bool {
    text.contains("CPUID") || text.contains("cpuid")
}

/// What follows the word `CPUID` and blanks, in a line that begins with them.
pub(super) fn after_cpuid(line: &str) -> Option<&str> {
    let (word, rest) = line.split_at_checked(5)?;
    (word.eq_ignore_ascii_case("cpuid") && rest.starts_with([' ', '\t'])).then(|| rest.trim_start())
}

fn read(text: &str) -> Result<Input, ReadError> {
    read_as(text, READER.name)
}

/// Reads the form under another format's name.
pub(super) fn read_as(text: &str, format: &'static str) -> Result<Input, ReadError> {
    let mut builder = Builder::new(format);
    builder.loose_headers = true;
    builder.limits = LIMITS.map(str::to_string).to_vec();
    for (number, line) in line::lines(text) {
        if describes_cpu(line) {
            builder.no_header();
            continue;
        }
        line::add(&mut builder, number, line, form)?;
    }
    builder.finish(AIDA64).map(|dump| Input::Dump(Box::new(dump)))
}

/// The line of 80 dashes that ends the dump in a test of libcpuid. Below it stands what libcpuid expects to decode.
pub(super) fn is_rule(line: &str) -> bool {
    line.len() >= 40 && line.bytes().all(|b| b == b'-')
}

fn form(line: &str) -> Result<Option<Line>, &'static str> {
    match leaf(line) {
        Ok(None) => Ok(header(line).map(Line::Header)),
        other => other,
    }
}

/// A register line.
pub(super) fn leaf(line: &str) -> Result<Option<Line>, &'static str> {
    let Some(rest) = after_cpuid(line) else { return Ok(None) };
    let word = rest.split([' ', '\t', ':']).next().unwrap_or_default();
    // "CPUID Revision", "CPUID Registers (CPU #1)": a leaf is a number.
    if !word.contains(|c: char| c.is_ascii_digit()) && hex8(word).is_none() {
        return Ok(None);
    }
    registers(rest).map(Some).ok_or(AIDA64)
}

fn registers(line: &str) -> Option<Line> {
    let (leaf, rest) = line.split_at_checked(8)?;
    let leaf = hex8(leaf)?;
    let values = rest.trim_start_matches([' ', '\t', ':']);
    if values.len() == rest.len() {
        return None;
    }
    let mut rest = values;
    let mut values = [0; 4];
    for (i, value) in values.iter_mut().enumerate() {
        if i > 0 {
            rest = rest.strip_prefix(['-', ' ', '\t'])?;
        }
        let (digits, after) = rest.split_at_checked(8)?;
        *value = hex8(digits)?;
        rest = after;
    }
    if !rest.is_empty() && !rest.starts_with([' ', '\t', '[']) {
        return None;
    }
    let subleaf = match rest.split('[').skip(1).find_map(after_sl) {
        Some(number) => Some(short_hex(number.split([']', ' ', '\t']).next()?)?),
        None => None,
    };
    let [eax, ebx, ecx, edx] = values;
    Some(Line::Leaf(leaf, subleaf, Registers::new(eax, ebx, ecx, edx)))
}

/// What follows the word `SL` in a note that begins with it.
fn after_sl(note: &str) -> Option<&str> {
    let (word, rest) = note.split_at_checked(2)?;
    (word.eq_ignore_ascii_case("sl") && rest.starts_with([' ', '\t'])).then(|| rest.trim_start())
}

/// A line of the list of host CPUs that AIDA64's benchmarks print, sometimes below a dump. For each CPU, one line of
/// that list looks like the header of a dump: `CPU#000 AffMask: …`.
fn describes_cpu(line: &str) -> bool {
    let (word, rest) = line.split_once([' ', '\t']).unwrap_or_default();
    let starts_with = |text: &str, start: &str| text.get(..start.len()).is_some_and(|s| s.eq_ignore_ascii_case(start));
    starts_with(word, "cpu#") && !starts_with(rest.trim_start(), "affmask")
}

/// The header of a CPU: its number from 0, where it has one.
pub(super) fn header(line: &str) -> Option<Option<u32>> {
    if !line.contains('#') {
        return None;
    }
    let line = line::lower(line);
    let words: Vec<&str> = line.trim_start_matches(['-', '[', ' ', '\t']).split_ascii_whitespace().collect();
    let (number, first) = match words.as_slice() {
        ["cpuid", "registers", "/", "logical", "cpu", number, ..] | ["logical", "cpu", number, ..] => (*number, 0),
        ["cpuid", "registers", "(cpu", number, ..] => (*number, 1),
        [number, ..] if number.starts_with("cpu#") => (&number[3..], 0),
        _ => return None,
    };
    let number: Option<u32> = number.strip_prefix('#')?.trim_end_matches([')', ':', ']', '-']).parse().ok();
    Some(number.and_then(|n| n.checked_sub(first)))
}

#[cfg(test)]
mod tests {
    use cpuid_probe::LeafId;
    use cpuid_probe::dump::Dump;

    use super::*;

    fn dump(text: &str) -> Dump {
        assert!(recognise(text));
        match read(text).unwrap() {
            Input::Dump(dump) => *dump,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_of_dashes_between_two_cpus_ends_nothing() {
        let cpu = "CPUID 00000000: 00000001-756E6547-6C65746E-49656E69\n";
        let text = format!("{cpu}{}\nx86\n{cpu}", "-".repeat(80));
        let Ok(Input::Dump(dump)) = super::super::read(text.as_bytes(), None) else { panic!() };
        assert_eq!(dump.vcpus.len(), 2);
    }

    #[test]
    fn every_historical_form_of_a_line_is_one_line() {
        let expected = Registers::new(0x1c00_4121, 0x01c0_003f, 0x3f, 0);
        for line in [
            "CPUID 00000004: 1C004121-01C0003F-0000003F-00000000",
            "CPUID 00000004 1C004121-01C0003F-0000003F-00000000",
            "CPUID 00000004 :1C004121-01C0003F-0000003F-00000000",
            "CPUID 00000004 : 1C004121 01C0003F 0000003F 00000000",
            "CPUID 00000004  \t1c004121-01c0003f-0000003f-00000000 ",
            "  CPUID 00000004: 1C004121-01C0003F-0000003F-00000000     [NX]",
            "CPUID 00000004: 1C004121-01C0003F-0000003F-00000000\t[SMEP]",
            "CPUID 00000004: 1C004121-01C0003F-0000003F-00000000 [SL 00] [L1D: 32 KB",
            "CPUID 00000004: 1C004121-01C0003F-0000003F-00000000 [SL 00",
            "cpuid 00000004: 1c004121-01c0003f-0000003f-00000000 [sl 00]",
            "CPUID\t00000004:\t1C004121-01C0003F-0000003F-00000000\t[SL\t00]\t[L1D:\t32\tKB]",
        ] {
            assert_eq!(dump(line).vcpus[0].get(LeafId::new(4, 0)), Some(expected), "{line}");
        }
        for line in [
            "CPUID 0000000D: 00000010-00000000-00000001-00000000 [SL 0C] [CET_S]",
            "CPUID 0000000D: 00000010-00000000-00000001-00000000 [CET_S] [SL 0C]",
            // Some versions print one component twice.
            "CPUID 0000000D: 00000010-00000000-00000001-00000000 [SL 0C]\n\
             CPUID 0000000D: 00000010-00000000-00000001-00000000 [SL 0C]",
        ] {
            assert_eq!(dump(line).vcpus[0].leaves().len(), 1, "{line}");
            assert!(dump(line).vcpus[0].get(LeafId::new(0xd, 12)).is_some(), "{line}");
        }
    }

    #[test]
    fn a_damaged_line_is_an_error() {
        for line in [
            "CPUID 0000000D: 00000010-00000000-00000001",
            "CPUID 0000000D: 00000010-00000000-00000001-0000000",
            "CPUID 0000000D: 00000010-00000000-00000001-000000000",
            "CPUID 0000000D: 00000010-00000000-00000001-0000000G",
            "CPUID 0000000D: 00000010-00000000-00000001-00000000 [SL xx]",
            "CPUID 000000D: 00000010-00000000-00000001-00000000",
            "CPUID 00000",
        ] {
            assert_eq!(read(&format!("\n{line}\n")).unwrap_err().line, Some(2), "{line}");
        }
    }

    #[test]
    fn headers_in_all_forms_number_from_0() {
        for [first, second] in [
            ["------[ Logical CPU #0 ]------", "------[ Logical CPU #1 ]------"],
            ["------[ CPUID Registers / Logical CPU #0 ]------", "------[ CPUID Registers / Logical CPU #1 ]------"],
            ["CPU#000 AffMask: 0x0000000000000001 ", "CPU#001 AffMask: 0x0000000000000002 "],
            ["CPUID Registers (CPU #1):", "CPUID Registers (CPU #2 Virtual):"],
            // A user's two headers in a row are one CPU; an old version numbers from 0.
            ["------[ CPUID Registers / Logical CPU #0 ]------\nCPUID Registers (CPU #1):", "[Logical CPU #1]"],
            ["CPUID Registers (CPU #0):", "CPUID Registers (CPU #1 Virtual):"],
            ["------[\tCPUID\tREGISTERS\t/\tLOGICAL\tCPU\t#0\t]------", "------[ logical cpu #1 ]------"],
        ] {
            let leaf = "CPUID 00000000: 00000001-756E6547-6C65746E-49656E69";
            let tail = "------[ All CPUs ]------\nCPU   0: APICID    0 / Package 0\n\
                        ------[ MSR Registers / Logical CPU #0 ]------\nMSR 0000001B: 0000-0000-FEE0-0900\n\
                        MSR 000000E7: < FAILED >";
            let dump = dump(&format!("{first}\nallcpu: Valid\n{leaf}\n\n{second}\n{leaf}\n{tail}\n"));
            assert_eq!(dump.vcpus.iter().map(|v| v.vcpu).collect::<Vec<_>>(), [0, 1], "{first}");
            assert_eq!(dump.provenance.vcpus_online, Some(2));
        }
    }

    #[test]
    fn what_stands_around_the_registers_is_no_cpu() {
        let leaf = "CPUID 00000000: 00000001-756E6547-6C65746E-49656E69";
        let text = format!(
            "Group: 0x00 Affinity mask: 0x0000000000000001\n{leaf}\n\
             CPUID 80000004: 30303120-00000A30-00000000-00000000 [ 1000\n]\n\
             Group: 0x00 Affinity mask: 0x0000000000000002\n{leaf}\n"
        );
        assert_eq!(dump(&text).vcpus.iter().map(|v| v.leaves().len()).collect::<Vec<_>>(), [2, 1]);
        // A bench tool's list of its own host's CPUs, below the dump.
        let text = format!(
            "------[ CPUID Registers / Logical CPU #0 ]------\n{leaf}\n\
             ------[ CPUID Registers / Logical CPU #1 ]------\n{leaf}\n\n\
             CPU#000 AffMask: 0x0000000000000001 \nCPU#000 PhysMask:0x0000000000000007 \n\
             CPU#001 AffMask: 0x0000000000000002 \nCPU#001 PhysMask:0x0000000000000007 \n\
             CPU#002 AffMask: 0x0000000000000004 \nCPU#002 PhysMask:0x0000000000000007 \n"
        );
        assert_eq!(dump(&text).vcpus.len(), 2);
        assert_eq!(dump(&text).provenance.vcpus_online, Some(2));
    }

    #[test]
    fn a_header_above_nothing_is_of_a_cpu_that_was_cut_off() {
        let leaf = "CPUID 00000000: 00000001-756E6547-6C65746E-49656E69";
        let text = format!("[Logical CPU #0]\n{leaf}\n[Logical CPU #1]\n{leaf}\n[Logical CPU #2]\n");
        assert_eq!(dump(&text).provenance.vcpus_online, Some(3));
    }

    #[test]
    fn without_headers_leaf_0_begins_a_cpu() {
        let one =
            "CPUID 00000000 00000001-756E6547-6C65746E-49656E69\nCPUID 00000001 00000F48-00040800-000064BD-BFEBFBFF\n";
        let dump = dump(&format!("{one}\n{}", one.replace("00040800", "04040800")));
        assert_eq!(dump.vcpus.len(), 2);
        assert_eq!(dump.vcpus[1].get(LeafId::new(1, 0)).unwrap().ebx, 0x0404_0800);
    }
}
