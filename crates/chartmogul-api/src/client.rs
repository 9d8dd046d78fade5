use std::{fmt, marker::PhantomData, net::IpAddr, sync::Arc, time::Duration};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderMap, HeaderValue, header};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    Error,
    generated::DEFAULT_BASE_URL,
    transport::{
        Client, ConnectLayer, Shared,
        limit::{DEFAULT_MAX_IN_FLIGHT, DEFAULT_RATE_LIMIT, Limiter, RateLimiter},
        observe::Metrics,
        retry::{Budget, Retry},
    },
};

/// Environment variable that [`ClientBuilder::from_env`] reads.
const API_KEY_VARIABLE: &str = "CHARTMOGUL_API_KEY";

/// Time limit for making a connection, unless [`ClientBuilder::connect_timeout`] says otherwise: 10 seconds.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit for one attempt, unless [`ClientBuilder::attempt_timeout`] says otherwise: 30 seconds.
pub const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// Time limit for a whole call, unless [`ClientBuilder::call_timeout`] says otherwise: 2 minutes.
pub const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(120);

/// Most bytes of an answer, unless [`ClientBuilder::max_body`] says otherwise: 32 MiB.
pub const DEFAULT_MAX_BODY: usize = 32 * 1024 * 1024;

/// Headers of a request, those of the HTTP client included: the table of their names has room for so many, and copies of it.
const USUAL_HEADERS: usize = 8;

const USER_AGENT: &str = concat!("chartmogul-rust/", env!("CARGO_PKG_VERSION"));

/// Builds a client.
///
/// ```
/// use std::time::Duration;
///
/// let client: chartmogul_api::Client = chartmogul_api::Client::builder()
///     .api_key("your-api-key")
///     .user_agent("deal-sync/1.4")
///     .call_timeout(Duration::from_secs(20))
///     .build()?;
/// # Ok::<(), chartmogul_api::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder<C = Client> {
    api_key: Option<SecretString>,
    base_url: String,
    plain_http: bool,
    user_agent: Option<String>,
    connection: Connection,
    http_client: Option<reqwest::Client>,
    attempt_timeout: Duration,
    call_timeout: Duration,
    max_body: usize,
    rate_limit: u32,
    max_in_flight: u32,
    limiter: Option<Arc<dyn Limiter>>,
    retry: Retry,
    metrics: Option<Arc<dyn Metrics>>,
    trace_identifiers: bool,
    builds: PhantomData<fn() -> C>,
}

/// What a client of the user's own has to be set up with by the user.
#[derive(Clone, Default, PartialEq)]
struct Connection {
    connect_timeout: Option<Duration>,
    root_certificates: Vec<Vec<u8>>,
    proxy: Proxy,
    http2: bool,
}

#[derive(Clone, Default, PartialEq)]
enum Proxy {
    #[default]
    OfTheEnvironment,
    None,
    At(String),
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL of a proxy may hold a password.
        f.debug_struct("Connection")
            .field("connect_timeout", &self.connect_timeout)
            .field("root_certificates", &self.root_certificates.len())
            .field("http2", &self.http2)
            .finish_non_exhaustive()
    }
}

