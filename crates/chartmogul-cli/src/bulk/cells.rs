//! Rows and cells of delimited text, as a spreadsheet has them.
//!
//! Not the `csv` crate: it does not report which cells were quoted, counts lines instead of rows, and reads broken quotes as text.

use std::sync::Arc;

/// The possible delimiters.
pub(super) const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// A cell. One that is not quoted has no spaces at its ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) quoted: bool,
}

/// A row, with its number as a spreadsheet shows it: a row whose cells have several lines is one, an empty line is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) row: u64,
    pub(super) cells: Vec<Cell>,
}

impl Record {
    pub(super) fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.text.is_empty())
    }
}

/// A row that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MalformedRecord {
    pub(super) row: u64,
    /// The index of the cell.
    pub(super) cell: usize,
    pub(super) what: &'static str,
}

/// The rows of a text.
#[derive(Debug, Clone)]
pub(super) struct Records {
    text: Arc<str>,
    at: usize,
    row: u64,
    delimiter: char,
}

impl Records {
    pub(super) fn new(text: Arc<str>, delimiter: char) -> Self {
        let at = separator_line(&text).map_or(0, |(_, end)| end);
        Self {
            text,
            at,
            row: 0,
            delimiter,
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// A cell that begins with a quote.
    fn quoted(&mut self) -> Result<Cell, &'static str> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text[self.at..];
            let Some(end) = rest.find('"') else {
                self.at = self.text.len();
                return Err("it begins with a quote that is never closed");
            };
            text.push_str(&rest[..end]);
            self.at += end + 1;
            if !self.text[self.at..].starts_with('"') {
                break;
            }
            text.push('"');
            self.at += 1;
        }
        let after = self.plain();
        if !after.trim_matches([' ', '\t']).is_empty() {
            return Err("there is text after its closing quote; a quote within a quoted cell is written twice");
        }
        Ok(Cell { text, quoted: true })
    }

    /// The text up to the end of the cell.
    fn plain(&mut self) -> &str {
        let start = self.at;
        let delimiter = self.delimiter;
        let length = self.rest().find([delimiter, '\r', '\n']);
        self.at = length.map_or(self.text.len(), |length| start + length);
        &self.text[start..self.at]
    }

    fn cell(&mut self) -> Result<Cell, &'static str> {
        if self.rest().starts_with('"') {
            return self.quoted();
        }
        let text = self.plain().trim_matches([' ', '\t']).to_owned();
        if text.starts_with('"') {
            return Err("a quote must be its first character, without spaces before it");
        }
        Ok(Cell { text, quoted: false })
    }

    /// Whether the row has another cell. Skips the delimiter or the end of the line.
    fn has_another(&mut self) -> bool {
        let rest = self.rest();
        let (length, has_another) = match rest.as_bytes() {
            [] => (0, false),
            [b'\r', b'\n', ..] => (2, false),
            [b'\r' | b'\n', ..] => (1, false),
            _ => (self.delimiter.len_utf8(), true),
        };
        self.at += length;
        has_another
    }
}

impl Iterator for Records {
    type Item = Result<Record, MalformedRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.text.len() {
            return None;
        }
        self.row += 1;
        let row = self.row;
        let mut cells = Vec::new();
        let mut broken = None;
        loop {
            match self.cell() {
                Ok(cell) => cells.push(cell),
                Err(what) => {
                    let cell = cells.len();
                    broken.get_or_insert(MalformedRecord { row, cell, what });
                    self.plain();
                    cells.push(Cell::default());
                }
            }
            if !self.has_another() {
                break;
            }
        }
        Some(match broken {
            Some(broken) => Err(broken),
            None => Ok(Record { row, cells }),
        })
    }
}

/// The line `sep=;` that Excel understands, and does not show: the delimiter, and where the line ends.
pub(super) fn separator_line(text: &str) -> Option<(char, usize)> {
    let start = text.get(..4).filter(|start| start.eq_ignore_ascii_case("sep="))?;
    let mut rest = text[start.len()..].chars();
    let delimiter = rest.next().filter(|c| DELIMITERS.contains(c))?;
    let rest = rest.as_str();
    let end = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\r', '\n']))?;
    Some((delimiter, text.len() - end.len()))
}

