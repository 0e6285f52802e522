//! Joins lists for sentences and wraps paragraphs into lines.

use std::fmt::Write;

/// The first `most` of `names`, and whether there are more: `a, b, …`.
pub(crate) fn first(names: &[String], most: usize) -> String {
    let more = if names.len() > most { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(most)].join(", "))
}

/// `0-3, 8`.
pub(crate) fn ranges(numbers: &[u32]) -> String {
    let mut out = String::new();
    let mut rest = numbers;
    while let [first, ..] = rest {
        let run = rest.iter().zip(*first..).take_while(|(have, want)| **have == *want).count().max(1);
        if !out.is_empty() {
            out.push_str(", ");
        }
        // Writing to a String cannot fail.
        let _ = match run {
            1 => write!(out, "{first}"),
            n => write!(out, "{first}-{}", rest[n - 1]),
        };
        rest = &rest[run..];
    }
    out
}

/// Lines of at most `width` characters, broken at blanks; a longer word stands alone, whole, so that it can be copied.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let blank = text.len() - text.trim_start().len();
    let mut lines = vec![text[..blank].to_string()];
    let mut used = blank;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        let Some(line) = lines.last_mut() else { break };
        if used > blank && used + 1 + len > width {
            lines.push(" ".repeat(blank) + word);
            used = blank + len;
        } else {
            if used > blank {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += len;
        }
    }
    lines
}

/// A paragraph behind its head: the head and the first line, then blanks as wide as the head and each further line.
pub(crate) fn hang(head: &str, text: &str, width: usize) -> Vec<(String, String)> {
    let indent = head.chars().count();
    let lines = text.lines().flat_map(|line| wrap(line, width.saturating_sub(indent)));
    let lead = |i| if i == 0 { head.to_string() } else { " ".repeat(indent) };
    lines.enumerate().map(|(i, line)| (lead(i), line)).collect()
}

/// [`hang`] as text.
pub(crate) fn paragraph(head: &str, text: &str, width: usize) -> String {
    hang(head, text, width)
        .into_iter()
        .map(|(lead, line)| format!("{lead}{line}").trim_end().to_string() + "\n")
        .collect()
}

/// A word as the parts between which it may be broken.
pub(crate) fn pieces(word: &str) -> impl Iterator<Item = &str> {
    word.split_inclusive(['_', '-', '/', '.'])
}

/// Lines of at most `width` characters: broken at blanks, a longer word between its [`pieces`], a longer piece anywhere.
pub(crate) fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in wrap(text, width) {
        let mut rest = line.as_str();
        while let Some((fits, _)) = rest.char_indices().nth(width.max(1)) {
            let ends = pieces(rest).scan(0, |end, piece| {
                *end += piece.len();
                Some(*end)
            });
            let at = ends.take_while(|end| *end <= fits).last().unwrap_or(fits);
            lines.push(rest[..at].to_string());
            rest = &rest[at..];
        }
        lines.push(rest.to_string());
    }
    lines
}

#[cfg(test)]
mod tests {
    #[test]
    fn more_is_said_where_there_is_more() {
        let names = ["a", "b", "c"].map(str::to_string);
        assert_eq!([2, 3, 4].map(|most| super::first(&names, most)), ["a, b, …", "a, b, c", "a, b, c"]);
    }
}
