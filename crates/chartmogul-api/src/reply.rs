use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::transport::Whole;

/// A successful answer: the decoded value, and what came with it.
///
/// `Debug` leaves out headers and body; [`Reply::headers`] and [`Reply::body`] have them.
#[derive(Clone)]
pub struct Reply<T> {
    /// In a box, because it is large, and is handed through some futures on its way.
    pub(crate) value: Box<T>,
    pub(crate) whole: Box<Whole>,
    pub(crate) attempts: u32,
}

impl<T> Reply<T> {
    /// The decoded value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The decoded value, without the rest.
    pub fn into_value(self) -> T {
        *self.value
    }

    /// Status of the answer, any 2xx.
    pub fn status(&self) -> StatusCode {
        self.whole.status
    }

    /// Headers of the answer.
    pub fn headers(&self) -> &HeaderMap {
        &self.whole.headers
    }

    /// How many attempts it took.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The body as it arrived.
    pub fn body(&self) -> &Bytes {
        &self.whole.body
    }
}

impl<T: fmt::Debug> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("value", &self.value)
            .field("status", &self.whole.status)
            .finish_non_exhaustive()
    }
}