/// Detects the delimiter from the first row that is not blank: the one with which most column names are known.
///
/// # Errors
/// If two delimiters fit equally well.
pub(super) fn delimiter(text: &Arc<str>, is_known: impl Fn(&str) -> bool) -> Result<char, String> {
    if let Some((delimiter, _)) = separator_line(text) {
        return Ok(delimiter);
    }
    let header = |delimiter| {
        let mut rows = Records::new(Arc::clone(text), delimiter).map_while(Result::ok);
        rows.find(|row| !row.is_blank())
            .map(|row| row.cells)
            .unwrap_or_default()
    };
    let known = |delimiter| header(delimiter).iter().filter(|cell| is_known(&cell.text)).count();
    let there = DELIMITERS.into_iter().filter(|delimiter| header(*delimiter).len() > 1);
    let mut there: Vec<_> = there.map(|delimiter| (known(delimiter), delimiter)).collect();
    there.sort_by_key(|(known, _)| std::cmp::Reverse(*known));
    match there.as_slice() {
        [] => Ok(','),
        [(one, _), (other, _), ..] if one == other => {
            Err("the delimiter between its cells can't be detected; pass --delimiter".to_owned())
        }
        [(_, delimiter), ..] => Ok(*delimiter),
    }
}

/// Writes a row so that it is read as the same cells.
pub(super) fn write<'a>(out: &mut String, cells: impl IntoIterator<Item = &'a Cell>, delimiter: char) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(delimiter);
        }
        let special = |c| c == delimiter || matches!(c, '"' | '\r' | '\n');
        if cell.quoted || cell.text.contains(special) || cell.text.trim_matches([' ', '\t']) != cell.text {
            out.push('"');
            out.push_str(&cell.text.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell.text);
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, delimiter: char) -> Vec<Result<Record, MalformedRecord>> {
        Records::new(text.into(), delimiter).collect()
    }

    fn texts(text: &str, delimiter: char) -> Vec<(u64, Vec<String>)> {
        let rows = rows(text, delimiter).into_iter().map(Result::unwrap);
        rows.map(|row| (row.row, row.cells.into_iter().map(|cell| cell.text).collect()))
            .collect()
    }

    #[test]
    fn every_line_end_ends_a_row() {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("a,b{end}{end}1,\"x{end}y\"{end}2,z");
            let both = format!("x{end}y");
            let expected = [
                (1, vec!["a", "b"]),
                (2, vec![""]),
                (3, vec!["1", &both]),
                (4, vec!["2", "z"]),
            ];
            let expected = expected.map(|(row, cells)| (row, cells.into_iter().map(str::to_owned).collect::<Vec<_>>()));
            assert_eq!(texts(&text, ','), expected, "{end:?}");
        }
    }

    #[test]
    fn what_is_quoted_is_kept_and_what_is_not_is_trimmed() {
        let rows = rows("  a , \" b \"\n", ',');
        assert_eq!(rows[0].as_ref().unwrap_err().cell, 1, "a quote behind a space");
        let cells = self::rows("  a ,\" b \"\" \",\"\",5\" disk \n", ',')[0]
            .clone()
            .unwrap()
            .cells;
        let cell = |text: &str, quoted| Cell {
            text: text.to_owned(),
            quoted,
        };
        assert_eq!(
            cells,
            [
                cell("a", false),
                cell(" b \" ", true),
                cell("", true),
                cell("5\" disk", false)
            ]
        );
    }

    #[test]
    fn what_is_broken_is_named_and_the_next_row_is_read() {
        let rows = rows("\"a\"b,c\nd,e\nf,\"g\nh,i\n", ',');
        let broken = |row: &Result<Record, MalformedRecord>| row.as_ref().unwrap_err().clone();
        assert_eq!((broken(&rows[0]).row, broken(&rows[0]).cell), (1, 0));
        assert_eq!(rows[1].as_ref().unwrap().cells.len(), 2);
        assert_eq!((broken(&rows[2]).row, broken(&rows[2]).cell), (3, 1));
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn a_row_is_written_so_that_it_is_read_again() {
        let text = "a;\" b \";\"c;d\";\"e\"\"f\";\"g\r\nh\";;\"\"\n";
        let row = rows(text, ';')[0].clone().unwrap();
        let mut out = String::new();
        write(&mut out, &row.cells, ';');
        assert_eq!(out, text);
    }

    #[test]
    fn the_delimiter_is_that_of_the_names() {
        let of = |text: &str| delimiter(&text.into(), |name| ["uuid", "owner"].contains(&name));
        for (text, expected) in [
            ("uuid,owner\n1,a;b", ','),
            ("uuid;owner\n1;a,b", ';'),
            ("\nuuid\towner\n", '\t'),
            ("uuid|owner", '|'),
            ("uuid;owner;\"x,y\"", ';'),
            ("uuid;owner;x,y", ';'),
            ("uuid", ','),
            ("sep=|\r\nuuid,owner", '|'),
        ] {
            assert_eq!(of(text), Ok(expected), "{text}");
        }
        assert!(of("a,b;c").is_err());
        assert_eq!(
            texts("sep=;\r\nuuid;a\r\n", ';'),
            [(1, vec!["uuid".to_owned(), "a".to_owned()])]
        );
    }
}
