use std::collections::BTreeSet;

use axum::{
    body::to_bytes,
    http::{Request, header::ALLOW},
};
use serde_json::json;

use super::*;
use crate::Stage;

mod attributes;
mod contacts;
mod customers;
mod identifiers;
mod invoices;
mod notes;

const UUID: &str = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";

/// Sends a request; returns status, body and the header `allow`.
#[tokio::main(flavor = "current_thread")]
async fn ask(shared: &Shared, request: &str, body: &str) -> (u16, Value, String) {
    let (method, uri) = request.split_once(' ').unwrap();
    let (parts, ()) = Request::builder()
        .method(method)
        .uri(uri)
        .body(())
        .unwrap()
        .into_parts();
    let response = handle(shared, &Recorded::new(&parts, body.as_bytes())).await;
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

/// Creates a plan; returns its UUID.
fn plan(shared: &Shared, name: &str) -> String {
    let body = json!({ "data_source_uuid": "ds_1", "name": name, "interval_count": 1, "interval_unit": "month" });
    let (status, plan, _) = ask(shared, "POST /v1/plans", &body.to_string());
    assert_eq!(status, 201, "{plan}");
    plan["uuid"].as_str().unwrap().to_owned()
}

#[test]
fn an_object_exists_from_its_creation_to_its_deletion() {
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
        assert_eq!((status, body), (404, json!({ "error": "Plan not found" })));
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
    assert_eq!(
        none,
        json!({ "plans": [], "current_page": 1, "total_pages": 0, "cursor": null, "has_more": false })
    );
}

#[test]
fn a_first_page_has_the_fields_from_before_cursors() {
    let shared = strict();
    for name in ["A", "B", "C"] {
        plan(&shared, name);
    }
    let sample = shared.state.collection("customers").insert_sample("cus_1").unwrap();
    let email = sample["email"].as_str().unwrap();
    for (path, expected) in [
        ("plans?per_page=2", json!({ "current_page": 1, "total_pages": 2 })),
        ("plans", json!({ "current_page": 1, "total_pages": 1 })),
        ("invoices", json!({ "current_page": 1, "total_pages": 0 })),
        (
            "import/customers/cus_1/invoices",
            json!({ "current_page": 1, "total_pages": 0, "customer_uuid": "cus_1" }),
        ),
        (
            "customers",
            json!({ "current_page": 1, "total_pages": 1, "page": 1, "per_page": 200 }),
        ),
        (
            "customers?external_id=x",
            json!({ "current_page": 1, "total_pages": 1, "page": 1, "per_page": 200 }),
        ),
        (
            &format!("customers/search?per_page=1&email={email}"),
            json!({ "current_page": 1, "total_pages": null, "page": 1, "per_page": 1 }),
        ),
        ("opportunities", json!({})),
    ] {
        let (_, mut page, _) = ask(&shared, &format!("GET /v1/{path}"), "");
        let list = page.as_object_mut().unwrap();
        list.retain(|name, value| !value.is_array() && !["cursor", "has_more"].contains(&name.as_str()));
        assert_eq!(page, expected, "{path}");
    }
    let (_, first, _) = ask(&shared, "GET /v1/plans?per_page=2", "");
    let cursor = serde_urlencoded::to_string([("cursor", first["cursor"].as_str().unwrap())]).unwrap();
    let (_, next, _) = ask(&shared, &format!("GET /v1/plans?per_page=2&{cursor}"), "");
    let names: BTreeSet<_> = next.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["cursor", "has_more", "plans"]));
}

