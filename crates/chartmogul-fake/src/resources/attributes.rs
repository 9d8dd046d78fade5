use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use super::{
    Resource,
    customers::{Customers, attribute, nobody_with, with_email},
    opportunities::normalized,
};
use crate::{errors, handle::Call, store::Object};

pub(super) struct Attributes;

impl Resource for Attributes {
    /// They are in the customers.
    fn respond(&self, call: &Call<'_>) -> Option<Response> {
        if let Some(refused) = unknown_type(&call.body) {
            return Some(refused);
        }
        if call.path.is_empty() {
            let found = with_email(call);
            let entries: Vec<_> = found.iter().filter_map(|key| changed(call, key)).collect();
            return Some(match entries.as_slice() {
                [] => nobody_with(call),
                entries => call.succeed(Some(json!({ "entries": entries }))),
            });
        }
        let Some(mut customer) = changed(call, call.key()) else {
            return Customers.not_found(call.key());
        };
        let mut part = |name: &str| json!({ name: attribute(&mut customer, name) });
        Some(match call.operation.path.rsplit('/').next() {
            Some("tags") => call.succeed(Some(part("tags"))),
            Some("custom") => match part("custom") {
                // Recorded where nothing is left.
                custom if call.operation.method == "DELETE" && custom["custom"] == json!({}) => {
                    StatusCode::NO_CONTENT.into_response()
                }
                custom => Json(custom).into_response(),
            },
            _ => call.succeed(customer.get("attributes").cloned()),
        })
    }
}

/// The customer after the change of its attributes that is asked for.
fn changed(call: &Call<'_>, key: &str) -> Option<Object> {
    let removes = call.operation.method == "DELETE";
    call.state.store("customers", |store| {
        let mut customer = store.get(key)?;
        if let (Some(Value::Array(sent)), Some(Value::Array(tags))) =
            (call.body.get("tags"), attribute(&mut customer, "tags"))
        {
            tags.retain(|tag| !sent.contains(tag) || !removes);
            for tag in sent {
                if !removes && !tags.contains(tag) {
                    tags.push(tag.clone());
                }
            }
        }
        match (call.body.get("custom"), attribute(&mut customer, "custom")) {
            (Some(Value::Array(keys)), Some(Value::Object(custom))) if removes => {
                custom.retain(|key, _| keys.iter().all(|removed| removed != key));
            }
            (Some(sent), Some(Value::Object(custom))) => custom.extend(values(sent)),
            _ => {}
        }
        store.put(key, customer.clone());
        Some(customer)
    })
}

/// Custom attributes as responses have them, from a list with types, or from an object.
pub(super) fn values(sent: &Value) -> Map<String, Value> {
    let listed = sent.as_array().into_iter().flatten().filter_map(|attribute| {
        let (key, value) = (attribute["key"].as_str()?, attribute["value"].clone());
        let may_be_time = attribute.get("type").is_none_or(|ty| ty == "Timestamp");
        Some((key.to_owned(), if may_be_time { normalized(value) } else { value }))
    });
    let by_key = sent.as_object().into_iter().flatten().map(|(key, value)| {
        let value = value.get("value").unwrap_or(value);
        (key.clone(), normalized(value.clone()))
    });
    listed.chain(by_key).collect()
}

/// Seen: it names the first attribute, whichever is wrong.
fn unknown_type(body: &Object) -> Option<Response> {
    const TYPES: [&str; 5] = ["String", "Integer", "Decimal", "Timestamp", "Boolean"];
    let attributes = body.get("custom")?.as_array()?.iter();
    let mut types = attributes.filter_map(|attribute| attribute.get("type")?.as_str());
    let is_unknown = types.any(|ty| !TYPES.contains(&ty));
    is_unknown.then(|| {
        errors::with_code(
            StatusCode::BAD_REQUEST,
            "Type is not supported",
            Some("custom[0][type]"),
        )
    })
}
