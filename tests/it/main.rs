//! Tests of the workspace as a whole. One binary, a module for each subject.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests

mod answers;
mod document;
mod errors;
mod fake;
mod faults;
mod invalid_input;
mod opportunities;
mod recorded;
mod schemas;
mod secrets;
