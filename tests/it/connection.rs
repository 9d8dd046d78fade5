//! Connections: protocols, settings, proxies.

use std::sync::Arc;

use chartmogul::{Client, ClientBuilder, Error, Retry};
use chartmogul_tests::{UUID, peer::Peer, tls::Authority};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// The protocol that is negotiated with a server that supports both.
async fn agreed(set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Option<String> {
    let authority = Authority::new("Root for tests");
    let mut config = (*authority.server("localhost")).clone();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let builder = Client::builder()
        .api_key("key")
        .base_url(format!("https://localhost:{}", listener.local_addr().unwrap().port()))
        .root_certificate(authority.pem())
        .retry(Retry::never());
    let client = set(builder).build().unwrap();
    let call = tokio::spawn(async move { client.opportunities().get(UUID).send().await });
    let (stream, _) = listener.accept().await.unwrap();
    let stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.unwrap();
    let protocol = stream
        .get_ref()
        .1
        .alpn_protocol()
        .map(|name| String::from_utf8_lossy(name).into_owned());
    drop(stream);
    assert!(call.await.unwrap().is_err());
    protocol
}

#[tokio::test]
async fn it_is_http_1_unless_http_2_is_asked_for() {
    assert_ne!(agreed(|builder| builder).await.as_deref(), Some("h2"));
    assert_eq!(agreed(ClientBuilder::http2).await.as_deref(), Some("h2"));
}

/// Invalid settings are reported when the client is built, not when it is used.
#[test]
fn a_wrong_setting_is_named() {
    let built = |set: fn(ClientBuilder) -> ClientBuilder| {
        let error = set(Client::builder().api_key("key")).build().unwrap_err();
        error.to_string()
    };
    let zero = std::time::Duration::ZERO;
    assert_eq!(
        built(|b| b.rate_limit(0)),
        "`rate_limit` was 0; must be 1 or more (for no limit: `limiter(Unlimited)`)"
    );
    assert!(built(|b| b.max_in_flight(0)).starts_with("`max_in_flight` was 0; must be "));
    for name in ["connect_timeout", "attempt_timeout", "call_timeout"] {
        let error = match name {
            "connect_timeout" => Client::builder().connect_timeout(zero),
            "attempt_timeout" => Client::builder().attempt_timeout(zero),
            _ => Client::builder().call_timeout(zero),
        };
        let error = error.api_key("key").build().unwrap_err().to_string();
        assert_eq!(
            error,
            format!("`{name}` was 0ns; must be more than zero (for no limit: `Duration::MAX`)")
        );
    }
    assert!(built(|b| b.root_certificate("no certificate")).starts_with("a root certificate is not PEM"));
    assert!(built(|b| b.proxy("not a proxy\n")).starts_with("the proxy's URL is not usable"));
    assert!(built(|b| b.proxy("http://localhost:1").base_url("http://127.0.0.1:1")).contains("plain http"));
}

/// Runs a test of this binary in a process with other environment variables: they belong to the whole process.
async fn with_variables(test: &'static str, variables: &'static [(&'static str, &'static str)]) {
    let child = tokio::task::spawn_blocking(move || {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .envs(variables.iter().copied())
            .env("CHARTMOGUL_TEST_CHILD", test)
            .env_remove("no_proxy")
            .env_remove("NO_PROXY")
            .status()
            .unwrap()
    });
    assert!(child.await.unwrap().success());
}

/// Whether this is the child process; otherwise its test does nothing.
fn is_child(test: &str) -> bool {
    std::env::var("CHARTMOGUL_TEST_CHILD").is_ok_and(|name| name == test)
}

const WITHOUT_CERTIFICATES: &str = "connection::asks_without_certificates";

#[tokio::test]
async fn plain_http_needs_no_certificates_and_https_says_that_there_are_none() {
    let nowhere = &[("SSL_CERT_FILE", "/nowhere/cert.pem"), ("SSL_CERT_DIR", "/nowhere")];
    with_variables(WITHOUT_CERTIFICATES, nowhere).await;
}

#[tokio::test]
async fn asks_without_certificates() {
    if !is_child(WITHOUT_CERTIFICATES) {
        return;
    }
    let (_fake, client) = chartmogul_tests::start();
    client.opportunities().get(UUID).send().await.unwrap();
    let error = Client::builder().api_key("key").build().unwrap_err().to_string();
    assert!(error.contains("No CA certificates"), "{error}");
    let authority = Authority::new("Root for tests");
    let own = Client::builder().api_key("key").root_certificate(authority.pem());
    own.build().unwrap();
}

const SOCKS: &str = "connection::is_given_a_socks_proxy";

#[tokio::test]
async fn a_proxy_of_the_environment_that_can_not_be_used_is_refused() {
    with_variables(SOCKS, &[("HTTPS_PROXY", "socks5://user:secret@127.0.0.1:1")]).await;
}

#[test]
fn is_given_a_socks_proxy() {
    if !is_child(SOCKS) {
        return;
    }
    let builder = Client::builder().api_key("key");
    let error = builder.clone().build().unwrap_err().to_string();
    assert!(error.starts_with("the environment variable HTTPS_PROXY names a proxy that can't be used; it must be "));
    assert!(!error.contains("secret"), "{error}");
    builder.clone().no_proxy().build().unwrap();
    builder.clone().proxy("http://127.0.0.1:1").build().unwrap();
    builder.base_url("http://127.0.0.1:1").build().unwrap();
}

const PROXIED: &str = "connection::sends_by_the_proxy_of_the_environment";

#[tokio::test]
async fn the_proxy_of_the_environment_is_used() {
    let proxy = Peer::responding("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
    let url: &'static str = proxy.url().clone().leak();
    with_variables(PROXIED, vec![("HTTPS_PROXY", url)].leak()).await;
    assert_eq!(proxy.seen().len(), 1);
}

#[tokio::test]
async fn sends_by_the_proxy_of_the_environment() {
    if !is_child(PROXIED) {
        return;
    }
    let builder = Client::builder().api_key("key").base_url("https://api.example.com");
    let client = builder.retry(Retry::never()).build().unwrap();
    client.opportunities().get(UUID).send().await.unwrap_err();
}

/// A proxy sees only the name of the host: neither the key nor the object.
#[tokio::test]
async fn a_proxy_sees_only_the_host() {
    let proxy = Peer::responding("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
    let client = Client::builder()
        .api_key("sk-secret")
        .base_url("https://api.example.com")
        .proxy(proxy.url())
        .retry(Retry::never())
        .build()
        .unwrap();
    let error = client.opportunities().get(UUID).send().await.unwrap_err();
    assert!(
        matches!(error, Error::Connection { .. }) && !error.may_have_happened(),
        "{error:?}"
    );
    let seen = proxy.seen();
    assert_eq!(seen[0].line, "CONNECT api.example.com:443");
    assert!(
        seen[0].authorization.is_none() && !seen[0].whole.contains(UUID),
        "{seen:?}"
    );
    assert!(!seen[0].whole.contains("secret"), "{seen:?}");
}
