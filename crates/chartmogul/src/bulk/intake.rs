//! Takes updates from the source of a run. A stopped run takes a limited number, and waits a limited time.

use std::time::Duration;

use chartmogul_api::BoxError;
use futures_util::{StreamExt as _, stream::Fuse};
use tokio::time::{Instant, timeout_at};

use super::source::Source;

/// How many updates a stopped run still takes from its source, besides those in the journal.
const REST: u64 = 65_536;
/// How long a stopped run waits for its source in total.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the source has yielded.
pub(super) enum Next<U> {
    Update(U),
    Failed(BoxError),
    End,
    /// It yielded nothing in time, and the run waits no longer.
    Nothing,
}

pub(super) struct Intake<U> {
    source: Fuse<Source<U>>,
    has_ended: bool,
    /// How many updates a stopped run has taken.
    rest: u64,
    /// How long a stopped run still waits for the source.
    patience: Duration,
    /// When the current wait of a stopped run began.
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

    /// Whether the run is stopped and waits only for the source: only then does the time limit count.
    pub(super) fn set_timed(&mut self, is_timed: bool) {
        self.waiting_since = is_timed.then(|| self.waiting_since.unwrap_or_else(Instant::now));
    }

    /// The next item of the source, or [`Next::Nothing`] at the time limit.
    pub(super) async fn next(&mut self) -> Next<U> {
        let next = self.source.next();
        let next = match self.waiting_since {
            None => Ok(next.await),
            Some(since) => timeout_at(since + self.patience, next).await,
        };
        let next = match next {
            Ok(Some(Ok(update))) => {
                if let Some(since) = self.waiting_since.take() {
                    self.patience = self.patience.saturating_sub(since.elapsed());
                }
                return Next::Update(update);
            }
            Ok(Some(Err(error))) => Next::Failed(error),
            Ok(None) => Next::End,
            Err(_) => Next::Nothing,
        };
        self.has_ended = true;
        next
    }

    /// Counts an update that a stopped run has taken.
    pub(super) fn count_rest(&mut self) {
        self.rest += 1;
        self.has_ended |= self.rest >= REST;
    }
}
