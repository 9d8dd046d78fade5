//! Every operation of the table, with the document's own examples: requests and responses.

use std::{collections::BTreeMap, time::Duration};

use chartmogul::{Client, Error, Retry, operations};
use chartmogul_api::{Operation, Schema};
use chartmogul_fake::{Canned, Fake, Recorded};
use chartmogul_tests::{client_for, document, snapshot, table};
use serde_json::{Map, Value, json};

async fn call(client: &Client, operation: &'static Operation, arguments: Map<String, Value>) -> Result<Value, Error> {
    Ok(client.low_level().call_json(operation, arguments).await?.into_value())
}

/// The fake handles all of them, and checks its responses against the document.
#[tokio::test]
async fn the_examples_are_sent_unchanged() {
    let document = document::read();
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    for operation in operations::ALL {
        let text = texts.entry(operation.tag).or_default();
        let (required, all) = (
            table::required(&document, operation),
            table::arguments(&document, operation),
        );
        if required != all {
            match sent(&document, operation, required).await {
                Ok(request) => text.push_str(&format!("# {operation}, what is required\n{}", written(&request))),
                // An update without a field is rejected.
                Err(Error::InvalidInput(_)) if operation.body.is_some_and(|body| body.object.not_empty) => {}
                Err(error) => panic!("{operation}: {error}"),
            }
        }
        let request = sent(&document, operation, all).await.unwrap();
        text.push_str(&format!("# {operation}, everything\n{}", written(&request)));
        if operation.body.is_some_and(|body| body.object.one_of.is_empty()) {
            assert_eq!(request.json(), table::body(&document, operation), "{operation}");
        }
    }
    for (tag, text) in texts {
        snapshot::check("wire", tag, text.trim_end());
    }
}

/// Sends a call to a fake that handles it; returns the request.
async fn sent(
    document: &Value,
    operation: &'static Operation,
    arguments: Map<String, Value>,
) -> Result<Recorded, Error> {
    let fake = table::fake(document, operation);
    match call(&client_for(&fake), operation, arguments).await {
        Ok(value) => assert_eq!(value.is_null(), operation.response.is_none(), "{operation}: {value}"),
        Err(Error::NotModified(_)) => {} // the object already has the values of the example
        Err(error) => return Err(error),
    }
    Ok(fake.requests().remove(0))
}

fn written(request: &Recorded) -> String {
    let query = if request.query.is_empty() { "" } else { "?" };
    let mut text = format!("{} {}{query}{}\n", request.method, request.path, request.query);
    if let Some(content_type) = request.header("content-type") {
        let body = serde_json::from_slice(&request.body).map(sorted).unwrap();
        text.push_str(&format!("{content_type}\n{body}\n"));
    }
    text.push('\n');
    text
}

/// Sorts fields: their order depends on a feature of `serde_json`.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<_, _> = fields.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            Map::from_iter(fields).into()
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

/// Every example of a response is decoded without loss, also by the code of the typed methods.
#[tokio::test]
async fn the_examples_of_responses_are_decoded_without_loss() {
    let document = document::read();
    let fake = Fake::start().unwrap();
    let client = client_for(&fake);
    for operation in operations::ALL.iter().filter(|operation| operation.response.is_some()) {
        let responses = table::documented(&document, operation)["responses"]
            .as_object()
            .unwrap();
        for (status, response) in responses.iter().filter(|(status, _)| status.starts_with('2')) {
            for example in document::examples(&document, &response["content"]) {
                fake.respond_next(Canned::new(status.parse().unwrap()).json(example.to_string()));
                let value = call(&client, operation, table::arguments(&document, operation))
                    .await
                    .unwrap();
                assert_eq!(value, example, "{operation}");
                let component = operation.response.unwrap();
                assert_eq!(document::unknown(component, &example), "", "{operation}");
            }
        }
    }
}

