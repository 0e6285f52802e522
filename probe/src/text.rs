//! The framed text form of a dump, for consoles.
//!
//! ```text
//! cpuid-dump/1 begin vcpus=2 source=boot
//! vcpu 0 lines=83
//! 00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff
//! msr 0000010a: 00000000 0d89fd6b
//! gap 0000000b 00000040: cap
//! cpuid-dump/1 end lines=168 crc32=1a2b3c4d
//! ```
//! A dump cut from a noisy console is found by its frame, and a damaged one is recognised by its counts and its
//! CRC-32 (ISO-HDLC, over the lines between begin and end, each ended by one LF). The writer needs no heap, so the
//! boot image prints with it; the reader needs `alloc`.

use core::fmt::{self, Write};

use crate::leaf::LeafId;
use crate::register::{Hex, Registers};

/// First words of every frame.
pub const MAGIC: &str = "cpuid-dump/1";

/// First words of the line on which the boot image says what went wrong.
pub const GUEST_ERROR: &str = "cpuid-boot error: ";

/// What went wrong, where the boot image says it on its console.
#[must_use]
pub fn guest_error(console: &str) -> Option<&str> {
    console.split_once(GUEST_ERROR).map(|(_, words)| words.lines().next().unwrap_or_default())
}

/// One register set of a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// Where it was read.
    pub id: LeafId,
    /// What was read.
    pub registers: Registers,
}

/// One MSR of a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsrRecord {
    /// The MSR's index.
    pub index: u32,
    /// Its value; `None` where reading it faulted.
    pub value: Option<u64>,
}

/// Why a place is not in a dump although it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GapReason {
    /// A list or range was cut at the walker's cap.
    Cap,
    /// The vCPU could not be reached.
    Unreachable,
    /// Reading faulted, or the format the dump came from cannot hold the place.
    Fault,
    /// The entry that ends a list, which the tool that printed the list always leaves out: there is nothing more.
    End,
}

impl GapReason {
    /// The word in dumps.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cap => "cap",
            Self::Unreachable => "unreachable",
            Self::Fault => "fault",
            Self::End => "end",
        }
    }

    /// The reason a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Cap, Self::Unreachable, Self::Fault, Self::End].into_iter().find(|r| r.word() == word)
    }
}

/// A place that exists, or may exist, and is not in the dump (or, with [`GapReason::End`], the end of a list).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The place that would have been read next.
    pub id: LeafId,
    /// Why it was not.
    pub reason: GapReason,
}

/// What one vCPU's part of a dump holds, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct VcpuView<'a> {
    /// The vCPU's number.
    pub vcpu: u32,
    /// Register sets, ascending.
    pub leaves: &'a [Record],
    /// MSRs, ascending.
    pub msrs: &'a [MsrRecord],
    /// Gaps, ascending.
    pub gaps: &'a [Gap],
}

/// Writes one dump as a frame. `source` is the provenance's word (`native`, `kvm`, `boot`, `import`).
///
/// # Errors
/// Only what `out` returns.
pub fn write_frame<'a>(
    out: &mut impl Write,
    source: &str,
    vcpus: impl ExactSizeIterator<Item = VcpuView<'a>>,
) -> fmt::Result {
    let mut frame = FrameWriter::begin(out, source, vcpus.len())?;
    for vcpu in vcpus {
        frame.vcpu(&vcpu)?;
    }
    frame.end()
}

/// Writes a frame one vCPU after the other, for a program that holds no more than one of them.
#[derive(Debug)]
pub struct FrameWriter<'a, W>(Body<'a, W>);

impl<'a, W: Write> FrameWriter<'a, W> {
    /// Writes the first line. `source` is the provenance's word; `vcpus` is how many calls of [`Self::vcpu`] follow.
    ///
    /// # Errors
    /// Only what `out` returns.
    pub fn begin(out: &'a mut W, source: &str, vcpus: usize) -> Result<Self, fmt::Error> {
        writeln!(out, "{MAGIC} begin vcpus={vcpus} source={source}")?;
        Ok(Self(Body { out, crc: Crc32::new(), lines: 0 }))
    }

