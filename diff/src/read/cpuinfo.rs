//! `/proc/cpuinfo` and `lscpu`: the flags that the Linux kernel shows, and numbers, as statements.
//!
//! This is the kernel's view, not the CPU's: it hides bits, folds them, clears what it does not use and adds flags of its
//! own. A flag that is there is a bit that is set. One that is not there says something only where the rows say that Linux
//! always shows it ([`Shown`](crate::knowledge::Shown)).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::{Place, Register};
use serde::Deserialize;

use super::line::lines;
use super::said::{Said, flag, has, places};
use super::{Input, Read, ReadError, Reader, json, shorten};
use crate::knowledge::{Knowledge, Namespace};
use crate::list;
use crate::view::dump::LONG_MODE;

pub(super) const READER: Reader = Reader {
    name: "cpuinfo",
    about: "/proc/cpuinfo: the kernel's view, as feature statements",
    recognise,
    read: Read::One(read),
};

pub(super) const LSCPU: Reader = Reader {
    name: "lscpu",
    about: "lscpu, as text or JSON: the kernel's view, as feature statements",
    recognise: recognise_lscpu,
    read: Read::One(read_lscpu),
};

pub(super) const FLAGS: Reader = Reader {
    name: "flags",
    about: "a bare list of feature names, as feature statements",
    recognise: recognise_list,
    read: Read::One(read_list),
};

const KERNEL: &str = "the features that the Linux kernel shows, after hiding, folding and clearing some: a flag that is not \
                      there says nothing, but for those that Linux always shows";

/// The flag that Linux prints first.
const FIRST: Place = Place::bit(1, 0, Register::Edx, 0);
/// AMD's SME and SEV, Intel's TME.
const ENCRYPTION: [Place; 3] = [
    Place::bit(0x8000_001f, 0, Register::Eax, 0),
    Place::bit(0x8000_001f, 0, Register::Eax, 1),
    Place::bit(7, 0, Register::Ecx, 13),
];

/// A key, in the lower case of both programs, and its value. `lscpu` translates its keys, in Chinese their colon too; what
/// stands behind some of them tells which they are.
fn entry(line: &str) -> Option<(String, &str)> {
    let (key, value) = line.split_once([':', '：'])?;
    let value = value.trim();
    let key = match value {
        _ if !may_be_translated(key) => None,
        "GenuineIntel" | "AuthenticAMD" | "HygonGenuine" | "CentaurHauls" => Some("vendor id".to_string()),
        flags if is_all_flags(flags) => Some("flags".to_string()),
        _ => None,
    }
    .unwrap_or_else(|| key.trim().replace('_', " ").to_ascii_lowercase());
    Some((key, value))
}

/// Words of any language: no file's or host's name that something put before the line.
fn may_be_translated(key: &str) -> bool {
    key.chars().all(|c| c.is_alphabetic() || " ()-\t".contains(c))
}

/// Whether such a list stands behind a key of any language.
fn has_all_flags(line: &str) -> bool {
    line.split_once([':', '：']).is_some_and(|(key, value)| may_be_translated(key) && is_all_flags(value.trim()))
}

/// Whether a line of a text is such a list.
pub(super) fn has_whole_list(text: &str) -> bool {
    lines(text).any(|(_, line)| is_all_flags(line))
}

/// Whether a text is a list of flags as Linux prints it, from its first on.
fn is_all_flags(text: &str) -> bool {
    text.starts_with("fpu ") && known(text) == 8
}

fn is_flags(line: &str) -> bool {
    entry(line).is_some_and(|(key, value)| key == "flags" && known(value) >= 2)
}

/// How many of the words are flags of the CPU's that Linux shows.
fn known(words: &str) -> usize {
    let is_flag = |word: &str| !places(word, &[Namespace::Linux]).is_empty();
    words.split_ascii_whitespace().filter(|word| is_flag(word)).take(8).count()
}

/// Whether a word is a flag of Linux: the CPU's, or one of its own.
fn is_flag(word: &str) -> bool {
    synthetic(word) || !places(word, &[Namespace::Linux]).is_empty()
}

/// Whether the last line of a text has its end.
fn ends_with_a_line(text: &str) -> bool {
    text.ends_with(['\n', '\r'])
}

/// XAPI prints the flags of its own domain, and the words of what hosts and guests have.
fn is_of_xapi(text: &str) -> bool {
    text.contains("features_hvm") || text.contains("features_pv")
}

fn recognise(text: &str) -> bool {
    !is_of_xapi(text)
        && text.contains("flags")
        && lines(text).any(|(_, line)| line.starts_with("flags") && is_flags(line))
}

