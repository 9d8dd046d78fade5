//! Whether a failed attempt is retried, and after how long. Nothing here waits or sends.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::limit::LONGEST_PAUSE;
use crate::{Failure, StopReason, TimeoutKind};

/// When a failed attempt is retried, and how often.
///
/// What is retried, while attempts, time and budget are left:
///
/// | result of the attempt | retried |
/// |---|---|
/// | no connection (refused, host not found, connect timeout); 429; 503 | for every operation: nothing was done |
/// | 408, 425, 502, 504, 520 to 525, 530; connection broke; response truncated; attempt timeout | for idempotent operations ([`Operation::idempotent`](crate::Operation::idempotent)) |
/// | 500 | for idempotent operations, at most twice: some bad requests get this status every time |
/// | everything else: other 4xx, 3xx; certificate not trusted; a response that can't be decoded | never |
///
/// Before a retry, the call waits a random time between half of the backoff and the backoff (equal jitter); the backoff
/// doubles with each attempt. The wait is never shorter than the server's `Retry-After`, in seconds or as a date. If that
/// exceeds the remaining time of the call, the call ends at once. Fractions of a second are rounded up, more
/// than an hour counts as an hour, and a value that is neither seconds nor a date counts as 5 seconds.
///
/// The budget is shared by all clones of a client and keeps an outage from multiplying the load: each retry takes one from
/// it; a call that succeeds returns what it took, or one. While the budget is empty, calls fail after their first attempt,
/// until calls succeed again.
///
/// ```
/// use std::time::Duration;
/// use chartmogul_api::{Client, Retry};
///
/// let client: Client = Client::builder()
///     .api_key("your-api-key")
///     .retry(Retry::default().max_attempts(3).backoff(Duration::from_millis(200), Duration::from_secs(5)))
///     .build()?;
/// # Ok::<(), chartmogul_api::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "pass it to `ClientBuilder::retry`"]
pub struct Retry {
    max_attempts: u32,
    first: Duration,
    longest: Duration,
    budget: u32,
}

impl Default for Retry {
    /// 8 attempts, a backoff that grows from half a second to 20 seconds, a budget of 100.
    fn default() -> Self {
        Self {
            max_attempts: 8,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(20),
            budget: 100,
        }
    }
}

impl Retry {
    /// No retries.
    pub fn never() -> Self {
        Self::default().max_attempts(1)
    }

    /// Sets the maximum number of attempts of a call, including the first; 8 by default. Zero counts as one.
    pub fn max_attempts(mut self, count: u32) -> Self {
        self.max_attempts = count.max(1);
        self
    }

    /// Sets the backoff after the first failed attempt, and its maximum; half a second and 20 seconds by default.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        (self.first, self.longest) = (first, longest.max(first));
        self
    }

    /// Sets the maximum number of retries of all calls together while none succeeds; 100 by default.
    pub fn budget(mut self, attempts: u32) -> Self {
        self.budget = attempts;
        self
    }

    /// Decides what to do after a failed attempt. `random` is in `0.0..1.0`.
    pub(crate) fn decide(&self, failed: &Failed, budget: &Budget, random: f64) -> Decision {
        let most = match failed.failure.repeat(failed.idempotent) {
            Repeat::Never => return Decision::Stop(None),
            Repeat::AtMost(count) => self.max_attempts.min(count + 1),
            Repeat::Always => self.max_attempts,
        };
        if failed.attempts >= most {
            // With a limit of one attempt, the reason would say nothing new.
            return Decision::Stop((self.max_attempts > 1).then_some(StopReason::Attempts(failed.attempts)));
        }
        // Never less than half: a server that says `Retry-After: 0` must not use up all attempts within a moment.
        let backoff = self.limit(failed.attempts).mul_f64(0.5 + random / 2.0);
        let wait = failed.retry_after.unwrap_or_default().max(backoff);
        if wait >= failed.left {
            return Decision::Stop(Some(match failed.retry_after {
                Some(asked) if asked >= failed.left => StopReason::RetryAfter(asked),
                _ => StopReason::NoTimeLeft,
            }));
        }
        if !budget.take() {
            return Decision::Stop(Some(StopReason::BudgetUsedUp));
        }
        Decision::Wait(wait)
    }

    /// Maximum backoff after this many attempts.
    fn limit(&self, attempts: u32) -> Duration {
        let doubled = 2u32.saturating_pow(attempts.saturating_sub(1));
        self.first.saturating_mul(doubled).min(self.longest)
    }
}

