//! Tests of the workspace as a whole. One binary, a module for each subject.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)] // tests

mod blocking;
mod bulk;
mod bulk_journal;
mod bulk_kill;
mod bulk_outages;
mod bulk_source;
mod connection;
mod contacts;
mod crm;
mod customers;
mod document;
mod errors;
mod fake;
mod faults;
mod invalid_input;
mod invoices;
mod limits;
mod lists;
mod merge;
mod mock;
mod notes;
mod observability;
mod opportunities;
mod recorded;
mod request;
mod responses;
mod runtimes;
mod schemas;
mod secrets;
mod streams;
mod tasks;
mod wire;