    /// Writes what one vCPU holds.
    ///
    /// # Errors
    /// Only what `out` returns.
    pub fn vcpu(&mut self, vcpu: &VcpuView<'_>) -> fmt::Result {
        let body = &mut self.0;
        writeln!(body, "vcpu {} lines={}", vcpu.vcpu, vcpu.leaves.len() + vcpu.msrs.len() + vcpu.gaps.len())?;
        vcpu.leaves.iter().try_for_each(|record| write_record(body, record))?;
        vcpu.msrs.iter().try_for_each(|msr| write_msr(body, msr))?;
        vcpu.gaps.iter().try_for_each(|gap| write_gap(body, gap))
    }

    /// Writes the last line.
    ///
    /// # Errors
    /// Only what `out` returns.
    pub fn end(self) -> fmt::Result {
        let Body { out, crc, lines } = self.0;
        writeln!(out, "{MAGIC} end lines={lines} crc32={:08x}", crc.value())
    }
}

/// Writes one register set as a line: `LEAF SUBLEAF: EAX EBX ECX EDX`, all of them 8 hex digits.
///
/// # Errors
/// Only what `out` returns.
pub fn write_record(out: &mut impl Write, record: &Record) -> fmt::Result {
    // A dump is little else than these lines. Filling in one takes a fraction of what formatting it does.
    let mut line = *b"________ ________: ________ ________ ________ ________\n";
    let (id, r) = (record.id, record.registers);
    for (at, value) in [0, 9, 19, 28, 37, 46].into_iter().zip([id.leaf, id.ecx(), r.eax, r.ebx, r.ecx, r.edx]) {
        line[at..at + 8].copy_from_slice(&Hex(value).digits());
    }
    out.write_str(str::from_utf8(&line).map_err(|_| fmt::Error)?)
}

/// Writes one MSR as a line: `msr INDEX: HIGH LOW`, or `msr INDEX: fault`.
///
/// # Errors
/// Only what `out` returns.
pub fn write_msr(out: &mut impl Write, msr: &MsrRecord) -> fmt::Result {
    match msr.value {
        Some(value) => writeln!(out, "msr {:08x}: {:08x} {:08x}", msr.index, value >> 32, value as u32),
        None => writeln!(out, "msr {:08x}: fault", msr.index),
    }
}

/// Writes one gap as a line: `gap LEAF SUBLEAF: REASON`.
///
/// # Errors
/// Only what `out` returns.
pub fn write_gap(out: &mut impl Write, gap: &Gap) -> fmt::Result {
    writeln!(out, "gap {:08x} {:08x}: {}", gap.id.leaf, gap.id.ecx(), gap.reason.word())
}

/// Passes text on, counting its lines and its CRC.
#[derive(Debug)]
struct Body<'a, W> {
    out: &'a mut W,
    crc: Crc32,
    lines: usize,
}

impl<W: Write> Write for Body<'_, W> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.crc.add(s.as_bytes());
        self.lines += s.bytes().filter(|b| *b == b'\n').count();
        self.out.write_str(s)
    }
}

/// CRC-32/ISO-HDLC (the one of zip and Ethernet). Written here, since the boot image cannot link another crate.
#[derive(Clone, Copy, Debug)]
pub struct Crc32(u32);

impl Crc32 {
    const NIBBLE: [u32; 16] = {
        let mut table = [0; 16];
        let mut i = 0;
        while i < 16 {
            let mut c = i as u32;
            let mut bit = 0;
            while bit < 4 {
                c = if c & 1 == 1 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 };
                bit += 1;
            }
            table[i] = c;
            i += 1;
        }
        table
    };

    /// The CRC of no bytes yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(u32::MAX)
    }

    /// Adds bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 ^= u32::from(*byte);
            self.0 = self.0 >> 4 ^ Self::NIBBLE[(self.0 & 15) as usize];
            self.0 = self.0 >> 4 ^ Self::NIBBLE[(self.0 & 15) as usize];
        }
    }

    /// The CRC of all bytes so far.
    #[must_use]
    pub const fn value(self) -> u32 {
        !self.0
    }
}

impl Default for Crc32 {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads `LEAF SUBLEAF: EAX EBX ECX EDX`, each exactly 8 hex digits. `None` if the line is anything else.
#[must_use]
pub fn parse_record(line: &str) -> Option<Record> {
    let (place, values) = line.split_once(':')?;
    let mut place = place.split_ascii_whitespace().map(hex8);
    let mut values = values.split_ascii_whitespace().map(hex8);
    let id = LeafId::new(place.next()??, place.next()??);
    let registers = Registers::new(values.next()??, values.next()??, values.next()??, values.next()??);
    (place.next().is_none() && values.next().is_none()).then_some(Record { id, registers })
}

/// Exactly 8 hex digits.
#[must_use]
pub fn hex8(word: &str) -> Option<u32> {
    let hex = word.len() == 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
    if hex { u32::from_str_radix(word, 16).ok() } else { None }
}

#[cfg(feature = "alloc")]
pub use reader::{TextError, clean_line, has_frame, parse_gap, parse_msr, read_frame};

#[cfg(feature = "alloc")]
mod reader {
    use alloc::borrow::Cow;
    use alloc::format;
    use alloc::string::{String, ToString};
    use core::fmt;

