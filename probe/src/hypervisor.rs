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
    /// The block's last leaf, as the hypervisor says.
    pub last: u32,
    /// Who it is.
    pub signature: Signature,
}

/// Whether `r`, read at `base`, is the head of a hypervisor block; if so, which.
///
/// A head names a last leaf inside its own 0x100 leaves, which an answer for an out-of-range leaf does not do. KVM
/// once wrote 0 for "one leaf more" (Linux Documentation/virt/kvm/x86/cpuid.rst). The signature may be anything:
/// QEMU's `hv-vendor-id` takes any bytes.
#[must_use]
pub fn block_at(base: u32, r: Registers) -> Option<Block> {
    let signature = Signature::hypervisor(r);
    if !(FIRST_BASE..END).contains(&base) || !base.is_multiple_of(STRIDE) {
        return None;
    }
    if r.eax == 0 && &signature.0 == b"KVMKVMKVM\0\0\0" {
        return Some(Block { base, last: base + 1, signature });
    }
    (base..base + STRIDE).contains(&r.eax).then_some(Block { base, last: r.eax, signature })
}

/// The base of the block that `leaf` would belong to, if it lies where hypervisor blocks are.
#[must_use]
pub const fn base_of(leaf: u32) -> Option<u32> {
    if leaf >= FIRST_BASE && leaf < END { Some(leaf & !(STRIDE - 1)) } else { None }
}
