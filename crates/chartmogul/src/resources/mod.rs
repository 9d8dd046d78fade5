//! Handwritten code of resources, for what the document does not say.

pub(crate) mod customers;
