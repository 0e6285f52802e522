//! A guest's CPU as QEMU arguments, as libvirt would give them.
//!
//! From a whole domain XML everything that reaches CPUID is taken: `<cpu>`, `<vcpu>`, the machine type, and of
//! `<features>`, `<clock>`, `<devices>` and QEMU's own arguments what the tables below name. Inside `<features>` and
//! `<clock>`, an element that is in no table is an error; the rest of a domain cannot change CPUID and is not looked at.
//!
//! # Source
//! libvirt 9.0 src/qemu/qemu_command.c (`qemuBuildCpuCommandLine`, `qemuBuildCpuModelArgStr`, `qemuBuildSmpCommandLine`,
//! `qemuBuildMachineCommandLine`), checked against `virsh domxml-to-native qemu-argv` by tests/probe/libvirt_boot.rs; newer
//! elements: libvirt 11.3 docs/formatdomain.rst.

use std::borrow::ToOwned;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::commandline::{self, Global, Said};
use super::cpu::{self, CacheMode, Cpu, Form, Match, Mode, PhysAddrMode, Policy};
use super::names::{NOT_IN_QEMU, qemu_name};
use super::xml::{self, Element, Position, XmlError, is_name, short};

/// What runs the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accel {
    /// `<domain type='kvm'>`.
    Kvm,
    /// `<domain type='qemu'>`: QEMU's emulation.
    Tcg,
}

/// The QEMU arguments that make a guest's CPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// The `-cpu` argument.
    pub cpu: String,
    /// The `-smp` argument, where the XML says how many vCPUs there are.
    pub smp: Option<String>,
    /// The `-machine` argument: the machine type and what of its options reaches CPUID.
    pub machine: Option<String>,
    /// What runs the guest, where the XML says so.
    pub accel: Option<Accel>,
    /// The path of the domain's own QEMU. Another version of QEMU may show another CPUID.
    pub emulator: Option<String>,
    /// Where this may differ from what libvirt would tell QEMU on its host; sentences.
    pub notes: Vec<String>,
}

/// The CPU of a domain that names none, which is what QEMU and libvirt both give it.
const DEFAULT_MODEL: &str = "qemu64";

/// Names in libvirt's CPU map that are no property of any QEMU. libvirt leaves them out where they are to be off.
const NO_PROPERTY: [&str; 2] = ["cvt16", "pconfig"];

/// `<hyperv>` enlightenments in the order in which libvirt gives them, with QEMU's property.
///
/// The last two are of libvirt 11.
#[rustfmt::skip]
pub(super) const HYPERV: &[(&str, &str)] = &[
    ("relaxed", "hv-relaxed"),
    ("vapic", "hv-vapic"),
    ("spinlocks", "hv-spinlocks"),
    ("vpindex", "hv-vpindex"),
    ("runtime", "hv-runtime"),
    ("synic", "hv-synic"),
    ("stimer", "hv-stimer"),
    ("reset", "hv-reset"),
    ("vendor_id", "hv-vendor-id"),
    ("frequencies", "hv-frequencies"),
    ("reenlightenment", "hv-reenlightenment"),
    ("tlbflush", "hv-tlbflush"),
    ("ipi", "hv-ipi"),
    ("evmcs", "hv-evmcs"),
    ("avic", "hv-avic"),
    ("emsr_bitmap", "hv-emsr-bitmap"),
    ("xmm_input", "hv-xmm-input"),
];

/// Switches inside an enlightenment: (enlightenment, switch, QEMU's property). Those of `tlbflush` are of libvirt 11.
pub(super) const HYPERV_INNER: &[(&str, &str, &str)] = &[
    ("stimer", "direct", "hv-stimer-direct"),
    ("tlbflush", "direct", "hv-tlbflush-direct"),
    ("tlbflush", "extended", "hv-tlbflush-ext"),
];

/// `<kvm>` elements in the order in which libvirt gives them: the state about which QEMU is told, and what it is told.
/// The other state is QEMU's default. `dirty-ring` is about memory.
#[rustfmt::skip]
pub(super) const KVM: &[(&str, bool, Option<&str>)] = &[
    ("hidden", true, Some("kvm=off")),
    ("hint-dedicated", true, Some("kvm-hint-dedicated=on")),
    ("poll-control", true, Some("kvm-poll-control=on")),
    ("pv-ipi", false, Some("kvm-pv-ipi=off")),
    ("dirty-ring", true, None),
];

