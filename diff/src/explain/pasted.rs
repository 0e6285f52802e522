//! Pasted text: lines of logs, lists of names. Each thing that it names is found once.

use cpuid_probe::Register;
use cpuid_probe::place::{BitRange, Place, Query};
use cpuid_probe::printable::printable;

use super::messages::{MESSAGES, Message, Named};
use crate::check::evidence::Log;

/// Something that a text names or says.
#[derive(Debug, Default)]
pub(super) struct Thing {
    /// What is shown as the question: a name, or the line.
    pub term: String,
    /// What is to be answered; empty where there are sentences alone.
    pub asks: Vec<Ask>,
    /// Labelled sentences.
    pub said: Vec<(&'static str, String)>,
}

/// A question that a thing leads to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    /// A name.
    Name(String),
    /// A place.
    At(Query),
    /// A name, else the place.
    Both(String, Query),
}

/// The most characters of a line that are shown.
const SHOWN: usize = 200;

/// Everything that a text names or says, each once, in its order: messages first, as they give the names their sense.
pub(super) fn things(text: &str) -> Vec<Thing> {
    let mut things: Vec<Thing> = Vec::new();
    let log = Log::read(text);
    let mut kinds: Vec<*const Message> = Vec::new();
    let pieces: Vec<String> = pieces(text);
    for piece in &pieces {
        let lower = piece.to_ascii_lowercase();
        // A warning that names its bit is read whole below.
        if lower.contains("[bit ") {
            continue;
        }
        let Some(message) = MESSAGES.iter().find(|m| m.words.iter().all(|word| lower.contains(word))) else { continue };
        let names = named(message, piece, &lower);
        let names: Vec<Ask> = names.into_iter().filter(|ask| !things.iter().any(|t| t.asks.contains(ask))).collect();
        let first = !kinds.contains(&std::ptr::from_ref(message));
        if first {
            kinds.push(message);
            let said = vec![
                ("says", message.says.to_string()),
                ("fix", message.fix.to_string()),
                ("source", message.source.to_string()),
            ];
            things.push(Thing { term: printable(piece.trim(), SHOWN), asks: Vec::new(), said });
        }
        things.extend(names.into_iter().map(|ask| Thing { term: ask.words(), asks: vec![ask], said: Vec::new() }));
    }
    things.extend(snp(&pieces));
    for announced in log.announcements {
        let (name, at) = announced.asked();
        let ask = match (name, at) {
            (Some(name), Some(at)) => Ask::Both(name.to_string(), at),
            (Some(name), None) => Ask::Name(name.to_string()),
            (None, Some(at)) => Ask::At(at),
            (None, None) => continue,
        };
        if things.iter().any(|t| t.asks.contains(&ask)) {
            continue;
        }
        let said = vec![("said", printable(&announced.line, SHOWN))];
        things.push(Thing { term: ask.words(), asks: vec![ask], said });
    }
    for odd in log.odd {
        let said = vec![("says", "looks like a message about a feature, and is not understood".to_string())];
        things.push(Thing { term: printable(&odd, SHOWN), asks: Vec::new(), said });
    }
    things
}

impl Ask {
    fn words(&self) -> String {
        match self {
            Self::Name(name) | Self::Both(name, _) => name.clone(),
            Self::At(Query::Cpuid { leaf, subleaf, register, bits }) => {
                let id = cpuid_probe::LeafId::new(*leaf, subleaf.unwrap_or(0));
                let register = register.map(|r| format!(" {r}")).unwrap_or_default();
                let bits = bits.map(|bits| {
                    if bits.is_one() { format!("[{}]", bits.lo) } else { format!("[{}:{}]", bits.hi, bits.lo) }
                });
                format!("{id}{register}{}", bits.unwrap_or_default())
            }
            Self::At(Query::Msr { index, .. }) => format!("msr {index:#x}"),
        }
    }
}

/// The lines of a text, and those that are inside a string of JSON.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    for line in text.lines() {
        for piece in line.replace("\\\\n", "\\n").replace("\\r", "").replace("\\u0027", "'").split("\\n") {
            if !piece.trim().is_empty() {
                pieces.push(piece.to_string());
            }
        }
    }
    pieces
}

/// What the text says a message is about.
fn named(message: &Message, piece: &str, lower: &str) -> Vec<Ask> {
    match message.names {
        Named::Nothing => Vec::new(),
        Named::After(words) => match lower.find(words) {
            Some(at) => names_after(&piece[at + words.len()..]),
            None => Vec::new(),
        },
        Named::Label(prefix) => {
            let name = |at: usize| {
                let rest = &piece[at + prefix.len()..];
                let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
                Some(rest[..end].trim_end_matches('.').to_string()).filter(|name| !name.is_empty())
            };
            lower.match_indices(prefix).filter_map(|(at, _)| name(at)).map(Ask::Name).collect()
        }
        Named::Msr => {
            let after = lower.find("msr").map(|at| &lower[at + 3..]).unwrap_or_default();
            let hex = after.split(|c: char| !c.is_ascii_alphanumeric()).find_map(|word| word.strip_prefix("0x"));
            let index = hex.and_then(|hex| u32::from_str_radix(hex, 16).ok());
            index.map(|index| Ask::At(Query::Msr { index, bits: None })).into_iter().collect()
        }
        Named::LeafValues => leaf_values(lower),
    }
}

const fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// The names at the beginning of a text: `: 'a'`, ` a, b`.
fn names_after(text: &str) -> Vec<Ask> {
    let mut rest = text.trim_start_matches(|c: char| !is_name(c) || c == '-' || c == '.');
    let mut names = Vec::new();
    loop {
        let end = rest.find(|c: char| !is_name(c)).unwrap_or(rest.len());
        let name = rest[..end].trim_end_matches('.');
        if name.is_empty() || ["missing", "is", "not", "for", "on", "flag"].contains(&name) {
            break;
        }
        names.push(Ask::Name(name.to_string()));
        match rest[end..].strip_prefix(',') {
            Some(next) if names.len() < 500 => rest = next.trim_start(),
            _ => break,
        }
    }
    names
}

/// The number after `key`, hexadecimal with `0x`.
fn number_after(text: &str, key: &str) -> Option<u32> {
    let after = &text[text.find(key)? + key.len()..];
    let word = after.trim_start_matches(|c: char| "=: '\"".contains(c));
    let end = word.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(word.len());
    match word[..end].strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => word[..end].parse().ok(),
    }
}

fn register_after(text: &str, key: &str) -> Option<Register> {
    let after = text[text.find(key)? + key.len()..].trim_start_matches(|c: char| "=: '\"".contains(c));
    Register::ALL.into_iter().find(|r| after.starts_with(&r.name().to_ascii_lowercase()))
}

/// The bits that two values have unlike, or the whole register.
fn bits_of(leaf: u32, subleaf: u32, register: Register, a: u32, b: u32) -> Vec<Ask> {
    let at = |bit: u8| {
        let bits = Some(BitRange::one(bit));
        Ask::At(Query::Cpuid { leaf, subleaf: Some(subleaf), register: Some(register), bits })
    };
    (0..32).filter(|bit| (a ^ b) >> bit & 1 == 1).map(at).collect()
}

fn leaf_values(lower: &str) -> Vec<Ask> {
    let Some(leaf) = number_after(lower, "leaf") else { return Vec::new() };
    let subleaf = number_after(lower, "subleaf");
    let register = register_after(lower, "register");
    let values = (number_after(lower, "source vm feature"), number_after(lower, "destination vm feature"));
    if let (Some(register), (Some(a), Some(b))) = (register, values) {
        // What the source has and the destination has not.
        let lost = bits_of(leaf, subleaf.unwrap_or(0), register, a, a & b);
        if !lost.is_empty() {
            return lost;
        }
    }
    vec![Ask::At(Query::Cpuid { leaf, subleaf, register, bits: None })]
}

/// SEV-SNP's refusals of the CPUID page: which register of which leaf, and both values.
fn snp(pieces: &[String]) -> Vec<Thing> {
    let mut things = Vec::new();
    for (n, piece) in pieces.iter().enumerate() {
        let lower = piece.to_ascii_lowercase();
        if !lower.contains("cpuid validation failed") {
            continue;
        }
        let (Some(leaf), subleaf) = (number_after(&lower, "function"), number_after(&lower, "index").unwrap_or(0))
        else {
            continue;
        };
        let values = |key: &str| -> Option<[u32; 4]> {
            let line = pieces[n..].iter().take(6).map(|p| p.to_ascii_lowercase()).find(|p| p.contains(key))?;
            let one = |register: Register| number_after(&line, &format!("{}:", register.name().to_ascii_lowercase()));
            Some([one(Register::Eax)?, one(Register::Ebx)?, one(Register::Ecx)?, one(Register::Edx)?])
        };
        let (Some(provided), Some(expected)) = (values("provided"), values("expected")) else {
            let ask = Ask::At(Query::Cpuid { leaf, subleaf: Some(subleaf), register: None, bits: None });
            things.push(Thing { term: ask.words(), asks: vec![ask], said: Vec::new() });
            continue;
        };
        for (register, (a, b)) in Register::ALL.into_iter().zip(provided.into_iter().zip(expected)) {
            if a == b {
                continue;
            }
            let place = Place::cpuid(leaf, subleaf, register, 31, 0);
            let said = vec![("said", format!("{}: provided {a:#010x}, expected {b:#010x}", place.prose()))];
            things.push(Thing { term: place.to_string(), asks: bits_of(leaf, subleaf, register, a, b), said });
        }
    }
    things
}
