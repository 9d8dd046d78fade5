//! When the next request may be sent. Pure: the caller passes the time.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

pub(super) const SECOND: Duration = Duration::from_secs(1);
/// Requests don't all travel equally fast, so the server may count more of them in a second than were sent in one. Adding
/// this to each second costs a little of the rate and avoids rejections.
const MARGIN: Duration = Duration::from_millis(20);
/// The rate divided by this may be sent at once.
const BURST: u32 = 2;
const SLOWEST: f64 = 1.0 / 32.0;
/// Share of the full rate that is restored each second.
const RECOVERY: f64 = 0.05;
/// The maximum wait that a server can ask for. A server that asks for more may have a wrong clock, so a request is sent to
/// it after this.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// After a pause of this length or more, a single request is sent first.
pub(super) const LONG_PAUSE: Duration = Duration::from_secs(60);
/// How long the others wait until its call has ended.
const PROBE: Duration = Duration::from_secs(10);

/// When the next request may be sent.
pub(super) struct Pace {
    per_second: u32,
    /// Time between two requests at the full rate. Stored, because each request needs it.
    spacing: Duration,
    /// When the latest requests were sent, as many as may be sent in a second: the next one has to wait until the
    /// oldest of them is a second ago. This guarantees the limit for every window of a second.
    latest: VecDeque<Instant>,
    /// Requests that have a send slot but are not sent yet, because their connections are being opened, for example. They
    /// may be sent at any time, so they count in every second.
    delayed: u32,
    /// When the next request would be sent if they were evenly spread (GCRA); may lie ahead by the burst.
    even: Option<Instant>,
    paused_until: Option<Instant>,
    /// Until when a rejection is attributed to the reason of the latest pause.
    refused_until: Option<Instant>,
    /// Share of the rate at the end of the latest pause; it recovers from there.
    share: f64,
    probe: Probe,
}

/// When the request of a send slot is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaves {
    Now,
    /// When `arrived` is called.
    Later,
}

/// The first request after a long pause.
enum Probe {
    None,
    Due,
    /// The call with this ticket sent it; the others wait until it ends, or until this time.
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

    /// Takes a send slot now, or returns when there may be one, if that is known. The request is sent at once, or later.
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

