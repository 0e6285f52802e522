//! Where text goes: the first serial port, or QEMU's debug console.

use core::fmt;

use crate::cpu::{inb, outb, outs};

/// COM1.
const SERIAL: u16 = 0x3f8;
/// Line status register: the transmitter holding register is empty.
const EMPTY: u8 = 0x20;
/// What the transmitter of a 16550 takes at once.
const FIFO: usize = 16;
/// QEMU's `isa-debugcon`: a byte written to it is a byte printed, and that is all that happens. A serial port lowers its
/// interrupt with every byte, for which QEMU asks each vCPU's APIC: with 64 of them a dump takes half a second.
const DEBUG: u16 = 0xe9;

/// So many bytes are held back.
const MOST: usize = 256;

/// A console. Text goes out in pieces.
#[derive(Debug)]
pub struct Console {
    port: u16,
    bytes: [u8; MOST],
    len: usize,
}

impl Console {
    /// The serial port, a 16550 UART, at 115200 baud, 8 data bits, no parity, FIFO on, no interrupts.
    pub fn serial() -> Self {
        for (register, value) in [(1, 0), (3, 0x80), (0, 1), (1, 0), (3, 0x03), (2, 0x07), (4, 0x03)] {
            outb(SERIAL + register, value);
        }
        Self { port: SERIAL, bytes: [0; MOST], len: 0 }
    }

    /// QEMU's debug console, which must be there.
    pub fn debug() -> Self {
        Self { port: DEBUG, bytes: [0; MOST], len: 0 }
    }

    /// Sends what is left.
    pub fn flush(&mut self) {
        for piece in self.bytes[..self.len].chunks(FIFO) {
            while self.port == SERIAL && inb(SERIAL + 5) & EMPTY == 0 {}
            outs(self.port, piece);
        }
        self.len = 0;
    }
}

impl fmt::Write for Console {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for b in s.bytes() {
            self.bytes[self.len] = b;
            self.len += 1;
            if self.len == self.bytes.len() {
                self.flush();
            }
        }
        Ok(())
    }
}
