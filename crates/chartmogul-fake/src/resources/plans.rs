use axum::response::Response;
use serde_json::Value;

use super::Resource;
use crate::{
    document::Action,
    errors,
    handle::Call,
    store::{Object, Store},
};

pub(super) struct Plans;

impl Resource for Plans {
    /// Without an external identifier, the UUID takes its place.
    fn complete(&self, new: &mut Object, _sent: &Object) {
        let uuid = new.get("uuid").and_then(Value::as_str).unwrap_or_default();
        let uuid = uuid.trim_start_matches("pl_").to_owned();
        new.insert("external_id".to_owned(), uuid.into());
    }

    /// Documented: one that invoices refer to stays. The error was never recorded.
    fn respond(&self, call: &Call<'_>) -> Option<Response> {
        let plan = Value::from(call.key());
        let has_it = |invoice: Object| {
            let items = invoice.get("line_items").and_then(Value::as_array);
            items.is_some_and(|items| items.iter().any(|item| item.get("plan_uuid") == Some(&plan)))
        };
        let is_used = || call.state.store("invoices", |store| store.with(&plan).any(has_it));
        let is_refused = call.operation.action == Action::Delete && is_used();
        is_refused.then(|| errors::taken("uuid", "Invoices refer to this plan."))
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
