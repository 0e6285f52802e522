//! Readers: bytes of any known format in, a dump out. One format a file.
//!
//! A reader only reads: it keeps every register set that is in the file, and what its format cannot say it records
//! in [`Imported::limits`](cpuid_probe::dump::Imported). To add a format, write a file beside this one and add a row to
//! [`READERS`].

mod aida64;
mod bare;
mod builder;
mod cpuinfo;
mod decoded;
mod definitions;
pub mod firecracker;
mod framed;
mod json;
mod kcpuid;
mod kvmtrace;
pub mod levels;
mod libcpuid;
mod libvirt;
mod line;
mod mail;
pub(crate) mod parts;
mod prefixes;
mod qmp;
mod raw;
mod said;
mod sets;
mod tycho;
mod undo;
mod unified;
mod unpack;
pub mod whole;
mod xen;

use std::borrow::Cow;
use std::fmt;

use cpuid_probe::dump::Dump;
use cpuid_probe::libvirt::cpu::Cpu;
use cpuid_probe::printable::printable;
use cpuid_probe::text::clean_line;

use crate::view::template::Template;

pub use cpuid_probe::dump::{MAX_LEAVES, MAX_VCPUS};
pub use sets::{MASKS_BESIDE, cpu_of_file, is_like_cpu_of_file, read_folder};
pub use unpack::unpacked;

/// What is wrong with an input, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column, from 1.
    pub column: Option<usize>,
    /// What was found and what was expected.
    pub message: String,
    /// Another machine, or another run, begins at this line: the text holds several, of which one can be chosen.
    pub another: bool,
}

impl ReadError {
    /// An error about the whole input.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { line: None, column: None, message: message.into(), another: false }
    }

    /// An error in a line (from 1).
    pub fn at(line: usize, message: impl Into<String>) -> Self {
        Self { line: Some(line), ..Self::whole(message) }
    }

    /// An error in a line and a column, both from 1.
    pub fn in_column(line: usize, column: usize, message: impl Into<String>) -> Self {
        Self { column: Some(column), ..Self::at(line, message) }
    }

    /// Another machine, or another run of the tool, begins at this line.
    pub fn another(line: usize, message: impl Into<String>) -> Self {
        Self { another: true, ..Self::at(line, message) }
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

/// What an input holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A dump: register sets, or statements of single places.
    Dump(Box<Dump>),
    /// A unified diff of two dumps: '-' and context, '+' and context.
    Pair(Box<[Dump; 2]>),
    /// CPUs by model and names: definitions, or what hosts can give; at least one.
    Cpus(Vec<Cpu>),
    /// A masked template.
    Template(Box<Template>),
}

/// What to give instead of statements where register sets are needed.
pub const INSTEAD: &str = "names features and numbers, has no leaves and holds no registers; give a dump that `cpuid-probe` or \
                           `cpuid -r` made there, or one of such a guest that `cpuid-probe boot` made";

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
    pub read: Read,
}

/// How a format is read.
#[derive(Clone, Copy, Debug)]
pub enum Read {
    /// A file holds one dump (or pair, or list of statements).
    One(fn(&str) -> Result<Input, ReadError>),
    /// A file may hold several, and `--from FORMAT:NAME` chooses one by its name.
    Named(fn(&str, Option<&str>) -> Result<Input, ReadError>),
}

/// Every format, in the order in which they are recognised.
pub const READERS: &[Reader] = &[
    json::READER,
    firecracker::READER,
    qmp::READER,
    libvirt::READER,
    unified::READER,
    framed::READER,
    xen::READER,
    libcpuid::READER,
    tycho::READER,
    aida64::READER,
    kcpuid::READER,
    sets::VBOX,
    sets::VMWARE,
    sets::VMX,
    sets::XTF,
    sets::X86INFO,
    sets::HWLOC,
    sets::SDE,
    kvmtrace::READER,
    decoded::READER,
    raw::READER,
    cpuinfo::READER,
    cpuinfo::LSCPU,
    bare::READER,
    definitions::kubevirt::LABELS,
    definitions::nova::READER,
    definitions::kubevirt::MACHINE,
    definitions::proxmox::READER,
    definitions::xen::XL,
    definitions::vmware::MASKS,
    definitions::qemu::READER,
    definitions::xen::READER,
    cpuinfo::FLAGS,
];

