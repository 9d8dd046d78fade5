//! Checks examples and defaults against their schemas.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::Lint;
use crate::{
    document::pointer::{child, is_read, target},
    finding::Rule,
};

/// A value of the document, and the schema that it must fit.
struct Sample<'a> {
    pointer: String,
    what: &'static str,
    value: &'a Value,
    schema: &'a Value,
}

impl<'a> Lint<'a> {
    /// Checks all of them in one validation, because creating a validator costs more than using it.
    pub(super) fn examples(&mut self) {
        let spec = self.spec;
        let mut samples = Vec::new();
        self.samples("", spec.root(), &mut samples);
        let (mut schemas, mut values) = (Map::new(), Map::new());
        for (index, sample) in samples.iter().enumerate() {
            schemas.insert(index.to_string(), sample.schema.clone());
            values.insert(index.to_string(), sample.value.clone());
        }
        let mut schema = json!({ "properties": schemas, "components": spec.at("/components") });
        as_json_schema(&mut schema, Names::No, Objects::Closed);
        let validator = match jsonschema::draft4::new(&schema) {
            Ok(validator) => validator,
            Err(error) => {
                self.unchecked = Some(error.to_string());
                return;
            }
        };
        for error in validator.iter_errors(&Value::Object(values)) {
            let path = error.instance_path().to_string();
            let (index, rest) = path
                .trim_start_matches('/')
                .split_once('/')
                .unwrap_or((path.trim_start_matches('/'), ""));
            let Some(sample) = index.parse().ok().and_then(|index: usize| samples.get(index)) else {
                continue;
            };
            let mut pointer = sample.pointer.clone();
            if !rest.is_empty() {
                // Writing to a String can't fail.
                let _ = write!(pointer, "/{rest}");
            }
            let reason = if error.schema_path().to_string().ends_with(ONE_OF) {
                "not exactly one group of `x-one-of` is given as a whole".to_owned()
            } else {
                error.masked().to_string()
            };
            let problem = format!("{} does not fit its schema: {reason}", sample.what);
            self.report(Rule::Example, &pointer, problem, "correct the value, or the schema");
        }
    }

    /// Reports that no example was checked, unless there are other findings: a wrong schema has its own finding where the
    /// generator reads it.
    pub(super) fn unchecked_examples(&mut self) {
        if let Some(error) = self.unchecked.take().filter(|_| self.findings.is_empty()) {
            let problem = format!("examples and defaults can't be checked: {error}");
            let help = "correct the schema that this is about: it is not valid in JSON Schema";
            self.report(Rule::Example, "/components", problem, help);
        }
    }

    fn samples(&self, pointer: &str, value: &'a Value, found: &mut Vec<Sample<'a>>) {
        match value {
            Value::Object(fields) => {
                self.samples_of(pointer, value, fields, found);
                for (name, field) in fields {
                    if is_read(pointer, name) && name != "default" {
                        self.samples(&child(pointer, name), field, found);
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.samples(&child(pointer, &index.to_string()), item, found);
                }
            }
            _ => {}
        }
    }

    /// The samples of one object: beside its `schema`, or in a schema itself.
    fn samples_of(&self, pointer: &str, value: &'a Value, fields: &'a Map<String, Value>, found: &mut Vec<Sample<'a>>) {
        let keywords = ["type", "anyOf", "oneOf", "allOf", "not"];
        let is_schema = |schema: &Value| keywords.iter().any(|key| schema.get(key).is_some());
        let schema = match fields.get("schema") {
            Some(schema) => schema,
            None if is_schema(value) && !pointer.ends_with("/properties") => value,
            None => return,
        };
        for (name, what) in [("example", "the example"), ("default", "the default")] {
            if let Some(value) = fields.get(name) {
                let pointer = child(pointer, name);
                found.push(Sample {
                    pointer,
                    what,
                    value,
                    schema,
                });
            }
        }
        let Some(Value::Object(examples)) = fields.get("examples") else {
            return;
        };
        for (name, example) in examples {
            let mut pointer = child(&child(pointer, "examples"), name);
            let mut example = example;
            if let Some(target) = target(example) {
                let Some(there) = self.spec.at(target) else { continue };
                (pointer, example) = (target.to_owned(), there);
            }
            if let Some(value) = example.get("value") {
                let pointer = child(&pointer, "value");
                found.push(Sample {
                    pointer,
                    what: "the example",
                    value,
                    schema,
                });
            }
        }
    }
}

/// The end of the schema path that checks `x-one-of`.
const ONE_OF: &str = "/allOf/0/oneOf";

/// Whether the keys of a mapping are names instead of keywords.
#[derive(Clone, Copy, PartialEq)]
enum Names {
    Yes,
    No,
}

/// Whether an object may have fields that are not described. In an example, such a field is a misspelt name.
#[derive(Clone, Copy, PartialEq)]
enum Objects {
    Open,
    Closed,
}

/// Converts a schema of OpenAPI 3.0 into JSON Schema, which lists `null` among the types instead of `nullable`.
fn as_json_schema(value: &mut Value, names: Names, objects: Objects) {
    match value {
        Value::Object(fields) => {
            let mut is_nullable = false;
            if names == Names::No {
                is_nullable = fields.remove("nullable") == Some(json!(true));
                if let Some(groups) = fields.remove("x-one-of").as_ref().and_then(Value::as_array)
                    && !fields.contains_key("allOf")
                {
                    fields.insert("allOf".to_owned(), json!([{ "oneOf": one_of(groups) }]));
                }
                if objects == Objects::Closed
                    && fields.get("properties").is_some_and(Value::is_object)
                    && !fields.contains_key("additionalProperties")
                {
                    fields.insert("additionalProperties".to_owned(), json!(false));
                }
            }
            for (name, field) in fields.iter_mut() {
                let is_part = names == Names::No && matches!(name.as_str(), "not" | "allOf");
                let is_alone = field.as_array().is_some_and(|parts| parts.len() == 1);
                let objects = if is_part && !is_alone { Objects::Open } else { objects };
                let of_names = names == Names::No && name == "properties";
                as_json_schema(field, if of_names { Names::Yes } else { Names::No }, objects);
            }
            if !is_nullable {
                return;
            }
            let is_plain = !fields.contains_key("allOf");
            match fields.get_mut("type") {
                Some(ty) if is_plain => *ty = json!([ty.take(), "null"]),
                _ => *value = json!({ "anyOf": [value.take(), { "type": "null" }] }),
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| as_json_schema(item, Names::No, objects)),
        _ => {}
    }
}

/// The JSON Schema for exactly one of several groups of fields.
fn one_of(groups: &[Value]) -> Vec<Value> {
    let names = |group: &Value| group.as_array().cloned().unwrap_or_default();
    let only = |(index, group): (usize, &Value)| {
        let others = groups.iter().enumerate().filter(|(other, _)| *other != index);
        let others = others.flat_map(|(_, group)| names(group));
        let others: Vec<_> = others.map(|name| json!({ "required": [name] })).collect();
        json!({ "required": names(group), "not": { "anyOf": others } })
    };
    groups.iter().enumerate().map(only).collect()
}
