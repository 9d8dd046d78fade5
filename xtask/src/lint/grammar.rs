//! Checks the whole document against the grammar of OpenAPI 3.0, including parts that no operation uses or that the
//! generator does not read. An unknown keyword, or one whose value has the wrong type, would be ignored silently.

use serde_json::{Map, Value};

use super::Lint;
use crate::{
    document::pointer::{child, reference},
    finding::Rule,
};

/// The kind of value that a keyword has.
#[derive(Clone, Copy)]
enum Is {
    Text,
    Flag,
    Number,
    Any,
    Texts,
    A(Object),
    ListOf(Object),
    MapOf(Object),
    /// `false`, `true` or a schema.
    FlagOrSchema,
}

use Is::{A, Any, Flag, FlagOrSchema, ListOf, MapOf, Number, Text, Texts};

/// A kind of object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Object {
    Root,
    Info,
    License,
    Contact,
    Server,
    Tag,
    Docs,
    Path,
    Operation,
    Parameter,
    Body,
    Media,
    Response,
    Header,
    Example,
    Link,
    Components,
    SecurityScheme,
    Schema,
    /// Anything; it is not read.
    Free,
}

impl Object {
    #[allow(clippy::too_many_lines, clippy::match_same_arms)] // a table
    fn fields(self) -> &'static [(&'static str, Is)] {
        match self {
            Self::Root => &[
                ("openapi", Any), // a rule of its own
                ("info", A(Self::Info)),
                ("externalDocs", A(Self::Docs)),
                ("servers", ListOf(Self::Server)),
                ("security", ListOf(Self::Free)),
                ("tags", ListOf(Self::Tag)),
                ("paths", MapOf(Self::Path)),
                ("components", A(Self::Components)),
            ],
            Self::Info => &[
                ("title", Text),
                ("description", Text),
                ("termsOfService", Text),
                ("version", Text),
                ("license", A(Self::License)),
                ("contact", A(Self::Contact)),
            ],
            Self::License => &[("name", Text), ("url", Text)],
            Self::Contact => &[("name", Text), ("url", Text), ("email", Text)],
            Self::Server => &[("url", Text), ("description", Text)],
            Self::Tag => &[("name", Text), ("description", Text), ("externalDocs", A(Self::Docs))],
            Self::Docs => &[("url", Text), ("description", Text)],
            Self::Path => &[
                ("summary", Text),
                ("description", Text),
                ("parameters", ListOf(Self::Parameter)),
                ("get", A(Self::Operation)),
                ("put", A(Self::Operation)),
                ("post", A(Self::Operation)),
                ("delete", A(Self::Operation)),
                ("patch", A(Self::Operation)),
            ],
            Self::Operation => &[
                ("operationId", Text),
                ("x-idempotent", Flag),
                ("x-method", Text),
                ("x-identifier", Text),
                ("x-destructive", Flag),
                ("x-query-type", Text),
                ("x-required-type", Text),
                ("x-one-of", Any), // a rule of its own
                ("deprecated", Flag),
                ("x-deprecated-note", Text),
                ("tags", Texts),
                ("summary", Text),
                ("description", Text),
                ("externalDocs", A(Self::Docs)),
                ("parameters", ListOf(Self::Parameter)),
                ("requestBody", A(Self::Body)),
                ("responses", MapOf(Self::Response)),
            ],
            Self::Parameter => &[
                ("name", Text),
                ("in", Text),
                ("required", Flag),
                ("description", Text),
                ("schema", A(Self::Schema)),
                ("style", Text),
                ("explode", Flag),
                ("deprecated", Flag),
                ("x-deprecated-note", Text),
                ("x-rust-name", Text),
                ("example", Any),
                ("examples", MapOf(Self::Example)),
            ],
            Self::Body => &[
                ("description", Text),
                ("required", Flag),
                ("content", MapOf(Self::Media)),
            ],
            Self::Media => &[
                ("schema", A(Self::Schema)),
                ("example", Any),
                ("examples", MapOf(Self::Example)),
            ],
            Self::Response => &[
                ("description", Text),
                ("content", MapOf(Self::Media)),
                ("headers", MapOf(Self::Header)),
                ("links", MapOf(Self::Link)),
            ],
            Self::Header => &[
                ("description", Text),
                ("required", Flag),
                ("schema", A(Self::Schema)),
                ("example", Any),
            ],
            Self::Example => &[("summary", Text), ("description", Text), ("value", Any)],
            Self::Link => &[("operationId", Text), ("description", Text), ("parameters", Any)],
            Self::Components => &[
                ("schemas", MapOf(Self::Schema)),
                ("parameters", MapOf(Self::Parameter)),
                ("responses", MapOf(Self::Response)),
                ("requestBodies", MapOf(Self::Body)),
                ("examples", MapOf(Self::Example)),
                ("headers", MapOf(Self::Header)),
                ("securitySchemes", MapOf(Self::SecurityScheme)),
            ],
            Self::SecurityScheme => &[
                ("type", Text),
                ("scheme", Text),
                ("name", Text),
                ("in", Text),
                ("bearerFormat", Text),
                ("description", Text),
            ],
            Self::Schema => &[
                ("type", Text),
                ("format", Text),
                ("title", Text),
                ("description", Text),
                ("externalDocs", A(Self::Docs)),
                ("nullable", Flag),
                ("deprecated", Flag),
                ("default", Any),
                ("example", Any),
                ("enum", Any),
                ("x-extensible-enum", Any),
                ("minimum", Number),
                ("maximum", Number),
                ("minLength", Number),
                ("maxLength", Number),
                ("pattern", Text),
                ("x-pattern-description", Text),
                ("minItems", Number),
                ("maxItems", Number),
                ("items", A(Self::Schema)),
                ("minProperties", Number),
                ("required", Texts),
                ("properties", MapOf(Self::Schema)),
                ("additionalProperties", FlagOrSchema),
                ("allOf", ListOf(Self::Schema)),
                ("anyOf", ListOf(Self::Schema)),
                ("oneOf", ListOf(Self::Schema)),
                ("not", A(Self::Schema)),
                ("x-entries", Flag),
                ("x-no-result", Flag),
                ("x-replaces-all", Flag),
                ("x-required-type", Text),
                ("x-any", Flag),
                ("x-envelope", Flag),
                ("x-one-of", Any), // a rule of its own
                ("x-deprecated-note", Text),
                ("x-rust-name", Text),
                ("x-rust-names", Any),
            ],
            Self::Free => &[],
        }
    }

    fn has(self, field: &str) -> bool {
        self.fields().iter().any(|(name, _)| *name == field)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Root => "the document",
            Self::Info => "`info`",
            Self::License => "a license",
            Self::Contact => "a contact",
            Self::Server => "a server",
            Self::Tag => "a tag",
            Self::Docs => "a link to documentation",
            Self::Path => "a path",
            Self::Operation => "an operation",
            Self::Parameter => "a parameter",
            Self::Body => "a request body",
            Self::Media => "a content type",
            Self::Response => "a response",
            Self::Header => "a header",
            Self::Example => "an example",
            Self::Link => "a link",
            Self::Components => "`components`",
            Self::SecurityScheme => "a security scheme",
            Self::Schema => "a schema",
            Self::Free => "it",
        }
    }
}

