//! One dump against itself: what must be unique on every vCPU, what must agree on all, and what may differ by vCPU.

use std::collections::BTreeMap;

use cpuid_probe::coverage::{Coverage, MsrPlace, Place as Covered};
use cpuid_probe::leaf::LeafId;
use cpuid_probe::place::{BitRange, Place};
use cpuid_probe::{Register, Registers};

use super::Context;
use super::collect::Collector;
use crate::finding::{Change, Finding, Judged, Rule, Value, Values};
use crate::knowledge::Severity;
use crate::knowledge::{Knowledge, Row, RuleKind, STATES, State};
use crate::view::blocks::BlockMap;
use crate::view::join::{is_closed, rows};
use crate::view::{DumpView, Seen, VcpuView};

/// A per-vCPU id that no two vCPUs of a guest may share.
struct UniqueId {
    place: Place,
    /// The id means something where this register of the same leaf is not zero.
    valid: Option<Register>,
    /// At most this many vCPUs can have one each.
    vcpus: usize,
}

/// An id, and the vCPU that shows it.
struct Id {
    vcpu: u32,
    value: u64,
}

impl UniqueId {
    /// The id that a vCPU shows, if the place exists there and means something.
    fn read(&self, view: &VcpuView<'_>) -> Option<Id> {
        let (id, bits) = (self.place.leaf()?, self.place.bits()?);
        let said = |register| view.vcpu.known(id, register) == u32::MAX;
        if !self.place.register().is_some_and(said) || !self.valid.is_none_or(said) {
            return None;
        }
        let r = view.vcpu.get(id).filter(|_| view.coverage.place(id) == Covered::Captured)?;
        let means_something = self.valid.is_none_or(|register| r.get(register) != 0);
        let value = bits.of(r.get(self.place.register()?).into());
        means_something.then_some(Id { vcpu: view.vcpu.vcpu, value })
    }
}

const fn x2apic(leaf: u32, register: Register) -> UniqueId {
    UniqueId { place: Place::cpuid(leaf, 0, register, 31, 0), valid: Some(Register::Ebx), vcpus: usize::MAX }
}

/// The initial APIC id.
const LEGACY: UniqueId = UniqueId { place: Place::cpuid(0x1, 0, Register::Ebx, 31, 24), valid: None, vcpus: 255 };
/// Leaf 1 ECX\[26\]: XSAVE.
const XSAVE: Place = Place::bit(1, 0, Register::Ecx, 26);

/// The x2APIC id.
const X2APIC: UniqueId = x2apic(0xb, Register::Edx);

/// # Source
/// Intel SDM leaves 01H, 0BH, 1FH; AMD APM vol. 3 appendix E Fn8000_001E, Fn8000_0026.
const UNIQUE_IDS: [UniqueId; 5] = [
    LEGACY,
    X2APIC,
    x2apic(0x1f, Register::Edx),
    x2apic(0x8000_001e, Register::Eax),
    x2apic(0x8000_0026, Register::Edx),
];

/// Checks dump number `input`: ids are unique, the two APIC ids of a vCPU agree, and every register that no row calls
/// per-vCPU is the same on every vCPU. A disagreement warns of that input: its capture was perhaps not pinned.
pub fn check(input: usize, view: &DumpView<'_>, context: &Context<'_>, collector: &mut Collector) {
    for unique in UNIQUE_IDS.iter().filter(|unique| view.vcpus.len() <= unique.vcpus) {
        let mut seen: BTreeMap<u64, u32> = BTreeMap::new();
        for id in view.vcpus.iter().filter_map(|v| unique.read(v)) {
            if let Some(first) = seen.insert(id.value, id.vcpu) {
                let cause = format!("vCPUs {first} and {} show the same id: capture not pinned?", id.vcpu);
                let remedy = Some("capture again, each vCPU on itself (cpuid-probe does)".into());
                let mut finding = Finding { remedy, ..about(context, input, unique.place, id.value, cause) };
                finding.vcpus.push(first);
                collector.put(finding, Some(id.vcpu));
            }
        }
    }
    for v in &view.vcpus {
        // Bits 31:24 of leaf 1 EBX are the low byte of the x2APIC id.
        if let (Some(low), Some(id)) = (LEGACY.read(v), X2APIC.read(v))
            && low.value != id.value & 0xff
        {
            let cause = format!(
                "the x2APIC id of the same vCPU is {:#x}, of which this should be the low byte: capture not pinned?",
                id.value
            );
            collector.put(about(context, input, LEGACY.place, low.value, cause), Some(low.vcpu));
        }
    }
    if let [first, others @ ..] = view.vcpus.as_slice() {
        for other in others {
            agree(input, first, other, context, collector);
            msrs_agree(input, first, other, context, collector);
        }
    }
}

