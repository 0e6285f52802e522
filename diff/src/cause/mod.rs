//! Causes: the few things that explain many findings.
//!
//! Things are found first, by looking at both provenances and at what the dumps say of themselves: the machine type, QEMU's
//! version, the CPU definition, and so on. A thing claims a finding only where it differs *and* a row links it to the
//! finding's place and direction. A finding that several things could explain belongs to none of them, and names them all; one
//! that nothing explains stands alone.

mod compat;
mod data;
pub mod definition;
mod properties;
mod things;

use cpuid_probe::Place;

use crate::cpu_map::CpuMap;
use crate::finding::{Change, Finding, Judged, Value};
use crate::knowledge::{Knowledge, STATES, State, copy_of};
use crate::view::DumpView;
pub use data::{Cause, CauseOf};
use things::Thing;

/// The side on which a place holds more.
pub(crate) fn more_in(f: &Finding) -> Option<usize> {
    let change = |judged: Option<Judged>| judged.map(|j| j.change);
    match (change(f.a_to_b), change(f.b_to_a)) {
        (Some(Change::Lost), _) | (None, Some(Change::Gained)) => Some(0),
        (Some(Change::Gained), _) | (None, Some(Change::Lost)) => Some(1),
        _ => None,
    }
}

/// Finds the causes of what was found between two dumps, and marks each finding with those that could explain it.
///
/// Only findings that a direction has a part in, and that are not expected, have a cause.
pub fn find(
    a: &DumpView<'_>,
    b: &DumpView<'_>,
    findings: &mut [Finding],
    map: &CpuMap,
    knowledge: &Knowledge,
) -> Vec<Cause> {
    let things = things::things([a, b], knowledge, map);
    let mut claims: Vec<Vec<usize>> = vec![Vec::new(); findings.len()];
    let claim = |f: &Finding, wanted: fn(&Thing<'_>) -> bool| -> Vec<usize> {
        let links = things.iter().enumerate().filter(|(_, thing)| wanted(thing));
        let strengths: Vec<(usize, u8)> = links.filter_map(|(i, thing)| Some((i, (thing.links)(f)?))).collect();
        let best = strengths.iter().map(|(_, strength)| *strength).max();
        strengths.into_iter().filter(|(_, strength)| Some(*strength) == best).map(|(i, _)| i).collect()
    };
    for (f, claims) in findings.iter().zip(&mut claims).filter(|(f, _)| f.is_open()) {
        *claims = claim(f, |thing| !thing.inferred);
    }
    let own = follow(findings, &mut claims, things.len(), knowledge);
    for (f, claims) in findings.iter().zip(&mut claims).filter(|(f, _)| f.is_open()) {
        if claims.is_empty() {
            *claims = claim(f, |thing| thing.inferred);
        }
    }
    settle(things, own, findings, claims)
}

/// Numbers the causes that explain something, and tells the findings.
fn settle(things: Vec<Thing<'_>>, own: Vec<Cause>, findings: &mut [Finding], claims: Vec<Vec<usize>>) -> Vec<Cause> {
    let describe = |i: usize, thing: &Thing<'_>| {
        let claimed: Vec<&Finding> =
            findings.iter().zip(&claims).filter(|(_, claims)| claims.contains(&i)).map(|(f, _)| f).collect();
        (thing.describe)(&claimed)
    };
    let mut causes: Vec<Cause> = things
        .iter()
        .enumerate()
        .map(|(i, thing)| {
            let (what, why, fix) = describe(i, thing);
            Cause { of: thing.of, what, why, inferred: thing.inferred, clears: 0, fix: Some(fix) }
        })
        .collect();
    causes.extend(own);
    let used: Vec<bool> = (0..causes.len()).map(|i| claims.iter().any(|claims| claims.contains(&i))).collect();
    let number = |i: usize| used[..i].iter().filter(|used| **used).count();
    for (f, claims) in findings.iter_mut().zip(&claims) {
        f.causes = claims.iter().map(|i| number(*i)).collect();
        let of: Vec<&Cause> = claims.iter().map(|i| &causes[*i]).collect();
        match of.as_slice() {
            [] => {}
            [one] => {
                f.cause = Some(one.text().into_owned().into());
                f.remedy = one.fix.clone().map(Into::into);
            }
            several => {
                let what: Vec<String> = several.iter().map(|cause| cause.text().into_owned()).collect();
                f.cause = Some(format!("one of these, and nothing shows which: {}", what.join("; ")).into());
                let fixes: Vec<&str> = several.iter().filter_map(|cause| cause.fix.as_deref()).collect();
                f.remedy = (!fixes.is_empty()).then(|| fixes.join("; or ").into());
            }
        }
        if let [one] = claims.as_slice() {
            causes[*one].clears += 1;
        }
    }
    let mut used = used.into_iter();
    causes.retain(|_| used.next().unwrap_or_default());
    causes
}

