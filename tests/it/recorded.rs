//! Recorded traffic, checked against the document and the SDK: all operations by the table, and some calls of the typed API.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
};

use chartmogul::{
    Client, CustomAttributeList, CustomAttributeValue, Error, activities, attributes, contacts, customers, notes,
    operations,
    opportunities::{NewOpportunity, Opportunity, UpdateOpportunity},
    subscriptions, tasks,
};
use chartmogul_api::types::ListOpportunitiesQuery;
use chartmogul_api::{Operation, Schema};
use chartmogul_fake::{Canned, Fake};
use chartmogul_tests::{
    UUID, client_for, document,
    recordings::{self, Exchange},
    sent::Witness,
    start, table,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

const CREATE: &str = "POST /v1/opportunities";
const LIST: &str = "GET /v1/opportunities";
const UPDATE: &str = "PATCH /v1/opportunities/{uuid}";

/// For these, the document is based only on documentation and official clients.
const NEVER_RECORDED: [&str; 8] = [
    "create_customer_contact",
    "delete_invoice_by_external_id",
    "list_customer_contacts",
    "set_invoice_disabled_state",
    "set_invoice_disabled_state_by_external_id",
    "update_invoice",
    "update_invoice_by_external_id",
    "update_invoice_status",
];

/// Replays all exchanges of operations in the table: the same request is sent, except for white space and order, and the
/// response is read without loss.
#[tokio::test]
async fn every_operation_can_be_replayed() {
    let Some(exchanges) = recordings::read("every_operation_can_be_replayed") else {
        return;
    };
    let fake = Fake::start().unwrap();
    let client = client_for(&fake);
    let mut replayed = BTreeSet::new();
    for exchange in exchanges.iter().filter(|exchange| exchange.status() < 400) {
        let Some((operation, arguments)) = read(exchange) else {
            continue;
        };
        let id = exchange.id();
        response(&fake, exchange);
        let response = client.low_level().call_json(operation, arguments).await;
        let response = match response {
            Ok(response) => Some(response),
            Err(Error::NotModified(_)) if exchange.status() == 304 => None,
            Err(error) => panic!("{id}, {operation}: {error}"),
        };
        let sent = fake.requests().pop().unwrap();
        assert_eq!(
            (sent.method.as_str(), sent.path.as_str()),
            (operation.method, exchange.path()),
            "{id}"
        );
        assert_eq!(pairs(&sent.query), pairs(exchange.query()), "{id}");
        if operation.body.is_some() && !exchange.request().is_null() {
            assert_eq!(sent.json(), body(operation, exchange), "{id}");
        }
        if let Some(response) = response.filter(|_| operation.response.is_some()) {
            // An empty body is read as an object without fields.
            let no_body = json!({});
            let expected = Some(exchange.response()).filter(|body| !body.is_null());
            assert_eq!(response.value(), expected.unwrap_or(&no_body), "{id}");
        }
        replayed.insert(operation.id);
    }
    let recorded: BTreeSet<_> = exchanges
        .iter()
        .filter_map(|exchange| Some(read(exchange)?.0.id))
        .collect();
    assert_eq!(replayed, recorded, "every operation that was recorded");
    let never: Vec<_> = operations::ALL.iter().map(|operation| operation.id).collect();
    let never: BTreeSet<_> = never.into_iter().filter(|id| !replayed.contains(id)).collect();
    assert_eq!(never, BTreeSet::from(NEVER_RECORDED));
}

/// The document has every field that was ever sent or returned.
#[test]
fn every_exchange_fits_the_document() {
    let Some(exchanges) = recordings::read("every_exchange_fits_the_document") else {
        return;
    };
    let mut fits = document::Checker::default();
    for exchange in exchanges.iter().filter(|exchange| exchange.status() < 400) {
        let Some((operation, _)) = read(exchange) else {
            continue;
        };
        let id = exchange.id();
        if let Some(body) = operation.body.filter(|_| !exchange.request().is_null()) {
            assert_eq!(
                fits.violations(body.object.name, exchange.request()),
                "",
                "request {id}"
            );
        }
        if let Some(component) = operation.response.filter(|_| !exchange.response().is_null()) {
            assert_eq!(fits.violations(component, exchange.response()), "", "response {id}");
            assert_eq!(fits.unknown(component, exchange.response()), "", "response {id}");
        }
    }
}

/// The reverse: the fake accepts every request that the API accepted.
#[tokio::test]
async fn the_fake_accepts_every_request() {
    let Some(exchanges) = recordings::read("the_fake_accepts_every_request") else {
        return;
    };
    for exchange in exchanges.iter().filter(|exchange| exchange.status() < 400) {
        let Some((operation, arguments)) = read(exchange) else {
            continue;
        };
        let fake = Fake::start().unwrap(); // each exchange has its own account
        table::hold(&fake, operation, &arguments);
        let cursor = pairs(exchange.query()).contains_key("cursor"); // it is from another server
        let url = format!(
            "{}{}?{}",
            fake.url(),
            exchange.path(),
            if cursor { "" } else { exchange.query() }
        );
        let request = reqwest::Client::new().request(operation.method.parse().unwrap(), url);
        let body = match exchange.request() {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let response = request
            .basic_auth(fake.api_key(), Some(""))
            .body(body)
            .send()
            .await
            .unwrap();
        let (status, id) = (response.status().as_u16(), exchange.id());
        // Objects that are named outside of the path do not exist.
        let is_unknown = [404, 422].contains(&status) && operation.parameters.is_empty();
        assert!(
            status < 400 || is_unknown,
            "{id}, {operation}: {}",
            response.text().await.unwrap()
        );
    }
}

/// The operation and the arguments of an exchange.
fn read(exchange: &Exchange) -> Option<(&'static Operation, Map<String, Value>)> {
    let operation = operations::at(exchange.method(), exchange.path())?;
    let mut arguments = Map::new();
    for (part, segment) in operation
        .path
        .split('/')
        .zip(exchange.path().split('/'))
        .filter(|(part, _)| part.starts_with('{'))
    {
        let name = part.trim_matches(['{', '}']);
        let schema = operation
            .parameter(name)
            .map_or(Schema::Any, |parameter| parameter.schema);
        let (_, text) = serde_urlencoded::from_str::<Vec<(String, String)>>(&format!("a={segment}"))
            .unwrap()
            .remove(0);
        arguments.insert(name.to_owned(), table::read(&schema, &text));
    }
    for (name, text) in pairs(exchange.query()) {
        let field = operation.query.and_then(|query| query.field(&name));
        let schema = field.map_or(Schema::Any, |field| field.schema);
        arguments.insert(name, table::read(&schema, &text));
    }
    if let Some(described) = operation.body {
        let body = body(operation, exchange);
        let fields = described.envelope.map_or(&body, |envelope| &body[envelope]);
        arguments.extend(fields.as_object().cloned().unwrap_or_default());
    }
    Some((operation, arguments))
}

/// The body of the request, without parameters of the path that official clients repeat in it, also in nested objects.
fn body(operation: &Operation, exchange: &Exchange) -> Value {
    fn strip(value: &mut Value, operation: &Operation) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| operation.parameter(name).is_none());
                fields.values_mut().for_each(|value| strip(value, operation));
            }
            Value::Array(items) => items.iter_mut().for_each(|item| strip(item, operation)),
            _ => {}
        }
    }
    let mut body = exchange.request().clone();
    let fields = operation.body.into_iter().flat_map(|body| body.object.fields);
    if fields
        .into_iter()
        .all(|field| operation.parameter(field.name).is_none())
    {
        strip(&mut body, operation);
    }
    body
}

