//! Register lines as people paste them: `00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff`, without a frame.
//!
//! Blank lines, comments (`#`) and rows of column names are skipped. Any other line is an error: without a frame
//! nothing else would show that one was damaged.

use super::builder::Builder;
use super::line::{self, BARE};
use super::{Input, Read, ReadError, Reader, shorten};

pub(super) const READER: Reader =
    Reader { name: "bare", about: "register lines `LEAF SUBLEAF: EAX EBX ECX EDX`", recognise, read: Read::One(read) };

fn recognise(text: &str) -> bool {
    line::any(text, line::bare)
}

fn read(text: &str) -> Result<Input, ReadError> {
    let mut builder = Builder::new(READER.name);
    for (number, line) in line::lines(text) {
        if !line::add(&mut builder, number, line, line::bare)? {
            return Err(ReadError::at(number, format!("expected {BARE}; found `{}`", shorten(line))));
        }
    }
    builder.finish(BARE).map(|dump| Input::Dump(Box::new(dump)))
}
