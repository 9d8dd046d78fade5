//! Findings: what is wrong with a document, with a position that terminals make clickable.

use std::fmt;

/// What a document must fulfil. The reason for each is in its text, and in `openapi/README.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Each file is one YAML 1.2 document in UTF-8, without repeated keys, and without values that YAML 1.1 tools read differently.
    Yaml,
    /// The files of the document fit together: every reference has a target, nothing is defined twice, and every path is in the index.
    Files,
    /// OpenAPI 3.0.x: progenitor reads nothing newer.
    OpenapiVersion,
    /// The document has a version of three numbers, such as 1.2.3: `cargo xtask diff` says which one follows.
    Version,
    /// The first server is production; it becomes the default base URL.
    Server,
    /// Mappings, lists and Booleans are where OpenAPI requires them.
    Shape,
    /// Everything that the generator requires is present.
    Missing,
    /// There are operations, and their paths begin with `/v1/`.
    Paths,
    /// Every operation has a unique `operationId` in `snake_case`: the method takes its name from it.
    OperationId,
    /// Every operation has one tag, which the root declares: the resource, and the file, that it belongs to.
    Tag,
    /// Every operation has a summary of one line.
    Summary,
    /// Every operation declares whether sending it twice is harmless (`x-idempotent`): retries depend on it.
    Idempotent,
    /// `x-destructive: true` marks what removes something for good; a DELETE always does.
    Destructive,
    /// Every operation has a method of its resource: its id without the words of the tag, or what `x-method` says.
    Method,
    /// Two operations are one method (`x-identifier`) if they differ in what identifies the object, by a text in the path or by texts in the query, and in nothing else.
    Identifier,
    /// Every operation links its page of the API reference (`externalDocs.url`).
    SourceLink,
    /// What is deprecated says in plain words what to use instead (`x-deprecated-note`): compilers show it.
    Deprecated,
    /// A path parameter is declared, required, and text or an integer.
    PathParameter,
    /// A query parameter is a single value (text, a number, a day, an instant, a Boolean or an open enum), or a list of texts that is sent with commas (`style: form`, `explode: false`). Objects and `null` have no form there, and no parameter is in a header or a cookie.
    QueryParameter,
    /// Operations that share the type of their queries (`x-query-type`) have the same query parameters.
    QueryType,
    /// A GET has no body, and an optional body has no required fields.
    RequestBody,
    /// An envelope (`x-envelope`) is a body with one property, which is required and an object; the method has the fields of that object.
    Envelope,
    /// Requests and successful responses are JSON and nothing else.
    ContentType,
    /// A response is a status or a range such as `4XX`; they don't overlap, and there is no `default`.
    Status,
    /// All JSON errors are `ErrorBody`: any endpoint may return any of its shapes.
    ErrorBody,
    /// All successful responses of an operation have the same type: a component, a list or a map; `x-no-result` marks one without a value.
    Response,
    /// Every body has an example; it becomes documentation, and mock servers return it. Examples and defaults fit their schemas.
    Example,
    /// Everything that becomes a Rust item has a description, which becomes its documentation.
    Description,
    /// A `$ref` leads to a component of this document, in one step.
    Reference,
    /// Bodies, objects and enums are named components: their names are public API, so none is generated. Lists and maps may be inline.
    InlineObject,
    /// An object has properties; one of any shape, or with free keys, says so (`additionalProperties`).
    EmptyObject,
    /// No component contains itself.
    Recursion,
    /// An object is sent or received, not both: absent, `null` and unknown fields are handled differently.
    Direction,
    /// No `enum`: a new value on the server would make the whole response an error. Write `x-extensible-enum` on a component.
    ClosedEnum,
    /// `x-extensible-enum` lists texts, on a component of type string.
    OpenEnum,
    /// No `oneOf`, no `not`; `anyOf` is of simple types without limits (a day or an instant, or any value), `allOf` is one reference with something beside it. Errors and components written by hand may have them.
    Union,
    /// Every schema has a type that exists, or is a value of any shape (`x-any: true`).
    Type,
    /// Integers are `int64`: amounts and identifiers exceed 32 bits.
    Integer,
    /// Formats are those that the generator knows.
    Format,
    /// `x-entries` marks the list that a response is about: a response without it is an error and not an empty page. An object with `has_more` has one, and only whole responses do.
    Entries,
    /// A list in a request is never `null`, because an empty one has the same effect; nor is an item of a list or a map.
    Nullable,
    /// `x-replaces-all` is on a list that replaces the old one; the setter is called `replace_all_...`.
    ReplacesAll,
    /// What is required is a property.
    Required,
    /// `x-one-of` lists groups of optional fields of a request, of which exactly one group is given.
    OneOf,
    /// Required values become arguments; more than two, or two of one type, become a struct that the document names (`x-required-type`), because arguments of one type are easily confused. That holds for the body, the query and the path. Requests may share a struct whose fields are the same.
    RequiredType,
    /// Limits can be met and checked; a `pattern` says in words what it allows (`x-pattern-description`).
    Limit,
    /// Every component is used by an operation, directly or not: nothing is generated from others.
    Unused,
    /// No two names are the same in Rust, and none is a name of handwritten code; `x-rust-name`, `x-rust-names` and `x-method` give another.
    NameCollision,
    /// Components, properties and values can be named in Rust, or are given a name (`x-rust-name`, `x-rust-names`).
    RustName,
    /// An unknown keyword is rejected: it would be ignored silently.
    UnknownKeyword,
    /// progenitor accepts the rest; otherwise the operation is named.
    Progenitor,
}

