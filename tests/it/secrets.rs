//! The API key does not leak.

use chartmogul::{Client, Error, Retry};
use chartmogul_fake::Canned;
use chartmogul_tests::{UUID, peer::Peer, start};

const KEY: &str = "sk-very-secret-key";

#[tokio::test]
async fn debug_does_not_show_the_key() {
    let builder = Client::builder()
        .api_key(KEY)
        .base_url("http://127.0.0.1:1")
        .retry(Retry::never());
    let client = builder.clone().build().unwrap();
    for shown in [
        format!("{builder:?}"),
        format!(
            "{:?}",
            builder.clone().base_url("https://user:secret@example.com/secret")
        ),
        format!("{:?}", builder.clone().proxy("http://user:secret@example.com")),
        format!("{:?}", builder.clone().root_certificate("secret")),
        format!("{client:?}"),
        format!("{:?}", client.low_level()),
        format!("{:?}", client.opportunities()),
        format!("{:?}", client.opportunities().update(UUID).amount_in_cents(1)),
        format!(
            "{:?}",
            client
                .opportunities()
                .update(UUID)
                .amount_in_cents(1)
                .send()
                .await
                .unwrap_err()
        ),
    ] {
        assert!(
            !shown.contains("secret") && !shown.contains("c2stdmVyeS1zZWNyZXQta2V5"),
            "{shown}"
        );
    }
}

/// The key is hidden in errors, even if the server repeats it in its message.
#[tokio::test]
async fn errors_do_not_show_the_key() {
    let (fake, _) = start();
    let client = Client::builder()
        .api_key(KEY)
        .base_url(fake.url())
        .retry(Retry::never())
        .build()
        .unwrap();
    for (status, body) in [
        (
            401,
            format!(r#"{{"code":401,"message":"Unknown key {KEY}","param":"{KEY}"}}"#),
        ),
        (422, format!(r#"{{"{KEY}":["{KEY} is wrong"]}}"#)),
        (500, format!("no such key: {KEY}")),
        (500, format!("{}{KEY}", "x".repeat(290))),
        (
            403,
            format!(
                r#"{{"message":"{}"}}"#,
                KEY.chars()
                    .map(|c| format!("\\u{:04x}", u32::from(c)))
                    .collect::<String>()
            ),
        ),
        (500, "<title>Basic c2stdmVyeS1zZWNyZXQta2V5Og==</title>".to_owned()),
    ] {
        fake.respond_next(Canned::new(status).json(body).header("x-request-id", KEY));
        let error = client
            .opportunities()
            .update(UUID)
            .amount_in_cents(1)
            .send()
            .await
            .unwrap_err();
        assert_eq!(error.status().map(|s| s.as_u16()), Some(status));
        for shown in [format!("{error}"), format!("{error:?}")] {
            assert!(!shown.contains("sk-very") && !shown.contains("c2stdmVy"), "{shown}");
            assert!(shown.contains("[API key]"), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let other = Peer::responding("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        let (fake, client) = start();
        fake.respond_next(Canned::new(status).header("location", &format!("{}/v1/opportunities/{UUID}", other.url())));
        let error = client
            .opportunities()
            .update(UUID)
            .amount_in_cents(1)
            .send()
            .await
            .unwrap_err();
        assert!(matches!(error, Error::UnexpectedStatus(_)), "{error:?}");

        fake.respond_next(Canned::new(status).header("location", &format!("/v1/opportunities/{UUID}")));
        assert!(
            client
                .opportunities()
                .update(UUID)
                .amount_in_cents(1)
                .send()
                .await
                .is_err()
        );
        assert_eq!((fake.requests().len(), other.requests()), (2, 0), "{status}");
    }
}

/// A proxy from the environment gets neither requests to loopback nor the key.
#[tokio::test]
async fn a_proxy_is_not_used_for_loopback() {
    let proxy = Peer::responding("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").await;
    let (fake, _) = start();
    // The environment belongs to the whole process, so this needs another process.
    let child = tokio::task::spawn_blocking({
        let (url, proxy) = (fake.url(), proxy.url());
        move || {
            std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "secrets::asks_a_fake_that_is_named", "--nocapture"])
                .env("CHARTMOGUL_TEST_FAKE", url)
                .env("http_proxy", &proxy)
                .env("HTTP_PROXY", &proxy)
                .env_remove("no_proxy")
                .env_remove("NO_PROXY")
                .status()
                .unwrap()
        }
    });
    assert!(child.await.unwrap().success());
    assert_eq!((fake.requests().len(), proxy.requests()), (1, 0));
}

/// The child process of the test above; otherwise it does nothing.
#[tokio::test]
async fn asks_a_fake_that_is_named() {
    let Ok(url) = std::env::var("CHARTMOGUL_TEST_FAKE") else {
        return;
    };
    let client = Client::builder().api_key("fake-api-key").base_url(url).build().unwrap();
    client
        .opportunities()
        .update(UUID)
        .amount_in_cents(1)
        .send()
        .await
        .unwrap();
}
