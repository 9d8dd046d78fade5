use std::{error::Error as StdError, fmt};

use chartmogul_api::{Error, GaveUp, Problem, StatusCode, TimeoutKind};

/// One update of a run that has ended, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Done<T> {
    /// Its place in the input, from 0.
    pub index: u64,
    /// What it updates: the UUID, as the update has it.
    pub id: String,
    /// What became of it.
    pub outcome: Outcome<T>,
    /// How often it was sent again, because an earlier run had sent it and was ended before there was an outcome that lasts.
    /// That is harmless.
    pub repeats: u32,
    /// It was done by an earlier run and is known from the journal; nothing was sent now.
    pub earlier: bool,
    /// The journal could not take it (disk full), so a resumed run will make it again. The run ends with
    /// [`Error::Journal`](super::Error::Journal) then, or with [`Error::JournalLost`](super::Error::JournalLost).
    pub unrecorded: bool,
}

/// What became of one update of a run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome<T> {
    /// It was done; what the server answered. In a dry run: it would be; what would change.
    Updated(Box<T>),
    /// There was nothing to change: the server said so (304), or it was
    /// [read before](super::Bulk::skip_unchanged).
    Unchanged,
    /// The server refused it.
    Refused(UpdateError),
    /// It was sent, and there is no usable answer after the last attempt, or the run was stopped before there was one.
    /// [`may_have_happened`](UpdateError::may_have_happened) tells whether the server may have done it.
    GivenUp(UpdateError),
    /// It was never sent, so it can't have happened.
    NotSent(NotSent),
}

/// Why an update was never sent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum NotSent {
    /// A value can't be right, or what had to be read before could not be.
    Failed(UpdateError),
    /// The run was stopped before.
    Stopped(Stopped),
}

/// Why a run ended before its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// It was asked to, by [`Bulk::stop_when`](super::Bulk::stop_when).
    Requested,
    /// [`Bulk::deadline`](super::Bulk::deadline).
    Deadline,
    /// As many updates failed as [`Bulk::stop_after_errors`](super::Bulk::stop_after_errors) or
    /// [`Bulk::stop_above_share`](super::Bulk::stop_above_share) allow, or one hundred in a row.
    Errors,
    /// The server knows no such API key (401), so that all others would fail too.
    KeyRefused,
    /// The run itself failed; its stream ends with the [`Error`](super::Error).
    Failed,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requested => "it was asked to stop",
            Self::Deadline => "its time was up",
            Self::Errors => "too many updates failed",
            Self::KeyRefused => "the API key was refused",
            Self::Failed => "the run failed",
        })
    }
}

/// A call that failed.
pub(super) struct Failed {
    pub(super) error: Error,
    /// Nothing was to be written yet.
    pub(super) reading: bool,
}

/// How long an outcome lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Lasts {
    /// It is the update's.
    Forever,
    /// It was the run's, and the update has been sent: a resumed run makes it again.
    Sent,
    /// It was the run's, and as if the update had not been sent.
    NotSent,
}

impl<T> Outcome<T> {
    pub(super) fn of(result: Result<Option<T>, Failed>, stopped: Option<Stopped>) -> (Self, Lasts) {
        let Failed { error, reading } = match result {
            Ok(Some(object)) => return (Self::Updated(Box::new(object)), Lasts::Forever),
            Ok(None) => return (Self::Unchanged, Lasts::Forever),
            Err(failed) if matches!(failed.error, Error::NotModified(_)) => return (Self::Unchanged, Lasts::Forever),
            Err(failed) => failed,
        };
        let refused = matches!(
            error,
            Error::Unauthorized(_)
                | Error::Forbidden(_)
                | Error::NotFound(_)
                | Error::Rejected(_)
                | Error::Unexpected(_)
        );
        let sent = !reading && !error.attempts().is_empty();
        let ended_by_the_run = match (&error, stopped) {
            (Error::Stopped { .. }, _) => true,
            (Error::Timeout { kind, .. }, Some(Stopped::Deadline)) => *kind == TimeoutKind::Call,
            _ => error.gave_up() == Some(&GaveUp::Stopped),
        };
        if let (true, false, Some(why)) = (ended_by_the_run, sent, stopped) {
            return (Self::NotSent(NotSent::Stopped(why)), Lasts::NotSent);
        }
        let lasts = match &error {
            // It says nothing about the update: with the right key, a resumed run makes it.
            Error::Unauthorized(_) => Lasts::NotSent,
            _ if ended_by_the_run => Lasts::Sent,
            _ => Lasts::Forever,
        };
        let mut error = UpdateError::of(error);
        error.may_have_happened &= sent;
        let outcome = match (refused, sent) {
            (true, _) => Self::Refused(error),
            (false, true) => Self::GivenUp(error),
            (false, false) => Self::NotSent(NotSent::Failed(error)),
        };
        (outcome, lasts)
    }

