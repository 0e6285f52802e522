//! The report: everything a comparison or check has to say, and the only thing renderers see.
//!
//! Serialized, it is the JSON contract `cpuid-report/1`: all keys always there, null where they do not apply.

use cpuid_probe::dump::Dump;
use serde::Serialize;

pub use crate::knowledge::advice::CONSEQUENCE;
pub use crate::knowledge::{Names, Severity};

/// The value of `schema`.
pub const SCHEMA: &str = "cpuid-report/1";

/// What happens to a place when a guest moves in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Set (or larger) before, clear (or smaller) after.
    Lost,
    /// Clear (or smaller) before, set (or larger) after.
    Gained,
    /// Neither more nor less: another value.
    Changed,
    /// No difference.
    Same,
}

/// The answer to "may it migrate?".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overall {
    /// Nothing differs but what is expected to.
    Identical,
    /// Both directions are safe.
    Compatible,
    /// A person must look first.
    Review,
    /// Exactly one direction is unsafe.
    OneWay,
    /// Both directions are unsafe.
    Incompatible,
}

/// The verdict of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Nothing above `info`.
    Safe,
    /// A warning, nothing unsafe.
    Review,
    /// Something unsafe.
    Unsafe,
}

/// How much of the inputs could be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CoverageWord {
    /// Every captured vCPU of every input is complete.
    Full,
    /// Something that exists was not captured.
    Partial,
}

/// Whether a baseline's promises were kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaselineResult {
    /// Every promise was kept.
    Met,
    /// One was broken.
    NotMet,
    /// None was seen broken, and not every one could be verified.
    Unverified,
}

/// One input's result against the baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BaselineVerdict {
    /// Index into `inputs`.
    pub input: usize,
    /// The result.
    pub result: BaselineResult,
    /// Why it is `unverified`; null otherwise.
    pub reason: Option<String>,
    /// The ids of the findings that break a promise. Not part of the JSON.
    #[serde(skip)]
    pub broken: Vec<String>,
    /// What could not be verified, even where a promise was seen broken. Not part of the JSON.
    #[serde(skip)]
    pub doubts: Option<String>,
    /// Nothing but what was not captured stands in the way, which `--partial` accepts. Not part of the JSON.
    #[serde(skip)]
    pub only_unread: bool,
}

impl BaselineVerdict {
    /// The result for input number `input`, of which these findings are about promises. `unread` says what of the
    /// baseline the input does not hold, `doubts` what else keeps it from being met.
    #[must_use]
    pub fn new(input: usize, findings: &[Finding], doubts: &[String], unread: Option<String>) -> Self {
        // A feature that was to be off is a warning, and a broken promise all the same; other warnings are about what
        // nobody promised.
        let off = |f: &Finding| matches!(f.rule.as_str(), "disable" | "template");
        let breaks = |f: &&Finding| f.severity == Severity::Unsafe || f.severity == Severity::Warning && off(f);
        let broken: Vec<String> = findings.iter().filter(breaks).map(|f| f.id.clone()).collect();
        let only_unread = doubts.is_empty();
        let reasons: Vec<&str> = doubts.iter().map(String::as_str).chain(unread.as_deref()).collect();
        let doubts = (!reasons.is_empty()).then(|| reasons.join("; "));
        let mut verdict = Self { input, result: BaselineResult::Met, reason: None, broken, doubts, only_unread };
        verdict.judge(|_| true);
        verdict
    }

    /// The result, if of the broken promises only those count whose findings (by id) `counts` says.
    pub fn judge(&mut self, counts: impl Fn(&str) -> bool) {
        (self.result, self.reason) = match &self.doubts {
            _ if self.broken.iter().any(|id| counts(id)) => (BaselineResult::NotMet, None),
            None => (BaselineResult::Met, None),
            Some(doubts) => (BaselineResult::Unverified, Some(doubts.clone())),
        };
    }
}

/// The verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The whole; null for `check`.
    pub overall: Option<Overall>,
    /// From the first input to the second; null where not asked for.
    pub a_to_b: Option<Direction>,
    /// From the second input to the first; null where not asked for.
    pub b_to_a: Option<Direction>,
    /// How much was compared.
    pub coverage: CoverageWord,
    /// `cpuid+msr` where feature MSRs were compared, else `cpuid`.
    pub scope: String,
    /// One result an input, where a baseline was given.
    pub baseline: Vec<BaselineVerdict>,
}

