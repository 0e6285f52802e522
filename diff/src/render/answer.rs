//! The answer, which every form gives first and in one order: the verdict in words, what the inputs are, one paragraph a
//! cause, the fix, and one line on what is not shown.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};
use cpuid_probe::libvirt::cpu::Policy;
use cpuid_probe::place::Number;

use crate::cause::more_in;
use crate::finding::{Change, Finding, Judged, Rule, Subject, Value};
use crate::fix::Fix;
use crate::knowledge::{Guard, Severity, copy_of};
use crate::list;
use crate::render::words::{self, Group};
use crate::report::{BaselineResult, By, Coverage, Direction, Input, Overall, Report, Verdict, Way};
use crate::view::Role;

/// So many groups of findings without a common cause are told in prose; more are listed.
const MOST_GROUPS: usize = 3;
/// So many findings of one text are named with their places.
const HEADS: usize = 4;
/// So many names are told of what a fix does and leaves.
const NAMED: usize = 12;
/// From so many features on, a list of elements to paste is a page.
const PASTED: usize = 8;
/// So many characters of a text are told; the rest is under `--all`.
const BRIEF: usize = 150;
/// A file's name up to this length stands for its input.
const NAME: usize = 24;
/// Beside names up to this length there is room for letters, on a line of the verdict.
const BESIDE: usize = 12;

/// One line of the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `node1 (A) → node2 (B)`; empty where the line is about both or neither.
    pub way: String,
    /// `UNSAFE`.
    pub word: &'static str,
    /// `loses 3 features`.
    pub why: String,
    /// How bad it is.
    pub severity: Severity,
}

impl Line {
    /// The whole line.
    #[must_use]
    pub fn text(&self) -> String {
        let way = if self.way.is_empty() { String::new() } else { format!("{}: ", self.way) };
        // Who refuses, and why; what else there is, and how much.
        let alone = self.way.is_empty() || self.word.starts_with("REFUSED");
        let gap = if alone { ": " } else { ", " };
        let why = if self.why.is_empty() { String::new() } else { format!("{gap}{}", self.why) };
        format!("{way}{}{why}", self.word)
    }
}

/// What the inputs are called in sentences: their labels, or their files' names, where those are short and differ; else A
/// and B.
#[must_use]
pub fn names(report: &Report) -> Vec<String> {
    let letters = || (0..report.inputs.len()).map(words::letter).collect::<Vec<_>>();
    let stem = |input: &Input| {
        let file = input.name.rsplit('/').next().unwrap_or_default();
        file.rsplit_once('.').map_or(file, |(stem, _)| stem).to_string()
    };
    let labels = report.inputs.iter().map(|input| input.label.clone()).collect::<Option<Vec<_>>>();
    let fits = |names: &Vec<String>| {
        let plain = |name: &String| {
            let count = name.chars().count();
            (1..=NAME).contains(&count) && name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
        };
        names.iter().all(plain) && names.iter().enumerate().all(|(i, name)| !names[..i].contains(name))
    };
    let stems = report.inputs.iter().map(stem).collect();
    labels.filter(fits).or(Some(stems).filter(fits)).unwrap_or_else(letters)
}

/// `1 feature`, `2 features`.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// `node1 (A)`: what an input is called, and its letter in the rest of the report.
fn with_letter(names: &[String], input: usize) -> String {
    let (name, letter) = (&names[input], words::letter(input));
    let fits = names.iter().all(|name| name.chars().count() <= BESIDE);
    if names.len() == 1 || *name == letter || !fits { name.clone() } else { format!("{name} ({letter})") }
}

/// `node1 (A) → node2 (B)`.
fn arrow(names: &[String], from: usize, to: usize) -> String {
    format!("{} → {}", with_letter(names, from), with_letter(names, to))
}

