//! Bulk runs against the fake: outcomes, requests, dry runs.

use std::{path::Path, time::Duration};

use chartmogul::{
    Client, Error, Retry, StatusCode, Unlimited,
    bulk::{Bulk, Completed, NotSent, Outcome, Report, Run, Stopped},
    opportunities::{Opportunity, UpdateOpportunity},
};
use chartmogul_fake::{Canned, Fake};
use chartmogul_tests::{UUID, client_for, opportunity, snapshot};
use serde_json::json;

const GONE: &str = "00000000-0000-0000-0000-000000000000";

fn uuid(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

fn fake(opportunities: usize) -> Fake {
    let fake = Fake::start().unwrap();
    for number in 0..opportunities {
        fake.collection("opportunities")
            .insert(opportunity(&uuid(number)))
            .unwrap();
    }
    fake
}

async fn all<T>(mut run: Run<T>) -> (Vec<Completed<T>>, Report) {
    let mut all = Vec::new();
    while let Some(done) = run.try_next().await.unwrap() {
        all.push(done);
    }
    (all, run.report())
}

/// An update for each kind of outcome.
fn every_kind(client: &Client) -> Vec<UpdateOpportunity> {
    let update = |uuid: &str| client.opportunities().update(uuid);
    vec![
        update(&uuid(0)).amount_in_cents(0),
        update(&uuid(1)).amount_in_cents(1),
        update(&uuid(2)).amount_in_cents(2),
        update(&uuid(3)).amount_in_cents(3),
        update(GONE).amount_in_cents(4),
        update(&uuid(1)).win_likelihood(101),
        update("..").amount_in_cents(6),
        update(&uuid(5)).estimated_close_date("soon"),
        update(&uuid(4)),
    ]
}

#[tokio::test]
async fn each_update_has_its_outcome() {
    let fake = fake(6);
    let folder = tempfile::tempdir().unwrap();
    let client = Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .limiter(Unlimited)
        .retry(Retry::default().max_attempts(2).backoff(Duration::ZERO, Duration::ZERO))
        .build()
        .unwrap();
    // The responses to the first three updates, in order.
    fake.respond_next(Canned::new(304));
    let problem = r#"{"errors":{"amount_in_cents":"is what the server refuses"}}"#;
    fake.respond_next(Canned::new(422).json(problem));
    fake.respond_next(Canned::new(502).text("upstream is down"));
    fake.respond_next(Canned::new(502).text("upstream is down"));
    let run = || {
        let bulk = Bulk::new(every_kind(&client)).concurrency(1).in_order();
        bulk.journal(folder.path().join("journal")).start()
    };
    let (done, report) = all(run().await.unwrap()).await;
    let times = [
        (r"20\d\d-\S+Z, [\d.]+[mµn]?s", "[time]"),
        (r"attempts in [\d.]+[mµn]?s", "attempts in [time]"),
    ];
    insta::with_settings!({ filters => times }, {
        snapshot::check("bulk", "every_kind", &shown(&done, &report));
    });

    // Outcomes from the journal are the same, without a request. Only updates that were given up are sent again.
    let requests = fake.requests().len();
    let (again, report) = all(run().await.unwrap()).await;
    assert_eq!(
        (report.updated, report.given_up, fake.requests().len()),
        (2, 0, requests + 1)
    );
    for (done, again) in done.iter().zip(&again).filter(|(done, _)| done.index != 2) {
        let shown = |done: &Completed<Opportunity>| shown(std::slice::from_ref(done), &report);
        assert!(again.earlier && shown(again) == shown(done), "{again:?}");
    }
}

fn shown(done: &[Completed<Opportunity>], report: &Report) -> String {
    let mut text = String::new();
    for done in done {
        text += &format!("{} {}: ", done.index, done.id);
        text += &match &done.outcome {
            Outcome::Updated(object) => {
                format!("updated: {}\n", object.amount_in_cents)
            }
            other => {
                let kind = format!("{other:?}");
                let kind = kind.split(['(', ' ']).next().unwrap().to_owned();
                match other.error() {
                    None => format!("{kind}\n"),
                    Some(error) => {
                        let mut text = format!("{kind}: {error}\n");
                        if let Some(status) = error.status() {
                            text += &format!(
                                "    status {status}, may have happened: {}\n",
                                error.may_have_happened()
                            );
                        }
                        for problem in error.problems() {
                            text += &format!("    problem with {}: {}\n", problem.field, problem.message);
                        }
                        for attempt in error.attempts() {
                            text += &format!("    attempt: {attempt}\n");
                        }
                        text
                    }
                }
            }
        };
    }
    text + &format!("{report}\n")
}

#[tokio::test]
async fn a_wrong_key_stops_the_run_and_the_right_one_continues_it() {
    let fake = fake(100);
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let run = async |client: &Client| {
        let client = client.clone();
        let updates = (0..100).map(move |number| client.opportunities().update(uuid(number)).amount_in_cents(5));
        all(Bulk::new(updates)
            .concurrency(3)
            .journal(&journal)
            .start()
            .await
            .unwrap())
        .await
    };
    let stranger = Client::builder()
        .api_key("not-the-key-of-this-fake-0123456")
        .base_url(fake.url())
        .build()
        .unwrap();
    let (_, report) = run(&stranger).await;
    assert_eq!((report.updates, report.stopped), (100, Some(Stopped::KeyRefused)));
    assert!(
        (1..=3).contains(&report.rejected) && report.rejected + report.not_sent == 100,
        "{report}"
    );
    let (done, report) = run(&client_for(&fake)).await;
    assert_eq!((report.updated, report.updates, report.stopped), (100, 100, None));
    assert!(done.iter().all(|done| !done.earlier));
}

#[tokio::test]
async fn errors_of_a_run_that_was_stopped_do_not_stop_the_next_one() {
    let fake = fake(20);
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let run = async || {
        let client = client_for(&fake);
        let updates = (0..20).map(move |number| {
            let uuid = if number % 10 == 5 {
                GONE.to_owned()
            } else {
                uuid(number)
            };
            client.opportunities().update(uuid).amount_in_cents(5)
        });
        let bulk = Bulk::new(updates).concurrency(1).stop_after_errors(1).journal(&journal);
        all(bulk.start().await.unwrap()).await.1
    };
    let first = run().await;
    assert_eq!(
        (first.updated, first.rejected, first.stopped),
        (5, 1, Some(Stopped::Errors))
    );
    let second = run().await;
    assert_eq!(
        (second.updated, second.rejected, second.stopped),
        (14, 2, Some(Stopped::Errors))
    );
    let third = run().await;
    assert_eq!((third.updated, third.rejected, third.stopped), (18, 2, None));
    assert_eq!(fake.requests().len(), 20);
}

#[tokio::test]
async fn a_dry_run_reads_and_says_what_would_change() {
    let fake = fake(3);
    let mut deal = opportunity(&uuid(0));
    deal["custom"] = json!({ "seats": 4, "vip": true });
    deal["amount_in_cents"] = json!(100);
    deal["estimated_close_date"] = json!("2026-03-31");
    fake.collection("opportunities").insert(deal.clone()).unwrap();
    let client = client_for(&fake);
    let update = |uuid: &str| client.opportunities().update(uuid);
    let updates = || {
        vec![
            update(&uuid(0))
                .amount_in_cents(200)
                .estimated_close_date("2026-03-31")
                .replace_all_custom([("seats", 5)]),
            update(&uuid(0)).estimated_close_date("2026-03-31"),
            update(&uuid(0)).remove_all_custom(),
            update(GONE).amount_in_cents(1),
            update(&uuid(1)).win_likelihood(101),
        ]
    };
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let bulk = Bulk::new(updates()).in_order().journal(&journal);
    let (done, report) = all(bulk.dry_run().await.unwrap()).await;
    let mut text = String::new();
    for done in &done {
        text += &format!("{} {}: ", done.index, done.id);
        text += &match &done.outcome {
            Outcome::Updated(preview) => format!("{}\n", serde_json::to_string_pretty(preview).unwrap()),
            other => format!(
                "{}\n",
                other.error().map_or("not modified".to_owned(), ToString::to_string)
            ),
        };
    }
    snapshot::check("bulk", "dry_run", &format!("{text}{report}\n"));
    assert!(fake.requests().iter().all(|request| request.method == "GET"));
    assert_eq!(fake.collection("opportunities").get(&uuid(0)), Some(deal));
    assert!(!Path::new(&journal).exists());

    // A real run can skip updates that change nothing.
    let report = all(Bulk::new(updates()).skip_unchanged().start().await.unwrap())
        .await
        .1;
    assert_eq!(
        (report.updated, report.not_modified, report.rejected, report.not_sent),
        (2, 1, 1, 1)
    );
    let writes = fake
        .requests()
        .into_iter()
        .filter(|request| request.method != "GET")
        .count();
    assert_eq!(
        writes, 3,
        "that there is no such opportunity is for the update to be told"
    );
}

/// A dry run sends no update, so a failure does not hold back later updates.
#[tokio::test]
async fn a_dry_run_holds_nothing_back() {
    let fake = fake(1);
    let client = Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .retry(Retry::never());
    let opportunities = client.build().unwrap().opportunities();
    fake.respond_next(Canned::new(502));
    let updates = (0..2).map(move |amount| opportunities.update(uuid(0)).amount_in_cents(amount));
    let report = all(Bulk::new(updates).dry_run().await.unwrap()).await.1;
    assert_eq!((report.not_sent, report.updated), (1, 1), "{report}");
}

fn hasty(fake: &Fake, rate: u32) -> Client {
    Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .rate_limit(rate)
        .call_timeout(Duration::from_millis(300))
        .build()
        .unwrap()
}

/// In a run, time spent waiting for the limiter does not count as time of the call.
#[tokio::test]
async fn waiting_for_a_send_slot_takes_no_time_of_the_call() {
    let fake = fake(8);
    let opportunities = hasty(&fake, 5).opportunities();
    let updates = (0..8).map(move |number| opportunities.update(uuid(number)).amount_in_cents(5));
    assert_eq!(
        Bulk::new(updates)
            .start()
            .await
            .unwrap()
            .finish()
            .await
            .unwrap()
            .updated,
        8
    );
}

#[tokio::test]
async fn a_deadline_does_not_give_a_call_more_time() {
    let fake = fake(1);
    fake.respond_next(Canned::new(200).after(Duration::from_secs(60)));
    let update = hasty(&fake, 40).opportunities().update(uuid(0)).amount_in_cents(5);
    let run = Bulk::new([update])
        .deadline(Duration::from_secs(3_600))
        .start()
        .await
        .unwrap();
    let (done, report) = all(run).await;
    assert_eq!((report.given_up, report.stopped), (1, None));
    let error = done[0].outcome.error().unwrap();
    assert_eq!(
        error.to_string(),
        "update_opportunity: no response within the call timeout of 300ms"
    );
}

/// An update that is interrupted by the end of a run has not failed: the next run sends it.
#[tokio::test]
async fn an_update_in_flight_at_the_deadline_is_sent_by_the_next_run() {
    let fake = fake(1);
    let folder = tempfile::tempdir().unwrap();
    let bulk = || {
        let update = client_for(&fake).opportunities().update(uuid(0)).amount_in_cents(5);
        Bulk::new([update]).journal(folder.path().join("journal"))
    };
    fake.respond_next(Canned::new(200).after(Duration::from_secs(60)));
    let (done, report) = all(bulk().deadline(Duration::from_millis(200)).start().await.unwrap()).await;
    assert_eq!((report.given_up, report.stopped), (1, Some(Stopped::Deadline)));
    let error = done[0].outcome.error().unwrap();
    assert!(
        error.may_have_happened() && error.to_string().contains("no response within the call timeout of 1"),
        "{error}"
    );
    let (done, report) = all(bulk().start().await.unwrap()).await;
    assert_eq!((report.updated, report.repeats, done[0].earlier), (1, 1, false));
}

/// After an outage, the next run sends the updates that were given up, and those behind them.
#[tokio::test]
async fn an_outage_makes_no_update_final() {
    let server = fake(40);
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let run = async |client: Client| {
        let updates = (0..1_000usize).map(move |number| {
            let update = client.opportunities().update(uuid(number % 40));
            update.amount_in_cents(i64::try_from(number).unwrap())
        });
        let bulk = Bulk::new(updates).concurrency(8).journal(&journal).fsync(false);
        all(bulk.start().await.unwrap()).await
    };
    for _ in 0..3 {
        for _ in 0..500 {
            server.respond_next(Canned::new(504).text("504 Gateway Timeout Error"));
        }
        let (done, report) = run(client_for(&server)).await;
        assert_eq!(
            (report.given_up, report.not_sent, report.stopped),
            (40, 960, None),
            "{report}"
        );
        for done in done {
            match done.outcome {
                Outcome::GivenUp(_) => assert!(done.index < 40),
                Outcome::NotSent(NotSent::Behind(first)) => assert_eq!(first, done.index % 40),
                other => panic!("{other:?}"),
            }
        }
        server.respond_as_usual();
    }
    let (_, report) = run(client_for(&server)).await;
    assert_eq!((report.updated, report.repeats), (1_000, 3 * 40), "{report}");
    for number in 960..1_000 {
        let deal = server.collection("opportunities").get(&uuid(number % 40)).unwrap();
        assert_eq!(deal["amount_in_cents"], number, "the last one counts");
    }
}

#[tokio::test]
async fn a_hundred_failures_in_a_row_have_one_reason() {
    let fake = fake(1);
    let run = async |bulk: fn(Bulk<UpdateOpportunity>) -> Bulk<UpdateOpportunity>| {
        let opportunities = client_for(&fake).opportunities();
        let updates = (0..400).map(move |number| {
            let uuid = if number == 50 { uuid(0) } else { GONE.to_owned() };
            opportunities.update(uuid).amount_in_cents(number)
        });
        all(bulk(Bulk::new(updates)).start().await.unwrap()).await.1
    };
    let report = run(|bulk| bulk).await;
    assert_eq!((report.updated, report.stopped), (1, Some(Stopped::Errors)));
    assert!(report.rejected >= 100 && report.rejected < 190, "{report}");
    let report = run(Bulk::ignore_consecutive_errors).await;
    assert_eq!((report.rejected, report.not_modified, report.stopped), (399, 1, None));
}

/// Other calls of the client do not wait for the whole run.
#[tokio::test]
async fn other_calls_of_the_client_do_not_wait_for_the_run() {
    let fake = fake(1_000);
    let client = Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .rate_limit(100)
        .build()
        .unwrap();
    let (opportunities, other) = (client.opportunities(), client.clone());
    let updates = (0..1_000).map(move |number| opportunities.update(uuid(number)).amount_in_cents(5));
    let mut run = Bulk::new(updates).start().await.unwrap();
    for _ in 0..20 {
        run.try_next().await.unwrap();
    }
    other.opportunities().get(uuid(0)).send().await.unwrap();
    let at = fake
        .requests()
        .iter()
        .position(|request| request.method == "GET")
        .unwrap();
    // Updates that were sent, updates in the queue, and a few that were sent meanwhile.
    assert!(at < 20 + 256 + 64, "{at}");
    drop(run);
}

#[tokio::test]
async fn progress_is_available_during_and_after_a_run() {
    let fake = fake(50);
    let client = client_for(&fake);
    let updates: Vec<_> = (0..50)
        .map(|number| {
            client
                .opportunities()
                .update(if number == 7 { GONE.to_owned() } else { uuid(number) })
                .amount_in_cents(5)
        })
        .collect();
    let run = Bulk::new(updates).start().await.unwrap();
    let progress = run.progress();
    assert_eq!(progress.snapshot().total, Some(50));
    let report = run.finish().await.unwrap();
    let snapshot = progress.snapshot();
    assert_eq!((snapshot.done, snapshot.failed, snapshot.in_flight), (50, 1, 0));
    assert_eq!((report.updated, report.rejected), (49, 1));
    assert_eq!(snapshot.remaining, Some(Duration::ZERO));
}

#[tokio::test]
async fn failures_can_be_matched() {
    let fake = fake(0);
    let update = client_for(&fake).opportunities().update(UUID).amount_in_cents(1);
    let (done, _) = all(Bulk::new([update]).start().await.unwrap()).await;
    let Outcome::Rejected(error) = &done[0].outcome else {
        panic!()
    };
    assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
    assert!(matches!(error.error(), Some(Error::NotFound(_))));
    let update = client_for(&fake).opportunities().update(UUID);
    let (done, _) = all(Bulk::new([update]).start().await.unwrap()).await;
    let Outcome::NotSent(NotSent::Failed(error)) = &done[0].outcome else {
        panic!()
    };
    assert!(matches!(error.error(), Some(Error::InvalidInput(_))));
}
