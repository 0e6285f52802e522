//! From a comparison or a check to a report: findings, then waivers, then the verdict, then the report, once.

use cpuid_probe::dump::{Boot, Dump, Imported, Source, VcpuDump};
use cpuid_probe::text::write_record;

use crate::cause;
use crate::check::evidence::Log;
use crate::check::offer::Names;
use crate::check::{Baseline, Checked};
use crate::cpu_map::CpuMap;
use crate::decode::brand;
use crate::finding::{Finding, Value, Values, sort};
use crate::fix;
use crate::judge::rule::Directions;
use crate::judge::verdict::{self, Doubts, Grounds, summary};
use crate::judge::{Comparison, compare, notes};
use crate::knowledge::Knowledge;
use crate::policy::{Day, Policy};
use crate::report::{BaselineResult, BaselineVerdict, Coverage, Input, Report, Verdict};
use crate::view::join::{not_captured, sorted};
use crate::view::role::{self, shows_all_of_host};
use crate::view::{DumpView, Role};

/// A dump and what the user calls it.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// The file's name, as given.
    pub name: String,
    /// The dump.
    pub dump: Dump,
}

/// What reports are made by: the rows, and what the site accepts.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The rows.
    pub knowledge: &'a Knowledge,
    /// The site's waivers, and the day on which they are judged.
    pub policy: Option<(&'a Policy, Day)>,
    /// Roles that the user states: of the input with this name, or of every one.
    pub roles: &'a [(Option<String>, Role)],
}

impl Default for Site<'_> {
    /// The rows compiled in, and no policy.
    fn default() -> Self {
        Self { knowledge: Knowledge::builtin(), policy: None, roles: &[] }
    }
}

impl Site<'_> {
    /// The role that the user states of an input.
    fn stated(&self, name: &str) -> Option<Role> {
        role::stated(self.roles, |of| of == name)
    }

    /// The role of an input: what the user states, else what the dump says.
    fn role(&self, name: &str, view: &DumpView<'_>) -> Role {
        self.stated(name).unwrap_or_else(|| Role::of(view))
    }

    /// Marks what the site accepts; what is to be said of that.
    fn waive(&self, findings: &mut [Finding], inputs: &[Input]) -> Vec<String> {
        self.policy.map(|(policy, as_of)| policy.waive(findings, inputs, as_of)).unwrap_or_default()
    }
}

