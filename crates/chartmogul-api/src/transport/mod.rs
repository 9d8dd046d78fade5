//! The one way to the network, below all operations.
//!
//! A call waits for its place ([`limit`]), then makes attempts ([`attempt`]) until one succeeds or [`retry`] says
//! stop; [`call`] is the loop, [`observe`] what can be seen of it from outside.

mod attempt;
mod call;
mod connect;
pub(crate) mod connections;
pub(crate) mod limit;
mod line;
pub(crate) mod observe;
mod pace;
mod polling;
mod request;
pub(crate) mod retry;

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, Method, header};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::{sync::watch, time::Instant};

pub(crate) use self::attempt::RawResponse;
use self::{
    attempt::BodyError,
    call::{BuildRequest, Call, ReadFirst},
    connections::Connections,
    limit::Limiter,
    observe::Observer,
    retry::{Budget, Retry},
};
pub use self::{
    connect::{Connect, ConnectLayer},
    request::Request,
};
use crate::{
    ClientBuilder, Error, ErrorResponse, History, Operation, Response,
    error::shorten,
    error_body::{self, ParsedError},
    json,
};

/// Stands for the key where a server repeats it.
const HIDDEN: &str = "[API key]";

/// The low-level client: one method for each operation. Cheap to clone; clones share connections, limiter and retry
/// budget. It can be used in several tokio runtimes, each of which has connections of its own, and needs one with timers
/// and IO (`enable_all`).
///
/// `Debug` shows where the API is, never the key.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    pub(crate) call_timeout: Duration,
    pub(crate) bounds: Option<Arc<Bounds>>,
}

/// Bounds of many calls together, whatever each of them may take: those of a bulk run. Not for users: it may change.
///
/// A call that has them waits for its first turn as long as it takes, and its own time limit begins then.
#[doc(hidden)]
#[derive(Debug)]
pub struct Bounds {
    /// When all calls end.
    pub deadline: Option<Instant>,
    /// Calls that wait end when this gets true. What is under way goes on.
    pub stopped: watch::Receiver<bool>,
}

impl Bounds {
    fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    async fn stopped(&self) {
        if self.stopped.clone().wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await; // nobody can stop it any more
        }
    }
}

/// What holds for every request of a client and its clones.
pub(crate) struct Shared {
    pub(crate) connections: Connections,
    pub(crate) base_url: Url,
    pub(crate) key: SecretString,
    /// What every request has: who calls, with which program, and that the answer is to be JSON.
    pub(crate) headers: HeaderMap,
    /// For spans: where the server is.
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
    /// Takes the key out of a text, should a server repeat it.
    fn hide(&self, text: &str) -> String {
        let text = text.replace(self.key.expose_secret(), HIDDEN);
        let header = self.headers.get(header::AUTHORIZATION);
        let header = header.and_then(|value| value.to_str().ok());
        match header.and_then(|header| header.strip_prefix("Basic ")) {
            Some(token) => text.replace(token, HIDDEN),
            None => text,
        }
    }

    /// What an answer says about an error.
    fn said(&self, raw: &RawResponse) -> ParsedError {
        if raw.status.is_success() && !is_markup(&raw.body) {
            return ParsedError::default(); // what can't be read here may be a customer's object
        }
        error_body::read(&raw.body, &|text| self.hide(text))
    }

    fn request_id(&self, headers: &HeaderMap) -> Option<String> {
        let id = headers.get("x-request-id")?.to_str().ok()?;
        Some(shorten(&self.hide(id), 100))
    }

    fn answer(&self, route: &Route, raw: RawResponse, history: History) -> ErrorResponse {
        let said = self.said(&raw);
        ErrorResponse {
            operation: route.name.clone(),
            status: raw.status,
            message: said.message,
            problems: said.problems,
            request_id: self.request_id(&raw.headers),
            body: raw.body,
            history,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.base_url())
            .finish_non_exhaustive()
    }
}

/// What the transport has to know of an operation.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// For errors and logs.
    name: Cow<'static, str>,
    method: Cow<'static, str>,
    /// The path with its parameters in braces.
    template: Cow<'static, str>,
    /// Whether repeating the request is harmless.
    idempotent: bool,
}

