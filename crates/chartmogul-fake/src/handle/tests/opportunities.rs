//! Opportunities: what follows from their stage, and their custom attributes.

use super::*;
use crate::Stage;

#[test]
fn an_opportunity_shows_its_custom_attributes_as_an_object_and_moves_on_with_each_update() {
    let shared = strict();
    shared.state.collection("opportunities").insert_sample(UUID).unwrap();
    let path = format!("PATCH /v1/opportunities/{UUID}");
    let before = shared.state.collection("opportunities").get(UUID).unwrap();
    let (status, after, _) = ask(
        &shared,
        &path,
        r#"{"custom":[{"key":"K","value":9223372036854775807}]}"#,
    );
    assert_eq!(
        (status, &after["custom"]),
        (200, &json!({ "K": 9_223_372_036_854_775_807_u64 }))
    );
    assert_eq!(after["owner"], before["owner"]);
    assert!(after["updated_at"].as_str() > before["updated_at"].as_str());
    for nothing in [
        "{}",
        r#"{"owner":"sales@example.com","custom":[{"key":"K","value":9223372036854775807}]}"#,
    ] {
        assert_eq!(
            ask(&shared, &path, nothing),
            (304, Value::Null, String::new()),
            "{nothing}"
        );
    }
    assert_eq!(shared.state.collection("opportunities").get(UUID), Some(after));
}

/// Creates an opportunity with these fields.
fn deal(shared: &Shared, fields: &Value) -> Value {
    let mut new = json!({
        "customer_uuid": "cus_1", "owner": "a@example.com", "pipeline": "New Business", "pipeline_stage": "Discovery",
        "estimated_close_date": "2026-03-31", "currency": "USD", "amount_in_cents": 1,
    });
    new.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let (status, deal, _) = ask(shared, "POST /v1/opportunities", &new.to_string());
    assert_eq!(status, 201, "{deal}");
    deal
}

#[test]
fn category_and_likelihood_follow_the_stage_unless_they_are_given() {
    let shared = strict();
    shared.state.set_stage(Stage {
        pipeline: "Partners",
        name: "Discovery",
        forecast_category: "best_case",
        win_likelihood: 55,
    });
    let follows = |deal: &Value| {
        (
            deal["forecast_category"].as_str().unwrap().to_owned(),
            deal["win_likelihood"].as_i64().unwrap(),
        )
    };
    for (fields, category, likelihood) in [
        (json!({}), "pipeline", 10),
        (json!({ "pipeline_stage": "Closed Won" }), "won", 100),
        (json!({ "pipeline": "Partners" }), "best_case", 55),
        (json!({ "pipeline_stage": "of our own" }), "pipeline", 10),
        (
            json!({ "win_likelihood": 20, "pipeline_stage": "Verbal Commit" }),
            "committed",
            20,
        ),
    ] {
        assert_eq!(
            follows(&deal(&shared, &fields)),
            (category.to_owned(), likelihood),
            "{fields}"
        );
    }

    let new = deal(&shared, &json!({ "win_likelihood": 20 }));
    let path = format!("PATCH /v1/opportunities/{}", new["uuid"].as_str().unwrap());
    for (fields, category, likelihood) in [
        (r#"{"amount_in_cents":2}"#, "pipeline", 20),
        (r#"{"pipeline_stage":"Discovery","amount_in_cents":3}"#, "pipeline", 20), // it was in this stage before
        (r#"{"pipeline_stage":"Negotiation","win_likelihood":1}"#, "best_case", 1),
        (r#"{"pipeline_stage":"Closed Lost"}"#, "lost", 0),
        (
            r#"{"pipeline":"Partners","pipeline_stage":"Discovery"}"#,
            "best_case",
            55,
        ),
    ] {
        let (_, updated, _) = ask(&shared, &path, fields);
        assert_eq!(follows(&updated), (category.to_owned(), likelihood), "{fields}");
    }
}

#[test]
fn custom_attributes_come_back_exactly_but_for_instants() {
    let shared = strict();
    let new = deal(
        &shared,
        &json!({ "custom": [
        { "key": "at", "value": "2026-01-31T12:00:00+03:00" },
        { "key": "spaced", "value": "2026-01-31 12:00:00 +0300" },
        { "key": "day", "value": "2026-01-31" },
    ] }),
    );
    let instant = "2026-01-31T09:00:00.000Z";
    assert_eq!(
        new["custom"],
        json!({ "at": instant, "spaced": instant, "day": "2026-01-31" })
    );

    let (uuid, large) = (new["uuid"].as_str().unwrap(), "340282366920938463463374607431768211456");
    let (parts, ()) = Request::patch(format!("/v1/opportunities/{uuid}"))
        .body(())
        .unwrap()
        .into_parts();
    let body = format!(r#"{{"custom":[{{"key":"large","value":{large}}}]}}"#);
    let response = text(&shared, &Recorded::new(&parts, body.as_bytes()));
    assert!(
        response.contains(&format!(r#""custom":{{"large":{large}}}"#)),
        "{response}"
    );
    let kept = shared.state.collection("opportunities").get(uuid).unwrap();
    assert_eq!(kept["custom"]["large"].as_f64(), Some(2_f64.powi(128)));

    let body = format!(r#"{{"amount_in_cents":{large}}}"#);
    let (status, error, _) = ask(&shared, &format!("PATCH /v1/opportunities/{uuid}"), &body);
    assert_eq!(
        (status, &error["amount_in_cents"]),
        (422, &json!(["must be a number of 64 bits"]))
    );
    let (status, _, _) = ask(
        &shared,
        &format!("PATCH /v1/opportunities/{uuid}"),
        &format!(r#"{{"owner":{large}}}"#),
    );
    assert_eq!(status, 400);
}

#[tokio::main(flavor = "current_thread")]
async fn text(shared: &Shared, request: &Recorded) -> String {
    let body = to_bytes(handle(shared, request).await.into_body(), usize::MAX)
        .await
        .unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}
