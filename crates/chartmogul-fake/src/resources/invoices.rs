use std::{collections::HashSet, iter};

use axum::{http::StatusCode, response::Response};
use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

use super::{Resource, customers, in_the_future};
use crate::{
    errors,
    handle::Call,
    schema::Problem,
    state::State,
    store::{Object, exact_key},
    time,
};

const INVOICES: &str = "invoices";

/// The data source customer of each invoice, which no response contains. It is unknown for an invoice that a test stored,
/// or that was imported without a data source for an unknown customer.
const SOURCES: &str = "invoices/data_sources";

/// The keys of line items, transactions and subscriptions, by data source and external identifier.
const PARTS: &str = "invoices/parts";

const SOURCE: &str = "data_source_uuid";

/// The external identifier of the customer in that data source.
const PART: &str = "customer_external_id";

pub(super) struct Invoices;

impl Resource for Invoices {
    fn problems(&self, _state: &State, body: &Object) -> Vec<Problem> {
        let invoices = objects(body.get(INVOICES)).into_iter().enumerate();
        let problems = invoices.flat_map(|(number, invoice)| problems(&invoice, &format!("{INVOICES}[{number}]")));
        problems.collect()
    }

    fn stored(&self, _state: &State, sent: Object) -> Object {
        complete(sent, json!({}))
    }

    fn not_found(&self, _key: &str) -> Option<Response> {
        Some(not_found())
    }

    fn hidden(&self, state: &State, key: &str) -> Object {
        let source = source_of(state, key).map(|source| (SOURCE.to_owned(), source));
        source.into_iter().collect()
    }

    /// Recorded: these responses have the customer beside the list, not in each invoice.
    fn lacks(&self, call: &Call<'_>) -> &'static [&'static str] {
        match call.operation.id {
            "list_customer_invoices" => &["customer_uuid"],
            _ => &[],
        }
    }

    fn respond(&self, call: &Call<'_>) -> Option<Response> {
        Some(match call.operation.id {
            "import_invoices" => import(call),
            "list_invoices" | "list_customer_invoices" => list(call),
            "set_invoice_disabled_state" | "set_invoice_disabled_state_by_external_id" => set_disabled_state(call),
            "update_invoice_status" => update_status(call),
            "delete_customer_invoices" => delete_all(call),
            _ => return None,
        })
    }
}

/// Problems of an invoice by rules that the document describes in words.
fn problems(invoice: &Object, param: &str) -> Vec<Problem> {
    let items = objects(invoice.get("line_items"));
    let mut problems = Vec::new();
    for (number, item) in items.iter().enumerate() {
        let below = |name: &str| format!("{param}[line_items][{number}][{name}]");
        let required: &[&str] = match item.get("type").and_then(Value::as_str) {
            Some("subscription") => &["plan_uuid", "subscription_external_id", "service_period_start"],
            Some("trial") => &[
                "plan_uuid",
                "subscription_external_id",
                "service_period_start",
                "service_period_end",
            ],
            _ => &[],
        };
        let missing = required.iter().filter(|name| !item.contains_key(**name));
        problems.extend(missing.map(|name| Problem::missing(below(name))));
        if item.get("quantity") == Some(&0.into()) {
            problems.push(Problem::invalid(below("quantity"), "must not be 0"));
        }
        let code = item.get("account_code").and_then(Value::as_str).unwrap_or_default();
        if !code.chars().all(char::is_alphanumeric) {
            problems.push(Problem::invalid(
                below("account_code"),
                "must have letters and digits only",
            ));
        }
        problems.extend(in_the_future(item, &["cancelled_at"], below));
    }
    let amount = |object: &Object| object.get("amount_in_cents").and_then(Value::as_i64).map(i128::from);
    let total: i128 = items.iter().filter_map(amount).sum();
    let mut sums = [("payment", 0), ("refund", 0)];
    for (number, part) in objects(invoice.get("transactions")).iter().enumerate() {
        let is = |name: &str, value: &str| part.get(name).is_some_and(|own| own == value);
        let sum = sums.iter_mut().find(|(kind, _)| is("type", kind));
        if let (Some(amount), Some((_, sum)), true) = (amount(part), sum, is("result", "successful")) {
            *sum += amount;
            if *sum > total.max(0) {
                let param = format!("{param}[transactions][{number}][amount_in_cents]");
                problems.push(Problem::invalid(param, "must not exceed the invoice"));
            }
        }
    }
    problems
}

fn not_found() -> Response {
    errors::without_code(StatusCode::NOT_FOUND, "Invoice not found")
}

/// Imports all invoices of a request, or none.
fn import(call: &Call<'_>) -> Response {
    let mut sent = objects(call.body.get(INVOICES));
    let customer = call.state.store("customers", |store| store.get(call.key()));
    let parts = customer.as_ref().map(customers::parts).unwrap_or_default();
    for invoice in &mut sent {
        if let Some([source, _]) = part_of(invoice, &parts).or(parts.first()) {
            invoice.entry(SOURCE).or_insert_with(|| source.as_str().into());
        }
    }
    if let Some(refused) = taken(call.state, &sent) {
        return refused;
    }
    let imported: Vec<_> = sent
        .into_iter()
        .map(|invoice| import_one(call.state, call.key(), &parts, invoice))
        .collect();
    call.succeed(Some(json!({ "invoices": imported })))
}

/// The first of a customer's data source customers that an invoice names.
fn part_of<'a>(invoice: &Object, parts: &'a [[String; 2]]) -> Option<&'a [String; 2]> {
    let said = [SOURCE, PART].map(|name| invoice.get(name).and_then(Value::as_str));
    let is_said = |(said, is): (Option<&str>, &String)| said.is_none_or(|said| said == is);
    parts.iter().find(|part| said.into_iter().zip(*part).all(is_said))
}

