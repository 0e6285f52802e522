//! A unified diff of two dumps in one form, as the two dumps it implies: '-' and context are A, '+' and context B.

use std::collections::BTreeSet;

use cpuid_probe::LeafId;
use cpuid_probe::dump::Dump;

use crate::list;

use super::builder::Builder;
use super::line::{self, BARE, Form, Line};
use super::{Input, READERS, Read, ReadError, Reader, aida64, chosen, decoded, has_registers, shorten, xen};

pub(super) const READER: Reader =
    Reader { name: "diff", about: "a unified diff of two dumps in one form", recognise, read: Read::One(read) };

/// File names, hunk headers, or a removed and an added register line.
fn recognise(text: &str) -> bool {
    let (mut removed, mut added) = (false, false);
    for (_, line) in line::lines(text) {
        if line.starts_with("@@ -") {
            return true;
        }
        let leaf = |mark| line.strip_prefix(mark).is_some_and(|rest| form_of(rest.trim()).is_some());
        removed |= leaf('-');
        added |= leaf('+');
        if removed && added {
            return true;
        }
    }
    false
}

/// The form of a register line, whole or damaged.
fn form_of(line: &str) -> Option<Form> {
    let forms: [Form; 2] = [line::raw, line::bare];
    let is_xens = || matches!(xen::form(line), Ok(Some(Line::Leaf(..))));
    let found = forms.into_iter().find(|form| matches!(form(line), Ok(Some(Line::Leaf(..))) | Err(_)));
    found.or_else(|| is_xens().then_some(of_xen as Form))
}

/// A line of `xen-cpuid -p`.
fn of_xen(line: &str) -> Result<Option<Line>, &'static str> {
    let is_heading = |line: &str| {
        xen::policy(line).is_some()
            || ["CPUID:", "MSRs:"].contains(&line)
            || ["leaf ", "index ", "Xen reports "].iter().any(|head| line.starts_with(head))
    };
    if is_heading(line) { Ok(Some(Line::Nothing)) } else { xen::form(line) }
}

/// Of which of Xen's policies the lines of a diff are.
#[derive(Debug, Default)]
struct Policies {
    /// The one of the line before, where it is known.
    current: Option<String>,
    /// Those of all lines: the name, or the hunk that has none.
    all: BTreeSet<Result<String, usize>>,
    hunk: usize,
}

impl Policies {
    /// Another hunk begins, maybe below a policy's heading.
    fn hunk(&mut self, above: Option<&str>) {
        self.hunk += 1;
        self.current = above.and_then(|above| xen::policy(above.trim())).map(xen::fold);
    }

    fn line(&mut self, line: &str) {
        if let Some(name) = xen::policy(line) {
            self.current = Some(xen::fold(name));
        } else if matches!(xen::form(line), Ok(Some(Line::Leaf(..) | Line::Msr(_)))) {
            self.all.insert(self.current.clone().ok_or(self.hunk));
        }
    }
}

/// Both sides of a diff, each a text of its own with its lines where they are, and whether a hunk is shorter than its header
/// says. The headers of hunks are in neither, or in both.
///
/// # Errors
/// A second pair of files.
fn sides(text: &str, with_headers: bool) -> Result<([String; 2], bool), ReadError> {
    let has_hunks = line::lines(text).any(|(_, line)| line.starts_with("@@ -"));
    let mut sides = [String::new(), String::new()];
    let mut left = if has_hunks { [0, 0] } else { [UNKNOWN; 2] };
    let (mut cut, mut named) = (false, false);
    for (number, line) in (1..).zip(text.lines()) {
        let name = line.starts_with("--- ") || line.starts_with("+++ ");
        if line.starts_with("--- ") && (left == [0, 0] || !has_hunks) {
            if named {
                return Err(ReadError::at(number, SECOND));
            }
            named = true;
        }
        let of = match line.as_bytes().first() {
            _ if name || left == [0, 0] || line.starts_with("@@ -") => [false, false],
            Some(b'-') => [true, false],
            Some(b'+') => [false, true],
            Some(b'\\') => [false, false],
            _ => [true, true],
        };
        if let Some(hunk) = line.strip_prefix("@@ -") {
            cut |= is_cut(left);
            left = lengths(hunk);
        }
        let is_header = with_headers && line.starts_with(decoded::HUNK);
        for ((side, is_of), left) in sides.iter_mut().zip(of).zip(&mut left) {
            if is_of {
                side.push_str(line.get(1..).unwrap_or_default());
                *left = left.saturating_sub(1);
            } else if is_header {
                side.push_str(line);
            }
            side.push('\n');
        }
    }
    Ok((sides, cut || is_cut(left)))
}