#[test]
fn all_problems_of_a_body_are_reported() {
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

    // Right types, but outside of the limits.
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
fn an_empty_group_is_rejected_as_recorded() {
    let (name, plans) = ("Name can't be blank", "Plan ids can't be blank");
    let expected = json!({
        "name": [name], "plan_ids": [plans],
        "error_details": [
            { "param": "name", "code": "blank", "message": name },
            { "param": "plan_ids", "code": "blank", "message": plans },
        ],
    });
    let (status, error, _) = ask(&strict(), "POST /v1/plan_groups", "{}");
    assert_eq!((status, error), (422, expected));
}

#[test]
fn mutually_exclusive_fields_are_named_in_words() {
    let merge = json!({ "from": {}, "into": { "customer_uuid": "cus_1" } });
    let (status, error, _) = ask(&strict(), "POST /v1/customers/merges", &merge.to_string());
    assert_eq!(
        (status, &error["param"]),
        (400, &json!("from[customer_uuid]")),
        "{error}"
    );
    let message = "Exactly one of these must be given: customer_uuid or data_source_uuid with external_id";
    assert_eq!(error["message"], json!(message));

    let note = json!({ "type": "note" });
    let (status, error, _) = ask(&strict(), "POST /v1/notes", &note.to_string());
    assert_eq!((status, &error["param"]), (400, &json!("customer_uuid")), "{error}");
    let message = "Exactly one of these must be given: customer_uuid or associated_object_identifier";
    assert_eq!(error["message"], json!(message));
}

#[test]
fn an_error_lists_all_allowed_forms_of_a_value() {
    let task =
        json!({ "customer_uuid": "cus_1", "task_details": "x", "assignee": "a@example.com", "due_date": "soon" });
    let (_, error, _) = ask(&strict(), "POST /v1/tasks", &task.to_string());
    let forms = "a day such as 2026-01-31 or an instant such as 2026-01-31T12:00:00Z";
    assert_eq!(
        error["message"],
        json!(format!("Parameter \"due_date\" is malformed: must be {forms}"))
    );
}

#[test]
fn a_body_that_is_no_object_is_rejected() {
    let shared = strict();
    for (body, message) in [
        ("", "The body is empty"),
        (" \n", "The body is empty"),
        ("{", "The body is not JSON (line 1, column 1)"),
        ("{\n \"a\": b}", "The body is not JSON (line 2, column 7)"),
        ("[]", "The body must be an object"),
    ] {
        let (status, error, _) = ask(&shared, "POST /v1/plans", body);
        assert_eq!((status, &error["message"]), (400, &json!(message)), "{body}");
    }
    assert_eq!(ask(&shared, "GET /v1/plans", "{}").0, 200, "as the Ruby SDK sends it");
    assert_eq!(ask(&shared, "GET /v1/plans", r#"{"a":1}"#).0, 400);
    let (status, error, _) = ask(&shared, "PATCH /v1/plans/pl_1", "{}");
    assert_eq!(
        (status, &error["message"]),
        (400, &json!("The body has no known field"))
    );
}

#[test]
fn an_invalid_query_is_rejected_with_the_parameter() {
    let shared = strict();
    for (query, param) in [
        ("opportunities?per_page=0", "per_page"),
        ("opportunities?per_page=", "per_page"),
        ("opportunities?per_page=ten", "per_page"),
        ("opportunities?cursor=x", "cursor"),
        ("opportunities?owner=", "owner"),
        ("opportunities?owner=a&owner=b", "owner"),
        ("opportunities?owner=sales", "owner"),
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
fn only_known_values_of_an_enum_are_accepted() {
    for (request, body, field, must_be) in [
        (
            "POST /v1/plans",
            json!({ "data_source_uuid": "ds_1", "name": "N", "interval_count": 1, "interval_unit": "week" }),
            "interval_unit",
            "must be day, month or year",
        ),
        (
            "POST /v1/notes",
            json!({ "customer_uuid": "cus_1", "type": "letter" }),
            "type",
            "must be note or call",
        ),
        (
            "PUT /v1/data_sources/ds_1/invoices/INV-1/status",
            json!({ "status": "paid" }),
            "status",
            "must be voided or written_off",
        ),
        (
            "POST /v1/customers/unmerges",
            json!({ "customer_uuid": "cus_1", "data_source_uuid": "ds_1", "external_id": "e", "move_to_new_customer": ["tasks", "x"] }),
            "move_to_new_customer[1]",
            "must be tasks, opportunities or notes",
        ),
    ] {
        let (status, error, _) = ask(&strict(), request, &body.to_string());
        assert_eq!((status, &error[field]), (422, &json!([must_be])), "{request}: {error}");
        let (status, ..) = ask(&Shared::new(true, false), request, &body.to_string());
        assert_ne!(status, 422, "but for a lenient fake: {request}");
    }
    let (status, error, _) = ask(&strict(), "GET /v1/customers?status=active", "");
    assert_eq!((status, &error["param"]), (400, &json!("status")));
    assert_eq!(
        ask(&Shared::new(true, false), "GET /v1/customers?status=active", "").0,
        200
    );
}

#[test]
fn a_key_can_be_checked() {
    let (status, pong, _) = ask(&strict(), "GET /v1/ping", "");
    assert_eq!((status, pong), (200, json!({ "data": "pong!" })));
    assert_ne!(ask(&strict(), "POST /v1/ping", "").0, 200);
}

#[test]
fn the_error_for_an_unknown_operation_names_the_nearest_one() {
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
    for (request, status, allow) in [
        ("PUT /v1/plans/pl_1", 405, "DELETE, GET, PATCH"),
        ("DELETE /v1/plans", 405, "GET, POST"),
        ("POST /v1/import/customers/invoices", 405, ""),
        ("POST /v1/import/customers//invoices", 405, ""),
        ("POST /v1/customers/contacts", 405, "DELETE, GET, PATCH"),
        ("PUT /v1/customers/search", 405, "GET"),
        ("PUT /v1/import/customers/invoices", 404, ""),
        ("GET /v1/plans/", 404, ""),
        ("POST /v1/customers/merges/", 404, ""),
        // These are read as identifiers of customers.
        ("GET /v1/customers/merges", 404, ""),
        ("DELETE /v1/customers/search", 404, ""),
    ] {
        let (given, body, allowed) = ask(&shared, request, "");
        assert_eq!((given, allowed.as_str()), (status, allow), "{request}: {body}");
    }
    let (_, body, _) = ask(&shared, "DELETE /v1/customers/search", "");
    assert_eq!(body["message"], json!("Customer \"search\" does not exist"));
    let (status, body, _) = ask(&shared, "GET /v1/plans/%ff", "");
    assert_eq!((status, &body["error"]), (404, &json!("Plan not found")));
}

#[test]
fn an_invalid_object_is_rejected_unless_it_is_inserted_unchecked() {
    let shared = strict();
    let plans = shared.state.collection("plans");
    let mut odd = plans.insert_sample("pl_1").unwrap();
    odd["interval_count"] = "one".into();
    let refused = plans.insert(odd.clone()).unwrap_err().to_string();
    assert_eq!(
        refused,
        "the object does not match the document: interval_count: must be an integer"
    );
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
        unknown.starts_with("there is no collection \"plan\"; there are "),
        "{unknown}"
    );
}

/// A request with the document's examples; also stores the object that it needs.
fn example_of(operation: &Operation, shared: &Shared) -> (String, String) {
    let mut path = operation.path.to_owned();
    let query: Map<_, _> = operation
        .query
        .iter()
        .filter(|parameter| parameter.required)
        .map(|parameter| (parameter.name.to_owned(), parameter.example.clone()))
        .collect();
    let of_customers = document()
        .operations
        .iter()
        .filter(|read| read.tag == "customers" && read.method == "GET");
    for example in of_customers.map(|read| read.success.example) {
        let entries = example["entries"].as_array().into_iter().flatten();
        for customer in entries.chain([example]) {
            let _ = shared.state.collection("customers").insert(customer.clone());
        }
    }
    // Attributes belong to customers.
    let tag = if operation.tag == "attributes" {
        "customers"
    } else {
        operation.tag
    };
    if let Some(kind) = document().collections.get(tag) {
        let collection = shared.state.collection(tag);
        let mut object = kind.example.clone();
        for name in &operation.identified_by {
            object[*name] = query[*name].clone();
        }
        let _ = collection.insert(object.clone());
        let mut key = kind.example[kind.key].as_str().unwrap();
        while let Some(start) = path.find('{') {
            let end = path.find('}').unwrap();
            object[kind.key] = key.into();
            // `{invoice_external_id}` is the field `external_id`.
            for (name, value) in object.as_object_mut().unwrap() {
                if path[..end].ends_with(&format!("_{name}")) {
                    *value = key.into();
                }
            }
            let _ = collection.insert(object.clone());
            path.replace_range(start..=end, key);
            key = "another";
        }
    }
    // An operation without its own objects needs a customer.
    for parameter in &operation.parameters {
        let example = parameter.example.as_str().unwrap_or_default();
        path = path.replace(&format!("{{{}}}", parameter.name), example);
    }
    let query: Vec<_> = query
        .iter()
        .map(|(name, value)| (name, value.as_str().unwrap()))
        .collect();
    let request = format!(
        "{} {path}?{}",
        operation.method,
        serde_urlencoded::to_string(query).unwrap()
    );
    let body = operation.body.as_ref();
    (request, body.map_or(String::new(), |body| body.example.to_string()))
}

#[test]
fn a_uuid_in_capitals_is_the_same() {
    let mut found = 0;
    for operation in document()
        .operations
        .iter()
        .filter(|operation| operation.method == "GET")
    {
        let ids = operation
            .query
            .iter()
            .filter(|parameter| parameter.name.ends_with("uuid"));
        for parameter in ids {
            let shared = strict();
            let (request, _) = example_of(operation, &shared);
            let uuid = parameter.example.as_str().unwrap();
            let list = |uuid: &str| ask(&shared, &format!("{request}{}={uuid}", parameter.name), "");
            let (status, small, _) = list(uuid);
            assert_eq!(
                (status, &small),
                (200, &list(&uuid.to_uppercase()).1),
                "{request} {}",
                parameter.name
            );
            let entries = small.as_object().unwrap().values().filter_map(Value::as_array);
            found += entries.map(Vec::len).sum::<usize>();
        }
    }
    assert!(found > 0);
    // In a body and in a path: it is stored in lower case.
    let shared = strict();
    let customer = "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3";
    let path = format!("POST /v1/customers/{}/contacts", customer.to_uppercase());
    assert_eq!(
        ask(&shared, &path, r#"{"data_source_uuid":"ds_1"}"#).1["customer_uuid"],
        customer
    );
    let body = json!({ "customer_uuid": customer.to_uppercase(), "type": "note" });
    assert_eq!(
        ask(&shared, "POST /v1/notes", &body.to_string()).1["customer_uuid"],
        customer
    );
    let listed = ask(&shared, &format!("GET /v1/notes?customer_uuid={customer}"), "").1;
    assert_eq!(listed["entries"].as_array().map(Vec::len), Some(1));
}

/// Every response is checked against the document.
#[test]
fn every_operation_returns_its_documented_success() {
    for operation in &document().operations {
        let shared = strict();
        let (request, body) = example_of(operation, &shared);
        let (status, body, _) = ask(&shared, &request, &body);
        assert!(
            status == operation.success.status || status == 304 || status == 204 && operation.no_content,
            "{request}: {status} {body}"
        );
    }
}

#[test]
fn a_deletion_has_the_body_that_was_recorded_or_none() {
    for (id, expected) in [
        ("delete_contact", 200),
        ("delete_opportunity", 200),
        ("delete_task", 200),
        ("delete_customer_note", 200),
        ("delete_note", 202),
        ("delete_customer", 204),
        ("delete_plan", 204),
    ] {
        let mut all = document().operations.iter();
        let operation = all.find(|operation| operation.id == id).unwrap();
        let shared = strict();
        let (request, body) = example_of(operation, &shared);
        let (status, body, _) = ask(&shared, &request, &body);
        assert_eq!((status, body.is_null()), (expected, expected == 204), "{id}");
    }
}

#[test]
fn repeating_an_idempotent_operation_leaves_the_same_objects() {
    for operation in &document().operations {
        let shared = strict();
        let (request, body) = example_of(operation, &shared);
        ask(&shared, &request, &body);
        let once = objects(&shared);
        let (status, ..) = ask(&shared, &request, &body);
        let is_same = once == objects(&shared);
        assert!(is_same || !operation.idempotent, "{request}");
        // An object with a unique identifier is rejected the second time.
        assert!(
            !is_same || operation.action != Action::Create || status == 422,
            "{request}"
        );
    }
}

/// All stored objects, without the times of their last changes.
fn objects(shared: &Shared) -> Vec<Value> {
    let kept = document().collections.keys().flat_map(|name| {
        let collection = shared.state.collection(name);
        collection
            .keys()
            .into_iter()
            .filter_map(move |key| shared.state.collection(name).get(&key))
    });
    kept.map(|mut object| {
        object["updated_at"] = Value::Null;
        object
    })
    .collect()
}

#[test]
fn a_response_that_does_not_match_the_document_is_a_fault() {
    let operation = document()
        .operations
        .iter()
        .find(|operation| operation.id == "get_plan")
        .unwrap();
    let plan = document().collections["plans"].example.to_string();
    for (status, body, problem) in [
        (200, plan.as_str(), None),
        (418, "", Some("the status 418")),
        (
            200,
            "",
            Some("what is not JSON: EOF while parsing a value at line 1 column 0"),
        ),
        (404, r#"{"wrong":1}"#, Some("wrong: must be an array")),
    ] {
        assert_eq!(
            operation.problem(status, body.as_bytes()).as_deref(),
            problem,
            "{status} {body}"
        );
    }
    let odd = plan.replace(r#""Team""#, "1");
    assert_eq!(
        operation.problem(200, odd.as_bytes()).as_deref(),
        Some("name: must be a string")
    );
    let delete = document()
        .operations
        .iter()
        .find(|operation| operation.id == "delete_plan")
        .unwrap();
    assert_eq!(
        delete.problem(204, b"{}").as_deref(),
        Some("a body with the status 204")
    );

    // Whatever the source of the response: here it is the store.
    let shared = strict();
    shared.state.store("plans", |store| store.put("pl_1", Object::new()));
    for request in ["GET /v1/plans/pl_1", "GET /v1/plans"] {
        let (status, body, _) = ask(&shared, request, "");
        let message = body["message"].as_str().unwrap_or_default();
        assert_eq!(status, 500);
        assert!(
            message.starts_with("chartmogul-fake: the document does not allow this response: "),
            "{body}"
        );
    }
}
