//! Outcomes on their way to the caller: the journal has to have them, it has to be their turn, and the caller has to take them.

use tokio::sync::mpsc;

use super::{outcome::Completed, progress::Progress, queue::Window};

/// Outcomes that wait for the caller before nothing more is taken and sent.
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

    /// There will be an outcome of this update.
    pub(super) fn enter(&mut self, index: u64) {
        self.window.enter(index);
    }

    /// This is the outcome of an update.
    pub(super) fn finish(&mut self, done: Completed<T>) {
        self.finished.push(done);
    }

    /// Whether there are outcomes that the journal may not have yet.
    pub(super) fn has_finished(&self) -> bool {
        !self.finished.is_empty()
    }

    /// Whether the caller is behind.
    pub(super) fn has_next(&self) -> bool {
        self.window.has_next()
    }

    /// From the first update without an outcome to the one that would be next.
    pub(super) fn span(&self, next: u64) -> u64 {
        self.window.span(next)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.finished.is_empty() && self.window.is_empty()
    }

    /// The journal has all that is finished, unless it is broken.
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

    /// Hands out one, when the caller has room for it; `false` if the caller is gone.
    pub(super) async fn hand_out_one(&mut self) -> bool {
        match (self.out.reserve().await, self.window.next()) {
            (Ok(room), Some(done)) => {
                room.send(done);
                true
            }
            _ => false,
        }
    }

    /// Hands out what the caller has room for.
    pub(super) fn hand_out(&mut self) {
        while self.window.has_next()
            && let Ok(room) = self.out.try_reserve()
            && let Some(done) = self.window.next()
        {
            room.send(done);
        }
    }
}
