//! What the generator needs of a document, after the document was found fit for it.

use std::collections::BTreeMap;

use serde_json::Value;

/// The whole API.
#[derive(Debug)]
pub struct Api {
    /// Where production is, without a slash at the end.
    pub base_url: String,
    /// In the order of the document; those that have operations.
    pub tags: Vec<Tag>,
    /// In the order of the document.
    pub operations: Vec<Operation>,
    /// The components that requests and successful answers are made of, by name, and the query types.
    pub types: BTreeMap<String, Type>,
}

/// A resource.
#[derive(Debug)]
pub struct Tag {
    /// `snake_case`.
    pub name: String,
    /// Markdown.
    pub description: String,
    /// Page of the API reference.
    pub source: String,
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
    /// The method of the resource that makes it: `x-method`, or the id without the words of the tag.
    pub verb: String,
    /// Whether sending it twice has the effect of sending it once.
    pub idempotent: bool,
    /// Whether it removes something for good: a DELETE, or `x-destructive: true`.
    pub destructive: bool,
    /// What to use instead of it.
    pub deprecated: Option<String>,
    /// Page of the API reference.
    pub source: String,
    /// One line.
    pub summary: String,
    /// Markdown; may be empty.
    pub description: String,
    /// In the order of the path.
    pub parameters: Vec<Parameter>,
    /// The struct of the path arguments, if they are too many or too alike for arguments in a row.
    pub path_type: Option<String>,
    /// The type that holds the query parameters, if there are any. Several operations may share it.
    pub query: Option<String>,
    /// What is in the request's body.
    pub body: Option<Body>,
    /// What a successful response holds: a component, a list or a map.
    pub response: Option<Kind>,
    /// Whether 304 is documented.
    pub not_modified: bool,
    /// The documented error statuses, in order.
    pub errors: Vec<u16>,
}

impl Operation {
    /// The component that a successful response holds.
    pub fn response_component(&self) -> Option<String> {
        match &self.response {
            Some(Kind::Ref(name)) => Some(name.clone()),
            _ => None,
        }
    }

    /// The component in the body.
    pub fn body_component(&self) -> Option<String> {
        self.body.as_ref().map(|body| body.component.clone())
    }
}

/// The body of a request.
#[derive(Debug)]
pub struct Body {
    /// The component; that of the envelope, if there is one.
    pub component: String,
    /// Whether it must be sent.
    pub required: bool,
    /// The only key of the wire's object, and the component inside.
    pub envelope: Option<(String, String)>,
    /// The first example, as it goes over the wire.
    pub example: Option<Value>,
}

/// A path parameter. Always required.
#[derive(Debug)]
pub struct Parameter {
    /// As in the path.
    pub name: String,
    /// In Rust.
    pub field: String,
    /// Markdown.
    pub description: String,
    /// Text or an integer.
    pub kind: Kind,
    /// What is allowed.
    pub limits: Limits,
    /// An example.
    pub example: Option<Value>,
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
    Response,
    /// From the client, in the query: the object is made of parameters and is no component.
    Query,
}

/// Where a type is written, and in which module it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Home {
    /// In the file of a tag.
    Tag(String),
    /// Elsewhere.
    Shared,
}

/// A component that is an object, or the query parameters of an operation.
#[derive(Debug)]
pub struct Object {
    /// Which way it travels.
    pub direction: Direction,
    /// Where it is written.
    pub home: Home,
    /// Markdown.
    pub description: String,
    /// Whether an object without fields is refused.
    pub not_empty: bool,
    /// Groups of fields; exactly one group is given, whole.
    pub one_of: Vec<Vec<String>>,
    /// The struct that holds what is required, if that is too much for arguments in a row. Several objects may share it.
    pub required_type: Option<String>,
    /// Whether another component of a request holds it.
    pub nested: bool,
    /// In the order of the document.
    pub properties: Vec<Property>,
}

/// A field of an object.
#[derive(Debug, Clone, PartialEq)]
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
    /// Whether it is the list that a response is about.
    pub entries: bool,
    /// What to use instead of it.
    pub deprecated: Option<String>,
    /// Its type.
    pub kind: Kind,
    /// What is allowed; for a list or a map, what is allowed for each item.
    pub limits: Limits,
    /// Fewest items of a list.
    pub min_items: u64,
    /// An example.
    pub example: Option<Value>,
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// A calendar day.
    Date,
    /// An instant; a day stands for its beginning in UTC where the document allows both.
    Timestamp,
    /// 64 bit.
    Integer,
    /// A decimal number.
    Number,
    /// A truth value.
    Boolean,
    /// A value of any shape.
    Any,
    /// A component.
    Ref(String),
    /// A list.
    List(Box<Kind>),
    /// An object with free keys.
    Map(Box<Kind>),
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
    /// Where it is written.
    pub home: Home,
    /// Markdown.
    pub description: String,
    /// Value on the wire, and variant in Rust.
    pub values: Vec<(String, String)>,
}
