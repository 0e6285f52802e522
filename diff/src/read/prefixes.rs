//! What `grep -H`, `ts`, a journal, a console or a terminal's list put before the lines of a text, taken off.

use super::{ReadError, shorten, skip};

/// The places at which lines may begin, where a prefix stands before all of them; in a text longer than `LARGE` bytes, few.
const MOST: usize = 16;
const FEW: usize = 2;
const LARGE: usize = 256 << 10;
/// A prefix is no longer than this, in bytes.
const LONGEST: usize = 160;

/// A text without the prefixes of its lines, which keep their numbers; and whether it was one machine of several.
pub(super) type Inner = Result<(String, bool), ReadError>;

/// The texts that a text may be without a prefix that all its lines have; of several machines the one that is `wanted`.
///
/// # Errors
/// The prefixes are of two machines.
pub(super) fn candidates(text: &str, wanted: Option<&str>) -> impl Iterator<Item = Inner> {
    ends(text).into_iter().map(move |end| {
        let split = |line: &str| {
            let at = shape(line).get(end - 1).map_or(line.len(), |(_, at)| *at);
            Ok(Some(at))
        };
        of_one(text, wanted, split)
    })
}

/// The register lines of a text, each without what stands before it; `None` where nothing does. Other lines are gone.
///
/// # Errors
/// The prefixes are of two machines; a line has registers that begin nowhere.
pub(super) fn before_registers(text: &str, wanted: Option<&str>) -> Option<Inner> {
    let is_name = |line: &str| begins(line).is_some_and(|at| line[..at].contains(char::is_alphanumeric));
    if !text.lines().any(is_name) {
        return (1..)
            .zip(text.lines())
            .filter(|(_, line)| begins(line).is_none())
            .find_map(|(n, line)| skip(n, line).err())
            .map(Err);
    }
    let mut number = 0;
    Some(of_one(text, wanted, |line| {
        number += 1;
        match begins(line) {
            None => skip(number, line).map(|()| None),
            at => Ok(at),
        }
    }))
}

/// The lines of one machine, each from where `begin` says; none of a line that it leaves out.
fn of_one(text: &str, wanted: Option<&str>, mut begin: impl FnMut(&str) -> Result<Option<usize>, ReadError>) -> Inner {
    let mut known = Known::default();
    let mut lines: Vec<(usize, &str)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let at = begin(line)?.filter(|_| !line.trim().is_empty());
        let (prefix, rest) = at.map_or(("", ""), |at| line.split_at(at));
        let machine = if at.is_some() { known.note(number, prefix) } else { 0 };
        lines.push((machine, rest));
    }
    let chosen = match (known.second, wanted) {
        (None, _) => 0,
        (Some(_), Some(wanted)) => known.called(wanted)?,
        (Some((number, before)), None) => {
            let message = format!("a line behind another prefix than line {before}: another machine; keep one a file");
            return Err(ReadError::another(number, message));
        }
    };
    let mut out = String::with_capacity(text.len());
    for (machine, rest) in lines {
        if machine == chosen {
            out.push_str(rest);
        }
        out.push('\n');
    }
    // A line without its end may have been cut.
    if !text.ends_with('\n') {
        out.pop();
    }
    Ok((out, known.second.is_some()))
}

/// How many units of the [`shape`] a prefix may have that all lines share. What lines of one text have in common is
/// longest in the prefix; of lines that are all alike, more is common, and the shortest prefix comes first.
fn ends(text: &str) -> Vec<usize> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let Some(first) = lines.next() else { return Vec::new() };
    let mut common: Vec<u8> = shape(first).into_iter().map(|(unit, _)| unit).collect();
    let whole = common.len();
    let mut all = 1;
    for line in lines {
        let same = common.iter().zip(shape(line)).take_while(|(a, (b, _))| **a == *b).count();
        common.truncate(same);
        all += 1;
        if common.is_empty() {
            break;
        }
    }
    let is_sign = |unit: &u8| b" \t:|>)]*#/-".contains(unit);
    let is_end = |at: &usize| is_sign(&common[*at]) && !common.get(at + 1).is_some_and(is_sign);
    let ends = (0..common.len()).filter(is_end).map(|at| at + 1);
    let most = if text.len() > LARGE { FEW } else { MOST };
    match all {
        0 | 1 => Vec::new(),
        _ if common.len() == whole => ends.take(most).collect(),
        _ => ends.collect::<Vec<_>>().into_iter().rev().take(most).collect(),
    }
}

