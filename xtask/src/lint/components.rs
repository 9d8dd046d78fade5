//! The components of requests and successful responses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    Lint,
    kinds::{ANNOTATIONS, Schema, Use},
    operations::tag_of_file,
};
use crate::{
    document::pointer::child,
    finding::Rule,
    model::{Direction, Home, Kind, Object, OpenEnum, Operation, Property, Type},
    names,
};

pub(super) const SCHEMAS: &str = "/components/schemas";

/// Components with handwritten types in `chartmogul-api`, which no generator would choose.
pub(super) const HANDWRITTEN: [(&str, &str, Direction); 2] = [
    (
        "CustomAttributeValue",
        "crate::CustomAttributeValue",
        Direction::Request,
    ),
    ("CustomAttributes", "crate::CustomAttributes", Direction::Response),
];

/// Help for a page whose list can't be marked as its entries.
const NO_ENTRIES: &str = "entries are objects: make the items a component, write `x-entries: true` on the list and its name \
                          in `required`; or leave out both `x-entries` and `has_more`, which is kept in `extra`";

/// State of the walk from the operations through the components.
pub(super) struct Walk {
    pub(super) direction: Direction,
    /// The components that contain the current one.
    pub(super) path: Vec<String>,
    /// The types that have been read.
    pub(super) types: BTreeMap<String, Type>,
    /// The direction in which each component was first reached.
    directions: BTreeMap<String, Direction>,
}

impl Walk {
    pub(super) fn new() -> Self {
        Self {
            direction: Direction::Request,
            path: Vec::new(),
            types: BTreeMap::new(),
            directions: BTreeMap::new(),
        }
    }
}

