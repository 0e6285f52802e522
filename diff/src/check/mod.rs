//! Whether an input keeps what a baseline promises: a libvirt CPU ([`cpu`], and `beside` it what else its domain asks), a
//! golden dump ([`golden`]) or a masked template ([`template`]). [`evidence`] is what logs say.
//!
//! The input's role decides what is asked. A *guest*: did it get this? An *offer* ([`offer`] where it lists names): can this
//! host give it? *Hardware* is asked as an offer is, and is never better than unverified.

mod beside;
pub mod cpu;
pub mod evidence;
pub mod golden;
pub mod offer;
pub mod template;

use std::collections::BTreeSet;

use cpuid_probe::Place;
use cpuid_probe::dump::{self, Dump, GapReason, Whose};
use cpuid_probe::leaf::LeafId;
use cpuid_probe::libvirt::cpu::Cpu;
use cpuid_probe::place::BitRange;

use crate::cpu_map::{CpuMap, Unknown};
use crate::finding::{Finding, Value};
use crate::judge::Context;
use crate::judge::collect::Collector;
use crate::judge::rule::Directions;
use crate::judge::verdict::Doubts;
use crate::knowledge::Knowledge;
use crate::list;
use crate::view::join::{Lack, NotCaptured, sorted};
use crate::view::promise::unknown_at;
use crate::view::source::Source;
use crate::view::template::Template;
use crate::view::{DumpView, Role, Seen, Why};

pub use beside::offered;
use cpu::CpuBaseline;
use evidence::Log;
use golden::Golden;

/// Something that a dump can be held against.
#[derive(Debug)]
pub enum Baseline<'a> {
    /// A libvirt CPU.
    Cpu(Box<CpuBaseline<'a>>),
    /// A golden reference.
    Dump(Golden<'a>),
    /// A masked template.
    Template(&'a Template),
}

/// What one dump makes of a baseline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checked {
    /// Every promise that was broken or could not be verified, and everything extra.
    pub findings: Vec<Finding>,
    /// Places that a promise is about and the dump does not hold.
    pub not_captured: Vec<NotCaptured>,
    /// What keeps the baseline from being met besides findings.
    pub doubts: Doubts,
}

impl<'a> Baseline<'a> {
    /// The baseline that a file holds.
    ///
    /// # Errors
    /// It holds several CPUs, or a model or vendor that the map does not know.
    pub fn new(source: &'a Source, map: &'a CpuMap, knowledge: &Knowledge) -> Result<Self, String> {
        match source {
            Source::Cpus(cpus) => match &cpus[..] {
                [cpu] => {
                    let baseline =
                        CpuBaseline::new(cpu, map, knowledge).map_err(|unknown| unknown_at(cpu.model_at, &unknown))?;
                    Ok(Self::Cpu(Box::new(baseline)))
                }
                _ => {
                    let lines: Vec<String> = cpus.iter().map(|cpu| cpu.at.line.to_string()).collect();
                    Err(format!("{} CPUs (lines {}), expected one; FILE#2 chooses one", cpus.len(), lines.join(", ")))
                }
            },
            Source::Dump(dump) => Ok(Self::Dump(Golden::new(dump))),
            Source::Template(template) => Ok(Self::Template(template)),
        }
    }

    /// Checks one dump in its role. `log` is what was announced for it; nothing: there is no log.
    #[must_use]
    pub fn check(
        &self,
        input: usize,
        view: &DumpView<'_>,
        role: Role,
        log: Option<&Log>,
        knowledge: &Knowledge,
    ) -> Checked {
        let mut checked = match self {
            Self::Cpu(cpu) => cpu.check(input, &Asked { view, role: role.of_checked(), log, names: None }, knowledge),
            Self::Dump(golden) => golden.check(input, view, knowledge),
            Self::Template(template) => template::check(template, input, view, knowledge),
        };
        let is_unclear = || view.dump.provenance.imported.as_ref().is_some_and(|i| i.of == Some(Whose::Unclear));
        let doubt = match role {
            Role::Hardware => Some(BARE_DUMP),
            Role::Promise => Some(UNREAD),
            Role::Unknown if is_unclear() => Some("it does not say whose CPU it is; --as says so"),
            Role::Unknown | Role::Offer | Role::Guest => None,
        };
        checked.doubts.others.extend(doubt.map(str::to_string));
        checked
    }

    /// Checks a host that lists names, as `view`, an empty dump, stands for it.
    ///
    /// # Errors
    /// The baseline is no libvirt CPU: only a dump can be held against the others.
    pub fn check_names(
        &self,
        input: usize,
        names: &offer::Names<'_>,
        view: &DumpView<'_>,
        knowledge: &Knowledge,
    ) -> Result<Checked, &'static str> {
        let Self::Cpu(cpu) = self else {
            return Err("a list of names, which only a libvirt CPU can be held against; dump a throw-away guest");
        };
        let asked = Asked { view, role: names.role(), log: None, names: Some(names) };
        let mut checked = cpu.check(input, &asked, knowledge);
        if names.role() == Role::Hardware {
            checked.doubts.others.push(BARE_NAMES.to_string());
        }
        Ok(checked)
    }

    /// Whether it leaves any feature to each host, so that inputs must be known together.
    #[must_use]
    pub fn has_optional(&self) -> bool {
        matches!(self, Self::Cpu(cpu) if cpu.has_optional())
    }

    /// Learns what the inputs have of the features that the baseline leaves to each host.
    pub fn learn_optional(&mut self, views: &[DumpView<'_>], names: &[offer::Names<'_>]) {
        if let Self::Cpu(cpu) = self {
            cpu.learn_optional(views, names);
        }
    }

    /// What a reader of any result must know about this baseline.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        match self {
            Self::Cpu(cpu) => cpu.notes(),
            Self::Dump(golden) => golden.notes(),
            Self::Template(_) => Vec::new(),
        }
    }
}

