use axum::{http::StatusCode, response::Response};
use serde_json::{Value, json};

use super::{Resource, custom_attributes, in_the_future, invoices};
use crate::{
    document::Operation,
    errors,
    handle::Call,
    paging::Order,
    schema::{Fault, Problem},
    state::State,
    store::{Object, Store, exact_key, read},
};

/// Merges, by customer and part: `from` and `into` before the merge.
const MERGED: &str = "customers/merged";

pub(super) struct Customers;

impl Resource for Customers {
    /// Custom attributes are returned as an object, states without the country prefix.
    fn stored(&self, state: &State, mut sent: Object) -> Object {
        if let Some(custom) = attribute(&mut sent, "custom") {
            *custom = custom_attributes::of_customer(state, custom).into();
        }
        if let Some(Value::String(state)) = sent.get_mut("state") {
            *state = state.trim_start_matches("US-").to_owned();
        }
        sent
    }

    fn problems(&self, state: &State, body: &Object) -> Vec<Problem> {
        let custom = body.get("attributes").and_then(|attributes| attributes.get("custom"));
        let custom = custom.map(|custom| custom_attributes::problems(state, custom, "attributes[custom]"));
        let mut problems = in_the_future(body, &["lead_created_at"], str::to_owned);
        problems.extend(custom.into_iter().flatten());
        problems
    }

    fn refusal(&self, problems: &[Problem]) -> Option<Response> {
        let bad_address = matches!(problems, [only] if only.param == "email" && only.fault == Fault::Invalid);
        let message = "The value provided does not appear to be a valid email address.";
        let bad_address =
            bad_address.then(|| errors::with_code(StatusCode::UNPROCESSABLE_ENTITY, message, Some("email")));
        bad_address.or_else(|| custom_attributes::unknown_type(problems))
    }

    fn complete(&self, new: &mut Object, sent: &Object) {
        let lead = json!({
            "status": "New Lead", "lead_status": "New Lead", "free_subscriber_status": "Never a Free Subscriber",
            "trial_subscriber_status": "Never had Trial", "paid_subscriber_status": "Never a Paid Subscriber", "name": "", "email": "", "company": "", "mrr": 0, "arr": 0, "attributes": {},
            "data_source_uuids": [sent.get("data_source_uuid")], "external_ids": [sent.get("external_id")],
        });
        new.extend(object(&lead));
        number(new);
    }