fn recognise_lscpu(text: &str) -> bool {
    text.contains("\"lscpu\"") && text.trim_start().starts_with('{')
        || text.contains("Flags:") && lines(text).any(|(_, line)| line.starts_with("Flags:") && is_flags(line))
        || text.contains("Architecture:") && text.contains("Vendor ID:")
        || text.contains("fpu ") && !is_of_xapi(text) && lines(text).any(|(_, line)| has_all_flags(line))
}

/// One processor, as it is read.
#[derive(Debug, Default)]
struct Processor {
    number: Option<u32>,
    line: usize,
    flags: Option<(usize, String)>,
    /// The last line of a list of flags that was wrapped.
    flags_end: usize,
    /// The text ends within the list of flags.
    is_cut: bool,
    vendor: Option<(usize, String)>,
    family: Option<u64>,
    model: Option<u64>,
    stepping: Option<u64>,
    physical: Option<u64>,
    linear: Option<u64>,
    clflush: Option<u64>,
    level: Option<u64>,
    name: Option<String>,
    microcode: Option<String>,
    /// The package that it is in, and how many processors the package has.
    package: Option<u64>,
    siblings: Option<u64>,
    /// The last line that Linux prints of a processor is there.
    is_whole: bool,
    /// How many processors there are, and which are in use, where the text counts them.
    cpus: Option<u64>,
    online: Option<u64>,
    /// `vmx flags`.
    nested: Option<(usize, String)>,
    /// The list of them is in one line, and another key follows.
    nested_is_whole: bool,
    /// What `lscpu` calls the hypervisor, and how much of the machine it makes.
    hypervisor: Option<(usize, String)>,
    virtualization: Option<String>,
}

impl Processor {
    /// Whether no number that both state differs.
    fn agrees(&self, other: &Self) -> bool {
        let numbers = |p: &Self| [p.family, p.model, p.stepping, p.physical, p.linear, p.clflush, p.level];
        let mut both = numbers(self).into_iter().zip(numbers(other));
        both.all(|(a, b)| a.is_none() || b.is_none() || a == b)
    }

