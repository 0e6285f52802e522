//! The decoded output of `cpuid` (Todd Allen's tool, without `-r`), whole or as far as people paste it, as statements.
//!
//! Each line that the tool prints of a register says what some of its bits are; which ones stands in `decoded/lines.txt`.
//! What it does not name is unknown. A line that no row knows is counted and said.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use cpuid_probe::dump::{Dump, VcpuDump};
use cpuid_probe::place::BitRange;
use cpuid_probe::{LeafId, Place, Register, Registers};

use super::line::{self, Line, lines, short_hex};
use super::said::Said;
use super::{Input, Read, ReadError, Reader, shorten, skip};

pub(super) const READER: Reader = Reader {
    name: "decoded",
    about: "what `cpuid` prints without -r, as statements",
    recognise,
    read: Read::One(read),
};

const LIMIT: &str = "decoded output of `cpuid`, not its registers: bits that it does not name, how many leaves there are and \
                     the descriptors of leaf 2 are unknown";

/// How the header of a hunk begins, where the text is a side of a unified diff: what stands below may be from elsewhere.
pub(super) const HUNK: &str = "@@ -";

/// How labels of leaves 1 and 4 begin in the versions since 2021; those before call them otherwise.
const NEW: &str = "maximum IDs for CPUs ";

/// Bits of a register that a line shows. Without a subleaf it is that of the line's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    leaf: u32,
    subleaf: Option<u32>,
    register: Register,
    bits: BitRange,
}

/// How a line prints a number.
#[derive(Clone, Debug, PartialEq, Eq)]
enum How {
    /// This many times the number, and then this much more.
    Number { times: u128, plus: u128 },
    /// Numbers, and a word for each.
    Words(Vec<(u128, &'static str)>),
    /// Hex digits, as many as it has.
    Hex,
    /// In Hz, of kHz, in 32 bits with a sign.
    Thousand,
    /// `FIRST/SECOND`.
    Ratio,
    /// `FIRST.SECOND`.
    Halves,
    /// Characters in quotes.
    Text,
    /// `available` where the bit is 0; else it is 1, or there is none.
    Event,
}

/// What a line says: of which bits, the lowest first, from which bit of the number on. No bits: other lines say it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    parts: Vec<Part>,
    from: u32,
    how: How,
}

type Rows = HashMap<&'static str, Row>;

/// The rows of `lines.txt`.
#[derive(Debug, Default)]
struct Table {
    headings: HashMap<&'static str, Rows>,
    /// Rows whose label stands for the same bits below every heading that has it.
    alone: HashMap<&'static str, Row>,
}

/// Any subleaf of a heading, any beginning of a label.
const ANY: &str = "*";

impl Table {
    fn get() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        // A test reads each line.
        TABLE.get_or_init(|| Self::of(include_str!("decoded/lines.txt")).unwrap_or_default())
    }

    /// `Err` is the first line that is no row.
    fn of(text: &'static str) -> Result<Self, &'static str> {
        let mut table = Self::default();
        let mut heading = "";
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(next) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                heading = next;
                table.headings.entry(heading).or_default();
                continue;
            }
            let (label, row) = row(line).ok_or(line)?;
            if table.headings.entry(heading).or_default().insert(label, row).is_some() {
                return Err(line);
            }
        }
        let mut all: HashMap<&str, Vec<&Row>> = HashMap::new();
        for (label, row) in table.headings.values().flatten() {
            all.entry(label).or_default().push(row);
        }
        let is_plain = |row: &Row| {
            let is_plain = |part: &Part| part.subleaf.is_some() && !(0x4000_0000..0x5000_0000).contains(&part.leaf);
            !row.parts.is_empty() && row.parts.iter().all(is_plain)
        };
        let alone = all.into_iter().filter(|(_, rows)| is_plain(rows[0]) && rows.iter().all(|row| *row == rows[0]));
        table.alone = alone.map(|(label, rows)| (label, rows[0].clone())).collect();
        Ok(table)
    }
}