/// The largest input that is read, in bytes. 8192 vCPUs of a complete dump as our JSON take half of it.
pub const MAX_BYTES: usize = 256 << 20;

/// Reads `bytes` as the format called `from` (`FORMAT` or `FORMAT:NAME`), else as the one its content looks like.
///
/// # Errors
/// An unknown format, text in no known format, or the error of the format's reader.
pub fn read(bytes: &[u8], from: Option<&str>) -> Result<Input, ReadError> {
    read_part(bytes, from, None)
}

/// Reads `bytes`, of several machines, runs or sets the one that `wanted` names: by its name, or by its number from 1.
///
/// # Errors
/// As [`read`]; nothing of that name.
pub fn read_part(bytes: &[u8], from: Option<&str>, wanted: Option<&str>) -> Result<Input, ReadError> {
    read_decoded(&decode(bytes)?, from, wanted)
}

/// Whether a text is of the format that `--from` names, or of none that is known: it looks like it, or can be read as it.
#[must_use]
pub fn is_of(bytes: &[u8], from: &str, wanted: Option<&str>) -> bool {
    let Ok(text) = decode(bytes) else { return true };
    let is_named = |reader: &&Reader| from.split(':').next() == Some(reader.name);
    let looks_like = |reader: &Reader| (reader.recognise)(&text);
    if READERS.iter().find(is_named).is_none_or(looks_like) {
        return true;
    }
    !is_document_head(&text) && (!READERS.iter().any(looks_like) || read_decoded(&text, Some(from), wanted).is_ok())
}

/// As [`read_part`], of what [`decode`] has made of the bytes.
pub(crate) fn read_decoded(text: &str, from: Option<&str>, wanted: Option<&str>) -> Result<Input, ReadError> {
    if text.trim().is_empty() {
        return Err(ReadError::whole("empty; expected a CPUID dump"));
    }
    match read_text(text, from, wanted)? {
        Input::Cpus(cpus) if cpus.is_empty() => Err(ReadError::whole("names no CPU; expected at least one definition")),
        input => Ok(input),
    }
}

fn read_text(text: &str, from: Option<&str>, wanted: Option<&str>) -> Result<Input, ReadError> {
    let (name, part) = match from.map(|from| from.split_once(':').map_or((from, None), |(n, part)| (n, Some(part)))) {
        Some((name, part)) => (Some(name), part),
        None => (None, None),
    };
    let reader = match name {
        Some(name) => READERS.iter().find(|r| r.name == name).ok_or_else(|| {
            let names: Vec<&str> = READERS.iter().map(|r| r.name).collect();
            ReadError::whole(format!("unknown format `{name}`, expected one of: {}", names.join(" ")))
        })?,
        None => return recognised(text, wanted),
    };
    match (reader.read, part.or(wanted)) {
        (Read::One(read), None) => read(text),
        (Read::Named(read), part) => read(text, part),
        (Read::One(read), Some(wanted)) if part.is_none() => parts::choose(text, read, wanted),
        (Read::One(_), Some(part)) => {
            let message = format!("`{}:{part}`: a file of this format holds one dump, without a name", reader.name);
            Err(ReadError::whole(message))
        }
    }
}

/// Reads a text, of several machines or sets the one that is wanted.
fn chosen(reader: &Reader, text: &str, wanted: Option<&str>) -> Result<Input, ReadError> {
    match (reader.read, wanted) {
        (Read::Named(read), wanted) => read(text, wanted),
        (Read::One(read), Some(wanted)) => parts::choose(text, read, wanted),
        (Read::One(read), None) => read(text),
    }
}

