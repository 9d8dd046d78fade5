//! Runs that are disturbed in every way and resumed, compared with one that is not.
//!
//! `CHARTMOGUL_MODEL_ROUNDS` is the number of rounds. A round that fails prints its seed; to repeat it, set
//! `CHARTMOGUL_SEED` to that and run one round.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::{
    super::{Cause, Step, calls::Terms},
    *,
};

const ROUNDS: u64 = 2_000;
const KEY: &str = "the key";

/// How an update ends without disturbances.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Made,
    /// The server rejects it.
    Refused,
    /// It has an invalid value, so it is never sent.
    Invalid,
    /// The server never applies it, and never sends a usable response.
    Hopeless,
}

/// An update: which of the two fields of an object it sets.
#[derive(Debug, Clone, Copy)]
struct Plan {
    object: u8,
    fields: [bool; 2],
    value: u8,
    fate: Fate,
}

type State = BTreeMap<u8, [u8; 2]>;

/// What goes wrong for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Weather {
    Calm,
    /// No connection.
    Unreachable,
    /// 503: the update was not applied.
    Busy,
    /// 502: the update may have been applied.
    BadGateway,
    /// 302: the update was not applied.
    Redirect,
    /// 401.
    WrongKey,
    Slow,
    LimiterFails,
    Panics,
}

/// How a run is to end.
#[derive(Debug, Clone, Copy)]
enum End {
    Never,
    Asked(u64),
    Deadline(u64),
    Dropped(u64),
}

#[derive(Debug, Clone, Copy)]
enum Input {
    Whole,
    /// It fails after this many updates.
    Fails(usize),
    /// It yields this many updates, and then stays pending forever.
    Hangs(usize),
}

#[derive(Debug)]
struct Disturbance {
    end: End,
    input: Input,
    /// Each with the time at which it ends, in milliseconds.
    weather: Vec<(u64, Weather)>,
    limits: u8,
    concurrency: usize,
    ordered: bool,
}

impl Disturbance {
    fn none() -> Self {
        Self {
            end: End::Never,
            input: Input::Whole,
            weather: Vec::new(),
            limits: 0,
            concurrency: 4,
            ordered: true,
        }
    }

    fn any(rng: &mut Rng, count: usize) -> Self {
        let end = match rng.u8(..8) {
            0..=1 => End::Never,
            2..=3 => End::Asked(rng.u64(..200)),
            4..=5 => End::Deadline(rng.u64(..200)),
            _ => End::Dropped(rng.u64(..200)),
        };
        let input = match (rng.u8(..8), end) {
            (0, _) => Input::Fails(rng.usize(..=count)),
            (1, End::Asked(_) | End::Deadline(_) | End::Dropped(_)) => Input::Hangs(rng.usize(..=count)),
            _ => Input::Whole,
        };
        let mut until = 0;
        let weather = (0..rng.usize(..4)).map(|_| {
            until += rng.u64(1..150);
            let weather = match rng.u8(..12) {
                0..=1 => Weather::Calm,
                2 => Weather::Unreachable,
                3..=4 => Weather::Busy,
                5..=6 => Weather::BadGateway,
                7 => Weather::Redirect,
                8 => Weather::Slow,
                9 => Weather::LimiterFails,
                10 => Weather::Panics,
                _ => Weather::WrongKey,
            };
            (until, weather)
        });
        Self {
            end,
            input,
            weather: weather.collect(),
            limits: rng.u8(..8),
            concurrency: rng.usize(1..8),
            ordered: rng.bool(),
        }
    }
}

/// What happened to the requests of one update.
#[derive(Debug, Clone, Copy, Default)]
struct Truth {
    arrived: usize,
    applied: bool,
    /// The client can't know whether it was applied.
    unsure: bool,
}

struct Server {
    plan: Vec<Plan>,
    books: Mutex<Books>,
}

struct Books {
    rng: Rng,
    state: State,
    truth: Vec<Truth>,
    /// Updates, in the order of their arrival.
    arrivals: Vec<usize>,
    began: Instant,
    weather: Vec<(u64, Weather)>,
}

struct Write {
    server: Arc<Server>,
    index: usize,
}

own_call!(Write, [u8; 2]);

impl UpdateCall for Write {
    type Object = [u8; 2];

    const OPERATION: Option<&'static Operation> = Some(&UPDATE_PLAN);

    fn operation(&self) -> &'static Operation {
        &UPDATE_PLAN
    }

    fn request(&self) -> Result<RequestRecord, CallError> {
        let plan = self.server.plan[self.index];
        Ok(RequestRecord {
            account: String::new(),
            id: plan.object.to_string(),
            query: Value::Null,
            body: json!(plan.value),
        })
    }

    fn check(&self) -> Result<(), CallError> {
        Ok(())
    }

    fn within(self, _: Option<Duration>, _: &Arc<Bounds>) -> Self {
        self
    }

    async fn read(&self) -> Result<Self::Object, CallError> {
        Err(trouble())
    }

    async fn make(self, _: bool, _: bool) -> Result<(Self::Object, bool), CallError> {
        Err(trouble()) // the model makes its own calls
    }
}

