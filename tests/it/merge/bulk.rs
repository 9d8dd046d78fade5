//! Changing single custom attributes of many opportunities.

use std::path::Path;

use chartmogul::{
    Client, CustomAttributesPatch,
    bulk::{Bulk, Completed, Outcome, Report, Run, Update as _},
};
use chartmogul_api::requests;
use chartmogul_fake::{Canned, Fake};
use chartmogul_tests::{client_for, opportunity};
use serde_json::{Value, json};

use super::trying;

fn uuid(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

/// Opportunities: each has one attribute, every other one these too.
fn deals(count: usize, custom: &Value) -> Fake {
    let fake = Fake::start().unwrap();
    for number in 0..count {
        let mut deal = opportunity(&uuid(number));
        deal["custom"] = json!({ "number": number });
        if number % 2 == 0 {
            deal["custom"]
                .as_object_mut()
                .unwrap()
                .extend(custom.as_object().unwrap().clone());
        }
        fake.collection("opportunities").insert(deal).unwrap();
    }
    fake
}

fn seats(
    client: &Client,
    count: usize,
) -> impl Iterator<Item = CustomAttributesPatch<requests::UpdateOpportunity>> + use<> {
    let opportunities = client.opportunities();
    (0..count).map(move |number| opportunities.update(uuid(number)).merge_custom().set("seats", 4))
}

async fn all<T>(mut run: Run<T>) -> (Vec<Completed<T>>, Report) {
    let mut all = Vec::new();
    while let Some(done) = run.try_next().await.unwrap() {
        all.push(done);
    }
    (all, run.report())
}

fn custom(fake: &Fake, number: usize) -> Value {
    fake.collection("opportunities").get(&uuid(number)).unwrap()["custom"].clone()
}

fn writes(fake: &Fake) -> usize {
    fake.requests()
        .iter()
        .filter(|request| request.method == "PATCH")
        .count()
}

/// The most common job: one attribute, on many deals, all others kept.
#[tokio::test]
async fn one_attribute_is_set_and_all_others_are_kept() {
    let fake = deals(500, &json!({ "seats": 3, "vip": true }));
    let report = Bulk::new(seats(&client_for(&fake), 500))
        .start()
        .await
        .unwrap()
        .finish()
        .await
        .unwrap();
    assert_eq!(
        report.to_string(),
        "500 updates: 500 updated, 0 not modified, 0 rejected, 0 given up, 0 not sent"
    );
    for number in 0..500 {
        let expected = match number % 2 {
            0 => json!({ "number": number, "seats": 4, "vip": true }),
            _ => json!({ "number": number, "seats": 4 }),
        };
        assert_eq!(custom(&fake, number), expected);
    }
    assert_eq!(fake.requests().len(), 1_000);
    // Existing attributes are not written again.
    let report = Bulk::new(seats(&client_for(&fake), 500))
        .start()
        .await
        .unwrap()
        .finish()
        .await
        .unwrap();
    assert_eq!((report.not_modified, writes(&fake)), (500, 500));
}

/// Whatever responses were lost: all runs together have the result of an undisturbed run.
#[tokio::test]
async fn a_run_with_a_journal_can_be_continued() {
    let folder = tempfile::tempdir().unwrap();
    let fake = deals(40, &json!({ "vip": true }));
    let run = async |journal: &str, seats: i64| {
        let opportunities = trying(&fake, 1).opportunities();
        let updates = (0..40).map(move |number| {
            let update = opportunities.update(uuid(number));
            let update = if number % 3 == 0 {
                update.amount_in_cents(7)
            } else {
                update
            };
            update.merge_custom().set("seats", seats).remove("vip")
        });
        let bulk = Bulk::new(updates)
            .journal(folder.path().join(journal))
            .concurrency(1)
            .in_order();
        bulk.start().await
    };
    // Reads and writes that fail, and writes that are made but whose response is lost.
    for _ in 0..5 {
        fake.respond_next(Canned::as_usual());
        fake.respond_next(Canned::new(502).once_done());
        fake.respond_next(Canned::new(502));
        fake.respond_next(Canned::as_usual());
        fake.respond_next(Canned::new(429));
        fake.respond_next(Canned::as_usual());
        fake.respond_next(Canned::as_usual());
    }
    let (done, first) = all(run("first", 4).await.unwrap()).await;
    assert_eq!((first.updated, first.given_up, first.not_sent), (25, 10, 5), "{first}");
    for (number, done) in done.iter().enumerate() {
        if let Some(error) = done.outcome.error() {
            let lost = error.may_have_happened();
            assert_eq!(custom(&fake, number).get("seats").is_some(), lost, "{error}");
        }
    }
    let (_, second) = all(run("first", 4).await.unwrap()).await;
    assert_eq!(
        (second.updated, second.not_modified, second.updates, second.repeats),
        (38, 2, 40, 10), // for two of them, only the response was lost
        "{second}"
    );
    for number in 0..40 {
        assert_eq!(custom(&fake, number), json!({ "number": number, "seats": 4 }));
    }
    // All outcomes are known, so nothing is sent; another change is other input.
    let requests = fake.requests().len();
    let (_, third) = all(run("first", 4).await.unwrap()).await;
    assert_eq!((third, fake.requests().len()), (second, requests));
    let mut changed = run("first", 5).await.unwrap();
    let error = changed.try_next().await.unwrap_err().to_string();
    assert!(error.contains("merge_custom"), "{error}");
}

#[tokio::test]
async fn a_dry_run_shows_which_attributes_change() {
    let fake = deals(2, &json!({ "seats": 3, "vip": true }));
    let opportunities = client_for(&fake).opportunities();
    let update = |number| opportunities.update(uuid(number));
    let updates = [
        update(0)
            .amount_in_cents(1)
            .merge_custom()
            .set("seats", 4)
            .remove("vip")
            .remove("other"),
        update(1).merge_custom().set("number", 1.0),
        update(1).remove_all_custom().merge_custom().set("seats", 4),
    ];
    assert!(updates.iter().all(|update| update.check().is_ok()));
    assert!(update(0).merge_custom().set("team size", 4).check().is_err());
    let bulk = Bulk::new(updates.clone()).in_order();
    let (done, report) = all(bulk.dry_run().await.unwrap()).await;
    let changes: Vec<Vec<String>> = done
        .iter()
        .map(|done| match &done.outcome {
            Outcome::Updated(preview) => preview
                .changes
                .iter()
                .map(|change| format!("{}: {:?} -> {:?}", change.field, change.old, change.new))
                .chain(preview.lost.iter().map(|key| format!("{key} is lost")))
                .collect(),
            _ => vec![done.outcome.as_str().to_owned()],
        })
        .collect();
    assert_eq!(
        changes,
        [
            vec![
                "amount_in_cents: Some(Number(12000)) -> Some(Number(1))",
                "custom.seats: Some(Number(3)) -> Some(Number(4))",
                "custom.vip: Some(Bool(true)) -> None",
            ],
            vec!["not modified"],
            vec![
                "custom.number: Some(Number(1)) -> None",
                "custom.seats: None -> Some(Number(4))",
                "number is lost",
            ],
        ]
    );
    assert_eq!((report.losing, report.lost, report.replaced_unseen), (1, 1, 0));
    assert_eq!(writes(&fake), 0);

    // With `skip_unchanged`, other fields are compared too, and no object is read twice.
    let again = || [update(0).amount_in_cents(12_000).merge_custom().set("seats", 3)];
    let report = Bulk::new(again())
        .skip_unchanged()
        .start()
        .await
        .unwrap()
        .finish()
        .await
        .unwrap();
    assert_eq!((report.not_modified, fake.requests().len()), (1, 4));
    let report = Bulk::new(again()).start().await.unwrap().finish().await.unwrap();
    assert_eq!((report.not_modified, writes(&fake)), (1, 1));
}

/// A run reports attributes that were removed because its updates do not name them.
#[tokio::test]
async fn a_run_that_loses_attributes_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let there = json!({ "seats": 3, "vip": true });
    let fresh = || deals(10, &there);
    let updates = |fake: &Fake| {
        let opportunities = client_for(fake).opportunities();
        (0..10).map(move |number| opportunities.update(uuid(number)).replace_all_custom([("seats", 4)]))
    };
    let says = |report: Report| report.to_string().split_once("; ").map(|(_, says)| says.to_owned());
    let lost = "10 remove 15 custom attributes that they do not name";
    let unseen = "10 replaced all custom attributes without reading them first";

    let fake = fresh();
    let (_, dry) = all(Bulk::new(updates(&fake)).dry_run().await.unwrap()).await;
    assert_eq!(says(dry).as_deref(), Some(lost));
    for (name, looks, says_what) in [("seen", true, lost), ("unseen", false, unseen)] {
        let fake = fresh();
        let bulk = |journal: &Path| {
            let bulk = Bulk::new(updates(&fake)).journal(journal);
            if looks { bulk.skip_unchanged() } else { bulk }
        };
        let journal = folder.path().join(name);
        let (_, report) = all(bulk(&journal).start().await.unwrap()).await;
        assert_eq!(says(report).as_deref(), Some(says_what));
        // The journal has it, too.
        let (done, again) = all(bulk(&journal).start().await.unwrap()).await;
        assert_eq!(again, report);
        assert!(done.iter().all(|done| done.earlier && done.lost.is_some() == looks));
    }
    // Updates of other fields remove no attributes.
    let opportunities = client_for(&fake).opportunities();
    let other = (0..10).map(move |number| opportunities.update(uuid(number)).amount_in_cents(1));
    let report = Bulk::new(other).start().await.unwrap().finish().await.unwrap();
    assert_eq!(says(report), None);
}