    /// Takes an entry. The same key again is another machine's.
    fn take(&mut self, line: usize, key: &str, value: &str) -> Result<(), ReadError> {
        let number = || value.split_ascii_whitespace().next().and_then(|n| n.parse::<u64>().ok());
        self.nested_is_whole |= self.nested.is_some();
        match key {
            "flags" => {
                if let Some((first, _)) = &self.flags {
                    return Err(ReadError::another(
                        line,
                        format!(
                            "flags of another CPU than in line {first}, without a `processor` line; keep one machine a file"
                        ),
                    ));
                }
                self.flags = Some((line, value.to_string()));
                self.flags_end = line;
            }
            "vendor id" => self.vendor = Some((line, value.to_string())),
            "cpu family" => self.family = number(),
            "model" => self.model = number(),
            "stepping" => self.stepping = number(),
            "cpuid level" => self.level = number(),
            "clflush size" => self.clflush = number(),
            "microcode" => self.microcode = Some(value.to_string()),
            "physical id" => self.package = number(),
            "siblings" => self.siblings = number(),
            "power management" => self.is_whole = true,
            "cpu(s)" => self.cpus = number(),
            "on-line cpu(s) list" => self.online = listed(value),
            "vmx flags" => self.nested = Some((line, value.to_string())),
            "hypervisor vendor" => self.hypervisor = Some((line, value.to_string())),
            "virtualization type" => self.virtualization = Some(value.to_string()),
            "model name" => self.name = Some(value.to_string()).filter(|name| !name.is_empty()),
            "address sizes" => {
                let mut numbers = value.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
                (self.physical, self.linear) = (numbers.next(), numbers.next());
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes a line without a key: below a list of flags that was wrapped, it goes on with it. A terminal breaks a line
    /// within a word.
    fn go_on(&mut self, number: usize, line: &str) {
        let Some((_, flags)) = &mut self.flags else { return };
        let last = flags.rsplit(' ').next().unwrap_or_default();
        let first = line.split_ascii_whitespace().next().unwrap_or_default();
        let broken = !(is_flag(last) && is_flag(first)) && is_flag(&format!("{last}{first}"));
        if broken || known(line) > 0 {
            flags.push_str(if broken { "" } else { " " });
            flags.push_str(line);
            self.flags_end = number;
        }
    }

    /// Notes whether the text may have been cut within the list of flags: it ends with the list, without a line end, or in
    /// a word that is no flag or that came before (`tsc` of `tsc_adjust`).
    fn note_cut(&mut self, text: &str) {
        let Some((_, flags)) = &self.flags else { return };
        if text.trim_end().lines().count() == self.flags_end {
            let last = flags.split_ascii_whitespace().next_back().unwrap_or_default();
            let again = flags.split_ascii_whitespace().filter(|flag| *flag == last).count() > 1;
            self.is_cut = !ends_with_a_line(text) || !is_flag(last) || again;
        }
    }

    fn flags(&self) -> BTreeSet<&str> {
        self.flags.iter().flat_map(|(_, flags)| flags.split_ascii_whitespace()).collect()
    }
}

/// How many numbers a list like `0-3,8` has.
fn listed(list: &str) -> Option<u64> {
    let mut count = 0u64;
    for part in list.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse::<u32>().ok()?, last.parse::<u32>().ok()?);
        count += u64::from(last.checked_sub(first)?) + 1;
    }
    Some(count)
}

/// How many CPUs the machine has, where the text shows that it holds all of them: it begins with the first, has each
/// package whole, and ends as Linux ends it.
fn count(processors: &[Processor]) -> Option<u32> {
    let mut numbers: Vec<u32> = processors.iter().map(|p| p.number).collect::<Option<_>>()?;
    numbers.sort_unstable();
    let mut packages: BTreeMap<Option<u64>, (u64, u64)> = BTreeMap::new();
    for processor in processors {
        let package = packages.entry(processor.package).or_insert((0, processor.siblings?));
        package.0 += 1;
    }
    let is_whole = processors.last().is_some_and(|p| p.is_whole)
        && numbers.iter().zip(0..).all(|(number, expected)| *number == expected)
        && packages.values().all(|(held, siblings)| held == siblings);
    u32::try_from(processors.len()).ok().filter(|_| is_whole)
}

fn read(text: &str) -> Result<Input, ReadError> {
    let mut processors: Vec<Processor> = Vec::new();
    let mut last_key = String::new();
    for (number, line) in lines(text) {
        if line.is_empty() {
            last_key.clear();
            continue;
        }
        let Some((key, value)) = entry(line) else {
            match processors.last_mut() {
                Some(processor) if last_key == "flags" => processor.go_on(number, line),
                Some(Processor { nested: Some((_, flags)), .. }) if last_key == "vmx flags" => {
                    // The mark is no flag: a word may have been broken, and what is not there is unknown.
                    *flags = format!("{flags} {line} …");
                }
                _ => {}
            }
            continue;
        };
        let begins = key == "processor" && value.parse::<u32>().is_ok();
        let again = key == "flags" && processors.last().is_some_and(|p| p.flags.is_some() && p.number.is_none());
        if let Some((last, (first, _))) = processors.last().and_then(|p| Some((p, p.flags.as_ref()?)))
            && again
            && last.flags() != value.split_ascii_whitespace().collect()
        {
            let message = format!(
                "flags of another CPU than in line {first}, without `processor` lines; keep one machine a file"
            );
            return Err(ReadError::another(number, message));
        }
        if begins || again || processors.is_empty() {
            let of = value.parse().ok().filter(|_| begins);
            if let Some(first) = processors.iter().find(|p| of.is_some() && p.number == of) {
                let message =
                    format!("processor {value} came before, in line {}: another machine; keep one a file", first.line);
                return Err(ReadError::another(number, message));
            }
            processors.push(Processor { number: of, line: number, ..Processor::default() });
        }
        if let Some(processor) = processors.last_mut() {
            processor.take(number, &key, value)?;
        }
        last_key = key;
    }
    processors.retain(|p| p.flags.is_some());
    // The text ends with the last one.
    if let Some(last) = processors.last_mut() {
        last.note_cut(text);
    }
    if processors.is_empty() {
        return Err(ReadError::whole("no `flags :` line; expected /proc/cpuinfo of an x86 system"));
    }
    said(READER.name, &processors, count(&processors)).map(|dump| Input::Dump(Box::new(dump)))
}

fn read_lscpu(text: &str) -> Result<Input, ReadError> {
    let mut processor = Processor::default();
    if text.trim_start().starts_with('{') {
        let tree: Tree = serde_json::from_str(text).map_err(|e| json::error(&e))?;
        let mut left: Vec<Field> = tree.lscpu;
        while let Some(field) = left.pop() {
            let key = field.field.trim().trim_end_matches(':').replace('_', " ").to_ascii_lowercase();
            processor.take(1, &key, field.data.as_deref().unwrap_or_default().trim())?;
            left.extend(field.children);
        }
    } else {
        let mut first = None;
        let mut last_key = String::new();
        for (number, line) in lines(text) {
            if let Some((key, value)) = entry(line) {
                if key == "architecture"
                    && let Some(before) = first.replace(number)
                {
                    let message = format!("another machine than in line {before}; keep one a file");
                    return Err(ReadError::another(number, message));
                }
                processor.take(number, &key, value)?;
                last_key = key;
            } else if last_key == "flags" {
                processor.go_on(number, line);
            }
        }
        processor.note_cut(text);
    }
    if processor.flags.is_none() {
        return Err(ReadError::whole(
            "no `Flags:` in this output of lscpu; give /proc/cpuinfo, or `lscpu` of an x86 system",
        ));
    }
    let online = processor.online.or(processor.cpus).and_then(|count| u32::try_from(count).ok());
    said(LSCPU.name, &[processor], online.filter(|count| *count > 0)).map(|dump| Input::Dump(Box::new(dump)))
}

/// `lscpu -J`.
#[derive(Deserialize)]
struct Tree {
    lscpu: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    field: String,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    children: Vec<Field>,
}

/// What these processors say. Those that say the same are one.
fn said(format: &'static str, processors: &[Processor], online: Option<u32>) -> Result<Dump, ReadError> {
    let mut said = Said::new(format);
    said.online = online;
    said.limit(KERNEL);
    let Some(first) = processors.first() else { return Ok(said.finish()) };
    said.cpu.clone_from(&first.name);
    said.microcode.clone_from(&first.microcode);
    for processor in processors {
        if let (Some((line, vendor)), Some((before, other))) = (&processor.vendor, &first.vendor)
            && vendor != other
        {
            let message = format!("a CPU of another vendor than in line {before}; keep one machine a file");
            return Err(ReadError::another(*line, message));
        }
    }
    let flags = first.flags();
    let nested: BTreeSet<&str> = processors.iter().filter_map(|p| Some(p.nested.as_ref()?.1.as_str())).collect();
    let alike = nested.len() < 2 && processors.iter().all(|p| p.agrees(first) && p.flags() == flags);
    let different = if alike { 1 } else { processors.len() };
    // The numbers of the `processor` lines, unless a CPU has none: then all are counted in their order.
    let numbered = different > 1 && processors.iter().all(|p| p.number.is_some());
    for (n, processor) in (0..).zip(&processors[..different]) {
        let number = processor.number.filter(|_| numbered).unwrap_or(n);
        match said.vcpus.last_mut() {
            Some(vcpu) if n == 0 => vcpu.vcpu = number,
            _ => said.vcpus.push(VcpuDump::of_statements(number)),
        }
        one(&mut said, processor)?;
    }
    said.vcpus.sort_by_key(|v| v.vcpu);
    Ok(said.finish())
}

fn one(said: &mut Said, processor: &Processor) -> Result<(), ReadError> {
    let mut flags = processor.flags();
    let line = processor.flags.as_ref().map_or(1, |(line, _)| *line);
    let cut: Vec<&str> = flags.iter().copied().filter(|f| f.starts_with("..") || f.ends_with('…')).collect();
    for mark in &cut {
        flags.remove(mark);
    }
    let is_cut = processor.is_cut || !cut.is_empty();
    if is_cut {
        said.limit("the list of flags is cut: those that it lacks are unknown");
    }
    let whole = !is_cut && has(&flags, FIRST);
    said.linux(line, &flags, whole)?;
    // A line of VMX's own flags says more.
    if has(&flags, VMX_ITSELF) && processor.nested.is_none() {
        for (flag, name) in vmx_flags(AMONG_FLAGS) {
            let is_there = flags.contains(flag);
            if is_there || whole {
                said.feature(line, &name, is_there, &[Namespace::Qemu, Namespace::Libvirt])?;
            }
        }
    }
    if let Some((line, vendor)) = &processor.vendor {
        said.vendor(*line, vendor)?;
    }
    said.signature(line, processor.family, processor.model, processor.stepping)?;
    // Memory encryption takes bits of the physical address, and Linux subtracts them.
    let encrypts = ENCRYPTION.iter().any(|place| has(&flags, *place));
    said.widths(line, processor.physical.filter(|_| !encrypts), processor.linear)?;
    if let Some(bytes) = processor.clflush.filter(|bytes| *bytes < 8 * 256) {
        said.state(line, Place::cpuid(1, 0, Register::Ebx, 15, 8), bytes / 8)?;
    }
    if let Some(level) = processor.level {
        said.state(line, Place::cpuid(0, 0, Register::Eax, 31, 0), level)?;
    }
    if let Some((line, flags)) = &processor.nested {
        nested(said, *line, flags, processor.nested_is_whole)?;
    }
    if let Some((line, vendor)) = &processor.hypervisor {
        let is_full = processor.virtualization.as_deref().is_none_or(|kind| kind == "full");
        hypervisor(said, *line, vendor, is_full)?;
    }
    Ok(())
}

const VMX_ITSELF: Place = Place::bit(1, 0, Register::Ecx, 5);
/// Features of VMX among the flags of a CPU that has VMX, and the rows' names of them.
///
/// # Source
/// Linux 3.0 to 5.5 arch/x86/kernel/cpu/intel.c (`detect_vmx_virtcap`), later feat_ctl.c (`init_vmx_capabilities`).
const AMONG_FLAGS: &str = "tpr_shadow=flexpriority vnmi ept vpid";

/// The flags of VMX that Linux shows in a line of their own, and the rows' names of them. It prints all that a CPU has.
///
/// # Source
/// Linux 5.6 and later, arch/x86/include/asm/vmxfeatures.h and arch/x86/kernel/cpu/feat_ctl.c (`init_vmx_capabilities`).
const VMX: &str = "vnmi preemption_timer posted_intr invvpid ept_x_only=ept-execonly ept_ad=eptad ept_1gb tsc_offset \
                   vtpr=flexpriority mtf vapic=apicv-xapic ept vpid unrestricted_guest vapic_reg=apicv-register \
                   vid=apicv-vid ple shadow_vmcs pml tsc_scaling usr_wait_pause=enable-user-wait-pause";
/// A flag that older kernels do not show.
const LATER_VMX: &str = "ept_5level=page-walk-5";

/// The flags of such a list, each with the row's name.
fn vmx_flags(list: &'static str) -> impl Iterator<Item = (&'static str, String)> {
    list.split(' ').map(|word| {
        let (flag, name) = word.split_once('=').unwrap_or((word, word));
        (flag, format!("vmx-{}", name.replace('_', "-")))
    })
}

/// Flags of VMX that stand for several bits, or for one that no row names.
const OTHER_VMX: &str = "flexpriority apicv eptp_switching ept_violation_ve ept_mode_based_exec mode_based_ept_exec \
                         sgx_encls notify_vm_exiting bus_lock_detection ipi_virt";

/// States what a line of `vmx flags` says; if it is `whole`, also which it lacks.
fn nested(said: &mut Said, line: usize, flags: &str, whole: bool) -> Result<(), ReadError> {
    let flags: BTreeSet<&str> = flags.split_ascii_whitespace().collect();
    let always = vmx_flags(VMX).map(|(flag, name)| (flag, name, true));
    let all: Vec<_> = always.chain(vmx_flags(LATER_VMX).map(|(flag, name)| (flag, name, false))).collect();
    let is_known = |flag: &str| all.iter().any(|(known, ..)| *known == flag) || OTHER_VMX.split(' ').any(|o| o == flag);
    let unknown: Vec<String> = flags.iter().filter(|flag| !is_known(flag)).map(|flag| shorten(flag)).collect();
    // A word that is none may be a part of one.
    let whole = whole && unknown.is_empty();
    for (flag, name, is_always_shown) in &all {
        let has = flags.contains(flag);
        if has || whole && *is_always_shown {
            said.feature(line, name, has, &[Namespace::Qemu, Namespace::Libvirt])?;
        }
    }
    for flag in &unknown {
        said.beside.insert(format!("vmx flag {flag}"), "on".to_string());
    }
    if !unknown.is_empty() {
        said.limit(&format!("these flags of VMX are not known: {}", list::first(&unknown, 12)));
    }
    Ok(())
}

/// States the signature of the hypervisor that `lscpu` names.
///
/// # Source
/// util-linux sys-utils/lscpu-virt.c (`read_hypervisor_cpuid`: leaf 0x40000000 alone; Xen is also known by its files,
/// and then the machine is not a fully virtualized one).
fn hypervisor(said: &mut Said, line: usize, vendor: &str, is_full: bool) -> Result<(), ReadError> {
    let signature: &[u8; 12] = match vendor {
        "KVM" => b"KVMKVMKVM\0\0\0",
        "Microsoft" => b"Microsoft Hv",
        "VMware" => b"VMwareVMware",
        "Xen" if is_full => b"XenVMMXenVMM",
        _ => {
            said.limit(&format!("the hypervisor's vendor is {}, and this is not compared", shorten(vendor)));
            return Ok(());
        }
    };
    for (register, four) in [Register::Ebx, Register::Ecx, Register::Edx].into_iter().zip(signature.chunks_exact(4)) {
        let value = four.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        said.state(line, Place::cpuid(0x4000_0000, 0, register, 31, 0), value)?;
    }
    Ok(())
}

/// The words of a bare list: of Linux's, QEMU's or libvirt's names, perhaps with signs.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let parts = |line: &str| !line.starts_with('#');
    lines(text).filter(move |(_, line)| parts(line)).flat_map(|(number, line)| {
        let words = line.split(|c: char| c.is_ascii_whitespace() || ",;|\"'[]".contains(c));
        words.filter(|word| !word.is_empty()).map(move |word| (number, word))
    })
}