/// Compares two dumps and reports it; with a baseline, holds both against it too: three columns.
///
/// What the comparison finds keeps its judgement and learns what was expected. A promise that both inputs break alike
/// is a finding of its own, which no direction has a part in.
#[must_use]
pub fn report(
    a: &Named,
    b: &Named,
    directions: Directions,
    baseline: Option<(&Baseline<'_>, Option<&Log>)>,
    site: &Site<'_>,
) -> Report {
    let views = [a, b].map(|named| DumpView::of(&named.dump));
    let Comparison { mut findings, mut not_captured, mut notes, refused, compared, complete, msrs } =
        compare(&views[0], &views[1], directions, site.knowledge);
    let map = CpuMap::newest_over(site.knowledge);
    let causes = cause::find(&views[0], &views[1], &mut findings, &map, site.knowledge);
    let mut doubts = Vec::new();
    if let Some((baseline, log)) = baseline {
        let mut own: Vec<Finding> = Vec::new();
        for (input, (named, view)) in [a, b].into_iter().zip(&views).enumerate() {
            let checked = checked(input, view, site.role(&named.name, view), baseline, log, site);
            not_captured.extend(checked.not_captured);
            doubts.push(checked.doubts);
            for found in checked.findings {
                join(&mut findings, &mut own, input, &named.name, found);
            }
        }
        not_captured = sorted(not_captured, &[&views[0], &views[1]]);
        findings.append(&mut own);
        sort(&mut findings);
        notes.extend(baseline.notes());
        notes.extend(log.and_then(Log::note));
    }
    let inputs: Vec<Input> = [a, b].iter().zip(&views).map(|(named, view)| input(named, view, site)).collect();
    notes.extend(site.waive(&mut findings, &inputs));
    let fix = Some(fix::fix([&views[0], &views[1]], &findings, &causes, &map, site.knowledge));
    let [x, y] = [0, 1].map(|i: usize| inputs[i].role);
    let unlike = !x.goes_with(y) || x == Role::Hardware;
    let grounds = Grounds { complete, msrs, unlike, refused };
    let results: Vec<BaselineVerdict> =
        doubts.iter().enumerate().map(|(input, doubts)| verdict::baseline(input, &findings, doubts)).collect();
    notes.extend(results.iter().zip(&doubts).filter_map(|(result, doubts)| also_unverified(result, doubts)));
    Report {
        inputs,
        verdict: Verdict { baseline: results, ..verdict::verdict(&findings, directions, grounds) },
        notes,
        summary: summary(&findings),
        findings,
        causes,
        fix,
        not_captured,
        compared,
        dumps: vec![a.dump.clone(), b.dump.clone()],
    }
}

/// Joins what a check found in an input with what the comparison found there, and with what the check of the other input
/// found. Values of the check are those of its input; the other input has what was expected until its own check says
/// otherwise.
fn join(compared: &mut [Finding], own: &mut Vec<Finding>, input: usize, name: &str, mut found: Finding) {
    let evidence: Vec<String> = found.evidence.drain(..).map(|line| format!("{name}: {line}")).collect();
    let mut known = compared.iter_mut().filter(|f| f.subject == found.subject).peekable();
    if known.peek().is_some() {
        for finding in known {
            finding.values.expected = found.values.expected.clone();
            finding.remedy = finding.remedy.take().or(found.remedy.clone());
            finding.evidence.extend(evidence.iter().cloned());
            finding.breaks.extend(&found.breaks);
        }
        return;
    }
    let of_input = std::mem::take(&mut found.values.a);
    let expected = found.values.expected.clone();
    let slot = |values: &mut Values, value: Value| if input == 0 { values.a = value } else { values.b = value };
    match own.iter_mut().find(|f| f.subject == found.subject && f.rule == found.rule) {
        Some(both) if input == 1 && both.input != Some(1) => {
            slot(&mut both.values, of_input);
            both.input = None;
            both.vcpus.extend(&found.vcpus);
            both.vcpus.sort_unstable();
            both.vcpus.dedup();
            both.severity = both.severity.min(found.severity);
            both.evidence.extend(evidence);
            both.breaks.extend(found.breaks);
        }
        _ => {
            found.values = Values { a: expected.clone(), b: expected.clone(), expected };
            slot(&mut found.values, of_input);
            found.evidence = evidence;
            own.push(found);
        }
    }
}

/// Holds one dump against a baseline and reports it. `log` is what was announced for it; without one, what a throw-away
/// guest's dump itself holds.
#[must_use]
pub fn check(named: Named, baseline: &Baseline<'_>, log: Option<&Log>, site: &Site<'_>) -> Report {
    let view = DumpView::of(&named.dump);
    let stated = site.role(&named.name, &view);
    let role = stated.of_checked();
    let mut checked = checked(0, &view, stated, baseline, log, site);
    // Of an offer, and of a source that makes statements, the places that are promised count, and no others.
    let answers = role == Role::Offer || named.dump.is_statements();
    let complete = view.is_complete() || answers && checked.doubts.unread.is_none();
    if role != Role::Offer {
        checked.not_captured.extend(not_captured(0, &view));
    }
    checked.not_captured = sorted(checked.not_captured, &[&view]);
    let mut notes = notes::of_checked(&named.dump);
    notes.extend(notes_on_role(&view, role));
    notes.extend(baseline.notes());
    notes.extend(log.and_then(Log::note));
    let input = input(&named, &view, site);
    let msrs = view.has_msrs() || answers;
    let compared = view.vcpus.iter().map(|v| v.vcpu.leaves().len()).sum();
    of_one(input, named.dump, checked, notes, (Coverage::of(complete), msrs, compared), site)
}

/// Holds a host that lists names against a baseline and reports it.
///
/// # Errors
/// As [`Baseline::check_names`]; the user states another role than the list itself.
pub fn check_names(
    name: &str,
    names: &Names<'_>,
    baseline: &Baseline<'_>,
    site: &Site<'_>,
) -> Result<Report, &'static str> {
    if site.stated(name).is_some_and(|role| role != names.role()) {
        return Err("libvirt's list says itself what it is; --as is for dumps");
    }
    let mut dump = Dump::new(Source::Import);
    dump.provenance.imported = Some(Imported { format: names.document().to_string(), ..Imported::default() });
    let named = Named { name: name.to_string(), dump };
    let view = DumpView::of(&named.dump);
    let checked = baseline.check_names(0, names, &view, site.knowledge)?;
    let input = Input {
        cpu: names.cpu.model.clone(),
        vendor: names.vendor(),
        complete: checked.doubts.unread.is_none(),
        role: names.role(),
        ..input(&named, &view, site)
    };
    let mut notes = vec![format!("checked as {}: {}", with_article(names.role()), names.document())];
    notes.extend(baseline.notes());
    let coverage = Coverage::of(checked.doubts.unread.is_none());
    Ok(of_one(input, named.dump, checked, notes, (coverage, true, names.len()), site))
}

