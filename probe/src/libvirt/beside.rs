//! What a domain asks of its guest's CPU beside `<cpu>`: enlightenments, timers, the PMU, vCPUs, the machine type, and what
//! it tells QEMU itself.
//!
//! [`super::domain`] says the same to a throw-away guest's QEMU and refuses what it does not understand. Here a domain is
//! held against a guest that runs already: what is not understood is a [`Gap`], and the rest is still of use.
//!
//! # Source
//! As [`super::domain`]; QEMU 7.2 softmmu/vl.c (the last `-cpu` counts), target/i386/cpu.c
//! (`x86_cpu_parse_featurestr`: `+NAME` and then `-NAME` count after `NAME=VALUE`).

use std::borrow::ToOwned;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::commandline::{self, Global, Said};
use super::cpu::{Cpu, Mode};
use super::domain::{
    Accel, FEATURES, HYPERV, HYPERV_INNER, KVM, ON_OFF, OTHER_FEATURES, TIMERS, hyperv_value, on_off, read_accel,
    read_machine_type, read_vcpus,
};
use super::names::libvirt_name;
use super::xml::{Element, Position, XmlError, short};

/// One of QEMU's properties of a CPU, and what it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// QEMU's name, with dashes: `hv-relaxed`, `kvm`, `pmu`, `tsc-frequency`.
    pub name: String,
    /// `on`, `off`, or another value.
    pub value: String,
}

/// A CPU model that a host lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostModel {
    /// libvirt's name.
    pub name: String,
    /// Whether the host can give all that QEMU's model has; `None` where it does not say.
    pub usable: Option<bool>,
    /// The features that the host lacks of the model, where it lists them.
    pub blockers: Vec<String>,
}

/// Something that may change the guest's CPU and is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where it is written.
    pub at: Position,
    /// What it is; a sentence without its full stop.
    pub what: String,
}

/// What a domain asks of its guest's CPU beside `<cpu>`; of `virsh domcapabilities`, what the host can give: whether it has
/// each enlightenment, how many vCPUs, and the machine type that was asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// QEMU's properties, each name once, with the value that counts.
    pub properties: Vec<Property>,
    /// How many vCPUs the guest starts with, where the domain says so; of a host, how many a guest can have.
    pub vcpus: Option<u32>,
    /// How many vCPUs the guest can have at most, those that can be plugged in included.
    pub most_vcpus: Option<u32>,
    /// Of a host: the CPU modes that it speaks of, and whether it supports them.
    pub modes: Vec<(String, bool)>,
    /// Of a host: the CPU models that it lists; none where it lists none.
    pub models: Vec<HostModel>,
    /// The machine type, as written: `pc`, `q35` or a version of one.
    pub machine: Option<String>,
    /// What runs the guest.
    pub accel: Option<Accel>,
    /// What is not understood.
    pub gaps: Vec<Gap>,
}

impl Beside {
    /// Reads a domain whose `<cpu>` is `cpu`.
    pub(super) fn read(domain: Element<'_, '_>, cpu: &Cpu) -> Self {
        let mut read = Self::default();
        let own = commandline::read(domain);
        // In the order in which QEMU takes them: the last one counts.
        for (_, said) in &own {
            if let Said::Global(global) = said {
                read.global(*global, cpu);
            }
        }
        let globals = read.properties.clone();
        for features in domain.all("features") {
            read.features(features);
        }
        for clock in domain.all("clock") {
            read.clock(clock);
        }
        if domain.at(&["devices"]).is_some_and(|d| d.all("panic").any(|p| p.attribute("model") == Some("hyperv"))) {
            read.set("hv-crash", "on");
        }
        // QEMU takes the last -cpu: this one replaces libvirt's, with all that libvirt wrote into it.
        let last =
            own.iter().rev().find_map(|(arg, said)| if let Said::Cpu(cpu) = said { Some((arg, cpu)) } else { None });
        if let Some((arg, argument)) = last {
            read.properties = globals;
            read.cpu_argument(*arg, argument, cpu);
        }
        if domain.attribute("type").is_some() {
            read.accel = read.understood(read_accel(domain));
        }
        if domain.all("vcpu").next().is_some() {
            let vcpus = read.understood(read_vcpus(domain, cpu));
            (read.vcpus, read.most_vcpus) = vcpus.map_or((None, None), |(online, most)| (Some(online), Some(most)));
        }
        if domain.at(&["os", "type"]).is_some_and(|kind| kind.attribute("machine").is_some()) {
            read.machine = read.understood(read_machine_type(domain));
        }
        read.rest(domain, own);
        read
    }