/// `<features>` elements that reach CPUID.
pub(super) const FEATURES: &[&str] = &["apic", "hyperv", "ioapic", "kvm", "pmu", "pvspinlock"];

/// `<features>` elements that do not reach an x86 guest's CPUID: ACPI tables, devices, memory, Xen, other architectures.
#[rustfmt::skip]
pub(super) const OTHER_FEATURES: &[&str] = &[
    "acpi", "aia", "async-teardown", "capabilities", "ccf-assist", "cfpc", "gic", "hap", "hpt", "htm", "ibs", "msrs",
    "nested-hv", "pae", "privnet", "ps2", "ras", "sbbc", "smm", "tcg", "viridian", "vmcoreinfo", "vmport", "xen",
];

/// Timers, each with whether it reaches CPUID.
#[rustfmt::skip]
pub(super) const TIMERS: &[(&str, bool)] = &[
    ("tsc", true),
    ("kvmclock", true),
    ("hypervclock", true),
    ("armvtimer", false),
    ("hpet", false),
    ("pit", false),
    ("platform", false),
    ("rtc", false),
];

/// Reads every CPU of a text, as [`super::read_cpus`] does, in QEMU's words.
///
/// A `<cpu>` without a domain is taken as a guest's with mode custom, and so are a host's own and a host-model: the
/// listed model and features, nothing else. `removed` says what libvirt has removed from a model (see
/// [`super::removed`]).
///
/// # Errors
/// As [`super::read_cpus`]; also what libvirt itself refuses, what it takes from the host where the guest starts (an
/// inactive host-model, match='minimum'), and an element that reaches CPUID and is not understood. One error, with its
/// place.
pub fn read_guests(text: &str, removed: &dyn Fn(&str) -> Vec<String>) -> Result<Vec<Guest>, XmlError> {
    xml::parse(text, |documents| {
        let mut guests = Vec::new();
        for document in documents {
            match document.name() {
                "domain" => guests.push(read_domain(*document, None, removed)?),
                "domstatus" | "domainsnapshot" => {
                    let domain = document.at(&["domain"]).ok_or_else(|| document.error("no <domain> in it"))?;
                    guests.push(read_domain(domain, document.at(&["cookie", "cpu"]), removed)?);
                }
                _ => {
                    for cpu in cpu::find(*document)? {
                        guests.push(read_bare(&cpu, removed)?);
                    }
                }
            }
        }
        if guests.is_empty() { Err(cpu::nothing_found()) } else { Ok(guests) }
    })
}

fn read_bare(cpu: &Cpu, removed: &dyn Fn(&str) -> Vec<String>) -> Result<Guest, XmlError> {
    if cpu.arch.as_deref().is_some_and(|arch| arch != "x86_64") {
        return Err(XmlError { at: cpu.at, message: "a 32-bit host; the boot image needs x86_64".into() });
    }
    let mut notes = Vec::new();
    let mut options = cpu_options(cpu, removed, &mut notes)?;
    options.extend(last_options(cpu)?);
    // A host's own topology is not its guests'.
    let topology = cpu.topology.filter(|_| cpu.form == Form::Guest);
    let smp = topology.map(|topology| smp(topology.vcpus(), topology.vcpus(), Some(topology)));
    Ok(Guest { cpu: options.join(","), smp, machine: None, accel: None, emulator: None, notes })
}

