//! The task of a run: takes updates, makes calls, writes the journal, hands out outcomes.

use std::{pin::Pin, time::Duration};

use chartmogul_api::Operation;
use futures_core::future::BoxFuture;
use futures_util::FutureExt as _;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::mpsc,
    task::JoinError,
    time::{Instant, Sleep},
};

use super::{
    calls::{Act, Calls, Ended, Step},
    changes,
    error::Error,
    intake::{Intake, Next},
    job::{Job, Lost},
    journal::{Journal, Opening, RequestRecord, State},
    limits::{Count, ErrorLimits},
    outbox::Outbox,
    outcome::{Cause, Completed, Earlier, NotSent, Outcome, Stopped},
    progress::Progress,
    queue::{Queue, SPAN},
    source::Source,
    update::UpdateCall,
};

/// Maximum number of events that are handled before the journal is written and synced.
const TOGETHER: usize = 256;

pub(super) struct Settings {
    pub(super) ordered: bool,
    /// Whether the object is read and compared before an update is sent.
    pub(super) looks: bool,
    /// Whether updates are sent; a dry run only reads. If they are, one without a final outcome holds back later ones
    /// of the same object.
    pub(super) writes: bool,
    pub(super) concurrency: usize,
    pub(super) call_timeout: Option<Duration>,
    pub(super) deadline: Option<Duration>,
    pub(super) limits: ErrorLimits,
    pub(super) stop: Option<BoxFuture<'static, ()>>,
}

enum Event<U, T> {
    Stop(Stopped),
    Ended(Ended<U, T>),
    Intake(Next<U>),
    /// The caller has taken an outcome.
    Room,
    /// The caller has dropped the run, or the task of a call has failed.
    Gone(Option<JoinError>),
}

