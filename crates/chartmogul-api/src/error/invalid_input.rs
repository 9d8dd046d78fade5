use std::{error::Error as StdError, fmt};

use super::shorten;

/// An invalid value, found before anything was sent.
///
/// `Display`, `Debug` and [`value`](Self::value) show the value that the program passed, shortened. That may be a
/// customer's data: a log that must not contain it uses [`field`](Self::field) and [`requirement`](Self::requirement).
#[derive(Clone, PartialEq, Eq)]
pub struct InvalidInput {
    wrong: Box<Wrong>, // so that an error is small
}

#[derive(Clone, PartialEq, Eq)]
struct Wrong {
    field: String,
    found: Found,
    requirement: String,
}

#[derive(Clone, PartialEq, Eq)]
enum Found {
    Value(String),
    Missing,
    Unknown,
    /// The problem is not one field, but which of them are set.
    Fields(String),
}

impl InvalidInput {
    /// Rejects `value` for `field`. The `requirement` follows "`field` was value;", so it begins with "must be ...".
    ///
    /// The value is formatted with `Debug` and shortened to 100 characters.
    #[cold]
    pub fn new(field: impl Into<String>, value: &dyn fmt::Debug, requirement: impl Into<String>) -> Self {
        let found = Found::Value(shorten(&format!("{value:?}"), 100));
        Self::found(field, found, requirement)
    }

    #[cold]
    fn found(field: impl Into<String>, found: Found, requirement: impl Into<String>) -> Self {
        Self {
            wrong: Box::new(Wrong {
                field: field.into(),
                found,
                requirement: requirement.into(),
            }),
        }
    }

    /// A field that is required, and is not set.
    pub(crate) fn missing(field: &dyn fmt::Display) -> Self {
        Self::found(field.to_string(), Found::Missing, "must be set")
    }

    /// A field that does not exist.
    pub(crate) fn unknown(field: &dyn fmt::Display, known: &[&str]) -> Self {
        let requirement = match known {
            [] => "there are no fields".to_owned(),
            known => format!("must be one of {}", known.join(", ")),
        };
        Self::found(shorten(&field.to_string(), 100), Found::Unknown, requirement)
    }

    /// An object of which no field is set.
    pub(crate) fn nothing(object: &dyn fmt::Display, fields: &[&str]) -> Self {
        let requirement = format!("set at least one of {}", fields.join(", "));
        Self::found(
            object.to_string(),
            Found::Fields("no field is set".to_owned()),
            requirement,
        )
    }

    /// An object of which not exactly one of some groups of fields is set.
    pub(crate) fn not_one_of(object: &dyn fmt::Display, set: &[&str], groups: &[&[&str]]) -> Self {
        let groups: Vec<_> = groups.iter().map(|group| group.join(" and ")).collect();
        let found = match set {
            [] => "none of the alternatives is set".to_owned(),
            [one] => format!("only {one} is set"),
            some => format!("{} are set", some.join(" and ")),
        };
        let requirement = format!("set either {}", groups.join(", or "));
        Self::found(object.to_string(), Found::Fields(found), requirement)
    }

    /// The field, as a path into the request: `win_likelihood`, `custom[0].key`; `(body)` or `(query)` if it is not
    /// about a single field.
    pub fn field(&self) -> &str {
        &self.wrong.field
    }

    /// The rejected value, or what is wrong if there is none: `(missing)`, `(unknown)`, `no field is set`.
    pub fn value(&self) -> &str {
        match &self.wrong.found {
            Found::Value(value) | Found::Fields(value) => value,
            Found::Missing => "(missing)",
            Found::Unknown => "(unknown)",
        }
    }

    /// What is required: "must be 0 to 100".
    pub fn requirement(&self) -> &str {
        &self.wrong.requirement
    }
}

impl fmt::Display for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wrong {
            field,
            found,
            requirement,
        } = &*self.wrong;
        match found {
            Found::Value(value) => write!(f, "`{field}` was {value}; {requirement}"),
            Found::Missing => write!(f, "`{field}` is missing; {requirement}"),
            Found::Unknown => write!(f, "`{field}` is not a known name; {requirement}"),
            Found::Fields(found) if field.starts_with('(') => write!(f, "{found}; {requirement}"),
            Found::Fields(found) => write!(f, "`{field}`: {found}; {requirement}"),
        }
    }
}

impl fmt::Debug for InvalidInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvalidInput")
            .field("field", &self.field())
            .field("value", &self.value())
            .field("requirement", &self.requirement())
            .finish()
    }
}

impl StdError for InvalidInput {}