/// Reads a text as the form that it has, itself or behind prefixes.
fn recognised(text: &str, wanted: Option<&str>) -> Result<Input, ReadError> {
    let reader = READERS.iter().find(|r| (r.recognise)(text));
    let own = match reader {
        Some(reader) => chosen(reader, text, wanted),
        None => Err(ReadError::whole(no_dump(text))),
    };
    let refused = match own {
        Err(e) if !e.another && !is_document_head(text) => e,
        own => return own,
    };
    let is_line = reader.is_none_or(|reader| LINES.contains(&reader.name));
    match behind_prefixes(text, wanted, is_line) {
        // Two machines, where the lines of the first one can be read.
        Some(Err(e))
            if e.another && wanted.is_none() && matches!(behind_prefixes(text, Some("1"), is_line), Some(Ok(_))) =>
        {
            Err(e)
        }
        Some(Err(_)) if !is_line => Err(refused),
        Some(behind) => behind,
        None => Err(refused),
    }
}

/// Forms that are recognised, and refused, behind prefixes too.
const LINES: [&str; 6] = [
    raw::READER.name,
    bare::READER.name,
    aida64::READER.name,
    tycho::READER.name,
    cpuinfo::LSCPU.name,
    cpuinfo::FLAGS.name,
];

/// Reads a text whose lines stand behind prefixes, perhaps its register lines alone; nothing where there are none.
fn behind_prefixes(text: &str, wanted: Option<&str>, alone: bool) -> Option<Result<Input, ReadError>> {
    let read = |inner: &str, is_chosen: bool| {
        let reader = READERS.iter().find(|r| (r.recognise)(inner))?;
        // What stands before a few names may say that they are missing, or are none.
        let is_whole = reader.name != cpuinfo::FLAGS.name || cpuinfo::has_whole_list(inner);
        is_whole.then(|| chosen(reader, inner, wanted.filter(|_| !is_chosen)))
    };
    let mut refused = None;
    for inner in prefixes::candidates(text, wanted) {
        match inner.map(|(inner, is_chosen)| (is_document_head(&inner), read(&inner, is_chosen))) {
            Ok((_, Some(Ok(input)))) => return Some(Ok(input)),
            Err(e) if e.another => return Some(Err(e)),
            Ok((false, Some(Err(e)))) | Err(e) => refused = Some(Err(e)),
            // A document that is no dump may still be a baseline, which is not looked for behind prefixes.
            Ok((true, Some(Err(_))) | (_, None)) => {}
        }
    }
    if !alone {
        return refused;
    }
    match prefixes::before_registers(text, wanted) {
        Some(Ok((inner, is_chosen))) => read(&inner, is_chosen).or(refused),
        Some(Err(e)) => Some(Err(e)),
        None => refused,
    }
}

/// Whether a text begins as JSON or XML does.
fn is_document_head(text: &str) -> bool {
    text.trim_start().starts_with(['{', '<'])
}

/// Whether a document by itself is an input.
fn is_document(text: &str) -> bool {
    use definitions::{kubevirt, nova};
    let documents =
        [&json::READER, &firecracker::READER, &qmp::READER, &cpuinfo::LSCPU, &kubevirt::LABELS, &nova::READER];
    text.starts_with('<') || documents.iter().any(|r| (r.recognise)(text)) || firecracker::is_template(text)
}

/// What to do with a text that no reader knows.
fn no_dump(text: &str) -> &'static str {
    let is_libvirt = ["<cpu>", "<cpu ", "<capabilities", "<domain"].iter().any(|tag| text.contains(tag));
    if text.trim_start().starts_with('<') && is_libvirt {
        "libvirt XML that names features and holds no registers; give it as --baseline, or to `cpuid-diff baseline`"
    } else if text.contains("feature.node.kubernetes.io/cpu-") {
        "labels of Node Feature Discovery, which list what their tool looks for; give KubeVirt's labels of the nodes, or `virsh \
         domcapabilities` of the hosts"
    } else if text.trim_start().starts_with(['{', '[']) {
        "JSON of an unknown form; expected cpuid-dump/1, a Firecracker fingerprint, or an answer of QEMU's monitor"
    } else {
        "not recognised as a CPUID dump; name the format with --from, e.g. --from bare"
    }
}

