//! Runs that are stopped: by errors, by their deadline, by the caller.

use super::*;

/// A hundred updates, each of another object, that take ten seconds each.
fn slow(world: &Arc<World>) -> impl Iterator<Item = Set> + Send + use<> {
    let world = Arc::clone(world);
    (0..100).map(move |value| Set {
        takes: Duration::from_secs(10),
        ..world.set(value, value)
    })
}

#[tokio::test(start_paused = true)]
async fn it_stops_at_errors_and_accounts_for_the_rest() {
    let run = |limit: fn(Bulk<Set>) -> Bulk<Set>, fails: fn(u64) -> bool| async move {
        let world = Arc::<World>::default();
        let updates = (0..1_000).map(move |value| Set {
            fails: fails(value).then_some(refused as fn() -> CallError),
            takes: Duration::from_millis(10),
            ..world.set(value, value)
        });
        all(limit(streamed(updates).concurrency(10).in_order())
            .start()
            .await
            .unwrap())
        .await
        .1
    };
    let fifth = |value| value % 5 == 4;
    let report = run(|bulk| bulk, fifth).await;
    assert_eq!((report.updated, report.not_sent, report.stopped), (800, 200, None));
    let report = run(|bulk| bulk.stop_after_errors(1), fifth).await;
    assert_eq!(report.stopped, Some(Stopped::Errors));
    // Calls in flight are completed: ten at a time, of which the fifth and the tenth fail.
    assert_eq!((report.updates, report.updated, report.not_sent), (1_000, 8, 992));
    let report = run(|bulk| bulk.stop_after_errors(7), fifth).await;
    assert_eq!((report.updates, report.updated), (1_000, 32));
    let report = run(|bulk| bulk.stop_above_share(20.0, 100), fifth).await;
    assert_eq!(report.stopped, None, "it is 20 percent, not more");
    let report = run(|bulk| bulk.stop_above_share(19.0, 100), fifth).await;
    assert_eq!((report.updated, report.stopped), (80, Some(Stopped::Errors)));
    let report = run(|bulk| bulk.stop_above_share(0.0, 1), |_| false).await;
    assert!(report.is_clean());
    assert_eq!(
        run(|bulk| bulk.stop_after_errors(1), |value| value == 0)
            .await
            .to_string(),
        "1000 updates: 9 updated, 0 not modified, 0 rejected, 0 given up, 991 not sent; stopped: too many updates failed"
    );
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_asked_and_keeps_the_responses_that_come() {
    let world = Arc::<World>::default();
    let updates = slow(&world);
    let stop = sleep(Duration::from_secs(15));
    let (done, report) = all(streamed(updates).concurrency(10).stop_when(stop).start().await.unwrap()).await;
    assert_eq!(
        (report.updated, report.not_sent, report.stopped),
        (20, 80, Some(Stopped::Requested))
    );
    assert_eq!(world.sent().len(), 20);
    assert_eq!(done.len(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_calls_too() {
    let world = Arc::<World>::default();
    let updates = slow(&world);
    let started = Instant::now();
    let bulk = streamed(updates).concurrency(10).deadline(Duration::from_secs(25));
    let report = all(bulk.start().await.unwrap()).await.1;
    assert_eq!(started.elapsed().as_secs(), 25);
    assert_eq!(
        (report.updated, report.stopped),
        (30, Some(Stopped::Deadline)),
        "the last ten in what was left"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_dropped_ends_at_once() {
    let world = Arc::<World>::default();
    let updates = slow(&world);
    let run = streamed(updates).start().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    drop(run);
    sleep(Duration::from_secs(60)).await;
    assert_eq!((world.sent().len(), world.alive.load(SeqCst)), (DEFAULT_CONCURRENCY, 0));
}

#[tokio::test]
async fn a_run_that_is_stopped_sends_nothing_more() {
    let fake = fake(5);
    let client = client_of(&fake).rate_limit(1).build().unwrap();
    let opportunities = client.opportunities();
    let updates: Vec<_> = (0..5)
        .map(|n| opportunities.update(uuid(n)).amount_in_cents(7))
        .collect();
    let stop = sleep(Duration::from_millis(500));
    let (_, report) = all(Bulk::new(updates).stop_when(stop).start().await.unwrap()).await;
    assert_eq!((fake.requests().len(), report.not_sent), (1, 4), "{report}");
}

#[tokio::test(start_paused = true)]
async fn the_run_ends_by_its_deadline() {
    let world = Arc::<World>::default();
    let source = stream::iter([world.set(1, 1)]).chain(stream::pending());
    let run = Bulk::stream(source)
        .deadline(Duration::from_secs(10))
        .start()
        .await
        .unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(3_600), run.finish()).await;
    assert!(ended.is_ok(), "an hour later it still waits for its source");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_in_flight_after_the_run() {
    let world = Arc::<World>::default();
    let updates: Vec<_> = (0..4)
        .map(|value| Set {
            takes: Duration::from_secs(10),
            ..world.set(value, value)
        })
        .collect();
    let run = streamed(updates).start().await.unwrap();
    let progress = run.progress();
    sleep(Duration::from_secs(1)).await;
    drop(run);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(progress.snapshot().in_flight, 0);
}

#[tokio::test]
async fn a_stop_between_the_read_and_the_write() {
    let fake = fake(1);
    let client = client_of(&fake).limiter(crate::Unlimited).build().unwrap();
    let object = chartmogul_fake::samples::object("opportunities", &uuid(0)).to_string();
    fake.respond_next(
        chartmogul_fake::Canned::new(200)
            .json(object)
            .after(Duration::from_millis(500)),
    );
    let update = client.opportunities().update(uuid(0)).amount_in_cents(123);
    let run = Bulk::new([update])
        .skip_unchanged()
        .stop_when(sleep(Duration::from_millis(100)));
    let report = all(run.start().await.unwrap()).await.1;
    assert!(
        fake.requests().iter().all(|request| request.method == "GET"),
        "{report}"
    );
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_ends_a_run_whose_source_waits() {
    let world = Arc::<World>::default();
    let source = stream::iter([world.set(1, 1)]).chain(stream::pending());
    let run = Bulk::stream(source)
        .stop_when(sleep(Duration::from_secs(1)))
        .start()
        .await
        .unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(3_600), run.finish()).await;
    assert!(ended.is_ok(), "an hour later it still waits for its source");
}

#[tokio::test]
async fn what_waits_for_its_turn_is_not_sent_after_the_first_error() {
    let fake = fake(4);
    let client = client_of(&fake).rate_limit(2).build().unwrap();
    let opportunities = client.opportunities();
    let mut updates = vec![opportunities.update(uuid(99)).amount_in_cents(7)]; // 404
    updates.extend((0..4).map(|n| opportunities.update(uuid(n)).amount_in_cents(7)));
    let (_, report) = all(Bulk::new(updates).stop_after_errors(1).start().await.unwrap()).await;
    assert!(report.updated <= 1, "{report}");
}
