//! A dump as a view: what each vCPU says of a place.

use cpuid_probe::coverage::{Coverage, MsrPlace, Place as Covered};
use cpuid_probe::dump::{Dump, Source, VcpuDump};
use cpuid_probe::hypervisor::base_of;
use cpuid_probe::leaf::LeafId;
use cpuid_probe::msr::{FEATURE_MSRS, must_be_one};
use cpuid_probe::place::{BitRange, Place, Within};

use super::blocks::{owner_of, rebase};

/// What a vCPU's dump says of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was read: its bits, shifted down.
    Value(u64),
    /// The leaf or MSR does not exist there, so software finds zero.
    Absent,
    /// Nobody read it.
    NotCaptured(Why),
}

/// Why a place is not in a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The leaf is missing: an excerpt, or a capture that was cut.
    Leaf,
    /// The dump has no MSRs, or not this one.
    Msr,
    /// Reading the MSR faulted.
    Fault,
    /// The source is of a kind that does not say this, either way.
    Unsaid,
}

impl Seen {
    /// A bit that is set, or a number above zero.
    #[must_use]
    pub const fn is_set(self) -> bool {
        matches!(self, Self::Value(1..))
    }

    /// Zero, or the place does not exist.
    #[must_use]
    pub const fn is_clear(self) -> bool {
        matches!(self, Self::Value(0) | Self::Absent)
    }

    /// The number that software finds there; `None` where nobody read it.
    #[must_use]
    pub const fn number(self) -> Option<u64> {
        match self {
            Self::Value(n) => Some(n),
            Self::Absent => Some(0),
            Self::NotCaptured(_) => None,
        }
    }
}

/// A dump, with what each of its vCPUs covers.
#[derive(Debug)]
pub struct DumpView<'a> {
    /// The dump.
    pub dump: &'a Dump,
    /// Its vCPUs, in its order.
    pub vcpus: Vec<VcpuView<'a>>,
}

impl<'a> DumpView<'a> {
    /// The view of a dump.
    #[must_use]
    pub fn of(dump: &'a Dump) -> Self {
        Self { dump, vcpus: dump.vcpus.iter().map(VcpuView::of).collect() }
    }

    /// Every captured vCPU is complete, and there is one.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.vcpus.is_empty() && self.vcpus.iter().all(|v| v.coverage.is_complete())
    }

    /// It holds every feature MSR that exists on its vCPUs, perhaps none.
    #[must_use]
    pub fn has_msrs(&self) -> bool {
        self.vcpus.iter().all(|v| v.coverage.has_msrs())
    }

    /// It was read from another tool's file.
    #[must_use]
    pub fn is_import(&self) -> bool {
        self.dump.provenance.source == Source::Import
    }

    /// Every vCPU's vendor is AMD, or a maker after AMD's design.
    #[must_use]
    pub fn is_amd(&self) -> bool {
        let is_amd = |view: &VcpuView<'_>| view.vcpu.vendor().is_some_and(|vendor| vendor.is_amd());
        !self.vcpus.is_empty() && self.vcpus.iter().all(is_amd)
    }

    /// What all vCPUs say of a feature: `None` where one of them does not hold it, or where there is no vCPU.
    #[must_use]
    pub fn feature(&self, place: Place) -> Option<OnVcpus> {
        let seen: Vec<Seen> = self.vcpus.iter().map(|v| v.feature(place)).collect();
        if seen.is_empty() || seen.iter().any(|s| matches!(s, Seen::NotCaptured(_))) {
            return None;
        }
        Some(match (seen.iter().any(|s| s.is_set()), seen.iter().all(|s| s.is_set())) {
            (_, true) => OnVcpus::All,
            (true, false) => OnVcpus::Some,
            (false, false) => OnVcpus::None,
        })
    }

    /// The values of a place over all vCPUs, each once, ascending.
    #[must_use]
    pub fn values(&self, place: Place) -> Vec<Seen> {
        let mut seen: Vec<Seen> = Vec::new();
        for value in self.vcpus.iter().map(|v| v.see(place)) {
            if !seen.contains(&value) {
                seen.push(value);
            }
        }
        seen.sort_by_key(|s| (matches!(s, Seen::NotCaptured(_)), s.number()));
        seen
    }
}

