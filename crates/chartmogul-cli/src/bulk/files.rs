//! Checks the files that a run writes, before anything is sent: no two are the same, and all are writable.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::Options;
use crate::error::{CliError, Exit};

impl Options {
    /// Rejects a path that is given twice, because one file would overwrite the other.
    pub(super) fn are_files_of_their_own(&self, input: Option<&Path>) -> Result<(), CliError> {
        let files = [
            ("FILE", input),
            ("--results", self.results.as_deref()),
            ("--failed", Some(self.failed.as_path())),
            ("--report", self.report.as_ref().map(|(path, _)| path.as_path())),
            ("--journal", self.journal.as_deref()),
        ];
        let whole = |(name, path): &(&'static str, Option<&Path>)| Some((*name, whole((*path)?)));
        let files: Vec<_> = files.iter().filter_map(whole).collect();
        for (at, (name, path)) in files.iter().enumerate() {
            // A device such as /dev/null may be given twice. `--failed` may be the input: an existing file is kept, and
            // the new one gets a number.
            let is_kept = |other: &str| *name == "--failed" && other == "FILE";
            let mut others = files[..at]
                .iter()
                .filter(|(other, _)| !is_device(path) && !is_kept(other));
            if let Some((other, _)) = others.find(|(_, other)| other == path) {
                let message = format!("{name} is the same file as {other}: {}", path.display());
                return Err(CliError::usage(message).field(name.trim_start_matches('-')));
            }
        }
        Ok(())
    }

    /// Checks that the files that are written at the end are writable.
    pub(super) fn are_writable(&self) -> Result<(), CliError> {
        if let Some((report, _)) = &self.report {
            probe(report).map_err(|error| unwritable("--report", report, &error))?;
        }
        if self.dry_run {
            return Ok(());
        }
        let failed = if is_device(&self.failed) {
            self.failed.clone()
        } else {
            part(&self.failed)
        };
        let tried = if self.failed.is_dir() {
            Err(io::ErrorKind::IsADirectory.into())
        } else {
            probe(&failed)
        };
        tried.map_err(|error| unwritable("--failed", &self.failed, &error))?;
        // Otherwise the run would report this only after other output.
        if let Some(journal) = self.journal.as_deref().filter(|path| !path.exists()) {
            probe(journal).map_err(|error| {
                unwritable("--journal", journal, &error)
                    .next("Pass --journal FILE with a path that can be written, or --no-journal")
            })?;
        }
        Ok(())
    }
}

/// The path for an incomplete file, so that it is not taken for the complete one.
pub(super) fn part(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    part.into()
}

/// Whether the path exists and is not a regular file, such as `/dev/null`.
pub(super) fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| !there.is_file())
}

/// Opens an existing file for appending and does not change it. A missing one is created, written to and removed, which
/// detects a full disk.
fn probe(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(_) => OpenOptions::new().append(true).open(path).map(drop),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
            let written = file.write_all(b"\n").and_then(|()| file.sync_all());
            drop(file);
            fs::remove_file(path).and(written)
        }
        Err(error) => Err(error),
    }
}

/// The error for a file that can't be written; nothing was sent.
pub(super) fn unwritable(option: &str, path: &Path, error: &io::Error) -> CliError {
    let message = format!(
        "{option} {}: can't be written: {error}; nothing was sent",
        path.display()
    );
    CliError::new(Exit::Usage, "file", message)
        .field(option.trim_start_matches('-'))
        .next(format!("Pass {option} FILE with a path that can be written"))
}

/// The canonical path of a file that may not exist yet.
fn whole(path: &Path) -> PathBuf {
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return path.to_owned(),
    };
    let in_folder = || Some(fs::canonicalize(folder).ok()?.join(path.file_name()?));
    fs::canonicalize(path)
        .ok()
        .or_else(in_folder)
        .unwrap_or_else(|| path.to_owned())
}
