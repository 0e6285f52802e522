//! Protections and hazards of a pool: none is taken away, and none passed over, without a word.

use std::collections::BTreeMap;

use cpuid_probe::Place;

use super::{Class, Known};
use crate::cpu_map::{CpuMap, Features};
use crate::knowledge::advice::Asked;
use crate::knowledge::{Guard, Knowledge, Row, RuleKind};
use crate::list;
use crate::view::Role;

/// Who has a bit, who has not, and who does not say. An input of which only some vCPUs have it is in the first two.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Sides {
    have: Vec<usize>,
    lack: Vec<usize>,
    unknown: Vec<usize>,
}

impl Sides {
    fn of(classes: &[Class], place: Place, map: &CpuMap) -> Self {
        let named = map.feature_at(place);
        let mut sides = Self::default();
        for (i, Class { says, .. }) in classes.iter().enumerate() {
            let known = match named {
                Some(id) => says.of(id),
                None => says.guards.get(&place).copied().unwrap_or(Known::Unknown),
            };
            if matches!(known, Known::Has | Known::Some) {
                sides.have.push(i);
            }
            if matches!(known, Known::Lacks | Known::Some) {
                sides.lack.push(i);
            }
            if known == Known::Unknown {
                sides.unknown.push(i);
            }
        }
        sides
    }
}

/// Says which protections `given`, what guests of the result get, lacks though an input has them, and in which hazards
/// the inputs differ. The first word names the hosts to update.
pub(super) fn settle(
    classes: &[Class],
    given: &Features,
    map: &CpuMap,
    knowledge: &Knowledge,
    words: &mut Vec<String>,
    notes: &mut Vec<String>,
) {
    let mut lost: BTreeMap<Sides, Vec<String>> = BTreeMap::new();
    let mut hazards = Vec::new();
    for (place, row) in knowledge.guards() {
        let sides = Sides::of(classes, place, map);
        let id = map.feature_at(place);
        let differs = !sides.have.is_empty() && !sides.lack.is_empty();
        if row.guard == Some(Guard::Protection) {
            let gone = !id.is_some_and(|id| given.contains(&id));
            // Where all have what no definition can name, only a guest that runs with it loses it.
            let nothing_else = sides.lack.is_empty() && id.is_none();
            let had = sides.have.iter().any(|i| !nothing_else || classes[*i].says.role == Role::Guest);
            if differs && row.rule == RuleKind::Hazard {
                notes.push(sentence(classes, &sides, place, &row, knowledge));
            }
            if gone && had {
                lost.entry(sides).or_default().push(name(place, &row));
            }
        } else if differs || row.guard == Some(Guard::Hazard) && !sides.have.is_empty() && !sides.unknown.is_empty() {
            hazards.push(sentence(classes, &sides, place, &row, knowledge));
        }
    }
    // The loss that an update mends comes first; of those the largest.
    let mut lost: Vec<(Sides, Vec<String>)> = lost.into_iter().collect();
    lost.sort_by_key(|(sides, names)| (sides.lack.is_empty(), std::cmp::Reverse(names.len())));
    let lost = lost.iter().map(|(sides, names)| {
        let have = all(classes, &sides.have);
        let have = format!("{} {}", list::first(&have, 8), if have.len() == 1 { "has" } else { "have" });
        let lack = all(classes, &sides.lack);
        let (names, unknown) = (names.join(" "), all(classes, &sides.unknown));
        if !lack.is_empty() {
            let lacks = if lack.len() == 1 { "it lacks" } else { "they lack" };
            format!(
                "update {}: {lacks} protections that {have}: {names}; a guest of this result is without them \
                 everywhere",
                lack.join(", ")
            )
        } else if !unknown.is_empty() {
            format!(
                "not known of {}: protections that {have}: {names}; a guest of this result is without them everywhere",
                unknown.join(", ")
            )
        } else {
            format!("protections that {have} and that this result cannot name are not in it: {names}")
        }
    });
    words.extend(lost.chain(hazards));
}

fn name(place: Place, row: &Row) -> String {
    row.name.map_or_else(|| place.prose().to_string(), str::to_string)
}

fn all(classes: &[Class], of: &[usize]) -> Vec<String> {
    of.iter().filter_map(|i| classes.get(*i)).flat_map(|class| class.names.iter().cloned()).collect()
}

/// Who has a bit that a pool should agree on, and what that means.
fn sentence(classes: &[Class], sides: &Sides, place: Place, row: &Row, knowledge: &Knowledge) -> String {
    let named = row.name.map_or_else(|| place.prose().to_string(), |name| format!("{name} ({})", place.prose()));
    let [have, lack, unknown] = [&sides.have, &sides.lack, &sides.unknown].map(|of| all(classes, of));
    let mut who = format!("{} {} it", list::first(&have, 8), if have.len() == 1 { "has" } else { "have" });
    if !lack.is_empty() {
        who += &format!(", {} {} not", list::first(&lack, 8), if lack.len() == 1 { "does" } else { "do" });
    }
    if !unknown.is_empty() {
        who += &format!(", {} {} not say", list::first(&unknown, 8), if unknown.len() == 1 { "does" } else { "do" });
    }
    let why = if row.guard == Some(Guard::Protection) {
        "no host can be given what it lacks"
    } else {
        "QEMU cannot raise it"
    };
    let advice = knowledge.advice(place, row, Asked::Explain, false);
    format!(
        "{named} differs: {who}; it is left out, as {why}. {}{}",
        row.reason.map_or_else(String::new, |reason| format!("{reason}. ")),
        advice.consequence
    )
}
