//! Tables for people: columns are as wide as their content, and some are left out if the terminal is too narrow.

use unicode_width::UnicodeWidthStr as _;

/// The space between two columns.
const GAP: &str = "  ";
/// A cell that is wider is cut off, if the table would not fit otherwise.
const WIDEST: usize = 40;

/// A table, and the columns that did not fit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) text: String,
    pub(crate) left_out: Vec<String>,
}

/// Lays out rows below a header line. Without a width, every column is shown.
pub(crate) fn render(names: &[&str], rows: &[Vec<String>], width: Option<usize>, bold: bool) -> Table {
    let columns = names.iter().enumerate().map(|(at, name)| {
        let cells = rows
            .iter()
            .map(|row| row.get(at).map_or_else(String::new, |cell| safe(cell)));
        Column::new(name, cells.collect())
    });
    let mut columns: Vec<_> = columns.collect();
    let mut left_out = Vec::new();
    if let Some(width) = width {
        let total = |columns: &[Column]| {
            let widths: usize = columns.iter().map(|column| column.width).sum();
            widths + GAP.len() * columns.len().saturating_sub(1)
        };
        if total(&columns) > width {
            for column in &mut columns {
                column.width = column.width.min(WIDEST);
            }
        }
        while columns.len() > 1 && total(&columns) > width {
            // The first column identifies the row, so it is kept.
            let last = |is: fn(&Column) -> bool| columns.iter().rposition(is).filter(|at| *at > 0);
            let at = last(Column::is_minor).or_else(|| last(|column| !column.is_money));
            let gone = columns.remove(at.unwrap_or(columns.len() - 1));
            left_out.insert(0, gone.name);
        }
    }
    let line = |cell: &dyn Fn(&Column) -> String| {
        let cells = columns.iter().map(|column| column.padded(&cell(column)));
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    let head = line(&|column| column.name.clone());
    let mut text = if bold {
        format!("\u{1b}[1m{head}\u{1b}[0m\n")
    } else {
        format!("{head}\n")
    };
    for row in 0..rows.len() {
        text.push_str(&line(&|column| column.cells[row].clone()));
        text.push('\n');
    }
    Table { text, left_out }
}

struct Column {
    name: String,
    cells: Vec<String>,
    width: usize,
    to_the_right: bool,
    is_money: bool,
}

impl Column {
    fn new(name: &str, cells: Vec<String>) -> Self {
        let width = cells
            .iter()
            .map(|cell| cell.width())
            .max()
            .unwrap_or_default()
            .max(name.width());
        let is_number = |cell: &str| cell.parse::<f64>().is_ok();
        // Amounts are followed by their currency.
        let is_amount = |cell: &str| {
            cell.split_once(' ')
                .is_some_and(|(number, code)| is_number(number) && code.len() == 3)
        };
        let filled: Vec<_> = cells.iter().filter(|cell| !cell.is_empty()).collect();
        Self {
            is_money: !filled.is_empty() && filled.iter().all(|cell| is_amount(cell)),
            to_the_right: !filled.is_empty() && filled.iter().all(|cell| is_number(cell) || is_amount(cell)),
            name: name.to_owned(),
            width,
            cells,
        }
    }

    /// Whether the column is less important than others: an identifier of something else, a time, an object.
    fn is_minor(&self) -> bool {
        let is_object = || self.cells.iter().any(|cell| cell.starts_with(['{', '[']));
        self.name.ends_with("_uuid") || self.name.ends_with("_at") || is_object()
    }

    fn padded(&self, cell: &str) -> String {
        let cell = cut(cell, self.width);
        let gap = " ".repeat(self.width - cell.width());
        if self.to_the_right { gap + &cell } else { cell + &gap }
    }
}

/// Lays out names and values below each other.
pub(crate) fn pairs(pairs: &[(String, String)], bold: bool) -> String {
    let widest = pairs.iter().map(|(name, _)| name.width()).max().unwrap_or_default();
    let lines = pairs.iter().map(|(name, value)| {
        let gap = " ".repeat(widest - name.width());
        let (on, off) = if bold { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
        let line = format!("{on}{name}{off}{gap}{GAP}{}", safe(value));
        line.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

/// Replaces characters that would control the terminal.
pub(crate) fn safe(text: &str) -> String {
    let visible = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => '\u{fffd}',
        c => c,
    };
    text.chars().map(visible).collect()
}

fn cut(cell: &str, width: usize) -> String {
    if cell.width() <= width {
        return cell.to_owned();
    }
    let mut shown = String::new();
    for c in cell.chars() {
        let mut with = shown.clone();
        with.push(c);
        if with.width() >= width {
            break;
        }
        shown = with;
    }
    shown + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect()
    }

    #[test]
    fn numbers_end_where_numbers_end() {
        let rows = rows(&[&["a", "200.00 USD", "4"], &["日本", "1200 JPY", ""]]);
        let table = render(&["name", "amount", "seats"], &rows, None, false);
        let expected = "name      amount  seats\na     200.00 USD      4\n日本    1200 JPY\n";
        assert_eq!(table.text, expected);
    }

    #[test]
    fn what_has_no_room_is_named_and_what_says_least_goes_first() {
        let rows = rows(&[&["first", "second", "third", "fourth"]]);
        let render = |names: &[&str], width| {
            let table = render(names, &rows, Some(width), false);
            (table.text.lines().next().unwrap().to_owned(), table.left_out)
        };
        assert_eq!(
            render(&["a", "b", "c", "d"], 14),
            ("a      b".to_owned(), vec!["c".to_owned(), "d".to_owned()])
        );
        let names = ["uuid", "x_uuid", "c", "made_at"];
        assert_eq!(
            render(&names, 14),
            ("uuid   c".to_owned(), vec!["x_uuid".to_owned(), "made_at".to_owned()])
        );
        assert_eq!(render(&names, 80).1, Vec::<String>::new());
    }

    #[test]
    fn long_cells_are_cut_if_the_table_would_not_fit() {
        let long = vec![vec!["x".repeat(50), "y".to_owned()]];
        let table = render(&["a", "b"], &long, Some(45), false);
        assert_eq!(
            table.text.lines().nth(1),
            Some(format!("{}…  y", "x".repeat(39)).as_str())
        );
    }

    #[test]
    fn data_does_nothing_to_the_terminal() {
        assert_eq!(
            safe("a\u{1b}[31mb\nc\u{9b}d\u{202e}e"),
            "a\u{fffd}[31mb c\u{fffd}d\u{fffd}e"
        );
    }
}