impl<C> Default for ClientBuilder<C> {
    fn default() -> Self {
        Self {
            api_key: None,
            base_url: DEFAULT_BASE_URL.to_owned(),
            plain_http: false,
            user_agent: None,
            connection: Connection::default(),
            http_client: None,
            attempt_timeout: DEFAULT_ATTEMPT_TIMEOUT,
            call_timeout: DEFAULT_CALL_TIMEOUT,
            max_body: DEFAULT_MAX_BODY,
            rate_limit: DEFAULT_RATE_LIMIT,
            max_in_flight: DEFAULT_MAX_IN_FLIGHT,
            limiter: None,
            retry: Retry::default(),
            metrics: None,
            trace_identifiers: false,
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

    /// Names your program in the `User-Agent` header, after the name of this library: `deal-sync/1.4`.
    pub fn user_agent(mut self, program: impl Into<String>) -> Self {
        self.user_agent = Some(program.into());
        self
    }

    /// Time limit for making a connection; [`DEFAULT_CONNECT_TIMEOUT`] by default, or half of
    /// [`attempt_timeout`](Self::attempt_timeout) where that is less.
    ///
    /// Keep it below the limit of an attempt: whoever is stopped by that one while it connects can't tell whether something
    /// was sent, so a `POST` is not repeated.
    ///
    /// Reported as [`TimeoutKind::Connect`](crate::TimeoutKind::Connect).
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connection.connect_timeout = Some(limit);
        self
    }

    /// Time limit for one attempt, from the request to the last byte of the answer; [`DEFAULT_ATTEMPT_TIMEOUT`] by
    /// default.
    ///
    /// Reported as [`TimeoutKind::Attempt`](crate::TimeoutKind::Attempt).
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt_timeout = limit;
        self
    }

