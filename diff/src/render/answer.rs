//! The answer, which every form gives first and in one order: the verdict in words, what the inputs are, one paragraph a
//! cause, the fix, and one line on what is not shown.

use cpuid_probe::Register::{Eax, Ebx, Ecx, Edx};

use crate::cause::more_in;
use crate::finding::{Change, Finding, Judged};
use crate::fix::Fix;
use crate::knowledge::{Severity, copy_of};
use crate::list;
use crate::render::words::{self, Group};
use crate::report::{BaselineResult, By, Coverage, Direction, Input, Overall, Report, Verdict, Way};
use crate::view::Role;

/// So many groups of findings without a common cause are told in prose; more are listed.
const MOST_GROUPS: usize = 3;
/// So many characters of a text are told; the rest is under `--all`.
const BRIEF: usize = 150;
/// A file's name up to this length stands for its input.
const NAME: usize = 24;

/// One line of the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `node1 → node2`; empty where the line is about both or neither.
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
        let gap = if self.word.starts_with("REFUSED") { ": " } else { ", " };
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
                let way = format!("{} → {}", names[from], names[to]);
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
            BaselineResult::Unverified => {
                ("baseline unverified", b.reason.clone().unwrap_or_default(), Severity::Warning)
            }
        };
        Line { way: names[b.input].clone(), word, why, severity }
    }));
    lines
}

fn direction(way: Way) -> fn(&Finding) -> Option<Judged> {
    match way {
        Way::AToB => |f| f.a_to_b,
        Way::BToA => |f| f.b_to_a,
    }
}

