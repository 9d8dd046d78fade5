//! Reads schemas as kinds of values.

use serde_json::{Map, Value};

use super::Lint;
use crate::{
    document::pointer::{child, reference, schema_name, target},
    finding::Rule,
    lint::components::SCHEMAS,
    model::{Direction, Kind, Limits},
};

/// Keywords that limit a string.
const STRING_LIMITS: [&str; 4] = ["minLength", "maxLength", "pattern", "x-pattern-description"];

/// Keywords that are documentation only.
pub(super) const ANNOTATIONS: [&str; 5] = ["title", "description", "example", "externalDocs", "default"];

/// Keywords of a property of any type.
const OF_PROPERTIES: [&str; 4] = ["deprecated", "x-deprecated-note", "x-replaces-all", "x-rust-name"];

/// What a schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A field of an object.
    Property,
    /// A parameter; its description is beside its schema.
    Parameter,
    /// An item of a list or a map.
    Item,
    /// The body of a response.
    Response,
}

/// A schema that has been read.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) kind: Kind,
    pub(super) limits: Limits,
    pub(super) min_items: u64,
    pub(super) nullable: bool,
    /// Markdown; empty where none is required.
    pub(super) description: String,
    pub(super) deprecated: Option<String>,
    pub(super) replaces_all: bool,
    pub(super) entries: bool,
    pub(super) example: Option<Value>,
}

impl Schema {
    fn of(kind: Kind) -> Self {
        Self {
            kind,
            limits: Limits::default(),
            min_items: 0,
            nullable: false,
            description: String::new(),
            deprecated: None,
            replaces_all: false,
            entries: false,
            example: None,
        }
    }
}

