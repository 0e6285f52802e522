//! Our framed text, also in the middle of a console log.

use cpuid_probe::text::{self, MAGIC, hex8};

use super::{Input, Read, ReadError, Reader, skip};

pub(super) const READER: Reader =
    Reader { name: "text", about: "framed text, also inside a console log", recognise, read: Read::One(read) };

fn recognise(text: &str) -> bool {
    text::has_frame(text)
}

fn read(text: &str) -> Result<Input, ReadError> {
    let dump = text::read_frame(text).map_err(|e| ReadError::at(e.line, e.message))?;
    // The rest of a log is noise, unless it holds a dump in another form or a dump with a damaged frame.
    let mut inside = false;
    for (number, line) in (1..).zip(text.lines()) {
        match line.trim_start().strip_prefix(MAGIC) {
            Some(rest) if rest.starts_with(" begin ") => inside = true,
            Some(rest) if rest.starts_with(" end ") => inside = false,
            _ if inside && line.get(..8).and_then(hex8).is_some() => {}
            _ => skip(number, line)?,
        }
    }
    Ok(Input::Dump(Box::new(dump)))
}
