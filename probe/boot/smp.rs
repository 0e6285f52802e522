//! Every vCPU reads itself.
//!
//! The others are started once. Between passes they sleep in 64-bit mode, and an interrupt wakes them for the next one:
//! from a start on, a migration may take away what a start needs (long mode), and that loss has to be reported. Only
//! where their number is another one, all are started anew.
//!
//! # Source
//! SDM vol. 3 section 9.4 (INIT-SIPI-SIPI), section 11.6.1 (interrupt command).

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use cpuid_probe::text::VcpuView;

use crate::apic::{Apic, WAKE_VECTOR};
use crate::bare::cpuid::cpuid;
use crate::bare::list::List;
use crate::bare::reading::{Reading, UNREACHABLE};
use crate::cpu::{self, inb, outw, wait};
use crate::slot::{Bank, SLOT, SLOTS};

/// Where the other vCPUs start in real mode: a page below 1 MiB that no boot loader uses.
pub const TRAMPOLINE: usize = 0x8000;

/// The slot that the next vCPU takes; slot 0 is the first vCPU's. Counted up in entry.s.
pub static NEXT_SLOT: AtomicU32 = AtomicU32::new(1);
/// Slots that fit into RAM.
pub static SLOT_LIMIT: AtomicU32 = AtomicU32::new(0);
/// Whether vCPUs read into [`Bank::B`].
static INTO_B: AtomicBool = AtomicBool::new(false);
/// Counts passes. A vCPU that sleeps reads itself once this has moved on.
static PASS: AtomicU32 = AtomicU32::new(0);
/// How many vCPUs have read themselves in the last pass.
static AWAKE: AtomicUsize = AtomicUsize::new(0);
/// The slots whose vCPU has read itself in this pass.
static DONE: [AtomicBool; MOST] = [const { AtomicBool::new(false) }; MOST];

/// At most this many vCPUs are read.
const MOST: usize = 1024;

/// QEMU's fw_cfg: selector and data port, and the items read (docs/specs/fw_cfg.rst).
const FW_CFG: (u16, u16) = (0x510, 0x511);
const FW_CFG_SIGNATURE: u16 = 0;
const FW_CFG_NB_CPUS: u16 = 5;

/// Bits of the APIC's interrupt command.
const TO_ALL_OTHERS: u32 = 3 << 18;
const ASSERT: u32 = 1 << 14;
const INIT: u32 = TO_ALL_OTHERS | ASSERT | 5 << 8;
const STARTUP: u32 = TO_ALL_OTHERS | ASSERT | 6 << 8 | (TRAMPOLINE >> 12) as u32;
const WAKE: u32 = TO_ALL_OTHERS | ASSERT | WAKE_VECTOR as u32;

/// Ticks between INIT and SIPI: a fraction of a millisecond. Hypervisors need none; the manual's 10 ms are for boards
/// of 1995.
const AFTER_INIT: u64 = 1 << 18;
/// Ticks without a vCPU finishing after which the missing ones are given up: some seconds. With many vCPUs on few
/// cores each gets its turn only now and then.
const PATIENCE: u64 = 1 << 34;
/// The same where nobody says how many there are: a fraction of a second.
const PATIENCE_UNKNOWN: u64 = 1 << 29;

/// CPUID.80000001H:EDX[29].
const EXTENDED: u32 = 0x8000_0001;
const LONG_MODE: u32 = 1 << 29;

unsafe extern "C" {
    safe static trampoline_start: u8;
    safe static trampoline_end: u8;
}

/// The APIC id of a vCPU that has read itself, and its slot.
type Arrival = (u32, u16);

/// What all vCPUs read in one pass.
#[derive(Debug)]
pub struct Vcpus {
    /// Their slots, by ascending APIC id.
    slots: List<Arrival, MOST>,
    bank: Bank,
    /// How many more vCPUs there are; they did not answer.
    missing: usize,
}

impl Vcpus {
    /// The vCPUs by their numbers.
    pub fn views(&self) -> impl ExactSizeIterator<Item = VcpuView<'_>> {
        let slots = self.slots.as_slice();
        (0..(slots.len() + self.missing) as u32).map(move |vcpu| match slots.get(vcpu as usize) {
            // SAFETY: its vCPU has finished, and the next pass goes into the other bank (see `read_all`).
            Some((_, slot)) => unsafe { Reading::finished(usize::from(*slot), self.bank) }.view(vcpu),
            None => VcpuView { vcpu, leaves: &[], msrs: &[], gaps: UNREACHABLE },
        })
    }

    /// Where its readings are.
    pub const fn bank(&self) -> Bank {
        self.bank
    }

    /// How many vCPUs did not answer.
    pub const fn missing(&self) -> usize {
        self.missing
    }
}

