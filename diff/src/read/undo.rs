//! What mails, web pages and logs do to a text, undone: wrapped lines, quoted-printable, HTML's escapes, curly quotes,
//! prefixes of `grep -H`, `ts` and journals, prose around one document.

use std::borrow::Cow;

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
    if text.lines().any(goes_on) {
        text = Cow::Owned(joined(&text));
    }
    text
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

/// A text whose register lines all stand behind one prefix (a file's name, a host and a time): without it. Lines without
/// registers lose what is alike with it.
///
/// # Errors
/// The prefixes are of two machines.
pub(super) fn without_prefixes(text: &str) -> Result<Option<String>, ReadError> {
    let mut first: Option<(usize, String)> = None;
    let mut out = String::with_capacity(text.len());
    for (number, line) in (1..).zip(text.lines()) {
        let Some(at) = begins(line).filter(|_| has_registers(line)) else {
            out.push('\n');
            continue;
        };
        let prefix = &line[..at];
        // Times differ by line.
        let shape: String = prefix.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let named: String =
            prefix.split_whitespace().filter(|word| !word.contains(':') || word.ends_with(':')).collect();
        let key = if shape.contains("00:00") { shape } else { named };
        match &first {
            None => first = Some((number, key)),
            Some((before, known)) if *known != key => {
                let message =
                    format!("registers behind another prefix than in line {before}: another machine; keep one a file");
                return Err(ReadError::another(number, message));
            }
            Some(_) => {}
        }
        out.push_str(&line[at..]);
        out.push('\n');
    }
    Ok(first.filter(|(_, key)| key.contains(char::is_alphanumeric)).map(|_| out))
}

/// Where the registers of a line begin: with a leaf in one of the forms of lines.
fn begins(line: &str) -> Option<usize> {
    let is_hex = |text: &str| text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let starts =
        line.char_indices().filter(|(at, _)| *at == 0 || !line[..*at].ends_with(|c: char| c.is_ascii_alphanumeric()));
    starts.map(|(at, _)| at).find(|at| {
        let rest = &line[*at..];
        let hex = |from: usize| rest.get(from..from + 8).is_some_and(is_hex);
        rest.starts_with("0x")
            && hex(2)
            && rest.get(10..13).is_some_and(|next| next == " 0x" || next == ": e" || next == ": E")
            || hex(0) && rest.get(8..9) == Some(" ") && hex(9)
            || rest.starts_with("CPUID ") && hex(6)
    })
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
            RAW.replace('=', "=3D"),
            RAW.replace('=', "=3D").replace(" ecx", " =\necx"),
            RAW.replace(' ', "&nbsp;"),
            RAW.replace(' ', "\u{a0}"),
        ] {
            assert_eq!(read(text.as_bytes(), None), exact, "{text}");
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
    fn one_prefix_is_taken_off_and_two_are_two_machines() {
        let with = |prefix: &str| RAW.lines().map(|line| format!("{prefix}{line}\n")).collect::<String>();
        for prefix in ["node1.txt:", "Nov 26 10:00:01 node1 cpuid[812]: ", "2026-01-01T00:00:00Z ", "[   12.3456] "] {
            assert_eq!(leaves(&with(prefix)), Ok(2), "{prefix}");
        }
        let error = leaves(&(with("node1.txt:") + &with("node2.txt:"))).expect_err("two");
        assert!(error.contains("another"), "{error}");
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
