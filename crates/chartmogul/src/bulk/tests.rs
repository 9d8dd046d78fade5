//! Tests of runs. Most need no network: their updates are applied to a `World`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests

mod carry;
mod damage;
mod flow;
mod model;
mod resuming;
mod stopping;
mod unchanged;

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
};

use chartmogul_api::{Bounds, InvalidInput, Operation, operations::UPDATE_PLAN};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{journal::RequestRecord, update::Sealed, *};

/// Stands in for the server: applies updates, and records them.
#[derive(Default)]
struct World {
    state: Mutex<HashMap<String, u64>>,
    /// Every update that was sent: object and value.
    sent: Mutex<Vec<(String, u64)>>,
    busy: Mutex<HashMap<String, usize>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    /// How many updates are in memory.
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

/// Counts an update as in memory until it is dropped.
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

/// As a stream, because a paused clock does not wait for the thread of an iterator.
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

/// The same updates whenever the plan is the same: object, milliseconds, and whether it fails.
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

fn uuid(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

/// Builds a client of a fake.
fn client_of(fake: &chartmogul_fake::Fake) -> crate::ClientBuilder {
    crate::Client::builder().api_key(fake.api_key()).base_url(fake.url())
}

fn fake(opportunities: usize) -> chartmogul_fake::Fake {
    let fake = chartmogul_fake::Fake::start().unwrap();
    for number in 0..opportunities {
        fake.collection("opportunities").insert_sample(&uuid(number)).unwrap();
    }
    fake
}
