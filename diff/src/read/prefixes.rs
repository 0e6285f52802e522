//! What `grep -H`, `ts`, a journal, a console or a terminal's list put before the lines of a text, taken off.

use super::{ReadError, skip};

/// The places at which lines may begin, where a prefix stands before all of them: the shorter before the longer.
const MOST: usize = 16;
/// A prefix is no longer than this, in bytes.
const LONGEST: usize = 160;

/// The texts that a text may be without the prefix of its lines, the shorter prefix first. Lines keep their numbers.
///
/// # Errors
/// The prefixes are of two machines.
pub(super) fn candidates(text: &str) -> impl Iterator<Item = Result<String, ReadError>> {
    ends(text).into_iter().map(move |end| without(text, end))
}

/// Where a prefix that all lines have, but for their numbers and times, may end.
fn ends(text: &str) -> Vec<usize> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return Vec::new() };
    let mut common = shape(first);
    let mut all = 1;
    for line in lines {
        let same = common.iter().zip(shape(line)).take_while(|(a, b)| **a == *b).count();
        common.truncate(same);
        all += 1;
        if common.is_empty() {
            break;
        }
    }
    let is_end = |at: &usize| first.is_char_boundary(at + 1) && b" \t:|>)]*#/-".contains(&common[*at]);
    let ends = (0..common.len()).filter(is_end).map(|at| at + 1);
    if all < 2 { Vec::new() } else { ends.take(MOST).collect() }
}

/// The beginning of a line up to its registers, with a 0 for each digit and for the blanks before one.
fn shape(line: &str) -> Vec<u8> {
    let bytes = line.as_bytes();
    let is_hex = |b: &u8| b.is_ascii_hexdigit();
    let is_number = |at: usize| {
        let free = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        free && (bytes[at..].starts_with(b"0x") || bytes[at..].iter().take_while(|b| is_hex(b)).count() == 8)
    };
    let until = (0..bytes.len().min(LONGEST)).find(|at| is_number(*at)).unwrap_or(bytes.len().min(LONGEST));
    let mut shape = bytes[..until].to_vec();
    let mut before_digit = false;
    for byte in shape.iter_mut().rev() {
        before_digit = byte.is_ascii_digit() || *byte == b' ' && before_digit;
        if before_digit {
            *byte = b'0';
        }
    }
    shape
}

/// The text without the first `end` bytes of its lines.
fn without(text: &str, end: usize) -> Result<String, ReadError> {
    let mut known = Known::default();
    let mut out = String::with_capacity(text.len());
    for (number, line) in (1..).zip(text.lines()) {
        let (prefix, rest) = line.split_at_checked(end).unwrap_or(("", ""));
        if !line.trim().is_empty() {
            known.note(number, prefix)?;
        }
        out.push_str(rest);
        out.push('\n');
    }
    // A line without its end may have been cut.
    if !text.ends_with('\n') {
        out.pop();
    }
    Ok(out)
}

/// The register lines of a text, each without what stands before it; `None` where nothing does. Other lines are gone.
///
/// # Errors
/// The prefixes are of two machines; a line has registers that begin nowhere.
pub(super) fn before_registers(text: &str) -> Result<Option<String>, ReadError> {
    let mut known = Known::default();
    let mut out = String::with_capacity(text.len());
    let mut any = false;
    for (number, line) in (1..).zip(text.lines()) {
        match begins(line) {
            Some(at) => {
                known.note(number, &line[..at])?;
                any |= line[..at].contains(char::is_alphanumeric);
                out.push_str(&line[at..]);
            }
            None => skip(number, line)?,
        }
        out.push('\n');
    }
    Ok(Some(out).filter(|_| any))
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

/// The prefix of the first line: its names and its numbers.
#[derive(Debug, Default)]
struct Known {
    first: Option<(usize, Vec<String>, Vec<usize>)>,
}

impl Known {
    /// Takes the prefix of a line. Names are one machine's; a number is one process's, or counts lines; times differ.
    fn note(&mut self, number: usize, prefix: &str) -> Result<(), ReadError> {
        let (names, numbers) = parts(prefix);
        let Some((before, known, counts)) = &self.first else {
            self.first = Some((number, names, numbers));
            return Ok(());
        };
        let goes_on = |(now, first): (&usize, &usize)| now == first || now.checked_sub(*first) == Some(number - before);
        if names == *known && numbers.len() == counts.len() && numbers.iter().zip(counts).all(goes_on) {
            return Ok(());
        }
        let message =
            format!("registers behind another prefix than in line {before}: another machine; keep one a file");
        Err(ReadError::another(number, message))
    }
}

const MONTHS: &str = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";

/// The names and the numbers of a prefix; times are neither.
fn parts(prefix: &str) -> (Vec<String>, Vec<usize>) {
    let (mut names, mut numbers) = (Vec::new(), Vec::new());
    let mut last = "";
    for word in prefix.split_whitespace() {
        let word = word.trim_matches(|c: char| "[](){}<>|,".contains(c));
        let is_day = MONTHS.split(' ').any(|month| month == last) && word.parse::<u8>().is_ok();
        last = word;
        if is_day || is_time(word.trim_end_matches(':')) {
            continue;
        }
        for part in word.split(|c: char| ":[](){}".contains(c)).filter(|part| !part.is_empty()) {
            match part.parse() {
                Ok(number) => numbers.push(number),
                Err(_) => names.push(part.to_string()),
            }
        }
    }
    (names, numbers)
}

/// A date, a time of day, or seconds with a point; an address of four numbers is none.
fn is_time(word: &str) -> bool {
    let is_part = |c: char| c.is_ascii_digit() || ".:,-+/TZ".contains(c);
    let numbers = word.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty()).count();
    let is_address = word.matches('.').count() == 3;
    word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().all(is_part) && numbers > 1 && !is_address
}

