//! Never provoke the account's limits: a place among the calls in flight, and a turn to send.

use std::{
    any::Any,
    collections::HashMap,
    fmt,
    future::{Future, poll_fn},
    hash::{BuildHasherDefault, Hasher},
    mem,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, Waker},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    connections::check_timers,
    line::{GRACE, Key, Line},
    observe,
    pace::{LONG_PAUSE, Pace, SECOND},
    polling::Polling,
};
use crate::BoxError;

pub(super) use super::pace::LONGEST_PAUSE;

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
/// (Two, before it reads, where what it writes follows from that: `merge_custom` of the crate `chartmogul`.)
/// So a call that is tried again does not queue behind everything that came later, and an outage does not let ever more
/// calls into the air.
///
/// Dropping a future must give its position in the queue back: that is how a call is cancelled.
///
/// A future must not hold back others while nobody polls it: its owner may be busy with something else, for as long as it
/// likes. What a fair lock or semaphore gives to the first in line (tokio's do) stays with it even if it is never polled
/// again. So wake the one whose turn it is, let it take what there is when it is polled, and let others go first if it
/// does not come.
pub trait Limiter: fmt::Debug + Send + Sync + 'static {
    /// Waits for a place among the calls in flight.
    fn acquire(&self) -> LimiterFuture<'_, Permit>;

    /// Waits until the next request may be sent.
    fn ready(&self) -> LimiterFuture<'_, ()>;

    /// A place, if one is free now and nobody waits for it. A limiter that can't tell at once leaves this out, and is
    /// asked for [`acquire`](Self::acquire) each time.
    fn try_acquire(&self) -> Option<Permit> {
        None
    }

    /// Takes a turn, if there is one now and nobody waits for it; whether it did. A limiter that can't tell at once
    /// leaves this out, and is asked for [`ready`](Self::ready) each time.
    fn try_ready(&self) -> bool {
        false
    }

    /// The server refused a request with 429 or 503; `retry_after` is the wait that it asked for, if it did.
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

    fn throttled(&self, retry_after: Option<Duration>) {
        (**self).throttled(retry_after);
    }
}

/// A place among the calls in flight; free again when dropped.
#[must_use = "the place is free again when this is dropped"]
pub struct Permit {
    _held: Held,
}

enum Held {
    Ours(#[allow(dead_code)] Grant), // without a box, for the usual limiter
    Other(#[allow(dead_code)] Box<dyn Any + Send>),
}

impl Permit {
    /// A place that lasts as long as what is given here: a permit of a semaphore, for example, or `()`.
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
        Box::pin(async { Ok(Permit::holding(())) })
    }

    fn ready(&self) -> LimiterFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn try_acquire(&self) -> Option<Permit> {
        Some(Permit::holding(()))
    }

    fn try_ready(&self) -> bool {
        true
    }

    fn throttled(&self, _: Option<Duration>) {}
}

/// A limit on requests per second and on calls in flight, first come, first served.
///
/// Clones share the limit; give one to several clients of the same account. In no second do more requests arrive at the
/// server than the rate allows, however long it takes to connect, and while there is a queue they are spread over the
/// second: half of the rate may go at once. (At a rate of 1, a write that follows from a read comes right after it.)
///
/// When the server refuses a request all the same, because another process uses the account, everything stops for as
/// long as the server asks, at least a second and at most an hour, then goes on at half the rate and recovers within about
/// 10 seconds. Each further refusal halves the rate again, down to a thirty-second, and doubles the least stop. After a stop
/// of a minute or more, one request goes first; the others follow when its call has ended, or 10 seconds later.
///
/// A call that nobody polls holds back no other: others go before it in the queue, and its place goes to another call once
/// its response has arrived. When it is polled again, it continues; what it has yet to send waits for a place and a turn,
/// before all that came later. (In a runtime that is not running, no response arrives, so calls that are in flight there keep
/// their places.)
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
    /// Calls that have a place, by ticket.
    holders: HashMap<u64, Holder, BuildHasherDefault<TicketHasher>>,
    places: Line,
    turns: Line,
    pace: Pace,
    /// To be woken when the lock is released.
    woken: Vec<Waker>,
}

/// Tickets are counted by us, so nobody can choose them to collide, and each call looks some up.
#[derive(Default)]
struct TicketHasher(u64);

