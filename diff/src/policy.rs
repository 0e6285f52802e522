//! Site policy: what a site has reviewed and accepted, as waivers in TOML.
//!
//! ```toml
//! [[waiver]]
//! leaf = 0x40000010            # or: feature = "ds", or: msr = 0x10a
//! register = "eax"             # optional, as are subleaf and bits (21 or "31:24")
//! inputs = ["node1", "node2"]  # optional: labels or file names
//! reason = "cold boots only; the pool pins no TSC frequency yet"
//! expires = "2027-03-31"       # optional; the last day it counts
//!
//! [[waiver]]
//! feature = "ds"
//! accept = "unsafe"            # else a waiver covers nothing worse than a warning
//! reason = "no guest here profiles"
//! ```
//! A waiver never hides a finding: it is shown as waived, with its reason. A waiver that covers nothing or has expired
//! is reported. An unsafe finding is covered only by a waiver that names its feature, or exactly its bits, and accepts
//! it.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cpuid_probe::Register;
use cpuid_probe::place::{BitRange, Query};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;
use toml::value::{Date, Datetime};

use crate::finding::{Finding, Judged, Waived};
use crate::knowledge::Severity;
use crate::read::ReadError;
use crate::report::Input;

/// A calendar day, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// Reads `YYYY-MM-DD`; days that no calendar has are refused.
    ///
    /// # Errors
    /// What was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a date, expected YYYY-MM-DD");
        match text.parse::<Datetime>() {
            Ok(Datetime { date: Some(date), time: None, offset: None }) => Ok(Self(date)),
            _ => Err(wrong()),
        }
    }
}

impl Day {
    /// The day in UTC at a moment.
    #[must_use]
    pub fn of(moment: SystemTime) -> Self {
        let last = 253_402_300_799; // 9999-12-31, the last that can be written
        let seconds = moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().min(last);
        let text = humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_secs(seconds)).to_string();
        let day = text.get(..10).and_then(|day| Self::parse(day).ok());
        // Past every expiry.
        day.unwrap_or(Self(Date { year: 9999, month: 12, day: 31 }))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A site's policy.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// What the user calls it: the file's name.
    pub name: String,
    waivers: Vec<Waiver>,
}

/// One reviewed exception.
#[derive(Clone, Debug)]
struct Waiver {
    line: usize,
    target: Target,
    accepts_unsafe: bool,
    inputs: Vec<String>,
    reason: String,
    expires: Option<Day>,
}

/// What a waiver names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Features(Vec<String>),
    /// A leaf, register or MSR, and its bits; all bits where the waiver names none.
    Place(Query, Vec<BitRange>),
}

/// `feature ds, dtes64`, `0x40000010 EAX[31:0]`, `msr 0x0000010a[3]`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (query, bits) = match self {
            Self::Features(names) => return write!(f, "feature {}", names.join(", ")),
            Self::Place(query, bits) => (query, bits),
        };
        match query {
            Query::Cpuid { leaf, subleaf, register, .. } => {
                write!(f, "{leaf:#010x}")?;
                if let Some(subleaf) = subleaf {
                    write!(f, ".{subleaf}")?;
                }
                if let Some(register) = register {
                    write!(f, " {register}")?;
                }
            }
            Query::Msr { index, .. } => write!(f, "msr {index:#010x}")?,
        }
        let bits: Vec<String> = bits.iter().map(BitRange::to_string).collect();
        if bits.is_empty() { Ok(()) } else { write!(f, "[{}]", bits.join(", ")) }
    }
}

/// How well a waiver fits a finding.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// Another place.
    None,
    /// The place lies in what the waiver names.
    Wide,
    /// The waiver names this feature, or exactly these bits.
    Exact,
}

impl Target {
    fn fit(&self, f: &Finding) -> Fit {
        let (query, wanted) = match self {
            Self::Features(names) => {
                return names.iter().map(|name| named(f, name)).max_by_key(|fit| *fit as u8).unwrap_or(Fit::None);
            }
            Self::Place(query, wanted) => (query, wanted),
        };
        let Some(place) = f.place().filter(|place| query.holds(*place)) else { return Fit::None };
        let exact_register = match query {
            Query::Cpuid { subleaf, register, .. } => {
                register.is_some() && (subleaf.is_some() || place.leaf().is_none_or(|id| id.subleaf.is_none()))
            }
            Query::Msr { .. } => true,
        };
        match place.bits() {
            _ if wanted.is_empty() => Fit::Wide,
            Some(bits) if wanted.contains(&bits) && exact_register => Fit::Exact,
            Some(bits) if wanted.iter().any(|w| w.holds(bits)) => Fit::Wide,
            _ => Fit::None,
        }
    }
}

