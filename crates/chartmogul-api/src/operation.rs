//! The operation table: what the OpenAPI document says about each operation, as data.
//!
//! Input is checked against it ([`validate`](crate::validate)), and programs that call operations by name (a command line,
//! an MCP server, a fake) read it.

use std::fmt;

use crate::{
    operations,
    validate::{OneClass, parameter},
};

/// What the OpenAPI document says about one operation; see [`crate::operations`] for all of them.
///
/// Operations are equal if their `id` is.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Operation {
    /// Unique name, in `snake_case`; also the name of the method on [`crate::Client`].
    pub id: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path template with its parameters in braces.
    pub path: &'static str,
    /// The resource that the operation belongs to.
    pub tag: &'static str,
    /// Name of the operation within its resource: `get`, `list`, `update`.
    pub verb: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The first paragraph of its description, as one line of plain text; may be empty.
    pub description: &'static str,
    /// Whether sending the request twice has the same effect as sending it once.
    pub idempotent: bool,
    /// Whether it removes something permanently.
    pub destructive: bool,
    /// What to use instead, if the operation is deprecated.
    pub deprecated: Option<&'static str>,
    /// Parameters in the path, in its order. All are required.
    pub parameters: &'static [Parameter],
    /// The query, if it has parameters.
    pub query: Option<&'static Object>,
    /// The body, if there is one.
    pub body: Option<Body>,
    /// Name of the type in a successful response, if there is one. A list of these is `[Name]`, a map of these `{Name}`.
    pub response: Option<&'static str>,
    /// The field of the response that holds the entries, if it is about a list.
    pub entries: Option<&'static str>,
    /// Whether the entries come in pages: one has a cursor for the next.
    pub pages: bool,
    /// The fields of the entries, or of the response itself if it has none; in the document's order.
    pub fields: &'static [&'static str],
    /// The fields that are amounts in cents, by their descriptions; nested fields with a dot. If there are entries, also the
    /// fields beside them: `summary.current`.
    pub cents: &'static [&'static str],
    /// Page of ChartMogul's API reference.
    pub source: &'static str,
}

/// A resource: operations that belong together; see [`operations::RESOURCES`](crate::operations::RESOURCES).
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Resource {
    /// Its name: the `tag` of its operations.
    pub name: &'static str,
    /// The first paragraph of its description, as one line of plain text.
    pub description: &'static str,
    /// Page of ChartMogul's API reference; may be empty.
    pub source: &'static str,
    /// In the document's order.
    pub operations: &'static [&'static Operation],
}

/// A parameter in the path.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Parameter {
    /// Its name, as in the path template.
    pub name: &'static str,
    /// The first paragraph of its description, as one line of plain text.
    pub description: &'static str,
    /// An example, as JSON.
    pub example: Option<&'static str>,
    /// Its schema.
    pub schema: Schema,
}

/// The body of a request.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Body {
    /// What is in it.
    pub object: &'static Object,
    /// Whether it is sent even if nothing is set.
    pub required: bool,
    /// The only key of the body as it is sent, if `object` is the value of that key and not the body itself.
    pub envelope: Option<&'static str>,
    /// An example of the object, as JSON.
    pub example: Option<&'static str>,
}

/// An object in a request: a query, a body, or part of a body.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Object {
    /// Name of its type in [`crate::types`].
    pub name: &'static str,
    /// Its fields, in the document's order.
    pub fields: &'static [FieldSchema],
    /// Whether at least one field must be set.
    pub not_empty: bool,
    /// Groups of fields, of which exactly one must be set as a whole. Empty if there is no such rule.
    pub one_of: &'static [&'static [&'static str]],
    pub(crate) index: Index,
}

/// What the check of an object looks at first. It is side by side, because fields are large and far apart, and each call that
/// looks at all of them would wait for memory.
#[derive(Clone, Copy)]
pub(crate) struct Index {
    /// A bit for each field that is required.
    pub(crate) required: u128,
    /// The lengths of the names; zero if it is not here.
    lengths: [u8; 32],
}

impl Index {
    #[allow(clippy::cast_possible_truncation)] // what is too long is left out
    const fn of(fields: &[FieldSchema]) -> Self {
        let (mut required, mut lengths) = (0, [0; 32]);
        let mut at = 0;
        while at < fields.len() {
            if fields[at].required && at < u128::BITS as usize {
                required |= 1 << at;
            }
            if at < lengths.len() && fields[at].name.len() <= u8::MAX as usize {
                lengths[at] = fields[at].name.len() as u8;
            }
            at += 1;
        }
        Self { required, lengths }
    }

    pub(crate) fn length(&self, at: usize) -> Option<usize> {
        self.lengths
            .get(at)
            .map(|length| usize::from(*length))
            .filter(|length| *length > 0)
    }
}

/// A field of an object in a request, or a parameter of a query.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FieldSchema {
    /// Its name, as it is sent.
    pub name: &'static str,
    /// The first paragraph of its description, as one line of plain text.
    pub description: &'static str,
    /// An example, as JSON.
    pub example: Option<&'static str>,
    /// Whether it must be set.
    pub required: bool,
    /// Whether it may be `null`, which clears it.
    pub nullable: bool,
    /// Whether what is sent replaces the whole list or map that the server has, including items that are not named.
    pub replaces_all: bool,
    /// What to use instead, if the field is deprecated.
    pub deprecated: Option<&'static str>,
    /// Its schema.
    pub schema: Schema,
}

