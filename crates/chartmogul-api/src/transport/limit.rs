//! Never provoke the account's limits: a place among the calls in flight, and a turn to send.

use std::{
    any::Any,
    collections::VecDeque,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::{Mutex as Queue, OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};

use crate::BoxError;

/// Requests in any second, unless [`ClientBuilder::rate_limit`](crate::ClientBuilder::rate_limit) says otherwise: 40,
/// what ChartMogul documents for an account.
pub const DEFAULT_RATE_LIMIT: u32 = 40;

/// Calls in flight at a time, unless [`ClientBuilder::max_in_flight`](crate::ClientBuilder::max_in_flight) says
/// otherwise: 20, what ChartMogul documents for parallel connections.
pub const DEFAULT_MAX_IN_FLIGHT: u32 = 20;

/// A future of a [`Limiter`].
pub type LimiterFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// Decides when a request may be sent.
///
/// [`RateLimiter`] is the one in use unless
/// [`ClientBuilder::limiter`](crate::ClientBuilder::limiter) sets another: one that knows of other processes on the
/// same account, for example. All clones of a client ask the same limiter.
///
/// A call takes one place, keeps it over all its attempts and the time between them, and takes a turn for each attempt.
/// So a call that is tried again does not queue behind everything that came later, and an outage does not let ever more
/// calls into the air.
///
/// Dropping a future must give its position in the queue back: that is how a call is cancelled.
pub trait Limiter: fmt::Debug + Send + Sync + 'static {
    /// Waits for a place among the calls in flight.
    fn place(&self) -> LimiterFuture<'_, Place>;

    /// Waits until the next request may be sent.
    fn turn(&self) -> LimiterFuture<'_, ()>;

    /// A place, if one is free now and nobody waits for it. A limiter that can't tell at once leaves this out, and is
    /// asked for [`place`](Self::place) each time.
    fn try_place(&self) -> Option<Place> {
        None
    }

    /// Takes a turn, if there is one now and nobody waits for it; whether it did. A limiter that can't tell at once
    /// leaves this out, and is asked for [`turn`](Self::turn) each time.
    fn try_turn(&self) -> bool {
        false
    }

    /// The server refused a request with 429 or 503; `retry_after` is the wait that it asked for, if it did.
    fn throttled(&self, retry_after: Option<Duration>);
}

impl<L: Limiter + ?Sized> Limiter for Arc<L> {
    fn place(&self) -> LimiterFuture<'_, Place> {
        (**self).place()
    }

    fn turn(&self) -> LimiterFuture<'_, ()> {
        (**self).turn()
    }

    fn try_place(&self) -> Option<Place> {
        (**self).try_place()
    }

    fn try_turn(&self) -> bool {
        (**self).try_turn()
    }

    fn throttled(&self, retry_after: Option<Duration>) {
        (**self).throttled(retry_after);
    }
}

/// A place among the calls in flight; free again when dropped.
#[must_use = "the place is free again when this is dropped"]
pub struct Place {
    _held: Held,
}

