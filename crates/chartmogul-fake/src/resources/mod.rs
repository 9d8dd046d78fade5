//! Behaviour of single resources that does not follow from the document.

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
    /// Problems of a body that matches the document.
    fn problems(&self, _state: &State, _body: &Object) -> Vec<Problem> {
        Vec::new()
    }

    /// The error for an invalid body, if it has been recorded.
    fn refusal(&self, _problems: &[Problem]) -> Option<Response> {
        None
    }

    /// Converts the fields of a request into those of responses.
    fn stored(&self, _state: &State, sent: Object) -> Object {
        sent
    }

    /// Fills in fields that the request for a new object omits.
    fn complete(&self, _new: &mut Object, _sent: &Object) {}

    /// Adapts a new object to existing ones, of its kind and others.
    fn fit_in(&self, _state: &State, _store: &Store, _new: &mut Object, _sent: &Object) {}

    /// Sets fields that depend on a change; `before` is the object before it, `None` if it is new.
    fn follow(&self, _state: &State, _before: Option<&Object>, _object: &mut Object, _sent: &Object) {}

    /// The error for a new or changed object with an identifier that another one in the store has.
    fn taken(&self, _store: &Store, _object: &Object) -> Option<Response> {
        None
    }

    /// Changes other objects after an object was created or changed.
    fn written(&self, _state: &State, _key: &str, _sent: &Object) {}

    /// Removes dependent objects of a removed object; returns the body of the response, if one has been recorded.
    fn deleted(&self, _call: &Call<'_>, _object: &Object) -> Option<Value> {
        None
    }

    /// Stored fields that responses to a call do not have.
    fn lacks(&self, _call: &Call<'_>) -> &'static [&'static str] {
        &[]
    }

    /// Fields that requests set and no response has.
    fn hidden(&self, _state: &State, _key: &str) -> Object {
        Object::new()
    }

    /// The error for an object that does not exist, if it has been recorded.
    fn not_found(&self, _key: &str) -> Option<Response> {
        None
    }

    /// The sort order of lists; by default, the newest object comes first.
    fn order(&self) -> Option<Order> {
        None
    }

    /// The number of pages in the first page of a list.
    fn total_pages(&self, _operation: &Operation, pages: usize) -> Value {
        pages.into()
    }

    /// Whether an object passes a filter that does not correspond to a field of the same name.
    fn passes(&self, _state: &State, _object: &Object, _filter: &str, _wanted: &Value) -> Option<bool> {
        None
    }

    /// Handles operations that are not standard.
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

/// Problems of times that are documented to be in the past.
fn in_the_future(object: &Object, names: &[&str], below: impl Fn(&str) -> String) -> Vec<Problem> {
    let future = names.iter().filter(|name| {
        let at = object.get(**name).and_then(|at| instant(at, Time::Start));
        at.is_some_and(|at| at > Utc::now())
    });
    future
        .map(|name| Problem::invalid(below(name), "must be in the past"))
        .collect()
}

/// A resource without special behaviour.
struct Plain;

impl Resource for Plain {}
