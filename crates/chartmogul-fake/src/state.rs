use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{Canned, Opportunities, Recorded, store::Store};

/// What happens just before a request is handled.
pub(crate) type Act = Box<dyn FnOnce(&Opportunities<'_>) + Send>;

/// Everything that the fake holds.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    requests: Mutex<Vec<Recorded>>,
    canned: Mutex<VecDeque<Canned>>,
    opportunities: Mutex<Store>,
    acts: Mutex<Acts>,
}

/// By the number of the request, from 1.
#[derive(Default)]
struct Acts(BTreeMap<usize, Vec<Act>>);

impl fmt::Debug for Acts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Shared {
    pub(crate) fn requests(&self) -> MutexGuard<'_, Vec<Recorded>> {
        lock(&self.requests)
    }

    pub(crate) fn canned(&self) -> MutexGuard<'_, VecDeque<Canned>> {
        lock(&self.canned)
    }

    pub(crate) fn act_before(&self, request: usize, act: Act) {
        lock(&self.acts).0.entry(request).or_default().push(act);
    }

    /// Records a request, and does what is to be done before it is handled.
    pub(crate) fn record(&self, request: Recorded) {
        let number = {
            let mut requests = self.requests();
            requests.push(request);
            requests.len()
        };
        let acts = lock(&self.acts).0.remove(&number).unwrap_or_default();
        for act in acts {
            act(&Opportunities::new(self));
        }
    }

    pub(crate) fn opportunities(&self) -> MutexGuard<'_, Store> {
        lock(&self.opportunities)
    }
}

/// No code panics while it holds a lock; if one did, what it left is still the best there is.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