fn pairs(query: &str) -> BTreeMap<String, String> {
    serde_urlencoded::from_str(query).unwrap()
}

fn only<'a>(exchanges: &'a [Exchange], operation: &str) -> Vec<&'a Exchange> {
    let found: Vec<_> = exchanges
        .iter()
        .filter(|exchange| exchange.operation() == operation)
        .collect();
    assert!(!found.is_empty(), "{operation} was never recorded");
    found
}

/// A fake whose next response is the recorded one.
fn responding(exchange: &Exchange) -> (Witness, Client) {
    let (fake, client) = start();
    response(&fake, exchange);
    (fake, client)
}

fn response(fake: &Fake, exchange: &Exchange) {
    let canned = Canned::new(exchange.status());
    fake.respond_next(match exchange.response_text() {
        empty if empty.is_empty() => canned,
        text => canned.content(exchange.content_type(), text),
    });
}

#[tokio::test]
async fn creations_can_be_replayed() {
    let Some(exchanges) = recordings::read("creations_can_be_replayed") else {
        return;
    };
    for exchange in only(&exchanges, CREATE) {
        let (fake, client) = responding(exchange);
        let recorded = exchange.request();
        let text = |name: &str| recorded[name].as_str().expect("text");
        let mut create = client.opportunities().create(NewOpportunity {
            amount_in_cents: recorded["amount_in_cents"].as_i64().expect("a whole number"),
            currency: text("currency"),
            customer_uuid: text("customer_uuid"),
            estimated_close_date: text("estimated_close_date").into(),
            owner: text("owner"),
            pipeline: text("pipeline"),
            pipeline_stage: text("pipeline_stage"),
        });
        if recorded.get("type").is_some() {
            create = create.type_(text("type"));
        }
        if recorded.get("forecast_category").is_some() {
            create = create.forecast_category(text("forecast_category"));
        }
        if let Some(likelihood) = recorded.get("win_likelihood") {
            create = create.win_likelihood(likelihood.as_i64().expect("a whole number"));
        }
        if let Some(attributes) = recorded.get("custom") {
            create = create.custom(custom(attributes));
        }
        let deal = create.send().await.unwrap();
        assert_eq!(&fake.requests()[0].json(), recorded, "sent in {}", exchange.id());
        assert_complete(&deal, exchange.response());
    }
}

