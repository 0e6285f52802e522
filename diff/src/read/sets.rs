//! Forms of other hypervisors and tools that hold one or more named tables of register sets: VirtualBox's and VMware's logs,
//! `.vmx` files, XTF's output, x86info, hwloc-gather-cpuid, definitions of Intel SDE.
//!
//! # Source
//! VirtualBox src/VBox/VMM/VMMR3/CPUMR3CpuId.cpp (`cpumR3CpuIdInfo*`); logs and `.vmx` files of VMware Workstation; XTF
//! tests/cpuid/main.c; x86info x86info.c (`dump_raw_cpuid`); hwloc utils/hwloc/hwloc-gather-cpuid.c (`dump_one_proc`); Intel
//! SDE misc/cpuid/*.def.

use cpuid_probe::Registers;
use cpuid_probe::dump::{Dump, Whose};
use cpuid_probe::text::hex8;

use super::builder::Builder;
use super::line::{Line, header, lines, lower, short_hex};
use super::{Input, Read, ReadError, Reader, definitions, shorten, skip};
use crate::list;

/// What a dump of a `.vmx` file says where the file also has masks.
pub const MASKS_BESIDE: &str = "the file's CPUID masks were not read (--from vmx-masks reads them)";

/// A register set of a table.
#[derive(Debug, PartialEq)]
struct Entry<'a> {
    /// The table's name.
    set: &'a str,
    leaf: u32,
    subleaf: Option<u32>,
    registers: Registers,
    /// The number of the CPU, where the form has headers.
    cpu: Option<u32>,
}

/// What a line is read by: the table and the leaf of the lines before it.
#[derive(Debug, Default)]
struct State<'a> {
    set: &'a str,
    leaf: Option<(u32, u32)>,
    cpu: Option<u32>,
    /// A line of the form stands above.
    begun: bool,
}

/// Reads a line of a form: not of it, an entry, or begun like one and damaged.
type Form = for<'a> fn(&'a str, &mut State<'a>) -> Result<Option<Entry<'a>>, &'static str>;

macro_rules! reader {
    ($name:ident, $word:literal, $about:literal, $form:ident) => {
        pub(super) const $name: Reader = Reader {
            name: $word,
            about: $about,
            recognise: |text| recognise(text, $form),
            read: Read::Named(|text, wanted| read($word, text, wanted, $form)),
        };
    };
}

reader!(VBOX, "vbox", "VirtualBox's log: the guest's or the host's table", vbox);
reader!(VMWARE, "vmware", "VMware's log (vmware.log): the guest's, the host's or one CPU's table", vmware);
reader!(VMX, "vmx", "CPUID records of a VMware .vmx file: the guest's, the host's or the user's", vmx);
reader!(XTF, "xtf", "the output of XTF's cpuid tests", xtf);
reader!(X86INFO, "x86info", "`x86info -r`", x86info);
reader!(HWLOC, "hwloc", "a file of hwloc-gather-cpuid", hwloc);
reader!(SDE, "sde", "a CPUID definition of Intel SDE", sde);

fn recognise(text: &str, form: Form) -> bool {
    let mut state = State::default();
    lines(text).any(|(_, line)| matches!(form(line, &mut state), Ok(Some(_)) | Err(_)))
}

