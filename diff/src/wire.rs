//! The JSON contract: what scripts read. All keys are always there, null where they do not apply.
//!
//! This is the only module that turns a report, a trace or an explanation into JSON; the keys stand in the order of the
//! contract.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use cpuid_probe::place::Place;

use crate::explain::Explanation;
use crate::explain::render::NOT_CAPTURED;
use crate::finding::{self, Change, Decoded, Finding, Judged, Values};
use crate::knowledge::{Names, Severity};
use crate::report::Report;
use crate::trace::{Layer, Says, Step, Trace};

/// The value of `schema` in a report.
pub const REPORT: &str = "cpuid-report/1";
/// The value of `schema` in a trace.
pub const TRACE: &str = "cpuid-trace/1";
/// The value of `schema` in an explanation.
pub const EXPLAIN: &str = "cpuid-explain/1";

/// A report as indented JSON, with a line end.
///
/// # Errors
/// No known case: every map of the value has text keys.
pub fn pretty(report: &Report) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(&WireReport::of(report))? + "\n")
}

/// A report as one line of JSON, with its line end.
///
/// # Errors
/// No known case.
pub fn line(report: &Report) -> serde_json::Result<String> {
    Ok(serde_json::to_string(&WireReport::of(report))? + "\n")
}

/// `0x` and 8 digits.
fn hex(number: u32) -> String {
    format!("{number:#010x}")
}

#[derive(Serialize)]
struct WireReport<'a> {
    schema: &'static str,
    inputs: Vec<WireInput<'a>>,
    verdict: WireVerdict<'a>,
    notes: &'a [String],
    causes: Vec<WireCause<'a>>,
    findings: Vec<WireFinding<'a>>,
    not_captured: Vec<WireNotCaptured>,
    compared: usize,
    summary: WireSummary,
}

#[derive(Serialize)]
struct WireInput<'a> {
    name: &'a str,
    label: Option<&'a str>,
    source: &'static str,
    role: &'static str,
    accel: Option<&'a str>,
    vendor: Option<&'a str>,
    cpu: Option<&'a str>,
    qemu: Option<&'a str>,
    machine: Option<&'a str>,
    kernel: Option<&'a str>,
    microcode: Option<&'a str>,
    hypervisor: &'a [String],
    vcpus: usize,
    vcpus_online: Option<u32>,
    complete: bool,
}

#[derive(Serialize)]
struct WireVerdict<'a> {
    overall: Option<&'static str>,
    a_to_b: Option<&'static str>,
    b_to_a: Option<&'static str>,
    refused: Vec<WireRefused<'a>>,
    coverage: &'static str,
    scope: &'static str,
    baseline: Vec<WireBaseline<'a>>,
}

#[derive(Serialize)]
struct WireRefused<'a> {
    by: &'static str,
    direction: &'static str,
    reason: &'a str,
}

#[derive(Serialize)]
struct WireCause<'a> {
    what: Cow<'a, str>,
    inferred: bool,
    clears: usize,
    fix: Option<&'a str>,
}

#[derive(Serialize)]
struct WireBaseline<'a> {
    input: usize,
    result: &'static str,
    reason: Option<&'a str>,
}

#[derive(Serialize)]
struct WireFinding<'a> {
    id: String,
    input: Option<usize>,
    leaf: Option<String>,
    subleaf: Option<String>,
    msr: Option<String>,
    block: Option<String>,
    register: Option<&'static str>,
    bits: Option<String>,
    name: Option<&'a str>,
    names: Names,
    rule: &'static str,
    severity: Severity,
    severity_a_to_b: Option<Severity>,
    severity_b_to_a: Option<Severity>,
    waived: Option<WireWaived<'a>>,
    a_to_b: Option<&'static str>,
    b_to_a: Option<&'static str>,
    values: WireValues,
    decoded: Map<String, Json>,
    vcpus: &'a [u32],
    meaning: Option<&'a str>,
    consequence: Option<&'a str>,
    cause: Option<&'a str>,
    cause_group: Option<usize>,
    remedy: Option<&'a str>,
    evidence: &'a [String],
    source: Option<&'a str>,
}

#[derive(Serialize)]
struct WireWaived<'a> {
    severity: Severity,
    reason: &'a str,
    expires: Option<&'a str>,
}

