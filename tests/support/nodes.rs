//! Hosts of fleets, made by name: what `cpuid-probe kvm` would say of a machine with these features.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::sync::Mutex;

use cpuid_diff::knowledge::{Knowledge, Owner};
use cpuid_probe::dump::{Dump, MsrRecord, Record, Source, VcpuDump};
use cpuid_probe::msr::FEATURE_MSRS;
use cpuid_probe::{LeafId, Place, Register, Registers, json};

/// A machine: registers by leaf, and feature MSRs.
#[derive(Clone)]
pub struct Node {
    pub label: String,
    pub leaves: BTreeMap<(u32, u32), [u32; 4]>,
    pub msrs: BTreeMap<u32, u64>,
    pub source: Source,
    pub kernel: &'static str,
    pub microcode: &'static str,
    pub captured_at: &'static str,
    /// Feature MSRs were read.
    pub with_msrs: bool,
    /// Further vCPUs: features that they lack.
    pub lacking: Vec<Vec<&'static str>>,
}

/// What every generation below has.
pub const COMMON: &str = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 \
    ss pni pclmuldq ssse3 fma cx16 pcid sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave avx f16c rdrand hypervisor \
    fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid rdseed adx smap syscall nx pdpe1gb rdtscp lm lahf_lm abm \
    3dnowprefetch arat xsaveopt spec-ctrl stibp ssbd md-clear arch-capabilities clflushopt clwb xsavec xgetbv1 xsaves";
/// Of Cascade Lake beside.
pub const CASCADE_LAKE: &str = "mpx avx512f avx512dq avx512cd avx512bw avx512vl avx512vnni pku umip rdctl-no ibrs-all \
    skip-l1dfl-vmentry mds-no tsx-ctrl taa-no";
/// Of Ice Lake beside.
pub const ICE_LAKE: &str = "avx512f avx512dq avx512cd avx512bw avx512vl avx512vnni pku umip avx512ifma sha-ni avx512vbmi \
    avx512vbmi2 gfni vaes vpclmulqdq avx512bitalg avx512-vpopcntdq la57 rdpid fsrm rdctl-no ibrs-all skip-l1dfl-vmentry \
    mds-no tsx-ctrl taa-no pschange-mc-no";
/// Of Sapphire Rapids beside.
pub const SAPPHIRE_RAPIDS: &str = "avx512f avx512dq avx512cd avx512bw avx512vl avx512vnni pku umip avx512ifma sha-ni \
    avx512vbmi avx512vbmi2 gfni vaes vpclmulqdq avx512bitalg avx512-vpopcntdq la57 rdpid fsrm cldemote movdiri movdir64b \
    serialize tsx-ldtrk avx-vnni avx512-bf16 avx512-fp16 rdctl-no ibrs-all skip-l1dfl-vmentry mds-no tsx-ctrl taa-no \
    pschange-mc-no RRSBA";

/// The place of a name of the CPU's own features.
pub fn place(name: &str) -> Place {
    static KNOWN: Mutex<BTreeMap<String, Place>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    *known.entry(name.to_string()).or_insert_with(|| {
        let mut found = Knowledge::builtin().by_name(name).into_iter().map(|m| m.place);
        found.find(|place| place.owner() == Owner::Cpu).unwrap_or_else(|| panic!("no feature {name}"))
    })
}

impl Node {
    /// A machine that has nothing but a vendor, a signature and address widths.
    pub fn new(label: &str, vendor: &str, signature: u32) -> Self {
        let text: Vec<u32> = vendor.as_bytes().chunks(4).map(|c| u32::from_le_bytes(c.try_into().unwrap())).collect();
        let mut leaves = BTreeMap::new();
        leaves.insert((0, 0), [0xd, text[0], text[2], text[1]]);
        leaves.insert((1, 0), [signature, 0x0000_0800, 0, 0]);
        for leaf in [2, 3, 4, 5, 6, 8, 9, 0xa, 0xc] {
            leaves.insert((leaf, 0), [0; 4]);
        }
        leaves.insert((7, 0), [1, 0, 0, 0]);
        leaves.insert((7, 1), [0; 4]);
        leaves.insert((0xb, 0), [0; 4]);
        leaves.insert((0xd, 0), [7, 832, 832, 0]);
        leaves.insert((0xd, 1), [0; 4]);
        leaves.insert((0xd, 2), [256, 576, 0, 0]);
        leaves.insert((0x8000_0000, 0), [0x8000_0008, text[0], text[2], text[1]]);
        for leaf in 0x8000_0001..=0x8000_0007 {
            leaves.insert((leaf, 0), [0; 4]);
        }
        leaves.insert((0x8000_0008, 0), [0x302e, 0, 0, 0]);
        Self {
            label: label.to_string(),
            leaves,
            msrs: BTreeMap::new(),
            source: Source::Kvm,
            kernel: "6.1.0",
            microcode: "0x1",
            captured_at: "2026-01-01T00:00:00Z",
            with_msrs: true,
            lacking: Vec::new(),
        }
    }

