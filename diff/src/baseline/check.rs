//! Whether a dump keeps what a baseline promises.
//!
//! # Source
//! The meaning of policies and `match`: libvirt 9.0 docs/formatdomain.rst, src/cpu/cpu_x86.c (`virCPUx86UpdateLive`,
//! the check behind `check='full'`).

use cpuid_probe::Place;
use cpuid_probe::Register;
use cpuid_probe::dump::Dump;
use cpuid_probe::leaf::LeafId;
use cpuid_probe::libvirt::cpu::{Cpu, Form, Match, PhysAddrMode, Policy};
use cpuid_probe::place::BitRange;

use super::evidence::Announcement;
use super::expand::{Expanded, Promise, once_promised};
use super::map::{CpuMap, Feature, FeatureId, Unknown, qemu_differs};
use super::seen::{Seen, VcpuBits, Why};
use crate::compare::finding::{Findings, Spot};
use crate::compare::judge::Directions;
use crate::compare::notes::accel;
use crate::knowledge::{self, Accel, Owner, Site};
use crate::knowledge::{Asked, Subject, advice_for};
use crate::report::{BaselineVerdict, Finding, NotCaptured, Severity, Values};

/// What one dump makes of a baseline.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The answer.
    pub verdict: BaselineVerdict,
    /// Every promise that was broken or could not be verified, and everything extra.
    pub findings: Vec<Finding>,
    /// Places that a promise is about and the dump does not hold.
    pub not_captured: Vec<NotCaptured>,
}

/// What has been seen so far of an input's promises.
#[derive(Debug)]
pub(super) struct Tally {
    input: usize,
    accel: Accel,
    pub findings: Findings,
    unread: Vec<(u32, Place, Why)>,
    doubts: Vec<String>,
}

impl Tally {
    pub fn new(input: usize, dump: &Dump) -> Self {
        let accel = accel(&[dump]);
        Self { input, accel, findings: Findings::new(Directions::Both, accel), unread: Vec::new(), doubts: Vec::new() }
    }

    /// A promise that nobody can verify.
    pub fn unread(&mut self, vcpu: u32, place: Place, why: Why) {
        self.unread.push((vcpu, place, why));
    }

    /// Another reason why the baseline cannot be called met.
    pub fn doubt(&mut self, why: String) {
        self.doubts.push(why);
    }

    pub fn finish(self) -> Checked {
        let findings = self.findings.into_sorted();
        Checked {
            verdict: BaselineVerdict::new(self.input, &findings, &self.doubts, unread_reason(&self.unread)),
            findings,
            not_captured: not_captured(self.input, &self.unread),
        }
    }
}

/// How many promises were not captured, and how to capture them.
fn unread_reason(unread: &[(u32, Place, Why)]) -> Option<String> {
    let mut places: Vec<Place> = unread.iter().map(|(_, place, _)| *place).collect();
    places.sort_unstable();
    places.dedup();
    let any = |why: Why| unread.iter().any(|(_, _, w)| *w == why);
    let mut hints = Vec::new();
    if any(Why::Leaf) {
        hints.push("capture every leaf (cpuid-probe does)");
    }
    if any(Why::Msr) {
        hints.push("capture feature MSRs too (cpuid-probe --msrs as root, or cpuid-probe boot)");
    }
    if any(Why::Fault) {
        hints.push("reading an MSR faulted, which cpuid-probe boot can avoid");
    }
    match places.len() {
        0 => None,
        n => Some(format!(
            "{n} promised {} not captured: {}",
            if n == 1 { "bit was" } else { "bits were" },
            hints.join("; ")
        )),
    }
}

fn not_captured(input: usize, unread: &[(u32, Place, Why)]) -> Vec<NotCaptured> {
    let hex = |n: u32| format!("{n:#010x}");
    let mut places: Vec<(u32, Option<LeafId>, Option<u32>, &str)> = unread
        .iter()
        .map(|(vcpu, place, why)| match place {
            Place::Msr { index, .. } => {
                (*vcpu, None, Some(*index), if *why == Why::Fault { "fault" } else { "missing" })
            }
            place => (*vcpu, place.leaf(), None, "missing"),
        })
        .collect();
    places.sort_unstable_by_key(|(vcpu, id, msr, _)| (*vcpu, id.is_none(), *id, *msr));
    places.dedup();
    let row = |(vcpu, id, msr, reason): (u32, Option<LeafId>, Option<u32>, &str)| NotCaptured {
        input,
        vcpu,
        leaf: id.map(|id| hex(id.leaf)),
        subleaf: id.and_then(|id| id.subleaf).map(hex),
        msr: msr.map(hex),
        reason: reason.to_string(),
    };
    places.into_iter().map(row).collect()
}

