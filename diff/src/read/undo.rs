//! What mails and web pages do to a text, undone: wrapped lines, quoted-printable, HTML's escapes, curly quotes, prose
//! around one document.

use std::borrow::Cow;

use super::line::{self, Line};
use super::{ReadError, has_registers, skip};

/// A text without what a mailer or a web page did to its characters and lines. Lines keep their numbers.
pub(super) fn undone(mut text: Cow<'_, str>) -> Cow<'_, str> {
    if is_quoted_printable(&text) {
        text = Cow::Owned(from_quoted_printable(&text));
    }
    let escaped = ["&lt;", "&quot;", "&#39;", "&#x27;", "&nbsp;"].iter().any(|escape| text.contains(escape))
        || text.contains("-&gt;") && !text.contains("->");
    if escaped && !text.trim_start().starts_with('<') {
        let plain = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#39;", "'"),
            ("&#x27;", "'"),
            ("&nbsp;", " "),
            ("&amp;", "&"),
        ];
        text = Cow::Owned(plain.iter().fold(text.into_owned(), |text, (escape, sign)| text.replace(escape, sign)));
    }
    if text.contains(['\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}']) {
        text = Cow::Owned(text.replace(['\u{201c}', '\u{201d}'], "\"").replace(['\u{2018}', '\u{2019}'], "'"));
    }
    if text.contains("&#") && !text.trim_start().starts_with('<') {
        text = Cow::Owned(from_numbers(&text));
    }
    if text.lines().any(goes_on) {
        text = Cow::Owned(joined(&text));
    }
    if let Some(whole) = unbroken(&text) {
        text = Cow::Owned(whole);
    }
    text
}

/// A text with HTML's characters by number (`&#61;`, `&#x3d;`) as these characters.
fn from_numbers(text: &str) -> String {
    let mut parts = text.split("&#");
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let read = part.split_once(';').and_then(|(number, rest)| {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            Some((char::from_u32(code).filter(|c| !c.is_control())?, rest))
        });
        match read {
            Some((c, rest)) => {
                out.push(c);
                out.push_str(rest);
            }
            None => {
                out.push_str("&#");
                out.push_str(part);
            }
        }
    }
    out
}

/// At most this many lines are one.
const PIECES: usize = 4;

/// A text whose register lines were wrapped at a blank, as mailers do, or at a column, as `fold` and consoles do, with
/// those that are exact again once they are joined; `None` where there are none. A word that is short elsewhere is damaged,
/// whatever the line below it holds. Lines keep their numbers.
fn unbroken(text: &str) -> Option<String> {
    let is_rest = |line: &str| {
        let line = line.trim();
        let is_part = |b: u8| b.is_ascii_hexdigit() || b"xX=: \t".contains(&b);
        !line.is_empty() && line.len() < 80 && line.bytes().all(is_part) && !has_registers(line)
    };
    let lines: Vec<&str> = text.lines().collect();
    let column = column(&lines);
    let mut out: Vec<Cow<'_, str>> = Vec::new();
    let (mut at, mut any) = (0, false);
    while let Some(first) = lines.get(at) {
        let pieces = lines[at + 1..].iter().take(PIECES - 1).take_while(|line| is_rest(line)).count();
        match whole_line(&lines[at..=at + pieces], column) {
            Some((whole, pieces)) => {
                any = true;
                out.push(Cow::Owned(whole));
                out.extend(std::iter::repeat_n(Cow::Borrowed(""), pieces));
                at += pieces;
            }
            None => out.push(Cow::Borrowed(first)),
        }
        at += 1;
    }
    any.then(|| out.join("\n") + "\n")
}

/// The column that lines may have been cut at: the length of the longest, if more than one are as long.
fn column(lines: &[&str]) -> Option<usize> {
    let longest = lines.iter().map(|line| line.len()).max()?;
    (lines.iter().filter(|line| line.len() == longest).count() > 1).then_some(longest)
}

/// A register line that was wrapped into the first of `pieces` and some of those behind it, and how many these are. Words are
/// whole, but for those that end at `column`.
fn whole_line(pieces: &[&str], column: Option<usize>) -> Option<(String, usize)> {
    let is_begun = |line: &str| [line::raw, line::bare].iter().any(|form| form(line).is_err());
    let is_whole =
        |line: &str| [line::raw, line::bare].iter().any(|form| matches!(form(line), Ok(Some(Line::Leaf(..)))));
    let first = pieces.first().filter(|first| pieces.len() > 1 && is_begun(first.trim()))?;
    let mut begun = vec![first.trim().to_string()];
    for (count, pair) in (1..).zip(pieces.windows(2)) {
        let signs: &[&str] = if Some(pair[0].len()) == column { &[" ", ""] } else { &[" "] };
        begun =
            begun.iter().flat_map(|line| signs.iter().map(move |s| format!("{line}{s}{}", pair[1].trim()))).collect();
        if let Some(whole) = begun.iter().find(|line| is_whole(line)) {
            return Some((whole.clone(), count));
        }
    }
    None
}

