use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{Canned, Recorded, store::Store};

/// Everything that the fake holds.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    requests: Mutex<Vec<Recorded>>,
    canned: Mutex<VecDeque<Canned>>,
    opportunities: Mutex<Store>,
}

impl Shared {
    pub(crate) fn requests(&self) -> MutexGuard<'_, Vec<Recorded>> {
        lock(&self.requests)
    }

    pub(crate) fn canned(&self) -> MutexGuard<'_, VecDeque<Canned>> {
        lock(&self.canned)
    }

    pub(crate) fn opportunities(&self) -> MutexGuard<'_, Store> {
        lock(&self.opportunities)
    }
}

/// No code panics while it holds a lock; if one did, what it left is still the best there is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
