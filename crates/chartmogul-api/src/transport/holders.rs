//! Calls that have a permit.

use std::sync::Arc;

use tokio::time::Instant;

use super::polling::Polling;

/// A call that has a permit.
pub(super) struct Holder {
    pub(super) ticket: u64,
    /// Distinguishes this permit from an earlier one of the same call.
    pub(super) grant: u64,
    /// `None` for a permit that was not acquired by a call of a client.
    pub(super) call: Option<Arc<Polling>>,
    /// The state in which the call was last seen woken but not polled, and since when.
    pub(super) seen: Option<(usize, Instant)>,
    pub(super) slot: Slot,
    /// Whether it has a second send slot, for a request that is sent after the response to the first.
    pub(super) reserves: bool,
}

impl Holder {
    /// Whether it has a request that is not sent yet.
    pub(super) fn is_to_send(&self) -> bool {
        self.reserves || self.slot == Slot::ToLeave
    }
}

/// The state of a call's latest send slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    None,
    /// Its request is not sent yet: the HTTP client looks for a connection, or opens one.
    ToLeave,
    /// Its request was sent at this time.
    Sent(Instant),
}

/// Sorted by ticket. There are at most as many as calls may be in flight, a few dozen, so a sorted list is faster than a
/// map.
#[derive(Default)]
pub(super) struct Holders(Vec<Holder>);

impl Holders {
    fn find(&self, ticket: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&ticket, |holder| holder.ticket)
    }

    pub(super) fn get_mut(&mut self, ticket: u64) -> Option<&mut Holder> {
        let at = self.find(ticket).ok()?;
        self.0.get_mut(at)
    }

    /// Adds a holder; its ticket must be unique.
    pub(super) fn insert(&mut self, holder: Holder) {
        let (Ok(at) | Err(at)) = self.find(holder.ticket);
        self.0.insert(at, holder);
    }

    pub(super) fn remove(&mut self, ticket: u64) -> Option<Holder> {
        self.find(ticket).ok().map(|at| self.0.remove(at))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Holder> {
        self.0.iter_mut()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
