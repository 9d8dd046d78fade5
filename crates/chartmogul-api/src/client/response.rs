use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::transport::RawResponse;

/// A successful response: the decoded value, and what came with it.
///
/// `Debug` leaves out headers and body; [`Response::headers`] and [`Response::body`] have them.
#[derive(Clone)]
pub struct Response<T> {
    /// Boxed, because it is large, and several futures hand it on.
    pub(crate) value: Box<T>,
    pub(crate) raw: Box<RawResponse>,
    pub(crate) attempts: u32,
}

impl<T> Response<T> {
    /// The decoded value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The decoded value, without the rest.
    pub fn into_value(self) -> T {
        *self.value
    }

    /// Status of the response, any 2xx.
    pub fn status(&self) -> StatusCode {
        self.raw.status
    }

    /// Headers of the response.
    pub fn headers(&self) -> &HeaderMap {
        &self.raw.headers
    }

    /// How many attempts it took.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The body as it arrived.
    pub fn body(&self) -> &Bytes {
        &self.raw.body
    }
}

impl<T: fmt::Debug> fmt::Debug for Response<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("value", &self.value)
            .field("status", &self.raw.status)
            .finish_non_exhaustive()
    }
}
