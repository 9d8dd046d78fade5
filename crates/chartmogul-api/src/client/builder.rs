//! Builds a client.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use super::{
    base_url::{base_url, shown, with_room},
    connection::{Connection, own},
    headers::{headers, with_body},
    proxy::Proxy,
};
use crate::{
    Client, Error,
    generated::DEFAULT_BASE_URL,
    runtime::{Relative, Requests},
    transport::{
        Shared,
        connections::{Connections, IDLE_TIMEOUT},
        limit::{DEFAULT_MAX_IN_FLIGHT, DEFAULT_RATE_LIMIT, Limiter, RateLimiter},
        observe::Observer,
        retry::{Budget, Retry},
    },
};

/// Environment variable that [`ClientBuilder::from_env`] reads.
const API_KEY_VARIABLE: &str = "CHARTMOGUL_API_KEY";

/// Time limit for making a connection, unless [`ClientBuilder::connect_timeout`] sets another: 10 seconds.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit for one attempt, unless [`ClientBuilder::attempt_timeout`] sets another: 30 seconds.
pub const DEFAULT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// Time limit for a whole call, unless [`ClientBuilder::call_timeout`] sets another: 2 minutes.
pub const DEFAULT_CALL_TIMEOUT: Duration = Duration::from_secs(120);

/// Maximum size of a response, unless [`ClientBuilder::max_body`] sets another: 32 MiB.
pub const DEFAULT_MAX_BODY: usize = 32 * 1024 * 1024;

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
#[derive(Clone)]
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
    observer: Option<Arc<dyn Observer>>,
    trace_identifiers: bool,
    builds: PhantomData<fn() -> C>,
}

impl<C> fmt::Debug for ClientBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers of the user's own HTTP client may be secrets, and a URL may contain one.
        f.debug_struct("ClientBuilder")
            .field("api_key", &self.api_key)
            .field("base_url", &shown(&self.base_url))
            .field("user_agent", &self.user_agent)
            .field("connection", &self.connection)
            .field("http_client", &self.http_client.is_some())
            .field("attempt_timeout", &self.attempt_timeout)
            .field("call_timeout", &self.call_timeout)
            .field("max_body", &self.max_body)
            .field("rate_limit", &self.rate_limit)
            .field("max_in_flight", &self.max_in_flight)
            .field("limiter", &self.limiter)
            .field("retry", &self.retry)
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
            observer: None,
            trace_identifiers: false,
            builds: PhantomData,
        }
    }
}

impl<C: From<Client>> ClientBuilder<C> {
    /// Creates a builder with the API key from the environment variable `CHARTMOGUL_API_KEY`.
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

