//! Whether the guest read what QEMU says that it gave to it. A KVM that does not apply CPU definitions (a nested or
//! emulated one) shows what it likes, and a dump of its guest says nothing of any other host.
//!
//! # Source
//! QEMU qapi/machine-target.json and target/i386/cpu.c, `x86_cpu_get_feature_words`: the property `feature-words` of a
//! CPU, a list of `cpuid-input-eax`, `cpuid-input-ecx`, `cpuid-register` and `features`.

use cpuid_probe::dump::VcpuDump;
use cpuid_probe::{LeafId, Place, Register};
use serde_json::{Value, json};

use crate::boot::qmp::{Qmp, QmpError};

/// Bits that QEMU or KVM change on their way to the guest, as (leaf, subleaf, register, mask).
///
/// # Source
/// QEMU 7.2 target/i386/cpu.c, `cpu_x86_cpuid`: OSXSAVE and OSPKE mirror CR4, HTT and CmpLegacy follow `-smp`, PDCM needs
/// a PMU; 10.0: the version of AVX10 is no feature. Linux arch/x86/kvm/cpuid.c: APIC mirrors IA32_APIC_BASE, MONITOR
/// IA32_MISC_ENABLE, and the invariant TSC is hidden from guests that take KVM for Hyper-V.
const NOT_THE_WORDS: [(u32, u32, Register, u32); 7] = [
    (0x1, 0, Register::Ecx, 1 << 3 | 1 << 15 | 1 << 27),
    (0x1, 0, Register::Edx, 1 << 9 | 1 << 28),
    (0x7, 0, Register::Ecx, 1 << 4),
    (0x24, 0, Register::Ebx, 0xff),
    (0x8000_0001, 0, Register::Ecx, 1 << 1),
    (0x8000_0001, 0, Register::Edx, 1 << 9),
    (0x8000_0007, 0, Register::Edx, 1 << 8),
];
/// Leaves that are all zero without the feature that they are about (SGX, PT, SVM), whatever their words say.
const GATED: [u32; 3] = [0x12, 0x14, 0x8000_000a];
/// Hypervisors' leaves move with what is announced (`kvm=off`, Hyper-V's enlightenments).
const HYPERVISOR: std::ops::RangeInclusive<u32> = 0x4000_0000..=0x4fff_ffff;
/// So many places are named.
const MOST_NAMED: usize = 6;

impl Qmp {
    /// What QEMU says that its first vCPU has.
    pub fn feature_words(&mut self) -> Result<Value, QmpError> {
        let cpus = self.execute("query-cpus-fast", json!({}))?;
        let first = cpus[0]["qom-path"].clone();
        self.execute("qom-get", json!({ "path": first, "property": "feature-words" }))
    }
}

/// Where a vCPU that was read contradicts QEMU's feature words, in words; nothing where it does not. Of a place that was
/// not read nothing is said.
pub fn contradiction(vcpu: &VcpuDump, words: &Value) -> Option<String> {
    let places: Vec<(Place, u32)> = words.as_array()?.iter().flat_map(|word| contradicted(vcpu, word)).collect();
    let named: Vec<String> = places
        .iter()
        .take(MOST_NAMED)
        .map(|(place, read)| format!("{place} is {read}, QEMU says {}", 1 - read))
        .collect();
    let more = match places.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        n => format!("; and {n} more bits"),
    };
    (!places.is_empty()).then(|| format!("{}{more}", named.join("; ")))
}

/// The bits of one word that were read otherwise, and how they were.
fn contradicted(vcpu: &VcpuDump, word: &Value) -> Vec<(Place, u32)> {
    let number = |name: &str| word[name].as_u64().and_then(|n| u32::try_from(n).ok());
    let known = || {
        let (leaf, subleaf) = (number("cpuid-input-eax")?, number("cpuid-input-ecx").unwrap_or(0));
        let register = Register::from_name(word["cpuid-register"].as_str()?)?;
        let read = vcpu.get(LeafId::new(leaf, subleaf))?.get(register);
        Some((leaf, subleaf, register, read, number("features")?))
    };
    let Some((leaf, subleaf, register, read, says)) = known().filter(|word| !HYPERVISOR.contains(&word.0)) else {
        return Vec::new();
    };
    if read == 0 && GATED.contains(&leaf) {
        return Vec::new();
    }
    let moves = NOT_THE_WORDS.iter().find(|row| (row.0, row.1, row.2) == (leaf, subleaf, register));
    let differing = (read ^ says) & !moves.map_or(0, |row| row.3);
    let place = |bit| (Place::bit(leaf, subleaf, register, bit), read >> bit & 1);
    (0..32).filter(|bit| differing >> bit & 1 == 1).map(place).collect()
}

#[cfg(test)]
mod tests {
    use cpuid_probe::Registers;
    use cpuid_probe::dump::Record;

    use super::*;

    #[test]
    fn a_bit_that_was_read_otherwise_is_a_contradiction() {
        let mut vcpu = VcpuDump::new(0);
        let mut insert = |leaf, registers| vcpu.insert(Record { id: LeafId::new(leaf, 0), registers }).unwrap();
        insert(0x1, Registers::new(0, 0, 1 << 27 | 1, 0x0f8b_fbff));
        insert(0x7, Registers::new(0, 1 << 5, 0, 0));
        insert(0x4000_0001, Registers::new(0, 0, 0, 0));
        let word = |leaf: u32, subleaf: Option<u32>, register: &str, features: u32| {
            let mut word = json!({ "cpuid-input-eax": leaf, "cpuid-register": register, "features": features });
            if let Some(subleaf) = subleaf {
                word["cpuid-input-ecx"] = subleaf.into();
            }
            word
        };
        // OSXSAVE is CR4's, leaf 0x40000001 may be elsewhere, and leaf 0xD was not read.
        let said = [word(1, None, "ECX", 1), word(0x4000_0001, None, "EAX", 3), word(0xd, Some(1), "EAX", 7)];
        assert_eq!(contradiction(&vcpu, &json!(said)), None);
        let said = [word(7, Some(0), "EBX", 1 << 3), word(1, None, "EDX", 0x0fab_fbff)];
        let words = contradiction(&vcpu, &json!(said)).unwrap();
        assert_eq!(
            words,
            "0x00000007.0 EBX[3] is 0, QEMU says 1; 0x00000007.0 EBX[5] is 1, QEMU says 0; \
             0x00000001 EDX[21] is 0, QEMU says 1"
        );
        assert_eq!(contradiction(&vcpu, &json!("no list")), None);
    }
}