/// The beginning of a line, fit for a message that quotes it.
fn shorten(line: &str) -> String {
    printable(line, 60)
}

/// Text in UTF-8 or UTF-16, with or without a byte order mark, as its tool printed it: what a terminal, a mail or an old
/// system did to it on its way is undone (see [`as_printed`]).
///
/// Names and comments may be in any 8-bit character set. Registers are ASCII, so a byte that is not UTF-8 becomes
/// U+FFFD.
pub(crate) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, ReadError> {
    if bytes.len() > MAX_BYTES {
        return Err(ReadError::whole(format!("larger than {} MiB, too large for a CPUID dump", MAX_BYTES >> 20)));
    }
    let utf16 = |unit: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units = bytes.chunks(2).map(|pair| match pair {
            [a, b] => unit([*a, *b]),
            // Cut in the middle of a character.
            _ => 0xfffd,
        });
        Cow::Owned(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => utf16(u16::from_be_bytes, rest),
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => utf16(u16::from_le_bytes, bytes),
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => utf16(u16::from_be_bytes, bytes),
        _ => String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)),
    };
    if without_padding(&text).chars().take(8192).any(|c| c == '\0') {
        return Err(ReadError::whole("binary data; expected a CPUID dump as text or JSON"));
    }
    let text = match mail::part(&text)? {
        Some(part) => Cow::Owned(part),
        None => text,
    };
    let text = as_printed(text).map(undo::undone)?;
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.starts_with(['{', '[', '<']) || (framed::READER.recognise)(&text) {
        return Ok(text);
    }
    // One document with prose around it, such as an issue's text.
    let inner = undo::document(&text, is_document)?.map(|(first, document)| "\n".repeat(first) + document);
    Ok(inner.map_or(text, Cow::Owned))
}

/// Undoes what may have happened to a text on its way: line ends of CR alone, padding behind the end, no-break spaces,
/// a terminal's colours and cursor movements, the `>` of mails, Markdown's fences, indentation of the whole.
///
/// # Errors
/// Registers that two people wrote into one mail.
fn as_printed(mut text: Cow<'_, str>) -> Result<Cow<'_, str>, ReadError> {
    let end = without_padding(&text).len();
    match &mut text {
        Cow::Borrowed(text) => *text = &text[..end],
        Cow::Owned(text) => text.truncate(end),
    }
    if text.contains('\r') && !text.contains('\n') {
        text = Cow::Owned(text.replace('\r', "\n"));
    }
    if text.contains('\u{a0}') {
        text = Cow::Owned(text.replace('\u{a0}', " "));
    }
    if text.contains('\x1b') {
        text = Cow::Owned(by_line(&text, clean_line));
    }
    if is_quoted(&text) {
        let mut depths =
            (1..).zip(text.lines()).filter(|(_, line)| has_registers(line)).map(|(n, line)| (n, depth(line)));
        if let Some((_, first)) = depths.next()
            && let Some((number, _)) = depths.find(|(_, depth)| *depth != first)
        {
            let message = "registers quoted differently from those above, perhaps of another dump; keep one dump in a \
                           file";
            return Err(ReadError::at(number, message));
        }
        text = Cow::Owned(by_line(&text, |line| Cow::Borrowed(unquoted(line))));
    }
    if text.contains("```") {
        text = Cow::Owned(by_line(&text, |line| Cow::Borrowed(unfenced(line))));
    }
    let indentation = indentation(&text);
    if indentation > 0 {
        text = Cow::Owned(by_line(&text, |line| Cow::Borrowed(line.get(indentation..).unwrap_or_default())));
    }
    Ok(text)
}

/// A text without the Ctrl-Z that ends a DOS file, and without the NULs that pad a block after the last line.
fn without_padding(text: &str) -> &str {
    let text = text.strip_suffix('\x1a').unwrap_or(text);
    let end = text.trim_end_matches(['\0', '\x1a']);
    if end.ends_with(['\n', '\r']) { end } else { text }
}

fn by_line(text: &str, change: impl for<'l> Fn(&'l str) -> Cow<'l, str>) -> String {
    let mut changed = String::with_capacity(text.len());
    for line in text.lines() {
        changed.push_str(&change(line));
        changed.push('\n');
    }
    // A line without its end may have been cut.
    if !text.ends_with('\n') {
        changed.pop();
    }
    changed
}

