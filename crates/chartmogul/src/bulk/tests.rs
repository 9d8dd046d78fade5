//! The engine with updates that need no network: what is taken, in which order, how many at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests

mod carry;
mod model;

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
};

use chartmogul_api::{
    Bounds, InvalidInput, Operation,
    operations::{UPDATE_OPPORTUNITY, UPDATE_PLAN},
};
use futures_util::stream;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{calls::Terms, journal::RequestRecord, queue::SPAN, update::Sealed, *};

/// What updates are applied to, and what it has seen.
#[derive(Default)]
struct World {
    state: Mutex<HashMap<String, u64>>,
    /// Every update that was sent: object and value.
    sent: Mutex<Vec<(String, u64)>>,
    busy: Mutex<HashMap<String, usize>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    /// Updates that exist.
    alive: AtomicUsize,
    most_alive: AtomicUsize,
    started: AtomicU64,
}

/// Sets an object to a value.
struct Set {
    world: Arc<World>,
    id: String,
    value: u64,
    takes: Duration,
    ends: Option<Instant>,
    fails: Option<fn() -> CallError>,
    _alive: Alive,
}

/// Counts updates that exist.
struct Alive(Arc<World>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, SeqCst);
    }
}

#[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
struct Object {
    value: u64,
}

fn refused() -> CallError {
    InvalidInput::new("value", &13, "any other").into()
}

impl World {
    #[allow(clippy::needless_pass_by_value)] // numbers and texts, written in place
    fn set(self: &Arc<Self>, id: impl ToString, value: u64) -> Set {
        let alive = self.alive.fetch_add(1, SeqCst) + 1;
        self.most_alive.fetch_max(alive, SeqCst);
        Set {
            world: Arc::clone(self),
            id: id.to_string(),
            value,
            takes: Duration::ZERO,
            ends: None,
            fails: None,
            _alive: Alive(Arc::clone(self)),
        }
    }

    fn sent(&self) -> Vec<(String, u64)> {
        self.sent.lock().unwrap().clone()
    }
}

/// An update that is its own call.
macro_rules! own_call {
    ($Update:ty, $Object:ty) => {
        impl Sealed for $Update {}

        impl Update for $Update {
            type Object = $Object;

            type Call = Self;

            fn check(&self) -> Result<(), CallError> {
                UpdateCall::check(self)
            }

            fn into_call(self) -> Self {
                self
            }
        }
    };
}
use own_call;

own_call!(Set, Object);

impl UpdateCall for Set {
    type Object = Object;

    const OPERATION: Option<&'static Operation> = Some(&UPDATE_PLAN);

    fn operation(&self) -> &'static Operation {
        &UPDATE_PLAN
    }

    fn request(&self) -> Result<RequestRecord, CallError> {
        Ok(RequestRecord {
            account: "https://api.example.com".to_owned(),
            id: self.id.clone(),
            query: Value::Null,
            body: json!({ "value": self.value }),
        })
    }

    fn check(&self) -> Result<(), CallError> {
        Ok(())
    }

    fn within(mut self, _: Option<Duration>, bounds: &Arc<Bounds>) -> Self {
        self.ends = bounds.deadline;
        self
    }

    async fn read(&self) -> Result<Self::Object, CallError> {
        let state = self.world.state.lock().unwrap();
        Ok(Object {
            value: state.get(&self.id).copied().unwrap_or_default(),
        })
    }

    async fn make(self, _: bool, _: bool) -> Result<(Self::Object, bool), CallError> {
        let world = &self.world;
        world.started.fetch_add(1, SeqCst);
        if self.fails.is_none() {
            world.sent.lock().unwrap().push((self.id.clone(), self.value));
        }
        let now = world.in_flight.fetch_add(1, SeqCst) + 1;
        world.most_in_flight.fetch_max(now, SeqCst);
        let busy = {
            let mut busy = world.busy.lock().unwrap();
            let busy = busy.entry(self.id.clone()).or_default();
            *busy += 1;
            *busy
        };
        assert_eq!(busy, 1, "two at a time for {}", self.id);
        if !self.takes.is_zero() {
            let left = self.ends.map(|end| end.saturating_duration_since(Instant::now()));
            sleep(self.takes.min(left.unwrap_or(Duration::MAX))).await;
        }
        world.busy.lock().unwrap().remove(&self.id);
        world.in_flight.fetch_sub(1, SeqCst);
        if let Some(fails) = self.fails {
            return Err(fails());
        }
        world.state.lock().unwrap().insert(self.id.clone(), self.value);
        Ok((Object { value: self.value }, true))
    }
}

