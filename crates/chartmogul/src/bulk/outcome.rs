use std::{error::Error as StdError, fmt};

use chartmogul_api::{Attempt, Error, Problem, StatusCode, StopReason};

use crate::custom::is_response_to_write;

/// An update of a run that has ended, with its outcome.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Completed<T> {
    /// Its index in the input, from 0.
    pub index: u64,
    /// What it updates: the UUID, as the update has it. For an update by required query parameters, these:
    /// `data_source_uuid=..&external_id=..`.
    pub id: String,
    /// How it ended.
    pub outcome: Outcome<T>,
    /// How often it was sent again, because an earlier run had sent it and ended before it had recorded an outcome. That is
    /// harmless.
    pub repeats: u32,
    /// How many custom attributes of the object an update that replaces all of them does not name: they are removed with the
    /// update; in a dry run, they would be. `None` if that is not known, because the object was not
    /// [read before](super::Bulk::skip_unchanged).
    pub lost: Option<u64>,
    /// Whether the outcome is that of an earlier run, from the journal; this run has sent nothing.
    pub earlier: bool,
    /// Whether the outcome could not be written into the journal (disk full), so that a resumed run sends the update again. The
    /// run ends with [`Error::Journal`](super::Error::Journal) then, or with [`Error::JournalLost`](super::Error::JournalLost).
    pub unrecorded: bool,
}

/// How one update of a run has ended.
///
/// An outcome is [final](Self::is_final) if it is about the update itself: it was made, there was nothing to change, the server
/// rejected what it says, or it has an invalid value. All others are about the run, the network or the server: with a
/// [journal](super::Bulk::journal), the next run sends such an update. Until then, later updates of the same object are
/// not sent ([`NotSent::Behind`]), because it would undo them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome<T> {
    /// The object was updated; this is what the server responded with. In a dry run: the object would be updated; this is what
    /// would change.
    Updated(Box<T>),
    /// There was nothing to change: the server responded with 304, or the object was
    /// [read before](super::Bulk::skip_unchanged).
    NotModified,
    /// The server rejected the update. That is final (400, 404, 409, 410, 413, 422), unless it is the API key that was rejected
    /// (401, 403).
    Rejected(UpdateError),
    /// It was sent, by this run or an earlier one, without a usable response: not after the last attempt, or not before the run
    /// was stopped. [`may_have_happened`](UpdateError::may_have_happened) tells whether it may have taken effect.
    GivenUp(UpdateError),
    /// No run has ever sent it, so it can't have taken effect.
    NotSent(NotSent),
}

/// Why an update was never sent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum NotSent {
    /// It has an invalid value, which is final; or the object could not be read first, or the limiter failed.
    Failed(UpdateError),
    /// The run was stopped before it was sent.
    Stopped(Stopped),
    /// An earlier update of the same object, with this index in the input (from 0), has no final outcome and must be made
    /// first.
    Behind(u64),
}

/// Why a run ended before its input did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// Requested by [`Bulk::stop_when`](super::Bulk::stop_when).
    Requested,
    /// The [`Bulk::deadline`](super::Bulk::deadline) has passed.
    Deadline,
    /// As many updates failed as [`Bulk::stop_after_errors`](super::Bulk::stop_after_errors) or
    /// [`Bulk::stop_above_share`](super::Bulk::stop_above_share) allow, or one hundred in a row.
    Errors,
    /// The server rejected the API key (401), so all other updates would fail, too.
    KeyRefused,
    /// The run itself failed; its stream ends with the [`Error`](super::Error).
    Failed,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requested => "a stop was requested",
            Self::Deadline => "its deadline passed",
            Self::Errors => "too many updates failed",
            Self::KeyRefused => "the API key was rejected",
            Self::Failed => "the run failed",
        })
    }
}

/// A call that failed.
pub(super) struct Failed {
    pub(super) error: Error,
    /// Whether the update was sent.
    pub(super) sent: bool,
    /// Whether the update may have taken effect.
    pub(super) may_have_happened: bool,
    pub(super) cause: Cause,
}

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The server rejected the update itself.
    Verdict,
    /// The update has an invalid value.
    Invalid,
    /// The API key was rejected, so all other updates would fail, too.
    Key,
    /// The API key does not permit the update.
    Forbidden,
    /// The run was stopped, or too little time was left before its deadline.
    Run,
    /// Anything else: the network, the server, the limiter, this program.
    Trouble,
}

impl Cause {
    fn of(error: &Error) -> Self {
        let by_the_run = matches!(error, Error::Stopped { .. }) || error.stop_reason() == Some(&StopReason::Stopped);
        match error.status().map(|status| status.as_u16()) {
            _ if by_the_run => Self::Run,
            _ if matches!(error, Error::InvalidInput(_)) => Self::Invalid,
            // No other status is a verdict on the update: a redirect, 408, 425, 429 and 5xx may be temporary, 405 and
            // 411 are about an intermediary.
            Some(400 | 404 | 409 | 410 | 413 | 422) => Self::Verdict,
            Some(401) => Self::Key,
            Some(403) => Self::Forbidden,
            _ => Self::Trouble,
        }
    }
}

