//! The result of each row, in a file or on standard output.

use std::{
    fs::File,
    io::{self, BufWriter, Write as _},
    path::Path,
};

use chartmogul::bulk::{Completed, NotSent, Outcome, UpdateError};
use serde_json::Value;

use super::cells::{self, Cell};
use crate::output::text;

/// The result of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Updated,
    Unchanged,
    Failed,
    NotSent,
}

impl Word {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::NotSent => "not sent",
        }
    }
}

/// The columns of a result, after the row's number and identifier.
pub(super) const FIELDS: [&str; 3] = ["outcome", "status", "reason"];

const BY_AN_EARLIER_RUN: &str = "by an earlier run";

/// A row of the results.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) row: u64,
    pub(super) id: String,
    pub(super) word: Word,
    pub(super) status: Option<u16>,
    pub(super) reason: Option<String>,
}

impl Line {
    pub(super) fn of<T>(row: u64, id: &str, done: &Completed<T>) -> Self {
        let earlier = done.earlier.then(|| BY_AN_EARLIER_RUN.to_owned());
        let (word, reason) = match &done.outcome {
            Outcome::Updated(_) => (Word::Updated, earlier),
            Outcome::NotModified => (Word::Unchanged, earlier),
            Outcome::NotSent(NotSent::Stopped(why)) => (Word::NotSent, Some(why.to_string())),
            Outcome::NotSent(NotSent::Behind(_)) => (
                Word::NotSent,
                Some("an earlier row of the same object must be made first".to_owned()),
            ),
            // The update failed, or was stopped in flight.
            other => match other.error() {
                Some(error) => (Word::Failed, Some(reason(error))),
                None => (Word::NotSent, None),
            },
        };
        let status = done
            .outcome
            .error()
            .and_then(UpdateError::status)
            .map(|status| status.as_u16());
        Self {
            row,
            id: id.to_owned(),
            word,
            status,
            reason,
        }
    }

    /// The result of a row whose cells are all empty.
    pub(super) fn empty(row: u64, id: &str) -> Self {
        Self {
            row,
            id: id.to_owned(),
            word: Word::Unchanged,
            status: None,
            reason: Some("it sets nothing".to_owned()),
        }
    }

    /// The line as a JSON object, with its fields in this order.
    pub(super) fn json(&self, id: &str) -> String {
        let [outcome, status, reason] = FIELDS;
        object(&[
            ("row", self.row.into()),
            (id, self.id.as_str().into()),
            (outcome, self.word.as_str().into()),
            (status, self.status.into()),
            (reason, self.reason.as_deref().into()),
        ])
    }
}

/// A JSON object that keeps the order of its fields.
pub(super) fn object(fields: &[(&str, Value)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.to_string())).collect();
    text::object(fields.iter().map(|(name, value)| (*name, value.as_str())))
}

/// Why a row failed, on one line.
fn reason(error: &UpdateError) -> String {
    let mut text = error.to_string();
    if error.may_have_happened() {
        text.push_str("; it may have been made nevertheless");
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The file of `--results`. The same command overwrites it.
pub(super) struct ResultsFile {
    id: &'static str,
    is_json: bool,
    out: BufWriter<File>,
}

impl ResultsFile {
    pub(super) fn create(path: &Path, id: &'static str) -> io::Result<Self> {
        let extension = path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or_default();
        let mut file = Self {
            id,
            is_json: matches!(extension, "jsonl" | "ndjson" | "json"),
            out: BufWriter::new(File::create(path)?),
        };
        if !file.is_json {
            let [outcome, status, reason] = FIELDS;
            file.record(["row", id, outcome, status, reason])?;
            file.out.flush()?; // a full disk is noticed before anything is sent
        }
        Ok(file)
    }

    pub(super) fn write(&mut self, line: &Line) -> io::Result<()> {
        if self.is_json {
            return writeln!(self.out, "{}", line.json(self.id));
        }
        let status = line.status.map(|status| status.to_string()).unwrap_or_default();
        let reason = line.reason.as_deref().unwrap_or_default();
        self.record([&line.row.to_string(), &line.id, line.word.as_str(), &status, reason])
    }

    fn record(&mut self, cells: [&str; 5]) -> io::Result<()> {
        let cells = cells.map(|text| Cell {
            text: text.to_owned(),
            quoted: false,
        });
        let mut line = String::new();
        cells::write(&mut line, &cells, ',');
        self.out.write_all(line.as_bytes())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync_all()
    }
}
