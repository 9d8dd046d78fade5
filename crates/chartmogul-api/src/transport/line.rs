//! The queue of those who wait for the limiter.

use std::{collections::BTreeMap, task::Waker, time::Duration};

use tokio::time::Instant;

/// How late a woken waiter may be before others go first. A late waiter keeps its position, so this is short.
pub(super) const GRACE: Duration = Duration::from_millis(10);
/// If woken waiters are not polled in time, this many times as many are woken next, so that a long queue of waiters that are
/// not polled is passed in a few steps.
const GROWTH: usize = 8;

/// The ticket of a call, and a number that is unique.
pub(super) type Key = (u64, u64);

/// Waiters, in the order of their tickets.
///
/// Nothing is ever assigned to a waiter, because it may not be polled. The first is woken, and takes what is free when it is
/// polled. Each is due to be polled at some time: when its timer ends, or when it is woken earlier. A waiter that is late and
/// still not polled leaves the queue, so that others go first; when it is polled, it returns to its old position.
#[derive(Default)]
pub(super) struct Line {
    waiting: BTreeMap<Key, Waiter>,
}

struct Waiter {
    waker: Waker,
    due: Instant,
    /// When it was first seen to be due. The end of its timer alone does not count: its thread, and with it all timers, may
    /// have been busy.
    late: Option<Instant>,
}

impl Line {
    /// Whether no other waiter is before this one.
    pub(super) fn is_first(&mut self, key: Key, now: Instant, woken: &mut Vec<Waker>) -> bool {
        let mut absent = 0;
        let is_first = loop {
            let Some(mut first) = self.waiting.first_entry().filter(|first| *first.key() < key) else {
                break true;
            };
            let waiter = first.get_mut();
            match waiter.late {
                Some(since) if since + GRACE <= now => {
                    first.remove();
                    absent += 1;
                    continue;
                }
                None if waiter.due <= now => waiter.late = Some(now),
                _ => {}
            }
            break false;
        };
        if absent > 0 {
            self.wake(absent * GROWTH, now, woken);
        }
        is_first
    }

    /// Whether there are no waiters except those that are not polled although they were woken.
    pub(super) fn is_empty(&mut self, woken: &mut Vec<Waker>) -> bool {
        self.is_vacant() || self.is_first((u64::MAX, u64::MAX), Instant::now(), woken)
    }

    pub(super) fn is_vacant(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Registers a waiter, or updates it. It is polled again by its own timer when it is due, or earlier if it is woken.
    pub(super) fn park(&mut self, key: Key, waker: &Waker, due: Instant) {
        let waiter = self.waiting.entry(key).or_insert_with(|| Waiter {
            waker: waker.clone(),
            due,
            late: None,
        });
        (waiter.due, waiter.late) = (due, None);
        if !waiter.waker.will_wake(waker) {
            waiter.waker.clone_from(waker);
        }
    }

    /// Removes a waiter, whether or not it got what it waited for. If it was the first, the next one is woken.
    pub(super) fn leave(&mut self, key: Key, now: Instant, woken: &mut Vec<Waker>) {
        self.waiting.remove(&key);
        if self.waiting.first_key_value().is_some_and(|(first, _)| *first > key) {
            self.wake(1, now, woken);
        }
    }

    /// Wakes the first `count` waiters, unless they were woken before.
    pub(super) fn wake(&mut self, count: usize, now: Instant, woken: &mut Vec<Waker>) {
        for waiter in self.waiting.values_mut().take(count) {
            waiter.late.get_or_insert(now);
            if waiter.due > now {
                waiter.due = now;
                woken.push(waiter.waker.clone());
            }
        }
    }

    pub(super) fn first_due(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|(_, waiter)| waiter.due)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }
}
