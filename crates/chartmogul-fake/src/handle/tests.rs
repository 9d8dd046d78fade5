use std::collections::BTreeSet;

use axum::{
    body::to_bytes,
    http::{Request, header::ALLOW},
};
use serde_json::json;

use super::*;

const UUID: &str = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";

/// Status, body and the header `allow`.
#[tokio::main(flavor = "current_thread")]
async fn ask(shared: &Shared, request: &str, body: &str) -> (u16, Value, String) {
    let (method, uri) = request.split_once(' ').unwrap();
    let (parts, ()) = Request::builder()
        .method(method)
        .uri(uri)
        .body(())
        .unwrap()
        .into_parts();
    let response = handle(shared, &Recorded::new(&parts, body.as_bytes()));
    let status = response.status().as_u16();
    let allow = response
        .headers()
        .get(ALLOW)
        .map_or("", |allow| allow.to_str().unwrap())
        .to_owned();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default(), allow)
}

fn strict() -> Shared {
    Shared::new(false, false)
}

/// A new plan; its UUID.
fn plan(shared: &Shared, name: &str) -> String {
    let body = json!({ "data_source_uuid": "ds_1", "name": name, "interval_count": 1, "interval_unit": "month" });
    let (status, plan, _) = ask(shared, "POST /v1/plans", &body.to_string());
    assert_eq!(status, 201, "{plan}");
    plan["uuid"].as_str().unwrap().to_owned()
}

