//! What is odd about a resource. All else follows from the document.

mod associated_objects;
mod attributes;
mod contacts;
mod custom_attributes;
mod customers;
mod invoices;
mod notes;
mod opportunities;
mod plan_groups;
mod plans;
mod tasks;

use axum::response::Response;
use chrono::Utc;
use serde_json::Value;

pub use self::opportunities::Stage;
use crate::{
    document::Operation,
    filter::{Time, instant},
    handle::Call,
    paging::Order,
    schema::Problem,
    state::State,
    store::{Object, Store},
};

pub(crate) trait Resource: Sync {
    /// What is wrong with a body that fits the document.
    fn problems(&self, _state: &State, _body: &Object) -> Vec<Problem> {
        Vec::new()
    }

    /// The error for a body that does not fit, if it has been recorded.
    fn refusal(&self, _problems: &[Problem]) -> Option<Response> {
        None
    }

    /// The fields of a request, as responses have them.
    fn stored(&self, _state: &State, sent: Object) -> Object {
        sent
    }

    /// Fills in what the request for a new object left out.
    fn complete(&self, _new: &mut Object, _sent: &Object) {}

    /// Fits a new object in with what is there: the objects of its kind, and all others.
    fn fit_in(&self, _state: &State, _store: &Store, _new: &mut Object, _sent: &Object) {}

    /// Sets what follows from a change; `before` is the object without it, `None` if it is new.
    fn follow(&self, _state: &State, _before: Option<&Object>, _object: &mut Object, _sent: &Object) {}

    /// The error for a new or changed object with an identifier that another one in the store has.
    fn taken(&self, _store: &Store, _object: &Object) -> Option<Response> {
        None
    }

    /// Does what follows from a new or changed object elsewhere.
    fn written(&self, _state: &State, _key: &str, _sent: &Object) {}

    /// Removes what belongs to an object that was removed; the body of the response, if one has been recorded.
    fn deleted(&self, _call: &Call<'_>, _object: &Object) -> Option<Value> {
        None
    }

    /// Fields that responses to a call do not have, although they are stored.
    fn lacks(&self, _call: &Call<'_>) -> &'static [&'static str] {
        &[]
    }

    /// What requests say of an object and no response shows.
    fn hidden(&self, _state: &State, _key: &str) -> Object {
        Object::new()
    }

    /// The error for an object that does not exist, if it has been recorded.
    fn not_found(&self, _key: &str) -> Option<Response> {
        None
    }

    /// What lists are sorted by; without it, the newest object comes first.
    fn order(&self) -> Option<Order> {
        None
    }

    /// What the first page of a list says of the number of its pages.
    fn total_pages(&self, _operation: &Operation, pages: usize) -> Value {
        pages.into()
    }

    /// Whether an object passes a filter that is not about the field of its name.
    fn passes(&self, _state: &State, _object: &Object, _filter: &str, _wanted: &Value) -> Option<bool> {
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
        "contacts" => &contacts::Contacts,
        "invoices" => &invoices::Invoices,
        "notes" | "customer_notes" => &notes::Notes,
        "opportunities" => &opportunities::Opportunities,
        "plan_groups" => &plan_groups::PlanGroups,
        "plans" => &plans::Plans,
        "tasks" => &tasks::Tasks,
        _ => &Plain,
    }
}

/// The store of a collection: customer notes are notes under an old path.
pub(crate) fn store_of(collection: &str) -> &str {
    match collection {
        "customer_notes" => "notes",
        _ => collection,
    }
}

/// What is wrong with times that are documented to be in the past.
fn in_the_future(object: &Object, names: &[&str], below: impl Fn(&str) -> String) -> Vec<Problem> {
    let future = names.iter().filter(|name| {
        let at = object.get(**name).and_then(|at| instant(at, Time::Start));
        at.is_some_and(|at| at > Utc::now())
    });
    future
        .map(|name| Problem::invalid(below(name), "must be in the past"))
        .collect()
}

/// With nothing odd.
struct Plain;

impl Resource for Plain {}
