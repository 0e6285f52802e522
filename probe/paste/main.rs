//! The program that `cpuid-probe paste` prints: reads CPUID on every online vCPU of a Linux guest and writes the framed
//! text of [`cpuid_probe::text`] to standard output, as `cpuid-probe --format text` does there. No MSRs.
//!
//! It has to fit through a serial console, so it does without the C library and whatever else is not needed.
//! probe/build.rs builds it as it does the boot image.
//!
//! With `-1` it reads the vCPU it runs on, and no other: what `scripts/bench` compares with `cpuid -1 -r`.
//!
//! Exit codes: 0 captured; 1 captured but incomplete; 2 trouble.
#![no_std]
#![cfg_attr(bare, no_main)]
// System calls, the CPUID instruction, and the program's start. Each use says why it is sound.
#![allow(unsafe_code)]
#![warn(clippy::undocumented_unsafe_blocks)]

#[path = "../bare/mod.rs"]
mod bare;
mod linux;
mod online;

use core::arch::global_asm;
use core::fmt::{self, Write};

use cpuid_probe::text::{FrameWriter, VcpuView};

use crate::bare::reading::{Reading, UNREACHABLE};
use crate::linux::{CpuSet, current_cpu, set_affinity, write_all};

const STANDARD_OUTPUT: usize = 1;
const STANDARD_ERROR: usize = 2;

// The kernel's stack pointer is at argc, and argv follows (System V ABI, AMD64, 3.4.1).
global_asm!(
    ".globl _start",
    "_start:",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {start}",
    "ud2",
    start = sym start
);

/// # Safety
/// `arguments` points to argc, then so many pointers to texts that end with a NUL, then a null pointer.
unsafe extern "C" fn start(arguments: *const usize) -> ! {
    // SAFETY: as the caller promises; the comparison ends at the text's NUL, if not before.
    let one = unsafe {
        let word = *arguments.add(2).cast::<*const u8>();
        *arguments > 1 && b"-1\0".iter().enumerate().all(|(i, byte)| *word.add(i) == *byte)
    };
    let cpus = if one { current_cpu().map(CpuSet::only) } else { online::online() };
    let Some(cpus) = cpus else { fail("cannot tell which vCPUs are online") };
    match dump(&cpus) {
        Ok(complete) => linux::exit(if complete { 0 } else { 1 }),
        Err(fmt::Error) => fail("cannot write the dump"),
    }
}

/// Writes the dump; `false` where it is incomplete.
fn dump(cpus: &CpuSet) -> Result<bool, fmt::Error> {
    let mut out = Output { bytes: [0; PIECE], len: 0 };
    let mut frame = FrameWriter::begin(&mut out, "native", cpus.count())?;
    let mut complete = true;
    for cpu in cpus.iter() {
        let mut reading = Reading::new();
        let reached = set_affinity(&CpuSet::only(cpu)) && {
            reading.read_leaves();
            // A thread that is sent to a CPU runs there until that goes offline.
            current_cpu() == Some(cpu)
        };
        let unreached = VcpuView { vcpu: cpu, leaves: &[], msrs: &[], gaps: UNREACHABLE };
        let view = if reached { reading.view(cpu) } else { unreached };
        complete &= view.gaps.is_empty();
        frame.vcpu(&view)?;
    }
    frame.end()?;
    out.flush()?;
    Ok(complete)
}

/// What is written at once.
const PIECE: usize = 4096;

/// Standard output.
struct Output {
    bytes: [u8; PIECE],
    len: usize,
}

impl Output {
    /// Writes what is left.
    fn flush(&mut self) -> fmt::Result {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        self.len = 0;
        write_all(STANDARD_OUTPUT, bytes)
    }
}

impl Write for Output {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for piece in s.as_bytes().chunks(self.bytes.len()) {
            if piece.len() > self.bytes.len() - self.len {
                self.flush()?;
            }
            if let Some(free) = self.bytes.get_mut(self.len..self.len + piece.len()) {
                free.copy_from_slice(piece);
                self.len += piece.len();
            }
        }
        Ok(())
    }
}

/// Says what went wrong, and ends with exit code 2.
fn fail(what: &str) -> ! {
    for words in ["cpuid-probe: ", what, "\n"] {
        // There is nobody else to tell.
        let _ = write_all(STANDARD_ERROR, words.as_bytes());
    }
    linux::exit(2)
}

#[cfg(bare)]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    fail("a fault of its own")
}
