//! Limits in typical programs: a call that is not polled never delays one that is.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use chartmogul::{Client, Error, Retry, StopReason, bulk::Bulk};
use chartmogul_fake::{Canned, Fake};
use chartmogul_tests::{UUID, opportunity, tls::Authority};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    time::{interval, timeout},
};

const DEALS: usize = 60;
/// At least ten times as long as any of the programs takes, unless it hangs.
const LONG: Duration = Duration::from_secs(60);

fn uuid(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

/// A fake with some opportunities, and a client that soon has to wait for permits and send slots.
fn start() -> (Fake, Client) {
    start_with(DEALS, 100)
}

fn start_with(deals: usize, rate: u32) -> (Fake, Client) {
    let fake = Fake::start().unwrap();
    for number in 0..deals {
        fake.collection("opportunities")
            .insert(opportunity(&uuid(number)))
            .unwrap();
    }
    let client = Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .rate_limit(rate)
        .max_in_flight(5)
        .build()
        .unwrap();
    (fake, client)
}

/// Runs a program on both kinds of runtime, without spawning it, so that all its futures share a task.
fn on_both_runtimes<F: Future<Output = ()>>(program: impl Fn() -> F) {
    let run = |runtime: Runtime| {
        let result = runtime.block_on(async { timeout(LONG, program()).await });
        result.expect("the program stands still");
    };
    run(Builder::new_current_thread().enable_all().build().unwrap());
    run(Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap());
}

#[test]
fn a_call_beside_buffered_ones() {
    for buffered in [3, 5, 12] {
        on_both_runtimes(|| async {
            let (fake, client) = start();
            let deals = client.opportunities();
            let mut reads = stream::iter(0..DEALS)
                .map(|number| deals.get(uuid(number)).send())
                .buffer_unordered(buffered);
            while let Some(deal) = reads.next().await {
                let uuid = deal.unwrap().uuid.to_string();
                deals.update(uuid).amount_in_cents(1).send().await.unwrap();
            }
            assert_eq!(fake.requests().len(), 2 * DEALS);
        });
    }
}

#[test]
fn a_call_beside_a_list() {
    on_both_runtimes(|| async {
        let (_fake, client) = start();
        let mut items = client.opportunities().list().per_page(1).items();
        let mut timer = interval(Duration::from_millis(2));
        let mut count = 0;
        loop {
            tokio::select! {
                item = items.try_next() => match item.unwrap() {
                    Some(_) => count += 1,
                    None => break,
                },
                _ = timer.tick() => {
                    client.opportunities().get(uuid(count % DEALS)).send().await.unwrap();
                }
            }
        }
        assert_eq!(count, DEALS);
    });
}

/// A run stops polling its source when too many outcomes wait to be taken.
#[test]
fn a_call_for_each_outcome_of_a_run_over_a_list() {
    const DEALS: usize = 900;
    on_both_runtimes(|| async {
        let (fake, client) = start_with(DEALS, 400);
        let updater = client.clone();
        let updates = client.opportunities().list().per_page(4).items().map_ok(move |deal| {
            let uuid = deal.uuid.to_string();
            updater.opportunities().update(uuid).amount_in_cents(1)
        });
        let mut run = Bulk::try_stream(updates).start().await.unwrap();
        let mut updated = 0;
        while let Some(done) = run.try_next().await.unwrap() {
            client.opportunities().get(done.id).send().await.unwrap();
            updated += 1;
        }
        assert_eq!((updated, fake.requests().len()), (DEALS, 2 * DEALS + DEALS / 4));
    });
}

/// Calls that are not polled hold all permits, and more such calls wait for one.
#[test]
fn a_call_behind_calls_that_are_not_polled() {
    on_both_runtimes(|| async {
        let (_fake, client) = start();
        let deals = client.opportunities();
        // Connects, so that a call that is polled once below is sent.
        let warm = (0..5).map(|number| deals.get(uuid(number)).send());
        futures_util::future::try_join_all(warm).await.unwrap();
        let mut alive = Vec::new();
        for number in 0..20 {
            let mut call = Box::pin(deals.get(uuid(number)).send());
            // Once; a few may have ended by then.
            if poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_pending())).await {
                alive.push(call);
            }
        }
        for number in 20..30 {
            deals.get(uuid(number)).send().await.unwrap();
        }
        for call in alive {
            call.await.unwrap();
        }
    });
}

/// A request that waits for its connection may arrive at any time, so no more are started than may arrive at once.
#[tokio::test]
async fn requests_that_are_not_sent_yet_count() {
    const RATE: usize = 4;
    let authority = Authority::new("Root for tests");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let client = Client::builder()
        .api_key("key")
        .base_url(format!("https://localhost:{}", listener.local_addr().unwrap().port()))
        .root_certificate(authority.pem())
        .rate_limit(RATE.try_into().unwrap())
        .retry(Retry::never())
        .build()
        .unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            open.push(listener.accept().await.unwrap()); // without a TLS handshake
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let calls = (0..20).map(|_| client.opportunities().get(UUID).send());
    let mut calls = pin!(futures_util::future::join_all(calls));
    assert!(timeout(Duration::from_secs(3), &mut calls).await.is_err());
    assert_eq!(connections.load(Ordering::SeqCst), RATE);
}

/// For example, because it sends a Unix time instead of seconds.
#[tokio::test]
async fn a_server_that_asks_for_years_gets_no_request_for_an_hour() {
    let (fake, client) = start();
    let read = || client.opportunities().get(uuid(0));
    fake.respond_next(Canned::new(429).header("retry-after", "1774969200"));
    let error = read().send().await.unwrap_err();
    assert_eq!(
        error.stop_reason(),
        Some(&StopReason::RetryAfter(Duration::from_secs(3600)))
    );
    let error = read()
        .with_call_timeout(Duration::from_millis(100))
        .send()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert!(error.to_string().contains("waiting for the rate limit"), "{error}");
    assert_eq!(fake.requests().len(), 1);
}
