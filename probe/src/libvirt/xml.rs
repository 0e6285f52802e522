//! XML with places: what the readers of this module share.
//!
//! roxmltree does the parsing. Around it: several documents in one file, as concatenated `virsh` output has them, and
//! limits that keep hostile input cheap. A document type definition is refused, so there are no entities to expand.

use std::borrow::ToOwned;
use std::cell::Cell;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use roxmltree::{Document, Node, NodeType, ParsingOptions};

use super::MAX_BYTES;

/// More nodes than any host or domain has.
const MAX_NODES: u32 = 100_000;
/// More attributes than any tag has. The parser's time grows with the square of their number.
const MAX_ATTRIBUTES: usize = 100;
/// libvirt declares a handful of namespaces. The parser's memory grows with their number times the number of elements.
const MAX_NAMESPACES: usize = 64;

/// What is said of a text longer than [`MAX_BYTES`].
pub(super) const TOO_LONG: &str = "longer than 10 MiB, too long for a libvirt CPU or domain XML";

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column, in characters, from 1.
    pub column: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a text was not understood, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmlError {
    /// Where.
    pub at: Position,
    /// What was found and what was expected; one line.
    pub message: String,
}

impl std::fmt::Display for XmlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

impl std::error::Error for XmlError {}

/// Parses `text`, which may hold several documents one after the other, and gives their root elements to `read`.
pub(super) fn parse<T>(
    text: &str,
    read: impl FnOnce(&[Element<'_, '_>]) -> Result<T, XmlError>,
) -> Result<T, XmlError> {
    if text.len() > MAX_BYTES {
        return Err(nothing(TOO_LONG));
    }
    if text.matches("xmlns").take(MAX_NAMESPACES + 1).count() > MAX_NAMESPACES {
        return Err(nothing("too many XML namespaces for a libvirt XML"));
    }
    let wrapped = wrap(text);
    let lines = Lines::of(&wrapped);
    if let Some(tag) = overfull_tag(&wrapped) {
        let message = format!("this tag has more than {MAX_ATTRIBUTES} attributes, too many for libvirt XML");
        return Err(XmlError { at: lines.position(tag), message });
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&wrapped, options).map_err(|e| lines.explain(&e, &wrapped))?;
    if let Some(stray) = stray_text(&document) {
        let blanks = stray.text().map_or(0, |text| text.len() - text.trim_start().len());
        let message = format!("text between elements: '{}'", short(stray.text().unwrap_or_default().trim()));
        return Err(XmlError { at: lines.position(stray.range().start + blanks), message });
    }
    let root = Element { node: document.root_element(), lines: &lines };
    read(&root.children().collect::<Vec<_>>())
}

/// Text beside elements: libvirt writes none, so that the file was damaged, or is not only XML. `<metadata>` is other
/// programs' own.
fn stray_text<'a, 'i>(document: &'a Document<'i>) -> Option<Node<'a, 'i>> {
    let root = document.root_element();
    let is_text = |node: &Node<'_, '_>| node.is_text() && node.text().is_some_and(|text| !text.trim().is_empty());
    let beside = |parent: Node<'_, '_>| parent.children().any(|child| child.is_element());
    let foreign = |node: &Node<'_, '_>| node.ancestors().any(|a| a.tag_name().name() == "metadata");
    root.descendants().filter(is_text).find(|node| node.parent().is_some_and(beside) && !foreign(node))
}

/// What ends the wrapped text.
const END: &str = "\n</documents>";

/// Puts the documents into one element, on lines of its own. XML declarations, allowed only at the very start of a
/// document, become blanks, as does a byte order mark.
fn wrap(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out = String::with_capacity(text.len() + 32);
    out.push_str("<documents>\n");
    let mut rest = text;
    while let Some(at) = rest.find("<?xml") {
        let (before, declaration) = rest.split_at(at);
        out.push_str(before);
        let end = declaration.find('>').map_or(declaration.len(), |end| end + 1);
        let (declaration, after) = declaration.split_at(end);
        if declaration.ends_with("?>") && declaration[5..].starts_with(|c: char| c.is_ascii_whitespace()) {
            out.extend(declaration.chars().map(|c| if c == '\n' { c } else { ' ' }));
        } else {
            out.push_str(declaration);
        }
        rest = after;
    }
    out.push_str(rest);
    out.push_str(END);
    out
}

