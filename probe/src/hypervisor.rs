//! Hypervisor leaf blocks: 0x40000000 + n·0x100, told apart by their signature.

use crate::register::Registers;
use crate::vendor::Signature;

/// The first possible block.
pub const FIRST_BASE: u32 = 0x4000_0000;
/// Distance between possible blocks.
pub const STRIDE: u32 = 0x100;
/// No block starts at or above this.
///
/// # Source
/// Linux 7.1 arch/x86/include/asm/cpuid/api.h:191-212.
pub const END: u32 = 0x4001_0000;

/// One hypervisor's leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The block's first leaf.
    pub base: u32,
    /// The block's last leaf, as far as is known.
    pub last: u32,
    /// The hypervisor says which leaf is the last.
    pub bounded: bool,
    /// Who it is.
    pub signature: Signature,
}

/// Whether `r`, read at `base`, is the head of a hypervisor block; if so, which.
///
/// A head names a last leaf inside its own 0x100 leaves, which an answer for an out-of-range leaf does not do. The
/// signature may then be anything: QEMU's `hv-vendor-id` takes any bytes. KVM once wrote 0 for "one leaf more". No other
/// hypervisor is known to name no last leaf; should one, its signature alone makes it a block, as it does for Linux's
/// guests of KVM, VMware and Jailhouse, and nothing is known of the leaves that follow.
///
/// # Source
/// Linux Documentation/virt/kvm/x86/cpuid.rst (EAX 0); arch/x86/include/asm/cpuid/api.h `cpuid_base_hypervisor` (the
/// signature counts, EAX only where a guest asks for a number of leaves); QEMU 7.2 target/i386/cpu.c `cpu_x86_cpuid`
/// (TCG always names 0x40000001). Hyper-V TLFS, feature discovery: EAX is the last leaf.
#[must_use]
pub fn block_at(base: u32, r: Registers) -> Option<Block> {
    let signature = Signature::hypervisor(r);
    if !(FIRST_BASE..END).contains(&base) || !base.is_multiple_of(STRIDE) {
        return None;
    }
    let (last, bounded) = match r.eax {
        last if (base..base + STRIDE).contains(&last) => (last, true),
        0 if &signature.0 == b"KVMKVMKVM\0\0\0" => (base + 1, true),
        _ if signature.is_text() => (base, false),
        _ => return None,
    };
    Some(Block { base, last, bounded, signature })
}

/// The base of the block that `leaf` would belong to, if it lies where hypervisor blocks are.
#[must_use]
pub const fn base_of(leaf: u32) -> Option<u32> {
    if leaf >= FIRST_BASE && leaf < END { Some(leaf & !(STRIDE - 1)) } else { None }
}

/// Whose leaves a row or a place lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// The CPU's own leaves.
    Cpu,
    /// A KVM block.
    Kvm,
    /// A Hyper-V block (or QEMU's emulation of one).
    HyperV,
    /// A Xen block.
    Xen,
    /// A VMware block.
    Vmware,
    /// Another hypervisor's block.
    OtherHypervisor,
}

impl Owner {
    /// All.
    pub const ALL: [Self; 6] = [Self::Cpu, Self::Kvm, Self::HyperV, Self::Xen, Self::Vmware, Self::OtherHypervisor];

    /// The word in listings.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Kvm => "kvm",
            Self::HyperV => "hyperv",
            Self::Xen => "xen",
            Self::Vmware => "vmware",
            Self::OtherHypervisor => "other",
        }
    }

    /// The owner of a hypervisor block with this signature (EBX, ECX, EDX of its first leaf).
    ///
    /// # Source
    /// Linux Documentation/virt/kvm/x86/cpuid.rst, Hyper-V TLFS leaf 0x40000000, Xen arch-x86/cpuid.h,
    /// Linux arch/x86/kernel/cpu/vmware.c. KVM's default vendor id for nested Hyper-V is `Linux KVM Hv`.
    #[must_use]
    pub const fn of_signature(signature: &[u8; 12]) -> Self {
        match signature {
            b"KVMKVMKVM\0\0\0" => Self::Kvm,
            b"Microsoft Hv" | b"Linux KVM Hv" => Self::HyperV,
            b"XenVMMXenVMM" => Self::Xen,
            b"VMwareVMware" => Self::Vmware,
            _ => Self::OtherHypervisor,
        }
    }
}
