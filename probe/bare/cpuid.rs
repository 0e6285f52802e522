//! The CPUID instruction.

use core::arch::asm;

use cpuid_probe::{CpuidSource, Registers};

/// The CPUID instruction of the vCPU this runs on.
#[derive(Debug)]
pub struct Cpuid;

impl CpuidSource for Cpuid {
    fn cpuid(&mut self, leaf: u32, subleaf: u32) -> Option<Registers> {
        Some(cpuid(leaf, subleaf))
    }
}

/// Executes CPUID.
pub fn cpuid(leaf: u32, subleaf: u32) -> Registers {
    let (eax, ebx, ecx, edx);
    // SAFETY: CPUID writes four registers and nothing else. RBX may be reserved by the compiler.
    unsafe {
        asm!("xchg {b:r}, rbx", "cpuid", "xchg {b:r}, rbx", b = inout(reg) 0u64 => ebx,
            inout("eax") leaf => eax, inout("ecx") subleaf => ecx, out("edx") edx, options(nomem, nostack));
    }
    // Only EBX went through a 64-bit register.
    let ebx: u64 = ebx;
    Registers::new(eax, ebx as u32, ecx, edx)
}
