//! Tab-aligned text: cells at least 16 wide, padded with tabs to multiples of 8.

use super::console::harmless;

const MIN_WIDTH: usize = 16;
const TAB_WIDTH: usize = 8;
const PADDING: usize = 1;

/// Aligns rows of cells; every cell ends in padding, the table in one empty line. A line break
/// inside a cell ends the row there and starts a new one, as in the standard program.
pub fn tabulate(rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    for row in rows {
        for cell in row {
            text.push_str(&harmless(cell));
            text.push('\t');
        }
        text.push('\n');
    }
    text.push('\n');
    // The last element is what follows the last tab: a cell that belongs to no column.
    let lines: Vec<Vec<&str>> =
        text.split_terminator('\n').map(|line| line.split('\t').collect()).collect();
    let mut writer = Writer { lines: &lines, widths: Vec::new(), out: String::new() };
    writer.format(0, lines.len());
    writer.out
}

struct Writer<'a> {
    lines: &'a [Vec<&'a str>],
    widths: Vec<usize>,
    out: String,
}

impl Writer<'_> {
    /// Formats a run of lines; each block of neighbouring lines that have one more column gets a
    /// common width for it.
    fn format(&mut self, mut from: usize, to: usize) {
        let column = self.widths.len();
        let has_column = |line: &Vec<&str>| column + 1 < line.len();
        let mut at = from;
        while at < to {
            if !has_column(&self.lines[at]) {
                at += 1;
                continue;
            }
            self.write(from, at);
            let end = self.lines[at..to]
                .iter()
                .position(|line| !has_column(line))
                .map_or(to, |length| at + length);
            let widest =
                self.lines[at..end].iter().map(|line| line[column].chars().count() + PADDING).max();
            self.widths.push(widest.unwrap_or(0).max(MIN_WIDTH));
            self.format(at, end);
            self.widths.pop();
            (from, at) = (end, end);
        }
        self.write(from, to);
    }

    fn write(&mut self, from: usize, to: usize) {
        for line in &self.lines[from..to] {
            for (column, cell) in line.iter().enumerate() {
                self.out.push_str(cell);
                if let Some(width) = self.widths.get(column).filter(|_| column + 1 < line.len()) {
                    let missing = width.next_multiple_of(TAB_WIDTH) - cell.chars().count();
                    self.out.push_str(&"\t".repeat(missing.div_ceil(TAB_WIDTH)));
                }
            }
            self.out.push('\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|&cell| cell.to_owned()).collect()
    }

    #[test]
    fn table_short_cells_take_two_tabs() {
        assert_eq!(
            tabulate(&[row(&["NAMESPACE", "AGE"]), row(&["default*", "1s"])]),
            "NAMESPACE\tAGE\t\t\ndefault*\t1s\t\t\n\n"
        );
        assert_eq!(
            tabulate(&[row(&["ROUTE", "SOURCE MSVC", "DEST MSVC"])]),
            "ROUTE\t\tSOURCE MSVC\tDEST MSVC\t\n\n"
        );
    }

    #[test]
    fn table_wide_cells_stretch_their_column() {
        let text = tabulate(&[
            row(&["ID", "NAME"]),
            row(&["1", "a name of twenty-five chars"]),
            row(&["2", ""]),
        ]);
        assert_eq!(
            text,
            "ID\t\tNAME\t\t\t\t\n1\t\ta name of twenty-five chars\t\n2\t\t\t\t\t\t\n\n"
        );
    }

    #[test]
    fn table_counts_letters_not_bytes() {
        assert_eq!(tabulate(&[row(&["ääääääää", "x"])]), "ääääääää\tx\t\t\n\n");
    }

    #[test]
    fn table_gives_terminals_no_orders() {
        let cell = "ga\u{1b}]0;title\u{7}te\u{9b}2J\r";
        assert_eq!(
            tabulate(&[row(&[cell])]),
            "ga\u{fffd}]0;title\u{fffd}te\u{fffd}2J\u{fffd}\t\n\n"
        );
    }

    #[test]
    fn table_line_breaks_start_rows() {
        assert_eq!(tabulate(&[row(&["a", "b\nc", "d"])]), "a\t\tb\nc\t\td\t\t\n\n");
    }
}
