//! Rewrites the API into a document that progenitor turns into correct code.
//!
//! progenitor supports less of OpenAPI than people and other tools need. What is left out here is handled elsewhere:
//!
//! | in the document | for progenitor | why |
//! |---|---|---|
//! | all responses | one `2XX` with the type of the response | two error bodies or `default` make it panic; statuses differ from what is documented. The transport reads every status (`chartmogul-api/src/transport`). |
//! | types in responses | types of `render/responses.rs` | a `null`, a missing field or one odd item would lose the whole response |
//! | query parameters | one object, one parameter | separate ones would be positional arguments |
//! | optional bodies | required | the transport drops an empty one at run time |
//! | optional lists in requests | nullable, so `Option<Vec<T>>` | an explicitly empty list could not be sent |
//! | optional and nullable in requests | `crate::Field<T>` | absent and `null` would be the same |
//! | days and instants in requests | `crate::Date`, `crate::Timestamp` | they accept text and chrono's types, and are validated with everything else |
//! | maps and values of any shape | `BTreeMap<String, T>`, `serde_json` | progenitor would generate new types for them |
//! | `x-extensible-enum` | a generated enum with `Unknown(String)` | a closed enum can't read a new value |
//! | limits, patterns, formats of strings | nothing | progenitor would generate types whose errors don't say what is allowed; the schemas of `render/operations.rs` are checked instead |

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value, json};

use crate::model::{Api, Direction, Kind, Object, Operation, Property, Type};

/// A document for progenitor, and the Rust types that stand for some of its components.
#[derive(Debug)]
pub struct Lowered {
    /// OpenAPI 3.0, as JSON.
    pub document: Value,
    /// Name of a component, and path of the type that replaces it.
    pub replacements: BTreeMap<String, String>,
}

impl fmt::Display for Lowered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:#}\n", self.document)?;
        for (name, path) in &self.replacements {
            writeln!(f, "{name} is {path}")?;
        }
        Ok(())
    }
}

/// Lowers the whole API.
pub fn lower(api: &Api) -> Lowered {
    let mut lower = Lower {
        api,
        schemas: Map::new(),
        replacements: BTreeMap::new(),
    };
    for (name, ty) in &api.types {
        let schema = match ty {
            Type::Object(object) if object.direction != Direction::Response => lower.object(object),
            _ => {
                let path = rust_type(api, &Kind::Ref(name.clone()), Direction::Response);
                lower.replacements.insert(name.clone(), path);
                json!({ "type": "string" })
            }
        };
        lower.schemas.insert(name.clone(), schema);
    }
    let mut paths = Map::new();
    for operation in &api.operations {
        let item = paths.entry(path(operation)).or_insert_with(|| json!({}));
        item[&operation.method] = lower.operation(operation);
    }
    Lowered {
        document: json!({
            "openapi": "3.0.3",
            "info": { "title": "ChartMogul API", "version": "1" },
            "paths": paths,
            "components": { "schemas": lower.schemas },
        }),
        replacements: lower.replacements,
    }
}

/// The path with the Rust names of its parameters.
pub fn path(operation: &Operation) -> String {
    let mut path = operation.path.clone();
    for parameter in &operation.parameters {
        path = path.replace(&format!("{{{}}}", parameter.name), &format!("{{{}}}", parameter.field));
    }
    path
}

/// The name of a field, to which progenitor adds an underscore if necessary.
pub fn field_key(property: &Property) -> &str {
    property.field.trim_end_matches('_')
}

/// The Rust type of a value, by its path within `chartmogul-api`.
pub fn rust_type(api: &Api, kind: &Kind, direction: Direction) -> String {
    let inner = |kind: &Kind| rust_type(api, kind, direction);
    let response = direction == Direction::Response;
    match kind {
        Kind::String => "String".to_owned(),
        Kind::Date if response => "chrono::NaiveDate".to_owned(),
        Kind::Date => "crate::Date".to_owned(),
        Kind::Timestamp if response => "chrono::DateTime<chrono::Utc>".to_owned(),
        Kind::Timestamp => "crate::Timestamp".to_owned(),
        Kind::Integer => "i64".to_owned(),
        Kind::Number => "f64".to_owned(),
        Kind::Boolean => "bool".to_owned(),
        Kind::Ref(name) => match api.types.get(name) {
            Some(Type::Handwritten { rust, .. }) => (*rust).to_owned(),
            _ => format!("crate::types::{name}"),
        },
        Kind::Any => "serde_json::Value".to_owned(),
        Kind::List(item) if response => format!("crate::List<{}>", inner(item)),
        Kind::List(item) => format!("Vec<{}>", inner(item)),
        Kind::Map(value) if **value == Kind::Any => "serde_json::Map<String, serde_json::Value>".to_owned(),
        Kind::Map(value) => format!("std::collections::BTreeMap<String, {}>", inner(value)),
    }
}

