//! One module for each resource of the API.

pub mod customers;
pub mod opportunities;
