//! Each vCPU's own piece of RAM: its stack, and what it read in this pass and the one before.

use cpuid_probe::msr::FEATURE_MSRS;
use cpuid_probe::register::field;
use cpuid_probe::text::{MsrRecord, Record};
use cpuid_probe::{LeafId, Registers};

use crate::bare::reading::Reading;
use crate::cpu::rdmsr;

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

impl Reading {
    /// A reading of slot `index`, empty, in memory that may hold anything.
    ///
    /// # Safety
    /// The slot lies in RAM, and this vCPU alone uses it.
    pub unsafe fn begin(index: usize, bank: Bank) -> &'static mut Self {
        // SAFETY: as the caller promises.
        unsafe { Self::empty_at(Self::of(index, bank)) }
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
        self.read_leaves();
        let Self { leaves, msrs, .. } = self;
        for msr in FEATURE_MSRS {
            let cpuid = |leaf| find(leaves.as_slice(), LeafId::new(leaf, 0));
            let earlier = |index| msrs.as_slice().iter().find(|m| m.index == index)?.value;
            if msr.exists(cpuid, earlier) {
                msrs.push(MsrRecord { index: msr.index, value: rdmsr(msr.index) });
            }
        }
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
