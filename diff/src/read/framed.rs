//! Our framed text, also in the middle of a console log.

use cpuid_probe::text;

use super::{Input, Read, ReadError, Reader};

pub(super) const READER: Reader =
    Reader { name: "text", about: "our framed text, also inside a console log", recognise, read: Read::One(read) };

fn recognise(text: &str) -> bool {
    text::has_frame(text)
}

fn read(text: &str) -> Result<Input, ReadError> {
    text::read_frame(text).map(|dump| Input::Dump(Box::new(dump))).map_err(|e| ReadError::at(e.line, e.message))
}
