//! Changing single custom attributes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chartmogul::{
    Client, Error, Limiter, LimiterFuture, Permit, Retry, Unlimited, bulk::Bulk, opportunities::Opportunity,
};
use chartmogul_fake::{Canned, Collection, Fake};
use chartmogul_tests::{UUID, opportunity, sent::Witness, start};
use proptest::prelude::*;
use serde_json::{Value, json};

mod bulk;

fn start_with(custom: &Value) -> (Witness, Client) {
    let (fake, client) = start();
    set(fake.collection("opportunities"), "custom", custom.clone());
    (fake, client)
}

/// A client that makes this many attempts without waiting.
fn trying(fake: &Fake, attempts: u32) -> Client {
    let retry = Retry::default()
        .max_attempts(attempts)
        .backoff(Duration::ZERO, Duration::ZERO);
    let client = Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .limiter(Unlimited);
    client.retry(retry).build().unwrap()
}

/// A concurrent change. As on the server, it updates `updated_at`.
fn set(opportunities: Collection<'_>, field: &str, value: Value) {
    let mut deal = opportunities.get(UUID).unwrap();
    deal[field] = value;
    deal["updated_at"] = json!("2026-03-01T00:00:00.000Z");
    opportunities.insert_unchecked(deal).unwrap();
}

fn custom(fake: &Fake) -> Value {
    fake.collection("opportunities").get(UUID).unwrap()["custom"].clone()
}

fn methods(fake: &Witness) -> Vec<String> {
    fake.requests().into_iter().map(|request| request.method).collect()
}

async fn merge(client: &Client) -> Result<Opportunity, Error> {
    client
        .opportunities()
        .update(UUID)
        .merge_custom()
        .set("seats", 5)
        .send()
        .await
}

/// The opportunity as JSON, with exactly these custom attributes.
fn deal_with(custom: &str) -> String {
    let mut deal = opportunity(UUID);
    deal["custom"] = json!({});
    deal.to_string().replace("{}", custom)
}

/// Queues a response to the next read, and one to the write after it.
fn response(fake: &Witness, read: &str, written: &str) {
    fake.respond_next(Canned::new(200).json(deal_with(read)));
    fake.respond_next(Canned::new(200).json(deal_with(written)));
}

#[tokio::test]
async fn attributes_that_are_not_named_are_kept() {
    let read =
        r#"{"Zeta":"ü","big":9223372036854775807,"dec":5.0,"yes":true,"at":"2026-01-31T00:00:00.000Z","seats":4}"#;
    let (fake, client) = start();
    response(
        &fake,
        read,
        r#"{"Zeta":"ü","big":9223372036854775807,"dec":5,"at":"2026-01-31T00:00:00.000Z","seats":5,"new":1}"#,
    );
    let update = client.opportunities().update(UUID).amount_in_cents(7);
    update
        .merge_custom()
        .set("new", 1)
        .set("seats", 5)
        .remove("yes")
        .remove("never")
        .send()
        .await
        .unwrap();
    assert_eq!(methods(&fake), ["GET", "PATCH"]);
    let sent = String::from_utf8_lossy(&fake.requests()[1].body).into_owned();
    let expected = concat!(
        r#"{"amount_in_cents":7,"custom":[{"key":"Zeta","value":"ü"},{"key":"big","value":9223372036854775807},"#,
        r#"{"key":"dec","value":5.0},{"key":"at","value":"2026-01-31T00:00:00.000Z"},{"key":"seats","value":5},"#,
        r#"{"key":"new","value":1}]}"#
    );
    assert_eq!(sent, expected);
}

