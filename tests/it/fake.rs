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
        "GET /v1/opportunities?page=2",
        "GET /v1/opportunities?pipelin=New+Business",
        "POST /",
        &format!("PUT /v1/opportunities/{UUID}"),
    ] {
        let (status, body) = ask(&fake.url(), line, KEY_TWICE, "").await;
        assert_eq!(status, 501, "{line}");
        assert!(body.contains("does not imitate"), "{body}");
    }
    assert_eq!(fake.requests().len(), 5);
}

#[tokio::test]
async fn it_refuses_what_can_not_be_created() {
    let (fake, _client) = start().await;
    let whole = json!({
        "customer_uuid": "cus_1", "owner": "a@example.com", "pipeline": "P", "pipeline_stage": "S",
        "estimated_close_date": "2026-03-31", "currency": "USD", "amount_in_cents": 0,
    });
    let create = async |body: &Value| {
        let (status, text) = ask(&fake.url(), "POST /v1/opportunities", KEY_TWICE, &body.to_string()).await;
        (status, serde_json::from_str::<Value>(&text).unwrap())
    };
    for name in whole.as_object().unwrap().keys() {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().remove(name);
        let message = format!("Parameter \"{name}\" is missing");
        let error = json!({ "code": 400, "message": message, "param": name });
        assert_eq!(create(&body).await, (400, error));
        body[name] = json!([]);
        let (status, error) = create(&body).await;
        assert_eq!(
            (status, document::violations("ErrorBody", &error)),
            (400, String::new()),
            "{name}"
        );
    }
    let mut body = whole.clone();
    body["currency"] = json!("usd");
    let (status, error) = create(&body).await;
    assert_eq!((status, &error["error_details"][0]["param"]), (422, &json!("currency")));
    assert_eq!(fake.opportunities().len(), 1, "nothing was created");

    let (status, created) = create(&whole).await;
    assert_eq!(
        (status, document::violations("Opportunity", &created)),
        (201, String::new())
    );
}

#[tokio::test]
async fn it_refuses_a_query_that_can_not_be_right() {
    let (fake, _client) = start().await;
    for (query, param) in [
        ("per_page=0", "per_page"),
        ("per_page=-1", "per_page"),
        ("per_page=", "per_page"),
        ("per_page=ten", "per_page"),
        ("cursor=x", "cursor"),
        ("cursor=MTI%3D", "cursor"),
        (
            "owner=a&estimated_close_date_on_or_after=31.12.2026",
            "estimated_close_date_on_or_after",
        ),
    ] {
        let (status, body) = ask(&fake.url(), &format!("GET /v1/opportunities?{query}"), KEY_TWICE, "").await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["param"]), (400, &json!(param)), "{query}: {body}");
        assert_eq!(document::violations("ErrorBody", &body), "");
    }
    let (status, body) = ask(&fake.url(), "GET /v1/opportunities?per_page=100000", KEY_TWICE, "").await;
    assert_eq!(
        (
            status,
            document::violations("OpportunityPage", &serde_json::from_str(&body).unwrap())
        ),
        (200, String::new())
    );
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
