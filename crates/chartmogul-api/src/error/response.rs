use std::{borrow::Cow, fmt};

use bytes::Bytes;
use http::StatusCode;

use super::history::write_status;
use crate::History;

/// A response that is not a plain success, with everything that the server sent.
///
/// `Debug` leaves out the body, which may hold customers' data; [`ErrorResponse::body`] has it.
#[derive(Clone)]
pub struct ErrorResponse {
    pub(crate) operation: Cow<'static, str>,
    pub(crate) status: StatusCode,
    pub(crate) message: Option<String>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) request_id: Option<String>,
    pub(crate) body: Bytes,
    pub(crate) history: History,
}

impl ErrorResponse {
    /// The operation that was called.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The server's message on one line, at most 300 characters: from JSON of any known shape, the first line of plain
    /// text, or the title of an HTML page. `None` if the body is empty or has no readable text.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The invalid fields, with their messages: at most 100, with texts of at most 1,000 characters each. Of a body of more
    /// than 256 KiB there are none. [`body`](Self::body) has all.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The server's `X-Request-Id`, where it sends one; quote it to ChartMogul's support.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The body as it arrived; may be empty.
    pub fn body(&self) -> &Bytes {
        &self.body
    }
}

impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.operation)?;
        write_status(f, self.status)?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request {id})")?;
        }
        write!(f, "{}", self.history)
    }
}

impl fmt::Debug for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorResponse")
            .field("operation", &self.operation)
            .field("status", &self.status)
            .field("message", &self.message)
            .field("problems", &self.problems)
            .field("request_id", &self.request_id)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("history", &self.history)
            .finish()
    }
}

/// One invalid field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The field, as the server names it; may be a path such as `custom[0][type]`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// A symbolic word for the problem (`blank`, `invalid`), where the server sends one.
    pub code: Option<String>,
}

impl Problem {
    /// Creates a problem, for example from a journal.
    pub fn new(field: impl Into<String>, message: impl Into<String>, code: Option<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
            code,
        }
    }
}
