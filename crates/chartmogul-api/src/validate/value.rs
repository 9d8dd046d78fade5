//! Walks JSON along its schema.

use std::{borrow::Cow, fmt};

use super::{json::Json, text};
use crate::{
    InvalidInput,
    operation::{Object, Schema},
};

/// The only key of the object that stands for a number that is not finite; see [`finite`](super::finite).
pub(super) const NOT_FINITE: &str = "(not finite)";

/// Where a value is, for errors: `line_items[3].amount_in_cents`.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    Body,
    Query,
    Field(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    /// Whether it is in the query, where the items of lists are separated by commas.
    fn is_in_query(&self) -> bool {
        match self {
            Self::Query => true,
            Self::Body => false,
            Self::Field(outer, _) | Self::Item(outer, _) => outer.is_in_query(),
        }
    }

    fn is_within(&self) -> bool {
        matches!(self, Self::Field(..) | Self::Item(..))
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("(body)"),
            Self::Query => f.write_str("(query)"),
            Self::Field(outer, name) if outer.is_within() => write!(f, "{outer}.{name}"),
            Self::Field(_, name) => f.write_str(name),
            Self::Item(outer, at) => write!(f, "{outer}[{at}]"),
        }
    }
}

/// Checks a body whose only key is the envelope. In errors, its fields are named as if there were no envelope.
pub(super) fn envelope(envelope: &str, inner: &Object, json: &str) -> Result<(), InvalidInput> {
    let mut json = Json::new(json);
    let place = Place::Body;
    if json.peek() != b'{' {
        return Err(refused(json.value(), place, "must be an object"));
    }
    let mut found = false;
    json.enter();
    while json.more() {
        let name = json.name();
        if name != envelope {
            return Err(InvalidInput::unknown(&Place::Field(&place, &name), &[envelope]));
        }
        found = true;
        object(inner, &mut json, place)?;
    }
    if found {
        return Ok(());
    }
    object(inner, &mut Json::new("{}"), place)
}

pub(super) fn object(schema: &Object, json: &mut Json<'_>, place: Place<'_>) -> Result<(), InvalidInput> {
    if json.peek() != b'{' {
        return Err(refused(json.value(), place, "must be an object"));
    }
    let mut set = Set::default();
    let mut expected = 0; // most fields come in the document's order
    json.enter();
    while json.more() {
        let at = position(schema, json, expected).map_err(|name| {
            let known: Vec<_> = schema.fields.iter().map(|field| field.name).collect();
            InvalidInput::unknown(&Place::Field(&place, &name), &known)
        })?;
        set.insert(at);
        expected = at + 1;
        let field = &schema.fields[at];
        if field.nullable && json.peek() == b'n' {
            json.word();
            continue;
        }
        check(&field.schema, json, Place::Field(&place, field.name))?;
    }

    let missing = schema.index.required & !set.0;
    if missing != 0 {
        let missing = schema.fields[missing.trailing_zeros() as usize];
        return Err(InvalidInput::missing(&Place::Field(&place, missing.name)));
    }
    if schema.not_empty && set.is_empty() {
        let names: Vec<_> = schema.fields.iter().map(|field| field.name).collect();
        return Err(InvalidInput::nothing(&place, &names));
    }
    if schema.one_of.is_empty() {
        return Ok(());
    }
    let is_set = |name: &str| {
        let at = schema.fields.iter().position(|field| field.name == name);
        at.is_some_and(|at| set.contains(at))
    };
    one_of(schema.one_of, &is_set, place)
}

/// Reads the name of the next field and returns its index in the schema, or the name if it is unknown. The search
/// starts at `expected`.
fn position<'a>(schema: &Object, json: &mut Json<'a>, expected: usize) -> Result<usize, Cow<'a, str>> {
    for at in expected..schema.fields.len() {
        let name = || schema.fields[at].name;
        let length = schema.index.length(at).unwrap_or_else(|| name().len());
        if json.is_name(length, name) {
            return Ok(at);
        }
    }
    let name = json.name();
    schema.fields.iter().position(|field| field.name == name).ok_or(name)
}

/// Checks that one group is set completely, and no field of another group is.
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

/// Which fields of an object are set. Objects have a few dozen fields; those beyond 128 count as set.
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

/// Checks a value that is not part of an object.
#[cfg(feature = "dynamic")]
pub(super) fn field(name: &str, schema: &Schema, json: &str) -> Result<(), InvalidInput> {
    check(schema, &mut Json::new(json), Place::Field(&Place::Query, name))
}

