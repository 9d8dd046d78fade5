//! The fake over HTTP, without the SDK; its responses are tested in its own crate.

use chartmogul_fake::{Canned, Fake, samples};
use chartmogul_tests::{UUID, document, start};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// Status, a header, and body.
async fn ask(fake: &Fake, path: &str, authorization: &str, header: &str) -> (u16, String, Value) {
    let request = reqwest::Client::new().get(format!("{}{path}", fake.url()));
    let response = request.header("authorization", authorization).send().await.unwrap();
    let status = response.status().as_u16();
    let header = response
        .headers()
        .get(header)
        .map_or("", |value| value.to_str().unwrap())
        .to_owned();
    let text = response.text().await.unwrap();
    (status, header, serde_json::from_str(&text).unwrap_or_default())
}

#[tokio::test]
async fn the_key_is_the_name_and_the_password_empty_or_the_key_again() {
    let (fake, _) = start();
    let path = format!("/v1/opportunities/{UUID}");
    // "fake-api-key:" and "fake-api-key:fake-api-key"
    for right in [
        "Basic ZmFrZS1hcGkta2V5Og==",
        "basic ZmFrZS1hcGkta2V5OmZha2UtYXBpLWtleQ==",
    ] {
        assert_eq!(ask(&fake, &path, right, "etag").await.0, 200, "{right}");
    }
    for wrong in [
        "",
        "Basic ",
        "Basic !",
        "Basic bm90LXRoZS1rZXk6",
        "Bearer ZmFrZS1hcGkta2V5Og==",
    ] {
        let (status, challenge, body) = ask(&fake, &path, wrong, "www-authenticate").await;
        let error = json!({ "code": 401, "message": "No valid API key provided", "param": null });
        assert_eq!(
            (status, challenge.as_str(), body),
            (401, "Basic realm=\"ChartMogul\"", error),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn errors_have_the_shapes_of_the_document() {
    let (fake, _) = start();
    let path = format!("{}/v1/opportunities/{UUID}", fake.url());
    for (method, url, body, status) in [
        (Method::PATCH, path.clone(), r#"{"win_likelihood":101}"#, 422),
        (Method::PATCH, path.clone(), r#"{"colour":"red"}"#, 400),
        (Method::PATCH, path.clone(), "[]", 400),
        (Method::PUT, path, "", 405),
        (
            Method::GET,
            format!("{}/v1/opportunities?per_page=0", fake.url()),
            "",
            400,
        ),
        (Method::GET, format!("{}/v1/opportunities/unknown", fake.url()), "", 404),
        (Method::GET, format!("{}/v2/ping", fake.url()), "", 404),
    ] {
        let request = reqwest::Client::new().request(method, &url).body(body);
        let response = request.basic_auth(fake.api_key(), Some("")).send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{url} {body}");
        let error: Value = response.json().await.unwrap();
        assert_eq!(document::violations("ErrorBody", &error), "", "{error}");
    }
}

#[tokio::test]
async fn a_body_may_have_32_megabytes() {
    let fake = Fake::start().unwrap();
    for (size, status) in [
        (32 << 20, StatusCode::BAD_REQUEST),
        ((32 << 20) + 1, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let request = reqwest::Client::new().post(format!("{}/v1/opportunities", fake.url()));
        let request = request.basic_auth(fake.api_key(), Some("")).body(vec![b' '; size]);
        assert_eq!(request.send().await.unwrap().status(), status, "{size}");
    }
}

/// The fake runs on its own thread, so it works with a blocking client in a test without a runtime.
#[test]
fn it_needs_no_runtime() {
    let fake = Fake::start().unwrap();
    fake.collection("opportunities")
        .insert(samples::object("opportunities", UUID))
        .unwrap();
    fake.respond_next(Canned::as_usual());
    let client = chartmogul::Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url());
    let client = client.build().unwrap().blocking().unwrap();
    client.opportunities().update(UUID).amount_in_cents(1).send().unwrap();
    assert_eq!(
        fake.collection("opportunities").get(UUID).unwrap()["amount_in_cents"],
        1
    );
}
