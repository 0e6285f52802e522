//! Whether an input keeps what a libvirt CPU promises.
//!
//! # Source
//! The meaning of policies and `match`: libvirt 9.0 docs/formatdomain.rst, src/cpu/cpu_x86.c (`virCPUx86UpdateLive`,
//! the check behind `check='full'`).

use cpuid_probe::libvirt::cpu::{Cpu, Form, Match, PhysAddrMode, Policy};
use cpuid_probe::place::Number;
use cpuid_probe::{Place, Register};

use super::beside::Beside;
use super::evidence::{Announcement, Log};
use super::offer::{self, Names};
use super::{Asked as Input, Checked, Tally, value_of};
use crate::cpu_map::{CpuMap, Feature, FeatureId, Features, Unknown, qemu_differs};
use crate::finding::{Finding, Rule, Subject, Text, Value, Values};
use crate::judge::Context;
use crate::judge::within::{no_room, without_state};
use crate::knowledge::Severity;
use crate::knowledge::advice::Asked;
use crate::knowledge::{Knowledge, Row};
use crate::view::dump::{LONG_MODE, OnVcpus, PHYS_BITS};
use crate::view::promise::{Expanded, Promise, once_promised};
use crate::view::{DumpView, Role, Seen, VcpuView, Why};

/// The evidence that there is none: what is missing was dropped without a word.
pub const NOT_ANNOUNCED: &str = "not announced: QEMU's log does not mention it";

/// A finding about a feature, with what is known about it and its names on a map.
pub fn described(context: &Context<'_>, feature: &Feature, asked: Asked) -> Finding {
    let row = context.knowledge.row(feature.place);
    let finding = context.advised(feature.place, &row, asked);
    let mut names = finding.names;
    names.libvirt = Some(feature.name);
    names.qemu = feature.qemu;
    Finding { name: Some(feature.name.into()), names, ..finding }
}

/// What is to be said of a host's CPU.
pub fn host_note(cpu: &Cpu) -> Option<&'static str> {
    if cpu.form != Form::Host {
        None
    } else if cpu.features.iter().any(|f| f.policy != Policy::Require) {
        Some("has an <arch> and policies: libvirt itself ignores the policies of a host's CPU; here they count")
    } else {
        Some(
            "is a host's CPU (it has an <arch>), as virsh capabilities prints it: that lists what the bare host has, of \
             which KVM and QEMU give a guest less; take virsh domcapabilities",
        )
    }
}

/// A libvirt CPU as a baseline.
#[derive(Debug)]
pub struct CpuBaseline<'a> {
    cpu: &'a Cpu,
    map: &'a CpuMap,
    expanded: Expanded<'a>,
    never_judged: Features,
    /// What QEMU's model of the same name has beyond libvirt's.
    qemu_adds: Vec<FeatureId>,
    /// Optional features that the inputs do not have alike.
    unlike: Features,
    beside: Beside<'a>,
    notes: Vec<String>,
}

impl<'a> CpuBaseline<'a> {
    /// What `cpu` promises on `map`.
    ///
    /// # Errors
    /// The map does not know the model or the vendor.
    pub fn new(cpu: &'a Cpu, map: &'a CpuMap, knowledge: &Knowledge) -> Result<Self, Unknown> {
        let expanded = Expanded::new(cpu, map)?;
        let (adds, _) = qemu_differs(cpu.model.as_deref().unwrap_or_default());
        Ok(Self {
            cpu,
            map,
            expanded,
            never_judged: map.those(knowledge, |row| !row.judged),
            qemu_adds: map.features_named(&adds).into_iter().collect(),
            unlike: Features::new(),
            beside: Beside::new(cpu, map, knowledge),
            notes: notes(cpu, map, knowledge),
        })
    }

    /// The features that the definition leaves to each host.
    fn optional(&self) -> impl Iterator<Item = FeatureId> {
        let left = |id: &FeatureId| self.expanded.promise(*id).is_some_and(Promise::is_left_to_the_host);
        (0..self.map.features.len()).filter(left)
    }

    /// Whether it leaves any feature to each host.
    #[must_use]
    pub fn has_optional(&self) -> bool {
        self.optional().next().is_some()
    }

    /// Learns what the inputs have of the features that the definition leaves to the host.
    pub fn learn_optional(&mut self, views: &[DumpView<'_>], names: &[Names<'_>]) {
        let differs = |id: &FeatureId| {
            let dumps = views.iter().filter_map(|view| view.feature(self.map.features.get(*id)?.place));
            let lists = names.iter().filter_map(|names| match names.feature(*id).number()? {
                0 => Some(OnVcpus::None),
                _ => Some(OnVcpus::All),
            });
            let mut known = dumps.chain(lists);
            known.next().is_some_and(|first| known.any(|other| other != first))
        };
        self.unlike = self.optional().filter(differs).collect();
    }