/// Reads a diff in another form.
fn of_another_form(text: &str) -> Result<Input, ReadError> {
    let (plain, cut) = sides(text, false)?;
    let (with_headers, _) = sides(text, true)?;
    let read = |side: usize| {
        let text = &plain[side];
        let reader = READERS.iter().find(|reader| reader.name != READER.name && (reader.recognise)(text))?;
        // The heading above a hunk's lines is not that of the hunk before.
        let text = if reader.name == decoded::READER.name { &with_headers[side] } else { text };
        Some(chosen(reader, text, None))
    };
    let [Some(a), Some(b)] = [read(0), read(1)] else {
        return Err(ReadError::whole(
            "a unified diff without register lines, or lines of feature names, on both sides",
        ));
    };
    match (a?, b?) {
        (Input::Dump(mut a), Input::Dump(mut b)) => {
            // Statements are lines without registers.
            are_below_headings(text, |line| {
                has_registers(line) || a.is_statements() && line.starts_with(['-', '+']) && line.len() > 1
            })?;
            let format = |dump: &Dump| dump.provenance.imported.as_ref().map(|imported| imported.format.clone());
            if format(&a) != format(&b) {
                return Err(ReadError::whole("the two sides of the diff have not one form"));
            }
            for imported in [&mut a, &mut b].into_iter().filter_map(|dump| dump.provenance.imported.as_mut()) {
                imported.limits.push(LIMIT.to_string());
                imported.limits.extend(cut.then(|| CUT.to_string()));
            }
            Ok(Input::Pair(Box::new([*a, *b])))
        }
        _ => Err(ReadError::whole("a unified diff of two definitions; give the two of them")),
    }
}

/// Refuses a hunk that does not show which CPU its lines are of, where the diff has headings of CPUs: the heading of the
/// hunk before may not be its own. Below `vcpu N lines=M` there are M lines of that vCPU.
///
/// # Errors
/// The first line that `is_content` of a hunk of which that is not known.
fn are_below_headings(text: &str, is_content: impl Fn(&str) -> bool) -> Result<(), ReadError> {
    let is_heading = |line: &str| {
        let line = line.trim_start_matches(['-', '+', ' ']).trim_end();
        line.starts_with("vcpu ")
            || matches!(line::header(line), Some(Line::Header(Some(_))))
            || aida64::header(line).is_some()
    };
    let section = |hunk: &str| hunk.split_once("@@").is_some_and(|(_, above)| is_heading(above));
    let is_shown = |line: &str| line.strip_prefix("@@ -").map_or_else(|| is_heading(line), section);
    if !text.lines().any(is_shown) {
        return Ok(());
    }
    let mut left = [0usize; 2];
    // Of each side: the CPU is known, the number of the line, and the last one that is of this CPU for certain.
    let (mut known, mut at, mut until) = ([true; 2], [0usize; 2], [0usize; 2]);
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(hunk) = line.strip_prefix("@@ -") {
            left = lengths(hunk);
            at = starts(hunk);
            known = [0, 1].map(|side| section(hunk) || at[side] <= until[side]);
            continue;
        }
        let of = match line.as_bytes().first() {
            _ if left == [0; 2] || is_frame(line) => continue,
            Some(b'\\') => continue,
            Some(b'-') => [true, false],
            Some(b'+') => [false, true],
            _ => [true, true],
        };
        for side in [0, 1].into_iter().filter(|side| of[*side]) {
            if is_heading(line) {
                known[side] = true;
                let lines = line.split_once("lines=").and_then(|(_, lines)| lines.trim().parse::<usize>().ok());
                until[side] = lines.map_or(0, |lines| at[side].saturating_add(lines));
            } else if !known[side] && is_content(line) {
                let message = format!(
                    "a hunk that does not show the heading of its CPU; give the two whole dumps, or a diff with all lines \
                     (`diff -U 99999`); found `{}`",
                    shorten(line)
                );
                return Err(ReadError::at(number, message));
            }
            left[side] = left[side].saturating_sub(1);
            at[side] = at[side].saturating_add(1);
        }
    }
    Ok(())
}

