//! What is odd about a resource. All else follows from the document.

mod attributes;
mod customers;
mod opportunities;
mod plan_groups;
mod plans;

use axum::response::Response;
use serde_json::Value;

use crate::{handle::Call, paging::Order, state::State, store::Object};

pub(crate) trait Resource: Sync {
    /// The fields of a request, as responses have them.
    fn stored(&self, sent: Object) -> Object {
        sent
    }

    /// Fills in what the request for a new object left out.
    fn complete(&self, _new: &mut Object, _sent: &Object) {}

    /// Corrects an object that has got the fields of a request.
    fn merge(&self, _before: &Object, _after: &mut Object) {}

    /// Takes note of a new or changed object.
    fn written(&self, _state: &State, _key: &str, _sent: &Object) {}

    /// Removes what belongs to an object that was removed.
    fn deleted(&self, _state: &State, _key: &str) {}

    /// The error for an object that does not exist, if it has been recorded.
    fn not_found(&self, _key: &str) -> Option<Response> {
        None
    }

    /// What lists are sorted by; without it, the newest object comes first.
    fn order(&self) -> Option<Order> {
        None
    }

    /// Whether an object passes a filter that is not about the field of its name.
    fn passes(&self, _object: &Object, _filter: &str, _wanted: &Value) -> Option<bool> {
        None
    }

    /// Handles what is not a plain operation.
    fn respond(&self, _call: &Call<'_>) -> Option<Response> {
        None
    }
}

/// The resource of a tag.
pub(crate) fn of(tag: &str) -> &'static dyn Resource {
    match tag {
        "attributes" => &attributes::Attributes,
        "customers" => &customers::Customers,
        "opportunities" => &opportunities::Opportunities,
        "plan_groups" => &plan_groups::PlanGroups,
        "plans" => &plans::Plans,
        _ => &Plain,
    }
}

/// With nothing odd.
struct Plain;

impl Resource for Plain {}
