//! Xen's own lists of features: XAPI's `features_*`, `hw_caps` of `xl info`, the table of `xen-cpuid`; and the `cpuid` of an
//! xl configuration, a masked promise.
//!
//! # Source
//! Xen 4.17 tools/misc/xen-cpuid.c (`decodes`, the order of words), xen/include/public/arch-x86/cpufeatureset.h;
//! docs/man/xl.cfg.5.pod (`cpuid`); xapi-project xen-api ocaml/xapi-cli-server and xenopsd (`features_hvm`).

use std::collections::BTreeMap;

use cpuid_probe::dump::Whose;
use cpuid_probe::place::{BitRange, Place};
use cpuid_probe::{LeafId, Register};

use super::super::line::lines;
use super::super::said::{Said, places};
use super::super::xen::fold;
use super::super::{Input, Read, ReadError, Reader, shorten};
use crate::knowledge::Namespace;
use crate::view::clock::integer;
use crate::view::template::{Masked, Template};

pub(in crate::read) const READER: Reader = Reader {
    name: "xen-words",
    about: "Xen's feature words: XAPI's features_hvm, hw_caps, the table of xen-cpuid; of several one by name",
    recognise,
    read: Read::Named(read),
};

pub(in crate::read) const XL: Reader = Reader {
    name: "xl",
    about: "the cpuid setting of an xl configuration: what a guest is to have, bit by bit",
    recognise: recognise_xl,
    read: Read::One(read_xl),
};

/// A word of a feature set: what `xen-cpuid` calls it, and which register or half of an MSR it is.
#[rustfmt::skip]
const WORDS: &[(&str, Place)] = &[
    ("1d", whole(0x1, 0, Register::Edx)), ("1c", whole(0x1, 0, Register::Ecx)),
    ("e1d", whole(0x8000_0001, 0, Register::Edx)), ("e1c", whole(0x8000_0001, 0, Register::Ecx)),
    ("Da1", whole(0xd, 1, Register::Eax)), ("7b0", whole(0x7, 0, Register::Ebx)), ("7c0", whole(0x7, 0, Register::Ecx)),
    ("e7d", whole(0x8000_0007, 0, Register::Edx)), ("e8b", whole(0x8000_0008, 0, Register::Ebx)),
    ("7d0", whole(0x7, 0, Register::Edx)), ("7a1", whole(0x7, 1, Register::Eax)), ("e21a", whole(0x8000_0021, 0, Register::Eax)),
    ("7b1", whole(0x7, 1, Register::Ebx)), ("7d2", whole(0x7, 2, Register::Edx)), ("7c1", whole(0x7, 1, Register::Ecx)),
    ("7d1", whole(0x7, 1, Register::Edx)), ("m10Al", half(0x10a, 0)), ("m10Ah", half(0x10a, 32)),
    ("e21c", whole(0x8000_0021, 0, Register::Ecx)),
];

const fn whole(leaf: u32, subleaf: u32, register: Register) -> Place {
    Place::cpuid(leaf, subleaf, register, 31, 0)
}

const fn half(index: u32, lo: u8) -> Place {
    Place::Msr { index, bits: BitRange::new(lo + 31, lo) }
}

/// A named set of words.
#[derive(Debug)]
struct Set<'a> {
    name: String,
    line: usize,
    words: Vec<(Option<Place>, u32)>,
    text: &'a str,
}

/// Words of 8 hex digits, joined by one sign: at least five, so that no register set is one.
fn words(text: &str, sign: char) -> Option<Vec<u32>> {
    let end = text.find(|c: char| !c.is_ascii_hexdigit() && c != sign).unwrap_or(text.len());
    let list = text.get(..end)?.trim_end_matches(sign);
    let words: Option<Vec<u32>> =
        list.split(sign).map(|word| u32::from_str_radix(word, 16).ok().filter(|_| word.len() == 8)).collect();
    words.filter(|words| words.len() > 4)
}