/// The spot of a feature, and a finding there with what is known about it.
pub(super) fn described(feature: &Feature, asked: Asked, accel: Accel) -> (Spot, Finding) {
    let (spot, subject, row) = match feature.place {
        Place::Cpuid { id, register, bits: BitRange { lo: bit, .. }, .. } => {
            let site = Site { owner: Owner::Cpu, leaf: id.leaf, subleaf: id.ecx(), register };
            (Spot::bits(id, None, register, bit, bit), Subject::Cpuid(site), knowledge::row_at(site, bit))
        }
        other => {
            let (index, bit) = (other.msr_index().unwrap_or_default(), other.bits().map_or(0, |bits| bits.lo));
            (Spot::msr(index, bit, bit), Subject::Msr(index), knowledge::msr_row(index, bit))
        }
    };
    let advice = advice_for(subject, &row, asked).under(accel, &row, asked);
    let mut finding = spot.described(&row);
    finding.name = Some(feature.name.to_string());
    finding.names.libvirt = Some(feature.name);
    finding.names.qemu = feature.qemu;
    finding.meaning = Some(advice.meaning_and_consequence());
    finding.cause = Some(advice.cause);
    finding.remedy = Some(advice.remedy);
    finding.source = Some(advice.source);
    (spot, finding)
}

/// What is to be said of a host's CPU.
pub(super) fn host_note(cpu: &Cpu) -> Option<&'static str> {
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
    never_judged: Vec<FeatureId>,
    /// What QEMU's model of the same name has beyond libvirt's.
    qemu_adds: Vec<FeatureId>,
    notes: Vec<String>,
}

impl<'a> CpuBaseline<'a> {
    /// What `cpu` promises on `map`.
    ///
    /// # Errors
    /// The map does not know the model or the vendor.
    pub fn new(cpu: &'a Cpu, map: &'a CpuMap) -> Result<Self, Unknown> {
        let expanded = Expanded::new(cpu, map)?;
        let (adds, _) = qemu_differs(cpu.model.as_deref().unwrap_or_default());
        Ok(Self {
            cpu,
            map,
            expanded,
            never_judged: map.those(knowledge::Knowledge::builtin(), |row| !row.judged).into_iter().collect(),
            qemu_adds: map.features_named(&adds).into_iter().collect(),
            notes: notes(cpu, map),
        })
    }

