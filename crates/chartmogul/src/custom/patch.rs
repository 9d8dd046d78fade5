//! Changing single custom attributes, although the API only replaces all of them.

use chartmogul_api::{
    CustomAttributeValue, Error, FromRead, exact_custom,
    request::CustomAttributesRequest,
    runtime::{self, Check},
    types::CustomAttribute,
};

#[cfg(feature = "blocking")]
use crate::blocking::Blocking;
use crate::{Async, call::Call};

/// An update that changes or removes single custom attributes and keeps the others; returned by `merge_custom` of an update.
///
/// The API replaces all custom attributes at once. So this reads the object, merges, and writes: two requests, or one if there
/// is nothing to change.
///
/// # What is guaranteed
///
/// - Attributes that are not named here are sent back exactly as they were read: with the order and case of their keys, their
///   types, and numbers of any size. They are not validated here. A value that can't be sent back (an object) is an error
///   before anything is written.
/// - **A change by another client that the server completed before it responded to the read is never overwritten.** The write
///   waits for nothing: it has passed the rate limit before the read. It is never repeated as it is, either: to retry
///   (429, 502, no response), the object is read again, and what is written follows from that.
/// - `Ok` means that the server has accepted the write, or that everything was in place already. That may have been done by
///   an earlier attempt which got no response.
/// - If the response to the write shows that an attribute which is not named here is not as it was sent, that is
///   [`Error::Conflict`]. The write has happened then.
///
/// # What is not guaranteed
///
/// - The API has no conditional write. A change of custom attributes by another client that the server completes after it has
///   responded to the read, and before the write arrives, is overwritten, and nothing shows it. That window is one round
///   trip, plus a new connection if the server closes the one that was used for the read. It is longer if the future of the
///   call is not polled meanwhile.
/// - A write that got no response may still be on its way. If it arrives late, it overwrites what was changed since it was sent.
/// - Another client that replaces all attributes after this has written does not see what was written here.
///
/// If losing such a change is not acceptable, let only one process write custom attributes.
///
/// # Together with `replace_all_custom`
///
/// An update that replaces or removes all attributes determines the others, too. Changes are then made to the attributes that
/// it would send, whatever the object has: `remove_all_custom().merge_custom().set("seats", 4)` leaves nothing but `seats`.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent until `send`"]
pub struct CustomAttributesPatch<R, M = Async> {
    pub(crate) call: Call<R, M>,
    /// By key: the new value, or `None` to remove the attribute.
    pub(crate) changes: Vec<(String, Option<CustomAttributeValue>)>,
    conflict_retries: u32,
}

impl<R, M> CustomAttributesPatch<R, M> {
    pub(crate) fn new(call: Call<R, M>) -> Self {
        Self {
            call,
            changes: Vec::new(),
            conflict_retries: 0,
        }
    }

    /// Sets an attribute; one that exists keeps its position.
    pub fn set(self, key: impl Into<String>, value: impl Into<CustomAttributeValue>) -> Self {
        self.change(key.into(), Some(value.into()))
    }

    /// Removes an attribute, if it exists.
    pub fn remove(self, key: impl Into<String>) -> Self {
        self.change(key.into(), None)
    }

    /// The last change of a key counts: an attribute that is removed and set again keeps its position, and if its value is the
    /// same, nothing is written.
    pub(crate) fn change(mut self, key: String, value: Option<CustomAttributeValue>) -> Self {
        match self.changes.iter_mut().find(|(changed, _)| *changed == key) {
            Some((_, change)) => *change = value,
            None => self.changes.push((key, value)),
        }
        self
    }

    /// How often to start again instead of returning [`Error::Conflict`]; 0 by default. If a repetition fails before it has
    /// written, the error is [`Error::Conflict`] all the same, with the reason as its source.
    pub fn retry_conflicts(mut self, times: u32) -> Self {
        self.conflict_retries = times;
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

    /// Whether a response shows all attributes that are not named as they were sent, and no others.
    fn kept(&self, sent: &[CustomAttribute], received: &[CustomAttribute]) -> bool {
        let others = |custom: &[CustomAttribute]| custom.iter().filter(|one| !self.names(&one.key)).count();
        let is_received = |one: &CustomAttribute| {
            self.names(&one.key)
                || received
                    .iter()
                    .any(|other| other.key == one.key && other.value.is_shown_as(&one.value))
        };
        others(sent) == others(received) && sent.iter().all(is_received)
    }
}

impl<R: CustomAttributesRequest> CustomAttributesPatch<R> {
    /// Reads, merges, and writes if there is something to change. Returns the object as it is after that, which is read once
    /// more if the response to the write does not have it.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the response to the write shows that the object changed concurrently; otherwise those of
    /// reading and updating.
    pub async fn send(self) -> Result<R::Response, Error> {
        Ok(self.apply(&|_| false).await?.0)
    }

