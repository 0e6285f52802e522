//! CPUID masks of a VMware `.vmx` file: `cpuid.1.ecx = "----:0---:…"`, and `featMask.vm.cpuid.NAME = "Val:0"`.
//!
//! # Source
//! vSphere Web Services API reference, HostCpuIdInfo (the signs of a mask) and VirtualMachineFeatureRequirement; files of
//! VMware Workstation and ESXi.

use std::collections::BTreeMap;

use cpuid_probe::{LeafId, Place, Register};

use super::super::line::{lines, short_hex};
use super::super::said::places;
use super::super::{Input, Read, ReadError, Reader, shorten};
use crate::knowledge::Namespace;
use crate::view::template::{Masked, Template};

pub(in crate::read) const MASKS: Reader = Reader {
    name: "vmx-masks",
    about: "CPUID masks of a VMware .vmx file: what a guest is to have, bit by bit",
    recognise,
    read: Read::Named(read),
};

/// Which CPUs a mask is for.
const VENDORS: [&str; 2] = ["intel", "amd"];

/// What a line of a mask looks like.
const EXPECTED: &str = "`cpuid.LEAF.REGISTER = \"32 signs\"`, `cpuid.LEAF.SUBLEAF.REGISTER` with a subleaf of 0 to 9 (the base of \
                        larger ones is not known), or `featMask.vm.cpuid.NAME = \"Val:0\"`";
/// The bit of a hypervisor, hidden.
const HIDDEN: ((LeafId, Register), Masked) = ((LeafId::new(1, 0), Register::Ecx), Masked { mask: 1 << 31, value: 0 });

/// A mask of one register.
struct Mask<'a> {
    id: LeafId,
    register: Register,
    vendor: Option<&'static str>,
    bits: &'a str,
}

/// A setting, its key in lower case.
fn setting(line: &str) -> Option<(String, &str)> {
    let (key, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
    let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
    Some((key.trim().to_ascii_lowercase(), value))
}

/// A subleaf. No public text says whether larger ones are decimal or hexadecimal.
fn one_digit(subleaf: &str) -> Option<u32> {
    short_hex(subleaf).filter(|_| subleaf.trim_start_matches('0').len() <= 1 && !subleaf.contains(char::is_alphabetic))
}

/// `cpuid.LEAF[.SUBLEAF].REGISTER[.VENDOR]`; `cpuid.coresPerSocket` and the like are no masks.
fn mask<'a>(key: &str, bits: &'a str) -> Option<Mask<'a>> {
    let mut words: Vec<&str> = key.strip_prefix("cpuid.")?.split('.').collect();
    let vendor = VENDORS.into_iter().find(|vendor| words.last() == Some(vendor));
    if vendor.is_some() {
        words.pop();
    }
    let register = Register::from_name(words.pop()?)?;
    let (leaf, subleaf) = match words[..] {
        [leaf] => (short_hex(leaf)?, 0),
        [leaf, subleaf] => (short_hex(leaf)?, one_digit(subleaf)?),
        _ => return None,
    };
    Some(Mask { id: LeafId::new(leaf, subleaf), register, vendor, bits })
}

/// `hypervisor.cpuid.v0 = "FALSE"` hides the hypervisor.
fn hides_hypervisor(key: &str, value: &str) -> bool {
    key == "hypervisor.cpuid.v0" && value.eq_ignore_ascii_case("false")
}

/// Whether a line speaks of CPUID bits as a mask does; one that cannot be read is then not passed over.
fn is_of_masks(line: &str) -> bool {
    let lower = line.split('=').next().unwrap_or_default().to_ascii_lowercase();
    if lower.starts_with(['#', ';'])
        || ["hostcpuid.", "guestcpuid.", "usercpuid."].iter().any(|set| lower.contains(set))
    {
        return false;
    }
    let is_leaf = |rest: &str| {
        rest.starts_with(|c: char| c.is_ascii_digit()) || rest.split('.').next().and_then(short_hex).is_some()
    };
    let has_register = |rest: &str| [".eax", ".ebx", ".ecx", ".edx"].iter().any(|register| rest.contains(register));
    lower.split("cpuid.").skip(1).any(|rest| is_leaf(rest) || has_register(rest))
        || lower.contains("featmask.") && lower.contains("cpuid")
        || lower.contains("hypervisor.cpuid")
}

