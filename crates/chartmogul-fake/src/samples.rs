//! Sample objects.

use serde_json::Value;

use crate::document::document;

/// The document's example of an object, with this key: `samples::object("plans", "pl_1")`.
///
/// `null` if the document has no such objects; collections reject it.
pub fn object(collection: &str, key: &str) -> Value {
    let Some(kind) = document().collections.get(collection) else {
        return Value::Null;
    };
    let mut object = kind.example.clone();
    object[kind.key] = key.into();
    object
}
