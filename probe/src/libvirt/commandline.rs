//! `<qemu:commandline>`: what a domain tells QEMU past libvirt, as far as it concerns the CPU.
//!
//! # Source
//! QEMU 7.2 softmmu/vl.c (the last `-cpu` counts), qemu-options.hx (`-global`).

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::xml::{Element, is_name};

/// The namespace of `<qemu:commandline>` and its kind.
pub(super) const NAMESPACE: &str = "http://libvirt.org/schemas/domain/qemu/1.0";

/// QEMU options that cannot change CPUID, without their dashes.
#[rustfmt::skip]
const HARMLESS_OPTIONS: &[&str] = &[
    "D", "S", "acpitable", "add-fd", "audiodev", "blockdev", "boot", "cdrom", "chardev", "d", "daemonize", "debugcon",
    "device", "display", "dfilter", "drive", "fsdev", "fw_cfg", "g", "gdb", "global", "hda", "hdb", "hdc", "hdd", "k",
    "mem-path", "mem-prealloc", "mon", "monitor", "msg", "name", "net", "netdev", "nic", "no-reboot", "no-shutdown",
    "object", "option-rom", "parallel", "pflash", "pidfile", "qmp", "qmp-pretty", "rtc", "s", "sandbox", "sd", "seed",
    "serial", "set", "smbios", "snapshot", "spice", "tpmdev", "trace", "usb", "usbdevice", "uuid", "vga", "virtfs",
    "vnc", "watchdog-action",
];

/// Words that make the value of a harmless option harmful: a CPU is a device with properties, and confidential computing
/// and SGX memory are objects.
const HARMFUL_VALUES: &[(&str, &[&str])] =
    &[("device", &["-cpu"]), ("object", &["sev", "tdx", "-epc"]), ("set", &["cpu"])];

/// What the type of every x86 CPU of QEMU ends with; a model's own has the model's name before it.
const CPU_TYPES: [&str; 2] = ["x86_64-cpu", "i386-cpu"];

/// What `-global` sets: a property of each CPU of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Global<'a> {
    /// The type, which is a CPU's.
    pub kind: &'a str,
    /// The property.
    pub property: &'a str,
    /// Its value.
    pub value: &'a str,
}

impl<'a> Global<'a> {
    /// The model whose CPUs these are; `None` for all CPUs.
    pub fn model(&self) -> Option<&'a str> {
        CPU_TYPES.iter().find_map(|of_all| self.kind.strip_suffix(of_all)?.strip_suffix('-'))
    }
}

/// What an argument says of the CPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// Another `-cpu`, which replaces libvirt's.
    Cpu(&'a str),
    /// A property of a type of CPUs.
    Global(Global<'a>),
    /// It may change CPUID, and is not understood; the argument, as an error quotes it.
    Unknown(String),
}

/// What a domain's own arguments say, in their order; those that cannot change CPUID are left out.
pub(super) fn read<'a, 'input>(domain: Element<'a, 'input>) -> Vec<(Element<'a, 'input>, Said<'a>)> {
    let mut option = "";
    let own = domain.children().filter(|e| e.namespace() == Some(NAMESPACE) && e.local_name() == "commandline");
    let mut arguments = own.flat_map(|line| line.children()).filter(|arg| arg.local_name() == "arg").peekable();
    let is_option = |value: &str| value.starts_with('-') && value.len() > 1;
    let read = core::iter::from_fn(|| arguments.next().map(|arg| (arg, arguments.peek().copied()))).filter_map(
        |(arg, next)| {
            let value = arg.attribute("value").unwrap_or_default();
            let said = if is_option(value) {
                option = value.trim_start_matches('-');
                let known = option == "cpu" || HARMLESS_OPTIONS.contains(&option);
                // What QEMU would take for the value is another option, or nothing.
                let bare = ["cpu", "global"].contains(&option)
                    && next.and_then(|next| next.attribute("value")).is_none_or(is_option);
                (!known || bare).then(|| Said::Unknown(value.to_string()))
            } else {
                of_option(option, value)
            };
            Some((arg, said?))
        },
    );
    read.collect()
}

/// What the value of an option says.
fn of_option<'a>(option: &str, value: &'a str) -> Option<Said<'a>> {
    let unknown = || Some(Said::Unknown(format!("-{option} {value}")));
    match option {
        "cpu" if value.is_empty() => unknown(),
        "cpu" => Some(Said::Cpu(value)),
        "global" => match global(value) {
            Some(global) if CPU_TYPES.contains(&global.kind) || global.model().is_some() => {
                let plain = is_name(global.property) && !global.value.is_empty() && !global.value.contains(',');
                if plain { Some(Said::Global(global)) } else { unknown() }
            }
            Some(global) if !["cpu", "apic"].iter().any(|word| global.kind.contains(word)) => None,
            _ => unknown(),
        },
        _ => {
            let harmful = HARMFUL_VALUES.iter().find(|row| row.0 == option).map_or(&[][..], |row| row.1);
            if harmful.iter().any(|word| kind(value).contains(word)) { unknown() } else { None }
        }
    }
}

