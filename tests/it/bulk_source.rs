//! Sources of bulk runs that block, or never end.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

use chartmogul::{
    Client,
    bulk::{Bulk, Report, Stopped},
    opportunities::UpdateOpportunity,
};
use chartmogul_fake::Fake;
use chartmogul_tests::{UUID, client_for, opportunity};
use tokio::sync::oneshot;

/// Far longer than any of these tests takes, unless it hangs.
const HUNG: Duration = Duration::from_secs(120);

fn scene() -> (Fake, Client) {
    let fake = Fake::start().unwrap();
    fake.collection("opportunities").insert(opportunity(UUID)).unwrap();
    let client = client_for(&fake);
    (fake, client)
}

/// Updates for numbers from a channel that blocks, like standard input.
fn blocking(client: &Client) -> (Sender<i64>, impl Iterator<Item = UpdateOpportunity> + Send + use<>) {
    let (give, take): (_, Receiver<i64>) = channel();
    let opportunities = client.opportunities();
    let updates = take.into_iter();
    (
        give,
        updates.map(move |amount| opportunities.update(UUID).amount_in_cents(amount)),
    )
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(HUNG, what).await.expect("to come to an end")
}

/// While its source blocks, the run sends the updates that are available, notices the stop, and ends.
async fn while_it_blocks(stops: bool) {
    let (fake, client) = scene();
    let (give, updates) = blocking(&client);
    (0..3).for_each(|amount| give.send(amount).unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let bulk = Bulk::new(updates);
    let bulk = if stops {
        bulk.stop_when(async {
            let _ = stopped.await;
        })
    } else {
        bulk.deadline(Duration::from_secs(2))
    };
    let mut run = bulk.start().await.unwrap();
    for _ in 0..3 {
        soon(run.try_next()).await.unwrap().unwrap();
    }
    assert_eq!(fake.requests().len(), 3);
    if stops {
        drop(stop);
    }
    let report = soon(run.finish()).await.unwrap();
    let why = if stops { Stopped::Requested } else { Stopped::Deadline };
    assert_eq!((report.updated, report.stopped), (3, Some(why)));
    drop(give); // it has blocked until now
}

#[tokio::test]
async fn a_source_that_blocks_blocks_nothing_else() {
    while_it_blocks(true).await;
    while_it_blocks(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_blocks_blocks_nothing_else_on_many_threads() {
    while_it_blocks(true).await;
    while_it_blocks(false).await;
}

/// Nor does a runtime wait for the source when it shuts down.
#[test]
fn a_runtime_can_end_while_a_source_blocks() {
    let (ended, end) = channel();
    let (_give, give_it_back) = channel::<Sender<i64>>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let give = runtime.block_on(async {
            let (_fake, client) = scene();
            let (give, updates) = blocking(&client);
            let mut run = Bulk::new(updates).start().await.unwrap();
            give.send(1).unwrap();
            soon(run.try_next()).await.unwrap().unwrap();
            give
        });
        drop(runtime);
        ended.send(give).unwrap();
    });
    drop(give_it_back);
    assert!(end.recv_timeout(HUNG).is_ok(), "the runtime waits for the source");
}

#[tokio::test]
async fn an_endless_source_does_not_keep_a_run_alive() {
    let (_fake, client) = scene();
    for is_stream in [false, true] {
        let opportunities = client.opportunities();
        let updates = (0..).map(move |amount| opportunities.update(UUID).amount_in_cents(amount));
        let bulk = if is_stream {
            Bulk::stream(futures_util::stream::iter(updates))
        } else {
            Bulk::new(updates)
        };
        let run = bulk.deadline(Duration::from_millis(100)).start().await.unwrap();
        let report: Report = soon(run.finish()).await.unwrap();
        assert_eq!(report.stopped, Some(Stopped::Deadline));
        assert!(report.updates <= report.updated + 65_536 + 8_192, "{report}");
    }
}

#[tokio::test]
async fn an_iterator_that_fails_or_panics_ends_the_run_with_what_came_before() {
    let (_fake, client) = scene();
    let update = |amount| client.opportunities().update(UUID).amount_in_cents(amount);
    let updates = vec![Ok(update(1)), Ok(update(2)), Err("line 3: no date"), Ok(update(4))];
    let panics = [update(1), update(2)]
        .into_iter()
        .chain(std::iter::from_fn(|| panic!("a bug")));
    for (bulk, cause) in [
        (Bulk::try_new(updates), "line 3: no date"),
        (Bulk::new(panics), "it panicked"),
    ] {
        let mut run = bulk.start().await.unwrap();
        for _ in 0..2 {
            soon(run.try_next()).await.unwrap().unwrap();
        }
        let error = soon(run.try_next()).await.unwrap_err();
        assert_eq!(error.to_string(), "the source of the updates failed after 2 of them");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), cause);
    }
}

/// A run does not read its iterator to the end in advance, and drops it with itself.
#[tokio::test]
async fn an_iterator_is_read_as_needed_and_dropped_with_the_run() {
    let (_fake, client) = scene();
    let opportunities = client.opportunities();
    let alive = std::sync::Arc::new(());
    let held = std::sync::Arc::clone(&alive);
    let updates = (0..).map(move |amount| {
        let _ = &held;
        opportunities.update(UUID).amount_in_cents(amount)
    });
    let mut run = Bulk::new(updates).start().await.unwrap();
    soon(run.try_next()).await.unwrap().unwrap();
    drop(run);
    soon(async {
        while std::sync::Arc::strong_count(&alive) > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
