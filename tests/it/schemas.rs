//! The types, as JSON Schema: one snapshot each, so that a review sees what changed.

use chartmogul_tests::{document, snapshot};
use serde_json::Value;

#[test]
fn every_type_has_its_schema() {
    for (name, schema) in chartmogul_api::schemas() {
        let text = serde_json::to_string_pretty(&schema).unwrap();
        snapshot::check("schemas", name, &text);
    }
}

/// What the types accept and what the document says is the same set of members.
#[test]
fn types_have_the_members_of_the_document() {
    let document = document::read();
    for (name, schema) in chartmogul_api::schemas() {
        let names = |value: Option<&Value>| -> Vec<String> {
            value
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .map(|(name, _)| name.clone())
                .collect()
        };
        let documented = names(document.pointer(&format!("/components/schemas/{name}/properties")));
        assert_eq!(names(schema.get("properties")), documented, "{name}");
    }
}