/// A domain; `live` is its CPU as it was when it ran, where another element holds that.
fn read_domain(
    domain: Element<'_, '_>,
    live: Option<Element<'_, '_>>,
    removed: &dyn Fn(&str) -> Vec<String>,
) -> Result<Guest, XmlError> {
    let accel = read_accel(domain)?;
    let own = refuse_what_cannot_be_shown(domain)?;
    let features = domain.one("features")?;
    let mut notes = Vec::new();

    let cpu = match live.or(domain.one("cpu")?) {
        Some(cpu) => Cpu::read_guest(cpu)?,
        None => Cpu::empty(domain.position()),
    };
    if cpu.mode == Mode::HostPassthrough && accel == Accel::Tcg {
        return Err(XmlError { at: cpu.at, message: "host-passthrough needs <domain type='kvm'>".into() });
    }
    let mut options = cpu_options(&cpu, removed, &mut notes)?;
    options.extend(timer_options(domain)?);
    if let Some(features) = features {
        options.extend(feature_options(features)?);
    }
    if domain.at(&["devices"]).is_some_and(|d| d.all("panic").any(|p| p.attribute("model") == Some("hyperv"))) {
        options.push("hv-crash".into());
    }
    if let Some(features) = features {
        options.extend(late_feature_options(features)?);
    }
    options.extend(last_options(&cpu)?);

    let (online, max) = read_vcpus(domain, &cpu)?;
    Ok(Guest {
        cpu: own.applied_to(options)?,
        smp: Some(smp(online, max, cpu.topology)),
        machine: Some(read_machine_type(domain)? + features.map(irqchip).transpose()?.flatten().unwrap_or_default()),
        accel: Some(accel),
        emulator: domain.at(&["devices", "emulator"]).and_then(|emulator| emulator.text()),
        notes,
    })
}

/// What runs a domain.
pub(super) fn read_accel(domain: Element<'_, '_>) -> Result<Accel, XmlError> {
    match domain.attribute("type") {
        Some("kvm") => Ok(Accel::Kvm),
        Some("qemu") => Ok(Accel::Tcg),
        other => {
            let message = format!("the domain's type is '{}', expected kvm or qemu", short(other.unwrap_or("")));
            Err(domain.error(message))
        }
    }
}

/// Whether everything of a domain's `<features>` and `<clock>` that reaches CPUID is understood.
pub(super) fn validate(domain: Element<'_, '_>) -> Result<(), XmlError> {
    timer_options(domain)?;
    if let Some(features) = domain.one("features")? {
        feature_options(features)?;
        late_feature_options(features)?;
        irqchip(features)?;
    }
    Ok(())
}

