//! A mail as a file (`.eml`): the one of its parts that is an input, as it was before it was sent.
//!
//! # Source
//! RFC 2045 (encodings) and RFC 2046, section 5.1 (parts and their boundaries).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{READERS, ReadError, is_document, undo};

/// A part that has no parts: its first line (from 0), what it is, and its text as it was sent.
struct Part<'a> {
    line: usize,
    header: Header,
    lines: Vec<&'a str>,
}

/// What a header says of what stands below it; its first line is not part of it.
#[derive(Default)]
struct Header {
    kind: String,
    encoding: String,
    boundary: Option<String>,
    name: Option<String>,
}

/// Parts within parts, at most.
const DEPTH: usize = 8;

/// The header of `lines`, and how many lines it has with the empty one below it. Nothing where no header stands.
fn header(lines: &[&str]) -> Option<(Header, usize)> {
    let end = lines.iter().position(|line| line.trim().is_empty())?;
    let mut fields: Vec<String> = Vec::new();
    for (n, line) in lines[..end].iter().enumerate() {
        match fields.last_mut() {
            Some(field) if line.starts_with([' ', '\t']) => field.push_str(line),
            _ if n == 0 && begins_mailbox(line) => {}
            _ if is_field(line) => fields.push((*line).to_string()),
            _ => return None,
        }
    }
    let mut header = Header::default();
    for field in &fields {
        let (name, value) = field.split_once(':')?;
        match name.to_ascii_lowercase().as_str() {
            "content-type" => {
                header.kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
                header.boundary = parameter(value, "boundary=");
                header.name = header.name.or_else(|| parameter(value, "name="));
            }
            "content-transfer-encoding" => header.encoding = value.trim().to_ascii_lowercase(),
            "content-disposition" => header.name = parameter(value, "filename=").or(header.name),
            _ => {}
        }
    }
    Some((header, end + 1))
}

/// The line that begins a mail in a mailbox.
fn begins_mailbox(line: &str) -> bool {
    line.starts_with("From ")
}

fn is_field(line: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    line.split_once(':').is_some_and(|(name, _)| is_name(name))
}

/// The value of a parameter such as `boundary="x"`.
fn parameter(value: &str, name: &str) -> Option<String> {
    let at = value.to_ascii_lowercase().find(name)? + name.len();
    let rest = value.get(at..)?;
    let word = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split(|c: char| c == ';' || c.is_whitespace()).next(),
    };
    word.filter(|word| !word.is_empty()).map(str::to_string)
}

/// The parts below a header, those of parts too. HTML beside the same in plain text is left out.
fn split<'a>(header: Header, lines: &[&'a str], line: usize, depth: usize, parts: &mut Vec<Part<'a>>) {
    let Some(boundary) = header.boundary.as_ref().filter(|_| header.kind.starts_with("multipart/") && depth > 0) else {
        parts.push(Part { line, header, lines: lines.to_vec() });
        return;
    };
    let open = format!("--{boundary}");
    let close = format!("{open}--");
    let mut begin = None;
    let is_mark = |line: &str| [&open, &close].iter().any(|mark| line.trim_end() == mark.as_str());
    let marks = lines.iter().enumerate().filter(|(_, line)| is_mark(line));
    for at in marks.map(|(at, _)| at).chain([lines.len()]) {
        if let Some(begin) = begin
            && let Some(inner) = lines.get(begin..at)
        {
            let (own, below) = self::header(inner).unwrap_or_default();
            if !(header.kind == "multipart/alternative" && own.kind == "text/html") {
                split(own, &inner[below..], line + begin + below, depth - 1, parts);
            }
        }
        begin = lines.get(at).filter(|mark| mark.trim_end() == open).map(|_| at + 1);
    }
}

impl Part<'_> {
    /// The text before it was sent, below as many empty lines as stand above it in the mail.
    fn text(&self) -> Option<String> {
        let above = "\n".repeat(self.line);
        let text = self.lines.join("\n") + "\n";
        match self.header.encoding.as_str() {
            "base64" => {
                let packed: String = text.split_ascii_whitespace().collect();
                let bytes = STANDARD.decode(packed).ok()?;
                String::from_utf8(bytes).ok().map(|text| above + &text.replace("\r\n", "\n"))
            }
            "quoted-printable" => Some(above + &undo::from_quoted_printable(&text)),
            _ => Some(above + &text),
        }
    }

    fn called(&self) -> String {
        self.header.name.as_ref().map(|name| format!(" (`{}`)", super::shorten(name))).unwrap_or_default()
    }
}