/// On which vCPUs a feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnVcpus {
    /// Every one.
    All,
    /// Some.
    Some,
    /// None.
    None,
}

/// One vCPU of a dump.
#[derive(Debug)]
pub struct VcpuView<'a> {
    /// The vCPU.
    pub vcpu: &'a VcpuDump,
    /// What of it the dump covers.
    pub coverage: Coverage<'a>,
}

impl<'a> VcpuView<'a> {
    /// The view of a vCPU's dump.
    #[must_use]
    pub fn of(vcpu: &'a VcpuDump) -> Self {
        Self { vcpu, coverage: Coverage::of(vcpu) }
    }

    /// What the dump says of `place`. A place in a hypervisor block is looked for where this vCPU has the block.
    #[must_use]
    pub fn see(&self, place: Place) -> Seen {
        match place {
            Place::Cpuid { block, id, register, bits } => {
                let here = block.map_or(Some(id), |block| self.in_block(block, id));
                let Some(id) = here else { return self.unread(id) };
                match self.vcpu.get(id) {
                    _ if !self.vcpu.knows(Place::Cpuid { block: None, id, register, bits }) => {
                        Seen::NotCaptured(Why::Unsaid)
                    }
                    Some(registers) if self.coverage.place(id) == Covered::Captured => {
                        Seen::Value(bits.of(registers.get(register).into()))
                    }
                    _ => self.unread(id),
                }
            }
            Place::Msr { index, bits } => match self.vcpu.msr(index) {
                Some(Some(value)) if self.vcpu.knows(place) => Seen::Value(bits.of(value)),
                Some(None) => Seen::NotCaptured(Why::Fault),
                _ if self.coverage.msr(index) == MsrPlace::Absent => Seen::Absent,
                _ if self.vcpu.is_statements() => Seen::NotCaptured(Why::Unsaid),
                _ => Seen::NotCaptured(Why::Msr),
            },
            Place::Leaf { .. } | Place::Block(_) | Place::Number(_) => Seen::NotCaptured(Why::Leaf),
        }
    }

    /// What the dump says of a feature's bit. A VMX control that must be one is no feature: a guest cannot choose it.
    #[must_use]
    pub fn feature(&self, place: Place) -> Seen {
        let seen = self.see(place);
        let Place::Msr { index, bits } = place else { return seen };
        match must_be_one(index, bits.lo) {
            Some(bit) if seen.is_set() && self.see(Place::msr(index, bit)).is_set() => Seen::Value(0),
            _ => seen,
        }
    }

    /// Whether CPUID is seen to announce the MSR of `place`.
    #[must_use]
    pub fn announces(&self, place: Place) -> bool {
        let Some(index) = place.msr_index() else { return false };
        FEATURE_MSRS.iter().filter(|msr| msr.index == index).any(|msr| {
            let (leaf, register, bit) = msr.announced_by;
            self.see(Place::bit(leaf, 0, register, bit)).is_set()
        })
    }

    /// The width of guest-physical addresses in bits, or that it is not known.
    ///
    /// # Source
    /// Leaf 0x80000008 EAX\[7:0\]; 36 bits without that leaf (SDM vol. 3, Enumeration of Paging Features by CPUID).
    #[must_use]
    pub fn phys_bits(&self) -> Seen {
        self.see(PHYS_BITS)
    }

    /// Where this vCPU has a leaf of a block.
    fn in_block(&self, block: Within, id: LeafId) -> Option<LeafId> {
        let mut blocks = self.vcpu.blocks();
        let base = match block.signature {
            Some(signature) => blocks.find(|b| b.signature == signature).map(|b| b.base),
            None => {
                let owner = |base, signature| owner_of(self.vcpu, base, Some(signature));
                blocks.find(|b| owner(b.base, b.signature) == Some(block.owner)).map(|b| b.base)
            }
        };
        // A dump without the head of a block may still hold a leaf of it; with a head, it is another hypervisor's.
        let headless = |base: &u32| self.vcpu.get(id).is_some() && self.vcpu.get(LeafId::new(*base, 0)).is_none();
        base.or_else(|| base_of(id.leaf).filter(headless)).map(|base| rebase(id, base))
    }

