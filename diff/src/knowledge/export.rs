//! All rows, as a listing.

use std::fmt::Write;

use cpuid_probe::Register;

use super::names::listed_under;
use super::table::{Bits, Located, Sub};
use super::{Owner, Place, Row, Site, features, fields, lookup, msr_row, msrs, row_at, rules};

/// One row of the listing: a named place and what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// `feature`, `field`, `range` (bits that only a rule speaks of) or `msr`.
    pub kind: &'static str,
    /// Where it is.
    pub place: Place,
    /// What is known. Of a field that several rules judge, the row of its highest bit.
    pub row: Row,
}

/// Every row: features, fields and ranges by owner and place, then MSRs.
#[must_use]
pub fn entries() -> Vec<Entry> {
    let mut found = Vec::new();
    for owner in Owner::ALL {
        let listed = |at: &&Bits| listed_under(owner, at.leaf) && owner != Owner::OtherHypervisor;
        let here = found.len();
        let mut add =
            |kind, at: &Bits, row: Row| found.push(Entry { kind, place: Place::Cpuid { owner, at: *at }, row });
        for at in all(features::of(owner)).filter(listed) {
            add("feature", at, row_at(site(owner, at, at.subleaf.first()), at.hi));
        }
        for at in all(fields::of(owner)).filter(listed) {
            add("field", at, row_of_field(owner, at));
        }
        for at in all(rules::of(owner)).filter(listed) {
            if let Some(row) = bare(owner, at) {
                add("range", at, row);
            }
        }
        found[here..].sort_by_key(|e| e.place);
    }
    let msrs = msrs::FEATURES.iter().map(|f| Entry {
        kind: "msr",
        place: Place::Msr { index: f.index, bit: f.bit },
        row: msr_row(f.index, f.bit),
    });
    found.extend(msrs);
    found
}

fn all<T: Located>(tables: &'static [&'static [T]]) -> impl Iterator<Item = &'static Bits> {
    tables.iter().flat_map(|t| t.iter()).map(Located::at)
}

const fn site(owner: Owner, at: &Bits, subleaf: u32) -> Site {
    Site { owner, leaf: at.leaf, subleaf, register: at.register }
}

/// The row of a field, at a subleaf and bit where no feature or narrower field wins.
fn row_of_field(owner: Owner, at: &Bits) -> Row {
    let name = all_fields(owner).find(|f| f.at == *at).map(|f| f.name);
    let own = candidates(owner, at)
        .flat_map(|subleaf| (at.lo..=at.hi).rev().map(move |bit| (subleaf, bit)))
        .map(|(subleaf, bit)| row_at(site(owner, at, subleaf), bit));
    let first = row_at(site(owner, at, at.subleaf.first()), at.hi);
    own.into_iter().find(|row| row.name == name).unwrap_or(first)
}

fn all_fields(owner: Owner) -> impl Iterator<Item = &'static super::table::Field> {
    fields::of(owner).iter().flat_map(|t| t.iter())
}

/// The row of a rule's range, where there is a subleaf at which nothing in it has a name.
fn bare(owner: Owner, at: &Bits) -> Option<Row> {
    candidates(owner, at)
        .map(|subleaf| row_at(site(owner, at, subleaf), at.hi))
        .find(|row| row.known && row.name.is_none() && row.migratable.is_none() && (row.hi, row.lo) == (at.hi, at.lo))
}

/// Subleaves of a row at which what is known may differ.
fn candidates(owner: Owner, at: &Bits) -> impl Iterator<Item = u32> {
    let subleaf: Sub = at.subleaf;
    let rest = lookup::subleaves_of(owner, at.leaf).last().map_or(0, |last| last + 1);
    lookup::subleaves_of(owner, at.leaf).into_iter().chain([rest]).filter(move |n| subleaf.holds(*n))
}

/// Every row as CSV (RFC 4180, LF), with a header line.
#[must_use]
pub fn export_csv() -> String {
    let mut out = String::from(
        "kind,owner,leaf,subleaf,register,hi,lo,name,libvirt,qemu,linux,migratable,rule,lost,gained,gate,meaning,reason,cause,source\n",
    );
    for e in entries() {
        let (owner, leaf, subleaf, register, hi, lo) = match e.place {
            Place::Cpuid { owner, at } => {
                (owner.word(), format!("{:#010x}", at.leaf), at.subleaf.to_string(), at.register.name(), at.hi, at.lo)
            }
            Place::Msr { index, bit } => ("cpu", format!("msr:{index:#010x}"), String::new(), "", bit, bit),
        };
        let row = e.row;
        let gate = row
            .gates
            .iter()
            .map(|g| {
                let id = g.leaf().expect("a leaf");
                place_of_gate(id.leaf, id.ecx(), g.register().expect("a register"), g.bits().expect("bits").lo)
            })
            .collect::<Vec<_>>();
        let cells = [
            e.kind,
            owner,
            &leaf,
            &subleaf,
            register,
            &hi.to_string(),
            &lo.to_string(),
            row.name.unwrap_or_default(),
            row.names.libvirt.unwrap_or_default(),
            row.names.qemu.unwrap_or_default(),
            row.names.linux.unwrap_or_default(),
            row.migratable.map_or("", |m| m.word()),
            row.rule.word(),
            row.lost.word(),
            row.gained.word(),
            &gate.join(" "),
            row.meaning.unwrap_or_default(),
            row.reason.unwrap_or_default(),
            row.cause.unwrap_or_default(),
            row.source.unwrap_or_default(),
        ];
        for (i, cell) in cells.into_iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            // Writing to a String cannot fail.
            let _ = if cell.contains([',', '"', '\n']) {
                write!(out, "{comma}\"{}\"", cell.replace('"', "\"\""))
            } else {
                write!(out, "{comma}{cell}")
            };
        }
        out.push('\n');
    }
    out
}

fn place_of_gate(leaf: u32, subleaf: u32, register: Register, bit: u8) -> String {
    format!("{leaf:#x}.{subleaf}.{}.{bit}", register.name())
}
