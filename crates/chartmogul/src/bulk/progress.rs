use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

/// Progress of a run. Cheap to clone and to read, from any thread, also after the run.
#[derive(Clone)]
pub struct Progress {
    shared: Arc<Shared>,
}

struct Shared {
    started: Instant,
    total: Option<u64>,
    done: AtomicU64,
    failed: AtomicU64,
    in_flight: AtomicU64,
    rate: Mutex<Rate>,
}

/// The numbers at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Updates that have ended, successfully or not, those of an earlier run included.
    pub done: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Updates in progress.
    pub in_flight: u64,
    /// How many updates there are, if that is known.
    pub total: Option<u64>,
    /// Updates per second, over the last ten seconds.
    pub rate: f64,
    /// Time since the run started.
    pub elapsed: Duration,
    /// How long the rest will take at this rate, if both are known.
    pub remaining: Option<Duration>,
}

impl Progress {
    pub(super) fn new(total: Option<u64>) -> Self {
        Self {
            shared: Arc::new(Shared {
                started: Instant::now(),
                total,
                done: AtomicU64::new(0),
                failed: AtomicU64::new(0),
                in_flight: AtomicU64::new(0),
                rate: Mutex::default(),
            }),
        }
    }

    /// The numbers as they are now.
    pub fn snapshot(&self) -> Snapshot {
        let shared = &self.shared;
        let elapsed = shared.started.elapsed();
        let done = shared.done.load(Relaxed);
        let rate = self.with_rate(|rate| rate.per_second(elapsed));
        let left = shared.total.map(|total| total.saturating_sub(done));
        #[allow(clippy::cast_precision_loss)] // an estimate
        let remaining = left.and_then(|left| match left {
            0 => Some(Duration::ZERO),
            left => Duration::try_from_secs_f64(left as f64 / rate).ok(),
        });
        Snapshot {
            done,
            failed: shared.failed.load(Relaxed),
            in_flight: shared.in_flight.load(Relaxed),
            total: shared.total,
            rate,
            elapsed,
            remaining,
        }
    }

    /// Counts an update as in progress until the returned guard is dropped.
    pub(super) fn started(&self) -> InFlight {
        self.shared.in_flight.fetch_add(1, Relaxed);
        InFlight(self.clone())
    }

    pub(super) fn ended(&self) {
        let elapsed = self.shared.started.elapsed();
        self.with_rate(|rate| rate.add(elapsed));
    }

    pub(super) fn done(&self, failed: bool) {
        self.shared.done.fetch_add(1, Relaxed);
        self.shared.failed.fetch_add(u64::from(failed), Relaxed);
    }

    fn with_rate<T>(&self, act: impl FnOnce(&mut Rate) -> T) -> T {
        // Nothing can panic while the lock is held.
        act(&mut self.shared.rate.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Counts an update in progress, however it ends.
pub(super) struct InFlight(Progress);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.shared.in_flight.fetch_sub(1, Relaxed);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.snapshot(), f)
    }
}

const SECONDS: u8 = 10;

/// How many updates ended in each of the last seconds.
#[derive(Default)]
struct Rate {
    /// By second, modulo the number of seconds.
    ended: [u32; SECONDS as usize],
    second: u64,
}

impl Rate {
    fn advance(&mut self, elapsed: Duration) {
        // Another thread may have advanced it past `elapsed` already.
        let now = elapsed.as_secs().max(self.second);
        for second in (self.second + 1..=now).take(self.ended.len()) {
            *self.slot(second) = 0;
        }
        self.second = now;
    }

    #[allow(clippy::cast_possible_truncation)] // less than ten
    fn slot(&mut self, second: u64) -> &mut u32 {
        &mut self.ended[(second % u64::from(SECONDS)) as usize]
    }

    fn add(&mut self, elapsed: Duration) {
        self.advance(elapsed);
        *self.slot(self.second) += 1;
    }

    fn per_second(&mut self, elapsed: Duration) -> f64 {
        self.advance(elapsed);
        let ended: u32 = self.ended.iter().sum();
        // The slots go back to the beginning of the ninth second before this one.
        let covered = elapsed.min(Duration::new(u64::from(SECONDS) - 1, elapsed.subsec_nanos()));
        f64::from(ended) / covered.as_secs_f64().max(0.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_ten_seconds() {
        let mut rate = Rate::default();
        let at = Duration::from_millis;
        for millisecond in (0..5_000).step_by(25) {
            rate.add(at(millisecond));
        }
        assert!((rate.per_second(at(5_000)) - 40.0).abs() < 0.1);
        assert!((rate.per_second(at(9_999)) - 20.0).abs() < 0.1);
        assert!(rate.per_second(at(12_500)) < 13.0, "the first seconds are forgotten");
        assert!(rate.per_second(at(60_000)).abs() < f64::EPSILON, "and then all of it");
        rate.add(at(60_000));
        assert!((rate.per_second(at(60_000)) - 1.0 / 9.0).abs() < 0.001);
    }

    #[tokio::test(start_paused = true)]
    async fn what_remains_follows_from_the_rate() {
        let progress = Progress::new(Some(400));
        assert_eq!(progress.snapshot().remaining, None, "nothing has ended yet");
        for _ in 0..200 {
            let in_flight = progress.started();
            assert_eq!(progress.snapshot().in_flight, 1);
            tokio::time::advance(Duration::from_millis(25)).await;
            drop(in_flight);
            progress.ended();
            progress.done(false);
        }
        let snapshot = progress.snapshot();
        assert_eq!((snapshot.done, snapshot.failed, snapshot.in_flight), (200, 0, 0));
        let remaining = snapshot.remaining.unwrap_or_default();
        assert!(
            remaining > Duration::from_millis(4_900) && remaining < Duration::from_millis(5_100),
            "{remaining:?}"
        );
    }
}
