//! What a builder accepts, and what it never shows.
#![allow(clippy::unwrap_used)] // tests

use http::{HeaderValue, header};

use super::{Client, ClientBuilder};

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

/// Nothing that is passed as a URL, even by mistake, appears in an error, in one of its causes, or in `Debug`.
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
