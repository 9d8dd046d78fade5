//! Changing single custom attributes.

use std::collections::BTreeMap;

use chartmogul::{Client, Error, Opportunity};
use chartmogul_fake::{Canned, samples};
use chartmogul_tests::{UUID, sent::Witness, start};
use proptest::prelude::*;
use serde_json::{Value, json};

async fn start_with(custom: &Value) -> (Witness, Client) {
    let (fake, client) = start().await;
    set(&fake.opportunities(), "custom", custom.clone());
    (fake, client)
}

/// What somebody else does. As on the server, it moves `updated_at`.
fn set(opportunities: &chartmogul_fake::Opportunities<'_>, member: &str, value: Value) {
    let mut deal = opportunities.get(UUID).unwrap();
    deal[member] = value;
    deal["updated_at"] = json!("2026-03-01T00:00:00.000Z");
    opportunities.add(deal);
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

#[tokio::test]
async fn what_is_not_named_is_kept_as_it_was() {
    let custom =
        r#"{"Zeta":"ü","big":9223372036854775807,"dec":5.0,"yes":true,"at":"2026-01-31T00:00:00.000Z","seats":4}"#;
    let (fake, client) = start().await;
    let mut deal = samples::opportunity(UUID);
    deal["custom"] = json!({});
    let read = deal.to_string().replace("{}", custom);
    fake.answer_next(Canned::new(200).json(read.clone()));
    fake.answer_next(Canned::new(200).json(read));
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
    assert_eq!(methods(&fake), ["GET", "GET", "PATCH"]);
    let sent = String::from_utf8_lossy(&fake.requests()[2].body).into_owned();
    let expected = concat!(
        r#"{"amount_in_cents":7,"custom":[{"key":"Zeta","value":"ü"},{"key":"big","value":9223372036854775807},"#,
        r#"{"key":"dec","value":5.0},{"key":"at","value":"2026-01-31T00:00:00.000Z"},{"key":"seats","value":5},"#,
        r#"{"key":"new","value":1}]}"#
    );
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn nothing_to_change_is_not_written() {
    let (fake, client) = start_with(&json!({ "seats": 5 })).await;
    let deal = merge(&client).await.unwrap();
    assert_eq!(deal.custom.get_i64("seats").unwrap(), Some(5));
    let update = || client.opportunities().update(UUID);
    update().merge_custom().remove("other").send().await.unwrap();
    assert_eq!(methods(&fake), ["GET", "GET"]);
    // Nor is an attribute moved by being removed and set again.
    set(&fake.opportunities(), "custom", json!({ "a": 1, "seats": 5 }));
    update().merge_custom().remove("a").set("a", 1).send().await.unwrap();
    assert_eq!(methods(&fake), ["GET", "GET", "GET"]);
    set(&fake.opportunities(), "custom", json!({ "seats": 5 }));
    // But what else is updated is sent, without the attributes.
    update()
        .amount_in_cents(7)
        .merge_custom()
        .set("seats", 5)
        .send()
        .await
        .unwrap();
    assert_eq!(fake.requests().last().unwrap().body, br#"{"amount_in_cents":7}"#);
    // The server may find that itself.
    fake.answer_next(Canned::new(200).json(samples::opportunity(UUID).to_string()));
    fake.answer_next(Canned::new(200).json(samples::opportunity(UUID).to_string()));
    fake.answer_next(Canned::new(304));
    assert!(merge(&client).await.unwrap().uuid == UUID);
}

#[tokio::test]
async fn somebody_who_was_faster_is_reported() {
    let (fake, client) = start_with(&json!({ "seats": 4 })).await;
    fake.before_request(2, |opportunities| {
        set(opportunities, "custom", json!({ "seats": 4, "theirs": 1 }));
    });
    let error = merge(&client).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { written: false, .. }) && !error.may_have_happened());
    assert_eq!(
        error.to_string(),
        "update_opportunity: somebody else changed the object meanwhile; nothing was written"
    );
    assert_eq!(methods(&fake), ["GET", "GET"]);

    fake.before_request(2, |opportunities| set(opportunities, "custom", json!({ "theirs": 2 })));
    let update = client
        .opportunities()
        .update(UUID)
        .merge_custom()
        .set("seats", 5)
        .retry_conflicts(1);
    let deal = update.send().await.unwrap();
    assert_eq!(json!(deal.custom), json!({ "seats": 5, "theirs": 2 }));
    assert_eq!(methods(&fake)[2..], ["GET", "GET", "GET", "GET", "PATCH"]);
}

#[tokio::test]
async fn a_change_that_shows_only_afterwards_is_reported() {
    let (fake, client) = start_with(&json!({ "seats": 4 })).await;
    fake.before_request(3, |opportunities| {
        set(opportunities, "owner", json!("other@example.com"));
    });
    let error = merge(&client).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { written: true, .. }) && error.may_have_happened());
    assert_eq!(methods(&fake), ["GET", "GET", "PATCH"]);
}