/// What stands before the words of a set: `features_hvm: `, `HVM Max   `, nothing.
fn sets(text: &str) -> Vec<Set<'_>> {
    let mut sets: Vec<Set<'_>> = Vec::new();
    let mut keys: Option<Vec<Option<Place>>> = None;
    let mut above = "";
    for (number, line) in lines(text) {
        // The rest of a set that was wrapped begins with no first word.
        if goes_on(std::mem::replace(&mut above, line), line) {
            continue;
        }
        if let Some(names) = line.strip_prefix("KEY ") {
            let place = |name: &str| WORDS.iter().find(|(word, _)| *word == name).map(|(_, place)| *place);
            keys = Some(names.split_ascii_whitespace().map(place).collect());
            continue;
        }
        // Several sets on a line are told apart by semicolons.
        for part in line.split(';') {
            for sign in ['-', ':'] {
                let mut from = 0;
                while let Some(at) = part[from..].find(|c: char| c.is_ascii_hexdigit()).map(|at| at + from) {
                    let free = part[..at].chars().next_back().is_none_or(|c| !c.is_ascii_alphanumeric() && c != sign);
                    match free.then(|| words(&part[at..], sign)).flatten() {
                        Some(found) => {
                            let name = part[..at].trim().trim_end_matches([':', '=', '(', '"', '\'']).trim();
                            let name = name.rsplit(['\t', '"']).next().unwrap_or_default().trim();
                            let name = name.rsplit_once("): ").map_or(name, |(_, name)| name);
                            let order: Vec<Option<Place>> = match &keys {
                                Some(keys) if sign == ':' => keys.clone(),
                                _ => WORDS.iter().map(|(_, place)| Some(*place)).collect(),
                            };
                            let len = found.len() * 9 - 1;
                            let placed = found.into_iter().enumerate();
                            let placed = placed.map(|(n, word)| (order.get(n).copied().flatten(), word)).collect();
                            sets.push(Set {
                                name: name.to_string(),
                                line: number,
                                words: placed,
                                text: &part[at..at + len],
                            });
                            from = at + len;
                        }
                        None => from = at + 1,
                    }
                    if from >= part.len() {
                        break;
                    }
                }
            }
        }
    }
    sets
}

/// Whether a set that was wrapped goes on in a line: the one above ends, or it begins, between two words or within one.
fn goes_on(above: &str, line: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    ['-', ':'].into_iter().any(|sign| {
        let before = above.rsplit_once(sign).is_some_and(|(words, rest)| {
            let word = words.len().checked_sub(8).and_then(|at| words.get(at..));
            word.is_some_and(is_hex) && rest.len() < 8 && is_hex(rest)
        });
        before || line.starts_with(sign) && line.get(1..9).is_some_and(is_hex)
    })
}

fn recognise(text: &str) -> bool {
    let may_be =
        text.contains("features") || text.contains("hw_caps") || text.contains("KEY ") || text.trim().len() < 400;
    may_be && !text.trim_start().starts_with(['<', '{']) && !sets(text).is_empty()
}

/// Whose CPU a set describes; nothing where its name does not say.
fn whose(name: &str) -> Option<Whose> {
    match fold(name).as_str() {
        "raw" | "host" | "hw-caps" => Some(Whose::Hardware),
        name if name.starts_with("features-hvm") || name.starts_with("hvm") => Some(Whose::Offer),
        name if name.starts_with("features-pv") || name.starts_with("pv") => Some(Whose::Offer),
        _ => None,
    }
}

/// Sets that are about Xen, not about a CPU.
const STATIC: [&str; 3] = ["known", "special", "inverted"];