/// The verdict in lines: what is refused, then each direction, then each input against the baseline.
#[must_use]
pub fn verdict(report: &Report) -> Vec<Line> {
    let (v, names) = (&report.verdict, names(report));
    let mut lines = refused(v, &names);
    match v.overall {
        Some(Overall::Undecided) => lines.push(Line {
            way: String::new(),
            word: "undecided",
            why: format!(
                "{} compared, no difference that matters; too little for a migration verdict",
                count(report.compared, "register set")
            ),
            severity: Severity::Info,
        }),
        Some(Overall::Identical) if lines.is_empty() => lines.push(Line {
            way: String::new(),
            word: "IDENTICAL",
            why: format!("{} compared", count(report.compared, "register set")),
            severity: Severity::Expected,
        }),
        Some(_) => {
            let ways = [(0, 1, v.a_to_b, Way::AToB), (1, 0, v.b_to_a, Way::BToA)];
            for (from, to, verdict, asked) in ways {
                let Some(verdict) = verdict else { continue };
                let (word, severity) = match verdict {
                    Direction::Safe => ("SAFE", Severity::Expected),
                    Direction::Unknown => ("UNKNOWN", Severity::Info),
                    Direction::Review => ("REVIEW", Severity::Warning),
                    Direction::Unsafe => ("UNSAFE", Severity::Unsafe),
                };
                let way = arrow(&names, from, to);
                lines.push(Line { way, word, why: happens(report, direction(asked)), severity });
            }
        }
        None => {}
    }
    lines.extend(v.baseline.iter().map(|b| {
        let broken = report.findings.iter().filter(|f| f.breaks.contains(&b.input) && f.severity != Severity::Waived);
        let (word, why, severity) = match b.result {
            BaselineResult::Met => ("baseline met", String::new(), Severity::Expected),
            BaselineResult::NotMet => {
                ("baseline not met", count(broken.count(), "promise") + " broken", Severity::Unsafe)
            }
            BaselineResult::Unverified => ("baseline unverified", unsaid(report, b.input), Severity::Warning),
        };
        Line { way: with_letter(&names, b.input), word, why, severity }
    }));
    lines
}

/// `12 promises not answered`: how many an input says nothing of. Empty where it is doubted for something else.
fn unsaid(report: &Report, input: usize) -> String {
    let silent = |f: &&Finding| {
        let seen = if input == 0 { &f.values.a } else { &f.values.b };
        f.input.is_none_or(|of| of == input) && f.values.expected.is_known() && !seen.is_known()
    };
    match report.findings.iter().filter(silent).count() {
        0 => String::new(),
        n => count(n, "promise") + " not answered",
    }
}

fn direction(way: Way) -> fn(&Finding) -> Option<Judged> {
    match way {
        Way::AToB => |f| f.a_to_b,
        Way::BToA => |f| f.b_to_a,
    }
}

/// `loses 3 features, 2 values differ, gains 1 feature`: what counts, as one direction has it, the worst first. A difference
/// that counts in one direction alone is counted in both, so that both tell one number.
fn happens(report: &Report, judged: fn(&Finding) -> Option<Judged>) -> String {
    let counts: Vec<(&Finding, Judged)> = report
        .findings
        .iter()
        .filter(|f| matches!(f.severity, Severity::Unsafe | Severity::Warning) && !is_copy(f))
        .filter_map(|f| Some((f, judged(f)?)))
        .collect();
    if counts.iter().all(|(_, j)| !matches!(j.severity, Severity::Unsafe | Severity::Warning)) {
        return String::new();
    }
    let of = |is: &dyn Fn(&Finding, Judged) -> bool| -> (Vec<&Finding>, Severity) {
        let those = counts.iter().filter(|(f, j)| is(f, *j));
        let worst = those.clone().map(|(_, j)| j.severity).min().unwrap_or(Severity::Expected);
        (those.map(|(f, _)| *f).collect(), worst)
    };
    let (lost, of_lost) = of(&|f, j| is_feature(f) && j.change == Change::Lost);
    let (gained, of_gained) = of(&|f, j| is_feature(f) && j.change == Change::Gained);
    let (others, of_others) = of(&|f, _| !is_feature(f));
    let others = labels(&others).len();
    let mut parts = [
        (of_lost, lost.len(), format!("loses {}", count(lost.len(), "feature"))),
        (of_others, others, format!("{} differ{}", count(others, "value"), if others == 1 { "s" } else { "" })),
        (of_gained, gained.len(), format!("gains {}", count(gained.len(), "feature"))),
    ];
    parts.sort_by_key(|(severity, ..)| *severity);
    let parts: Vec<String> = parts.into_iter().filter(|(_, n, _)| *n > 0).map(|(.., words)| words).collect();
    parts.join(", ")
}

