//! Code that the tests share: clients and fakes, faulty servers, the document, and recorded traffic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)] // tests

pub mod bodies;
pub mod bulk;
pub mod document;
pub mod ledger;
pub mod peer;
pub mod program;
pub mod recordings;
pub mod sent;
pub mod snapshot;
pub mod table;
pub mod tls;
pub mod watch;

use chartmogul::{Client, Retry, Unlimited};
use chartmogul_fake::{Fake, samples};
use sent::Witness;
use serde_json::{Value, json};

/// The opportunity of most tests.
pub const UUID: &str = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";

/// A fake with one opportunity, and a client for it that makes one attempt per call.
pub fn start() -> (Witness, Client) {
    start_with(Fake::builder())
}

/// The same with settings.
pub fn start_with(fake: chartmogul_fake::Builder) -> (Witness, Client) {
    let fake = Witness::new(fake.start().expect("a loopback port"));
    fake.collection("opportunities").insert(opportunity(UUID)).unwrap();
    let client = client_for(&fake);
    (fake, client)
}

/// An opportunity with two custom attributes.
pub fn opportunity(uuid: &str) -> Value {
    let mut opportunity = samples::object("opportunities", uuid);
    opportunity["amount_in_cents"] = 12_000.into();
    opportunity["custom"] = json!({ "seats": 3, "from_campaign": true });
    opportunity["updated_at"] = opportunity["created_at"].clone();
    opportunity
}

/// A client for a fake that makes one attempt per call, without limits.
pub fn client_for(fake: &Fake) -> Client {
    Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .limiter(Unlimited)
        .retry(Retry::never())
        .build()
        .expect("a client")
}

/// The README's program compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The programs in the guide compile, and those without an account run.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../docs/guide/update.md")]
    struct Update;
    #[doc = include_str!("../../docs/guide/read-and-list.md")]
    struct ReadAndList;
    #[doc = include_str!("../../docs/guide/custom-attributes.md")]
    struct CustomAttributes;
    #[doc = include_str!("../../docs/guide/bulk.md")]
    struct Bulk;
    #[doc = include_str!("../../docs/guide/customers.md")]
    struct Customers;
    #[doc = include_str!("../../docs/guide/metrics.md")]
    struct Metrics;
    #[doc = include_str!("../../docs/guide/plans.md")]
    struct Plans;
    #[doc = include_str!("../../docs/guide/invoices.md")]
    struct Invoices;
    #[doc = include_str!("../../docs/guide/log-a-call.md")]
    struct LogACall;
    #[doc = include_str!("../../docs/guide/tasks.md")]
    struct Tasks;
    #[doc = include_str!("../../docs/guide/errors.md")]
    struct Errors;
    #[doc = include_str!("../../docs/guide/testing.md")]
    struct Testing;
    #[doc = include_str!("../../docs/guide/call-json.md")]
    struct CallJson;
}
