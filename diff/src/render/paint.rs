//! Colour on a terminal.

use crate::finding::{Change, Judged};
use crate::knowledge::Severity;

/// How a piece of text looks on a colour terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Bold,
    Dim,
    Red,
    Yellow,
    Green,
}

impl Paint {
    pub(crate) const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Unsafe => Self::Red,
            Severity::Warning => Self::Yellow,
            Severity::Info | Severity::Waived => Self::Bold,
            Severity::Expected => Self::Green,
        }
    }

    /// Of a finding in one direction.
    pub(crate) fn of_direction(judged: Option<Judged>) -> Self {
        judged.filter(|j| j.change != Change::Same).map_or(Self::Plain, |j| Self::of(j.severity))
    }

    /// The SGR parameters (ECMA-48).
    const fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Red => "1;31",
            Self::Yellow => "1;33",
            Self::Green => "1;32",
        }
    }
}

/// Text as a terminal shows it. Files, labels and logs are the user's; a terminal must not obey them.
pub(crate) fn paint(text: &str, style: Paint, colour: bool) -> String {
    let text = text.replace(|c: char| c.is_control(), " ");
    if colour && !style.sgr().is_empty() && !text.is_empty() {
        format!("\x1b[{}m{text}\x1b[0m", style.sgr())
    } else {
        text
    }
}
