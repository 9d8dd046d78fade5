//! One attempt: a request, and its response to the last byte.

use std::{error::Error as StdError, future::Future, io, pin::pin};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::{Route, timer::timeout_at};
use crate::{BoxError, Client, Error, Failure, History, TimeoutKind, error::history::causes};

/// Checks and decodes the body of a success; returns why it can't be used.
pub(super) type Accept<'a> = dyn FnMut(&[u8]) -> Result<(), BodyError> + Send + 'a;

/// Why the body of a success can't be used.
pub(super) struct BodyError {
    /// It is JSON that ended too early.
    pub(super) cut_off: bool,
    pub(super) source: BoxError,
}

impl BodyError {
    pub(super) fn new(what: &'static str) -> Self {
        Self {
            cut_off: false,
            source: what.into(),
        }
    }
}

/// A response, as far as it was read. It is always boxed: it is large, and several futures hand it on.
#[derive(Clone)]
pub(crate) struct RawResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// A failed attempt.
pub(super) struct AttemptError {
    pub(super) failure: Failure,
    what: What,
}

enum What {
    /// There is a response, and its status is the error.
    Response(Box<RawResponse>),
    /// A success status, whose body can't be used.
    BodyError(Box<RawResponse>, BoxError),
    TooLarge(Box<RawResponse>),
    /// There is no response, or not all of it.
    Nothing(BoxError),
}

/// When an attempt times out, and which limit that is.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub(super) until: Instant,
    pub(super) kind: TimeoutKind,
    pub(super) limit: std::time::Duration,
}

/// Waits for a response and reads it; `accept` checks the body of a success.
#[allow(clippy::manual_async_fn)] // an `async fn` would store its arguments twice
pub(super) fn send(
    client: &Client,
    response: impl Future<Output = reqwest::Result<reqwest::Response>>,
    deadline: Deadline,
    accept: &mut Accept<'_>,
) -> impl Future<Output = Result<Box<RawResponse>, Box<AttemptError>>> {
    async move {
        let (mut raw, mut more) = (None::<Box<RawResponse>>, Vec::new());
        let ended = timeout_at(deadline.until, pin!(read(client, response, &mut raw, &mut more))).await;
        if let Some(raw) = &mut raw
            && !more.is_empty()
        {
            raw.body = more.into();
        }
        let error = match ended {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error),
            Err(elapsed) => Some(ReadError::TimedOut(elapsed)),
        };
        match (raw, error) {
            (Some(raw), None) if raw.status.is_success() => match accept(&raw.body) {
                Ok(()) => Ok(raw),
                Err(unfit) => Err(AttemptError::unfit(raw, unfit).into()),
            },
            (raw, error) => Err(AttemptError::new(client, deadline, raw, error).into()),
        }
    }
}

/// Removes the URL, which contains an object's identifier; the error names the operation anyway.
fn nameless(error: reqwest::Error) -> BoxError {
    error.without_url().into()
}

fn without_response(error: &reqwest::Error, client: &Client) -> Failure {
    match (error.is_connect(), error.is_timeout()) {
        // The connect timeout of the user's own client is not known here; the cause says that it timed out.
        (true, true) if !client.shared.connections.is_own() => {
            Failure::TimedOut(TimeoutKind::Connect, client.shared.connect_timeout)
        }
        (true, false) if is_untrusted(error) => Failure::NotTrusted,
        (true, _) => Failure::NotConnected,
        (false, _) => Failure::Broken,
    }
}

/// Whether the certificate was rejected, which a retry does not change. TLS libraries report it as invalid data.
fn is_untrusted(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        next = match error.downcast_ref::<io::Error>() {
            Some(io) if io.kind() == io::ErrorKind::InvalidData => return true,
            // `source` of an I/O error skips the error inside.
            Some(io) => io.get_ref().map(|inner| inner as _),
            None => error.source(),
        };
    }
    false
}

/// Whether the body arrived but could not be decompressed. A truncated body and a broken connection have another error kind,
/// or are deeper in the chain of sources.
fn is_garbled(error: &reqwest::Error) -> bool {
    error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|io| matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput))
}

enum ReadError {
    Http(reqwest::Error),
    TimedOut(tokio::time::error::Elapsed),
    TooLarge,
}

