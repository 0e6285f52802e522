//! A finding: one knowledge row that differs, or one promise looked at, as data. Renderers and [`crate::wire`] print it.

use std::borrow::Cow;
use std::fmt;

use cpuid_probe::libvirt::cpu::Policy;
use cpuid_probe::place::{Number, Place};

use crate::knowledge::{Names, Severity};
use crate::knowledge::{Row, RuleKind};

/// A sentence, either a row's own or composed.
pub type Text = Cow<'static, str>;

/// The subject of a finding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A place.
    Place(Place),
    /// A feature that a definition lists under a name that nobody knows.
    Listed(String),
    /// What definitions ask for that is in no register set: `machine`, `topology`, one of QEMU's properties.
    Asked(String),
}

impl Subject {
    /// The place; `None` for what is in none.
    #[must_use]
    pub const fn place(&self) -> Option<Place> {
        match self {
            Self::Place(place) => Some(*place),
            Self::Listed(_) | Self::Asked(_) => None,
        }
    }

    /// Whether it is in a register, an MSR or a register set.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.place().is_some_and(Place::is_read)
    }

    /// The finding's id: `0x00000001:edx:21`, `msr:0x0000010a:0`, `vcpu-count`, `block:KVMKVMKVM`, `feature:NAME`,
    /// `asks:NAME`.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Place(place) => place.id().to_string(),
            Self::Listed(name) => format!("feature:{name}"),
            Self::Asked(name) => format!("asks:{name}"),
        }
    }
}

/// The form of tables.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Place(place) => place.fmt(f),
            Self::Listed(name) => write!(f, "feature:{name}"),
            Self::Asked(name) => f.write_str(name),
        }
    }
}

impl From<Place> for Subject {
    fn from(place: Place) -> Self {
        Self::Place(place)
    }
}

impl From<Number> for Subject {
    fn from(number: Number) -> Self {
        Self::Place(Place::Number(number))
    }
}

/// What judged a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A row's rule.
    Row(RuleKind),
    /// A register set that its own dump says cannot be there.
    OverEnumerated,
    /// The end of a list of subleaves, in one dump alone.
    Terminator,
    /// What every vCPU of a guest should show alike.
    SameOnEveryVcpu,
    /// A definition's policy for a feature.
    Promised(Policy),
    /// A definition's width of physical addresses.
    PhysicalAddresses,
    /// A definition's vendor.
    Vendor,
    /// Bits that a template gives.
    Template,
    /// A feature beyond what was promised.
    Extra,
    /// A feature that QEMU's log announced as missing, and that nobody promised.
    Announced,
    /// A listed name that nobody knows.
    UnknownFeature,
}

impl Rule {
    /// The word in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Row(kind) => kind.word(),
            Self::OverEnumerated => "over-enumerated",
            Self::Terminator => "terminator",
            Self::SameOnEveryVcpu => "same-on-every-vcpu",
            Self::Promised(policy) => policy.word(),
            Self::PhysicalAddresses => "maxphysaddr",
            Self::Vendor => "vendor",
            Self::Template => "template",
            Self::Extra => "extra",
            Self::Announced => "announced",
            Self::UnknownFeature => "unknown-feature",
        }
    }
}

/// What happens to a place when a guest moves in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Set (or larger) before, clear (or smaller) after.
    Lost,
    /// Clear (or smaller) before, set (or larger) after.
    Gained,
    /// Another value, neither more nor less.
    Changed,
    /// No difference.
    Same,
}

impl Change {
    /// The word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Gained => "gained",
            Self::Changed => "changed",
            Self::Same => "same",
        }
    }
}

/// What a difference means in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What happens to the place.
    pub change: Change,
    /// How bad that is.
    pub severity: Severity,
}

/// The value of a place in an input.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// The value is not known: nobody read it, or the input has none.
    #[default]
    Unknown,
    /// The place does not exist.
    Absent,
    /// The dump holds a register set there that it says cannot exist.
    OverEnumerated,
    /// One bit.
    Bit(bool),
    /// Several bits, shifted down.
    Number(u64),
    /// A count.
    Count(usize),
    /// The first leaf of a block.
    Base(u32),
    /// A text, as the vendor's.
    Text(String),
}

impl Value {
    /// A row's value; `None` where the place is absent.
    #[must_use]
    pub const fn of(value: Option<u64>, one_bit: bool) -> Self {
        match value {
            None => Self::Absent,
            Some(value) if one_bit => Self::Bit(value == 1),
            Some(value) => Self::Number(value),
        }
    }

    /// As reports write it; `None` where it is unknown.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        Some(match self {
            Self::Unknown => return None,
            Self::Absent => "absent".to_string(),
            Self::OverEnumerated => "over-enumerated".to_string(),
            Self::Bit(set) => u8::from(*set).to_string(),
            Self::Number(n) => format!("{n:#x}"),
            Self::Count(n) => n.to_string(),
            Self::Base(leaf) => format!("{leaf:#010x}"),
            Self::Text(text) => text.clone(),
        })
    }

    /// Whether there is a value.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        !matches!(self, Self::Unknown)
    }
}

/// The values of a place.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Values {
    /// In the first input (in `check`: in the input).
    pub a: Value,
    /// In the second input.
    pub b: Value,
    /// In the baseline.
    pub expected: Value,
}

