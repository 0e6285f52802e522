//! The boot image: a guest without an operating system that reads CPUID on every vCPU, writes the framed text of
//! [`cpuid_probe::text`] to the first serial port and powers off.
//!
//! QEMU and libvirt start it as a kernel, by its multiboot header or its PVH note. It runs the probe's own walker
//! ([`cpuid_probe::walk`]) and reads the feature MSRs that CPUID announces. probe/build.rs builds it with stable Rust
//! for the host's target, without SSE, and embeds it in `cpuid-probe`; docs/boot.md says how to use it by hand.
//!
//! One vCPU after the other:
//! * `entry.s` checks for long mode and enters it;
//! * [`info`] takes the kernel command line and the size of RAM from the boot loader;
//! * [`smp`] starts the other vCPUs; each reads itself into its own slot of RAM ([`slot`]) and sleeps. None waits for
//!   a lock: vCPUs that spin keep those that work from running;
//! * the first vCPU sorts the slots by APIC id, since vCPUs arrive in any order, and prints them.
//!
//! The control registers are set as an operating system would (CR4.OSXSAVE, CR4.PKE, every component in XCR0), so that
//! the bits that mirror them read as they do in a Linux guest.
//!
//! With the word `debugcon` on the kernel command line the dump goes to QEMU's debug console instead ([`console`]), which
//! is a good deal faster with many vCPUs. With the word `watch` (or `watch=MS`) it keeps running and reports every register that
//! changes ([`watch`]), as a live migration makes them; with `verbose` too it prints a line a pass.
#![no_std]
#![cfg_attr(bare, no_main)]
// Ports, MSRs, page tables: nothing here can be done without. Each use says why it is sound.
#![allow(unsafe_code)]
#![warn(clippy::undocumented_unsafe_blocks)]

mod apic;
#[path = "../bare/mod.rs"]
mod bare;
mod console;
mod cpu;
mod info;
mod memory;
mod power;
mod slot;
mod smp;
mod watch;

use core::arch::global_asm;
use core::fmt::Write;

use cpuid_probe::text::{GUEST_ERROR, write_frame};

use crate::console::Console;
use crate::slot::{Bank, SLOT, SLOTS, STACK};

/// CR4.PAE, which 64-bit mode needs; with it OSFXSR and OSXMMEXCPT where the compiler insisted on SSE.
const CR4: u32 = if cfg!(no_sse) { 0x20 } else { 0x620 };

global_asm!(
    include_str!("entry.s"),
    cr4 = const CR4,
    first = sym first_vcpu,
    secondary = sym smp::secondary_vcpu,
    exception = sym exception,
    next_slot = sym smp::NEXT_SLOT,
    slot_limit = sym smp::SLOT_LIMIT,
    slots = const SLOTS,
    slot = const SLOT,
    stack = const STACK,
    trampoline = const smp::TRAMPOLINE,
    options(att_syntax)
);

/// Where `entry.s` hands over, on slot 0's stack: `info` is the boot loader's, `pvh` 1 or 0 (multiboot).
extern "C" fn first_vcpu(info: u32, pvh: u32) -> ! {
    cpu::set_up();
    let info = info::read(info, pvh == 1);
    let vcpus = smp::read_all(info.ram_end, Bank::A);
    let mut serial = Console::serial();
    let mut debug = Console::debug();
    let out = if info.options.debugcon { &mut debug } else { &mut serial };
    // Writing to a port cannot fail.
    let _ = write_frame(out, "boot", vcpus.views());
    out.flush();
    if let Some(interval) = info.options.watch {
        watch::watch(&mut serial, vcpus, &info, interval);
    }
    power::off()
}

/// Where `entry.s` hands over after an exception that nothing expected.
extern "C" fn exception(vector: u32, at: u64) -> ! {
    fail(format_args!("exception {vector} at {at:#x}"))
}

/// Says what went wrong on a line that no frame holds, and powers off.
fn fail(what: core::fmt::Arguments<'_>) -> ! {
    let mut serial = Console::serial();
    let _ = writeln!(serial, "\n{GUEST_ERROR}{what}");
    serial.flush();
    power::off()
}

#[cfg(bare)]
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    fail(format_args!("{info}"))
}
