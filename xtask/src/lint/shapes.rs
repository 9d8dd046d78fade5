//! Checks values where an object is required. A value that can't be a body in any form is reported as such at once:
//! otherwise the first finding would ask for a component, and the next one say that it can't be a body.

use serde_json::{Map, Value};

use super::Lint;
use crate::{
    document::pointer::{child, target},
    finding::Rule,
};

/// Keywords that combine several schemas.
const UNIONS: [&str; 4] = ["oneOf", "anyOf", "not", "allOf"];

/// The kind of value that a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// An object with properties.
    Object,
    /// An object without described fields.
    Empty,
    /// An object with free keys.
    Map,
    List,
    /// A text, a number, an enum, a value of any shape.
    Single,
    /// A union with at least one object.
    Union(&'static str),
    /// It has no type, or an unknown one.
    Unknown,
}

/// The shape of a value, and the pointer of its schema.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) shape: Shape,
    pub(super) pointer: String,
    /// An `allOf` of one reference, through which the schema was reached.
    pub(super) wrapped: Option<String>,
}

impl Lint<'_> {
    /// The schema at a pointer, after following references; `None` if it is not a schema, which is reported elsewhere.
    pub(super) fn shape_at(&self, pointer: &str) -> Option<Found> {
        let mut found = Found {
            shape: Shape::Unknown,
            pointer: self.resolved(pointer),
            wrapped: None,
        };
        let mut seen = Vec::new();
        loop {
            let schema = self.spec.at(&found.pointer)?.as_object()?;
            let Some([only]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) else {
                found.shape = self.shape_of(&found.pointer, schema)?;
                return Some(found);
            };
            let target = target(only)?.to_owned();
            if seen.contains(&target) {
                return None; // a loop, which is reported elsewhere
            }
            seen.push(target.clone());
            let above = std::mem::replace(&mut found.pointer, target);
            found.wrapped.get_or_insert(above);
        }
    }

    fn shape_of(&self, pointer: &str, schema: &Map<String, Value>) -> Option<Shape> {
        let has = |keyword: &str| schema.contains_key(keyword);
        let name = pointer.strip_prefix("/components/schemas/").unwrap_or_default();
        if super::is_handwritten(name) || has("enum") || has("x-extensible-enum") || has("x-any") {
            return Some(Shape::Single);
        }
        if let Some(union) = UNIONS.into_iter().find(|keyword| has(keyword)) {
            let parts = schema.get(union).and_then(Value::as_array);
            let is_single = |index| {
                let part = child(&child(pointer, union), &format!("{index}"));
                let found = self.shape_at(&part);
                found.is_none_or(|found| !matches!(found.shape, Shape::Object | Shape::Empty | Shape::Union(_)))
            };
            let all_single = parts.is_some_and(|parts| (0..parts.len()).all(is_single));
            return Some(if all_single { Shape::Single } else { Shape::Union(union) });
        }
        if has("properties") {
            let properties = schema.get("properties").and_then(Value::as_object);
            let is_empty = properties.is_some_and(Map::is_empty);
            return Some(if is_empty { Shape::Empty } else { Shape::Object });
        }
        match schema.get("type") {
            Some(Value::String(ty)) => Some(match ty.as_str() {
                "object" if has("additionalProperties") => Shape::Map,
                "object" => Shape::Empty,
                "array" => Shape::List,
                "string" | "integer" | "number" | "boolean" => Shape::Single,
                _ => Shape::Unknown,
            }),
            Some(_) => None, // reported elsewhere
            None => Some(Shape::Unknown),
        }
    }

    /// Whether a request body is an object, or would be as a component; otherwise it is reported.
    pub(super) fn is_object_in_request(&mut self, schema: &str) -> bool {
        let Some(found) = self.shape_at(schema) else {
            return true;
        };
        let at = &found.pointer;
        match found.shape {
            Shape::Object => !self.is_wrapped(&found),
            Shape::Empty if at == schema => true, // it is not a component either, which is reported instead
            Shape::Empty => {
                let help = "describe them under `properties`: a body is an object whose fields are known; what is not \
                            known goes into one of them, such as a map";
                self.report(
                    Rule::EmptyObject,
                    at,
                    "the object in a request body has no properties",
                    help,
                );
                false
            }
            Shape::Map | Shape::List | Shape::Single => {
                self.no_object(schema, at, "request body", "an object");
                false
            }
            Shape::Union(union) => {
                let help = "a body is one object: write a component with the properties of all parts, and `x-one-of` for \
                            those that exclude each other";
                self.union(at, union, help);
                false
            }
            Shape::Unknown => {
                let help = "a body is an object: write `type: object`, and describe its `properties`";
                self.report(Rule::Type, at, "the schema has no `type` that exists", help);
                false
            }
        }
    }

    /// Whether a response is an object, a list or a map, or would be as a component; otherwise it is reported.
    pub(super) fn is_read_from_response(&mut self, schema: &str) -> bool {
        let Some(found) = self.shape_at(schema) else {
            return true;
        };
        let at = &found.pointer;
        match found.shape {
            // A component that is an alias of another one.
            _ if found.wrapped.as_deref() == Some(schema) => !self.is_wrapped(&found),
            Shape::Object | Shape::Empty | Shape::Map | Shape::List => true,
            Shape::Single => {
                self.no_object(schema, at, "response", "an object, a list or a map");
                false
            }
            Shape::Union(union) => {
                let help = "a response is an object, a list or a map: write one component with the properties of all \
                            parts, none of them required";
                self.union(at, union, help);
                false
            }
            Shape::Unknown => {
                let help = "a response is an object, a list or a map: write `type: object` and its `properties` in a component, \
                            `type: array` and its `items`, or `type: object` and `additionalProperties`";
                self.report(Rule::Type, at, "the schema has no `type` that exists", help);
                false
            }
        }
    }

    /// Reports an unnecessary `allOf` of one component.
    fn is_wrapped(&mut self, found: &Found) -> bool {
        let Some(above) = &found.wrapped else { return false };
        let help = format!(
            "refer to it where the body is: `schema: {{ $ref: '#{}' }}`",
            found.pointer
        );
        self.report(
            Rule::Union,
            &child(above, "allOf"),
            "a body that is `allOf` of one component",
            help,
        );
        true
    }

    fn union(&mut self, pointer: &str, union: &str, help: &str) {
        let problem = format!("a body that is `{union}` is not supported: no Rust type can hold every value of it");
        self.report(Rule::Union, &child(pointer, union), problem, help);
    }

    /// Reports that a value, inline or a component, is not an object.
    fn no_object(&mut self, schema: &str, at: &str, what: &str, allowed: &str) {
        let name = at.strip_prefix("/components/schemas/");
        let problem = match name {
            Some(name) => format!("`{name}` is a {what}, but not {allowed}"),
            None => format!("the {what} is not {allowed}"),
        };
        let value = name.map_or_else(|| "this".to_owned(), |name| format!("`{name}`"));
        let help = format!(
            "a {what} is {allowed}: write a component of `type: object` with {value} as a property, and refer to it"
        );
        self.report(Rule::InlineObject, schema, problem, help);
        if let Some(schema) = self
            .spec
            .at(at)
            .and_then(Value::as_object)
            .filter(|schema| schema.contains_key("enum"))
        {
            self.unsupported(at, schema); // an `enum` is not supported in a property either
        }
    }
}
