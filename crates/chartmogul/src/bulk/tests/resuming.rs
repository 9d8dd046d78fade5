//! Runs that resume from the journal of an earlier one.

use proptest::prelude::*;

use super::{
    super::{calls::Terms, queue::SPAN},
    *,
};

fn shown(mut done: Vec<Completed<Object>>) -> Vec<String> {
    done.sort_by_key(|done| done.index);
    let show = |done: &Completed<Object>| match &done.outcome {
        Outcome::Updated(object) => format!("{} {}: {object:?}", done.index, done.id),
        other => format!(
            "{} {}: {:?}",
            done.index,
            done.id,
            other.error().map(ToString::to_string)
        ),
    };
    done.iter().map(show).collect()
}

/// An outage over more updates than a run may hold: its memory stays bounded, and the next run makes all of them.
#[tokio::test]
async fn an_outage_of_any_length_uses_nothing_up() {
    const COUNT: u64 = 3 * SPAN;
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    let run = async |is_down: bool, objects: u64| {
        let updates = {
            let world = Arc::clone(&world);
            (0..COUNT).map(move |value| world.set(value % objects, value))
        };
        let act = move |update: Set, _: Terms| {
            async move {
                if is_down {
                    return Err(Failed {
                        error: CallError::internal("502", None),
                        sent: true,
                        may_have_happened: true,
                        cause: Cause::Trouble,
                    });
                }
                let (object, _) = update.make(false, false).await.map_err(Failed::sending)?;
                Ok(Step::Done(object))
            }
            .boxed()
        };
        let bulk = streamed(updates)
            .ignore_consecutive_errors()
            .journal(&journal)
            .fsync(false);
        let (_, report) = all(bulk.run(Arc::new(act)).await.unwrap()).await;
        report
    };
    for objects in [COUNT, 1_000] {
        let _ = std::fs::remove_file(&journal);
        let first = run(true, objects).await;
        assert_eq!((first.given_up, first.not_sent), (objects, COUNT - objects), "{first}");
        let most = world.most_alive.swap(0, SeqCst) as u64;
        assert!(most < SPAN, "{most} at a time");
        let second = run(false, objects).await;
        assert_eq!((second.updated, second.repeats), (COUNT, objects), "{second}");
        // Outcomes are recorded far behind their `Taken` records, and are found there.
        let third = run(false, objects).await;
        assert_eq!(third, second);
        world.most_alive.store(0, SeqCst);
    }
}

/// Open updates of an earlier run are not sent before all updates that it took are known to be the same.
#[tokio::test(start_paused = true)]
async fn another_input_is_found_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    // The first update takes long, and is in flight when the run is dropped.
    let plan: Vec<_> = (0..20)
        .map(|id| (id, if id == 0 { 60_000 } else { 1 }, false))
        .collect();
    let run = journaled(&world, &plan, &journal).concurrency(2).start().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    drop(run);
    assert_eq!(world.sent().len(), 20);
    for (at, other) in [(19, (99, 1, false)), (10, (99, 1, false))] {
        let mut plan = plan.clone();
        plan[at] = other;
        let error = journaled(&world, &plan, &journal)
            .start()
            .await
            .unwrap()
            .finish()
            .await
            .unwrap_err();
        let difference = format!("update {at} (counted from 0) is of 99, was of {at}");
        assert!(error.to_string().contains(&difference), "{error}");
    }
    assert_eq!(world.sent().len(), 20, "nothing was sent");
    world.busy.lock().unwrap().clear();
    let (done, report) = all(journaled(&world, &plan, &journal).start().await.unwrap()).await;
    assert_eq!((report.updated, report.repeats, world.sent().len()), (20, 1, 21));
    assert_eq!(done.iter().filter(|done| done.earlier).count(), 19);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_while_recalling_does_not_hang() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    let plan: Vec<_> = (0..20)
        .map(|id| (id, if id == 0 { 60_000 } else { 1 }, false))
        .collect();
    let run = journaled(&world, &plan, &journal).concurrency(2).start().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    drop(run);
    let first = updates(&world, &plan).into_iter().take(5).map(Ok);
    let broken = stream::iter(first.chain([Err("line 6: no date")]));
    let run = Bulk::try_stream(broken)
        .journal(&journal)
        .fsync(false)
        .start()
        .await
        .unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(3_600), run.finish()).await;
    assert!(ended.expect("it hangs for ever").is_err());
}

