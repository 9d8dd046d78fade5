//! The associated object of notes and tasks: a customer or a contact.

use serde_json::{Value, json};

use crate::store::Object;

/// Sets both forms of it, as responses have them.
pub(super) fn as_fields(sent: &mut Object) {
    let (kind, uuid) = match (sent.remove("associated_object_identifier"), sent.get("customer_uuid")) {
        (Some(identifier), _) => (identifier["associated_object"].clone(), identifier["value"].clone()),
        (None, Some(uuid)) => (json!("customer"), uuid.clone()),
        (None, None) => return, // an update
    };
    let customer_uuid = if kind == "customer" { uuid.clone() } else { Value::Null };
    for (name, value) in [
        ("customer_uuid", customer_uuid),
        ("associated_object", kind),
        ("associated_object_uuid", uuid),
    ] {
        sent.insert(name.to_owned(), value);
    }
}

/// Whether it is a customer.
pub(super) fn is_of_customer(object: &Object) -> bool {
    object.get("customer_uuid").is_some_and(Value::is_string)
}

/// Whether it is this contact.
pub(super) fn is_contact(object: &Object, uuid: &Value) -> bool {
    let field = |name: &str| object.get(name).unwrap_or(&Value::Null);
    field("associated_object") == "contact" && field("associated_object_uuid") == uuid
}
