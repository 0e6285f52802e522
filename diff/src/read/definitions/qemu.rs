//! QEMU's `-cpu`: the argument alone, or in a command line, the output of `qm showcmd`, a log, a list of processes.
//!
//! # Source
//! QEMU 7.2 target/i386/cpu.c (`x86_cpu_parse_featurestr`: `+NAME` and then `-NAME` count after `NAME=VALUE`;
//! `x86_cpu_properties`), docs/system/cpu-models-x86.rst.inc; hw/core/machine-smp.c (`machine_parse_smp_config`),
//! softmmu/vl.c (of several `-accel` the first that works counts).

use std::collections::BTreeMap;

use cpuid_probe::libvirt::beside::{Beside, Gap, Property};
use cpuid_probe::libvirt::commandline::may_change_cpuid;
use cpuid_probe::libvirt::cpu::{Cpu, Form, MaxPhysAddr, Mode, PhysAddrMode, Policy, Topology};
use cpuid_probe::libvirt::domain::Accel;

use super::super::levels;
use super::super::{Input, Read, ReadError, Reader, shorten};
use super::{libvirt_name, list, map, position};
use crate::cpu_map::qemu_differs;

pub(in crate::read) const READER: Reader = Reader {
    name: "qemu",
    about: "QEMU's -cpu argument, alone or in command lines: what a guest is to have",
    recognise,
    read: Read::One(read),
};

/// The level of `x86-64-v3`, 1 to 4, and what is behind it.
pub(super) fn level(model: &str) -> Option<(usize, &str)> {
    let rest = model.strip_prefix("x86-64-v")?;
    let level = rest.get(..1)?.parse().ok().filter(|level| (1..=levels::COUNT).contains(level))?;
    Some((level, &rest[1..]))
}

/// A CPU of a model: QEMU's, with what its list has beyond libvirt's of that name and without what it lacks.
pub(super) fn of_model(model: &str, line: usize) -> Cpu {
    let at = position(line);
    let mut cpu = Cpu { form: Form::Guest, model_at: at, ..Cpu::empty(at) };
    match model {
        "host" => cpu.mode = Mode::HostPassthrough,
        "max" => cpu.mode = Mode::Maximum,
        // A model without any feature.
        "base" => {}
        _ => match level(model) {
            Some((level, "")) => {
                for name in levels::of(level) {
                    list(&mut cpu, libvirt_name(name).unwrap_or(name), Policy::Require, at);
                }
            }
            _ => {
                cpu.model = Some(model.to_string());
                let (beyond, lacks) = qemu_differs(model);
                for (names, policy) in [(beyond, Policy::Require), (lacks, Policy::Disable)] {
                    for name in map().names(&map().features_named(&names)) {
                        list(&mut cpu, name, policy, at);
                    }
                }
            }
        },
    }
    cpu
}

/// Sets a property of QEMU's.
pub(super) fn set(cpu: &mut Cpu, name: &str, value: &str, line: usize) -> Result<(), ReadError> {
    let at = position(line);
    let number = || {
        let number = crate::view::clock::integer(value).and_then(|n| u32::try_from(n).ok());
        number.ok_or_else(|| ReadError::at(line, format!("{}={}, expected a number", shorten(name), shorten(value))))
    };
    let dashed = name.replace('_', "-");
    match (dashed.as_str(), value) {
        ("phys-bits", _) => {
            let bits = Some(number()?).filter(|bits| *bits > 0);
            cpu.max_phys_addr = bits.map(|_| MaxPhysAddr { mode: PhysAddrMode::Emulate, bits, limit: None });
        }
        ("host-phys-bits", "on") => {
            let limit = cpu.max_phys_addr.and_then(|width| width.limit);
            cpu.max_phys_addr = Some(MaxPhysAddr { mode: PhysAddrMode::Passthrough, bits: None, limit });
        }
        ("host-phys-bits-limit", _) => {
            let limit = Some(number()?).filter(|bits| *bits > 0);
            cpu.max_phys_addr = Some(MaxPhysAddr { mode: PhysAddrMode::Passthrough, bits: None, limit });
        }
        ("vendor", _) => cpu.vendor_id = Some(value.to_string()),
        (_, "on" | "off") if libvirt_name(name).is_some() => {
            let policy = if value == "on" { Policy::Require } else { Policy::Disable };
            list(cpu, libvirt_name(name).unwrap_or(name), policy, at);
        }
        _ => {
            let properties = &mut cpu.beside.get_or_insert_default().properties;
            properties.retain(|property| property.name != dashed);
            properties.push(Property { name: dashed, value: value.to_string() });
        }
    }
    Ok(())
}

