use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Lint;
use crate::{
    document::pointer::{child, reference},
    finding::Rule,
    model::{Direction, Kind, Object, OpenEnum, Operation, Property, Type},
    names,
};

pub(super) const SCHEMAS: &str = "/components/schemas";

/// Components that are types written by hand in `chartmogul-api`: no generator would choose them.
const HANDWRITTEN: [(&str, &str, Direction); 2] = [
    (
        "CustomAttributeValue",
        "crate::CustomAttributeValue",
        Direction::Request,
    ),
    ("CustomAttributes", "crate::CustomAttributes", Direction::Answer),
];

/// What limits a text.
pub(super) const STRING_LIMITS: [&str; 4] = ["minLength", "maxLength", "pattern", "x-pattern-description"];

/// Members that say something to people only.
pub(super) const ANNOTATIONS: [&str; 6] = [
    "title",
    "description",
    "example",
    "externalDocs",
    "deprecated",
    "default",
];

/// The way through the components, from the bodies of the operations.
pub(super) struct Walk {
    pub(super) direction: Direction,
    /// The components above.
    path: Vec<String>,
    /// What has been read.
    pub(super) types: BTreeMap<String, Type>,
    /// Which way it was first reached.
    directions: BTreeMap<String, Direction>,
}

impl Walk {
    fn new() -> Self {
        Self {
            direction: Direction::Request,
            path: Vec::new(),
            types: BTreeMap::new(),
            directions: BTreeMap::new(),
        }
    }
}

