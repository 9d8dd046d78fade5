use std::{fmt, io, path::PathBuf};

use chartmogul_api::BoxError;

/// A run can't start, or can't continue. Failures of single updates are in their [`Outcome`](super::Outcome).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no tokio runtime, or it has no timers or no IO.
    #[error("a bulk run can't start here")]
    #[non_exhaustive]
    NoRuntime {
        /// What is missing.
        source: chartmogul_api::Error,
    },

    /// Another run, in this process or another one, uses the journal. It can be used when that run ends, for whatever reason.
    #[error("the journal {} is in use by another run", path.display())]
    #[non_exhaustive]
    JournalInUse {
        /// The journal.
        path: PathBuf,
    },

    /// The file is not a journal. It was not changed.
    #[error("{} is not a journal that this version can resume: {what}; choose another path", path.display())]
    #[non_exhaustive]
    NotAJournal {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },

    /// The journal is damaged in the middle. It was not changed, and nothing was sent.
    ///
    /// [`salvage`](super::salvage) keeps the part before the damage.
    #[error("the journal {} is damaged at byte {offset}: {what}; intact before that: {good}", path.display())]
    #[non_exhaustive]
    JournalDamaged {
        /// The journal.
        path: PathBuf,
        /// Where the intact part ends.
        offset: u64,
        /// What is wrong there.
        what: String,
        /// What the intact part holds.
        good: ValidPrefix,
    },

    /// The journal could not be locked, so nothing was sent.
    ///
    /// Some network file systems have no file locks. Put the journal on a local disk, or see
    /// [`Bulk::lock`](super::Bulk::lock).
    #[error(
        "the journal {} could not be locked; if its file system has no locks, put it on a local disk, or use \
         `Bulk::lock(false)` if no other run can use it",
        path.display()
    )]
    #[non_exhaustive]
    JournalNotLocked {
        /// The journal.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },

    /// The file of the journal was removed, replaced or changed while the run used it. Nothing was sent after that was
    /// detected, at the next outcome at the latest. Another run has only what the file at that path holds, and sends the other
    /// updates again.
    #[error("the journal {} was {what} while the run used it", path.display())]
    #[non_exhaustive]
    JournalLost {
        /// The journal.
        path: PathBuf,
        /// `removed`, `replaced by another file`, or `changed`.
        what: &'static str,
    },

    /// The journal can't be read or written: no permission, disk full. Outcomes that were yielded before this error are valid,
    /// but the last of them may not be in the journal; these updates are sent again when the run is resumed.
    ///
    /// If it could not be `synced`, its file system may not support that; see [`Bulk::fsync`](super::Bulk::fsync).
    #[error("the journal {} could not be {doing}", path.display())]
    #[non_exhaustive]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What was attempted: `opened`, `made private` (mode 0600), `read`, `written`, `synced`, `found again`, or, by
        /// [`salvage`](super::salvage), `copied`.
        doing: &'static str,
        /// Why it failed.
        source: io::Error,
    },

    /// The input is not the one that the journal was written for. Nothing was sent.
    #[error("the input does not match the journal {}: {difference}; use another journal for another input", path.display())]
    #[non_exhaustive]
    InputChanged {
        /// The journal.
        path: PathBuf,
        /// Index of the first update that differs, from 0.
        index: u64,
        /// What differs, by the names of fields; never their values.
        difference: String,
    },

    /// The source of the updates failed. The updates before that were completed; with a journal, the run can be resumed.
    #[error("the source of the updates failed after {taken} of them")]
    #[non_exhaustive]
    Source {
        /// How many updates it had yielded.
        taken: u64,
        /// Why.
        source: BoxError,
    },

    /// The task of the run has ended early: its runtime was shut down, or it panicked.
    #[error("the task of the run has ended")]
    #[non_exhaustive]
    Gone {
        /// How.
        source: BoxError,
    },
}

/// The intact part of a damaged journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ValidPrefix {
    /// Updates that were taken from the input.
    pub taken: u64,
    /// Those of them whose outcome is known.
    pub done: u64,
    /// Bytes.
    pub bytes: u64,
}

impl fmt::Display for ValidPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { taken, done, bytes } = self;
        write!(f, "{taken} updates, {done} of them done, in {bytes} bytes")
    }
}