/// The keys of the lines that mask CPUID bits, in a file whose records are read.
pub(in crate::read) fn masks_beside(text: &str) -> Vec<String> {
    let key = |line: &str| match setting(line) {
        Some((key, value)) if key == "hypervisor.cpuid.v0" => hides_hypervisor(&key, value).then_some(key),
        _ => is_of_masks(line).then(|| shorten(line.split('=').next().unwrap_or_default().trim())),
    };
    lines(text).filter_map(|(_, line)| key(line)).collect()
}

/// The name of a feature that is masked by name.
fn feature(key: &str) -> Option<&str> {
    key.strip_prefix("featmask.vm.cpuid.")
}

fn recognise(text: &str) -> bool {
    let is_mask =
        |line: &str| setting(line).is_some_and(|(key, bits)| mask(&key, bits).is_some() || feature(&key).is_some());
    (text.contains('"') && text.contains("puid.")) && lines(text).any(|(_, line)| is_mask(line))
}

/// The bits that a mask gives: those that the guest is told, whatever the host has.
///
/// # Errors
/// Not 32 signs, or another sign than those that are documented.
fn given(line: usize, bits: &str) -> Result<Masked, ReadError> {
    let signs: Vec<char> = bits.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    let found = || format!("found `{}`", shorten(bits));
    if signs.len() != 32 {
        return Err(ReadError::at(line, format!("expected a mask of 32 of 0 1 - x H R T F; {}", found())));
    }
    let mut masked = Masked::default();
    for (bit, sign) in (0u8..32).rev().zip(signs) {
        let value = match sign {
            // What the guest is told, or what its software needs: without that the guest is not started.
            '1' | 'T' | 't' => 1,
            '0' | 'F' | 'f' => 0,
            // Hidden, and alike on both hosts of a migration.
            'R' | 'r' => 0,
            // The guest operating system's, or the host's.
            '-' | 'x' | 'X' | 'H' | 'h' => continue,
            _ => {
                let message = format!(
                    "`{}` is no sign of a mask, expected one of 0 1 - x H R T F; {}",
                    sign.escape_debug(),
                    found()
                );
                return Err(ReadError::at(line, message));
            }
        };
        masked.mask |= 1 << bit;
        masked.value |= value << bit;
    }
    Ok(masked)
}

