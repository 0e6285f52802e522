//! The words that renderers share: places, values, directions, the verdict.

use std::fmt::Write;

use cpuid_probe::dump::Source;

use crate::finding::{Change, Decoded, Finding, Judged};
use crate::knowledge::Severity;
use crate::list;
use crate::report::{BaselineResult, Coverage, Direction, Input, Overall, Report, Verdict, Way};
use crate::view::Role;
use crate::view::join::Lack;

/// What an input is called in a report's columns: A, B, … Z, AA, AB, …
#[must_use]
pub fn letter(input: usize) -> String {
    let last = char::from(b'A' + (input % 26) as u8);
    if input < 26 { last.to_string() } else { letter(input / 26 - 1) + &last.to_string() }
}

/// `node1.json (node1)`: the file's name, and the label where it says more.
#[must_use]
pub fn title(input: &Input) -> String {
    match &input.label {
        Some(label) if *label != input.name => format!("{} ({label})", input.name),
        _ => input.name.clone(),
    }
}

/// The fact about an input that says which hypervisor it shows.
pub const HYPERVISOR: &str = "hypervisor";

/// The facts about an input: (header, words). Unknown facts are left out.
#[must_use]
pub fn facts(input: &Input) -> Vec<(&'static str, String)> {
    let source = match input.source {
        Source::Native => "read by the instruction",
        Source::Kvm => "what KVM could give a guest",
        Source::Boot => "read in a throw-away guest",
        Source::Import => "another tool's file",
    };
    let accel = input.accel.as_ref().map(|a| format!(", {}", a.to_ascii_uppercase())).unwrap_or_default();
    let vcpus = match input.vcpus_online {
        Some(online) => format!("{} of {online}", input.vcpus),
        None => input.vcpus.to_string(),
    };
    let complete = if input.complete { "complete" } else { "an excerpt: not every leaf" };
    let hypervisor = (!input.hypervisor.is_empty()).then(|| input.hypervisor.join(", "));
    // What a guest reports of its kernel and microcode is not its host's, and emulation takes nothing from a host.
    let own = input.source == Source::Kvm || input.source == Source::Boot && input.accel.as_deref() == Some("kvm");
    let host = |fact: &Option<String>| fact.clone().filter(|_| own);
    let topology = input.smp.as_ref().filter(|smp| smp.contains(','));
    let qemu = input.qemu.as_ref().map(|qemu| qemu.split(" (").next().unwrap_or_default().to_string());
    [
        ("label", input.label.clone()),
        ("source", Some(format!("{source}{accel}"))),
        ("QEMU", qemu),
        ("machine", input.machine.clone()),
        ("CPU", input.cpu.clone()),
        ("vCPUs", (input.vcpus > 0).then(|| topology.map_or(vcpus.clone(), |smp| format!("{vcpus} (-smp {smp})")))),
        ("vendor", input.vendor.clone()),
        (HYPERVISOR, hypervisor),
        ("kernel", host(&input.kernel)),
        ("microcode", host(&input.microcode)),
        ("captured", Some(complete.to_string())),
    ]
    .into_iter()
    .filter_map(|(what, words)| Some((what, words?)))
    .collect()
}

/// The name, or words that say that the place has no name.
#[must_use]
pub fn name(f: &Finding) -> &str {
    match (&f.name, &f.meaning) {
        (Some(name), _) => name,
        (None, None) if f.place().is_some_and(|place| place.bits().is_some()) => "unknown bit",
        (None, _) => "",
    }
}

/// Place, name and, where it is about one of several, the input: `0x00000001 EDX[21] ds in B`.
#[must_use]
pub fn heading(report: &Report, f: &Finding) -> String {
    let (mut out, name) = (f.subject.to_string(), name(f));
    if !name.is_empty() && name != out {
        let _ = write!(out, " {name}");
    }
    out.push_str(&aside(report, f));
    out
}

/// What distinguishes a finding from others at the same place: ` in B`, ` of KVMKVMKVM`. Usually empty.
#[must_use]
pub fn aside(report: &Report, f: &Finding) -> String {
    let mut out = String::new();
    if let Some(input) = f.input.filter(|_| report.inputs.len() > 1) {
        let _ = write!(out, " in {}", letter(input));
    }
    let (leaf, block) = (f.place().and_then(|p| p.leaf()), f.place().and_then(|p| p.signature()));
    let elsewhere = |other: &Finding| {
        let place = other.place();
        place.and_then(|p| p.leaf()) == leaf && place.and_then(|p| p.signature()) != block
    };
    if let (Some(_), Some(block)) = (leaf, block)
        && report.findings.iter().any(elsewhere)
    {
        let _ = write!(out, " of {block}");
    }
    out
}