impl Failed {
    /// A failure before the update was to be sent.
    pub(super) fn reading(error: Error) -> Self {
        Self {
            sent: false,
            may_have_happened: false,
            cause: Cause::of(&error),
            error,
        }
    }

    pub(super) fn sending(error: Error) -> Self {
        let (may_have_happened, cause) = (error.may_have_happened(), Cause::of(&error));
        Self {
            sent: may_have_happened || cause == Cause::Verdict || !error.attempts().iter().all(Attempt::is_read),
            may_have_happened,
            cause,
            error,
        }
    }

    /// It is unknown how far the call got.
    pub(super) fn panicked(was_to_be_sent: bool) -> Self {
        let what = "the call panicked, which is a bug in this program";
        Self {
            error: Error::internal(what, None),
            sent: was_to_be_sent,
            may_have_happened: was_to_be_sent,
            cause: Cause::Trouble,
        }
    }

    /// The server found nothing to change: that is its response to the update itself, not to a read before it.
    pub(super) fn is_unmodified(&self) -> bool {
        is_response_to_write(&self.error) && matches!(self.error, Error::NotModified(_))
    }

    /// Whether no run needs to send the update again. If only the read before it was sent, the response to that is no
    /// verdict on the update.
    fn is_final(&self) -> bool {
        match self.cause {
            Cause::Verdict => self.sent,
            Cause::Invalid => true,
            Cause::Key | Cause::Forbidden | Cause::Run | Cause::Trouble => false,
        }
    }
}

/// What earlier runs have done with an update.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Earlier {
    /// How often they have sent it.
    pub(super) sent: u32,
    /// Whether it may have taken effect.
    pub(super) may_have_happened: bool,
}

impl<T> Outcome<T> {
    /// The outcome of a failed call; `stopped` is why the run was stopped, if it was.
    pub(super) fn failed(failed: Failed, earlier: Earlier, stopped: Option<Stopped>) -> Self {
        let is_final = failed.is_final();
        let Failed {
            error,
            sent,
            may_have_happened,
            cause,
        } = failed;
        if cause == Cause::Run && !sent {
            // Only the deadline can end a call before the run is stopped.
            let why = stopped.unwrap_or(Stopped::Deadline);
            return Self::not_sent(NotSent::Stopped(why), earlier);
        }
        let mut error = UpdateError {
            is_final,
            ..UpdateError::of(error)
        };
        error.may_have_happened = may_have_happened || earlier.may_have_happened;
        match cause {
            // An earlier run that was about to send it would have found the same invalid value.
            Cause::Invalid => {
                error.may_have_happened = false;
                Self::NotSent(NotSent::Failed(error))
            }
            Cause::Verdict | Cause::Key | Cause::Forbidden => Self::Rejected(error),
            _ if sent || earlier.sent > 0 => Self::GivenUp(error),
            _ => Self::NotSent(NotSent::Failed(error)),
        }
    }

    /// The outcome of an update that this run has not sent.
    pub(super) fn not_sent(why: NotSent, earlier: Earlier) -> Self {
        if earlier.sent == 0 {
            return Self::NotSent(why);
        }
        Self::GivenUp(UpdateError {
            text: "an earlier run has sent it without a final response; this one ended before it sent it again"
                .to_owned(),
            status: None,
            problems: Vec::new(),
            attempts: Vec::new(),
            may_have_happened: earlier.may_have_happened,
            is_final: false,
            error: None,
        })
    }

    /// A name for lists and tables: `updated`, `not modified`, `rejected`, `given up`, `not sent`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Updated(_) => "updated",
            Self::NotModified => "not modified",
            Self::Rejected(_) => "rejected",
            Self::GivenUp(_) => "given up",
            Self::NotSent(_) => "not sent",
        }
    }

    /// Whether it is about the update itself, so that the update need not be sent again. If not, the next run with the same
    /// [journal](super::Bulk::journal) sends it.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Updated(_) | Self::NotModified => true,
            Self::Rejected(error) | Self::GivenUp(error) | Self::NotSent(NotSent::Failed(error)) => error.is_final,
            Self::NotSent(NotSent::Stopped(_) | NotSent::Behind(_)) => false,
        }
    }

    /// Why it failed, if it did. An update that was stopped, or is behind another one, has not failed.
    pub fn error(&self) -> Option<&UpdateError> {
        match self {
            Self::Rejected(error) | Self::GivenUp(error) | Self::NotSent(NotSent::Failed(error)) => Some(error),
            Self::Updated(_) | Self::NotModified | Self::NotSent(NotSent::Stopped(_) | NotSent::Behind(_)) => None,
        }
    }

    pub(super) fn is_failure(&self) -> bool {
        self.error().is_some()
    }

    /// Whether the run did not get to the update.
    pub(super) fn is_left(&self) -> bool {
        matches!(self, Self::NotSent(NotSent::Stopped(_) | NotSent::Behind(_)))
    }
}

