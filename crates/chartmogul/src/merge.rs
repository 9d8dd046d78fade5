//! Changing single custom attributes, although the API only replaces all of them.

use std::future::Future;

use chartmogul_api::{CustomAttributes, CustomValue, Error, Field, types::CustomAttribute};

use crate::Async;

/// An update that sends custom attributes as a whole, and can read what there is.
pub trait Mergeable: Clone + Send + Sync {
    /// What is updated.
    type Object: PartialEq + Send + Sync;

    /// Refuses values that can't be right.
    fn check(&self, custom: Vec<CustomAttribute>) -> Result<(), Error>;

    /// The object as it is now.
    fn read(&self) -> impl Future<Output = Result<Self::Object, Error>> + Send;

    /// Its custom attributes.
    fn custom(object: &Self::Object) -> &Field<CustomAttributes>;

    /// Whether everything but the custom attributes, and the time of the change, is the same.
    fn same_besides(one: &Self::Object, other: &Self::Object) -> bool;

    /// Whether something else is updated too.
    fn changes_more(&self) -> bool;

    /// Sends the update, with all custom attributes if they change.
    fn write(self, custom: Option<Vec<CustomAttribute>>) -> impl Future<Output = Result<Self::Object, Error>> + Send;

    /// The operation, for errors.
    const OPERATION: &'static str;
}

/// An update that changes or removes single custom attributes and keeps the others; made by `merge_custom` of an update.
///
/// The API replaces all custom attributes at once. So this reads the object, merges, makes sure by a second read that
/// nobody changed the object meanwhile, and writes: three requests, or one if there is nothing to change.
///
/// # What is guaranteed
///
/// - Attributes that are not named here are sent back exactly as they were read: type, case and order of keys, integers of 64
///   bits. A value that can't be sent back (a list, an object, a number beyond 64 bits) is an error before anything is
///   written.
/// - A change by somebody else that the server finished between the first and the second read is never overwritten: that is
///   [`Error::Conflict`], and nothing was written. [`retry_conflicts`](Self::retry_conflicts) starts again then.
/// - If nothing but custom attributes is updated, and the answer shows that another member changed between the second read
///   and the write, that is [`Error::Conflict`] too, after the write.
///
/// # What is not
///
/// - The API has no conditional write. A change of custom attributes by somebody else that the server finishes in the time of
///   one round trip, between the second read and the write, is overwritten, and nothing shows it.
/// - Somebody else who replaces all attributes after this has written does not see what was written here.
///
/// If losing such a change is not acceptable, let one process alone write custom attributes.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct Merge<U, M = Async> {
    update: U,
    #[cfg_attr(not(feature = "blocking"), allow(dead_code))] // awaiting needs nothing
    mode: M,
    changes: Vec<(String, Option<CustomValue>)>,
    repeats: u32,
}

impl<U, M> Merge<U, M> {
    pub(crate) fn new(update: U, mode: M) -> Self {
        Self {
            update,
            mode,
            changes: Vec::new(),
            repeats: 0,
        }
    }

    /// Sets an attribute; one that exists keeps its place.
    pub fn set(self, key: impl Into<String>, value: impl Into<CustomValue>) -> Self {
        self.change(key.into(), Some(value.into()))
    }

    /// Removes an attribute; that it does not exist is fine.
    pub fn remove(self, key: impl Into<String>) -> Self {
        self.change(key.into(), None)
    }

    /// The last change of a key counts: removing and setting it again is no reason to move it, nor to write.
    fn change(mut self, key: String, value: Option<CustomValue>) -> Self {
        match self.changes.iter_mut().find(|(changed, _)| *changed == key) {
            Some((_, change)) => *change = value,
            None => self.changes.push((key, value)),
        }
        self
    }

    /// Starts again, at most so often, when somebody else changed the object before this has written; never by default.
    pub fn retry_conflicts(mut self, times: u32) -> Self {
        self.repeats = times;
        self
    }

    fn merged(&self, mut custom: Vec<CustomAttribute>) -> Vec<CustomAttribute> {
        for (key, value) in &self.changes {
            let at = custom.iter().position(|attribute| attribute.key == *key);
            match (at, value) {
                (Some(at), Some(value)) => custom[at].value = value.clone(),
                (Some(at), None) => drop(custom.remove(at)),
                (None, Some(value)) => custom.push((key.clone(), value.clone()).into()),
                (None, None) => {}
            }
        }
        custom
    }
}

impl<U: Mergeable, M> Merge<U, M> {
    async fn call(mut self) -> Result<U::Object, Error> {
        let set = self
            .changes
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.clone()?).into()));
        self.update.check(set.collect())?;
        loop {
            let read = self.update.read().await?;
            let before = attributes(U::custom(&read))?;
            let after = self.merged(before.clone());
            if after == before && !self.update.changes_more() {
                return Ok(read);
            }
            let custom = (after != before).then_some(after);
            if custom.is_some() && self.update.read().await? != read {
                if self.repeats == 0 {
                    return Err(Error::conflict(U::OPERATION, false));
                }
                self.repeats -= 1;
                continue;
            }
            let alone = !self.update.changes_more();
            let written = match self.update.write(custom).await {
                Err(Error::NotModified(_)) => return Ok(read),
                other => other?,
            };
            return if alone && !U::same_besides(&read, &written) {
                Err(Error::conflict(U::OPERATION, true))
            } else {
                Ok(written)
            };
        }
    }
}

/// What was read, as it is sent.
fn attributes(custom: &Field<CustomAttributes>) -> Result<Vec<CustomAttribute>, Error> {
    match custom {
        Field::Value(custom) => Ok(custom.to_list()?),
        Field::Null => Ok(Vec::new()),
        // There may be attributes, and writing would remove them.
        Field::Absent | Field::Unexpected(_) => Err(Error::configuration(
            "the server's answer does not have the custom attributes that must be kept",
            None,
        )),
    }
}

impl<U: Mergeable> Merge<U> {
    /// Reads, merges, and writes if there is something to change. The answer is the object as it is after that.
    ///
    /// # Errors
    /// [`Error::Conflict`] if somebody else changed the object meanwhile; otherwise those of reading and updating.
    pub async fn send(self) -> Result<U::Object, Error> {
        self.call().await
    }
}

#[cfg(feature = "blocking")]
impl<U: Mergeable<Object: 'static> + 'static> Merge<U, crate::blocking::Blocking> {
    /// Reads, merges, and writes if there is something to change. The answer is the object as it is after that.
    ///
    /// # Errors
    /// [`Error::Conflict`] if somebody else changed the object meanwhile; otherwise those of reading and updating.
    pub fn send(self) -> Result<U::Object, Error> {
        self.mode.clone().wait(self.call())
    }
}
