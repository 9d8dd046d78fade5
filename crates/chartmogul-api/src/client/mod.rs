//! The client, how it is built, and what it returns.

mod base_url;
mod builder;
mod connection;
mod headers;
mod proxy;
mod request;
mod response;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

pub use self::{
    builder::{
        ClientBuilder, DEFAULT_ATTEMPT_TIMEOUT, DEFAULT_CALL_TIMEOUT, DEFAULT_CONNECT_TIMEOUT, DEFAULT_MAX_BODY,
    },
    request::Request,
    response::Response,
};
use crate::{
    Error, runtime,
    transport::{Bounds, Shared},
};

/// The low-level client: one method for each operation. Cheap to clone; clones share connections, limiter and retry
/// budget. It can be used in several tokio runtimes, each of which has connections of its own, and needs one with timers
/// and IO (`enable_all`).
///
/// `Debug` shows the base URL, never the key.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    pub(crate) call_timeout: Duration,
    pub(crate) bounds: Option<Arc<Bounds>>,
    /// Keeps requests instead of sending them; see [`runtime::prepare`].
    pub(crate) records: bool,
    /// The generated methods start from this field; progenitor determines its name.
    #[allow(clippy::struct_field_names)]
    pub(crate) client: runtime::Requests,
    pub(crate) baseurl: runtime::Relative,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.base_url())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Creates a client with the API key from the environment variable `CHARTMOGUL_API_KEY` and default settings.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the variable is missing or is not a valid key.
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

    /// The base URL of the API, without a slash at the end.
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
}