    /// Time limit for a whole call: all attempts, and all waiting, for its turn and between attempts;
    /// [`DEFAULT_CALL_TIMEOUT`] by default.
    ///
    /// The time that a call queues behind other calls of the same client counts: at 40 requests per second, 2 minutes
    /// are enough for 4,800 calls at once. Whoever queues more at once needs more time here, or fewer calls at once.
    ///
    /// Reported as [`TimeoutKind::Call`](crate::TimeoutKind::Call).
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.call_timeout = limit;
        self
    }

    /// Most requests that arrive at the server in any second, however long it takes to connect; [`DEFAULT_RATE_LIMIT`] by
    /// default, which is all that an account has. Zero is refused.
    pub fn rate_limit(mut self, per_second: u32) -> Self {
        self.rate_limit = per_second;
        self
    }

    /// Most calls in flight at a time; [`DEFAULT_MAX_IN_FLIGHT`] by default, which is all that an account has. Zero is
    /// refused.
    pub fn max_in_flight(mut self, calls: u32) -> Self {
        self.max_in_flight = calls;
        self
    }

    /// Another limiter, in place of the one that [`rate_limit`](Self::rate_limit) and
    /// [`max_in_flight`](Self::max_in_flight) set up: one that is shared with other clients or other processes, or
    /// [`Unlimited`](crate::Unlimited).
    pub fn limiter(mut self, limiter: impl Limiter) -> Self {
        self.limiter = Some(Arc::new(limiter));
        self
    }

    /// When a failed attempt is repeated, and how often.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Most bytes of an answer, after decompression; [`DEFAULT_MAX_BODY`] by default. A larger one is
    /// [`Error::TooLarge`].
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// A root certificate to trust besides those of the system, as PEM. Needs the feature `rustls`.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.connection.root_certificates.push(pem.into());
        self
    }

    /// A proxy for `https`, in place of the one that the environment names (`HTTPS_PROXY` and its relatives). It sees
    /// the name of the API's host and nothing else.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.connection.proxy = Proxy::At(url.into());
        self
    }

    /// No proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> Self {
        self.connection.proxy = Proxy::None;
        self
    }

    /// Uses HTTP/2 where the server offers it. Without this it is HTTP/1.1: ChartMogul's edge is known to have had
    /// trouble with HTTP/2.
    #[cfg(feature = "http2")]
    pub fn http2(mut self) -> Self {
        self.connection.http2 = true;
        self
    }

    /// A `reqwest::Client` of your own: with your DNS, your client certificates, your connection pool.
    ///
    /// It must not follow redirects (`redirect::Policy::none()`): a redirect can turn a write into a read, whose answer
    /// looks like that of the write. A client with any other policy is refused by [`build`](Self::build).
    /// `connect_timeout`, `root_certificate`, `proxy` and `http2` can't be set here then, but on your client; so can
    /// `retry::never()`, for reqwest has retries of its own. Give it a [`ConnectLayer`] too, or more requests than allowed
    /// may arrive within a second while connections are made.
    /// What an `http` proxy of your client sees includes the API key if the base URL is plain `http`.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http_client = Some(client);
        self
    }

    /// Receives numbers about calls and attempts.
    pub fn metrics(mut self, metrics: impl Metrics) -> Self {
        self.metrics = Some(Arc::new(metrics));
        self
    }

    /// Adds the URL of each request, which names customers' objects, to the spans of `tracing` (`url.full`). Without
    /// this they have the path template alone.
    pub fn trace_identifiers(mut self) -> Self {
        self.trace_identifiers = true;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the key is missing or can't be one, if the base URL or another value is not usable,
    /// or if TLS can't be set up.
    pub fn build(self) -> Result<C, Error> {
        let key = self.api_key.as_ref().ok_or_else(|| {
            Error::configuration(
                format!("no API key: call `api_key` or set {API_KEY_VARIABLE} and use `from_env`"),
                None,
            )
        })?;
        let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
        headers.insert(header::AUTHORIZATION, basic(key.expose_secret())?);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, user_agent(self.user_agent.as_deref())?);
        let base_url = base_url(&self.base_url, self.plain_http)?;
        self.check()?;
        let connect_timeout = self.connection.connect_timeout;
        let connect_timeout = connect_timeout.unwrap_or(DEFAULT_CONNECT_TIMEOUT.min(self.attempt_timeout / 2));
        let http = match &self.http_client {
            Some(client) => {
                own(client, &self.connection)?;
                client.clone()
            }
            None => self.connection.build(&base_url, connect_timeout)?,
        };
        let client = Client {
            call_timeout: self.call_timeout,
            bounds: None,
            shared: Arc::new(Shared {
                http,
                headers,
                host: base_url.host_str().unwrap_or_default().to_owned(),
                port: base_url.port_or_known_default().unwrap_or_default(),
                base_url,
                connect_timeout,
                attempt_timeout: self.attempt_timeout,
                max_body: self.max_body,
                limiter: self
                    .limiter
                    .unwrap_or_else(|| Arc::new(RateLimiter::new(self.rate_limit, self.max_in_flight))),
                budget: Budget::new(&self.retry),
                retry: self.retry,
                metrics: self.metrics,
                trace_identifiers: self.trace_identifiers,
                own_http_client: self.http_client.is_some(),
                key: key.clone(),
            }),
        };
        Ok(C::from(client))
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |name: &str, value: &dyn fmt::Debug, allowed: &str| {
            Err(Error::configuration(
                format!("`{name}` was {value:?}; allowed: {allowed}"),
                None,
            ))
        };
        for (name, value) in [("rate_limit", self.rate_limit), ("max_in_flight", self.max_in_flight)] {
            if value == 0 {
                return wrong(name, &value, "1 or more (for no limit: `limiter(Unlimited)`)");
            }
        }
        let limits = [
            (
                "connect_timeout",
                self.connection.connect_timeout.unwrap_or(DEFAULT_CONNECT_TIMEOUT),
            ),
            ("attempt_timeout", self.attempt_timeout),
            ("call_timeout", self.call_timeout),
        ];
        for (name, limit) in limits {
            if limit.is_zero() {
                return wrong(name, &limit, "more than zero (for no limit: `Duration::MAX`)");
            }
        }
        Ok(())
    }
}