impl Rule {
    /// Every rule.
    pub const ALL: &'static [Self] = &[
        Self::Yaml,
        Self::Files,
        Self::OpenapiVersion,
        Self::Version,
        Self::Server,
        Self::Shape,
        Self::Missing,
        Self::Paths,
        Self::OperationId,
        Self::Tag,
        Self::Summary,
        Self::Idempotent,
        Self::Destructive,
        Self::Method,
        Self::Identifier,
        Self::SourceLink,
        Self::Deprecated,
        Self::PathParameter,
        Self::QueryParameter,
        Self::QueryType,
        Self::RequestBody,
        Self::Envelope,
        Self::ContentType,
        Self::Status,
        Self::ErrorBody,
        Self::Response,
        Self::Example,
        Self::Description,
        Self::Reference,
        Self::InlineObject,
        Self::EmptyObject,
        Self::Recursion,
        Self::Direction,
        Self::ClosedEnum,
        Self::OpenEnum,
        Self::Union,
        Self::Type,
        Self::Integer,
        Self::Format,
        Self::Entries,
        Self::Nullable,
        Self::ReplacesAll,
        Self::Required,
        Self::OneOf,
        Self::RequiredType,
        Self::Limit,
        Self::Unused,
        Self::NameCollision,
        Self::RustName,
        Self::UnknownKeyword,
        Self::Progenitor,
    ];

    /// Its name, as findings show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Files => "files",
            Self::OpenapiVersion => "openapi-version",
            Self::Version => "version",
            Self::Server => "server",
            Self::Shape => "shape",
            Self::Missing => "missing",
            Self::Paths => "paths",
            Self::OperationId => "operation-id",
            Self::Tag => "tag",
            Self::Summary => "summary",
            Self::Idempotent => "idempotent",
            Self::Destructive => "destructive",
            Self::Method => "method",
            Self::Identifier => "identifier",
            Self::SourceLink => "source-link",
            Self::Deprecated => "deprecated",
            Self::PathParameter => "path-parameter",
            Self::QueryParameter => "query-parameter",
            Self::QueryType => "query-type",
            Self::RequestBody => "request-body",
            Self::Envelope => "envelope",
            Self::ContentType => "content-type",
            Self::Status => "status",
            Self::ErrorBody => "error-body",
            Self::Response => "response",
            Self::Example => "example",
            Self::Description => "description",
            Self::Reference => "reference",
            Self::InlineObject => "inline-object",
            Self::EmptyObject => "empty-object",
            Self::Recursion => "recursion",
            Self::Direction => "direction",
            Self::ClosedEnum => "closed-enum",
            Self::OpenEnum => "open-enum",
            Self::Union => "union",
            Self::Type => "type",
            Self::Integer => "integer",
            Self::Format => "format",
            Self::Entries => "entries",
            Self::Nullable => "nullable",
            Self::ReplacesAll => "replaces-all",
            Self::Required => "required",
            Self::OneOf => "one-of",
            Self::RequiredType => "required-type",
            Self::Limit => "limit",
            Self::Unused => "unused",
            Self::NameCollision => "name-collision",
            Self::RustName => "rust-name",
            Self::UnknownKeyword => "unknown-keyword",
            Self::Progenitor => "progenitor",
        }
    }

    /// The rule that requires a text field.
    pub fn of(field: &str) -> Self {
        match field {
            "operationId" => Self::OperationId,
            "summary" => Self::Summary,
            "description" => Self::Description,
            "url" => Self::SourceLink,
            "x-pattern-description" => Self::Limit,
            "x-deprecated-note" => Self::Deprecated,
            _ => Self::Missing,
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: Rule,
    /// The document, relative to the workspace.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// JSON pointer into the document; empty for a syntax error.
    pub pointer: String,
    /// The operation it belongs to, if any.
    pub operation: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub help: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}: {} [{}]",
            self.file,
            self.line,
            self.column,
            self.problem,
            self.rule.name()
        )?;
        if !self.pointer.is_empty() {
            write!(f, "\n  at {}", self.pointer)?;
        }
        if let Some(operation) = &self.operation {
            write!(f, "\n  in operation {operation}")?;
        }
        write!(f, "\n  help: {}", self.help)
    }
}

/// Everything that is wrong, in the order of the document. Never empty.
#[derive(Debug, thiserror::Error)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// In the order of the document, each once.
    pub(crate) fn sorted(mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|a, b| (&a.file, a.line, a.column, a).cmp(&(&b.file, b.line, b.column, b)));
        // A finding in something that is copied into many operations is reported once.
        findings.dedup_by(|a, b| (&a.file, a.line, a.column, &a.problem) == (&b.file, b.line, b.column, &b.problem));
        Self(findings)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.0 {
            writeln!(f, "{finding}")?;
        }
        let count = self.0.len();
        write!(
            f,
            "{count} problem{} in the document",
            if count == 1 { "" } else { "s" }
        )
    }
}

impl From<Finding> for Findings {
    fn from(finding: Finding) -> Self {
        Self(vec![finding])
    }
}
