use http::Method;

use super::*;
use crate::{
    operation::{FieldSchema, Parameter, Pattern, Schema, Text},
    operations,
    runtime::admit,
};

const TEXT: Schema = Schema::Text(&Text {
    min_length: 1,
    ..Text::ANY
});
const CENTS: Schema = Schema::Integer {
    minimum: Some(0),
    maximum: None,
};

const fn field(name: &'static str, schema: Schema) -> FieldSchema {
    FieldSchema {
        name,
        description: "",
        example: None,
        required: false,
        nullable: false,
        replaces_all: false,
        deprecated: None,
        schema,
    }
}

const fn required(name: &'static str, schema: Schema) -> FieldSchema {
    FieldSchema {
        required: true,
        ..field(name, schema)
    }
}

static LINE_ITEM: Object = Object::new("LineItem", &[required("amount_in_cents", CENTS), field("plan", TEXT)]);

static INVOICE: Object = Object::new(
    "Invoice",
    &[
        field("customer_uuid", TEXT),
        field("data_source_uuid", TEXT),
        field("external_id", TEXT),
        field("any", Schema::Any),
        field("paid", Schema::Boolean),
        field(
            "count",
            Schema::Integer {
                minimum: None,
                maximum: Some(5),
            },
        ),
        field(
            "big",
            Schema::Integer {
                minimum: None,
                maximum: None,
            },
        ),
        field("rate", Schema::Number),
        field(
            "name",
            Schema::Text(&Text {
                min_length: 2,
                max_length: 3,
                ..Text::ANY
            }),
        ),
        field(
            "code",
            Schema::Text(&Text {
                pattern: Some(Pattern::new("^(a|b)+$", "the letters a and b")),
                ..Text::ANY
            }),
        ),
        field("id", Schema::Uuid),
        field("due_on", Schema::Date),
        field("at", Schema::Timestamp),
        field(
            "scalar",
            Schema::Scalar(&Text {
                max_length: 3,
                ..Text::ANY
            }),
        ),
        FieldSchema {
            nullable: true,
            ..field("memo", TEXT)
        },
        field(
            "line_items",
            Schema::List {
                items: &Schema::Object(&LINE_ITEM),
                min_items: 1,
            },
        ),
        field("custom", Schema::Map(&TEXT)),
        field("parent", Schema::Object(&UPDATE)),
    ],
);

static UPDATE: Object = Object::new("Update", &[field("a", TEXT), field("b", TEXT)]).not_empty();

static CUSTOMER: Object = Object::new(
    "Customer",
    &[
        field("customer_uuid", TEXT),
        field("data_source_uuid", TEXT),
        field("external_id", TEXT),
    ],
)
.one_of(&[&["customer_uuid"], &["data_source_uuid", "external_id"]]);

static QUERY: Object = Object::new(
    "Query",
    &[required(
        "include",
        Schema::List {
            items: &Schema::Text(&Text::ANY),
            min_items: 0,
        },
    )],
);

fn message_of(result: Result<(), InvalidInput>) -> String {
    result.err().map_or_else(|| "ok".to_owned(), |wrong| wrong.to_string())
}

fn body_of(object: &'static Object, json: &str) -> String {
    let declared = Body {
        object,
        required: true,
        envelope: None,
        example: None,
    };
    message_of(body(&declared, json.as_bytes()))
}

fn check_all(object: &'static Object, cases: &[(&str, &str)]) {
    for (json, expected) in cases {
        assert_eq!(body_of(object, json), *expected, "{json}");
    }
}