impl Connection {
    fn build(&self, base_url: &Url, connect_timeout: Duration) -> Result<reqwest::Client, Error> {
        let wrong = |what: &str, source: reqwest::Error| Error::Configuration {
            what: what.to_owned(),
            source: Some(source.without_url().into()),
        };
        let mut http = reqwest::Client::builder()
            // A redirect must not turn a write into a read, nor carry the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            // Whether to repeat is decided in one place, and counted there. The zero says so before each request is copied
            // for a repetition.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .connect_timeout(connect_timeout)
            .connector_layer(ConnectLayer::default());
        #[cfg(feature = "rustls")]
        {
            http = http.tls_version_min(reqwest::tls::Version::TLS_1_2);
            for pem in &self.root_certificates {
                let certificates = reqwest::Certificate::from_pem_bundle(pem)
                    .map_err(|source| wrong("a root certificate is not PEM", source))?;
                if certificates.is_empty() {
                    let what = "a root certificate is not PEM: there is no certificate in it";
                    return Err(Error::configuration(what, None));
                }
                http = http.tls_certs_merge(certificates);
            }
        }
        #[cfg(not(feature = "rustls"))]
        if !self.root_certificates.is_empty() {
            let what = "a root certificate needs the feature `rustls`";
            return Err(Error::configuration(what, None));
        }
        if !self.http2 {
            http = http.http1_only();
        }
        match &self.proxy {
            _ if base_url.scheme() == "http" => {
                // A proxy would read the key; over https it sees an encrypted tunnel.
                if matches!(self.proxy, Proxy::At(_)) {
                    return Err(Error::configuration(
                        "a proxy can't be used with a base URL of plain http: it would read the API key",
                        None,
                    ));
                }
                http = http.no_proxy();
            }
            Proxy::At(url) => {
                let proxy =
                    reqwest::Proxy::https(url).map_err(|source| wrong("the proxy's URL is not usable", source))?;
                http = http.proxy(proxy);
            }
            Proxy::None => http = http.no_proxy(),
            Proxy::OfTheEnvironment => {}
        }
        http.build()
            .map_err(|source| wrong("the HTTP client can't be built", source))
    }
}

/// Refuses a client of the user's own that may do what must not be done.
fn own(client: &reqwest::Client, connection: &Connection) -> Result<(), Error> {
    if *connection != Connection::default() {
        return Err(Error::configuration(
            "`connect_timeout`, `root_certificate`, `proxy` and `http2` have no effect on an `http_client` of your own; \
             set them there",
            None,
        ));
    }
    // There is no other way to ask. Should reqwest show the policy differently one day, a client too many is refused, for
    // the alternative is a write that is lost without a word.
    if !format!("{client:?}").contains(r#"redirect_policy: "Policy(None)""#) {
        return Err(Error::configuration(
            "the `http_client` may follow redirects, which can turn a write into a read; build it with \
             `redirect::Policy::none()`",
            None,
        ));
    }
    Ok(())
}

fn user_agent(program: Option<&str>) -> Result<HeaderValue, Error> {
    let Some(program) = program else {
        return Ok(HeaderValue::from_static(USER_AGENT));
    };
    let allowed = "the name and version of your program in printable ASCII, such as \"deal-sync/1.4\"";
    if program.trim().is_empty() || !program.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(Error::configuration(
            format!("user agent was {program:?}; allowed: {allowed}"),
            None,
        ));
    }
    HeaderValue::try_from(format!("{USER_AGENT} {program}")).map_err(|source| Error::Configuration {
        what: format!("user agent was {program:?}; allowed: {allowed}"),
        source: Some(source.into()),
    })
}

/// HTTP Basic: the key is the user name, the password is empty.
fn basic(key: &str) -> Result<HeaderValue, Error> {
    // The key itself is never shown, not even where it is wrong.
    let wrong = |what| Err(Error::configuration(format!("the API key {what}"), None));
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
        Error::configuration(
            format!(
                "base URL was {text:?}: {why}; allowed: an https URL without user, query and fragment, such as {DEFAULT_BASE_URL}"
            ),
            None,
        )
    };
    let url = Url::parse(text).map_err(|source| Error::Configuration {
        what: format!("base URL was {text:?}; allowed: an https URL such as {DEFAULT_BASE_URL}"),
        source: Some(source.into()),
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        // Not shown: what stands there may be a secret.
        return Err(Error::configuration(
            "the base URL has a user or a password; give the key to `api_key` instead",
            None,
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
