//! The report: everything a comparison or check has to say, and the only thing renderers see.
//!
//! [`crate::wire`] writes it as the JSON contract `cpuid-report/1`.

use cpuid_probe::dump::Dump;

use crate::cause::Cause;
use crate::finding::Finding;
use crate::fix::Fix;
use crate::view::Role;
use crate::view::join::NotCaptured;

/// The answer to "may it migrate?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Nothing that matters was found, and too little is known for a verdict: not everything was captured, or an input is
    /// no guest's CPU.
    Undecided,
}

impl Overall {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Identical => "identical",
            Self::Compatible => "compatible",
            Self::Review => "review",
            Self::OneWay => "one-way",
            Self::Incompatible => "incompatible",
            Self::Undecided => "undecided",
        }
    }
}

/// The verdict of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Nothing above `info`.
    Safe,
    /// Nothing above `info` in what is known, which is not all.
    Unknown,
    /// A warning, nothing unsafe.
    Review,
    /// Something unsafe.
    Unsafe,
}

impl Direction {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unknown => "unknown",
            Self::Review => "review",
            Self::Unsafe => "unsafe",
        }
    }
}

/// How much of the inputs could be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Every captured vCPU of every input is complete.
    Full,
    /// Something that exists was not captured.
    Partial,
}

impl Coverage {
    /// The coverage of inputs that are all `complete`, or not.
    #[must_use]
    pub const fn of(complete: bool) -> Self {
        if complete { Self::Full } else { Self::Partial }
    }

    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
        }
    }
}

/// Whether a baseline's promises were kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaselineResult {
    /// Every promise was kept.
    Met,
    /// At least one promise was broken.
    NotMet,
    /// No promise was seen broken, but not every promise could be verified.
    Unverified,
}

impl BaselineResult {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not-met",
            Self::Unverified => "unverified",
        }
    }
}

/// One input's result against the baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineVerdict {
    /// Index into `inputs`.
    pub input: usize,
    /// The result.
    pub result: BaselineResult,
    /// Why it is `unverified`.
    pub reason: Option<String>,
    /// Only places that were not captured prevent `met`; `--partial` accepts that.
    pub only_unread: bool,
}

/// Who refuses a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// QEMU.
    Qemu,
    /// libvirt.
    Libvirt,
}

impl By {
    /// Its name in sentences.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Qemu => "QEMU",
            Self::Libvirt => "libvirt",
        }
    }

    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Qemu => "qemu",
            Self::Libvirt => "libvirt",
        }
    }
}

/// One of the two directions of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the first input to the second.
    AToB,
    /// From the second input to the first.
    BToA,
}

impl Way {
    /// The word in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AToB => "a_to_b",
            Self::BToA => "b_to_a",
        }
    }
}

/// A migration that would be refused, whatever the registers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// By whom.
    pub by: By,
    /// In which direction.
    pub way: Way,
    /// Why.
    pub reason: String,
    /// It is the machine types that differ: one definition for both settles it.
    pub of_machine: bool,
}

/// The verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The whole; `None` for `check`.
    pub overall: Option<Overall>,
    /// From the first input to the second; `None` where not asked for.
    pub a_to_b: Option<Direction>,
    /// From the second input to the first; `None` where not asked for.
    pub b_to_a: Option<Direction>,
    /// What would be refused, of the directions asked for.
    pub refused: Vec<Refused>,
    /// An input is the hardware's, or the two play different roles: no more capturing would decide.
    pub unlike: bool,
    /// How much was compared.
    pub coverage: Coverage,
    /// Feature MSRs were compared too.
    pub msrs: bool,
    /// One result for each input, where a baseline was given.
    pub baseline: Vec<BaselineVerdict>,
}

/// One input, as far as its provenance says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The file's name, as given.
    pub name: String,
    /// The capture's label.
    pub label: Option<String>,
    /// native, kvm, boot or import.
    pub source: cpuid_probe::dump::Source,
    /// The part it plays.
    pub role: Role,
    /// kvm or tcg, where known.
    pub accel: Option<String>,
    /// The vendor text of leaf 0.
    pub vendor: Option<String>,
    /// The `-cpu` argument, where known, else the brand text.
    pub cpu: Option<String>,
    /// QEMU's version, of a throw-away guest.
    pub qemu: Option<String>,
    /// The machine type, of a throw-away guest.
    pub machine: Option<String>,
    /// The `-smp` argument, of a throw-away guest.
    pub smp: Option<String>,
    /// The kernel of the system that the dump was made on.
    pub kernel: Option<String>,
    /// The microcode revision which that system shows.
    pub microcode: Option<String>,
    /// Signatures of the hypervisor blocks.
    pub hypervisor: Vec<String>,
    /// How many vCPUs the dump holds.
    pub vcpus: usize,
    /// How many were online, where known.
    pub vcpus_online: Option<u32>,
    /// Whether every captured vCPU is complete.
    pub complete: bool,
}

/// Findings by severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Summary {
    pub unsafe_: usize,
    pub warning: usize,
    pub info: usize,
    pub expected: usize,
    pub waived: usize,
}

/// The report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The inputs, in the order given.
    pub inputs: Vec<Input>,
    /// The verdict.
    pub verdict: Verdict,
    /// Sentences that never change the exit code.
    pub notes: Vec<String>,
    /// All findings, by place.
    pub findings: Vec<Finding>,
    /// What explains findings.
    pub causes: Vec<Cause>,
    /// What would make the inputs alike; `None` for `check`.
    pub fix: Option<Fix>,
    /// What could not be compared.
    pub not_captured: Vec<NotCaptured>,
    /// How many register sets were compared.
    pub compared: usize,
    /// Counts.
    pub summary: Summary,
    /// The inputs themselves, for renderers that show registers.
    pub dumps: Vec<Dump>,
}

impl Report {
    /// What the verdict holds against a pair that its one fix does not settle, in sentences.
    #[must_use]
    pub fn unsettled(&self) -> Vec<String> {
        let verdict = &self.verdict;
        let one_machine = self.fix.as_ref().is_some_and(|fix| fix.machine.is_some() && fix.base.is_some());
        let refused = verdict.refused.iter().filter(|refused| !(one_machine && refused.of_machine));
        let mut said: Vec<String> = refused
            .map(|refused| format!("not settled: {} refuses the pair: {}", refused.by.name(), refused.reason))
            .collect();
        // The same both ways.
        said.dedup();
        if verdict.unlike {
            said.push("not settled: the inputs play different roles, or one is bare hardware".to_string());
        }
        if verdict.coverage == Coverage::Partial {
            said.push("not settled: what was not captured is not known to be alike".to_string());
        }
        if verdict.baseline.iter().any(|input| input.result != BaselineResult::Met) {
            said.push("not settled: the baseline is not met by both".to_string());
        }
        said
    }
}