    /// What a reader of any result must know about this baseline.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    /// Checks one dump. `log` is what QEMU announced for it; nothing: there is no log.
    #[must_use]
    pub fn check(&self, input: usize, dump: &Dump, log: Option<&[Announcement]>) -> Checked {
        let mut tally = Tally::new(input, dump);
        for (listed, unknown) in &self.expanded.unknown {
            let spot = Spot::other(format!("feature:{}", listed.name), None);
            let finding = Finding {
                name: Some(listed.name.clone()),
                severity: Severity::Warning,
                cause: Some(unknown.to_string()),
                remedy: Some(
                    "correct the name, or give the CPU map of the libvirt that knows it (--cpu-map)".to_string(),
                ),
                input: Some(input),
                ..spot.finding("unknown-feature")
            };
            tally.findings.undirected(&spot, finding, None);
            tally.doubt(format!("unknown feature '{}'", listed.name));
        }
        if !self.expanded.promises_anything(&self.never_judged)
            && self.cpu.max_phys_addr.is_none()
            && self.cpu.vendor_id.is_none()
        {
            tally.doubt(self.nothing_promised());
        }
        if dump.vcpus.is_empty() {
            tally.doubt("the dump holds no vCPU".to_string());
        }
        for vcpu in &dump.vcpus {
            let bits = VcpuBits::of(vcpu);
            let one = OneVcpu { baseline: self, vcpu: vcpu.vcpu, bits: &bits, log };
            for (id, feature) in self.map.features.iter().enumerate() {
                if !self.never_judged.contains(&id) {
                    one.feature(id, feature, &mut tally);
                }
            }
            one.vendor(vcpu, &mut tally);
            one.phys_bits(&mut tally);
        }
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
fn notes(cpu: &Cpu, map: &CpuMap) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(host_note(cpu).map(|note| format!("the baseline {note}")));
    let once = once_promised(cpu, map);
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

/// One vCPU against the promises.
struct OneVcpu<'a> {
    baseline: &'a CpuBaseline<'a>,
    vcpu: u32,
    bits: &'a VcpuBits<'a>,
    log: Option<&'a [Announcement]>,
}

impl OneVcpu<'_> {
    fn feature(&self, id: FeatureId, feature: &Feature, tally: &mut Tally) {
        let baseline = self.baseline;
        let seen = self.bits.see(feature.place);
        let promise = baseline.expanded.promise(id);
        let announced = self.log.and_then(|log| log.iter().find(|a| a.is_about(baseline.map, id)));
        let promise = match promise {
            Some(p) if p.with_its_msr && self.bits.announces(feature.place) => {
                Some(Promise { policy: Policy::Require, ..p })
            }
            other => other,
        };
        let policy = promise.map_or(Policy::Require, |p| p.policy);
        match (promise.and_then(Promise::wants), seen) {
            (Some(wanted), Seen::NotCaptured(why)) => {
                let said = Said { asked: Asked::Missing, rule: policy.word(), severity: Severity::Info };
                let (cause, remedy) = not_captured_cause(why);
                self.add(tally, feature, said, seen, Some(wanted), |f| {
                    f.cause = Some(cause.to_string());
                    f.remedy = Some(remedy.to_string());
                });
                tally.unread(self.vcpu, feature.place, why);
            }
            (Some(true), seen) if seen.is_clear() => {
                let said = Said { asked: Asked::Missing, rule: policy.word(), severity: Severity::Unsafe };
                self.add(tally, feature, said, seen, Some(true), |f| {
                    f.evidence = self.evidence(announced);
                    f.cause = Some(with_announcement(announced, f.cause.take()));
                });
            }
            (Some(false), seen) if seen.is_set() => {
                let severity = if policy == Policy::Forbid { Severity::Unsafe } else { Severity::Warning };
                let said = Said { asked: Asked::Extra, rule: policy.word(), severity };
                self.add(tally, feature, said, seen, Some(false), |f| self.qemu_adds(id, f));
            }
            (None, seen) if promise.is_none() && baseline.expanded.bounded => {
                // What QEMU's model is known to have on top of libvirt's is no surprise.
                let added = baseline.expanded.model.is_some_and(|m| m.added.contains(&id));
                if seen.is_set() && !added {
                    let strict = baseline.cpu.matching == Match::Strict;
                    let severity = if strict { Severity::Warning } else { Severity::Info };
                    let said = Said { asked: Asked::Extra, rule: "extra", severity };
                    self.add(tally, feature, said, seen, Some(false), |f| self.qemu_adds(id, f));
                } else if let (true, Some(line)) = (seen.is_clear(), announced) {
                    let said = Said { asked: Asked::Missing, rule: "announced", severity: Severity::Info };
                    self.add(tally, feature, said, seen, None, |f| {
                        f.evidence = vec![line.line.clone()];
                        let cause = with_announcement(announced, f.cause.take());
                        f.cause = Some(format!("Not promised, but QEMU's model has it. {cause}"));
                    });
                }
            }
            _ => {}
        }
    }

    /// Says so where a feature that nobody asked for comes from QEMU's own model.
    fn qemu_adds(&self, id: FeatureId, finding: &mut Finding) {
        if let (true, Some(model)) = (self.baseline.qemu_adds.contains(&id), &self.baseline.cpu.model) {
            finding.cause = Some(format!(
                "QEMU's own {model} has it, libvirt's does not, and libvirt passes on only what a definition changes in \
                 its own."
            ));
        }
    }

    /// The log's line; that there is none, where there is a log.
    fn evidence(&self, announced: Option<&Announcement>) -> Vec<String> {
        match (self.log, announced) {
            (None, _) => Vec::new(),
            (Some(_), Some(announced)) => vec![announced.line.clone()],
            (Some(_), None) => vec!["not announced: QEMU's log does not mention it".to_string()],
        }
    }

    fn add(
        &self,
        tally: &mut Tally,
        feature: &Feature,
        said: Said,
        seen: Seen,
        expected: Option<bool>,
        more: impl FnOnce(&mut Finding),
    ) {
        let (spot, finding) = described(feature, said.asked, tally.accel);
        let bit = |set: bool| if set { "1" } else { "0" }.to_string();
        let value = match seen {
            Seen::Bit(set) => Some(bit(set)),
            Seen::Absent => Some("absent".to_string()),
            Seen::NotCaptured(_) => None,
        };
        let mut finding = Finding {
            input: Some(tally.input),
            rule: said.rule.to_string(),
            severity: said.severity,
            values: Values { a: value, b: None, expected: expected.map(bit) },
            ..finding
        };
        more(&mut finding);
        tally.findings.undirected(&spot, finding, Some(self.vcpu));
    }