/// Whether a mail quotes this text. The output of plain `diff` has lines with `>` too, but also lines with `<` or its
/// commands (`12a13`); XML has lines with `<`.
fn is_quoted(text: &str) -> bool {
    let is_lines = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b',');
    let is_command = |line: &str| {
        line.split_once(['a', 'c', 'd']).is_some_and(|(old, new)| is_lines(old) && is_lines(new.trim_end()))
    };
    (text.starts_with('>') || text.contains("\n>"))
        && !text.lines().any(|line| line.starts_with('<') || is_command(unquoted(line)))
}

/// How often a line is quoted.
fn depth(line: &str) -> usize {
    let marks = &line[..line.len() - unquoted(line).len()];
    marks.bytes().filter(|b| *b == b'>').count()
}

/// Whether a line has four numbers of 8 hex digits.
fn has_registers(line: &str) -> bool {
    line.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 8).count() >= 4
}

/// Refuses a line that the reader would skip, if it has registers: what is skipped must not be what differs.
fn skip(number: usize, line: &str) -> Result<(), ReadError> {
    if !has_registers(line) {
        return Ok(());
    }
    let message = format!(
        "registers that are not part of this dump, perhaps of another; keep one dump in a file; found `{}`",
        shorten(line)
    );
    Err(ReadError::another(number, message))
}

/// Refuses a text that no reader knows, if a line of it has registers.
fn skip_all(text: &str) -> Result<(), ReadError> {
    line::lines(text).try_for_each(|(number, line)| skip(number, line))
}

/// A line without the fence that it begins with, and without the one word that may name the language there. With more
/// words it is the first line of the text, as some chats write it.
fn unfenced(line: &str) -> &str {
    match line.trim_start().strip_prefix("```") {
        Some(rest) if rest.split_ascii_whitespace().nth(1).is_some() => rest,
        Some(_) => "",
        None => line,
    }
}

/// How many blanks every line begins with; blank lines do not count.
fn indentation(text: &str) -> usize {
    let blanks = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return 0 };
    let mut common = &first[..blanks(first)];
    for line in lines {
        if common.is_empty() {
            break;
        }
        let same = common.bytes().zip(line.bytes()).take_while(|(a, b)| a == b).count();
        common = &common[..same];
    }
    common.len()
}

