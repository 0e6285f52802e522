//! One definition that makes two guests alike.
//!
//! It is worked out from what differs: what only one side has is switched off on both, what neither side keeps of a model's
//! promises is taken out, and the machine type is one that both know. Protections are never taken away. What no definition
//! settles is said. Where the dumps show the definitions that their guests had, the result is a whole definition; else it
//! is what to add to the one in use.

use std::collections::BTreeSet;
use std::fmt::Write;

use cpuid_probe::dump::Boot;
use cpuid_probe::place::Number;
use cpuid_probe::{Place, Register};

use crate::cause::definition::Definition;
use crate::cause::{Cause, CauseOf, is_of, more_in};
use crate::cpu_map::CpuMap;
use crate::finding::{Finding, Rule, Subject};
use crate::knowledge::advice::EMULATED_ON_AMD;
use crate::knowledge::row::Element;
use crate::knowledge::{Guard, Knowledge, Row, RuleKind, STATES, State, Version};
use crate::view::clock::TOLERANCE_PPM;
use crate::view::dump::OnVcpus;
use crate::view::vintage::{machine_version, qemu_version};
use crate::view::{DumpView, Role};

/// A feature that the definition switches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Switch {
    /// Its bit.
    pub place: Place,
    /// Its name in reports.
    pub name: &'static str,
    /// libvirt's name.
    pub libvirt: Option<&'static str>,
    /// QEMU's property.
    pub qemu: Option<&'static str>,
    /// libvirt's element, where it is no `<feature>`.
    pub element: Option<Element>,
    /// On, or off.
    pub on: bool,
}

/// What both guests are to be started from.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    /// The CPU model.
    pub model: String,
    /// Settings that both definitions have alike, or the smaller of two numbers: QEMU's.
    pub settings: Vec<(String, String)>,
    /// The machine type of the first; of both, unless a fix names another.
    pub machine: String,
    /// They run under KVM.
    pub kvm: bool,
    /// How many vCPUs both have; 1 where they differ.
    pub vcpus: usize,
}

/// One definition for both sides, and what it does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fix {
    /// What the definition is made of; `None` where the dumps do not show what their guests were started from, so that the
    /// rest is to be added to the definition in use.
    pub base: Option<Base>,
    /// The machine type for both, where theirs differ.
    pub machine: Option<String>,
    /// Features to switch.
    pub switches: Vec<Switch>,
    /// The TSC frequency to pin, in Hz.
    pub tsc_hz: Option<u64>,
    /// What each side has and gives up.
    pub gives_up: [Vec<&'static str>; 2],
    /// Promises that neither side keeps.
    pub dropped: Vec<&'static str>,
    /// The findings that it clears, as indices.
    pub clears: BTreeSet<usize>,
    /// What it leaves as it is, in sentences.
    pub remains: Vec<String>,
    /// What else it leaves as it is, by name: values, each of which has a remedy of its own.
    pub others: Vec<String>,
}

/// So many names of a kind are told.
const MOST_NAMES: usize = 12;

