//! An update on its way through a run: which one it is, and what is known about it.

use std::sync::{Arc, OnceLock};

use super::{outcome::Earlier, queue};

/// How many attributes an update removes that it does not name, as soon as that is known.
pub(super) type Lost = Arc<OnceLock<u64>>;

/// An update that was taken, and has no outcome yet.
pub(super) struct Job<U> {
    pub(super) index: u64,
    pub(super) id: String,
    /// The same for the same object.
    pub(super) key: String,
    pub(super) update: U,
    pub(super) earlier: Earlier,
    /// It was looked at, and would change something.
    pub(super) looked: bool,
    pub(super) lost: Lost,
}

impl<U> Job<U> {
    pub(super) fn new(index: u64, id: String, update: U, earlier: Earlier, lost: Lost) -> Self {
        let key = id.to_ascii_lowercase();
        Self {
            index,
            id,
            key,
            update,
            earlier,
            looked: false,
            lost,
        }
    }

    /// The same one around something else; what it was around.
    pub(super) fn with<V>(self, update: V) -> (U, Job<V>) {
        let Self {
            index,
            id,
            key,
            update: mine,
            earlier,
            looked,
            lost,
        } = self;
        let job = Job {
            index,
            id,
            key,
            update,
            earlier,
            looked,
            lost,
        };
        (mine, job)
    }

    /// How often it was sent again, if it was sent now or not.
    pub(super) fn repeats(&self, sent: bool) -> u32 {
        (self.earlier.sent + u32::from(sent)).saturating_sub(1)
    }
}

impl<U> queue::Job for Job<U> {
    fn index(&self) -> u64 {
        self.index
    }

    fn object(&self) -> &str {
        &self.key
    }
}
