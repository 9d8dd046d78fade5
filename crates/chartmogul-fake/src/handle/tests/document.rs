//! Objects and responses are those of the document.

use super::*;

#[test]
fn a_key_can_be_checked() {
    let (status, pong, _) = ask(&strict(), "GET /v1/ping", "");
    assert_eq!((status, pong), (200, json!({ "data": "pong!" })));
    assert_ne!(ask(&strict(), "POST /v1/ping", "").0, 200);
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