fn import_one(state: &State, customer: &str, parts: &[[String; 2]], sent: Object) -> Value {
    let part = part_of(&sent, parts).map(|[_, id]| (PART.to_owned(), id.as_str().into()));
    let mut invoice = complete(sent, json!({ "due_date": null, "errors": {} }));
    let source = invoice.remove(SOURCE);
    let items = objects(invoice.get("line_items")).into_iter();
    let items = items.map(|item| line_item(state, source.as_ref(), item)).collect();
    let transactions = objects(invoice.get("transactions")).into_iter();
    let transactions = transactions.map(|sent| transaction(state, sent)).collect();
    invoice.extend([
        ("line_items".to_owned(), items),
        ("transactions".to_owned(), transactions),
    ]);
    let key = state.store(INVOICES, |store| {
        let key = store.new_key("inv_");
        invoice.insert("uuid".to_owned(), key.clone().into());
        let mut stored = invoice.clone();
        stored.insert("customer_uuid".to_owned(), customer.into());
        store.put(&key, stored);
        key
    });
    if let Some(source) = source {
        let hidden = [(SOURCE.to_owned(), source)].into_iter().chain(part);
        state.store(SOURCES, |store| store.put(&key, hidden.collect()));
    }
    invoice.remove("customer_uuid"); // it is in the path
    Value::Object(invoice)
}

/// The error for an external identifier that is not new.
fn taken(state: &State, sent: &[Object]) -> Option<Response> {
    let mut known = HashSet::new();
    for invoice in all(state) {
        let source = source_of(state, text(&invoice, "uuid"));
        let identifiers = identifiers(source.as_ref(), &invoice);
        known.extend(identifiers.into_iter().map(|(_, identifier)| identifier));
    }
    let sent = sent.iter().map(|invoice| Value::Object(invoice.clone()));
    let sent = sent.flat_map(|invoice| identifiers(invoice.get(SOURCE), &invoice));
    let taken = sent
        .into_iter()
        .find(|(_, identifier)| !known.insert(identifier.clone()));
    taken.map(|(field, _)| errors::taken(field, "It exists already in this data source."))
}

/// The external identifiers of an invoice and its parts, with the fields that errors name. They are unique within a data
/// source.
fn identifiers(source: Option<&Value>, invoice: &Value) -> Vec<(&'static str, String)> {
    let Some(source) = source else {
        return Vec::new();
    };
    let of = |list: &str| invoice[list].as_array().into_iter().flatten();
    let all = iter::once(("external_id", invoice))
        .chain(of("line_items").map(|item| ("line_items.external_id", item)))
        .chain(of("transactions").map(|transaction| ("transactions.external_id", transaction)));
    let named = all.filter_map(|(field, object)| {
        let id = object["external_id"].as_str()?;
        Some((field, format!("{source} {field} {id}")))
    });
    named.collect()
}

/// A line item with the defaults that were recorded in 2023.
fn line_item(state: &State, source: Option<&Value>, mut sent: Object) -> Value {
    sent.remove("cancelled_at");
    let own = match sent.get("subscription_external_id") {
        Some(id) if sent.get("type").is_none_or(|kind| kind != "one_time") => {
            let subscription = exact_key(&json!([source, id]).to_string());
            json!({ "subscription_uuid": part(state, "sub_", Some(&subscription)), "prorated": false, "proration_type": null })
        }
        _ => json!({ "description": null }),
    };
    let rest = json!({
        "uuid": part(state, "li_", None), "external_id": null, "quantity": 1, "discount_code": "", "discount_amount_in_cents": 0,
        "tax_amount_in_cents": 0, "transaction_fees_in_cents": 0, "account_code": "", "transaction_fees_currency": null,
        "discount_description": null, "event_order": null,
    });
    complete(complete(sent, own), rest).into()
}

fn transaction(state: &State, sent: Object) -> Value {
    let rest = json!({
        "uuid": part(state, "tr_", None), "external_id": null, "amount_in_cents": null, "transaction_fees_in_cents": null,
        "transaction_fees_currency": null,
    });
    complete(sent, rest).into()
}

/// Adds missing fields, and writes instants in UTC, with milliseconds.
fn complete(mut sent: Object, rest: Value) -> Object {
    if let Value::Object(rest) = rest {
        for (name, value) in rest {
            sent.entry(name).or_insert(value);
        }
    }
    for name in ["date", "due_date", "service_period_start", "service_period_end"] {
        if let Some(instant) = sent.get(name).and_then(Value::as_str).and_then(time::instant) {
            sent.insert(
                name.to_owned(),
                instant.to_rfc3339_opts(SecondsFormat::Millis, true).into(),
            );
        }
    }
    sent
}

