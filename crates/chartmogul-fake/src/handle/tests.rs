//! What is sent to the fake, and what it responds with.

mod attributes;
mod contacts;
mod customers;
mod document;
mod identifiers;
mod invoices;
mod lifecycle;
mod lists;
mod notes;
mod opportunities;
mod refusals;

use axum::{
    body::to_bytes,
    http::{Request, header::ALLOW},
};
use serde_json::json;

use super::*;

const UUID: &str = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";

/// Sends a request; returns status, body and the header `allow`.
#[tokio::main(flavor = "current_thread")]
async fn ask(shared: &Shared, request: &str, body: &str) -> (u16, Value, String) {
    let (method, uri) = request.split_once(' ').unwrap();
    let (parts, ()) = Request::builder()
        .method(method)
        .uri(uri)
        .body(())
        .unwrap()
        .into_parts();
    let response = handle(shared, &Recorded::new(&parts, body.as_bytes())).await;
    let status = response.status().as_u16();
    let allow = response
        .headers()
        .get(ALLOW)
        .map_or("", |allow| allow.to_str().unwrap())
        .to_owned();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default(), allow)
}

fn strict() -> Shared {
    Shared::new(false, false)
}

/// Creates a plan; returns its UUID.
fn plan(shared: &Shared, name: &str) -> String {
    let body = json!({ "data_source_uuid": "ds_1", "name": name, "interval_count": 1, "interval_unit": "month" });
    let (status, plan, _) = ask(shared, "POST /v1/plans", &body.to_string());
    assert_eq!(status, 201, "{plan}");
    plan["uuid"].as_str().unwrap().to_owned()
}

/// A request with the document's examples; also stores the object that it needs.
fn example_of(operation: &Operation, shared: &Shared) -> (String, String) {
    let mut path = operation.path.to_owned();
    let query: Map<_, _> = operation
        .query
        .iter()
        .filter(|parameter| parameter.required)
        .map(|parameter| (parameter.name.to_owned(), parameter.example.clone()))
        .collect();
    let of_customers = document()
        .operations
        .iter()
        .filter(|read| read.tag == "customers" && read.method == "GET");
    for example in of_customers.map(|read| read.success.example) {
        let entries = example["entries"].as_array().into_iter().flatten();
        for customer in entries.chain([example]) {
            let _ = shared.state.collection("customers").insert(customer.clone());
        }
    }
    // Attributes belong to customers.
    let tag = if operation.tag == "attributes" {
        "customers"
    } else {
        operation.tag
    };
    if let Some(kind) = document().collections.get(tag) {
        let collection = shared.state.collection(tag);
        let mut object = kind.example.clone();
        for name in &operation.identified_by {
            object[*name] = query[*name].clone();
        }
        let _ = collection.insert(object.clone());
        let mut key = kind.example[kind.key].as_str().unwrap();
        while let Some(start) = path.find('{') {
            let end = path.find('}').unwrap();
            object[kind.key] = key.into();
            // `{invoice_external_id}` is the field `external_id`.
            for (name, value) in object.as_object_mut().unwrap() {
                if path[..end].ends_with(&format!("_{name}")) {
                    *value = key.into();
                }
            }
            let _ = collection.insert(object.clone());
            path.replace_range(start..=end, key);
            key = "another";
        }
    }
    // An operation without its own objects needs a customer.
    for parameter in &operation.parameters {
        let example = parameter.example.as_str().unwrap_or_default();
        path = path.replace(&format!("{{{}}}", parameter.name), example);
    }
    let query: Vec<_> = query
        .iter()
        .map(|(name, value)| (name, value.as_str().unwrap()))
        .collect();
    let request = format!(
        "{} {path}?{}",
        operation.method,
        serde_urlencoded::to_string(query).unwrap()
    );
    let body = operation.body.as_ref();
    (request, body.map_or(String::new(), |body| body.example.to_string()))
}