#[derive(Serialize)]
struct WireValues {
    a: Option<String>,
    b: Option<String>,
    expected: Option<String>,
}

#[derive(Serialize)]
struct WireNotCaptured {
    input: usize,
    vcpu: u32,
    leaf: Option<String>,
    subleaf: Option<String>,
    msr: Option<String>,
    reason: &'static str,
}

#[derive(Serialize)]
struct WireSummary {
    #[serde(rename = "unsafe")]
    unsafe_: usize,
    warning: usize,
    info: usize,
    expected: usize,
    waived: usize,
}

impl<'a> WireReport<'a> {
    fn of(report: &'a Report) -> Self {
        let s = report.summary;
        Self {
            schema: REPORT,
            inputs: report.inputs.iter().map(input).collect(),
            verdict: verdict(report),
            notes: &report.notes,
            causes: report
                .causes
                .iter()
                .map(|c| WireCause { what: c.text(), inferred: c.inferred, clears: c.clears, fix: c.fix.as_deref() })
                .collect(),
            findings: report.findings.iter().map(WireFinding::of).collect(),
            not_captured: report.not_captured.iter().map(not_captured).collect(),
            compared: report.compared,
            summary: WireSummary {
                unsafe_: s.unsafe_,
                warning: s.warning,
                info: s.info,
                expected: s.expected,
                waived: s.waived,
            },
        }
    }
}

fn input(input: &crate::report::Input) -> WireInput<'_> {
    WireInput {
        name: &input.name,
        label: input.label.as_deref(),
        source: input.source.word(),
        role: input.role.word(),
        accel: input.accel.as_deref(),
        vendor: input.vendor.as_deref(),
        cpu: input.cpu.as_deref(),
        qemu: input.qemu.as_deref(),
        machine: input.machine.as_deref(),
        kernel: input.kernel.as_deref(),
        microcode: input.microcode.as_deref(),
        hypervisor: &input.hypervisor,
        vcpus: input.vcpus,
        vcpus_online: input.vcpus_online,
        complete: input.complete,
    }
}

fn verdict(report: &Report) -> WireVerdict<'_> {
    let v = &report.verdict;
    WireVerdict {
        overall: v.overall.map(|o| o.word()),
        a_to_b: v.a_to_b.map(|d| d.word()),
        b_to_a: v.b_to_a.map(|d| d.word()),
        refused: v
            .refused
            .iter()
            .map(|r| WireRefused { by: r.by.word(), direction: r.way.word(), reason: &r.reason })
            .collect(),
        coverage: v.coverage.word(),
        scope: if v.msrs { "cpuid+msr" } else { "cpuid" },
        baseline: v
            .baseline
            .iter()
            .map(|b| WireBaseline { input: b.input, result: b.result.word(), reason: b.reason.as_deref() })
            .collect(),
    }
}

impl<'a> WireFinding<'a> {
    fn of(f: &'a Finding) -> Self {
        let at = WirePlace::of(f.place());
        let change = |judged: Option<Judged>| judged.map(|j| j.change).map(Change::word);
        let Values { a, b, expected } = &f.values;
        Self {
            id: f.id(),
            input: f.input,
            leaf: at.leaf,
            subleaf: at.subleaf,
            msr: at.msr,
            block: at.block,
            register: at.register,
            bits: at.bits,
            name: f.name.as_deref(),
            names: f.names,
            rule: f.rule.word(),
            severity: f.severity,
            severity_a_to_b: f.severity_a_to_b(),
            severity_b_to_a: f.severity_b_to_a(),
            waived: f.waived.as_ref().map(|w| WireWaived {
                severity: w.severity,
                reason: &w.reason,
                expires: w.expires.as_deref(),
            }),
            a_to_b: change(f.a_to_b),
            b_to_a: change(f.b_to_a),
            values: WireValues { a: a.text(), b: b.text(), expected: expected.text() },
            decoded: decoded(&f.decoded),
            vcpus: &f.vcpus,
            meaning: f.meaning.as_deref(),
            consequence: f.consequence.as_deref(),
            cause: f.cause.as_deref(),
            cause_group: f.cause_group(),
            remedy: f.remedy.as_deref(),
            evidence: &f.evidence,
            source: f.source.as_deref(),
        }
    }
}