/// `PLACE[, PLACE] [@BIT] [HOW] | LABEL`.
fn row(line: &'static str) -> Option<(&'static str, Row)> {
    let (what, label) = line.split_once(" | ")?;
    let mut row = Row { parts: Vec::new(), from: 0, how: How::Number { times: 1, plus: 0 } };
    if what == "derived" {
        return Some((label, row));
    }
    let (what, words) = match what.split_once('{') {
        Some((what, words)) => (what, Some(words.strip_suffix('}')?)),
        None => (what, None),
    };
    if let Some(words) = words {
        let code = |(n, word): (u128, &'static str)| match word.split_once('=') {
            Some((code, word)) => Some((code.parse().ok()?, word)),
            None => Some((n, word)),
        };
        row.how = How::Words((0..).zip(words.split('/')).map(code).collect::<Option<_>>()?);
    }
    for place in what.split(", ") {
        let mut words = place.split_ascii_whitespace();
        let place = words.next()?;
        let (leaf, subleaf) = place.split_once('.').unwrap_or((place, "0"));
        let register = Register::from_name(words.next()?)?;
        let bits = words.next()?;
        let (hi, lo) = bits.split_once(':').unwrap_or((bits, bits));
        let bits = BitRange::new(hi.parse().ok().filter(|hi| *hi < 32)?, lo.parse().ok()?);
        let subleaf = if subleaf == ANY { None } else { Some(short_hex(subleaf)?) };
        row.parts.push(Part { leaf: short_hex(leaf)?, subleaf, register, bits });
        for word in words {
            let number = word.get(1..).and_then(|number| number.parse::<u32>().ok());
            row.how = match (word.as_bytes()[0], number) {
                (b'@', Some(bit)) => {
                    row.from = bit;
                    continue;
                }
                (b'+', Some(more)) => How::Number { times: 1, plus: more.into() },
                (b'*', Some(times)) => How::Number { times: times.into(), plus: 0 },
                _ => match word {
                    "hex" => How::Hex,
                    "thousand" => How::Thousand,
                    "ratio" => How::Ratio,
                    "halves" => How::Halves,
                    "text" => How::Text,
                    "event" => How::Event,
                    _ => return None,
                },
            };
        }
    }
    Some((label, row))
}

/// The heading that lines stand below.
#[derive(Clone, Copy, Debug)]
enum Heading {
    /// None yet: what is left of the output has none.
    None,
    /// With the subleaf that it names, and the base of its hypervisor's leaves above the first.
    Known { rows: &'static Rows, subleaf: Option<u32>, base: u32 },
    /// One that no row knows.
    Unknown,
}

/// A line without its colon, if it is a heading: `extended feature flags (7):`, `XSAVE features (0xd/0):`,
/// `(instruction supported synth):`.
fn heading(line: &str) -> Option<&str> {
    let line = line.strip_suffix(':').filter(|line| !line.contains(" = "))?;
    let (_, place) = line.strip_suffix(')')?.rsplit_once('(')?;
    let mut parts = place.split('/');
    let is_hex = |part: &str| short_hex(part.strip_prefix("0x").unwrap_or(part)).is_some();
    let is_place = parts.next().is_some_and(is_hex) && parts.all(|p| is_hex(p) || Register::from_name(p).is_some());
    (is_place || line.starts_with('(') && place.ends_with(" synth")).then_some(line)
}

fn find(heading: &str) -> Heading {
    let table = Table::get();
    let known = |name: &str, subleaf, base| table.headings.get(name).map(|rows| Heading::Known { rows, subleaf, base });
    if let Some(found) = known(heading, None, 0) {
        return found;
    }
    // Leaves of a hypervisor at another base.
    if let Some((before, place)) = heading.split_once("(0x4000")
        && let Some((base, rest)) = place.split_at_checked(2)
        && let Some(base) = short_hex(base)
        && let Some(found) = known(&format!("{before}(0x400000{rest}"), None, base << 8)
    {
        return found;
    }
    let number = heading.strip_suffix(')').and_then(|heading| heading.rsplit_once('/'));
    if let Some((before, number)) = number
        && let Some(subleaf) = short_hex(number.strip_prefix("0x").unwrap_or(number))
    {
        let name = format!("{before}/{ANY})");
        let any = name.split_once(" features (").map(|(_, place)| format!("{ANY} features ({place}"));
        let found = known(&name, Some(subleaf), 0).or_else(|| known(&any?, Some(subleaf), 0));
        return found.unwrap_or(Heading::Unknown);
    }
    Heading::Unknown
}

impl Heading {
    /// The row of a label, and the base and the subleaf of its places.
    fn row(self, label: &str) -> Option<(&'static Row, u32, Option<u32>)> {
        let table = Table::get();
        let top = || table.headings.get("").and_then(|rows| rows.get(label)).map(|row| (row, 0, None));
        match self {
            Self::Known { rows, subleaf, base } => {
                let named =
                    || rows.iter().find(|(name, _)| name.strip_prefix(ANY).is_some_and(|end| label.ends_with(end)));
                let row = rows.get(label).or_else(|| named().map(|(_, row)| row));
                row.map(|row| (row, base, subleaf)).or_else(top)
            }
            Self::None => top().or_else(|| table.alone.get(label).map(|row| (row, 0, None))),
            Self::Unknown => top(),
        }
    }
}

/// A line's label and value.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (label, value) = line.split_once(" = ")?;
    Some((label.trim_end(), value.trim()))
}