fn trouble() -> CallError {
    CallError::internal("trouble", None)
}

fn failed(cause: Cause, sent: bool, may_have_happened: bool) -> Failed {
    Failed {
        error: trouble(),
        sent,
        may_have_happened,
        cause,
    }
}

impl Server {
    fn new(plan: Vec<Plan>, rng: Rng) -> Arc<Self> {
        Arc::new(Self {
            books: Mutex::new(Books {
                rng,
                state: State::new(),
                truth: vec![Truth::default(); plan.len()],
                arrivals: Vec::new(),
                began: Instant::now(),
                weather: Vec::new(),
            }),
            plan,
        })
    }

    fn weather(&self) -> Weather {
        let books = self.books.lock().unwrap();
        let now = u64::try_from(books.began.elapsed().as_millis()).unwrap();
        let weather = books.weather.iter().find(|(until, _)| now < *until);
        weather.map_or(Weather::Calm, |(_, weather)| *weather)
    }

    fn random(&self, most: u64) -> u64 {
        self.books.lock().unwrap().rng.u64(..most)
    }

    fn apply(&self, index: usize) -> [u8; 2] {
        let plan = self.plan[index];
        let books = &mut *self.books.lock().unwrap();
        let object = books.state.entry(plan.object).or_default();
        for (field, _) in object.iter_mut().zip(plan.fields).filter(|(_, set)| *set) {
            *field = plan.value;
        }
        books.truth[index].applied = true;
        *object
    }

    async fn call(self: Arc<Self>, write: Write, terms: Terms) -> Result<Step<Write, [u8; 2]>, Failed> {
        let index = write.index;
        let result = self.attempts(write, terms).await;
        if result.as_ref().is_err_and(|failed| failed.may_have_happened) {
            self.books.lock().unwrap().truth[index].unsure = true;
        }
        result
    }

    fn panics(&self, index: usize, terms: &Terms, what: &'static str) {
        if self.random(2) == 0 {
            self.books.lock().unwrap().truth[index].unsure |= !terms.look;
            std::panic::panic_any(what);
        }
    }