    /// When the next request may be sent; `None` while the delayed requests alone use up the rate of a second.
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
                0 // slowed down: no burst
            } else {
                self.per_second / BURST
            };
            let ahead = self.interval(now) * burst.saturating_sub(1);
            at = at.max(even.checked_sub(ahead).unwrap_or(now));
        }
        Some(at)
    }

    fn arrived_at(&mut self, now: Instant) {
        // Older entries delay no request; at a high rate they would accumulate.
        let over = |sent: &Instant| now.saturating_duration_since(*sent) >= SECOND + MARGIN;
        while self.latest.len() >= self.per_second as usize || self.latest.front().is_some_and(over) {
            self.latest.pop_front();
        }
        self.latest.push_back(now);
    }

    /// Makes a request whose send slot was taken at `sent` count as delayed, if the rate allows one more in every second;
    /// returns whether it does. It may not if the send slot was taken too long ago.
    pub(super) fn reserve(&mut self, now: Instant, sent: Instant) -> bool {
        let counts = |at: &Instant| now.saturating_duration_since(*at) < SECOND + MARGIN;
        let others = self.latest.iter().filter(|at| counts(at)).count() + self.delayed as usize;
        // At one request per second it would never fit, so it is allowed.
        let fits = counts(&sent) || others < self.per_second as usize || self.per_second == 1;
        if fits {
            if let Some(index) = self.latest.iter().rposition(|at| *at == sent) {
                self.latest.remove(index);
            }
            self.delayed += 1;
        }
        fits
    }

    /// A delayed request is sent now.
    pub(super) fn arrived(&mut self, now: Instant) {
        self.delayed = self.delayed.saturating_sub(1);
        self.arrived_at(now);
    }

    /// A delayed request will not be sent.
    pub(super) fn given_back(&mut self) {
        self.delayed = self.delayed.saturating_sub(1);
    }

    /// Whether delayed requests keep others from being sent.
    pub(super) fn is_held_up(&self) -> bool {
        self.delayed > 0 && self.latest.len() + self.delayed as usize >= self.per_second as usize
    }

    /// Whether it matters when a request ends.
    pub(super) fn is_open(&self) -> bool {
        self.delayed > 0 || matches!(self.probe, Probe::Sent(..))
    }

    /// The request of this ticket has ended; returns whether others waited for that.
    pub(super) fn ended(&mut self, ticket: u64) -> bool {
        let waited = matches!(self.probe, Probe::Sent(probing, _) if probing == ticket);
        if waited {
            self.probe = Probe::None;
        }
        waited
    }

    /// The server rejected a request; returns how long all sending stops.
    pub(super) fn throttled(&mut self, now: Instant, retry_after: Option<Duration>) -> Duration {
        // Requests that were in flight together are rejected together: that is one reason to slow down, not many.
        let known = self.refused_until.is_some_and(|until| now < until);
        let mut pause = retry_after.unwrap_or_default().min(LONGEST_PAUSE);
        let mut soonest = now;
        if !known {
            // Even if the server allows the next request at once: it rejected this one.
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
        // Only a longer pause moves this: a server that keeps rejecting is a new reason each second.
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

    /// Sends as often as the pace allows, after the caller's own pauses; returns the times.
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

    /// Takes the next send slot; returns its time.
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
        fn a_rejection_slows_down_for_a_while(rate in 2u32..60, ask in prop::option::of(0u64..5_000)) {
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

    /// Even if it says each time that the next request may be sent at once.
    #[test]
    fn a_server_that_rejects_everything_gets_fewer_and_fewer_requests() {
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
    fn requests_that_are_rejected_together_count_once() {
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
    fn repeated_rejections_slow_down_to_a_thirty_second() {
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

    /// What happens to a request after it has connected for any time.
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
        /// Requests arrive when their connection is open.
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

    /// A probe whose call is not polled, or that never ends, delays the others only for a limited time.
    #[test]
    fn a_probe_that_does_not_end_is_followed_by_another_one() {
        let mut pace = Pace::new(40);
        let now = Instant::now();
        pace.throttled(now, Some(LONG_PAUSE));
        pace.take(now + LONG_PAUSE, 1, Leaves::Now).unwrap();
        pace.take(now + LONG_PAUSE, 2, Leaves::Now).unwrap_err();
        pace.take(now + LONG_PAUSE + PROBE, 2, Leaves::Now).unwrap();
    }

    /// `Retry-After: 0` or none for a minute: each call succeeds within its maximum number of attempts.
    #[test]
    fn every_call_survives_a_minute_of_rejections() {
        use crate::transport::retry::{Budget, Decision, Failed, Retry};
        for asked in [Some(Duration::ZERO), Some(SECOND), None] {
            let retry = Retry::default();
            let budget = Budget::new(&retry);
            let (mut pace, start) = (Pace::new(40), Instant::now());
            let latency = Duration::from_millis(25);
            // For each call in flight: when it asks for its send slot, how many attempts it has made, and when it began. The
            // others wait for a permit.
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
                let received = sent + latency;
                let attempts = attempts + 1;
                most = most.max(attempts);
                if received >= start + SECOND * 60 {
                    budget.succeeded(attempts);
                    if waiting > 0 {
                        waiting -= 1;
                        calls.push((received, 0, received));
                    }
                    continue;
                }
                pace.throttled(received, asked);
                let failed = Failed {
                    failure: crate::Failure::Status(http::StatusCode::TOO_MANY_REQUESTS),
                    idempotent: true,
                    attempts,
                    retry_after: asked,
                    left: Duration::from_secs(120).saturating_sub(received - began),
                };
                match retry.decide(&failed, &budget, fastrand::f64()) {
                    Decision::Wait(wait) => calls.push((received + wait, attempts, began)),
                    Decision::Stop(why) => panic!("gave up after {:?}: {why:?}", received - began),
                }
            }
            assert!(most < 8, "{most} attempts with {asked:?}");
        }
    }
}
