use serde_json::Value;

use crate::{
    document::{Kind, document},
    exact, samples, schema,
    state::State,
};

/// Direct access to the objects of one kind in a fake, for tests.
///
/// Collections have the names of the API's paths: `opportunities`, `plan_groups`.
#[derive(Debug, Clone, Copy)]
pub struct Collection<'a> {
    state: &'a State,
    name: &'a str,
}

/// An object that can't be stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InsertError {
    /// The document has no such collection.
    #[error("there is no collection {name:?}; there are {}", .known.join(", "))]
    UnknownCollection {
        /// The requested name.
        name: String,
        /// The existing collections.
        known: Vec<&'static str>,
    },
    /// It has no key.
    #[error("the object has no key: the field {key:?} is not text")]
    NoKey {
        /// Name of the field that identifies an object.
        key: &'static str,
    },
    /// The API would not return this; [`Collection::insert_unchecked`] stores it.
    #[error("the object does not match the document: {}", .problems.join("; "))]
    Invalid {
        /// All problems.
        problems: Vec<String>,
    },
}

impl<'a> Collection<'a> {
    pub(crate) fn new(state: &'a State, name: &'a str) -> Self {
        Self { state, name }
    }

    /// Stores an object as the API would return it, or replaces the one with the same key at its position.
    pub fn insert(&self, object: Value) -> Result<(), InsertError> {
        let problems = schema::check(self.kind()?.schema, &object);
        if problems.is_empty() {
            return self.put(object);
        }
        let problems = problems
            .into_iter()
            .map(|problem| format!("{}: {}", problem.param, problem.message));
        Err(InsertError::Invalid {
            problems: problems.collect(),
        })
    }

    /// Stores several objects; the last one is the newest. Stops at the first that can't be stored.
    pub fn insert_all(&self, objects: impl IntoIterator<Item = Value>) -> Result<(), InsertError> {
        objects.into_iter().try_for_each(|object| self.insert(object))
    }

    /// Stores the document's example with this key, and returns it.
    pub fn insert_sample(&self, key: &str) -> Result<Value, InsertError> {
        self.kind()?;
        let sample = samples::object(self.name, key);
        self.insert(sample.clone())?;
        Ok(sample)
    }

    /// Stores any object that has a key, to test how a program handles it. Once a fake holds an object that does not match the
    /// document, it no longer validates its responses.
    pub fn insert_unchecked(&self, object: Value) -> Result<(), InsertError> {
        let odd = !schema::check(self.kind()?.schema, &object).is_empty();
        self.put(object)?;
        if odd {
            self.state.allow_any_response();
        }
        Ok(())
    }

    fn put(&self, object: Value) -> Result<(), InsertError> {
        let key = self.kind()?.key;
        match object {
            Value::Object(object) if object.get(key).is_some_and(Value::is_string) => {
                let value = object[key].as_str().unwrap_or_default().to_owned();
                self.state.store(self.name, |store| store.put(&value, object));
                Ok(())
            }
            _ => Err(InsertError::NoKey { key }),
        }
    }

    /// Returns an object. Integers of more than 64 bits are rounded.
    pub fn get(&self, key: &str) -> Option<Value> {
        self.state.store(self.name, |store| store.get(key)).map(exact::rounded)
    }

    /// Removes an object, and returns whether there was one.
    pub fn remove(&self, key: &str) -> bool {
        self.state.store(self.name, |store| store.remove(key))
    }

    /// The keys of all objects, newest first.
    pub fn keys(&self) -> Vec<String> {
        let Ok(kind) = self.kind() else {
            return Vec::new();
        };
        let key = |text: &str| Some(serde_json::from_str::<Value>(text).ok()?[kind.key].as_str()?.to_owned());
        self.state
            .store(self.name, |store| store.all().filter_map(key).collect())
    }

    /// The number of objects.
    pub fn len(&self) -> usize {
        self.state.store(self.name, |store| store.len())
    }

    /// Whether there are no objects.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn kind(&self) -> Result<&'static Kind, InsertError> {
        let kinds = &document().collections;
        kinds.get(self.name).ok_or_else(|| InsertError::UnknownCollection {
            name: self.name.to_owned(),
            known: kinds.keys().copied().collect(),
        })
    }
}
