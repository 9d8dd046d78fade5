//! The types of custom attributes.

use super::*;

const SAMPLE: &str = "cus_8f1d6a52-3b0e-4c55-9d7a-2e6c1b90a4f3";

fn with_customer(lenient: bool) -> Shared {
    let shared = Shared::new(lenient, false);
    shared.state.collection("customers").insert_sample(SAMPLE).unwrap();
    shared
}

fn add(shared: &Shared, custom: &Value) -> (u16, Value) {
    let request = format!("POST /v1/customers/{SAMPLE}/attributes/custom");
    let (status, body, _) = ask(shared, &request, &json!({ "custom": custom }).to_string());
    (status, body)
}

#[test]
fn a_value_is_of_the_type_that_it_names() {
    let at = "2026-01-31T09:00:00.000Z";
    for (ty, sent, stored) in [
        (
            "String",
            json!("2026-01-31T12:00:00+03:00"),
            json!("2026-01-31T12:00:00+03:00"),
        ),
        ("Timestamp", json!("2026-01-31T12:00:00+03:00"), json!(at)),
        ("Timestamp", json!("2026-01-31 09:00:00 UTC"), json!(at)),
        ("Timestamp", json!("2026-01-31"), json!("2026-01-31T00:00:00.000Z")),
        ("Integer", json!(4), json!(4)),
        ("Integer", json!(1_u64 << 63), json!(1_u64 << 63)),
        ("Decimal", json!(4), json!(4)),
        ("Decimal", json!(0.5), json!(0.5)),
        ("Boolean", json!(true), json!(true)),
        ("Boolean", json!("t"), json!(true)),
        ("Boolean", json!("FALSE"), json!(false)),
        ("Boolean", json!(0), json!(false)),
    ] {
        let shared = with_customer(false);
        let (status, body) = add(&shared, &json!([{ "type": ty, "key": "k", "value": sent }]));
        assert_eq!((status, &body["custom"]["k"]), (200, &stored), "{ty} {sent}");
    }
    for (ty, sent, must_be) in [
        ("String", json!(4), "must be a text"),
        ("String", json!(["a"]), "must be a text"),
        ("Integer", json!("abc"), "must be an integer"),
        ("Integer", json!(0.5), "must be an integer"),
        ("Decimal", json!("0.5"), "must be a number"),
        (
            "Timestamp",
            json!("someday"),
            "must be an instant such as 2026-01-31T12:00:00Z",
        ),
        ("Timestamp", json!(4), "must be an instant such as 2026-01-31T12:00:00Z"),
        ("Boolean", json!("yes"), "must be true or false"),
        ("Boolean", json!(2), "must be true or false"),
    ] {
        let shared = with_customer(false);
        let right = json!({ "type": "Integer", "key": "right", "value": 1 });
        let (status, body) = add(&shared, &json!([right, { "type": ty, "key": "k", "value": sent }]));
        let message = format!("Parameter \"custom[1][value]\" is malformed: {must_be}");
        assert_eq!(
            (status, &body["message"], &body["param"]),
            (400, &json!(message), &json!("custom[1][value]")),
            "{ty} {sent}"
        );
        let kept = shared.state.collection("customers").get(SAMPLE).unwrap();
        assert_eq!(
            kept["attributes"]["custom"],
            json!({ "seats": 4 }),
            "nothing of it is kept"
        );
    }
}

#[test]
fn an_attribute_keeps_its_type_wherever_it_is_set() {
    let shared = with_customer(false);
    let new = json!({ "data_source_uuid": "ds_1", "external_id": "new", "attributes": { "custom": [
        { "type": "String", "key": "code", "value": "2026-01-31T12:00:00Z" }, { "type": "Integer", "key": "Code", "value": 1 },
    ] } });
    let (status, created, _) = ask(&shared, "POST /v1/customers", &new.to_string());
    assert_eq!(
        (status, &created["attributes"]["custom"]),
        (201, &json!({ "code": "2026-01-31T12:00:00Z", "Code": 1 }))
    );

    // For another customer, too: the type belongs to the account.
    let path = format!("/v1/customers/{SAMPLE}");
    let text = json!("2026-02-28T12:00:00Z");
    let put = json!({ "custom": { "code": { "value": text, "source": "crm" } } });
    let (_, body, _) = ask(&shared, &format!("PUT {path}/attributes/custom"), &put.to_string());
    assert_eq!(body["custom"]["code"], text);
    let text = json!("2026-03-31T12:00:00Z");
    let patch = json!({ "attributes": { "custom": { "code": text } } });
    let (_, body, _) = ask(&shared, &format!("PATCH {path}"), &patch.to_string());
    assert_eq!(body["attributes"]["custom"]["code"], text);
    assert_eq!(
        add(&shared, &json!([{ "key": "code", "value": text }])).1["custom"]["code"],
        text
    );

    for (request, body, status, param) in [
        (
            format!("PUT {path}/attributes/custom"),
            json!({ "custom": { "Code": "b" } }),
            400,
            "custom[Code]",
        ),
        (
            format!("PUT {path}/attributes/custom"),
            json!({ "custom": { "bad key!": 1 } }),
            422,
            "custom[bad key!]",
        ),
        (
            format!("PUT {path}/attributes/custom"),
            json!({ "custom": { "code": { "source": "crm" } } }),
            400,
            "custom[code][value]",
        ),
        (
            format!("PATCH {path}"),
            json!({ "attributes": { "custom": { "Code": { "value": true } } } }),
            400,
            "attributes[custom][Code][value]",
        ),
        (
            format!("POST {path}/attributes/custom"),
            json!({ "custom": [{ "key": "code", "value": "a" }, { "key": "code", "type": "Integer", "value": 1 }] }),
            422,
            "custom[1][type]",
        ),
        (
            "POST /v1/customers/attributes/custom".to_owned(),
            json!({ "email": "billing@example.com", "custom": [
                { "key": "twice", "type": "Integer", "value": 1 }, { "key": "twice", "type": "Decimal", "value": 1 },
            ] }),
            422,
            "custom[1][type]",
        ),
    ] {
        let (given, error, _) = ask(&shared, &request, &body.to_string());
        assert_eq!(given, status, "{request} {body}: {error}");
        assert!(
            error["param"] == param || error[param].is_array(),
            "{request} {body}: {error}"
        );
    }
}

#[test]
fn an_unknown_type_is_rejected_as_recorded() {
    let shared = with_customer(false);
    let [right, wrong] = ["Integer", "Color"].map(|ty| json!({ "type": ty, "key": ty, "value": 1 }));
    let error = |param: &str| json!({ "code": 400, "message": "Type is not supported", "param": param });
    assert_eq!(add(&shared, &json!([right, wrong])), (400, error("custom[0][type]")));
    let new = json!({ "data_source_uuid": "ds_1", "external_id": "new", "attributes": { "custom": [wrong] } });
    let (status, body, _) = ask(&shared, "POST /v1/customers", &new.to_string());
    assert_eq!((status, body), (400, error("attributes[custom][0][type]")));
    assert_eq!(
        add(&with_customer(true), &json!([wrong])).0,
        200,
        "but for a lenient fake"
    );
}
