//! The task of a run: takes updates, makes calls, writes the journal, hands out what has ended.

use std::{panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};

use chartmogul_api::{BoxError, Error as CallError};
use futures_core::future::BoxFuture;
use futures_util::{
    FutureExt as _, StreamExt as _,
    stream::{BoxStream, Fuse},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, Sleep},
};
use tracing::Instrument as _;

use super::{
    Done, Error, NotSent, Outcome, Progress, Stopped, Update,
    journal::{Journal, State},
    queue::{self, Queue, Window},
};

/// What is done with each update: `None` is "nothing to change".
pub(super) type Act<U, T> =
    Arc<dyn Fn(U, Option<Duration>) -> BoxFuture<'static, Result<Option<T>, CallError>> + Send + Sync>;

pub(super) type Source<U> = BoxStream<'static, Result<U, BoxError>>;

/// Outcomes that wait for the caller before nothing more is taken and sent.
pub(super) const READY: usize = 256;
/// From the first update without an outcome to the last one that is taken. One that is tried again for two minutes, while
/// the others go on at 40 per second, is overtaken by 4,800.
const SPAN: u64 = 8_192;
/// What is written into the journal at once, and waited for together.
const TOGETHER: usize = 256;

pub(super) struct Settings {
    pub(super) ordered: bool,
    pub(super) concurrency: usize,
    pub(super) call_timeout: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    pub(super) limits: ErrorLimits,
    pub(super) stop: Option<BoxFuture<'static, ()>>,
}

/// After how many errors a run stops.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ErrorLimits {
    pub(super) errors: Option<u64>,
    /// Percent, and of how many at least.
    pub(super) share: Option<(f64, u64)>,
}

impl ErrorLimits {
    #[allow(clippy::cast_precision_loss)] // a share
    fn are_reached(self, errors: u64, done: u64) -> bool {
        let by_number = self.errors.is_some_and(|limit| errors >= limit);
        let by_share = self
            .share
            .is_some_and(|(percent, of)| done >= of && errors as f64 * 100.0 > done as f64 * percent);
        errors > 0 && (by_number || by_share)
    }
}

struct Job<U> {
    index: u64,
    id: String,
    update: U,
    /// How often earlier runs have sent it.
    sent: u32,
}

impl<U> queue::Job for Job<U> {
    fn index(&self) -> u64 {
        self.index
    }

    fn id(&self) -> &str {
        &self.id
    }
}

struct Ended<T> {
    index: u64,
    id: String,
    sent: u32,
    outcome: Outcome<T>,
}

enum Event<U, T> {
    Stop(Stopped),
    Ended(Ended<T>),
    Took(Option<Result<U, BoxError>>),
    /// The caller has taken an outcome.
    Room,
    /// The caller is gone.
    Gone,
}

pub(super) struct Engine<U, T> {
    source: Fuse<Source<U>>,
    source_ended: bool,
    next: u64,
    act: Act<U, T>,
    queue: Queue<Job<U>>,
    calls: JoinSet<Ended<T>>,
    /// To be sent as soon as the journal says so.
    chosen: Vec<Job<U>>,
    /// To be handed out as soon as the journal says so.
    finished: Vec<Done<T>>,
    window: Window<Done<T>>,
    out: mpsc::Sender<Done<T>>,
    journal: Option<Journal>,
    progress: Progress,
    concurrency: usize,
    call_timeout: Option<Duration>,
    deadline: Option<Instant>,
    time_up: Option<Pin<Box<Sleep>>>,
    stop: Option<BoxFuture<'static, ()>>,
    limits: ErrorLimits,
    /// What counts for the limits.
    errors: u64,
    done: u64,
    stopped: Option<Stopped>,
    failed: Option<Error>,
}

