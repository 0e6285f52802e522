//! `/proc/cpuinfo`: the flags the Linux kernel shows, as statements.
//!
//! This is the kernel's view, not the CPU's: it hides bits, clears what it does not use, adds synthetic flags and has
//! its own names for some bits. No register can be computed from it.

use std::collections::BTreeMap;

use super::line::lines;
use super::{Input, NamesOf, Read, ReadError, Reader, Statements};

pub(super) const READER: Reader = Reader {
    name: "cpuinfo",
    about: "/proc/cpuinfo: the kernel's view, as feature statements",
    recognise,
    read: Read::One(read),
};

fn flags(line: &str) -> Option<&str> {
    line.strip_prefix("flags")?.trim_start().strip_prefix(':')
}

fn recognise(text: &str) -> bool {
    text.contains("flags") && lines(text).any(|(_, line)| flags(line).is_some())
}

/// A flag is on when every processor shows it.
fn read(text: &str) -> Result<Input, ReadError> {
    let mut processors = 0usize;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (_, line) in lines(text) {
        let Some(flags) = flags(line) else { continue };
        processors += 1;
        for flag in flags.split_ascii_whitespace() {
            match seen.get_mut(flag) {
                // The same flag twice in one line counts once.
                Some(count) => *count = processors.min(*count + 1),
                None => {
                    seen.insert(flag.to_string(), 1);
                }
            }
        }
    }
    if processors == 0 {
        return Err(ReadError::whole("no `flags :` line; expected /proc/cpuinfo of an x86 system"));
    }
    let features = seen.into_iter().map(|(flag, count)| (flag, count == processors)).collect();
    Ok(Input::Statements(Statements { names: NamesOf::Linux, features, format: READER.name }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_on_when_every_processor_shows_it() {
        let text = "processor\t: 0\nflags\t\t: fpu vme fpu\nvmx flags\t: vnmi\n\nprocessor\t: 1\nflags\t\t: fpu\n";
        assert!(recognise(text));
        let Ok(Input::Statements(s)) = read(text) else { panic!() };
        assert_eq!(s.features, [("fpu".to_string(), true), ("vme".to_string(), false)]);
        assert!(read("processor : 0").is_err());
    }
}
