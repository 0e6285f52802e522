//! Proxmox: a VM's `cpu:` line, and the sections of `cpu-models.conf`.
//!
//! # Source
//! qemu-server `PVE/QemuServer/CPUConfig.pm` (`$cpu_fmt`, `$builtin_models`) and `PVE/QemuServer/CPUFlags.pm`.

use std::collections::HashMap;

use cpuid_probe::libvirt::commandline::may_change_cpuid;
use cpuid_probe::libvirt::cpu::{Cpu, Policy, Topology};
use cpuid_probe::libvirt::domain::Accel;
use cpuid_probe::{Place, Register};

use super::super::line::lines;
use super::super::{Input, Read, ReadError, Reader, shorten};
use super::{gap, libvirt_name, list, position, qemu};
use crate::knowledge::Knowledge;

pub(in crate::read) const READER: Reader = Reader {
    name: "proxmox",
    about: "Proxmox: a VM's cpu: line, or cpu-models.conf: what a guest is to have",
    recognise,
    read: Read::One(read),
};

/// Keys of a VM that say nothing of its CPU, without the numbers behind them (`net0`).
const HARMLESS: &str = "acpi affinity agent allow-ksm audio autostart balloon bios boot bootdisk cdrom cicustom cipassword \
                        citype ciupgrade ciuser cpulimit cpuunits description digest efidisk freeze hookscript hostpci \
                        hotplug hugepages ide ipconfig ivshmem keephugepages keyboard localtime lock memory meta \
                        migrate_downtime migrate_speed name nameserver net numa onboot parallel parent protection reboot \
                        rng sata scsi scsihw searchdomain serial shares smbios snapstate snaptime spice_enhancements \
                        sshkeys startdate startup tablet tags tdf template tpmstate unused usb vga virtio virtiofs vmgenid \
                        vmstate vmstatestorage watchdog";

/// What a machine type is written with that says nothing of the CPU.
const OF_MACHINE: [&str; 4] = ["viommu", "aw-bits", "enable-s3", "enable-s4"];

/// The enlightenments that Proxmox switches on for a Windows guest under KVM, and those that it adds from Windows 7 on.
const FOR_WINDOWS: &str = "vapic time reset vpindex runtime";
const FOR_WINDOWS_7: &str = "relaxed synic stimer ipi";

/// A CPU that a VM is given.
fn vm_cpu(value: &str) -> bool {
    // A number is a share of a CPU, in another program's file.
    value.starts_with(|c: char| c.is_ascii_alphabetic()) && !value.contains(char::is_whitespace)
}

/// A setting of a VM: its key and its value.
fn setting(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once([':', '='])?;
    let key = key.trim();
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    is_key.then_some((key, value.trim()))
}

fn section(line: &str) -> Option<&str> {
    line.strip_prefix("cpu-model:").map(str::trim).filter(|name| !name.is_empty())
}

fn recognise(text: &str) -> bool {
    lines(text).any(|(_, line)| {
        let tells = |(key, value): (&str, &str)| match key {
            "cpu" => vm_cpu(value),
            "args" => value.contains("-cpu "),
            _ => false,
        };
        setting(line).is_some_and(tells) || section(line).is_some()
    })
}

/// What a shell asks before its command, in a text that was copied from a terminal.
fn is_prompt(line: &str) -> bool {
    line.split_once(['#', '$']).is_some_and(|(who, command)| who.contains('@') && command.starts_with(' '))
}

/// A custom model as it is read.
struct Custom<'a> {
    name: &'a str,
    line: usize,
    keys: Vec<(usize, &'a str, &'a str)>,
}

/// A VM, or a snapshot of one, as it is read.
#[derive(Default)]
struct Machine<'a> {
    /// The snapshot's name.
    name: Option<&'a str>,
    keys: Vec<(usize, &'a str, &'a str)>,
    /// Lines that are no settings.
    strange: Vec<(usize, &'a str)>,
}

impl<'a> Machine<'a> {
    fn get(&self, name: &str) -> Option<(usize, &'a str)> {
        self.keys.iter().find(|(_, key, _)| *key == name).map(|(line, _, value)| (*line, *value))
    }