    /// An Intel machine with these features.
    pub fn intel(label: &str, features: &str) -> Self {
        Self::new(label, "GenuineIntel", 0x0005_0657).with(COMMON).with(features)
    }

    /// With a signature.
    pub fn signature(mut self, eax: u32) -> Self {
        self.leaves.get_mut(&(1, 0)).unwrap()[0] = eax;
        self
    }

    /// Called something else.
    pub fn called(mut self, label: &str) -> Self {
        self.label = label.to_string();
        self
    }

    /// With more features.
    pub fn with(mut self, features: &str) -> Self {
        features.split_whitespace().for_each(|name| self.set(place(name), true));
        self
    }

    /// Without some.
    pub fn without(mut self, features: &str) -> Self {
        features.split_whitespace().for_each(|name| self.set(place(name), false));
        self
    }

    /// With a number.
    pub fn number(mut self, name: &str, value: u32) -> Self {
        let at = place(name);
        let (id, register, bits) = (at.leaf().unwrap(), at.register().unwrap(), at.bits().unwrap());
        let word = &mut self.leaves.get_mut(&(id.leaf, id.ecx())).unwrap()[index(register)];
        *word = *word & !u32::try_from(bits.mask()).unwrap() | value << bits.lo;
        self
    }

    /// With a TSC of so many kHz, as a hypervisor tells it.
    pub fn tsc(mut self, khz: u32) -> Self {
        let text: Vec<u32> = b"KVMKVMKVM\0\0\0".chunks(4).map(|c| u32::from_le_bytes(c.try_into().unwrap())).collect();
        self.leaves.insert((0x4000_0000, 0), [0x4000_0010, text[0], text[1], text[2]]);
        for leaf in 0x4000_0001..0x4000_0010 {
            self.leaves.insert((leaf, 0), [0; 4]);
        }
        self.leaves.insert((0x4000_0010, 0), [khz, 1_000_000, 0, 0]);
        self
    }

    fn set(&mut self, place: Place, on: bool) {
        match place {
            Place::Cpuid { id, register, bits, .. } => {
                let leaf = self.leaves.entry((id.leaf, id.ecx())).or_default();
                let word = &mut leaf[index(register)];
                *word = *word & !(1 << bits.lo) | u32::from(on) << bits.lo;
            }
            Place::Msr { index, bits } => {
                let msr = self.msrs.entry(index).or_default();
                *msr = *msr & !(1 << bits.lo) | u64::from(on) << bits.lo;
            }
            other => panic!("{other:?}"),
        }
    }

    /// The dump.
    pub fn dump(&self) -> Dump {
        let mut dump = Dump::new(self.source);
        dump.provenance.label = Some(self.label.clone());
        dump.provenance.kernel = Some(self.kernel.to_string());
        dump.provenance.microcode = Some(self.microcode.to_string());
        dump.provenance.captured_at = Some(self.captured_at.to_string());
        for (number, lacking) in std::iter::once(&Vec::new()).chain(&self.lacking).enumerate() {
            let mut node = self.clone();
            lacking.iter().for_each(|name| node.set(place(name), false));
            let mut vcpu = VcpuDump::new(u32::try_from(number).unwrap());
            for ((leaf, subleaf), [eax, ebx, ecx, edx]) in node.leaves {
                let registers = Registers::new(eax, ebx, ecx, edx);
                vcpu.insert(Record { id: LeafId::new(leaf, subleaf), registers }).unwrap();
            }
            // Every feature MSR that this vCPU announces.
            let announced = FEATURE_MSRS.iter().filter(|msr| {
                let (leaf, _, _) = msr.announced_by;
                vcpu.get(LeafId::new(leaf, 0)).is_some_and(|registers| msr.is_announced(registers))
            });
            let announced: Vec<u32> = announced.map(|msr| msr.index).filter(|_| self.with_msrs).collect();
            for index in announced {
                let value = Some(node.msrs.get(&index).copied().unwrap_or_default());
                vcpu.insert_msr(MsrRecord { index, value }).unwrap();
            }
            dump.vcpus.push(vcpu);
        }
        dump
    }

    /// The dump as JSON.
    pub fn json(&self) -> String {
        json::to_string(&self.dump())
    }
}

const fn index(register: Register) -> usize {
    match register {
        Register::Eax => 0,
        Register::Ebx => 1,
        Register::Ecx => 2,
        Register::Edx => 3,
    }
}