/// `loses 3 features, gains 1, 2 values change`: what counts of one direction.
fn happens(report: &Report, judged: fn(&Finding) -> Option<Judged>) -> String {
    let loud: Vec<(&Finding, Judged)> = report
        .findings
        .iter()
        .filter(|f| f.severity != Severity::Waived && !is_copy(f))
        .filter_map(|f| Some((f, judged(f)?)))
        .filter(|(_, j)| matches!(j.severity, Severity::Unsafe | Severity::Warning))
        .collect();
    let features = |change: Change| loud.iter().filter(|(f, j)| j.change == change && is_feature(f)).count();
    let (lost, gained) = (features(Change::Lost), features(Change::Gained));
    let others: Vec<&Finding> = loud.iter().filter(|(f, _)| !is_feature(f)).map(|(f, _)| *f).collect();
    let others = labels(&others).len();
    let mut parts = Vec::new();
    if lost > 0 {
        parts.push(format!("loses {}", count(lost, "feature")));
    }
    if gained > 0 {
        parts.push(format!("gains {}", count(gained, "feature")));
    }
    if others > 0 {
        parts.push(format!("{} differ{}", count(others, "value"), if others == 1 { "s" } else { "" }));
    }
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
            (true, false) if v.b_to_a.is_some() => format!("{} → {}", names[0], names[1]),
            (false, true) if v.a_to_b.is_some() => format!("{} → {}", names[1], names[0]),
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
    let overall = v.overall.filter(|o| !one_direction && *o != Overall::Undecided);
    let mut parts: Vec<String> = overall.map(|o| o.word().to_string()).into_iter().collect();
    let roles: Vec<Role> = report.inputs.iter().map(|input| input.role).collect();
    let tcg = report.inputs.iter().any(words::is_tcg);
    parts.extend(tcg.then(|| "TCG: what QEMU emulates, not what a host gives".to_string()));
    let lacks = words::not_captured(report, most);
    if !lacks.is_empty() {
        parts.push(format!("partial: {}", lacks.join(", ")));
    } else if v.coverage == Coverage::Partial {
        parts.push("partial".to_string());
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
        let directions = self.directions();
        let both = self.loud.iter().all(|f| f.waived.is_none()) && !directions.is_empty();
        if both { format!("{}; {directions}", cut(&self.features(), width)) } else { cut(&self.features(), width) }
    }

    /// Which way it is how bad: `A → B gained: warning; B → A lost: unsafe`.
    #[must_use]
    pub fn directions(&self) -> String {
        let mut said: Vec<String> = Vec::new();
        for f in &self.loud {
            let words = words::directions(f).replace(" to ", " → ");
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
            is_of_many: group.findings.len() > 4,
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
    let shown = list::first(&heads, 4);
    let first = group.findings[0];
    let alike = group.findings.iter().all(|f| f.values == first.values);
    let values = match (words::decoded(first), alike) {
        (Some(decoded), true) => format!(": {decoded}"),
        (_, true) => values(report, first),
        _ => String::new(),
    };
    format!("{shown}{values}")
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

/// Many findings without a common cause: by what happens to them.
fn listed<'a>(report: &'a Report, groups: Vec<Group<'a>>) -> Vec<Section<'a>> {
    let check = report.verdict.overall.is_none();
    let mut kinds: Vec<(String, Severity, Vec<&'a Finding>)> = Vec::new();
    for f in groups.into_iter().flat_map(|group| group.findings) {
        let title = if check {
            match f.severity {
                Severity::Unsafe => "promised and missing, or there and forbidden".to_string(),
                _ => "not as promised".to_string(),
            }
        } else if f.causes.len() > 1 {
            f.cause.as_deref().unwrap_or_default().to_string()
        } else if let Some(input) = f.input {
            format!("{} contradicts itself", words::letter(input))
        } else {
            match (more_in(f), is_feature(f)) {
                (Some(0), true) => "only A has; nothing above explains it".to_string(),
                (Some(_), true) => "only B has; nothing above explains it".to_string(),
                _ => "other values; nothing above explains them".to_string(),
            }
        };
        match kinds.iter_mut().find(|(known, ..)| *known == title) {
            Some((_, severity, findings)) => {
                *severity = (*severity).min(f.severity);
                findings.push(f);
            }
            None => kinds.push((title, f.severity, vec![f])),
        }
    }
    let section = |(title, severity, loud)| Section {
        title,
        severity,
        loud,
        quiet: 0,
        consequence: None,
        cause: None,
        fix: None,
        inferred: false,
        is_of_many: true,
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
        (!gone.is_empty()).then(|| list::first(&owned(&gone), 12)),
        (!fix.dropped.is_empty()).then(|| format!("{} that neither side has", count(fix.dropped.len(), "promise"))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut text = format!("one definition for both: {}", parts.join(", "));
    if !without.is_empty() {
        text += &format!(", without {}", without.join(" and without "));
    }
    if !names(true).is_empty() {
        text += &format!(", with {}", list::first(&owned(&names(true)), 12));
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
    let (mut features, mut properties) = (String::new(), Vec::new());
    for switch in fix.switches.iter().filter(|switch| !switch.on) {
        if let Some(element) = switch.element.filter(|element| !element.off.is_empty()) {
            lines.push(format!("`{}` in `{}` of both", element.off, element.within));
        } else if let Some(libvirt) = switch.libvirt {
            features += &format!("<feature policy='disable' name='{libvirt}'/>");
        } else if let Some(property) = switch.qemu {
            properties.push(format!("{property}=off"));
        }
    }
    if !features.is_empty() {
        lines.insert(0, format!("`{features}` in `<cpu>` of both"));
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
    pasted && section.loud.iter().all(|f| is_settled(report, f))
}

/// What no definition settles, of what counts; sentences.
#[must_use]
pub fn remains(report: &Report) -> &[String] {
    report.fix.as_ref().map_or(&[], |fix| fix.remains.as_slice())
}

/// What is not shown, and where it is.
#[must_use]
pub fn hidden(report: &Report) -> String {
    let s = report.summary;
    let quiet = if s.info + s.expected > 0 { format!("{} harmless, ", s.info + s.expected) } else { String::new() };
    let waivers = if s.unsafe_ + s.warning > 0 { "; waivers: --show-waivers" } else { "" };
    format!("not shown: {quiet}places, sources: --all{waivers}")
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
    let mut labels: Vec<String> = Vec::new();
    for f in findings {
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
        (1 | 0x8000_0001, _, Eax) => "family, model, stepping".to_string(),
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