struct Lower<'a> {
    api: &'a Api,
    schemas: Map<String, Value>,
    replacements: BTreeMap<String, String>,
}

impl Lower<'_> {
    fn object(&mut self, object: &Object) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for property in &object.properties {
            let name = field_key(property);
            properties.insert(name.to_owned(), self.property(property, object.direction));
            // A required field: progenitor would wrap an optional `Field` in an `Option`.
            if property.required || is_field(property, object.direction) {
                required.push(name.to_owned());
            }
        }
        let mut schema = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    fn property(&mut self, property: &Property, direction: Direction) -> Value {
        let mut schema = if is_field(property, direction) {
            let name = format!("Xtask{}Field", spelled(&property.kind));
            self.replaced(name, field_type(self.api, property, direction))
        } else {
            self.kind(&property.kind)
        };
        let is_optional_list = matches!(property.kind, Kind::List(_)) && !property.required;
        let is_option = property.nullable && !is_field(property, direction);
        if is_optional_list || is_option {
            schema["nullable"] = json!(true);
        }
        schema
    }

    /// The schema of a value in a request.
    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::String => json!({ "type": "string" }),
            Kind::Integer => json!({ "type": "integer", "format": "int64" }),
            Kind::Number => json!({ "type": "number", "format": "double" }),
            Kind::Boolean => json!({ "type": "boolean" }),
            Kind::Ref(name) => json!({ "allOf": [reference(name)] }), // so that it can be nullable
            Kind::List(inner) => json!({ "type": "array", "items": self.kind(inner) }),
            Kind::Date | Kind::Timestamp | Kind::Any | Kind::Map(_) => {
                let ty = rust_type(self.api, kind, Direction::Request);
                self.replaced(format!("Xtask{}", spelled(kind)), ty)
            }
        }
    }

    /// The schema of a value whose Rust type is in `chartmogul-api` or another crate.
    fn replaced(&mut self, name: String, path: String) -> Value {
        let schema = json!({ "allOf": [reference(&name)] });
        self.schemas
            .entry(name.clone())
            .or_insert_with(|| json!({ "type": "string" }));
        self.replacements.insert(name, path);
        schema
    }

    fn operation(&mut self, operation: &Operation) -> Value {
        let mut parameters = Vec::new();
        for parameter in &operation.parameters {
            parameters.push(json!({
                "name": parameter.field,
                "in": "path",
                "required": true,
                "schema": self.kind(&parameter.kind),
            }));
        }
        if let Some(query) = &operation.query {
            parameters.push(json!({ "name": "query", "in": "query", "required": true, "schema": reference(query) }));
        }
        let mut success = json!({ "description": "" });
        if let Some(kind) = &operation.response {
            let schema = match kind {
                Kind::Ref(name) => reference(name),
                kind => {
                    let ty = rust_type(self.api, kind, Direction::Response);
                    self.replaced(format!("Xtask{}Response", spelled(kind)), ty)
                }
            };
            success["content"] = json!({ "application/json": { "schema": schema } });
        }
        let mut lowered = json!({
            "operationId": operation.id,
            "parameters": parameters,
            "responses": { "2XX": success },
        });
        if let Some(body) = &operation.body {
            lowered["requestBody"] = json!({
                "required": true,
                "content": { "application/json": { "schema": reference(&body.component) } },
            });
        }
        lowered
    }
}

/// Whether absent, `null` and a value must be distinguished. Not for a response's entries: without them, it is an error.
pub fn is_field(property: &Property, direction: Direction) -> bool {
    match direction {
        Direction::Response => !property.entries,
        Direction::Request | Direction::Query => property.nullable && !property.required,
    }
}

/// The Rust type of a [`Field`](is_field), or of any field of a response.
pub fn field_type(api: &Api, property: &Property, direction: Direction) -> String {
    let inner = rust_type(api, &property.kind, direction);
    if is_field(property, direction) {
        format!("crate::Field<{inner}>")
    } else {
        inner
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn spelled(kind: &Kind) -> String {
    match kind {
        Kind::Ref(name) => name.clone(),
        Kind::List(inner) => format!("{}List", spelled(inner)),
        Kind::Map(inner) => format!("{}Map", spelled(inner)),
        simple => format!("{simple:?}"),
    }
}
