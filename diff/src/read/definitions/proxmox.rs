//! Proxmox: a VM's `cpu:` line, and the sections of `cpu-models.conf`.
//!
//! # Source
//! qemu-server `PVE/QemuServer/CPUConfig.pm` (`$cpu_fmt`, `$builtin_models`) and `PVE/QemuServer/CPUFlags.pm`.

use cpuid_probe::libvirt::beside::Gap;
use cpuid_probe::libvirt::cpu::{Cpu, Policy};
use cpuid_probe::{Place, Register};

use super::super::line::lines;
use super::super::{Input, Read, ReadError, Reader, shorten};
use super::{libvirt_name, list, position, qemu};
use crate::knowledge::Knowledge;

pub(in crate::read) const READER: Reader = Reader {
    name: "proxmox",
    about: "Proxmox: a VM's cpu: line, or cpu-models.conf: what a guest is to have",
    recognise,
    read: Read::One(read),
};

fn vm_line(line: &str) -> Option<&str> {
    let value = line.strip_prefix("cpu:").or_else(|| line.strip_prefix("cpu ="))?.trim();
    // A number is a share of a CPU, in another program's file.
    (value.starts_with(|c: char| c.is_ascii_alphabetic()) && !value.contains(char::is_whitespace)).then_some(value)
}

fn section(line: &str) -> Option<&str> {
    line.strip_prefix("cpu-model:").map(str::trim).filter(|name| !name.is_empty())
}

fn recognise(text: &str) -> bool {
    lines(text).any(|(_, line)| vm_line(line).is_some() || section(line).is_some())
}

/// A custom model as it is read.
struct Custom<'a> {
    name: &'a str,
    line: usize,
    keys: Vec<(usize, &'a str, &'a str)>,
}

fn read(text: &str) -> Result<Input, ReadError> {
    let mut customs: Vec<Custom<'_>> = Vec::new();
    let mut machines: Vec<(usize, &str)> = Vec::new();
    for (number, line) in lines(text) {
        if let Some(name) = section(line) {
            if let Some(first) = customs.iter().find(|custom| custom.name == name) {
                let message = format!("cpu-model `{}` again, first in line {}", shorten(name), first.line);
                return Err(ReadError::another(number, message));
            }
            customs.push(Custom { name, line: number, keys: Vec::new() });
        } else if let Some(value) = vm_line(line) {
            machines.push((number, value));
        } else if let Some(custom) = customs.last_mut()
            && let Some((key, value)) = line.split_once(char::is_whitespace)
        {
            custom.keys.push((number, key, value.trim()));
        }
    }
    let of_custom = |custom: &Custom<'_>| {
        let reported =
            custom.keys.iter().find(|(_, key, _)| *key == "reported-model").map_or("kvm64", |(.., model)| model);
        let mut cpu = model(reported, custom.line)?;
        for (line, key, value) in &custom.keys {
            take(&mut cpu, key, value, *line)?;
        }
        cpu.name = Some(custom.name.to_string());
        Ok(cpu)
    };
    if machines.is_empty() {
        return customs.iter().map(of_custom).collect::<Result<_, _>>().map(Input::Cpus);
    }
    let mut cpus = Vec::new();
    for (line, value) in machines {
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
        for (key, value) in &parts {
            take(&mut cpu, key, value, line)?;
        }
        cpu.name = None;
        cpus.push(cpu);
    }
    Ok(Input::Cpus(cpus))
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

fn set(cpu: &mut Cpu, sign: &str, name: &str, line: usize) -> Result<(), ReadError> {
    let on = sign == "+";
    match name {
        // svm or vmx, as the host has it.
        "nested-virt" => {
            let what = "Proxmox's nested-virt gives a guest what its host's vendor calls so".to_string();
            cpu.beside.get_or_insert_default().gaps.push(Gap { at: position(line), what });
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
