//! The API key stays where it belongs.

use chartmogul::{Client, Error};
use chartmogul_fake::Canned;
use chartmogul_tests::{UUID, peer::Peer, start};

const KEY: &str = "sk-very-secret-key";

#[tokio::test]
async fn debug_does_not_show_the_key() {
    let builder = Client::builder().api_key(KEY).base_url("http://127.0.0.1:1");
    let client = builder.clone().build().unwrap();
    for shown in [
        format!("{builder:?}"),
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

/// A server that repeats the key in its message does not get it into a log.
#[tokio::test]
async fn errors_do_not_show_the_key() {
    let (fake, _) = start().await;
    let client = Client::builder().api_key(KEY).base_url(fake.url()).build().unwrap();
    for (status, body) in [
        (
            401,
            format!(r#"{{"code":401,"message":"Unknown key {KEY}","param":"{KEY}"}}"#),
        ),
        (422, format!(r#"{{"{KEY}":["{KEY} is wrong"]}}"#)),
        (500, format!("no such key: {KEY}")),
        (500, format!("{}{KEY}", "x".repeat(290))),
        (500, "<title>Basic c2stdmVyeS1zZWNyZXQta2V5Og==</title>".to_owned()),
    ] {
        fake.answer_next(Canned::new(status).json(body));
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
        let other = Peer::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        let (fake, client) = start().await;
        fake.answer_next(Canned::new(status).header("location", &format!("{}/v1/opportunities/{UUID}", other.url())));
        let error = client
            .opportunities()
            .update(UUID)
            .amount_in_cents(1)
            .send()
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Unexpected(_)), "{error:?}");

        fake.answer_next(Canned::new(status).header("location", &format!("/v1/opportunities/{UUID}")));
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