/// What a value in a request can be.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Schema {
    /// Any JSON.
    Any,
    /// `true` or `false`.
    Boolean,
    /// An integer of 64 bits.
    Integer {
        /// Smallest allowed value.
        minimum: Option<i64>,
        /// Largest allowed value.
        maximum: Option<i64>,
    },
    /// A finite number.
    Number,
    /// Text.
    Text(&'static Text),
    /// Text that is a UUID.
    Uuid,
    /// A calendar day: `2026-01-31`.
    Date,
    /// An instant, `2026-01-31T12:00:00Z`, or a day.
    Timestamp,
    /// Text within these limits, a list of such texts, a number, or a Boolean.
    Scalar(&'static Text),
    /// A list; in a query, its items are sent with commas between them.
    List {
        /// What each item can be.
        items: &'static Schema,
        /// Minimum number of items.
        min_items: usize,
    },
    /// An object with free keys, and what each value can be.
    Map(&'static Schema),
    /// An object with known fields.
    Object(&'static Object),
}

/// Limits of a text.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Text {
    /// Minimum length, in characters.
    pub min_length: u64,
    /// Maximum length, in characters.
    pub max_length: u64,
    /// What it must match.
    pub pattern: Option<Pattern>,
    /// Known values. Others are allowed, too: the server may know more.
    pub values: &'static [&'static str],
}

impl Text {
    /// Any text.
    pub const ANY: Self = Self {
        min_length: 0,
        max_length: u64::MAX,
        pattern: None,
        values: &[],
    };
}

/// A regular expression for a text.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Pattern {
    /// The expression.
    pub regex: &'static str,
    /// What it allows, in words: "three capital letters".
    pub allowed: &'static str,
    pub(crate) class: Option<OneClass>,
}

impl Pattern {
    pub(crate) const fn new(regex: &'static str, allowed: &'static str) -> Self {
        Self {
            regex,
            allowed,
            class: OneClass::read(regex),
        }
    }
}

impl Operation {
    /// A parameter of the path.
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// For an update (`PATCH`), the operation that reads the object, if there is one.
    pub fn read(&self) -> Option<&'static Self> {
        let is_read =
            |other: &&&'static Self| other.is_read() && other.path == self.path && other.response == self.response;
        let read = operations::ALL.iter().find(is_read)?;
        (self.method == "PATCH" && self.response.is_some()).then_some(read)
    }

    /// Whether a field of the body replaces the whole list or map that the server has, including items that are not named.
    pub fn replaces_all(&self, field: &str) -> bool {
        let field = self.body.and_then(|body| body.object.field(field));
        field.is_some_and(|field| field.replaces_all)
    }

    /// Whether a path, with its arguments, is one of this operation's.
    pub(crate) fn fits(&self, path: &str) -> bool {
        let (mut template, mut path) = (self.path.split('/'), path.split('/'));
        let mut both = template.by_ref().zip(path.by_ref());
        let all_fit = both.all(|(part, given)| part == given || parameter(part).is_some() && !given.is_empty());
        all_fit && template.next().is_none() && path.next().is_none()
    }

    /// Whether it changes nothing.
    pub fn is_read(&self) -> bool {
        self.method == "GET"
    }
}

impl Object {
    pub(crate) const fn new(name: &'static str, fields: &'static [FieldSchema]) -> Self {
        Self {
            name,
            fields,
            not_empty: false,
            one_of: &[],
            index: Index::of(fields),
        }
    }

    pub(crate) const fn not_empty(mut self) -> Self {
        self.not_empty = true;
        self
    }

    pub(crate) const fn one_of(mut self, groups: &'static [&'static [&'static str]]) -> Self {
        self.one_of = groups;
        self
    }

    /// A field of this object.
    pub fn field(&self, name: &str) -> Option<&'static FieldSchema> {
        self.fields.iter().find(|field| field.name == name)
    }
}

impl PartialEq for Operation {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Operation {}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id)
    }
}

/// Without its schemas, which are long.
impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operation")
            .field("id", &self.id)
            .field("method", &self.method)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Without its fields: they may hold an object of the same kind, and so on without end.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Object").field(&self.name).finish()
    }
}

/// Finds the operation of a request: of those that the path fits, the one with literals where others have parameters.
pub(crate) fn at(all: &[&'static Operation], method: &str, path: &str) -> Option<&'static Operation> {
    let found = all
        .iter()
        .filter(|operation| operation.method == method && operation.fits(path));
    let found = found.min_by_key(|operation| {
        operation
            .path
            .split('/')
            .map(|part| parameter(part).is_some())
            .collect::<Vec<_>>()
    });
    found.copied()
}

/// Finds an operation among some that are sorted by their ids.
pub(crate) fn find(all: &[&'static Operation], id: &str) -> Option<&'static Operation> {
    let at = all.binary_search_by(|operation| operation.id.cmp(id)).ok()?;
    all.get(at).copied()
}
