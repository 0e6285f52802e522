//! What two definitions ask for that is in no register set, name by name: a definition says it, so a difference is one of
//! the guests'. Also what another form says and no place holds, such as a word of Xen's that is not known.

use cpuid_probe::dump::{Dump, Imported, Whose};

use super::Context;
use super::collect::Collector;
use crate::finding::{Change, Finding, Judged, Rule, Subject, Value, Values};
use crate::knowledge::{RuleKind, Severity};
use crate::view::said::{ACCEL, MACHINE};

/// What two definitions ask for, or two inputs of one form say beside places; `None` where they are neither.
fn alike<'a>(a: &'a Dump, b: &'a Dump) -> Option<[&'a Imported; 2]> {
    let of = |dump: &'a Dump| dump.provenance.imported.as_ref();
    let (a, b) = (of(a)?, of(b)?);
    let definitions = [a, b].iter().all(|imported| imported.of == Some(Whose::Promise));
    let linux = [a, b].iter().all(|imported| LINUX.contains(&imported.format.as_str()));
    (definitions || linux || a.format == b.format).then_some([a, b])
}

/// Forms that say what the Linux kernel shows.
const LINUX: [&str; 3] = ["cpuinfo", "lscpu", "flags"];

/// Judges what is asked for with different values, or by one side alone. What QEMU or libvirt refuses is not here
/// ([`mod@super::refused`]).
pub fn check(a: &Dump, b: &Dump, context: &Context<'_>, collector: &mut Collector) {
    let Some(sides) = alike(a, b) else { return };
    let mut names: Vec<&String> = sides.iter().flat_map(|side| side.asks.keys()).collect();
    names.sort();
    names.dedup();
    let [meaning, consequence, cause, remedy] = match sides.iter().all(|side| side.of == Some(Whose::Promise)) {
        true => [
            "what the definition asks for beside the CPU's features",
            "What it changes in the guests' CPUs is not known from the definitions alone.",
            "the definitions differ in it",
            "start both guests from one definition, or compare dumps of guests of both",
        ],
        false => [
            "what the input says beside the places that are known here",
            "What it means is not known here.",
            "the inputs differ in it",
            "compare dumps of guests on both",
        ],
    };
    for name in names {
        let [x, y] = sides.map(|side| side.asks(name));
        if x == y || (name == ACCEL || name == MACHINE) && refuses([x, y]) {
            continue;
        }
        let value = |said: Option<&str>| Value::Text(said.unwrap_or("not said").to_string());
        let finding = Finding {
            name: Some(name.clone().into()),
            values: Values { a: value(x), b: value(y), expected: Value::Unknown },
            meaning: Some(meaning.into()),
            consequence: Some(consequence.into()),
            cause: Some(cause.into()),
            remedy: Some(remedy.into()),
            ..Finding::new(Subject::Asked(name.clone()), Rule::Row(RuleKind::Equal))
        };
        let judged = Judged { change: Change::Changed, severity: Severity::Warning };
        collector.put(context.judged(finding, judged, judged), None);
    }
}

/// Whether two machine types or accelerators are others for QEMU: `q35` may stand for any version of it.
pub fn refuses(said: [Option<&str>; 2]) -> bool {
    let [Some(a), Some(b)] = said else { return false };
    let is_family = |name: &str, other: &str| ["pc", "q35"].contains(&name) && other.starts_with("pc-");
    a != b && !is_family(a, b) && !is_family(b, a)
}

/// What one side asks for, where the other is no definition: a sentence for each of the two.
pub fn notes(a: &Dump, b: &Dump) -> [Option<String>; 2] {
    let both = alike(a, b).is_some();
    [a, b].map(|dump| {
        let asks = words(dump.provenance.imported.as_ref().filter(|_| !both)?)?;
        Some(format!("it also says, and this is not compared: {asks}"))
    })
}

/// All that a definition asks for, in one line; `None` where that is nothing.
#[must_use]
pub fn words(imported: &Imported) -> Option<String> {
    let asks: Vec<String> = imported.asks.iter().map(|(name, value)| format!("{name} {value}")).collect();
    (!asks.is_empty()).then(|| asks.join(", "))
}