/// Where a tag with more than [`MAX_ATTRIBUTES`] begins.
fn overfull_tag(text: &str) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text.get(at..)?.find('<') {
        let start = at + found;
        let tag = &text[start..];
        let skipped = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
        if let Some((_, end)) = skipped.iter().find(|(open, _)| tag.starts_with(open)) {
            at = start + tag.find(end)? + end.len();
            continue;
        }
        let (mut quote, mut attributes) = (None, 0);
        let end = tag.bytes().position(|b| {
            match (quote, b) {
                (None, b'>') => return true,
                (None, b'=') => attributes += 1,
                (None, b'"' | b'\'') => quote = Some(b),
                (Some(open), _) if open == b => quote = None,
                _ => {}
            }
            attributes > MAX_ATTRIBUTES
        });
        if attributes > MAX_ATTRIBUTES {
            return Some(start);
        }
        at = start + end?;
    }
    None
}

/// Where the lines of the wrapped text begin.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// A byte, the start of its line and its column: the place asked for last. Places are mostly asked for in order, and
    /// a whole document may be one line.
    last: Cell<(usize, usize, usize)>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts, last: Cell::new((0, 0, 0)) }
    }

    /// The place of a byte, counted in the text as it was before wrapping.
    fn position(&self, at: usize) -> Position {
        let index = self.starts.partition_point(|&start| start <= at).saturating_sub(1);
        let start = self.starts.get(index).copied().unwrap_or(0);
        let (from, before) = match self.last.get() {
            (last, line, column) if line == start && last <= at => (last, column),
            _ => (start, 0),
        };
        let column = before + self.text.get(from..at).map_or(0, |part| part.chars().count());
        self.last.set((at, start, column));
        Position { line: index.max(1) as u32, column: column as u32 + 1 }
    }

    /// A parser's error, reworded where that helps, with the place outside the message.
    fn explain(&self, error: &roxmltree::Error, wrapped: &str) -> XmlError {
        use roxmltree::Error;
        let at = error.pos();
        let at = Position { line: at.row.saturating_sub(1).max(1), column: at.col };
        let message = match error {
            Error::NodesLimitReached => "too many elements for a libvirt XML".into(),
            _ if wrapped.contains("<!DOCTYPE") => {
                let at = self.position(wrapped.find("<!DOCTYPE").unwrap_or(0));
                return XmlError { at, message: "a document type definition is refused; libvirt writes none".into() };
            }
            // Only the wrapper's own last line names this element.
            Error::UnexpectedCloseTag(open, close, _)
                if close == "documents" && at.line as usize >= self.starts.len() - 2 =>
            {
                let at = self.position(wrapped.len() - END.len());
                let message = format!("not well-formed XML: it ends before <{open}> is closed");
                return XmlError { at, message };
            }
            other => {
                let text = other.to_string();
                text.split(" at ").next().unwrap_or(&text).to_owned()
            }
        };
        XmlError { at, message: format!("not well-formed XML: {message}") }
    }
}

/// An element and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a, 'i> {
    node: Node<'a, 'i>,
    lines: &'a Lines<'a>,
}

