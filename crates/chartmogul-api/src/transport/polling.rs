//! Which call is being polled, and whether a call is polled at all.
//!
//! A future can be alive without being polled: its task awaits something else. The permit and send slots of such a call
//! must not delay others, so the [limiter](super::limit) checks here before it lets others wait.

use std::{
    future::{Future, poll_fn},
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Wake, Waker},
};

use super::limit::Limits;

tokio::task_local! {
    static CURRENT: Arc<Polling>;
}

/// It was woken since it was last polled.
const WOKEN: usize = 1;
/// It is being polled now.
const POLLED: usize = 1 << 1;
/// Its permit went to another call.
const REVOKED: usize = 1 << 2;
/// Its send slot was taken away too, because its request was not sent yet.
const UNSENT: usize = 1 << 3;
/// The remaining bits count the polls.
const ONCE: usize = 1 << 4;

/// Tracks the polls of a call. It is the waker of everything that the call waits for, so it knows whether the call was woken
/// and not polled since. Such a call does not wait for the server: its response has arrived, or its timer has ended.
pub(crate) struct Polling {
    state: AtomicUsize,
    /// Wakes the task of the call.
    task: Mutex<Waker>,
    /// The limiter that gave it a permit, and its ticket there.
    limits: OnceLock<(Arc<Limits>, u64)>,
    /// Number of requests that it has begun.
    requests: AtomicU64,
}

impl Polling {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: AtomicUsize::new(0),
            task: Mutex::new(Waker::noop().clone()),
            limits: OnceLock::new(),
            requests: AtomicU64::new(0),
        })
    }

    /// The call that waits for its limiter now, if there is one.
    pub(super) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Makes this the current call while a future is polled that waits for the limiter.
    pub(super) fn scope<F: Future>(self: &Arc<Self>, waiting: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(Arc::clone(self), waiting)
    }

    /// The limiter that gave it a permit, and its ticket there.
    pub(super) fn limits(&self) -> Option<&(Arc<Limits>, u64)> {
        self.limits.get()
    }

    /// Its ticket. The first limiter that it asks becomes its limiter; `begin` creates the ticket, and must not lock
    /// anything.
    pub(super) fn ticket(&self, begin: impl FnOnce() -> (Arc<Limits>, u64)) -> u64 {
        self.limits.get_or_init(begin).1
    }

    /// Polls a future as the work of this call.
    pub(super) fn watch<F: Future>(self: &Arc<Self>, mut future: Pin<&mut F>) -> impl Future<Output = F::Output> {
        let waker = Waker::from(Arc::clone(self));
        let call = Arc::clone(self);
        poll_fn(move |context| {
            call.begin(context.waker());
            let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
            call.state.fetch_and(!POLLED, Ordering::AcqRel);
            if poll.is_ready() {
                call.set_task(Waker::noop()); // a waker that is still held elsewhere must not keep the task alive
            }
            poll
        })
    }

    /// Gives its next request a number.
    pub(super) fn begin_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The request with this number is sent, or will not be. Only the latest one matters.
    pub(super) fn leaves(&self, number: u64) {
        if self.requests.load(Ordering::Relaxed) != number {
            return;
        }
        if let Some((limits, ticket)) = self.limits() {
            limits.leaves(*ticket);
        }
    }

    fn set_task(&self, task: &Waker) {
        let mut current = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !current.will_wake(task) {
            let previous = mem::replace(&mut *current, task.clone());
            drop(current);
            drop(previous); // dropping a waker may drop a task, and so run foreign code
        }
    }

    fn begin(&self, task: &Waker) {
        self.set_task(task);
        let begun = |state: usize| Some(((state & !WOKEN) | POLLED).wrapping_add(ONCE));
        let _ = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, begun);
    }

    /// Its state, if it was woken and is not being polled.
    pub(super) fn woken(&self) -> Option<usize> {
        let state = self.state.load(Ordering::Acquire);
        (state & (WOKEN | POLLED) == WOKEN).then_some(state)
    }

    /// Takes its permit away, unless it was polled since it had this state; returns whether it did.
    pub(super) fn revoke(&self, state: usize, unsent: bool) -> bool {
        let revoked = state | REVOKED | if unsent { UNSENT } else { 0 };
        self.state
            .compare_exchange(state, revoked, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// It has a permit again.
    pub(super) fn restore(&self) {
        self.state.fetch_and(!(REVOKED | UNSENT), Ordering::AcqRel);
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.state.load(Ordering::Acquire) & REVOKED != 0
    }

    /// Whether it lost its send slot with its permit.
    pub(super) fn is_unsent(&self) -> bool {
        self.state.load(Ordering::Acquire) & UNSENT != 0
    }
}

impl Wake for Polling {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.state.fetch_or(WOKEN, Ordering::AcqRel);
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).clone();
        task.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, task::Poll};

    use super::*;

    #[test]
    fn a_call_that_was_woken_and_not_polled_is_known() {
        let call = Polling::new();
        let mut work = pin!(poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        let mut watched = pin!(call.watch(work.as_mut()));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(call.woken(), None, "not yet");
        assert!(watched.as_mut().poll(&mut context).is_pending());
        let woken = call.woken().unwrap_or_default();
        assert!(watched.as_mut().poll(&mut context).is_pending());
        assert!(!call.revoke(woken, false), "it was polled since");
        assert!(call.revoke(call.woken().unwrap_or_default(), false));
        assert!(call.is_revoked() && !call.is_unsent());
        assert!(watched.as_mut().poll(&mut context).is_pending());
        assert!(call.is_revoked(), "until it has a permit again");
        call.restore();
        assert!(!call.is_revoked());
    }
}