/// Numbers of any size, and values that this library would not let a caller set.
#[tokio::test]
async fn nothing_that_the_server_sent_is_rounded_or_refused() {
    let (fake, client) = start();
    let fake = fake.unwritten();
    let long = "x".repeat(256);
    let others = format!(
        r#""a":18446744073709551616,"b":-9223372036854775809,"c":0.1234567890123456789,"d":1e400,"lone":"\ud800","team-size":4,"":1,"long":"{long}""#
    );
    response(
        &fake,
        &format!("{{{others},\"seats\":4}}"),
        &format!("{{{others},\"seats\":5}}"),
    );
    merge(&client).await.unwrap();
    let sent = String::from_utf8_lossy(&fake.requests()[1].body).into_owned();
    let expected = format!(
        concat!(
            r#"{{"custom":[{{"key":"a","value":18446744073709551616}},{{"key":"b","value":-9223372036854775809}},"#,
            r#"{{"key":"c","value":0.1234567890123456789}},{{"key":"d","value":1e400}},{{"key":"lone","value":"\ud800"}},{{"key":"team-size","value":4}},"#,
            r#"{{"key":"","value":1}},{{"key":"long","value":"{}"}},{{"key":"seats","value":5}}]}}"#
        ),
        long
    );
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn nothing_to_change_is_not_written() {
    let (fake, client) = start_with(&json!({ "seats": 5 }));
    let deal = merge(&client).await.unwrap();
    assert_eq!(deal.custom.get_i64("seats").unwrap(), Some(5));
    let update = || client.opportunities().update(UUID);
    update().merge_custom().remove("other").send().await.unwrap();
    assert_eq!(methods(&fake), ["GET", "GET"]);
    // Nor does it write an attribute that is removed and set again, or the same number in another form.
    set(
        fake.collection("opportunities"),
        "custom",
        json!({ "a": 1, "seats": 5.0 }),
    );
    update()
        .merge_custom()
        .remove("a")
        .set("a", 1)
        .set("seats", 5)
        .send()
        .await
        .unwrap();
    assert_eq!(methods(&fake), ["GET", "GET", "GET"]);
    set(fake.collection("opportunities"), "custom", json!({ "seats": 5 }));
    // Other fields are sent, without the attributes.
    update()
        .amount_in_cents(7)
        .merge_custom()
        .set("seats", 5)
        .send()
        .await
        .unwrap();
    assert_eq!(fake.requests().last().unwrap().body, br#"{"amount_in_cents":7}"#);
    // The server may respond that nothing changed.
    fake.respond_next(Canned::new(200).json(opportunity(UUID).to_string()));
    fake.respond_next(Canned::new(304));
    assert!(merge(&client).await.unwrap().uuid == UUID);
}

/// Each retry of a write reads again first, whatever the failure was.
#[tokio::test]
async fn a_change_before_a_retry_is_kept() {
    for failure in [
        Canned::new(429).header("retry-after", "0"),
        Canned::new(503),
        Canned::new(502),
        Canned::new(502).once_done(),
        Canned::new(200).json("{\"cut\":"),
        Canned::new(200).json("{\"cut\":").once_done(),
    ] {
        let (fake, _) = start_with(&json!({ "seats": 4 }));
        fake.respond_next(Canned::new(200).json(fake.collection("opportunities").get(UUID).unwrap().to_string()));
        fake.respond_next(failure.clone());
        fake.before_request(3, |state| {
            let opportunities = state.collection("opportunities");
            let mut custom = opportunities.get(UUID).unwrap()["custom"].clone();
            custom["theirs"] = json!(1);
            set(opportunities, "custom", custom);
        });
        merge(&trying(&fake, 3)).await.unwrap();
        assert_eq!(custom(&fake), json!({ "seats": 5, "theirs": 1 }), "{failure:?}");
        // A write that was made although its response was lost is noticed, and not repeated.
        let done = format!("{failure:?}").contains("LoseResponse");
        let sent = methods(&fake);
        assert_eq!(sent[..3], ["GET", "PATCH", "GET"], "{failure:?}");
        assert_eq!(sent.len(), if done { 3 } else { 4 }, "{failure:?}");
    }
}

/// A limiter without limits, which changes the object before each send slot.
#[derive(Debug)]
struct Busy(Arc<Fake>, Arc<AtomicI64>);

impl Limiter for Busy {
    fn acquire(&self) -> LimiterFuture<'_, Permit> {
        Box::pin(async { Ok(Permit::holding(())) })
    }

    fn ready(&self) -> LimiterFuture<'_, ()> {
        Box::pin(async {
            tokio::task::yield_now().await;
            let number = self.1.fetch_add(1, Ordering::Relaxed) + 1;
            set(
                self.0.collection("opportunities"),
                "custom",
                json!({ "theirs": number }),
            );
            Ok(())
        })
    }

    fn throttled(&self, _: Option<Duration>) {}
}