fn read(format: &'static str, text: &str, wanted: Option<&str>, form: Form) -> Result<Input, ReadError> {
    let mut state = State::default();
    let mut entries: Vec<(usize, Entry<'_>)> = Vec::new();
    for (number, line) in lines(text) {
        match form(line, &mut state) {
            Ok(Some(entry)) => entries.push((number, entry)),
            Ok(None) => skip(number, line)?,
            Err(expected) => {
                return Err(ReadError::at(number, format!("expected {expected}; found `{}`", shorten(line))));
            }
        }
    }
    let mut names: Vec<&str> = Vec::new();
    for (_, entry) in &entries {
        if !names.contains(&entry.set) {
            names.push(entry.set);
        }
    }
    let masks = if format == VMX.name { definitions::vmware::masks_beside(text) } else { Vec::new() };
    let chosen = match (wanted, names.as_slice()) {
        (Some(wanted), _) => names.iter().find(|name| name.eq_ignore_ascii_case(wanted)).ok_or_else(|| {
            ReadError::whole(format!(
                "no table `{}` in this file, expected one of: {}",
                shorten(wanted),
                names.join(" ")
            ))
        })?,
        (None, [one]) => one,
        (None, []) => return Err(ReadError::whole("no register set in this file")),
        (None, _) => {
            let other = if masks.is_empty() { "" } else { "; --from vmx-masks reads its CPUID masks instead" };
            let message = format!(
                "{} tables; choose one with FILE#NAME or --from {format}:NAME: {}{other}",
                names.len(),
                names.join(" ")
            );
            return Err(ReadError::whole(message));
        }
    };
    let mut builder = Builder::new(format);
    // x86info alone prints more than one CPU.
    builder.one_a_run = format != X86INFO.name;
    builder.label = Some((*chosen).to_string()).filter(|name| !name.is_empty());
    if !masks.is_empty() {
        builder.limit(&format!("{MASKS_BESIDE}: {}", list::first(&masks, 4)));
    }
    let mut cpu = None;
    for (number, entry) in entries.iter().filter(|(_, entry)| entry.set == *chosen) {
        if entry.cpu != cpu {
            cpu = entry.cpu;
            builder.header(*number, cpu)?;
        }
        builder.leaf(*number, entry.leaf, entry.subleaf, entry.registers)?;
    }
    let mut dump = builder.finish("a line of this form")?;
    if let Some(imported) = &mut dump.provenance.imported {
        imported.of = whose(chosen);
    }
    Ok(Input::Dump(Box::new(dump)))
}

/// The number of the CPU whose file in a folder of hwloc-gather-cpuid has this name: `pu3`.
#[must_use]
pub fn cpu_of_file(name: &str) -> Option<u32> {
    name.strip_prefix("pu")?.parse().ok().filter(|cpu: &u32| format!("pu{cpu}") == name)
}

/// Whether a file in such a folder seems to be a CPU's, and its name is another: `pu3.gz`, `pu03`.
#[must_use]
pub fn is_like_cpu_of_file(name: &str) -> bool {
    let is_number = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
    cpu_of_file(name).is_none() && name.to_ascii_lowercase().strip_prefix("pu").is_some_and(is_number)
}

/// Reads the files of such a folder, each a CPU's, as one machine's.
///
/// # Errors
/// What is wrong with one file, which is named by its CPU; the CPUs are not of one machine.
pub fn read_folder(files: &[(u32, String)]) -> Result<Dump, (Option<u32>, ReadError)> {
    let mut text = String::new();
    for (cpu, file) in files {
        read(HWLOC.name, file, None, hwloc).map_err(|e| (Some(*cpu), e))?;
        if let Some((number, line)) = lines(file).find(|(_, line)| header(line).is_some()) {
            let message = format!("the heading of a CPU, expected the file of one; found `{}`", shorten(line));
            return Err((Some(*cpu), ReadError::at(number, message)));
        }
        text.push_str(&format!("CPU {cpu}:\n{file}\n"));
    }
    match read(HWLOC.name, &text, None, hwloc) {
        Ok(Input::Dump(dump)) => Ok(*dump),
        Ok(_) => Err((None, ReadError::whole("no register set in this folder"))),
        Err(_) => Err((None, ReadError::whole("its files are not the CPUs of one machine"))),
    }
}

/// Whose CPU a table describes.
fn whose(set: &str) -> Option<Whose> {
    if set.contains("guest") || ["native", "emulated"].contains(&set) {
        Some(Whose::Guest)
    } else if set.contains("host") || set.starts_with("cpu") {
        Some(Whose::Hardware)
    } else {
        None
    }
}

/// Four words of 8 hex digits, with or without `0x`, and nothing behind them.
fn four<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Registers> {
    let mut next = || hex8(words.next().map(|word| word.strip_prefix("0x").unwrap_or(word))?);
    let registers = Registers::new(next()?, next()?, next()?, next()?);
    words.next().is_none().then_some(registers)
}

/// `Gst: 00000001/0000  000906ea 00020800 d6fa2203 178bfbff`; `Hst:` below it may leave out the leaf.
fn vbox<'a>(line: &'a str, state: &mut State<'a>) -> Result<Option<Entry<'a>>, &'static str> {
    let (set, rest) = match (line.split_once("Gst: "), line.split_once("Hst: ")) {
        (Some((_, rest)), _) => ("guest", rest),
        (_, Some((_, rest))) => ("host", rest),
        _ => return Ok(None),
    };
    let mut read = || {
        let mut words = rest.split_ascii_whitespace().peekable();
        if let Some((leaf, subleaf)) = words.peek().and_then(|word| word.split_once('/')) {
            state.leaf = Some((hex8(leaf)?, short_hex(subleaf)?));
            words.next();
        }
        let (leaf, subleaf) = state.leaf?;
        // `*` marks what differs.
        let words = words.map(|word| word.trim_end_matches('*')).filter(|word| !word.is_empty());
        Some(Entry { set, leaf, subleaf: Some(subleaf), registers: four(words)?, cpu: None })
    };
    read().map(Some).ok_or("`Gst: LEAF/SUBLEAF  EAX EBX ECX EDX`, leaf and registers of 8 hex digits")
}

