//! What can go wrong, and what is known of it.

pub(crate) mod body;
pub(crate) mod history;
mod invalid_input;
mod response;

use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use bytes::Bytes;
use http::StatusCode;

pub use self::{
    history::{Attempt, Failure, History, StopReason},
    invalid_input::InvalidInput,
    response::{ErrorResponse, Problem},
};
use crate::CustomAttributeError;

/// A cause of any type.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// Everything that can go wrong, one variant for each thing a caller can do about it.
///
/// The text of an error says what was attempted and what to look at. It holds the server's message (shortened, on
/// one line), never the API key, a header or a whole body; causes are in [`source`](StdError::source) and not
/// repeated in the text. The raw body is behind [`Error::body`].
///
/// ```
/// # fn act(error: chartmogul_api::Error) {
/// use chartmogul_api::Error;
///
/// match error {
///     Error::InvalidInput(wrong) => eprintln!("correct {}: {}", wrong.field(), wrong.requirement()),
///     Error::NotModified(_) => println!("it was like that already"),
///     Error::NotFound(_) => eprintln!("no such opportunity"),
///     Error::Rejected(answer) => {
///         for problem in answer.problems() {
///             eprintln!("{}: {}", problem.field, problem.message);
///         }
///     }
///     other if other.may_have_happened() => eprintln!("unknown whether it was done: {other}"),
///     other => eprintln!("{other}"),
/// }
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A value was refused here; nothing was sent. Unlike all other errors, this one shows a value of the program's own: the
    /// one that was refused.
    InvalidInput(InvalidInput),

    /// The client can't be built like this; nothing was sent.
    #[non_exhaustive]
    Configuration {
        /// What is wrong, and what is allowed.
        what: String,
        /// The cause, if there is one.
        source: Option<BoxError>,
    },

    /// Something in this program, not at the server, is in the way: there is no tokio runtime, the background thread of a
    /// blocking client has ended, a request can't be built.
    #[non_exhaustive]
    Internal {
        /// What is wrong.
        what: String,
        /// The cause, if there is one.
        source: Option<BoxError>,
    },

    /// 304: the server found nothing to change. Not a failure: the object is as the request wants it.
    NotModified(Box<ErrorResponse>),

    /// 401: the API key is missing, wrong or revoked. Repeating will not help.
    Unauthorized(Box<ErrorResponse>),

    /// 403: the key may not do this (trial expired, read-only key, user without a CRM seat).
    Forbidden(Box<ErrorResponse>),

    /// 404: the object does not exist.
    NotFound(Box<ErrorResponse>),

    /// 422 or 400: the server read the request and found it invalid. [`ErrorResponse::problems`] has fields and messages.
    Rejected(Box<ErrorResponse>),

    /// 429 or 503, still, after the last attempt: too many requests, too much computing time used, or too many parallel
    /// connections on the account. The server did nothing of what was asked. Slow down.
    Throttled(Box<ErrorResponse>),

    /// 5xx: trouble at ChartMogul. A write may or may not have happened.
    Server(Box<ErrorResponse>),

    /// Any other status: a redirect, which is never followed, 402, 405 and others.
    UnexpectedStatus(Box<ErrorResponse>),

    /// A success whose body is not what the operation answers with. The write has probably happened.
    #[non_exhaustive]
    Unreadable {
        /// The answer, with its raw body.
        answer: Box<ErrorResponse>,
        /// Why it can't be understood.
        source: BoxError,
    },

    /// A success whose body is larger than [`ClientBuilder::max_body`](crate::ClientBuilder::max_body) allows. The
    /// write has probably happened.
    #[non_exhaustive]
    TooLarge {
        /// The answer, without its body.
        answer: Box<ErrorResponse>,
        /// Most bytes allowed.
        limit: usize,
    },

    /// The connection could not be made, or broke.
    #[non_exhaustive]
    Connection {
        /// The operation that was attempted.
        operation: Cow<'static, str>,
        /// How the last attempt failed.
        failure: Failure,
        /// All attempts.
        history: Box<History>,
        /// The cause.
        source: BoxError,
    },

    /// No complete answer in time. Unless [`TimeoutKind::Connect`] ran out, a write may or may not have happened:
    /// ask [`Error::may_have_happened`].
    #[non_exhaustive]
    Timeout {
        /// The operation that was attempted.
        operation: Cow<'static, str>,
        /// Which limit ran out.
        kind: TimeoutKind,
        /// The limit.
        limit: Duration,
        /// What the call was waiting for before it sent (anything more), if that is where its time ran out.
        while_waiting: Option<&'static str>,
        /// All attempts.
        history: Box<History>,
        /// The cause.
        source: BoxError,
    },

    /// The bulk run that the call belongs to was stopped, or its deadline was reached, before the request was sent (again).
    #[non_exhaustive]
    Stopped {
        /// The operation that was attempted.
        operation: Cow<'static, str>,
        /// All attempts.
        history: Box<History>,
    },

    /// A custom attribute in an answer is not what it was read as; see [`CustomAttributes`](crate::CustomAttributes).
    CustomAttribute(CustomAttributeError),

    /// Somebody else changed an object while it was updated: the answer to the write does not show what was sent.
    #[non_exhaustive]
    Conflict {
        /// The operation that writes.
        operation: &'static str,
        /// Whether it has written. `merge_custom` of the crate `chartmogul` has.
        written: bool,
        /// Why starting again failed, if that was tried.
        source: Option<BoxError>,
    },

    /// The pages of a list lead nowhere: what was read so far is good, but there is no way on.
    #[non_exhaustive]
    Pagination {
        /// What is wrong.
        what: String,
    },

    /// The [`Limiter`](crate::Limiter) failed; nothing (more) was sent.
    #[non_exhaustive]
    Limiter {
        /// The operation that was attempted.
        operation: Cow<'static, str>,
        /// All attempts.
        history: Box<History>,
        /// What the limiter said.
        source: BoxError,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidInput(wrong) => wrong.fmt(f),
            Self::Configuration { what, .. } | Self::Internal { what, .. } | Self::Pagination { what } => {
                f.write_str(what)
            }
            Self::NotModified(answer) => write!(f, "{answer}: nothing to change"),
            Self::Unauthorized(answer) => write!(f, "{answer}; check the API key"),
            Self::Forbidden(answer) => write!(f, "{answer}; check what the API key's user may do"),
            Self::NotFound(answer) | Self::Rejected(answer) | Self::Throttled(answer) | Self::Server(answer) => {
                answer.fmt(f)
            }
            Self::UnexpectedStatus(answer) => write!(f, "{answer}; {}", not_expected(answer)),
            Self::Unreadable { answer, .. } => write!(f, "{answer}: the answer can't be understood"),
            Self::TooLarge { answer, limit } => write!(f, "{answer}: the answer is larger than {limit} bytes"),
            Self::Connection {
                operation,
                failure,
                history,
                ..
            } => write!(f, "{operation}: {failure}{history}"),
            Self::Timeout {
                operation,
                kind,
                limit,
                while_waiting,
                history,
                ..
            } => {
                let waiting = waiting(*while_waiting);
                write!(f, "{operation}: no {kind} within {limit:?}{waiting}{history}")
            }
            Self::Stopped { operation, history } => {
                write!(f, "{operation}: the run was stopped before this was sent{history}")
            }
            Self::CustomAttribute(error) => error.fmt(f),
            Self::Conflict { operation, written, .. } => {
                let and = if *written {
                    "it was written all the same, so look at it"
                } else {
                    "nothing was written"
                };
                write!(f, "{operation}: somebody else changed the object meanwhile; {and}")
            }
            Self::Limiter { operation, history, .. } => write!(f, "{operation}: the limiter failed{history}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Configuration { source, .. } | Self::Internal { source, .. } | Self::Conflict { source, .. } => {
                Some(&**source.as_ref()?)
            }
            Self::Unreadable { source, .. }
            | Self::Connection { source, .. }
            | Self::Timeout { source, .. }
            | Self::Limiter { source, .. } => Some(&**source),
            Self::CustomAttribute(error) => error.source(), // it is the error, not its cause
            _ => None,
        }
    }
}