#[test]
fn values_must_fit_their_schema() {
    check_all(
        &INVOICE,
        &[
            ("{}", "ok"),
            (r#"{"any":null}"#, "ok"),
            (r#"{"any":[{"x":1.50}]}"#, "ok"),
            (r#"{"paid":true}"#, "ok"),
            (r#"{"paid":"true"}"#, "`paid` was \"true\"; must be true or false"),
            (r#"{"paid":null}"#, "`paid` was null; must not be null"),
            (r#"{"count":5}"#, "ok"),
            (r#"{"count":6}"#, "`count` was 6; must be 5 or less"),
            (r#"{"count":5.0}"#, "`count` was 5.0; must be a whole number, 5 or less"),
            (
                r#"{"count":"5"}"#,
                "`count` was \"5\"; must be a whole number, 5 or less",
            ),
            (r#"{"rate":1e3}"#, "ok"),
            (r#"{"rate":"1"}"#, "`rate` was \"1\"; must be a number"),
            (r#"{"rate":{}}"#, "`rate` was an object; must be a number"),
            (r#"{"name":"üü"}"#, "ok"),
            (r#"{"name":"üüü"}"#, "ok"),
            (r#"{"name":"üüüü"}"#, "`name` was \"üüüü\"; must have 2 to 3 characters"),
            (r#"{"name":"ü"}"#, "`name` was \"ü\"; must have 2 to 3 characters"),
            (r#"{"name":["a"]}"#, "`name` was a list; must be text"),
            (r#"{"name":"\u0061b"}"#, "ok"),
            (r#"{"customer_uuid":""}"#, "`customer_uuid` was \"\"; must not be empty"),
            (r#"{"code":"abab"}"#, "ok"),
            (r#"{"code":"abc"}"#, "`code` was \"abc\"; must be the letters a and b"),
            (r#"{"id":"4ee13ca4-e7fe-41ee-9a7f-f303abf41acc"}"#, "ok"),
            (r#"{"id":"4EE13CA4-E7FE-41EE-9A7F-F303ABF41ACC"}"#, "ok"),
            (
                r#"{"id":"4ee13ca4e7fe41ee9a7ff303abf41acc"}"#,
                "`id` was \"4ee13ca4e7fe41ee9a7ff303abf41acc\"; must be a UUID such as 4ee13ca4-e7fe-41ee-9a7f-f303abf41acc",
            ),
            (r#"{"scalar":"abc"}"#, "ok"),
            (r#"{"scalar":12345}"#, "ok"),
            (r#"{"scalar":false}"#, "ok"),
            (
                r#"{"scalar":"abcd"}"#,
                "`scalar` was \"abcd\"; must have at most 3 characters",
            ),
            (r#"{"scalar":[]}"#, "ok"),
            (r#"{"scalar":["abc",""]}"#, "ok"),
            (
                r#"{"scalar":["abc","abcd"]}"#,
                "`scalar[1]` was \"abcd\"; must have at most 3 characters",
            ),
            (r#"{"scalar":[1]}"#, "`scalar[0]` was 1; must be text"),
            (
                r#"{"scalar":{}}"#,
                "`scalar` was an object; must be text, a number, true, false or a list of texts",
            ),
            (r#"{"memo":null}"#, "ok"),
            (r#"{"memo":""}"#, "`memo` was \"\"; must not be empty"),
        ],
    );
}

#[test]
fn whole_numbers_have_64_bits() {
    let wrong = |number: &str| format!("`big` was {number}; must be a 64-bit integer");
    for number in ["9223372036854775807", "-9223372036854775808", "0"] {
        assert_eq!(body_of(&INVOICE, &format!("{{\"big\":{number}}}")), "ok");
    }
    for number in ["9223372036854775808", "-9223372036854775809", "1e3", "0.5", "1e400"] {
        assert_eq!(body_of(&INVOICE, &format!("{{\"big\":{number}}}")), wrong(number));
    }
}

#[test]
fn days_and_instants_are_those_that_the_api_reads() {
    for day in ["2026-01-31", "0000-01-01", "9999-12-31", "2024-02-29"] {
        assert_eq!(body_of(&INVOICE, &format!("{{\"due_on\":\"{day}\"}}")), "ok");
        assert_eq!(body_of(&INVOICE, &format!("{{\"at\":\"{day}\"}}")), "ok");
    }
    for no_day in [
        "",
        "2026-1-31",
        "2026-02-30",
        "+12026-01-01",
        "-0001-01-01",
        "31.01.2026",
        "2026-01-31T00:00:00Z",
    ] {
        assert_eq!(
            body_of(&INVOICE, &format!("{{\"due_on\":\"{no_day}\"}}")),
            format!("`due_on` was {no_day:?}; must be a day in the years 0 to 9999, such as 2026-01-31")
        );
    }
    for instant in [
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00.123+02:00",
        "2026-01-31 12:00:00",
    ] {
        assert_eq!(body_of(&INVOICE, &format!("{{\"at\":\"{instant}\"}}")), "ok");
    }
    for none in [
        "soon",
        "2026-1-31",
        "2026-1-31 12:00:00",
        "+12026-01-31T12:00:00Z",
        "2026-01-31T25:00:00Z",
    ] {
        let said = body_of(&INVOICE, &format!("{{\"at\":\"{none}\"}}"));
        assert!(
            said.starts_with(&format!("`at` was {none:?}; must be an instant")),
            "{said}"
        );
    }
    // Later years, which chrono supports, are serialized as chrono writes them, and rejected here.
    let far = chrono::NaiveDate::from_ymd_opt(12026, 1, 1).unwrap();
    for sent in [
        serde_json::to_string(&crate::Date::from(far)),
        serde_json::to_string(&crate::Timestamp::from(far)),
    ] {
        let sent = sent.unwrap();
        assert_ne!(body_of(&INVOICE, &format!("{{\"due_on\":{sent}}}")), "ok");
        assert_ne!(body_of(&INVOICE, &format!("{{\"at\":{sent}}}")), "ok");
    }
}

#[test]
fn a_field_whose_name_begins_with_that_of_another_is_not_the_other() {
    static STAGE: Object = Object::new(
        "Stage",
        &[
            field("pipeline", Schema::Boolean),
            field("pipeline_stage", Schema::Number),
        ],
    );
    check_all(
        &STAGE,
        &[
            (r#"{"pipeline_stage":1}"#, "ok"),
            (r#"{"pipeline":true,"pipeline_stage":1}"#, "ok"),
            (
                r#"{"pipeline_stage":true}"#,
                "`pipeline_stage` was true; must be a number",
            ),
        ],
    );
}

#[test]
fn what_is_nested_is_named_by_its_path() {
    check_all(
        &INVOICE,
        &[
            (
                r#"{"line_items":[{"amount_in_cents":1},{"amount_in_cents":2,"plan":"x"}]}"#,
                "ok",
            ),
            (
                r#"{"line_items":[{"amount_in_cents":1},{"amount_in_cents":-2}]}"#,
                "`line_items[1].amount_in_cents` was -2; must be 0 or more",
            ),
            (
                r#"{"line_items":[{}]}"#,
                "`line_items[0].amount_in_cents` is missing; must be set",
            ),
            (r#"{"line_items":[1]}"#, "`line_items[0]` was 1; must be an object"),
            (r#"{"line_items":[null]}"#, "`line_items[0]` was null; must not be null"),
            (
                r#"{"line_items":[]}"#,
                "`line_items` was an empty list; must not be empty",
            ),
            (r#"{"line_items":{}}"#, "`line_items` was an object; must be a list"),
            (
                r#"{"line_items":[{"amount_in_cents":1,"amount":2}]}"#,
                "`line_items[0].amount` is not a known name; must be one of amount_in_cents, plan",
            ),
            (r#"{"custom":{"a":"x","b":"y"}}"#, "ok"),
            (
                r#"{"custom":{"a":"x","b":""}}"#,
                "`custom.b` was \"\"; must not be empty",
            ),
            (r#"{"custom":[]}"#, "`custom` was an empty list; must be an object"),
            (
                r#"{"parent":{}}"#,
                "`parent`: no field is set; set at least one of a, b",
            ),
            (r#"{"parent":{"b":"x"}}"#, "ok"),
        ],
    );
}

#[test]
fn something_must_be_set() {
    check_all(
        &UPDATE,
        &[
            ("{}", "no field is set; set at least one of a, b"),
            (r#"{"b":"x"}"#, "ok"),
            ("[]", "`(body)` was an empty list; must be an object"),
            ("null", "`(body)` was null; must be an object"),
            ("{", "`(body)` was invalid JSON; must be JSON"),
            ("{\"a\":\"x\"}}", "`(body)` was invalid JSON; must be JSON"),
        ],
    );
}

#[test]
fn exactly_one_group_is_set_as_a_whole() {
    let either = "set either customer_uuid, or data_source_uuid and external_id";
    check_all(
        &CUSTOMER,
        &[
            (r#"{"customer_uuid":"a"}"#, "ok"),
            (r#"{"data_source_uuid":"a","external_id":"b"}"#, "ok"),
            ("{}", &format!("none of the alternatives is set; {either}")),
            (r#"{"external_id":"b"}"#, &format!("only external_id is set; {either}")),
            (
                r#"{"customer_uuid":"a","external_id":"b"}"#,
                &format!("customer_uuid and external_id are set; {either}"),
            ),
            (
                r#"{"customer_uuid":"a","data_source_uuid":"b","external_id":"c"}"#,
                &format!("customer_uuid and data_source_uuid and external_id are set; {either}"),
            ),
        ],
    );
}

#[test]
fn an_envelope_is_not_named() {
    let declared = Body {
        object: &LINE_ITEM,
        required: true,
        envelope: Some("line_item"),
        example: None,
    };
    for (json, expected) in [
        (r#"{"line_item":{"amount_in_cents":1}}"#, "ok"),
        (
            r#"{"line_item":{"amount_in_cents":-1}}"#,
            "`amount_in_cents` was -1; must be 0 or more",
        ),
        (r#"{"line_item":{}}"#, "`amount_in_cents` is missing; must be set"),
        ("{}", "`amount_in_cents` is missing; must be set"),
        (
            r#"{"amount_in_cents":1}"#,
            "`amount_in_cents` is not a known name; must be one of line_item",
        ),
        (r#"{"line_item":1}"#, "`(body)` was 1; must be an object"),
    ] {
        assert_eq!(message_of(body(&declared, json.as_bytes())), expected, "{json}");
    }
}

#[test]
fn items_of_a_query_have_no_commas() {
    let wrong = |value: &str| {
        format!("`include[1]` was {value:?}; must not be empty or contain a comma, which separates items")
    };
    for (json, expected) in [
        (r#"{"include":["a","b"]}"#, "ok".to_owned()),
        (r#"{"include":["a","b,c"]}"#, wrong("b,c")),
        (r#"{"include":["a",""]}"#, wrong("")),
        // It would be sent as `include=`, which may mean one empty item, or no filter.
        (
            r#"{"include":[]}"#,
            "`include` was an empty list; must not be empty".to_owned(),
        ),
        ("{}", "`include` is missing; must be set".to_owned()),
    ] {
        assert_eq!(message_of(query(&QUERY, json.as_bytes())), expected, "{json}");
    }
    // In a body, commas are not separators.
    assert_eq!(body_of(&QUERY, r#"{"include":["a","b,c",""]}"#), "ok");
    assert_eq!(body_of(&QUERY, r#"{"include":[]}"#), "ok");
}

#[derive(serde::Serialize)]
struct Numbers {
    #[serde(serialize_with = "finite")]
    rate: f64,
    #[serde(serialize_with = "finite_option", skip_serializing_if = "Option::is_none")]
    scalar: Option<f64>,
}

#[test]
fn numbers_are_finite() {
    let message_of_numbers =
        |rate, scalar| body_of(&INVOICE, &serde_json::to_string(&Numbers { rate, scalar }).unwrap());
    assert_eq!(message_of_numbers(0.5, None), "ok");
    assert_eq!(message_of_numbers(-1e300, Some(0.1)), "ok");
    assert_eq!(
        message_of_numbers(f64::NAN, None),
        "`rate` was NaN; must be a finite number"
    );
    assert_eq!(
        message_of_numbers(f64::NEG_INFINITY, None),
        "`rate` was -inf; must be a finite number"
    );
    assert_eq!(
        message_of_numbers(1.0, Some(f64::INFINITY)),
        "`scalar` was inf; must be a finite number"
    );
    let attribute = serde_json::to_string(&crate::CustomAttributeValue::Decimal(f64::NAN)).unwrap();
    assert_eq!(
        body_of(&INVOICE, &format!("{{\"scalar\":{attribute}}}")),
        "`scalar` was NaN; must be a finite number"
    );
}

fn operation(path: &'static str, schema: Schema) -> Operation {
    Operation {
        path,
        parameters: Box::leak(Box::new([Parameter {
            name: "id",
            description: "",
            example: None,
            schema,
        }])),
        query: None,
        body: None,
        ..operations::GET_OPPORTUNITY
    }
}

fn path_of(schema: Schema, argument: &str) -> String {
    let operation = operation("/v1/things/{id}/parts", schema);
    let path = format!("/v1/things/{}/parts", encode_path(argument));
    message_of(super::request(&operation, &Prepared::new(Method::GET, path)))
}

#[test]
fn a_path_argument_stays_in_its_segment() {
    for (argument, expected) in [
        ("a", "ok"),
        ("a/b", "ok"),
        ("ü?#%", "ok"),
        ("...", "ok"),
        ("", "`id` was \"\"; must not be empty"),
        (".", "`id` was \".\"; must be an identifier"),
        ("..", "`id` was \"..\"; must be an identifier"),
        ("a\nb", "`id` was \"a\\nb\"; must not contain control characters"),
        ("a\0", "`id` was \"a\\0\"; must not contain control characters"),
        ("ü\u{85}", "`id` was \"ü\\u{85}\"; must not contain control characters"),
    ] {
        assert_eq!(path_of(Schema::Text(&Text::ANY), argument), expected, "{argument:?}");
    }
    assert_eq!(encode_path("../customers/x").to_string(), "..%2Fcustomers%2Fx");
    assert_eq!(encode_path("a b/c?d#e%2e").to_string(), "a%20b%2Fc%3Fd%23e%252e");
    assert_eq!(encode_path("ü").to_string(), "%C3%BC");
    assert_eq!(encode_path("a-b_c.d~e").to_string(), "a-b_c.d~e");
}

#[test]
fn a_path_argument_fits_its_schema() {
    assert_eq!(path_of(CENTS, "42"), "ok");
    assert_eq!(path_of(CENTS, "-42"), "`id` was \"-42\"; must be 0 or more");
    assert_eq!(path_of(CENTS, ""), "`id` was \"\"; must be a whole number, 0 or more");
    assert_eq!(path_of(Schema::Uuid, "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc"), "ok");
    assert!(path_of(Schema::Uuid, "").starts_with("`id` was \"\"; must be a UUID"));
    assert!(path_of(Schema::Uuid, "..").starts_with("`id` was \"..\"; must be a UUID"));
}

#[test]
fn a_path_argument_reaches_no_other_operation() {
    static SEARCH: Operation = Operation {
        id: "search_things",
        path: "/v1/things/search",
        parameters: &[],
        ..operations::GET_OPPORTUNITY
    };
    static STATE: Operation = Operation {
        id: "get_state",
        path: "/v1/{kind}/search/state",
        parameters: &[],
        ..operations::GET_OPPORTUNITY
    };
    static DELETED: Operation = Operation {
        id: "delete_gone",
        method: "DELETE",
        path: "/v1/things/gone",
        parameters: &[],
        ..operations::GET_OPPORTUNITY
    };
    let all: &[&Operation] = &[&SEARCH, &STATE, &DELETED];
    let thing = operation("/v1/things/{id}", Schema::Text(&Text::ANY));
    let state = operation("/v1/things/{id}/state", Schema::Text(&Text::ANY));
    assert_eq!(path::literal(&thing, "/v1/things/search", all), Some(("id", "search")));
    assert_eq!(
        path::literal(&state, "/v1/things/search/state", all),
        Some(("id", "search"))
    );
    for free in [
        "/v1/things/state",
        "/v1/things/Search",
        "/v1/things/gone",
        "/v1/things/search%20",
    ] {
        assert_eq!(path::literal(&thing, free, all), None, "{free}");
    }
    for word in [
        "search",
        "oauth2",
        "Export",
        "export.csv",
        "a_rather_long_name_of_an_operation",
    ] {
        assert!(path::is_word(word), "{word}"); // other values are not compared with literal segments
    }
    assert!(!path::is_word("pl_b3d81f60-92c7-4e5a-8f14-6a0c9d27e3b8") && !path::is_word("search%20"));
}

#[test]
fn a_request_is_of_the_operation_whose_path_says_most() {
    for (method, path, id) in [
        ("GET", "/v1/customers/search", Some("search_customers")),
        ("GET", "/v1/customers/cus_1", Some("get_customer")),
        ("GET", "/v1/customers/a%2Fb", Some("get_customer")),
        ("DELETE", "/v1/customers/search", Some("delete_customer")),
        ("POST", "/v1/customers/merges", Some("merge_customers")),
        (
            "PATCH",
            "/v1/invoices/disabled_state",
            Some("set_invoice_disabled_state_by_external_id"),
        ),
        ("GET", "/v1/customers/", None),
        ("GET", "/v1/customers/cus_1/", None),
        ("get", "/v1/customers", None),
        ("PUT", "/v1/customers", None),
        ("GET", "/v1/customer", None),
        ("GET", "", None),
    ] {
        let found = operations::at(method, path).map(|operation| operation.id);
        assert_eq!(found, id, "{method} {path}");
    }
    // Regardless of the order in the table.
    let free = operation("/v1/things/{id}", Schema::Text(&Text::ANY));
    let found = |all: &[&'static Operation]| crate::operation::at(all, "GET", "/v1/things/search").unwrap().path;
    let free: &'static Operation = Box::leak(Box::new(free));
    let literal: &'static Operation = Box::leak(Box::new(Operation {
        path: "/v1/things/search",
        ..*free
    }));
    assert_eq!([found(&[free, literal]), found(&[literal, free])], [literal.path; 2]);
}

#[test]
fn the_whole_request_is_checked() {
    let uuid = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";
    let request = |path: &str, body: Option<&str>| {
        let mut request = Prepared::new(Method::PATCH, path.to_owned());
        if let Some(body) = body {
            request
                .set_body(&serde_json::value::RawValue::from_string(body.to_owned()).unwrap())
                .unwrap();
        }
        let admitted = admit(request, &operations::UPDATE_OPPORTUNITY);
        admitted.map_or_else(|error| error.to_string(), |_| "ok".to_owned())
    };
    let path = format!("/v1/opportunities/{uuid}");
    assert_eq!(request(&path, Some(r#"{"owner":"a"}"#)), "ok");
    let nothing = "no field is set; set at least one of owner, pipeline, pipeline_stage, estimated_close_date, \
                   amount_in_cents, currency, type, forecast_category, win_likelihood, custom";
    assert_eq!(request(&path, Some("{}")), nothing);
    assert_eq!(request(&path, None), nothing);
    assert_eq!(
        request(&path, Some(r#"{"win_likelihood":140}"#)),
        "`win_likelihood` was 140; must be 0 to 100"
    );
    assert_eq!(
        request(&path, Some(r#"{"currency":"eur"}"#)),
        "`currency` was \"eur\"; must be three capital letters, an ISO 4217 code such as EUR"
    );
    assert_eq!(
        request(
            &path,
            Some(r#"{"custom":[{"key":"a","value":1},{"key":"a b","value":1}]}"#)
        ),
        "`custom[1].key` was \"a b\"; must be letters, digits and underscores"
    );
    assert_eq!(
        request("/v1/opportunities/%0A", Some("{}")),
        "`opportunity_uuid` was \"\\n\"; must not contain control characters"
    );
}