const WORLDS: [Namespace; 3] = [Namespace::Libvirt, Namespace::Qemu, Namespace::Linux];

fn is_name(word: &str) -> bool {
    let name = word.trim_start_matches(['+', '-']);
    synthetic(name) || !places(name, &WORLDS).is_empty()
}

fn synthetic(name: &str) -> bool {
    crate::knowledge::synthetic::meaning(name).is_some()
}

/// Most of the words are names of features.
fn recognise_list(text: &str) -> bool {
    let (mut all, mut names) = (0usize, 0usize);
    for (_, word) in words(text).take(64) {
        all += 1;
        names += usize::from(is_name(word));
    }
    all >= 3 && names * 10 >= all * 7
}

fn read_list(text: &str) -> Result<Input, ReadError> {
    let mut said = Said::new(FLAGS.name);
    let mut list: BTreeSet<&str> = BTreeSet::new();
    let mut before: HashMap<&str, usize> = HashMap::new();
    for (number, word) in words(text) {
        if let Some(first) = before.insert(word, number) {
            let message =
                format!("`{}` comes again, first in line {first}: another list; keep one a file", shorten(word));
            return Err(ReadError::another(number, message));
        }
        let (on, name) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
            (Some(name), _) => (true, name),
            (_, Some(name)) => (false, name),
            _ => (true, word),
        };
        if !is_name(word) {
            let near = Knowledge::builtin().near(name);
            let near = if near.is_empty() { String::new() } else { format!(" (near: {})", near.join(", ")) };
            return Err(ReadError::at(number, format!("`{}` is no feature that is known{near}", shorten(name))));
        }
        let linux = !places(name, &[Namespace::Linux]).is_empty();
        if on && linux {
            list.insert(flag(name));
        } else if !synthetic(name) {
            said.feature(number, name, on, &WORLDS)?;
        }
    }
    // As Linux prints it: all flags of a 64-bit CPU, in its order.
    let first: BTreeSet<&str> = words(text).map(|(_, word)| word).take(1).collect();
    let whole = has(&first, FIRST) && has(&list, LONG_MODE) && list.len() > 20 && ends_with_a_line(text);
    said.linux(1, &list, whole)?;
    said.limit(if whole { KERNEL } else { "a list of names: features that it does not name are unknown" });
    Ok(Input::Dump(Box::new(said.finish())))
}

