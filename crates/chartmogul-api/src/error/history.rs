use std::{error::Error as StdError, fmt, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use http::StatusCode;

use super::TimeoutKind;

/// The attempts of one call, and why there was no further one.
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

    /// Why there was no further attempt; `None` if a retry would not help or would not be safe.
    pub fn stop_reason(&self) -> Option<&StopReason> {
        self.stop_reason.as_ref()
    }

    /// How long the call took, waiting included.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Whether the server may have processed one of the attempts.
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
    /// Whether it only read, so that it changed nothing: an attempt of a call that reads, or one that a call made
    /// before it would have written (`merge_custom` of the crate `chartmogul`).
    pub fn is_read(&self) -> bool {
        self.is_read
    }

    /// When it began, after all waiting.
    pub fn started_at(&self) -> DateTime<Utc> {
        self.started_at
    }

    /// How long it waited before that: for a permit, for the rate limit and between attempts.
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

    /// The cause: of a broken connection, or the message of the server.
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
    /// No secure connection: the certificate or the TLS of the server was not accepted. Nothing was sent.
    NotTrusted,
    /// The server responded with a status that is not a success.
    Status(StatusCode),
    /// The connection broke before there was a response.
    Broken,
    /// The response ended too early.
    CutOff,
    /// No response in time: which limit was reached, and its length.
    TimedOut(TimeoutKind, Duration),
    /// A successful response that could not be decoded, or is larger than allowed.
    Unreadable,
}

impl Failure {
    /// Whether the server may have processed the request.
    pub(crate) fn may_have_happened(self) -> bool {
        match self {
            Self::NotConnected | Self::NotTrusted | Self::TimedOut(TimeoutKind::Connect, _) => false,
            // An edge that gets no response from ChartMogul in time also sends 408.
            Self::Status(StatusCode::REQUEST_TIMEOUT) => true,
            Self::Status(status) => {
                status.is_success() || status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE
            }
            _ => true,
        }
    }

    /// A word for logs and metrics: the status, or what happened instead of a response.
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
            Self::Broken => f.write_str("the connection broke before there was a response"),
            Self::CutOff => f.write_str("the response ended too early"),
            Self::TimedOut(kind, limit) => f.write_str(&kind.reached(*limit)),
            Self::Unreadable => f.write_str("the response could not be decoded"),
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

/// Why there was no further attempt, although the failure may be temporary.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// The limit of attempts was reached.
    Attempts(u32),
    /// The call timeout leaves no time for another attempt.
    NoTimeLeft,
    /// The server asked for a longer wait than the remaining time of the call.
    RetryAfter(Duration),
    /// The bulk run that the call belongs to was stopped, or its deadline leaves no time for another attempt.
    Stopped,
    /// The retry budget of the client is used up; see [`Retry::budget`](crate::Retry::budget).
    BudgetUsedUp,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempts(count) => write!(f, "reached the limit of {count} attempts"),
            Self::NoTimeLeft => f.write_str("no time left for another attempt"),
            Self::RetryAfter(wait) => write!(
                f,
                "the server asks to wait {wait:?}, longer than the remaining time of the call"
            ),
            Self::Stopped => f.write_str("the run was stopped, or has no time left"),
            Self::BudgetUsedUp => f.write_str("the retry budget of the client is used up"),
        }
    }
}

/// An error with all its causes, on one line.
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
