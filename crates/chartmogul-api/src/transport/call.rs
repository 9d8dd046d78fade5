//! One call: attempts until one succeeds, the retry policy says stop, or the call times out.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use chrono::Utc;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{Instrument as _, Span};

use super::{
    Completed, Prepared, Route,
    attempt::{self, Accept, AttemptError, BodyError, Deadline, RawResponse},
    leaving::Leaving,
    limit::{Caller, LimiterFuture, Permit, Reserved},
    observe::{self, AttemptEnded, Ended, Waited},
    polling::Polling,
    retry::{Decision, Failed, is_throttling, retry_after},
};
use crate::{Attempt, BoxError, Client, Error, Failure, History, StopReason, TimeoutKind};

/// A read before each attempt; the request to send is computed from its response.
pub(super) struct ReadFirst<'a> {
    pub(super) route: Route,
    pub(super) request: Prepared,
    pub(super) then: &'a mut Then<'a>,
}

/// Computes the write from the response to the read; `None` if there is nothing to write. The inner error ends the call.
pub(super) type Then<'a> = dyn FnMut(&[u8]) -> Result<Result<Option<Prepared>, Error>, BodyError> + Send + 'a;

/// How an attempt ended.
type Attempted = Result<Box<RawResponse>, Box<AttemptError>>;

/// What to do after the read.
enum Next {
    Write(Box<Prepared>),
    /// The call is done.
    Nothing(Box<RawResponse>),
    /// The read failed, or its response would be outdated by the time of the write: read again.
    ReadAgain,
}

pub(super) struct Call<'a> {
    client: &'a Client,
    route: &'a Route,
    request: &'a Prepared,
    read_first: Option<Box<ReadFirst<'a>>>, // boxed: few calls have one
    /// Computed from the response to the read, and sent instead of `request`.
    follows: Option<Box<Prepared>>,
    polling: Arc<Polling>,
    started: Instant,
    deadline: Instant,
    waited: Waited,
    history: History,
}

const SLOT: &str = "the rate limit";
const PERMIT: &str = "a permit";

impl<'a> Call<'a> {
    pub(super) fn new(client: &'a Client, route: &'a Route, request: &'a Prepared) -> Self {
        let started = Instant::now();
        Self {
            client,
            route,
            request,
            read_first: None,
            follows: None,
            polling: Polling::new(),
            started,
            deadline: match &client.bounds {
                Some(bounds) => bounds.deadline.unwrap_or(after(started, Duration::MAX)),
                None => after(started, client.call_timeout),
            },
            waited: Waited::default(),
            history: History::default(),
        }
    }

    /// The call reads before each attempt.
    pub(super) fn reading_first(self, read: ReadFirst<'a>) -> Self {
        Self {
            read_first: Some(Box::new(read)),
            ..self
        }
    }

    pub(super) async fn run(&mut self, accept: &mut Accept<'_>) -> Result<Completed, Error> {
        let (span, shared) = (observe::call_span(self.route), &self.client.shared);
        // Pinned before it is wrapped, as below: wrapping moves a future, and these are large.
        let polling = Arc::clone(&self.polling);
        let (result, span) = {
            let attempts = pin!(self.attempts(accept));
            let attempts = pin!(polling.watch(attempts));
            let mut attempts = attempts.instrument(span);
            ((&mut attempts).await, attempts.span().clone())
        };
        if observe::anyone(shared, &span) {
            observe::call_ended(shared, &span, self.route, &self.ended(&result));
        }
        result
    }