/// What would be refused, each reason once.
fn refused(v: &Verdict, names: &[String]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut said: Vec<&str> = Vec::new();
    for r in &v.refused {
        if said.contains(&r.reason.as_str()) {
            continue;
        }
        said.push(&r.reason);
        let alike = || v.refused.iter().filter(|other| other.reason == r.reason);
        let by = |by: By| alike().any(|other| other.by == by);
        let word = match (by(By::Qemu), by(By::Libvirt)) {
            (true, true) => "REFUSED by QEMU and libvirt",
            (true, false) => "REFUSED by QEMU",
            _ => "REFUSED by libvirt",
        };
        let goes = |way: Way| alike().any(|other| other.way == way);
        let way = match (goes(Way::AToB), goes(Way::BToA)) {
            (true, false) if v.b_to_a.is_some() => arrow(names, 0, 1),
            (false, true) if v.a_to_b.is_some() => arrow(names, 1, 0),
            _ => String::new(),
        };
        lines.push(Line { way, word, why: r.reason.clone(), severity: Severity::Unsafe });
    }
    lines
}

/// What the verdict rests on, where that limits it: `one-way; TCG: what QEMU emulates, not what a host gives`.
/// At most `most` of the places that were not captured are named.
#[must_use]
pub fn rests_on(report: &Report, most: usize) -> String {
    let v = &report.verdict;
    let one_direction = v.a_to_b.is_some() != v.b_to_a.is_some();
    let is_said = |o: &Overall| match o {
        Overall::Undecided => true,
        Overall::Identical => v.refused.is_empty(),
        _ => false,
    };
    let overall = v.overall.filter(|o| !one_direction && !is_said(o));
    let mut parts: Vec<String> = overall.map(|o| o.word().to_string()).into_iter().collect();
    let roles: Vec<Role> = report.inputs.iter().map(|input| input.role).collect();
    let tcg = report.inputs.iter().any(words::is_tcg);
    parts.extend(tcg.then(|| "TCG: what QEMU emulates, not what a host gives".to_string()));
    let lacks = words::not_captured(report, most);
    if !lacks.is_empty() {
        parts.push(format!("partial: {}", lacks.join(", ")));
    } else if v.coverage == Coverage::Partial {
        let promises = v.overall.is_none();
        let what = if promises { "not every promise could be checked" } else { "perhaps not every vCPU was captured" };
        parts.push(format!("partial: {what}"));
    }
    let limits = [
        (!v.msrs, "MSRs not captured"),
        (roles.contains(&Role::Hardware), "bare hardware, or a guest that hides its hypervisor"),
        (v.unlike && !roles.contains(&Role::Hardware), "the inputs play different roles"),
    ];
    parts.extend(limits.into_iter().filter(|(holds, _)| *holds).map(|(_, words)| words.to_string()));
    parts.join("; ")
}

/// The facts about the inputs: those that all share, and those of each that differ. (name, words).
#[must_use]
pub fn facts(report: &Report) -> (Vec<Fact>, Vec<Vec<Fact>>) {
    let all: Vec<Vec<Fact>> = report.inputs.iter().map(words::facts).collect();
    let [first, others @ ..] = all.as_slice() else { return (Vec::new(), Vec::new()) };
    if others.is_empty() {
        return (Vec::new(), all);
    }
    let shared: Vec<Fact> =
        first.iter().filter(|fact| others.iter().all(|other| other.contains(fact))).cloned().collect();
    let own = all.iter().map(|facts| facts.iter().filter(|fact| !shared.contains(fact)).cloned().collect()).collect();
    (shared, own)
}

/// A fact about an input: what, and its words.
pub type Fact = (&'static str, String);

/// A paragraph: findings that one thing explains, or that one text does.
#[derive(Clone, Debug)]
pub struct Section<'a> {
    /// What it is.
    pub title: String,
    /// How bad the worst of it is.
    pub severity: Severity,
    /// The findings that count, at least one.
    pub loud: Vec<&'a Finding>,
    /// How many that do not count go with them.
    pub quiet: usize,
    /// What it does to a running guest.
    pub consequence: Option<String>,
    /// Why.
    pub cause: Option<String>,
    /// What to do.
    pub fix: Option<String>,
    /// It may explain its findings; nothing shows that it does.
    pub inferred: bool,
    /// Its title does not name its findings.
    pub is_of_many: bool,
    /// Its findings are the answer, and all of them are named: the promises that are broken.
    pub is_whole: bool,
}

