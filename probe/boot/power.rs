//! Powers the machine off.

use crate::cpu::{halt, inw, outb, outw, triple_fault, wait};
use crate::smp;

/// ACPI PM1a control, where QEMU's firmware puts it on pc and q35.
const PM1A_CONTROL: u16 = 0x604;
/// Sleep type 0 (soft off in QEMU's tables) and sleep enable.
const SOFT_OFF: u16 = 1 << 13;
/// The keyboard controller's command port, and its command to pulse the reset line.
const KEYBOARD: (u16, u8) = (0x64, 0xfe);
/// Time-stamp ticks that a way of switching off gets to take effect.
const PATIENCE: u64 = 1 << 28;

/// Powers off, or resets the machine where there is no known power switch.
pub fn off() -> ! {
    // A write to a port without a device has no effect.
    if inw(PM1A_CONTROL) != 0xffff {
        outw(PM1A_CONTROL, SOFT_OFF);
        if smp::vcpu_count().is_some() {
            // QEMU has seen the write. Spinning would keep QEMU from acting where cores are few.
            halt();
        }
        wait(PATIENCE);
    }
    outb(KEYBOARD.0, KEYBOARD.1);
    triple_fault()
}