    async fn attempts(&mut self, accept: &mut Accept<'_>) -> Result<Completed, Error> {
        let client = self.client;
        let shared = &client.shared;
        let mut permit = None::<Permit>;
        let mut before = Waited::default();
        loop {
            self.take_slot(&mut permit).await?;
            if let Some(bounds) = &client.bounds
                && self.history.attempts.is_empty()
            {
                let until = after(Instant::now(), client.call_timeout);
                self.deadline = bounds.deadline.map_or(until, |end| end.min(until));
            }
            let number = count(&self.history.attempts) + 1;
            if let Some(read) = self.read_first.take() {
                // Boxed: few calls need its space.
                match Box::pin(self.read(read, &mut permit, &mut before)).await? {
                    Next::Write(request) => self.follows = Some(request),
                    Next::Nothing(raw) => {
                        shared.budget.succeeded(number);
                        return Ok(Completed {
                            raw,
                            attempts: number,
                            written: self.history.may_have_happened(),
                        });
                    }
                    Next::ReadAgain => continue,
                }
            }
            let (started, result) = self.attempt(number, &before, &mut permit, accept).await?;
            match result {
                Ok(raw) => {
                    shared.budget.succeeded(number);
                    return Ok(Completed {
                        raw,
                        attempts: number,
                        written: true,
                    });
                }
                Err(broken) => {
                    self.note(&broken, started, self.waited.since(&before), None);
                    before = self.waited;
                    self.after_failure(broken, None).await?;
                }
            }
        }
    }

    /// Makes an attempt, and returns when it began. A separate future, so that waiting reuses its space.
    #[allow(clippy::manual_async_fn)] // an `async fn` would store its arguments twice
    fn attempt(
        &mut self,
        number: u32,
        before: &Waited,
        permit: &mut Option<Permit>,
        accept: &mut Accept<'_>,
    ) -> impl Future<Output = Result<(Instant, Attempted), Error>> {
        async move {
            let client = self.client;
            let started = Instant::now();
            if started >= self.deadline {
                return Err(self.late(SLOT, "no time left for an attempt".into()));
            }
            let (span, response) = self.begin(self.route, self.follows.as_deref().unwrap_or(self.request), number)?;
            let deadline = self.attempt_deadline(started);
            let sending = pin!(attempt::send(client, response, deadline, accept));
            let mut sending = sending.instrument(span);
            let result = loop {
                if let Some(result) = unless_revoked(&self.polling, &mut sending).await {
                    break result;
                }
                if self.read_first.is_some() {
                    // The response to the read becomes outdated. Whether this request was sent is uncertain, see below.
                    break Err(AttemptError::unpolled().into());
                }
                // Boxed: it is rare, and would take space besides the request.
                if Box::pin(self.take_slot_again(permit)).await.is_err() {
                    // The attempt continues without them until its own timeout: it may have been sent after all, over a
                    // connection that another request released, and then its result must not be lost.
                    break (&mut sending).await;
                }
            };
            let span = sending.span();
            if observe::anyone(&client.shared, span) {
                let ended = AttemptEnded {
                    number,
                    waited: self.waited.since(before),
                    took: started.elapsed(),
                    result: result.as_deref().map_err(AsRef::as_ref),
                };
                observe::attempt_ended(&client.shared, span, self.route, &ended);
            }
            Ok((started, result))
        }
    }

