//! The transport: all operations use it.
//!
//! A call waits for its permit ([`limit`]), then makes attempts ([`attempt`]) until one succeeds or [`retry`] says
//! stop; [`call`] is the loop, [`observe`] reports it to spans and observers.

mod attempt;
mod call;
pub(crate) mod connections;
mod holders;
mod leaving;
pub(crate) mod limit;
mod line;
pub(crate) mod observe;
mod pace;
mod polling;
mod prepared;
mod response;
pub(crate) mod retry;
mod timer;

use std::{borrow::Cow, sync::Arc, time::Duration};

use http::{HeaderMap, Method, header};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::{sync::watch, time::Instant};

pub(crate) use self::attempt::RawResponse;
use self::{
    call::{Call, ReadFirst},
    connections::Connections,
    limit::Limiter,
    observe::Observer,
    retry::{Budget, Retry},
};
pub use self::{
    prepared::Prepared,
    response::{ResponseBody, Shape},
};
use crate::{
    Client, Error, ErrorResponse, History, Operation, Response,
    error::{
        body::{self, ParsedError},
        shorten,
    },
    request::{Request, UpdateRequest},
    runtime::{Check, prepare},
};

/// Replaces the key where a server echoes it.
const HIDDEN: &str = "[API key]";

/// Bounds that all calls of a bulk run share, whatever the limits of each. Not for users: it may change.
///
/// Such a call waits for its first send slot without a time limit; its own time limit begins then.
#[doc(hidden)]
#[derive(Debug)]
pub struct Bounds {
    /// When all calls end.
    pub deadline: Option<Instant>,
    /// Waiting calls end when this becomes true. Requests in flight continue.
    pub stopped: watch::Receiver<bool>,
}

impl Bounds {
    fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    async fn stopped(&self) {
        if self.stopped.clone().wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await; // the sender is gone, so it can't be stopped any more
        }
    }
}

/// Settings and state that a client shares with its clones.
pub(crate) struct Shared {
    pub(crate) connections: Connections,
    pub(crate) base_url: Url,
    /// The base URL with a path as long as that of most requests, so that a clone need not grow.
    pub(crate) url: Url,
    /// The path of the base URL, without a slash at its end; most have none.
    pub(crate) base_path: String,
    pub(crate) key: SecretString,
    /// The headers of every request: `authorization`, `user-agent`, `accept`.
    pub(crate) headers: HeaderMap,
    /// The headers of every request with a body. Cloning a complete map costs less than adding to one.
    pub(crate) headers_with_body: HeaderMap,
    /// Host and port of the server, for spans.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) connect_timeout: Duration,
    pub(crate) attempt_timeout: Duration,
    pub(crate) max_body: usize,
    pub(crate) limiter: Arc<dyn Limiter>,
    pub(crate) retry: Retry,
    pub(crate) budget: Budget,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) trace_identifiers: bool,
}

impl Shared {
    /// Replaces the key in a text, in case the server echoes it.
    fn hide(&self, text: &str) -> String {
        let text = text.replace(self.key.expose_secret(), HIDDEN);
        let header = self.headers.get(header::AUTHORIZATION);
        let header = header.and_then(|value| value.to_str().ok());
        match header.and_then(|header| header.strip_prefix("Basic ")) {
            Some(token) => text.replace(token, HIDDEN),
            None => text,
        }
    }

    /// Parses the error that a response describes.
    fn parse_error(&self, raw: &RawResponse) -> ParsedError {
        if raw.status.is_success() && !response::is_markup(&raw.body) {
            return ParsedError::default(); // the body of an unreadable success may contain customers' data
        }
        body::read(&raw.body, &|text| self.hide(text))
    }

    fn request_id(&self, headers: &HeaderMap) -> Option<String> {
        let id = headers.get("x-request-id")?.to_str().ok()?;
        Some(shorten(&self.hide(id), 100))
    }

    pub(crate) fn error_response(&self, route: &Route, raw: RawResponse, history: History) -> ErrorResponse {
        let parsed = self.parse_error(&raw);
        ErrorResponse {
            operation: route.name(),
            status: raw.status,
            message: parsed.message,
            problems: parsed.problems,
            request_id: self.request_id(&raw.headers),
            body: raw.body,
            history,
        }
    }
}

/// What the transport needs to know about an operation.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    Operation(&'static Operation),
    /// A request that is not in the operation table.
    Other(Box<Other>),
}

#[derive(Debug, Clone)]
pub(crate) struct Other {
    pub(crate) name: String,
    pub(crate) method: Method,
    /// The path with its parameters in braces.
    pub(crate) template: String,
    pub(crate) idempotent: bool,
}

