#![doc = include_str!("../README.md")]

mod client;
mod convert;
mod custom;
mod outcome;
pub mod resources;

// Exceptions for generated code live on this one item and nowhere else.
#[rustfmt::skip] // formatted by prettyplease, which does not depend on the installed rustfmt
#[allow(clippy::all, clippy::pedantic)]
mod generated;

pub use chartmogul_api;
pub use chartmogul_api::{
    Answer, BoxError, CustomAttributes, CustomValue, DEFAULT_CONNECT_TIMEOUT, DEFAULT_TIMEOUT, Error, Field,
    InvalidInput, List, Operation, Problem, StatusCode, TimeoutKind, operations, types::*,
};
pub use client::{Client, ClientBuilder};
pub use convert::IntoDate;
pub use custom::Custom;
pub use outcome::Outcome;
