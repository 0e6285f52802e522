//! libvirt's `<cpudata>`, read apart from our own readers.

use std::collections::BTreeMap;

use cpuid_diff::cpu_map::{CpuMap, Features};
use cpuid_probe::Place;
use cpuid_probe::msr::first_control;
use cpuid_probe::vendor::Signature;
use cpuid_probe::{Register, Registers};

/// Words of leaves and MSRs.
pub struct CpuData {
    leaves: BTreeMap<(u32, u32), [u32; 4]>,
    msrs: BTreeMap<u32, u64>,
}

impl CpuData {
    /// Every `<cpuid …/>` and `<msr …/>`, one a line.
    pub fn parse(text: &str) -> Self {
        let mut data = Self { leaves: BTreeMap::new(), msrs: BTreeMap::new() };
        for line in text.lines().map(str::trim) {
            let number = |name: &str| {
                let (_, rest) = line.split_once(&format!(" {name}='0x"))?;
                u32::from_str_radix(rest.split('\'').next()?, 16).ok()
            };
            let word = |name| number(name).unwrap_or_else(|| panic!("no {name} in {line}"));
            if line.starts_with("<cpuid ") {
                data.leaves.insert((word("eax_in"), word("ecx_in")), ["eax", "ebx", "ecx", "edx"].map(word));
            } else if line.starts_with("<msr ") {
                data.msrs.insert(word("index"), u64::from(word("edx")) << 32 | u64::from(word("eax")));
            }
        }
        data
    }

    pub fn word(&self, leaf: u32, subleaf: u32) -> [u32; 4] {
        self.leaves.get(&(leaf, subleaf)).copied().unwrap_or_default()
    }

    pub fn vendor(&self) -> Signature {
        let [eax, ebx, ecx, edx] = self.word(0, 0);
        Signature::vendor(Registers::new(eax, ebx, ecx, edx))
    }

    /// The features whose bits are set.
    pub fn features(&self, map: &CpuMap) -> Features {
        let set = |place| match place {
            Place::Cpuid { id, register, bits, .. } => {
                let at = Register::ALL.iter().position(|r| *r == register).expect("one of four");
                self.word(id.leaf, id.ecx())[at] >> bits.lo & 1 == 1
            }
            // libvirt up to 11.x counts VMX controls from the MSR's upper half.
            Place::Msr { index, bits } => {
                let bit = bits.lo - first_control(index);
                self.msrs.get(&index).is_some_and(|value| value >> bit & 1 == 1)
            }
            _ => false,
        };
        map.features.iter().enumerate().filter(|(_, f)| set(f.place)).map(|(id, _)| id).collect()
    }
}