/// What the place is, and its other names: `Debug Store buffer for BTS and PEBS (Linux: dts)`.
#[must_use]
pub fn is(f: &Finding) -> String {
    let names = [("libvirt", f.names.libvirt), ("QEMU", f.names.qemu), ("Linux", f.names.linux)];
    let other = |(world, name): (&str, Option<&str>)| {
        let name = name.filter(|name| Some(*name) != f.name.as_deref())?;
        Some(format!("{world}: {name}"))
    };
    let others: Vec<String> = names.into_iter().filter_map(other).collect();
    let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
    format!("{}{others}", what(f)).trim().to_string()
}

/// What the place is.
#[must_use]
pub fn what(f: &Finding) -> &str {
    f.meaning.as_deref().unwrap_or_default()
}

/// What losing it does to a running guest.
#[must_use]
pub fn consequence(f: &Finding) -> Option<&str> {
    f.consequence.as_deref()
}

/// Where rules and meanings of several findings come from, each once.
#[must_use]
pub fn sources<'a>(findings: &[&'a Finding]) -> Vec<&'a str> {
    let mut sources: Vec<&str> = Vec::new();
    for source in findings.iter().filter_map(|f| f.source.as_deref()) {
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    sources
}

/// What a severity means, for headings.
#[must_use]
pub const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Unsafe => "a running guest can break or lose a protection",
        Severity::Warning => "a person must look",
        Severity::Info => "differs, and is harmless",
        Severity::Expected => "one configuration legitimately differs here",
        Severity::Waived => "accepted by the site policy",
    }
}

/// `B to A lost: unsafe; A to B gained: warning`, the worse direction first. Empty where no direction applies.
#[must_use]
pub fn directions(f: &Finding) -> String {
    let mut both: Vec<(&str, Judged)> = [("A to B", f.a_to_b), ("B to A", f.b_to_a)]
        .into_iter()
        .filter_map(|(name, judged)| Some((name, judged?)))
        .filter(|(_, judged)| judged.change != Change::Same)
        .collect();
    both.sort_by_key(|(_, judged)| judged.severity);
    let words = |(name, j): (&str, Judged)| format!("{name} {}: {}", j.change.word(), j.severity.word());
    match both.as_slice() {
        [(_, x), (_, y)] if x == y => format!("{} both ways: {}", x.change.word(), x.severity.word()),
        _ => both.into_iter().map(words).collect::<Vec<_>>().join("; "),
    }
}

/// Values with units: `A 2600000 kHz, B 2599997 kHz, 1.2 ppm`.
#[must_use]
pub fn decoded(f: &Finding) -> Option<String> {
    let Decoded { words, khz, ppm } = &f.decoded;
    let side = ["A", "B"].into_iter();
    let named = side.clone().zip(words).filter_map(|(side, words)| Some(format!("{side} {}", words.as_ref()?)));
    let khz = side.zip(khz.iter().flatten()).filter_map(|(side, khz)| Some(format!("{side} {} kHz", (*khz)?)));
    let ppm = ppm.filter(|ppm| ppm.is_finite()).map(|ppm| format!("{:.1} ppm", ppm));
    let words: Vec<String> = named.chain(khz).chain(ppm).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// `was unsafe, until 2027-03-31: REASON`.
#[must_use]
pub fn waived(f: &Finding) -> Option<String> {
    let w = f.waived.as_ref()?;
    let until = w.expires.as_ref().map(|day| format!(", until {day}")).unwrap_or_default();
    Some(format!("was {}{until}: {}", w.severity.word(), w.reason))
}

/// Findings that one explanation serves.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// At least one, in the order of the report.
    pub findings: Vec<&'a Finding>,
    /// What losing the place does to a running guest.
    pub consequence: Option<String>,
    /// Why it differs.
    pub cause: Option<String>,
    /// What to change.
    pub remedy: Option<String>,
}

/// Findings of one severity whose explanations are the same but for the names in them, in order of their first.
#[must_use]
pub fn groups<'a>(report: &'a Report, severity: Severity) -> Vec<Group<'a>> {
    let mut groups: Vec<Vec<&'a Finding>> = Vec::new();
    for f in report.findings.iter().filter(|f| f.severity == severity) {
        let alike = |g: &&mut Vec<&'a Finding>| g.first().is_some_and(|first| explained_alike(first, f));
        match groups.iter_mut().find(alike) {
            Some(group) => group.push(f),
            None => groups.push(vec![f]),
        }
    }
    let group = |findings: Vec<&'a Finding>| Group {
        consequence: one_text(&findings, consequence),
        cause: one_text(&findings, |f| f.cause.as_deref()),
        remedy: one_text(&findings, |f| f.remedy.as_deref()),
        findings,
    };
    groups.into_iter().map(group).collect()
}

