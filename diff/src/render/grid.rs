//! Tables for terminals, drawn by comfy-table. How wide the columns are is decided here: as wide as the longest cell where there
//! is room, and a name stays whole as long as any other cell can be broken at a blank.

use comfy_table::{ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width, presets};

use crate::list::{fold, pieces};
use crate::render::paint::{Paint, paint};

/// How tables look on a terminal.
const STYLE: TableStyle = presets::NOTHING.header_separator(LineStyle::none().fill('-').junction('-'));
/// Blanks between two columns.
const GAP: usize = 2;
/// No column gets narrower than this, but for a page that is too narrow for anything else.
const NARROWEST: usize = 7;

/// A cell and how it looks.
pub(crate) type Cell = (String, Paint);

/// A cell without colour.
pub(crate) fn plain(text: impl Into<String>) -> Cell {
    (text.into(), Paint::Plain)
}

/// The columns of one or several tables with one header.
pub(crate) struct Grid {
    header: Vec<String>,
    widths: Vec<usize>,
}

impl Grid {
    /// Columns for these rows on a page of `width` columns. The column `kept` is whole as long
    /// as all others can be broken at blanks.
    pub(crate) fn new(header: &[&str], rows: &[Vec<Cell>], kept: usize, width: usize) -> Self {
        let longest = |column: usize, of: &dyn Fn(&str) -> usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|(text, _)| of(text));
            cells.chain([of(header[column])]).max().unwrap_or_default()
        };
        let count = |text: &str| text.chars().count();
        let word = |text: &str| text.split_whitespace().map(count).max().unwrap_or_default();
        let piece = |text: &str| text.split_whitespace().flat_map(pieces).map(count).max().unwrap_or_default();
        let columns = 0..header.len();
        let all = |of: &dyn Fn(&str) -> usize| columns.clone().map(|column| longest(column, of)).collect::<Vec<_>>();
        let (mut widths, words, parts) = (all(&count), all(&word), all(&piece));
        let room = width.saturating_sub(GAP * header.len().saturating_sub(1));
        let others: usize = columns.clone().filter(|i| *i != kept).map(|i| words[i]).sum();
        if widths[kept] + others > room {
            widths[kept] = words[kept];
        }
        // At blanks; then names, too; then anywhere.
        for least in [words, parts, vec![NARROWEST; header.len()]] {
            while widths.iter().sum::<usize>() > room {
                let may = columns.clone().filter(|i| widths[*i] > least[*i]);
                let Some(widest) = may.max_by_key(|i| (*i != kept, widths[*i])) else { break };
                widths[widest] -= 1;
            }
        }
        Self { header: header.iter().map(ToString::to_string).collect(), widths }
    }

    /// A table with the header.
    pub(crate) fn table(&self, rows: &[Vec<Cell>], colour: bool) -> String {
        let header: Vec<Cell> = self.header.iter().map(|text| plain(text.as_str())).collect();
        let folded: Vec<Vec<Vec<String>>> = std::iter::once(&header).chain(rows).map(|row| self.folded(row)).collect();
        let mut table = Table::new();
        // What is folded here is not broken again.
        table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
        let mut texts = folded.iter().map(|row| row.iter().map(|lines| lines.join("\n")));
        table.set_header(texts.next().into_iter().flatten());
        table.add_rows(texts);
        let last = self.widths.len().saturating_sub(1);
        for (i, (column, width)) in table.column_iter_mut().zip(&self.widths).enumerate() {
            // The style's own separator is one blank wide.
            let gap = if i == last { 0 } else { GAP - 1 };
            let least = Width::Fixed(u16::try_from(width + gap).unwrap_or(u16::MAX));
            column.set_padding((0, gap as u16)).set_constraint(ColumnConstraint::LowerBoundary(least));
        }
        let mut lines = table.lines();
        let mut out = String::new();
        for (row, (texts, cells)) in folded.iter().zip(std::iter::once(&header).chain(rows)).enumerate() {
            let height = texts.iter().map(Vec::len).max().unwrap_or_default().max(1);
            for (i, line) in lines.by_ref().take(height).enumerate() {
                let line = if colour { painted(&line, texts, cells, i) } else { line };
                out += line.trim_end();
                out.push('\n');
            }
            if row == 0 {
                out.extend(lines.next().map(|rule| rule + "\n"));
            }
        }
        out
    }

    /// The lines of each cell. What is in a cell is the user's; a terminal must not obey it.
    fn folded(&self, cells: &[Cell]) -> Vec<Vec<String>> {
        let fold = |((text, _), width): (&Cell, &usize)| fold(&text.replace(char::is_control, " "), *width);
        cells.iter().zip(&self.widths).map(fold).collect()
    }
}

/// The `i`th line of a row in colour: the texts stand in it in their order, with blanks between.
fn painted(line: &str, texts: &[Vec<String>], cells: &[Cell], i: usize) -> String {
    let (mut out, mut rest) = (String::new(), line);
    for (lines, (_, style)) in texts.iter().zip(cells) {
        let text = lines.get(i).map_or("", String::as_str);
        let blanks = rest.len() - rest.trim_start().len();
        if let Some(after) = rest[blanks..].strip_prefix(text).filter(|_| !text.is_empty()) {
            out += &rest[..blanks];
            out += &paint(text, *style, true);
            rest = after;
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sentence is broken first, then the place, then the name behind its `_`; nothing inside a word.
    #[test]
    fn names_are_broken_last_and_never_inside_a_word() {
        let row = |place: &str, name: &str, what: &str| vec![plain(place), (name.to_string(), Paint::Red), plain(what)];
        let rows = [row("0x0000000d.5 EBX[31:0]", "comp_offset", "an offset in bytes"), row("0x1 EAX", "model", "")];
        let header = ["place", "name", "what it is"];
        let table = |width| Grid::new(&header, &rows, 0, width).table(&rows, false);
        assert_eq!(
            table(50),
            "place                   name         what it is\n\
             --------------------------------------------------\n\
             0x0000000d.5 EBX[31:0]  comp_offset  an offset in\n\
             \x20                                    bytes\n\
             0x1 EAX                 model\n"
        );
        assert_eq!(
            table(38),
            "place         name         what it is\n\
             --------------------------------------\n\
             0x0000000d.5  comp_offset  an offset\n\
             EBX[31:0]                  in bytes\n\
             0x1 EAX       model\n"
        );
        assert!(table(29).contains("0x0000000d.5  comp_    an"), "{}", table(29));
        let painted = Grid::new(&header, &rows, 0, 80).table(&rows[1..], true);
        assert!(painted.ends_with("0x1 EAX                 \x1b[1;31mmodel\x1b[0m\n"), "{painted:?}");
    }
}
