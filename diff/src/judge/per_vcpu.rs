//! Places that differ by vCPU: expected within a guest, but over all vCPUs both guests must show the same values.

use std::collections::BTreeMap;

use cpuid_probe::Place;
use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::leaf::LeafId;

use super::Context;
use super::collect::{Collector, Key};
use super::describe::{self, CLOSED};
use crate::knowledge::Severity;
use crate::view::join::Differing;
use crate::view::pairs::has_all_vcpus;

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
}

impl PerVcpu {
    /// Nothing noted.
    #[must_use]
    pub fn new(a: &Dump, b: &Dump) -> Self {
        Self { noted: BTreeMap::new(), all: has_all_vcpus(a) && has_all_vcpus(b) }
    }

    /// A per-vCPU row differs in the pair of this vCPU.
    pub fn note(&mut self, differing: Box<Differing>, vcpu: u32) {
        let noted = self.noted.entry(differing.place).or_insert(Noted { closed: true, differing: Vec::new() });
        noted.closed &= differing.closed;
        noted.differing.push((differing, vcpu));
    }

    /// Judges what was noted, and the number of vCPUs.
    pub fn judge(self, a: &Dump, b: &Dump, context: &Context<'_>, collector: &mut Collector) {
        let counts_differ = self.all && a.vcpus.len() != b.vcpus.len();
        if counts_differ {
            collector.put(describe::vcpu_count(context, a.vcpus.len(), b.vcpus.len()), None);
        }
        for (place, Noted { closed, differing }) in self.noted {
            let Some((first, _)) = differing.first() else { continue };
            let (register, row) = (place.register(), first.row);
            let collect = |dump: &Dump, id: Option<LeafId>| {
                let read = |v: &VcpuDump| Some(row.bits.of(v.get(id?)?.get(register?).into()));
                let mut values: Vec<Option<u64>> = dump.vcpus.iter().map(read).collect();
                values.sort_unstable();
                values
            };
            let (of_a, of_b) = (collect(a, first.at[0]), collect(b, first.at[1]));
            let (severity, cause) = if counts_differ {
                (Severity::Expected, "the guests have different numbers of vCPUs, so ids are not compared")
            } else if !self.all {
                (Severity::Expected, "differs by vCPU, and not all vCPUs of both guests were captured")
            } else if of_a == of_b {
                (Severity::Expected, "differs by vCPU; over all vCPUs both guests show the same values")
            } else if closed {
                (Severity::Info, CLOSED)
            } else {
                // A row whose own severities are `expected` is an id: a set of other ids is another machine.
                let worst = row.lost.min(row.gained);
                let severity = if worst == Severity::Expected { Severity::Unsafe } else { worst };
                (severity, "over all vCPUs the two guests show different values")
            };
            for (d, vcpu) in &differing {
                let values = describe::values(d.pair, &d.row);
                let key = Key { subject: place.into(), input: None, values, severities: [severity; 2] };
                collector.add(key, Some(*vcpu), || describe::per_vcpu(context, d, severity, cause));
            }
        }
    }
}
