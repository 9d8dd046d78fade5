//! Opportunities: requests and their effects.

use std::collections::BTreeMap;

use chartmogul::{
    Client, CustomAttributeList, CustomAttributeValue, Error,
    opportunities::{CreateOpportunity, ForecastCategory, NewOpportunity, OpportunityType, UpdateOpportunity},
};
use chartmogul_api::types::ListOpportunitiesQuery;
use chartmogul_fake::{Canned, Fake, Recorded};
use chartmogul_tests::{UUID, opportunity, snapshot, start, start_with};
use chrono::{NaiveDate, TimeZone as _, Utc};
use serde_json::{Value, json};

type Case = (&'static str, fn(UpdateOpportunity) -> UpdateOpportunity);

const CASES: &[Case] = &[
    ("the documentation's example", |update| {
        update.amount_in_cents(20_000).replace_all_custom([("seats", 4)])
    }),
    ("every field", |update| {
        update
            .owner("sales@example.com")
            .pipeline("New Business")
            .pipeline_stage("Evaluation")
            .estimated_close_date("2026-04-30")
            .amount_in_cents(20_000)
            .currency("EUR")
            .type_(OpportunityType::OneTime)
            .forecast_category(ForecastCategory::BestCase)
            .win_likelihood(60)
            .replace_all_custom([("seats", 4)])
    }),
    ("zero is sent as zero", |update| {
        update.amount_in_cents(0).win_likelihood(0)
    }),
    ("an empty list is sent", UpdateOpportunity::remove_all_custom),
    ("an empty list by hand", |update| {
        update.replace_all_custom(CustomAttributeList::new())
    }),
    ("custom values keep their type", |update| {
        update.replace_all_custom(
            CustomAttributeList::new()
                .set("text", "4")
                .set("integer", 9_007_199_254_740_993_i64)
                .set("smallest", i64::MIN)
                .set("decimal", 4.0)
                .set("fraction", 0.1)
                .set("truth", true)
                .set("day", NaiveDate::from_ymd_opt(2026, 1, 31).unwrap())
                .set("instant", Utc.with_ymd_and_hms(2026, 1, 31, 12, 0, 0).unwrap())
                .set("Upper_Case", ""),
        )
    }),
    ("the largest amount", |update| update.amount_in_cents(i64::MAX)),
    ("a date given as a date", |update| {
        update.estimated_close_date(NaiveDate::from_ymd_opt(2026, 2, 28).unwrap())
    }),
    ("values that this version does not know", |update| {
        update.type_("arr").forecast_category("omitted")
    }),
    ("text beyond ASCII", |update| update.pipeline("Größe \"XL\"\n€")),
    ("the last setting counts", |update| {
        update
            .amount_in_cents(1)
            .amount_in_cents(2)
            .replace_all_custom([("a", 1)])
            .replace_all_custom([("b", 2)])
    }),
];

#[tokio::test]
async fn update_opportunity() {
    let mut text = String::new();
    for (name, set) in CASES {
        // Lenient, because one case has values that are not in the document.
        let (fake, client) = start_with(Fake::builder().lenient());
        set(client.opportunities().update(UUID)).send().await.unwrap();
        let requests = fake.requests();
        assert_eq!(requests.len(), 1, "{name}");
        let request = &requests[0];
        if text.is_empty() {
            text = head(request);
        }
        text.push_str(&format!("\n# {name}\n{}\n", String::from_utf8_lossy(&request.body)));
    }
    snapshot::check("wire", "update_opportunity", &text);
}

/// The request without its query and body.
fn head(request: &Recorded) -> String {
    let mut text = format!("{} {}\n", request.method, request.path);
    for (header, value) in &request.headers {
        let value = match header.as_str() {
            "host" | "content-length" => "(varies)".to_owned(),
            "user-agent" => value.replace(env!("CARGO_PKG_VERSION"), "(version)"),
            _ => value.clone(),
        };
        text.push_str(&format!("{header}: {value}\n"));
    }
    text
}

fn new_opportunity() -> NewOpportunity<'static> {
    NewOpportunity {
        customer_uuid: "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3",
        owner: "sales@example.com",
        pipeline: "New Business",
        pipeline_stage: "Discovery",
        estimated_close_date: NaiveDate::from_ymd_opt(2026, 3, 31).unwrap().into(),
        currency: "USD",
        amount_in_cents: 20_000,
    }
}

