//! External identifiers are unique in their data source.

use super::*;

fn refused(shared: &Shared, request: &str, body: &Value, field: &str) {
    let (status, error, _) = ask(shared, request, &body.to_string());
    let errors = error["errors"]
        .as_object()
        .map(|errors| errors.keys().collect::<Vec<_>>());
    assert_eq!(
        (status, errors),
        (422, Some(vec![&field.to_owned()])),
        "{request} {body}: {error}"
    );
}

#[test]
fn a_plan_has_a_unique_identifier_in_its_data_source() {
    let shared = strict();
    let plan = |source: &str, id: &str| json!({ "data_source_uuid": source, "external_id": id, "name": "N", "interval_count": 1, "interval_unit": "month" });
    let create = |plan: &Value| ask(&shared, "POST /v1/plans", &plan.to_string());
    for (source, id) in [("ds_1", "a"), ("ds_1", "A"), ("ds_1", "b"), ("ds_2", "a")] {
        assert_eq!(create(&plan(source, id)).0, 201, "{source} {id}");
    }
    refused(&shared, "POST /v1/plans", &plan("ds_1", "a"), "external_id");
    let (_, made, _) = create(&plan("ds_1", "c"));
    let path = format!("PATCH /v1/plans/{}", made["uuid"].as_str().unwrap());
    refused(&shared, &path, &json!({ "external_id": "b" }), "external_id");
    assert_eq!(
        ask(&shared, &path, r#"{"external_id":"c","name":"M"}"#).0,
        202,
        "its own"
    );
}

#[test]
fn a_customer_has_a_unique_identifier_after_a_merge_too() {
    let shared = strict();
    let new = |source: &str, id: &str| json!({ "data_source_uuid": source, "external_id": id });
    for (source, id) in [("ds_1", "a"), ("ds_2", "b"), ("ds_2", "a")] {
        assert_eq!(ask(&shared, "POST /v1/customers", &new(source, id).to_string()).0, 201);
    }
    let merge = json!({ "from": new("ds_2", "b"), "into": new("ds_1", "a") });
    assert_eq!(ask(&shared, "POST /v1/customers/merges", &merge.to_string()).0, 202);
    refused(&shared, "POST /v1/customers", &new("ds_2", "b"), "external_id");
    assert_eq!(ask(&shared, "POST /v1/customers", &new("ds_1", "b").to_string()).0, 201);
}

#[test]
fn parts_of_an_invoice_have_unique_identifiers() {
    let shared = strict();
    let import = "POST /v1/import/customers/cus_1/invoices";
    let item = |id: &str| json!({ "type": "one_time", "amount_in_cents": 1, "external_id": id });
    let payment =
        |id: &str| json!({ "type": "payment", "date": "2026-03-01", "result": "successful", "external_id": id });
    let invoices = |source: &str, invoices: &[(&str, Vec<Value>, Vec<Value>)]| {
        let invoices = invoices.iter().map(|(id, items, transactions)| {
            json!({ "external_id": id, "date": "2026-03-01", "currency": "EUR", "data_source_uuid": source,
                "line_items": items, "transactions": transactions })
        });
        json!({ "invoices": invoices.collect::<Vec<_>>() })
    };
    let first = [("1", vec![item("1"), item("2")], vec![payment("1")])];
    assert_eq!(ask(&shared, import, &invoices("ds_1", &first).to_string()).0, 201);
    assert_eq!(
        ask(&shared, import, &invoices("ds_2", &first).to_string()).0,
        201,
        "of another data source"
    );
    for (sent, field) in [
        (vec![("1", vec![], vec![])], "external_id"),
        (vec![("3", vec![], vec![]), ("3", vec![], vec![])], "external_id"),
        (vec![("3", vec![item("2")], vec![])], "line_items.external_id"),
        (
            vec![("3", vec![item("3"), item("3")], vec![])],
            "line_items.external_id",
        ),
        (
            vec![("3", vec![], vec![payment("3")]), ("4", vec![], vec![payment("3")])],
            "transactions.external_id",
        ),
    ] {
        refused(&shared, import, &invoices("ds_1", &sent), field);
    }
    assert_eq!(
        shared.state.collection("invoices").len(),
        2,
        "all of a request, or none"
    );
}

#[test]
fn a_subscription_is_of_a_data_source() {
    let shared = strict();
    let subscription = |source: &str, number: u8, id: &str| {
        let item = json!({ "type": "subscription", "amount_in_cents": 1, "plan_uuid": "pl_1", "subscription_external_id": id,
            "service_period_start": "2026-03-01" });
        let invoice = json!({ "external_id": number.to_string(), "date": "2026-03-01", "currency": "EUR",
            "data_source_uuid": source, "line_items": [item] });
        let (status, made, _) = ask(
            &shared,
            "POST /v1/import/customers/cus_1/invoices",
            &json!({ "invoices": [invoice] }).to_string(),
        );
        assert_eq!(status, 201, "{made}");
        made["invoices"][0]["line_items"][0]["subscription_uuid"].clone()
    };
    let first = subscription("ds_1", 1, "S");
    assert_eq!(subscription("ds_1", 2, "S"), first);
    assert_ne!(subscription("ds_2", 3, "S"), first);
    assert_ne!(subscription("ds_1", 4, "s"), first);
}
