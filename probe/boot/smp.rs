//! Every vCPU reads itself.
//!
//! # Source
//! SDM vol. 3 section 9.4 (INIT-SIPI-SIPI), chapters 11.4 and 11.12 (xAPIC and x2APIC registers).

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use cpuid_probe::LeafId;
use cpuid_probe::text::{Gap, GapReason, VcpuView};

use crate::cpu::{self, cpuid, inb, outw, rdmsr, wait, wrmsr};
use crate::slot::{List, Reading, SLOT, SLOTS};

/// Where the other vCPUs start in real mode: a page below 1 MiB that no boot loader uses.
pub const TRAMPOLINE: usize = 0x8000;

/// The slot that the next vCPU takes; slot 0 is the first vCPU's. Counted up in entry.s.
pub static NEXT_SLOT: AtomicU32 = AtomicU32::new(1);
/// Slots that fit into RAM.
pub static SLOT_LIMIT: AtomicU32 = AtomicU32::new(0);
/// The slots whose vCPU has read itself.
static DONE: [AtomicBool; MOST] = [const { AtomicBool::new(false) }; MOST];

/// At most this many vCPUs are read.
const MOST: usize = 1024;

/// QEMU's fw_cfg: selector and data port, and the items read (docs/specs/fw_cfg.rst).
const FW_CFG: (u16, u16) = (0x510, 0x511);
const FW_CFG_SIGNATURE: u16 = 0;
const FW_CFG_NB_CPUS: u16 = 5;

const APIC_BASE: u32 = 0x1b;
const APIC_BASE_X2APIC: u64 = 1 << 10;
/// Interrupt command register: offset of its halves in the xAPIC page, and its x2APIC MSR.
const ICR: (u64, u64) = (0x300, 0x310);
const ICR_MSR: u32 = 0x830;
const TO_ALL_OTHERS: u32 = 3 << 18;
const ASSERT: u32 = 1 << 14;
const INIT: u32 = TO_ALL_OTHERS | ASSERT | 5 << 8;
const STARTUP: u32 = TO_ALL_OTHERS | ASSERT | 6 << 8 | (TRAMPOLINE >> 12) as u32;

/// Ticks between INIT and SIPI: a fraction of a millisecond. Hypervisors need none; the manual's 10 ms are for boards
/// of 1995.
const AFTER_INIT: u64 = 1 << 18;
/// Ticks without a vCPU finishing after which the missing ones are given up: some seconds. With many vCPUs on few
/// cores each gets its turn only now and then.
const PATIENCE: u64 = 1 << 34;
/// The same where nobody says how many there are: a fraction of a second.
const PATIENCE_UNKNOWN: u64 = 1 << 29;

unsafe extern "C" {
    safe static trampoline_start: u8;
    safe static trampoline_end: u8;
}

/// What all vCPUs read.
#[derive(Debug)]
pub struct Vcpus {
    /// By ascending APIC id.
    readings: List<&'static Reading, MOST>,
    /// How many more vCPUs there are; they did not answer.
    missing: usize,
}

/// What is said of a vCPU that did not answer.
const UNREACHABLE: &[Gap] = &[Gap { id: LeafId::new(0, 0), reason: GapReason::Unreachable }];

impl Vcpus {
    /// The vCPUs by their numbers.
    pub fn views(&self) -> impl ExactSizeIterator<Item = VcpuView<'_>> {
        let read = self.readings.as_slice();
        (0..(read.len() + self.missing) as u32).map(move |vcpu| match read.get(vcpu as usize) {
            Some(reading) => reading.view(vcpu),
            None => VcpuView { vcpu, leaves: &[], msrs: &[], gaps: UNREACHABLE },
        })
    }
}

/// Starts every other vCPU, reads this one meanwhile, and waits for the others.
pub fn read_all(ram_end: u64) -> Vcpus {
    let slots = MOST.min((ram_end as usize).saturating_sub(SLOTS) / SLOT);
    SLOT_LIMIT.store(slots as u32, Ordering::SeqCst);
    let expected = vcpu_count();
    if expected != Some(1) {
        start_others();
    }
    read_into(0);
    let patience = if expected.is_some() { PATIENCE } else { PATIENCE_UNKNOWN };
    let (mut done, mut since) = (done_among(slots), cpu::tsc());
    while expected.is_none_or(|n| done < n.min(slots)) && cpu::tsc().wrapping_sub(since) < patience {
        let now = done_among(slots);
        if now != done {
            (done, since) = (now, cpu::tsc());
        }
        core::hint::spin_loop();
    }
    sort(expected.unwrap_or(done))
}

/// Where a secondary vCPU arrives, with its slot.
pub extern "C" fn secondary_vcpu(slot: usize) -> ! {
    cpu::set_up();
    read_into(slot);
    cpu::halt()
}

fn read_into(slot: usize) {
    // SAFETY: entry.s gives each slot that fits into RAM to one vCPU, which runs on its stack.
    unsafe { Reading::begin(slot) }.fill();
    if let Some(done) = DONE.get(slot) {
        done.store(true, Ordering::Release);
    }
}

fn done_among(slots: usize) -> usize {
    DONE.iter().take(slots).filter(|done| done.load(Ordering::Acquire)).count()
}

/// The readings that are there, by APIC id. `expected` is how many vCPUs there are.
fn sort(expected: usize) -> Vcpus {
    let mut readings = List::new();
    for (slot, done) in DONE.iter().enumerate() {
        if done.load(Ordering::Acquire) {
            // SAFETY: its vCPU has finished, and writes no more.
            readings.push(unsafe { Reading::finished(slot) });
        }
    }
    let all: &mut [&Reading] = readings.as_mut_slice();
    all.sort_unstable_by_key(|reading| reading.apic_id());
    let missing = expected.saturating_sub(all.len());
    Vcpus { readings, missing }
}

/// How many vCPUs QEMU started, if this is QEMU.
fn vcpu_count() -> Option<usize> {
    let item = |key| {
        outw(FW_CFG.0, key);
        u32::from_le_bytes([(); 4].map(|()| inb(FW_CFG.1)))
    };
    (item(FW_CFG_SIGNATURE).to_le_bytes() == *b"QEMU").then(|| (item(FW_CFG_NB_CPUS) & 0xffff) as usize)
}

/// Sends INIT and SIPI to every vCPU but this one, which then start in the trampoline.
fn start_others() {
    let has_apic = cpuid(1, 0).edx >> 9 & 1 == 1;
    let Some(base) = rdmsr(APIC_BASE).filter(|_| has_apic) else { return };
    let (start, end) = (&raw const trampoline_start, &raw const trampoline_end);
    // SAFETY: the trampoline is position-independent and its page is free; the boot loader's information was read.
    unsafe { core::ptr::copy_nonoverlapping(start, TRAMPOLINE as *mut u8, end as usize - start as usize) };
    for (command, ticks) in [(INIT, AFTER_INIT), (STARTUP, AFTER_INIT), (STARTUP, 0)] {
        if base & APIC_BASE_X2APIC != 0 {
            // SAFETY: x2APIC mode is on, so this MSR is its command register; it stops no vCPU that runs our code.
            unsafe { wrmsr(ICR_MSR, command.into()) };
        } else {
            let apic = base & !0xfff;
            // SAFETY: the APIC's page is mapped (entry.s), uncached; writing the low half sends.
            unsafe {
                ((apic + ICR.1) as *mut u32).write_volatile(0);
                ((apic + ICR.0) as *mut u32).write_volatile(command);
            }
        }
        wait(ticks);
    }
}