impl Section<'_> {
    /// Its features, on one line.
    #[must_use]
    pub fn features(&self) -> String {
        let names = labels(&self.loud);
        let more = if self.quiet == 0 { String::new() } else { format!(" (and {} harmless)", self.quiet) };
        format!("{}{more}", names.join(", "))
    }

    /// What it is about, and which way it is how bad.
    #[must_use]
    pub fn what(&self, width: usize) -> String {
        let width = if self.is_whole { usize::MAX } else { width };
        let directions = self.directions();
        let both = self.loud.iter().all(|f| f.waived.is_none()) && !directions.is_empty();
        if both { format!("{}; {directions}", cut(&self.features(), width)) } else { cut(&self.features(), width) }
    }

    /// Which way it is how bad: `A → B gained: warning; B → A lost: unsafe`.
    #[must_use]
    pub fn directions(&self) -> String {
        let mut said: Vec<String> = Vec::new();
        for f in &self.loud {
            let words = words::directions(f);
            if !words.is_empty() && !said.contains(&words) {
                said.push(words);
            }
        }
        if let [one] = said.as_slice() { one.clone() } else { String::new() }
    }
}

/// A list cut at a comma where it gets longer than `width` characters.
fn cut(list: &str, width: usize) -> String {
    if list.chars().count() <= width {
        return list.to_string();
    }
    let parts: Vec<&str> = list.split(", ").collect();
    let mut out = String::new();
    for (i, part) in parts.iter().enumerate() {
        let more = format!(", … and {} more", parts.len() - i);
        if i > 0 && out.chars().count() + 2 + part.chars().count() + more.chars().count() > width {
            return out + &more;
        }
        out += if i > 0 { ", " } else { "" };
        out += part;
    }
    out
}

/// Everything that counts, in paragraphs: causes first, then what stands alone.
#[must_use]
pub fn sections(report: &Report) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    for (i, cause) in report.causes.iter().enumerate() {
        let of: Vec<&Finding> =
            report.findings.iter().filter(|f| f.cause_group() == Some(i) && f.severity != Severity::Waived).collect();
        let (loud, quiet): (Vec<&Finding>, Vec<&Finding>) = of.into_iter().partition(|f| f.is_loud());
        if loud.is_empty() {
            continue;
        }
        sections.push(Section {
            title: cause.what.clone(),
            severity: loud.iter().map(|f| f.severity).min().unwrap_or(Severity::Info),
            // Of many it would be a page.
            consequence: loud.iter().filter(|_| loud.len() <= 2).find_map(|f| f.consequence.as_deref()).map(brief),
            loud,
            quiet: quiet.len(),
            cause: Some(cause.why.clone()).filter(|why| !why.is_empty()),
            is_of_many: true,
            is_whole: false,
            fix: cause.fix.clone(),
            inferred: cause.inferred,
        });
    }
    let mut groups: Vec<Group<'_>> = Vec::new();
    for severity in [Severity::Unsafe, Severity::Warning] {
        groups.extend(words::groups(report, severity).into_iter().filter(|g| g.findings[0].cause_group().is_none()));
    }
    let severity_of = |group: &Group<'_>| group.findings[0].severity;
    if groups.len() <= MOST_GROUPS {
        sections.extend(groups.into_iter().map(|group| Section {
            title: head(report, &group),
            severity: severity_of(&group),
            quiet: 0,
            consequence: group.consequence.as_deref().map(brief),
            cause: group.cause.as_deref().map(brief),
            fix: group.remedy.clone(),
            inferred: false,
            is_of_many: group.findings.len() > HEADS,
            is_whole: promise_of(group.findings[0]).is_some(),
            loud: group.findings,
        }));
    } else {
        sections.extend(listed(report, groups));
    }
    let waived: Vec<&Finding> = report.findings.iter().filter(|f| f.severity == Severity::Waived).collect();
    for f in waived {
        sections.push(Section {
            title: format!("{}, waived", words::heading(report, f)),
            severity: Severity::Waived,
            loud: vec![f],
            quiet: 0,
            consequence: None,
            cause: words::waived(f),
            fix: None,
            inferred: false,
            is_of_many: false,
            is_whole: false,
        });
    }
    sections
}

