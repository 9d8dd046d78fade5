//! What goes over the wire, and what it does.

use chartmogul::{
    Client, Custom, CustomValue, ForecastCategory, OpportunityType, resources::opportunities::UpdateOpportunity,
};
use chartmogul_tests::{UUID, snapshot, start};
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
        update.replace_all_custom(Custom::new())
    }),
    ("custom values keep their type", |update| {
        update.replace_all_custom(
            Custom::new()
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
        let (fake, client) = start().await;
        set(client.opportunities().update(UUID)).send().await.unwrap();
        let requests = fake.requests();
        assert_eq!(requests.len(), 1, "{name}");
        let request = &requests[0];
        if text.is_empty() {
            text.push_str(&format!("{} {}\n", request.method, request.path));
            for (header, value) in &request.headers {
                let value = match header.as_str() {
                    "host" | "content-length" => "(varies)".to_owned(),
                    "user-agent" => value.replace(env!("CARGO_PKG_VERSION"), "(version)"),
                    _ => value.clone(),
                };
                text.push_str(&format!("{header}: {value}\n"));
            }
        }
        text.push_str(&format!("\n# {name}\n{}\n", String::from_utf8_lossy(&request.body)));
    }
    snapshot::check("wire", "update_opportunity", &text);
}

#[tokio::test]
async fn what_is_not_sent_stays_and_custom_is_replaced() {
    let (fake, client) = start().await;
    let before = fake.opportunities().get(UUID).unwrap();

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
    assert_eq!(json!(deal), fake.opportunities().get(UUID).unwrap());
    assert!(deal.updated_at.get() > deal.created_at.get());
}

#[tokio::test]
async fn the_low_level_client_does_the_same() {
    let (fake, client) = start().await;
    let mut update = chartmogul::OpportunityUpdate::default();
    update.amount_in_cents = Some(0);
    update.custom = Some(vec![("seats", CustomValue::Integer(4)).into()]);
    let reply = client.low_level().update_opportunity(UUID, &update).await.unwrap();
    assert_eq!(reply.status().as_u16(), 200);
    assert_eq!(
        fake.requests()[0].json(),
        json!({ "amount_in_cents": 0, "custom": [{ "key": "seats", "value": 4 }] })
    );
    assert_eq!(
        serde_json::from_slice::<Value>(reply.body()).unwrap(),
        json!(reply.value())
    );
}

#[tokio::test]
async fn calls_can_be_spawned_and_clients_shared() {
    let (fake, client) = start().await;
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