impl<U, T> Engine<U, T>
where
    U: Update,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    pub(super) fn new(
        source: Source<U>,
        act: Act<U, T>,
        settings: Settings,
        journal: Option<Journal>,
        progress: Progress,
        out: mpsc::Sender<Done<T>>,
    ) -> Self {
        // A time that is too far away to be reckoned with is no limit.
        let deadline = settings.deadline.and_then(|after| Instant::now().checked_add(after));
        Self {
            source: source.fuse(),
            source_ended: false,
            next: 0,
            act,
            queue: Queue::new(),
            calls: JoinSet::new(),
            chosen: Vec::new(),
            finished: Vec::new(),
            window: Window::new(settings.ordered),
            out,
            journal,
            progress,
            concurrency: settings.concurrency,
            call_timeout: settings.call_timeout,
            deadline,
            time_up: deadline.map(|at| Box::pin(tokio::time::sleep_until(at))),
            stop: settings.stop,
            limits: settings.limits,
            errors: 0,
            done: 0,
            stopped: None,
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
                if matches!(now, Event::Gone) {
                    return Ok(self.stopped);
                }
                self.handle(now).await;
                handled += 1;
                event = if handled < TOGETHER && !self.is_over() {
                    self.event().now_or_never()
                } else {
                    None
                };
            }
            self.choose();
            self.commit().await;
            self.start();
            self.hand_out();
        }
        if let Some(journal) = &mut self.journal
            && self.failed.is_none()
        {
            journal.put_end(self.stopped, self.next)?;
            journal.commit().await?;
        }
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.stopped),
        }
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
            && self.calls.len() + self.chosen.len() < self.concurrency
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
        let busy = self.stopped.is_none() && self.queue.ready() >= self.concurrency;
        let enough = busy || self.window.span(self.next) >= SPAN;
        !self.source_ended && !self.has_backlog() && (self.is_recalling() || !enough)
    }

    async fn event(&mut self) -> Event<U, T> {
        let (wants_more, has_backlog) = (self.wants_more(), self.has_backlog());
        let running = self.stopped.is_none();
        tokio::select! {
            biased;
            () = either(self.stop.as_mut()), if running => Event::Stop(Stopped::Requested),
            () = either(self.time_up.as_mut()), if running => Event::Stop(Stopped::Deadline),
            Some(Ok(ended)) = self.calls.join_next() => Event::Ended(ended),
            room = self.out.reserve(), if has_backlog => match (room, self.window.next()) {
                (Ok(room), Some(done)) => {
                    room.send(done);
                    Event::Room
                }
                _ => Event::Gone,
            },
            update = self.source.next(), if wants_more => Event::Took(update),
            else => std::future::pending().await,
        }
    }

    async fn handle(&mut self, event: Event<U, T>) {
        match event {
            Event::Stop(why) => self.stop(why),
            Event::Ended(ended) => self.ended(ended),
            Event::Took(Some(Ok(update))) => self.took(update).await,
            Event::Took(Some(Err(source))) => {
                // What came before is finished.
                self.source_ended = true;
                self.failed.get_or_insert(Error::Source {
                    taken: self.next,
                    source,
                });
            }
            Event::Took(None) => {
                self.source_ended = true;
                if self.is_recalling()
                    && let Some(journal) = &self.journal
                {
                    let (here, there) = (self.next, journal.taken());
                    let changed =
                        journal.changed(here, format!("it ends after {here} updates; the journal has {there}"));
                    self.fail(changed);
                }
            }
            Event::Room | Event::Gone => {}
        }
    }

    async fn took(&mut self, update: U) {
        let index = self.next;
        let id = update.id();
        if self.is_recalling() {
            match self.recall(index, &id, &update).await {
                Ok(sent) => {
                    self.next += 1;
                    if let Some(sent) = sent {
                        self.push(Job {
                            index,
                            id,
                            update,
                            sent,
                        });
                    }
                }
                Err(error) => {
                    // There is no way to know what the rest of the input is.
                    self.source_ended = true;
                    self.fail(error);
                }
            }
            return;
        }
        if self.stopped.is_none()
            && let Some(journal) = &mut self.journal
        {
            let taken = match journal.ended() {
                Some(count) => Err(journal.changed(
                    index,
                    format!("it goes on after {count} updates, where the journal says that it ended"),
                )),
                None => match update.body() {
                    Ok(body) => journal.put_taken(index, id.clone(), body),
                    Err(source) => Err(Error::Source {
                        taken: index,
                        source: source.into(),
                    }),
                },
            };
            if let Err(error) = taken {
                self.source_ended = true;
                self.fail(error);
                return;
            }
        }
        self.next += 1;
        self.push(Job {
            index,
            id,
            update,
            sent: 0,
        });
    }

    /// What an earlier run has made of the next update: how often it was sent, if its outcome is not known.
    async fn recall(&mut self, index: u64, id: &str, update: &U) -> Result<Option<u32>, Error> {
        let Some(journal) = &mut self.journal else {
            return Ok(Some(0));
        };
        let known = journal.known::<T>(index).await?;
        let body = update.body().map_err(|source| Error::Source {
            taken: index,
            source: source.into(),
        })?;
        if let Some(difference) = difference(id, &body, &known.taken.id, &known.taken.body) {
            return Err(journal.changed(index, format!("update {index} (counted from 0) {difference}")));
        }
        match known.state {
            State::Open(sent) => Ok(Some(sent)),
            State::Done(done, counts) => {
                let repeats = done.repeats;
                let done = Done {
                    index,
                    id: id.to_owned(),
                    outcome: done.into_outcome(),
                    repeats,
                    earlier: true,
                };
                if counts {
                    self.count(&done.outcome);
                }
                self.window.enter(index);
                self.finished.push(done);
                Ok(None)
            }
        }
    }

    fn push(&mut self, job: Job<U>) {
        self.window.enter(job.index);
        match self.stopped {
            None => self.queue.push(job),
            Some(why) => self.not_sent(job, why),
        }
    }

    fn not_sent(&mut self, job: Job<U>, why: Stopped) {
        self.finished.push(Done {
            index: job.index,
            id: job.id,
            outcome: Outcome::NotSent(NotSent::Stopped(why)),
            repeats: job.sent.saturating_sub(1),
            earlier: false,
        });
    }

    fn ended(&mut self, ended: Ended<T>) {
        let Ended {
            index,
            id,
            sent,
            outcome,
        } = ended;
        self.progress.ended();
        self.queue.ended(&id);
        if outcome.is_about_the_key() {
            // It says nothing about the update: with the right key, a resumed run makes it.
            self.stop(Stopped::KeyRefused);
        } else {
            let put = self
                .journal
                .as_mut()
                .map(|journal| journal.put_done(index, sent, &outcome));
            if let Some(Err(error)) = put {
                self.fail(error);
            }
        }
        self.count(&outcome);
        self.finished.push(Done {
            index,
            id,
            outcome,
            repeats: sent,
            earlier: false,
        });
    }

    fn count(&mut self, outcome: &Outcome<T>) {
        self.done += 1;
        self.errors += u64::from(outcome.is_failure());
        if self.limits.are_reached(self.errors, self.done) {
            self.stop(Stopped::Errors);
        }
    }

    /// Nothing more is sent. What was sent is waited for.
    fn stop(&mut self, why: Stopped) {
        if self.stopped.is_some() {
            return;
        }
        self.stopped = Some(why);
        for job in self.queue.drain() {
            self.not_sent(job, why);
        }
    }

    fn fail(&mut self, error: Error) {
        self.failed.get_or_insert(error);
        self.stop(Stopped::Failed);
    }

    /// What is sent next.
    fn choose(&mut self) {
        while self.may_choose()
            && let Some(job) = self.queue.pop()
        {
            let put = self.journal.as_mut().map(|journal| journal.put_sent(job.index));
            self.chosen.push(job);
            if let Some(Err(error)) = put {
                return self.fail(error);
            }
        }
    }

    async fn commit(&mut self) {
        if let Some(journal) = &mut self.journal
            && let Err(error) = journal.commit().await
        {
            self.fail(error);
        }
        for done in self.finished.drain(..) {
            self.progress.done(done.outcome.is_failure());
            self.window.ended(done.index, done);
        }
    }

    fn start(&mut self) {
        for job in std::mem::take(&mut self.chosen) {
            if let Some(why) = self.stopped {
                self.not_sent(job, why);
                continue;
            }
            let Job {
                index,
                id,
                update,
                sent,
            } = job;
            let left = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let limit = [self.call_timeout, left].into_iter().flatten().min();
            let call = AssertUnwindSafe((self.act)(update, limit)).catch_unwind();
            let call = async move {
                let result = call.await.unwrap_or_else(|_| {
                    Err(CallError::configuration(
                        "the call panicked, which is a bug of what it was made with",
                        None,
                    ))
                });
                let outcome = Outcome::of(result);
                Ended {
                    index,
                    id,
                    sent,
                    outcome,
                }
            };
            self.progress.started();
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

/// In which way an update is not the one that the journal has.
fn difference(id: &str, body: &Value, known_id: &str, known_body: &Value) -> Option<String> {
    if id != known_id {
        return Some(format!("is of {id}, was of {known_id}"));
    }
    if body == known_body {
        return None;
    }
    let none = Value::Null;
    let members = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let (here, there) = (members(body), members(known_body));
    let fields: std::collections::BTreeSet<_> = here.keys().chain(there.keys()).collect();
    let differences: Vec<_> = fields
        .into_iter()
        .map(|field| {
            (
                field,
                there.get(field).unwrap_or(&none),
                here.get(field).unwrap_or(&none),
            )
        })
        .filter(|(_, was, is)| was != is)
        .map(|(field, was, is)| format!("`{field}` was {was}, is {is}"))
        .collect();
    Some(format!("({id}): {}", differences.join("; ")))
}