/// What findings of one text are, with their places and values: `ds (0x00000001 EDX[21]): 0 in A, 1 in B`.
fn head(report: &Report, group: &Group<'_>) -> String {
    let one = |f: &&Finding| {
        let name = words::name(f);
        let (place, aside) = (f.subject.to_string(), words::aside(report, f));
        if name.is_empty() || name == place { format!("{place}{aside}") } else { format!("{name} ({place}{aside})") }
    };
    let mut heads: Vec<String> = group.findings.iter().map(one).collect();
    heads.dedup();
    let shown = list::first(&heads, HEADS);
    let first = group.findings[0];
    let alike = group.findings.iter().all(|f| f.values == first.values);
    let values = match (words::decoded(first), alike) {
        (Some(decoded), true) => format!(": {decoded}"),
        (_, true) => values(report, first),
        _ => String::new(),
    };
    // Its value is what nobody knows.
    let unpinned = first.subject == Subject::from(Number::TscFrequency) && values.is_empty();
    format!("{shown}{}", if unpinned { ": not known to be pinned" } else { &values })
}

/// `: 0 in A, 1 in B`.
fn values(report: &Report, f: &Finding) -> String {
    let check = report.verdict.overall.is_none();
    let side = |value: Option<String>, words: &str| value.map(|value| format!("{value} {words}"));
    let known = [
        side(f.values.expected.text(), "expected"),
        side(f.values.a.text(), if check { "there" } else { "in A" }),
        side(f.values.b.text(), "in B"),
    ];
    let known: Vec<String> = known.into_iter().flatten().collect();
    if known.is_empty() { String::new() } else { format!(": {}", known.join(", ")) }
}

/// How a promise is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// Promised, and not there.
    Missing,
    /// Forbidden, and there.
    Forbidden,
    /// Switched off, and there.
    Disabled,
    /// A number, a text or bits of a template.
    Other,
}

impl Promise {
    const fn title(self) -> &'static str {
        match self {
            Self::Missing => "promised and missing",
            Self::Forbidden => "forbidden and there",
            Self::Disabled => "switched off in the definition, and there",
            Self::Other => "other values than promised",
        }
    }
}

/// How a finding that a check made shows a promise broken; `None` of what a comparison found.
fn promise_of(f: &Finding) -> Option<Promise> {
    if f.breaks.is_empty() || f.a_to_b.or(f.b_to_a).is_some() {
        return None;
    }
    Some(match (f.rule, &f.values.expected) {
        (_, Value::Bit(true)) => Promise::Missing,
        (Rule::Promised(Policy::Forbid), Value::Bit(false)) => Promise::Forbidden,
        (_, Value::Bit(false)) => Promise::Disabled,
        _ => Promise::Other,
    })
}

/// What to do about promises that are broken in one way.
fn remedy(report: &Report, promise: Promise, findings: &[&Finding]) -> Option<String> {
    let of_definition = findings.iter().all(|f| matches!(f.rule, Rule::Promised(_)));
    match promise {
        Promise::Missing if of_definition => Some(not_given(report, findings)),
        Promise::Forbidden => {
            Some("run the guest on a host without them, or take the `forbid` out of the definition".to_string())
        }
        Promise::Disabled if of_definition => {
            Some("switch them off in the guest's own definition, or accept them in the baseline".to_string())
        }
        _ => {
            let mut remedies: Vec<&str> = Vec::new();
            for remedy in findings.iter().filter_map(|f| f.remedy.as_deref()) {
                if !remedies.contains(&remedy) {
                    remedies.push(remedy);
                }
            }
            let as_baseline = "start the guest as the baseline's was started, on a host that gives the same; `--all` has a \
                               fix for each";
            if remedies.len() > MOST_GROUPS {
                Some(as_baseline.to_string())
            } else {
                (!remedies.is_empty()).then(|| remedies.join("; "))
            }
        }
    }
}