fn not_expected(answer: &ErrorResponse) -> &'static str {
    if answer.status.is_redirection() {
        "a redirect, which is not followed: is the base URL right?"
    } else {
        "this status is not expected here"
    }
}

fn waiting(what: Option<&'static str>) -> String {
    what.map(|what| format!(", waiting for {what}")).unwrap_or_default()
}

/// Which time limit ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutKind {
    /// Making the connection.
    Connect,
    /// One attempt, from the request to the last byte of the answer.
    Attempt,
    /// The whole call, with all attempts and all waiting.
    Call,
}

impl fmt::Display for TimeoutKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connection",
            Self::Attempt => "complete answer to one attempt",
            Self::Call => "complete answer",
        })
    }
}

impl Error {
    /// The answer behind this error, if the server gave one.
    pub fn answer(&self) -> Option<&ErrorResponse> {
        match self {
            Self::NotModified(answer)
            | Self::Unauthorized(answer)
            | Self::Forbidden(answer)
            | Self::NotFound(answer)
            | Self::Rejected(answer)
            | Self::Throttled(answer)
            | Self::Server(answer)
            | Self::UnexpectedStatus(answer)
            | Self::TooLarge { answer, .. }
            | Self::Unreadable { answer, .. } => Some(answer),
            Self::InvalidInput(_)
            | Self::Configuration { .. }
            | Self::Internal { .. }
            | Self::CustomAttribute(_)
            | Self::Conflict { .. }
            | Self::Pagination { .. }
            | Self::Connection { .. }
            | Self::Timeout { .. }
            | Self::Stopped { .. }
            | Self::Limiter { .. } => None,
        }
    }