    fn has_cpu(&self) -> bool {
        self.get("cpu").is_some() || self.get("args").is_some_and(|(_, args)| args.contains("-cpu "))
    }

    /// A number of CPUs.
    fn count(&self, name: &str) -> Result<Option<u32>, ReadError> {
        let Some((line, value)) = self.get(name) else { return Ok(None) };
        let count = value.parse().ok().filter(|count| (1..=8192).contains(count));
        let expected = || ReadError::at(line, format!("{name}: {}, expected 1 to 8192", shorten(value)));
        count.ok_or_else(expected).map(Some)
    }
}

fn read(text: &str) -> Result<Input, ReadError> {
    let mut customs: Vec<Custom<'_>> = Vec::new();
    let mut machines: Vec<Machine<'_>> = vec![Machine::default()];
    let mut in_custom = false;
    // Where the custom models, and the keys of the last machine, are.
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut keys: HashMap<&str, usize> = HashMap::new();
    for (number, line) in lines(text) {
        if line.is_empty() || line.starts_with('#') || is_prompt(line) {
            continue;
        }
        if let Some(name) = section(line) {
            if let Some(first) = names.insert(name, number) {
                let message = format!("cpu-model `{}` again, first in line {first}", shorten(name));
                return Err(ReadError::another(number, message));
            }
            customs.push(Custom { name, line: number, keys: Vec::new() });
            in_custom = true;
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            machines.push(Machine { name: Some(name), ..Machine::default() });
            keys.clear();
            in_custom = false;
            continue;
        }
        let of_custom = line.split_once(char::is_whitespace).filter(|(key, _)| in_custom && !key.ends_with(':'));
        if let (Some((key, value)), Some(custom)) = (of_custom, customs.last_mut()) {
            custom.keys.push((number, key, value.trim()));
            continue;
        }
        if in_custom && setting(line).is_none() {
            return Err(ReadError::at(number, format!("`{}`, expected a key and its value", shorten(line))));
        }
        in_custom = false;
        let Some(machine) = machines.last_mut() else { continue };
        match setting(line) {
            Some((key, value)) => {
                if let Some(first) = keys.insert(key, number) {
                    let message = format!("`{}` again, first in line {first}; keep one VM a file", shorten(key));
                    return Err(ReadError::another(number, message));
                }
                machine.keys.push((number, key, value));
            }
            None => machine.strange.push((number, line)),
        }
    }
    let cpus: Result<Vec<Cpu>, ReadError> = if machines.iter().any(Machine::has_cpu) {
        machines.iter().filter(|machine| machine.has_cpu()).map(|machine| of_machine(machine, &customs)).collect()
    } else {
        customs.iter().map(of_custom).collect()
    };
    let mut cpus = cpus?;
    if !machines.iter().any(Machine::has_cpu) {
        let (line, strange) = machines.iter().flat_map(|machine| &machine.strange).next().copied().unzip();
        for cpu in cpus.iter_mut().filter(|_| strange.is_some()) {
            gap(
                cpu,
                line.unwrap_or(1),
                format!("`{}` is no line of cpu-models.conf", shorten(strange.unwrap_or_default())),
            );
        }
    }
    if let (Some(first), Some(pending)) = (cpus.first_mut(), machines.iter().find(|m| m.name == Some("PENDING")))
        && let Some((line, ..)) = pending.keys.first()
    {
        gap(first, *line, "[PENDING] has changes that the next start brings");
    }
    Ok(Input::Cpus(cpus))
}

fn of_custom(custom: &Custom<'_>) -> Result<Cpu, ReadError> {
    let reported = custom.keys.iter().find(|(_, key, _)| *key == "reported-model").map_or("kvm64", |(.., model)| model);
    let mut cpu = model(reported, custom.line)?;
    for (line, key, value) in &custom.keys {
        take(&mut cpu, key, value, *line)?;
    }
    cpu.name = Some(custom.name.to_string());
    Ok(cpu)
}