/// The first lines of a hunk, of A and of B, by its header behind `@@ -`.
fn starts(hunk: &str) -> [usize; 2] {
    let mut ranges = hunk.split("@@").next().unwrap_or_default().split_ascii_whitespace();
    let mut start = || ranges.next()?.trim_start_matches('+').split(',').next()?.parse().ok();
    [start().unwrap_or(UNKNOWN), start().unwrap_or(UNKNOWN)]
}

const LIMIT: &str = "a unified diff shows the differing register sets and a few around them, not the whole dump";
const CUT: &str = "lines are missing: a hunk is shorter than its header says";
const SECOND: &str = "a second pair of files begins here; keep one pair";

fn read(text: &str) -> Result<Input, ReadError> {
    let form = line::lines(text).find_map(|(_, line)| form_of(line.trim_start_matches(['-', '+', ' '])));
    let Some(form) = form else { return of_another_form(text) };
    // Lines that only begin like registers may be whole in another form.
    let is_whole = |line: &str| matches!(form(line.trim_start_matches(['-', '+', ' '])), Ok(Some(Line::Leaf(..))));
    if !line::lines(text).any(|(_, line)| is_whole(line))
        && let Ok(pair) = of_another_form(text)
    {
        return Ok(pair);
    }
    are_below_headings(text, |line| {
        let line = form(line.trim_start_matches(['-', '+', ' ']).trim_end());
        matches!(line, Ok(Some(Line::Leaf(..) | Line::Msr(_) | Line::Gap(_))))
    })?;
    let mut policies = Policies::default();
    let [mut a, mut b] = [Builder::new(READER.name), Builder::new(READER.name)];
    let mut names: [Option<String>; 2] = [None, None];
    // The lines of A and of B that the open hunk still has; none outside of hunks.
    let mut left = [0usize; 2];
    let mut cut = false;
    for (number, line) in line::lines(text) {
        let in_hunk = left != [0; 2];
        let name = |mark| line.strip_prefix(mark).map(|name| file_name(name).to_string());
        if let Some(name) = name("--- ") {
            if names[0].is_some() {
                return Err(ReadError::at(number, SECOND));
            }
            names[0] = Some(name);
        } else if let Some(name) = name("+++ ") {
            names[1] = Some(name);
        } else if let Some(hunk) = line.strip_prefix("@@ -") {
            cut |= is_cut(left);
            left = lengths(hunk);
            // `diff -p` and git repeat the last header above the hunk.
            policies.hunk(hunk.split_once("@@").map(|(_, above)| above));
            if let Some((_, above)) = hunk.split_once("@@")
                && let Ok(Some(Line::Header(Some(vcpu)))) = form(above.trim())
            {
                for side in [&mut a, &mut b] {
                    side.continue_with(number, vcpu)?;
                }
            }
        } else if line.starts_with('\\') {
            // "\ No newline at end of file".
        } else {
            let (of_a, of_b, rest) = match (line.strip_prefix('-'), line.strip_prefix('+')) {
                (Some(removed), _) => (true, false, removed),
                (_, Some(added)) => (false, true, added),
                _ => (true, true, line),
            };
            policies.line(rest.trim());
            // The counts in the frame fit neither side.
            let sides = if is_frame(line) { [false, false] } else { [of_a, of_b] };
            for (side, _) in [&mut a, &mut b].into_iter().zip(sides).filter(|(_, is_of)| *is_of) {
                // Around the hunks there is prose: "diff -u …", "Only in …", the mail's text and its signature.
                if !line::add(side, number, rest.trim(), form)? && in_hunk {
                    let message =
                        format!("expected a diff of register lines such as {BARE}; found `{}`", shorten(line));
                    return Err(ReadError::at(number, message));
                }
            }
            left[0] = left[0].saturating_sub(usize::from(of_a));
            left[1] = left[1].saturating_sub(usize::from(of_b));
        }
    }
    if let [Some(of_a), Some(of_b)] = names
        && of_a != of_b
    {
        (a.label, b.label) = (Some(of_a), Some(of_b));
    }
    if policies.all.len() > 1 {
        let message = "lines of several of Xen's policies, or of some that it does not name; give the two whole outputs, and choose \
                       with --from xen:NAME";
        return Err(ReadError::whole(message));
    }
    for side in [&mut a, &mut b] {
        side.limit(LIMIT);
        if !policies.all.is_empty() {
            xen::LIMITS.iter().for_each(|limit| side.limit(limit));
        }
        if cut || is_cut(left) {
            side.limit(CUT);
        }
    }
    let mut a = a.finish("register lines of the first file")?;
    let mut b = b.finish("register lines of the second file")?;
    note_one_sided(&a, &mut b);
    note_one_sided(&b, &mut a);
    Ok(Input::Pair(Box::new([a, b])))
}

