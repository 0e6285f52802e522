//! The local APIC: starting the other vCPUs, sleeping, and waking them.
//!
//! # Source
//! SDM vol. 3 chapters 11.4 (xAPIC registers), 11.5.4 (timer), 11.6.1 (interrupt command), 11.12 (x2APIC: the same
//! registers as MSRs).

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::bare::cpuid::cpuid;
use crate::cpu::{outb, rdmsr, wrmsr};

const APIC_BASE: u32 = 0x1b;
const APIC_BASE_X2APIC: u64 = 1 << 10;

/// Offsets of registers in the xAPIC page.
const END_OF_INTERRUPT: u32 = 0xb0;
const SPURIOUS: u32 = 0xf0;
const COMMAND: u32 = 0x300;
const COMMAND_HIGH: u32 = 0x310;
const TIMER: u32 = 0x320;
const TIMER_COUNT: u32 = 0x380;
const TIMER_DIVISOR: u32 = 0x3e0;

const APIC_ON: u32 = 1 << 8;
/// The spurious interrupt's vector: its low four bits were fixed once.
const SPURIOUS_VECTOR: u32 = 0xff;
const DIVIDE_BY_1: u32 = 0b1011;
/// Timer ticks in a millisecond under QEMU and KVM, whose APIC bus runs at 1 GHz.
const TICKS: u32 = 1_000_000;

/// The vector of the interrupt that ends a sleep, the timer's or another vCPU's (entry.s returns from it at once).
pub const WAKE_VECTOR: usize = 32;

/// This vCPU's local APIC.
#[derive(Clone, Copy, Debug)]
pub enum Apic {
    /// Registers in memory, at this address.
    Memory(u64),
    /// Registers as MSRs.
    X2,
}

impl Apic {
    /// The APIC, if this vCPU has one. One that CPUID announced once stays: a migration that hides it takes away no
    /// device, and all vCPUs have to go on reporting.
    pub fn local() -> Option<Self> {
        static ANNOUNCED: AtomicBool = AtomicBool::new(false);
        if cpuid(1, 0).edx >> 9 & 1 == 1 {
            ANNOUNCED.store(true, Ordering::Relaxed);
        }
        let base = rdmsr(APIC_BASE).filter(|_| ANNOUNCED.load(Ordering::Relaxed))?;
        Some(if base & APIC_BASE_X2APIC != 0 { Self::X2 } else { Self::Memory(base & !0xfff) })
    }

    fn write(self, register: u32, value: u64) {
        match self {
            // SAFETY: x2APIC mode is on, so this MSR exists. The registers written here change no memory.
            Self::X2 => unsafe { wrmsr(0x800 + register / 16, value) },
            // SAFETY: the APIC's page is mapped (entry.s), uncached.
            Self::Memory(page) => unsafe { ((page + u64::from(register)) as *mut u32).write_volatile(value as u32) },
        }
    }

    /// Sends an interrupt command that needs no destination.
    pub fn command(self, command: u32) {
        if let Self::Memory(_) = self {
            self.write(COMMAND_HIGH, 0);
        }
        // Writing the low half sends; the x2APIC's register holds both.
        self.write(COMMAND, command.into());
    }

    /// Sleeps for about this many milliseconds, 4294 at most. Nothing but this timer is let through.
    pub fn sleep(self, milliseconds: u32) {
        // The two legacy interrupt controllers: all lines off.
        outb(0x21, 0xff);
        outb(0xa1, 0xff);
        self.enable();
        self.write(TIMER_DIVISOR, DIVIDE_BY_1.into());
        self.write(TIMER, WAKE_VECTOR as u64);
        self.write(TIMER_COUNT, milliseconds.saturating_mul(TICKS).max(1).into());
        self.await_interrupt();
    }

    /// Lets this vCPU take interrupts, once it waits for one.
    pub fn enable(self) {
        self.write(SPURIOUS, (APIC_ON | SPURIOUS_VECTOR).into());
    }

    /// Sleeps until the next interrupt, or goes on at once if it came before.
    pub fn await_interrupt(self) {
        // SAFETY: the interrupt's entry returns at once, and STI lets none through before HLT.
        unsafe { asm!("sti", "hlt", "cli") }
        self.write(END_OF_INTERRUPT, 0);
    }
}
