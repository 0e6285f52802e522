//! Feature MSRs: model-specific registers that report what a CPU can do, as CPUID does.

use crate::place::Place;
use crate::register::{Register, Registers};

/// A feature MSR and the CPUID bit that says it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureMsr {
    /// The MSR's index.
    pub index: u32,
    /// Its name in the manuals.
    pub name: &'static str,
    /// Leaf (subleaf 0), register and bit of the CPUID bit that announces it.
    pub announced_by: (u32, Register, u8),
    /// A further bit of another feature MSR that must be set: (index, bit).
    pub also: Option<(u32, u8)>,
    /// What says so.
    pub source: &'static str,
}

impl FeatureMsr {
    /// Whether `registers`, read from the announcing leaf, announce this MSR.
    #[must_use]
    pub const fn is_announced(&self, registers: Registers) -> bool {
        registers.get(self.announced_by.1) >> self.announced_by.2 & 1 == 1
    }

    /// Whether this MSR exists. `cpuid` gives subleaf 0 of a leaf, if that exists, `msr` what was read of an earlier
    /// feature MSR.
    #[must_use]
    pub fn exists(&self, cpuid: impl Fn(u32) -> Option<Registers>, msr: impl Fn(u32) -> Option<u64>) -> bool {
        cpuid(self.announced_by.0).is_some_and(|r| self.is_announced(r))
            && self.also.is_none_or(|(index, bit)| msr(index).is_some_and(|value| value >> bit & 1 == 1))
    }
}

/// The MSRs, and in cpufeatures.h the bits that announce them.
const LINUX: &str = "Linux arch/x86/include/asm/msr-index.h";

const VMX: (u32, Register, u8) = (0x1, Register::Ecx, 5);

const fn msr(index: u32, name: &'static str, announced_by: (u32, Register, u8), source: &'static str) -> FeatureMsr {
    FeatureMsr { index, name, announced_by, also: None, source }
}

const fn vmx(index: u32, name: &'static str) -> FeatureMsr {
    msr(index, name, VMX, "SDM vol. 3 appendix A")
}

const fn vmx_if(index: u32, name: &'static str, also: (u32, u8)) -> FeatureMsr {
    FeatureMsr { index, name, announced_by: VMX, also: Some(also), source: "SDM vol. 3 appendix A" }
}

/// Every feature MSR we read, ascending, so that `also` names one that was read before.
#[rustfmt::skip]
pub const FEATURE_MSRS: &[FeatureMsr] = &[
    msr(0xcf, "IA32_CORE_CAPABILITIES", (0x7, Register::Edx, 30), "SDM vol. 4 table 2-2"),
    msr(0x10a, "IA32_ARCH_CAPABILITIES", (0x7, Register::Edx, 29), LINUX),
    msr(0x345, "IA32_PERF_CAPABILITIES", (0x1, Register::Ecx, 15), LINUX),
    vmx(0x480, "IA32_VMX_BASIC"),
    vmx(0x481, "IA32_VMX_PINBASED_CTLS"),
    vmx(0x482, "IA32_VMX_PROCBASED_CTLS"),
    vmx(0x483, "IA32_VMX_EXIT_CTLS"),
    vmx(0x484, "IA32_VMX_ENTRY_CTLS"),
    vmx(0x485, "IA32_VMX_MISC"),
    vmx(0x486, "IA32_VMX_CR0_FIXED0"),
    vmx(0x487, "IA32_VMX_CR0_FIXED1"),
    vmx(0x488, "IA32_VMX_CR4_FIXED0"),
    vmx(0x489, "IA32_VMX_CR4_FIXED1"),
    vmx(0x48a, "IA32_VMX_VMCS_ENUM"),
    // Allowed-1 bit 63 of PROCBASED_CTLS: secondary controls exist. Bits 33 (EPT) and 37 (VPID) of those: EPT_VPID_CAP.
    vmx_if(0x48b, "IA32_VMX_PROCBASED_CTLS2", (0x482, 63)),
    vmx_if(0x48c, "IA32_VMX_EPT_VPID_CAP", (0x48b, 33)),
    vmx_if(0x48d, "IA32_VMX_TRUE_PINBASED_CTLS", (0x480, 55)),
    vmx_if(0x48e, "IA32_VMX_TRUE_PROCBASED_CTLS", (0x480, 55)),
    vmx_if(0x48f, "IA32_VMX_TRUE_EXIT_CTLS", (0x480, 55)),
    vmx_if(0x490, "IA32_VMX_TRUE_ENTRY_CTLS", (0x480, 55)),
    vmx_if(0x491, "IA32_VMX_VMFUNC", (0x48b, 45)),
];

/// The first bit of the settings that a guest may choose, in the MSRs of VMX controls. QEMU's feature words, and libvirt's
/// maps up to 11.x, count from it: their bit 5 is bit 37 of the MSR. libvirt 12.8 counts as the MSR does.
///
/// # Source
/// SDM vol. 3 appendix A; libvirt 9.0.0, 11.3.0 and 12.8.0 src/cpu_map/x86_features.xml.
#[must_use]
pub const fn first_control(index: u32) -> u8 {
    if matches!(index, 0x48b | 0x48d..=0x490) { 32 } else { 0 }
}

/// The place of an MSR's bit, however it was counted.
#[must_use]
pub const fn place_of_msr_bit(index: u32, bit: u8) -> Place {
    let first = first_control(index);
    Place::msr(index, if bit < first { bit + first } else { bit })
}

/// In a VMX control MSR, the bit of the low half that says that the control of the high half's bit `bit` must be one.
/// `None` for other MSRs and for bits of the low half.
///
/// The high half of these MSRs says which controls may be one, the low half which must be; a control that a guest may
/// choose is a feature.
///
/// # Source
/// SDM vol. 3 appendix A.3 to A.5; QEMU 7.2 target/i386/kvm/kvm.c (`kvm_arch_get_supported_msr_feature`).
#[must_use]
pub const fn must_be_one(index: u32, bit: u8) -> Option<u8> {
    let first = first_control(index);
    if first > 0 && bit >= first { Some(bit - first) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn msrs_are_sorted_and_conditions_come_first() {
        assert!(FEATURE_MSRS.windows(2).all(|w| w[0].index < w[1].index));
        for m in FEATURE_MSRS {
            assert!(m.also.is_none_or(|(index, bit)| index < m.index && bit < 64), "{m:?}");
        }
    }
}
