//! The files that a run writes: each of its own, and known to be writable before anything is sent.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::Options;
use crate::error::{CliError, Exit};

impl Options {
    /// What is written to a file must not be lost by writing something else to it.
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
            // What is no file, such as /dev/null, is not lost. Failed rows that are fed in again replace their file at the end.
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

    /// Tries the files that are written at the end.
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

/// What is written so that it is never taken for the whole.
pub(super) fn part(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    part.into()
}

/// Whether the path exists and is not a regular file, such as `/dev/null`.
pub(super) fn is_device(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| !there.is_file())
}

/// Opens a file for writing, and leaves it as it is. One that is not there is made, filled, and removed: so a full disk is noticed.
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

/// Nothing was sent, because of this file.
pub(super) fn unwritable(option: &str, path: &Path, error: &io::Error) -> CliError {
    let message = format!(
        "{option} {}: can't be written: {error}; nothing was sent",
        path.display()
    );
    CliError::new(Exit::Usage, "file", message)
        .field(option.trim_start_matches('-'))
        .next(format!("Pass {option} FILE with a path that can be written"))
}

/// The path as everybody writes it, of a file that may not exist yet.
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
