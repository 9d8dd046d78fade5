use std::{error::Error as StdError, fmt, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;

use super::TimeoutKind;

/// What was tried in one call, and why it was not tried again.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) stop_reason: Option<StopReason>,
    pub(crate) elapsed: Duration,
}

impl History {
    /// The attempts, in order. Empty if nothing was sent.
    pub fn attempts(&self) -> &[Attempt] {
        &self.attempts
    }

    /// Why the last attempt was the last one; `None` if what it ended with is not worth repeating.
    pub fn stop_reason(&self) -> Option<&StopReason> {
        self.stop_reason.as_ref()
    }

    /// How long the call took, waiting included.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Whether one of the attempts may have had its effect.
    pub(crate) fn may_have_happened(&self) -> bool {
        self.attempts
            .iter()
            .any(|attempt| !attempt.is_read && attempt.failure.may_have_happened())
    }
}

/// Ends the text of an error: nothing for a single attempt, ` (3 attempts in 2.1s; gave up: ...)` otherwise.
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.attempts.len() > 1).then(|| format!("{} attempts in {:.1?}", self.attempts.len(), self.elapsed)),
            self.stop_reason.as_ref().map(|why| format!("gave up: {why}")),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", parts.join("; "))
    }
}

/// One attempt of a call that failed.
///
/// It prints as a line for a log: when it began, how long it took, why it failed, with all causes.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub(crate) is_read: bool,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) waited: Duration,
    pub(crate) took: Duration,
    pub(crate) failure: Failure,
    pub(crate) cause: Option<String>,
}

impl Attempt {
    /// Whether it only read, so that nothing can have happened: an attempt of a call that reads, or one that a call made
    /// before it would have written (`merge_custom` of the crate `chartmogul`).
    pub fn is_read(&self) -> bool {
        self.is_read
    }

    /// When it began, after all waiting.
    pub fn started_at(&self) -> DateTime<Utc> {
        self.started_at
    }

    /// How long it waited before that, for a place, for the rate limit and between attempts.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// From the request to its failure.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Why it failed.
    pub fn failure(&self) -> Failure {
        self.failure
    }

    /// What was behind it: the causes of a broken connection, the message of the server.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let started = self.started_at.to_rfc3339_opts(SecondsFormat::Millis, true);
        write!(f, "{started}, {:.1?}: {}", self.took, self.failure)?;
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

/// Why an attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// No connection; nothing was sent.
    NotConnected,
    /// No connection that can be trusted: the certificate or the TLS of the server is wrong. Nothing was sent.
    NotTrusted,
    /// The server answered with a status that is no success.
    Status(StatusCode),
    /// The connection broke before there was an answer.
    Broken,
    /// The answer ended too early.
    CutOff,
    /// No answer in time; the limit that ran out.
    TimedOut(TimeoutKind, Duration),
    /// A success that can't be understood, or is larger than allowed.
    Unreadable,
}

impl Failure {
    /// Whether the server may have done what it was asked for.
    pub(crate) fn may_have_happened(self) -> bool {
        match self {
            Self::NotConnected | Self::NotTrusted | Self::TimedOut(TimeoutKind::Connect, _) => false,
            // 408 is what an edge says, too, that has waited for ChartMogul in vain.
            Self::Status(StatusCode::REQUEST_TIMEOUT) => true,
            Self::Status(status) => {
                status.is_success() || status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE
            }
            _ => true,
        }
    }

    /// A word for logs and metrics: the status, or what happened instead of an answer.
    pub fn kind(self) -> std::borrow::Cow<'static, str> {
        match self {
            Self::NotConnected => "not_connected".into(),
            Self::NotTrusted => "not_trusted".into(),
            Self::Status(status) => status.as_u16().to_string().into(),
            Self::Broken => "broken".into(),
            Self::CutOff => "cut_off".into(),
            Self::TimedOut(TimeoutKind::Connect, _) => "connect_timeout".into(),
            Self::TimedOut(TimeoutKind::Attempt, _) => "attempt_timeout".into(),
            Self::TimedOut(TimeoutKind::Call, _) => "call_timeout".into(),
            Self::Unreadable => "unreadable".into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected => f.write_str("could not connect"),
            Self::NotTrusted => f.write_str("could not make a secure connection"),
            Self::Status(status) => write_status(f, *status),
            Self::Broken => f.write_str("the connection broke before there was an answer"),
            Self::CutOff => f.write_str("the answer ended too early"),
            Self::TimedOut(kind, limit) => write!(f, "no {kind} within {limit:?}"),
            Self::Unreadable => f.write_str("the answer can't be understood"),
        }
    }
}

pub(crate) fn write_status(f: &mut fmt::Formatter<'_>, status: StatusCode) -> fmt::Result {
    write!(f, "{}", status.as_u16())?;
    match status.canonical_reason() {
        Some(reason) => write!(f, " {reason}"),
        None => Ok(()),
    }
}

/// Why a call was not tried again, although what it ended with may pass.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// As many attempts as allowed were made.
    Attempts(u32),
    /// The call would have lasted longer than it may.
    NoTimeLeft,
    /// The server asked for a longer wait than the call may last.
    RetryAfter(Duration),
    /// The bulk run that the call belongs to was stopped, or its deadline leaves no time for another attempt.
    Stopped,
    /// The client has repeated so much without success that it stopped; see [`Retry::budget`](crate::Retry::budget).
    BudgetUsedUp,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempts(count) => write!(f, "no more than {count} attempts are made for this"),
            Self::NoTimeLeft => f.write_str("no time left for another attempt"),
            Self::RetryAfter(wait) => write!(f, "the server asks to wait {wait:?}, longer than the call may last"),
            Self::Stopped => f.write_str("the run was stopped, or has no time left"),
            Self::BudgetUsedUp => f.write_str("the retry budget of the client is used up"),
        }
    }
}

/// An error with all that is behind it, on one line.
pub(crate) fn causes(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some errors repeat their cause in their own text.
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