/// A hundred updates, each of another object, that take ten seconds each.
fn slow(world: &Arc<World>) -> impl Iterator<Item = Set> + Send + use<> {
    let world = Arc::clone(world);
    (0..100).map(move |value| Set {
        takes: Duration::from_secs(10),
        ..world.set(value, value)
    })
}

/// A paused clock does not wait for the thread of an iterator.
fn streamed(updates: impl IntoIterator<Item = Set, IntoIter: Send + 'static>) -> Bulk<Set> {
    Bulk::stream(stream::iter(updates))
}

async fn all<T>(mut run: Run<T>) -> (Vec<Completed<T>>, Report) {
    let mut all = Vec::new();
    while let Some(done) = run.try_next().await.unwrap() {
        all.push(done);
    }
    assert!(run.try_next().await.unwrap().is_none(), "ended once and for all");
    (all, run.report())
}

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

/// A million updates: neither they nor what became of them pile up, and who does not look holds up the source.
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
    // Nobody asks for an outcome.
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
            world.sent.lock().unwrap().clear(); // what the test itself remembers
        }
    }
    assert_eq!((count, run.report().updated), (1_000_000, 1_000_000));
    assert!(
        world.most_alive.load(SeqCst) < 1_000,
        "{:?} at a time",
        world.most_alive
    );
}

/// One that takes for ever is overtaken, but not without end.
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
    // What was under way is not lost: ten at a time, of which the fifth and the tenth fail.
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
async fn what_would_change_nothing_is_not_sent_if_asked() {
    let world = Arc::<World>::default();
    world
        .state
        .lock()
        .unwrap()
        .extend([("a".to_owned(), 1), ("b".to_owned(), 1)]);
    let updates = || [world.set("a", 1), world.set("b", 2)];
    let (done, report) = all(Bulk::new(updates()).in_order().dry_run().await.unwrap()).await;
    assert_eq!((report.not_modified, report.updated, world.sent().len()), (1, 1, 0));
    let Outcome::Updated(preview) = &done[1].outcome else {
        panic!()
    };
    assert_eq!(
        serde_json::to_value(preview).unwrap(),
        json!({ "changes": [{ "field": "value", "old": 1, "new": 2 }], "lost": [] })
    );
    let report = all(Bulk::new(updates()).skip_unchanged().start().await.unwrap())
        .await
        .1;
    assert_eq!((report.not_modified, report.updated), (1, 1));
    assert_eq!(world.sent(), [("b".to_owned(), 2)]);
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

/// Made again from the same numbers: what to do, for how long, whether it fails.
fn updates(world: &Arc<World>, plan: &[(u8, u16, bool)]) -> Vec<Set> {
    let update = |(value, (id, takes, fails)): (u64, &(u8, u16, bool))| Set {
        takes: Duration::from_millis((*takes).into()),
        fails: fails.then_some(refused as fn() -> CallError),
        ..world.set(id, value)
    };
    (0..).zip(plan).map(update).collect()
}

fn journaled(world: &Arc<World>, plan: &[(u8, u16, bool)], journal: &Path) -> Bulk<Set> {
    streamed(updates(world, plan)).journal(journal).fsync(false)
}

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

/// Longer than what a run remembers: nothing is used up, and it remembers no more than ever.
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
        // What was done is far behind where it was taken, and found there.
        let third = run(false, objects).await;
        assert_eq!(third, second);
        world.most_alive.store(0, SeqCst);
    }
}

/// What is left of an earlier run is not sent before it is known that the input is the same, to the last update that it took.
#[tokio::test(start_paused = true)]
async fn another_input_is_found_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    // The first one takes long, and is under way when the run is dropped.
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

