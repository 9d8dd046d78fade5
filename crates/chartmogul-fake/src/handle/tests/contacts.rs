//! Contacts: moves to another customer, and merges.

use super::*;

/// Creates a customer or contact; returns its UUID.
fn new(shared: &Shared, path: &str, fields: &Value) -> String {
    let (status, object, _) = ask(shared, &format!("POST /v1/{path}"), &fields.to_string());
    assert_eq!(status, 201, "{object}");
    object["uuid"].as_str().unwrap().to_owned()
}

fn customer(shared: &Shared, source: &str, id: &str) -> String {
    let fields = json!({ "data_source_uuid": source, "external_id": id, "name": id });
    new(shared, "customers", &fields)
}

fn contact(shared: &Shared, customer: &str) -> String {
    let fields = json!({ "customer_uuid": customer, "data_source_uuid": "ds_1" });
    new(shared, "contacts", &fields)
}

#[test]
fn a_contact_moves_to_the_customer_with_the_identifier_that_is_sent() {
    let shared = strict();
    let first = customer(&shared, "ds_1", "a");
    customer(&shared, "ds_2", "b");
    let second = customer(&shared, "ds_1", "b");
    let path = format!("/v1/contacts/{}", contact(&shared, &first));
    for (sent, uuid, id) in [("unknown", &first, "a"), ("b", &second, "b"), ("unknown", &second, "b")] {
        let update = json!({ "customer_external_id": sent });
        ask(&shared, &format!("PATCH {path}"), &update.to_string());
        let (_, moved, _) = ask(&shared, &format!("GET {path}"), "");
        assert_eq!(
            (&moved["customer_uuid"], &moved["customer_external_id"]),
            (&json!(uuid), &json!(id)),
            "{sent}"
        );
    }
}

#[test]
fn notes_and_tasks_of_a_merged_contact_move_to_the_remaining_one() {
    let shared = strict();
    let customer = customer(&shared, "ds_1", "a");
    let [first, second] = [(); 2].map(|()| contact(&shared, &customer));
    let about = json!({ "associated_object": "contact", "method": "uuid", "value": second });
    let note = json!({ "type": "note", "associated_object_identifier": about });
    let task = json!({
        "associated_object_identifier": about, "task_details": "x", "assignee": "a@example.com",
        "due_date": "2026-01-31T12:00:00",
    });
    for (path, fields) in [("notes", note), ("tasks", task)] {
        assert_eq!(ask(&shared, &format!("POST /v1/{path}"), &fields.to_string()).0, 201);
    }
    let merge = format!("POST /v1/contacts/{first}/merge/{second}");
    assert_eq!(ask(&shared, &merge, "").0, 200);
    for path in ["notes", "tasks"] {
        let (_, list, _) = ask(&shared, &format!("GET /v1/{path}?contact_uuid={first}"), "");
        assert_eq!(list["entries"].as_array().map(Vec::len), Some(1), "{path}: {list}");
    }
}