/// The first line that shows that `cpuid` has decoded what it read: the vendor, a heading above values; or two lines that
/// only it prints.
fn recognise(text: &str) -> bool {
    // Where the same log has the raw output too, that is read.
    if lines(text).any(|(_, line)| matches!(line::raw(line), Ok(Some(Line::Leaf(0, ..))))) {
        return false;
    }
    let mut known = 0;
    let mut found = lines(text).map(|(_, line)| line).filter(|line| !line.is_empty()).peekable();
    while let Some(line) = found.next() {
        let above_values = found.peek().is_some_and(|next| next.contains(" = ") || next.starts_with("0x"));
        if line.starts_with("vendor_id = \"") || heading(line).is_some() && above_values {
            return true;
        }
        known +=
            usize::from(entry(line).is_some_and(|(label, value)| {
                matches!(value, "true" | "false") && Table::get().alone.contains_key(label)
            }));
        if known >= 2 {
            return true;
        }
    }
    false
}

/// A number as the tool prints it: `true`, `0x40 (64)`, `64 (0x40)`, `data cache (1)`, `0x00000040`, `64`, `64 Hz`.
fn number(value: &str) -> Option<i128> {
    let decimal = |text: &str| text.parse::<i128>().ok();
    let hex = |text: &str| i128::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    match value {
        "true" => return Some(1),
        "false" => return Some(0),
        _ => {}
    }
    if let Some((shown, code)) = value.strip_suffix(')').and_then(|value| value.rsplit_once(" (")) {
        let code = match code.strip_prefix("0b") {
            Some(code) => decimal(code)?,
            None => hex(code).or_else(|| decimal(code))?,
        };
        let again = if shown.starts_with(|c: char| c.is_ascii_digit()) && !shown.contains([' ', '-']) {
            Some(hex(shown).or_else(|| decimal(shown))?)
        } else {
            None
        };
        return Some(code).filter(|code| again.is_none_or(|again| again == *code));
    }
    if value.starts_with("0x") {
        // One that may have lost its end is none.
        return hex(value).filter(|_| [10, 18, 34].contains(&value.len()));
    }
    decimal(value.strip_suffix(" Hz").unwrap_or(value))
}

impl How {
    /// The number of each part, where they stand apart; else the one that is spread over them. `None`: not as it is printed.
    fn numbers(&self, value: &str) -> Option<Vec<u128>> {
        let two = |sign: char| {
            let (first, second) = value.split_once(sign)?;
            Some(vec![first.parse::<u32>().ok()?.into(), second.parse::<u32>().ok()?.into()])
        };
        // A number that was printed with a sign has 32 bits.
        let unsigned = |n: i128| if n < 0 { (n & 0xffff_ffff) as u128 } else { n as u128 };
        match self {
            Self::Number { times, plus } => {
                let n = unsigned(number(value)?).checked_sub(*plus)?;
                n.is_multiple_of(*times).then(|| vec![n / times])
            }
            Self::Words(words) => match words.iter().find(|(_, word)| *word == value) {
                Some((code, _)) => Some(vec![*code]),
                None => Some(vec![unsigned(number(value)?)]),
            },
            Self::Hex => Some(vec![u32::from_str_radix(value.strip_prefix("0x")?, 16).ok()?.into()]),
            Self::Thousand => {
                // 125 has an inverse among the numbers of 29 bits, so this is exact below 2^29 kHz.
                const INVERSE: u64 = 115_964_117;
                let hz = unsigned(number(value)?) as u64 & 0xffff_ffff;
                hz.is_multiple_of(8).then(|| vec![((hz / 8).wrapping_mul(INVERSE) & 0x1fff_ffff).into()])
            }
            Self::Ratio => two('/'),
            Self::Halves => two('.'),
            Self::Text => {
                let text = value.strip_prefix('"')?.strip_suffix('"')?;
                let four: [u8; 4] = text.as_bytes().try_into().ok()?;
                Some(vec![u32::from_le_bytes(four).into()])
            }
            Self::Event => match value {
                "available" => Some(vec![0]),
                "not available" => Some(vec![1]),
                _ => None,
            },
        }
    }
}