/// `hostCPUID level 00000001, 0: 0x… 0x… 0x… 0x…`; also `guestCPUID`, `CPUID[4]`, `guest vs. host CPUID guest` and `*host`.
fn vmware<'a>(line: &'a str, _: &mut State<'a>) -> Result<Option<Entry<'a>>, &'static str> {
    let Some((before, rest)) = line.split_once(" level ") else { return Ok(None) };
    let word = before.rsplit(' ').next().unwrap_or_default();
    let set = match word {
        "hostCPUID" => "host",
        "guestCPUID" => "guest",
        "guest" if before.ends_with("vs. host CPUID guest") => "differing-guest",
        "*host" | "host" if before.contains("vs. host CPUID") => "differing-host",
        _ if word.starts_with("CPUID[") && word.ends_with(']') => word,
        _ => return Ok(None),
    };
    let read = || {
        let (place, values) = rest.split_once(':')?;
        let (leaf, subleaf) = place.split_once(',')?;
        let registers = four(values.split_ascii_whitespace())?;
        Some(Entry { set, leaf: hex8(leaf.trim())?, subleaf: Some(short_hex(subleaf.trim())?), registers, cpu: None })
    };
    read().map(Some).ok_or("`hostCPUID level LEAF, SUBLEAF: EAX EBX ECX EDX`, leaf and registers of 8 hex digits")
}

/// `hostCPUID.80000001 = "32 hex digits"`. The case of a key does not matter.
fn vmx<'a>(line: &'a str, _: &mut State<'a>) -> Result<Option<Entry<'a>>, &'static str> {
    let without = |line: &'a str, head: &str| {
        let (start, rest) = line.split_at_checked(head.len())?;
        start.eq_ignore_ascii_case(head).then_some(rest)
    };
    let sets = ["host", "guest", "user"];
    let Some((set, rest)) = sets.iter().find_map(|set| Some((*set, without(without(line, set)?, "CPUID.")?))) else {
        return Ok(None);
    };
    let read = || {
        let (place, value) = rest.split_once('=')?;
        let mut place = place.trim().split('.');
        let (leaf, subleaf) = (short_hex(place.next()?)?, place.next().map_or(Some(0), short_hex)?);
        let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
        let word = |at: usize| hex8(value.get(at..at + 8)?);
        let registers = Registers::new(word(0)?, word(8)?, word(16)?, word(24)?);
        (value.len() == 32).then_some(Entry { set, leaf, subleaf: Some(subleaf), registers, cpu: None })
    };
    read().map(Some).ok_or("`hostCPUID.LEAF = \"EAX EBX ECX EDX\"`, 32 hex digits")
}