fn read(text: &str, wanted: Option<&str>) -> Result<Input, ReadError> {
    let mut all = sets(text);
    all.retain(|set| !STATIC.contains(&fold(&set.name).as_str()));
    let names = || all.iter().map(|set| fold(&set.name)).collect::<Vec<_>>().join(" ");
    let chosen = match wanted {
        Some(wanted) => all.iter().find(|set| fold(&set.name) == fold(wanted)).ok_or_else(|| {
            ReadError::whole(format!("no set `{}` in this file, expected one of: {}", shorten(wanted), names()))
        })?,
        None => match all.as_slice() {
            [] => {
                return Err(ReadError::whole(
                    "no feature words of Xen's, expected 8 hex digits each, joined by - or :",
                ));
            }
            [first, rest @ ..] if rest.iter().all(|set| set.text == first.text) => first,
            _ => {
                let message = format!(
                    "{} sets of Xen's feature words; choose one with FILE#NAME or --from xen-words:NAME: {}",
                    all.len(),
                    names()
                );
                return Err(ReadError::whole(message));
            }
        },
    };
    let has =
        |place: Place, bit: u32| chosen.words.iter().any(|(word, value)| *word == Some(place) && value >> bit & 1 == 1);
    // Before Xen 4.7 the words had another order, and `lm` was in the second.
    if !has(whole(0x8000_0001, 0, Register::Edx), 29) {
        let message = "the third word has no lm: words in the order of Xen before 4.7, or of a 32-bit guest; give `xen-cpuid -p` \
                       or a dump";
        return Err(ReadError::at(chosen.line, message));
    }
    let mut said = Said::new(READER.name);
    let mut unplaced = 0;
    for (n, (place, value)) in chosen.words.iter().enumerate() {
        match place {
            Some(place) => said.state(chosen.line, *place, (*value).into())?,
            None => {
                unplaced += 1;
                if *value != 0 {
                    said.beside.insert(format!("word {}", n + 1), format!("{value:#010x}"));
                }
            }
        }
    }
    if unplaced > 0 {
        said.limit(&format!("{unplaced} words of the set have names that are not known here"));
    }
    if let Some(vendor) = text.split("vendor:").nth(1).map(|rest| rest.trim_start()) {
        let end = vendor.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(vendor.len());
        said.vendor(chosen.line, &vendor[..end])?;
    }
    said.of = whose(&chosen.name).or(Some(Whose::Unclear));
    said.limit("feature words alone: Xen fills in other leaves, and what is in other words is unknown");
    Ok(Input::Dump(Box::new(said.finish())))
}

/// The quoted strings of `cpuid = [ … ]` or `cpuid = "…"`, each with its line.
type Strings<'a> = Vec<(usize, &'a str)>;

/// Every `cpuid` of a configuration.
///
/// # Errors
/// A list without its end.
fn settings(text: &str) -> Result<Vec<Strings<'_>>, ReadError> {
    let mut found = Vec::new();
    let (mut at, mut until) = (0, 0);
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let start = at;
        at += line.len();
        if start < until {
            continue;
        }
        let value = line.trim_start().strip_prefix("cpuid").and_then(|rest| rest.trim_start().strip_prefix('='));
        let Some(value) = value.map(|rest| &text[at - rest.len()..]) else { continue };
        let end = match value.trim_start().chars().next() {
            Some('[') => value.find(']').ok_or_else(|| ReadError::at(number, "cpuid = [ without its `]`: cut off"))?,
            _ => value.find('\n').unwrap_or(value.len()),
        };
        until = text.len() - value.len() + end;
        // A string may be of several lines, as xend's examples have it.
        let mut strings = Vec::new();
        let mut line = number;
        for (n, part) in value[..end].split(['"', '\'']).enumerate() {
            if n % 2 == 1 {
                strings.push((line, part));
            }
            line += part.matches('\n').count();
        }
        if !strings.is_empty() {
            found.push(strings);
        }
    }
    Ok(found)
}

fn recognise_xl(text: &str) -> bool {
    text.contains("cpuid") && settings(text).map_or(true, |found| !found.is_empty())
}