/// With 200, 202 or 204, and with a message, an empty object, or no body.
#[tokio::test]
async fn a_deletion_is_a_success_with_any_body() {
    let document = document::read();
    let fake = Fake::start().unwrap();
    let client = client_for(&fake);
    for operation in operations::ALL.iter().filter(|operation| operation.method == "DELETE") {
        for canned in [
            Canned::new(200).json("{}"),
            Canned::new(202).json(r#"{"message":"Task deleted"}"#),
            Canned::new(204),
        ] {
            fake.respond_next(canned.clone());
            let deleted = call(&client, operation, table::arguments(&document, operation)).await;
            assert!(deleted.is_ok(), "{operation}, {canned:?}: {deleted:?}");
        }
    }
}

#[tokio::test]
async fn no_text_may_be_empty() {
    let document = document::read();
    let fake = Fake::start().unwrap();
    let client = client_for(&fake);
    let mut checked = 0;
    for operation in operations::ALL {
        let path = operation.parameters.iter().map(|parameter| parameter.name);
        let texts = table::fields(operation).filter(|field| match field.schema {
            // An empty filter or key would mean something else.
            Schema::Text(text) => {
                let by_query = operation.query.is_some_and(|query| query.field(field.name).is_some());
                by_query || text.min_length > 0 || text.pattern.is_some()
            }
            Schema::Uuid | Schema::Date | Schema::Timestamp => true,
            _ => false,
        });
        for name in path.chain(texts.map(|field| field.name)) {
            let mut arguments = table::arguments(&document, operation);
            arguments.insert(name.to_owned(), json!(""));
            let error = call(&client, operation, arguments).await.unwrap_err();
            let Error::InvalidInput(wrong) = &error else {
                panic!("{operation}: {error:?}");
            };
            assert_eq!(wrong.field(), name, "{operation}: {error}");
            checked += 1;
        }
    }
    assert!(checked > operations::ALL.len());
    assert_eq!(fake.requests().len(), 0, "nothing may be sent");
}

/// For example, the customer identifier `search` would make the request that of another operation.
#[tokio::test]
async fn no_argument_leads_to_another_path() {
    let document = document::read();
    let fake = Fake::start().unwrap();
    let client = client_for(&fake);
    for operation in operations::ALL
        .iter()
        .filter(|operation| !operation.parameters.is_empty())
    {
        let segments: Vec<_> = operation.path.split('/').collect();
        for (at, parameter) in segments
            .iter()
            .enumerate()
            .filter(|(_, segment)| segment.starts_with('{'))
        {
            let name = parameter.trim_matches(['{', '}']);
            for literal in literals(operation, at).into_iter().chain([".", "..", "a/b"]) {
                let mut arguments = table::arguments(&document, operation);
                if !arguments[name].is_string() {
                    continue;
                }
                arguments.insert(name.to_owned(), json!(literal));
                match call(&client, operation, arguments).await {
                    Err(Error::InvalidInput(wrong)) => assert_eq!(wrong.field(), name),
                    // Encoded, a slash is part of an identifier.
                    _ if literal == "a/b" => assert!(fake.requests().pop().unwrap().path.contains("a%2Fb")),
                    sent => panic!("{operation} with {literal}: {sent:?}"),
                }
            }
        }
    }
}

/// Literal segments of other paths with the same method at the position of a parameter.
fn literals(operation: &Operation, at: usize) -> Vec<&'static str> {
    let segments: Vec<_> = operation.path.split('/').collect();
    let others = operations::ALL.iter().filter(|other| other.method == operation.method);
    let others = others.map(|other| other.path.split('/').collect::<Vec<_>>());
    let alike = others.filter(|other| {
        let fits = |(number, part): (usize, &&str)| number == at || *part == segments[number] || part.starts_with('{');
        other.len() == segments.len() && other.iter().enumerate().all(fits)
    });
    alike
        .map(|other| other[at])
        .filter(|part| !part.starts_with('{'))
        .collect()
}

/// The first attempt is processed, but its response is lost: only idempotent requests are repeated.
#[tokio::test]
async fn idempotent_requests_are_repeated() {
    let document = document::read();
    for operation in operations::ALL {
        let fake = table::fake(&document, operation);
        let client = Client::builder().api_key(fake.api_key()).base_url(fake.url());
        let client = client.retry(Retry::default().max_attempts(2).backoff(Duration::ZERO, Duration::ZERO));
        fake.respond_next(Canned::new(502).once_done());
        let sent = call(
            &client.build().unwrap(),
            operation,
            table::arguments(&document, operation),
        )
        .await;
        let attempts = if operation.idempotent { 2 } else { 1 };
        assert_eq!(fake.requests().len(), attempts, "{operation}: {sent:?}");
        assert_eq!(
            json!(operation.idempotent),
            table::documented(&document, operation)["x-idempotent"]
        );
    }
}