    /// Of an update that an earlier run has sent, in a run that was stopped before it sent it again.
    pub(super) fn unknown() -> Self {
        Self::GivenUp(UpdateError {
            text: "an earlier run has sent it and saw no answer; this one was stopped before it sent it again"
                .to_owned(),
            status: None,
            problems: Vec::new(),
            attempts: Vec::new(),
            may_have_happened: true,
            error: None,
        })
    }

    /// A word for it, for a list or a table: `updated`, `unchanged`, `refused`, `given up`, `not sent`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Updated(_) => "updated",
            Self::Unchanged => "unchanged",
            Self::Refused(_) => "refused",
            Self::GivenUp(_) => "given up",
            Self::NotSent(_) => "not sent",
        }
    }

    /// Why it failed, if it did. Being stopped is no failure.
    pub fn error(&self) -> Option<&UpdateError> {
        match self {
            Self::Refused(error) | Self::GivenUp(error) | Self::NotSent(NotSent::Failed(error)) => Some(error),
            Self::Updated(_) | Self::Unchanged | Self::NotSent(NotSent::Stopped(_)) => None,
        }
    }

    pub(super) fn is_failure(&self) -> bool {
        self.error().is_some()
    }

    pub(super) fn is_about_the_key(&self) -> bool {
        self.error().and_then(UpdateError::status) == Some(StatusCode::UNAUTHORIZED)
    }
}

/// Why an update failed. It can be written into a journal and read again, which an [`Error`] can't.
///
/// It prints as the [`Error`] that it was made of.
#[derive(Debug, Clone)]
pub struct UpdateError {
    pub(super) text: String,
    pub(super) status: Option<StatusCode>,
    pub(super) problems: Vec<Problem>,
    pub(super) attempts: Vec<String>,
    pub(super) may_have_happened: bool,
    pub(super) error: Option<std::sync::Arc<Error>>,
}

impl UpdateError {
    fn of(error: Error) -> Self {
        Self {
            text: error.to_string(),
            status: error.status(),
            problems: error
                .answer()
                .map(|answer| answer.problems().to_vec())
                .unwrap_or_default(),
            attempts: error.attempts().iter().map(ToString::to_string).collect(),
            may_have_happened: error.may_have_happened(),
            error: Some(error.into()),
        }
    }

    /// Status of the last answer, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// The fields at fault, as the server names them.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Each attempt as a line: when it began, how long it took, why it failed, with all causes.
    pub fn attempts(&self) -> &[String] {
        &self.attempts
    }

    /// Whether the server may have done it, in any of the attempts.
    pub fn may_have_happened(&self) -> bool {
        self.may_have_happened
    }

    /// The error itself, with the raw body; `None` if an earlier run met it.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_deref()
    }
}

impl fmt::Display for UpdateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for UpdateError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The text is the error's own, so what follows is what is behind it.
        self.error.as_ref().and_then(|error| error.source())
    }
}

/// What a run has come to, in numbers; it prints as one line.
///
/// Of two runs over the same input of which one was killed and started again, all numbers but `repeats` are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Report {
    /// Updates that have an outcome.
    pub updates: u64,
    /// [`Outcome::Updated`].
    pub updated: u64,
    /// [`Outcome::Unchanged`].
    pub unchanged: u64,
    /// [`Outcome::Refused`].
    pub refused: u64,
    /// [`Outcome::GivenUp`].
    pub given_up: u64,
    /// [`Outcome::NotSent`].
    pub not_sent: u64,
    /// How often something was sent again; see [`Done::repeats`].
    pub repeats: u64,
    /// Why the run ended before its input, if it did.
    pub stopped: Option<Stopped>,
}

impl Report {
    pub(super) fn count<T>(&mut self, done: &Done<T>) {
        self.updates += 1;
        self.repeats += u64::from(done.repeats);
        *match done.outcome {
            Outcome::Updated(_) => &mut self.updated,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Refused(_) => &mut self.refused,
            Outcome::GivenUp(_) => &mut self.given_up,
            Outcome::NotSent(_) => &mut self.not_sent,
        } += 1;
    }

    /// Whether every update was done, or had nothing to change.
    pub fn is_clean(&self) -> bool {
        self.updated + self.unchanged == self.updates && self.stopped.is_none()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            updates,
            updated,
            unchanged,
            refused,
            given_up,
            not_sent,
            repeats,
            stopped,
        } = self;
        write!(
            f,
            "{updates} updates: {updated} updated, {unchanged} unchanged, {refused} refused, {given_up} given up, \
             {not_sent} never sent"
        )?;
        if *repeats > 0 {
            write!(f, "; {repeats} sent again")?;
        }
        match stopped {
            Some(why) => write!(f, "; stopped: {why}"),
            None => Ok(()),
        }
    }
}