/// The value of `-cpu`.
pub(super) fn argument(text: &str, line: usize) -> Result<Cpu, ReadError> {
    let mut parts = text.split(',').map(str::trim);
    let model = parts.next().unwrap_or_default();
    if model.is_empty() {
        return Err(ReadError::at(line, "-cpu without a model"));
    }
    let mut cpu = of_model(model, line);
    let (mut plus, mut minus) = (Vec::new(), Vec::new());
    for part in parts.filter(|part| !part.is_empty()) {
        match (part.strip_prefix('+'), part.strip_prefix('-'), part.split_once('=')) {
            (Some(name), ..) => plus.push(name),
            (_, Some(name), _) => minus.push(name),
            (.., Some((name, value))) => set(&mut cpu, name, value, line)?,
            _ => set(&mut cpu, part, "on", line)?,
        }
    }
    for (names, value) in [(plus, "on"), (minus, "off")] {
        for name in names {
            set(&mut cpu, name, value, line)?;
        }
    }
    Ok(cpu)
}

/// Whether a word is the value of `-cpu` by itself: a model that is known, and perhaps properties.
fn is_argument(text: &str) -> bool {
    if text.contains(char::is_whitespace) {
        return false;
    }
    let (model, properties) = text.split_once(',').map_or((text, None), |(model, rest)| (model, Some(rest)));
    let known = ["host", "max", "base"].contains(&model)
        || level(model).is_some()
        || map().models.iter().any(|known| known.name == model);
    let is_property = |part: &str| part.starts_with(['+', '-']) || part.contains('=') || libvirt_name(part).is_some();
    let bare_words = ["enforce", "check", "migratable"];
    known
        || properties.is_some_and(|rest| {
            !model.is_empty()
                && model.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
                && rest.split(',').all(|part| is_property(part) || bare_words.contains(&part))
        })
}

/// The words of command lines, without quotes and the `\` of lines that go on, each with its line.
pub(super) fn words(text: &str) -> Vec<(usize, String)> {
    let mut words: Vec<(usize, String)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let (mut word, mut quote, mut any) = (String::new(), None, false);
        for c in line.trim_end().trim_end_matches('\\').chars() {
            match (quote, c) {
                (None, '\'' | '"') => (quote, any) = (Some(c), true),
                (Some(open), c) if open == c => quote = None,
                (None, c) if c.is_whitespace() => {
                    if any || !word.is_empty() {
                        words.push((number, std::mem::take(&mut word)));
                    }
                    any = false;
                }
                (_, c) => word.push(c),
            }
        }
        if any || !word.is_empty() {
            words.push((number, word));
        }
    }
    words
}

fn lone(text: &str) -> Option<&str> {
    let text = text.trim();
    let text = text.strip_prefix("-cpu ").unwrap_or(text).trim().trim_matches(['\'', '"', '`']);
    (!text.is_empty() && is_argument(text)).then_some(text)
}

fn recognise(text: &str) -> bool {
    let option = |text: &str| text.contains("-cpu ") || text.contains("-cpu=") || text.contains("-cpu\n");
    option(text) && words(text).iter().any(|(_, word)| word == "-cpu" || word.starts_with("-cpu="))
        || lone(text).is_some()
}

/// What a command line says besides `-cpu`.
#[derive(Debug, Default)]
struct Around {
    name: Option<String>,
    machine: Option<String>,
    accel: Option<Accel>,
    /// An `-accel`, of which the first counts.
    chosen: bool,
    vcpus: Option<u32>,
    most_vcpus: Option<u32>,
    topology: Option<Topology>,
    /// What is not understood.
    gaps: Vec<Gap>,
}