#[tokio::test]
async fn decimals_are_the_same_input() {
    let fake = fake(1);
    let folder = tempfile::tempdir().unwrap();
    let client = client_of(&fake).limiter(crate::Unlimited).build().unwrap();
    let journal = folder.path().join("journal");
    let mut x = 0.123_456_789f64;
    let values: Vec<f64> = (0..200)
        .map(|_| {
            x = (x * 997.0).fract();
            x * 1000.0
        })
        .collect();
    let updates = || {
        let opportunities = client.opportunities();
        values
            .clone()
            .into_iter()
            .map(move |value| opportunities.update(uuid(0)).replace_all_custom([("score", value)]))
            .collect::<Vec<_>>()
    };
    let bulk = || Bulk::new(updates()).journal(&journal).fsync(false);
    bulk().start().await.unwrap().finish().await.unwrap();
    let again = bulk().start().await.unwrap().finish().await;
    assert!(again.is_ok(), "{}", again.unwrap_err());
}

#[tokio::test]
async fn a_value_that_is_not_allowed_has_an_outcome_that_lasts() {
    let fake = fake(3);
    let folder = tempfile::tempdir().unwrap();
    let client = client_of(&fake).build().unwrap();
    let opportunities = client.opportunities();
    let bulk = || {
        let updates = [
            opportunities.update(uuid(0)).replace_all_custom([("score", f64::NAN)]),
            opportunities.update(uuid(1)).win_likelihood(101),
            opportunities.update(uuid(2)).estimated_close_date("31.1.2026"),
            opportunities.update(""),
        ];
        Bulk::new(updates).in_order().journal(folder.path().join("journal"))
    };
    for earlier in [false, true] {
        let (completed, _) = all(bulk().start().await.unwrap()).await;
        assert_eq!(completed.len(), 4);
        for completed in completed {
            let outcome = &completed.outcome;
            assert!(matches!(outcome, Outcome::NotSent(NotSent::Failed(_))), "{outcome:?}");
            assert!(outcome.is_final() && completed.earlier == earlier, "{completed:?}");
        }
    }
    assert!(fake.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_share_that_was_never_reached_is_not_reached_when_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    // The first ten are slow and fail: when they do, ninety others are done.
    let plan: Vec<_> = (0..101u8)
        .map(|id| match id {
            0..10 => (id, 1_000, true),
            100 => (id, 60_000, false),
            _ => (id, 1, false),
        })
        .collect();
    let bulk = || journaled(&world, &plan, &journal).stop_above_share(50.0, 10);
    let run = bulk().start().await.unwrap();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(
        (run.progress().snapshot().done, run.progress().snapshot().failed),
        (100, 10)
    );
    drop(run);
    world.busy.lock().unwrap().clear();
    let report = all(bulk().start().await.unwrap()).await.1;
    assert_eq!((report.stopped, report.updated), (None, 91));
}

#[tokio::test]
async fn what_a_deadline_kept_from_being_sent_is_sent_by_the_next_run() {
    let fake = fake(4);
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let client = |rate| client_of(&fake).rate_limit(rate).build().unwrap();
    let bulk = |rate| {
        let opportunities = client(rate).opportunities();
        let updates: Vec<_> = (0..4)
            .map(|n| opportunities.update(uuid(n)).amount_in_cents(7))
            .collect();
        Bulk::new(updates).journal(&journal).fsync(false)
    };
    let run = bulk(1).deadline(Duration::from_millis(300)).start().await.unwrap();
    all(run).await;
    let second = all(bulk(40).start().await.unwrap()).await.1;
    assert_eq!(second.updated, 4, "{second}");
}

#[tokio::test(start_paused = true)]
async fn the_report_of_a_resumed_run_is_that_of_an_undisturbed_one() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    let bulk = || journaled(&world, &[(1, 1_000, false)], &journal).skip_unchanged();
    world.state.lock().unwrap().insert("1".to_owned(), 9);
    let run = bulk().start().await.unwrap();
    sleep(Duration::from_millis(500)).await;
    drop(run); // the update was sent,
    world.busy.lock().unwrap().clear();
    world.state.lock().unwrap().insert("1".to_owned(), 0); // and takes effect
    let report = all(bulk().start().await.unwrap()).await.1;
    assert_eq!((report.updated, report.not_modified), (1, 0), "{report}");
}