/// The part of a mail that is an input; nothing where the text is no mail with parts or an encoding.
///
/// # Errors
/// Two parts are inputs. A part cannot be read.
pub(super) fn part(text: &str) -> Result<Option<String>, ReadError> {
    // Every input comes by here, and few are mails.
    if !text.lines().next().is_some_and(|first| begins_mailbox(first) || is_field(first)) {
        return Ok(None);
    }
    let lines: Vec<&str> = text.lines().collect();
    let Some((header, below)) = header(&lines) else { return Ok(None) };
    if header.boundary.is_none() && header.encoding != "base64" || header.kind.is_empty() {
        return Ok(None);
    }
    let mut parts = Vec::new();
    split(header, &lines[below..], below, DEPTH, &mut parts);
    let mut found: Option<(String, String)> = None;
    for part in parts.iter().filter(|part| !part.header.kind.starts_with("image/")) {
        let line = part.line + 1;
        let Some(text) = part.text() else {
            let message = format!("this part of the mail{} is no text; save it, and give the file", part.called());
            return Err(ReadError::at(line, message));
        };
        let plain = text.trim_start();
        if !is_document(plain) && !READERS.iter().any(|reader| (reader.recognise)(&text)) {
            super::skip_all(&text)?;
            continue;
        }
        if let Some((_, first)) = &found {
            let message = format!(
                "this part of the mail{} is an input, and so is that of {first}; save them as files, and give one",
                part.called()
            );
            return Err(ReadError::another(line, message));
        }
        found = Some((text, format!("line {line}{}", part.called())));
    }
    Ok(found.map(|(text, _)| text))
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    const RAW: &str = "CPU:\n   0x00000000 0x00: eax=0x0000000d ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n";

    fn mail(parts: &[(&str, &str)]) -> String {
        let mut mail = "From: a@example.org\nSubject: cpuid\nMIME-Version: 1.0\nContent-Type: multipart/mixed;\n \
                        boundary=\"=_x1\"\n\nThis is a mail of several parts.\n"
            .to_string();
        for (header, text) in parts {
            mail += &format!("--=_x1\n{header}\n\n{text}\n");
        }
        mail + "--=_x1--\n"
    }

    const TEXT: &str = "Content-Type: text/plain; charset=utf-8";

    #[test]
    fn the_part_that_is_an_input_is_read() {
        let exact = read(RAW.as_bytes(), None);
        assert!(exact.is_ok());
        let packed = STANDARD.encode(RAW);
        let quoted = RAW.replace('=', "=3D").replace(" ecx", " =\necx");
        for (encoding, text) in [("7bit", RAW), ("base64", &packed), ("quoted-printable", &quoted)] {
            let attached = format!("{TEXT}; name=\"a.txt\"\nContent-Transfer-Encoding: {encoding}");
            let text = mail(&[(TEXT, "Hello, see below."), (&attached, text)]);
            for text in [text.replace('\n', "\r\n"), text] {
                assert_eq!(read(text.as_bytes(), None), exact, "{text}");
            }
        }
        let alone = format!("From: a\n{TEXT}\nContent-Transfer-Encoding: base64\n\n{packed}\n");
        assert_eq!(read(alone.as_bytes(), None), exact);
        let both = format!("--i\n{TEXT}\n\n{RAW}\n--i\nContent-Type: text/html\n\n<p>{RAW}</p>\n--i--\n");
        let alternative = mail(&[("Content-Type: multipart/alternative; boundary=i", &both)]);
        assert_eq!(read(alternative.as_bytes(), None), exact);
    }

    #[test]
    fn two_inputs_and_what_cannot_be_read_are_refused() {
        let refused = |parts: &[(&str, &str)]| read(mail(parts).as_bytes(), None).expect_err("refused").to_string();
        let other = RAW.replace("0x0000000d", "0x00000007");
        let named = format!("{TEXT}; name=b.txt");
        let said = refused(&[(TEXT, RAW), (&named, &other)]);
        assert!(said.starts_with("17: ") && said.contains("b.txt") && said.contains("line 11"), "{said}");
        let packed = "Content-Type: application/gzip; name=a.gz\nContent-Transfer-Encoding: base64";
        let said = refused(&[(TEXT, RAW), (packed, "H4sIAAAAAAAAA/8=")]);
        assert!(said.contains("`a.gz`") && said.contains("is no text"), "{said}");
        let said = refused(&[(TEXT, RAW), (TEXT, "1: a=0000000d b=756e6547 c=6c65746e d=49656e69")]);
        assert!(said.contains("not part of this dump"), "{said}");
    }
}
