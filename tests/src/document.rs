//! The OpenAPI document, validated with JSON Schema.

use std::collections::HashMap;

use chartmogul::Field;
use chrono::{DateTime, Utc};
use jsonschema::Validator;
use serde_json::{Value, json};

/// The whole document.
pub fn read() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/bundled/chartmogul.yaml");
    let text = std::fs::read_to_string(path).expect("the document");
    serde_saphyr::from_str(&text).expect("YAML")
}

/// The first example of a body; `null` if there is none.
pub fn example(document: &Value, content: &Value) -> Value {
    examples(document, content).into_iter().next().unwrap_or_default()
}

/// All examples of a body.
pub fn examples(document: &Value, content: &Value) -> Vec<Value> {
    let media = &content["application/json"];
    let named = media["examples"]
        .as_object()
        .into_iter()
        .flat_map(|examples| examples.values());
    let named = named.map(|example| {
        let target = example["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
        let example = target.map_or(example, |target| document.pointer(target).expect("an example"));
        &example["value"]
    });
    named.chain(media.get("example")).cloned().collect()
}

/// A validator for a component.
pub fn validator(component: &str) -> Validator {
    compile(component, false)
}

/// The violations of a value, one per line; empty if there are none.
pub fn violations(component: &str, value: &Value) -> String {
    Checker::default().violations(component, value)
}

/// The fields of a value that its component does not have, one per line; empty if there are none.
pub fn unknown(component: &str, value: &Value) -> String {
    Checker::default().unknown(component, value)
}

/// Checks many values against the document.
#[derive(Default)]
pub struct Checker(HashMap<(String, bool), Validator>);

impl Checker {
    /// The violations of a value, one per line; empty if there are none.
    pub fn violations(&mut self, component: &str, value: &Value) -> String {
        self.errors(component, value, false)
    }

    /// The fields of a value that its component does not have, one per line; empty if there are none.
    pub fn unknown(&mut self, component: &str, value: &Value) -> String {
        self.errors(component, value, true)
    }

    fn errors(&mut self, component: &str, value: &Value, closed: bool) -> String {
        let validator = self.0.entry((component.to_owned(), closed));
        let validator = validator.or_insert_with(|| compile(component, closed));
        let errors = validator.iter_errors(value);
        errors
            .map(|error| format!("{}: {error}\n", error.instance_path()))
            .collect()
    }
}

/// A validator for a component, a list of them, `[Name]`, or a map of them, `{Name}`.
fn compile(component: &str, closed: bool) -> Validator {
    let mut components = read()["components"].take();
    as_json_schema(&mut components);
    if closed {
        close(&mut components["schemas"]);
    }
    let name = component.trim_matches(['[', ']', '{', '}']);
    let one = json!({ "$ref": format!("#/components/schemas/{name}") });
    let mut schema = match component.chars().next() {
        Some('[') => json!({ "type": "array", "items": one }),
        Some('{') => json!({ "type": "object", "additionalProperties": one }),
        _ => one,
    };
    schema["components"] = components;
    let instant = |text: &str| {
        serde_json::from_value::<Field<DateTime<Utc>>>(text.into()).is_ok_and(|field| field.get().is_some())
    };
    let options = jsonschema::draft4::options().with_format("date-time", instant); // all forms that the API accepts
    options.build(&schema).expect("a schema")
}

/// Forbids properties that are not described.
fn close(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("properties") && fields.get("properties").is_some_and(Value::is_object) {
                fields.entry("additionalProperties").or_insert(json!(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

/// Converts `nullable` of OpenAPI 3.0 into JSON Schema, which lists `null` among the types or alternatives.
fn as_json_schema(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let nullable = fields.remove("nullable") == Some(json!(true));
            fields.values_mut().for_each(as_json_schema);
            let has_parts = fields.contains_key("allOf"); // its parts don't allow `null`
            if !nullable {
                return;
            }
            match fields.get_mut("type") {
                Some(ty) if !has_parts => *ty = json!([ty.take(), "null"]),
                _ => *value = json!({ "anyOf": [value.take(), { "type": "null" }] }),
            }
        }
        Value::Array(items) => items.iter_mut().for_each(as_json_schema),
        _ => {}
    }
}
