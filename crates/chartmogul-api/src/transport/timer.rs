//! Timeouts.

use std::{
    cell::Cell,
    future::{Future, pending, poll_fn},
    pin::Pin,
    task::Poll,
};

use tokio::{
    runtime::{Handle, Id},
    task::coop::unconstrained,
    time::{self, Instant, Sleep, error::Elapsed, sleep_until},
};

/// Maximum number of timers that a thread keeps: as many as calls are in flight by default, and some more.
const MOST_KEPT: usize = 32;

/// Unused timers, kept for reuse. They stay registered with their runtime, which can move one to a later time with a single
/// atomic write; registering and deregistering one would be a good part of the cost of a call.
#[derive(Default)]
struct Kept {
    runtime: Option<Id>,
    timers: Vec<Pin<Box<Sleep>>>,
}

impl Kept {
    /// Accesses the timers of a runtime. If the thread now runs another runtime, which is rare, the old ones are dropped.
    fn with<T>(runtime: Id, change: impl FnOnce(&mut Vec<Pin<Box<Sleep>>>) -> T) -> Option<T> {
        thread_local! {
            static KEPT: Cell<Kept> = Cell::default();
        }
        let change = |cell: &Cell<Self>| {
            let mut kept = cell.take(); // dropping timers may run foreign code
            if kept.runtime != Some(runtime) {
                kept = Self {
                    runtime: Some(runtime),
                    timers: Vec::new(),
                };
            }
            let result = change(&mut kept.timers);
            cell.set(kept);
            result
        };
        KEPT.try_with(change).ok()
    }
}

/// A timer, and the runtime that it belongs to.
struct Timer(Pin<Box<Sleep>>, Id);

impl Timer {
    fn take(until: Instant) -> Self {
        let runtime = Handle::current().id(); // a timer needs a runtime
        match Kept::with(runtime, Vec::pop).flatten() {
            Some(mut timer) => {
                timer.as_mut().reset(until);
                Self(timer, runtime)
            }
            None => Self(Box::pin(sleep_until(until)), runtime),
        }
    }

    fn keep(self) {
        Kept::with(self.1, |kept| {
            if kept.len() < MOST_KEPT {
                kept.push(self.0);
            }
        });
    }
}

/// Like tokio's, but the timer, which is reused, keeps the waker for a while; so a [call](super::polling::Polling::watch)
/// releases its task when it ends.
#[allow(clippy::manual_async_fn)] // an `async fn` would store its arguments twice
pub(super) fn timeout_at<F: Future>(
    until: Instant,
    mut future: Pin<&mut F>,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    async move {
        let mut timer = None;
        let ended = poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            let Timer(timer, _) = timer.get_or_insert_with(|| Timer::take(until));
            // Even if the future has used up the cooperative budget of its task.
            Pin::new(&mut unconstrained(timer)).poll(context).map(|()| None)
        });
        if let Some(output) = ended.await {
            if let Some(timer) = timer {
                timer.keep();
            }
            return Ok(output);
        }
        time::timeout_at(until, pending()).await // returns `Elapsed` at once
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use std::{
        pin::pin,
        sync::Arc,
        task::{Context, Wake, Waker},
        time::Duration,
    };

    use tokio::{runtime::Builder, task::coop::consume_budget, time::sleep};

    use super::*;
    use crate::transport::polling::Polling;

    fn kept() -> usize {
        Kept::with(Handle::current().id(), |kept| kept.len()).unwrap()
    }

    /// Waits for `milliseconds`, with a timeout.
    async fn wait(milliseconds: u64, limit: u64) -> Result<(), Elapsed> {
        let until = Instant::now() + Duration::from_millis(limit);
        timeout_at(until, pin!(sleep(Duration::from_millis(milliseconds)))).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_that_was_kept_ends_at_its_new_time() {
        wait(10, 1000).await.unwrap();
        assert_eq!(kept(), 1);
        let start = Instant::now();
        wait(5000, 2000).await.unwrap_err(); // later than it was
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        assert_eq!(kept(), 0);
        wait(10, 1000).await.unwrap();
        let start = Instant::now();
        wait(5000, 20).await.unwrap_err(); // earlier
        assert_eq!(start.elapsed(), Duration::from_millis(20));
        wait(10, 1000).await.unwrap();
        sleep(Duration::from_secs(5)).await; // it ends while it is unused
        wait(4000, 5000).await.unwrap();
        wait(5000, 4000).await.unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn not_more_are_kept_than_are_needed() {
        let mut waits = tokio::task::JoinSet::new();
        for number in 0..100 {
            waits.spawn(wait(10, 1000 + number));
        }
        while let Some(ended) = waits.join_next().await {
            ended.unwrap().unwrap();
        }
        assert_eq!(kept(), MOST_KEPT);
    }

    #[test]
    fn a_thread_may_have_a_runtime_after_another() {
        for _ in 0..3 {
            let runtime = Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(async {
                assert_eq!(kept(), 0, "those of the runtime before are given up");
                wait(10, 1000).await.unwrap();
                wait(5000, 2000).await.unwrap_err();
                wait(10, 1000).await.unwrap();
                assert_eq!(kept(), 1);
            });
        }
    }

    #[tokio::test]
    async fn a_future_that_uses_up_its_budget_times_out_too() {
        let busy = async {
            loop {
                consume_budget().await;
            }
        };
        let ended: Result<(), _> = timeout_at(Instant::now() + Duration::from_millis(10), pin!(busy)).await;
        ended.unwrap_err();
    }

    #[test]
    fn a_timer_that_is_kept_does_not_keep_the_task() {
        struct Task;
        impl Wake for Task {
            fn wake(self: Arc<Self>) {}
        }
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let _entered = runtime.enter();
        let task = Arc::new(Task);
        let waker = Waker::from(Arc::clone(&task));
        let mut ready = false;
        let work = poll_fn(|_| {
            if std::mem::replace(&mut ready, true) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        let call = Polling::new();
        let mut work = pin!(work);
        let mut limited = pin!(timeout_at(Instant::now() + Duration::from_secs(30), work.as_mut()));
        let mut watched = pin!(call.watch(limited.as_mut()));
        assert!(watched.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert!(watched.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
        drop(waker);
        assert_eq!((kept(), Arc::strong_count(&task)), (1, 1));
    }
}
