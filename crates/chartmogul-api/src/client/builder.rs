use std::{error::Error as StdError, fmt, marker::PhantomData, net::IpAddr, sync::Arc, time::Duration};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{HeaderMap, HeaderValue, Uri, header};
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

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

/// Number of headers of a request, including those of the HTTP client: the capacity of its header map.
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

impl<C> fmt::Debug for ClientBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers of the user's own HTTP client may be secrets, so may be what stands in a URL.
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

/// Of a URL, what can't be a secret: scheme and host.
fn shown(url: &str) -> String {
    match Url::parse(url).as_ref().map(|url| (url.scheme(), url.host_str())) {
        Ok((scheme @ ("https" | "http"), Some(host))) => format!("{scheme}://{host}"),
        _ => "(not usable)".to_owned(),
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
        let mut headers = HeaderMap::with_capacity(USUAL_HEADERS);
        headers.insert(header::AUTHORIZATION, basic(key.expose_secret())?);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, user_agent(self.user_agent.as_deref())?);
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

impl Connection {
    /// Rejects settings that can't work, before the first call fails because of them.
    fn check(&self, base_url: &Url) -> Result<(), Error> {
        let refused = |what: String| Err(Error::configuration(what, None));
        let with_tls = cfg!(feature = "rustls");
        if !with_tls && !self.root_certificates.is_empty() {
            return refused("a root certificate needs the feature `rustls`".to_owned());
        }
        if base_url.scheme() == "http" {
            // A proxy would read the key; over https it sees an encrypted tunnel.
            return match self.proxy {
                Proxy::At(_) => {
                    refused("a proxy can't be used with a base URL of plain http: it would read the API key".to_owned())
                }
                _ => Ok(()),
            };
        }
        if !with_tls {
            return refused("https needs the feature `rustls`, or an `http_client` with TLS of your own".to_owned());
        }
        if let Proxy::OfTheEnvironment = self.proxy
            && let Some(variable) = unfit_proxy(base_url, |name| std::env::var(name).ok())
        {
            return refused(format!(
                "the environment variable {variable} names a proxy that can't be used; it must be {PROXIES} (`no_proxy` \
                 ignores it)"
            ));
        }
        Ok(())
    }

    fn build(&self, base_url: &Url, connect_timeout: Duration, idle: Duration) -> Result<reqwest::Client, Error> {
        let mut http = reqwest::Client::builder()
            // A redirect must not turn a write into a read, nor carry the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            // Whether to repeat is decided in one place, and counted there. The zero says so before each request is copied
            // for a repetition.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(idle);
        if !self.http2 {
            http = http.http1_only();
        }
        http = self.with_tls(http)?;
        if base_url.scheme() == "http" {
            http = without_certificates(http.no_proxy());
        } else {
            http = match &self.proxy {
                // Asked here once: all requests go to this server, and reqwest would ask for each.
                Proxy::OfTheEnvironment if needs_no_proxy(base_url) => http.no_proxy(),
                Proxy::OfTheEnvironment => http,
                Proxy::None => http.no_proxy(),
                Proxy::At(url) => http.proxy(proxy(url)?),
            };
        }
        http.build().map_err(|source| {
            Error::configuration(
                format!("the HTTP client can't be built: {}", reason(&source)),
                Some(source.without_url().into()),
            )
        })
    }

    #[cfg(feature = "rustls")]
    fn with_tls(&self, http: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, Error> {
        // Whatever backend another crate of the program has switched on.
        let mut http = http
            .tls_backend_rustls()
            .tls_version_min(reqwest::tls::Version::TLS_1_2);
        for pem in &self.root_certificates {
            let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|source| {
                let source = source.without_url().into();
                Error::configuration("a root certificate is not PEM", Some(source))
            })?;
            if certificates.is_empty() {
                let what = "a root certificate is not PEM: there is no certificate in it";
                return Err(Error::configuration(what, None));
            }
            http = http.tls_certs_merge(certificates);
        }
        Ok(http)
    }

    #[cfg(not(feature = "rustls"))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)] // as above
    fn with_tls(&self, http: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, Error> {
        Ok(http)
    }
}

/// Plain http works on a machine without certificates, and does not take the time to read them.
#[cfg(feature = "rustls")]
fn without_certificates(http: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    http.tls_certs_only([])
}

#[cfg(not(feature = "rustls"))]
fn without_certificates(http: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    http
}

/// The innermost cause; those around it say "builder error".
fn reason(error: &dyn StdError) -> String {
    let mut reason = error;
    while let Some(cause) = reason.source() {
        reason = cause;
    }
    reason.to_string()
}

const PROXIES: &str = if cfg!(feature = "socks") {
    "a URL with the scheme `http`, `https`, `socks4`, `socks4a`, `socks5` or `socks5h`"
} else {
    "a URL with the scheme `http` or `https` (others need the feature `socks`)"
};

/// The URL is in none of these errors: it may hold a password.
fn proxy(text: &str) -> Result<reqwest::Proxy, Error> {
    let wrong = |source| Error::configuration(format!("the proxy's URL is not usable; it must be {PROXIES}"), source);
    let scheme = if text.contains("://") { "" } else { "http://" };
    let url = Url::parse(&format!("{scheme}{text}")).map_err(|source| wrong(Some(source.into())))?;
    if !is_usable_proxy(url.as_str()) {
        return Err(wrong(None));
    }
    reqwest::Proxy::https(url).map_err(|_| wrong(None)) // its causes have the URL
}

/// reqwest's matcher silently ignores a proxy that it does not understand, and connects directly.
fn is_usable_proxy(url: &str) -> bool {
    let anywhere = Uri::from_static("https://api.invalid");
    let proxy = Matcher::builder().https(url).build().intercept(&anywhere);
    proxy.is_some_and(|proxy| cfg!(feature = "socks") || matches!(proxy.uri().scheme_str(), Some("http" | "https")))
}

/// Whether requests for this URL need no proxy, as the environment has it now; what reqwest asks.
fn needs_no_proxy(url: &Url) -> bool {
    let url = url.as_str().parse();
    url.is_ok_and(|url| Matcher::from_system().intercept(&url).is_none())
}

/// The variable of the environment that names a proxy for this URL which can't be used. Which variable counts, and what
/// `NO_PROXY` excepts, is as in reqwest.
fn unfit_proxy(url: &Url, variable: impl Fn(&str) -> Option<String>) -> Option<&'static str> {
    let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, variable(name)?)));
    if variable("REQUEST_METHOD").is_some() {
        return None; // in a CGI program, the variables may be a visitor's headers
    }
    let proxies = [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]];
    let mut proxies = proxies.into_iter().filter_map(first);
    let (name, _) = proxies
        .find(|(_, proxy)| !proxy.is_empty())
        .filter(|(_, proxy)| !is_usable_proxy(proxy))?;
    // With a proxy that it understands, for this URL.
    let excepted = first(["NO_PROXY", "no_proxy"]).map_or_else(String::new, |(_, hosts)| hosts);
    let matcher = Matcher::builder().https("http://proxy.invalid").no(excepted).build();
    matcher.intercept(&url.as_str().parse().ok()?)?;
    Some(name)
}

