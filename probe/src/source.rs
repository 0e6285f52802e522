//! Where CPUID answers come from.

use crate::register::Registers;

/// Something that answers CPUID: the instruction, KVM's table, a recorded dump, a test double.
pub trait CpuidSource {
    /// The registers CPUID returns for EAX = `leaf`, ECX = `subleaf`.
    ///
    /// `None` means that this source has no answer there, which a recorded dump says of a place it does not hold.
    /// The instruction always answers.
    fn cpuid(&mut self, leaf: u32, subleaf: u32) -> Option<Registers>;
}

impl<F: FnMut(u32, u32) -> Option<Registers>> CpuidSource for F {
    fn cpuid(&mut self, leaf: u32, subleaf: u32) -> Option<Registers> {
        self(leaf, subleaf)
    }
}
