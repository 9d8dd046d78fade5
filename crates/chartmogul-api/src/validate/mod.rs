//! The one stage that all input goes through, before anything is sent.
//!
//! It walks the path, query and body that are about to be sent along the schemas of the operation table, and refuses what the
//! API's documentation rules out. So it holds alike for typed calls, for [`Client::call_json`](crate::Client::call_json) and for
//! whoever checks in advance; all else is left to the server.

mod json;
mod path;
mod text;
mod value;

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests;

use serde::{Serializer, ser::SerializeMap as _};

pub use self::path::encode_path;
pub(crate) use self::path::{parameter, segment};
use self::value::Place;
use crate::{
    InvalidInput,
    operation::{Body, Object, Operation},
    transport::Prepared,
};

/// Checks a request.
pub(crate) fn request(operation: &Operation, request: &Prepared) -> Result<(), InvalidInput> {
    path::check(operation, request.path())?;
    if let Some(object) = operation.query {
        query(object, request.query().unwrap_or(b"{}"))?;
    }
    match (operation.body, request.body()) {
        (Some(declared), Some(json)) => body(&declared, json),
        (Some(declared), None) if declared.required => body(&declared, b"{}"),
        _ => Ok(()),
    }
}

/// Checks a query, which is written as a JSON object: its lists are sent with commas between their items.
///
/// # Errors
/// If it has what is not allowed, or lacks what is required.
pub fn query(object: &Object, json: &[u8]) -> Result<(), InvalidInput> {
    value::object(object, json, Place::Query)
}

/// Checks a body.
///
/// # Errors
/// If it has what is not allowed, or lacks what is required.
pub fn body(body: &Body, json: &[u8]) -> Result<(), InvalidInput> {
    match body.envelope {
        None => value::object(body.object, json, Place::Body),
        Some(envelope) => value::envelope(envelope, body.object, json),
    }
}

/// Checks what is given for a parameter of the path, before it gets part of it.
#[cfg(feature = "dynamic")]
pub(crate) fn argument(parameter: &crate::operation::Parameter, value: &serde_json::Value) -> Result<(), InvalidInput> {
    value::field(parameter.name, &parameter.schema, &value.to_string())
}

/// Writes a number. JSON has none that is not finite; such a one is marked, so that it is refused by its name.
#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
pub(crate) fn finite<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.is_finite() {
        return serializer.serialize_f64(*number);
    }
    let mut mark = serializer.serialize_map(Some(1))?;
    mark.serialize_entry(value::NOT_FINITE, &number.to_string())?;
    mark.end()
}

/// The same for one that may be left out.
#[allow(dead_code)] // for the first optional number of a request
#[allow(clippy::ref_option)] // as serde calls it
pub(crate) fn finite_option<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => finite(number, serializer),
        None => serializer.serialize_none(),
    }
}