/// Starts or wakes every other vCPU, reads this one meanwhile, and waits for the others.
///
/// What an earlier pass read into `bank` is gone then; the caller looks at it no more.
pub fn read_all(ram_end: u64, bank: Bank) -> Vcpus {
    let slots = MOST.min((ram_end as usize).saturating_sub(SLOTS) / SLOT);
    SLOT_LIMIT.store(slots as u32, Ordering::SeqCst);
    INTO_B.store(bank == Bank::B, Ordering::SeqCst);
    none_is_done();
    PASS.fetch_add(1, Ordering::SeqCst);
    let expected = vcpu_count();
    let awake = AWAKE.load(Ordering::SeqCst);
    let started = match expected {
        Some(1) => false,
        // All of them were there in the last pass.
        Some(n) if n.min(slots) == awake => wake_others(),
        _ => start_others(),
    };
    read_into(0);
    let patience = match (started, expected) {
        (false, _) => 0,
        (true, Some(_)) => PATIENCE,
        (true, None) => PATIENCE_UNKNOWN,
    };
    let (mut done, mut since) = (done_among(slots), cpu::tsc());
    while expected.is_none_or(|n| done < n.min(slots)) && cpu::tsc().wrapping_sub(since) < patience {
        let now = done_among(slots);
        if now != done {
            (done, since) = (now, cpu::tsc());
        }
        core::hint::spin_loop();
    }
    AWAKE.store(done, Ordering::SeqCst);
    sort(expected.unwrap_or(done), bank)
}

/// Where a secondary vCPU arrives, with its slot.
pub extern "C" fn secondary_vcpu(slot: usize) -> ! {
    cpu::set_up();
    loop {
        let pass = PASS.load(Ordering::SeqCst);
        read_into(slot);
        let Some(apic) = Apic::local() else { cpu::halt() };
        apic.enable();
        while PASS.load(Ordering::SeqCst) == pass {
            apic.await_interrupt();
        }
    }
}

fn read_into(slot: usize) {
    let bank = if INTO_B.load(Ordering::SeqCst) { Bank::B } else { Bank::A };
    // SAFETY: entry.s gives each slot that fits into RAM to one vCPU, which runs on its stack.
    unsafe { Reading::begin(slot, bank) }.fill();
    if let Some(done) = DONE.get(slot) {
        done.store(true, Ordering::Release);
    }
}

fn none_is_done() {
    DONE.iter().for_each(|done| done.store(false, Ordering::SeqCst));
}

fn done_among(slots: usize) -> usize {
    DONE.iter().take(slots).filter(|done| done.load(Ordering::Acquire)).count()
}

/// The readings that are there, by APIC id. `expected` is how many vCPUs there are.
fn sort(expected: usize, bank: Bank) -> Vcpus {
    let mut slots: List<Arrival, MOST> = List::new();
    for (slot, _) in (0..).zip(&DONE).filter(|(_, done)| done.load(Ordering::Acquire)) {
        // SAFETY: its vCPU has finished, and writes no more in this pass.
        let reading = unsafe { Reading::finished(usize::from(slot), bank) };
        slots.push((reading.apic_id(), slot));
    }
    let all = slots.as_mut_slice();
    all.sort_unstable();
    let missing = expected.saturating_sub(all.len());
    Vcpus { slots, bank, missing }
}

/// How many vCPUs QEMU started, if this is QEMU.
pub fn vcpu_count() -> Option<usize> {
    let item = |key| {
        outw(FW_CFG.0, key);
        u32::from_le_bytes([(); 4].map(|()| inb(FW_CFG.1)))
    };
    (item(FW_CFG_SIGNATURE).to_le_bytes() == *b"QEMU").then(|| (item(FW_CFG_NB_CPUS) & 0xffff) as usize)
}

/// Wakes every vCPU but this one.
fn wake_others() -> bool {
    let Some(apic) = Apic::local() else { return false };
    apic.command(WAKE);
    true
}

/// Sends INIT and SIPI to every vCPU but this one, which then start in the trampoline. Without an APIC it cannot; and
/// without long mode they could not go on from there.
fn start_others() -> bool {
    let Some(apic) = Apic::local().filter(|_| cpuid(EXTENDED, 0).edx & LONG_MODE != 0) else { return false };
    NEXT_SLOT.store(1, Ordering::SeqCst);
    let (start, end) = (&raw const trampoline_start, &raw const trampoline_end);
    // SAFETY: the trampoline is position-independent and its page is free; the boot loader's information was read.
    unsafe { core::ptr::copy_nonoverlapping(start, TRAMPOLINE as *mut u8, end as usize - start as usize) };
    apic.command(INIT);
    wait(AFTER_INIT);
    // One that was late may have finished an earlier pass just now.
    none_is_done();
    for ticks in [AFTER_INIT, 0] {
        apic.command(STARTUP);
        wait(ticks);
    }
    true
}