/// What the decision needs to know about a failed attempt.
pub(crate) struct Failed {
    pub(crate) failure: Failure,
    /// Whether repeating the operation is harmless.
    pub(crate) idempotent: bool,
    /// Attempts so far, this one included.
    pub(crate) attempts: u32,
    /// What the server asked for.
    pub(crate) retry_after: Option<Duration>,
    /// How long the call may still last.
    pub(crate) left: Duration,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Decision {
    /// Try again after this long.
    Wait(Duration),
    /// The call ends here; with a reason if the failure as such would allow a retry.
    Stop(Option<StopReason>),
}

enum Repeat {
    Never,
    AtMost(u32),
    Always,
}

/// Few, because a permanent error may have the status 500 too.
const REPEATS_OF_500: u32 = 2;

impl Failure {
    fn repeat(self, idempotent: bool) -> Repeat {
        match self {
            Self::NotConnected | Self::TimedOut(TimeoutKind::Connect, _) => Repeat::Always,
            Self::Status(status) if is_throttling(status) => Repeat::Always,
            Self::Status(status) if idempotent => match status.as_u16() {
                500 => Repeat::AtMost(REPEATS_OF_500),
                // 408: the request arrived too slowly; 425: too early to be safe; the others: an edge (Cloudflare) that
                // gets no response from ChartMogul.
                408 | 425 | 502 | 504 | 520..=525 | 530 => Repeat::Always,
                _ => Repeat::Never,
            },
            Self::Broken | Self::CutOff | Self::TimedOut(TimeoutKind::Attempt, _) if idempotent => Repeat::Always,
            _ => Repeat::Never,
        }
    }
}

/// 429: too many requests, or too much computing time used. 503: too many parallel connections. Nothing was done.
pub(crate) fn is_throttling(status: StatusCode) -> bool {
    matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

/// Retries that a client may still make while no call succeeds.
#[derive(Debug)]
pub(crate) struct Budget {
    most: i64,
    left: AtomicI64,
}

impl Budget {
    pub(crate) fn new(retry: &Retry) -> Self {
        let most = i64::from(retry.budget);
        Self {
            most,
            left: AtomicI64::new(most),
        }
    }

    fn take(&self) -> bool {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                (left > 0).then_some(left - 1)
            })
            .is_ok()
    }

    /// A call succeeded after this many attempts.
    pub(crate) fn succeeded(&self, attempts: u32) {
        if self.left.load(Ordering::Relaxed) == self.most {
            return; // the common case, without a write to memory that threads share
        }
        let back = i64::from(attempts.saturating_sub(1).max(1));
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            Some((left + back).min(self.most))
        });
    }
}

/// The wait for a `Retry-After` that is neither a number nor a date. The server asked for a wait, so this is longer than the
/// second that applies if it did not.
const UNREADABLE: Duration = Duration::from_secs(5);

/// The wait that the server asks for, at most [`LONGEST_PAUSE`]; `None` if it does not ask. The longest, if it asks
/// several times.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let date = headers.get(header::DATE).and_then(|value| http_date(text(value)?));
    let asked = headers.get_all(header::RETRY_AFTER).iter().map(|value| {
        let wait = text(value).and_then(|text| {
            let at = || http_date(text).map(|then| until(then, date, Utc::now()));
            seconds(text).or_else(at)
        });
        wait.unwrap_or(UNREADABLE).min(LONGEST_PAUSE)
    });
    asked.max()
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok().map(str::trim)
}

/// Reads a number of seconds; a fraction is rounded up, and a negative number counts as zero.
fn seconds(text: &str) -> Option<Duration> {
    let (negative, number) = match text.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    if negative {
        return Some(Duration::ZERO);
    }
    let started = u64::from(fraction.bytes().any(|byte| byte != b'0'));
    // A number that does not fit is longer than any wait.
    let whole: u64 = whole.parse().unwrap_or(u64::MAX);
    Some(Duration::from_secs(whole.saturating_add(started)))
}