/// The beginning of a line up to its registers: its bytes, each with where it ends, and a 0 for each number with the blanks
/// before it.
fn shape(line: &str) -> Vec<(u8, usize)> {
    let bytes = line.as_bytes();
    let is_register = |at: usize| {
        let free = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
        free && (bytes[at..].starts_with(b"0x")
            || bytes[at..].iter().take_while(|b| b.is_ascii_hexdigit()).count() == 8)
    };
    let most = bytes.len().min(LONGEST);
    let until = (0..most).find(|at| is_register(*at)).unwrap_or(most);
    let mut shape: Vec<(u8, usize)> = Vec::new();
    for (at, byte) in bytes[..until].iter().enumerate() {
        if byte.is_ascii_digit() {
            while shape.last().is_some_and(|(unit, _)| *unit == b' ') {
                shape.pop();
            }
            match shape.last_mut() {
                Some((b'0', end)) => *end = at + 1,
                _ => shape.push((b'0', at + 1)),
            }
        } else if line.is_char_boundary(at + 1) {
            shape.push((*byte, at + 1));
        }
    }
    shape
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

/// The machines that prefixes name, in the order of their first lines: the names and the numbers of that line.
#[derive(Debug, Default)]
struct Known {
    machines: Vec<(usize, Vec<String>, Vec<usize>)>,
    /// The first line of the second one, and the first of the first.
    second: Option<(usize, usize)>,
}

impl Known {
    /// The machine of a line's prefix. Names are one machine's; a number is one process's, or counts lines; times differ.
    fn note(&mut self, number: usize, prefix: &str) -> usize {
        let (names, numbers) = parts(prefix);
        let is_one = |(before, known, counts): &(usize, Vec<String>, Vec<usize>)| {
            let goes_on =
                |(now, first): (&usize, &usize)| now == first || now.checked_sub(*first) == Some(number - before);
            names == *known && numbers.len() == counts.len() && numbers.iter().zip(counts).all(goes_on)
        };
        if let Some(at) = self.machines.iter().position(is_one) {
            return at;
        }
        if let Some((before, ..)) = self.machines.first() {
            self.second = self.second.or(Some((number, *before)));
        }
        self.machines.push((number, names, numbers));
        self.machines.len() - 1
    }

    /// The machine of a number, from 1, or of a name.
    fn called(&self, wanted: &str) -> Result<usize, ReadError> {
        let number = wanted.parse::<usize>().ok().filter(|n| (1..=self.machines.len()).contains(n));
        let is_called = |name: &String| name == wanted || name.split('.').next() == Some(wanted);
        let mut named = (0..self.machines.len()).filter(|at| self.machines[*at].1.iter().any(is_called));
        let found = number.map(|n| n - 1).or_else(|| named.next().filter(|_| named.next().is_none()));
        found.ok_or_else(|| {
            let message =
                format!("nothing called `{}` in this file; expected 1 to {}", shorten(wanted), self.machines.len());
            ReadError::whole(message)
        })
    }
}

const MONTHS: &str = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec";

/// The names and the numbers of a prefix; times are neither.
fn parts(prefix: &str) -> (Vec<String>, Vec<usize>) {
    let (mut names, mut numbers) = (Vec::new(), Vec::new());
    let words: Vec<&str> =
        prefix.split_whitespace().map(|word| word.trim_matches(|c: char| "[](){}<>|,".contains(c))).collect();
    for (at, word) in words.iter().enumerate() {
        let is_month = at > 0 && MONTHS.split(' ').any(|month| month == words[at - 1]);
        let is_day = is_date(word) || is_month && word.parse::<u8>().is_ok();
        if is_day && words.get(at + 1).is_some_and(|next| is_clock(next)) || is_time(word) {
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

/// A time that differs by line: `10:00:01`, `2026-01-01T10:00:01Z`, `12.3456` seconds. Fewer numbers may be a name: `1-2`,
/// `10.1`, `12/3`; so may a date without a time of day behind it.
fn is_time(word: &str) -> bool {
    let is_seconds = |(whole, part): (&str, &str)| is_number(whole) && is_number(part) && part.len() >= 3;
    let word = word.trim_end_matches(':');
    is_clock(word)
        || word.split_once(['T', '_']).is_some_and(|(date, clock)| is_date(date) && is_clock(clock))
        || word.split_once('.').is_some_and(is_seconds)
}

/// `10:00:01`, maybe with a part of a second and a zone.
fn is_clock(word: &str) -> bool {
    let word = word.trim_end_matches(':');
    let end = word.find(['.', ',', 'Z', '+', '-']).unwrap_or(word.len());
    let (clock, rest) = word.split_at(end);
    let parts: Vec<&str> = clock.split(':').collect();
    let limits = [24, 60, 61];
    let fits = |(part, limit): (&&str, u8)| is_number(part) && part.parse::<u8>().is_ok_and(|number| number < limit);
    parts.len() == 3
        && parts.iter().zip(limits).all(fits)
        && rest.chars().all(|c| c.is_ascii_digit() || ".,Z+-:".contains(c))
}

/// `2026-01-01`, `2026/01/01`.
fn is_date(word: &str) -> bool {
    let parts: Vec<&str> = word.split(['-', '/']).collect();
    parts.iter().all(|part| is_number(part)) && parts.iter().map(|part| part.len()).eq([4, 2, 2])
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())
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
                "2026-01-01T00:00:00.123456+01:00 ",
                "2026-01-01 10:00:01,123 node1: ",
                "[   12.3456] ",
                "node1 | ",
                "(d1) ",
                "* ",
                "| ",
            ] {
                assert_eq!(of(&with(text, |_| prefix.to_string())), of(text), "{prefix}");
            }
            let numbered: [fn(usize) -> String; 5] = [
                |n| format!("2026-01-0{} 10:00:{n:02}.5 ", n.div_ceil(2)),
                |n| format!("{n:6}\t"),
                |n| format!("file.txt:{}:", n + 8),
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
        let two: [fn(usize) -> String; 13] = [
            |n| format!("node{}.txt:", n.div_ceil(2)),
            |n| format!("node{}.txt:{n}:", n.div_ceil(2)),
            |n| format!("Nov 26 10:00:0{n} node{} cpuid[812]: ", n.div_ceil(2)),
            |n| format!("Nov 26 10:00:0{n} node1 cpuid[{}]: ", n.div_ceil(2)),
            |n| format!("10.0.0.{}: ", n.div_ceil(2)),
            |n| format!("{}: ", n.div_ceil(2) * 7),
            // Names of numbers alone are no times.
            |n| format!("1-{}: ", n.div_ceil(2)),
            |n| format!("10.{}: ", n.div_ceil(2)),
            |n| format!("12/{}: ", n.div_ceil(2)),
            |n| format!("2001:10::{} ", n.div_ceil(2)),
            |n| format!("2026-01-0{}:", n.div_ceil(2)),
            |n| format!("May {}: ", n.div_ceil(2)),
            |n| format!("1{}:12:", n.div_ceil(2)),
        ];
        for prefix in two {
            let error = of(&with(RAW, prefix)).expect_err(&prefix(1));
            assert!(error.starts_with("3: ") && error.contains("another machine"), "{error}");
            let chosen = |part: &str| super::super::read_part(with(RAW, prefix).as_bytes(), None, Some(part));
            let sets = |part: &str| match chosen(part) {
                Ok(Input::Dump(dump)) => dump.vcpus[0].leaves().iter().map(|record| record.id.leaf).collect::<Vec<_>>(),
                other => panic!("{other:?}"),
            };
            assert_eq!((sets("1"), sets("2")), (vec![0], vec![1]), "{}", prefix(1));
            assert!(chosen("3").is_err());
        }
        assert!(
            of(&(with(RAW, |_| "a: ".into()) + &with(RAW, |_| "bc: ".into()))).is_err_and(|e| e.contains("another"))
        );
    }

    #[test]
    fn a_word_before_names_may_say_that_they_are_not_there() {
        for text in
            ["missing: avx2 aes\nmissing: sse4_1 sse2\n", "#avx2\n#aes\n#sse2\n", "clearcpuid: avx2\nclearcpuid: aes\n"]
        {
            assert!(of(text).is_err(), "{text}");
        }
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
