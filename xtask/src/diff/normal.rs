//! One way to write what can be written in several.

use serde_json::{Map, Value, json};

use crate::document::pointer::resolve;

/// Members of which `false` says what their absence says.
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
/// Members of which 0 says what their absence says.
const ZERO: [&str; 3] = ["minLength", "minItems", "minProperties"];

/// The document without what makes no difference: defaults that are written out, parameters of a path instead of its
/// operations, `format: double` of a number, the patch version of OpenAPI.
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
        Value::Object(members) => {
            members.retain(|name, value| !is_default(name, value));
            if members.get("type") == Some(&json!("number")) && members.get("format") == Some(&json!("double")) {
                members.shift_remove("format");
            }
            style(members);
            // Two ways to write that everything is allowed, of which a described object needs none.
            if members.get("additionalProperties") == Some(&json!({})) {
                members["additionalProperties"] = json!(true);
            }
            if members.contains_key("properties") && members.get("additionalProperties") == Some(&json!(true)) {
                members.shift_remove("additionalProperties");
            }
            members.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

/// Leaves out how a parameter is sent where that is what its place implies.
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

/// A value without its words.
pub(super) fn without_words(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(members) = value.as_object_mut() {
        members.retain(|name, _| !super::keywords::is_word(name));
    }
    value
}

/// Members of an object; none of anything else.
pub(super) fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flat_map(Map::iter)
}