/// Gives findings that follow from others the causes of what they follow: XSAVE's areas follow its components, components
/// the features that bring them, what stands behind a gate the gate, and what QEMU clears what it needs.
///
/// What has followers and no cause is one itself; these are returned, numbered from `first`.
fn follow(findings: &[Finding], claims: &mut [Vec<usize>], first: usize, knowledge: &Knowledge) -> Vec<Cause> {
    let at = |place: Place| findings.iter().position(|f| f.is_open() && f.place() == Some(place));
    let same_way =
        |i: usize, j: usize| more_in(&findings[i]).is_some() && more_in(&findings[i]) == more_in(&findings[j]);
    // What each finding follows directly.
    let followed: Vec<Vec<usize>> = findings
        .iter()
        .enumerate()
        .map(|(i, f)| {
            let Some(place) = f.place().filter(|_| f.is_open()) else { return Vec::new() };
            let roots = roots(place, f, findings, knowledge);
            roots.into_iter().filter_map(at).filter(|j| *j != i && same_way(i, *j)).collect()
        })
        .collect();
    let mut own: Vec<Cause> = Vec::new();
    // A chain is short: area, component, feature, gate.
    for _ in 0..4 {
        for i in 0..findings.len() {
            if claims[i].is_empty()
                && let Some(j) = followed[i].iter().find(|j| !claims[**j].is_empty())
            {
                claims[i] = claims[*j].clone();
            }
        }
    }
    for state in STATES {
        let members: Vec<usize> = (0..findings.len())
            .filter(|i| claims[*i].is_empty() && findings[*i].is_open() && is_of(state, &findings[*i]))
            .collect();
        let Some(leader) = members.iter().find(|i| component(&findings[**i]).is_some()) else { continue };
        // It follows a feature that differs as well: that is the cause, below.
        if !followed[*leader].is_empty() {
            continue;
        }
        let side = more_in(&findings[*leader]);
        let members: Vec<usize> = members.iter().copied().filter(|i| more_in(&findings[*i]) == side).collect();
        for i in &members {
            claims[*i] = vec![first + own.len()];
        }
        own.push(state_cause(state, side));
    }
    for _ in 0..4 {
        for i in 0..findings.len() {
            if !claims[i].is_empty() {
                continue;
            }
            let Some(j) = followed[i].first().copied() else { continue };
            if claims[j].is_empty() && followed[j].is_empty() {
                claims[j] = vec![first + own.len()];
                own.push(gate_cause(&findings[j]));
            }
            claims[i] = claims[j].clone();
        }
    }
    own
}

/// The bits of XCR0 or IA32_XSS that a finding is about, with which of the two it is.
fn component(f: &Finding) -> Option<(bool, u64)> {
    use cpuid_probe::Register::{Eax, Ecx};
    let (id, register, bits) = (f.place()?.leaf()?, f.place()?.register()?, f.place()?.bits()?);
    match (id.leaf, id.ecx(), register) {
        (0xd, 0, Eax) => Some((false, bits.mask())),
        (0xd, 1, Ecx) => Some((true, bits.mask())),
        _ => None,
    }
}