    /// Reads the object that the next attempt depends on. That attempt already has its send slot, so that the write follows
    /// the response to the read without a wait: a concurrent change in between would be overwritten.
    async fn read(
        &mut self,
        read: Box<ReadFirst<'a>>,
        permit: &mut Option<Permit>,
        before: &mut Waited,
    ) -> Result<Next, Error> {
        let client = self.client;
        let shared = &client.shared;
        let mut write_slot = Reserved::begin(&self.polling);
        self.take_slot(permit).await?;
        while write_slot.as_ref().is_some_and(|slot| !slot.hold()) {
            write_slot = Reserved::begin(&self.polling);
            self.take_slot(permit).await?;
        }
        let number = count(&self.history.attempts) + 1;
        let started = Instant::now();
        if started >= self.deadline {
            return Err(self.late(SLOT, "no time left for an attempt".into()));
        }
        let (span, response) = self.begin(&read.route, &read.request, number)?;
        let deadline = self.attempt_deadline(started);
        let mut next = Ok(None);
        let result = {
            let mut accept = |body: &[u8]| {
                next = (read.then)(body)?;
                Ok(())
            };
            let sending = pin!(attempt::send(client, response, deadline, &mut accept));
            let mut sending = sending.instrument(span.clone());
            unless_revoked(&self.polling, &mut sending).await
        };
        let Some(result) = result else {
            self.read_first = Some(read);
            return Ok(Next::ReadAgain);
        };
        if observe::anyone(shared, &span) {
            let ended = AttemptEnded {
                number,
                waited: self.waited.since(before),
                took: started.elapsed(),
                result: result.as_deref().map_err(AsRef::as_ref),
            };
            observe::attempt_ended(shared, &span, &read.route, &ended);
        }
        let next = match (result, next) {
            (Ok(_), Ok(Some(_))) if self.is_stopped() => return Err(self.stopped()),
            // The permit is gone, and the write would wait for another one.
            (Ok(_), Ok(Some(_))) if self.polling.is_revoked() => Next::ReadAgain,
            (Ok(_), Ok(Some(request))) => {
                if let Some(slot) = write_slot {
                    slot.leave();
                }
                Next::Write(request.into())
            }
            (Ok(raw), Ok(None)) => Next::Nothing(raw),
            (Ok(raw), Err(error)) => return Err(self.unusable(error, *raw, &read.route)),
            (Err(broken), _) => {
                self.note(&broken, started, self.waited.since(before), Some(&read.route));
                *before = self.waited;
                self.after_failure(broken, Some(&read.route)).await?;
                Next::ReadAgain
            }
        };
        self.read_first = Some(read);
        Ok(next)
    }

    /// The write can't be computed from the response to the read. If an earlier attempt may have written, the error says so
    /// too.
    fn unusable(&mut self, error: Error, raw: RawResponse, read: &Route) -> Error {
        if !self.history.may_have_happened() {
            return error;
        }
        let history = self.stop_reason(None);
        Error::Unreadable {
            response: Box::new(self.client.shared.error_response(read, raw, history)),
            source: error.into(),
        }
    }

    /// Takes a send slot, and a permit if there is none or it was revoked because this call was not polled.
    async fn take_slot(&mut self, permit: &mut Option<Permit>) -> Result<(), Error> {
        if permit.is_none() && !self.is_stopped() {
            *permit = self.client.shared.limiter.try_begin(Caller(&self.polling));
            if permit.is_some() {
                return Ok(());
            }
        }
        let polling = Arc::clone(&self.polling);
        polling.scope(self.wait_for_slot(permit)).await
    }

    async fn wait_for_slot(&mut self, permit: &mut Option<Permit>) -> Result<(), Error> {
        let limiter = &self.client.shared.limiter;
        loop {
            if permit.is_none() || self.polling.is_revoked() {
                *permit = None;
                *permit = match limiter.try_acquire() {
                    Some(permit) => Some(permit),
                    None => Some(self.wait(PERMIT, limiter.acquire()).await?),
                };
            }
            if self.is_stopped() || !limiter.try_ready() {
                self.wait(SLOT, limiter.ready()).await?;
            }
            if !self.polling.is_revoked() {
                return Ok(());
            }
        }
    }

    /// The same during an attempt, which continues if this fails.
    async fn take_slot_again(&mut self, permit: &mut Option<Permit>) -> Result<(), Error> {
        let history = self.history.clone();
        let result = self.take_slot(permit).await;
        if result.is_err() {
            self.history = history; // it was moved into the error
        }
        result
    }

