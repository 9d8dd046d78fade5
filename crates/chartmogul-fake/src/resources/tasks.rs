use serde_json::{Value, json};

use super::{Resource, associated_objects};
use crate::{handle::Call, state::State, store::Object};

pub(super) struct Tasks;

impl Resource for Tasks {
    fn stored(&self, _state: &State, mut sent: Object) -> Object {
        associated_objects::as_fields(&mut sent);
        sent
    }

    /// Recorded: an object without fields.
    fn deleted(&self, _call: &Call<'_>, _object: &Object) -> Option<Value> {
        Some(json!({}))
    }

    fn passes(&self, _state: &State, object: &Object, filter: &str, wanted: &Value) -> Option<bool> {
        match filter {
            "contact_uuid" => Some(associated_objects::is_contact(object, wanted)),
            "completed" => {
                let completed = object.get("completed_at").is_some_and(|at| !at.is_null());
                Some(*wanted == completed)
            }
            _ => None,
        }
    }
}
