use axum::response::Response;
use serde_json::Value;

use super::Resource;
use crate::{
    document::document,
    errors,
    handle::Call,
    schema::{Fault, Problem},
    state::State,
    store::Object,
};

/// The store of the plans of each group: only the list of a group's plans returns them.
const MEMBERS: &str = "plan_groups/plans";

pub(super) struct PlanGroups;

impl Resource for PlanGroups {
    /// Responses have only the number of plans.
    fn stored(&self, _state: &State, mut sent: Object) -> Object {
        if let Some(Value::Array(plans)) = sent.get("plans") {
            let count = plans.len();
            sent.insert("plans_count".to_owned(), count.into());
        }
        sent
    }

    /// Recorded: missing fields are "blank", and the plans have another name.
    fn refusal(&self, problems: &[Problem]) -> Option<Response> {
        let blank = |problem: &Problem| match problem.param.as_str() {
            "name" => Problem::invalid("name".to_owned(), "Name can't be blank"),
            _ => Problem::invalid("plan_ids".to_owned(), "Plan ids can't be blank"),
        };
        let all_missing = !problems.is_empty() && problems.iter().all(|problem| problem.fault == Fault::Missing);
        all_missing.then(|| errors::by_field(&problems.iter().map(blank).collect::<Vec<_>>(), "blank"))
    }

    fn written(&self, state: &State, key: &str, sent: &Object) {
        if let Some(plans) = sent.get("plans") {
            let members = Object::from_iter([("plans".to_owned(), plans.clone())]);
            state.store(MEMBERS, |store| store.put(key, members));
        }
    }

    /// The existing plans of a group.
    fn respond(&self, call: &Call<'_>) -> Option<Response> {
        if call.operation.id != "list_plan_group_plans" {
            return None;
        }
        if call.state.collection("plan_groups").get(call.key()).is_none() {
            return Some(errors::not_found(document().collections.get("plan_groups")?));
        }
        let members = call
            .state
            .store(MEMBERS, |store| store.get(call.key()))
            .unwrap_or_default();
        let plans: Vec<_> = members
            .get("plans")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .collect();
        Some(call.page("plans", |plan| {
            let plan: Value = serde_json::from_str(plan).unwrap_or_default();
            let uuid = plan["uuid"].as_str().unwrap_or_default();
            plans.iter().any(|member| *member == uuid)
        }))
    }
}