    /// Begins an attempt. Not inlined into the future, where the request would take space after it is sent.
    fn begin(
        &self,
        route: &Route,
        request: &Prepared,
        number: u32,
    ) -> Result<(Span, impl Future<Output = reqwest::Result<reqwest::Response>> + use<>), Error> {
        let body = |body| Leaving::body(&self.polling, body);
        let request = request.to_request(&self.client.shared, body).map_err(|source| {
            let what = format!("{}: the request can't be built", route.as_str());
            Error::internal(what, Some(source))
        })?;
        // Looked up for each attempt: the server may have announced its idle timeout meanwhile.
        let http = self.client.shared.connections.here()?;
        let span = observe::attempt_span(&self.client.shared, route, &request, number);
        Ok((span, http.execute(request)))
    }

    #[cold] // keeps its code out of the path of a success
    fn note(&mut self, broken: &AttemptError, started: Instant, waited: Waited, read: Option<&Route>) {
        let took = started.elapsed();
        self.history.attempts.push(Attempt {
            is_read: read.unwrap_or(self.route).is_read(),
            started_at: Utc::now() - took,
            waited: waited.total(),
            took,
            failure: broken.failure,
            cause: broken.cause(self.client),
        });
    }

    /// Waits for the next attempt, or ends the call.
    async fn after_failure(&mut self, broken: Box<AttemptError>, read: Option<&Route>) -> Result<(), Error> {
        let client = self.client;
        let shared = &client.shared;
        let retry_after = broken.response().and_then(|response| retry_after(&response.headers));
        if let Failure::Status(status) = broken.failure
            && is_throttling(status)
        {
            shared.limiter.throttled(retry_after);
        }
        let failed = Failed {
            failure: broken.failure,
            idempotent: read.unwrap_or(self.route).idempotent(),
            attempts: count(&self.history.attempts),
            retry_after,
            left: self.deadline.saturating_duration_since(Instant::now()),
        };
        let decision = shared.retry.decide(&failed, &shared.budget, fastrand::f64());
        match decision {
            Decision::Wait(wait) => {
                observe::will_retry(read.unwrap_or(self.route), failed.attempts, wait, broken.failure);
                let began = Instant::now();
                let waited = unless_stopped(client, pin!(sleep(wait)))
                    .instrument(observe::wait_span("the next attempt"))
                    .await;
                self.waited.retry += began.elapsed();
                match waited {
                    Some(()) => Ok(()),
                    None => {
                        let history = self.stop_reason(Some(StopReason::Stopped));
                        Err(broken.into_error(client, read.unwrap_or(self.route), history))
                    }
                }
            }
            Decision::Stop(stop_reason) => {
                let is_late = matches!(broken.failure, Failure::TimedOut(TimeoutKind::Call, _))
                    || matches!(stop_reason, Some(StopReason::NoTimeLeft | StopReason::RetryAfter(_)));
                let by_the_run = is_late && self.ends_with_the_run();
                let history = self.stop_reason(if by_the_run {
                    Some(StopReason::Stopped)
                } else {
                    stop_reason
                });
                Err(broken.into_error(client, read.unwrap_or(self.route), history))
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.client.bounds.as_ref().is_some_and(|bounds| bounds.is_stopped())
    }

    /// Waits for the limiter, until the call's deadline.
    async fn wait<T>(&mut self, what: &'static str, mut slot: LimiterFuture<'_, T>) -> Result<T, Error> {
        self.client.shared.connections.here()?; // waiting needs timers
        if self.is_stopped() {
            return Err(self.stopped());
        }
        let result = match poll_fn(|context| Poll::Ready(slot.as_mut().poll(context))).await {
            Poll::Ready(result) => Ok(Some(result)), // no wait, so no span
            Poll::Pending => {
                let began = Instant::now();
                let result = timeout_at(self.deadline, unless_stopped(self.client, slot))
                    .instrument(observe::wait_span(what))
                    .await;
                let waited = if what == PERMIT {
                    &mut self.waited.permit
                } else {
                    &mut self.waited.rate_limit
                };
                *waited += began.elapsed();
                result
            }
        };
        match result {
            Ok(Some(Ok(value))) => Ok(value),
            Ok(None) => Err(self.stopped()),
            Ok(Some(Err(source))) => Err(Error::Limiter {
                operation: self.route.name(),
                history: Box::new(self.stop_reason(None)),
                source,
            }),
            Err(elapsed) => Err(self.late(what, elapsed.into())),
        }
    }

    /// The deadline passed before an attempt could begin.
    fn late(&mut self, waiting_for: &'static str, source: BoxError) -> Error {
        if self.ends_with_the_run() {
            return self.stopped();
        }
        Error::Timeout {
            operation: self.route.name(),
            kind: TimeoutKind::Call,
            limit: self.limit(),
            while_waiting: Some(waiting_for),
            history: Box::new(self.stop_reason(None)),
            source,
        }
    }

    /// The deadline of an attempt that begins now.
    fn attempt_deadline(&self, now: Instant) -> Deadline {
        let limit = self.client.shared.attempt_timeout;
        let until = after(now, limit);
        if until < self.deadline {
            return Deadline {
                until,
                kind: TimeoutKind::Attempt,
                limit,
            };
        }
        Deadline {
            until: self.deadline,
            kind: TimeoutKind::Call,
            limit: self.limit(),
        }
    }

    /// How long the call may last.
    fn limit(&self) -> Duration {
        if self.ends_with_the_run() {
            self.deadline.saturating_duration_since(self.started)
        } else {
            self.client.call_timeout
        }
    }

    /// Whether the deadline is that of the bulk run that the call belongs to. A timeout then says nothing about the call
    /// itself.
    fn ends_with_the_run(&self) -> bool {
        let bounds = self.client.bounds.as_ref();
        bounds.is_some_and(|bounds| bounds.deadline == Some(self.deadline))
    }

    fn stopped(&mut self) -> Error {
        Error::Stopped {
            operation: self.route.name(),
            history: Box::new(self.stop_reason(None)),
        }
    }

    /// The history of the call, for its error.
    fn stop_reason(&mut self, why: Option<StopReason>) -> History {
        let history = std::mem::take(&mut self.history);
        History {
            elapsed: self.started.elapsed(),
            stop_reason: why,
            ..history
        }
    }

    fn ended(&self, result: &Result<Completed, Error>) -> Ended {
        let (attempts, status, error) = match result {
            Ok(done) => (done.attempts, Some(done.raw.status), None),
            Err(error) => {
                let tried = error.attempts();
                let last = tried.last().map(|attempt| attempt.failure.kind());
                (count(tried), error.status(), Some(last.unwrap_or("not_sent".into())))
            }
        };
        Ended {
            attempts,
            waited: self.waited,
            took: self.started.elapsed(),
            status,
            error,
        }
    }
}

/// Waits for something; `None` if the calls that this one belongs to are stopped first.
async fn unless_stopped<F: Future + Unpin>(client: &Client, mut waiting: F) -> Option<F::Output> {
    let Some(bounds) = &client.bounds else {
        return Some(waiting.await);
    };
    let mut stopped = Box::pin(bounds.stopped()); // boxed: few calls need its space
    poll_fn(|context| {
        if stopped.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut waiting).poll(context).map(Some)
    })
    .await
}

/// Polls an attempt; `None` once its permit and send slot were revoked while it was connecting.
fn unless_revoked<F: Future + Unpin>(polling: &Polling, attempt: &mut F) -> impl Future<Output = Option<F::Output>> {
    poll_fn(|context| {
        if polling.is_unsent() {
            return Poll::Ready(None);
        }
        Pin::new(&mut *attempt).poll(context).map(Some)
    })
}

fn count(attempts: &[Attempt]) -> u32 {
    u32::try_from(attempts.len()).unwrap_or(u32::MAX)
}

/// The end of a time limit, which is at most 30 years.
fn after(now: Instant, limit: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    now + limit.min(FAR)
}
