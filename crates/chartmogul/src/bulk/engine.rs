//! The task of a run: takes updates, makes calls, writes the journal, hands out what has ended.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use chartmogul_api::{Bounds, BoxError, Operation};
use futures_core::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, stream::Fuse};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
    time::{Instant, Sleep, timeout_at},
};
use tracing::Instrument as _;

use super::{
    Completed, Error, NotSent, Outcome, Progress, Stopped, changes,
    journal::{Journal, Opening, RequestRecord, State},
    outcome::{Cause, Earlier, Failed},
    queue::{self, Queue, Window},
    source::Source,
    update::UpdateCall,
};

/// What is done with each update.
pub(super) type Act<U, T> = Arc<dyn Fn(U, Terms) -> BoxFuture<'static, Result<Step<U, T>, Failed>> + Send + Sync>;

/// What has come of that.
pub(super) enum Step<U, T> {
    Done(T),
    /// There is nothing to change.
    NotModified,
    /// It was looked at, and is to be sent.
    Send(U),
}

/// What the run has to say about how an update is made.
pub(super) struct Terms {
    pub(super) call_timeout: Option<Duration>,
    pub(super) bounds: Arc<Bounds>,
    /// It is looked at, and nothing is sent yet.
    pub(super) look: bool,
    /// An earlier run may have made it.
    pub(super) again: bool,
    pub(super) lost: Lost,
}

/// How many attributes an update removes that it does not name, as soon as that is known.
pub(super) type Lost = Arc<OnceLock<u64>>;

/// Outcomes that wait for the caller before nothing more is taken and sent.
pub(super) const READY: usize = 256;
/// From the first update without an outcome to the last one that is taken. One that is tried again for two minutes, while
/// the others go on at 40 per second, is overtaken by 4,800.
pub(super) const SPAN: u64 = 8_192;
/// What a stopped run still takes from its source, beyond what the journal has.
const REST: u64 = 65_536;
/// How long a stopped run waits for its source, all in all.
const PATIENCE: Duration = Duration::from_secs(1);
/// What is written into the journal at once, and waited for together.
const TOGETHER: usize = 256;

pub(super) struct Settings {
    pub(super) ordered: bool,
    /// Whether updates are looked at before they are sent.
    pub(super) looks: bool,
    /// Whether updates are sent; a dry run only reads. Then one that is not made holds back those of the same object.
    pub(super) writes: bool,
    pub(super) concurrency: usize,
    pub(super) call_timeout: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    pub(super) limits: ErrorLimits,
    pub(super) stop: Option<BoxFuture<'static, ()>>,
}

/// After how many errors a run stops.
#[derive(Debug, Clone, Copy)]
pub(super) struct ErrorLimits {
    pub(super) errors: Option<u64>,
    /// Without a success between them.
    pub(super) in_a_row: Option<u64>,
    /// Percent, and of how many at least.
    pub(super) share: Option<(f64, u64)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    done: u64,
    errors: u64,
    in_a_row: u64,
}

impl Count {
    fn add(&mut self, failed: bool) {
        self.done += 1;
        self.errors += u64::from(failed);
        self.in_a_row = if failed { self.in_a_row + 1 } else { 0 };
    }
}

impl ErrorLimits {
    #[allow(clippy::cast_precision_loss)] // a share
    fn are_reached(self, count: Count) -> bool {
        let Count { done, errors, in_a_row } = count;
        let by_number = self.errors.is_some_and(|limit| errors >= limit);
        let by_row = self.in_a_row.is_some_and(|limit| in_a_row >= limit);
        let by_share = self
            .share
            .is_some_and(|(percent, of)| done >= of && errors as f64 * 100.0 > done as f64 * percent);
        errors > 0 && (by_number || by_row || by_share)
    }
}

struct Job<U> {
    index: u64,
    id: String,
    /// The same for the same object.
    key: String,
    update: U,
    earlier: Earlier,
    /// It was looked at, and would change something.
    looked: bool,
    lost: Lost,
}

