//! Failed rows, in a file that can be corrected and sent again.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    cells::{self, Cell},
    columns::OF_FAILED,
    files::{is_device, part},
    input::{Form, Row},
    plan::{Plan, Planned},
};
use crate::output::text;

/// Writes failed rows as they occur. The file gets its name at the end, so that an incomplete file is not taken for a complete one.
pub(super) struct FailedRows {
    plan: Arc<Plan>,
    path: PathBuf,
    out: Option<BufWriter<File>>,
}

impl FailedRows {
    pub(super) fn new(plan: &Arc<Plan>, path: PathBuf) -> Self {
        Self {
            plan: Arc::clone(plan),
            path,
            out: None,
        }
    }

    pub(super) fn push(&mut self, planned: &Planned, outcome: &str, reason: &str) -> io::Result<()> {
        let line = self.line(planned, outcome, reason);
        let out = match &mut self.out {
            Some(out) => out,
            None => {
                let mut out = BufWriter::new(private(&self.target())?);
                out.write_all(self.header().as_bytes())?;
                self.out.insert(out)
            }
        };
        out.write_all(line.as_bytes())
    }

    /// The path to write to until the file is complete. A device, which can't be renamed, is written directly.
    fn target(&self) -> PathBuf {
        if is_device(&self.path) {
            self.path.clone()
        } else {
            part(&self.path)
        }
    }

    fn header(&self) -> String {
        let mark = if self.plan.input.marked { "\u{feff}" } else { "" };
        let mut line = mark.to_owned();
        let Form::Cells(delimiter) = self.plan.input.form else {
            return line;
        };
        let own = OF_FAILED.iter().map(|name| (*name).to_owned());
        let names: Vec<_> = own.chain(self.plan.layout.columns_of_failed()).map(plain).collect();
        cells::write(&mut line, &names, delimiter);
        line
    }

    fn line(&self, planned: &Planned, outcome: &str, reason: &str) -> String {
        let own = [planned.row.to_string(), outcome.to_owned(), reason.to_owned()];
        match (&planned.raw, self.plan.input.form) {
            (Row::Json(object), _) => {
                let [row, outcome, reason] = own;
                let own = [row, text::string(&outcome), text::string(&reason)];
                let own = OF_FAILED.into_iter().zip(own.iter().map(String::as_str));
                let given = object.0.iter().map(|(name, value)| (name.as_str(), value.get()));
                let given = given.filter(|(name, _)| !OF_FAILED.contains(name));
                format!("{}\n", text::object(own.chain(given)))
            }
            (Row::Cells(cells), form) => {
                let delimiter = match form {
                    Form::Cells(delimiter) => delimiter,
                    Form::JsonLines => ',',
                };
                let mut line = String::new();
                let own = own.map(plain);
                let given = self.plan.layout.given(cells);
                cells::write(&mut line, own.iter().chain(given), delimiter);
                line
            }
        }
    }

    /// Renames the file to a free name, because the user may already have corrected an earlier one. `None` if no row
    /// failed.
    pub(super) fn finish(mut self) -> io::Result<Option<PathBuf>> {
        let Some(out) = self.out.take() else { return Ok(None) };
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        let part = self.target();
        if part == self.path {
            return Ok(Some(part));
        }
        file.sync_all()?;
        for number in 1..10_000 {
            let path = numbered(&self.path, number);
            if !path.exists() {
                fs::rename(&part, &path)?;
                return Ok(Some(path));
            }
            if is_same(&part, &path)? {
                fs::remove_file(&part)?;
                return Ok(Some(path));
            }
        }
        Ok(Some(part))
    }
}

fn plain(text: String) -> Cell {
    Cell { text, quoted: false }
}

/// Creates a file for customers' data; on Unix, only its owner can read it.
pub(super) fn private(path: &Path) -> io::Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let length = |path: &Path| fs::metadata(path).map(|there| there.len());
    if length(one)? != length(other)? {
        return Ok(false);
    }
    let (mut one, mut other) = (
        io::BufReader::new(File::open(one)?),
        io::BufReader::new(File::open(other)?),
    );
    let (mut here, mut there) = ([0; 8192], [0; 8192]);
    loop {
        let read = one.read(&mut here)?;
        if read == 0 {
            return Ok(true);
        }
        other.read_exact(&mut there[..read])?;
        if here[..read] != there[..read] {
            return Ok(false);
        }
    }
}

/// `deals.failed.csv` beside `deals.csv`. For `deals.failed.csv` it is the same path, which gets a number later.
pub(super) fn beside(input: &Path) -> PathBuf {
    let stem = input
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let stem = match stem.rsplit_once(".failed") {
        Some((stem, rest)) if rest.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) => stem.to_owned(),
        _ => stem,
    };
    let extension = input
        .extension()
        .map(|extension| format!(".{}", extension.to_string_lossy()))
        .unwrap_or_default();
    input.with_file_name(format!("{stem}.failed{extension}"))
}

/// `deals.failed-2.csv`
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 1 {
        return path.to_owned();
    }
    let stem = path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default();
    let extension = path
        .extension()
        .map(|extension| format!(".{}", extension.to_string_lossy()))
        .unwrap_or_default();
    path.with_file_name(format!("{stem}-{number}{extension}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_failed_rows_is_never_written_over() {
        assert_eq!(beside(Path::new("a/deals.csv")), Path::new("a/deals.failed.csv"));
        assert_eq!(beside(Path::new("a/deals.failed.csv")), Path::new("a/deals.failed.csv"));
        assert_eq!(
            beside(Path::new("deals.failed-2.jsonl")),
            Path::new("deals.failed.jsonl")
        );
        assert_eq!(
            beside(Path::new("deals.failed.jobs.csv")),
            Path::new("deals.failed.jobs.failed.csv")
        );
        assert_eq!(beside(Path::new("deals")), Path::new("deals.failed"));
        assert_eq!(
            numbered(Path::new("a/deals.failed.csv"), 3),
            Path::new("a/deals.failed-3.csv")
        );
    }
}