/// Whether a hunk ended before it had all its lines.
fn is_cut(left: [usize; 2]) -> bool {
    left.iter().any(|n| (1..UNKNOWN / 2).contains(n))
}

/// Records the places that only `other` has: `lacking` counts as not having captured them, although the diff shows that
/// they are gone.
fn note_one_sided(other: &Dump, lacking: &mut Dump) {
    let mut places = BTreeSet::new();
    for vcpu in &other.vcpus {
        if let Some(lacks) = lacking.vcpus.iter().find(|v| v.vcpu == vcpu.vcpu) {
            places.extend(vcpu.leaves().iter().map(|r| r.id).filter(|id| lacks.get(*id).is_none()));
        }
    }
    if let Some(imported) = lacking.provenance.imported.as_mut().filter(|_| !places.is_empty()) {
        let places: Vec<String> = places.iter().map(LeafId::to_string).collect();
        imported.limits.push(format!("the other side alone has lines of {}", list::first(&places, 8)));
    }
}

/// How many lines a hunk has of A and of B, by its header behind `@@ -`: `1,7 +1,8 @@`, where `,1` is left out.
fn lengths(hunk: &str) -> [usize; 2] {
    let mut ranges = hunk.split("@@").next().unwrap_or_default().split_ascii_whitespace();
    let mut length = || ranges.next()?.split_once(',').map_or(Some(1), |(_, length)| length.parse().ok());
    [length().unwrap_or(UNKNOWN), length().unwrap_or(UNKNOWN)]
}

/// A header that was cut off does not say where its hunk ends.
const UNKNOWN: usize = usize::MAX;

/// The last part of a path, before the time stamp that `diff` prints.
fn file_name(header: &str) -> &str {
    let path = header.split('\t').next().unwrap_or(header).trim();
    path.rsplit('/').next().unwrap_or(path)
}

/// First or last line of the framed text.
fn is_frame(line: &str) -> bool {
    line.trim_start_matches(['-', '+', ' ']).starts_with(cpuid_probe::text::MAGIC)
}

#[cfg(test)]
mod tests {
    use cpuid_probe::Registers;

    use super::*;

    const BARE_DIFF: &str = "\
--- node1.txt\t2026-01-01
+++ node2.txt\t2026-01-01
@@ -1,2 +1,2 @@
-00000001 00000000: 000306c1 0f000800 fffa3223 0f8bfbff
+00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff
 00000002 00000000: 00000001 00000000 0000004d 002c307d
";

