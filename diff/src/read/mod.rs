//! Readers: bytes of any known format in, a dump out. One format a file.
//!
//! A reader only reads: it keeps every register set that is in the file, and what its format cannot say it records
//! in [`Imported::limits`](cpuid_probe::dump::Imported). To add a format, write a file beside this one and add a row to
//! [`READERS`].

mod framed;
mod json;

use std::borrow::Cow;
use std::fmt;

use cpuid_probe::dump::Dump;

/// What is wrong with an input, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column, from 1.
    pub column: Option<usize>,
    /// What was found and what was expected.
    pub message: String,
}

impl ReadError {
    /// An error about the whole input.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { line: None, column: None, message: message.into() }
    }

    /// An error in a line (from 1).
    pub fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line: Some(line), column: None, message: message.into() }
    }
}

/// `LINE:COLUMN: message`, as far as known; the caller puts the file's name in front.
impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
            if let Some(column) = self.column {
                write!(f, "{column}:")?;
            }
            write!(f, " ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

/// Whose names a list of feature statements uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameSpace {
    /// `/proc/cpuinfo` flags: the kernel's view.
    Linux,
    /// QEMU properties.
    Qemu,
}

/// Features by name alone: no register can be told from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statements {
    /// Whose names these are.
    pub names: NameSpace,
    /// Name, and whether the feature is on.
    pub features: Vec<(String, bool)>,
    /// The format they came from.
    pub format: &'static str,
}

/// What an input holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A dump.
    Dump(Box<Dump>),
    /// A unified diff of two dumps: '-' and context, '+' and context.
    Pair(Box<[Dump; 2]>),
    /// Feature statements.
    Statements(Statements),
}

/// One format.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// Its name for `--from`.
    pub name: &'static str,
    /// What it is, for `--help`.
    pub about: &'static str,
    /// Whether a text looks like it. Readers are asked in order; the first that says yes reads.
    pub recognise: fn(&str) -> bool,
    /// Reads a text.
    pub read: fn(&str) -> Result<Input, ReadError>,
}

/// Every format, in the order in which they are recognised.
pub const READERS: &[Reader] = &[json::READER, framed::READER];

/// Reads `bytes` as the format called `from`, else as the one its content looks like.
///
/// # Errors
/// An unknown format, text that is none, or what the format's reader says.
pub fn read(bytes: &[u8], from: Option<&str>) -> Result<Input, ReadError> {
    let text = decode(bytes)?;
    if text.trim().is_empty() {
        return Err(ReadError::whole("empty; expected a CPUID dump"));
    }
    let reader = match from {
        Some(name) => READERS.iter().find(|r| r.name == name).ok_or_else(|| {
            let names: Vec<&str> = READERS.iter().map(|r| r.name).collect();
            ReadError::whole(format!("unknown format `{name}`, expected one of: {}", names.join(" ")))
        })?,
        None => READERS.iter().find(|r| (r.recognise)(&text)).ok_or_else(|| {
            ReadError::whole("not recognised as a CPUID dump; name the format with --from, e.g. --from bare")
        })?,
    };
    (reader.read)(&text)
}

/// Text in UTF-8 or UTF-16, with or without a byte order mark.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, ReadError> {
    let utf16 = |pair: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units = bytes.chunks(2).map(move |b| pair([b[0], b.get(1).copied().unwrap_or_default()]));
        char::decode_utf16(units).collect::<Result<String, _>>().map(Cow::Owned)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => {
            utf16(u16::from_le_bytes, rest).map_err(|_| ReadError::whole("not valid UTF-16 text"))
        }
        [0xfe, 0xff, rest @ ..] => {
            utf16(u16::from_be_bytes, rest).map_err(|_| ReadError::whole("not valid UTF-16 text"))
        }
        _ => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            if bytes.iter().take(8192).any(|b| *b == 0) {
                return Err(ReadError::whole("binary data; expected a CPUID dump as text or JSON"));
            }
            // Names and comments may be in any 8-bit character set; registers are ASCII.
            Ok(String::from_utf8_lossy(bytes))
        }
    }
}