/// The model, what is changed about it, and its features.
fn cpu_options(
    cpu: &Cpu,
    removed: &dyn Fn(&str) -> Vec<String>,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, XmlError> {
    let refuse = |what: &str| {
        let advice = "use `virsh dumpxml` of the running guest, or `virsh domcapabilities` of a host";
        Err(XmlError {
            at: cpu.at,
            message: format!("{what} takes the CPU of the host where the guest starts; {advice}"),
        })
    };
    let mut options = Vec::new();
    match cpu.mode {
        Mode::HostModel => return refuse("mode='host-model'"),
        Mode::Custom if cpu.matching == Match::Minimum => return refuse("match='minimum'"),
        Mode::Custom => {
            let model = cpu.model.as_deref().unwrap_or(DEFAULT_MODEL);
            if !is_name(model) {
                let message = format!("'{}' is not a CPU model name", short(model));
                return Err(XmlError { at: cpu.model_at, message });
            }
            options.push(model.to_owned());
            options.extend(cpu.vendor_id.as_ref().map(|id| format!("vendor={id}")));
        }
        // libvirt stores migratable='on' where host-passthrough does not say, and leaves maximum to QEMU.
        Mode::HostPassthrough => {
            options.push("host".into());
            options.push(format!("migratable={}", on_off(cpu.migratable.unwrap_or(true))));
        }
        Mode::Maximum => {
            options.push("max".into());
            options.extend(cpu.migratable.map(|migratable| format!("migratable={}", on_off(migratable))));
        }
    }
    let custom = cpu.mode == Mode::Custom;
    for feature in &cpu.features {
        let name = feature.name.as_str();
        let on = match feature.policy {
            Policy::Force | Policy::Require => true,
            Policy::Disable | Policy::Forbid => false,
            // libvirt asks for it where the host-model, from which invtsc is left out, has it. QEMU drops it elsewhere.
            Policy::Optional if custom => {
                notes.push(format!(
                    "`{name}` is optional: libvirt asks QEMU for it only on a host whose host-model has it"
                ));
                name != "invtsc"
            }
            Policy::Optional => continue,
        };
        if NOT_IN_QEMU.contains(&name) || (!on && NO_PROPERTY.contains(&name)) {
            continue;
        }
        options.push(format!("{}={}", qemu_name(name), on_off(on)));
    }
    if let Some(model) = cpu.model.as_deref().filter(|_| custom) {
        let absent = |name: &String| cpu.features.iter().all(|feature| feature.name != *name);
        options
            .extend(removed(model).iter().filter(|name| absent(name)).map(|name| format!("{}=off", qemu_name(name))));
    }
    Ok(options)
}

/// Caches and address width, which libvirt puts last.
fn last_options(cpu: &Cpu) -> Result<Vec<String>, XmlError> {
    let refuse = |message: &str| Err(XmlError { at: cpu.at, message: message.to_owned() });
    let mut options: Vec<String> = Vec::new();
    let host = cpu.mode != Mode::Custom;
    if let Some(cache) = cpu.cache {
        match (cache.mode, cache.level) {
            (CacheMode::Emulate, Some(3)) => {
                options.push("l3-cache=on".into());
                options.extend(host.then(|| "host-cache-info=off".into()));
            }
            (CacheMode::Emulate, _) => return refuse("<cache mode='emulate'> is for level='3' alone"),
            (_, Some(_)) => return refuse("only <cache mode='emulate'> has a level="),
            (CacheMode::Passthrough, None) if host => {
                options.extend(["host-cache-info=on".into(), "l3-cache=off".into()]);
            }
            (CacheMode::Passthrough, None) => {
                return refuse("<cache mode='passthrough'> is for host-passthrough and maximum alone");
            }
            (CacheMode::Disable, None) => {
                options.extend(host.then(|| "host-cache-info=off".into()));
                options.push("l3-cache=off".into());
            }
        }
    }
    if let Some(width) = cpu.max_phys_addr.filter(|_| cpu.form != Form::Host) {
        match (width.mode, width.bits) {
            (PhysAddrMode::Passthrough, None) => {
                options.push("host-phys-bits=on".into());
                options.extend(width.limit.map(|limit| format!("host-phys-bits-limit={limit}")));
            }
            (PhysAddrMode::Emulate, Some(bits)) => options.push(format!("phys-bits={bits}")),
            (PhysAddrMode::Passthrough, Some(_)) => return refuse("<maxphysaddr mode='passthrough'> has no bits="),
            // libvirt 9.0 refuses it, 11.3 takes it.
            (PhysAddrMode::Emulate, None) => options.push("host-phys-bits=off".into()),
        }
    }
    Ok(options)
}

/// `<clock>`: its timers, in the order written.
fn timer_options(domain: Element<'_, '_>) -> Result<Vec<String>, XmlError> {
    let mut options = Vec::new();
    let Some(clock) = domain.one("clock")? else { return Ok(options) };
    clock.only_children(&["timer"])?;
    for timer in clock.all("timer") {
        let name = timer.required("name")?;
        if !timer.word("name", TIMERS)?.unwrap_or(false) {
            continue;
        }
        timer.only_attributes(&["name", "present", "frequency", "mode", "tickpolicy", "track"])?;
        let present = timer.word("present", &[("yes", true), ("no", false)])?;
        match (name, present) {
            // libvirt looks at the frequency alone.
            ("tsc", _) => options.extend(timer.number::<u64>("frequency")?.map(|hz| format!("tsc-frequency={hz}"))),
            ("kvmclock", Some(present)) => options.push(format!("kvmclock={}", on_off(present))),
            ("hypervclock", Some(true)) => options.push("hv-time=on".into()),
            _ => {}
        }
    }
    Ok(options)
}

pub(super) const ON_OFF: &[(&str, bool)] = &[("on", true), ("off", false)];

/// The properties from `<features>` that come before the panic device.
fn feature_options(features: Element<'_, '_>) -> Result<Vec<String>, XmlError> {
    let known: Vec<&str> = FEATURES.iter().chain(OTHER_FEATURES).copied().collect();
    features.only_children(&known)?;
    let mut options = Vec::new();
    if let Some(apic) = features.one("apic")? {
        apic.only_attributes(&["eoi"])?;
        options.extend(apic.word("eoi", ON_OFF)?.map(|on| format!("kvm-pv-eoi={}", on_off(on))));
    }
    if let Some(spinlock) = features.one("pvspinlock")? {
        spinlock.only_attributes(&["state"])?;
        let on = spinlock.word("state", ON_OFF)?.unwrap_or(true);
        options.push(format!("kvm-pv-unhalt={}", on_off(on)));
    }
    if let Some(hyperv) = features.one("hyperv")? {
        options.extend(hyperv_options(hyperv)?);
    }
    Ok(options)
}

fn hyperv_options(hyperv: Element<'_, '_>) -> Result<Vec<String>, XmlError> {
    hyperv.only_attributes(&["mode"])?;
    let known: Vec<&str> = HYPERV.iter().map(|(name, _)| *name).collect();
    hyperv.only_children(&known)?;
    let mut options = Vec::new();
    if hyperv.word("mode", &[("custom", false), ("passthrough", true)])? == Some(true) {
        options.push("hv-passthrough=on".into());
    }
    for (name, property) in HYPERV {
        let Some(element) = hyperv.one(name)? else { continue };
        let special: &[&str] = match *name {
            "spinlocks" => &["state", "retries"],
            "vendor_id" => &["state", "value"],
            _ => &["state"],
        };
        element.only_attributes(special)?;
        let inner: Vec<&str> = HYPERV_INNER.iter().filter(|row| row.0 == *name).map(|row| row.1).collect();
        element.only_children(&inner)?;
        element.required("state")?;
        if element.word("state", ON_OFF)? != Some(true) {
            continue;
        }
        options.push(format!("{property}={}", hyperv_value(name, element)?));
        for (_, switch, property) in HYPERV_INNER.iter().filter(|row| row.0 == *name) {
            let Some(switch) = element.one(switch)? else { continue };
            switch.only_attributes(&["state"])?;
            switch.required("state")?;
            if switch.word("state", ON_OFF)? == Some(true) {
                options.push(format!("{property}=on"));
            }
        }
    }
    Ok(options)
}

/// What the property of an enlightenment is to be, where the enlightenment is on.
pub(super) fn hyperv_value(name: &str, element: Element<'_, '_>) -> Result<String, XmlError> {
    match name {
        "spinlocks" => Ok(format!("{:#x}", spinlock_retries(element)?)),
        "vendor_id" => {
            let missing = || element.error("<vendor_id> has no value= attribute");
            let value = element.attribute("value").ok_or_else(missing)?;
            if value.len() > 12 || value.contains(',') {
                let message = format!("<vendor_id> has value='{}', expected at most 12 bytes, no comma", short(value));
                return Err(element.error(message));
            }
            Ok(value.to_owned())
        }
        _ => Ok("on".into()),
    }
}

/// At least 4095, says libvirt (src/conf/domain_conf.c). 11.3 wants a number; without one 12.8 tells QEMU never to notify.
fn spinlock_retries(element: Element<'_, '_>) -> Result<u32, XmlError> {
    match element.number("retries")? {
        None => Ok(u32::MAX),
        Some(retries) if retries >= 4095 => Ok(retries),
        _ => Err(element.error("<spinlocks> has too few retries=, expected at least 4095")),
    }
}

/// The properties from `<features>` that come after the panic device.
fn late_feature_options(features: Element<'_, '_>) -> Result<Vec<String>, XmlError> {
    let mut options: Vec<String> = Vec::new();
    if let Some(kvm) = features.one("kvm")? {
        let known: Vec<&str> = KVM.iter().map(|row| row.0).collect();
        kvm.only_attributes(&[])?;
        kvm.only_children(&known)?;
        for (name, said, option) in KVM {
            let Some(element) = kvm.one(name)? else { continue };
            element.only_attributes(&["state", "size"])?;
            element.required("state")?;
            if element.word("state", ON_OFF)? == Some(*said) {
                options.extend(option.map(ToOwned::to_owned));
            }
        }
    }
    if let Some(pmu) = features.one("pmu")? {
        pmu.only_attributes(&["state"])?;
        let on = pmu.word("state", ON_OFF)?.unwrap_or(true);
        options.push(format!("pmu={}", on_off(on)));
    }
    Ok(options)
}

/// The machine type; without one, libvirt takes QEMU's default.
pub(super) fn read_machine_type(domain: Element<'_, '_>) -> Result<String, XmlError> {
    let missing = || domain.error("this <domain> has no <os> with a <type>");
    let kind = domain.at(&["os", "type"]).ok_or_else(missing)?;
    if let Some(arch) = kind.attribute("arch").filter(|arch| *arch != "x86_64") {
        let message = format!("the guest's architecture is '{}', expected x86_64", short(arch));
        return Err(kind.error(message));
    }
    let machine = kind.attribute("machine").unwrap_or("pc").to_owned();
    if is_name(&machine) {
        Ok(machine)
    } else {
        Err(kind.error(format!("'{}' is not a machine type", short(&machine))))
    }
}

/// Where the interrupt controllers are, as an option of `-machine`: KVM's alone can give x2apic and tsc-deadline.
fn irqchip(features: Element<'_, '_>) -> Result<Option<&'static str>, XmlError> {
    let Some(ioapic) = features.one("ioapic")? else { return Ok(None) };
    ioapic.only_attributes(&["driver"])?;
    ioapic.required("driver")?;
    ioapic.word("driver", &[("kvm", ",kernel_irqchip=on"), ("qemu", ",kernel_irqchip=split")])
}

