//! Which updates are made, when, and how many at a time.

use super::*;

fn indexes<T>(done: &[Completed<T>]) -> Vec<u64> {
    done.iter().map(|done| done.index).collect()
}

#[tokio::test]
async fn without_a_runtime_there_is_an_error() {
    let world = Arc::<World>::default();
    let bulk = Bulk::new([world.set("a", 1)]);
    let error = std::thread::spawn(|| futures_util::FutureExt::now_or_never(bulk.start()))
        .join()
        .unwrap()
        .unwrap()
        .unwrap_err();
    let cause = std::error::Error::source(&error)
        .map(ToString::to_string)
        .unwrap_or_default();
    assert_eq!(error.to_string(), "a bulk run can't start here");
    assert!(cause.starts_with("no tokio runtime"), "{cause}");
}

#[tokio::test]
async fn nothing_to_do_is_done() {
    let none = Vec::<Set>::new();
    let (done, report) = all(Bulk::new(none).start().await.unwrap()).await;
    assert!(done.is_empty() && report == Report::default() && report.is_clean());
}

#[tokio::test(start_paused = true)]
async fn calls_are_made_side_by_side_but_for_the_same_object() {
    let world = Arc::<World>::default();
    let updates: Vec<_> = (0..400)
        .map(|value| Set {
            takes: Duration::from_millis(100),
            ..world.set(value % 50, value)
        })
        .collect();
    let started = Instant::now();
    let (done, report) = all(streamed(updates).concurrency(20).start().await.unwrap()).await;
    assert_eq!((report.updates, report.updated), (400, 400));
    assert_eq!(world.most_in_flight.load(SeqCst), 20);
    assert_eq!(started.elapsed().as_millis(), 2_000, "400 of 100 ms, 20 at a time");
    let state = world.state.lock().unwrap();
    assert!(
        (0..50).all(|id| state[&id.to_string()] == 350 + id),
        "the last one counts"
    );
    assert!(done.iter().all(|done| !done.earlier && done.repeats == 0));
}

#[tokio::test(start_paused = true)]
async fn outcomes_come_in_the_order_of_the_input_if_asked() {
    for (ordered, expected) in [(true, vec![0, 1, 2, 3]), (false, vec![3, 2, 1, 0])] {
        let world = Arc::<World>::default();
        let updates = (0..4).map(move |value| Set {
            takes: Duration::from_secs(10 - value),
            ..world.set(value, value)
        });
        let bulk = streamed(updates);
        let bulk = if ordered { bulk.in_order() } else { bulk };
        let (done, _) = all(bulk.start().await.unwrap()).await;
        assert_eq!(indexes(&done), expected);
    }
}

/// Neither updates nor outcomes accumulate, and a caller that takes no outcomes holds up the source.
#[tokio::test]
async fn a_million_updates_need_no_more_memory_than_some() {
    let world = Arc::<World>::default();
    let taken = Arc::new(AtomicU64::new(0));
    let updates = {
        let (world, taken) = (Arc::clone(&world), Arc::clone(&taken));
        (0..1_000_000u64).map(move |value| {
            taken.fetch_add(1, SeqCst);
            world.set(value % 1_000, value)
        })
    };
    let mut run = Bulk::new(updates).start().await.unwrap();
    // No outcome is taken.
    let mut before = u64::MAX;
    while before != taken.load(SeqCst) {
        before = taken.load(SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(before < READY as u64 + 1_000, "{before} were taken for nobody");
    assert_eq!(run.progress().snapshot().total, Some(1_000_000));
    let mut count = 0;
    while let Some(done) = run.try_next().await.unwrap() {
        assert!(matches!(done.outcome, Outcome::Updated(_)));
        count += 1;
        if count % 1_000 == 0 {
            world.sent.lock().unwrap().clear(); // memory of the test itself
        }
    }
    assert_eq!((count, run.report().updated), (1_000_000, 1_000_000));
    assert!(
        world.most_alive.load(SeqCst) < 1_000,
        "{:?} at a time",
        world.most_alive
    );
}

/// An update that takes long is overtaken by a limited number of others.
#[tokio::test(start_paused = true)]
async fn one_that_takes_long_is_overtaken_by_thousands_and_no_more() {
    for ordered in [false, true] {
        let world = Arc::<World>::default();
        let updates = {
            let world = Arc::clone(&world);
            (0..20_000).map(move |value| Set {
                takes: if value == 0 {
                    Duration::from_secs(120)
                } else {
                    Duration::ZERO
                },
                ..world.set(value, value)
            })
        };
        let bulk = streamed(updates);
        let mut run = if ordered { bulk.in_order() } else { bulk }.start().await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(60), async {
            while run.try_next().await.unwrap().is_some() {}
        });
        assert!(ended.await.is_err());
        assert_eq!(world.started.load(SeqCst), 8_192, "the first one included");
        assert_eq!(all(run).await.1.updated, 20_000);
    }
}

#[tokio::test]
async fn a_source_that_fails_ends_the_run_with_what_came_before() {
    let world = Arc::<World>::default();
    let updates = vec![
        Ok(world.set("a", 1)),
        Ok(world.set("b", 2)),
        Err("line 3: no date"),
        Ok(world.set("c", 3)),
    ];
    let mut run = Bulk::try_stream(stream::iter(updates))
        .in_order()
        .start()
        .await
        .unwrap();
    for id in ["a", "b"] {
        assert_eq!(run.try_next().await.unwrap().unwrap().id, id);
    }
    let error = run.try_next().await.unwrap_err();
    assert_eq!(error.to_string(), "the source of the updates failed after 2 of them");
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "line 3: no date"
    );
    assert!(run.try_next().await.unwrap().is_none());
    assert_eq!((run.report().updated, run.report().stopped), (2, Some(Stopped::Failed)));
}

#[tokio::test]
async fn a_call_that_panics_is_one_that_failed() {
    let world = Arc::<World>::default();
    let updates = [
        Set {
            fails: Some(|| panic!("a limiter with a bug")),
            ..world.set("a", 1)
        },
        world.set("a", 2),
        world.set("b", 3),
    ];
    let (done, report) = all(Bulk::new(updates).in_order().start().await.unwrap()).await;
    assert_eq!((report.updated, report.given_up, report.not_sent), (1, 1, 1));
    let error = done[0].outcome.error().unwrap();
    assert!(error.to_string().contains("panicked") && error.may_have_happened());
    assert!(matches!(done[1].outcome, Outcome::NotSent(NotSent::Behind(0))));
}