/// Time left until `then`: by the server's clock, or by ours if the server's `Date` is missing or implausible.
fn until(then: DateTime<Utc>, date: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Duration {
    let by_server = date.map(|date| then - date);
    let makes_sense = |wait: &TimeDelta| wait.abs().to_std().is_ok_and(|wait| wait <= LONGEST_PAUSE);
    let wait = by_server.filter(makes_sense).unwrap_or(then - now);
    wait.to_std().unwrap_or_default() // in the past
}

/// The three forms of a date in HTTP (RFC 9110, section 5.6.7).
fn http_date(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(date) = DateTime::parse_from_rfc2822(text) {
        return Some(date.to_utc());
    }
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|date| date.and_utc())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn failed(failure: Failure, idempotent: bool, attempts: u32) -> Failed {
        Failed {
            failure,
            idempotent,
            attempts,
            retry_after: None,
            left: HOUR,
        }
    }

    /// The number of attempts of a call that always fails like this.
    fn attempts(failure: Failure, idempotent: bool) -> u32 {
        let retry = Retry::default();
        let budget = Budget::new(&retry);
        (1..100)
            .find(|count| {
                let decision = retry.decide(&failed(failure, idempotent, *count), &budget, 0.5);
                matches!(decision, Decision::Stop(_))
            })
            .unwrap()
    }

    #[test]
    fn what_is_repeated_and_how_often() {
        let status = |code| Failure::Status(StatusCode::from_u16(code).unwrap());
        let late = |kind| Failure::TimedOut(kind, HOUR);
        for (failure, harmless, otherwise) in [
            (Failure::NotConnected, 8, 8),
            (late(TimeoutKind::Connect), 8, 8),
            (status(429), 8, 8),
            (status(503), 8, 8),
            (status(502), 8, 1),
            (status(504), 8, 1),
            (status(408), 8, 1),
            (status(425), 8, 1),
            (status(520), 8, 1),
            (status(521), 8, 1),
            (status(522), 8, 1),
            (status(523), 8, 1),
            (status(524), 8, 1),
            (status(525), 8, 1),
            (status(530), 8, 1),
            (Failure::Broken, 8, 1),
            (Failure::CutOff, 8, 1),
            (late(TimeoutKind::Attempt), 8, 1),
            (status(500), 3, 1),
            (status(501), 1, 1),
            (status(505), 1, 1),
            (status(526), 1, 1),
            (late(TimeoutKind::Call), 1, 1),
            (Failure::NotTrusted, 1, 1),
            (Failure::Unreadable, 1, 1),
        ] {
            assert_eq!(attempts(failure, true), harmless, "{failure}, harmless");
            assert_eq!(attempts(failure, false), otherwise, "{failure}, not harmless");
        }
        for code in (300..500).filter(|code| ![408, 425, 429].contains(code)) {
            assert_eq!(attempts(status(code), true), 1, "{code}");
        }
    }

    #[test]
    fn waits_grow_and_have_a_random_length() {
        let retry = Retry::default();
        let budget = Budget::new(&retry);
        let wait = |attempts, random| retry.decide(&failed(Failure::NotConnected, true, attempts), &budget, random);
        let longest: Vec<_> = (1..8).map(|attempts| retry.limit(attempts).as_millis()).collect();
        assert_eq!(longest, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000]);
        assert_eq!(
            wait(1, 0.0),
            Decision::Wait(Duration::from_millis(250)),
            "never nothing"
        );
        assert_eq!(wait(3, 0.0), Decision::Wait(Duration::from_secs(1)));
        assert_eq!(wait(3, 0.5), Decision::Wait(Duration::from_millis(1_500)));
        assert_eq!(retry.limit(u32::MAX), Duration::from_secs(20));
        let total: Duration = (1..8).map(|attempts| retry.limit(attempts)).sum();
        assert!(total < Duration::from_secs(60), "waits end within a minute: {total:?}");
    }

    #[test]
    fn the_server_and_the_deadline_are_obeyed() {
        let retry = Retry::default();
        let budget = Budget::new(&retry);
        let asked = Failed {
            retry_after: Some(Duration::from_secs(60)),
            ..failed(Failure::Status(StatusCode::TOO_MANY_REQUESTS), false, 1)
        };
        assert_eq!(
            retry.decide(&asked, &budget, 0.9),
            Decision::Wait(Duration::from_secs(60))
        );
        let short = |asked: Failed| Failed {
            left: Duration::from_millis(300),
            ..asked
        };
        assert_eq!(
            retry.decide(&short(asked), &budget, 0.0),
            Decision::Stop(Some(StopReason::RetryAfter(Duration::from_secs(60))))
        );
        let late = short(failed(Failure::NotConnected, true, 1));
        assert_eq!(
            retry.decide(&late, &budget, 0.9),
            Decision::Stop(Some(StopReason::NoTimeLeft))
        );
        assert_eq!(
            retry.decide(&late, &budget, 0.1),
            Decision::Wait(Duration::from_millis(275))
        );
        let at_once = Failed {
            retry_after: Some(Duration::ZERO),
            ..failed(Failure::Status(StatusCode::TOO_MANY_REQUESTS), false, 1)
        };
        assert_eq!(
            retry.decide(&at_once, &budget, 0.0),
            Decision::Wait(Duration::from_millis(250))
        );
    }

    #[test]
    fn the_budget_ends_and_comes_back() {
        let retry = Retry::default().budget(3);
        let budget = Budget::new(&retry);
        let again = |attempts| retry.decide(&failed(Failure::NotConnected, true, attempts), &budget, 0.0);
        for _ in 0..3 {
            assert_eq!(again(1), Decision::Wait(Duration::from_millis(250)));
        }
        assert_eq!(again(1), Decision::Stop(Some(StopReason::BudgetUsedUp)));
        budget.succeeded(1);
        assert_eq!(again(1), Decision::Wait(Duration::from_millis(250)));
        assert_eq!(again(1), Decision::Stop(Some(StopReason::BudgetUsedUp)));
        budget.succeeded(3); // returns the two that it took
        budget.succeeded(100); // never exceeds the maximum
        assert_eq!(budget.left.load(Ordering::Relaxed), 3);
        let none = Retry::never();
        let stop = none.decide(&failed(Failure::NotConnected, true, 1), &Budget::new(&none), 0.0);
        assert_eq!(stop, Decision::Stop(None));
    }

    fn read(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        retry_after(&headers)
    }

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn retry_after_in_seconds() {
        assert_eq!(read(&[]), None);
        for (value, count) in [
            ("0", 0),
            (" 120 ", 120),
            ("+5", 5),
            ("-1", 0),
            ("-0.5", 0),
            ("3.5", 4),
            ("3.0", 3),
            ("0.000000000000000000001", 1),
            ("3599.0001", 3600),
        ] {
            assert_eq!(read(&[("retry-after", value)]), Some(seconds(count)), "{value:?}");
        }
        // A Unix time, and more than any number can be.
        for value in [
            "3600.0001",
            "7200",
            "1774969200",
            "18446744073709551615",
            "18446744073709551615.5",
            "18446744073709551616",
            "99999999999999999999999",
        ] {
            assert_eq!(read(&[("retry-after", value)]), Some(LONGEST_PAUSE), "{value:?}");
        }
    }

    #[test]
    fn a_retry_after_that_cannot_be_read_is_not_none() {
        for odd in [
            "",
            " ",
            "-",
            "+",
            ".",
            "1.",
            ".5",
            "1.2.3",
            "1,5",
            "1e3",
            "--1",
            "soon",
            "1h",
            "Wed, 21 Oct 2026",
            "5\u{a0}",
            "é",
        ] {
            assert_eq!(read(&[("retry-after", odd)]), Some(UNREADABLE), "{odd:?}");
        }
    }

    #[test]
    fn the_longest_of_several_counts() {
        let both = |one, other| read(&[("retry-after", one), ("retry-after", other)]);
        assert_eq!(both("1", "30"), Some(seconds(30)));
        assert_eq!(both("30", "1"), Some(seconds(30)));
        assert_eq!(both("1", "soon"), Some(UNREADABLE));
        assert_eq!(both("soon", "30"), Some(seconds(30)));
    }

    #[test]
    fn retry_after_as_a_date() {
        // The server's clock counts, not ours.
        let date = ("date", "Wed, 21 Oct 2026 07:28:00 GMT");
        for form in [
            "Wed, 21 Oct 2026 07:28:30 GMT",
            "Wednesday, 21-Oct-26 07:28:30 GMT",
            "Wed Oct 21 07:28:30 2026",
        ] {
            assert_eq!(read(&[("retry-after", form), date]), Some(seconds(30)), "{form}");
        }
        assert_eq!(
            read(&[("retry-after", "Wed, 21 Oct 2026 07:27:00 GMT"), date]),
            Some(seconds(0)),
            "over already"
        );
        assert_eq!(
            read(&[("retry-after", "Wed, 21 Oct 2093 07:27:00 GMT"), date]),
            Some(LONGEST_PAUSE)
        );
    }

    /// The server's clock is wrong, or it sends no `Date`.
    #[test]
    fn a_date_that_makes_no_sense_does_not_count() {
        let soon = Utc::now() + Duration::from_secs(100);
        let soon = soon.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        for date in [
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Thu, 01 Jan 2099 00:00:00 GMT",
            "yesterday",
            "",
        ] {
            let wait = read(&[("retry-after", &soon), ("date", date)]).unwrap().as_secs();
            assert!((90..=100).contains(&wait), "{wait} with {date:?}");
        }
        let wait = read(&[("retry-after", &soon)]).unwrap().as_secs();
        assert!((90..=100).contains(&wait), "{wait} without");
        // Our clock may be the wrong one.
        let at = |text| http_date(text).unwrap();
        let (then, date) = (at("Wed, 21 Oct 2026 07:28:30 GMT"), at("Wed, 21 Oct 2026 07:28:00 GMT"));
        for now in [DateTime::UNIX_EPOCH, at("Thu, 01 Jan 2099 00:00:00 GMT")] {
            assert_eq!(Some(until(then, Some(date), now)), Some(seconds(30)), "at {now}");
        }
    }
}