/// A text while it is read.
struct Reading {
    said: Said,
    heading: Heading,
    /// The number in `--- cache N ---`.
    index: Option<u32>,
    /// Where each line of the CPU that is being read stands: by its heading, its list and its label.
    seen: HashMap<(String, Option<u32>, String), usize>,
    /// The heading's text.
    above: String,
    /// The line with the number of this CPU, until something of it is read.
    empty: Option<usize>,
    /// The numbers of CPUs, and of how many the last line is there.
    numbers: Vec<Option<u32>>,
    ended: BTreeSet<usize>,
    vendor: Option<(usize, String)>,
    /// Whether the tool is a version of which the rows are: older ones print some numbers that are one less than meant as they
    /// are.
    is_new: bool,
    /// Lines that no row knows, and the first and the last that one knows.
    unknown: Vec<(usize, String)>,
    first: Option<usize>,
    last: usize,
}

fn read(text: &str) -> Result<Input, ReadError> {
    let mut reading = Reading {
        said: Said::new(READER.name),
        heading: Heading::None,
        index: None,
        seen: HashMap::new(),
        above: String::new(),
        empty: None,
        numbers: Vec::new(),
        ended: BTreeSet::new(),
        vendor: None,
        is_new: text.contains(NEW),
        unknown: Vec::new(),
        first: None,
        last: 0,
    };
    let end = text.trim_end().lines().count();
    for (number, line) in lines(text).filter(|(_, line)| !line.is_empty()) {
        // The end of a number cannot be missed in the last line.
        let is_cut = number == end && !text.ends_with(['\n', '\r']);
        if reading.line(number, line, is_cut)? {
            reading.first.get_or_insert(number);
            reading.last = number;
        } else {
            skip(number, line)?;
            reading.unknown.push((number, line.to_string()));
        }
    }
    reading.finish().map(|dump| Input::Dump(Box::new(dump)))
}

impl Reading {
    /// Reads a line. Returns whether it is one of the tool's.
    fn line(&mut self, number: usize, line: &str, is_cut: bool) -> Result<bool, ReadError> {
        if let Some(Line::Header(cpu)) = line::header(line) {
            self.cpu(number, cpu)?;
            return Ok(true);
        }
        match line::raw(line) {
            Ok(Some(Line::Leaf(leaf, subleaf, registers))) => {
                self.note(number, (String::new(), subleaf, format!("{leaf:#010x}")))?;
                self.registers(number, LeafId::new(leaf, subleaf.unwrap_or_default()), registers)?;
                self.heading = Heading::Unknown;
                return Ok(true);
            }
            Err(expected) if line.contains(" eax=") => {
                return Err(ReadError::at(number, format!("expected {expected}; found `{}`", shorten(line))));
            }
            _ => {}
        }
        if line.starts_with(HUNK) {
            (self.heading, self.index) = (Heading::None, None);
            self.above.clear();
            return Ok(true);
        }
        if let Some(text) = heading(line) {
            self.note(number, (text.to_string(), None, String::new()))?;
            (self.heading, self.index, self.above) = (find(text), None, text.to_string());
            return Ok(matches!(self.heading, Heading::Known { .. }));
        }
        if let Some(list) = line.strip_prefix("--- ").and_then(|line| line.strip_suffix(" ---")) {
            let index = list.rsplit(' ').next().and_then(|number| number.parse().ok());
            let known = matches!(self.heading, Heading::Known { .. }) && index.is_some();
            if known {
                self.index = index;
                self.note(number, (self.above.clone(), index, String::new()))?;
            }
            return Ok(known);
        }
        if let Heading::Known { rows, .. } = self.heading
            && rows.contains_key(ANY)
            && (line.starts_with("0x") || line.contains(" TLB") || entry(line).is_some())
            && !is_top(line)
        {
            return Ok(true);
        }
        match entry(line) {
            Some((label, value)) => self.entry(number, label, value, is_cut),
            // `(APIC synth): PKG_ID=0 …`
            None => Ok(line.starts_with('(') && line.contains(" synth): ")),
        }
    }