/// The vCPUs that are on, and the most there can be.
pub(super) fn read_vcpus(domain: Element<'_, '_>, cpu: &Cpu) -> Result<(u32, u32), XmlError> {
    let vcpu = domain.one("vcpu")?;
    let text = vcpu.and_then(|vcpu| vcpu.text()).unwrap_or_else(|| "1".into());
    let at = vcpu.unwrap_or(domain);
    let max = text.trim().parse().ok().filter(|max| (1..=u32::from(u16::MAX)).contains(max));
    let max: u32 = max.ok_or_else(|| at.error(format!("<vcpu> is '{}', expected a number from 1", short(&text))))?;
    let current = vcpu.map(|vcpu| vcpu.number("current")).transpose()?.flatten();
    let mut online = current.unwrap_or(max);
    if let Some(vcpus) = domain.one("vcpus")? {
        online = enabled_vcpus(vcpus)?;
    }
    if online == 0 || online > max {
        return Err(at.error(format!("{online} of {max} vCPUs are on, expected 1 to {max}")));
    }
    if let Some(topology) = cpu.topology.filter(|topology| topology.vcpus() != max) {
        let message = format!("<topology> makes {} vCPUs, but <vcpu> says {max}", topology.vcpus());
        return Err(XmlError { at: cpu.at, message });
    }
    Ok((online, max))
}

