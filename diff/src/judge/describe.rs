//! What a finding says: from a difference and its judgement to the finding's data.

use cpuid_probe::hypervisor::base_of;
use cpuid_probe::place::{Number, Place};

use super::Context;
use super::collect::Key;
use super::rule::Judgement;
use crate::decode;
use crate::finding::{Change, Decoded, Finding, Judged, Rule, Text, Value, Values};
use crate::knowledge::Severity;
use crate::knowledge::{Asked, Row, RuleKind};
use crate::view::blocks::BlockPair;
use crate::view::join::{Differing, Harmless, Pair};

/// Why a difference in a closed place is harmless.
pub const CLOSED: &str = "the bit that announces this leaf is 0 in both dumps, so no software reads it";

/// Why a zero that stands for another field's value is no difference.
pub const SAME_MEANING: &str = "0 here stands for the value of another field of the register, and the other side spells \
                                that value out: software computes the same number from both";

/// The values of a row, as a finding has them.
#[must_use]
pub fn values(pair: Pair, row: &Row) -> Values {
    let value = |value| Value::of(value, row.bits.is_one());
    Values { a: value(pair.a), b: value(pair.b), expected: Value::Unknown }
}

/// What tells a differing row from others.
#[must_use]
pub fn key(d: &Differing, judgement: &Judgement) -> Key {
    Key {
        subject: d.place.into(),
        input: None,
        values: values(d.pair, &d.row),
        severities: [judgement.a_to_b.severity, judgement.b_to_a.severity],
    }
}

impl Context<'_> {
    /// A finding, judged in the directions asked for.
    #[must_use]
    pub fn judged(&self, finding: Finding, a_to_b: Judged, b_to_a: Judged) -> Finding {
        let asked = self.directions;
        let finding = finding.judged(asked.a_to_b().then_some(a_to_b), asked.b_to_a().then_some(b_to_a));
        // What losing it does is no consequence of gaining it.
        let gained = |judged: &Judged| judged.change == Change::Gained;
        let only_gained = finding.a_to_b.iter().chain(&finding.b_to_a).all(gained);
        Finding { consequence: finding.consequence.filter(|_| !only_gained), ..finding }
    }

    /// What is known of a row: what it promises, what a change does, cause, remedy, source.
    #[must_use]
    pub fn advised(&self, place: Place, row: &Row, asked: Asked) -> Finding {
        let advice = self.knowledge.advice(place, row, asked, self.on_amd).under(self.accel, row, asked);
        Finding {
            meaning: Some(advice.meaning.into()),
            consequence: Some(advice.consequence.into()),
            cause: Some(advice.cause.into()),
            remedy: Some(advice.remedy.into()),
            source: Some(advice.source.into()),
            ..Finding::of_row(place, row)
        }
    }
}

/// A differing row of a register or an MSR.
#[must_use]
pub fn row(context: &Context<'_>, d: &Differing, judgement: &Judgement) -> Finding {
    let mut finding = context.advised(d.place, &d.row, Asked::Differs { values: [d.pair.a, d.pair.b] });
    finding.decoded = Decoded { ppm: judgement.clocks.map(|clocks| clocks.ppm()), ..decode::row(&d.row, d.pair) };
    if let Some(harmless) = d.harmless {
        finding.cause = Some(match harmless {
            Harmless::Closed => CLOSED.into(),
            Harmless::SameMeaning => SAME_MEANING.into(),
        });
        finding.remedy = Some("Nothing to change.".into());
    }
    context.judged(finding, judgement.a_to_b, judgement.b_to_a)
}

/// A hypervisor block on one side only, or at another base.
#[must_use]
pub fn block(context: &Context<'_>, block: &BlockPair) -> Option<Finding> {
    let signature = block.signature?;
    let base = |base: Option<u32>| base.map_or(Value::Absent, Value::Base);
    let finding = Finding {
        values: Values { a: base(block.a), b: base(block.b), expected: Value::Unknown },
        name: Some(signature.to_string().into()),
        meaning: Some(format!("the leaves of the hypervisor `{signature}` and where they begin").into()),
        source: Some("Linux 7.1 arch/x86/include/asm/cpuid/api.h:191-212".into()),
        ..Finding::new(Place::Block(signature), Rule::Row(RuleKind::Identity))
    };
    let change = |from: Option<u32>, to: Option<u32>| match (from, to) {
        (Some(_), None) => Change::Lost,
        (None, Some(_)) => Change::Gained,
        _ => Change::Changed,
    };
    let judged = |from, to| Judged { change: change(from, to), severity: Severity::Unsafe };
    Some(context.judged(finding, judged(block.a, block.b), judged(block.b, block.a)))
}

/// A register set that its own dump says cannot be there.
#[must_use]
pub fn over_enumerated(context: &Context<'_>, place: Place, sides: [bool; 2], unlike: bool) -> Finding {
    let side = |over: bool| if over { Value::OverEnumerated } else { Value::Unknown };
    let finding = Finding {
        values: Values { a: side(sides[0]), b: side(sides[1]), expected: Value::Unknown },
        meaning: Some("registers read from a place that this CPU does not define".into()),
        cause: Some(
            "the range's maximum or the leaf's own subleaf 0 excludes it; the tool read on, or read an alias of another \
             leaf"
                .into(),
        ),
        ..Finding::new(place, Rule::OverEnumerated)
    };
    if unlike {
        // No software should read there, but what it would read is another value. Linux reads a hypervisor's features
        // whatever the block's maximum says (arch/x86/kernel/kvm.c, kvm_arch_para_features).
        let is_read = place.leaf().is_some_and(|id| base_of(id.leaf).is_some_and(|base| id.leaf == base + 1));
        let severity = if is_read { Severity::Warning } else { Severity::Info };
        let judged = Judged { change: Change::Changed, severity };
        return context.judged(finding, judged, judged);
    }
    set_aside(context, finding)
}

