//! Renderers: one [`Report`](crate::report::Report) in, text out. A renderer knows nothing but the report; it does no
//! I/O and reads no environment. To add one, write a file beside this one and add a row to `Format` in the command line.

pub mod answer;
pub mod fleet;
pub mod gate;
pub(crate) mod grid;
pub mod html;
pub mod markdown;
pub(crate) mod paint;
pub mod registers;
pub mod table;
pub mod trace;
pub mod unified;
pub mod words;

use crate::list;

/// Words in lines of at most `width` columns; those after the first are set in.
#[must_use]
pub fn paragraph(text: &str, width: u16) -> String {
    list::wrap(text, usize::from(width).saturating_sub(2)).join("\n  ") + "\n"
}

/// How a report is to look.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Columns of the terminal, or the width of a plain page.
    pub width: u16,
    /// Use colour.
    pub colour: bool,
    /// Show findings of every severity in full.
    pub all: bool,
    /// Show what a site policy would say to accept the findings.
    pub waivers: bool,
}

impl Style {
    /// Plain text of this width, and no more than what matters.
    #[must_use]
    pub const fn plain(width: u16) -> Self {
        Self { width, colour: false, all: false, waivers: false }
    }
}