/// Holds what a definition promises beside features against what a host says that it can give.
///
/// # Errors
/// The host names a model or a vendor that the map does not know.
pub fn check_beside(definition: &Cpu, host: &Cpu, map: &CpuMap, knowledge: &Knowledge) -> Result<Checked, Unknown> {
    let names = offer::Names::new(host, map, knowledge)?;
    let none = Dump::new(dump::Source::Import);
    let view = DumpView::of(&none);
    let mut tally = Tally::new(0, &view, knowledge);
    let asked = Asked { view: &view, role: Role::Offer, log: None, names: Some(&names) };
    beside::Beside::new(definition, map, knowledge).check(&asked, &mut tally);
    Ok(tally.finish())
}

/// Why what a guest is to have is no answer to whether it got it.
pub const UNREAD: &str = "it is what a guest is to have, and no guest read it";

/// Why no dump without the hypervisor bit is better than unverified.
const BARE_DUMP: &str = "the dump shows no hypervisor: it is the bare hardware's, which no guest gets just so, or a guest's \
                         that hides its hypervisor (then: --as guest)";

/// Why no `virsh capabilities` is better than unverified.
const BARE_NAMES: &str = "the input is the bare hardware (virsh capabilities), of which KVM and QEMU give a guest less; take \
                          virsh domcapabilities";

/// An input, and how it is asked.
#[derive(Clone, Copy, Debug)]
struct Asked<'a> {
    /// The dump; without a vCPU where the input lists names.
    view: &'a DumpView<'a>,
    role: Role,
    log: Option<&'a Log>,
    names: Option<&'a offer::Names<'a>>,
}

/// What has been seen so far of an input's promises.
#[derive(Debug)]
struct Tally<'a> {
    input: usize,
    view: &'a DumpView<'a>,
    context: Context<'a>,
    findings: Collector,
    unread: Vec<(u32, Place, Why)>,
    /// Of the unread: what the guest is not to have.
    away: BTreeSet<Place>,
    /// What else the input does not say, in sentences.
    unsaid: Vec<String>,
    doubts: Vec<String>,
}

impl<'a> Tally<'a> {
    fn new(input: usize, view: &'a DumpView<'a>, knowledge: &'a Knowledge) -> Self {
        let context = Context::new(knowledge, Directions::Both, &[view]);
        Self {
            input,
            view,
            context,
            findings: Collector::default(),
            unread: Vec::new(),
            away: BTreeSet::new(),
            unsaid: Vec::new(),
            doubts: Vec::new(),
        }
    }

    /// A finding about this input.
    fn add(&mut self, finding: Finding, vcpu: Option<u32>) {
        self.findings.put(Finding { input: Some(self.input), ..finding }, vcpu);
    }