#[cfg(test)]
mod tests {
    use super::super::tests::dump;
    use super::*;
    use crate::view::{DumpView, Role, Seen};

    fn seen(dump: &Dump, name: &str) -> Seen {
        let place = Knowledge::builtin().by_name(name)[0].place;
        DumpView::of(dump).vcpus[0].see(place)
    }

    #[test]
    fn no_flag_is_two_flags_without_a_blank() {
        let names: Vec<&str> = Knowledge::builtin().features().filter_map(|(_, row)| row.names.linux).collect();
        assert!(names.len() > 200);
        for name in names {
            let two = (1..name.len()).find(|at| [&name[..*at], &name[*at..]].into_iter().all(is_flag));
            assert_eq!(two, None, "{name}");
        }
    }

    #[test]
    fn every_flag_of_vmx_is_a_rows() {
        for (flag, name) in vmx_flags(VMX).chain(vmx_flags(LATER_VMX)).chain(vmx_flags(AMONG_FLAGS)) {
            let found = places(&name, &[Namespace::Qemu, Namespace::Libvirt]);
            assert!(matches!(found[..], [place] if place.msr_index().is_some()), "{flag}: {found:?}");
        }
    }

    #[test]
    fn how_many_there_are_is_said_of_a_whole_text_alone() {
        let cpu = |number: u32, package: u32, siblings: u32| {
            format!(
                "processor\t: {number}\nphysical id\t: {package}\nsiblings\t: {siblings}\nflags\t\t: fpu sse sse2 lm\n\
                 power management:\n\n"
            )
        };
        let online = |text: &str| dump(text).provenance.vcpus_online;
        assert_eq!(online(&(cpu(0, 0, 2) + &cpu(1, 0, 2))), Some(2));
        assert_eq!(online(&(cpu(0, 0, 1) + &cpu(1, 1, 1))), Some(2));
        for (what, text) in [
            ("the first of two", cpu(0, 0, 2)),
            ("the second of two", cpu(1, 0, 2)),
            ("without the second", cpu(0, 0, 2) + &cpu(2, 0, 2)),
            ("no siblings", cpu(0, 0, 1).replace("siblings", "apicid")),
            ("cut", cpu(0, 0, 1).replace("power management:\n", "")),
        ] {
            assert_eq!(online(&text), None, "{what}");
        }
        let lscpu =
            "Architecture: x86_64\nCPU(s): 8\nVendor ID: GenuineIntel\nFlags: fpu sse sse2 lm\nVulnerabilities:\n";
        assert_eq!(online(lscpu), Some(8));
        assert_eq!(online(&lscpu.replace("Vendor", "On-line CPU(s) list: 0-3,6\nVendor")), Some(5));
    }

