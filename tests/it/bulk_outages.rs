//! Problems of a run or of the server never make an update final.

use std::{collections::BTreeSet, path::Path, time::Duration};

use chartmogul::{
    Client, Retry, Unlimited,
    bulk::{Bulk, Completed, Outcome, Report, Stopped},
    opportunities::UpdateOpportunity,
};
use chartmogul_fake::{Canned, Fake};
use chartmogul_tests::{
    bulk::{client, uuid},
    ledger::{Ledger, Reply},
    opportunity,
};

/// Statuses that are about the update itself. All others leave it open.
const VERDICTS: &[u16] = &[400, 404, 409, 410, 413, 422];

fn bulk(client: &Client, count: u64, journal: &Path) -> Bulk<UpdateOpportunity> {
    let opportunities = client.opportunities();
    let updates = (0..count).map(move |index| {
        let amount = i64::try_from(index).unwrap();
        opportunities.update(uuid(index)).amount_in_cents(amount)
    });
    Bulk::new(updates)
        .journal(journal)
        .fsync(false)
        .ignore_consecutive_errors()
}

async fn all(bulk: Bulk<UpdateOpportunity>) -> (Vec<Completed<chartmogul::opportunities::Opportunity>>, Report) {
    let mut run = bulk.start().await.unwrap();
    let mut all = Vec::new();
    while let Some(done) = run.try_next().await.unwrap() {
        all.push(done);
    }
    all.sort_by_key(|done| done.index);
    (all, run.report())
}

#[tokio::test]
async fn only_a_verdict_about_the_update_is_final() {
    const COUNT: u64 = 8;
    let folder = tempfile::tempdir().unwrap();
    let statuses = (300..=303).chain(305..=308).chain(400..=431).chain([451, 499]);
    let statuses = statuses.chain(500..=511).chain(520..=530).chain([598, 599, 600, 999]);
    let mut final_ones = BTreeSet::new();
    for status in statuses {
        for skip_unchanged in [false, true] {
            let ledger = Ledger::start(0..0, 0, |_, _| Reply::Apply).await;
            let client = client(&ledger.url(), Retry::never());
            let journal = folder.path().join(format!("{status}-{skip_unchanged}"));
            let bulk = || match bulk(&client, COUNT, &journal) {
                bulk if skip_unchanged => bulk.skip_unchanged(),
                bulk => bulk,
            };
            ledger.outage(Some(Reply::Refuse(status)));
            let (_, first) = all(bulk()).await;
            assert_eq!((first.updates, first.updated), (COUNT, 0), "{status}: {first}");
            ledger.outage(None);
            let (_, second) = all(bulk()).await;
            if second.rejected == COUNT {
                final_ones.insert(status);
            } else {
                assert_eq!(second.updated, COUNT, "{status}, {skip_unchanged}: {second}");
            }
        }
    }
    assert_eq!(final_ones, VERDICTS.iter().copied().collect());
}

/// Either the call or the engine notices the deadline first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_loses_no_update() {
    const COUNT: u64 = 200;
    let ledger = Ledger::start(0..4, 0, |_, _| Reply::Apply).await;
    let folder = tempfile::tempdir().unwrap();
    for round in 0..40 {
        let client = Client::builder().api_key("fake-api-key").base_url(ledger.url());
        let client = match round % 2 {
            0 => client.rate_limit(2_000),
            _ => client.limiter(Unlimited),
        };
        let client = client.build().unwrap();
        let journal = folder.path().join(round.to_string());
        let bulk = || match bulk(&client, COUNT, &journal) {
            bulk if round % 4 < 2 => bulk.skip_unchanged(),
            bulk => bulk,
        };
        let (_, first) = all(bulk().deadline(Duration::from_millis(5 + round))).await;
        assert!(matches!(first.stopped, None | Some(Stopped::Deadline)), "{first}");
        let (_, second) = all(bulk()).await;
        assert_eq!(
            (second.updated + second.not_modified, second.stopped),
            (COUNT, None),
            "{first}, then {second}"
        );
    }
}

/// Later runs know what earlier ones knew about an update.
#[tokio::test]
async fn whether_an_update_may_have_happened_is_known_over_all_runs() {
    for (status, is_refused) in [(429, false), (422, true), (401, true)] {
        let ledger = Ledger::start(0..0, 0, |_, _| Reply::Apply).await;
        let client = client(&ledger.url(), Retry::never());
        let folder = tempfile::tempdir().unwrap();
        let bulk = || bulk(&client, 1, &folder.path().join("journal"));
        ledger.hold(true);
        let run = bulk().start().await.unwrap();
        while ledger.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(run); // the request has arrived, and the response is lost
        ledger.hold(false);
        ledger.outage(Some(Reply::Refuse(status)));
        for stop_at_once in [false, true] {
            let bulk = if stop_at_once {
                bulk().stop_when(std::future::ready(()))
            } else {
                bulk()
            };
            let (done, report) = all(bulk).await;
            let error = done[0].outcome.error().unwrap();
            assert!(error.may_have_happened(), "{status}: {report}");
            if !stop_at_once {
                assert_eq!(
                    matches!(done[0].outcome, Outcome::Rejected(_)),
                    is_refused,
                    "{status}: {report}"
                );
            }
        }
    }
}

/// An update that was rejected only temporarily, and certainly not made, has not happened.
#[tokio::test]
async fn an_update_that_was_certainly_not_made_has_not_happened() {
    let ledger = Ledger::start(0..0, 0, |_, _| Reply::Apply).await;
    let client = client(&ledger.url(), Retry::never());
    let folder = tempfile::tempdir().unwrap();
    for status in [429, 503, 302, 401] {
        let bulk = || bulk(&client, 1, &folder.path().join(status.to_string()));
        ledger.outage(Some(Reply::Refuse(status)));
        all(bulk()).await;
        let (done, _) = all(bulk().stop_when(std::future::ready(()))).await;
        let error = done[0].outcome.error().unwrap();
        assert!(
            matches!(done[0].outcome, Outcome::GivenUp(_)) && !error.may_have_happened(),
            "{status}"
        );
    }
}

/// The server asks for a wait beyond the run's deadline: that is not a failure of the update, and known before the deadline.
#[tokio::test]
async fn a_wait_beyond_the_deadline_stops_the_run() {
    let fake = Fake::start().unwrap();
    fake.collection("opportunities").insert(opportunity(&uuid(0))).unwrap();
    fake.respond_next(Canned::new(429).header("retry-after", "3000"));
    let client = Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .limiter(Unlimited);
    let client = client.build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bulk = || bulk(&client, 1, &folder.path().join("journal")).stop_after_errors(1);
    let (done, report) = all(bulk().deadline(Duration::from_secs(60))).await;
    assert_eq!(
        (report.given_up, report.stopped),
        (1, Some(Stopped::Deadline)),
        "{report}"
    );
    let error = done[0].outcome.error().unwrap().to_string();
    assert!(
        error.ends_with("(gave up: the run was stopped, or has no time left)"),
        "{error}"
    );
    let (_, report) = all(bulk()).await;
    assert_eq!(
        (report.updated, report.repeats, report.stopped),
        (1, 1, None),
        "{report}"
    );
}
