//! JSON Schemas of the types: one snapshot each, so that changes are visible in review; and each compared with its
//! component in the document, property by property, so that no type differs, generated or handwritten.

use std::collections::{BTreeMap, BTreeSet};

use chartmogul_tests::{document, snapshot};
use serde_json::{Map, Value, json};

#[test]
fn every_type_has_its_schema() {
    // Sorted, because a feature of `serde_json` decides the order of fields.
    let sort = |schema: &mut Map<String, Value>| {
        schema.sort_keys();
        schema.values_mut().for_each(Value::sort_all_objects);
    };
    for (name, mut schema) in chartmogul_api::schemas() {
        schema.as_object_mut().map(sort);
        let text = serde_json::to_string_pretty(&schema).unwrap();
        snapshot::check("schemas", name, &text);
    }
    for (operation, mut schema) in chartmogul_api::query_schemas() {
        schema.as_object_mut().map(sort);
        let text = serde_json::to_string_pretty(&schema).unwrap();
        snapshot::check("schemas", &format!("query_of_{operation}"), &text);
    }
}

#[test]
fn every_type_is_its_component() {
    let document = with_values_in_place(&document::read());
    let responses = reachable(&document, |status| status.starts_with('2'));
    let schemas = chartmogul_api::schemas();
    assert!(!schemas.is_empty());
    for (name, schema) in schemas {
        let schema = schema.to_value();
        let component = &document["components"]["schemas"][name];
        assert!(component.is_object(), "{name} is not in the document");
        // With `not`, the document has no types: some generators would make an empty type of a union.
        if component.get("not").is_none() {
            assert_eq!(shape(&schema), shape(component), "{name}");
        }
        for (property, documented) in entries(component, "properties") {
            let place = format!("{name}.{property}");
            let typed = schema["properties"]
                .get(&property)
                .unwrap_or_else(|| panic!("{place} is missing in Rust"));
            assert_eq!(shape(typed), shape(&documented), "{place}");
            assert_eq!(words(typed), words(&described(&document, &documented)), "{place}");
        }
        let extra: Vec<_> = entries(&schema, "properties")
            .into_iter()
            .filter(|(p, _)| component["properties"].get(p).is_none())
            .collect();
        assert!(extra.is_empty(), "{name}: in Rust only: {extra:?}");
        // In Rust, a field of a response may be missing (`Field`), except the entries.
        let expected = if responses.contains(name) {
            let mut entries = entries(component, "properties");
            entries.retain(|(_, property)| property["x-entries"] == true);
            entries.into_iter().map(|(property, _)| property).collect()
        } else {
            required(component)
        };
        assert_eq!(required(&schema), expected, "{name}");
    }
}

/// The struct of an operation's query has the parameters of the document.
#[test]
fn every_query_is_its_parameters() {
    let document = with_values_in_place(&document::read());
    let mut queries: BTreeMap<_, _> = chartmogul_api::query_schemas().into_iter().collect();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let parameters: Vec<_> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|parameter| described(&document, parameter))
                .filter(|parameter| parameter["in"] == "query")
                .collect();
            let id = operation["operationId"].as_str().unwrap();
            let Some(schema) = queries.remove(id) else {
                assert!(parameters.is_empty(), "{id} has no query in Rust");
                continue;
            };
            let schema = schema.to_value();
            let mut needed = BTreeSet::new();
            for parameter in &parameters {
                let name = parameter["name"].as_str().unwrap();
                let typed = &schema["properties"][name];
                assert_eq!(shape(typed), shape(&parameter["schema"]), "{id}: {name}");
                assert_eq!(words(typed), words(parameter), "{id}: {name}");
                if parameter["required"] == true {
                    needed.insert(name.to_owned());
                }
            }
            assert_eq!(entries(&schema, "properties").len(), parameters.len(), "{id}");
            assert_eq!(required(&schema), needed, "{id}");
        }
    }
    assert!(queries.is_empty(), "in Rust only: {queries:?}");
}

/// Every component of requests and responses has a type.
#[test]
fn every_component_has_a_type() {
    let document = with_values_in_place(&document::read());
    let typed: BTreeSet<_> = chartmogul_api::schemas()
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    let mut reached = reachable(&document, |status| status.starts_with('2') || status == "request");
    reached.retain(|name| document["components"]["schemas"][name]["x-no-result"] != true);
    assert_eq!(reached, typed);
}