#[cfg(test)]
mod tests {
    use super::super::{Input, read};

    const RAW: &str = "CPU:\n   0x00000000 0x00: eax=0x0000000d ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n   0x00000001 0x00: \
                       eax=0x000306c1 ebx=0x00000800 ecx=0x7ffa3227 edx=0x0fabfbff\n";
    const CPUINFO: &str =
        "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nflags\t\t: fpu vme de pse sse sse2 lm\n";

    fn of(text: &str) -> Result<Input, String> {
        read(text.as_bytes(), None).map_err(|e| e.to_string())
    }

    fn with(text: &str, prefix: impl Fn(usize) -> String) -> String {
        text.lines().zip(1..).map(|(line, number)| format!("{}{line}\n", prefix(number))).collect()
    }

    #[test]
    fn a_prefix_is_taken_off_whatever_the_form() {
        for text in [RAW, CPUINFO] {
            for prefix in [
                "node1.txt:",
                "Nov 26 10:00:01 node1 cpuid[812]: ",
                "2026-01-01T00:00:00Z ",
                "[   12.3456] ",
                "node1 | ",
                "(d1) ",
                "* ",
                "| ",
            ] {
                assert_eq!(of(&with(text, |_| prefix.to_string())), of(text), "{prefix}");
            }
            let numbered: [fn(usize) -> String; 4] = [
                |n| format!("{n:6}\t"),
                |n| format!("file.txt:{}:", n + 9),
                |n| format!("Nov {:2} 10:00:{n:02} node1 x[3]: ", n + 8),
                |n| format!("[{:5}.{n:06}] ", n * 7),
            ];
            for prefix in numbered {
                assert_eq!(of(&with(text, prefix)), of(text), "{}", prefix(1));
            }
        }
    }

    #[test]
    fn two_prefixes_are_two_machines() {
        let two: [fn(usize) -> String; 6] = [
            |n| format!("node{}.txt:", n.div_ceil(2)),
            |n| format!("node{}.txt:{n}:", n.div_ceil(2)),
            |n| format!("Nov 26 10:00:0{n} node{} cpuid[812]: ", n.div_ceil(2)),
            |n| format!("Nov 26 10:00:0{n} node1 cpuid[{}]: ", n.div_ceil(2)),
            |n| format!("10.0.0.{}: ", n.div_ceil(2)),
            |n| format!("{}: ", n.div_ceil(2) * 7),
        ];
        for prefix in two {
            let error = of(&with(RAW, prefix)).expect_err(&prefix(1));
            assert!(error.starts_with("3: ") && error.contains("another machine"), "{error}");
        }
        assert!(
            of(&(with(RAW, |_| "a: ".into()) + &with(RAW, |_| "bc: ".into()))).is_err_and(|e| e.contains("another"))
        );
    }

    #[test]
    fn no_line_is_lost_behind_a_prefix() {
        for damaged in [RAW.replace("edx=0x0fabfbff", "edx=0x0fab"), RAW.replace("0x00000001 0x00", "0x0000001 0x00")] {
            for prefix in ["node1: ", "Nov 26 10:00:01 node1 x[1]: "] {
                let text = with(&damaged, |_| prefix.to_string());
                assert!(of(&text).is_err_and(|e| e.starts_with("3: ")), "{text}");
                assert!(of(&format!("some log\n{text}")).is_err_and(|e| e.starts_with("4: ")), "{text}");
            }
        }
    }
}