/// How many vCPUs `<vcpus>` enables. QEMU can start with the first ones alone.
fn enabled_vcpus(vcpus: Element<'_, '_>) -> Result<u32, XmlError> {
    let mut enabled = Vec::new();
    for vcpu in vcpus.all("vcpu") {
        let id: Option<u32> = vcpu.number("id")?;
        let id = id.ok_or_else(|| vcpu.error("<vcpu> has no id= attribute"))?;
        if vcpu.word("enabled", &[("yes", true), ("no", false)])? == Some(true) {
            enabled.push(id);
        }
    }
    enabled.sort_unstable();
    if enabled.iter().zip(0..).any(|(id, expected)| *id != expected) {
        return Err(vcpus.error("the enabled vCPUs have gaps; a throw-away guest can only have the first ones"));
    }
    u32::try_from(enabled.len()).map_err(|_| vcpus.error("too many vCPUs"))
}

/// `-smp`.
fn smp(online: u32, max: u32, topology: Option<cpu::Topology>) -> String {
    let mut smp = online.to_string();
    if online != max {
        smp += &format!(",maxcpus={max}");
    }
    match topology {
        None => smp += &format!(",sockets={max},cores=1,threads=1"),
        Some(cpu::Topology { sockets, dies, clusters, cores, threads }) => {
            smp += &format!(",sockets={sockets},dies={dies}");
            if clusters != 1 {
                smp += &format!(",clusters={clusters}");
            }
            smp += &format!(",cores={cores},threads={threads}");
        }
    }
    smp
}

