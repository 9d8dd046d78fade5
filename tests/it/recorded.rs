//! Recorded traffic, through the document and through the SDK.

use std::collections::{BTreeMap, BTreeSet};

use chartmogul::{
    Client, CustomAttributeList, CustomAttributeValue,
    opportunities::{ListOpportunitiesQuery, NewOpportunity, Opportunity, UpdateOpportunity},
};
use chartmogul_fake::Canned;
use chartmogul_tests::{
    UUID, document,
    recordings::{self, Exchange},
    sent::Witness,
    start,
};
use serde_json::{Value, json};

const CREATE: &str = "POST /v1/opportunities";
const DELETE: &str = "DELETE /v1/opportunities/{uuid}";
const GET: &str = "GET /v1/opportunities/{uuid}";
const LIST: &str = "GET /v1/opportunities";
const UPDATE: &str = "PATCH /v1/opportunities/{uuid}";

fn only<'a>(exchanges: &'a [Exchange], operation: &str) -> Vec<&'a Exchange> {
    let found: Vec<_> = exchanges
        .iter()
        .filter(|exchange| exchange.operation() == operation)
        .collect();
    assert!(!found.is_empty(), "{operation} was never recorded");
    found
}

/// A fake that gives the recorded answer to the next request.
fn answering(exchange: &Exchange) -> (Witness, Client) {
    let (fake, client) = start();
    let canned = Canned::new(exchange.status()).content(exchange.content_type(), exchange.response_text());
    fake.answer_next(canned);
    (fake, client)
}

#[test]
fn everything_fits_the_document() {
    let Some(exchanges) = recordings::read("everything_fits_the_document") else {
        return;
    };
    for (operation, sent, received) in [
        (CREATE, Some("OpportunityCreation"), "Opportunity"),
        (GET, None, "Opportunity"),
        (LIST, None, "OpportunityPage"),
        (DELETE, None, "Deletion"),
    ] {
        for exchange in only(&exchanges, operation) {
            let id = exchange.id();
            if let Some(component) = sent {
                let violations = document::violations(component, exchange.request());
                assert_eq!(violations, "", "request {id}");
            }
            assert_eq!(document::violations(received, exchange.response()), "", "answer {id}");
        }
    }
}

#[tokio::test]
async fn creations_can_be_replayed() {
    let Some(exchanges) = recordings::read("creations_can_be_replayed") else {
        return;
    };
    for exchange in only(&exchanges, CREATE) {
        let (fake, client) = answering(exchange);
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
async fn retrievals_can_be_replayed() {
    let Some(exchanges) = recordings::read("retrievals_can_be_replayed") else {
        return;
    };
    for exchange in only(&exchanges, GET) {
        let (fake, client) = answering(exchange);
        let deal = client.opportunities().get(exchange.uuid()).send().await.unwrap();
        assert!(fake.requests()[0].path.ends_with(exchange.uuid()));
        assert_complete(&deal, exchange.response());
    }
}

#[tokio::test]
async fn lists_can_be_replayed() {
    let Some(exchanges) = recordings::read("lists_can_be_replayed") else {
        return;
    };
    let pairs = |query: &str| serde_urlencoded::from_str::<BTreeMap<String, String>>(query).unwrap();
    for exchange in only(&exchanges, LIST) {
        let (fake, client) = answering(exchange);
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
async fn deletions_can_be_replayed() {
    let Some(exchanges) = recordings::read("deletions_can_be_replayed") else {
        return;
    };
    for exchange in only(&exchanges, DELETE) {
        let (fake, client) = answering(exchange);
        client.opportunities().delete(exchange.uuid()).send().await.unwrap();
        assert!(fake.requests()[0].path.ends_with(exchange.uuid()));
    }
}

#[test]
fn updates_fit_the_document() {
    let Some(exchanges) = recordings::read("updates_fit_the_document") else {
        return;
    };
    let updates: Vec<_> = exchanges
        .iter()
        .filter(|exchange| exchange.operation() == UPDATE)
        .collect();
    assert!(!updates.is_empty());
    for exchange in updates {
        let id = exchange.id();
        assert_eq!(
            document::violations("OpportunityUpdate", exchange.request()),
            "",
            "request {id}"
        );
        let component = if exchange.status() < 300 {
            "Opportunity"
        } else {
            "ErrorBody"
        };
        assert_eq!(document::violations(component, exchange.response()), "", "answer {id}");
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
        let answer = exchange.response_text();
        fake.answer_next(Canned::new(exchange.status()).content(exchange.content_type(), answer));
        let update = client.opportunities().update(exchange.uuid());
        let deal = set_all(update, exchange.request()).send().await.unwrap();
        let sent = &fake.requests()[0];
        assert_eq!(&sent.json(), exchange.request(), "sent in {}", exchange.id());
        assert!(sent.path.ends_with(exchange.uuid()));
        assert_complete(&deal, exchange.response());
    }
}

/// The same calls that a program would make.
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

/// Every opportunity that was ever recorded, in any answer.
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
        let answer = exchange.response();
        let single = answer.get("uuid").is_some().then_some(answer);
        for opportunity in answer["entries"].as_array().into_iter().flatten().chain(single) {
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

fn assert_complete(read: &Opportunity, recorded: &Value) {
    assert_eq!(&json!(read), recorded, "decode, then encode");
    assert!(read.extra.is_empty(), "unknown members: {:?}", read.extra);
    let debug = format!("{read:?}");
    assert!(!debug.contains("Unexpected(") && !debug.contains("Unknown("), "{debug}");
}

/// Every error that was ever recorded, on any operation, is read by the same code.
#[tokio::test]
async fn recorded_errors_say_what_they_say() {
    let Some(exchanges) = recordings::read("recorded_errors_say_what_they_say") else {
        return;
    };
    let mut count = 0;
    for exchange in exchanges.iter().filter(|exchange| exchange.status() >= 400) {
        let (fake, client) = start();
        let body = exchange.response_text();
        fake.answer_next(Canned::new(exchange.status()).content(exchange.content_type(), body.clone()));
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
            assert!(!error.answer().unwrap().problems().is_empty(), "{}", exchange.id());
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