/// Inlines components that are no types in Rust: strings, numbers, Booleans, times, lists and maps.
fn with_values_in_place(document: &Value) -> Value {
    fn is_map(target: &str, component: &Value) -> bool {
        component["additionalProperties"] != json!(null)
            && component["properties"].is_null()
            && component["x-no-result"].is_null()
            && !target.ends_with("/CustomAttributes") // handwritten
    }
    fn put(document: &Value, value: &mut Value) {
        let target = value.get("$ref").and_then(Value::as_str);
        let component = target.and_then(|target| document.pointer(target.strip_prefix("#/components/schemas")?));
        if let (Some(target), Some(component)) = (target, component)
            && (["string", "integer", "number", "boolean", "array"]
                .iter()
                .any(|ty| component["type"] == *ty)
                || is_time(component)
                || is_map(target, component))
            && component["x-extensible-enum"].is_null()
        {
            *value = component.clone();
        }
        match value {
            Value::Object(fields) => fields.values_mut().for_each(|value| put(document, value)),
            Value::Array(items) => items.iter_mut().for_each(|value| put(document, value)),
            _ => {}
        }
    }
    let mut with = document.clone();
    put(&document["components"]["schemas"], &mut with);
    with
}

/// A day or an instant.
fn is_time(schema: &Value) -> bool {
    let branches = schema["anyOf"].as_array().into_iter().flatten();
    let formats: Vec<_> = branches.map(|branch| &branch["format"]).collect();
    formats == ["date", "date-time"]
}

/// The types that a schema allows, without descriptions and without limits, which are validated instead.
fn shape(schema: &Value) -> Value {
    let mut shape = Map::new();
    if let Some(target) = schema["$ref"].as_str() {
        return json!(target.rsplit('/').next());
    }
    if let Some([one]) = schema["allOf"].as_array().map(Vec::as_slice) {
        return self::shape(one); // with its own description, or `null`
    }
    if is_time(schema) {
        return json!({ "type": "string", "format": "date-time" }); // a `Timestamp`
    }
    if let Some(branches) = schema["anyOf"].as_array() {
        let mut shapes: Vec<_> = branches
            .iter()
            .map(self::shape)
            .filter(|shape| shape["type"] != "null")
            .collect();
        if shapes.len() == 1 {
            return shapes.remove(0); // an `Option`
        }
        shape.insert("anyOf".into(), shapes.into());
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().find(|ty| *ty != "null").cloned().unwrap_or_default(), // an `Option`
        ty => ty.clone(),
    };
    shape.insert("type".into(), types);
    // E-mail addresses and identifiers are strings in Rust.
    if let Some(format) = schema["format"]
        .as_str()
        .filter(|format| !matches!(*format, "email" | "uri" | "uuid"))
    {
        shape.insert("format".into(), format.into());
    }
    if schema["items"].is_object() {
        shape.insert("items".into(), self::shape(&schema["items"]));
    }
    if schema["x-extensible-enum"].is_array() {
        shape.insert("x-extensible-enum".into(), schema["x-extensible-enum"].clone());
    }
    Value::Object(shape)
}

/// The description, which is the documentation in Rust.
fn words(schema: &Value) -> String {
    schema["description"]
        .as_str()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The property, or the component that it refers to.
fn described(document: &Value, property: &Value) -> Value {
    let target = property["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
    target
        .and_then(|target| document.pointer(target))
        .unwrap_or(property)
        .clone()
}

fn entries(schema: &Value, name: &str) -> Vec<(String, Value)> {
    schema[name]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn required(schema: &Value) -> BTreeSet<String> {
    schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect()
}

/// The components that operations use in responses of these statuses, and in requests.
fn reachable(document: &Value, wanted: fn(&str) -> bool) -> BTreeSet<String> {
    let mut open = Vec::new();
    for (_, item) in entries(document, "paths") {
        for operation in item.as_object().unwrap().values() {
            open.extend(
                entries(operation, "responses")
                    .into_iter()
                    .filter(|(status, _)| wanted(status))
                    .map(|(_, r)| r),
            );
            if wanted("request") {
                open.push(operation["requestBody"].clone());
                open.push(operation["parameters"].clone());
            }
        }
    }
    let mut found = BTreeSet::new();
    while let Some(value) = open.pop() {
        if let Some(target) = value.get("$ref").and_then(Value::as_str)
            && found.insert(target.to_owned())
        {
            open.push(document.pointer(&target[1..]).unwrap().clone());
        }
        match value {
            Value::Object(fields) => open.extend(fields.into_iter().map(|(_, value)| value)),
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    let names = found
        .iter()
        .filter_map(|target| target.strip_prefix("#/components/schemas/"));
    names.map(str::to_owned).collect()
}
