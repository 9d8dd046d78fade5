pub(crate) mod opportunities;