impl Lint<'_> {
    /// The components that requests and successful answers are made of.
    pub(super) fn components(&mut self, operations: &[Operation]) -> BTreeMap<String, Type> {
        let mut walk = Walk::new();
        self.queries(&mut walk);
        for direction in [Direction::Request, Direction::Answer] {
            walk.direction = direction;
            let roots: BTreeSet<_> = operations
                .iter()
                .filter_map(|operation| match direction {
                    Direction::Answer => operation.answer.clone(),
                    _ => operation.body.clone(),
                })
                .collect();
            for name in roots {
                self.component(&name, &mut walk);
                if !matches!(walk.types.get(&name), None | Some(Type::Object(_))) {
                    self.say(
                        Rule::InlineObject,
                        &child(SCHEMAS, &name),
                        format!("`{name}` is a body, but not an object"),
                        "bodies are objects; wrap it in one",
                    );
                }
            }
        }
        let types = walk.types;
        self.setters_of_both(operations, &types);
        self.collisions(&types);
        types
    }

    fn component(&mut self, name: &str, walk: &mut Walk) {
        let pointer = child(SCHEMAS, name);
        if walk.path.iter().any(|above| above == name) {
            self.say(
                Rule::Recursion,
                &pointer,
                format!("`{name}` contains itself ({} > {name})", walk.path.join(" > ")),
                "a recursive schema is not supported; describe the inner one as a component of its own",
            );
            return;
        }
        if let Some((_, rust, way)) = HANDWRITTEN.iter().find(|(known, ..)| *known == name)
            && *way != walk.direction
        {
            self.say(
                Rule::Direction,
                &pointer,
                format!("`{name}` is `{rust}`, which is not made for a {:?}", walk.direction)
                    .to_lowercase()
                    .replace(&name.to_lowercase(), name),
                "write a component, and a Rust type, for the other direction",
            );
        }
        if let Some(known) = walk.directions.get(name) {
            if *known != walk.direction && matches!(walk.types.get(name), Some(Type::Object(_))) {
                self.say(
                    Rule::Direction,
                    &pointer,
                    format!("`{name}` is sent and received"),
                    "the two are read differently (absent, null and unknown members); write a component for each",
                );
            }
            return;
        }
        walk.directions.insert(name.to_owned(), walk.direction);
        let Some(schema) = self.object(&pointer, "a schema") else {
            return;
        };
        if names::RESERVED_TYPES.contains(&name) || name.starts_with("Xtask") {
            self.say(
                Rule::NameCollision,
                &pointer,
                format!("`{name}` is the name of something else in the clients"),
                "choose another name for the component, such as one with the resource in front",
            );
        } else if names::pascal(name) != name || !names::is_ident(name) {
            self.say(
                Rule::RustName,
                &pointer,
                format!("`{name}` is not a type name"),
                format!("write `{}`", names::pascal(name)),
            );
        }
        let description = self.text(
            &pointer,
            "description",
            "say what it is; this becomes the documentation of the type",
        );
        if let Some((_, rust, _)) = HANDWRITTEN.iter().find(|(known, ..)| *known == name) {
            let limits = self.union_limits(&pointer);
            walk.types.insert(name.to_owned(), Type::Handwritten { rust, limits });
        } else if schema.contains_key("x-extensible-enum") {
            let values = self.values(&pointer, schema);
            walk.types
                .insert(name.to_owned(), Type::OpenEnum(OpenEnum { description, values }));
        } else if schema.get("type").and_then(Value::as_str) == Some("object") {
            walk.path.push(name.to_owned());
            let properties = self.properties(&pointer, schema, walk);
            walk.path.pop();
            let not_empty = self.not_empty(&pointer, schema, walk.direction);
            walk.types.insert(
                name.to_owned(),
                Type::Object(Object {
                    direction: walk.direction,
                    description,
                    not_empty,
                    required_type: self.required_type(&pointer, walk.direction, &properties),
                    properties,
                }),
            );
        } else {
            self.unsupported(&pointer, schema);
        }
    }

    /// The struct for what a request can't be without.
    pub(super) fn required_type(
        &mut self,
        pointer: &str,
        direction: Direction,
        properties: &[Property],
    ) -> Option<String> {
        let spec = self.spec;
        let at = child(pointer, "x-required-type");
        let kinds: Vec<_> = properties.iter().filter(|p| p.required).map(|p| &p.kind).collect();
        let mixed_up = kinds.len() > 2 || matches!(kinds[..], [one, other] if one == other);
        let needed = direction != Direction::Answer && mixed_up;
        let Some(name) = spec.at(&at) else {
            if needed {
                self.say(
                    Rule::RequiredType,
                    pointer,
                    "what is required is more than two members, or two of one type, and its struct has no name",
                    "name it: `x-required-type: NewOpportunity`; callers write `create(NewOpportunity { owner: ..., ... })`",
                );
            }
            return None;
        };
        if !needed {
            self.say(
                Rule::RequiredType,
                &at,
                "a struct for what nobody mixes up, or does not send",
                "leave it out: up to two required members of different types become arguments",
            );
            return None;
        }
        let Some(name) = name
            .as_str()
            .filter(|name| names::pascal(name) == *name && names::is_ident(name))
        else {
            self.say(
                Rule::RustName,
                &at,
                format!("{name} is not a type name"),
                "write one such as `NewOpportunity`",
            );
            return None;
        };
        if names::RESERVED_TYPES.contains(&name) || self.spec.at(&child(SCHEMAS, name)).is_some() {
            self.say(
                Rule::NameCollision,
                &at,
                format!("`{name}` is the name of something else in the clients"),
                "choose another",
            );
        }
        Some(name.to_owned())
    }

    fn not_empty(&mut self, pointer: &str, schema: &Map<String, Value>, direction: Direction) -> bool {
        match schema.get("minProperties").map(Value::as_u64) {
            None | Some(Some(0)) => false,
            Some(Some(1)) if direction == Direction::Request => true,
            Some(_) => {
                let help = "`minProperties: 1` in a request is what the generator can check";
                self.say(
                    Rule::Limit,
                    &child(pointer, "minProperties"),
                    "this `minProperties` is not supported",
                    help,
                );
                false
            }
        }
    }

    fn properties(&mut self, pointer: &str, schema: &Map<String, Value>, walk: &mut Walk) -> Vec<Property> {
        self.known(
            pointer,
            schema,
            &[
                &ANNOTATIONS[..],
                &["type", "required", "properties", "minProperties", "x-required-type"],
            ]
            .concat(),
        );
        let at = child(pointer, "properties");
        let Some(members) = self.object(&at, "`properties`") else {
            return Vec::new();
        };
        if members.is_empty() {
            self.say(
                Rule::EmptyObject,
                &at,
                "the object has no properties",
                "describe them; an object of any shape is not supported",
            );
        }
        let required = self.required(pointer, schema, members);
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        let mut properties = Vec::new();
        for name in members.keys() {
            let at = child(&at, name);
            let field = names::field(name);
            if !self.field_name(&at, name, &field, &mut fields) {
                continue;
            }
            self.setters(&at, walk.direction, &field, members);
            if walk.direction == Direction::Answer && field == "extra" {
                self.say(
                    Rule::NameCollision,
                    &at,
                    "`extra` is where unknown members are kept",
                    "teach the generator another name (xtask/src/names.rs)",
                );
            }
            if let Some(mut property) = self.property(&at, name, field, walk) {
                property.required = required.contains(name);
                properties.push(property);
            }
        }
        self.entries(pointer, walk, &properties);
        properties
    }

    /// Whether a name can be that of a field.
    pub(super) fn field_name(
        &mut self,
        pointer: &str,
        name: &str,
        field: &str,
        fields: &mut BTreeMap<String, String>,
    ) -> bool {
        if !names::is_ident(field) {
            self.say(
                Rule::RustName,
                pointer,
                format!("`{name}` can't be a name in Rust"),
                "a name in Rust begins with a letter and holds letters, digits and underscores; teach the generator one (xtask/src/names.rs)",
            );
            return false;
        }
        if let Some(other) = fields.insert(field.to_owned(), name.to_owned()) {
            let problem = format!("`{other}` and `{name}` are both `{field}` in Rust");
            self.say(
                Rule::NameCollision,
                pointer,
                problem,
                "leave one out, or teach the generator a second name (xtask/src/names.rs)",
            );
        }
        true
    }

    /// The list that an answer is about.
    fn entries(&mut self, pointer: &str, walk: &Walk, properties: &[Property]) {
        let marked: Vec<_> = properties.iter().filter(|property| property.entries).collect();
        for property in &marked {
            let at = child(&child(pointer, "properties"), &property.name);
            let of_components = matches!(&property.kind, Kind::List(item) if matches!(**item, Kind::Ref(_)));
            if walk.direction != Direction::Answer || !of_components || !property.required || property.nullable {
                self.say(
                    Rule::Entries,
                    &at,
                    "`x-entries` is not on a required list of components in an answer",
                    "it says that an answer without this list is an error; leave it out where the list may be missing",
                );
            }
        }
        if marked.len() > 1 {
            self.say(
                Rule::Entries,
                pointer,
                "more than one list is marked with `x-entries`",
                "an answer is about one list; leave the mark on that one",
            );
        }
        let is_page = properties.iter().any(|property| property.name == "has_more");
        if is_page && walk.direction == Direction::Answer && marked.is_empty() {
            self.say(
                Rule::Entries,
                pointer,
                "an object with `has_more` is a page, and the list that it is about is not marked",
                "write `x-entries: true` on it; an answer without it is an error and not an empty page",
            );
        }
    }

    fn is_page(&self, component: &str) -> bool {
        let properties = self.spec.at(&child(&child(SCHEMAS, component), "properties"));
        let mut properties = properties.and_then(Value::as_object).into_iter().flatten();
        properties.any(|(_, property)| property.get("x-entries") == Some(&Value::Bool(true)))
    }

    fn required(
        &mut self,
        pointer: &str,
        schema: &Map<String, Value>,
        members: &Map<String, Value>,
    ) -> BTreeSet<String> {
        let at = child(pointer, "required");
        let mut names = BTreeSet::new();
        let list = schema.get("required").map(|list| list.as_array().cloned());
        if list == Some(None) {
            self.say(
                Rule::Shape,
                &at,
                "`required` must be a list of names",
                "write it below the object: `required: [uuid]`",
            );
        }
        for (index, name) in list.flatten().unwrap_or_default().iter().enumerate() {
            match name.as_str().filter(|name| members.contains_key(*name)) {
                Some(name) => {
                    names.insert(name.to_owned());
                }
                None => self.say(
                    Rule::Required,
                    &child(&at, &index.to_string()),
                    format!("{name} is required but not a property"),
                    "describe it under `properties`",
                ),
            }
        }
        names
    }

    fn property(&mut self, pointer: &str, name: &str, field: String, walk: &mut Walk) -> Option<Property> {
        let pointer = &self.scalar(pointer);
        let schema = self.object(pointer, "a property")?;
        let kind = self.kind(pointer, schema, walk)?;
        let description = match &kind {
            Kind::Ref(component) => self.optional_text(&child(SCHEMAS, component), "description"),
            _ => self.text(pointer, "description", "say what it means, with units and format"),
        };
        let replaces_all = self.flag(pointer, "x-replaces-all").unwrap_or(false);
        if replaces_all && !matches!(kind, Kind::List(_)) {
            self.say(
                Rule::ReplacesAll,
                pointer,
                "`x-replaces-all` is not on a list",
                "it says that sending a list replaces the old one",
            );
        }
        let limits = self.limits(pointer, &kind);
        let nullable = self.flag(pointer, "nullable").unwrap_or(false);
        if nullable && matches!(kind, Kind::List(_)) && walk.direction == Direction::Request {
            self.say(
                Rule::Nullable,
                &child(pointer, "nullable"),
                "a list that may be `null`",
                "an empty list says the same; leave `nullable` out",
            );
        }
        Some(Property {
            name: name.to_owned(),
            field,
            description,
            required: false,
            nullable,
            replaces_all,
            entries: self.flag(pointer, "x-entries").unwrap_or(false),
            kind,
            limits,
        })
    }

    /// Where a schema stands: a reference to a component that is a single value means what stands there.
    pub(super) fn scalar(&mut self, pointer: &str) -> String {
        let spec = self.spec;
        let target = spec.at(pointer).and_then(reference);
        let Some(target) = target.and_then(|target| target.strip_prefix('#')) else {
            return pointer.to_owned();
        };
        let is_single = spec.at(target).is_some_and(|component| {
            let ty = component.get("type").and_then(Value::as_str);
            matches!(ty, Some("string" | "integer" | "number" | "boolean"))
                && component.get("enum").is_none()
                && component.get("x-extensible-enum").is_none()
        });
        if !is_single {
            return pointer.to_owned();
        }
        target.to_owned()
    }

    pub(super) fn kind(&mut self, pointer: &str, schema: &Map<String, Value>, walk: &mut Walk) -> Option<Kind> {
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let Some(name) = target.strip_prefix("#/components/schemas/") else {
                self.say(
                    Rule::Reference,
                    &child(pointer, "$ref"),
                    format!("`{target}` is not a schema"),
                    "refer to `#/components/schemas/...`",
                );
                return None;
            };
            if self.is_page(name) {
                self.say(
                    Rule::Entries,
                    pointer,
                    format!("`{name}` is a page, and inside of something else"),
                    "a page without its entries is an error, and would cost all that is around it; leave `x-entries` out",
                );
            }
            self.component(name, walk);
            return Some(Kind::Ref(name.to_owned()));
        }
        let format = schema.get("format").and_then(Value::as_str);
        let (kind, members): (_, &[&str]) = match (schema.get("type").and_then(Value::as_str), format) {
            _ if schema.contains_key("enum") || schema.contains_key("x-extensible-enum") => {
                self.unsupported(pointer, schema);
                return None;
            }
            (Some("string"), None | Some("email" | "uri" | "uuid")) => (Kind::String, &STRING_LIMITS),
            (Some("string"), Some("date")) => (Kind::Date, &[]),
            (Some("string"), Some("date-time")) => (Kind::Timestamp, &[]),
            (Some("integer"), Some("int64")) => (Kind::Integer, &["minimum", "maximum"]),
            (Some("integer"), _) => {
                self.say(
                    Rule::Integer,
                    pointer,
                    "the integer is not `format: int64`",
                    "add `format: int64`; identifiers and amounts exceed 32 bit",
                );
                return None;
            }
            (Some("number"), None | Some("double")) => (Kind::Number, &[]),
            (Some("boolean"), None) => (Kind::Boolean, &[]),
            (Some("array"), None) => {
                let at = self.scalar(&child(pointer, "items"));
                let items = self.object(&at, "`items`")?;
                let inner = self.kind(&at, items, walk)?;
                if matches!(inner, Kind::List(_)) {
                    self.unsupported_items(&at);
                }
                if self.flag(&at, "nullable") == Some(true) {
                    self.say(
                        Rule::Nullable,
                        &child(&at, "nullable"),
                        "an item that may be `null`",
                        "leave `nullable` out; what is odd in an answer is kept anyway",
                    );
                }
                (Kind::List(Box::new(inner)), &["items", "x-replaces-all", "x-entries"])
            }
            (Some(known @ ("string" | "number" | "boolean" | "array")), Some(format)) => {
                self.say(
                    Rule::Format,
                    &child(pointer, "format"),
                    format!("`{format}` is not a known format of {known}"),
                    "leave the format out, or teach the generator (xtask/src/lint/schemas.rs)",
                );
                return None;
            }
            _ => {
                self.unsupported(pointer, schema);
                return None;
            }
        };
        self.known(
            pointer,
            schema,
            &[&ANNOTATIONS[..], &["type", "format", "nullable"], members].concat(),
        );
        Some(kind)
    }

    fn unsupported_items(&mut self, pointer: &str) {
        let help = "make the item a component, or teach the generator (xtask/src/render/checks.rs)";
        self.say(Rule::Type, pointer, "items that are lists are not supported", help);
    }

    /// The methods of a request's builder.
    fn setters(&mut self, pointer: &str, direction: Direction, field: &str, members: &Map<String, Value>) {
        let taken = |name: &str| {
            let rest = ["clear_", "replace_all_", "remove_all_"]
                .iter()
                .find_map(|prefix| name.strip_prefix(prefix));
            names::RESERVED_SETTERS.contains(&name)
                || rest.is_some_and(|rest| {
                    members
                        .keys()
                        .any(|member| names::field(member).trim_end_matches('_') == rest)
                })
        };
        if direction == Direction::Request && taken(field) {
            self.reserved_setter(pointer, field);
        }
    }

    pub(super) fn reserved_setter(&mut self, pointer: &str, field: &str) {
        self.say(
            Rule::NameCollision,
            pointer,
            format!("`{field}` is the name of another method of the builder"),
            "teach the generator a second name (xtask/src/names.rs)",
        );
    }

    /// A schema that progenitor would panic on, or turn into a type that can't read what the server sends.
    fn unsupported(&mut self, pointer: &str, schema: &Map<String, Value>) {
        if schema.contains_key("enum") {
            return self.say(
                Rule::ClosedEnum,
                &child(pointer, "enum"),
                "a closed `enum`: one new value on the server and the whole answer is lost",
                "make it a component with `type: string` and `x-extensible-enum: [...]`",
            );
        }
        if let Some(union) = ["oneOf", "anyOf", "allOf", "not"]
            .iter()
            .find(|key| schema.contains_key(**key))
        {
            return self.say(
                Rule::Union,
                &child(pointer, union),
                format!("`{union}` is not supported: progenitor makes a type of it that can't read every value"),
                "write a Rust type for it in chartmogul-api and name it in HANDWRITTEN (xtask/src/lint/schemas.rs)",
            );
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => self.say(
                Rule::InlineObject,
                pointer,
                "an object within an object",
                "make it a named component; its name becomes a Rust type",
            ),
            Some("string") if schema.contains_key("x-extensible-enum") => {
                self.say(
                    Rule::InlineObject,
                    pointer,
                    "an enum without a name",
                    "make it a named component; its name becomes a Rust type",
                );
            }
            Some("string" | "integer" | "number" | "boolean" | "array") => {
                self.say(
                    Rule::Type,
                    pointer,
                    "a component that is neither an object nor an enum",
                    "write its schema where it is used",
                );
            }
            Some(other) => {
                let help = "the types are string, integer, number, boolean, array and object";
                self.say(
                    Rule::Type,
                    &child(pointer, "type"),
                    format!("`{other}` is not a type"),
                    help,
                );
            }
            None => self.say(
                Rule::Type,
                pointer,
                "the schema has no `type`",
                "add one: string, integer, number, boolean, array or object",
            ),
        }
    }

    fn values(&mut self, pointer: &str, schema: &Map<String, Value>) -> Vec<(String, String)> {
        const HELP: &str = "list the known values: `x-extensible-enum: [recurring, one-time]`";
        self.known(
            pointer,
            schema,
            &[&ANNOTATIONS[..], &["type", "x-extensible-enum"]].concat(),
        );
        if schema.get("type").and_then(Value::as_str) != Some("string") {
            self.say(
                Rule::OpenEnum,
                pointer,
                "an enum that is not a string",
                "add `type: string`",
            );
        }
        let at = child(pointer, "x-extensible-enum");
        let mut values: Vec<(String, String)> = Vec::new();
        for (index, value) in schema
            .get("x-extensible-enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .enumerate()
        {
            let place = child(&at, &index.to_string());
            let Some(value) = value.as_str() else {
                self.say(
                    Rule::OpenEnum,
                    &place,
                    format!("{value} is not text"),
                    "put it in quotes",
                );
                continue;
            };
            let variant = names::pascal(value);
            if !names::is_ident(&variant) || variant == "Unknown" {
                self.say(
                    Rule::RustName,
                    &place,
                    format!("`{value}` can't be a variant in Rust"),
                    "teach the generator a name for it (xtask/src/names.rs)",
                );
            } else if values.iter().any(|(known, _)| known == value) {
                self.say(
                    Rule::OpenEnum,
                    &place,
                    format!("`{value}` is listed twice"),
                    "leave one out",
                );
            } else if value.chars().any(char::is_control) {
                self.say(
                    Rule::OpenEnum,
                    &place,
                    "the value holds a line break or another control character",
                    "leave it out",
                );
            } else if let Some((other, _)) = values.iter().find(|(_, known)| *known == variant) {
                let problem = format!("`{other}` and `{value}` are both `{variant}` in Rust");
                self.say(
                    Rule::NameCollision,
                    &place,
                    problem,
                    "leave one out, or teach the generator a second name (xtask/src/names.rs)",
                );
            } else {
                values.push((value.to_owned(), variant));
            }
        }
        if values.is_empty() {
            self.say(Rule::OpenEnum, &at, "the enum has no values", HELP);
        }
        values
    }

    fn is_query(&self, name: &str, types: &BTreeMap<String, Type>) -> bool {
        types.contains_key(name) && self.spec.at(&child(SCHEMAS, name)).is_none()
    }

    fn collisions(&mut self, types: &BTreeMap<String, Type>) {
        let mut structs: BTreeSet<&str> = BTreeSet::new();
        for (name, ty) in types {
            if let Type::Object(object) = ty
                && let Some(required) = &object.required_type
                // That it is none of the components has been seen to.
                && (!structs.insert(required) || self.is_query(required, types))
            {
                self.say(
                    Rule::NameCollision,
                    &child(SCHEMAS, name),
                    format!("`{required}` is the name of something else in the clients"),
                    "choose another",
                );
            }
        }
        let mut modules: BTreeMap<String, &str> = BTreeMap::new();
        for name in types.keys() {
            if let Some(other) = modules.insert(names::module(name), name) {
                let problem = format!("`{other}` and `{name}` would be the same file");
                self.say(
                    Rule::NameCollision,
                    &child(SCHEMAS, name),
                    problem,
                    "rename one of them",
                );
            }
        }
    }
}
