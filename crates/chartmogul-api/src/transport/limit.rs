//! Keeps the account's limits: a permit for each call in flight, and a send slot for each request.

use std::{
    any::Any,
    fmt,
    future::{Future, poll_fn},
    mem,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, Waker},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    connections::check_timers,
    holders::{Holder, Holders, Slot},
    line::{GRACE, Key, Line},
    observe,
    pace::{LONG_PAUSE, Leaves, Pace, SECOND},
    polling::Polling,
};
use crate::BoxError;

pub(super) use super::pace::LONGEST_PAUSE;

/// Requests in any second, unless [`ClientBuilder::rate_limit`](crate::ClientBuilder::rate_limit) sets another number:
/// 40, which ChartMogul documents for an account.
pub const DEFAULT_RATE_LIMIT: u32 = 40;

/// Calls in flight at a time, unless [`ClientBuilder::max_in_flight`](crate::ClientBuilder::max_in_flight)
/// sets another number: 20, which ChartMogul documents for parallel connections.
pub const DEFAULT_MAX_IN_FLIGHT: u32 = 20;

/// A future of a [`Limiter`].
pub type LimiterFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send + 'a>>;

/// Decides when a request may be sent.
///
/// A client uses [`RateLimiter`] unless [`ClientBuilder::limiter`](crate::ClientBuilder::limiter) sets another one, which
/// knows about other processes on the same account, for example. All clones of a client share one limiter.
///
/// A call acquires one permit ([`acquire`](Self::acquire)) and holds it during all its attempts and the time between them.
/// It takes a send slot ([`ready`](Self::ready)) for each attempt; two of them before a read that a write depends on
/// (`merge_custom` of the crate `chartmogul`). So a retry does not queue behind all later calls, and the number of calls in
/// flight does not grow during an outage.
///
/// Dropping a future must release its position in the queue: that is how a call is cancelled.
///
/// A future that is not polled must not delay others: its owner may be busy for a long time. A fair lock or semaphore, such
/// as tokio's, assigns what is free to the first in line, even if that one is never polled again. Instead, wake the next one,
/// let it take what is free when it is polled, and let others go first if it is not polled.
pub trait Limiter: fmt::Debug + Send + Sync + 'static {
    /// Waits for a permit.
    fn acquire(&self) -> LimiterFuture<'_, Permit>;

    /// Waits until the next request may be sent.
    fn ready(&self) -> LimiterFuture<'_, ()>;

    /// Returns a permit if one is free now and nobody waits for it. If a limiter does not implement this, the client always
    /// calls [`acquire`](Self::acquire).
    fn try_acquire(&self) -> Option<Permit> {
        None
    }

    /// Takes a send slot if one is free now and nobody waits for it; returns whether it did. If a limiter does not implement
    /// this, the client always calls [`ready`](Self::ready).
    fn try_ready(&self) -> bool {
        false
    }

    /// Both at once: a permit, and a send slot for its first request. The client asks here before it asks for either; `None`
    /// takes nothing. Not for users: it may change.
    #[doc(hidden)]
    fn try_begin(&self, _: Caller<'_>) -> Option<Permit> {
        None
    }

    /// The server rejected a request with 429 or 503; `retry_after` is the wait that it asked for, if any.
    fn throttled(&self, retry_after: Option<Duration>);
}

impl<L: Limiter + ?Sized> Limiter for Arc<L> {
    fn acquire(&self) -> LimiterFuture<'_, Permit> {
        (**self).acquire()
    }

    fn ready(&self) -> LimiterFuture<'_, ()> {
        (**self).ready()
    }

    fn try_acquire(&self) -> Option<Permit> {
        (**self).try_acquire()
    }

    fn try_ready(&self) -> bool {
        (**self).try_ready()
    }

    fn try_begin(&self, call: Caller<'_>) -> Option<Permit> {
        (**self).try_begin(call)
    }

    fn throttled(&self, retry_after: Option<Duration>) {
        (**self).throttled(retry_after);
    }
}

