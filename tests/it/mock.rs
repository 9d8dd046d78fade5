//! The SDK with a third-party mock server for the document.

use chartmogul::{Client, Error, Field, Retry, opportunities::NewOpportunity};
use chartmogul_tests::UUID;
use serde_json::json;

/// `judges/run` starts the mock (Prism) and sets its URL; otherwise this test does nothing.
#[tokio::test]
async fn every_operation_works_on_a_mock_of_the_document() {
    let Ok(url) = std::env::var("CHARTMOGUL_MOCK") else {
        return;
    };
    let client = |key: &str| {
        Client::builder()
            .api_key(key)
            .base_url(&url)
            .retry(Retry::never())
            .build()
            .unwrap()
    };
    let (opportunities, unknown) = (client("key").opportunities(), "00000000-0000-0000-0000-000000000000");

    let new = NewOpportunity {
        customer_uuid: "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3",
        owner: "sales@example.com",
        pipeline: "New Business",
        pipeline_stage: "Discovery",
        estimated_close_date: "2026-03-31".into(),
        currency: "USD",
        amount_in_cents: 0,
    };
    let created = opportunities.create(new).custom([("seats", 4)]).send().await.unwrap();
    let read = opportunities.get(UUID).send().await.unwrap();
    let update = opportunities
        .update(UUID)
        .amount_in_cents(0)
        .replace_all_custom([("seats", 4)]);
    let updated = update.send().await.unwrap();
    for deal in [created, read, updated] {
        let json = json!(deal);
        assert!(deal.extra.is_empty() && !json.to_string().contains("null"), "{json}");
        assert!(
            matches!(deal.created_at, Field::Value(_)) && matches!(deal.custom, Field::Value(_)),
            "{json}"
        );
        let sent = deal.custom.get().map(|custom| custom.to_list().unwrap().len());
        assert!(sent > Some(0), "{json}");
    }
    let page = opportunities
        .list()
        .per_page(200)
        .cursor("Pj4+Pz8/")
        .send()
        .await
        .unwrap();
    assert!(!page.entries.is_empty() && page.entries.unexpected().is_empty());
    opportunities.delete(unknown).send().await.unwrap();

    // Prism requires a key, but accepts any.
    let error = opportunities.get("").send().await.unwrap_err();
    assert!(matches!(error, Error::InvalidInput(_)), "{error:?}");
}