    use super::{Crc32, Gap, GapReason, MAGIC, MsrRecord, hex8, parse_record};
    use crate::coverage::Coverage;
    use crate::dump::{Dump, MAX_VCPUS, Source, VcpuDump};
    use crate::leaf::LeafId;
    use crate::printable::printable;

    /// What is wrong with a text, and in which line (from 1).
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct TextError {
        /// The line, from 1.
        pub line: usize,
        /// What was found and what was expected.
        pub message: String,
    }

    impl fmt::Display for TextError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "line {}: {}", self.line, self.message)
        }
    }

    impl core::error::Error for TextError {}

    /// A line as the tool that printed it meant it: without CR and without ANSI escape sequences.
    #[must_use]
    pub fn clean_line(line: &str) -> Cow<'_, str> {
        if !line.contains(['\r', '\x1b']) {
            return Cow::Borrowed(line);
        }
        let mut clean = String::with_capacity(line.len());
        let mut chars = line.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\r' => {}
                // CSI: ESC [ parameters final-byte; any other escape is two characters.
                '\x1b' => {
                    if chars.next() == Some('[') {
                        while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {}
                    }
                }
                c => clean.push(c),
            }
        }
        Cow::Owned(clean)
    }

    /// Whether `text` holds the beginning of a frame.
    #[must_use]
    pub fn has_frame(text: &str) -> bool {
        text.lines().any(|line| begin(&clean_line(line)).is_some())
    }

    fn begin(line: &str) -> Option<&str> {
        line.trim_start().strip_prefix(MAGIC)?.strip_prefix(" begin ")
    }

    fn end(line: &str) -> Option<&str> {
        line.trim_start().strip_prefix(MAGIC)?.strip_prefix(" end ")
    }

    /// `key=value` of a header line.
    fn value<'a>(words: &'a str, key: &str) -> Option<&'a str> {
        words.split_ascii_whitespace().find_map(|w| w.strip_prefix(key)?.strip_prefix('='))
    }

    /// Reads the one frame in `text`, which may be a noisy console log.
    ///
    /// A frame that begins again before it ended (a guest that was reset) counts from its last begin.
    ///
    /// # Errors
    /// No frame, two frames, a line that does not parse, a vCPU with too few lines (naming the place the walker would
    /// have read next), a wrong CRC.
    pub fn read_frame(text: &str) -> Result<Dump, TextError> {
        let mut frame: Option<Frame> = None;
        let mut done: Option<(usize, Dump)> = None;
        let mut last = 0;
        for (number, line) in text.lines().enumerate().map(|(i, line)| (i + 1, clean_line(line))) {
            last = number;
            if let Some(words) = begin(&line) {
                if let Some((first, _)) = done {
                    let message =
                        format!("a second dump begins here; the first began in line {first}. Keep one of them");
                    return Err(TextError { line: number, message });
                }
                frame = Some(Frame::new(number, words)?);
            } else if let Some(open) = &mut frame {
                if let Some(words) = end(&line) {
                    let begun = open.begun;
                    done = frame.take().map(|f| f.finish(number, words)).transpose()?.map(|dump| (begun, dump));
                } else {
                    open.line(number, line.trim_end());
                }
            }
        }
        match (done, frame) {
            (Some((_, dump)), None) => Ok(dump),
            (_, Some(open)) => Err(open.cut_off(last)),
            (None, None) => {
                Err(TextError { line: last.max(1), message: format!("no `{MAGIC} begin` line, which starts a dump") })
            }
        }
    }

    /// More lines than a vCPU of any dump has.
    const MAX_LINES: usize = 16_384;

    /// A frame that has begun and not ended.
    struct Frame {
        begun: usize,
        announced: usize,
        source: Source,
        crc: Crc32,
        lines: usize,
        dump: Dump,
        /// The open vCPU: the line it began in, its announced and its present line count.
        vcpu: Option<(usize, VcpuDump, usize, usize)>,
        /// The first line that does not parse. Only the frame's end makes it an error: a guest may be reset.
        damaged: Option<TextError>,
        /// The first vCPU with too few lines. A line that does not parse makes the better error.
        short: Option<TextError>,
    }

    impl Frame {
        fn new(number: usize, words: &str) -> Result<Self, TextError> {
            let error = |message: String| TextError { line: number, message };
            let announced = value(words, "vcpus")
                .and_then(|v| v.parse().ok())
                .filter(|n| *n > 0)
                .ok_or_else(|| error(format!("expected `{MAGIC} begin vcpus=N source=WORD`, N at least 1")))?;
            let source = value(words, "source").and_then(Source::from_word).ok_or_else(|| {
                error("expected `source=` native, kvm, boot or import in the frame's first line".to_string())
            })?;
            let dump = Dump::new(source);
            Ok(Self {
                begun: number,
                announced,
                source,
                crc: Crc32::new(),
                lines: 0,
                dump,
                vcpu: None,
                damaged: None,
                short: None,
            })
        }

        fn line(&mut self, number: usize, line: &str) {
            let ours = line.get(..8).is_some_and(|w| hex8(w).is_some())
                || ["vcpu ", "msr ", "gap "].iter().any(|word| line.starts_with(word));
            if !ours || self.damaged.is_some() {
                return;
            }
            self.crc.add(line.as_bytes());
            self.crc.add(b"\n");
            self.lines += 1;
            self.damaged = self.data(number, line).err();
        }

        fn data(&mut self, number: usize, line: &str) -> Result<(), TextError> {
            let error = |message: &str| TextError {
                line: number,
                message: format!("{message}; found `{}`", printable(line, 60)),
            };
            if let Some(words) = line.strip_prefix("vcpu ") {
                self.close_vcpu();
                let header = words
                    .split_once(' ')
                    .and_then(|(n, rest)| Some((n.parse().ok()?, value(rest, "lines")?.parse().ok()?)));
                let (vcpu, lines) = header.ok_or_else(|| error("expected `vcpu N lines=COUNT`"))?;
                if self.dump.vcpus.len() == MAX_VCPUS || lines > MAX_LINES {
                    return Err(error(&format!("expected at most {MAX_VCPUS} vCPUs of {MAX_LINES} lines each")));
                }
                if self.dump.vcpus.iter().any(|v| v.vcpu == vcpu) {
                    return Err(error("this vCPU came before"));
                }
                self.vcpu = Some((number, VcpuDump::new(vcpu), lines, 0));
                return Ok(());
            }
            let Some((_, vcpu, _, count)) = &mut self.vcpu else {
                return Err(error("expected `vcpu N lines=COUNT` before the first register line"));
            };
            *count += 1;
            if *count > MAX_LINES {
                return Err(error(&format!("expected at most {MAX_LINES} lines in a vCPU")));
            }
            if let Some(words) = line.strip_prefix("msr ") {
                let msr = parse_msr(words).ok_or_else(|| error("expected `msr INDEX: HIGH LOW`, each 8 hex digits"))?;
                vcpu.insert_msr(msr).map_err(|_| error("this MSR came before with another value"))
            } else if let Some(words) = line.strip_prefix("gap ") {
                let gap = parse_gap(words)
                    .ok_or_else(|| error("expected `gap LEAF SUBLEAF: REASON` with cap, unreachable, fault or end"))?;
                vcpu.gaps.push(gap);
                Ok(())
            } else {
                let record = parse_record(line)
                    .ok_or_else(|| error("expected `LEAF SUBLEAF: EAX EBX ECX EDX`, each 8 hex digits"))?;
                vcpu.insert(record).map_err(|_| error("this leaf came before with other values"))
            }
        }

        fn close_vcpu(&mut self) {
            let Some((begun, mut vcpu, lines, count)) = self.vcpu.take() else { return };
            if count != lines && self.short.is_none() {
                let missing = Coverage::of(&vcpu).missing.first().map(next_place).unwrap_or_default();
                let message = format!("vcpu {} announces {lines} lines and has {count}{missing}", vcpu.vcpu);
                self.short = Some(TextError { line: begun, message });
            }
            vcpu.gaps.sort_by_key(|gap| gap.id);
            self.dump.vcpus.push(vcpu);
        }

        fn finish(mut self, number: usize, words: &str) -> Result<Dump, TextError> {
            self.close_vcpu();
            if let Some(error) = self.damaged.or(self.short) {
                return Err(error);
            }
            let error = |message: String| TextError { line: number, message };
            if self.dump.vcpus.len() != self.announced {
                let (announced, found) = (self.announced, self.dump.vcpus.len());
                return Err(error(format!("the frame announces vcpus={announced} and has {found}")));
            }
            let lines = value(words, "lines").and_then(|v| v.parse::<usize>().ok());
            if lines != Some(self.lines) {
                return Err(error(format!("expected `lines={}` at the frame's end", self.lines)));
            }
            let crc = value(words, "crc32").and_then(hex8);
            if crc != Some(self.crc.value()) {
                let message = "the lines do not add up to the crc32 of the frame's end: a digit was changed on the way";
                return Err(error(message.to_string()));
            }
            // Ours come in this order; in a frame that somebody put together they may not.
            self.dump.vcpus.sort_by_key(|vcpu| vcpu.vcpu);
            if self.source == Source::Boot {
                // The boot image reads every vCPU there is, or says which it could not reach.
                self.dump.provenance.vcpus_online = u32::try_from(self.dump.vcpus.len()).ok();
            }
            Ok(self.dump)
        }

        fn cut_off(mut self, last: usize) -> TextError {
            self.close_vcpu();
            let message = format!("the dump that began in line {} has no `{MAGIC} end` line", self.begun);
            self.damaged.or(self.short).unwrap_or(TextError { line: last, message })
        }
    }

    fn next_place(id: &LeafId) -> String {
        format!("; next would have been leaf {:08x} subleaf {:08x}", id.leaf, id.ecx())
    }

    /// Reads the words after `msr ` of a line: `INDEX: HIGH LOW`, or `INDEX: fault`.
    #[must_use]
    pub fn parse_msr(words: &str) -> Option<MsrRecord> {
        let (index, value) = words.split_once(':')?;
        let index = hex8(index.trim())?;
        if value.trim() == "fault" {
            return Some(MsrRecord { index, value: None });
        }
        let (high, low) = value.trim().split_once(' ')?;
        let value = u64::from(hex8(high)?) << 32 | u64::from(hex8(low.trim_start())?);
        Some(MsrRecord { index, value: Some(value) })
    }

    /// Reads the words after `gap ` of a line: `LEAF SUBLEAF: REASON`.
    #[must_use]
    pub fn parse_gap(words: &str) -> Option<Gap> {
        let (place, reason) = words.split_once(':')?;
        let (leaf, subleaf) = place.trim().split_once(' ')?;
        let id = LeafId::new(hex8(leaf)?, hex8(subleaf.trim_start())?);
        Some(Gap { id, reason: GapReason::from_word(reason.trim())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_is_iso_hdlc() {
        let mut crc = Crc32::new();
        crc.add(b"123456789");
        assert_eq!(crc.value(), 0xcbf4_3926);
    }

    #[test]
    fn a_record_line_is_read_back() {
        let line = "00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff";
        let record = parse_record(line).unwrap();
        assert_eq!(record.id, LeafId::new(1, 0));
        assert_eq!(record.registers, Registers::new(0x0003_06c1, 0x800, 0xfffa_3227, 0x0fab_fbff));
        for bad in ["", "00000001: 1 2 3 4", "00000001 00000000: 000306c1 00000800 fffa3227 0fabfbf", "x"] {
            assert_eq!(parse_record(bad), None, "{bad}");
        }
    }

    /// A frame that somebody put together: its vCPUs and gaps come in any order, a dump's do not.
    #[cfg(feature = "std")]
    #[test]
    fn what_a_frame_holds_is_in_order() {
        let mut dump = crate::dump::Dump::new(crate::dump::Source::Native);
        for number in [1, 0] {
            let mut vcpu = crate::dump::VcpuDump::new(number);
            vcpu.gaps = [4, 2].map(|leaf| Gap { id: LeafId::new(leaf, 0), reason: GapReason::Fault }).to_vec();
            dump.vcpus.push(vcpu);
        }
        let mut text = alloc::string::String::new();
        write_frame(&mut text, "native", dump.vcpus.iter().map(|v| v.view())).unwrap();
        let read = read_frame(&text).unwrap();
        assert_eq!(read.vcpus.iter().map(|v| v.vcpu).collect::<alloc::vec::Vec<_>>(), [0, 1]);
        assert!(read.vcpus.iter().all(|v| v.gaps.is_sorted_by_key(|gap| gap.id)));
    }
}
