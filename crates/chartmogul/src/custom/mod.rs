//! Custom attributes: a list to send, and changes to single ones.

mod list;
mod patch;

#[cfg(feature = "bulk")]
pub(crate) use self::patch::{Patched, is_response_to_write};
pub use self::{list::CustomAttributeList, patch::CustomAttributesPatch};
