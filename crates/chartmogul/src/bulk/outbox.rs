//! Outcomes for the caller. One is handed out when the journal has it, it is its turn, and the caller's channel has
//! capacity.

use tokio::sync::mpsc;

use super::{outcome::Completed, progress::Progress, queue::Window};

/// How many outcomes may wait for the caller before the run pauses.
pub(super) const READY: usize = 256;

pub(super) struct Outbox<T> {
    /// To be handed out as soon as the journal has them.
    finished: Vec<Completed<T>>,
    window: Window<Completed<T>>,
    out: mpsc::Sender<Completed<T>>,
}

impl<T> Outbox<T> {
    pub(super) fn new(ordered: bool, out: mpsc::Sender<Completed<T>>) -> Self {
        Self {
            finished: Vec::new(),
            window: Window::new(ordered),
            out,
        }
    }

    /// Registers an update, whose outcome will follow.
    pub(super) fn enter(&mut self, index: u64) {
        self.window.enter(index);
    }

    /// Adds the outcome of an update.
    pub(super) fn finish(&mut self, done: Completed<T>) {
        self.finished.push(done);
    }

    /// Whether there are outcomes that the journal may not have yet.
    pub(super) fn has_finished(&self) -> bool {
        !self.finished.is_empty()
    }

    /// Whether an outcome waits because the caller's channel is full.
    pub(super) fn has_next(&self) -> bool {
        self.window.has_next()
    }

    /// Distance from the first update whose outcome was not handed out to the next one to take.
    pub(super) fn span(&self, next: u64) -> u64 {
        self.window.span(next)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.finished.is_empty() && self.window.is_empty()
    }

    /// Releases all finished outcomes: the journal has them, unless it is broken.
    pub(super) fn release(&mut self, is_broken: bool, progress: &Progress) {
        for mut done in self.finished.drain(..) {
            let is_left = done.outcome.is_left();
            done.unrecorded = is_broken && !done.earlier && !is_left;
            if !is_left {
                progress.done(done.outcome.is_failure());
            }
            self.window.ended(done.index, done);
        }
    }

    /// Hands out one outcome, when the caller's channel has capacity; `false` if the caller is gone.
    pub(super) async fn hand_out_one(&mut self) -> bool {
        match (self.out.reserve().await, self.window.next()) {
            (Ok(room), Some(done)) => {
                room.send(done);
                true
            }
            _ => false,
        }
    }

    /// Hands out as many outcomes as the caller's channel has capacity for.
    pub(super) fn hand_out(&mut self) {
        while self.window.has_next()
            && let Ok(room) = self.out.try_reserve()
            && let Some(done) = self.window.next()
        {
            room.send(done);
        }
    }
}
