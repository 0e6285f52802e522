//! What a dump says of a feature's bit.

use cpuid_probe::Place;
use cpuid_probe::coverage::{Coverage, MsrPlace, Place as Covered, range_head};
use cpuid_probe::dump::VcpuDump;
use cpuid_probe::leaf::LeafId;
use cpuid_probe::msr::FEATURE_MSRS;

use super::map::{CpuMap, Features, Signature};

/// What a vCPU's dump says of a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was read: set or clear.
    Bit(bool),
    /// The leaf or MSR does not exist there, so software finds no such feature.
    Absent,
    /// Nobody read it.
    NotCaptured(Why),
}

/// Why a bit is not in a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The leaf is missing: an excerpt, or a capture that was cut.
    Leaf,
    /// The dump has no MSRs, or not this one.
    Msr,
    /// Reading the MSR faulted.
    Fault,
}

impl Seen {
    /// Set.
    #[must_use]
    pub const fn is_set(self) -> bool {
        matches!(self, Self::Bit(true))
    }

    /// Clear, or the place does not exist.
    #[must_use]
    pub const fn is_clear(self) -> bool {
        matches!(self, Self::Bit(false) | Self::Absent)
    }
}

/// A feature MSR's bits that are features.
///
/// The VMX control MSRs hold what must be one in their low half and what may be one in their high half; a control that
/// a guest may choose to set is a feature. All others are taken as they are.
///
/// # Source
/// SDM vol. 3 appendix A, VM-execution, VM-exit and VM-entry controls; QEMU 7.2 target/i386/kvm/kvm.c (`kvm_arch_get_supported_msr_feature`).
#[must_use]
pub const fn feature_word(index: u32, value: u64) -> u64 {
    match index {
        0x48b | 0x48d..=0x490 => value & !(value << 32) & (u64::MAX << 32),
        _ => value,
    }
}

/// Which bits of a feature word are known where only the bits of `mask` of its MSR are.
#[must_use]
pub const fn feature_word_mask(index: u32, mask: u64) -> u64 {
    match index {
        0x48b | 0x48d..=0x490 => mask & (mask << 32) & (u64::MAX << 32),
        _ => mask,
    }
}

/// The bits of one vCPU.
#[derive(Debug)]
pub struct VcpuBits<'a> {
    vcpu: &'a VcpuDump,
    coverage: Coverage<'a>,
}

impl<'a> VcpuBits<'a> {
    /// Of a vCPU's dump.
    #[must_use]
    pub fn of(vcpu: &'a VcpuDump) -> Self {
        Self { vcpu, coverage: Coverage::of(vcpu) }
    }

    /// What the dump says of `place`.
    #[must_use]
    pub fn see(&self, place: Place) -> Seen {
        match place {
            Place::Cpuid { id, register, bits, .. } => match self.vcpu.get(id) {
                Some(registers) if self.coverage.place(id) == Covered::Captured => {
                    Seen::Bit(registers.get(register) >> bits.lo & 1 == 1)
                }
                _ => self.unread(id),
            },
            Place::Msr { index, bits } => match self.vcpu.msr(index) {
                Some(Some(value)) => Seen::Bit(feature_word(index, value) >> bits.lo & 1 == 1),
                Some(None) => Seen::NotCaptured(Why::Fault),
                None if self.coverage.msr(index) == MsrPlace::Absent => Seen::Absent,
                None => Seen::NotCaptured(Why::Msr),
            },
            _ => Seen::Absent,
        }
    }

    /// Whether CPUID is seen to announce the MSR of `place`.
    #[must_use]
    pub fn announces(&self, place: Place) -> bool {
        let Place::Msr { index, .. } = place else { return false };
        FEATURE_MSRS.iter().filter(|msr| msr.index == index).any(|msr| {
            let (leaf, register, bit) = msr.announced_by;
            self.see(Place::bit(leaf, 0, register, bit)).is_set()
        })
    }

    fn unread(&self, id: LeafId) -> Seen {
        match self.coverage.place(id) {
            Covered::NotCaptured => Seen::NotCaptured(Why::Leaf),
            _ => Seen::Absent,
        }
    }

    /// The features that are there.
    #[must_use]
    pub fn features(&self, map: &CpuMap) -> Features {
        self.which(map, Seen::is_set)
    }

    /// The features of which the dump says nothing.
    #[must_use]
    pub fn not_captured(&self, map: &CpuMap) -> Features {
        self.which(map, |seen| matches!(seen, Seen::NotCaptured(_)))
    }

    fn which(&self, map: &CpuMap, is: impl Fn(Seen) -> bool) -> Features {
        map.features.iter().enumerate().filter(|(_, f)| is(self.see(f.place))).map(|(id, _)| id).collect()
    }

    /// Family, model and stepping.
    #[must_use]
    pub fn signature(&self) -> Option<Signature> {
        self.vcpu.get(LeafId::new(1, 0)).map(|r| Signature::of(r.eax))
    }

    /// The width of guest-physical addresses in bits; `None` where the leaf is not there.
    ///
    /// # Source
    /// Leaf 0x80000008 EAX\[7:0\]; 36 bits without that leaf (SDM vol. 3, Enumeration of Paging Features by CPUID).
    #[must_use]
    pub fn phys_bits(&self) -> Option<u32> {
        self.vcpu.get(LeafId::new(0x8000_0008, 0)).map(|r| r.eax & 0xff)
    }

    /// Why nothing is known of a leaf's range: its first leaf, which is where a reader would have to start.
    #[must_use]
    pub fn missing_head(&self, leaf: u32) -> Option<u32> {
        let head = range_head(leaf);
        self.vcpu.get(LeafId::new(head, 0)).is_none().then_some(head)
    }
}

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
        VcpuBits::of(v).see(place)
    }

    const RDCTL_NO: Place = Place::msr(0x10a, 0);

    #[test]
    fn vmx_controls_count_where_a_guest_may_choose() {
        // Bit 3 may be one and need not; bit 4 must be one; bit 5 may not.
        assert_eq!(feature_word(0x48d, (0b01_1000 << 32) | 0b01_0000), 0b00_1000 << 32);
        assert_eq!(feature_word(0x10a, 0x8000_0001), 0x8000_0001);
        assert_eq!(feature_word(0x48c, 0x0000_0f01_0673_4141), 0x0000_0f01_0673_4141);
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
        assert_eq!(see(&read, RDCTL_NO), Seen::Bit(true));
    }

    #[test]
    fn a_pasted_line_says_nothing_of_other_leaves() {
        let line = vcpu(&[(1, [0x306c1, 0, 1 << 31, 0])], &[]);
        let at = |leaf, register: Register, bit| Place::bit(leaf, 0, register, bit);
        assert_eq!(see(&line, at(1, Ecx, 31)), Seen::Bit(true));
        assert_eq!(see(&line, at(1, Ecx, 0)), Seen::Bit(false));
        assert_eq!(see(&line, at(7, Ecx, 0)), Seen::NotCaptured(Why::Leaf));
        assert_eq!(see(&line, at(0x8000_0001, Ecx, 0)), Seen::NotCaptured(Why::Leaf));
    }
}
