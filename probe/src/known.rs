//! Of which bits a source speaks that names single features and numbers instead of showing register sets.

use alloc::collections::BTreeMap;

use crate::leaf::LeafId;
use crate::register::Register;

/// The bits of which such a source says what they are. Of every other bit it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    registers: BTreeMap<(LeafId, Register), u32>,
    msrs: BTreeMap<u32, u64>,
}

impl Known {
    /// Nothing is said.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { registers: BTreeMap::new(), msrs: BTreeMap::new() }
    }

    /// The bits of a register that are said.
    #[must_use]
    pub fn register(&self, id: LeafId, register: Register) -> u32 {
        self.registers.get(&(id, register)).copied().unwrap_or_default()
    }

    /// The bits of an MSR that are said.
    #[must_use]
    pub fn msr(&self, index: u32) -> u64 {
        self.msrs.get(&index).copied().unwrap_or_default()
    }

    pub(crate) fn add_register(&mut self, id: LeafId, register: Register, bits: u32) {
        *self.registers.entry((id, register)).or_default() |= bits;
    }

    pub(crate) fn add_msr(&mut self, index: u32, bits: u64) {
        *self.msrs.entry(index).or_default() |= bits;
    }
}