    /// Checks the request with the attributes that are named here.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(call) = self.as_plain()? {
            return call.check();
        }
        let mut call = self.call.clone();
        let custom = call.request.custom();
        *custom = Some(self.merged(custom.take().unwrap_or_default()));
        call.check()
    }

    /// The equivalent update without a read, if this one determines all attributes or changes none.
    pub(crate) fn as_plain(&self) -> Result<Option<Call<R>>, Error> {
        let mut call = self.call.clone();
        if let Some(custom) = call.request.custom().take() {
            *call.request.custom() = Some(self.merged(custom));
            return Ok(Some(call));
        }
        let is_plain = self.changes.is_empty() && self.sets_fields()?;
        Ok(is_plain.then_some(call))
    }

    /// Whether the update sets something besides the attributes that are changed here.
    fn sets_fields(&self) -> Result<bool, Error> {
        let request = runtime::prepare(&self.call.request, &self.call.client.low_level, Check::No)?;
        Ok(request.body().is_some_and(|body| body != b"{}"))
    }

    /// Sends the update; returns the object as it is after that, and what was done. Nothing is written if the
    /// attributes are in place and everything else is `unchanged`.
    pub(crate) async fn apply(
        mut self,
        unchanged: &(dyn Fn(&R::Response) -> bool + Sync),
    ) -> Result<(R::Response, Patched), Error> {
        self.check()?;
        if let Some(call) = self.as_plain()? {
            let not_modified = match call.clone().send().await {
                Err(error @ Error::NotModified(_)) => error,
                written => return Ok((written?, Patched::Written)),
            };
            return match call.read().await {
                // More important than the failed read: an earlier attempt may have written.
                Err(_) if not_modified.may_have_happened() => Err(not_modified),
                read => Ok((read?, Patched::NotModified)),
            };
        }
        let sets_fields = self.sets_fields()?;
        // A write that ended in a conflict has happened, however the next one ends.
        let mut conflict = false;
        loop {
            let (mut read, mut sent) = (None, None);
            let mut merge = |object: &R::Response, response: &[u8]| {
                let before = attributes_to_keep(response)?;
                let after = self.merged(before.clone());
                read = Some(object.clone());
                sent = (!is_same(&before, &after)).then_some(after);
                let write = sent.is_some() || sets_fields && !unchanged(object);
                Ok(write.then(|| {
                    let mut request = self.call.request.clone();
                    request.custom().clone_from(&sent);
                    request
                }))
            };
            let low_level = &self.call.client.low_level;
            let FromRead { response, written } = match low_level.exec_from_read(&self.call.request, &mut merge).await {
                Ok(done) => done,
                Err(error @ Error::NotModified(_)) if is_response_to_write(&error) => {
                    let patched = if conflict {
                        Patched::Written
                    } else {
                        Patched::NotModified
                    };
                    return read.map(|object| (object, patched)).ok_or(error);
                }
                Err(error) if conflict && !error.may_have_happened() => {
                    return Err(Error::conflict(
                        self.call.request.operation().id,
                        true,
                        Some(error.into()),
                    ));
                }
                Err(error) => return Err(error),
            };
            let patched = if conflict || written {
                Patched::Written
            } else {
                Patched::InPlace
            };
            let received = exact_custom(response.body()).ok().flatten();
            let object = response.into_value();
            return match (sent, received) {
                // It was accepted, and the response does not have the object (204, 202, `{}`).
                (_, None) => Ok((self.call.read().await.unwrap_or(object), patched)),
                (Some(sent), Some(received)) if !self.kept(&sent, &received) => {
                    if self.conflict_retries > 0 {
                        self.conflict_retries -= 1;
                        conflict = true;
                        continue;
                    }
                    Err(Error::conflict(self.call.request.operation().id, true, None))
                }
                _ => Ok((object, patched)),
            };
        }
    }
}

#[cfg(feature = "blocking")]
impl<R: CustomAttributesRequest> CustomAttributesPatch<R, Blocking> {
    /// Reads, merges, and writes if there is something to change. Returns the object as it is after that, which is read once
    /// more if the response to the write does not have it.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the response to the write shows that the object changed concurrently; otherwise those of
    /// reading and updating.
    pub fn send(self) -> Result<R::Response, Error> {
        let (call, mode) = self.call.into_async();
        let patch = CustomAttributesPatch {
            call,
            changes: self.changes,
            conflict_retries: self.conflict_retries,
        };
        mode.wait(patch.send())
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patched {
    /// It was written, or may have been by an attempt that got no response.
    Written,
    /// The object that was read has all changes already.
    InPlace,
    /// It was sent, and the server found nothing to change.
    NotModified,
}

/// Whether the last request of a call that failed was a write, not the read before it.
pub(crate) fn is_response_to_write(error: &Error) -> bool {
    error.attempts().last().is_some_and(|last| !last.is_read())
}

/// The attributes that were read, as they are sent back.
fn attributes_to_keep(response: &[u8]) -> Result<Vec<CustomAttribute>, Error> {
    // Without them, the object may still have some, and a write would remove them.
    exact_custom(response)?.ok_or_else(|| {
        let what = "the response does not have the custom attributes that must be kept";
        Error::internal(what, None)
    })
}

fn is_same(before: &[CustomAttribute], after: &[CustomAttribute]) -> bool {
    let pairs = || before.iter().zip(after);
    before.len() == after.len() && pairs().all(|(one, other)| one.key == other.key && one.value.is_same(&other.value))
}