impl Route {
    fn of(operation: &'static Operation) -> Self {
        Self {
            name: operation.id.into(),
            method: operation.method.into(),
            template: operation.path.into(),
            idempotent: operation.idempotent,
        }
    }

    /// Whether it changes nothing.
    fn is_read(&self) -> bool {
        is_read(&self.method)
    }
}

/// What follows from a read: an object and its JSON.
type Follow<'a, T, B> = dyn FnMut(&T, &[u8]) -> Result<Option<B>, Error> + Send + 'a;

/// The answer to a write that followed from a read. Not for users: it may change.
#[doc(hidden)]
#[derive(Debug)]
pub struct FromRead<T> {
    /// The answer to the write; to the read, if there was nothing to write.
    pub response: Response<T>,
    /// Whether something was written, or may have been by an earlier attempt.
    pub written: bool,
}

impl Client {
    /// A client with the API key from the environment variable `CHARTMOGUL_API_KEY` and defaults for the rest.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the variable is missing or holds no possible key.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }

    /// Sets up a client step by step.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// The same client, with another time limit for a whole call; see [`ClientBuilder::call_timeout`].
    #[must_use]
    pub fn with_call_timeout(&self, limit: Duration) -> Self {
        Self {
            call_timeout: limit,
            ..self.clone()
        }
    }

    /// Where the API is; without a slash at its end.
    pub fn base_url(&self) -> &str {
        self.shared.base_url.as_str().trim_end_matches('/')
    }

    /// The same client, whose calls keep these bounds.
    #[doc(hidden)]
    #[must_use]
    pub fn with_bounds(&self, bounds: &Arc<Bounds>) -> Self {
        Self {
            bounds: Some(Arc::clone(bounds)),
            ..self.clone()
        }
    }

