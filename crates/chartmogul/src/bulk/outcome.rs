use std::{error::Error as StdError, fmt};

use chartmogul_api::{Attempt, Error, Problem, StatusCode, StopReason};

use crate::custom::is_response_to_write;

/// One update of a run that has ended, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Completed<T> {
    /// Its place in the input, from 0.
    pub index: u64,
    /// What it updates: the UUID, as the update has it.
    pub id: String,
    /// What became of it.
    pub outcome: Outcome<T>,
    /// How often it was sent again, because an earlier run had sent it and was ended before there was an outcome that lasts.
    /// That is harmless.
    pub repeats: u32,
    /// How many custom attributes the object had that the update, which replaces all of them, does not name: they are gone if
    /// it was made; in a dry run, they would be. `None` if that is not known, because the object was not
    /// [read before](super::Bulk::skip_unchanged).
    pub lost: Option<u64>,
    /// It was done by an earlier run and is known from the journal; nothing was sent now.
    pub earlier: bool,
    /// The journal could not take it (disk full), so a resumed run will make it again. The run ends with
    /// [`Error::Journal`](super::Error::Journal) then, or with [`Error::JournalLost`](super::Error::JournalLost).
    pub unrecorded: bool,
}

/// What became of one update of a run.
///
/// An outcome is [final](Self::is_final) if it says something about the update: it was done, there was nothing to change, the server refused it
/// for what it is, or a value can't be right. All others say something about the run, the network or the server: with a
/// [journal](super::Bulk::journal), the next run makes such an update. Until it is made, those behind it that are of the same
/// object are not sent ([`NotSent::Behind`]), because it would undo them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome<T> {
    /// It was done; what the server answered. In a dry run: it would be; what would change.
    Updated(Box<T>),
    /// There was nothing to change: the server said so (304), or it was
    /// [read before](super::Bulk::skip_unchanged).
    NotModified,
    /// The server refused it. That is final (400, 404, 409, 410, 413, 422) unless it is the API key that was refused (401, 403).
    Rejected(UpdateError),
    /// It was sent, by this run or an earlier one, and nobody has said what is wrong with it: there is no usable answer after
    /// the last attempt, or the run was stopped before there was one.
    /// [`may_have_happened`](UpdateError::may_have_happened) tells whether the server may have done it.
    GivenUp(UpdateError),
    /// It was never sent, by no run, so it can't have happened.
    NotSent(NotSent),
}

/// Why an update was never sent.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum NotSent {
    /// A value can't be right, which is final; or what had to be read before could not be, the limiter failed.
    Failed(UpdateError),
    /// The run was stopped before.
    Stopped(Stopped),
    /// The update of the same object at this place of the input (counted from 0) has to be made first, and has no final
    /// outcome.
    Behind(u64),
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
    /// Whether the update has left for the server.
    pub(super) sent: bool,
    /// Whether the server may have done it.
    pub(super) may_have_happened: bool,
    pub(super) cause: Cause,
}

/// What a failure says something about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The update, as the server judges it.
    Verdict,
    /// The update, as it is judged here.
    Invalid,
    /// The API key, so that all others would fail too.
    Key,
    /// What the API key's user may do.
    Forbidden,
    /// The run: it was stopped, or its deadline leaves no time.
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
            // No other status is a verdict: a redirect, 408, 425, 429 and 5xx say something about the moment, 405 and 411
            // about what is in between.
            Some(400 | 404 | 409 | 410 | 413 | 422) => Self::Verdict,
            Some(401) => Self::Key,
            Some(403) => Self::Forbidden,
            _ => Self::Trouble,
        }
    }
}

impl Failed {
    /// Nothing was to be written yet.
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

    /// Nobody knows how far it had come.
    pub(super) fn panicked(was_to_be_sent: bool) -> Self {
        let what = "the call panicked, which is a bug of what it was made with";
        Self {
            error: Error::internal(what, None),
            sent: was_to_be_sent,
            may_have_happened: was_to_be_sent,
            cause: Cause::Trouble,
        }
    }

    /// The server saw nothing to change: it has answered the update itself with that, not a read before it.
    pub(super) fn is_unmodified(&self) -> bool {
        is_response_to_write(&self.error) && matches!(self.error, Error::NotModified(_))
    }

    /// Whether no run has to make the update any more. What was not sent has no verdict, whatever a request before it was
    /// answered with.
    fn is_final(&self) -> bool {
        match self.cause {
            Cause::Verdict => self.sent,
            Cause::Invalid => true,
            Cause::Key | Cause::Forbidden | Cause::Run | Cause::Trouble => false,
        }
    }
}

/// What earlier runs have done for an update.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Earlier {
    /// How often they have sent it.
    pub(super) sent: u32,
    /// Whether the server may have done it.
    pub(super) may_have_happened: bool,
}