/// What a VM's `cpu:` asks; without one it has Proxmox's own.
fn of_line(machine: &Machine<'_>, customs: &[Custom<'_>]) -> Result<Cpu, ReadError> {
    let (line, value) = machine.get("cpu").unwrap_or((1, "kvm64"));
    if !vm_cpu(value) {
        return Err(ReadError::at(line, format!("cpu: {}, expected a model", shorten(value))));
    }
    let parts: Vec<(&str, &str)> =
        value.split(',').map(|part| part.split_once('=').unwrap_or(("cputype", part))).collect();
    let named = parts.iter().find(|(key, _)| *key == "cputype").map_or("kvm64", |(_, name)| name);
    let mut cpu = match named.strip_prefix("custom-") {
        Some(name) => {
            let custom = customs.iter().find(|custom| custom.name == name).ok_or_else(|| {
                let message =
                    format!("`custom-{}` is in cpu-models.conf; give that file, or both in one", shorten(name));
                ReadError::at(line, message)
            })?;
            of_custom(custom)?
        }
        None => {
            let reported = parts.iter().find(|(key, _)| *key == "reported-model").map(|(_, name)| *name);
            model(reported.unwrap_or(named), line)?
        }
    };
    for_system(&mut cpu, machine)?;
    for (key, value) in &parts {
        take(&mut cpu, key, value, line)?;
    }
    Ok(cpu)
}

/// What a VM asks: its CPU, and what changes a CPU among its other settings.
fn of_machine(machine: &Machine<'_>, customs: &[Custom<'_>]) -> Result<Cpu, ReadError> {
    let mut cpu = of_line(machine, customs)?;
    if let Some((line, args)) = machine.get("args") {
        arguments(&mut cpu, args, line)?;
    }
    let [cores, sockets, vcpus] = ["cores", "sockets", "vcpus"].map(|name| machine.count(name));
    let (cores, sockets, vcpus) = (cores?, sockets?, vcpus?);
    if cores.or(sockets).or(vcpus).is_some() {
        let topology =
            Topology { sockets: sockets.unwrap_or(1), dies: 1, clusters: 1, cores: cores.unwrap_or(1), threads: 1 };
        cpu.topology = Some(topology);
        let beside = cpu.beside.get_or_insert_default();
        beside.vcpus = Some(vcpus.unwrap_or(topology.vcpus()));
        beside.most_vcpus = Some(topology.vcpus());
    }
    let mut unknown: Vec<(usize, String)> = Vec::new();
    for (line, key, value) in &machine.keys {
        match (*key, *value) {
            ("cpu" | "args" | "cores" | "sockets" | "vcpus" | "ostype", _) | ("arch", "x86_64") => {}
            ("machine", _) => machine_type(&mut cpu, value, *line),
            ("kvm", "1" | "on" | "yes" | "true") => cpu.beside.get_or_insert_default().accel = Some(Accel::Kvm),
            ("kvm", "0" | "off" | "no" | "false") => cpu.beside.get_or_insert_default().accel = Some(Accel::Tcg),
            _ => {
                let plain = key.trim_end_matches(|c: char| c.is_ascii_digit());
                if plain == "hostpci" && value.contains("x-vga=") {
                    gap(&mut cpu, *line, format!("{key} with x-vga hides the hypervisor from the guest"));
                } else if !HARMLESS.split_ascii_whitespace().any(|harmless| harmless == plain) {
                    unknown.push((*line, format!("`{}`", shorten(key))));
                }
            }
        }
    }
    unknown.extend(machine.strange.iter().map(|(line, text)| (*line, format!("`{}`", shorten(text)))));
    if let Some((line, _)) = unknown.first() {
        let names: Vec<String> = unknown.iter().map(|(_, name)| name.clone()).collect();
        gap(&mut cpu, *line, format!("{} may change the guest's CPU", crate::list::first(&names, 12)));
    }
    cpu.name = machine.name.map(str::to_string);
    Ok(cpu)
}

