//! Each vCPU's own piece of RAM: its stack, and what it read in this pass and the one before.

use core::mem::MaybeUninit;

use cpuid_probe::enumerate::{Visit, walk};
use cpuid_probe::msr::FEATURE_MSRS;
use cpuid_probe::register::field;
use cpuid_probe::text::{Gap, GapReason, MsrRecord, Record, VcpuView};
use cpuid_probe::{LeafId, Registers};

use crate::cpu::{Cpuid, rdmsr};

/// Where slots begin: above the image and what a boot loader puts beside it.
pub const SLOTS: usize = 4 << 20;
/// Bytes of a slot.
pub const SLOT: usize = 64 << 10;
/// Bytes of its stack, at the slot's start; the stack grows down from here, and the two readings follow.
pub const STACK: usize = 16 << 10;

const _: () = assert!(STACK + 2 * size_of::<Reading>() <= SLOT);

/// Which of a slot's two readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bank {
    A,
    B,
}

impl Bank {
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// A list of fixed capacity, since there is no heap.
#[derive(Debug)]
pub struct List<T, const N: usize> {
    len: usize,
    items: [MaybeUninit<T>; N],
}

impl<T, const N: usize> List<T, N> {
    pub const fn new() -> Self {
        Self { len: 0, items: [const { MaybeUninit::uninit() }; N] }
    }

    /// Appends, while there is room.
    pub fn push(&mut self, item: T) -> bool {
        let Some(free) = self.items.get_mut(self.len) else { return false };
        free.write(item);
        self.len += 1;
        true
    }

    pub fn as_slice(&self) -> &[T] {
        // SAFETY: the first `len` items were written.
        unsafe { core::slice::from_raw_parts(self.items.as_ptr().cast(), self.len) }
    }

    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: the first `len` items were written.
        unsafe { core::slice::from_raw_parts_mut(self.items.as_mut_ptr().cast(), self.len) }
    }
}

/// What one vCPU read. A typical CPU has 80 to 150 register sets.
#[derive(Debug)]
pub struct Reading {
    leaves: List<Record, 768>,
    msrs: List<MsrRecord, { FEATURE_MSRS.len() }>,
    gaps: List<Gap, 64>,
}

impl Reading {
    /// A reading of slot `index`, empty, in memory that may hold anything.
    ///
    /// # Safety
    /// The slot lies in RAM, and this vCPU alone uses it.
    pub unsafe fn begin(index: usize, bank: Bank) -> &'static mut Self {
        let reading = Self::of(index, bank);
        // SAFETY: as the caller promises. Items may be uninitialised while the lengths are 0.
        unsafe {
            (&raw mut (*reading).leaves.len).write(0);
            (&raw mut (*reading).msrs.len).write(0);
            (&raw mut (*reading).gaps.len).write(0);
            &mut *reading
        }
    }

    /// A reading of slot `index`.
    ///
    /// # Safety
    /// It has begun, and nobody writes to it while this is used.
    pub unsafe fn finished<'a>(index: usize, bank: Bank) -> &'a Self {
        // SAFETY: as the caller promises.
        unsafe { &*Self::of(index, bank) }
    }

    const fn of(index: usize, bank: Bank) -> *mut Self {
        (SLOTS + index * SLOT + STACK + bank as usize * size_of::<Self>()) as *mut Self
    }

    /// Reads everything on the vCPU this runs on.
    pub fn fill(&mut self) {
        let Self { leaves, msrs, gaps } = self;
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
        for msr in FEATURE_MSRS {
            let cpuid = |leaf| find(leaves.as_slice(), LeafId::new(leaf, 0));
            let earlier = |index| msrs.as_slice().iter().find(|m| m.index == index)?.value;
            if msr.exists(cpuid, earlier) {
                msrs.push(MsrRecord { index: msr.index, value: rdmsr(msr.index) });
            }
        }
    }

    /// What was read, as vCPU number `vcpu`.
    pub fn view(&self, vcpu: u32) -> VcpuView<'_> {
        VcpuView { vcpu, leaves: self.leaves.as_slice(), msrs: self.msrs.as_slice(), gaps: self.gaps.as_slice() }
    }

    /// The vCPU's x2APIC id, or its APIC id where that is all there is.
    ///
    /// # Source
    /// SDM leaves 01H, 0BH, 1FH; APM vol. 3 E.4.16 Fn8000_001E.
    pub fn apic_id(&self) -> u32 {
        let read = |leaf| find(self.leaves.as_slice(), LeafId::new(leaf, 0));
        // A topology leaf without a domain type says nothing.
        let x2apic = |r: &Registers| field(r.ecx, 15, 8) != 0;
        let amd = read(0x8000_001e).filter(|r| *r != Registers::ZERO);
        read(0x1f)
            .filter(x2apic)
            .or(read(0xb).filter(x2apic))
            .map_or_else(|| amd.map_or_else(|| read(1).map_or(0, |r| field(r.ebx, 31, 24)), |r| r.eax), |r| r.edx)
    }
}

fn find(leaves: &[Record], id: LeafId) -> Option<Registers> {
    let at = leaves.binary_search_by_key(&id, |r| r.id).ok()?;
    Some(leaves.get(at)?.registers)
}