#[tokio::test]
async fn lists_can_be_replayed() {
    let Some(exchanges) = recordings::read("lists_can_be_replayed") else {
        return;
    };
    for exchange in only(&exchanges, LIST) {
        let (fake, client) = responding(exchange);
        let mut query = ListOpportunitiesQuery::default();
        for (name, value) in pairs(exchange.query()) {
            match name.as_str() {
                "cursor" => query.cursor = Some(value),
                "customer_uuid" => query.customer_uuid = Some(value),
                "per_page" => query.per_page = Some(value.parse().expect("a whole number")),
                other => panic!("the SDK has no `{other}`"),
            }
        }
        let response = client.low_level().list_opportunities(&query).await.unwrap();
        assert_eq!(pairs(&fake.requests()[0].query), pairs(exchange.query()));
        let encoded = |query: &str| query.split('&').map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(
            encoded(&fake.requests()[0].query),
            encoded(exchange.query()),
            "encoded in {}",
            exchange.id()
        );
        let page = response.into_value();
        assert_eq!(&json!(page), exchange.response(), "decode, then encode");
        assert!(page.extra.is_empty() && page.entries.unexpected().is_empty());
        for (deal, recorded) in page
            .entries
            .iter()
            .zip(exchange.response()["entries"].as_array().unwrap())
        {
            assert_complete(deal, recorded);
        }
    }
}

#[tokio::test]
async fn updates_can_be_replayed() {
    let Some(exchanges) = recordings::read("updates_can_be_replayed") else {
        return;
    };
    for exchange in exchanges
        .iter()
        .filter(|exchange| exchange.operation() == UPDATE && exchange.status() < 300)
    {
        let (fake, client) = start();
        let response = exchange.response_text();
        fake.respond_next(Canned::new(exchange.status()).content(exchange.content_type(), response));
        let update = client.opportunities().update(exchange.uuid());
        let deal = set_all(update, exchange.request()).send().await.unwrap();
        let sent = &fake.requests()[0];
        assert_eq!(&sent.json(), exchange.request(), "sent in {}", exchange.id());
        assert!(sent.path.ends_with(exchange.uuid()));
        assert_complete(&deal, exchange.response());
    }
}

/// Sets all fields with the typed API, as a program would.
fn set_all(update: UpdateOpportunity, fields: &Value) -> UpdateOpportunity {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let number = |value: &Value| value.as_i64().expect("a whole number");
    fields
        .as_object()
        .expect("an object")
        .iter()
        .fold(update, |update, (field, value)| match field.as_str() {
            "owner" => update.owner(text(value)),
            "pipeline" => update.pipeline(text(value)),
            "pipeline_stage" => update.pipeline_stage(text(value)),
            "estimated_close_date" => update.estimated_close_date(text(value)),
            "amount_in_cents" => update.amount_in_cents(number(value)),
            "currency" => update.currency(text(value)),
            "type" => update.type_(text(value)),
            "forecast_category" => update.forecast_category(text(value)),
            "win_likelihood" => update.win_likelihood(number(value)),
            "custom" => update.replace_all_custom(custom(value)),
            other => panic!("the SDK has no `{other}`"),
        })
}

fn custom(attributes: &Value) -> CustomAttributeList {
    let attributes = attributes.as_array().expect("a list").iter();
    attributes.fold(CustomAttributeList::new(), |custom, attribute| {
        let value: CustomAttributeValue = serde_json::from_value(attribute["value"].clone()).expect("a value");
        custom.set(attribute["key"].as_str().expect("text"), value)
    })
}

/// Every opportunity that was ever recorded, in any response.
#[test]
fn recorded_opportunities_are_read_completely() {
    let Some(exchanges) = recordings::read("recorded_opportunities_are_read_completely") else {
        return;
    };
    let mut count = 0;
    for exchange in exchanges
        .iter()
        .filter(|exchange| exchange.operation().contains("/opportunities") && exchange.status() < 300)
    {
        let response = exchange.response();
        let single = response.get("uuid").is_some().then_some(response);
        for opportunity in response["entries"].as_array().into_iter().flatten().chain(single) {
            assert_eq!(
                document::violations("Opportunity", opportunity),
                "",
                "{}",
                exchange.id()
            );
            let read: Opportunity = serde_json::from_str(&opportunity.to_string()).unwrap();
            assert_complete(&read, opportunity);
            count += 1;
        }
    }
    assert!(count > 0);
}

