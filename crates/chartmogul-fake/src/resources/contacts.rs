use axum::{http::StatusCode, response::Response};
use serde_json::{Value, json};

use super::{
    Resource, custom_attributes,
    customers::{find, give, parts},
};
use crate::{
    errors,
    handle::Call,
    state::State,
    store::{Object, Store},
};

pub(super) struct Contacts;

impl Resource for Contacts {
    /// `last_active_at` of a request is returned as `last_seen`.
    fn stored(&self, _state: &State, mut sent: Object) -> Object {
        custom_attributes::as_object(&mut sent);
        if let Some(at) = sent.remove("last_active_at") {
            sent.insert("last_seen".to_owned(), at);
        }
        sent
    }

    fn complete(&self, new: &mut Object, _sent: &Object) {
        new.insert("custom".to_owned(), json!({}));
    }

    /// Sets the next position among the customer's contacts, and the identifiers of the customer.
    fn fit_in(&self, state: &State, store: &Store, new: &mut Object, sent: &Object) {
        if !sent.contains_key("position") {
            let customer = new.get("customer_uuid").cloned().unwrap_or_default();
            let others = store
                .with(&customer)
                .filter(|other| other.get("customer_uuid") == Some(&customer));
            let highest = others.filter_map(|other| other.get("position")?.as_i64()).max();
            new.insert("position".to_owned(), (highest.unwrap_or(0).saturating_add(1)).into());
        }
        // The customer's identifier in this data source, else the first one.
        let parts = parts_of(state, new);
        let own = parts
            .iter()
            .find(|[source, _]| new.get("data_source_uuid").is_some_and(|own| own == source));
        if let Some([_, id]) = own.or(parts.first()) {
            new.insert("customer_external_id".to_owned(), id.as_str().into());
        }
    }

    /// The identifier of another customer in the data source moves the contact to it; an unknown one changes nothing.
    fn follow(&self, state: &State, before: Option<&Object>, contact: &mut Object, sent: &Object) {
        let (Some(before), Some(id)) = (before, sent.get("customer_external_id")) else {
            return;
        };
        let source = contact.get("data_source_uuid").cloned().unwrap_or_default();
        let meant = [("data_source_uuid", source), ("external_id", id.clone())];
        let meant = meant.map(|(name, value)| (name.to_owned(), value));
        let (field, kept) = match find(state, &Object::from_iter(meant)) {
            Some(mut customer) => ("customer_uuid", customer.remove("uuid")),
            None => ("customer_external_id", before.get("customer_external_id").cloned()),
        };
        contact.insert(field.to_owned(), kept.unwrap_or_default());
    }

    /// Recorded: an object without fields.
    fn deleted(&self, _call: &Call<'_>, _object: &Object) -> Option<Value> {
        Some(json!({}))
    }

    /// A contact of a merged customer matches each of its parts.
    fn passes(&self, state: &State, contact: &Object, filter: &str, wanted: &Value) -> Option<bool> {
        let of_part = || parts_of(state, contact).iter().any(|[_, id]| wanted == id);
        (filter == "customer_external_id").then(|| contact.get(filter) == Some(wanted) || of_part())
    }

    fn not_found(&self, key: &str) -> Option<Response> {
        let message = format!("Contact \"{}\" does not exist", key.trim_start_matches("con_"));
        Some(errors::with_code(StatusCode::NOT_FOUND, &message, Some("contact_uuid")))
    }

    fn respond(&self, call: &Call<'_>) -> Option<Response> {
        let [into, from] = call.path.as_slice() else {
            return None;
        };
        if into.eq_ignore_ascii_case(from) {
            let message = "A contact can't be merged into itself";
            return Some(errors::with_code(
                StatusCode::BAD_REQUEST,
                message,
                Some("from_contact_uuid"),
            ));
        }
        let merged = call.state.store("contacts", |store| {
            let (mut merged, second) = (store.get(into).ok_or(into)?, store.get(from).ok_or(from)?);
            merge(&mut merged, second);
            store.put(into, merged.clone());
            store.remove(from);
            Ok::<_, &String>(merged)
        });
        match merged {
            Ok(mut merged) => {
                give(call.state, from, into, |_, _| true); // notes and tasks
                merged.insert("customer_uuid".to_owned(), Value::Null); // in this response only
                Some(call.succeed(Some(merged.into())))
            }
            Err(key) => self.not_found(key),
        }
    }
}

/// The data source customers of the customer of a contact.
fn parts_of(state: &State, contact: &Object) -> Vec<[String; 2]> {
    let uuid = contact.get("customer_uuid").and_then(Value::as_str);
    let customer = uuid.and_then(|uuid| state.store("customers", |store| store.get(uuid)));
    customer.as_ref().map(parts).unwrap_or_default()
}

/// Fills the empty fields of a contact with those of another. `notes` are joined.
fn merge(contact: &mut Object, other: Object) {
    for (name, theirs) in other {
        let joins = name == "notes";
        let ours = contact.entry(name).or_insert(Value::Null);
        match (&*ours, &theirs) {
            (empty, _) if is_empty(empty) => *ours = theirs,
            (Value::String(first), Value::String(second)) if joins && !second.is_empty() => {
                *ours = format!("{first} {second}").into();
            }
            _ => {}
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}