impl Lint<'_> {
    pub(super) fn grammar(&mut self) {
        let root = self.spec.root();
        self.object_of("", root, Object::Root);
    }

    fn object_of(&mut self, pointer: &str, value: &Value, kind: Object) {
        let Some(fields) = value.as_object() else {
            return self.report(
                Rule::Shape,
                pointer,
                format!("{} must be a mapping", kind.name()),
                "write it as `key: value` lines",
            );
        };
        if kind == Object::Free {
            return;
        }
        if reference(value).is_some() {
            for key in fields.keys().filter(|key| *key != "$ref") {
                let help = "leave it out, or write it where the reference leads";
                let problem = format!("`{key}` beside `$ref` is ignored");
                self.report(Rule::UnknownKeyword, &child(pointer, key), problem, help);
            }
            return;
        }
        let allowed = kind.fields();
        for (key, value) in fields {
            let at = child(pointer, key);
            match allowed.iter().find(|(name, _)| name == key) {
                Some((_, is)) => self.value(&at, key, value, *is),
                // Extensions at the root are for other tools.
                None if kind == Object::Root && key.starts_with("x-") => {}
                None => self.unknown(&at, key, allowed.iter().map(|(name, _)| *name), kind.name()),
            }
        }
        if fields.contains_key("example") && fields.contains_key("examples") && kind.has("examples") {
            let problem = format!("{} with `example` and `examples`", kind.name());
            let help = "keep one of them: OpenAPI does not allow both";
            self.report(Rule::Example, &child(pointer, "examples"), problem, help);
        }
        if kind == Object::Link {
            self.link(pointer, fields);
        }
    }

    /// Checks that a link leads to an operation.
    fn link(&mut self, pointer: &str, fields: &Map<String, Value>) {
        let Some(id) = fields.get("operationId").and_then(Value::as_str) else {
            let help = "write the `operationId` of the operation that it leads to";
            return self.report(Rule::Shape, pointer, "a link without an operation", help);
        };
        let operations = self.spec.operations();
        if !operations.iter().any(|(_, name)| name == id) {
            let problem = format!("`{id}` is not an operation");
            let help = "write the `operationId` of an operation of the document";
            self.report(Rule::Reference, &child(pointer, "operationId"), problem, help);
        }
    }

    fn value(&mut self, pointer: &str, key: &str, value: &Value, is: Is) {
        match is {
            Any => {}
            Text if value.is_string() => {}
            Flag | FlagOrSchema if value.is_boolean() => {}
            Number if value.is_number() => {}
            A(kind) => self.object_of(pointer, value, kind),
            FlagOrSchema => self.object_of(pointer, value, Object::Schema),
            Texts if value.as_array().is_some_and(|list| list.iter().all(Value::is_string)) => {}
            ListOf(kind) => match value.as_array() {
                Some(items) => {
                    for (index, item) in items.iter().enumerate() {
                        self.object_of(&child(pointer, &index.to_string()), item, kind);
                    }
                }
                None => self.shape(pointer, key, "a list", "write each entry with a dash"),
            },
            MapOf(kind) => match value.as_object() {
                Some(fields) => self.map_of(pointer, fields, kind),
                None => self.shape(pointer, key, "a mapping", "write it as `key: value` lines"),
            },
            Text if key == "type" => {
                let help =
                    "write one type, and `nullable: true` for what may be `null`; lists of types are OpenAPI 3.1";
                self.shape(pointer, key, "text", help);
            }
            Text => self.shape(pointer, key, "text", "put it in quotes"),
            Flag => self.shape(pointer, key, "true or false", "write `true` or `false`"),
            Number => self.shape(pointer, key, "a number", "write it without quotes"),
            Texts => self.shape(pointer, key, "a list of names", "write names, such as `[uuid, name]`"),
        }
    }

    fn map_of(&mut self, pointer: &str, fields: &Map<String, Value>, kind: Object) {
        for (name, field) in fields {
            self.object_of(&child(pointer, name), field, kind);
        }
    }

    fn shape(&mut self, pointer: &str, key: &str, what: &str, help: &str) {
        self.report(Rule::Shape, pointer, format!("`{key}` must be {what}"), help);
    }
}