    /// An update replaces tags, and keeps custom attributes and overrides. The address is set from the customer's fields.
    fn follow(&self, _state: &State, before: Option<&Object>, after: &mut Object, sent: &Object) {
        // An update may repeat the customer's identifiers; no recording changes them.
        for name in ["external_id", "data_source_uuid"] {
            if let Some(own) = before.and_then(|before| before.get(name)) {
                after.insert(name.to_owned(), own.clone());
            }
        }
        let new = json!({ "tags": [], "custom": {}, "stripe": {} });
        let mut attributes = before.map_or(object(&new), |before| {
            before.get("attributes").map(object).unwrap_or_default()
        });
        for (name, new) in after.get("attributes").map(object).unwrap_or_default() {
            match (attributes.get_mut(&name), new) {
                (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
                (_, new) => drop(attributes.insert(name, new)),
            }
        }
        // Recorded: only the United States have states.
        if after
            .get("country")
            .is_some_and(|country| country.is_string() && country != "US")
        {
            after.insert("state".to_owned(), Value::Null);
        }
        let mut address = after.get("address").map(object).unwrap_or_default();
        for (name, field) in [
            ("country", "country"),
            ("state", "state"),
            ("city", "city"),
            ("address_zip", "zip"),
        ] {
            if before.is_none_or(|before| before.get(field) != after.get(field)) {
                address.insert(name.to_owned(), after.get(field).cloned().unwrap_or_default());
            }
        }
        if let (Some(sent), Some(before)) = (sent.get("overrides"), before.and_then(|before| before.get("overrides"))) {
            let mut overrides = before.clone();
            merge_overrides(&mut overrides, sent);
            after.insert("overrides".to_owned(), overrides);
        }
        after.extend([
            ("attributes".to_owned(), attributes.into()),
            ("address".to_owned(), address.into()),
        ]);
    }

    /// Creates or changes the primary contact.
    fn written(&self, state: &State, key: &str, sent: &Object) {
        let Some(Value::Object(mut contact)) = sent.get("primary_contact").cloned() else {
            return;
        };
        let first = state.store("contacts", |store| {
            let contacts = store
                .with(&key.into())
                .filter(|contact| text(contact, "customer_uuid") == key);
            contacts.min_by_key(|contact| contact.get("position").and_then(Value::as_i64))
        });
        if let Some(first) = first {
            return Call::follow_up(state, "update_contact", vec![text(&first, "uuid").to_owned()], contact);
        }
        let customer = state.store("customers", |store| store.get(key)).unwrap_or_default();
        let source = customer.get("data_source_uuid").cloned().unwrap_or_default();
        contact.extend([
            ("customer_uuid".to_owned(), key.into()),
            ("data_source_uuid".to_owned(), source),
        ]);
        Call::follow_up(state, "create_contact", Vec::new(), contact);
    }

    fn taken(&self, store: &Store, customer: &Object) -> Option<Response> {
        let others = store.with(customer.get("external_id")?);
        let mut others = others.filter(|other| text(other, "uuid") != text(customer, "uuid"));
        let is_taken = others.any(|other| parts(&other).contains(&part(customer)));
        is_taken.then(|| errors::taken("external_id", "The external ID of this customer exists already."))
    }

    fn deleted(&self, call: &Call<'_>, customer: &Object) -> Option<Value> {
        for collection in ["invoices", "subscriptions", "transactions"] {
            let uuid = text(customer, "uuid");
            call.state
                .store(collection, |store| store.remove_with("customer_uuid", uuid));
        }
        None
    }

    fn lacks(&self, call: &Call<'_>) -> &'static [&'static str] {
        let is_read = call.operation.method == "GET" && call.query.get("with_overrides") != Some(&true.into());
        if is_read { &["overrides"] } else { &[] }
    }

    fn not_found(&self, key: &str) -> Option<Response> {
        let message = format!("Customer \"{}\" does not exist", key.trim_start_matches("cus_"));
        Some(errors::with_code(StatusCode::NOT_FOUND, &message, Some("customer_id")))
    }

    /// By the time of becoming a customer; leads, which have none, come first.
    fn order(&self) -> Option<Order> {
        Some(|customer| {
            let id = customer.get("id").and_then(Value::as_u64).unwrap_or_default();
            format!("{} {id:020}", text(customer, "customer-since"))
        })
    }

    /// Recorded: an empty list has one page, and a search does not count pages.
    fn total_pages(&self, operation: &Operation, pages: usize) -> Value {
        match operation.id {
            "search_customers" => Value::Null,
            _ => pages.max(1).into(),
        }
    }

    fn passes(&self, _state: &State, customer: &Object, filter: &str, wanted: &Value) -> Option<bool> {
        let any = |name: &str| customer.get(name)?.as_array().map(|all| all.contains(wanted));
        match filter {
            "data_source_uuid" => any("data_source_uuids"),
            "external_id" => any("external_ids"),
            "status" => Some(Some(&*text(customer, "status").replace(' ', "_")) == wanted.as_str()),
            "system" => Some(customer.get("billing-system-type") == Some(wanted)),
            _ => Some(true), // the filter of the search, which has its own handler
        }
    }

    fn respond(&self, call: &Call<'_>) -> Option<Response> {
        match call.operation.id {
            // After a merge, the two lists of identifiers form pairs.
            "list_customers" => {
                let wanted = ["data_source_uuid", "external_id"].map(|name| call.query.get(name)?.as_str());
                let [Some(source), Some(id)] = wanted else {
                    return None;
                };
                let wanted = [source.to_owned(), id.to_owned()];
                Some(call.page("customers", |customer| parts(&read(customer)).contains(&wanted)))
            }
            "search_customers" => {
                let found = with_email(call);
                let is_found = |customer: &str| found.iter().any(|uuid| uuid == text(&read(customer), "uuid"));
                Some(if found.is_empty() {
                    nobody_with(call)
                } else {
                    call.page("customers", is_found)
                })
            }
            "merge_customers" => merge(call),
            "unmerge_customer" => unmerge(call),
            _ => None,
        }
    }
}

/// Adds the sent overrides; others stay.
pub(super) fn merge_overrides(all: &mut Value, sent: &Value) {
    match (all, sent) {
        (Value::Object(all), Value::Object(sent)) => {
            for (name, sent) in sent {
                merge_overrides(all.entry(name.as_str()).or_insert(Value::Null), sent);
            }
        }
        (all, sent) => *all = sent.clone(),
    }
}

/// Sets the number and the page of a new customer, from its UUID.
fn number(new: &mut Object) {
    let uuid = text(new, "uuid").rsplit('-').next().unwrap_or_default();
    let id = i64::from_str_radix(uuid, 16).unwrap_or_default();
    let url = format!("https://app.chartmogul.com/#/customers/{id}");
    new.extend(object(&json!({ "id": id, "chartmogul-url": url })));
}

fn text<'a>(object: &'a Object, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn object(value: &Value) -> Object {
    value.as_object().cloned().unwrap_or_default()
}

/// `tags` or `custom` of a customer.
pub(super) fn attribute<'a>(customer: &'a mut Object, name: &str) -> Option<&'a mut Value> {
    customer.get_mut("attributes")?.get_mut(name)
}