/// The call that asks. Not for users: it may change.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Caller<'a>(pub(super) &'a Arc<Polling>);

/// A permit for a call in flight; released when dropped.
#[must_use = "the permit is released when this is dropped"]
pub struct Permit {
    _held: Held,
}

enum Held {
    Nothing,
    Ours(#[allow(dead_code)] Grant), // not boxed: the usual limiter
    Other(#[allow(dead_code)] Box<dyn Any + Send>),
}

impl Permit {
    /// A permit that lasts as long as what is given here: that of a semaphore, for example, or `()`.
    pub fn holding(what: impl Any + Send) -> Self {
        let held = Held::Other(Box::new(what));
        Self { _held: held }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}

/// No limits: for servers of your own, such as a fake.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unlimited;

impl Limiter for Unlimited {
    fn acquire(&self) -> LimiterFuture<'_, Permit> {
        Box::pin(async { Ok(Permit { _held: Held::Nothing }) })
    }

    fn ready(&self) -> LimiterFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn try_acquire(&self) -> Option<Permit> {
        Some(Permit { _held: Held::Nothing })
    }

    fn try_begin(&self, _: Caller<'_>) -> Option<Permit> {
        self.try_acquire()
    }

    fn try_ready(&self) -> bool {
        true
    }

    fn throttled(&self, _: Option<Duration>) {}
}

/// A limit on requests per second and on calls in flight, first come, first served.
///
/// Clones share the limit; give one to several clients of the same account. The requests that arrive at the server in any
/// second never exceed the rate, however long it takes to connect. While there is a queue, they are spread over the second;
/// half of the rate may be sent at once. (At a rate of 1, a write that follows from a read is sent right after it.)
///
/// If the server rejects a request nevertheless, because another process uses the account, all sending stops for as long as
/// the server asks, at least a second and at most an hour, then resumes at half the rate and recovers within about 10
/// seconds. Each further rejection halves the rate again, down to a thirty-second, and doubles the minimum pause. After a pause
/// of a minute or more, one request is sent first; the others follow when its call has ended, or 10 seconds later.
///
/// A call that is not polled does not delay others: they go before it in the queue, and its permit goes to another call once
/// its response has arrived. When it is polled again, it continues; what it has yet to send waits for a permit and a send slot,
/// before all calls that came later. (In a runtime that is not running, no response arrives, so calls that are in flight there
/// keep their permits.)
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
    limits: Arc<Limits>,
}

/// What the clones of a limiter share.
pub(crate) struct Limits {
    per_second: u32,
    in_flight: u32,
    state: Mutex<State>,
}

struct State {
    next_ticket: u64,
    free: u32,
    holders: Holders,
    permits: Line,
    slots: Line,
    pace: Pace,
    /// Wakers to call when the lock is released.
    woken: Vec<Waker>,
}

/// Every waiter checks from time to time whether those before it are still polled. In a long queue, all of them together
/// check this often per second.
const CHECKS: u32 = 1000;

impl RateLimiter {
    /// At most `per_second` requests in any second, and at most `in_flight` calls at a time. Zero counts as one.
    pub fn new(per_second: u32, in_flight: u32) -> Self {
        let (per_second, in_flight) = (per_second.max(1), in_flight.max(1));
        Self {
            limits: Arc::new(Limits {
                per_second,
                in_flight,
                state: Mutex::new(State {
                    next_ticket: 0,
                    free: in_flight,
                    holders: Holders::default(),
                    permits: Line::default(),
                    slots: Line::default(),
                    pace: Pace::new(per_second),
                    woken: Vec::new(),
                }),
            }),
        }
    }
}

impl Limits {
    /// Changes the state, then calls the collected wakers. They run foreign code, so not under the lock.
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // Nothing panics while the lock is held; if it did, the state would still be consistent.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        if !state.woken.is_empty() {
            let woken = mem::take(&mut state.woken);
            drop(state);
            woken.into_iter().for_each(Waker::wake);
        }
        result
    }

    fn try_acquire(self: &Arc<Self>) -> Option<Permit> {
        let call = self.call();
        let taken = self.with(|state| {
            let ticket = self.ticket(call.as_ref(), state);
            if !state.permits.is_empty(&mut state.woken) {
                return None;
            }
            state.take_permit(call.as_ref(), ticket, Slot::None).ok()
        });
        taken.map(|taken| self.granted(taken))
    }

    /// Takes a permit and a send slot under one lock, since both are free for most calls.
    fn try_begin(self: &Arc<Self>, call: &Arc<Polling>) -> Option<Permit> {
        let call = self.is_limit_of(call).then_some(call);
        let now = Instant::now();
        let taken = self.with(|state| {
            let ticket = self.ticket(call, state);
            if state.free == 0 || !state.permits.is_vacant() || !state.slots.is_vacant() {
                return None;
            }
            let (leaves, slot) = match call {
                Some(_) => (Leaves::Later, Slot::ToLeave),
                None => (Leaves::Now, Slot::Sent(now)),
            };
            state.pace.take(now, ticket, leaves).ok()?;
            state.take_permit(call, ticket, slot).ok()
        });
        taken.map(|taken| self.granted(taken))
    }

    fn try_ready(self: &Arc<Self>) -> bool {
        let call = self.call();
        self.with(|state| {
            let ticket = self.ticket(call.as_ref(), state);
            state.settle(ticket);
            state.slots.is_empty(&mut state.woken) && state.take_slot(ticket, Instant::now()).is_ok()
        })
    }

    /// Waits until a resource can be taken.
    fn wait(self: &Arc<Self>, what: Resource) -> impl Future<Output = Taken> {
        let call = self.call();
        let key = self.with(|state| {
            let ticket = self.ticket(call.as_ref(), state);
            if what == Resource::Slot {
                state.settle(ticket);
            }
            (ticket, state.ticket())
        });
        let waiting = Waiting {
            limits: self,
            what,
            call,
            key,
            since: Instant::now(),
        };
        async move {
            let mut timer = pin!(None::<Sleep>);
            poll_fn(|context| {
                loop {
                    let due = match self.with(|state| state.poll(&waiting, context.waker())) {
                        Ok(taken) => return Poll::Ready(taken),
                        Err(due) => due,
                    };
                    match timer.as_mut().as_pin_mut() {
                        Some(timer) => timer.reset(due),
                        None => timer.set(Some(sleep_until(due))),
                    }
                    let due = timer.as_mut().as_pin_mut().map(|timer| timer.poll(context));
                    if due.is_none_or(|poll| poll.is_pending()) {
                        return Poll::Pending;
                    }
                }
            })
            .await
        }
    }

    /// The call that is being polled, unless its permit belongs to another limiter.
    fn call(self: &Arc<Self>) -> Option<Arc<Polling>> {
        Polling::current().filter(|call| self.is_limit_of(call))
    }

    fn is_limit_of(self: &Arc<Self>, call: &Polling) -> bool {
        let ours = |(limits, _): &(Arc<Self>, u64)| Arc::ptr_eq(limits, self);
        call.limits().is_none_or(ours)
    }

    /// The ticket of a call. It keeps its ticket, so if it has to take a permit or a send slot again, it precedes all later
    /// calls.
    fn ticket(self: &Arc<Self>, call: Option<&Arc<Polling>>, state: &mut State) -> u64 {
        let Some(call) = call else { return state.ticket() };
        call.ticket(|| (Arc::clone(self), state.ticket()))
    }

    /// The request of a call's latest send slot is sent.
    pub(super) fn leaves(&self, ticket: u64) {
        self.with(|state| state.leaves(ticket));
    }

    fn granted(self: &Arc<Self>, (ticket, number): Taken) -> Permit {
        let held = Held::Ours(Grant {
            limits: Arc::clone(self),
            ticket,
            number,
        });
        Permit { _held: held }
    }
}