#[test]
fn an_object_lives_from_its_creation_to_its_deletion() {
    let shared = strict();
    let uuid = plan(&shared, "Team");
    let expected = json!({
        "uuid": "pl_00000000-0000-4000-8000-000000000001", "external_id": "00000000-0000-4000-8000-000000000001",
        "data_source_uuid": "ds_1", "name": "Team", "interval_count": 1, "interval_unit": "month",
    });
    let path = format!("/v1/plans/{uuid}");
    assert_eq!(ask(&shared, &format!("GET {path}"), "").1, expected);
    assert_eq!(
        ask(&shared, &format!("GET {}", path.replace("pl_", "PL_")), "").0,
        200,
        "capitals are the same"
    );

    let (status, updated, _) = ask(&shared, &format!("PATCH {path}"), r#"{"name":"Crew"}"#);
    assert_eq!(
        (status, &updated["name"], &updated["interval_count"]),
        (202, &json!("Crew"), &json!(1))
    );

    assert_eq!(
        ask(&shared, &format!("DELETE {path}"), ""),
        (204, Value::Null, String::new())
    );
    for method in ["GET", "DELETE"] {
        let (status, body, _) = ask(&shared, &format!("{method} {path}"), "");
        assert_eq!(
            (status, body),
            (
                404,
                json!({ "code": 404, "message": "Plan not found", "param": "uuid" })
            )
        );
    }
    let (status, _, _) = ask(&shared, &format!("PATCH {path}"), r#"{"name":"Crew"}"#);
    assert_eq!(status, 404);
}

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
    assert_eq!(ask(&shared, &path, "{}"), (304, Value::Null, String::new()));
    assert_eq!(shared.state.collection("opportunities").get(UUID), Some(after));
}

#[test]
fn an_opportunity_begins_as_its_stage_says_and_its_instants_are_in_utc() {
    let shared = strict();
    for (stage, category, likelihood) in [("Discovery", "pipeline", 10), ("Closed Won", "won", 100)] {
        let new = json!({
            "customer_uuid": "cus_1", "owner": "a@example.com", "pipeline": "New Business", "pipeline_stage": stage,
            "estimated_close_date": "2026-03-31", "currency": "USD", "amount_in_cents": 1,
            "custom": [{ "key": "at", "value": "2026-01-31T12:00:00+03:00" }, { "key": "day", "value": "2026-01-31" }],
        });
        let (status, deal, _) = ask(&shared, "POST /v1/opportunities", &new.to_string());
        assert_eq!(
            (
                status,
                &deal["forecast_category"],
                &deal["win_likelihood"],
                &deal["type"]
            ),
            (201, &json!(category), &json!(likelihood), &json!("recurring"))
        );
        assert_eq!(
            deal["custom"],
            json!({ "at": "2026-01-31T09:00:00.000Z", "day": "2026-01-31" })
        );
    }
}

#[test]
fn a_group_counts_and_lists_its_plans() {
    let shared = strict();
    let (first, second) = (plan(&shared, "A"), plan(&shared, "B"));
    plan(&shared, "C");
    let body = json!({ "name": "G", "plans": [first, second, "pl_unknown"] });
    let (status, group, _) = ask(&shared, "POST /v1/plan_groups", &body.to_string());
    assert_eq!((status, &group["plans_count"]), (200, &json!(3)));
    let path = format!("/v1/plan_groups/{}", group["uuid"].as_str().unwrap());
    let names = |shared: &Shared| {
        let (_, page, _) = ask(shared, &format!("GET {path}/plans"), "");
        let plans = page["plans"].as_array().unwrap();
        plans
            .iter()
            .map(|plan| plan["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&shared), ["B", "A"]);
    ask(
        &shared,
        &format!("PATCH {path}"),
        &json!({ "plans": [second] }).to_string(),
    );
    assert_eq!(names(&shared), ["B"]);
    assert_eq!(ask(&shared, "GET /v1/plan_groups/plg_1/plans", "").0, 404);
}

#[test]
fn a_list_begins_with_the_newest_and_ends_though_it_is_copied() {
    let shared = strict();
    for name in ["A", "B", "C"] {
        plan(&shared, name);
    }
    let (mut names, mut cursor) = (String::new(), String::new());
    loop {
        let (_, page, _) = ask(&shared, &format!("GET /v1/plans?per_page=2{cursor}"), "");
        for one in page["plans"].as_array().unwrap() {
            names += one["name"].as_str().unwrap();
            plan(&shared, "copy");
        }
        if page["has_more"] == false {
            break;
        }
        cursor = format!(
            "&{}",
            serde_urlencoded::to_string([("cursor", page["cursor"].as_str().unwrap())]).unwrap()
        );
    }
    assert_eq!(names, "CBA");
    let (_, none, _) = ask(&shared, "GET /v1/plans?external_id=x", "");
    assert_eq!(none, json!({ "plans": [], "cursor": null, "has_more": false }));
}

#[test]
fn all_that_is_wrong_with_a_body_is_named() {
    let shared = strict();
    let new = json!({
        "customer_uuid": "", "owner": 1, "pipeline": null, "pipeline_stage": "S", "estimated_close_date": "2026-3-1",
        "amount_in_cents": 1.5, "custom": [{ "key": "a b", "value": {} }, { "value": 1 }], "colour": "red",
    });
    let (status, body, _) = ask(&shared, "POST /v1/opportunities", &new.to_string());
    assert_eq!((status, &body["param"]), (400, &json!("currency")));
    let named: BTreeSet<_> = body["message"]
        .as_str()
        .unwrap()
        .split('"')
        .skip(1)
        .step_by(2)
        .collect();
    let expected = [
        "amount_in_cents",
        "colour",
        "currency",
        "custom[0][key]",
        "custom[0][value]",
        "custom[1][key]",
        "customer_uuid",
        "estimated_close_date",
        "owner",
        "pipeline",
    ];
    assert_eq!(named, BTreeSet::from(expected), "{body}");
    assert!(shared.state.collection("opportunities").is_empty());

    // Of the right types, but outside their limits.
    let (status, body, _) = ask(&shared, "POST /v1/plan_groups", r#"{"name":"G","plans":[]}"#);
    assert_eq!((status, &body["plans"]), (422, &json!(["must not be empty"])));
    let path = format!("PATCH /v1/opportunities/{UUID}");
    let (status, body, _) = ask(&shared, &path, r#"{"win_likelihood":101,"currency":"usd"}"#);
    let message = "must be 100 or less";
    assert_eq!((status, &body["win_likelihood"]), (422, &json!([message])));
    let details = body["error_details"].as_array().unwrap();
    assert_eq!(details.len(), 2);
    assert!(
        details.contains(&json!({ "param": "win_likelihood", "code": "invalid", "message": message })),
        "{body}"
    );
}

#[test]
fn what_is_no_object_is_refused() {
    let shared = strict();
    for (body, message) in [
        ("", "The body is not JSON"),
        ("{", "The body is not JSON"),
        ("[]", "The body must be an object"),
    ] {
        let (status, error, _) = ask(&shared, "POST /v1/plans", body);
        assert_eq!(status, 400);
        assert!(error["message"].as_str().unwrap().starts_with(message), "{error}");
    }
    assert_eq!(ask(&shared, "GET /v1/plans", "{}").0, 200, "as the Ruby SDK sends it");
    assert_eq!(ask(&shared, "GET /v1/plans", r#"{"a":1}"#).0, 400);
    let (status, error, _) = ask(&shared, "PATCH /v1/plans/pl_1", "{}");
    assert_eq!(
        (status, &error["message"]),
        (400, &json!("The body has no field that is known"))
    );
}

#[test]
fn a_query_that_does_not_fit_is_refused_and_the_parameter_named() {
    let shared = strict();
    for (query, param) in [
        ("opportunities?per_page=0", "per_page"),
        ("opportunities?per_page=", "per_page"),
        ("opportunities?per_page=ten", "per_page"),
        ("opportunities?cursor=x", "cursor"),
        ("opportunities?owner=", "owner"),
        ("opportunities?owner=a&owner=b", "owner"),
        (
            "opportunities?estimated_close_date_on_or_after=2026-3-1",
            "estimated_close_date_on_or_after",
        ),
        ("opportunities?pipelin=x", "pipelin"),
        (&format!("opportunities/{UUID}?include=all"), "include"),
        ("metrics/mrr?start-date=2026-01-01", "end-date"),
        (
            "metrics/mrr?start-date=2026-01-01&end-date=2026-02-01&geo=US,",
            "geo[1]",
        ),
    ] {
        let (status, body, _) = ask(&shared, &format!("GET /v1/{query}"), "");
        assert_eq!((status, &body["param"]), (400, &json!(param)), "{query}: {body}");
    }
    for query in [
        "opportunities?per_page=100000",
        "metrics/mrr?start-date=2026-01-01&end-date=2026-02-01&geo=US,GB",
    ] {
        assert_eq!(ask(&shared, &format!("GET /v1/{query}"), "").0, 200, "{query}");
    }
}

#[test]
fn a_lenient_fake_ignores_what_is_unknown_and_no_more() {
    let shared = Shared::new(true, false);
    shared.state.collection("opportunities").insert_sample(UUID).unwrap();
    assert_eq!(ask(&shared, "GET /v1/opportunities?pipelin=x", "").0, 200);
    let path = format!("PATCH /v1/opportunities/{UUID}");
    assert_eq!(ask(&shared, &path, r#"{"customer_uuid":"cus_1","owner":null}"#).0, 304);
    assert_eq!(
        ask(&shared, &path, r#"{"custom":[{"key":"a","value":1,"type":"Integer"}]}"#).0,
        200
    );
    assert_eq!(ask(&shared, &path, r#"{"custom":[{"key":"a"}]}"#).0, 400);
    assert_eq!(ask(&shared, "GET /v1/opportunities?per_page=0", "").0, 400);
}

#[test]
fn an_unknown_operation_is_told_the_nearest_one() {
    let shared = strict();
    for (request, nearest) in [
        ("GET /v1/opportunity", "GET /v1/opportunities"),
        ("GET /v1/plan_group", "GET /v1/plan_groups"),
        ("GET /v1/metrics/churn-rate", "GET /v1/metrics/mrr-churn-rate"),
    ] {
        let (status, body, _) = ask(&shared, request, "");
        let message = format!("There is no operation {request}; the nearest is {nearest}");
        assert_eq!(
            (status, body),
            (404, json!({ "code": 404, "message": message, "param": null }))
        );
    }
    let (status, _, allow) = ask(&shared, "PUT /v1/plans/pl_1", "");
    assert_eq!((status, allow.as_str()), (405, "DELETE, GET, PATCH"));
    let (status, body, _) = ask(&shared, "GET /v1/plans/%ff", "");
    assert_eq!((status, &body["message"]), (404, &json!("Plan not found")));
}

#[test]
fn an_object_that_the_document_does_not_allow_is_refused_unless_it_is_wanted() {
    let shared = strict();
    let plans = shared.state.collection("plans");
    let mut odd = plans.insert_sample("pl_1").unwrap();
    odd["interval_count"] = "one".into();
    let refused = plans.insert(odd.clone()).unwrap_err().to_string();
    assert_eq!(refused, "not as the document says: interval_count: must be an integer");
    assert!(plans.insert(Value::Null).is_err() && plans.insert_unchecked(json!({ "name": "x" })).is_err());

    plans.insert_unchecked(odd).unwrap();
    assert_eq!(ask(&shared, "GET /v1/plans/pl_1", "").1["interval_count"], "one");
    assert_eq!(
        ask(&shared, "PATCH /v1/plans/pl_1", r#"{"name":"x"}"#).1["interval_count"],
        "one"
    );
    assert_eq!((plans.keys(), plans.len()), (vec!["pl_1".to_owned()], 1));
    assert!(plans.remove("pl_1") && plans.is_empty());

    let unknown = shared.state.collection("plan").insert_sample("pl_1").unwrap_err();
    let unknown = unknown.to_string();
    assert!(
        unknown.starts_with("there is no collection \"plan\"; there are ") && unknown.contains("plan_groups, plans")
    );
}

#[test]
fn every_operation_is_answered_as_the_document_says() {
    for operation in &document().operations {
        let shared = strict();
        for read in document().operations.iter().filter(|read| read.method == "GET") {
            let example = read.success.example;
            let fields = example.as_object().into_iter().flat_map(Object::values);
            let entries = fields.filter_map(Value::as_array).flatten();
            for object in entries.chain([example]) {
                let _ = shared.state.collection(read.tag).insert(object.clone()); // an error if nothing of the kind is kept
            }
        }
        let mut path = operation.path.to_owned();
        while let (Some(start), Some(end)) = (path.find('{'), path.find('}')) {
            let named = path[start + 1..end].replace("_uuid", "s");
            let collections = &document().collections;
            let kind = collections
                .get(named.as_str())
                .or_else(|| collections.get(operation.tag));
            let kind = kind.unwrap();
            path.replace_range(start..=end, kind.example[kind.key].as_str().unwrap());
        }
        let required = operation.query.iter().filter(|parameter| parameter.required);
        let query: Vec<_> = required
            .map(|parameter| (parameter.name, parameter.example.as_str().unwrap()))
            .collect();
        let request = format!(
            "{} {path}?{}",
            operation.method,
            serde_urlencoded::to_string(query).unwrap()
        );
        let body = operation
            .body
            .as_ref()
            .map_or(String::new(), |body| body.example.to_string());
        let (status, body, _) = ask(&shared, &request, &body);
        assert_eq!(status, operation.success.status, "{request}: {body}");
        if let Some(schema) = operation.success.schema {
            assert_eq!(schema::check(schema, &body), [], "{request}");
        }
    }
}