    /// What a reader of any result must know about this baseline.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    /// Checks one input.
    #[must_use]
    pub(super) fn check(&self, input: usize, asked: &Input<'_>, knowledge: &Knowledge) -> Checked {
        let view = asked.view;
        let mut tally = Tally::new(input, view, knowledge);
        if view.vcpus.is_empty() && asked.names.is_none() {
            tally.doubt("the dump holds no vCPU".to_string());
        }
        for (listed, unknown) in &self.expanded.unknown {
            let finding = Finding {
                name: Some(listed.name.clone().into()),
                severity: Severity::Warning,
                cause: Some(unknown.to_string().into()),
                remedy: Some("correct the name, or give the CPU map of the libvirt that knows it (--cpu-map)".into()),
                ..Finding::new(Subject::Listed(listed.name.clone()), Rule::UnknownFeature)
            };
            tally.add(finding, None);
            tally.doubt(format!("unknown feature '{}'", listed.name));
        }
        if !self.expanded.promises_anything(&self.never_judged)
            && self.cpu.max_phys_addr.is_none()
            && self.cpu.vendor_id.is_none()
            && self.beside.is_empty()
        {
            tally.doubt(self.nothing_promised());
        }
        let vcpus = view.vcpus.iter().map(|vcpu| (vcpu.vcpu.vcpu, Seer::Vcpu(vcpu)));
        for (number, seer) in vcpus.chain(asked.names.map(|names| (0, Seer::Names(names)))) {
            let one = One { baseline: self, seer, number, role: asked.role, log: asked.log };
            for (id, feature) in self.map.features.iter().enumerate() {
                if !self.never_judged.contains(&id) {
                    one.feature(id, feature, &mut tally);
                }
            }
            one.vendor(&mut tally);
            one.phys_bits(&mut tally);
            one.states(&mut tally);
        }
        self.beside.check(asked, &mut tally);
        tally.finish()
    }

    fn nothing_promised(&self) -> String {
        match self.cpu.form {
            Form::Guest if self.cpu.mode != cpuid_probe::libvirt::cpu::Mode::Custom => format!(
                "the baseline has mode='{}' and lists nothing: what it gives depends on the host; take virsh dumpxml \
                 of the running guest",
                self.cpu.mode.word()
            ),
            _ => "the baseline names no CPU model and promises nothing".to_string(),
        }
    }
}

/// What a reader of any result must know about a baseline: once for all dumps.
fn notes(cpu: &Cpu, map: &CpuMap, knowledge: &Knowledge) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(host_note(cpu).map(|note| format!("the baseline {note}")));
    let once = once_promised(cpu, map, knowledge);
    if !once.is_empty() {
        notes.push(format!(
            "libvirt 9.0 also promised {} with {}; newer ones do not, as QEMU's model lost it. If the baseline is \
             from such a libvirt, check it with --cpu-map of that libvirt",
            once.join(", "),
            cpu.model.as_deref().unwrap_or_default()
        ));
    }
    let passthrough = |m: &cpuid_probe::libvirt::cpu::MaxPhysAddr| m.mode == PhysAddrMode::Passthrough;
    if cpu.form == Form::Guest && cpu.max_phys_addr.as_ref().is_some_and(passthrough) {
        notes.push(
            "the baseline takes the physical address width from the host, so no dump can break that promise"
                .to_string(),
        );
    }
    notes
}

/// What answers for a CPU.
#[derive(Clone, Copy)]
enum Seer<'a> {
    Vcpu(&'a VcpuView<'a>),
    Names(&'a Names<'a>),
}

impl Seer<'_> {
    fn feature(self, role: Role, view: &DumpView<'_>, id: FeatureId, place: Place, knowledge: &Knowledge) -> Seen {
        match self {
            Self::Vcpu(vcpu) if role == Role::Guest => vcpu.feature(place),
            Self::Vcpu(vcpu) => offer::of_dump(view.dump, vcpu, role, place, &knowledge.row(place)),
            Self::Names(names) => names.feature(id),
        }
    }

    fn announces(self, place: Place) -> bool {
        matches!(self, Self::Vcpu(vcpu) if vcpu.announces(place))
    }

    fn phys_bits(self) -> Seen {
        match self {
            Self::Vcpu(vcpu) => vcpu.phys_bits(),
            Self::Names(names) => names.phys_bits(),
        }
    }

    fn vendor(self) -> Option<String> {
        match self {
            Self::Vcpu(vcpu) => vcpu.vcpu.vendor().map(|text| text.to_string()),
            Self::Names(names) => names.vendor(),
        }
    }
}

