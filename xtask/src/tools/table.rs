//! Plain text tables: columns as wide as their widest cell, two blanks between.

/// Lays rows out under a header; every line ends without trailing blanks.
pub fn layout(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(column) {
                Some(known) => *known = (*known).max(width),
                None => widths.push(width),
            }
        }
    }
    let rule: Vec<String> = widths.iter().map(|w| "-".repeat(*w)).collect();
    let mut text = String::new();
    push_row(&mut text, header.iter().copied(), &widths);
    push_row(&mut text, rule.iter().map(String::as_str), &widths);
    for row in rows {
        push_row(&mut text, row.iter().map(String::as_str), &widths);
    }
    text
}

fn push_row<'a>(text: &mut String, cells: impl Iterator<Item = &'a str>, widths: &[usize]) {
    let mut line = String::new();
    for (cell, width) in cells.zip(widths) {
        line.push_str(&format!("{cell:<width$}  "));
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let text = layout(&["a", "bb"], &[vec!["xxx".into(), "y".into()], vec!["z".into()]]);
        assert_eq!(text, "a    bb\n---  --\nxxx  y\nz\n");
    }
}
