//! Calls that have a permit.

use std::sync::Arc;

use tokio::time::Instant;

use super::polling::Polling;

/// A call that has a permit.
pub(super) struct Holder {
    pub(super) ticket: u64,
    /// Tells this permit from an earlier one of the same call.
    pub(super) grant: u64,
    /// Missing for a permit that no call of a client asked for.
    pub(super) call: Option<Arc<Polling>>,
    /// A state in which the call was seen waiting to be polled, and since when.
    pub(super) seen: Option<(usize, Instant)>,
    pub(super) slot: Slot,
    /// It has another send slot, for a request that leaves when the one before has its response.
    pub(super) reserves: bool,
}

impl Holder {
    /// Whether a request of it is still to leave.
    pub(super) fn is_to_send(&self) -> bool {
        self.reserves || self.slot == Slot::ToLeave
    }
}

/// What became of the latest send slot of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    None,
    /// Its request has not left: the HTTP client looks for a connection, or makes one.
    ToLeave,
    /// Its request left then.
    Sent(Instant),
}

/// By ticket. They are as many as calls may be in flight, a few dozen, so a list in order is faster than a map.
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

    /// Adds one, whose ticket no other has.
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
