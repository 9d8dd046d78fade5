//! The OpenAPI document, as outside validators see it.

use jsonschema::Validator;
use serde_json::{Value, json};

/// The whole document.
pub fn read() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/bundled/chartmogul.yaml");
    let text = std::fs::read_to_string(path).expect("the document");
    serde_saphyr::from_str(&text).expect("YAML")
}

/// The first example of a body.
pub fn example(document: &Value, content: &Value) -> Value {
    let media = &content["application/json"];
    let named = media["examples"]
        .as_object()
        .and_then(|examples| examples.values().next());
    let target = named.and_then(|example| example["$ref"].as_str()?.strip_prefix('#'));
    let named = target.and_then(|target| document.pointer(target)).or(named);
    named.map_or(&media["example"], |example| &example["value"]).clone()
}

/// A validator for a component.
pub fn validator(component: &str) -> Validator {
    let mut components = read()["components"].take();
    as_json_schema(&mut components);
    let schema = json!({ "$ref": format!("#/components/schemas/{component}"), "components": components });
    jsonschema::draft4::new(&schema).expect("a schema")
}

/// What is wrong with a value, one line each; empty if nothing is.
pub fn violations(component: &str, value: &Value) -> String {
    validator(component)
        .iter_errors(value)
        .map(|error| format!("{}: {error}\n", error.instance_path()))
        .collect()
}

/// OpenAPI 3.0 says `nullable` where JSON Schema lists `null` among the types.
fn as_json_schema(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.remove("nullable") == Some(json!(true))
                && let Some(ty) = members.get_mut("type")
            {
                *ty = json!([ty.take(), "null"]);
            }
            members.values_mut().for_each(as_json_schema);
        }
        Value::Array(items) => items.iter_mut().for_each(as_json_schema),
        _ => {}
    }
}