impl<T> Outcome<T> {
    /// Of a call that failed, in a run that was stopped for this reason if it was.
    pub(super) fn failed(failed: Failed, earlier: Earlier, stopped: Option<Stopped>) -> Self {
        let is_final = failed.is_final();
        let Failed {
            error,
            sent,
            may_have_happened,
            cause,
        } = failed;
        if cause == Cause::Run && !sent {
            // Whatever else ends a run has stopped it by now.
            let why = stopped.unwrap_or(Stopped::Deadline);
            return Self::not_sent(NotSent::Stopped(why), earlier);
        }
        let mut error = UpdateError {
            is_final,
            ..UpdateError::of(error)
        };
        error.may_have_happened = may_have_happened || earlier.may_have_happened;
        match cause {
            // An earlier run that was about to send it would have seen the same.
            Cause::Invalid => {
                error.may_have_happened = false;
                Self::NotSent(NotSent::Failed(error))
            }
            Cause::Verdict | Cause::Key | Cause::Forbidden => Self::Rejected(error),
            _ if sent || earlier.sent > 0 => Self::GivenUp(error),
            _ => Self::NotSent(NotSent::Failed(error)),
        }
    }

    /// Of an update that this run has not sent.
    pub(super) fn not_sent(why: NotSent, earlier: Earlier) -> Self {
        if earlier.sent == 0 {
            return Self::NotSent(why);
        }
        Self::GivenUp(UpdateError {
            text: "an earlier run has sent it and saw no final answer; this one ended before it sent it again"
                .to_owned(),
            status: None,
            problems: Vec::new(),
            attempts: Vec::new(),
            may_have_happened: earlier.may_have_happened,
            is_final: false,
            error: None,
        })
    }

    /// A word for it, for a list or a table: `updated`, `not modified`, `rejected`, `given up`, `not sent`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Updated(_) => "updated",
            Self::NotModified => "not modified",
            Self::Rejected(_) => "rejected",
            Self::GivenUp(_) => "given up",
            Self::NotSent(_) => "not sent",
        }
    }

    /// Whether it says something about the update, so that there is nothing left to be made. If not, the next run with the same
    /// [journal](super::Bulk::journal) makes it.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Updated(_) | Self::NotModified => true,
            Self::Rejected(error) | Self::GivenUp(error) | Self::NotSent(NotSent::Failed(error)) => error.is_final,
            Self::NotSent(NotSent::Stopped(_) | NotSent::Behind(_)) => false,
        }
    }

    /// Why it failed, if it did. Being stopped, or behind another one, is no failure.
    pub fn error(&self) -> Option<&UpdateError> {
        match self {
            Self::Rejected(error) | Self::GivenUp(error) | Self::NotSent(NotSent::Failed(error)) => Some(error),
            Self::Updated(_) | Self::NotModified | Self::NotSent(NotSent::Stopped(_) | NotSent::Behind(_)) => None,
        }
    }

    pub(super) fn is_failure(&self) -> bool {
        self.error().is_some()
    }

    /// Whether the run has not come to it.
    pub(super) fn is_left(&self) -> bool {
        matches!(self, Self::NotSent(NotSent::Stopped(_) | NotSent::Behind(_)))
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
    /// It says something about the update.
    pub(super) is_final: bool,
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
            is_final: false,
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

    /// Whether the server may have done it, in any of the attempts of any of the runs over the same journal. The
    /// [`error`](Self::error) itself knows only the attempts of this run.
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
/// Of two runs over the same input of which one was disturbed (killed, stopped, by an outage) and started again until it came to its end,
/// all numbers but `repeats` are the same. There are two exceptions, for an update that may have been made before there was an outcome that
/// lasts. With `merge_custom`, what is in place then is `updated`, not `not_modified`. With
/// [`skip_unchanged`](super::Bulk::skip_unchanged), the object is not read a second time, so what it has lost is `replaced_unseen`.
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
    /// How often something was sent again; see [`Completed::repeats`].
    pub repeats: u64,
    /// How many of [`updated`](Self::updated) have removed custom attributes that they do not name; see [`Completed::lost`].
    pub losing: u64,
    /// How many attributes these have removed.
    pub lost: u64,
    /// How many of [`updated`](Self::updated) have replaced all custom attributes of an object that nobody has looked at before:
    /// what they do not name is gone.
    pub replaced_unseen: u64,
    /// Why the run ended before its input, if it did.
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

    /// Whether every update was done, or had nothing to change.
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
             {not_sent} never sent"
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
                "; {replaced_unseen} replaced all custom attributes without a look at them"
            )?;
        }
        match stopped {
            Some(why) => write!(f, "; stopped: {why}"),
            None => Ok(()),
        }
    }
}