impl Route {
    /// For errors and logs.
    fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Operation(operation) => operation.id.into(),
            Self::Other(other) => other.name.clone().into(),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Operation(operation) => operation.id,
            Self::Other(other) => &other.name,
        }
    }

    fn method(&self) -> &str {
        match self {
            Self::Operation(operation) => operation.method,
            Self::Other(other) => other.method.as_str(),
        }
    }

    /// The path with its parameters in braces.
    fn template(&self) -> &str {
        match self {
            Self::Operation(operation) => operation.path,
            Self::Other(other) => &other.template,
        }
    }

    /// Whether repeating the request is harmless.
    fn idempotent(&self) -> bool {
        match self {
            Self::Operation(operation) => operation.idempotent,
            Self::Other(other) => other.idempotent,
        }
    }

    /// Whether it is a GET.
    fn is_read(&self) -> bool {
        self.method() == Method::GET.as_str()
    }
}

/// The result of a write that depends on a read. Not for users: it may change.
#[doc(hidden)]
#[derive(Debug)]
pub struct FromRead<T> {
    /// The response to the write; to the read, if there was nothing to write.
    pub response: Response<T>,
    /// Whether something was written, or may have been by an earlier attempt.
    pub written: bool,
}

/// Sends a request and decodes its response.
///
/// Status first, body second: any 2xx is a success, and an empty body counts as `{}`, because the API returns the
/// same operation with 200, 201, 202 or 204, with an object, `{}` or nothing. This applies to writes only: an empty response to
/// a read would make all fields of the object absent.
#[allow(clippy::manual_async_fn)] // an `async fn` would store its arguments twice
pub(crate) fn call<T: DeserializeOwned + Send>(
    client: &Client,
    route: Route,
    request: Prepared,
    shape: Shape,
) -> impl Future<Output = Result<Response<T>, Error>> + Send {
    async move {
        let is_read = route.is_read();
        let mut value = None;
        let mut accept = |body: &[u8]| {
            value = Some(response::read(body, shape, is_read)?);
            Ok(())
        };
        let completed = Call::new(client, &route, &request).run(&mut accept).await?;
        completed.response(value)
    }
}

impl Client {
    /// Sends an update that depends on a read just before it; each attempt reads again. `follow` gets the object and its JSON,
    /// and returns the update, or `None` if there is nothing to write. The update is not checked, because it may contain values
    /// that the server has sent. Not for users: it may change.
    #[doc(hidden)]
    pub async fn exec_from_read<R: UpdateRequest>(
        &self,
        update: &R,
        follow: &mut Follow<'_, R>,
    ) -> Result<FromRead<R::Response>, Error> {
        let (read, read_route) = {
            let read = update.read();
            (prepare(&read, self, Check::Yes)?, Route::Operation(read.operation()))
        };
        let (write, write_route) = (prepare(update, self, Check::No)?, Route::Operation(update.operation()));
        let shape = update.shape();
        let (mut before, mut after) = (None, None);
        let mut then = |body: &[u8]| {
            let object: Box<R::Response> = response::read(body, shape, true)?;
            let next = follow(&object, body).and_then(|update| match update {
                Some(update) => prepare(&update, self, Check::No).map(Some),
                None => Ok(None),
            });
            before = Some(object);
            Ok(next)
        };
        let completed = {
            let mut accept = |body: &[u8]| {
                after = Some(response::read(body, shape, false)?);
                Ok(())
            };
            let mut call = Call::new(self, &write_route, &write).reading_first(ReadFirst {
                route: read_route,
                request: read,
                then: &mut then,
            });
            call.run(&mut accept).await?
        };
        let written = completed.written;
        let response = completed.response(after.or(before))?;
        Ok(FromRead { response, written })
    }
}

/// Computes the write from the object that was read, and its JSON.
type Follow<'a, R> = dyn FnMut(&<R as Request>::Response, &[u8]) -> Result<Option<R>, Error> + Send + 'a;

/// A success.
struct Completed {
    raw: Box<RawResponse>,
    attempts: u32,
    /// False if the call has read and found nothing to write.
    written: bool,
}

impl Completed {
    fn response<T>(self, value: Option<Box<T>>) -> Result<Response<T>, Error> {
        let Self { raw, attempts, .. } = self;
        match value {
            Some(value) => Ok(Response { value, raw, attempts }),
            // Unreachable: a call is done only if its body was accepted.
            None => Err(Error::internal("the transport lost a response, which is a bug", None)),
        }
    }
}
