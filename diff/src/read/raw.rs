//! `cpuid -r` (Todd Allen's tool), and the same lines in an autotest or tp-qemu log between
//! `==START TEST==` and `==END TEST==`.
//!
//! Outside register lines anything may stand: prompts, boot messages.

use super::builder::Builder;
use super::line::{self, RAW};
use super::{Input, Read, ReadError, Reader};

pub(super) const READER: Reader =
    Reader { name: "raw", about: "`cpuid -r`, also inside an autotest log", recognise, read: Read::One(read) };

fn recognise(text: &str) -> bool {
    line::any(text, line::raw)
}

fn read(text: &str) -> Result<Input, ReadError> {
    let marked = line::lines(text).any(|(_, line)| line.contains("==START TEST=="));
    let mut builder = Builder::new(READER.name);
    let mut inside = !marked;
    for (number, line) in line::lines(text) {
        if line.contains("==START TEST==") {
            inside = true;
        } else if marked && line.contains("==END TEST==") {
            inside = false;
        } else if inside {
            line::add(&mut builder, number, line, line::raw)?;
        }
    }
    if marked && inside {
        return Err(ReadError::whole("cut off: `==START TEST==` without `==END TEST==`"));
    }
    builder.finish(RAW).map(|dump| Input::Dump(Box::new(dump)))
}
