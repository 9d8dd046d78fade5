//! Changing single custom attributes, although the API only replaces all of them.

use std::future::Future;

pub(crate) use chartmogul_api::FromRead;
use chartmogul_api::{CustomAttributeValue, Error, exact_custom, types::CustomAttribute};

use crate::Async;

/// An update that sends custom attributes as a whole, and can read what there is.
pub trait Mergeable: Clone + Send + Sync {
    /// What is updated.
    type Object: Clone + Send + Sync;

    /// The operation, for errors.
    const OPERATION: &'static str;

    /// Refuses values that can't be right, those of these attributes included.
    fn check_with(&self, custom: Vec<CustomAttribute>) -> Result<(), Error>;

    /// Whether something else is updated too.
    fn changes_more(&self) -> bool;

    /// The attributes that replace all, if the update has some.
    fn replacement(&mut self) -> &mut Option<Vec<CustomAttribute>>;

    /// The object as it is now.
    fn read_now(&self) -> impl Future<Output = Result<Self::Object, Error>> + Send;

    /// Sends the update as it is.
    fn write(self) -> impl Future<Output = Result<Self::Object, Error>> + Send;

    /// Sends the update, with the attributes that `merge` makes of what is read just before.
    fn write_from_read(
        &self,
        merge: &mut Merging<'_, Self::Object>,
    ) -> impl Future<Output = Result<FromRead<Self::Object>, Error>> + Send;
}

/// Makes of an object and its JSON what is written: nothing, or an update with or without attributes.
pub(crate) type Merging<'a, T> =
    dyn FnMut(&T, &[u8]) -> Result<Option<Option<Vec<CustomAttribute>>>, Error> + Send + 'a;

/// An update that changes or removes single custom attributes and keeps the others; made by `merge_custom` of an update.
///
/// The API replaces all custom attributes at once. So this reads the object, merges, and writes: two requests, or one if there
/// is nothing to change.
///
/// # What is guaranteed
///
/// - Attributes that are not named here are sent back exactly as they were read: with the order and case of their keys, their
///   types, and numbers of any size. No check of this library refuses them. A value that can't be sent back (a list, an object)
///   is an error before anything is written.
/// - **A change by somebody else that the server finished before it answered the read is never overwritten.** The write waits for
///   nothing: its turn under the rate limit is taken before the read. And it is never repeated as it is: when it is to be
///   tried again (429, 502, no answer), the object is read again, and what is written follows from that.
/// - `Ok` means that the server has accepted the write, or that everything was in place already. That may have been done by
///   an earlier attempt which got no answer.
/// - If the answer to the write shows that an attribute which is not named here is not as it was sent, that is
///   [`Error::Conflict`]. The write has happened then.
///
/// # What is not
///
/// - The API has no conditional write. A change of custom attributes by somebody else that the server finishes after it has
///   answered the read, and before the write arrives, is overwritten, and nothing shows it. That is the time of one round
///   trip, and of making a connection if the server closes the one that the read has used. It is more if nobody polls the
///   future of the call meanwhile.
/// - A write that got no answer may still be on its way. If it arrives late, it overwrites what was changed since it was sent.
/// - Somebody else who replaces all attributes after this has written does not see what was written here.
///
/// If losing such a change is not acceptable, let one process alone write custom attributes.
///
/// # Together with `replace_all_custom`
///
/// An update that replaces or removes all attributes has said what becomes of the others. Changes are made to the attributes that
/// it would send, whatever the object has: `remove_all_custom().merge_custom().set("seats", 4)` leaves nothing but `seats`.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct CustomAttributesPatch<U, M = Async> {
    pub(crate) update: U,
    #[cfg_attr(not(feature = "blocking"), allow(dead_code))] // awaiting needs nothing
    pub(crate) mode: M,
    pub(crate) changes: Vec<(String, Option<CustomAttributeValue>)>,
    pub(crate) repeats: u32,
}

impl<U, M> CustomAttributesPatch<U, M> {
    pub(crate) fn new(update: U, mode: M) -> Self {
        Self {
            update,
            mode,
            changes: Vec::new(),
            repeats: 0,
        }
    }

    /// Sets an attribute; one that exists keeps its place.
    pub fn set(self, key: impl Into<String>, value: impl Into<CustomAttributeValue>) -> Self {
        self.change(key.into(), Some(value.into()))
    }

    /// Removes an attribute; that it does not exist is fine.
    pub fn remove(self, key: impl Into<String>) -> Self {
        self.change(key.into(), None)
    }

    /// The last change of a key counts: removing and setting it again is no reason to move it, nor to write.
    fn change(mut self, key: String, value: Option<CustomAttributeValue>) -> Self {
        match self.changes.iter_mut().find(|(changed, _)| *changed == key) {
            Some((_, change)) => *change = value,
            None => self.changes.push((key, value)),
        }
        self
    }

    /// Starts again, at most so often, where [`send`](Self::send) would end with [`Error::Conflict`]; never by default. If that
    /// fails before it has written, it ends with that error all the same, which has the reason.
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

    fn names(&self, key: &str) -> bool {
        self.changes.iter().any(|(changed, _)| changed == key)
    }

    /// Whether an answer shows all attributes that are not named as they were sent, and no others.
    fn kept(&self, sent: &[CustomAttribute], answered: &[CustomAttribute]) -> bool {
        let others = |custom: &[CustomAttribute]| custom.iter().filter(|one| !self.names(&one.key)).count();
        let is_answered = |one: &CustomAttribute| {
            self.names(&one.key)
                || answered
                    .iter()
                    .any(|other| other.key == one.key && other.value.is_shown_as(&one.value))
        };
        others(sent) == others(answered) && sent.iter().all(is_answered)
    }
}