fn uuid(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

/// Of the record that begins here.
fn length(record: &[u8]) -> usize {
    let length = u64::from_le_bytes(record[..8].try_into().unwrap());
    length.try_into().unwrap()
}

fn fake(opportunities: usize) -> chartmogul_fake::Fake {
    let fake = chartmogul_fake::Fake::start().unwrap();
    for number in 0..opportunities {
        fake.collection("opportunities").insert_sample(&uuid(number)).unwrap();
    }
    fake
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
    let client = crate::Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .limiter(crate::Unlimited)
        .build()
        .unwrap();
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
    let client = crate::Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .build()
        .unwrap();
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
    let client = |rate| {
        crate::Client::builder()
            .api_key(fake.api_key())
            .base_url(fake.url())
            .rate_limit(rate)
            .build()
            .unwrap()
    };
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

#[tokio::test]
async fn a_run_that_is_stopped_sends_nothing_more() {
    let fake = fake(5);
    let client = crate::Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .rate_limit(1)
        .build()
        .unwrap();
    let opportunities = client.opportunities();
    let updates: Vec<_> = (0..5)
        .map(|n| opportunities.update(uuid(n)).amount_in_cents(7))
        .collect();
    let stop = sleep(Duration::from_millis(500));
    let (_, report) = all(Bulk::new(updates).stop_when(stop).start().await.unwrap()).await;
    assert_eq!((fake.requests().len(), report.not_sent), (1, 4), "{report}");
}

#[tokio::test]
async fn what_was_only_read_was_never_sent() {
    let fake = fake(1);
    let client = crate::Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .limiter(crate::Unlimited)
        .retry(crate::Retry::never())
        .build()
        .unwrap();
    fake.respond_next(chartmogul_fake::Canned::new(502));
    let update = client.opportunities().update(uuid(0)).amount_in_cents(1);
    let (done, report) = all(Bulk::new([update]).skip_unchanged().start().await.unwrap()).await;
    assert!(fake.requests().iter().all(|request| request.method == "GET"));
    assert!(
        !done[0].outcome.error().unwrap().may_have_happened(),
        "nothing was written"
    );
    assert_eq!((report.given_up, report.not_sent), (0, 1), "{report}");
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
    drop(run); // it was sent,
    world.busy.lock().unwrap().clear();
    world.state.lock().unwrap().insert("1".to_owned(), 0); // and the server did it
    let report = all(bulk().start().await.unwrap()).await.1;
    assert_eq!((report.updated, report.not_modified), (1, 0), "{report}");
}

#[test]
fn a_null_is_not_lost() {
    let object = json!({"custom": {"a": 1, "none": null}});
    let body = json!({"custom": [{"key": "a", "value": 1}]});
    let preview = changes::preview(&body, &object, &UPDATE_OPPORTUNITY);
    assert_eq!(preview, Preview::default());
}

#[test]
fn large_numbers_are_not_the_same() {
    for (old, new) in [
        (json!(9_223_372_036_854_775_808_u64), json!(i64::MAX)),
        (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992.0)),
    ] {
        let preview = changes::preview(&json!({ "a": new }), &json!({ "a": old }), &UPDATE_PLAN);
        assert_eq!(preview.changes.len(), 1, "{old} -> {new}");
    }
    // A String attribute that looks like a time
    let preview = changes::preview(
        &json!({"custom": [{"key": "label", "value": "2026-01-31T00:00:00Z"}]}),
        &json!({"custom": {"label": "2026-01-31"}}),
        &UPDATE_OPPORTUNITY,
    );
    assert_eq!(preview.changes.len(), 1, "a text was changed");
}

#[tokio::test]
async fn a_damaged_journal_is_not_restarted_silently() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    let plan: Vec<_> = (0..20).map(|id| (id, 0, false)).collect();
    all(journaled(&world, &plan, &journal).start().await.unwrap()).await;
    let mut bytes = std::fs::read(&journal).unwrap();
    let header = 12 + length(&bytes) + 4;
    for byte in &mut bytes[header + 10..] {
        *byte = b'#';
    }
    std::fs::write(&journal, bytes).unwrap();
    let run = journaled(&world, &plan, &journal).start().await;
    if let Ok(run) = run {
        let report = all(run).await.1;
        panic!("{report}; {} sent", world.sent().len());
    }
}