    const TWO: &str = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\nstepping\t: 1\n\
        flags\t\t: fpu sse sse2 avx hypervisor lm nopl\nvmx flags\t: vnmi\naddress sizes\t: 48 bits physical, 57 bits virtual\n\n\
        processor\t: 1\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu sse sse2 avx hypervisor lm nopl\n";

    #[test]
    fn processors_that_differ_in_a_number_are_not_one_and_all_vendors_count() {
        let cpu = |number: u32, vendor: &str, stepping: u32| {
            format!("processor\t: {number}\nvendor_id\t: {vendor}\nstepping\t: {stepping}\nflags\t\t: fpu sse2 lm\n\n")
        };
        let vcpus = |text: String| match crate::read::read(text.as_bytes(), None) {
            Ok(Input::Dump(dump)) => Ok(dump.vcpus.len()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.message),
        };
        let intel = "GenuineIntel";
        assert_eq!(vcpus(cpu(0, intel, 1) + &cpu(1, intel, 1)), Ok(1));
        assert_eq!(vcpus(cpu(0, intel, 1) + &cpu(1, intel, 2)), Ok(2));
        let third = cpu(0, intel, 1) + &cpu(1, intel, 1) + &cpu(2, "AuthenticAMD", 1);
        assert!(vcpus(third).expect_err("two vendors").contains("another vendor"));
    }

