//! The blocking client.

use chartmogul::{Error, Method, Outcome, blocking};
use chartmogul_fake::Canned;
use chartmogul_tests::{UUID, sent::Witness, start};
use serde_json::Value;

fn blocking() -> (Witness, blocking::Client) {
    let (fake, client) = start();
    (fake, client.blocking().unwrap())
}

fn update(client: &blocking::Client, amount: i64) -> Result<i64, Error> {
    let deal = client.opportunities().update(UUID).amount_in_cents(amount).send()?;
    Ok(deal.amount_in_cents.get().copied().unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_block_on_any_thread() {
    let (fake, client) = blocking();
    let threads: Vec<_> = (1..=4)
        .map(|amount| {
            let client = client.clone();
            std::thread::spawn(move || update(&client, amount).unwrap())
        })
        .collect();
    let amounts: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(amounts, [1, 2, 3, 4]);
    assert_eq!(fake.requests().len(), 4);
}

/// Blocking a runtime is a mistake, but must not panic.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_and_a_drop_inside_of_a_runtime_work() {
    let (_fake, client) = blocking();
    assert_eq!(update(&client, 5).unwrap(), 5);
    let inside = client.clone();
    let amount = tokio::task::spawn_blocking(move || update(&inside, 6)).await.unwrap();
    assert_eq!(amount.unwrap(), 6);
    drop(client); // the last clone
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_and_outcomes_are_the_same() {
    let (fake, client) = blocking();
    let wrong = client
        .opportunities()
        .update(UUID)
        .win_likelihood(101)
        .send()
        .unwrap_err();
    assert!(matches!(wrong, Error::InvalidInput(_)), "{wrong:?}");
    fake.respond_next(Canned::new(304));
    let outcome = client
        .opportunities()
        .update(UUID)
        .amount_in_cents(1)
        .outcome()
        .unwrap();
    assert_eq!(outcome, Outcome::NotModified);
    let low_level = client.low_level().clone();
    let path = "/v1/opportunities/{uuid}";
    let response = client
        .wait(low_level.request(Method::GET, path).path("uuid", UUID).send::<Value>())
        .unwrap();
    assert_eq!(response.value()["uuid"], UUID);
}
