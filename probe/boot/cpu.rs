//! The instructions that Rust has no safe word for.

use core::arch::asm;

use cpuid_probe::Registers;

use crate::apic::WAKE_VECTOR;
use crate::bare::cpuid::cpuid;

/// Bits of CR4.
const CR4_OSXSAVE: u64 = 1 << 18;
const CR4_PKE: u64 = 1 << 22;

unsafe extern "C" {
    // entry.s
    safe fn try_rdmsr(index: u32, value: &mut u64) -> bool;
    safe fn try_xsetbv(value: u64) -> bool;
    safe static exception_stubs: u8;
    safe static general_protection: u8;
    safe static wake_interrupt: u8;
}

/// Reads an MSR; `None` where that faults.
pub fn rdmsr(index: u32) -> Option<u64> {
    let mut value = 0;
    try_rdmsr(index, &mut value).then_some(value)
}

/// Writes an MSR.
///
/// # Safety
/// The MSR exists, and the value does not change how this program runs.
pub unsafe fn wrmsr(index: u32, value: u64) {
    // SAFETY: as the caller promises.
    unsafe {
        asm!("wrmsr", in("ecx") index, in("eax") value as u32, in("edx") (value >> 32) as u32, options(nostack));
    }
}

/// Writes a byte to an I/O port.
pub fn outb(port: u16, value: u8) {
    // SAFETY: no device this program talks to writes into its memory.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack)) }
}

/// Writes a word to an I/O port.
pub fn outw(port: u16, value: u16) {
    // SAFETY: no device this program talks to writes into its memory.
    unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nomem, nostack)) }
}

/// Writes bytes to one I/O port with one instruction, which a hypervisor handles at once.
pub fn outs(port: u16, bytes: &[u8]) {
    // SAFETY: reads `bytes` and nothing else; the direction flag is clear, as the ABI has it.
    unsafe {
        asm!("rep outsb", in("dx") port, inout("rsi") bytes.as_ptr() => _, inout("rcx") bytes.len() => _,
            options(readonly, nostack));
    }
}

/// Reads a byte from an I/O port.
pub fn inb(port: u16) -> u8 {
    let value;
    // SAFETY: no device this program talks to writes into its memory.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack)) }
    value
}

/// Reads a word from an I/O port.
pub fn inw(port: u16) -> u16 {
    let value;
    // SAFETY: no device this program talks to writes into its memory.
    unsafe { asm!("in ax, dx", in("dx") port, out("ax") value, options(nomem, nostack)) }
    value
}

/// The time-stamp counter.
pub fn tsc() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reads a counter; CR4.TSD is clear.
    unsafe { asm!("rdtsc", out("eax") low, out("edx") high, options(nomem, nostack)) }
    u64::from(high) << 32 | u64::from(low)
}

/// Waits `ticks` of the time-stamp counter.
pub fn wait(ticks: u64) {
    let start = tsc();
    while tsc().wrapping_sub(start) < ticks {
        core::hint::spin_loop();
    }
}

/// Sleeps. Interrupts are off, so nothing but INIT wakes this vCPU.
pub fn halt() -> ! {
    loop {
        // SAFETY: stops this vCPU, nothing else.
        unsafe { asm!("cli", "hlt", options(nomem, nostack)) }
    }
}

/// Ends the machine where nothing else does: an exception without a table for it.
pub fn triple_fault() -> ! {
    // SAFETY: never returns, and nothing runs afterwards.
    unsafe {
        asm!("push 0", "push 0", "lidt [rsp]", "ud2", options(noreturn));
    }
}

/// Makes this vCPU look as it does under an operating system, and catches exceptions.
pub fn set_up() {
    load_exception_table();
    let leaf = |n: u32| if cpuid(0, 0).eax >= n { cpuid(n, 0) } else { Registers::ZERO };
    let mut cr4: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr4", out(reg) cr4, options(nomem, nostack)) }
    // QEMU's emulation up to 7.2 takes OSXSAVE for a reserved bit, and hangs, where leaf 0xD.1 EAX is 0 (Opteron_G4).
    let xsave = leaf(1).ecx >> 26 & 1 == 1 && leaf(0xd).eax != 0 && cpuid(0xd, 1).eax != 0;
    if xsave {
        cr4 |= CR4_OSXSAVE;
    }
    if leaf(7).ecx >> 3 & 1 == 1 {
        cr4 |= CR4_PKE;
    }
    // SAFETY: CPUID announces both bits. Neither changes anything for a program that uses no XSAVE state and has no
    // user pages.
    unsafe { asm!("mov cr4, {}", in(reg) cr4, options(nomem, nostack)) }
    if xsave {
        let components = cpuid(0xd, 0);
        // Where a hypervisor refuses a component it announces, XCR0 stays as it was.
        let _ = try_xsetbv(u64::from(components.edx) << 32 | u64::from(components.eax));
    }
}

/// The exceptions, and the one interrupt that is ever let through.
const VECTORS: usize = WAKE_VECTOR + 1;
const GENERAL_PROTECTION: usize = 13;

/// Points every exception to its entry in `entry.s`. Each vCPU builds the same table in the same place.
fn load_exception_table() {
    static TABLE: crate::memory::Shared<[[u32; 4]; VECTORS]> = crate::memory::Shared::new([[0; 4]; VECTORS]);
    #[repr(C, packed)]
    struct Pointer {
        limit: u16,
        base: u64,
    }
    let table = TABLE.get();
    for vector in 0..VECTORS {
        let at = match vector {
            GENERAL_PROTECTION => &raw const general_protection as usize,
            WAKE_VECTOR => &raw const wake_interrupt as usize,
            // Sixteen bytes each.
            _ => &raw const exception_stubs as usize + 16 * vector,
        };
        let (low, high) = (at as u32, (at >> 32) as u32);
        // Code segment 0x08, 64-bit interrupt gate, present.
        let gate = [0x08 << 16 | low & 0xffff, low & 0xffff_0000 | 0x8e00, high, 0];
        // SAFETY: inside the table; vCPUs that write at the same time write the same words.
        unsafe { (&raw mut (*table)[vector]).write_volatile(gate) };
    }
    let pointer = Pointer { limit: (size_of::<[[u32; 4]; VECTORS]>() - 1) as u16, base: table as u64 };
    // SAFETY: the table is static and complete.
    unsafe { asm!("lidt [{}]", in(reg) &raw const pointer, options(readonly, nostack)) }
}
