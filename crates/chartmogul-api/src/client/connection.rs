//! Builds the HTTP client, with its TLS and its proxy.

use std::{error::Error as StdError, fmt, time::Duration};

use reqwest::Url;

use super::proxy::Proxy;
use crate::Error;

/// Connection settings; an HTTP client of the user's own must have them set by the user.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Connection {
    pub(super) connect_timeout: Option<Duration>,
    pub(super) root_certificates: Vec<Vec<u8>>,
    pub(super) proxy: Proxy,
    pub(super) http2: bool,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL of a proxy may contain a password.
        f.debug_struct("Connection")
            .field("connect_timeout", &self.connect_timeout)
            .field("root_certificates", &self.root_certificates.len())
            .field("http2", &self.http2)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Rejects settings that can't work, before the first call fails because of them.
    pub(super) fn check(&self, base_url: &Url) -> Result<(), Error> {
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
        self.proxy.check(base_url)
    }

    pub(super) fn build(
        &self,
        base_url: &Url,
        connect_timeout: Duration,
        idle: Duration,
    ) -> Result<reqwest::Client, Error> {
        let mut http = reqwest::Client::builder()
            // A redirect must not turn a write into a read, nor carry the key elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            // Retries are decided and counted in one place, not here. The zero also keeps reqwest from cloning each
            // request for a retry.
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
            http = self.proxy.set(http, base_url)?;
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
        // Even if another crate of the program enables another backend.
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

/// Rejects an HTTP client of the user's own that may follow redirects, or settings that have no effect on it.
pub(super) fn own(client: &reqwest::Client, connection: &Connection) -> Result<(), Error> {
    if *connection != Connection::default() {
        return Err(Error::configuration(
            "`connect_timeout`, `root_certificate`, `proxy` and `http2` have no effect on an `http_client` of your own; \
             set them there",
            None,
        ));
    }
    // There is no other way to find out. If reqwest ever formats the policy differently, valid clients are rejected;
    // the alternative is a write that is lost silently.
    if !format!("{client:?}").contains(r#"redirect_policy: "Policy(None)""#) {
        return Err(Error::configuration(
            "the `http_client` may follow redirects, which can turn a write into a read; build it with \
             `redirect::Policy::none()`",
            None,
        ));
    }
    Ok(())
}

/// Plain http needs no certificates: it works on a machine without any, and does not spend time reading them.
#[cfg(feature = "rustls")]
fn without_certificates(http: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    http.tls_certs_only([])
}

#[cfg(not(feature = "rustls"))]
fn without_certificates(http: reqwest::ClientBuilder) -> reqwest::ClientBuilder {
    http
}

/// The innermost cause; the outer ones only say "builder error".
fn reason(error: &dyn StdError) -> String {
    let mut reason = error;
    while let Some(cause) = reason.source() {
        reason = cause;
    }
    reason.to_string()
}