impl Hasher for TicketHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }

    fn write_u64(&mut self, ticket: u64) {
        self.0 = ticket;
    }

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) // the golden ratio: numbers in sequence are spread over all bits
    }
}

/// A call that has a place.
struct Holder {
    /// Tells this place from an earlier one of the same call.
    grant: u64,
    /// Missing for a place that no call of a client asked for.
    call: Option<Arc<Polling>>,
    /// A state in which the call was seen waiting to be polled, and since when.
    seen: Option<(usize, Instant)>,
    turn: Turn,
    /// It has another turn, for a request that leaves when the one before is answered.
    reserves: bool,
}

impl Holder {
    /// Whether a request of it is still to leave.
    fn is_to_send(&self) -> bool {
        self.reserves || matches!(self.turn, Turn::Connecting(_))
    }
}

/// What became of the latest turn of a call.
#[derive(Clone, Copy)]
enum Turn {
    None,
    /// Its request left then.
    Sent(Instant),
    /// Its request will leave when this connection stands.
    Connecting(u64),
}

/// Each who waits looks now and then whether those before it are still there. In a long line this is how often all of
/// them together look, per second.
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
                    holders: HashMap::default(),
                    places: Line::default(),
                    turns: Line::default(),
                    pace: Pace::new(per_second),
                    woken: Vec::new(),
                }),
            }),
        }
    }
}