    /// Reads what `virsh domcapabilities` says of a host beside its host-model: what it can give.
    pub(super) fn of_host(capabilities: Element<'_, '_>) -> Self {
        let mut read = Self::default();
        let text = |name| capabilities.all(name).next().and_then(|element| element.text());
        read.machine = text("machine");
        read.accel = match text("domain").as_deref() {
            Some("kvm") => Some(Accel::Kvm),
            Some("qemu") => Some(Accel::Tcg),
            _ => None,
        };
        if let Some(vcpu) = capabilities.all("vcpu").next() {
            read.vcpus = read.understood(vcpu.number("max")).flatten();
        }
        for mode in capabilities.at(&["cpu"]).into_iter().flat_map(|cpu| cpu.all("mode")) {
            read.mode(mode);
        }
        let hyperv = capabilities.at(&["features", "hyperv"]);
        let lists = hyperv.into_iter().flat_map(|hyperv| hyperv.all("enum"));
        for list in lists.filter(|list| list.attribute("name") == Some("features")) {
            let offered: Vec<String> = list.all("value").filter_map(|value| value.text()).collect();
            for (name, property) in HYPERV {
                read.set(property, on_off(offered.iter().any(|offered| offered == name)));
            }
        }
        read
    }

    /// What a host says of one CPU mode.
    fn mode(&mut self, mode: Element<'_, '_>) {
        let Some(name) = mode.attribute("name") else { return };
        if let Some(supported) = mode.attribute("supported") {
            self.modes.push((name.to_owned(), supported == "yes"));
        }
        if name != "custom" {
            return;
        }
        for model in mode.all("model") {
            let usable = match model.attribute("usable") {
                Some("yes") => Some(true),
                Some("no") => Some(false),
                _ => None,
            };
            self.models.extend(model.text().map(|name| HostModel { name, usable, blockers: Vec::new() }));
        }
        for blockers in mode.all("blockers") {
            let names = blockers.all("feature").filter_map(|feature| feature.attribute("name"));
            let of = blockers.attribute("model");
            if let Some(model) = self.models.iter_mut().find(|model| Some(model.name.as_str()) == of) {
                model.blockers.extend(names.map(ToOwned::to_owned));
            }
        }
    }

    fn understood<T>(&mut self, result: Result<T, XmlError>) -> Option<T> {
        result.map_err(|XmlError { at, message }| self.gaps.push(Gap { at, what: message })).ok()
    }

    fn gap(&mut self, element: Element<'_, '_>, what: impl Into<String>) {
        self.gaps.push(Gap { at: element.position(), what: what.into() });
    }

    fn unknown(&mut self, element: Element<'_, '_>, within: &str) {
        self.gap(element, format!("unknown element <{}> in <{within}>", short(element.local_name())));
    }

    fn set(&mut self, name: &str, value: &str) {
        self.properties.retain(|property| property.name != name);
        self.properties.push(Property { name: name.to_owned(), value: value.to_owned() });
    }

    /// An element with a `state=`, which is what a property is to be.
    fn state(&mut self, element: Element<'_, '_>) -> Option<bool> {
        self.understood(element.required("state").and_then(|_| element.word("state", ON_OFF)))?
    }

    fn features(&mut self, features: Element<'_, '_>) {
        for element in features.children() {
            match element.name() {
                "apic" => {
                    if let Some(on) = self.understood(element.word("eoi", ON_OFF)).flatten() {
                        self.set("kvm-pv-eoi", on_off(on));
                    }
                }
                "pvspinlock" | "pmu" => {
                    let name = if element.name() == "pmu" { "pmu" } else { "kvm-pv-unhalt" };
                    if let Some(on) = self.understood(element.word("state", ON_OFF)) {
                        self.set(name, on_off(on.unwrap_or(true)));
                    }
                }
                "hyperv" => self.hyperv(element),
                "kvm" => self.kvm(element),
                name if FEATURES.contains(&name) || OTHER_FEATURES.contains(&name) => {}
                _ => self.unknown(element, "features"),
            }
        }
    }

