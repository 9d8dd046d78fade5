use serde_json::{Value, json};

use super::{Resource, associated_objects};
use crate::{state::State, store::Object};

/// Of customer notes, too.
pub(super) struct Notes;

impl Resource for Notes {
    /// The author is sent as an e-mail address, and returned with a name.
    fn stored(&self, _state: &State, mut sent: Object) -> Object {
        associated_objects::as_fields(&mut sent);
        if let Some(Value::String(email)) = sent.remove("author_email") {
            let name = email.split('@').next().unwrap_or_default();
            sent.insert("author".to_owned(), format!("{name} ({email})").into());
        }
        sent
    }

    /// A call without a duration takes a minute.
    fn complete(&self, new: &mut Object, sent: &Object) {
        let is_call = sent.get("type").is_some_and(|kind| kind == "call");
        new.insert("call_duration".to_owned(), json!(if is_call { 60 } else { 0 }));
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
