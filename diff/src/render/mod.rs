//! Renderers: one [`Report`](crate::report::Report) in, text out. A renderer knows nothing but the report; it does no
//! I/O and reads no environment. To add one, write a file beside this one and add a row to `Format` in the command line.

pub mod answer;
pub mod fleet;
pub mod gate;
pub mod html;
pub mod markdown;
pub mod registers;
pub mod table;
pub mod trace;
pub mod unified;
pub mod words;

use comfy_table::{LineStyle, TableStyle, presets};

/// How tables look on a terminal.
const TABLE: TableStyle = presets::NOTHING.header_separator(LineStyle::none().fill('-').junction('-'));

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
