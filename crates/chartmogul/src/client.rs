use crate::{Error, resources::opportunities::Opportunities};

/// Builds a [`Client`].
///
/// ```
/// use std::time::Duration;
///
/// let client = chartmogul::Client::builder().api_key("your-api-key").timeout(Duration::from_secs(10)).build()?;
/// # Ok::<(), chartmogul::Error>(())
/// ```
pub type ClientBuilder = chartmogul_api::ClientBuilder<Client>;

/// The way into the API: a method for each resource.
///
/// Cheap to clone; clones share connections. `Debug` shows where the API is, never the key.
#[derive(Debug, Clone)]
pub struct Client {
    low_level: chartmogul_api::Client,
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

    /// Opportunities: deals in a sales pipeline.
    ///
    /// Source: <https://dev.chartmogul.com/reference/opportunities>
    pub fn opportunities(&self) -> Opportunities {
        Opportunities::new(self.low_level.clone())
    }

    /// The generated client below this one: an operation for each method, with the whole answer.
    pub fn low_level(&self) -> &chartmogul_api::Client {
        &self.low_level
    }
}

impl From<chartmogul_api::Client> for Client {
    fn from(low_level: chartmogul_api::Client) -> Self {
        Self { low_level }
    }
}
