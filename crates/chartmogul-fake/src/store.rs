use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

/// An object as the API would return it.
pub(crate) type Object = Map<String, Value>;

/// Objects of one kind, in the order of their creation.
///
/// They are stored as JSON text: that takes a fifth of the memory of the parsed form, and a page is assembled without
/// serializing its objects. Finding a page takes no longer than writing it, whatever the number of objects.
#[derive(Debug, Default)]
pub(crate) struct Store {
    objects: BTreeMap<u64, Box<str>>,
    /// Numbers by key in lower case: UUIDs are case-insensitive.
    numbers: HashMap<Box<str>, u64>,
    next: u64,
}

/// Consecutive objects.
#[derive(Debug, PartialEq)]
pub(crate) struct Page<'a> {
    pub(crate) objects: Vec<&'a str>,
    /// Number of the last of them.
    pub(crate) last: Option<u64>,
    pub(crate) has_more: bool,
}

impl Store {
    /// Adds an object, or replaces the one with this key at its position.
    pub(crate) fn put(&mut self, key: &str, object: Object) {
        let number = *self.numbers.entry(folded(key)).or_insert_with(|| {
            self.next += 1;
            self.next
        });
        self.objects.insert(number, Value::Object(object).to_string().into());
    }

    pub(crate) fn get(&self, key: &str) -> Option<Object> {
        let text = self.objects.get(self.numbers.get(&folded(key))?)?;
        Some(read(text))
    }

    /// Removes an object and returns it.
    pub(crate) fn take(&mut self, key: &str) -> Option<Object> {
        let number = self.numbers.remove(&folded(key))?;
        self.objects.remove(&number).map(|text| read(&text))
    }

    /// Removes an object; returns whether there was one.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        self.take(key).is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// All objects, newest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.objects.values().rev().map(AsRef::as_ref)
    }

    /// The objects that contain this value. Searches the text first, because parsing all objects would take long.
    pub(crate) fn with<'a>(&'a self, value: &Value) -> impl Iterator<Item = Object> + use<'a> {
        let written = value.to_string();
        self.all().filter(move |json| json.contains(&written)).map(read)
    }

    /// Changes the objects with this text in this field.
    pub(crate) fn rewrite(&mut self, field: &str, text: &str, change: impl Fn(&mut Object)) {
        for json in self.objects.values_mut().filter(|json| has(json, field, text)) {
            let mut object = read(json);
            change(&mut object);
            *json = Value::Object(object).to_string().into();
        }
    }

    /// Removes the objects with this text in this field.
    pub(crate) fn remove_with(&mut self, field: &str, text: &str) {
        self.objects.retain(|_, json| !has(json, field, text));
        self.numbers.retain(|_, number| self.objects.contains_key(number));
    }

    /// A new key; keys are the same in every run.
    pub(crate) fn new_key(&self, prefix: &str) -> String {
        let mut number = self.next + 1;
        loop {
            let key = format!("{prefix}00000000-0000-4000-8000-{number:012x}");
            if !self.numbers.contains_key(key.as_str()) {
                return key;
            }
            number += 1;
        }
    }

    /// At most `limit` of the objects that pass `wanted`, newest first, after the one with this number.
    pub(crate) fn page(&self, after: Option<u64>, limit: usize, wanted: impl Fn(&str) -> bool) -> Page<'_> {
        let before = after.unwrap_or(u64::MAX);
        let mut found = self.objects.range(..before).rev().filter(|(_, text)| wanted(text));
        let mut page = Page {
            objects: Vec::new(),
            last: None,
            has_more: false,
        };
        for (number, text) in found.by_ref().take(limit) {
            page.objects.push(text);
            page.last = Some(*number);
        }
        page.has_more = found.next().is_some();
        page
    }

    /// The same in another order, which is computed for each page; equal objects are in the order of their creation.
    pub(crate) fn sorted(
        &self,
        after: Option<&(u64, String)>,
        limit: usize,
        wanted: impl Fn(&str) -> bool,
        order: fn(&Object) -> String,
    ) -> Page<'_> {
        let all = self.objects.iter().filter(|(_, text)| wanted(text));
        let all = all.map(|(number, text)| (order(&read(text)), *number, text.as_ref()));
        let after = after.map(|(number, sorted_by)| (sorted_by.as_str(), *number));
        let mut found: Vec<_> = all
            .filter(|(sorted_by, number, _)| after.is_none_or(|after| (sorted_by.as_str(), *number) > after))
            .collect();
        found.sort_unstable();
        let has_more = found.len() > limit;
        found.truncate(limit);
        Page {
            last: found.last().map(|(_, number, _)| *number),
            objects: found.into_iter().map(|(.., text)| text).collect(),
            has_more,
        }
    }
}

fn has(json: &str, field: &str, text: &str) -> bool {
    read(json).get(field).and_then(Value::as_str) == Some(text)
}

/// An object from its text.
pub(crate) fn read(text: &str) -> Object {
    serde_json::from_str(text).unwrap_or_default() // the store wrote it, so it is an object
}

/// A case-sensitive key for a text.
pub(crate) fn exact_key(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn folded(key: &str) -> Box<str> {
    key.to_ascii_lowercase().into()
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
    fn the_newest_is_first_and_a_replaced_one_stays_where_it_is() {
        let mut store = store(&["c", "a", "b"]);
        store.put("A", Map::new());
        assert!(store.remove("c") && !store.remove("c"));
        store.put("c", Map::new());
        assert_eq!(store.page(None, 9, |_| true).objects, ["{}", r#"{"key":"b"}"#, "{}"]);
        assert_eq!(
            (store.len(), store.get("C"), store.get("x")),
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
        assert_eq!(page(&store, None, 1), (1, Some(3), true));
        store.remove("c"); // the object at a cursor may be removed
        store.put("d", Map::new()); // a new object does not appear in the middle of a list
        assert_eq!(page(&store, Some(3), 1), (1, Some(1), false));
        assert_eq!(page(&store, Some(1), 1), (0, None, false));
        assert_eq!(page(&store, Some(0), 1), (0, None, false));
    }

    #[test]
    fn a_new_key_is_new() {
        let mut store = store(&["pl_00000000-0000-4000-8000-000000000002"]);
        let key = store.new_key("pl_");
        assert_eq!(key, "pl_00000000-0000-4000-8000-000000000003");
        store.put(&key, Map::new());
        assert_ne!(store.new_key("pl_"), key);
    }
}
