//! Which update is next, and in which order outcomes are handed out. Nothing here waits or sends.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    hash::{BuildHasher as _, RandomState},
};

/// Updates that are not in flight yet. Those of the same object are made one after the other, in order.
pub(super) struct Queue<J> {
    ready: VecDeque<J>,
    /// By object; there is an entry while one of its updates is ready or in flight.
    behind: HashMap<String, VecDeque<J>>,
    /// By the hash of an object: the index of the update that holds back later ones. There may be as many as there are
    /// updates, so entries are small; if the hashes of two objects collide, one is needlessly left to the next run.
    held: HashMap<u64, u64>,
    hasher: RandomState,
}

/// What the queue needs to know about an update.
pub(super) trait Job {
    fn index(&self) -> u64;
    fn object(&self) -> &str;
}

impl<J: Job> Queue<J> {
    pub(super) fn new() -> Self {
        Self {
            ready: VecDeque::new(),
            behind: HashMap::new(),
            held: HashMap::new(),
            hasher: RandomState::new(),
        }
    }

    pub(super) fn push(&mut self, job: J) {
        if let Some(behind) = self.behind.get_mut(job.object()) {
            behind.push_back(job);
            return;
        }
        self.behind.insert(job.object().to_owned(), VecDeque::new());
        self.ready.push_back(job);
    }

    /// How many updates could be made now.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// The next update to make.
    pub(super) fn pop(&mut self) -> Option<J> {
        self.ready.pop_front()
    }

    /// Puts an update back at the front: its object was read, and it is to be sent now.
    pub(super) fn again(&mut self, job: J) {
        self.ready.push_front(job);
    }

    /// An update of this object has ended.
    pub(super) fn ended(&mut self, id: &str) {
        let Some(behind) = self.behind.get_mut(id) else { return };
        match behind.pop_front() {
            // At the front, because it has waited longest.
            Some(job) => self.ready.push_front(job),
            None => drop(self.behind.remove(id)),
        }
    }

    /// An update of this object ended without a final outcome, and must be made before later ones. Returns those that
    /// are queued.
    pub(super) fn hold(&mut self, id: &str, index: u64) -> VecDeque<J> {
        self.held.insert(self.hasher.hash_one(id), index);
        self.behind.remove(id).unwrap_or_default()
    }

    /// Index of the update that holds back later ones of this object.
    pub(super) fn holder(&self, id: &str) -> Option<u64> {
        self.held.get(&self.hasher.hash_one(id)).copied()
    }

    /// Removes all updates that are not in flight, in the order of the input.
    pub(super) fn drain(&mut self) -> Vec<J> {
        let mut jobs: Vec<_> = self.ready.drain(..).collect();
        jobs.extend(self.behind.drain().flat_map(|(_, behind)| behind));
        jobs.sort_by_key(Job::index);
        jobs
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.behind.values().all(VecDeque::is_empty)
    }
}

/// Maximum distance from the first update without an outcome to the last one taken. An update that is retried for two
/// minutes, while the others proceed at 40 per second, is overtaken by 4,800.
pub(super) const SPAN: u64 = 8_192;

/// Outcomes that are to be handed out, as they arrive or in the order of the input.
pub(super) struct Window<T> {
    ordered: bool,
    /// Updates that were taken from the input, and whose outcomes were not handed out yet.
    inside: BTreeSet<u64>,
    waiting: BTreeMap<u64, T>,
}

impl<T> Window<T> {
    pub(super) fn new(ordered: bool) -> Self {
        Self {
            ordered,
            inside: BTreeSet::new(),
            waiting: BTreeMap::new(),
        }
    }

    pub(super) fn enter(&mut self, index: u64) {
        self.inside.insert(index);
    }

    pub(super) fn ended(&mut self, index: u64, outcome: T) {
        self.waiting.insert(index, outcome);
    }

    /// Whether an outcome can be handed out.
    pub(super) fn has_next(&self) -> bool {
        match self.waiting.first_key_value() {
            Some((index, _)) => !self.ordered || self.inside.first() == Some(index),
            None => false,
        }
    }

    pub(super) fn next(&mut self) -> Option<T> {
        if !self.has_next() {
            return None;
        }
        let (index, outcome) = self.waiting.pop_first()?;
        self.inside.remove(&index);
        Some(outcome)
    }

    /// Distance from the first update inside to the next one to take: how many updates must be held.
    pub(super) fn span(&self, next: u64) -> u64 {
        self.inside.first().map_or(0, |first| next - first)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inside.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Job for (u64, &'static str) {
        fn index(&self) -> u64 {
            self.0
        }

        fn object(&self) -> &str {
            self.1
        }
    }

    #[test]
    fn updates_of_the_same_object_follow_each_other() {
        let mut queue = Queue::new();
        for job in [(0, "a"), (1, "b"), (2, "a"), (3, "a"), (4, "c")] {
            queue.push(job);
        }
        assert_eq!([queue.pop(), queue.pop()], [Some((0, "a")), Some((1, "b"))]);
        assert_eq!(queue.ready(), 1, "only `c`");
        queue.ended("a");
        assert_eq!(queue.pop(), Some((2, "a")), "which has waited longest");
        queue.push((5, "a"));
        assert_eq!(queue.drain(), [(3, "a"), (4, "c"), (5, "a")]);
        assert!(queue.is_empty());
    }

    #[test]
    fn one_that_was_not_made_holds_back_those_behind_it() {
        let mut queue = Queue::new();
        for job in [(0, "a"), (1, "b"), (2, "a"), (3, "a")] {
            queue.push(job);
        }
        assert_eq!([queue.pop(), queue.pop()], [Some((0, "a")), Some((1, "b"))]);
        assert_eq!(queue.hold("a", 0), [(2, "a"), (3, "a")]);
        assert_eq!((queue.holder("a"), queue.holder("b")), (Some(0), None));
        assert!(queue.is_empty());
    }

    #[test]
    fn nothing_is_left_of_an_object_that_is_done() {
        let mut queue = Queue::new();
        for index in 0..1_000 {
            queue.push((index, "a"));
            queue.pop();
            queue.ended("a");
        }
        assert!(queue.behind.is_empty());
    }

    #[test]
    fn outcomes_leave_as_they_come_or_in_order() {
        for (ordered, expected) in [(false, vec![2, 1, 0, 3]), (true, vec![0, 1, 2, 3])] {
            let mut window = Window::new(ordered);
            (0..4).for_each(|index| window.enter(index));
            let mut out = Vec::new();
            for index in [2, 1, 0, 3] {
                window.ended(index, index);
                out.extend(std::iter::from_fn(|| window.next()));
            }
            assert_eq!(out, expected);
            assert!(window.is_empty());
        }
    }

    #[test]
    fn the_first_one_inside_holds_the_window() {
        let mut window = Window::new(false);
        (0..10).for_each(|index| window.enter(index));
        (1..10).for_each(|index| window.ended(index, ()));
        while window.next().is_some() {}
        assert_eq!(window.span(10), 10);
        window.ended(0, ());
        window.next();
        assert_eq!(window.span(10), 0);
    }
}