    /// Begins a request: with what all of them have.
    pub(crate) fn start(&self, method: Method, path: fmt::Arguments<'_>) -> reqwest::RequestBuilder {
        // What comes before the path is parsed once, when the client is built: it takes longer than the path.
        let mut url = self.shared.base_url.clone();
        let path = format!("{}{path}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let mut request = reqwest::Request::new(method, url);
        request.headers_mut().clone_from(&self.shared.headers);
        reqwest::RequestBuilder::from_parts(self.shared.connections.any(), request)
    }

    /// Sends a request for an operation and reads what it answers with.
    ///
    /// Status first, body second: any 2xx is a success, and an empty body counts as `{}`, because the API answers the
    /// same operation with 200, 201, 202 or 204, with an object, `{}` or nothing. That is so for what changes something; who
    /// reads an object and gets nothing would take all its members for absent.
    pub(crate) async fn exec<T: DeserializeOwned + Send>(
        &self,
        operation: &'static Operation,
        request: &BuildRequest<'_>,
    ) -> Result<Response<T>, Error> {
        let mut call = Call::new(self, Route::of(operation), request);
        let mut value = None;
        // Every operation answers with an object.
        let read = if is_read(operation.method) {
            read_all
        } else {
            read_object
        };
        let mut accept = |body: &[u8]| read(body, &mut value);
        let done = call.run(&mut accept).await?;
        done.response(value)
    }

    /// Sends what follows from a read, and reads anew before each attempt. `body` looks at the object that was read, and at its
    /// JSON; if there is nothing to write, it says `None`.
    pub(crate) async fn exec_from_read<T, B>(
        &self,
        (read, read_request): (&'static Operation, &BuildRequest<'_>),
        (write, write_request): (&'static Operation, &(dyn Fn(&B) -> reqwest::RequestBuilder + Sync)),
        body: &mut Follow<'_, T, B>,
    ) -> Result<FromRead<T>, Error>
    where
        T: DeserializeOwned + Default + PartialEq + Send,
        B: Default + Send,
    {
        let next = Mutex::new(B::default());
        let (mut before, mut after) = (None, None);
        let mut then = |answer: &[u8]| {
            let mut object = None;
            read_all(answer, &mut object)?;
            let Some(object) = object else { return Ok(Ok(false)) };
            let body = match body(&object, answer) {
                Ok(body) => body,
                Err(error) => return Ok(Err(error)),
            };
            before = Some(object);
            let writes = body.is_some();
            if let Some(body) = body {
                *next.lock().unwrap_or_else(PoisonError::into_inner) = body;
            }
            Ok(Ok(writes))
        };
        let make = || write_request(&next.lock().unwrap_or_else(PoisonError::into_inner));
        let done = {
            let mut accept = |body: &[u8]| read_object(body, &mut after);
            let mut call = Call::new(self, Route::of(write), &make).reading_first(ReadFirst {
                route: Route::of(read),
                make: read_request,
                then: &mut then,
            });
            call.run(&mut accept).await?
        };
        let written = done.written;
        let response = done.response(after.or(before))?;
        Ok(FromRead { response, written })
    }

    /// Sends a request for an operation that answers with nothing; what comes all the same is not looked at.
    pub(crate) async fn exec_done(
        &self,
        operation: &'static Operation,
        request: &BuildRequest<'_>,
    ) -> Result<Response<()>, Error> {
        let mut call = Call::new(self, Route::of(operation), request);
        call.run(&mut |_| Ok(())).await?.response(Some(Box::new(())))
    }
}

/// A success.
struct Completed {
    raw: Box<RawResponse>,
    attempts: u32,
    /// Not if the call has read, and found nothing to write.
    written: bool,
}

impl Completed {
    fn response<T>(self, value: Option<Box<T>>) -> Result<Response<T>, Error> {
        let Self { raw, attempts, .. } = self;
        match value {
            Some(value) => Ok(Response { value, raw, attempts }),
            // Can't be: a call is done only if its body was accepted.
            None => Err(Error::internal("the transport lost an answer, which is a bug", None)),
        }
    }
}

/// Whether the answer is all that a request is made for.
fn is_read(method: &str) -> bool {
    method == Method::GET.as_str()
}

/// Reads the JSON object that a request was made for: one that has members.
fn read_all<T: DeserializeOwned>(body: &[u8], into: &mut Option<Box<T>>) -> Result<(), BodyError> {
    not_empty(body)?;
    let members = trimmed(body)
        .strip_prefix(b"{")
        .and_then(|rest| rest.strip_suffix(b"}"));
    if members.is_some_and(|members| members.trim_ascii().is_empty()) {
        return Err(BodyError::new("expected a JSON object with members, found one without"));
    }
    read_object(body, into)
}

/// An answer to a read that ends before it begins is cut off; so it is asked for again.
fn not_empty(body: &[u8]) -> Result<(), BodyError> {
    if trimmed(body).is_empty() {
        return Err(BodyError {
            cut_off: true,
            ..BodyError::new("expected JSON, found nothing")
        });
    }
    Ok(())
}

/// Reads a JSON object. An empty body counts as one without members.
fn read_object<T: DeserializeOwned>(body: &[u8], into: &mut Option<Box<T>>) -> Result<(), BodyError> {
    let json = trimmed(body);
    match json.first() {
        None => read_json(b"{}", into),
        Some(b'{') => read_json(json, into),
        _ if is_markup(json) => Err(BodyError::new("expected a JSON object, found markup")),
        _ => Err(BodyError::new("expected a JSON object, found something else")),
    }
}

/// Reads JSON of any kind.
fn read_json<T: DeserializeOwned>(json: &[u8], into: &mut Option<Box<T>>) -> Result<(), BodyError> {
    let value = json::from_slice(json).map_err(|error| unfit(error, std::any::type_name::<T>()))?;
    *into = Some(Box::new(value));
    Ok(())
}

/// What is said of JSON that can't be read quotes nothing of it: it may hold customers' data.
fn unfit(error: serde_json::Error, ty: &str) -> BodyError {
    BodyError {
        cut_off: error.is_eof(),
        source: if error.is_data() {
            let (line, column) = (error.line(), error.column());
            format!("the value that ends at line {line}, column {column} does not fit into `{ty}`").into()
        } else {
            error.into()
        },
    }
}

fn trimmed(body: &[u8]) -> &[u8] {
    body.strip_prefix(error_body::BYTE_ORDER_MARK)
        .unwrap_or(body)
        .trim_ascii()
}

fn is_markup(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}