/// `  00000007:00000000 -> 00000000:00000281:00000000:9c000400` below `Native cpuid:`.
fn xtf<'a>(line: &'a str, state: &mut State<'a>) -> Result<Option<Entry<'a>>, &'static str> {
    if let Some(name) = line.strip_suffix(" cpuid:") {
        state.set = match name {
            "Native" => "native",
            "Emulated" | "Faulted" => "emulated",
            _ => return Ok(None),
        };
    }
    let is_place = line.split_once(" -> ").is_some_and(|(place, _)| place.len() == 17 && place.contains(':'));
    if state.set.is_empty() || !is_place && !line.contains(" -> ") {
        return Ok(None);
    }
    let read = || {
        let (place, values) = line.split_once(" -> ")?;
        let (leaf, subleaf) = place.split_once(':')?;
        let subleaf = Some(hex8(subleaf)?).filter(|n| *n != u32::MAX).unwrap_or(0);
        Some(Entry {
            set: state.set,
            leaf: hex8(leaf)?,
            subleaf: Some(subleaf),
            registers: four(values.split(':'))?,
            cpu: None,
        })
    };
    read().map(Some).ok_or("`LEAF:SUBLEAF -> EAX:EBX:ECX:EDX`, each 8 hex digits")
}

/// `eax in: 0x00000001, eax = 000406e3 ebx = 00100800 ecx = 7ffafbff edx = bfebfbff`.
fn x86info<'a>(line: &'a str, _: &mut State<'a>) -> Result<Option<Entry<'a>>, &'static str> {
    let lower = lower(line);
    let Some(rest) = lower.strip_prefix("eax in: ") else { return Ok(None) };
    let read = || {
        let (leaf, values) = rest.split_once(',')?;
        let mut words = values.split_ascii_whitespace();
        let mut next = |name: &str| {
            let named = words.next()? == name && words.next()? == "=";
            named.then(|| hex8(words.next().map(|word| word.strip_prefix("0x").unwrap_or(word))?)).flatten()
        };
        let registers = Registers::new(next("eax")?, next("ebx")?, next("ecx")?, next("edx")?);
        let leaf = hex8(leaf.trim().strip_prefix("0x")?)?;
        words.next().is_none().then_some(Entry { set: "", leaf, subleaf: None, registers, cpu: None })
    };
    read().map(Some).ok_or("`eax in: 0xLEAF, eax = … ebx = … ecx = … edx = …`, each 8 hex digits")
}

/// `5 4 0 1 0 => 8000122 1c0003f 3f 1`: which of the inputs count, the inputs, the outputs. A folder of such files has
/// `CPU 3:` above each.
fn hwloc<'a>(line: &'a str, state: &mut State<'a>) -> Result<Option<Entry<'a>>, &'static str> {
    if let Some(Line::Header(number)) = header(line) {
        state.cpu = number;
        return Ok(None);
    }
    const LINE: &str = "`MASK EAX EBX ECX EDX => EAX EBX ECX EDX`, hex digits, MASK 1 or 5";
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let numbers = words.iter().take_while(|word| short_hex(word).is_some()).count();
    // Damaged or cut: three inputs and more are of no other form.
    let next = words.get(numbers);
    let is_begun = (3..=5).contains(&numbers) && next.is_some_and(|word| word.starts_with("=>"))
        || numbers == 5 && next.map_or(state.begun, |word| ["=", "->"].contains(word));
    let Some((inputs, outputs)) = line.split_once(" => ").filter(|_| is_begun) else {
        return if is_begun { Err(LINE) } else { Ok(None) };
    };
    let inputs: Vec<&str> = inputs.split_ascii_whitespace().collect();
    let [mask, eax, ebx, ecx, edx] = inputs[..] else { return Err(LINE) };
    let read = || {
        let mut words = outputs.split_ascii_whitespace().map(short_hex);
        let registers = Registers::new(words.next()??, words.next()??, words.next()??, words.next()??);
        let (mask, leaf, subleaf) = (short_hex(mask)?, short_hex(eax)?, short_hex(ecx)?);
        let plain = [1, 5].contains(&mask) && short_hex(ebx)? == 0 && short_hex(edx)? == 0 && words.next().is_none();
        let subleaf = if mask == 5 { subleaf } else { 0 };
        plain.then_some(Entry { set: "", leaf, subleaf: Some(subleaf), registers, cpu: state.cpu })
    };
    state.begun = true;
    read().map(Some).ok_or(LINE)
}