/// `a` and `b` in words, `a_khz` and `b_khz`, `ppm`: those that there are.
fn decoded(decoded: &Decoded) -> Map<String, Json> {
    let mut map = Map::new();
    for (key, words) in ["a", "b"].into_iter().zip(&decoded.words) {
        if let Some(words) = words {
            map.insert(key.to_string(), words.as_str().into());
        }
    }
    for (key, khz) in ["a_khz", "b_khz"].into_iter().zip(decoded.khz.iter().flatten()) {
        map.insert(key.to_string(), khz.map_or(Json::Null, Json::from));
    }
    if let Some(ppm) = decoded.ppm {
        let rounded = if ppm.is_finite() { Json::from((ppm * 10.0).round() / 10.0) } else { Json::Null };
        map.insert("ppm".to_string(), rounded);
    }
    map
}

fn not_captured(lack: &crate::view::join::NotCaptured) -> WireNotCaptured {
    let at = WirePlace::of(Some(lack.place));
    WireNotCaptured {
        input: lack.input,
        vcpu: lack.vcpu,
        leaf: at.leaf,
        subleaf: at.subleaf,
        msr: at.msr,
        reason: lack.reason.word(),
    }
}

/// A trace as indented JSON, with a line end.
///
/// # Errors
/// No known case.
pub fn trace(trace: &Trace) -> serde_json::Result<String> {
    let layers = trace.layers.iter().map(|given| WireGiven { layer: given.layer.word(), name: &given.name });
    let wire = WireTrace {
        schema: TRACE,
        verdict: trace.fit.word(),
        layers: layers.collect(),
        features: trace.steps.iter().map(step).collect(),
        changed: trace.changed,
        agreed: trace.agreed,
        not_captured: trace.not_captured,
        optional: trace.optional,
        reasons: &trace.reasons,
    };
    Ok(serde_json::to_string_pretty(&wire)? + "\n")
}

#[derive(Serialize)]
struct WireTrace<'a> {
    schema: &'static str,
    verdict: &'static str,
    layers: Vec<WireGiven<'a>>,
    features: Vec<WireStep<'a>>,
    changed: usize,
    agreed: usize,
    not_captured: usize,
    optional: usize,
    reasons: &'a [String],
}

#[derive(Serialize)]
struct WireGiven<'a> {
    layer: &'static str,
    name: &'a str,
}

#[derive(Serialize)]
struct WireStep<'a> {
    id: String,
    leaf: Option<String>,
    subleaf: Option<String>,
    msr: Option<String>,
    block: Option<String>,
    register: Option<&'static str>,
    bits: Option<String>,
    name: Option<&'a str>,
    names: Names,
    host: Option<String>,
    kvm: Option<String>,
    baseline: Option<String>,
    guest: Option<String>,
    layer: Option<&'static str>,
    change: Option<&'static str>,
    fits: &'static str,
    says: String,
    cause: Option<&'a str>,
    remedy: Option<&'a str>,
}

fn step(step: &Step) -> WireStep<'_> {
    let at = WirePlace::of(Some(step.place));
    let says = |layer| match step.at(layer)? {
        Says::Unknown => None,
        Says::Mixed => Some("some".to_string()),
        Says::NotAsked => Some("no".to_string()),
        says => Some(says.word(step.is_one_bit())),
    };
    WireStep {
        id: step.place.id().to_string(),
        leaf: at.leaf,
        subleaf: at.subleaf,
        msr: at.msr,
        block: at.block,
        register: at.register,
        bits: at.bits,
        name: step.name.as_deref(),
        names: step.names,
        host: says(Layer::Host),
        kvm: says(Layer::Kvm),
        baseline: says(Layer::Baseline),
        guest: says(Layer::Guest),
        layer: step.change.map(|(layer, _)| layer.word()),
        change: step.change.map(|(_, happened)| happened.word()),
        fits: step.fit.word(),
        says: step.sentence(),
        cause: step.cause.as_deref(),
        remedy: step.remedy.as_deref(),
    }
}

/// The keys of a place.
struct WirePlace {
    leaf: Option<String>,
    subleaf: Option<String>,
    msr: Option<String>,
    block: Option<String>,
    register: Option<&'static str>,
    bits: Option<String>,
}

