//! What the caller gets when something goes wrong.

use std::{error::Error as _, time::Duration};

use chartmogul::{Client, Error, Failure, Retry};
use chartmogul_fake::Canned;
use chartmogul_tests::{UUID, peer::Peer, snapshot, start};

/// Every known shape of an error's body; the number is that of the table in `error_body.rs`.
const BODIES: &[(&str, u16, &str, &str)] = &[
    (
        "shape 1, code and message",
        400,
        "application/json",
        r#"{"code":400,"message":"Parameter \"owner\" is malformed","param":"owner"}"#,
    ),
    (
        "shape 1, without param",
        401,
        "application/json",
        r#"{"code":401,"message":"No valid API key provided","param":null}"#,
    ),
    (
        "shape 1",
        403,
        "application/json",
        r#"{"code":403,"message":"Your trial has expired","param":null}"#,
    ),
    (
        "shape 1, with param",
        404,
        "application/json",
        r#"{"code":404,"message":"Opportunity not found","param":"uuid"}"#,
    ),
    (
        "shape 1, path as param",
        400,
        "application/json",
        r#"{"code":400,"message":"Unknown type","param":"custom[0][type]"}"#,
    ),
    (
        "shape 2, a message by field",
        422,
        "application/json; charset=utf-8",
        r#"{"errors":{"currency":"is not supported"}}"#,
    ),
    (
        "shape 3, an error text",
        404,
        "application/json; charset=utf-8",
        r#"{"error":"Opportunity not found"}"#,
    ),
    (
        "shape 4, messages by field",
        422,
        "application/json; charset=utf-8",
        r#"{"owner":["can't be blank"],"currency":["is unknown","is short"],"error_details":[{"param":"owner","code":"blank","message":"can't be blank"}]}"#,
    ),
    (
        "shape 5, text and details",
        404,
        "application/json",
        r#"{"error":"Not found","error_details":[{"param":"uuid","code":"invalid","message":"Not found"}]}"#,
    ),
    (
        "shape 6, plain text",
        504,
        "text/plain; charset=utf-8",
        "504 Gateway Timeout Error",
    ),
    (
        "shape 6, plain text called JSON",
        500,
        "application/json",
        "500 Internal Server Error",
    ),
    (
        "shape 7, an HTML page",
        502,
        "text/html",
        "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>customer@example.com</body></html>",
    ),
    ("shape 8, nothing", 500, "application/json", ""),
    (
        "shape 9, a message",
        404,
        "application/json",
        r#"{"message":"Not found"}"#,
    ),
    (
        "too many requests",
        429,
        "application/json",
        r#"{"code":429,"message":"Your request rate has exceeded our rate limit.","param":null}"#,
    ),
    ("too many connections", 503, "text/plain", "Service unavailable"),
    (
        "request failed",
        402,
        "application/json",
        r#"{"code":402,"message":"Request failed","param":null}"#,
    ),
    ("not allowed", 405, "text/plain", ""),
    (
        "a CDN's own",
        520,
        "text/html",
        "<html><h1>Web server is returning an unknown error</h1></html>",
    ),
    (
        "success with a page",
        200,
        "text/html",
        "<html><title>Sign in</title></html>",
    ),
    (
        "success with broken JSON",
        200,
        "application/json",
        r#"{"owner":"secret@example.com","#,
    ),
    (
        "success with a list",
        200,
        "application/json",
        r#"["secret@example.com"]"#,
    ),
    (
        "success with a text",
        200,
        "application/json",
        r#""secret@example.com""#,
    ),
    ("a redirect", 302, "text/html", ""),
];

async fn answered(status: u16, content_type: &str, body: &str) -> Error {
    let (fake, client) = start().await;
    fake.answer_next(
        Canned::new(status)
            .content(content_type, body)
            .header("x-request-id", "req-1")
            .header("location", "/elsewhere"),
    );
    let error = client
        .opportunities()
        .update(UUID)
        .amount_in_cents(1)
        .send()
        .await
        .unwrap_err();
    assert_eq!(fake.requests().len(), 1);
    error
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!("\n  because: {source}"));
        cause = source.source();
    }
    text
}

