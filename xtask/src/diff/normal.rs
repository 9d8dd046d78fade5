//! Normalizes what can be written in several ways.

use serde_json::{Map, Value, json};

use crate::document::pointer::resolve;

/// Fields where `false` means the same as absence.
const FALSE: [&str; 10] = [
    "nullable",
    "required",
    "deprecated",
    "uniqueItems",
    "x-replaces-all",
    "x-entries",
    "x-no-result",
    "x-any",
    "x-destructive",
    "x-envelope",
];
/// Fields where 0 means the same as absence.
const ZERO: [&str; 3] = ["minLength", "minItems", "minProperties"];

/// The document without differences that have no meaning: explicit defaults, parameters of a path instead of its operations,
/// `format: double` of a number, the patch version of OpenAPI.
pub(super) fn normal(document: &Value) -> Value {
    let mut document = document.clone();
    if let Some(version) = document.get_mut("openapi")
        && version.as_str().is_some_and(|text| text.starts_with("3.0."))
    {
        *version = json!("3.0.3");
    }
    parameters(&mut document);
    plain(&mut document);
    document
}

fn plain(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| !is_default(name, value));
            if fields.get("type") == Some(&json!("number")) && fields.get("format") == Some(&json!("double")) {
                fields.shift_remove("format");
            }
            style(fields);
            // Two ways to allow everything; an object with properties needs neither.
            if fields.get("additionalProperties") == Some(&json!({})) {
                fields["additionalProperties"] = json!(true);
            }
            if fields.contains_key("properties") && fields.get("additionalProperties") == Some(&json!(true)) {
                fields.shift_remove("additionalProperties");
            }
            fields.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

/// Removes `style` and `explode` of a parameter where they have their default for its `in`.
fn style(parameter: &mut Map<String, Value>) {
    let implied = match parameter.get("in").and_then(Value::as_str) {
        Some("path" | "header") => "simple",
        Some("query" | "cookie") => "form",
        _ => return,
    };
    let style = parameter
        .get("style")
        .and_then(Value::as_str)
        .unwrap_or(implied)
        .to_owned();
    if parameter.get("explode").and_then(Value::as_bool) == Some(style == "form") {
        parameter.shift_remove("explode");
    }
    if style == implied {
        parameter.shift_remove("style");
    }
}

fn is_default(name: &str, value: &Value) -> bool {
    match value {
        Value::Bool(false) => FALSE.contains(&name),
        Value::Number(number) => number.as_u64() == Some(0) && ZERO.contains(&name),
        _ => false,
    }
}

/// Puts the parameters of a path into its operations.
fn parameters(document: &mut Value) {
    let root = document.clone();
    let key = |parameter: &Value| {
        let parameter = resolve(&root, parameter).unwrap_or(parameter);
        ["in", "name"].map(|name| parameter.get(name).cloned())
    };
    let Some(Value::Object(paths)) = document.get_mut("paths") else {
        return;
    };
    for item in paths.values_mut().filter_map(Value::as_object_mut) {
        let Some(Value::Array(shared)) = item.shift_remove("parameters") else {
            continue;
        };
        for operation in item.values_mut().filter_map(Value::as_object_mut) {
            let own = operation.entry("parameters").or_insert_with(|| json!([]));
            let Value::Array(own) = own else { continue };
            let known: Vec<_> = own.iter().map(key).collect();
            let missing = shared.iter().filter(|parameter| !known.contains(&key(parameter)));
            own.splice(0..0, missing.cloned().collect::<Vec<_>>());
        }
    }
}

/// A value without its documentation.
pub(super) fn without_words(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|name, _| !super::keywords::is_word(name));
    }
    value
}

/// The fields of an object; nothing for any other value.
pub(super) fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flat_map(Map::iter)
}