/// What to do where a definition promises what an input has not. A protection is not given up: its host is mended.
fn not_given(report: &Report, findings: &[&Finding]) -> String {
    let (protections, others): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|f| f.guard == Some(Guard::Protection));
    let breaks = |i: usize| findings.iter().any(|f| f.breaks.contains(&i));
    let emulated = report.inputs.iter().enumerate().any(|(i, input)| breaks(i) && words::is_tcg(input));
    let mut parts = Vec::new();
    if emulated {
        parts.push("run the guest under KVM, as QEMU's emulation (TCG) gives these on no host".to_string());
    } else if !protections.is_empty() {
        let names = labels(&protections).join(", ");
        parts.push(format!(
            "update the kernel, microcode and QEMU of the host, so that it gives the protections {names}"
        ));
    }
    if !others.is_empty() || emulated {
        let elements: Vec<String> = others
            .iter()
            .filter_map(|f| Some(format!("<feature policy='disable' name='{}'/>", f.names.libvirt?)))
            .collect();
        let paste = if elements.len() == others.len() && elements.len() <= PASTED {
            format!("`{}` in `<cpu>`", elements.concat())
        } else {
            "one `<feature policy='disable' name='NAME'/>` in `<cpu>` for each name above".to_string()
        };
        let all = if protections.is_empty() || emulated { "them" } else { "the others" };
        let other_host = if emulated {
            ""
        } else {
            ", or run the guest on a host that gives them. `cpuid-diff baseline` over the hosts prints a definition that all of \
             them can give"
        };
        parts.push(format!(
            "{}take {all} out of the definition ({paste}){other_host}",
            if emulated { "or " } else { "" }
        ));
    }
    parts.join("; ")
}