impl<U: Mergeable, M: Send + Sync> CustomAttributesPatch<U, M> {
    /// Refuses values that can't be right.
    pub(crate) fn check_named(&self) -> Result<(), Error> {
        let mut update = self.update.clone();
        let named = self.merged(update.replacement().take().unwrap_or_default());
        self.update.check_with(named)
    }

    /// The same as an update that needs no read: one that says itself what becomes of all attributes, or changes none.
    pub(crate) fn as_plain(&self) -> Option<U> {
        let mut update = self.update.clone();
        if let Some(custom) = update.replacement().take() {
            *update.replacement() = Some(self.merged(custom));
            return Some(update);
        }
        (self.changes.is_empty() && update.changes_more()).then_some(update)
    }

    /// The object as it is after that, and what became of it. It is not written, if attributes are in place, and all else is
    /// `unchanged`.
    pub(crate) async fn call(
        mut self,
        unchanged: &(dyn Fn(&U::Object) -> bool + Sync),
    ) -> Result<(U::Object, Merged), Error> {
        self.check_named()?;
        if let Some(update) = self.as_plain() {
            let unmodified = match update.clone().write().await {
                Err(error @ Error::NotModified(_)) => error,
                written => return Ok((written?, Merged::Written)),
            };
            return match update.read_now().await {
                // What an earlier attempt may have done must not be forgotten.
                Err(_) if unmodified.may_have_happened() => Err(unmodified),
                read => Ok((read?, Merged::Unmodified)),
            };
        }
        // A write that was in conflict has happened, whatever comes of the next one.
        let mut conflict = false;
        loop {
            let (mut read, mut sent) = (None, None);
            let mut merge = |object: &U::Object, answer: &[u8]| {
                let before = kept_custom(answer)?;
                let after = self.merged(before.clone());
                read = Some(object.clone());
                sent = (!same(&before, &after)).then_some(after);
                let write = sent.is_some() || self.update.changes_more() && !unchanged(object);
                Ok(write.then(|| sent.clone()))
            };
            let FromRead { response, written } = match self.update.write_from_read(&mut merge).await {
                Ok(done) => done,
                Err(error @ Error::NotModified(_)) if answers_write(&error) => {
                    let merged = if conflict { Merged::Written } else { Merged::Unmodified };
                    return read.map(|object| (object, merged)).ok_or(error);
                }
                Err(error) if conflict && !error.may_have_happened() => {
                    return Err(Error::conflict(U::OPERATION, true, Some(error.into())));
                }
                Err(error) => return Err(error),
            };
            let merged = if conflict || written {
                Merged::Written
            } else {
                Merged::InPlace
            };
            let answered = exact_custom(response.body()).ok().flatten();
            let object = response.into_value();
            return match (sent, answered) {
                // It was accepted, and the answer does not have the object (204, 202, `{}`).
                (_, None) => Ok((self.update.read_now().await.unwrap_or(object), merged)),
                (Some(sent), Some(answered)) if !self.kept(&sent, &answered) => {
                    if self.repeats > 0 {
                        self.repeats -= 1;
                        conflict = true;
                        continue;
                    }
                    Err(Error::conflict(U::OPERATION, true, None))
                }
                _ => Ok((object, merged)),
            };
        }
    }
}

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merged {
    /// It was written, or may have been by an attempt that got no answer.
    Written,
    /// What was read has it already.
    InPlace,
    /// It was sent, and the server saw nothing to change.
    Unmodified,
}

/// Whether the last request of a call that failed was a write, not the read before it.
pub(crate) fn answers_write(error: &Error) -> bool {
    error.attempts().last().is_some_and(|last| !last.is_read())
}

/// The attributes that were read, as they are sent back.
fn kept_custom(answer: &[u8]) -> Result<Vec<CustomAttribute>, Error> {
    // If they are not there, there may be some all the same, and writing would remove them.
    exact_custom(answer)?.ok_or_else(|| {
        let what = "the server's answer does not have the custom attributes that must be kept";
        Error::internal(what, None)
    })
}

fn same(before: &[CustomAttribute], after: &[CustomAttribute]) -> bool {
    let pairs = || before.iter().zip(after);
    before.len() == after.len() && pairs().all(|(one, other)| one.key == other.key && one.value.is_same(&other.value))
}

impl<U: Mergeable> CustomAttributesPatch<U> {
    /// Reads, merges, and writes if there is something to change. The answer is the object as it is after that; it is read once
    /// more if the answer to the write does not have it.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the answer to the write shows that somebody else changed the object meanwhile; otherwise those of
    /// reading and updating.
    pub async fn send(self) -> Result<U::Object, Error> {
        Ok(self.call(&|_| false).await?.0)
    }
}

#[cfg(feature = "blocking")]
impl<U: Mergeable<Object: 'static> + 'static> CustomAttributesPatch<U, crate::blocking::Blocking> {
    /// Reads, merges, and writes if there is something to change. The answer is the object as it is after that; it is read once
    /// more if the answer to the write does not have it.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the answer to the write shows that somebody else changed the object meanwhile; otherwise those of
    /// reading and updating.
    pub fn send(self) -> Result<U::Object, Error> {
        let mode = self.mode.clone();
        mode.wait(async move { Ok(self.call(&|_| false).await?.0) })
    }
}
