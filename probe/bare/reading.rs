//! What is read of one vCPU.

use cpuid_probe::LeafId;
use cpuid_probe::enumerate::{Visit, walk};
use cpuid_probe::msr::FEATURE_MSRS;
use cpuid_probe::text::{Gap, GapReason, MsrRecord, Record, VcpuView};

use super::cpuid::Cpuid;
use super::list::List;

/// What one vCPU read. A usual CPU has 80 to 150 register sets.
#[derive(Debug)]
pub struct Reading {
    pub leaves: List<Record, 768>,
    pub msrs: List<MsrRecord, { FEATURE_MSRS.len() }>,
    pub gaps: List<Gap, 64>,
}

impl Reading {
    /// An empty reading.
    pub const fn new() -> Self {
        Self { leaves: List::new(), msrs: List::new(), gaps: List::new() }
    }

    /// An empty reading in memory that may hold anything.
    ///
    /// # Safety
    /// The memory at `at` is large enough and aligned, and nobody else uses it.
    pub unsafe fn empty_at(at: *mut Self) -> &'static mut Self {
        // SAFETY: as the caller promises. Items may be uninitialised while the lengths are 0.
        unsafe {
            (&raw mut (*at).leaves.len).write(0);
            (&raw mut (*at).msrs.len).write(0);
            (&raw mut (*at).gaps.len).write(0);
            &mut *at
        }
    }

    /// Reads CPUID on the vCPU this runs on, into a reading that is empty.
    pub fn read_leaves(&mut self) {
        let Self { leaves, gaps, .. } = self;
        walk(&mut Cpuid, &mut |visit| match visit {
            Visit::Read(id, registers) => {
                if !leaves.push(Record { id, registers }) {
                    gaps.push(Gap { id, reason: GapReason::Cap });
                }
            }
            // The instruction always answers.
            Visit::Missing(_) => {}
            Visit::Capped(id) => {
                gaps.push(Gap { id, reason: GapReason::Cap });
            }
        });
    }

    /// What was read, as vCPU number `vcpu`.
    pub fn view(&self, vcpu: u32) -> VcpuView<'_> {
        VcpuView { vcpu, leaves: self.leaves.as_slice(), msrs: self.msrs.as_slice(), gaps: self.gaps.as_slice() }
    }
}

/// What is said of a vCPU that could not be read.
pub const UNREACHABLE: &[Gap] = &[Gap { id: LeafId::new(0, 0), reason: GapReason::Unreachable }];
