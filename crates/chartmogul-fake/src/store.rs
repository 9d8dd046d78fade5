use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

/// An object as the API would answer it.
pub(crate) type Object = Map<String, Value>;

/// Objects of one kind, in the order in which they came.
///
/// They are kept as text: that takes a fifth of the memory of the parsed form, and a page is put together without writing
/// its objects anew. A page is found in the time that it takes to write it, whatever the number of objects.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<u64, Box<str>>,
    places: HashMap<Box<str>, u64>,
    next: u64,
}

/// Some objects in a row.
#[derive(Debug, PartialEq)]
pub(crate) struct Page<'a> {
    pub(crate) objects: Vec<&'a str>,
    /// Where the last of them is.
    pub(crate) last: Option<u64>,
    pub(crate) has_more: bool,
}

impl Store {
    /// Adds an object, or replaces the one with this key where it stands.
    pub(crate) fn put(&mut self, key: &str, object: Object) {
        let text = Value::Object(object).to_string().into();
        match self.places.get(key) {
            Some(place) => {
                self.objects.insert(*place, text);
            }
            None => {
                self.places.insert(key.into(), self.next);
                self.objects.insert(self.next, text);
                self.next += 1;
            }
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Object> {
        let text = self.objects.get(self.places.get(key)?)?;
        serde_json::from_str(text).ok() // it was written here, so it is an object
    }

    /// Whether there was one.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        let place = self.places.remove(key);
        place.is_some_and(|place| self.objects.remove(&place).is_some())
    }

    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// A UUID that no object has yet; the same in every run.
    pub(crate) fn new_uuid(&self) -> String {
        let mut number = self.next + 1;
        loop {
            let uuid = format!("00000000-0000-4000-8000-{number:012x}");
            if !self.places.contains_key(uuid.as_str()) {
                return uuid;
            }
            number += 1;
        }
    }

    /// At most `limit` of the objects that are wanted, from the one after a place.
    pub(crate) fn page(&self, after: Option<u64>, limit: usize, wanted: impl Fn(&str) -> bool) -> Page<'_> {
        let first = after.map_or(0, |place| place.saturating_add(1));
        let mut found = self.objects.range(first..).filter(|(_, text)| wanted(text));
        let mut page = Page {
            objects: Vec::new(),
            last: None,
            has_more: false,
        };
        for (place, text) in found.by_ref().take(limit) {
            page.objects.push(text);
            page.last = Some(*place);
        }
        page.has_more = found.next().is_some();
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(keys: &[&str]) -> Store {
        let mut store = Store::default();
        for key in keys {
            store.put(key, Map::from_iter([("key".to_owned(), Value::from(*key))]));
        }
        store
    }

    #[test]
    fn order_is_that_of_coming() {
        let mut store = store(&["c", "a", "b"]);
        store.put("a", Map::new());
        assert!(store.remove("c") && !store.remove("c"));
        store.put("c", Map::new());
        assert_eq!(store.page(None, 9, |_| true).objects, ["{}", r#"{"key":"b"}"#, "{}"]);
        assert_eq!(
            (store.len(), store.get("c"), store.get("x")),
            (3, Some(Map::new()), None)
        );
    }

    #[test]
    fn pages_follow_each_other_and_know_the_end() {
        let mut store = store(&["a", "b", "c"]);
        let page = |store: &Store, after, limit| {
            let page = store.page(after, limit, |text| !text.contains('b'));
            (page.objects.len(), page.last, page.has_more)
        };
        assert_eq!(page(&store, None, 1), (1, Some(0), true));
        store.remove("a"); // the place of a cursor need not exist any more
        assert_eq!(page(&store, Some(0), 1), (1, Some(2), false));
        assert_eq!(page(&store, Some(2), 1), (0, None, false));
        assert_eq!(page(&store, Some(u64::MAX), 1), (0, None, false));
    }

    #[test]
    fn a_new_uuid_is_new() {
        let mut store = store(&["00000000-0000-4000-8000-000000000002"]);
        let uuid = store.new_uuid();
        assert_eq!(uuid, "00000000-0000-4000-8000-000000000003");
        store.put(&uuid, Map::new());
        assert_ne!(store.new_uuid(), uuid);
    }
}
