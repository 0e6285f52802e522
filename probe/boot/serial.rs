//! The first serial port.

use core::fmt;

use crate::cpu::{inb, outb, outs};

/// COM1.
const PORT: u16 = 0x3f8;
/// Line status register: the transmitter holding register is empty.
const EMPTY: u8 = 0x20;
/// What the transmitter of a 16550 takes at once.
const FIFO: usize = 16;

/// A 16550 UART. Text goes out in pieces of its FIFO's size.
#[derive(Debug)]
pub struct Serial {
    bytes: [u8; FIFO],
    len: usize,
}

impl Serial {
    /// Sets the port to 115200 baud, 8 data bits, no parity, FIFO on, no interrupts.
    pub fn new() -> Self {
        for (register, value) in [(1, 0), (3, 0x80), (0, 1), (1, 0), (3, 0x03), (2, 0x07), (4, 0x03)] {
            outb(PORT + register, value);
        }
        Self { bytes: [0; FIFO], len: 0 }
    }

    /// Sends what is left.
    pub fn flush(&mut self) {
        while inb(PORT + 5) & EMPTY == 0 {}
        outs(PORT, &self.bytes[..self.len]);
        self.len = 0;
    }
}

impl fmt::Write for Serial {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        for b in s.bytes() {
            self.bytes[self.len] = b;
            self.len += 1;
            if self.len == FIFO {
                self.flush();
            }
        }
        Ok(())
    }
}