fn read(text: &str, wanted: Option<&str>) -> Result<Input, ReadError> {
    let wanted = match wanted {
        Some(wanted) => {
            let found = VENDORS.into_iter().find(|vendor| vendor.eq_ignore_ascii_case(wanted));
            Some(found.ok_or_else(|| {
                ReadError::whole(format!("no masks for `{}`, expected one of: {}", shorten(wanted), VENDORS.join(" ")))
            })?)
        }
        None => None,
    };
    let mut registers: BTreeMap<(LeafId, Register), Masked> = BTreeMap::new();
    let mut before: BTreeMap<String, usize> = BTreeMap::new();
    for (number, line) in lines(text) {
        let unread = || {
            let message = format!("a mask that cannot be read; expected {EXPECTED}; found `{}`", shorten(line));
            if is_of_masks(line) { Err(ReadError::at(number, message)) } else { Ok(()) }
        };
        let Some((key, value)) = setting(line) else {
            unread()?;
            continue;
        };
        let (at, masked) = match (mask(&key, value), feature(&key)) {
            (Some(mask), _) => {
                let masked = given(number, mask.bits)?;
                match (mask.vendor, wanted) {
                    (Some(of), Some(wanted)) if of != wanted => continue,
                    (Some(of), None) if masked.mask != 0 => {
                        let message =
                            format!("a mask for {of} alone; choose the CPU's vendor with FILE#intel or FILE#amd");
                        return Err(ReadError::at(number, message));
                    }
                    _ => ((mask.id, mask.register), masked),
                }
            }
            (None, Some(name)) => by_name(number, name, value)?,
            (None, None) if hides_hypervisor(&key, value) => HIDDEN,
            (None, None) if key == "hypervisor.cpuid.v0" => continue,
            (None, None) => {
                unread()?;
                continue;
            }
        };
        if let Some(first) = before.insert(key, number) {
            let message = format!("`{}` again, first in line {first}; keep one file", shorten(line));
            return Err(ReadError::another(number, message));
        }
        let known = registers.entry(at).or_default();
        if known.mask & masked.mask & (known.value ^ masked.value) != 0 {
            let message = format!("`{}` gives a bit that a line above gives otherwise", shorten(line));
            return Err(ReadError::at(number, message));
        }
        known.mask |= masked.mask;
        known.value |= masked.value;
    }
    registers.retain(|_, masked| masked.mask != 0);
    if registers.is_empty() {
        return Err(ReadError::whole("masks that give no bit: all of them are the host's"));
    }
    // The masks of one vendor's CPUs say nothing of another's.
    let vendor = match wanted {
        Some("intel") => Some([(Register::Ebx, b"Genu"), (Register::Edx, b"ineI"), (Register::Ecx, b"ntel")]),
        Some("amd") => Some([(Register::Ebx, b"Auth"), (Register::Edx, b"enti"), (Register::Ecx, b"cAMD")]),
        _ => None,
    };
    for (register, text) in vendor.into_iter().flatten() {
        let given = Masked { mask: u32::MAX.into(), value: u32::from_le_bytes(*text).into() };
        registers.entry((LeafId::new(0, 0), register)).or_insert(given);
    }
    Ok(Input::Template(Box::new(Template::new(registers, BTreeMap::new()))))
}