/// Options of QEMU whose next word is their value.
const VALUED: [&str; 12] = [
    "-cpu",
    "-name",
    "-machine",
    "-M",
    "-accel",
    "-smp",
    "-global",
    "-object",
    "-device",
    "-set",
    "-readconfig",
    "-overcommit",
];

/// The parts of `-smp` that count vCPUs in one another.
const LEVELS: [&str; 6] = ["sockets", "dies", "clusters", "modules", "cores", "threads"];

impl Around {
    fn gap(&mut self, line: usize, what: String) {
        self.gaps.push(Gap { at: position(line), what });
    }

    fn take(&mut self, option: &str, value: &str, line: usize) -> Result<(), ReadError> {
        let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
        for part in value.split(',') {
            let (key, value) = part.split_once('=').unwrap_or(("", part));
            keys.entry(key).or_insert(value);
        }
        let first = |name: &str| keys.get(name).or_else(|| keys.get("")).copied();
        match option {
            "-name" => self.name = first("guest").map(str::to_string),
            "-machine" | "-M" => {
                self.machine = first("type").map(str::to_string).or(self.machine.take());
                if let Some(word) = keys.get("accel") {
                    self.accel = self.accel(word, line).or(self.accel);
                }
                let smp: BTreeMap<&str, &str> =
                    keys.iter().filter_map(|(key, value)| Some((key.strip_prefix("smp.")?, *value))).collect();
                if !smp.is_empty() {
                    self.smp(&smp, line)?;
                }
                for key in ["confidential-guest-support", "memory-encryption"] {
                    if keys.contains_key(key) {
                        self.gap(line, format!("{key} is not read here: a confidential guest"));
                    }
                }
            }
            "-accel" if self.chosen && self.accel == Some(Accel::Tcg) => {}
            "-accel" if self.chosen => self.gap(line, "of several -accel the first that works counts".to_string()),
            "-accel" => {
                self.chosen = true;
                if let Some(word) = first("accel") {
                    self.accel = self.accel(word, line).or(self.accel);
                }
            }
            "-smp" => {
                if let Some(cpus) = keys.remove("") {
                    keys.entry("cpus").or_insert(cpus);
                }
                self.smp(&keys, line)?;
            }
            // A property of a CPU, below those of -cpu.
            "-global" if may_change_cpuid("global", value) => {
                self.gap(line, format!("-global {} is not read here; say it in -cpu", shorten(value)));
            }
            "-object" | "-device" | "-set" if may_change_cpuid(&option[1..], value) => {
                self.gap(line, format!("{option} {} is not read here", shorten(value)));
            }
            "-readconfig" => self.gap(line, format!("what {} asks for is not read here", shorten(value))),
            "-overcommit" if keys.get("cpu-pm") == Some(&"on") => {
                self.gap(line, "-overcommit cpu-pm=on is not read here".to_string());
            }
            _ => {}
        }
        Ok(())
    }

    /// What runs the guest; of `kvm:tcg` the first that works, which nobody knows here.
    fn accel(&mut self, word: &str, line: usize) -> Option<Accel> {
        let mut words = word.split(':');
        match (words.next(), words.next()) {
            (Some("kvm"), None) => Some(Accel::Kvm),
            (Some("tcg"), _) => Some(Accel::Tcg),
            _ => {
                self.gap(line, format!("accel={} is not read here", shorten(word)));
                None
            }
        }
    }

