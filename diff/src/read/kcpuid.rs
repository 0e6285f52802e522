//! `kcpuid -r` of the Linux tree. Written from its print statements (tools/arch/x86/kcpuid/kcpuid.c `leaf_print_raw`,
//! Linux 5.13 to 6.16); no file was at hand.
//!
//! ```text
//! Basic Leafs :
//! ================
//! 0x00000001: EAX=0x000306c3, EBX=0x03100800, ECX=0x7fdafbbf, EDX=0xbfebfbff
//! 0x00000004: subleafs:
//!   1: EAX=0x1c004122, EBX=0x01c0003f, ECX=0x0000003f, EDX=0x00000000
//! ```
//! Subleaves are decimal. Newer versions print "Standard Leafs" and know more leaves with subleaves.

use cpuid_probe::Registers;
use cpuid_probe::text::hex8;

use super::builder::Builder;
use super::{Input, Read, ReadError, Reader, line, shorten, skip};

pub(super) const READER: Reader =
    Reader { name: "kcpuid", about: "Linux's `kcpuid -r`", recognise, read: Read::One(read) };

const KCPUID: &str = "`0xLEAF: EAX=0x…, EBX=0x…, ECX=0x…, EDX=0x…`, each 8 hex digits, or `SUBLEAF: EAX=0x…, …` below \
                      `0xLEAF: subleafs:`";

const LIMITS: [&str; 2] = [
    "kcpuid leaves out all leaves and subleaves that are zero, and reads one CPU",
    "kcpuid reads no hypervisor leaves",
];

fn recognise(text: &str) -> bool {
    [(": EAX=0x", ", EBX=0x"), (": eax=0x", ", ebx=0x"), (": EAX=0X", ", EBX=0X")]
        .iter()
        .any(|(first, second)| text.contains(first) && text.contains(second))
}

fn read(text: &str) -> Result<Input, ReadError> {
    let mut builder = Builder::new(READER.name);
    builder.one_a_run = true;
    builder.limits = LIMITS.map(str::to_string).to_vec();
    let mut subleaves_of = None;
    for (number, line) in line::lines(text) {
        let error = || ReadError::at(number, format!("expected {KCPUID}; found `{}`", shorten(line)));
        let lower = line::lower(line);
        let (place, rest) = lower.split_once(':').unwrap_or((&lower, ""));
        let begins_a_list = matches!(rest.trim(), "subleafs" | "subleafs:");
        if let Some(leaf) = place.strip_prefix("0x") {
            let leaf = hex8(leaf).ok_or_else(error)?;
            if begins_a_list {
                subleaves_of = Some(leaf);
            } else {
                subleaves_of = None;
                builder.leaf(number, leaf, Some(0), registers(rest).ok_or_else(error)?)?;
            }
        } else if begins_a_list {
            // What follows does not belong to the leaf above.
            return Err(error());
        } else if rest.contains("eax=") {
            let (leaf, subleaf) = (subleaves_of.ok_or_else(error)?, place.parse().map_err(|_| error())?);
            builder.leaf(number, leaf, Some(subleaf), registers(rest).ok_or_else(error)?)?;
        } else {
            skip(number, line)?;
        }
    }
    builder.finish(KCPUID).map(|dump| Input::Dump(Box::new(dump)))
}

fn registers(values: &str) -> Option<Registers> {
    let mut values = values.split(',');
    let mut next = |name: &str| hex8(values.next()?.trim().strip_prefix(name)?.strip_prefix("=0x")?);
    let registers = Registers::new(next("eax")?, next("ebx")?, next("ecx")?, next("edx")?);
    if values.next().is_some() { None } else { Some(registers) }
}

#[cfg(test)]
mod tests {
    use cpuid_probe::LeafId;

    use super::*;

    const TEXT: &str = "Standard Leafs :\n================\n\
        0x00000000: EAX=0x0000000d, EBX=0x756e6547, ECX=0x6c65746e, EDX=0x49656e69\n\
        0x0000000d: subleafs:\n\
        \x20 0: EAX=0x00000007, EBX=0x00000340, ECX=0x00000340, EDX=0x00000000\n\
        \x2011: EAX=0x00000010, EBX=0x00000000, ECX=0x00000001, EDX=0x00000000\n\
        Extended Leafs :\n================\n\
        0x80000000: EAX=0x80000008, EBX=0x00000000, ECX=0x00000000, EDX=0x00000000\n";

    #[test]
    fn subleaves_are_decimal() {
        for text in [TEXT.to_string(), TEXT.to_uppercase(), TEXT.to_lowercase()] {
            assert!(recognise(&text));
            let Ok(Input::Dump(dump)) = read(&text) else { panic!("{text}") };
            let ids: Vec<LeafId> = dump.vcpus[0].leaves().iter().map(|r| r.id).collect();
            assert_eq!(ids, [(0, 0), (13, 0), (13, 11), (0x8000_0000, 0)].map(|(leaf, sub)| LeafId::new(leaf, sub)));
        }
    }

    #[test]
    fn damage_is_named() {
        for (from, to, line) in [
            ("EDX=0x49656e69", "EDX=0x49656e6", 3),
            ("0x0000000d: sub", "0x000000d: sub", 4),
            ("0x0000000d: subleafs:\n", "", 4),
            ("0x0000000d: sub", "0x00000004: subleafs:\nx0000000d: sub", 5),
            (" 11: EAX", " x1: EAX", 6),
        ] {
            assert_eq!(read(&TEXT.replace(from, to)).unwrap_err().line, Some(line), "{to}");
        }
    }
}
