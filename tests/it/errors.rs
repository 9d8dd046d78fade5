//! What the caller gets when something goes wrong.

use std::error::Error as _;

use chartmogul::{Client, Error};
use chartmogul_fake::Canned;
use chartmogul_tests::{UUID, bodies::BODIES, snapshot, start};

async fn error_of(status: u16, content_type: &str, body: &str) -> Error {
    let (fake, client) = start();
    fake.respond_next(
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
        let error = error_of(*status, content_type, body).await;
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
        for problem in error.response().unwrap().problems() {
            let code = problem.code.as_deref().unwrap_or("none");
            text.push_str(&format!(
                "  problem: {} / {} / code {code}\n",
                problem.field, problem.message
            ));
        }
        text.push('\n');
    }
    snapshot::check("errors", "responses", &text);
}

#[tokio::test]
async fn an_unknown_opportunity_and_a_wrong_key_are_told_apart() {
    let (fake, client) = start();
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