/// `featMask.vm.cpuid.PDPE1GB = "Val:1"`: the bit of a feature by its name.
fn by_name(line: usize, name: &str, value: &str) -> Result<((LeafId, Register), Masked), ReadError> {
    let worlds = [Namespace::Qemu, Namespace::Libvirt, Namespace::Linux, Namespace::Manual];
    match (value, &places(name, &worlds)[..]) {
        ("Val:0" | "Val:1", [Place::Cpuid { id, register, bits, .. }]) if bits.is_one() => {
            let mask = 1 << bits.lo;
            Ok(((*id, *register), Masked { mask, value: if value == "Val:1" { mask } else { 0 } }))
        }
        _ => {
            let message = format!("featMask `{} = {}` is not understood", shorten(name), shorten(value));
            Err(ReadError::at(line, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::read_part;
    use super::*;

    fn template(text: &str, part: Option<&str>) -> Result<Template, String> {
        match read_part(text.as_bytes(), None, part) {
            Ok(Input::Template(template)) => Ok(*template),
            Ok(other) => panic!("{text}: {other:?}"),
            Err(e) => Err(e.to_string()),
        }
    }

    const MASK: &str = "numvcpus = \"4\"\r\ncpuid.coresPerSocket = \"2\"\r\ncpuid.1.ecx = \"T--F:0R--:----:--1-:----:----:--h-:x---\"\r\n";

    #[test]
    fn a_mask_gives_what_the_guest_is_told() {
        let read = template(MASK, None).expect("a mask");
        let ecx = [31, 30, 28, 27, 26, 25, 17, 5, 3].map(|bit| read.gives(Place::bit(1, 0, Register::Ecx, bit)));
        assert_eq!(ecx, [Some(true), None, Some(false), Some(false), Some(false), None, Some(true), None, None]);
        let spaces = MASK.replace(':', " ").replace("CPUID", "cpuid");
        assert_eq!(template(&spaces, None), Ok(read));
        let plain = "cpuid.7.0.ebx = \"-------------0------------------\"\nfeatMask.vm.cpuid.AVX512F = \"Val:0\"\n";
        let read = template(plain, None).expect("a mask");
        let ebx = [18, 16, 5].map(|bit| read.gives(Place::bit(7, 0, Register::Ebx, bit)));
        assert_eq!(ebx, [Some(false), Some(false), None]);
    }

    #[test]
    fn a_vendors_masks_are_chosen() {
        let text = format!("{MASK}cpuid.80000001.ecx.amd = \"----:----:----:----:----:----:----:-0--\"\n");
        assert!(template(&text, None).unwrap_err().starts_with("4: a mask for amd alone"));
        let svm = Place::bit(0x8000_0001, 0, Register::Ecx, 2);
        assert_eq!(template(&text, Some("amd")).map(|t| t.gives(svm)), Ok(Some(false)));
        assert_eq!(template(&text, Some("intel")).map(|t| t.gives(svm)), Ok(None));
    }

    #[test]
    fn no_mask_is_passed_over() {
        let good = "cpuid.1.ecx = \"----:----:----:----:----:----:----:---1\"\n";
        let mask = "cpuid.7.0.ebx = \"----:----:----:----:----:----:--0-:----\"";
        for bad in [
            format!("{mask} # hidden"),
            mask.replace('"', "'"),
            mask.replace('"', ""),
            mask.trim_end_matches('"').to_string(),
            mask.replace("ebx", "exb"),
            mask.replace("7.0", "0x7.0"),
            mask.replace("7.0", "7.0.0"),
            mask.replace("7.0", "d.10"),
            mask.replace("7.0", "d.a"),
            mask.replace("ebx", "ebx.inel"),
            mask.replace(" = ", ": "),
            format!("{mask};"),
            format!("vm2.vmx:{mask}"),
            mask[..30].to_string(),
            "featMask.vm.cpuid.AVX2 = Val:0".to_string(),
            "featMask.evc.cpuid.AVX2 = \"Val:0\"".to_string(),
        ] {
            let error = template(&format!("{good}{bad}\n"), None).expect_err(&bad);
            assert!(error.starts_with("2: a mask that cannot be read"), "{bad}: {error}");
        }
        for other in [
            "cpuid.coresPerSocket = 2",
            "#cpuid.7.0.ebx = \"0\"",
            "hypervisor.cpuid.v0 = \"TRUE\"",
            "featMask.vm.hv.capable = \"Min:1\"",
            "guestinfo.x = \"cpuid.1.eax\"",
        ] {
            assert_eq!(template(&format!("{good}{other}\n"), None), template(good, None), "{other}");
        }
        let hidden = template(&format!("{good}hypervisor.cpuid.v0 = \"FALSE\"\n"), None).expect("a mask");
        assert_eq!(hidden.gives(Place::bit(1, 0, Register::Ecx, 31)), Some(false));
        let amd = template(good, Some("amd")).expect("a mask");
        assert_eq!([0, 1].map(|bit| amd.gives(Place::bit(0, 0, Register::Ebx, bit))), [Some(true), Some(false)]);
    }

    #[test]
    fn what_is_not_documented_is_refused_by_its_line() {
        for (bad, words) in [
            ("cpuid.1.ecx = \"----:0---\"\n", "expected a mask of 32"),
            ("cpuid.1.eax = \"0000000X\"\n", "expected a mask of 32"),
            ("cpuid.1.ecx = \"----:0---:----:--?-:----:----:----:----\"\n", "`?` is no sign"),
            ("featMask.vm.cpuid.BOGUS = \"Val:0\"\n", "`bogus = Val:0` is not understood"),
            ("featMask.vm.cpuid.AES = \"Max:1\"\n", "`aes = Max:1` is not understood"),
        ] {
            let error = template(bad, None).unwrap_err();
            assert!(error.starts_with("1: ") && error.contains(words), "{error}");
        }
        let twice = MASK.replace("numvcpus = \"4\"", "CPUID.1.ECX = \"----:1---:----:----:----:----:----:----\"");
        assert!(template(&twice, None).unwrap_err().contains("again, first in line 1"));
        assert!(template("cpuid.1.ecx = \"----:----:----:----:----:----:--h-:----\"\n", None).is_err());
    }
}