#[tokio::test]
async fn a_write_does_not_wait_after_its_read() {
    let fake = Arc::new(Fake::start().unwrap());
    fake.collection("opportunities").insert(opportunity(UUID)).unwrap();
    let client = Client::builder().api_key(fake.api_key()).base_url(fake.url());
    let changes = Arc::<AtomicI64>::default();
    let client = client.limiter(Busy(Arc::clone(&fake), Arc::clone(&changes)));
    merge(&client.build().unwrap()).await.unwrap();
    let theirs = changes.load(Ordering::Relaxed);
    assert_eq!(custom(&fake), json!({ "theirs": theirs, "seats": 5 }));
}

/// With a low limit: each call needs two send slots, but calls do not block each other.
#[tokio::test]
async fn merges_share_a_low_rate() {
    let fake = Fake::start().unwrap();
    fake.collection("opportunities").insert(opportunity(UUID)).unwrap();
    let client = Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .rate_limit(2)
        .build()
        .unwrap();
    let merges = (0..4).map(|number| {
        let update = client
            .opportunities()
            .update(UUID)
            .with_call_timeout(Duration::from_secs(600));
        update.merge_custom().set(format!("a{number}"), number).send()
    });
    let done = futures_util::future::join_all(merges).await;
    assert!(done.iter().all(Result::is_ok), "{done:?}");
    assert_eq!(fake.requests().len(), 8);
}