/// One CPU against the promises: a vCPU of a dump, or what a list of names describes.
struct One<'a> {
    baseline: &'a CpuBaseline<'a>,
    seer: Seer<'a>,
    number: u32,
    role: Role,
    log: Option<&'a Log>,
}

impl One<'_> {
    fn feature(&self, id: FeatureId, feature: &Feature, tally: &mut Tally<'_>) {
        let baseline = self.baseline;
        let seen = self.seer.feature(self.role, tally.view, id, feature.place, tally.context.knowledge);
        let promise = match baseline.expanded.promise(id) {
            Some(p) if p.behind && self.seer.announces(feature.place) => Some(Promise { policy: Policy::Require, ..p }),
            other => other,
        };
        if promise.is_some_and(Promise::is_left_to_the_host) {
            self.optional(id, feature, seen, tally);
            return;
        }
        // Anything can be taken away from what a host has; but libvirt refuses a host that has what is forbidden.
        let guest = self.role == Role::Guest;
        if !guest && promise.is_some_and(|p| p.policy == Policy::Disable) {
            return;
        }
        let announced = || self.log.and_then(|log| log.announcements.iter().find(|a| a.is_about(baseline.map, id)));
        let policy = promise.map_or(Policy::Require, |p| p.policy);
        let said = |asked, rule, severity, expected: Option<bool>| Finding {
            rule,
            severity,
            values: Values { a: value(seen), b: Value::Unknown, expected: expected.map_or(Value::Unknown, Value::Bit) },
            ..described(&tally.context, feature, asked)
        };
        match (promise.and_then(Promise::wants), seen) {
            // QEMU says that it cannot give what nobody captured.
            (Some(true), Seen::NotCaptured(_)) if announced().is_some() => {
                let finding = said(Asked::Missing, Rule::Promised(policy), Severity::Unsafe, Some(true));
                let cause = with_announcement(announced(), finding.cause);
                tally.broken(
                    Finding { evidence: self.evidence(announced()), cause: Some(cause), ..finding },
                    self.number,
                );
            }
            (Some(wanted), Seen::NotCaptured(why)) => {
                let (cause, remedy) = match why {
                    Why::Unsaid if !wanted => (
                        "the definition disables it, and the source does not show it: off, or hidden",
                        "dump the guest itself (cpuid-probe) to be sure",
                    ),
                    _ => not_captured_cause(why),
                };
                let finding = Finding {
                    cause: Some(cause.into()),
                    remedy: Some(remedy.into()),
                    ..said(Asked::Missing, Rule::Promised(policy), Severity::Info, Some(wanted))
                };
                tally.add(finding, Some(self.number));
                // A host that hides what is forbidden may have it, and then refuses the guest.
                if wanted || policy == Policy::Forbid && !guest {
                    tally.unread(self.number, feature.place, why);
                } else {
                    tally.unread_away(self.number, feature.place, why);
                }
            }
            (Some(true), seen) if seen.is_clear() => {
                let announced = announced();
                let finding = said(Asked::Missing, Rule::Promised(policy), Severity::Unsafe, Some(true));
                let finding = Finding {
                    evidence: self.evidence(announced),
                    cause: Some(with_announcement(announced, finding.cause)),
                    ..finding
                };
                tally.broken(finding, self.number);
            }
            (Some(false), seen) if seen.is_set() => {
                let severity = if policy == Policy::Forbid { Severity::Unsafe } else { Severity::Warning };
                let finding = said(Asked::Extra, Rule::Promised(policy), severity, Some(false));
                tally.broken(self.qemu_adds(id, finding), self.number);
            }
            (None, seen) if promise.is_none() && baseline.expanded.model.is_some() => {
                // What QEMU's model is known to have on top of libvirt's is no surprise.
                let added = baseline.expanded.model.is_some_and(|m| m.added.contains(&id));
                let strict = baseline.cpu.matching == Match::Strict;
                if seen.is_set() && !added && (guest || strict) {
                    let severity = if strict { Severity::Warning } else { Severity::Info };
                    let finding = said(Asked::Extra, Rule::Extra, severity, Some(false));
                    tally.add(self.qemu_adds(id, finding), Some(self.number));
                } else if seen.is_clear()
                    && let Some(announced) = announced()
                {
                    let finding = said(Asked::Missing, Rule::Announced, Severity::Info, None);
                    let cause = with_announcement(Some(announced), finding.cause);
                    let cause = format!("Not promised, but QEMU's model has it. {cause}");
                    let evidence = vec![announced.line.clone()];
                    tally.add(Finding { evidence, cause: Some(cause.into()), ..finding }, Some(self.number));
                }
            }
            _ => {}
        }
    }

    /// What is promised and there, and cannot be used.
    fn states(&self, tally: &mut Tally<'_>) {
        let Seer::Vcpu(vcpu) = self.seer else { return };
        let wanted = |id| self.baseline.expanded.promise(id).and_then(Promise::wants) == Some(true);
        for (place, state) in without_state(vcpu, tally.context.knowledge) {
            let promised = (self.baseline.map.features.iter().enumerate())
                .find(|(id, feature)| feature.place == place && wanted(*id));
            if let Some((_, feature)) = promised {
                tally.doubt(format!("{} is there, and {}", feature.name, no_room(state.name)));
            }
        }
    }

    /// A feature that each host decides on.
    fn optional(&self, id: FeatureId, feature: &Feature, seen: Seen, tally: &mut Tally<'_>) {
        let unlike = self.baseline.unlike.contains(&id);
        let name = feature.name;
        let cause = match seen {
            Seen::NotCaptured(_) => "The definition leaves it to the host, and the input does not say.",
            _ if unlike => {
                "The definition leaves it to the host, and the inputs do not have it alike: a guest cannot move \
                            between them both ways."
            }
            _ => {
                "The definition leaves it to the host: guests of this one definition will not be alike, and one that has \
                  it cannot move to a host without."
            }
        };
        let finding = Finding {
            rule: Rule::Promised(Policy::Optional),
            severity: if unlike { Severity::Warning } else { Severity::Info },
            values: Values { a: value(seen), b: Value::Unknown, expected: Value::Unknown },
            cause: Some(cause.into()),
            remedy: Some(
                format!(
                    "Decide: `<feature policy='require' name='{name}'/>` where every host has it, else \
                     `<feature policy='disable' name='{name}'/>`."
                )
                .into(),
            ),
            ..described(&tally.context, feature, Asked::Extra)
        };
        tally.add(finding, Some(self.number));
    }

    /// Says so where a feature that nobody asked for comes from QEMU's own model.
    fn qemu_adds(&self, id: FeatureId, finding: Finding) -> Finding {
        let (true, Some(model)) = (self.baseline.qemu_adds.contains(&id), &self.baseline.cpu.model) else {
            return finding;
        };
        let cause = format!(
            "QEMU's own {model} has it, libvirt's does not, and libvirt passes on only what a definition changes in its \
             own."
        );
        Finding { cause: Some(cause.into()), ..finding }
    }

    /// The log's line; that there is none, where there is a log.
    fn evidence(&self, announced: Option<&Announcement>) -> Vec<String> {
        match (self.log, announced) {
            (_, Some(announced)) => vec![announced.line.clone()],
            (Some(log), None) if log.odd.is_empty() => {
                vec![NOT_ANNOUNCED.to_string()]
            }
            _ => Vec::new(),
        }
    }

    /// The vendor text: the one the guest is to see, else that of the vendor asked for.
    fn vendor(&self, tally: &mut Tally<'_>) {
        // A text of the guest's own asks nothing of a host.
        let asked = self.baseline.cpu.vendor_id.clone().filter(|_| self.role == Role::Guest);
        let Some(expected) = asked.or_else(|| self.baseline.expanded.vendor.map(|v| v.text.to_string())) else {
            return;
        };
        let seen = self.seer.vendor();
        if seen.as_ref() == Some(&expected) {
            return;
        }
        let (severity, cause) = match seen {
            Some(_) => (Severity::Unsafe, "the guest runs on another vendor's CPU, or under emulation of one"),
            None => (Severity::Info, "not captured: the dump has no leaf 0"),
        };
        let broken = seen.is_some();
        let finding = Finding {
            name: Some(Number::Vendor.name().into()),
            severity,
            meaning: Some(
                "the CPU's vendor (leaf 0 EBX, EDX, ECX), by which software chooses what it believes of other leaves"
                    .into(),
            ),
            cause: Some(cause.into()),
            remedy: Some("run the guest on the vendor's hosts, or make a baseline for each vendor".into()),
            values: Values {
                a: seen.map_or(Value::Unknown, Value::Text),
                b: Value::Unknown,
                expected: Value::Text(expected),
            },
            ..Finding::new(Number::Vendor, Rule::Vendor)
        };
        if broken {
            tally.broken(finding, self.number);
        } else {
            tally.add(finding, Some(self.number));
            tally.unread(self.number, Place::cpuid(0, 0, Register::Ebx, 31, 0), self.nobody_said());
        }
    }

    /// Why something is unknown that every whole dump has.
    const fn nobody_said(&self) -> Why {
        if matches!(self.seer, Seer::Names(_)) { Why::Unsaid } else { Why::Leaf }
    }

    /// The width of physical addresses, where the definition gives a number: a guest has just that, a host that many at
    /// least. A limit can be kept on every host. A host's own says nothing of a guest.
    fn phys_bits(&self, tally: &mut Tally<'_>) {
        let cpu = self.baseline.cpu;
        let Some(asked) = cpu.max_phys_addr.filter(|_| cpu.form != Form::Host) else { return };
        let (expected, kept): (u32, fn(u64, u64) -> bool) = match (asked.mode, asked.emulated(), asked.limit) {
            (PhysAddrMode::Emulate, Some(bits), _) if self.role != Role::Guest => (bits, |has, bits| has >= bits),
            _ if self.role != Role::Guest => return,
            (PhysAddrMode::Emulate, Some(bits), _) => (bits, |seen, bits| seen == bits),
            (PhysAddrMode::Passthrough, _, Some(limit)) => (limit, |seen, limit| seen <= limit),
            _ => return,
        };
        let seen = self.seer.phys_bits();
        // A CPU without long mode has another width where the definition gives none.
        let is_own = asked.mode == PhysAddrMode::Emulate && asked.bits.is_none();
        let is_short = is_own && matches!(self.seer, Seer::Vcpu(vcpu) if vcpu.feature(LONG_MODE).is_clear());
        if is_short || matches!(seen, Seen::Value(bits) if kept(bits, expected.into())) {
            return;
        }
        let row: Row = tally.context.knowledge.row(PHYS_BITS);
        let (cause, remedy) = match (self.role, seen) {
            (Role::Guest, _) => (
                "the guest was started with another <maxphysaddr> (QEMU: phys-bits)".to_string(),
                format!("<maxphysaddr mode='emulate' bits='{expected}'/> on every node"),
            ),
            (_, Seen::Value(has)) => (
                format!("the host gives a guest at most {has} bits, and {expected} are promised"),
                format!("<maxphysaddr mode='emulate' bits='{has}'/>, or another host"),
            ),
            _ => (
                "the input does not say how many bits the host has".to_string(),
                "dump a throw-away guest there".into(),
            ),
        };
        let finding = Finding {
            rule: Rule::PhysicalAddresses,
            values: Values { a: value_of(seen, false), b: Value::Unknown, expected: Value::Number(expected.into()) },
            cause: Some(cause.into()),
            remedy: Some(remedy.into()),
            ..Finding::of_row(PHYS_BITS, &row)
        };
        match seen {
            Seen::NotCaptured(why) => {
                tally.add(Finding { severity: Severity::Info, ..finding }, Some(self.number));
                tally.unread(self.number, PHYS_BITS, why);
            }
            _ => tally.broken(Finding { severity: Severity::Unsafe, ..finding }, self.number),
        }
    }
}