/// Values with units.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded {
    /// Both values in words, where the row has a unit.
    pub words: [Option<String>; 2],
    /// Both frequencies in kHz, where the row is one; `None` where the place is absent.
    pub khz: Option<[Option<u64>; 2]>,
    /// How far two frequencies are apart, in parts per million; infinite where one is zero.
    pub ppm: Option<f64>,
}

/// A waiver as it was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waived {
    /// The severity without the waiver.
    pub severity: Severity,
    /// The site's reason.
    pub reason: String,
    /// The last day it holds, `YYYY-MM-DD`.
    pub expires: Option<String>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// Index of the input it is about, where it is about one.
    pub input: Option<usize>,
    /// libvirt's, QEMU's or Linux's name, else the field's; `None` for an unknown bit.
    pub name: Option<Text>,
    /// Its names.
    pub names: Names,
    /// What judged it.
    pub rule: Rule,
    /// Worst over the directions asked for.
    pub severity: Severity,
    /// From the first input to the second; `None` where that direction was not asked for, or where direction does not
    /// matter.
    pub a_to_b: Option<Judged>,
    /// From the second input to the first.
    pub b_to_a: Option<Judged>,
    /// The waiver that covers it.
    pub waived: Option<Waived>,
    /// The values.
    pub values: Values,
    /// The values with units.
    pub decoded: Decoded,
    /// The vCPUs it was seen on.
    pub vcpus: Vec<u32>,
    /// What the place promises to software.
    pub meaning: Option<Text>,
    /// What losing it, or another value, does to a running guest.
    pub consequence: Option<Text>,
    /// Why it can differ.
    pub cause: Option<Text>,
    /// What to change.
    pub remedy: Option<Text>,
    /// Log lines that support it.
    pub evidence: Vec<String>,
    /// Where rule and meaning come from.
    pub source: Option<Text>,
    /// The inputs whose promise it shows broken.
    pub breaks: Vec<usize>,
    /// The causes of the report that could explain it, as indices: one that does, several of which nobody knows which, or
    /// none.
    pub causes: Vec<usize>,
}

impl Finding {
    /// A finding with nothing but its subject and the rule that judged it.
    #[must_use]
    pub fn new(subject: impl Into<Subject>, rule: Rule) -> Self {
        Self {
            subject: subject.into(),
            input: None,
            name: None,
            names: Names::default(),
            rule,
            severity: Severity::Expected,
            a_to_b: None,
            b_to_a: None,
            waived: None,
            values: Values::default(),
            decoded: Decoded::default(),
            vcpus: Vec::new(),
            meaning: None,
            consequence: None,
            cause: None,
            remedy: None,
            evidence: Vec::new(),
            source: None,
            breaks: Vec::new(),
            causes: Vec::new(),
        }
    }

    /// A finding with what its row says.
    #[must_use]
    pub fn of_row(place: Place, row: &Row) -> Self {
        Self {
            name: row.name.map(Text::from),
            names: row.names,
            meaning: row.meaning.map(Text::from),
            cause: row.cause.or(row.reason).map(Text::from),
            source: row.source.map(Text::from),
            ..Self::new(place, Rule::Row(row.rule))
        }
    }

    /// The same, judged in both directions.
    #[must_use]
    pub fn judged(self, a_to_b: Option<Judged>, b_to_a: Option<Judged>) -> Self {
        let severity = a_to_b.into_iter().chain(b_to_a).map(|j| j.severity).min().unwrap_or(Severity::Expected);
        Self { severity, a_to_b, b_to_a, ..self }
    }

    /// Its id in JSON and policies.
    #[must_use]
    pub fn id(&self) -> String {
        self.subject.id()
    }

    /// Its name in sentences: its own, else its subject's.
    #[must_use]
    pub fn called(&self) -> String {
        self.name.as_deref().map_or_else(|| self.subject.to_string(), str::to_string)
    }

    /// Its place.
    #[must_use]
    pub const fn place(&self) -> Option<Place> {
        self.subject.place()
    }

    /// The one cause that explains it, as an index.
    #[must_use]
    pub fn cause_group(&self) -> Option<usize> {
        match self.causes.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    /// Whether it is about one bit.
    #[must_use]
    pub fn is_one_bit(&self) -> bool {
        self.place().and_then(Place::bits).is_some_and(|bits| bits.is_one())
    }

    /// How bad it is from the first input to the second.
    #[must_use]
    pub fn severity_a_to_b(&self) -> Option<Severity> {
        self.a_to_b.map(|j| j.severity)
    }

    /// How bad it is from the second input to the first.
    #[must_use]
    pub fn severity_b_to_a(&self) -> Option<Severity> {
        self.b_to_a.map(|j| j.severity)
    }

    /// Whether it is about a pair, and more than expected: what has a cause, and what a definition could settle.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.input.is_none() && self.severity != Severity::Expected && self.a_to_b.or(self.b_to_a).is_some()
    }

    /// Whether reports list it without `--all`.
    #[must_use]
    pub const fn is_loud(&self) -> bool {
        !matches!(self.severity, Severity::Info | Severity::Expected)
    }
}

/// Sorts findings by place; findings without a place come last.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|x, y| (&x.subject, x.input).cmp(&(&y.subject, y.input)));
}
