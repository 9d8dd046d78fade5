//! The input: a file or standard input, read once and iterated as often as needed.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use encoding_rs::Encoding;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{
    cells::{Cell, MalformedRecord, Records, delimiter},
    decode::decode,
};
use crate::{
    error::{CliError, Exit},
    json,
    output::text::RawFields,
};

/// The format of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Cells separated by this delimiter, below a header row.
    Cells(char),
    /// A JSON object in each line.
    JsonLines,
}

/// The input as text. All of it is kept in memory, because the file may change during a run.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// Its name in messages.
    pub(super) name: String,
    /// `None` for standard input.
    pub(super) path: Option<PathBuf>,
    pub(super) form: Form,
    /// Whether a file of failed rows, which is UTF-8, begins with a byte order mark. With the mark it is decoded
    /// correctly without `--encoding`, with the `--encoding` of the input, and by Excel.
    pub(super) marked: bool,
    text: Arc<str>,
}

/// The value of a row in a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    Text(Cell),
    Json(Value),
}

/// A row as it was written.
#[derive(Debug, Clone)]
pub(super) enum Row {
    Cells(Vec<Cell>),
    /// The fields, each as it was written.
    Json(RawFields),
}

impl Input {
    /// Reads the input.
    ///
    /// # Errors
    /// If it can't be read, or is not text.
    pub(super) fn open(
        path: &str,
        form: Option<Form>,
        encoding: Option<&'static Encoding>,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<Self, CliError> {
        let (name, file) = match path {
            "-" => ("standard input".to_owned(), None),
            path => (path.to_owned(), Some(PathBuf::from(path))),
        };
        let mut bytes = Vec::new();
        let read = match &file {
            None => io::stdin().read_to_end(&mut bytes).map(drop),
            Some(path) => fs::read(path).map(|read| bytes = read),
        };
        read.map_err(|error| {
            let message = format!("can't read {name}: {error}");
            CliError::new(Exit::Usage, "file", message)
        })?;
        let refused = |what: String| CliError::new(Exit::Usage, "invalid_file", format!("{name}: {what}"));
        let decoded = decode(&bytes, encoding).map_err(refused)?;
        drop(bytes);
        let text: Arc<str> = decoded.text.into();
        if !matches!(form, Some(Form::Cells(_))) && serde_json::from_str::<Vec<IgnoredAny>>(&text).is_ok() {
            let what = "it is an array of JSON; write an object in each line, as `--output jsonl` and `jq -c '.[]'` do";
            return Err(refused(what.to_owned()));
        }
        let form = match form.or_else(|| of_extension(file.as_deref()?)) {
            Some(form) => form,
            None if text.trim_start().starts_with('{') => Form::JsonLines,
            None => Form::Cells(delimiter(&text, is_known).map_err(refused)?),
        };
        Ok(Self {
            name,
            path: file,
            form,
            marked: decoded.marked || encoding.is_some() || matches!(form, Form::Cells(_)) && !text.is_ascii(),
            text,
        })
    }

    /// Rows of cells, including the header.
    pub(super) fn records(&self, delimiter: char) -> Records {
        Records::new(Arc::clone(&self.text), delimiter)
    }

    /// Lines that are not blank, with their numbers.
    pub(super) fn lines(&self) -> Lines {
        Lines {
            text: Arc::clone(&self.text),
            at: 0,
            line: 0,
        }
    }
}

/// File extensions and their formats. The delimiter of a `.csv` is detected.
fn of_extension(path: &Path) -> Option<Form> {
    match path.extension()?.to_str()?.to_lowercase().as_str() {
        "jsonl" | "ndjson" => Some(Form::JsonLines),
        "tsv" | "tab" => Some(Form::Cells('\t')),
        _ => None,
    }
}

/// Lines of a text, with their numbers.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    text: Arc<str>,
    at: usize,
    line: u64,
}

impl Iterator for Lines {
    type Item = (u64, String);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
            let (line, length) = match rest.find('\n') {
                Some(end) => (&rest[..end], end + 1),
                None => (rest, rest.len()),
            };
            let line = line.trim();
            self.at += length;
            self.line += 1;
            if !line.is_empty() {
                return Some((self.line, line.to_owned()));
            }
        }
    }
}

/// The rows below the header, or the lines; without blank ones.
#[derive(Debug, Clone)]
pub(super) enum Rows {
    Cells(Records),
    Lines(Lines),
}

impl Iterator for Rows {
    type Item = (u64, Result<Row, (Option<usize>, String)>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Lines(lines) => {
                let (number, line) = lines.next()?;
                let row = match json::object(&line) {
                    Ok(Some(fields)) => Ok(Row::Json(fields)),
                    Ok(None) => Err((None, "the line must be a JSON object".to_owned())),
                    Err(what) => Err((None, what)),
                };
                Some((number, row))
            }
            Self::Cells(records) => loop {
                match records.next()? {
                    Ok(record) if record.is_blank() => {}
                    Ok(record) => return Some((record.row, Ok(Row::Cells(record.cells)))),
                    Err(MalformedRecord { row, cell, what }) => return Some((row, Err((Some(cell), what.to_owned())))),
                }
            },
        }
    }
}