    /// How many vCPUs, and their topology, where QEMU of every version makes the same of it: which of sockets and cores
    /// holds what is left over depends on the machine type.
    fn smp(&mut self, keys: &BTreeMap<&str, &str>, line: usize) -> Result<(), ReadError> {
        let mut given: BTreeMap<&str, u32> = BTreeMap::new();
        for (key, value) in keys {
            let number = crate::view::clock::integer(value).and_then(|n| u32::try_from(n).ok());
            let Some(number) = number.filter(|n| *n > 0) else {
                return Err(ReadError::at(
                    line,
                    format!("-smp {}={}, expected a number", shorten(key), shorten(value)),
                ));
            };
            if !["cpus", "maxcpus"].contains(key) && !LEVELS.contains(key) && number > 1 {
                self.gap(line, format!("{} of -smp is not read here", shorten(key)));
            }
            given.insert(key, number);
        }
        let count = |name: &str| given.get(name).copied();
        let all = LEVELS.iter().fold(1u32, |n, name| n.saturating_mul(count(name).unwrap_or(1)));
        let most = count("maxcpus").or(count("cpus")).unwrap_or(all);
        let vcpus = count("cpus").unwrap_or(most);
        let (sockets, cores) = (count("sockets"), count("cores"));
        let whole = [("sockets", sockets), ("cores", cores), ("threads", count("threads"))];
        let open: Vec<&str> = whole.iter().filter(|(_, n)| n.is_none()).map(|(name, _)| *name).collect();
        // Of what is left out QEMU works out sockets or cores, and threads only where both of those are given.
        let rest = match (sockets, cores) {
            (None, None) if all > 1 => {
                self.gap(line, "the sockets and cores of this -smp depend on the machine type".to_string());
                None
            }
            (None, None) => None,
            _ => Some(if open.is_empty() { 1 } else { most / all }),
        };
        let total = rest.map_or(most, |rest| all.saturating_mul(rest));
        if vcpus > most || total != most {
            let what = format!("-smp of {vcpus} vCPUs, at most {most}, whose topology makes {total}");
            return Err(ReadError::at(line, what));
        }
        self.topology = rest.map(|rest| {
            let of = |name: &str| count(name).unwrap_or(if open.first() == Some(&name) { rest } else { 1 });
            Topology {
                sockets: of("sockets"),
                dies: of("dies"),
                clusters: of("clusters").saturating_mul(of("modules")),
                cores: of("cores"),
                threads: of("threads"),
            }
        });
        (self.vcpus, self.most_vcpus) = (Some(vcpus), count("maxcpus").filter(|most| *most != vcpus));
        Ok(())
    }
}

fn read(text: &str) -> Result<Input, ReadError> {
    if let Some(text) = lone(text) {
        return Ok(Input::Cpus(vec![argument(text, 1)?]));
    }
    let mut found: Vec<(Cpu, Around)> = Vec::new();
    let mut open: Option<Cpu> = None;
    let mut around = Around::default();
    // A program's name has begun the command line.
    let mut begun = false;
    let words = words(text);
    let mut words = words.iter().peekable();
    let close = |open: &mut Option<Cpu>, around: &mut Around, found: &mut Vec<(Cpu, Around)>| {
        let around = std::mem::take(around);
        if let Some(cpu) = open.take() {
            found.push((cpu, around));
        }
    };
    while let Some((line, word)) = words.next() {
        if is_program(word) {
            begun = true;
            close(&mut open, &mut around, &mut found);
        }
        if word == "-enable-kvm" || word == "--enable-kvm" {
            around.accel = Some(Accel::Kvm);
        }
        let Some(option) = word.strip_prefix('-').map(|rest| format!("-{}", rest.trim_start_matches('-'))) else {
            continue;
        };
        let (option, own) = option.split_once('=').map_or((option.as_str(), None), |(o, v)| (o, Some(v)));
        let Some(value) = own.or_else(|| words.peek().map(|(_, next)| next.as_str())) else {
            if option == "-cpu" {
                return Err(ReadError::at(*line, "-cpu without a model"));
            }
            continue;
        };
        if option == "-cpu" {
            // Of several in one command line QEMU takes the last (softmmu/vl.c, `QEMU_OPTION_cpu`).
            if open.is_some() && !begun {
                close(&mut open, &mut around, &mut found);
            }
            open = Some(argument(value, *line)?);
        } else {
            around.take(option, value, *line)?;
        }
        // The value is no word of its own: `kvm` behind `-accel` is no program.
        if own.is_none() && VALUED.contains(&option) && !value.starts_with('-') {
            words.next();
        }
    }
    close(&mut open, &mut around, &mut found);
    let cpus = found.into_iter().map(|(mut cpu, around)| {
        let Around { name, machine, accel, chosen: _, vcpus, most_vcpus, topology, gaps } = around;
        if machine.is_some() || accel.is_some() || vcpus.is_some() || !gaps.is_empty() {
            let beside: &mut Beside = cpu.beside.get_or_insert_default();
            beside.machine = machine;
            beside.accel = accel;
            beside.vcpus = vcpus;
            beside.most_vcpus = most_vcpus;
            beside.gaps.extend(gaps);
        }
        cpu.topology = topology;
        cpu.name = name;
        cpu
    });
    let cpus: Vec<Cpu> = cpus.collect();
    if cpus.is_empty() { Err(ReadError::whole("no -cpu in this command line")) } else { Ok(Input::Cpus(cpus)) }
}

