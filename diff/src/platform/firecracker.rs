//! A custom CPU template of Firecracker's: every feature bit that the definition promises is one, every other bit of the same
//! registers that a row calls a capability is zero.
//!
//! # Source
//! firecracker docs/cpu_templates/cpu-templates.md: `cpuid_modifiers` and `msr_modifiers`; a bitmap is `0b` and one
//! character a bit, the highest first: `0`, `1`, or `x` for what KVM gives. `flags` is 1 where a leaf has subleaves
//! (KVM_CPUID_FLAG_SIGNIFCANT_INDEX).

use std::collections::{BTreeMap, BTreeSet};

use cpuid_probe::libvirt::cpu::Policy;
use cpuid_probe::place::BitRange;
use cpuid_probe::{LeafId, Place, Register};
use serde_json::{Value, json};

use crate::cpu_map::{CpuMap, FeatureId};
use crate::knowledge::Knowledge;
use crate::pool::Common;
use crate::view::dump::PHYS_BITS;

pub(super) fn write(common: &Common, map: &CpuMap, width: Option<u32>) -> String {
    let knowledge = Knowledge::builtin();
    let wanted = promised(common, map);
    let on: BTreeSet<Place> = wanted.iter().filter_map(|id| map.features.get(*id)).map(|f| f.place).collect();
    let places = map.features.iter().map(|f| f.place);
    let registers: BTreeSet<Place> = places.map(|place| place.with_bits(whole(place))).collect();
    let mut leaves: BTreeMap<LeafId, BTreeMap<Register, String>> = BTreeMap::new();
    let mut msrs: BTreeMap<u32, String> = BTreeMap::new();
    for register in registers {
        let bits = whole(register);
        let mut bitmap: Vec<char> = (0..=bits.hi)
            .map(|bit| {
                let place = register.with_bits(BitRange::one(bit));
                let row = knowledge.row(place);
                match row.bits.is_one() && row.is_capability() && row.judged {
                    _ if on.contains(&place) => '1',
                    true => '0',
                    false => 'x',
                }
            })
            .collect();
        bitmap.reverse();
        let bitmap: String = bitmap.into_iter().collect();
        match register {
            Place::Cpuid { id, register, .. } => {
                leaves.entry(id).or_default().insert(register, bitmap);
            }
            // Firecracker gives no nested virtualization: its MSRs are not there.
            Place::Msr { index, .. } if !(0x480..=0x491).contains(&index) => {
                msrs.insert(index, bitmap);
            }
            _ => {}
        }
    }
    if let (Some(bits), Some(id)) = (width, PHYS_BITS.leaf()) {
        leaves.entry(id).or_default().insert(Register::Eax, format!("{}{bits:08b}", "x".repeat(24)));
    }
    let modifier = |(id, registers): (LeafId, BTreeMap<Register, String>)| -> Value {
        let modifiers: Vec<Value> = registers
            .into_iter()
            .map(|(register, bitmap)| json!({ "register": register.name(), "bitmap": format!("0b{bitmap}") }))
            .collect();
        json!({
            "leaf": format!("{:#x}", id.leaf),
            "subleaf": format!("{:#x}", id.ecx()),
            "flags": u8::from(id.subleaf.is_some()),
            "modifiers": modifiers
        })
    };
    let msr =
        |(index, bitmap): (u32, String)| json!({ "addr": format!("{index:#x}"), "bitmap": format!("0b{bitmap}") });
    let template = json!({
        "cpuid_modifiers": leaves.into_iter().map(modifier).collect::<Vec<_>>(),
        "msr_modifiers": msrs.into_iter().map(msr).collect::<Vec<_>>(),
        "kvm_capabilities": []
    });
    format!("{template:#}\n")
}

/// The features that guests of the definition have.
fn promised(common: &Common, map: &CpuMap) -> BTreeSet<FeatureId> {
    let mut all: BTreeSet<FeatureId> = map.model(common.model).map(|m| m.features.clone()).unwrap_or_default();
    for (policy, id) in &common.listed {
        match policy {
            Policy::Require | Policy::Force => all.insert(*id),
            Policy::Disable | Policy::Forbid => all.remove(id),
            Policy::Optional => false,
        };
    }
    all
}

const fn whole(place: Place) -> BitRange {
    match place {
        Place::Msr { .. } => BitRange::MSR,
        _ => BitRange::REGISTER,
    }
}