/// Releases a permit when dropped, unless it was revoked before.
struct Grant {
    limits: Arc<Limits>,
    ticket: u64,
    number: u64,
}

impl Drop for Grant {
    fn drop(&mut self) {
        self.limits.with(|state| state.release(self.ticket, self.number));
    }
}

/// The ticket and the grant number of a permit.
type Taken = (u64, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Permit,
    Slot,
}

/// A waiter for a permit or a send slot; leaves the queue when dropped.
struct Waiting<'a> {
    limits: &'a Limits,
    what: Resource,
    call: Option<Arc<Polling>>,
    key: Key,
    since: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.limits.with(|state| {
            let (line, woken) = state.line(self.what);
            line.leave(self.key, Instant::now(), woken);
        });
    }
}

impl State {
    fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    fn line(&mut self, what: Resource) -> (&mut Line, &mut Vec<Waker>) {
        let line = match what {
            Resource::Permit => &mut self.permits,
            Resource::Slot => &mut self.slots,
        };
        (line, &mut self.woken)
    }

    /// Takes a resource for a waiter, or returns when to poll again; the waiter is woken earlier if something changes.
    fn poll(&mut self, waiting: &Waiting<'_>, waker: &Waker) -> Result<Taken, Instant> {
        let call = waiting.call.as_ref();
        if waiting.what == Resource::Slot && call.is_some_and(|call| call.is_revoked()) {
            return Ok((waiting.key.0, 0)); // it needs a permit first, then asks for a slot again
        }
        let now = Instant::now();
        let (line, woken) = self.line(waiting.what);
        let is_first = line.is_first(waiting.key, now, woken);
        let at = if is_first {
            match self.take(waiting.what, call, waiting.key.0, now) {
                Ok(taken) => return Ok(taken), // `Waiting` leaves the queue when dropped, which wakes the next
                Err(at) => at,
            }
        } else {
            self.available(waiting.what, now)
        };
        let (line, woken) = self.line(waiting.what);
        let most = SECOND.max(SECOND / CHECKS * u32::try_from(line.len()).unwrap_or(u32::MAX));
        let check = now + now.saturating_duration_since(waiting.since).clamp(GRACE, most);
        let due = if is_first {
            at.unwrap_or(check)
        } else {
            if at.is_some_and(|at| at <= now) {
                line.wake(1, now, woken);
            }
            match line.first_due() {
                Some(first) if first > now => check.max(first.max(at.unwrap_or(first)) + GRACE),
                _ => now + GRACE, // check whether the first one is polled
            }
        };
        line.park(waiting.key, waker, due);
        Err(due)
    }

