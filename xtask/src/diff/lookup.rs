//! Lookups in a document.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    document::pointer::{child, last, local},
    names,
};

/// Whether a schema is a string, a number or a Boolean: its name is no type in Rust.
pub(super) fn is_value(schema: Option<&Value>) -> bool {
    let schema = schema.and_then(Value::as_object);
    schema.is_some_and(|schema| {
        matches!(text(schema, "type"), Some("string" | "integer" | "number" | "boolean"))
            && !schema.contains_key("x-extensible-enum")
    })
}

/// The name of a property in Rust.
pub(super) fn field(name: &str, schema: &Value) -> String {
    let given = schema.get("x-rust-name").and_then(Value::as_str);
    given.map_or_else(|| names::field(name), str::to_owned)
}

/// The only reference in an `allOf`.
pub(super) fn wrapped(schema: &Map<String, Value>) -> Option<&str> {
    match items(schema.get("allOf")).len() {
        1 => schema.get("allOf")?.get(0)?.get("$ref")?.as_str(),
        _ => None,
    }
}

/// Pointer and content of every operation, by method and path; the names of path parameters are ignored.
pub(super) fn operations(root: &Value) -> BTreeMap<(String, String), (String, &Value)> {
    let mut found = BTreeMap::new();
    for (path, item) in object(root, "/paths").into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if matches!(
                method.as_str(),
                "get" | "put" | "post" | "delete" | "patch" | "head" | "options"
            ) {
                let pointer = child(&child("/paths", path), method);
                found.insert((method.clone(), anonymous(path)), (pointer, operation));
            }
        }
    }
    found
}

pub(super) fn anonymous(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "{}" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

/// Pointers of the parameters of an operation and its path: by `in` and name, those in the path by `in` and position.
pub(super) fn parameters(root: &Value, operation: &str) -> BTreeMap<(String, String), String> {
    let (item, _) = operation.rsplit_once('/').unwrap_or_default();
    let template = last(item);
    let mut found = BTreeMap::new();
    for list in [child(item, "parameters"), child(operation, "parameters")] {
        for index in 0..root.pointer(&list).and_then(Value::as_array).map_or(0, Vec::len) {
            let pointer = resolved(root, &format!("{list}/{index}"));
            let part = |name: &str| {
                root.pointer(&child(&pointer, name))
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            };
            let (place, name) = (part("in"), part("name"));
            let key = match template.find(&format!("{{{name}}}")) {
                Some(at) if place == "path" => template[..at].matches('{').count().to_string(),
                _ => name.to_owned(),
            };
            found.insert((place.to_owned(), key), pointer);
        }
    }
    found
}

/// The names of the required query parameters of an operation, in their order.
pub(super) fn required_in_query(root: &Value, operation: &str) -> Vec<String> {
    let (item, _) = operation.rsplit_once('/').unwrap_or_default();
    let mut found: Vec<String> = Vec::new();
    for list in [child(item, "parameters"), child(operation, "parameters")] {
        for index in 0..root.pointer(&list).and_then(Value::as_array).map_or(0, Vec::len) {
            let pointer = resolved(root, &format!("{list}/{index}"));
            let Some(parameter) = object(root, &pointer).filter(|found| text(found, "in") == Some("query")) else {
                continue;
            };
            let name = text(parameter, "name").unwrap_or_default();
            found.retain(|known| known != name); // the parameter of the operation replaces that of the path
            if required(root, &pointer) {
                found.push(name.to_owned());
            }
        }
    }
    found
}

/// The names of the required properties of an object, in the order of the properties.
pub(super) fn required_in_object(schema: Option<&Value>) -> Vec<String> {
    let Some(schema) = schema.and_then(Value::as_object) else {
        return Vec::new();
    };
    let needed = items(schema.get("required"));
    let properties = schema.get("properties").and_then(Value::as_object);
    let names = properties.into_iter().flat_map(Map::keys).cloned();
    names
        .filter(|name| needed.contains(&Value::from(name.as_str())))
        .collect()
}

/// The range that a status is in.
pub(super) fn range(status: &str) -> String {
    format!("{}XX", status.get(..1).unwrap_or_default())
}

/// Indices of alternatives that differ and are the only ones of their type in both lists.
pub(super) fn pairs(from: &[Value], to: &[Value]) -> Vec<(usize, usize)> {
    let only = |list: &[Value], ty: &Value| {
        let mut found = list
            .iter()
            .enumerate()
            .filter(|(_, branch)| branch.get("type") == Some(ty));
        found.next().filter(|_| found.next().is_none()).map(|(index, _)| index)
    };
    let types = from.iter().filter_map(|branch| branch.get("type"));
    let found = types.filter_map(|ty| Some((only(from, ty)?, only(to, ty)?)));
    found.filter(|(old, new)| from[*old] != to[*new]).collect()
}

pub(super) fn required(root: &Value, pointer: &str) -> bool {
    root.pointer(&child(pointer, "required"))
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// The pointer of a schema's reference: its own, or the only one in its `allOf`.
pub(super) fn reference_at(root: &Value, pointer: &str) -> String {
    match object(root, pointer).and_then(wrapped) {
        Some(_) => format!("{pointer}/allOf/0/$ref"),
        None => child(pointer, "$ref"),
    }
}

pub(super) fn resolved(root: &Value, pointer: &str) -> String {
    let target = root.pointer(&reference_at(root, pointer)).and_then(Value::as_str);
    target.and_then(local).unwrap_or(pointer).to_owned()
}

pub(super) fn object<'a>(root: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    root.pointer(pointer).and_then(Value::as_object)
}

pub(super) fn text<'a>(schema: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    schema.get(name).and_then(Value::as_str)
}

pub(super) fn items(list: Option<&Value>) -> Vec<Value> {
    list.and_then(Value::as_array).cloned().unwrap_or_default()
}