impl<'a, 'i> Element<'a, 'i> {
    /// Its name. Elements of a foreign namespace have a name that no libvirt element has.
    pub(super) fn name(&self) -> &'a str {
        if self.node.tag_name().namespace().is_some() { ":" } else { self.local_name() }
    }

    /// Its name whatever its namespace.
    pub(super) fn local_name(&self) -> &'a str {
        self.node.tag_name().name()
    }

    /// The URI of its namespace.
    pub(super) fn namespace(&self) -> Option<&'a str> {
        self.node.tag_name().namespace()
    }

    /// Where it begins.
    pub(super) fn position(&self) -> Position {
        self.lines.position(self.node.range().start)
    }

    /// The element as it is written.
    pub(super) fn source(&self) -> &'a str {
        self.node.document().input_text().get(self.node.range()).unwrap_or_default()
    }

    /// The elements in it.
    pub(super) fn children(self) -> impl Iterator<Item = Self> {
        let lines = self.lines;
        self.node.children().filter(|node| node.node_type() == NodeType::Element).map(move |node| Self { node, lines })
    }

    /// The elements of this name in it.
    pub(super) fn all(self, name: &'static str) -> impl Iterator<Item = Self> {
        self.children().filter(move |child| child.name() == name)
    }

    /// The element of this name in it; a second one is an error.
    pub(super) fn one(self, name: &'static str) -> Result<Option<Self>, XmlError> {
        let mut found = self.all(name);
        let first = found.next();
        match found.next() {
            Some(second) => Err(second.error(format!("a second <{name}> in <{}>", self.local_name()))),
            None => Ok(first),
        }
    }

    /// Follows a path of names, the first element of each name.
    pub(super) fn at(self, path: &[&'static str]) -> Option<Self> {
        path.iter().try_fold(self, |element, name| element.all(name).next())
    }

    /// All its text, as libvirt's XPath `string(.)` has it; nothing where that is empty.
    pub(super) fn text(&self) -> Option<String> {
        let text: String = self.node.descendants().filter(|n| n.is_text()).filter_map(|node| node.text()).collect();
        (!text.is_empty()).then_some(text)
    }

    /// An attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.node.attribute(name)
    }

    /// Its attributes, by name, in the order written.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a, 'i> {
        self.node.attributes().map(|attribute| (attribute.name(), attribute.value()))
    }

    /// An attribute that must exist.
    pub(super) fn required(&self, name: &str) -> Result<&'a str, XmlError> {
        let here = || self.error(format!("<{}> has no {name}= attribute", self.local_name()));
        self.attribute(name).filter(|value| !value.is_empty()).ok_or_else(here)
    }

    /// An attribute that is one of a few words.
    pub(super) fn word<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, XmlError> {
        let Some(value) = self.attribute(name) else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == value) {
            Some((_, meaning)) => Ok(Some(*meaning)),
            None => Err(self.bad_value(name, value, &list(words.iter().map(|(word, _)| *word)))),
        }
    }

    /// An attribute that is a number: decimal, or hexadecimal after `0x`, as libvirt takes them.
    pub(super) fn number<T: TryFrom<u64>>(&self, name: &str) -> Result<Option<T>, XmlError> {
        let Some(value) = self.attribute(name) else { return Ok(None) };
        let (digits, radix) = value.strip_prefix("0x").map_or((value, 10), |hex| (hex, 16));
        let digits = Some(digits).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let number =
            digits.and_then(|digits| u64::from_str_radix(digits, radix).ok()).and_then(|n| T::try_from(n).ok());
        number.map(Some).ok_or_else(|| self.bad_value(name, value, "a number"))
    }

    fn bad_value(&self, name: &str, value: &str, expected: &str) -> XmlError {
        self.error(format!("<{}> has {name}='{}', expected {expected}", self.local_name(), short(value)))
    }

    /// Refuses attributes other than these: one that is not understood may change what the element means.
    pub(super) fn only_attributes(&self, known: &[&str]) -> Result<(), XmlError> {
        match self.node.attributes().find(|a| a.namespace().is_some() || !known.contains(&a.name())) {
            Some(attribute) => {
                let at = self.lines.position(attribute.range().start);
                let known = if known.is_empty() { "none".into() } else { list(known.iter().copied()) };
                let message =
                    format!("<{}> has the unknown attribute {}=; known: {known}", self.name(), attribute.name());
                Err(XmlError { at, message })
            }
            None => Ok(()),
        }
    }

    /// Refuses elements in it other than these.
    pub(super) fn only_children(self, known: &[&str]) -> Result<(), XmlError> {
        match self.children().find(|child| !known.contains(&child.name())) {
            Some(child) => {
                let known = if known.is_empty() { "none".into() } else { list(known.iter().copied()) };
                Err(child.error(format!(
                    "unknown element <{}> in <{}>; known: {known}",
                    child.local_name(),
                    self.name()
                )))
            }
            None => Ok(()),
        }
    }

    /// An error about this element.
    pub(super) fn error(&self, message: impl Into<String>) -> XmlError {
        XmlError { at: self.position(), message: message.into() }
    }
}

/// An error about a text that does not hold what was looked for.
pub(super) fn nothing(message: impl Into<String>) -> XmlError {
    XmlError { at: Position { line: 1, column: 1 }, message: message.into() }
}

/// Whether a text can be a name of a feature, a CPU model or a machine: it becomes part of QEMU's command line, where a
/// comma or an equals sign would begin something else. The pattern is that of libvirt's schema (cputypes.rng).
pub(super) fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// "a, b or c".
pub(super) fn list<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<_> = words.collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// A value for a message: one line, not too long.
pub(super) fn short(value: &str) -> String {
    let line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).take(60).collect();
    if value.chars().nth(60).is_some() { format!("{line}…") } else { line }
}