#[tokio::test]
async fn an_error_knows_over_all_attempts_whether_the_write_may_have_happened() {
    let failing = |fake: &Witness, statuses: &[u16]| {
        for status in statuses {
            let response = match status {
                200 => Canned::new(200).json(deal_with(r#"{"seats":4}"#)),
                201 => Canned::new(200).json(deal_with(r#"{"odd":{}}"#)),
                status => Canned::new(*status),
            };
            fake.respond_next(response);
        }
    };
    for (responses, may_have_happened, text) in [
        (&[502, 502, 502][..], false, "get_opportunity: 502"),
        (&[200, 502, 502, 502], true, "get_opportunity: 502"),
        (&[200, 429, 200, 429, 502], false, "get_opportunity: 502"),
        (&[502, 200, 502, 200, 503], true, "update_opportunity: 503"),
        (&[200, 502, 404], true, "get_opportunity: 404"),
        (&[404], false, "get_opportunity: 404"),
        (&[200, 422], false, "update_opportunity: 422"),
        (&[201], false, "custom attribute `odd` is an object"),
        (&[200, 503, 201], false, "custom attribute `odd` is an object"),
        (&[200, 502, 201], true, "get_opportunity: 200"),
    ] {
        let (fake, _) = start();
        failing(&fake, responses);
        let error = merge(&trying(&fake, 3)).await.unwrap_err();
        assert_eq!(error.may_have_happened(), may_have_happened, "{responses:?}: {error}");
        assert!(error.to_string().starts_with(text), "{responses:?}: {error}");
        assert_eq!(fake.requests().len(), responses.len(), "{responses:?}");
    }
}

/// Whether the server returns the object, or changes other fields, does not matter.
#[tokio::test]
async fn an_accepted_write_is_a_success() {
    for accepted in [
        Canned::new(204),
        Canned::new(200).json("{}"),
        Canned::new(202),
        Canned::new(202).json("{}"),
    ] {
        let (fake, client) = start_with(&json!({ "seats": 4, "vip": true }));
        fake.respond_next(Canned::new(200).json(fake.collection("opportunities").get(UUID).unwrap().to_string()));
        fake.respond_next(accepted.clone().once_done());
        let deal = merge(&client).await.unwrap();
        assert_eq!(json!(deal.custom), json!({ "seats": 5, "vip": true }), "{accepted:?}");
        assert_eq!(methods(&fake), ["GET", "PATCH", "GET"]);

        // It was accepted, even if the object can't be read afterwards.
        fake.respond_next(Canned::new(200).json(deal_with(r#"{"seats":4}"#)));
        fake.respond_next(accepted);
        fake.respond_next(Canned::new(502));
        assert!(merge(&client).await.unwrap().custom.is_absent());
    }
    let (fake, client) = start_with(&json!({ "seats": 4 }));
    fake.before_request(2, |state| {
        let opportunities = state.collection("opportunities");
        set(opportunities, "owner", json!("other@example.com"));
        set(opportunities, "times_written", json!(17));
    });
    merge(&client).await.unwrap();
}

#[tokio::test]
async fn an_attribute_that_was_not_kept_is_reported() {
    let (fake, client) = start();
    response(&fake, r#"{"seats":4,"vip":true}"#, r#"{"seats":5}"#);
    let error = merge(&client).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { written: true, .. }) && error.may_have_happened());
    assert_eq!(
        error.to_string(),
        "update_opportunity: the object changed concurrently; the update was applied, check the result"
    );
    response(&fake, r#"{"seats":4,"vip":true}"#, r#"{"seats":5}"#);
    response(&fake, "{}", r#"{"seats":5}"#);
    let update = client.opportunities().update(UUID).merge_custom().set("seats", 5);
    update.retry_conflicts(1).send().await.unwrap();
    assert_eq!(fake.requests().len(), 6);
}

/// Whatever the result of the retry, the first write has happened.
#[tokio::test]
async fn a_write_in_conflict_is_not_forgotten() {
    let (fake, client) = start();
    let in_conflict = || response(&fake, r#"{"seats":4,"vip":true}"#, r#"{"seats":5}"#);
    let update = || {
        let update = client.opportunities().update(UUID).merge_custom();
        update.set("seats", 5).retry_conflicts(1)
    };
    in_conflict();
    fake.respond_next(Canned::new(404));
    let error = update().send().await.unwrap_err();
    assert!(error.may_have_happened(), "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("404"), "{cause}");

    for (read, word) in [
        (Canned::new(404), "given up"),
        (Canned::new(200).json(deal_with(r#"{"seats":5}"#)), "updated"),
    ] {
        in_conflict();
        fake.respond_next(read);
        let mut run = Bulk::new([update()]).start().await.unwrap();
        let done = run.try_next().await.unwrap().unwrap();
        assert_eq!(done.outcome.as_str(), word);
        assert!(
            done.outcome
                .error()
                .is_none_or(chartmogul::bulk::UpdateError::may_have_happened)
        );
    }
}

/// 304 is about the write only if it is the response to a write.
#[tokio::test]
async fn a_304_to_the_read_is_no_success() {
    let (fake, _client) = start();
    let client = trying(&fake, 2);
    let update = || client.opportunities().update(UUID).merge_custom().set("seats", 5);
    for responses in [&[502, 304][..], &[304]] {
        let fail = || {
            if responses.len() > 1 {
                fake.respond_next(Canned::as_usual());
            }
            for status in responses {
                fake.respond_next(Canned::new(*status));
            }
        };
        fail();
        let error = update().send().await.unwrap_err();
        assert!(matches!(error, Error::NotModified(_)), "{error}");
        fail();
        let mut run = Bulk::new([update()]).start().await.unwrap();
        let done = run.try_next().await.unwrap().unwrap();
        assert!(!done.outcome.is_final(), "{done:?}");
        assert_eq!(done.outcome.error().unwrap().may_have_happened(), responses.len() > 1);
    }
}

/// The result is the same, whatever attributes the object had.
#[tokio::test]
async fn replacing_all_and_merging_replaces_all() {
    for there in [
        json!({}),
        json!({ "seats": 4 }),
        json!({ "seats": 4, "vip": true }),
        Value::Null,
    ] {
        let (fake, client) = start_with(&there);
        let update = || client.opportunities().update(UUID);
        update()
            .remove_all_custom()
            .merge_custom()
            .set("seats", 5)
            .send()
            .await
            .unwrap();
        assert_eq!(custom(&fake), json!({ "seats": 5 }), "{there}");
        let replaced = update().replace_all_custom([("a", 1), ("b", 2)]).merge_custom();
        replaced.set("b", 3).remove("a").set("c", 4).send().await.unwrap();
        assert_eq!(custom(&fake), json!({ "b": 3, "c": 4 }), "{there}");
        assert_eq!(methods(&fake), ["PATCH", "PATCH"]);
        fake.respond_next(Canned::new(304));
        let deal = update().remove_all_custom().merge_custom().send().await.unwrap();
        assert!(deal.uuid == UUID);
    }
}

#[tokio::test]
async fn an_attribute_that_cannot_be_kept_is_an_error_before_the_write() {
    let (fake, client) = start_with(&json!({ "odd": {} }));
    let error = merge(&client).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "custom attribute `odd` is an object, not a value that can be sent"
    );
    for odd in [Some(json!("none")), None] {
        let mut deal = opportunity(UUID);
        match odd {
            Some(odd) => deal["custom"] = odd,
            None => drop(deal.as_object_mut().unwrap().remove("custom")),
        }
        fake.respond_next(Canned::new(200).json(deal.to_string()));
        let error = merge(&client).await.unwrap_err();
        assert!(error.to_string().contains("must be kept"), "{error}");
    }
    assert_eq!(methods(&fake), ["GET", "GET", "GET"]);
}

#[tokio::test]
async fn an_invalid_value_is_rejected_before_anything_is_sent() {
    let (fake, client) = start();
    let update = || client.opportunities().update(UUID);
    for merge in [
        update().merge_custom().set("team size", 4),
        update().merge_custom().set("discount", f64::NAN),
        update().win_likelihood(101).merge_custom().set("seats", 4),
        update().estimated_close_date("soon").merge_custom().set("seats", 4),
        update()
            .replace_all_custom([("team size", 4)])
            .merge_custom()
            .set("seats", 4),
    ] {
        let error = merge.send().await.unwrap_err();
        assert!(matches!(error, Error::InvalidInput(_)), "{error:?}");
    }
    assert_eq!(fake.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocking_client_merges_too() {
    let (fake, client) = start_with(&json!({ "vip": true }));
    let client = client.blocking().unwrap();
    client
        .opportunities()
        .update(UUID)
        .merge_custom()
        .set("seats", 5)
        .send()
        .unwrap();
    assert_eq!(custom(&fake), json!({ "vip": true, "seats": 5 }));
}

type Attributes = BTreeMap<&'static str, i64>;
type Changes = Vec<(&'static str, Option<i64>)>;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Good,
    /// Not processed; the response has this status.
    Refused(u16),
    /// Processed; the response has this status.
    Done(u16),
}

fn attributes() -> impl Strategy<Value = Attributes> {
    prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), 0i64..3, 0..3)
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Good),
        1 => prop::sample::select(vec![429, 502, 503, 504]).prop_map(Fate::Refused),
        1 => prop::sample::select(vec![204, 202, 502, 504]).prop_map(Fate::Done),
    ]
}

fn merged(mut custom: Attributes, changes: &Changes) -> Attributes {
    for (key, value) in changes {
        match value {
            Some(value) => drop(custom.insert(key, *value)),
            None => drop(custom.remove(key)),
        }
    }
    custom
}

/// The expected result: the object's attributes, whether it is a success, and whether a failed write may have happened.
fn expected(
    mut custom: Attributes,
    others: &[Option<Attributes>],
    fates: &[Fate],
    (changes, more, attempts): (&Changes, bool, u32),
) -> (Attributes, Result<(), bool>) {
    let mut steps = others.iter().zip(fates);
    let (mut may_have_happened, mut amount_is_set) = (false, false);
    for _ in 0..attempts {
        let mut request = || {
            let (other, fate) = steps.next().unwrap();
            (other.clone(), *fate)
        };
        if changes.is_empty() && more {
            let (other, fate) = request(); // no attribute is sent
            custom = other.unwrap_or(custom);
            let is_in_place = amount_is_set;
            amount_is_set |= !matches!(fate, Fate::Refused(_));
            match fate {
                // An earlier attempt made the update, so there is nothing to change, and the object is read for the caller.
                Fate::Good if is_in_place => {
                    for _ in 0..attempts {
                        let (other, fate) = request();
                        custom = other.unwrap_or(custom);
                        if fate == Fate::Good {
                            return (custom, Ok(()));
                        }
                    }
                    return (custom, Err(true));
                }
                Fate::Good | Fate::Done(202 | 204) => return (custom, Ok(())),
                Fate::Refused(status) | Fate::Done(status) => may_have_happened |= matches!(status, 502 | 504),
            }
            continue;
        }
        // The read: earlier changes are kept.
        let (other, fate) = request();
        custom = other.unwrap_or(custom);
        match fate {
            Fate::Good => {}
            Fate::Refused(_) | Fate::Done(_) => continue,
        }
        let ours = merged(custom.clone(), changes);
        let named = ours != custom;
        if !named && !more {
            return (custom, Ok(()));
        }
        // The write: the only window in which a concurrent change can be lost.
        let (other, fate) = request();
        custom = other.unwrap_or(custom);
        if named && !matches!(fate, Fate::Refused(_)) {
            custom = ours;
        }
        match fate {
            Fate::Good => return (custom, Ok(())),
            Fate::Done(202 | 204) => {
                for _ in 0..attempts {
                    let (other, fate) = request(); // read again, for the caller
                    custom = other.unwrap_or(custom);
                    if fate == Fate::Good {
                        break;
                    }
                }
                return (custom, Ok(()));
            }
            Fate::Refused(status) | Fate::Done(status) => may_have_happened |= matches!(status, 502 | 504),
        }
    }
    (custom, Err(may_have_happened))
}

proptest! {
    /// Concurrent writes and server failures at any moment: a change is lost only where the documentation of
    /// `CustomAttributesPatch` says so.
    #[test]
    fn only_what_the_documentation_says_is_lost(
        start in attributes(),
        changes in prop::collection::vec(
            (prop::sample::select(vec!["a", "b", "c"]), prop::option::of(0i64..3)), 0..4),
        more in any::<bool>(),
        others in prop::collection::vec(prop::option::weighted(0.3, attributes()), 16),
        fates in prop::collection::vec(fate(), 16),
        attempts in 1u32..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (fake, _) = start_with(&json!(start));
            let client = trying(&fake, attempts);
            for (number, (other, fate)) in others.iter().zip(&fates).enumerate() {
                if let Some(custom) = other.clone() {
                    fake.before_request(number + 1, move |state| set(state.collection("opportunities"), "custom", json!(custom)));
                }
                fake.respond_next(match fate {
                    Fate::Good => Canned::as_usual(),
                    Fate::Refused(status) => Canned::new(*status),
                    Fate::Done(status) => Canned::new(*status).once_done(),
                });
            }
            let update = client.opportunities().update(UUID);
            let update = if more { update.amount_in_cents(7) } else { update };
            let merge = changes.iter().fold(update.merge_custom(), |merge, (key, value)| match value {
                Some(value) => merge.set(*key, *value),
                None => merge.remove(*key),
            });
            let result = merge.send().await;
            let sent = methods(&fake);
            let (wanted, outcome) = expected(start, &others, &fates, (&changes, more, attempts));
            let result = result.map(|_| ()).map_err(|error| error.may_have_happened());
            assert_eq!(result, outcome, "{sent:?}");
            assert_eq!(custom(&fake), json!(wanted), "{sent:?}");
        });
    }
}
