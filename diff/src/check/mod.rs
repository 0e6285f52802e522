//! Whether a dump keeps what a baseline promises: a libvirt CPU ([`cpu`]), a golden dump ([`golden`]) or a masked template
//! ([`template`]). [`evidence`] is what QEMU's log says.

pub mod cpu;
pub mod evidence;
pub mod golden;
pub mod template;

use cpuid_probe::Place;
use cpuid_probe::dump::GapReason;
use cpuid_probe::leaf::LeafId;
use cpuid_probe::place::BitRange;

use crate::cpu_map::CpuMap;
use crate::finding::Finding;
use crate::judge::Context;
use crate::judge::collect::Collector;
use crate::judge::notes::accel;
use crate::judge::rule::Directions;
use crate::judge::verdict::Doubts;
use crate::knowledge::Knowledge;
use crate::view::join::{Lack, NotCaptured, sorted};
use crate::view::promise::unknown_at;
use crate::view::source::Source;
use crate::view::template::Template;
use crate::view::{DumpView, Why};

use cpu::CpuBaseline;
use evidence::Announcement;
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
                    Err(format!("{} CPUs (lines {}), expected one", cpus.len(), lines.join(", ")))
                }
            },
            Source::Dump(dump) => Ok(Self::Dump(Golden::new(dump))),
            Source::Template(template) => Ok(Self::Template(template)),
        }
    }

    /// Checks one dump. `log` is what QEMU announced for it; nothing: there is no log.
    #[must_use]
    pub fn check(
        &self,
        input: usize,
        view: &DumpView<'_>,
        log: Option<&[Announcement]>,
        knowledge: &Knowledge,
    ) -> Checked {
        match self {
            Self::Cpu(cpu) => cpu.check(input, view, log, knowledge),
            Self::Dump(golden) => golden.check(input, view, knowledge),
            Self::Template(template) => template::check(template, input, view, knowledge),
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

/// What has been seen so far of an input's promises.
#[derive(Debug)]
struct Tally<'a> {
    input: usize,
    view: &'a DumpView<'a>,
    context: Context<'a>,
    findings: Collector,
    unread: Vec<(u32, Place, Why)>,
    doubts: Vec<String>,
}

impl<'a> Tally<'a> {
    fn new(input: usize, view: &'a DumpView<'a>, knowledge: &'a Knowledge) -> Self {
        let context = Context { knowledge, directions: Directions::Both, accel: accel(&[view.dump]) };
        let mut tally =
            Self { input, view, context, findings: Collector::default(), unread: Vec::new(), doubts: Vec::new() };
        if view.vcpus.is_empty() {
            tally.doubt("the dump holds no vCPU".to_string());
        }
        tally
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

    /// Another reason why the baseline cannot be called met.
    fn doubt(&mut self, why: String) {
        self.doubts.push(why);
    }

    fn finish(self) -> Checked {
        Checked {
            findings: self.findings.into_sorted(),
            not_captured: not_captured(self.input, &self.unread, self.view),
            doubts: Doubts { unread: unread_reason(&self.unread), others: self.doubts },
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
    sorted(unread.iter().map(lack).collect(), &views)
}