/// Rejects an HTTP client of the user's own that may follow redirects, or settings that have no effect on it.
fn own(client: &reqwest::Client, connection: &Connection) -> Result<(), Error> {
    if *connection != Connection::default() {
        return Err(Error::configuration(
            "`connect_timeout`, `root_certificate`, `proxy` and `http2` have no effect on an `http_client` of your own; \
             set them there",
            None,
        ));
    }
    // There is no other way to find out. If reqwest shows the policy differently one day, valid clients are rejected; the
    // alternative would be a write that is lost silently.
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
    let requirement = "must be the name and version of your program in printable ASCII, such as \"deal-sync/1.4\"";
    if program.trim().is_empty() || !program.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(Error::configuration(
            format!("`user_agent` was {program:?}; {requirement}"),
            None,
        ));
    }
    HeaderValue::try_from(format!("{USER_AGENT} {program}")).map_err(|source| Error::Configuration {
        what: format!("`user_agent` was {program:?}; {requirement}"),
        source: Some(source.into()),
    })
}

/// A URL whose copies have room for the path of a request.
fn with_room(base_url: &Url) -> Url {
    const LONGEST: usize = 100; // `/v1/contacts/{into_contact_uuid}/merge/{from_contact_uuid}`
    let mut url = base_url.clone();
    url.set_path(&format!("{}/{}", base_url.path(), "-".repeat(LONGEST)));
    url
}

/// The headers of a request with a body.
fn with_body(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers
}

