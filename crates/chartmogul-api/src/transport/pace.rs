//! When the next request may be sent. Pure: it is told the time.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

pub(super) const SECOND: Duration = Duration::from_secs(1);
/// What the server counts as a second may be more than ours: requests don't all travel equally fast. This much of the rate
/// is given away for not being refused.
const MARGIN: Duration = Duration::from_millis(20);
/// The share of the rate that may go at once.
const BURST: u32 = 2;
const SLOWEST: f64 = 1.0 / 32.0;
/// Share of the full rate that comes back each second.
const RECOVERY: f64 = 0.05;
/// The longest that anybody waits because a server says so. One that asks for more may be wrong about the time, so it is
/// asked again after this.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// After a pause of this length or more, one request goes first.
pub(super) const LONG_PAUSE: Duration = Duration::from_secs(60);
/// How long the others wait for the end of its call.
const PROBE: Duration = Duration::from_secs(10);

/// When the next request may be sent.
pub(super) struct Pace {
    per_second: u32,
    /// Between two requests at the full rate. Divided once, since each request needs it.
    spacing: Duration,
    /// When the latest requests were sent, as many as may be sent in a second: the next one has to wait until the
    /// oldest of them is a second ago. It is what no window of a second is ever overfilled by.
    latest: VecDeque<Instant>,
    /// Requests that had their send slot and have not left, because their connections are being made, for example. They may
    /// leave at any time, so they count in every second.
    delayed: u32,
    /// When the next request would be sent if they were evenly spread (GCRA); may lie ahead by the burst.
    even: Option<Instant>,
    paused_until: Option<Instant>,
    /// Until when a refusal is taken for one of those that led to the latest pause.
    refused_until: Option<Instant>,
    /// Share of the rate at the end of the latest pause; recovers from there.
    share: f64,
    probe: Probe,
}

/// When the request of a send slot leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    Now,
    /// When that is told.
    Later,
}

/// The first request after a long pause.
enum Probe {
    None,
    Due,
    /// It was sent by this ticket; the others wait for its end, or until then.
    Sent(u64, Instant),
}