#[tokio::test]
async fn one_bit_in_the_last_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    let plan = vec![(0u8, 0u16, false), (1, 60_000, false)];
    let mut run = journaled(&world, &plan, &journal).start().await.unwrap();
    assert_eq!(run.try_next().await.unwrap().unwrap().index, 0); // acknowledged
    drop(run);
    world.busy.lock().unwrap().clear();
    let mut bytes = std::fs::read(&journal).unwrap();
    let at = bytes.len() - 8;
    bytes[at] ^= 1; // in the middle of the last record, which is all there
    std::fs::write(&journal, bytes).unwrap();
    if let Ok(run) = journaled(&world, &plan, &journal).start().await {
        sleep(Duration::from_millis(500)).await;
        drop(run);
        let count = world.sent().iter().filter(|(id, _)| id == "0").count();
        assert_eq!(count, 1, "acknowledged and sent again");
    }
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
async fn deadline_and_skip_unchanged_do_not_write_after_the_deadline() {
    let fake = fake(1);
    let client = crate::Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .limiter(crate::Unlimited)
        .build()
        .unwrap();
    let object = chartmogul_fake::samples::object("opportunities", &uuid(0)).to_string();
    let late = Duration::from_millis(700);
    fake.respond_next(chartmogul_fake::Canned::new(200).json(object.clone()).after(late));
    fake.respond_next(chartmogul_fake::Canned::new(200).json(object).after(late));
    let update = client.opportunities().update(uuid(0)).amount_in_cents(123);
    let started = Instant::now();
    let run = Bulk::new([update]).skip_unchanged().deadline(Duration::from_secs(1));
    let report = all(run.start().await.unwrap()).await.1;
    assert!(
        started.elapsed() < Duration::from_millis(1_200),
        "{:?}: {report}",
        started.elapsed()
    );
}

#[tokio::test]
async fn a_stop_between_the_read_and_the_write() {
    let fake = fake(1);
    let client = crate::Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .limiter(crate::Unlimited)
        .build()
        .unwrap();
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

#[test]
fn salvage_of_nothing_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("typo.journal");
    assert!(salvage(&path).is_err() && !path.exists(), "{:?}", salvage(&path));
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
    let client = crate::Client::builder()
        .api_key(fake.api_key())
        .base_url(fake.url())
        .rate_limit(2)
        .build()
        .unwrap();
    let opportunities = client.opportunities();
    let mut updates = vec![opportunities.update(uuid(99)).amount_in_cents(7)]; // 404
    updates.extend((0..4).map(|n| opportunities.update(uuid(n)).amount_in_cents(7)));
    let (_, report) = all(Bulk::new(updates).stop_after_errors(1).start().await.unwrap()).await;
    assert!(report.updated <= 1, "{report}");
}

#[tokio::test]
async fn a_response_that_cannot_be_read_any_more_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let world = Arc::<World>::default();
    let plan: Vec<_> = (0..3).map(|id| (id, 0, false)).collect();
    all(journaled(&world, &plan, &journal).start().await.unwrap()).await;
    // The server (or an older version) sent something else.
    let old = std::fs::read(&journal).unwrap();
    let mut new = Vec::new();
    let mut at = 0;
    while at < old.len() {
        let length = length(&old[at..]);
        let text = String::from_utf8(old[at + 12..at + 12 + length].to_vec()).unwrap();
        at += 12 + length + 4;
        let record = text
            .replace(r#""updated":{"value":1}"#, r#""updated":{"value":"1"}"#)
            .into_bytes();
        let mask = |bytes: &[u8]| {
            crc32c::crc32c(bytes)
                .rotate_right(15)
                .wrapping_add(0xa282_ead8)
                .to_le_bytes()
        };
        let length = (record.len() as u64).to_le_bytes();
        new.extend_from_slice(&length);
        new.extend_from_slice(&mask(&length));
        new.extend_from_slice(&record);
        new.extend_from_slice(&mask(&record));
    }
    std::fs::write(&journal, new).unwrap();
    let error = journaled(&world, &plan, &journal)
        .start()
        .await
        .unwrap()
        .finish()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotAJournal { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("the response to update 1 can't be read by this version"),
        "{error}"
    );
    assert_eq!(world.sent().len(), 3, "nothing was sent again");
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
            break; // it has stopped, what is there to wait for?
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

    /// Ended at any moment and started again, as often as it takes: the same outcomes, nothing that was yielded is sent again,
    /// updates of the same object stay in order.
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
                        Some((after, true)) => sleep(Duration::from_millis(after)).await, // and drop it
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
                // What the run's stop kept from having an outcome is made by the next one.
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