/// Reads recorded customers and their objects with the typed API.
#[test]
fn recorded_objects_of_the_crm_are_read_completely() {
    let Some(exchanges) = recordings::read("recorded_objects_of_the_crm_are_read_completely") else {
        return;
    };
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for exchange in exchanges.iter().filter(|exchange| exchange.status() < 300) {
        let Some(component) = read(exchange).and_then(|(operation, _)| operation.response) else {
            continue;
        };
        let check: fn(&Value, &str) = match component {
            "Contact" => lossless::<contacts::Contact>,
            "ContactPage" => lossless::<contacts::ContactPage>,
            "Note" => lossless::<notes::Note>,
            "NotePage" => lossless::<notes::NotePage>,
            "Task" => lossless::<tasks::Task>,
            "TaskPage" => lossless::<tasks::TaskPage>,
            "Customer" => lossless::<customers::Customer>,
            "CustomerPage" => lossless::<customers::CustomerPage>,
            "CustomerAttributes" => lossless::<attributes::CustomerAttributes>,
            "CustomerTags" => lossless::<attributes::CustomerTags>,
            "CustomerCustomAttributes" => lossless::<attributes::CustomerCustomAttributes>,
            "CustomersWithEmail" => lossless::<attributes::CustomersWithEmail>,
            "SubscriptionPage" => lossless::<subscriptions::SubscriptionPage>,
            "CustomerActivityPage" => lossless::<activities::CustomerActivityPage>,
            _ => continue,
        };
        if !exchange.response().is_null() {
            check(exchange.response(), exchange.id());
            *counts.entry(component).or_default() += 1;
        }
    }
    assert_eq!(counts.len(), 14, "each of them was recorded: {counts:?}");
}

/// Instants are written in UTC, so the written form is read again and compared.
fn lossless<T: DeserializeOwned + Serialize + PartialEq + Debug>(recorded: &Value, id: &str) {
    let read: T = serde_json::from_str(&recorded.to_string()).unwrap();
    let debug = format!("{read:?}");
    assert!(
        !debug.contains("Unexpected(") && !debug.contains("Unknown("),
        "{id}: {debug}"
    );
    let written = json!(read);
    assert_eq!(serde_json::from_value::<T>(written.clone()).unwrap(), read, "{id}");
    assert_eq!(shape(&written), shape(recorded), "{id}");
}

/// The names of all fields, sorted.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.iter().map(|(name, value)| (name, shape(value))).collect();
            fields.into_iter().map(|(name, value)| json!([name, value])).collect()
        }
        Value::Array(items) => items.iter().map(shape).collect(),
        _ => Value::Null,
    }
}

fn assert_complete(read: &Opportunity, recorded: &Value) {
    assert_eq!(&json!(read), recorded, "decode, then encode");
    assert!(read.extra.is_empty(), "unknown fields: {:?}", read.extra);
    let debug = format!("{read:?}");
    assert!(!debug.contains("Unexpected(") && !debug.contains("Unknown("), "{debug}");
}

/// The same code reads every recorded error, of any operation.
#[tokio::test]
async fn recorded_errors_are_read_completely() {
    let Some(exchanges) = recordings::read("recorded_errors_are_read_completely") else {
        return;
    };
    let mut count = 0;
    for exchange in exchanges.iter().filter(|exchange| exchange.status() >= 400) {
        let (fake, client) = start();
        let body = exchange.response_text();
        fake.respond_next(Canned::new(exchange.status()).content(exchange.content_type(), body.clone()));
        let error = client
            .opportunities()
            .update(UUID)
            .amount_in_cents(1)
            .send()
            .await
            .unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(exchange.status()));
        assert_eq!(error.body().map(|body| &body[..]), Some(body.as_bytes()));
        assert!(
            body.is_empty() || error.message().is_some_and(|message| !message.is_empty()),
            "{}",
            exchange.id()
        );
        if exchange.status() == 422 {
            assert!(!error.response().unwrap().problems().is_empty(), "{}", exchange.id());
        }
        if exchange.response().is_object() {
            assert_eq!(
                document::violations("ErrorBody", exchange.response()),
                "",
                "{}",
                exchange.id()
            );
        }
        count += 1;
    }
    assert!(count > 0);
}