/// Whether an option on QEMU's command line, written without its dashes, may change the guest's CPUID with this value, which
/// is empty where it has none.
#[must_use]
pub fn may_change_cpuid(option: &str, value: &str) -> bool {
    option == "cpu" || !HARMLESS_OPTIONS.contains(&option) || of_option(option, value).is_some()
}

/// What an object or a device is: what its key names, in QEMU's JSON too, else what stands first. Names of their own may
/// hold any word. JSON in which no key is found counts whole.
fn kind(value: &str) -> &str {
    if value.starts_with('{') {
        let named = ["\"qom-type\":\"", "\"driver\":\""].iter().find_map(|key| value.split_once(key));
        return named.map_or(value, |(_, rest)| rest.split('"').next().unwrap_or_default());
    }
    let mut keyed =
        value.split(',').filter_map(|part| part.strip_prefix("qom-type=").or_else(|| part.strip_prefix("driver=")));
    keyed.next().unwrap_or_else(|| value.split(',').next().unwrap_or_default())
}

/// `TYPE.PROPERTY=VALUE` or `driver=TYPE,property=PROPERTY,value=VALUE`.
fn global(text: &str) -> Option<Global<'_>> {
    if let Some((name, value)) = text.split_once('=').filter(|(name, _)| name.contains('.')) {
        let (kind, property) = name.rsplit_once('.')?;
        return Some(Global { kind, property, value });
    }
    let part = |key: &str| text.split(',').find_map(|part| part.strip_prefix(key)?.strip_prefix('='));
    let read = Global { kind: part("driver")?, property: part("property")?, value: part("value")? };
    (text.split(',').count() == 3).then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_global_is_for_a_type_and_its_model() {
        let of = |kind| Global { kind, property: "avx2", value: "off" };
        for (text, kind, model) in [
            ("x86_64-cpu.avx2=off", "x86_64-cpu", None),
            ("EPYC-x86_64-cpu.avx2=off", "EPYC-x86_64-cpu", Some("EPYC")),
            ("property=avx2,driver=host-i386-cpu,value=off", "host-i386-cpu", Some("host")),
        ] {
            assert_eq!(of_option("global", text), Some(Said::Global(of(kind))), "{text}");
            assert_eq!(of(kind).model(), model, "{text}");
        }
        assert_eq!(of_option("global", "ICH9-LPC.disable_s3=1"), None);
        for unknown in
            ["apic.x=1", "x86_64-cpu.avx2=", "x86_64-cpu.avx2=on,aes=on", "driver=x86_64-cpu,property=a", "avx2"]
        {
            assert!(matches!(of_option("global", unknown), Some(Said::Unknown(_))), "{unknown}");
        }
    }
}