#[tokio::test(start_paused = true)]
async fn errors_of_a_run_that_was_stopped_and_dropped_do_not_stop_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    let plan: Vec<_> = (0..2_000u16).map(|n| ((n % 251) as u8, 5, n == 0)).collect();
    let bulk = || journaled(&world, &plan, &journal).concurrency(1).stop_after_errors(1);
    let mut run = bulk().start().await.unwrap();
    while let Some(done) = run.try_next().await.unwrap() {
        if matches!(done.outcome, Outcome::NotSent(NotSent::Stopped(Stopped::Errors))) {
            break; // like a caller that does not wait for the rest of a stopped run
        }
    }
    drop(run);
    for _ in 0..3 {
        let mut run = bulk().start().await.unwrap();
        while let Some(done) = run.try_next().await.unwrap() {
            if matches!(done.outcome, Outcome::NotSent(NotSent::Stopped(Stopped::Errors))) {
                break;
            }
        }
    }
    assert!(world.sent().len() > 1, "three runs later, nothing was sent");
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_has_sent_is_not_reported_as_never_sent() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    let bulk = || journaled(&world, &[(1, 1_000, false)], &journal);
    let run = bulk().start().await.unwrap();
    sleep(Duration::from_millis(500)).await;
    drop(run);
    assert_eq!(world.sent().len(), 1);
    let report = all(bulk().stop_when(std::future::ready(())).start().await.unwrap())
        .await
        .1;
    assert_eq!(report.not_sent, 0, "{report}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// A run is ended at random moments and resumed until it completes: the outcomes are the same, no update is sent
    /// again after its outcome was yielded, and updates of the same object stay in order.
    #[test]
    fn a_run_that_is_ended_and_resumed_is_like_one_that_was_not(
        plan in prop::collection::vec((0u8..8, 0u16..50, prop::bool::weighted(0.1)), 0..60),
        ends in prop::collection::vec((0u64..200, any::<bool>()), 0..6),
        ordered in any::<bool>(),
        concurrency in 1usize..8,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let journal = folder.path().join("journal");
            let calm = Arc::<World>::default();
            let (expected, calm_report) = all(streamed(updates(&calm, &plan)).start().await.unwrap()).await;

            let world = Arc::<World>::default();
            let mut told = Vec::new();
            let mut ends = ends.into_iter();
            let (done, report) = loop {
                let bulk = journaled(&world, &plan, &journal).concurrency(concurrency);
                let bulk = if ordered { bulk.in_order() } else { bulk };
                let mut so_far = Vec::new();
                let end = ends.next();
                let bulk = match end {
                    Some((after, false)) => bulk.stop_when(sleep(Duration::from_millis(after))),
                    _ => bulk,
                };
                let mut run = bulk.start().await.unwrap();
                let stop = async {
                    match end {
                        Some((after, true)) => sleep(Duration::from_millis(after)).await, // then the run is dropped
                        _ => std::future::pending().await,
                    }
                };
                let sent_before = world.sent();
                let read = async {
                    while let Some(done) = run.try_next().await.unwrap() {
                        so_far.push(done);
                    }
                    run.report()
                };
                let report = tokio::select! {
                    report = read => Some(report),
                    () = stop => None,
                };
                drop(run);
                world.busy.lock().unwrap().clear();
                for value in &told {
                    let again = world.sent()[sent_before.len()..].iter().any(|(_, sent)| sent == value);
                    assert!(!again, "{value} was yielded and sent again");
                }
                // Updates that have no final outcome because the run was stopped are made by the next one.
                let stopped = |done: &&Completed<Object>| {
                    matches!(done.outcome, Outcome::GivenUp(_) | Outcome::NotSent(NotSent::Stopped(_)))
                };
                let outcomes = so_far.iter().filter(|done| !stopped(done));
                told.extend(outcomes.map(|done| done.index));
                if let Some(report) = report && report.stopped.is_none() {
                    break (so_far, report);
                }
            };
            assert_eq!(shown(done), shown(expected));
            assert_eq!(Report { repeats: 0, ..report }, calm_report);
            let extra = world.sent().len() - plan.iter().filter(|(.., fails)| !fails).count();
            assert!(extra as u64 <= report.repeats, "{extra} sent again, {} counted", report.repeats);
            assert_eq!(*world.state.lock().unwrap(), *calm.state.lock().unwrap());
            for id in 0..8u8 {
                let values: Vec<_> = world.sent().into_iter().filter(|(sent, _)| *sent == id.to_string()).collect();
                assert!(values.is_sorted(), "{values:?}");
            }

            // Once more: nothing is left to do.
            let sent = world.sent().len();
            let (again, report_again) = all(journaled(&world, &plan, &journal).start().await.unwrap()).await;
            assert!(again.iter().all(|done| done.earlier) && world.sent().len() == sent);
            assert_eq!(report_again, report);
        });
    }
}
