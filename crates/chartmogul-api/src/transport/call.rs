//! One call: attempts until one succeeds, the policy says stop, or time is up.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use chrono::Utc;
use http::{HeaderValue, Method, header};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{Instrument as _, Span};

use super::{
    Client, Done, Route,
    attempt::{self, Accept, Broken, Time},
    limit::{LimiterFuture, Place},
    observe::{self, AttemptEnded, Ended, Waited},
    retry::{Decision, Failed, is_throttling, retry_after},
};
use crate::{Attempt, BoxError, Error, Failure, GaveUp, History, TimeoutKind};

/// Makes what an attempt sends. Once for each, so that a call which waits for its turn holds no request, and one that
/// succeeds at once has copied none.
pub(super) type Make<'a> = dyn Fn() -> reqwest::RequestBuilder + Sync + 'a;

pub(super) struct Call<'a> {
    client: &'a Client,
    route: Route,
    make: &'a Make<'a>,
    started: Instant,
    deadline: Instant,
    waited: Waited,
    history: History,
}

const TURN: &str = "the rate limit";
const PLACE: &str = "a place among the calls in flight";

impl<'a> Call<'a> {
    pub(super) fn new(client: &'a Client, route: Route, make: &'a Make<'a>) -> Self {
        let started = Instant::now();
        Self {
            client,
            route,
            make,
            started,
            deadline: match &client.bounds {
                Some(bounds) => bounds.deadline.unwrap_or(after(started, Duration::MAX)),
                None => after(started, client.call_timeout),
            },
            waited: Waited::default(),
            history: History::default(),
        }
    }

    pub(super) async fn run(&mut self, accept: &mut Accept<'_>) -> Result<Done, Error> {
        let (span, shared) = (observe::call_span(&self.route), &self.client.shared);
        // In its place before it is wrapped, as below: what is wrapped is moved, and these futures are large.
        let (result, span) = {
            let attempts = pin!(self.attempts(accept));
            let mut attempts = attempts.instrument(span);
            ((&mut attempts).await, attempts.span().clone())
        };
        if observe::anyone(shared, &span) {
            observe::call_ended(shared, &span, &self.route, &self.ended(&result));
        }
        result
    }

    async fn attempts(&mut self, accept: &mut Accept<'_>) -> Result<Done, Error> {
        let client = self.client;
        let shared = &client.shared;
        let mut http = shared.connections.here()?;
        let _place: Place = match shared.limiter.try_place() {
            Some(place) => place,
            None => self.wait(PLACE, shared.limiter.place()).await?,
        };
        let mut before = Waited::default();
        loop {
            if self.is_stopped() || !shared.limiter.try_turn() {
                self.wait(TURN, shared.limiter.turn()).await?;
            }
            if let Some(bounds) = &client.bounds
                && self.history.attempts.is_empty()
            {
                let until = after(Instant::now(), client.call_timeout);
                self.deadline = bounds.deadline.map_or(until, |end| end.min(until));
            }
            let number = count(&self.history.attempts) + 1;
            // In a block: what an attempt needs has no room of its own in the future while the call waits for the next.
            let (started, result) = {
                let started = Instant::now();
                if started >= self.deadline {
                    return Err(self.late(TURN, "no time was left for an attempt".into()));
                }
                // The server may have said meanwhile how long it keeps connections.
                http = shared.connections.here().unwrap_or(http);
                let (span, answer) = self.begin(&http, number)?;
                let time = self.time(started);
                let sending = pin!(attempt::send(client, answer, &time, accept));
                let mut sending = sending.instrument(span);
                let result = (&mut sending).await;
                let span = sending.span();
                if observe::anyone(shared, span) {
                    let ended = AttemptEnded {
                        number,
                        waited: self.waited.since(&before),
                        took: started.elapsed(),
                        result: result.as_deref().map_err(AsRef::as_ref),
                    };
                    observe::attempt_ended(shared, span, &self.route, &ended);
                }
                (started, result)
            };
            match result {
                Ok(whole) => {
                    shared.budget.succeeded(number);
                    return Ok(Done {
                        whole,
                        attempts: number,
                    });
                }
                Err(broken) => {
                    self.note(&broken, started, self.waited.since(&before));
                    before = self.waited;
                    self.after_failure(broken).await?;
                }
            }
        }
    }

    /// Begins an attempt. Not part of the future, where the request would keep its room after it has gone.
    fn begin(
        &self,
        http: &reqwest::Client,
        number: u32,
    ) -> Result<(Span, impl Future<Output = reqwest::Result<reqwest::Response>> + use<>), Error> {
        let mut request = (self.make)().build().map_err(|source| Error::Configuration {
            what: format!("{}: the request can't be built", self.route.name),
            source: Some(source.without_url().into()),
        })?;
        announce_length(&mut request);
        let span = observe::attempt_span(&self.client.shared, &self.route, &request, number);
        Ok((span, http.execute(request)))
    }

