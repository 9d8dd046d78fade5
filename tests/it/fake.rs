//! The fake, seen without the SDK.

use chartmogul_tests::{UUID, document, start};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const KEY_TWICE: &str = "ZmFrZS1hcGkta2V5OmZha2UtYXBpLWtleQ=="; // fake-api-key:fake-api-key

/// Status and body of one request, on a connection of its own.
async fn ask(url: &str, line: &str, token: &str, body: &str) -> (u16, String) {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("{line} HTTP/1.1\r\nhost: {address}\r\nauthorization: Basic {token}\r\nconnection: close\r\n");
    let request = format!(
        "{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn update(body: &str) -> (u16, Value) {
    let (fake, _client) = start().await;
    let (status, text) = ask(&fake.url(), &format!("PATCH /v1/opportunities/{UUID}"), KEY_TWICE, body).await;
    (status, serde_json::from_str(&text).unwrap_or_default())
}

#[tokio::test]
async fn it_answers_like_the_document() {
    let (status, body) = update(r#"{"amount_in_cents":5,"custom":[{"key":"K","value":1.5}]}"#).await;
    assert_eq!(
        (status, &body["amount_in_cents"], &body["custom"]),
        (200, &json!(5), &json!({ "K": 1.5 }))
    );
    assert_eq!(document::violations("Opportunity", &body), "");

    assert_eq!(update("{}").await, (304, Value::Null));
    assert_eq!(update(r#"{"customer_uuid":"cus_1"}"#).await.0, 304, "can't be changed");
    let (status, body) = update(r#"{"win_likelihood":101}"#).await;
    assert_eq!(
        (status, body["error_details"][0]["param"].as_str()),
        (422, Some("win_likelihood"))
    );
    assert_eq!(document::violations("ErrorBody", &body), "");
    for malformed in ["", "[]", "{", r#"{"amount_in_cents":"5"}"#, r#"{"custom":{"a":1}}"#] {
        let (status, body) = update(malformed).await;
        assert_eq!((status, &body["code"]), (400, &json!(400)), "{malformed}");
        assert_eq!(document::violations("ErrorBody", &body), "");
    }
}

#[tokio::test]
async fn it_is_loud_about_what_it_does_not_imitate() {
    let (fake, _client) = start().await;
    for line in [
        "GET /v1/ping",
        "GET /v1/opportunities",
        "POST /",
        &format!("DELETE /v1/opportunities/{UUID}"),
    ] {
        let (status, body) = ask(&fake.url(), line, KEY_TWICE, "").await;
        assert_eq!(status, 501, "{line}");
        assert!(body.contains("does not imitate"), "{body}");
    }
    assert_eq!(fake.requests().len(), 4);
}

#[tokio::test]
async fn it_checks_the_key_and_the_uuid() {
    let (fake, _client) = start().await;
    let url = fake.url();
    let line = format!("PATCH /v1/opportunities/{UUID}");
    for wrong in ["", "bm90LXRoZS1rZXk6", "!"] {
        let (status, body) = ask(&url, &line, wrong, "{}").await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, body),
            (
                401,
                json!({ "code": 401, "message": "No valid API key provided", "param": null })
            )
        );
    }
    let (status, body) = ask(&url, "PATCH /v1/opportunities/unknown", KEY_TWICE, "{}").await;
    assert_eq!(
        (status, serde_json::from_str::<Value>(&body).unwrap()["code"].clone()),
        (404, json!(404))
    );
}