/// `00000004 00000001 => 1c004122 00c0003f 0000007f 00000000`; `********` is any subleaf.
fn sde<'a>(line: &'a str, _: &mut State<'a>) -> Result<Option<Entry<'a>>, &'static str> {
    let Some((place, values)) = line.split_once(" => ").filter(|_| !line.starts_with('#')) else { return Ok(None) };
    let place: Vec<&str> = place.split_ascii_whitespace().collect();
    let [leaf, subleaf] = place[..] else { return Ok(None) };
    let read = || {
        let subleaf = if subleaf.chars().all(|c| c == '*') { 0 } else { hex8(subleaf)? };
        let values = values.split('#').next()?.split_ascii_whitespace();
        Some(Entry { set: "", leaf: hex8(leaf)?, subleaf: Some(subleaf), registers: four(values)?, cpu: None })
    };
    read().map(Some).ok_or("`LEAF SUBLEAF => EAX EBX ECX EDX`, each 8 hex digits")
}

#[cfg(test)]
mod tests {
    use super::super::read_part;
    use super::*;
    use cpuid_probe::LeafId;

    fn dump(text: &str, part: Option<&str>) -> Result<Dump, String> {
        match read_part(text.as_bytes(), None, part) {
            Ok(Input::Dump(dump)) => Ok(*dump),
            Ok(other) => panic!("{text}: {other:?}"),
            Err(e) => Err(e.to_string()),
        }
    }

    /// Each form: leaf 1 and a subleaf of leaf 4, the table's name, and how many register sets it holds.
    const FORMS: &[(&str, &str, Option<&str>, usize)] = &[
        (
            "vbox",
            "00:00:04.80 CPUM: x\n00:00:04.81 Gst: 00000001/0000  000906ea 00020800 d6fa2203 178bfbff\n00:00:04.82 Hst:                \
             000906ea 03100800 7ffafbbf bfebfbff\n00:00:04.83 Gst: 00000004/0001  04000122 01c0003f 0000003f 00000000\n",
            Some("guest"),
            2,
        ),
        (
            "vmware",
            "2016-01-04T16:19:46.611-08:00| vmx| I125: hostCPUID level 00000001, 0: 0x000906ea 0x00100800 0x7ffafbff \
             0xbfebfbff\n2016| vmx| I125: hostCPUID level 00000004, 1: 0x04000122 0x01c0003f 0x0000003f 0x00000000\n2016| vmx| I125: \
             guestCPUID level 00000001, 0: 0x000906ea 0x00010800 0xfffa3203 0x0fabfbff\n",
            Some("host"),
            2,
        ),
        (
            "vmx",
            "displayName = \"x\"\nhostCPUID.1 = \"000906ea0020080017bee3ffbfebfbff\"\nguestCPUID.1 = \
             \"000906ea00010800969822030fabfbff\"\nguestCPUID.4.1 = \"0400012201c0003f0000003f00000000\"\n",
            Some("guest"),
            2,
        ),
        (
            "xtf",
            "Guest cpuid information\nNative cpuid:\n  00000001:ffffffff -> 000906ea:00400800:f7ba2203:1fcbfbff\n  00000004:00000001 -> \
             04000122:01c0003f:0000003f:00000000\nTest result: SUCCESS\n",
            None,
            2,
        ),
        (
            "x86info",
            "x86info v1.31pre\neax in: 0x00000001, eax = 000906ea ebx = 00100800 ecx = 7ffafbff edx = bfebfbff\neax in: 0x00000004, eax = \
             04000121 ebx = 01c0003f ecx = 0000003f edx = 00000000\neax in: 0x00000004, eax = 04000122 ebx = 01c0003f ecx = 0000003f edx = \
             00000000\n",
            None,
            3,
        ),
        (
            "hwloc",
            "# mask e[abcd]x => e[abcd]x\n1 1 0 0 0 => 906ea 60800 80202001 178bfbfd\n5 4 0 1 0 => 4000122 1c0003f 3f 0\n",
            None,
            2,
        ),
        (
            "sde",
            "# x\n00000001 ******** => 000906ea 06100800 009ce3bd bfebfbff\n00000004 00000001 => 04000122 01c0003f 0000003f 00000000\n",
            None,
            2,
        ),
    ];

