//! Tables for people: columns that are as wide as what is in them, and end where the terminal does.

use unicode_width::UnicodeWidthStr as _;

/// Between two columns.
const GAP: &str = "  ";
/// A cell that is wider is cut off, if the table would not fit otherwise.
const WIDEST: usize = 40;

/// A table, and how many of its last columns had no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) text: String,
    pub(crate) left_out: usize,
}

/// Lays out rows below a line of names. Without a width, every column is there.
pub(crate) fn render(names: &[&str], rows: &[Vec<String>], width: Option<usize>, bold: bool) -> Table {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| safe(cell)).collect())
        .collect();
    let column = |at: usize| rows.iter().map(move |row| row.get(at).map_or("", String::as_str));
    let natural = |at: usize| {
        column(at)
            .chain([names[at]])
            .map(|cell| cell.width())
            .max()
            .unwrap_or_default()
    };
    let mut widths: Vec<_> = (0..names.len()).map(natural).collect();
    let total = |widths: &[usize]| widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
    let mut left_out = 0;
    if let Some(width) = width {
        if total(&widths) > width {
            for width in &mut widths {
                *width = (*width).min(WIDEST);
            }
        }
        while widths.len() > 1 && total(&widths) > width {
            widths.pop();
            left_out += 1;
        }
    }
    let is_number = |cell: &str| cell.parse::<f64>().is_ok();
    // Amounts have their currency behind them.
    let is_amount = |cell: &str| {
        cell.split_once(' ')
            .is_some_and(|(number, code)| is_number(number) && code.len() == 3)
    };
    let to_the_right: Vec<_> = (0..widths.len())
        .map(|at| {
            let mut filled = column(at).filter(|cell| !cell.is_empty()).peekable();
            filled.peek().is_some() && filled.all(|cell| is_number(cell) || is_amount(cell))
        })
        .collect();
    let line = |cells: &[&str]| {
        let cells = cells.iter().zip(&widths).zip(&to_the_right);
        let cells = cells.map(|((cell, width), right)| {
            let cell = cut(cell, *width);
            let gap = " ".repeat(width - cell.width());
            if *right { gap + &cell } else { cell + &gap }
        });
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    let head = line(names);
    let mut text = if bold {
        format!("\u{1b}[1m{head}\u{1b}[0m\n")
    } else {
        format!("{head}\n")
    };
    for row in &rows {
        let cells: Vec<_> = row.iter().map(String::as_str).collect();
        text.push_str(&line(&cells));
        text.push('\n');
    }
    Table { text, left_out }
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

/// Without characters that do something to a terminal.
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
    fn what_has_no_room_is_counted() {
        let rows = rows(&[&["first", "second", "third"]]);
        let table = render(&["a", "b", "c"], &rows, Some(14), false);
        assert_eq!((table.text.as_str(), table.left_out), ("a      b\nfirst  second\n", 1));
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