    fn pair(text: &str) -> [cpuid_probe::dump::Dump; 2] {
        assert!(recognise(text));
        match read(text).unwrap() {
            Input::Pair(pair) => *pair,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_sides_hold_the_context() {
        let [a, b] = pair(BARE_DIFF);
        assert_eq!(a.provenance.label.as_deref(), Some("node1.txt"));
        assert_eq!(b.provenance.label.as_deref(), Some("node2.txt"));
        assert_eq!(a.vcpus[0].leaves().len(), 2);
        assert_eq!(b.vcpus[0].leaves().len(), 2);
        let leaf_1 = LeafId::new(1, 0);
        assert_eq!(a.vcpus[0].get(leaf_1), Some(Registers::new(0x306c1, 0x0f00_0800, 0xfffa_3223, 0x0f8b_fbff)));
        assert_eq!(b.vcpus[0].get(leaf_1), Some(Registers::new(0x306c1, 0x0000_0800, 0xfffa_3227, 0x0fab_fbff)));
    }

    #[test]
    fn lines_alone_are_enough_in_either_form_and_with_a_mails_indentation() {
        let bare = BARE_DIFF.lines().skip(3).map(|l| format!("    {l}\n")).collect::<String>();
        assert_eq!(pair(&bare)[0].vcpus, pair(BARE_DIFF)[0].vcpus);
        let raw = "-   0x00000001 0x00: eax=0x000306c1 ebx=0x0f000800 ecx=0xfffa3223 edx=0x0f8bfbff\n\
                   +   0x00000001 0x00: eax=0x000306c1 ebx=0x00000800 ecx=0xfffa3227 edx=0x0fabfbff\n\
                   \x20   0x00000002 0x00: eax=0x00000001 ebx=0x00000000 ecx=0x0000004d edx=0x002c307d\n";
        assert_eq!(pair(raw)[1].vcpus, pair(BARE_DIFF)[1].vcpus);
    }

    #[test]
    fn a_mail_around_the_hunks_is_skipped() {
        let mail = format!("Hello,\nwhat do you make of this?\n\n{BARE_DIFF}\nThe second one is new.\n-- \nA. User\n");
        assert_eq!(pair(&mail)[0].vcpus, pair(BARE_DIFF)[0].vcpus);
        // A damaged register line is an error even there; so is a line too many inside.
        let damaged = format!("{BARE_DIFF}\n 00000003 00000000: 00000000 00000000 00000000 0000000\n");
        assert_eq!(read(&damaged).unwrap_err().line, Some(8));
        assert_eq!(read(&BARE_DIFF.replace(" 00000002", "and\n 00000002")).unwrap_err().line, Some(6));
        assert_eq!(lengths("1,7 +1,8 @@ CPU 0:"), [7, 8]);
        assert_eq!(lengths("1 +1 @@"), [1, 1]);
        assert_eq!(lengths("12,3"), [3, usize::MAX]);
    }

    #[test]
    fn what_a_diff_does_not_show_is_said() {
        let limits = |text: &str| pair(text).map(|dump| dump.provenance.imported.unwrap().limits[1..].join("; "));
        assert_eq!(limits(BARE_DIFF), ["", ""]);
        let cut = "lines are missing: a hunk is shorter than its header says";
        assert_eq!(
            limits(&BARE_DIFF.replace(" 00000002 00000000: 00000001 00000000 0000004d 002c307d\n", "")),
            [cut; 2]
        );
        assert_eq!(limits(&BARE_DIFF.replace("@@ -1,2 +1,2 @@", "@@ -1,2")), ["", ""]);
        let one_sided = BARE_DIFF.replace(" 00000002", "-00000002").replace("+1,2", "+1");
        assert_eq!(limits(&one_sided), ["", "the other side alone has lines of 0x00000002"]);
    }

    #[test]
    fn the_lines_of_a_frame_count_and_a_mail_may_go_on_behind_them() {
        let text = "--- a\n+++ b\n@@ -2,3 +2,3 @@\n vcpu 0 lines=1\n\
            -00000001 00000000: 000306c1 0f000800 fffa3223 0f8bfbff\n\
            -cpuid-dump/1 end lines=2 crc32=00000000\n\
            +00000001 00000000: 000306c1 00000800 fffa3227 0fabfbff\n\
            +cpuid-dump/1 end lines=2 crc32=00000001\nRegards,\nA. User\n";
        assert_eq!(pair(text).map(|dump| dump.vcpus[0].leaves().len()), [1, 1]);
    }

    #[test]
    fn a_hunk_names_the_vcpu_above_it() {
        let text = "--- a\n+++ b\n@@ -1,2 +1,2 @@\n CPU 0:\n\
            -   0x00000001 0x00: eax=0x00000001 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n\
            +   0x00000001 0x00: eax=0x00000002 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n\
            @@ -9,1 +9,1 @@ CPU 1:\n\
            -   0x00000001 0x00: eax=0x00000003 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n\
            +   0x00000001 0x00: eax=0x00000004 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n";
        let [a, b] = pair(text);
        assert_eq!((a.vcpus.len(), b.vcpus.len()), (2, 2));
        assert_eq!(b.vcpus[1].get(LeafId::new(1, 0)).unwrap().eax, 4);
    }

    #[test]
    fn a_hunk_without_its_heading_is_of_no_cpu() {
        let row = |n: u32, eax: u32| {
            let line = |mark, eax| format!("{mark}{n:08x} 00000000: {eax:08x} 00000000 00000000 00000000\n");
            line('-', eax) + &line('+', eax + 1)
        };
        let first = |heading: &str| format!("--- a\n+++ b\n@@ -1,2 +1,2 @@\n {heading}\n{}", row(1, 1));
        let second = |at: u32, above: &str, row: &str| format!("@@ -{at},1 +{at},1 @@{above}\n{row}");
        let refused = read(&(first("CPU 0:") + &second(40, "", &row(7, 3)))).unwrap_err();
        assert!(refused.line == Some(8) && refused.message.contains("heading of its CPU"), "{refused}");
        // One heading without a number is all that its file has; so is none.
        assert!(read(&(first("CPU:") + &second(40, "", &row(7, 3)))).is_ok());
        assert_eq!(pair(&(first("CPU 0:") + &second(40, " CPU 1:", &row(7, 3))))[0].vcpus.len(), 2);
        // The frame says how many lines a vCPU has.
        let framed = |at| read(&(first("vcpu 0 lines=41") + &second(at, "", &row(7, 3))));
        assert!(framed(42).is_ok() && framed(43).is_err());
        // Other forms have headings too.
        let aida = |n: u32, eax: u32| {
            let line = |mark, eax| format!("{mark}CPUID {n:08X}: {eax:08X}-00000000-00000000-00000000\n");
            line('-', eax) + &line('+', eax + 1)
        };
        let first = format!("--- a\n+++ b\n@@ -1,2 +1,2 @@\n ------[ Logical CPU #1 ]------\n{}", aida(1, 1));
        assert!(read(&first).is_ok());
        assert!(read(&(first + &second(40, "", &aida(7, 3)))).unwrap_err().message.contains("heading of its CPU"));
    }

    const XEN: &str = "--- before\n+++ after\n@@ -3,6 +3,6 @@\n HVM Max policy: 3 leaves, 1 MSRs\n  CPUID:\n   leaf     subleaf  -> \
                       eax      ebx      ecx      edx\n-  00000001:ffffffff -> 000306f2:00100800:7ffefbff:bfebfbff\n+  \
                       00000001:ffffffff -> 000306f2:00100800:7ffefbff:bfeb7bff\n   0000000d:00000000 -> \
                       00000007:00000340:00000340:00000000\n  MSRs:\n";

    #[test]
    fn a_diff_of_one_of_xens_policies() {
        let [a, b] = pair(XEN);
        assert_eq!([&a, &b].map(|dump| dump.vcpus[0].leaves().len()), [2, 2]);
        assert_eq!(b.vcpus[0].get(LeafId::new(1, 0)).unwrap().edx, 0xbfeb_7bff);
        let without = XEN.replace(" HVM Max policy: 3 leaves, 1 MSRs\n", "").replace("3,6 +3,6", "4,5 +4,5");
        assert_eq!(pair(&without)[0].vcpus, a.vcpus);
        let second = "@@ -20,1 +20,1 @@\n-  80000001:ffffffff -> 00000000:00000000:00000021:2c100800\n+  80000001:ffffffff -> \
                      00000000:00000000:00000021:28100800\n";
        assert!(read(&format!("{XEN}{second}")).unwrap_err().message.contains("several of Xen's policies"));
        let named = second.replacen("@@\n", "@@ HVM Max policy: 3 leaves, 1 MSRs\n", 1);
        assert_eq!(pair(&format!("{XEN}{named}"))[1].vcpus[0].leaves().len(), 3);
        assert!(read(&format!("{XEN}{}", named.replace("HVM Max", "Raw"))).is_err());
    }

    #[test]
    fn a_diff_of_feature_names() {
        let text = "--- a\n+++ b\n@@ -4,3 +4,3 @@\n CPU family: 6\n-Flags: fpu vme de pse tsc sse sse2 lm aes\n+Flags: fpu vme de pse tsc sse \
                    sse2 lm\n Vulnerabilities:\nand so on\n";
        let [a, b] = pair(text);
        let aes = cpuid_probe::Place::bit(1, 0, cpuid_probe::Register::Ecx, 25);
        let seen = [&a, &b].map(|dump| crate::view::DumpView::of(dump).vcpus[0].see(aes));
        assert!(seen[0].is_set() && !seen[1].is_set());
        assert!(
            read("--- a\n+++ b\n@@ -1 +1 @@\n-hello\n+world\n").unwrap_err().message.contains("without register lines")
        );
    }

    #[test]
    fn a_diff_of_a_form_whose_lines_begin_like_registers() {
        let text = "--- a\n+++ b\n@@ -1,2 +1,2 @@\n basic_cpuid[0]=0000000d 756e6547 6c65746e 49656e69\n-basic_cpuid[1]=000306c3 \
                    00100800 7ffafbff bfebfbff\n+basic_cpuid[1]=000306c3 00100800 7fdafbff bfebfbff\n";
        let [a, b] = pair(text);
        assert_eq!([&a, &b].map(|dump| dump.vcpus[0].get(LeafId::new(1, 0)).unwrap().ecx), [0x7ffa_fbff, 0x7fda_fbff]);
        assert!(read(&text.replace("bfebfbff", "bfebfb")).is_err());
    }

    #[test]
    fn a_hunk_of_decoded_lines_is_below_no_heading_of_the_hunk_before() {
        let row = |name: &str, on: [bool; 2]| format!("-      {name:39}= {}\n+      {name:39}= {}\n", on[0], on[1]);
        let first =
            format!(" CPU:\n    feature information (1/edx):\n{}", row("virtual-8086 mode enhancement", [true, false]));
        let text = |second: &str| format!("--- a\n+++ b\n@@ -1,3 +1,3 @@\n{first}@@ -300,1 +300,1 @@\n{second}");
        let at = |dump: &Dump, bit| {
            let place = cpuid_probe::Place::bit(1, 0, cpuid_probe::Register::Edx, bit);
            crate::view::DumpView::of(dump).vcpus[0].see(place)
        };
        // This label stands below several headings.
        let [a, b] = pair(&text(&row("time stamp counter", [true, false])));
        assert!(at(&a, 1).is_set() && at(&b, 1).is_clear());
        assert!(!at(&a, 4).is_set() && !at(&b, 4).is_clear());
        let again =
            format!("{}--- a2\n+++ b2\n@@ -1,3 +1,3 @@\n{first}", text(&row("time stamp counter", [true, false])));
        assert!(read(&again).unwrap_err().message.contains("a second pair of files"));
    }

    #[test]
    fn damage_inside_a_hunk_is_named() {
        let text = BARE_DIFF.replace("0fabfbff", "0fabfbf");
        assert_eq!(read(&text).unwrap_err().line, Some(5));
        let text = BARE_DIFF.replace("+00000001", "+hello");
        assert_eq!(read(&text).unwrap_err().line, Some(5));
    }
}
