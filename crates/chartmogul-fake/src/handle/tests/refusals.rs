//! Requests that are refused, and what is said about them.

use std::collections::BTreeSet;

use super::*;

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
