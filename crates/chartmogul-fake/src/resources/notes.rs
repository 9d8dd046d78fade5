use axum::response::Response;
use serde_json::{Value, json};

use super::{Resource, associated_objects, in_the_future};
use crate::{
    handle::Call,
    schema::Problem,
    state::State,
    store::{Object, read},
};

/// Notes, and customer notes.
pub(super) struct Notes;

impl Resource for Notes {
    fn problems(&self, _state: &State, body: &Object) -> Vec<Problem> {
        in_the_future(body, &["created_at", "updated_at"], str::to_owned)
    }

    /// The author is sent as an e-mail address, and returned with a name.
    fn stored(&self, _state: &State, mut sent: Object) -> Object {
        associated_objects::as_fields(&mut sent);
        if let Some(Value::String(email)) = sent.remove("author_email") {
            let name = email.split('@').next().unwrap_or_default();
            sent.insert("author".to_owned(), format!("{name} ({email})").into());
        }
        sent
    }

    /// The default duration of a call is a minute.
    fn complete(&self, new: &mut Object, sent: &Object) {
        let is_call = sent.get("type").is_some_and(|kind| kind == "call");
        new.insert("call_duration".to_owned(), json!(if is_call { 60 } else { 0 }));
    }

    /// Recorded: a message; under the old path, an object without fields.
    fn deleted(&self, call: &Call<'_>, note: &Object) -> Option<Value> {
        let is_call = note.get("type").is_some_and(|kind| kind == "call");
        let message = if is_call { "Call log deleted" } else { "Note deleted" };
        Some(match call.operation.tag {
            "customer_notes" => json!({}),
            _ => json!({ "message": message }),
        })
    }

    /// The old path supports only customers.
    fn lacks(&self, call: &Call<'_>) -> &'static [&'static str] {
        match call.operation.tag {
            "customer_notes" => &["associated_object", "associated_object_uuid"],
            _ => &[],
        }
    }

    fn respond(&self, call: &Call<'_>) -> Option<Response> {
        let of_customers = |note: &str| associated_objects::is_of_customer(&read(note));
        (call.operation.id == "list_customer_notes").then(|| call.page("notes", of_customers))
    }

    fn passes(&self, _state: &State, object: &Object, filter: &str, wanted: &Value) -> Option<bool> {
        match filter {
            "contact_uuid" => Some(associated_objects::is_contact(object, wanted)),
            "author_email" => {
                let author = object.get("author").and_then(Value::as_str)?;
                Some(author.ends_with(&format!("({})", wanted.as_str()?)))
            }
            _ => None,
        }
    }
}
