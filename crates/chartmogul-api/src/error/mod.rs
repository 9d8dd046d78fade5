//! Errors, and what is known about a failed call.

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

/// Every error of this crate, with one variant for each way in which a caller can react.
///
/// The text of an error names the operation and what to check. It contains the server's message (shortened, on one line),
/// never the API key, a header or a whole body. Causes are in [`source`](StdError::source) and not repeated in the text.
/// The raw body is available from [`Error::body`].
///
/// ```
/// # fn act(error: chartmogul_api::Error) {
/// use chartmogul_api::Error;
///
/// match error {
///     Error::InvalidInput(wrong) => eprintln!("correct {}: {}", wrong.field(), wrong.requirement()),
///     Error::NotModified(_) => println!("nothing to change"),
///     Error::NotFound(_) => eprintln!("no such opportunity"),
///     Error::Rejected(response) => {
///         for problem in response.problems() {
///             eprintln!("{}: {}", problem.field, problem.message);
///         }
///     }
///     other if other.may_have_happened() => eprintln!("it may have happened: {other}"),
///     other => eprintln!("{other}"),
/// }
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A value was rejected before sending; nothing was sent. Unlike all other errors, this one shows a value of the
    /// program: the rejected one.
    InvalidInput(InvalidInput),

    /// The client can't be built with these settings; nothing was sent.
    #[non_exhaustive]
    Configuration {
        /// What is wrong, and what is allowed.
        what: String,
        /// The cause, if there is one.
        source: Option<BoxError>,
    },

    /// The cause is in this program, not in the server: there is no tokio runtime, the background thread of a blocking
    /// client has ended, or a request can't be built.
    #[non_exhaustive]
    Internal {
        /// What is wrong.
        what: String,
        /// The cause, if there is one.
        source: Option<BoxError>,
    },

    /// 304: the server found nothing to change. Not a failure: the object is as the request wants it.
    NotModified(Box<ErrorResponse>),

    /// 401: the API key is missing, wrong or revoked. Retrying does not help.
    Unauthorized(Box<ErrorResponse>),

    /// 403: the key may not do this (trial expired, read-only key, user without a CRM seat).
    Forbidden(Box<ErrorResponse>),

    /// 404: the object does not exist.
    NotFound(Box<ErrorResponse>),

    /// 422 or 400: the server read the request and found it invalid. [`ErrorResponse::problems`] has fields and messages.
    Rejected(Box<ErrorResponse>),

    /// 429 or 503 in the last attempt, too: too many requests, too much computing time used, or too many parallel
    /// connections on the account. The server did not process the request. Slow down.
    Throttled(Box<ErrorResponse>),

    /// 5xx: a failure at ChartMogul. A write may or may not have happened.
    Server(Box<ErrorResponse>),

    /// Any other status: a redirect, which is never followed, 402, 405 and others.
    UnexpectedStatus(Box<ErrorResponse>),

    /// A success whose body is not what the operation returns. The write has probably happened.
    #[non_exhaustive]
    Unreadable {
        /// The response, with its raw body.
        response: Box<ErrorResponse>,
        /// Why it could not be decoded.
        source: BoxError,
    },

    /// A success whose body is larger than [`ClientBuilder::max_body`](crate::ClientBuilder::max_body) allows. The
    /// write has probably happened.
    #[non_exhaustive]
    TooLarge {
        /// The response, without its body.
        response: Box<ErrorResponse>,
        /// Maximum size, in bytes.
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

    /// No complete response in time. Unless the limit was [`TimeoutKind::Connect`], a write may or may not have happened:
    /// see [`Error::may_have_happened`].
    #[non_exhaustive]
    Timeout {
        /// The operation that was attempted.
        operation: Cow<'static, str>,
        /// Which limit was reached.
        kind: TimeoutKind,
        /// The limit.
        limit: Duration,
        /// What the call was waiting for when it timed out; `None` if a request was in flight.
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

    /// A custom attribute in a response has another type than requested; see [`CustomAttributes`](crate::CustomAttributes).
    CustomAttribute(CustomAttributeError),

    /// The object changed concurrently with the update: the response to the write does not show what was sent.
    #[non_exhaustive]
    Conflict {
        /// The operation that writes.
        operation: &'static str,
        /// Whether it has written. `merge_custom` of the crate `chartmogul` has.
        written: bool,
        /// Why the new attempt failed, if there was one.
        source: Option<BoxError>,
    },

    /// The next page of a list can't be requested. What was read so far is valid.
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
        /// The error of the limiter.
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
            Self::NotModified(response) => write!(f, "{response}: nothing to change"),
            Self::Unauthorized(response) => write!(f, "{response}; check the API key"),
            Self::Forbidden(response) => write!(f, "{response}; check the permissions of the API key's user"),
            Self::NotFound(response)
            | Self::Rejected(response)
            | Self::Throttled(response)
            | Self::Server(response) => response.fmt(f),
            Self::UnexpectedStatus(response) => write!(f, "{response}; {}", not_expected(response)),
            Self::Unreadable { response, .. } => write!(f, "{response}: the response could not be decoded"),
            Self::TooLarge { response, limit } => write!(f, "{response}: the response is larger than {limit} bytes"),
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
                write!(f, "{operation}: {}{waiting}{history}", kind.reached(*limit))
            }
            Self::Stopped { operation, history } => {
                write!(f, "{operation}: the run was stopped before this was sent{history}")
            }
            Self::CustomAttribute(error) => error.fmt(f),
            Self::Conflict { operation, written, .. } => {
                let and = if *written {
                    "the update was applied, check the result"
                } else {
                    "the update was not applied"
                };
                write!(f, "{operation}: the object changed concurrently; {and}")
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
            Self::CustomAttribute(error) => error.source(), // the variant is the error itself, not a wrapper
            _ => None,
        }
    }
}