fn value(seen: Seen) -> Value {
    value_of(seen, true)
}

/// A cause, with what QEMU's log adds to it in front.
fn with_announcement(announced: Option<&Announcement>, cause: Option<Text>) -> Text {
    let said = match announced {
        None => "",
        Some(a) if a.line.contains("depends on other features") => {
            "QEMU took it away because a feature that it needs was not asked for. "
        }
        Some(a) if a.line.contains("match specification") => "libvirt says that the guest lacks it. ",
        Some(a) if a.line.contains("CPU does not provide") => "libvirt says that the host does not have it. ",
        Some(a) if a.line.contains("TCG doesn't support") => "QEMU's emulation (TCG) does not have it. ",
        Some(_) => "QEMU asked for it, and this host's KVM did not offer it. ",
    };
    format!("{said}{}", cause.unwrap_or_default()).into()
}

const fn not_captured_cause(why: Why) -> (&'static str, &'static str) {
    match why {
        Why::Leaf => ("Not captured: the dump does not hold this leaf.", "Capture every leaf (cpuid-probe does)."),
        Why::Msr => (
            "Not captured: the dump does not hold this MSR.",
            "Capture feature MSRs too (cpuid-probe --msrs as root, or cpuid-probe boot).",
        ),
        Why::Unsaid => (
            "Not said: an input of this kind says nothing of it, either way.",
            "Dump a throw-away guest there (cpuid-probe boot --cpu host) and check it --as offer.",
        ),
        Why::Fault => ("Not captured: reading the MSR faulted.", "Read it in a throw-away guest (cpuid-probe boot)."),
    }
}