    /// When the first in the queue can take it, if that is known.
    fn available(&self, what: Resource, now: Instant) -> Option<Instant> {
        match what {
            Resource::Permit => (self.free > 0).then_some(now),
            Resource::Slot => self.pace.next(now),
        }
    }

    /// Takes a resource for the first in the queue, or returns when to try again, if that is known.
    fn take(
        &mut self,
        what: Resource,
        call: Option<&Arc<Polling>>,
        ticket: u64,
        now: Instant,
    ) -> Result<Taken, Option<Instant>> {
        match what {
            Resource::Permit => self.take_permit(call, ticket, Slot::None),
            Resource::Slot => self.take_slot(ticket, now).map(|()| (ticket, 0)),
        }
    }

    fn take_permit(
        &mut self,
        call: Option<&Arc<Polling>>,
        mut ticket: u64,
        slot: Slot,
    ) -> Result<Taken, Option<Instant>> {
        if self.free == 0 {
            self.revoke_idle(Instant::now(), |_| true)?;
        }
        self.free -= 1;
        let grant = self.ticket();
        let mut call = call.cloned();
        if self.holders.get_mut(ticket).is_some() {
            (ticket, call) = (grant, None); // a second permit of the same call
        }
        if let Some(call) = &call {
            call.restore();
        }
        self.holders.insert(Holder {
            ticket,
            grant,
            call,
            seen: None,
            slot,
            reserves: false,
        });
        Ok((ticket, grant))
    }

