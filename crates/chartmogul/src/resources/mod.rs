//! What the document does not say, by resource.

pub(crate) mod customers;