    /// Status of the answer, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.answer().map(ErrorResponse::status)
    }

    /// The server's message, whichever shape its body had.
    pub fn message(&self) -> Option<&str> {
        self.answer().and_then(ErrorResponse::message)
    }

    /// The raw body of the answer, if there was one.
    pub fn body(&self) -> Option<&Bytes> {
        self.answer().map(ErrorResponse::body)
    }

    /// What was tried, and why it was not tried again. `None` if the request was refused here.
    pub fn history(&self) -> Option<&History> {
        match self {
            Self::InvalidInput(_)
            | Self::Configuration { .. }
            | Self::Internal { .. }
            | Self::CustomAttribute(_)
            | Self::Conflict { .. }
            | Self::Pagination { .. } => None,
            Self::Connection { history, .. }
            | Self::Timeout { history, .. }
            | Self::Stopped { history, .. }
            | Self::Limiter { history, .. } => Some(history),
            other => other.answer().map(|answer| &answer.history),
        }
    }

    /// The attempts that were made, in order; empty if nothing was sent.
    ///
    /// ```
    /// # fn act(error: chartmogul_api::Error) {
    /// for (number, attempt) in (1..).zip(error.attempts()) {
    ///     eprintln!("attempt {number}: {attempt}");
    /// }
    /// # }
    /// ```
    pub fn attempts(&self) -> &[Attempt] {
        self.history().map(History::attempts).unwrap_or_default()
    }

    /// Why the last attempt was the last one; `None` if what it ended with is not worth repeating.
    pub fn stop_reason(&self) -> Option<&StopReason> {
        self.history().and_then(History::stop_reason)
    }

    /// Whether the request may have had its effect although there is no usable answer, in any of its attempts.
    ///
    /// If so, look before repeating anything that must not happen twice.
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::Conflict { written: true, .. }) || self.history().is_some_and(History::may_have_happened)
    }

    pub(crate) fn from_answer(answer: Box<ErrorResponse>) -> Self {
        match answer.status.as_u16() {
            304 => Self::NotModified(answer),
            401 => Self::Unauthorized(answer),
            403 => Self::Forbidden(answer),
            404 => Self::NotFound(answer),
            400 | 422 => Self::Rejected(answer),
            429 | 503 => Self::Throttled(answer),
            500..=599 => Self::Server(answer),
            _ => Self::UnexpectedStatus(answer),
        }
    }

    /// [`Error::Conflict`]: the operation, whether it has written, and why starting again failed, if that was tried.
    pub fn conflict(operation: &'static str, written: bool, source: Option<BoxError>) -> Self {
        Self::Conflict {
            operation,
            written,
            source,
        }
    }

    /// [`Error::Pagination`]: what is wrong with the pages of a list.
    pub fn pagination(what: impl Into<String>) -> Self {
        Self::Pagination { what: what.into() }
    }

    /// [`Error::Configuration`]: what is wrong, and the cause if there is one.
    pub fn configuration(what: impl Into<String>, source: Option<BoxError>) -> Self {
        Self::Configuration {
            what: what.into(),
            source,
        }
    }

    /// [`Error::Internal`]: what is wrong, and the cause if there is one.
    pub fn internal(what: impl Into<String>, source: Option<BoxError>) -> Self {
        Self::Internal {
            what: what.into(),
            source,
        }
    }
}

impl From<CustomAttributeError> for Error {
    fn from(wrong: CustomAttributeError) -> Self {
        Self::CustomAttribute(wrong)
    }
}

impl From<InvalidInput> for Error {
    fn from(wrong: InvalidInput) -> Self {
        Self::InvalidInput(wrong)
    }
}

/// Control characters, line separators, and marks that turn the direction of what follows.
fn breaks_a_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line of at most `limit` characters.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    let mut line: String = text
        .trim()
        .chars()
        .map(|c| if breaks_a_line(c) { ' ' } else { c })
        .take(limit + 1)
        .collect();
    if line.chars().count() > limit {
        line.pop();
        line.push('…');
    }
    line
}