impl<U> Job<U> {
    fn new(index: u64, id: String, update: U, earlier: Earlier, lost: Lost) -> Self {
        let key = id.to_ascii_lowercase();
        Self {
            index,
            id,
            key,
            update,
            earlier,
            looked: false,
            lost,
        }
    }

    fn with<V>(self, update: V) -> (U, Job<V>) {
        let Self {
            index,
            id,
            key,
            update: mine,
            earlier,
            looked,
            lost,
        } = self;
        let job = Job {
            index,
            id,
            key,
            update,
            earlier,
            looked,
            lost,
        };
        (mine, job)
    }
}

impl<U> queue::Job for Job<U> {
    fn index(&self) -> u64 {
        self.index
    }

    fn object(&self) -> &str {
        &self.key
    }
}

struct Ended<U, T> {
    job: Job<()>,
    /// Whether it was to be sent.
    sending: bool,
    result: Result<Step<U, T>, Failed>,
}

enum Event<U, T> {
    Stop(Stopped),
    Ended(Ended<U, T>),
    Took(Option<Result<U, BoxError>>),
    /// The source has nothing, and is not waited for any longer.
    Dry,
    /// The caller has taken an outcome.
    Room,
    /// The caller is gone, or one of the calls is.
    Gone(Option<JoinError>),
}

pub(super) struct Engine<U, T> {
    source: Fuse<Source<U>>,
    source_ended: bool,
    /// What a stopped run has taken.
    rest: u64,
    /// How long a stopped run still waits for the source, and since when it does.
    patience: Duration,
    waiting_since: Option<Instant>,
    /// The place of the next update in the input.
    next: u64,
    act: Act<U, T>,
    queue: Queue<Job<U>>,
    calls: JoinSet<Ended<U, T>>,
    /// To be sent as soon as the journal says so.
    chosen: Vec<Job<U>>,
    /// To be handed out as soon as the journal says so.
    finished: Vec<Completed<T>>,
    window: Window<Completed<T>>,
    out: mpsc::Sender<Completed<T>>,
    journal: Option<Journal>,
    /// The journal that is opened with the first update, which says the operation.
    opening: Option<Opening>,
    operation: Option<&'static Operation>,
    progress: Progress,
    settings: Settings,
    time_up: Option<Pin<Box<Sleep>>>,
    stop: Option<BoxFuture<'static, ()>>,
    stop_calls: watch::Sender<bool>,
    bounds: Arc<Bounds>,
    count: Count,
    stopped: Option<Stopped>,
    /// For some update, what was left of the time was not enough.
    is_late: bool,
    stop_is_recorded: bool,
    failed: Option<Error>,
}