impl Lint<'_> {
    /// Reads the schema at a pointer; `None` if the generator does not support it.
    pub(super) fn schema(&mut self, pointer: &str, of: Use) -> Option<Schema> {
        let spec = self.spec;
        let schema = self.object(pointer, "a schema")?;
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            return self.component_schema(pointer, target, of);
        }
        if schema.contains_key("enum") || schema.contains_key("x-extensible-enum") {
            self.unsupported(pointer, schema);
            return None;
        }
        let mut said = if schema.contains_key("allOf") {
            self.wrapped(pointer, schema, of)?
        } else {
            let mut said = self.plain(pointer, schema, of)?;
            said.nullable = self.flag(pointer, "nullable").unwrap_or(false);
            if of == Use::Property {
                let help = "say what it means, with units and format";
                said.description = self.text(pointer, "description", help);
            }
            said
        };
        if of == Use::Property {
            said.deprecated = self.deprecated(pointer);
            said.replaces_all |= self.flag(pointer, "x-replaces-all").unwrap_or(false);
        }
        if let Some(example) = spec.at(&child(pointer, "example")) {
            said.example = Some(example.clone());
        }
        Some(said)
    }

    /// Reads a reference to a component; a component that is no Rust type is read as if it were inline.
    fn component_schema(&mut self, pointer: &str, target: &str, of: Use) -> Option<Schema> {
        let Some(name) = schema_name(target) else {
            let problem = format!("`{target}` is not a schema");
            let help = "refer to `#/components/schemas/...`";
            self.report(Rule::Reference, &child(pointer, "$ref"), problem, help);
            return None;
        };
        let at = child(SCHEMAS, name);
        if !self.is_type(name) {
            if self.is_within(name) {
                return None;
            }
            if self.spec.at(&child(&at, "x-rust-name")).is_some() {
                let help = "write it where the component is used: `allOf: [{ $ref: .. }]` with `x-rust-name` beside";
                let problem = "a name in Rust belongs to a property and not to a component";
                self.report(Rule::RustName, &child(&at, "x-rust-name"), problem, help);
            }
            self.walk.path.push(name.to_owned());
            let said = self.schema(&at, of);
            self.walk.path.pop();
            return said;
        }
        if self.is_page(name) && of != Use::Response {
            self.report(
                Rule::Entries,
                pointer,
                format!("`{name}` is a page, but is part of another object"),
                "a page without its entries is an error, and would make the object around it one too; leave `x-entries` out",
            );
        }
        self.component(name);
        let mut said = Schema::of(Kind::Ref(name.to_owned()));
        said.description = self.optional_text(&at, "description");
        Some(said)
    }

    /// Whether a component is a Rust type: an object, an enum, or handwritten. Any other is an alias of its schema.
    fn is_type(&self, name: &str) -> bool {
        let Some(schema) = self.spec.at(&child(SCHEMAS, name)) else {
            return true;
        };
        let has = |keyword| schema.get(keyword).is_some();
        let is_object = schema.get("type").and_then(Value::as_str) == Some("object");
        super::is_handwritten(name)
            || has("x-extensible-enum")
            || has("enum")
            || has("oneOf")
            || has("not")
            || has("properties")
            || is_object && !has("additionalProperties")
    }

    /// Reads a reference with siblings: `allOf` of only this reference.
    fn wrapped(&mut self, pointer: &str, schema: &Map<String, Value>, of: Use) -> Option<Schema> {
        let Some([only]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) else {
            self.unsupported(pointer, schema);
            return None;
        };
        if reference(only).is_none() {
            self.unsupported(pointer, schema);
            return None;
        }
        self.keywords(pointer, schema, of, &["allOf", "nullable", "type"]);
        let of_target = target(only).and_then(|target| self.spec.at(&child(target, "type")));
        if let Some(ty) = schema.get("type").filter(|ty| Some(*ty) != of_target) {
            let problem = format!("the type {ty} beside a reference to a component of another type");
            let help = "write the type of the component, or leave it out";
            self.report(Rule::Type, &child(pointer, "type"), problem, help);
        }
        let mut said = self.schema(&child(&child(pointer, "allOf"), "0"), of)?;
        said.nullable |= self.flag(pointer, "nullable").unwrap_or(false);
        let description = self.optional_text(pointer, "description");
        if !description.is_empty() {
            said.description = description;
        }
        Some(said)
    }

    /// Reads a schema without a reference.
    fn plain(&mut self, pointer: &str, schema: &Map<String, Value>, of: Use) -> Option<Schema> {
        if schema.contains_key("anyOf") {
            return self.any_of(pointer, schema, of).map(Schema::of);
        }
        if self.flag(pointer, "x-any") == Some(true) {
            if schema.contains_key("type") {
                let help = "leave `x-any` out, or the type";
                self.report(Rule::Type, pointer, "a value of any shape that has a type", help);
                return None;
            }
            self.keywords(pointer, schema, of, &["x-any", "nullable"]);
            return Some(Schema::of(Kind::Any));
        }
        let ty = schema.get("type").and_then(Value::as_str);
        let format = schema.get("format").and_then(Value::as_str);
        let (said, keywords): (_, &[&str]) = match (ty, format) {
            (Some("string"), None | Some("email" | "uri" | "uuid")) => {
                let limits = self.string_limits(pointer);
                (limited(Kind::String, limits), &STRING_LIMITS)
            }
            (Some("string"), Some("date")) => (Schema::of(Kind::Date), &[]),
            (Some("string"), Some("date-time")) => (Schema::of(Kind::Timestamp), &[]),
            (Some("integer"), Some("int64")) => {
                let limits = self.integer_limits(pointer);
                (limited(Kind::Integer, limits), &["minimum", "maximum"])
            }
            (Some("integer"), _) => {
                let help = "add `format: int64`; identifiers and amounts exceed 32 bits";
                self.report(Rule::Integer, pointer, "the integer is not `format: int64`", help);
                return None;
            }
            (Some("number"), None | Some("double")) => (Schema::of(Kind::Number), &[]),
            (Some("boolean"), None) => (Schema::of(Kind::Boolean), &[]),
            (Some("array"), None) => (self.list(pointer)?, &["items", "minItems", "x-entries"]),
            (Some("object"), None) if !schema.contains_key("properties") => {
                (self.map(pointer, schema)?, &["additionalProperties"])
            }
            (Some(known @ ("string" | "number" | "boolean" | "array")), Some(format)) => {
                let problem = format!("`{format}` is not a known format of {known}");
                let help = "leave the format out, or say in words what is allowed";
                self.report(Rule::Format, &child(pointer, "format"), problem, help);
                return None;
            }
            _ => {
                self.unsupported(pointer, schema);
                return None;
            }
        };
        self.keywords(
            pointer,
            schema,
            of,
            &[&["type", "format", "nullable"], keywords].concat(),
        );
        Some(said)
    }

    fn keywords(&mut self, pointer: &str, schema: &Map<String, Value>, of: Use, keywords: &[&str]) {
        let of_properties: &[&str] = if of == Use::Property { &OF_PROPERTIES } else { &[] };
        self.known(pointer, schema, &[&ANNOTATIONS[..], keywords, of_properties].concat());
    }

    fn list(&mut self, pointer: &str) -> Option<Schema> {
        let items = child(pointer, "items");
        let inner = self.item(&items)?;
        if matches!(inner.kind, Kind::List(_)) {
            let help = "make the item a component with the list inside, or any value: `x-any: true`";
            self.report(Rule::Type, &items, "items that are lists are not supported", help);
        }
        Some(Schema {
            limits: inner.limits,
            min_items: self.count(pointer, "minItems").unwrap_or(0),
            entries: self.flag(pointer, "x-entries").unwrap_or(false),
            ..Schema::of(Kind::List(Box::new(inner.kind)))
        })
    }

    fn map(&mut self, pointer: &str, schema: &Map<String, Value>) -> Option<Schema> {
        let values = child(pointer, "additionalProperties");
        match schema.get("additionalProperties") {
            Some(Value::Bool(true)) => return Some(Schema::of(Kind::Map(Box::new(Kind::Any)))),
            Some(Value::Object(of)) if of.is_empty() => return Some(Schema::of(Kind::Map(Box::new(Kind::Any)))),
            Some(Value::Object(_)) => {}
            _ => {
                let help = "describe its fields in a named component; or write `additionalProperties: true` for an object \
                            of any shape, or a schema there for an object with free keys";
                self.report(Rule::EmptyObject, pointer, "the object has no properties", help);
                return None;
            }
        }
        let inner = self.item(&values)?;
        Some(limited(Kind::Map(Box::new(inner.kind)), inner.limits))
    }

    /// Reads the schema of an item of a list or a map.
    fn item(&mut self, pointer: &str) -> Option<Schema> {
        let inner = self.schema(pointer, Use::Item)?;
        // A value of any shape may be `null`.
        if inner.nullable && inner.kind != Kind::Any {
            self.report(
                Rule::Nullable,
                pointer,
                "an item that may be `null`",
                "leave `nullable` out; an unexpected value in a response is kept anyway. In a request, write `x-any: true` instead of its type",
            );
        }
        if inner.min_items > 0 || inner.entries {
            let help = "leave out `minItems` and `x-entries`; they are for lists that are properties";
            self.report(
                Rule::Limit,
                pointer,
                "a nested list with `minItems` or `x-entries`",
                help,
            );
        }
        Some(inner)
    }

    /// Reads `anyOf`: a day or an instant, or a value of several simple types.
    fn any_of(&mut self, pointer: &str, schema: &Map<String, Value>, of: Use) -> Option<Kind> {
        let plain = ["type", "format", "title", "description", "example", "nullable"];
        let branches = schema.get("anyOf").and_then(Value::as_array);
        let mut kinds = Vec::new();
        for branch in branches.into_iter().flatten() {
            let text = |keyword| branch.get(keyword).and_then(Value::as_str);
            let mut is_plain = branch
                .as_object()
                .is_some_and(|branch| branch.keys().all(|key| plain.contains(&key.as_str())));
            // A `type` that all have in common may be beside them: `nullable` has no meaning without a `type`.
            is_plain &= schema.get("type").is_none_or(|ty| branch.get("type") == Some(ty));
            kinds.push(match (text("type"), text("format")) {
                _ if !is_plain => None,
                (Some("string"), Some("date")) => Some(Kind::Date),
                (Some("string"), Some("date-time")) => Some(Kind::Timestamp),
                (Some("string" | "integer" | "number" | "boolean"), _) => Some(Kind::Any),
                _ => None,
            });
        }
        if kinds.len() < 2 || kinds.contains(&None) {
            self.unsupported(pointer, schema);
            return None;
        }
        self.keywords(pointer, schema, of, &["type", "anyOf", "nullable"]);
        let has = |kind| kinds.contains(&Some(kind));
        let is_time = kinds.len() == 2 && has(Kind::Date) && has(Kind::Timestamp);
        Some(if is_time { Kind::Timestamp } else { Kind::Any })
    }

    /// Reads the note of something that is deprecated; a note without `deprecated`, or the reverse, is reported.
    pub(super) fn deprecated(&mut self, pointer: &str) -> Option<String> {
        const NOTE: &str = "x-deprecated-note";
        let deprecated = self.flag(pointer, "deprecated").unwrap_or(false);
        let at = child(pointer, NOTE);
        let has_note = self.spec.at(&at).is_some();
        if !deprecated {
            if has_note {
                let help = "add `deprecated: true`, or leave the note out";
                let problem = format!("`{NOTE}` without `deprecated: true`");
                self.report(Rule::Deprecated, &at, problem, help);
            }
            return None;
        }
        let help = "say what to use instead: `x-deprecated-note: use cursor instead`";
        if !has_note {
            let problem = format!("`{NOTE}` is missing");
            self.report(Rule::Deprecated, &child(pointer, "deprecated"), problem, help);
            return None;
        }
        let note = self.text(pointer, NOTE, help);
        if note.contains(['\n', '<', '>', '[', ']', '\\', '*'])
            || note.contains("://")
            || note.contains(char::is_control)
        {
            let help = "write one line without brackets, asterisks and links: compilers show it as it is";
            self.report(Rule::Deprecated, &at, format!("`{NOTE}` is not plain text"), help);
        }
        Some(note)
    }

    /// Reports a schema that makes progenitor panic, or generate a type that can't read the response.
    pub(super) fn unsupported(&mut self, pointer: &str, schema: &Map<String, Value>) {
        let is_request = self.walk.direction != Direction::Response;
        if schema.contains_key("enum") {
            return self.report(
                Rule::ClosedEnum,
                &child(pointer, "enum"),
                "a closed `enum`: a new value on the server would make the whole response an error",
                "make it a component with `type: string` and `x-extensible-enum: [...]`",
            );
        }
        if schema.contains_key("allOf") {
            let help = "`allOf` holds one reference, with `nullable`, `description` or `deprecated` beside it; copy what \
                        several objects share, or make it a component of its own";
            let at = child(pointer, "allOf");
            return self.report(Rule::Union, &at, "`allOf` is more than one reference", help);
        }
        if let Some(union) = ["oneOf", "anyOf", "not"].iter().find(|key| schema.contains_key(**key)) {
            let help = if is_request {
                "write `anyOf` of simple types without limits, `x-any: true` for a value of any shape, or one object with \
                 all properties and `x-one-of` for what excludes itself"
            } else {
                "write `anyOf` of simple types without limits, `x-any: true` for a value of any shape, or one object with \
                 the properties of all alternatives, none of them required"
            };
            let problem = format!("this `{union}` is not supported: no Rust type can read every value of it");
            return self.report(Rule::Union, &child(pointer, union), problem, help);
        }
        match schema.get("type") {
            Some(Value::String(ty)) if ty == "object" => self.report(
                Rule::InlineObject,
                pointer,
                "an object within an object",
                "make it a named component; its name becomes a Rust type",
            ),
            Some(Value::String(ty)) if ty == "string" && schema.contains_key("x-extensible-enum") => self.report(
                Rule::InlineObject,
                pointer,
                "an enum without a name",
                "make it a named component; its name becomes a Rust type",
            ),
            Some(Value::String(other)) => {
                let help = "the types are string, integer, number, boolean, array and object";
                let problem = format!("`{other}` is not a type");
                self.report(Rule::Type, &child(pointer, "type"), problem, help);
            }
            Some(_) => {} // reported elsewhere
            None => self.report(
                Rule::Type,
                pointer,
                "the schema has no `type`",
                "add one: string, integer, number, boolean, array or object; `x-any: true` stands for a value of any shape",
            ),
        }
    }
}

fn limited(kind: Kind, limits: Limits) -> Schema {
    Schema {
        limits,
        ..Schema::of(kind)
    }
}
