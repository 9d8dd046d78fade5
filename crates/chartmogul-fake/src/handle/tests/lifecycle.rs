//! Objects, from their creation to their deletion.

use super::*;

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
