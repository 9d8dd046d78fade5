//! Whether examples and defaults are what their schemas say.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::Lint;
use crate::{
    document::pointer::{child, is_read, reference},
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
    /// All of them in one validation: making a validator costs more than using it.
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
        as_json_schema(&mut schema);
        // What is wrong with a schema is told elsewhere.
        let Ok(validator) = jsonschema::draft4::new(&schema) else {
            return;
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
            let problem = format!("{} does not fit its schema: {}", sample.what, error.masked());
            self.say(Rule::Example, &pointer, problem, "correct the value, or the schema");
        }
    }

    fn samples(&self, pointer: &str, value: &'a Value, found: &mut Vec<Sample<'a>>) {
        match value {
            Value::Object(members) => {
                self.samples_of(pointer, value, members, found);
                for (name, member) in members {
                    if is_read(pointer, name) && name != "default" {
                        self.samples(&child(pointer, name), member, found);
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

    /// Those of one object: beside its `schema`, or of a schema itself.
    fn samples_of(
        &self,
        pointer: &str,
        value: &'a Value,
        members: &'a Map<String, Value>,
        found: &mut Vec<Sample<'a>>,
    ) {
        let is_schema = |schema: &Value| ["type", "anyOf", "oneOf"].iter().any(|key| schema.get(key).is_some());
        let schema = match members.get("schema") {
            Some(schema) => schema,
            None if is_schema(value) && !pointer.ends_with("/properties") => value,
            None => return,
        };
        for (name, what) in [("example", "the example"), ("default", "the default")] {
            if let Some(value) = members.get(name) {
                let pointer = child(pointer, name);
                found.push(Sample {
                    pointer,
                    what,
                    value,
                    schema,
                });
            }
        }
        let Some(Value::Object(examples)) = members.get("examples") else {
            return;
        };
        for (name, example) in examples {
            let mut pointer = child(&child(pointer, "examples"), name);
            let mut example = example;
            if let Some(target) = reference(example).and_then(|target| target.strip_prefix('#')) {
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