enum Held {
    Permit(#[allow(dead_code)] OwnedSemaphorePermit), // without a box, for the usual limiter
    Other(#[allow(dead_code)] Box<dyn Any + Send>),
}

impl Place {
    /// A place that lasts as long as what is given here: a permit of a semaphore, for example, or `()`.
    pub fn holding(what: impl Any + Send) -> Self {
        let held = Held::Other(Box::new(what));
        Self { _held: held }
    }

    fn permit(permit: OwnedSemaphorePermit) -> Self {
        let held = Held::Permit(permit);
        Self { _held: held }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

/// No limits: for servers of your own, such as a fake.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

impl Limiter for Unlimited {
    fn place(&self) -> LimiterFuture<'_, Place> {
        Box::pin(async { Ok(Place::holding(())) })
    }

    fn turn(&self) -> LimiterFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn try_place(&self) -> Option<Place> {
        Some(Place::holding(()))
    }

    fn try_turn(&self) -> bool {
        true
    }

    fn throttled(&self, _: Option<Duration>) {}
}

/// A limit on requests per second and on calls in flight, first come, first served.
///
/// Clones share the limit; give one to several clients of the same account. In no second are more requests sent than
/// the rate allows, and while there is a queue they are spread over the second: half of the rate may go at once.
///
/// When the server refuses a request all the same, because another process uses the account, everything stops for as
/// long as the server asks (a second if it does not), then goes on at half the rate and recovers within about 10
/// seconds. Each further refusal halves the rate again, down to a thirty-second, and doubles the stop.
///
/// ```
/// use chartmogul_api::{Client, RateLimiter};
///
/// let half = RateLimiter::new(20, 10); // this process may use half of what the account has
/// let one: Client = Client::builder().api_key("your-api-key").limiter(half.clone()).build()?;
/// let other: Client = Client::builder().api_key("your-api-key").limiter(half).build()?;
/// # Ok::<(), chartmogul_api::Error>(())
/// ```
#[derive(Clone)]
pub struct RateLimiter {
    shared: Arc<Shared>,
}

struct Shared {
    per_second: u32,
    in_flight: u32,
    places: Arc<Semaphore>,
    /// Held by the one whose turn is next. It is fair, and dropping a waiting future leaves the queue.
    queue: Queue<()>,
    /// How many are in the queue or at its head.
    waiting: AtomicUsize,
    pace: Mutex<Pace>,
}

impl RateLimiter {
    /// At most `per_second` requests in any second, and at most `in_flight` calls at a time. Zero counts as one.
    pub fn new(per_second: u32, in_flight: u32) -> Self {
        let (per_second, in_flight) = (per_second.max(1), in_flight.max(1));
        Self {
            shared: Arc::new(Shared {
                per_second,
                in_flight,
                places: Arc::new(Semaphore::new(in_flight as usize)),
                queue: Queue::new(()),
                waiting: AtomicUsize::new(0),
                pace: Mutex::new(Pace::new(per_second)),
            }),
        }
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        // Nothing can panic while the lock is held; if it did, the numbers would still be good.
        self.shared.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn next_turn(&self) {
        let _waiting = Waiting::begin(&self.shared.waiting);
        let _first = self.shared.queue.lock().await;
        loop {
            let Err(at) = self.pace().take(Instant::now()) else {
                return;
            };
            sleep_until(at).await; // and look again: the server may have refused something meanwhile
        }
    }
}

/// Counts somebody who waits, however the waiting ends.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Default for RateLimiter {
    /// What ChartMogul documents for an account: [`DEFAULT_RATE_LIMIT`] and [`DEFAULT_MAX_IN_FLIGHT`].
    fn default() -> Self {
        Self::new(DEFAULT_RATE_LIMIT, DEFAULT_MAX_IN_FLIGHT)
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("per_second", &self.shared.per_second)
            .field("in_flight", &self.shared.in_flight)
            .finish_non_exhaustive()
    }
}

impl Limiter for RateLimiter {
    fn place(&self) -> LimiterFuture<'_, Place> {
        Box::pin(async { Ok(Place::permit(Arc::clone(&self.shared.places).acquire_owned().await?)) })
    }

    fn turn(&self) -> LimiterFuture<'_, ()> {
        Box::pin(async {
            self.next_turn().await;
            Ok(())
        })
    }

    fn try_place(&self) -> Option<Place> {
        let permit = Arc::clone(&self.shared.places).try_acquire_owned();
        permit.ok().map(Place::permit)
    }

    fn try_turn(&self) -> bool {
        self.shared.waiting.load(Relaxed) == 0 && self.pace().take(Instant::now()).is_ok()
    }

    fn throttled(&self, retry_after: Option<Duration>) {
        self.pace().throttled(Instant::now(), retry_after);
    }
}

const SECOND: Duration = Duration::from_secs(1);
/// What the server counts as a second may be more than ours: requests don't all travel equally fast. This much of the rate
/// is given away for not being refused.
const MARGIN: Duration = Duration::from_millis(20);
/// The share of the rate that may go at once.
const BURST: u32 = 2;
const SLOWEST: f64 = 1.0 / 32.0;
/// Share of the full rate that comes back each second.
const RECOVERY: f64 = 0.05;

/// When the next request may be sent. Pure: it is told the time.
struct Pace {
    per_second: u32,
    /// Between two requests at the full rate. Divided once, since each request needs it.
    spacing: Duration,
    /// When the latest requests were sent, as many as may be sent in a second: the next one has to wait until the
    /// oldest of them is a second ago. It is what no window of a second is ever overfilled by.
    latest: VecDeque<Instant>,
    /// When the next request would be sent if they were evenly spread (GCRA); may lie ahead by the burst.
    even: Option<Instant>,
    paused_until: Option<Instant>,
    /// Until when a refusal is taken for one of those that led to the latest pause.
    refused_until: Option<Instant>,
    /// Share of the rate at the end of the latest pause; recovers from there.
    share: f64,
}

impl Pace {
    fn new(per_second: u32) -> Self {
        Self {
            per_second,
            spacing: SECOND / per_second,
            latest: VecDeque::new(),
            even: None,
            paused_until: None,
            refused_until: None,
            share: 1.0,
        }
    }