impl Limits {
    /// Does something with the state, then wakes those who have to know. Wakers run code of others, so not under the lock.
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // Nothing can panic while the lock is held; if it did, the numbers would still be good.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        let woken = mem::take(&mut state.woken);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        result
    }

    fn try_acquire(self: &Arc<Self>) -> Option<Permit> {
        let call = self.call();
        let taken = self.with(|state| {
            let ticket = self.ticket(call.as_ref(), state);
            if !state.places.is_empty(&mut state.woken) {
                return None;
            }
            state.take_place(call.as_ref(), ticket).ok()
        });
        taken.map(|taken| self.granted(taken))
    }

    fn try_ready(self: &Arc<Self>) -> bool {
        let call = self.call();
        self.with(|state| {
            let ticket = self.ticket(call.as_ref(), state);
            state.settle(ticket);
            state.turns.is_empty(&mut state.woken) && state.take_turn(ticket, Instant::now()).is_ok()
        })
    }

    /// Waits until a resource can be taken.
    fn wait(self: &Arc<Self>, what: Resource) -> impl Future<Output = Taken> {
        let call = self.call();
        let key = self.with(|state| {
            let ticket = self.ticket(call.as_ref(), state);
            if what == Resource::Turn {
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

    /// The call that is being polled, unless its place is of another limiter.
    fn call(self: &Arc<Self>) -> Option<Arc<Polling>> {
        let ours = |limits: &Arc<Self>| Arc::ptr_eq(limits, self);
        Polling::current().filter(|call| call.limits().get().is_none_or(|(limits, _)| ours(limits)))
    }

    /// The ticket of a call, which it keeps: whoever has to take a place or a turn again goes before all that came later.
    fn ticket(self: &Arc<Self>, call: Option<&Arc<Polling>>, state: &mut State) -> u64 {
        let Some(call) = call else { return state.ticket() };
        call.limits().get_or_init(|| (Arc::clone(self), state.ticket())).1
    }

    pub(super) fn connected(&self, ticket: u64, connection: u64) {
        self.with(|state| state.connected(ticket, connection));
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

/// A place that is free again when this is dropped, unless it went to another call before.
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

/// The ticket of a place, and its number.
type Taken = (u64, u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Place,
    Turn,
}

/// Somebody who waits for a place or a turn; leaves the line when dropped.
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
            Resource::Place => &mut self.places,
            Resource::Turn => &mut self.turns,
        };
        (line, &mut self.woken)
    }

    /// Takes a resource for somebody who waits, or says when to ask again; if something happens before, he is woken.
    fn poll(&mut self, waiting: &Waiting<'_>, waker: &Waker) -> Result<Taken, Instant> {
        let call = waiting.call.as_ref();
        if waiting.what == Resource::Turn && call.is_some_and(|call| call.is_revoked()) {
            return Ok((waiting.key.0, 0)); // needs a place first, and asks for a turn again then
        }
        let now = Instant::now();
        let (line, woken) = self.line(waiting.what);
        let is_first = line.is_first(waiting.key, now, woken);
        let at = if is_first {
            match self.take(waiting.what, call, waiting.key.0, now) {
                Ok(taken) => return Ok(taken), // and leaves the line when dropped, which wakes the next
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
                _ => now + GRACE, // does it come?
            }
        };
        line.park(waiting.key, waker, due);
        Err(due)
    }

    /// When the first in line can take it, if that is known.
    fn available(&self, what: Resource, now: Instant) -> Option<Instant> {
        match what {
            Resource::Place => (self.free > 0).then_some(now),
            Resource::Turn => self.pace.next(now),
        }
    }

    /// Takes a resource, or says when to try again, if that is known. Who asks is first in line.
    fn take(
        &mut self,
        what: Resource,
        call: Option<&Arc<Polling>>,
        ticket: u64,
        now: Instant,
    ) -> Result<Taken, Option<Instant>> {
        match what {
            Resource::Place => self.take_place(call, ticket),
            Resource::Turn => self.take_turn(ticket, now).map(|()| (ticket, 0)),
        }
    }

    fn take_place(&mut self, call: Option<&Arc<Polling>>, mut ticket: u64) -> Result<Taken, Option<Instant>> {
        if self.free == 0 {
            self.revoke_idle(Instant::now(), |_| true)?;
        }
        self.free -= 1;
        let grant = self.ticket();
        let mut holder = Holder {
            grant,
            call: None,
            seen: None,
            turn: Turn::None,
            reserves: false,
        };
        if self.holders.contains_key(&ticket) {
            ticket = grant; // a second place of the same call
        } else if let Some(call) = call {
            call.restore();
            holder.call = Some(Arc::clone(call));
        }
        self.holders.insert(ticket, holder);
        Ok((ticket, grant))
    }

    fn take_turn(&mut self, ticket: u64, now: Instant) -> Result<(), Option<Instant>> {
        let mut result = self.pace.take(now, ticket);
        if let Err(at) = result
            && self.pace.is_held_up()
        {
            // Requests that are to leave later count. Unless nobody polls them: then they will not leave.
            match self.revoke_idle(now, Holder::is_to_send) {
                Ok(()) => result = self.pace.take(now, ticket),
                Err(again) => result = Err(at.into_iter().chain(again).min()),
            }
        }
        if result.is_ok()
            && let Some(holder) = self.holders.get_mut(&ticket)
        {
            holder.turn = Turn::Sent(now);
        }
        result
    }

    /// Frees the place of a call that was woken a while ago and has not been polled since. If there is none, says when
    /// there may be one, as far as that is known.
    fn revoke_idle(&mut self, now: Instant, which: impl Fn(&Holder) -> bool) -> Result<(), Option<Instant>> {
        let mut soonest = None::<Instant>;
        let mut idle = None;
        for (ticket, holder) in &mut self.holders {
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
            } else if call.revoke(state, matches!(holder.turn, Turn::Connecting(_))) {
                idle = Some(*ticket);
                break;
            }
        }
        let holder = idle.and_then(|ticket| self.holders.remove(&ticket)).ok_or(soonest)?;
        // It asks for turns again before it goes on.
        if let Turn::Connecting(_) = holder.turn {
            self.give_back(now);
        }
        if holder.reserves {
            self.give_back(now);
        }
        self.free += 1;
        self.places.wake(1, now, &mut self.woken);
        Ok(())
    }

    /// A request that had its turn will not leave.
    fn give_back(&mut self, now: Instant) {
        self.pace.given_back();
        self.turns.wake(1, now, &mut self.woken);
    }

    fn release(&mut self, ticket: u64, grant: u64) {
        if self.holders.get(&ticket).is_none_or(|holder| holder.grant != grant) {
            return; // it went to another call
        }
        self.settle(ticket);
        self.unreserve(ticket);
        self.holders.remove(&ticket);
        self.free += 1;
        if !self.places.is_vacant() {
            self.places.wake(1, Instant::now(), &mut self.woken);
        }
    }

    /// The request of the latest turn has ended.
    fn settle(&mut self, ticket: u64) {
        if !self.pace.is_open() {
            return; // as most of the time
        }
        let now = Instant::now();
        let mut changed = self.pace.ended(ticket);
        if let Some(holder) = self.holders.get_mut(&ticket)
            && let Turn::Connecting(_) = mem::replace(&mut holder.turn, Turn::None)
        {
            self.pace.arrived(now);
            changed = true;
        }
        if changed {
            self.turns.wake(1, now, &mut self.woken);
        }
    }

    /// The turn for a later request is not needed. Unless it has been given back before, with the place of its call.
    fn unreserve(&mut self, ticket: u64) {
        if let Some(holder) = self.holders.get_mut(&ticket)
            && mem::take(&mut holder.reserves)
        {
            self.give_back(Instant::now());
        }
    }

    /// A connection is being made for the request of the latest turn, which leaves when it stands.
    fn connecting(&mut self, ticket: u64) -> Option<u64> {
        let connection = self.ticket();
        let holder = self.holders.get_mut(&ticket)?;
        match mem::replace(&mut holder.turn, Turn::Connecting(connection)) {
            Turn::Connecting(_) => {}
            Turn::Sent(at) => self.pace.delayed(Some(at)),
            Turn::None => self.pace.delayed(None),
        }
        Some(connection)
    }

    /// The request has left, or will not leave by this connection.
    fn connected(&mut self, ticket: u64, connection: u64) {
        let now = Instant::now();
        if let Some(holder) = self.holders.get_mut(&ticket)
            && let Turn::Connecting(latest) = holder.turn
            && latest == connection
        {
            holder.turn = Turn::Sent(now);
            self.pace.arrived(now);
            self.turns.wake(1, now, &mut self.woken);
        }
    }
}

/// A connection is being made for the request of a call.
pub(super) struct Connecting {
    call: Arc<Polling>,
    limits: Arc<Limits>,
    ticket: u64,
    connection: u64,
    stands: bool,
}

impl Connecting {
    /// For the call that is being polled, if its limiter has to know.
    pub(super) fn begin() -> Option<Self> {
        let call = Polling::current()?;
        let (limits, ticket) = call.limits().get()?;
        let connection = limits.with(|state| state.connecting(*ticket))?;
        Some(Self {
            limits: Arc::clone(limits),
            ticket: *ticket,
            connection,
            call,
            stands: false,
        })
    }

    /// The connection stands, so the request leaves when its call is polled next.
    pub(super) fn stands(mut self) {
        self.stands = true;
    }

    /// Whether the request has left over another connection, so that this one is not polled with its call any more.
    pub(super) fn has_left(&self) -> bool {
        !self.call.is_current()
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        if self.stands && self.call.is_current() {
            self.call.stands(self.connection);
        } else {
            self.limits.connected(self.ticket, self.connection);
        }
    }
}

/// A turn of a call for the second of two requests, which leaves when the first is answered.
pub(super) struct Reserved {
    limits: Arc<Limits>,
    ticket: u64,
    taken: Instant,
}

impl Reserved {
    /// The latest turn of the call that is being polled, if its limiter has to know.
    pub(super) fn begin() -> Option<Self> {
        let call = Polling::current()?;
        let (limits, ticket) = call.limits().get()?;
        let turn = limits.with(|state| state.holders.get(ticket).map(|holder| holder.turn));
        let Some(Turn::Sent(taken)) = turn else { return None };
        Some(Self {
            limits: Arc::clone(limits),
            ticket: *ticket,
            taken,
        })
    }

    /// The call has the turn for its first request, too, so it waits for none. From now on this one counts in every second.
    /// If it is too old for that, the other one takes its place, and the call needs one more.
    pub(super) fn hold(&self) -> bool {
        self.limits.with(|state| {
            let holder = state.holders.get_mut(&self.ticket);
            holder.is_none_or(|holder| {
                holder.reserves = state.pace.reserve(Instant::now(), self.taken);
                holder.reserves
            })
        })
    }

    /// The second request leaves now.
    pub(super) fn leave(self) {
        self.limits.with(|state| {
            let now = Instant::now();
            state.settle(self.ticket);
            if let Some(holder) = state.holders.get_mut(&self.ticket) {
                (holder.turn, holder.reserves) = (Turn::Sent(now), false);
                state.pace.arrived(now);
            }
            state.turns.wake(1, now, &mut state.woken);
        });
    }
}

/// It does not leave.
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
            if let Some(place) = self.try_acquire() {
                return Ok(place);
            }
            check_timers()?;
            let taken = self.limits.wait(Resource::Place).await;
            Ok(self.limits.granted(taken))
        })
    }

    fn ready(&self) -> LimiterFuture<'_, ()> {
        Box::pin(async {
            if !self.try_ready() {
                check_timers()?;
                self.limits.wait(Resource::Turn).await;
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