/// The keys of the customers with the e-mail address of a request; on request, their contacts count too.
pub(super) fn with_email(call: &Call<'_>) -> Vec<String> {
    let said = |name: &str| call.query.get(name).or_else(|| call.body.get(name));
    let keys = |collection: &str, key: &str| -> Vec<_> {
        call.state.store(collection, |store| {
            let all = store.all().map(read);
            let found = all.filter(|object| object.get("email") == said("email"));
            found.map(|object| text(&object, key).to_owned()).collect()
        })
    };
    let mut found = keys("customers", "uuid");
    if said("with_associated_emails") == Some(&true.into()) {
        for key in keys("contacts", "customer_uuid") {
            if !key.is_empty() && !found.contains(&key) {
                found.push(key);
            }
        }
    }
    found
}

pub(super) fn nobody_with(call: &Call<'_>) -> Response {
    let email = call.query.get("email").or_else(|| call.body.get("email"));
    let message = format!("Can't find any customers with email: {}", email.unwrap_or(&Value::Null));
    errors::with_code(StatusCode::NOT_FOUND, &message, Some("email"))
}

/// A data source customer, as requests and `parts` name it.
fn part(object: &Object) -> [String; 2] {
    ["data_source_uuid", "external_id"].map(|name| text(object, name).to_owned())
}

/// The data source customers of a customer, from its two lists of identifiers.
pub(super) fn parts(customer: &Object) -> Vec<[String; 2]> {
    let [sources, ids] = ["data_source_uuids", "external_ids"].map(|name| {
        let all = customer.get(name).and_then(Value::as_array).into_iter().flatten();
        all.map(|value| value.as_str().unwrap_or_default().to_owned())
    });
    sources.zip(ids).map(|(source, id)| [source, id]).collect()
}

fn set_parts(customer: &mut Object, parts: &[[String; 2]]) {
    for (at, [all, first]) in [
        ["data_source_uuids", "data_source_uuid"],
        ["external_ids", "external_id"],
    ]
    .into_iter()
    .enumerate()
    {
        let list: Vec<_> = parts.iter().map(|part| part[at].as_str()).collect();
        customer.insert(first.to_owned(), list.first().copied().unwrap_or_default().into());
        customer.insert(all.to_owned(), list.into());
    }
}

/// Finds a customer by its UUID or by one of its parts.
pub(super) fn find(state: &State, meant: &Object) -> Option<Object> {
    state.store("customers", |store| match meant.get("customer_uuid") {
        Some(_) => store.get(text(meant, "customer_uuid")),
        None => store
            .with(meant.get("external_id")?)
            .find(|customer| parts(customer).contains(&part(meant))),
    })
}

