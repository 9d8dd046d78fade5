use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    Canned, Collection, Recorded, resources,
    store::{Object, Store},
};

/// Maximum size of the requests that are kept: bodies, and a little for each request.
const JOURNAL_LIMIT: usize = 256 * 1024 * 1024;

/// What happens just before a request is handled.
pub(crate) type Act = Box<dyn FnOnce(&State) + Send>;

/// All objects that a fake holds.
#[derive(Debug, Default)]
pub struct State {
    stores: Mutex<HashMap<String, Arc<Mutex<Store>>>>,
    /// Set when an invalid object was stored on purpose: responses are no longer checked.
    any_response: AtomicBool,
}

impl State {
    /// The objects of one kind, by the name of their path: `opportunities`, `plan_groups`.
    pub fn collection<'a>(&'a self, name: &'a str) -> Collection<'a> {
        Collection::new(self, name)
    }

    pub(crate) fn allow_any_response(&self) {
        self.any_response.store(true, Ordering::Relaxed);
    }

    pub(crate) fn allows_any_response(&self) -> bool {
        self.any_response.load(Ordering::Relaxed)
    }

    /// Accesses a store exclusively.
    pub(crate) fn store<T>(&self, name: &str, act: impl FnOnce(&mut Store) -> T) -> T {
        let name = resources::store_of(name);
        let store = Arc::clone(lock(&self.stores).entry(name.to_owned()).or_default());
        act(&mut lock(&store))
    }

    /// Changes all objects with this text in this field.
    pub(crate) fn rewrite(&self, field: &str, text: &str, change: impl Fn(&str, &mut Object)) {
        let names: Vec<_> = lock(&self.stores).keys().cloned().collect();
        for name in names {
            self.store(&name, |store| {
                store.rewrite(field, text, |object| change(&name, object));
            });
        }
    }
}

/// The whole state of a fake.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) state: State,
    /// Whether unknown names are ignored.
    pub(crate) lenient: bool,
    /// Whether a line is written for each request.
    pub(crate) log: bool,
    journal: Mutex<Journal>,
    canned: Mutex<VecDeque<Canned>>,
    acts: Mutex<Acts>,
}

/// The requests that arrived.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) requests: VecDeque<Recorded>,
    /// Number of requests that were dropped.
    pub(crate) dropped: usize,
    bytes: usize,
}

impl Journal {
    fn add(&mut self, request: Recorded) {
        self.bytes += request.size();
        self.requests.push_back(request);
        while self.bytes > JOURNAL_LIMIT
            && let Some(oldest) = self.requests.pop_front()
        {
            self.bytes -= oldest.size();
            self.dropped += 1;
        }
    }

    fn count(&self) -> usize {
        self.dropped + self.requests.len()
    }
}

/// Functions to run before a request, by its number from 1.
#[derive(Default)]
struct Acts(BTreeMap<usize, Vec<Act>>);

impl fmt::Debug for Acts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Shared {
    pub(crate) fn new(lenient: bool, log: bool) -> Self {
        Self {
            lenient,
            log,
            ..Self::default()
        }
    }

    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        lock(&self.journal)
    }

    pub(crate) fn canned(&self) -> MutexGuard<'_, VecDeque<Canned>> {
        lock(&self.canned)
    }

    /// `nth` is 1 for the next request.
    pub(crate) fn act_before(&self, nth: usize, act: Act) {
        let number = self.journal().count() + nth;
        lock(&self.acts).0.entry(number).or_default().push(act);
    }

    /// Records a request, and runs the functions that are due before it.
    pub(crate) fn record(&self, request: Recorded) {
        let number = {
            let mut journal = self.journal();
            journal.add(request);
            journal.count()
        };
        let acts = lock(&self.acts).0.remove(&number).unwrap_or_default();
        for act in acts {
            act(&self.state);
        }
    }
}

/// Locks a mutex. No code panics while it holds a lock; if it did, the state would still be usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn the_journal_forgets_the_oldest_when_it_is_full() {
        let (parts, ()) = Request::new(()).into_parts();
        let mut journal = Journal::default();
        for number in 0..5 {
            journal.add(Recorded::new(&parts, &vec![number; JOURNAL_LIMIT / 4]));
        }
        let left: Vec<_> = journal.requests.iter().map(|request| request.body[0]).collect();
        assert_eq!((left, journal.dropped, journal.count()), (vec![2, 3, 4], 2, 5));
    }
}
