//! Places that differ by vCPU: expected within a guest, but the vCPU with the same APIC id must show the same in both.

use std::collections::BTreeMap;

use cpuid_probe::Place;
use cpuid_probe::Register;
use cpuid_probe::dump::Dump;
use cpuid_probe::leaf::LeafId;

use super::Context;
use super::collect::{Collector, Key};
use super::describe::{self, CLOSED};
use crate::knowledge::Severity;
use crate::view::join::Differing;
use crate::view::pairs::{has_all_vcpus, unlike_counts};
use crate::view::{DumpView, Seen, VcpuView};

/// A per-vCPU row, and the vCPUs on which it differs.
#[derive(Debug)]
struct Noted {
    /// The bit that gives the place its meaning is 0 wherever it differs.
    closed: bool,
    differing: Vec<(Box<Differing>, u32)>,
}

/// Per-vCPU places that differed in some pair, judged together at the end.
#[derive(Debug)]
pub struct PerVcpu {
    noted: BTreeMap<Place, Noted>,
    /// Both dumps hold all vCPUs their guests have.
    all: bool,
    /// They hold several each, and not both say whether those are all.
    perhaps_all: bool,
}

impl PerVcpu {
    /// Nothing noted.
    #[must_use]
    pub fn new(a: &Dump, b: &Dump) -> Self {
        let all = [a, b].map(has_all_vcpus);
        let perhaps = [a, b].map(|dump| dump.vcpus.len() > 1 && dump.provenance.vcpus_online.is_none());
        let perhaps_all = all != [true; 2] && (0..2).all(|i| all[i] || perhaps[i]);
        Self { noted: BTreeMap::new(), all: all == [true; 2], perhaps_all }
    }

    /// A per-vCPU row differs in the pair of this vCPU.
    pub fn note(&mut self, differing: Box<Differing>, vcpu: u32) {
        let noted = self.noted.entry(differing.place).or_insert(Noted { closed: true, differing: Vec::new() });
        noted.closed &= differing.harmless.is_some();
        noted.differing.push((differing, vcpu));
    }

    /// Judges what was noted, and the number of vCPUs.
    pub fn judge(self, a: &DumpView<'_>, b: &DumpView<'_>, context: &Context<'_>, collector: &mut Collector) {
        let counts = unlike_counts(a.dump, b.dump);
        if let Some([of_a, of_b]) = counts {
            collector.put(describe::vcpu_count(context, of_a, of_b), None);
        }
        let counts_differ = counts.is_some();
        for (place, Noted { closed, differing }) in self.noted {
            let Some((first, _)) = differing.first() else { continue };
            let (register, row) = (place.register(), first.row);
            let collect = |view: &DumpView<'_>, id: Option<LeafId>| {
                let read = |v: &VcpuView<'_>| Some(row.bits.of(v.vcpu.get(id?)?.get(register?).into()));
                let mut pairs: Vec<(u64, Option<u64>)> = view.vcpus.iter().map(|v| (apic_id(v), read(v))).collect();
                pairs.sort_unstable();
                pairs
            };
            let (of_a, of_b) = (collect(a, first.at[0]), collect(b, first.at[1]));
            let values = |pairs: &[(u64, Option<u64>)]| {
                let mut values: Vec<Option<u64>> = pairs.iter().map(|(_, value)| *value).collect();
                values.sort_unstable();
                values
            };
            // A row whose own severities are `expected` is an id, or follows from one.
            let worst = row.lost.min(row.gained);
            let is_kind = worst != Severity::Expected;
            let (severity, cause) = if is_kind && !closed && (!self.all || of_a != of_b) {
                // The kind of a core is no id: it is compared vCPU by vCPU.
                (worst, "the vCPUs of the two guests are of different kinds")
            } else if counts_differ {
                (Severity::Expected, "the guests have different numbers of vCPUs, so ids are not compared")
            } else if self.perhaps_all && of_a != of_b {
                (Severity::Warning, "not both inputs say whether they hold all vCPUs: other vCPUs, or another topology")
            } else if !self.all {
                (Severity::Expected, "differs by vCPU, and not all vCPUs of both guests were captured")
            } else if of_a == of_b {
                (Severity::Expected, "differs by vCPU; every vCPU shows the same in both guests")
            } else if closed {
                (Severity::Info, CLOSED)
            } else if values(&of_a) != values(&of_b) {
                (Severity::Unsafe, "over all vCPUs the two guests show different ids")
            } else {
                (Severity::Warning, "the vCPUs with the same APIC ids show different values: another topology")
            };
            for (d, vcpu) in &differing {
                let values = describe::values(d.pair, &d.row);
                let key = Key { subject: place.into(), input: None, values, severities: [severity; 2] };
                collector.add(key, Some(*vcpu), || describe::per_vcpu(context, d, severity, cause));
            }
        }
    }
}

/// The vCPU's x2APIC id, else its initial APIC id, else its number.
fn apic_id(view: &VcpuView<'_>) -> u64 {
    let ids = [Place::cpuid(0xb, 0, Register::Edx, 31, 0), Place::cpuid(0x1, 0, Register::Ebx, 31, 24)];
    let announced = view.see(Place::cpuid(0xb, 0, Register::Ebx, 31, 0)).is_set();
    let known = ids.into_iter().skip(usize::from(!announced)).find_map(|place| match view.see(place) {
        Seen::Value(id) => Some(id),
        _ => None,
    });
    known.unwrap_or(view.vcpu.vcpu.into())
}