/// `machine: pc-q35-9.0+pve0,viommu=intel`.
fn machine_type(cpu: &mut Cpu, value: &str, line: usize) {
    for part in value.split(',') {
        match part.split_once('=').unwrap_or(("type", part)) {
            ("type", name) => {
                // Proxmox's own suffix is no part of QEMU's name.
                let name = name.split("+pve").next().unwrap_or(name);
                cpu.beside.get_or_insert_default().machine = Some(name.to_string());
            }
            (key, _) if OF_MACHINE.contains(&key) => {}
            _ => gap(cpu, line, format!("machine: `{}` may change the guest's CPU", shorten(part))),
        }
    }
}

/// What Proxmox adds for the system in the guest.
///
/// # Source
/// `add_hyperv_enlightenments` and `get_cpu_options` of qemu-server `PVE/QemuServer/CPUConfig.pm`; the versions of
/// Windows: `windows_version` of `PVE/QemuServer/Helpers.pm`.
fn for_system(cpu: &mut Cpu, machine: &Machine<'_>) -> Result<(), ReadError> {
    let Some((line, system)) = machine.get("ostype") else { return Ok(()) };
    let is = |key: &str, wanted: &[&str]| machine.get(key).is_some_and(|(_, value)| wanted.contains(&value));
    if let Some(name) = Knowledge::builtin().row(X2APIC).name.filter(|_| system == "solaris") {
        set(cpu, "-", name, line)?;
    }
    let windows = match system {
        "wvista" | "w2k8" => 6,
        _ => system.strip_prefix("win").and_then(|version| version.parse().ok()).unwrap_or(0),
    };
    if windows < 6 || windows < 8 && is("bios", &["ovmf"]) || is("kvm", &["0", "off", "no", "false"]) {
        return Ok(());
    }
    // Before QEMU 3.1 there were fewer.
    let is_old = machine.get("machine").is_some_and(|(_, machine)| {
        let version = machine.split(['-', '+', ',']).find_map(|part| part.split_once('.')?.0.parse::<u32>().ok());
        version.is_some_and(|major| major < 4)
    });
    if is_old {
        gap(cpu, line, format!("ostype: {system} adds enlightenments, and which ones depends on the machine type"));
        return Ok(());
    }
    qemu::set(cpu, "hv-spinlocks", "0x1fff", line)?;
    let newer = FOR_WINDOWS_7.split(' ').filter(|_| windows > 6);
    for name in FOR_WINDOWS.split(' ').chain(newer) {
        qemu::set(cpu, &format!("hv-{name}"), "on", line)?;
    }
    Ok(())
}

/// What a VM's `args:` tell QEMU itself. They come last, and QEMU takes the last `-cpu`.
fn arguments(cpu: &mut Cpu, args: &str, line: usize) -> Result<(), ReadError> {
    let words = qemu::words(args);
    let mut words = words.iter().map(|(_, word)| word.as_str()).peekable();
    while let Some(word) = words.next() {
        let option = word.trim_start_matches('-');
        let (option, own) = option.split_once('=').map_or((option, None), |(option, value)| (option, Some(value)));
        let value = own.or_else(|| words.next_if(|next| !next.starts_with('-'))).unwrap_or_default();
        if option == "cpu" && word.starts_with('-') {
            let gaps = cpu.beside.take().map(|beside| beside.gaps).unwrap_or_default();
            *cpu = qemu::argument(value, line)?;
            cpu.beside.get_or_insert_default().gaps.extend(gaps);
        } else if !word.starts_with('-') || may_change_cpuid(option, value) {
            gap(cpu, line, format!("QEMU's argument `{}` may change CPUID", shorten(word)));
        }
    }
    Ok(())
}

/// A model: QEMU's, or one of Proxmox's own levels, of which v3 and above have aes.
fn model(name: &str, line: usize) -> Result<Cpu, ReadError> {
    let Some((level, suffix)) = qemu::level(name) else { return Ok(qemu::of_model(name, line)) };
    let aes = match suffix {
        "" => level > 2,
        "-AES" => true,
        _ => return Err(ReadError::at(line, format!("`{}` is no model of Proxmox", shorten(name)))),
    };
    let mut cpu = qemu::of_model(&format!("x86-64-v{level}"), line);
    if let Some(name) = Knowledge::builtin().row(AES).name.filter(|_| aes) {
        set(&mut cpu, "+", name, line)?;
    }
    Ok(cpu)
}