    /// Another CPU begins.
    fn cpu(&mut self, number: usize, cpu: Option<u32>) -> Result<(), ReadError> {
        if let Some(line) = self.empty {
            return Err(ReadError::at(line, "cut off: a CPU of which nothing follows"));
        }
        let began = !self.seen.is_empty();
        if self.numbers.contains(&cpu) || (cpu.is_none() || self.numbers.contains(&None)) && began {
            let message = "another run of the tool begins here; keep one machine a file";
            return Err(ReadError::another(number, message));
        }
        if began && self.numbers.is_empty() {
            let message = "a CPU begins here, and lines of another stand above it; keep one machine a file";
            return Err(ReadError::another(number, message));
        }
        let vcpu = cpu.unwrap_or_default();
        match self.said.vcpus.last_mut() {
            Some(first) if self.numbers.is_empty() => first.vcpu = vcpu,
            _ => self.said.vcpus.push(VcpuDump::of_statements(vcpu)),
        }
        self.numbers.push(cpu);
        self.seen.clear();
        self.above.clear();
        (self.heading, self.index, self.empty) = (Heading::None, None, Some(number));
        Ok(())
    }

    /// Notes a line of this CPU. The same line again is another machine's, or a heading between them was lost.
    fn note(&mut self, number: usize, what: (String, Option<u32>, String)) -> Result<(), ReadError> {
        if let Some(before) = self.seen.insert(what, number) {
            let message =
                format!("comes again, first in line {before}: another machine, or a heading is lost; keep one a file");
            return Err(ReadError::another(number, message));
        }
        self.empty = None;
        Ok(())
    }

    fn entry(&mut self, number: usize, label: &str, value: &str, is_cut: bool) -> Result<bool, ReadError> {
        let expected = |what: &str| ReadError::at(number, format!("expected {what}; found `{}`", shorten(value)));
        let quoted = || value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        match label {
            "vendor_id" => {
                self.note(number, (String::new(), None, label.to_string()))?;
                let vendor = quoted().filter(|vendor| vendor.len() == 12);
                let vendor = vendor.ok_or_else(|| expected("12 characters in quotes"))?;
                if let Some((before, other)) = &self.vendor
                    && other != vendor
                {
                    let message = format!("a CPU of another vendor than in line {before}; keep one machine a file");
                    return Err(ReadError::another(number, message));
                }
                self.vendor = Some((number, vendor.to_string()));
                self.said.vendor(number, vendor)?;
                return Ok(true);
            }
            "brand" => {
                self.note(number, (String::new(), None, label.to_string()))?;
                let brand = quoted().ok_or_else(|| expected("characters in quotes"))?;
                self.brand(number, brand)?;
                return Ok(true);
            }
            _ => {}
        }
        if let Some(base) = label.strip_prefix("hypervisor_id") {
            self.note(number, (String::new(), None, label.to_string()))?;
            let id = quoted().ok_or_else(|| expected("characters in quotes"))?;
            return self.hypervisor(number, base.trim(), id);
        }
        if label.starts_with('(') && label.ends_with(')') {
            if label == "(synth)" {
                self.ended.insert(self.said.vcpus.len());
            }
            return Ok(true);
        }
        let Some((row, base, subleaf)) = self.heading.row(label) else { return Ok(false) };
        self.note(number, (self.above.clone(), self.index, label.to_string()))?;
        if row.parts.is_empty() {
            return Ok(true);
        }
        let subleaf = subleaf.or(self.index);
        if is_cut && value.bytes().all(|b| b.is_ascii_hexdigit() || b == b'x')
            || row.parts.iter().any(|p| p.subleaf.or(subleaf).is_none())
        {
            return Ok(false);
        }
        if matches!(row.how, How::Number { plus: 1.., .. }) && !self.is_new {
            return Ok(true);
        }
        let value = value.strip_suffix(':').unwrap_or(value);
        let numbers = row.how.numbers(value).ok_or_else(|| expected("a value as `cpuid` prints it"))?;
        let apart = numbers.len() > 1;
        let mut rest = numbers.first().copied().unwrap_or_default();
        if row.from > 0 {
            rest =
                Some(rest >> row.from).filter(|n| n << row.from == rest).ok_or_else(|| expected("another number"))?;
        }
        for (n, part) in row.parts.iter().enumerate() {
            let width = u32::from(part.bits.hi - part.bits.lo) + 1;
            let number_of = if apart { numbers.get(n).copied().unwrap_or_default() } else { rest };
            let value = number_of & ((1 << width) - 1);
            rest = number_of >> width;
            if rest != 0 && (apart || n + 1 == row.parts.len()) {
                return Err(expected("a number that these bits can have"));
            }
            let id = LeafId::new(part.leaf + base, part.subleaf.or(subleaf).unwrap_or_default());
            if row.how == How::Event && value == 1 && !self.has_event(part.bits.lo) {
                continue;
            }
            let place = Place::cpuid(id.leaf, id.ecx(), part.register, part.bits.hi, part.bits.lo);
            self.said.state(number, place, value as u64)?;
        }
        Ok(true)
    }

