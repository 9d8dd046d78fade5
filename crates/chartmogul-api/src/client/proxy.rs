//! The proxy for `https`.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use crate::Error;

#[derive(Clone, Default, PartialEq)]
pub(super) enum Proxy {
    #[default]
    OfTheEnvironment,
    None,
    At(String),
}

impl Proxy {
    /// Rejects an unusable proxy from the environment, which reqwest would ignore.
    pub(super) fn check(&self, base_url: &Url) -> Result<(), Error> {
        if let Self::OfTheEnvironment = self
            && let Some(variable) = unfit_proxy(base_url, |name| std::env::var(name).ok())
        {
            let what = format!(
                "the environment variable {variable} names a proxy that can't be used; it must be {PROXIES} (`no_proxy` \
                 ignores it)"
            );
            return Err(Error::configuration(what, None));
        }
        Ok(())
    }

    /// Sets this proxy for requests to the URL.
    pub(super) fn set(&self, http: reqwest::ClientBuilder, base_url: &Url) -> Result<reqwest::ClientBuilder, Error> {
        Ok(match self {
            // Decided here once, because all requests go to this server; reqwest would decide for each request.
            Self::OfTheEnvironment if needs_no_proxy(base_url) => http.no_proxy(),
            Self::OfTheEnvironment => http,
            Self::None => http.no_proxy(),
            Self::At(url) => http.proxy(proxy(url)?),
        })
    }
}

const PROXIES: &str = if cfg!(feature = "socks") {
    "a URL with the scheme `http`, `https`, `socks4`, `socks4a`, `socks5` or `socks5h`"
} else {
    "a URL with the scheme `http` or `https` (others need the feature `socks`)"
};

/// Parses the URL of a proxy. The errors do not contain it, because it may contain a password.
fn proxy(text: &str) -> Result<reqwest::Proxy, Error> {
    let wrong = |source| Error::configuration(format!("the proxy's URL is not usable; it must be {PROXIES}"), source);
    let scheme = if text.contains("://") { "" } else { "http://" };
    let url = Url::parse(&format!("{scheme}{text}")).map_err(|source| wrong(Some(source.into())))?;
    if !is_usable_proxy(url.as_str()) {
        return Err(wrong(None));
    }
    reqwest::Proxy::https(url).map_err(|_| wrong(None)) // its causes contain the URL
}

/// reqwest's matcher silently ignores a proxy that it does not understand, and connects directly.
fn is_usable_proxy(url: &str) -> bool {
    let anywhere = Uri::from_static("https://api.invalid");
    let proxy = Matcher::builder().https(url).build().intercept(&anywhere);
    proxy.is_some_and(|proxy| cfg!(feature = "socks") || matches!(proxy.uri().scheme_str(), Some("http" | "https")))
}

/// Whether requests for this URL need no proxy according to the environment, decided as reqwest does.
fn needs_no_proxy(url: &Url) -> bool {
    let url = url.as_str().parse();
    url.is_ok_and(|url| Matcher::from_system().intercept(&url).is_none())
}

/// The environment variable that sets an unusable proxy for this URL. As in reqwest, the first variable that is not
/// empty counts, and `NO_PROXY` lists exceptions.
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
    // Whether reqwest would use a valid proxy for this URL.
    let excepted = first(["NO_PROXY", "no_proxy"]).map_or_else(String::new, |(_, hosts)| hosts);
    let matcher = Matcher::builder().https("http://proxy.invalid").no(excepted).build();
    matcher.intercept(&url.as_str().parse().ok()?)?;
    Some(name)
}

#[cfg(all(test, not(feature = "socks")))]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use super::*;
    use crate::generated::DEFAULT_BASE_URL;

    #[test]
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
}
