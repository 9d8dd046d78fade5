//! What a run takes from its source, and how long it waits for it after it was stopped.

use std::time::Duration;

use chartmogul_api::BoxError;
use futures_util::{StreamExt as _, stream::Fuse};
use tokio::time::{Instant, timeout_at};

use super::source::Source;

/// What a stopped run still takes from its source, beyond what the journal has.
const REST: u64 = 65_536;
/// How long a stopped run waits for its source, all in all.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the source has given.
pub(super) enum Given<U> {
    Update(U),
    Failed(BoxError),
    End,
    /// It has nothing, and is not waited for any longer.
    Nothing,
}

pub(super) struct Intake<U> {
    source: Fuse<Source<U>>,
    has_ended: bool,
    /// What a stopped run has taken.
    rest: u64,
    /// How long a stopped run still waits for the source, and since when it does.
    patience: Duration,
    waiting_since: Option<Instant>,
}

impl<U> Intake<U> {
    pub(super) fn new(source: Source<U>) -> Self {
        Self {
            source: source.fuse(),
            has_ended: false,
            rest: 0,
            patience: PATIENCE,
            waiting_since: None,
        }
    }

    /// Whether nothing more is taken.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    pub(super) fn end(&mut self) {
        self.has_ended = true;
    }

    /// Whether it is the source of a stopped run that is waited for, and nothing else: only then does its time pass.
    pub(super) fn set_timed(&mut self, is_timed: bool) {
        self.waiting_since = is_timed.then(|| self.waiting_since.unwrap_or_else(Instant::now));
    }

    /// What the source gives next, if it comes in time.
    pub(super) async fn next(&mut self) -> Given<U> {
        let next = self.source.next();
        let given = match self.waiting_since {
            None => Ok(next.await),
            Some(since) => timeout_at(since + self.patience, next).await,
        };
        let given = match given {
            Ok(Some(Ok(update))) => {
                if let Some(since) = self.waiting_since.take() {
                    self.patience = self.patience.saturating_sub(since.elapsed());
                }
                return Given::Update(update);
            }
            Ok(Some(Err(error))) => Given::Failed(error),
            Ok(None) => Given::End,
            Err(_) => Given::Nothing,
        };
        self.has_ended = true;
        given
    }

    /// The run is stopped, and has taken an update all the same.
    pub(super) fn count_rest(&mut self) {
        self.rest += 1;
        self.has_ended |= self.rest >= REST;
    }
}