pub(super) struct Engine<U, T> {
    intake: Intake<U>,
    /// Index of the next update in the input.
    next: u64,
    queue: Queue<Job<U>>,
    calls: Calls<U, T>,
    /// To be sent as soon as the journal has recorded it.
    chosen: Vec<Job<U>>,
    outbox: Outbox<T>,
    journal: Option<Journal>,
    /// The journal to open with the first update, which determines the operation.
    opening: Option<Opening>,
    operation: Option<&'static Operation>,
    progress: Progress,
    settings: Settings,
    time_up: Option<Pin<Box<Sleep>>>,
    stop: Option<BoxFuture<'static, ()>>,
    count: Count,
    stopped: Option<Stopped>,
    /// A call ended because too little time was left before the run's deadline.
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
        Self {
            intake: Intake::new(source),
            next: 0,
            queue: Queue::new(),
            calls: Calls::new(act, settings.call_timeout, deadline, progress.clone()),
            chosen: Vec::new(),
            outbox: Outbox::new(settings.ordered, out),
            journal,
            opening,
            operation: U::OPERATION,
            progress,
            time_up: deadline.map(|at| Box::pin(tokio::time::sleep_until(at))),
            stop: settings.stop.take(),
            settings,
            count: Count::default(),
            stopped: None,
            is_late: false,
            stop_is_recorded: false,
            failed: None,
        }
    }

    /// Runs to the end; returns why the run was stopped, if it was.
    pub(super) async fn run(mut self) -> Result<Option<Stopped>, Error> {
        while !self.is_over() {
            // Handles all events that are ready, so that the journal is written and synced once for all of them.
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
            self.outbox.hand_out();
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
        self.intake.has_ended()
            && self.queue.is_empty()
            && self.calls.is_empty()
            && self.chosen.is_empty()
            && self.outbox.is_empty()
    }

    /// Whether there is something to do without an event.
    fn can_go_on(&self) -> bool {
        self.outbox.has_finished() || self.may_choose() && self.queue.ready() > 0
    }

    fn may_choose(&self) -> bool {
        self.stopped.is_none()
            && !self.is_recalling() // until the input is known to be the journal's, nothing is sent
            && !self.outbox.has_next()
            && self.calls.len() + self.chosen.len() < self.settings.concurrency
    }

    /// Whether an earlier run has taken the next update.
    fn is_recalling(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| self.next < journal.taken())
    }

    fn wants_more(&self) -> bool {
        // After a stop, updates are still taken, because each has an outcome.
        let busy = self.stopped.is_none() && self.queue.ready() >= self.settings.concurrency;
        let enough = busy || self.outbox.span(self.next) >= SPAN;
        !self.intake.has_ended() && !self.outbox.has_next() && (self.is_recalling() || !enough)
    }

    async fn event(&mut self) -> Event<U, T> {
        let (wants_more, has_backlog) = (self.wants_more(), self.outbox.has_next());
        let running = self.stopped.is_none();
        // The time limit counts only while the source is awaited, not while the caller takes no outcomes.
        self.intake.set_timed(wants_more && !running);
        tokio::select! {
            biased;
            () = either(self.stop.as_mut()), if running => Event::Stop(Stopped::Requested),
            () = either(self.time_up.as_mut()), if running => Event::Stop(Stopped::Deadline),
            Some(ended) = self.calls.next() => match ended {
                Ok(ended) => Event::Ended(ended),
                Err(gone) => Event::Gone(Some(gone)),
            },
            is_there = self.outbox.hand_out_one(), if has_backlog => if is_there {
                Event::Room
            } else {
                Event::Gone(None)
            },
            next = self.intake.next(), if wants_more => Event::Intake(next),
            else => std::future::pending().await,
        }
    }

    async fn handle(&mut self, event: Event<U, T>) {
        match event {
            Event::Stop(why) => self.stop(why),
            Event::Ended(ended) => self.ended(ended),
            Event::Intake(Next::Update(update)) => self.took(update).await,
            Event::Intake(Next::Failed(source)) => {
                let taken = self.next;
                self.source_failed(Error::Source { taken, source });
            }
            Event::Intake(Next::End) => {
                let (here, there) = (self.next, self.journal.as_ref().map_or(0, Journal::taken));
                if here < there {
                    self.changed(format!("it ends after {here} updates; the journal has {there}"));
                }
            }
            Event::Intake(Next::Nothing) | Event::Room | Event::Gone(_) => {}
        }
    }

    /// Rejects an update of another operation than that of the first one; opens the journal with the first one.
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
                self.intake.end();
                return match error {
                    Error::Source { .. } => self.source_failed(error),
                    error => self.fail(error),
                };
            }
        }
        let request = match update.request() {
            Ok(request) => request,
            Err(source) => {
                self.intake.end();
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
                    self.intake.end(); // it is unknown whether the rest matches the journal
                    self.fail(error);
                }
            }
            return self.check_limits();
        }
        if self.stopped.is_some() {
            self.intake.count_rest();
        } else if let Some(journal) = &mut self.journal {
            if let Some(count) = journal.ended() {
                self.intake.end();
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

    /// Looks up the next update in the journal. A final outcome goes to the outbox; otherwise this returns what earlier
    /// runs did.
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
                self.outbox.enter(index);
                self.outbox.finish(done);
                Ok(None)
            }
        }
    }

    fn push(&mut self, job: Job<U>) {
        self.outbox.enter(job.index);
        match (self.stopped, self.queue.holder(&job.key)) {
            (Some(why), _) => self.not_sent(job, NotSent::Stopped(why)),
            (None, Some(before)) => self.not_sent(job, NotSent::Behind(before)),
            (None, None) => self.queue.push(job),
        }
    }

    fn not_sent<V>(&mut self, job: Job<V>, why: NotSent) {
        let repeats = job.repeats(false);
        let outcome = Outcome::not_sent(why, job.earlier);
        self.finish(job, outcome, repeats);
    }

    fn finish<V>(&mut self, job: Job<V>, outcome: Outcome<T>, repeats: u32) {
        self.outbox.finish(Completed {
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
            // The call noticed the deadline before the engine did, or too little time is left for another attempt.
            Cause::Run if self.stopped.is_none() => match self.calls.deadline() {
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

    /// Handles a final outcome.
    fn made(&mut self, job: Job<()>, sent: bool, outcome: Outcome<T>) {
        if let Some(journal) = &mut self.journal {
            let lost = job.lost.get().copied();
            let put = journal.put_done(job.index, job.repeats(sent), lost, &outcome);
            self.expect(put);
        }
        self.count.add(outcome.is_failure());
        self.told(job, sent, outcome);
    }

    fn told(&mut self, job: Job<()>, sent: bool, outcome: Outcome<T>) {
        self.queue.ended(&job.key);
        let repeats = job.repeats(sent);
        self.finish(job, outcome, repeats);
        self.check_limits();
    }

    /// The object was compared, and the update would change it.
    fn looked(&mut self, job: Job<()>, update: U) {
        let ((), mut job) = job.with(update);
        job.looked = true;
        match self.stopped {
            None => self.queue.again(job),
            Some(why) => self.not_sent(job, NotSent::Stopped(why)),
        }
    }

    /// Whether the object is read and compared first. It is not if an earlier run may have made the update, which would
    /// then look unchanged.
    fn looks_first(&self, job: &Job<U>) -> bool {
        self.settings.looks && !job.looked && !job.earlier.may_have_happened && !job.update.reads_first()
    }

    fn check_limits(&mut self) {
        // Outcomes of earlier runs are recalled in the order of the input, not in the order in which they occurred.
        if !self.is_recalling() && self.settings.limits.are_reached(self.count) {
            self.stop(Stopped::Errors);
        }
    }

    /// Sends nothing more. Requests in flight are completed.
    fn stop(&mut self, why: Stopped) {
        if self.stopped.is_some() {
            return;
        }
        self.stopped = Some(why);
        self.calls.stop();
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

    /// The updates before the failure are completed, unless it is not yet known that the input is the journal's.
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

    /// Chooses the calls to start next, and records the updates that are about to be sent.
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

    /// Records a stop as soon as the last call has ended, without waiting for the end of a source that may be long.
    fn record_stop(&mut self) {
        let is_time =
            self.stopped.is_some() && self.calls.is_empty() && (self.intake.has_ended() || !self.is_recalling());
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
        self.outbox.release(broken, &self.progress);
    }

    fn start(&mut self) {
        for job in std::mem::take(&mut self.chosen) {
            if let Some(why) = self.stopped {
                self.not_sent(job, NotSent::Stopped(why));
                continue;
            }
            let look = self.looks_first(&job);
            let sending = self.settings.writes && !look;
            self.calls.start(job, look, sending);
        }
    }
}

async fn either<F: Future<Output = ()> + ?Sized + Unpin>(future: Option<&mut F>) {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}