/// Warns of features without the XSAVE state that they need. What both dumps show alike leaves the directions alone: it is
/// returned as sentences.
pub fn check_states(views: [&DumpView<'_>; 2], context: &Context<'_>, collector: &mut Collector) -> Vec<String> {
    let found = views.map(|view| {
        let mut found: BTreeMap<(Place, &str), Vec<u32>> = BTreeMap::new();
        for v in &view.vcpus {
            for (place, state) in without_state(v, context.knowledge) {
                found.entry((place, state.name)).or_default().push(v.vcpu.vcpu);
            }
        }
        found
    });
    if found[0].keys().eq(found[1].keys()) {
        let named = |place: Place| context.knowledge.row(place).name.unwrap_or_default();
        return found[0]
            .keys()
            .map(|(place, state)| format!("both inputs: {} is there, and {}", named(*place), no_room(state)))
            .collect();
    }
    for (input, found) in found.into_iter().enumerate() {
        for ((place, state), vcpus) in found {
            let meaning = context.knowledge.row(place).meaning.map(Into::into);
            let finding = Finding { meaning, ..about(context, input, place, 1, no_room(state)) };
            vcpus.iter().for_each(|vcpu| collector.put(finding.clone(), Some(*vcpu)));
        }
    }
    Vec::new()
}

/// What keeps a feature from being used.
pub fn no_room(state: &str) -> String {
    format!("XCR0 (leaf 0xd EAX) has no room for the {state} state that it needs")
}

/// Features of a vCPU with XSAVE whose registers no component of it holds: an instruction that uses them is an invalid
/// opcode. Without XSAVE that itself says it (QEMU leaves avx there with xsave=off).
///
/// # Source
/// Intel SDM vol. 1 ch. 13.1, 13.3.
pub fn without_state(v: &VcpuView<'_>, knowledge: &Knowledge) -> Vec<(Place, &'static State)> {
    if !v.see(XSAVE).is_set() {
        return Vec::new();
    }
    let has_no_room = |state: &&State| {
        let mut bits = (0..32).filter(|bit| state.xcr0 >> bit & 1 == 1);
        bits.any(|bit| v.see(Place::bit(0xd, 0, Register::Eax, bit)) == Seen::Value(0))
    };
    let mut found = Vec::new();
    for state in STATES.iter().filter(has_no_room) {
        let places = state.features.iter().filter_map(|name| Some(knowledge.by_name(name).first()?.place));
        found.extend(places.filter(|place| v.see(*place).is_set()).map(|place| (place, state)));
    }
    found
}

/// A warning about a per-vCPU id of one dump.
fn about(context: &Context<'_>, input: usize, place: Place, value: u64, cause: String) -> Finding {
    let judged = Judged { change: Change::Same, severity: Severity::Warning };
    let row = context.knowledge.row(place);
    let finding = Finding {
        input: Some(input),
        values: Values { a: Value::Number(value), ..Values::default() },
        cause: Some(cause.into()),
        ..Finding::of_row(place, &row)
    };
    context.judged(finding, judged, judged)
}

/// Two vCPUs of one dump. Rows that may differ by vCPU or mirror the guest's state are left out.
fn agree(input: usize, first: &VcpuView<'_>, other: &VcpuView<'_>, context: &Context<'_>, collector: &mut Collector) {
    if first.vcpu.leaves() == other.vcpu.leaves() {
        return;
    }
    let map = BlockMap::new(first.vcpu, other.vcpu, &first.coverage, &other.coverage);
    for slot in map.slots(first.vcpu, other.vcpu) {
        let read = |id: Option<LeafId>, view: &VcpuView<'_>| {
            let id = id?;
            match view.coverage.place(id) {
                Covered::Captured => view.vcpu.get(id),
                Covered::Absent => Some(Registers::ZERO),
                Covered::NotCaptured | Covered::OverEnumerated => None,
            }
        };
        let (Some(a), Some(b)) = (read(slot.a, first), read(slot.b, other)) else { continue };
        for register in Register::ALL {
            let whole = slot.bits(register, BitRange::REGISTER);
            let known =
                |id: Option<LeafId>, view: &VcpuView<'_>| id.map_or(u32::MAX, |id| view.vcpu.known(id, register));
            let said = known(slot.a, first) & known(slot.b, other);
            for row in rows(whole, (a[register] & said).into(), (b[register] & said).into(), context.knowledge) {
                let severity = match row.rule {
                    RuleKind::PerVcpu | RuleKind::OsControlled => continue,
                    RuleKind::Informational => Severity::Info,
                    _ if is_closed(row.gates, [&first.coverage, &other.coverage]) => Severity::Info,
                    _ => Severity::Warning,
                };
                let values = [a, b].map(|r| row.bits.of(r[register].into()));
                let vcpus = [first, other].map(|v| v.vcpu.vcpu);
                let finding = disagreement(context, input, whole, &row, vcpus, values, severity);
                collector.put(finding, Some(other.vcpu.vcpu));
            }
        }
    }
}