fn explained_alike(x: &Finding, y: &Finding) -> bool {
    let alike = |x: Option<&str>, y: Option<&str>| match (x, y) {
        (Some(x), Some(y)) => x == y || plain_parts(x).eq(plain_parts(y)),
        (x, y) => x == y,
    };
    x.waived == y.waived
        && alike(x.cause.as_deref(), y.cause.as_deref())
        && alike(x.remedy.as_deref(), y.remedy.as_deref())
        && alike(consequence(x), consequence(y))
}

/// What stands outside of backticks.
fn plain_parts(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').step_by(2)
}

/// One text for findings whose texts differ in nothing but code: each piece of code once, side by side.
fn one_text(findings: &[&Finding], text: fn(&Finding) -> Option<&str>) -> Option<String> {
    let first = text(findings.first()?)?;
    let all: Vec<Vec<&str>> = findings.iter().filter_map(|f| Some(text(f)?.split('`').collect())).collect();
    let mut out = String::new();
    for (i, plain) in first.split('`').enumerate() {
        if i % 2 == 0 {
            out.push_str(plain);
            continue;
        }
        let mut codes: Vec<&str> = Vec::new();
        for parts in &all {
            codes.extend(parts.get(i).filter(|code| !codes.contains(code)));
        }
        let codes: Vec<String> = codes.into_iter().map(|code| format!("`{code}`")).collect();
        out.push_str(&codes.join(", "));
    }
    Some(out)
}

/// What is set aside, counted by rule: `12 informational, 1 per-vcpu`. `None` where nothing is set aside.
#[must_use]
pub fn set_aside(report: &Report) -> Option<String> {
    let mut rules: Vec<(&str, usize)> = Vec::new();
    for f in report.findings.iter().filter(|f| matches!(f.severity, Severity::Info | Severity::Expected)) {
        match rules.iter_mut().find(|(rule, _)| *rule == f.rule.word()) {
            Some((_, n)) => *n += 1,
            None => rules.push((f.rule.word(), 1)),
        }
    }
    rules.sort_by(|(a, n), (b, m)| m.cmp(n).then(a.cmp(b)));
    (!rules.is_empty()).then(|| rules.iter().map(|(rule, n)| format!("{n} {rule}")).collect::<Vec<_>>().join(", "))
}

/// One line for the inputs that lack the same places: `A lacks 12 places (0x00000000, 0x00000007.0, …)`. At most `show` are
/// named.
#[must_use]
pub fn not_captured(report: &Report, show: usize) -> Vec<String> {
    let mut lacking: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for input in 0..report.inputs.len() {
        let mut places: Vec<String> = Vec::new();
        for n in report.not_captured.iter().filter(|n| n.input == input) {
            let place = match n.reason {
                Lack::Missing => n.place.to_string(),
                reason => format!("{}: {}", n.place, reason.word()),
            };
            if !places.contains(&place) {
                places.push(place);
            }
        }
        match lacking.iter_mut().find(|(known, _)| *known == places) {
            _ if places.is_empty() => {}
            Some((_, inputs)) => inputs.push(letter(input)),
            None => lacking.push((places, vec![letter(input)])),
        }
    }
    let line = |(places, inputs): (Vec<String>, Vec<String>)| {
        let (count, noun) = (places.len(), if places.len() == 1 { "place" } else { "places" });
        let lack = if inputs.len() == 1 { "lacks" } else { "lack" };
        format!("{} {lack} {count} {noun} ({})", inputs.join(", "), list::first(&places, show))
    };
    lacking.into_iter().map(line).collect()
}

/// Why a baseline's result is what it is, one sentence an input that could not be verified.
#[must_use]
pub fn unverified(report: &Report) -> Vec<String> {
    let reasons = report.verdict.baseline.iter().filter_map(|b| Some((b.input, b.reason.as_ref()?)));
    reasons.map(|(input, reason)| format!("{} is unverified: {reason}", letter(input))).collect()
}

/// Every severity with its count: `2 unsafe, 0 warning, 0 info, 1 expected`.
#[must_use]
pub fn counts(report: &Report) -> String {
    let s = report.summary;
    let waived = if s.waived > 0 { format!(", {} waived", s.waived) } else { String::new() };
    format!("{} unsafe, {} warning, {} info, {} expected{waived}", s.unsafe_, s.warning, s.info, s.expected)
}

