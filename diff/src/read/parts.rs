//! One of several machines in a text: by number, or by a name that stands above it.

use cpuid_probe::libvirt::cpu::Cpu;

use super::{Input, ReadError, has_registers, shorten};

type ReadText = fn(&str) -> Result<Input, ReadError>;

/// One machine of a text: its first line (from 0), and its lines.
struct Part<'a> {
    first: usize,
    text: &'a str,
}

/// Reads the machine that `wanted` names.
pub(super) fn choose(text: &str, read: ReadText, wanted: &str) -> Result<Input, ReadError> {
    let parts = match read(text) {
        Ok(Input::Cpus(cpus)) => return one_of(cpus, wanted).map(|cpu| Input::Cpus(vec![cpu])),
        Ok(Input::Pair(pair)) => {
            let [old, new] = *pair;
            return match wanted {
                "1" | "-" => Ok(Input::Dump(Box::new(old))),
                "2" | "+" => Ok(Input::Dump(Box::new(new))),
                _ => Err(nothing(wanted, "1 (lines with -) and 2 (lines with +)")),
            };
        }
        Ok(one) if wanted == "1" => return Ok(one),
        Ok(_) => return Err(nothing(wanted, "1 alone: the file holds one")),
        Err(e) if !e.another => return Err(e),
        Err(_) => split(text, read)?,
    };
    let number: Option<usize> = wanted.parse().ok();
    let found = match number.filter(|n| (1..=parts.len()).contains(n)) {
        Some(number) => parts.get(number - 1),
        None => {
            let named: Vec<&Part<'_>> = parts.iter().filter(|part| part.is_called(wanted)).collect();
            match named[..] {
                [one] => Some(one),
                _ => None,
            }
        }
    };
    let part =
        found.ok_or_else(|| nothing(wanted, &format!("1 to {}, or a word that stands above one", parts.len())))?;
    read(part.text).map_err(|e| ReadError { line: e.line.map(|line| line + part.first), ..e })
}

fn nothing(wanted: &str, expected: &str) -> ReadError {
    ReadError::whole(format!("nothing called `{}` in this file; expected {expected}", shorten(wanted)))
}

/// One CPU of several: by its name, or by its number.
pub(crate) fn one_of(mut cpus: Vec<Cpu>, wanted: &str) -> Result<Cpu, ReadError> {
    let number = wanted.parse::<usize>().ok().filter(|n| (1..=cpus.len()).contains(n)).map(|n| n - 1);
    match cpus.iter().position(|cpu| cpu.name.as_deref() == Some(wanted)).or(number) {
        Some(at) => Ok(cpus.swap_remove(at)),
        None => {
            let names: Vec<&str> = cpus.iter().filter_map(|cpu| cpu.name.as_deref()).collect();
            let names = if names.is_empty() { String::new() } else { format!(", or {}", names.join(", ")) };
            Err(nothing(wanted, &format!("1 to {}{names}", cpus.len())))
        }
    }
}

/// At most this many machines are looked for.
const MOST: usize = 1000;

/// The machines of a text. Each begins with what stands above its first registers.
fn split(text: &str, read: ReadText) -> Result<Vec<Part<'_>>, ReadError> {
    let mut lines: Vec<(usize, &str)> = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        lines.push((at, line));
        at += line.len();
    }
    let begin = |line: usize| lines.get(line).map_or(text.len(), |(at, _)| *at);
    let mut parts = Vec::new();
    let mut first = 0;
    while parts.len() < MOST {
        let rest = &text[begin(first)..];
        match read(rest) {
            Ok(_) => {
                parts.push(Part { first, text: rest });
                return Ok(parts);
            }
            Err(e) if e.another => {
                let Some(line) = e.line.filter(|line| *line > 1) else { return Err(e) };
                let end = cut(&lines, first, first + line - 1).ok_or(e)?;
                parts.push(Part { first, text: &text[begin(first)..begin(end)] });
                first = end;
            }
            Err(e) => return Err(ReadError { line: e.line.map(|line| line + first), ..e }),
        }
    }
    Err(ReadError::whole(format!("more than {MOST} machines in one file")))
}

/// Where the machine begins to which line `at` belongs: above the registers around it stand its headers, and above
/// those the registers of the one before.
fn cut(lines: &[(usize, &str)], first: usize, at: usize) -> Option<usize> {
    let is_data = |n: &usize| lines.get(*n).is_some_and(|(_, line)| has_registers(line));
    let mut begin = at;
    while begin > first && is_data(&(begin - 1)) && is_data(&at) {
        begin -= 1;
    }
    let header = |n: usize| match lines.get(n) {
        Some((_, line)) if is_data(&at) => !has_registers(line),
        Some((_, line)) => !line.trim().is_empty() && !line.contains([':', '=']),
        None => false,
    };
    while begin > first && header(begin - 1) {
        begin -= 1;
    }
    (begin > first).then_some(begin)
}

impl Part<'_> {
    /// Whether a word of what stands above its first registers is this name.
    fn is_called(&self, name: &str) -> bool {
        let above = self.text.lines().take_while(|line| !has_registers(line)).take(20);
        let is_part = |c: char| c.is_alphanumeric() || "-._".contains(c);
        above.flat_map(|line| line.split(|c: char| !is_part(c))).any(|word| word == name)
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_part;
    use super::*;

    fn eax(text: &str, part: &str) -> Result<u32, String> {
        match read_part(text.as_bytes(), None, Some(part)) {
            Ok(Input::Dump(dump)) => Ok(dump.vcpus[0].leaves().last().expect("registers").registers.ecx),
            Ok(other) => panic!("{other:?}"),
            Err(e) => Err(e.to_string()),
        }
    }

    #[test]
    fn a_machine_is_chosen_by_number_and_by_name() {
        let run = |name: &str, ecx: &str| {
            format!(
                "{name}\nBasic Leafs :\n================\n0x00000000: EAX=0x0000000d, EBX=0x68747541, ECX=0x444d4163, \
                 EDX=0x69746e65\n0x00000001: EAX=0x00600f20, EBX=0x00080800, ECX={ecx}, EDX=0x178bfbff\n"
            )
        };
        let text = run("node1", "0x00000001") + &run("node2", "0x00000002") + &run("node3", "0x00000003");
        assert_eq!(["1", "2", "3"].map(|n| eax(&text, n)), [Ok(1), Ok(2), Ok(3)]);
        assert_eq!(["node1", "node3"].map(|n| eax(&text, n)), [Ok(1), Ok(3)]);
        assert!(eax(&text, "node4").unwrap_err().contains("expected 1 to 3"));
        assert!(eax(&run("node1", "0x00000001"), "2").unwrap_err().contains("the file holds one"));
    }

    #[test]
    fn each_machine_is_whole() {
        let of = |n: u32| {
            format!(
                "processor : 0\nflags : fpu sse sse2\n\nprocessor : 1\nflags : fpu sse sse2 {}\n",
                ["aes", "avx"][n as usize]
            )
        };
        let text = of(0) + &of(1);
        let vcpus = |part: &str| match read_part(text.as_bytes(), None, Some(part)) {
            Ok(Input::Dump(dump)) => dump.vcpus.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!([vcpus("1"), vcpus("2")], [2, 2]);
    }
}
