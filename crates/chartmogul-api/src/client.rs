use std::{marker::PhantomData, net::IpAddr, sync::Arc, time::Duration};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::HeaderValue;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    Error,
    generated::DEFAULT_BASE_URL,
    transport::{Client, Shared},
};

/// Environment variable that [`ClientBuilder::from_env`] reads.
const API_KEY_VARIABLE: &str = "CHARTMOGUL_API_KEY";

/// Time limit for making a connection, unless [`ClientBuilder::connect_timeout`] says otherwise: 10 seconds.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit for a whole call, unless [`ClientBuilder::timeout`] says otherwise: 30 seconds.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// Builds a client.
///
/// ```
/// use std::time::Duration;
///
/// let client: chartmogul_api::Client = chartmogul_api::Client::builder()
///     .api_key("your-api-key")
///     .timeout(Duration::from_secs(10))
///     .build()?;
/// # Ok::<(), chartmogul_api::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder<C = Client> {
    api_key: Option<SecretString>,
    base_url: String,
    plain_http: bool,
    connect_timeout: Duration,
    timeout: Duration,
    builds: PhantomData<fn() -> C>,
}

impl<C> Default for ClientBuilder<C> {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: DEFAULT_BASE_URL.to_owned(),
            plain_http: false,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
            timeout: DEFAULT_TIMEOUT,
            builds: PhantomData,
        }
    }
}

impl<C: From<Client>> ClientBuilder<C> {
    /// A builder with the API key from the environment variable `CHARTMOGUL_API_KEY`.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the variable is missing or not Unicode.
    pub fn from_env() -> Result<Self, Error> {
        match std::env::var(API_KEY_VARIABLE) {
            Ok(key) => Ok(Self::default().api_key(key)),
            Err(source) => Err(Error::Configuration {
                what: format!("no API key: set the environment variable {API_KEY_VARIABLE}"),
                // `VarError` prints a value that is not Unicode, which would be the key.
                source: matches!(source, std::env::VarError::NotPresent).then(|| source.into()),
            }),
        }
    }

    /// The API key. Required.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into().into());
        self
    }

    /// Where the API is; `https://api.chartmogul.com` by default. Meant for a fake server or a proxy of your own.
    ///
    /// Plain `http` is accepted for loopback addresses only; see [`ClientBuilder::allow_plain_http`].
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Accepts plain `http` to any host. The API key then travels readable. Proxies are used with `https` only.
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Time limit for making a connection; [`DEFAULT_CONNECT_TIMEOUT`] by default.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// Time limit for a whole call, from the request to the last byte of the answer; [`DEFAULT_TIMEOUT`] by default.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the key is missing or can't be one, if the base URL is not usable, or if TLS
    /// can't be set up.
    pub fn build(self) -> Result<C, Error> {
        let key = self.api_key.ok_or_else(|| {
            Error::configuration(format!(
                "no API key: call `api_key` or set {API_KEY_VARIABLE} and use `from_env`"
            ))
        })?;
        let authorization = basic(key.expose_secret())?;
        let base_url = base_url(&self.base_url, self.plain_http)?;
        let mut http = reqwest::Client::builder()
            // A redirect must not turn a write into a read, nor carry the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(self.connect_timeout)
            .timeout(self.timeout)
            .user_agent(concat!("chartmogul-rust/", env!("CARGO_PKG_VERSION")));
        if base_url.scheme() == "http" {
            // A proxy would read the key; over https it sees an encrypted tunnel.
            http = http.no_proxy();
        }
        let http = http.build().map_err(|source| Error::Configuration {
            what: "the HTTP client can't be built".to_owned(),
            source: Some(source.into()),
        })?;
        let client = Client {
            baseurl: base_url.as_str().trim_end_matches('/').into(),
            client: http,
            shared: Arc::new(Shared {
                key,
                authorization,
                connect_timeout: self.connect_timeout,
                timeout: self.timeout,
            }),
        };
        Ok(C::from(client))
    }
}

/// HTTP Basic: the key is the user name, the password is empty.
fn basic(key: &str) -> Result<HeaderValue, Error> {
    // The key itself is never shown, not even where it is wrong.
    let wrong = |what| Err(Error::configuration(format!("the API key {what}")));
    if key.is_empty() {
        return wrong("is empty");
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return wrong("has a space, a line break or another character that no key has; was it copied whole?");
    }
    if key.contains(':') {
        return wrong("has a colon; give the key alone, without a password");
    }
    let token = BASE64_STANDARD.encode(format!("{key}:"));
    let mut value = HeaderValue::try_from(format!("Basic {token}")).map_err(|source| Error::Configuration {
        what: "the API key can't be sent in a header".to_owned(),
        source: Some(source.into()),
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn base_url(text: &str, plain_http: bool) -> Result<Url, Error> {
    let wrong = |why: &str| {
        Error::configuration(format!(
            "base URL was {text:?}: {why}; allowed: an https URL without user, query and fragment, such as {DEFAULT_BASE_URL}"
        ))
    };
    let url = Url::parse(text).map_err(|source| Error::Configuration {
        what: format!("base URL was {text:?}; allowed: an https URL such as {DEFAULT_BASE_URL}"),
        source: Some(source.into()),
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        // Not shown: what stands there may be a secret.
        return Err(Error::configuration(
            "the base URL has a user or a password; give the key to `api_key` instead",
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has a query or a fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain_http || is_loopback(&url) => Ok(url),
        "http" => Err(wrong(
            "plain http would show the API key to the network (allow_plain_http() accepts that)",
        )),
        _ => Err(wrong("unknown scheme")),
    }
}

fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use super::*;

    fn refused(builder: ClientBuilder) -> String {
        builder
            .build()
            .map_or_else(|error| error.to_string(), |_| "accepted".to_owned())
    }

    #[test]
    fn a_key_that_cannot_be_one_is_refused_and_not_shown() {
        for key in ["", "se cret", "secret\n", "secret:", "sécret"] {
            let message = refused(ClientBuilder::default().api_key(key));
            assert!(message.starts_with("the API key "), "{message}");
            assert!(!message.contains("cret"), "{message}");
        }
        assert!(refused(ClientBuilder::default()).starts_with("no API key"));
    }

    #[test]
    fn only_https_and_loopback_are_accepted() {
        let with = |url: &str| refused(ClientBuilder::default().api_key("key").base_url(url));
        for url in [
            "https://api.chartmogul.com",
            "http://127.0.0.1:1",
            "http://[::1]:1/x/",
            "http://localhost",
        ] {
            assert_eq!(with(url), "accepted", "{url}");
        }
        for url in [
            "http://example.com",
            "http://localhost.example.com",
            "ftp://127.0.0.1",
            "",
            "api",
            "https://a/?b",
        ] {
            assert!(with(url).contains("allowed: an https URL"), "{url}: {}", with(url));
        }
        let message = with("https://user:secret@example.com");
        assert!(
            message.contains("user or a password") && !message.contains("secret"),
            "{message}"
        );
        assert_eq!(
            refused(
                ClientBuilder::default()
                    .api_key("key")
                    .base_url("http://example.com")
                    .allow_plain_http()
            ),
            "accepted"
        );
    }

    #[test]
    fn the_key_is_sent_as_user_name() {
        let header = basic("key").unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic a2V5Og==");
        assert_eq!(format!("{header:?}"), "Sensitive");
    }
}