    fn hyperv(&mut self, hyperv: Element<'_, '_>) {
        let passthrough = hyperv.word("mode", &[("custom", false), ("passthrough", true)]);
        if self.understood(passthrough).flatten() == Some(true) {
            self.set("hv-passthrough", "on");
        }
        for element in hyperv.children() {
            let Some((name, property)) = HYPERV.iter().find(|(name, _)| *name == element.name()) else {
                self.unknown(element, "hyperv");
                continue;
            };
            match self.state(element) {
                Some(true) => {
                    if let Some(value) = self.understood(hyperv_value(name, element)) {
                        self.set(property, &value);
                    }
                }
                Some(false) => self.set(property, "off"),
                None => {}
            }
            for switch in element.children() {
                let inner = HYPERV_INNER.iter().find(|row| row.0 == *name && row.1 == switch.name());
                match inner {
                    Some((_, _, property)) => {
                        if let Some(on) = self.state(switch) {
                            self.set(property, on_off(on));
                        }
                    }
                    None => self.unknown(switch, name),
                }
            }
        }
    }

    fn kvm(&mut self, kvm: Element<'_, '_>) {
        for element in kvm.children() {
            let Some((_, said, option)) = KVM.iter().find(|row| row.0 == element.name()) else {
                self.unknown(element, "kvm");
                continue;
            };
            // The table has what libvirt says of one state; the other state is the opposite.
            if let (Some(state), Some((name, value))) = (self.state(element), option.and_then(|o| o.split_once('='))) {
                self.set(name, on_off((value == "on") == (state == *said)));
            }
        }
    }

    fn clock(&mut self, clock: Element<'_, '_>) {
        for timer in clock.children() {
            if timer.name() != "timer" {
                self.unknown(timer, "clock");
                continue;
            }
            let name = timer.required("name").and_then(|name| Ok((name, timer.word("name", TIMERS)?)));
            let Some((name, reaches)) = self.understood(name) else { continue };
            if reaches != Some(true) {
                continue;
            }
            if name == "tsc" {
                if let Some(hz) = self.understood(timer.number::<u64>("frequency")).flatten() {
                    self.set("tsc-frequency", &hz.to_string());
                }
            } else {
                let property = if name == "kvmclock" { "kvmclock" } else { "hv-time" };
                let present = timer.word("present", &[("yes", true), ("no", false)]);
                if let Some(present) = self.understood(present).flatten() {
                    self.set(property, on_off(present));
                }
            }
        }
    }

    /// QEMU's own `-cpu`.
    fn cpu_argument(&mut self, arg: Element<'_, '_>, value: &str, cpu: &Cpu) {
        let mut parts = value.split(',');
        let model = parts.next().unwrap_or_default();
        let is_the_same = matches!((model, cpu.mode), ("host", Mode::HostPassthrough) | ("max", Mode::Maximum))
            && cpu.features.is_empty();
        if !is_the_same {
            self.gap(
                arg,
                format!(
                    "QEMU's own -cpu {} takes the place of <cpu>, and what that model has is not checked",
                    short(model)
                ),
            );
        }
        let (mut plus, mut minus) = (Vec::new(), Vec::new());
        for part in parts.filter(|part| !part.is_empty()) {
            match (part.strip_prefix('+'), part.strip_prefix('-'), part.split_once('=')) {
                (Some(name), ..) => plus.push(name),
                (_, Some(name), _) => minus.push(name),
                (.., Some((name, value))) => self.set(&dashed(name), value),
                _ => self.set(&dashed(part), "on"),
            }
        }
        for (names, value) in [(plus, "on"), (minus, "off")] {
            for name in names {
                self.set(&dashed(name), value);
            }
        }
    }

    /// QEMU applies a property of another model's type to no CPU here; libvirt's -cpu comes later and has what `<cpu>` lists.
    fn global(&mut self, global: Global<'_>, cpu: &Cpu) {
        let property = dashed(global.property);
        let listed = cpu.features.iter().any(|listed| listed.name == libvirt_name(&property));
        if is_of(global, cpu) && !listed {
            self.set(&property, global.value);
        }
    }