impl Lint<'_> {
    /// Whether a component contains itself, which is reported.
    pub(super) fn is_within(&mut self, name: &str) -> bool {
        let is_within = self.walk.path.iter().any(|above| above == name);
        if is_within {
            let problem = format!("`{name}` contains itself ({} > {name})", self.walk.path.join(" > "));
            let help = "a recursive schema is not supported; describe the inner one as a component of its own, or as any \
                        value: `x-any: true`";
            self.report(Rule::Recursion, &child(SCHEMAS, name), problem, help);
        }
        is_within
    }

    /// Reads a component, once.
    pub(super) fn component(&mut self, name: &str) {
        let pointer = child(SCHEMAS, name);
        if self.is_within(name) || !self.is_of_direction(name) {
            return;
        }
        let direction = self.walk.direction;
        self.walk.directions.insert(name.to_owned(), direction);
        let Some(schema) = self.object(&pointer, "a schema") else {
            return;
        };
        if names::pascal(name) != name || !names::is_ident(name) {
            let pascal = names::pascal(name);
            let help = if self.is_free_type(&pascal) {
                format!("write `{pascal}`")
            } else {
                "write nouns in this form, the resource first: `PlanGroup`".to_owned()
            };
            self.report(Rule::RustName, &pointer, format!("`{name}` is not a type name"), help);
        }
        let help = "say what it is; this becomes the documentation of the type";
        let description = self.text(&pointer, "description", help);
        let ty = if let Some((_, rust, _)) = HANDWRITTEN.iter().find(|(known, ..)| *known == name) {
            let limits = self.union_limits(&pointer);
            Type::Handwritten { rust, limits }
        } else if schema.contains_key("x-extensible-enum") {
            Type::OpenEnum(OpenEnum {
                home: self.home(name),
                description,
                values: self.values(&pointer, schema),
            })
        } else if schema.get("type").and_then(Value::as_str) == Some("object") {
            self.walk.path.push(name.to_owned());
            let properties = self.properties(&pointer, schema);
            self.walk.path.pop();
            Type::Object(Object {
                direction,
                description,
                home: self.home(name),
                one_of: self.one_of(&pointer, direction, &properties),
                nested: false,
                not_empty: self.not_empty(&pointer, schema),
                required_type: self.required_type(&pointer, direction, &properties),
                properties,
            })
        } else {
            return self.unsupported(&pointer, schema);
        };
        self.walk.types.insert(name.to_owned(), ty);
    }

    /// Whether a component is not read yet. Reports one that is used in both directions.
    fn is_of_direction(&mut self, name: &str) -> bool {
        let direction = self.walk.direction;
        let pointer = child(SCHEMAS, name);
        if let Some((_, rust, way)) = HANDWRITTEN.iter().find(|(known, ..)| *known == name)
            && *way != direction
        {
            let way = format!("{direction:?}").to_lowercase();
            let problem = format!("`{name}` is `{rust}`, which can't be used in a {way}");
            let help = "write a component, and a Rust type, for the other direction";
            self.report(Rule::Direction, &pointer, problem, help);
        }
        let Some(known) = self.walk.directions.get(name) else {
            return true;
        };
        if *known != direction && matches!(self.walk.types.get(name), Some(Type::Object(_))) {
            let help = "the two are read differently (absent, null and unknown fields); write a component for each";
            self.report(
                Rule::Direction,
                &pointer,
                format!("`{name}` is sent and received"),
                help,
            );
        }
        false
    }

    /// The module of a component: that of its file, if the file is that of a tag.
    pub(super) fn home(&self, name: &str) -> Home {
        let tag = tag_of_file(self.spec.file(&child(SCHEMAS, name)));
        tag.map_or(Home::Shared, |tag| Home::Tag(tag.to_owned()))
    }

    fn not_empty(&mut self, pointer: &str, schema: &Map<String, Value>) -> bool {
        match schema.get("minProperties").map(Value::as_u64) {
            None | Some(Some(0)) => false,
            Some(Some(1)) if self.walk.direction == Direction::Request => true,
            Some(_) => {
                let help = "`minProperties: 1` in a request is what the generator can check";
                self.report(
                    Rule::Limit,
                    &child(pointer, "minProperties"),
                    "this `minProperties` is not supported",
                    help,
                );
                false
            }
        }
    }

    fn properties(&mut self, pointer: &str, schema: &Map<String, Value>) -> Vec<Property> {
        let allowed = [
            "type",
            "required",
            "properties",
            "minProperties",
            "x-required-type",
            "x-envelope",
            "x-one-of",
        ];
        let others = schema.get("additionalProperties").map(|_| "additionalProperties");
        if let Some(others) = others {
            let help =
                "leave it out: what a response holds besides is kept in `extra`. For a map, leave `properties` out";
            let problem = "`additionalProperties` on an object with properties";
            self.report(Rule::UnknownKeyword, &child(pointer, others), problem, help);
        }
        let others = others.as_slice();
        self.known(pointer, schema, &[&ANNOTATIONS[..], &allowed, others].concat());
        let at = child(pointer, "properties");
        let Some(fields) = schema.get("properties") else {
            let help = "describe them under `properties`; or write `additionalProperties: true` for an object of any shape, \
                        or a schema there for an object with free keys";
            self.report(Rule::EmptyObject, pointer, "the object has no properties", help);
            return Vec::new();
        };
        let Some(fields) = fields.as_object() else {
            self.object(&at, "`properties`");
            return Vec::new();
        };
        if fields.is_empty() {
            let help = "describe them; or write `additionalProperties: true` instead, for an object of any shape";
            self.report(Rule::EmptyObject, &at, "the object has no properties", help);
        }
        let required = self.required(pointer, schema, fields);
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        let mut properties = Vec::new();
        for name in fields.keys() {
            let at = child(&at, name);
            let Some(field) = self.field(&at, name, &mut known) else {
                continue;
            };
            if self.walk.direction == Direction::Response && field == "extra" {
                self.report(
                    Rule::NameCollision,
                    &at,
                    "`extra` is where unknown fields are kept",
                    "give it another name: `x-rust-name: some_name`",
                );
            }
            if let Some(mut property) = self.property(&at, name, field) {
                property.required = required.contains(name);
                properties.push(property);
            }
        }
        self.entries(pointer, &properties);
        properties
    }

    /// The name of a property or a parameter in Rust; `None` if it has no valid one.
    pub(super) fn field(&mut self, pointer: &str, name: &str, known: &mut BTreeMap<String, String>) -> Option<String> {
        let at = child(pointer, "x-rust-name");
        let given = self.spec.at(&at);
        let field = match given {
            None => names::field(name),
            Some(given) => match given.as_str().filter(|given| names::is_field(given)) {
                Some(given) => given.to_owned(),
                None => {
                    let help = "write one in snake_case, such as `x-rust-name: from_`";
                    self.report(Rule::RustName, &at, format!("{given} is not a name in Rust"), help);
                    return None;
                }
            },
        };
        if !names::is_ident(&field) {
            let help = "a name in Rust begins with a letter and holds letters, digits and underscores; give it one: \
                        `x-rust-name: some_name`";
            self.report(
                Rule::RustName,
                pointer,
                format!("`{name}` can't be a name in Rust"),
                help,
            );
            return None;
        }
        if let Some(other) = known.insert(field.clone(), name.to_owned()) {
            let problem = format!("`{other}` and `{name}` are both `{field}` in Rust");
            let help = "give one of them another name: `x-rust-name: some_name`";
            self.report(Rule::NameCollision, pointer, problem, help);
        }
        Some(field)
    }

    /// The list that a response is about.
    fn entries(&mut self, pointer: &str, properties: &[Property]) {
        let is_response = self.walk.direction == Direction::Response;
        let marked: Vec<_> = properties.iter().filter(|property| property.entries).collect();
        for property in &marked {
            let at = child(&child(pointer, "properties"), &property.name);
            let of_components = is_of_components(&property.kind);
            if !is_response || !of_components || !property.required || property.nullable {
                let problem = "`x-entries` is not on a required list of components in a response";
                let help = if is_response && !of_components {
                    NO_ENTRIES
                } else {
                    "without this list, the response is an error; leave it out if the list may be missing"
                };
                self.report(Rule::Entries, &at, problem, help);
            }
        }
        if marked.len() > 1 {
            let problem = "more than one list is marked with `x-entries`";
            let help = "a response is about one list; leave the mark on that one";
            self.report(Rule::Entries, pointer, problem, help);
        }
        let is_page = properties.iter().any(|property| property.name == "has_more");
        if is_page && is_response && marked.is_empty() {
            let problem = "an object with `has_more` is a page, and its list is not marked";
            let can_be_marked = properties.iter().any(|property| is_of_components(&property.kind));
            let help = if can_be_marked {
                "write `x-entries: true` on it, and its name in `required`; a response without it is an error and not an empty page"
            } else {
                NO_ENTRIES
            };
            self.report(Rule::Entries, pointer, problem, help);
        }
    }

    pub(super) fn is_page(&self, component: &str) -> bool {
        let properties = self.spec.at(&child(&child(SCHEMAS, component), "properties"));
        let mut properties = properties.and_then(Value::as_object).into_iter().flatten();
        properties.any(|(_, property)| property.get("x-entries") == Some(&Value::Bool(true)))
    }

    fn required(
        &mut self,
        pointer: &str,
        schema: &Map<String, Value>,
        fields: &Map<String, Value>,
    ) -> BTreeSet<String> {
        let at = child(pointer, "required");
        let mut names = BTreeSet::new();
        let list = schema.get("required").map(|list| list.as_array().cloned());
        if list == Some(None) {
            let help = "write it below the object: `required: [uuid]`";
            self.report(Rule::Shape, &at, "`required` must be a list of names", help);
        }
        for (index, name) in list.flatten().unwrap_or_default().iter().enumerate() {
            match name.as_str().filter(|name| fields.contains_key(*name)) {
                Some(name) => {
                    names.insert(name.to_owned());
                }
                None => self.report(
                    Rule::Required,
                    &child(&at, &index.to_string()),
                    format!("{name} is required but not a property"),
                    "describe it under `properties`",
                ),
            }
        }
        names
    }

    fn property(&mut self, pointer: &str, name: &str, field: String) -> Option<Property> {
        let said = self.schema(pointer, Use::Property)?;
        let is_list = matches!(said.kind, Kind::List(_));
        if said.replaces_all && !is_list {
            let problem = "`x-replaces-all` is not on a list";
            let help = "it marks a list that replaces the old one";
            self.report(Rule::ReplacesAll, pointer, problem, help);
        }
        if said.nullable && is_list && self.walk.direction == Direction::Request {
            let help = "an empty list has the same effect; leave `nullable` out";
            self.report(Rule::Nullable, pointer, "a list that may be `null`", help);
        }
        Some(property(name, field, said))
    }

    /// Reads `x-one-of`: groups of fields of which exactly one is given completely.
    pub(super) fn one_of(&mut self, pointer: &str, direction: Direction, properties: &[Property]) -> Vec<Vec<String>> {
        const HELP: &str = "write at least two groups of different names: `x-one-of: [[customer_uuid], [data_source_uuid, external_id]]`";
        let at = child(pointer, "x-one-of");
        let Some(value) = self.spec.at(&at) else {
            return Vec::new();
        };
        if direction == Direction::Response {
            let help = "it is for requests; leave it out";
            self.report(Rule::OneOf, &at, "`x-one-of` in a response", help);
            return Vec::new();
        }
        let groups = value.as_array().map_or(&[][..], Vec::as_slice);
        if groups.len() < 2 {
            self.report(Rule::OneOf, &at, "`x-one-of` is not a list of groups", HELP);
            return Vec::new();
        }
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            let at = child(&at, &index.to_string());
            let fields: Vec<_> = group
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            if fields.is_empty() || group.as_array().map(Vec::len) != Some(fields.len()) {
                self.report(Rule::OneOf, &at, "a group is not a list of names", HELP);
            }
            for name in &fields {
                let property = properties.iter().find(|property| property.name == **name);
                let problem = if property.is_none() {
                    format!("`{name}` is not described")
                } else if property.is_some_and(|property| property.required) {
                    format!("`{name}` is required, so its group would always be given")
                } else if !seen.insert((*name).to_owned()) {
                    format!("`{name}` is named twice")
                } else {
                    continue;
                };
                self.report(Rule::OneOf, &at, problem, HELP);
            }
            found.push(fields.into_iter().map(str::to_owned).collect());
        }
        found
    }

    /// Marks objects that are part of other requests, which is known only after all are read.
    pub(super) fn nested(&mut self, operations: &[Operation]) {
        let all = operations.iter().filter_map(|operation| operation.body.as_ref());
        let bodies: BTreeSet<_> = all.clone().map(|body| body.component.clone()).collect();
        let enveloped = all.filter(|body| body.envelope.is_some());
        let enveloped: BTreeSet<_> = enveloped.map(|body| body.component.clone()).collect();
        let mut nested = BTreeSet::new();
        for (name, ty) in &self.walk.types {
            if let Type::Object(object) = ty
                && object.direction == Direction::Request
                && !enveloped.contains(name)
            {
                let parts = object
                    .properties
                    .iter()
                    .filter_map(|property| property.kind.component());
                nested.extend(parts.map(str::to_owned));
            }
        }
        for (name, ty) in &mut self.walk.types {
            if let Type::Object(object) = ty {
                object.nested = nested.contains(name);
            }
        }
        let envelopes: Vec<_> = self.walk.types.keys().cloned().collect();
        for name in envelopes {
            let at = child(&child(SCHEMAS, &name), "x-envelope");
            let is_envelope = self.spec.at(&at) == Some(&Value::Bool(true));
            if is_envelope && (nested.contains(&name) || !bodies.contains(&name)) {
                let help = "only a request body can be an envelope; leave `x-envelope` out";
                let problem = format!("`{name}` is an envelope, but is not used as a request body only");
                self.report(Rule::Envelope, &at, problem, help);
            }
        }
    }
}

/// Whether a value is a list of components.
fn is_of_components(kind: &Kind) -> bool {
    matches!(kind, Kind::List(item) if matches!(**item, Kind::Ref(_)))
}

/// A property or a query parameter.
pub(super) fn property(name: &str, field: String, said: Schema) -> Property {
    Property {
        name: name.to_owned(),
        field,
        description: said.description,
        required: false,
        nullable: said.nullable,
        replaces_all: said.replaces_all,
        entries: said.entries,
        deprecated: said.deprecated,
        kind: said.kind,
        limits: said.limits,
        min_items: said.min_items,
        example: said.example,
    }
}