    /// The vendor text: the one the guest is to see, else that of the vendor asked for.
    fn vendor(&self, vcpu: &cpuid_probe::dump::VcpuDump, tally: &mut Tally) {
        let asked = self.baseline.cpu.vendor_id.clone();
        let Some(expected) = asked.or_else(|| self.baseline.expanded.vendor.map(|v| v.text.to_string())) else {
            return;
        };
        let seen = vcpu.vendor().map(|text| text.to_string());
        if seen.as_deref() == Some(expected.as_str()) {
            return;
        }
        let spot = Spot::other("vendor".to_string(), None);
        let (severity, cause) = match seen {
            Some(_) => (Severity::Unsafe, "the guest runs on another vendor's CPU, or under emulation of one"),
            None => (Severity::Info, "not captured: the dump has no leaf 0"),
        };
        let finding = Finding {
            input: Some(tally.input),
            name: Some("vendor".to_string()),
            severity,
            meaning: Some(
                "the CPU's vendor (leaf 0 EBX, EDX, ECX), by which software chooses what it believes of other leaves"
                    .to_string(),
            ),
            cause: Some(cause.to_string()),
            remedy: Some("run the guest on the vendor's hosts, or make a baseline for each vendor".to_string()),
            values: Values { a: seen.clone(), b: None, expected: Some(expected) },
            ..spot.finding("vendor")
        };
        tally.findings.undirected(&spot, finding, Some(self.vcpu));
        match seen {
            Some(_) => {}
            None => {
                let place = Place::bit(0, 0, Register::Ebx, 0);
                tally.unread(self.vcpu, place, Why::Leaf);
            }
        }
    }

    /// The width of physical addresses, where the definition gives a number. A host's own says nothing of a guest.
    fn phys_bits(&self, tally: &mut Tally) {
        let cpu = self.baseline.cpu;
        let Some(asked) = cpu.max_phys_addr.filter(|_| cpu.form != Form::Host) else { return };
        let (expected, kept): (u32, fn(u32, u32) -> bool) = match (asked.mode, asked.bits, asked.limit) {
            (PhysAddrMode::Emulate, Some(bits), _) => (bits, |seen, bits| seen == bits),
            (PhysAddrMode::Passthrough, _, Some(limit)) => (limit, |seen, limit| seen <= limit),
            _ => return,
        };
        let id = LeafId::new(0x8000_0008, 0);
        let site = Site { owner: Owner::Cpu, leaf: id.leaf, subleaf: 0, register: Register::Eax };
        let place = Place::bit(0x8000_0008, 0, Register::Eax, 0);
        let seen = self.bits.phys_bits();
        if seen.is_some_and(|seen| kept(seen, expected)) {
            return;
        }
        let unread = matches!(self.bits.see(place), Seen::NotCaptured(_));
        let spot = Spot::bits(id, None, Register::Eax, 7, 0);
        let value = seen.map_or_else(|| (!unread).then(|| "absent".to_string()), |bits| Some(format!("{bits:#x}")));
        let finding = Finding {
            input: Some(tally.input),
            rule: "maxphysaddr".to_string(),
            severity: if unread { Severity::Info } else { Severity::Unsafe },
            values: Values { a: value, b: None, expected: Some(format!("{expected:#x}")) },
            cause: Some("the guest was started with another <maxphysaddr> (QEMU: phys-bits)".to_string()),
            remedy: Some(format!("<maxphysaddr mode='emulate' bits='{expected}'/> on every node")),
            ..spot.described(&knowledge::row_at(site, 0))
        };
        tally.findings.undirected(&spot, finding, Some(self.vcpu));
        if unread {
            tally.unread(self.vcpu, place, Why::Leaf);
        }
    }
}

/// How a finding about a feature is judged.
struct Said {
    asked: Asked,
    rule: &'static str,
    severity: Severity,
}

/// A cause, with what QEMU's log adds to it in front.
fn with_announcement(announced: Option<&Announcement>, cause: Option<String>) -> String {
    let said = match announced {
        None => "",
        Some(a) if a.line.contains("depends on other features") => {
            "QEMU took it away because a feature that it needs was not asked for. "
        }
        Some(a) if a.line.contains("TCG doesn't support") => "QEMU's emulation (TCG) does not have it. ",
        Some(_) => "QEMU asked for it, and this host's KVM did not offer it. ",
    };
    format!("{said}{}", cause.unwrap_or_default())
}

const fn not_captured_cause(why: Why) -> (&'static str, &'static str) {
    match why {
        Why::Leaf => ("Not captured: the dump does not hold this leaf.", "Capture every leaf (cpuid-probe does)."),
        Why::Msr => (
            "Not captured: the dump does not hold this MSR.",
            "Capture feature MSRs too (cpuid-probe --msrs as root, or cpuid-probe boot).",
        ),
        Why::Fault => ("Not captured: reading the MSR faulted.", "Read it in a throw-away guest (cpuid-probe boot)."),
    }
}