/// Reads a response. If the rest does not arrive, what was received is kept: in the body, or in `more` after the first
/// chunk.
#[allow(clippy::manual_async_fn)] // as above
fn read(
    client: &Client,
    response: impl Future<Output = reqwest::Result<reqwest::Response>>,
    into: &mut Option<Box<RawResponse>>,
    more: &mut Vec<u8>,
) -> impl Future<Output = Result<(), ReadError>> {
    async move {
        let mut response = response.await.map_err(ReadError::Http)?;
        let raw = into.insert(Box::new(RawResponse {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: Bytes::new(),
        }));
        client.shared.connections.announced(&raw.headers);

        let limit = client.shared.max_body;
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(ReadError::TooLarge);
        }
        while let Some(chunk) = response.chunk().await.map_err(ReadError::Http)? {
            if raw.body.len() + more.len() + chunk.len() > limit {
                return Err(ReadError::TooLarge);
            }
            // Most responses are one chunk, which needs no copy.
            if raw.body.is_empty() && more.is_empty() {
                raw.body = chunk;
                continue;
            }
            if more.is_empty() {
                more.extend_from_slice(&raw.body);
                raw.body = Bytes::new();
            }
            more.extend_from_slice(&chunk);
        }
        Ok(())
    }
}

impl AttemptError {
    #[cold] // keeps its code out of the path of a success
    fn new(client: &Client, deadline: Deadline, raw: Option<Box<RawResponse>>, error: Option<ReadError>) -> Self {
        let (failure, what) = match (raw, error) {
            // The status says more than the reason why its body is incomplete.
            (Some(raw), _) if !raw.status.is_success() => (Failure::Status(raw.status), What::Response(raw)),
            (Some(raw), Some(ReadError::TooLarge)) => (Failure::Unreadable, What::TooLarge(raw)),
            (_, Some(ReadError::TimedOut(elapsed))) => (
                Failure::TimedOut(deadline.kind, deadline.limit),
                What::Nothing(elapsed.into()),
            ),
            (Some(raw), Some(ReadError::Http(error))) if is_garbled(&error) => {
                (Failure::Unreadable, What::BodyError(raw, nameless(error)))
            }
            (Some(_), Some(ReadError::Http(error))) => (Failure::CutOff, What::Nothing(nameless(error))),
            (None, Some(ReadError::Http(error))) => (without_response(&error, client), What::Nothing(nameless(error))),
            // Unreachable: a body without headers, or neither a response nor an error.
            (_, None | Some(ReadError::TooLarge)) => (Failure::Broken, What::Nothing("no response".into())),
        };
        Self { failure, what }
    }

    /// The attempt was abandoned, because it was not polled.
    #[cold]
    pub(super) fn unpolled() -> Self {
        Self {
            failure: Failure::Broken,
            what: What::Nothing("the call was not polled while it was connecting".into()),
        }
    }

    #[cold]
    fn unfit(raw: Box<RawResponse>, unfit: BodyError) -> Self {
        let failure = if unfit.cut_off {
            Failure::CutOff
        } else {
            Failure::Unreadable
        };
        let what = What::BodyError(raw, unfit.source);
        Self { failure, what }
    }

    /// The response, if there is one.
    pub(super) fn response(&self) -> Option<&RawResponse> {
        match &self.what {
            What::Response(raw) | What::BodyError(raw, _) | What::TooLarge(raw) => Some(raw),
            What::Nothing(_) => None,
        }
    }

    /// The cause, for the history.
    pub(super) fn cause(&self, client: &Client) -> Option<String> {
        match &self.what {
            What::Response(raw) => client.shared.parse_error(raw).message,
            What::BodyError(_, source) | What::Nothing(source) => Some(causes(source.as_ref())),
            What::TooLarge(_) => Some(format!("larger than {} bytes", client.shared.max_body)),
        }
    }

    /// The error that the caller gets.
    pub(super) fn into_error(self, client: &Client, route: &Route, history: History) -> Error {
        let response = |raw: Box<RawResponse>, history| Box::new(client.shared.error_response(route, *raw, history));
        match self.what {
            What::Response(raw) => Error::from_response(response(raw, history)),
            What::BodyError(raw, source) => Error::Unreadable {
                response: response(raw, history),
                source,
            },
            What::TooLarge(raw) => Error::TooLarge {
                response: response(raw, history),
                limit: client.shared.max_body,
            },
            What::Nothing(source) => match self.failure {
                Failure::TimedOut(kind, limit) => Error::Timeout {
                    operation: route.name(),
                    kind,
                    limit,
                    while_waiting: None,
                    history: Box::new(history),
                    source,
                },
                failure => Error::Connection {
                    operation: route.name(),
                    failure,
                    history: Box::new(history),
                    source,
                },
            },
        }
    }
}