/// Matches a feature by any of its names, and a finding without a register by its own. Names of fields are not unique,
/// so the name of a field alone is not exact.
fn named(f: &Finding, name: &str) -> Fit {
    let is = |known: Option<&str>| known.is_some_and(|known| folded(known) == folded(name));
    let names = f.names;
    if is(names.libvirt)
        || is(names.qemu)
        || is(names.linux)
        || (placeless(f) && (is(f.name.as_deref()) || f.id() == name))
    {
        Fit::Exact
    } else if is(f.name.as_deref()) {
        Fit::Wide
    } else {
        Fit::None
    }
}

/// A name as it is compared.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

fn placeless(f: &Finding) -> bool {
    !f.subject.is_read()
}

impl Waiver {
    fn is_expired(&self, as_of: Day) -> bool {
        self.expires.is_some_and(|last| as_of > last)
    }

    fn covers(&self, f: &Finding) -> Cover {
        match (self.target.fit(f), f.severity) {
            (Fit::None, _) | (_, Severity::Expected | Severity::Waived) => Cover::No,
            (Fit::Exact, Severity::Unsafe) if self.accepts_unsafe => Cover::Yes,
            (_, Severity::Unsafe) => Cover::TooBad,
            _ => Cover::Yes,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Cover {
    No,
    Yes,
    /// The waiver fits, but the finding is unsafe and the waiver does not accept that.
    TooBad,
}

/// Whether a waiver for inputs of these names is meant for a finding about these inputs. One name: wherever that input
/// takes part. Several: among those inputs alone.
fn is_for(names: &[String], about: &[Input]) -> bool {
    let listed = |input: &Input| names.iter().any(|name| is_called(input, name));
    match names.len() {
        0 => true,
        1 => about.iter().any(listed),
        _ => about.iter().all(listed),
    }
}

/// An input by its label, its file's name as given, or the last part of that.
fn is_called(input: &Input, name: &str) -> bool {
    let last = input.name.rsplit('/').next().unwrap_or_default();
    input.label.as_deref() == Some(name) || input.name == name || last == name
}

/// The keys of a finding: a waiver that fits the finding names one of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Leaf(u32),
    Msr(u32),
    Name(String),
}

/// Findings by key, so that a waiver looks only at findings that it may fit.
struct Index(HashMap<Key, Vec<usize>>);

impl Index {
    fn new(findings: &[Finding]) -> Self {
        let mut index: HashMap<Key, Vec<usize>> = HashMap::new();
        for (at, f) in findings.iter().enumerate() {
            let id = f.id();
            let names = [f.names.libvirt, f.names.qemu, f.names.linux, f.name.as_deref(), Some(id.as_str())];
            let names = names.into_iter().flatten().map(|name| Key::Name(folded(name)));
            let leaf = f.place().and_then(|p| p.leaf()).map(|id| Key::Leaf(id.leaf));
            let msr = f.place().and_then(|p| p.msr_index()).map(Key::Msr);
            for key in names.chain(leaf).chain(msr) {
                index.entry(key).or_default().push(at);
            }
        }
        Self(index)
    }

    /// Every finding that `target` may fit, each once, in their order.
    fn candidates(&self, target: &Target) -> Vec<usize> {
        let keys = match target {
            Target::Features(names) => names.iter().map(|name| Key::Name(folded(name))).collect(),
            Target::Place(Query::Cpuid { leaf, .. }, _) => vec![Key::Leaf(*leaf)],
            Target::Place(Query::Msr { index, .. }, _) => vec![Key::Msr(*index)],
        };
        let mut found: Vec<usize> = keys.iter().filter_map(|key| self.0.get(key)).flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Policy {
    /// Reads a policy. `name` is what to call it.
    ///
    /// # Errors
    /// Text that is not TOML, an unknown key, a value out of range, a waiver without a reason or place; with line and
    /// column.
    pub fn parse(name: &str, text: &str) -> Result<Self, ReadError> {
        let lines = Lines::of(text);
        let file: File = toml::from_str(text).map_err(|e| {
            let (line, column) = lines.position(e.span().map_or(0, |span| span.start));
            ReadError::in_column(line, column, e.message())
        })?;
        let waivers = file.waiver.into_iter().map(|row| {
            let (line, column) = lines.position(row.span().start);
            let wrong = |message: String| ReadError::in_column(line, column, message);
            row.into_inner().waiver(line).map_err(wrong)
        });
        Ok(Self { name: name.to_string(), waivers: waivers.collect::<Result<_, _>>()? })
    }

    /// Marks the findings that the policy covers on the day `as_of`, before a verdict is drawn. Returns notes: the day,
    /// the waivers that cover nothing, that have expired, and that an unsafe finding needs more than.
    #[must_use]
    pub fn waive(&self, findings: &mut [Finding], inputs: &[Input], as_of: Day) -> Vec<String> {
        let mut uses = Uses::default();
        let about = |f: &Finding| f.input.map_or(inputs, |i| inputs.get(i..=i).unwrap_or_default());
        self.apply(findings, as_of, &mut uses, &|names, f| is_for(names, about(f)));
        self.remarks(&uses, as_of)
    }

    /// Marks the findings that the policy covers, and adds to what is known of its waivers' use. `is_meant` says whether a
    /// waiver for inputs of these names, or of none, is meant for a finding.
    pub fn apply(
        &self,
        findings: &mut [Finding],
        as_of: Day,
        uses: &mut Uses,
        is_meant: &dyn Fn(&[String], &Finding) -> bool,
    ) {
        let index = Index::new(findings);
        uses.0.resize_with(self.waivers.len(), Use::default);
        for (waiver, used) in self.waivers.iter().zip(&mut uses.0) {
            for at in index.candidates(&waiver.target) {
                let Some(f) = findings.get_mut(at).filter(|f| is_meant(&waiver.inputs, f)) else { continue };
                if let Target::Features(names) = &waiver.target {
                    used.named.extend((0..).zip(names).filter(|(_, name)| named(f, name) != Fit::None).map(|(i, _)| i));
                }
                match waiver.covers(f) {
                    // A waiver is not unused where an earlier waiver already covers what it names.
                    Cover::No => {
                        used.twin |= f.severity == Severity::Waived && waiver.target.fit(f) != Fit::None;
                    }
                    Cover::TooBad => {
                        let id = f.id();
                        if !used.too_bad.contains(&id) {
                            used.too_bad.push(id);
                        }
                    }
                    Cover::Yes => {
                        used.covered += 1;
                        if !waiver.is_expired(as_of) {
                            waive(f, waiver);
                        }
                    }
                }
            }
        }
    }

    /// What is to be said of the policy: how many of its waivers were used; then those that cover nothing, that have
    /// expired, and that an unsafe finding needs more than.
    #[must_use]
    pub fn remarks(&self, uses: &Uses, as_of: Day) -> Vec<String> {
        let (mut live, mut remarks) = (0, Vec::new());
        let unused = Use::default();
        for (i, waiver) in self.waivers.iter().enumerate() {
            let used = uses.0.get(i).unwrap_or(&unused);
            let name = format!("waiver {}:{} ({})", self.name, waiver.line, waiver.target);
            if let Some(last) = waiver.expires.filter(|_| waiver.is_expired(as_of)) {
                remarks.push(format!(
                    "{name} expired on {last} and no longer counts; it would cover {} finding{}",
                    used.covered,
                    if used.covered == 1 { "" } else { "s" }
                ));
            } else if used.covered > 0 {
                live += 1;
                let names: &[String] = if let Target::Features(names) = &waiver.target { names } else { &[] };
                let idle: Vec<&str> =
                    (0..).zip(names).filter(|(i, _)| !used.named.contains(i)).map(|(_, name)| name.as_str()).collect();
                if !idle.is_empty() {
                    remarks.push(format!("{name}: {} covers nothing here", idle.join(", ")));
                }
            } else if used.too_bad.is_empty() && !used.twin {
                remarks.push(format!("{name} covers nothing here"));
            }
            if !used.too_bad.is_empty() {
                remarks.push(format!(
                    "{name} does not cover what is unsafe ({}): name the feature or exactly its bits, and accept = \"unsafe\"",
                    used.too_bad.join(", ")
                ));
            }
        }
        let head = format!(
            "site policy {}, judged as of {as_of}: {} waiver{}, {live} used",
            self.name,
            self.waivers.len(),
            if self.waivers.len() == 1 { "" } else { "s" }
        );
        remarks.insert(0, head);
        remarks
    }
}

/// What became of the waivers of a policy, over all findings that they were applied to.
#[derive(Clone, Debug, Default)]
pub struct Uses(Vec<Use>);

/// What became of one waiver.
#[derive(Clone, Debug, Default)]
struct Use {
    /// So many findings it covers, or would if it had not expired.
    covered: usize,
    /// Ids of findings that it fits, and that are worse than it accepts.
    too_bad: Vec<String>,
    /// Which of its features some finding is about.
    named: BTreeSet<usize>,
    /// It fits a finding that another waiver covers.
    twin: bool,
}

fn waive(f: &mut Finding, waiver: &Waiver) {
    let severity = f.severity;
    f.waived =
        Some(Waived { severity, reason: waiver.reason.clone(), expires: waiver.expires.map(|day| day.to_string()) });
    f.severity = Severity::Waived;
    for Judged { severity, .. } in [&mut f.a_to_b, &mut f.b_to_a].into_iter().flatten() {
        if *severity != Severity::Expected {
            *severity = Severity::Waived;
        }
    }
}

/// The stanzas that would waive these findings, and nothing else: one for all features, one for each register.
/// Empty for what needs no waiver.
#[must_use]
pub fn stanzas(findings: &[&Finding]) -> String {
    let severity = |f: &Finding| f.waived.as_ref().map_or(f.severity, |w| w.severity);
    let mut out = String::new();
    for unsafe_ in [true, false] {
        let alike = findings
            .iter()
            .filter(|f| severity(f) != Severity::Expected && (severity(f) == Severity::Unsafe) == unsafe_);
        let (features, places): (Vec<&Finding>, Vec<&Finding>) = alike.partition(|f| waiver_name(f).is_some());
        let mut names: Vec<String> = features.into_iter().filter_map(waiver_name).map(|name| quoted(&name)).collect();
        names.dedup();
        if !names.is_empty() {
            stanza(&mut out, &[("feature", list(&names))], unsafe_);
        }
        // One stanza a register, with all its bits.
        for register in places.chunk_by(|x, y| keys(x) == keys(y)) {
            let bits = register.iter().filter_map(|f| f.place()?.bits());
            let bits: Vec<String> = bits.map(|bits| quoted(&bits.to_string())).collect();
            let mut keys = register.first().map(|f| keys(f)).unwrap_or_default();
            keys.extend((!bits.is_empty()).then(|| ("bits", list(&bits))));
            stanza(&mut out, &keys, unsafe_);
        }
    }
    out
}

/// The name by which a waiver covers exactly this finding, where it has one.
fn waiver_name(f: &Finding) -> Option<String> {
    let feature = f.names.libvirt.or(f.names.qemu).or(f.names.linux).map(str::to_string);
    feature.or_else(|| placeless(f).then(|| f.id()))
}

/// The keys that name this finding's register or MSR.
fn keys(f: &Finding) -> Vec<(&'static str, String)> {
    let Some(place) = f.place() else { return Vec::new() };
    let hex = |n: u32| format!("{n:#010x}");
    let keys = [
        ("leaf", place.leaf().map(|id| hex(id.leaf))),
        ("subleaf", place.leaf().and_then(|id| id.subleaf).map(|n| n.to_string())),
        ("register", place.register().map(|r| quoted(r.name()))),
        ("msr", place.msr_index().map(hex)),
    ];
    keys.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

fn stanza(out: &mut String, keys: &[(&str, String)], unsafe_: bool) {
    out.push_str("[[waiver]]\n");
    for (key, value) in keys {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{key} = {value}");
    }
    if unsafe_ {
        out.push_str("accept = \"unsafe\"\n");
    }
    let _ = writeln!(out, "reason = {}", quoted(PLACEHOLDER));
}

/// One name alone, several as a list in lines of moderate length.
fn list(names: &[String]) -> String {
    if let [one] = names {
        return one.clone();
    }
    let (mut out, mut line) = (String::from("["), 11);
    for (i, name) in names.iter().enumerate() {
        if i > 0 {
            out.push_str(if line + name.len() > 66 { ",\n  " } else { ", " });
            line = if line + name.len() > 66 { 2 } else { line + 2 };
        }
        out.push_str(name);
        line += name.len();
    }
    out + "]"
}

/// What a stanza has for its reason before a person has written one.
const PLACEHOLDER: &str = "why this is acceptable here";

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out + "\""
}

/// A text and where its lines begin.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, starts: std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect() }
    }

    /// Line and column (in characters) of a byte offset, both from 1.
    fn position(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        (line, self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1)
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    waiver: Vec<Spanned<Stanza>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stanza {
    #[serde(default, deserialize_with = "names")]
    feature: Vec<String>,
    #[serde(default, deserialize_with = "number")]
    leaf: Option<u32>,
    #[serde(default, deserialize_with = "number")]
    subleaf: Option<u32>,
    #[serde(default, deserialize_with = "register")]
    register: Option<Register>,
    #[serde(default, deserialize_with = "number")]
    msr: Option<u32>,
    #[serde(default, deserialize_with = "bits")]
    bits: Vec<BitRange>,
    #[serde(default, deserialize_with = "names")]
    inputs: Vec<String>,
    #[serde(deserialize_with = "reason")]
    reason: String,
    #[serde(default, deserialize_with = "day")]
    expires: Option<Day>,
    #[serde(default, deserialize_with = "accept")]
    accept: bool,
}

impl Stanza {
    fn waiver(self, line: usize) -> Result<Waiver, String> {
        let Self { feature, leaf, subleaf, register, msr, bits, inputs, reason, expires, accept } = self;
        let place = subleaf.is_some() || register.is_some() || !bits.is_empty();
        let target = match (feature.is_empty(), leaf, msr) {
            (false, None, None) if !place => Target::Features(feature),
            (true, Some(leaf), None) => {
                if !bits.is_empty() && register.is_none() {
                    return Err("`bits` without `register`".to_string());
                }
                if bits.iter().any(|bits| bits.hi > 31) {
                    return Err("`bits` of a register are 0 to 31".to_string());
                }
                Target::Place(Query::Cpuid { leaf, subleaf, register, bits: None }, bits)
            }
            (true, None, Some(index)) if subleaf.is_none() && register.is_none() => {
                Target::Place(Query::Msr { index, bits: None }, bits)
            }
            _ => {
                return Err(
                    "a waiver names either `feature`, or `leaf` (with `subleaf`, `register`, `bits`), or `msr` \
                            (with `bits`)"
                        .to_string(),
                );
            }
        };
        Ok(Waiver { line, target, accepts_unsafe: accept, inputs, reason, expires })
    }
}

/// The one value, if it is what `read` reads.
fn value<'de, D: Deserializer<'de>, T>(
    d: D,
    expected: &str,
    read: fn(&toml::Value) -> Option<T>,
) -> Result<T, D::Error> {
    let value = toml::Value::deserialize(d)?;
    read(&value).ok_or_else(|| D::Error::custom(format!("expected {expected}")))
}

fn names<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let one = |v: &toml::Value| v.as_str().map(str::to_string).filter(|s| !s.trim().is_empty());
    let value = toml::Value::deserialize(d)?;
    let list = match &value {
        toml::Value::Array(items) if !items.is_empty() => items.iter().map(one).collect(),
        other => one(other).map(|name| vec![name]),
    };
    list.ok_or_else(|| D::Error::custom("expected a name, or a list of names"))
}

fn number<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u32>, D::Error> {
    let read = |v: &toml::Value| match v {
        toml::Value::Integer(n) => u32::try_from(*n).ok(),
        toml::Value::String(s) => u32::from_str_radix(s.strip_prefix("0x")?, 16).ok(),
        _ => None,
    };
    value(d, "a number of 32 bits, like 0x40000010", read).map(Some)
}

fn register<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Register>, D::Error> {
    value(d, "eax, ebx, ecx or edx", |v| Register::from_name(v.as_str()?)).map(Some)
}

fn bits<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<BitRange>, D::Error> {
    let one = |v: &toml::Value| match v {
        toml::Value::Integer(n) => u8::try_from(*n).ok().filter(|bit| *bit < 64).map(BitRange::one),
        toml::Value::String(s) => s.parse().ok(),
        _ => None,
    };
    let value = toml::Value::deserialize(d)?;
    let list = match &value {
        toml::Value::Array(items) if !items.is_empty() => items.iter().map(one).collect(),
        other => one(other).map(|bits| vec![bits]),
    };
    list.ok_or_else(|| D::Error::custom("expected a bit like 21, bits like \"31:24\", or a list of such"))
}

fn reason<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let read = |v: &toml::Value| v.as_str().map(|s| s.trim().to_string()).filter(|s| s.contains(char::is_alphanumeric));
    value(d, "a reason that is not empty", read)
}

fn day<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Day>, D::Error> {
    let read = |v: &toml::Value| match v {
        toml::Value::String(s) => Day::parse(s).ok(),
        toml::Value::Datetime(date) => Day::parse(&date.to_string()).ok(),
        _ => None,
    };
    value(d, "a date, YYYY-MM-DD", read).map(Some)
}

fn accept<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    value(d, "\"unsafe\", the one thing that needs accepting", |v| (v.as_str() == Some("unsafe")).then_some(true))
}

#[cfg(test)]
mod tests {
    use cpuid_probe::Place;
    use cpuid_probe::place::Number;
    use cpuid_probe::vendor::Signature;