/// Feature MSRs of two vCPUs of one dump.
fn msrs_agree(
    input: usize,
    first: &VcpuView<'_>,
    other: &VcpuView<'_>,
    context: &Context<'_>,
    collector: &mut Collector,
) {
    for msr in first.vcpu.msrs() {
        let of = |coverage: &Coverage<'_>| coverage.msr(msr.index);
        let faults = [first, other].map(|v| v.vcpu.msr(msr.index) == Some(None));
        if faults[0] != faults[1] && other.vcpu.msr(msr.index).is_some() {
            let cause = format!(
                "reading the MSR faulted on vCPU {} and not on vCPU {}, but every vCPU of a guest should have it",
                if faults[0] { first } else { other }.vcpu.vcpu,
                if faults[0] { other } else { first }.vcpu.vcpu
            );
            let place = Place::Msr { index: msr.index, bits: BitRange::MSR };
            let judged = Judged { change: Change::Changed, severity: Severity::Warning };
            let finding =
                Finding { input: Some(input), cause: Some(cause.into()), ..Finding::new(place, Rule::SameOnEveryVcpu) };
            collector.put(context.judged(finding, judged, judged), Some(other.vcpu.vcpu));
        }
        let (MsrPlace::Read(a), MsrPlace::Read(b)) = (of(&first.coverage), of(&other.coverage)) else { continue };
        let whole = Place::Msr { index: msr.index, bits: BitRange::MSR };
        let said = first.vcpu.known_msr(msr.index) & other.vcpu.known_msr(msr.index);
        let (a, b) = (a & said, b & said);
        for row in rows(whole, a, b, context.knowledge) {
            let values = [a, b].map(|value| row.bits.of(value));
            let vcpus = [first, other].map(|v| v.vcpu.vcpu);
            let finding = disagreement(context, input, whole, &row, vcpus, values, Severity::Warning);
            collector.put(finding, Some(other.vcpu.vcpu));
        }
    }
}

/// Two vCPUs of one dump differ where every vCPU of a guest should show the same.
fn disagreement(
    context: &Context<'_>,
    input: usize,
    whole: Place,
    row: &Row,
    vcpus: [u32; 2],
    values: [u64; 2],
    severity: Severity,
) -> Finding {
    let place = whole.with_bits(row.bits);
    let [a, b] = values.map(|value| Value::of(Some(value), row.bits.is_one()));
    let cause = format!(
        "vCPU {} shows {} and vCPU {} shows {}, but every vCPU of a guest should show the same here",
        vcpus[0],
        a.text().unwrap_or_default(),
        vcpus[1],
        b.text().unwrap_or_default()
    );
    let finding = Finding {
        input: Some(input),
        rule: Rule::SameOnEveryVcpu,
        cause: Some(cause.into()),
        values: Values { a, b, expected: Value::Unknown },
        ..Finding::of_row(place, row)
    };
    let judged = Judged { change: Change::Changed, severity };
    context.judged(finding, judged, judged)
}
