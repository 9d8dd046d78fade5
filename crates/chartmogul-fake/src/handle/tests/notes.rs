//! Notes, call logs, and their old path.

use super::*;

fn note(shared: &Shared, path: &str, fields: &Value) -> Value {
    let (status, note, _) = ask(shared, &format!("POST /v1/{path}"), &fields.to_string());
    assert_eq!(status, 201, "{note}");
    note
}

#[test]
fn a_deletion_says_what_was_deleted() {
    for (path, kind, message) in [
        ("notes", "note", json!({ "message": "Note deleted" })),
        ("notes", "call", json!({ "message": "Call log deleted" })),
        ("customer_notes", "call", json!({})),
    ] {
        let shared = strict();
        let note = note(&shared, path, &json!({ "customer_uuid": "cus_1", "type": kind }));
        let request = format!("DELETE /v1/{path}/{}", note["uuid"].as_str().unwrap());
        assert_eq!(ask(&shared, &request, "").1, message, "{path} {kind}");
    }
}

#[test]
fn the_old_path_knows_customers_only() {
    let shared = strict();
    let on_contact = json!({ "associated_object": "contact", "method": "uuid", "value": "con_1" });
    note(
        &shared,
        "notes",
        &json!({ "type": "note", "associated_object_identifier": on_contact }),
    );
    let of_customer = note(&shared, "notes", &json!({ "type": "note", "customer_uuid": "cus_1" }));
    assert_eq!(of_customer["associated_object_uuid"], "cus_1");
    let count = |path: &str| {
        ask(&shared, &format!("GET /v1/{path}"), "").1["entries"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((count("notes"), count("customer_notes")), (2, 1));
    let uuid = of_customer["uuid"].as_str().unwrap();
    let listed = ask(&shared, "GET /v1/customer_notes", "").1["entries"][0].clone();
    let read = ask(&shared, &format!("GET /v1/customer_notes/{uuid}"), "").1;
    let path = format!("PATCH /v1/customer_notes/{uuid}");
    let updated = ask(&shared, &path, r#"{"text":"new"}"#).1;
    for old in [&listed, &read, &updated] {
        assert!(old["uuid"] == uuid && old["customer_uuid"] == "cus_1", "{old}");
        assert!(
            old.get("associated_object").is_none() && old.get("associated_object_uuid").is_none(),
            "{old}"
        );
    }
}

#[test]
fn times_that_are_sent_are_kept_and_are_in_the_past() {
    let shared = strict();
    let times = json!({ "created_at": "2026-01-10T09:00:00Z", "updated_at": "2026-01-11T09:00:00Z" });
    let mut new = times.clone();
    new["customer_uuid"] = "cus_1".into();
    new["type"] = "note".into();
    let made = note(&shared, "notes", &new);
    let at = |note: &Value| ["created_at", "updated_at"].map(|name| note[name].as_str().unwrap().to_owned());
    assert_eq!(at(&made), ["2026-01-10T09:00:00.000Z", "2026-01-11T09:00:00.000Z"]);
    let path = format!("PATCH /v1/notes/{}", made["uuid"].as_str().unwrap());
    let (_, updated, _) = ask(&shared, &path, r#"{"text":"new","updated_at":"2026-01-12T09:00:00Z"}"#);
    assert_eq!(at(&updated), ["2026-01-10T09:00:00.000Z", "2026-01-12T09:00:00.000Z"]);
    let (status, error, _) = ask(&shared, &path, r#"{"updated_at":"9999-01-12T09:00:00Z"}"#);
    assert_eq!((status, &error["updated_at"]), (422, &json!(["must be in the past"])));
}
