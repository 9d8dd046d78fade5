//! Decodes the body of a success.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

use super::attempt::BodyError;
use crate::{FieldValue, List, error::body::BYTE_ORDER_MARK, value::json};

/// What a response can be read as. Not for users: it may change.
pub trait ResponseBody: DeserializeOwned + Send {
    /// The JSON that it is read from.
    const SHAPE: Shape;
}

impl ResponseBody for () {
    const SHAPE: Shape = Shape::Nothing;
}

impl<T: FieldValue + Send> ResponseBody for List<T> {
    const SHAPE: Shape = Shape::List;
}

impl<T: DeserializeOwned + Send> ResponseBody for BTreeMap<String, T> {
    const SHAPE: Shape = Shape::Map;
}

impl ResponseBody for serde_json::Map<String, serde_json::Value> {
    const SHAPE: Shape = Shape::Map;
}

/// The operation of the request determines the shape.
impl ResponseBody for serde_json::Value {
    const SHAPE: Shape = Shape::Any;
}

/// The kind of JSON that a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// No body is expected; one that arrives is ignored.
    Nothing,
    /// An object with known fields.
    Object,
    /// An object with free keys.
    Map,
    /// A list.
    List,
    /// Any JSON.
    Any,
}

/// Decodes the body of a success. For a write, an empty body counts as an empty object or list; for a read, it is a truncated
/// response, so the attempt is repeated.
pub(super) fn read<T: DeserializeOwned>(body: &[u8], shape: Shape, is_read: bool) -> Result<Box<T>, BodyError> {
    let json = trimmed(body);
    let json: &[u8] = match (shape, json.first()) {
        (Shape::Nothing, _) => b"null",
        (_, None) if is_read => {
            return Err(BodyError {
                cut_off: true,
                ..BodyError::new("expected JSON, found nothing")
            });
        }
        (Shape::Object | Shape::Map | Shape::Any, None) => b"{}",
        (Shape::List, None) => b"[]",
        (Shape::Object, Some(b'{')) if is_read && is_empty_object(json) => {
            return Err(BodyError::new("expected a JSON object with fields, found an empty one"));
        }
        (Shape::Object | Shape::Map, Some(b'{')) | (Shape::List, Some(b'[')) | (Shape::Any, _) => json,
        (Shape::Object | Shape::Map, Some(b'<')) => return Err(BodyError::new("expected a JSON object, found markup")),
        (Shape::Object | Shape::Map, _) => return Err(BodyError::new("expected a JSON object, found something else")),
        (Shape::List, Some(b'<')) => return Err(BodyError::new("expected a JSON array, found markup")),
        (Shape::List, _) => return Err(BodyError::new("expected a JSON array, found something else")),
    };
    let value = json::from_slice(json).map_err(|error| unreadable(error, std::any::type_name::<T>()))?;
    Ok(Box::new(value))
}

fn is_empty_object(json: &[u8]) -> bool {
    let fields = json.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    fields.is_some_and(|fields| fields.trim_ascii().is_empty())
}

/// An error that does not quote the JSON, which may contain customers' data.
fn unreadable(error: serde_json::Error, ty: &str) -> BodyError {
    BodyError {
        cut_off: error.is_eof(),
        source: if error.is_data() {
            let (line, column) = (error.line(), error.column());
            format!("the value that ends at line {line}, column {column} does not fit into `{ty}`").into()
        } else {
            error.into()
        },
    }
}

fn trimmed(body: &[u8]) -> &[u8] {
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body).trim_ascii()
}

pub(super) fn is_markup(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::types::{Opportunity, OpportunityPage};

    fn message_of<T: ResponseBody>(body: &str, is_read: bool) -> String {
        match read::<T>(body.as_bytes(), T::SHAPE, is_read) {
            Ok(_) => "ok".to_owned(),
            Err(error) => format!("{}{}", if error.cut_off { "cut off: " } else { "" }, error.source),
        }
    }

    #[test]
    fn an_object_is_an_object_with_fields() {
        for (body, written, when_read) in [
            (r#"{"uuid":"a"}"#, "ok", "ok"),
            ("\u{feff} {\"uuid\":1}\n", "ok", "ok"),
            ("", "ok", "cut off: expected JSON, found nothing"),
            ("{ }", "ok", "expected a JSON object with fields, found an empty one"),
            (
                "[]",
                "expected a JSON object, found something else",
                "expected a JSON object, found something else",
            ),
            (
                "<html>",
                "expected a JSON object, found markup",
                "expected a JSON object, found markup",
            ),
        ] {
            assert_eq!(message_of::<Opportunity>(body, false), written, "{body:?}");
            assert_eq!(message_of::<Opportunity>(body, true), when_read, "{body:?}");
        }
        assert!(message_of::<Opportunity>(r#"{"uuid":"#, true).starts_with("cut off: EOF"));
        let message = message_of::<OpportunityPage>(r#"{"has_more":false}"#, true);
        assert!(
            message.contains("does not fit into") && message.contains("OpportunityPage"),
            "{message}"
        );
    }

    #[test]
    fn lists_and_maps_may_be_empty() {
        for (body, list, map) in [
            ("[]", "ok", "expected a JSON object, found something else"),
            ("[1]", "ok", "expected a JSON object, found something else"),
            ("{}", "expected a JSON array, found something else", "ok"),
            (r#"{"a":1}"#, "expected a JSON array, found something else", "ok"),
            (
                "<html>",
                "expected a JSON array, found markup",
                "expected a JSON object, found markup",
            ),
        ] {
            assert_eq!(message_of::<List<i64>>(body, true), list, "{body:?}");
            assert_eq!(message_of::<BTreeMap<String, i64>>(body, true), map, "{body:?}");
            assert_eq!(
                message_of::<serde_json::Map<String, Value>>(body, true),
                map,
                "{body:?}"
            );
        }
        assert_eq!(
            message_of::<List<i64>>("", true),
            "cut off: expected JSON, found nothing"
        );
        assert_eq!(message_of::<List<i64>>("", false), "ok");
    }

    #[test]
    fn where_nothing_is_expected_anything_is_accepted() {
        for body in ["", "{}", "null", "gone", r#"{"message":"Deleted"}"#] {
            assert_eq!(message_of::<()>(body, false), "ok", "{body:?}");
        }
    }
}