impl Pace {
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            spacing: SECOND / per_second,
            latest: VecDeque::new(),
            delayed: 0,
            even: None,
            paused_until: None,
            refused_until: None,
            share: 1.0,
            probe: Probe::None,
        }
    }

    /// Takes a send slot now, or says when there may be one, if that is known. Its request leaves at once, or is delayed.
    pub(super) fn take(&mut self, now: Instant, ticket: u64, leaves: Leaves) -> Result<(), Option<Instant>> {
        match self.next(now) {
            Some(at) if at <= now => {
                match leaves {
                    Leaves::Now => self.arrived_at(now),
                    Leaves::Later => self.delayed += 1,
                }
                self.even = Some(self.even.map_or(now, |even| even.max(now)) + self.interval(now));
                self.probe = match self.probe {
                    Probe::Due => Probe::Sent(ticket, now + PROBE),
                    _ => Probe::None,
                };
                Ok(())
            }
            at => Err(at),
        }
    }

    /// When the next request may be sent; `None` while all that may arrive within a second are still to leave.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        let mut at = self.paused_until.unwrap_or(now).max(now);
        if let Probe::Sent(_, until) = self.probe {
            at = at.max(until);
        }
        let room = self.per_second.checked_sub(self.delayed).filter(|room| *room > 0)? as usize;
        if let Some(oldest) = self.latest.len().checked_sub(room) {
            at = at.max(self.latest[oldest] + SECOND + MARGIN);
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
        Some(at)
    }

    fn arrived_at(&mut self, now: Instant) {
        // What is longer ago holds up nobody; with a high rate there would be ever more of it.
        let over = |sent: &Instant| now.saturating_duration_since(*sent) >= SECOND + MARGIN;
        while self.latest.len() >= self.per_second as usize || self.latest.front().is_some_and(over) {
            self.latest.pop_front();
        }
        self.latest.push_back(now);
    }

    /// A request that had its send slot then will leave at some time, if there is room for it in any second; whether there is.
    /// There may be none when its send slot was too long ago.
    pub(super) fn reserve(&mut self, now: Instant, sent: Instant) -> bool {
        let counts = |at: &Instant| now.saturating_duration_since(*at) < SECOND + MARGIN;
        let others = self.latest.iter().filter(|at| counts(at)).count() + self.delayed as usize;
        // With one request per second, there never is.
        let fits = counts(&sent) || others < self.per_second as usize || self.per_second == 1;
        if fits {
            if let Some(index) = self.latest.iter().rposition(|at| *at == sent) {
                self.latest.remove(index);
            }
            self.delayed += 1;
        }
        fits
    }

    /// A request that was delayed leaves now.
    pub(super) fn arrived(&mut self, now: Instant) {
        self.delayed = self.delayed.saturating_sub(1);
        self.arrived_at(now);
    }

    /// A request that was delayed will not leave.
    pub(super) fn given_back(&mut self) {
        self.delayed = self.delayed.saturating_sub(1);
    }

    /// Whether requests that are still to leave keep others from being sent.
    pub(super) fn is_held_up(&self) -> bool {
        self.delayed > 0 && self.latest.len() + self.delayed as usize >= self.per_second as usize
    }

    /// Whether it matters when a request ends.
    pub(super) fn is_open(&self) -> bool {
        self.delayed > 0 || matches!(self.probe, Probe::Sent(..))
    }

    /// The request of this ticket has ended; whether others waited for that.
    pub(super) fn ended(&mut self, ticket: u64) -> bool {
        let waited = matches!(self.probe, Probe::Sent(probing, _) if probing == ticket);
        if waited {
            self.probe = Probe::None;
        }
        waited
    }

    /// The server refused a request. How long everything stops.
    pub(super) fn throttled(&mut self, now: Instant, retry_after: Option<Duration>) -> Duration {
        // Requests that were under way together are refused together: one reason to slow down, not many.
        let known = self.refused_until.is_some_and(|until| now < until);
        let mut pause = retry_after.unwrap_or_default().min(LONGEST_PAUSE);
        let mut soonest = now;
        if !known {
            // Also if the server says that the next request may come at once: it refused this one.
            let share = self.share(now);
            pause = pause.max(SECOND.div_f64(share));
            self.share = (share / 2.0).max(SLOWEST);
            self.even = None;
            soonest = now + SECOND;
        }
        let until = now + pause;
        if self.paused_until.is_none_or(|earlier| earlier < until) {
            self.paused_until = Some(until);
            self.probe = match self.probe {
                _ if pause >= LONG_PAUSE => Probe::Due,
                Probe::Due if known => Probe::Due,
                _ => Probe::None,
            };
        }
        // Only a longer pause makes this later: a server that refuses all the time is a new reason each second.
        let until = until.max(soonest);
        self.refused_until = Some(self.refused_until.map_or(until, |earlier| earlier.max(until)));
        pause
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
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Sends as often as the pace allows, after pauses of the caller's own; gives back when.
    fn sends(pace: &mut Pace, start: Instant, pauses: &[u64]) -> Vec<Instant> {
        let mut now = start;
        let mut times = Vec::new();
        for pause in pauses {
            now += Duration::from_micros(*pause);
            now = take(pace, now);
            times.push(now);
        }
        times
    }

    /// Takes the next send slot; gives back when.
    fn take(pace: &mut Pace, now: Instant) -> Instant {
        let at = pace.next(now).unwrap();
        pace.take(at, 0, Leaves::Now).unwrap();
        at
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
            prop_assert!(times[0] >= refused + asked.unwrap_or(SECOND).max(SECOND));
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
                now = take(&mut pace, now);
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
        assert_eq!(pace.next(start), Some(start + SECOND));
        pace.throttled(start + Duration::from_millis(20), Some(Duration::from_secs(7)));
        assert_eq!(
            pace.next(start),
            Some(start + Duration::from_millis(7_020)),
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
            let next = pace.next(now).unwrap();
            pauses.push((next - now).as_secs());
            now = next.max(now + SECOND);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 32]);
        assert_eq!(pace.interval(now), Duration::from_millis(800));
    }

    /// However long it takes to connect, and whatever becomes of it.
    #[derive(Debug, Clone, Copy)]
    enum Fate {
        Sent,
        Connects(u64),
        GivenBack(u64),
    }

    fn fates() -> impl Strategy<Value = Vec<(u64, Fate)>> {
        let fate = prop_oneof![
            Just(Fate::Sent),
            (0u64..1_500_000).prop_map(Fate::Connects),
            (0u64..1_500_000).prop_map(Fate::GivenBack),
        ];
        prop::collection::vec((0u64..30_000, fate), 1..400)
    }

    proptest! {
        /// Requests arrive when their connection stands.
        #[test]
        fn no_second_is_overfilled_at_any_connect_time(rate in 1u32..60, requests in fates()) {
            let mut pace = Pace::new(rate);
            let mut now = Instant::now();
            let mut arrivals = Vec::new();
            let mut connecting = std::collections::BTreeSet::new();
            for (number, (pause, fate)) in requests.into_iter().enumerate() {
                now += Duration::from_micros(pause);
                let slot = loop {
                    let next = pace.next(now);
                    match connecting.first().copied() {
                        // What happens before the next send slot happens first.
                        Some((at, number, leaves)) if next.is_none_or(|next| at <= next) => {
                            connecting.remove(&(at, number, leaves));
                            now = now.max(at);
                            if leaves {
                                pace.arrived(at);
                                arrivals.push(at);
                            } else {
                                pace.given_back();
                            }
                        }
                        _ => break next.unwrap(),
                    }
                };
                now = slot;
                let leaves = match fate {
                    Fate::Sent => Leaves::Now,
                    Fate::Connects(_) | Fate::GivenBack(_) => Leaves::Later,
                };
                pace.take(now, 0, leaves).unwrap();
                let later = |micros| now + Duration::from_micros(micros);
                match fate {
                    Fate::Sent => arrivals.push(now),
                    Fate::Connects(micros) => _ = connecting.insert((later(micros), number, true)),
                    Fate::GivenBack(micros) => _ = connecting.insert((later(micros), number, false)),
                }
            }
            arrivals.extend(connecting.into_iter().filter(|(.., leaves)| *leaves).map(|(at, ..)| at));
            prop_assert!(fullest_second(&arrivals) <= rate as usize, "{}", fullest_second(&arrivals));
        }
    }

    #[test]
    fn a_server_that_asks_for_years_is_asked_again_after_an_hour_by_one_request() {
        for asked in [
            Duration::from_secs(1_774_969_200),
            Duration::from_secs(u64::MAX),
            Duration::MAX,
        ] {
            let mut pace = Pace::new(40);
            let mut now = Instant::now();
            for _ in 0..3 {
                assert_eq!(pace.throttled(now, Some(asked)), LONGEST_PAUSE);
                let next = pace.next(now).unwrap();
                assert_eq!(next, now + LONGEST_PAUSE);
                now = next;
                pace.take(now, 7, Leaves::Now).unwrap();
                assert_eq!(pace.next(now), Some(now + PROBE), "one request alone");
                assert!(!pace.ended(8), "another one");
                now += SECOND;
            }
            assert!(pace.ended(7));
            assert!(pace.next(now).unwrap() <= now, "it was the last refusal");
        }
    }

    /// A probe whose call nobody polls, or that never ends, holds up the others for a while only.
    #[test]
    fn a_probe_that_does_not_end_is_followed_by_another_one() {
        let mut pace = Pace::new(40);
        let now = Instant::now();
        pace.throttled(now, Some(LONG_PAUSE));
        pace.take(now + LONG_PAUSE, 1, Leaves::Now).unwrap();
        pace.take(now + LONG_PAUSE, 2, Leaves::Now).unwrap_err();
        pace.take(now + LONG_PAUSE + PROBE, 2, Leaves::Now).unwrap();
    }

    /// `Retry-After: 0` or none for a minute: each call gets through with the attempts that it has.
    #[test]
    fn a_minute_of_refusals_uses_up_no_call() {
        use crate::transport::retry::{Budget, Decision, Failed, Retry};
        for asked in [Some(Duration::ZERO), Some(SECOND), None] {
            let retry = Retry::default();
            let budget = Budget::new(&retry);
            let (mut pace, start) = (Pace::new(40), Instant::now());
            let latency = Duration::from_millis(25);
            // When each of the calls that are in flight asks for its send slot, and how many attempts it has made. As many wait
            // for a permit.
            let mut calls: Vec<_> = (0..20).map(|_| (start, 0, start)).collect();
            let mut waiting = 180;
            let mut most = 0;
            while !calls.is_empty() {
                calls.sort_unstable();
                let (at, attempts, began) = calls.remove(0);
                let sent = take(&mut pace, at);
                for call in &mut calls {
                    call.0 = call.0.max(sent);
                }
                let answered = sent + latency;
                let attempts = attempts + 1;
                most = most.max(attempts);
                if answered >= start + SECOND * 60 {
                    budget.succeeded(attempts);
                    if waiting > 0 {
                        waiting -= 1;
                        calls.push((answered, 0, answered));
                    }
                    continue;
                }
                pace.throttled(answered, asked);
                let failed = Failed {
                    failure: crate::Failure::Status(http::StatusCode::TOO_MANY_REQUESTS),
                    idempotent: true,
                    attempts,
                    retry_after: asked,
                    left: Duration::from_secs(120).saturating_sub(answered - began),
                };
                match retry.decide(&failed, &budget, fastrand::f64()) {
                    Decision::Wait(wait) => calls.push((answered + wait, attempts, began)),
                    Decision::Stop(why) => panic!("gave up after {:?}: {why:?}", answered - began),
                }
            }
            assert!(most < 8, "{most} attempts with {asked:?}");
        }
    }
}
