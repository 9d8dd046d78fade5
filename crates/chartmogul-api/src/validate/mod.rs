//! Validates all input in one place, before anything is sent.
//!
//! It checks the path, query and body that are about to be sent against the schemas of the operation table, and rejects
//! what the API's documentation rules out. So the same rules hold for typed calls, for `Client::call_json` and for
//! checks in advance; everything else is left to the server.

mod characters;
mod json;
mod path;
mod text;
mod value;

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests;

use serde::{Serializer, de::IgnoredAny, ser::SerializeMap as _};

pub use self::path::encode_path;
use self::{json::Json, value::Place};
pub(crate) use self::{
    path::{parameter, segment},
    text::OneClass,
};
use crate::{
    InvalidInput,
    operation::{Body, Object, Operation},
    transport::Prepared,
};

/// Checks a request.
pub(crate) fn request(operation: &Operation, request: &Prepared) -> Result<(), InvalidInput> {
    path::check(operation, request.path())?;
    if let Some(object) = operation.query {
        query_json(object, text(request.query())?)?;
    }
    match (operation.body, request.body()) {
        (Some(declared), None) if !declared.required => Ok(()),
        (Some(declared), json) => body_json(&declared, text(json)?),
        (None, _) => Ok(()),
    }
}

/// Checks a query, which is written as a JSON object: its lists are sent with commas between their items.
///
/// # Errors
/// If it is no JSON, has what is not allowed, or lacks what is required.
pub fn query(object: &Object, json: &[u8]) -> Result<(), InvalidInput> {
    query_json(object, valid(json)?)
}

/// Checks a body.
///
/// # Errors
/// If it is no JSON, has what is not allowed, or lacks what is required.
pub fn body(body: &Body, json: &[u8]) -> Result<(), InvalidInput> {
    body_json(body, valid(json)?)
}

fn query_json(object: &Object, json: &str) -> Result<(), InvalidInput> {
    value::object(object, &mut Json::new(json), Place::Query)
}

fn body_json(body: &Body, json: &str) -> Result<(), InvalidInput> {
    match body.envelope {
        None => value::object(body.object, &mut Json::new(json), Place::Body),
        Some(envelope) => value::envelope(envelope, body.object, json),
    }
}

/// JSON from a caller, which may be invalid.
fn valid(json: &[u8]) -> Result<&str, InvalidInput> {
    match serde_json::from_slice::<IgnoredAny>(json) {
        Ok(_) => text(Some(json)),
        Err(_) => Err(broken()),
    }
}

/// JSON that this crate has serialized; if there is none, no field is set.
fn text(json: Option<&[u8]>) -> Result<&str, InvalidInput> {
    std::str::from_utf8(json.unwrap_or(b"{}")).map_err(|_| broken())
}

fn broken() -> InvalidInput {
    InvalidInput::new(Place::Body.to_string(), &format_args!("invalid JSON"), "must be JSON")
}

/// Checks the value of a path parameter, before it becomes part of the path.
#[cfg(feature = "dynamic")]
pub(crate) fn argument(parameter: &crate::operation::Parameter, value: &serde_json::Value) -> Result<(), InvalidInput> {
    value::field(parameter.name, &parameter.schema, &value.to_string())
}

/// Serializes a number. JSON has no number that is not finite; a marker is written instead, so that validation rejects
/// it and names the field.
#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
pub(crate) fn finite<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.is_finite() {
        return serializer.serialize_f64(*number);
    }
    let mut mark = serializer.serialize_map(Some(1))?;
    mark.serialize_entry(value::NOT_FINITE, &number.to_string())?;
    mark.end()
}

/// The same for an optional number.
#[allow(dead_code)] // for the first optional number of a request
#[allow(clippy::ref_option)] // as serde calls it
pub(crate) fn finite_option<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => finite(number, serializer),
        None => serializer.serialize_none(),
    }
}

/// The same for a number that may be cleared.
#[allow(dead_code)] // for the first such number of a request
pub(crate) fn finite_field<S: Serializer>(number: &crate::Field<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        crate::Field::Value(number) => finite(number, serializer),
        other => serde::Serialize::serialize(other, serializer),
    }
}