    /// Takes a turn now, or says when there may be one.
    fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let at = self.next(now);
        if at > now {
            return Err(at);
        }
        self.sent(now);
        Ok(())
    }

    fn next(&self, now: Instant) -> Instant {
        let mut at = self.paused_until.unwrap_or(now).max(now);
        if self.latest.len() >= self.per_second as usize
            && let Some(oldest) = self.latest.front()
        {
            at = at.max(*oldest + SECOND + MARGIN);
        }
        if let Some(even) = self.even {
            let burst = if self.share(now) < 1.0 {
                0 // slowed down: one at a time
            } else {
                self.per_second / BURST
            };
            let ahead = self.interval(now) * burst.saturating_sub(1);
            at = at.max(even.checked_sub(ahead).unwrap_or(now));
        }
        at
    }

    fn sent(&mut self, now: Instant) {
        // What is longer ago holds up nobody; with a high rate there would be ever more of it.
        let over = |sent: &Instant| now.saturating_duration_since(*sent) >= SECOND + MARGIN;
        while self.latest.len() >= self.per_second as usize || self.latest.front().is_some_and(over) {
            self.latest.pop_front();
        }
        self.latest.push_back(now);
        self.even = Some(self.even.map_or(now, |even| even.max(now)) + self.interval(now));
    }

    fn throttled(&mut self, now: Instant, retry_after: Option<Duration>) {
        // Requests that were under way together are refused together: one reason to slow down, not many.
        let known = self.refused_until.is_some_and(|until| now < until);
        let mut pause = retry_after.unwrap_or_default();
        let mut soonest = now;
        if !known {
            let share = self.share(now);
            pause = retry_after.unwrap_or_else(|| SECOND.div_f64(share));
            self.share = (share / 2.0).max(SLOWEST);
            self.even = None;
            soonest = now + SECOND;
        }
        let until = now.checked_add(pause).unwrap_or(now);
        let until = self.paused_until.map_or(until, |earlier| earlier.max(until));
        self.paused_until = Some(until);
        // Only a longer pause makes this later: a server that refuses all the time is a new reason each second.
        let until = until.max(soonest);
        self.refused_until = Some(self.refused_until.map_or(until, |earlier| earlier.max(until)));
    }

    fn share(&self, now: Instant) -> f64 {
        if self.share >= 1.0 {
            return 1.0; // no pause yet
        }
        let recovering = self
            .paused_until
            .map_or(Duration::ZERO, |end| now.saturating_duration_since(end));
        (self.share + recovering.as_secs_f64() * RECOVERY).min(1.0)
    }