impl WirePlace {
    fn of(place: Option<Place>) -> Self {
        let leaf = place.and_then(Place::leaf);
        Self {
            leaf: leaf.map(|id| hex(id.leaf)),
            subleaf: leaf.and_then(|id| id.subleaf).map(hex),
            msr: place.and_then(Place::msr_index).map(hex),
            block: place.and_then(Place::signature).map(|s| s.to_string()),
            register: place.and_then(Place::register).map(|r| r.name()),
            bits: place.and_then(Place::bits).map(|b| b.to_string()),
        }
    }
}

/// An explanation as indented JSON, with a line end.
///
/// # Errors
/// No known case.
pub fn explanation(explanation: &Explanation) -> serde_json::Result<String> {
    let answers = explanation.answers.iter().map(|answer| WireAnswer {
        term: &answer.term,
        entries: answer.entries.iter().map(entry).collect(),
        decoded: answer
            .decoded
            .iter()
            .map(|d| WireDecoded { place: d.leaf.to_string(), name: d.name, value: &d.value, vcpus: &d.vcpus })
            .collect(),
        said: answer.said.iter().map(|(what, words)| WireSaid { what, words }).collect(),
    });
    let unknown = explanation.unknown.iter().map(|u| WireUnknown { term: &u.term, near: &u.near });
    let wire = WireExplanation { schema: EXPLAIN, answers: answers.collect(), unknown: unknown.collect() };
    Ok(serde_json::to_string_pretty(&wire)? + "\n")
}

#[derive(Serialize)]
struct WireExplanation<'a> {
    schema: &'static str,
    answers: Vec<WireAnswer<'a>>,
    unknown: Vec<WireUnknown<'a>>,
}

#[derive(Serialize)]
struct WireUnknown<'a> {
    term: &'a str,
    near: &'a [&'static str],
}

#[derive(Serialize)]
struct WireAnswer<'a> {
    term: &'a str,
    entries: Vec<WireEntry<'a>>,
    decoded: Vec<WireDecoded<'a>>,
    said: Vec<WireSaid<'a>>,
}

#[derive(Serialize)]
struct WireSaid<'a> {
    what: &'static str,
    words: &'a str,
}

#[derive(Serialize)]
struct WireDecoded<'a> {
    place: String,
    name: &'static str,
    value: &'a str,
    vcpus: &'a [u32],
}

#[derive(Serialize)]
struct WireEntry<'a> {
    place: String,
    notation: Option<String>,
    owner: &'static str,
    name: Option<&'static str>,
    names: Names,
    migratable: Option<&'static str>,
    rule: &'static str,
    lost: Severity,
    gained: Severity,
    gates: Vec<String>,
    meaning: &'a str,
    consequence: &'a str,
    cause: &'a str,
    layers: &'a [&'static str],
    remedy: &'a str,
    specific: bool,
    source: &'a str,
    values: Vec<WireValue<'a>>,
}

#[derive(Serialize)]
struct WireValue<'a> {
    raw: String,
    decoded: Option<&'a str>,
    vcpus: &'a [u32],
}

fn entry(e: &crate::explain::Entry) -> WireEntry<'_> {
    let raw = |value: &finding::Value| value.text().unwrap_or_else(|| NOT_CAPTURED.to_string());
    WireEntry {
        place: e.place.to_string(),
        notation: e.place.leaf().map(|_| e.place.prose().to_string()),
        owner: e.place.owner().word(),
        name: e.row.name,
        names: e.row.names,
        migratable: e.row.migratable.map(|m| m.word()),
        rule: e.row.rule.word(),
        lost: e.row.lost,
        gained: e.row.gained,
        gates: e.row.gates.iter().map(Place::to_string).collect(),
        meaning: &e.meaning,
        consequence: &e.consequence,
        cause: &e.cause,
        layers: &e.layers,
        remedy: &e.remedy,
        specific: e.specific,
        source: &e.source,
        values: e
            .values
            .iter()
            .map(|v| WireValue { raw: raw(&v.value), decoded: v.decoded.as_deref(), vcpus: &v.vcpus })
            .collect(),
    }
}