/// Refuses what reaches CPUID but a throw-away guest cannot have; what the domain tells QEMU of its CPU past libvirt.
pub(super) fn refuse_what_cannot_be_shown<'a>(domain: Element<'a, '_>) -> Result<Own<'a>, XmlError> {
    if let Some(security) = domain.one("launchSecurity")? {
        let message =
            "<launchSecurity> changes CPUID, and a throw-away guest cannot have it; leave it out to see the rest";
        return Err(security.error(message));
    }
    let memories = domain.at(&["devices"]).into_iter().flat_map(|devices| devices.all("memory"));
    if let Some(sgx) = memories.into_iter().find(|memory| memory.attribute("model") == Some("sgx-epc")) {
        let message = "<memory model='sgx-epc'> changes CPUID, and a throw-away guest cannot have it; leave it out to see the rest";
        return Err(sgx.error(message));
    }
    let own = domain.children().filter(|element| element.namespace() == Some(commandline::NAMESPACE));
    if let Some(capabilities) = { own }.find(|element| element.local_name() == "capabilities") {
        return Err(capabilities.error("<qemu:capabilities> changes what libvirt tells QEMU"));
    }
    Own::read(domain)
}

/// What a domain tells QEMU of its CPU past libvirt, in `<qemu:commandline>`.
#[derive(Default)]
pub(super) struct Own<'a> {
    /// Another `-cpu`, which replaces libvirt's.
    cpu: Option<&'a str>,
    /// Properties of a CPU type, each with where it is.
    globals: Vec<(Global<'a>, Position)>,
    /// Where the first of it is.
    at: Option<Position>,
}

impl<'a> Own<'a> {
    fn read(domain: Element<'a, '_>) -> Result<Self, XmlError> {
        let mut own = Self::default();
        for (arg, said) in commandline::read(domain) {
            match said {
                Said::Cpu(cpu) => own.cpu = Some(cpu),
                Said::Global(global) => own.globals.push((global, arg.position())),
                Said::Unknown(argument) => {
                    let message = format!(
                        "QEMU's argument '{}' may change CPUID, and of such arguments only -cpu and -global of a CPU are \
                         taken; leave it out, and give the CPU with --cpu, --machine and --smp",
                        short(&argument)
                    );
                    return Err(arg.error(message));
                }
            }
            own.at = own.at.or(Some(arg.position()));
        }
        Ok(own)
    }

    /// The `-cpu` argument: the domain's own replaces libvirt's, and what it sets for the type of all CPUs, or of this
    /// model, comes before what the argument itself says, which has the last word.
    ///
    /// # Errors
    /// A property of another model's type, which changes nothing here.
    fn applied_to(&self, options: Vec<String>) -> Result<String, XmlError> {
        let cpu = self.cpu.map_or_else(|| options.join(","), ToOwned::to_owned);
        let (model, settings) = cpu.split_once(',').unwrap_or((&cpu, ""));
        let mut words = Vec::from([model.to_owned()]);
        for (global, at) in &self.globals {
            let Global { kind, property, value } = global;
            if global.model().is_some_and(|of| of != model) {
                let message = format!("-global is for the type '{}', and the guest's model is {model}", short(kind));
                return Err(XmlError { at: *at, message });
            }
            words.push(format!("{property}={value}"));
        }
        words.extend((!settings.is_empty()).then(|| settings.to_owned()));
        Ok(words.join(","))
    }

    /// Refuses it all: for a domain that libvirt is to run.
    ///
    /// # Errors
    /// There is something.
    pub(super) fn refuse(&self) -> Result<(), XmlError> {
        let message = "<qemu:commandline> gives the CPU past libvirt; give it with <cpu>";
        self.at.map_or(Ok(()), |at| Err(XmlError { at, message: message.into() }))
    }
}

pub(super) const fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

#[cfg(test)]
mod tests {
    use super::super::removed::removed_features;
    use super::*;

    fn one(text: &str) -> Guest {
        let mut guests = read_guests(text, &removed_features).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(guests.len(), 1);
        guests.remove(0)
    }

    fn kvm(inside: &str) -> Guest {
        one(&format!("<domain type='kvm'><os><type arch='x86_64'>hvm</type></os>{inside}</domain>"))
    }