/// A line without its marks of quoting: `> `, `>> `, `> > `.
fn unquoted(mut line: &str) -> &str {
    while let Some(rest) = line.strip_prefix('>') {
        line = rest.strip_prefix(' ').unwrap_or(rest);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text that is a dump, whatever its form.
    pub(super) fn dump(text: &str) -> Dump {
        match read(text.as_bytes(), None) {
            Ok(Input::Dump(dump)) => *dump,
            other => panic!("{other:?}"),
        }
    }

    const LINES: &str = "\u{feff}00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff\r\n";

    #[test]
    fn encodings_are_no_obstacle() {
        let plain = read(LINES.trim_start_matches('\u{feff}').as_bytes(), None).unwrap();
        let little: Vec<u8> = LINES.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = LINES.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [LINES.as_bytes(), &little, &big, &little[2..], &big[2..]] {
            assert_eq!(read(bytes, None).as_ref(), Ok(&plain));
        }
    }

    #[test]
    fn what_happened_on_the_way_is_undone() {
        let two = "00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff\n\
                   00000002 00000000: 00000001 00000000 0000004d 002c307d\n";
        let plain = read(two.as_bytes(), None).unwrap();
        let quoted = |mark: &str| two.lines().map(|line| format!("{mark}{line}\n")).collect::<String>();
        for text in [
            two.replace('\n', "\r"),
            two.replace('\n', "\r\r\n"),
            two.replace(' ', "\u{a0}"),
            format!("{two}\x1a"),
            format!("{two}\0\0\0\0"),
            format!("{two}\x1a\0\0"),
            quoted("> "),
            quoted(">"),
            quoted(">> "),
            quoted("> > "),
            two.lines().map(|line| format!("\x1b[32m> {line}\x1b[m\r\n")).collect(),
            quoted("    "),
            quoted(" \t"),
            format!("```\n{two}```\n"),
            format!("```{two}```\n"),
            format!("> ```text\n{}> ```\n", quoted(">   ")),
            format!("# On Monday somebody wrote:\n{}# and signed\n", quoted("> ")),
        ] {
            assert_eq!(read(text.as_bytes(), None).as_ref(), Ok(&plain), "{text:?}");
        }
        // Two people's dumps are not one dump.
        let other = "00000003 00000000: 00000000 00000000 00000000 00000000\n";
        for text in [format!("{}{other}", quoted("> ")), format!("> {other}{}", quoted("> > "))] {
            let line = if text.starts_with("> 00000003") { 2 } else { 3 };
            assert_eq!(read(text.as_bytes(), None).unwrap_err().line, Some(line), "{text}");
        }
        // `diff` without -u: neither side is whole.
        let raw = "0x00000001 0x00: eax=0x000306c1 ebx=0x00000800 ecx=0xfffa3227 edx=0x0fabfbff\n";
        assert!(read(format!("> {raw}").as_bytes(), None).is_ok());
        assert!(read(format!("> 0a1\n> > {raw}").as_bytes(), None).is_err());
        assert!(read(format!("0a1,2\n{}", quoted("> ")).as_bytes(), None).is_err());
        assert!(read(format!("{}---\n{}", quoted("< "), quoted("> ")).as_bytes(), None).is_err());
    }

    #[test]
    fn a_whole_document_is_read_from_a_mail_too() {
        let json = "{\n\"cpuid_modifiers\": []\n}";
        let mut frame = String::new();
        let vcpu = cpuid_probe::dump::VcpuDump::new(0);
        cpuid_probe::text::write_frame(&mut frame, "native", std::iter::once(vcpu.view())).unwrap();
        assert!(read(frame.as_bytes(), None).is_ok());
        for text in [json, &frame, "<cpudata arch='x86'>\n</cpudata>"] {
            let plain = read(text.as_bytes(), None);
            for mark in ["> ", ">", "    "] {
                let marked: String = text.lines().map(|line| format!("{mark}{line}\n")).collect();
                assert_eq!(read(marked.as_bytes(), None).map_err(|e| e.message), plain.clone().map_err(|e| e.message));
            }
        }
    }

    #[test]
    fn what_is_no_dump_is_refused_with_a_reason() {
        for (bytes, what) in [
            (&b""[..], "empty"),
            (b" \r\n\t\n", "empty"),
            (b"\x7fELF\x02\x01\x01\0\0\0", "binary data"),
            (b"\xff\xfe\0\0", "binary data"),
            (b"hello", "not recognised"),
            (b"<cpu mode='custom'>\n<model>EPYC</model></cpu>", "libvirt XML that names features"),
            (b"  feature.node.kubernetes.io/cpu-cpuid.AVX2: \"true\"\n", "labels of Node Feature Discovery"),
            (b"{\"Intel\": {\"leaf_0\": {\"eax\": 22}}}", "JSON of an unknown form"),
        ] {
            let error = read(bytes, None).unwrap_err().to_string();
            assert!(error.starts_with(what), "{error}");
        }
        assert!(read(b"x", Some("nonsense")).unwrap_err().to_string().contains("bare"));
    }
}