/// The end of a list of subleaves, in one dump alone.
#[must_use]
pub fn terminator(context: &Context<'_>, place: Place) -> Finding {
    let finding = Finding {
        meaning: Some("the entry that ends a list of subleaves".into()),
        cause: Some("tools differ in whether they keep it; it holds no data".into()),
        ..Finding::new(place, Rule::Terminator)
    };
    set_aside(context, finding)
}

fn set_aside(context: &Context<'_>, finding: Finding) -> Finding {
    let judged = Judged { change: Change::Same, severity: Severity::Expected };
    context.judged(finding, judged, judged)
}

/// An MSR that was read in one dump and faults in the other; the side that faults.
#[must_use]
pub fn fault(context: &Context<'_>, place: Place, side: usize) -> Finding {
    let read = |at: usize| if at == side { "faults" } else { "read" }.to_string();
    let msr = place.msr_index().unwrap_or_default();
    let finding = Finding {
        name: cpuid_probe::msr::FEATURE_MSRS.iter().find(|m| m.index == msr).map(|m| m.name.into()),
        values: Values { a: Value::Text(read(0)), b: Value::Text(read(1)), expected: Value::Unknown },
        meaning: Some("a feature MSR, which software reads where CPUID announces it".into()),
        consequence: Some(
            "A guest that moves to where reading the MSR faults takes a general protection fault when it reads it again."
                .into(),
        ),
        cause: Some("the KVM or QEMU of one side does not implement the MSR, or its dump could not read it".into()),
        remedy: Some("capture both sides again with `cpuid-probe boot`, or run one kernel and QEMU on both".into()),
        source: Some("Linux 7.1 arch/x86/kvm/x86.c (kvm_get_msr_feature, kvm_msr_ignored_check)".into()),
        ..Finding::new(place, Rule::Row(RuleKind::Subset))
    };
    let lost = Judged { change: Change::Lost, severity: Severity::Unsafe };
    let gained = Judged { change: Change::Gained, severity: Severity::Warning };
    if side == 1 { context.judged(finding, lost, gained) } else { context.judged(finding, gained, lost) }
}

/// The guests `of` these inputs have what blocks live migration unless the TSC frequency is pinned, and no dump tells
/// whether it is.
#[must_use]
pub fn unpinned(context: &Context<'_>, of: [bool; 2]) -> Finding {
    let whose = match of {
        [true, true] => "on in both, and a dump does not tell",
        [true, false] => "on in the first input, which does not tell",
        _ => "on in the second input, which does not tell",
    };
    let finding = Finding {
        name: Some(Number::TscFrequency.name().into()),
        meaning: Some("the TSC frequency that the guest's definition pins".into()),
        consequence: Some("With invtsc and no pinned frequency QEMU refuses to migrate the guest.".into()),
        cause: Some(format!("invtsc is {whose} whether a frequency is pinned").into()),
        remedy: Some(
            "pin one frequency in the definition: `<timer name='tsc' frequency='…'/>` in `<clock>` (QEMU: \
             `tsc-frequency=…` in `-cpu`); or take invtsc away"
                .into(),
        ),
        source: Some(
            "QEMU 7.2 target/i386/kvm/kvm.c:2107-2118; libvirt 9.0 src/qemu/qemu_migration.c:1451-1476".into(),
        ),
        ..Finding::new(Number::TscFrequency, Rule::Row(RuleKind::HostClock))
    };
    let [a_to_b, b_to_a] = of.map(|unpinned| {
        let severity = if unpinned { Severity::Warning } else { Severity::Expected };
        Judged { change: Change::Same, severity }
    });
    context.judged(finding, a_to_b, b_to_a)
}

/// Different numbers of vCPUs.
#[must_use]
pub fn vcpu_count(context: &Context<'_>, a: u32, b: u32) -> Finding {
    let finding = Finding {
        name: Some(Number::VcpuCount.name().into()),
        values: Values { a: Value::Count(a as usize), b: Value::Count(b as usize), expected: Value::Unknown },
        meaning: Some("how many vCPUs the guest has".into()),
        cause: Some("the guests were not started with the same -smp (<vcpu> and <topology>)".into()),
        remedy: Some("start both guests with the same number of vCPUs and the same topology".into()),
        source: Some("QEMU refuses a stream with more vCPUs than it has, and takes one with fewer".into()),
        ..Finding::new(Number::VcpuCount, Rule::Row(RuleKind::Topology))
    };
    let judged = |from: u32, to: u32| Judged {
        change: if to < from { Change::Lost } else { Change::Gained },
        severity: Severity::Warning,
    };
    context.judged(finding, judged(a, b), judged(b, a))
}

/// A row that differs by vCPU, judged over all of them.
#[must_use]
pub fn per_vcpu(context: &Context<'_>, d: &Differing, severity: Severity, cause: &'static str) -> Finding {
    let judged = Judged { change: Change::Changed, severity };
    let remedy = (severity <= Severity::Warning)
        .then_some(Text::Borrowed("start both guests with the same `<vcpu>` and `<topology>` (QEMU: `-smp`)"));
    let finding = Finding { cause: Some(Text::Borrowed(cause)), remedy, ..Finding::of_row(d.place, &d.row) };
    context.judged(finding, judged, judged)
}
