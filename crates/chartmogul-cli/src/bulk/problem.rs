//! The problems of an input, with their positions, in order.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fmt,
};

use serde_json::{Value, json};

/// A problem. It prints as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The row as a spreadsheet shows it, or the line of JSON lines; `None` if it is about the whole file.
    pub(super) row: Option<u64>,
    pub(super) column: Option<String>,
    /// The text of the cell.
    pub(super) value: Option<String>,
    /// What it must be: "must be ..", or what is wrong.
    pub(super) must: String,
    /// What to write instead, if known.
    pub(super) meant: Option<String>,
}

/// A longer value is cut off in messages.
const LONGEST: usize = 60;

impl Problem {
    pub(super) fn of_file(must: impl Into<String>) -> Self {
        Self {
            row: None,
            column: None,
            value: None,
            must: must.into(),
            meant: None,
        }
    }

    pub(super) fn of_row(row: u64, must: impl Into<String>) -> Self {
        Self {
            row: Some(row),
            ..Self::of_file(must)
        }
    }

    pub(super) fn of_cell(row: u64, column: &str, value: Option<&str>, must: impl Into<String>) -> Self {
        Self {
            column: Some(column.to_owned()),
            value: value.map(str::to_owned),
            ..Self::of_row(row, must)
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "row": self.row, "column": self.column, "value": self.value, "message": self.must, "write": self.meant,
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(row) = self.row {
            write!(f, "row {row}")?;
        }
        if let Some(column) = &self.column {
            // With `Debug`, so that spaces and invisible characters are visible.
            let comma = if self.row.is_some() { ", " } else { "" };
            let shown = column.escape_debug().to_string();
            let is_plain = !column.is_empty() && shown == *column && !column.contains(' ');
            if is_plain {
                write!(f, "{comma}column {column}")?;
            } else {
                write!(f, "{comma}column \"{shown}\"")?;
            }
        }
        if self.row.is_some() || self.column.is_some() {
            f.write_str(": ")?;
        }
        if let Some(value) = &self.value {
            let mut short: String = value.chars().take(LONGEST).collect();
            if short.len() < value.len() {
                short.push('…');
            }
            write!(f, "{short:?} ")?;
        }
        f.write_str(&self.must)?;
        match &self.meant {
            Some(meant) => write!(f, "; write {meant}"),
            None => Ok(()),
        }
    }
}

/// All problems, in order, up to a maximum.
#[derive(Debug, Default)]
pub(super) struct Problems {
    pub(super) all: Vec<Problem>,
    pub(super) more: u64,
    rows: HashSet<u64>,
    /// Unknown keys of JSON lines: the index of their problem in `all`, and the number of rows that have them.
    keys: HashMap<(String, String), (usize, u64)>,
}

/// Further problems are only counted.
const MOST: usize = 1_000;

impl Problems {
    pub(super) fn push(&mut self, problem: Problem) {
        self.rows.extend(problem.row);
        if self.all.len() < MOST {
            self.all.push(problem);
        } else {
            self.more += 1;
        }
    }

    /// A problem of a whole column, which is reported at its first row.
    pub(super) fn push_once(&mut self, problem: Problem) {
        let is_known = |known: &Problem| known.column == problem.column && known.must == problem.must;
        if !self.all.iter().any(is_known) {
            self.push(problem);
        }
    }

    /// An unknown key of JSON lines. It is reported once, at its first row, as a column is.
    pub(super) fn push_key(&mut self, row: u64, name: &str, must: String) {
        match self.keys.entry((name.to_owned(), must.clone())) {
            Entry::Occupied(mut known) => {
                known.get_mut().1 += 1;
                self.rows.insert(row);
            }
            Entry::Vacant(free) => {
                free.insert((self.all.len(), 1));
                self.push(Problem::of_cell(row, name, None, must));
            }
        }
    }

    /// Adds to each unknown key how many rows have it, and sorts the problems by row.
    pub(super) fn finish(&mut self) {
        for (at, rows) in self.keys.values().filter(|(_, rows)| *rows > 1) {
            if let Some(problem) = self.all.get_mut(*at) {
                problem.must += &format!(" ({rows} rows have it)");
            }
        }
        self.all.sort_by_key(|problem| problem.row);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn count(&self) -> u64 {
        self.all.len() as u64 + self.more
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line() {
        let mut problem = Problem::of_cell(7, "amount", Some("1.250,00"), "must be digits");
        problem.meant = Some("1250.00".to_owned());
        assert_eq!(
            problem.to_string(),
            "row 7, column amount: \"1.250,00\" must be digits; write 1250.00"
        );
        let problem = Problem::of_cell(1, "owner\u{a0}", None, "is not known");
        assert_eq!(problem.to_string(), "row 1, column \"owner\\u{a0}\": is not known");
        assert_eq!(Problem::of_file("is empty").to_string(), "is empty");
        let long = Problem::of_cell(2, "owner", Some(&"x".repeat(100)), "must be shorter");
        assert!(long.to_string().ends_with("xxx…\" must be shorter"));
    }
}
