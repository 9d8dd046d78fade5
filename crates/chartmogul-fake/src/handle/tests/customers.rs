//! Customers: merges, the primary contact, overrides.

use std::collections::BTreeSet;

use super::*;

/// Creates customers with these data sources and external identifiers, and merges them into the first; returns its UUID.
fn merged(shared: &Shared, parts: &[(&str, &str)]) -> String {
    let uuids = parts.iter().map(|(source, id)| {
        let new = json!({ "data_source_uuid": source, "external_id": id, "name": id });
        let (status, made, _) = ask(shared, "POST /v1/customers", &new.to_string());
        assert_eq!(status, 201, "{made}");
        made["uuid"].as_str().unwrap().to_owned()
    });
    let uuids: Vec<_> = uuids.collect();
    // The last into the one before, and so on: merged customers are merged again.
    for pair in uuids.windows(2).rev() {
        let merge = json!({ "from": { "customer_uuid": pair[1] }, "into": { "customer_uuid": pair[0] } });
        assert_eq!(ask(shared, "POST /v1/customers/merges", &merge.to_string()).0, 202);
    }
    uuids[0].clone()
}

fn unmerge(shared: &Shared, customer: &str, (source, id): (&str, &str)) -> Value {
    let part = json!({ "customer_uuid": customer, "data_source_uuid": source, "external_id": id });
    assert_eq!(ask(shared, "POST /v1/customers/unmerges", &part.to_string()).0, 202);
    let found = ask(
        shared,
        &format!("GET /v1/customers?data_source_uuid={source}&external_id={id}"),
        "",
    )
    .1;
    assert_eq!(found["entries"].as_array().map(Vec::len), Some(1), "{found}");
    found["entries"][0].clone()
}

