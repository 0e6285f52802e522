//! A Firecracker custom CPU template as a baseline: registers of which some bits are given.
//!
//! # Source
//! Firecracker docs/cpu_templates/schema.json and cpu-templates.md: `cpuid_modifiers` (leaf, subleaf, register, bitmap)
//! and `msr_modifiers` (addr, bitmap); in a bitmap `0` and `1` are given, `x` is left as the host has it, `_` is a
//! separator. Bitmaps may be shorter than the register: what is missing in front is left as it is.

use std::collections::BTreeMap;

use cpuid_probe::msr::must_be_one;
use cpuid_probe::place::BitRange;
use cpuid_probe::{LeafId, Place, Register};

/// Bits that are set to a value; those outside `mask` stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Masked {
    /// The value; 0 outside the mask.
    pub value: u64,
    /// The bits it decides.
    pub mask: u64,
}

/// A template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    registers: BTreeMap<(LeafId, Register), Masked>,
    msrs: BTreeMap<u32, Masked>,
}

impl Template {
    /// A template of these registers and MSRs.
    #[must_use]
    pub const fn new(registers: BTreeMap<(LeafId, Register), Masked>, msrs: BTreeMap<u32, Masked>) -> Self {
        Self { registers, msrs }
    }

    /// What it makes of a feature's bit; `None` where it leaves that to the host. A VMX control that must be one is no
    /// feature: a guest cannot choose it.
    #[must_use]
    pub fn gives(&self, place: Place) -> Option<bool> {
        let bit = self.bit(place)?;
        match place {
            Place::Msr { index, bits } => match must_be_one(index, bits.lo) {
                Some(low) => Some(bit && !self.bit(Place::msr(index, low))?),
                None => Some(bit),
            },
            _ => Some(bit),
        }
    }

    /// Every register and MSR of which it gives bits, with those bits.
    pub fn given(&self) -> impl Iterator<Item = (Place, Masked)> + '_ {
        let registers = self.registers.iter().map(|((id, register), masked)| {
            (Place::Cpuid { block: None, id: *id, register: *register, bits: BitRange::REGISTER }, *masked)
        });
        registers
            .chain(self.msrs.iter().map(|(index, masked)| (Place::Msr { index: *index, bits: BitRange::MSR }, *masked)))
    }

    /// One bit as it gives it.
    fn bit(&self, place: Place) -> Option<bool> {
        let (masked, bits) = match place {
            Place::Cpuid { id, register, bits, .. } => (self.registers.get(&(id, register))?, bits),
            Place::Msr { index, bits } => (self.msrs.get(&index)?, bits),
            _ => return None,
        };
        (bits.of(masked.mask) & 1 == 1).then_some(bits.of(masked.value) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::firecracker::{is_template as recognise, promise as read};

    const TEMPLATE: &str = r#"{"kvm_capabilities": [],
        "cpuid_modifiers": [{"leaf": "0x1", "subleaf": "0x0", "flags": 0, "modifiers": [
            {"register": "edx", "bitmap": "0bxx_xxxxx1xx0xxxxx_xxxxxxxxxxxxxxxx"}]}],
        "msr_modifiers": [{"addr": "0x10a", "bitmap": "0b1"}]}"#;

    #[test]
    fn a_feature_is_given_taken_or_left_to_the_host() {
        let ones = "1".repeat(64);
        let controls = format!(r#"{{"addr": "0x48b", "bitmap": "0b{}0{}"}}"#, &ones[..33], &ones[..30]);
        let text = TEMPLATE.replace(r#""msr_modifiers": ["#, &format!(r#""msr_modifiers": [{controls}, "#));
        let template = read(&text).expect("a template");
        let edx = |bit| template.gives(Place::bit(1, 0, Register::Edx, bit));
        assert_eq!((edx(24), edx(21), edx(0)), (Some(true), Some(false), None));
        let msr = |index, bit| template.gives(Place::msr(index, bit));
        assert_eq!((msr(0x10a, 0), msr(0x10a, 1), msr(0x480, 0)), (Some(true), None, None));
        // A control that may be one is a feature where it need not be; what must be one is none.
        assert_eq!((msr(0x48b, 62), msr(0x48b, 61)), (Some(true), Some(false)));
    }

    #[test]
    fn what_is_no_template_is_refused() {
        let with = |bitmap: &str| TEMPLATE.replace("0b1\"", &format!("{bitmap}\""));
        for bad in ["1", "0b2", "0bx1y", &format!("0b{}", "1".repeat(65))] {
            assert!(read(&with(bad)).is_err(), "{bad}");
        }
        assert!(read(&TEMPLATE.replace("edx", "edi")).is_err());
        assert!(read("{}").is_err() && read("[").is_err());
        assert!(!recognise(r#"{"guest_cpu_config": {"cpuid_modifiers": []}}"#));
    }
}