/// What a report is, for a page's head.
#[must_use]
pub const fn kind(report: &Report) -> &'static str {
    if report.verdict.overall.is_some() { "CPUID comparison" } else { "CPUID against a baseline" }
}

/// The verdict in one line that can be read aloud. It also says what limits the verdict: TCG, an excerpt, no MSRs.
#[must_use]
pub fn verdict(report: &Report) -> String {
    let v = &report.verdict;
    let tcg = report.inputs.iter().any(is_tcg);
    let mut line = refused(v);
    line.push_str(&match v.overall {
        Some(Overall::Undecided) => {
            let s = if report.compared == 1 { "" } else { "s" };
            format!(
                "undecided: {} register set{s} compared, no difference that matters; too little for a migration verdict",
                report.compared
            )
        }
        // Of one direction alone there is no word for both.
        Some(_) if v.a_to_b.is_some() != v.b_to_a.is_some() => both(v),
        Some(word) => format!("{}: {}", word.word(), both(v)),
        None => String::new(),
    });
    if !v.baseline.is_empty() {
        if !line.is_empty() {
            line.push_str("; ");
        }
        line.push_str(&baseline(v));
    }
    let roles: Vec<Role> = report.inputs.iter().map(|input| input.role).collect();
    let limits = [
        (tcg, "TCG"),
        (v.coverage == Coverage::Partial, "partial"),
        (!v.msrs, "feature MSRs not captured"),
        (roles.contains(&Role::Hardware), "bare hardware, or a guest that hides its hypervisor"),
        (v.unlike && !roles.contains(&Role::Hardware), "the inputs play different roles"),
    ];
    let limits: Vec<&str> = limits.into_iter().filter(|(holds, _)| *holds).map(|(_, words)| words).collect();
    if !limits.is_empty() {
        let _ = write!(line, "; {}", limits.join(", "));
    }
    line
}

/// `REFUSED by QEMU: the machine types differ (…); `, each reason once. Mostly nothing.
fn refused(v: &Verdict) -> String {
    let mut out = String::new();
    let mut said: Vec<&str> = Vec::new();
    for r in &v.refused {
        if said.contains(&r.reason.as_str()) {
            continue;
        }
        said.push(&r.reason);
        let mut by: Vec<&str> = Vec::new();
        let ways: Vec<Way> = v.refused.iter().filter(|other| other.reason == r.reason).map(|other| other.way).collect();
        for other in v.refused.iter().filter(|other| other.reason == r.reason) {
            let name = other.by.name();
            if !by.contains(&name) {
                by.push(name);
            }
        }
        let way = match (ways.contains(&Way::AToB), ways.contains(&Way::BToA)) {
            (true, false) => " (A to B)",
            (false, true) => " (B to A)",
            _ => "",
        };
        let _ = write!(out, "REFUSED by {}{way}: {}; ", by.join(" and "), r.reason);
    }
    out
}

/// Whether an input shows QEMU's emulation rather than a host.
#[must_use]
pub fn is_tcg(input: &Input) -> bool {
    input.accel.as_deref() == Some("tcg") || input.hypervisor.iter().any(|h| h == "TCGTCGTCGTCG")
}

/// `A to B review, B to A unsafe`, or `safe both ways`.
fn both(v: &Verdict) -> String {
    match (v.a_to_b, v.b_to_a) {
        (Some(Direction::Review), Some(Direction::Review)) => "a person must look, both ways".to_string(),
        (Some(x), Some(y)) if x == y => format!("{} both ways", x.word()),
        (x, y) => {
            let words = |name: &str, d: Option<Direction>| d.map(|d| format!("{name} {}", d.word()));
            words("A to B", x).into_iter().chain(words("B to A", y)).collect::<Vec<_>>().join(", ")
        }
    }
}

/// `baseline not met by A, C; met by B`.
fn baseline(v: &Verdict) -> String {
    let of = |result: BaselineResult| -> Vec<String> {
        v.baseline.iter().filter(|b| b.result == result).map(|b| letter(b.input)).collect()
    };
    let words = [
        ("not met", of(BaselineResult::NotMet)),
        ("unverified", of(BaselineResult::Unverified)),
        ("met", of(BaselineResult::Met)),
    ];
    let mut parts = Vec::new();
    for (word, inputs) in words {
        if inputs.len() == v.baseline.len() {
            return format!("baseline {word}");
        }
        if !inputs.is_empty() {
            parts.push(format!("{word} by {}", inputs.join(", ")).replace("unverified by", "unverified for"));
        }
    }
    format!("baseline {}", parts.join("; "))
}