    /// Models the transport: waits for a permit, makes at most two attempts, and ends when the run does.
    async fn attempts(&self, write: Write, terms: Terms) -> Result<Step<Write, [u8; 2]>, Failed> {
        let index = write.index;
        let plan = self.plan[index];
        if plan.fate == Fate::Invalid {
            return Err(failed(Cause::Invalid, false, false));
        }
        // The timer of a call may fire before that of the engine.
        let ahead = Duration::from_millis(self.random(2));
        let deadline = terms.bounds.deadline.map(|deadline| deadline - ahead);
        let ends = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let mut ends = std::pin::pin!(ends);
        let (mut sent, mut may_have_happened) = (false, false);
        for attempt in 0..2 {
            let turn = sleep(Duration::from_millis(self.random(15)));
            let mut stopped = terms.bounds.stopped.clone();
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => return Err(failed(Cause::Run, sent, may_have_happened)),
                () = &mut ends => return Err(failed(Cause::Run, sent, may_have_happened)),
                () = turn => {}
            }
            let weather = self.weather();
            match weather {
                Weather::LimiterFails => return Err(failed(Cause::Trouble, sent, may_have_happened)),
                Weather::Panics => self.panics(index, &terms, "a limiter with a bug"),
                _ => {}
            }
            sent |= !terms.look;
            let arrives = !matches!(weather, Weather::Unreachable | Weather::WrongKey | Weather::Busy);
            if arrives && !terms.look {
                let books = &mut *self.books.lock().unwrap();
                books.truth[index].arrived += 1;
                books.arrivals.push(index);
            }
            let is_done = match weather {
                Weather::Calm | Weather::Slow | Weather::Panics => true,
                Weather::BadGateway => self.random(2) == 0,
                _ => false,
            };
            let is_done = is_done && !terms.look && plan.fate == Fate::Made;
            let at_once = self.random(2) == 0;
            if is_done && at_once {
                self.apply(index);
            }
            let takes = self.random(if weather == Weather::Slow { 500 } else { 20 });
            tokio::select! {
                biased;
                () = &mut ends => return Err(failed(Cause::Run, sent, sent)),
                () = sleep(Duration::from_millis(takes)) => {}
            }
            if is_done && !at_once {
                self.apply(index);
            }
            if weather == Weather::Panics {
                self.panics(index, &terms, "a hook with a bug");
            }
            match weather {
                Weather::WrongKey => {
                    return Err(Failed {
                        error: CallError::internal(KEY, None),
                        ..failed(Cause::Key, sent, may_have_happened)
                    });
                }
                Weather::Redirect => return Err(failed(Cause::Trouble, sent, may_have_happened)),
                Weather::BadGateway => may_have_happened |= sent,
                Weather::Unreachable | Weather::Busy => {}
                _ if terms.look => {
                    let books = self.books.lock().unwrap();
                    let object = books.state.get(&plan.object).copied().unwrap_or_default();
                    let same = |(field, set): (u8, bool)| !set || field == plan.value;
                    return Ok(if object.into_iter().zip(plan.fields).all(same) {
                        Step::NotModified
                    } else {
                        Step::Send(write)
                    });
                }
                _ => match plan.fate {
                    Fate::Made => return Ok(Step::Done(self.books.lock().unwrap().state[&plan.object])),
                    Fate::Refused => return Err(failed(Cause::Verdict, true, may_have_happened)),
                    Fate::Hopeless => may_have_happened = true,
                    Fate::Invalid => {}
                },
            }
            // Too little time is left for a second attempt.
            if attempt == 0 && deadline.is_some_and(|deadline| Instant::now() + Duration::from_millis(10) > deadline) {
                return Err(failed(Cause::Run, sent, may_have_happened));
            }
        }
        Err(failed(Cause::Trouble, sent, may_have_happened))
    }

    async fn run(
        self: &Arc<Self>,
        disturbance: &Disturbance,
        skip_unchanged: bool,
        journal: Option<&Path>,
    ) -> (Vec<Completed<[u8; 2]>>, Option<Report>) {
        {
            let mut books = self.books.lock().unwrap();
            books.began = Instant::now();
            books.weather.clone_from(&disturbance.weather);
        }
        let mut updates: Vec<_> = (0..self.plan.len())
            .map(|index| {
                Ok(Write {
                    server: Arc::clone(self),
                    index,
                })
            })
            .collect();
        let bulk = match disturbance.input {
            Input::Whole => Bulk::try_stream(stream::iter(updates)),
            Input::Fails(after) => {
                updates.truncate(after);
                updates.push(Err("a line that is none"));
                Bulk::try_stream(stream::iter(updates))
            }
            Input::Hangs(after) => {
                updates.truncate(after);
                Bulk::try_stream(stream::iter(updates).chain(stream::pending()))
            }
        };
        let bulk = bulk
            .concurrency(disturbance.concurrency)
            .ignore_consecutive_errors()
            .fsync(false);
        let bulk = match disturbance.limits {
            1 => bulk.stop_after_errors(1),
            2 => bulk.stop_after_errors(4),
            3 => bulk.stop_above_share(30.0, 5),
            _ => bulk,
        };
        let bulk = match disturbance.end {
            End::Asked(at) => bulk.stop_when(sleep(Duration::from_millis(at))),
            End::Deadline(at) => bulk.deadline(Duration::from_millis(at)),
            End::Never | End::Dropped(_) => bulk,
        };
        let bulk = if disturbance.ordered { bulk.in_order() } else { bulk };
        let bulk = if skip_unchanged { bulk.skip_unchanged() } else { bulk };
        let bulk = match journal {
            Some(journal) => bulk.journal(journal),
            None => bulk,
        };
        let server = Arc::clone(self);
        let act = move |write: Write, terms: Terms| Arc::clone(&server).call(write, terms).boxed();
        let mut run = bulk.run(Arc::new(act)).await.unwrap();
        let mut all = Vec::new();
        let read = async {
            loop {
                match run.try_next().await {
                    Ok(Some(done)) => all.push(done),
                    Ok(None) => return Some(run.report()),
                    Err(error) => {
                        assert!(matches!(error, Error::Source { .. }), "{error}");
                        return None;
                    }
                }
            }
        };
        let dropped = async {
            match disturbance.end {
                End::Dropped(at) => sleep(Duration::from_millis(at)).await,
                _ => std::future::pending().await,
            }
        };
        let report = tokio::select! {
            report = read => report,
            () = dropped => None,
        };
        (all, report)
    }
}

fn plan(rng: &mut Rng) -> Vec<Plan> {
    let objects = if rng.bool() { 1..4 } else { 20..60 };
    let objects = rng.u8(objects);
    let one = |rng: &mut Rng| Plan {
        object: rng.u8(..objects),
        fields: [[true, false], [false, true], [true, true]][rng.usize(..3)],
        value: rng.u8(..3), // often the current value
        fate: match rng.u8(..40) {
            0..=1 => Fate::Refused,
            2..=3 => Fate::Invalid,
            4 => Fate::Hopeless,
            _ => Fate::Made,
        },
    };
    (0..rng.usize(1..40)).map(|_| one(rng)).collect()
}

