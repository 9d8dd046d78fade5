//! Parses queries into values of the documented types.

use axum::response::Response;
use serde_json::{Map, Value};

use crate::{
    document::{Operation, resolve},
    errors,
};

/// The parameters of a query. A value that does not have its type remains text, which the check reports.
pub(crate) fn read(operation: &Operation, query: &str) -> Result<Map<String, Value>, Box<Response>> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).unwrap_or_default();
    let mut read = Map::new();
    for (name, text) in pairs {
        let parameter = operation.query.iter().find(|parameter| parameter.name == name);
        let value = match parameter {
            Some(parameter) => value(parameter.schema, text),
            None => text.into(),
        };
        if read.contains_key(&name) {
            return Err(errors::malformed(&name, "must not be repeated").into());
        }
        read.insert(name, value);
    }
    Ok(read)
}

fn value(schema: &'static Value, text: String) -> Value {
    let schema = resolve(schema);
    match schema["type"].as_str() {
        Some("integer" | "number" | "boolean") => match serde_json::from_str(&text) {
            Ok(value @ (Value::Number(_) | Value::Bool(_))) => value,
            _ => text.into(),
        },
        Some("array") => text
            .split(',')
            .map(|item| value(&schema["items"], item.to_owned()))
            .collect(),
        _ => text.into(),
    }
}