/// Whether a finding is about a component of a state, or its area.
pub(crate) fn is_of(state: &State, f: &Finding) -> bool {
    let both = state.xcr0 | state.xss;
    match component(f) {
        Some((xss, mask)) => mask & if xss { state.xss } else { state.xcr0 } != 0,
        None => area(f).is_some_and(|component| both >> component & 1 == 1),
    }
}

/// The component whose area a finding is about.
fn area(f: &Finding) -> Option<u32> {
    let id = f.place()?.leaf()?;
    (id.leaf == 0xd && (2..63).contains(&id.ecx())).then(|| id.ecx())
}

/// The two numbers of a finding, where both sides have one.
fn numbers(f: &Finding) -> Option<[u64; 2]> {
    match (&f.values.a, &f.values.b) {
        (Value::Number(a), Value::Number(b)) => Some([*a, *b]),
        _ => None,
    }
}

/// The places that a place follows, the nearest first.
fn roots(place: Place, f: &Finding, findings: &[Finding], knowledge: &Knowledge) -> Vec<Place> {
    use cpuid_probe::Register::{Eax, Ebx, Ecx};
    let named = |name: &&str| knowledge.by_name(name).first().map(|found| found.place);
    let components = |of: &dyn Fn(&Finding) -> bool| -> Vec<Place> {
        findings.iter().filter(|f| component(f).is_some() && of(f)).filter_map(Finding::place).collect()
    };
    let is_size = place.leaf().is_some_and(|id| {
        let register = place.register();
        id.leaf == 0xd && (id.ecx() == 0 && register == Some(Ecx) || id.ecx() < 2 && register == Some(Ebx))
    });
    if is_size {
        return components(&|other| more_in(other) == more_in(f));
    }
    if let Some(area) = area(f) {
        return components(&|other| component(other).is_some_and(|(_, mask)| mask >> area & 1 == 1));
    }
    let row = knowledge.row(place);
    let mut roots: Vec<Place> = Vec::new();
    if component(f).is_some() {
        let states = STATES.iter().filter(|state| is_of(state, f));
        roots.extend(states.flat_map(|state| state.features.iter().filter_map(named)));
    }
    roots.extend(copy_of(place));
    roots.extend(row.gates.iter().copied());
    roots.extend(row.needs.iter().filter_map(named));
    // The largest leaf of a range, where a feature behind it brings it.
    if let (Some(id), Some(Eax), Some([a, b])) = (place.leaf(), place.register(), numbers(f))
        && (id.leaf == 0 || id.leaf == 0x8000_0000)
    {
        let behind = |leaf: u32| (u64::from(leaf) > a.min(b)) && u64::from(leaf) <= a.max(b);
        let feature = |other: &&Finding| {
            other.is_one_bit() && other.place().and_then(Place::leaf).is_some_and(|id| behind(id.leaf))
        };
        roots.extend(findings.iter().filter(feature).filter_map(Finding::place));
    }
    roots
}

/// Sides in sentences.
pub(crate) const SIDES: [&str; 2] = ["A", "B"];

fn state_cause(state: &State, side: Option<usize>) -> Cause {
    let names = state.features.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    let room = match side {
        Some(side) => format!("{}'s XSAVE area has room for it, {}'s has not", SIDES[side], SIDES[1 - side]),
        None => "one XSAVE area has room for it".to_string(),
    };
    Cause {
        of: CauseOf::State,
        what: format!("{} state", state.name),
        why: format!(
            "{room}, though {names} {} the same on both",
            if state.features.len() == 1 { "is" } else { "are" }
        ),
        inferred: false,
        clears: 0,
        fix: Some(format!("take {} out of both definitions", state.name)),
    }
}

fn gate_cause(gate: &Finding) -> Cause {
    let name = gate.name.as_deref().unwrap_or_default();
    let what = match more_in(gate) {
        Some(side) => format!("`{name}`: on in {}, off in {}", SIDES[side], SIDES[1 - side]),
        None => format!("`{name}` differs"),
    };
    Cause {
        of: CauseOf::Gate,
        what,
        why: "what needs it comes and goes with it".to_string(),
        inferred: false,
        clears: 0,
        fix: Some(format!("give both the same `{name}`")),
    }
}