    /// Whether the list of events of leaf 0xa is said to have this one.
    fn has_event(&self, bit: u8) -> bool {
        let id = LeafId::new(0xa, 0);
        let vcpu = self.said.vcpus.last();
        let eax = vcpu.filter(|v| v.known(id, Register::Eax) >> 24 == 0xff).and_then(|v| v.get(id)).map(|r| r.eax);
        eax.is_some_and(|eax| eax >> 24 > bit.into())
    }

    fn registers(&mut self, number: usize, id: LeafId, registers: Registers) -> Result<(), ReadError> {
        Register::ALL.into_iter().try_for_each(|register| {
            let place = Place::cpuid(id.leaf, id.ecx(), register, 31, 0);
            self.said.state(number, place, registers[register].into())
        })
    }

    /// States the characters of the brand, and the zero that ends them.
    fn brand(&mut self, number: usize, brand: &str) -> Result<(), ReadError> {
        if !brand.is_ascii() || brand.len() > 48 {
            return Ok(());
        }
        if self.said.cpu.is_none() {
            self.said.cpu = Some(brand.trim().to_string()).filter(|brand| !brand.is_empty());
        }
        for (n, byte) in brand.bytes().chain([0]).take(48).enumerate() {
            let (leaf, register, byte_of) = (0x8000_0002 + n / 16, Register::ALL[n / 4 % 4], n % 4);
            let lo = 8 * byte_of as u8;
            self.said.state(number, Place::cpuid(leaf as u32, 0, register, lo + 7, lo), byte.into())?;
        }
        Ok(())
    }

    /// States the signature of a hypervisor; older versions of the tool do not name its leaf.
    fn hypervisor(&mut self, number: usize, place: &str, id: &str) -> Result<bool, ReadError> {
        let leaf = match place.strip_prefix("(0x").and_then(|place| place.strip_suffix(')')) {
            Some(leaf) => short_hex(leaf),
            None => Some(0x4000_0000).filter(|_| place.is_empty()),
        };
        let mut bytes = id.replace("\\0", "\0").into_bytes();
        // Older versions print blanks for zeros, with which no signature of KVM ends.
        if id.trim_end() == "KVMKVMKVM" {
            bytes = b"KVMKVMKVM\0\0\0".to_vec();
        }
        let (Some(leaf), 12) = (leaf, bytes.len()) else { return Ok(false) };
        for (register, four) in [Register::Ebx, Register::Ecx, Register::Edx].into_iter().zip(bytes.chunks_exact(4)) {
            let value = four.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
            self.said.state(number, Place::cpuid(leaf, 0, register, 31, 0), value)?;
        }
        Ok(true)
    }

    fn finish(mut self) -> Result<Dump, ReadError> {
        if let Some(line) = self.empty {
            return Err(ReadError::at(line, "cut off: a CPU of which nothing follows"));
        }
        let Some(first) = self.first.filter(|_| self.said.vcpus.iter().any(|v| !v.leaves().is_empty())) else {
            return Err(ReadError::whole(
                "no line of decoded `cpuid` output that is known; give the output of `cpuid -r`",
            ));
        };
        self.said.limit(LIMIT);
        // Prose around it is none of the tool's.
        let inside = first..=self.last;
        self.unknown.retain(|(number, line)| inside.contains(number) || line.contains(" = "));
        if let Some((number, line)) = self.unknown.first() {
            let count = match self.unknown.len() {
                1 => "1 line is".to_string(),
                count => format!("{count} lines are"),
            };
            self.said.limit(&format!("{count} not understood, the first `{}` (line {number})", shorten(line)));
        }
        let mut numbers: Vec<u32> = self.numbers.iter().filter_map(|number| *number).collect();
        numbers.sort_unstable();
        let all = numbers.iter().zip(0..).all(|(number, expected)| *number == expected);
        if all && !numbers.is_empty() && self.ended.len() == numbers.len() {
            self.said.online = u32::try_from(numbers.len()).ok();
        }
        self.said.vcpus.sort_by_key(|v| v.vcpu);
        Ok(self.said.finish())
    }
}

