use crate::{
    Error,
    resources::{customers::CustomerScope, opportunities::Opportunities},
};

/// Builds a [`Client`].
///
/// ```
/// use std::time::Duration;
///
/// let client = chartmogul::Client::builder().api_key("your-api-key").call_timeout(Duration::from_secs(20)).build()?;
/// # Ok::<(), chartmogul::Error>(())
/// ```
pub type ClientBuilder = chartmogul_api::ClientBuilder<Client>;

/// The way into the API: a method for each resource.
///
/// Cheap to clone; clones share connections, the limiter and the retry budget, so make one for each account and clone
/// it. It can be used in several tokio runtimes, each of which has connections of its own, and needs one with timers and IO
/// (`enable_all`). `Debug` shows where the API is, never the key.
///
/// What is sent by this client is awaited; [`Client::blocking`] makes one whose calls block.
#[derive(Debug, Clone)]
pub struct Client<M = Async> {
    pub(crate) low_level: chartmogul_api::Client,
    #[cfg_attr(not(feature = "blocking"), allow(dead_code))] // awaiting needs nothing
    pub(crate) mode: M,
}

/// Calls are awaited.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Async;

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
}

impl<M: Clone> Client<M> {
    /// One customer, by its UUID (`cus_` and a UUID), and what belongs to it.
    pub fn customer(&self, customer_uuid: impl Into<String>) -> CustomerScope<M> {
        CustomerScope::new(self.clone(), customer_uuid.into())
    }

    /// Opportunities: deals in a sales pipeline.
    ///
    /// Source: <https://dev.chartmogul.com/reference/opportunities>
    pub fn opportunities(&self) -> Opportunities<M> {
        Opportunities::new(self.clone())
    }
}

impl<M> Client<M> {
    /// The generated client below this one: an operation for each method, with the whole answer, and
    /// [`request`](chartmogul_api::Client::request) for everything that has no method yet.
    pub fn low_level(&self) -> &chartmogul_api::Client {
        &self.low_level
    }
}

impl From<chartmogul_api::Client> for Client {
    fn from(low_level: chartmogul_api::Client) -> Self {
        Self { low_level, mode: Async }
    }
}
