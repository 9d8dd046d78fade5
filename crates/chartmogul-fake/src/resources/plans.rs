use axum::{http::StatusCode, response::Response};
use serde_json::Value;

use super::Resource;
use crate::{
    errors,
    store::{Object, Store},
};

pub(super) struct Plans;

impl Resource for Plans {
    /// The default external identifier is the UUID.
    fn complete(&self, new: &mut Object, _sent: &Object) {
        let uuid = new.get("uuid").and_then(Value::as_str).unwrap_or_default();
        let uuid = uuid.trim_start_matches("pl_").to_owned();
        new.insert("external_id".to_owned(), uuid.into());
    }

    fn not_found(&self, _key: &str) -> Option<Response> {
        Some(errors::without_code(StatusCode::NOT_FOUND, "Plan not found"))
    }

    fn taken(&self, store: &Store, plan: &Object) -> Option<Response> {
        let is_same = |other: &Object, name: &str| other.get(name) == plan.get(name);
        let mut others = store
            .with(plan.get("external_id")?)
            .filter(|other| !is_same(other, "uuid"));
        let is_taken = others.any(|other| is_same(&other, "data_source_uuid") && is_same(&other, "external_id"));
        is_taken.then(|| errors::taken("external_id", "The external ID of this plan exists already."))
    }
}
