//! The OpenAPI document.

use chartmogul_api::operations;
use chartmogul_tests::{UUID, document, snapshot, start};
use serde_json::{Value, json};

/// Sends the document's own example with the SDK.
#[tokio::test]
async fn the_example_is_what_the_sdk_sends_and_reads() {
    let document = document::read();
    let operation = document
        .pointer("/paths/~1v1~1opportunities~1{opportunity_uuid}/patch")
        .unwrap();
    let request = &document::example(&document, &operation["requestBody"]["content"]);
    let response = &document::example(&document, &operation["responses"]["200"]["content"]);

    let (fake, client) = start();
    fake.respond_next(chartmogul_fake::Canned::new(200).json(response.to_string()));
    let deal = client
        .opportunities()
        .update(UUID)
        .amount_in_cents(20_000)
        .replace_all_custom([("seats", 4)])
        .send()
        .await
        .unwrap();
    assert_eq!(&fake.requests()[0].json(), request);
    assert_eq!(&json!(deal), response);
    assert_eq!(deal.extra.len(), 0);
    assert_eq!(response.as_object().map(serde_json::Map::len), Some(14));
}

#[test]
fn the_document_refuses_what_the_api_documents_as_wrong() {
    let refused = |value: Value| !document::violations("OpportunityUpdate", &value).is_empty();
    assert!(!refused(
        json!({ "amount_in_cents": 20000, "custom": [{ "key": "seats", "value": 4 }] })
    ));
    assert!(!refused(json!({ "custom": [] })));
    for value in ["a", "2026-01-31T12:00:00Z"]
        .map(Value::from)
        .into_iter()
        .chain([json!(4), json!(4.5), json!(true)])
    {
        assert!(
            !refused(json!({ "custom": [{ "key": "k", "value": value }] })),
            "{value}"
        );
    }
    assert!(refused(json!({ "win_likelihood": 101 })));
    assert!(refused(json!({ "win_likelihood": -1 })));
    assert!(refused(json!({ "custom": [{ "key": "a b", "value": 1 }] })));
    assert!(refused(json!({ "custom": [{ "key": "a" }] })));
    assert!(refused(json!({ "custom": [{ "key": "a", "value": null }] })));
    assert!(refused(json!({ "custom": { "a": 1 } })));
    assert!(refused(json!({})));
}

/// This table decides what is repeated after a broken connection, so a change needs a review.
#[test]
fn idempotent_operations() {
    let mut sorted = operations::ALL.to_vec();
    sorted.sort_by_key(|operation| (operation.path, operation.method));
    let lines = sorted.into_iter().map(|operation| {
        let harmless = if operation.idempotent {
            "harmless to repeat"
        } else {
            "never repeated if it may have happened"
        };
        format!("{:6} {}: {harmless}\n", operation.method, operation.path)
    });
    snapshot::check("operations", "idempotent", &lines.collect::<String>());
}

/// The generated table has every operation of the document, with its properties.
#[test]
fn the_table_is_the_document() {
    let document = document::read();
    let mut documented = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            documented += 1;
            let id = operation["operationId"].as_str().unwrap();
            let entry = operations::ALL.iter().find(|entry| entry.id == id).unwrap();
            assert_eq!(
                (entry.path, entry.method.to_lowercase()),
                (path.as_str(), method.clone())
            );
            assert_eq!(json!(entry.idempotent), operation["x-idempotent"]);
            assert_eq!(json!(entry.source), operation["externalDocs"]["url"]);
            assert_eq!(json!([entry.tag]), operation["tags"]);
        }
    }
    assert_eq!(operations::ALL.len(), documented);
}