    /// What else may change CPUID.
    fn rest(&mut self, domain: Element<'_, '_>, own: Vec<(Element<'_, '_>, Said<'_>)>) {
        for security in domain.all("launchSecurity") {
            self.gap(security, "<launchSecurity> changes CPUID");
        }
        for memory in domain.at(&["devices"]).into_iter().flat_map(|devices| devices.all("memory")) {
            if memory.attribute("model") == Some("sgx-epc") {
                self.gap(memory, "<memory model='sgx-epc'> changes CPUID");
            }
        }
        for element in domain.children().filter(|e| e.namespace() == Some(commandline::NAMESPACE)) {
            match element.local_name() {
                "capabilities" => self.gap(element, "<qemu:capabilities> changes what libvirt tells QEMU"),
                "override" => self.gap(element, "<qemu:override> changes what libvirt tells QEMU of a device"),
                _ => {}
            }
        }
        for (arg, said) in own {
            if let Said::Unknown(argument) = said {
                self.gap(arg, format!("QEMU's argument '{}' may change CPUID", short(&argument)));
            }
        }
    }
}

/// Whether a `-global` reaches the guest's CPU: it is for all CPUs, or for those of its model.
fn is_of(global: Global<'_>, cpu: &Cpu) -> bool {
    let Some(model) = global.model() else { return true };
    match cpu.mode {
        Mode::HostPassthrough => model == "host",
        Mode::Maximum => model == "max",
        // Of a host-model that is not spelt out nobody knows the model.
        _ => cpu.model.as_deref().is_none_or(|own| own == model),
    }
}

/// A property's name as QEMU keeps it.
fn dashed(name: &str) -> String {
    name.replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::super::read_cpus;
    use super::*;

    fn beside(inside: &str) -> Beside {
        let text = format!(
            "<domain type='kvm' xmlns:qemu='{}'>{inside}<cpu mode='maximum'/></domain>",
            commandline::NAMESPACE
        );
        *read_cpus(&text).expect(&text).remove(0).beside.expect("a domain")
    }

    fn properties(inside: &str) -> String {
        let list = beside(inside).properties;
        list.iter().map(|p| format!("{}={}", p.name, p.value)).collect::<Vec<_>>().join(",")
    }

    #[test]
    fn both_states_of_an_element_are_asked() {
        assert_eq!(
            properties(
                "<features><acpi/><apic eoi='on'/><pvspinlock/><pmu state='off'/><hyperv><relaxed state='on'/>\
                 <vapic state='off'/><spinlocks state='on' retries='8191'/><vendor_id state='on' value='a b'/>\
                 <stimer state='on'><direct state='off'/></stimer></hyperv><kvm><hidden state='on'/>\
                 <pv-ipi state='on'/><poll-control state='off'/><dirty-ring state='on' size='4096'/></kvm></features>\
                 <clock><timer name='rtc'/><timer name='tsc' frequency='2600000000'/>\
                 <timer name='kvmclock' present='no'/><timer name='hypervclock' present='yes'/></clock>"
            ),
            "kvm-pv-eoi=on,kvm-pv-unhalt=on,pmu=off,hv-relaxed=on,hv-vapic=off,hv-spinlocks=0x1fff,hv-vendor-id=a b,\
             hv-stimer=on,hv-stimer-direct=off,kvm=off,kvm-pv-ipi=on,kvm-poll-control=off,tsc-frequency=2600000000,\
             kvmclock=off,hv-time=on"
        );
        assert_eq!(properties("<features><kvm><hidden state='off'/></kvm></features>"), "kvm=on");
    }

    #[test]
    fn what_qemu_is_told_past_libvirt_counts_last() {
        let line = |args: &[&str]| {
            let args: String = args.iter().map(|arg| format!("<qemu:arg value='{arg}'/>")).collect();
            format!("<features><pmu state='on'/></features><qemu:commandline>{args}</qemu:commandline>")
        };
        let cpu = line(&["-cpu", "max,hv_time,kvm=off,-ds,pmu=off,+ds,+avx2", "-device", "virtio-rng"]);
        assert_eq!(properties(&cpu), "hv-time=on,kvm=off,pmu=off,avx2=on,ds=off");
        assert_eq!(beside(&cpu).gaps, []);
        // Another model than the definition's is not what `<cpu>` promises.
        let gaps = beside(&line(&["-cpu", "host"])).gaps;
        assert!(gaps.iter().any(|gap| gap.what.contains("-cpu host takes the place of <cpu>")), "{gaps:?}");
        assert_eq!(properties(&line(&["-cpu", "max"])), "", "libvirt's own -cpu is gone, with pmu=on");
        let global =
            line(&["-global", "host-x86_64-cpu.pmu=off", "-global", "driver=max-x86_64-cpu,property=x2apic,value=on"]);
        assert_eq!(properties(&global), "x2apic=on,pmu=on", "libvirt's -cpu comes after a -global");
        assert_eq!(properties(&line(&["-global", "PIIX4_PM.disable_s3=1"])), "pmu=on");
    }

    #[test]
    fn what_is_not_understood_is_a_gap_and_the_rest_is_read() {
        for (inside, words) in [
            ("<features><hyperv><new state='on'/></hyperv></features>", "unknown element <new> in <hyperv>"),
            ("<features><hyperv><synic/></hyperv></features>", "<synic> has no state="),
            ("<features><future/></features>", "unknown element <future> in <features>"),
            ("<features><kvm><new state='on'/></kvm></features>", "unknown element <new> in <kvm>"),
            ("<clock><timer name='new'/></clock>", "<timer> has name='new'"),
            ("<clock><timer name='tsc' frequency='2.6'/></clock>", "frequency='2.6'"),
            ("<launchSecurity type='sev'/>", "<launchSecurity>"),
            ("<vcpu>0</vcpu>", "<vcpu> is '0'"),
            ("<qemu:commandline><qemu:arg value='-smp'/></qemu:commandline>", "'-smp' may change CPUID"),
            ("<qemu:commandline><qemu:arg value='-cpu'/><qemu:arg value='EPYC'/></qemu:commandline>", "-cpu EPYC"),
            (
                "<qemu:commandline><qemu:arg value='-global'/><qemu:arg value='apic.x=1'/></qemu:commandline>",
                "-global apic.x=1",
            ),
            ("<qemu:capabilities/>", "<qemu:capabilities>"),
        ] {
            let found = beside(&format!("{inside}<features><pmu state='on'/></features>"));
            assert_eq!(found.gaps.len(), 1, "{inside}: {:?}", found.gaps);
            assert!(found.gaps[0].what.contains(words), "{inside}: {}", found.gaps[0].what);
            let pmu = found.properties.iter().any(|p| p.name == "pmu");
            assert_eq!(pmu, !inside.contains("'-cpu'"), "{inside}: QEMU's own -cpu replaces libvirt's");
        }
    }

    #[test]
    fn of_two_arguments_the_last_is_the_guests_cpu() {
        let cpu = |value: &str| format!("<qemu:arg value='-cpu'/><qemu:arg value='{value}'/>");
        let found =
            beside(&format!("<qemu:commandline>{}{}</qemu:commandline>", cpu("max,pmu=off"), cpu("max,x2apic=on")));
        let names: Vec<&str> = found.properties.iter().map(|p| p.name.as_str()).collect();
        assert_eq!((names, found.gaps.len()), (Vec::from(["x2apic"]), 0));
    }

    #[test]
    fn a_host_lists_the_enlightenments_that_it_can_give() {
        let of = |features: &str| {
            let text = format!(
                "<domainCapabilities><domain>kvm</domain><machine>pc-q35-9.2</machine><vcpu max='288'/><cpu>\
                 <mode name='host-model' supported='yes'><model>EPYC</model></mode></cpu>{features}</domainCapabilities>"
            );
            *read_cpus(&text).expect(&text).remove(0).beside.expect("a host")
        };
        let nothing = of("");
        assert_eq!((nothing.vcpus, nothing.machine.as_deref()), (Some(288), Some("pc-q35-9.2")));
        assert_eq!((nothing.accel, nothing.properties.len()), (Some(Accel::Kvm), 0));
        let some = of("<features><hyperv supported='yes'><enum name='features'><value>relaxed</value></enum></hyperv>\
                       </features>");
        let value = |name: &str| some.properties.iter().find(|p| p.name == name).map(|p| p.value.as_str());
        assert_eq!((value("hv-relaxed"), value("hv-vapic")), (Some("on"), Some("off")));
    }

    #[test]
    fn vcpus_and_machine_only_where_they_are_said() {
        let nothing = beside("");
        assert_eq!((nothing.vcpus, nothing.machine, nothing.accel), (None, None, Some(Accel::Kvm)));
        let said = beside("<vcpu current='2'>4</vcpu><os><type machine='pc-q35-7.2'>hvm</type></os>");
        assert_eq!((said.vcpus, said.machine.as_deref()), (Some(2), Some("pc-q35-7.2")));
    }
}