/// HTTP Basic: the key is the user name, the password is empty.
fn basic(key: &str) -> Result<HeaderValue, Error> {
    // The key itself is never shown, not even where it is wrong.
    let wrong = |what| Err(Error::configuration(format!("the API key {what}"), None));
    if key.is_empty() {
        return wrong("is empty");
    }
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return wrong("has a space, a line break or another character that no key has; was it copied correctly?");
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

/// The URL is in none of these errors: what stands there may be a secret.
fn base_url(text: &str, plain_http: bool) -> Result<Url, Error> {
    let wrong = |why: &str, source| {
        Error::configuration(
            format!(
                "the base URL {why}; it must be an https URL without user, query and fragment, such as {DEFAULT_BASE_URL}"
            ),
            source,
        )
    };
    let url = Url::parse(text).map_err(|source| wrong("can't be parsed", Some(source.into())))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::configuration(
            "the base URL has a user or a password; give the key to `api_key` instead",
            None,
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has a query or a fragment", None));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if plain_http || is_loopback(&url) => Ok(url),
        "http" => Err(wrong(
            "is plain http, which would show the API key to the network (allow_plain_http() accepts that)",
            None,
        )),
        _ => Err(wrong("has an unknown scheme", None)),
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
    #[cfg(feature = "rustls")]
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
            assert!(with(url).contains("it must be an https URL"), "{url}: {}", with(url));
        }
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
    #[cfg(not(feature = "rustls"))]
    fn https_needs_tls() {
        let builder = ClientBuilder::<Client>::default().api_key("key");
        assert!(refused(builder.clone()).contains("https needs the feature `rustls`"));
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        assert_eq!(refused(builder.clone().http_client(http.build().unwrap())), "accepted");
        assert_eq!(refused(builder.base_url("http://localhost")), "accepted");
    }

    /// Whatever is given as a URL, by mistake or not, is in no error and no `Debug`, nor in any cause.
    #[test]
    fn what_stands_in_a_url_is_not_shown() {
        for url in [
            "https://user:secret@example.com",
            "https://user:secret@example.com:port",
            "https://user:secret@exa mple.com",
            "https://user:secret@[::1",
            "http://user:secret@example.com",
            "user:secret@example.com",
            "//user:secret@example.com",
            "mailto:user:secret@example.com",
            "ftp://user:secret@example.com/secret",
            "https://example.com/?api_key=secret",
            "https://example.com:70000/?api_key=secret",
            "https://example.com/#secret",
            "sk-secret",
            "secret:",
        ] {
            let builder = ClientBuilder::<Client>::default().api_key("key");
            for builder in [builder.clone().base_url(url), builder.proxy(url)] {
                let shown = format!("{builder:?}");
                assert!(!shown.contains("secret"), "{url}: {shown}");
                if let Err(error) = builder.build() {
                    let shown = format!("{} {error:?}", crate::error::history::causes(&error));
                    assert!(!shown.contains("secret") && !shown.contains("user:"), "{url}: {shown}");
                }
            }
            assert_ne!(
                refused(ClientBuilder::default().api_key("key").base_url(url)),
                "accepted",
                "{url}"
            );
        }
    }

    #[test]
    fn an_http_client_does_not_show_its_headers() {
        let headers = [(header::COOKIE, HeaderValue::from_static("secret"))]
            .into_iter()
            .collect();
        let http = reqwest::Client::builder().default_headers(headers).build().unwrap();
        let shown = format!("{:?}", ClientBuilder::<Client>::default().http_client(http));
        assert!(
            shown.contains("http_client: true") && !shown.contains("secret"),
            "{shown}"
        );
    }

    #[test]
    #[cfg(all(feature = "rustls", not(feature = "socks")))]
    fn a_proxy_that_can_not_be_used_is_refused() {
        let with = |url: &str| refused(ClientBuilder::default().api_key("key").proxy(url));
        for url in [
            "socks5://localhost:1080",
            "socks4a://localhost",
            "ftp://localhost",
            "http://",
            "local host",
        ] {
            let message = with(url);
            assert!(
                message.contains("it must be a URL with the scheme `http` or `https`"),
                "{message}"
            );
        }
        for url in [
            "http://localhost:3128",
            "https://user:pa|s@s@localhost",
            "localhost:3128",
            "127.0.0.1:3128",
            "[::1]:3128",
        ] {
            assert_eq!(with(url), "accepted", "{url}");
        }
    }

    #[test]
    #[cfg(not(feature = "socks"))]
    fn a_proxy_of_the_environment_that_can_not_be_used_is_found() {
        let url = Url::parse(DEFAULT_BASE_URL).unwrap();
        let socks = "socks5://user:pass@localhost:1080";
        for (variables, expected) in [
            (&[][..], None),
            (&[("HTTPS_PROXY", socks)], Some("HTTPS_PROXY")),
            (&[("https_proxy", "ftp://localhost")], Some("https_proxy")),
            (&[("https_proxy", "http://localhost:3128\r")], Some("https_proxy")),
            (&[("ALL_PROXY", socks)], Some("ALL_PROXY")),
            (&[("HTTPS_PROXY", "HTTP://localhost:3128"), ("ALL_PROXY", socks)], None),
            (&[("HTTPS_PROXY", "localhost:3128")], None),
            (&[("HTTPS_PROXY", ""), ("all_proxy", socks)], Some("all_proxy")),
            (&[("HTTP_PROXY", socks)], None), // for plain http
            (
                &[("ALL_PROXY", socks), ("NO_PROXY", "example.com, chartmogul.com")],
                None,
            ),
            (&[("ALL_PROXY", socks), ("no_proxy", "*")], None),
            (&[("ALL_PROXY", socks), ("NO_PROXY", "example.com")], Some("ALL_PROXY")),
            (&[("ALL_PROXY", socks), ("REQUEST_METHOD", "GET")], None),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(other, _)| *other == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(unfit_proxy(&url, variable), expected, "{variables:?}");
        }
    }

    #[test]
    fn the_key_is_sent_as_user_name() {
        let header = basic("key").unwrap();
        assert_eq!(header.to_str().unwrap(), "Basic a2V5Og==");
        assert_eq!(format!("{header:?}"), "Sensitive");
    }
}
