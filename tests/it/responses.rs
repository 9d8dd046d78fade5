//! Successful responses of all kinds, and the caller's result.

use std::time::Duration;

use chartmogul::{
    Client, Error, Field, Method, Outcome, Retry, Unlimited,
    opportunities::{ForecastCategory, Opportunity, OpportunityType},
};
use chartmogul_fake::Canned;
use chartmogul_tests::{UUID, opportunity, sent::Witness, start};
use serde_json::{Value, json};

async fn update_with(canned: Canned) -> Result<Opportunity, Error> {
    let (fake, client) = start();
    fake.respond_next(canned);
    client.opportunities().update(UUID).amount_in_cents(1).send().await
}

async fn decoded(body: &Value) -> Opportunity {
    update_with(Canned::new(200).json(body.to_string())).await.unwrap()
}

fn with(changes: &Value) -> Value {
    let mut body = opportunity(UUID);
    body.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn unknown_values_and_fields_are_kept() {
    let body = with(&json!({ "type": "arr", "forecast_category": "omitted", "new_field": { "a": [1] }, "extra": 1 }));
    let deal = decoded(&body).await;
    assert_eq!(deal.type_, Field::Value(OpportunityType::Unknown("arr".into())));
    assert_eq!(
        deal.forecast_category,
        Field::Value(ForecastCategory::Unknown("omitted".into()))
    );
    assert!(deal.type_ == "arr");
    assert_eq!(deal.extra["new_field"], json!({ "a": [1] }));
    assert_eq!(json!(deal), body);
}

#[tokio::test]
async fn known_values_have_a_name() {
    let deal = decoded(&with(&json!({ "type": "one-time", "forecast_category": "won" }))).await;
    assert_eq!(deal.type_, Field::Value(OpportunityType::OneTime));
    assert_eq!(deal.forecast_category, Field::Value(ForecastCategory::Won));
}

/// Each field in turn is `null`, missing, or of another type; the other fields are never lost.
#[tokio::test]
async fn one_odd_field_never_spoils_the_rest() {
    let whole = opportunity(UUID);
    for name in whole.as_object().unwrap().keys() {
        for odd in [
            Some(Value::Null),
            None,
            Some(json!([{ "odd": 1 }])),
            Some(json!(-1.5)),
            Some(json!("odd")),
        ] {
            let mut body = whole.clone();
            match &odd {
                Some(value) => body[name] = value.clone(),
                None => drop(body.as_object_mut().unwrap().remove(name)),
            }
            let deal = decoded(&body).await;
            assert_eq!(json!(deal), body, "{name} {odd:?}");
        }
    }
}

#[tokio::test]
async fn null_and_absent_are_not_zero() {
    let deal = decoded(&with(&json!({ "amount_in_cents": null, "custom": null }))).await;
    assert_eq!(deal.amount_in_cents, Field::Null);
    assert_eq!(deal.amount_in_cents.get(), None);
    assert_eq!(deal.custom, Field::Null);
    assert_eq!(deal.pipeline_stage.to_string(), "Discovery");
}

#[tokio::test]
async fn dates_are_dates_and_timestamps_are_instants() {
    let deal = decoded(&with(&json!({ "created_at": "2026-01-10T11:00:00+02:00" }))).await;
    assert_eq!(deal.estimated_close_date, Field::Value("2026-03-31".parse().unwrap()));
    assert_eq!(deal.created_at, Field::Value("2026-01-10T09:00:00Z".parse().unwrap()));
}

#[tokio::test]
async fn integers_beyond_53_bits_are_exact() {
    let body = with(&json!({ "amount_in_cents": i64::MAX, "custom": { "big": 9_007_199_254_740_993_i64 } }));
    let deal = decoded(&body).await;
    assert_eq!(deal.amount_in_cents, Field::Value(i64::MAX));
    assert_eq!(json!(deal), body);
}

#[tokio::test]
async fn the_last_of_two_fields_with_one_name_counts() {
    let deal = update_with(Canned::new(200).json(r#"{"currency":"USD","currency":"EUR","custom":{"a":1,"a":2}}"#))
        .await
        .unwrap();
    assert!(deal.currency == "EUR");
    assert_eq!(json!(deal.custom), json!({ "a": 2 }));
}

#[tokio::test]
async fn any_2xx_is_a_success_decided_by_its_body() {
    let body = opportunity(UUID);
    for status in [200, 201, 202, 203, 226, 299] {
        let deal = update_with(Canned::new(status).json(body.to_string())).await.unwrap();
        assert_eq!(json!(deal), body, "{status}");
    }
    for canned in [
        Canned::new(204),
        Canned::new(200),
        Canned::new(200).json("{}"),
        Canned::new(202).text(" \n"),
    ] {
        let deal = update_with(canned.clone())
            .await
            .unwrap_or_else(|error| panic!("{canned:?}: {error}"));
        assert_eq!(deal, Opportunity::default(), "{canned:?}");
    }
    let deal = update_with(Canned::new(202).json(r#"{"message":"Accepted"}"#))
        .await
        .unwrap();
    assert_eq!(deal.extra["message"], "Accepted");
}

/// A read needs a body.
#[tokio::test]
async fn a_read_without_a_body_is_an_error() {
    let client = |fake: &Witness, retry| {
        let client = Client::builder().api_key(fake.api_key()).base_url(fake.url());
        client.limiter(Unlimited).retry(retry).build().unwrap()
    };
    let quick = || Retry::default().backoff(Duration::from_millis(1), Duration::from_millis(1));
    for canned in [
        Canned::new(200),
        Canned::new(201),
        Canned::new(206),
        Canned::new(204),
        Canned::new(200).json(" \n"),
        Canned::new(200).text("\u{feff}"),
    ] {
        let (fake, _) = start();
        fake.respond_next(canned.clone());
        let error = client(&fake, Retry::never())
            .opportunities()
            .get(UUID)
            .send()
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }), "{canned:?}: {error:?}");
        // An empty response may be one that was truncated at its start, so the read is repeated.
        fake.respond_next(canned.clone());
        let deal = client(&fake, quick()).opportunities().get(UUID).send().await.unwrap();
        assert!(deal.uuid == UUID, "{canned:?}");
        fake.respond_next(canned.clone());
        let found = client(&fake, quick())
            .opportunities()
            .list()
            .items()
            .try_next()
            .await
            .unwrap();
        assert!(found.is_some(), "{canned:?}");
        fake.respond_next(canned.clone());
        let request = || {
            chartmogul::chartmogul_api::Client::request(
                client(&fake, quick()).low_level(),
                Method::GET,
                "/v1/opportunities",
            )
        };
        assert!(
            request()
                .send::<Value>()
                .await
                .unwrap()
                .value()
                .get("entries")
                .is_some()
        );
    }
    let (fake, client) = start();
    for empty in ["{}", " {\n} "] {
        fake.respond_next(Canned::new(200).json(empty));
        let error = client.opportunities().get(UUID).send().await.unwrap_err();
        assert!(matches!(error, Error::Unreadable { .. }), "{error:?}");
    }
    assert_eq!(fake.requests().len(), 2);
    // A write may succeed without a body.
    fake.respond_next(Canned::new(204));
    client.opportunities().delete(UUID).send().await.unwrap();
}

#[tokio::test]
async fn one_odd_value_costs_only_itself() {
    let body = opportunity(UUID)
        .to_string()
        .replace("12000", "1e400")
        .replace("Discovery", r"\ud83d");
    let (fake, client) = start();
    fake.respond_next(Canned::new(200).json(body));
    let deal = client.opportunities().get(UUID).send().await.unwrap();
    assert_eq!(
        deal.pipeline_stage,
        Field::Unexpected(json!({ "(unreadable)": r#""\ud83d""# }))
    );
    assert!(matches!(deal.amount_in_cents, Field::Unexpected(_)));
    assert!(deal.uuid == UUID && deal.win_likelihood == 40);
    assert_eq!(deal.custom.get_i64("seats").unwrap(), Some(3));
}

#[tokio::test]
async fn a_byte_order_mark_does_no_harm() {
    let deal = update_with(Canned::new(200).json(format!("\u{feff}{}", opportunity(UUID))))
        .await
        .unwrap();
    assert!(deal.uuid == UUID);
}

/// The content type is not reliable.
#[tokio::test]
async fn json_is_read_with_any_content_type() {
    let deal = update_with(Canned::new(200).text(opportunity(UUID).to_string()))
        .await
        .unwrap();
    assert!(deal.uuid == UUID);
}

#[tokio::test]
async fn nothing_to_change_is_neither_success_nor_failure() {
    let error = update_with(Canned::new(304)).await.unwrap_err();
    assert!(matches!(error, Error::NotModified(_)), "{error:?}");
    assert!(!error.may_have_happened());

    let (fake, client) = start();
    let update = client.opportunities().update(UUID).amount_in_cents(1);
    fake.respond_next(Canned::new(304));
    assert_eq!(update.clone().outcome().await.unwrap(), Outcome::NotModified);
    assert!(matches!(update.clone().outcome().await.unwrap(), Outcome::Updated(deal) if deal.amount_in_cents == 1));
    fake.respond_next(Canned::new(404));
    assert!(matches!(update.outcome().await, Err(Error::NotFound(_))));
}
