use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Resource, custom_attributes,
    customers::{Customers, attribute, merge_overrides, nobody_with, with_email},
};
use crate::{handle::Call, schema::Problem, state::State, store::Object};

pub(super) struct Attributes;

impl Resource for Attributes {
    fn problems(&self, state: &State, body: &Object) -> Vec<Problem> {
        let custom = body.get("custom");
        custom.map_or_else(Vec::new, |custom| custom_attributes::problems(state, custom, "custom"))
    }

    fn refusal(&self, problems: &[Problem]) -> Option<Response> {
        custom_attributes::unknown_type(problems)
    }

    /// Attributes are stored in their customers.
    fn respond(&self, call: &Call<'_>) -> Option<Response> {
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
        // In a customer, they are below `attributes`.
        let overrides = customer
            .get("overrides")
            .and_then(|overrides| overrides.get("attributes"));
        let overrides = overrides.cloned().unwrap_or_else(|| json!({}));
        let overrides_wanted =
            call.body.contains_key("overrides") || call.query.get("with_overrides") == Some(&true.into());
        let mut part = |name: &str| json!({ name: attribute(&mut customer, name) });
        let mut response = match call.operation.path.rsplit('/').next() {
            Some("tags") => part("tags"),
            Some("custom") => part("custom"),
            _ => customer.remove("attributes").unwrap_or_default(),
        };
        if overrides_wanted {
            response["overrides"] = overrides;
        }
        // Recorded when no attributes are left.
        if call.operation.method == "DELETE" && response == json!({ "custom": {} }) {
            return Some(StatusCode::NO_CONTENT.into_response());
        }
        Some(call.succeed(Some(response)))
    }
}

/// The customer after the requested change of its attributes.
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
            (Some(sent), Some(Value::Object(custom))) => {
                custom.extend(custom_attributes::of_customer(call.state, sent));
            }
            _ => {}
        }
        if let Some(sent) = call.body.get("overrides") {
            let overrides = customer.entry("overrides").or_insert_with(|| json!({}));
            merge_overrides(overrides, &json!({ "attributes": sent }));
        }
        store.put(key, customer.clone());
        Some(customer)
    })
}
