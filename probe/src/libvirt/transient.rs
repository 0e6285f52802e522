//! The domain that boots the image with a given CPU, for a node whose QEMU is only reachable through libvirt.
//!
//! Nothing is translated here: `<cpu>` and whatever else of a domain reaches CPUID go into the new domain as they are
//! written, so libvirt does with them what it would do for the real guest, host-model included. Only its check is
//! switched off.

use std::borrow::ToOwned;
use std::format;
use std::string::String;

use super::cpu::{self, Cpu, Form};
use super::domain::{
    Accel, FEATURES, TIMERS, read_accel, read_machine_type, read_vcpus, refuse_what_cannot_be_shown, validate,
};
use super::xml::{self, Element, XmlError};

/// Stands for the domain's name in [`transient_domain`]'s result.
pub const NAME: &str = "@NAME@";
/// Stands for the path of the boot image.
pub const IMAGE: &str = "@IMAGE@";
/// Stands for the path of the file that takes the guest's serial port.
pub const CONSOLE: &str = "@CONSOLE@";

/// A domain with the CPU of `text`, which is read as [`super::read_cpus`] does and must hold one.
///
/// `accel` and `machine` replace what a domain says; without either, kvm and pc. The least of everything else: 64 MiB,
/// no devices, gone when it switches itself off. [`NAME`], [`IMAGE`] and [`CONSOLE`] in the result are to be replaced.
///
/// # Errors
/// As [`super::read_guests`], but what depends on the host is accepted. One error, with its place.
pub fn transient_domain(text: &str, accel: Option<Accel>, machine: Option<&str>) -> Result<String, XmlError> {
    xml::parse(text, |documents| match documents {
        [] => Err(cpu::nothing_found()),
        [document] => one(*document, accel, machine),
        [_, second, ..] => Err(second.error("a second document; expected one CPU")),
    })
}

fn one(document: Element<'_, '_>, accel: Option<Accel>, machine: Option<&str>) -> Result<String, XmlError> {
    let domain = match document.name() {
        "domain" => Some(document),
        "domstatus" | "domainsnapshot" => document.at(&["domain"]),
        _ => None,
    };
    let Some(domain) = domain else {
        let mut cpus = cpu::find(document)?;
        let (Some(cpu), true) = (cpus.pop(), cpus.is_empty()) else {
            return Err(document.error("several CPUs; expected one"));
        };
        let written = if cpu.form == Form::Guest { unchecked(document) } else { spelled_out(&cpu) };
        let vcpus = cpu.topology.filter(|_| cpu.form == Form::Guest).map_or(1, |topology| topology.vcpus());
        let parts = Parts { vcpus: format!("<vcpu>{vcpus}</vcpu>"), cpu: written, ..Parts::default() };
        return Ok(parts.write(accel.unwrap_or(Accel::Kvm), machine.unwrap_or("pc")));
    };

    validate(domain)?;
    refuse_what_cannot_be_shown(domain)?.refuse()?;
    let cpu = document.at(&["cookie", "cpu"]).or(domain.one("cpu")?);
    let guest = cpu.map_or_else(|| Ok(Cpu::empty(domain.position())), Cpu::read_guest)?;
    let (online, max) = read_vcpus(domain, &guest)?;
    let mut parts = Parts { vcpus: format!("<vcpu current='{online}'>{max}</vcpu>"), ..Parts::default() };
    if let Some(vcpus) = domain.one("vcpus")? {
        parts.vcpus += &verbatim(vcpus);
    }
    if let Some(cpu) = cpu {
        parts.cpu = unchecked(cpu);
    }
    let features = domain.one("features")?.into_iter().flat_map(Element::children);
    parts.features = features.filter(|f| FEATURES.contains(&f.name())).map(|f| verbatim(f)).collect();
    let timers = domain.one("clock")?.into_iter().flat_map(|clock| clock.all("timer"));
    let reaches_cpuid =
        |timer: &Element<'_, '_>| TIMERS.iter().any(|(name, r)| *r && timer.attribute("name") == Some(name));
    parts.timers = timers.filter(reaches_cpuid).map(|timer| verbatim(timer)).collect();
    let devices = domain.at(&["devices"]).into_iter().flat_map(Element::children);
    let kept =
        |d: &Element<'_, '_>| d.name() == "emulator" || (d.name() == "panic" && d.attribute("model") == Some("hyperv"));
    parts.devices = devices.filter(kept).map(|device| verbatim(device)).collect();

    let own = read_machine_type(domain)?;
    Ok(parts.write(accel.map_or_else(|| read_accel(domain), Ok)?, machine.unwrap_or(&own)))
}

/// The parts of the domain that differ from case to case, as XML.
#[derive(Default)]
struct Parts {
    vcpus: String,
    features: String,
    cpu: String,
    timers: String,
    devices: String,
}

impl Parts {
    fn write(&self, accel: Accel, machine: &str) -> String {
        let kind = match accel {
            Accel::Kvm => "kvm",
            Accel::Tcg => "qemu",
        };
        let machine = escape(machine);
        let Self { vcpus, features, cpu, timers, devices } = self;
        format!(
            "<domain type='{kind}'>
  <name>{NAME}</name>
  <memory unit='MiB'>64</memory>
  {vcpus}
  <os><type arch='x86_64' machine='{machine}'>hvm</type><kernel>{IMAGE}</kernel></os>
  <features><acpi/>{features}</features>
  {cpu}
  <clock offset='utc'>{timers}</clock>
  <on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot><on_crash>destroy</on_crash>
  <devices>
    {devices}
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='file'><source path='{CONSOLE}'/></serial>
  </devices>
</domain>
"
        )
    }
}

/// An element as it is written.
fn verbatim(element: Element<'_, '_>) -> String {
    element.source().to_owned()
}

/// A guest's `<cpu>` as it is written, but libvirt is to start it whatever the guest gets: the dump shows that. NUMA
/// cells go, since they speak of more memory than the domain has.
fn unchecked(cpu: Element<'_, '_>) -> String {
    let attributes = cpu.attributes().filter(|(name, _)| *name != "check");
    let attributes: String = attributes.map(|(name, value)| format!(" {name}='{}'", escape(value))).collect();
    let children: String = cpu.children().filter(|child| child.name() != "numa").map(verbatim).collect();
    format!("<cpu{attributes} check='none'>{children}</cpu>")
}

/// A host's CPU, or a host-model, as a guest with mode custom.
fn spelled_out(cpu: &Cpu) -> String {
    let mut out = String::from("<cpu mode='custom' match='exact' check='none'>");
    out += &format!("<model fallback='forbid'>{}</model>", escape(cpu.model.as_deref().unwrap_or_default()));
    for feature in &cpu.features {
        out += &format!("<feature policy='{}' name='{}'/>", feature.policy.word(), escape(&feature.name));
    }
    out + "</cpu>"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&apos;")
}