/// The one setting of a configuration.
fn setting(text: &str) -> Result<Strings<'_>, ReadError> {
    let mut all = settings(text)?.into_iter();
    let first = all.next().ok_or_else(|| ReadError::whole("no `cpuid = [ \"LEAF:REGISTER=BITS\" ]`"))?;
    let inside = |strings: &Strings<'_>| strings.iter().map(|(_, inside)| inside.to_string()).collect::<Vec<_>>();
    let line = |strings: &Strings<'_>| strings.first().map_or(1, |(line, _)| *line);
    match all.find(|other| inside(other) != inside(&first)) {
        Some(other) => {
            let message = format!("a second cpuid, after that of line {}; keep one configuration a file", line(&first));
            Err(ReadError::another(line(&other), message))
        }
        None => Ok(first),
    }
}

fn read_xl(text: &str) -> Result<Input, ReadError> {
    let mut registers: BTreeMap<(LeafId, Register), Masked> = BTreeMap::new();
    let mut give = |line: usize, id: LeafId, register: Register, bit: u8, one: bool| {
        let masked = registers.entry((id, register)).or_insert(Masked { mask: 0, value: 0 });
        let value = u64::from(one) << bit;
        if masked.mask >> bit & 1 == 1 && (masked.value ^ value) >> bit & 1 == 1 {
            return Err(ReadError::at(line, format!("{id} {register}[{bit}] is given twice, and not alike")));
        }
        masked.mask |= 1 << bit;
        masked.value |= value;
        Ok(())
    };
    for (line, setting) in setting(text)? {
        let expected = || {
            let found = shorten(setting);
            ReadError::at(
                line,
                format!("expected `LEAF[,SUBLEAF]:REGISTER=32 of 0 1 x k s` or `host,NAME=0|1`; found `{found}`"),
            )
        };
        if let Some(names) = setting.strip_prefix("host") {
            for part in names.split(',').map(str::trim).filter(|part| !part.is_empty()) {
                let (name, value) = part.split_once('=').ok_or_else(expected)?;
                let worlds = [Namespace::Qemu, Namespace::Libvirt, Namespace::Linux, Namespace::Manual];
                match (value, &places(name, &worlds)[..]) {
                    ("x" | "k" | "s", _) => {}
                    ("0" | "1", [Place::Cpuid { id, register, bits, .. }]) if bits.is_one() => {
                        give(line, *id, *register, bits.lo, value == "1")?;
                    }
                    _ => return Err(ReadError::at(line, format!("`{}` is not understood", shorten(part)))),
                }
            }
            continue;
        }
        let (place, list) = setting.split_once(':').ok_or_else(expected)?;
        let number = |text: &str| integer(text.trim()).and_then(|n| u32::try_from(n).ok());
        let (leaf, subleaf) = match place.split_once(',') {
            Some((leaf, subleaf)) => (number(leaf), number(subleaf)),
            None => (number(place), Some(0)),
        };
        let (Some(leaf), Some(subleaf)) = (leaf, subleaf) else { return Err(expected()) };
        for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (register, bits) = part.split_once('=').ok_or_else(expected)?;
            let register = Register::from_name(register.trim()).ok_or_else(expected)?;
            let bits: Vec<char> = bits.trim().chars().filter(|c| *c != '_').collect();
            if bits.len() != 32 {
                return Err(expected());
            }
            for (bit, c) in (0u8..32).rev().zip(bits) {
                match c {
                    '0' | '1' => give(line, LeafId::new(leaf, subleaf), register, bit, c == '1')?,
                    'x' | 'k' | 's' | 'X' | 'K' | 'S' => {}
                    _ => return Err(expected()),
                }
            }
        }
    }
    if registers.is_empty() {
        return Err(ReadError::whole("a cpuid setting that changes nothing"));
    }
    Ok(Input::Template(Box::new(Template::new(registers, BTreeMap::new()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{DumpView, Role, Seen};

    fn input(text: &str, from: Option<&str>) -> Input {
        crate::read::read(text.as_bytes(), from).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    const SETS: &str = "178bfbff-f6fa3203-2fd3fbff-040001f3-0000000f-219c01a9-0040060c-00000100-101ed005-00000000";

    #[test]
    fn a_set_states_its_words() {
        let colons = SETS.replace('-', ":");
        for (text, from, role) in [
            (SETS.to_string(), None, Role::Unknown),
            (
                format!(" cpu_info (MRO): vendor: AuthenticAMD; features_hvm_host: {SETS}; features_hvm: {SETS}\n"),
                None,
                Role::Offer,
            ),
            (format!("hw_caps                : {colons}\n"), None, Role::Hardware),
            (
                format!(
                    "KEY 1d 1c e1d e1c Da1 7b0 7c0 e7d e8b 7d0\nKnown  {}\nRaw   {colons}\nHVM Max   {colons}\n",
                    colons.replace('1', "9")
                ),
                Some("xen-words:hvm-max"),
                Role::Offer,
            ),
        ] {
            let Input::Dump(dump) = input(&text, from) else { panic!("{text}") };
            let view = DumpView::of(&dump);
            assert_eq!(view.vcpus[0].see(Place::bit(1, 0, Register::Ecx, 25)), Seen::Value(1), "{text}");
            assert_eq!(view.vcpus[0].see(Place::bit(7, 0, Register::Ebx, 16)), Seen::Value(0));
            assert!(matches!(view.vcpus[0].see(Place::bit(7, 1, Register::Eax, 4)), Seen::NotCaptured(_)));
            assert_eq!(Role::of(&view), role, "{text}");
        }
        let several = format!("Raw  {colons}\nHost  {}\n", colons.replacen("178b", "179b", 1));
        let error = crate::read::read(several.as_bytes(), None).unwrap_err().to_string();
        assert!(error.contains("choose one") && error.contains("raw host"), "{error}");
    }

    #[test]
    fn a_config_of_windows_is_read_alike() {
        let config = "name = \"vm\"\nmemory = 512\ncpuid = [ \"0x1:ecx=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx0\" ]\n";
        let read = |text: &str| {
            setting(text).map(|found| found.into_iter().map(|(n, s)| (n, s.to_string())).collect::<Vec<_>>())
        };
        assert!(read(config).is_ok());
        assert_eq!(read(&config.replace('\n', "\r\n")), read(config));
    }

    #[test]
    fn xl_gives_bits() {
        let bits = "x00xxxxxx0xxxxxxxxx00xxxxxxxxxxx";
        for text in [
            format!("name = \"vm\"\ncpuid = [ \"0x1:ecx={bits}\", \"0x7,0x0:ebx={}\" ]\n", "x".repeat(31) + "1"),
            format!("cpuid = [\n  '1:ecx={bits}',\n]\n"),
            format!("cpuid = [ '1:ecx={bits},\n    eax={}' ]\n", "x".repeat(32)),
        ] {
            let Input::Template(template) = input(&text, None) else { panic!("{text}") };
            let ecx = |bit| template.gives(Place::bit(1, 0, Register::Ecx, bit));
            assert_eq!((ecx(30), ecx(31), ecx(11), ecx(0)), (Some(false), None, Some(false), None), "{text}");
        }
        let Input::Template(template) = input("cpuid=\"host,aes=0,avx2=1,x2apic=k\"\n", None) else { panic!() };
        assert_eq!(template.gives(Place::bit(1, 0, Register::Ecx, 25)), Some(false));
        assert_eq!(template.gives(Place::bit(7, 0, Register::Ebx, 5)), Some(true));
        for bad in ["cpuid = [ \"0x1:ecx=01\" ]", "cpuid = [ \"0x1:eex=x\" ]", "cpuid=\"host,bogus=0\""] {
            assert!(crate::read::read(bad.as_bytes(), None).unwrap_err().line.is_some(), "{bad}");
        }
    }
}