    #[test]
    fn a_folder_is_one_machine() {
        let file = |id: u32| {
            format!(
                "# mask\n1 0 0 0 0 => d 756e6547 6c65746e 49656e69\n1 1 0 0 0 => 906ea {id}60800 80202001 178bfbfd\n"
            )
        };
        let dump = read_folder(&[(0, file(0)), (1, file(1))]).expect("two CPUs");
        assert_eq!(dump.vcpus.iter().map(|v| (v.vcpu, v.leaves().len())).collect::<Vec<_>>(), [(0, 2), (1, 2)]);
        assert_eq!(dump.provenance.vcpus_online, Some(2));
        assert_eq!(read_folder(&[(0, file(0)), (3, file(1))]).expect("two").provenance.vcpus_online, None);
        let amd = file(1).replace("756e6547", "68747541");
        assert_eq!(read_folder(&[(0, file(0)), (1, amd)]).unwrap_err().0, None);
        let damaged = read_folder(&[(0, file(0)), (7, file(1).replace("906ea", "906ex"))]).unwrap_err();
        assert_eq!((damaged.0, damaged.1.line), (Some(7), Some(3)));
        assert_eq!(
            ["pu0", "pu12", "pu", "pu1~", "hwloc-cpuid-info", "pu01", "pu+1"].map(cpu_of_file),
            [Some(0), Some(12), None, None, None, None, None]
        );
        assert!(["pu01", "pu1.gz", "PU1", "pu4294967296"].iter().all(|name| is_like_cpu_of_file(name)));
        assert!(["pu1", "pu", "pulse", "hwloc-cpuid-info"].iter().all(|name| !is_like_cpu_of_file(name)));
        for damaged in [
            "1 2 0 0 0 =>1 2 3 4",
            "1 2 0 0 0\t=>\t1 2 3 4",
            "1 2 0 0 => 1 2 3 4",
            "1 2 0 0 0 -> 1 2 3 4",
            "1 2 0 0 0 =",
            "1 2 0 0 0 =>",
            "1 2 0 0 0",
            "CPU 7:",
        ] {
            let error = read_folder(&[(0, file(0)), (1, format!("{}{damaged}\n", file(1)))]).expect_err(damaged);
            assert_eq!((error.0, error.1.line), (Some(1), Some(4)), "{damaged}");
        }
    }

    #[test]
    fn every_form_is_read_whole() {
        for (name, text, set, sets) in FORMS {
            let dump = dump(text, *set).unwrap_or_else(|e| panic!("{name}: {e}"));
            let vcpu = &dump.vcpus[0];
            assert_eq!(dump.provenance.imported.as_ref().map(|i| i.format.as_str()), Some(*name));
            assert_eq!(vcpu.leaves().len(), *sets, "{name}");
            assert_eq!(vcpu.get(LeafId::new(1, 0)).map(|r| r.eax), Some(0x0009_06ea), "{name}");
            assert_eq!(vcpu.get(LeafId::new(4, 1)).map(|r| r.eax), Some(0x0400_0122), "{name}");
        }
    }

    #[test]
    fn a_choice_is_asked_for_and_damage_is_named() {
        for (name, text, set, _) in FORMS {
            if set.is_some() {
                let error = dump(text, None).expect_err(name);
                assert!(
                    error.contains("choose one") && error.contains("guest host") | error.contains("host guest"),
                    "{name}: {error}"
                );
            }
            // One digit less, and a line cut in two.
            let values = ["178bfbff", "bfebfbff", "0fabfbff", "1fcbfbff", "178bfbfd"];
            let value = values.iter().find(|value| text.contains(**value)).expect("a value");
            for damaged in [text.replace(value, &value[..7]), text.replace(value, &format!("\n{value}"))] {
                assert!(
                    *name == "hwloc" && damaged.contains("178bfbf\n") || dump(&damaged, *set).is_err(),
                    "{name}: {damaged}"
                );
            }
        }
    }
}