    use super::*;
    use crate::finding::Rule;
    use crate::knowledge::Names;
    use crate::knowledge::RuleKind;

    fn finding(place: Place, names: [Option<&'static str>; 3], name: &'static str) -> Finding {
        let [libvirt, qemu, linux] = names;
        let names = Names { libvirt, qemu, linux };
        Finding { names, name: Some(name.into()), ..Finding::new(place, Rule::Row(RuleKind::Subset)) }
    }

    /// The index leaves out nothing that a waiver fits: looking at its candidates is looking at every finding.
    #[test]
    fn a_waiver_fits_nothing_outside_its_candidates() {
        let bits = |leaf, register, hi, lo| Place::cpuid(leaf, 0, register, hi, lo);
        let mut findings = vec![
            finding(bits(1, Register::Edx, 21, 21), [Some("ds"), Some("ds"), Some("dts")], "ds"),
            finding(bits(1, Register::Ebx, 31, 24), [None; 3], "apic_id"),
            finding(Place::msr(0x10a, 3), [Some("rsba"); 3], "rsba"),
            finding(Place::Block(Signature(*b"KVMKVMKVM\0\0\0")), [None; 3], "KVMKVMKVM"),
            finding(Place::Number(Number::VcpuCount), [None; 3], "vCPUs"),
            finding(bits(7, Register::Ecx, 3, 3), [None; 3], "PKU_x"),
        ];
        findings.extend(findings.clone());
        let index = Index::new(&findings);
        let names = ["ds", "DTS", "rsba", "block:KVMKVMKVM", "vcpu-count", "VCPUS", "pku-X", "apic-id", "nothing"];
        let features = |names: &[&str]| Target::Features(names.iter().map(|name| name.to_string()).collect());
        let mut targets: Vec<Target> = names.iter().map(|name| features(&[name])).collect();
        targets.push(features(&["ds", "dts", "rsba"]));
        for leaf in [1, 7, 8] {
            let query = Query::Cpuid { leaf, subleaf: None, register: None, bits: None };
            targets.push(Target::Place(query, Vec::new()));
        }
        targets.push(Target::Place(Query::Msr { index: 0x10a, bits: None }, Vec::new()));
        let mut fits = 0;
        for target in targets {
            let fitting = |at: &usize| target.fit(&findings[*at]) != Fit::None;
            let all: Vec<usize> = (0..findings.len()).filter(fitting).collect();
            let candidates: Vec<usize> = index.candidates(&target).into_iter().filter(fitting).collect();
            assert_eq!(candidates, all, "{target}");
            fits += all.len();
        }
        assert_eq!(fits, 28);
    }
}