/// Many findings without a common cause: by what happens to them.
fn listed<'a>(report: &'a Report, groups: Vec<Group<'a>>) -> Vec<Section<'a>> {
    let mut kinds: Vec<(String, Option<Promise>, Vec<&'a Finding>)> = Vec::new();
    for f in groups.into_iter().flat_map(|group| group.findings) {
        let promise = promise_of(f);
        let title = if let Some(promise) = promise {
            promise.title().to_string()
        } else {
            match f.rule {
                Rule::Extra => "there and not promised".to_string(),
                Rule::Promised(_) => "left to each host".to_string(),
                Rule::UnknownFeature => "names that nobody knows".to_string(),
                _ if f.a_to_b.or(f.b_to_a).is_none() && f.values.expected.is_known() => {
                    "other than in the baseline; a person must look".to_string()
                }
                _ if f.causes.len() > 1 => f.cause.as_deref().unwrap_or_default().to_string(),
                _ => match (f.input, more_in(f), is_feature(f)) {
                    (Some(input), ..) => format!("{} contradicts itself", words::letter(input)),
                    (_, Some(0), true) => "no known cause: only A has".to_string(),
                    (_, Some(_), true) => "no known cause: only B has".to_string(),
                    _ => "no known cause: other values".to_string(),
                },
            }
        };
        match kinds.iter_mut().find(|(known, ..)| *known == title) {
            Some((.., findings)) => findings.push(f),
            None => kinds.push((title, promise, vec![f])),
        }
    }
    let section = |(title, promise, loud): (String, Option<Promise>, Vec<&'a Finding>)| Section {
        title,
        severity: loud.iter().map(|f| f.severity).min().unwrap_or(Severity::Info),
        fix: promise.and_then(|promise| remedy(report, promise, &loud)),
        loud,
        quiet: 0,
        consequence: None,
        cause: None,
        inferred: false,
        is_of_many: true,
        is_whole: promise.is_some(),
    };
    kinds.into_iter().map(section).collect()
}

/// The first sentences of a text, as many as are short.
#[must_use]
pub fn brief(text: &str) -> String {
    let mut end = 0;
    let mut inside = false;
    let bytes = text.as_bytes();
    for (i, c) in text.char_indices() {
        match c {
            '`' => inside = !inside,
            '.' | ':' if !inside && bytes.get(i + 1).is_none_or(|next| *next == b' ') => {
                let whole = c == '.' && bytes.get(i + 2).is_none_or(|next| next.is_ascii_uppercase() || *next == b'`');
                if whole && (end == 0 || i < BRIEF) {
                    end = i + 1;
                }
            }
            _ => {}
        }
        if i >= BRIEF && end > 0 {
            break;
        }
    }
    if end == 0 { text.to_string() } else { text[..end].to_string() }
}

/// The fix in short: (a sentence, or what to paste into the definitions of both). `None` where nothing differs that a definition could settle, or that
/// would need one.
#[must_use]
pub fn fix(report: &Report) -> Option<(String, Vec<String>)> {
    let fix = report.fix.as_ref()?;
    let loud = |i: &usize| report.findings.get(*i).is_some_and(Finding::is_loud);
    if !fix.clears.iter().any(loud) {
        return None;
    }
    // Nobody switches a host's features off to match an emulator.
    let emulated = report.inputs.iter().filter(|input| words::is_tcg(input)).count();
    if (1..report.inputs.len()).contains(&emulated) {
        return None;
    }
    let whole = fix.base.is_some();
    let names = |on: bool| -> Vec<&str> { fix.switches.iter().filter(|s| s.on == on).map(|s| s.name).collect() };
    if !whole {
        return Some((String::new(), fragments(fix)));
    }
    let mut parts = Vec::new();
    parts.extend(fix.machine.as_ref().map(|machine| format!("machine type `{machine}`")));
    parts.extend(fix.base.iter().map(|base| format!("`{}`", base.model)));
    let gone: Vec<&str> = names(false).into_iter().filter(|name| !fix.dropped.contains(name)).collect();
    let without: Vec<String> = [
        (!gone.is_empty()).then(|| list::first(&owned(&gone), NAMED)),
        (!fix.dropped.is_empty()).then(|| format!("{} that neither side keeps", count(fix.dropped.len(), "promise"))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut text = format!("one definition for both: {}", parts.join(", "));
    if !without.is_empty() {
        text += &format!(", without {}", without.join(" and without "));
    }
    if !names(true).is_empty() {
        text += &format!(", with {}", list::first(&owned(&names(true)), NAMED));
    }
    text += "; `compare --fix` prints it";
    Some((text, Vec::new()))
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_string()).collect()
}

/// What to paste into the definition in use: one line an element.
fn fragments(fix: &Fix) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let (mut features, mut properties) = (Vec::new(), Vec::new());
    for switch in fix.switches.iter().filter(|switch| !switch.on) {
        if let Some(element) = switch.element.filter(|element| !element.off.is_empty()) {
            let line = format!("`{}` in `{}` of both", element.off, element.within);
            // One element may stand for several bits.
            if !lines.contains(&line) {
                lines.push(line);
            }
        } else if let Some(libvirt) = switch.libvirt {
            features.push(format!("<feature policy='disable' name='{libvirt}'/>"));
        } else if let Some(property) = switch.qemu {
            properties.push(format!("{property}=off"));
        }
    }
    match features.len() {
        0 => {}
        n if n > PASTED => {
            lines.insert(0, format!("{n} features to disable in `<cpu>` of both; `compare --fix` prints them"));
        }
        _ => lines.insert(0, format!("`{}` in `<cpu>` of both", features.concat())),
    }
    if !properties.is_empty() {
        lines.push(format!("`{}` in QEMU's `-cpu` of both", properties.join(",")));
    }
    if let Some(hz) = fix.tsc_hz {
        lines.push(format!("`<timer name='tsc' frequency='{hz}'/>` in `<clock>` of both, or drop `invtsc`"));
    }
    lines
}

/// Whether the fix clears a finding.
#[must_use]
pub fn is_settled(report: &Report, f: &Finding) -> bool {
    let at = report.findings.iter().position(|other| std::ptr::eq(other, f));
    report.fix.as_ref().zip(at).is_some_and(|(fix, at)| fix.clears.contains(&at))
}

/// Whether the fix below says what to paste for all of a paragraph, so that the paragraph need not.
#[must_use]
pub fn is_fixed_below(report: &Report, section: &Section<'_>) -> bool {
    let pasted = report.fix.as_ref().is_some_and(|fix| fix.base.is_none());
    pasted && fix(report).is_some() && section.loud.iter().all(|f| is_settled(report, f))
}

/// What the fix leaves as it is, of what counts: lines with the words that lead them.
#[must_use]
pub fn remains(report: &Report) -> Vec<(&'static str, String)> {
    let Some(whole) = &report.fix else { return Vec::new() };
    let is_shown = fix(report).is_some();
    let lead = if is_shown { "not in this fix" } else { "not fixed here" };
    let mut lines: Vec<(&str, String)> = whole.remains.iter().map(|line| (lead, line.clone())).collect();
    if is_shown && !whole.others.is_empty() {
        lines.push((lead, format!("{}; see their paragraphs", list::first(&whole.others, NAMED))));
    }
    lines
}

/// What is not shown, and which option shows it; `waivers`: those are shown.
#[must_use]
pub fn hidden(report: &Report, waivers: bool) -> String {
    let s = report.summary;
    let quiet = match s.info + s.expected {
        0 => String::new(),
        n => format!("{}, ", count(n, "harmless difference")),
    };
    let more = s.unsafe_ + s.warning > 0 && !waivers;
    let waivers = if more { ", --show-waivers (policy)" } else { "" };
    format!("more: --all ({quiet}places, sources){waivers}")
}

/// Whether a finding is about one feature.
#[must_use]
pub fn is_feature(f: &Finding) -> bool {
    f.is_one_bit() && f.name.is_some() && f.place().is_some_and(|place| place.leaf().is_none_or(|id| id.leaf != 0xd))
}

/// A bit without a name that AMD's CPUs repeat from leaf 1.
fn is_copy(f: &Finding) -> bool {
    f.name.is_none() && f.place().and_then(copy_of).is_some()
}

/// What findings are called in a list, each thing once: the vendor's text stands in three registers, AMD repeats bits of leaf
/// 1, and a cache is described by a dozen numbers.
#[must_use]
pub fn labels(findings: &[&Finding]) -> Vec<String> {
    let in_eax_of = |f: &Finding, leaf: u32| {
        let register = f.place().and_then(|place| Some((place.leaf()?.leaf, place.register()?)));
        register == Some((leaf, Eax))
    };
    let signed = findings.iter().any(|f| in_eax_of(f, 1));
    let mut labels: Vec<String> = Vec::new();
    // AMD's CPUs repeat family, model and stepping.
    for f in findings.iter().filter(|f| !(signed && in_eax_of(f, 0x8000_0001))) {
        let label = label(f);
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}

fn label(f: &Finding) -> String {
    let name = words::name(f);
    let Some((id, register)) = f.place().and_then(|place| Some((place.leaf()?, place.register()?))) else {
        return if name.is_empty() { f.subject.to_string() } else { name.to_string() };
    };
    if f.place().is_some_and(|place| place.signature().is_some()) {
        return if name.is_empty() { f.subject.to_string() } else { name.to_string() };
    }
    let bits = f.place().and_then(|place| place.bits());
    let lo = bits.map(|bits| bits.lo).unwrap_or_default();
    match (id.leaf, id.ecx(), register) {
        (0, _, Ebx | Ecx | Edx) => "vendor text".to_string(),
        (0x8000_0000, _, Ebx | Ecx | Edx) => "0x80000000 EBX to EDX".to_string(),
        (1, _, Eax) => match lo {
            0 => "stepping".to_string(),
            4 | 16 => "model".to_string(),
            8 | 20 => "family".to_string(),
            _ => name.to_string(),
        },
        (2 | 4 | 0x8000_0005 | 0x8000_0006 | 0x8000_001d, ..) => "cache description".to_string(),
        (0xb | 0x1f | 0x8000_001e | 0x8000_0026, ..) => "topology".to_string(),
        (0x8000_0008, _, Ecx) => "number of threads".to_string(),
        (0x8000_0002..=0x8000_0004, ..) => "brand".to_string(),
        (0x8000_0001, _, Edx) if is_copy(f) => "AMD's copies of leaf 1".to_string(),
        (0xd, 0, Eax) if f.is_one_bit() => format!("XCR0[{lo}]"),
        (0xd, 1, Ecx) if f.is_one_bit() => format!("XSS[{lo}]"),
        (0xd, 0 | 1, Ebx | Ecx) | (0xd, 2.., _) => "XSAVE areas".to_string(),
        _ if name.is_empty() || name == "unknown bit" => f.subject.to_string(),
        _ => name.to_string(),
    }
}
