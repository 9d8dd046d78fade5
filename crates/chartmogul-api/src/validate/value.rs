//! Walks JSON along its schema.

use std::fmt;

use super::{
    json::{self, Key},
    text,
};
use crate::{
    InvalidInput,
    operation::{Object, Schema},
};

/// The only key of what stands for a number that is not finite; see [`finite`](super::finite).
pub(super) const NOT_FINITE: &str = "(not finite)";

/// Where a value is, for errors: `line_items[3].amount_in_cents`.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Body,
    Query,
    Within(&'a Place<'a>, Key<'a>),
}

impl Place<'_> {
    /// Whether lists are sent with commas between their items.
    fn is_in_query(&self) -> bool {
        match self {
            Self::Query => true,
            Self::Body => false,
            Self::Within(outer, _) => outer.is_in_query(),
        }
    }

    fn is_within(&self) -> bool {
        matches!(self, Self::Within(..))
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("(body)"),
            Self::Query => f.write_str("(query)"),
            Self::Within(outer, Key::Field(name)) if outer.is_within() => write!(f, "{outer}.{name}"),
            Self::Within(_, Key::Field(name)) => f.write_str(name),
            Self::Within(outer, Key::Item(at)) => write!(f, "{outer}[{at}]"),
        }
    }
}

/// The only key of a body, and what is in it. In errors, its fields are named as if there were no envelope.
pub(super) fn envelope(envelope: &str, inner: &Object, body: &[u8]) -> Result<(), InvalidInput> {
    let mut found = false;
    let place = Place::Body;
    let walked = json::each(body, &mut |key, value| match key {
        Key::Field(name) if name == envelope => {
            found = true;
            object(inner, value.as_bytes(), place)
        }
        key => Err(InvalidInput::unknown(&Place::Within(&place, key), &[envelope])),
    });
    walked.map_err(|refused| refused.unwrap_or_else(|| not_json(place)))?;
    if found {
        return Ok(());
    }
    object(inner, b"{}", place)
}

pub(super) fn object(schema: &Object, json: &[u8], place: Place<'_>) -> Result<(), InvalidInput> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return Err(match std::str::from_utf8(json) {
            Ok(json) => refused(json, place, "must be an object"),
            Err(_) => not_json(place),
        });
    }
    let mut set = Set::default();
    let walked = json::each(json, &mut |key, value| {
        let inner = Place::Within(&place, key);
        let Key::Field(name) = key else {
            return Ok(()); // an object has no items
        };
        let Some(at) = schema.fields.iter().position(|field| field.name == name) else {
            let known: Vec<_> = schema.fields.iter().map(|field| field.name).collect();
            return Err(InvalidInput::unknown(&inner, &known));
        };
        set.insert(at);
        let field = &schema.fields[at];
        if field.nullable && value == "null" {
            return Ok(());
        }
        check(&field.schema, value, inner)
    });
    walked.map_err(|refused| refused.unwrap_or_else(|| not_json(place)))?;

    let mut fields = schema.fields.iter().enumerate();
    if let Some((_, missing)) = fields.find(|(at, field)| field.required && !set.contains(*at)) {
        return Err(InvalidInput::missing(&Place::Within(&place, Key::Field(missing.name))));
    }
    if schema.not_empty && set.is_empty() {
        let names: Vec<_> = schema.fields.iter().map(|field| field.name).collect();
        return Err(InvalidInput::nothing(&place, &names));
    }
    if schema.one_of.is_empty() {
        return Ok(());
    }
    let is_set = |name: &str| schema.fields.iter().position(|field| field.name == name);
    let is_set = |name: &str| is_set(name).is_some_and(|at| set.contains(at));
    one_of(schema.one_of, &is_set, place)
}