    /// A finding that shows a promise broken.
    fn broken(&mut self, finding: Finding, vcpu: u32) {
        let breaks = vec![self.input];
        self.add(Finding { breaks, ..finding }, Some(vcpu));
    }

    /// A promise that nobody can verify.
    fn unread(&mut self, vcpu: u32, place: Place, why: Why) {
        self.unread.push((vcpu, place, why));
    }

    /// Something that is to be away, and of which nobody can verify that it is.
    fn unread_away(&mut self, vcpu: u32, place: Place, why: Why) {
        self.away.insert(place);
        self.unread(vcpu, place, why);
    }

    /// A promise of which the input says nothing, and why.
    fn unsaid(&mut self, why: String) {
        if !self.unsaid.contains(&why) {
            self.unsaid.push(why);
        }
    }

    /// Another reason why the baseline cannot be called met.
    fn doubt(&mut self, why: String) {
        self.doubts.push(why);
    }

    /// Which promises a source does not speak of that names features.
    fn not_said(&self) -> Option<String> {
        let places: BTreeSet<Place> = self.unread.iter().map(|(_, place, _)| *place).collect();
        let (away, wanted): (Vec<Place>, Vec<Place>) = places.iter().partition(|place| self.away.contains(place));
        let names = |places: &[Place]| -> String {
            let name =
                |place: &Place| self.context.knowledge.row(*place).name.map_or(place.to_string(), str::to_string);
            let mut names: Vec<String> = Vec::new();
            for name in places.iter().map(name) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            list::first(&names, 12)
        };
        let mut reasons = Vec::new();
        if !wanted.is_empty() {
            reasons.push(format!(
                "this input names features, and does not name these that are promised: {}. Dump the guest with \
                 cpuid-probe; for a host, use cpuid-probe boot --cpu host",
                names(&wanted)
            ));
        }
        if !away.is_empty() {
            reasons.push(format!(
                "{} {} not in it because the definition disables {}, or the source hides {}",
                names(&away),
                if away.len() == 1 { "is" } else { "are" },
                if away.len() == 1 { "it" } else { "them" },
                if away.len() == 1 { "it" } else { "them" },
            ));
        }
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }

    fn finish(self) -> Checked {
        let reasons = if self.view.dump.is_statements() { self.not_said() } else { unread_reason(&self.unread) };
        let unread: Vec<String> = reasons.into_iter().chain(self.unsaid).collect();
        Checked {
            findings: self.findings.into_sorted(),
            not_captured: not_captured(self.input, &self.unread, self.view),
            doubts: Doubts { unread: (!unread.is_empty()).then(|| unread.join("; ")), others: self.doubts },
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
        n if !any(Why::Unsaid) => Some(format!(
            "{n} promised {} not captured: {}",
            if n == 1 { "bit was" } else { "bits were" },
            hints.join("; ")
        )),
        n => Some(format!(
            "the input says nothing about {n} promised {}: dump a throw-away guest of all that the host has \
             (cpuid-probe boot --cpu host) and check it --as offer",
            if n == 1 { "bit" } else { "bits" }
        )),
    }
}

/// The register sets and MSRs that unverified promises are about.
fn not_captured(input: usize, unread: &[(u32, Place, Why)], view: &DumpView<'_>) -> Vec<NotCaptured> {
    let lack = |(vcpu, place, why): &(u32, Place, Why)| {
        let reason = if *why == Why::Fault { Lack::Gap(GapReason::Fault) } else { Lack::Missing };
        let place = match place.msr_index() {
            Some(index) => Place::Msr { index, bits: BitRange::MSR },
            None => Place::Leaf { block: None, id: place.leaf().unwrap_or(LeafId::new(0, 0)) },
        };
        NotCaptured { input, vcpu: *vcpu, place, reason }
    };
    let views: Vec<&DumpView<'_>> = std::iter::repeat_n(view, input + 1).collect();
    sorted(unread.iter().filter(|(.., why)| *why != Why::Unsaid).map(lack).collect(), &views)
}

/// What a dump says, as a finding has it.
fn value_of(seen: Seen, one_bit: bool) -> Value {
    match seen {
        Seen::Value(n) => Value::of(Some(n), one_bit),
        Seen::Absent => Value::Absent,
        Seen::NotCaptured(_) => Value::Unknown,
    }
}