impl<U, T> Engine<U, T>
where
    U: UpdateCall,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    pub(super) fn new(
        source: Source<U>,
        act: Act<U, T>,
        mut settings: Settings,
        (journal, opening): (Option<Journal>, Option<Opening>),
        progress: Progress,
        out: mpsc::Sender<Completed<T>>,
    ) -> Self {
        // A deadline that is too far away for an `Instant` is no limit.
        let deadline = settings.deadline.and_then(|after| Instant::now().checked_add(after));
        let (stop_calls, stopped) = watch::channel(false);
        Self {
            source: source.fuse(),
            source_ended: false,
            rest: 0,
            patience: PATIENCE,
            waiting_since: None,
            next: 0,
            act,
            queue: Queue::new(),
            calls: JoinSet::new(),
            chosen: Vec::new(),
            finished: Vec::new(),
            window: Window::new(settings.ordered),
            out,
            journal,
            opening,
            operation: U::OPERATION,
            progress,
            time_up: deadline.map(|at| Box::pin(tokio::time::sleep_until(at))),
            stop: settings.stop.take(),
            settings,
            stop_calls,
            bounds: Arc::new(Bounds { deadline, stopped }),
            count: Count::default(),
            stopped: None,
            is_late: false,
            stop_is_recorded: false,
            failed: None,
        }
    }

    /// Runs to the end; what it was stopped by, if it was.
    pub(super) async fn run(mut self) -> Result<Option<Stopped>, Error> {
        while !self.is_over() {
            // Whatever is there is handled together, so that the journal is written, and waited for, once for all of it.
            let mut event = if self.can_go_on() {
                self.event().now_or_never()
            } else {
                Some(self.event().await)
            };
            let mut handled = 0;
            while let Some(now) = event {
                match now {
                    Event::Gone(None) => return Ok(self.stopped),
                    Event::Gone(Some(gone)) => return Err(Error::Gone { source: gone.into() }),
                    now => self.handle(now).await,
                }
                handled += 1;
                event = if handled < TOGETHER && !self.is_over() {
                    self.event().now_or_never()
                } else {
                    None
                };
            }
            self.choose();
            self.record_stop();
            self.commit().await;
            self.start();
            self.hand_out();
        }
        if let Some(error) = self.failed {
            return Err(error);
        }
        let stopped = self.stopped.or(self.is_late.then_some(Stopped::Deadline));
        if let Some(journal) = &mut self.journal
            && self.stopped.is_none()
        {
            match stopped {
                None => journal.put_ended(self.next)?,
                Some(_) => journal.put_stopped()?,
            }
            journal.commit().await?;
        }
        Ok(stopped)
    }

    fn is_over(&self) -> bool {
        self.source_ended
            && self.queue.is_empty()
            && self.calls.is_empty()
            && self.chosen.is_empty()
            && self.finished.is_empty()
            && self.window.is_empty()
    }

    /// Whether there is something to do without an event.
    fn can_go_on(&self) -> bool {
        !self.finished.is_empty() || self.may_choose() && self.queue.ready() > 0
    }

    fn may_choose(&self) -> bool {
        self.stopped.is_none()
            && !self.is_recalling() // what is not known to be the journal's input is not sent
            && !self.has_backlog()
            && self.calls.len() + self.chosen.len() < self.settings.concurrency
    }

    /// Whether an earlier run has taken the next update.
    fn is_recalling(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| self.next < journal.taken())
    }

    /// Whether the caller is behind.
    fn has_backlog(&self) -> bool {
        self.window.has_next()
    }

    fn wants_more(&self) -> bool {
        // What is behind a stop is still read: each update has an outcome.
        let busy = self.stopped.is_none() && self.queue.ready() >= self.settings.concurrency;
        let enough = busy || self.window.span(self.next) >= SPAN;
        !self.source_ended && !self.has_backlog() && (self.is_recalling() || !enough)
    }

    async fn event(&mut self) -> Event<U, T> {
        let (wants_more, has_backlog) = (self.wants_more(), self.has_backlog());
        let running = self.stopped.is_none();
        // It is the source that is waited for, not whoever takes the outcomes.
        self.waiting_since = (wants_more && !running).then(|| self.waiting_since.unwrap_or_else(Instant::now));
        let until = self.waiting_since.map(|since| since + self.patience);
        tokio::select! {
            biased;
            () = either(self.stop.as_mut()), if running => Event::Stop(Stopped::Requested),
            () = either(self.time_up.as_mut()), if running => Event::Stop(Stopped::Deadline),
            Some(ended) = self.calls.join_next() => match ended {
                Ok(ended) => Event::Ended(ended),
                Err(gone) => Event::Gone(Some(gone)),
            },
            room = self.out.reserve(), if has_backlog => match (room, self.window.next()) {
                (Ok(room), Some(done)) => {
                    room.send(done);
                    Event::Room
                }
                _ => Event::Gone(None),
            },
            event = take(&mut self.source, until), if wants_more => event,
            else => std::future::pending().await,
        }
    }

    async fn handle(&mut self, event: Event<U, T>) {
        match event {
            Event::Stop(why) => self.stop(why),
            Event::Ended(ended) => self.ended(ended),
            Event::Took(Some(Ok(update))) => {
                if let Some(since) = self.waiting_since.take() {
                    self.patience = self.patience.saturating_sub(since.elapsed());
                }
                self.took(update).await;
            }
            Event::Took(Some(Err(source))) => {
                self.source_ended = true;
                let taken = self.next;
                self.source_failed(Error::Source { taken, source });
            }
            Event::Took(None) => {
                self.source_ended = true;
                let (here, there) = (self.next, self.journal.as_ref().map_or(0, Journal::taken));
                if here < there {
                    self.changed(format!("it ends after {here} updates; the journal has {there}"));
                }
            }
            Event::Dry => self.source_ended = true,
            Event::Room | Event::Gone(_) => {}
        }
    }

    /// Refuses an update of another operation than the first, and opens the journal with the first.
    async fn admit(&mut self, update: &U) -> Result<(), Error> {
        if U::OPERATION.is_some() {
            return Ok(()); // all are of one type, and the journal is open
        }
        let (operation, of_run) = (update.operation(), *self.operation.get_or_insert(update.operation()));
        if operation != of_run {
            return Err(Error::Source {
                taken: self.next,
                source: format!("it is an update of `{operation}`, in a run of `{of_run}`").into(),
            });
        }
        if let Some(Opening { path, options }) = self.opening.take() {
            self.journal = Some(Journal::open(path, operation.id, options).await?);
        }
        Ok(())
    }

    async fn took(&mut self, update: U) {
        match self.admit(&update).await {
            Ok(()) => {}
            Err(error) => {
                self.source_ended = true;
                return match error {
                    Error::Source { .. } => self.source_failed(error),
                    error => self.fail(error),
                };
            }
        }
        let request = match update.request() {
            Ok(request) => request,
            Err(source) => {
                self.source_ended = true;
                return self.source_failed(Error::Source {
                    taken: self.next,
                    source: source.into(),
                });
            }
        };
        let (index, id) = (self.next, request.id.clone());
        let lost = if changes::replaces_all(&request.body, update.operation()) {
            Lost::default()
        } else {
            Lost::new(0.into())
        };
        if self.is_recalling() {
            match self.recall(request).await {
                Ok(None) => self.next += 1,
                Ok(Some(earlier)) => {
                    self.next += 1;
                    self.push(Job::new(index, id, update, earlier, lost));
                }
                Err(error) => {
                    self.source_ended = true; // nobody knows what the rest of it is
                    self.fail(error);
                }
            }
            return self.check_limits();
        }
        if self.stopped.is_some() {
            self.rest += 1;
            self.source_ended |= self.rest >= REST;
        } else if let Some(journal) = &mut self.journal {
            if let Some(count) = journal.ended() {
                self.source_ended = true;
                return self.changed(format!(
                    "it continues after {count} updates, where it ended according to the journal"
                ));
            }
            let put = journal.put_taken(index, request);
            self.expect(put);
        }
        self.next += 1;
        self.push(Job::new(index, id, update, Earlier::default(), lost));
    }

    /// What earlier runs have done for the next update, unless its outcome is final.
    async fn recall(&mut self, request: RequestRecord) -> Result<Option<Earlier>, Error> {
        let Some(journal) = &mut self.journal else {
            return Ok(Some(Earlier::default()));
        };
        let index = self.next;
        let known = journal.known::<T>(index).await?;
        if let Some(difference) = known.request.difference(&request) {
            return Err(journal.changed(index, format!("update {index} (counted from 0) {difference}")));
        }
        match known.state {
            State::Open(earlier) => Ok(Some(earlier)),
            State::Done(done, counts) => {
                let (repeats, lost) = (done.repeats, done.lost);
                let done = Completed {
                    index,
                    id: request.id,
                    outcome: done.into_outcome(),
                    repeats,
                    lost,
                    earlier: true,
                    unrecorded: false,
                };
                if counts {
                    self.count.add(done.outcome.is_failure());
                }
                self.window.enter(index);
                self.finished.push(done);
                Ok(None)
            }
        }
    }

    fn push(&mut self, job: Job<U>) {
        self.window.enter(job.index);
        match (self.stopped, self.queue.holder(&job.key)) {
            (Some(why), _) => self.not_sent(job, NotSent::Stopped(why)),
            (None, Some(before)) => self.not_sent(job, NotSent::Behind(before)),
            (None, None) => self.queue.push(job),
        }
    }

    fn not_sent<V>(&mut self, job: Job<V>, why: NotSent) {
        let repeats = job.earlier.sent.saturating_sub(1);
        let outcome = Outcome::not_sent(why, job.earlier);
        self.finish(job, outcome, repeats);
    }

    fn finish<V>(&mut self, job: Job<V>, outcome: Outcome<T>, repeats: u32) {
        self.finished.push(Completed {
            index: job.index,
            id: job.id,
            outcome,
            repeats,
            lost: job.lost.get().copied(),
            earlier: false,
            unrecorded: false,
        });
    }

    fn ended(&mut self, ended: Ended<U, T>) {
        let Ended { job, sending, result } = ended;
        self.progress.ended();
        let failed = match result {
            Ok(Step::Send(update)) => return self.looked(job, update),
            Ok(Step::Done(object)) => return self.made(job, sending, Outcome::Updated(Box::new(object))),
            Ok(Step::NotModified) => return self.made(job, sending, Outcome::NotModified),
            Err(failed) => failed,
        };
        if failed.is_unmodified() {
            return self.made(job, true, Outcome::NotModified);
        }
        match failed.cause {
            // The call has seen before the engine that time is up, or will be before another attempt.
            Cause::Run if self.stopped.is_none() => match self.bounds.deadline {
                Some(deadline) if Instant::now() < deadline => self.is_late = true,
                _ => self.stop(Stopped::Deadline),
            },
            Cause::Key => self.stop(Stopped::KeyRefused),
            _ => {}
        }
        let is_the_runs = failed.cause == Cause::Run;
        let (sent, may_have_happened) = (failed.sent, failed.may_have_happened);
        let outcome = Outcome::failed(failed, job.earlier, self.stopped);
        if outcome.is_final() {
            return self.made(job, sent, outcome);
        }
        if let Some(journal) = &mut self.journal {
            let put = match (sending, sent) {
                (true, true) => journal.put_open(job.index, may_have_happened),
                (true, false) => journal.put_not_sent(job.index),
                (false, _) => Ok(()),
            };
            self.expect(put);
        }
        if !is_the_runs {
            self.count.add(true);
        }
        if self.settings.writes && self.stopped.is_none() {
            for behind in self.queue.hold(&job.key, job.index) {
                self.not_sent(behind, NotSent::Behind(job.index));
            }
        }
        self.told(job, sent, outcome);
    }

    /// An update has an outcome that is final.
    fn made(&mut self, job: Job<()>, sent: bool, outcome: Outcome<T>) {
        if let Some(journal) = &mut self.journal {
            let lost = job.lost.get().copied();
            let put = journal.put_done(job.index, repeats(job.earlier, sent), lost, &outcome);
            self.expect(put);
        }
        self.count.add(outcome.is_failure());
        self.told(job, sent, outcome);
    }

    fn told(&mut self, job: Job<()>, sent: bool, outcome: Outcome<T>) {
        self.queue.ended(&job.key);
        let repeats = repeats(job.earlier, sent);
        self.finish(job, outcome, repeats);
        self.check_limits();
    }

    /// An update was looked at, and would change something.
    fn looked(&mut self, job: Job<()>, update: U) {
        let ((), mut job) = job.with(update);
        job.looked = true;
        match self.stopped {
            None => self.queue.again(job),
            Some(why) => self.not_sent(job, NotSent::Stopped(why)),
        }
    }

    /// What an earlier run may have done would look unchanged.
    fn looks_first(&self, job: &Job<U>) -> bool {
        self.settings.looks && !job.looked && !job.earlier.may_have_happened && !job.update.reads_first()
    }

    fn check_limits(&mut self) {
        // Earlier outcomes come in the order of the input, which is not the one that they had.
        if !self.is_recalling() && self.settings.limits.are_reached(self.count) {
            self.stop(Stopped::Errors);
        }
    }

    /// Nothing more is sent. What was sent is waited for.
    fn stop(&mut self, why: Stopped) {
        if self.stopped.is_some() {
            return;
        }
        self.stopped = Some(why);
        self.stop_calls.send_replace(true);
        for job in self.queue.drain() {
            self.not_sent(job, NotSent::Stopped(why));
        }
    }

    fn fail(&mut self, error: Error) {
        self.failed.get_or_insert(error);
        self.stop(Stopped::Failed);
    }

    fn expect(&mut self, result: Result<(), Error>) {
        if let Err(error) = result {
            self.fail(error);
        }
    }

    /// What came before is finished, unless nobody can know whether it is the journal's input.
    fn source_failed(&mut self, error: Error) {
        if self.is_recalling() {
            return self.fail(error);
        }
        self.failed.get_or_insert(error);
    }

    fn changed(&mut self, difference: String) {
        if let Some(journal) = &self.journal {
            let error = journal.changed(self.next, difference);
            self.fail(error);
        }
    }

    /// What is sent next.
    fn choose(&mut self) {
        while self.may_choose()
            && let Some(job) = self.queue.pop()
        {
            if !self.looks_first(&job)
                && let Some(journal) = &mut self.journal
            {
                let put = journal.put_sent(job.index);
                self.expect(put);
            }
            self.chosen.push(job);
        }
    }

    /// As soon as the last call has ended, not at the end of what may be a long source.
    fn record_stop(&mut self) {
        let is_time = self.stopped.is_some() && self.calls.is_empty() && (self.source_ended || !self.is_recalling());
        if !is_time || self.stop_is_recorded || self.failed.is_some() {
            return;
        }
        self.stop_is_recorded = true;
        let Some(journal) = &mut self.journal else { return };
        let put = journal.put_stopped();
        self.expect(put);
    }

    async fn commit(&mut self) {
        let mut broken = false;
        if let Some(journal) = &mut self.journal {
            let result = journal.commit().await;
            broken = journal.is_broken();
            self.expect(result);
        }
        for mut done in self.finished.drain(..) {
            let is_left = done.outcome.is_left();
            done.unrecorded = broken && !done.earlier && !is_left;
            if !is_left {
                self.progress.done(done.outcome.is_failure());
            }
            self.window.ended(done.index, done);
        }
    }

    fn start(&mut self) {
        for job in std::mem::take(&mut self.chosen) {
            if let Some(why) = self.stopped {
                self.not_sent(job, NotSent::Stopped(why));
                continue;
            }
            let look = self.looks_first(&job);
            let sending = self.settings.writes && !look;
            let (update, job) = job.with(());
            let terms = Terms {
                call_timeout: self.settings.call_timeout,
                bounds: Arc::clone(&self.bounds),
                look,
                again: job.earlier.may_have_happened,
                lost: Arc::clone(&job.lost),
            };
            let call = AssertUnwindSafe((self.act)(update, terms)).catch_unwind();
            let in_flight = self.progress.started();
            let call = async move {
                let _in_flight = in_flight;
                let result = call.await.unwrap_or_else(|_| Err(Failed::panicked(sending)));
                Ended { job, sending, result }
            };
            self.calls.spawn(call.in_current_span());
        }
    }

    fn hand_out(&mut self) {
        while self.window.has_next()
            && let Ok(room) = self.out.try_reserve()
            && let Some(done) = self.window.next()
        {
            room.send(done);
        }
    }
}

async fn either<F: Future<Output = ()> + ?Sized + Unpin>(future: Option<&mut F>) {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// The next update, if it comes in time.
async fn take<U, T>(source: &mut Fuse<Source<U>>, until: Option<Instant>) -> Event<U, T> {
    let Some(until) = until else {
        return Event::Took(source.next().await);
    };
    match timeout_at(until, source.next()).await {
        Ok(update) => Event::Took(update),
        Err(_) => Event::Dry,
    }
}

/// How often it was sent again.
fn repeats(earlier: Earlier, sent: bool) -> u32 {
    (earlier.sent + u32::from(sent)).saturating_sub(1)
}