/// One input, as far as its provenance tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Input {
    /// The file's name, as given.
    pub name: String,
    /// The capture's label.
    pub label: Option<String>,
    /// native, kvm, boot or import.
    pub source: String,
    /// kvm or tcg, where known.
    pub accel: Option<String>,
    /// The vendor text of leaf 0.
    pub vendor: Option<String>,
    /// The `-cpu` argument, where known, else the brand text.
    pub cpu: Option<String>,
    /// Signatures of the hypervisor blocks.
    pub hypervisor: Vec<String>,
    /// How many vCPUs the dump holds.
    pub vcpus: usize,
    /// How many were online, where known.
    pub vcpus_online: Option<u32>,
    /// Whether every captured vCPU is complete.
    pub complete: bool,
}

/// The values of a place: `0`/`1` for one bit, `0x…` shifted down for a field, `absent`; null where not captured.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Values {
    /// In the first input (in `check`: in the input).
    pub a: Option<String>,
    /// In the second input.
    pub b: Option<String>,
    /// In the baseline.
    pub expected: Option<String>,
}

/// A waiver as it was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waived {
    /// The severity without the waiver.
    pub severity: Severity,
    /// The site's reason.
    pub reason: String,
    /// The last day it holds, `YYYY-MM-DD`.
    pub expires: Option<String>,
}

/// One finding: one knowledge row that differs, or one promise looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// `0x00000001:edx:21`, `0x00000007.0x00000000:ebx:5`, `msr:0x0000010a:0`, `vcpu-count`, `block:KVMKVMKVM`.
    pub id: String,
    /// Index of the input it is about, where it is about one.
    pub input: Option<usize>,
    /// `0x` and 8 digits.
    pub leaf: Option<String>,
    /// `0x` and 8 digits; null where the leaf has none.
    pub subleaf: Option<String>,
    /// `0x` and 8 digits.
    pub msr: Option<String>,
    /// The signature of the hypervisor block it lies in.
    pub block: Option<String>,
    /// eax, ebx, ecx or edx.
    pub register: Option<String>,
    /// `21` or `31:24`.
    pub bits: Option<String>,
    /// libvirt's, QEMU's or Linux's name, else the field's; null for an unknown bit.
    pub name: Option<String>,
    /// Its names.
    pub names: Names,
    /// The rule that judged it.
    pub rule: String,
    /// Worst over the directions asked for.
    pub severity: Severity,
    /// From the first input to the second.
    pub severity_a_to_b: Option<Severity>,
    /// From the second input to the first.
    pub severity_b_to_a: Option<Severity>,
    /// The waiver that covers it.
    pub waived: Option<Waived>,
    /// What happens from the first input to the second.
    pub a_to_b: Option<Change>,
    /// What happens from the second input to the first.
    pub b_to_a: Option<Change>,
    /// The values.
    pub values: Values,
    /// Values with units, by name.
    pub decoded: serde_json::Map<String, serde_json::Value>,
    /// The vCPUs it was seen on.
    pub vcpus: Vec<u32>,
    /// What the place promises to software.
    pub meaning: Option<String>,
    /// Why it can differ.
    pub cause: Option<String>,
    /// What to change.
    pub remedy: Option<String>,
    /// Lines of logs that bear it out.
    pub evidence: Vec<String>,
    /// Where rule and meaning come from.
    pub source: Option<String>,
}

/// A place that could not be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotCaptured {
    /// Index of the input that does not hold it.
    pub input: usize,
    /// The vCPU of that input.
    pub vcpu: u32,
    /// `0x` and 8 digits; null for an MSR.
    pub leaf: Option<String>,
    /// `0x` and 8 digits; null where the leaf has none.
    pub subleaf: Option<String>,
    /// `0x` and 8 digits; null for a leaf.
    pub msr: Option<String>,
    /// Why: `missing`, `cap`, `unreachable` or `fault`.
    pub reason: String,
}

/// Findings by severity, zeros included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct Summary {
    #[serde(rename = "unsafe")]
    pub unsafe_: usize,
    pub warning: usize,
    pub info: usize,
    pub expected: usize,
    pub waived: usize,
}

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The inputs, in the order given.
    pub inputs: Vec<Input>,
    /// The verdict.
    pub verdict: Verdict,
    /// Sentences that never change the exit code.
    pub notes: Vec<String>,
    /// All findings, by place.
    pub findings: Vec<Finding>,
    /// What could not be compared.
    pub not_captured: Vec<NotCaptured>,
    /// How many register sets were compared.
    pub compared: usize,
    /// Counts.
    pub summary: Summary,
    /// The inputs themselves, for renderers that show registers. Not part of the JSON.
    #[serde(skip)]
    pub dumps: Vec<Dump>,
}