    fn interval(&self, now: Instant) -> Duration {
        let share = self.share(now);
        if share >= 1.0 {
            return self.spacing;
        }
        SECOND.div_f64(f64::from(self.per_second) * share)
    }
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)] // tests
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use proptest::prelude::*;
    use tokio::{task::JoinSet, time::timeout};

    use super::*;

    /// Sends as often as the pace allows, after pauses of the caller's own; gives back when.
    fn sends(pace: &mut Pace, start: Instant, pauses: &[u64]) -> Vec<Instant> {
        let mut now = start;
        let mut times = Vec::new();
        for pause in pauses {
            now += Duration::from_micros(*pause);
            now = pace.next(now);
            pace.sent(now);
            times.push(now);
        }
        times
    }

    fn fullest_second(times: &[Instant]) -> usize {
        let within = |from: &Instant| times.iter().filter(|t| *t >= from && **t < *from + SECOND).count();
        times.iter().map(within).max().unwrap_or_default()
    }

    proptest! {
        #[test]
        fn no_second_is_overfilled(rate in 1u32..60, pauses in prop::collection::vec(0u64..60_000, 1..300)) {
            let times = sends(&mut Pace::new(rate), Instant::now(), &pauses);
            prop_assert!(fullest_second(&times) <= rate as usize);
        }

        #[test]
        fn a_refusal_slows_down_for_a_while(rate in 2u32..60, ask in prop::option::of(0u64..5_000)) {
            let mut pace = Pace::new(rate);
            let start = Instant::now();
            sends(&mut pace, start, &vec![0; rate as usize]);
            let refused = start + SECOND;
            let asked = ask.map(Duration::from_millis);
            pace.throttled(refused, asked);
            let times = sends(&mut pace, refused, &vec![0; rate as usize * 12]);
            prop_assert_eq!(times[0].max(refused), times[0]);
            prop_assert!(times[0] >= refused + asked.unwrap_or(SECOND));
            let first = times.iter().filter(|t| **t < times[0] + SECOND).count();
            prop_assert!(first <= (rate as usize * 55).div_ceil(100) + 1, "{} of {}", first, rate);
            let since = times[0] + Duration::from_secs(12);
            prop_assert!((pace.share(since) - 1.0).abs() < f64::EPSILON, "recovered");
        }
    }

    #[test]
    fn the_whole_rate_is_used() {
        let start = Instant::now();
        let times = sends(&mut Pace::new(40), start, &[0; 400]);
        let last = *times.last().unwrap() - start;
        assert!(
            last > Duration::from_millis(9_600) && last < Duration::from_millis(9_700),
            "{last:?}"
        );
        let at_once = times.iter().filter(|t| **t == start).count();
        assert_eq!(at_once, 20, "half at once, the rest spread");
    }

    /// Even if it says each time that the next request may come at once.
    #[test]
    fn a_server_that_refuses_everything_gets_ever_less() {
        let start = Instant::now();
        for ask in [None, Some(Duration::ZERO)] {
            let mut pace = Pace::new(40);
            let mut sent = 0;
            let mut now = start;
            while now < start + SECOND * 20 {
                now = pace.next(now);
                pace.sent(now);
                sent += 1;
                now += Duration::from_millis(5);
                pace.throttled(now, ask);
            }
            assert!(sent < 100, "{sent} of 800 with {ask:?}");
            assert!(pace.share(now) < 0.2, "{}", pace.share(now));
        }
    }

    #[test]
    fn what_was_refused_together_counts_once() {
        let (mut pace, start) = (Pace::new(40), Instant::now());
        for millisecond in 0..20 {
            pace.throttled(start + Duration::from_millis(millisecond), None);
        }
        assert!((pace.share - 0.5).abs() < f64::EPSILON);
        assert_eq!(pace.next(start), start + SECOND);
        pace.throttled(start + Duration::from_millis(20), Some(Duration::from_secs(7)));
        assert_eq!(
            pace.next(start),
            start + Duration::from_millis(7_020),
            "a longer wait counts"
        );
    }

    #[test]
    fn refusal_after_refusal_slows_down_to_a_thirty_second() {
        let (mut pace, start) = (Pace::new(40), Instant::now());
        let mut now = start;
        let mut pauses = Vec::new();
        for _ in 0..7 {
            pace.throttled(now, None);
            let next = pace.next(now);
            pauses.push((next - now).as_secs());
            now = next.max(now + SECOND);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 32]);
        assert_eq!(pace.interval(now), Duration::from_millis(800));
    }

    /// Paused time: the limiter's clock is tokio's.
    #[tokio::test(start_paused = true)]
    async fn turns_come_in_order_and_a_cancelled_one_is_given_back() {
        let limiter = RateLimiter::new(4, 20);
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut calls = JoinSet::new();
        let mut cancelled = Vec::new();
        for number in 0..40 {
            let (limiter, order) = (limiter.clone(), Arc::clone(&order));
            let call = calls.spawn(async move {
                let _place = limiter.place().await.unwrap();
                limiter.turn().await.unwrap();
                order.lock().unwrap().push(number);
            });
            if number % 2 == 1 {
                cancelled.push(call);
            }
            tokio::task::yield_now().await; // in line
        }
        cancelled.iter().for_each(tokio::task::AbortHandle::abort);
        let started = Instant::now();
        while calls.join_next().await.is_some() {}
        let went = order.lock().unwrap().clone();
        let even: Vec<_> = went.iter().copied().filter(|number| number % 2 == 0).collect();
        assert_eq!(even, (0..40).step_by(2).collect::<Vec<_>>(), "first come, first served");
        // 20 calls at 4 in a second; the cancelled ones, a few at the very start aside, took no time.
        assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    }

    /// Who comes when a turn is free does not get it before those who wait for it, but have not woken up yet.
    #[tokio::test]
    async fn nobody_jumps_the_queue() {
        let limiter = RateLimiter::new(2, 20);
        limiter.turn().await.unwrap();
        let first = tokio::spawn({
            let limiter = limiter.clone();
            async move { limiter.turn().await.unwrap() }
        });
        tokio::task::yield_now().await; // in line
        std::thread::sleep(Duration::from_millis(600)); // the turn is free, but nobody runs
        assert!(!limiter.try_turn(), "jumped the queue");
        tokio::select! {
            biased;
            _ = limiter.turn() => panic!("jumped the queue"),
            () = std::future::ready(()) => {}
        }
        first.await.unwrap();
    }

    /// What is taken without waiting counts as what was waited for does.
    #[tokio::test(start_paused = true)]
    async fn what_is_free_is_taken_at_once() {
        let limiter: Arc<dyn Limiter> = Arc::new(RateLimiter::new(4, 2)); // forwards to the one inside
        let burst = (0..10).filter(|_| limiter.try_turn()).count();
        assert_eq!(burst, 2, "half of the rate, and no more at the same moment");
        let before = Instant::now();
        limiter.turn().await.unwrap();
        assert!(before.elapsed() >= SECOND / 4, "{:?}", before.elapsed());

        let places = (limiter.try_place().unwrap(), limiter.place().await.unwrap());
        assert!(limiter.try_place().is_none(), "both are taken");
        let mut waiting = limiter.place();
        assert!(timeout(Duration::from_millis(1), &mut waiting).await.is_err());
        drop(places.0);
        assert!(limiter.try_place().is_none(), "the free one is for who waits");
        let _first = waiting.await.unwrap();
        drop(places.1);
        assert!(limiter.try_place().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_again_when_it_is_dropped() {
        let limiter = RateLimiter::new(1_000_000, 3);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut calls = JoinSet::new();
        for number in 0..100 {
            let (limiter, now, most) = (limiter.clone(), Arc::clone(&now), Arc::clone(&most));
            calls.spawn(async move {
                let place = limiter.place();
                if number % 3 == 0 {
                    let _ = timeout(Duration::from_millis(1), place).await; // gives up, with or without a place
                    return;
                }
                let _place = place.await.unwrap();
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(10)).await;
                now.fetch_sub(1, Ordering::SeqCst);
            });
        }
        while let Some(ended) = calls.join_next().await {
            ended.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 3);
        assert_eq!(limiter.shared.places.available_permits(), 3, "none is lost");
    }

    /// A refusal stops those that wait already, not only those that come.
    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_who_waits_already() {
        let limiter = RateLimiter::new(1, 20);
        limiter.turn().await.unwrap();
        let waiting = tokio::spawn({
            let limiter = limiter.clone();
            async move {
                limiter.turn().await.unwrap();
                Instant::now()
            }
        });
        tokio::task::yield_now().await;
        let refused = Instant::now();
        limiter.throttled(Some(Duration::from_secs(30)));
        assert!(waiting.await.unwrap() >= refused + Duration::from_secs(30));
    }
}