    /// Sets the API key. Required.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into().into());
        self
    }

    /// Sets the base URL of the API; `https://api.chartmogul.com` by default. Change it for a fake server or a proxy of your own.
    ///
    /// Plain `http` is accepted for loopback addresses only; see [`ClientBuilder::allow_plain_http`].
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Accepts plain `http` to any host. The API key is then sent unencrypted. Proxies are used with `https` only.
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Adds the name of your program to the `User-Agent` header, after the name of this library: `deal-sync/1.4`.
    pub fn user_agent(mut self, program: impl Into<String>) -> Self {
        self.user_agent = Some(program.into());
        self
    }

    /// Time limit for making a connection; [`DEFAULT_CONNECT_TIMEOUT`] by default, or half of
    /// [`attempt_timeout`](Self::attempt_timeout) where that is less.
    ///
    /// Keep it below the attempt timeout: if that one is reached while the client connects, it is unknown whether something
    /// was sent, so a `POST` is not retried.
    ///
    /// Reported as [`TimeoutKind::Connect`](crate::TimeoutKind::Connect).
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connection.connect_timeout = Some(limit);
        self
    }

    /// Time limit for one attempt, from the request to the last byte of the response; [`DEFAULT_ATTEMPT_TIMEOUT`] by
    /// default.
    ///
    /// Reported as [`TimeoutKind::Attempt`](crate::TimeoutKind::Attempt).
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt_timeout = limit;
        self
    }

    /// Time limit for a whole call: all attempts, and all waiting, for a permit, for the rate limit and between attempts;
    /// [`DEFAULT_CALL_TIMEOUT`] by default.
    ///
    /// The time that a call queues behind other calls of the same client counts: at 40 requests per second, 2 minutes
    /// are enough for 4,800 calls at once. If you make more calls at once, set a longer timeout.
    ///
    /// Reported as [`TimeoutKind::Call`](crate::TimeoutKind::Call).
    pub fn call_timeout(mut self, limit: Duration) -> Self {
        self.call_timeout = limit;
        self
    }

    /// Maximum number of requests that arrive at the server in any second, however long it takes to connect;
    /// [`DEFAULT_RATE_LIMIT`] by default, the limit of an account. Zero is rejected.
    pub fn rate_limit(mut self, per_second: u32) -> Self {
        self.rate_limit = per_second;
        self
    }

    /// Maximum number of calls in flight; [`DEFAULT_MAX_IN_FLIGHT`] by default, the limit of an account. Zero is rejected.
    pub fn max_in_flight(mut self, calls: u32) -> Self {
        self.max_in_flight = calls;
        self
    }

    /// Sets another limiter instead of the one that [`rate_limit`](Self::rate_limit) and
    /// [`max_in_flight`](Self::max_in_flight) configure: one that is shared with other clients or other processes, or
    /// [`Unlimited`](crate::Unlimited).
    pub fn limiter(mut self, limiter: impl Limiter) -> Self {
        self.limiter = Some(Arc::new(limiter));
        self
    }

    /// Sets when a failed attempt is retried, and how often.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Maximum size of a response after decompression, in bytes; [`DEFAULT_MAX_BODY`] by default. A larger one is
    /// [`Error::TooLarge`].
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Adds a trusted root certificate to those of the system, as PEM. Needs the feature `rustls`.
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.connection.root_certificates.push(pem.into());
        self
    }

    /// Sets a proxy for `https` instead of the one of the environment (`HTTPS_PROXY`, `ALL_PROXY`, except for the hosts in
    /// `NO_PROXY`). It sees the name of the API's host and nothing else.
    ///
    /// Its scheme is `http` or `https`; with the feature `socks`, one of `socks4`, `socks4a`, `socks5` and `socks5h` too.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.connection.proxy = Proxy::At(url.into());
        self
    }

    /// Uses no proxy, and ignores the environment variables.
    pub fn no_proxy(mut self) -> Self {
        self.connection.proxy = Proxy::None;
        self
    }

    /// Uses HTTP/2 where the server offers it. Without this it uses HTTP/1.1, because ChartMogul's edge has had
    /// problems with HTTP/2.
    #[cfg(feature = "http2")]
    pub fn http2(mut self) -> Self {
        self.connection.http2 = true;
        self
    }

    /// Sets a `reqwest::Client` of your own, with your DNS, your client certificates, your connection pool.
    ///
    /// It must not follow redirects (`redirect::Policy::none()`): a redirect can turn a write into a read, whose response
    /// looks like that of the write. A client with any other policy is rejected by [`build`](Self::build).
    /// Set `connect_timeout`, `root_certificate`, `proxy` and `http2` on your client, not here. Also set `retry::never()` on
    /// it, because reqwest has retries of its own.
    ///
    /// It manages its own connections: it should have a `pool_idle_timeout` of at most
    /// [`IDLE_TIMEOUT`](crate::IDLE_TIMEOUT), ignores the idle time that the server announces, and must be used in only one
    /// tokio runtime. A call that gets a connection of a runtime that does not run waits until its timeout.
    /// If the base URL is plain `http`, an `http` proxy of your client can read the API key.
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http_client = Some(client);
        self
    }

    /// Sets an observer, which receives events about calls and attempts.
    pub fn observer(mut self, observer: impl Observer) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Adds the URL of each request, which names customers' objects, to the spans of `tracing` (`url.full`). Without
    /// this they have only the path template.
    pub fn trace_identifiers(mut self) -> Self {
        self.trace_identifiers = true;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the key is missing or invalid, if the base URL or another value is not usable, or if TLS
    /// can't be set up.
    pub fn build(self) -> Result<C, Error> {
        let key = self.api_key.as_ref().ok_or_else(|| {
            Error::configuration(
                format!("no API key: call `api_key` or set {API_KEY_VARIABLE} and use `from_env`"),
                None,
            )
        })?;
        let headers = headers(key.expose_secret(), self.user_agent.as_deref())?;
        let base_url = base_url(&self.base_url, self.plain_http)?;
        self.check()?;
        let connect_timeout = self.connection.connect_timeout;
        let connect_timeout = connect_timeout.unwrap_or(DEFAULT_CONNECT_TIMEOUT.min(self.attempt_timeout / 2));
        let connections = match self.http_client {
            Some(client) => {
                own(&client, &self.connection)?;
                Connections::new(client, None)
            }
            None => {
                let (connection, url) = (self.connection, base_url.clone());
                connection.check(&url)?;
                let build = move |idle| connection.build(&url, connect_timeout, idle);
                Connections::new(build(IDLE_TIMEOUT)?, Some(Box::new(build)))
            }
        };
        let client = Client {
            call_timeout: self.call_timeout,
            bounds: None,
            records: false,
            client: Requests,
            baseurl: Relative,
            shared: Arc::new(Shared {
                connections,
                headers_with_body: with_body(&headers),
                headers,
                host: base_url.host_str().unwrap_or_default().to_owned(),
                port: base_url.port_or_known_default().unwrap_or_default(),
                url: with_room(&base_url),
                base_path: base_url.path().trim_end_matches('/').to_owned(),
                base_url,
                connect_timeout,
                attempt_timeout: self.attempt_timeout,
                max_body: self.max_body,
                limiter: self
                    .limiter
                    .unwrap_or_else(|| Arc::new(RateLimiter::new(self.rate_limit, self.max_in_flight))),
                budget: Budget::new(&self.retry),
                retry: self.retry,
                observer: self.observer,
                trace_identifiers: self.trace_identifiers,
                key: key.clone(),
            }),
        };
        Ok(C::from(client))
    }

    fn check(&self) -> Result<(), Error> {
        let wrong = |name: &str, value: &dyn fmt::Debug, requirement: &str| {
            Err(Error::configuration(
                format!("`{name}` was {value:?}; {requirement}"),
                None,
            ))
        };
        for (name, value) in [("rate_limit", self.rate_limit), ("max_in_flight", self.max_in_flight)] {
            if value == 0 {
                return wrong(name, &value, "must be 1 or more (for no limit: `limiter(Unlimited)`)");
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
                return wrong(name, &limit, "must be more than zero (for no limit: `Duration::MAX`)");
            }
        }
        Ok(())
    }
}
