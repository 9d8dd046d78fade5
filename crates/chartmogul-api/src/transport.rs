//! The one way to the network, below all operations.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use crate::{Answer, BoxError, ClientBuilder, Error, Operation, Reply, TimeoutKind, error::shorten, error_body};

/// Stands for the key where a server repeats it.
const HIDDEN: &str = "[API key]";

/// The low-level client: one method for each operation. Cheap to clone; clones share connections.
///
/// `Debug` shows where the API is, never the key.
#[derive(Clone)]
#[allow(clippy::struct_field_names)] // generated operations know the fields by these names
pub struct Client {
    pub(crate) baseurl: Arc<str>,
    pub(crate) client: reqwest::Client,
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) key: SecretString,
    pub(crate) authorization: HeaderValue,
    pub(crate) connect_timeout: Duration,
    pub(crate) timeout: Duration,
}

impl Shared {
    /// Takes the key out of a text, should a server repeat it.
    fn hide(&self, text: &str) -> String {
        let text = text.replace(self.key.expose_secret(), HIDDEN);
        let header = self.authorization.to_str().unwrap_or_default();
        match header.strip_prefix("Basic ") {
            Some(token) => text.replace(token, HIDDEN),
            None => text,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.baseurl)
            .finish_non_exhaustive()
    }
}

/// A whole answer, read to its last byte.
struct Whole {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
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

    /// Sends a request for an operation and reads what it answers with.
    ///
    /// Status first, body second: any 2xx is a success, and an empty body counts as `{}`, because the API answers the
    /// same operation with 200, 201, 202 or 204, with an object, `{}` or nothing.
    pub(crate) async fn exec<T: DeserializeOwned>(
        &self,
        operation: &'static Operation,
        request: reqwest::RequestBuilder,
    ) -> Result<Reply<T>, Error> {
        let Whole { status, headers, body } = self.succeed(operation, request).await?;
        let text = body
            .strip_prefix(error_body::BYTE_ORDER_MARK)
            .unwrap_or(&body)
            .trim_ascii();
        match decode(if text.is_empty() { b"{}" } else { text }) {
            Ok(value) => Ok(Reply {
                value,
                status,
                headers,
                body,
            }),
            Err(source) => {
                let answer = Box::new(self.answer(operation, status, &headers, body));
                Err(Error::Unreadable { answer, source })
            }
        }
    }

    /// Sends a request for an operation that answers with nothing; what comes all the same is not looked at.
    #[allow(dead_code)] // for the first such operation
    pub(crate) async fn exec_done(
        &self,
        operation: &'static Operation,
        request: reqwest::RequestBuilder,
    ) -> Result<Reply<()>, Error> {
        let Whole { status, headers, body } = self.succeed(operation, request).await?;
        Ok(Reply {
            value: (),
            status,
            headers,
            body,
        })
    }

    async fn succeed(&self, operation: &'static Operation, request: reqwest::RequestBuilder) -> Result<Whole, Error> {
        let whole = self.send(operation, request).await?;
        if whole.status.is_success() {
            return Ok(whole);
        }
        let Whole { status, headers, body } = whole;
        Err(Error::from_answer(self.answer(operation, status, &headers, body)))
    }

    async fn send(&self, operation: &'static Operation, request: reqwest::RequestBuilder) -> Result<Whole, Error> {
        let request = request
            .header(header::AUTHORIZATION, self.shared.authorization.clone())
            .build()
            .map_err(|source| Error::Configuration {
                what: format!("{operation}: the request can't be built"),
                source: Some(source.into()),
            })?;
        let read = async {
            let response = self.client.execute(request).await?;
            Ok(Whole {
                status: response.status(),
                headers: response.headers().clone(),
                body: response.bytes().await?,
            })
        };
        read.await.map_err(|source| self.broken(operation, source))
    }

    fn broken(&self, operation: &'static Operation, source: reqwest::Error) -> Error {
        // The URL names a customer's object; the operation is named already.
        let source = source.without_url();
        let (operation, connecting) = (operation.id, source.is_connect());
        if source.is_timeout() {
            let (kind, limit) = if connecting {
                (
                    TimeoutKind::Connect,
                    self.shared.connect_timeout.min(self.shared.timeout),
                )
            } else {
                (TimeoutKind::Call, self.shared.timeout)
            };
            return Error::Timeout {
                operation,
                kind,
                limit,
                source: source.into(),
            };
        }
        Error::Connection {
            operation,
            sent: !connecting,
            source: source.into(),
        }
    }

    fn answer(&self, operation: &'static Operation, status: StatusCode, headers: &HeaderMap, body: Bytes) -> Answer {
        let said = if status.is_success() && !is_markup(&body) {
            error_body::Said::default() // what can't be read here may be a customer's object
        } else {
            error_body::read(&body, &|text| self.shared.hide(text))
        };
        Answer {
            operation: operation.id,
            status,
            message: said.message,
            problems: said.problems,
            request_id: headers
                .get("x-request-id")
                .and_then(|id| id.to_str().ok())
                .map(|id| shorten(&self.shared.hide(id), 100)),
            body,
        }
    }
}

/// Reads the value of a success. The causes quote nothing of the body, which may hold customers' data.
fn decode<T: DeserializeOwned>(json: &[u8]) -> Result<T, BoxError> {
    // Every operation answers with an object; members of it never fail (see `Field`).
    match json.first() {
        Some(b'{') => Ok(serde_json::from_slice(json)?),
        _ if is_markup(json) => Err("expected a JSON object, found markup".into()),
        _ => Err("expected a JSON object, found something else".into()),
    }
}

fn is_markup(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}