const AES: Place = Place::bit(1, 0, Register::Ecx, 25);
const X2APIC: Place = Place::bit(1, 0, Register::Ecx, 21);

fn set(cpu: &mut Cpu, sign: &str, name: &str, line: usize) -> Result<(), ReadError> {
    let on = sign == "+";
    match name {
        // svm or vmx, as the host has it.
        "nested-virt" => {
            gap(cpu, line, "Proxmox's nested-virt gives a guest what its host's vendor calls so");
        }
        _ => match libvirt_name(name) {
            Some(known) => {
                list(cpu, known, if on { Policy::Require } else { Policy::Disable }, position(line));
            }
            None => qemu::set(cpu, name, if on { "on" } else { "off" }, line)?,
        },
    }
    Ok(())
}

/// Keys that are QEMU's properties.
const PASSED_ON: &str = "hv-vendor-id guest-phys-bits level";

/// One of the keys that a `cpu:` line and a section have alike.
fn take(cpu: &mut Cpu, key: &str, value: &str, line: usize) -> Result<(), ReadError> {
    match key {
        "flags" => {
            for flag in value.split(';').map(str::trim).filter(|flag| !flag.is_empty()) {
                let (sign, name) =
                    flag.split_at_checked(1).filter(|(sign, _)| ["+", "-"].contains(sign)).ok_or_else(|| {
                        ReadError::at(line, format!("flag `{}`, expected `+NAME` or `-NAME`", shorten(flag)))
                    })?;
                set(cpu, sign, name, line)?;
            }
        }
        "phys-bits" if value == "host" => qemu::set(cpu, "host-phys-bits", "on", line)?,
        "phys-bits" => qemu::set(cpu, key, value, line)?,
        "hidden" if value == "1" => qemu::set(cpu, "kvm", "off", line)?,
        _ if PASSED_ON.split(' ').any(|passed| passed == key) => qemu::set(cpu, key, value, line)?,
        "hidden" | "cputype" | "reported-model" => {}
        _ => return Err(ReadError::at(line, format!("`{}` is no key of Proxmox's cpu settings", shorten(key)))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::cpus;
    use super::*;
    use cpuid_probe::libvirt::cpu::Mode;

    #[test]
    fn a_vm_and_a_custom_model() {
        let vm = cpus("boot: order=scsi0\ncores: 4\ncpu: host,flags=+aes;-pcid,hidden=1\nmemory: 2048\n").remove(0);
        assert_eq!(vm.mode, Mode::HostPassthrough);
        assert_eq!(vm.features.iter().map(|f| f.policy).collect::<Vec<_>>(), [Policy::Require, Policy::Disable]);
        let conf = "cpu-model: pool-a\n    flags +vme;+f16c;-hle;-rtm\n    reported-model Skylake-Server-noTSX-IBRS\n    \
                    phys-bits 46\n\ncpu-model: b\n    flags +avx2\n";
        let models = cpus(conf);
        assert_eq!(models[0].model.as_deref(), Some("Skylake-Server-noTSX-IBRS"));
        assert_eq!(models[0].max_phys_addr.and_then(|width| width.bits), Some(46));
        assert_eq!(models.iter().map(|m| m.name.as_deref()).collect::<Vec<_>>(), [Some("pool-a"), Some("b")]);
        let levels =
            ["x86-64-v2", "x86-64-v2-AES", "x86-64-v3"].map(|name| cpus(&format!("cpu: {name}\n"))[0].features.len());
        assert_eq!(levels, [16, 17, 26]);
        for (bad, what) in [("cpu: custom-x\n", "cpu-models.conf"), ("cpu: host,flags=aes\n", "expected `+NAME`")] {
            let error = crate::read::read(bad.as_bytes(), None).unwrap_err().to_string();
            assert!(error.starts_with("1:") && error.contains(what), "{error}");
        }
    }
}