/// One group is set as a whole, and no field of another.
fn one_of(groups: &[&[&'static str]], is_set: &dyn Fn(&str) -> bool, place: Place<'_>) -> Result<(), InvalidInput> {
    let whole = |group: &&[&str]| group.iter().all(|name| is_set(name));
    let given = || groups.iter().copied().flatten().filter(|name| is_set(name));
    let fits = groups
        .iter()
        .any(|group| whole(group) && given().all(|name| group.contains(name)));
    if fits {
        return Ok(());
    }
    let mut names: Vec<_> = Vec::new();
    for name in given() {
        if !names.contains(name) {
            names.push(*name);
        }
    }
    Err(InvalidInput::not_one_of(&place, &names, groups))
}

/// Which fields of an object are set. Objects have a few dozen; beyond 128 they are taken for set.
#[derive(Default, Clone, Copy)]
struct Set(u128);

impl Set {
    fn insert(&mut self, at: usize) {
        self.0 |= bit(at);
    }

    fn contains(self, at: usize) -> bool {
        at >= 128 || self.0 & bit(at) != 0
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }
}

fn bit(at: usize) -> u128 {
    u32::try_from(at)
        .ok()
        .and_then(|at| 1_u128.checked_shl(at))
        .unwrap_or(0)
}

/// Checks a value that belongs to no object.
#[cfg(feature = "dynamic")]
pub(super) fn field(name: &str, schema: &Schema, json: &str) -> Result<(), InvalidInput> {
    check(schema, json, Place::Within(&Place::Query, Key::Field(name)))
}

/// Checks a value.
fn check(schema: &Schema, json: &str, place: Place<'_>) -> Result<(), InvalidInput> {
    let kind = json.as_bytes().first().copied().unwrap_or(b' ');
    let refuse = |must_be: &str| Err(refused(json, place, must_be));
    if json == "null" && !matches!(schema, Schema::Any) {
        return refuse("must not be null");
    }
    match (schema, kind) {
        (Schema::Any, _)
        | (Schema::Boolean, b't' | b'f')
        | (Schema::Number, b'-' | b'0'..=b'9')
        | (Schema::Scalar(_), b'-' | b'0'..=b'9' | b't' | b'f') => Ok(()),
        (Schema::Boolean, _) => refuse("must be true or false"),
        (Schema::Integer { minimum, maximum }, _) => {
            text::integer(json, *minimum, *maximum).or_else(|must_be| refuse(&must_be))
        }
        (Schema::Number | Schema::Scalar(_), b'{') if json.contains(NOT_FINITE) => refuse("must be a finite number"),
        (Schema::Number, _) => refuse("must be a number"),
        (Schema::Scalar(_), b'{' | b'[') => refuse("must be text, a number, true or false"),
        (Schema::Text(_) | Schema::Scalar(_) | Schema::Uuid | Schema::Date | Schema::Timestamp, _) => {
            match json::text(json) {
                Some(value) => text_value(schema, value.as_str()).or_else(|must_be| refuse(&must_be)),
                None => refuse(expected_text(schema)),
            }
        }
        (Schema::List { items, min_items }, b'[') => list(items, *min_items, json, place),
        (Schema::List { .. }, _) => refuse("must be a list"),
        (Schema::Map(values), b'{') => {
            let walked = json::each(json.as_bytes(), &mut |key, value| {
                check(values, value, Place::Within(&place, key))
            });
            walked.map_err(|refused| refused.unwrap_or_else(|| not_json(place)))
        }
        (Schema::Object(schema), b'{') => object(schema, json.as_bytes(), place),
        (Schema::Map(_) | Schema::Object(_), _) => refuse("must be an object"),
    }
}

/// Checks what is text in JSON, or in a path.
pub(super) fn text_value(schema: &Schema, value: &str) -> text::Wrong {
    match schema {
        Schema::Text(limits) | Schema::Scalar(limits) => text::limits(value, limits),
        Schema::Uuid => text::uuid(value),
        Schema::Date => text::date(value),
        Schema::Timestamp => text::timestamp(value),
        Schema::Integer { minimum, maximum } => text::integer(value, *minimum, *maximum),
        _ => Ok(()),
    }
}

fn expected_text(schema: &Schema) -> &'static str {
    match schema {
        Schema::Uuid => "must be a UUID, which is text",
        Schema::Date => "must be a day such as \"2026-01-31\", which is text",
        Schema::Timestamp => "must be an instant such as \"2026-01-31T12:00:00Z\", which is text",
        _ => "must be text",
    }
}

fn list(items: &Schema, min_items: usize, json: &str, place: Place<'_>) -> Result<(), InvalidInput> {
    let mut count = 0;
    let walked = json::each(json.as_bytes(), &mut |key, value| {
        count += 1;
        let place = Place::Within(&place, key);
        check(items, value, place)?;
        let splits = || json::text(value).is_some_and(|text| text.as_str().is_empty() || text.as_str().contains(','));
        if place.is_in_query() && splits() {
            return Err(refused(
                value,
                place,
                "must not be empty or have a comma, which separates items",
            ));
        }
        Ok(())
    });
    walked.map_err(|refused| refused.unwrap_or_else(|| not_json(place)))?;
    if count >= min_items {
        return Ok(());
    }
    Err(refused(
        json,
        place,
        &match min_items {
            1 => "must not be empty".to_owned(),
            _ => format!("must have at least {min_items} items"),
        },
    ))
}

/// Shows a value that is refused: a text or a number as it is, of others what they are.
fn refused(json: &str, place: Place<'_>, must_be: &str) -> InvalidInput {
    match json.as_bytes().first() {
        Some(b'"') => match json::text(json) {
            Some(text) => InvalidInput::new(place.to_string(), &text.as_str(), must_be),
            None => InvalidInput::new(place.to_string(), &format_args!("{json}"), must_be),
        },
        Some(b'{') if json.contains(NOT_FINITE) => {
            let number = json.split('"').rev().nth(1).unwrap_or_default();
            InvalidInput::new(place.to_string(), &format_args!("{number}"), must_be)
        }
        Some(b'{') => InvalidInput::new(place.to_string(), &format_args!("an object"), must_be),
        Some(b'[') if json == "[]" => InvalidInput::new(place.to_string(), &format_args!("an empty list"), must_be),
        Some(b'[') => InvalidInput::new(place.to_string(), &format_args!("a list"), must_be),
        _ => InvalidInput::new(place.to_string(), &format_args!("{json}"), must_be),
    }
}

fn not_json(place: Place<'_>) -> InvalidInput {
    InvalidInput::new(place.to_string(), &format_args!("broken JSON"), "must be JSON")
}