#[test]
fn a_merged_customer_is_found_by_each_part_and_no_mixture_of_them() {
    let shared = strict();
    let uuid = merged(&shared, &[("ds_1", "a"), ("ds_2", "b")]);
    for (query, found) in [
        ("data_source_uuid=ds_1", 1),
        ("data_source_uuid=ds_2", 1),
        ("external_id=b", 1),
        ("data_source_uuid=ds_2&external_id=b", 1),
        ("data_source_uuid=ds_1&external_id=b", 0),
    ] {
        let (_, page, _) = ask(&shared, &format!("GET /v1/customers?{query}"), "");
        let uuids: Vec<_> = page["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["uuid"])
            .collect();
        assert_eq!(uuids, vec![&json!(uuid); found], "{query}");
    }
}

#[test]
fn a_contact_of_a_merged_customer_is_found_by_each_part() {
    let shared = strict();
    let uuid = merged(&shared, &[("ds_1", "a"), ("ds_2", "b")]);
    let contact = |body: &Value| {
        ask(
            &shared,
            &format!("POST /v1/customers/{uuid}/contacts"),
            &body.to_string(),
        )
        .1
    };
    assert_eq!(
        contact(&json!({ "data_source_uuid": "ds_1" }))["customer_external_id"],
        "a"
    );
    assert_eq!(
        contact(&json!({ "data_source_uuid": "ds_2" }))["customer_external_id"],
        "b"
    );
    for (id, found) in [("a", 2), ("b", 2), ("c", 0)] {
        let (_, page, _) = ask(&shared, &format!("GET /v1/contacts?customer_external_id={id}"), "");
        assert_eq!(page["entries"].as_array().map(Vec::len), Some(found), "{id}");
    }
}

#[test]
fn a_customer_that_was_merged_twice_is_restored() {
    let shared = strict();
    let uuid = merged(&shared, &[("ds_1", "a"), ("ds_2", "b"), ("ds_3", "c"), ("ds_3", "C")]);
    let kept = ask(&shared, &format!("GET /v1/customers/{uuid}"), "").1;
    let mut numbers = BTreeSet::from([kept["id"].as_i64()]);
    let mut urls = BTreeSet::from([kept["chartmogul-url"].to_string()]);
    for part in [("ds_3", "c"), ("ds_2", "b"), ("ds_3", "C")] {
        let own = unmerge(&shared, &uuid, part);
        assert_eq!(own["name"], part.1);
        assert!(
            numbers.insert(own["id"].as_i64()) && urls.insert(own["chartmogul-url"].to_string()),
            "{own}"
        );
    }
}

#[test]
fn an_invoice_is_of_the_part_that_it_names() {
    let shared = strict();
    let uuid = merged(&shared, &[("ds_1", "a"), ("ds_1", "b"), ("ds_2", "c")]);
    let invoice = |number: usize, more: &Value| {
        let mut invoice =
            json!({ "external_id": number.to_string(), "date": "2026-03-01", "currency": "EUR", "line_items": [] });
        invoice
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        invoice
    };
    let invoices = [
        json!({}),
        json!({ "customer_external_id": "b" }),
        json!({ "customer_external_id": "c" }),
        json!({ "data_source_uuid": "ds_2" }),
    ];
    let invoices: Vec<_> = invoices
        .iter()
        .enumerate()
        .map(|(number, more)| invoice(number, more))
        .collect();
    let import = format!("POST /v1/import/customers/{uuid}/invoices");
    let (status, body, _) = ask(&shared, &import, &json!({ "invoices": invoices }).to_string());
    assert_eq!(status, 201, "{body}");
    let listed = |query: &str| {
        let (_, page, _) = ask(&shared, &format!("GET /v1/invoices?{query}"), "");
        let ids = page["invoices"].as_array().unwrap().iter();
        ids.map(|one| one["external_id"].as_str().unwrap().to_owned())
            .collect::<BTreeSet<_>>()
    };
    let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(listed("data_source_uuid=ds_1"), set(&["0", "1"]));
    assert_eq!(listed("data_source_uuid=ds_2"), set(&["2", "3"]));

    let own = unmerge(&shared, &uuid, ("ds_1", "b"));
    let of = |uuid: &Value| listed(&format!("customer_uuid={}", uuid.as_str().unwrap()));
    assert_eq!(
        of(&own["uuid"]),
        set(&["1"]),
        "the other part of this data source keeps its own"
    );
    let own = unmerge(&shared, &uuid, ("ds_2", "c"));
    assert_eq!((of(&own["uuid"]), of(&json!(uuid))), (set(&["2", "3"]), set(&["0"])));
}

#[test]
fn only_the_united_states_have_states() {
    let shared = strict();
    let mut sample = shared.state.collection("customers").insert_sample("cus_1").unwrap();
    let patch = |fields: &str| ask(&shared, "PATCH /v1/customers/cus_1", fields);
    assert_eq!(patch(r#"{"country":"US"}"#).0, 304, "the words of the address stay");
    let (_, moved, _) = patch(r#"{"country":"DE","state":"US-CA"}"#);
    sample["address"]["country"] = "DE".into();
    sample["address"]["state"] = Value::Null;
    assert_eq!((&moved["state"], &moved["address"]), (&Value::Null, &sample["address"]));
}

#[test]
fn the_primary_contact_is_a_contact() {
    let shared = strict();
    let new = json!({ "data_source_uuid": "ds_1", "external_id": "a", "primary_contact": { "first_name": "Pat" } });
    let (_, customer, _) = ask(&shared, "POST /v1/customers", &new.to_string());
    let uuid = customer["uuid"].as_str().unwrap();
    assert!(customer.get("primary_contact").is_none(), "{customer}");
    let contacts = || ask(&shared, &format!("GET /v1/customers/{uuid}/contacts"), "").1["entries"].clone();
    let first = contacts()[0].clone();
    for (name, value) in [
        ("first_name", json!("Pat")),
        ("position", json!(1)),
        ("customer_external_id", json!("a")),
        ("data_source_uuid", json!("ds_1")),
    ] {
        assert_eq!(first[name], value, "{name}");
    }
    ask(
        &shared,
        &format!("POST /v1/customers/{uuid}/contacts"),
        r#"{"data_source_uuid":"ds_1","first_name":"Kim"}"#,
    );

    // An update of the primary contact alone changes the first contact, or creates one.
    let path = format!("PATCH /v1/customers/{uuid}");
    let update = r#"{"primary_contact":{"title":"CFO","external_id":"c"}}"#;
    assert_eq!(ask(&shared, &path, update).0, 200);
    let names: Vec<_> = contacts()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| [one["first_name"].clone(), one["title"].clone()])
        .collect();
    assert_eq!(json!(names), json!([["Kim", null], ["Pat", "CFO"]]));
    shared.state.collection("customers").insert_sample("cus_1").unwrap();
    assert_eq!(ask(&shared, "PATCH /v1/customers/cus_1", update).0, 200);
    let (_, made, _) = ask(&shared, "GET /v1/contacts?external_id=c&customer_uuid=cus_1", "");
    assert_eq!(made["entries"][0]["title"], "CFO");
}

#[test]
fn overrides_are_kept_and_returned_on_request() {
    let shared = strict();
    let new = json!({ "data_source_uuid": "ds_1", "external_id": "a", "overrides": { "company": true, "name": true } });
    let (_, customer, _) = ask(&shared, "POST /v1/customers", &new.to_string());
    let path = format!("/v1/customers/{}", customer["uuid"].as_str().unwrap());
    assert_eq!(customer["overrides"], json!({ "company": true, "name": true }));
    let (_, updated, _) = ask(&shared, &format!("PATCH {path}"), r#"{"overrides":{"company":false}}"#);
    assert_eq!(updated["overrides"], json!({ "company": false, "name": true }));

    let custom = json!({ "custom": [{ "key": "seats", "value": 4 }], "overrides": { "custom": { "seats": true } } });
    let (_, added, _) = ask(&shared, &format!("POST {path}/attributes/custom"), &custom.to_string());
    assert_eq!(
        added,
        json!({ "custom": { "seats": 4 }, "overrides": { "custom": { "seats": true } } })
    );
    let get = |query: &str| ask(&shared, &format!("GET {path}{query}"), "").1["overrides"].clone();
    assert_eq!(
        get("?with_overrides=true"),
        json!({ "company": false, "name": true, "attributes": { "custom": { "seats": true } } })
    );
    assert_eq!(
        get("/attributes?with_overrides=true"),
        json!({ "custom": { "seats": true } })
    );
    for without in ["", "?with_overrides=false", "/attributes"] {
        assert_eq!(get(without), Value::Null, "{without}");
    }
    let (_, page, _) = ask(&shared, "GET /v1/customers", "");
    assert_eq!(page["entries"][0].get("overrides"), None);
    let released = json!({ "custom": ["seats"], "overrides": { "custom": { "seats": false } } });
    let (_, left, _) = ask(
        &shared,
        &format!("DELETE {path}/attributes/custom"),
        &released.to_string(),
    );
    assert_eq!(
        left,
        json!({ "custom": {}, "overrides": { "custom": { "seats": false } } })
    );
}

#[test]
fn deleting_a_customer_returns_no_body() {
    let shared = strict();
    let uuid = merged(&shared, &[("ds_1", "a")]);
    let (status, body, _) = ask(&shared, &format!("DELETE /v1/customers/{uuid}"), "");
    assert_eq!((status, body), (204, Value::Null));
}

#[test]
fn examples_below_an_unknown_customer_are_not_found() {
    let shared = strict();
    let uuid = merged(&shared, &[("ds_1", "a")]);
    for below in ["subscriptions", "activities", "attributes"] {
        let list = |uuid: &str| ask(&shared, &format!("GET /v1/customers/{uuid}/{below}"), "");
        assert_eq!(list(&uuid).0, 200, "{below}");
        let (status, error, _) = list("cus_unknown");
        let message = "Customer \"unknown\" does not exist";
        assert_eq!((status, &error["message"]), (404, &json!(message)), "{below}: {error}");
    }
}

#[test]
fn an_update_may_repeat_the_identifiers_of_a_customer() {
    let shared = strict();
    let path = format!("PATCH /v1/customers/{}", merged(&shared, &[("ds_1", "a")]));
    for (name, id, source) in [("New", "a", "ds_1"), ("Newer", "b", "ds_2")] {
        let update = json!({ "name": name, "external_id": id, "data_source_uuid": source });
        let (status, updated, _) = ask(&shared, &path, &update.to_string());
        assert_eq!((status, &updated["name"]), (200, &json!(name)), "{updated}");
        let identifiers = ["external_id", "data_source_uuid"].map(|name| &updated[name]);
        assert_eq!(identifiers, ["a", "ds_1"]);
    }
}

#[test]
fn an_invalid_address_is_rejected_as_recorded() {
    let shared = strict();
    let uuid = merged(&shared, &[("ds_1", "a")]);
    let (status, error, _) = ask(
        &shared,
        &format!("PATCH /v1/customers/{uuid}"),
        r#"{"name":"A","email":"a.example.com"}"#,
    );
    let message = "The value provided does not appear to be a valid email address.";
    assert_eq!(
        (status, error),
        (422, json!({ "code": 422, "message": message, "param": "email" }))
    );
}

#[test]
fn a_new_customer_is_a_new_lead_in_every_status() {
    let shared = strict();
    let uuid = merged(&shared, &[("ds_1", "a")]);
    let (_, customer, _) = ask(&shared, &format!("GET /v1/customers/{uuid}"), "");
    let statuses = [
        ("lead_status", "New Lead"),
        ("free_subscriber_status", "Never a Free Subscriber"),
        ("trial_subscriber_status", "Never had Trial"),
        ("paid_subscriber_status", "Never a Paid Subscriber"),
    ];
    for (name, status) in statuses {
        assert_eq!(customer[name], status, "{name}");
    }
}