    #[test]
    fn a_bare_cpu_is_a_guest_with_mode_custom() {
        let guest = one("<cpu><model>EPYC</model><topology sockets='2' dies='1' cores='3' threads='2'/>\
                         <feature policy='disable' name='cmp_legacy'/><feature name='osxsave'/></cpu>");
        assert_eq!(guest.cpu, "EPYC,cmp-legacy=off,monitor=off");
        assert_eq!(guest.smp.as_deref(), Some("12,sockets=2,dies=1,cores=3,threads=2"));
        assert_eq!((guest.machine, guest.accel, guest.notes.len()), (None, None, 0));
        assert_eq!(one("<cpu mode='maximum'/>").cpu, "max");
        assert_eq!(one("<cpu mode='host-passthrough'/>").cpu, "host,migratable=on");
    }

    #[test]
    fn a_host_is_taken_for_its_features_alone() {
        let guest = one("<cpu><arch>x86_64</arch><model>Penryn</model><maxphysaddr mode='emulate' bits='46'/>\
                         <topology sockets='1' cores='64' threads='2'/><feature name='vme'/></cpu>");
        assert_eq!((guest.cpu.as_str(), guest.smp), ("Penryn,vme=on", None));
        let host = "<cpu><arch>i686</arch><model>Penryn</model></cpu>";
        assert!(read_guests(host, &removed_features).is_err());
    }

    #[test]
    fn optional_features_are_asked_for_and_noted() {
        let guest = one("<cpu><model>Penryn</model><feature policy='optional' name='abm'/>\
                         <feature policy='optional' name='invtsc'/></cpu>");
        assert_eq!((guest.cpu.as_str(), guest.notes.len()), ("Penryn,abm=on,invtsc=off", 2));
    }

    #[test]
    fn elements_of_newer_libvirts() {
        let guest = kvm("<features><hyperv><tlbflush state='on'><direct state='on'/><extended state='on'/></tlbflush>\
             <emsr_bitmap state='on'/><xmm_input state='on'/></hyperv></features><vcpu>2</vcpu>\
             <cpu><model>Haswell</model><topology sockets='1' dies='1' clusters='2' cores='1' threads='1'/>\
             <maxphysaddr mode='passthrough' limit='40'/></cpu>");
        let hyperv = "hv-tlbflush=on,hv-tlbflush-direct=on,hv-tlbflush-ext=on,hv-emsr-bitmap=on,hv-xmm-input=on";
        assert_eq!(guest.cpu, format!("Haswell,{hyperv},host-phys-bits=on,host-phys-bits-limit=40"));
        assert_eq!(guest.smp.as_deref(), Some("2,sockets=1,dies=1,clusters=2,cores=1,threads=1"));
    }

    #[test]
    fn saved_guests_have_their_cpu_in_a_cookie() {
        let domain = "<domain type='kvm'><os><type>hvm</type></os><cpu mode='host-model'/></domain>";
        let cookie = "<cookie><cpu mode='custom' check='full'><model>Penryn</model></cpu></cookie>";
        assert_eq!(one(&format!("<domainsnapshot>{domain}{cookie}</domainsnapshot>")).cpu, "Penryn");
        assert!(read_guests(&format!("<domainsnapshot>{domain}</domainsnapshot>"), &removed_features).is_err());
    }

    #[test]
    fn the_domains_own_qemu_is_known() {
        let guest = kvm("<devices><emulator>/opt/qemu</emulator></devices>");
        assert_eq!((guest.emulator.as_deref(), guest.cpu.as_str()), (Some("/opt/qemu"), "qemu64"));
    }

    #[test]
    fn other_architectures_and_hypervisors_are_refused() {
        for (text, words) in [
            ("<domain type='xen'/>", "expected kvm or qemu"),
            ("<domain><os><type>hvm</type></os></domain>", "expected kvm or qemu"),
            ("<domain type='kvm'><os><type arch='aarch64'>hvm</type></os></domain>", "expected x86_64"),
            ("<domain type='kvm'/>", "no <os> with a <type>"),
            ("<domain type='kvm'><os><type machine='pc,hpet=off'>hvm</type></os></domain>", "is not a machine type"),
            ("<domainsnapshot/>", "no <domain> in it"),
        ] {
            let error = read_guests(text, &removed_features).expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