fn not_expected(response: &ErrorResponse) -> &'static str {
    if response.status.is_redirection() {
        "a redirect, which is not followed: is the base URL right?"
    } else {
        "this status is not expected here"
    }
}

fn waiting(what: Option<&'static str>) -> String {
    what.map(|what| format!(", waiting for {what}")).unwrap_or_default()
}

/// Which time limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutKind {
    /// Making the connection.
    Connect,
    /// One attempt, from the request to the last byte of the response.
    Attempt,
    /// The whole call, with all attempts and all waiting.
    Call,
}

impl fmt::Display for TimeoutKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "connect timeout",
            Self::Attempt => "attempt timeout",
            Self::Call => "call timeout",
        })
    }
}

impl TimeoutKind {
    /// The text of a timeout error.
    fn reached(self, limit: Duration) -> String {
        match self {
            Self::Connect => format!("no connection within {limit:?}"),
            Self::Attempt | Self::Call => format!("no response within the {self} of {limit:?}"),
        }
    }
}

impl Error {
    /// The response behind this error, if there was one.
    pub fn response(&self) -> Option<&ErrorResponse> {
        match self {
            Self::NotModified(response)
            | Self::Unauthorized(response)
            | Self::Forbidden(response)
            | Self::NotFound(response)
            | Self::Rejected(response)
            | Self::Throttled(response)
            | Self::Server(response)
            | Self::UnexpectedStatus(response)
            | Self::TooLarge { response, .. }
            | Self::Unreadable { response, .. } => Some(response),
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

    /// Status of the response, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.response().map(ErrorResponse::status)
    }

    /// The server's message, whichever shape its body had.
    pub fn message(&self) -> Option<&str> {
        self.response().and_then(ErrorResponse::message)
    }

    /// The raw body of the response, if there was one.
    pub fn body(&self) -> Option<&Bytes> {
        self.response().map(ErrorResponse::body)
    }

    /// The attempts, and why there was no further one. `None` if the request was rejected before sending.
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
            other => other.response().map(|response| &response.history),
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

    /// Why there was no further attempt; `None` if a retry would not help or would not be safe.
    pub fn stop_reason(&self) -> Option<&StopReason> {
        self.history().and_then(History::stop_reason)
    }

    /// Whether the server may have processed the request, in any of its attempts, although there is no usable response.
    ///
    /// If so, check before you repeat a request that must not happen twice.
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::Conflict { written: true, .. }) || self.history().is_some_and(History::may_have_happened)
    }

    pub(crate) fn from_response(response: Box<ErrorResponse>) -> Self {
        match response.status.as_u16() {
            304 => Self::NotModified(response),
            401 => Self::Unauthorized(response),
            403 => Self::Forbidden(response),
            404 => Self::NotFound(response),
            400 | 422 => Self::Rejected(response),
            429 | 503 => Self::Throttled(response),
            500..=599 => Self::Server(response),
            _ => Self::UnexpectedStatus(response),
        }
    }

    /// [`Error::Conflict`]: the operation, whether it has written, and why the new attempt failed, if there was one. Not for
    /// users: it may change.
    #[doc(hidden)]
    pub fn conflict(operation: &'static str, written: bool, source: Option<BoxError>) -> Self {
        Self::Conflict {
            operation,
            written,
            source,
        }
    }

    /// [`Error::Pagination`]: what is wrong with the pages of a list. Not for users: it may change.
    #[doc(hidden)]
    pub fn pagination(what: impl Into<String>) -> Self {
        Self::Pagination { what: what.into() }
    }

    /// [`Error::Configuration`]: what is wrong, and the cause if there is one. Not for users: it may change.
    #[doc(hidden)]
    pub fn configuration(what: impl Into<String>, source: Option<BoxError>) -> Self {
        Self::Configuration {
            what: what.into(),
            source,
        }
    }

    /// [`Error::Internal`]: what is wrong, and the cause if there is one. Not for users: it may change.
    #[doc(hidden)]
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

/// Whether it is a control character, a line separator, or a mark that changes the direction of text.
fn breaks_a_line(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Shortens the text to one line of at most `limit` characters.
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
