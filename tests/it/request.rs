//! Requests to endpoints without a method.

use chartmogul::{Client, Error, Method};
use chartmogul_fake::{Canned, Fake};
use chartmogul_tests::{UUID, client_for, opportunity};
use serde_json::{Value, json};

/// A fake without recording: external validators would not find these requests in the document.
fn start() -> (Fake, Client) {
    let fake = Fake::start().unwrap();
    let client = client_for(&fake);
    (fake, client)
}

#[tokio::test]
async fn any_endpoint_can_be_reached() {
    let (fake, client) = start();
    fake.respond_next(Canned::new(201).json(r#"[{"id":1}]"#));
    let response = client
        .low_level()
        .request(Method::POST, "/v1/customers/{customer_uuid}/attributes/tags")
        .path("customer_uuid", "a b/../c?d#e%2f")
        .query("cursor", "MjAy+Q==&x=1")
        .query("per_page", 50)
        .json(&json!({ "tags": ["ü"] }))
        .send::<Vec<Value>>()
        .await
        .unwrap();
    assert_eq!(
        (response.status().as_u16(), response.value()),
        (201, &vec![json!({ "id": 1 })])
    );
    let sent = &fake.requests()[0];
    assert_eq!(sent.method, "POST");
    assert_eq!(sent.path, "/v1/customers/a%20b%2F..%2Fc%3Fd%23e%252f/attributes/tags");
    assert_eq!(sent.query, "cursor=MjAy%2BQ%3D%3D%26x%3D1&per_page=50");
    assert_eq!(sent.body, r#"{"tags":["ü"]}"#.as_bytes());
    assert_eq!(sent.header("content-type"), Some("application/json"));
}

/// Some edges respond with 411 to such a method without a content length.
#[tokio::test]
async fn an_empty_body_has_a_length() {
    let (fake, client) = start();
    for (method, length) in [
        (Method::POST, Some("0")),
        (Method::PUT, Some("0")),
        (Method::PATCH, Some("0")),
        (Method::GET, None),
        (Method::DELETE, None),
    ] {
        fake.respond_next(Canned::new(204));
        client
            .low_level()
            .request(method.clone(), "/v1/things")
            .send_any()
            .await
            .unwrap();
        let sent = fake.requests().pop().unwrap();
        assert_eq!(sent.header("content-length"), length, "{method}");
    }
    fake.respond_next(Canned::new(204));
    let request = client.low_level().request(Method::POST, "/v1/things");
    request.json(&json!({})).send_any().await.unwrap();
    assert_eq!(fake.requests().pop().unwrap().header("content-length"), Some("2"));
}

#[tokio::test]
async fn errors_name_the_route_and_not_the_object() {
    let (fake, client) = start();
    fake.respond_next(Canned::new(404).json(r#"{"code":404,"message":"Not found","param":null}"#));
    let request = client
        .low_level()
        .request(Method::GET, "/v1/invoices/{uuid}")
        .path("uuid", "inv_1");
    let error = request.clone().send_any().await.unwrap_err();
    assert_eq!(error.to_string(), "GET /v1/invoices/{uuid}: 404 Not Found: Not found");
    assert!(matches!(error, Error::NotFound(_)));

    // Errors do not quote the response, whatever its expected type.
    fake.respond_next(Canned::new(200).json(r#"{"email":"ada@example.com"}"#));
    let error = request.send::<u8>().await.unwrap_err();
    let cause = std::error::Error::source(&error)
        .map(ToString::to_string)
        .unwrap_or_default();
    assert!(
        matches!(error, Error::Unreadable { .. }) && cause.contains("`u8`"),
        "{cause}"
    );
    assert!(!format!("{error:?} {error} {cause}").contains("ada@"));
}

#[tokio::test]
async fn an_invalid_path_is_rejected() {
    let (fake, client) = start();
    let with = |path: &str, values: &[(&str, &str)]| {
        let request = client.low_level().request(Method::GET, path);
        values
            .iter()
            .fold(request, |request, (name, value)| request.path(*name, *value))
    };
    for (request, says) in [
        (with("ping", &[]), "must begin with /v1/"),
        (with("https://example.com/v1/ping", &[]), "must begin with /v1/"),
        (with("/v1/../admin", &[]), "segments that are empty, `.` or `..`"),
        (with("/v1//ping", &[]), "segments that are empty"),
        (with("/v1/ping?key=1", &[]), "letters, digits"),
        (with("/v1/%2e%2e/admin", &[]), "letters, digits"),
        (with("/v1/ping\r\nx-injected: 1", &[]), "letters, digits"),
        (with("/v1/notes/{uuid}", &[]), "set `uuid` with `path`"),
        (with("/v1/notes/{uuid}", &[("uid", UUID)]), "set `uuid` with `path`"),
        (with("/v1/notes", &[("uuid", UUID)]), "must contain `{uuid}`"),
        (with("/v1/notes/{uuid}", &[("uuid", "")]), "must not be empty"),
        (with("/v1/notes/{uuid}", &[("uuid", "..")]), "an identifier"),
        (with("/v1/notes/{uuid}", &[("uuid", "a\nb")]), "control characters"),
    ] {
        let error = request.send_any().await.unwrap_err();
        assert!(matches!(error, Error::InvalidInput(_)), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    }
    let not_json = std::collections::HashMap::from([((1, 2), 3)]);
    let error = with("/v1/ping", &[]).json(&not_json).send_any().await.unwrap_err();
    assert!(error.to_string().contains("written as JSON"), "{error}");
    assert_eq!(fake.requests().len(), 0);
}

#[tokio::test]
async fn the_program_is_named() {
    let (fake, _) = start();
    fake.collection("opportunities").insert(opportunity(UUID)).unwrap();
    let builder = || {
        chartmogul::Client::builder()
            .api_key(fake.api_key())
            .base_url(fake.url())
    };
    let client = builder().user_agent("deal-sync/1.4 (ops)").build().unwrap();
    client
        .opportunities()
        .update(UUID)
        .amount_in_cents(1)
        .send()
        .await
        .unwrap();
    let expected = concat!("chartmogul-rust/", env!("CARGO_PKG_VERSION"), " deal-sync/1.4 (ops)");
    assert_eq!(fake.requests()[0].header("user-agent"), Some(expected));
    for odd in ["", " ", "a\r\nb: c", "ü"] {
        let error = builder().user_agent(odd).build().unwrap_err();
        assert!(error.to_string().contains("`user_agent` was"), "{error}");
    }
}
