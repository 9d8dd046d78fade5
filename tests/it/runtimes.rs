//! Runtimes: none, one that lacks timers or IO, several, and one that is blocked.

use std::{
    error::Error as _,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use chartmogul::{
    Client, Error, Limiter as _, Method, RateLimiter, Retry, Unlimited,
    bulk::{self, Bulk},
};
use chartmogul_fake::Fake;
use chartmogul_tests::{UUID, opportunity};
use futures_util::StreamExt as _;
use tokio::runtime::{Builder, Runtime};

fn client(url: &str) -> Client {
    Client::builder()
        .api_key("fake-api-key")
        .base_url(url)
        .limiter(Unlimited)
        .attempt_timeout(Duration::from_secs(5))
        .retry(Retry::never())
        .build()
        .unwrap()
}

fn server() -> Fake {
    let fake = Fake::start().unwrap();
    fake.collection("opportunities").insert(opportunity(UUID)).unwrap();
    fake
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

type Told = Pin<Box<dyn Future<Output = String>>>;

/// The text of an error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}

fn told<T, E: std::error::Error>(result: Result<T, E>) -> String {
    result.map_or_else(|error| chain(&error), |_| "success".to_owned())
}

/// Everything of the public API that needs a runtime.
fn entries() -> Vec<(&'static str, Told)> {
    let client = client("http://127.0.0.1:1");
    let deals = client.opportunities();
    let updates = || Bulk::new([client.opportunities().update(UUID).amount_in_cents(1)]);
    let request = client.low_level().request(Method::POST, "/v1/things");
    let merge = deals.update(UUID).merge_custom().set("seats", 4);
    let (mut list, mut early) = (deals.list().items(), deals.list().items().prefetch());
    let (bulk, dry) = (updates(), updates());
    let limited = updates().deadline(Duration::from_secs(1));
    // A limiter needs timers when it waits.
    let slow = Client::builder()
        .api_key("key")
        .base_url("http://127.0.0.1:1")
        .rate_limit(1)
        .build()
        .unwrap();
    let get = deals.get(UUID).send();
    vec![
        ("call", Box::pin(async { told(get.await) })),
        (
            "calls that wait",
            Box::pin(async move {
                let _ = slow.opportunities().get(UUID).send().await;
                told(slow.opportunities().get(UUID).send().await)
            }),
        ),
        ("request", Box::pin(async { told(request.send_any().await) })),
        ("merge", Box::pin(async { told(merge.send().await) })),
        ("items", Box::pin(async move { told(list.try_next().await) })),
        ("prefetch", Box::pin(async move { told(early.next().await.unwrap()) })),
        ("bulk", Box::pin(async { told(bulk.start().await) })),
        ("bulk with a deadline", Box::pin(async { told(limited.start().await) })),
        ("dry run", Box::pin(async { told(dry.dry_run().await) })),
    ]
}

#[test]
fn a_missing_runtime_is_an_error_and_not_a_panic() {
    let all = |run: &dyn Fn(Told) -> String, needed: &str| {
        for (entry, told) in entries() {
            let told = run(told);
            assert!(told.contains(needed), "{entry}: {told}");
        }
    };
    let outside = |told: Told| match pin!(told).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(told) => told,
        Poll::Pending => "waits for a runtime".to_owned(),
    };
    all(
        &outside,
        "no tokio runtime: await this inside one that is built with `enable_all`",
    );
    let without_timers = Builder::new_current_thread().enable_io().build().unwrap();
    all(
        &|told| without_timers.block_on(told),
        "no timers: build it with `enable_all`",
    );
    let without_io = Builder::new_current_thread().enable_time().build().unwrap();
    all(&|told| without_io.block_on(told), "no IO: build it with `enable_all`");
}

/// A limiter needs a runtime only when it waits.
#[test]
fn a_limiter_that_has_to_wait_says_what_it_needs() {
    let limiter = RateLimiter::new(1, 1);
    let context = &mut Context::from_waker(Waker::noop());
    let Poll::Ready(Ok(_permit)) = limiter.acquire().as_mut().poll(context) else {
        panic!("there is a permit");
    };
    assert!(matches!(limiter.ready().as_mut().poll(context), Poll::Ready(Ok(()))));
    for told in [
        limiter.acquire().as_mut().poll(context).map(|permit| permit.map(drop)),
        limiter.ready().as_mut().poll(context),
    ] {
        let Poll::Ready(Err(error)) = told else {
            panic!("{told:?}");
        };
        assert!(error.to_string().starts_with("no tokio runtime"), "{error}");
    }
}

#[test]
fn an_error_about_the_runtime_is_internal() {
    let client = client("http://127.0.0.1:1");
    let mut call = pin!(client.opportunities().get(UUID).send());
    let Poll::Ready(Err(error)) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("no error");
    };
    assert!(matches!(error, Error::Internal { .. }), "{error:?}");
    assert!(!error.may_have_happened());

    let update = client.opportunities().update(UUID).amount_in_cents(1);
    let mut start = pin!(Bulk::new([update]).start());
    let Poll::Ready(Err(error)) = start.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("no error");
    };
    assert!(
        matches!(error, bulk::Error::NoRuntime { .. }) && error.source().is_some(),
        "{error:?}"
    );
}

#[test]
fn a_call_created_outside_can_be_awaited_inside() {
    let fake = server();
    let client = client(&fake.url());
    let get = client.opportunities().get(UUID).send();
    let update = client.opportunities().update(UUID).amount_in_cents(1);
    let run = Bulk::new([update]).deadline(Duration::from_secs(60)).start();
    let runtime = current_thread();
    runtime.block_on(get).unwrap();
    let report = runtime.block_on(async { run.await.unwrap().finish().await }).unwrap();
    assert_eq!(report.updated, 1);
}

async fn create(client: &Client) {
    let request = client.low_level().request(Method::POST, "/v1/opportunities");
    // The fake rejects it; the request only has to arrive.
    let error = request.send_any().await.unwrap_err();
    assert!(matches!(error, Error::Rejected(_)), "{error:?}");
}

/// A connection of one runtime can't be used in another: it is not read while its own runtime does not run.
#[test]
fn one_client_works_in_several_runtimes() {
    let fake = server();
    let client = client(&fake.url());
    let (one, other) = (current_thread(), current_thread());
    for _ in 0..3 {
        one.block_on(create(&client));
        other.block_on(create(&client));
    }
    drop(one); // with its connections
    other.block_on(create(&client));
    current_thread().block_on(create(&client));
    assert_eq!(fake.requests().len(), 8);
}

/// A blocking call blocks its runtime, so it must not depend on that runtime.
#[test]
fn a_blocking_client_has_connections_of_its_own() {
    let fake = server();
    let client = client(&fake.url());
    current_thread().block_on(async {
        create(&client).await;
        let blocking = client.clone().blocking().unwrap();
        blocking.opportunities().get(UUID).send().unwrap();
        create(&client).await;
        blocking.opportunities().update(UUID).amount_in_cents(1).send().unwrap();
    });
    assert_eq!(fake.requests().len(), 4);
}
