//! An update in a run: which one it is, and what is known about it.

use std::sync::{Arc, OnceLock};

use super::{outcome::Earlier, queue};

/// How many custom attributes an update removes because it does not name them; set when that is known.
pub(super) type Lost = Arc<OnceLock<u64>>;

/// An update that was taken, and has no outcome yet.
pub(super) struct Job<U> {
    pub(super) index: u64,
    pub(super) id: String,
    /// Identifies the object: `id` in lowercase.
    pub(super) key: String,
    pub(super) update: U,
    pub(super) earlier: Earlier,
    /// The object was compared, and the update would change it.
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

    /// Replaces `update`; returns the old value and the new job.
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

    /// How often it was sent again; `sent` tells whether this run has sent it.
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
