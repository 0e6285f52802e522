//! Our own JSON, schema `cpuid-dump/1`.

use cpuid_probe::json;

use super::{Input, Read, ReadError, Reader};

pub(super) const READER: Reader =
    Reader { name: "json", about: "our JSON (cpuid-dump/1)", recognise, read: Read::One(read) };

fn recognise(text: &str) -> bool {
    text.trim_start().starts_with('{') && text.contains("\"schema\"") && text.contains("\"cpuid-dump/")
}

fn read(text: &str) -> Result<Input, ReadError> {
    json::from_str(text).map(|dump| Input::Dump(Box::new(dump))).map_err(|e| error(&e))
}

/// What a JSON parser says, with its position in front.
pub(super) fn error(e: &serde_json::Error) -> ReadError {
    let whole = e.to_string();
    let message = match whole.rsplit_once(" at line ") {
        _ if e.is_eof() => "the file is cut off here; expected the rest of the JSON document",
        Some((message, _)) => message,
        None => whole.as_str(),
    };
    ReadError::in_column(e.line(), e.column(), message)
}
