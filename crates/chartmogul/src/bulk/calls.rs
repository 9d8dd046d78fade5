//! The calls of a run: starts them, tells them that the run was stopped, and yields how they ended.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use chartmogul_api::Bounds;
use futures_core::future::BoxFuture;
use futures_util::FutureExt as _;
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::Instant,
};
use tracing::Instrument as _;

use super::{
    job::{Job, Lost},
    outcome::Failed,
    progress::Progress,
};

/// Processes one update.
pub(super) type Act<U, T> = Arc<dyn Fn(U, Terms) -> BoxFuture<'static, Result<Step<U, T>, Failed>> + Send + Sync>;

/// The result of a successful call.
pub(super) enum Step<U, T> {
    Done(T),
    /// There is nothing to change.
    NotModified,
    /// The object was compared, and the update is to be sent.
    Send(U),
}

/// How the run wants an update to be processed.
pub(super) struct Terms {
    pub(super) call_timeout: Option<Duration>,
    pub(super) bounds: Arc<Bounds>,
    /// Only read and compare the object; do not send the update yet.
    pub(super) look: bool,
    /// Whether an earlier run may have made the update.
    pub(super) again: bool,
    pub(super) lost: Lost,
}

/// A call that has ended.
pub(super) struct Ended<U, T> {
    pub(super) job: Job<()>,
    /// Whether the call was to send the update.
    pub(super) sending: bool,
    pub(super) result: Result<Step<U, T>, Failed>,
}

/// The calls in flight, and what they share.
pub(super) struct Calls<U, T> {
    act: Act<U, T>,
    in_flight: JoinSet<Ended<U, T>>,
    call_timeout: Option<Duration>,
    stop: watch::Sender<bool>,
    bounds: Arc<Bounds>,
    progress: Progress,
}

impl<U, T> Calls<U, T>
where
    U: Send + 'static,
    T: Send + 'static,
{
    pub(super) fn new(
        act: Act<U, T>,
        call_timeout: Option<Duration>,
        deadline: Option<Instant>,
        progress: Progress,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self {
            act,
            in_flight: JoinSet::new(),
            call_timeout,
            stop,
            bounds: Arc::new(Bounds { deadline, stopped }),
            progress,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.in_flight.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// When all of them time out.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.bounds.deadline
    }

    /// Starts a call: a read and comparison if `look`, otherwise the update.
    pub(super) fn start(&mut self, job: Job<U>, look: bool, sending: bool) {
        let (update, job) = job.with(());
        let terms = Terms {
            call_timeout: self.call_timeout,
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
        self.in_flight.spawn(call.in_current_span());
    }

    /// Waits for the next call to end; `None` if none is in flight.
    pub(super) async fn next(&mut self) -> Option<Result<Ended<U, T>, JoinError>> {
        self.in_flight.join_next().await
    }

    /// Tells all calls to send nothing more. Responses to requests in flight are still received.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }
}
