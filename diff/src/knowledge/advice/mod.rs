//! Advice: why a place differs, what that does to a running guest, which layers decide, and what to change.
//!
//! Specific text is in `notes/`, a file a subject; `general` has a text per rule for everything else, filled in with
//! the row's own names (`remedies`) and with what each layer does about the feature ([`layers`]). Nothing here judges.
//! What no source supports is said to be unknown.

mod emulation;
mod general;
pub mod layers;
mod notes;
mod remedies;

use cpuid_probe::Place;

use super::{Knowledge, Row};
pub use emulation::Accel;
pub use layers::Layer;
pub use notes::amd::EMULATED as EMULATED_ON_AMD;

/// What the caller wants advice about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Two guests differ here; the values, where there are any, as numbers.
    Differs {
        /// In both guests; `None` where the place is absent.
        values: [Option<u64>; 2],
    },
    /// A guest does not have what its baseline promised.
    Missing,
    /// A guest has what its baseline excluded, or did not list.
    Extra,
    /// A user asks about the place.
    Explain,
}

/// What a person needs to know about a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What the place promises to software.
    pub meaning: String,
    /// Why it can differ.
    pub cause: String,
    /// What losing it does to a running guest; for what cannot be lost, what a change does.
    pub consequence: String,
    /// Which layers can take it away or change it.
    pub layers: Vec<Layer>,
    /// What to change, as snippets to paste.
    pub remedy: String,
    /// Whether cause and remedy are about this place; if not, they are the general text of its rule.
    pub specific: bool,
    /// Where all this comes from.
    pub source: String,
}

impl Knowledge {
    /// The advice about `row`, which is at `place`; `on_amd`: for CPUs that say they are AMD's, or made after AMD's.
    #[must_use]
    pub fn advice(&self, place: Place, row: &Row, asked: Asked, on_amd: bool) -> Advice {
        advice(place, row, asked, on_amd)
    }
}

fn advice(place: Place, row: &Row, asked: Asked, on_amd: bool) -> Advice {
    let note = notes::note_at(place.with_bits(row.bits), on_amd);
    let general = general::text(row, asked);
    let told = |specific: &'static str, general: String| {
        if specific.is_empty() { general } else { remedies::filled_of(place.owner(), specific, row, asked) }
    };
    let Some(note) = note else {
        return Advice {
            meaning: meaning(row),
            cause: general.cause,
            consequence: general.consequence,
            layers: general.layers,
            remedy: general.remedy,
            specific: false,
            source: row.source.unwrap_or("unknown: cpuid-diff has no entry for this place").to_string(),
        };
    };
    let mut sources: Vec<&str> = note.source.split("; ").filter(|s| !s.is_empty()).collect();
    for source in row.source.into_iter().flat_map(|s| s.split("; ")) {
        if !sources.iter().any(|known| known.starts_with(source)) {
            sources.push(source);
        }
    }
    let mut cause = vec![told(note.cause, general.cause)];
    cause.extend(layers::by_qemu(row));
    Advice {
        meaning: meaning(row),
        cause: cause.join(" "),
        consequence: told(note.consequence, general.consequence),
        layers: if note.layers.is_empty() { general.layers } else { note.layers.to_vec() },
        remedy: told(note.remedy, general.remedy),
        specific: true,
        source: sources.join("; "),
    }
}

fn meaning(row: &Row) -> String {
    row.meaning.unwrap_or("unknown: no manual, and neither Linux, QEMU nor libvirt, names this bit").to_string()
}

#[cfg(test)]
mod tests;
