//! What the generator needs to know of a document; `lint` reads it.

mod arguments;
mod attributes;
mod customers;
mod identified;
mod reading;

use std::collections::BTreeMap;

use serde_json::Value;

pub use self::{
    arguments::{Argument, ArgumentValue, PathType, RequiredType},
    customers::{CustomerField, Scope},
    identified::Identified,
    reading::Read,
};

/// The whole API.
#[derive(Debug)]
pub struct Api {
    /// The URL of production, without a slash at the end.
    pub base_url: String,
    /// Tags with operations, in the order of the document.
    pub tags: Vec<Tag>,
    /// In the order of the document.
    pub operations: Vec<Operation>,
    /// The components that requests and successful responses consist of, by name, and the query types.
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
    /// The name of its method in the resource: `x-method`, or the id without the words of the tag.
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
    /// The enum that identifies the object, if another operation does the same with another kind of identifier.
    pub identifier: Option<String>,
    /// The struct of the path arguments, if there are more than two, or two of one type.
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

impl Api {
    /// The object with this name.
    pub fn object(&self, name: &str) -> Option<&Object> {
        match self.types.get(name) {
            Some(Type::Object(object)) => Some(object),
            _ => None,
        }
    }
}

impl Operation {
    /// The component that a successful response holds.
    pub fn response_component(&self) -> Option<String> {
        match &self.response {
            Some(Kind::Ref(name)) => Some(name.clone()),
            _ => None,
        }
    }

    /// The component in the body; that of the envelope, if there is one.
    pub fn body_component(&self) -> Option<String> {
        self.body.as_ref().map(|body| body.component.clone())
    }

    /// The object whose fields the builder has: the body, without the envelope.
    pub fn body_object<'a>(&self, api: &'a Api) -> Option<&'a Object> {
        api.object(self.body.as_ref()?.inner())
    }

    /// The query parameters.
    pub fn query_object<'a>(&self, api: &'a Api) -> Option<&'a Object> {
        api.object(self.query.as_ref()?)
    }

    /// The entries of its pages, if the list has pages: the response has `cursor` and `has_more`, the query an
    /// optional `cursor`. Other lists are read in one request.
    pub fn pages<'a>(&self, api: &'a Api) -> Option<&'a Property> {
        let entries = api.object(&self.response_component()?)?.page()?;
        let cursor = self.query_object(api)?.property("cursor")?;
        (!cursor.required && cursor.kind == Kind::String).then_some(entries)
    }
}

impl Body {
    /// The component whose fields the builder has: the one in the envelope, or the body itself.
    pub fn inner(&self) -> &str {
        self.envelope.as_ref().map_or(&self.component, |(_, inner)| inner)
    }
}

impl Type {
    /// The object, if it is one.
    pub fn object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The module of its type; `None` if the type is handwritten.
    pub fn home(&self) -> Option<&Home> {
        match self {
            Self::Object(object) => Some(&object.home),
            Self::OpenEnum(known) => Some(&known.home),
            Self::Handwritten { .. } => None,
        }
    }
}

impl Object {
    /// The property with this name on the wire.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    /// The required properties, in the order of the document.
    pub fn required(&self) -> impl Iterator<Item = &Property> {
        self.properties.iter().filter(|property| property.required)
    }

    /// The entries, if this is a page.
    pub fn page(&self) -> Option<&Property> {
        let has = |name, kind| self.property(name).is_some_and(|property| property.kind == kind);
        let entries = self.properties.iter().find(|property| property.entries)?;
        (has("cursor", Kind::String) && has("has_more", Kind::Boolean)).then_some(entries)
    }
}

impl Kind {
    /// The component that it refers to, within lists and maps.
    pub fn component(&self) -> Option<&str> {
        match self {
            Self::Ref(name) => Some(name),
            Self::List(inner) | Self::Map(inner) => inner.component(),
            _ => None,
        }
    }
}

/// The body of a request.
#[derive(Debug)]
pub struct Body {
    /// The component, which may be an envelope.
    pub component: String,
    /// Whether it must be sent.
    pub required: bool,
    /// The only key of an envelope, and the component inside.
    pub envelope: Option<(String, String)>,
    /// The first example, as it is sent.
    pub example: Option<Value>,
}

/// A path parameter. Always required.
#[derive(Debug, Clone, PartialEq)]
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
    /// What to use instead of it.
    pub deprecated: Option<String>,
    /// An example.
    pub example: Option<Value>,
}

/// A component.
#[derive(Debug)]
pub enum Type {
    /// An object in a request or a response.
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

/// The direction of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From the client.
    Request,
    /// From the server.
    Response,
    /// From the client, in the query: the object is made of parameters and is no component.
    Query,
}

/// The file and module of a type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Home {
    /// In the file of a tag.
    Tag(String),
    /// Elsewhere.
    Shared,
}

/// A component that is an object, or the query parameters of an operation.
#[derive(Debug, PartialEq)]
pub struct Object {
    /// Its direction.
    pub direction: Direction,
    /// Its module.
    pub home: Home,
    /// Markdown.
    pub description: String,
    /// Whether an object without fields is refused.
    pub not_empty: bool,
    /// Groups of fields; exactly one group is given completely.
    pub one_of: Vec<Vec<String>>,
    /// The struct of the required values, if there are more than two, or two of one type. Several objects may share it.
    pub required_type: Option<String>,
    /// Whether it is part of another component of a request.
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
    /// An instant; where the document allows both, a day means its beginning in UTC.
    Timestamp,
    /// 64 bit.
    Integer,
    /// A decimal number.
    Number,
    /// `true` or `false`.
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
    /// Its module.
    pub home: Home,
    /// Markdown.
    pub description: String,
    /// Value on the wire, and variant in Rust.
    pub values: Vec<(String, String)>,
}
