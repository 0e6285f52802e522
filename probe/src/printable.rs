//! Text from elsewhere, made fit for a terminal or a log.

use alloc::string::String;
use core::fmt::Write;

/// So many characters of a line, or of a name, are worth showing.
pub const MOST: usize = 1000;

/// `text` on one line, with what cannot be seen made visible: control characters (line breaks and ESC among them) and
/// invisible ones as `\u{1b}`. Of a longer text the first `most` characters, and `…`.
///
/// What was made printable and is not longer stays as it is.
#[must_use]
pub fn printable(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    let mut chars = text.chars();
    for c in chars.by_ref().take(most) {
        match c {
            '\n' | '\r' | '\t' => out.extend(c.escape_default()),
            c if c.is_control() || is_invisible(c) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "{}", c.escape_unicode());
            }
            c => out.push(c),
        }
    }
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

/// Whether a character shows nothing, ends a line or turns the direction of others.
///
/// # Source
/// Unicode 16.0 DerivedCoreProperties.txt, `Default_Ignorable_Code_Point`, which has the zero-width and the bidirectional
/// formatting characters; and the line and paragraph separators, the Arabic letter mark and the interlinear marks.
const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_made_visible() {
        for (text, shown) in [
            ("Haswell-noTSX,+ds «ü» \\", "Haswell-noTSX,+ds «ü» \\"),
            ("a\u{1b}[31mred", "a\\u{1b}[31mred"),
            ("one\ntwo\r\tthree\0", "one\\ntwo\\r\\tthree\\u{0}"),
            ("\u{7f}\u{80}\u{9b}31m\u{9f}", "\\u{7f}\\u{80}\\u{9b}31m\\u{9f}"),
            (
                "\u{202e}txt\u{2066}\u{200b}\u{feff}\u{2028}\u{61c}",
                "\\u{202e}txt\\u{2066}\\u{200b}\\u{feff}\\u{2028}\\u{61c}",
            ),
            ("tag \u{e0041}", "tag \\u{e0041}"),
        ] {
            assert_eq!(printable(text, MOST), shown);
            assert_eq!(printable(shown, MOST), shown, "twice is once");
        }
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(printable("äbcd", 4), "äbcd");
        assert_eq!(printable("äbcde", 4), "äbcd…");
        assert_eq!(printable(&printable("äbcde", 4), 4), "äbcd…");
    }
}
