//! All rows, as a listing.

use std::fmt::Write;

use cpuid_probe::{Place, Register};

use super::table::Sub;
use super::{Knowledge, Row, Version, place_of, rows_of};

/// One row of the listing: a place and what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// `feature`, `field`, `range` (bits that only a rule speaks of) or `msr`.
    pub kind: &'static str,
    /// Where it is, in the first of its subleaves.
    pub place: Place,
    /// Its subleaves.
    pub subleaf: Sub,
    /// What is known. Of a field that several rules judge, the row of its highest bits.
    pub row: Row,
}

const HEADER: &str = "kind,owner,leaf,subleaf,register,hi,lo,name,libvirt,libvirt_since,qemu,qemu_since,linux,shown,also,\
                      migratable,kvm,tcg,needs,element,listed,judged,blocks_migration,guard,weight,rule,lost,gained,gate,unit,\
                      meaning,reason,cause_kind,cause,cause_source,source\n";

impl Knowledge {
    /// Every row: features, fields and ranges by owner and place, then MSRs.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let mut found: Vec<Entry> = Vec::new();
        for (place, subleaf, line) in rows_of(&self.groups) {
            let kind = match place {
                Place::Msr { .. } => "msr",
                _ if line.field => "field",
                _ => "feature",
            };
            let row = self.index.row_of(place, subleaf, line).unwrap_or_else(|| self.row(place));
            found.push(Entry { kind, place, subleaf, row });
        }
        for group in &self.groups {
            for rule in group.rules {
                let (place, subleaf) = (place_of(group, rule.bits), group.subleaf());
                let own = self.index.range_of(place, subleaf, rule);
                found.extend(own.map(|row| Entry { kind: "range", place, subleaf, row }));
            }
        }
        found.sort_by_key(|e| {
            let is_msr = e.place.msr_index().is_some();
            (is_msr, e.place.owner(), e.place.leaf().map(|id| id.leaf), e.subleaf, e.place)
        });
        found
    }

    /// Every row as CSV (RFC 4180, LF), with a header line. An empty cell means unknown, neither yes nor no.
    #[must_use]
    pub fn export_csv(&self) -> String {
        let mut out = String::from(HEADER);
        for (entry, also) in self.entries().iter().map(|e| (e, self.other_spellings(e))) {
            for (i, cell) in cells(entry, also).into_iter().enumerate() {
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

    /// `NAMESPACE:NAME` of each name that has no column of its own.
    fn other_spellings(&self, entry: &Entry) -> String {
        let names = entry.row.names;
        let known = [names.libvirt, names.qemu, names.linux, entry.row.name];
        let other = self.names().filter(|m| m.place == entry.place && !known.contains(&Some(m.name)));
        other.map(|m| format!("{}:{}", m.namespace.word(), m.name)).collect::<Vec<_>>().join(" ")
    }
}

fn cells(entry: &Entry, also: String) -> [String; 36] {
    let row = &entry.row;
    let bits = entry.place.bits().unwrap_or(row.bits);
    let leaf = match entry.place {
        Place::Msr { index, .. } => format!("msr:{index:#010x}"),
        place => place.leaf().map_or_else(String::new, |id| format!("{:#010x}", id.leaf)),
    };
    let subleaf = if entry.place.leaf().is_some() { entry.subleaf.to_string() } else { String::new() };
    let yes = |b: bool| if b { "yes" } else { "no" }.to_string();
    let since = |version: Option<Version>, no: bool| match version {
        Some(version) => version.to_string(),
        None if no => "no".to_string(),
        None => String::new(),
    };
    let text = |t: Option<&str>| t.unwrap_or_default().to_string();
    [
        entry.kind.to_string(),
        entry.place.owner().word().to_string(),
        leaf,
        subleaf,
        entry.place.register().map_or("", Register::name).to_string(),
        bits.hi.to_string(),
        bits.lo.to_string(),
        text(row.name),
        text(row.names.libvirt),
        since(row.libvirt_since, row.not_in_libvirt),
        text(row.names.qemu),
        since(row.qemu_since, row.not_in_qemu),
        text(row.names.linux),
        row.shown.word(),
        also,
        text(row.migratable.map(super::Migratable::word)),
        if row.feature { row.kvm.word().to_string() } else { String::new() },
        since(row.tcg_since, row.not_in_tcg),
        row.needs.join(" "),
        row.element.map_or_else(String::new, |e| format!("{} {} {}", e.within, e.on, e.off)),
        yes(row.listed),
        yes(row.judged),
        yes(row.blocks_migration),
        text(row.guard.map(super::Guard::word)),
        row.weight.to_string(),
        row.rule.word().to_string(),
        row.lost.word().to_string(),
        row.gained.word().to_string(),
        row.gates.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "),
        row.unit.describe(),
        text(row.meaning),
        text(row.reason),
        text(row.cause_kind.map(super::CauseKind::word)),
        text(row.cause),
        text(row.cause_source),
        text(row.source),
    ]
}