/// Checks the next value.
fn check(schema: &Schema, json: &mut Json<'_>, place: Place<'_>) -> Result<(), InvalidInput> {
    match (schema, json.peek()) {
        (Schema::Any, _) => {
            json.value();
            Ok(())
        }
        (Schema::Number, b'-' | b'0'..=b'9')
        | (Schema::Scalar(_), b'-' | b'0'..=b'9' | b't' | b'f')
        | (Schema::Boolean, b't' | b'f') => {
            json.word();
            Ok(())
        }
        (Schema::Text(_) | Schema::Scalar(_) | Schema::Uuid | Schema::Date | Schema::Timestamp, b'"') => {
            let value = json.string();
            text_value(schema, &value).map_err(|must_be| wrong(&value, place, must_be))
        }
        (Schema::Integer { minimum, maximum }, b'-' | b'0'..=b'9') => {
            let value = json.word();
            text::integer(value, *minimum, *maximum).map_err(|must_be| refused(value, place, &must_be))
        }
        (Schema::List { items, min_items }, b'[') => list(items, *min_items, json, place),
        (Schema::Map(values), b'{') => {
            json.enter();
            while json.more() {
                let name = json.name();
                check(values, json, Place::Field(&place, &name))?;
            }
            Ok(())
        }
        (Schema::Object(schema), b'{') => object(schema, json, place),
        (Schema::Scalar(limits), b'[') => list(&Schema::Text(limits), 0, json, place),
        (_, b'n') => Err(refused(json.value(), place, "must not be null")),
        (Schema::Number | Schema::Scalar(_), b'{') if { *json }.value().contains(NOT_FINITE) => {
            Err(refused(json.value(), place, "must be a finite number"))
        }
        (Schema::Integer { minimum, maximum }, _) => {
            let must_be = text::integer("", *minimum, *maximum).err().unwrap_or_default();
            Err(refused(json.value(), place, &must_be))
        }
        (_, _) => Err(refused(json.value(), place, expected(schema))),
    }
}

/// Checks a value that is text in JSON or in a path.
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

fn expected(schema: &Schema) -> &'static str {
    match schema {
        Schema::Any => "must be JSON",
        Schema::Boolean => "must be true or false",
        Schema::Integer { .. } | Schema::Number => "must be a number",
        Schema::Text(_) => "must be text",
        Schema::Uuid => "must be text, a UUID",
        Schema::Date => "must be text, a day such as \"2026-01-31\"",
        Schema::Timestamp => "must be text, an instant such as \"2026-01-31T12:00:00Z\"",
        Schema::Scalar(_) => "must be text, a number, true, false or a list of texts",
        Schema::List { .. } => "must be a list",
        Schema::Map(_) | Schema::Object(_) => "must be an object",
    }
}

fn list(items: &Schema, min_items: usize, json: &mut Json<'_>, place: Place<'_>) -> Result<(), InvalidInput> {
    let in_query = place.is_in_query();
    let mut count = 0;
    json.enter();
    while json.more() {
        let place = Place::Item(&place, count);
        let mut item = *json;
        check(items, json, place)?;
        if in_query && item.peek() == b'"' {
            let text = item.string();
            if text.is_empty() || text.contains(',') {
                let must_be = "must not be empty or contain a comma, which separates items";
                return Err(InvalidInput::new(place.to_string(), &text, must_be));
            }
        }
        count += 1;
    }
    // In a query, an empty list and a list of one empty item look the same.
    let min_items = if in_query { min_items.max(1) } else { min_items };
    if count >= min_items {
        return Ok(());
    }
    let must_be = match min_items {
        1 => "must not be empty".to_owned(),
        _ => format!("must have at least {min_items} items"),
    };
    let found = match count {
        0 => "an empty list".to_owned(),
        1 => "a list of 1 item".to_owned(),
        _ => format!("a list of {count} items"),
    };
    Err(InvalidInput::new(place.to_string(), &format_args!("{found}"), must_be))
}

#[cold]
fn wrong(value: &str, place: Place<'_>, must_be: String) -> InvalidInput {
    InvalidInput::new(place.to_string(), &value, must_be)
}

/// The error for a rejected value: it shows texts and numbers as they are, and of other values only their type.
#[cold]
fn refused(json: &str, place: Place<'_>, must_be: &str) -> InvalidInput {
    let shown = match json.as_bytes() {
        [b'"', ..] => {
            let text = Json::new(json).string();
            return InvalidInput::new(place.to_string(), &text, must_be);
        }
        [b'{', ..] if json.contains(NOT_FINITE) => json.split('"').rev().nth(1).unwrap_or_default(),
        [b'{', ..] => "an object",
        b"[]" => "an empty list",
        [b'[', ..] => "a list",
        _ => json,
    };
    InvalidInput::new(place.to_string(), &format_args!("{shown}"), must_be)
}