    #[test]
    fn a_list_in_a_persons_spelling_loses_no_name() {
        let Ok(Input::Dump(dump)) = crate::read::read(b"sse4.1 avx2 AES ssse3 FMA\n", None) else { panic!("a list") };
        let view = crate::view::DumpView::of(&dump);
        for (register, bit) in [(Register::Ecx, 19), (Register::Ecx, 25), (Register::Ecx, 9), (Register::Ecx, 12)] {
            assert!(view.vcpus[0].see(Place::bit(1, 0, register, bit)).is_set(), "{register}[{bit}]");
        }
    }

    #[test]
    fn what_linux_always_shows_is_a_no_and_the_rest_is_unknown() {
        let dump = dump(TWO);
        let said = ["avx", "aes", "avx2", "avx512f", "spec-ctrl", "pcid", "hypervisor"].map(|name| {
            let seen = seen(&dump, name);
            (seen.is_set(), seen.is_clear())
        });
        let (yes, no, unknown) = ((true, false), (false, true), (false, false));
        assert_eq!(said, [yes, no, no, unknown, unknown, unknown, yes]);
        assert_eq!(Role::of(&DumpView::of(&dump)), Role::Guest);
        assert_eq!(dump.vcpus.len(), 1, "processors that say the same are one");
        let view = DumpView::of(&dump);
        assert_eq!(view.vcpus[0].see(Place::cpuid(1, 0, Register::Eax, 11, 0)), Seen::Value(0xf11));
        assert_eq!(view.vcpus[0].see(Place::cpuid(1, 0, Register::Eax, 27, 16)), Seen::Value(0x0a1));
        assert_eq!(view.vcpus[0].phys_bits(), Seen::Value(48));
        assert_eq!(dump.vcpus[0].vendor().map(|v| v.to_string()).as_deref(), Some("AuthenticAMD"));
    }

    #[test]
    fn no_flag_is_lost_on_the_way() {
        let wrapped = TWO.replacen("sse2 avx", "sse2\navx", 1);
        assert!(seen(&dump(&wrapped), "avx").is_set());
        // Cut: what it lacks is unknown.
        let cut = dump("flags\t\t: fpu sse ... hypervisor\n");
        assert!(matches!(seen(&cut, "aes"), Seen::NotCaptured(_)) && seen(&cut, "hypervisor").is_set());
        let unlike = dump(&TWO.replace("sse2 avx hypervisor lm nopl\nvmx", "sse2 hypervisor lm nopl\nvmx"));
        assert_eq!(unlike.vcpus.len(), 2);
    }

    #[test]
    fn every_cpu_has_a_number_of_its_own() {
        let numbers = |text: &str| dump(text).vcpus.iter().map(|v| v.vcpu).collect::<Vec<_>>();
        let without = "flags\t\t: fpu vme sse2\n\n";
        let second = "processor\t: 0\nflags\t\t: fpu sse2\n";
        assert_eq!(numbers(&format!("{without}{second}")), [0, 1]);
        let third = second.replace(": 0", ": 3");
        assert_eq!(numbers(&format!("processor\t: 7\n{without}{third}")), [3, 7]);
    }

