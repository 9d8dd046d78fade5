//! Rules about invoices that the document describes in words.

use super::*;

const IMPORT: &str = "POST /v1/import/customers/cus_1/invoices";

fn import(items: &Value, transactions: &Value) -> (u16, Value) {
    let invoice = json!({ "external_id": "1", "date": "2026-03-01", "currency": "EUR", "line_items": items, "transactions": transactions });
    let (status, body, _) = ask(&strict(), IMPORT, &json!({ "invoices": [invoice] }).to_string());
    (status, body)
}

fn item(kind: &str, more: &Value) -> Value {
    let mut item = json!({ "type": kind, "amount_in_cents": 100 });
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    item
}

#[test]
fn a_line_item_has_what_its_type_needs() {
    let period = json!({ "plan_uuid": "pl_1", "subscription_external_id": "S", "service_period_start": "2026-03-01" });
    for (kind, missing) in [
        ("one_time", vec![]),
        (
            "subscription",
            vec!["plan_uuid", "service_period_start", "subscription_external_id"],
        ),
        (
            "trial",
            vec![
                "plan_uuid",
                "service_period_end",
                "service_period_start",
                "subscription_external_id",
            ],
        ),
    ] {
        let (status, body) = import(
            &json!([item("one_time", &json!({})), item(kind, &json!({}))]),
            &json!([]),
        );
        let mut named: Vec<_> = body["message"]
            .as_str()
            .unwrap_or_default()
            .split('"')
            .skip(1)
            .step_by(2)
            .collect();
        named.sort_unstable();
        let expected = missing.iter().map(|name| format!("invoices[0][line_items][1][{name}]"));
        assert_eq!(named, expected.collect::<Vec<_>>(), "{kind}: {body}");
        assert_eq!(status, if missing.is_empty() { 201 } else { 400 });
    }
    assert_eq!(import(&json!([item("subscription", &period)]), &json!([])).0, 201);
    assert_eq!(import(&json!([item("trial", &period)]), &json!([])).0, 400);
    let (_, body) = import(
        &json!([item("one_time", &json!({ "subscription_external_id": "S" }))]),
        &json!([]),
    );
    assert!(
        body["invoices"][0]["line_items"][0].get("subscription_uuid").is_none(),
        "{body}"
    );
}

#[test]
fn a_line_item_is_within_the_limits_that_are_documented() {
    for (more, field) in [
        (json!({ "quantity": 0 }), "quantity"),
        (json!({ "account_code": "44 00" }), "account_code"),
        (json!({ "cancelled_at": "9999-01-01" }), "cancelled_at"),
    ] {
        let (status, body) = import(&json!([item("one_time", &more)]), &json!([]));
        let field = format!("invoices[0][line_items][0][{field}]");
        assert!(status == 422 && body[&field].is_array(), "{more}: {body}");
    }
    let fine = json!({ "quantity": -1, "account_code": "4400A", "cancelled_at": "2026-03-20" });
    assert_eq!(import(&json!([item("one_time", &fine)]), &json!([])).0, 201);
}

#[test]
fn payments_do_not_exceed_the_invoice() {
    let part = |kind: &str, result: &str, amount: i64| json!({ "type": kind, "date": "2026-03-01", "result": result, "amount_in_cents": amount });
    let items = json!([
        item("one_time", &json!({})),
        item("one_time", &json!({ "amount_in_cents": 50 }))
    ]);
    let paid = |amounts: [i64; 2]| amounts.map(|amount| part("payment", "successful", amount));
    assert_eq!(import(&items, &json!(paid([100, 50]))).0, 201);
    let (status, body) = import(&items, &json!(paid([100, 51])));
    assert!(
        status == 422 && body["invoices[0][transactions][1][amount_in_cents]"].is_array(),
        "{body}"
    );
    let others = json!([
        part("payment", "successful", 150),
        part("refund", "successful", 150),
        part("payment", "failed", 150)
    ]);
    assert_eq!(import(&items, &others).0, 201);
}

#[test]
fn a_list_of_one_customer_names_it_once() {
    let shared = strict();
    shared.state.collection("invoices").insert_sample("inv_1").unwrap();
    let customer = shared.state.collection("invoices").get("inv_1").unwrap()["customer_uuid"].clone();
    let list = |path: &str| ask(&shared, &format!("GET /v1/{path}"), "").1;
    let of_one = list(&format!("import/customers/{}/invoices", customer.as_str().unwrap()));
    assert!(
        of_one["customer_uuid"] == customer && of_one["invoices"][0].get("customer_uuid").is_none(),
        "{of_one}"
    );
    assert_eq!(list("invoices")["invoices"][0]["customer_uuid"], customer);
}