/// The key of an identifier: an existing one, or a new one.
fn part(state: &State, prefix: &str, identifier: Option<&str>) -> String {
    state.store(PARTS, |store| {
        let known = identifier.and_then(|id| store.get(id)?.get("uuid")?.as_str().map(str::to_owned));
        known.unwrap_or_else(|| {
            let key = store.new_key(prefix);
            let object = Object::from_iter([("uuid".to_owned(), key.clone().into())]);
            store.put(identifier.unwrap_or(&key), object);
            key
        })
    })
}

/// Lists the invoices of all customers, or of the one in the path.
fn list(call: &Call<'_>) -> Response {
    let mut query = call.query.clone();
    let mut option = |name: &str| query.remove(name).unwrap_or_default();
    let (source, validation) = (option("data_source_uuid"), option("validation_type"));
    let (with_disabled, _) = (option("with_disabled") == true, option("include_edit_histories"));
    let wanted = |invoice: &Value| {
        let has_errors = invoice["errors"].as_object().is_some_and(|errors| !errors.is_empty());
        call.path
            .first()
            .is_none_or(|customer| invoice["customer_uuid"] == **customer)
            && source
                .as_str()
                .is_none_or(|source| may_be_in(call.state, invoice, source))
            && (validation == "all" || has_errors == (validation == "invalid"))
            && (with_disabled || invoice["disabled"] != true)
    };
    let (state, operation, path, body) = (call.state, call.operation, call.path.clone(), Object::new());
    let plain = Call {
        state,
        operation,
        path,
        query,
        body,
    };
    plain.page(INVOICES, |invoice| {
        serde_json::from_str(invoice).is_ok_and(|invoice| wanted(&invoice))
    })
}

fn set_disabled_state(call: &Call<'_>) -> Response {
    let Some(mut invoice) = call.state.store(INVOICES, |store| store.get(call.key())) else {
        return not_found();
    };
    let disabled = call.body.get("disabled") == Some(&true.into());
    let at = disabled.then(|| Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true));
    let by = disabled.then_some("api@example.com");
    let set = |object: &mut Object| {
        if object.insert("disabled".to_owned(), disabled.into()) != Some(disabled.into()) {
            object.insert("disabled_at".to_owned(), json!(at));
            object.insert("disabled_by".to_owned(), json!(by));
        }
    };
    for name in ["line_items", "transactions"] {
        let parts = invoice
            .get_mut(name)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten();
        parts.filter_map(Value::as_object_mut).for_each(set);
    }
    set(&mut invoice);
    call.state
        .store(INVOICES, |store| store.put(call.key(), invoice.clone()));
    call.succeed(Some(invoice.into()))
}

fn update_status(call: &Call<'_>) -> Response {
    let is_it = |invoice: &Value| invoice["external_id"] == call.key() && may_be_in(call.state, invoice, &call.path[0]);
    let Some(invoice) = all(call.state).find(is_it) else {
        return not_found();
    };
    let key = text(&invoice, "uuid").to_owned();
    let Value::Object(mut invoice) = invoice else {
        return not_found();
    };
    invoice.extend(call.body.clone());
    call.state.store(INVOICES, |store| store.put(&key, invoice));
    call.succeed(None)
}

fn delete_all(call: &Call<'_>) -> Response {
    let is_of =
        |invoice: &Value| invoice["customer_uuid"] == call.key() && may_be_in(call.state, invoice, &call.path[0]);
    for invoice in all(call.state).filter(is_of) {
        call.state.store(INVOICES, |store| store.remove(text(&invoice, "uuid")));
    }
    call.succeed(None)
}

/// All invoices, the newest first.
fn all(state: &State) -> impl Iterator<Item = Value> + use<> {
    let read = |invoice: &str| serde_json::from_str(invoice).ok();
    let all: Vec<Value> = state.store(INVOICES, |store| store.all().filter_map(read).collect());
    all.into_iter()
}

/// Whether an invoice is in a data source, or may be.
fn may_be_in(state: &State, invoice: &Value, source: &str) -> bool {
    source_of(state, text(invoice, "uuid")).is_none_or(|own| own == source)
}

fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_default()
}

/// The data source of an invoice.
fn source_of(state: &State, key: &str) -> Option<Value> {
    state.store(SOURCES, |store| store.get(key))?.remove(SOURCE)
}

/// Whether an invoice belongs to a data source customer.
pub(super) fn is_of(state: &State, key: &str, part: &[String; 2]) -> bool {
    let own = state.store(SOURCES, |store| store.get(key)).unwrap_or_default();
    let [source, id] = [SOURCE, PART].map(|name| own.get(name).and_then(Value::as_str));
    source == Some(&part[0]) && id.is_none_or(|id| id == part[1])
}

fn objects(list: Option<&Value>) -> Vec<Object> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|object| object.as_object().cloned()).collect()
}
