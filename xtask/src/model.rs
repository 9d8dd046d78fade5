//! What the generator needs of a document, after the document was found fit for it.

use std::collections::BTreeMap;

/// The whole API.
#[derive(Debug)]
pub struct Api {
    /// Where production is, without a slash at the end.
    pub base_url: String,
    /// In the order of the document.
    pub operations: Vec<Operation>,
    /// The components that requests and successful answers are made of, by name.
    pub types: BTreeMap<String, Type>,
}

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// `snake_case`, unique.
    pub id: String,
    /// Lower case.
    pub method: String,
    /// Template, with parameters in braces.
    pub path: String,
    /// The resource.
    pub tag: String,
    /// Whether sending it twice has the effect of sending it once.
    pub idempotent: bool,
    /// Page of the API reference.
    pub source: String,
    /// One line.
    pub summary: String,
    /// Markdown; may be empty.
    pub description: String,
    /// In the order of the path.
    pub parameters: Vec<Parameter>,
    /// The type that holds the query parameters, if there are any.
    pub query: Option<String>,
    /// The component in the request's body.
    pub body: Option<String>,
    /// The component in a successful answer.
    pub answer: Option<String>,
    /// Whether 304 is documented.
    pub not_modified: bool,
}

/// A path parameter. Always a required string.
#[derive(Debug)]
pub struct Parameter {
    /// As in the path.
    pub name: String,
    /// Markdown.
    pub description: String,
    /// What is allowed.
    pub limits: Limits,
}

/// A component.
#[derive(Debug)]
pub enum Type {
    /// An object in a request or an answer.
    Object(Object),
    /// A string with known values, and others.
    OpenEnum(OpenEnum),
    /// Written by hand in `chartmogul-api`.
    Handwritten {
        /// Its path in Rust.
        rust: &'static str,
        /// What is allowed for a value of it.
        limits: Limits,
    },
}

/// Which way an object travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From the client.
    Request,
    /// From the server.
    Answer,
    /// From the client, in the query: the object is made of parameters and is no component.
    Query,
}

/// A component that is an object, or the query parameters of an operation.
#[derive(Debug)]
pub struct Object {
    /// Which way it travels.
    pub direction: Direction,
    /// Markdown.
    pub description: String,
    /// Whether an object without members is refused.
    pub not_empty: bool,
    /// The struct that holds what is required, if that is too much for arguments in a row.
    pub required_type: Option<String>,
    /// In the order of the document.
    pub properties: Vec<Property>,
}

/// A member of an object.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools)] // each is a keyword of the document
pub struct Property {
    /// On the wire.
    pub name: String,
    /// In Rust.
    pub field: String,
    /// Markdown; that of the component for a reference.
    pub description: String,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it may be `null`.
    pub nullable: bool,
    /// Whether sending it replaces a whole collection.
    pub replaces_all: bool,
    /// Whether it is the list that an answer is about.
    pub entries: bool,
    /// Its type.
    pub kind: Kind,
    /// What is allowed; for a list, what is allowed for each item.
    pub limits: Limits,
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// A calendar day.
    Date,
    /// An instant.
    Timestamp,
    /// 64 bit.
    Integer,
    /// A decimal number.
    Number,
    /// A truth value.
    Boolean,
    /// A component.
    Ref(String),
    /// A list.
    List(Box<Kind>),
}

/// What the document allows for a value.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Hyphenated UUID.
    pub uuid: bool,
    /// Fewest characters.
    pub min_length: Option<u64>,
    /// Most characters.
    pub max_length: Option<u64>,
    /// Regular expression, and what it means.
    pub pattern: Option<(String, String)>,
    /// Smallest value.
    pub minimum: Option<i64>,
    /// Largest value.
    pub maximum: Option<i64>,
}

/// A string with known values, and others.
#[derive(Debug)]
pub struct OpenEnum {
    /// Markdown.
    pub description: String,
    /// Value on the wire, and variant in Rust.
    pub values: Vec<(String, String)>,
}