/// A soft line break, or an encoded `=` before a register's value.
fn is_quoted_printable(text: &str) -> bool {
    text.contains("=3D")
        && (text.contains("=3D0x")
            || text.contains("=3D\"")
            || text.contains("=3D'")
            || text.contains(" =3D ")
            || text.contains("=\n"))
}

/// Lines that were broken for it leave empty ones behind.
pub(super) fn from_quoted_printable(text: &str) -> String {
    let mut bytes: Vec<u8> = Vec::with_capacity(text.len());
    // A soft break joins two lines; the empty ones behind keep the numbers.
    let mut owed = 0;
    for line in text.lines() {
        let soft = line.trim_end_matches('\r').ends_with('=');
        let line = line.trim_end_matches('\r');
        let line = if soft { &line[..line.len() - 1] } else { line };
        let mut rest = line;
        while let Some(at) = rest.find('=') {
            bytes.extend_from_slice(&rest.as_bytes()[..at]);
            let hex = rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
            match hex {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &rest[at + 3..];
                }
                None => {
                    bytes.push(b'=');
                    rest = &rest[at + 1..];
                }
            }
        }
        bytes.extend_from_slice(rest.as_bytes());
        if soft {
            owed += 1;
        } else {
            bytes.extend(std::iter::repeat_n(b'\n', owed + 1));
            owed = 0;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A line that a mailer broke off the one above: it begins with a register of `cpuid -r`, which no line does.
fn goes_on(line: &str) -> bool {
    let line = line.trim_start();
    ["eax=0x", "ebx=0x", "ecx=0x", "edx=0x"].iter().any(|head| line.starts_with(head))
}

fn joined(text: &str) -> String {
    let mut lines: Vec<Cow<'_, str>> = Vec::new();
    // The last line that is not empty.
    let mut above = None;
    for line in text.lines() {
        match above.and_then(|above: usize| lines.get_mut(above)).filter(|_| goes_on(line)) {
            Some(above) => {
                let whole = above.to_mut();
                whole.truncate(whole.trim_end().len());
                whole.push(' ');
                whole.push_str(line.trim());
                // Lines keep their numbers.
                lines.push(Cow::Borrowed(""));
            }
            None => {
                if !line.trim().is_empty() {
                    above = Some(lines.len());
                }
                lines.push(Cow::Borrowed(line));
            }
        }
    }
    lines.join("\n") + "\n"
}

/// The one document of JSON or XML, of those that `is_one` takes, in a text with prose around it, and its first line
/// (from 0).
///
/// # Errors
/// There are several, or registers beside it.
pub(super) fn document(text: &str, is_one: fn(&str) -> bool) -> Result<Option<(usize, &str)>, ReadError> {
    const ROOTS: [&str; 6] = ["<cpudata", "<cpu", "<domain", "<capabilities", "<domainCapabilities", "<domainsnapshot"];
    let mut found: Option<(usize, &str)> = None;
    let mut at = 0;
    let mut until = 0;
    // What no document ends before is looked at once: where each element is closed next, and the line up to which the last
    // JSON was JSON.
    let mut closes = [Some(0); ROOTS.len()];
    let mut broken = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        if start < until {
            continue;
        }
        let rest = &text[start..];
        let end = if rest.starts_with('{') {
            if number < broken {
                continue;
            }
            let mut documents = serde_json::Deserializer::from_str(rest).into_iter::<serde::de::IgnoredAny>();
            match documents.next() {
                Some(Ok(_)) => Some(documents.byte_offset()),
                Some(Err(e)) => {
                    broken = number + e.line().saturating_sub(1);
                    None
                }
                None => None,
            }
        } else {
            let is_root = |(root, _): &(&&str, _)| {
                rest.strip_prefix(**root).is_some_and(|rest| rest.starts_with([' ', '>', '\n', '\t', '/']))
            };
            ROOTS.iter().zip(&mut closes).find(is_root).and_then(|(root, next)| {
                if next.is_some_and(|end| end <= start) {
                    let close = format!("</{}>", &root[1..]);
                    *next = rest.find(&close).map(|at| start + at + close.len());
                }
                next.map(|end| end - start)
            })
        };
        let Some(end) = end.filter(|end| is_one(&rest[..*end])) else { continue };
        if let Some((first, _)) = found {
            let message = format!("a second document, after that of line {}; keep one a file", first + 1);
            return Err(ReadError::another(number + 1, message));
        }
        until = start + end;
        found = Some((number, &rest[..end]));
    }
    // A whole document is no part of a text.
    let part = found.filter(|(_, document)| document.len() < text.trim().len());
    if let Some((first, document)) = part {
        let within = first..first + document.lines().count();
        for (number, line) in text.lines().enumerate().filter(|(number, _)| !within.contains(number)) {
            skip(number + 1, line)?;
        }
    }
    Ok(part)
}

#[cfg(test)]
mod tests {
    use super::super::{Input, read};

    const RAW: &str = "CPU:\n   0x00000000 0x00: eax=0x0000000d ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n   0x00000001 0x00: \
                       eax=0x000306c1 ebx=0x00000800 ecx=0x7ffa3227 edx=0x0fabfbff\n";

    fn leaves(text: &str) -> Result<usize, String> {
        match read(text.as_bytes(), None) {
            Ok(Input::Dump(dump)) => Ok(dump.vcpus.iter().map(|v| v.leaves().len()).sum()),
            Ok(other) => panic!("{other:?}"),
            Err(e) => Err(e.to_string()),
        }
    }

    #[test]
    fn what_a_mailer_did_is_undone() {
        let exact = read(RAW.as_bytes(), None);
        for text in [
            RAW.replace(" ecx=", "\necx="),
            RAW.replace(" edx=", " \n\nedx="),
            RAW.replace('=', "&#61;"),
            RAW.replace('=', "&#x3D;"),
            RAW.replace('=', "=3D"),
            RAW.replace('=', "=3D").replace(" ecx", " =\necx"),
            RAW.replace(' ', "&nbsp;"),
            RAW.replace(' ', "\u{a0}"),
        ] {
            assert_eq!(read(text.as_bytes(), None), exact, "{text}");
        }
        let bare = "00000000 00000000: 0000000d 756e6547 6c65746e 49656e69\n00000001 00000000: 000306c1 00000800 7ffa3227 0fabfbff\n";
        for text in [bare.replace(" 49656e69", "\n49656e69"), bare.replace(" 7ffa3227", " \n7ffa3227")] {
            assert_eq!(read(text.as_bytes(), None), read(bare.as_bytes(), None), "{text}");
        }
        // `fold -w 40`, and a console that wraps.
        for (text, whole) in [(RAW, &exact), (bare, &read(bare.as_bytes(), None))] {
            for width in [30, 40, 48] {
                let cut = |line: &str| {
                    line.as_bytes().chunks(width).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n")
                };
                let text: Vec<String> = text.lines().map(cut).collect();
                assert_eq!(&read(text.join("\n").as_bytes(), None), whole, "{width}: {text:?}");
            }
        }
        // Elsewhere a word in two pieces is a damaged one, and a line below it that would fit.
        for damaged in [
            bare.replace(" 49656e69", " 49656e6\n9"),
            bare.replace(" 6c65746e", " 6c65\n746e"),
            RAW.replace(" edx=0x49656e69", " edx=0x49656e6\n9"),
            RAW.replace(" ecx=0x7ffa3227", " ecx=0x7ff\na3227"),
            RAW.replace(" edx=0x0fabfbff", " ed\nx=0x0fabfbff"),
        ] {
            assert!(leaves(&damaged).is_err(), "{damaged}");
        }
        let cut = RAW.replace(" edx=0x0fabfbff", " edx=0x0fab");
        assert!(leaves(&cut).is_err_and(|e| e.starts_with("3:")));
    }

    #[test]
    fn a_document_in_prose_is_found() {
        let xml = "<cpudata arch='x86'>\n<cpuid eax_in='0x1' eax='0x1' ebx='0x2' ecx='0x3' edx='0x4'/>\n</cpudata>";
        for text in [
            format!("Hello,\n\n```xml\n{xml}\n```\nregards"),
            format!("node 1:\n{}\n", xml.replace('<', "&lt;").replace('>', "&gt;")),
            format!("see below\n{xml}\n"),
        ] {
            assert_eq!(leaves(&text), Ok(1), "{text}");
        }
        assert!(leaves(&format!("a\n{xml}\nb\n{xml}\n")).is_err_and(|e| e.starts_with("6: a second document")));
    }

    #[test]
    fn a_document_does_not_hide_the_registers_beside_it() {
        let xml = "<cpu mode=\"custom\"><model>EPYC</model></cpu>";
        let error =
            leaves(&format!("0x00000001 0x00: eax=0x000306c1 ebx=0x00000800 ecx=0x7ffa3227 edx=0x0fabfbff\n{xml}\n"));
        assert!(error.expect_err("two things").contains("not part of this dump"));
        // What begins above it and has no end hides nothing either.
        for above in ["{\"a\": 1,\n", "{\n", "<cpudata>\n"] {
            let text = format!("{above}{xml}\n");
            let found = super::document(&text, |_| true).expect("one document");
            assert_eq!(found, Some((above.lines().count(), xml)), "{text}");
        }
        // Prose beside it hides nothing.
        let prose = format!("my CPU:\n{xml}\nthanks\n");
        assert_eq!(super::document(&prose, |_| true).expect("one document"), Some((1, xml)));
    }
}