/// Whether a word is the program at the beginning of a command line.
fn is_program(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or_default();
    name.starts_with("qemu-system-") || name == "qemu-kvm" || word.ends_with("/kvm") || name == "kvm"
}

#[cfg(test)]
mod tests {
    use super::super::tests::cpus;
    use super::*;

    fn policies(cpu: &Cpu) -> Vec<(&str, Policy)> {
        cpu.features.iter().map(|f| (f.name.as_str(), f.policy)).collect()
    }

    #[test]
    fn an_argument_alone_and_in_every_wrapping() {
        let argument = "EPYC-Milan,x2apic=on,+sse4.1,-pcid,tsc_adjust=off,enforce,hv_relaxed,phys-bits=40";
        let alone = cpus(argument).remove(0);
        assert_eq!(alone.model.as_deref(), Some("EPYC-Milan"));
        let listed = policies(&alone);
        for wanted in [
            ("x2apic", Policy::Require),
            ("sse4.1", Policy::Require),
            ("pcid", Policy::Disable),
            ("tsc_adjust", Policy::Disable),
        ] {
            assert!(listed.contains(&wanted), "{wanted:?}: {listed:?}");
        }
        let properties = &alone.beside.as_ref().expect("properties").properties;
        assert_eq!(properties.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["enforce", "hv-relaxed"]);
        assert_eq!(alone.max_phys_addr.and_then(|width| width.bits), Some(40));
        for text in [
            format!("-cpu {argument}\n"),
            format!("/usr/bin/qemu-system-x86_64 -m 64 \\\n -cpu {argument} \\\n -nodefaults\n"),
            format!("root 12 0.0 1.0 1 2 ? Sl 10:00 0:01 /usr/bin/kvm -id 101 -cpu '{argument}' -m 2048"),
            format!("LC_ALL=C /usr/libexec/qemu-kvm \\\n-name guest=vm \\\n-cpu {argument} \\\n"),
            format!("args: -cpu {argument}\n"),
        ] {
            let read = cpus(&text).remove(0);
            assert_eq!((policies(&read), read.model.clone()), (policies(&alone), alone.model.clone()), "{text}");
        }
    }

    #[test]
    fn a_list_of_processes_is_several() {
        let text = "qemu-system-x86_64 -name guest=a,debug-threads=on -machine pc-q35-7.2,accel=kvm -cpu host,+invtsc -smp 4\n\
                    qemu-system-x86_64 -name b -cpu max\n";
        let read = cpus(text);
        assert_eq!(read.iter().map(|cpu| cpu.name.as_deref()).collect::<Vec<_>>(), [Some("a"), Some("b")]);
        assert_eq!(read.iter().map(|cpu| cpu.mode).collect::<Vec<_>>(), [Mode::HostPassthrough, Mode::Maximum]);
        let beside = read[0].beside.as_ref().expect("options");
        assert_eq!(
            (beside.machine.as_deref(), beside.accel, beside.vcpus),
            (Some("pc-q35-7.2"), Some(Accel::Kvm), Some(4))
        );
    }

    #[test]
    fn a_level_is_what_its_instructions_are() {
        let count = |text: &str| cpus(text)[0].features.len();
        assert_eq!(["x86-64-v1", "x86-64-v2", "x86-64-v3", "x86-64-v4"].map(count), [9, 16, 25, 30]);
        assert_eq!(cpus("base,+avx2")[0].features.len(), 1);
    }
}