/// Merges one customer into another, which keeps its own values and gets the objects of both.
fn merge(call: &Call<'_>) -> Option<Response> {
    let meant = |side: &str| call.body.get(side).map(object).unwrap_or_default();
    let unknown = |side: &str| {
        let meant = meant(side);
        Customers.not_found(
            [text(&meant, "customer_uuid"), text(&meant, "external_id")]
                .concat()
                .as_str(),
        )
    };
    let Some(from) = find(call.state, &meant("from")) else {
        return unknown("from");
    };
    let Some(mut into) = find(call.state, &meant("into")) else {
        return unknown("into");
    };
    let (old, new) = (text(&from, "uuid").to_owned(), text(&into, "uuid").to_owned());
    if old == new {
        let message = "A customer can't be merged into itself";
        return Some(errors::with_code(
            StatusCode::UNPROCESSABLE_ENTITY,
            message,
            Some("from"),
        ));
    }
    call.state.store(MERGED, |store| {
        for part in parts(&from) {
            // Earlier merges can be undone from the new customer.
            let earlier = store
                .get(&merged(&old, &part))
                .and_then(|mut merge| merge.remove("from"));
            let before = json!({ "from": earlier.unwrap_or_else(|| from.clone().into()), "into": into });
            store.put(&merged(&new, &part), object(&before));
        }
    });
    let all = [parts(&into), parts(&from)].concat();
    set_parts(&mut into, &all);
    let theirs = json!(from.get("attributes"));
    if let Some(Value::Object(custom)) = attribute(&mut into, "custom") {
        let own = std::mem::replace(custom, object(&theirs["custom"]));
        custom.extend(own);
    }
    if let Some(Value::Array(tags)) = attribute(&mut into, "tags") {
        tags.extend(theirs["tags"].as_array().into_iter().flatten().cloned());
        tags.push("merged-customer".into());
        let all = tags.clone();
        let mut at = 0..;
        tags.retain(|tag| all.iter().position(|other| other == tag) == at.next());
    }
    call.state.store("customers", |store| {
        store.put(&new, into);
        store.remove(&old);
    });
    give(call.state, &old, &new, |_, _| true);
    Some(call.succeed(None))
}

/// The key of the merge of a part into a customer.
fn merged(into: &str, part: &[String; 2]) -> String {
    exact_key(&json!([into, part]).to_string())
}

/// A part becomes a separate customer again, as before the merge, except for shared values.
fn unmerge(call: &Call<'_>) -> Option<Response> {
    let (key, taken) = (text(&call.body, "customer_uuid"), part(&call.body));
    let Some(mut left) = find(call.state, &call.body) else {
        return Customers.not_found(key);
    };
    let mut rest = parts(&left);
    let place = rest.iter().position(|part| *part == taken).filter(|_| rest.len() > 1);
    let Some(place) = place else {
        let message = "The customer was not merged from this part";
        return Some(errors::with_code(
            StatusCode::UNPROCESSABLE_ENTITY,
            message,
            Some("external_id"),
        ));
    };
    rest.remove(place);
    let merge = call.state.store(MERGED, |store| store.get(&merged(key, &taken)));
    let merged = Value::from(merge.unwrap_or_default());
    let (theirs, ours) = (&merged["from"]["attributes"], &merged["into"]["attributes"]);

    let mut new = left.clone();
    for name in ["name", "email"] {
        let was = &merged["from"][name];
        new.extend(was.is_string().then(|| (name.to_owned(), was.clone())));
    }
    let own = json!({ "tags": theirs["tags"].as_array().cloned().unwrap_or_default(), "custom": object(&theirs["custom"]), "stripe": {} });
    new.insert("attributes".to_owned(), own);
    if let Some(Value::Object(custom)) = attribute(&mut left, "custom") {
        custom.retain(|key, value| theirs["custom"].get(key) != Some(value) || ours["custom"].get(key).is_some());
    }
    if let Some(Value::Array(tags)) = attribute(&mut left, "tags") {
        let has = |side: &Value, tag: &Value| side["tags"].as_array().is_some_and(|tags| tags.contains(tag));
        tags.retain(|tag| !has(theirs, tag) || has(ours, tag));
    }
    set_parts(&mut left, &rest);
    set_parts(&mut new, std::slice::from_ref(&taken));
    let uuid = call.state.store("customers", |store| {
        let uuid = store.new_key("cus_");
        new.insert("uuid".to_owned(), uuid.clone().into());
        number(&mut new);
        store.put(key, left);
        store.put(&uuid, new);
        uuid
    });
    let moved = call.body.get("move_to_new_customer").and_then(Value::as_array);
    give(call.state, key, &uuid, |collection, object| match collection {
        "invoices" => invoices::is_of(call.state, text(object, "uuid"), &taken),
        "subscriptions" => text(object, "data_source_uuid") == taken[0],
        other => {
            let name = other.trim_start_matches("customer_");
            moved.is_some_and(|names| names.iter().any(|moved| moved == name))
        }
    });
    Some(call.succeed(None))
}

/// Moves objects of one customer to another.
pub(super) fn give(state: &State, from: &str, to: &str, which: impl Fn(&str, &Object) -> bool) {
    for field in ["customer_uuid", "associated_object_uuid"] {
        state.rewrite(field, from, |collection, object| {
            if which(collection, object) {
                object.insert(field.to_owned(), to.into());
            }
        });
    }
}