/// Whether a line stands below no heading.
fn is_top(line: &str) -> bool {
    let label = entry(line).map(|(label, _)| label).unwrap_or_default();
    let top = Table::get().headings.get("");
    top.is_some_and(|rows| rows.contains_key(label)) || label == "brand" || label.starts_with("hypervisor_id")
}

#[cfg(test)]
mod tests {
    use super::super::tests::dump;
    use super::*;

    fn refused(text: &str) -> String {
        super::super::read(text.as_bytes(), None).expect_err(text).to_string()
    }

    /// What is said of a register: its value, and the bits that are known.
    fn said(dump: &Dump, leaf: u32, subleaf: u32, register: Register) -> (u32, u32) {
        let id = LeafId::new(leaf, subleaf);
        let vcpu = &dump.vcpus[0];
        (vcpu.get(id).map_or(0, |r| r.get(register)), vcpu.known(id, register))
    }

    const TEXT: &str = "CPU 0:
   vendor_id = \"AuthenticAMD\"
   version information (1/eax):
      processor type  = primary processor (0)
      family          = 0xf (15)
      (simple synth)  = AMD EPYC (3rd Gen) (Milan B1) [Zen 3], 7nm
   feature information (1/ecx):
      AES instruction                         = true
   cache and TLB information (2):
      0xff: cache data is in CPUID leaf 4
   deterministic cache parameters (4):
      --- cache 0 ---
      cache type                         = data cache (1)
      maximum IDs for CPUs sharing cache = 0x1 (1)
      ways of associativity              = 0xc (12)
      --- cache 1 ---
      cache type                         = no more caches (0)
   extended feature flags (7):
      SMAP: supervisor mode access prevention  = true
      AVX2: advanced vector extensions 2       = false
   XSAVE features (0xd/0):
      XCR0 valid bit field mask               = 0x0000000100000207
         x87 state                            = true
   AVX/YMM features (0xd/2):
      AVX/YMM save state byte size             = 0x00000100 (256)
      supported in IA32_XSS or XCR0            = XCR0 (user state)
   hypervisor_id (0x40000000) = \"KVMKVMKVM\\0\\0\\0\"
   hypervisor generic timing information (0x40000010):
      TSC frequency (Hz) = -1694967296
   0x40000002 0x00: eax=0x00000000 ebx=0x00000000 ecx=0x00000000 edx=0x00000001
   brand = \"AMD EPYC\"
   (multi-processing synth) = none
   (synth) = AMD EPYC (3rd Gen) (Milan B1) [Zen 3], 7nm
";

    #[test]
    fn every_row_of_the_table_is_read() {
        let table = Table::of(include_str!("decoded/lines.txt"));
        assert!(table.as_ref().is_ok_and(|t| t.headings.len() > 100 && t.alone.len() > 500), "{:?}", table.err());
    }

    #[test]
    fn lines_say_bits_and_what_they_do_not_name_is_unknown() {
        let dump = dump(TEXT);
        for (leaf, subleaf, register, value) in [
            (1, 0, Register::Ecx, (1 << 25, 1 << 25)),
            (1, 0, Register::Eax, (0xf00, 0x3f00)),
            (4, 0, Register::Eax, (1 << 14 | 1, 0xfff << 14 | 0x1f)),
            (4, 0, Register::Ebx, (11 << 22, 0x3ff << 22)),
            (4, 1, Register::Eax, (0, 0x1f)),
            (7, 0, Register::Ebx, (1 << 20, 1 << 20 | 1 << 5)),
            (0xd, 0, Register::Eax, (0x207, u32::MAX)),
            (0xd, 0, Register::Edx, (1, u32::MAX)),
            (0xd, 2, Register::Eax, (0x100, u32::MAX)),
            (0xd, 2, Register::Ecx, (0, 1)),
            (0x4000_0000, 0, Register::Edx, (0x4d, u32::MAX)),
            (0x4000_0002, 0, Register::Edx, (1, u32::MAX)),
            (0x4000_0010, 0, Register::Eax, (2_600_000, u32::MAX)),
            (0x8000_0002, 0, Register::Ecx, (0, 0xff)),
        ] {
            assert_eq!(said(&dump, leaf, subleaf, register), value, "{leaf:#x}.{subleaf} {register}");
        }
        let old = super::super::read(TEXT.replace("maximum IDs for CPUs", "extra threads").as_bytes(), None)
            .expect("an older version");
        let Input::Dump(old) = old else { panic!("{old:?}") };
        assert_eq!(said(&old, 4, 0, Register::Ebx), (0, 0), "older versions print it one less");
        let imported = dump.provenance.imported.expect("imported");
        assert_eq!((imported.cpu.as_deref(), imported.limits.as_slice()), (Some("AMD EPYC"), &[LIMIT.to_string()][..]));
    }