    fn take_slot(&mut self, ticket: u64, now: Instant) -> Result<(), Option<Instant>> {
        // Only for requests of a call is it known when they are sent.
        let is_call = |holder: &&mut Holder| holder.call.is_some();
        let leaves = match self.holders.get_mut(ticket).filter(is_call) {
            Some(_) => Leaves::Later,
            None => Leaves::Now,
        };
        let mut result = self.pace.take(now, ticket, leaves);
        if let Err(at) = result
            && self.pace.is_held_up()
        {
            // Delayed requests use up the rate. If one of them is not polled, it will not be sent: take its slot away.
            match self.revoke_idle(now, Holder::is_to_send) {
                Ok(()) => result = self.pace.take(now, ticket, leaves),
                Err(again) => result = Err(at.into_iter().chain(again).min()),
            }
        }
        if result.is_ok()
            && let Some(holder) = self.holders.get_mut(ticket).filter(is_call)
        {
            holder.slot = Slot::ToLeave;
        }
        result
    }

    /// Revokes the permit of a call that was woken a while ago and has not been polled since. If there is no such call,
    /// returns when there may be one, if that is known.
    fn revoke_idle(&mut self, now: Instant, which: impl Fn(&Holder) -> bool) -> Result<(), Option<Instant>> {
        let mut soonest = None::<Instant>;
        let mut idle = None;
        for holder in self.holders.iter_mut() {
            let Some(call) = holder.call.as_ref().filter(|_| which(holder)) else {
                continue;
            };
            let Some(state) = call.woken() else {
                continue;
            };
            let since = match holder.seen {
                Some((seen, since)) if seen == state => since,
                _ => now,
            };
            holder.seen = Some((state, since));
            let due = since + GRACE;
            if due > now {
                soonest = Some(soonest.map_or(due, |soonest| soonest.min(due)));
            } else if call.revoke(state, holder.slot == Slot::ToLeave) {
                idle = Some(holder.ticket);
                break;
            }
        }
        let holder = idle.and_then(|ticket| self.holders.remove(ticket)).ok_or(soonest)?;
        // The call takes new send slots before it continues.
        if holder.slot == Slot::ToLeave {
            self.give_back(now);
        }
        if holder.reserves {
            self.give_back(now);
        }
        self.free += 1;
        self.permits.wake(1, now, &mut self.woken);
        Ok(())
    }

    /// A request with a send slot will not be sent.
    fn give_back(&mut self, now: Instant) {
        self.pace.given_back();
        self.slots.wake(1, now, &mut self.woken);
    }

    fn release(&mut self, ticket: u64, grant: u64) {
        let is_this = |holder: &mut Holder| holder.grant == grant;
        if !self.holders.get_mut(ticket).is_some_and(is_this) {
            return; // it was revoked
        }
        let Some(holder) = self.holders.remove(ticket) else {
            return;
        };
        if self.pace.is_open() {
            self.ended(ticket, holder.slot);
        }
        if holder.reserves {
            self.give_back(Instant::now());
        }
        self.free += 1;
        if !self.permits.is_vacant() {
            self.permits.wake(1, Instant::now(), &mut self.woken);
        }
    }

    /// The request of the latest send slot has ended.
    fn settle(&mut self, ticket: u64) {
        if !self.pace.is_open() {
            return; // the common case
        }
        let holder = self.holders.get_mut(ticket);
        let slot = holder.map_or(Slot::None, |holder| mem::replace(&mut holder.slot, Slot::None));
        self.ended(ticket, slot);
    }

    #[cold]
    fn ended(&mut self, ticket: u64, slot: Slot) {
        let now = Instant::now();
        let mut changed = self.pace.ended(ticket);
        if slot == Slot::ToLeave {
            self.pace.arrived(now);
            changed = true;
        }
        if changed {
            self.slots.wake(1, now, &mut self.woken);
        }
    }