#[tokio::test]
async fn every_body_is_read_and_kept() {
    let mut text = String::new();
    for (name, status, content_type, body) in BODIES {
        let error = answered(*status, content_type, body).await;
        assert_eq!(error.status().map(|s| s.as_u16()), Some(*status), "{name}");
        assert_eq!(error.body().map(|b| &b[..]), Some(body.as_bytes()), "{name}");
        let done = matches!(*status, 200 | 500..=502 | 504..);
        assert_eq!(error.may_have_happened(), done, "{name}");
        for shown in [chain(&error), format!("{error:?}")] {
            assert!(!shown.contains("@example.com"), "a body is shown: {shown}");
        }
        let debug = format!("{error:?}");
        let variant = debug.split(['(', ' ']).next().unwrap_or_default();
        text.push_str(&format!("# {name}\nError::{variant}\n{}\n", chain(&error)));
        for problem in error.answer().unwrap().problems() {
            let code = problem.code.as_deref().unwrap_or("none");
            text.push_str(&format!(
                "  problem: {} / {} / code {code}\n",
                problem.field, problem.message
            ));
        }
        text.push('\n');
    }
    snapshot::check("errors", "answers", &text);
}

#[tokio::test]
async fn an_unknown_opportunity_and_a_wrong_key_are_told_apart() {
    let (fake, client) = start().await;
    let unknown = "00000000-0000-0000-0000-000000000000";
    let error = client
        .opportunities()
        .update(unknown)
        .amount_in_cents(1)
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotFound(_)), "{error:?}");

    let stranger = Client::builder()
        .api_key("another-key")
        .base_url(fake.url())
        .build()
        .unwrap();
    let error = stranger
        .opportunities()
        .update(UUID)
        .amount_in_cents(1)
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Unauthorized(_)), "{error:?}");
    assert_eq!(error.message(), Some("No valid API key provided"));
}

async fn broken(builder: chartmogul::ClientBuilder, url: &str) -> Error {
    let client = builder
        .api_key("key")
        .base_url(url)
        .retry(Retry::never())
        .build()
        .unwrap();
    client
        .opportunities()
        .update(UUID)
        .amount_in_cents(1)
        .send()
        .await
        .unwrap_err()
}

#[tokio::test]
async fn a_refused_connection_was_never_sent() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let error = broken(Client::builder(), &url).await;
    assert_eq!(error.to_string(), "update_opportunity: could not connect");
    assert!(
        matches!(
            error,
            Error::Connection {
                failure: Failure::NotConnected,
                ..
            }
        ) && !error.may_have_happened()
    );
    assert!(chain(&error).contains("Connection refused"), "{}", chain(&error));
    assert!(!chain(&error).contains(UUID), "{}", chain(&error));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_success() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "not HTTP at all\r\n\r\n",
    ] {
        let peer = Peer::answering(answer).await;
        let error = broken(Client::builder(), peer.url()).await;
        assert!(
            matches!(
                error,
                Error::Connection {
                    failure: Failure::Broken | Failure::CutOff,
                    ..
                }
            ),
            "{answer:?}: {error:?}"
        );
        assert!(error.may_have_happened() && error.source().is_some());
        assert_eq!(peer.requests(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn a_late_answer_is_a_timeout_with_its_limit() {
    let (fake, _) = start().await;
    fake.answer_next(Canned::new(200).after(Duration::from_secs(60)));
    let error = broken(Client::builder().call_timeout(Duration::from_millis(50)), &fake.url()).await;
    assert_eq!(error.to_string(), "update_opportunity: no complete answer within 50ms");
    assert!(error.may_have_happened() && error.source().is_some() && error.status().is_none());
}
