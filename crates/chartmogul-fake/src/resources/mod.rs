//! What is odd about a resource. All else follows from the document.

mod invoices;
mod opportunities;
mod plan_groups;
mod plans;

use axum::response::Response;

pub use self::opportunities::Stage;
use crate::{document::Kind, errors, handle::Call, state::State, store::Object};

pub(crate) trait Resource: Sync {
    /// The fields of a request, as responses have them.
    fn stored(&self, sent: Object) -> Object {
        sent
    }

    /// Fills in what the request for a new object left out.
    fn complete(&self, _new: &mut Object, _sent: &Object) {}

    /// Sets what follows from a change; `before` is the object without it, `None` if it is new.
    fn follow(&self, _state: &State, _before: Option<&Object>, _object: &mut Object, _sent: &Object) {}

    /// Takes note of a new or changed object.
    fn written(&self, _state: &State, _key: &str, _sent: &Object) {}

    /// What is said of an object that does not exist.
    fn not_found(&self, kind: &Kind) -> Response {
        errors::not_found(kind)
    }

    /// Handles what is not a plain operation.
    fn respond(&self, _call: &Call<'_>) -> Option<Response> {
        None
    }
}

/// The resource of a tag.
pub(crate) fn of(tag: &str) -> &'static dyn Resource {
    match tag {
        "invoices" => &invoices::Invoices,
        "opportunities" => &opportunities::Opportunities,
        "plan_groups" => &plan_groups::PlanGroups,
        "plans" => &plans::Plans,
        _ => &Plain,
    }
}

/// With nothing odd.
struct Plain;

impl Resource for Plain {}
