//! Watching: every vCPU is read again and again, and each register that changes is a line.
//!
//! ```text
//! change: pass 12 vcpu 0 0x00000007.0 EBX 000003a9 -> 00000389 (-5)
//! vCPUs: pass 12 1 -> 2
//! unanswered: 1 of 2 vCPUs, pass 12
//! ```
//! In between all vCPUs sleep.

use core::fmt::{self, Write};

use cpuid_probe::change::{Sighting, UNANSWERED, changes};
use cpuid_probe::text::Crc32;

use crate::apic::Apic;
use crate::console::Console;
use crate::cpu;
use crate::info::Info;
use crate::smp::{Vcpus, read_all};

/// Milliseconds between passes, unless the command line says otherwise.
pub const INTERVAL: u32 = 200;
/// The same where there is no timer to sleep by: ticks of the time-stamp counter.
const TICKS: u64 = 1 << 28;
/// A pass that differs is read again until two readings agree, since a migration's switch may fall into the middle of
/// one. So many readings are enough for that.
const MOST_READINGS: u32 = 8;

/// Reports what differs from `before`, the first pass, and then from what was seen last.
pub fn watch(serial: &mut Console, mut before: Vcpus, info: &Info, interval: u32) -> ! {
    let mut missing = before.missing();
    for pass in 2.. {
        match Apic::local() {
            Some(apic) => apic.sleep(interval),
            None => cpu::wait(TICKS),
        }
        let now = settled(&before, info.ram_end);
        // Writing to a port cannot fail.
        if now.missing() > 0 || missing > 0 {
            // Every time: a migration may have taken the guest to somebody who has not heard it.
            missing = now.missing();
            let _ = writeln!(serial, "{UNANSWERED}{missing} of {} vCPUs, pass {pass}", now.views().len());
            serial.flush();
        }
        if now.missing() > 0 {
            // The others cannot be told apart then: vCPUs are numbered by ascending APIC id.
            continue;
        }
        if before.missing() > 0 {
            before = now;
            continue;
        }
        let _ = report(serial, pass, &before, &now);
        if info.options.verbose {
            let _ = writeln!(serial, "pass {pass}: {} vCPUs", now.views().len());
        }
        serial.flush();
        if digest(&before, &now) != Crc32::new().value() {
            before = now;
        }
    }
    unreachable!("there are 2^64 passes")
}

/// A reading that shows what `before` does, or one that the next reading confirms.
fn settled(before: &Vcpus, ram_end: u64) -> Vcpus {
    let bank = before.bank().other();
    let mut now = read_all(ram_end, bank);
    let mut shown = digest(before, &now);
    for _ in 1..MOST_READINGS {
        if shown == Crc32::new().value() {
            break;
        }
        // The bank of the unconfirmed reading is used again, so only what it would have said is kept.
        now = read_all(ram_end, bank);
        let again = digest(before, &now);
        if again == shown {
            break;
        }
        shown = again;
    }
    now
}

/// What a report would say, as a number; of nothing, the checksum of nothing.
fn digest(before: &Vcpus, now: &Vcpus) -> u32 {
    struct Digest(Crc32);
    impl Write for Digest {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            self.0.add(s.as_bytes());
            Ok(())
        }
    }
    let mut digest = Digest(Crc32::new());
    // Nothing here can fail.
    let _ = report(&mut digest, 0, before, now);
    digest.0.value()
}

/// Writes what differs.
fn report(out: &mut impl Write, pass: u64, before: &Vcpus, now: &Vcpus) -> fmt::Result {
    let mut result = Ok(());
    for (a, b) in before.views().zip(now.views()) {
        changes(a.leaves, b.leaves, &mut |change| {
            let sighting = Sighting { pass, vcpu: b.vcpu, change };
            result = result.and_then(|()| writeln!(out, "{}{sighting}", Sighting::WORD));
        });
    }
    result?;
    let (a, b) = (before.views().len(), now.views().len());
    if a == b { Ok(()) } else { writeln!(out, "vCPUs: pass {pass} {a} -> {b}") }
}