    #[test]
    fn two_machines_in_one_file_are_refused() {
        let read = |text: &str| super::super::read(text.as_bytes(), None).unwrap_err().to_string();
        assert!(read(&format!("{TWO}\n{TWO}")).starts_with("14: processor 0 came before, in line 1"));
        assert!(read(&TWO.replacen("AuthenticAMD", "GenuineIntel", 1)).contains("another vendor than in line 2"));
        let flags = "flags\t: fpu vme de pse lm\n";
        assert!(
            read(&format!("{flags}{flags}{}", flags.replace("lm", "lm aes"))).starts_with("3: flags of another CPU")
        );
        let lscpu = "Architecture: x86_64\nVendor ID: GenuineIntel\nFlags: fpu sse sse2\n";
        assert!(read(&format!("{lscpu}{lscpu}")).starts_with("4: another machine than in line 1"));
    }

    #[test]
    fn lscpu_says_the_same_as_text_and_as_json() {
        let text = "Architecture:  x86_64\n  Address sizes:  46 bits physical, 48 bits virtual\nVendor ID:  GenuineIntel\n  \
                    CPU family: 6\n    Model:  85\n    Stepping:  7\n    Flags:  fpu sse sse2 lm\n";
        let json = r#"{"lscpu": [{"field": "Architecture:", "data": "x86_64", "children": [
            {"field": "Address sizes:", "data": "46 bits physical, 48 bits virtual"}]},
            {"field": "Vendor ID:", "data": "GenuineIntel", "children": [{"field": "CPU family:", "data": "6"},
            {"field": "Model:", "data": "85"}, {"field": "Stepping:", "data": "7"}, {"field": "Flags:", "data": "fpu sse sse2 lm"}]}]}"#;
        assert_eq!(dump(text), dump(json));
        assert_eq!(Role::of(&DumpView::of(&dump(text))), Role::Hardware);
    }

    #[test]
    fn lscpu_is_read_in_any_language() {
        let english =
            "Architecture: x86_64\nVendor ID: GenuineIntel\nFlags: fpu vme de pse tsc msr pae lm hypervisor\n";
        let flags = "fpu vme de pse tsc msr pae lm hypervisor";
        for text in [
            format!("Architektur: x86_64\nAnbieterkennung: GenuineIntel\nMarkierungen: {flags}\n"),
            format!("Architecture : x86_64\nIdentifiant constructeur : GenuineIntel\nDrapaux : {flags}\n"),
            format!("架构：      x86_64\n厂商 ID：   GenuineIntel\n标记：      {flags}\n"),
        ] {
            assert_eq!(dump(&text), dump(english), "{text}");
        }
        for prefix in ["node1 | ", "Nov 26 10:00:01 node1 x[1]: "] {
            let text: String = english.lines().map(|line| format!("{prefix}{line}\n")).collect();
            assert_eq!(dump(&text), dump(english), "{text}");
        }
        let two = format!("Markierungen: {flags}\nMarkierungen: {flags} vmx\n");
        assert!(super::super::read(two.as_bytes(), None).unwrap_err().another);
    }

    #[test]
    fn flags_of_vmx_are_bits_of_its_msrs() {
        let flags = "fpu vme de pse tsc msr pae lm vmx tpr_shadow vnmi ept vpid";
        let said = dump(&format!("flags\t\t: {flags}\nbugs\t\t:\n"));
        for name in ["vmx-ept", "vmx-vpid", "vmx-vnmi", "vmx-flexpriority"] {
            assert!(seen(&said, name).is_set(), "{name}");
        }
        let svm = Place::bit(0x8000_000a, 0, Register::Edx, 25);
        assert!(!DumpView::of(&said).vcpus[0].see(svm).is_set(), "AMD's vnmi");
        let less = dump(&format!("flags\t\t: {}\nbugs\t\t:\n", flags.replace(" ept", "")));
        assert!(seen(&less, "vmx-ept").is_clear());
        let amd = dump("flags\t\t: fpu vme de pse tsc msr pae lm svm vnmi\n");
        assert!(DumpView::of(&amd).vcpus[0].see(svm).is_set());
    }

    #[test]
    fn a_bare_list_says_what_it_names() {
        let list = dump("sse4_1 avx2 -pcid\nrep_good ibrs\n");
        assert!(seen(&list, "avx2").is_set() && seen(&list, "pcid").is_clear());
        assert!(matches!(seen(&list, "aes"), Seen::NotCaptured(_)));
        assert!(matches!(seen(&list, "spec-ctrl"), Seen::NotCaptured(_)), "a folded flag names no bit");
        let typo = super::super::read(b"sse4_1 avx2 ssse3 aes avx522f", None).unwrap_err().to_string();
        assert!(typo.contains("avx512f"), "{typo}");
    }
}