    /// Returns the send slot for a later request, unless it was revoked together with the permit.
    fn unreserve(&mut self, ticket: u64) {
        if let Some(holder) = self.holders.get_mut(ticket)
            && mem::take(&mut holder.reserves)
        {
            self.give_back(Instant::now());
        }
    }

    /// The request of the latest send slot is sent.
    fn leaves(&mut self, ticket: u64) {
        if let Some(holder) = self.holders.get_mut(ticket)
            && holder.slot == Slot::ToLeave
        {
            let now = Instant::now();
            holder.slot = Slot::Sent(now);
            self.pace.arrived(now);
            if !self.slots.is_vacant() {
                self.slots.wake(1, now, &mut self.woken); // waiters can now calculate their time
            }
        }
    }
}

/// A send slot for the second of two requests of a call, which is sent after the response to the first.
pub(super) struct Reserved {
    limits: Arc<Limits>,
    ticket: u64,
    taken: Instant,
}

impl Reserved {
    /// Reserves the latest send slot of a call, if its limiter tracks when requests are sent.
    pub(super) fn begin(call: &Polling) -> Option<Self> {
        let (limits, ticket) = call.limits().cloned()?;
        // Until the first request has its send slot too, this one counts as if its request were sent now.
        let slot = limits.with(|state| {
            state.leaves(ticket);
            state.holders.get_mut(ticket).map(|holder| holder.slot)
        });
        let Some(Slot::Sent(taken)) = slot else { return None };
        Some(Self { limits, ticket, taken })
    }

    /// Called when the call has the send slot for its first request too. From now on this one counts in every second.
    /// Returns false if it is too old for that: then the latest slot replaces it, and the call takes one more.
    pub(super) fn hold(&self) -> bool {
        self.limits.with(|state| {
            let holder = state.holders.get_mut(self.ticket);
            holder.is_none_or(|holder| {
                holder.reserves = state.pace.reserve(Instant::now(), self.taken);
                holder.reserves
            })
        })
    }

    /// The second request is sent next.
    pub(super) fn leave(self) {
        self.limits.with(|state| {
            state.settle(self.ticket);
            if let Some(holder) = state.holders.get_mut(self.ticket)
                && mem::take(&mut holder.reserves)
            {
                holder.slot = Slot::ToLeave;
            }
        });
    }
}

/// The second request will not be sent.
impl Drop for Reserved {
    fn drop(&mut self) {
        self.limits.with(|state| state.unreserve(self.ticket));
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
            .field("per_second", &self.limits.per_second)
            .field("in_flight", &self.limits.in_flight)
            .finish_non_exhaustive()
    }
}

impl Limiter for RateLimiter {
    fn acquire(&self) -> LimiterFuture<'_, Permit> {
        Box::pin(async {
            if let Some(permit) = self.try_acquire() {
                return Ok(permit);
            }
            check_timers()?;
            let taken = self.limits.wait(Resource::Permit).await;
            Ok(self.limits.granted(taken))
        })
    }

    fn ready(&self) -> LimiterFuture<'_, ()> {
        Box::pin(async {
            if !self.try_ready() {
                check_timers()?;
                self.limits.wait(Resource::Slot).await;
            }
            Ok(())
        })
    }

    fn try_acquire(&self) -> Option<Permit> {
        self.limits.try_acquire()
    }

    fn try_ready(&self) -> bool {
        self.limits.try_ready()
    }

    fn try_begin(&self, Caller(call): Caller<'_>) -> Option<Permit> {
        self.limits.try_begin(call)
    }

    fn throttled(&self, retry_after: Option<Duration>) {
        let pause = self
            .limits
            .with(|state| state.pace.throttled(Instant::now(), retry_after));
        if pause >= LONG_PAUSE {
            observe::paused(pause);
        }
    }
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)] // tests
mod tests;