/// Why an update failed: an [`Error`] in a form that a journal can hold. It prints like that [`Error`].
#[derive(Debug, Clone)]
pub struct UpdateError {
    pub(super) text: String,
    pub(super) status: Option<StatusCode>,
    pub(super) problems: Vec<Problem>,
    pub(super) attempts: Vec<String>,
    pub(super) may_have_happened: bool,
    /// It is about the update itself.
    pub(super) is_final: bool,
    pub(super) error: Option<std::sync::Arc<Error>>,
}

impl UpdateError {
    fn of(error: Error) -> Self {
        Self {
            text: error.to_string(),
            status: error.status(),
            problems: error
                .response()
                .map(|response| response.problems().to_vec())
                .unwrap_or_default(),
            attempts: error.attempts().iter().map(ToString::to_string).collect(),
            may_have_happened: error.may_have_happened(),
            is_final: false,
            error: Some(error.into()),
        }
    }

    /// Status of the last response, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.status
    }

    /// The invalid fields, as the server names them.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Each attempt as a line: when it began, how long it took, and why it failed, with all causes.
    pub fn attempts(&self) -> &[String] {
        &self.attempts
    }

    /// Whether the update may have taken effect, by any attempt of any run with the same journal. The
    /// [`error`](Self::error) itself covers the attempts of this run only.
    pub fn may_have_happened(&self) -> bool {
        self.may_have_happened
    }

    /// The error itself, with the raw body; `None` if it is that of an earlier run.
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
        // The text is that of the error itself, so the next one in the chain is the error's source.
        self.error.as_ref().and_then(|error| error.source())
    }
}

/// Totals of a run; it prints as one line.
///
/// A run that was interrupted (killed, stopped, by an outage) and resumed until its end has the same totals as one that was not,
/// except for `repeats`. There are two more exceptions, for an update that may have been made before its outcome was recorded:
/// with `merge_custom`, attributes that are in place then count as `updated`, not as `not_modified`; with
/// [`skip_unchanged`](super::Bulk::skip_unchanged), the object is not read a second time, so the attributes that it lost count as
/// `replaced_unseen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Report {
    /// Updates that have an outcome.
    pub updates: u64,
    /// [`Outcome::Updated`].
    pub updated: u64,
    /// [`Outcome::NotModified`].
    pub not_modified: u64,
    /// [`Outcome::Rejected`].
    pub rejected: u64,
    /// [`Outcome::GivenUp`].
    pub given_up: u64,
    /// [`Outcome::NotSent`].
    pub not_sent: u64,
    /// How often updates were sent again; see [`Completed::repeats`].
    pub repeats: u64,
    /// How many of [`updated`](Self::updated) have removed custom attributes that they do not name; see [`Completed::lost`].
    pub losing: u64,
    /// How many attributes these have removed.
    pub lost: u64,
    /// How many of [`updated`](Self::updated) have replaced all custom attributes of an object that was not read before:
    /// attributes that they do not name are removed.
    pub replaced_unseen: u64,
    /// Why the run ended before its input did, if so.
    pub stopped: Option<Stopped>,
}

impl Report {
    pub(super) fn count<T>(&mut self, done: &Completed<T>) {
        self.updates += 1;
        self.repeats += u64::from(done.repeats);
        if let Outcome::Updated(_) = done.outcome {
            self.losing += u64::from(done.lost.is_some_and(|lost| lost > 0));
            self.lost += done.lost.unwrap_or_default();
            self.replaced_unseen += u64::from(done.lost.is_none());
        }
        *match done.outcome {
            Outcome::Updated(_) => &mut self.updated,
            Outcome::NotModified => &mut self.not_modified,
            Outcome::Rejected(_) => &mut self.rejected,
            Outcome::GivenUp(_) => &mut self.given_up,
            Outcome::NotSent(_) => &mut self.not_sent,
        } += 1;
    }

    /// Whether every update was made, or had nothing to change.
    pub fn is_clean(&self) -> bool {
        self.updated + self.not_modified == self.updates && self.stopped.is_none()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            updates,
            updated,
            not_modified,
            rejected,
            given_up,
            not_sent,
            repeats,
            losing,
            lost,
            replaced_unseen,
            stopped,
        } = self;
        write!(
            f,
            "{updates} updates: {updated} updated, {not_modified} not modified, {rejected} rejected, {given_up} given up, \
             {not_sent} not sent"
        )?;
        if *repeats > 0 {
            write!(f, "; {repeats} sent again")?;
        }
        if *losing > 0 {
            write!(f, "; {losing} remove {lost} custom attributes that they do not name")?;
        }
        if *replaced_unseen > 0 {
            write!(
                f,
                "; {replaced_unseen} replaced all custom attributes without reading them first"
            )?;
        }
        match stopped {
            Some(why) => write!(f, "; stopped: {why}"),
            None => Ok(()),
        }
    }
}