#[tokio::test]
async fn create_opportunity() {
    type Case = (&'static str, fn(CreateOpportunity) -> CreateOpportunity);
    const CASES: &[Case] = &[
        ("what is required", |create| create),
        ("every field", |create| {
            create
                .type_(OpportunityType::Recurring)
                .forecast_category(ForecastCategory::BestCase)
                .win_likelihood(40)
                .custom(CustomAttributeList::new().set("seats", 4).set("vip", true))
        }),
        ("zero is sent as zero", |create| create.win_likelihood(0)),
        ("an empty list is sent", |create| {
            create.custom(CustomAttributeList::new())
        }),
    ];
    let mut text = String::new();
    for (name, set) in CASES {
        let (fake, client) = start();
        let deal = set(client.opportunities().create(new_opportunity()))
            .send()
            .await
            .unwrap();
        let uuid = deal.uuid.as_str().unwrap();
        assert_eq!(fake.collection("opportunities").get(uuid), Some(json!(deal)), "{name}");
        let requests = fake.requests();
        assert_eq!(requests.len(), 1, "{name}");
        if text.is_empty() {
            text = head(&requests[0]);
        }
        text.push_str(&format!("\n# {name}\n{}\n", String::from_utf8_lossy(&requests[0].body)));
    }
    snapshot::check("wire", "create_opportunity", &text);
}

/// POST is not idempotent: a second request creates a second opportunity.
#[tokio::test]
async fn each_create_makes_a_new_opportunity() {
    let (fake, client) = start();
    let create = client.opportunities().create(new_opportunity());
    let (one, other) = (create.clone().send().await.unwrap(), create.send().await.unwrap());
    assert_ne!(one.uuid, other.uuid);
    assert_eq!(fake.collection("opportunities").len(), 3);
    assert!(one.created_at == one.updated_at && one.created_at.get().is_some());
    assert_eq!(json!(one.custom), json!({}));
}

#[tokio::test]
async fn get_opportunity() {
    let (fake, client) = start();
    let deal = client.opportunities().get(UUID).send().await.unwrap();
    assert_eq!(json!(deal), opportunity(UUID));
    let request = &fake.requests()[0];
    assert_eq!((request.query.as_str(), &request.body[..]), ("", &b""[..]));
    snapshot::check("wire", "get_opportunity", &head(request));
}

#[tokio::test]
async fn delete_opportunity() {
    let (fake, client) = start();
    client.opportunities().delete(UUID).send().await.unwrap();
    assert!(fake.collection("opportunities").is_empty());
    for gone in [
        client.opportunities().delete(UUID).send().await.unwrap_err(),
        client.opportunities().get(UUID).send().await.unwrap_err(),
    ] {
        assert!(matches!(gone, Error::NotFound(_)), "{gone:?}");
    }
    let request = &fake.requests()[0];
    assert_eq!((request.query.as_str(), &request.body[..]), ("", &b""[..]));
    snapshot::check("wire", "delete_opportunity", &head(request));
}

#[tokio::test]
async fn a_deletion_succeeds_with_any_body() {
    for response in [
        Canned::new(200).json("{}"),
        Canned::new(202).json(r#"{"message":"Opportunity deleted"}"#),
        Canned::new(204),
        Canned::new(200).text("OK"),
    ] {
        let (fake, client) = start();
        fake.respond_next(response);
        client.opportunities().delete(UUID).send().await.unwrap();
    }
}

#[tokio::test]
async fn list_opportunities() {
    type Case = (&'static str, fn(&mut ListOpportunitiesQuery));
    const CASES: &[Case] = &[
        ("all", |_| {}),
        ("every filter", |query| {
            query.customer_uuid = Some("cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3".to_owned());
            query.owner = Some("sales+eu@example.com".to_owned());
            query.pipeline = Some("New Business".to_owned());
            query.pipeline_stage = Some("Closed Won".to_owned());
            query.estimated_close_date_on_or_after = Some("2026-01-01".into());
            query.estimated_close_date_on_or_before = Some("2026-12-31".into());
        }),
        ("the next page", |query| {
            query.cursor = Some("Pj4+Pz8/MDAwMDAwMDAwMA==".to_owned());
            query.per_page = Some(1);
        }),
        ("characters that mean something in a query", |query| {
            query.pipeline = Some("A&B=C?D#E+F%20/;\\\"'".to_owned());
        }),
        ("text beyond ASCII", |query| {
            query.pipeline_stage = Some("Größe €\n".to_owned());
        }),
    ];
    let mut text = String::new();
    for (name, set) in CASES {
        let (fake, client) = start();
        let mut query = ListOpportunitiesQuery::default();
        set(&mut query);
        fake.respond_next(Canned::new(200).json(r#"{"entries":[],"cursor":null,"has_more":false}"#));
        client.low_level().list_opportunities(&query).await.unwrap();
        let request = &fake.requests()[0];
        let read: BTreeMap<String, String> = serde_urlencoded::from_str(&request.query).unwrap();
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let set = json!(query);
        let set = set
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)));
        assert_eq!(read, set.collect(), "{name}");
        assert_eq!(request.body, b"", "{name}");
        if text.is_empty() {
            text = head(request);
        }
        text.push_str(&format!("\n# {name}\n{}\n", request.query));
    }
    snapshot::check("wire", "list_opportunities", &text);
}

#[tokio::test]
async fn fields_that_are_not_sent_stay_and_custom_is_replaced() {
    let (fake, client) = start();
    let before = fake.collection("opportunities").get(UUID).unwrap();

    let deal = client
        .opportunities()
        .update(UUID)
        .amount_in_cents(1)
        .send()
        .await
        .unwrap();
    assert_eq!(json!(deal.custom), before["custom"], "custom was not sent");
    assert!(deal.amount_in_cents == 1 && deal.currency == "USD");

    let deal = client
        .opportunities()
        .update(UUID)
        .replace_all_custom([("vip", true)])
        .send()
        .await
        .unwrap();
    assert_eq!(json!(deal.custom), json!({ "vip": true }), "custom was sent");
    assert!(deal.amount_in_cents == 1);

    let deal = client
        .opportunities()
        .update(UUID)
        .remove_all_custom()
        .send()
        .await
        .unwrap();
    assert_eq!(json!(deal.custom), json!({}));
    assert_eq!(json!(deal), fake.collection("opportunities").get(UUID).unwrap());
    assert!(deal.updated_at.get() > deal.created_at.get());
}

#[tokio::test]
async fn the_low_level_client_does_the_same() {
    let (fake, client) = start();
    let mut update = chartmogul_api::types::OpportunityUpdate::default();
    update.amount_in_cents = Some(0);
    update.custom = Some(vec![("seats", CustomAttributeValue::Integer(4)).into()]);
    let response = client.low_level().update_opportunity(UUID, &update).await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(
        fake.requests()[0].json(),
        json!({ "amount_in_cents": 0, "custom": [{ "key": "seats", "value": 4 }] })
    );
    assert_eq!(
        serde_json::from_slice::<Value>(response.body()).unwrap(),
        json!(response.value())
    );
}

#[tokio::test]
async fn calls_can_be_spawned_and_clients_shared() {
    let (fake, client) = start();
    let calls: Vec<_> = (0..8)
        .map(|amount| {
            let client: Client = client.clone();
            tokio::spawn(async move { client.opportunities().update(UUID).amount_in_cents(amount).send().await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(fake.requests().len(), 8);
}