    fn unread(&self, id: LeafId) -> Seen {
        match self.coverage.place(id) {
            Covered::NotCaptured if self.vcpu.is_statements() => Seen::NotCaptured(Why::Unsaid),
            Covered::NotCaptured => Seen::NotCaptured(Why::Leaf),
            _ => Seen::Absent,
        }
    }
}

/// The CPU has 64 bits.
pub const LONG_MODE: Place = Place::bit(0x8000_0001, 0, cpuid_probe::Register::Edx, 29);

/// The width of physical addresses.
pub const PHYS_BITS: Place = Place::Cpuid {
    block: None,
    id: LeafId::new(0x8000_0008, 0),
    register: cpuid_probe::Register::Eax,
    bits: BitRange::new(7, 0),
};

#[cfg(test)]
mod tests {
    use cpuid_probe::Register::Ecx;
    use cpuid_probe::dump::{MsrRecord, Record};
    use cpuid_probe::{Register, Registers};

    use super::*;

    fn vcpu(leaves: &[(u32, [u32; 4])], msrs: &[(u32, Option<u64>)]) -> VcpuDump {
        let mut v = VcpuDump::new(0);
        for (leaf, [a, b, c, d]) in leaves {
            v.insert(Record { id: LeafId::new(*leaf, 0), registers: Registers::new(*a, *b, *c, *d) }).expect("once");
        }
        for (index, value) in msrs {
            v.insert_msr(MsrRecord { index: *index, value: *value }).expect("once");
        }
        v
    }

    fn see(v: &VcpuDump, place: Place) -> Seen {
        VcpuView::of(v).feature(place)
    }

    const RDCTL_NO: Place = Place::msr(0x10a, 0);

    #[test]
    fn vmx_controls_count_where_a_guest_may_choose() {
        // Bit 3 may be one and need not; bit 4 must be one; bit 5 may not.
        let v = vcpu(&[(0, [7, 0, 0, 0]), (1, [0, 0, 1 << 5, 0])], &[(0x48d, Some((0b01_1000 << 32) | 0b01_0000))]);
        let has = |bit: u8| see(&v, Place::msr(0x48d, 32 + bit)).is_set();
        assert_eq!([has(3), has(4), has(5)], [true, false, false]);
        assert!(VcpuView::of(&v).see(Place::msr(0x48d, 36)).is_set(), "the MSR's own bit");
    }

    #[test]
    fn an_msr_is_absent_only_where_cpuid_says_so() {
        let ids = (0, [7, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]);
        let no_leaf_7 = vcpu(&[(1, [0x306c1, 0, 0, 0])], &[]);
        assert_eq!(see(&no_leaf_7, RDCTL_NO), Seen::NotCaptured(Why::Msr));
        let without = vcpu(&[ids, (1, [0; 4]), (7, [0; 4])], &[]);
        assert_eq!(see(&without, RDCTL_NO), Seen::Absent);
        let announced = vcpu(&[ids, (1, [0; 4]), (7, [0, 0, 0, 1 << 29])], &[]);
        assert_eq!(see(&announced, RDCTL_NO), Seen::NotCaptured(Why::Msr));
        let faulted = vcpu(&[ids, (1, [0; 4]), (7, [0, 0, 0, 1 << 29])], &[(0x10a, None)]);
        assert_eq!(see(&faulted, RDCTL_NO), Seen::NotCaptured(Why::Fault));
        let read = vcpu(&[ids, (1, [0; 4]), (7, [0, 0, 0, 1 << 29])], &[(0x10a, Some(1))]);
        assert_eq!(see(&read, RDCTL_NO), Seen::Value(1));
    }

    #[test]
    fn a_pasted_line_says_nothing_of_other_leaves() {
        let line = vcpu(&[(1, [0x306c1, 0, 1 << 31, 0])], &[]);
        let at = |leaf, register: Register, bit| Place::bit(leaf, 0, register, bit);
        assert_eq!(see(&line, at(1, Ecx, 31)), Seen::Value(1));
        assert_eq!(see(&line, at(1, Ecx, 0)), Seen::Value(0));
        assert_eq!(see(&line, at(7, Ecx, 0)), Seen::NotCaptured(Why::Leaf));
        assert_eq!(see(&line, at(0x8000_0001, Ecx, 0)), Seen::NotCaptured(Why::Leaf));
    }
}