/// The report of one input that was held against a baseline. `extent`: how much of it there is, whether its MSRs are, and
/// how many register sets or names were looked at.
fn of_one(
    input: Input,
    dump: Dump,
    checked: Checked,
    mut notes: Vec<String>,
    extent: (Coverage, bool, usize),
    site: &Site<'_>,
) -> Report {
    let Checked { mut findings, not_captured, doubts } = checked;
    let (coverage, msrs, compared) = extent;
    let inputs = vec![input];
    notes.extend(site.waive(&mut findings, &inputs));
    let result = verdict::baseline(0, &findings, &doubts);
    notes.extend(also_unverified(&result, &doubts));
    Report {
        inputs,
        verdict: Verdict {
            overall: None,
            a_to_b: None,
            b_to_a: None,
            refused: Vec::new(),
            unlike: false,
            coverage,
            msrs,
            baseline: vec![result],
        },
        notes,
        summary: summary(&findings),
        findings,
        causes: Vec::new(),
        fix: None,
        not_captured,
        compared,
        dumps: vec![dump],
    }
}

const fn with_article(role: Role) -> &'static str {
    if matches!(role, Role::Offer) { "an offer" } else { role.word() }
}

/// What stays unverified beside a broken promise: the verdict does not say it.
fn also_unverified(result: &BaselineVerdict, doubts: &Doubts) -> Option<String> {
    let reasons: Vec<&str> = doubts.others.iter().chain(&doubts.unread).map(String::as_str).collect();
    let broken = result.result == BaselineResult::NotMet && !reasons.is_empty();
    broken.then(|| format!("also not verified: {}", reasons.join("; ")))
}

/// What is to be said of the role of a dump that is checked.
fn notes_on_role(view: &DumpView<'_>, role: Role) -> Option<String> {
    match role {
        Role::Guest if shows_all_of_host(view.dump) => Some(
            "checked as a guest; this throw-away guest got all that its host has: --as offer asks what the host can give"
                .to_string(),
        ),
        Role::Guest => None,
        other => Some(format!("checked as {}", with_article(other))),
    }
}

fn checked(
    input: usize,
    view: &DumpView<'_>,
    role: Role,
    baseline: &Baseline<'_>,
    log: Option<&Log>,
    site: &Site<'_>,
) -> Checked {
    let own = Log::of_boot(view.dump);
    baseline.check(input, view, role, log.or(own.as_ref()), site.knowledge)
}

/// What a report says of an input.
#[must_use]
pub fn input(named: &Named, view: &DumpView<'_>, site: &Site<'_>) -> Input {
    let Named { name, dump } = named;
    let first = dump.vcpus.first();
    let boot = dump.provenance.boot.as_ref();
    Input {
        name: name.clone(),
        label: dump.provenance.label.clone(),
        source: dump.provenance.source,
        role: site.role(name, view),
        accel: boot.map(|boot| boot.accel.clone()),
        vendor: first.and_then(VcpuDump::vendor).map(|v| v.to_string()),
        cpu: boot
            .map(|boot| boot.cpu.clone())
            .or_else(|| first.and_then(brand))
            .or_else(|| dump.provenance.imported.as_ref()?.cpu.clone()),
        qemu: boot.map(|boot| boot.qemu.clone()),
        machine: boot.map(|boot| boot.machine.clone()),
        smp: boot.and_then(Boot::smp).map(str::to_string),
        kernel: dump.provenance.kernel.clone(),
        microcode: dump.provenance.microcode.clone(),
        hypervisor: first.map(|v| v.blocks().map(|b| b.signature.to_string()).collect()).unwrap_or_default(),
        vcpus: dump.vcpus.len(),
        vcpus_online: dump.provenance.vcpus_online,
        complete: view.is_complete(),
        is_names: dump.is_statements() || dump.vcpus.is_empty(),
    }
}

/// A dump as bare lines, which a unified diff can be made of. Several vCPUs are told apart by a comment line.
#[must_use]
pub fn canonical(dump: &Dump) -> String {
    let mut out = String::new();
    for v in dump.vcpus.iter().filter(|v| !v.is_statements()) {
        if dump.vcpus.len() > 1 {
            out.push_str(&format!("# vcpu {}\n", v.vcpu));
        }
        for record in v.leaves() {
            // Writing to a String cannot fail.
            let _ = write_record(&mut out, record);
        }
    }
    out
}