    #[cold] // so that its code is not in the way of what succeeds
    fn note(&mut self, broken: &Broken, started: Instant, waited: Waited) {
        let took = started.elapsed();
        self.history.attempts.push(Attempt {
            started_at: Utc::now() - took,
            waited: waited.total(),
            took,
            failure: broken.failure,
            cause: broken.cause(self.client),
        });
    }

    /// Waits for the next attempt, or ends the call.
    async fn after_failure(&mut self, broken: Box<Broken>) -> Result<(), Error> {
        let client = self.client;
        let shared = &client.shared;
        let retry_after = broken.answer().and_then(|answer| retry_after(&answer.headers));
        if let Failure::Status(status) = broken.failure
            && is_throttling(status)
        {
            shared.limiter.throttled(retry_after);
        }
        let failed = Failed {
            failure: broken.failure,
            repeatable: self.route.repeatable,
            attempts: count(&self.history.attempts),
            retry_after,
            left: self.deadline.saturating_duration_since(Instant::now()),
        };
        let decision = shared.retry.decide(&failed, &shared.budget, fastrand::f64());
        match decision {
            Decision::Wait(wait) => {
                observe::will_retry(&self.route, failed.attempts, wait, broken.failure);
                let began = Instant::now();
                let waited = unless_stopped(client, pin!(sleep(wait)))
                    .instrument(observe::wait_span("the next attempt"))
                    .await;
                self.waited.retry += began.elapsed();
                match waited {
                    Some(()) => Ok(()),
                    None => {
                        let history = self.gave_up(Some(GaveUp::Stopped));
                        Err(broken.into_error(client, &self.route, history))
                    }
                }
            }
            Decision::Stop(gave_up) => {
                let history = self.gave_up(gave_up);
                Err(broken.into_error(self.client, &self.route, history))
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.client.bounds.as_ref().is_some_and(|bounds| bounds.is_stopped())
    }

    /// Waits for the limiter, as long as the call may last.
    async fn wait<T>(&mut self, what: &'static str, mut turn: LimiterFuture<'_, T>) -> Result<T, Error> {
        if self.is_stopped() {
            return Err(self.stopped());
        }
        let result = match poll_fn(|context| Poll::Ready(turn.as_mut().poll(context))).await {
            Poll::Ready(result) => Ok(Some(result)), // nobody waited, so none is shown
            Poll::Pending => {
                let began = Instant::now();
                let result = timeout_at(self.deadline, unless_stopped(self.client, turn))
                    .instrument(observe::wait_span(what))
                    .await;
                let waited = if what == PLACE {
                    &mut self.waited.place
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
                operation: self.route.name.clone(),
                history: Box::new(self.gave_up(None)),
                source,
            }),
            Err(elapsed) => Err(self.late(what, elapsed.into())),
        }
    }

    /// Time was up before an attempt could begin.
    fn late(&mut self, waiting_for: &'static str, source: BoxError) -> Error {
        Error::Timeout {
            operation: self.route.name.clone(),
            kind: TimeoutKind::Call,
            limit: self.limit(),
            while_waiting: Some(waiting_for),
            history: Box::new(self.gave_up(None)),
            source,
        }
    }

    /// The limit that ends an attempt which begins now.
    fn time(&self, now: Instant) -> Time {
        let limit = self.client.shared.attempt_timeout;
        let until = after(now, limit);
        if until < self.deadline {
            return Time {
                until,
                kind: TimeoutKind::Attempt,
                limit,
            };
        }
        Time {
            until: self.deadline,
            kind: TimeoutKind::Call,
            limit: self.limit(),
        }
    }

    /// How long the call may last.
    fn limit(&self) -> Duration {
        match &self.client.bounds {
            Some(bounds) if bounds.deadline == Some(self.deadline) => {
                self.deadline.saturating_duration_since(self.started)
            }
            _ => self.client.call_timeout,
        }
    }

    fn stopped(&mut self) -> Error {
        Error::Stopped {
            operation: self.route.name.clone(),
            history: Box::new(self.gave_up(None)),
        }
    }

    /// What the error tells of the call.
    fn gave_up(&mut self, why: Option<GaveUp>) -> History {
        let history = std::mem::take(&mut self.history);
        History {
            elapsed: self.started.elapsed(),
            gave_up: why,
            ..history
        }
    }

    fn ended(&self, result: &Result<Done, Error>) -> Ended {
        let (attempts, status, error) = match result {
            Ok(done) => (done.attempts, Some(done.whole.status), None),
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
    let mut stopped = pin!(bounds.stopped());
    poll_fn(|context| {
        if stopped.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut waiting).poll(context).map(Some)
    })
    .await
}

/// Methods with a body say so if there is none (RFC 9110, section 8.6); some servers answer with 411 otherwise.
fn announce_length(request: &mut reqwest::Request) {
    if matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH) && request.body().is_none() {
        let none = HeaderValue::from_static("0");
        request.headers_mut().entry(header::CONTENT_LENGTH).or_insert(none);
    }
}

fn count(attempts: &[Attempt]) -> u32 {
    u32::try_from(attempts.len()).unwrap_or(u32::MAX)
}

/// A limit that is too far away to be reckoned with is none.
fn after(now: Instant, limit: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    now + limit.min(FAR)
}