fn show(done: &Completed<[u8; 2]>) -> String {
    match &done.outcome {
        Outcome::Updated(object) => format!("updated {object:?}"),
        Outcome::NotSent(why @ NotSent::Behind(_)) => format!("{why:?}"),
        other => other.as_str().to_owned(),
    }
}

fn place<T>(done: &Completed<T>) -> usize {
    usize::try_from(done.index).unwrap()
}

async fn round(mut rng: Rng) {
    let plan = plan(&mut rng);
    let skip_unchanged = rng.bool();
    let calm = Server::new(plan.clone(), rng.fork());
    let (expected, expected_report) = calm.run(&Disturbance::none(), skip_unchanged, None).await;

    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let server = Server::new(plan.clone(), rng.fork());
    let mut known: BTreeMap<u64, (String, usize)> = BTreeMap::new();
    let mut dropped = false;
    let runs = rng.usize(1..6);
    for number in 0..=runs {
        let disturbance = if number < runs {
            Disturbance::any(&mut rng, plan.len())
        } else {
            Disturbance::none()
        };
        dropped |= matches!(disturbance.end, End::Dropped(_));
        let (done, report) = server.run(&disturbance, skip_unchanged, Some(&journal)).await;
        let context = format!("run {number} of {plan:?}: {disturbance:?}");
        let books = server.books.lock().unwrap();
        let indices: BTreeSet<_> = done.iter().map(|done| done.index).collect();
        assert_eq!(indices.len(), done.len(), "one outcome for each: {context}");
        for done in &done {
            let truth = books.truth[place(done)];
            if let Some((before, arrived)) = known.get(&done.index) {
                assert_eq!((before, *arrived), (&show(done), truth.arrived), "{done:?}: {context}");
                assert!(done.earlier, "{done:?}: {context}");
            }
            match &done.outcome {
                Outcome::Rejected(error) | Outcome::GivenUp(error) => {
                    assert!(!truth.applied || error.may_have_happened(), "{done:?}: {context}");
                    // It is unknown what a dropped run has sent.
                    assert!(
                        truth.unsure || dropped || !error.may_have_happened(),
                        "{done:?}: {context}"
                    );
                }
                Outcome::NotSent(_) => assert_eq!(truth.arrived, 0, "{done:?}: {context}"),
                Outcome::Updated(_) | Outcome::NotModified => {}
            }
            let says_it = |fate: Fate| plan[place(done)].fate == fate;
            match &done.outcome {
                Outcome::Updated(_) | Outcome::NotModified => assert!(done.outcome.is_final()),
                Outcome::Rejected(error) => assert_eq!(done.outcome.is_final(), error.text != KEY),
                Outcome::NotSent(NotSent::Failed(_)) => assert_eq!(done.outcome.is_final(), says_it(Fate::Invalid)),
                _ => assert!(!done.outcome.is_final()),
            }
            if done.outcome.is_final() {
                known.insert(done.index, (show(done), truth.arrived));
            }
        }
        for object in 0..=u8::MAX {
            let order = books.arrivals.iter().filter(|index| plan[**index].object == object);
            assert!(order.is_sorted(), "order of {object}: {context}");
        }
        if number == runs {
            assert_eq!(
                Report {
                    repeats: 0,
                    ..report.unwrap()
                },
                expected_report.unwrap(),
                "{context}"
            );
            let shown = |done: &[Completed<[u8; 2]>]| done.iter().map(show).collect::<Vec<_>>();
            assert_eq!(shown(&done), shown(&expected), "{context}");
            assert_eq!(books.state, calm.books.lock().unwrap().state, "{context}");
        }
    }
}

/// Prints the seed of a round that panics.
struct Seed(u64);

impl Drop for Seed {
    #[allow(clippy::print_stderr)] // seen when it fails
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("again with CHARTMOGUL_SEED={} CHARTMOGUL_MODEL_ROUNDS=1", self.0);
        }
    }
}

#[test]
fn disturbed_runs_come_to_the_same_as_an_undisturbed_one() {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|number| number.parse::<u64>().expect(name))
    };
    let rounds = number("CHARTMOGUL_MODEL_ROUNDS").unwrap_or(ROUNDS);
    let first = number("CHARTMOGUL_SEED").unwrap_or_else(|| fastrand::u64(..));
    // Panics that the model causes on purpose are not printed.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let is_part_of_it = info
            .payload()
            .downcast_ref::<&str>()
            .is_some_and(|text| text.ends_with(" with a bug"));
        if !is_part_of_it {
            hook(info);
        }
    }));
    let rounds_of = |worker| {
        for number in (worker..rounds).step_by(2) {
            let seed = Seed(first.wrapping_add(number));
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(round(Rng::with_seed(seed.0)));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| rounds_of(0));
        scope.spawn(|| rounds_of(1));
    });
}