/// What would make two guests alike.
#[must_use]
pub fn fix(
    sides: [&DumpView<'_>; 2],
    findings: &[Finding],
    causes: &[Cause],
    map: &CpuMap,
    knowledge: &Knowledge,
) -> Fix {
    let boots = sides.map(|side| side.dump.provenance.boot.as_ref());
    let mut fix = Fix::default();
    if causes.iter().any(|cause| cause.of == CauseOf::Vendor) {
        fix.remains.push("the vendors differ, and a guest does not move between vendors".to_string());
        return fix;
    }
    let oldest = boots.iter().flatten().filter_map(|boot| qemu_version(&boot.qemu)).min();
    for f in findings.iter().filter(|f| f.is_open()) {
        fix.switch_off(f, causes, oldest, knowledge);
    }
    if let [Some(a), Some(b)] = boots {
        fix.whole([a, b], sides, oldest, findings, map, knowledge);
        fix.machine = machine([a, b]);
    }
    fix.clock(findings);
    let cleared: BTreeSet<usize> = findings
        .iter()
        .enumerate()
        .filter(|(_, f)| f.is_open() && fix.settles(f, findings, causes, map, knowledge))
        .map(|(i, _)| i)
        .collect();
    fix.clears = cleared;
    fix.say_what_remains(sides, findings, causes, knowledge);
    fix
}

/// A feature that is switched by a name, with its row.
fn feature(f: &Finding, knowledge: &Knowledge) -> Option<(Place, Row)> {
    let place = f.place()?;
    let row = knowledge.row(place);
    (f.is_one_bit() && row.feature && row.name.is_some() && matches!(f.rule, Rule::Row(_))).then_some((place, row))
}

/// What every guest has, whatever its definition asks for: the bit of a hypervisor, and of several threads.
const FOR_ALL: [Place; 2] = [Place::bit(1, 0, Register::Ecx, 31), Place::bit(1, 0, Register::Edx, 28)];

fn is_guarded(row: &Row) -> bool {
    row.guard.is_some() || row.rule == RuleKind::Hazard
}

/// The features without which the XSAVE state that differs is not there, and all that need one of them. Where neither side
/// keeps such a promise, one version of QEMU makes room for its state, and another does not.
fn of_states(findings: &[Finding], map: &CpuMap, knowledge: &Knowledge) -> BTreeSet<Place> {
    let differs = |state: &&State| findings.iter().any(|f| f.is_open() && is_of(state, f));
    let states: Vec<&State> = STATES.iter().filter(differs).collect();
    let mut names: Vec<&str> = states.iter().flat_map(|state| state.features).copied().collect();
    let begins = |name: &str| states.iter().any(|state| !state.prefix.is_empty() && name.starts_with(state.prefix));
    let mut places = BTreeSet::new();
    // What needs one may be needed itself.
    for _ in 0..3 {
        for feature in &map.features {
            let needs = knowledge.row(feature.place).needs;
            let named = [Some(feature.name), feature.qemu];
            let is_one = begins(feature.name) || names.iter().any(|name| named.contains(&Some(*name)));
            if (is_one || needs.iter().any(|need| names.contains(need))) && places.insert(feature.place) {
                names.extend(named.into_iter().flatten());
            }
        }
    }
    places
}

/// The switch of a feature; `None` where a QEMU that is as old as the older of the two does not know it, or none does.
fn switch(place: Place, row: &Row, oldest: Option<Version>, on: bool) -> Option<Switch> {
    let known =
        row.names.qemu.is_some() && oldest.is_none_or(|oldest| row.qemu_since.is_none_or(|since| since <= oldest));
    let name = row.name?;
    let switch = Switch { place, name, libvirt: row.names.libvirt, qemu: row.names.qemu, element: row.element, on };
    (known && (row.listed || row.element.is_some())).then_some(switch)
}

/// The machine type that both QEMUs know: the older one, where QEMU's own names tell.
fn machine(boots: [&Boot; 2]) -> Option<String> {
    let [a, b] = boots;
    if a.machine == b.machine {
        return None;
    }
    let ((_, of_a), (_, of_b)) = (machine_version(&a.machine)?, machine_version(&b.machine)?);
    Some(if of_b < of_a { b } else { a }.machine.clone())
}

impl Fix {
    /// Whether a definition changes anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clears.is_empty() && self.machine.is_none()
    }

    /// Switches a feature off that one side alone has. A protection stays.
    fn switch_off(&mut self, f: &Finding, causes: &[Cause], oldest: Option<Version>, knowledge: &Knowledge) {
        // What follows `-smp` no definition of a CPU decides.
        let by_count = f.causes.iter().any(|i| causes.get(*i).is_some_and(|cause| cause.of == CauseOf::Vcpus));
        let Some((place, row)) = feature(f, knowledge).filter(|_| !by_count) else { return };
        let Some(side) = more_in(f) else { return };
        if is_guarded(&row) || self.switches.iter().any(|known| known.place == place) {
            return;
        }
        if let Some(switch) = switch(place, &row, oldest, false) {
            self.switches.push(switch);
            self.gives_up[side].push(switch.name);
        }
    }

    /// Makes it whole, from what both guests were started with.
    fn whole(
        &mut self,
        boots: [&Boot; 2],
        sides: [&DumpView<'_>; 2],
        oldest: Option<Version>,
        findings: &[Finding],
        map: &CpuMap,
        knowledge: &Knowledge,
    ) {
        let cpus = boots.map(|boot| Definition::of(&boot.cpu));
        let has = |side: usize, place: Place| sides[side].feature(place);
        let both = |place: Place, on: OnVcpus| (0..2).all(|side| has(side, place) == Some(on));
        // Of two models the one from which less has to be taken.
        let promised = cpus.clone().map(|cpu| cpu.of_model(map));
        let lacking = |side: usize| {
            let missing = |id: &usize| map.features.get(*id).is_some_and(|f| !both(f.place, OnVcpus::All));
            promised[side].as_ref().map_or(usize::MAX, |ids| ids.iter().filter(|id| missing(id)).count())
        };
        let chosen = usize::from(lacking(1) < lacking(0));
        let model = cpus[chosen].model;
        let settles = |name: &str| map.feature(name).is_some() || !knowledge.by_name(name).is_empty();
        let mut settings: Vec<(String, String)> = Vec::new();
        for name in cpus[0].names() {
            let value = match [cpus[0].setting(name), cpus[1].setting(name)] {
                [Some(x), Some(y)] if x == y => x.to_string(),
                // A feature is settled by what the guests got; of two numbers the smaller is for both.
                [Some(x), Some(y)] if !settles(name) => match (x.parse::<u64>(), y.parse::<u64>()) {
                    (Ok(x), Ok(y)) => x.min(y).to_string(),
                    _ => continue,
                },
                _ => continue,
            };
            if !self.switches.iter().any(|switch| is_named(switch, name)) {
                settings.push((name.to_string(), value));
            }
        }
        let set = |name: &str| settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let needed = of_states(findings, map, knowledge);
        // libvirt switches these off in a model that had them once, unless they are asked for.
        let removed = map.model(model).map(|model| model.removed.clone()).unwrap_or_default();
        if let Some(ids) = &promised[chosen] {
            for (id, feature) in map.features.iter().enumerate() {
                let place = feature.place;
                let row = knowledge.row(place);
                let named = [Some(feature.name), feature.qemu];
                if self.switches.iter().any(|switch| switch.place == place)
                    || named.iter().flatten().any(|n| set(n).is_some())
                {
                    continue;
                }
                let in_model = ids.contains(&id);
                if in_model && needed.contains(&place) && both(place, OnVcpus::None) {
                    if let Some(switch) = switch(place, &row, oldest, false) {
                        self.switches.push(switch);
                        self.dropped.push(switch.name);
                    }
                } else if both(place, OnVcpus::All)
                    && !FOR_ALL.contains(&place)
                    && (removed.contains(&id) || !in_model && cpus[0] != cpus[1])
                {
                    self.switches.extend(switch(place, &row, oldest, true));
                }
            }
        }
        self.switches.sort_by_key(|switch| (switch.on, switch.place));
        let counts = sides.map(|side| side.dump.vcpus.len());
        let vcpus = if counts[0] == counts[1] { counts[0] } else { 1 };
        self.base = Some(Base {
            model: model.to_string(),
            machine: boots[0].machine.clone(),
            settings,
            kvm: boots.iter().all(|boot| boot.accel == "kvm"),
            vcpus,
        });
    }

    /// Pins one TSC frequency, where each side can give it without scaling.
    fn clock(&mut self, findings: &[Finding]) {
        let clock = findings.iter().filter(|f| f.is_open() && f.rule == Rule::Row(RuleKind::HostClock));
        for f in clock {
            if let (Some([Some(a), Some(b)]), Some(ppm)) = (f.decoded.khz, f.decoded.ppm)
                && ppm <= TOLERANCE_PPM
            {
                self.tsc_hz = Some(a.min(b) * 1000);
            }
        }
    }

    /// Whether two guests of this definition do not differ in a finding's place.
    fn settles(
        &self,
        f: &Finding,
        findings: &[Finding],
        causes: &[Cause],
        map: &CpuMap,
        knowledge: &Knowledge,
    ) -> bool {
        if f.rule == Rule::Row(RuleKind::HostClock) {
            return self.tsc_hz.is_some();
        }
        if let Some((place, row)) = feature(f, knowledge) {
            let off = self.switches.iter().any(|switch| switch.place == place && !switch.on);
            if off || is_guarded(&row) {
                return off;
            }
        }
        let Some(group) = f.cause_group() else { return false };
        let Some(cause) = causes.get(group) else { return false };
        let switched = |name: &str| {
            let off = |switch: &Switch| !switch.on && is_named(switch, name);
            self.switches.iter().any(off) || self.promises(name, map) == Some(false)
        };
        match cause.of {
            CauseOf::Machine => self.machine.is_some(),
            CauseOf::Definition => self.base.is_some() && feature(f, knowledge).is_none(),
            CauseOf::State => {
                let state = STATES.iter().find(|state| is_of(state, f));
                state.is_some_and(|state| state.features.iter().all(|name| switched(name)))
                    || state.is_none() && self.base.is_some()
            }
            // What follows features goes with the last of them.
            CauseOf::Version | CauseOf::Gate | CauseOf::Host => {
                let mut leaders = findings
                    .iter()
                    .filter(|other| other.cause_group() == Some(group))
                    .filter_map(|other| feature(other, knowledge))
                    .peekable();
                leaders.peek().is_some()
                    && leaders.all(|(place, _)| self.switches.iter().any(|s| s.place == place && !s.on))
            }
            CauseOf::Accelerator | CauseOf::Vcpus | CauseOf::Vendor => false,
        }
    }

    /// Whether the definition asks for a feature; `None` where nobody knows what its model has.
    fn promises(&self, name: &str, map: &CpuMap) -> Option<bool> {
        let base = self.base.as_ref()?;
        if let Some((_, value)) = base.settings.iter().find(|(known, _)| known == name) {
            return Some(value == "on");
        }
        let ids = Definition { model: &base.model, settings: Vec::new() }.of_model(map)?;
        Some(map.feature(name).is_some_and(|id| ids.contains(&id)))
    }

    /// Says what no definition settles, of what counts.
    fn say_what_remains(
        &mut self,
        sides: [&DumpView<'_>; 2],
        findings: &[Finding],
        causes: &[Cause],
        knowledge: &Knowledge,
    ) {
        let mut protections: [Vec<String>; 2] = Default::default();
        let (mut hazards, mut newer, mut others) = (Vec::new(), Vec::new(), Vec::new());
        let (mut vcpus, mut clock) = (false, false);
        let amd = sides.iter().all(|side| side.is_amd());
        // An MSR that faults may be the capture's fault; and what no AMD CPU has is none of its protections.
        let is_protection =
            |f: &Finding| f.is_one_bit() && !(amd && f.place().is_some_and(|place| EMULATED_ON_AMD.contains(&place)));
        for (i, f) in findings.iter().enumerate() {
            if !f.is_open() || !f.is_loud() || self.clears.contains(&i) {
                continue;
            }
            let name = f.called();
            let row = f.place().map(|place| knowledge.row(place));
            match (row, more_in(f)) {
                _ if f.subject == Subject::from(Number::VcpuCount)
                    || f.rule == Rule::Row(RuleKind::Topology)
                    || f.causes.iter().any(|i| causes.get(*i).is_some_and(|cause| cause.of == CauseOf::Vcpus)) =>
                {
                    vcpus = true;
                }
                _ if f.rule == Rule::Row(RuleKind::HostClock) || f.subject == Subject::from(Number::TscFrequency) => {
                    clock = true;
                }
                (Some(row), Some(side)) if row.guard == Some(Guard::Protection) && is_protection(f) => {
                    protections[1 - side].push(name);
                }
                (Some(row), _) if row.guard == Some(Guard::Protection) => others.push(name),
                (Some(row), _) if is_guarded(&row) => hazards.push(name),
                (Some(row), _) if row.feature && row.names.qemu.is_some() => newer.push(name),
                _ => others.push(name),
            }
        }
        for (side, names) in ["A", "B"].iter().zip(&mut protections).filter(|(_, names)| !names.is_empty()) {
            names.dedup();
            let names = names.join(" ");
            self.remains.push(format!(
                "{side} lacks protections: {names}; no definition adds them: update the kernel, microcode or QEMU of its host"
            ));
        }
        let mut say = |names: Vec<String>, what: &str| {
            let mut names = names;
            names.dedup();
            if !names.is_empty() {
                self.remains.push(format!("{what}: {}", crate::list::first(&names, MOST_NAMES)));
            }
        };
        say(hazards, "hazards, which QEMU cannot raise");
        say(newer, "features that not every QEMU or definition here can switch");
        others.dedup();
        self.others = others;
        if vcpus {
            self.remains.push("vCPUs and their topology; start both with one `-smp`".to_string());
        }
        if clock {
            self.remains.push(
                "the TSC frequency; pin one, which needs TSC scaling on a host that is more than 250 ppm away from it"
                    .to_string(),
            );
        }
        let hardware = sides.iter().any(|side| Role::of(side) == Role::Hardware);
        if hardware {
            self.remains.push("an input is bare hardware: what a guest gets there is not known".to_string());
        }
    }

    /// The lines inside `<cpu>` that switch features, and what libvirt has no `<feature>` for: elements with where they go,
    /// and QEMU's own properties.
    fn parts(&self) -> Parts {
        let mut parts = Parts::default();
        for switch in &self.switches {
            let policy = if switch.on { "require" } else { "disable" };
            let state = if switch.on { "on" } else { "off" };
            match (switch.element, switch.libvirt, switch.qemu) {
                (Some(element), ..) if !(if switch.on { element.on } else { element.off }).is_empty() => {
                    let xml = if switch.on { element.on } else { element.off };
                    parts.elements.push((element.within, xml));
                }
                (None, Some(name), _) => parts.features.push(format!("<feature policy='{policy}' name='{name}'/>")),
                (_, _, Some(property)) => parts.properties.push(format!("{property}={state}")),
                _ => {}
            }
        }
        let Some(base) = &self.base else { return parts };
        for (name, value) in &base.settings {
            let libvirt = cpuid_probe::libvirt::names::libvirt_name(name);
            match (value.as_str(), CpuMap::newest().feature(libvirt)) {
                ("on", Some(_)) => parts.features.push(format!("<feature policy='require' name='{libvirt}'/>")),
                ("off", Some(_)) => parts.features.push(format!("<feature policy='disable' name='{libvirt}'/>")),
                _ if name == "migratable" => {}
                _ => parts.properties.push(format!("{name}={value}")),
            }
        }
        parts
    }

    /// As libvirt XML: `<cpu>`, or a small `<domain>` where more than that is needed. Without a definition to start from:
    /// what to add to the one in use, an element a line.
    #[must_use]
    pub fn libvirt(&self) -> String {
        let parts = self.parts();
        let mut out = String::new();
        let Some(base) = &self.base else {
            for feature in &parts.features {
                let _ = writeln!(out, "{feature}");
            }
            for (within, xml) in &parts.elements {
                let _ = writeln!(out, "{xml} <!-- in {} -->", within.replace("--", "- -"));
            }
            if let Some(hz) = self.tsc_hz {
                let _ = writeln!(out, "<timer name='tsc' frequency='{hz}'/>");
            }
            return out;
        };
        let mut cpu = match base.model.as_str() {
            "host" => {
                let off = base.settings.iter().any(|(name, value)| name == "migratable" && value == "off");
                format!("<cpu mode='host-passthrough' migratable='{}'>\n", if off { "off" } else { "on" })
            }
            "max" => "<cpu mode='maximum'>\n".to_string(),
            model => {
                format!("<cpu mode='custom' match='exact' check='none'>\n  <model fallback='forbid'>{model}</model>\n")
            }
        };
        for feature in &parts.features {
            let _ = writeln!(cpu, "  {feature}");
        }
        cpu.push_str("</cpu>\n");
        if self.machine.is_none() && parts.elements.is_empty() && parts.properties.is_empty() && self.tsc_hz.is_none() {
            return cpu;
        }
        domain(base, self.machine.as_deref(), &parts, self.tsc_hz, &cpu)
    }

    /// As QEMU's arguments: what `-cpu` takes; with `-machine`, both options.
    #[must_use]
    pub fn qemu(&self) -> String {
        let mut settings: Vec<String> = Vec::new();
        settings.extend(
            self.base.iter().flat_map(|base| base.settings.iter().map(|(name, value)| format!("{name}={value}"))),
        );
        for switch in &self.switches {
            let state = if switch.on { "on" } else { "off" };
            settings.extend(switch.qemu.map(|property| format!("{property}={state}")));
        }
        settings.extend(self.tsc_hz.map(|hz| format!("tsc-frequency={hz}")));
        let model = self.base.iter().map(|base| base.model.clone());
        let cpu = model.chain(settings).collect::<Vec<_>>().join(",");
        match &self.machine {
            Some(machine) => format!("-machine {machine} -cpu {cpu}\n"),
            None => format!("{cpu}\n"),
        }
    }

    /// What it does and costs, and what remains, in lines.
    #[must_use]
    pub fn explain(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let names = |names: &[&str]| names.join(" ");
        for (side, given) in ["A", "B"].iter().zip(&self.gives_up).filter(|(_, given)| !given.is_empty()) {
            lines.push(format!("{side} gives up {}: {}", given.len(), names(given)));
        }
        if !self.dropped.is_empty() {
            lines.push(format!("promises that neither side keeps, taken out: {}", names(&self.dropped)));
        }
        lines.extend(self.remains.iter().map(|remains| format!("not in this fix: {remains}")));
        if !self.others.is_empty() {
            let names = crate::list::first(&self.others, MOST_NAMES);
            lines.push(format!("not in this fix: {names}; the report says of each what to do"));
        }
        lines
    }
}

/// What a definition says where.
#[derive(Debug, Default)]
struct Parts {
    features: Vec<String>,
    elements: Vec<(&'static str, &'static str)>,
    properties: Vec<String>,
}

/// A small domain, which libvirt takes as it is.
fn domain(base: &Base, machine: Option<&str>, parts: &Parts, tsc_hz: Option<u64>, cpu: &str) -> String {
    let kind = if base.kvm { "kvm" } else { "qemu" };
    let namespace =
        if parts.properties.is_empty() { "" } else { " xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'" };
    let mut out = format!(
        "<domain type='{kind}'{namespace}>\n  <name>fix</name>\n  <memory unit='MiB'>64</memory>\n  <vcpu>{}</vcpu>\n  <os>\n    \
         <type arch='x86_64' machine='{}'>hvm</type>\n  </os>\n",
        base.vcpus,
        machine.unwrap_or(&base.machine)
    );
    let inside = |element: &str| -> Vec<&(&str, &str)> {
        parts.elements.iter().filter(|(within, _)| within.starts_with(&format!("<{element}>"))).collect()
    };
    let features = inside("features");
    if !features.is_empty() {
        out.push_str("  <features>\n    <acpi/>\n");
        let mut groups: Vec<&str> =
            features.iter().map(|(within, _)| within.trim_start_matches("<features>")).collect();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            let name = group.trim_matches(['<', '>']);
            let xml: Vec<&str> = features
                .iter()
                .filter(|(within, _)| within.ends_with(&format!("<features>{group}")))
                .map(|(_, xml)| *xml)
                .collect();
            let _ = if name.is_empty() {
                writeln!(out, "    {}", xml.join(""))
            } else {
                writeln!(out, "    <{name}>{}</{name}>", xml.join(""))
            };
        }
        out.push_str("  </features>\n");
    }
    for line in cpu.lines() {
        let _ = writeln!(out, "  {line}");
    }
    let mut timers: Vec<String> = inside("clock").iter().map(|(_, xml)| (*xml).to_string()).collect();
    timers.extend(tsc_hz.map(|hz| format!("<timer name='tsc' frequency='{hz}'/>")));
    if !timers.is_empty() {
        let _ = writeln!(out, "  <clock offset='utc'>{}</clock>", timers.join(""));
    }
    if !parts.properties.is_empty() {
        out.push_str("  <qemu:commandline>\n");
        for property in &parts.properties {
            let _ = writeln!(out, "    <qemu:arg value='-global'/>\n    <qemu:arg value='x86_64-cpu.{property}'/>");
        }
        out.push_str("  </qemu:commandline>\n");
    }
    out.push_str("</domain>\n");
    out
}

fn is_named(switch: &Switch, name: &str) -> bool {
    [Some(switch.name), switch.libvirt, switch.qemu].contains(&Some(name))
}
