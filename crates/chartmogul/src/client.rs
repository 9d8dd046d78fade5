use crate::Error;

/// Builds a [`Client`].
///
/// ```
/// use std::time::Duration;
///
/// let client = chartmogul::Client::builder().api_key("your-api-key").call_timeout(Duration::from_secs(20)).build()?;
/// # Ok::<(), chartmogul::Error>(())
/// ```
pub type ClientBuilder = chartmogul_api::ClientBuilder<Client>;

/// Client for the API, with a method for each resource.
///
/// Cheap to clone; clones share connections, the limiter and the retry budget, so build one for each account and clone
/// it. It needs a tokio runtime with timers and IO (`enable_all`), and can be used in several; each has its own connections.
/// `Debug` shows the base URL, never the key.
///
/// Calls of this client are awaited; `Client::blocking` (feature `blocking`) returns one whose calls block.
#[derive(Debug, Clone)]
pub struct Client<M = Async> {
    pub(crate) low_level: chartmogul_api::Client,
    #[cfg_attr(not(feature = "blocking"), allow(dead_code))] // `Async` has no data
    pub(crate) mode: M,
}

/// The mode of a [`Client`] whose calls are awaited.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Async;

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
}

impl<M> Client<M> {
    /// The low-level client below this one: a method for each operation, which returns the whole response, and
    /// [`request`](chartmogul_api::Client::request) for every endpoint that has no method yet.
    pub fn low_level(&self) -> &chartmogul_api::Client {
        &self.low_level
    }
}

impl From<chartmogul_api::Client> for Client {
    fn from(low_level: chartmogul_api::Client) -> Self {
        Self { low_level, mode: Async }
    }
}
