//! Rewrites the API into a document that progenitor turns into correct code.
//!
//! progenitor reads less of OpenAPI than a document for people and other tools should say. What is lost here on
//! purpose comes back elsewhere:
//!
//! | in the document | for progenitor | why |
//! |---|---|---|
//! | all responses | one `2XX` with the answer's component | two error bodies or `default` make it panic; statuses differ from what is documented. The transport reads every status (`chartmogul-api/src/transport.rs`). |
//! | members of answers | `crate::Field<T>` | `null`, a missing member or another type would lose the whole answer |
//! | lists in answers | `crate::List<T>` | one odd item would lose all the others |
//! | query parameters | an object of their own | they would be positional arguments, and sent with `progenitor_client` |
//! | optional lists in requests | nullable, so `Option<Vec<T>>` | an explicitly empty list could not be sent |
//! | optional and nullable in requests | `crate::Field<T>` | absent and `null` would be the same |
//! | `x-extensible-enum` | a generated enum with `Unknown(String)` | a closed enum can't read a new value |
//! | unions | types written by hand | it makes structs of them that can't read a scalar |
//! | limits, patterns, formats of strings | nothing | it makes types of them whose errors don't say what is allowed; `Check` is generated instead |

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
            Type::Object(object) => lower.object(object),
            Type::OpenEnum(_) | Type::Handwritten { .. } => {
                lower
                    .replacements
                    .insert(name.clone(), rust_type(api, &Kind::Ref(name.clone())));
                json!({ "type": "string" })
            }
        };
        lower.schemas.insert(name.clone(), schema);
    }
    let mut paths = Map::new();
    for operation in &api.operations {
        let item = paths.entry(operation.path.clone()).or_insert_with(|| json!({}));
        item[&operation.method] = lower_operation(operation);
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

/// The Rust type of a value, by its path within `chartmogul-api`.
pub fn rust_type(api: &Api, kind: &Kind) -> String {
    match kind {
        Kind::String => "String".to_owned(),
        Kind::Date => "chrono::NaiveDate".to_owned(),
        Kind::Timestamp => "chrono::DateTime<chrono::Utc>".to_owned(),
        Kind::Integer => "i64".to_owned(),
        Kind::Number => "f64".to_owned(),
        Kind::Boolean => "bool".to_owned(),
        Kind::Ref(name) => match api.types.get(name) {
            Some(Type::Handwritten { rust, .. }) => (*rust).to_owned(),
            _ => format!("crate::types::{name}"),
        },
        Kind::Any => "serde_json::Value".to_owned(),
        Kind::List(inner) => format!("Vec<{}>", rust_type(api, inner)),
        Kind::Map(inner) => format!("std::collections::BTreeMap<String, {}>", rust_type(api, inner)),
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
            properties.insert(property.name.clone(), self.property(property, object.direction));
            // Required keeps progenitor from wrapping a `Field` into an `Option`.
            if property.required || is_field(property, object.direction) {
                required.push(property.name.clone());
            }
        }
        let mut schema = json!({
            "type": "object",
            "description": object.description,
            "properties": properties,
            "required": required,
        });
        if object.direction == Direction::Response {
            schema["additionalProperties"] = json!({}); // unknown members are kept
        }
        schema
    }

    fn property(&mut self, property: &Property, direction: Direction) -> Value {
        let mut schema = if is_field(property, direction) {
            let name = format!("Xtask{}Field", spelled(&property.kind));
            self.replaced(name, field_type(self.api, property, direction))
        } else if direction == Direction::Response {
            let name = format!("Xtask{}", spelled(&property.kind));
            self.replaced(name, field_type(self.api, property, direction))
        } else {
            Self::kind(&property.kind)
        };
        if schema.get("$ref").is_some() {
            schema = json!({ "allOf": [schema] }); // so that it can have a description
        }
        let is_optional_list = matches!(property.kind, Kind::List(_)) && !property.required;
        let must_be_said = property.nullable && !is_field(property, direction);
        if is_optional_list || must_be_said {
            schema["nullable"] = json!(true);
        }
        schema["description"] = json!(property.description);
        schema
    }

    /// A component that is a type of `chartmogul-api`.
    fn replaced(&mut self, name: String, path: String) -> Value {
        let schema = json!({ "allOf": [reference(&name)] });
        self.schemas
            .entry(name.clone())
            .or_insert_with(|| json!({ "type": "string" }));
        self.replacements.insert(name, path);
        schema
    }

    fn kind(kind: &Kind) -> Value {
        match kind {
            Kind::String => json!({ "type": "string" }),
            Kind::Date => json!({ "type": "string", "format": "date" }),
            Kind::Timestamp => json!({ "type": "string", "format": "date-time" }),
            Kind::Integer => json!({ "type": "integer", "format": "int64" }),
            Kind::Number => json!({ "type": "number", "format": "double" }),
            Kind::Boolean => json!({ "type": "boolean" }),
            Kind::Ref(name) => reference(name),
            Kind::Any => json!({}),
            Kind::List(inner) => json!({ "type": "array", "items": Self::kind(inner) }),
            Kind::Map(inner) => json!({ "type": "object", "additionalProperties": Self::kind(inner) }),
        }
    }
}

/// Whether absent, `null` and a value must be told apart. Without the list that it is about, an answer is an error.
pub fn is_field(property: &Property, direction: Direction) -> bool {
    match direction {
        Direction::Response => !property.entries,
        Direction::Request | Direction::Query => property.nullable && !property.required,
    }
}

/// The Rust type of a [`Field`](is_field), or of any member of an answer.
pub fn field_type(api: &Api, property: &Property, direction: Direction) -> String {
    let inner = match &property.kind {
        Kind::List(item) if direction == Direction::Response => format!("crate::List<{}>", rust_type(api, item)),
        kind => rust_type(api, kind),
    };
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
        simple => format!("{simple:?}"),
    }
}

fn lower_operation(operation: &Operation) -> Value {
    let parameters: Vec<_> = operation
        .parameters
        .iter()
        .map(|parameter| {
            json!({
                "name": parameter.name,
                "in": "path",
                "required": true,
                "schema": { "type": "string" },
            })
        })
        .collect();
    let mut success = json!({ "description": "" });
    if let Some(Kind::Ref(name)) = &operation.response {
        success["content"] = json!({ "application/json": { "schema": reference(name) } });
    }
    let mut lowered = json!({
        "operationId": operation.id,
        "parameters": parameters,
        "responses": { "2XX": success },
    });
    if let Some(name) = operation.body.as_ref().map(|body| &body.component) {
        lowered["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": reference(name) } },
        });
    }
    lowered
}