    #[test]
    fn lines_that_no_row_knows_are_counted() {
        let limits = |text: &str| dump(text).provenance.imported.expect("imported").limits;
        let odd = TEXT.replace("      AES ins", "      NEW: of tomorrow                         = true\n      AES ins");
        assert!(
            limits(&odd).iter().any(|l| l.starts_with("1 line is not understood, the first `NEW")),
            "{:?}",
            limits(&odd)
        );
        let odd = TEXT
            .replace("information (2):", "information (99):")
            .replace("0xff: cache", "number = 0x1 (1)\n      0xff: cache");
        assert!(limits(&odd).iter().any(|l| l.starts_with("3 lines are not understood")), "{:?}", limits(&odd));
        // Prose around it is none of the tool's.
        assert_eq!(limits(&format!("Hello,\nthis is mine:\n{TEXT}regards\n")), limits(TEXT));
    }

    #[test]
    fn what_is_left_of_the_output_is_read() {
        let two = dump(
            "      AES instruction                         = true\n      SHA instructions                         = false\n",
        );
        assert_eq!(said(&two, 1, 0, Register::Ecx), (1 << 25, 1 << 25));
        assert_eq!(said(&two, 7, 0, Register::Ebx), (0, 1 << 29));
        let quoted: String = TEXT.lines().map(|line| format!("> {line}\n")).collect();
        for text in [&quoted, &TEXT.replace('=', "=3D"), &TEXT.replace('\n', "\r\n"), &TEXT.replace("   ", "\u{a0}  ")]
        {
            assert_eq!(dump(text), dump(TEXT), "{text}");
        }
    }

    #[test]
    fn damage_is_refused_with_its_line() {
        assert!(refused(&TEXT.replace("= true", "= tru")).starts_with("8: expected a value"));
        assert!(refused(&TEXT.replace("0xc (12)", "0xc (13)")).starts_with("15: expected a value"));
        assert!(refused(&TEXT.replace("0xc (12)", "0xc01 (3073)")).contains("these bits"));
        assert!(refused(&TEXT.replace("0x00000001\n", "0x0001\n")).contains("0x40000002"));
        assert!(refused(&TEXT.replace("      --- cache 1 ---\n", "")).starts_with("16: comes again, first in line 13"));
        assert!(refused(&format!("{TEXT}CPU 1:\n")).contains("cut off"));
    }

    #[test]
    fn several_cpus_are_one_machine_and_two_runs_are_not() {
        let second = TEXT.replace("CPU 0:", "CPU 1:");
        let both = dump(&format!("{TEXT}{second}"));
        assert_eq!((both.vcpus.len(), both.vcpus[1].vcpu, both.provenance.vcpus_online), (2, 1, Some(2)));
        assert_eq!(dump(&format!("{TEXT}{}", second.replace("   (synth)", "   (sy)"))).provenance.vcpus_online, None);
        for other in [TEXT, &second.replace("AuthenticAMD", "GenuineIntel"), &TEXT[7..]] {
            let error = super::super::read(format!("{TEXT}{other}").as_bytes(), None).expect_err("two");
            assert!(error.another && error.line >= Some(34), "{error}");
        }
        let of = |part: &str| match super::super::read_part(
            format!("{TEXT}{}", TEXT.replace("= true", "= false")).as_bytes(),
            None,
            Some(part),
        ) {
            Ok(Input::Dump(dump)) => said(&dump, 1, 0, Register::Ecx).0,
            other => panic!("{other:?}"),
        };
        assert_eq!([of("1"), of("2")], [1 << 25, 0]);
    }
}
