//! One attempt: a request, and its response to the last byte.

use std::{error::Error as StdError, future::Future, io, pin::pin};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use tokio::time::Instant;

use super::{Route, timer::timeout_at};
use crate::{BoxError, Client, Error, Failure, History, TimeoutKind, error::history::causes};

/// Looks at the body of a success, and says why it can't be one.
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

/// A response, as far as it was read. In a box: it is large, and is handed through some futures.
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
    /// There is a response, and its status says it all.
    Response(Box<RawResponse>),
    /// A success status, whose body can't be used.
    BodyError(Box<RawResponse>, BoxError),
    TooLarge(Box<RawResponse>),
    /// There is no response, or not all of it.
    Nothing(BoxError),
}

/// The time that an attempt has, and the name of the limit that ends it.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub(super) until: Instant,
    pub(super) kind: TimeoutKind,
    pub(super) limit: std::time::Duration,
}

/// Waits for a response, reads it, and has a success looked at.
#[allow(clippy::manual_async_fn)] // whose arguments would have room twice
pub(super) fn send(
    client: &Client,
    response: impl Future<Output = reqwest::Result<reqwest::Response>>,
    deadline: Deadline,
    accept: &mut Accept<'_>,
) -> impl Future<Output = Result<Box<RawResponse>, Box<AttemptError>>> {
    async move {
        let (mut raw, mut more) = (None::<Box<RawResponse>>, BytesMut::new());
        let ended = timeout_at(deadline.until, pin!(read(client, response, &mut raw, &mut more))).await;
        if let Some(raw) = &mut raw
            && !more.is_empty()
        {
            raw.body = more.freeze();
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

/// The URL names a customer's object; the operation is named already.
fn nameless(error: reqwest::Error) -> BoxError {
    error.without_url().into()
}

fn without_response(error: &reqwest::Error, client: &Client) -> Failure {
    match (error.is_connect(), error.is_timeout()) {
        // The limit of the user's own client is not known here; the cause says that time was up.
        (true, true) if !client.shared.connections.is_own() => {
            Failure::TimedOut(TimeoutKind::Connect, client.shared.connect_timeout)
        }
        (true, false) if is_untrusted(error) => Failure::NotTrusted,
        (true, _) => Failure::NotConnected,
        (false, _) => Failure::Broken,
    }
}

/// A wrong certificate does not get right by trying again. TLS libraries report it as invalid data.
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

/// The body came, and is not compressed as it claims to be. That the compressed body ended too early, or that the
/// connection broke, is reported as another kind, or deeper down.
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

/// Reads a response. What has come is kept, should the rest not come: in the body, or in `more` if it came in pieces.
#[allow(clippy::manual_async_fn)] // as above
fn read(
    client: &Client,
    response: impl Future<Output = reqwest::Result<reqwest::Response>>,
    into: &mut Option<Box<RawResponse>>,
    more: &mut BytesMut,
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
    #[cold] // so that its code is not in the way of what succeeds
    fn new(client: &Client, deadline: Deadline, raw: Option<Box<RawResponse>>, error: Option<ReadError>) -> Self {
        let (failure, what) = match (raw, error) {
            // The status says more than why its body is not complete.
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
            // Can't be: a body without a head, or the end without anything.
            (_, None | Some(ReadError::TooLarge)) => (Failure::Broken, What::Nothing("no response".into())),
        };
        Self { failure, what }
    }

    /// It was given up, because nobody polled it.
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

    /// What was behind it, for the history.
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
