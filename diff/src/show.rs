//! One dump as a person asks for it: what CPU is this, where does the dump come from, is it whole, and what does it have?

use std::collections::BTreeMap;

use cpuid_probe::dump::VcpuDump;
use cpuid_probe::{LeafId, Place, Register};

use crate::assemble::{self, Named, Site};
use crate::cpu_map::Signature;
use crate::decode::brand;
use crate::judge::asked;
use crate::list;
use crate::render::words;
use crate::view::DumpView;
use crate::view::dump::OnVcpus;
use crate::view::join::not_captured;

/// Columns of the words before a line.
const LABEL: usize = 13;
/// The bits of leaf 1 EAX that are family, model and stepping.
const SIGNATURE: u32 = 0x0fff_0fff;
/// How many of the places that are missing are named.
const MOST_PLACES: usize = 8;

/// The dump in words, in lines of at most `width` columns.
#[must_use]
pub fn show(named: &Named, site: &Site<'_>, width: usize) -> String {
    let view = DumpView::of(&named.dump);
    let input = assemble::input(named, &view, site);
    let first = named.dump.vcpus.first();
    let mut out = String::new();
    let mut line = |label: &str, text: &str| {
        // A label or a brand is the user's; a terminal must not obey it.
        let text = text.replace(char::is_control, " ");
        out += &list::paragraph(&format!("{label:<LABEL$}"), &text, width);
    };
    line("dump", &words::title(&input));
    line("role", input.role.word());
    if let Some(brand) = first.and_then(brand) {
        line("brand", &brand);
    }
    let signature = LeafId::new(1, 0);
    // All of it, where a source of names says it at all.
    let whole = |v: &&VcpuDump| v.known(signature, Register::Eax) & SIGNATURE == SIGNATURE;
    if let Some(eax) = first.filter(whole).and_then(|v| v.get(signature)).map(|r| r.eax) {
        let Signature { family, model, stepping } = Signature::of(eax);
        line("signature", &format!("family {family} ({family:#x}), model {model} ({model:#x}), stepping {stepping}"));
    }
    for (what, text) in words::facts(&input).iter().filter(|(what, _)| *what != "label") {
        line(what, text);
    }
    let lacks = not_captured(0, &view);
    let mut places: Vec<String> = Vec::new();
    for lack in &lacks {
        let place = lack.place.to_string();
        if !places.contains(&place) {
            places.push(place);
        }
    }
    if !places.is_empty() {
        line("lacks", &list::first(&places, MOST_PLACES));
    }
    if named.dump.is_statements() {
        line(
            "says",
            "names of features and numbers, no register sets: what is not listed below is not there, or not said",
        );
        if let Some(imported) = &named.dump.provenance.imported {
            imported.limits.iter().for_each(|limit| line("note", limit));
            if let Some(asks) = asked::words(imported) {
                line("asks", &asks);
            }
        }
    }
    if !named.dump.is_statements() {
        let held = named.dump.vcpus.iter().any(|v| !v.msrs().is_empty());
        line(
            "MSRs",
            match (held, view.has_msrs()) {
                (true, _) => "captured",
                (false, true) => "none is announced",
                (false, false) => "not captured",
            },
        );
    }
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut some = Vec::new();
    for (place, row) in site.knowledge.features() {
        let Some(name) = row.name else { continue };
        match view.feature(place) {
            Some(OnVcpus::All) => groups.entry(group(place)).or_default().push(name),
            Some(OnVcpus::Some) => some.push(name),
            Some(OnVcpus::None) | None => {}
        }
    }
    for (group, names) in &groups {
        line(group, &names.join(" "));
    }
    if !some.is_empty() {
        line("some vCPUs", &some.join(" "));
    }
    out
}

/// The leaf or MSR of a feature.
fn group(place: Place) -> String {
    match (place.leaf(), place.msr_index()) {
        (Some(id), _) => id.to_string(),
        (None, Some(index)) => format!("msr {index:#x}"),
        (None, None) => place.to_string(),
    }
}