#[tokio::test]
async fn what_cannot_be_kept_is_refused_before_anything_is_written() {
    let (fake, client) = start_with(&json!({ "list": [1] })).await;
    let error = merge(&client).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "custom attribute `list` is a list, not a value that can be sent"
    );
    for odd in [Some(json!("none")), None] {
        let mut deal = samples::opportunity(UUID);
        match odd {
            Some(odd) => deal["custom"] = odd,
            None => drop(deal.as_object_mut().unwrap().remove("custom")),
        }
        fake.answer_next(Canned::new(200).json(deal.to_string()));
        let error = merge(&client).await.unwrap_err();
        assert!(error.to_string().contains("must be kept"), "{error}");
    }
    assert_eq!(methods(&fake), ["GET", "GET", "GET"]);
}

#[tokio::test]
async fn a_value_that_cannot_be_right_is_refused_before_anything_is_sent() {
    let (fake, client) = start().await;
    let update = || client.opportunities().update(UUID);
    for merge in [
        update().merge_custom().set("team size", 4),
        update().merge_custom().set("discount", f64::NAN),
        update().win_likelihood(101).merge_custom().set("seats", 4),
        update().estimated_close_date("soon").merge_custom().set("seats", 4),
    ] {
        let error = merge.send().await.unwrap_err();
        assert!(matches!(error, Error::InvalidInput(_)), "{error:?}");
    }
    assert_eq!(fake.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocking_client_merges_too() {
    let (fake, client) = start_with(&json!({ "vip": true })).await;
    let client = client.blocking().unwrap();
    client
        .opportunities()
        .update(UUID)
        .merge_custom()
        .set("seats", 5)
        .send()
        .unwrap();
    assert_eq!(
        fake.opportunities().get(UUID).unwrap()["custom"],
        json!({ "vip": true, "seats": 5 })
    );
}

type Attributes = BTreeMap<&'static str, i64>;

/// What somebody else does, and before which of our requests; 4 is after all of them.
#[derive(Debug, Clone)]
struct Other {
    before: usize,
    custom: Option<Attributes>,
    owner: Option<u8>,
}

fn attributes() -> impl Strategy<Value = Attributes> {
    prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), 0i64..3, 0..3)
}

fn other() -> impl Strategy<Value = Other> {
    (1usize..5, prop::option::of(attributes()), prop::option::of(0u8..3)).prop_map(|(before, custom, owner)| Other {
        before,
        custom,
        owner,
    })
}

fn merged(mut custom: Attributes, changes: &[(&'static str, Option<i64>)]) -> Attributes {
    for (key, value) in changes {
        match value {
            Some(value) => drop(custom.insert(key, *value)),
            None => drop(custom.remove(key)),
        }
    }
    custom
}

proptest! {

    /// Somebody else writes at any moment: exactly what the page of `Merge` says is lost, and nothing else.
    #[test]
    fn only_what_the_documentation_says_is_lost(
        start in attributes(),
        changes in prop::collection::vec(
            (prop::sample::select(vec!["a", "b", "c"]), prop::option::of(0i64..3)), 0..4),
        other in other(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (fake, client) = start_with(&json!(start)).await;
            set(&fake.opportunities(), "owner", json!("0@example.com"));
            let theirs = other.clone();
            let act = move |opportunities: &chartmogul_fake::Opportunities<'_>| {
                if let Some(custom) = &theirs.custom {
                    set(opportunities, "custom", json!(custom));
                }
                if let Some(owner) = theirs.owner {
                    set(opportunities, "owner", json!(format!("{owner}@example.com")));
                }
            };
            if other.before < 4 {
                fake.before_request(other.before, act.clone());
            }
            let merge = client.opportunities().update(UUID).merge_custom();
            let merge = changes.iter().fold(merge, |merge, (key, value)| match value {
                Some(value) => merge.set(*key, *value),
                None => merge.remove(*key),
            });
            let result = merge.send().await;
            let sent = methods(&fake);
            if other.before == 4 {
                act(&fake.opportunities());
            }

            let theirs = other.custom.clone();
            let read = if other.before == 1 { theirs.clone().unwrap_or_else(|| start.clone()) } else { start.clone() };
            let ours = merged(read.clone(), &changes);
            let writes = ours != read;
            let changes_custom = theirs.as_ref().is_some_and(|custom| *custom != start);
            let changes_owner = other.owner.is_some_and(|owner| owner != 0);
            let (expected, custom) = match other.before {
                // In time for the first read: it is seen. After the last request: it counts.
                1 => ("ok", ours),
                4 => ("ok", theirs.unwrap_or(ours)),
                // We have only looked, and do nothing more; our next request never comes.
                _ if !writes => ("ok", start),
                2 if changes_custom || changes_owner => ("not written", theirs.unwrap_or(start)),
                // The one window that the API leaves: their attributes are gone, and only another member shows it.
                3 if changes_owner => ("written", ours),
                _ => ("ok", ours),
            };
            let got = match &result {
                Ok(_) => "ok",
                Err(Error::Conflict { written: true, .. }) => "written",
                Err(Error::Conflict { .. }) => "not written",
                Err(error) => panic!("{error:?}"),
            };
            assert_eq!(got, expected, "{sent:?}");
            assert_eq!(fake.opportunities().get(UUID).unwrap()["custom"], json!(custom), "{sent:?}");
        });
    }
}
